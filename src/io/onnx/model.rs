//! A whole model: its inputs, initializers, nodes and outputs.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use prost::Message as _;

use super::error::OnnxError;
use super::item::Item;
use super::messages::{DimensionProto, DimensionValue, GraphProto, ModelProto, ValueInfoProto};
use super::node::MOST;
use super::options::ImportOptions;
use super::scope::{Importer, Scope, domain, versions};
use super::tensor::{Array, Reader};
use super::types::{self, ElementType};
use crate::element::{Value, with_element};
use crate::graph::{AnyTensor, Graph};
use crate::io::import::budget::Budget;
use crate::io::source;
use crate::quote::{list::listed, quoted};
use crate::shape::Shape;

/// The versions of ONNX's own ops that are read.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=28;

/// What was made of a model.
#[derive(Debug)]
pub struct Imported<'g> {
    inputs: Vec<ImportedInput<'g>>,
    outputs: Vec<(String, AnyTensor<'g>)>,
    variables: Vec<(String, AnyTensor<'g>)>,
    notes: Vec<String>,
}

/// An input of a model, which each run is fed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImportedInput<'g> {
    /// The name that it has in the file.
    pub name: String,
    /// What is fed.
    pub tensor: AnyTensor<'g>,
    /// The name that the file gives the length of each axis, if any.
    pub axes: Vec<Option<String>>,
}

impl<'g> Imported<'g> {
    /// What is fed, in the order of the file.
    pub fn inputs(&self) -> &[ImportedInput<'g>] {
        &self.inputs
    }

    /// The input of that name in the file.
    pub fn input(&self, name: &str) -> Option<AnyTensor<'g>> {
        self.inputs.iter().find(|input| input.name == name).map(|input| input.tensor)
    }

    /// What the model gives, by name, in the order of the file.
    pub fn outputs(&self) -> &[(String, AnyTensor<'g>)] {
        &self.outputs
    }

    /// The output of that name in the file.
    pub fn output(&self, name: &str) -> Option<AnyTensor<'g>> {
        self.outputs.iter().find(|(of, _)| of == name).map(|(_, tensor)| *tensor)
    }

    /// The initializers that became variables, by their names in the file.
    pub fn variables(&self) -> &[(String, AnyTensor<'g>)] {
        &self.variables
    }

    /// What is other here than in the file: types that were widened.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// Adds a model to a graph. Elements that lie in other files are for [`import_file`].
///
/// # Errors
/// Whatever [`OnnxError`] tells.
#[track_caller]
pub fn import<'g>(
    graph: &'g Graph,
    bytes: &[u8],
    options: &ImportOptions<'_>,
) -> Result<Imported<'g>, OnnxError> {
    graph.attributed_to_caller(|| in_scope(graph, bytes, None, options))
}

/// Adds the model in a file to a graph. Elements may lie in other files of its folder.
///
/// # Errors
/// Whatever [`OnnxError`] tells.
#[track_caller]
pub fn import_file<'g>(
    graph: &'g Graph,
    path: impl AsRef<Path>,
    options: &ImportOptions<'_>,
) -> Result<Imported<'g>, OnnxError> {
    let path = path.as_ref();
    let fail = |error| OnnxError::Io { path: path.to_owned(), error: Arc::new(error) };
    let mut bytes = Vec::new();
    source::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(fail)?;
    // A path without a folder is one of the current folder.
    let folder =
        path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    graph.attributed_to_caller(|| in_scope(graph, &bytes, folder.map(Path::to_owned), options))
}

fn in_scope<'g>(
    graph: &'g Graph,
    bytes: &[u8],
    folder: Option<PathBuf>,
    options: &ImportOptions<'_>,
) -> Result<Imported<'g>, OnnxError> {
    let model =
        ModelProto::decode(bytes).map_err(|error| OnnxError::NotAModel { reason: error.to_string() })?;
    let file = File::of(&model, Reader { folder, budget: Budget::of_file(bytes.len()) })?;
    // What is wrong shows in a graph that is thrown away.
    let variables: Vec<String> = {
        let trial = Graph::new();
        let built = of_file(&trial, &file, options)?;
        trial.check()?;
        built.variables.into_iter().map(|(name, _)| name).collect()
    };
    let import = || match variables.iter().find(|name| graph.is_taken(name)) {
        Some(taken) => {
            let reason = "expected a name that no variable of the graph has, got one that is taken";
            Err(OnnxError::model(format!("initializer `{}`", quoted(taken)), reason))
        }
        None => of_file(graph, &file, options),
    };
    match &options.prefix {
        Some(prefix) => graph.name_scope(prefix, import),
        None => import(),
    }
}

