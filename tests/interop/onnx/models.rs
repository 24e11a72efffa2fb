//! Small models made by hand: what is known while importing, what is fed, trained, called and added.

use flowgrad::io::onnx::{self, ImportOptions};
use flowgrad::ndarray::{Array2, Array3, arr1, arr2};
use flowgrad::prelude::*;

use crate::wire::{
    bytes, floats, graph, graph_attribute, int, int_attribute, longs, model, model_with, node, node_of,
    tensor, value,
};

const FLOAT: i64 = 1;
const BOOL: i64 = 9;

#[test]
fn shapes_of_fed_lengths_are_computed() {
    // As exporters write `x.view(x.shape[0], -1)` and `x.expand`.
    let nodes = [
        node("Shape", &["x"], &["shape"]),
        node("Gather", &["shape", "zero"], &["rows"]),
        node("Concat", &["rows", "rest"], &["to"])
            .into_iter()
            .chain(bytes(5, int_attribute("axis", 0)))
            .collect(),
        node("Reshape", &["x", "to"], &["y"]),
        node("Mul", &["rows", "two"], &["twice"]),
        node("Concat", &["twice", "three"], &["filled"])
            .into_iter()
            .chain(bytes(5, int_attribute("axis", 0)))
            .collect(),
        node("ConstantOfShape", &["filled"], &["z"]),
    ];
    let constants = [longs("zero", &[0]), longs("rest", &[-1]), longs("two", &[2]), longs("three", &[3])];
    let file = model(&graph(&nodes, &constants, &[value("x", FLOAT, &[-1, 2, 3])], &["y", "z"]));
    let g = Graph::new();
    let model = onnx::import(&g, &file, &ImportOptions::new()).unwrap();
    assert_eq!(model.inputs()[0].axes, [Some("n".to_owned()), None, None]);
    let [y, z] = ["y", "z"].map(|name| model.output(name).unwrap());
    assert_eq!((y.shape().to_string(), z.shape().to_string()), ("[?, 6]".to_owned(), "[?, 3]".to_owned()));
    // Shape arithmetic leaves lengths behind, and no arrays.
    let ops: Vec<_> = g.nodes().iter().map(|node| node.op.to_owned()).collect();
    assert!(ops.iter().all(|op| !["gather", "concat", "shape_of"].contains(&&**op)), "{ops:?}");
    let x = model.input("x").unwrap().typed::<f32>();
    let session = Session::new(&g).unwrap();
    let found = session.feed(x, &Array3::ones((5, 2, 3))).run((y.typed::<f32>(), z.typed::<f32>())).unwrap();
    assert_eq!((found.0.shape(), found.1.shape()), (&[5, 6][..], &[10, 3][..]));

    let g = Graph::new();
    let fixed = onnx::import(&g, &file, &ImportOptions::new().length("n", 4).prefix("part")).unwrap();
    assert_eq!(fixed.output("z").unwrap().shape().to_string(), "[8, 3]");
    assert_eq!(fixed.input("x").unwrap().name(), "part/x");
}

#[test]
fn initializers_become_variables_that_train() {
    let nodes = [node("MatMul", &["x", "w"], &["h"]), node("Add", &["h", "b"], &["y"])];
    let constants = [floats("w", &[2, 1], &[0.0, 0.0]), floats("b", &[1], &[0.0])];
    let file = model(&graph(&nodes, &constants, &[value("x", FLOAT, &[-1, 2])], &["y"]));
    let g = Graph::new();
    let model = onnx::import(&g, &file, &ImportOptions::new().trainable(|_| true)).unwrap();
    let names: Vec<&str> = model.variables().iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["w", "b"]);
    assert_eq!(g.trainable_variables::<f32>().len(), 2);
    let x = model.input("x").unwrap().typed::<f32>();
    let xs = Array2::from_shape_fn((8, 2), |(row, column)| ((row * 3 + column * 5) % 7) as f32 / 7.0);
    let target = xs
        .map_axis(flowgrad::ndarray::Axis(1), |row| 2.0 * row[0] - row[1] + 0.5)
        .insert_axis(flowgrad::ndarray::Axis(1));
    let loss = (model.output("y").unwrap().typed::<f32>() - g.constant(target)).square().reduce_mean(..);
    let step = Sgd::new(0.5).minimize(loss);
    let session = Session::new(&g).unwrap();
    for _ in 0..2000 {
        session.feed(x, &xs).run(step).unwrap();
    }
    let w = session.run(g.find_variable::<f32>("w").unwrap()).unwrap();
    assert!((w[[0, 0]] - 2.0).abs() < 1e-3 && (w[[1, 0]] + 1.0).abs() < 1e-3, "{w}");
}

