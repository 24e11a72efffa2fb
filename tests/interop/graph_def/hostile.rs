//! What is no graph, and graphs that cannot be imported.

use flowgrad::io::graph_def::{GraphDefError, ImportOptions, import};
use flowgrad::prelude::*;

use crate::peers::unpacked;

/// A field of a message that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length > 127 {
        field.push(length as u8 | 128);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend(bytes);
    field
}

/// A field that holds a number.
fn number(tag: u8, mut value: u64) -> Vec<u8> {
    let mut field = vec![tag << 3];
    while value > 127 {
        field.push(value as u8 | 128);
        value >>= 7;
    }
    field.push(value as u8);
    field
}

fn node(name: &str, op: &str, inputs: &[&str], attributes: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut node = [field(1, name.as_bytes()), field(2, op.as_bytes())].concat();
    for input in inputs {
        node.extend(field(3, input.as_bytes()));
    }
    for (name, value) in attributes {
        node.extend(field(5, &[field(1, name.as_bytes()), field(2, value)].concat()));
    }
    field(1, &node)
}

fn shape(dims: &[i64]) -> Vec<u8> {
    dims.iter().flat_map(|&dim| field(2, &number(1, dim.cast_unsigned()))).collect()
}

/// An attribute of a constant of these lengths and one number.
fn constant(dims: &[i64]) -> Vec<u8> {
    field(8, &[number(1, 1), field(2, &shape(dims)), field(5, &1.0_f32.to_le_bytes())].concat())
}

fn float() -> Vec<u8> {
    number(6, 1)
}

fn placeholder(name: &str) -> Vec<u8> {
    node(name, "Placeholder", &[], &[("dtype", float()), ("shape", field(7, &shape(&[2, 3])))])
}

fn refused(bytes: &[u8]) -> GraphDefError {
    let g = Graph::new();
    let error = import(&g, bytes, &ImportOptions::new()).unwrap_err();
    assert!(g.is_empty(), "what is refused leaves nothing: {error}");
    error
}

#[test]
fn all_that_is_not_supported_is_told_at_once() {
    let bytes = [
        placeholder("x"),
        node("a", "Frobnicate", &["x"], &[]),
        node("needs_a", "Tanh", &["a"], &[]),
        node("b", "Twiddle", &["x"], &[]),
        node("c", "Conv2D", &["x", "x"], &[("data_format", field(2, b"NCDHW"))]),
    ];
    let error = refused(&bytes.concat());
    let message = error.to_string();
    let GraphDefError::Unsupported { all } = error else { panic!("{message}") };
    let told: Vec<(&str, &str)> = all.iter().map(|one| (one.op.as_str(), one.node.as_str())).collect();
    assert_eq!(told, [("Frobnicate", "a"), ("Twiddle", "b"), ("Conv2D", "c")]);
    assert!(message.contains("got 3 that cannot:\n  Frobnicate (node `a`)\n"), "{message}");
    assert!(message.contains("(node `c`): expected data_format NHWC or NCHW, got NCDHW"), "{message}");
}

#[test]
fn a_custom_op_fills_the_gap() {
    let bytes = [placeholder("x"), node("y", "Frobnicate", &["x"], &[("scale", number(3, 5))])].concat();
    let options = ImportOptions::new().custom("Frobnicate", |_, node, inputs| {
        let scale = node.attribute("scale").map(|scale| scale.to_string());
        assert_eq!((node.name(), scale.as_deref()), ("y", Some("5")));
        vec![inputs[0] * 5.0]
    });
    let g = Graph::new();
    let one = g.ones::<f32>([2, 3]);
    let model = import(&g, &bytes, &options.input("x", one)).unwrap();
    let y = Session::new(&g).unwrap().run(model.tensor("y").unwrap().typed::<f32>()).unwrap();
    assert!(y.iter().all(|&y| y == 5.0) && model.placeholders().is_empty());
}

#[test]
fn cycles_are_told() {
    let message =
        refused(&[node("a", "Tanh", &["b"], &[]), node("b", "Tanh", &["a"], &[])].concat()).to_string();
    assert_eq!(message, "GraphDef: expected nodes that do not need themselves, got a cycle of `a`, `b`");
}

