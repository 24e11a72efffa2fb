//! Logarithms of the densities of gamma and beta distributions, of which those of counts are made, too. Their terms may be
//! larger by far than the sum, so each is one function, with slopes that are functions of their own.

use crate::graph::AnyTensor;
use crate::graph::op::OpDef;
use crate::kernel::special;
use crate::ops::gamma::{polygamma, rise};
use crate::ops::internal::internal;
use crate::ops::special::Row;

/// What one takes: logarithms in twice the digits.
const LOGARITHMS: f64 = 150.0;

static GAMMA: Row<2> = Row::plain(
    "gamma_log_density",
    |_, [a, x]| special::gamma_log_density(a, x),
    |input, _, operands, _| match input {
        0 => GAMMA_BY_SHAPE.of([0; 2], operands),
        _ => GAMMA_BY_X.of([0; 2], operands),
    },
)
.taking(LOGARITHMS);

static GAMMA_BY_SHAPE: Row<2> = Row::plain(
    "gamma_log_density_by_shape",
    |_, [a, x]| special::gamma_log_density_by_shape(a, x),
    |input, _, [a, x], _| match input {
        0 => -polygamma(1, a),
        _ => x.reciprocal(),
    },
);

static GAMMA_BY_X: Row<2> = Row::plain(
    "gamma_log_density_by_x",
    |_, [a, x]| special::gamma_log_density_by_x(a, x),
    |input, _, [a, x], _| match input {
        0 => x.reciprocal(),
        _ => bend(a, x),
    },
);

static BETA: Row<3> = Row::plain(
    "beta_log_density",
    |_, [a, b, x]| special::beta_log_density(a, b, x),
    |input, _, operands, _| match input {
        0 => BETA_BY_FIRST.of([0; 2], operands),
        1 => BETA_BY_SECOND.of([0; 2], operands),
        _ => BETA_BY_X.of([0; 2], operands),
    },
)
.taking(LOGARITHMS);

static BETA_BY_FIRST: Row<3> = Row::plain(
    "beta_log_density_by_first",
    |_, [a, b, x]| special::beta_log_density_by_parameter(false, a, b, x),
    |input, _, [a, b, x], _| match input {
        0 => rise(1, a, b),
        1 => polygamma(1, a + b),
        _ => x.reciprocal(),
    },
)
.taking(LOGARITHMS);

static BETA_BY_SECOND: Row<3> = Row::plain(
    "beta_log_density_by_second",
    |_, [a, b, x]| special::beta_log_density_by_parameter(true, a, b, x),
    |input, _, [a, b, x], _| match input {
        0 => polygamma(1, a + b),
        1 => rise(1, b, a),
        _ => -(1.0 - x).reciprocal(),
    },
)
.taking(LOGARITHMS);

static BETA_BY_X: Row<3> = Row::plain(
    "beta_log_density_by_x",
    |_, [a, b, x]| special::beta_log_density_by_x(a, b, x),
    |input, _, [a, b, x], _| match input {
        0 => x.reciprocal(),
        1 => -(1.0 - x).reciprocal(),
        _ => bend(a, x) + bend(b, 1.0 - x),
    },
);

/// -(a - 1)/x², and 0 at 0, where a density is only finite if a is 1.
fn bend<'g>(a: AnyTensor<'g>, x: AnyTensor<'g>) -> AnyTensor<'g> {
    (1.0 - a).divide_no_nan(x).divide_no_nan(x)
}

/// (a - 1)·ln x - x - ln Γ(a), of which no digit is lost where a is large.
#[track_caller]
pub(crate) fn gamma_log_density<'g>(a: AnyTensor<'g>, x: AnyTensor<'g>) -> AnyTensor<'g> {
    GAMMA.of([0; 2], [a, x])
}

/// (a - 1)·ln x + (b - 1)·ln(1 - x) - ln B(a, b), of which no digit is lost where a and b are large.
#[track_caller]
pub(crate) fn beta_log_density<'g>(a: AnyTensor<'g>, b: AnyTensor<'g>, x: AnyTensor<'g>) -> AnyTensor<'g> {
    BETA.of([0; 2], [a, b, x])
}

/// All are parts of others.
pub(super) const METHODS: &[&[OpDef]] = &[];

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "gamma_log_density" (a: Float, x: Same) [] |given| GAMMA.op([0; 2])?;
    "gamma_log_density_by_shape" (a: Float, x: Same) [] |given| GAMMA_BY_SHAPE.op([0; 2])?;
    "gamma_log_density_by_x" (a: Float, x: Same) [] |given| GAMMA_BY_X.op([0; 2])?;
    "beta_log_density" (a: Float, b: Same, x: Same) [] |given| BETA.op([0; 2])?;
    "beta_log_density_by_first" (a: Float, b: Same, x: Same) [] |given| BETA_BY_FIRST.op([0; 2])?;
    "beta_log_density_by_second" (a: Float, b: Same, x: Same) [] |given| BETA_BY_SECOND.op([0; 2])?;
    "beta_log_density_by_x" (a: Float, b: Same, x: Same) [] |given| BETA_BY_X.op([0; 2])?;
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::compare::zipped;
    use super::gamma::lgamma;
    use super::laws::example;
    use crate::graph::Tensor;

    fn of_gamma(a: f64, x: f64) -> f64 {
        (a - 1.0) * x.ln() - x - lgamma(a)
    }
    fn of_beta(a: f64, b: f64, x: f64) -> f64 {
        (a - 1.0) * x.ln() + (b - 1.0) * (1.0 - x).ln() + lgamma(a + b) - lgamma(a) - lgamma(b)
    }

    vec![
        example!(
            "gamma_log_density",
            &[&[2, 3], &[3]],
            |_, x| Tensor::typed(gamma_log_density(x[0].any(), x[1].any())),
            |x| zipped(x, of_gamma)
        )
        .within(0.4, 4.0),
        example!(
            "large gamma_log_density",
            &[&[2, 3], &[2, 3]],
            |_, x| Tensor::typed(gamma_log_density(x[0].any(), x[1].any())),
            |x| zipped(x, of_gamma)
        )
        .within(11.0, 40.0),
        example!(
            "beta_log_density",
            &[&[2, 3], &[3]],
            |_, x| Tensor::typed(beta_log_density(
                (x[0] * 3.0).any(),
                (x[1] * 2.0).any(),
                (x[1] * x[0]).any()
            )),
            |x| zipped(x, |a, b| of_beta(3.0 * a, 2.0 * b, a * b))
        )
        .within(0.3, 0.9),
        example!(
            "large beta_log_density",
            &[&[2, 3], &[3]],
            |_, x| Tensor::typed(beta_log_density(
                (x[0] * 30.0).any(),
                (x[1] * 70.0).any(),
                (x[1] * x[0]).any()
            )),
            |x| zipped(x, |a, b| of_beta(30.0 * a, 70.0 * b, a * b))
        )
        .within(0.4, 0.9),
    ]
}
