//! What one loop stacks for another to read is computed again where that takes less: the second loop reads the first
//! one's state, row by row, and does the cheap instructions of its iteration once more.
//!
//! The gradient of a loop reads all that an iteration has computed and the gradient needs. Of a body that is made of
//! elementwise functions, this leaves a stack for each value of the state and none for what is between. What nobody reads
//! then is [dropped](unread), and so it is from loops that stand alone.

use foldhash::HashMap;
use smallvec::SmallVec;

use super::unread;
use crate::element::DType;
use crate::ir::{Args, Callee, Computation, Dims, Inst, Loop, LoopOperand, Prim, Program, Trips, Val, size};

/// The program with less stacked, and likewise what it calls.
pub(crate) fn recompute_rows(mut program: Program) -> Program {
    let mut by: HashMap<Callee, Callee> = HashMap::default();
    let callees: Vec<Callee> = program.callees().into_iter().cloned().collect();
    for callee in callees {
        if !callee.program().insts.iter().any(|inst| inst.prim.runs_programs()) {
            continue;
        }
        let mut called = callee.program().clone();
        called.replace_callees(&by);
        by.insert(callee.clone(), callee.with_program(recompute_own_rows(called)));
    }
    program.replace_callees(&by);
    recompute_own_rows(program)
}

fn recompute_own_rows(program: Program) -> Program {
    let is_loop = |inst: &Inst| matches!(inst.prim, Prim::Loop(_));
    if !program.insts.iter().any(is_loop) {
        return program;
    }
    let mut program = unread::with_unchanged_states_whole(program);
    let mut reader = 0;
    while reader < program.insts.len() {
        if is_loop(&program.insts[reader])
            && let Some(rewritten) = with_rows_computed(&program, Val(reader as u32))
        {
            reader += rewritten.insts.len() - program.insts.len();
            program = rewritten;
        }
        reader += 1;
    }
    unread::without_unread(program.pruned())
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

/// The program in which a loop reads fewer stacks, if it can.
fn with_rows_computed(program: &Program, reader: Val) -> Option<Program> {
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
        program,
        reader: Reader { of, args: program.inst(reader).args.clone(), fed: HashMap::default() },
        inside: Program::default(),
        operands: Vec::new(),
        types: Vec::new(),
        made: HashMap::default(),
        more: HashMap::default(),
    };
    // What is computed again, or read of other stacks, stands for what was fed.
    let computed: HashMap<usize, Val> =
        reads.iter().map(|read| (read.fed, again.make(read.source, read.looped, read.row))).collect();
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
    (more.sum::<usize>() <= gone || gone == 0).then(|| again.finish(reader, &computed))
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
    program: &'p Program,
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
    /// Makes the row of a value of another loop's program.
    fn make(&mut self, source: Val, looped: &Loop, val: Val) -> Val {
        if let Some(&made) = self.made.get(&(source, val)) {
            return made;
        }
        let inner = looped.callee.program();
        let inst = inner.inst(val);
        let made = match &inst.prim {
            Prim::Feed(position) => {
                let args = &self.program.inst(source).args;
                match looped.operands[*position as usize] {
                    LoopOperand::State(_) => self.read(source, looped, val),
                    LoopOperand::Row(arg) => self.feed(args[arg as usize], LoopOperand::Row, inst),
                    LoopOperand::TapeRow(arg) => self.feed(args[arg as usize], LoopOperand::TapeRow, inst),
                    LoopOperand::Whole(arg) => self.feed(args[arg as usize], LoopOperand::Whole, inst),
                    LoopOperand::RunCount(arg) => self.feed(args[arg as usize], LoopOperand::RunCount, inst),
                }
            }
            _ if !is_cheap(inner, inst) => self.read(source, looped, val),
            _ => {
                let args = inst.args.iter().map(|&arg| self.make(source, looped, arg)).collect();
                self.take_over(inner, inst, args)
            }
        };
        self.made.insert((source, val), made);
        made
    }

    /// Does what an instruction of another program does, with these operands.
    fn take_over(&mut self, from: &Program, inst: &Inst, args: Args) -> Val {
        let prim = match &inst.prim {
            Prim::Constant(index) => {
                Prim::Constant(self.inside.hold(from.constants[*index as usize].clone()))
            }
            prim => prim.clone(),
        };
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
        let found = stack.and_then(|stack| {
            let position = looped.states + stack as u32;
            let outputs = (0..).map(Val).zip(&self.program.insts);
            let mut stacks =
                outputs.filter(|(_, inst)| inst.prim == Prim::Output(position) && inst.args[..] == [source]);
            stacks.next().map(|(stack, _)| stack)
        });
        if let Some(stack) = found {
            return self.feed(stack, operand, inner.inst(val));
        }
        // An operand that is not there yet: behind all others, in the place of the stack that will be.
        let position = self.reader.args.len();
        self.reader.args.push(Val(u32::MAX));
        self.more.entry(source).or_default().push((val, position));
        self.feed_operand(operand(position as u32), inner.inst(val))
    }

    /// The program around, with the reader made anew, and loops that stack more.
    fn finish(mut self, reader: Val, computed: &HashMap<usize, Val>) -> Program {
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
        let anew = Loop { callee, operands: self.operands, ..of.clone() };

        let mut around = self.program.clone();
        let insts = std::mem::take(&mut around.insts);
        let mut renumbered: Vec<Val> = Vec::with_capacity(insts.len());
        let mut stacks: HashMap<usize, Val> = HashMap::default();
        for (index, mut inst) in insts.into_iter().enumerate() {
            let val = Val(index as u32);
            if val == reader {
                let args = self.reader.args.iter().enumerate().map(|(position, arg)| {
                    stacks.get(&position).copied().unwrap_or_else(|| renumbered[arg.index()])
                });
                inst.args = args.collect();
                inst.prim = Prim::Loop(Box::new(anew.clone()));
                renumbered.push(around.push(inst));
                continue;
            }
            inst.args.iter_mut().for_each(|arg| *arg = renumbered[arg.index()]);
            let Some(more) = self.more.get(&val) else {
                renumbered.push(around.push(inst));
                continue;
            };
            let (origin, mut given) = (inst.origin, 0);
            if let Prim::Loop(of) = &mut inst.prim {
                let mut program = of.callee.program().clone();
                given = program.outputs.len() - usize::from(of.is_conditional());
                program.outputs.extend(more.iter().map(|&(row, _)| row));
                of.callee = of.callee.with_program(program);
            }
            let types = inst.prim.given();
            let new = around.push(inst);
            renumbered.push(new);
            for ((dtype, dims), (position, &(_, operand))) in
                types[given..].iter().zip((given as u32..).zip(more))
            {
                let args = SmallVec::from_slice(&[new]);
                let prim = Prim::Output(position);
                let stack = Inst { prim, args, dtype: *dtype, dims: dims.clone(), origin };
                stacks.insert(operand, around.push(stack));
            }
        }
        around.results_mut().for_each(|val| *val = renumbered[val.index()]);
        around
    }
}
