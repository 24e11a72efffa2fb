//! Cases as a fuzzer finds them: a stream of bytes decides everything, and each byte more decides a little more.

use super::case::{Case, LONG, Layout, Leaf, SOURCES, Source, Step};
use super::table::{Row, rows};

/// Steps that a graph has at most.
const MOST_STEPS: usize = 40;

/// Lengths by a byte: those that matter, with those that are common more often.
const LENGTHS: [usize; 8] = [2, 3, LONG, 1, 2, 3, 0, 4];

/// How many rows something long has, by a byte: mostly few, so that a case is done quickly.
const ROWS: [usize; 16] = [5, 5, 5, 5, 5, 5, 5, 5, 1, 7, 33, 64, 65, 257, 2048, 2500];

/// What is left of the bytes; zeros follow.
struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    fn leaf(&mut self, source: Source) -> Leaf {
        let [rank, seed, unknown] = self.bytes();
        let lengths = (0..rank % 4).map(|_| self.one_of(&LENGTHS)).collect();
        let layout = [Layout::Rows, Layout::Columns, Layout::EverySecond, Layout::Backwards]
            [usize::from(rank >> 2 & 3)];
        Leaf { source, lengths, seed, rough: rank >> 4 & 1 == 1, unknown, layout }
    }

    fn step(&mut self, fitting: &[&'static Row]) -> Step {
        let row = usize::from(u16::from_le_bytes(self.bytes())) % fitting.len();
        Step { row: fitting[row], picks: self.bytes(), numbers: self.bytes() }
    }
}

/// The case that bytes say.
pub(crate) fn case(bytes: &[u8]) -> Case {
    let mut bytes = Bytes(bytes);
    let (rows_of_long, few) = (bytes.one_of(&ROWS), bytes.bytes());
    let smooth = bytes.byte() % 4 == 3;
    let leaves = SOURCES.map(|source| bytes.leaf(source));
    let fitting: Vec<&'static Row> = rows().filter(|row| !smooth || row.kind.is_smooth()).collect();
    let mut steps = vec![bytes.step(&fitting)];
    while !bytes.0.is_empty() && steps.len() < MOST_STEPS {
        steps.push(bytes.step(&fitting));
    }
    Case::new(leaves.into(), steps, rows_of_long, smooth, few)
}
