//! Weights that [Keras 3](https://keras.io) has saved: files `.weights.h5`, and archives `.keras`, which hold one.
//!
//! [`KerasWeights`] opens a file, lists its arrays, and reads those that are asked for, so that a session continues what a
//! model of Keras has learned. The format is HDF5, which the crate `hdf5-reader` decodes. Models themselves come by
//! `saved_model` and `onnx`. Weights of `PyTorch` come as safetensors or ONNX: its own `.pt` files are
//! pickled, and to read these is to run what they say.

mod encoding;
mod error;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hdf5_reader::group::Group;
use hdf5_reader::{BytesStorage, Dataset, FileStorage, Hdf5File, OpenOptions, Storage};
use ndarray::ArrayD;
use zip::ZipArchive;

pub use self::error::{KerasError, KerasFault};
pub use super::elements::{ArrayFault, ArrayInfo};
use super::elements::{Layout, renamed};
use super::source;
use crate::{DType, Element, Value};

/// Bytes that an array may take up when nothing else is said.
const LIMIT: u64 = 1 << 30;

/// The file of weights in an archive.
const MEMBER: &str = "model.weights.h5";

/// What an archive begins with.
const ARCHIVE: [u8; 4] = *b"PK\x03\x04";

/// The most arrays and groups that a file may have.
const MOST: usize = 1 << 20;

/// Places and names of layers may take so many times the bytes of the file, and [`NAMES_OF_ANY`].
const NAMES: u64 = 8;
const NAMES_OF_ANY: u64 = 1 << 16;

/// An open file of weights: its arrays are listed at once, and each is read when it is asked for.
///
/// An array has the name of its place in the file: `layers/dense/vars/0` is the kernel of the first dense layer, and
/// `layers/dense_1/vars/1` the bias of the second one. Keras numbers layers by their classes, whatever their names are;
/// [`layer`](KerasWeights::layer) tells these. What the optimizer holds is under `optimizer/vars`.
///
/// Elements that flowgrad has are read as they are. Others become a type that holds all of their values, so no number
/// changes: those of 8 and 16 bits become `i32`, `u32` becomes `i64`, and `u64` too, if all are below 2⁶³; `float16` and
/// `bfloat16` become `f32`. [`read_as`](KerasWeights::read_as) reads them in another type that holds their values.
///
/// ```no_run
/// use flowgrad::io::keras::KerasWeights;
/// use flowgrad::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let g = Graph::new();
/// let dense = flowgrad::nn::Dense::<f32>::new(&g, "dense", 784, 10);
/// let session = Session::new(&g)?;
///
/// let file = KerasWeights::open("digits.weights.h5")?;
/// for name in file.names() {
///     println!("{name}: {:?} of layer {:?}", file.info(name)?.shape, file.layer(name));
/// }
/// session.load(file.values(|name| match name {
///     "layers/dense/vars/0" => Some("dense/kernel".to_owned()),
///     "layers/dense/vars/1" => Some("dense/bias".to_owned()),
///     _ => None,
/// })?)?;
/// # Ok(())
/// # }
/// ```
pub struct KerasWeights {
    path: PathBuf,
    limit: u64,
    arrays: BTreeMap<String, Entry>,
}

/// An array of a file.
struct Entry {
    dataset: Dataset,
    /// Shared by the arrays of a layer.
    layer: Option<Arc<str>>,
}

impl fmt::Debug for KerasWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.arrays.keys().collect();
        f.debug_struct("KerasWeights")
            .field("path", &self.path)
            .field("arrays", &names)
            .finish_non_exhaustive()
    }
}

