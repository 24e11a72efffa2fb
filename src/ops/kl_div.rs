//! The terms of the divergence of Kullback and Leibler: `kl_div`.

use crate::graph::op::OpDef;
use crate::kernel::special;
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::ops::special::Row;

static KL_DIV: Row<2> = Row::plain(
    "kl_div",
    |_, [x, y]| special::kl_div(x, y),
    |input, _, [x, y], _| match input {
        0 => LN_RATIO.of([0; 2], [x, y]),
        _ => (y - x) / y,
    },
);

/// ln(x/y), of which no digit is lost where that is nearly 0.
static LN_RATIO: Row<2> = Row::plain(
    "ln_ratio",
    |_, [x, y]| special::ln_ratio(x, y),
    |input, _, [x, y], _| match input {
        0 => x.reciprocal(),
        _ => -y.reciprocal(),
    },
);

methods! {
    /// x·ln(x/y) - x + y, elementwise, where `self` is x: a term of the divergence of Kullback and Leibler, which is never
    /// negative; shapes broadcast.
    ///
    /// y where x is 0, and ∞ where x is negative, or y is not positive, as SciPy's function of that name. Where x is nearly
    /// y, no digit is lost. Gradient: the cotangent times ln(x/y) to `self`, and times 1 - x/y to `y`. Shapes that do not
    /// broadcast are a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = Session::new(&g)?.run(g.constant(2.0_f64).kl_div(1.0))?.sum();
    /// assert!((y - (2.0 * 2.0_f64.ln() - 1.0)).abs() < 1e-15);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn kl_div<Float>(x, y: (Self)) -> Self {
        KL_DIV.of([0; 2], [x, y])
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "ln_ratio" (x: Float, y: Same) [] |given| LN_RATIO.op([0; 2])?;
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::compare::zipped;
    use super::laws::example;
    use crate::graph::Tensor;
    vec![
        example!("kl_div", &[&[2, 3], &[3]], |_, x| x[0].kl_div(x[1]), |x| zipped(x, |x, y| x
            * (x / y).ln()
            - x
            + y))
        .within(0.4, 3.0),
        example!(
            "ln_ratio",
            &[&[2, 3], &[3]],
            |_, x| Tensor::typed(LN_RATIO.of([0; 2], [x[0].any(), x[1].any()])),
            |x| zipped(x, |x, y| (x / y).ln())
        )
        .within(0.4, 3.0),
    ]
}
