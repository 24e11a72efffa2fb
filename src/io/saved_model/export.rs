//! [`export`]: a model with its signatures and the values of its variables, for TensorFlow's loaders.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use prost::Message;

use super::messages::{MetaGraphDef, MetaInfoDef, SavedModelProto, SaverDef, SignatureDef, TensorInfo};
use crate::Session;
use crate::graph::AnyTensor;
use crate::io::graph_def::{ExportError, Parts, Place, parts};
use crate::io::replace::{directory_of, linked};
use crate::io::tensor_bundle::write_bundle;
use crate::io::tensorflow::{TensorShapeProto, element_type};

/// What servers call the purpose of a signature.
const PREDICT: &str = "tensorflow/serving/predict";

/// The version of saved models.
const SCHEMA: i64 = 1;

/// The file of the graph and its signatures.
const MODEL: &str = "saved_model.pb";

/// The folder of the variables, and what the names of its files begin with.
const VARIABLES: [&str; 2] = ["variables", "variables"];

/// What an exported model takes and gives, under names of its own.
///
/// ```
/// use flowgrad::io::saved_model::ExportSignature;
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.placeholder::<f32>("x", [None, Some(2)]);
/// let predict = ExportSignature::new("serving_default").input("x", x.any()).output("y", x.tanh().any());
/// assert_eq!(predict.name(), "serving_default");
/// ```
#[derive(Clone, Debug)]
pub struct ExportSignature<'g> {
    name: String,
    inputs: Vec<(String, AnyTensor<'g>)>,
    outputs: Vec<(String, AnyTensor<'g>)>,
}

impl<'g> ExportSignature<'g> {
    /// A signature of that name; what is served if nobody asks for another is `serving_default`.
    pub fn new(name: impl Into<String>) -> Self {
        ExportSignature { name: name.into(), inputs: Vec::new(), outputs: Vec::new() }
    }

    /// Takes a tensor: a placeholder, or any other that is fed in its place.
    #[must_use]
    pub fn input(mut self, name: impl Into<String>, tensor: AnyTensor<'g>) -> Self {
        self.inputs.push((name.into(), tensor));
        self
    }

    /// Gives a tensor.
    #[must_use]
    pub fn output(mut self, name: impl Into<String>, tensor: AnyTensor<'g>) -> Self {
        self.outputs.push((name.into(), tensor));
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Writes what signatures compute as a `SavedModel` with the tag `serve`, with the values that variables have in the session
/// now: `tf.saved_model.load`, the loaders of TensorFlow 1 and TensorFlow Serving read it, and [`import`](super::import).
/// How ops are written is told at [`graph_def::export`](crate::io::graph_def::export).
///
/// The folder is written beside the one of that name, if there is one, and takes its place when it is whole and on the disk.
/// A folder is replaced as a whole if it is empty or has a `saved_model.pb` in it; any other is left as it is, which is an
/// error. A link to a folder stays, and what it leads to is replaced. A crash between the two steps of that leaves the old
/// model beside the new one, in a folder whose name begins with `.flowgrad-` and ends in `.old`.
///
/// ```
/// use flowgrad::io::saved_model::{ExportSignature, SavedModelOptions, export, import};
/// use flowgrad::prelude::*;
/// use flowgrad::ndarray::arr1;
///
/// # fn main() -> Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let folder = directory.path().join("1");
/// let g = Graph::new();
/// let x = g.placeholder::<f32>("x", [None]);
/// let w = g.variable("w", 0.5_f32);
/// let session = Session::new(&g)?;
/// session.run(w.assign(3.0))?;
/// let predict = ExportSignature::new("serving_default").input("numbers", x.any()).output("scaled", (x * w).any());
/// export(&session, &folder, &[predict])?;
///
/// let other = Graph::new();
/// let model = import(&other, &folder, &SavedModelOptions::new())?;
/// let predict = model.signature("serving_default").unwrap();
/// let x = predict.input("numbers").unwrap().typed::<f32>();
/// let y = predict.output("scaled").unwrap().typed::<f32>();
/// let y = Session::new(&other)?.feed(x, &arr1(&[1.0, 2.0])).run(y)?;
/// assert_eq!(y, arr1(&[3.0, 6.0]).into_dyn());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As for [`graph_def::export`](crate::io::graph_def::export); [`ExportError::NameTwice`] for two signatures, inputs or outputs
/// of one name, and [`ExportError::File`] for a folder that cannot be written or has something else in it than a model.
pub fn export(
    session: &Session,
    folder: impl AsRef<Path>,
    signatures: &[ExportSignature<'_>],
) -> Result<(), ExportError> {
    check_names("", signatures.iter().map(|signature| &signature.name))?;
    let (mut inputs, mut outputs): (Vec<AnyTensor<'_>>, Vec<AnyTensor<'_>>) = (Vec::new(), Vec::new());
    for ExportSignature { name, inputs: given, outputs: wanted } in signatures {
        check_names(name, given.iter().map(|(name, _)| name))?;
        check_names(name, wanted.iter().map(|(name, _)| name))?;
        for (_, tensor) in given {
            if inputs.iter().all(|known| known.id() != tensor.id()) {
                inputs.push(*tensor);
            }
        }
        outputs.extend(wanted.iter().map(|(_, tensor)| *tensor));
    }
    let made = parts(session, &inputs, &outputs, &[], true)?;
    let Parts { def, variables, outputs: written, inputs: placed, saver, .. } = made;
    let mut written = written.iter();
    let signature_def = signatures.iter().map(|ExportSignature { name, inputs: given, outputs: wanted }| {
        let input = |(name, tensor): &(String, AnyTensor<'_>)| {
            let place = inputs.iter().position(|known| known.id() == tensor.id());
            let place = place.and_then(|place| placed.get(place));
            (name.clone(), info(*tensor, place))
        };
        let output = |(name, tensor): &(String, AnyTensor<'_>)| (name.clone(), info(*tensor, written.next()));
        let (inputs, outputs) = (given.iter().map(input).collect(), wanted.iter().map(output).collect());
        (name.clone(), SignatureDef { inputs, outputs, method_name: PREDICT.to_owned() })
    });
    let signature_def = signature_def.collect();
    let meta_graph = MetaGraphDef {
        meta_info_def: Some(MetaInfoDef {
            tags: vec!["serve".to_owned()],
            // Whose ops are written.
            tensorflow_version: "2.21.0".to_owned(),
        }),
        graph_def: Some(def),
        saver_def: saver.map(|[filename, save, restore]| SaverDef {
            filename_tensor_name: filename,
            save_tensor_name: save,
            restore_op_name: restore,
            max_to_keep: 5,
            version: 2,
        }),
        collection_def: BTreeMap::new(),
        signature_def,
        asset_file_def: Vec::new(),
    };
    let model = SavedModelProto { saved_model_schema_version: SCHEMA, meta_graphs: vec![meta_graph] };
    let bytes = model.encode_to_vec();
    replaced(folder.as_ref(), |folder| {
        let file = |error: io::Error| refused(folder, &error);
        let file_of_model = folder.join(MODEL);
        fs::write(&file_of_model, &bytes).map_err(file)?;
        fs::File::open(&file_of_model).and_then(|written| written.sync_all()).map_err(file)?;
        if variables.is_empty() {
            return Ok(());
        }
        let of_variables = folder.join(VARIABLES[0]);
        fs::create_dir(&of_variables).map_err(file)?;
        let prefix = of_variables.join(VARIABLES[1]);
        write_bundle(&prefix, &variables)
            .map_err(|error| ExportError::File { path: prefix, reason: error.to_string() })
    })
}

fn check_names<'n>(signature: &str, names: impl Iterator<Item = &'n String>) -> Result<(), ExportError> {
    let mut seen: Vec<&String> = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Err(ExportError::NameTwice { signature: signature.to_owned(), name: name.clone() });
        }
        seen.push(name);
    }
    Ok(())
}

/// What a signature says of a tensor.
fn info(tensor: AnyTensor<'_>, place: Option<&Place>) -> TensorInfo {
    TensorInfo {
        name: place.cloned().unwrap_or_default(),
        dtype: element_type::number(tensor.dtype()),
        tensor_shape: Some(TensorShapeProto::of(&tensor.shape())),
    }
}

fn refused(path: &Path, error: &io::Error) -> ExportError {
    ExportError::File { path: path.to_owned(), reason: error.to_string() }
}

/// Has a folder written beside the one of that name, and puts it in its place. What a link leads to is replaced, or made,
/// and not the link.
fn replaced(folder: &Path, write: impl FnOnce(&Path) -> Result<(), ExportError>) -> Result<(), ExportError> {
    let file = |error: io::Error| refused(folder, &error);
    // Without the slash at the end, behind which a link is not seen.
    let target = linked(&folder.components().collect::<PathBuf>()).map_err(file)?;
    if target.file_name().is_none() {
        return Err(file(io::ErrorKind::InvalidInput.into()));
    }
    let is_there = expect_replaceable(&target).map_err(file)?;
    let beside = |suffix: &str| {
        let mut folder = tempfile::Builder::new();
        folder.prefix(".flowgrad-").suffix(suffix).tempdir_in(directory_of(&target)).map_err(file)
    };
    let temporary = beside(".tmp")?;
    write(temporary.path())?;
    // Folders for oneself alone are of no use to a server.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o755)).map_err(file)?;
    }
    // Goes when it is dropped, with the old model in it. If that cannot be removed, the new one is there all the same.
    let old = if is_there { Some(beside(".old")?) } else { None };
    let kept = old.as_ref().map(|old| old.path().join("model"));
    if let Some(kept) = &kept {
        fs::rename(&target, kept).map_err(file)?;
    }
    if let Err(error) = fs::rename(temporary.path(), &target) {
        if let (Some(kept), Some(old)) = (kept, old)
            && let Err(lost) = fs::rename(&kept, &target)
        {
            let path = old.keep().join("model");
            let reason = format!("{error}; what was there before is `{}`: {lost}", path.display());
            return Err(ExportError::File { path: folder.to_owned(), reason });
        }
        return Err(file(error));
    }
    // What is no longer there need not be removed.
    let _ = temporary.keep();
    #[cfg(unix)]
    fs::File::open(directory_of(&target)).and_then(|parent| parent.sync_all()).map_err(file)?;
    Ok(())
}

/// Whether there is a folder, which a model may take the place of: it is empty, or has a model in it.
fn expect_replaceable(folder: &Path) -> io::Result<bool> {
    let kind = match folder.symlink_metadata() {
        Ok(found) => found.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if !kind.is_dir() {
        let message = "expected a folder, or nothing, in the place of the model, got something else";
        return Err(io::Error::new(io::ErrorKind::NotADirectory, message));
    }
    if folder.join(MODEL).is_file() || fs::read_dir(folder)?.next().is_none() {
        return Ok(true);
    }
    let message = format!("expected an empty folder, or one with `{MODEL}`, got one with other files in it");
    Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, message))
}
