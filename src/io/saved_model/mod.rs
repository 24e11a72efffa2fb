//! Models of TensorFlow with their signatures and the values of their variables: folders that `tf.saved_model.save`,
//! `simple_save` and `SavedModelBuilder` write.
//!
//! [`import`] adds what a model's signatures compute to a graph, each tensor under the name that the signature has for
//! it. It is the import of [`graph_def`](super::graph_def), with all that is said there, and variables start from their
//! values in the folder.
//!
//! - Of TensorFlow 1, the folder has the whole graph of a session; what trains it is imported if the
//!   [options](SavedModelOptions::graph) ask for such nodes.
//! - Of TensorFlow 2, it has the functions of a `tf.Module` or of a Keras model; those that signatures call are imported,
//!   and written out where they are called.
//! - Assets, such as vocabularies, are not read: [`SavedModel::assets`] names them.
//!
//! [`export`] writes such a folder.
//!
//! [`import_meta_graph`] reads the `.meta` files that a `Saver` writes beside checkpoints.

mod error;
mod export;
mod messages;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path};

use prost::Message;

pub use self::error::{SavedModelError, SavedModelFault};
pub use self::export::{ExportSignature, export};
use self::messages::{MetaGraphDef, SavedModelProto, SignatureDef, TensorInfo};
use super::graph_def::{ImportOptions, Imported, import_decoded};
use super::source;
use super::tensor_bundle::Bundle;
use crate::graph::{AnyTensor, Graph};
use crate::quote;

/// What a signature of the library itself is named like: it is run when a model is loaded, and has no tensors.
const INTERNAL: &str = "__saved_model_";

/// Inputs and outputs of a model by the names that one of its signatures has for them.
#[derive(Clone, Debug)]
pub struct Signature<'g> {
    method: String,
    inputs: BTreeMap<String, AnyTensor<'g>>,
    outputs: BTreeMap<String, AnyTensor<'g>>,
    left_out: Vec<String>,
}

impl<'g> Signature<'g> {
    /// What the model says of its purpose, such as `tensorflow/serving/predict`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The input of that name, which is fed.
    pub fn input(&self, name: &str) -> Option<AnyTensor<'g>> {
        self.inputs.get(name).copied()
    }

    /// The output of that name.
    pub fn output(&self, name: &str) -> Option<AnyTensor<'g>> {
        self.outputs.get(name).copied()
    }

    /// All inputs, by their names.
    pub fn inputs(&self) -> &BTreeMap<String, AnyTensor<'g>> {
        &self.inputs
    }

    /// All outputs, by their names.
    pub fn outputs(&self) -> &BTreeMap<String, AnyTensor<'g>> {
        &self.outputs
    }

    /// The names of inputs and outputs that are texts, or of what was left out for them.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }
}

/// An imported model.
#[derive(Debug)]
pub struct SavedModel<'g> {
    graph: Imported<'g>,
    signatures: BTreeMap<String, Signature<'g>>,
    collections: BTreeMap<String, Vec<String>>,
    tags: Vec<String>,
    assets: Vec<String>,
    version: String,
}

impl<'g> SavedModel<'g> {
    /// The signature of that name; that of models with one is `serving_default`.
    pub fn signature(&self, name: &str) -> Option<&Signature<'g>> {
        self.signatures.get(name)
    }

    /// All signatures that were imported, by their names.
    pub fn signatures(&self) -> &BTreeMap<String, Signature<'g>> {
        &self.signatures
    }

    /// The nodes of the graph, by the names that they have there.
    pub fn graph(&self) -> &Imported<'g> {
        &self.graph
    }

    /// The names of a collection of the graph, such as `train_op`; none if it has no such collection of names.
    pub fn collection(&self, name: &str) -> Option<&[String]> {
        self.collections.get(name).map(Vec::as_slice)
    }

    /// The tags of the graph, such as `serve`.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// The names of the files of the folder `assets`, which were not read: vocabularies and the like. Names that lead out of
    /// that folder, such as `../x` and `/x`, are left out.
    pub fn assets(&self) -> &[String] {
        &self.assets
    }

    /// The version of TensorFlow that wrote it, as it says.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// What an [`import`] is told beside the folder.
///
/// ```
/// use flowgrad::io::graph_def::ImportOptions;
/// use flowgrad::io::saved_model::{SavedModelOptions, import};
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let options = SavedModelOptions::new()
///     .tags(["serve", "gpu"])
///     .signatures(["serving_default"])
///     .graph(ImportOptions::new().prefix("teacher").outputs(["train"]));
/// assert!(import(&g, "no/such/folder", &options).is_err());
/// ```
#[derive(Clone, Debug, Default)]
pub struct SavedModelOptions<'g> {
    tags: Option<Vec<String>>,
    signatures: Option<Vec<String>>,
    graph: ImportOptions<'g>,
}

