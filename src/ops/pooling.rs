//! `max_pool2d` and `avg_pool2d`: one number for all that a window shows of an image. Composed of its patches and
//! reductions.

use super::patches::{Filling, Padding, Window};
use crate::element::DType;
use crate::ops::methods::methods;

/// The axes of patches within the window.
const WITHIN: [isize; 2] = [3, 4];

methods! {
    /// The largest number in each place of a window over images: `[batch, height, width, channels]` becomes
    /// `[batch, places along the height, along the width, channels]`. What lies beyond an image does not count; a place
    /// with nothing else is -∞, or the least integer.
    ///
    /// Gradient: the cotangent at the largest pixel; several largest ones share it equally, and all pixels of a window
    /// with a NaN get NaN, as in [`reduce_max`](crate::Tensor::reduce_max). Build errors as in
    /// [`extract_patches`](crate::Tensor::extract_patches).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1, 2, 5, 6], [3, 4, 7, 8]])).reshape([1, 2, 4, 1]);
    /// let y = x.max_pool2d(Window::of([2, 2])).reshape([2]);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[4, 8]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn max_pool2d<Numeric>(x, window: Window) -> Self {
        let patches = x.patches(window, Filling::Lowest);
        if patches.is_invalid() { patches } else { patches.reduce_max(WITHIN).named("max_pool2d") }
    }

    /// The mean of what a window shows of images at each place: `[batch, height, width, channels]` becomes
    /// `[batch, places along the height, along the width, channels]`. What lies beyond an image does not count, as in
    /// TensorFlow; a place with nothing else is NaN.
    ///
    /// Gradient: the cotangent over the number of pixels, to each of them. Build errors as in
    /// [`extract_patches`](crate::Tensor::extract_patches).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 3.0, 8.0])).reshape([1, 1, 3, 1]);
    /// let y = x.avg_pool2d(Window::of([1, 2]).padding(Padding::Same)).reshape([2]);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[2.0, 8.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn avg_pool2d<Float>(x, window: Window) -> Self {
        let patches = x.patches(window, Filling::Zero);
        if patches.is_invalid() {
            return patches;
        }
        let pooled = if window.padding == Padding::Valid {
            patches.reduce_mean(WITHIN)
        } else {
            let pixels = x.slice((..1, .., .., ..1));
            let counts = pixels.filled(1.0).patches(window, Filling::Zero);
            let mean = patches.reduce_sum(WITHIN) / counts.reduce_sum(WITHIN);
            // The least and largest pixels, for which what lies beyond the image is more and less than any.
            let is_pixel = counts.not_equal(0.0);
            let most = if x.dtype() == DType::F32 { f64::from(f32::MAX) } else { f64::MAX };
            let least = is_pixel.select(patches, x.scalar_like(most)).reduce_min(WITHIN);
            let largest = is_pixel.select(patches, x.scalar_like(-most)).reduce_max(WITHIN);
            mean.unless_equal(least, largest)
        };
        pooled.named("avg_pool2d")
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, IxDyn};

    /// What `pool` makes of the pixels at each place, for padding rows and columns before.
    fn plain(
        x: &ArrayD<f64>,
        places: [usize; 2],
        [size, strides, before]: [[usize; 2]; 3],
        pool: fn(&[f64]) -> f64,
    ) -> ArrayD<f64> {
        let lengths = [x.shape()[0], places[0], places[1], x.shape()[3]];
        ArrayD::from_shape_fn(IxDyn(&lengths), |at| {
            let pixels = ndarray::indices((size[0], size[1])).into_iter().filter_map(|(r, s)| {
                let row = (at[1] * strides[0] + r).checked_sub(before[0])?;
                let column = (at[2] * strides[1] + s).checked_sub(before[1])?;
                x.get([at[0], row, column, at[3]]).copied()
            });
            pool(&pixels.collect::<Vec<_>>())
        })
    }
    fn max(pixels: &[f64]) -> f64 {
        pixels.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    fn mean(pixels: &[f64]) -> f64 {
        pixels.iter().sum::<f64>() / pixels.len() as f64
    }

    let examples: Vec<Example> = vec![
        example!("max_pool2d", &[&[2, 4, 5, 2]], |_, x| x[0].max_pool2d(Window::of([2, 2])), |x| plain(
            &x[0],
            [2, 2],
            [[2, 2], [2, 2], [0, 0]],
            max
        )),
        example!(
            "max_pool2d that overlaps, same",
            &[&[1, 3, 4, 3]],
            |_, x| (x[0] - 10.0).max_pool2d(Window::of([3, 2]).strides([2, 1]).padding(Padding::Same)),
            |x| plain(&(&x[0] - 10.0), [2, 4], [[3, 2], [2, 1], [1, 0]], max)
        ),
        example!("avg_pool2d", &[&[2, 4, 5, 2]], |_, x| x[0].avg_pool2d(Window::of([3, 2])), |x| plain(
            &x[0],
            [1, 2],
            [[3, 2], [3, 2], [0, 0]],
            mean
        )),
        example!(
            "avg_pool2d that overlaps, padded",
            &[&[2, 3, 4, 1]],
            |_, x| x[0]
                .avg_pool2d(Window::of([2, 3]).strides([2, 1]).padding(Padding::Explicit([(1, 0), (1, 2)]))),
            |x| plain(&x[0], [2, 5], [[2, 3], [2, 1], [1, 1]], mean)
        ),
        example!(
            "max_pool2d of channels in front",
            &[&[2, 3, 3, 4]],
            |_, x| {
                let images = (x[0] - 10.0).transpose_perm([0, 2, 3, 1]);
                let window = Window::of([2, 3]).strides([1, 2]).padding(Padding::Explicit([(1, 0), (1, 1)]));
                images.max_pool2d(window).transpose_perm([0, 3, 1, 2])
            },
            |x| {
                let images = (&x[0] - 10.0).permuted_axes(vec![0, 2, 3, 1]).as_standard_layout().to_owned();
                let y = plain(&images, [3, 2], [[2, 3], [1, 2], [1, 1]], max);
                y.permuted_axes(vec![0, 3, 1, 2]).as_standard_layout().to_owned()
            }
        ),
    ];
    examples
}
