//! Scaled dot-product attention, composed of products of matrices and a softmax; and [`Attention`], what may be said of it.

use crate::element::DType;
use crate::error::Fault;
use crate::graph::AnyTensor;
use crate::graph::op::{Attribute, AttributeValue, Attributes, BroadcastLike};
use crate::ops::methods::methods;
use crate::shape::Shape;

/// What may be said of [`scaled_dot_product_attention`](crate::Tensor::scaled_dot_product_attention): which keys a query
/// attends to, and the scale.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.placeholder::<f32>("x", [None, None, Some(16)]);
/// let y = x.scaled_dot_product_attention(x, x, Attention::new().causal());
/// assert_eq!(y.shape().to_string(), "[?, ?, 16]");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Attention {
    causal: bool,
    scale: Option<f64>,
}

impl Attention {
    /// Each query attends to all keys, and products are scaled by 1/√depth.
    pub fn new() -> Self {
        Attention::default()
    }

    /// Each query attends to the keys up to its own position; those behind are masked.
    pub fn causal(self) -> Self {
        Attention { causal: true, ..self }
    }

    /// Scales products by this number instead of 1/√depth.
    pub fn scale(self, scale: f64) -> Self {
        Attention { scale: Some(scale), ..self }
    }
}

impl AttributeValue for Attention {
    const KIND: &'static str = "attention";

    fn into_attribute(self) -> Attribute {
        let attributes = Attributes::new().with("causal", self.causal);
        match self.scale {
            Some(scale) => attributes.with("scale", scale).into_attribute(),
            None => attributes.into_attribute(),
        }
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        let Attribute::Group(attributes) = attribute else { return None };
        let scale = attributes.get("scale").map(|scale| f64::from_attribute(scale).ok_or(()));
        Some(Attention { causal: attributes.value("causal").ok()?, scale: scale.transpose().ok()? })
    }
}

/// What can be wrong with attention.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttentionFault {
    /// Queries that are no vectors of a depth that is known, and no scale.
    #[error(
        "expected queries [.., time, depth] of a depth that is known while building, or a scale, got {queries}"
    )]
    Depth {
        /// The shape of the queries.
        queries: Shape,
    },
}

impl AnyTensor<'_> {
    /// Attention under its name, where the mask, if there is one, is true.
    #[track_caller]
    fn attention(
        self,
        name: &'static str,
        [key, value]: [Self; 2],
        mask: Option<Self>,
        how: Attention,
    ) -> Self {
        let operands = [self, key, value].into_iter().chain(mask);
        if let Some(invalid) = operands.into_iter().find(|operand| operand.is_invalid()) {
            return invalid;
        }
        let queries = self.shape();
        let depth = queries.dims().last().copied().flatten();
        let Some(scale) = how.scale.or(depth.map(|depth| (depth as f64).sqrt().recip())) else {
            return self.graph().invalid_any(name, Fault::op(AttentionFault::Depth { queries }));
        };
        let scores = (self * self.scalar_like(scale)).matmul_transposed(key, false, true);
        if scores.is_invalid() {
            return scores;
        }
        let causal = how.causal.then(|| {
            let seen = self.graph().constant(true).any();
            seen.binary(BroadcastLike, scores).tril(0)
        });
        let mask = match (mask, causal) {
            (Some(mask), Some(causal)) => Some(mask.logical_and(causal)),
            (mask, causal) => mask.or(causal),
        };
        let weights = match mask {
            None => scores.softmax(-1),
            // With a finite number for what is not seen, a row that sees nothing has a softmax, and nobody asks for it.
            Some(mask) => {
                let least = if self.dtype() == DType::F32 { f64::from(f32::MIN) } else { f64::MIN };
                let seen = mask.select(scores, self.scalar_like(least));
                mask.select(seen.softmax(-1), self.scalar_like(0.0))
            }
        };
        let seen = weights.matmul(value);
        if seen.is_invalid() { seen } else { seen.named(name) }
    }
}

