//! Numbers from text files: rows of fields between commas, other bytes or white space, as they are or
//! compressed with gzip.
//!
//! Takes a path and a [`Csv`] that says how the file is laid out; gives an array or a dataset of all rows, or
//! an error that says where in the file it was found. A file is read line by line, and no line, nor the file
//! when decompressed, may be longer than a stated bound: a hostile one costs memory in proportion to that.

mod columns;
mod error;
mod fields;
mod gzip;
mod lines;
mod number;

use std::io;
use std::path::Path;
use std::str::FromStr;

use ndarray::{Array2, ArrayD, IxDyn};

pub use columns::Columns;
pub use error::{CsvError, CsvFault};

use super::dataset::Dataset;
use super::error::DataError;
use crate::Numeric;
use columns::{Names, Roles};
use fields::{Fields, Separator};
use lines::{Lines, check_returns};

/// How a text file of numbers is laid out: fields between commas and no header, until told otherwise.
///
/// In any layout, blank lines and white space around a field mean nothing, a field may stand in double
/// quotes, and the file may be compressed with gzip, which shows in its first bytes or in a name that ends in
/// `.gz`. Text is UTF-8, with a byte order mark or without, and its lines end in LF or CR LF; the file is a regular
/// one, not a pipe. Every field must be a finite number; where integers are asked for, one without a fraction (`3`,
/// `3.0` or `3e0`), which is read exactly.
///
/// ```
/// use flowgrad::data::{Csv, read_csv};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("sizes.csv");
/// std::fs::write(&path, "length;width\n5.1;3.5\n4.9;3.0\n")?;
/// let sizes = read_csv::<f32>(&path, &Csv::new().header().delimiter(b';'))?;
/// assert_eq!(sizes, flowgrad::ndarray::array![[5.1, 3.5], [4.9, 3.0]]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csv {
    skipped: u64,
    header: bool,
    separator: Separator,
    limit: Option<u64>,
}

impl Default for Csv {
    fn default() -> Self {
        Csv { skipped: 0, header: false, separator: Separator::Byte(b','), limit: None }
    }
}

impl Csv {
    /// Fields between commas, and every line a row.
    pub fn new() -> Self {
        Self::default()
    }

    /// The first line, after those that are skipped, names the columns.
    pub fn header(mut self) -> Self {
        self.header = true;
        self
    }

    /// The first `lines` are not looked at, whatever they say.
    pub fn skip_lines(mut self, lines: u64) -> Self {
        self.skipped = lines;
        self
    }

    /// Fields are separated by this byte: `b';'`, `b'\t'`.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.separator = Separator::Byte(delimiter);
        self
    }

    /// Fields are separated by any number of spaces and tabs; quotes mean nothing.
    pub fn whitespace(mut self) -> Self {
        self.separator = Separator::Whitespace;
        self
    }

    /// The most bytes of text that are read, after decompression, before it is an error: 256 MiB, or the
    /// length of the file where that is more. A few megabytes of gzip can hold thousands of times as much.
    pub fn limit(mut self, bytes: u64) -> Self {
        self.limit = Some(bytes);
        self
    }
}

/// The numbers in a text file, `[rows, columns]`.
///
/// An example is at [`Csv`].
///
/// # Errors
///
/// [`DataError::Csv`] with the file, and the line, column and text where there is one.
pub fn read_csv<T: Numeric + FromStr>(path: impl AsRef<Path>, csv: &Csv) -> Result<Array2<T>, DataError> {
    let Table { rows, inputs, .. } = Table::<T, T>::read(path.as_ref(), csv, None)?;
    let columns = inputs.len() / rows;
    // Each row added as many numbers.
    Ok(Array2::from_shape_vec((rows, columns), inputs).unwrap_or_default())
}

impl<A: Numeric + FromStr, B: Numeric + FromStr> Dataset<A, B> {
    /// The rows of a text file: the columns `targets` as targets, all others, in their order, as inputs
    /// `[rows, columns]`.
    ///
    /// One column, by its index (from 0, or from the end when negative) or by its name in the header, makes
    /// targets `[rows]`; a list makes targets `[rows, columns]` in the order of the list.
    ///
    /// ```
    /// use flowgrad::data::{Csv, Dataset};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("iris.csv");
    /// std::fs::write(&path, "150,4,setosa\n5.1,3.5,0\n4.9,3.0,1\n")?;
    /// let iris = Dataset::<f32, i64>::from_csv(&path, &Csv::new().skip_lines(1), -1)?;
    /// assert_eq!((iris.inputs().shape(), iris.targets().shape()), (&[2, 2][..], &[2][..]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`DataError::Csv`] with the file, and the line, column and text where there is one.
    pub fn from_csv(
        path: impl AsRef<Path>,
        csv: &Csv,
        targets: impl Into<Columns>,
    ) -> Result<Self, DataError> {
        let columns = targets.into();
        let Table { rows, inputs, targets } = Table::<A, B>::read(path.as_ref(), csv, Some(&columns))?;
        let width = inputs.len() / rows;
        let target_shape: &[usize] = if columns.is_one() { &[rows] } else { &[rows, targets.len() / rows] };
        // Each row added as many inputs and as many targets.
        Dataset::new(
            Array2::from_shape_vec((rows, width), inputs).unwrap_or_default(),
            ArrayD::from_shape_vec(IxDyn(target_shape), targets).unwrap_or_default(),
        )
    }
}

