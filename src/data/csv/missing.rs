//! [`Missing`]: what becomes of a field that has no value.

/// What becomes of a field that has no value: one that is empty, or says so by a word ([`Csv::missing_values`]).
///
/// [`Csv::missing_values`]: super::Csv::missing_values
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// It is an error that names the line and the column.
    #[default]
    Error,
    /// Its row is left out.
    Drop,
    /// It becomes the mean of its column: of numbers among the inputs, of a float type. A field of another column is an
    /// error, unless that column is told otherwise.
    Mean,
}

/// The words that say that there is no value, until told otherwise: what pandas takes for one, and a question mark.
const WORDS: [&str; 13] =
    ["#N/A", "#NA", "<NA>", "?", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", "-nan"];

/// The words that say that there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words(Vec<String>);

impl Default for Words {
    fn default() -> Self {
        Words(WORDS.map(str::to_owned).into())
    }
}

impl Words {
    pub(super) fn of<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        Words(words.into_iter().map(str::to_owned).collect())
    }

    /// Whether a field, without the white space around it, has no value.
    pub(super) fn say_of(&self, field: &[u8]) -> bool {
        field.is_empty() || self.0.iter().any(|word| word.as_bytes() == field)
    }
}
