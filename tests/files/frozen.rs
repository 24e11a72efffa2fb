//! Frozen models: what is in them gives the same bits wherever they are loaded, what cannot be frozen is named, and no
//! file that is not as it was written is read.

use std::fs;
use std::path::{Path, PathBuf};

use flowgrad::io::checkpoint::{Checkpoint, FileFault};
use flowgrad::io::frozen::{FrozenError, FrozenFault, Lacking};
use flowgrad::io::safetensors::{SafeTensors, write_safetensors};
use flowgrad::ndarray::{Array2, Array4, arr0, arr1, arr2};
use flowgrad::op::{Lowering, Op, Pullback, TensorType, Val};
use flowgrad::prelude::*;
use tempfile::TempDir;

use crate::crc32c::crc32c;

pub(crate) fn file() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.fgm");
    (directory, path)
}

/// Through a file.
pub(crate) fn again(model: &Frozen) -> Frozen {
    let (_directory, path) = file();
    model.save(&path).unwrap();
    Frozen::load(&path).unwrap()
}

fn bits(value: &Value) -> (DType, Vec<usize>, Vec<u64>) {
    let bits = match value.clone() {
        Value::F32(array) => array.iter().map(|x| u64::from(x.to_bits())).collect(),
        Value::F64(array) => array.iter().map(|x| x.to_bits()).collect(),
        Value::I32(array) => array.iter().map(|&x| i64::from(x) as u64).collect(),
        Value::I64(array) => array.iter().map(|&x| x as u64).collect(),
        Value::Bool(array) => array.iter().map(|&x| u64::from(x)).collect(),
    };
    (value.dtype(), value.shape().to_vec(), bits)
}

#[track_caller]
pub(crate) fn same(found: &[Value], expected: &[Value]) {
    assert_eq!(found.iter().map(bits).collect::<Vec<_>>(), expected.iter().map(bits).collect::<Vec<_>>());
}

#[test]
fn a_convolutional_model_predicts_as_its_session_does() -> Result<()> {
    let g = Graph::with_seed(5);
    let images = g.placeholder::<f32>("images", [None, Some(8), Some(8), Some(1)]);
    let model = Sequential::new()
        .add(Conv2d::new(&g, "conv", [3, 3, 1, 4], Convolution::valid()))
        .add(BatchNorm::new(&g, "norm", 4))
        .add(Tensor::relu)
        .add(MaxPool2d(Window::of([2, 2])))
        .add(Flatten)
        .add(Dropout::new("dropout", 0.5))
        .add(Dense::new(&g, "dense", 36, 3));
    let labels = g.placeholder::<i64>("labels", [None]);
    let loss = model.call(images, Mode::Train).sparse_softmax_cross_entropy(labels).reduce_mean(..);
    let train = Adam::new(0.01).minimize(loss);
    let probabilities = model.call(images, Mode::Predict).softmax(-1);
    let best = probabilities.argmax(-1);
    let session = Session::new(&g)?;
    let batch =
        Array4::from_shape_fn((5, 8, 8, 1), |(n, y, x, _)| ((n * 31 + y * 7 + x * 3) % 11) as f32 / 11.0);
    let ids = arr1(&[0, 1, 2, 0, 1]);
    session.feed(images, &batch).feed(labels, &ids).run(train)?;
    let (p, id) = session.feed(images, &batch).run((probabilities, best))?;
    let expected = [Value::from(p), Value::from(id)];

    let frozen = session.freeze(&[images.any()], &[probabilities.any(), best.any()])?;
    same(&frozen.call([&batch])?, &expected);
    let loaded = again(&frozen);
    same(&loaded.call([batch.view()])?, &expected);
    same(&loaded.call(&batch)?, &expected);
    // What only trains is left out.
    let arrays: Vec<&str> = loaded.arrays().map(|(name, _)| name).collect();
    assert!(
        arrays.contains(&"conv/kernel") && arrays.iter().all(|name| !name.contains("adam")),
        "{arrays:?}"
    );
    assert_eq!(loaded.inputs()[0].1.shape.to_string(), "[?, 8, 8, 1]");
    assert_eq!(
        loaded.outputs().iter().map(|(_, of)| of.to_string()).collect::<Vec<_>>(),
        ["f32[?, 3]", "i64[?]"]
    );
    // The same model makes the same bytes, however often it is written.
    let (_directory, path) = file();
    frozen.save(&path)?;
    let first = fs::read(&path).unwrap();
    Frozen::load(&path)?.save(&path)?;
    assert!(fs::read(&path).unwrap() == first);
    // Later training leaves it as it is.
    session.feed(images, &batch).feed(labels, &ids).run(train)?;
    same(&frozen.call(&batch)?, &expected);
    Ok(())
}

