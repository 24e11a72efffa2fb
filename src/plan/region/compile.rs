//! From the members of a region to instructions on tiles.
//!
//! Each value gets a register of its own, or its buffer if others read it. Operands that do not lie as
//! a tile are read as they are where a kernel can, and copied into one where none can.

use foldhash::HashMap;

use super::registers::{self, Register};
use super::{Accumulator, Base, Fallible, Operands, Producer, Region, Slot, TileOp, cut, order, pairs};
use crate::element::DType;
use crate::ir::{Prim, Program, Reduce, Scalar, Val, size};
use crate::kernel::isa::Isa;
use crate::kernel::tile::{Extent, Forms, Instruction, Move, Skinny, Strided};
use crate::plan::fuse::{self, Member, Operand, Part, Placement, Rows};
use crate::plan::joins::Homes;
use crate::plan::layout::{Layout, is_row_major, squeezed};
use crate::plan::{BufferId, Factors, Options};

/// Elements of a row from which a loop within each row, with one element for the row, beats filling a
/// tile with that element: shorter loops spend their time starting.
const MIN_ROW_LOOP: usize = 32;

/// An op whose kernel is yet to be chosen, with the element types of its operands and its result.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) instruction: Instruction,
    pub(super) from: DType,
    pub(super) to: DType,
    pub(super) operands: Operands,
}

impl Draft {
    /// With its kernel; `None` where there is none, which no op's signature lets happen.
    fn finish(self, isa: Isa) -> Option<TileOp> {
        let Draft { instruction, from, to, operands } = self;
        Some(TileOp { kernel: instruction.kernel(from, to, isa)?, instruction, from, operands })
    }
}

/// What a region is compiled from.
#[derive(Clone, Copy)]
pub(in crate::plan) struct Sources<'a> {
    pub(in crate::plan) program: &'a Program,
    pub(in crate::plan) layouts: &'a [Layout],
    pub(in crate::plan) homes: &'a Homes,
    /// The buffers of values that other steps read, or have made.
    pub(in crate::plan) buffers: &'a HashMap<Val, BufferId>,
}

/// Compiles a region of these members, after the product that is its producer, if there is one.
pub(in crate::plan) fn compile(
    Sources { program, layouts, homes, buffers }: Sources<'_>,
    rows: &Rows,
    producer: Option<(Val, Factors)>,
    members: &[Val],
    options: Options,
) -> Region {
    let mut parts: Vec<(Val, Part)> = Vec::with_capacity(members.len());
    parts.extend(members.iter().filter_map(|&val| Some((val, fuse::part(program, layouts, val)?))));
    let (lead, row_count) = cut::split(program, rows, &parts);
    let mut compiler = Compiler {
        program,
        homes,
        buffers,
        options,
        lead,
        once: Vec::new(),
        ops: Vec::with_capacity(members.len()),
        registers: Vec::with_capacity(members.len()),
        values: HashMap::with_capacity_and_hasher(members.len(), foldhash::fast::RandomState::default()),
        filled: HashMap::default(),
        accumulators: Vec::new(),
        accumulator_bytes: 0,
    };
    let producer = producer.map(|(val, factors)| compiler.produce(val, factors));
    for (val, part) in &parts {
        compiler.member(*val, part);
    }
    compiler.finish(row_count, producer)
}

struct Compiler<'a> {
    program: &'a Program,
    homes: &'a Homes,
    buffers: &'a HashMap<Val, BufferId>,
    options: Options,
    /// How many of the leading axes are rows.
    lead: usize,
    once: Vec<Draft>,
    ops: Vec<Draft>,
    registers: Vec<Register>,
    /// Where the values of members are.
    values: HashMap<Val, Slot>,
    /// Tiles that hold an operand which lies elsewhere.
    filled: HashMap<Operand, Slot>,
    accumulators: Vec<Accumulator>,
    accumulator_bytes: usize,
}

