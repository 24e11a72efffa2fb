//! Steps that run the plan of one of several programs, or a plan again and again.

use std::sync::Arc;

use super::calls::FunctionCall;
use super::{BufferId, Kind, LoopFunction, Plan, Planner, Start, Step, Straight, UNDECIDED, steps::distinct};
use crate::element::DType;
use crate::ir::{Branches, HANDLE, Loop, LoopOperand, NodeId, Numbering, Prim, Trips, Val, size};
use crate::memory::ALIGNMENT;

/// The plans of several programs, of which one is run.
#[derive(Debug)]
pub(crate) struct BranchCall {
    /// Where it says which: a boolean, or an index.
    pub(crate) selector: Start,
    pub(crate) is_index: bool,
    pub(crate) branches: Vec<PlannedBranch>,
    /// Where the outputs are left, by position.
    pub(crate) outputs: Vec<BufferId>,
    /// Memory for the run of any of them.
    pub(crate) frame: BufferId,
}

/// The plan of one of several programs.
#[derive(Debug)]
pub(crate) struct PlannedBranch {
    pub(crate) function: String,
    pub(crate) plan: Arc<Plan>,
    /// What is fed, by position: elements in row-major order.
    pub(crate) operands: Vec<Start>,
}

/// A plan that is run again and again.
#[derive(Debug)]
pub(crate) struct LoopCall {
    pub(crate) function: String,
    /// The node whose loop it is.
    pub(crate) node: NodeId,
    pub(crate) plan: Arc<Plan>,
    /// The plan's steps as a line, if they can be one.
    pub(crate) straight: Option<Straight>,
    /// The line as one function, if it can be one.
    pub(crate) compiled: Option<LoopFunction>,
    /// What is fed, by position.
    pub(crate) operands: Vec<LoopFeed>,
    pub(crate) states: Vec<LoopState>,
    pub(crate) trips: LoopTrips,
    pub(crate) reverse: bool,
    pub(crate) numbering: Numbering,
    pub(crate) stacks: Vec<Stack>,
    /// Memory for the run, as often as the loop has tasks: that of the plan, behind it what [`FrameOffsets`] name.
    pub(crate) frame: BufferId,
    pub(crate) offsets: FrameOffsets,
    /// Iterations that are done in a task, if none depends on another.
    pub(crate) per_task: Option<usize>,
}

/// What a run of a loop's plan is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoopFeed {
    /// A value of the state.
    State(usize),
    /// A row of so many bytes of an array.
    Row { of: Start, bytes: usize },
    /// A row of so many bytes of a tape, whose handle lies there.
    TapeRow { handle: Start, bytes: usize },
    /// The same each time.
    Whole(Start),
    /// A count that is made of the run's, which lies there, and the row.
    RunCount(Start),
}

/// A value of a loop's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoopState {
    pub(crate) first: Start,
    pub(crate) bytes: usize,
    /// Where the last is left, if somebody reads it.
    pub(crate) last: Option<BufferId>,
    /// Where it lies in the frame, in turns.
    pub(crate) offsets: [usize; 2],
}

/// How often a loop's plan is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LoopTrips {
    Known(usize),
    /// As long as a boolean holds that is left in the frame, and for the first time lies there.
    While {
        first: Start,
        most: usize,
    },
    /// As often as the longest of the tapes has rows whose handles lie there.
    Tapes(Vec<Start>),
}

/// What a loop stacks: a row each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stack {
    /// The array, or the tape's handle.
    pub(crate) to: BufferId,
    pub(crate) row_bytes: usize,
}

/// Bytes from the start of a loop's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameOffsets {
    /// Of the boolean that says whether to go on.
    pub(crate) condition: usize,
    /// Of the count of runs.
    pub(crate) count: usize,
    /// Of zeros, for as many bytes as any row of a tape.
    pub(crate) zeros: usize,
    /// Of what lies behind: the frame of the next task.
    pub(crate) end: usize,
}

/// Times that a loop runs, for the cost of one whose times are not known.
const TRIPS: usize = 64;

/// Nanoseconds that a time takes beyond what the plan takes.
const NANOSECONDS_PER_TRIP: f64 = 20.0;

/// Nanoseconds of a task of a loop, at least: many times what it takes to hand one out.
const TASK_COST: f64 = 20_000.0;

/// Tasks of a loop at most, each of which has a frame.
const MOST_TASKS: usize = 16;

/// Bytes of the frames of all tasks, unless one alone has more.
const MOST_FRAME_BYTES: usize = 8 << 20;

impl Kind {
    /// The functions that the step calls, and their plans.
    pub(crate) fn called(&self) -> Vec<(&str, &Arc<Plan>)> {
        match self {
            Kind::Call(call) => vec![(&*call.function, &call.plan)],
            Kind::Branch(call) => {
                call.branches.iter().map(|branch| (&*branch.function, &branch.plan)).collect()
            }
            Kind::Loop(call) => vec![(&*call.function, &call.plan)],
            Kind::Region(_)
            | Kind::Product { .. }
            | Kind::Reduce { .. }
            | Kind::Join { .. }
            | Kind::Kernel(_)
            | Kind::Copy { .. } => Vec::new(),
        }
    }
}

