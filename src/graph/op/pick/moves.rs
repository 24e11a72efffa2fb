//! The kernels of chosen elements: what moves from where to where, worked out when a plan is made, in as large
//! pieces as there are.

use ndarray::Slice;
use smallvec::SmallVec;

use super::{Along, Runs};
use crate::element::{ArrayMut, ArrayRef, Element};
use crate::ir::{Dims, Kernel, KernelError};
use crate::kernel::number::{Number, with_number};

/// An axis of the input and of the output, with the elements behind one index of either.
#[derive(Debug)]
struct Axis {
    runs: Runs,
    from_block: usize,
    to_block: usize,
}

impl Axis {
    fn len(&self) -> usize {
        self.runs.iter().map(|run| run.len).sum()
    }
}

/// What moves from an input to an output.
#[derive(Debug)]
pub(super) struct Moves {
    axes: Vec<Axis>,
    /// Axes up to the last one that does not stay as it is: what lies behind them moves in one piece.
    mapped: usize,
}

/// Blocks that are next to each other in a row-major output, and evenly apart in a row-major input.
struct Piece {
    to: usize,
    /// Where the first block begins, and blocks to the next; `None` for the filling.
    from: Option<(usize, isize)>,
    blocks: usize,
    /// Elements of a block.
    block: usize,
}

/// A run of an axis, as ndarray cuts it out of the output and of the input.
#[derive(Clone, Copy)]
struct Cut {
    to: Slice,
    from: Option<Slice>,
}

impl Moves {
    /// The moves from an input of these lengths along the runs of each axis.
    pub(super) fn new(runs: Vec<Runs>, lengths: &[usize]) -> Self {
        let is_whole =
            |(runs, &length): (&Runs, &usize)| Along::whole(Some(length)).runs.as_ref() == Some(runs);
        let mapped = runs.iter().zip(lengths).rposition(|axis| !is_whole(axis)).map_or(0, |last| last + 1);
        let (mut from_block, mut to_block) = (1, 1);
        let mut axes: Vec<Axis> = Vec::with_capacity(runs.len());
        for (runs, length) in runs.into_iter().zip(lengths).rev() {
            let axis = Axis { runs, from_block, to_block };
            (from_block, to_block) = (from_block * length, to_block * axis.len());
            axes.push(axis);
        }
        axes.reverse();
        Moves { axes, mapped }
    }

    /// Whether every element stays where it is.
    pub(super) fn is_identity(&self) -> bool {
        self.mapped == 0
    }

    /// The output's lengths, those of dropped axes included.
    pub(super) fn lengths(&self) -> Dims {
        self.axes.iter().map(Axis::len).collect()
    }

    /// Shows every piece, in the order of the output.
    fn pieces(&self, visit: &mut impl FnMut(Piece)) {
        fn walk(axes: &[Axis], mut to: usize, from: usize, visit: &mut impl FnMut(Piece)) {
            let Some((axis, inner)) = axes.split_first() else { return };
            for run in &axis.runs {
                match run.from {
                    Some((first, step)) if !inner.is_empty() => {
                        for i in 0..run.len {
                            let from = from + moved(first, step, i) * axis.from_block;
                            walk(inner, to + i * axis.to_block, from, visit);
                        }
                    }
                    source => visit(Piece {
                        to,
                        from: source.map(|(first, step)| (from + first * axis.from_block, step)),
                        blocks: run.len,
                        block: axis.to_block,
                    }),
                }
                to += run.len * axis.to_block;
            }
        }
        if self.is_identity() {
            let block = self.axes.iter().map(Axis::len).product();
            return visit(Piece { to: 0, from: Some((0, 1)), blocks: 1, block });
        }
        walk(&self.axes[..self.mapped], 0, 0, visit);
    }

    /// Shows every combination of the axes' runs, for arrays that are not in row-major order.
    fn cuts(&self, visit: &mut impl FnMut(&[Cut])) {
        fn walk(axes: &[Axis], cuts: &mut SmallVec<[Cut; 4]>, visit: &mut impl FnMut(&[Cut])) {
            let Some(axis) = axes.get(cuts.len()) else { return visit(cuts) };
            let mut start = 0;
            for run in &axis.runs {
                let end = start + run.len as isize;
                let from = run.from.map(|(first, step)| {
                    let last = moved(first, step, run.len - 1);
                    Slice::new(first.min(last) as isize, Some(first.max(last) as isize + 1), step)
                });
                cuts.push(Cut { to: Slice::new(start, Some(end), 1), from });
                walk(axes, cuts, visit);
                cuts.pop();
                start = end;
            }
        }
        walk(&self.axes, &mut SmallVec::new(), visit);
    }
}

