//! Which kernel computes a product: decided once from the whole shape, and kept for all its panels.

use super::{Product, Strides};
use crate::element::DType;
use crate::kernel::isa::Isa;
use crate::kernel::vector::LANE_BYTES;

/// How a product is computed. Sums have the same bits in all panels that are run with the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GemmKernel {
    pub(super) isa: Isa,
    pub(super) family: Family,
}

/// A way to compute a product; its order of summation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Vectors along the columns of c, see [`chain`](super::chain); of the rows, if swapped.
    Chain { swapped: bool },
    /// Lanes along k, see [`dots`](super::dots); `swapped` if c has few rows instead of few columns, and
    /// `single` if only one.
    Dots { swapped: bool, single: bool },
    /// matrixmultiply's kernels.
    Library,
    /// Integers.
    Integers,
}

/// What adding up the lanes of a dot product costs, in vectors of multiply-adds: half of the instructions shuffle.
/// Measured on AVX-512, a step of regression on 2000×64 `f64` with four outputs: 45 µs by dot products, 58 µs by
/// chains.
const SUM_COST: usize = 6;

/// The shortest side, and the multiply-adds, from which the baseline leaves products to matrixmultiply. On
/// x86-64 that finds AVX where there is no AVX2, on `AArch64` its tiles of 8×8 are larger than those here;
/// below, its packing and allocation cost more than they save.
const MIN_LIBRARY: (usize, usize) = (8, 32 * 32 * 32);

impl Product {
    /// The kernel for this product as a whole. Panels of it must be run with the same.
    pub(crate) fn kernel(&self, isa: Isa) -> GemmKernel {
        GemmKernel { isa, family: self.family(isa) }
    }

    fn family(&self, isa: Isa) -> Family {
        let Product { dtype, m, k, n, a, b, .. } = *self;
        if !dtype.is_float() {
            return Family::Integers;
        }
        let lanes = lanes(dtype);
        // A row of a takes k vectors of multiply-adds in a chain, of which `few` lanes are used.
        let dots = |few: usize| few * (k + SUM_COST * lanes) <= k * lanes;
        let few = |count: usize, other: usize| 2 * count <= lanes && count <= other;
        let along_k = |strides: Strides| strides.column == 1;
        if few(n, m) && dots(n) && along_k(a) {
            return Family::Dots { swapped: false, single: n == 1 };
        }
        if few(m, n) && dots(m) && along_k(b.transposed()) {
            return Family::Dots { swapped: true, single: m == 1 };
        }
        if isa == Isa::Baseline && m.min(n) >= MIN_LIBRARY.0 && m * k * n >= MIN_LIBRARY.1 {
            return Family::Library;
        }
        // Columns of c that fill no half of a vector, while rows of a lie side by side.
        Family::Chain { swapped: few(n, m) && a.row == 1 && a.column != 1 }
    }
}

/// The lanes in which products are summed, on every machine: as many as the longest vector has. Machines with shorter ones
/// take several of them. What is decided by it, and with that the bits, does not depend on the machine.
pub(super) fn lanes(dtype: DType) -> usize {
    LANE_BYTES / dtype.size()
}
