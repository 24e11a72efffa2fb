//! How a product is cut into panels that may be computed at once.

use super::Product;
use super::choice::{Family, GemmKernel};
use crate::element::DType;

/// Most rows and columns of a panel. Panels start at multiples of them; the last ones may be smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// Nanoseconds of work from which a panel is worth handing to another thread, which takes a few
/// microseconds to wake.
const MIN_PANEL: f64 = 20_000.0;

/// Panels of a large product: enough for up to eight threads to finish at about the same time, few enough
/// that what is packed again for each panel stays small.
const MOST_PANELS: usize = 16;

/// Bytes of multiply-adds in a nanosecond when all goes well: two units of 256 bits at 2 to 3 GHz. Not the
/// machine's own, so that a plan is the same on every machine.
const MULTIPLY_ADD_BYTES_PER_NS: f64 = 160.0;

/// Bytes in a nanosecond that come from memory, or from a cache shared with others.
const BYTES_PER_NS: f64 = 16.0;

/// Rows of a panel, where there are as many: whole tiles of 14, 6 and 4, and so many that packing b again
/// for each panel costs a few hundredths of multiplying.
const MIN_ROWS: usize = 84;

/// Columns of a panel, where there are as many: a multiple of every tile's, and rows of b and c that are read
/// in runs of several cache lines.
const MIN_COLUMNS: usize = 128;

/// What so many multiply-adds take on one thread, estimated.
pub(crate) fn multiply_add_nanoseconds(count: f64, dtype: DType) -> f64 {
    count * dtype.size() as f64 / MULTIPLY_ADD_BYTES_PER_NS
}

impl Product {
    /// What the product takes on one thread, estimated: the multiply-adds, or the bytes where they are what it waits
    /// for.
    pub(crate) fn nanoseconds(&self) -> f64 {
        let [m, k, n] = [self.m, self.k, self.n].map(|length| length as f64);
        let element = self.dtype.size() as f64;
        let bytes = (m * k + k * n + m * n) * element;
        multiply_add_nanoseconds(m * k * n, self.dtype).max(bytes / BYTES_PER_NS)
    }

    /// Panels of about equal work, for a kernel chosen for this product. The bits of the result do not depend
    /// on it.
    pub(crate) fn split(&self, kernel: GemmKernel) -> Split {
        let (m, n) = (self.m.max(1), self.n.max(1));
        let wanted = ((self.nanoseconds() / MIN_PANEL) as usize).clamp(1, MOST_PANELS);
        // Dot products and single columns have no packed operand, so any number of rows will do.
        let (min_rows, min_columns) = match kernel.family {
            Family::Dots { swapped: false, .. } | Family::Chain { swapped: true } => (64, n),
            Family::Dots { swapped: true, .. } => (m, 64),
            _ => (MIN_ROWS, MIN_COLUMNS),
        };
        let cut = |length: usize, parts: usize, unit: usize| {
            length.div_ceil(parts).next_multiple_of(unit).min(length.max(1))
        };
        let row_parts = wanted.min((m / min_rows).max(1));
        let rows = cut(m, row_parts, if min_rows == MIN_ROWS { 28 } else { 4 });
        let column_parts = wanted.div_ceil(m.div_ceil(rows)).min((n / min_columns.max(1)).max(1));
        let columns = cut(n, column_parts, 64);
        Split { rows, columns }
    }
}
