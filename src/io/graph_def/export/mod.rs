//! A part of a graph as TensorFlow reads it; see [`export`].

mod at;
mod block;
mod control;
mod error;
#[cfg(test)]
mod laws;
mod lengths;
mod matrices;
mod moves;
mod parts;
mod program;
mod random;
mod saver;
mod scalars;
mod scan;
mod scattered;
mod signatures;
mod special;
mod writer;

use std::collections::BTreeMap;

use prost::Message;

use self::block::{Block, Port};
pub use self::error::ExportError;
use self::writer::Writer;
use super::CONSUMER;
use crate::graph::{AnyTensor, Operation};
use crate::io::export::{Kind, Part};
use crate::io::tensorflow::{FunctionDefLibrary, GraphDef, VersionDef};
use crate::ir::TensorId;
use crate::{Session, Value};

/// The most bytes of a message: what protocol buffers can count.
const MOST_BYTES: usize = i32::MAX as usize;

/// A graph for TensorFlow, with the names that it has there.
#[derive(Clone, Debug)]
pub struct Exported {
    bytes: Vec<u8>,
    outputs: Vec<String>,
    operations: Vec<String>,
    placeholders: Vec<(String, String)>,
    initializer: String,
}

impl Exported {
    /// The encoded `GraphDef`.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The encoded `GraphDef`, to be kept.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The names of the outputs there, in the order in which they were asked for: `node:0`.
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// The names of the operations there, in the order in which they were asked for.
    pub fn operations(&self) -> &[String] {
        &self.operations
    }

    /// The placeholders that must be fed: the name here and the name there.
    pub fn placeholders(&self) -> &[(String, String)] {
        &self.placeholders
    }

    /// The operation that gives the variables the values that they had in the session.
    pub fn initializer(&self) -> &str {
        &self.initializer
    }
}

