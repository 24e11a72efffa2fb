//! Tensors by name in [safetensors](https://github.com/huggingface/safetensors) files, from any program.
//!
//! [`SafeTensors`] opens a file, lists its tensors, and reads those that are asked for, so that a session continues
//! what another framework has trained; [`write_safetensors`] writes such files. A [`Checkpoint`] is a safetensors file
//! with more in it, and takes none that flowgrad did not write.
//!
//! The format is written out here, and held by tests to the crate of that name, because that crate brings `serde_json`:
//! with it `f64: PartialEq<_>` has more than one solution, and `assert_eq!(session.run(x)?, ArrayD::zeros(..))` would
//! not compile any more in a program that uses flowgrad.
//!
//! [`Checkpoint`]: crate::io::checkpoint::Checkpoint

mod error;
mod header;
mod write;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Seek;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ndarray::ArrayD;

pub use super::elements::{ArrayFault, ArrayInfo};
pub use error::{FormatFault, SafeTensorsError, SafeTensorsFault};
pub(crate) use header::{Flaw, Header, METADATA, type_name};
pub use write::write_safetensors;
pub(crate) use write::{header_of, write};

use super::elements::renamed;
use super::source;
use crate::{DType, Element, Value};

/// An open safetensors file: its tensors are listed at once, and each is read when it is asked for.
///
/// Elements that flowgrad has (`BOOL`, `I32`, `I64`, `F32`, `F64`) are read as they are. Others become a type that
/// holds all of their values, so no number changes: `I8`, `U8`, `I16` and `U16` become `i32`, `U32` becomes `i64`, and
/// `U64` too, if all are below 2⁶³; `F16`, `BF16`, `F8_E4M3`, `F8_E5M2`, their `FNUZ` variants and `F8_E8M0` become
/// `f32`. [`read_as`](SafeTensors::read_as) reads them in another type that holds their values.
///
/// A model that PyTorch has trained, whose names differ:
///
/// ```
/// use flowgrad::io::safetensors::{SafeTensors, write_safetensors};
/// use flowgrad::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("model.safetensors");
/// # let bias = Value::from(ndarray::array![1.0_f32, 2.0]);
/// # write_safetensors(&path, [("fc.bias", &bias), ("fc.steps", &bias)], &Default::default())?;
/// let g = Graph::new();
/// let bias = g.name_scope("dense", || g.variable("bias", zeros([2]))) + 0.0_f32;
/// let session = Session::new(&g)?;
///
/// let file = SafeTensors::open(&path)?;
/// for name in file.names() {
///     let info = file.info(name)?;
///     println!("{name}: {} {:?}", info.type_name, info.shape);
/// }
/// session.load(file.values(|name| match name {
///     "fc.bias" => Some("dense/bias".to_owned()),
///     _ => None,
/// })?)?;
/// assert_eq!(session.run(bias)?, ndarray::array![1.0_f32, 2.0].into_dyn());
/// # Ok(())
/// # }
/// ```
///
/// Matrices lie in the file as their writer has them: a kernel of PyTorch's `Linear` is the transpose of one of
/// [`Dense`](crate::nn::Dense). What the safetensors package (0.8) writes of NumPy arrays that are not in row-major
/// order has its elements in another order than its shape says, and nothing in the file tells.
#[derive(Debug)]
pub struct SafeTensors {
    path: PathBuf,
    header: Header,
    file: Mutex<File>,
}

impl SafeTensors {
    /// Opens a file and reads its header. Whatever the file is, memory is taken in proportion to the header, and the
    /// header is checked as a whole: the tensors it tells of lie one behind the other and are all that there is.
    ///
    /// # Errors
    /// [`SafeTensorsError`] with the file and what is wrong: it cannot be read, is no regular file, or is not in the
    /// format.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SafeTensorsError> {
        let path = path.as_ref();
        let open = || -> Result<_, SafeTensorsFault> {
            let mut file = source::open(path)?;
            let bytes = file.metadata()?.len();
            let header = Header::read(&mut file, bytes)?;
            Ok(SafeTensors { path: path.to_owned(), header, file: Mutex::new(file) })
        };
        open().map_err(|fault| SafeTensorsError { path: path.to_owned(), tensor: None, fault })
    }

    /// The names of the tensors, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.header.tensors.keys().map(String::as_str)
    }

    /// The texts by name that the file holds besides its tensors.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.header.metadata
    }

    /// The element type and the shape of a tensor, whether flowgrad has such elements or not.
    ///
    /// # Errors
    /// [`ArrayFault::Missing`], if there is no such tensor.
    pub fn info(&self, name: &str) -> Result<ArrayInfo, SafeTensorsError> {
        let entry = self.header.tensors.get(name);
        entry.map(header::Entry::info).ok_or_else(|| self.blame(name, self.missing()))
    }

    /// Reads a tensor. The type that its elements become is described [above](SafeTensors).
    ///
    /// # Errors
    /// [`SafeTensorsError`] with the tensor and what is wrong: it is not there, has elements of a type that flowgrad
    /// does not support, or cannot be read.
    pub fn read(&self, name: &str) -> Result<Value, SafeTensorsError> {
        self.tensor(name, None).map_err(|fault| self.blame(name, fault))
    }

    /// Reads a tensor as one of `T`: its own type, or one that holds all values of its type where flowgrad does not
    /// have that, such as `f64` for `BF16`, or `f32` for `U8`.
    ///
    /// ```
    /// use flowgrad::io::safetensors::{SafeTensors, write_safetensors};
    /// use flowgrad::ndarray::array;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("model.safetensors");
    /// write_safetensors(&path, [("w", flowgrad::Value::from(array![0.5_f64]))], &Default::default())?;
    /// let file = SafeTensors::open(&path)?;
    /// assert_eq!(file.read_as::<f64>("w")?, array![0.5].into_dyn());
    /// assert!(file.read_as::<f32>("w").is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`read`](SafeTensors::read), and [`ArrayFault::OtherType`].
    pub fn read_as<T: Element>(&self, name: &str) -> Result<ArrayD<T>, SafeTensorsError> {
        let value = self.tensor(name, Some(T::DTYPE)).map_err(|fault| self.blame(name, fault))?;
        // The value is of the type that was asked for.
        Ok(value.into_array().unwrap_or_default())
    }

    /// Reads the tensors that `rename` gives a name, under that name: what [`Session::load`](crate::Session::load)
    /// takes. With `|name| Some(name.to_owned())` these are all.
    ///
    /// # Errors
    /// As for [`read`](SafeTensors::read), and [`SafeTensorsFault::SameName`], if two are given one name.
    pub fn values(
        &self,
        rename: impl FnMut(&str) -> Option<String>,
    ) -> Result<BTreeMap<String, Value>, SafeTensorsError> {
        let same_name = |name: &str| self.blame(name, SafeTensorsFault::SameName);
        renamed(self.names(), rename, |name| self.read(name), same_name)
    }

    fn tensor(&self, name: &str, wanted: Option<DType>) -> Result<Value, SafeTensorsFault> {
        let entry = self.header.tensors.get(name).ok_or_else(|| self.missing())?;
        let layout = entry.layout()?;
        // The last reader left the file at some place, so each seeks first.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(self.header.place(entry))?;
        Ok(layout.read(&mut *file, &entry.type_name, wanted)?)
    }

    fn missing(&self) -> SafeTensorsFault {
        ArrayFault::missing(self.names()).into()
    }

    fn blame(&self, name: &str, fault: SafeTensorsFault) -> SafeTensorsError {
        SafeTensorsError { path: self.path.clone(), tensor: Some(name.to_owned()), fault }
    }
}
