//! Losses: how far predictions are from their targets. All are composed of other ops.
//!
//! Predictions and targets must have one shape: [n, 1] against [n] would silently compare each with each, so it
//! is refused, while building or when the lengths become known.

use crate::element::DType;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{Attributes, Expect, Expectation, Op, OpDef, Scaled};
use crate::ir::{Lowering, Scalar, Val};
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::shape::{Axes, Shape, TensorType};

/// What can be wrong with a loss.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LossFault {
    /// Predictions and targets of different shapes.
    #[error("{loss}: expected targets of the shape {predictions} of the predictions, got {targets}")]
    Shapes {
        /// Name of the loss.
        loss: &'static str,
        /// Shape of the predictions.
        predictions: Shape,
        /// Shape of the targets.
        targets: Shape,
    },
    /// Labels that are not one for each row of logits.
    #[error("expected a label for each row of logits of shape {logits}, got labels of shape {labels}")]
    Labels {
        /// Shape of the labels.
        labels: Shape,
        /// Shape of the logits.
        logits: Shape,
    },
    /// Huber's loss with a delta that is no positive number.
    #[error("expected a positive delta, got {delta}")]
    HuberDelta {
        /// The delta, as it is printed.
        delta: String,
    },
}

/// Gives the second input, the targets of a loss, which must have the shape of the first, the predictions.
#[derive(Debug)]
struct SameShape {
    loss: &'static str,
}

impl Expectation for SameShape {
    const NAME: &'static str = "same_shape";
    const INPUT: usize = 1;

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let (predictions, targets) = (inputs[0].shape.clone(), inputs[1].shape.clone());
        if !predictions.agrees_with(&targets) {
            return Err(Fault::op(LossFault::Shapes { loss: self.loss, predictions, targets }));
        }
        let lengths = predictions.dims().iter().zip(targets.dims());
        let lengths: Vec<Option<usize>> = lengths.map(|(a, b)| a.or(*b)).collect();
        Ok(TensorType::new(inputs[1].dtype, lengths))
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("loss", self.loss)
    }
}

impl<'g> AnyTensor<'g> {
    /// The targets for these predictions, of one shape with them; or an invalid tensor, under the name of
    /// the loss.
    #[track_caller]
    fn targets(self, loss: &'static str, targets: AnyTensor<'g>) -> Result<Self, Self> {
        let graph = self.graph();
        if !targets.is_of(graph) {
            return Err(graph.invalid_any(loss, Fault::OtherGraph { operand: 1 }));
        }
        if let Some(&invalid) = [self, targets].iter().find(|any| any.is_invalid()) {
            return Err(invalid);
        }
        let (expected, found) = (self.shape(), targets.shape());
        if !expected.agrees_with(&found) {
            let fault = Fault::op(LossFault::Shapes { loss, predictions: expected, targets: found });
            return Err(graph.invalid_any(loss, fault));
        }
        let checked_now = expected == found && expected.is_known();
        Ok(if checked_now { targets } else { graph.apply(Expect(SameShape { loss }), &[self, targets]) })
    }
}

/// For each row of the second input, of which only the shape counts, which class the label names.
#[derive(Debug)]
struct LabelMask;