/// Functions, one inside the other, that capture; several outputs; orders; constants of all types; gradients; inputs in
/// the middle; and outputs that are inputs.
#[test]
fn all_that_graphs_are_made_of_is_frozen() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(4)]);
    let w = g.variable("w", arr1(&[1.0, -2.0, 0.5, 3.0]));
    let n = g.variable("n", 3_i32);
    let inner = g.function(x, |x| (x * w).tanh() + n.cast::<f64>());
    let outer = g.function(x, |x| inner.call(x) * inner.call(x * 2.0).reduce_sum(-1).expand_dims(-1));
    let called = outer.call(x);
    let [slope] = called.square().gradients([x]);
    let own = custom_gradient([x], |[x]| x.exp() * w, |at| [at.cotangent() * at.output()]);
    let [first, second] = {
        let parts = x.split(2, -1);
        [parts[0], parts[1]]
    };
    let (values, places) = first.top_k(1);
    let printed = g.control_dependencies(&[x.reduce_sum(..).op()], || x + 1.0);
    let row =
        g.constant(arr1(&[1.0, 2.0, 3.0, 4.0]).broadcast((1000, 4)).unwrap()).reduce_mean(Axes::of([0]));
    let is_large =
        x.greater(g.constant(arr0(0.25))).logical_and(g.constant(arr1(&[true, false, true, true])));
    let padded = x.pad([(0, 1), (1, 0)], Pad::Constant(f64::NAN)).slice((.., 1..)) + row;
    let whole = x.cast::<i32>() + g.constant(arr1(&[1_i32, 2, 3, 4]));
    let norms = x.norm(-1) + x.reduce_mean(-1) + x.einsum_unary("ij->i") + second.reduce_max(-1);
    let outputs = [
        called.any(),
        slope.any(),
        own.any(),
        values.any(),
        places.any(),
        printed.any(),
        is_large.any(),
        padded.any(),
        whole.any(),
        norms.any(),
        x.any(),
        w.any(),
    ];
    let session = Session::new(&g)?;
    let model = again(&session.freeze(&[x.any()], &outputs)?);
    let rows = Array2::from_shape_fn((3, 4), |(row, column)| row as f64 * 0.3 - column as f64 * 0.2);
    for rows in [rows.clone(), rows.slice(flowgrad::ndarray::s![..1, ..]).to_owned(), Array2::zeros((0, 4))] {
        let expected = session.feed(x, &rows).run(outputs.to_vec());
        match (model.call(&rows), expected) {
            (Ok(found), Ok(expected)) => same(&found, &expected),
            (found, expected) => assert!(found.is_err() && expected.is_err()),
        }
    }
    // From the middle on: what is before is not needed.
    let middle = again(&session.freeze(&[called.any(), w.any()], &[(called * w).any()])?);
    let found = middle.call((&rows, &arr1(&[1.0, 2.0, 3.0, 4.0])))?;
    same(&found, &[Value::from(&rows * &arr1(&[1.0, 2.0, 3.0, 4.0]))]);
    Ok(())
}

