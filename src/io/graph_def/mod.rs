//! Graphs of TensorFlow 1, as `tf.compat.v1` writes them.
//!
//! [`import`] adds the nodes of a `GraphDef` to a graph: what a model predicts, and what trains it. They are nodes like
//! any other: sessions run them, gradients pass through them, fetches fuse them.
//!
//! What is read in another way than by TensorFlow:
//!
//! - Shapes are computed while importing, out of numbers and of lengths that are fed. What an op needs to be told as a
//!   number and cannot be is refused.
//! - Variables start from zeros, or from a [checkpoint](ImportOptions::checkpoint). The graph's own initializer is one of
//!   its [operations](Imported::operation), and [`Imported::restore`] does what a `Saver` does.
//! - Random numbers are ours: they have the distribution that TensorFlow's have, and not its values.
//! - A variable is read as it was before the run, but by what is ordered after an assignment of it, by a control input or
//!   by reading the assignment.
//! - Loops become [`while_loop`](crate::Graph::while_loop), or [`scan`](crate::Graph::scan) where they read or fill a
//!   `TensorArray` row by row, whose number must be known as a number or as a length of a tensor. What TensorFlow writes for the
//!   gradient of a loop is refused where it needs more than that; our own gradients pass through any loop.
//! - What only savers, summaries, assertions and printing need is left out.
//! - A cast of a number beyond the range of an integer gives the nearest one.
//!
//! [`export`] writes one: a part of a graph, for TensorFlow.
//!
//! Reading trusts no file: what is no graph is an error, and no memory is asked for on the word of a header alone. An
//! import that fails leaves the graph as it was.

mod build;
mod control;
mod error;
mod export;
mod frames;
mod functions;
mod lists;
mod nodes;
mod ops;
mod options;
mod restore;
mod stored;
mod table;
mod tensor;
mod value;

use std::collections::HashMap;
use std::path::Path;

use prost::Message;

use self::build::{Importer, Source};
pub use self::error::GraphDefError;
pub use self::export::{ExportError, Exported, export};
pub(super) use self::export::{Parts, Place, parts};
use self::nodes::{Nodes, port_of_graph};
use self::ops::Refusal;
pub use self::options::{CustomNode, ImportOptions};
use self::restore::Starts;
use self::stored::Restores;
use self::value::Val;
use crate::element::Element;
use crate::graph::{AnyTensor, Graph, Operation, Variable};
use crate::io::missing::Missing;
use crate::io::tensor_bundle::{Bundle, write_bundle};
use crate::io::tensorflow::GraphDef;
use crate::session::Session;

/// The latest version of consumers that graphs are read for: that of TensorFlow 2.21.
const CONSUMER: i32 = 2474;

