//! What a loop only adds up, iteration by iteration, is added up behind it: the factors of products, `s + aᵀ·b`, are
//! stacked, and one product of all rows takes the place of many small ones, each of which would read and write the whole
//! sum. So it is with the shares of the parameters in the gradient of a recurrent network. A loop of costly iterations that
//! does nothing but add up leaves all its sums to what comes behind it: no iteration depends on another then, and they run
//! at the same time. So it is with the gradient of `map_fn` by what its function captures.

use foldhash::HashMap;

use super::Trace;
use super::stacks::stacking;
use crate::ir::{
    Args, Dims, Inst, Loop, LoopOperand, Numbering, Prim, Program, Reduce, Scalar, Trips, Val, View, size,
};

/// Bytes of what one loop stacks for its sums at most. It lies in memory until the loop has run, and is read once more:
/// within a cache of some megabytes that costs less than to read and write a sum in each iteration.
const MAX_STACKED_BYTES: usize = 16 << 20;

/// A value of the state that is a sum of products.
struct Sum {
    state: u32,
    /// The value that the loop's program is fed for it.
    before: Val,
    shares: Shares,
}

/// What is added in each iteration, by values of the loop's program.
enum Shares {
    /// `aᵀ·b`.
    Product { a: Val, b: Val },
    /// The sum of rows.
    Rows(Val),
    /// Whatever it is.
    Each(Val),
}

impl Shares {
    /// The values of the loop's program that are stacked for it.
    fn rows(&self) -> Vec<Val> {
        match *self {
            Shares::Product { a, b } => vec![a, b],
            Shares::Rows(row) | Shares::Each(row) => vec![row],
        }
    }
}

/// The program that adds up behind its loops what these only add up.
pub(super) fn with_sums_behind_loops(program: Program, trace: &mut Trace) -> Program {
    let mut totals: HashMap<(Val, u32), Val> = HashMap::default();
    program.rebuilt(|around, inst| match &inst.prim {
        Prim::Output(position) if totals.contains_key(&(inst.args[0], *position)) => {
            totals[&(inst.args[0], *position)]
        }
        Prim::Loop(of) => {
            let mut sums = sums(of);
            sums.truncate(trace.left());
            let inside = of.callee.program();
            for sum in &sums {
                let next = inside.inst(inside.outputs[sum.state as usize]);
                trace.note("sums", "added up behind the loop", inside, next);
            }
            add_up_behind(around, inst, &sums, &mut totals)
        }
        _ => around.push(inst),
    })
}

/// The sums that are worth taking out of a loop.
fn sums(of: &Loop) -> Vec<Sum> {
    let Trips::Known(count @ 2..) = of.trips else { return Vec::new() };
    let program = of.callee.program();
    let mut uses = vec![0_u32; program.insts.len()];
    program.insts.iter().flat_map(|inst| &inst.args).for_each(|arg| uses[arg.index()] += 1);
    program.results().for_each(|val| uses[val.index()] += 1);
    let is_used_once = |val: Val| uses[val.index()] == 1;

    let (mut sums, mut left) = (Vec::new(), MAX_STACKED_BYTES);
    let mut stacked: Vec<Val> = program.outputs[of.before_stacks()..].to_vec();
    // The sums whose shares are stacked as they are, if that leaves the loop no state, and their bytes.
    let (mut others, mut bytes_of_others) = (Vec::new(), 0_usize);
    for state in 0..of.states {
        let next = program.outputs[state as usize];
        let inst = program.inst(next);
        let (Prim::Map(Scalar::Add), &[a, b], true) = (&inst.prim, &inst.args[..], is_used_once(next)) else {
            continue;
        };
        let is_before = |val: Val| {
            matches!(program.inst(val).prim, Prim::Feed(position)
                if of.operands[position as usize] == LoopOperand::State(state))
        };
        let (before, share) = if is_before(a) { (a, b) } else { (b, a) };
        let is_only_added = is_before(before) && is_used_once(before);
        if !is_only_added || program.inst(share).dims != inst.dims {
            continue;
        }
        let bytes = |rows: &[Val]| -> usize {
            let elements: usize = rows.iter().map(|&row| size(&program.inst(row).dims)).sum();
            elements.saturating_mul(count).saturating_mul(inst.dtype.size())
        };
        let is_there = |row: Val| stacked.contains(&row) || array(of, row).is_some();
        let found = shares(program, share).map(|shares| {
            let new: Vec<Val> = shares.rows().into_iter().filter(|&row| !is_there(row)).collect();
            (shares, new)
        });
        let found = found.filter(|(_, new)| {
            // The sum would be read and written in each iteration, as the rows are written and read; what else reads the share
            // would have it computed all the same.
            let is_worth = bytes(new) <= bytes(&[share]).min(left) && is_used_once(share);
            is_worth && new.iter().all(|&row| may_be_stacked(of, row))
        });
        match found {
            Some((shares, new)) => {
                left -= bytes(&new);
                stacked.extend(new);
                sums.push(Sum { state, before, shares });
            }
            None if differs(of, share) => {
                bytes_of_others = bytes_of_others.saturating_add(bytes(&[share]));
                others.push(Sum { state, before, shares: Shares::Each(share) });
            }
            None => {}
        }
    }
    let leaves_no_state = sums.len() + others.len() == of.states as usize;
    if leaves_no_state && bytes_of_others <= left && may_run_at_once(of) {
        sums.append(&mut others);
    }
    sums
}

