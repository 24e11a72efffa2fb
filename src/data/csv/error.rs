//! What is wrong with a text file of numbers, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::DType;
use crate::quote::{listed, quoted};

/// Why a text file gives no numbers.
#[derive(Clone)]
pub struct CsvError {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1, where the fault is in one.
    pub line: Option<u64>,
    /// The field in the line, counted from 1, where the fault is in one.
    pub column: Option<usize>,
    /// What is wrong.
    pub fault: CsvFault,
}

impl fmt::Display for CsvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl fmt::Debug for CsvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for CsvError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.fault.source()
    }
}

/// What is wrong with a text file of numbers.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CsvFault {
    /// The file cannot be opened or read, or what it holds is not what gzip wrote.
    #[error("cannot be read: {0}")]
    Io(#[source] Arc<io::Error>),

    /// There is no row of numbers.
    #[error("the file has no rows")]
    Empty,

    /// A row with more or fewer fields than the header or the rows before it.
    #[error("expected {expected} fields, found {found}")]
    Ragged {
        /// Fields of the header or the first row.
        expected: usize,
        /// Fields of this row.
        found: usize,
    },

    /// A double quote without its fellow on the same line.
    #[error("a double quote is opened and not closed on the line")]
    OpenQuote,

    /// A field that is no number.
    #[error(
        "`{}` is not a number{}",
        quoted(text),
        if *may_be_name { "; if this line names the columns, use `Csv::header`" } else { "" }
    )]
    NotANumber {
        /// What stands there, or the beginning of it.
        text: String,
        /// Whether it stands in the first line, and the file is not said to begin with a header.
        may_be_name: bool,
    },

    /// A field that says NaN or infinity.
    #[error("`{}` is not a finite number", quoted(text))]
    NotFinite {
        /// What stands there, or the beginning of it.
        text: String,
    },

    /// A number beyond the type that is asked for.
    #[error("`{}` is out of the range of {dtype}", quoted(text))]
    OutOfRange {
        /// What stands there, or the beginning of it.
        text: String,
        /// The type that is asked for.
        dtype: DType,
    },

    /// A number with a fraction where an integer is asked for.
    #[error("`{}` is not a whole number, as {dtype} needs", quoted(text))]
    NotWhole {
        /// What stands there, or the beginning of it.
        text: String,
        /// The type that is asked for.
        dtype: DType,
    },

    /// Text of another encoding.
    #[error("the text is {encoding}, but UTF-8 is expected, which spreadsheets call \"CSV UTF-8\"")]
    Encoding {
        /// The encoding.
        encoding: &'static str,
    },

    /// No text at all, but bytes that mean something else.
    #[error("the file is no text: there is a zero byte at its beginning")]
    NotText,

    /// A file that gzip does not read either, because something stands before what it packed.
    #[error("{zeros} zero bytes stand before what gzip packed, which must begin the file")]
    ZerosBeforeGzip {
        /// How many.
        zeros: u64,
    },

    /// A line that does not end where a carriage return says so.
    #[error("a carriage return (CR) stands within the line; lines end in LF or CR LF, and not in CR alone")]
    CarriageReturn,

    /// A line longer than any row of numbers.
    #[error("the line is longer than {limit} bytes")]
    LineTooLong {
        /// The most bytes of a line.
        limit: u64,
    },

    /// More text than is read.
    #[error("more than {limit} bytes of text; `Csv::limit` sets how many are read")]
    TextTooLong {
        /// The most bytes of the file, after decompression.
        limit: u64,
    },

    /// A delimiter that may stand in a number or ends a line.
    #[error("{:?} cannot separate numbers", char::from(*delimiter))]
    Delimiter {
        /// The byte as given.
        delimiter: u8,
    },

    /// A column that the file does not have.
    #[error("there is no column {index} among {columns}")]
    ColumnOutOfRange {
        /// The index as given.
        index: isize,
        /// Columns of the file.
        columns: usize,
    },

    /// A column that is listed twice.
    #[error("column {index} is listed twice")]
    ColumnTwice {
        /// The index, counted from 0.
        index: usize,
    },

    /// An empty list of columns.
    #[error("no column is listed as target")]
    NoTargets,

    /// A list of targets that leaves no inputs.
    #[error("all {columns} columns are targets, and none is left as input")]
    NoInputs {
        /// Columns of the file.
        columns: usize,
    },

    /// A name where the file is not said to have any.
    #[error("no column is known as `{name}` without a header; `Csv::header` says that there is one")]
    NoHeader {
        /// The name as given.
        name: String,
    },

    /// A name that the header does not have.
    #[error("there is no column `{name}` among {}", listed(names.iter().map(String::as_str), *columns))]
    UnknownColumn {
        /// The name as given.
        name: String,
        /// The first names in the header.
        names: Vec<String>,
        /// Columns of the file.
        columns: usize,
    },

    /// A name that the header has twice.
    #[error("columns {first} and {second} are both named `{name}`")]
    SameName {
        /// The name as given.
        name: String,
        /// The index of the first column of that name, counted from 0.
        first: usize,
        /// The index of the second.
        second: usize,
    },
}

impl From<io::Error> for CsvFault {
    fn from(error: io::Error) -> Self {
        CsvFault::Io(Arc::new(error))
    }
}
