//! The plan's invariant, established from the finished plan alone: by reading it, not by repeating
//! how it was made, in time that is linear but for trees. Runs on every plan in debug builds and tests.

mod order;

use std::collections::BTreeMap;

use super::{Base, BufferId, Factors, Kind, Opening, Place, Plan, Start, Step, reach};
use crate::ir::{Scalar, size};
use crate::kernel::gemm::Strides;
use crate::kernel::tile::{Instruction, Move};
use crate::memory::ALIGNMENT;

use order::Waits;

impl Plan {
    /// Says what breaks the invariant, if something does:
    /// a step reads what nobody has written yet; a buffer is written twice or lies outside the arena;
    /// a step writes to what it may only read; or two buffers share bytes although the steps that use
    /// them could overlap.
    pub(crate) fn check(&self) -> Result<(), String> {
        let users = self.users();
        let waits = Waits::of(&self.order)?;
        self.check_places()?;
        for (index, step) in self.steps.iter().enumerate() {
            self.check_step(index, step)?;
        }
        for (id, buffer) in self.ids().zip(&self.buffers) {
            if let Place::Arena(_) | Place::Next(_) = buffer.place {
                check_users(id, &users[id.index()], &waits)?;
            }
        }
        for fetch in &self.fetches {
            let size = fetch.dims.iter().product::<usize>() * fetch.dtype.size();
            if fetch.start.offset + size > self.buffers[fetch.start.buffer.index()].bytes {
                return Err(format!("b{} is too small for what is fetched from it", fetch.start.buffer.0));
            }
        }
        self.check_overlaps(&users, &waits)
    }

    fn ids(&self) -> impl Iterator<Item = BufferId> {
        (0..self.buffers.len() as u32).map(BufferId)
    }

    /// The steps that touch each buffer, and whether they write it.
    fn users(&self) -> Vec<Vec<(usize, bool)>> {
        let mut users = vec![Vec::new(); self.buffers.len()];
        for (index, step) in self.steps.iter().enumerate() {
            step.writes.iter().for_each(|buffer| users[buffer.index()].push((index, true)));
            step.reads.iter().for_each(|buffer| users[buffer.index()].push((index, false)));
        }
        users
    }

    fn check_places(&self) -> Result<(), String> {
        for (id, buffer) in self.ids().zip(&self.buffers) {
            if let Place::Arena(offset) = buffer.place {
                let end = offset.checked_add(buffer.bytes);
                if offset % ALIGNMENT != 0 || end.is_none_or(|end| end > self.arena_bytes) {
                    return Err(format!("b{} does not lie in the arena", id.0));
                }
            }
        }
        Ok(())
    }

