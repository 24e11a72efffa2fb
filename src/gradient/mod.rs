//! Reverse-mode differentiation as a pass from graph to graph.
//!
//! Takes tensors to differentiate and targets; gives, for each target, a tensor of the same graph
//! that is the derivative of their sum. It knows no op: it asks each node's op for the cotangents
//! of its inputs, and itself
//!
//! 1. marks the nodes between targets and results, through edges that a gradient can pass,
//! 2. walks them backwards, adding up the cotangents that reach a node, and putting its parts together, and
//! 3. sums a cotangent back to its source's shape where the op broadcast it: the only place that does.
//!
//! Gradients are ordinary nodes: they can be fetched, fed, optimized and differentiated again.
//!
//! - [`sweep`] is that pass; what an op sees of it is the [`Pullback`].
//! - [`multiple`] looks at what a cotangent is made of, for an op that must not divide by its own value.
//! - [`function`] differentiates calls of functions: their gradients are functions; [`branches`] and [`loops`] likewise.
//! - [`request`] is how users ask for it, with what it starts from and where it stops.
//! - [`derivatives`] makes Jacobians, Hessians and products with them out of it.

mod branches;
mod derivatives;
mod fault;
mod function;
mod loops;
mod multiple;
mod request;
mod sweep;

use smallvec::SmallVec;

use crate::error::Fault;
use crate::graph::AnyTensor;
use crate::graph::op::{Outputs, Part, PutBack, Scaled, SumLike};
use crate::ir::TensorId;
use crate::shape::TensorType;

pub(crate) use branches::pull_back_branches;
pub(crate) use function::pull_back_call;
pub(crate) use loops::pull_back_loop;

pub use derivatives::{
    hessian, hessian_vector_product, hessian_vector_product_or_zeros, jacobian, jvp, jvp_or_zeros,
};
pub use fault::{GradientFault, NoGradient};
pub use request::Gradients;

/// What an op sees of its node while the sweep passes it: the node's inputs, its outputs, and their cotangents, the
/// gradients of the result by the outputs.
#[derive(Debug)]
pub struct Pullback<'g> {
    outputs: Outputs<AnyTensor<'g>>,
    /// One for each output that a gradient has reached; one at least.
    cotangents: Outputs<Option<AnyTensor<'g>>>,
    /// The inputs' values as the node sees them.
    inputs: PerInput<AnyTensor<'g>>,
    /// The inputs themselves, to which cotangents go.
    sources: PerInput<AnyTensor<'g>>,
    wanted: PerInput<bool>,
    /// Whether the cotangent may be 0 at elements that were not taken, whose slopes must not matter.
    zero_where_untaken: bool,
    given: PerInput<(TensorId, Share<'g>)>,
}

