//! Logarithms of what is given by its logarithm, a term of the entropy, and the normal distribution: `log1mexp`, `logaddexp`,
//! `entr`, `ndtr`. Each keeps the digits that its formula would lose.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LN_2};

use crate::graph::AnyTensor;
use crate::ir::Term;
use crate::ops::elementwise::elementwise;

/// 1/√(2π).
const FRAC_1_SQRT_TAU: f64 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2 / 2.0;

/// ln(1 - e⁻ˣ), by what is not nearly 1 (Mächler, 2012, "Accurately computing log(1 - exp(-|a|))").
fn log1mexp<'t, 'p>(x: Term<'t, 'p>) -> Term<'t, 'p> {
    let (far, near) = ((-(-x).exp()).log1p(), (-(-x).expm1()).ln());
    x.number(LN_2).less(x).select(far, near)
}

/// max(x, y) + ln(1 + e^-|x - y|), where infinities that are equal lie 0 apart.
fn logaddexp<'t, 'p>(x: Term<'t, 'p>, y: Term<'t, 'p>) -> Term<'t, 'p> {
    let apart = x.equal(y).select(x.number(0.0), x - y);
    x.maximum(y) + (-apart.abs()).exp().log1p()
}

/// x - y, and 0 where both are the same infinity.
fn apart<'g>(x: AnyTensor<'g>, y: AnyTensor<'g>) -> AnyTensor<'g> {
    let is_same = x.equal(y).logical_and(x.abs().equal(f64::INFINITY));
    is_same.select(x.scalar_like(0.0), x - y)
}

/// -x·ln x, 0 at 0, and -∞ below.
fn entr<'t, 'p>(x: Term<'t, 'p>) -> Term<'t, 'p> {
    let below = x.less(0.0).select(x.number(f64::NEG_INFINITY), x);
    x.number(0.0).less(x).select(-(x * x.ln()), below)
}

elementwise! {
    Float "However small or large the parts, no digit is lost. NaN stays NaN." {
        log1mexp "ln(1 - e⁻ˣ) for an x from 0 on" |x| log1mexp(x), ["1/(eˣ - 1)" over |x, _| x.expm1()],
            (0.5 => |x| (1.0 - (-x).exp()).ln(), within 0.2, 3.0);
        logaddexp "ln(e^self + e^other)" aka ["log_add_exp"] |x, y| logaddexp(x, y),
            ["1/(1 + e^(other - self))" times |x, y, _| apart(x, y).sigmoid(), "1/(1 + e^(self - other))" times |x, y, _|
            apart(y, x).sigmoid()], (0.5, -1.0 => |x, y| (x.exp() + y.exp()).ln());
        entr "-x·ln x, 0 where x is 0, and -∞ where it is negative" |x| entr(x), ["-1 - ln x" times |x, _| -1.0 - x.ln()],
            (0.5 => |x| -x * x.ln(), within 0.2, 3.0);
        ndtr "Φ(x), the share of the standard normal distribution that is below x" |x| x.normal(),
            ["e^(-x²/2)/√(2π)" times |x, _| x.bell(0.5, 0) * FRAC_1_SQRT_TAU], ([0.0] => [0.5]);
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    let mut examples = rows();
    examples.extend([
        example!("ndtr", &[&[2, 3]], |_, x| x[0].ndtr() + (-x[0]).ndtr() + x[0], |x| &x[0] + 1.0),
        example!("ndtr by erfc", &[&[2, 3]], |_, x| x[0].ndtr(), |x| x[0].mapv(|x| {
            let half = |x: f64| {
                (0..400).map(|k| (-0.5 * (x * (f64::from(k) + 0.5) / 400.0).powi(2)).exp()).sum::<f64>()
            };
            0.5 + x / 400.0 * half(x) / std::f64::consts::TAU.sqrt()
        }))
        .within(0.0, 1e-4),
    ]);
    examples
}
