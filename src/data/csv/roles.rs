//! What each column of a file is read for.

use std::collections::BTreeMap;

use super::Csv;
use super::columns::{Columns, Names};
use super::error::CsvFault;
use super::missing::Missing;
use crate::DType;

/// Which numbers of a row a column makes, if it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Inputs,
    Targets,
}

/// How a column's fields become numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    /// Categories, which become their numbers, or as many columns as there are categories.
    Category {
        is_one_hot: bool,
    },
}

/// What a column is read for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    pub(super) index: usize,
    pub(super) side: Side,
    /// The place among the inputs or targets of a row, before categories become several columns.
    pub(super) place: usize,
    pub(super) kind: Kind,
    pub(super) missing: Missing,
}

/// What the columns of a file are read for.
pub(super) struct Roles {
    /// All columns.
    pub(super) count: usize,
    /// Columns that are not as all others, in order.
    pub(super) special: Vec<Role>,
    /// What becomes of missing values in all other columns, which are numbers among the inputs in the order of the
    /// file; `None` where these are not read.
    pub(super) others: Option<Missing>,
    /// The columns that are inputs, and those that are targets.
    pub(super) inputs: usize,
    pub(super) targets: usize,
}

impl Roles {
    /// The roles of `count` columns, whose inputs are read as numbers of a type.
    pub(super) fn of(
        count: usize,
        mut names: Option<&mut dyn Names>,
        csv: &Csv,
        targets: Option<&Columns>,
        dtype: DType,
    ) -> Result<Self, CsvFault> {
        let mut resolved = |columns: &Columns| columns.resolved(count, names.as_deref_mut());
        let mut special: BTreeMap<usize, Role> = BTreeMap::new();
        let role = |index, side, place| Role { index, side, place, kind: Kind::Number, missing: csv.missing };
        let targets = targets.map(&mut resolved).transpose()?;
        for (place, &index) in targets.iter().flatten().enumerate() {
            special.insert(index, role(index, Side::Targets, place));
        }
        let chosen = csv.columns.as_ref().map(&mut resolved).transpose()?;
        let mut inputs = count - special.len();
        if let Some(chosen) = &chosen {
            let chosen = chosen.iter().filter(|index| !special.contains_key(index)).copied();
            let chosen: Vec<usize> = chosen.collect();
            inputs = chosen.len();
            special
                .extend(chosen.into_iter().enumerate().map(|(place, i)| (i, role(i, Side::Inputs, place))));
        }
        // A column that is read, whether or not it has a role of its own yet.
        let others_are_read = chosen.is_none();
        let of = |index: usize| match (special.get(&index).copied(), others_are_read) {
            (None, false) => Err(CsvFault::NotRead { index }),
            (known, _) => Ok(known.unwrap_or_else(|| role(index, Side::Inputs, 0))),
        };
        let mut told = BTreeMap::new();
        for (columns, is_one_hot) in &csv.categories {
            for index in resolved(columns)? {
                // Where all missing values become means, that does not mean those of categories.
                let missing = if csv.missing == Missing::Mean { Missing::Error } else { csv.missing };
                let kind = Kind::Category { is_one_hot: *is_one_hot };
                if told.insert(index, Role { kind, missing, ..of(index)? }).is_some() {
                    return Err(CsvFault::ColumnTwice { index });
                }
            }
        }
        for (columns, missing) in &csv.missing_in {
            for index in resolved(columns)? {
                let known = told.get(&index).copied().map_or_else(|| of(index), Ok)?;
                if *missing == Missing::Mean && (known.kind != Kind::Number || known.side != Side::Inputs) {
                    return Err(CsvFault::NoMeanOf { index });
                }
                told.insert(index, Role { missing: *missing, ..known });
            }
        }
        special.extend(told);
        let targets = targets.map(|targets| targets.len());
        if targets == Some(0) {
            return Err(CsvFault::NoTargets);
        }
        if inputs == 0 {
            return Err(CsvFault::NoInputs { columns: count });
        }
        let mut roles = Roles {
            count,
            special: special.into_values().collect(),
            others: others_are_read.then_some(csv.missing),
            inputs,
            targets: targets.unwrap_or(0),
        };
        roles.settle();
        roles.check_means(dtype)?;
        Ok(roles)
    }

    /// Puts inputs that were not chosen at the places that they have in the file, and takes means from targets.
    fn settle(&mut self) {
        let mut others_before = 0;
        for role in &mut self.special {
            match role.side {
                Side::Inputs if self.others.is_some() => role.place = role.index - others_before,
                Side::Inputs => {}
                Side::Targets => {
                    others_before += 1;
                    if role.missing == Missing::Mean {
                        role.missing = Missing::Error;
                    }
                }
            }
        }
    }

    /// Refuses means where the inputs are no floats.
    fn check_means(&self, dtype: DType) -> Result<(), CsvFault> {
        let is_mean = |missing: Missing| missing == Missing::Mean;
        let has_mean =
            self.others.is_some_and(is_mean) || self.special.iter().any(|role| is_mean(role.missing));
        if has_mean && !dtype.is_float() { Err(CsvFault::MeanOfIntegers { dtype }) } else { Ok(()) }
    }

    /// All columns that are read, in the order of the file.
    pub(super) fn each(&self) -> impl Iterator<Item = Role> {
        let mut special = self.special.iter().peekable();
        let mut place = 0;
        (0..self.count).filter_map(move |index| {
            let role = special.next_if(|role| role.index == index).copied().or_else(|| {
                let missing = self.others?;
                Some(Role { index, side: Side::Inputs, place, kind: Kind::Number, missing })
            })?;
            place += usize::from(role.side == Side::Inputs);
            Some(role)
        })
    }
}
