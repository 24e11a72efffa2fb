//! [`Real`]: numbers, and numbers with a slope beside them, of which a computation gives its own derivative.

use std::ops::{Add, Mul, Sub};

/// A number that the loss is computed with.
pub(super) trait Real: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    /// Along how many directions it has slopes.
    const ORDER: usize;

    /// A number that does not change along any direction.
    fn constant(value: f64) -> Self;
    /// A number that changes by so much along each direction.
    fn along(value: f64, directions: &[f64]) -> Self;
    /// The number without its slopes.
    fn value(self) -> f64;
    /// The derivative along all directions at once.
    fn derivative(self) -> f64;
    fn exp(self) -> Self;
    fn ln(self) -> Self;
    fn reciprocal(self) -> Self;
}

impl Real for f64 {
    const ORDER: usize = 0;

    fn constant(value: f64) -> Self {
        value
    }

    fn along(value: f64, _: &[f64]) -> Self {
        value
    }

    fn value(self) -> f64 {
        self
    }

    fn derivative(self) -> f64 {
        self
    }

    fn exp(self) -> Self {
        f64::exp(self)
    }

    fn ln(self) -> Self {
        f64::ln(self)
    }

    fn reciprocal(self) -> Self {
        self.recip()
    }
}

/// A number with its slope along one more direction, both of which have slopes along the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dual<R> {
    number: R,
    slope: R,
}

impl<R: Real> Add for Dual<R> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Dual { number: self.number + other.number, slope: self.slope + other.slope }
    }
}

impl<R: Real> Sub for Dual<R> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Dual { number: self.number - other.number, slope: self.slope - other.slope }
    }
}

impl<R: Real> Mul for Dual<R> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Dual {
            number: self.number * other.number,
            slope: self.number * other.slope + self.slope * other.number,
        }
    }
}

impl<R: Real> Real for Dual<R> {
    const ORDER: usize = R::ORDER + 1;

    fn constant(value: f64) -> Self {
        Dual { number: R::constant(value), slope: R::constant(0.0) }
    }

    fn along(value: f64, directions: &[f64]) -> Self {
        let (last, others) = directions.split_last().unwrap_or((&0.0, &[]));
        Dual { number: R::along(value, others), slope: R::constant(*last) }
    }

    fn value(self) -> f64 {
        self.number.value()
    }

    fn derivative(self) -> f64 {
        self.slope.derivative()
    }

    fn exp(self) -> Self {
        let number = self.number.exp();
        Dual { number, slope: number * self.slope }
    }

    fn ln(self) -> Self {
        Dual { number: self.number.ln(), slope: self.number.reciprocal() * self.slope }
    }

    fn reciprocal(self) -> Self {
        let number = self.number.reciprocal();
        Dual { number, slope: R::constant(-1.0) * number * number * self.slope }
    }
}
