//! What one loop stacks for another to read is computed again where that takes less: the second loop reads the first
//! one's state, row by row, and does the cheap instructions of its iteration once more.
//!
//! The gradient of a loop reads all that an iteration has computed and the gradient needs. Of a body that is made of
//! elementwise functions, this leaves a stack for each value of the state and none for what is between.

use foldhash::HashMap;
use smallvec::SmallVec;

use super::Trace;
use super::stacks::stacking;
use crate::element::DType;
use crate::ir::{Args, Callee, Computation, Dims, Inst, Loop, LoopOperand, Prim, Program, Trips, Val, size};

/// The program whose loops read fewer stacks.
pub(super) fn with_rows_computed(program: Program, trace: &mut Trace) -> Program {
    let outputs = (0..).map(Val).zip(&program.insts).filter_map(|(val, inst)| match inst.prim {
        Prim::Output(position) => Some(((inst.args[0], position), val)),
        _ => None,
    });
    let outputs = outputs.collect();
    let readers = program.insts.len() as u32;
    let mut around = Around { program, outputs, behind: HashMap::default() };
    for reader in (0..readers).map(Val) {
        if trace.left() == 0 {
            break;
        }
        if let Some(anew) = computing_rows(&around, reader) {
            let before = around.program.inst(reader);
            trace.note("recompute", "computes again what another loop would stack", &around.program, before);
            around.replace(reader, anew);
        }
    }
    around.in_order()
}

/// The program around the loops. What loops stack beside what they did stands behind all else for a while, so that no
/// value has another number before all loops are done.
struct Around {
    program: Program,
    /// By loop and position, what takes that output.
    outputs: HashMap<(Val, u32), Val>,
    /// By loop, its new outputs.
    behind: HashMap<Val, Vec<Val>>,
}

/// A loop in place of one that reads more stacks.
struct Anew {
    looped: Loop,
    args: Args,
    /// By loop, what it is to stack beside what it does already, and the operand that is each stack.
    more: HashMap<Val, Vec<(Val, usize)>>,
}

impl Around {
    fn replace(&mut self, reader: Val, Anew { looped, mut args, more }: Anew) {
        for (source, more) in more {
            let inst = &mut self.program.insts[source.index()];
            let origin = inst.origin;
            let Prim::Loop(of) = &mut inst.prim else { continue };
            let rows: Vec<Val> = more.iter().map(|&(row, _)| row).collect();
            let positions = stacking(of, &rows);
            let types = inst.prim.given();
            for (position, &(_, operand)) in positions.into_iter().zip(&more) {
                let (dtype, dims) = types[position as usize].clone();
                let (prim, from) = (Prim::Output(position), SmallVec::from_slice(&[source]));
                let stack = self.program.push(Inst { prim, args: from, dtype, dims, origin });
                args[operand] = stack;
                self.outputs.insert((source, position), stack);
                self.behind.entry(source).or_default().push(stack);
            }
        }
        let inst = &mut self.program.insts[reader.index()];
        (inst.prim, inst.args) = (Prim::Loop(Box::new(looped)), args);
    }

    /// The program with each value behind what it is made of.
    fn in_order(self) -> Program {
        let Around { mut program, behind, .. } = self;
        let added: usize = behind.values().map(Vec::len).sum();
        let insts = std::mem::take(&mut program.insts);
        let mut renumbered = vec![Val(u32::MAX); insts.len()];
        let first = insts.len() - added;
        for (val, inst) in (0..first as u32).map(Val).zip(&insts) {
            for val in std::iter::once(&val).chain(behind.get(&val).into_iter().flatten()) {
                let mut inst = if val.index() < first { inst } else { &insts[val.index()] }.clone();
                inst.args.iter_mut().for_each(|arg| *arg = renumbered[arg.index()]);
                renumbered[val.index()] = program.push(inst);
            }
        }
        program.results_mut().for_each(|val| *val = renumbered[val.index()]);
        program
    }
}

/// What a loop is fed that it reads of a stack of another loop.
struct Read<'p> {
    /// The position among what the reader is fed.
    fed: usize,
    /// The loop that stacks it, and which output of its program it is.
    source: Val,
    looped: &'p Loop,
    row: Val,
}

/// The reads of stacks that other loops make which run as often.
fn reads<'p>(program: &'p Program, reader: Val, of: &Loop) -> Vec<Read<'p>> {
    let args = &program.inst(reader).args;
    let read = |(fed, operand): (usize, &LoopOperand)| {
        let (LoopOperand::Row(arg) | LoopOperand::TapeRow(arg)) = *operand else { return None };
        let stack = program.inst(args[arg as usize]);
        let Prim::Output(position) = stack.prim else { return None };
        let source = stack.args[0];
        let Prim::Loop(looped) = &program.inst(source).prim else { return None };
        let of_stack = (position as usize).checked_sub(looped.states as usize)?;
        let are_alike = match (&looped.trips, &of.trips) {
            (Trips::Known(stacked), Trips::Known(read)) => stacked == read,
            (Trips::While { .. } | Trips::Tapes(_), Trips::Tapes(_)) => true,
            _ => false,
        };
        let row = looped.callee.program().outputs[looped.before_stacks() + of_stack];
        are_alike.then_some(Read { fed, source, looped, row })
    };
    of.operands.iter().enumerate().filter_map(read).collect()
}