/// The part of a session's graph that gives outputs and does operations, as a `GraphDef` that TensorFlow imports, runs and
/// differentiates: what predicts and what trains, gradients being nodes like any other. Its variables are resources, to
/// which the [initializer](Exported::initializer) gives the values that they have in the session now.
///
/// ```
/// use flowgrad::io::graph_def::{ImportOptions, export, import};
/// use flowgrad::prelude::*;
/// use flowgrad::ndarray::arr1;
///
/// # fn main() -> Result<()> {
/// let g = Graph::new();
/// let x = g.placeholder::<f32>("x", [None]);
/// let w = g.variable("w", 0.5_f32);
/// let loss = (x * w).square().reduce_mean(..).named("loss");
/// let [slope] = loss.gradients([w]);
/// let step = w.assign_sub(slope * 0.1).named("step");
/// let exported = export(&Session::new(&g)?, &[loss.any()], &[step.op()])?;
/// assert_eq!(exported.outputs(), ["loss:0"]);
/// assert_eq!(exported.operations(), ["step"]);
///
/// // In Python: `tf.import_graph_def(graph_def, name="")`, run `init`, feed `x:0`. Here:
/// let other = Graph::new();
/// let model = import(&other, exported.bytes(), &ImportOptions::new())?;
/// let session = Session::new(&other)?;
/// session.run(model.operation("init").unwrap())?;
/// let (x, loss) = (model.tensor("x").unwrap().typed::<f32>(), model.tensor("loss").unwrap().typed::<f32>());
/// assert_eq!(session.feed(x, &arr1(&[2.0, 4.0])).run(loss)?.item()?, 2.5);
/// # Ok(())
/// # }
/// ```
///
/// # How ops are written
///
/// | here | there |
/// |---|---|
/// | placeholders, with and without default | `Placeholder`, `PlaceholderWithDefault` |
/// | variables | `VarHandleOp` and one `ReadVariableOp`, before all assignments of a run |
/// | assignments | the new value, `AssignVariableOp` and an `Identity` behind it |
/// | groups, the initializer | `NoOp` behind all |
/// | functions of elements, reductions, products, what reshapes, permutes, slices and joins | the ops of that name: `AddV2`, `Sum`, `BatchMatMulV2`, `StridedSlice`, `ConcatV2` |
/// | other ops that are made of these, such as losses, norms and their gradients | the ops that they are made of |
/// | windows of images | `PadV2`, `GatherV2` by rows and columns, `Transpose`; their gradients `UnsortedSegmentSum` |
/// | gathers and scatters | `GatherV2`, `GatherNd`, `TensorScatterAdd`, `UnsortedSegmentSum` and its kin |
/// | orders | `TopKV2`, `ArgMax`, `Cumsum`, `Cumprod` |
/// | random numbers | `RandomUniform`, `RandomStandardNormal`, `TruncatedNormal`: other draws |
/// | calls of functions | what the functions do |
/// | conditionals | `StatelessIf`, `StatelessCase` |
/// | loops | `StatelessWhile` with lists of tensors |
///
/// Lengths that are fed are computed there out of `Shape`. A cast of a number beyond the range of an integer gives what
/// TensorFlow makes of it; so do `ArgMax`, `ArgMin` and `TopKV2`, and what sorts by it, where NaN is among the numbers. Checks
/// that layers make of their inputs are left out. An op whose lengths are no formulas of those that are fed, for short ones as
/// for long ones, is refused; so is a branch that gives nothing, such as a gradient, of lengths that are no input's.
///
/// # Errors
/// [`ExportError::Unsupported`] for ops that TensorFlow has not and that are not made of such, all of them at once; build
/// errors of the graph, and tensors of another graph.
pub fn export(
    session: &Session,
    outputs: &[AnyTensor<'_>],
    operations: &[Operation<'_>],
) -> Result<Exported, ExportError> {
    let Parts { def, outputs, operations, placeholders, initializer, .. } =
        parts(session, &[], outputs, operations, false)?;
    let found = def.encoded_len();
    if found > MOST_BYTES {
        return Err(ExportError::TooLong { most: MOST_BYTES, found });
    }
    Ok(Exported { bytes: def.encode_to_vec(), outputs, operations, placeholders, initializer })
}

/// The name of a tensor there.
pub(in crate::io) type Place = String;

/// What is written of a session's graph.
pub(in crate::io) struct Parts {
    pub(in crate::io) def: GraphDef,
    pub(in crate::io) inputs: Vec<Place>,
    pub(in crate::io) outputs: Vec<Place>,
    operations: Vec<String>,
    placeholders: Vec<(String, Place)>,
    initializer: String,
    /// The values of the variables, by the names that they have there.
    pub(in crate::io) variables: BTreeMap<String, Value>,
    /// What a saver is told of, if there is one: the name of the file, what saves, what restores.
    pub(in crate::io) saver: Option<[String; 3]>,
}

/// Writes the part of a graph between tensors, with nodes that give variables their values: out of the graph, or out of a
/// checkpoint beside it.
pub(in crate::io) fn parts(
    session: &Session,
    inputs: &[AnyTensor<'_>],
    outputs: &[AnyTensor<'_>],
    operations: &[Operation<'_>],
    is_saved: bool,
) -> Result<Parts, ExportError> {
    let (values, _) = session.moment()?;
    let all: Vec<AnyTensor<'_>> =
        outputs.iter().copied().chain(operations.iter().map(|operation| operation.any)).collect();
    let arena = session.graph_of(inputs.iter().chain(&all).copied())?;
    let ids = |tensors: &[AnyTensor<'_>]| tensors.iter().map(|any| any.id()).collect::<Vec<TensorId>>();
    let part = Part::of(&arena, &ids(inputs), &ids(&all))?;
    let mut writer = Writer::new(&arena, session.seed());
    let mut block = Block::new();
    let done = writer.part(&mut block, &part, &[]);
    if let Some(all) = std::mem::take(&mut writer.missing).into_all() {
        return Err(ExportError::Unsupported { all });
    }
    let saver = is_saved.then(|| writer.saver(&mut block)).flatten();
    let initializer = if is_saved { String::new() } else { writer.initializer(&mut block, &values) };
    let port = |place: usize, output: u32| -> Option<Port> {
        done.get(place).and_then(|done| done.ports.get(output as usize)).copied()
    };
    let ports: Vec<Option<Port>> = part.outputs.iter().map(|&(place, output)| port(place, output)).collect();
    let (given, run) = ports.split_at(outputs.len());
    let name = |port: &Option<Port>| port.map_or(String::new(), |port| block.name_of(port.node).to_owned());
    let tensor = |port: &Option<Port>| {
        port.map_or(String::new(), |port| format!("{}:{}", block.name_of(port.node), port.output))
    };
    let open = part.items.iter().enumerate().filter(|(_, item)| matches!(item.kind, Kind::Placeholder));
    let variables = writer.variables.iter().filter_map(|(id, handle)| {
        let value = values.get(&arena.variables[id.index()].name)?;
        Some((block.name_of(handle.resource.node).to_owned(), value.clone()))
    });
    Ok(Parts {
        inputs: part.inputs.iter().map(|&place| tensor(&port(place, 0))).collect(),
        outputs: given.iter().map(tensor).collect(),
        operations: run.iter().map(name).collect(),
        placeholders: open.map(|(place, item)| (item.name.clone(), tensor(&port(place, 0)))).collect(),
        initializer,
        variables: variables.collect(),
        saver,
        def: GraphDef {
            library: Some(FunctionDefLibrary { function: std::mem::take(&mut writer.library) }),
            versions: Some(VersionDef { producer: CONSUMER, min_consumer: 0 }),
            node: block.into_graph(),
        },
    })
}
