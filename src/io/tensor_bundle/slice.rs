//! [`Slice`]: a part of a tensor that is stored apart, and the key that it is stored under.
//!
//! Source: `tensorflow/core/util/saved_tensor_slice_util.cc` and `tensorflow/core/lib/strings/ordered_code.cc` in
//! <https://github.com/tensorflow/tensorflow>.

use super::messages::TensorSliceProto;

/// A part of a tensor: of each axis where it begins and how long it is; without a length, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slice(Vec<(i64, Option<i64>)>);

impl Slice {
    pub(super) fn of(proto: &TensorSliceProto) -> Self {
        Slice(proto.extent.iter().map(|extent| (extent.start, extent.length)).collect())
    }

    /// Where it begins along each axis of a tensor and how long it is there; none where that lies outside.
    pub(super) fn within(&self, shape: &[usize]) -> Option<Vec<(usize, usize)>> {
        let one = |(&(start, length), &whole): (&(i64, Option<i64>), &usize)| {
            let start = usize::try_from(start).ok()?;
            let length = length.map_or(Some(whole), |length| usize::try_from(length).ok())?;
            start.checked_add(length).filter(|&end| end <= whole).map(|_| (start, length))
        };
        (self.0.len() == shape.len()).then(|| self.0.iter().zip(shape).map(one).collect()).flatten()
    }

    /// The key for this part of the tensor of that name: numbers and texts are written so that keys lie in order.
    pub(super) fn key(&self, name: &str) -> Vec<u8> {
        let mut key = Vec::new();
        push_number(&mut key, 0);
        for &byte in name.as_bytes() {
            key.push(byte);
            // A 255 is in no text.
            if byte == 0 {
                key.push(255);
            }
        }
        key.extend([0, 1]);
        push_number(&mut key, self.0.len() as u64);
        for &(start, length) in &self.0 {
            push_signed(&mut key, start);
            push_signed(&mut key, length.unwrap_or(-1));
        }
        key
    }
}

/// How many bytes there are, then these, the highest first.
fn push_number(to: &mut Vec<u8>, number: u64) {
    let empty = number.leading_zeros() as usize / 8;
    to.push((8 - empty) as u8);
    to.extend(&number.to_be_bytes()[empty..]);
}

/// The highest bits are as many ones as there are bytes, for numbers that are not negative, and zeros for those that
/// are; then comes the number.
fn push_signed(to: &mut Vec<u8>, number: i64) {
    let magnitude = if number < 0 { !number } else { number };
    // A byte in front holds a bit less than 7 of the number, and each one behind 7 more.
    let count = (64 - magnitude.leading_zeros() as usize) / 7 + 1;
    let mut bytes = i128::from(number).to_be_bytes();
    let header = (0xffff_u16 << (16 - count.min(16))).to_be_bytes();
    let begin = bytes.len() - count;
    bytes[begin] ^= header[0];
    if count > 8 {
        bytes[begin + 1] ^= header[1];
    }
    to.extend(&bytes[begin..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys as TensorFlow 2.21 wrote them.
    #[test]
    fn keys_are_those_of_tensorflow() {
        let whole = Slice(vec![(0, None), (0, None)]);
        assert_eq!(whole.key("a"), b"\x00a\x00\x01\x01\x02\x80\x7f\x80\x7f");
        let part = Slice(vec![(5, Some(2)), (0, Some(2))]);
        assert_eq!(part.key("p"), b"\x00p\x00\x01\x01\x02\x85\x82\x80\x82");
    }

    /// One more than the longest number of a length takes one byte more, and the order is that of numbers.
    #[test]
    fn signed_numbers_are_written_in_order() {
        let mut numbers: Vec<i64> = (0..63).flat_map(|bit| [(1 << bit) - 1, 1 << bit]).collect();
        numbers.extend([i64::MAX, i64::MAX - 1]);
        numbers.extend(numbers.clone().iter().map(|number| !number));
        numbers.sort_unstable();
        numbers.dedup();
        let written = |number: i64| {
            let mut bytes = Vec::new();
            push_signed(&mut bytes, number);
            bytes
        };
        assert!(numbers.windows(2).all(|pair| written(pair[0]) < written(pair[1])));
        let lengths = [63, 64, -64, -65, 8191, 8192, i64::MAX].map(|number| written(number).len());
        assert_eq!(lengths, [1, 2, 1, 2, 2, 3, 10]);
        assert_eq!((written(64), written(-65)), (vec![0xc0, 0x40], vec![0x3f, 0xbf]));
    }

    #[test]
    fn parts_lie_inside() {
        let of = |start, length| Slice(vec![(start, length)]).within(&[7]);
        assert_eq!(of(5, Some(2)), Some(vec![(5, 2)]));
        assert_eq!(of(0, None), Some(vec![(0, 7)]));
        assert!(
            [of(5, Some(3)), of(-1, Some(1)), of(1, None), of(i64::MAX, Some(i64::MAX))]
                .iter()
                .all(Option::is_none)
        );
        assert_eq!(Slice(vec![]).within(&[7]), None);
    }
}
