//! [`Checkpoint`]: all that a session holds, in one file, from which it goes on as if it had never stopped.
//!
//! The file is in the [safetensors](https://github.com/huggingface/safetensors) format, which other programs read
//! too. Each variable is a tensor of its own name, `float32` and the like, an axis an axis; what an optimizer
//! remembers and the global step are variables. The metadata of the file, texts by name, holds
//!
//! | key | is |
//! |---|---|
//! | `flowgrad.version` | the version of this table, `1` |
//! | `flowgrad.run_count` | how many runs had begun, from which random numbers derive |
//! | `flowgrad.seed` | the seed of the graph, likewise |
//! | `flowgrad.crc32c` | CRC-32C of all else, 8 hexadecimal digits |
//! | others | what the program adds, see [`Checkpoint::with`] |
//!
//! and arrays that are no variables ([`Checkpoint::with_array`]) have names that begin with `flowgrad.array/`.
//!
//! On another machine a session goes on from the same numbers. If that machine has other vector instructions (AVX-512,
//! AVX2 with FMA, or neither), it sums and rounds in another order from there, so its results differ by rounding from
//! those of the machine where the checkpoint was saved, and a training drifts apart as far as it amplifies that.
//!
//! Invariant: a file that loads holds exactly what was saved, bit for bit, NaNs too.

mod checksum;
mod error;
mod file;
pub(in crate::io) mod sealed;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ndarray::ArrayD;

use crate::op::TensorType;
use crate::{Element, Session, Value};

pub use super::safetensors::FormatFault;
pub use error::{CheckpointError, Difference, FileFault};

/// The variables of a session, its run count, the seed of its graph, and what a program adds.
///
/// ```
/// use flowgrad::io::checkpoint::Checkpoint;
/// use flowgrad::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("model.safetensors");
/// let g = Graph::with_seed(7);
/// let w = g.variable("w", 1.0_f64);
/// let step = w.assign_add(g.random_normal([], 0.0, 1.0));
///
/// let session = Session::new(&g)?;
/// session.run(step)?;
/// Checkpoint::of(&session)?.with("epoch", "3").save(&path)?;
/// let next = session.run(step)?;
///
/// let another = Session::new(&g)?;
/// let checkpoint = Checkpoint::load(&path)?;
/// checkpoint.restore(&another)?;
/// assert_eq!(another.run(step)?, next);
/// assert_eq!(checkpoint.get("epoch"), Some("3"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Checkpoint {
    variables: BTreeMap<String, Value>,
    arrays: BTreeMap<String, Value>,
    texts: BTreeMap<String, String>,
    run_count: u64,
    seed: u64,
    /// The file that it was loaded from.
    path: Option<PathBuf>,
}

impl Checkpoint {
    /// What the session holds now: the variables and the [count of runs](Session::run_count) of one moment, also while
    /// other threads run the session. A run that assigns and is under way is in neither.
    ///
    /// # Errors
    /// [`CheckpointError::Session`], for a build error or for want of memory.
    pub fn of(session: &Session) -> Result<Self, CheckpointError> {
        let (variables, run_count) = session.moment()?;
        Ok(Checkpoint {
            variables,
            arrays: BTreeMap::new(),
            texts: BTreeMap::new(),
            run_count,
            seed: session.seed(),
            path: None,
        })
    }

