//! Roots of secular equations, where c and all zⱼ² are positive: of c + Σ zⱼ²/(dⱼ - λ) = 0, which are the eigenvalues of
//! diag(d) + z·zᵀ/c, and of c + Σ zⱼ²/(dⱼ² - σ²) = 0, which are singular values.
//!
//! There is one root between each pole dⱼ and the next, and one behind the last. A root is told as its distance from the
//! pole that is nearest, so that its distances from all poles have all their digits, however close it is to one. Steps go
//! to the roots of rational functions with the two poles around, which have the sums' values and slopes (R. Li, Solving
//! secular equations stably and efficiently, 1993); what is known of where a root must be keeps them from going astray.

use std::fmt;
use std::marker::PhantomData;

use super::dense::Real;

/// What stands below the squares: differences of numbers, or of their squares.
pub(super) trait Differences: Copy + fmt::Debug + Send + Sync {
    /// That of a pole and the number at a distance from another.
    fn between<T: Real>(pole: T, origin: T, distance: T) -> T;

    /// The distance of a number that is farther than another at a distance, by so much of what this is about.
    fn farther<T: Real>(origin: T, distance: T, by: T) -> T;
}

/// dⱼ - λ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain;

impl Differences for Plain {
    #[inline(always)]
    fn between<T: Real>(pole: T, origin: T, distance: T) -> T {
        (pole - origin) - distance
    }

    #[inline(always)]
    fn farther<T: Real>(_: T, distance: T, by: T) -> T {
        distance + by
    }
}

/// dⱼ² - σ², of numbers that are not negative, by factors that keep their digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Squared;

impl Differences for Squared {
    #[inline(always)]
    fn between<T: Real>(pole: T, origin: T, distance: T) -> T {
        ((pole - origin) - distance) * (pole + origin + distance)
    }

    #[inline(always)]
    fn farther<T: Real>(origin: T, distance: T, by: T) -> T {
        let from = origin + distance;
        distance + by / (from + (from * from + by).root())
    }
}

/// A root, at a distance from the pole of this number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root<T> {
    pub(super) pole: usize,
    pub(super) distance: T,
}

/// Ascending poles, the squares in their numerators, and the constant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Secular<'a, T, D> {
    pub(super) poles: &'a [T],
    pub(super) squares: &'a [T],
    pub(super) constant: T,
    pub(super) differences: PhantomData<D>,
}

/// Steps to a root, after which the sums are as near 0 as rounding lets them be; three or four is what it takes.
const MOST_STEPS: usize = 60;

/// What rounding may leave of a sum that is 0, by the sum of magnitudes.
fn rounding<T: Real>(magnitudes: T) -> T {
    T::EPSILON * T::from_f64(4.0) * magnitudes
}

