//! A region compiled for the tile interpreter: kernels chosen, tiles placed, rows cut into tiles.
//!
//! How the rows are cut depends on shapes alone, never on the number of threads: a *tile* is what
//! fits the first-level cache, a *chunk* is the run of tiles that one task takes, with accumulators
//! of its own. Accumulators are added in the order of the chunks, so sums have the same bits however
//! many threads there are.

use std::collections::HashMap;

use super::{BufferId, order};
use crate::dtype::DType;
use crate::graph::NodeId;
use crate::kernel::isa::Isa;
use crate::kernel::tile::{self, Extent, Forms, Kernel, Move, Strided};
use crate::lower::fuse::{self, Member, Operand, Part, Placement, Rows};
use crate::lower::layout::{Layout, is_row_major};
use crate::lower::{Fold, Prim, Program, Scalar, Val, size};

/// Bytes that the tiles in use at once may take: half of a 48 KB first-level cache, three quarters
/// of a 32 KB one. Twice as much spills on the smaller, half as much pays dispatch twice as often.
const TILE_BYTES: usize = 24 << 10;

/// Tiles have a multiple of this many rows, unless they are shorter: a cache line of bytes.
const ROW_MULTIPLE: usize = 64;

/// Nanoseconds of work that a chunk should hold: ten times what handing it to a thread costs.
const CHUNK_COST: f64 = 50_000.0;

/// Chunks of a region at most: enough for any machine's threads to share evenly, few enough that
/// adding up their accumulators costs nothing.
const MAX_CHUNKS: usize = 64;

/// Where a tile, or part of one, starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) base: Base,
    /// Bytes from the base.
    pub(crate) offset: usize,
    /// Bytes from one row of the region to the next; 0 where every tile uses the same memory.
    pub(crate) row_bytes: usize,
}

/// What a slot's offset counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// A buffer of the plan.
    Buffer(BufferId),
    /// The thread's own memory.
    Scratch,
    /// The chunk's accumulators.
    Partial,
    /// Nothing: the kernel does not read it.
    Nowhere,
}

impl Slot {
    const NOWHERE: Slot = Slot { base: Base::Nowhere, offset: 0, row_bytes: 0 };

    pub(crate) fn buffer(&self) -> Option<BufferId> {
        match self.base {
            Base::Buffer(buffer) => Some(buffer),
            Base::Scratch | Base::Partial | Base::Nowhere => None,
        }
    }
}

/// A function that may lack a value, and the node that asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fallible {
    pub(crate) node: NodeId,
    pub(crate) function: Scalar,
}

/// One step over a tile.
#[derive(Clone, Debug)]
pub(crate) struct TileOp {
    pub(crate) name: &'static str,
    pub(crate) kernel: Kernel,
    pub(crate) dst: Slot,
    pub(crate) a: Slot,
    pub(crate) b: Slot,
    pub(crate) c: Slot,
    /// Rows to work on, where that is not the tile's number.
    pub(crate) rows: Option<usize>,
    pub(crate) width: usize,
    pub(crate) inner: usize,
    pub(crate) strided: Option<Box<Strided>>,
    /// What to name if the function may lack a value.
    pub(crate) fallible: Option<Fallible>,
}

impl TileOp {
    /// An op on the whole tile that cannot fail.
    fn new(
        name: &'static str,
        kernel: Kernel,
        dst: Slot,
        [a, b]: [Slot; 2],
        [width, inner]: [usize; 2],
    ) -> Self {
        TileOp {
            name,
            kernel,
            dst,
            a,
            b,
            c: Slot::NOWHERE,
            rows: None,
            width,
            inner,
            strided: None,
            fallible: None,
        }
    }
}

/// A value that is folded across rows.
#[derive(Clone, Debug)]
pub(crate) struct Accumulator {
    pub(crate) buffer: BufferId,
    pub(crate) fold: Fold,
    pub(crate) dtype: DType,
    pub(crate) elements: usize,
    /// Bytes from the start of a chunk's accumulators.
    pub(crate) offset: usize,
}

