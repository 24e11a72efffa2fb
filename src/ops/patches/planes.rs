//! Patches of images whose channels lie in front of rows and columns: a plane for each channel and pixel of the window, which
//! has what the pixel shows at all places.
//!
//! A plane is the channel's own, moved, so elements are copied by rows of an image or by more. Products with filters have
//! the places side by side then, and give images whose channels lie in front again.

use std::ops::Range;

use ndarray::ArrayViewD;

use super::Window;
use super::kernels::{Layout, PARTS, in_rows, is_shared};
use crate::element::{ArrayMut, ArrayRef};
use crate::ir::{Kernel, KernelError, Workers};
use crate::kernel::number::Number;

/// Fills planes, `[images, channels·pixels of the window, places]`, from images, `[images, channels, rows, columns]`.
#[derive(Debug)]
pub(super) struct ExtractPlanes<T> {
    pub(super) layout: Layout,
    pub(super) filling: T,
}

/// Nanoseconds of an element, about.
const ELEMENT: f64 = 0.2;

impl<T: Number> Kernel for ExtractPlanes<T> {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        self.run_with(inputs, output, Workers::NONE)
    }

    fn run_with(
        &self,
        inputs: &[ArrayRef<'_>],
        output: ArrayMut<'_>,
        workers: Workers<'_>,
    ) -> Result<(), KernelError> {
        let (images, mut output) = (inputs[0].view::<T>()?, output.into_view::<T>()?);
        let [planes, places] = [1, 2].map(|axis| output.shape()[axis]);
        let Some(all) = output.as_slice_mut().filter(|all| !all.is_empty()) else { return Ok(()) };
        let estimate = all.len() as f64 * ELEMENT;
        let is_shared = is_shared(images.shape()[0], all.len());
        let images: Vec<ArrayViewD<'_, T>> = images.outer_iter().collect();
        for (image, all) in images.iter().zip(all.chunks_exact_mut(planes * places)) {
            let image = in_rows(image)?;
            if !is_shared {
                self.extract(&image, 0, all, places);
                continue;
            }
            let in_part = planes.div_ceil(PARTS);
            let parts = all.chunks_mut(in_part * places).enumerate();
            let parts = parts.map(|(part, planes)| (part * in_part, planes)).collect();
            workers.each(parts, estimate, |(first, planes)| self.extract(&image, first, planes, places));
        }
        Ok(())
    }

    fn is_shared(&self, _: &[&[usize]], output: &[usize]) -> bool {
        is_shared(output[0], output.iter().product())
    }

    fn is_batched(&self) -> bool {
        true
    }
}

impl<T: Number> ExtractPlanes<T> {
    /// Fills the planes of one image from a number on.
    fn extract(&self, image: &[T], first: usize, planes: &mut [T], places: usize) {
        let Layout { image: [height, width, _], places: [_, across], before, window } = self.layout;
        let Window { size, strides, dilations, .. } = window;
        let pixels = size[0] * size[1];
        let channel_of = height * width;
        for (plane, to) in (first..).zip(planes.chunks_exact_mut(places)) {
            let (channel, pixel) = (plane / pixels, plane % pixels);
            let image = &image[channel * channel_of..][..channel_of];
            let moved = [pixel / size[1] * dilations[0], pixel % size[1] * dilations[1]];
            let [down, right] = [0, 1].map(|axis| {
                inside(
                    moved[axis],
                    before[axis],
                    strides[axis],
                    self.layout.image[axis],
                    self.layout.places[axis],
                )
            });
            to[..down.start * across].fill(self.filling);
            to[down.end * across..].fill(self.filling);
            if down.is_empty() {
                continue;
            }
            let row_at = |place: usize| (place * strides[0] + moved[0] - before[0]) * width;
            let column = (right.start * strides[1] + moved[1]).saturating_sub(before[1]);
            let to = &mut to[down.start * across..down.end * across];
            if right.is_empty() {
                to.fill(self.filling);
            } else if strides == [1, 1] && right.len() == width && across == width {
                // All rows in one piece.
                let from = row_at(down.start);
                to.copy_from_slice(&image[from..][..to.len()]);
            } else {
                for (place, to) in down.zip(to.chunks_exact_mut(across)) {
                    let from = &image[row_at(place) + column..];
                    to[..right.start].fill(self.filling);
                    to[right.end..].fill(self.filling);
                    let to = &mut to[right.clone()];
                    if strides[1] == 1 {
                        to.copy_from_slice(&from[..to.len()]);
                    } else {
                        to.iter_mut().zip(from.iter().step_by(strides[1])).for_each(|(to, &from)| *to = from);
                    }
                }
            }
        }
    }
}

/// The places at which a pixel of the window, so far from its first one, lies in an image of a length.
fn inside(moved: usize, before: usize, stride: usize, length: usize, places: usize) -> Range<usize> {
    let until = |at: usize| at.saturating_sub(moved).div_ceil(stride).min(places);
    let start = until(before);
    start..until(before.saturating_add(length)).max(start)
}
