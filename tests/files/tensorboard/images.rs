//! Images in event files, as the `png` crate decodes them.

use std::io::Cursor;

use flowgrad::Numeric;
use flowgrad::ndarray::{Array, Array2, Array3, Array4, Dimension, arr2};
use png::ColorType;
use proptest::prelude::*;

use super::reader::Message;
use super::{EVENT_STEP, EVENT_SUMMARY, Log, SUMMARY_VALUE, VALUE_TAG};

const VALUE_IMAGE: u64 = 4;
const IMAGE_HEIGHT: u64 = 1;
const IMAGE_WIDTH: u64 = 2;
const IMAGE_COLORSPACE: u64 = 3;
const IMAGE_ENCODED: u64 = 4;

/// Tag, height, width, color type and samples.
type Decoded = (String, [u32; 2], ColorType, Vec<u8>);

fn decoded(value: &Message) -> Decoded {
    let [image] = value.messages(VALUE_IMAGE).try_into().unwrap();
    let mut reader = png::Decoder::new(Cursor::new(image.bytes(IMAGE_ENCODED))).read_info().unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut samples).unwrap();
    let lengths = [info.height, info.width];
    assert_eq!([IMAGE_HEIGHT, IMAGE_WIDTH].map(|field| image.integer(field)), lengths.map(i64::from));
    assert_eq!(image.integer(IMAGE_COLORSPACE), info.color_type.samples() as i64);
    assert_eq!(info.bit_depth, png::BitDepth::Eight);
    (value.text(VALUE_TAG), lengths, info.color_type, samples)
}

fn written<T: Numeric, D: Dimension>(image: &Array<T, D>) -> Vec<Decoded> {
    let mut log = Log::new();
    log.writer.image("digits/sample", 7, image).unwrap();
    let [event] = log.events().try_into().unwrap();
    assert_eq!(event.integer(EVENT_STEP), 7);
    let [summary] = event.messages(EVENT_SUMMARY).try_into().unwrap();
    summary.messages(SUMMARY_VALUE).iter().map(decoded).collect()
}

fn one<T: Numeric, D: Dimension>(image: &Array<T, D>) -> Decoded {
    let [decoded] = written(image).try_into().unwrap();
    decoded
}

#[test]
fn floats_are_from_0_to_1_and_integers_from_0_to_255() {
    let expected = |samples: Vec<u8>| ("digits/sample".to_owned(), [2, 3], ColorType::Grayscale, samples);
    let shares = [[0.0, 0.5, 1.0], [-1.0, 2.0, f32::NAN]];
    assert_eq!(one(&arr2(&shares)), expected(vec![0, 128, 255, 0, 255, 0]));
    let shares = shares.map(|row| row.map(f64::from));
    assert_eq!(one(&arr2(&shares)), expected(vec![0, 128, 255, 0, 255, 0]));
    let bytes = [[0, 128, 255], [-1, 256, i32::MAX]];
    assert_eq!(one(&arr2(&bytes)), expected(vec![0, 128, 255, 0, 255, 255]));
    // Whatever lies where in memory.
    let transposed = arr2(&[[0_i64, 3], [1, 4], [2, 5]]).reversed_axes();
    assert_eq!(one(&transposed), expected(vec![0, 1, 2, 3, 4, 5]));
}

#[test]
fn channels_are_colors_and_several_images_have_numbers() {
    let colors = [ColorType::Grayscale, ColorType::GrayscaleAlpha, ColorType::Rgb, ColorType::Rgba];
    for (channels, color) in (1..).zip(colors) {
        let image = Array3::from_shape_fn((2, 3, channels), |(y, x, c)| (y * 100 + x * 10 + c) as i32);
        let samples = image.iter().map(|&sample| sample as u8).collect();
        assert_eq!(one(&image), ("digits/sample".to_owned(), [2, 3], color, samples));
        let images =
            Array4::from_shape_fn((3, 2, 3, channels), |(n, y, x, c)| (n * 60 + y * 30 + x * 10 + c) as i32);
        for (index, (tag, lengths, found, samples)) in written(&images).into_iter().enumerate() {
            assert_eq!((tag, lengths, found), (format!("digits/sample/{index}"), [2, 3], color));
            assert_eq!(samples[channels], (index * 60 + 10) as u8);
        }
        assert_eq!(written(&images).len(), 3);
    }
    assert_eq!(written(&Array4::<f32>::zeros((0, 2, 2, 1))), []);
}

#[test]
fn what_is_no_image_is_refused() {
    let refused = |shape: &[usize]| {
        let mut log = Log::new();
        let image = flowgrad::ndarray::ArrayD::<f32>::zeros(shape);
        let error = log.writer.image("x", 0, &image).unwrap_err().to_string();
        assert_eq!(log.events(), []);
        error
    };
    for shape in [&[][..], &[3], &[0, 3], &[3, 0], &[2, 2, 5], &[2, 2, 0], &[1, 2, 2, 0], &[1, 1, 1, 1, 1]] {
        let expected = "expected an image of shape [height, width], [height, width, channels] or \
                        [images, height, width, channels] with 1 to 4 channels and at least one pixel, got ";
        assert_eq!(refused(shape), format!("{expected}{shape:?}"));
    }
}

proptest! {
    #[test]
    fn every_sample_comes_back((height, width) in (1..40_usize, 1..40_usize), seed: u32) {
        let sample = |at: usize| (at as u32).wrapping_mul(seed | 1).to_le_bytes()[2];
        let image = Array2::from_shape_fn((height, width), |(y, x)| i64::from(sample(y * width + x)));
        let (_, lengths, _, samples) = one(&image);
        prop_assert_eq!(lengths, [height as u32, width as u32]);
        prop_assert!(samples.into_iter().eq((0..height * width).map(sample)));
    }
}
