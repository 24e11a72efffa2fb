//! Ops on tiles as the instructions of a program.
//!
//! An op reads what lies at its operands' slots: the value of an earlier op of the program, if one has written it, or else
//! memory. What it gives is a value at its result's slot, and is written there if that is no tile, or if an op behind the
//! program reads the tile.

use std::ops::Range;

use super::programs::{MOST_STREAMS, Native, Ops};
use super::{Base, Operands, Slot, TileOp};
use crate::codegen::{self, Builder, Stream, Value};
use crate::element::DType;
use crate::ir::{Reduce, Scalar};
use crate::kernel::tile::{self, Extent, Forms, Instruction, Move, Step};

/// How a program goes through the elements of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// All elements alike, so many to a row.
    Flat(usize),
    /// Rows of so many elements, if any op has said yet.
    Rows(Option<usize>),
}

impl Shape {
    /// The shapes of programs that an op can start.
    pub(super) fn of(op: &TileOp, tile_rows: usize) -> [Option<Shape>; 2] {
        let width = match op.instruction {
            Instruction::Accumulate(skinny) => skinny.width,
            Instruction::Reduce { .. } | Instruction::Dot(_) => op.operands.inner,
            _ => op.operands.width,
        };
        [Shape::Flat(width), Shape::Rows(None)].map(|mut shape| shape.takes(op, tile_rows).then_some(shape))
    }

    /// Whether a program of the shape may have the op, too.
    pub(super) fn takes(&mut self, op: &TileOp, tile_rows: usize) -> bool {
        let Operands { width, inner, rows, fallible, .. } = op.operands;
        if rows.is_some() || fallible.is_some() {
            return false;
        }
        match *self {
            Shape::Flat(wanted) => match op.instruction {
                Instruction::Map { forms: Forms::RightPerRow, .. } => width == wanted && width == 1,
                Instruction::Map { .. } | Instruction::Pair { .. } | Instruction::Move(Move::Copy) => {
                    width == wanted
                }
                Instruction::Reduce { extent: Extent::All, .. } | Instruction::Dot(Extent::All) => {
                    inner == wanted && tile_rows.saturating_mul(inner) <= tile::most_onto_total(op.from)
                }
                Instruction::Project { skinny, .. } => {
                    wanted == 1 && skinny.is_narrow(op.from) && (skinny.by_columns || skinny.inner == 1)
                }
                Instruction::Accumulate(skinny) => wanted == 1 && skinny.by_columns,
                _ => false,
            },
            Shape::Rows(ref mut wanted) => {
                let mut fits = |width: usize| {
                    *wanted == Some(width)
                        || (width > 1 && wanted.is_none() && {
                            *wanted = Some(width);
                            true
                        })
                };
                match op.instruction {
                    Instruction::Map { .. }
                    | Instruction::Pair { .. }
                    | Instruction::Move(Move::Copy | Move::RepeatElement | Move::RepeatRow) => {
                        width == 1 || fits(width)
                    }
                    Instruction::Move(Move::Gather | Move::Scatter) => {
                        row_stride(op).is_some() && (width == 1 || fits(width))
                    }
                    Instruction::Reduce { extent: Extent::Within, .. } | Instruction::Dot(Extent::Within) => {
                        inner > 1 && inner <= tile::most_in_a_block(op.from) && fits(inner)
                    }
                    _ => false,
                }
            }
        }
    }
}

/// Elements from one row of what is gathered, or of where it is scattered, to the next, if each row lies in one piece.
fn row_stride(op: &TileOp) -> Option<usize> {
    op.operands.strided.as_deref()?.row_stride(op.operands.width)
}

