//! Activations of which each is one node of a few instructions: `relu` and its like, `softplus`, `softsign`,
//! `log_sigmoid`, and the hard forms of `sigmoid` and `silu`.

use crate::graph::AnyTensor;
use crate::ir::Term;
use crate::ops::elementwise::{elementwise, unless};

/// The scale and, with it, what `selu` tends to at -∞: activations of mean 0 and variance 1 keep these
/// (Klambauer et al., 2017, "Self-Normalizing Neural Networks").
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
const SELU_FLOOR: f64 = SELU_SCALE * 1.673_263_242_354_377_2;

/// The one value where x is positive, else the other: also where x is NaN, or a zero, whose sign it keeps.
fn if_positive<'t, 'p>(x: Term<'t, 'p>, then: Term<'t, 'p>, otherwise: Term<'t, 'p>) -> Term<'t, 'p> {
    x.number(0.0).less(x).select(then, otherwise)
}

/// max(x, 0) + ln(1 + e^-|x|): no exponential overflows, and no digit is lost.
fn softplus<'t, 'p>(x: Term<'t, 'p>) -> Term<'t, 'p> {
    x.maximum(0.0) + (-x.abs()).exp().log1p()
}

/// min(max(x + 3, 0), 6)/6.
fn hard_sigmoid<'t, 'p>(x: Term<'t, 'p>) -> Term<'t, 'p> {
    (x + 3.0).maximum(0.0).minimum(6.0) / 6.0
}

