//! A hash for tables that are filled while graphs are built and planned.
//!
//! `std`'s resists keys chosen to collide, which costs more than the rest of a lookup; nobody gains by
//! slowing down the planning of a graph of their own.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map with this hash.
pub(crate) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<QuickHasher>>;

/// The odd number next to 2⁶⁴ over the golden ratio: its digits have no pattern.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Folds the two halves of a product with each word, so that each bit reaches high and low ones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct QuickHasher(u64);

impl Hasher for QuickHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for &word in words {
            self.write_u64(u64::from_le_bytes(word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0.rotate_left(5) ^ word ^ MULTIPLIER) * u128::from(MULTIPLIER);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::{BuildHasher, Hash};

    fn hash(key: impl Hash) -> u64 {
        BuildHasherDefault::<QuickHasher>::default().hash_one(key)
    }

    #[test]
    fn keys_that_differ_little_spread_over_both_ends_of_the_hash() {
        for low in [true, false] {
            let end = |hash: u64| if low { hash & 0xffff } else { hash >> 48 };
            let numbers: HashSet<u64> = (0..1000_u32).map(|number| end(hash(number))).collect();
            let names: HashSet<u64> = (0..1000).map(|number| end(hash(format!("add_{number}")))).collect();
            // A thousand balls fall into about 992 of 65,536 boxes.
            assert!(numbers.len() > 970 && names.len() > 970, "{} and {}", numbers.len(), names.len());
        }
    }
}
