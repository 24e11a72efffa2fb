//! Gradients against central differences: [`check_gradients`] and [`GradientCheck`].
//!
//! Takes a tensor and targets; feeds each target its own value, shifted element by element, and compares how
//! the tensor changes with what its gradient says. What is differentiated is Σ w·y for fixed weights `w` of
//! both signs, not Σ y: the sum of a softmax, or of anything else that is normalized, is constant, and its
//! gradient is 0 however wrong the parts are.

use ndarray::{ArrayD, Dimension, Zip};

use super::bench::Bench;
use super::numbers;
use super::report::{Report, Standard, TargetReport};
use crate::element::{DType, Element, Numeric, Value};
use crate::error::{Error, Result};
use crate::gradient::Gradients;
use crate::graph::{AnyTensor, Float, Graph, Tensor};
use crate::memory::OutOfMemory;
use crate::session::Feedable;

/// The five-point rule: shifts in steps, and the weights of what is found there, over 12 steps. Its error is of
/// the fourth order in the step.
const RULE: [(f64, f64); 4] = [(-2.0, 1.0), (-1.0, -8.0), (1.0, 8.0), (2.0, -1.0)];

/// Compares the gradients of `y` by each target with central differences: [`GradientCheck`] without options.
///
/// Targets may be constants, variables, placeholders or intermediate tensors. They are shifted about their own
/// value in a fresh session, variables at their start. Placeholders of floats whose shape is known take seeded
/// values away from 0; others must be fed, by [`GradientCheck::feed`]. The report says for each target where
/// the two differ most.
///
/// It adds the nodes of the gradients to the graph.
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::testing::check_gradients;
/// let g = Graph::new();
/// let x = g.placeholder::<f64>("x", [2, 3]);
/// let report = check_gradients(&g, x.softmax(-1), &[x])?;
/// println!("{report}");
/// report.assert_close(1e-6);
/// # Ok::<(), flowgrad::Error>(())
/// ```
///
/// # Errors
/// Build errors, tensors of another graph, and whatever keeps a run from computing `y`, such as a
/// placeholder that is not fed.
#[track_caller]
pub fn check_gradients<'g, T: Float>(
    graph: &'g Graph,
    y: impl Into<Tensor<'g, T>>,
    xs: &[impl Copy + Into<Tensor<'g, T>>],
) -> Result<Report> {
    GradientCheck::of(graph, y).wrt(xs)
}

/// A comparison of gradients with central differences, with its options.
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::testing::GradientCheck;
/// let g = Graph::new();
/// let x = g.placeholder::<f32>("x", [None, Some(3)]);
/// let y = x.sigmoid().reduce_sum(-1);
/// let report = GradientCheck::of(&g, y)
///     .feed(x, &ndarray::arr2(&[[0.5, -1.0, 2.0]]))
///     .second_order()
///     .wrt(&[x])?;
/// report.assert_close(1e-3);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is checked before `wrt` names the targets"]
pub struct GradientCheck<'g, T = f32> {
    graph: &'g Graph,
    y: Tensor<'g, T>,
    /// What tensors are fed, unless there was no memory for it.
    feeds: Vec<(AnyTensor<'g>, std::result::Result<Value, OutOfMemory>)>,
    step: f64,
    seed: u64,
    orders: usize,
}

impl<'g, T: Float> GradientCheck<'g, T> {
    /// Of the gradients of this tensor.
    pub fn of(graph: &'g Graph, y: impl Into<Tensor<'g, T>>) -> Self {
        // About the fifth root of the precision, where the rule's error and that of rounding are of a size, and
        // shorter, to keep away from kinks; powers of two, which shift most numbers without rounding.
        let step = if T::DTYPE == DType::F32 { 2_f64.powi(-6) } else { 2_f64.powi(-14) };
        GradientCheck { graph, y: y.into(), feeds: Vec::new(), step, seed: 0, orders: 1 }
    }