/// What the exponential is below 0, and 1 above, where it could overflow.
fn decay(x: AnyTensor<'_>) -> AnyTensor<'_> {
    x.minimum(0.0).exp()
}

/// Whether each element is 0 or negative.
fn is_at_most_0(x: AnyTensor<'_>) -> AnyTensor<'_> {
    x.less_equal(0.0)
}

elementwise! {
    Float "NaN stays NaN, and the cotangent passes." {
        // At the kinks the derivative is taken to be 0, or that from below. Outputs that are not positive are those of such inputs.
        relu "max(x, 0)" |x| x.maximum(0.0), ["0 where x ≤ 0, else 1" gives |dy, _, y| unless(is_at_most_0(y), dy)],
            ([-2.0, 3.0] => [0.0, 3.0]);
        relu6 "min(max(x, 0), 6)" |x| x.maximum(0.0).minimum(6.0), ["0 where x ≤ 0 or x ≥ 6, else 1" gives |dy, _, y|
            unless(is_at_most_0(y).logical_or(y.greater_equal(6.0)), dy)], ([-2.0, 7.0] => [0.0, 6.0]);
        leaky_relu(alpha = 0.25) "x where x > 0, else `alpha`·x" |x| if_positive(x, x, x * alpha),
            ["`alpha` where x ≤ 0, else 1" times |x, _| is_at_most_0(x).select(x.scalar_like(alpha), x.scalar_like(1.0))],
            ([-2.0, 3.0] => [-0.5, 3.0]);
        elu "x where x > 0, else eˣ - 1" |x| if_positive(x, x, x.expm1()),
            ["1 where x > 0, else eˣ" times |x, _| decay(x)], (-0.5 => |x| if x > 0.0 { x } else { x.exp_m1() });
        selu "1.0507·x where x > 0, else 1.7581·(eˣ - 1), with the constants to full precision"
            |x| if_positive(x, x * SELU_SCALE, x.expm1() * SELU_FLOOR), ["1.0507 where x > 0, else 1.7581·eˣ" times |x, _|
            x.greater(0.0).select(x.scalar_like(SELU_SCALE), decay(x) * SELU_FLOOR)],
            ([1.0] => [1.050_700_987_355_480_5]);
        softplus "ln(1 + eˣ), which neither overflows nor loses digits" |x| softplus(x),
            ["1/(1 + e⁻ˣ)" times |x, _| x.sigmoid()], (0.5 => |x| (1.0 + x.exp()).ln());
        celu(alpha = 2.0) "x where x > 0, else `alpha`·(e^(x/`alpha`) - 1), for an `alpha` above 0"
            |x| if_positive(x, x, (x / alpha).expm1() * alpha),
            ["1 where x > 0, else e^(x/`alpha`)" times |x, _| (x.minimum(0.0) / alpha).exp()],
            (-0.5 => |x| if x > 0.0 { x } else { 2.0 * (x / 2.0).exp_m1() });
        log_sigmoid "-ln(1 + e⁻ˣ), the logarithm of [`sigmoid`](crate::Tensor::sigmoid), which does not leave the range before x \
            does" aka ["logsigmoid"] |x| x.minimum(0.0) - (-x.abs()).exp().log1p(), ["1/(1 + eˣ)" times |x, _| (-x).sigmoid()],
            (0.5 => |x| -(1.0 + (-x).exp()).ln());
        // Where x is beyond the bounds in the slope, what it is multiplied by has long been 0.
        mish "x·tanh(ln(1 + eˣ)), which is 0 at -∞" |x| softplus(x).tanh().scaled(x),
            ["t + x·σ(x)·(1 - t²) with t = tanh(ln(1 + eˣ))" times |x, _| { let t = x.softplus().tanh();
            t + x.sigmoid() * (1.0 - t.square()) * x.maximum(-1e3).minimum(1e3) }], (0.5 => |x| x * (1.0 + x.exp()).ln().tanh());
        // The quotient is 1 long before the bound, to which ∞ is brought.
        softsign "x/(1 + |x|), which is -1 at -∞ and 1 at ∞" |x| x.maximum(-1e30).minimum(1e30) / (x.abs() + 1.0).minimum(1e30),
            ["1/(1 + |x|)²" times |x, _| (x.abs() + 1.0).reciprocal().square()], (0.5 => |x| x / (1.0 + x.abs()));
        hard_sigmoid "min(max(x + 3, 0), 6)/6" |x| hard_sigmoid(x), ["0 where x ≤ -3 or x ≥ 3, else 1/6" times |_, y|
            y.less_equal(0.0).logical_or(y.greater_equal(1.0)).select(y.scalar_like(0.0), y.scalar_like(1.0 / 6.0))],
            (0.5 => |x| ((x + 3.0) / 6.0).clamp(0.0, 1.0), within -4.0, 3.7);
        hard_swish "x·min(max(x + 3, 0), 6)/6, which is 0 at -∞" aka ["hardswish"] |x| hard_sigmoid(x).scaled(x),
            ["0 where x ≤ -3, 1 where x ≥ 3, else (2·x + 3)/6" times |x, _| x.less_equal(-3.0).select(x.scalar_like(0.0),
            x.greater_equal(3.0).select(x.scalar_like(1.0), (x * 2.0 + 3.0) / 6.0))],
            (0.5 => |x| x * ((x + 3.0) / 6.0).clamp(0.0, 1.0), within -4.0, 3.7);
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    let mut examples = rows();
    examples.extend([
        example!("relu", &[&[3, 4]], |_, x| x[0].relu(), |x| x[0].mapv(|x| x.max(0.0))),
        example!("relu of nothing", &[&[0, 4]], |_, x| x[0].relu(), |x| x[0].clone()),
        example!("relu6", &[&[3, 4]], |_, x| (x[0] * 5.0).relu6(), |x| x[0]
            .mapv(|x| (5.0 * x).clamp(0.0, 6.0))),
        example!("leaky_relu", &[&[3, 4]], |_, x| x[0].leaky_relu(0.2), |x| x[0].mapv(|x| x.max(0.2 * x))),
        example!("steep leaky_relu", &[&[5]], |_, x| x[0].leaky_relu(1.5), |x| x[0].mapv(|x| x.min(1.5 * x))),
        example!("elu", &[&[3, 4]], |_, x| x[0].elu(), |x| x[0].mapv(|x| x.max(x.min(0.0).exp() - 1.0))),
        example!("selu", &[&[3, 4]], |_, x| x[0].selu(), |x| x[0].mapv(|x| {
            let alpha = 1.673_263_242_354_377_2;
            1.050_700_987_355_480_5 * if x > 0.0 { x } else { alpha * (x.exp() - 1.0) }
        })),
        example!("softplus", &[&[3, 4]], |_, x| x[0].softplus(), |x| x[0].mapv(|x| (1.0 + x.exp()).ln())),
        example!("softplus of a number", &[&[]], |_, x| x[0].softplus(), |x| x[0]
            .mapv(|x| (1.0 + x.exp()).ln())),
    ]);
    examples
}