impl<'g> SavedModelOptions<'g> {
    /// Imports all signatures of the only graph, or of that with the tag `serve` alone.
    pub fn new() -> Self {
        SavedModelOptions::default()
    }

    /// Imports the graph that has these tags and no others.
    #[must_use]
    pub fn tags<N: Into<String>>(mut self, tags: impl IntoIterator<Item = N>) -> Self {
        self.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Imports these signatures alone.
    #[must_use]
    pub fn signatures<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.signatures = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// What the import of the graph is told. Its [outputs](ImportOptions::outputs) are imported beside the signatures,
    /// and its [checkpoint](ImportOptions::checkpoint) goes before the values in the folder.
    #[must_use]
    pub fn graph(mut self, options: ImportOptions<'g>) -> Self {
        self.graph = options;
        self
    }
}

/// Adds what a model computes to a graph, with variables that start from their values in the folder.
///
/// ```no_run
/// use flowgrad::io::saved_model::{SavedModelOptions, import};
/// use flowgrad::prelude::*;
/// use flowgrad::ndarray::Array2;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let g = Graph::new();
/// let model = import(&g, "exported/1", &SavedModelOptions::new())?;
/// let predict = model.signature("serving_default").expect("a model that can be served");
/// let x = predict.input("x").expect("an input x").typed::<f32>();
/// let y = predict.output("y").expect("an output y").typed::<f32>();
/// let y = Session::new(&g)?.feed(x, &Array2::zeros((1, 784))).run(y)?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`SavedModelError`] with the folder and what is wrong: it has no model, or none of these tags and signatures; values
/// of variables are missing or damaged; and all that is an error of [`graph_def::import`](super::graph_def::import).
/// Nothing is added to the graph then.
#[track_caller]
pub fn import<'g>(
    graph: &'g Graph,
    folder: impl AsRef<Path>,
    options: &SavedModelOptions<'g>,
) -> Result<SavedModel<'g>, SavedModelError> {
    let folder = folder.as_ref();
    imported(graph, folder, options).map_err(|fault| SavedModelError { path: folder.to_owned(), fault })
}

/// Adds what a `.meta` file of a `Saver` tells of: all of its graph, as it may have no signatures. Variables start from
/// zeros, or from the checkpoint of the options.
///
/// ```no_run
/// use flowgrad::io::graph_def::ImportOptions;
/// use flowgrad::io::saved_model::{SavedModelOptions, import_meta_graph};
/// use flowgrad::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let g = Graph::new();
/// let options = SavedModelOptions::new().graph(ImportOptions::new().checkpoint("model.ckpt-100"));
/// let model = import_meta_graph(&g, "model.ckpt-100.meta", &options)?;
/// let train = model.graph().operation(&model.collection("train_op").expect("a training")[0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As for [`import`].
#[track_caller]
pub fn import_meta_graph<'g>(
    graph: &'g Graph,
    file: impl AsRef<Path>,
    options: &SavedModelOptions<'g>,
) -> Result<SavedModel<'g>, SavedModelError> {
    let file = file.as_ref();
    let import = || {
        let (meta, length) = decoded::<MetaGraphDef>(file)?;
        built(graph, meta, length, None, options)
    };
    import().map_err(|fault| SavedModelError { path: file.to_owned(), fault })
}

#[track_caller]
fn imported<'g>(
    graph: &'g Graph,
    folder: &Path,
    options: &SavedModelOptions<'g>,
) -> Result<SavedModel<'g>, SavedModelFault> {
    let path = folder.join("saved_model.pb");
    if !path.exists() && folder.join("saved_model.pbtxt").exists() {
        return Err(SavedModelFault::Text);
    }
    let (model, length) = decoded::<SavedModelProto>(&path)?;
    let meta = chosen(model.meta_graphs, options.tags.as_deref())?;
    let variables = folder.join("variables");
    let bundle = variables.is_dir().then(|| Bundle::open(variables.join("variables"))).transpose()?;
    if bundle.is_none() && options.graph.checkpoint.is_none() {
        let graph = meta.graph_def.as_ref();
        let is_variable = |op: &str| matches!(op, "VarHandleOp" | "Variable" | "VariableV2");
        let count = graph.map_or(0, |graph| graph.node.iter().filter(|node| is_variable(&node.op)).count());
        if count > 0 {
            return Err(SavedModelFault::NoVariables { count });
        }
    }
    built(graph, meta, length, bundle, options)
}