/// What layers are made of that no method builds alone, lengths that a run computes, and placeholders that need no feed;
/// and the gradients of it all.
#[test]
fn layers_of_images_and_of_sequences_are_frozen() -> Result<()> {
    let g = Graph::with_seed(3);
    let images = g.placeholder::<f32>("images", [None, Some(3), None, Some(2)]);
    let up = Conv2dTranspose::new(&g, "up", [3, 3, 4, 2], Convolution::same().strides(2));
    let attention = MultiHeadAttention::new(&g, "attention", 4, 2);
    let scale = g.placeholder_with_default("scale", 0.5_f32, ());
    let larger = up.call(images, Mode::Predict);
    let resized = (larger * scale).resize_bilinear([5, 3]) + larger.resize_nearest_neighbor([5, 3]);
    let (batch, channels) = (resized.dim(0), resized.dim(3));
    let sequences = resized.reshape((batch, -1, channels));
    let seen = attention.call(sequences, Mode::Predict).reshape((batch * 15, channels));
    let [slope] = seen.square().gradients([images]);
    let session = Session::new(&g)?;
    let outputs = [resized.any(), seen.any(), slope.any()];
    let model = again(&session.freeze(&[images.any()], &outputs)?);
    let scaled = again(&session.freeze(&[images.any(), scale.any()], &outputs)?);
    for (count, width) in [(2, 4), (1, 1), (0, 2)] {
        let fed = Array4::from_shape_fn((count, 3, width, 2), |(n, y, x, c)| {
            ((n * 31 + y * 7 + x * 3 + c) % 11) as f32 / 11.0 - 0.4
        });
        same(&model.call(&fed)?, &session.feed(images, &fed).run(outputs.to_vec())?);
        let other = arr0(-1.5_f32);
        let expected = session.feed(images, &fed).feed(scale, &other).run(outputs.to_vec())?;
        same(&scaled.call((&fed, &other))?, &expected);
    }
    Ok(())
}

/// As in a session at the same count of runs, also inside of functions.
#[test]
fn random_numbers_are_those_of_the_session() -> Result<()> {
    let g = Graph::with_seed(9);
    let x = g.placeholder::<f64>("x", [None]);
    let noisy = g.function(x, |x| x + g.random_normal([1], 0.0, 1.0));
    let y = noisy.call(x) + noisy.call(x) + g.name_scope("outside", || x.bernoulli_like(0.5).cast::<f64>());
    let (session, fed) = (Session::new(&g)?, arr1(&[1.0, 2.0]));
    let model = again(&session.freeze(&[x.any()], &[y.any()])?);
    for _ in 0..3 {
        same(&model.call(&fed)?, &[Value::from(session.feed(x, &fed).run(y)?)]);
    }
    Ok(())
}

#[derive(Debug)]
struct Mine(&'static str);

impl Op for Mine {
    fn name(&self) -> &'static str {
        self.0
    }

    fn infer(&self, inputs: &[&TensorType]) -> std::result::Result<TensorType, flowgrad::op::Fault> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], _: &mut Lowering<'_>) -> Val {
        inputs[0]
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}
}

/// Ops that no other program could build are named, all at once, also those that have the name of another op.
#[test]
fn custom_ops_are_named() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [2]);
    let custom_line = line!() + 1;
    let custom: Tensor<'_, f64> = g.custom(Mine("mine"), &[x.any()]);
    let twice: Tensor<'_, f64> = g.custom(Mine("mine"), &[custom.any()]);
    let mapped = twice.map_with("softclip", |v| v, |_| 1.0).named("clipped");
    let unused: Tensor<'_, f64> = g.custom(Mine("unused"), &[x.any()]);
    let _ = unused;
    let session = Session::new(&g)?;
    let error = session.freeze(&[x.any()], &[mapped.any()]).unwrap_err();
    let FrozenError::Ops { ops } = &error else { panic!("{error}") };
    assert_eq!(ops.len(), 2);
    let line = |ops: &[Lacking], op: usize| ops[op].location.map_or(0, std::panic::Location::line);
    assert_eq!((line(ops, 0), line(ops, 1)), (custom_line, custom_line + 2));
    let place = |op: usize| format!("built at {}:{}:", file!(), line(ops, op));
    let message = error.to_string();
    let begins = format!("expected ops that are built by name, got `mine` (mine) {}", place(0));
    assert!(message.starts_with(&begins), "{message}");
    assert!(message.contains(&format!(", `clipped` (softclip) {}", place(1))), "{message}");
    let ends = "; a file holds no code of custom ops and closures: express what they do by methods of tensors, or make their \
                results inputs of the model";
    assert!(message.ends_with(ends), "{message}");
    let tanh: Tensor<'_, f64> = g.custom(Mine("tanh"), &[x.any()]);
    let relu = tanh.map_with("relu", |v| v, |_| 1.0);
    let error = session.freeze(&[x.any()], &[(relu.tanh()).any()]).unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("expected ops that are built by name, got `tanh` (tanh) built at "),
        "{message}"
    );
    assert!(message.contains(", `relu` (relu) built at "), "{message}");
    Ok(())
}

