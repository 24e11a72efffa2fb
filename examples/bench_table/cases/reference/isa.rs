//! Loops compiled for several instruction sets, one of which is chosen at run time.

use super::math::{Fused, MulAdd, Separate};

/// A loop: generic over how it multiplies and adds, inlined into a function for each instruction set.
pub(crate) trait Loop {
    /// What it gives.
    type Output;

    /// Runs it. Must be `#[inline(always)]`, and so must be all that it calls.
    fn run<M: MulAdd>(self) -> Self::Output;
}

/// An instruction set that this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Isa(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Baseline,
}

impl Isa {
    /// All that this machine has, the widest first.
    pub(crate) fn available() -> Vec<Isa> {
        let mut sets = vec![Set::Baseline];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            sets.push(Set::Avx2);
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
            {
                sets.push(Set::Avx512);
            }
        }
        sets.into_iter().rev().map(Isa).collect()
    }

    /// The name for tables.
    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "AVX2",
            Set::Baseline => "baseline",
        }
    }

    /// Whether the 512-bit intrinsics may be used.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn is_avx512(self) -> bool {
        self.0 == Set::Avx512
    }

    /// Runs the loop as compiled for this set.
    #[inline]
    pub(crate) fn run<L: Loop>(self, body: L) -> L::Output {
        match self.0 {
            // SAFETY: `available` alone makes values of this type, for sets that were detected.
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => unsafe { avx512(body) },
            // SAFETY: the same.
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => unsafe { avx2(body) },
            Set::Baseline => baseline(body),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
fn avx512<L: Loop>(body: L) -> L::Output {
    body.run::<Fused>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<L: Loop>(body: L) -> L::Output {
    body.run::<Fused>()
}

fn baseline<L: Loop>(body: L) -> L::Output {
    if cfg!(target_arch = "aarch64") { body.run::<Fused>() } else { body.run::<Separate>() }
}
