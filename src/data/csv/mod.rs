//! Numbers from text files: rows of fields between commas, other bytes or white space, as they are or
//! compressed with gzip.
//!
//! Takes a path and a [`Csv`] that says how the file is laid out; gives an array or a dataset of all rows, or
//! an error that says where in the file it was found. A file is read line by line, and no line, nor the file
//! when decompressed, may be longer than a stated bound: a hostile one costs memory in proportion to that.

mod categories;
mod columns;
mod encoding;
mod error;
mod fields;
mod gzip;
mod lines;
mod missing;
mod number;
mod roles;
mod table;

use std::path::Path;
use std::str::FromStr;

use ndarray::{Array2, ArrayD, IxDyn};

pub use columns::Columns;
pub use encoding::Encoding;
pub use error::{CsvError, CsvFault};
pub use missing::Missing;

use super::dataset::Dataset;
use super::error::DataError;
use crate::Numeric;
use fields::Separator;
use missing::Words;
use table::Table;

/// How a text file of numbers is laid out: fields between commas and no header, until told otherwise.
///
/// In any layout, blank lines and white space around a field mean nothing, a field may stand in double
/// quotes, and the file may be compressed with gzip, which shows in its first bytes or in a name that ends in
/// `.gz`. Text is UTF-8, with a byte order mark or without, and its lines end in LF or CR LF; the file is a regular
/// one, not a pipe. Every field that is read must be a finite number; where integers are asked for, one without a fraction
/// (`3`, `3.0` or `3e0`), which is read exactly. Columns of texts become numbers where
/// [`categories`](Csv::categories) or [`one_hot`](Csv::one_hot) says so, and [`missing`](Csv::missing) says what becomes
/// of fields without a value.
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
#[derive(Clone, Debug, PartialEq)]
pub struct Csv {
    skipped: u64,
    header: bool,
    separator: Separator,
    limit: Option<u64>,
    /// The columns that are read, besides targets; `None` is all.
    columns: Option<Columns>,
    /// Columns of categories, and whether each category becomes a column.
    categories: Vec<(Columns, bool)>,
    missing: Missing,
    /// Columns in which something else becomes of what is missing.
    missing_in: Vec<(Columns, Missing)>,
    missing_words: Words,
    encoding: Option<Encoding>,
}

impl Default for Csv {
    fn default() -> Self {
        Csv {
            skipped: 0,
            header: false,
            separator: Separator::Byte(b','),
            limit: None,
            columns: None,
            categories: Vec::new(),
            missing: Missing::Error,
            missing_in: Vec::new(),
            missing_words: Words::default(),
            encoding: None,
        }
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

    /// The columns that are inputs, by name or index, in this order. All others but targets are not looked at, whatever
    /// they hold.
    ///
    /// ```
    /// use flowgrad::data::{Csv, read_csv};
    /// use flowgrad::ndarray::array;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("people.csv");
    /// std::fs::write(&path, "name,height,weight\nAda,1.65,57\nAlan,1.78,70\n")?;
    /// let csv = Csv::new().header();
    /// assert_eq!(read_csv::<f32>(&path, &csv.clone().columns(["weight", "height"]))?, array![[57.0, 1.65], [70.0, 1.78]]);
    /// assert_eq!(read_csv::<f32>(&path, &csv.columns(-1))?, array![[57.0], [70.0]]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn columns(mut self, columns: impl Into<Columns>) -> Self {
        self.columns = Some(columns.into());
        self
    }

