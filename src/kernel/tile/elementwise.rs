//! Functions of each element.

use std::cell::Cell;
use std::iter;

use super::{Args, Kernel, elements, elements_mut};
use crate::element::{DType, Element};
use crate::ir::{Scalar, scalar_table};
use crate::kernel::isa::{Isa, kernels};
use crate::kernel::math::MulAdd;
use crate::kernel::number::with_number;
use crate::kernel::scalar::{self, Binary, CastTo, Unary, with_kind};

/// dst = f(a): `rows·width` elements of each.
#[inline(always)]
unsafe fn unary_loop<T: Element, F: Unary<T>, M: MulAdd>(args: &Args) {
    let count = args.rows * args.width;
    // SAFETY: the contract of `Kernel` for `count` elements.
    let (a, dst) = unsafe { (elements::<T>(args.a, count), elements_mut::<T>(args.dst, count)) };
    F::map::<M>(a, dst);
}

/// dst = f(a, b), where each iterator gives as many operands as `dst` has elements.
#[inline(always)]
fn zip_binary<'a, T: Element, F: Binary<T>, M: MulAdd>(
    dst: &mut [F::Output],
    a: impl Iterator<Item = &'a T>,
    b: impl Iterator<Item = &'a T>,
    fault: &Cell<bool>,
) {
    let mut none = false;
    for (dst, (&a, &b)) in dst.iter_mut().zip(a.zip(b)) {
        // Vanishes for functions that always have a value.
        *dst = F::apply::<M>(a, b).unwrap_or_else(|| {
            none = true;
            F::Output::default()
        });
    }
    fault.set(fault.get() | none);
}

/// dst = f(a, b): `rows·width` elements of each.
#[inline(always)]
unsafe fn binary_loop<T: Element, F: Binary<T>, M: MulAdd>(args: &Args) {
    let count = args.rows * args.width;
    // SAFETY: the contract of `Kernel` for `count` elements.
    let (a, b) = unsafe { (elements::<T>(args.a, count), elements::<T>(args.b, count)) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<F::Output>(args.dst, count) };
    zip_binary::<T, F, M>(dst, a.iter(), b.iter(), &args.fault);
}

/// dst = f(a, b): `rows·width` elements of `a` and `dst`, one of `b`.
#[inline(always)]
unsafe fn binary_right_scalar_loop<T: Element, F: Binary<T>, M: MulAdd>(args: &Args) {
    let count = args.rows * args.width;
    // SAFETY: the contract of `Kernel` for `count` elements of `a` and one of `b`.
    let (a, b) = unsafe { (elements::<T>(args.a, count), *args.b.cast::<T>()) };
    // SAFETY: the contract of `Kernel` for `count` elements.
    let dst = unsafe { elements_mut::<F::Output>(args.dst, count) };
    zip_binary::<T, F, M>(dst, a.iter(), iter::repeat(&b), &args.fault);
}

/// dst = f(a, b): one element of `a`, `rows·width` of `b` and `dst`.
#[inline(always)]
unsafe fn binary_left_scalar_loop<T: Element, F: Binary<T>, M: MulAdd>(args: &Args) {
    let count = args.rows * args.width;
    // SAFETY: the contract of `Kernel` for one element of `a` and `count` of `b`.
    let (a, b) = unsafe { (*args.a.cast::<T>(), elements::<T>(args.b, count)) };
    // SAFETY: the contract of `Kernel` for `count` elements.
    let dst = unsafe { elements_mut::<F::Output>(args.dst, count) };
    zip_binary::<T, F, M>(dst, iter::repeat(&a), b.iter(), &args.fault);
}

/// dst[row, ..] = f(a[row, ..], b[row]): `rows·width` elements of `a` and `dst`, `rows` of `b`.
#[inline(always)]
unsafe fn binary_right_per_row_loop<T: Element, F: Binary<T>, M: MulAdd>(args: &Args) {
    let (count, width) = (args.rows * args.width, args.width.max(1));
    // SAFETY: the contract of `Kernel` for these counts.
    let (a, b) = unsafe { (elements::<T>(args.a, count), elements::<T>(args.b, args.rows)) };
    // SAFETY: the same.
    let dst = unsafe { elements_mut::<F::Output>(args.dst, count) };
    // A copy of `b`: to the compiler, writing `dst` could otherwise change it.
    for ((dst, a), &b) in dst.chunks_exact_mut(width).zip(a.chunks_exact(width)).zip(b) {
        zip_binary::<T, F, M>(dst, a.iter(), iter::repeat(&b), &args.fault);
    }
}

/// dst = b where a, else c: `rows·width` elements of each, those of `a` being booleans.
#[inline(always)]
unsafe fn select_loop<T: Element, M: MulAdd>(args: &Args) {
    let count = args.rows * args.width;
    // SAFETY: the contract of `Kernel` for `count` elements.
    let (a, b) = unsafe { (elements::<bool>(args.a, count), elements::<T>(args.b, count)) };
    // SAFETY: the same.
    let (c, dst) = unsafe { (elements::<T>(args.c, count), elements_mut::<T>(args.dst, count)) };
    for ((dst, &a), (&b, &c)) in dst.iter_mut().zip(a).zip(b.iter().zip(c)) {
        *dst = if a { b } else { c };
    }
}

/// dst = a as another type: `rows·width` elements of each.
#[inline(always)]
unsafe fn cast_loop<T: CastTo<U>, U: Element, M: MulAdd>(args: &Args) {
    let count = args.rows * args.width;
    // SAFETY: the contract of `Kernel` for `count` elements.
    let (a, dst) = unsafe { (elements::<T>(args.a, count), elements_mut::<U>(args.dst, count)) };
    for (dst, &a) in dst.iter_mut().zip(a) {
        *dst = a.cast();
    }
}

