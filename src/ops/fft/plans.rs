//! Plans of `rustfft` as kernels hold them.

use std::fmt;
use std::sync::{Arc, OnceLock};

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftDirection, FftNum, FftPlanner};

use crate::element::Numeric;
use crate::ir::KernelError;

/// A float that plans are made for.
pub(in crate::ops) trait Point: Numeric + FftNum {}
impl Point for f32 {}
impl Point for f64 {}

/// A plan for so many points.
#[derive(Clone)]
pub(in crate::ops) struct Plan<P: ?Sized>(Arc<P>);

impl<P: ?Sized> fmt::Debug for Plan<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plan")
    }
}

/// A plan for so many points, which is made in the first run: by then there is memory for the points. What the plan itself
/// takes is as much some times over, of which nobody would hear that it lacks.
pub(in crate::ops) fn planned<P>(
    plan: &OnceLock<P>,
    points: usize,
    make: impl FnOnce() -> P,
) -> Result<&P, KernelError> {
    if plan.get().is_none() {
        let mut room: Vec<[Complex<f64>; 4]> = Vec::new();
        room.try_reserve_exact(points).map_err(KernelError::other)?;
    }
    Ok(plan.get_or_init(make))
}

/// So many equal elements, if there is memory for them.
pub(in crate::ops) fn room<E: Clone>(element: E, count: usize) -> Result<Vec<E>, KernelError> {
    let mut room = Vec::new();
    room.try_reserve_exact(count).map_err(KernelError::other)?;
    room.resize(count, element);
    Ok(room)
}

/// Of complex numbers, in place.
pub(in crate::ops) type ComplexPlan<T> = Plan<dyn Fft<T>>;
/// Of numbers, to half of their spectrum.
pub(in crate::ops) type ForwardPlan<T> = Plan<dyn RealToComplex<T>>;
/// And back.
pub(in crate::ops) type InversePlan<T> = Plan<dyn ComplexToReal<T>>;

impl<T: Point> ComplexPlan<T> {
    pub(in crate::ops) fn complex(points: usize, inverse: bool) -> Self {
        let direction = if inverse { FftDirection::Inverse } else { FftDirection::Forward };
        Plan(FftPlanner::new().plan_fft(points, direction))
    }

    /// Memory for runs of the plan.
    pub(in crate::ops) fn scratch(&self) -> Result<Vec<Complex<T>>, KernelError> {
        room(zero(), self.0.get_inplace_scratch_len())
    }

    pub(in crate::ops) fn run(&self, points: &mut [Complex<T>], scratch: &mut [Complex<T>]) {
        self.0.process_with_scratch(points, scratch);
    }
}

impl<T: Point> ForwardPlan<T> {
    pub(in crate::ops) fn forward(points: usize) -> Self {
        Plan(RealFftPlanner::new().plan_fft_forward(points))
    }

    pub(in crate::ops) fn scratch(&self) -> Result<Vec<Complex<T>>, KernelError> {
        room(zero(), self.0.get_scratch_len())
    }

    pub(in crate::ops) fn run(
        &self,
        points: &mut [T],
        spectrum: &mut [Complex<T>],
        scratch: &mut [Complex<T>],
    ) -> Result<(), realfft::FftError> {
        self.0.process_with_scratch(points, spectrum, scratch)
    }
}

impl<T: Point> InversePlan<T> {
    pub(in crate::ops) fn inverse(points: usize) -> Self {
        Plan(RealFftPlanner::new().plan_fft_inverse(points))
    }

    pub(in crate::ops) fn scratch(&self) -> Result<Vec<Complex<T>>, KernelError> {
        room(zero(), self.0.get_scratch_len())
    }

    pub(in crate::ops) fn run(
        &self,
        spectrum: &mut [Complex<T>],
        points: &mut [T],
        scratch: &mut [Complex<T>],
    ) -> Result<(), realfft::FftError> {
        self.0.process_with_scratch(spectrum, points, scratch)
    }
}

pub(in crate::ops) fn zero<T: Point>() -> Complex<T> {
    Complex::new(T::default(), T::default())
}

/// The nearest number of the type; plans' own traits have another function of that name.
pub(in crate::ops) fn point<T: Point>(number: f64) -> T {
    <T as Numeric>::from_f64(number)
}
