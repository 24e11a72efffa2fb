//! What is refused, and how: no file makes the reader panic, or take memory without bound.

use std::fs;

use flowgrad::io::onnx::{self, ImportOptions, OnnxError};
use flowgrad::prelude::*;

use crate::cases;
use crate::wire::{bytes, floats, graph, int, model, model_with, node, node_of, tensor, value};

/// The error of a file of bytes.
#[track_caller]
fn refused(file: &[u8]) -> OnnxError {
    onnx::import(&Graph::new(), file, &ImportOptions::new()).unwrap_err()
}

#[track_caller]
fn says(file: &[u8], expected: &str) {
    let found = refused(file).to_string();
    assert!(found.contains(expected), "expected `{expected}`, got\n{found}");
}

/// A model of one input `x` of two floats.
fn of_nodes(nodes: &[Vec<u8>], constants: &[Vec<u8>], outputs: &[&str]) -> Vec<u8> {
    model(&graph(nodes, constants, &[value("x", 1, &[2])], outputs))
}

#[test]
fn all_that_is_missing_is_told_at_once() {
    let attribute = |name: &str| [bytes(1, name), int(3, 1), int(20, 2)].concat();
    let nodes = [
        node("Frobnicate", &["x"], &["a"]),
        node_of("com.example", "Twist", &["x"], &["b"], &[]),
        node_of("", "Relu", &["x"], &["c"], &[attribute("leak")]),
        // Built on what is missing: not told again.
        node("Add", &["a", "b"], &["d"]),
        // Nobody needs it.
        node("Unneeded", &["x"], &["e"]),
    ];
    let file = of_nodes(&nodes, &[], &["c", "d"]);
    let file = [file, bytes(8, [bytes(1, "com.example"), int(2, 1)].concat())].concat();
    let OnnxError::Unsupported { nodes } = refused(&file) else { panic!("expected what is not supported") };
    let all: Vec<(&str, &str)> = nodes.iter().map(|it| (&*it.op, &*it.node)).collect();
    assert_eq!(all, [("Relu", "-> c"), ("Frobnicate", "-> a"), ("com.example.Twist", "-> b")]);
    let details: Vec<_> = nodes.iter().map(|it| it.detail.as_deref()).collect();
    assert_eq!(details, [Some("attribute `leak`"), None, None]);
}

#[test]
fn an_import_that_fails_leaves_the_graph_as_it_was() {
    let g = Graph::new();
    let w = g.variable("w", 1.0_f32);
    let before = g.len();
    let missing = of_nodes(&[node("Relu", &["x"], &["a"]), node("Frobnicate", &["a"], &["y"])], &[], &["y"]);
    onnx::import(&g, &missing, &ImportOptions::new()).unwrap_err();
    let taken = of_nodes(&[node("Add", &["x", "w"], &["y"])], &[floats("w", &[2], &[1.0, 2.0])], &["y"]);
    let trained = || ImportOptions::new().trainable(|_| true);
    let error = onnx::import(&g, &taken, &trained()).unwrap_err().to_string();
    assert!(error.contains("initializer `w`: expected a name that no variable of the graph has"), "{error}");
    assert_eq!(g.len(), before);
    g.check().unwrap();
    // In a scope of its own it has the name.
    let model = onnx::import(&g, &taken, &trained().prefix("model")).unwrap();
    assert_eq!(model.variables().len(), 1);
    assert_eq!(Session::new(&g).unwrap().run(w.tensor()).unwrap().item().unwrap(), 1.0);
}