/// The nodes of an imported graph, by the names that they have there.
#[derive(Debug)]
pub struct Imported<'g> {
    graph: &'g Graph,
    /// The place of each node, by its name.
    names: HashMap<String, usize>,
    left_out: Vec<String>,
    values: Vec<Option<Vec<Val<'g>>>>,
    operations: Vec<Option<Operation<'g>>>,
    placeholders: Vec<(String, AnyTensor<'g>)>,
    variables: Vec<(String, AnyTensor<'g>)>,
    restores: Restores,
}

impl<'g> Imported<'g> {
    /// The tensor of that name: `node`, or `node:1` for the second output of a node. None for what is no tensor or was
    /// left out.
    #[track_caller]
    pub fn tensor(&self, name: &str) -> Option<AnyTensor<'g>> {
        let port = port_of_graph(name, &self.names, &[])?;
        let value = self.values.get(port.node)?.as_ref()?.get(port.output)?;
        value.tensor(self.graph, &self.variables)
    }

    /// The node of that name as an operation: a group, an assignment, a step of training.
    pub fn operation(&self, name: &str) -> Option<Operation<'g>> {
        let place = *self.names.get(name)?;
        self.operations.get(place).copied().flatten().or_else(|| self.tensor(name).map(AnyTensor::op))
    }

    /// The variable of that name, if its elements are of type `T`.
    pub fn variable<T: Element>(&self, name: &str) -> Option<Variable<'g, T>> {
        let (_, tensor) = self.variables.iter().find(|(known, _)| known == name)?;
        self.graph.find_variable(&tensor.name())
    }

    /// The placeholders that some node reads, with the names that they have in the file, in its order.
    pub fn placeholders(&self) -> &[(String, AnyTensor<'g>)] {
        &self.placeholders
    }

    /// The variables, with the names that they have in the file, in its order.
    pub fn variables(&self) -> &[(String, AnyTensor<'g>)] {
        &self.variables
    }

    /// Gives a session the values that variables have in a checkpoint, as `Saver.restore(session, prefix)` does: those
    /// that the graph's own ops restore, or all if it has no such ops. There is an example at [`save`](Imported::save).
    ///
    /// # Errors
    /// [`GraphDefError::Checkpoint`] if there is no checkpoint, or it is damaged; [`GraphDefError::NotRestored`] if it
    /// lacks variables. The session is as it was then.
    pub fn restore(&self, session: &Session, prefix: impl AsRef<Path>) -> Result<(), GraphDefError> {
        let bundle = Bundle::open(prefix)?;
        let starts = Starts::new(&bundle, &self.restores);
        let (mut missing, mut values) = (Missing::default(), Vec::new());
        for (name, tensor) in &self.variables {
            let shape = tensor.shape().known().unwrap_or_default();
            match starts.taken(name, tensor.dtype(), &shape) {
                Ok(value) => values.extend(value.map(|value| (tensor.name(), value))),
                Err(Refusal::Fault(fault)) => return Err(*fault),
                Err(Refusal::Detail(detail)) => missing.detail("variable", name, detail),
                Err(Refusal::Op | Refusal::Told) => {}
            }
        }
        if let Some(all) = missing.into_all() {
            return Err(GraphDefError::NotRestored { all });
        }
        Ok(session.load(values)?)
    }

    /// Writes what a session has as the values of the variables, as `Saver.save(session, prefix)` does: by the names that
    /// the graph's own ops for saving have for them, or else those for restoring.
    ///
    /// ```
    /// use flowgrad::io::graph_def::{ImportOptions, import};
    /// use flowgrad::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let prefix = directory.path().join("model.ckpt");
    /// # // A node `v` of the op `VariableV2`, of an empty shape and of elements of `float`.
    /// # let bytes = b"\x0a\x29\x0a\x01v\x12\x0aVariableV2*\x0b\x0a\x05dtype\x12\x020\x01*\x0b\x0a\x05shape\x12\x02:\x00";
    /// let g = Graph::new();
    /// let model = import(&g, bytes, &ImportOptions::new())?;
    /// let v = model.variable::<f32>("v").unwrap();
    /// let session = Session::new(&g)?;
    /// session.run(v.assign_add(3.0))?;
    /// model.save(&session, &prefix)?;
    ///
    /// let other = Session::new(&g)?;
    /// model.restore(&other, &prefix)?;
    /// assert_eq!(other.run(v + 0.0)?.sum(), 3.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`GraphDefError::Checkpoint`] if a file cannot be written; [`GraphDefError::Node`] if two variables have one name in
    /// the checkpoint, or parts of a partitioned one do not make a whole.
    pub fn save(&self, session: &Session, prefix: impl AsRef<Path>) -> Result<(), GraphDefError> {
        let mut values = session.variable_values()?;
        let named = self.variables.iter().filter_map(|(name, tensor)| {
            let value = values.remove(&tensor.name())?;
            Some((name.clone(), value))
        });
        let by_key = self.restores.to_keys(named)?;
        Ok(write_bundle(prefix, by_key)?)
    }

    /// The names of nodes that were left out: what only savers, summaries, assertions and printing need.
    pub fn left_out(&self) -> impl Iterator<Item = &str> {
        self.left_out.iter().map(String::as_str)
    }
}

/// Adds the nodes of a `GraphDef` to a graph.
///
/// ```
/// use flowgrad::io::graph_def::{ImportOptions, import};
/// use flowgrad::prelude::*;
/// use flowgrad::ndarray::arr1;
///
/// # fn main() -> Result<()> {
/// /// A field of a message: its number, and bytes of a length that fits in one.
/// fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
///     [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
/// }
///
/// fn attribute(name: &str, value: &[u8]) -> Vec<u8> {
///     field(5, &[field(1, name.as_bytes()), field(2, value)].concat())
/// }
///
/// // x = tf.compat.v1.placeholder(tf.float32, [None], "x"); tf.tanh(x, "y"), as `graph.as_graph_def()` has them.
/// let float = [0x30, 1];
/// let shape = field(7, &field(2, &[&[0x08][..], &[0xff; 9], &[1]].concat()));
/// let x = [field(1, b"x"), field(2, b"Placeholder"), attribute("dtype", &float), attribute("shape", &shape)].concat();
/// let y = [field(1, b"y"), field(2, b"Tanh"), field(3, b"x"), attribute("T", &float)].concat();
/// let bytes = [field(1, &x), field(1, &y)].concat();
///
/// let g = Graph::new();
/// let model = import(&g, &bytes, &ImportOptions::new())?;
/// let x = model.tensor("x").unwrap().typed::<f32>();
/// let y = model.tensor("y").unwrap().typed::<f32>();
/// assert_eq!(x.shape().to_string(), "[?]");
/// let [slope] = y.gradients([x]);
/// let slope = Session::new(&g)?.feed(x, &arr1(&[0.0, 20.0])).run(slope)?;
/// assert_eq!(slope, arr1(&[1.0, 0.0]).into_dyn());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Bytes that are no `GraphDef`, nodes that need themselves or what there is not, and more elements or nodes than a file
/// may ask for; ops, attributes and element types that are not supported, all of them at once; shapes that do not go
/// together. Nothing is added to the graph then.
#[track_caller]
pub fn import<'g>(
    graph: &'g Graph,
    bytes: &[u8],
    options: &ImportOptions<'g>,
) -> Result<Imported<'g>, GraphDefError> {
    let decoded = GraphDef::decode(bytes);
    let def =
        decoded.map_err(|error| GraphDefError::Decode { length: bytes.len(), reason: error.to_string() })?;
    let bundle = options.checkpoint.as_ref().map(Bundle::open).transpose()?;
    import_decoded(graph, def, bytes.len(), bundle.as_ref(), options)
}

