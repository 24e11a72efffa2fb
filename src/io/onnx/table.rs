//! The table of ops: which name is built by what, for which versions.

use std::sync::OnceLock;

use foldhash::HashMap;

use super::node::Builder;
use super::ops;

/// Inputs of an op whose elements it moves, and does nothing else with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moves {
    None,
    All,
    Of(&'static [usize]),
}

impl Moves {
    pub(super) fn contains(self, input: usize) -> bool {
        match self {
            Moves::None => false,
            Moves::All => true,
            Moves::Of(inputs) => inputs.contains(&input),
        }
    }

    pub(super) fn is_none(self) -> bool {
        matches!(self, Moves::None)
    }
}

/// A row: an op, or one of its forms.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) domain: &'static str,
    pub(super) name: &'static str,
    /// The first version of the set of ops that has the op in this form.
    since: i64,
    /// The last one.
    until: i64,
    pub(super) build: Builder,
    pub(super) moves: Moves,
    /// Whether it is computed at import where all inputs are known.
    pub(super) folds: bool,
}

/// An op as it is from a version on.
pub(super) const fn op(name: &'static str, since: i64, build: Builder) -> Row {
    Row { domain: "", name, since, until: i64::MAX, build, moves: Moves::None, folds: true }
}

impl Row {
    /// The last version that has the op in this form.
    pub(super) const fn until(self, last: i64) -> Self {
        Row { until: last, ..self }
    }

    /// The inputs whose elements are moved alone.
    pub(super) const fn moving(self, moves: Moves) -> Self {
        Row { moves, ..self }
    }

    /// What must not be computed at import: random numbers, bodies, and what tells more than a value.
    pub(super) const fn unfolded(self) -> Self {
        Row { folds: false, ..self }
    }

    /// The same row, for tables that are put together.
    pub(super) const fn copied(&self) -> Self {
        let Row { domain, name, since, until, build, moves, folds } = *self;
        Row { domain, name, since, until, build, moves, folds }
    }

    pub(super) const fn of(self, domain: &'static str) -> Self {
        Row { domain, ..self }
    }
}

/// The row of an op in a version of its domain.
pub(super) fn find(domain: &str, name: &str, version: i64) -> Option<&'static Row> {
    static BY_NAME: OnceLock<HashMap<&'static str, Vec<&'static Row>>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| {
        let mut by_name: HashMap<&'static str, Vec<&'static Row>> = HashMap::default();
        for row in ops::FAMILIES.iter().copied().flatten() {
            by_name.entry(row.name).or_default().push(row);
        }
        by_name
    });
    let is_it = |row: &&&'static Row| row.domain == domain && (row.since..=row.until).contains(&version);
    by_name.get(name)?.iter().find(is_it).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No version has two forms of an op, and each form has a version.
    #[test]
    fn rows_do_not_overlap() {
        let rows: Vec<&Row> = ops::FAMILIES.iter().copied().flatten().collect();
        for (index, row) in rows.iter().enumerate() {
            assert!(row.since <= row.until, "{}", row.name);
            for other in
                rows[..index].iter().filter(|other| (other.domain, other.name) == (row.domain, row.name))
            {
                assert!(row.since > other.until || other.since > row.until, "{} twice", row.name);
            }
        }
    }
}
