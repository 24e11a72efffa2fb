//! Layers against plain loops over arrays, in both modes: values, gradients, what they leave in their variables, the
//! names they give, and the words of their errors.

mod attention;
mod batch_norm;
mod convolutions;
mod dense;
mod dropout;
mod embedding;
mod flatten;
mod images;
mod layer_norm;
mod places;
mod recurrent;
mod sequential;

use flowgrad::ndarray::{ArrayD, IxDyn};
use flowgrad::prelude::*;

const MODES: [Mode; 2] = [Mode::Train, Mode::Predict];

/// The generic tests of a module for both element types, each with the difference that its rounding excuses.
macro_rules! for_floats {
    ($($test:ident),* $(,)?) => {$(
        mod $test {
            #[test]
            fn f32() {
                super::$test::<f32>(2e-5);
            }

            #[test]
            fn f64() {
                super::$test::<f64>(1e-13);
            }
        }
    )*};
}
pub(crate) use for_floats;

/// Numbers spread over ±2 in no order; other ones for another `salt`.
fn spread<T: Float>(dims: &[usize], salt: u32) -> ArrayD<T> {
    let mut index = f64::from(salt) * 0.377;
    ArrayD::from_shape_simple_fn(IxDyn(dims), || {
        index += 0.618_033_988_749_895;
        <T as Numeric>::from_f64(4.0 * index.fract() - 2.0)
    })
}

/// By how much gradients may differ from central differences.
fn slope_tolerance<T: Float>() -> f64 {
    if T::DTYPE == DType::F32 { 1e-2 } else { 1e-7 }
}

fn numbers<T: Float>(array: &ArrayD<T>) -> ArrayD<f64> {
    array.mapv(Numeric::as_f64)
}

/// Asserts that two arrays differ by no more than the tolerance, relative to numbers above 1.
#[track_caller]
fn assert_near<T: Float, U: Float>(found: &ArrayD<T>, expected: &ArrayD<U>, tolerance: f64) {
    assert_eq!(found.shape(), expected.shape());
    for ((index, found), expected) in found.indexed_iter().zip(expected) {
        let (found, expected) = (found.as_f64(), expected.as_f64());
        let apart = (found - expected).abs() / expected.abs().max(1.0);
        assert!(apart <= tolerance, "at {index:?}: {found} is not {expected}");
    }
}

/// An error's words before the place that it names.
fn words(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    text.split(" built at ").next().unwrap_or_default().to_owned()
}

/// The first build error of a graph, without its place.
fn fault(g: &Graph) -> String {
    words(g.check().unwrap_err())
}
