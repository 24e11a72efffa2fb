//! The order of the steps, in which values die early.
//!
//! Takes steps in the program's order; gives the same steps in the order in which they run on one
//! thread and in which memory is assigned. A step is taken forward as soon as what it reads is there,
//! if it frees at least as many bytes of the arena as it takes: a gradient is used up where it is made
//! and not when all are, and each of several chains is followed to its end. All else stays in the
//! program's order. The invariant: a step comes behind those that write what it reads.
//!
//! The order depends on the steps alone, and the time is linear but for a queue of what may be taken next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use smallvec::SmallVec;

use super::{Buffer, BufferId, Step, UNDECIDED};

/// Orders the steps; `kept` buffers are needed behind the last one.
pub(super) fn sequence(steps: Vec<Step>, buffers: &[Buffer], kept: &[BufferId]) -> Vec<Step> {
    let mut sequence = Sequence::of(&steps, buffers, kept);
    for index in 0..steps.len() {
        if !sequence.is_taken[index] {
            sequence.take(index);
            while let Some(Reverse(next)) = sequence.candidates.pop() {
                if !sequence.is_taken[next] && sequence.shrinks(next) {
                    sequence.take(next);
                }
            }
        }
    }
    let order = sequence.order;
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    order.into_iter().filter_map(|index| steps[index].take()).collect()
}

struct Sequence<'a> {
    steps: &'a [Step],
    /// By buffer.
    values: Vec<Value>,
    /// By step, how many of the buffers that it reads are not written yet.
    waits_for: Vec<u32>,
    is_taken: Vec<bool>,
    /// Steps that have become ready, or would free more than before, first in the program first.
    candidates: BinaryHeap<Reverse<usize>>,
    order: Vec<usize>,
}

/// What a buffer holds, as the steps see it.
#[derive(Clone, Default)]
struct Value {
    readers: SmallVec<[u32; 4]>,
    /// How many of the readers have not been taken.
    left: usize,
    /// Bytes that are free again behind the last reader.
    bytes: usize,
    is_kept: bool,
}

impl<'a> Sequence<'a> {
    fn of(steps: &'a [Step], buffers: &[Buffer], kept: &[BufferId]) -> Self {
        let mut values = vec![Value::default(); buffers.len()];
        for (value, buffer) in values.iter_mut().zip(buffers) {
            value.bytes = if buffer.place == UNDECIDED { buffer.bytes } else { 0 };
        }
        for buffer in kept {
            values[buffer.index()].is_kept = true;
        }
        let mut is_written = vec![false; buffers.len()];
        let mut waits_for = Vec::with_capacity(steps.len());
        for (index, step) in steps.iter().enumerate() {
            for read in &step.reads {
                values[read.index()].readers.push(index as u32);
                values[read.index()].left += 1;
            }
            waits_for.push(step.reads.iter().filter(|read| is_written[read.index()]).count() as u32);
            step.writes.iter().for_each(|written| is_written[written.index()] = true);
        }
        let (is_taken, order) = (vec![false; steps.len()], Vec::with_capacity(steps.len()));
        Sequence { steps, values, waits_for, is_taken, candidates: BinaryHeap::new(), order }
    }

    /// Whether a step is ready and frees at least as many bytes as it takes for longer than itself.
    fn shrinks(&self, index: usize) -> bool {
        let step = &self.steps[index];
        let stays = |value: &&Value| value.left > 0 || value.is_kept;
        let dies = |value: &&Value| value.left == 1 && !value.is_kept;
        let of = |buffers: &'a [BufferId]| buffers.iter().map(|buffer| &self.values[buffer.index()]);
        let total = |bytes: usize, value: &Value| bytes.saturating_add(value.bytes);
        self.waits_for[index] == 0
            && of(&step.writes).filter(stays).fold(0, total) <= of(&step.reads).filter(dies).fold(0, total)
    }

    /// Takes a step next.
    fn take(&mut self, index: usize) {
        self.is_taken[index] = true;
        self.order.push(index);
        let step = &self.steps[index];
        for written in &step.writes {
            for &reader in &self.values[written.index()].readers {
                self.waits_for[reader as usize] -= 1;
                if self.waits_for[reader as usize] == 0 {
                    self.candidates.push(Reverse(reader as usize));
                }
            }
        }
        for read in &step.reads {
            let value = &mut self.values[read.index()];
            value.left -= 1;
            // The one reader that is left frees the value.
            if value.left == 1 {
                let last = value.readers.iter().map(|&reader| reader as usize);
                let last = last.filter(|&reader| !self.is_taken[reader]);
                self.candidates.extend(last.map(Reverse));
            }
        }
    }
}
