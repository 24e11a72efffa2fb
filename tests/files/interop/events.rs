//! Event files, to `TensorBoard`.

use std::fs;
use std::path::Path;

use flowgrad::NodeInfo;
use flowgrad::io::tensorboard::SummaryWriter;
use flowgrad::ndarray::{Array1, Array2, Array3, Array4, arr1};
use flowgrad::prelude::*;
use serde_json::{Map, Value as Json, json};

use crate::python::Python;

#[test]
fn tensorboard_shows_what_was_written() {
    let Some(python) = Python::with(&["numpy", "tensorboard"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let [logdir, expected] = ["logs", "expected.json"].map(|name| directory.path().join(name));
    let runs = [("train", 0), ("validation/late", i64::from(u32::MAX))];
    let runs = runs.map(|(run, first_step)| (run.to_owned(), write_run(&logdir.join(run), first_step)));
    fs::write(&expected, Json::from(Map::from_iter(runs)).to_string()).unwrap();
    python.run("files/interop/check_tensorboard.py", [&logdir, &expected]).unwrap();
}

/// Writes an event file and tells what `TensorBoard` must show of it. Numbers that JSON does not have are texts.
fn write_run(logdir: &Path, first_step: i64) -> Json {
    let mut writer = SummaryWriter::new(logdir).unwrap();
    let mut losses = vec![f64::NAN, f64::INFINITY, -0.0, 0.1, 1e39];
    losses.extend((5..30).map(|age| 0.9_f64.powi(age)));
    let mut kernels = Vec::new();
    for (step, loss) in (first_step..).zip(&losses) {
        writer.scalar("loss/train", step, *loss).unwrap();
        writer.scalar("step", step, step - first_step).unwrap();
        let spread = 1.2_f32.powi((step - first_step) as i32);
        let kernel = Array2::from_shape_fn((20, 7), |(i, j)| ((i * 7 + j) as f32).sin() * spread);
        writer.histogram("dense/kernel", step, &kernel).unwrap();
        kernels.push(json!([step, kernel.iter().collect::<Vec<_>>()]));
    }
    writer.histogram("equal", first_step, &Array1::from_elem(9, -2.5)).unwrap();
    writer.histogram("gaps", first_step, &arr1(&[1.0, f64::NAN, 2.0, f64::INFINITY, -1e39])).unwrap();
    writer.histogram("empty", first_step, &arr1::<f32>(&[])).unwrap();

    let colors = Array3::from_shape_fn((5, 7, 3), |(y, x, c)| (y * 50 + x * 7 + c * 3) as i32);
    writer.image("colors", first_step, &colors).unwrap();
    let grays = Array4::from_shape_fn((2, 3, 4, 1), |(n, y, x, _)| (n * 12 + y * 4 + x) as f32 / 255.0);
    writer.image("grays", first_step, &grays).unwrap();
    let image = |shape: [usize; 3], samples: Vec<i32>| json!([[first_step, shape, samples]]);
    let gray = |n: i32| image([3, 4, 1], (n * 12..n * 12 + 12).collect());

    let losses =
        (first_step..).zip(losses).map(|(step, loss)| json!([step, f64::from(loss as f32).to_string()]));
    let steps = (0..30).map(|age| json!([first_step + age, age.to_string()]));
    json!({
        "scalars": { "loss/train": losses.collect::<Vec<_>>(), "step": steps.collect::<Vec<_>>() },
        "histograms": {
            "dense/kernel": kernels,
            "equal": [[first_step, vec![-2.5; 9]]],
            "gaps": [[first_step, [1.0, 2.0]]],
            "empty": [[first_step, []]],
        },
        "images": {
            "colors": image([5, 7, 3], colors.into_iter().collect()),
            "grays/0": gray(0),
            "grays/1": gray(1),
        },
        "nodes": write_graph(&mut writer),
    })
}

/// Writes a training graph and tells its nodes.
fn write_graph(writer: &mut SummaryWriter) -> Vec<Json> {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(4)]);
    let labels = g.placeholder::<i64>("labels", [None]);
    let kernel = g.name_scope("dense", || g.variable("kernel", glorot_uniform([4, 3])));
    let loss = x.matmul(kernel).sparse_softmax_cross_entropy(labels).reduce_mean(..).named("loss");
    let [gradient] = loss.gradients([kernel]);
    let update = kernel.assign_sub(0.5 * gradient);
    let _ = g.control_dependencies(&[update.op()], || loss.cast::<f64>().cast::<i32>());
    let _ = g.constant(arr1(&[true])).named("dense");
    writer.graph(&g).unwrap();
    let tell = |node: &NodeInfo| {
        json!({
            "name": node.name, "op": node.op, "inputs": node.inputs, "control_inputs": node.control_inputs,
            "dtype": node.outputs[0].dtype.to_string(), "shape": node.outputs[0].shape.dims(),
            "attributes": node.attributes.to_string(), "built_at": node.location.to_string(),
        })
    };
    g.nodes().iter().map(tell).collect()
}
