//! From groups of instructions to a plan: everything decided that can be decided before a run.
//!
//! Takes a program; gives an immutable [`Plan`]: steps with their kernels chosen, each buffer's
//! place, what each step waits for, and whether the plan is worth more than one thread. The
//! invariant, which [`check`] establishes independently: a step reads only what an earlier one has
//! written for it, and no two steps that may run at once touch the same memory, unless both read.

mod batch;
mod calls;
mod check;
mod code;
mod constant;
mod control;
mod fuse;
mod joins;
mod kernel_call;
mod lacking;
mod layout;
mod loop_function;
mod memory;
mod order;
mod region;
mod sequence;
mod size;
mod step;
mod steps;
mod straight;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::HashMap;
use ndarray::{ArrayD, IxDyn};

use crate::element::{DType, Value};
use crate::ir::{Dims, NodeId, Prim, Program, Val, VariableId, counted, size};
use crate::kernel::gemm::{self, Product, Split};
use crate::kernel::isa::Isa;

pub(crate) use batch::{Batch, BatchAxis};
pub(crate) use calls::FunctionCall;
use calls::{Callees, outputs, plan_callees};
#[cfg(test)]
use code::Code;
pub(crate) use code::Compiled;
use code::KnownNumbers;
use constant::ElementOrder;
pub(crate) use constant::{Constant, Constants};
pub(crate) use control::{BranchCall, HANDLE_BYTES, LoopCall, LoopFeed, LoopTrips};
use fuse::Group;
use joins::Homes;
pub(crate) use joins::{Assembly, PartCopy, PieceSource};
pub(crate) use kernel_call::{KernelCall, KernelOperand, reach};
pub(crate) use lacking::{Lacking, Owner};
use layout::Layout;
pub(crate) use loop_function::LoopFunction;
pub(crate) use order::{INLINE_BELOW, Order};
pub(crate) use region::{
    Accumulator, Base, Fallible, MOST_STREAMS, Native, Operands, Piece, Producer, Region, Slot, TileOp,
};
pub(crate) use step::{Buffer, BufferId, Factors, Kind, Place, Start, Step};
pub(crate) use straight::{Anchor, Part, RunLine, Straight, StraightCall, Word};

/// A fetched value: where it lies after the last step, and its type.
#[derive(Clone, Debug)]
pub(crate) struct FetchedValue {
    pub(crate) start: Start,
    pub(crate) dtype: DType,
    pub(crate) dims: Dims,
}

/// A prepared run for feeds of certain lengths.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Tells the plans of a process apart; never 0.
    pub(crate) id: u64,
    pub(crate) buffers: Vec<Buffer>,
    pub(crate) steps: Vec<Step>,
    /// The nodes that the steps' instructions come from, for traces.
    pub(crate) origins: Vec<NodeId>,
    /// Element type and lengths of what is fed, by position.
    pub(crate) fed: Vec<(DType, Vec<usize>)>,
    pub(crate) constants: Vec<Arc<Constant>>,
    pub(crate) fetches: Vec<FetchedValue>,
    /// The variables that the run reads or changes.
    pub(crate) variables: Vec<VariableId>,
    /// The buffers that lie in variables.
    pub(crate) stored: Vec<BufferId>,
    /// The buffers that lie in what is given to each run: feeds, and the count of runs.
    pub(crate) given: Vec<BufferId>,
    /// The buffers that are parts of others.
    pub(crate) parts: Vec<BufferId>,
    /// The variables that the run changes.
    pub(crate) commits: Vec<VariableId>,
    /// The buffers that lie where the caller of a function wants its outputs, by position.
    pub(crate) outputs: Vec<BufferId>,
    pub(crate) order: Order,
    /// Whether all steps run in order on one thread, also those of the functions that are called.
    pub(crate) is_for_one_thread: bool,
    /// Whether a run is over so soon that others may wait for it, and does nothing of the user's.
    pub(crate) is_brief: bool,
    /// The steps of a brief plan as a line, if they can be one.
    pub(crate) line: Option<RunLine>,
    /// The node whose value takes the most bytes of the arena, for errors.
    pub(crate) largest: Option<NodeId>,
    pub(crate) arena_bytes: usize,
    /// What the arena would take if no memory were used twice.
    pub(crate) arena_bytes_without_reuse: usize,
}