/// What an input is given of a cotangent.
#[derive(Debug)]
enum Share<'g> {
    Whole(AnyTensor<'g>),
    /// What belongs among zeros, which it shares with other parts.
    Part(Box<Part<'g>>),
}

/// One of something for each input of a node; few ops take more than three.
type PerInput<T> = SmallVec<[T; 3]>;

impl<'g> Pullback<'g> {
    /// The node's own value; of several, the first.
    pub fn output(&self) -> AnyTensor<'g> {
        self.outputs[0]
    }

    /// The values of all outputs.
    pub fn outputs(&self) -> &[AnyTensor<'g>] {
        &self.outputs
    }

    /// The gradient of the node's own value; of several, the first, or zeros if none has reached it.
    pub fn cotangent(&self) -> AnyTensor<'g> {
        self.cotangents[0].unwrap_or_else(|| self.output().filled(0.0))
    }

    /// The gradients of all outputs, of those that one has reached.
    pub fn cotangents(&self) -> &[Option<AnyTensor<'g>>] {
        &self.cotangents
    }

    /// The inputs themselves, to which cotangents go.
    pub(crate) fn sources(&self) -> &[AnyTensor<'g>] {
        &self.sources
    }

    /// Whether the cotangents may be 0 at elements that were not taken.
    pub(crate) fn is_zero_where_untaken(&self) -> bool {
        self.zero_where_untaken
    }

    /// Gives an input a share of all cotangents together.
    pub(crate) fn add(&mut self, input: usize, share: AnyTensor<'g>) {
        if self.wants(input) {
            self.push(input, share);
        }
    }

    /// Whether an input's share of the cotangent is asked for.
    pub fn wants(&self, index: usize) -> bool {
        self.wanted.get(index) == Some(&true)
    }

    /// The value of an input; one that the node does not have is a build error.
    pub fn input(&self, index: usize) -> AnyTensor<'g> {
        self.inputs.get(index).copied().unwrap_or_else(|| {
            let fault = Fault::op(GradientFault::NoSuchInput { input: index, inputs: self.inputs.len() });
            self.output().graph().invalid_any("gradients", fault)
        })
    }

    /// The values of all inputs.
    pub fn inputs(&self) -> &[AnyTensor<'g>] {
        &self.inputs
    }

    /// Gives an input the cotangent times the op's slope there, for elementwise ops. Below a `select` it is 0 where
    /// the cotangent is, whatever the slope.
    pub fn scale<S: Into<AnyTensor<'g>>>(&mut self, input: usize, slope: impl FnOnce() -> S) {
        let times = self.times();
        self.give(input, |dy| times(dy, slope().into()));
    }

    /// How a cotangent is multiplied by a slope.
    pub(crate) fn times(&self) -> fn(AnyTensor<'g>, AnyTensor<'g>) -> AnyTensor<'g> {
        if self.zero_where_untaken {
            |cotangent, slope| cotangent.binary(Scaled, slope)
        } else {
            |cotangent, slope| cotangent * slope
        }
    }

    /// Gives an input the cotangent over the reciprocal of the op's slope there, for elementwise ops.
    pub fn divide<S: Into<AnyTensor<'g>>>(&mut self, input: usize, divisor: impl FnOnce() -> S) {
        let zero_where_untaken = self.zero_where_untaken;
        self.give(input, |dy| {
            let divisor = divisor().into();
            if zero_where_untaken {
                dy.binary(Scaled, divisor.scalar_like(1.0) / divisor)
            } else {
                dy / divisor
            }
        });
    }

    /// Gives an input its share of the cotangent; nothing is built for an input that needs none. Of several outputs it
    /// is the cotangent of the first.
    pub fn give<S: Into<AnyTensor<'g>>>(&mut self, input: usize, share: impl FnOnce(AnyTensor<'g>) -> S) {
        self.give_from(0, input, share);
    }

    /// Gives an input its share of the cotangent of one of several outputs; nothing is built for an input that needs
    /// none, or for an output that no gradient has reached. What is given of several outputs adds up.
    pub fn give_from<S: Into<AnyTensor<'g>>>(
        &mut self,
        output: usize,
        input: usize,
        share: impl FnOnce(AnyTensor<'g>) -> S,
    ) {
        if let Some(cotangent) = self.asked_for(output, input) {
            self.push(input, share(cotangent).into());
        }
    }

    /// The cotangent of an output, of which an input needs its share.
    fn asked_for(&self, output: usize, input: usize) -> Option<AnyTensor<'g>> {
        let fault = if input >= self.sources.len() {
            GradientFault::NoSuchInput { input, inputs: self.sources.len() }
        } else if output >= self.outputs.len() {
            GradientFault::NoSuchOutput { output, outputs: self.outputs.len() }
        } else {
            return self.cotangents[output].filter(|_| self.wanted[input]);
        };
        // A node of its own: `Graph::check` and sessions report it.
        self.output().graph().invalid_any("gradients", Fault::op(fault));
        None
    }

    /// Notes an input's share, in the input's type and shape.
    fn push(&mut self, input: usize, share: AnyTensor<'g>) {
        let source = self.sources[input];
        self.given.push((source.id(), Share::Whole(fitted(share, source))));
    }

    /// Gives an input the cotangent as a part of it, which the op puts among zeros. Parts of one tensor are put there
    /// together when all of them are known.
    pub(crate) fn put_back<P: PutBack>(
        &mut self,
        input: usize,
        op: impl FnOnce() -> P,
        others: &[AnyTensor<'g>],
    ) {
        self.put_back_from(0, input, op, others);
    }

    /// The same with the cotangent of one of several outputs.
    pub(crate) fn put_back_from<P: PutBack>(
        &mut self,
        output: usize,
        input: usize,
        op: impl FnOnce() -> P,
        others: &[AnyTensor<'g>],
    ) {
        if let (true, Some(cotangent)) = (self.wants(input), self.cotangents[output]) {
            let part = Part::new(op(), cotangent, self.inputs[input], others);
            self.given.push((self.sources[input].id(), Share::Part(Box::new(part))));
        }
    }
}

/// The cotangent in the shape of the tensor it belongs to, whose element type it must have.
fn fitted<'g>(cotangent: AnyTensor<'g>, source: AnyTensor<'g>) -> AnyTensor<'g> {
    let (expected, found) = (TensorType::of(source), TensorType::of(cotangent));
    if found == expected && expected.shape.is_known() {
        return cotangent;
    }
    if found.dtype == expected.dtype || cotangent.is_invalid() {
        return cotangent.binary(SumLike, source);
    }
    let (expected, found) = (expected.dtype, found.dtype);
    cotangent.graph().invalid_any("gradients", Fault::ElementType { expected, found })
}
