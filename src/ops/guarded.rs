//! Functions that are 0 where their formula would be 0/0 or 0·∞: `xlogy`, `xlog1py`, `divide_no_nan`.

use crate::graph::AnyTensor;
use crate::ops::elementwise::elementwise;

/// The slope, and 0 where both are 0.
fn but_at_0<'g>(x: AnyTensor<'g>, y: AnyTensor<'g>, slope: AnyTensor<'g>) -> AnyTensor<'g> {
    x.equal(0.0).logical_and(y.equal(0.0)).select(slope.scalar_like(0.0), slope)
}

elementwise! {
    Float "Where both factors would be 0 and infinite, derivatives of any order are 0; NaN stays NaN." {
        xlogy "`self`·ln(`other`), and 0 where `self` is 0" |x, y| x.equal(0.0).and(y.equal(y)).select(x.number(0.0), x * y.ln()),
            ["ln(`other`)" times |x, y, _| but_at_0(x, y, y.ln()), "`self`/`other`" times |x, y, _| but_at_0(x, y, x / y)],
            (0.5, 3.0 => |x, y| x * y.ln(), within 0.2, 3.0);
        xlog1py "`self`·ln(1 + `other`), and 0 where `self` is 0" |x, y| x.equal(0.0).and(y.equal(y)).select(x.number(0.0), x * y.log1p()),
            ["ln(1 + `other`)" times |x, y, _| but_at_0(x, y + 1.0, y.log1p()), "`self`/(1 + `other`)" times |x, y, _|
            but_at_0(x, y + 1.0, x / (y + 1.0))], (0.5, 3.0 => |x, y| x * y.ln_1p(), within 0.2, 3.0);
    }
    Float "Where `other` is 0 so are the derivatives." {
        divide_no_nan "`self / other`, and 0 where `other` is 0, whatever `self` is" aka ["div_no_nan"]
            |a, b| b.equal(0.0).select(b.number(0.0), a / b), ["1/`other`" times |_, b, _| b.scalar_like(1.0).divide_no_nan(b),
            "-(self / other)/`other`" times |_, b, y| -y.divide_no_nan(b)], (3.0, 2.0 => |a, b| a / b);
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    rows()
}
