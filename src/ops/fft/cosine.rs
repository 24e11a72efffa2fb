//! The cosine transform of kind 2 and that of kind 3, which is its transpose but for factors, by a complex transform of as
//! many points in another order. Source: Makhoul (1980), "A fast cosine transform in one and two dimensions".

use std::f64::consts::PI;
use std::sync::OnceLock;

use ndarray::{ArrayView2, ArrayViewMut2};
use rustfft::num_complex::Complex;

use super::plans::{ComplexPlan, Point, planned, point, room, zero};
use super::{FftFault, rows};
use crate::element::{ArrayMut, ArrayRef, DType};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attribute, AttributeValue, Attributes, Op};
use crate::ir::{Kernel, KernelError, Lowering, Val, size};
use crate::ops::gather::with_axes;
use crate::shape::TensorType;

/// What the sums over cosines are multiplied by, or of the transpose the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weights {
    /// 2.
    Twice,
    /// 2, but the first one by 1.
    FirstOnce,
    /// What makes the transform orthogonal.
    Ortho,
}

const WEIGHTS: [(&str, Weights); 3] =
    [("twice", Weights::Twice), ("first_once", Weights::FirstOnce), ("ortho", Weights::Ortho)];

impl AttributeValue for Weights {
    const KIND: &'static str = "weights: `twice`, `first_once` or `ortho`";

    fn into_attribute(self) -> Attribute {
        let name = WEIGHTS.iter().find(|&&(_, weights)| weights == self);
        Attribute::Text(name.map_or("", |(name, _)| name).into())
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        let Attribute::Text(text) = attribute else { return None };
        WEIGHTS.iter().find(|(name, _)| name == text).map(|&(_, weights)| weights)
    }
}

impl Weights {
    fn of(self, place: usize, points: usize) -> f64 {
        match self {
            Weights::Twice => 2.0,
            Weights::FirstOnce => {
                if place == 0 {
                    1.0
                } else {
                    2.0
                }
            }
            Weights::Ortho => ((if place == 0 { 1.0 } else { 2.0 }) / points as f64).sqrt(),
        }
    }
}

/// Sums over cosines times weights, Σⱼ xⱼ·cos(π·k·(2j + 1)/(2n)); or the transpose of that.
#[derive(Clone, Copy, Debug)]
pub(super) struct CosineTransform {
    pub(super) transposed: bool,
    pub(super) weights: Weights,
}

impl CosineTransform {
    /// The transform of a kind.
    pub(super) fn of(kind: usize, ortho: bool) -> Result<Self, Fault> {
        let (transposed, weights) = match kind {
            2 => (false, Weights::Twice),
            3 => (true, Weights::FirstOnce),
            _ => return Err(Fault::op(FftFault::Kind { kind })),
        };
        Ok(CosineTransform { transposed, weights: if ortho { Weights::Ortho } else { weights } })
    }

    /// The kind, if it has one.
    fn kind(self) -> Option<usize> {
        match (self.transposed, self.weights) {
            (false, Weights::Twice | Weights::Ortho) => Some(2),
            (true, Weights::FirstOnce | Weights::Ortho) => Some(3),
            _ => None,
        }
    }
}

impl Op for CosineTransform {
    fn name(&self) -> &'static str {
        if self.kind().is_some() { "dct" } else { "cosine_transform" }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        rows(&inputs[0].shape)?;
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (dims, dtype) = (to.dims(inputs[0]).to_vec(), to.dtype(inputs[0]));
        // The shape rule has accepted the rows.
        let (&points, rows) = dims.split_last().unwrap_or((&1, &[]));
        let matrix = [size(rows), points];
        let x = to.reshape(inputs[0], matrix);
        let y = match dtype {
            DType::F32 => to.kernel(Cosines::<f32>::of(*self), &[x], dtype, matrix),
            _ => to.kernel(Cosines::<f64>::of(*self), &[x], dtype, matrix),
        };
        to.reshape(y, dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy.unary(CosineTransform { transposed: !self.transposed, ..*self }));
    }

    fn attributes(&self) -> Attributes {
        match self.kind() {
            Some(kind) => Attributes::new().with("kind", kind).with("ortho", self.weights == Weights::Ortho),
            None => Attributes::new().with("transposed", self.transposed).with("weights", self.weights),
        }
    }
}

#[derive(Debug)]
struct Cosines<T: Point> {
    plan: OnceLock<CosinePlan<T>>,
    op: CosineTransform,
}

#[derive(Debug)]
struct CosinePlan<T: Point> {
    plan: ComplexPlan<T>,
    /// e^(-πi·k/(2n)) times the weight, for each place of the transform.
    factors: Vec<Complex<T>>,
}

impl<T: Point> Cosines<T> {
    fn of(op: CosineTransform) -> Self {
        Cosines { plan: OnceLock::new(), op }
    }
}

impl<T: Point> CosinePlan<T> {
    fn of(op: CosineTransform, points: usize) -> Self {
        let factor = |place: usize| {
            let (weight, angle) = (op.weights.of(place, points), PI * place as f64 / (2 * points) as f64);
            Complex::new(point(weight * angle.cos()), point(-weight * angle.sin()))
        };
        let plan = ComplexPlan::complex(points, false);
        CosinePlan { plan, factors: (0..points).map(factor).collect() }
    }
}

/// Where an element stands among the points: those of even places first, then the others backwards.
fn moved(place: usize, points: usize) -> usize {
    if place.is_multiple_of(2) { place / 2 } else { points - 1 - place / 2 }
}

impl<T: Point> Kernel for Cosines<T> {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let x: ArrayView2<'_, T> = with_axes(inputs[0].view()?)?;
        let mut output: ArrayViewMut2<'_, T> = with_axes(output.into_view()?)?;
        let points = x.ncols();
        let CosinePlan { plan, factors } = planned(&self.plan, points, || CosinePlan::of(self.op, points))?;
        let (mut row, mut scratch) = (room(zero(), points)?, plan.scratch()?);
        for (mut y, x) in output.rows_mut().into_iter().zip(x.rows()) {
            if self.op.transposed {
                row.iter_mut().zip(x.iter().zip(factors)).for_each(|(to, (&x, &factor))| *to = factor * x);
                plan.run(&mut row, &mut scratch);
                y.indexed_iter_mut().for_each(|(place, y)| *y = row[moved(place, points)].re);
            } else {
                let real = |x: T| Complex::new(x, T::default());
                x.indexed_iter().for_each(|(place, &x)| row[moved(place, points)] = real(x));
                plan.run(&mut row, &mut scratch);
                let numbers = row.iter().zip(factors);
                y.iter_mut().zip(numbers).for_each(|(y, (number, factor))| *y = (number * factor).re);
            }
        }
        Ok(())
    }

    fn is_batched(&self) -> bool {
        true
    }
}
