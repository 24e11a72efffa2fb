//! What can go wrong in building and running, as one enum; each message names the node, the line that built it, what
//! was expected, and what there is instead.

mod fault;

use std::fmt;
use std::io;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::Arc;

use crate::element::DType;
use crate::ir::{BadLabel, KernelError, LoweringError};
use crate::memory::OutOfMemory;
use crate::quote::quoted;
use crate::shape::{Shape, TensorType};

pub use fault::{Fault, OpFault};

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
    #[error("{site}: expected a feed of {expected}, got none")]
    NotFed {
        /// The placeholder.
        site: Site,
        /// Its element type and its declared shape.
        expected: TensorType,
    },

    /// A fed array does not fit the shape of the tensor it is fed for.
    #[error("{site}: expected a feed of shape {expected}, got {found:?}")]
    FeedShape {
        /// The fed tensor.
        site: Site,
        /// Its static shape.
        expected: Shape,
        /// The shape of the array.
        found: Vec<usize>,
    },

    /// A fed array is of another element type than the tensor it is fed for.
    #[error("{site}: expected a feed of {expected}, got {found}")]
    FeedType {
        /// The fed tensor.
        site: Site,
        /// Its element type.
        expected: DType,
        /// That of the array.
        found: DType,
    },

    /// A call is given another number of arrays than there are tensors in a list of its callable's feeds.
    #[error("{}: expected {expected} arrays, got {found}", match site {
        Some(site) => format!("the list of feeds from {site} on"),
        None => "an empty list of feeds".to_owned(),
    })]
    FeedCount {
        /// The first tensor of the list, if it has one.
        site: Option<Site>,
        /// The number of tensors.
        expected: usize,
        /// The number of arrays.
        found: usize,
    },

    /// A tensor of a function's body is fed or fetched. There is one of it for each call of the function.
    #[error(
        "{site}: expected a tensor from outside of `{function}` or a result of a call, got one of its body"
    )]
    InsideFunction {
        /// The tensor.
        site: Site,
        /// Name of the function.
        function: String,
    },

    /// One run feeds the same tensor twice.
    #[error("{0}: expected one feed, got two")]
    FedTwice(Site),

    /// A tensor or operation is fetched from or fed to a session of another graph.
    #[error("{0}: expected a tensor of the session's graph, got one of another graph")]
    OtherGraph(Site),

    /// Two assignments to one variable in one run, with no order between them.
    #[error(
        "variable `{variable}`: expected an order between its assignments in one run, got none between {first} and \
         {second}; build one under control_dependencies on the other"
    )]
    UnorderedAssigns {
        /// Name of the variable.
        variable: String,
        /// The assignment built first.
        first: Box<Site>,
        /// The assignment built second.
        second: Box<Site>,
    },

    /// An integer was divided by zero.
    #[error(
        "integer division by zero in {site}{}",
        at.as_ref().filter(|at| !at.is_empty()).map_or(String::new(), |at| format!(", at {at:?}"))
    )]
    DivisionByZero {
        /// The division.
        site: Site,
        /// Where in the quotient the first such division is: one number for each axis; `None` where it was not found
        /// when computed again.
        at: Option<Vec<usize>>,
    },

    /// A label is negative or not below the number of classes.
    #[error(
        "{}, in {site}",
        label.as_ref().map_or("a label is out of range".to_owned(), ToString::to_string)
    )]
    IndexOutOfRange {
        /// The node that uses it.
        site: Site,
        /// The first such label; `None` where all were in range when computed again.
        label: Option<BadLabel>,
    },

    /// A value that is checked, by [`check_numerics`](crate::Tensor::check_numerics) or because the session
    /// checks all, holds a NaN or an infinity.
    #[error(
        "{} in {site}, found by the check of `{checked}`",
        value.map_or("a number that is not finite".to_owned(), |value| value.to_string())
    )]
    NotFinite {
        /// The node that made it out of finite numbers, or was given it; the checked one, where all was finite when
        /// it was computed again.
        site: Site,
        /// What it made: NaN, or the first infinity; `None` where it was finite when computed again.
        value: Option<f64>,
        /// Name of the tensor that is checked.
        checked: String,
    },

    /// The lowering of an op does not keep what its shape rule promises: a defect of the op.
    #[error("{reason}, in {site}")]
    Lowering {
        /// The node.
        site: Site,
        /// What is wrong.
        reason: LoweringError,
    },

    /// The kernel of an op did not give a value.
    #[error("{reason}, in {site}{}", reason.place())]
    Kernel {
        /// The node.
        site: Site,
        /// Why there is none.
        reason: KernelError,
    },

    /// A run took longer than it may; see [`Session::with_timeout`](crate::Session::with_timeout). It left every
    /// variable as it was.
    #[error("expected the run to end within its timeout, got no end")]
    DeadlineExceeded,

    /// A run was to be repeated no times, which gives no results.
    #[error("expected one repetition at least, got none")]
    NoRepetition,

    /// One of several runs could not be done, each of which is a transaction of its own; see
    /// [`Callable::repeat_each_with`](crate::Callable::repeat_each_with). Those before it are done.
    #[error("{error}, in repetition {repetition}")]
    Repetition {
        /// Which one, counted from 0.
        repetition: usize,
        /// What went wrong.
        error: Box<Error>,
    },

    /// An iteration of a loop could not be done. The run left every variable as it was.
    #[error("{error}, in iteration {iteration} of {site}")]
    Iteration {
        /// The loop.
        site: Site,
        /// Which iteration, counted from 0; of a loop that goes backwards, the row that it was at.
        iteration: usize,
        /// What went wrong.
        error: Box<Error>,
    },

    /// A tensor of a run would hold more bytes than the machine can address.
    #[error("{site}: the shape {shape} has too many bytes to address")]
    TooLarge {
        /// The tensor.
        site: Site,
        /// The shape that it would have.
        shape: Shape,
    },

    /// The machine has no more memory for the values of a run, of variables or of constants.
    #[error("no memory for {bytes} bytes of values{}", site.as_ref().map_or(String::new(), |site| format!(" of {site}")))]
    OutOfMemory {
        /// How many bytes were asked for at once; the greatest number there is if they are more.
        bytes: usize,
        /// The tensor or variable whose elements they are, or the largest tensor where a run computes several; `None`
        /// where none is known.
        site: Option<Site>,
    },

    /// Values are loaded for a variable that the graph does not have.
    #[error("expected the name of a variable of the graph among the values to load, got `{}`", quoted(name))]
    UnknownVariable {
        /// The name in the loaded values.
        name: String,
    },

    /// A loaded value does not fit its variable.
    #[error("variable `{name}`: expected a value of {expected} to load, got {found}")]
    LoadMismatch {
        /// Name of the variable.
        name: String,
        /// Element type and shape of the variable.
        expected: Box<TensorType>,
        /// Element type and shape of the loaded value.
        found: Box<TensorType>,
    },

    /// A flat array has another number of elements than the parameters that it is to be taken apart into.
    #[error("expected {expected} elements, one for each of the parameters, got {found}")]
    PackedLength {
        /// How many the parameters have.
        expected: usize,
        /// How many there are.
        found: usize,
    },

    /// The one element is asked for of an array that has more, or none.
    #[error("expected an array of one element, got shape {shape:?}")]
    NotOneElement {
        /// The shape of the array.
        shape: Vec<usize>,
    },

    /// An element is asked for of another type than a value has.
    #[error("expected elements of {expected}, got {found}")]
    ElementType {
        /// What was asked for.
        expected: DType,
        /// What the value has.
        found: DType,
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

    /// The file that names machine code for `perf` could not be written; see
    /// [`SessionBuilder::perf_map`](crate::SessionBuilder::perf_map).
    #[error("the map of machine code cannot be written to `{}`: {reason}", path.display())]
    PerfMap {
        /// The file to be written.
        path: PathBuf,
        /// Why it could not be.
        #[source]
        reason: Arc<io::Error>,
    },

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

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<OutOfMemory> for Error {
    fn from(OutOfMemory { bytes, .. }: OutOfMemory) -> Self {
        Error::OutOfMemory { bytes, site: None }
    }
}

/// A node as errors name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Name of the node, or of the tensor that is one of its outputs.
    pub node: String,
    /// Name of its op.
    pub op: &'static str,
    /// File and line of the caller that built it.
    pub location: &'static Location<'static>,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({}) built at {}", self.node, self.op, self.location)
    }
}

/// A node that is wrong.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{fault}, in {site}")]
pub struct BuildError {
    /// The node.
    pub site: Site,
    /// What is wrong with it.
    pub fault: Fault,
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
        "the session's variables are held by a run with a kernel that waits for this one's, so both would wait forever"
    )]
    EachOther,
    /// Kernels and the runs in them are nested too deep.
    #[error("expected at most {most} runs and kernels within each other, got one more")]
    TooDeep {
        /// How many there may be.
        most: usize,
    },
}
