//! Everything that can go wrong, as one enum; each message names the node, what was expected and
//! what came, and for mistakes in building the line that made them.

mod mistake;
pub(crate) mod quote;

use std::fmt;
use std::io;
use std::panic::Location;
#[cfg(feature = "trace")]
use std::path::PathBuf;
use std::sync::Arc;

use ndarray::{ArrayBase, Data, Dimension};

use crate::element::{DType, Element, Value};
use crate::ir::KernelError;
use crate::memory::OutOfMemory;
use crate::shape::{Shape, TensorType};

use quote::quoted;

pub use mistake::{EinsumFault, Mistake, NoGradient};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and where. Its `Debug` form is the message as well, because that is what a `main`
/// that gives a [`Result`] prints.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A node was built wrongly, or its operands turned out not to fit once their shapes were known.
    #[error(transparent)]
    Build(Box<BuildError>),

    /// A run needs a placeholder that was not fed.
    #[error("placeholder `{node}` ({dtype}{shape}, built at {location}) is needed but was not fed")]
    NotFed {
        /// Name of the placeholder.
        node: String,
        /// Its element type.
        dtype: DType,
        /// Its declared shape.
        shape: Shape,
        /// Where it was built.
        location: &'static Location<'static>,
    },

    /// A fed array does not fit the shape of the tensor it is fed for.
    #[error(
        "`{node}` (built at {location}) has the shape {expected}, but was fed an array of shape {found:?}"
    )]
    FeedShape {
        /// Name of the fed tensor.
        node: String,
        /// Its static shape.
        expected: Shape,
        /// The shape of the array.
        found: Vec<usize>,
        /// Where the tensor was built.
        location: &'static Location<'static>,
    },

    /// A fed array is of another element type than the tensor it is fed for.
    #[error(
        "`{node}` (built at {location}) is fed elements of the wrong type: expected {expected}, got {found}"
    )]
    FeedType {
        /// Name of the fed tensor.
        node: String,
        /// Its element type.
        expected: DType,
        /// That of the array.
        found: DType,
        /// Where the tensor was built.
        location: &'static Location<'static>,
    },

    /// A tensor of a function's body is fed or fetched. There is one of it for each call of the function.
    #[error(
        "`{node}` (built at {location}) belongs to the body of `{function}`: expected a tensor from outside, or a \
         result of a call"
    )]
    InsideFunction {
        /// Name of the tensor.
        node: String,
        /// Name of the function.
        function: String,
        /// Where the tensor was built.
        location: &'static Location<'static>,
    },

    /// One run feeds the same tensor twice.
    #[error("`{node}` (built at {location}) is fed twice")]
    FedTwice {
        /// Name of the fed tensor.
        node: String,
        /// Where it was built.
        location: &'static Location<'static>,
    },

    /// A tensor or operation is fetched from or fed to a session of another graph.
    #[error("`{node}` (built at {location}) belongs to another graph than the session's")]
    OtherGraph {
        /// Name of the tensor or operation.
        node: String,
        /// Where it was built.
        location: &'static Location<'static>,
    },

    /// Two assignments to one variable in one run, with no order between them.
    #[error(
        "variable `{variable}` is assigned twice in one run with no order between the two: \
         `{first}` (built at {first_at}) and `{second}` (built at {second_at}); \
         build one under control_dependencies on the other"
    )]
    UnorderedAssigns {
        /// Name of the variable.
        variable: String,
        /// Name of the assignment built first.
        first: String,
        /// Where it was built.
        first_at: &'static Location<'static>,
        /// Name of the assignment built second.
        second: String,
        /// Where it was built.
        second_at: &'static Location<'static>,
    },

    /// An integer was divided by zero.
    #[error(
        "integer division by zero in `{node}` (built at {location}){}",
        at.as_ref().filter(|at| !at.is_empty()).map_or(String::new(), |at| format!(", at {at:?}"))
    )]
    DivisionByZero {
        /// Name of the division.
        node: String,
        /// Where it was built.
        location: &'static Location<'static>,
        /// Where in the quotient the first such division is: one number for each axis; `None` where it was not found
        /// when computed again.
        at: Option<Vec<usize>>,
    },

    /// A label is negative or not below the number of classes.
    #[error(
        "{} in `{node}` (built at {location})",
        label.as_ref().map_or("a label is out of range".to_owned(), |label| format!("{label},"))
    )]
    IndexOutOfRange {
        /// Name of the node that uses it.
        node: String,
        /// Where it was built.
        location: &'static Location<'static>,
        /// The first such label; `None` where all were in range when computed again.
        label: Option<BadLabel>,
    },

    /// A value that is checked, by [`check_numerics`](crate::Tensor::check_numerics) or because the session
    /// checks all, holds a NaN or an infinity.
    #[error(
        "{} in `{node}` ({op}) built at {location}, found by the check of `{checked}`",
        value.map_or("a number that is not finite".to_owned(), |value| value.to_string())
    )]
    NotFinite {
        /// Name of the node that made it out of finite numbers, or was given it; of the checked one, where
        /// all was finite when it was computed again.
        node: String,
        /// Name of its op.
        op: &'static str,
        /// Where it was built.
        location: &'static Location<'static>,
        /// What it made: NaN, or the first infinity; `None` where it was finite when computed again.
        value: Option<f64>,
        /// Name of the tensor that is checked.
        checked: String,
    },

    /// The lowering of an op does not keep what its shape rule promises: a mistake in the op.
    #[error("{reason}, in `{node}` ({op}) built at {location}")]
    Lowering {
        /// Name of the node.
        node: String,
        /// Name of its op.
        op: &'static str,
        /// Where it was built.
        location: &'static Location<'static>,
        /// What is wrong.
        reason: LoweringError,
    },

    /// The kernel of an op did not give a value.
    #[error("{reason}, in `{node}` ({op}) built at {location}{}", reason.place())]
    Kernel {
        /// Name of the node.
        node: String,
        /// Name of its op.
        op: &'static str,
        /// Where it was built.
        location: &'static Location<'static>,
        /// Why there is none.
        reason: KernelError,
    },

    /// A tensor of a run would hold more bytes than the machine can address.
    #[error("`{node}` (built at {location}) would have the shape {shape}: too many bytes to address")]
    TooLarge {
        /// Name of the tensor.
        node: String,
        /// The shape that it would have.
        shape: Shape,
        /// Where it was built.
        location: &'static Location<'static>,
    },

    /// The machine has no more memory for the values of a run, of variables or of constants.
    #[error("no memory for {bytes} bytes of values{}", owner(node.as_deref(), *location))]
    OutOfMemory {
        /// How many bytes were asked for at once; the greatest number there is if they are more.
        bytes: usize,
        /// Name of the tensor or variable whose elements they are, or of the largest tensor where a run computes
        /// several; `None` where none is known.
        node: Option<String>,
        /// Where it was built.
        location: Option<&'static Location<'static>>,
    },

    /// Values are loaded for a variable that the graph does not have.
    #[error("the graph has no variable `{}`, which is among the values to load", quoted(name))]
    UnknownVariable {
        /// The name in the loaded values.
        name: String,
    },

    /// A loaded value does not fit its variable.
    #[error("variable `{name}` is {expected_dtype}{expected}, but the value to load is {found_dtype}{found}")]
    LoadMismatch {
        /// Name of the variable.
        name: String,
        /// Element type of the variable.
        expected_dtype: DType,
        /// Shape of the variable.
        expected: Shape,
        /// Element type of the loaded value.
        found_dtype: DType,
        /// Shape of the loaded value.
        found: Shape,
    },

    /// Something was asked for inside of a kernel that could not be waited for there.
    #[error("{action} inside of {inside}: {reason}")]
    Nested {
        /// What was asked for.
        action: &'static str,
        /// The kernel, by the name of its node, its op and the line that built it.
        inside: String,
        /// Why it is not done.
        reason: Nesting,
    },

    /// An instruction set that the machine does not have, or a name of none.
    #[error("expected an instruction set of this machine ({}), got `{asked}`", expected.join(", "))]
    Isa {
        /// What was asked for, by `SessionBuilder::isa` or the environment variable `FLOWGRAD_ISA`.
        asked: String,
        /// Those that the machine has.
        expected: Vec<String>,
    },

    /// A session is to have more threads than it may.
    #[error("expected at most {most} threads, got {found}")]
    TooManyThreads {
        /// How many were asked for.
        found: usize,
        /// How many there may be.
        most: usize,
    },

    /// The threads of a session could not be started.
    #[error("the session's threads could not be started: {0}")]
    Threads(#[source] Arc<io::Error>),

    /// The trace of a run could not be written.
    #[cfg(feature = "trace")]
    #[error("the trace cannot be written to `{}`: {reason}", path.display())]
    TraceFile {
        /// The file to be written.
        path: PathBuf,
        /// Why it could not be.
        #[source]
        reason: Arc<io::Error>,
    },

    /// An error of what is built on sessions (data, files, training), which declares its own: `downcast_ref` finds it.
    ///
    /// ```
    /// use flowgrad::Error;
    /// use flowgrad::data::DataError;
    /// let error = Error::from(DataError::NoRows { what: "rows", shape: vec![0] });
    /// assert!(matches!(&error, Error::Other(other) if other.is::<DataError>()));
    /// ```
    #[error(transparent)]
    Other(Arc<dyn std::error::Error + Send + Sync>),

    /// ndarray refused an array's shape, as `into_dimensionality` and `from_shape_vec` do.
    #[error("array shape: {0}")]
    Array(#[from] ndarray::ShapeError),
}

/// Whose elements there is no memory for, behind a message.
fn owner(node: Option<&str>, location: Option<&Location<'_>>) -> String {
    let node = node.map(|node| format!(" of `{node}`"));
    let location = location.map(|location| format!(" (built at {location})"));
    [node, location].into_iter().flatten().collect()
}

impl Value {
    /// The elements of an array or view of any dimension, whether or not there is memory for a copy of them. An owned
    /// array in row-major order is not copied; `Value::from` is the same for arrays that are sure to fit.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let view = ndarray::arr0(1.0_f32);
    /// assert!(Value::of(view.broadcast((3, 2)).unwrap()).is_ok());
    /// let error = Value::of(view.broadcast((1 << 30, 1 << 30)).unwrap()).unwrap_err();
    /// assert_eq!(error.to_string(), "no memory for 4611686018427387904 bytes of values");
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn of<T: Element, S: Data<Elem = T>, D: Dimension>(array: ArrayBase<S, D>) -> Result<Self> {
        Value::row_major(array).map_err(Error::from)
    }
}

impl From<OutOfMemory> for Error {
    fn from(OutOfMemory { bytes, .. }: OutOfMemory) -> Self {
        Error::OutOfMemory { bytes, node: None, location: None }
    }
}

/// Makes an error of a module that is built on sessions one of the crate's. Like theirs, its `Debug` form is the message.
macro_rules! error_of_its_own {
    ($error:ty) => {
        impl From<$error> for $crate::error::Error {
            fn from(error: $error) -> Self {
                $crate::error::Error::Other(std::sync::Arc::new(error))
            }
        }

        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}
pub(crate) use error_of_its_own;

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A label that is none of the classes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "label {label}{} is out of range: expected a number from 0 to below {classes}, the number of classes",
    match row.as_slice() {
        [] => String::new(),
        [row] => format!(" of row {row}"),
        row => format!(" of row {row:?}"),
    }
)]
pub struct BadLabel {
    /// The label.
    pub label: i64,
    /// Its row: one number for each axis of the labels.
    pub row: Vec<usize>,
    /// The number of classes.
    pub classes: usize,
}

