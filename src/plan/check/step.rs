//! One step of the finished plan: whether all that it touches is declared, and reaches as far as it is followed.

use super::super::{
    Base, BufferId, Factors, FunctionCall, Kind, Native, Piece, PieceSource, Plan, Producer, Region, Start,
    Step, TileOp, reach,
};
use super::joins::Parts;
use crate::codegen::Access;
use crate::ir::{Scalar, size};
use crate::kernel::gemm::Strides;
use crate::kernel::tile::{self, Instruction, Move};

/// What a step declares to touch.
pub(super) struct Touches<'p> {
    plan: &'p Plan,
    parts: &'p Parts,
    index: usize,
    step: &'p Step,
    /// In ascending order.
    reads: Vec<BufferId>,
    writes: Vec<BufferId>,
}

impl<'p> Touches<'p> {
    pub(super) fn of(plan: &'p Plan, parts: &'p Parts, index: usize, step: &'p Step) -> Self {
        let [reads, writes] = [&step.reads, &step.writes].map(|buffers| {
            let mut sorted = buffers.clone();
            sorted.sort_unstable();
            sorted
        });
        Touches { plan, parts, index, step, reads, writes }
    }

    /// Whether all bytes from the first of a buffer's elements to the last may be read.
    pub(super) fn may_read(&self, buffer: BufferId) -> Result<(), String> {
        self.lies_together(buffer)?;
        self.is_declared(buffer)
    }

    /// Whether no others write between the elements of a buffer.
    fn lies_together(&self, buffer: BufferId) -> Result<(), String> {
        if !self.parts.are_apart(buffer) {
            return Ok(());
        }
        Err(format!("step {} touches what is between the elements of b{}", self.index, buffer.0))
    }

    fn is_declared(&self, buffer: BufferId) -> Result<(), String> {
        let is_declared =
            [&self.reads, &self.writes].iter().any(|declared| declared.binary_search(&buffer).is_ok());
        if is_declared { Ok(()) } else { Err(self.undeclared(buffer)) }
    }

    /// Whether all bytes from the first of a buffer's elements to the last may be written.
    pub(super) fn may_write(&self, buffer: BufferId) -> Result<(), String> {
        self.lies_together(buffer)?;
        if self.writes_to(buffer) { Ok(()) } else { Err(self.undeclared(buffer)) }
    }

    /// Whether the step declares that it writes a buffer.
    pub(super) fn writes_to(&self, buffer: BufferId) -> bool {
        self.writes.binary_search(&buffer).is_ok()
    }

    /// How many buffers the step declares that it writes.
    pub(super) fn count_of_writes(&self) -> usize {
        self.writes.len()
    }

    /// The step's place in its plan.
    pub(super) fn index(&self) -> usize {
        self.index
    }

    fn undeclared(&self, buffer: BufferId) -> String {
        format!("step {} touches b{} without declaring it", self.index, buffer.0)
    }

    /// Whether a buffer has so many bytes.
    pub(super) fn holds(&self, buffer: BufferId, bytes: usize) -> Result<(), String> {
        let there = self.plan.buffers[buffer.index()].bytes;
        if bytes <= there {
            return Ok(());
        }
        Err(format!("step {} needs {bytes} bytes of b{}, which has {there}", self.index, buffer.0))
    }

    /// Whether a buffer has the bytes that strides lead to, if they lead to none before it.
    fn reaches(&self, buffer: BufferId, reach: Option<std::ops::Range<usize>>) -> Result<(), String> {
        match reach {
            Some(reach) => self.holds(buffer, reach.end),
            None => Err(format!("step {} reads what is before b{}", self.index, buffer.0)),
        }
    }