/// The index that lies `count` steps behind the first.
fn moved(first: usize, step: isize, count: usize) -> usize {
    first.wrapping_add_signed(step.wrapping_mul(count as isize))
}

/// What is cut out of the input, unless it is the filling.
fn sources(cuts: &[Cut]) -> Option<SmallVec<[Slice; 4]>> {
    cuts.iter().map(|cut| cut.from).collect()
}

/// Fills the output with the elements that were chosen.
#[derive(Debug)]
pub(super) struct Copy<T> {
    pub(super) moves: Moves,
    pub(super) filling: T,
}

impl<T: Element> Kernel for Copy<T> {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let (input, mut output) = (inputs[0].view::<T>()?, output.into_view::<T>()?);
        if let (Some(from), Some(to)) = (input.as_slice(), output.as_slice_mut()) {
            self.moves.pieces(&mut |piece| copy(&piece, from, to, self.filling));
            return Ok(());
        }
        self.moves.cuts(&mut |cuts| {
            let mut to = output.slice_each_axis_mut(|axis| cuts[axis.axis.index()].to);
            match sources(cuts) {
                Some(from) => to.assign(&input.slice_each_axis(|axis| from[axis.axis.index()])),
                None => to.fill(self.filling),
            }
        });
        Ok(())
    }
}

#[inline]
fn copy<T: Element>(piece: &Piece, from: &[T], to: &mut [T], filling: T) {
    let &Piece { blocks, block, .. } = piece;
    let to = &mut to[piece.to..][..blocks * block];
    match piece.from {
        None => to.fill(filling),
        Some((first, 1)) => to.copy_from_slice(&from[first..][..to.len()]),
        // Neighbors backwards: a loop that vectors can do.
        Some((first, -1)) if block == 1 => {
            to.iter_mut().zip(from[..=first].iter().rev()).for_each(|(to, &from)| *to = from);
        }
        Some((first, step)) if block == 1 => {
            to.iter_mut().enumerate().for_each(|(i, to)| *to = from[moved(first, step, i)]);
        }
        Some((first, step)) => {
            for (i, to) in to.chunks_exact_mut(block.max(1)).enumerate() {
                to.copy_from_slice(&from[moved(first, step, i * block)..][..block]);
            }
        }
    }
}

/// Adds the elements of each input to where they were taken from.
#[derive(Debug)]
pub(super) struct AddBack(pub(super) Vec<Moves>);

impl Kernel for AddBack {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        fn run<T: Number>(
            parts: &[Moves],
            inputs: &[ArrayRef<'_>],
            output: ArrayMut<'_>,
        ) -> Result<(), KernelError> {
            let mut output = output.into_view::<T>()?;
            output.fill(T::ZERO);
            for (moves, input) in parts.iter().zip(inputs) {
                let input = input.view::<T>()?;
                if let (Some(from), Some(to)) = (input.as_slice(), output.as_slice_mut()) {
                    moves.pieces(&mut |piece| add_back(&piece, from, to));
                    continue;
                }
                moves.cuts(&mut |cuts| {
                    let Some(back) = sources(cuts) else { return };
                    let share = input.slice_each_axis(|axis| cuts[axis.axis.index()].to);
                    let mut sum = output.slice_each_axis_mut(|axis| back[axis.axis.index()]);
                    sum.zip_mut_with(&share, |sum, &share| *sum = sum.add(share));
                });
            }
            Ok(())
        }
        with_number!(output.dtype(), T => run::<T>(&self.0, inputs, output), else Ok(()))
    }
}

#[inline]
fn add_back<T: Number>(piece: &Piece, shares: &[T], sums: &mut [T]) {
    let &Piece { blocks, block, from, .. } = piece;
    let Some((first, step)) = from else { return };
    let shares = &shares[piece.to..][..blocks * block];
    let add = |sums: &mut [T], shares: &[T]| {
        sums.iter_mut().zip(shares).for_each(|(sum, &share)| *sum = sum.add(share));
    };
    match step {
        1 => add(&mut sums[first..][..shares.len()], shares),
        _ => {
            for (i, shares) in shares.chunks_exact(block.max(1)).enumerate() {
                add(&mut sums[moved(first, step, i * block)..][..block], shares);
            }
        }
    }
}
