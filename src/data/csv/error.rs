//! What is wrong with a text file of numbers, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::DType;
use crate::quote::{list::listed, quoted};

/// Why a text file gives no numbers.
#[derive(Clone)]
pub struct CsvError {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1, where the fault is in one.
    pub line: Option<u64>,
    /// The field in the line, counted from 1, where the fault is in one.
    pub column: Option<usize>,
    /// The name of that column, if the file has a header, or the beginning of it.
    pub name: Option<Box<str>>,
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
        if let Some(name) = &self.name {
            write!(f, " (`{}`)", quoted(name))?;
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
    #[error("expected at least one row, got none")]
    Empty,

    /// A row with more or fewer fields than the header or the rows before it.
    #[error("expected {expected} fields, got {found}")]
    Ragged {
        /// Fields of the header or the first row.
        expected: usize,
        /// Fields of this row.
        found: usize,
    },

    /// A double quote without its fellow on the same line.
    #[error("expected a closing double quote on the line, got none")]
    OpenQuote,

    /// A field that is no number.
    #[error(
        "expected a number, got `{}`; {}",
        quoted(text),
        if *may_be_name {
            "if this line names the columns, use `Csv::header`"
        } else if *is_missing {
            "`Csv::missing` and `Csv::missing_in` set what becomes of missing values"
        } else {
            "`Csv::categories` takes a column of texts, and `Csv::columns` chooses others"
        }
    )]
    NotANumber {
        /// What stands there, or the beginning of it.
        text: String,
        /// Whether it stands in the first line, and the file is not said to begin with a header.
        may_be_name: bool,
        /// Whether it is nothing, or a word that says so.
        is_missing: bool,
    },

    /// A field that says NaN or infinity.
    #[error("expected a finite number, got `{}`", quoted(text))]
    NotFinite {
        /// What stands there, or the beginning of it.
        text: String,
    },

    /// A number beyond the type that is asked for.
    #[error("expected a number in the range of {dtype}, got `{}`", quoted(text))]
    OutOfRange {
        /// What stands there, or the beginning of it.
        text: String,
        /// The type that is asked for.
        dtype: DType,
    },

    /// A number with a fraction where an integer is asked for.
    #[error("expected a whole number for {dtype}, got `{}`", quoted(text))]
    NotWhole {
        /// What stands there, or the beginning of it.
        text: String,
        /// The type that is asked for.
        dtype: DType,
    },

    /// Text of another encoding.
    #[error("expected text in UTF-8, which spreadsheets call \"CSV UTF-8\", got {encoding}")]
    Encoding {
        /// The encoding.
        encoding: &'static str,
    },

    /// No text at all, but bytes that mean something else.
    #[error("expected text, got a zero byte at the beginning of the file")]
    NotText,

    /// A file that gzip does not read either, because something stands before what it packed.
    #[error("expected gzip data at the beginning of the file, got {zeros} zero bytes before it")]
    ZerosBeforeGzip {
        /// How many.
        zeros: u64,
    },

    /// A line that does not end where a carriage return says so.
    #[error("expected lines that end in LF or CR LF, got a carriage return (CR) within the line")]
    CarriageReturn,

    /// A line longer than any row of numbers.
    #[error("expected a line of at most {limit} bytes, got a longer one")]
    LineTooLong {
        /// The most bytes of a line.
        limit: u64,
    },

    /// More text than is read.
    #[error("expected at most {limit} bytes of text, got more; `Csv::limit` sets how many are read")]
    TextTooLong {
        /// The most bytes of the file, after decompression.
        limit: u64,
    },

    /// A delimiter that may stand in a number or ends a line.
    #[error("expected a byte that can separate numbers, got {:?}", char::from(*delimiter))]
    Delimiter {
        /// The byte as given.
        delimiter: u8,
    },

    /// A column that the file does not have.
    #[error("expected one of {columns} columns, got {index}")]
    ColumnOutOfRange {
        /// The index as given.
        index: isize,
        /// Columns of the file.
        columns: usize,
    },

    /// A column that is listed twice.
    #[error("expected each column once, got index {index} twice")]
    ColumnTwice {
        /// The index, counted from 0.
        index: usize,
    },

    /// An option for a column that is neither chosen nor a target.
    #[error("expected a column that is read, got index {index}; `Csv::columns` chooses others")]
    NotRead {
        /// The index, counted from 0.
        index: usize,
    },

    /// A field without a value in a column of categories.
    #[error(
        "expected a category, got `{}`; `Csv::missing` and `Csv::missing_in` set what becomes of missing values",
        quoted(text)
    )]
    NoCategory {
        /// What stands there.
        text: String,
    },

    /// A category that the encoding does not have.
    #[error(
        "expected a category among {}, got `{}`",
        listed(known.iter().map(String::as_str), *categories),
        quoted(text)
    )]
    UnknownCategory {
        /// What stands there, or the beginning of it.
        text: Box<str>,
        /// The first categories.
        known: Box<[String]>,
        /// How many there are.
        categories: usize,
    },

    /// More categories than any column has.
    #[error("expected a column of at most {limit} categories, got more")]
    TooManyCategories {
        /// The most categories of a column.
        limit: usize,
    },

    /// A column of categories of which the encoding knows none.
    #[error("expected a column whose categories the encoding has, got index {index}")]
    NotEncoded {
        /// The index, counted from 0.
        index: usize,
    },

    /// Means in the place of missing values, where integers are asked for.
    #[error("expected a type of floats for means of missing values, got {dtype}")]
    MeanOfIntegers {
        /// The type that is asked for.
        dtype: DType,
    },

    /// Means of a column that has none.
    #[error("expected a column of numbers among the inputs for means of missing values, got index {index}")]
    NoMeanOf {
        /// The index, counted from 0.
        index: usize,
    },

    /// A column in which all values are missing.
    #[error("expected a value in at least one row for the mean of the missing ones, got none")]
    NoMean,

    /// An empty list of columns.
    #[error("expected at least one column as target, got none")]
    NoTargets,

    /// A list of targets that leaves no inputs.
    #[error("expected at least one column as input, got all {columns} columns as targets")]
    NoInputs {
        /// Columns of the file.
        columns: usize,
    },

    /// A name where the file is not said to have any.
    #[error(
        "expected the index of a column, as there is no header, got the name `{name}`; `Csv::header` says that there is one"
    )]
    NoHeader {
        /// The name as given.
        name: String,
    },

    /// A name that the header does not have.
    #[error("expected a column among {}, got `{name}`", listed(names.iter().map(String::as_str), *columns))]
    UnknownColumn {
        /// The name as given.
        name: Box<str>,
        /// The first names in the header.
        names: Box<[String]>,
        /// Columns of the file.
        columns: usize,
    },

    /// A name that the header has twice.
    #[error("expected one column named `{name}`, got indices {first} and {second}")]
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
