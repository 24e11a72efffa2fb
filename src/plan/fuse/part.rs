//! How an instruction could take part in a region.

use smallvec::{SmallVec, smallvec};

use super::{MAX_SKINNY, MIN_SKINNY_ROWS, Rows};
use crate::element::DType;
use crate::ir::{Prim, Program, Val, is_reduced_apart, size};
use crate::kernel::tile::is_narrow;
use crate::plan::layout::{
    Axes, Layout, broadcast_strides, is_row_major, reduced, squeezed, squeezed_dims, viewed,
};

/// What a member does for a tile of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan) enum Member {
    /// A value for each element.
    Elementwise,
    /// One element for those of each row.
    ReduceWithin,
    /// One element for those of all rows.
    ReduceAll,
    /// One element over all rows, for each place in a row.
    ReduceAcross,
    /// Each row times a small matrix.
    Project,
    /// The transposed tile of one operand times the tile of the other.
    Accumulate,
}

impl Member {
    /// Whether the value is complete only behind the region.
    pub(in crate::plan) fn accumulates(self) -> bool {
        matches!(self, Member::ReduceAll | Member::ReduceAcross | Member::Accumulate)
    }
}

/// An operand of a member, as the rows of the region see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::plan) struct Operand {
    pub(in crate::plan) base: Val,
    /// Elements of the base before the first.
    pub(in crate::plan) offset: usize,
    /// Length and stride of each axis, those of length 1 left out; the rows come first.
    pub(in crate::plan) axes: Axes,
}

/// How an operand's elements lie with respect to rows and tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan) enum Placement {
    /// Consecutively.
    Consecutive,
    /// One element for all.
    Single,
    /// The same consecutive row for all rows.
    SameRow,
    /// One element for each row.
    PerRow,
    /// Anywhere else.
    Scattered,
}

impl Operand {
    /// Whether it is all elements of its base, which has these lengths, in their order.
    pub(super) fn is_all_of(&self, base: &[usize]) -> bool {
        let length: usize = self.axes.iter().map(|&(length, _)| length).product();
        is_row_major(&self.axes) && size(base) == length && self.offset == 0
    }

    fn new(layout: &Layout, dims: &[usize], strides: &[isize]) -> Self {
        Operand { base: layout.base, offset: layout.offset, axes: squeezed(dims, strides) }
    }

    /// How the elements lie when the first `lead` axes are the rows.
    pub(in crate::plan) fn placement(&self, lead: usize) -> Placement {
        let (rows, row) = self.axes.split_at(lead.min(self.axes.len()));
        let still = |axes: &[(usize, isize)]| axes.iter().all(|&(_, stride)| stride == 0);
        if is_row_major(&self.axes) {
            Placement::Consecutive
        } else if still(&self.axes) {
            Placement::Single
        } else if still(rows) && is_row_major(row) {
            Placement::SameRow
        } else if still(row) && is_row_major(rows) {
            Placement::PerRow
        } else {
            Placement::Scattered
        }
    }
}

/// How an instruction takes part in a region.
#[derive(Clone, Debug)]
pub(in crate::plan) struct Part {
    pub(in crate::plan) member: Member,
    pub(in crate::plan) rows: Rows,
    /// Operands that are read tile by tile.
    pub(in crate::plan) tiled: SmallVec<[Operand; 2]>,
    /// The small matrix of a projection, which must be complete before the region: rows, then columns.
    pub(in crate::plan) whole: Option<Operand>,
}

/// How a reduction over the middle of three axes takes part in a region. `None` if it runs apart, over consecutive
/// elements.
pub(in crate::plan) fn reduce_member(lengths: [usize; 3], dtype: DType) -> Option<Member> {
    if is_reduced_apart(lengths, dtype) {
        return None;
    }
    Some(match lengths {
        [1, _, 1] => Member::ReduceAll,
        [_, _, 1] => Member::ReduceWithin,
        _ => Member::ReduceAcross,
    })
}

/// How the instruction could run in a region, if it could.
pub(in crate::plan) fn part(program: &Program, layouts: &[Layout], val: Val) -> Option<Part> {
    let inst = program.inst(val);
    let layout = |position: usize| &layouts[inst.args[position].index()];
    let plain =
        |position: usize, dims: &[usize]| Operand::new(layout(position), dims, &layout(position).strides);
    let dims_of = |position: usize| &program.inst(inst.args[position]).dims;
    match &inst.prim {
        Prim::Map(_) => {
            let operand = |position: usize| {
                let strides = broadcast_strides(dims_of(position), &layout(position).strides, &inst.dims);
                Operand::new(layout(position), &inst.dims, &strides)
            };
            let tiled = (0..inst.args.len()).map(operand).collect();
            let rows = Rows::Any(squeezed_dims(&inst.dims));
            Some(Part { member: Member::Elementwise, rows, tiled, whole: None })
        }
        // A view that is its own base is a copy of what it shows. Where only the order of the elements
        // counts, they are copied in the order of the operand.
        Prim::View(view) => {
            let operand = match viewed(view, dims_of(0), layout(0), &inst.dims) {
                Some(shown) => Operand::new(&shown, &inst.dims, &shown.strides),
                None => plain(0, dims_of(0)),
            };
            let rows = Rows::Any(operand.axes.iter().map(|&(length, _)| length).collect());
            Some(Part { member: Member::Elementwise, rows, tiled: smallvec![operand], whole: None })
        }
        Prim::Reduce { first, end, .. } => {
            let dims = dims_of(0);
            let member = reduce_member(reduced(program, inst.args[0], &inst.prim), inst.dtype)?;
            let rows = match member {
                Member::ReduceWithin => Rows::Exactly(squeezed_dims(&dims[..*first])),
                Member::ReduceAcross => Rows::Exactly(squeezed_dims(&dims[*first..*end])),
                _ => Rows::Any(squeezed_dims(dims)),
            };
            Some(Part { member, rows, tiled: smallvec![plain(0, dims)], whole: None })
        }
        Prim::Dot if inst.dims.len() == 2 => {
            let [m, k, n] = [inst.dims[0], dims_of(0)[1], inst.dims[1]];
            // The first operand is read where it lies, row by row; only for few columns is a tile worth filling.
            let reads = |operand: &Operand, columns: usize| {
                operand.placement(1) == Placement::Consecutive || is_narrow(columns, n, inst.dtype)
            };
            let rows = plain(0, &[m, k]);
            if m >= MIN_SKINNY_ROWS && k * n <= MAX_SKINNY && reads(&rows, k) {
                // Both axes of the small matrix count, also those of length 1.
                let whole = Operand {
                    base: layout(1).base,
                    offset: layout(1).offset,
                    axes: smallvec![(k, layout(1).strides[0]), (n, layout(1).strides[1])],
                };
                let (rows, tiled) = (Rows::Exactly(smallvec![m]), smallvec![rows]);
                return Some(Part { member: Member::Project, rows, tiled, whole: Some(whole) });
            }
            let transposed = [layout(0).strides[1], layout(0).strides[0]];
            let rows = Operand::new(layout(0), &[k, m], &transposed);
            if k >= MIN_SKINNY_ROWS && m * n <= MAX_SKINNY && reads(&rows, m) {
                let (tiled, rows) = (smallvec![rows, plain(1, &[k, n])], Rows::Exactly(smallvec![k]));
                return Some(Part { member: Member::Accumulate, rows, tiled, whole: None });
            }
            None
        }
        _ => None,
    }
}
