//! [`Known`]: whole numbers that are known while a graph is built.
//!
//! Files compute shapes by ops on small arrays of integers. Ours are told shapes while building, as numbers or as lengths
//! of tensors ([`Length`]). So what such an op would give is computed here, as far as it is made of numbers and lengths
//! alone, and becomes a tensor only where something else reads it.
//!
//! Invariant: there are as many entries as the shape says, in row-major order, and at most [`MOST`].

use crate::element::{DType, Value, with_array};
use crate::graph::{AnyTensor, Graph};
use crate::ops::{Length, Lengths};

/// The most entries that are kept: more than shapes have axes, and than loops at import should take.
pub(crate) const MOST: usize = 4096;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry<'g> {
    /// A number.
    Number(i64),
    /// A length that is known when it is fed.
    Length(Length<'g>),
}

/// Whole numbers, of which some may be lengths that are known only when they are fed.
#[derive(Clone, Debug)]
pub(crate) struct Known<'g> {
    shape: Vec<usize>,
    entries: Vec<Entry<'g>>,
}

/// Arithmetic of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Sub,
    Mul,
    /// Rounded down.
    FloorDiv,
    /// Rounded towards 0.
    TruncatedDiv,
    /// What remains of a quotient rounded down.
    FloorMod,
    Max,
    Min,
}

impl Arithmetic {
    /// Of two numbers; none where the result is no number.
    fn of(self, a: i64, b: i64) -> Option<i64> {
        match self {
            Arithmetic::Add => a.checked_add(b),
            Arithmetic::Sub => a.checked_sub(b),
            Arithmetic::Mul => a.checked_mul(b),
            Arithmetic::FloorDiv => {
                let quotient = a.checked_div(b)?;
                Some(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
            }
            Arithmetic::TruncatedDiv => a.checked_div(b),
            Arithmetic::FloorMod => Some(a.checked_rem(b)?.checked_add(b)? % b),
            Arithmetic::Max => Some(a.max(b)),
            Arithmetic::Min => Some(a.min(b)),
        }
    }
}

impl<'g> Entry<'g> {
    /// The number, if it is one.
    pub(crate) fn number(self) -> Option<i64> {
        match self {
            Entry::Number(number) => Some(number),
            Entry::Length(_) => None,
        }
    }

    /// A length as an entry: a number where it is known.
    pub(crate) fn of(length: Length<'g>) -> Self {
        match length.known() {
            Some(number) => Entry::Number(i64::try_from(number).unwrap_or(i64::MAX)),
            None => Entry::Length(length),
        }
    }

    /// The entry as a length, if it can be one: -1 is what remains, where an op takes that.
    pub(crate) fn length(self) -> Option<Length<'g>> {
        match self {
            Entry::Number(number) => {
                isize::try_from(number).ok().filter(|&number| number >= -1).map(Length::from)
            }
            Entry::Length(length) => Some(length),
        }
    }

    /// Whether both are the same, whatever is fed.
    pub(crate) fn is(self, other: Self) -> bool {
        match (self, other) {
            (Entry::Number(a), Entry::Number(b)) => a == b,
            (Entry::Length(a), Entry::Length(b)) => a.is(b),
            _ => false,
        }
    }