    /// Every pointer that the step's ops follow must be among what it declares to read or write.
    pub(super) fn check(&self) -> Result<(), String> {
        match &self.step.kind {
            Kind::Region(region) => self.check_region(region),
            Kind::Product { factors, c } => {
                self.check_factors(factors)?;
                self.may_write(*c)?;
                let elements = factors.batch.len() * factors.product.m * factors.product.n;
                self.holds(*c, elements * factors.product.dtype.size())
            }
            Kind::Reduce { reduce, src, dst } => {
                self.may_read(src.buffer)?;
                self.may_write(*dst)?;
                let element = reduce.dtype.size();
                self.holds(src.buffer, src.offset + reduce.outer * reduce.axis * reduce.inner * element)?;
                self.holds(*dst, reduce.outer * reduce.inner * element)
            }
            Kind::Join { assembly, dst } => {
                self.may_write(*dst)?;
                for piece in &assembly.pieces {
                    match &piece.from {
                        // It waits for the step that writes the part, and touches nothing.
                        PieceSource::Written(part) => self.is_declared(*part)?,
                        PieceSource::Copied { src: Start { buffer, offset }, transfer, .. } => {
                            self.may_read(*buffer)?;
                            self.reaches(*buffer, reach(*offset, transfer.from(), transfer.element()))?;
                        }
                    }
                }
                Ok(())
            }
            Kind::Kernel(call) => {
                for operand in &call.operands {
                    self.may_read(operand.start.buffer)?;
                    self.reaches(operand.start.buffer, operand.reach())?;
                }
                self.may_write(call.dst)?;
                let mut firsts = call.operands.iter().map(|operand| operand.dims.first());
                if let Some(per_task) = call.per_task
                    && (per_task == 0 || firsts.any(|first| first != call.dims.first()))
                {
                    let index = self.index;
                    return Err(format!("step {index}: its kernel cannot be cut into parts of {per_task}"));
                }
                self.holds(call.dst, size(&call.dims) * call.dtype.size())
            }
            Kind::Call(call) => {
                let FunctionCall { plan, operands, outputs, frame, .. } = &**call;
                self.check_called(plan, operands)?;
                self.check_left(plan, outputs)?;
                self.check_apart(outputs.len() + 1)?;
                self.may_write(*frame)?;
                self.holds(*frame, plan.frame_bytes())
            }
            Kind::Branch(call) => self.check_branches(call),
            Kind::Loop(call) => self.check_loop(call),
            Kind::Copy { src, dst, bytes } => {
                self.may_read(src.buffer)?;
                self.may_write(*dst)?;
                self.holds(src.buffer, src.offset + *bytes)?;
                self.holds(*dst, *bytes)
            }
        }
    }

    fn check_region(&self, region: &Region) -> Result<(), String> {
        for op in region.once.iter().chain(&region.ops) {
            self.check_op(region, op)?;
        }
        for piece in &region.pieces {
            if let Piece::Program(native) = piece {
                self.check_program(region, native)?;
            }
        }
        if let Some(Producer { factors, c }) = &region.producer {
            self.check_factors(factors)?;
            if let Base::Buffer(buffer) = c.base {
                self.may_write(buffer)?;
                self.holds(buffer, c.row_bytes * region.rows)?;
            }
        }
        for accumulator in &region.accumulators {
            self.may_write(accumulator.buffer)?;
            self.holds(
                accumulator.buffer,
                accumulator.elements / accumulator.lanes * accumulator.dtype.size(),
            )?;
        }
        region.partial.map_or(Ok(()), |partial| {
            self.may_write(partial)?;
            self.holds(partial, region.chunks * region.partial_bytes)
        })
    }

    /// What a program reads and writes must be declared, and reach as far as it goes.
    fn check_program(&self, region: &Region, native: &Native) -> Result<(), String> {
        let Native { program, streams, row_bytes, .. } = native;
        let element = program.dtype.size();
        let is_one_call = region.chunks == 1 && region.rows <= region.tile_rows;
        if row_bytes.is_some() && program.is_exact && !is_one_call {
            return Err(format!("a program of step {} is for all rows, and called for some", self.index));
        }
        // Bytes from the first row's element on, for so many rows.
        let reach = |Access { stream, elements, is_boolean, .. }: Access, rows: usize| match row_bytes {
            // Of one element.
            _ if is_boolean => 1,
            _ if program.kept.contains(&stream) => program.kept_bytes(),
            // One row, in which those elements follow on each other that a row of the region has.
            Some(bytes) if elements.is_none() => bytes * rows,
            Some(_) => element,
            None => {
                let last = rows.saturating_sub(1) * program.streams[stream.index()];
                last + elements.or(program.width).unwrap_or(1) * element
            }
        };
        let within = |what: &str, end: usize, bytes: usize| {
            if end <= bytes {
                return Ok(());
            }
            Err(format!("a program of step {} goes to byte {end} of its {what} of {bytes}", self.index))
        };
        for access in program.accesses() {
            let Access { stream, is_boolean, .. } = access;
            if is_boolean && !(row_bytes.is_some() && program.is_exact && program.most == 1) {
                return Err(format!("a program of step {} writes booleans of several elements", self.index));
            }
            let slot = streams[stream.index()];
            match slot.base {
                Base::Buffer(buffer) => {
                    self.may_access(region, native, access, buffer)?;
                    self.holds(buffer, slot.offset + reach(access, region.rows))?;
                }
                Base::Scratch => {
                    let end = slot.offset + reach(access, region.tile_rows);
                    within("scratch memory", end, region.scratch_bytes)?;
                }
                // The panel has the rows of the product that the region's ops are checked for.
                Base::Panel => {}
                Base::Partial | Base::Nowhere => {
                    return Err(format!("a program of step {} reads or writes totals", self.index));
                }
            }
        }
        for stream in program.totals() {
            let slot = streams[stream.index()];
            if slot.base != Base::Partial {
                return Err(format!("a program of step {} adds up elsewhere than in totals", self.index));
            }
            let end = slot.offset + tile::lanes(program.dtype) * element;
            within("totals", end, region.accumulator_bytes)?;
        }
        Ok(())
    }

