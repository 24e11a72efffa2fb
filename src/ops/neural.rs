//! What networks end with: `softmax`, `log_softmax`, and the cross-entropy of class labels. They are composed of
//! other ops; fusion runs them row by row.

use std::sync::Arc;

use ndarray::Array1;

use crate::dtype::{DType, Float};
use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::{Operand, Tensor};
use crate::lower::{Lowering, Scalar, Val};
use crate::op::Op;
use crate::ops::arithmetic::Arithmetic;
use crate::shape::{Axes, Shape, TensorType};
use crate::value::Value;

pub(super) const OPS: &[&str] = &["label_mask"];

/// For each row of the second input, of which only the shape counts, which place the label names.
#[derive(Debug)]
struct LabelMask;

impl Op for LabelMask {
    fn name(&self) -> &'static str {
        "label_mask"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        let (labels, logits) = (inputs[0], inputs[1]);
        let rank = logits.shape.rank();
        let rows = Shape::from(&logits.shape.dims()[..rank.saturating_sub(1)]);
        if rank == 0 || !labels.shape.agrees_with(&rows) {
            let (labels, logits) = (labels.shape.clone(), logits.shape.clone());
            return Err(Mistake::LabelShape { labels, logits });
        }
        Ok(TensorType::new(DType::Bool, &logits.shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (labels, dims) = (inputs[0], to.dims(inputs[1]).to_vec());
        let classes = dims.last().copied().unwrap_or(0);
        let bound = to.scalar(classes as f64, to.dtype(labels));
        let checked = to.map(Scalar::Checked, &[labels, bound]);
        let mut rows = dims;
        if let Some(last) = rows.last_mut() {
            *last = 1;
        }
        let checked = to.reshape(checked, rows);
        let places: Array1<i64> = (0..classes as i64).collect();
        let places = to.constant(Arc::new(Value::from(places)));
        to.compare(Scalar::Equal, &[checked, places])
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn differentiable(&self, _: usize) -> bool {
        false
    }
}

impl<'g, T: Float> Tensor<'g, T> {
    /// eˣ over its sum along the axis, which is 1 then. Computed from x minus its maximum, so no
    /// exponential overflows.
    ///
    /// Gradient: y·(dy - Σ dy·y). An axis out of range is a building error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr2(&[[1000.0, 1000.0], [0.0, 0.0]])).softmax(-1);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr2(&[[0.5, 0.5], [0.5, 0.5]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn softmax(self, axis: isize) -> Self {
        let along = || Axes::of([axis]).keep_dims();
        if let Some(invalid) = self.any().misfit("softmax", &along()) {
            return Tensor::typed(invalid);
        }
        let exponentials = (self - self.reduce_max(along()).stop_gradient()).exp();
        let sum = exponentials.reduce_sum(along()).any();
        // One quotient a row and products are several times faster than quotients, at one rounding more; the
        // sum is at least 1, so its reciprocal cannot overflow.
        let reciprocal = Tensor::typed(sum.scalar_like(1.0).binary(Arithmetic::Div, sum));
        (exponentials * reciprocal).named("softmax")
    }

    /// The logarithm of [`softmax`](Tensor::softmax), without its rounding to 0:
    /// x - max - ln Σ e^(x - max).
    ///
    /// Gradient: dy - softmax·Σ dy. An axis out of range is a building error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[0.0_f64, 1000.0])).log_softmax(0);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[-1000.0, 0.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn log_softmax(self, axis: isize) -> Self {
        let along = || Axes::of([axis]).keep_dims();
        if let Some(invalid) = self.any().misfit("log_softmax", &along()) {
            return Tensor::typed(invalid);
        }
        let centred = self - self.reduce_max(along()).stop_gradient();
        (centred - centred.exp().reduce_sum(along()).ln()).named("log_softmax")
    }

    /// The cross-entropy of class labels under the softmax of logits along their last axis:
    /// -`log_softmax`(self)\[label\], one number for each label.
    ///
    /// Gradient to the logits: softmax minus 1 at the label. Labels must have the logits' shape
    /// without the last axis, or it is a building error; one that is negative or not below the number
    /// of classes fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let logits = g.constant(ndarray::arr2(&[[0.0, 0.0], [1000.0, 0.0]]));
    /// let labels = g.constant(ndarray::arr1(&[1_i64, 0]));
    /// let loss = logits.sparse_softmax_cross_entropy(labels);
    /// assert_eq!(Session::new(&g)?.run(loss)?, ndarray::arr1(&[2.0_f64.ln(), 0.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn sparse_softmax_cross_entropy(self, labels: impl Operand<'g, i64>) -> Self {
        let any = self.any();
        let labels = labels.into_tensor(any.graph()).any();
        let mask: Tensor<'g, bool> = Tensor::typed(labels.binary(LabelMask, any));
        let centred = self - self.reduce_max(Axes::of([-1]).keep_dims()).stop_gradient();
        let at_label = mask.select(centred, <T as crate::Numeric>::from_f64(0.0)).reduce_sum(-1);
        (centred.exp().reduce_sum(-1).ln() - at_label).named("sparse_softmax_cross_entropy")
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Axis, array};

    fn softmax(x: &ArrayD<f64>, axis: usize) -> ArrayD<f64> {
        let exponentials = x.mapv(f64::exp);
        let sum = exponentials.sum_axis(Axis(axis)).insert_axis(Axis(axis));
        exponentials / sum
    }

    let mut examples: Vec<Example> = vec![
        example!(
            "cross-entropy",
            &[&[3, 4]],
            |g, x| x[0].sparse_softmax_cross_entropy(g.constant(array![2_i64, 0, 3])),
            |x| {
                let log = softmax(&x[0], 1).mapv(f64::ln);
                array![-log[[0, 2]], -log[[1, 0]], -log[[2, 3]]].into_dyn()
            },
        ),
        example!(
            "cross-entropy of one",
            &[&[4]],
            |g, x| x[0].sparse_softmax_cross_entropy(g.constant(1_i64)),
            |x| ndarray::arr0(-softmax(&x[0], 0)[[1]].ln()).into_dyn(),
        ),
    ];
    for dims in [[3, 4], [2, 40], [40, 2], [1, 3]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("softmax", &[dims], |_, x| x[0].softmax(-1), |x| softmax(&x[0], 1)),
            example!("softmax of columns", &[dims], |_, x| x[0].softmax(0), |x| softmax(&x[0], 0)),
            example!("log_softmax", &[dims], |_, x| x[0].log_softmax(-1), |x| softmax(&x[0], 1)
                .mapv(f64::ln)),
        ]);
    }
    examples
}
