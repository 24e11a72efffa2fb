//! `custom_gradient`: a function composed of ops whose gradient the user writes.
//!
//! The function is one as any other; its call passes gradients to its arguments by the user's rule, and never through
//! the function's body.

use crate::error::Fault;
use crate::gradient::{GradientFault, Pullback};
use crate::graph::Float;
use crate::graph::op::{Expect, ExpectShape, Rule};
use crate::graph::{AnyTensor, Detached, Run, Tensor};
use crate::shape::Shape;

pub(super) const METHODS: &[&[crate::graph::op::OpDef]] = &[];

/// What can be wrong with a custom gradient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CustomGradientFault {
    /// It gives an input a gradient of another shape.
    #[error("the custom gradient of `{x}`: expected shape {expected}, got {found}")]
    Shape {
        /// Name of the input.
        x: String,
        /// Its shape.
        expected: Shape,
        /// Shape of the gradient given.
        found: Shape,
    },
}

/// A share of the cotangent, which must have the shape of its input.
fn fitted<'g>(share: AnyTensor<'g>, input: AnyTensor<'g>) -> AnyTensor<'g> {
    let (expected, found) = (input.shape(), share.shape());
    if share.is_invalid() || expected.is_known() && found == expected {
        return share;
    }
    if !found.agrees_with(&expected) {
        let fault = Fault::op(CustomGradientFault::Shape { x: input.name(), expected, found });
        return share.graph().invalid_any("custom_gradient", fault);
    }
    // What is not known yet is checked when it is.
    share.binary(Expect(ExpectShape(None)), input)
}

/// What a custom gradient is computed from: the function's inputs, its result, and the result's own gradient.
#[derive(Clone, Copy, Debug)]
pub struct CustomPullback<'g, T, const N: usize> {
    inputs: [Tensor<'g, T>; N],
    output: Tensor<'g, T>,
    cotangent: Tensor<'g, T>,
}

impl<'g, T: Float, const N: usize> CustomPullback<'g, T, N> {
    /// The inputs of the function.
    pub fn inputs(&self) -> [Tensor<'g, T>; N] {
        self.inputs
    }

    /// One input of the function, counted from 0; one that it does not have is a build error.
    #[track_caller]
    pub fn input(&self, index: usize) -> Tensor<'g, T> {
        let Some(&input) = self.inputs.get(index) else {
            let fault = Fault::op(GradientFault::NoSuchInput { input: index, inputs: N });
            return Tensor::typed(self.output.any().graph().invalid_any("custom_gradient", fault));
        };
        input
    }

    /// The result of the function.
    pub fn output(&self) -> Tensor<'g, T> {
        self.output
    }

    /// The gradient of the result, in its shape: what a gradient of an input multiplies.
    pub fn cotangent(&self) -> Tensor<'g, T> {
        self.cotangent
    }
}

