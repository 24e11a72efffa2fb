//! What a comparison of gradients found, as numbers and as a table.

use std::fmt;

use crate::error::Result;

/// What [`check_gradients`](super::check_gradients) or [`check_against`](super::check_against) found. Its `Display` form
/// is a table.
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) targets: Vec<TargetReport>,
    standard: Standard,
}

/// What gradients are compared with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standard {
    Differences,
    ByHand,
}

impl Standard {
    /// What messages call it, and the head of its column.
    fn words(self) -> [&'static str; 2] {
        match self {
            Standard::Differences => ["those of central differences", "numeric"],
            Standard::ByHand => ["those derived by hand", "by hand"],
        }
    }
}

/// How the gradient by one target compares with central differences, or with the one derived by hand.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TargetReport {
    /// Name of the target.
    pub name: String,
    /// The target's shape.
    pub shape: Vec<usize>,
    /// 1 for the gradient, 2 for the gradient of the gradients.
    pub order: usize,
    /// Whether there is a gradient by the target; what has none is compared as 0.
    pub connected: bool,
    /// Where |autodiff - numeric| is largest; `None` for a target without elements.
    pub absolute: Option<Difference>,
    /// Where |autodiff - numeric| / max(1, |numeric|) is largest.
    pub relative: Option<Difference>,
}

/// The two numbers for one element of a target, and how far they lie apart.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// How far they lie apart; infinite if either is NaN.
    pub size: f64,
    /// The element's index in the target.
    pub index: Vec<usize>,
    /// What the gradient says.
    pub autodiff: f64,
    /// What it is compared with: what central differences say, or the gradient derived by hand.
    pub numeric: f64,
}

impl TargetReport {
    /// Goes through the elements of a target: index, gradient, central difference.
    pub(super) fn of(
        name: String,
        shape: Vec<usize>,
        order: usize,
        connected: bool,
        elements: impl Iterator<Item = (Vec<usize>, f64, f64)>,
    ) -> Self {
        let mut report = TargetReport { name, shape, order, connected, absolute: None, relative: None };
        for (index, autodiff, numeric) in elements {
            let apart = if autodiff == numeric { 0.0 } else { (autodiff - numeric).abs() };
            let scaled = apart / numeric.abs().max(1.0);
            for (worst, size) in [(&mut report.absolute, apart), (&mut report.relative, scaled)] {
                let size = if size.is_nan() { f64::INFINITY } else { size };
                if worst.as_ref().is_none_or(|worst| size > worst.size) {
                    *worst = Some(Difference { size, index: index.clone(), autodiff, numeric });
                }
            }
        }
        report
    }
}

impl Report {
    /// Nothing yet of a comparison with this.
    pub(super) fn against(standard: Standard) -> Self {
        Report { targets: Vec::new(), standard }
    }

    /// One entry for each target in the order given; with second derivatives these follow.
    pub fn targets(&self) -> &[TargetReport] {
        &self.targets
    }

    /// The largest |autodiff - numeric| / max(1, |numeric|) of all.
    pub fn largest(&self) -> f64 {
        let sizes = self.targets.iter().filter_map(|target| target.relative.as_ref());
        sizes.fold(0.0, |largest, difference| largest.max(difference.size))
    }

    /// Panics with the table if anywhere |autodiff - numeric| exceeds `tolerance`·max(1, |numeric|).
    ///
    /// # Panics
    /// That is what it is for.
    #[track_caller]
    pub fn assert_close(&self, tolerance: f64) {
        let [standard, _] = self.standard.words();
        assert!(self.largest() <= tolerance, "gradients are not {standard} to {tolerance:e}\n{self}");
    }
}

/// `assert_close` on a report, or on the result of a check, which must then be a report.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no report of a check of gradients",
    label = "expected a `Report`, or the result of `check_gradients`",
    note = "arrays are compared by their elements: `a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6)`"
)]
pub trait AssertClose {
    /// Panics with the report, or the error, unless the gradients are those that they are compared with: see
    /// [`Report::assert_close`].
    fn assert_close(&self, tolerance: f64);
}

impl AssertClose for Report {
    #[track_caller]
    fn assert_close(&self, tolerance: f64) {
        Report::assert_close(self, tolerance);
    }
}

impl AssertClose for Result<Report> {
    #[track_caller]
    fn assert_close(&self, tolerance: f64) {
        match self {
            Ok(report) => report.assert_close(tolerance),
            Err(error) => panic!("gradients could not be checked: {error}"),
        }
    }
}

/// Column heads; the last three are numbers, which end their columns. Behind them comes what is compared with.
const HEADS: [&str; 7] = ["target", "shape", "order", "largest", "at", "difference", "autodiff"];
const FIRST_NUMBER: usize = 5;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [target, shape, order, largest, at, difference, autodiff] = HEADS;
        let [_, standard] = self.standard.words();
        let heads = [target, shape, order, largest, at, difference, autodiff, standard];
        let mut rows = vec![heads.map(str::to_owned)];
        for target in &self.targets {
            let order = if target.connected { target.order.to_string() } else { "none".to_owned() };
            let mut about = [target.name.clone(), format!("{:?}", target.shape), order];
            let measures = [("absolute", &target.absolute), ("relative", &target.relative)];
            for (measure, difference) in measures {
                let [name, shape, order] = std::mem::take(&mut about);
                let [at, size, autodiff, numeric] = match difference {
                    Some(found) => [
                        format!("{:?}", found.index),
                        format!("{:.1e}", found.size),
                        number(found.autodiff),
                        number(found.numeric),
                    ],
                    None => ["no element", "", "", ""].map(str::to_owned),
                };
                rows.push([name, shape, order, measure.to_owned(), at, size, autodiff, numeric]);
            }
        }
        table(f, &rows, FIRST_NUMBER)
    }
}

/// Rows with their columns aligned: texts to the left, and from the given column on numbers to the right.
pub(super) fn table<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    rows: &[[String; N]],
    first_number: usize,
) -> fmt::Result {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    for (line, row) in rows.iter().enumerate() {
        let mut text = if line == 0 { String::new() } else { "\n".to_owned() };
        for (column, cell) in row.iter().enumerate() {
            let padding = " ".repeat(widths[column] - cell.chars().count());
            let gap = if column == 0 { "" } else { "  " };
            text += gap;
            text += &if column < first_number { cell.clone() + &padding } else { padding + cell };
        }
        f.write_str(text.trim_end_matches(' '))?;
    }
    Ok(())
}

/// Ten digits, with an exponent where the number is very large or small.
fn number(x: f64) -> String {
    let is_plain = x == 0.0 || !x.is_finite() || (1e-3..1e5).contains(&x.abs());
    if is_plain { format!("{x:.9}") } else { format!("{x:.9e}") }
}
