//! Views resolved: where in memory each value's elements lie.
//!
//! A view is no computation. Each value gets the instruction that produces its elements (its *base*),
//! where the first of them lies there, and the distance between neighbors along each axis. Where no distances can
//! express a view, as for a reshaped transpose, or a reader cannot follow them, it becomes a base itself: a
//! copy.

use smallvec::SmallVec;

use super::fuse::{MAX_SKINNY, MIN_SKINNY_ROWS, reduce_member};
use super::joins::Homes;
use crate::ir::{Dims, Inst, Prim, Program, Val, View, size};
use crate::kernel::tile::{MAX_COLUMNS, merged};

/// Elements from one neighbor to the next along each axis; 0 repeats, less goes backwards.
pub(in crate::plan) type Strides = SmallVec<[isize; 4]>;

/// Where a value's elements lie in the memory of its base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::plan) struct Layout {
    /// The value whose instruction produces the elements.
    pub(in crate::plan) base: Val,
    /// Elements of the base before the first.
    pub(in crate::plan) offset: usize,
    pub(in crate::plan) strides: Strides,
}

/// Strides of the row-major order.
pub(in crate::plan) fn row_major(dims: &[usize]) -> Strides {
    let mut strides = Strides::from_elem(1, dims.len());
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis] as isize;
    }
    strides
}

/// Length and stride of some axes; those of up to two, as most are, are kept in place.
pub(in crate::plan) type Axes = SmallVec<[(usize, isize); 2]>;

/// The axes longer than 1.
pub(in crate::plan) fn squeezed(dims: &[usize], strides: &[isize]) -> Axes {
    dims.iter().copied().zip(strides.iter().copied()).filter(|&(length, _)| length != 1).collect()
}

/// The lengths other than 1.
pub(in crate::plan) fn squeezed_dims(dims: &[usize]) -> Dims {
    dims.iter().copied().filter(|&length| length != 1).collect()
}

/// Whether the elements along these axes are consecutive.
pub(in crate::plan) fn is_row_major(axes: &[(usize, isize)]) -> bool {
    let mut expected = 1;
    axes.iter().rev().all(|&(length, stride)| {
        let fits = stride == expected;
        expected *= length as isize;
        fits
    }) || axes.iter().any(|&(length, _)| length == 0)
}

/// Strides of an operand of lengths `dims` when it broadcasts to `to`.
pub(in crate::plan) fn broadcast_strides(dims: &[usize], strides: &[isize], to: &[usize]) -> Strides {
    let (added, mut shown) = (to.len() - dims.len(), Strides::from_elem(0, to.len()));
    for ((shown, to), (length, &stride)) in shown.iter_mut().zip(to).skip(added).zip(dims.iter().zip(strides))
    {
        if length == to {
            *shown = stride;
        }
    }
    shown
}

/// Strides that show the same elements in the same order under other lengths, if there are any.
fn reshaped_strides(axes: &[(usize, isize)], dims: &[usize]) -> Option<Strides> {
    if is_row_major(axes) {
        return Some(row_major(dims));
    }
    // Axes whose elements follow on each other evenly count as one; a new axis must lie within one.
    let mut runs = merged(axes.iter().copied()).into_iter().rev();
    let mut strides = Strides::from_elem(0, dims.len());
    let (mut left, mut stride) = (1, 0);
    for axis in (0..dims.len()).rev().filter(|&axis| dims[axis] != 1) {
        if left == 1 {
            (left, stride) = runs.next()?;
        }
        if left % dims[axis] != 0 {
            return None;
        }
        strides[axis] = stride;
        left /= dims[axis];
        stride *= dims[axis] as isize;
    }
    Some(strides)
}

/// Where the elements of a view of lengths `to` lie, of a value that has these lengths and lies as the layout says;
/// `None` if only a copy can have the elements in that order.
pub(in crate::plan) fn viewed(
    view: &View,
    dims: &[usize],
    Layout { base, offset, strides }: &Layout,
    to: &[usize],
) -> Option<Layout> {
    let mut offset = *offset;
    let strides = match view {
        View::Permute(axes) => axes.iter().map(|&axis| strides[axis]).collect(),
        View::Broadcast => broadcast_strides(dims, strides, to),
        View::Reshape => reshaped_strides(&squeezed(dims, strides), to)?,
        View::Slice(axes) => {
            for (axis, &stride) in axes.iter().zip(strides) {
                // The verifier has found that the first element is one of the value's, which lie in the base.
                offset = offset.checked_add_signed(axis.first as isize * stride)?;
            }
            axes.iter().zip(strides).map(|(axis, &stride)| axis.step * stride).collect()
        }
    };
    Some(Layout { base: *base, offset, strides })
}

