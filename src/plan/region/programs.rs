//! Which of a region's ops become programs, and these programs.
//!
//! Ops that follow on each other and that programs can express are one program, as many as may be: *flat*, if all work on the
//! elements of a tile alike, else by *rows*. Values that no op behind them reads lie nowhere. All other ops stay as they are.

use std::ops::Range;

use super::{Base, BufferId, Operands, Region, Slot, TileOp};
use crate::codegen::{self, Builder, Class, Code, Effect, Program, Stream, Value};
use crate::element::DType;
use crate::ir::Scalar;
use crate::kernel::isa::Isa;
use crate::kernel::tile::{self, Extent, Forms, Instruction, Move, Step};

/// Ops from which a program is worth its call.
const LEAST_OPS: usize = 2;

/// Ops of a program at most: the time to make its code grows with its length, and registers run out long before.
const MOST_OPS: usize = 64;

/// Streams of a program at most.
pub(crate) const MOST_STREAMS: usize = 30;

/// A part of a region's work.
#[derive(Debug)]
pub(crate) enum Piece {
    /// One op, by its place.
    Op(usize),
    /// The program of several.
    Program(Box<Native>),
}

impl Piece {
    /// Whether each row of `read` has been read when it writes the same row of `written`.
    pub(super) fn may_replace(&self, written: BufferId, read: BufferId) -> bool {
        let Piece::Program(native) = self else { return true };
        let is_of = |stream: Stream, buffer: BufferId| native.streams[stream.index()].buffer() == Some(buffer);
        let mut is_written = false;
        native.program.effects().all(|effect| match effect {
            Effect::Read(stream) => !(is_written && is_of(stream, read)),
            Effect::Write(stream) => {
                is_written |= is_of(stream, written);
                true
            }
        })
    }

    /// Bytes of the thread's own memory beside the region's.
    pub(super) fn kept_bytes(&self) -> usize {
        match self {
            Piece::Op(_) => 0,
            Piece::Program(native) => native.kept_bytes,
        }
    }
}

/// A program of ops, with what its streams are.
#[derive(Debug)]
pub(crate) struct Native {
    /// The ops.
    pub(crate) ops: Range<usize>,
    pub(crate) program: Program,
    pub(crate) code: Option<Code>,
    /// The program as a function, once it has a place.
    pub(crate) function: Option<codegen::Function>,
    /// Where each stream starts.
    pub(crate) streams: Vec<Slot>,
    /// Bytes of a region's row, if the program has one row of all elements.
    pub(crate) row_bytes: Option<usize>,
    /// Whether it reads or writes tiles, and so must be run tile by tile.
    pub(crate) is_by_tile: bool,
    /// Bytes of the thread's own memory for what one loop of a row leaves to another, behind the region's.
    pub(crate) kept_bytes: usize,
}

/// The pieces of a region's ops; none if no program is worth it.
pub(super) fn pieces(ops: &[TileOp], tile_rows: usize, kept_from: usize, isa: Isa) -> Vec<Piece> {
    if !codegen::is_possible(isa) {
        return Vec::new();
    }
    let mut pieces = Vec::new();
    let mut first = 0;
    while first < ops.len() {
        match native(ops, first, tile_rows, kept_from, isa) {
            Some(native) => {
                first = native.ops.end;
                pieces.push(Piece::Program(Box::new(native)));
            }
            None => {
                pieces.push(Piece::Op(first));
                first += 1;
            }
        }
    }
    if pieces.iter().any(|piece| matches!(piece, Piece::Program(_))) { pieces } else { Vec::new() }
}

/// Gives the programs of these regions a place from where they run, all in one; takes them back where the system has none.
pub(in crate::plan) fn place<'a>(regions: impl Iterator<Item = &'a mut Region>) {
    let mut regions: Vec<&mut Region> = regions.filter(|region| !region.pieces.is_empty()).collect();
    let mut natives: Vec<&mut Native> = Vec::new();
    for region in &mut regions {
        natives.extend(region.pieces.iter_mut().filter_map(|piece| match piece {
            Piece::Program(native) => Some(&mut **native),
            Piece::Op(_) => None,
        }));
    }
    let codes: Vec<Code> = natives.iter_mut().filter_map(|native| native.code.take()).collect();
    if codes.is_empty() {
        return;
    }
    match codegen::place(&codes) {
        Some(functions) => {
            natives.iter_mut().zip(functions).for_each(|(native, function)| native.function = Some(function));
        }
        None => regions.iter_mut().for_each(|region| region.pieces.clear()),
    }
}

/// The longest program that starts with an op.
fn native(ops: &[TileOp], first: usize, tile_rows: usize, kept_from: usize, isa: Isa) -> Option<Native> {
    let most = ops.len().min(first + MOST_OPS);
    let mut shapes: Vec<Shape> = Shape::of(&ops[first], tile_rows, isa);
    let mut end = first;
    let mut longest: Vec<Shape> = Vec::new();
    while end < most && !shapes.is_empty() {
        longest = shapes.clone();
        end += 1;
        if end < most {
            shapes.retain_mut(|shape| shape.takes(&ops[end], tile_rows, isa));
        }
    }
    // A shape may be refused for what only building tells; shorter ones are tried then, as long as it is worth it.
    while end >= first + LEAST_OPS {
        let mut taken = first;
        for &shape in &longest {
            match Translation::of(ops, first..end, shape, kept_from, isa) {
                Ok(native) => return Some(native),
                Err(behind) => taken = taken.max(behind),
            }
        }
        end = taken.min(end - 1);
    }
    None
}

