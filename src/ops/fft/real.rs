//! The transform of numbers to half of their spectrum, and its transpose. Where each number of the half counts once, the two
//! are `rfft` and its transpose; where those count twice that stand for two of the whole, they are `irfft` and its transpose.

use std::sync::OnceLock;

use ndarray::{ArrayView2, ArrayViewMut2, ArrayViewMut3};
use rustfft::num_complex::Complex;

use super::plans::{ForwardPlan, InversePlan, Point, planned, point, room, zero};
use super::{FftFault, Told, cotangents, of_both, parts, rows};
use crate::element::{ArrayMut, ArrayRef, DType};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, MultiOp, Op, Outputs};
use crate::ir::{Kernel, KernelError, Lowering, Val, size};
use crate::ops::gather::with_axes;
use crate::ops::lengths::types;
use crate::shape::TensorType;

/// How long half of a spectrum is.
const fn half(points: usize) -> usize {
    points / 2 + 1
}

/// Whether a number of half of a spectrum stands for two of the whole.
fn is_of_two(place: usize, points: usize) -> bool {
    place > 0 && 2 * place < points
}

/// Half of the spectrum of rows of numbers, over their number if it is normalized.
#[derive(Clone, Copy, Debug)]
pub(super) struct RealDft {
    pub(super) twice: bool,
    pub(super) normalized: bool,
}

impl MultiOp for RealDft {
    fn name(&self) -> &'static str {
        if self.twice { "irfft_transposed" } else { "rfft" }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        let (rows, points) = rows(&inputs[0].shape)?;
        let part = TensorType::new(inputs[0].dtype, [rows, &[points.map(half)]].concat());
        Ok([part.clone(), part].into())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let (mut dims, dtype) = (to.dims(inputs[0]).to_vec(), to.dtype(inputs[0]));
        // The shape rule has accepted the rows.
        let points = dims.pop().unwrap_or(1);
        let rows = size(&dims);
        let x = to.reshape(inputs[0], [rows, points]);
        let both = [rows, 2, half(points)];
        let both = match dtype {
            DType::F32 => to.kernel(Forward::<f32>::of(self.twice, self.normalized), &[x], dtype, both),
            _ => to.kernel(Forward::<f64>::of(self.twice, self.normalized), &[x], dtype, both),
        };
        dims.push(half(points));
        parts(both, &dims, to).into()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        if at.wants(0) {
            let ([real, imaginary], x) = (cotangents(at), at.input(0));
            let RealDft { twice, normalized } = *self;
            let share = real.transposed(imaginary, twice, normalized, x.dim(-1));
            at.add(0, share);
        }
    }
}

/// Rows of numbers of half of their spectrum, over their number if it is normalized; how many there are is told, by a third
/// input if it is computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct RealDftTransposed {
    pub(super) twice: bool,
    pub(super) normalized: bool,
    pub(super) n: Told,
}

/// The inputs before the one that tells the number of points.
const INPUTS: usize = 2;

impl Op for RealDftTransposed {
    fn name(&self) -> &'static str {
        if self.twice { "irfft" } else { "rfft_transposed" }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let shape = of_both(&inputs[0].shape, &inputs[1].shape)?;
        let (rows, found) = rows(&shape)?;
        let n = self.n.filled(INPUTS, &inputs[INPUTS..])?;
        match (n, found) {
            (Some(0), _) => Err(Fault::op(FftFault::NoPoints { shape: [rows, &[n]].concat().into() })),
            (Some(n), Some(found)) if found != half(n) => {
                Err(Fault::op(FftFault::Spectrum { n, expected: half(n), shape }))
            }
            _ => Ok(TensorType::new(inputs[0].dtype, [rows, &[n]].concat())),
        }
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (mut dims, dtype) = (to.dims(inputs[0]).to_vec(), to.dtype(inputs[0]));
        let computed = types(&inputs[INPUTS..], to);
        let n = self.n.filled(INPUTS, &computed.iter().collect::<Vec<_>>()).ok().flatten();
        // The shape rule has accepted the rows and the number.
        let (n, numbers) = (n.unwrap_or(1), dims.pop().unwrap_or(1));
        let rows = size(&dims);
        let operands = [0, 1].map(|part| to.reshape(inputs[part], [rows, numbers]));
        let x = match dtype {
            DType::F32 => {
                to.kernel(Inverse::<f32>::of(self.twice, self.normalized), &operands, dtype, [rows, n])
            }
            _ => to.kernel(Inverse::<f64>::of(self.twice, self.normalized), &operands, dtype, [rows, n]),
        };
        dims.push(n);
        to.reshape(x, dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let RealDftTransposed { twice, normalized, .. } = *self;
        if at.wants(0) || at.wants(1) {
            let (real, imaginary) = at.cotangent().parts(RealDft { twice, normalized }, &[]);
            at.add(0, real);
            at.add(1, imaginary);
        }
    }

