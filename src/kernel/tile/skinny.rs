//! Products of tiles with few columns: rows times a small matrix, and a transposed tile times another.
//!
//! For a single column of results and up to [`MAX_COLUMNS`] of operands, both floats, which is what fitting a line takes,
//! there are loops over many rows at once, whether the operand's elements lie row by row or column by column. All other
//! products of floats are those of [`gemm`], with vectors along the columns; of integers, plain loops.

use std::array;

use super::pairs::{Add, From, Step, Sub, Then};
use super::reductions::{self, dot_onto_lanes};
use super::{Args, Kernel, elements, elements_mut};
use crate::element::DType;
use crate::kernel::gemm;
use crate::kernel::isa::{Isa, kernels};
use crate::kernel::math::MulAdd;
use crate::kernel::number::Number;
use crate::kernel::scalar::with_kind;
use crate::kernel::vector::{Machine, Plain, Vector};

/// Columns that are known to the compiler of the loops.
pub(crate) const MAX_COLUMNS: usize = 4;

/// dst[row, c] = Σ over k of a[row, k]·b[k, c]: `rows·inner` elements of `a`, `inner·width` of `b`,
/// `rows·width` of `dst`.
#[inline(always)]
unsafe fn project_loop<T: Number, M: MulAdd>(args: &Args) {
    let (inner, width) = (args.inner, args.width);
    // SAFETY: the contract of `Kernel` for these counts.
    let (a, b) = unsafe { (elements::<T>(args.a, args.rows * inner), elements::<T>(args.b, inner * width)) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<T>(args.dst, args.rows * width) };
    for (row, dst) in dst.chunks_exact_mut(width.max(1)).enumerate() {
        let a = &a[row * inner..(row + 1) * inner];
        dst.fill(T::ZERO);
        for (k, &a) in a.iter().enumerate() {
            for (dst, &b) in dst.iter_mut().zip(&b[k * width..(k + 1) * width]) {
                *dst = a.mul_add::<M>(b, *dst);
            }
        }
    }
}

/// dst[k, c] += Σ over rows of a[row, k]·b[row, c]: `rows·inner` elements of `a`, `rows·width` of
/// `b`, `inner·width` of `dst`.
#[inline(always)]
unsafe fn accumulate_loop<T: Number, M: MulAdd>(args: &Args) {
    let (inner, width) = (args.inner, args.width);
    // SAFETY: the contract of `Kernel` for these counts.
    let (a, b) =
        unsafe { (elements::<T>(args.a, args.rows * inner), elements::<T>(args.b, args.rows * width)) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<T>(args.dst, inner * width) };
    for (a, b) in a.chunks_exact(inner.max(1)).zip(b.chunks_exact(width.max(1))) {
        for (k, &a) in a.iter().enumerate() {
            for (dst, &b) in dst[k * width..(k + 1) * width].iter_mut().zip(b) {
                *dst = a.mul_add::<M>(b, *dst);
            }
        }
    }
}

/// No operand behind a projection.
const NONE: usize = 0;
/// A single element.
const SINGLE: usize = 1;
/// A tile.
const TILE: usize = 2;

/// The projection itself, with nothing behind it.
enum Only {}
impl<T: Number> Then<T> for Only {
    #[inline(always)]
    fn apply<V: Vector<T>>(t: V, _: V) -> V {
        t
    }
}

