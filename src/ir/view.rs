//! [`View`]: a value's elements under other lengths, in another order, or some of them.

use smallvec::SmallVec;

/// The same elements seen under other lengths or in another order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum View {
    Reshape,
    Permute(Vec<usize>),
    Broadcast,
    /// Of each axis, as many elements as the result is long there.
    Slice(Vec<AxisSlice>),
}

/// What a slice takes of an axis: elements that stand evenly apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AxisSlice {
    /// The index of the first element.
    pub(crate) first: usize,
    /// From one element to the next; less than 0 goes backwards, and 1 stands where there is no next one.
    pub(crate) step: isize,
}

impl AxisSlice {
    /// As many elements from an index on, a step apart.
    pub(crate) fn of(first: usize, step: isize, length: usize) -> Self {
        AxisSlice { first, step: if length <= 1 { 1 } else { step } }
    }

    /// The axis as it is.
    pub(crate) const WHOLE: AxisSlice = AxisSlice { first: 0, step: 1 };

    /// The index of the element so many steps behind the first, unless it is before the axis or out of all bounds.
    pub(crate) fn index(self, count: usize) -> Option<usize> {
        self.first.checked_add_signed(self.step.checked_mul(isize::try_from(count).ok()?)?)
    }

    /// The slice that takes of this one, as `outer` says, so many elements.
    pub(crate) fn then(self, outer: AxisSlice, length: usize) -> Option<Self> {
        Some(AxisSlice::of(self.index(outer.first)?, self.step.checked_mul(outer.step)?, length))
    }

    /// Whether so many elements of an axis of another length are all there.
    pub(super) fn fits(self, length: usize, from: usize) -> bool {
        match length {
            0 => self.first <= from,
            _ => self.first < from && self.index(length - 1).is_some_and(|last| last < from),
        }
    }

    /// As Python writes it, for so many elements.
    pub(super) fn text(self, length: usize) -> String {
        let (first, step) = (self.first, self.step);
        let end = self.index(length).map_or_else(String::new, |end| end.to_string());
        if step == 1 { format!("{first}:{end}") } else { format!("{first}:{end}:{step}") }
    }
}

/// Whether what a slice of these lengths takes of an array of others lies there in one piece, in row-major order: whole
/// axes behind the first that is longer than 1 and not whole.
pub(crate) fn is_one_piece(axes: &[AxisSlice], dims: &[usize], from: &[usize]) -> bool {
    let lengths = axes.iter().zip(dims.iter().zip(from));
    let mut rest = lengths.skip_while(|&(_, (&length, _))| length == 1);
    rest.next().is_none_or(|(axis, _)| axis.step == 1)
        && rest.all(|(axis, (&length, &from))| axis.step == 1 && length == from)
}

/// Whether what lies from such a place on in an array of other lengths is one piece of it.
pub(crate) fn is_piece_at(start: &[usize], dims: &[usize], from: &[usize]) -> bool {
    let axes: SmallVec<[AxisSlice; 4]> =
        start.iter().map(|&first| AxisSlice { first, ..AxisSlice::WHOLE }).collect();
    is_one_piece(&axes, dims, from)
}