#[test]
fn what_cannot_be_frozen_is_named() -> Result<()> {
    let g = Graph::new();
    let [x, y, z] = ["x", "y", "z"].map(|name| g.placeholder::<f64>(name, [2]));
    let v = g.variable("v", arr1(&[0.0, 0.0]));
    let session = Session::new(&g)?;
    let error = session.freeze(&[x.any()], &[(x + y * z).any()]).unwrap_err();
    assert!(matches!(&error, FrozenError::NotFed { placeholders } if placeholders.len() == 2), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("expected all placeholders among the inputs, got none for `y` (placeholder)"),
        "{error}"
    );
    let step = v.assign_add(x).named("step");
    let error = session.freeze(&[x.any()], &[step.any()]).unwrap_err();
    assert!(matches!(&error, FrozenError::Assigns { site } if site.node == "step"), "{error}");
    let after = g.control_dependencies(&[step.op()], || v + 1.0);
    assert!(matches!(session.freeze(&[x.any()], &[after.any()]), Err(FrozenError::Assigns { .. })));
    let error = session.freeze(&[x.any(), x.any()], &[x.any()]).unwrap_err();
    assert!(matches!(error, FrozenError::Run(Error::FedTwice(_))), "{error}");
    let elsewhere = Graph::new();
    let other = elsewhere.constant(1.0);
    let error = session.freeze(&[], &[other.any()]).unwrap_err();
    assert!(matches!(error, FrozenError::Run(Error::OtherGraph(_))), "{error}");

    let model = session.freeze(&[x.any()], &[(x + 1.0).any()])?;
    let error = model.call(&[arr1(&[1.0]), arr1(&[2.0])]).unwrap_err();
    assert_eq!(error.to_string(), "expected 1 inputs, got 2");
    let error = model.call(&arr1(&[1.0_f32, 2.0])).unwrap_err();
    assert!(error.to_string().contains("expected a feed of f64, got f32"), "{error}");
    let error = model.call(&arr1(&[1.0])).unwrap_err();
    assert!(error.to_string().contains("expected a feed of shape [2], got [1]"), "{error}");
    // As any error, for a `main` that gives `Result`.
    assert!(matches!(Error::from(error), Error::Other(_)));
    Ok(())
}

/// A small model, of all parts of the format.
fn small() -> Frozen {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(2)]);
    let w = g.variable("w", arr2(&[[1.0_f32, 2.0], [3.0, 4.0]]));
    let y = x.matmul(w).reduce_sum(-1) * g.constant(arr1(&[0.5_f32]).broadcast(3).unwrap()).reduce_sum(..);
    Session::new(&g).unwrap().freeze(&[x.any()], &[y.any()]).unwrap()
}

#[test]
fn a_file_damaged_in_any_byte_is_refused() {
    let (_directory, path) = file();
    small().save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    let other = path.with_extension("other");
    let refused = |bytes: &[u8]| {
        fs::write(&other, bytes).unwrap();
        let error = Frozen::load(&other).expect_err("it is damaged");
        assert!(matches!(error, FrozenError::File { .. }), "{error}");
    };
    for at in 0..whole.len() {
        let byte = whole[at];
        // A flipped bit, white space, and a letter of the other case.
        for other in [byte ^ 1, b'\n', byte ^ 0x20].into_iter().filter(|&other| other != byte) {
            let mut damaged = whole.clone();
            damaged[at] = other;
            refused(&damaged);
        }
    }
    (0..whole.len()).for_each(|length| refused(&whole[..length]));
    refused(&[&whole[..], b" "].concat());
    fs::write(&other, &whole).unwrap();
    Frozen::load(&other).unwrap();
}