/// Hands the results of a projection, by row, through the step behind it.
///
/// # Safety
/// The contract of `Kernel` for `rows` elements of `dst`, and of `c` as many as C says.
#[inline(always)]
unsafe fn project_rows<T: Number, G: Then<T>, M: Machine, const C: usize>(
    args: &Args,
    project: impl Fn(usize) -> T,
) {
    // SAFETY: the caller's promise.
    let dst = unsafe { elements_mut::<T>(args.dst, args.rows) };
    let then = |t: T, x: T| {
        let mut result = T::ZERO;
        // SAFETY: a vector of one element is stored to one.
        unsafe { G::apply(Plain::<T, M, 1>::splat(t), Plain::splat(x)).store(&raw mut result) };
        result
    };
    match C {
        NONE => dst.iter_mut().enumerate().for_each(|(row, dst)| *dst = project(row)),
        SINGLE => {
            // SAFETY: the caller's promise.
            let c = unsafe { *args.c.cast::<T>() };
            dst.iter_mut().enumerate().for_each(|(row, dst)| *dst = then(project(row), c));
        }
        _ => {
            // SAFETY: the caller's promise.
            let c = unsafe { elements::<T>(args.c, args.rows) };
            let operands = dst.iter_mut().zip(c).enumerate();
            operands.for_each(|(row, (dst, &c))| *dst = then(project(row), c));
        }
    }
}

/// dst[row] = then(Σ over k of a[row, k]·b[k], c[row]): `rows` rows of K elements of `a`, K of `b`.
#[inline(always)]
unsafe fn project_row_major_loop<T: Number, G: Then<T>, M: Machine, const K: usize, const C: usize>(
    args: &Args,
) {
    // SAFETY: the contract of `Kernel` for these counts.
    let (a, b) = unsafe { (elements::<[T; K]>(args.a, args.rows), *args.b.cast::<[T; K]>()) };
    let project = |row: usize| {
        let mut total = a[row][0].mul(b[0]);
        for k in 1..K {
            total = a[row][k].mul_add::<M>(b[k], total);
        }
        total
    };
    // SAFETY: the contract of `Kernel`.
    unsafe { project_rows::<T, G, M, C>(args, project) };
}

/// A column of a tile that lies column by column.
///
/// # Safety
/// The contract of `Kernel` for `rows` elements of the column of `a`; columns lie `stride` elements apart.
#[inline(always)]
unsafe fn column<'a, T>(args: &Args, k: usize) -> &'a [T] {
    // SAFETY: the caller's promise.
    unsafe { elements::<T>(args.a.add(k * args.stride * size_of::<T>()), args.rows) }
}

/// The same with the columns of `a` apart.
#[inline(always)]
unsafe fn project_columns_loop<T: Number, G: Then<T>, M: Machine, const K: usize, const C: usize>(
    args: &Args,
) {
    // SAFETY: the contract of `Kernel` for these counts.
    let (a, b): ([&[T]; K], _) = unsafe { (array::from_fn(|k| column(args, k)), *args.b.cast::<[T; K]>()) };
    let project = |row: usize| {
        let mut total = a[0][row].mul(b[0]);
        for k in 1..K {
            total = a[k][row].mul_add::<M>(b[k], total);
        }
        total
    };
    // SAFETY: the contract of `Kernel`.
    unsafe { project_rows::<T, G, M, C>(args, project) };
}

/// Rows of a tile, for products of elements in rows. A product with a single row or column of results and at most two
/// vectors of them adds up all rows of a tile in [`gemm::FEW_SUMS_CHAINS`] chains, none of which may be longer than a
/// [`gemm::CHAIN`]; all other products start a new chain after so many rows.
pub(super) const MAX_ROWS: usize = gemm::FEW_SUMS_CHAINS * gemm::CHAIN;

/// lanes[k] += a[.., k]·b, a sum of products for each column of `a`: `rows` elements of each of `inner` columns, `rows` of
/// `b`, the lanes of `inner` sums.
#[inline(always)]
unsafe fn accumulate_columns_loop<T: Number, M: Machine>(args: &Args) {
    // SAFETY: the contract of `Kernel` for these counts.
    let b = unsafe { elements::<T>(args.b, args.rows) };
    let lanes = reductions::lanes(T::DTYPE);
    for k in 0..args.inner {
        // SAFETY: the same.
        let column = unsafe { column(args, k) };
        // SAFETY: the contract of `Kernel` for the lanes.
        unsafe { dot_onto_lanes::<T, M>(args.dst.cast::<T>().add(k * lanes), column, b) };
    }
}