#[test]
fn what_contradicts_itself_is_told() {
    says(b"", "model: expected a graph, got none");
    says(b"\x00\x01", "expected an ONNX model");
    let old = [bytes(7, graph(&[], &[], &[], &[])), bytes(8, int(2, 6))].concat();
    says(&old, "expected opset 7 to 28, got 6");
    let cycle = [node("Relu", &["b"], &["a"]), node("Relu", &["a"], &["b"])];
    says(&of_nodes(&cycle, &[], &["a"]), "expected nodes without a cycle, got one of 2 nodes");
    says(
        &of_nodes(&[node("Relu", &["nothing"], &["y"])], &[], &["y"]),
        "expected a value `nothing`, got none of that name",
    );
    says(&of_nodes(&[], &[], &["y"]), "expected a value `y` to give");
    let twice = [node("Relu", &["x"], &["y"]), node("Abs", &["x"], &["y"])];
    says(
        &of_nodes(&twice, &[], &["y"]),
        "value `y`: expected one node or initializer that gives it, got two",
    );
    says(
        &of_nodes(&[node("Add", &["x", "w"], &["y"])], &[floats("w", &[3], &[1.0; 3])], &["y"]),
        "expected shapes that broadcast",
    );
    says(&of_nodes(&[node("Relu", &[], &["y"])], &[], &["y"]), "expected an input 0, got 0 inputs");
    let shapeless = [bytes(1, "x"), bytes(2, bytes(1, int(1, 1)))].concat();
    says(&model(&graph(&[], &[], &[shapeless], &["x"])), "input `x`: expected a shape, got none in the file");
    says(
        &model(&graph(&[], &[], &[value("x", 8, &[2])], &["x"])),
        "expected elements of a number or a boolean type, got string",
    );
    let options = ImportOptions::new().bind("z", flowgrad::ndarray::arr0(1.0_f32));
    let g = Graph::new();
    let unknown = onnx::import(&g, &of_nodes(&[], &[], &["x"]), &options);
    assert!(
        unknown.unwrap_err().to_string().contains("expected the name of an input (`x`), got one of none")
    );
}

#[test]
fn sizes_are_checked_before_memory_is_taken() {
    let relu = |constants: &[Vec<u8>]| of_nodes(&[node("Relu", &["w"], &["y"])], constants, &["y"]);
    says(&relu(&[tensor("w", 1, &[1 << 40, 1 << 40], &[])]), "initializer `w`: expected elements of at most");
    says(&relu(&[tensor("w", 1, &[-1], &[])]), "initializer `w`: expected elements of at most");
    says(&relu(&[floats("w", &[3], &[1.0, 2.0])]), "expected 12 bytes for 3 elements of float, got 8");
    // Shapes that are computed.
    for huge in [i64::MAX, 1 << 40, 1 << 31] {
        let nodes = [node("ConstantOfShape", &["s"], &["y"])];
        let file = of_nodes(&nodes, &[crate::wire::longs("s", &[huge, huge])], &["y"]);
        onnx::import(&Graph::new(), &file, &ImportOptions::new()).unwrap_err();
    }
    // Functions that call each other over and over: 2³⁰ nodes in a few hundred bytes.
    let function = |level: usize| {
        let inner = format!("F{}", level + 1);
        let call = |from: &str, to: &str| bytes(7, node_of("local", &inner, &[from], &[to], &[]));
        let nodes = if level == 30 {
            bytes(7, node("Relu", &["a"], &["b"]))
        } else {
            [call("a", "m"), call("m", "b")].concat()
        };
        [
            bytes(1, format!("F{level}")),
            bytes(4, "a"),
            bytes(5, "b"),
            nodes,
            bytes(9, int(2, 21)),
            bytes(10, "local"),
        ]
        .concat()
    };
    let functions: Vec<Vec<u8>> = (0..=30).map(function).collect();
    let file = model_with(
        &graph(&[node_of("local", "F0", &["x"], &["y"], &[])], &[], &[value("x", 1, &[2])], &["y"]),
        &functions,
    );
    says(&file, "expected at most 1048576 nodes");
    // And a function that calls itself.
    let itself = [
        bytes(1, "F"),
        bytes(4, "a"),
        bytes(5, "b"),
        bytes(7, node_of("local", "F", &["a"], &["b"], &[])),
        bytes(10, "local"),
    ]
    .concat();
    let file = model_with(
        &graph(&[node_of("local", "F", &["x"], &["y"], &[])], &[], &[value("x", 1, &[2])], &["y"]),
        &[itself],
    );
    says(&file, "expected at most 32 functions and bodies one inside the other");
}

