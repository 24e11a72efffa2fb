//! What a node is ordered after: for each variable, the last assignment to it.
//!
//! Every node has such a map, and most differ from that of a predecessor in one entry or none. So the
//! map is a trie over the variables' indices whose blocks are shared: a copy costs nothing, a change
//! copies one block a level, and joining two maps looks only at the blocks that they do not share.

use std::sync::Arc;

use crate::ir::{NodeId, VariableId};

/// Binary digits of an index that one level of the trie tells apart: blocks of 16 take two cache lines.
const DIGIT_BITS: u32 = 4;

const FAN_OUT: usize = 1 << DIGIT_BITS;

#[derive(Clone, Debug)]
enum Block {
    Writers([Option<NodeId>; FAN_OUT]),
    Blocks([Link; FAN_OUT]),
}

type Link = Option<Arc<Block>>;

/// The last assignment to each variable that a node is ordered after, if there is one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Versions {
    root: Link,
    /// Levels of blocks above the writers.
    levels: u32,
}

impl Versions {
    /// No assignment to any of so many variables.
    pub(crate) fn of(variables: usize) -> Self {
        let bits = usize::BITS - variables.saturating_sub(1).leading_zeros();
        Versions { root: None, levels: bits.saturating_sub(1) / DIGIT_BITS }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    pub(crate) fn get(&self, variable: VariableId) -> Option<NodeId> {
        let (mut block, mut level) = (self.root.as_deref()?, self.levels);
        loop {
            match block {
                Block::Writers(writers) => return writers[digit(variable, 0)],
                Block::Blocks(blocks) => block = blocks[digit(variable, level)].as_deref()?,
            }
            level -= 1;
        }
    }

    /// Orders the node after one more assignment. Of two to the same variable the later one counts:
    /// should they not be ordered among themselves, planning fails anyway.
    pub(crate) fn include(&mut self, variable: VariableId, writer: NodeId) {
        let (mut link, mut level) = (&mut self.root, self.levels);
        loop {
            match Arc::make_mut(link.get_or_insert_with(|| Arc::new(Block::empty(level)))) {
                Block::Writers(writers) => {
                    let known = &mut writers[digit(variable, 0)];
                    *known = (*known).max(Some(writer));
                    return;
                }
                Block::Blocks(blocks) => link = &mut blocks[digit(variable, level)],
            }
            level -= 1;
        }
    }

    /// Orders the node after all that another one is ordered after.
    pub(crate) fn join(&mut self, other: &Versions) {
        join(&mut self.root, &other.root);
    }
}

impl Block {
    fn empty(level: u32) -> Self {
        if level == 0 { Block::Writers([None; FAN_OUT]) } else { Block::Blocks(Default::default()) }
    }
}

fn digit(VariableId(index): VariableId, level: u32) -> usize {
    (index >> (level * DIGIT_BITS)) as usize % FAN_OUT
}

fn join(own: &mut Link, other: &Link) {
    let (Some(block), Some(added)) = (&mut *own, other) else {
        if own.is_none() {
            own.clone_from(other);
        }
        return;
    };
    if Arc::ptr_eq(block, added) {
        return;
    }
    match (Arc::make_mut(block), &**added) {
        (Block::Writers(writers), Block::Writers(added)) => {
            writers.iter_mut().zip(added).for_each(|(known, &writer)| *known = (*known).max(writer));
        }
        (Block::Blocks(blocks), Block::Blocks(added)) => {
            blocks.iter_mut().zip(added).for_each(|(own, other)| join(own, other));
        }
        // The blocks of one level are of one kind.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_of_two_assignments_counts_whatever_the_number_of_variables() {
        for count in [1, 16, 17, 256, 257, 5000] {
            let mut a = Versions::of(count);
            let last = VariableId(count as u32 - 1);
            assert!(a.is_empty() && a.get(last).is_none());
            a.include(last, NodeId(7));
            let mut b = a.clone();
            b.include(last, NodeId(3));
            b.include(VariableId(0), NodeId(9));
            a.include(last, NodeId(8));
            a.join(&b);
            assert_eq!(a.get(last), Some(NodeId(if count == 1 { 9 } else { 8 })));
            assert_eq!(a.get(VariableId(0)), Some(NodeId(9)));
            assert_eq!(b.get(last), Some(NodeId(if count == 1 { 9 } else { 7 })));
        }
    }

    #[test]
    fn joined_maps_share_what_they_share() {
        let mut older = Versions::of(300);
        (0..300).for_each(|index| older.include(VariableId(index), NodeId(index)));
        let mut newer = older.clone();
        newer.include(VariableId(0), NodeId(500));
        newer.join(&older);
        let shared = |versions: &Versions| match versions.root.as_deref() {
            Some(Block::Blocks(blocks)) => blocks[1].clone(),
            _ => None,
        };
        assert!(shared(&older).zip(shared(&newer)).is_some_and(|(a, b)| Arc::ptr_eq(&a, &b)));
        assert_eq!(newer.get(VariableId(0)), Some(NodeId(500)));
    }
}
