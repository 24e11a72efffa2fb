//! The transform of complex numbers, and its transpose, which is the one with the other sign.

use std::sync::OnceLock;

use ndarray::{ArrayView2, ArrayViewMut3};
use rustfft::num_complex::Complex;

use super::plans::{ComplexPlan, Point, planned, point, room, zero};
use super::{give_both, of_both, parts, rows};
use crate::element::{ArrayMut, ArrayRef, DType};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{MultiOp, Outputs};
use crate::ir::{Kernel, KernelError, Lowering, Val, size};
use crate::ops::gather::with_axes;
use crate::shape::TensorType;

/// The transform of rows of complex numbers with one sign or the other, over the number of points if it is normalized.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dft {
    pub(super) inverse: bool,
    pub(super) normalized: bool,
}

impl MultiOp for Dft {
    fn name(&self) -> &'static str {
        match (self.inverse, self.normalized) {
            (false, false) => "fft",
            (true, true) => "ifft",
            (true, false) => "fft_transposed",
            (false, true) => "ifft_transposed",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        let shape = of_both(&inputs[0].shape, &inputs[1].shape)?;
        rows(&shape)?;
        let part = TensorType::new(inputs[0].dtype, shape);
        Ok([part.clone(), part].into())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let (dims, dtype) = (to.dims(inputs[0]).to_vec(), to.dtype(inputs[0]));
        // The shape rule has accepted the rows.
        let (&points, rows) = dims.split_last().unwrap_or((&1, &[]));
        let rows = size(rows);
        let operands = [0, 1].map(|part| to.reshape(inputs[part], [rows, points]));
        let both = [rows, 2, points];
        let both = match dtype {
            DType::F32 => to.kernel(Transform::<f32>::of(*self), &operands, dtype, both),
            _ => to.kernel(Transform::<f64>::of(*self), &operands, dtype, both),
        };
        parts(both, &dims, to).into()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        give_both(at, Dft { inverse: !self.inverse, ..*self });
    }
}

#[derive(Debug)]
struct Transform<T: Point> {
    plan: OnceLock<ComplexPlan<T>>,
    op: Dft,
}

impl<T: Point> Transform<T> {
    fn of(op: Dft) -> Self {
        Transform { plan: OnceLock::new(), op }
    }
}

impl<T: Point> Kernel for Transform<T> {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let real: ArrayView2<'_, T> = with_axes(inputs[0].view()?)?;
        let imaginary: ArrayView2<'_, T> = with_axes(inputs[1].view()?)?;
        let mut output: ArrayViewMut3<'_, T> = with_axes(output.into_view()?)?;
        let points = real.ncols();
        let plan = planned(&self.plan, points, || ComplexPlan::complex(points, self.op.inverse))?;
        let scale: T = point(if self.op.normalized { 1.0 / points as f64 } else { 1.0 });
        let (mut row, mut scratch) = (room(zero(), points)?, plan.scratch()?);
        for (mut both, (real, imaginary)) in
            output.outer_iter_mut().zip(real.outer_iter().zip(imaginary.outer_iter()))
        {
            for (to, (&real, &imaginary)) in row.iter_mut().zip(real.iter().zip(imaginary)) {
                *to = Complex::new(real, imaginary);
            }
            plan.run(&mut row, &mut scratch);
            for (place, number) in row.iter().enumerate() {
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
