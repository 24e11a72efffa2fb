//! Regions of a few elements: several that do not depend on what lies between them are one.

use foldhash::HashSet;

use super::{Group, Layout, Rows};
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
pub(super) fn merged(program: &Program, layouts: &[Layout], groups: Vec<Group>) -> Vec<Group> {
    let base = |val: Val| layouts[val.index()].base;
    let reads = |group: &Group, of: &HashSet<Val>| {
        let mut args = members(group).flat_map(|&val| &program.inst(val).args).map(|&arg| base(arg));
        args.any(|arg| {
            // What a call gives comes from the group of the call.
            let inst = program.inst(arg);
            of.contains(&arg) || matches!(inst.prim, Prim::Output(_)) && of.contains(&inst.args[0])
        })
    };
    let is_elementwise = |val: &Val| matches!(program.inst(*val).prim, Prim::Map(_));
    let made = |group: &Group, of: &mut HashSet<Val>| of.extend(members(group).copied());
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
            let fits = open.rows == rows && open.members.len() + members(&group).count() <= MAX_MEMBERS;
            fits && (!open.is_read || !reads(&group, &open.behind))
        });
        let Some(into) = joined else {
            let members = members(&group).copied().collect();
            open = Some(Open { at: kept.len(), rows, members, is_read: false, behind: HashSet::default() });
            kept.push(Some(group));
            continue;
        };
        let earlier = kept[into.at].take();
        let both = earlier.iter().chain([&group]).flat_map(members).copied().collect();
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

fn members(group: &Group) -> impl Iterator<Item = &Val> {
    let (producer, members) = match group {
        Group::Region { producer, members, .. } => (producer.as_ref(), members.as_slice()),
        Group::Product(val)
        | Group::Reduce(val)
        | Group::Join(val)
        | Group::Kernel(val)
        | Group::Call(val) => (None, std::slice::from_ref(val)),
    };
    producer.into_iter().chain(members)
}
