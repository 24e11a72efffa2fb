//! The kernels of convolutions of rows: sum by sum, and by Fourier transforms.

use std::ops::Range;
use std::sync::OnceLock;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};
use rustfft::num_complex::Complex;

use super::ConvolveMethod;
use crate::element::{ArrayMut, ArrayRef, DType};
use crate::ir::{Kernel, KernelError, Lowering, Val};
use crate::kernel::MOST_ADDITIONS;
use crate::ops::fft::plans::{ForwardPlan, InversePlan, Point, planned, point, room, zero};
use crate::ops::gather::with_axes;

/// Places of the full convolution of rows of two lengths, the second one backwards if it says so: so many from one on, which
/// may lie before the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) lengths: [usize; 2],
    pub(super) first: isize,
    pub(super) count: usize,
    pub(super) backwards: bool,
}

/// Nanoseconds of a direct sum, measured: of a row, of a place, and of a multiplication.
const SUMS: [f64; 3] = [100.0, 1.0, 0.15];

/// Nanoseconds of transforms, measured: of a row, and for each of N·log₂ N of its N points.
const TRANSFORMS: [f64; 2] = [300.0, 0.65];

/// From so many points on a transform is larger than a cache, and takes as many times as long.
const LARGE: (usize, f64) = (32_768, 1.7);

impl Window {
    /// Where its part begins that there is, in the window and in the full convolution, and how long it is.
    fn part(self) -> (usize, usize, usize) {
        let full = self.lengths[0] + self.lengths[1] - 1;
        let before = (self.first.min(0).unsigned_abs()).min(self.count);
        let first = self.first.max(0) as usize;
        (before, first, (self.count - before).min(full.saturating_sub(first)))
    }

    /// How many points transforms need: none of the part may be taken for one that lies as far beyond the points.
    fn points(self) -> usize {
        let [p, q] = self.lengths;
        let (_, first, count) = self.part();
        fast(p.max(q).max(first + count).max((p + q - 1).saturating_sub(first)))
    }

    /// Nanoseconds for a row by sums, and by transforms.
    fn costs(self) -> [f64; 2] {
        let [p, q] = self.lengths.map(|length| length as f64);
        let (_, _, count) = self.part();
        let count = count as f64;
        let by_sums = SUMS[0] + SUMS[1] * count + SUMS[2] * p.min(q) * count.min(p.max(q));
        let (from, times) = LARGE;
        let each = TRANSFORMS[1] * if self.points() > from { times } else { 1.0 };
        let points = self.points() as f64;
        [by_sums, TRANSFORMS[0] + each * points * points.log2()]
    }

    /// The rows of windows.
    pub(super) fn lowered(
        self,
        method: ConvolveMethod,
        operands: [Val; 2],
        batch: usize,
        dtype: DType,
        to: &mut Lowering<'_>,
    ) -> Val {
        let [by_sums, by_transforms] = self.costs();
        let is_direct = match method {
            ConvolveMethod::Auto => by_sums <= by_transforms,
            ConvolveMethod::Direct => true,
            ConvolveMethod::Fft => false,
        };
        let dims = [batch, self.count];
        match (is_direct, dtype) {
            (true, _) => to.kernel(Sums(self), &operands, dtype, dims),
            (false, DType::F32) => to.kernel(Transforms::<f32>::of(self), &operands, dtype, dims),
            (false, _) => to.kernel(Transforms::<f64>::of(self), &operands, dtype, dims),
        }
    }

    /// Copies a row of the second operand, in its order.
    fn second<T: Copy>(self, row: ArrayView1<'_, T>, to: &mut [T]) {
        if self.backwards {
            to.iter_mut().rev().zip(row).for_each(|(to, &x)| *to = x);
        } else {
            to.iter_mut().zip(row).for_each(|(to, &x)| *to = x);
        }
    }
}

/// The next even product of powers of 2, 3 and 5, for which transforms are fast.
fn fast(points: usize) -> usize {
    let mut least = points.max(2).next_power_of_two();
    let mut fives = 1;
    while fives < least {
        let mut odd = fives;
        while odd < least {
            // Even, so that a transform of numbers is one of half as many complex ones.
            let twos = points.div_ceil(odd).max(2).next_power_of_two();
            least = least.min(odd.saturating_mul(twos));
            odd *= 3;
        }
        fives *= 5;
    }
    least
}

/// Sum by sum: each tap, which are the elements of the shorter row, times all of the longer one.
#[derive(Debug)]
struct Sums(Window);

/// How many places are worked on at a time, so that they stay in the first-level cache.
const TILE: usize = 1024;