/// Resolves every value of the program. The copies of joins' operands are copies whatever they show.
pub(in crate::plan) fn resolve(program: &Program, homes: &Homes) -> Vec<Layout> {
    let mut layouts: Vec<Layout> = Vec::with_capacity(program.insts.len());
    let must_be_row_major = consecutive_operands(program);
    let needs = slice_needs(program);
    let by_columns = column_constants(program);
    for (index, inst) in program.insts.iter().enumerate() {
        let strides = if by_columns[index] {
            Strides::from_slice(&[1, inst.dims[0] as isize])
        } else {
            row_major(&inst.dims)
        };
        let own = Layout { base: Val(index as u32), offset: 0, strides };
        let view = match &inst.prim {
            Prim::View(view) if !homes.is_copy(own.base) => view,
            _ => {
                layouts.push(own);
                continue;
            }
        };
        let source = &layouts[inst.args[0].index()];
        let shown = viewed(view, &program.inst(inst.args[0]).dims, source, &inst.dims);
        let need = needs.get(index).copied().unwrap_or_default();
        let is_free = !must_be_row_major[index] && need == SliceNeed::Anyhow;
        let usable = |shown: &Layout| {
            is_free || {
                let axes = squeezed(&inst.dims, &shown.strides);
                (!must_be_row_major[index] || is_row_major(&axes)) && need.is_met(&axes)
            }
        };
        layouts.push(shown.filter(usable).unwrap_or(own));
    }
    layouts
}

/// How the elements of a slice must lie for those that read it, be it through other views.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum SliceNeed {
    /// Anyhow: regions follow any strides.
    #[default]
    Anyhow,
    /// In rows, which may stand apart: large products pack or read rows, and choose their kernel by that.
    InRows,
    /// In one piece, as kernels read fastest that the vocabulary does not know, and as products must that may run in a
    /// region.
    InOnePiece,
}

impl SliceNeed {
    /// Whether the axes are as is needed, those of length 1 left out.
    fn is_met(self, axes: &[(usize, isize)]) -> bool {
        match self {
            SliceNeed::Anyhow => true,
            SliceNeed::InRows => {
                axes.last().is_none_or(|&(_, stride)| stride == 1) && axes.iter().all(|axis| axis.1 >= 0)
            }
            SliceNeed::InOnePiece => is_row_major(axes),
        }
    }
}

/// By value, what is needed of it if it is a slice; nothing where there is none. What reads something else than a slice
/// through views asks it of the slice, so that views of it are what they would be of a copy.
fn slice_needs(program: &Program) -> Vec<SliceNeed> {
    let is_slice = |inst: &Inst| matches!(inst.prim, Prim::View(View::Slice(_)));
    if !program.insts.iter().any(is_slice) {
        return Vec::new();
    }
    let mut needs = vec![SliceNeed::Anyhow; program.insts.len()];
    for (index, inst) in program.insts.iter().enumerate().rev() {
        let need = match inst.prim {
            Prim::Kernel(_) | Prim::Call(_) | Prim::Branch(_) | Prim::Loop(_) => SliceNeed::InOnePiece,
            Prim::Dot if may_be_skinny(program, inst.args[0], &inst.dims) => SliceNeed::InOnePiece,
            Prim::Dot => SliceNeed::InRows,
            // Handed on to what the view shows; a slice keeps it.
            Prim::View(View::Slice(_)) => continue,
            Prim::View(_) => std::mem::take(&mut needs[index]),
            _ => continue,
        };
        for arg in &inst.args {
            let of = &mut needs[arg.index()];
            *of = (*of).max(need);
        }
    }
    needs
}

/// Whether a product of these lengths is one of a tile's rows, or over them, if its operands lie in order.
fn may_be_skinny(program: &Program, left: Val, dims: &[usize]) -> bool {
    let ([m, n], Some(&k)) = (dims, program.inst(left).dims.last()) else { return false };
    (*m >= MIN_SKINNY_ROWS && k * n <= MAX_SKINNY) || (k >= MIN_SKINNY_ROWS && m * n <= MAX_SKINNY)
}

