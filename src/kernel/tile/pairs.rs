//! Two cheap functions in one pass: dst = second(first(a, b), c), so that what is between stays in a
//! register.
//!
//! A cheap function takes as long as its loads and its store; two in one loop save a store and a load of
//! four or five. A product whose result goes on into a sum is not rounded between, where the machine has a
//! fused multiply-add. Into a difference it is: x·x - y·y must be 0 where x = y, as a root may come behind.

use super::{Args, Kernel};
use crate::element::DType;
use crate::ir::Scalar;
use crate::kernel::isa::{Isa, kernels};
use crate::kernel::number::Number;
use crate::kernel::vector::{Machine, Vector};

/// A cheap function of what has been computed so far, `t`, and another operand, `x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// t + x
    Add,
    /// t − x
    Sub,
    /// x − t
    From,
    /// t·x
    Mul,
    /// The larger of t and x.
    Maximum,
    /// The smaller of t and x.
    Minimum,
}

impl Step {
    /// The step that a function of two operands is when `t` stands at the given position.
    pub(crate) fn of(function: Scalar, position: usize) -> Option<Step> {
        match (function, position) {
            (Scalar::Add, _) => Some(Step::Add),
            (Scalar::Mul, _) => Some(Step::Mul),
            (Scalar::Sub, 0) => Some(Step::Sub),
            (Scalar::Sub, _) => Some(Step::From),
            // Of two zeros or NaNs the position decides which one is taken, so these do not commute.
            (Scalar::Maximum, 0) => Some(Step::Maximum),
            (Scalar::Minimum, 0) => Some(Step::Minimum),
            _ => None,
        }
    }

    /// As it is printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Step::Add => "add",
            Step::Sub => "sub",
            Step::From => "from",
            Step::Mul => "mul",
            Step::Maximum => "maximum",
            Step::Minimum => "minimum",
        }
    }
}

/// A [`Step`] as a type, on single elements or vectors of them.
pub(super) trait Then<T: Number>: 'static {
    /// Whether the step is a product, which the next one may take unrounded.
    const IS_PRODUCT: bool = false;

    fn apply<V: Vector<T>>(t: V, x: V) -> V;

    /// The step on the product a·b.
    #[inline(always)]
    fn after_product<V: Vector<T>>(a: V, b: V, x: V) -> V {
        Self::apply(a.mul(b), x)
    }
}

macro_rules! steps {
    ($($name:ident($t:ident, $x:ident) = $apply:expr $(, product($a:ident, $b:ident, $y:ident) = $after:expr)?;)*) => {$(
        pub(super) enum $name {}
        impl<T: Number> Then<T> for $name {
            #[inline(always)]
            fn apply<V: Vector<T>>($t: V, $x: V) -> V {
                $apply
            }
            $(
                #[inline(always)]
                fn after_product<V: Vector<T>>($a: V, $b: V, $y: V) -> V {
                    $after
                }
            )?
        }
    )*};
}
steps! {
    Add(t, x) = t.add(x), product(a, b, x) = a.mul_add(b, x);
    Sub(t, x) = t.sub(x);
    From(t, x) = x.sub(t);
    Maximum(t, x) = t.nan_or(t.larger(x));
    Minimum(t, x) = t.nan_or(t.smaller(x));
}

pub(super) enum Mul {}
impl<T: Number> Then<T> for Mul {
    const IS_PRODUCT: bool = true;
    #[inline(always)]
    fn apply<V: Vector<T>>(t: V, x: V) -> V {
        t.mul(x)
    }
}

/// second(first(a, b), c).
#[inline(always)]
fn both<T: Number, F: Then<T>, G: Then<T>, V: Vector<T>>(a: V, b: V, c: V) -> V {
    if F::IS_PRODUCT { G::after_product(a, b, c) } else { G::apply(F::apply(a, b), c) }
}

/// Vectors that are worked on at a time: as many loads and stores under way as hide what a step takes.
const AT_A_TIME: usize = 4;

/// An operand: a tile, or a single element in every place of a vector.
#[derive(Clone, Copy)]
struct Operand<T, V, const TILE: usize> {
    tile: *const T,
    single: V,
}

impl<T: Number, V: Vector<T>, const TILE: usize> Operand<T, V, TILE> {
    /// # Safety
    /// A single element must be there.
    #[inline(always)]
    unsafe fn new(x: *const T) -> Self {
        // SAFETY: the caller's promise.
        Operand { tile: x, single: V::splat(if TILE == 1 { T::ZERO } else { unsafe { *x } }) }
    }