kernels! {
    fn unary_kernel<T: Element, F: Unary<T>> = unary_loop;
    fn binary_kernel<T: Element, F: Binary<T>> = binary_loop;
    fn binary_left_scalar_kernel<T: Element, F: Binary<T>> = binary_left_scalar_loop;
    fn binary_right_scalar_kernel<T: Element, F: Binary<T>> = binary_right_scalar_loop;
    fn binary_right_per_row_kernel<T: Element, F: Binary<T>> = binary_right_per_row_loop;
    fn select_kernel<T: Element> = select_loop;
    fn cast_kernel<T: CastTo<U>, U: Element> = cast_loop;
}

/// What the operands of an elementwise function are where they are not tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forms {
    /// All are tiles.
    Tiles,
    /// The left one of two is a single element.
    LeftScalar,
    /// The right one of two is a single element.
    RightScalar,
    /// The right one of two is one element for each row.
    RightPerRow,
}

/// The kernel of a function of two operands, by what they are.
fn binary<T: Element, F: Binary<T>>(forms: Forms, isa: Isa) -> Kernel {
    match forms {
        Forms::Tiles => binary_kernel::<T, F>(isa),
        Forms::LeftScalar => binary_left_scalar_kernel::<T, F>(isa),
        Forms::RightScalar => binary_right_scalar_kernel::<T, F>(isa),
        Forms::RightPerRow => binary_right_per_row_kernel::<T, F>(isa),
    }
}

/// Declares [`map`] for the table of functions.
macro_rules! kernels_of_table {
    ($($(#[$doc:meta])* $name:ident $text:ident $operands:tt -> $gives:ident, $fails:ident, $cost:ident;)*) => {
        /// The kernel of an elementwise function; `from` is the operands' element type (of those selected
        /// from, for a selection), `to` the result's. `None` for a function that the type does not have, which
        /// no op asks for.
        pub(super) fn map(function: Scalar, forms: Forms, from: DType, to: DType, isa: Isa) -> Option<Kernel> {
            match function {
                $(Scalar::$name => kernels_of_table!(@of $operands $cost $name, forms, from, to, isa),)*
            }
        }
    };
    (@of (Bool, Any, Any) $cost:ident $name:ident, $forms:ident, $from:ident, $to:ident, $isa:ident) => {
        with_kind!(Any, $from, T => Some(select_kernel::<T>($isa)))
    };
    (@of (Any) $cost:ident $name:ident, $forms:ident, $from:ident, $to:ident, $isa:ident) => {
        Some(cast($from, $to, $isa))
    };
    (@of ($kind:ident) $cost:ident $name:ident, $forms:ident, $from:ident, $to:ident, $isa:ident) => {
        with_kind!($kind, $from, T => Some(unary_kernel::<T, scalar::$name>($isa)))
    };
    (@of (Any, Any) Cheap $name:ident, $forms:ident, $from:ident, $to:ident, $isa:ident) => {
        kernels_of_table!(@in_forms Any $name, $forms, $from, $isa)
    };
    (@of (Number, Number) Cheap $name:ident, $forms:ident, $from:ident, $to:ident, $isa:ident) => {
        kernels_of_table!(@in_forms Number $name, $forms, $from, $isa)
    };
    (@of ($kind:ident, $same:ident) $cost:ident $name:ident, $forms:ident, $from:ident, $to:ident, $isa:ident) => {
        match $forms {
            Forms::Tiles => with_kind!($kind, $from, T => Some(binary_kernel::<T, scalar::$name>($isa))),
            _ => None,
        }
    };
    // Where `Scalar::takes_single_elements` holds.
    (@in_forms $kind:ident $name:ident, $forms:ident, $from:ident, $isa:ident) => {
        match $forms {
            Forms::Tiles => with_kind!($kind, $from, T => Some(binary_kernel::<T, scalar::$name>($isa))),
            forms => with_kind!(Float, $from, T => Some(binary::<T, scalar::$name>(forms, $isa))),
        }
    };
}
scalar_table!(kernels_of_table);

fn cast(from: DType, to: DType, isa: Isa) -> Kernel {
    fn onto<T>(to: DType, isa: Isa) -> Kernel
    where
        T: CastTo<f32> + CastTo<f64> + CastTo<i32> + CastTo<i64> + CastTo<bool>,
    {
        with_number!(to, U => cast_kernel::<T, U>(isa), else cast_kernel::<T, bool>(isa))
    }
    with_number!(from, T => onto::<T>(to, isa), else onto::<bool>(to, isa))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [DType; 5] = [DType::F32, DType::F64, DType::I32, DType::I64, DType::Bool];

    #[test]
    fn there_are_kernels_for_the_types_that_a_function_takes_and_for_no_others() {
        for (&function, from) in Scalar::ALL.iter().flat_map(|function| ALL.map(|from| (function, from))) {
            let operands = |arity| match function {
                Scalar::Select => vec![DType::Bool, from, from],
                _ => vec![from; arity],
            };
            let takes = |to| (1..=2).any(|arity| function.takes(&operands(arity), to));
            let has_kernel = map(function, Forms::Tiles, from, from, Isa::Baseline).is_some();
            assert_eq!(has_kernel, ALL.into_iter().any(takes), "{function:?} of {from}");
            if ALL.into_iter().any(|to| function.takes(&[from, from], to)) {
                for forms in [Forms::LeftScalar, Forms::RightScalar, Forms::RightPerRow] {
                    let has_kernel = map(function, forms, from, from, Isa::Baseline).is_some();
                    assert_eq!(
                        has_kernel,
                        function.takes_single_elements(from),
                        "{forms:?} of {function:?} of {from}"
                    );
                }
            }
        }
    }
}