/// Bytes of a constant up to which a plan keeps a copy of it in another order.
const MAX_REORDERED_BYTES: usize = 256 << 20;

/// Which values are constants to be laid out column by column: those of a few long columns that are read by
/// products with a single column only, be it as they are or transposed. Whole columns fill vectors without
/// shuffling.
fn column_constants(program: &Program) -> Vec<bool> {
    let mut by_columns = vec![false; program.insts.len()];
    // The constant that a value shows, as it is or transposed.
    let mut shown: Vec<Option<Val>> = vec![None; program.insts.len()];
    for (index, inst) in program.insts.iter().enumerate() {
        let arg = |position: usize| shown[inst.args[position].index()];
        match &inst.prim {
            Prim::Constant(_) => {
                let bytes = size(&inst.dims) * inst.dtype.size();
                if let [rows, 2..=MAX_COLUMNS] = inst.dims[..]
                    && inst.dtype.is_float()
                    && rows >= MIN_SKINNY_ROWS
                    && bytes <= MAX_REORDERED_BYTES
                {
                    shown[index] = Some(Val(index as u32));
                    by_columns[index] = true;
                }
            }
            Prim::View(View::Permute(_)) => shown[index] = arg(0),
            prim => {
                let reads_columns = *prim == Prim::Dot && matches!(inst.dims[..], [_, 1]);
                for position in 0..inst.args.len() {
                    if let (Some(constant), false) = (arg(position), reads_columns && position == 0) {
                        by_columns[constant.index()] = false;
                    }
                }
            }
        }
    }
    for constant in program.results().filter_map(|val| shown[val.index()]) {
        by_columns[constant.index()] = false;
    }
    by_columns
}

/// Which values are read as consecutive elements: results, what functions are fed, and what is reduced apart from any
/// region.
fn consecutive_operands(program: &Program) -> Vec<bool> {
    let mut consecutive = vec![false; program.insts.len()];
    for val in program.results() {
        consecutive[val.index()] = true;
    }
    for inst in &program.insts {
        if inst.prim.runs_programs() {
            inst.args.iter().for_each(|arg| consecutive[arg.index()] = true);
        }
        if matches!(inst.prim, Prim::Reduce { .. })
            && reduce_member(reduced(program, inst.args[0], &inst.prim), inst.dtype).is_none()
        {
            consecutive[inst.args[0].index()] = true;
        }
    }
    consecutive
}

/// The three lengths of a reduction: before the reduced axes, along them, and after them.
pub(in crate::plan) fn reduced(program: &Program, arg: Val, reduce: &Prim) -> [usize; 3] {
    let dims = &program.inst(arg).dims;
    match *reduce {
        Prim::Reduce { first, end, .. } => {
            [size(&dims[..first]), size(&dims[first..end]), size(&dims[end..])]
        }
        _ => [size(dims), 1, 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reshape_finds_strides_where_there_are_some() {
        let reshaped = |axes: &[(usize, isize)], dims: &[usize]| {
            reshaped_strides(axes, dims).map(|strides| strides.to_vec())
        };
        // A transposed [2, 3]: strides 1 and 3 over lengths 3 and 2.
        let transposed = [(3, 1), (2, 3)];
        assert_eq!(reshaped(&transposed, &[6]), None);
        assert_eq!(reshaped(&transposed, &[3, 1, 2]), Some(vec![1, 0, 3]));
        // Every second row of [4, 6], each split in two.
        assert_eq!(reshaped(&[(2, 12), (6, 1)], &[2, 2, 3]), Some(vec![12, 3, 1]));
        // A repeated row: the repetition may be split.
        assert_eq!(reshaped(&[(4, 0), (3, 1)], &[2, 2, 3]), Some(vec![0, 0, 1]));
        assert_eq!(reshaped(&[(4, 0), (3, 1)], &[12]), None);
        assert_eq!(reshaped(&[(2, 3), (3, 1)], &[6]), Some(vec![1]));
        // Backwards, and every second one.
        assert_eq!(reshaped(&[(6, -1)], &[2, 3]), Some(vec![-3, -1]));
        assert_eq!(reshaped(&[(2, -6), (3, -2)], &[6]), Some(vec![-2]));
        assert_eq!(reshaped(&[(2, -6), (3, 2)], &[6]), None);
    }
}
