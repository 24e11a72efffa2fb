//! Instruction sets: which there are, which this machine has, and how a loop is compiled for each.

use std::fmt;
use std::sync::OnceLock;

/// An instruction set for which the kernels are compiled. [`SessionBuilder::isa`](crate::SessionBuilder::isa) chooses one.
///
/// AVX2 and AVX-512 give the same bits: sums have as many lanes with each, and are combined in one order. The baseline of
/// x86-64 has no fused multiply-add and rounds a product before it goes into a sum, so that results differ in their last
/// digits: those of matrix products, convolutions, sums of products, `a·b + c` in one pass, and functions that are
/// computed by polynomials, such as `exp`, `ln`, `tanh` and `erf`. On every target the baseline also leaves large matrix
/// products to the crate `matrixmultiply`, which sums in an order of its own. Sums, means, extremes and
/// arithmetic of single elements have the same bits with the baseline, too.
///
/// `tan`, `asin`, `acos`, `atan`, `sinh`, `cosh`, `atan2`, `hypot`, and `sin` and `cos` of large numbers are the platform's, so
/// they are the same on machines with the same one. NaN is NaN with all, but which of its many bits it has is left open.
///
/// ```
/// use flowgrad::Isa;
/// assert!(Isa::detected() >= Isa::Baseline);
/// assert_eq!(Isa::Baseline.to_string(), "baseline");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Isa {
    /// What every machine of the target has: SSE2 on x86-64, NEON on `AArch64`.
    Baseline,
    /// 256-bit vectors with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512-bit vectors with masks and fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// All of the target's, the narrowest first; a machine that has one has those before it.
    pub(crate) const ALL: &[Isa] = &[
        Isa::Baseline,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512,
    ];

    /// The widest that this machine has; found once.
    pub fn detected() -> Isa {
        static DETECTED: OnceLock<Isa> = OnceLock::new();
        *DETECTED.get_or_init(detect)
    }

    fn name(self) -> &'static str {
        match self {
            Isa::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => "avx512",
        }
    }

    /// The one of a name, whether or not this machine has it.
    pub(crate) fn named(name: &str) -> Option<Isa> {
        Isa::ALL.iter().copied().find(|isa| isa.name() == name)
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Isa {
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("bmi2");
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    match (avx512 && avx2, avx2) {
        (true, _) => Isa::Avx512,
        (_, true) => Isa::Avx2,
        _ => Isa::Baseline,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Isa {
    Isa::Baseline
}

/// How the baseline multiplies and adds: AArch64 always has the fused form.
#[cfg(target_arch = "aarch64")]
pub(crate) type BaselineMulAdd = super::math::Fused;
/// How the baseline multiplies and adds: SSE2 has no fused form.
#[cfg(not(target_arch = "aarch64"))]
pub(crate) type BaselineMulAdd = super::math::Separate;

/// Declares kernels: each is the loop `$body`, inlined into one function for each instruction set,
/// and a function that gives the one for an [`Isa`].
macro_rules! kernels {
    ($(
        $(#[$doc:meta])*
        $vis:vis fn $name:ident < $($param:ident : $bound:path),* $(; $(const $size:ident),+)? > = $body:ident;
    )*) => {$(
        $(#[$doc])*
        $vis fn $name<$($param: $bound,)* $($(const $size: usize),+)?>(isa: $crate::kernel::isa::Isa) -> $crate::kernel::tile::Kernel {
            /// # Safety
            /// As for the loop, on a machine that has AVX-512 and FMA.
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
            unsafe fn avx512<$($param: $bound,)* $($(const $size: usize),+)?>(args: &$crate::kernel::tile::Args) {
                // SAFETY: the caller keeps the loop's contract.
                unsafe { $body::<$($param,)* $crate::kernel::vector::Avx512 $($(, $size)+)?>(args) }
            }
            /// # Safety
            /// As for the loop, on a machine that has AVX2 and FMA.
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2<$($param: $bound,)* $($(const $size: usize),+)?>(args: &$crate::kernel::tile::Args) {
                // SAFETY: the caller keeps the loop's contract.
                unsafe { $body::<$($param,)* $crate::kernel::vector::Avx2 $($(, $size)+)?>(args) }
            }
            /// # Safety
            /// As for the loop.
            unsafe fn baseline<$($param: $bound,)* $($(const $size: usize),+)?>(args: &$crate::kernel::tile::Args) {
                // SAFETY: the caller keeps the loop's contract.
                unsafe { $body::<$($param,)* $crate::kernel::isa::BaselineMulAdd $($(, $size)+)?>(args) }
            }
            match isa {
                #[cfg(target_arch = "x86_64")]
                $crate::kernel::isa::Isa::Avx512 => avx512::<$($param,)* $($($size),+)?>,
                #[cfg(target_arch = "x86_64")]
                $crate::kernel::isa::Isa::Avx2 => avx2::<$($param,)* $($($size),+)?>,
                $crate::kernel::isa::Isa::Baseline => baseline::<$($param,)* $($($size),+)?>,
            }
        }
    )*};
}
pub(crate) use kernels;