/// Whether an instruction is done again rather than that its result is stacked.
fn is_cheap(program: &Program, inst: &Inst) -> bool {
    match &inst.prim {
        Prim::Map(function) => !function.can_fail(inst.dtype),
        Prim::Scalar(_) | Prim::Constant(_) | Prim::Iota { .. } | Prim::View(_) | Prim::Feed(_) => true,
        // As many additions as elements are read.
        Prim::Reduce { .. } => size(&program.inst(inst.args[0]).dims) <= MAX_REDUCED,
        Prim::Nothing
        | Prim::Join
        | Prim::Read(_)
        | Prim::Dot
        | Prim::RunCount
        | Prim::Kernel(Computation { .. })
        | Prim::Call(_)
        | Prim::Branch(_)
        | Prim::Loop(_)
        | Prim::Output(_) => false,
    }
}

/// Elements that are added up once more rather than that their sum is stacked: some rows of a tile.
const MAX_REDUCED: usize = 4096;

/// The loop that reads fewer stacks, if it can.
fn computing_rows(around: &Around, reader: Val) -> Option<Anew> {
    let program = &around.program;
    let Prim::Loop(of) = &program.inst(reader).prim else { return None };
    let reads = reads(program, reader, of);
    let is_worth = |read: &Read<'_>| {
        let inner = read.looped.callee.program();
        let inst = inner.inst(read.row);
        is_cheap(inner, inst) && !matches!(inst.prim, Prim::Feed(_))
            || matches!(inst.prim, Prim::Feed(position)
                if !matches!(read.looped.operands[position as usize], LoopOperand::State(_)))
    };
    if !reads.iter().any(is_worth) {
        return None;
    }
    let mut again = Again {
        around,
        reader: Reader { of, args: program.inst(reader).args.clone(), fed: HashMap::default() },
        inside: Program::default(),
        operands: Vec::new(),
        types: Vec::new(),
        made: HashMap::default(),
        more: HashMap::default(),
    };
    // What is computed again, or read of other stacks, stands for what was fed.
    for of_one in reads.chunk_by(|read, next| read.source == next.source) {
        again.make(of_one);
    }
    let computed = reads.iter().map(|read| (read.fed, again.made[&(read.source, read.row)]));
    let computed: HashMap<usize, Val> = computed.collect();
    // What is stacked beside what was must not be more than what is stacked no longer.
    let bytes = |of: &Loop, row: Val| {
        let inst = of.callee.program().inst(row);
        size(&inst.dims) * inst.dtype.size()
    };
    let is_computed = |val: &Val| !matches!(again.inside.inst(*val).prim, Prim::Feed(_));
    let gone = reads.iter().filter(|read| is_computed(&computed[&read.fed]));
    let gone: usize = gone.map(|read| bytes(read.looped, read.row)).sum();
    let more = again.more.iter().flat_map(|(source, rows)| {
        let Prim::Loop(of) = &program.inst(*source).prim else { return Vec::new() };
        rows.iter().map(|&(row, _)| bytes(of, row)).collect()
    });
    (more.sum::<usize>() <= gone || gone == 0).then(|| again.finish(&computed))
}

/// What the reader is made of.
struct Reader<'p> {
    of: &'p Loop,
    args: Args,
    /// By what it is fed, where that is in the new program.
    fed: HashMap<LoopOperand, Val>,
}

/// A loop's program that is being made anew, in which rows are computed.
struct Again<'p> {
    around: &'p Around,
    reader: Reader<'p>,
    inside: Program,
    operands: Vec<LoopOperand>,
    types: Vec<(DType, Dims)>,
    /// By loop and value of its program, what it has become.
    made: HashMap<(Val, Val), Val>,
    /// By loop, the values of its program that it stacks beside what it does already, each with the operand of the reader
    /// that reads the stack.
    more: HashMap<Val, Vec<(Val, usize)>>,
}

