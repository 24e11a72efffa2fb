//! `Conv2d`, `MaxPool2d` and `AvgPool2d`: layers on images.

use flowgrad::ndarray::{Array4, ArrayD, Ix4, arr1};
use flowgrad::prelude::*;
use flowgrad::testing::GradientCheck;

use super::{MODES, assert_near, fault, for_floats, numbers, slope_tolerance, spread};

fn images(x: &ArrayD<f64>) -> Array4<f64> {
    x.clone().into_dimensionality::<Ix4>().unwrap()
}

/// What a window of this size shows at each place, for padding that comes first and strides: `None` beyond the image.
fn shown(
    x: &Array4<f64>,
    [n, i, j, c]: [usize; 4],
    size: [usize; 2],
    stride: usize,
    pad: usize,
) -> Vec<Option<f64>> {
    let places = (0..size[0]).flat_map(|r| (0..size[1]).map(move |s| (i * stride + r, j * stride + s)));
    let pixel = |(row, column): (usize, usize)| {
        x.get([n, row.checked_sub(pad)?, column.checked_sub(pad)?, c]).copied()
    };
    places.map(pixel).collect()
}

fn a_convolution_is_its_formula<T: Float>(tolerance: f64) {
    let cases = [
        (Convolution::valid(), [3, 4], 1, 0),
        (Convolution::same(), [5, 6], 1, 1),
        (Convolution::padded([(1, 1), (1, 1)]).strides([2, 2]), [3, 3], 2, 1),
    ];
    for (convolution, [height, width], stride, pad) in cases {
        let g = Graph::new();
        let x = g.placeholder::<T>("x", [None, Some(5), Some(6), Some(2)]);
        let layer = Conv2d {
            name: "conv1".to_owned(),
            kernel: g.variable("conv1/kernel", spread::<T>(&[3, 3, 2, 4], 1)),
            bias: Some(g.variable("conv1/bias", spread::<T>(&[4], 2))),
            convolution,
        };
        let (fed, kernel, bias) = (spread::<T>(&[3, 5, 6, 2], 3), spread(&[3, 3, 2, 4], 1), spread(&[4], 2));
        let (pixels, kernel, bias) = (images(&numbers(&fed)), numbers::<T>(&kernel), numbers::<T>(&bias));
        let expected = Array4::from_shape_fn((3, height, width, 4), |(n, i, j, filter)| {
            let products = (0..2).flat_map(|c| {
                let shown = shown(&pixels, [n, i, j, c], [3, 3], stride, pad).into_iter().enumerate();
                let kernel = &kernel;
                shown.map(move |(at, pixel)| pixel.unwrap_or(0.0) * kernel[[at / 3, at % 3, c, filter]])
            });
            products.sum::<f64>() + bias[filter]
        });
        let outputs = MODES.map(|mode| layer.call(x, mode));
        for y in Session::new(&g).unwrap().feed(x, &fed).run(outputs).unwrap() {
            assert_near(&y, &expected.clone().into_dyn(), 10.0 * tolerance);
        }
    }
}

fn pools_are_their_formulae<T: Float>(tolerance: f64) {
    let windows = [(Window::of([2, 2]), 2, 0, [2, 3]), (Window::of([3, 3]).strides([1, 1]), 1, 0, [3, 4])];
    for (window, stride, pad, [height, width]) in windows {
        let size = if stride == 2 { [2, 2] } else { [3, 3] };
        let g = Graph::new();
        let x = g.placeholder::<T>("x", [None, Some(5), Some(6), Some(2)]);
        let fed = spread::<T>(&[3, 5, 6, 2], 3);
        let pixels = images(&numbers(&fed));
        let pooled = |pool: fn(Vec<f64>) -> f64| {
            Array4::from_shape_fn((3, height, width, 2), |(n, i, j, c)| {
                pool(shown(&pixels, [n, i, j, c], size, stride, pad).into_iter().flatten().collect())
            })
        };
        let largest = pooled(|pixels| pixels.into_iter().fold(f64::NEG_INFINITY, f64::max)).into_dyn();
        let mean = pooled(|pixels| pixels.iter().sum::<f64>() / pixels.len() as f64).into_dyn();
        for mode in MODES {
            let outputs = (MaxPool2d(window).call(x, mode), AvgPool2d(window).call(x, mode));
            let found = Session::new(&g).unwrap().feed(x, &fed).run(outputs).unwrap();
            assert_near(&found.0, &largest, 0.0);
            assert_near(&found.1, &mean, tolerance);
        }
    }
}

fn have_the_gradients_of_differences<T: Float>(_: f64) {
    let g = Graph::new();
    let x = g.placeholder::<T>("x", [None, Some(5), Some(6), Some(2)]);
    let layer = Conv2d::<T>::new(&g, "conv1", [3, 3, 2, 4], Convolution::same());
    let y = AvgPool2d(Window::of([2, 2])).call(layer.call(x, Mode::Train).square(), Mode::Train);
    let fed = spread::<T>(&[2, 5, 6, 2], 3);
    let targets = [x, layer.kernel.tensor(), layer.bias.unwrap().tensor()];
    GradientCheck::of(&g, y).feed(x, &fed).wrt(&targets).assert_close(slope_tolerance::<T>());
    let y = MaxPool2d(Window::of([2, 2])).call(x, Mode::Train);
    GradientCheck::of(&g, y).feed(x, &fed).wrt(&[x]).assert_close(slope_tolerance::<T>());
}

for_floats!(a_convolution_is_its_formula, pools_are_their_formulae, have_the_gradients_of_differences);

#[test]
fn starts_as_in_keras() {
    let g = Graph::with_seed(3);
    let layer = Conv2d::<f64>::new(&g, "conv1", [3, 3, 20, 30], Convolution::same());
    let (kernel, bias) = Session::new(&g).unwrap().run((layer.kernel, layer.bias.unwrap())).unwrap();
    let limit = (6.0_f64 / (9.0 * 50.0)).sqrt();
    let largest = kernel.fold(0.0_f64, |largest, x| largest.max(x.abs()));
    assert!(largest <= limit && largest > 0.99 * limit, "{largest} for {limit}");
    assert_eq!(bias, arr1(&[0.0; 30]).into_dyn());
    assert_eq!(layer.bias.unwrap().name(), "conv1/bias");
}

#[test]
fn images_that_do_not_fit_are_build_errors_of_the_layer() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(8), Some(8), Some(3)]);
    Conv2d::new(&g, "conv1", [3, 3, 1, 4], Convolution::same()).call(x, Mode::Train);
    let expected = "expected images of 1 channels for a kernel of shape [3, 3, 1, 4] in 1 groups, got [?, 8, 8, 3] with 3";
    assert_eq!(fault(&g), format!("{expected}, in `conv1/conv2d` (conv2d)"));

    let g = Graph::new();
    MaxPool2d(Window::of([2, 2])).call(g.placeholder::<f32>("x", [None, Some(8)]), Mode::Train);
    let expected = "expected images of [batch, height, width, channels], got shape [?, 8]";
    assert!(fault(&g).starts_with(&format!("{expected}, in `max_pool2d/")), "{}", fault(&g));
}