/// A compiled region.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) rows: usize,
    pub(crate) tile_rows: usize,
    pub(crate) chunk_rows: usize,
    /// Run at the start of each chunk: tiles that are the same for all rows.
    pub(crate) once: Vec<TileOp>,
    pub(crate) ops: Vec<TileOp>,
    pub(crate) accumulators: Vec<Accumulator>,
    /// Bytes of a chunk's accumulators.
    pub(crate) partial_bytes: usize,
    /// Where all chunks' accumulators lie.
    pub(crate) partial: Option<BufferId>,
    pub(crate) scratch_bytes: usize,
    pub(crate) cost: f64,
}

impl Region {
    /// At least one, so that accumulators over no rows are still set to 0.
    pub(crate) fn chunks(&self) -> usize {
        self.rows.div_ceil(self.chunk_rows).max(1)
    }
}

/// Compiles a region whose values that others read have the given buffers.
pub(crate) fn compile(
    program: &Program,
    layouts: &[Layout],
    rows: &Rows,
    members: &[Val],
    buffers: &HashMap<Val, BufferId>,
    isa: Isa,
) -> Region {
    let parts: Vec<(Val, Part)> =
        members.iter().filter_map(|&val| Some((val, fuse::part(program, layouts, val)?))).collect();
    let (lead, row_count) = split(program, rows, &parts);
    let mut compiler = Compiler {
        program,
        buffers,
        isa,
        lead,
        once: Vec::new(),
        ops: Vec::new(),
        registers: Vec::new(),
        values: HashMap::new(),
        filled: HashMap::new(),
        accumulators: Vec::new(),
        partial_bytes: 0,
        row_bytes_read: 0,
    };
    for (val, part) in &parts {
        compiler.member(*val, part);
    }
    compiler.finish(row_count)
}

/// How many of the leading axes are rows, and how many rows that makes.
fn split(program: &Program, rows: &Rows, parts: &[(Val, Part)]) -> (usize, usize) {
    let dims = match rows {
        Rows::Exactly(lead) => return (lead.len(), size(lead)),
        Rows::Any(dims) => dims,
    };
    let element = parts.iter().map(|(val, _)| program.inst(*val).dtype.size()).max().unwrap_or(1);
    let scattered = |lead: usize| {
        let operands = parts.iter().flat_map(|(_, part)| &part.tiled);
        operands.filter(|operand| operand.placement(lead) == Placement::Scattered).count()
    };
    let fits = |lead: &usize| size(&dims[*lead..]) * element <= MAX_FREE_ROW_BYTES;
    // Short rows rather than long ones, where both need as few elements gathered.
    let lead = (1..=dims.len()).rev().filter(fits).min_by_key(|&lead| scattered(lead)).unwrap_or(dims.len());
    (lead, size(&dims[..lead]))
}

/// Bytes of a row when the region may choose its rows: a row is at least a tile, and a tile of each
/// operand should fit the first-level cache.
const MAX_FREE_ROW_BYTES: usize = 4 << 10;

/// Elements of a row from which a loop within each row, with one element for the row, beats filling a
/// tile with that element: shorter loops spend their time starting.
const MIN_ROW_LOOP: usize = 32;

/// A tile in the thread's memory.
struct Register {
    /// Bytes for each row of the tile.
    row_bytes: usize,
    /// Bytes whatever the tile.
    fixed_bytes: usize,
    /// Index of the op that fills it.
    first_use: usize,
    /// Index of the last op that uses it.
    last_use: usize,
    /// Filled once, for all tiles.
    lasting: bool,
}

struct Compiler<'a> {
    program: &'a Program,
    buffers: &'a HashMap<Val, BufferId>,
    isa: Isa,
    lead: usize,
    once: Vec<TileOp>,
    ops: Vec<TileOp>,
    /// Until `finish` gives them places, a scratch slot's offset is an index into these.
    registers: Vec<Register>,
    /// Where the values of members are.
    values: HashMap<Val, Slot>,
    /// Tiles that hold an operand which lies elsewhere.
    filled: HashMap<Operand, Slot>,
    accumulators: Vec<Accumulator>,
    partial_bytes: usize,
    /// Bytes a row that are read from buffers.
    row_bytes_read: usize,
}