/// The numbers of a file, row by row, in the two types that they are asked for.
struct Table<A, B> {
    /// At least 1.
    rows: usize,
    inputs: Vec<A>,
    targets: Vec<B>,
}

/// Where in the file a reader stands, counted from 1.
#[derive(Default)]
struct Place {
    line: Option<u64>,
    column: Option<usize>,
}

impl<A: Numeric + FromStr, B: Numeric + FromStr> Table<A, B> {
    fn read(path: &Path, csv: &Csv, targets: Option<&Columns>) -> Result<Self, CsvError> {
        let mut place = Place::default();
        Self::scan(path, csv, targets, &mut place).map_err(|fault| {
            let Place { line, column } = place;
            CsvError { path: path.to_owned(), line, column, fault }
        })
    }

    fn scan(path: &Path, csv: &Csv, targets: Option<&Columns>, place: &mut Place) -> Result<Self, CsvFault> {
        let mut lines = Lines::open(path, csv.limit)?;
        let mut fields = Fields::separated_by(csv.separator)?;
        let mut roles: Option<Roles> = None;
        let mut table = Table { rows: 0, inputs: Vec::new(), targets: Vec::new() };
        for number in 1.. {
            *place = Place { line: Some(number), column: None };
            let Some(line) = lines.next_line()? else { break };
            if number <= csv.skipped || line.trim_ascii().is_empty() {
                continue;
            }
            check_returns(line)?;
            let roles = if let Some(roles) = &roles {
                roles
            } else {
                let count = fields.each(line, |_, _| ())?;
                let mut header = Header { fields: &mut fields, line };
                let names: Option<&mut dyn Names> = if csv.header { Some(&mut header) } else { None };
                let known = roles.insert(Roles::of(count, names, targets)?);
                if csv.header {
                    continue;
                }
                known
            };
            table.add(line, &mut fields, roles, place).map_err(|fault| match fault {
                CsvFault::NotANumber { text, .. } => {
                    let may_be_name = table.rows == 0 && !csv.header && !text.is_empty();
                    CsvFault::NotANumber { text, may_be_name }
                }
                fault => fault,
            })?;
        }
        *place = Place::default();
        table.inputs.shrink_to_fit();
        table.targets.shrink_to_fit();
        if table.rows == 0 { Err(CsvFault::Empty) } else { Ok(table) }
    }

    /// Adds the numbers of a line.
    fn add(
        &mut self,
        line: &[u8],
        fields: &mut Fields,
        roles: &Roles,
        place: &mut Place,
    ) -> Result<(), CsvFault> {
        let Table { rows, inputs, targets } = self;
        inputs.try_reserve(roles.inputs()).map_err(io::Error::from)?;
        targets.try_reserve(roles.targets.len()).map_err(io::Error::from)?;
        let first_target = targets.len();
        targets.resize(first_target + roles.targets.len(), B::default());
        let mut to_come = roles.targets.iter().peekable();
        let mut fault = None;
        // A line that is no row as a whole says so, whatever its fields say.
        let found = fields.each(line, |index, field| {
            if fault.is_some() || index >= roles.count {
                return;
            }
            let taken = match to_come.next_if(|(target, _)| *target == index) {
                Some((_, rank)) => number::parse(field).map(|number| targets[first_target + rank] = number),
                None => number::parse(field).map(|number| inputs.push(number)),
            };
            fault = taken.err().map(|fault| (index, fault));
        })?;
        if found != roles.count {
            return Err(CsvFault::Ragged { expected: roles.count, found });
        }
        if let Some((index, fault)) = fault {
            place.column = Some(index + 1);
            return Err(fault);
        }
        *rows += 1;
        Ok(())
    }
}

/// The line that names the columns.
struct Header<'l> {
    fields: &'l mut Fields,
    line: &'l [u8],
}

impl Names for Header<'_> {
    fn each(&mut self, take: &mut dyn FnMut(usize, &[u8])) -> Result<(), CsvFault> {
        self.fields.each(self.line, take).map(drop)
    }
}
