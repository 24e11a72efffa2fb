//! Regions of a few elements: several that do not depend on what lies between them are one.

use foldhash::HashSet;

use super::{Group, Homes, Layout, Rows, part};
use crate::ir::{Prim, Program, Val, size};

/// Elements of a region that takes less time than to begin a step: some vectors.
const MAX_ELEMENTS: usize = 32;

/// Members of a small region: all its values fit in the first-level cache.
const MAX_MEMBERS: usize = 256;

/// A region that others may still join.
struct Open {
    /// Its place among the groups.
    at: usize,
    rows: Rows,
    members: HashSet<Val>,
    /// Whether a group behind it reads what it makes, so that it stays where it is.
    is_read: bool,
    /// What groups behind it make.
    behind: HashSet<Val>,
}

/// The groups with small regions joined: the earlier one goes to the place of the later one, or the other way round,
/// unless something between them must lie there.
pub(super) fn merged(program: &Program, layouts: &[Layout], homes: &Homes, groups: Vec<Group>) -> Vec<Group> {
    let base = |val: Val| layouts[val.index()].base;
    let reads = |group: &Group, of: &HashSet<Val>| {
        group.insts().flat_map(|&val| &program.inst(val).args).any(|&arg| {
            // What a call gives comes from the group of the call, and a join may copy what a copy is of by itself.
            let shown = |arg: Val| {
                let (arg, inst) = (base(arg), program.inst(base(arg)));
                of.contains(&arg) || matches!(inst.prim, Prim::Output(_)) && of.contains(&inst.args[0])
            };
            shown(arg) || homes.is_copy(arg) && shown(program.inst(arg).args[0])
        })
    };
    let is_elementwise = |val: &Val| matches!(program.inst(*val).prim, Prim::Map(_));
    let made = |group: &Group, of: &mut HashSet<Val>| of.extend(group.insts().copied());
    let mut kept: Vec<Option<Group>> = Vec::with_capacity(groups.len());
    let mut open: Option<Open> = None;
    for group in groups {
        let small = match &group {
            Group::Region { rows: rows @ Rows::Any(dims), producer: None, members }
                if size(dims) <= MAX_ELEMENTS && members.iter().all(is_elementwise) =>
            {
                Some(rows.clone())
            }
            _ => None,
        };
        let Some(rows) = small else {
            if let Some(open) = &mut open {
                open.is_read |= reads(&group, &open.members);
                made(&group, &mut open.behind);
            }
            kept.push(Some(group));
            continue;
        };
        let joined = open.as_mut().filter(|open| {
            let fits = open.rows == rows && open.members.len() + group.insts().count() <= MAX_MEMBERS;
            fits && reads_whole(program, layouts, &group, &open.members)
                && (!open.is_read || !reads(&group, &open.behind))
        });
        let Some(into) = joined else {
            let members = group.insts().copied().collect();
            open = Some(Open { at: kept.len(), rows, members, is_read: false, behind: HashSet::default() });
            kept.push(Some(group));
            continue;
        };
        let earlier = kept[into.at].take();
        let both = earlier.iter().chain([&group]).flat_map(Group::insts).copied().collect();
        let region = Some(Group::Region { rows, producer: None, members: both });
        made(&group, &mut into.members);
        if into.is_read {
            kept[into.at] = region;
        } else {
            (into.at, into.behind) = (kept.len(), HashSet::default());
            kept.push(region);
        }
    }
    kept.into_iter().flatten().collect()
}

/// Whether all that a group reads of these values is read element by element, as a region reads what it makes itself.
fn reads_whole(program: &Program, layouts: &[Layout], group: &Group, of: &HashSet<Val>) -> bool {
    group.insts().all(|&val| {
        let Some(part) = part(program, layouts, val) else { return false };
        let mut operands = part.tiled.iter().filter(|operand| of.contains(&operand.base));
        part.whole.is_none() && operands.all(|operand| operand.is_all_of(&program.inst(operand.base).dims))
    })
}