    /// Columns whose fields are texts that stand for classes, inputs or targets: each becomes the number of its class,
    /// counted from 0 in the order that [`Encoding::categories`] tells.
    ///
    /// ```
    /// use flowgrad::data::Csv;
    /// use flowgrad::ndarray::array;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("iris.csv");
    /// std::fs::write(&path, "width,species\n0.2,setosa\n1.8,virginica\n1.4,versicolor\n")?;
    /// let csv = Csv::new().header().categories("species");
    /// let (iris, encoding) = csv.dataset::<f32, i64>(&path, "species")?;
    /// assert_eq!(iris.targets(), &array![0, 2, 1].into_dyn());
    /// assert_eq!(encoding.categories("species").unwrap(), ["setosa", "versicolor", "virginica"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn categories(mut self, columns: impl Into<Columns>) -> Self {
        self.categories.push((columns.into(), false));
        self
    }

    /// Columns whose fields are texts that stand for classes, inputs or targets: each becomes as many columns as there
    /// are classes, of which that of its class is 1 and the others are 0. [`Encoding`] has an example.
    pub fn one_hot(mut self, columns: impl Into<Columns>) -> Self {
        self.categories.push((columns.into(), true));
        self
    }

    /// What becomes of fields without a value, in all columns that are read but those of
    /// [`missing_in`](Csv::missing_in): an error, until told otherwise. [`Missing::Mean`] is for inputs that are numbers;
    /// in other columns it is an error as well.
    ///
    /// ```
    /// use flowgrad::data::{Csv, Missing, read_csv};
    /// use flowgrad::ndarray::array;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("sizes.csv");
    /// std::fs::write(&path, "1,2\n,4\n3,NA\n")?;
    /// assert_eq!(read_csv::<f32>(&path, &Csv::new().missing(Missing::Drop))?, array![[1.0, 2.0]]);
    /// let means = read_csv::<f32>(&path, &Csv::new().missing(Missing::Mean))?;
    /// assert_eq!(means, array![[1.0, 2.0], [2.0, 4.0], [3.0, 3.0]]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// What becomes of fields without a value in these columns.
    pub fn missing_in(mut self, columns: impl Into<Columns>, missing: Missing) -> Self {
        self.missing_in.push((columns.into(), missing));
        self
    }

    /// The words that say that a field has no value, in place of `NA`, `NaN`, `null`, `?` and the like. An empty field
    /// has none in any case. They are looked for where a missing value is no error.
    pub fn missing_values<'w>(mut self, words: impl IntoIterator<Item = &'w str>) -> Self {
        self.missing_words = Words::of(words);
        self
    }

    /// Numbers categories and fills in means as another file was read: the one of this [`Encoding`]. A category that it
    /// does not have is an error.
    pub fn encoded_as(mut self, encoding: &Encoding) -> Self {
        self.encoding = Some(encoding.clone());
        self
    }

    /// The numbers in a text file, `[rows, columns]`, and what they mean; see [`Encoding`] for an example.
    ///
    /// # Errors
    ///
    /// [`DataError::Csv`] with the file, and the line, column and text where there is one.
    pub fn read<T: Numeric + FromStr>(
        &self,
        path: impl AsRef<Path>,
    ) -> Result<(Array2<T>, Encoding), DataError> {
        let Table { rows, inputs, encoding, .. } = Table::<T, T>::read(path.as_ref(), self, None, true)?;
        Ok((by_rows(rows, inputs), encoding))
    }

    /// The rows of a text file, as [`Dataset::from_csv`] gives them, and what their numbers mean; see
    /// [`categories`](Csv::categories) for an example.
    ///
    /// # Errors
    ///
    /// [`DataError::Csv`] with the file, and the line, column and text where there is one.
    pub fn dataset<A: Numeric + FromStr, B: Numeric + FromStr>(
        &self,
        path: impl AsRef<Path>,
        targets: impl Into<Columns>,
    ) -> Result<(Dataset<A, B>, Encoding), DataError> {
        dataset(path.as_ref(), self, &targets.into(), true)
    }
}

/// As many rows as a file has.
fn by_rows<T: Numeric>(rows: usize, numbers: Vec<T>) -> Array2<T> {
    // Each row added as many numbers.
    Array2::from_shape_vec((rows, numbers.len() / rows), numbers).unwrap_or_default()
}

fn dataset<A: Numeric + FromStr, B: Numeric + FromStr>(
    path: &Path,
    csv: &Csv,
    columns: &Columns,
    names: bool,
) -> Result<(Dataset<A, B>, Encoding), DataError> {
    let Table { rows, inputs, targets, encoding } = Table::<A, B>::read(path, csv, Some(columns), names)?;
    let width = targets.len() / rows;
    let target_shape: &[usize] = if columns.is_one() && width == 1 { &[rows] } else { &[rows, width] };
    // Each row added as many targets.
    let targets = ArrayD::from_shape_vec(IxDyn(target_shape), targets).unwrap_or_default();
    Ok((Dataset::new(by_rows(rows, inputs), targets)?, encoding))
}

/// The numbers in a text file, `[rows, columns]`.
///
/// An example is at [`Csv`].
///
/// # Errors
///
/// [`DataError::Csv`] with the file, and the line, column and text where there is one.
pub fn read_csv<T: Numeric + FromStr>(path: impl AsRef<Path>, csv: &Csv) -> Result<Array2<T>, DataError> {
    let Table { rows, inputs, .. } = Table::<T, T>::read(path.as_ref(), csv, None, false)?;
    Ok(by_rows(rows, inputs))
}

impl<A: Numeric + FromStr, B: Numeric + FromStr> Dataset<A, B> {
    /// The rows of a text file: the columns `targets` as targets, all others, or those of [`Csv::columns`], in their
    /// order as inputs `[rows, columns]`.
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
        dataset(path.as_ref(), csv, &targets.into(), false).map(|(dataset, _)| dataset)
    }
}