/// The id of one more plan of this process.
fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Whether and when regions are compiled to machine code, where they can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MachineCode {
    Never,
    /// When the plan is made.
    AtOnce,
    /// When [`Plan::compile`] is called. What the plan calls, which one run may do many times, is compiled when it is made.
    Later,
}

/// How plans are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// The instruction set of the kernels, which the machine must have.
    pub(crate) isa: Isa,
    /// Whether instructions are grouped into regions.
    pub(crate) fuse: bool,
    pub(crate) machine_code: MachineCode,
    /// Nanoseconds that several threads must save, or a plan runs on the caller's thread alone; else steps may run at
    /// once, which forbids some reuse of memory.
    pub(crate) inline_below: f64,
    /// Whether another plan runs this one, maybe again and again.
    pub(crate) is_called: bool,
}

/// Plans a program that is fed arrays of the given types and lengths, with constants that it shares with other plans;
/// unless its values take more bytes than can be addressed.
pub(crate) fn plan(
    program: &Program,
    options: Options,
    constants: &Constants,
    fed: &[(DType, Vec<usize>)],
) -> Result<Plan, Lacking> {
    let callees = plan_callees(program, options, constants)?;
    plan_calling(program, options, constants, fed, &callees)
}

/// The same for a program of which it is planned what it calls.
fn plan_calling(
    program: &Program,
    options: Options,
    constants: &Constants,
    fed: &[(DType, Vec<usize>)],
    callees: &Callees,
) -> Result<Plan, Lacking> {
    let (prepared, mut homes) = joins::prepare(program, options.fuse);
    let mut program = prepared.as_ref().unwrap_or(program);
    let mut layouts = layout::resolve(program, &homes);
    let isa = options.isa;
    let may_produce = |val: Val| {
        if program.inst(val).dims.len() != 2 {
            return false;
        }
        let product = product(program, &layouts, val);
        let split = product.split(product.kernel(isa));
        let panel_bytes = product.n.saturating_mul(split.rows).saturating_mul(product.dtype.size());
        panel_bytes <= MAX_PANEL_BYTES && cuts_by_rows(&product, split)
    };
    let mut groups = fuse::group(program, &layouts, &homes, options.fuse, &may_produce);
    let again = if options.fuse { fuse::recomputed(program, &layouts, &homes, &groups) } else { None };
    let again = again.map(|(again, of_joins, grouped)| {
        (homes, groups) = (of_joins, grouped);
        again
    });
    if let Some(again) = &again {
        program = again;
        layouts = layout::resolve(program, &homes);
    }
    let mut planner = Planner {
        program,
        outputs: if callees.is_empty() { HashMap::default() } else { outputs(program) },
        callees,
        layouts,
        homes: &homes,
        options,
        buffers: Vec::new(),
        buffer_of: HashMap::default(),
        shared: constants,
        constants: Vec::new(),
        steps: Vec::with_capacity(groups.len()),
        origins: Vec::with_capacity(program.insts.len()),
    };
    planner.place_values(&groups)?;
    for group in groups {
        planner.add_step(&group);
    }
    planner.finish(fed.to_vec())
}

/// Panels of rows from which a product needs no panels of columns beside them: as many as most machines have
/// threads.
const ENOUGH_ROW_PANELS: usize = 8;

/// Bytes of a panel of whole rows that stays in the second-level cache until what follows has read it.
const MAX_PANEL_BYTES: usize = 1 << 20;

/// Whether panels of whole rows are as good as those of the split.
fn cuts_by_rows(product: &Product, split: Split) -> bool {
    split.columns >= product.n || product.m.div_ceil(split.rows) >= ENOUGH_ROW_PANELS
}