impl LoopCall {
    /// Where the boolean is that says whether to run at all.
    pub(crate) fn condition(&self) -> Option<Start> {
        match self.trips {
            LoopTrips::While { first, .. } => Some(first),
            LoopTrips::Known(_) | LoopTrips::Tapes(_) => None,
        }
    }

    /// Outputs of the plan before the rows of stacks.
    pub(crate) fn before_stacks(&self) -> usize {
        self.states.len() + usize::from(self.condition().is_some())
    }

    /// The tasks into which the loop is split.
    pub(crate) fn tasks(&self) -> usize {
        match (self.per_task, &self.trips) {
            (Some(per_task), LoopTrips::Known(count)) => count.div_ceil(per_task),
            _ => 1,
        }
    }

    /// Whether stacks are arrays.
    pub(crate) fn stacks_arrays(&self) -> bool {
        matches!(self.trips, LoopTrips::Known(_))
    }

    /// Where everything lies that the loop reads beside its own memory.
    pub(crate) fn reads(&self) -> Vec<Start> {
        let feeds = self.operands.iter().filter_map(|operand| match *operand {
            LoopFeed::State(_) => None,
            LoopFeed::Row { of: at, .. }
            | LoopFeed::TapeRow { handle: at, .. }
            | LoopFeed::Whole(at)
            | LoopFeed::RunCount(at) => Some(at),
        });
        let tapes: &[Start] = match &self.trips {
            LoopTrips::Tapes(tapes) => tapes,
            LoopTrips::Known(_) | LoopTrips::While { .. } => &[],
        };
        let states = self.states.iter().map(|state| state.first);
        states.chain(feeds).chain(tapes.iter().copied()).chain(self.condition()).collect()
    }
}

