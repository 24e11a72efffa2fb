//! Groups of instructions that run together, tile by tile.
//!
//! A *region* is a set of instructions whose values share their leading axes, the *rows*. It is run
//! for a tile of rows at a time, so its inner values never leave the cache. Members are elementwise
//! functions; reductions within the rows and across them; and skinny matrix products: rows times a small
//! matrix, and a transposed tile times another, accumulated over the rows. What a member accumulates
//! across rows is complete only behind the region.
//!
//! Takes a program with its layouts; gives groups in the order in which they run. The invariant:
//! every operand of a group is produced by an earlier group, or by an earlier member of the same
//! region as a value of the same rows.
//!
//! 1. An elementwise instruction on what lies in memory from the start waits for the first that reads its value, and goes
//!    with it if it can: alone it would be a pass of its own over memory. So the update of an optimizer is one region.
//! 2. Each instruction, in order, joins the last group that produces one of its operands, if that is
//!    a region with the same rows; all its other operands are then produced before. If no group does, or one that
//!    takes no members, it joins the last region that reads the same memory.
//!    A matrix product that can be cut by rows becomes the producer of a region of what reads it.
//! 3. Otherwise it starts a group: a region of its own, a matrix product, a reduction, a join, a kernel, or a
//!    call. What is copied for a join alone is left to it.
//! 4. Regions of a few elements, whose steps would take longer to begin than to do, become one where they can ([`small`]).
//! 5. Cheap values that cross from one region to another are computed in both ([`recompute`]).

mod part;
mod recompute;
mod small;

use smallvec::{SmallVec, smallvec};

use super::joins::Homes;
use super::layout::{Layout, squeezed_dims};
use crate::ir::{Dims, Prim, Program, Val, size};

pub(in crate::plan) use part::{Member, Operand, Part, Placement, part, reduce_member};
pub(in crate::plan) use recompute::recomputed;

/// Members of a region: beyond some dozens the tile must shrink to keep all live values in the
/// cache, while another region costs one pass over memory for each value that crosses.
const MAX_MEMBERS: usize = 96;

/// Elements of the small matrix of a skinny product. What a tile is multiplied with and added to should stay in
/// registers or at least in a few cache lines, and a product of more work is worth a step of its own. Measured at 2000
/// rows of `f64` with 64 columns, in and apart from a region: 20 and 22 µs a step of regression for one output, 54 and
/// 28 for two.
pub(super) const MAX_SKINNY: usize = 64;

/// Rows from which a skinny product is worth a region.
pub(super) const MIN_SKINNY_ROWS: usize = 32;

/// The leading axes that the members of a region share; lengths of 1 are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::plan) enum Rows {
    /// Any number of the leading axes: every member is elementwise over these lengths.
    Any(Dims),
    /// Exactly these axes.
    Exactly(Dims),
}

impl Rows {
    /// The rows that suit both, if there are any.
    fn with(&self, other: &Rows) -> Option<Rows> {
        match (self, other) {
            (Rows::Any(a), Rows::Any(b)) | (Rows::Exactly(a), Rows::Exactly(b)) => {
                (a == b).then(|| self.clone())
            }
            (Rows::Any(whole), Rows::Exactly(lead)) | (Rows::Exactly(lead), Rows::Any(whole)) => {
                whole.starts_with(lead).then(|| Rows::Exactly(lead.clone()))
            }
        }
    }
}

/// Instructions that run together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::plan) enum Group {
    /// Tile by tile. The producer, if there is one, is a matrix product: each task computes its rows of it first,
    /// and its members find them in the cache.
    Region { rows: Rows, producer: Option<Val>, members: Vec<Val> },
    /// A matrix product that is worth blocking.
    Product(Val),
    /// A reduction over a middle axis, or one whose rows are too long for a tile.
    Reduce(Val),
    /// A join of what earlier groups have written, and of what is left to it.
    Join(Val),
    /// A kernel that the vocabulary does not know.
    Kernel(Val),
    /// A call of a function, which makes its outputs; these are in no group of their own.
    Call(Val),
}

impl Group {
    /// Its instructions: the producer of a region first.
    pub(in crate::plan) fn insts(&self) -> impl Iterator<Item = &Val> {
        let (producer, members) = match self {
            Group::Region { producer, members, .. } => (producer.as_ref(), members.as_slice()),
            Group::Product(val)
            | Group::Reduce(val)
            | Group::Join(val)
            | Group::Kernel(val)
            | Group::Call(val) => (None, std::slice::from_ref(val)),
        };
        producer.into_iter().chain(members)
    }
}

