//! `quantile` and `median`: what so large a part of the elements along axes is not above.
//!
//! The elements are sorted, and those next to a place among them are taken ([`of_sorted`]).

mod of_sorted;

use crate::graph::AnyTensor;
use crate::graph::op::{Attribute, AttributeValue};
use crate::ops::methods::methods;
use crate::shape::Axes;

pub(super) use of_sorted::INTERNAL;
use of_sorted::OfSorted;
pub use of_sorted::QuantileFault;

/// How a [`quantile`](crate::Tensor::quantile) is made of the elements next to its place, which is q·(n - 1) counted from
/// the smallest of n elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuantileMethod {
    /// By how near the place is to each: on the line between them.
    Linear,
    /// The one below.
    Lower,
    /// The one above.
    Higher,
    /// The nearer one; of two as near the one with an even index.
    Nearest,
    /// The mean of both.
    Midpoint,
}

const METHOD_NAMES: [(&str, QuantileMethod); 5] = [
    ("linear", QuantileMethod::Linear),
    ("lower", QuantileMethod::Lower),
    ("higher", QuantileMethod::Higher),
    ("nearest", QuantileMethod::Nearest),
    ("midpoint", QuantileMethod::Midpoint),
];

impl AttributeValue for QuantileMethod {
    const KIND: &'static str = "method: `linear`, `lower`, `higher`, `nearest` or `midpoint`";

    fn into_attribute(self) -> Attribute {
        let name = METHOD_NAMES.iter().find(|&&(_, method)| method == self);
        Attribute::Text(name.map_or("", |(name, _)| name).into())
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        let Attribute::Text(text) = attribute else { return None };
        METHOD_NAMES.iter().find(|(name, _)| name == text).map(|&(_, method)| method)
    }
}

/// Which parts of the elements [`quantile`](crate::Tensor::quantile) asks for: a number from 0 to 1, or a list of them,
/// along which the result gets an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantiles(Parts);

#[derive(Clone, Debug, PartialEq)]
enum Parts {
    One(f64),
    Each(Vec<f64>),
}

impl From<f64> for Quantiles {
    fn from(q: f64) -> Self {
        Quantiles(Parts::One(q))
    }
}

impl<const N: usize> From<[f64; N]> for Quantiles {
    fn from(q: [f64; N]) -> Self {
        Quantiles(Parts::Each(q.into()))
    }
}

impl From<&[f64]> for Quantiles {
    fn from(q: &[f64]) -> Self {
        Quantiles(Parts::Each(q.into()))
    }
}

impl From<Vec<f64>> for Quantiles {
    fn from(q: Vec<f64>) -> Self {
        Quantiles(Parts::Each(q))
    }
}

impl Quantiles {
    fn numbers(&self) -> &[f64] {
        match &self.0 {
            Parts::One(q) => std::slice::from_ref(q),
            Parts::Each(q) => q,
        }
    }
}

impl AttributeValue for Quantiles {
    const KIND: &'static str = "number or numbers";

    fn into_attribute(self) -> Attribute {
        match self.0 {
            Parts::One(q) => Attribute::Float(q),
            Parts::Each(q) => Attribute::List(q.into_iter().map(Attribute::Float).collect()),
        }
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        match attribute {
            Attribute::List(q) => {
                q.iter().map(f64::from_attribute).collect::<Option<_>>().map(|q| Quantiles(Parts::Each(q)))
            }
            q => f64::from_attribute(q).map(Quantiles::from),
        }
    }
}