    /// What arithmetic makes of two; none where that is neither a number nor a length.
    #[track_caller]
    pub(crate) fn with(self, arithmetic: Arithmetic, other: Self) -> Option<Self> {
        use Arithmetic::{Add, FloorDiv, FloorMod, Max, Min, Mul, Sub, TruncatedDiv};
        if let (Entry::Number(a), Entry::Number(b)) = (self, other) {
            return arithmetic.of(a, b).map(Entry::Number);
        }
        match (arithmetic, self, other) {
            (Mul, _, Entry::Number(0)) | (Mul, Entry::Number(0), _) | (FloorMod, _, Entry::Number(1)) => {
                return Some(Entry::Number(0));
            }
            // No length is less than 0.
            (Add | Sub, any, Entry::Number(0))
            | (Add, Entry::Number(0), any)
            | (Mul | FloorDiv | TruncatedDiv, any, Entry::Number(1))
            | (Mul, Entry::Number(1), any)
            | (Max, any @ Entry::Length(_), Entry::Number(..=0))
            | (Max, Entry::Number(..=0), any @ Entry::Length(_)) => {
                return Some(any);
            }
            (Min, Entry::Length(_), least @ Entry::Number(..=0))
            | (Min, least @ Entry::Number(..=0), Entry::Length(_)) => return Some(least),
            (Max | Min, a, b) if a.is(b) => return Some(a),
            (Sub | FloorMod, a, b) if a.is(b) => return Some(Entry::Number(0)),
            (FloorDiv | TruncatedDiv, a, b) if a.is(b) => return Some(Entry::Number(1)),
            _ => {}
        }
        let is_counted = |entry: &Entry<'g>| entry.number().is_none_or(|number| number >= 0);
        if !is_counted(&self) || !is_counted(&other) {
            // A negative number added is one that is taken away.
            let negated = |entry: Entry<'g>| entry.number().and_then(i64::checked_neg).map(Entry::Number);
            return match (arithmetic, self, other) {
                (Add, any @ Entry::Length(_), number) | (Add, number, any @ Entry::Length(_)) => {
                    any.with(Sub, negated(number)?)
                }
                (Sub, any @ Entry::Length(_), number) => any.with(Add, negated(number)?),
                _ => None,
            };
        }
        let (a, b) = (self.length()?, other.length()?);
        match arithmetic {
            Add => Some(Entry::of(a + b)),
            Sub => Some(Entry::of(a - b)),
            Mul => Some(Entry::of(a * b)),
            FloorDiv | TruncatedDiv => Some(Entry::of(a / b)),
            FloorMod => Some(Entry::of(a - a / b * b)),
            Max => Some(Entry::of(a.maximum(b))),
            Min => Some(Entry::of(a.minimum(b))),
        }
    }
}

impl<'g> Known<'g> {
    /// One number.
    pub(crate) fn scalar(entry: Entry<'g>) -> Self {
        Known { shape: Vec::new(), entries: vec![entry] }
    }

    /// A list of numbers.
    pub(crate) fn list(entries: Vec<Entry<'g>>) -> Self {
        Known { shape: vec![entries.len()], entries }
    }

    /// The elements of an array of integers, if it has no more than are kept.
    pub(crate) fn of_value(value: &Value) -> Option<Self> {
        let count = with_array!(value, array => array.len());
        if count > MOST {
            return None;
        }
        let entries = match value {
            Value::I32(array) => array.iter().map(|&number| Entry::Number(number.into())).collect(),
            Value::I64(array) => array.iter().map(|&number| Entry::Number(number)).collect(),
            _ => return None,
        };
        Some(Known { shape: value.shape().to_vec(), entries })
    }

    /// The lengths of a tensor.
    #[track_caller]
    pub(crate) fn lengths_of(tensor: AnyTensor<'g>) -> Self {
        Known::list(tensor.lengths().into_iter().map(Entry::of).collect())
    }

    /// The length of each axis.
    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// All of them, in row-major order.
    pub(crate) fn entries(&self) -> &[Entry<'g>] {
        &self.entries
    }