#[test]
fn functions_are_built_in_their_places() {
    // Twice(x) = x + x, Four(x) = Twice(Twice(x)), whose attribute is passed on.
    let add = node("Add", &["a", "a"], &["b"]);
    let function = |name: &str, nodes: &[Vec<u8>]| {
        let nodes: Vec<u8> = nodes.iter().flat_map(|node| bytes(7, node)).collect();
        [bytes(1, name), bytes(4, "a"), bytes(5, "b"), nodes, bytes(9, int(2, 21)), bytes(10, "local")]
            .concat()
    };
    let twice = function("Twice", &[add]);
    let four = function(
        "Four",
        &[node_of("local", "Twice", &["a"], &["c"], &[]), node_of("local", "Twice", &["c"], &["b"], &[])],
    );
    let nodes = [node_of("local", "Four", &["x"], &["y"], &[])];
    let file = model_with(&graph(&nodes, &[], &[value("x", FLOAT, &[2])], &["y"]), &[twice, four]);
    let g = Graph::new();
    let model = onnx::import(&g, &file, &ImportOptions::new()).unwrap();
    let (x, y) = (model.input("x").unwrap().typed::<f32>(), model.output("y").unwrap().typed::<f32>());
    assert_eq!(
        Session::new(&g).unwrap().feed(x, &arr1(&[1.0, 2.0])).run(y).unwrap(),
        arr1(&[4.0, 8.0]).into_dyn()
    );
}

#[test]
fn branches_use_what_is_around_them() {
    let branch = |op: &str, name: &str| graph(&[node(op, &["x", "w"], &[name])], &[], &[], &[name]);
    let attributes = [
        graph_attribute("then_branch", &branch("Mul", "t")),
        graph_attribute("else_branch", &branch("Add", "e")),
    ];
    let nodes = [node_of("", "If", &["c"], &["y"], &attributes)];
    let inputs = [value("x", FLOAT, &[2]), value("c", BOOL, &[])];
    let file = model(&graph(&nodes, &[floats("w", &[2], &[3.0, 4.0])], &inputs, &["y"]));
    let g = Graph::new();
    let model = onnx::import(&g, &file, &ImportOptions::new()).unwrap();
    let (x, c) = (model.input("x").unwrap().typed::<f32>(), model.input("c").unwrap().typed::<bool>());
    let y = model.output("y").unwrap().typed::<f32>();
    let [dx] = y.gradients([x]);
    let session = Session::new(&g).unwrap();
    let run = |holds: bool| session.feed(x, &arr1(&[1.0, 2.0])).feed(c, holds).run([y, dx]).unwrap();
    assert_eq!(run(true), [arr1(&[3.0, 8.0]).into_dyn(), arr1(&[3.0, 4.0]).into_dyn()]);
    assert_eq!(run(false), [arr1(&[4.0, 6.0]).into_dyn(), arr1(&[1.0, 1.0]).into_dyn()]);
}

#[test]
fn small_types_are_widened_with_a_note() {
    let nodes = [
        node("Cast", &["h"], &["f"]).into_iter().chain(bytes(5, int_attribute("to", FLOAT))).collect(),
        node("Add", &["x", "f"], &["y"]),
    ];
    // 1.5 and -2 as f16.
    let half = tensor("h", 10, &[2], &[0x00, 0x3e, 0x00, 0xc0]);
    let file = model(&graph(&nodes, &[half], &[value("x", FLOAT, &[2])], &["y"]));
    let g = Graph::new();
    let model = onnx::import(&g, &file, &ImportOptions::new()).unwrap();
    assert_eq!(model.notes(), ["initializer `h`: float16 is f32 here"]);
    let (x, y) = (model.input("x").unwrap().typed::<f32>(), model.output("y").unwrap().typed::<f32>());
    assert_eq!(
        Session::new(&g).unwrap().feed(x, &arr1(&[0.0, 0.0])).run(y).unwrap(),
        arr1(&[1.5, -2.0]).into_dyn()
    );
}

#[test]
fn ops_are_added_and_inputs_bound() {
    let nodes = [
        node_of("com.example", "Scale", &["x"], &["s"], &[int_attribute("by", 3)]),
        node("Reshape", &["s", "shape"], &["y"]),
    ];
    let file = model(&graph(&nodes, &[], &[value("x", FLOAT, &[4]), value("shape", 7, &[2])], &["y"]));
    let options = || {
        ImportOptions::new()
            .custom("com.example", "Scale", |node| Ok(vec![node.input(0)? * node.int("by", 1) as f64]))
    };
    let error = onnx::import(&Graph::new(), &file, &options()).unwrap_err().to_string();
    assert!(error.contains("`shape`, which Reshape (node `-> y`) needs"), "{error}");
    let g = Graph::new();
    let model = onnx::import(&g, &file, &options().bind("shape", arr1(&[2_i64, -1]))).unwrap();
    assert_eq!(model.inputs().len(), 1);
    let (x, y) = (model.input("x").unwrap().typed::<f32>(), model.output("y").unwrap().typed::<f32>());
    let found = Session::new(&g).unwrap().feed(x, &arr1(&[1.0, 2.0, 3.0, 4.0])).run(y).unwrap();
    assert_eq!(found, arr2(&[[3.0, 6.0], [9.0, 12.0]]).into_dyn());
}