impl Planner<'_> {
    /// The step of an instruction that runs programs.
    pub(super) fn add_call(&mut self, val: Val) {
        let inst = self.program.inst(val);
        let args: Vec<Start> = inst.args.iter().map(|&arg| self.start(arg)).collect();
        let given = inst.prim.given();
        let wanted: Vec<Option<BufferId>> =
            self.outputs[&val].iter().map(|output| output.map(|output| self.buffer_of[&output])).collect();
        // Nobody reads the others, but they are left all the same, beside the last state of a loop.
        let first = if let Prim::Loop(of) = &inst.prim { of.states as usize } else { 0 };
        let outputs = wanted.iter().zip(&given).skip(first).map(|(&wanted, (dtype, dims))| {
            wanted.unwrap_or_else(|| self.add_buffer(UNDECIDED, size(dims) * dtype.size()))
        });
        let outputs: Vec<BufferId> = outputs.collect();
        let (kind, cost) = match &inst.prim {
            Prim::Call(callee) => {
                let plan = Arc::clone(&self.callees[callee]);
                let frame = self.add_buffer(UNDECIDED, plan.frame_bytes());
                let (function, cost) = (callee.function().to_owned(), plan.cost());
                let call = FunctionCall { function, plan, operands: args, outputs, frame };
                (Kind::Call(Box::new(call)), cost)
            }
            Prim::Branch(branches) => {
                self.branch_call(branches, self.program.inst(inst.args[0]).dtype, &args, outputs)
            }
            Prim::Loop(of) => self.loop_call(of, inst.origin, &args, &wanted[..first], outputs),
            _ => return,
        };
        let (reads, writes) = (kind.reads_to_run(), kind.writes_to_run());
        let origins = self.list_origins([&val]);
        self.steps.push(Step { kind, reads, writes, origins, cost });
    }

    fn branch_call(
        &mut self,
        Branches { branches }: &Branches,
        selects_by: DType,
        args: &[Start],
        outputs: Vec<BufferId>,
    ) -> (Kind, f64) {
        let planned = branches.iter().map(|branch| PlannedBranch {
            function: branch.callee.function().to_owned(),
            plan: Arc::clone(&self.callees[&branch.callee]),
            operands: branch.operands.iter().map(|&operand| args[operand as usize]).collect(),
        });
        let branches: Vec<PlannedBranch> = planned.collect();
        let bytes = branches.iter().map(|branch| branch.plan.frame_bytes()).max().unwrap_or_default();
        let cost = branches.iter().map(|branch| branch.plan.cost()).fold(0.0, f64::max);
        let frame = self.add_buffer(UNDECIDED, bytes);
        let is_index = selects_by != DType::Bool;
        let call = BranchCall { selector: args[0], is_index, branches, outputs, frame };
        (Kind::Branch(Box::new(call)), cost)
    }

    fn loop_call(
        &mut self,
        of: &Loop,
        node: NodeId,
        args: &[Start],
        last: &[Option<BufferId>],
        stacks: Vec<BufferId>,
    ) -> (Kind, f64) {
        let (plan, fed) = (Arc::clone(&self.callees[&of.callee]), of.callee.operands());
        let at = |position: u32| args[position as usize];
        let operands = of.operands.iter().zip(fed).map(|(operand, (dtype, dims))| {
            let bytes = size(dims) * dtype.size();
            match *operand {
                LoopOperand::State(state) => LoopFeed::State(state as usize),
                LoopOperand::Row(arg) => LoopFeed::Row { of: at(arg), bytes },
                LoopOperand::TapeRow(arg) => LoopFeed::TapeRow { handle: at(arg), bytes },
                LoopOperand::Whole(arg) => LoopFeed::Whole(at(arg)),
                LoopOperand::RunCount(arg) => LoopFeed::RunCount(at(arg)),
            }
        });
        let operands: Vec<LoopFeed> = operands.collect();
        let trips = match &of.trips {
            Trips::Known(count) => LoopTrips::Known(*count),
            Trips::While { most } => LoopTrips::While { first: at(of.states), most: *most },
            Trips::Tapes(tapes) => LoopTrips::Tapes(tapes.iter().map(|&tape| at(tape)).collect()),
        };
        let mut end = plan.frame_bytes();
        let mut take = |bytes: usize| {
            let offset = end.next_multiple_of(ALIGNMENT);
            end = offset.saturating_add(bytes);
            offset
        };
        let program = of.callee.program();
        let states = program.outputs[..of.states as usize].iter().zip(last).enumerate();
        let states = states.map(|(state, (&next, &last))| {
            let inst = program.inst(next);
            let bytes = size(&inst.dims) * inst.dtype.size();
            LoopState { first: args[state], bytes, last, offsets: [take(bytes), take(bytes)] }
        });
        let states: Vec<LoopState> = states.collect();
        let longest = operands.iter().map(|operand| match operand {
            LoopFeed::TapeRow { bytes, .. } => *bytes,
            _ => 0,
        });
        let zeros = longest.max().unwrap_or_default();
        let (condition, count, zeros) = (take(1), take(size_of::<i64>()), take(zeros));
        let end = end.checked_next_multiple_of(ALIGNMENT).unwrap_or(usize::MAX);
        let offsets = FrameOffsets { condition, count, zeros, end };
        let rows = of.rows().map(|row| size(&row.dims) * row.dtype.size());
        let stacks = stacks.into_iter().zip(rows).map(|(to, row_bytes)| Stack { to, row_bytes }).collect();
        let times = if let Trips::Known(count) = of.trips { count } else { TRIPS };
        let cost = plan.cost() + NANOSECONDS_PER_TRIP;
        let per_task = self.iterations_per_task(of, cost, offsets.end);
        let tasks = per_task.map_or(1, |per_task| times.div_ceil(per_task));
        let frame = self.add_buffer(UNDECIDED, offsets.end.saturating_mul(tasks));
        let function = of.callee.function().to_owned();
        let (straight, reverse, numbering) = (plan.loop_line(), of.reverse, of.numbering);
        let mut call = LoopCall {
            function,
            node,
            plan,
            straight,
            compiled: None,
            operands,
            states,
            trips,
            reverse,
            numbering,
            stacks,
            frame,
            offsets,
            per_task,
        };
        call.compiled = call.compile(self.options.isa);
        (Kind::Loop(Box::new(call)), cost * times as f64)
    }

    /// Iterations for a task, of this cost each, if they are split and none depends on another.
    fn iterations_per_task(&self, of: &Loop, cost: f64, frame_bytes: usize) -> Option<usize> {
        let Trips::Known(count) = of.trips else { return None };
        let is_split = of.states == 0 && self.options.inline_below.is_finite();
        let tasks = MOST_TASKS.min(MOST_FRAME_BYTES / frame_bytes.max(1)).max(1);
        let least = ((TASK_COST / cost).ceil() as usize).max(1);
        let per_task = count.div_ceil(tasks).max(least);
        (is_split && per_task < count).then_some(per_task)
    }
}

impl Kind {
    /// What a step that runs programs reads.
    fn reads_to_run(&self) -> Vec<BufferId> {
        let starts: Vec<Start> = match self {
            Kind::Call(call) => call.operands.clone(),
            Kind::Branch(call) => {
                let operands = call.branches.iter().flat_map(|branch| &branch.operands).copied();
                operands.chain([call.selector]).collect()
            }
            Kind::Loop(call) => call.reads(),
            _ => Vec::new(),
        };
        distinct(starts.into_iter().map(|start| start.buffer))
    }

    /// What a step that runs programs writes.
    fn writes_to_run(&self) -> Vec<BufferId> {
        match self {
            Kind::Call(call) => distinct(call.outputs.iter().copied().chain([call.frame])),
            Kind::Branch(call) => distinct(call.outputs.iter().copied().chain([call.frame])),
            Kind::Loop(call) => {
                let last = call.states.iter().filter_map(|state| state.last);
                let stacks = call.stacks.iter().map(|stack| stack.to);
                distinct(last.chain(stacks).chain([call.frame]))
            }
            _ => Vec::new(),
        }
    }
}

/// Bytes of a handle.
pub(crate) const HANDLE_BYTES: usize = HANDLE.size();