    /// The only one there is.
    pub(crate) fn one(&self) -> Option<Entry<'g>> {
        match self.entries[..] {
            [entry] => Some(entry),
            _ => None,
        }
    }

    /// The only number there is.
    pub(crate) fn number(&self) -> Option<i64> {
        self.one()?.number()
    }

    /// All of them, if they are numbers.
    pub(crate) fn numbers(&self) -> Option<Vec<i64>> {
        self.entries.iter().map(|entry| entry.number()).collect()
    }

    /// All of them as lengths that ops are told, if they can be.
    pub(crate) fn lengths(&self) -> Option<Lengths<'g>> {
        let lengths: Option<Vec<Length<'g>>> = self.entries.iter().map(|entry| entry.length()).collect();
        lengths.map(Lengths::from)
    }

    /// Tables side by side, row by row.
    pub(crate) fn beside(tables: &[&Known<'g>]) -> Option<Self> {
        let rows = *tables.first()?.shape.first()?;
        let columns: Vec<usize> = tables
            .iter()
            .map(|table| match table.shape[..] {
                [own, columns] if own == rows && columns > 0 => Some(columns),
                _ => None,
            })
            .collect::<Option<_>>()?;
        let mut left: Vec<_> =
            tables.iter().zip(&columns).map(|(table, &columns)| table.entries.chunks(columns)).collect();
        let mut entries = Vec::new();
        for _ in 0..rows {
            for table in &mut left {
                entries.extend_from_slice(table.next()?);
            }
        }
        (entries.len() <= MOST).then(|| Known { shape: vec![rows, columns.iter().sum()], entries })
    }

    /// The same entries in another shape of as many elements; one length may be -1.
    pub(crate) fn reshaped(&self, lengths: &[i64]) -> Option<Self> {
        let mut known = lengths.iter().filter(|&&length| length >= 0);
        let known =
            known.try_fold(1_usize, |size, &length| size.checked_mul(usize::try_from(length).ok()?))?;
        let remains = || self.entries.len().checked_div(known);
        let shape: Option<Vec<usize>> = lengths
            .iter()
            .map(|&length| if length == -1 { remains() } else { usize::try_from(length).ok() })
            .collect();
        let shape = shape?;
        let size = shape.iter().try_fold(1_usize, |size, &length| size.checked_mul(length))?;
        (size == self.entries.len()).then(|| Known { shape, entries: self.entries.clone() })
    }

    /// The entries of a list that an index, negative ones from the end, tells each; in the shape of the indices.
    pub(crate) fn gather(&self, indices: &Known<'g>) -> Option<Self> {
        let [length] = self.shape[..] else { return None };
        let entries: Option<Vec<Entry<'g>>> = indices
            .numbers()?
            .into_iter()
            .map(|index| {
                let place = if index < 0 { index.checked_add(i64::try_from(length).ok()?)? } else { index };
                self.entries.get(usize::try_from(place).ok()?).copied()
            })
            .collect();
        Some(Known { shape: indices.shape.clone(), entries: entries? })
    }

    /// The entries of a list from `start` on, `count` of them, `step` apart.
    pub(crate) fn slice(&self, start: i64, count: usize, step: i64) -> Option<Self> {
        if self.shape.len() != 1 || count > MOST {
            return None;
        }
        let place = |index: usize| {
            let place = start.checked_add(step.checked_mul(i64::try_from(index).ok()?)?)?;
            self.entries.get(usize::try_from(place).ok()?).copied()
        };
        (0..count).map(place).collect::<Option<_>>().map(Known::list)
    }

    /// The entries from a place of each axis on, so many along each.
    pub(crate) fn part(&self, starts: &[usize], counts: &[usize]) -> Option<Self> {
        let rank = self.shape.len();
        let fits =
            |axis: usize| starts[axis].checked_add(counts[axis]).is_some_and(|end| end <= self.shape[axis]);
        if starts.len() != rank || counts.len() != rank || !(0..rank).all(fits) {
            return None;
        }
        // All places, in row-major order.
        let mut places = vec![0];
        for axis in 0..rank {
            let along =
                |&place: &usize| (starts[axis]..starts[axis] + counts[axis]).map(move |index| (place, index));
            places = places
                .iter()
                .flat_map(along)
                .map(|(place, index)| place * self.shape[axis] + index)
                .collect();
        }
        let entries = places.into_iter().map(|place| self.entries.get(place).copied());
        Some(Known { shape: counts.to_vec(), entries: entries.collect::<Option<_>>()? })
    }

    /// Lists, one behind the other.
    pub(crate) fn concat(lists: &[&Known<'g>]) -> Option<Self> {
        let count: usize = lists.iter().map(|list| list.entries.len()).sum();
        let are_lists = lists.iter().all(|list| list.shape.len() == 1) && count <= MOST;
        are_lists.then(|| Known::list(lists.iter().flat_map(|list| list.entries.iter().copied()).collect()))
    }

    /// Arrays of one shape as the rows of an array.
    pub(crate) fn stack(rows: &[&Known<'g>]) -> Option<Self> {
        let first = rows.first()?;
        let count = first.entries.len().checked_mul(rows.len())?;
        let are_alike = rows.iter().all(|row| row.shape == first.shape) && count <= MOST;
        are_alike.then(|| Known {
            shape: [&[rows.len()], &first.shape[..]].concat(),
            entries: rows.iter().flat_map(|row| row.entries.iter().copied()).collect(),
        })
    }

    /// What arithmetic makes of all entries: their sum, product, largest or smallest.
    #[track_caller]
    pub(crate) fn total(&self, arithmetic: Arithmetic) -> Option<Self> {
        let start = match arithmetic {
            Arithmetic::Add => Some(Entry::Number(0)),
            Arithmetic::Mul => Some(Entry::Number(1)),
            _ => self.entries.first().copied(),
        };
        self.entries.iter().try_fold(start?, |all, &entry| all.with(arithmetic, entry)).map(Known::scalar)
    }

    /// What arithmetic makes of two, of which either may be one number for all entries of the other.
    #[track_caller]
    pub(crate) fn with(&self, arithmetic: Arithmetic, other: &Known<'g>) -> Option<Self> {
        let (count, shape) = match (self.shape.is_empty(), other.shape.is_empty()) {
            (_, true) => (self.entries.len(), &self.shape),
            (true, _) => (other.entries.len(), &other.shape),
            _ if self.shape == other.shape => (self.entries.len(), &self.shape),
            _ => return None,
        };
        let entry = |known: &Known<'g>, index: usize| {
            known.entries.get(if known.shape.is_empty() { 0 } else { index }).copied()
        };
        let entries: Option<Vec<Entry<'g>>> =
            (0..count).map(|index| entry(self, index)?.with(arithmetic, entry(other, index)?)).collect();
        Some(Known { shape: shape.clone(), entries: entries? })
    }

    /// The numbers from `start` to below `limit`, `step` apart, if there are no more than are kept.
    pub(crate) fn range(start: i64, limit: i64, step: i64) -> Option<Self> {
        if step == 0 {
            return None;
        }
        let distance = i128::from(limit) - i128::from(start);
        let step_wide = i128::from(step);
        let count = (distance + step_wide - step_wide.signum()).div_euclid(step_wide);
        let count = usize::try_from(count.max(0)).ok().filter(|&count| count <= MOST)?;
        let numbers = (0..count as i64).map(|index| Entry::Number(start + index * step));
        Some(Known::list(numbers.collect()))
    }

    /// The entry, as often as the shape says.
    pub(crate) fn filled(entry: Entry<'g>, shape: &[usize]) -> Option<Self> {
        let count = shape.iter().try_fold(1_usize, |size, &length| size.checked_mul(length));
        let count = count.filter(|&count| count <= MOST)?;
        Some(Known { shape: shape.to_vec(), entries: vec![entry; count] })
    }

    /// The same as a tensor of the graph.
    #[track_caller]
    pub(crate) fn tensor(&self, graph: &'g Graph, dtype: DType) -> AnyTensor<'g> {
        if let Some(numbers) = self.numbers() {
            // There are as many as the shape says.
            let array = ndarray::ArrayD::from_shape_vec(self.shape.clone(), numbers).unwrap_or_default();
            return match dtype {
                DType::I32 => graph.constant(array.mapv(|number| number as i32)).any(),
                DType::I64 => graph.constant(array).any(),
                other => graph.constant(array).any().cast(other),
            };
        }
        let one = |entry: &Entry<'g>| match *entry {
            Entry::Number(number) => graph.constant(number).any(),
            Entry::Length(length) => length.tensor(graph).any(),
        };
        let all: Vec<AnyTensor<'g>> = self.entries.iter().map(one).collect();
        let tensor = match (&self.shape[..], &all[..]) {
            ([], &[one]) => one,
            ([_], all) => graph.stack_any(all, 0),
            (shape, all) => graph.stack_any(all, 0).reshape(shape),
        };
        if tensor.dtype() == dtype { tensor } else { tensor.cast(dtype) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(numbers: &[i64]) -> Known<'static> {
        Known::list(numbers.iter().map(|&number| Entry::Number(number)).collect())
    }

    #[test]
    fn arithmetic_is_that_of_integers() {
        let with = |arithmetic, a: &[i64], b| {
            numbers(a).with(arithmetic, &Known::scalar(Entry::Number(b))).and_then(|known| known.numbers())
        };
        assert_eq!(with(Arithmetic::FloorDiv, &[7, -7, 6], 2), Some(vec![3, -4, 3]));
        assert_eq!(with(Arithmetic::TruncatedDiv, &[7, -7], 2), Some(vec![3, -3]));
        assert_eq!(with(Arithmetic::FloorMod, &[7, -7, -1], 3), Some(vec![1, 2, 2]));
        assert_eq!(with(Arithmetic::FloorMod, &[7], -3), Some(vec![-2]));
        assert_eq!(with(Arithmetic::FloorDiv, &[7], 0), None);
        assert_eq!(with(Arithmetic::FloorDiv, &[i64::MIN], -1), None);
        assert_eq!(with(Arithmetic::Add, &[i64::MAX], 1), None);
    }

    #[test]
    fn ranges_have_the_length_of_pythons() {
        let range = |start, limit, step| Known::range(start, limit, step).and_then(|known| known.numbers());
        assert_eq!(range(0, 5, 2), Some(vec![0, 2, 4]));
        assert_eq!(range(5, 0, -2), Some(vec![5, 3, 1]));
        assert_eq!(range(5, 0, 2), Some(vec![]));
        assert_eq!(range(0, 6, 3), Some(vec![0, 3]));
        assert_eq!(range(0, i64::MAX, 1), None);
        assert_eq!(range(0, 1, 0), None);
    }

    #[test]
    fn lists_are_cut_and_joined() {
        let list = numbers(&[2, 3, 4]);
        let all = |known: Option<Known<'_>>| known.map(|known| (known.shape().to_vec(), known.numbers()));
        assert_eq!(all(list.gather(&numbers(&[-1, 0]))), Some((vec![2], Some(vec![4, 2]))));
        assert!(list.gather(&numbers(&[3])).is_none());
        assert_eq!(all(list.slice(2, 2, -2)), Some((vec![2], Some(vec![4, 2]))));
        assert!(list.slice(1, 3, 1).is_none());
        assert_eq!(all(Known::concat(&[&list, &list])), Some((vec![6], Some(vec![2, 3, 4, 2, 3, 4]))));
        assert_eq!(all(Known::stack(&[&list, &list])).map(|(shape, _)| shape), Some(vec![2, 3]));
        assert_eq!(all(list.total(Arithmetic::Mul)), Some((vec![], Some(vec![24]))));
        assert_eq!(all(list.reshaped(&[-1, 1])).map(|(shape, _)| shape), Some(vec![3, 1]));
        assert!(list.reshaped(&[2, -1]).is_none());
        let rows = Known::stack(&[&list, &numbers(&[5, 6, 7])]).unwrap();
        assert_eq!(all(rows.part(&[0, 1], &[2, 1])), Some((vec![2, 1], Some(vec![3, 6]))));
        assert!(rows.part(&[1, 1], &[2, 1]).is_none() && rows.part(&[0], &[1]).is_none());
    }

    #[test]
    fn lengths_that_are_fed_stay_lengths() {
        let g = Graph::new();
        let x = g.placeholder::<f32>("x", [None, Some(4)]).any();
        let lengths = Known::lengths_of(x);
        let [rows, columns] = lengths.entries() else { panic!("two lengths") };
        assert!(rows.number().is_none() && columns.number() == Some(4));
        assert!(rows.is(Known::lengths_of(x).entries()[0]));
        let twice = lengths.total(Arithmetic::Mul).unwrap();
        assert_eq!(
            x.reshape(Known::list(vec![twice.one().unwrap()]).lengths().unwrap()).shape().to_string(),
            "[?]"
        );
        // Taken away and put back: as many rows as there are.
        let less = rows.with(Arithmetic::Add, Entry::Number(-1)).unwrap();
        let one = Known::list(vec![less, *columns]).tensor(&g, DType::I32);
        assert_eq!((one.dtype(), one.shape()), (DType::I32, [2].into()));
        let session = crate::Session::new(&g).unwrap();
        let found =
            session.feed(x.typed::<f32>(), &ndarray::Array2::zeros((3, 4))).run(one.typed::<i32>()).unwrap();
        assert_eq!(found, ndarray::arr1(&[2, 4]).into_dyn());
    }
}