    /// # Safety
    /// A tile must reach a vector from there on.
    #[inline(always)]
    unsafe fn vector(self, first: usize) -> V {
        // SAFETY: the caller's promise.
        if TILE == 1 { unsafe { V::load(self.tile.add(first)) } } else { self.single }
    }

    /// # Safety
    /// A tile must reach so many elements from there on, fewer than a vector has.
    #[inline(always)]
    unsafe fn rest(self, first: usize, count: usize) -> V {
        // SAFETY: the caller's promise.
        if TILE == 1 { unsafe { V::load_rest(self.tile.add(first), count, T::ZERO) } } else { self.single }
    }
}

/// dst = second(first(a, b), c): `rows·width` elements of `dst` and `a`; of `b` if B is 1, of `c` if C
/// is 1, one of either if not. `dst` may be the same as a tile that is read.
#[inline(always)]
unsafe fn pair_loop<T: Number, F: Then<T>, G: Then<T>, M: Machine, const B: usize, const C: usize>(
    args: &Args,
) {
    let len = T::Vector::<M>::LEN;
    let count = args.rows * args.width;
    let dst = args.dst.cast::<T>();
    // SAFETY: the contract of `Kernel` for `count` elements, of `b` and `c` for one where that is all they have; what is
    // loaded and stored ends within these.
    unsafe {
        let a = Operand::<T, T::Vector<M>, 1>::new(args.a.cast());
        let b = Operand::<T, T::Vector<M>, B>::new(args.b.cast());
        let c = Operand::<T, T::Vector<M>, C>::new(args.c.cast());
        let mut first = 0;
        while first + AT_A_TIME * len <= count {
            for first in (0..AT_A_TIME).map(|index| first + index * len) {
                both::<T, F, G, _>(a.vector(first), b.vector(first), c.vector(first)).store(dst.add(first));
            }
            first += AT_A_TIME * len;
        }
        while first + len <= count {
            both::<T, F, G, _>(a.vector(first), b.vector(first), c.vector(first)).store(dst.add(first));
            first += len;
        }
        let rest = count - first;
        if rest > 0 {
            both::<T, F, G, _>(a.rest(first, rest), b.rest(first, rest), c.rest(first, rest))
                .store_rest(dst.add(first), rest);
        }
    }
}

kernels! {
    fn pair_kernel<T: Number, F: Then<T>, G: Then<T>; const B, const C> = pair_loop;
}

/// The kernel of two steps on floats. `tiled` says of `b` and `c` whether they are tiles or a single
/// element.
pub(super) fn pair(first: Step, second: Step, tiled: [bool; 2], dtype: DType, isa: Isa) -> Option<Kernel> {
    fn forms<T: Number, F: Then<T>, G: Then<T>>(tiled: [bool; 2], isa: Isa) -> Kernel {
        match tiled {
            [false, false] => pair_kernel::<T, F, G, 0, 0>(isa),
            [false, true] => pair_kernel::<T, F, G, 0, 1>(isa),
            [true, false] => pair_kernel::<T, F, G, 1, 0>(isa),
            [true, true] => pair_kernel::<T, F, G, 1, 1>(isa),
        }
    }
    fn seconds<T: Number, F: Then<T>>(second: Step, tiled: [bool; 2], isa: Isa) -> Kernel {
        match second {
            Step::Add => forms::<T, F, Add>(tiled, isa),
            Step::Sub => forms::<T, F, Sub>(tiled, isa),
            Step::From => forms::<T, F, From>(tiled, isa),
            Step::Mul => forms::<T, F, Mul>(tiled, isa),
            Step::Maximum => forms::<T, F, Maximum>(tiled, isa),
            Step::Minimum => forms::<T, F, Minimum>(tiled, isa),
        }
    }
    fn firsts<T: Number>(first: Step, second: Step, tiled: [bool; 2], isa: Isa) -> Kernel {
        match first {
            Step::Add => seconds::<T, Add>(second, tiled, isa),
            Step::Sub => seconds::<T, Sub>(second, tiled, isa),
            Step::From => seconds::<T, From>(second, tiled, isa),
            Step::Mul => seconds::<T, Mul>(second, tiled, isa),
            Step::Maximum => seconds::<T, Maximum>(second, tiled, isa),
            Step::Minimum => seconds::<T, Minimum>(second, tiled, isa),
        }
    }
    match dtype {
        DType::F32 => Some(firsts::<f32>(first, second, tiled, isa)),
        DType::F64 => Some(firsts::<f64>(first, second, tiled, isa)),
        DType::I32 | DType::I64 | DType::Bool => None,
    }
}