    /// Every pointer that the step's ops follow must be among what it declares to read or write.
    fn check_step(&self, index: usize, step: &Step) -> Result<(), String> {
        let [reads, writes] = [&step.reads, &step.writes].map(|buffers| {
            let mut sorted = buffers.clone();
            sorted.sort_unstable();
            sorted
        });
        let require = |buffer: BufferId, to_write: bool| {
            let is_written = writes.binary_search(&buffer).is_ok();
            if is_written || (!to_write && reads.binary_search(&buffer).is_ok()) {
                Ok(())
            } else {
                Err(format!("step {index} touches b{} without declaring it", buffer.0))
            }
        };
        let holds = |buffer: BufferId, bytes: usize| {
            let there = self.buffers[buffer.index()].bytes;
            if bytes <= there {
                Ok(())
            } else {
                Err(format!("step {index} needs {bytes} bytes of b{}, which has {there}", buffer.0))
            }
        };
        match &step.kind {
            Kind::Region(region) => {
                for op in region.once.iter().chain(&region.ops) {
                    let operands = &op.operands;
                    let reads = op.instruction != Instruction::Move(Move::Count);
                    if operands.dst.base == Base::Nowhere || (reads && operands.a.base == Base::Nowhere) {
                        return Err(format!("an op of step {index} lacks an operand"));
                    }
                    for (position, slot) in operands.slots().into_iter().enumerate() {
                        if let Base::Buffer(buffer) = slot.base {
                            require(buffer, position == 0)?;
                            // Of what is the same for all rows there is an element at least; how many, the kernel knows.
                            // What a selection goes by are truth values.
                            let selects =
                                matches!(op.instruction, Instruction::Map { function: Scalar::Select, .. });
                            let element = if selects && position == 1 { 1 } else { op.from.size() };
                            let is_whole = slot.row_bytes == 0 && slot.offset > 0;
                            let bytes = if is_whole { element } else { slot.row_bytes * region.rows };
                            holds(buffer, slot.offset + bytes)?;
                        }
                    }
                    if let Base::Buffer(buffer) = operands.a.base {
                        if let Some(strided) = &operands.strided {
                            let reach = reach(operands.a.offset, strided.axes(), op.from.size());
                            let before = || format!("step {index} reads what is before b{}", buffer.0);
                            holds(buffer, reach.ok_or_else(before)?.end)?;
                        }
                        let last_column = operands.inner.saturating_sub(1) * operands.stride;
                        let columns = (last_column + region.rows) * operands.a.row_bytes;
                        holds(buffer, operands.a.offset + columns)?;
                    }
                }
                if let Some(Opening { factors, c }) = &region.opening {
                    self.check_factors(index, step, factors)?;
                    if let Base::Buffer(buffer) = c.base {
                        require(buffer, true)?;
                        holds(buffer, c.row_bytes * region.rows)?;
                    }
                }
                for accumulator in &region.accumulators {
                    require(accumulator.buffer, true)?;
                    holds(accumulator.buffer, accumulator.elements * accumulator.dtype.size())?;
                }
                region.partial.map_or(Ok(()), |partial| {
                    require(partial, true)?;
                    holds(partial, region.chunks * region.partial_bytes)
                })
            }
            Kind::Product { factors, c } => {
                self.check_factors(index, step, factors)?;
                require(*c, true)?;
                let elements = factors.batch.len() * factors.product.m * factors.product.n;
                holds(*c, elements * factors.product.dtype.size())
            }
            Kind::Fold { fold, src, dst } => {
                require(src.buffer, false)?;
                require(*dst, true)?;
                let element = fold.dtype.size();
                holds(src.buffer, src.offset + fold.outer * fold.axis * fold.inner * element)?;
                holds(*dst, fold.outer * fold.inner * element)
            }
            Kind::Compute(compute) => {
                for operand in &compute.operands {
                    let buffer = operand.start.buffer;
                    require(buffer, false)?;
                    let before = || format!("step {index} reads what is before b{}", buffer.0);
                    holds(buffer, operand.reach().ok_or_else(before)?.end)?;
                }
                require(compute.dst, true)?;
                let firsts = compute.operands.iter().map(|operand| operand.dims.first());
                if let Some(per_task) = compute.per_task
                    && (per_task == 0 || firsts.into_iter().any(|first| first != compute.dims.first()))
                {
                    return Err(format!("step {index}: its kernel cannot be cut into parts of {per_task}"));
                }
                holds(compute.dst, size(&compute.dims) * compute.dtype.size())
            }
            Kind::Copy { src, dst, bytes } => {
                require(src.buffer, false)?;
                require(*dst, true)?;
                holds(src.buffer, src.offset + *bytes)?;
                holds(*dst, *bytes)
            }
        }
    }

    /// The operands of a product must be declared, and hold as much as their strides lead to.
    fn check_factors(&self, index: usize, step: &Step, factors: &Factors) -> Result<(), String> {
        let product = &factors.product;
        let reach = |rows: usize, columns: usize, strides: Strides, batch: [usize; 2]| {
            let last = |length: usize, stride: usize| length.saturating_sub(1) * stride;
            let axes = factors.batch.axes.iter();
            let offset: usize =
                axes.map(|axis| last(axis.length, axis.a * batch[0] + axis.b * batch[1])).sum();
            let elements = offset + last(rows, strides.row) + last(columns, strides.column) + 1;
            if rows * columns * factors.batch.len() == 0 { 0 } else { elements * product.dtype.size() }
        };
        let operands = [
            (factors.a, reach(product.m, product.k, product.a, [1, 0])),
            (factors.b, reach(product.k, product.n, product.b, [0, 1])),
        ];
        for (Start { buffer, offset }, bytes) in operands {
            if !step.reads.contains(&buffer) {
                return Err(format!("step {index} multiplies b{} without declaring it", buffer.0));
            }
            let there = self.buffers[buffer.index()].bytes;
            if offset + bytes > there {
                return Err(format!("step {index} needs {bytes} bytes of b{}, which has {there}", buffer.0));
            }
        }
        Ok(())
    }

