//! The order in which several operands are multiplied, by the number of multiplications.
//!
//! Takes the indices of the operands and their lengths; gives pairs, each of which is a product by the next number.
//! Of a few operands the best of all orders is found, of more the next pair is the one whose product saves most
//! memory. An order only costs time: whatever is found here, the result is the same.

use std::collections::VecDeque;

use super::spec::{Index, Lengths, Term};

/// Operands up to which all orders are compared: there are 3ⁿ ways to cut a set of n operands in two.
const MOST_COMPARED: usize = 8;

/// Operands that are looked at for the next pair where there are more, so that time is linear in their number.
const LOOKED_AT: usize = 16;

/// The length by which an unknown one counts: a long one, so that what depends on lengths that are fed is multiplied
/// last, or summed over first.
const UNKNOWN: f64 = 1024.0;

/// A set of indices.
type Set = u128;

/// The pairs in the order in which they are multiplied. Operands have the numbers from 0 on, and products the next ones.
pub(super) fn order(terms: &[Term], result: &[Index], lengths: &Lengths) -> Vec<[usize; 2]> {
    // What is beyond the last bit does not count.
    let bit = |index: &Index| {
        lengths.keys().position(|key| key == index).and_then(|bit| 1_u128.checked_shl(bit as u32))
    };
    let set = |term: &[Index]| term.iter().filter_map(bit).fold(0, |set, bit| set | bit);
    let costs = Costs {
        lengths: lengths.values().map(|length| length.map_or(UNKNOWN, |length| length as f64)).collect(),
        operands: terms.iter().map(|term| set(term)).collect(),
        result: set(result),
    };
    if terms.len() <= MOST_COMPARED { costs.best() } else { costs.greedy() }
}

struct Costs {
    /// Of each bit.
    lengths: Vec<f64>,
    operands: Vec<Set>,
    result: Set,
}

impl Costs {
    /// How many elements a tensor with these indices has.
    fn size(&self, set: Set) -> f64 {
        let lengths = self.lengths.iter().enumerate();
        lengths.filter(|&(bit, _)| bit < 128 && set >> bit & 1 == 1).map(|(_, length)| length).product()
    }

    /// The best of all orders: for each set of operands the cheapest way to cut it in two.
    fn best(&self) -> Vec<[usize; 2]> {
        let all = (1_usize << self.operands.len()) - 1;
        let union = |operands: usize| {
            let chosen = self.operands.iter().enumerate().filter(|(own, _)| operands >> own & 1 == 1);
            chosen.fold(0, |union, (_, set)| union | set)
        };
        // What the product of some operands has is what the others or the result need.
        let kept: Vec<Set> = (0..=all).map(|some| union(some) & (union(all & !some) | self.result)).collect();
        let mut cheapest = vec![(0.0, 0); all + 1];
        for some in (1..=all).filter(|some| !some.is_power_of_two()) {
            let mut best = (f64::INFINITY, 0);
            // Each cut once: the part with the first operand, which is not the whole.
            let (first, mut part) = (some & some.wrapping_neg(), some);
            while part > 0 {
                part = (part - 1) & some;
                if part & first != 0 {
                    let rest = some & !part;
                    let cost = cheapest[part].0 + cheapest[rest].0 + self.size(kept[part] | kept[rest]);
                    if cost < best.0 || best.1 == 0 {
                        best = (cost, part);
                    }
                }
            }
            cheapest[some] = best;
        }
        let mut pairs = Vec::new();
        self.cut(all, &cheapest, &mut pairs);
        pairs
    }

    /// Adds the pairs of a set of operands; gives the number of its product.
    fn cut(&self, some: usize, cheapest: &[(f64, usize)], pairs: &mut Vec<[usize; 2]>) -> usize {
        if some.is_power_of_two() {
            return some.trailing_zeros() as usize;
        }
        let part = cheapest[some].1;
        let pair = [part, some & !part].map(|part| self.cut(part, cheapest, pairs));
        pairs.push(pair);
        self.operands.len() + pairs.len() - 1
    }