#[test]
fn files_of_others_are_told_apart() -> Result<()> {
    let (_directory, path) = file();
    let fault = |path: &Path| match Frozen::load(path).unwrap_err() {
        FrozenError::File { fault, .. } => fault,
        error => panic!("{error}"),
    };
    let g = Graph::new();
    let w = g.variable("w", 1.0_f64);
    let session = Session::new(&g)?;
    Checkpoint::of(&session)?.save(&path)?;
    assert!(matches!(fault(&path), FrozenFault::Foreign { key: "flowgrad.frozen.version" }));
    session.freeze(&[], &[w.any()])?.save(&path)?;
    assert!(Checkpoint::load(&path).unwrap_err().to_string().contains("metadata without `flowgrad.version`"));
    let missing = path.with_extension("missing");
    assert!(matches!(fault(&missing), FrozenFault::File(FileFault::Read(_))));
    fs::write(&path, "no model").unwrap();
    assert!(matches!(fault(&path), FrozenFault::File(FileFault::Format(_))));
    // Its arrays are tensors to other readers.
    small().save(&path)?;
    assert_eq!(SafeTensors::open(&path).unwrap().read_as::<f32>("w").unwrap()[[1, 0]], 3.0);
    Ok(())
}

/// A file of this graph and these arrays, with the right checksum.
pub(crate) fn sealed(path: &Path, version: &str, graph: &str, arrays: &[(&str, Value)]) {
    let mut texts = std::collections::BTreeMap::from([
        ("flowgrad.frozen.graph".to_owned(), graph.to_owned()),
        ("flowgrad.frozen.version".to_owned(), version.to_owned()),
    ]);
    let ended = |text: &str| [text.as_bytes(), &[0xff]].concat();
    let mut summed: Vec<u8> =
        texts.iter().flat_map(|(key, text)| [ended(key), ended(text)].concat()).collect();
    for (name, value) in arrays {
        let array = value.clone().into_array::<f64>().unwrap();
        summed.extend([ended(name), ended(&format!("F64{:?}", array.shape()))].concat());
        summed.extend(array.iter().flat_map(|x| x.to_le_bytes()));
    }
    texts.insert("flowgrad.crc32c".to_owned(), format!("{:08x}", crc32c(&summed)));
    write_safetensors(path, arrays.iter().map(|(name, value)| (*name, value)), &texts).unwrap();
}