/// Whether the iterations are worth doing at the same time, and nobody can tell: what looks on sees a loop with a state
/// in order, and blocks of rows are for keeping little.
fn may_run_at_once(of: &Loop) -> bool {
    let is_costly = of.callee.program().insts.iter().any(is_costly);
    is_costly && !of.callee.must_run() && of.numbering != Numbering::Blocks
}

/// Whether an instruction is worth a thread's while, a few times over.
fn is_costly(inst: &Inst) -> bool {
    matches!(inst.prim, Prim::Dot | Prim::Kernel(_)) || inst.prim.runs_programs()
}

/// Whether a value is made by the iteration.
fn differs(of: &Loop, val: Val) -> bool {
    match of.callee.program().inst(val).prim {
        Prim::Feed(position) => !matches!(of.operands[position as usize], LoopOperand::Whole(_)),
        ref prim => !prim.is_source(),
    }
}

/// Whether a value, or what it shows, differs from iteration to iteration and is not stacked already: a loop inside that
/// stacks it is a block of one that keeps little, and is to stay so.
fn may_be_stacked(of: &Loop, mut val: Val) -> bool {
    let program = of.callee.program();
    while let Inst { prim: Prim::View(_), args, .. } = program.inst(val) {
        val = args[0];
    }
    let inst = program.inst(val);
    let is_of_loop =
        matches!(inst.prim, Prim::Output(_)) && matches!(program.inst(inst.args[0]).prim, Prim::Loop(_));
    !is_of_loop && differs(of, val)
}

/// What an added value is made of, if all iterations' can be added up at once.
fn shares(program: &Program, share: Val) -> Option<Shares> {
    let inst = program.inst(share);
    let rank = |val: Val| program.inst(val).dims.len();
    match (&inst.prim, &inst.args[..]) {
        (Prim::Dot, &[a, b]) if rank(a) == 2 && rank(b) == 2 => match &program.inst(a).prim {
            Prim::View(View::Permute(axes)) if axes[..] == [1, 0] => {
                Some(Shares::Product { a: program.inst(a).args[0], b })
            }
            _ => None,
        },
        (&Prim::Reduce { reduce: Reduce::Sum, first: 0, end: 1 }, &[rows]) => Some(Shares::Rows(rows)),
        _ => None,
    }
}

/// The operand of a loop of which a value of its program is the row.
fn array(of: &Loop, row: Val) -> Option<u32> {
    let Prim::Feed(position) = of.callee.program().inst(row).prim else { return None };
    match of.operands[position as usize] {
        LoopOperand::Row(array) => Some(array),
        _ => None,
    }
}

/// Adds a loop that hands these sums on as they are, and the sums behind it; gives the loop.
fn add_up_behind(
    program: &mut Program,
    mut inst: Inst,
    sums: &[Sum],
    totals: &mut HashMap<(Val, u32), Val>,
) -> Val {
    let looped = Val(program.insts.len() as u32);
    let (origin, args) = (inst.origin, inst.args.clone());
    let (Prim::Loop(of), [_, ..]) = (&mut inst.prim, sums) else { return program.push(inst) };
    let Trips::Known(count) = of.trips else { return program.push(inst) };
    // Where the rows of a value are: an operand, or an output of the loop.
    let mut rows_of = |row: Val| match array(of, row) {
        Some(array) => (row, None, args[array as usize]),
        None => (row, stacking(of, &[row]).pop(), looped),
    };
    let rows: Vec<Vec<(Val, Option<u32>, Val)>> =
        sums.iter().map(|sum| sum.shares.rows().into_iter().map(&mut rows_of).collect()).collect();
    let mut inside = of.callee.program().clone();
    for sum in sums {
        inside.outputs[sum.state as usize] = sum.before;
    }
    of.callee = of.callee.with_program(inside);
    let body = of.callee.clone();
    program.push(inst);

    for (sum, rows) in sums.iter().zip(rows) {
        let mut push = |prim: Prim, args: &[Val], like: &Inst, dims: Dims| {
            let (args, dtype) = (Args::from_slice(args), like.dtype);
            program.push(Inst { prim, args, dtype, dims, origin })
        };
        let total = body.program().inst(sum.before);
        let mut stacks = rows.into_iter().map(|(row, output, from)| {
            let row = body.program().inst(row);
            let dims: Dims = std::iter::once(count).chain(row.dims.iter().copied()).collect();
            match output {
                Some(position) => (push(Prim::Output(position), &[from], row, dims), row),
                None => (from, row),
            }
        });
        let (first, second) = (stacks.next(), stacks.next());
        drop(stacks);
        let share = match (&sum.shares, first, second) {
            (Shares::Product { .. }, Some((a, a_row)), Some((b, b_row))) => {
                let long = |row: &Inst| Dims::from_slice(&[count * row.dims[0], row.dims[1]]);
                let a = push(Prim::View(View::Reshape), &[a], a_row, long(a_row));
                let across = long(a_row).into_iter().rev().collect();
                let a = push(Prim::View(View::Permute([1, 0].into_iter().collect())), &[a], a_row, across);
                let b = push(Prim::View(View::Reshape), &[b], b_row, long(b_row));
                push(Prim::Dot, &[a, b], total, total.dims.clone())
            }
            (shares, Some((rows, _)), _) => {
                let end = if matches!(shares, Shares::Rows(_)) { 2 } else { 1 };
                let prim = Prim::Reduce { reduce: Reduce::Sum, first: 0, end };
                push(prim, &[rows], total, total.dims.clone())
            }
            _ => continue,
        };
        let before = args[sum.state as usize];
        let sum_of_all = push(Prim::Map(Scalar::Add), &[before, share], total, total.dims.clone());
        totals.insert((looped, sum.state), sum_of_all);
    }
    looped
}