/// How a program goes through the elements of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// All elements alike, so many to a row.
    Flat(usize),
    /// Rows of so many elements, if any op has said yet.
    Rows(Option<usize>),
}

impl Shape {
    /// The shapes of programs that an op can start.
    fn of(op: &TileOp, tile_rows: usize, isa: Isa) -> Vec<Shape> {
        let width = if let Instruction::Reduce { .. } | Instruction::Dot(_) | Instruction::Accumulate(_) = op.instruction
        {
            match op.instruction {
                Instruction::Accumulate(skinny) => skinny.width,
                _ => op.operands.inner,
            }
        } else {
            op.operands.width
        };
        [Shape::Flat(width), Shape::Rows(None)].into_iter().filter_map(|mut shape| shape.takes(op, tile_rows, isa).then_some(shape)).collect()
    }

    /// Whether a program of the shape may have the op, too.
    fn takes(&mut self, op: &TileOp, tile_rows: usize, isa: Isa) -> bool {
        let Operands { width, inner, rows, fallible, .. } = op.operands;
        if rows.is_some() || fallible.is_some() {
            return false;
        }
        match *self {
            Shape::Flat(wanted) => match op.instruction {
                Instruction::Map { forms: Forms::RightPerRow, .. } => width == wanted && width == 1,
                Instruction::Map { .. } | Instruction::Pair { .. } | Instruction::Move(Move::Copy) => width == wanted,
                Instruction::Reduce { extent: Extent::All, .. } | Instruction::Dot(Extent::All) => {
                    inner == wanted && tile_rows.saturating_mul(inner) <= tile::most_onto_total(op.from, isa)
                }
                Instruction::Project { skinny, .. } => {
                    wanted == 1 && skinny.is_narrow(op.from) && (skinny.by_columns || skinny.inner == 1)
                }
                Instruction::Accumulate(skinny) => wanted == 1 && skinny.by_columns,
                _ => false,
            },
            Shape::Rows(ref mut wanted) => {
                let mut fits = |width: usize| {
                    *wanted == Some(width) || (width > 1 && wanted.is_none() && {
                        *wanted = Some(width);
                        true
                    })
                };
                match op.instruction {
                    Instruction::Map { .. }
                    | Instruction::Pair { .. }
                    | Instruction::Move(Move::Copy | Move::RepeatElement | Move::RepeatRow) => width == 1 || fits(width),
                    Instruction::Reduce { extent: Extent::Within, .. } | Instruction::Dot(Extent::Within) => {
                        inner > 1 && inner <= tile::most_in_a_block(op.from, isa) && fits(inner)
                    }
                    _ => false,
                }
            }
        }
    }
}