impl KerasWeights {
    /// Opens a file and reads what it tells of its arrays. An archive may hold weights of 1 GiB, or of its own length where
    /// that is more.
    ///
    /// # Errors
    /// [`KerasError`] with the file and what is wrong: it cannot be read, is no regular file, neither an HDF5 file nor an
    /// archive with one, or is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, KerasError> {
        Self::opened(path.as_ref(), |length| LIMIT.max(length))
    }

    /// Opens a file as [`open`](KerasWeights::open) does, and reads no more than so many bytes at once: of the weights in an
    /// archive, which are held in memory as a whole, and of each array.
    ///
    /// ```no_run
    /// use flowgrad::io::keras::KerasWeights;
    ///
    /// // Of somebody who is not known.
    /// let file = KerasWeights::open_within("uploaded.keras", 1 << 24)?;
    /// # Ok::<(), flowgrad::io::keras::KerasError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`open`](KerasWeights::open), and [`KerasFault::TooLong`].
    pub fn open_within(path: impl AsRef<Path>, bytes: u64) -> Result<Self, KerasError> {
        Self::opened(path.as_ref(), |_| bytes)
    }

    /// Opens a file, with a limit that its length gives.
    fn opened(path: &Path, limit: impl FnOnce(u64) -> u64) -> Result<Self, KerasError> {
        let open = || -> Result<_, KerasFault> {
            let mut file = source::open(path)?;
            let limit = limit(file.metadata()?.len());
            let mut start = [0; ARCHIVE.len()];
            let is_archive = file.read_exact(&mut start).is_ok() && start == ARCHIVE;
            file.rewind()?;
            let storage: Arc<dyn Storage> =
                if is_archive { member(file, limit)? } else { Arc::new(FileStorage::from_file(file)?) };
            let names = storage.len().saturating_mul(NAMES).saturating_add(NAMES_OF_ANY);
            let options =
                OpenOptions::default().with_max_read_bytes(usize::try_from(limit).unwrap_or(usize::MAX));
            let root = Hdf5File::from_storage_with_options(storage, options)?.root_group()?;
            Ok(KerasWeights { path: path.to_owned(), limit, arrays: arrays(root, names)? })
        };
        open().map_err(|fault| KerasError { path: path.to_owned(), array: None, fault })
    }

    /// The most bytes that an array may take up: 1 GiB, or the length of the file where that is more, when nothing is said;
    /// no more than that, or than the file was opened with, can be said.
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Self {
        self.limit = self.limit.min(bytes);
        self
    }

    /// The names of the arrays, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    /// The name that the model gives to the layer, or the optimizer, that an array belongs to; none if there is no such array
    /// or the file does not say.
    #[must_use]
    pub fn layer(&self, name: &str) -> Option<&str> {
        self.arrays.get(name)?.layer.as_deref()
    }

    /// The type of an array's elements, as HDF5 names it, and its shape, whether flowgrad has such elements or not.
    ///
    /// # Errors
    /// [`ArrayFault::Missing`], if there is no such array; a shape that cannot be addressed.
    pub fn info(&self, name: &str) -> Result<ArrayInfo, KerasError> {
        let info = || {
            let dataset = self.find(name)?;
            let (type_name, encoding) = encoding::of(dataset);
            let dtype = encoding.map(|(encoding, _)| encoding.dtype());
            Ok(ArrayInfo { type_name, shape: shape(dataset)?, dtype })
        };
        info().map_err(|fault| self.blame(name, fault))
    }

    /// Reads an array. The type that its elements become is described [above](KerasWeights).
    ///
    /// # Errors
    /// [`KerasError`] with the array and what is wrong: it is not there, has elements of a type that flowgrad does not
    /// support, cannot be read, or is larger than the limit.
    pub fn read(&self, name: &str) -> Result<Value, KerasError> {
        self.array(name, None).map_err(|fault| self.blame(name, fault))
    }

    /// Reads an array as one of `T`: its own type, or one that holds all values of its type where flowgrad does not have
    /// that.
    ///
    /// # Errors
    /// As for [`read`](KerasWeights::read), and [`ArrayFault::OtherType`].
    pub fn read_as<T: Element>(&self, name: &str) -> Result<ArrayD<T>, KerasError> {
        let value = self.array(name, Some(T::DTYPE)).map_err(|fault| self.blame(name, fault))?;
        // The value is of the type that was asked for.
        Ok(value.into_array().unwrap_or_default())
    }

    /// Reads the arrays that `rename` gives a name, under that name: what [`Session::load`](crate::Session::load) takes.
    ///
    /// # Errors
    /// As for [`read`](KerasWeights::read), and [`KerasFault::SameName`], if two are given one name.
    pub fn values(
        &self,
        rename: impl FnMut(&str) -> Option<String>,
    ) -> Result<BTreeMap<String, Value>, KerasError> {
        let same_name = |name: &str| self.blame(name, KerasFault::SameName);
        renamed(self.names(), rename, |name| self.read(name), same_name)
    }

    fn array(&self, name: &str, wanted: Option<DType>) -> Result<Value, KerasFault> {
        let dataset = self.find(name)?;
        let shape = shape(dataset)?;
        let (type_name, encoding) = encoding::of(dataset);
        let Some((encoding, big_endian)) = encoding else {
            return Err(ArrayFault::Element { type_name }.into());
        };
        let layout = Layout { encoding, big_endian, by_columns: false, shape };
        let size = encoding.size().max(wanted.unwrap_or(encoding.dtype()).size());
        let bytes = layout.count().and_then(|count| count.checked_mul(size));
        if bytes.is_none_or(|bytes| bytes as u64 > self.limit) {
            return Err(KerasFault::TooLong { limit: self.limit });
        }
        let bytes = dataset.read_raw_bytes()?;
        Ok(layout.read(&mut &bytes[..], &type_name, wanted)?)
    }

    fn find(&self, name: &str) -> Result<&Dataset, KerasFault> {
        let entry = self.arrays.get(name).ok_or_else(|| ArrayFault::missing(self.names()))?;
        Ok(&entry.dataset)
    }

    fn blame(&self, name: &str, fault: KerasFault) -> KerasError {
        KerasError { path: self.path.clone(), array: Some(name.to_owned()), fault }
    }
}

