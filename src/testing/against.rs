//! Gradients derived by hand against autodiff: [`check_against`], and [`ByHand`], what a derived gradient may be.
//!
//! Takes a tensor, and for each target a gradient; runs autodiff's gradients and those that are tensors in one run, so
//! that random ops have drawn the same for both, and computes the others from the targets' values.

use ndarray::{Array, ArrayBase, ArrayD, Data, Dimension};

use super::differences::GradientCheck;
use super::report::{Report, Standard, TargetReport};
use crate::element::DType;
use crate::error::{Error, Result};
use crate::gradient::Gradients;
use crate::graph::Float;
use crate::graph::{AnyTensor, Graph, Tensor, Variable};

/// What is wrong with a gradient derived by hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ByHandError {
    /// A target, or its gradient, has elements of another type than the tensor that is differentiated.
    #[error("{what} of target `{target}`: expected elements of {expected}, got {found}")]
    ElementType {
        /// Name of the target.
        target: String,
        /// `"the value"` or `"the gradient by hand"`.
        what: &'static str,
        /// The element type of the tensor that is differentiated.
        expected: DType,
        /// The other one.
        found: DType,
    },
    /// A gradient of another shape than its target.
    #[error("the gradient by hand of target `{target}`: expected shape {expected:?}, got {found:?}")]
    Shape {
        /// Name of the target.
        target: String,
        /// The target's shape.
        expected: Vec<usize>,
        /// Shape of the gradient.
        found: Vec<usize>,
    },
}

impl From<ByHandError> for Error {
    fn from(error: ByHandError) -> Self {
        Error::Other(std::sync::Arc::new(error))
    }
}

/// A gradient derived by hand, for a check in elements of type `T`: a tensor or variable, an array or a view, or a
/// closure that computes an array from the values of all targets, in the order of the list.
///
/// The pairs of a list are of one type. Where gradients are given in several ways, write `&by_hand as &dyn ByHand<_>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no gradient by hand in elements of `{T}`",
    label = "expected a tensor, a variable, an array, or a closure of `&[ArrayD<{T}>]` that gives an array",
    note = "gradients that are given in several ways are one list as `&by_hand as &dyn ByHand<_>`"
)]
pub trait ByHand<'g, T> {
    /// The gradient as a tensor of the graph, if it is one.
    #[doc(hidden)]
    fn tensor(&self) -> Option<AnyTensor<'g>>;

    /// The gradient where the targets have these values, if it is none.
    #[doc(hidden)]
    fn array(&self, targets: &[ArrayD<T>]) -> Option<ArrayD<T>>;
}

/// Implements the trait for handles.
macro_rules! tensors {
    ($($handle:ty)*) => {$(
        impl<'g, T: Float> ByHand<'g, T> for $handle {
            fn tensor(&self) -> Option<AnyTensor<'g>> {
                Some((*self).into())
            }

            fn array(&self, _: &[ArrayD<T>]) -> Option<ArrayD<T>> {
                None
            }
        }
    )*};
}
tensors! {
    AnyTensor<'g>
    Tensor<'g, T>
    Variable<'g, T>
}

impl<'g, T: Float, S: Data<Elem = T>, D: Dimension> ByHand<'g, T> for ArrayBase<S, D> {
    fn tensor(&self) -> Option<AnyTensor<'g>> {
        None
    }

    fn array(&self, _: &[ArrayD<T>]) -> Option<ArrayD<T>> {
        Some(self.to_owned().into_dyn())
    }
}

impl<'g, T: Float, D: Dimension, F: Fn(&[ArrayD<T>]) -> Array<T, D>> ByHand<'g, T> for F {
    fn tensor(&self) -> Option<AnyTensor<'g>> {
        None
    }

    fn array(&self, targets: &[ArrayD<T>]) -> Option<ArrayD<T>> {
        Some(self(targets).into_dyn())
    }
}

impl<'g, T: Float> ByHand<'g, T> for &dyn ByHand<'g, T> {
    fn tensor(&self) -> Option<AnyTensor<'g>> {
        (**self).tensor()
    }

    fn array(&self, targets: &[ArrayD<T>]) -> Option<ArrayD<T>> {
        (**self).array(targets)
    }
}