impl<T: Real, D: Differences> Secular<'_, T, D> {
    /// The root behind a pole.
    pub(super) fn root(&self, behind: usize) -> Root<T> {
        if behind + 1 < self.poles.len() { self.between(behind) } else { self.last(behind) }
    }

    /// The root between a pole and the next.
    fn between(&self, left: usize) -> Root<T> {
        let (right, count) = (left + 1, self.poles.len());
        let [twice, four] = [2.0, 4.0].map(T::from_f64);
        let [low, high] = [left, right].map(|pole| self.poles[pole]);
        let gap = D::between(high, low, T::ZERO);
        let half = gap / twice;
        let [at_left, at_right] = [left, right].map(|pole| self.squares[pole]);
        let middle = D::farther(low, T::ZERO, half);
        let others =
            self.terms(0..left, left, middle).value + self.terms(right + 1..count, left, middle).value;
        let rest = self.constant + others;
        let is_left = rest + (at_right - at_left) / half >= T::ZERO;
        // The root if the others did not change: of rest·x² - a·x + b, where x is how far it is from the pole.
        let (pole, a, b) = if is_left {
            (left, rest * gap + (at_left + at_right), at_left * gap)
        } else {
            (right, rest * gap - (at_left + at_right), -(at_right * gap))
        };
        let root = (a * a - four * b * rest).magnitude().root();
        let far = match (is_left, a > T::ZERO) {
            (true, true) => twice * b / (a + root),
            (true, false) => (a - root) / (twice * rest),
            (false, true) => (a + root) / (twice * rest),
            (false, false) => twice * b / (a - root),
        };
        let origin = self.poles[pole];
        let (first, mut bracket) = if is_left {
            (D::farther(origin, T::ZERO, far), [T::ZERO, middle])
        } else {
            (D::farther(origin, T::ZERO, -far), [D::farther(origin, T::ZERO, -half), T::ZERO])
        };
        let mut distance = inside(first, bracket);
        for _ in 0..MOST_STEPS {
            let below = self.terms(0..right, pole, distance);
            let above = self.terms(right..count, pole, distance);
            let value = self.constant + below.value + above.value;
            if value.magnitude() <= rounding(self.constant - below.value + above.value) {
                break;
            }
            bracket[usize::from(value > T::ZERO)] = distance;
            let apart = [low, high].map(|pole| D::between(pole, origin, distance));
            let step = step(value, [below.slope, above.slope], apart);
            let next = inside(D::farther(origin, distance, step), bracket);
            let is_found = (next - distance).magnitude() <= T::EPSILON * distance.magnitude();
            distance = next;
            if is_found {
                break;
            }
        }
        Root { pole, distance }
    }

    /// The root behind the last pole.
    fn last(&self, pole: usize) -> Root<T> {
        let origin = self.poles[pole];
        let total = self.squares.iter().fold(T::ZERO, |sum, &x| sum + x);
        let from_pole = |by: T| D::farther(origin, T::ZERO, by);
        let farthest = total / self.constant;
        let middle = from_pole(farthest * T::from_f64(0.5));
        let rest = self.constant + self.terms(0..pole, pole, middle).value;
        // The root of a single pole is the farthest that there can be.
        let mut bracket = [T::ZERO, from_pole(farthest) * T::from_f64(1.0 + 1e-6)];
        let mut distance = inside(from_pole(self.squares[pole] / rest), bracket);
        for _ in 0..MOST_STEPS {
            let Terms { value: sum, slope } = self.terms(0..pole + 1, pole, distance);
            let value = self.constant + sum;
            if value.magnitude() <= rounding(self.constant - sum) {
                break;
            }
            bracket[usize::from(value > T::ZERO)] = distance;
            // The root of a function with one pole that has this value and slope.
            let apart = -D::between(origin, origin, distance);
            let next = inside(from_pole(slope * apart * apart / (value + slope * apart)), bracket);
            let is_found = (next - distance).magnitude() <= T::EPSILON * distance.magnitude();
            distance = next;
            if is_found {
                break;
            }
        }
        Root { pole, distance }
    }

    /// The sum of the terms of some poles, and its slope, at a distance from a pole. Each fourth term goes to one sum, in the
    /// order of the poles.
    #[inline(always)]
    fn terms(&self, of: std::ops::Range<usize>, pole: usize, distance: T) -> Terms<T> {
        const LANES: usize = 4;
        let (poles, squares, origin) = (&self.poles[of.clone()], &self.squares[of], self.poles[pole]);
        let [mut values, mut slopes] = [[T::ZERO; LANES]; 2];
        let (whole, rest) = poles.as_chunks::<LANES>();
        let (whole_squares, rest_squares) = squares.as_chunks::<LANES>();
        for (poles, squares) in whole.iter().zip(whole_squares) {
            for lane in 0..LANES {
                let inverse = T::ONE / D::between(poles[lane], origin, distance);
                let term = squares[lane] * inverse;
                values[lane] += term;
                slopes[lane] += term * inverse;
            }
        }
        for (lane, (&pole, &square)) in rest.iter().zip(rest_squares).enumerate() {
            let inverse = T::ONE / D::between(pole, origin, distance);
            let term = square * inverse;
            values[lane] += term;
            slopes[lane] += term * inverse;
        }
        let sum = |[a, b, c, d]: [T; LANES]| (a + c) + (b + d);
        Terms { value: sum(values), slope: sum(slopes) }
    }
}

struct Terms<T> {
    value: T,
    slope: T,
}

/// How far it is to the root of a function with two poles, at these distances, that has the value, and of whose two parts
/// the slopes are known.
#[inline(always)]
fn step<T: Real>(value: T, [below, above]: [T; 2], [left, right]: [T; 2]) -> T {
    let slope = below + above;
    let c = value - left * below - right * above;
    let a = (left + right) * value - left * right * slope;
    let b = left * right * value;
    let [twice, four] = [2.0, 4.0].map(T::from_f64);
    let root = (a * a - four * b * c).magnitude().root();
    let step = if c == T::ZERO {
        b / a
    } else if a <= T::ZERO {
        (a - root) / (twice * c)
    } else {
        twice * b / (a + root)
    };
    // It has to go down where the value is positive; NaN goes nowhere.
    if value * step < T::ZERO { step } else { -value / slope }
}

/// The number, or one that halves what is left where it would be outside.
#[inline(always)]
fn inside<T: Real>(x: T, [low, high]: [T; 2]) -> T {
    if x > low && x < high {
        return x;
    }
    // Next to a pole digits count, and not distances.
    if low > T::ZERO {
        return low.root() * high.root();
    }
    if high < T::ZERO {
        return -((-low).root() * (-high).root());
    }
    (low + high) * T::from_f64(1.0 / 32.0)
}
