//! From a session's graph to a model: inputs, nodes, arrays and outputs.
//!
//! - [`graph`]: items of the part by their kinds; [`control`]: conditionals and loops.
//! - [`table`]: which op is written how, by the functions of [`ops`]; [`expanded`]: those that ONNX lacks; [`scalars`]:
//!   functions of elements.
//! - [`lengths`]: which lengths are the same.
//! - [`at`]: what these functions ask for; [`writer`]: nodes, arrays and names.

mod at;
mod control;
mod error;
mod expanded;
mod graph;
mod lengths;
mod ops;
mod options;
mod scalars;
mod table;
mod writer;

use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use prost::Message as _;

pub use self::error::OnnxExportError;
use self::graph::Graphs;
pub use self::options::ExportOptions;
use self::writer::{Dim, Val, Writer, info};
use super::messages::{GraphProto, ModelProto, NodeProto, OperatorSetId};
use crate::Session;
use crate::graph::{AnyTensor, Role};
use crate::io::export::Part;
use crate::io::export::built_in::BuiltIn;
use crate::io::missing::Missing;
use crate::io::replace::replace;

/// The set of ops that models are written in: the newest one that ONNX Runtime 1.32 runs.
const OPSET: i64 = 28;

/// The version of the file format.
const IR_VERSION: i64 = 14;

/// Bytes of arrays that one file holds; a message of more than 2³¹ bytes is none.
const MOST_BYTES: usize = 1_500_000_000;

