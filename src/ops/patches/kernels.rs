//! The kernels of patches: elements move between an image and its patches in runs as long as there are.

use std::borrow::Cow;
use std::ops::Range;

use ndarray::{ArrayViewD, ArrayViewMut3, Ix3};

use super::Window;
use crate::element::{ArrayMut, ArrayRef};
use crate::ir::{Kernel, KernelError, Workers};
use crate::kernel::number::{Number, with_number};

/// Where every element of the patches lies in the images.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Rows, columns, and channels of an image.
    pub(super) image: [usize; 3],
    /// Places of the window along the rows and the columns.
    pub(super) places: [usize; 2],
    /// Rows and columns of padding before an image.
    pub(super) before: [usize; 2],
    pub(super) window: Window,
}

/// Pixels side by side in a patch, which are so in the image too, or all padding.
struct Run {
    /// Where they are in the patches: place, and first pixel of the window.
    patch: [usize; 2],
    pixels: usize,
    /// Row and first column in the image, but of padding.
    image: Option<[usize; 2]>,
}

impl Layout {
    /// The lengths of the patches of so many images.
    pub(super) fn patches(&self, images: usize) -> [usize; 6] {
        let ([rows, columns], [height, width]) = (self.places, self.window.size);
        [images, rows, columns, height, width, self.image[2]]
    }

    /// The lengths of the patches of so many images as the kernels take them: images, places, pixels of a window,
    /// and channels. Arrays of up to four axes need no memory for their lengths.
    pub(super) fn lengths(&self, images: usize) -> [usize; 4] {
        let [places, pixels] = [self.places, self.window.size].map(|lengths| lengths[0] * lengths[1]);
        [images, places, pixels, self.image[2]]
    }

    /// Elements of an image, and of its patches.
    fn sizes(&self) -> [usize; 2] {
        [self.image.iter().product(), self.lengths(1).iter().product()]
    }

    /// Shows the runs of the patches of one image at some rows of places, in their order.
    #[inline(always)]
    fn runs(&self, rows_of_places: Range<usize>, mut visit: impl FnMut(Run)) {
        let Window { size: [rows, columns], strides, dilations, .. } = self.window;
        // Without gaps, a row of the window is one run, but for what reaches beyond the edges.
        let step = if dilations[1] == 1 { columns } else { 1 };
        for place in rows_of_places {
            for across in 0..self.places[1] {
                for row in 0..rows {
                    let y = (place * strides[0] + row * dilations[0]).checked_sub(self.before[0]);
                    let y = y.filter(|&y| y < self.image[0]);
                    for column in (0..columns).step_by(step) {
                        let start = across * strides[1] + column * dilations[1];
                        // Pixels before the image, in it, and behind it.
                        let left = self.before[1].saturating_sub(start).min(step);
                        let x = start + left - self.before[1].min(start + left);
                        let inside = (self.image[1].saturating_sub(x)).min(step - left);
                        let right = step - left - inside;
                        let mut at = column;
                        for (pixels, image) in [(left, None), (inside, y.map(|y| [y, x])), (right, None)] {
                            if pixels > 0 {
                                let patch = [place * self.places[1] + across, row * columns + at];
                                visit(Run { patch, pixels, image });
                            }
                            at += pixels;
                        }
                    }
                }
            }
        }
    }

    /// Where a run begins in the row-major elements of one image's patches, and how long it is.
    #[inline(always)]
    fn span(&self, run: &Run) -> Range<usize> {
        let ([place, pixel], [rows, columns]) = (run.patch, self.window.size);
        let first = place * rows * columns + pixel;
        first * self.image[2]..(first + run.pixels) * self.image[2]
    }

    /// Where a pixel begins in the row-major elements of an image.
    #[inline(always)]
    fn pixel(&self, [y, x]: [usize; 2]) -> usize {
        (y * self.image[1] + x) * self.image[2]
    }
}

/// Fills patches from images.
#[derive(Debug)]
pub(super) struct Extract<T> {
    pub(super) layout: Layout,
    pub(super) filling: T,
}

/// The most images of which each is cut into parts for threads; more of them are a batch, whose images are parts.
const FEW: usize = 2;

/// Parts of an image's patches: plenty for most machines.
const PARTS: usize = 16;

/// Nanoseconds of an element, about.
const ELEMENT: f64 = 0.4;

/// Elements from which the patches of few images are shared.
const SHARED_FROM: usize = 1 << 17;

impl<T: Number> Kernel for Extract<T> {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        self.run_with(inputs, output, Workers::NONE)
    }

    fn run_with(
        &self,
        inputs: &[ArrayRef<'_>],
        output: ArrayMut<'_>,
        workers: Workers<'_>,
    ) -> Result<(), KernelError> {
        let rows = self.layout.places[0];
        fill(inputs, output, rows, (ELEMENT, workers), |image, rows, patches| {
            self.extract(image, rows, patches);
        })
    }

    fn is_shared(&self, _: &[&[usize]], output: &[usize]) -> bool {
        is_shared(output[0], output.iter().product())
    }

    fn is_batched(&self) -> bool {
        true
    }
}