    /// Feeds a tensor in all runs: any tensor, also a target, which is then shifted about this value.
    pub fn feed<'v, U: Element>(
        mut self,
        tensor: impl Into<Tensor<'g, U>>,
        value: impl Feedable<'v, U>,
    ) -> Self {
        self.feeds.push((tensor.into().any(), value.into_fed().to_value()));
        self
    }

    /// The distance between samples, for numbers up to 1; larger ones take one that is larger by a power of
    /// two. By default 2⁻¹⁴ for `f64` and 2⁻⁶ for `f32`.
    pub fn step(self, step: f64) -> Self {
        GradientCheck { step, ..self }
    }

    /// Other weights, and other values for placeholders that are not fed.
    pub fn seed(self, seed: u64) -> Self {
        GradientCheck { seed, ..self }
    }

    /// Compares second derivatives as well: the gradient by each target of the weighted sum of all gradients.
    pub fn second_order(self) -> Self {
        GradientCheck { orders: 2, ..self }
    }

    /// Compares the gradients by these targets.
    ///
    /// A target without a gradient counts as one whose gradient is 0, so a `stop_gradient` on a path that
    /// matters is found.
    ///
    /// # Errors
    /// As for [`check_gradients`].
    #[track_caller]
    pub fn wrt(self, xs: &[impl Copy + Into<Tensor<'g, T>>]) -> Result<Report> {
        let xs: Vec<Tensor<'g, T>> = xs.iter().map(|&x| x.into()).collect();
        let mut weight = numbers(self.seed.wrapping_add(1));
        let (graph, orders, step, y) = (self.graph, self.orders, self.step, self.y);
        let bench = self.bench(xs.iter().map(|x| x.any()))?;
        let points = bench.run(None, &xs)?;

        let mut report = Report::against(Standard::Differences);
        let mut functions = vec![y];
        for order in (1..=orders).filter(|_| !xs.is_empty()) {
            let values = bench.run(None, &functions)?;
            let weights: Vec<ArrayD<T>> =
                values.iter().map(|value| value.map(|_| <T as Numeric>::from_f64(weight()))).collect();
            let mut starts = Vec::new();
            for weight in &weights {
                starts.push(graph.constant(weight));
            }
            let gradients = Gradients::of(functions.clone()).grad_ys(starts).wrt(&xs);
            graph.check()?;
            for ((x, point), gradient) in xs.iter().zip(&points).zip(&gradients) {
                let numeric = bench.slopes((*x, point), &functions, &weights, step)?;
                let found = bench.run(Some((*x, point)), gradient.as_slice())?.pop();
                let autodiff = found.unwrap_or_else(|| ArrayD::zeros(point.raw_dim()));
                // A gradient has its target's shape, or the run has refused it.
                let pairs = numeric.indexed_iter().zip(&autodiff);
                let elements = pairs.map(|((index, &numeric), found)| {
                    (index.as_array_view().to_vec(), found.as_f64(), numeric)
                });
                let (shape, connected) = (point.shape().to_vec(), gradient.is_some());
                report.targets.push(TargetReport::of(x.name(), shape, order, connected, elements));
            }
            functions = gradients.into_iter().flatten().collect();
            if functions.is_empty() {
                break;
            }
        }
        Ok(report)
    }

    /// Where the graph is evaluated, for these targets; refuses what is wrong with the check as a whole.
    pub(super) fn bench(self, targets: impl IntoIterator<Item = AnyTensor<'g>>) -> Result<Bench<'g, T>> {
        let graph = self.graph;
        graph.check()?;
        let mentioned: Vec<AnyTensor<'g>> = std::iter::once(self.y.any()).chain(targets).collect();
        let fed = self.feeds.iter().map(|(any, _)| any);
        if let Some(&any) = mentioned.iter().chain(fed).find(|any| !any.is_of(graph)) {
            return Err(Error::OtherGraph(any.site()));
        }
        let feeds = self.feeds.into_iter().map(|(any, value)| match value {
            Ok(value) => Ok((any, value)),
            Err(OutOfMemory { bytes, .. }) => Err(Error::OutOfMemory { bytes, site: Some(any.site()) }),
        });
        Bench::new(graph, feeds.collect::<Result<_>>()?, &mentioned, self.seed)
    }

    /// What is differentiated.
    pub(super) fn differentiated(&self) -> Tensor<'g, T> {
        self.y
    }
}

impl<'g, T: Float> Bench<'g, T> {
    /// The derivative of the weighted sum of the functions by each element of a target at a point. Values are
    /// subtracted before they are summed, in double precision, so that a large sum hides no small change.
    fn slopes(
        &self,
        (x, point): (Tensor<'g, T>, &ArrayD<T>),
        functions: &[Tensor<'g, T>],
        weights: &[ArrayD<T>],
        step: f64,
    ) -> Result<ArrayD<f64>> {
        let mut slopes = ArrayD::zeros(point.raw_dim());
        let mut shifted = point.clone();
        for (index, &centre) in point.indexed_iter() {
            let step = step * centre.as_f64().abs().max(1.0).log2().ceil().exp2();
            let mut change: Vec<ArrayD<f64>> = weights.iter().map(|w| ArrayD::zeros(w.raw_dim())).collect();
            for (steps, factor) in RULE {
                shifted[&index] = <T as Numeric>::from_f64(centre.as_f64() + steps * step);
                let values = self.run(Some((x, &shifted)), functions)?;
                for (change, value) in change.iter_mut().zip(&values) {
                    Zip::from(change).and(value).for_each(|change, value| *change += factor * value.as_f64());
                }
            }
            shifted[&index] = centre;
            let weighted = change.iter().zip(weights).map(|(change, weights)| {
                change.iter().zip(weights).map(|(change, weight)| change * weight.as_f64()).sum::<f64>()
            });
            slopes[&index] = weighted.sum::<f64>() / (12.0 * step);
        }
        Ok(slopes)
    }
}