    /// Adds a text, which [`get`](Checkpoint::get) gives back. Keys that begin with `flowgrad.` are reserved.
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.texts.insert(key.into(), value.into());
        self
    }

    /// Adds an array that is no variable, which [`array`](Checkpoint::array) gives back.
    ///
    /// ```
    /// use flowgrad::io::checkpoint::Checkpoint;
    /// use flowgrad::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let g = Graph::new();
    /// let mean = ndarray::arr1(&[0.5_f32, 1.5]);
    /// let checkpoint = Checkpoint::of(&Session::new(&g)?)?.with_array("mean", mean.clone());
    /// assert_eq!(checkpoint.array("mean"), Some(&Value::from(mean)));
    /// assert!(checkpoint.variables().is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_array(mut self, name: impl Into<String>, array: impl Into<Value>) -> Self {
        self.arrays.insert(name.into(), array.into());
        self
    }

    /// The text that was added under this key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    /// The array that was added under this name.
    pub fn array(&self, name: &str) -> Option<&Value> {
        self.arrays.get(name)
    }

    /// The array that was added under this name, or the value of the variable of this name, if it has elements of type
    /// `T`.
    ///
    /// ```
    /// use flowgrad::io::checkpoint::Checkpoint;
    /// use flowgrad::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let g = Graph::new();
    /// g.variable("w", ndarray::arr1(&[1.0, 2.0])) + 0.0;
    /// let checkpoint = Checkpoint::of(&Session::new(&g)?)?.with_array("ids", ndarray::arr1(&[7_i64]));
    /// assert_eq!(checkpoint.array_of::<f64>("w")?.sum(), 3.0);
    /// assert_eq!(checkpoint.array_of::<i64>("ids")?[0], 7);
    /// let error = checkpoint.array_of::<f32>("w").unwrap_err();
    /// assert_eq!(error.to_string(), "`w` of the checkpoint: expected elements of f32, got f64");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CheckpointError::Array`]: there is none of this name, or its elements are of another type.
    pub fn array_of<T: Element>(&self, name: &str) -> Result<ArrayD<T>, CheckpointError> {
        let value = self.arrays.get(name).or_else(|| self.variables.get(name));
        let found = value.map(Value::dtype);
        let array = value.filter(|_| found == Some(T::DTYPE)).cloned().and_then(Value::into_array);
        array.ok_or_else(|| CheckpointError::Array {
            path: self.path.clone(),
            name: name.to_owned(),
            expected: T::DTYPE,
            found,
        })
    }

    /// The variables by name. To take over some of them, or to give them to a graph of another seed, hand them to
    /// [`Session::load`]:
    ///
    /// ```
    /// use flowgrad::io::checkpoint::Checkpoint;
    /// use flowgrad::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let old = Graph::new();
    /// old.name_scope("body", || old.variable("kernel", 3.0_f32));
    /// old.name_scope("head", || old.variable("kernel", ndarray::arr1(&[1.0_f32, 2.0])));
    /// let checkpoint = Checkpoint::of(&Session::new(&old)?)?;
    ///
    /// let new = Graph::with_seed(1);
    /// let body = new.name_scope("body", || new.variable("kernel", 0.0_f32));
    /// new.name_scope("head", || new.variable("kernel", zeros([10])) + 0.0_f32);
    /// let session = Session::new(&new)?;
    /// let bodies = checkpoint.variables().iter().filter(|(name, _)| name.starts_with("body/"));
    /// session.load(bodies.map(|(name, value)| (name.clone(), value.clone())))?;
    /// assert_eq!(session.run(body)?.sum(), 3.0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn variables(&self) -> &BTreeMap<String, Value> {
        &self.variables
    }

    /// The same checkpoint with other values of the variables.
    pub fn with_variables(self, variables: BTreeMap<String, Value>) -> Self {
        Checkpoint { variables, ..self }
    }

    /// How many runs of the session had begun.
    pub fn run_count(&self) -> u64 {
        self.run_count
    }

    /// The seed of the session's graph.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Sets the session to what the checkpoint holds: all variables and the run count, at once.
    ///
    /// The seeds of the graphs must be the same, for random ops derive from them: with another one, dropout would
    /// silently differ from that of a training not interrupted. Where that is meant, load the
    /// [`variables`](Checkpoint::variables).
    ///
    /// # Errors
    /// [`CheckpointError::Differs`], which lists all that does not fit; nothing is changed then.
    pub fn restore(&self, session: &Session) -> Result<(), CheckpointError> {
        self.fitting(self.differences(session)?)?;
        session.load_at(self.variables.clone(), Some(self.run_count))?;
        Ok(())
    }

    /// Sets the session's variables to those of the checkpoint, which may have more of them: for a program that
    /// predicts with what another one has trained, without its optimizer. The seeds may differ, and the run count
    /// stays.
    ///
    /// ```
    /// use flowgrad::io::checkpoint::Checkpoint;
    /// use flowgrad::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let trained = Graph::with_seed(7);
    /// let w = trained.variable("w", 3.0_f32);
    /// Adam::new(0.1).minimize(w.square());
    /// let checkpoint = Checkpoint::of(&Session::new(&trained)?)?;
    ///
    /// let g = Graph::new();
    /// let w = g.variable("w", 0.0_f32);
    /// let session = Session::new(&g)?;
    /// checkpoint.restore_model(&session)?;
    /// assert_eq!(session.run(w)?.sum(), 3.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CheckpointError::Differs`], which lists all variables that it lacks or that are of another type; nothing is
    /// changed then.
    pub fn restore_model(&self, session: &Session) -> Result<(), CheckpointError> {
        let theirs = session.variable_values()?;
        self.fitting(self.differing(&theirs, theirs.keys()).collect())?;
        let shared = self.variables.iter().filter(|(name, _)| theirs.contains_key(*name));
        session.load(shared.map(|(name, value)| (name.clone(), value.clone())))?;
        Ok(())
    }

    /// All in which the session's variables and seed differ from those of the checkpoint, the seed first and then by
    /// name. What the variables hold does not count.
    ///
    /// ```
    /// use flowgrad::io::checkpoint::Checkpoint;
    /// use flowgrad::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let [old, new] = [Graph::new(), Graph::new()];
    /// old.variable("w", 1.0_f32) + 0.0;
    /// new.variable("w", 1.0_f64) + 0.0;
    /// let differences = Checkpoint::of(&Session::new(&old)?)?.differences(&Session::new(&new)?)?;
    /// assert_eq!(differences[0].to_string(), "variable `w`: expected f64[], got f32[]");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`of`](Checkpoint::of).
    pub fn differences(&self, session: &Session) -> Result<Vec<Difference>, CheckpointError> {
        let theirs = session.variable_values()?;
        let seed = Difference::Seed { session: session.seed(), checkpoint: self.seed };
        let seed = (session.seed() != self.seed).then_some(seed);
        let names: BTreeSet<&String> = theirs.keys().chain(self.variables.keys()).collect();
        Ok(seed.into_iter().chain(self.differing(&theirs, names)).collect())
    }

    /// How the variables of these names differ from those of a session.
    fn differing<'n>(
        &self,
        theirs: &BTreeMap<String, Value>,
        names: impl IntoIterator<Item = &'n String>,
    ) -> impl Iterator<Item = Difference> {
        names.into_iter().filter_map(move |name| {
            let types = [theirs, &self.variables].map(|values| values.get(name).map(type_of));
            difference(name, types)
        })
    }

    /// Refuses to restore where something differs.
    fn fitting(&self, differences: Vec<Difference>) -> Result<(), CheckpointError> {
        if differences.is_empty() {
            return Ok(());
        }
        Err(CheckpointError::Differs { path: self.path.clone(), differences })
    }
}

fn type_of(value: &Value) -> TensorType {
    TensorType::new(value.dtype(), value.shape())
}

/// How a variable that may be in the session and in the checkpoint differs between them.
fn difference(name: &str, types: [Option<TensorType>; 2]) -> Option<Difference> {
    let name = name.to_owned();
    match types {
        [Some(expected), None] => Some(Difference::Missing { name, expected }),
        [None, Some(found)] => Some(Difference::Unexpected { name, found }),
        [Some(expected), Some(found)] if expected.dtype != found.dtype => {
            Some(Difference::ElementType { name, expected, found })
        }
        [Some(expected), Some(found)] if expected != found => {
            Some(Difference::Shape { name, expected, found })
        }
        _ => None,
    }
}
