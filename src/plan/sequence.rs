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

use super::{Buffer, BufferId, Kind, Step, UNDECIDED};

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
    /// By step, the bytes that it takes for longer than itself.
    takes: Vec<usize>,
    /// By step, the bytes that it would free if it were taken next.
    frees: Vec<usize>,
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

impl Value {
    /// Bytes that the last reader frees.
    fn freed(&self) -> usize {
        if self.is_kept { 0 } else { self.bytes }
    }
}

/// The bytes that a step writes for others to read.
fn taken(step: &Step, values: &[Value]) -> usize {
    // The bytes of what is made part by part are taken by the step that writes the first one, for good.
    if matches!(&step.kind, Kind::Join { assembly, .. } if assembly.is_begun()) {
        return 0;
    }
    let written = step.writes.iter().map(|buffer| &values[buffer.index()]);
    let staying = written.filter(|value| !value.readers.is_empty() || value.is_kept);
    staying.fold(0, |bytes, value| bytes.saturating_add(value.bytes))
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
        let mut sequence = Sequence {
            takes: steps.iter().map(|step| taken(step, &values)).collect(),
            frees: vec![0; steps.len()],
            is_taken: vec![false; steps.len()],
            candidates: BinaryHeap::new(),
            order: Vec::with_capacity(steps.len()),
            steps,
            values,
            waits_for,
        };
        for value in &sequence.values {
            if let &[reader] = value.readers.as_slice() {
                sequence.frees[reader as usize] =
                    sequence.frees[reader as usize].saturating_add(value.freed());
            }
        }
        sequence
    }

    /// Whether a step is ready and frees at least as many bytes as it takes for longer than itself.
    fn shrinks(&self, index: usize) -> bool {
        self.waits_for[index] == 0 && self.takes[index] <= self.frees[index]
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
            if value.left == 1
                && let Some(&last) = value.readers.iter().find(|&&reader| !self.is_taken[reader as usize])
            {
                let frees = &mut self.frees[last as usize];
                *frees = frees.saturating_add(value.freed());
                self.candidates.push(Reverse(last as usize));
            }
        }
    }
}