methods! {
    /// The quantiles of all elements along the axes together: what the part `q` of them is not above, with q·(n - 1) as its
    /// place among n elements in ascending order, counted from 0, and between two elements on the line between them. Axes
    /// as for [`reduce_sum`](crate::Tensor::reduce_sum). A list of parts gives the result an axis more, the first, as in
    /// `NumPy`.
    ///
    /// Gradient: the cotangent to the elements next to the place, as near as they are to it. Of elements among which there is
    /// a NaN, and of nothing, it is NaN, and NaN is the gradient of all of these. A part outside of 0 to 1 is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[4.0, 0.0, 2.0], [1.0, 5.0, 1.0]]));
    /// let [quarter, range] = [x.quantile(0.25, -1), x.quantile([0.0, 1.0], ..)];
    /// let [quarter, range] = Session::new(&g)?.run([quarter, range])?;
    /// assert_eq!(quarter, ndarray::arr1(&[1.0, 1.0]).into_dyn());
    /// assert_eq!(range, ndarray::arr1(&[0.0, 5.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("percentile"))]
    fn quantile<Float>(x, q: [Quantiles], axes: [Axes]) -> Self as _ {
        x.quantile_with(q, axes, QuantileMethod::Linear)
    }

    /// [`quantile`](crate::Tensor::quantile), made of the elements next to its place in another way.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 4.0, 8.0]));
    /// let methods = [QuantileMethod::Lower, QuantileMethod::Higher, QuantileMethod::Midpoint];
    /// let y = Session::new(&g)?.run(methods.map(|method| x.quantile_with(0.4, 0, method)))?;
    /// assert_eq!(y.map(|y| y.sum()), [2.0, 4.0, 3.0]);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn quantile_with<Float>(x, q: [Quantiles], axes: [Axes], method: QuantileMethod) -> Self as quantile {
        if let Some(invalid) = x.invalid_axes("quantile", &axes) {
            return invalid;
        }
        x.graph().attributed_to_caller(|| of_axes(x, OfSorted { q, method }, &axes)).named("quantile")
    }

    /// The median of all elements along the axes together: the middle one in ascending order, or the mean of the middle two.
    /// Axes as for [`reduce_sum`](crate::Tensor::reduce_sum).
    ///
    /// Gradient: the cotangent to the middle element, or half of it to each of two. Of elements among which there is a NaN,
    /// and of nothing, it is NaN, and NaN is the gradient of all of these.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[5.0, 1.0, 2.0], [3.0, 9.0, 4.0]]));
    /// let [rows, all] = Session::new(&g)?.run([x.median(1), x.median(..)])?;
    /// assert_eq!(rows, ndarray::arr1(&[2.0, 4.0]).into_dyn());
    /// assert_eq!(all.item()?, 3.5);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn median<Float>(x, axes: [Axes]) -> Self {
        if let Some(invalid) = x.invalid_axes("median", &axes) {
            return invalid;
        }
        let op = OfSorted { q: 0.5.into(), method: QuantileMethod::Linear };
        x.graph().attributed_to_caller(|| of_axes(x, op, &axes)).named("median")
    }
}