/// The result of `forward` on the inputs, whose gradient is what `pullback` says, whatever `forward` is made of.
///
/// It serves where the gradient of the parts is not that of the whole in floating-point arithmetic, or where
/// another one than the true one is wanted, such as a gradient that is clipped or passed straight through.
///
/// `pullback` gives one tensor for each input, of the input's shape, computed from the inputs, the output, the
/// [`cotangent`](CustomPullback::cotangent), and whatever tensors of the graph it uses beside them. What it gives is made
/// of nodes as well, and is differentiated for second derivatives. Tensors that `forward` uses without
/// being given them as inputs get no gradient.
///
/// Below a branch that [`select`](Tensor::select) did not take, the cotangent is 0. The gradients of the crate's ops
/// are 0 there, also where their slopes are infinite or NaN. This does not hold for plain products in `pullback`:
/// `at.cotangent() * slope` is NaN where the cotangent is 0 and the slope infinite. Where that can happen, choose
/// between the product and 0 with a `select` of your own, by a condition on the inputs.
///
/// Both are built at once, as [functions](crate::Graph::function): what they make inside is their own. Its tensors are
/// neither fed nor fetched, and are used outside as the results alone.
///
/// # Errors
/// It is a build error to change a variable in either. A gradient whose shape is not that of its input is a build
/// error, found when gradients are built or,
/// where lengths are unknown, when they become known.
///
/// ```
/// use flowgrad::prelude::*;
///
/// /// ln(1 + eˣ). Its parts' gradient is eˣ/(1 + eˣ), which is ∞/∞ for large x; 1 - 1/(1 + eˣ) is the same, and
/// /// 1 there.
/// fn log1pexp(x: Tensor<'_, f64>) -> Tensor<'_, f64> {
///     custom_gradient(
///         [x],
///         |[x]| (x.exp() + 1.0).ln(),
///         |at| [at.cotangent() * (1.0 - 1.0 / (at.input(0).exp() + 1.0))],
///     )
/// }
///
/// let g = Graph::new();
/// let x = g.constant(ndarray::arr1(&[0.0, 1000.0]));
/// let [by_parts] = (x.exp() + 1.0).ln().gradients([x]);
/// let [by_rule] = log1pexp(x).gradients([x]);
/// let (by_parts, by_rule) = Session::builder(&g).optimize(false).build()?.run((by_parts, by_rule))?;
/// assert!(by_parts[1].is_nan());
/// assert_eq!(by_rule, ndarray::arr1(&[0.5, 1.0]).into_dyn());
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[track_caller]
pub fn custom_gradient<'g, T: Float, const N: usize>(
    inputs: [impl Into<Tensor<'g, T>>; N],
    forward: impl FnOnce([Tensor<'g, T>; N]) -> Tensor<'g, T>,
    pullback: impl FnOnce(CustomPullback<'g, T, N>) -> [Tensor<'g, T>; N],
) -> Tensor<'g, T> {
    let inputs = inputs.map(Into::into);
    let Some(graph) = inputs.first().map(|input| input.graph()) else {
        // Nothing to which a gradient could go.
        return forward(inputs).stop_gradient();
    };
    let forward = graph.function_named("forward", inputs, forward);
    let output = *forward.results();
    let pullback =
        graph.function_named("pullback", (inputs, output, output), |(inputs, output, cotangent)| {
            pullback(CustomPullback { inputs, output, cotangent })
        });
    let (body, shares) = pullback.body();
    let captures: Vec<Detached> = pullback.captures().into_iter().map(AnyTensor::detached).collect();
    let rule: Rule = Box::new(move |at: &mut Pullback<'_>| {
        let output = at.output();
        let graph = output.graph();
        // A rule that does not fit is the fault of the line that gave it.
        graph.attributed(output.location(), || {
            let wanted: Vec<usize> = (0..N).filter(|&input| at.wants(input)).collect();
            let results: Vec<_> = wanted.iter().map(|&input| shares[input]).collect();
            let captures = captures.iter().filter_map(|&captured| graph.attached(captured));
            let given = at.inputs()[..N].iter().copied().chain([output, at.cotangent()]).chain(captures);
            let given: Vec<AnyTensor<'_>> = given.collect();
            let shares = graph.call_body(body, &results, &given, Run::default(), |call| call);
            for (input, share) in wanted.into_iter().zip(shares) {
                let share = fitted(share, at.input(input));
                at.give(input, |_| share);
            }
        });
    });
    forward.call_as(inputs, |call| call.with_gradient(N, rule))
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    vec![
        example!(
            "custom gradient of ln(1 + eˣ)",
            &[&[2, 3]],
            |_, x| custom_gradient(
                [x[0]],
                |[x]| x.exp().log1p(),
                |at| {
                    let e = at.input(0).exp();
                    [at.cotangent() * (e / (e + 1.0))]
                }
            ),
            |x| x[0].mapv(|x| x.exp().ln_1p()),
        ),
        example!(
            "custom gradient of a·eᵇ",
            &[&[3], &[3]],
            |_, x| custom_gradient(
                [x[0], x[1]],
                |[a, b]| a * b.exp(),
                |at| {
                    let [a, _] = at.inputs();
                    [at.cotangent() * at.output() / a, at.cotangent() * at.output()]
                }
            ),
            |x| &x[0] * &x[1].mapv(f64::exp),
        ),
    ]
}
