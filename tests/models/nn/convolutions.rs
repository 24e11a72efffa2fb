//! Convolutions along time and transposed ones: against those of images, and against the gradients that they are.

use flowgrad::ndarray::{Array1, ArrayD};
use flowgrad::prelude::*;

use super::{MODES, assert_near, fault, spread};

/// A convolution, with the size of images for it.
type Kind = (fn() -> Convolution, [usize; 2]);

const KINDS: [Kind; 6] = [
    (Convolution::valid, [6, 5]),
    (Convolution::same, [6, 5]),
    (|| Convolution::same().strides([2, 3]), [6, 6]),
    (|| Convolution::valid().strides(2), [5, 4]),
    (|| Convolution::valid().dilations([2, 1]).groups(2), [7, 4]),
    (|| Convolution::new().padding([(1, 0), (2, 1)]).strides([1, 2]), [5, 6]),
];

/// The transpose of a convolution is its gradient by the images, whatever padding, strides, dilations and groups.
#[test]
fn a_transposed_convolution_is_the_gradient_of_a_convolution() -> Result<()> {
    for (convolution, size) in KINDS {
        let (g, convolution) = (Graph::new(), convolution());
        let x = g.placeholder::<f64>("x", [None, None, None, Some(4)]);
        let channels = if convolution == convolution.groups(2) { 2 } else { 4 };
        let layer = Conv2d::without_bias(&g, "conv", [2, 3, channels, 6], convolution);
        let transposed = Conv2dTranspose { name: "up".into(), kernel: layer.kernel, bias: None, convolution };
        let y = layer.call(x, Mode::Train);
        let cotangent = y.sin();
        let dx = Gradients::of([y]).grad_ys([cotangent]).wrt(&[x])[0].unwrap();
        let by_op = transposed.call(cotangent, Mode::Train);
        assert_eq!(by_op.shape().to_string(), "[?, ?, ?, 4]");
        let to_size = cotangent.conv2d_transpose_to(layer.kernel, convolution, size);
        let session = Session::new(&g)?;
        let fed = spread::<f64>(&[2, size[0], size[1], 4], 3);
        let (dx, exact) = session.feed(x, &fed).run((dx, to_size))?;
        assert_near(&exact, &dx, 1e-13);
        // Without a size it may be larger by what a stride left over, never smaller than what was reached.
        let found = session.feed(x, &fed).run(by_op)?;
        if found.shape() == dx.shape() {
            assert_near(&found, &dx, 1e-13);
        } else {
            assert!(convolution != Convolution::valid() && convolution != Convolution::same());
        }
    }
    Ok(())
}

/// Whatever is said of rows does not matter.
#[test]
fn series_are_images_of_one_row() -> Result<()> {
    let around = |before, behind| Padding::Explicit([(0, 0), (before, behind)]);
    for (of_series, of_images) in [
        (Convolution::valid(), Convolution::valid()),
        (Convolution::same().strides(2), Convolution::same().strides([1, 2])),
        (Convolution::same().strides([9, 2]), Convolution::same().strides([1, 2])),
        (
            Convolution::new().padding((2, 0)).dilations(2),
            Convolution::new().padding(around(2, 0)).dilations([1, 2]),
        ),
        (Convolution::padded([(7, 7), (0, 1)]).groups(2), Convolution::new().padding(around(0, 1)).groups(2)),
    ] {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [None, None, Some(4)]);
        let channels = if of_series == of_series.groups(2) { 2 } else { 4 };
        let down = Conv1d::without_bias(&g, "down", [3, channels, 6], of_series);
        let up = Conv1dTranspose::without_bias(&g, "up", [3, channels, 6], of_series);
        let y = down.call(x, Mode::Train);
        let back = up.call(y, Mode::Train);
        assert_eq!([y, back].map(|y| y.shape().to_string()), ["[?, ?, 6]", "[?, ?, 4]"]);
        let kernels = [down.kernel, up.kernel].map(|kernel| kernel.expand_dims(0));
        let expected = x.expand_dims(1).conv2d(kernels[0], of_images);
        let expected_back = expected.conv2d_transpose(kernels[1], of_images).squeeze(1);
        let session = Session::new(&g)?;
        let found = session.feed(x, &spread::<f64>(&[2, 7, 4], 1)).run([
            y,
            expected.squeeze(1),
            back,
            expected_back,
        ])?;
        assert_eq!((&found[0], &found[2]), (&found[1], &found[3]));
    }
    Ok(())
}