methods! {
    /// Attention: each query's mean of the values, weighted by the softmax of its products with the keys,
    /// softmax(self·keyᵀ/√depth)·value. Of queries `[.., time, depth]`, keys `[.., others, depth]` and values
    /// `[.., others, width]` it gives `[.., time, width]`; the axes before, such as batch and heads, broadcast.
    ///
    /// [`Attention`] masks the keys behind a query, and sets another scale. Gradient: that of the formula, to all three.
    /// Build errors are those of [`matmul`](crate::Tensor::matmul), and a depth that is not known where no scale is given.
    ///
    /// Source: Vaswani et al., *Attention is all you need*, 2017, section 3.2.1.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let query = g.constant(ndarray::arr2(&[[0.0], [0.0]]));
    /// let value = g.constant(ndarray::arr2(&[[1.0], [3.0]]));
    /// let everyone = query.scaled_dot_product_attention(query, value, Attention::new());
    /// let past = query.scaled_dot_product_attention(query, value, Attention::new().causal());
    /// let [everyone, past] = Session::new(&g)?.run([everyone, past])?;
    /// assert_eq!(everyone, ndarray::arr2(&[[2.0], [2.0]]).into_dyn());
    /// assert_eq!(past, ndarray::arr2(&[[1.0], [2.0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn scaled_dot_product_attention<Float>(x, key: (Self), value: (Self), attention: Attention) -> Self {
        x.attention("scaled_dot_product_attention", [key, value], None, attention)
    }

    /// [`scaled_dot_product_attention`](crate::Tensor::scaled_dot_product_attention) where a query attends to a key only if
    /// the mask, which broadcasts to `[.., time, others]`, is true. A query whose keys are all masked gives 0.
    ///
    /// Gradient: as there; none to what is masked.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let query = g.constant(ndarray::arr2(&[[0.0], [0.0]]));
    /// let value = g.constant(ndarray::arr2(&[[1.0], [3.0]]));
    /// let mask = g.constant(ndarray::arr2(&[[false, true], [false, false]]));
    /// let y = query.masked_scaled_dot_product_attention(query, value, mask, Attention::new());
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr2(&[[3.0], [0.0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn masked_scaled_dot_product_attention<Float>(x, key: (Self), value: (Self), mask: (bool), attention: Attention) -> Self {
        x.attention("masked_scaled_dot_product_attention", [key, value], Some(mask), attention)
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{Array2, ArrayD, Ix2, array};

    /// The definition for matrices, by whether a query sees a key.
    fn plain(x: &[ArrayD<f64>], scale: f64, sees: fn(usize, usize) -> bool) -> ArrayD<f64> {
        let [query, key, value] = [0, 1, 2].map(|i| x[i].clone().into_dimensionality::<Ix2>().unwrap());
        let products = query.dot(&key.t()) * scale;
        let weights =
            Array2::from_shape_fn(
                products.dim(),
                |(i, j)| if sees(i, j) { products[[i, j]].exp() } else { 0.0 },
            );
        let sums = weights.sum_axis(ndarray::Axis(1)).mapv(|sum| if sum == 0.0 { 1.0 } else { sum });
        (weights / sums.insert_axis(ndarray::Axis(1))).dot(&value).into_dyn()
    }

    let examples: Vec<Example> = vec![
        example!(
            "attention",
            &[&[3, 4], &[5, 4], &[5, 2]],
            |_, x| x[0].scaled_dot_product_attention(x[1], x[2], Attention::new().scale(0.5)),
            |x| plain(x, 0.5, |_, _| true),
        ),
        example!(
            "attention of known depth",
            &[&[3, 4], &[5, 4], &[5, 2]],
            |_, x| x[0].reshape([3, 4]).scaled_dot_product_attention(x[1], x[2], Attention::new()),
            |x| plain(x, 0.5, |_, _| true),
        ),
        example!(
            "attention to the past",
            &[&[4, 2], &[4, 2], &[4, 3]],
            |_, x| x[0].scaled_dot_product_attention(x[1], x[2], Attention::new().causal().scale(0.7)),
            |x| plain(x, 0.7, |query, key| key <= query),
        ),
        example!(
            "attention under a mask",
            &[&[3, 2], &[2, 2], &[2, 2]],
            |g, x| {
                let mask = g.constant(array![[true, false], [true, true], [false, false]]);
                x[0].masked_scaled_dot_product_attention(x[1], x[2], mask, Attention::new().scale(1.0))
            },
            |x| plain(x, 1.0, |query, key| query == 1 || query == 0 && key == 0),
        ),
        example!(
            "attention to the past under a mask",
            &[&[3, 2], &[3, 2], &[3, 2]],
            |g, x| {
                let mask = g.constant(array![false, true, true]);
                x[0].masked_scaled_dot_product_attention(
                    x[1],
                    x[2],
                    mask,
                    Attention::new().scale(1.0).causal(),
                )
            },
            |x| plain(x, 1.0, |query, key| key > 0 && key <= query),
        ),
        example!(
            "attention of batches",
            &[&[2, 3, 2], &[3, 2], &[3, 1]],
            |_, x| x[0].scaled_dot_product_attention(x[1], x[2], Attention::new().scale(1.0)),
            |x| {
                let rows = x[0]
                    .outer_iter()
                    .map(|query| plain(&[query.to_owned(), x[1].clone(), x[2].clone()], 1.0, |_, _| true));
                let rows: Vec<ArrayD<f64>> = rows.collect();
                ndarray::stack(ndarray::Axis(0), &rows.iter().map(|row| row.view()).collect::<Vec<_>>())
                    .unwrap()
            },
        ),
    ];
    examples
}