    fn differentiable(&self, input: usize) -> bool {
        input < INPUTS
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("n", self.n)
    }
}

#[derive(Debug)]
struct Forward<T: Point> {
    plan: OnceLock<ForwardPlan<T>>,
    twice: bool,
    normalized: bool,
}

impl<T: Point> Forward<T> {
    fn of(twice: bool, normalized: bool) -> Self {
        Forward { plan: OnceLock::new(), twice, normalized }
    }
}

impl<T: Point> Kernel for Forward<T> {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let x: ArrayView2<'_, T> = with_axes(inputs[0].view()?)?;
        let mut output: ArrayViewMut3<'_, T> = with_axes(output.into_view()?)?;
        let points = x.ncols();
        let (mut row, mut spectrum) = (room(T::default(), points)?, room(zero(), half(points))?);
        let plan = planned(&self.plan, points, || ForwardPlan::forward(points))?;
        let scale = if self.normalized { 1.0 / points as f64 } else { 1.0 };
        let mut scratch = plan.scratch()?;
        for (mut both, x) in output.outer_iter_mut().zip(x.outer_iter()) {
            row.iter_mut().zip(x).for_each(|(to, &x)| *to = x);
            plan.run(&mut row, &mut spectrum, &mut scratch).map_err(KernelError::other)?;
            for (place, number) in spectrum.iter().enumerate() {
                let weight = if self.twice && is_of_two(place, points) { 2.0 } else { 1.0 };
                let scale: T = point(weight * scale);
                both[[0, place]] = number.re * scale;
                both[[1, place]] = number.im * scale;
            }
        }
        Ok(())
    }

    fn is_batched(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Inverse<T: Point> {
    plan: OnceLock<InversePlan<T>>,
    twice: bool,
    normalized: bool,
}

impl<T: Point> Inverse<T> {
    fn of(twice: bool, normalized: bool) -> Self {
        Inverse { plan: OnceLock::new(), twice, normalized }
    }
}

impl<T: Point> Kernel for Inverse<T> {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let real: ArrayView2<'_, T> = with_axes(inputs[0].view()?)?;
        let imaginary: ArrayView2<'_, T> = with_axes(inputs[1].view()?)?;
        let mut output: ArrayViewMut2<'_, T> = with_axes(output.into_view()?)?;
        let points = output.ncols();
        let (mut row, mut spectrum) = (room(T::default(), points)?, room(zero(), half(points))?);
        let plan = planned(&self.plan, points, || InversePlan::inverse(points))?;
        let scale = if self.normalized { 1.0 / points as f64 } else { 1.0 };
        let mut scratch = plan.scratch()?;
        for (mut x, (real, imaginary)) in
            output.rows_mut().into_iter().zip(real.outer_iter().zip(imaginary.outer_iter()))
        {
            let parts = real.iter().zip(imaginary).enumerate();
            for (to, (place, (&real, &imaginary))) in spectrum.iter_mut().zip(parts) {
                // The plan counts those twice that stand for two; the others have no imaginary part.
                *to = match (is_of_two(place, points), self.twice) {
                    (false, _) => Complex::new(real, T::default()),
                    (true, true) => Complex::new(real, imaginary),
                    (true, false) => Complex::new(real, imaginary) * point::<T>(0.5),
                };
            }
            plan.run(&mut spectrum, &mut row, &mut scratch).map_err(KernelError::other)?;
            let scale: T = point(scale);
            x.iter_mut().zip(&row).for_each(|(to, &x)| *to = x * scale);
        }
        Ok(())
    }

    fn is_batched(&self) -> bool {
        true
    }
}