/// Compares gradients derived by hand with those of autodiff: d(Σy)/dx for each target x beside the gradient that is
/// given for it. [`GradientCheck::against`] has options, and feeds placeholders.
///
/// Targets may be of any kind, also untyped, and gradients [too](ByHand). All are evaluated once, in a fresh session,
/// with variables at their start and known placeholders as for [`check_gradients`](super::check_gradients). The report
/// says for each target where the two differ most; both come from the same formula in the end, so they should differ by
/// rounding alone, and `1e-12` is a usual tolerance in `f64`.
///
/// It adds the nodes of autodiff's gradients to the graph.
///
/// ```
/// use flowgrad::ndarray::{array, Array2, ArrayD, Ix2};
/// use flowgrad::prelude::*;
/// use flowgrad::testing::check_against;
///
/// # fn main() -> Result<()> {
/// let (points, targets) = (array![[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], array![[2.0], [2.0], [5.0]]);
/// let g = Graph::new();
/// let (x, d) = (g.constant(&points), g.constant(&targets));
/// let w = g.variable("w", array![[0.0], [0.0]]);
/// let error = x.matmul(w) - d;
/// let loss = error.square().reduce_mean(..);
///
/// // As a tensor,
/// let by_hand = 2.0 / 3.0 * x.transpose().matmul(error);
/// check_against(&g, loss, &[(w, by_hand)])?.assert_close(1e-12);
/// // as a function on arrays, of the values of the targets,
/// let formula = |at: &[ArrayD<f64>]| -> Array2<f64> {
///     let w = at[0].view().into_dimensionality::<Ix2>().unwrap();
///     2.0 / 3.0 * points.t().dot(&(points.dot(&w) - &targets))
/// };
/// check_against(&g, loss, &[(w, formula)])?.assert_close(1e-12);
/// // and as an array.
/// check_against(&g, loss, &[(w, array![[-6.0], [-8.0]])])?.assert_close(1e-12);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Build errors, tensors of another graph, [`ByHandError`] for a gradient of another shape or element type than its
/// target, and whatever keeps a run from computing the gradients, such as a placeholder that is not fed.
#[track_caller]
pub fn check_against<'g, T: Float>(
    graph: &'g Graph,
    y: impl Into<Tensor<'g, T>>,
    pairs: &[(impl Copy + Into<AnyTensor<'g>>, impl ByHand<'g, T>)],
) -> Result<Report> {
    GradientCheck::of(graph, y).against(pairs)
}

impl<'g, T: Float> GradientCheck<'g, T> {
    /// Compares autodiff's gradients with those derived by hand, one for each target: [`check_against`] with the feeds
    /// of this check. Of the other options only [`seed`](GradientCheck::seed) counts.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// use flowgrad::testing::GradientCheck;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", [None]);
    /// let report = GradientCheck::of(&g, x.sin().reduce_sum(..))
    ///     .feed(x, &ndarray::arr1(&[0.5, -1.0, 2.0]))
    ///     .against(&[(x, x.cos())])?;
    /// report.assert_close(1e-12);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`check_against`].
    #[track_caller]
    pub fn against(self, pairs: &[(impl Copy + Into<AnyTensor<'g>>, impl ByHand<'g, T>)]) -> Result<Report> {
        let y = self.differentiated();
        let targets: Vec<AnyTensor<'g>> = pairs.iter().map(|&(x, _)| x.into()).collect();
        let by_hand = pairs.iter().filter_map(|(_, by_hand)| by_hand.tensor());
        let bench = self.bench(targets.iter().copied().chain(by_hand))?;
        let typed = |what, x: AnyTensor<'g>, any: AnyTensor<'g>| match any.dtype() {
            found if found == T::DTYPE => Ok(Tensor::typed(any)),
            found => Err(ByHandError::ElementType { target: x.name(), what, expected: T::DTYPE, found }),
        };
        let (mut xs, mut tensors) = (Vec::new(), Vec::new());
        for (&x, (_, by_hand)) in targets.iter().zip(pairs) {
            xs.push(typed("the value", x, x)?);
            tensors.push(by_hand.tensor().map(|any| typed("the gradient by hand", x, any)).transpose()?);
        }
        let gradients = Gradients::of([y]).wrt(&xs);
        y.graph().check()?;
        // One run for all, so that each sees the same random numbers.
        let fetched = xs.iter().copied().chain(gradients.iter().chain(&tensors).flatten().copied());
        let mut values = bench.run(None, &fetched.collect::<Vec<_>>())?.into_iter();
        let points: Vec<ArrayD<T>> = values.by_ref().take(xs.len()).collect();
        let zeros = |point: &ArrayD<T>| ArrayD::zeros(point.raw_dim());
        let found: Vec<ArrayD<T>> = gradients
            .iter()
            .zip(&points)
            .map(|(gradient, point)| gradient.and_then(|_| values.next()).unwrap_or_else(|| zeros(point)))
            .collect();

        let mut report = Report::against(Standard::ByHand);
        for (index, (_, by_hand)) in pairs.iter().enumerate() {
            let (point, autodiff) = (&points[index], &found[index]);
            let derived = match tensors[index] {
                Some(_) => values.next(),
                None => by_hand.array(&points),
            };
            let derived = derived.unwrap_or_else(|| zeros(point));
            let (name, shape) = (targets[index].name(), point.shape().to_vec());
            if derived.shape() != shape {
                let found = derived.shape().to_vec();
                return Err(ByHandError::Shape { target: name, expected: shape, found }.into());
            }
            let both = autodiff.indexed_iter().zip(&derived);
            let elements = both.map(|((at, a), b)| (at.as_array_view().to_vec(), a.as_f64(), b.as_f64()));
            let connected = gradients[index].is_some();
            report.targets.push(TargetReport::of(name, shape, 1, connected, elements));
        }
        Ok(report)
    }
}