kernels! {
    fn project_kernel<T: Number> = project_loop;
    fn project_row_major_kernel<T: Number, G: Then<T>; const K, const C> = project_row_major_loop;
    fn project_columns_kernel<T: Number, G: Then<T>; const K, const C> = project_columns_loop;
    fn accumulate_kernel<T: Number> = accumulate_loop;
    fn accumulate_columns_kernel<T: Number> = accumulate_columns_loop;
}

/// A product of a tile's rows, or of its transpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Skinny {
    /// Elements in a row of the first operand.
    pub(crate) inner: usize,
    /// Elements in a row of the second operand.
    pub(crate) width: usize,
    /// Whether the first operand's columns lie apart, each in one piece.
    pub(crate) by_columns: bool,
}

impl Skinny {
    /// Whether the loops that know the number of columns serve it. Only these can read columns apart, and
    /// have an epilogue.
    pub(crate) fn is_narrow(&self, dtype: DType) -> bool {
        is_narrow(self.inner, self.width, dtype)
    }
}

/// Whether the loops that know the number of columns serve rows of so many floats, times so many columns.
pub(crate) fn is_narrow(inner: usize, width: usize, dtype: DType) -> bool {
    dtype.is_float() && width == 1 && (1..=MAX_COLUMNS).contains(&inner)
}

/// The step after a projection, and whether its operand is a tile or a single element.
pub(crate) type Epilogue = Option<(Step, bool)>;

/// The kernel of a product of rows with a small matrix; `None` where there is none.
pub(super) fn project(skinny: Skinny, epilogue: Epilogue, dtype: DType, isa: Isa) -> Option<Kernel> {
    fn of<T: Number, G: Then<T>, const K: usize, const C: usize>(by_columns: bool, isa: Isa) -> Kernel {
        if by_columns {
            project_columns_kernel::<T, G, K, C>(isa)
        } else {
            project_row_major_kernel::<T, G, K, C>(isa)
        }
    }
    fn steps<T: Number, const K: usize>(by_columns: bool, epilogue: Epilogue, isa: Isa) -> Option<Kernel> {
        Some(match epilogue {
            None => of::<T, Only, K, NONE>(by_columns, isa),
            Some((Step::Add, true)) => of::<T, Add, K, TILE>(by_columns, isa),
            Some((Step::Add, false)) => of::<T, Add, K, SINGLE>(by_columns, isa),
            Some((Step::Sub, true)) => of::<T, Sub, K, TILE>(by_columns, isa),
            Some((Step::From, true)) => of::<T, From, K, TILE>(by_columns, isa),
            Some(_) => return None,
        })
    }
    if skinny.is_narrow(dtype) {
        return with_kind!(Float, dtype, T => match skinny.inner {
            1 => steps::<T, 1>(skinny.by_columns, epilogue, isa),
            2 => steps::<T, 2>(skinny.by_columns, epilogue, isa),
            3 => steps::<T, 3>(skinny.by_columns, epilogue, isa),
            _ => steps::<T, 4>(skinny.by_columns, epilogue, isa),
        });
    }
    if skinny.by_columns || epilogue.is_some() {
        return None;
    }
    match dtype {
        DType::I32 => Some(project_kernel::<i32>(isa)),
        DType::I64 => Some(project_kernel::<i64>(isa)),
        _ => gemm::project(skinny.inner, skinny.width, dtype, isa),
    }
}

/// The kernel that accumulates the product of a transposed tile with another; `None` where there is none.
pub(super) fn accumulate(skinny: Skinny, dtype: DType, isa: Isa) -> Option<Kernel> {
    if !skinny.by_columns {
        return match dtype {
            DType::I32 => Some(accumulate_kernel::<i32>(isa)),
            DType::I64 => Some(accumulate_kernel::<i64>(isa)),
            _ => gemm::accumulate(skinny.inner, skinny.width, dtype, isa),
        };
    }
    if !skinny.is_narrow(dtype) {
        return None;
    }
    with_kind!(Float, dtype, T => Some(accumulate_columns_kernel::<T>(isa)))
}