/// What a file holds, read once.
struct File<'a> {
    model: &'a ModelProto,
    main: &'a GraphProto,
    versions: HashMap<&'a str, i64>,
    /// Initializers, by their names.
    arrays: Vec<(&'a str, Array)>,
    /// For what nodes hold.
    reader: Reader,
}

impl<'a> File<'a> {
    fn of(model: &'a ModelProto, mut reader: Reader) -> Result<Self, OnnxError> {
        let Some(main) = &model.graph else {
            return Err(OnnxError::model("model", "expected a graph, got none"));
        };
        let versions = versions(&model.opset_import);
        match versions.get("") {
            Some(version) if OPSETS.contains(version) => {}
            None if !versions.is_empty() => {}
            found => {
                let found = found.map_or_else(|| "none".to_owned(), i64::to_string);
                let reason = format!("expected opset {} to {}, got {found}", OPSETS.start(), OPSETS.end());
                return Err(OnnxError::model("model", reason));
            }
        }
        let mut arrays = Vec::with_capacity(main.initializer.len() + main.sparse_initializer.len());
        for tensor in &main.initializer {
            arrays.push((&*tensor.name, reader.read(tensor, "initializer")?));
        }
        for tensor in &main.sparse_initializer {
            let name = tensor.values.as_ref().map_or("", |values| &*values.name);
            arrays.push((name, reader.read_sparse(tensor, "sparse initializer")?));
        }
        Ok(File { model, main, versions, arrays, reader })
    }
}

fn of_file<'g>(
    graph: &'g Graph,
    file: &File<'_>,
    options: &ImportOptions<'_>,
) -> Result<Imported<'g>, OnnxError> {
    let main = file.main;
    let mut importer = Importer::new(graph, options, file.reader.clone());
    for function in &file.model.functions {
        let key = (domain(&function.domain), &*function.name, &*function.overload);
        importer.functions.insert(key, function);
    }
    let mut scope = Scope::new(&importer, file.versions.clone());
    let mut variables = Vec::new();
    initializers(&file.arrays, &mut scope, &mut variables)?;
    let inputs = inputs(file, &mut scope)?;
    if let Some(name) = options
        .bound
        .keys()
        .chain(options.shapes.keys())
        .find(|name| main.input.iter().all(|input| input.name != ***name))
    {
        let listed = listed(main.input.iter().map(|input| &*input.name), main.input.len());
        let reason = format!("expected the name of an input ({listed}), got one of none");
        return Err(OnnxError::model(format!("option for input `{}`", quoted(name)), reason));
    }
    let names: Vec<&str> = main.output.iter().map(|output| &*output.name).collect();
    scope.build(&main.node, &names);
    let given = if importer.faults.borrow().is_fatal() { Ok(Vec::new()) } else { scope.results(&names) };
    drop(scope);
    importer.faults.into_inner().into_result()?;
    let given = given.map_err(|fault| match fault {
        super::error::NodeFault::Invalid(reason)
        | super::error::NodeFault::Unsupported(reason)
        | super::error::NodeFault::NotKnown(reason) => OnnxError::model("outputs", reason),
    })?;
    let outputs =
        names.iter().zip(&given).map(|(name, item)| ((*name).to_owned(), item.tensor(graph))).collect();
    Ok(Imported { inputs, outputs, variables, notes: importer.notes.into_inner() })
}

/// Defines the arrays of the file, as constants or variables.
fn initializers<'g>(
    arrays: &[(&str, Array)],
    scope: &mut Scope<'_, 'g>,
    variables: &mut Vec<(String, AnyTensor<'g>)>,
) -> Result<(), OnnxError> {
    let importer = scope.importer;
    for (name, Array { value, element }) in arrays {
        let (name, value) = (*name, Arc::clone(value));
        if scope.find(name).is_some() {
            let place = format!("initializer `{}`", quoted(name));
            return Err(OnnxError::model(place, "expected one initializer of that name, got two"));
        }
        widened(scope, "initializer", name, element);
        let item = if value.dtype().is_float() && importer.options.is_trainable(name) {
            let tensor = variable(importer.graph, name, &value)?;
            variables.push((name.to_owned(), tensor));
            Item::variable(tensor, value)
        } else {
            Item::value(value)
        };
        scope.define(name, item.with_element(Some(element)));
    }
    Ok(())
}

