//! One fused pass over the rows of `X` and `d`: the error of each row and its share of the gradient at once.

use std::sync::Arc;

use super::isa::{Isa, Loop};
use super::math::MulAdd;

/// `Xᵀ·(X·w − d)` for rows of two columns.
pub(crate) type Pass<T> = Arc<dyn Fn(&[[T; 2]], &[T], [T; 2]) -> [T; 2] + Send + Sync>;

/// A pass that may be called on a machine with AVX-512 only.
#[cfg(target_arch = "x86_64")]
pub(crate) type Avx512Pass<T> = unsafe fn(&[[T; 2]], &[T], [T; 2]) -> [T; 2];

/// The element types of the experiment.
pub(crate) trait Scalar: flowgrad::Float + Into<f64> {
    /// `self · b + c`.
    fn times_plus<M: MulAdd>(self, b: Self, c: Self) -> Self;

    /// The pass in 512-bit intrinsics, for a machine that has them.
    #[cfg(target_arch = "x86_64")]
    fn avx512() -> Avx512Pass<Self>;
}

/// Accumulates for each of `L` consecutive rows and both columns, in the order of memory.
struct Interleaved<'a, T, const L: usize> {
    x: &'a [[T; 2]],
    d: &'a [T],
    w: [T; 2],
}

impl<T: Scalar, const L: usize> Loop for Interleaved<'_, T, L> {
    type Output = [T; 2];

    #[inline(always)]
    fn run<M: MulAdd>(self) -> [T; 2] {
        let Interleaved { x, d, w } = self;
        let mut g = [[T::zero(); 2]; L];
        let (mut xs, mut ds) = (x.chunks_exact(L), d.chunks_exact(L));
        for (x, d) in (&mut xs).zip(&mut ds) {
            for l in 0..L {
                let e = x[l][0].times_plus::<M>(w[0], x[l][1].times_plus::<M>(w[1], -d[l]));
                g[l][0] = x[l][0].times_plus::<M>(e, g[l][0]);
                g[l][1] = x[l][1].times_plus::<M>(e, g[l][1]);
            }
        }
        let start = rest(xs.remainder(), ds.remainder(), w);
        g.iter().fold(start, |sum, g| [sum[0] + g[0], sum[1] + g[1]])
    }
}

/// Accumulates for each of `L` consecutive rows, one column apart from the other.
struct Apart<'a, T, const L: usize> {
    x: &'a [[T; 2]],
    d: &'a [T],
    w: [T; 2],
}

impl<T: Scalar, const L: usize> Loop for Apart<'_, T, L> {
    type Output = [T; 2];

    #[inline(always)]
    fn run<M: MulAdd>(self) -> [T; 2] {
        let Apart { x, d, w } = self;
        let (mut g0, mut g1) = ([T::zero(); L], [T::zero(); L]);
        let (mut xs, mut ds) = (x.chunks_exact(L), d.chunks_exact(L));
        for (x, d) in (&mut xs).zip(&mut ds) {
            for l in 0..L {
                let e = x[l][0].times_plus::<M>(w[0], x[l][1].times_plus::<M>(w[1], -d[l]));
                g0[l] = x[l][0].times_plus::<M>(e, g0[l]);
                g1[l] = x[l][1].times_plus::<M>(e, g1[l]);
            }
        }
        let start = rest(xs.remainder(), ds.remainder(), w);
        g0.iter().zip(&g1).fold(start, |sum, (&g0, &g1)| [sum[0] + g0, sum[1] + g1])
    }
}

/// The pass over the few rows that are left.
#[inline(always)]
fn rest<T: Scalar>(x: &[[T; 2]], d: &[T], w: [T; 2]) -> [T; 2] {
    x.iter().zip(d).fold([T::zero(); 2], |g, (x, &d)| {
        let e = x[0] * w[0] + x[1] * w[1] - d;
        [g[0] + x[0] * e, g[1] + x[1] * e]
    })
}