/// Quantiles along axes, which the caller has accepted.
fn of_axes<'g>(x: AnyTensor<'g>, op: OfSorted, axes: &Axes) -> AnyTensor<'g> {
    let rank = x.shape().rank();
    let along = axes.resolve(rank).unwrap_or_default();
    let kept = (0..rank).filter(|axis| !along.contains(axis));
    // What is looked at together side by side, as one axis.
    let order: Vec<isize> = kept.chain(along.iter().copied()).map(|axis| axis as isize).collect();
    let rows = x.transpose_perm(order).reshape_last(along.len(), -1);
    let is_list = matches!(op.q.0, Parts::Each(_));
    let quantiles = rows.sort(-1).unary(op);
    if quantiles.is_invalid() {
        return quantiles;
    }
    let (quantiles, first) = if is_list {
        let last = quantiles.shape().rank() as isize - 1;
        (quantiles.transpose_perm([&[last][..], &(0..last).collect::<Vec<_>>()].concat()), 1)
    } else {
        (quantiles.squeeze(-1), 0)
    };
    let again: &[usize] = if axes.keeps_dims() { &along } else { &[] };
    again.iter().fold(quantiles, |quantiles, &axis| quantiles.expand_dims((axis + first) as isize))
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, ArrayView1, Axis, arr0, arr1, stack};

    /// A quantile of numbers, by counting: what lies at the place in ascending order.
    fn quantile(x: ArrayView1<'_, f64>, q: f64) -> f64 {
        let mut x = x.to_vec();
        x.sort_by(f64::total_cmp);
        let Some(last) = x.len().checked_sub(1) else { return f64::NAN };
        let place = q * last as f64;
        let below = place as usize;
        let above = (below + 1).min(last);
        x[below] * (1.0 - place.fract()) + x[above] * place.fract()
    }
    fn along(x: &ArrayD<f64>, axis: usize, q: f64) -> ArrayD<f64> {
        x.map_axis(Axis(axis), |lane| quantile(lane, q))
    }
    fn flat(x: &ArrayD<f64>) -> ndarray::Array1<f64> {
        x.iter().copied().collect()
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [[2, 3, 4], [1, 5, 2], [0, 3, 2], [3, 1, 7]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("median of lanes", &[dims], |_, x| x[0].median(1), |x| along(&x[0], 1, 0.5)),
            example!(
                "median of rows kept",
                &[dims],
                |_, x| x[0].median(Axes::of([-1]).keep_dims()) * x[0],
                |x| along(&x[0], 2, 0.5).insert_axis(Axis(2)) * &x[0]
            ),
            example!("quantiles of rows", &[dims], |_, x| x[0].quantile([0.9, 0.0, 0.25], -1), |x| stack![
                Axis(0),
                along(&x[0], 2, 0.9),
                along(&x[0], 2, 0.0),
                along(&x[0], 2, 0.25)
            ]),
            example!("quantile of no axis", &[dims], |_, x| x[0].square().quantile(0.3, []), |x| x[0]
                .mapv(|x| x * x)),
        ]);
    }
    examples.extend([
        example!("quantile of all", &[&[3, 4]], |_, x| x[0].quantile(0.77, ..), |x| arr0(quantile(
            flat(&x[0]).view(),
            0.77
        ))
        .into_dyn()),
        example!(
            "quantiles of two axes kept",
            &[&[2, 3, 2]],
            |_, x| x[0].quantile([0.1, 0.6], Axes::of([2, 0]).keep_dims()),
            |x| {
                let of = |q: f64| {
                    let columns =
                        x[0].axis_iter(Axis(1)).map(|rows| quantile(flat(&rows.to_owned()).view(), q));
                    columns
                        .collect::<ndarray::Array1<f64>>()
                        .insert_axis(Axis(0))
                        .insert_axis(Axis(2))
                        .into_dyn()
                };
                stack![Axis(0), of(0.1), of(0.6)]
            }
        ),
        example!(
            "quantile nearest",
            &[&[4]],
            |_, x| x[0].quantile_with(0.5, 0, QuantileMethod::Nearest),
            |x| arr0(quantile(flat(&x[0]).view(), 2.0 / 3.0)).into_dyn()
        ),
        example!(
            "quantiles by other methods",
            &[&[4]],
            |g, x| {
                let by = |method| x[0].quantile_with([0.4, 1.0], 0, method);
                g.stack(
                    &[by(QuantileMethod::Lower), by(QuantileMethod::Higher), by(QuantileMethod::Midpoint)],
                    0,
                )
            },
            |x| {
                let q = |q| quantile(flat(&x[0]).view(), q);
                let last = q(1.0);
                ndarray::arr2(&[[q(1.0 / 3.0), last], [q(2.0 / 3.0), last], [q(0.5), last]]).into_dyn()
            }
        ),
        example!("no quantiles", &[&[4]], |_, x| x[0].quantile([], 0), |_| arr1(&[]).into_dyn()),
        example!("median of infinities", &[&[2, 4]], |_, x| x[0].stop_gradient().median(1), |_| arr1(&[
            f64::INFINITY,
            1.0
        ])
        .into_dyn())
        .on(vec![
            ndarray::arr2(&[
                [1.0, f64::INFINITY, 0.0, f64::INFINITY],
                [1.0, -f64::INFINITY, 1.0, f64::INFINITY],
            ])
            .into_dyn(),
        ]),
    ]);
    examples
}
