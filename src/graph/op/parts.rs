//! Parts of one tensor put back together: the gradient by a tensor that parts were taken from.
//!
//! Each part by itself, among zeros, is as large as the whole, and to add up n of them would take n² work. Put into the
//! same zeros, all of them take as much as they are large together, whether they overlap or not.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::pick::{Along, put_back};
use super::{Attribute, AttributeValue, Attributes, MultiOp, Op};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::ir::{Lowering, Val};
use crate::shape::TensorType;

/// An op that puts a part among zeros. Its inputs are the part, the whole, of which only the shape counts, and others
/// that say where it lies.
pub(crate) trait PutBack: Op {
    /// The op as graphs hold it.
    fn into_op(self: Arc<Self>) -> Arc<dyn MultiOp>;

    /// Where the part lies, by the lengths of the inputs, which the shape rule has accepted.
    fn axes(&self, lengths: &[&[usize]]) -> Vec<Along>;

    /// The part of a tensor as large as the whole. The inputs are those of the op.
    fn take<'g>(&self, from: AnyTensor<'g>, inputs: &[AnyTensor<'g>]) -> AnyTensor<'g>;
}

/// The inputs of an op that puts a part back.
type Inputs<T> = SmallVec<[T; 3]>;

/// A part that is to be put back.
#[derive(Clone, Debug)]
pub(crate) struct Part<'g> {
    op: Arc<dyn PutBack>,
    inputs: Inputs<AnyTensor<'g>>,
}

impl<'g> Part<'g> {
    pub(crate) fn new(
        op: impl PutBack,
        part: AnyTensor<'g>,
        whole: AnyTensor<'g>,
        others: &[AnyTensor<'g>],
    ) -> Self {
        Part { op: Arc::new(op), inputs: [part, whole].into_iter().chain(others.iter().copied()).collect() }
    }

    /// The parts of one tensor in their places, 0 where there is none, and added up where they overlap.
    pub(crate) fn put_back(parts: Vec<Part<'g>>) -> Option<AnyTensor<'g>> {
        let [_, whole, ..] = parts.first()?.inputs[..] else { return None };
        if let [Part { op, inputs }] = &parts[..] {
            return Some(whole.graph().apply_shared(Arc::clone(op).into_op(), inputs));
        }
        let mut all = vec![whole];
        let counted = parts.into_iter().map(|Part { op, inputs }| {
            all.extend(inputs.iter().enumerate().filter(|&(index, _)| index != 1).map(|(_, &input)| input));
            (op, inputs.len())
        });
        let together = Together::of(counted);
        Some(whole.graph().apply(together, &all))
    }
}

/// The first input is the whole; those of each part stand behind it.
#[derive(Debug)]
pub(crate) struct Together {
    parts: Vec<(Arc<dyn PutBack>, std::ops::Range<usize>)>,
    /// Whether an input is a part.
    is_part: Vec<bool>,
}

impl Together {
    /// The ops that put the parts back, each with the number of its inputs.
    pub(crate) fn of(ops: impl IntoIterator<Item = (Arc<dyn PutBack>, usize)>) -> Self {
        let mut together = Together { parts: Vec::new(), is_part: vec![false] };
        for (op, inputs) in ops {
            let start = together.is_part.len();
            // All have the first input of this op for their second one.
            let end = start + inputs.saturating_sub(1);
            together.parts.push((op, start..end));
            together.is_part.extend((start..end).map(|input| input == start));
        }
        together
    }

    /// Each op with its own inputs, among all, and the place of its part.
    fn each<'a, T: Copy>(
        &'a self,
        inputs: &'a [T],
    ) -> impl Iterator<Item = (&'a dyn PutBack, Inputs<T>, usize)> {
        self.parts.iter().map(|(op, range)| {
            let mut own: Inputs<T> = smallvec![inputs[range.start], inputs[0]];
            own.extend_from_slice(&inputs[range.start + 1..range.end]);
            (&**op, own, range.start)
        })
    }
}

impl Op for Together {
    fn name(&self) -> &'static str {
        "parts_transposed"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        for (op, own, _) in self.each(inputs) {
            op.infer(&own)?;
        }
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let parts: Vec<(Val, Vec<Along>)> = self
            .each(inputs)
            .map(|(op, own, part)| {
                let lengths: Inputs<&[usize]> = own.iter().map(|&input| to.dims(input)).collect();
                (inputs[part], op.axes(&lengths))
            })
            .collect();
        let dims = to.dims(inputs[0]).to_vec();
        put_back(&parts, &dims, to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let inputs = at.inputs().to_vec();
        for (op, own, part) in self.each(&inputs) {
            at.give(part, |dy| op.take(dy, &own));
        }
    }

    fn differentiable(&self, input: usize) -> bool {
        self.is_part.get(input) == Some(&true)
    }

    fn attributes(&self) -> Attributes {
        let parts = self.parts.iter().map(|(op, _)| {
            let part = Attributes::new().with("op", op.name()).with("attributes", op.attributes());
            part.into_attribute()
        });
        Attributes::new().with("parts", Attribute::List(parts.collect()))
    }
}
