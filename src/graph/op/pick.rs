//! Elements chosen for each axis by itself: what `slice`, `reverse`, `pad` and `split` have in common.
//!
//! Takes a [`Choice`], which says for each axis of the input where the elements along it come from; gives an op
//! whose element at an index is that of the input at the chosen indices, or the filling where an axis has none,
//! and the transposed op, which adds what it is given back to where it was taken from. Each is the other's gradient.

mod moves;

use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use super::{Attributes, MultiOp, Op, PutBack};
use crate::element::{Element as _, with_element};
use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::ir::{AxisSlice, Lowering, ScalarValue, Val};
use crate::shape::{Shape, TensorType};

use moves::{AddBack, Copy, Moves};

/// Elements next to each other along an axis of the output, which stand evenly apart in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    len: usize,
    /// The index of the first one and the step to the next; `None` for the filling.
    from: Option<(usize, isize)>,
}

impl Run {
    /// As many elements of the input from an index on, a step apart; all of them must be there.
    pub(crate) fn of(first: usize, len: usize, step: isize) -> Self {
        Run { len, from: Some((first, if len == 1 { 1 } else { step })) }
    }

    /// Where the elements stand in the input.
    #[cfg(test)]
    pub(crate) fn indices(self) -> impl Iterator<Item = isize> {
        let (first, step) = self.from.unwrap_or((0, 1));
        (0..self.len as isize).map(move |i| first as isize + i * step)
    }

    /// As many elements of the filling.
    pub(crate) fn filling(len: usize) -> Self {
        Run { len, from: None }
    }
}

type Runs = SmallVec<[Run; 3]>;

/// What becomes of an axis of the input.
#[derive(Clone, Debug)]
pub(crate) struct Along {
    /// The elements along the axis of the output; `None` while they depend on a length that is not known.
    runs: Option<Runs>,
    /// Whether the output lacks the axis, along which there is one element then.
    dropped: bool,
}

impl Along {
    pub(crate) fn unknown() -> Self {
        Along { runs: None, dropped: false }
    }

    pub(crate) fn of(runs: impl IntoIterator<Item = Run>) -> Self {
        Along { runs: Some(runs.into_iter().filter(|run| run.len > 0).collect()), dropped: false }
    }

    /// The axis as it is.
    pub(crate) fn whole(length: Option<usize>) -> Self {
        length.map_or_else(Along::unknown, |length| Along::of([Run::of(0, length, 1)]))
    }

    /// The axis left out.
    pub(crate) fn dropped(self) -> Self {
        Along { dropped: true, ..self }
    }

    /// The length of the axis of the output, if it is known and can be counted.
    fn len(&self) -> Option<usize> {
        self.runs.as_ref()?.iter().try_fold(0_usize, |sum, run| sum.checked_add(run.len))
    }
}

/// Where the elements of the output come from.
pub(crate) trait Choice: Clone + fmt::Debug + Send + Sync + 'static {
    /// The names of the op and of its transposed one.
    const NAMES: [&'static str; 2];

    /// What becomes of each axis of an input of this shape.
    fn axes(&self, shape: &Shape) -> Result<Vec<Along>, Mistake>;

    /// The element that stands where none was chosen.
    fn filling(&self) -> Option<ScalarValue> {
        None
    }

    /// The choice with 0 for the filling, as gradients need it: what fills does not depend on the input.
    fn linear(&self) -> Self {
        self.clone()
    }

    /// As the text form of the graph prints it.
    fn attributes(&self) -> Attributes;
}

/// The elements of its input that were chosen.
#[derive(Debug)]
pub(crate) struct Pick<C>(pub(crate) C);

/// The gradient of [`Pick`]: the first input, added back to where the op takes it from in the second one, of
/// which only the shape counts.
#[derive(Debug)]
pub(crate) struct PickTransposed<C>(pub(crate) C);

/// The lengths that an op gives.
pub(crate) fn shape_of(axes: &[Along]) -> Shape {
    axes.iter().filter(|along| !along.dropped).map(Along::len).collect::<Vec<_>>().into()
}