/// Notes that a type is another one here.
fn widened(scope: &Scope<'_, '_>, what: &str, name: &str, element: &ElementType) {
    if !element.is_own {
        scope.importer.note(format!("{what} `{}`: {} is {} here", quoted(name), element.name, element.dtype));
    }
}

/// A variable that starts from an array.
fn variable<'g>(graph: &'g Graph, name: &str, start: &Value) -> Result<AnyTensor<'g>, OnnxError> {
    let tensor = match start {
        Value::F32(array) => graph.variable(name, array).any(),
        Value::F64(array) => graph.variable(name, array).any(),
        _ => {
            return Err(OnnxError::model(
                format!("initializer `{}`", quoted(name)),
                "expected floats, got others",
            ));
        }
    };
    if tensor.is_invalid() {
        graph.check()?;
    }
    Ok(tensor)
}

/// Defines the inputs that are no initializers.
fn inputs<'g>(file: &File<'_>, scope: &mut Scope<'_, 'g>) -> Result<Vec<ImportedInput<'g>>, OnnxError> {
    let options = scope.importer.options;
    let mut inputs = Vec::new();
    // In files of the first versions all initializers are inputs, too.
    let initializers: HashSet<&str> = file.main.initializer.iter().map(|tensor| &*tensor.name).collect();
    for input in file.main.input.iter().filter(|input| !initializers.contains(&*input.name)) {
        if scope.find(&input.name).is_some() {
            let place = format!("input `{}`", quoted(&input.name));
            return Err(OnnxError::model(place, "expected one input of that name, got two"));
        }
        let (element, shape, axes) = type_of(input, options)?;
        widened(scope, "input", &input.name, element);
        let item = if let Some(value) = options.bound.get(&input.name) {
            if value.dtype() != element.dtype {
                let reason = format!("expected a value of {}, got one of {}", element.dtype, value.dtype());
                return Err(OnnxError::model(format!("option for input `{}`", quoted(&input.name)), reason));
            }
            Item::value(value.clone())
        } else {
            let graph = scope.importer.graph;
            let Some(shape) = shape else {
                let reason = "expected a shape, got none in the file; `ImportOptions::shape` gives one";
                return Err(OnnxError::model(format!("input `{}`", quoted(&input.name)), reason));
            };
            let tensor = with_element!(element.dtype, T => graph.placeholder::<T>(&input.name, shape).any());
            inputs.push(ImportedInput { name: input.name.clone(), tensor, axes });
            Item::run(tensor)
        };
        scope.define(&input.name, item.with_element(Some(element)));
    }
    Ok(inputs)
}

/// The type of an input: its elements, its shape, if there is one, and the names of its axes.
type InputType = (&'static ElementType, Option<Shape>, Vec<Option<String>>);

fn type_of(input: &ValueInfoProto, options: &ImportOptions<'_>) -> Result<InputType, OnnxError> {
    let fail = |reason: String| OnnxError::model(format!("input `{}`", quoted(&input.name)), reason);
    let tensor = input.r#type.as_ref().and_then(|it| it.tensor_type.as_ref());
    let tensor =
        tensor.ok_or_else(|| fail("expected the type of a tensor, got another one or none".to_owned()))?;
    let element = types::of(tensor.elem_type.into()).ok_or_else(|| {
        fail(format!(
            "expected elements of a number or a boolean type, got {}",
            types::name(tensor.elem_type.into())
        ))
    })?;
    let Some(dims) = &tensor.shape else {
        return Ok((element, options.shapes.get(&input.name).cloned(), Vec::new()));
    };
    let name = |value: &Option<DimensionValue>| match value {
        Some(DimensionValue::DimParam(name)) if !name.is_empty() => Some(name.clone()),
        _ => None,
    };
    let length = |value: &Option<DimensionValue>| match value {
        // A length below 0 stands for one that is not known.
        Some(DimensionValue::DimValue(length)) => usize::try_from(*length).ok(),
        Some(DimensionValue::DimParam(name)) => options.lengths.get(name).copied(),
        None => None,
    };
    let is_long = |dim: &&DimensionProto| matches!(dim.value, Some(DimensionValue::DimValue(MOST..)));
    if let Some(dim) = dims.dim.iter().find(is_long) {
        return Err(fail(format!("expected lengths below 2³¹, got {:?}", dim.value)));
    }
    let axes = dims.dim.iter().map(|dim| name(&dim.value)).collect();
    let of_file = || Shape::from(dims.dim.iter().map(|dim| length(&dim.value)).collect::<Vec<_>>());
    let shape = options.shapes.get(&input.name).cloned().unwrap_or_else(of_file);
    Ok((element, Some(shape), axes))
}
