//! [`Budget`]: a file may declare more elements than it holds, where one is repeated; what all of them take is bounded.

use crate::element::DType;

/// The bytes that a file may still ask for.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    left: usize,
    all: usize,
}

/// A file declares more elements than it may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected elements of at most {most} bytes in all, got {lengths:?} of {dtype}")]
pub(crate) struct OverBudget {
    pub(crate) most: usize,
    pub(crate) lengths: Vec<i64>,
    pub(crate) dtype: DType,
}

/// What arrays may take beyond the bytes of the file: 256 MiB, which is more than graphs fill with one number, and
/// little enough for a machine to give to a file that lies.
const BEYOND_FILE: usize = 1 << 28;

impl Budget {
    /// For a file of so many bytes: elements may be stored in fewer bytes than they take, by a factor of 8 at most.
    pub(crate) fn of_file(bytes: usize) -> Self {
        Budget::of_bytes(bytes.saturating_mul(8).saturating_add(BEYOND_FILE))
    }

    /// For so many bytes of elements and no more.
    pub(crate) fn of_bytes(bytes: usize) -> Self {
        Budget { left: bytes, all: bytes }
    }

    /// The lengths of an array as they are declared, once its bytes are taken from the budget.
    ///
    /// # Errors
    /// Negative lengths, and more bytes than are left.
    pub(crate) fn lengths(&mut self, declared: &[i64], dtype: DType) -> Result<Vec<usize>, OverBudget> {
        let over = || OverBudget { most: self.all, lengths: declared.to_vec(), dtype };
        let lengths: Option<Vec<usize>> =
            declared.iter().map(|&length| usize::try_from(length).ok()).collect();
        let lengths = lengths.ok_or_else(over)?;
        // Beside a 0, too, the others must be lengths that can be multiplied.
        let product = |least: usize| {
            lengths.iter().try_fold(dtype.size(), |bytes, &length| bytes.checked_mul(length.max(least)))
        };
        let bytes =
            product(1).and_then(|_| product(0)).filter(|&bytes| bytes <= self.left).ok_or_else(over)?;
        self.left -= bytes;
        Ok(lengths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_lengths_are_bounded() {
        let mut budget = Budget::of_file(0);
        assert_eq!(budget.lengths(&[2, 0, 3], DType::F32), Ok(vec![2, 0, 3]));
        assert_eq!(budget.lengths(&[1 << 25], DType::F32), Ok(vec![1 << 25]));
        assert!(budget.lengths(&[1 << 26], DType::F32).is_err(), "both together are too large");
        assert!(budget.lengths(&[-1], DType::F32).is_err());
        assert!(budget.lengths(&[i64::MAX, i64::MAX, 0], DType::F32).is_err());
    }
}