/// A convolution that is padded before alone sees no future.
#[test]
fn a_causal_convolution_sees_the_past() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [Some(1), Some(6), Some(1)]);
    let layer = Conv1d::without_bias(&g, "conv", [3, 1, 1], Convolution::new().padding((4, 0)).dilations(2));
    let outputs = MODES.map(|mode| layer.call(x, mode).reshape([6]));
    let session = Session::new(&g)?;
    session.run(
        layer
            .kernel
            .assign(g.constant(ArrayD::from_shape_vec(vec![3, 1, 1], vec![1.0, 10.0, 100.0]).unwrap())),
    )?;
    let series = Array1::from(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let fed = series.clone().into_shape_with_order((1, 6, 1)).unwrap();
    let past = |t: usize, by: usize| t.checked_sub(by).map_or(0.0, |t| series[t]);
    for y in session.feed(x, &fed).run(outputs)? {
        let expected = Array1::from_shape_fn(6, |t| past(t, 4) + 10.0 * past(t, 2) + 100.0 * past(t, 0));
        assert_eq!(y, expected.into_dyn());
    }
    Ok(())
}

#[test]
fn what_does_not_fit() {
    let says = |build: fn(&Graph), words: &str| {
        let g = Graph::new();
        build(&g);
        let found = fault(&g);
        assert!(found.contains(words), "{found}");
    };
    says(
        |g| {
            let x = g.placeholder::<f64>("x", [None, Some(4), Some(4), Some(3)]);
            x.conv2d_transpose(g.variable("k", zeros([2, 2, 1, 5])), Convolution::same());
        },
        "expected images of 5 channels, as many as a kernel of shape [2, 2, 1, 5] has filters, got [?, 4, 4, 3] with 3",
    );
    says(
        |g| {
            let x = g.placeholder::<f64>("x", [None, Some(4), Some(4), Some(5)]);
            let kernel = g.variable("k", zeros([2, 2, 1, 5]));
            x.conv2d_transpose_to(kernel, Convolution::same().strides(2), [8, 9]);
        },
        "expected a width at which the window has 4 places, got 9, at which it has 5",
    );
    says(
        |g| {
            let x = g.placeholder::<f64>("x", [None, Some(5)]);
            x.conv1d(g.variable("k", zeros([2, 5, 5])), Convolution::same());
        },
        "expected series of [batch, time, channels], got shape [?, 5]",
    );
    says(
        |g| {
            let x = g.placeholder::<f64>("x", [None, None, Some(5)]);
            x.conv1d(g.variable("k", zeros([2, 5])), Convolution::same());
        },
        "expected a kernel of [width, channels / groups, filters], all known while building, got shape [2, 5]",
    );
    // Known when it is fed.
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, None, Some(1)]);
    let y = x.conv1d_transpose_to(g.variable("k", zeros([2, 1, 1])), Convolution::same().strides(2), 6);
    let session = Session::new(&g).unwrap();
    assert_eq!(session.feed(x, &ArrayD::ones(vec![1, 3, 1])).run(y).unwrap().shape(), [1, 6, 1]);
    let error = session.feed(x, &ArrayD::ones(vec![1, 4, 1])).run(y).unwrap_err().to_string();
    assert!(
        error.contains("expected a width at which the window has 4 places, got 6, at which it has 3"),
        "{error}"
    );
}
