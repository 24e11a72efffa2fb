//! Constant folding: what depends on constants alone is computed once, when a plan is made.
//!
//! Takes a program; gives the parts of it that are to be computed now, each as a program of its own
//! ([`Folding::parts`]), and the program in which their results are constants ([`Folding::hold`]). The
//! session computes the parts in between: it plans and runs them like any other program, so the
//! bits are those of the kernels. What shares no instruction is in different parts, so that programs which have
//! one in common can share its results, and the bits of these do not depend on what else a program folds.
//!
//! It stands behind the sweep of rules, not among them or before. A rule that keeps digits must see the
//! logarithm of a softmax before the softmax has underflowed; rules that move work outwards or make it small
//! leave less to compute and to keep; and the sweep looks at one instruction at a time, while here it counts
//! what still needs a value. Nothing follows it but pruning: what the rules do with known numbers is done.
//!
//! Invariant: nothing is folded that depends on a feed or a variable, or that could fail.

use std::sync::Arc;

use foldhash::HashMap;

use super::Applied;
use super::early::{Most, is_gathered, says_all, worth_computing};
use crate::element::Value;
use crate::ir::{Inst, Prim, Program, ScalarValue, Val, size};

/// Bytes of all results that are folded in one plan. Plans that fold the same share its results, but a session may
/// keep hundreds of plans that fold different things; a table that is worth keeping, of sines or of normalized
/// examples, is smaller.
const MAX_BYTES: usize = 16 << 20;

/// Bytes of a value that is computed on the way to a result.
const MAX_INTERMEDIATE_BYTES: usize = 256 << 20;

/// Elements, and multiply-adds of products, that are computed in all. A plan may be made only to be looked at, so
/// making one must not take longer than a second or so; beyond, the run does the work that it asked for.
const MAX_WORK: usize = 1 << 30;

/// What is to be computed now.
#[derive(Debug)]
pub(crate) struct Folding {
    /// The values to be replaced.
    targets: Vec<Val>,
    parts: Vec<Part>,
}

/// What is computed together.
#[derive(Debug, Default)]
struct Part {
    program: Program,
    /// Which of the targets each fetch of the program is.
    targets: Vec<usize>,
}

/// What of the program is to be computed now, if anything, and a record of it; at most `limit` results.
pub(crate) fn fold_constants(program: &Program, limit: usize) -> Option<(Folding, Vec<Applied>)> {
    let most = Most { results: limit, bytes: MAX_BYTES };
    let targets = worth_computing(program, &known(program), most);
    let applied = |&val: &Val| {
        Applied::new("constants", "depends on constants alone", program, program.inst(val).clone())
    };
    let trace = targets.iter().map(applied).collect();
    (!targets.is_empty()).then(|| (Folding { parts: parts(program, &targets), targets }, trace))
}

impl Folding {
    /// The parts that are to be computed; they read nothing but constants.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Program> {
        self.parts.iter().map(|part| &part.program)
    }

    /// The whole program with the results of each part as constants.
    pub(crate) fn hold(&self, mut program: Program, results: &[Arc<[Arc<Value>]>]) -> Program {
        let mut found: Vec<Option<&Arc<Value>>> = vec![None; self.targets.len()];
        for (part, results) in self.parts.iter().zip(results) {
            part.targets.iter().zip(&**results).for_each(|(&target, result)| found[target] = Some(result));
        }
        for (val, result) in self.targets.iter().zip(found) {
            let Some(result) = result else { continue };
            let prim = if program.inst(*val).dims.is_empty() {
                Prim::Scalar(ScalarValue::of(result))
            } else {
                Prim::Constant(program.hold(Arc::clone(result)))
            };
            let inst = &mut program.insts[val.index()];
            inst.prim = prim;
            inst.args.clear();
        }
        program.pruned()
    }
}