impl Again<'_> {
    /// Makes the rows that are read of stacks of one loop.
    fn make(&mut self, reads: &[Read<'_>]) {
        let Some(&Read { source, looped, .. }) = reads.first() else { return };
        let inner = looped.callee.program();
        let mut needed = vec![false; inner.insts.len()];
        for read in reads {
            needed[read.row.index()] = true;
        }
        for (index, inst) in inner.insts.iter().enumerate().rev() {
            if needed[index] && is_cheap(inner, inst) {
                inst.args.iter().for_each(|arg| needed[arg.index()] = true);
            }
        }
        for (val, inst) in (0..).map(Val).zip(&inner.insts) {
            if !needed[val.index()] || self.made.contains_key(&(source, val)) {
                continue;
            }
            let made = match &inst.prim {
                Prim::Feed(position) => self.feed_like(source, looped, *position, val),
                _ if !is_cheap(inner, inst) => self.read(source, looped, val),
                _ => {
                    let args = inst.args.iter().map(|&arg| self.made[&(source, arg)]).collect();
                    self.take_over(inner, inst, args)
                }
            };
            self.made.insert((source, val), made);
        }
    }

    /// Feeds what another loop's program is fed at this position, which is that value of it.
    fn feed_like(&mut self, source: Val, looped: &Loop, position: u32, val: Val) -> Val {
        let (arg, operand): (u32, fn(u32) -> LoopOperand) = match looped.operands[position as usize] {
            LoopOperand::State(_) => return self.read(source, looped, val),
            LoopOperand::Row(arg) => (arg, LoopOperand::Row),
            LoopOperand::TapeRow(arg) => (arg, LoopOperand::TapeRow),
            LoopOperand::Whole(arg) => (arg, LoopOperand::Whole),
            LoopOperand::RunCount(arg) => (arg, LoopOperand::RunCount),
        };
        let arg = self.around.program.inst(source).args[arg as usize];
        self.feed(arg, operand, looped.callee.program().inst(val))
    }

    /// Does what an instruction of another program does, with these operands.
    fn take_over(&mut self, from: &Program, inst: &Inst, args: Args) -> Val {
        let prim = self.inside.take_prim(from, &inst.prim);
        self.inside.push(Inst { prim, args, ..inst.clone() })
    }

    /// Feeds an operand of the program around.
    fn feed(&mut self, arg: Val, operand: impl Fn(u32) -> LoopOperand, like: &Inst) -> Val {
        let known = self.reader.args.iter().position(|&known| known == arg);
        let position = known.unwrap_or_else(|| {
            self.reader.args.push(arg);
            self.reader.args.len() - 1
        });
        self.feed_operand(operand(position as u32), like)
    }

    fn feed_operand(&mut self, operand: LoopOperand, like: &Inst) -> Val {
        if let Some(&fed) = self.reader.fed.get(&operand) {
            return fed;
        }
        let prim = Prim::Feed(self.operands.len() as u32);
        self.operands.push(operand);
        self.types.push((like.dtype, like.dims.clone()));
        let fed = self.inside.push(Inst { prim, args: Args::new(), ..like.clone() });
        self.reader.fed.insert(operand, fed);
        fed
    }

    /// Reads the row of a value that the other loop stacks, or will.
    fn read(&mut self, source: Val, looped: &Loop, val: Val) -> Val {
        let inner = looped.callee.program();
        let stack = inner.outputs[looped.before_stacks()..].iter().position(|&row| row == val);
        let is_known = matches!(looped.trips, Trips::Known(_));
        let operand = if is_known { LoopOperand::Row } else { LoopOperand::TapeRow };
        let position = stack.map(|stack| looped.states + stack as u32);
        let found = position.and_then(|position| self.around.outputs.get(&(source, position)).copied());
        if let Some(stack) = found {
            return self.feed(stack, operand, inner.inst(val));
        }
        // An operand that is not there yet: behind all others, in the place of the stack that will be.
        let position = self.reader.args.len();
        self.reader.args.push(Val(u32::MAX));
        self.more.entry(source).or_default().push((val, position));
        self.feed_operand(operand(position as u32), inner.inst(val))
    }

    /// The reader made anew, and what other loops are to stack for it.
    fn finish(mut self, computed: &HashMap<usize, Val>) -> Anew {
        let of = self.reader.of;
        let mut renumbered: Vec<Val> = Vec::with_capacity(of.callee.program().insts.len());
        let old = of.callee.program();
        for inst in &old.insts {
            let new = if let Prim::Feed(position) = inst.prim {
                let computed = computed.get(&(position as usize)).copied();
                computed.unwrap_or_else(|| self.feed_operand(of.operands[position as usize], inst))
            } else {
                let args = inst.args.iter().map(|arg| renumbered[arg.index()]).collect();
                self.take_over(old, inst, args)
            };
            renumbered.push(new);
        }
        self.inside.outputs = old.outputs.iter().map(|val| renumbered[val.index()]).collect();
        self.inside.checks = old.checks.iter().map(|val| renumbered[val.index()]).collect();
        let callee = Callee::new(of.callee.function().to_owned(), self.types, self.inside);
        let looped = Loop { callee, operands: self.operands, ..of.clone() };
        Anew { looped, args: self.reader.args, more: self.more }
    }
}
