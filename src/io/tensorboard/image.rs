//! Arrays as images: which axes are height, width and channels, and what an element is as a sample of 8 bits.

use std::io;

use ndarray::{ArrayRef, Dimension};

use super::error::SummaryError;
use super::png::{self, LONGEST};
use super::proto::{Datum, ImageProto};
use crate::Numeric;

/// The images of an array, one or as many as its first axis counts.
pub(super) enum Images {
    One(Datum),
    Many(Vec<Datum>),
}

impl Images {
    /// Of `[height, width]`, `[height, width, channels]` or `[images, height, width, channels]`.
    ///
    /// # Errors
    /// [`SummaryError::ImageShape`]; the inner error is that no memory is left to encode.
    pub(super) fn of<T: Numeric, D: Dimension>(
        array: &ArrayRef<T, D>,
    ) -> Result<io::Result<Self>, SummaryError> {
        let shape = array.shape();
        let (is_one, height, width, channels) = match *shape {
            [height, width] => (true, height, width, 1),
            [height, width, channels] => (true, height, width, channels),
            [_, height, width, channels] => (false, height, width, channels),
            _ => return Err(SummaryError::ImageShape { shape: shape.to_vec() }),
        };
        let is_drawn = |length: usize| (1..=LONGEST).contains(&length);
        if !(is_drawn(height) && is_drawn(width) && (1..=png::COLOR_TYPES.len()).contains(&channels)) {
            return Err(SummaryError::ImageShape { shape: shape.to_vec() });
        }
        let samples: Vec<u8> = array.iter().map(|&element| sample(element)).collect();
        let image = |samples: &[u8]| {
            Ok(Datum::Image(ImageProto {
                height: height as i32,
                width: width as i32,
                colorspace: channels as i32,
                encoded_image_string: png::encode(samples, width, height, channels)?,
            }))
        };
        let images = samples.chunks_exact(height * width * channels).map(image);
        Ok(if is_one {
            image(&samples).map(Images::One)
        } else {
            images.collect::<io::Result<_>>().map(Images::Many)
        })
    }
}

/// A float from 0 to 1, or an integer from 0 to 255, as 8 bits. What lies outside is the nearest that does not, and NaN
/// is 0.
fn sample<T: Numeric>(element: T) -> u8 {
    let scale = if T::DTYPE.is_float() { 255.0 } else { 1.0 };
    // The cast takes NaN to 0, and the rest to the nearest.
    (element.as_f64() * scale).round() as u8
}
