//! [`Encoding`]: what the numbers of a file mean.

use super::columns::{Column, Columns};

/// What the numbers that were read from a file mean: the names of the inputs, the categories that were numbered, and
/// the means that stand for what was missing.
///
/// Another file is read in the same way by [`Csv::encoded_as`](super::Csv::encoded_as): with the same numbers for the
/// same categories, and the means of the first. What is learned of the rows that are trained on is so applied to those
/// that are tested on.
///
/// ```
/// use flowgrad::data::{Csv, Missing};
/// use flowgrad::ndarray::array;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let (path, other) = (directory.path().join("train.csv"), directory.path().join("test.csv"));
/// std::fs::write(&path, "age,port,ticket\n20,C,A1\n,S,B2\n40,C,A3\n")?;
/// std::fs::write(&other, "age,port,ticket\n,S,C4\n")?;
/// let csv = Csv::new().header().columns(["age", "port"]).one_hot("port").missing_in("age", Missing::Mean);
/// let (train, encoding) = csv.read::<f32>(&path)?;
/// assert_eq!(train, array![[20.0, 1.0, 0.0], [30.0, 0.0, 1.0], [40.0, 1.0, 0.0]]);
/// assert_eq!(encoding.names(), ["age", "port=C", "port=S"]);
/// assert_eq!(encoding.categories("port").unwrap(), ["C", "S"]);
///
/// let (test, _) = csv.encoded_as(&encoding).read::<f32>(&other)?;
/// assert_eq!(test, array![[30.0, 0.0, 1.0]]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoding {
    /// By their indices in the file.
    pub(super) columns: Vec<Learned>,
    pub(super) names: Vec<String>,
}

/// What was learned of a column.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Learned {
    pub(super) index: usize,
    /// Its name in the header.
    pub(super) name: Option<String>,
    pub(super) categories: Option<Vec<String>>,
    pub(super) mean: Option<f64>,
}

impl Encoding {
    /// The name of each column of the inputs: as in the header, or the index of the column in a file without one; with
    /// the category behind it, as `port=C`, where each category has a column.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The categories of a column of the file, by its name or index: category i became the number i, or the i-th of
    /// the columns. `None` of a column of numbers.
    ///
    /// Categories are in order: by number if all of them are numbers, and else by their text. Indices count from 0;
    /// none counts from the end.
    pub fn categories(&self, column: impl Into<Columns>) -> Option<&[String]> {
        self.asked(&column.into())?.iter().find_map(|column| column.categories.as_deref())
    }

    /// The mean of a column of the file, by its name or index, that stands for what is missing in it.
    pub fn mean(&self, column: impl Into<Columns>) -> Option<f64> {
        self.asked(&column.into())?.iter().find_map(|column| column.mean)
    }

    /// What was learned of the first of these columns.
    fn asked(&self, columns: &Columns) -> Option<Vec<&Learned>> {
        let column = columns.first()?;
        let is_it = |learned: &&Learned| match column {
            Column::Index(index) => usize::try_from(*index) == Ok(learned.index),
            Column::Name(name) => learned.name.as_ref() == Some(name),
        };
        Some(self.columns.iter().filter(is_it).collect())
    }

    /// What was learned of the column that has this index in another file, whose header may have names: by the name
    /// where both files have them.
    pub(super) fn of(&self, index: usize, names: Option<&[String]>) -> Option<&Learned> {
        let name = names.and_then(|names| names.get(index));
        let is_it = |learned: &&Learned| match (&learned.name, name) {
            (Some(learned), Some(name)) => learned == name,
            _ => learned.index == index,
        };
        // Of several of that name, the one at the same place.
        self.columns.iter().filter(is_it).min_by_key(|learned| learned.index != index)
    }
}
