//! [`LayerNorm`]: each example normalized by itself.

use super::fitting::{fault, fitting};
use super::layer::calling;
use super::{Layer, Mode, layer_norm};
use crate::initializer::{ones, zeros};
use crate::op::Fault;
use crate::{Axes, Float, Graph, Shape, Tensor, Variable};

/// y = (x - mean) / √(variance + epsilon) · gamma + beta, the same in both modes, by the mean and the (biased) variance
/// of x along the axes: see [`layer_norm`].
///
/// Gamma and beta are as long as x along these axes, and 1 along the others; anything else is a build error. `new`
/// takes the last axes. For others write the struct, here for the middle one:
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let last = LayerNorm::new(&g, "ln1", [64]);
/// let middle = LayerNorm {
///     name: "ln2".to_owned(),
///     axes: vec![1],
///     gamma: g.variable("ln2/gamma", ones([8, 1])),
///     beta: g.variable("ln2/beta", zeros([8, 1])),
///     epsilon: 1e-3,
/// };
/// let x = g.placeholder::<f32>("x", [None, Some(8), Some(64)]);
/// let y = middle.call(last.call(x, Mode::Train), Mode::Train);
/// assert_eq!(y.shape().to_string(), "[?, 8, 64]");
/// ```
#[derive(Clone, Debug)]
pub struct LayerNorm<'g, T = f32> {
    /// The layer's name, a scope for the nodes of each call.
    pub name: String,
    /// The axes along which it normalizes; negative ones count from the end.
    pub axes: Vec<isize>,
    /// The scale.
    pub gamma: Variable<'g, T>,
    /// The offset.
    pub beta: Variable<'g, T>,
    /// What keeps a variance of 0 from being divided by.
    pub epsilon: f64,
}

impl<'g, T: Float> LayerNorm<'g, T> {
    /// A layer that normalizes along the last axes, which are of these lengths. Its new variables `name/gamma` and
    /// `name/beta` start by 1 and 0; epsilon is 0.001, as in Keras.
    #[track_caller]
    pub fn new(g: &'g Graph, name: &str, lengths: impl Into<Shape>) -> Self {
        let lengths: Shape = lengths.into();
        LayerNorm {
            name: name.to_owned(),
            axes: (1..=lengths.rank()).rev().map(|from_end| -(from_end as isize)).collect(),
            gamma: g.variable(&format!("{name}/gamma"), ones(lengths.clone())),
            beta: g.variable(&format!("{name}/beta"), zeros(lengths)),
            epsilon: 1e-3,
        }
    }
}

impl<'g, T: Float> Layer<'g, T> for LayerNorm<'g, T> {
    #[track_caller]
    fn call(&self, x: Tensor<'g, T>, _: Mode) -> Tensor<'g, T> {
        calling(x.graph(), &self.name, || {
            let (inputs, axes) = ([x.any(), self.gamma.any(), self.beta.any()], self.axes.clone());
            let x = fitting(x.graph(), "layer_norm", inputs, move |[x, gamma, beta]| {
                check(x, gamma, &axes)?;
                check(x, beta, &axes)
            });
            layer_norm(x, Axes::of(self.axes.iter().copied()), self.beta, self.gamma, self.epsilon)
        })
    }
}

/// Whether a parameter is as long as x along the axes, and 1 along the others.
fn check(x: &Shape, parameter: &Shape, axes: &[isize]) -> Result<(), Fault> {
    if axes.is_empty() {
        return Err(fault("expected at least one axis to normalize along, got none".to_owned()));
    }
    let rank = x.rank() as isize;
    let expected = x.dims().iter().zip(0..rank).map(|(&length, axis)| {
        let is_normalised = axes.contains(&axis) || axes.contains(&(axis - rank));
        if is_normalised { length } else { Some(1) }
    });
    // Axes that the parameter does not have in front are as if of length 1.
    let missing = x.rank().saturating_sub(parameter.rank());
    let found = std::iter::repeat_n(Some(1), missing).chain(parameter.dims().iter().copied());
    let fits = |(expected, found): (Option<usize>, Option<usize>)| expected.is_none() || expected == found;
    if parameter.rank() <= x.rank() && expected.zip(found).all(fits) {
        return Ok(());
    }
    Err(fault(format!(
        "expected parameters as long as x along {axes:?} and 1 along other axes, got {parameter} for x of {x}"
    )))
}