impl Sums {
    fn fill<T: Point>(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let [first, second]: [ArrayView2<'_, T>; 2] =
            [with_axes(inputs[0].view()?)?, with_axes(inputs[1].view()?)?];
        let mut output: ArrayViewMut2<'_, T> = with_axes(output.into_view()?)?;
        let (before, start, count) = self.0.part();
        let [mut p, mut q] = [room(T::default(), first.ncols())?, room(T::default(), second.ncols())?];
        let mut block = room(T::default(), TILE)?;
        for ((mut to, first), second) in output.rows_mut().into_iter().zip(first.rows()).zip(second.rows()) {
            p.iter_mut().zip(first).for_each(|(to, &x)| *to = x);
            self.0.second(second, &mut q);
            let (taps, series) = if q.len() <= p.len() { (&q, &p) } else { (&p, &q) };
            to.fill(T::default());
            // The output is in row-major order.
            let Some(to) = to.as_slice_mut() else { continue };
            for (tile, to) in to[before..before + count].chunks_mut(TILE).enumerate() {
                let start = start + tile * TILE;
                for (index, taps) in taps.chunks(MOST_ADDITIONS / 2).enumerate() {
                    let block = &mut block[..to.len()];
                    block.fill(T::default());
                    add_taps(block, series, taps, start as isize - (index * (MOST_ADDITIONS / 2)) as isize);
                    to.iter_mut().zip(block).for_each(|(to, &mut sum)| *to = *to + sum);
                }
            }
        }
        Ok(())
    }
}

/// Adds Σⱼ tapsⱼ·seriesᵢ₊ₛ₋ⱼ to each place i, with 0 for what is outside of the series.
fn add_taps<T: Point>(to: &mut [T], series: &[T], taps: &[T], start: isize) {
    let [length, count] = [series.len() as isize, to.len() as isize];
    // Where the series is there for the tap.
    let places = |tap: usize| {
        let from = (tap as isize - start).clamp(0, count);
        (from, (from.max(length + tap as isize - start)).min(count))
    };
    let fours = taps.len() / 4 * 4;
    for (tap, &factor) in taps.iter().enumerate().skip(fours) {
        let (from, end) = places(tap);
        add_tap(to, series, factor, tap as isize - start, from..end);
    }
    for tap in (0..fours).step_by(4) {
        let ends: [(isize, isize); 4] = std::array::from_fn(|index| places(tap + index));
        // Where it is there for all four, which are one pass.
        let (from, end) = (ends[3].0, ends[0].1.max(ends[3].0));
        for (index, &(own_from, own_end)) in ends.iter().enumerate() {
            let behind = (tap + index) as isize - start;
            add_tap(to, series, taps[tap + index], behind, own_from..from.min(own_end));
            add_tap(to, series, taps[tap + index], behind, end.max(own_from)..own_end);
        }
        if from < end {
            let to = &mut to[from as usize..end as usize];
            let at = (from + start - tap as isize) as usize;
            let [a, b, c, d] = [0, 1, 2, 3].map(|index| &series[at - index..at - index + to.len()]);
            let factors = [0, 1, 2, 3].map(|index| taps[tap + index]);
            for ((((to, &a), &b), &c), &d) in to.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                *to = *to + ((factors[0] * a + factors[1] * b) + (factors[2] * c + factors[3] * d));
            }
        }
    }
}

/// Adds a tap times the series to some places, of which each is so far behind the element of the series.
fn add_tap<T: Point>(to: &mut [T], series: &[T], tap: T, behind: isize, places: Range<isize>) {
    if !places.is_empty() {
        let elements = &series[(places.start - behind) as usize..];
        let to = &mut to[places.start as usize..places.end as usize];
        to.iter_mut().zip(elements).for_each(|(to, &x)| *to = *to + tap * x);
    }
}

impl Kernel for Sums {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        match output.dtype() {
            DType::F32 => self.fill::<f32>(inputs, output),
            _ => self.fill::<f64>(inputs, output),
        }
    }

    fn is_batched(&self) -> bool {
        true
    }

    fn nanoseconds(&self, _: &[&[usize]], output: &[usize]) -> Option<f64> {
        Some(output[0] as f64 * self.0.costs()[0])
    }
}

/// By transforms of rows that are filled up by zeros.
#[derive(Debug)]
struct Transforms<T: Point> {
    window: Window,
    plans: OnceLock<(ForwardPlan<T>, InversePlan<T>)>,
}

impl<T: Point> Transforms<T> {
    fn of(window: Window) -> Self {
        Transforms { window, plans: OnceLock::new() }
    }
}

impl<T: Point> Kernel for Transforms<T> {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let [first, second]: [ArrayView2<'_, T>; 2] =
            [with_axes(inputs[0].view()?)?, with_axes(inputs[1].view()?)?];
        let mut output: ArrayViewMut2<'_, T> = with_axes(output.into_view()?)?;
        let ((before, start, count), points) = (self.window.part(), self.window.points());
        let (forward, inverse) =
            planned(&self.plans, points, || (ForwardPlan::forward(points), InversePlan::inverse(points)))?;
        let mut row = room(T::default(), points)?;
        let mut spectra = [room(zero(), points / 2 + 1)?, room(zero(), points / 2 + 1)?];
        let mut scratch = (forward.scratch()?, inverse.scratch()?);
        let scale: T = point(1.0 / points as f64);
        // One row for all is transformed once.
        let is_one = [&first, &second].map(|rows| rows.nrows() > 1 && rows.strides()[0] == 0);
        for (index, mut to) in output.rows_mut().into_iter().enumerate() {
            for (operand, rows) in [&first, &second].into_iter().enumerate() {
                if index > 0 && is_one[operand] {
                    continue;
                }
                let (filled, rest) = row.split_at_mut(rows.ncols());
                if operand == 0 {
                    filled.iter_mut().zip(rows.row(index)).for_each(|(to, &x)| *to = x);
                } else {
                    self.window.second(rows.row(index), filled);
                }
                rest.fill(T::default());
                forward.run(&mut row, &mut spectra[operand], &mut scratch.0).map_err(KernelError::other)?;
            }
            let mut product = spectra[0].clone();
            product.iter_mut().zip(&spectra[1]).for_each(|(a, b)| *a = *a * b);
            // Those that stand for themselves have no imaginary part, also where rounding left one.
            for end in [0, points / 2] {
                product[end] = Complex::new(product[end].re, T::default());
            }
            inverse.run(&mut product, &mut row, &mut scratch.1).map_err(KernelError::other)?;
            to.fill(T::default());
            let found = row[start..start + count].iter();
            to.iter_mut().skip(before).zip(found).for_each(|(to, &x)| *to = x * scale);
        }
        Ok(())
    }

    fn is_batched(&self) -> bool {
        true
    }

    fn nanoseconds(&self, _: &[&[usize]], output: &[usize]) -> Option<f64> {
        Some(output[0] as f64 * self.window.costs()[1])
    }
}
