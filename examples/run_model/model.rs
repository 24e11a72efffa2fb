//! A model in a graph, from whichever format.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::fs;

use flowgrad::AnyTensor;
use flowgrad::io::saved_model::{self, SavedModelOptions};
use flowgrad::io::{graph_def, onnx};
use flowgrad::prelude::*;

use crate::Args;
use crate::common::Result;

/// What is fed.
#[derive(Debug)]
pub(crate) struct Input<'g> {
    pub(crate) name: String,
    pub(crate) tensor: AnyTensor<'g>,
    /// Names of axes, where the file has any.
    pub(crate) axes: Vec<Option<String>>,
}

/// A model, by the names that things have in its file.
#[derive(Debug)]
pub(crate) struct Model<'g> {
    pub(crate) inputs: Vec<Input<'g>>,
    pub(crate) outputs: Vec<(String, AnyTensor<'g>)>,
    pub(crate) variables: Vec<(String, AnyTensor<'g>)>,
    notes: Vec<String>,
}

impl<'g> Model<'g> {
    /// Reads the file into a graph, the initializers for which `is_trained` holds as variables.
    pub(crate) fn load(g: &'g Graph, args: &Args, is_trained: &dyn Fn(&str) -> bool) -> Result<Self> {
        // Each format by the ending of its name.
        match args.model.extension().and_then(|extension| extension.to_str()) {
            _ if args.model.is_dir() => Model::saved(g, args),
            Some("onnx") => Model::onnx(g, args, is_trained),
            Some("pb") => Model::graph_def(g, args),
            _ => Err(format!(
                "{}: expected a folder, or a name that ends in .onnx or .pb",
                args.model.display()
            )
            .into()),
        }
    }

    fn onnx(g: &'g Graph, args: &Args, is_trained: &dyn Fn(&str) -> bool) -> Result<Self> {
        let mut options = onnx::ImportOptions::new().trainable(is_trained);
        for length in &args.length {
            options = options.length(&length.name, length.value);
        }
        for shape in &args.shape {
            options = options.shape(&shape.name, shape.value.0.as_slice());
        }
        for bound in &args.bind {
            options = options.bind(&bound.name, bound.value.0.clone());
        }
        let imported = onnx::import_file(g, &args.model, &options)?;
        let inputs = imported.inputs().iter().map(|input| Input {
            name: input.name.clone(),
            tensor: input.tensor,
            axes: input.axes.clone(),
        });
        Ok(Model {
            inputs: inputs.collect(),
            outputs: chosen(args, imported.outputs().to_vec(), |name| imported.output(name))?,
            variables: imported.variables().to_vec(),
            notes: imported.notes().to_vec(),
        })
    }

    fn graph_def(g: &'g Graph, args: &Args) -> Result<Self> {
        let bytes = fs::read(&args.model).map_err(|error| format!("{}: {error}", args.model.display()))?;
        let mut options = graph_def::ImportOptions::new().widen();
        for shape in &args.shape {
            options = options.shape(&shape.name, shape.value.0.as_slice());
        }
        if !args.output.is_empty() {
            options = options.outputs(args.output.iter().cloned());
        }
        let imported = graph_def::import(g, &bytes, &options)?;
        let inputs = imported.placeholders().iter();
        let inputs =
            inputs.map(|(name, tensor)| Input { name: name.clone(), tensor: *tensor, axes: Vec::new() });
        // Outputs are what nothing takes.
        let nodes = g.nodes();
        let taken: HashSet<&String> =
            nodes.iter().flat_map(|node| node.inputs.iter().chain(&node.control_inputs)).collect();
        let last = nodes.iter().filter(|node| node.function.is_none() && !taken.contains(&node.name));
        let last = last.filter_map(|node| Some((node.name.clone(), imported.tensor(&node.name)?)));
        Ok(Model {
            inputs: inputs.collect(),
            outputs: chosen(args, last.collect(), |name| imported.tensor(name))?,
            variables: imported.variables().to_vec(),
            notes: Vec::new(),
        })
    }

    /// A signature of a `SavedModel`, with the values that its variables have.
    fn saved(g: &'g Graph, args: &Args) -> Result<Self> {
        let mut options = graph_def::ImportOptions::new().widen();
        for shape in &args.shape {
            options = options.shape(&shape.name, shape.value.0.as_slice());
        }
        let imported = saved_model::import(g, &args.model, &SavedModelOptions::new().graph(options))?;
        let found = imported.signature(&args.signature).ok_or_else(|| {
            let known: Vec<&str> = imported.signatures().keys().map(String::as_str).collect();
            format!("--signature {}: expected one of {}", args.signature, known.join(", "))
        })?;
        let inputs = found.inputs().iter();
        let inputs =
            inputs.map(|(name, tensor)| Input { name: name.clone(), tensor: *tensor, axes: Vec::new() });
        let all = found.outputs().iter().map(|(name, tensor)| (name.clone(), *tensor));
        Ok(Model {
            inputs: inputs.collect(),
            outputs: chosen(args, all.collect(), |name| found.output(name))?,
            variables: imported.graph().variables().to_vec(),
            notes: Vec::new(),
        })
    }

    /// The outputs' tensors.
    pub(crate) fn tensors(&self) -> Vec<AnyTensor<'g>> {
        self.outputs.iter().map(|(_, tensor)| *tensor).collect()
    }

    /// What it takes and gives, and the ops that it has become.
    pub(crate) fn told(&self, g: &Graph) -> String {
        let mut text = String::new();
        for input in &self.inputs {
            let axes: Vec<&str> = input.axes.iter().flatten().map(String::as_str).collect();
            let axes = if axes.is_empty() { String::new() } else { format!(" ({})", axes.join(", ")) };
            line(&mut text, "input ", &input.name, input.tensor, &axes);
        }
        for (name, tensor) in &self.outputs {
            line(&mut text, "output", name, *tensor, "");
        }
        for (name, tensor) in &self.variables {
            line(&mut text, "variable", name, *tensor, "");
        }
        for note in &self.notes {
            text += "note: ";
            text += note;
            text += "\n";
        }
        let mut ops: BTreeMap<&str, usize> = BTreeMap::new();
        for node in g.nodes() {
            *ops.entry(node.op).or_default() += 1;
        }
        let ops: Vec<String> = ops.iter().map(|(op, count)| format!("{op} {count}")).collect();
        text += "ops: ";
        text += &ops.join(", ");
        text
    }
}

fn line(text: &mut String, what: &str, name: &str, tensor: AnyTensor<'_>, more: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{what} {name}: {}{}{more}", tensor.dtype(), tensor.shape());
}

/// The outputs that the command line asks for.
fn chosen<'g>(
    args: &Args,
    all: Vec<(String, AnyTensor<'g>)>,
    find: impl Fn(&str) -> Option<AnyTensor<'g>>,
) -> Result<Vec<(String, AnyTensor<'g>)>> {
    let chosen = if args.output.is_empty() {
        all
    } else {
        let known: Vec<&str> = all.iter().map(|(name, _)| &**name).collect();
        let find = |name: &String| match find(name) {
            Some(tensor) => Ok((name.clone(), tensor)),
            None => Err(format!("--output {name}: expected one of {}", known.join(", "))),
        };
        args.output.iter().map(find).collect::<Result<_, _>>()?
    };
    if chosen.is_empty() { Err("expected a model with outputs, got one without".into()) } else { Ok(chosen) }
}