impl Op for LabelMask {
    fn name(&self) -> &'static str {
        "label_mask"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let (labels, logits) = (inputs[0], inputs[1]);
        let rank = logits.shape.rank();
        let rows = Shape::from(&logits.shape.dims()[..rank.saturating_sub(1)]);
        if rank == 0 || !labels.shape.agrees_with(&rows) {
            let (labels, logits) = (labels.shape.clone(), logits.shape.clone());
            return Err(Fault::op(LossFault::Labels { labels, logits }));
        }
        Ok(TensorType::new(DType::Bool, &logits.shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (labels, dims) = (to.cast(inputs[0], DType::I64), to.dims(inputs[1]).to_vec());
        let classes = dims.last().copied().unwrap_or(0);
        let bound = to.scalar(classes as f64, to.dtype(labels));
        let checked = to.map(Scalar::Checked, &[labels, bound]);
        let mut rows = dims;
        if let Some(last) = rows.last_mut() {
            *last = 1;
        }
        let checked = to.reshape(checked, rows);
        let places = to.iota(0, classes);
        to.compare(Scalar::Equal, &[checked, places])
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn differentiable(&self, _: usize) -> bool {
        false
    }
}

methods! {
    /// The mean over all elements of (self - targets)²: a single number.
    ///
    /// Gradient: 2·(self - targets)/n times the cotangent to `self`, minus that to `targets`. Targets of another
    /// shape are a build error, or fail the run that feeds them; they do not broadcast. The mean of nothing is
    /// NaN.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let loss = g.constant(ndarray::arr1(&[1.0, 5.0])).mean_squared_error(g.constant(ndarray::arr1(&[1.0, 2.0])));
    /// assert_eq!(Session::new(&g)?.run(loss)?.sum(), 4.5);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("mse_loss"))]
    fn mean_squared_error<Float>(x, targets: (Self)) -> Self {
        x.loss("mean_squared_error", targets, |x, targets| (x - targets).square().reduce_mean(..))
    }

    /// Huber's loss of each element: d²/2 where d = self - targets is at most `delta` either way, and
    /// delta·(|d| - delta/2) beyond.
    ///
    /// Gradient: d, but between -delta and delta, times the cotangent to `self`, minus that to `targets`. Targets of
    /// another shape are a build error, or fail the run that feeds them; a `delta` that is not positive is a
    /// build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let loss = g.constant(ndarray::arr1(&[1.0, 5.0])).huber(g.constant(ndarray::arr1(&[0.0, 1.0])), 2.0);
    /// assert_eq!(Session::new(&g)?.run(loss)?, ndarray::arr1(&[0.5, 6.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("smooth_l1_loss"))]
    fn huber<Float>(x, targets: (Self), delta: f64) -> Self {
        let is_positive = delta > 0.0;
        if !is_positive {
            let fault = Fault::op(LossFault::HuberDelta { delta: delta.to_string() });
            return x.graph().invalid_any("huber", fault);
        }
        x.loss("huber", targets, |x, targets| {
            let difference = x - targets;
            let limited = difference.maximum(-delta).minimum(delta);
            limited * (difference - limited * x.scalar_like(0.5))
        })
    }

    /// The cross-entropy of probabilities under the softmax of logits along their last axis:
    /// -Σ labels·`log_softmax`(self), one number for each row.
    ///
    /// Gradient: softmax·Σ labels - labels to `self`, -`log_softmax`(self) to `labels`, each times the row's cotangent;
    /// labels need not sum to 1. A label of 0 counts for nothing, also where its logit is -∞. Logits that are all -∞,
    /// or include ∞ or NaN, define no distribution: their loss is NaN, or 0 if all labels are 0. Labels of another
    /// shape are a build error, or fail the run that feeds them.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let logits = g.constant(ndarray::arr2(&[[0.0, 0.0], [1000.0, 0.0]]));
    /// let labels = g.constant(ndarray::arr2(&[[0.5, 0.5], [1.0, 0.0]]));
    /// let loss = logits.softmax_cross_entropy(labels);
    /// assert_eq!(Session::new(&g)?.run(loss)?, ndarray::arr1(&[2.0_f64.ln(), 0.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("softmax_cross_entropy_with_logits"))]
    fn softmax_cross_entropy<Float>(x, labels: (Self)) -> Self {
        let loss = "softmax_cross_entropy";
        if let Some(invalid) = x.invalid_axes(loss, &Axes::of([-1])) {
            return invalid;
        }
        x.loss(loss, labels, |x, labels| -labels.binary(Scaled, x.log_softmax(-1)).reduce_sum(-1))
    }

    /// The cross-entropy of each probability under the sigmoid of a logit x:
    /// -z·ln σ(x) - (1 - z)·ln(1 - σ(x)), computed as (1 - z)·max(x, 0) + z·max(-x, 0) + ln(1 + e^-|x|). A part whose
    /// factor is 0 counts for nothing, so infinite logits have the limits 0 and ∞.
    ///
    /// Gradient: σ(x) - z times the cotangent to `self`, -x times it to `labels`. Labels of another shape are a
    /// build error, or fail the run that feeds them.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let logits = g.constant(ndarray::arr1(&[0.0, 1000.0, -1000.0]));
    /// let loss = logits.sigmoid_cross_entropy(g.constant(ndarray::arr1(&[1.0, 1.0, 1.0])));
    /// assert_eq!(Session::new(&g)?.run(loss)?, ndarray::arr1(&[2.0_f64.ln(), 0.0, 1000.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("binary_cross_entropy_with_logits", "bce_with_logits"))]
    fn sigmoid_cross_entropy<Float>(x, labels: (Self)) -> Self {
        x.loss("sigmoid_cross_entropy", labels, |x, labels| {
            // The slopes of the three terms at 0 are 1 - z, as the tie of a maximum goes to the first, then 0 and -1/2,
            // which add up to that of σ.
            let of_zeros = (-labels + x.scalar_like(1.0)).binary(Scaled, x.maximum(0.0));
            let of_ones = labels.binary(Scaled, (-x).relu());
            of_zeros + of_ones + (-x.maximum(-x)).exp().log1p()
        })
    }

    /// The cross-entropy of class labels, of `i32` or `i64`, under the softmax of logits along their last axis:
    /// -`log_softmax`(self)\[label\], one number for each label.
    ///
    /// Gradient to the logits: softmax minus 1 at the label. Logits that are all -∞, or include ∞ or NaN, define no
    /// distribution: their loss is NaN. Labels must have the logits' shape without the last axis, or it is a build
    /// error; one that is negative or not below the number of classes fails the run with
    /// [`Error::IndexOutOfRange`](crate::Error::IndexOutOfRange), which has the first such label and its row.
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
    #[doc(alias("cross_entropy", "nll_loss", "sparse_softmax_cross_entropy_with_logits"))]
    fn sparse_softmax_cross_entropy<Float>(x, labels: (Index)) -> Self {
        let name = "sparse_softmax_cross_entropy";
        let types = [labels, x].map(|operand| TensorType::new(operand.dtype(), operand.shape()));
        if let Err(fault) = LabelMask.infer(&[&types[0], &types[1]])
            && !(labels.is_invalid() || x.is_invalid())
        {
            return x.graph().invalid_any(name, fault);
        }
        let mask = labels.binary(LabelMask, x);
        let centered = x - x.reduce_max(Axes::of([-1]).keep_dims()).stop_gradient();
        let at_label = mask.select(centered, x.scalar_like(0.0)).reduce_sum(-1);
        let loss = (centered.exp().reduce_sum(-1).ln() - at_label).named(name);
        x.graph().blame_whole(name, mask, loss);
        loss
    }
}

impl AnyTensor<'_> {
    /// A loss under its name, of predictions and targets of one shape.
    #[track_caller]
    pub(super) fn loss(self, name: &'static str, given: Self, of: impl FnOnce(Self, Self) -> Self) -> Self {
        let location = std::panic::Location::caller();
        let targets = match self.targets(name, given) {
            Ok(targets) => targets,
            Err(invalid) => return invalid,
        };
        let graph = self.graph();
        let loss = graph.attributed(location, || of(self, targets).named(name));
        // Targets whose shape is known to be right are not checked again.
        if targets.id() != given.id() {
            graph.blame_whole(name, targets, loss);
        }
        loss
    }
}

/// For files of graphs. A loss has the name of an op, which lives as long as the program.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "same_shape" (predictions: Element, targets: Element) [loss: String] |given|
        Expect(SameShape { loss: super::definition(&loss).map_or("loss", OpDef::name) });
    "label_mask" (labels: Integer, logits: Element) [] |given| LabelMask;
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Axis, Zip, array};

    fn log_softmax(x: &ArrayD<f64>) -> ArrayD<f64> {
        let last = Axis(x.ndim() - 1);
        x - &x.mapv(f64::exp).sum_axis(last).mapv(f64::ln).insert_axis(last)
    }

    fn zipped(x: &[ArrayD<f64>], of: fn(f64, f64) -> f64) -> ArrayD<f64> {
        Zip::from(&x[0]).and(&x[1]).map_collect(|&x, &z| of(x, z))
    }

    fn dense(x: &[ArrayD<f64>]) -> ArrayD<f64> {
        -(&x[1] * &log_softmax(&x[0])).sum_axis(Axis(x[0].ndim() - 1))
    }

    fn huber(difference: f64, delta: f64) -> f64 {
        let magnitude = difference.abs();
        if magnitude <= delta { magnitude * magnitude / 2.0 } else { delta * (magnitude - delta / 2.0) }
    }

    let mut examples: Vec<Example> = vec![
        example!(
            "cross-entropy",
            &[&[3, 4]],
            |g, x| x[0].sparse_softmax_cross_entropy(g.constant(array![2_i64, 0, 3])),
            |x| {
                let log = log_softmax(&x[0]);
                array![-log[[0, 2]], -log[[1, 0]], -log[[2, 3]]].into_dyn()
            },
        ),
        example!(
            "cross-entropy of i32 labels",
            &[&[2, 3]],
            |g, x| x[0].sparse_softmax_cross_entropy(g.constant(array![2_i32, 0])),
            |x| {
                let log = log_softmax(&x[0]);
                array![-log[[0, 2]], -log[[1, 0]]].into_dyn()
            },
        ),
        example!(
            "cross-entropy of one",
            &[&[4]],
            |g, x| x[0].sparse_softmax_cross_entropy(g.constant(1_i64)),
            |x| ndarray::arr0(-log_softmax(&x[0])[[1]]).into_dyn(),
        ),
        example!(
            "softmax cross-entropy of one",
            &[&[4], &[4]],
            |_, x| x[0].softmax_cross_entropy(x[1]),
            dense
        ),
        example!(
            "softmax cross-entropy of batches",
            &[&[2, 3, 4], &[2, 3, 4]],
            |_, x| x[0].softmax_cross_entropy(x[1]),
            dense
        ),
        example!("mean squared error of a number", &[&[], &[]], |_, x| x[0].mean_squared_error(x[1]), |x| {
            (&x[0] - &x[1]).mapv(|x| x * x)
        },),
        example!("huber of a small delta", &[&[3, 4], &[3, 4]], |_, x| x[0].huber(x[1], 0.125), |x| zipped(
            x,
            |x, z| huber(x - z, 0.125)
        )),
        // Where both maxima of its formula have a corner, it has none.
        example!("sigmoid cross-entropy at 0", &[&[3], &[3]], |_, x| x[0].sigmoid_cross_entropy(x[1]), |x| {
            array![2.0_f64.ln(), 2.0_f64.ln(), 2.0_f64.ln()].into_dyn() + &x[0] * 0.0
        })
        .on(vec![array![0.0, 0.0, 0.0].into_dyn(), array![0.0, 0.3, 1.0].into_dyn()]),
    ];
    for dims in [[3, 4], [1, 5], [5, 1], [0, 3], [70, 3]] {
        let both = [dims.as_slice(), dims.as_slice()];
        examples.extend([
            example!("softmax cross-entropy", &both, |_, x| x[0].softmax_cross_entropy(x[1]), dense),
            example!("mean squared error", &both, |_, x| x[0].mean_squared_error(x[1]), |x| {
                let squares = zipped(x, |x, z| (x - z) * (x - z));
                ndarray::arr0(squares.sum() / squares.len() as f64).into_dyn()
            }),
            example!("huber", &both, |_, x| x[0].huber(x[1], 1.5), |x| zipped(x, |x, z| huber(x - z, 1.5))),
            example!("sigmoid cross-entropy", &both, |_, x| x[0].sigmoid_cross_entropy(x[1]), |x| zipped(
                x,
                |x, z| {
                    let sigmoid = 1.0 / (1.0 + (-x).exp());
                    -z * sigmoid.ln() - (1.0 - z) * (1.0 - sigmoid).ln()
                }
            )),
        ]);
    }
    examples
}
