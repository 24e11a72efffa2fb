//! Distance and angle of points of the plane: `hypot`, `atan2`.
//!
//! Their slopes are powers of the distance h and of the direction (x/h, y/h). Written out, the slopes of these would be
//! 0·∞ at the origin and ∞/∞ at the ends; so a product of such powers is an op, [`Polar`], whose derivatives are sums of
//! products of the same kind. It is 0 at the origin, where it has no limit, and 0 at the ends wherever h is in its
//! denominator.

use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{Attributes, Op, OpDef};
use crate::ir::{Lowering, Term, Val};
use crate::ops::elementwise::elementwise;
use crate::ops::internal::{internal, power as limited};
use crate::shape::TensorType;

/// (x/h)ᵃ·(y/h)ᵇ/hⁿ of two inputs x and y, where h = √(x² + y²), and a or b is at least 1; 0 where both are 0.
#[derive(Clone, Copy, Debug)]
struct Polar {
    inverse: u32,
    x: u32,
    y: u32,
}

/// A power that is at least 1.
fn power<'t, 'p>(base: Term<'t, 'p>, exponent: u32) -> Term<'t, 'p> {
    (1..exponent).fold(base, |power, _| power * base)
}

impl Op for Polar {
    fn name(&self) -> &'static str {
        "polar"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        inputs[0].together(inputs[1])
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        to.formula([inputs[0], inputs[1]], |[x, y]| {
            // Over the larger one no square leaves the range; beside what is infinite all else is 0.
            let size = x.abs().maximum(y.abs());
            let is_far = size.equal(f64::INFINITY);
            let [a, b] = [x, y].map(|it| {
                let far = it.abs().equal(f64::INFINITY).select(it.sign(), 0.0);
                is_far.select(far, it / size)
            });
            let length = (a.square() + b.square()).sqrt();
            let direction = match (self.x, self.y) {
                (0, y) => power(b / length, y),
                (x, 0) => power(a / length, x),
                (x, y) => power(a / length, x) * power(b / length, y),
            };
            let direction = size.equal(0.0).select(size.number(0.0), direction);
            if self.inverse == 0 {
                return direction;
            }
            direction.scaled(power(1.0 / x.hypot(y), self.inverse))
        })
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (inverse, (x, y)) = (self.inverse + 1, (at.input(0), at.input(1)));
        // The sum of two such products: of a factor, and the powers of x/h and y/h.
        let sum = |terms: [(u32, f64, u32, u32); 2]| {
            let terms = terms.into_iter().filter(|term| term.0 > 0);
            let products = terms.map(|(factor, sign, power_x, power_y)| {
                polar(x, y, [inverse, power_x, power_y]) * (sign * f64::from(factor))
            });
            products.reduce(|sum, product| sum + product).unwrap_or_else(|| x.scalar_like(0.0))
        };
        // By x, h⁻¹ has the slope -(x/h)·h⁻², x/h has (y/h)²·h⁻¹, and y/h has -(x/h)·(y/h)·h⁻¹.
        let (n, a, b) = (self.inverse, self.x, self.y);
        at.scale(0, || sum([(n + b, -1.0, a + 1, b), (a, 1.0, a.wrapping_sub(1), b + 2)]));
        at.scale(1, || sum([(n + a, -1.0, a, b + 1), (b, 1.0, a + 2, b.wrapping_sub(1))]));
    }

    fn attributes(&self) -> Attributes {
        let powers = [self.x, self.y, self.inverse].map(|power| power as usize);
        Attributes::new().with("powers", powers.to_vec())
    }
}

/// (x/h)ᵃ·(y/h)ᵇ/hⁿ for the exponents [n, a, b].
fn polar<'g>(x: AnyTensor<'g>, y: AnyTensor<'g>, [inverse, a, b]: [u32; 3]) -> AnyTensor<'g> {
    x.binary(Polar { inverse, x: a, y: b }, y)
}

elementwise! {
    Float "Where both are 0, and there is no slope, it is taken to be 0, of any order. The error of the values is at most 2 \
        units in the last place." {
        hypot "√(self² + other²), of which no square leaves the range; ∞ where one is infinite" |x, y| x.hypot(y),
            ["`self`/y" times |x, y, _| polar(x, y, [0, 1, 0]), "`other`/y" times |x, y, _| polar(x, y, [0, 0, 1])],
            (3.0, 4.0 => |x, y| x.hypot(y));
        atan2 "The angle, between -π and π, of the point whose first coordinate is `other` and whose second is `self`, with the \
            special cases of IEEE 754" aka ["arctan2"] |y, x| y.atan2(x), ["`other`/(self² + other²)" times |y, x, _| polar(x, y, [1, 1, 0]),
            "-`self`/(self² + other²)" times |y, x, _| -polar(x, y, [1, 0, 1])], (0.5, -2.0 => |y, x| y.atan2(x));
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "polar" (x: Float, y: Same) [powers: Vec<usize>] |given| match powers[..] {
        [x, y, inverse] if x > 0 || y > 0 => {
            Polar { inverse: limited(inverse)?, x: limited(x)?, y: limited(y)? }
        }
        _ => {
            let found = Some(format!("{powers:?}"));
            return Err(Fault::Attribute { name: "powers", expected: "three, of which one is not 0", found });
        }
    };
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use crate::graph::Tensor;
    let mut examples: Vec<Example> = rows();
    macro_rules! products {
        ($($n:literal $a:literal $b:literal;)*) => {$(
            examples.push(example!(
                "polar",
                &[&[2, 3], &[3]],
                |_, x| Tensor::typed(polar(x[0].any(), x[1].any(), [$n, $a, $b])),
                |x| super::compare::zipped(x, |x, y| {
                    let h = x.hypot(y);
                    (x / h).powi($a) * (y / h).powi($b) / h.powi($n)
                }),
            ));
        )*};
    }
    products! { 0 1 0; 0 0 1; 1 1 0; 1 0 1; 2 3 0; 3 1 2; }
    examples
}
