//! Where the operands of a join lie in its result.

use super::program::Dims;

/// The index along each axis of the first element of each piece, where arrays of these lengths fill one of lengths `dims`
/// in the order of their first elements; `None` where they do not fill it.
///
/// Along the first axis, a piece takes its length. What that leaves of the other axes is filled likewise by the pieces
/// that follow, all of which have the same length along the first; then comes what is behind them.
pub(crate) fn places<'d>(dims: &[usize], pieces: impl IntoIterator<Item = &'d [usize]>) -> Option<Vec<Dims>> {
    let mut filling = Filling {
        pieces: pieces.into_iter().peekable(),
        at: Dims::from_elem(0, dims.len()),
        places: Vec::new(),
    };
    filling.fill(0, &mut Dims::from_slice(dims))?;
    filling.pieces.next().is_none().then_some(filling.places)
}

struct Filling<'d, I: Iterator<Item = &'d [usize]>> {
    pieces: std::iter::Peekable<I>,
    /// Where the room begins that is to be filled.
    at: Dims,
    places: Vec<Dims>,
}

impl<'d, I: Iterator<Item = &'d [usize]>> Filling<'d, I> {
    /// Fills a room of these lengths, along an axis and those behind it.
    fn fill(&mut self, axis: usize, room: &mut Dims) -> Option<()> {
        if axis == room.len() {
            self.places.push(self.at.clone());
            return (self.pieces.next()? == room.as_slice()).then_some(());
        }
        let (start, whole) = (self.at[axis], room[axis]);
        let mut filled = 0;
        while filled < whole {
            let length = *self.pieces.peek()?.get(axis)?;
            if length == 0 || length > whole - filled {
                return None;
            }
            (self.at[axis], room[axis]) = (start + filled, length);
            self.fill(axis + 1, room)?;
            filled += length;
        }
        (self.at[axis], room[axis]) = (start, whole);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(dims: &[usize], pieces: &[&[usize]]) -> Option<Vec<Vec<usize>>> {
        Some(places(dims, pieces.iter().copied())?.into_iter().map(|place| place.to_vec()).collect())
    }

    #[test]
    fn pieces_fill_a_room_from_its_first_corner_on() {
        assert_eq!(placed(&[5], &[&[2], &[3]]), Some(vec![vec![0], vec![2]]));
        assert_eq!(placed(&[2, 5], &[&[2, 2], &[2, 3]]), Some(vec![vec![0, 0], vec![0, 2]]));
        // A frame around [1, 2], as padding has it.
        let frame: [&[usize]; 5] = [&[1, 4], &[1, 1], &[1, 2], &[1, 1], &[2, 4]];
        let expected = vec![vec![0, 0], vec![1, 0], vec![1, 1], vec![1, 3], vec![2, 0]];
        assert_eq!(placed(&[4, 4], &frame), Some(expected));
        assert_eq!(placed(&[], &[&[]]), Some(vec![vec![]]));
    }

    #[test]
    fn what_does_not_fill_it_is_refused() {
        let cases: [(&[usize], &[&[usize]]); 7] = [
            (&[5], &[&[2], &[2]]),
            (&[5], &[&[2], &[4]]),
            (&[5], &[&[5], &[1]]),
            (&[2, 2], &[&[2, 1], &[1, 1]]),
            (&[2, 2], &[&[1, 1], &[2, 1], &[1, 1]]),
            (&[2, 2], &[&[4]]),
            (&[2], &[&[0], &[2]]),
        ];
        for (dims, pieces) in cases {
            assert_eq!(placed(dims, pieces), None, "{dims:?} of {pieces:?}");
        }
    }
}
