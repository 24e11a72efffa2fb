//! [`Columns`]: some columns of a file.

use std::collections::BTreeSet;

use super::error::CsvFault;
use crate::quote::{excerpt, list::LISTED};

/// Columns of a file, by index or by name: one (`-1`, `"price"`) or a list (`[0, 3]`, `["x", "y"]`).
///
/// An index counts from 0, or from the end when it is negative; a name is one of the file's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    wanted: Vec<Column>,
    one: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Index(isize),
    Name(String),
}

impl From<isize> for Columns {
    fn from(index: isize) -> Self {
        Columns { wanted: vec![Column::Index(index)], one: true }
    }
}

impl From<&str> for Columns {
    fn from(name: &str) -> Self {
        Columns { wanted: vec![Column::Name(name.to_owned())], one: true }
    }
}

impl From<Vec<isize>> for Columns {
    fn from(indices: Vec<isize>) -> Self {
        Columns { wanted: indices.into_iter().map(Column::Index).collect(), one: false }
    }
}

impl From<&[&str]> for Columns {
    fn from(names: &[&str]) -> Self {
        Columns { wanted: names.iter().map(|&name| Column::Name(name.to_owned())).collect(), one: false }
    }
}

impl<const N: usize> From<[isize; N]> for Columns {
    fn from(indices: [isize; N]) -> Self {
        Columns { wanted: indices.map(Column::Index).into(), one: false }
    }
}

impl<const N: usize> From<[&str; N]> for Columns {
    fn from(names: [&str; N]) -> Self {
        Columns { wanted: names.map(|name| Column::Name(name.to_owned())).into(), one: false }
    }
}

/// The names in a header, looked through once for each that is asked for: there may be millions.
pub(super) trait Names {
    /// Hands out each name with its index.
    fn each(&mut self, take: &mut dyn FnMut(usize, &[u8])) -> Result<(), CsvFault>;
}

impl Columns {
    /// Whether one column was asked for, and not a list.
    pub(super) fn is_one(&self) -> bool {
        self.one
    }

    /// The first that is listed.
    pub(super) fn first(&self) -> Option<&Column> {
        self.wanted.first()
    }

    /// The indices among `count` columns, in the order in which they are listed; each once.
    pub(super) fn resolved(
        &self,
        count: usize,
        mut names: Option<&mut (dyn Names + '_)>,
    ) -> Result<Vec<usize>, CsvFault> {
        let mut indices = Vec::with_capacity(self.wanted.len());
        let mut seen = BTreeSet::new();
        for column in &self.wanted {
            let index = match (column, &mut names) {
                (Column::Index(index), _) => counted(*index, count)?,
                (Column::Name(name), Some(names)) => named(name, count, *names)?,
                (Column::Name(name), None) => return Err(CsvFault::NoHeader { name: name.clone() }),
            };
            if !seen.insert(index) {
                return Err(CsvFault::ColumnTwice { index });
            }
            indices.push(index);
        }
        Ok(indices)
    }
}

/// The index of a column, counted from the end when it is negative; below `count`.
fn counted(index: isize, count: usize) -> Result<usize, CsvFault> {
    let from_start = if index < 0 { index.checked_add_unsigned(count) } else { Some(index) };
    from_start
        .and_then(|index| usize::try_from(index).ok())
        .filter(|&index| index < count)
        .ok_or(CsvFault::ColumnOutOfRange { index, columns: count })
}

/// The index of the one column of this name.
fn named(name: &str, count: usize, names: &mut dyn Names) -> Result<usize, CsvFault> {
    let (mut found, mut shown) = ((None, None), Vec::new());
    names.each(&mut |index, other| {
        if String::from_utf8_lossy(other) == name {
            found = (found.0.or(Some(index)), found.0.and(found.1.or(Some(index))));
        }
        if index < LISTED {
            shown.push(excerpt(other));
        }
    })?;
    match found {
        (Some(index), None) => Ok(index),
        (Some(first), Some(second)) => Err(CsvFault::SameName { name: name.to_owned(), first, second }),
        (None, _) => Err(CsvFault::UnknownColumn { name: name.into(), names: shown.into(), columns: count }),
    }
}