/// For each value that depends on constants alone and can be computed now, the bytes that lie in memory for it: those
/// of what it shows, if it is a view.
fn known(program: &Program) -> Vec<Option<usize>> {
    let mut known: Vec<Option<usize>> = Vec::with_capacity(program.insts.len());
    let mut work = 0_usize;
    for inst in &program.insts {
        let arg = |position: usize| known[inst.args[position].index()];
        // The lengths of every value have been checked to be addressable.
        let bytes = size(&inst.dims) * inst.dtype.size();
        known.push(match inst.prim {
            Prim::Scalar(_) | Prim::Constant(_) => Some(bytes),
            Prim::Iota { .. } => (bytes <= MAX_INTERMEDIATE_BYTES).then_some(bytes),
            _ if !says_all(inst) || (0..inst.args.len()).any(|position| arg(position).is_none()) => None,
            Prim::View(_) if !is_gathered(program, inst) => arg(0),
            _ if bytes > MAX_INTERMEDIATE_BYTES => None,
            _ => {
                work = work.saturating_add(work_of(program, inst));
                (work <= MAX_WORK).then_some(bytes)
            }
        });
    }
    known
}

/// The elements that an instruction reads or makes, or the multiply-adds of a product.
fn work_of(program: &Program, inst: &Inst) -> usize {
    let elements = |dims: &[usize]| dims.iter().fold(1_usize, |count, &length| count.saturating_mul(length));
    let arg = |position: usize| &program.inst(inst.args[position]).dims;
    match inst.prim {
        Prim::Dot => elements(&inst.dims).saturating_mul(arg(0).last().copied().unwrap_or(1)),
        Prim::Reduce { .. } => elements(arg(0)),
        Prim::Kernel(_) => (0..inst.args.len())
            .fold(elements(&inst.dims), |work, position| work.saturating_add(elements(arg(position)))),
        _ => elements(&inst.dims),
    }
}

/// What these values need, as programs that give them and have no instruction in common.
fn parts(program: &Program, targets: &[Val]) -> Vec<Part> {
    let is_read = |val: Val| program.inst(val).prim.is_source();
    let mut needed = vec![false; program.insts.len()];
    for val in targets {
        needed[val.index()] = true;
    }
    let mut together = Sets::of(program.insts.len());
    for (index, inst) in program.insts.iter().enumerate().rev().filter(|(_, inst)| !inst.args.is_empty()) {
        if needed[index] {
            for &arg in &inst.args {
                needed[arg.index()] = true;
                if !is_read(arg) {
                    together.join(index, arg.index());
                }
            }
        }
    }
    let mut parts: Vec<Part> = Vec::new();
    // By the first of the values that are computed together, the part; and each value's place in its part.
    let mut part_of: HashMap<usize, usize> = HashMap::default();
    let mut places: HashMap<(usize, Val), Val> = HashMap::default();
    for index in (0..program.insts.len()).filter(|&index| needed[index]) {
        let (val, inst) = (Val(index as u32), &program.insts[index]);
        if is_read(val) {
            continue;
        }
        let part = *part_of.entry(together.first(index)).or_insert_with(|| {
            parts.push(Part::default());
            parts.len() - 1
        });
        let to = &mut parts[part].program;
        let args = inst.args.iter().map(|&arg| {
            *places.entry((part, arg)).or_insert_with(|| {
                // What is not there yet is a constant, a number, or numbers counted up.
                let inst = program.inst(arg);
                let prim = to.take_prim(program, &inst.prim);
                to.push(Inst { prim, ..inst.clone() })
            })
        });
        let args = args.collect();
        let place = to.push(Inst { args, ..inst.clone() });
        places.insert((part, val), place);
    }
    for (target, &val) in targets.iter().enumerate() {
        let part = part_of.get(&together.first(val.index())).copied();
        if let Some((part, &place)) = part.and_then(|part| Some((part, places.get(&(part, val))?))) {
            parts[part].program.fetches.push(place);
            parts[part].targets.push(target);
        }
    }
    parts
}

/// Sets of indices, which can be joined.
struct Sets {
    /// An index of the same set that is not larger; of the first, itself.
    smaller: Vec<usize>,
}

impl Sets {
    /// A set for each index.
    fn of(count: usize) -> Self {
        Sets { smaller: (0..count).collect() }
    }

    /// The least index of the set of an index.
    fn first(&mut self, mut index: usize) -> usize {
        while self.smaller[index] != index {
            self.smaller[index] = self.smaller[self.smaller[index]];
            index = self.smaller[index];
        }
        index
    }

    fn join(&mut self, a: usize, b: usize) {
        let [a, b] = [self.first(a), self.first(b)];
        self.smaller[a.max(b)] = a.min(b);
    }
}