    /// Whether a region makes `later` in exactly the place of `earlier` without losing a row that is still to be
    /// read.
    fn passes_on(&self, step: usize, earlier: BufferId, later: BufferId) -> bool {
        let Kind::Region(region) = &self.steps[step].kind else { return false };
        let mut is_made = false;
        for op in &region.ops {
            let [dst, operands @ ..] = op.operands.slots();
            let makes = dst.buffer() == Some(later);
            for slot in operands.iter().filter(|slot| slot.buffer() == Some(earlier)) {
                // Behind the op that makes the row it is gone; at that op only the same row may be read.
                let in_time = !is_made && (!makes || op.instruction.works_in_place());
                if !in_time || slot.row_bytes == 0 || op.operands.stride > 0 || slot.offset > 0 {
                    return false;
                }
                if makes && (dst.row_bytes != slot.row_bytes || dst.offset > 0) {
                    return false;
                }
            }
            is_made |= makes;
        }
        let elsewhere =
            region.once.iter().flat_map(|op| op.operands.slots()).filter_map(|slot| slot.buffer());
        let multiplied =
            region.opening.iter().flat_map(|opening| [opening.factors.a.buffer, opening.factors.b.buffer]);
        let places = [earlier, later]
            .map(|buffer| (self.buffers[buffer.index()].place, self.buffers[buffer.index()].bytes));
        is_made && places[0] == places[1] && !elsewhere.chain(multiplied).any(|buffer| buffer == earlier)
    }

    /// Whether bytes that hold a value are given to another one only when all who use the first are done.
    ///
    /// The check goes step by step and keeps which value holds each byte of the arena. A value must come behind all
    /// users of the values whose bytes it takes. Its own users come behind the step that writes it, so the next value
    /// in these bytes comes behind the former holders as well, and need not be compared with them.
    fn check_overlaps(&self, users: &[Vec<(usize, bool)>], waits: &Waits<'_>) -> Result<(), String> {
        let mut kept = vec![false; self.buffers.len()];
        self.fetches.iter().for_each(|fetch| kept[fetch.start.buffer.index()] = true);
        let mut holders = Holders::default();
        for (index, step) in self.steps.iter().enumerate() {
            for &later in &step.writes {
                let Place::Arena(start) = self.buffers[later.index()].place else { continue };
                for earlier in holders.take(start, start + self.buffers[later.index()].bytes, later) {
                    let is_done = |&(user, writes): &(usize, bool)| {
                        waits.is_after(index, user)
                            || (user == index && !writes && self.passes_on(index, earlier, later))
                    };
                    if kept[earlier.index()] || !users[earlier.index()].iter().all(is_done) {
                        let (first, second) = (earlier.0.min(later.0), earlier.0.max(later.0));
                        return Err(format!("b{first} and b{second} share bytes while both are in use"));
                    }
                }
            }
        }
        Ok(())
    }
}

/// One step must write the buffer, and all who read it must wait for that.
fn check_users(id: BufferId, users: &[(usize, bool)], waits: &Waits<'_>) -> Result<(), String> {
    let mut writers = users.iter().filter(|(_, writes)| *writes).map(|&(step, _)| step);
    let (Some(writer), None) = (writers.next(), writers.next()) else {
        return Err(format!("b{} is not written by exactly one step", id.0));
    };
    match users.iter().find(|&&(step, writes)| !writes && !waits.is_after(step, writer)) {
        Some((reader, _)) => Err(format!("step {reader} may read b{} before step {writer} writes it", id.0)),
        None => Ok(()),
    }
}

/// Who holds which bytes of the arena: ranges that do not overlap, by where they start.
#[derive(Default)]
struct Holders(BTreeMap<usize, (usize, BufferId)>);

impl Holders {
    /// Gives the bytes to a buffer, and who held some of them so far.
    fn take(&mut self, start: usize, end: usize, by: BufferId) -> Vec<BufferId> {
        let mut former = Vec::new();
        while start < end
            && let Some((&first, &(last, holder))) = self.0.range(..end).next_back()
            && last > start
        {
            self.0.remove(&first);
            former.push(holder);
            if last > end {
                self.0.insert(end, (last, holder));
            }
            if first < start {
                self.0.insert(first, (start, holder));
            }
        }
        if start < end {
            self.0.insert(start, (end, by));
        }
        former
    }
}
