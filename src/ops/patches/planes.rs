//! Patches of images whose channels lie in front of rows and columns: a plane for each channel and pixel of the window, which
//! has what the pixel shows at all places.
//!
//! A plane is the channel's own, moved, so elements are copied by rows of an image or by more. Products with filters have
//! the places side by side then, and give images whose channels lie in front again.

use std::ops::Range;

use super::Window;
use super::kernels::{Layout, fill, is_shared};
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
        let [height, width] = self.layout.window.size;
        let planes = self.layout.image[2] * height * width;
        fill(inputs, output, planes, (ELEMENT, workers), |image, planes, to| self.extract(image, planes, to))
    }

    fn is_shared(&self, _: &[&[usize]], output: &[usize]) -> bool {
        is_shared(output[0], output.iter().product())
    }

    fn is_batched(&self) -> bool {
        true
    }
}

impl<T: Number> ExtractPlanes<T> {
    /// Fills planes of one image by their numbers.
    fn extract(&self, image: &[T], planes: Range<usize>, to: &mut [T]) {
        let Layout { image: [height, width, _], places: [rows, across], before, window } = self.layout;
        let Window { size, strides, dilations, .. } = window;
        let pixels = size[0] * size[1];
        let channel_of = height * width;
        for (plane, to) in planes.zip(to.chunks_exact_mut(rows * across)) {
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
