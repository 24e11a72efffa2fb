//! Cheap values that cross from one region to another are computed in both.
//!
//! A value that crosses is written to memory and read again. Where it is an elementwise function of arrays that lie in
//! memory anyway, the region that reads it computes it once more from these: what takes time there is memory and not
//! arithmetic. The bits are the same.
//!
//! Takes a program and its groups; gives both with what is computed again as instructions of their own, each in front of
//! the first of its region that reads it, and without what is no longer read.

use foldhash::{HashMap, HashSet};
use smallvec::SmallVec;

use super::{Group, Homes, Layout, MAX_MEMBERS, Rows};
use crate::ir::{Args, Cost, Inst, Prim, Program, Val, size};
use crate::plan::layout::squeezed_dims;

/// Bytes of a value from which it is worth it: smaller ones stay in the cache from one region to the next.
const LARGE: usize = 256 << 10;

/// How much smaller than a value an operand is that costs nothing beside it.
const FRACTION: usize = 8;

/// Instructions that are done again for a value.
const MOST_AGAIN: usize = 8;

/// Large arrays that a value is made of.
const MOST_LEAVES: usize = 2;

/// How a region has a value that another one makes.
#[derive(Clone, Debug)]
enum Had {
    /// It reads it: the value lies in memory.
    Read,
    /// It computes it of large arrays in memory, by so many instructions.
    Again { leaves: Leaves, instructions: usize },
    /// It does not: the value never leaves its region.
    Never,
}

type Leaves = SmallVec<[Val; MOST_LEAVES]>;

/// The program and its groups with cheap values computed where they are read, if there is one.
pub(in crate::plan) fn recomputed(
    program: &Program,
    layouts: &[Layout],
    homes: &Homes,
    groups: &[Group],
) -> Option<(Program, Homes, Vec<Group>)> {
    let is_large = |inst: &Inst| size(&inst.dims).saturating_mul(inst.dtype.size()) >= LARGE;
    if groups.len() < 2
        || !program.insts.iter().any(|inst| matches!(inst.prim, Prim::Map(_)) && is_large(inst))
    {
        return None;
    }
    let Crossings { group_of, readers, is_kept, mut reads } = Crossings::of(program, layouts, homes, groups);
    let mut had: Vec<Had> = Vec::with_capacity(program.insts.len());
    let mut again = vec![false; program.insts.len()];
    for (val, inst) in (0..).map(Val).zip(&program.insts) {
        let readers = &readers[val.index()];
        let is_kept = inst.prim.is_source() || is_kept[val.index()];
        had.push(match made_of(program, layouts, &had, inst) {
            Some((leaves, instructions)) if !is_kept && is_large(inst) => {
                let more =
                    |group: &u32| leaves.iter().filter(|leaf| !reads[*group as usize].contains(leaf)).count();
                // To write it takes as long as to read it twice, as its lines are fetched first.
                if readers.iter().map(more).sum::<usize>() <= readers.len() + 1 {
                    again[val.index()] = !readers.is_empty();
                    for &group in readers {
                        reads[group as usize].extend(&leaves);
                    }
                    Had::Again { leaves, instructions }
                } else {
                    Had::Read
                }
            }
            _ if is_kept || !readers.is_empty() => Had::Read,
            _ => Had::Never,
        });
    }
    if !again.contains(&true) {
        return None;
    }
    let rebuilt = Rebuilt { program, layouts, had, again, group_of, made: HashMap::default() };
    Some(rebuilt.with(homes, groups))
}

/// Whether an operand costs nothing beside the value of its instruction.
fn is_small(program: &Program, operand: Val, inst: &Inst) -> bool {
    size(&program.inst(operand).dims) * FRACTION <= size(&inst.dims)
}

/// What an instruction computes its value of, if it is done again rather than that its value is kept: large arrays in
/// memory, and how many instructions there are from these to the value.
fn made_of(program: &Program, layouts: &[Layout], had: &[Had], inst: &Inst) -> Option<(Leaves, usize)> {
    let Prim::Map(function) = inst.prim else { return None };
    if function.cost() != Cost::Cheap || function.can_fail(inst.dtype) {
        return None;
    }
    let (mut leaves, mut instructions) = (Leaves::new(), 1);
    for &arg in &inst.args {
        let base = layouts[arg.index()].base;
        if is_small(program, base, inst) {
            continue;
        }
        match &had[base.index()] {
            Had::Read if !leaves.contains(&base) => leaves.push(base),
            Had::Read => {}
            Had::Again { leaves: of, instructions: more }
                if base == arg && program.inst(arg).dims == inst.dims =>
            {
                of.iter().for_each(|leaf| {
                    if !leaves.contains(leaf) {
                        leaves.push(*leaf);
                    }
                });
                instructions += more;
            }
            Had::Again { .. } | Had::Never => return None,
        }
    }
    (leaves.len() <= MOST_LEAVES && instructions <= MOST_AGAIN).then_some((leaves, instructions))
}

/// Which values cross from group to group.
struct Crossings {
    group_of: Vec<Option<u32>>,
    /// The regions that read a value which another group makes, each once.
    readers: Vec<SmallVec<[u32; 2]>>,
    /// Whether a value must lie in memory whatever regions do.
    is_kept: Vec<bool>,
    /// What each group reads of memory.
    reads: Vec<HashSet<Val>>,
}