/// The part of a session's graph that gives the outputs for the inputs, as a model of ONNX, with the values that the variables
/// have now. The [module](super) says what becomes of what.
///
/// ```
/// use flowgrad::io::onnx::{self, ExportOptions, ImportOptions};
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.placeholder::<f32>("x", [None, Some(2)]);
/// let w = g.variable("w", ndarray::arr2(&[[1.0_f32], [-2.0]]));
/// let y = x.matmul(w).relu().named("y");
/// let session = Session::new(&g)?;
/// let bytes = onnx::export(&session, &[x.any()], &[y.any()], &ExportOptions::new().axis("x", 0, "batch"))?;
///
/// let other = Graph::new();
/// let model = onnx::import(&other, &bytes, &ImportOptions::new())?;
/// assert_eq!(model.inputs()[0].axes[0].as_deref(), Some("batch"));
/// let (x, y) = (model.input("x").unwrap().typed::<f32>(), model.output("y").unwrap().typed::<f32>());
/// let y = Session::new(&other)?.feed(x, &ndarray::arr2(&[[3.0, 1.0], [1.0, 1.0]])).run(y)?;
/// assert_eq!(y, ndarray::arr2(&[[1.0], [0.0]]).into_dyn());
/// # Ok::<(), flowgrad::Error>(())
/// ```
///
/// # Errors
/// Build errors and tensors of another graph; placeholders that are not among the inputs; ops that ONNX has nothing for, all
/// of them at once; more than 1.5 GB of arrays.
pub fn export(
    session: &Session,
    inputs: &[AnyTensor<'_>],
    outputs: &[AnyTensor<'_>],
    options: &ExportOptions<'_>,
) -> Result<Vec<u8>, OnnxExportError> {
    let (values, _) = session.moment()?;
    let wanted: Vec<AnyTensor<'_>> = outputs.iter().chain(&options.updates).copied().collect();
    let arena = session.graph_of(inputs.iter().chain(&wanted).copied())?;
    let ids = |tensors: &[AnyTensor<'_>]| tensors.iter().map(|any| any.id()).collect::<Vec<_>>();
    let part = Part::of(&arena, &ids(inputs), &ids(&wanted))?;

    let mut graphs = Graphs {
        w: Writer::new(),
        values: &values,
        missing: Missing::default(),
        not_fed: Vec::new(),
        built_in: BuiltIn::default(),
        variables: foldhash::HashMap::default(),
        assigned: Vec::new(),
    };
    let given = given(&part, inputs, options, &mut graphs.w)?;
    let names: Vec<String> = outputs.iter().map(|output| graphs.w.fresh(&output.name())).collect();
    let results = graphs.part(&part, &given);
    let Graphs { mut w, missing, not_fed, variables, assigned, .. } = graphs;
    if !not_fed.is_empty() {
        return Err(OnnxExportError::NotFed { placeholders: not_fed });
    }
    if let Some(nodes) = missing.into_all() {
        return Err(OnnxExportError::Unsupported { nodes });
    }
    let mut input: Vec<_> = given.iter().map(|val| info(&val.name, val)).collect();
    let mut output = Vec::with_capacity(names.len() + assigned.len());
    for (name, result) in names.iter().zip(&results) {
        w.named(&result.name, name);
        output.push(info(name, result));
    }
    for (variable, new) in &assigned {
        // A variable may be among the inputs that are given.
        let is_its = |place: &&usize| part.items[**place].node.role == Role::Reads(*variable);
        let old = match part.inputs.iter().position(|place| is_its(&place)) {
            Some(position) => given.get(position).map(|old| &old.name),
            None => variables.get(variable).map(|old| {
                input.push(info(&old.name, old));
                &old.name
            }),
        };
        // One that is not read has no value there from before.
        let old = old.unwrap_or(&arena.variables[variable.index()].name);
        let name = w.fresh(&format!("{old}_new"));
        w.named(&new.name, &name);
        output.push(info(&name, new));
    }
    let mut node = w.close();
    let used = prune(&mut node, output.iter().map(|output| output.name.clone()).collect());
    let is_input = |name: &String| input.iter().any(|input| input.name == *name);
    let mut initializer = std::mem::take(&mut w.initializers);
    initializer.retain(|tensor| used.contains(&tensor.name) || is_input(&tensor.name));
    let bytes = initializer.iter().map(|tensor| tensor.raw_data.as_ref().map_or(0, Vec::len)).sum();
    if bytes > MOST_BYTES {
        return Err(OnnxExportError::TooLarge { most: MOST_BYTES, found: bytes });
    }
    let main =
        GraphProto { node, name: "flowgrad".to_owned(), initializer, input, output, ..GraphProto::default() };
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "flowgrad".to_owned(),
        graph: Some(main),
        opset_import: vec![OperatorSetId { domain: String::new(), version: OPSET }],
        functions: Vec::new(),
    };
    Ok(model.encode_to_vec())
}

/// The same, in a file.
///
/// # Errors
/// As for [`export`], and a file that cannot be written.
pub fn export_file(
    session: &Session,
    path: impl AsRef<Path>,
    inputs: &[AnyTensor<'_>],
    outputs: &[AnyTensor<'_>],
    options: &ExportOptions<'_>,
) -> Result<(), OnnxExportError> {
    let (path, bytes) = (path.as_ref(), export(session, inputs, outputs, options)?);
    replace(path, |file| file.write_all(&bytes))
        .map_err(|error| OnnxExportError::Io { path: path.to_owned(), error: Arc::new(error) })
}

/// The inputs, under their names, with names for lengths that are not known.
fn given(
    part: &Part<'_>,
    inputs: &[AnyTensor<'_>],
    options: &ExportOptions<'_>,
    w: &mut Writer,
) -> Result<Vec<Val>, OnnxExportError> {
    let mut given = Vec::with_capacity(inputs.len());
    let mut told = HashSet::new();
    for (&place, input) in part.inputs.iter().zip(inputs) {
        let Some(of) = part.type_of((place, 0)) else { continue };
        let name = w.fresh(&input.name());
        let mut val = graph::val(name, of);
        for (axis, dim) in val.dims.iter_mut().enumerate() {
            let key = (input.name(), axis);
            let wished = options.axes.get(&key).cloned();
            let is_open = !matches!(dim, Dim::Known(_));
            if wished.is_some() {
                told.insert(key);
            }
            if is_open {
                *dim = Dim::Named(wished.unwrap_or_else(|| format!("{}_{axis}", val.name)).into());
            }
        }
        given.push(val);
    }
    match options.axes.keys().find(|key| !told.contains(*key)) {
        Some((input, axis)) => Err(OnnxExportError::Axis { input: input.clone(), axis: *axis }),
        None => Ok(given),
    }
}

/// Leaves out nodes whose outputs nobody takes; gives the names that are used.
fn prune(nodes: &mut Vec<NodeProto>, mut used: HashSet<String>) -> HashSet<String> {
    let mut kept = Vec::with_capacity(nodes.len());
    for mut node in std::mem::take(nodes).into_iter().rev() {
        if !node.output.iter().any(|output| used.contains(output)) {
            continue;
        }
        for body in node.attribute.iter_mut().filter_map(|attribute| attribute.g.as_mut()) {
            let wanted = body.output.iter().map(|output| output.name.clone()).collect();
            used.extend(prune(&mut body.node, wanted));
        }
        used.extend(node.input.iter().cloned());
        kept.push(node);
    }
    kept.reverse();
    *nodes = kept;
    used
}