/// Every form of the pass for every instruction set.
pub(crate) fn passes<T: Scalar>() -> Vec<(String, Pass<T>)> {
    let mut passes: Vec<(String, Pass<T>)> = Vec::new();
    for isa in Isa::available() {
        macro_rules! loops {
            ($($form:ident $lanes:literal),*) => {$(
                let name = format!("{} lanes {}, {}", $lanes, stringify!($form).to_lowercase(), isa.name());
                passes.push((name, Arc::new(move |x: &[[T; 2]], d: &[T], w: [T; 2]| {
                    isa.run($form::<T, $lanes> { x, d, w })
                })));
            )*};
        }
        loops!(Interleaved 8, Interleaved 16, Interleaved 32, Interleaved 64, Apart 8, Apart 16, Apart 32, Apart 64);
        #[cfg(target_arch = "x86_64")]
        if isa.is_avx512() {
            let pass = T::avx512();
            passes.push((
                "AVX-512 intrinsics".to_owned(),
                // SAFETY: the machine has AVX-512.
                Arc::new(move |x: &[[T; 2]], d: &[T], w: [T; 2]| unsafe { pass(x, d, w) }),
            ));
        }
    }
    passes
}

/// Declares the pass in 512-bit intrinsics: two vectors of rows are parted into columns, two such blocks a turn.
#[cfg(target_arch = "x86_64")]
macro_rules! intrinsics {
    ($type:ident, $lanes:literal, $load:ident, $set:ident, $zero:ident, $fmadd:ident, $fmsub:ident, $add:ident, $sum:ident,
     |$a:ident, $b:ident| ($first:expr, $second:expr), |$v:ident| $reorder:expr) => {
        /// # Safety
        /// For a machine with AVX-512.
        #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
        unsafe fn avx512(x: &[[$type; 2]], d: &[$type], w: [$type; 2]) -> [$type; 2] {
            use std::arch::x86_64::*;
            let rows = x.len().min(d.len());
            let whole = rows / (2 * $lanes) * (2 * $lanes);
            let (w0, w1) = ($set(w[0]), $set(w[1]));
            let mut g = [[$zero(); 2]; 2];
            for start in (0..whole).step_by(2 * $lanes) {
                for (block, g) in g.iter_mut().enumerate() {
                    let row = start + block * $lanes;
                    let from = x[row..row + $lanes].as_flattened();
                    let d = &d[row..row + $lanes];
                    let ($a, $b, $v) = {
                        // SAFETY: the slices hold two vectors and one.
                        unsafe { ($load(from.as_ptr()), $load(from[$lanes..].as_ptr()), $load(d.as_ptr())) }
                    };
                    let (x0, x1) = ($first, $second);
                    let e = $fmadd(x0, w0, $fmsub(x1, w1, $reorder));
                    g[0] = $fmadd(x0, e, g[0]);
                    g[1] = $fmadd(x1, e, g[1]);
                }
            }
            let rest = rest(&x[whole..rows], &d[whole..rows], w);
            [0, 1].map(|column| rest[column] + $sum($add(g[0][column], g[1][column])))
        }
    };
}

impl Scalar for f64 {
    #[inline(always)]
    fn times_plus<M: MulAdd>(self, b: Self, c: Self) -> Self {
        M::mul_add(self, b, c)
    }

    #[cfg(target_arch = "x86_64")]
    fn avx512() -> Avx512Pass<f64> {
        intrinsics!(
            f64,
            8,
            _mm512_loadu_pd,
            _mm512_set1_pd,
            _mm512_setzero_pd,
            _mm512_fmadd_pd,
            _mm512_fmsub_pd,
            _mm512_add_pd,
            _mm512_reduce_add_pd,
            // Within each pair of rows: the columns of rows 0 4 1 5 2 6 3 7.
            |a, b| (_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b)),
            |d| _mm512_permutexvar_pd(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), d)
        );
        avx512
    }
}

impl Scalar for f32 {
    #[inline(always)]
    fn times_plus<M: MulAdd>(self, b: Self, c: Self) -> Self {
        M::mul_add(self, b, c)
    }

    #[cfg(target_arch = "x86_64")]
    fn avx512() -> Avx512Pass<f32> {
        intrinsics!(
            f32,
            16,
            _mm512_loadu_ps,
            _mm512_set1_ps,
            _mm512_setzero_ps,
            _mm512_fmadd_ps,
            _mm512_fmsub_ps,
            _mm512_add_ps,
            _mm512_reduce_add_ps,
            // Within each four: the columns of rows 0 1 8 9, 2 3 10 11 and so on.
            |a, b| (_mm512_shuffle_ps::<0x88>(a, b), _mm512_shuffle_ps::<0xdd>(a, b)),
            |d| _mm512_castpd_ps(_mm512_permutexvar_pd(
                _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7),
                _mm512_castps_pd(d)
            ))
        );
        avx512
    }
}
