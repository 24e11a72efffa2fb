//! A model that is frozen in one process and predicts in another, which has no code of it. The process is this test run
//! again: its test `predicts` does what the environment says.

use std::env;
use std::fs;
use std::process::Command;

use flowgrad::ndarray::{Array1, Array2};
use flowgrad::prelude::*;

/// Names the file that the child loads; it writes what the model gives to `bits` in its directory.
const MODEL: &str = "FLOWGRAD_TEST_FROZEN";

fn rows(count: usize) -> Array2<f32> {
    Array2::from_shape_fn((count, 6), |(row, column)| ((row * 37 + column * 11) % 29) as f32 / 14.5 - 1.0)
}

/// All bits that the model gives for one row, and for many.
fn bits(mut predict: impl FnMut(&Array2<f32>) -> Array2<f32>) -> Vec<u8> {
    [1, 200]
        .into_iter()
        .flat_map(|count| predict(&rows(count)).into_iter().flat_map(f32::to_le_bytes))
        .collect()
}

#[test]
fn predicts() {
    let Ok(path) = env::var(MODEL) else { return };
    let model = Frozen::load(path).unwrap();
    let predict = |rows: &Array2<f32>| {
        let given = model.call(rows).unwrap().remove(0);
        given.into_array::<f32>().unwrap().into_dimensionality().unwrap()
    };
    fs::write("bits", bits(predict)).unwrap();
}

#[test]
fn a_model_frozen_in_one_process_predicts_in_another_to_the_same_bits() -> Result<()> {
    let directory = tempfile::tempdir().unwrap();
    let g = Graph::with_seed(11);
    let x = g.placeholder::<f32>("x", [None, Some(6)]);
    let labels = g.placeholder::<i64>("labels", [None]);
    let model = Sequential::new()
        .add(Dense::new(&g, "hidden", 6, 32))
        .add(LayerNorm::new(&g, "norm", [32]))
        .add(Tensor::gelu)
        .add(Dropout::new("dropout", 0.2))
        .add(Dense::new(&g, "logits", 32, 4));
    let loss = model.call(x, Mode::Train).sparse_softmax_cross_entropy(labels).reduce_mean(..);
    let train = Adam::new(0.01).minimize(loss);
    let probabilities = model.call(x, Mode::Predict).softmax(-1);
    let session = Session::new(&g)?;
    let step = session.make_callable((x, labels), train)?;
    let ids: Array1<i64> = (0..64).map(|row| row % 4).collect();
    for _ in 0..20 {
        step.call((&rows(64), &ids))?;
    }
    session.freeze(&[x.any()], &[probabilities.any()])?.save(directory.path().join("model.fgm"))?;
    let here = bits(|rows| session.feed(x, rows).run(probabilities).unwrap().into_dimensionality().unwrap());

    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "frozen_process::predicts"])
        .env(MODEL, "model.fgm")
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert!(fs::read(directory.path().join("bits")).unwrap() == here, "the bits differ");
    Ok(())
}