impl Compiler<'_> {
    fn dtype(&self, val: Val) -> DType {
        self.program.inst(val).dtype
    }

    fn element(&self, val: Val) -> usize {
        self.dtype(val).size()
    }

    fn width(&self, operand: &Operand) -> usize {
        operand.axes.iter().skip(self.lead).map(|&(length, _)| length).product()
    }

    fn register(&mut self, row_bytes: usize, fixed_bytes: usize, lasting: bool) -> Slot {
        self.registers.push(Register { row_bytes, fixed_bytes, lasting });
        Slot { base: Base::Scratch, offset: self.registers.len() - 1, row_bytes: 0 }
    }

    /// Where a member's value of `width` elements a row goes: to its buffer if others read it.
    fn destination(&mut self, val: Val, width: usize) -> Slot {
        let row_bytes = width * self.element(val);
        let slot = match self.buffers.get(&val) {
            Some(&buffer) => Slot { base: Base::Buffer(buffer), offset: 0, row_bytes },
            None => self.register(row_bytes, 0, false),
        };
        self.values.insert(val, slot);
        slot
    }

    /// Where the rows of the producer go: to its buffer if others read it, else no further than the chunk.
    fn produce(&mut self, val: Val, factors: Factors) -> Producer {
        let row_bytes = factors.product.n * self.element(val);
        let base = self.buffers.get(&val).map_or(Base::Panel, |&buffer| Base::Buffer(buffer));
        let c = Slot { base, offset: 0, row_bytes };
        self.values.insert(val, c);
        Producer { factors, c }
    }

    /// Where the elements of an operand start, `per_row` of them to a row.
    fn source(&self, &Operand { base, offset, .. }: &Operand, per_row: usize) -> Slot {
        let element = self.element(base);
        match (self.values.get(&base), self.buffers.get(&base)) {
            // Of what the region itself makes, operands show all.
            (Some(&slot), _) => slot,
            (None, Some(&buffer)) => {
                let base = Base::Buffer(buffer);
                Slot { base, offset: offset * element, row_bytes: per_row * element }
            }
            // Bases have buffers unless they are members.
            (None, None) => Slot::NOWHERE,
        }
    }

    /// The number at the operand's first place, if its elements are numbers counted up, of which none lies anywhere.
    fn counted(&self, operand: &Operand) -> Option<i64> {
        match self.program.inst(operand.base).prim {
            Prim::Iota { first } => Some(first + operand.offset as i64),
            _ => None,
        }
    }

    /// A tile that holds the operand's elements consecutively.
    fn tile(&mut self, operand: &Operand) -> Slot {
        if operand.placement(self.lead) == Placement::Consecutive && self.counted(operand).is_none() {
            return self.source(operand, self.width(operand));
        }
        if let Some(&slot) = self.filled.get(operand) {
            return slot;
        }
        let row_bytes = self.width(operand) * self.element(operand.base);
        let lasting = operand.axes.iter().take(self.lead).all(|&(_, stride)| stride == 0);
        let lasting = lasting && !self.values.contains_key(&operand.base);
        let slot = self.register(row_bytes, 0, lasting);
        self.fill(slot, operand, lasting);
        self.filled.insert(operand.clone(), slot);
        slot
    }

    /// Fills a tile with an operand's elements.
    fn fill(&mut self, dst: Slot, operand: &Operand, lasting: bool) {
        let (width, counted) = (self.width(operand), self.counted(operand));
        let (how, per_row) = match operand.placement(self.lead) {
            _ if counted.is_some() => (Move::Count, 0),
            Placement::Consecutive => (Move::Copy, width),
            Placement::SameRow => (Move::RepeatRow, 0),
            Placement::PerRow => (Move::RepeatElement, 1),
            Placement::Single | Placement::Scattered => (Move::Gather, 0),
        };
        let strided = matches!(how, Move::Gather | Move::Count).then(|| {
            let (lead, tail) = operand.axes.split_at(self.lead);
            Box::new(Strided { first: counted.unwrap_or_default(), ..Strided::new(lead, tail) })
        });
        let a = if how == Move::Count { Slot::NOWHERE } else { self.source(operand, per_row) };
        let operands =
            Operands { strided, ..Operands::new(dst, [a, Slot::NOWHERE, Slot::NOWHERE], [width, 0]) };
        let dtype = self.dtype(operand.base);
        let draft = Draft { instruction: Instruction::Move(how), from: dtype, to: dtype, operands };
        if lasting { self.once.push(draft) } else { self.ops.push(draft) }
    }

    /// Writes an operand to places that are not one piece.
    fn scatter(&mut self, val: Val, operand: &Operand, strides: &[isize]) {
        let (a, width) = (self.tile(operand), self.width(operand));
        let axes = squeezed(&self.program.inst(val).dims, strides);
        let (lead, tail) = axes.split_at(self.lead.min(axes.len()));
        let dst = Slot { base: Base::Buffer(self.buffers[&val]), offset: 0, row_bytes: 0 };
        let strided = Some(Box::new(Strided::new(lead, tail)));
        let operands =
            Operands { strided, ..Operands::new(dst, [a, Slot::NOWHERE, Slot::NOWHERE], [width, 0]) };
        self.push(Instruction::Move(Move::Scatter), self.dtype(val), operands);
    }

    /// Adds an instruction on operands and a result of one type.
    fn push(&mut self, instruction: Instruction, dtype: DType, operands: Operands) {
        self.ops.push(Draft { instruction, from: dtype, to: dtype, operands });
    }

    fn member(&mut self, val: Val, part: &Part) {
        let inst = self.program.inst(val);
        let tiled = part.tiled.as_slice();
        match (part.member, &inst.prim) {
            (Member::Elementwise, &Prim::Map(function)) => self.map(val, function, tiled),
            (Member::Elementwise, _)
                if let Some(strides) = self.homes.get(val).and_then(|home| home.strides.as_ref()) =>
            {
                self.scatter(val, &tiled[0], strides);
            }
            (Member::Elementwise, _) => {
                let dst = self.destination(val, self.width(&tiled[0]));
                self.fill(dst, &tiled[0], false);
            }
            (Member::ReduceWithin, &Prim::Reduce { reduce, .. }) => {
                let (a, inner) = (self.tile(&tiled[0]), self.width(&tiled[0]));
                let dst = self.destination(val, 1);
                self.reduce(reduce, Extent::Within, inst.dtype, dst, a, [1, inner]);
            }
            (Member::ReduceAll, &Prim::Reduce { reduce, .. }) => {
                let (a, inner) = (self.tile(&tiled[0]), self.width(&tiled[0]));
                let instruction = Instruction::Reduce { reduce, extent: Extent::All };
                let dst = self.accumulator(val, reduce, instruction);
                self.reduce(reduce, Extent::All, inst.dtype, dst, a, [1, inner]);
            }
            (Member::ReduceAcross, &Prim::Reduce { reduce, .. }) => {
                let (a, width) = (self.tile(&tiled[0]), self.width(&tiled[0]));
                let instruction = Instruction::Reduce { reduce, extent: Extent::Across };
                let dst = self.accumulator(val, reduce, instruction);
                self.reduce(reduce, Extent::Across, inst.dtype, dst, a, [width, width]);
            }
            // `part` gives the reduction's members to reductions only.
            (Member::ReduceWithin | Member::ReduceAll | Member::ReduceAcross, _) => {}
            (Member::Project, _) => {
                let (a, skinny, stride) = self.columns(&tiled[0], inst.dims[1], inst.dtype);
                let b = part.whole.as_ref().map_or(Slot::NOWHERE, |whole| self.whole(whole));
                let dst = self.destination(val, skinny.width);
                let operands = Operands {
                    stride,
                    ..Operands::new(dst, [a, b, Slot::NOWHERE], [skinny.width, skinny.inner])
                };
                self.push(Instruction::Project { skinny, epilogue: None }, inst.dtype, operands);
            }
            (Member::Accumulate, _) => {
                let width = self.width(&tiled[1]);
                let (a, skinny, stride) = self.columns(&tiled[0], width, inst.dtype);
                let b = self.tile(&tiled[1]);
                let dst = self.accumulator(val, Reduce::Sum, Instruction::Accumulate(skinny));
                let operands =
                    Operands { stride, ..Operands::new(dst, [a, b, Slot::NOWHERE], [width, skinny.inner]) };
                self.push(Instruction::Accumulate(skinny), inst.dtype, operands);
            }
        }
    }

    fn reduce(
        &mut self,
        reduce: Reduce,
        extent: Extent,
        dtype: DType,
        dst: Slot,
        a: Slot,
        lengths: [usize; 2],
    ) {
        let operands = Operands::new(dst, [a, Slot::NOWHERE, Slot::NOWHERE], lengths);
        self.push(Instruction::Reduce { reduce, extent }, dtype, operands);
    }

    /// The rows of a product's first operand, and the distance between columns: as they lie, if the
    /// columns are apart and a kernel reads them so.
    fn columns(&mut self, operand: &Operand, width: usize, dtype: DType) -> (Slot, Skinny, usize) {
        let skinny = Skinny { inner: self.width(operand), width, by_columns: false };
        match operand.axes[..] {
            // Numbers that are counted lie in a constant for products.
            [(_, 1), (_, stride @ 0..)] if self.lead == 1 && skinny.is_narrow(dtype) => {
                (self.source(operand, 1), Skinny { by_columns: true, ..skinny }, stride.unsigned_abs())
            }
            // A single column in one piece.
            [(_, 1)] if self.lead == 1 && skinny.is_narrow(dtype) => {
                (self.source(operand, 1), Skinny { by_columns: true, ..skinny }, 0)
            }
            _ => (self.tile(operand), skinny, 0),
        }
    }

    fn map(&mut self, val: Val, function: Scalar, operands: &[Operand]) {
        let inst = self.program.inst(val);
        // The last operand has the type that matters: a selection's first is a boolean.
        let from = operands.last().map_or(inst.dtype, |operand| self.dtype(operand.base));
        let forms = if function.takes_single_elements(from) { self.forms(operands) } else { Forms::Tiles };
        let mut slots = [Slot::NOWHERE; 3];
        for (position, operand) in operands.iter().enumerate() {
            slots[position] = match (forms, position) {
                (Forms::LeftScalar, 0) | (Forms::RightScalar, 1) => self.source(operand, 0),
                (Forms::RightPerRow, 1) => self.source(operand, 1),
                _ => self.tile(operand),
            };
        }
        let width = self.width(&operands[0]);
        let dst = self.destination(val, width);
        let fallible = function.can_fail(inst.dtype).then_some(Fallible { node: inst.origin, function });
        let operands = Operands { fallible, ..Operands::new(dst, slots, [width, width]) };
        let instruction = Instruction::Map { function, forms };
        self.ops.push(Draft { instruction, from, to: inst.dtype, operands });
    }

    /// How the operands of an elementwise function are read: one element where it is the same for all
    /// or for a row, so that no tile need be filled with it.
    fn forms(&self, operands: &[Operand]) -> Forms {
        let kind = |operand: &Operand| {
            // Only what lies in memory can be read where it does.
            let placement = match self.counted(operand) {
                Some(_) => Placement::Scattered,
                None => operand.placement(self.lead),
            };
            (placement, self.values.contains_key(&operand.base))
        };
        let [a, b] = operands else { return Forms::Tiles };
        match (kind(a), kind(b)) {
            ((Placement::Single, false), (placement, _)) if placement != Placement::Single => {
                Forms::LeftScalar
            }
            (_, (Placement::Single, false)) => Forms::RightScalar,
            (_, (Placement::PerRow, _)) if self.width(b) >= MIN_ROW_LOOP => Forms::RightPerRow,
            _ => Forms::Tiles,
        }
    }

    /// The accumulators on to which an instruction goes.
    fn accumulator(&mut self, val: Val, reduce: Reduce, instruction: Instruction) -> Slot {
        let inst = self.program.inst(val);
        let lanes = instruction.lanes(inst.dtype);
        let (elements, offset) = (size(&inst.dims) * lanes, self.accumulator_bytes);
        // At least one line, so that an accumulator of nothing has an address as well.
        self.accumulator_bytes += (elements * inst.dtype.size()).max(1).next_multiple_of(64);
        let (buffer, dtype) = (self.buffers[&val], inst.dtype);
        self.accumulators.push(Accumulator { buffer, reduce, dtype, elements, lanes, offset });
        Slot { base: Base::Partial, offset, row_bytes: 0 }
    }

    /// A small matrix in row-major order.
    fn whole(&mut self, matrix: &Operand) -> Slot {
        let (rows, columns) = (matrix.axes[0], matrix.axes[1]);
        let lengthy: Vec<(usize, isize)> = matrix.axes.iter().copied().filter(|axis| axis.0 != 1).collect();
        let a = self.source(matrix, 0);
        if is_row_major(&lengthy) {
            return a;
        }
        let dst = self.register(0, rows.0 * columns.0 * self.element(matrix.base), true);
        let strided = Some(Box::new(Strided::new(&[rows], &[columns])));
        let operands = Operands {
            rows: Some(rows.0),
            strided,
            ..Operands::new(dst, [a, Slot::NOWHERE, Slot::NOWHERE], [columns.0, 0])
        };
        let dtype = self.dtype(matrix.base);
        self.once.push(Draft {
            instruction: Instruction::Move(Move::Gather),
            from: dtype,
            to: dtype,
            operands,
        });
        dst
    }

    /// Merges pairs, gives the registers places and cuts the rows.
    fn finish(self, rows: usize, producer: Option<Producer>) -> Region {
        let isa = self.options.isa;
        let mut ops = pairs::merge(self.ops, self.registers.len(), isa);
        let mut once = self.once;
        let (place_of, places) = registers::share(&self.registers, &ops);
        let streams = cut::streams(&ops);
        let tile_rows = cut::tile_rows(rows, &ops, &streams, &places);
        let mut scratch_bytes = 0;
        let offsets: Vec<usize> = places
            .iter()
            .map(|place| {
                let offset = scratch_bytes;
                scratch_bytes += (place.row_bytes * tile_rows + place.fixed_bytes).next_multiple_of(64);
                offset
            })
            .collect();
        let slots = once.iter_mut().chain(&mut ops).flat_map(|draft| draft.operands.slots_mut());
        for slot in slots.filter(|slot| slot.base == Base::Scratch) {
            slot.offset = offsets[place_of[slot.offset]];
        }
        let tiles_cost = ops.iter().map(cut::row_cost).sum::<f64>() * rows as f64;
        let (cost, chunk_rows, panel_offset, scratch_bytes) = match &producer {
            None => (tiles_cost, cut::chunk_rows(rows, tile_rows, tiles_cost), scratch_bytes, scratch_bytes),
            Some(Producer { factors, c }) => {
                let chunk_rows = factors.split.rows;
                let panel_bytes = if c.base == Base::Panel { c.row_bytes * chunk_rows } else { 0 };
                let panel_offset = scratch_bytes.max(factors.scratch_bytes).next_multiple_of(64);
                let cost = tiles_cost + order::product_cost(&factors.product);
                (cost, chunk_rows, panel_offset, panel_offset + panel_bytes)
            }
        };
        let (round_rows, places) = cut::rounds(&ops, tile_rows, chunk_rows.min(rows).div_ceil(tile_rows));
        let finished = |drafts: Vec<Draft>| {
            let mut ops = Vec::with_capacity(drafts.len());
            ops.extend(drafts.into_iter().filter_map(|draft| draft.finish(isa)));
            ops
        };
        let ops = finished(ops);
        Region {
            rows,
            tile_rows,
            chunk_rows,
            chunks: rows.div_ceil(chunk_rows).max(1),
            producer,
            once: finished(once),
            ops,
            pieces: Vec::new(),
            prefetched: cut::prefetched(rows, streams),
            accumulators: self.accumulators,
            round_rows,
            accumulator_bytes: self.accumulator_bytes,
            partial_bytes: self.accumulator_bytes * (1 + places),
            partial: None,
            scratch_bytes,
            panel_offset,
            cost,
        }
    }
}