/// A program that is being made of ops.
pub(super) struct Translation<'a> {
    ops: &'a Ops<'a>,
    builder: Builder,
    dtype: DType,
    is_flat: bool,
    /// Elements of a row of a tile.
    width: usize,
    /// What each stream is.
    streams: Vec<(Slot, usize)>,
    /// The values that lie where ops of the program have written them, and of how many elements a row.
    held: Vec<(Slot, usize, Value)>,
    /// Where ops of the program have scattered rows, which it does not read.
    scattered: Vec<Slot>,
    is_by_tile: bool,
    /// Bytes of a total's lanes.
    lane_bytes: usize,
}

/// How an operand lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lies {
    /// So many elements for each row of the region.
    Tile(usize),
    /// One for all.
    Single,
}

impl Translation<'_> {
    /// The program of some ops; or up to which of them there may be one.
    pub(super) fn of(ops: &Ops<'_>, range: Range<usize>, shape: Shape) -> Result<Native, usize> {
        let &Ops { rows, kept_from, isa, .. } = ops;
        let is_number = |op: &&TileOp| op.from != DType::Bool;
        let dtype = ops.all[range.clone()].iter().find(is_number).ok_or(range.start)?.from;
        let (is_flat, width) = match shape {
            Shape::Flat(width) => (true, width),
            Shape::Rows(width) => (false, width.ok_or(range.start)?),
        };
        if width == 0 {
            return Err(range.start);
        }
        let builder = Builder::new(dtype, (!is_flat).then_some(width), rows.saturating_mul(width));
        let builder = if ops.are_one_call() { builder.exactly() } else { builder };
        let mut translation = Translation {
            ops,
            builder,
            dtype,
            is_flat,
            width,
            streams: Vec::new(),
            held: Vec::new(),
            scattered: Vec::new(),
            is_by_tile: false,
            lane_bytes: tile::lanes(dtype) * dtype.size(),
        };
        for (index, op) in range.clone().zip(&ops.all[range.clone()]) {
            translation.op(op).ok_or(index)?;
        }
        // Where something cannot be left to the ops behind, or there are too few registers, fewer ops may do.
        let shorter = range.start + range.len() / 2;
        translation.leave(range.end).ok_or(shorter)?;
        let Translation { builder, mut streams, is_by_tile, .. } = translation;
        let program = builder.finish();
        // What one loop of a row leaves to another lies behind the region's own memory.
        let mut kept_bytes = 0;
        for stream in &program.kept {
            let slot = Slot { base: Base::Scratch, offset: kept_from + kept_bytes, row_bytes: 0 };
            streams.resize(streams.len().max(stream.index() + 1), (Slot::NOWHERE, 0));
            streams[stream.index()] = (slot, 0);
            kept_bytes += program.kept_bytes();
        }
        if program.streams.len() > MOST_STREAMS {
            return Err(shorter);
        }
        let code = codegen::emit(&program, isa).ok_or(shorter)?;
        Ok(Native {
            ops: range,
            program,
            code_bytes: code.len(),
            code: Some(code),
            function: None,
            streams: streams.into_iter().map(|(slot, _)| slot).collect(),
            row_bytes: is_flat.then_some(width * dtype.size()),
            is_by_tile,
            kept_bytes,
        })
    }

    /// The stream that starts at a slot and moves by so many bytes from row to row.
    fn stream(&mut self, slot: Slot, row_bytes: usize) -> Stream {
        let known = self.streams.iter().position(|&known| known == (slot, row_bytes));
        if let Some(index) = known {
            return Stream(index as u16);
        }
        let stream = self.builder.stream(row_bytes);
        self.streams.resize(stream.index(), (Slot::NOWHERE, usize::MAX));
        self.streams.push((slot, row_bytes));
        stream
    }

    /// The stream of rows that lie so many elements apart.
    fn strided(&mut self, slot: Slot, stride: usize) -> Stream {
        let row_bytes = stride * self.dtype.size();
        self.stream(Slot { row_bytes, ..slot }, row_bytes)
    }

    /// Whether the program reads or writes the memory that a slot is of.
    fn has_stream_of(&self, slot: Slot) -> bool {
        self.streams.iter().any(|(known, _)| known.base == slot.base)
    }

    /// Whether it writes there.
    fn writes_to(&self, slot: Slot) -> bool {
        let held = self.held.iter().map(|(held, ..)| held);
        held.chain(&self.scattered).any(|written| written.base == slot.base)
    }

    /// Whether an op of the program has written what lies at a slot.
    fn holds(&self, slot: Slot) -> bool {
        self.held.iter().any(|(held, ..)| *held == slot)
    }

    /// The stream of a total's lanes. They begin anew with each tile, as the interpreter's do: programs that go on from
    /// tile to tile must come to the same lanes.
    fn lanes(&mut self, slot: Slot) -> Stream {
        let &Ops { tile_rows, rows, .. } = self.ops;
        let elements = tile_rows * self.width;
        self.is_by_tile |= tile_rows < rows && !elements.is_multiple_of(tile::lanes(self.dtype));
        self.stream(slot, 0)
    }

    /// The value of an operand.
    fn read(&mut self, slot: Slot, lies: Lies) -> Option<Value> {
        if let Some(&(.., value)) = self.held.iter().find(|(held, ..)| *held == slot) {
            return Some(value);
        }
        if self.scattered.iter().any(|scattered| scattered.base == slot.base) {
            return None;
        }
        let element = self.dtype.size();
        match lies {
            Lies::Single => {
                let stream = self.stream(slot, 0);
                // Of a single element, what is the same for all is its own: nothing need be kept on the stack for the loop.
                let is_single = self.builder.is_single();
                Some(if is_single { self.builder.load(stream) } else { self.builder.row(stream) })
            }
            Lies::Tile(elements) => {
                // A column of a constant that holds one number is that number, and need not be read.
                let row_bytes = elements * element;
                if slot.row_bytes == row_bytes
                    && let Some(bits) = self.ops.known.number(slot, self.ops.rows * row_bytes)
                {
                    return Some(self.builder.bits(bits));
                }
                // Tiles of the thread's own memory start anew with each tile; all else goes on from row to row.
                self.is_by_tile |= slot.base == Base::Scratch;
                if slot.base != Base::Scratch && slot.row_bytes != elements * element {
                    return None;
                }
                let stream = self.stream(slot, elements * element);
                Some(if self.is_flat || elements == self.width {
                    self.builder.load(stream)
                } else if elements == 1 {
                    self.builder.row(stream)
                } else {
                    return None;
                })
            }
        }
    }

    /// Notes the value of an op's result, and writes it where it goes if that is no tile.
    fn write(&mut self, slot: Slot, elements: usize, value: Value) -> Option<()> {
        self.held.retain(|(held, ..)| *held != slot);
        self.held.push((slot, elements, value));
        if slot.base != Base::Scratch {
            self.store(slot, elements, value)?;
        }
        Some(())
    }

    fn store(&mut self, slot: Slot, elements: usize, value: Value) -> Option<()> {
        // In another loop of the row, what is read there might be overwritten.
        if !self.is_flat && slot.base == Base::Scratch && self.streams.iter().any(|(read, _)| *read == slot) {
            return None;
        }
        let element = if self.builder.is_boolean(value) { DType::Bool } else { self.dtype };
        let row_bytes = elements * element.size();
        if slot.base != Base::Scratch && slot.row_bytes != row_bytes {
            return None;
        }
        let stream = self.stream(slot, row_bytes);
        self.builder.store(stream, value, self.is_flat || elements == self.width)
    }

    /// Writes the tiles that ops behind the program read.
    fn leave(&mut self, end: usize) -> Option<()> {
        let held = self.held.clone();
        for (slot, elements, value) in held.into_iter().filter(|(slot, ..)| slot.base == Base::Scratch) {
            if self.ops.is_read_from(end, slot) {
                self.is_by_tile = true;
                self.store(slot, elements, value)?;
            }
        }
        Some(())
    }

    /// The instructions of an op.
    fn op(&mut self, op: &TileOp) -> Option<()> {
        let Operands { dst, a, b, c, width, inner, stride, .. } = op.operands;
        let is_logic = || {
            matches!(
                op.instruction,
                Instruction::Map { function: Scalar::And | Scalar::Or | Scalar::Xor | Scalar::Not, .. }
            )
        };
        if op.from != self.dtype && !(op.from == DType::Bool && is_logic()) {
            return None;
        }
        let is_of_elements = matches!(
            op.instruction,
            Instruction::Map { .. } | Instruction::Pair { .. } | Instruction::Move(_)
        );
        if !self.dtype.is_float() && !is_of_elements {
            return None;
        }
        match op.instruction {
            Instruction::Map { function, forms } => self.map(op, function, forms),
            Instruction::Pair { first, second, tiled } => {
                let lies = |is_tile| if is_tile { Lies::Tile(width) } else { Lies::Single };
                let a = self.read(a, Lies::Tile(width))?;
                let b = self.read(b, lies(tiled[0]))?;
                let c = self.read(c, lies(tiled[1]))?;
                let value = if (first, second) == (Step::Mul, Step::Add) && self.dtype.is_float() {
                    self.builder.mul_add(a, b, c)?
                } else {
                    let between = self.step(first, a, b)?;
                    self.step(second, between, c)?
                };
                self.write(dst, width, value)
            }
            Instruction::Move(Move::Copy) => {
                let value = self.read(a, Lies::Tile(width))?;
                self.write(dst, width, value)
            }
            Instruction::Move(Move::RepeatElement) => {
                let value = self.read(a, Lies::Tile(1))?;
                self.write(dst, width, value)
            }
            Instruction::Move(Move::RepeatRow) => {
                if self.holds(a) || a.row_bytes > 0 {
                    return None;
                }
                let stream = self.stream(a, 0);
                let value = self.builder.load(stream);
                self.write(dst, width, value)
            }
            Instruction::Move(Move::Gather) => self.gather(op),
            Instruction::Move(Move::Scatter) => self.scatter(op),
            Instruction::Reduce { reduce, extent: Extent::Within } => {
                let value = self.read(a, Lies::Tile(inner))?;
                let folded = self.builder.fold_row(reduce, value, None)?;
                self.write(dst, 1, folded)
            }
            Instruction::Dot(Extent::Within) => {
                let (a, b) = (self.read(a, Lies::Tile(inner))?, self.read(b, Lies::Tile(inner))?);
                let folded = self.builder.fold_row(Reduce::Sum, a, Some(b))?;
                self.write(dst, 1, folded)
            }
            Instruction::Reduce { reduce, extent: Extent::All } => {
                let value = self.read(a, Lies::Tile(inner))?;
                let lanes = self.lanes(dst);
                self.builder.fold_lanes(reduce, lanes, value, None)
            }
            Instruction::Dot(Extent::All) => {
                let (a, b) = (self.read(a, Lies::Tile(inner))?, self.read(b, Lies::Tile(inner))?);
                let lanes = self.lanes(dst);
                self.builder.fold_lanes(Reduce::Sum, lanes, a, Some(b))
            }
            Instruction::Project { skinny, epilogue } => {
                let mut total: Option<Value> = None;
                for k in 0..skinny.inner {
                    let a = self.column(a, k, stride)?;
                    let factor = Slot { offset: b.offset + k * self.dtype.size(), ..b };
                    let factor = self.read(factor, Lies::Single)?;
                    total = Some(match total {
                        None => codegen::binary(&mut self.builder, Scalar::Mul, a, factor)?,
                        Some(total) => self.builder.mul_add(a, factor, total)?,
                    });
                }
                let mut value = total?;
                if let Some((step, is_tile)) = epilogue {
                    let c = self.read(c, if is_tile { Lies::Tile(1) } else { Lies::Single })?;
                    value = self.step(step, value, c)?;
                }
                self.write(dst, 1, value)
            }
            Instruction::Accumulate(skinny) => {
                let b = self.read(b, Lies::Tile(1))?;
                for k in 0..skinny.inner {
                    let a = self.column(a, k, stride)?;
                    let lanes = Slot { offset: dst.offset + k * self.lane_bytes, ..dst };
                    let lanes = self.lanes(lanes);
                    self.builder.fold_lanes(Reduce::Sum, lanes, a, Some(b))?;
                }
                Some(())
            }
            _ => None,
        }
    }

    /// Rows that lie apart.
    fn gather(&mut self, op: &TileOp) -> Option<()> {
        let Operands { dst, a, width, .. } = op.operands;
        // What is written there in another order is not read.
        if self.is_flat || a.base == Base::Scratch || self.writes_to(a) {
            return None;
        }
        let stream = self.strided(a, row_stride(op)?);
        let is_row = width == self.width;
        let value = if is_row { self.builder.load(stream) } else { self.builder.row(stream) };
        self.write(dst, width, value)
    }

    /// Writes rows that lie apart.
    fn scatter(&mut self, op: &TileOp) -> Option<()> {
        let Operands { dst, a, width, .. } = op.operands;
        if self.is_flat || dst.base == Base::Scratch || self.has_stream_of(dst) {
            return None;
        }
        self.scattered.push(dst);
        let value = self.read(a, Lies::Tile(width))?;
        let stream = self.strided(dst, row_stride(op)?);
        self.builder.store(stream, value, width == self.width)
    }

    /// A function of each element.
    fn map(&mut self, op: &TileOp, function: Scalar, forms: Forms) -> Option<()> {
        let Operands { dst, a, b, c, width, .. } = op.operands;
        // Booleans that lie in memory are bytes.
        let is_made_here = |slot: Slot| slot == Slot::NOWHERE || self.holds(slot);
        if op.from == DType::Bool && !(is_made_here(a) && is_made_here(b)) {
            return None;
        }
        let tile = Lies::Tile(width);
        let lies = match forms {
            Forms::Tiles => [tile, tile],
            Forms::LeftScalar => [Lies::Single, tile],
            Forms::RightScalar => [tile, Lies::Single],
            Forms::RightPerRow => [tile, Lies::Tile(1)],
        };
        let value = match function.arity() {
            1 => {
                let a = self.read(a, lies[0])?;
                codegen::unary(&mut self.builder, function, a)?
            }
            2 => {
                let (a, b) = (self.read(a, lies[0])?, self.read(b, lies[1])?);
                codegen::binary(&mut self.builder, function, a, b)?
            }
            _ if function == Scalar::Select => {
                if !self.holds(a) {
                    return None;
                }
                let [mask, then, otherwise] = [self.read(a, tile)?, self.read(b, tile)?, self.read(c, tile)?];
                self.builder.select(mask, then, otherwise)?
            }
            _ => return None,
        };
        self.write(dst, width, value)
    }

    /// A column of an operand that lies column by column.
    fn column(&mut self, slot: Slot, k: usize, stride: usize) -> Option<Value> {
        self.read(Slot { offset: slot.offset + k * stride * self.dtype.size(), ..slot }, Lies::Tile(1))
    }

    fn step(&mut self, step: Step, t: Value, x: Value) -> Option<Value> {
        let (function, a, b) = match step {
            Step::Add => (Scalar::Add, t, x),
            Step::Sub => (Scalar::Sub, t, x),
            Step::From => (Scalar::Sub, x, t),
            Step::Mul => (Scalar::Mul, t, x),
            Step::Maximum => (Scalar::Maximum, t, x),
            Step::Minimum => (Scalar::Minimum, t, x),
        };
        codegen::binary(&mut self.builder, function, a, b)
    }
}
