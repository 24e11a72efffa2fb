//! What a session makes of a prediction, as `explain` prints it, and how a training step went: the trace of a run on two
//! threads as a table, as a file for Chrome and Perfetto, and as a picture of that file.
//!
//! ```text
//! cargo run --release --example trace -- --chrome trace.json
//! ```

#[allow(dead_code, reason = "each example uses its part")]
mod common;

use std::path::PathBuf;

use clap::Parser;
use common::{Result, lines, parsed, tell, timeline};
use flowgrad::ndarray::{Array1, Array2};
use flowgrad::prelude::*;

/// Explain a prediction and trace a training step of a perceptron
#[derive(Parser)]
struct Args {
    /// Draw the plan's text, as SVG
    #[arg(long, value_name = "FILE.svg")]
    explain: Option<PathBuf>,
    /// Draw which thread did what when, as SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Write the trace for Chrome and Perfetto
    #[arg(long, value_name = "FILE.json")]
    chrome: Option<PathBuf>,
}

/// Rows of a batch: so many that each thread has something to do.
const ROWS: usize = 1024;

/// Runs of which the shortest is told: others are disturbed by whatever else the machine does.
const RUNS: usize = 30;

fn main() -> Result<()> {
    let args: Args = parsed();
    let g = Graph::with_seed(0);
    let x = g.placeholder::<f32>("x", [None, Some(784)]);
    let labels = g.placeholder::<i64>("labels", [None]);
    let model = Sequential::new()
        .add(Dense::new(&g, "hidden", 784, 256))
        .add(Tensor::relu)
        .add(Dense::new(&g, "logits", 256, 10));
    let loss = model.call(x, Mode::Train).sparse_softmax_cross_entropy(labels).reduce_mean(..);
    let train = Sgd::new(0.1).minimize(loss);

    let session = Session::builder(&g).threads(2).build()?;
    let (batch, ids) =
        (Array2::from_elem((ROWS, 784), 0.5), Array1::from_shape_fn(ROWS, |row| row as i64 % 10));
    let probabilities = model.call(x, Mode::Predict).softmax(-1);
    let plan = session.feed(x, &batch).explain(probabilities)?;
    tell(&plan)?;
    if let Some(path) = &args.explain {
        lines::save(path, &plan)?;
    }

    let step = session.make_callable((x, labels), (loss, train))?;
    let (_, mut trace) = step.call_traced((&batch, &ids))?;
    for _ in 1..RUNS {
        let (_, another) = step.call_traced((&batch, &ids))?;
        if another.running() < trace.running() {
            trace = another;
        }
    }
    tell(&trace.to_string())?;
    if let Some(path) = &args.chrome {
        trace.save_chrome(path)?;
    }
    if let Some(path) = &args.plot {
        let mut json = Vec::new();
        trace.write_chrome(&mut json)?;
        timeline::save(path, &String::from_utf8(json)?)?;
    }
    Ok(())
}
