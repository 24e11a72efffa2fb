//! Errors name the line that calls the layer, or the row of layers, and no line of the library.

use std::sync::LazyLock;

use flowgrad::ndarray::Array2;
use flowgrad::prelude::*;

static HERE: LazyLock<String> = LazyLock::new(|| format!("{}:", file!()));

/// The line of this file that the first build error names.
fn line(error: impl std::fmt::Display) -> u32 {
    let text = error.to_string();
    let place = text.split(" built at ").nth(1).and_then(|place| place.strip_prefix(HERE.as_str()));
    let line = place.and_then(|place| place.split(':').next());
    line.and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("another file: {text}"))
}

#[test]
fn a_layer_blames_the_line_that_calls_it() {
    type Call = for<'g> fn(&'g Graph, Tensor<'g>) -> u32;
    let calls: [Call; 6] = [
        |g, x| (Dense::new(g, "fc1", 5, 2).call(x, Mode::Train), line!()).1,
        |g, x| (BatchNorm::new(g, "bn", 5).call(x, Mode::Train), line!()).1,
        |g, x| (LayerNorm::new(g, "ln", [5]).call(x, Mode::Predict), line!()).1,
        |_, x| (Dropout::new("drop", 2.0).call(x, Mode::Predict), line!()).1,
        |_, x| (Flatten.call(x.reduce_sum(..), Mode::Train), line!()).1,
        |_, x| (MaxPool2d(Window::of([2, 2])).call(x, Mode::Train), line!()).1,
    ];
    for call in calls {
        let g = Graph::new();
        let expected = call(&g, g.placeholder("x", [None, Some(4)]));
        assert_eq!(line(g.check().unwrap_err()), expected);
    }
}

#[test]
fn a_row_of_layers_blames_the_line_that_calls_it() {
    let g = Graph::new();
    let inner = Sequential::new().add(Tensor::relu).add(Dense::new(&g, "fc2", 9, 2));
    let model = Sequential::new().add(Dense::new(&g, "fc1", 4, 8)).add(inner);
    let expected = line!() + 1;
    model.call(g.placeholder::<f32>("x", [None, Some(4)]), Mode::Train);
    assert_eq!(line(g.check().unwrap_err()), expected);

    let g = Graph::new();
    let model = Sequential::new().map(|x| x.reduce_sum(1)).add(Tensor::transpose).map(|x| x.softmax(3));
    let expected = line!() + 1;
    model.call(g.placeholder::<f32>("x", [None, Some(4)]), Mode::Train);
    assert_eq!(line(g.check().unwrap_err()), expected);
}

#[test]
fn what_fails_in_a_run_names_the_line_as_well() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, None]);
    let model = Sequential::new().add(BatchNorm::new(&g, "bn", 3));
    let expected = line!() + 1;
    let y = model.call(x, Mode::Train);
    let run = Session::new(&g).unwrap().feed(x, &Array2::zeros((2, 1))).run(y);
    assert_eq!(line(run.unwrap_err()), expected);
}