/// A mistake in building a node.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{mistake}, in `{node}` ({op}) built at {location}")]
pub struct BuildError {
    /// Name of the node.
    pub node: String,
    /// Name of its op.
    pub op: &'static str,
    /// File and line of the caller that built it.
    pub location: &'static Location<'static>,
    /// What is wrong.
    pub mistake: Mistake,
}

/// Why a session does not do something inside of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Nesting {
    /// It changes the variables of a session while a run of the same session, of which the kernel is part, does so.
    #[error("the kernel's own run assigns variables of the same session, so this would wait for itself")]
    Itself,
    /// It changes the variables of a session whose own run waits for the one of which the kernel is part.
    #[error(
        "the session's variables are held by a run with a kernel that waits for this one's, so both would wait for ever"
    )]
    EachOther,
    /// Kernels and the runs in them are nested too deep.
    #[error("expected at most {most} runs and kernels within each other, got one more")]
    TooDeep {
        /// How many there may be.
        most: usize,
    },
}

/// What is wrong with the lowering of an op.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoweringError {
    /// An instruction that cannot be.
    #[error("the op is lowered to an instruction that cannot be: {instruction}")]
    Instruction {
        /// The instruction with its operands and its result.
        instruction: String,
    },
    /// The value is of another type or shape than the op's shape rule says.
    #[error("the op promises {promised_dtype}{promised}, but is lowered to {found_dtype}{found:?}")]
    Type {
        /// The element type by the shape rule.
        promised_dtype: DType,
        /// The shape by the shape rule.
        promised: Box<Shape>,
        /// The element type of the lowered value.
        found_dtype: DType,
        /// The lengths of the lowered value.
        found: Vec<usize>,
    },
    /// The shape rule gives another type than when the node was built.
    #[error(
        "expected {promised_dtype}{promised} as when it was built, got {found_dtype}{found} from the op's shape rule"
    )]
    ShapeRule {
        /// The element type that the node was built with.
        promised_dtype: DType,
        /// The shape that the node was built with.
        promised: Shape,
        /// The element type that the shape rule gives now.
        found_dtype: DType,
        /// The shape that the shape rule gives now.
        found: Box<Shape>,
    },
    /// The shape rule leaves a length open, although it is given the lengths of all inputs.
    #[error(
        "expected every length from the op's shape rule, as those of all inputs are known ({}), got {found_dtype}{found}",
        inputs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    UnknownLength {
        /// The element type that the shape rule gives.
        found_dtype: DType,
        /// The shape that the shape rule gives.
        found: Box<Shape>,
        /// The types of the inputs.
        inputs: Vec<TensorType>,
    },
    /// There are not as many outputs as the op promised when the node was built.
    #[error("expected {promised} outputs, got {found}")]
    OutputCount {
        /// The number promised.
        promised: usize,
        /// The number there are.
        found: usize,
    },
    /// Functions call each other so often that there is no program for all of it.
    #[error("expected at most {most} calls of functions in one run, got more")]
    TooManyCalls {
        /// How many there may be.
        most: usize,
    },
    /// The value belongs to another lowering.
    #[error("the op is lowered to a value of another lowering")]
    ForeignValue,
}