    /// Pair by pair the one whose product is smallest beside what it is made of.
    fn greedy(&self) -> Vec<[usize; 2]> {
        let mut left: VecDeque<(usize, Set)> = self.operands.iter().copied().enumerate().collect();
        // How many of those that are left, and the result, need each index.
        let mut needed = vec![0_usize; self.lengths.len().min(128)];
        let bits = |set: Set, needed: &mut [usize], change: fn(&mut usize)| {
            needed
                .iter_mut()
                .enumerate()
                .filter(|(bit, _)| set >> bit & 1 == 1)
                .for_each(|(_, count)| change(count));
        };
        for &(_, set) in &left {
            bits(set, &mut needed, |count| *count += 1);
        }
        bits(self.result, &mut needed, |count| *count += 1);
        let mut pairs = Vec::new();
        while left.len() > 1 {
            let product = |a: Set, b: Set| {
                let outside = |bit: usize| needed[bit] > (a >> bit & 1) as usize + (b >> bit & 1) as usize;
                (0..needed.len())
                    .filter(|&bit| (a | b) >> bit & 1 == 1 && outside(bit))
                    .fold(0, |set, bit| set | 1 << bit)
            };
            let looked_at = left.len().min(LOOKED_AT);
            let (mut best, mut least) = ([0, 1], f64::INFINITY);
            for first in 0..looked_at {
                for second in first + 1..looked_at {
                    let (a, b) = (left[first].1, left[second].1);
                    let growth = self.size(product(a, b)) - self.size(a) - self.size(b);
                    if growth < least {
                        (best, least) = ([first, second], growth);
                    }
                }
            }
            let [first, second] = best;
            let Some((number, b)) = left.remove(second) else { break };
            let a = left[first].1;
            let made = product(a, b);
            for set in [a, b] {
                bits(set, &mut needed, |count| *count -= 1);
            }
            bits(made, &mut needed, |count| *count += 1);
            pairs.push([left[first].0, number]);
            left[first] = (self.operands.len() + pairs.len() - 1, made);
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::einsum::spec::{Spec, lengths};
    use crate::shape::Shape;

    /// The order for a specification and the lengths of its operands; `None` where one is unknown.
    fn ordered(spec: &str, shapes: &[&[Option<usize>]]) -> Vec<[usize; 2]> {
        let shapes: Vec<Shape> = shapes.iter().map(|&shape| shape.into()).collect();
        let shapes: Vec<&Shape> = shapes.iter().collect();
        let (terms, result) = Spec::parse(spec, shapes.len()).unwrap().indices(&shapes).unwrap();
        order(&terms, &result, &lengths(&terms, &shapes).unwrap())
    }

    #[test]
    fn the_cheapest_order_is_found() {
        // A chain of matrices, of which the last two make a small one.
        let matrices = |lengths: [usize; 4]| {
            let dims: Vec<[Option<usize>; 2]> =
                lengths.windows(2).map(|pair| [Some(pair[0]), Some(pair[1])]).collect();
            ordered("ij,jk,kl->il", &dims.iter().map(|dims| &dims[..]).collect::<Vec<_>>())
        };
        assert_eq!(matrices([100, 90, 80, 2]), [[1, 2], [0, 3]]);
        assert_eq!(matrices([2, 90, 80, 100]), [[0, 1], [3, 2]]);
        // Two vectors that have nothing in common are multiplied last.
        let [n, m] = [Some(60), Some(50)];
        assert_eq!(ordered("i,j,ij->", &[&[n], &[m], &[n, m]]), [[0, 2], [3, 1]]);
    }

    #[test]
    fn unknown_lengths_count_as_long() {
        // The known matrices first: the batch may be longer than any of them.
        let square: &[Option<usize>] = &[Some(64), Some(64)];
        assert_eq!(ordered("bi,ij,jk->bk", &[&[None, Some(64)], square, square]), [[1, 2], [0, 3]]);
    }

    #[test]
    fn many_operands_are_multiplied_pair_by_pair() {
        let letters: Vec<char> = ('a'..='z').chain('A'..='Z').collect();
        let terms: Vec<String> = letters.windows(2).map(|pair| pair.iter().collect()).collect();
        let shapes: Vec<&[Option<usize>]> = vec![&[Some(3), Some(3)]; terms.len()];
        let pairs = ordered(&format!("{}->aZ", terms.join(",")), &shapes);
        assert_eq!(pairs.len(), terms.len() - 1);
        let mut used: Vec<usize> = pairs.iter().flatten().copied().collect();
        used.sort_unstable();
        assert_eq!(used, (0..2 * terms.len() - 2).collect::<Vec<_>>(), "each operand and product once");
        // Far more operands than indices take no longer than their number says.
        let many = vec![&[Some(3)][..]; 2_000];
        assert_eq!(ordered(&format!("{}->i", vec!["i"; many.len()].join(",")), &many).len(), many.len() - 1);
    }
}