/// What has the right checksum is still believed nothing.
#[test]
fn hostile_graphs_are_errors() {
    let (_directory, path) = file();
    let node = |op: &str, inputs: &str, control: &str, attributes: &str| {
        format!(
            r#"{{"op":"{op}","name":"n","inputs":{inputs},"control":{control},"attributes":{attributes}}}"#
        )
    };
    let graph = |inputs: &str, outputs: &str, nodes: &[String]| {
        format!(r#"{{"seed":0,"inputs":{inputs},"outputs":{outputs},"nodes":[{}]}}"#, nodes.join(","))
    };
    let x = node("placeholder", "[]", "[]", r#"{"dtype":{"dtype":"f64"},"shape":{"shape":["?","2"]}}"#);
    let tanh = |inputs: &str, control: &str| node("tanh", inputs, control, "{}");
    let arrays = [("a", Value::from(arr1(&[1.0, 2.0])))];
    let load = |graph: &str| {
        sealed(&path, "1", graph, &arrays);
        Frozen::load(&path)
    };
    let sound = graph("[0]", "[[1,0]]", &[x.clone(), tanh("[[0,0]]", "[0]")]);
    assert_eq!(
        load(&sound).unwrap().call(&arr2(&[[0.0, 1.0]])).unwrap()[0],
        Value::from(arr2(&[[0.0, 1.0_f64.tanh()]]))
    );
    let constant = |attributes: &str| graph("[]", "[[0,0]]", &[node("constant", "[]", "[]", attributes)]);
    load(&constant(r#"{"array":{"text":"a"},"shape":{"shape":["3","2"]}}"#)).unwrap();
    for hostile in [
        String::new(),
        "[]".to_owned(),
        sound.replace("\"tanh\"", "\"no such op\""),
        graph("[0]", "[[2,0]]", &[x.clone(), tanh("[[0,0]]", "[]")]),
        graph("[0]", "[[1,1]]", &[x.clone(), tanh("[[0,0]]", "[]")]),
        graph("[0]", "[[1,0]]", &[x.clone(), tanh("[[1,0]]", "[]")]),
        graph("[0]", "[[1,0]]", &[x.clone(), tanh("[[0,7]]", "[]")]),
        graph("[0]", "[[1,0]]", &[x.clone(), tanh("[[18446744073709551615,0]]", "[]")]),
        graph("[0]", "[[1,0]]", &[x.clone(), tanh("[[0,0]]", "[1]")]),
        graph("[0]", "[[1,0]]", &[x.clone(), tanh("[]", "[]")]),
        graph("[1]", "[[1,0]]", &[x.clone(), tanh("[[0,0]]", "[]")]),
        graph("[0,0]", "[[1,0]]", &[x.clone(), tanh("[[0,0]]", "[]")]),
        graph("[]", "[[1,0]]", &[x.clone(), tanh("[[0,0]]", "[]")]),
        graph("[0]", "[[0,0]]", &[node("placeholder", "[]", "[]", r#"{"dtype":{"dtype":"f64"}}"#)]),
        graph(
            "[0]",
            "[[0,0]]",
            &[node("placeholder", "[[0,0]]", "[]", r#"{"dtype":{"dtype":"f64"},"shape":{"shape":[]}}"#)],
        ),
        constant("{}"),
        constant(r#"{"array":{"text":"b"}}"#),
        constant(r#"{"array":{"text":"a"},"shape":{"shape":["?"]}}"#),
        constant(r#"{"array":{"text":"a"},"shape":{"shape":["3"]}}"#),
        constant(
            r#"{"array":{"text":"a"},"shape":{"shape":["18446744073709551615","18446744073709551615","2"]}}"#,
        ),
        graph(
            "[0]",
            "[[1,0]]",
            &[
                x.clone(),
                node(
                    "split",
                    "[[0,0]]",
                    "[]",
                    r#"{"parts":{"int":"9223372036854775807"},"axis":{"int":"0"}}"#,
                ),
            ],
        ),
        graph(
            "[0]",
            "[[1,0]]",
            &[
                x.clone(),
                node("bell", "[[0,0]]", "[]", r#"{"rate":{"float":"1.0"},"power":{"int":"4000000000"}}"#),
            ],
        ),
        graph(
            "[0]",
            "[[1,0]]",
            &[x.clone(), node("polar", "[[0,0],[0,0]]", "[]", r#"{"powers":{"ints":["0","0","1"]}}"#)],
        ),
        graph("[0]", "[[1,0]]", &[x.clone(), node("parameter", "[]", "[]", "{}")]),
        graph("[0]", "[[1,0]]", &[x.clone(), node("assign", "[[0,0],[0,0]]", "[]", "{}")]),
        graph("[0]", "[[1,0]]", &[x.clone(), node("initializer", "[]", "[]", "{}")]),
    ] {
        assert!(load(&hostile).is_err(), "{hostile}");
    }
    sealed(&path, "2", &sound, &arrays);
    let error = Frozen::load(&path).unwrap_err().to_string();
    assert!(error.ends_with("expected version 1, which this program reads, got `2`"), "{error}");
    // All ops that lack are named at once; errors name nodes and the line that loaded the file.
    let lacking =
        graph("[0]", "[[1,0]]", &[x.clone(), node("b", "[]", "[]", "{}"), node("c", "[]", "[]", "{}")]);
    assert!(load(&lacking).unwrap_err().to_string().contains("`b` (node `n`), `c` (node `n`)"));
    let misfit =
        graph("[0]", "[[1,0]]", &[x, node("reduce_sum", "[[0,0]]", "[]", r#"{"axes":{"axes":["5"]}}"#)]);
    let error = load(&misfit).unwrap_err().to_string();
    assert!(error.contains("got 5, in `reduce_sum`") && error.contains(file!()), "{error}");
}

/// Freezing shares nothing with the graph, which may be finished.
#[test]
fn a_finished_graph_is_frozen() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", ());
    let y = x * x;
    let [slope] = y.gradients([x]);
    let session = Session::new(&g)?;
    g.finalize();
    let nodes = g.len();
    let model = session.freeze(&[x.any()], &[y.any(), slope.any()])?;
    assert_eq!(g.len(), nodes);
    drop(session);
    drop(g);
    same(&model.call(3.0)?, &[Value::from(arr0(9.0)), Value::from(arr0(6.0))]);
    Ok(())
}