/// The message that a file holds, and how many bytes that are.
fn decoded<M: Message + Default>(path: &Path) -> Result<(M, usize), SavedModelFault> {
    let mut bytes = Vec::new();
    source::open(path)?.read_to_end(&mut bytes)?;
    let length = bytes.len();
    let message = M::decode(&bytes[..]);
    let message = message.map_err(|error| SavedModelFault::Decode { length, reason: error.to_string() })?;
    Ok((message, length))
}

/// The graph that has these tags.
fn chosen(graphs: Vec<MetaGraphDef>, tags: Option<&[String]>) -> Result<MetaGraphDef, SavedModelFault> {
    let tags_of = |graph: &MetaGraphDef| {
        let mut tags = graph.meta_info_def.clone().unwrap_or_default().tags;
        tags.sort();
        tags
    };
    let mut wanted = tags.map_or_else(|| vec!["serve".to_owned()], <[String]>::to_vec);
    wanted.sort();
    let found = graphs.iter().map(|graph| format!("[{}]", tags_of(graph).join(", "))).collect::<Vec<_>>();
    let (is_any, count) = (tags.is_none() && graphs.len() == 1, graphs.len());
    let mut graphs = graphs.into_iter().filter(|graph| is_any || tags_of(graph) == wanted);
    if let (Some(graph), None) = (graphs.next(), graphs.next()) {
        return Ok(graph);
    }
    let found = if count == 0 { "no tags at all".to_owned() } else { found.join(" and ") };
    Err(SavedModelFault::Tags { tags: wanted, found })
}

#[track_caller]
fn built<'g>(
    graph: &'g Graph,
    meta: MetaGraphDef,
    length: usize,
    bundle: Option<Bundle>,
    options: &SavedModelOptions<'g>,
) -> Result<SavedModel<'g>, SavedModelFault> {
    let mut signatures = meta.signature_def;
    signatures.retain(|name, _| !name.starts_with(INTERNAL));
    if let Some(wanted) = &options.signatures {
        if let Some(name) = wanted.iter().find(|name| !signatures.contains_key(*name)) {
            let found = signatures.into_keys().take(quote::list::LISTED).collect();
            return Err(SavedModelFault::NoSignature { name: name.clone(), found });
        }
        signatures.retain(|name, _| wanted.contains(name));
    }
    let mut import_options = options.graph.clone();
    if !signatures.is_empty() {
        let infos = signatures.values().flat_map(|one| one.inputs.values().chain(one.outputs.values()));
        let names = infos.map(|info| info.name.clone()).filter(|name| !name.is_empty());
        import_options = import_options.and_outputs(names);
    }
    let own = options.graph.checkpoint.as_ref().map(Bundle::open).transpose()?;
    let checkpoint = own.as_ref().or(bundle.as_ref());
    let def = meta.graph_def.unwrap_or_default();
    // What a signature lacks is told before anything is built.
    let nodes: std::collections::HashSet<&str> = def.node.iter().map(|node| node.name.as_str()).collect();
    for (signature, one) in &signatures {
        for (tensor, info) in one.inputs.iter().chain(&one.outputs) {
            let node = info.name.split(':').next().unwrap_or_default();
            if !nodes.contains(node) {
                let (signature, tensor, name) = (signature.clone(), tensor.clone(), info.name.clone());
                return Err(SavedModelFault::Tensor { signature, tensor, name });
            }
        }
    }
    let imported = import_decoded(graph, def, length, checkpoint, &import_options)?;
    let signatures = signatures.into_iter().map(|(name, one)| (name, signature(&imported, one))).collect();
    let names = |collection: messages::CollectionDef| Some(collection.node_list?.value);
    let collections = meta.collection_def.into_iter();
    let assets = meta.asset_file_def.into_iter().map(|asset| asset.filename);
    let info = meta.meta_info_def.unwrap_or_default();
    Ok(SavedModel {
        graph: imported,
        signatures,
        collections: collections.filter_map(|(name, value)| Some((name, names(value)?))).collect(),
        tags: info.tags,
        assets: assets.filter(|name| is_inside(name)).collect(),
        version: info.tensorflow_version,
    })
}

/// Whether a name of a file, joined to a folder, lies in that folder.
fn is_inside(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

/// The tensors of a signature.
fn signature<'g>(imported: &Imported<'g>, of: SignatureDef) -> Signature<'g> {
    let mut left_out = Vec::new();
    let mut tensors = |infos: BTreeMap<String, TensorInfo>| {
        let mut found = BTreeMap::new();
        for (name, info) in infos {
            match imported.tensor(&info.name) {
                Some(tensor) => drop(found.insert(name, tensor)),
                None => left_out.push(name),
            }
        }
        found
    };
    let (inputs, outputs) = (tensors(of.inputs), tensors(of.outputs));
    Signature { method: of.method_name, inputs, outputs, left_out }
}