/// Adds the nodes of a graph that stood in so many bytes, with variables that start from a checkpoint.
#[track_caller]
pub(crate) fn import_decoded<'g>(
    graph: &'g Graph,
    def: GraphDef,
    length: usize,
    checkpoint: Option<&Bundle>,
    options: &ImportOptions<'g>,
) -> Result<Imported<'g>, GraphDefError> {
    if let Some(found) = def.versions.map(|versions| versions.min_consumer).filter(|&found| found > CONSUMER)
    {
        return Err(GraphDefError::Version { most: CONSUMER, found });
    }
    let nodes = Nodes::of_graph(def.node)?;
    let library = def.library.unwrap_or_default().function.into_iter();
    let functions: HashMap<String, Nodes> = library.map(Nodes::of_function).collect::<Result<_, _>>()?;
    let restores = Restores::of(&nodes, &functions);
    let length = length.saturating_add(checkpoint.map_or(0, Bundle::bytes));
    let starts = checkpoint.map(|bundle| Starts::new(bundle, &restores));
    let source = Source { nodes: &nodes, functions: &functions, length, starts: starts.as_ref() };
    // What is wrong shows in a graph that is thrown away.
    let variables: Vec<String> = {
        let trial = Graph::new();
        let built = Importer::new(&trial, &source, &options.of_trial(&trial)).import()?;
        trial.check()?;
        built.variables.into_iter().map(|(name, _)| name).collect()
    };
    let built = graph.attributed_to_caller(|| {
        let import = || match variables.iter().find(|name| graph.is_taken(name)) {
            Some(taken) => Err(GraphDefError::NameTaken { name: taken.clone() }),
            None => Importer::new(graph, &source, options).import(),
        };
        if options.prefix.is_empty() { import() } else { graph.name_scope(&options.prefix, import) }
    })?;
    let is_left_out = |values: &Vec<Val<'g>>| values.iter().any(|value| matches!(value, Val::LeftOut));
    let left_out = nodes.all.iter().zip(&built.values);
    let left_out = left_out.filter(|(_, values)| values.as_ref().is_some_and(is_left_out));
    let left_out = left_out.map(|(node, _)| node.name.clone()).collect();
    Ok(Imported {
        graph,
        names: nodes.by_name,
        left_out,
        values: built.values,
        operations: built.operations,
        placeholders: built.placeholders,
        variables: built.variables,
        restores,
    })
}
