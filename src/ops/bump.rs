//! Slopes that vanish at both ends, as one op each: `bell` and `logistic_bell`, times a power of x, and `cauchy`.
//!
//! Written out, their derivatives would multiply what vanishes by what grows beyond all numbers: 0·∞. Here each
//! derivative is made of ops of the same kind, all of which are 0 at the ends, so it is a number to every order.

use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{Attributes, Op, OpDef};
use crate::ir::{Lowering, Val};
use crate::ops::gated::Gate;
use crate::ops::internal::{internal, power as limited};
use crate::shape::TensorType;

/// None: these are made by gradients.
pub(super) const METHODS: &[&[OpDef]] = &[];

/// What falls off faster than any power rises.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hill {
    /// e^(-rate·x²).
    Bell { rate: f64 },
    /// A gate times what it lacks of 1, which is the gate of -x.
    Logistic(Gate),
}

/// A hill times a power of x.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bump {
    pub(super) hill: Hill,
    pub(super) power: u32,
}

impl Op for Bump {
    fn name(&self) -> &'static str {
        match self.hill {
            Hill::Bell { .. } => "bell",
            Hill::Logistic(_) => "logistic_bell",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        to.formula([inputs[0]], |[x]| {
            let hill = match self.hill {
                // A change of sign is faster than a product.
                Hill::Bell { rate: 1.0 } => (-x.square()).exp(),
                Hill::Bell { rate } => (x.square() * -rate).exp(),
                Hill::Logistic(gate) => {
                    let minus = -x;
                    gate.of(x) * gate.of(minus)
                }
            };
            // Where the hill is not 0, the power is far from the end of the range.
            if self.power == 0 {
                return hill;
            }
            let square = x.square();
            let start = if self.power.is_multiple_of(2) { square } else { x };
            let power = (0..(self.power - 1) / 2).fold(start, |power, _| power * square);
            hill.scaled(power)
        })
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        let number = |value: f64| x.scalar_like(value);
        let times = |power: u32| x.unary(Bump { power, ..*self });
        at.scale(0, || {
            let of_hill = match self.hill {
                Hill::Bell { rate } => times(self.power + 1) * number(-2.0 * rate),
                Hill::Logistic(gate) => {
                    gate.rise(x, self.power) * (number(1.0) - x.unary(gate) * number(2.0))
                }
            };
            match self.power {
                0 => of_hill,
                power => times(power - 1) * number(power.into()) + of_hill,
            }
        });
    }

    fn attributes(&self) -> Attributes {
        let hill = match self.hill {
            Hill::Bell { rate } => Attributes::new().with("rate", rate),
            Hill::Logistic(gate) => Attributes::new().with("gate", format!("{gate:?}")),
        };
        hill.with("power", self.power as usize)
    }
}

/// 1/(1 + x²), or x times that.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cauchy {
    Plain,
    TimesX,
}

impl Op for Cauchy {
    fn name(&self) -> &'static str {
        "cauchy"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        to.formula([inputs[0]], |[x]| {
            let plain = 1.0 / (x.square() + 1.0);
            match self {
                Cauchy::Plain => plain,
                Cauchy::TimesX => plain.scaled(x),
            }
        })
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        let (plain, times_x) = (|| x.unary(Cauchy::Plain), || x.unary(Cauchy::TimesX));
        let two = || x.scalar_like(2.0);
        at.scale(0, || match self {
            Cauchy::Plain => -(times_x() * plain() * two()),
            Cauchy::TimesX => plain() - times_x().square() * two(),
        });
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("times_x", matches!(self, Cauchy::TimesX))
    }
}

impl AnyTensor<'_> {
    /// xᵏ·e^(-rate·x²).
    pub(super) fn bell(self, rate: f64, power: u32) -> Self {
        self.unary(Bump { hill: Hill::Bell { rate }, power })
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "bell" (x: Float) [rate: f64, power: usize] |given| Bump { hill: Hill::Bell { rate }, power: limited(power)? };
    "logistic_bell" (x: Float) [gate: String, power: usize] |given|
        Bump { hill: Hill::Logistic(Gate::named(&gate)?), power: limited(power)? };
    "cauchy" (x: Float) [times_x: bool] |given| if times_x { Cauchy::TimesX } else { Cauchy::Plain };
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use crate::graph::Tensor;

    fn logistic(u: f64) -> f64 {
        1.0 / ((1.0 + u.exp()) * (1.0 + (-u).exp()))
    }
    fn curve(x: f64) -> f64 {
        (8.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x)
    }
    let mut examples: Vec<Example> = vec![
        example!("cauchy", &[&[2, 3]], |_, x| Tensor::typed(x[0].any().unary(Cauchy::Plain)), |x| x[0]
            .mapv(|x| 1.0 / (1.0 + x * x))),
        example!("cauchy times x", &[&[2, 3]], |_, x| Tensor::typed(x[0].any().unary(Cauchy::TimesX)), |x| {
            x[0].mapv(|x| x / (1.0 + x * x))
        }),
    ];
    macro_rules! powers {
        ($($power:literal),*) => {$(
            examples.extend([
                example!("steep bell", &[&[2, 3]], |_, x| Tensor::typed(x[0].any().bell(1.0, $power)), |x| x[0]
                    .mapv(|x| x.powi($power) * (-x * x).exp())),
                example!("bell", &[&[2, 3]], |_, x| Tensor::typed(x[0].any().bell(0.5, $power)), |x| x[0]
                    .mapv(|x| x.powi($power) * (-0.5 * x * x).exp())),
                example!(
                    "logistic bell",
                    &[&[2, 3]],
                    |_, x| Tensor::typed(
                        x[0].any().unary(Bump { hill: Hill::Logistic(Gate::Silu), power: $power })
                    ),
                    |x| x[0].mapv(|x| x.powi($power) * logistic(x)),
                ),
                example!(
                    "logistic bell of a curve",
                    &[&[2, 3]],
                    |_, x| Tensor::typed(
                        x[0].any().unary(Bump { hill: Hill::Logistic(Gate::GeluTanh), power: $power })
                    ),
                    |x| x[0].mapv(|x| x.powi($power) * logistic(curve(x))),
                ),
            ]);
        )*};
    }
    powers!(0, 1, 2, 3, 6);
    examples
}