/// The product that an instruction is, or each of its batch.
fn product(program: &Program, layouts: &[Layout], val: Val) -> Product {
    let inst = program.inst(val);
    let [left, right] = [inst.args[0], inst.args[1]];
    let last_two = |dims: &[usize]| [dims[dims.len() - 2], dims[dims.len() - 1]];
    let strides = |val: Val| {
        let strides = &layouts[val.index()].strides;
        // None goes backwards, as `layout::resolve` has seen to.
        let [row, column] = [2, 1].map(|last| strides[strides.len() - last].unsigned_abs());
        gemm::Strides { row, column }
    };
    let ([m, n], [_, k]) = (last_two(&inst.dims), last_two(&program.inst(left).dims));
    Product { dtype: inst.dtype, m, k, n, a: strides(left), b: strides(right), c_row: n }
}

struct Planner<'a> {
    program: &'a Program,
    callees: &'a Callees,
    /// What each call gives, by position, as far as it is read.
    outputs: HashMap<Val, Vec<Option<Val>>>,
    layouts: Vec<Layout>,
    homes: &'a Homes,
    options: Options,
    buffers: Vec<Buffer>,
    /// The buffer of each value that has one; keys are bases.
    buffer_of: HashMap<Val, BufferId>,
    shared: &'a Constants,
    constants: Vec<Arc<Constant>>,
    steps: Vec<Step>,
    origins: Vec<NodeId>,
}

/// A place in the arena that is yet to be decided.
const UNDECIDED: Place = Place::Arena(usize::MAX);

