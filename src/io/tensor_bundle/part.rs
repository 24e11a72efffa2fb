//! [`PartOf`]: which part of a tensor a variable is, as ops for saving and restoring write it.

use ndarray::{ArrayD, AxisDescription, Slice};

use crate::element::with_array;
use crate::{Element, Value};

/// A part of a tensor: the lengths of the whole, and of each axis where the part begins and how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartOf {
    whole: Vec<usize>,
    begins: Vec<usize>,
    lengths: Vec<usize>,
}

impl PartOf {
    /// `7 2 0,3:-`: of the shape `[7, 2]`, 3 rows from the first on, and all of each.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words: Vec<&str> = text.split(' ').collect();
        let axes: Vec<&str> = words.pop()?.split(':').collect();
        let whole: Vec<usize> = words.iter().map(|word| word.parse().ok()).collect::<Option<_>>()?;
        if axes.len() != whole.len() {
            return None;
        }
        let (mut begins, mut lengths) = (Vec::new(), Vec::new());
        for (axis, &all) in axes.iter().zip(&whole) {
            let (begin, length) = match axis.split_once(',') {
                Some((begin, length)) => (begin.parse().ok()?, length.parse().ok()?),
                None if *axis == "-" => (0_usize, all),
                None => return None,
            };
            begin.checked_add(length).filter(|&end| end <= all)?;
            begins.push(begin);
            lengths.push(length);
        }
        Some(PartOf { whole, begins, lengths })
    }

    /// The lengths of the whole.
    pub(crate) fn whole(&self) -> &[usize] {
        &self.whole
    }

    /// The lengths of the part.
    pub(crate) fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// The part of this whole; none if it has other lengths.
    pub(crate) fn of(&self, whole: &Value) -> Option<Value> {
        if whole.shape() != self.whole {
            return None;
        }
        Some(
            with_array!(whole, array => Value::from(array.slice_each_axis(|axis| self.cut(axis)).to_owned())),
        )
    }

    /// The whole with this part in its place; none if either has other lengths, or elements of another type.
    pub(crate) fn put(&self, whole: Value, part: &Value) -> Option<Value> {
        if whole.shape() != self.whole || part.shape() != self.lengths || whole.dtype() != part.dtype() {
            return None;
        }
        with_array!(part, array => self.put_array(whole, array))
    }

    fn put_array<T: Element>(&self, whole: Value, part: &ArrayD<T>) -> Option<Value> {
        let mut array = whole.into_array::<T>()?;
        array.slice_each_axis_mut(|axis| self.cut(axis)).assign(part);
        Some(Value::from(array))
    }

    fn cut(&self, axis: AxisDescription) -> Slice {
        let at = |numbers: &[usize]| numbers.get(axis.axis.index()).copied().unwrap_or_default();
        let begin = at(&self.begins);
        Slice::from(begin..begin + at(&self.lengths))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn parts_are_read_and_put_back() {
        let part = PartOf::parse("3 2 1,2:-").unwrap();
        let whole = Value::from(array![[0, 1], [2, 3], [4, 5]]);
        let cut = part.of(&whole).unwrap();
        assert_eq!(cut, array![[2, 3], [4, 5]].into());
        assert_eq!((part.whole(), part.lengths()), (&[3, 2][..], &[2, 2][..]));
        let blank = Value::from(array![[9, 9], [9, 9], [9, 9]]);
        assert_eq!(part.put(blank, &cut), Some(array![[9, 9], [2, 3], [4, 5]].into()));
        assert_eq!(part.put(cut.clone(), &cut), None);
        assert_eq!(part.of(&cut), None);
        for text in [
            "",
            "3",
            "3 2",
            "3 -",
            "3 2 0,1",
            "3 0,4",
            "3 2,2",
            "3 -1,2",
            "3 0,x",
            "3  -",
            "18446744073709551615 1,18446744073709551615",
        ] {
            assert!(PartOf::parse(text).is_none() || text == "3 -", "{text}");
        }
        assert!(PartOf::parse("-").is_none());
    }
}
