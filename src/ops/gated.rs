//! Activations that multiply x by a gate between 0 and 1: `silu`, `gelu`, `gelu_tanh`.
//!
//! All have the derivative gate + x·gate'. A gate that has closed gives 0, whatever x is: -∞, too.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{Op, OpDef};
use crate::ir::{Lowering, Term, Val};
use crate::ops::bump::{Bump, Hill};
use crate::ops::elementwise::elementwise;
use crate::ops::internal::internal;
use crate::shape::TensorType;

/// 1/√(2π).
const FRAC_1_SQRT_TAU: f64 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2 / 2.0;

/// σ(x·(LINEAR + CUBIC·x²)) is (1 + tanh(√(2/π)·(x + 0.044715·x³)))/2, without its loss of digits where that is
/// nearly 0.
const LINEAR: f64 = 2.0 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
const CUBIC: f64 = LINEAR * 0.044_715;

/// What x is multiplied by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gate {
    /// σ(x).
    Silu,
    /// The share of the standard normal distribution that is below x.
    Gelu,
    /// Nearly the same, by way of tanh.
    GeluTanh,
}

impl Gate {
    pub(super) fn of<'t, 'p>(self, x: Term<'t, 'p>) -> Term<'t, 'p> {
        match self {
            Gate::Silu => x.sigmoid(),
            Gate::Gelu => x.normal(),
            Gate::GeluTanh => (x * (x.square() * CUBIC + LINEAR)).sigmoid(),
        }
    }

    /// The gate that attributes call so.
    pub(super) fn named(name: &str) -> Result<Self, Fault> {
        let known = [Gate::Silu, Gate::Gelu, Gate::GeluTanh].into_iter();
        let found = known.into_iter().find(|gate| format!("{gate:?}") == name);
        found.ok_or_else(|| Fault::Attribute {
            name: "gate",
            expected: "a gate",
            found: Some(name.to_owned()),
        })
    }

    /// The derivative of the gate, which is 0 at both ends, times a power of x.
    pub(super) fn rise(self, x: AnyTensor<'_>, power: u32) -> AnyTensor<'_> {
        let number = |value: f64| x.scalar_like(value);
        let logistic = |power: u32| x.unary(Bump { hill: Hill::Logistic(self), power });
        match self {
            Gate::Silu => logistic(power),
            Gate::Gelu => x.bell(0.5, power) * number(FRAC_1_SQRT_TAU),
            Gate::GeluTanh => logistic(power) * number(LINEAR) + logistic(power + 2) * number(3.0 * CUBIC),
        }
    }
}

impl Op for Gate {
    fn name(&self) -> &'static str {
        match self {
            Gate::Silu => "silu_gate",
            Gate::Gelu => "gelu_gate",
            Gate::GeluTanh => "gelu_tanh_gate",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        to.formula([inputs[0]], |[x]| self.of(x))
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        at.scale(0, || self.rise(x, 0));
    }
}

/// x times its gate.
fn gated<'t, 'p>(gate: Gate, x: Term<'t, 'p>) -> Term<'t, 'p> {
    gate.of(x).scaled(x)
}

/// The derivative of that.
fn slope(gate: Gate, x: AnyTensor<'_>) -> AnyTensor<'_> {
    x.unary(gate) + gate.rise(x, 1)
}

elementwise! {
    Float "NaN stays NaN; at -∞ the value is 0." {
        silu "x/(1 + e⁻ˣ)" aka ["swish"] |x| gated(Gate::Silu, x), ["σ(x) + x·σ(x)·σ(-x)" times |x, _| slope(Gate::Silu, x)],
            (0.5 => |x| x / (1.0 + (-x).exp()));
        gelu "x·(1 + erf(x/√2))/2" |x| gated(Gate::Gelu, x),
            ["(1 + erf(x/√2))/2 + x·e^(-x²/2)/√(2π)" times |x, _| slope(Gate::Gelu, x)], ([0.0] => [0.0]);
        gelu_tanh "x·(1 + tanh u)/2 with u = √(2/π)·(x + 0.044715·x³)" |x| gated(Gate::GeluTanh, x),
            ["(1 + tanh u)/2 + x·(1 - tanh²u)/2·u'" times |x, _| slope(Gate::GeluTanh, x)], ([0.0] => [0.0]);
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "silu_gate" (x: Float) [] |given| Gate::Silu;
    "gelu_gate" (x: Float) [] |given| Gate::Gelu;
    "gelu_tanh_gate" (x: Float) [] |given| Gate::GeluTanh;
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};

    fn tanh_form(x: f64) -> f64 {
        x * 0.5 * (1.0 + (std::f64::consts::FRAC_2_PI.sqrt() * (x + 0.044_715 * x * x * x)).tanh())
    }
    let mut examples: Vec<Example> = rows();
    for dims in [&[3, 4][..], &[0, 2], &[]] {
        examples.extend([
            example!("silu", &[dims], |_, x| x[0].silu(), |x| x[0].mapv(|x| x / (1.0 + (-x).exp()))),
            example!("gelu", &[dims], |_, x| x[0].gelu(), |x| x[0].mapv(|x| x * normal_share(x))),
            example!("gelu_tanh", &[dims], |_, x| x[0].gelu_tanh(), |x| x[0].mapv(tanh_form)),
        ]);
    }
    let wide = || vec![ndarray::arr1(&[-6.0, -4.5, -3.0, 3.0, 4.5, 6.0]).into_dyn()];
    examples.extend([
        example!("wide silu", &[&[6]], |_, x| x[0].silu(), |x| x[0].mapv(|x| x / (1.0 + (-x).exp())))
            .on(wide()),
        example!("wide gelu", &[&[6]], |_, x| x[0].gelu(), |x| x[0].mapv(|x| x * normal_share(x))).on(wide()),
        example!("wide gelu_tanh", &[&[6]], |_, x| x[0].gelu_tanh(), |x| x[0].mapv(tanh_form)).on(wide()),
    ]);
    examples
}

/// The share of the standard normal distribution that is below x: 1/2 + density·(x + x³/3 + x⁵/(3·5) + ..), a
/// series without cancellation.
#[cfg(test)]
fn normal_share(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..120 {
        term *= x * x / f64::from(2 * n + 1);
        sum += term;
    }
    0.5 + FRAC_1_SQRT_TAU * (-x * x / 2.0).exp() * sum
}