/// The weights in an archive, as a whole.
fn member(file: File, limit: u64) -> Result<Arc<dyn Storage>, KerasFault> {
    let mut archive = ZipArchive::new(BufReader::new(file))?;
    let member = archive.by_name(MEMBER)?;
    let mut bytes = Vec::new();
    member.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(KerasFault::TooLong { limit });
    }
    Ok(Arc::new(BytesStorage::new(bytes)))
}

/// All arrays below a group, by their places, which take so many bytes at most with the names of layers.
fn arrays(root: Group, names: u64) -> Result<BTreeMap<String, Entry>, KerasFault> {
    let mut arrays = BTreeMap::new();
    let mut seen = HashSet::from([root.address()]);
    let mut left = vec![(String::new(), root)];
    let mut names_left = names;
    // Before a place is written out, whose group may be as long as the file.
    let mut charge = |bytes: usize| {
        names_left = names_left.checked_sub(bytes as u64).ok_or(KerasFault::Names { most: names })?;
        Ok::<(), KerasFault>(())
    };
    while let Some((place, group)) = left.pop() {
        let layer = group.attribute("name").and_then(|name| name.read_string()).ok().map(Arc::<str>::from);
        charge(layer.as_ref().map_or(0, |layer| layer.len()))?;
        let (groups, datasets) = group.members()?;
        for inner in groups {
            charge(place.len() + inner.name().len() + 1)?;
            let place = format!("{place}{}/", inner.name());
            // Links may lead back to where they come from.
            if !seen.insert(inner.address()) || seen.len() > MOST {
                return Err(KerasFault::NoTree { group: place });
            }
            left.push((place, inner));
        }
        for dataset in datasets {
            if arrays.len() >= MOST {
                return Err(KerasFault::NoTree { group: place });
            }
            charge(place.len() + dataset.name().len())?;
            arrays.insert(format!("{place}{}", dataset.name()), Entry { dataset, layer: layer.clone() });
        }
    }
    Ok(arrays)
}

fn shape(dataset: &Dataset) -> Result<Vec<usize>, KerasFault> {
    let lengths: Result<Vec<usize>, _> =
        dataset.shape().iter().map(|&length| usize::try_from(length)).collect();
    let nearest = |&length: &u64| usize::try_from(length).unwrap_or(usize::MAX);
    let unaddressed = |_| ArrayFault::Shape { shape: dataset.shape().iter().map(nearest).collect() };
    Ok(lengths.map_err(unaddressed)?)
}
