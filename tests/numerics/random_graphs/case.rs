//! A case: the leaves of a graph and the steps that build on them, as small numbers.
//!
//! Every case is a valid graph: which operands and axes the numbers choose, the build decides by what fits. So numbers
//! may come from anywhere: proptest draws them ([`drawn`](super::drawn)), and a fuzzer finds them
//! ([`bytes`](super::bytes)).

use std::fmt;

use flowgrad::ndarray::{ArrayD, ArrayViewD, Axis, IxDyn, Slice};

use super::table::Row;

/// A graph to build and what to feed it.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) steps: Vec<Step>,
    /// Whether the graph must have a derivative everywhere: it is then made of smooth ops, or of kinked ones
    /// that are kept away from their kinks.
    pub(crate) smooth: bool,
    /// Which of the results are fetched alone.
    pub(crate) few: [u8; 2],
}

/// Short enough to be read: a line a leaf, a line a step.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "smooth: {}, few: {:?}", self.smooth, self.few)?;
        self.leaves.iter().try_for_each(|leaf| writeln!(f, "{leaf:?}"))?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step:?}"))
    }
}

/// A tensor that is not computed.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) source: Source,
    pub(crate) lengths: Vec<usize>,
    pub(crate) seed: u8,
    /// Whether floats are no multiples of 1/8, so that their sums are rounded.
    pub(crate) rough: bool,
    /// Axes whose lengths are unknown while building, as bits.
    pub(crate) unknown: u8,
    pub(crate) layout: Layout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Fed,
    Constant,
    Variable,
    FedInt,
    ConstantInt,
    FedBool,
}

impl Source {
    pub(crate) fn is_float(self) -> bool {
        matches!(self, Source::Fed | Source::Constant | Source::Variable)
    }
}

/// How a fed array lies in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    Rows,
    Columns,
    EverySecond,
    Backwards,
}

/// A row of the table, the operands it picks, and the numbers it asks for.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) row: &'static Row,
    pub(crate) picks: [u8; 4],
    pub(crate) numbers: [u8; 6],
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} picks {:?} numbers {:?}", self.row.name, self.picks, self.numbers)
    }
}

/// The leaves of every graph. The fed ones are as many as the callable of the checks has arguments.
pub(crate) const SOURCES: [Source; 10] = [
    Source::Fed,
    Source::Fed,
    Source::Fed,
    Source::Constant,
    Source::Constant,
    Source::Variable,
    Source::Variable,
    Source::FedInt,
    Source::ConstantInt,
    Source::FedBool,
];

/// Stands for the one length of a case that may be long.
pub(crate) const LONG: usize = usize::MAX;

impl Case {
    /// A case in whose leaves the first length that may be long is `rows`, and others are 2.
    pub(crate) fn new(
        mut leaves: Vec<Leaf>,
        steps: Vec<Step>,
        rows: usize,
        smooth: bool,
        few: [u8; 2],
    ) -> Self {
        // Ties, jumps and kinks need numbers that no rounding moves, so there is always one such leaf.
        leaves[0].rough = false;
        for leaf in &mut leaves {
            let mut rows = [rows].into_iter();
            for length in leaf.lengths.iter_mut().filter(|length| **length == LONG) {
                *length = rows.next().unwrap_or(2);
            }
        }
        Case { leaves, steps, smooth, few }
    }
}

impl Leaf {
    /// The float at each place in turn: between -2 and 2, a multiple of 1/8 unless the leaf is rough.
    pub(crate) fn floats(&self) -> ArrayD<f64> {
        self.array(|state| {
            let eighths = f64::from(state % 33) - 16.0;
            if self.rough { 2.0 * (eighths * 0.71).sin() } else { eighths / 8.0 }
        })
    }

    pub(crate) fn ints(&self) -> ArrayD<i64> {
        self.array(|state| i64::from(state % 7) - 3)
    }

    pub(crate) fn bools(&self) -> ArrayD<bool> {
        self.array(|state| state % 2 == 0)
    }

    fn array<T>(&self, mut of: impl FnMut(u32) -> T) -> ArrayD<T> {
        let mut state = u32::from(self.seed);
        ArrayD::from_shape_simple_fn(IxDyn(&self.lengths), || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            of(state >> 16)
        })
    }
}

/// An array whose view has the leaf's order in memory.
pub(crate) struct Stored<T> {
    memory: ArrayD<T>,
    layout: Layout,
}

impl<T: Clone> Stored<T> {
    pub(crate) fn of(array: &ArrayD<T>, layout: Layout) -> Self {
        let memory = match (layout, array.ndim()) {
            (Layout::Rows, _) | (_, 0) => array.as_standard_layout().into_owned(),
            (Layout::Columns, _) => array.t().as_standard_layout().into_owned(),
            (Layout::EverySecond, rank) => {
                let mut dims = array.raw_dim();
                dims[rank - 1] *= 2;
                ArrayD::from_shape_fn(dims, |mut index| {
                    index[rank - 1] /= 2;
                    array[index].clone()
                })
            }
            (Layout::Backwards, _) => {
                let mut reversed = array.view();
                reversed.invert_axis(Axis(0));
                reversed.as_standard_layout().into_owned()
            }
        };
        Stored { memory, layout }
    }

    pub(crate) fn view(&self) -> ArrayViewD<'_, T> {
        let mut view = self.memory.view();
        match (self.layout, view.ndim()) {
            (Layout::Rows, _) | (_, 0) => {}
            (Layout::Columns, _) => view = view.reversed_axes(),
            (Layout::EverySecond, rank) => view.slice_axis_inplace(Axis(rank - 1), Slice::new(0, None, 2)),
            (Layout::Backwards, _) => view.invert_axis(Axis(0)),
        }
        view
    }
}
