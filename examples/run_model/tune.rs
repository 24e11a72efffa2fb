//! The last layer of a model, trained by Adam on arrays of a file.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use flowgrad::AnyTensor;
use flowgrad::io::npz::Npz;
use flowgrad::ndarray::Axis;
use flowgrad::optimizer::Adam;
use flowgrad::prelude::*;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;

use crate::common::Result;
use crate::model::Model;
use crate::{Args, Loss};

/// The name of the targets among the arrays.
const TARGETS: &str = "y";

/// The names of the initializers that are trained: those of the last layer, in a graph that is thrown away.
///
/// From the output backwards, that is all up to the first node that takes a matrix or a larger kernel.
pub(crate) fn last_layer(args: &Args) -> Result<Vec<String>> {
    let g = Graph::new();
    let is_asked = |name: &str| args.tune.layer.as_ref().is_none_or(|prefix| name.starts_with(&**prefix));
    let model = Model::load(&g, args, &is_asked)?;
    let named: HashMap<String, (&String, usize)> = model
        .variables
        .iter()
        .map(|(name, variable)| (variable.name(), (name, variable.shape().rank())))
        .collect();
    if args.tune.layer.is_some() {
        return found(model.variables.into_iter().map(|(name, _)| name).collect());
    }
    let (_, output) = &model.outputs[0];
    let nodes = g.nodes();
    let (mut needed, mut layer) = (HashSet::from([output.name()]), Vec::new());
    for node in nodes.iter().rev() {
        let is_needed = (0..node.outputs.len()).any(|index| match index {
            0 => needed.contains(&node.name),
            _ => needed.contains(&format!("{}:{index}", node.name)),
        });
        if !is_needed {
            continue;
        }
        let own: Vec<_> = node.inputs.iter().filter_map(|input| named.get(input)).collect();
        layer.extend(own.iter().map(|(name, _)| (*name).clone()));
        if own.iter().any(|(_, rank)| *rank >= 2) {
            break;
        }
        needed.extend(node.inputs.iter().cloned());
    }
    layer.sort();
    layer.dedup();
    found(layer)
}

fn found(layer: Vec<String>) -> Result<Vec<String>> {
    if layer.is_empty() {
        return Err("--fine-tune: expected initializers to train, as ONNX models have them, got none".into());
    }
    Ok(layer)
}

/// Trains the variables of a model, and tells the loss of each epoch.
pub(crate) fn fine_tune(
    session: &Session,
    model: &Model<'_>,
    file: &Path,
    args: &Args,
    say: &dyn Fn(String) -> Result<()>,
) -> Result<()> {
    let npz = Npz::open(file)?;
    let arrays: Vec<Value> =
        model.inputs.iter().map(|input| npz.read(&input.name)).collect::<Result<_, _>>()?;
    let targets = npz.read(TARGETS)?;
    let rows = targets.shape().first().copied().unwrap_or(0);
    for (input, array) in model.inputs.iter().zip(&arrays) {
        let found = array.shape().first().copied().unwrap_or(0);
        if found != rows {
            let file = file.display();
            return Err(format!("{file}: expected {rows} rows of {}, got {found}", input.name).into());
        }
    }
    // A model may say how many rows it takes.
    let fixed = model.inputs.iter().find_map(|input| input.tensor.shape().dims().first().copied().flatten());
    let batch = fixed.unwrap_or(args.tune.batch).max(1);

    let output = model.outputs[0].1;
    let g = output.graph();
    let y = match targets {
        Value::I32(_) => g.placeholder::<i32>(TARGETS, vec![None; targets.shape().len()]).any(),
        Value::I64(_) => g.placeholder::<i64>(TARGETS, vec![None; targets.shape().len()]).any(),
        _ => g.placeholder::<f32>(TARGETS, vec![None; targets.shape().len()]).any(),
    };
    let loss = match args.tune.loss {
        Loss::CrossEntropy => output.sparse_softmax_cross_entropy(y).reduce_mean(..),
        Loss::LogLikelihood => output.ln().sparse_softmax_cross_entropy(y).reduce_mean(..),
        Loss::Squared => output.mean_squared_error(y),
    };
    let variables: Vec<_> =
        model.variables.iter().filter_map(|(_, variable)| g.find_variable::<f32>(&variable.name())).collect();
    let loss = loss.typed::<f32>();
    let train = Adam::new(args.tune.rate).minimize_over(loss, &variables);
    let fed: Vec<AnyTensor<'_>> = model.inputs.iter().map(|input| input.tensor).chain([y]).collect();
    let step = session.make_callable(fed, (loss, train))?;

    let mut order: Vec<usize> = (0..rows).collect();
    let mut random = ChaCha8Rng::seed_from_u64(args.seed);
    for epoch in 0..args.tune.epochs {
        order.shuffle(&mut random);
        let (mut sum, mut steps) = (0.0, 0);
        for part in order.chunks(batch).filter(|part| fixed.is_none() || part.len() == batch) {
            let rows: Vec<Value> = arrays.iter().chain([&targets]).map(|array| taken(array, part)).collect();
            let (loss, ()) = step.call(&rows)?;
            sum += loss.item()?;
            steps += 1;
        }
        say(format!("epoch {}: loss {:.6}", epoch + 1, sum / steps.max(1) as f32))?;
    }
    Ok(())
}

/// Rows of an array.
fn taken(array: &Value, rows: &[usize]) -> Value {
    match array {
        Value::F32(array) => array.select(Axis(0), rows).into(),
        Value::F64(array) => array.select(Axis(0), rows).into(),
        Value::I32(array) => array.select(Axis(0), rows).into(),
        Value::I64(array) => array.select(Axis(0), rows).into(),
        Value::Bool(array) => array.select(Axis(0), rows).into(),
    }
}