    /// Whether a program may read or write a buffer; of a part whose elements do not lie side by side, it may write them all,
    /// row by row, and read what it has written.
    fn may_access(
        &self,
        region: &Region,
        Native { program, streams, row_bytes, .. }: &Native,
        Access { stream, is_write, .. }: Access,
        buffer: BufferId,
    ) -> Result<(), String> {
        let stride = program.streams[stream.index()] / program.dtype.size();
        let is_by_rows = row_bytes.is_none() && streams[stream.index()].offset == 0;
        let mut written = program.accesses().filter(|other| other.is_write && other.stream == stream);
        let are_rows = written.any(|Access { elements, .. }| {
            let width = elements.or(program.width).unwrap_or(1);
            self.parts.are_rows(buffer, [region.rows, stride, width])
        });
        match is_write {
            _ if is_by_rows && are_rows && self.writes_to(buffer) => Ok(()),
            true => self.may_write(buffer),
            false => self.may_read(buffer),
        }
    }

    fn check_op(&self, region: &Region, op: &TileOp) -> Result<(), String> {
        let (index, operands) = (self.index, &op.operands);
        let is = |how: Move| op.instruction == Instruction::Move(how);
        if operands.dst.base == Base::Nowhere || (operands.a.base == Base::Nowhere && !is(Move::Count)) {
            return Err(format!("an op of step {index} lacks an operand"));
        }
        for (position, slot) in operands.slots().into_iter().enumerate() {
            let Base::Buffer(buffer) = slot.base else { continue };
            if position == 0 && is(Move::Scatter) {
                if self.writes.binary_search(&buffer).is_err() || !self.parts.are_written_by(op, buffer) {
                    return Err(format!("step {index} writes b{} at other places", buffer.0));
                }
                continue;
            }
            let may_touch = if position == 0 { self.may_write(buffer) } else { self.may_read(buffer) };
            may_touch?;
            // Of what is the same for all rows there is an element at least; how many, the kernel knows. What a selection
            // goes by are booleans.
            let selects = matches!(op.instruction, Instruction::Map { function: Scalar::Select, .. });
            let element = if selects && position == 1 { 1 } else { op.from.size() };
            let is_whole = slot.row_bytes == 0 && slot.offset > 0;
            self.holds(buffer, slot.offset + if is_whole { element } else { slot.row_bytes * region.rows })?;
        }
        let Base::Buffer(buffer) = operands.a.base else { return Ok(()) };
        if let (Some(strided), true) = (&operands.strided, is(Move::Gather)) {
            self.reaches(buffer, reach(operands.a.offset, strided.axes(), op.from.size()))?;
        }
        let last_column = operands.inner.saturating_sub(1) * operands.stride;
        self.holds(buffer, operands.a.offset + (last_column + region.rows) * operands.a.row_bytes)
    }

    /// The operands of a product must be declared, and hold as much as their strides lead to.
    fn check_factors(&self, factors: &Factors) -> Result<(), String> {
        let product = &factors.product;
        let bytes = |rows: usize, columns: usize, strides: Strides, batch: [usize; 2]| {
            let last = |length: usize, stride: usize| length.saturating_sub(1) * stride;
            let axes = factors.batch.axes.iter();
            let offset: usize =
                axes.map(|axis| last(axis.length, axis.a * batch[0] + axis.b * batch[1])).sum();
            let elements = offset + last(rows, strides.row) + last(columns, strides.column) + 1;
            if rows * columns * factors.batch.len() == 0 { 0 } else { elements * product.dtype.size() }
        };
        let operands = [
            (factors.a, bytes(product.m, product.k, product.a, [1, 0])),
            (factors.b, bytes(product.k, product.n, product.b, [0, 1])),
        ];
        for (Start { buffer, offset }, bytes) in operands {
            if self.reads.binary_search(&buffer).is_err() {
                return Err(format!("step {} multiplies b{} without declaring it", self.index, buffer.0));
            }
            self.lies_together(buffer)?;
            self.holds(buffer, offset + bytes)?;
        }
        Ok(())
    }
}
