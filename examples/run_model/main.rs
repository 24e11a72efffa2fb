//! A model of ONNX or of TensorFlow out of a file or a folder: what it takes and gives, its ops, its outputs for given inputs, how
//! long it takes, and its last layer trained on other data.
//!
//! ```text
//! cargo run --release --features graphdef,onnx --example run_model -- model.onnx --npz inputs.npz --runs 100
//! ```

#[allow(dead_code, reason = "each example uses its part")]
#[path = "../common/mod.rs"]
mod common;

mod arguments;
mod feeds;
mod model;
mod tune;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use arguments::{Loss, Pair};
use clap::Parser;
use common::{Result, parsed, tell};
use flowgrad::io::npz::write_npz;
use flowgrad::prelude::*;
use model::Model;
use serde::Serialize;

/// Run a model of ONNX (`.onnx`), a graph of TensorFlow (`.pb`), or a `SavedModel` (a folder)
#[derive(Parser, Debug)]
struct Args {
    /// The model
    model: PathBuf,
    /// Arrays for inputs, by their names; other inputs are fed random numbers
    #[arg(long, value_name = "FILE.npz")]
    npz: Option<PathBuf>,
    /// An image for the first input of four axes
    #[arg(long, value_name = "FILE.png")]
    image: Option<PathBuf>,
    /// What is taken from each pixel, which is between 0 and 1
    #[arg(long, default_value_t = 0.0)]
    mean: f32,
    /// What each pixel is divided by then
    #[arg(long, default_value_t = 1.0)]
    deviation: f32,
    /// The length of the axes that an ONNX model gives a name
    #[arg(long, value_name = "AXIS=LENGTH")]
    length: Vec<Pair<usize>>,
    /// The shape of an input, as in x=1,3,48,320
    #[arg(long, value_name = "INPUT=LENGTHS")]
    shape: Vec<Pair<arguments::Lengths>>,
    /// A number that an input of an ONNX model always is, or a list of them
    #[arg(long, value_name = "INPUT=NUMBER")]
    bind: Vec<Pair<arguments::Bound>>,
    /// The signature of a `SavedModel`
    #[arg(long, value_name = "NAME", default_value = "serving_default")]
    signature: String,
    /// An output to compute; all, unless some are given
    #[arg(long, value_name = "NAME")]
    output: Vec<String>,
    /// Threads of the session
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Runs whose median time is told
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Seed of what is drawn
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print what the session makes of the model
    #[arg(long)]
    explain: bool,
    /// Print the steps of a run by the time that they take
    #[arg(long)]
    profile: bool,
    /// Write the outputs to this file
    #[arg(long, value_name = "FILE.npz")]
    save: Option<PathBuf>,
    /// Write times as JSON to stdout, and nothing else
    #[arg(long)]
    json: bool,
    /// Train the last layer of an ONNX model on these arrays: inputs by their names, and the targets as `y`
    #[arg(long, value_name = "FILE.npz")]
    fine_tune: Option<PathBuf>,
    #[command(flatten)]
    tune: arguments::Tune,
}

/// What `--json` tells, in seconds.
#[derive(Debug, Serialize)]
struct Times {
    /// Reading the file, building its graph, and making a session of it.
    load: f64,
    /// The first run, with its planning.
    first: f64,
    /// The median of the runs behind it.
    median: f64,
    /// All of these.
    runs: Vec<f64>,
}

fn main() -> Result<()> {
    let args: Args = parsed();
    let say = |text: String| if args.json { Ok(()) } else { tell(&text) };
    let started = Instant::now();
    let g = Graph::with_seed(args.seed);
    let layer = match &args.fine_tune {
        Some(_) => tune::last_layer(&args)?,
        None => Vec::new(),
    };
    let model = Model::load(&g, &args, &|name| layer.iter().any(|of| of == name))?;
    let session = Session::builder(&g).threads(args.threads).build()?;
    let load = started.elapsed().as_secs_f64();
    say(model.told(&g))?;

    if let Some(file) = &args.fine_tune {
        tune::fine_tune(&session, &model, file, &args, &say)?;
    }

    let fed = feeds::of(&model, &args)?;
    if args.explain {
        let feeding = model.inputs.iter().zip(&fed);
        let feeding =
            feeding.fold(session.feeds(), |run, (input, value)| run.feed_value(input.tensor, value));
        say(feeding.explain(model.tensors())?)?;
    }
    let inputs: Vec<_> = model.inputs.iter().map(|input| input.tensor).collect();
    let call = session.make_callable(inputs, model.tensors())?;
    let first = Instant::now();
    let outputs = call.call(&fed)?;
    let first = first.elapsed().as_secs_f64();
    let mut runs = Vec::with_capacity(args.runs);
    for _ in 0..args.runs {
        let run = Instant::now();
        call.call(&fed)?;
        runs.push(run.elapsed().as_secs_f64());
    }
    for ((name, _), value) in model.outputs.iter().zip(&outputs) {
        say(format!("{name} = {}", feeds::summary(value)))?;
    }
    if args.profile {
        let (_, trace) = call.call_traced(&fed)?;
        say(trace.to_string())?;
    }
    if let Some(path) = &args.save {
        let arrays: BTreeMap<&str, &Value> =
            model.outputs.iter().map(|(name, _)| &**name).zip(&outputs).collect();
        write_npz(path, arrays)?;
    }
    let median = median(&runs);
    say(format!(
        "loaded in {:.1} ms, first run {:.2} ms, then {:.3} ms (median of {})",
        load * 1e3,
        first * 1e3,
        median * 1e3,
        runs.len()
    ))?;
    if args.json { tell(&serde_json::to_string(&Times { load, first, median, runs })?) } else { Ok(()) }
}

/// The median, or 0 of nothing.
fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(0.0)
}