impl Crossings {
    fn of(program: &Program, layouts: &[Layout], homes: &Homes, groups: &[Group]) -> Self {
        let values = program.insts.len();
        let (mut group_of, mut is_kept) = (vec![None; values], vec![false; values]);
        for (index, group) in (0..).zip(groups) {
            group.insts().for_each(|val| group_of[val.index()] = Some(index));
        }
        for val in program.results() {
            is_kept[layouts[val.index()].base.index()] = true;
        }
        let mut readers = vec![SmallVec::new(); values];
        let mut reads = vec![HashSet::default(); groups.len()];
        for (index, group) in (0_u32..).zip(groups) {
            for &val in group.insts() {
                let inst = program.inst(val);
                is_kept[val.index()] |= homes.get(val).is_some();
                for &arg in &inst.args {
                    let base = layouts[arg.index()].base;
                    if group_of[base.index()] == Some(index) {
                        continue;
                    }
                    reads[index as usize].insert(base);
                    // As it is, element by element, in a region that may compute it by itself.
                    let is_plain = arg == base && takes(group, program, base, inst);
                    is_kept[base.index()] |= !is_plain;
                    if !readers[base.index()].contains(&index) {
                        readers[base.index()].push(index);
                    }
                }
            }
        }
        Crossings { group_of, readers, is_kept, reads }
    }
}

/// Whether a group is a region that may have a value as a member, for an instruction of it that reads the value.
fn takes(group: &Group, program: &Program, val: Val, reader: &Inst) -> bool {
    let Group::Region { rows, members, .. } = group else { return false };
    let dims = &program.inst(val).dims;
    let is_whole = match reader.prim {
        Prim::Map(_) => reader.dims == *dims,
        Prim::Reduce { .. } => true,
        _ => false,
    };
    let fits = Rows::Any(squeezed_dims(dims)).with(rows).is_some_and(|together| together == *rows);
    is_whole && fits && members.len() + MOST_AGAIN < MAX_MEMBERS
}

/// A program that is made anew.
struct Rebuilt<'p> {
    program: &'p Program,
    layouts: &'p [Layout],
    had: Vec<Had>,
    /// Whether the regions that read a value compute it.
    again: Vec<bool>,
    group_of: Vec<Option<u32>>,
    /// What regions have computed again.
    made: HashMap<(Val, u32), Val>,
}

impl Rebuilt<'_> {
    fn with(mut self, homes: &Homes, groups: &[Group]) -> (Program, Homes, Vec<Group>) {
        let mut out = self.program.without_instructions();
        let mut renumbered: Vec<Val> = Vec::with_capacity(self.program.insts.len());
        // What regions compute again, in front of the instruction that reads it.
        let mut before: HashMap<Val, Vec<Val>> = HashMap::default();
        for (val, inst) in (0..).map(Val).zip(&self.program.insts) {
            let first = out.insts.len() as u32;
            let args = inst.args.iter().map(|&arg| match self.group_of[val.index()] {
                Some(group) if self.is_again(arg, group) => self.again(arg, group, &renumbered, &mut out),
                _ => renumbered[arg.index()],
            });
            let args: Args = args.collect();
            let end = out.insts.len() as u32;
            if first < end {
                before.insert(val, (first..end).map(Val).collect());
            }
            renumbered.push(out.push(Inst { args, ..inst.clone() }));
        }
        out.results_mut().for_each(|val| *val = renumbered[val.index()]);
        // Without what nobody reads any more, in the numbers that are left.
        let (out, kept) = out.pruned_and_numbered();
        let groups = groups.iter().filter_map(|group| match group {
            Group::Region { rows, producer, members } => {
                let with_before = |member: &Val| {
                    let own = before.get(member).into_iter().flatten().copied();
                    own.chain([renumbered[member.index()]]).collect::<SmallVec<[Val; 4]>>()
                };
                let members = members.iter().flat_map(with_before).filter_map(|val| kept[val.index()]);
                let members: Vec<Val> = members.collect();
                let producer = producer.and_then(|val| kept[renumbered[val.index()].index()]);
                match (producer, members.is_empty()) {
                    (Some(producer), true) => Some(Group::Product(producer)),
                    (None, true) => None,
                    _ => Some(Group::Region { rows: rows.clone(), producer, members }),
                }
            }
            Group::Product(val) => kept[renumbered[val.index()].index()].map(Group::Product),
            Group::Reduce(val) => kept[renumbered[val.index()].index()].map(Group::Reduce),
            Group::Join(val) => kept[renumbered[val.index()].index()].map(Group::Join),
            Group::Kernel(val) => kept[renumbered[val.index()].index()].map(Group::Kernel),
            Group::Call(val) => kept[renumbered[val.index()].index()].map(Group::Call),
        });
        let groups = groups.collect();
        let homes = homes.renumbered(|val| kept[renumbered[val.index()].index()]);
        (out, homes, groups)
    }

    /// Whether a region computes an operand of one of its instructions.
    fn is_again(&self, arg: Val, group: u32) -> bool {
        self.again[arg.index()] && self.group_of[arg.index()] != Some(group)
    }

    /// Has a region compute a value of another, and what it is made of that does not lie in memory.
    fn again(&mut self, val: Val, group: u32, renumbered: &[Val], out: &mut Program) -> Val {
        if let Some(&made) = self.made.get(&(val, group)) {
            return made;
        }
        let inst = self.program.inst(val);
        let args = inst.args.iter().map(|&arg| {
            let base = self.layouts[arg.index()].base;
            match self.had[base.index()] {
                Had::Again { .. } if !is_small(self.program, base, inst) => {
                    self.again(base, group, renumbered, out)
                }
                _ => renumbered[arg.index()],
            }
        });
        let args: Args = args.collect();
        let made = out.push(Inst { args, ..inst.clone() });
        self.made.insert((val, group), made);
        made
    }
}
