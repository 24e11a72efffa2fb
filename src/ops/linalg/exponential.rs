//! `expm`: the exponentials of matrices.

use faer::{MatMut, MatRef};

use super::dense::{Real, check_finite, product, zeros};
use super::each::{MatrixKernel, each};
use super::error::LinalgError;
use super::shapes::{Matrices, lengths, part};
use super::{transposed, triangular};
use crate::element::DType;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::Op;
use crate::ir::{Lowering, Val, Workers};
use crate::ops::methods::methods;
use crate::shape::{Axes, TensorType};

/// Numerators of the diagonal Padé approximants of degrees 3 to 13, from the constant term on.
const PADE: [&[f64]; 5] = [
    &[120.0, 60.0, 12.0, 1.0],
    &[30_240.0, 15_120.0, 3_360.0, 420.0, 30.0, 1.0],
    &[17_297_280.0, 8_648_640.0, 1_995_840.0, 277_200.0, 25_200.0, 1_512.0, 56.0, 1.0],
    &[
        17_643_225_600.0,
        8_821_612_800.0,
        2_075_673_600.0,
        302_702_400.0,
        30_270_240.0,
        2_162_160.0,
        110_880.0,
        3_960.0,
        90.0,
        1.0,
    ],
    &[
        64_764_752_532_480_000.0,
        32_382_376_266_240_000.0,
        7_771_770_303_897_600.0,
        1_187_353_796_428_800.0,
        129_060_195_264_000.0,
        10_559_470_521_600.0,
        670_442_572_800.0,
        33_522_128_640.0,
        1_323_241_920.0,
        40_840_800.0,
        960_960.0,
        16_380.0,
        182.0,
        1.0,
    ],
];

/// Norms up to which an approximant is good to the last place, for each degree (N. Higham, The scaling and squaring method
/// for the matrix exponential revisited, 2005, tables 2.3 and 2.1).
const DOUBLE: [f64; 5] = [
    1.495_585_217_958_292e-2,
    2.539_398_330_063_23e-1,
    9.504_178_996_162_932e-1,
    2.097_847_961_257_068,
    5.371_920_351_148_152,
];
/// The same for single precision, for which the degree 7 is enough.
const SINGLE: [f64; 3] = [4.258_730_016_922_831e-1, 1.880_152_677_804_762, 3.925_724_783_138_66];

#[derive(Debug)]
struct Exponential;

#[derive(Clone, Debug)]
struct ExponentialKernel {
    n: usize,
}

impl MatrixKernel for ExponentialKernel {
    const IS_SHARED: bool = true;

    fn fill<T: Real>(
        &self,
        inputs: &[&[T]],
        output: &mut [T],
        workers: Workers<'_>,
    ) -> Result<(), LinalgError> {
        let n = self.n;
        check_finite(inputs[0], n)?;
        output.copy_from_slice(inputs[0]);
        // The mean of a column, for its sum may be beyond all numbers.
        let share = (n as f64).recip();
        let column = |j: usize| {
            inputs[0].iter().skip(j).step_by(n).map(|x| x.magnitude().as_f64() * share).sum::<f64>()
        };
        let mean = (0..n).map(column).fold(0.0, f64::max);
        let norm = mean * n as f64;
        let limits: &[f64] = if T::DTYPE == DType::F32 { &SINGLE } else { &DOUBLE };
        let last = limits.len() - 1;
        let degree = limits.iter().position(|&limit| norm <= limit).unwrap_or(last);
        let excess = (mean / limits[last]).log2() + (n as f64).log2();
        let squarings = if norm > limits[last] { excess.ceil() as usize } else { 0 };
        // Each step is exact.
        for _ in 0..squarings {
            for x in &mut *output {
                *x *= T::from_f64(0.5);
            }
        }
        approximate(PADE[degree], n, output, workers)?;
        let mut square = zeros(n * n)?;
        for _ in 0..squarings {
            times(output, output, n, &mut square, workers);
            output.copy_from_slice(&square);
        }
        Ok(())
    }

    fn work(&self) -> f64 {
        12.0 * (self.n as f64).powi(3)
    }
}