/// Whether the patches of each image are cut into parts.
pub(super) fn is_shared(images: usize, elements: usize) -> bool {
    images <= FEW && elements >= SHARED_FROM
}

/// Fills what is made of each image, which is so many pieces of one size, given the elements of the image and the numbers of
/// some pieces. Those of few images are shared. The cost is nanoseconds of an element.
pub(super) fn fill<T: Number>(
    inputs: &[ArrayRef<'_>],
    output: ArrayMut<'_>,
    pieces: usize,
    (cost, workers): (f64, Workers<'_>),
    of: impl Fn(&[T], Range<usize>, &mut [T]) + Sync,
) -> Result<(), KernelError> {
    let (images, mut output) = (inputs[0].view::<T>()?, output.into_view::<T>()?);
    let Some(all) = output.as_slice_mut().filter(|all| !all.is_empty()) else { return Ok(()) };
    let count = images.shape()[0];
    let (estimate, each) = (all.len() as f64 * cost, all.len() / count);
    if !is_shared(count, all.len()) {
        for (image, all) in images.outer_iter().zip(all.chunks_exact_mut(each)) {
            of(&in_rows(&image)?, 0..pieces, all);
        }
        return Ok(());
    }
    let in_part = pieces.div_ceil(PARTS);
    let images: Vec<ArrayViewD<'_, T>> = images.outer_iter().collect();
    let images = images.iter().map(in_rows).collect::<Result<Vec<Cow<'_, [T]>>, _>>()?;
    let mut parts = Vec::new();
    for (image, all) in images.iter().zip(all.chunks_exact_mut(each)) {
        for (part, all) in all.chunks_mut(in_part * (each / pieces)).enumerate() {
            let first = part * in_part;
            parts.push((image, first..pieces.min(first + in_part), all));
        }
    }
    workers.each(parts, estimate, |(image, pieces, all)| of(image, pieces, all));
    Ok(())
}

impl<T: Number> Extract<T> {
    /// Fills the patches of one image at some rows of places.
    fn extract(&self, image: &[T], rows: Range<usize>, patches: &mut [T]) {
        let [_, patch] = self.layout.sizes();
        let before = rows.start * (patch / self.layout.places[0]);
        self.layout.runs(rows, |run| {
            let Range { start, end } = self.layout.span(&run);
            let to = &mut patches[start - before..end - before];
            match run.image {
                None => to.fill(self.filling),
                Some(at) => to.copy_from_slice(&image[self.layout.pixel(at)..][..to.len()]),
            }
        });
    }
}

/// The elements of an image in row-major order, as they lie or as a copy: each goes to several patches, and elements far
/// from each other are slow to gather.
fn in_rows<'v, T: Number>(image: &'v ArrayViewD<'_, T>) -> Result<Cow<'v, [T]>, KernelError> {
    if let Some(elements) = image.as_slice() {
        return Ok(Cow::Borrowed(elements));
    }
    let image = image.view().into_dimensionality::<Ix3>().map_err(KernelError::other)?;
    let mut elements = Vec::new();
    elements.try_reserve_exact(image.len()).map_err(KernelError::other)?;
    elements.resize(image.len(), T::ZERO);
    let mut copy = ArrayViewMut3::from_shape(image.raw_dim(), &mut elements).map_err(KernelError::other)?;
    copy.assign(&image);
    Ok(Cow::Owned(elements))
}

/// Adds patches up to images.
#[derive(Debug)]
pub(super) struct AddUp(pub(super) Layout);

impl Kernel for AddUp {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        with_number!(output.dtype(), T => add_up::<T>(&self.0, &inputs[0], output), else Ok(()))
    }

    fn is_batched(&self) -> bool {
        true
    }
}

fn add_up<T: Number>(
    layout: &Layout,
    patches: &ArrayRef<'_>,
    output: ArrayMut<'_>,
) -> Result<(), KernelError> {
    let (patches, mut output) = (patches.view::<T>()?, output.into_view::<T>()?);
    let Some(images) = output.as_slice_mut().filter(|images| !images.is_empty()) else { return Ok(()) };
    images.fill(T::ZERO);
    let [image, _] = layout.sizes();
    for (patches, image) in patches.outer_iter().zip(images.chunks_exact_mut(image)) {
        let elements = patches.as_slice();
        layout.runs(0..layout.places[0], |run| {
            let Some(at) = run.image else { return };
            let channels = layout.image[2];
            let to = &mut image[layout.pixel(at)..][..run.pixels * channels];
            if let Some(elements) = elements {
                let from = &elements[layout.span(&run)];
                to.iter_mut().zip(from).for_each(|(to, &from)| *to = to.add(from));
            } else {
                let [place, pixel] = run.patch;
                for (i, to) in to.iter_mut().enumerate() {
                    *to = to.add(patches[[place, pixel + i / channels, i % channels]]);
                }
            }
        });
    }
    Ok(())
}