/// Groups the program's instructions; without `fuse`, each is a group of its own. `may_produce` says of a product
/// whether it may be the producer of a region.
pub(in crate::plan) fn group(
    program: &Program,
    layouts: &[Layout],
    homes: &Homes,
    fuse: bool,
    may_produce: &dyn Fn(Val) -> bool,
) -> Vec<Group> {
    let mut grouping = Grouping {
        program,
        layouts,
        homes,
        may_produce,
        groups: Vec::new(),
        group_of: vec![None; program.insts.len()],
        accumulated: vec![false; program.insts.len()],
        last_reader: vec![None; program.insts.len()],
        waits: vec![false; program.insts.len()],
        fuse,
    };
    let vals = || (0..program.insts.len() as u32).map(Val).filter(|val| layouts[val.index()].base == *val);
    for val in vals() {
        if !program.inst(val).prim.is_source() {
            grouping.visit(val);
        }
    }
    // Nothing reads these: they are results of the program.
    for val in vals() {
        grouping.settle(val);
    }
    if fuse { small::merged(program, layouts, homes, grouping.groups) } else { grouping.groups }
}

struct Grouping<'a> {
    program: &'a Program,
    layouts: &'a [Layout],
    homes: &'a Homes,
    may_produce: &'a dyn Fn(Val) -> bool,
    groups: Vec<Group>,
    /// The group that produces a value, by its index.
    group_of: Vec<Option<u32>>,
    /// Whether the value is complete only behind its region.
    accumulated: Vec<bool>,
    /// The last region that reads a value from memory.
    last_reader: Vec<Option<u32>>,
    /// Whether a value waits for the first that reads it.
    waits: Vec<bool>,
    fuse: bool,
}

/// Instructions that go with one that reads their values.
type Along = Vec<(Val, Part)>;

