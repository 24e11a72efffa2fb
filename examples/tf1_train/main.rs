//! Goes on with the training of a graph that TensorFlow 1 wrote, from the checkpoint that its `Saver` left: the graph has
//! the gradients and the optimizer, and here it is fed and run. What comes of it is a checkpoint for TensorFlow again.
//!
//! ```text
//! cargo run --release --features graphdef --example tf1_train -- --epochs 5 --save target/digits
//! ```

#[allow(dead_code, reason = "each example uses its part")]
#[path = "../common/mod.rs"]
mod common;

use std::path::{Path, PathBuf};

use clap::Parser;
use common::{Result, data, parsed, tell};
use flowgrad::data::{Csv, Dataset};
use flowgrad::io::graph_def::Imported;
use flowgrad::io::saved_model::{SavedModelOptions, import_meta_graph};
use flowgrad::prelude::*;

/// Go on with the training of a graph of TensorFlow 1
#[derive(Parser)]
struct Args {
    /// What `Saver.export_meta_graph` wrote: a graph with a training of digits
    #[arg(long, value_name = "FILE", default_value_os_t = own("digits.meta"))]
    meta: PathBuf,
    /// The checkpoint to go on from, as `Saver.restore` takes it
    #[arg(long, value_name = "PREFIX", default_value_os_t = own("digits"))]
    checkpoint: PathBuf,
    /// Passes over the data
    #[arg(long, default_value_t = 5)]
    epochs: u64,
    /// Rows of a step
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// Seed of the order of rows
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The node that makes a step; the graph's collection of such nodes has it otherwise
    #[arg(long, value_name = "NODE")]
    train: Option<String>,
    /// Write a checkpoint, which `Saver.restore` takes
    #[arg(long, value_name = "PREFIX")]
    save: Option<PathBuf>,
}

/// A file beside this program.
fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tf1_train").join(name)
}

/// A tensor of the graph.
fn tensor<'g, T: Element>(graph: &Imported<'g>, name: &str) -> Result<Tensor<'g, T>> {
    let found = graph.tensor(name).filter(|found| found.dtype() == T::DTYPE);
    let found =
        found.ok_or_else(|| format!("expected a tensor `{name}` of {} in the graph, got none", T::DTYPE))?;
    Ok(found.typed())
}

fn main() -> Result<()> {
    let args: Args = parsed();
    let rows = Dataset::<f32, i64>::from_csv(data("digits.csv.gz"), &Csv::new(), -1)?;
    let rows = rows.map_inputs(|pixel| pixel / 16.0);

    let g = Graph::new();
    let model = import_meta_graph(&g, &args.meta, &SavedModelOptions::new())?;
    let graph = model.graph();
    let [image, loss, accuracy] =
        [tensor::<f32>(graph, "image")?, tensor(graph, "loss")?, tensor(graph, "accuracy")?];
    let label = tensor::<i64>(graph, "label")?;
    let named = model.collection("train_op").and_then(|names| names.first());
    let name = args.train.as_ref().or(named).ok_or("expected a node that trains: name it by --train")?;
    let train =
        graph.operation(name).ok_or_else(|| format!("expected a node `{name}` in the graph, got none"))?;

    let session = Session::new(&g)?;
    graph.restore(&session, &args.checkpoint)?;
    let told = |epoch: u64| -> Result<()> {
        let fed = session.feed(image, rows.inputs()).feed(label, rows.targets());
        let [loss, accuracy] = fed.run([loss, accuracy])?.map(|value| value.sum());
        tell(&format!("epoch {epoch}: loss {loss:.4}, accuracy {:.2} %", 100.0 * accuracy))
    };
    told(0)?;
    for epoch in 1..=args.epochs {
        for (images, labels) in rows.batches(args.batch)?.shuffled(args.seed, epoch) {
            session.feed(image, &images).feed(label, &labels).run(train)?;
        }
        told(epoch)?;
    }
    if let Some(prefix) = &args.save {
        graph.save(&session, prefix)?;
    }
    Ok(())
}