/// Puts p(-A)⁻¹·p(A) in the place of A, where p has the given coefficients.
fn approximate<T: Real>(
    coefficients: &[f64],
    n: usize,
    a: &mut [T],
    workers: Workers<'_>,
) -> Result<(), LinalgError> {
    let mut square = zeros(n * n)?;
    times(a, a, n, &mut square, workers);
    // Even and odd powers apart, each by Horner's rule in A².
    let [mut even, mut odd, mut next] = [zeros(n * n)?, zeros(n * n)?, zeros(n * n)?];
    for (place, sum) in [&mut even, &mut odd].into_iter().enumerate() {
        for (step, &coefficient) in coefficients.iter().skip(place).step_by(2).rev().enumerate() {
            if step > 0 {
                times(sum, &square, n, &mut next, workers);
                sum.copy_from_slice(&next);
            }
            sum.iter_mut().step_by(n + 1).for_each(|x| *x += T::from_f64(coefficient));
        }
    }
    times(a, &odd, n, &mut next, workers);
    for ((difference, sum), &odd) in even.iter().zip(a.iter_mut()).zip(&next) {
        *sum = *difference + odd;
    }
    even.iter_mut().zip(&next).for_each(|(x, &odd)| *x -= odd);
    let mut packed = zeros(n * n + n)?;
    triangular::lu(&even, [n, n], &mut packed, workers)?;
    let (lu, order) = packed.split_at(n * n);
    triangular::solve_lu(lu, order, false, (&*a, n), &mut next, workers)?;
    a.copy_from_slice(&next);
    Ok(())
}

/// Writes a·b.
fn times<T: Real>(a: &[T], b: &[T], n: usize, to: &mut [T], workers: Workers<'_>) {
    let [a, b] = [a, b].map(|x| MatRef::from_row_major_slice(x, n, n));
    product(MatMut::from_row_major_slice_mut(to, n, n), a, b, workers);
}

impl Op for Exponential {
    fn name(&self) -> &'static str {
        "expm"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let matrices = Matrices::square(inputs[0])?;
        Ok(matrices.each([matrices.rows, matrices.columns]))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (batch, n, _) = lengths(inputs[0], to);
        let packed = each(ExponentialKernel { n }, inputs, &batch, n * n, to);
        part(packed, 0, &[n, n], to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        at.give(0, |dy| derivative(transposed(x), dy));
    }
}

/// The derivative of the exponential at `x` in the direction `e`, which is linear in it: the upper right block of the
/// exponential of [[x, e], [0, x]]. The direction is scaled so that it does not decide how often that is squared.
fn derivative<'g>(x: AnyTensor<'g>, e: AnyTensor<'g>) -> AnyTensor<'g> {
    let whole = || Axes::of([-2, -1]).keep_dims();
    let largest = e.stop_gradient().abs().reduce_sum(whole());
    let size = largest.equal(0.0).select(largest.ones_like(), largest);
    let above = x.graph().concat_any(&[x, e / size], -1);
    let below = x.graph().concat_any(&[x.zeros_like(), x], -1);
    let block = x.graph().concat_any(&[above, below], -2).unary(Exponential);
    let upper = block.split(2, -2).swap_remove(0);
    upper.split(2, -1).swap_remove(1) * size
}

methods! {
    /// Returns the exponentials Σ xᵏ/k! of square matrices, by Padé approximants, scaling and squaring (N. Higham, The scaling
    /// and squaring method for the matrix exponential revisited, 2005).
    ///
    /// Gradient: the derivative at xᵀ in the direction of dy, which is the upper right block of the exponential of
    /// [[xᵀ, dy], [0, xᵀ]].
    ///
    /// Matrices that are not square are a build error. An element that is not finite fails the run with an
    /// [`Error::Kernel`](crate::Error::Kernel) that names the node and the place of the matrix in the batch.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(ndarray::arr2(&[[0.0, 1.0], [0.0, 0.0]]));
    /// assert_eq!(Session::new(&g)?.run(a.expm())?, ndarray::arr2(&[[1.0, 1.0], [0.0, 1.0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("matrix_exponential", "matrix_exp"))]
    fn expm<Float>(x) -> Self {
        x.unary(Exponential)
    }
}