#[test]
fn a_function_that_calls_itself_is_told() {
    let call = node("again", "PartitionedCall", &["x"], &[("f", field(10, &field(1, b"f")))]);
    let signature = [field(1, b"f"), field(2, &field(1, b"x")), field(3, &field(1, b"y"))].concat();
    let ret = field(4, &[field(1, b"y"), field(2, b"again:output:0")].concat());
    // A node of a function is a field of another number.
    let body = [vec![3 << 3 | 2], call[1..].to_vec()].concat();
    let library = field(2, &field(1, &[field(1, &signature), body, ret].concat()));
    let bytes = [placeholder("x"), call, library].concat();
    assert!(matches!(refused(&bytes), GraphDefError::Cycle { .. }));
}

#[test]
fn a_placeholder_of_a_function_is_told() {
    let call = node("call", "PartitionedCall", &["x"], &[("f", field(10, &field(1, b"f")))]);
    let signature = [field(1, b"f"), field(2, &field(1, b"x")), field(3, &field(1, b"y"))].concat();
    let ret = field(4, &[field(1, b"y"), field(2, b"inside:output:0")].concat());
    // A node of a function is a field of another number.
    let body = [vec![3 << 3 | 2], placeholder("inside")[1..].to_vec()].concat();
    let library = field(2, &field(1, &[field(1, &signature), body, ret].concat()));
    let message = refused(&[placeholder("x"), call, library].concat()).to_string();
    let expected = "(node `inside`): expected placeholders of the graph, got one of a function";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn what_contradicts_itself_is_refused() {
    let cases: &[(&str, Vec<u8>)] = &[
        ("expected inputs that nodes of the graph give, got `nowhere`", node("y", "Tanh", &["nowhere"], &[])),
        ("expected a name of its own", [placeholder("x"), placeholder("x")].concat()),
        ("output 7 of `x`", [placeholder("x"), node("y", "Tanh", &["x:7"], &[])].concat()),
        (
            "expected elements of at most",
            node("c", "Const", &[], &[("value", constant(&[1 << 20, 1 << 20]))]),
        ),
        (
            "expected elements of at most",
            node("c", "Const", &[], &[("value", constant(&[i64::MAX, i64::MAX, 0]))]),
        ),
        ("expected elements of at most", node("c", "Const", &[], &[("value", constant(&[-3]))])),
        ("expected 2 inputs at least, got 1", [placeholder("x"), node("y", "Add", &["x"], &[])].concat()),
        ("matmul", [placeholder("x"), node("y", "MatMul", &["x", "x"], &[])].concat()),
        ("expected a graph for consumers of version", field(4, &number(2, 1 << 20))),
        ("got half", node("c", "Const", &[], &[("value", field(8, &number(1, 19)))])),
    ];
    for (expected, bytes) in cases {
        let message = refused(bytes).to_string();
        assert!(message.contains(expected), "expected `{expected}` in `{message}`");
    }
}

#[test]
fn names_of_variables_are_free_or_refused() {
    let variable = node("v", "VariableV2", &[], &[("dtype", float()), ("shape", field(7, &shape(&[2])))]);
    let g = Graph::new();
    let _ = g.variable("v", 1.0_f64);
    let before = g.len();
    let error = import(&g, &variable, &ImportOptions::new()).unwrap_err();
    assert!(matches!(error, GraphDefError::NameTaken { .. }), "{error}");
    assert_eq!(g.len(), before);
    let model = import(&g, &variable, &ImportOptions::new().prefix("p")).unwrap();
    assert_eq!(model.variable::<f32>("v").unwrap().name(), "p/v");
    g.check().unwrap();
}

#[test]
fn no_part_of_a_file_is_a_panic() {
    let whole = unpacked("order.pb");
    for length in 0..whole.len() {
        let g = Graph::new();
        let _ = import(&g, &whole[..length], &ImportOptions::new());
        g.check().unwrap();
    }
}

#[test]
fn no_change_of_a_byte_is_a_panic() {
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for name in [
        "order.pb",
        "integers.pb",
        "functional.pb",
        "frames.pb",
        "frozen_lowered.pb",
        "batch_norm.pb",
        "train_sgd_resource.pb",
    ] {
        let whole = unpacked(name);
        let rounds = 6_000_000 / whole.len();
        for _ in 0..rounds.min(2000) {
            let mut bytes = whole.clone();
            for _ in 0..=random(3) {
                let place = random(bytes.len());
                bytes[place] = random(256) as u8;
            }
            let g = Graph::new();
            // What is still a graph is one that can be looked at.
            if let Ok(model) = import(&g, &bytes, &ImportOptions::new()) {
                let _ = model.left_out().count();
            }
            g.check().unwrap();
        }
    }
}