impl Compiler<'_> {
    fn element(&self, val: Val) -> usize {
        self.program.inst(val).dtype.size()
    }

    fn width(&self, operand: &Operand) -> usize {
        operand.axes.iter().skip(self.lead).map(|&(length, _)| length).product()
    }

    fn register(&mut self, row_bytes: usize, fixed_bytes: usize, lasting: bool) -> Slot {
        let now = self.ops.len();
        self.registers.push(Register { row_bytes, fixed_bytes, first_use: now, last_use: now, lasting });
        Slot { base: Base::Scratch, offset: self.registers.len() - 1, row_bytes: 0 }
    }

    /// Notes that the next op uses a slot.
    fn used(&mut self, slot: Slot) -> Slot {
        if slot.base == Base::Scratch {
            self.registers[slot.offset].last_use = self.ops.len();
        }
        slot
    }

    /// Where a member's value of `width` elements a row goes: to its buffer if others read it.
    fn destination(&mut self, val: Val, width: usize) -> Slot {
        let row_bytes = width * self.element(val);
        let slot = match self.buffers.get(&val) {
            Some(&buffer) => {
                self.row_bytes_read += row_bytes;
                Slot { base: Base::Buffer(buffer), offset: 0, row_bytes }
            }
            None => self.register(row_bytes, 0, false),
        };
        self.values.insert(val, slot);
        slot
    }

    /// Where the elements of a base start, `per_row` of them to a row.
    fn source(&mut self, base: Val, per_row: usize) -> Slot {
        let row_bytes = per_row * self.element(base);
        match (self.values.get(&base), self.buffers.get(&base)) {
            (Some(&slot), _) => slot,
            (None, Some(&buffer)) => {
                self.row_bytes_read += row_bytes;
                Slot { base: Base::Buffer(buffer), offset: 0, row_bytes }
            }
            // Bases have buffers unless they are members.
            (None, None) => Slot::NOWHERE,
        }
    }

    /// A tile that holds the operand's elements consecutively.
    fn tile(&mut self, operand: &Operand) -> Slot {
        if operand.placement(self.lead) == Placement::Consecutive {
            return self.source(operand.base, self.width(operand));
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
        let width = self.width(operand);
        let (how, per_row) = match operand.placement(self.lead) {
            Placement::Consecutive => (Move::Copy, width),
            Placement::SameRow => (Move::RepeatRow, 0),
            Placement::PerRow => (Move::RepeatElement, 1),
            Placement::Single | Placement::Scattered => (Move::Gather, 0),
        };
        let strided = (how == Move::Gather).then(|| {
            let (lead, tail) = operand.axes.split_at(self.lead);
            Box::new(Strided { lead: lead.to_vec(), tail: tail.to_vec() })
        });
        let a = self.source(operand.base, per_row);
        let name = match how {
            Move::Copy => "copy",
            Move::RepeatRow => "repeat_row",
            Move::RepeatElement => "repeat_element",
            Move::Gather => "gather",
        };
        let kernel = tile::moving(how, self.program.inst(operand.base).dtype, self.isa);
        let op = TileOp { strided, ..TileOp::new(name, kernel, dst, [a, Slot::NOWHERE], [width, 0]) };
        if lasting {
            self.once.push(op);
        } else {
            self.push(op);
        }
    }

    fn push(&mut self, op: TileOp) {
        for slot in [op.dst, op.a, op.b, op.c] {
            self.used(slot);
        }
        self.ops.push(op);
    }

    fn member(&mut self, val: Val, part: &Part) {
        let inst = self.program.inst(val);
        let tiled = part.tiled.as_slice();
        match (part.member, &inst.prim) {
            (Member::Elementwise, &Prim::Map(function)) => self.map(val, function, tiled),
            (Member::Elementwise, _) => {
                let dst = self.destination(val, self.width(&tiled[0]));
                self.fill(dst, &tiled[0], false);
            }
            (Member::FoldWithin, &Prim::Fold { fold, .. }) => {
                let (a, inner) = (self.tile(&tiled[0]), self.width(&tiled[0]));
                let dst = self.destination(val, 1);
                let kernel = tile::folding(fold, Extent::Within, inst.dtype, self.isa);
                self.push_kernel(fold.name(), kernel, dst, [a, Slot::NOWHERE], [1, inner]);
            }
            (Member::FoldAll, &Prim::Fold { fold, .. }) => {
                let (a, inner) = (self.tile(&tiled[0]), self.width(&tiled[0]));
                let dst = self.accumulator(val, fold);
                let kernel = tile::folding(fold, Extent::All, inst.dtype, self.isa);
                self.push_kernel(fold.name(), kernel, dst, [a, Slot::NOWHERE], [1, inner]);
            }
            (Member::FoldAcross, &Prim::Fold { fold, .. }) => {
                let (a, width) = (self.tile(&tiled[0]), self.width(&tiled[0]));
                let dst = self.accumulator(val, fold);
                let kernel = tile::folding(fold, Extent::Across, inst.dtype, self.isa);
                self.push_kernel(fold.name(), kernel, dst, [a, Slot::NOWHERE], [width, width]);
            }
            // `part` gives the fold's members to folds only.
            (Member::FoldWithin | Member::FoldAll | Member::FoldAcross, _) => {}
            (Member::Project, _) => {
                let (inner, width) = (self.width(&tiled[0]), inst.dims[1]);
                let a = self.tile(&tiled[0]);
                let b = part.whole.as_ref().map_or(Slot::NOWHERE, |whole| self.whole(whole));
                let dst = self.destination(val, width);
                let kernel = tile::project(inner, width, inst.dtype, self.isa);
                self.push_kernel("project", kernel, dst, [a, b], [width, inner]);
            }
            (Member::Accumulate, _) => {
                let (inner, width) = (self.width(&tiled[0]), self.width(&tiled[1]));
                let (a, b) = (self.tile(&tiled[0]), self.tile(&tiled[1]));
                let dst = self.accumulator(val, Fold::Sum);
                let kernel = tile::accumulate(inner, width, inst.dtype, self.isa);
                self.push_kernel("accumulate", kernel, dst, [a, b], [width, inner]);
            }
        }
    }

    fn map(&mut self, val: Val, function: Scalar, operands: &[Operand]) {
        let inst = self.program.inst(val);
        let forms = self.forms(operands);
        let mut slots = [Slot::NOWHERE; 3];
        for (position, operand) in operands.iter().enumerate() {
            slots[position] = match (forms, position) {
                (Forms::LeftScalar, 0) | (Forms::RightScalar, 1) => self.source(operand.base, 0),
                (Forms::RightPerRow, 1) => self.source(operand.base, 1),
                _ => self.tile(operand),
            };
        }
        // The last operand has the type that matters: a selection's first is a truth value.
        let from = operands.last().map_or(inst.dtype, |operand| self.program.inst(operand.base).dtype);
        let width = self.width(&operands[0]);
        let dst = self.destination(val, width);
        let fallible = function.can_fail(inst.dtype).then_some(Fallible { node: inst.origin, function });
        if let Some(kernel) = tile::map(function, forms, from, inst.dtype, self.isa) {
            let [a, b, c] = slots;
            let op = TileOp::new(function.name(), kernel, dst, [a, b], [width, width]);
            self.push(TileOp { c, fallible, ..op });
        }
    }

    /// How the operands of an elementwise function are read: one element where it is the same for all
    /// or for a row, so that no tile need be filled with it.
    fn forms(&self, operands: &[Operand]) -> Forms {
        let kind =
            |operand: &Operand| (operand.placement(self.lead), self.values.contains_key(&operand.base));
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

    /// Adds an op unless there is no kernel for its element type, which no op's signature lets happen.
    fn push_kernel(
        &mut self,
        name: &'static str,
        kernel: Option<Kernel>,
        dst: Slot,
        operands: [Slot; 2],
        lengths: [usize; 2],
    ) {
        if let Some(kernel) = kernel {
            self.push(TileOp::new(name, kernel, dst, operands, lengths));
        }
    }

    fn accumulator(&mut self, val: Val, fold: Fold) -> Slot {
        let inst = self.program.inst(val);
        let (elements, offset) = (size(&inst.dims), self.partial_bytes);
        // At least one line, so that an accumulator of nothing has an address as well.
        self.partial_bytes += (elements * inst.dtype.size()).max(1).next_multiple_of(64);
        self.accumulators.push(Accumulator {
            buffer: self.buffers[&val],
            fold,
            dtype: inst.dtype,
            elements,
            offset,
        });
        Slot { base: Base::Partial, offset, row_bytes: 0 }
    }

    /// A small matrix in row-major order.
    fn whole(&mut self, matrix: &Operand) -> Slot {
        let (rows, columns) = (matrix.axes[0], matrix.axes[1]);
        let lengthy: Vec<(usize, usize)> = matrix.axes.iter().copied().filter(|axis| axis.0 != 1).collect();
        let a = self.source(matrix.base, 0);
        if is_row_major(&lengthy) {
            return a;
        }
        let dst = self.register(0, rows.0 * columns.0 * self.element(matrix.base), true);
        let strided = Some(Box::new(Strided { lead: vec![rows], tail: vec![columns] }));
        let kernel = tile::moving(Move::Gather, self.program.inst(matrix.base).dtype, self.isa);
        let op = TileOp::new("gather", kernel, dst, [a, Slot::NOWHERE], [columns.0, 0]);
        self.once.push(TileOp { rows: Some(rows.0), strided, ..op });
        dst
    }

    /// Lets registers whose uses do not overlap share a place; gives the place of each register, and
    /// for each place its bytes for each row and whatever the tile.
    fn share_registers(&self) -> (Vec<usize>, Vec<(usize, usize)>) {
        let mut place_of = Vec::with_capacity(self.registers.len());
        let mut places: Vec<(usize, usize)> = Vec::new();
        // For each size, the places and the op after which each is free.
        let mut free: HashMap<usize, Vec<(usize, usize)>> = HashMap::new();
        for register in &self.registers {
            let candidates = free.entry(register.row_bytes).or_default();
            // An op's result must not overlap its operands, so a place is free only behind its last use.
            let reusable = candidates.iter().position(|&(_, last_use)| last_use < register.first_use);
            let place = if let Some(index) = reusable.filter(|_| !register.lasting) {
                candidates.swap_remove(index).0
            } else {
                places.push((register.row_bytes, register.fixed_bytes));
                places.len() - 1
            };
            if !register.lasting {
                candidates.push((place, register.last_use));
            }
            place_of.push(place);
        }
        (place_of, places)
    }

    /// Gives the registers places and cuts the rows.
    fn finish(mut self, rows: usize) -> Region {
        let (place_of, places) = self.share_registers();
        let row_bytes: usize = places.iter().map(|&(row_bytes, _)| row_bytes).sum();
        let live_bytes = (row_bytes + self.row_bytes_read).max(1);
        let fitting = (TILE_BYTES / live_bytes).clamp(1, rows.max(1));
        let tile_rows = if fitting > ROW_MULTIPLE { fitting / ROW_MULTIPLE * ROW_MULTIPLE } else { fitting };
        let mut scratch_bytes = 0;
        let offsets: Vec<usize> = places
            .iter()
            .map(|&(row_bytes, fixed_bytes)| {
                let offset = scratch_bytes;
                scratch_bytes += (row_bytes * tile_rows + fixed_bytes).next_multiple_of(64);
                offset
            })
            .collect();
        for op in self.once.iter_mut().chain(&mut self.ops) {
            for slot in [&mut op.dst, &mut op.a, &mut op.b, &mut op.c] {
                if slot.base == Base::Scratch {
                    slot.offset = offsets[place_of[slot.offset]];
                }
            }
        }
        let row_cost: f64 = self.ops.iter().map(order::tile_op_cost).sum();
        let cost = row_cost * rows as f64;
        let chunks = ((cost / CHUNK_COST) as usize).clamp(1, MAX_CHUNKS);
        Region {
            rows,
            tile_rows,
            chunk_rows: rows.div_ceil(chunks).max(1).next_multiple_of(tile_rows),
            once: self.once,
            ops: self.ops,
            accumulators: self.accumulators,
            partial_bytes: self.partial_bytes,
            partial: None,
            scratch_bytes,
            cost,
        }
    }
}