/// A program that is being made of ops.
struct Translation<'a> {
    ops: &'a [TileOp],
    builder: Builder,
    dtype: DType,
    is_flat: bool,
    /// Elements of a row of a tile.
    width: usize,
    /// What each stream is.
    streams: Vec<(Slot, usize)>,
    /// The values that lie where ops of the program have written them.
    held: Vec<(Slot, Value)>,
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
    fn of(ops: &[TileOp], range: Range<usize>, shape: Shape, kept_from: usize, isa: Isa) -> Result<Native, usize> {
        let is_float = |op: &&TileOp| op.from.is_float();
        let dtype = ops[range.clone()].iter().find(is_float).ok_or(range.start)?.from;
        let (is_flat, width) = match shape {
            Shape::Flat(width) => (true, width),
            Shape::Rows(width) => (false, width.ok_or(range.start)?),
        };
        if width == 0 {
            return Err(range.start);
        }
        let builder = Builder::new(dtype, (!is_flat).then_some(width));
        let mut translation = Translation {
            ops,
            builder,
            dtype,
            is_flat,
            width,
            streams: Vec::new(),
            held: Vec::new(),
            is_by_tile: false,
            lane_bytes: tile::lanes(dtype, isa) * dtype.size(),
        };
        for (index, op) in range.clone().zip(&ops[range.clone()]) {
            translation.op(op).ok_or(index)?;
        }
        // Where something cannot be left to the ops behind, or there are too few registers, fewer ops may do.
        let shorter = range.start + range.len() / 2;
        translation.leave(range.end).ok_or(shorter)?;
        let Translation { mut builder, mut streams, is_by_tile, .. } = translation;
        // What one loop of a row leaves to another lies behind the region's own memory.
        let row_bytes = (width * dtype.size()).next_multiple_of(64);
        let mut kept_bytes = 0;
        let rows = builder.row_streams().to_vec();
        for stream in rows {
            let slot = Slot { base: Base::Scratch, offset: kept_from + kept_bytes, row_bytes: 0 };
            streams.resize(streams.len().max(stream.index() + 1), (Slot::NOWHERE, 0));
            streams[stream.index()] = (slot, 0);
            kept_bytes += row_bytes;
        }
        let program = std::mem::replace(&mut builder, Builder::new(dtype, None)).finish();
        if program.streams.len() > MOST_STREAMS {
            return Err(shorter);
        }
        let code = codegen::emit(&program, isa).ok_or(shorter)?;
        Ok(Native {
            ops: range,
            program,
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

    /// The value of an operand.
    fn read(&mut self, slot: Slot, lies: Lies) -> Option<Value> {
        if let Some(&(_, value)) = self.held.iter().rev().find(|(held, _)| *held == slot) {
            return Some(value);
        }
        let element = self.dtype.size();
        match lies {
            Lies::Single => {
                let stream = self.stream(slot, 0);
                Some(self.builder.row(stream))
            }
            Lies::Tile(elements) => {
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
        self.held.retain(|(held, _)| *held != slot);
        self.held.push((slot, value));
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
        let row_bytes = elements * self.dtype.size();
        if slot.base != Base::Scratch && slot.row_bytes != row_bytes {
            return None;
        }
        // A row's value is written once a row, and an element's in a loop.
        let is_row = !self.is_flat && elements == 1;
        if is_row == matches!(self.builder.class(value), Class::Loop(_)) {
            return None;
        }
        let stream = self.stream(slot, row_bytes);
        self.builder.store(stream, value)
    }

    /// Writes the tiles that ops behind the program read.
    fn leave(&mut self, end: usize) -> Option<()> {
        let held = self.held.clone();
        for (slot, value) in held.into_iter().filter(|(slot, _)| slot.base == Base::Scratch) {
            let mut is_read = false;
            for op in &self.ops[end..] {
                let [dst, operands @ ..] = op.operands.slots();
                if operands.contains(&slot) {
                    is_read = true;
                    break;
                }
                if dst == slot {
                    break;
                }
            }
            if is_read {
                self.is_by_tile = true;
                let elements = match self.builder.class(value) {
                    Class::Row(_) if !self.is_flat => 1,
                    _ => self.width,
                };
                self.store(slot, elements, value)?;
            }
        }
        Some(())
    }

    /// The instructions of an op.
    fn op(&mut self, op: &TileOp) -> Option<()> {
        let Operands { dst, a, b, c, width, inner, stride, .. } = op.operands;
        let is_logic =
            || matches!(op.instruction, Instruction::Map { function: Scalar::And | Scalar::Or | Scalar::Xor | Scalar::Not, .. });
        if op.from != self.dtype && !(op.from == DType::Bool && is_logic()) {
            return None;
        }
        match op.instruction {
            Instruction::Map { function, forms } => {
                let is_held = |slot: Slot| slot == Slot::NOWHERE || self.held.iter().any(|(held, _)| *held == slot);
                // Booleans that lie in memory are bytes.
                if op.from == DType::Bool && !(is_held(a) && is_held(b)) {
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
                        if !is_held(a) {
                            return None;
                        }
                        let [mask, then, otherwise] = [self.read(a, tile)?, self.read(b, tile)?, self.read(c, tile)?];
                        self.builder.select(mask, then, otherwise)?
                    }
                    _ => return None,
                };
                self.write(dst, width, value)
            }
            Instruction::Pair { first, second, tiled } => {
                let lies = |is_tile| if is_tile { Lies::Tile(width) } else { Lies::Single };
                let a = self.read(a, Lies::Tile(width))?;
                let b = self.read(b, lies(tiled[0]))?;
                let c = self.read(c, lies(tiled[1]))?;
                let value = if (first, second) == (Step::Mul, Step::Add) {
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
                let stream = self.stream(a, 0);
                let value = self.builder.load(stream);
                self.write(dst, width, value)
            }
            Instruction::Reduce { reduce, extent: Extent::Within } => {
                let value = self.read(a, Lies::Tile(inner))?;
                let folded = self.builder.fold_row(reduce, value)?;
                self.write(dst, 1, folded)
            }
            Instruction::Dot(Extent::Within) => {
                let (a, b) = (self.read(a, Lies::Tile(inner))?, self.read(b, Lies::Tile(inner))?);
                let folded = self.builder.fold_product_row(a, b)?;
                self.write(dst, 1, folded)
            }
            Instruction::Reduce { reduce, extent: Extent::All } => {
                let value = self.read(a, Lies::Tile(inner))?;
                let lanes = self.stream(dst, 0);
                self.builder.fold_lanes(reduce, lanes, value)
            }
            Instruction::Dot(Extent::All) => {
                let (a, b) = (self.read(a, Lies::Tile(inner))?, self.read(b, Lies::Tile(inner))?);
                let lanes = self.stream(dst, 0);
                self.builder.fold_product_lanes(lanes, a, b)
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
                    let lanes = self.stream(lanes, 0);
                    self.builder.fold_product_lanes(lanes, a, b)?;
                }
                Some(())
            }
            _ => None,
        }
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
