//! The kernels of resizing: each new pixel is made of at most two along each axis.

use ndarray::Ix4;

use super::Between;
use crate::element::{ArrayMut, ArrayRef, Numeric};
use crate::ir::{Kernel, KernelError};
use crate::kernel::number::{Number, with_number};

/// What a new pixel is made of along an axis: two pixels, and how much of the second.
#[derive(Clone, Copy, Debug)]
struct Tap {
    low: usize,
    high: usize,
    /// At least 0 and below 1; 0 where there is but one.
    part: f64,
}

impl Tap {
    /// What the new pixel at a place is made of, where so many become so many.
    fn of(between: Between, place: usize, from: usize, to: usize) -> Self {
        match between {
            Between::Nearest => Tap::nearest(place, from, to),
            Between::Bilinear => Tap::between(place, from, to),
        }
    }

    /// Those of all columns, which each row needs again.
    fn all(between: Between, from: usize, to: usize) -> Result<Vec<Tap>, KernelError> {
        let mut taps = Vec::new();
        taps.try_reserve_exact(to).map_err(KernelError::other)?;
        taps.extend((0..to).map(|place| Tap::of(between, place, from, to)));
        Ok(taps)
    }

    /// The pixel that the middle of a new one lies in.
    fn nearest(place: usize, from: usize, to: usize) -> Self {
        let at = (2 * place as u128 + 1) * from as u128 / (2 * to as u128);
        let low = (at as usize).min(from - 1);
        Tap { low, high: low, part: 0.0 }
    }

    /// The pixels before and behind the middle of a new one.
    fn between(place: usize, from: usize, to: usize) -> Self {
        // The middle is this many 2·to-ths behind the middle of the first pixel.
        let behind = ((2 * place as u128 + 1) * from as u128).saturating_sub(to as u128);
        let (low, rest) = ((behind / (2 * to as u128)) as usize, behind % (2 * to as u128));
        if low + 1 >= from {
            return Tap { low: from - 1, high: from - 1, part: 0.0 };
        }
        Tap { low, high: low + 1, part: rest as f64 / (2 * to as u128) as f64 }
    }

    /// The pixels with their shares.
    fn shares<T: Number>(self) -> impl Iterator<Item = (usize, T)> {
        let shares = [(self.low, 1.0 - self.part), (self.high, self.part)];
        shares
            .into_iter()
            .filter(|&(_, share)| share != 0.0)
            .map(|(at, share)| (at, <T as Numeric>::from_f64(share)))
    }

    /// The number this far from one to the other. Equal ones are kept, and one alone, whatever it is.
    fn mix<T: Number>(self, low: T, high: T) -> T {
        if self.part == 0.0 {
            return low;
        }
        Number::add(low, Number::mul(Number::sub(high, low), <T as Numeric>::from_f64(self.part)))
    }
}

/// Makes new pixels.
#[derive(Debug)]
pub(super) struct Spread(pub(super) Between);

impl Kernel for Spread {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        with_number!(output.dtype(), T => spread::<T>(self.0, &inputs[0], output), else Ok(()))
    }

    fn is_batched(&self) -> bool {
        true
    }
}

fn spread<T: Number>(
    between: Between,
    images: &ArrayRef<'_>,
    output: ArrayMut<'_>,
) -> Result<(), KernelError> {
    let images = images.view::<T>()?.into_dimensionality::<Ix4>().map_err(KernelError::other)?;
    let mut output = output.into_view::<T>()?.into_dimensionality::<Ix4>().map_err(KernelError::other)?;
    // Without elements there may be more rows and columns than memory holds.
    if output.is_empty() {
        return Ok(());
    }
    let ((_, height, width, _), (_, rows, columns, _)) = (images.dim(), output.dim());
    let columns = Tap::all(between, width, columns)?;
    for (image, mut made) in images.outer_iter().zip(output.outer_iter_mut()) {
        for (place, mut made) in made.outer_iter_mut().enumerate() {
            let row = Tap::of(between, place, height, rows);
            for (mut pixel, column) in made.outer_iter_mut().zip(&columns) {
                for (channel, made) in pixel.iter_mut().enumerate() {
                    let in_row = |y: usize| {
                        column.mix(image[[y, column.low, channel]], image[[y, column.high, channel]])
                    };
                    let low = in_row(row.low);
                    *made = if row.part == 0.0 { low } else { row.mix(low, in_row(row.high)) };
                }
            }
        }
    }
    Ok(())
}

/// Gives each pixel its shares of the new ones.
#[derive(Debug)]
pub(super) struct Collect(pub(super) Between);

impl Kernel for Collect {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        with_number!(output.dtype(), T => collect::<T>(self.0, &inputs[0], output), else Ok(()))
    }

    fn is_batched(&self) -> bool {
        true
    }
}

fn collect<T: Number>(
    between: Between,
    made: &ArrayRef<'_>,
    output: ArrayMut<'_>,
) -> Result<(), KernelError> {
    let made = made.view::<T>()?.into_dimensionality::<Ix4>().map_err(KernelError::other)?;
    let mut output = output.into_view::<T>()?.into_dimensionality::<Ix4>().map_err(KernelError::other)?;
    output.fill(T::ZERO);
    if made.is_empty() {
        return Ok(());
    }
    let ((_, height, width, channels), (_, rows, columns, _)) = (output.dim(), made.dim());
    let columns = Tap::all(between, width, columns)?;
    // The shares of one new row are added up for themselves first, so that no sum is as long as the pixels about it are
    // many.
    let mut in_row: Vec<T> = Vec::new();
    in_row.try_reserve_exact(width * channels).map_err(KernelError::other)?;
    for (made, mut image) in made.outer_iter().zip(output.outer_iter_mut()) {
        for (place, made) in made.outer_iter().enumerate() {
            let row = Tap::of(between, place, height, rows);
            in_row.clear();
            in_row.resize(width * channels, T::ZERO);
            for (pixel, column) in made.outer_iter().zip(&columns) {
                for (at, share) in column.shares::<T>() {
                    let sums = &mut in_row[at * channels..][..channels];
                    sums.iter_mut()
                        .zip(&pixel)
                        .for_each(|(sum, &made)| *sum = Number::add(*sum, Number::mul(made, share)));
                }
            }
            for (at, share) in row.shares::<T>() {
                let mut sums = image.index_axis_mut(ndarray::Axis(0), at);
                sums.iter_mut()
                    .zip(&in_row)
                    .for_each(|(sum, &part)| *sum = Number::add(*sum, Number::mul(part, share)));
            }
        }
    }
    Ok(())
}
