//! `pow`: one tensor raised to another.

use crate::graph::AnyTensor;
use crate::graph::op::Scaled;
use crate::ops::elementwise::elementwise;

/// y·xʸ⁻¹. Where 0·x⁻¹ would be 0·∞ the limit is 0; but 0·x⁻¹ has the slope x⁻¹ by the exponent.
fn by_base<'g>(x: AnyTensor<'g>, exponent: AnyTensor<'g>) -> AnyTensor<'g> {
    exponent.binary(Scaled, x.pow(exponent - 1.0))
}

/// xʸ·ln x. Where x⁰·ln 0 would be 0·∞ the limit is 0.
fn by_exponent<'g>(x: AnyTensor<'g>, power: AnyTensor<'g>) -> AnyTensor<'g> {
    let is_positive = x.scalar_like(0.0).less(x);
    power * is_positive.select(x, x.scalar_like(1.0)).ln()
}

elementwise! {
    Float "At 0 these are the limits, and nothing goes to the exponent of a negative base. The error of the values is at \
        most 2 units in the last place." {
        pow "`self` raised to the power `other`, with the special cases of IEEE 754: x⁰ is 1 for every x, and a negative x \
            has a power only for integers" aka ["power"] |x, exponent| x.pow(exponent),
            ["y·xʸ⁻¹" times |x, exponent, _| by_base(x, exponent), "xʸ·ln x" times |x, _, power| by_exponent(x, power)]
            is Power, ([2.0, -3.0], [3.0, 3.0] => [8.0, -27.0]);
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    let mut examples = rows();
    examples.extend([
        example!("pow 3", &[&[2, 3]], |_, x| x[0].pow(3.0), |x| x[0].mapv(|x| x * x * x)),
        example!("pow 0", &[&[2, 3]], |_, x| x[0].pow(0.0) + x[0], |x| x[0].mapv(|x| x + 1.0)),
        example!("pow", &[&[2, 3], &[3]], |_, x| x[0].square().pow(x[1]), |x| {
            let exponents = x[1].broadcast(x[0].raw_dim()).unwrap();
            ndarray::Zip::from(&x[0]).and(exponents).map_collect(|&x, &y| (x * x).powf(y))
        },),
        // The slope by the base is 0 there, but that slope has one by the exponent.
        example!("pow of 0 that changes", &[&[3], &[3]], |_, x| (x[0].square() + x[1]).pow(x[1]), |x| x[0]
            .mapv(|_| 1.0),)
        .on(vec![ndarray::array![0.5, -1.5, 2.0].into_dyn(), ndarray::array![0.0, 0.0, 0.0].into_dyn()]),
    ]);
    examples
}