#[test]
fn other_files_lie_in_the_models_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("model");
    fs::create_dir(&inside).unwrap();
    fs::write(folder.path().join("secret.bin"), [0; 64]).unwrap();
    fs::write(inside.join("w.bin"), [1.5_f32, 2.5].map(f32::to_le_bytes).concat()).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path().join("secret.bin"), inside.join("link.bin")).unwrap();
    let entry = |key: &str, text: &str| bytes(13, [bytes(1, key), bytes(2, text)].concat());
    let file = |location: &str, offset: &str, length: &str| {
        let entries =
            [entry("location", location), entry("offset", offset), entry("length", length)].concat();
        let w = [int(1, 1), int(2, 1), bytes(8, "w"), entries, int(14, 1)].concat();
        of_nodes(&[node("Add", &["x", "w"], &["y"])], &[w], &["y"])
    };
    let path = inside.join("model.onnx");
    let imported = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let g = Graph::new();
        onnx::import_file(&g, &path, &ImportOptions::new()).map(|_| ())
    };
    imported(&file("w.bin", "4", "4")).unwrap();
    for (location, offset, length, expected) in [
        ("../secret.bin", "0", "4", "expected a path inside the model's folder"),
        ("/etc/passwd", "0", "4", "expected a path inside the model's folder"),
        ("link.bin", "0", "4", "expected a file inside the model's folder"),
        ("w.bin", "6", "4", "expected 4 bytes from 6 on, got a file of 8"),
        ("w.bin", "18446744073709551615", "4", "got a file of 8"),
        ("w.bin", "x", "4", "expected a number as `offset`"),
        ("w.bin", "0", "8", "expected 4 bytes, as the shape says, got 8"),
        ("none.bin", "0", "4", "external data `none.bin`"),
    ] {
        if location == "link.bin" && cfg!(not(unix)) {
            continue;
        }
        let found = imported(&file(location, offset, length)).unwrap_err().to_string();
        assert!(found.contains(expected), "{location}: {found}");
    }
    says(&file("w.bin", "0", "4"), "expected a model in a folder (`import_file`), got bytes alone");
    let missing =
        onnx::import_file(&Graph::new(), folder.path().join("no.onnx"), &ImportOptions::new()).unwrap_err();
    assert!(matches!(missing, OnnxError::Io { .. }));
}

/// Numbers that look random, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Cut files, and thousands of files of which a few bytes are others: errors, or models, and no panic.
#[test]
fn damaged_files_do_no_harm() {
    let cases = cases::of_repository();
    // More of them, others, for a longer look.
    let each = std::env::var("ONNX_DAMAGED").ok().and_then(|each| each.parse().ok()).unwrap_or(9_usize);
    let mut numbers = Numbers(each as u64);
    let mut imported = 0;
    for case in cases.values() {
        let file = &case.model;
        for _ in 0..each {
            let mut damaged = file.clone();
            if numbers.below(8) == 0 {
                damaged.truncate(numbers.below(file.len()));
            }
            for _ in 0..=numbers.below(3) {
                if damaged.is_empty() {
                    break;
                }
                let place = numbers.below(damaged.len());
                damaged[place] = [0, 1, 2, 127, 128, 255, numbers.below(256) as u8][numbers.below(7)];
            }
            let g = Graph::new();
            imported += usize::from(onnx::import(&g, &damaged, &ImportOptions::new()).is_ok());
        }
    }
    assert!(cases.len() * each > 3000 && imported > 100, "{imported} of {}", cases.len() * each);
}