/// The chosen elements of an input whose lengths are known, dropped axes left out.
pub(crate) fn picked(x: Val, axes: &[Along], filling: Option<ScalarValue>, to: &mut Lowering<'_>) -> Val {
    let (dims, dtype) = (to.dims(x).to_vec(), to.dtype(x));
    let (Some(moves), Some(kept)) = (moves(axes, &dims), shape_of(axes).known()) else { return x };
    if moves.is_identity() {
        return to.reshape(x, kept);
    }
    if let Some(slice) = slice_of(axes) {
        let picked = to.slice(x, slice, moves.lengths());
        return to.reshape(picked, kept);
    }
    let lengths = moves.lengths();
    let picked = with_element!(dtype, T => {
        let filling = filling.and_then(|filling| T::unwrap(filling.to_value()));
        let filling = filling.and_then(|filling| filling.first().copied()).unwrap_or_default();
        to.compute(Copy::<T> { moves, filling }, &[x], dtype, lengths)
    });
    to.reshape(picked, kept)
}

/// What is taken of each axis, if it is a single run of elements.
fn slice_of(axes: &[Along]) -> Option<Vec<AxisSlice>> {
    let single = |along: &Along| match along.runs.as_deref()? {
        &[Run { len, from: Some((first, step)) }] => Some(AxisSlice::of(first, step, len)),
        _ => None,
    };
    axes.iter().map(single).collect()
}

/// Zeros of these lengths with the elements of at least one part added where they were chosen from.
pub(crate) fn put_back(parts: &[(Val, Vec<Along>)], dims: &[usize], to: &mut Lowering<'_>) -> Val {
    let dtype = to.dtype(parts[0].0);
    let (mut picked, mut moved) = (Vec::new(), Vec::new());
    for (x, axes) in parts {
        let Some(moves) = moves(axes, dims) else { return *x };
        picked.push(to.reshape(*x, moves.lengths()));
        moved.push(moves);
    }
    match &moved[..] {
        [moves] if moves.is_identity() => picked[0],
        _ => to.compute(AddBack(moved), &picked, dtype, dims),
    }
}

/// How elements move between an input of these lengths and the output.
fn moves(axes: &[Along], dims: &[usize]) -> Option<Moves> {
    let runs: Option<Vec<Runs>> = axes.iter().map(|along| along.runs.clone()).collect();
    Some(Moves::new(runs?, dims))
}

impl<C: Choice> Op for Pick<C> {
    fn name(&self) -> &'static str {
        C::NAMES[0]
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        let axes = self.0.axes(&inputs[0].shape)?;
        let shape = shape_of(&axes).counted(axes.iter().all(|along| along.runs.is_some()))?;
        Ok(TensorType::new(inputs[0].dtype, shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        match self.0.axes(&to.dims(inputs[0]).into()) {
            Ok(axes) => picked(inputs[0], &axes, self.0.filling(), to),
            // The shape rule has accepted the choice.
            Err(_) => inputs[0],
        }
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.put_back(0, || PickTransposed(self.0.linear()), &[]);
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }
}

impl<C: Choice> Op for PickTransposed<C> {
    fn name(&self) -> &'static str {
        C::NAMES[1]
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        let expected = shape_of(&self.0.axes(&inputs[1].shape)?);
        if !inputs[0].shape.agrees_with(&expected) {
            return Err(Mistake::OtherShape { expected, found: inputs[0].shape.clone() });
        }
        Ok(TensorType::new(inputs[0].dtype, &inputs[1].shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = to.dims(inputs[1]).to_vec();
        let axes = PutBack::axes(self, &[&[], &dims]);
        put_back(&[(inputs[0], axes)], &dims, to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy.unary(Pick(self.0.clone())));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }
}

impl<C: Choice> PutBack for PickTransposed<C> {
    fn into_op(self: Arc<Self>) -> Arc<dyn MultiOp> {
        self
    }

    fn axes(&self, lengths: &[&[usize]]) -> Vec<Along> {
        // The shape rule has accepted the choice.
        self.0.axes(&lengths[1].into()).unwrap_or_default()
    }

    fn take<'g>(&self, from: AnyTensor<'g>, _: &[AnyTensor<'g>]) -> AnyTensor<'g> {
        from.unary(Pick(self.0.clone()))
    }
}