impl Grouping<'_> {
    /// Places an instruction, or lets it wait.
    fn visit(&mut self, val: Val) {
        let part = part(self.program, self.layouts, val);
        let waits = self.fuse && part.as_ref().is_some_and(|part| self.may_wait(val, part));
        if waits {
            self.waits[val.index()] = true;
        } else {
            self.place(val, part);
        }
    }

    /// Whether an instruction may run at any time, and none has read what it reads.
    fn may_wait(&self, val: Val, part: &Part) -> bool {
        let inst = self.program.inst(val);
        if !matches!(inst.prim, Prim::Map(_)) || self.homes.get(val).is_some() || size(&inst.dims) <= 1 {
            return false;
        }
        let is_free = |operand: &Operand| {
            let base = operand.base.index();
            let large = size(&self.program.inst(operand.base).dims) > 1;
            self.group_of[base].is_none() && !self.waits[base] && !(large && self.last_reader[base].is_some())
        };
        part.whole.is_none() && part.tiled.iter().all(is_free)
    }

    /// Places a value that waits.
    fn settle(&mut self, val: Val) {
        if std::mem::take(&mut self.waits[val.index()]) {
            self.place(val, part(self.program, self.layouts, val));
        }
    }

    /// The values that wait and that an instruction reads tile by tile, if they can go with it in a region of these rows; and
    /// the rows then.
    fn take_along(&self, part: &Part, mut rows: Rows) -> Option<(Along, Rows)> {
        let mut along = Along::new();
        for operand in part.tiled.iter().filter(|operand| self.waits[operand.base.index()]) {
            let waiting = self::part(self.program, self.layouts, operand.base)?;
            rows = rows.with(&waiting.rows)?;
            rows = self.rows_within(operand, &rows)?;
            if along.iter().all(|(val, _)| *val != operand.base) {
                along.push((operand.base, waiting));
            }
        }
        Some((along, rows))
    }

    /// Makes an instruction a member of a region or a group of its own, and with it what has waited for it.
    fn place(&mut self, val: Val, part: Option<Part>) {
        let inst = self.program.inst(val);
        let along = match &part {
            Some(part) if self.fuse && !self.homes.is_copy(val) => self.along(part),
            _ => None,
        };
        if let (Some(part), Some((index, rows, along))) = (&part, along) {
            for (waiting, of_waiting) in along {
                self.waits[waiting.index()] = false;
                self.join(index, rows.clone(), waiting, &of_waiting);
            }
            self.join(index, rows, val, part);
            return;
        }
        let bases: SmallVec<[Val; 3]> = inst.args.iter().map(|arg| self.layouts[arg.index()].base).collect();
        bases.into_iter().for_each(|base| self.settle(base));
        let Some(part) = part else {
            let group = match inst.prim {
                Prim::Dot => Group::Product(val),
                Prim::Join => Group::Join(val),
                Prim::Kernel(_) => Group::Kernel(val),
                Prim::Call(_) | Prim::Branch(_) | Prim::Loop(_) => Group::Call(val),
                Prim::Output(_) => {
                    self.group_of[val.index()] = self.group_of[inst.args[0].index()];
                    return;
                }
                _ => Group::Reduce(val),
            };
            self.group_of[val.index()] = Some(self.groups.len() as u32);
            self.groups.push(group);
            return;
        };
        let is_copy = self.homes.is_copy(val);
        let region = self.region_for(&part, !is_copy).filter(|_| self.fuse);
        if is_copy && region.is_none() {
            // The join copies what no region has at hand.
            return;
        }
        let (index, rows) = region.unwrap_or_else(|| self.start(part.rows.clone()));
        self.join(index, rows, val, &part);
    }

    /// A region without members.
    fn start(&mut self, rows: Rows) -> (usize, Rows) {
        self.groups.push(Group::Region { rows: rows.clone(), producer: None, members: Vec::new() });
        (self.groups.len() - 1, rows)
    }

    /// The region that an instruction joins or starts together with values that wait for it: which, its rows, and these
    /// values. `None` if none waits, or they cannot go together.
    fn along(&mut self, part: &Part) -> Option<(usize, Rows, Along)> {
        if !part.tiled.iter().any(|operand| self.waits[operand.base.index()])
            || part.whole.as_ref().is_some_and(|whole| self.waits[whole.base.index()])
        {
            return None;
        }
        let region = self.region_for(part, true);
        // An instruction that cannot join the group that makes one of its operands comes behind that group in any case.
        let rows = region.as_ref().map_or(&part.rows, |(_, rows)| rows).clone();
        let (along, rows) = self.take_along(part, rows)?;
        let index = match region {
            Some((index, _)) => index,
            None => self.start(rows.clone()).0,
        };
        Some((index, rows, along))
    }

    /// Makes an instruction a member of a region, or of the one that a group becomes.
    fn join(&mut self, index: usize, rows: Rows, val: Val, part: &Part) {
        let group = &mut self.groups[index];
        match group {
            Group::Region { rows: shared, members, .. } => {
                *shared = rows;
                members.push(val);
            }
            Group::Product(producer)
            | Group::Reduce(producer)
            | Group::Join(producer)
            | Group::Kernel(producer)
            | Group::Call(producer) => {
                let producer = Some(*producer);
                *group = Group::Region { rows, producer, members: vec![val] };
            }
        }
        let index = index as u32;
        self.group_of[val.index()] = Some(index);
        self.accumulated[val.index()] = part.member.accumulates();
        for operand in part.tiled.iter().chain(&part.whole) {
            self.last_reader[operand.base.index()] = Some(index);
        }
    }

    /// The region that the instruction can join, and the rows that it has then; whether it may be one that only reads the
    /// same memory.
    fn region_for(&self, part: &Part, by_reading: bool) -> Option<(usize, Rows)> {
        let operands = || part.tiled.iter().chain(&part.whole);
        let producer = operands().filter_map(|operand| self.group_of[operand.base.index()]).max();
        if let Some(index) = producer
            && let Some(rows) = self.rows_in(index, part)
        {
            return Some((index as usize, rows));
        }
        let large = operands().filter(|operand| size(&self.program.inst(operand.base).dims) > 1);
        let reader = large.filter_map(|operand| self.last_reader[operand.base.index()]).max();
        // Behind what makes the operands.
        let reader = reader.filter(|&reader| by_reading && Some(reader) > producer)?;
        Some((reader as usize, self.rows_in(reader, part)?))
    }

    /// The rows of a group if the instruction joins it, if it can.
    fn rows_in(&self, index: u32, part: &Part) -> Option<Rows> {
        let is_of_it = |base: Val| self.group_of[base.index()] == Some(index);
        let rows = match &self.groups[index as usize] {
            Group::Region { rows, members, .. } if members.len() < MAX_MEMBERS => rows.clone(),
            Group::Product(product) if (self.may_produce)(*product) => {
                Rows::Exactly(smallvec![self.program.inst(*product).dims[0]])
            }
            _ => return None,
        };
        let mut rows = rows.with(&part.rows)?;
        for operand in &part.tiled {
            if is_of_it(operand.base) {
                rows = self.rows_within(operand, &rows)?;
            }
        }
        let whole_is_ready = part.whole.as_ref().is_none_or(|whole| !is_of_it(whole.base));
        whole_is_ready.then_some(rows)
    }

    /// The rows for which an operand from the same region can be read as it is, if there are any.
    fn rows_within(&self, operand: &Operand, rows: &Rows) -> Option<Rows> {
        if self.accumulated[operand.base.index()] {
            return None;
        }
        let lengths: Dims = operand.axes.iter().map(|&(length, _)| length).collect();
        let produced = &self.program.inst(operand.base).dims;
        if operand.is_all_of(produced) {
            return Some(rows.clone());
        }
        // One element for each row, if the rows are all that the operand has.
        let lead = squeezed_dims(produced);
        let per_row = lengths.starts_with(&lead)
            && operand.offset == 0
            && operand.placement(lead.len()) == Placement::PerRow;
        per_row.then(|| rows.with(&Rows::Exactly(lead))).flatten()
    }
}
