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
use crate::element::with_element;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::ir::{AxisSlice, Lowering, Scalar, ScalarValue, Val};
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
    fn axes(&self, shape: &Shape) -> Result<Vec<Along>, Fault>;

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
    if let Some(joined) = joined(x, axes, filling, to) {
        return to.reshape(joined, kept);
    }
    let picked = with_element!(dtype, T => {
        let filling = filling.and_then(|filling| filling.to_value().into_array::<T>());
        let filling = filling.and_then(|filling| filling.first().copied()).unwrap_or_default();
        to.kernel(Copy::<T> { moves, filling }, &[x], dtype, lengths)
    });
    to.reshape(picked, kept)
}

/// Runs of all axes together up to which what is taken becomes a join of slices: more are many small pieces.
const MAX_PIECES: usize = 32;

/// The chosen elements of each run along each axis, side by side; `None` where these are too many pieces.
fn joined(x: Val, axes: &[Along], filling: Option<ScalarValue>, to: &mut Lowering<'_>) -> Option<Val> {
    let count = axes.iter().try_fold(1_usize, |count, along| count.checked_mul(along.runs.as_ref()?.len()));
    if !(1..=MAX_PIECES).contains(&count?) {
        return None;
    }
    let lengths: Option<Vec<usize>> = axes.iter().map(Along::len).collect();
    let lengths = lengths?;
    let filling = filling.map(|filling| to.number(filling));
    let mut pieces = Pieces { x, axes, filling, all: Vec::new() };
    pieces.add(&mut Vec::new(), &lengths, to)?;
    Some(to.join(&pieces.all, lengths))
}

/// Pieces of a choice, in the order in which they fill it.
struct Pieces<'a> {
    x: Val,
    axes: &'a [Along],
    filling: Option<Val>,
    all: Vec<Val>,
}

impl Pieces<'_> {
    /// Adds the pieces for one run of each of the first axes, and all runs of the others.
    fn add(&mut self, first: &mut Vec<Run>, lengths: &[usize], to: &mut Lowering<'_>) -> Option<()> {
        let Some(along) = self.axes.get(first.len()) else {
            let slice = first.iter().map(|run| run.from.map(|(at, step)| AxisSlice::of(at, step, run.len)));
            let dims: Vec<usize> = first.iter().map(|run| run.len).collect();
            let slice: Vec<AxisSlice> = slice.collect::<Option<_>>()?;
            self.all.push(to.slice(self.x, slice, dims));
            return Some(());
        };
        for &run in along.runs.as_ref()? {
            first.push(run);
            if run.from.is_none() {
                let dims = first.iter().map(|run| run.len).chain(lengths[first.len()..].iter().copied());
                let dims: Vec<usize> = dims.collect();
                self.all.push(to.broadcast(self.filling?, dims));
            } else {
                self.add(first, lengths, to)?;
            }
            first.pop();
        }
        Some(())
    }
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
        _ => among_zeros(parts, &picked, dims, to)
            .unwrap_or_else(|| to.kernel(AddBack(moved), &picked, dtype, dims)),
    }
}

/// Parts up to which they are put side by side with zeros: each is a value of its own then, where a kernel takes any
/// number.
const MAX_PARTS: usize = 256;

/// Where a part begins along an axis, and how long it is there.
type Range = (usize, usize);

/// The parts side by side with zeros, if they are apart: a single one, or several that differ along one axis.
fn among_zeros(
    parts: &[(Val, Vec<Along>)],
    picked: &[Val],
    dims: &[usize],
    to: &mut Lowering<'_>,
) -> Option<Val> {
    let range = |along: &Along| match along.runs.as_deref()? {
        &[Run { len, from: Some((first, 1)) }] => Some((first, len)),
        _ => None,
    };
    let ranges = |axes: &[Along]| axes.iter().map(range).collect::<Option<Vec<Range>>>();
    let there =
        parts.iter().zip(picked).filter(|((_, axes), _)| axes.iter().all(|along| along.len() != Some(0)));
    let mut there: Vec<(Vec<Range>, Val)> =
        there.map(|((_, axes), &part)| Some((ranges(axes)?, part))).collect::<Option<_>>()?;
    let is_cut = |axis: &usize| there.iter().any(|(ranges, _)| ranges[*axis] != (0, dims[*axis]));
    let cut: Vec<usize> = (0..dims.len()).filter(is_cut).collect();
    if there.is_empty() || there.len() > MAX_PARTS {
        return None;
    }
    let zero = to.scalar(0.0, to.dtype(picked[0]));
    // As where parts are added to zeros, -0 becomes 0.
    let added = |part: Val, to: &mut Lowering<'_>| to.map(Scalar::Add, &[part, zero]);
    let mut pieces = Vec::new();
    if let [(ranges, part)] = &there[..] {
        let part = added(*part, to);
        surround(part, ranges, dims, &mut Vec::new(), zero, &mut pieces, to);
        return Some(to.join(&pieces, dims));
    }
    let [axis] = cut[..] else { return None };
    there.sort_by_key(|(ranges, _)| ranges[axis]);
    let mut end = 0;
    let gap = |length: usize, pieces: &mut Vec<Val>, to: &mut Lowering<'_>| {
        let mut lengths = dims.to_vec();
        lengths[axis] = length;
        pieces.push(to.broadcast(zero, lengths));
    };
    for (ranges, part) in there {
        let (start, length) = ranges[axis];
        gap(start.checked_sub(end)?, &mut pieces, to);
        pieces.push(added(part, to));
        end = start + length;
    }
    gap(dims[axis].checked_sub(end)?, &mut pieces, to);
    Some(to.join(&pieces, dims))
}

/// Adds a part and the zeros around it, in the order in which they fill an array of these lengths, for the axes behind
/// the first ones, along which there is only the part.
fn surround(
    part: Val,
    ranges: &[Range],
    dims: &[usize],
    first: &mut Vec<usize>,
    zero: Val,
    pieces: &mut Vec<Val>,
    to: &mut Lowering<'_>,
) {
    let axis = first.len();
    let Some(&(start, length)) = ranges.get(axis) else { return pieces.push(part) };
    let zeros = |count: usize, first: &[usize], pieces: &mut Vec<Val>, to: &mut Lowering<'_>| {
        pieces.push(to.broadcast(zero, [first, &[count], &dims[axis + 1..]].concat()));
    };
    zeros(start, first, pieces, to);
    first.push(length);
    surround(part, ranges, dims, first, zero, pieces, to);
    first.pop();
    zeros(dims[axis] - start - length, first, pieces, to);
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

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
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

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let expected = shape_of(&self.0.axes(&inputs[1].shape)?);
        if !inputs[0].shape.agrees_with(&expected) {
            return Err(Fault::OtherShape { expected, found: inputs[0].shape.clone() });
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