impl Planner<'_> {
    fn base(&self, val: Val) -> Val {
        self.layouts[val.index()].base
    }

    /// Where a value starts that other steps have made, or that lies in memory anyway.
    fn start(&self, val: Val) -> Start {
        let Layout { base, offset, .. } = &self.layouts[val.index()];
        Start { buffer: self.buffer_of[base], offset: offset * self.program.inst(val).dtype.size() }
    }

    fn add_buffer(&mut self, place: Place, bytes: usize) -> BufferId {
        self.buffers.push(Buffer { place, bytes });
        BufferId(self.buffers.len() as u32 - 1)
    }

    fn bytes(&self, val: Val) -> usize {
        let inst = self.program.inst(val);
        size(&inst.dims) * inst.dtype.size()
    }

    /// Gives a buffer to every value that is not consumed within one region.
    fn place_values(&mut self, groups: &[Group]) -> Result<(), Lacking> {
        // Which group produces a value, to see whether another one reads it.
        let mut group_of: Vec<Option<u32>> = vec![None; self.program.insts.len()];
        for (index, group) in (0..).zip(groups) {
            let producer = if let Group::Region { producer, .. } = group { producer.as_ref() } else { None };
            for &val in group.insts() {
                let is_outside = !matches!(group, Group::Region { .. }) || self.homes.get(val).is_some();
                if matches!(group, Group::Call(_)) {
                    // Its outputs are values of their own.
                    let outputs: Vec<Val> = self.outputs[&val].iter().flatten().copied().collect();
                    outputs.into_iter().try_for_each(|output| self.place(output))?;
                } else if is_outside || (Some(&val) != producer && self.accumulates(val)) {
                    self.place(val)?;
                }
                for &arg in &self.program.inst(val).args {
                    if self.homes.is_copy(arg) && group_of[arg.index()].is_none() {
                        // The join itself copies what this is a copy of.
                        self.place(self.base(self.program.inst(arg).args[0]))?;
                        continue;
                    }
                    let base = self.base(arg);
                    if group_of[base.index()] != Some(index) && !self.is_counted(group, val, base) {
                        self.place(base)?;
                    }
                }
                group_of[val.index()] = Some(index);
            }
        }
        for val in self.program.results() {
            if !self.program.inst(val).prim.runs_programs() {
                self.place(self.base(val))?;
            }
        }
        Ok(())
    }

    /// Whether a member of a region reads numbers that the region counts by itself. Products read operands where they lie.
    fn is_counted(&self, group: &Group, val: Val, base: Val) -> bool {
        matches!(self.program.inst(base).prim, Prim::Iota { .. })
            && matches!(group, Group::Region { .. })
            && self.program.inst(val).prim != Prim::Dot
    }

    /// Whether a member's value is complete only behind its region.
    fn accumulates(&self, val: Val) -> bool {
        match self.program.inst(val).prim {
            Prim::Reduce { .. } | Prim::Dot => {
                let part = fuse::part(self.program, &self.layouts, val);
                part.is_some_and(|part| part.member.accumulates())
            }
            // A value for each element is there with its element.
            _ => false,
        }
    }

    fn place(&mut self, base: Val) -> Result<(), Lacking> {
        if self.buffer_of.contains_key(&base) {
            return Ok(());
        }
        let inst = self.program.inst(base);
        if let Some(home) = self.homes.get(base) {
            self.place(home.join)?;
            let of = self.buffer_of[&home.join];
            let bytes = match &home.strides {
                Some(strides) => {
                    let axes = inst.dims.iter().copied().zip(strides.iter().copied());
                    reach(0, axes, inst.dtype.size()).map_or(0, |reach| reach.end)
                }
                None => self.bytes(base),
            };
            let place = Place::Part { of, offset: home.offset * inst.dtype.size() };
            let buffer = self.add_buffer(place, bytes);
            self.buffer_of.insert(base, buffer);
            return Ok(());
        }
        let place = match inst.prim {
            Prim::Feed(position) => Place::Feed(position as usize),
            Prim::Constant(index) => {
                let value = &self.program.constants[index as usize];
                let is_row_major = self.layouts[base.index()].strides == layout::row_major(&inst.dims);
                let order = if is_row_major { ElementOrder::RowMajor } else { ElementOrder::Transposed };
                let constant = self.shared.laid_out(value, order);
                self.hold(constant.map_err(|lacking| lacking.owned_by(Owner::Node(inst.origin)))?)
            }
            Prim::Scalar(number) => self.hold(Arc::new(Constant::row_major(&Arc::new(number.to_value())))),
            Prim::Iota { first } => {
                let numbers = counted(first, inst.dims[0]).map(Arc::new);
                let numbers = numbers.map_err(|lacking| lacking.owned_by(Owner::Node(inst.origin)))?;
                self.hold(Arc::new(Constant::row_major(&numbers)))
            }
            Prim::Read(variable) => Place::Variable(variable),
            Prim::RunCount => Place::RunCount,
            // A result that has no value: there is nothing to make.
            Prim::Nothing => {
                let nothing = Value::from(ArrayD::<bool>::default(IxDyn(&inst.dims)));
                self.hold(Arc::new(Constant::row_major(&Arc::new(nothing))))
            }
            _ => UNDECIDED,
        };
        let bytes = self.bytes(base);
        let buffer = self.add_buffer(place, bytes);
        self.buffer_of.insert(base, buffer);
        Ok(())
    }

    fn hold(&mut self, constant: Arc<Constant>) -> Place {
        self.constants.push(constant);
        Place::Constant(self.constants.len() - 1)
    }

    /// Decides where the new values of variables and the outputs are made: in the variable's own next buffer, or where
    /// the caller wants the output, where a step makes the value for it alone, by a copy otherwise.
    fn place_results(&mut self) {
        let mut written: Vec<bool> = vec![false; self.buffers.len()];
        for buffer in self.steps.iter().flat_map(|step| &step.writes) {
            written[buffer.index()] = true;
        }
        let commits = self.program.commits.iter().map(|&(variable, val)| (Place::Next(variable), val));
        let outputs = self.program.outputs.iter().enumerate();
        let outputs = outputs.map(|(position, &val)| (Place::Output(position), val));
        for (place, val) in commits.chain(outputs) {
            let (src, bytes) = (self.start(val), self.bytes(val));
            let index = src.buffer.index();
            let is_whole = self.buffers[index].bytes == bytes;
            if is_whole && written[index] && self.buffers[index].place == UNDECIDED {
                self.buffers[index].place = place;
                continue;
            }
            let dst = self.add_buffer(place, bytes);
            written.push(true);
            let kind = Kind::Copy { src, dst, bytes };
            let cost = order::moving_cost(bytes);
            let origins = self.list_origins([&val]);
            self.steps.push(Step { kind, reads: vec![src.buffer], writes: vec![dst], origins, cost });
        }
    }

    /// The plans of what the steps call.
    fn called(&self) -> impl Iterator<Item = &Arc<Plan>> {
        self.steps.iter().flat_map(|step| step.kind.called()).map(|(_, plan)| plan)
    }

    /// The node whose value takes the most bytes of the arena, be it inside of a call.
    fn largest(&self) -> Option<NodeId> {
        let computed = self.buffer_of.iter().filter_map(|(&val, buffer)| {
            let Buffer { place, bytes } = self.buffers[buffer.index()];
            (place == UNDECIDED).then_some((bytes, val))
        });
        // Of several, the last, in whatever order the table has them.
        let computed = computed.max().map(|(bytes, val)| (bytes, self.program.inst(val).origin));
        let called = self.called().filter_map(|plan| Some((plan.arena_bytes, plan.largest?)));
        computed.into_iter().chain(called).max_by_key(|&(bytes, _)| bytes).map(|(_, node)| node)
    }

    fn finish(mut self, fed: Vec<(DType, Vec<usize>)>) -> Result<Plan, Lacking> {
        self.place_results();
        let fetches = self.program.fetches.iter().map(|&val| {
            let inst = self.program.inst(val);
            FetchedValue { start: self.start(val), dtype: inst.dtype, dims: inst.dims.clone() }
        });
        let fetches: Vec<FetchedValue> = fetches.collect();
        // Nobody asks any more where values lie, and what is left to do takes memory of its own.
        self.layouts = Vec::new();
        let stored = self.buffers.iter().enumerate().filter_map(|(index, buffer)| match buffer.place {
            Place::Variable(variable) | Place::Next(variable) => Some((BufferId(index as u32), variable)),
            _ => None,
        });
        let (stored, mut variables): (Vec<BufferId>, Vec<VariableId>) = stored.unzip();
        variables.sort_unstable();
        variables.dedup();
        let outputs = self.buffers.iter().enumerate().filter_map(|(index, buffer)| match buffer.place {
            Place::Output(position) => Some((position, BufferId(index as u32))),
            _ => None,
        });
        let mut outputs: Vec<(usize, BufferId)> = outputs.collect();
        outputs.sort_unstable_by_key(|&(position, _)| position);
        let given = self.buffers.iter().enumerate().filter_map(|(index, buffer)| {
            matches!(buffer.place, Place::Feed(_) | Place::RunCount).then_some(BufferId(index as u32))
        });
        let given = given.collect();
        let kept: Vec<BufferId> = fetches.iter().map(|fetch| fetch.start.buffer).collect();
        self.steps = sequence::sequence(self.steps, &self.buffers, &kept);
        let largest = self.largest();
        let (memory, order) =
            memory::assign(&mut self.buffers, &self.steps, &kept, self.options.inline_below)
                .map_err(|lacking| lacking.owned_by(largest.map_or(Owner::Whole, Owner::Node)))?;
        let is_part = |buffer: &BufferId| matches!(self.buffers[buffer.index()].place, Place::Part { .. });
        let parts = (0..self.buffers.len() as u32).map(BufferId).filter(is_part).collect();
        let is_shared = |step: &Step| matches!(&step.kind, Kind::Kernel(call) if call.is_shared);
        let mut plan = Plan {
            is_for_one_thread: order.inline
                && !self.steps.iter().any(is_shared)
                && self.called().all(|plan| plan.is_for_one_thread),
            is_brief: order.inline && !self.options.is_called && order::is_brief(&self.steps),
            line: None,
            id: next_id(),
            buffers: self.buffers,
            steps: self.steps,
            origins: self.origins,
            fed,
            constants: self.constants,
            fetches,
            variables,
            stored,
            given,
            parts,
            commits: self.program.commits.iter().map(|&(variable, _)| variable).collect(),
            outputs: outputs.into_iter().map(|(_, buffer)| buffer).collect(),
            order,
            largest,
            arena_bytes: memory.bytes,
            arena_bytes_without_reuse: memory.bytes_without_reuse,
        };
        if self.options.machine_code == MachineCode::AtOnce {
            plan.compile(self.options);
        } else {
            plan.set_line();
        }
        debug_assert_eq!(plan.check(), Ok(()));
        Ok(plan)
    }
}
