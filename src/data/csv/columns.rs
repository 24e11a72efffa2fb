//! [`Columns`]: which columns of a file are targets.

use std::borrow::Cow;

use super::error::{CsvFault, excerpt};

/// Columns of a file, by index or by name: one (`-1`, `"price"`) or a list (`[0, 3]`, `["x", "y"]`).
///
/// An index counts from 0, or from the end when it is negative; a name is one of the file's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    wanted: Vec<Column>,
    one: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Column {
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

/// What a column is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Input,
    /// The target at this place among the targets of a row.
    Target(usize),
}

impl Columns {
    pub(super) fn len(&self) -> usize {
        self.wanted.len()
    }

    /// Whether one column was asked for, and not a list.
    pub(super) fn is_one(&self) -> bool {
        self.one
    }
}

/// The role of each of `count` columns: inputs, where there are no targets.
pub(super) fn roles(
    count: usize,
    names: Option<&[Cow<'_, str>]>,
    targets: Option<&Columns>,
) -> Result<Vec<Role>, CsvFault> {
    let mut roles = vec![Role::Input; count];
    let Some(targets) = targets else { return Ok(roles) };
    for (place, column) in targets.wanted.iter().enumerate() {
        let index = column.index(count, names)?;
        if roles[index] != Role::Input {
            return Err(CsvFault::ColumnTwice { index });
        }
        roles[index] = Role::Target(place);
    }
    if targets.len() == 0 {
        return Err(CsvFault::NoTargets);
    }
    if targets.len() == count {
        return Err(CsvFault::NoInputs { columns: count });
    }
    Ok(roles)
}

impl Column {
    /// The index of the column, which is below `count`.
    fn index(&self, count: usize, names: Option<&[Cow<'_, str>]>) -> Result<usize, CsvFault> {
        match self {
            Column::Index(index) => {
                let from_start = if *index < 0 { index.checked_add_unsigned(count) } else { Some(*index) };
                from_start
                    .and_then(|index| usize::try_from(index).ok())
                    .filter(|&index| index < count)
                    .ok_or(CsvFault::ColumnOutOfRange { index: *index, columns: count })
            }
            Column::Name(name) => {
                let names = names.ok_or_else(|| CsvFault::NoHeader { name: name.clone() })?;
                let mut found =
                    (0..count).filter(|&index| names.get(index).is_some_and(|found| found == name));
                match (found.next(), found.next()) {
                    (Some(index), None) => Ok(index),
                    (None, _) => {
                        let names = names.iter().map(|name| excerpt(name.as_bytes())).collect();
                        Err(CsvFault::UnknownColumn { name: name.clone(), names })
                    }
                    (Some(first), Some(second)) => {
                        Err(CsvFault::SameName { name: name.clone(), first, second })
                    }
                }
            }
        }
    }
}
