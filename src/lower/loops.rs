//! Loops: the body becomes a program of its own, which one instruction runs again and again.
//!
//! The condition of a loop is lowered twice: for the first state around the loop, and behind the body for the next one,
//! so that one program makes an iteration.

use std::rc::Rc;

use foldhash::HashMap;

use super::calls::Operand;
use super::control::{Fed, Inside, Lane, Within};
use super::specialise::Specialiser;
use crate::element::DType;
use crate::error::{Error, Fault, Result};
use crate::graph::op::Outputs;
use crate::graph::{Binding, ControlFault, LoopId, LoopOutput, LoopRecord, LoopTrips, Numbering};
use crate::ir::{
    self, Callee, Dims, Identity, Loop, LoopOperand, Lowering, LoweringError, NodeId, Prim, Program,
    TensorId, Trips, Val,
};
use crate::shape::TensorType;

impl Specialiser<'_> {
    /// Lowers the run of a loop, unless that has been done, and gives what the node gives of it.
    pub(super) fn looped(
        &mut self,
        frame: usize,
        id: NodeId,
        of: LoopId,
        inputs: &[Val],
    ) -> Result<Outputs<Val>> {
        let record = self.arena.looped(of);
        let run = (frame, record.begun_by(id));
        if !self.given_by_loops.contains_key(&run) {
            let given = self.run_loop(run, record, inputs)?;
            self.given_by_loops.insert(run, given);
        }
        self.given_to(id, &record.outputs, &self.given_by_loops[&run])
    }

    fn rows_of(&self, array: Val) -> usize {
        self.program.inst(array).dims.first().copied().unwrap_or_default()
    }

    /// How often a loop runs, if it is known, and an error if arrays have other numbers of rows.
    fn known_trips(&self, id: NodeId, record: &LoopRecord, inputs: &[Val]) -> Result<Option<usize>> {
        let rows_of = |input: usize| self.rows_of(inputs[input]);
        let known = match record.trips {
            LoopTrips::Fixed(count) => count,
            LoopTrips::Rows(input) => rows_of(input),
            LoopTrips::While { .. } | LoopTrips::Tapes(_) => return Ok(None),
        };
        let first = record.bindings.iter().position(|&binding| binding == Binding::Row).unwrap_or_default();
        for (input, _) in record.bindings.iter().enumerate().filter(|&(_, &binding)| binding == Binding::Row)
        {
            let found = rows_of(input);
            if found != known {
                let fault = ControlFault::Rows { array: input - first, expected: known, found };
                return Err(self.arena.blamed(id, Fault::op(fault)));
            }
        }
        Ok(Some(known))
    }

    fn run_loop(
        &mut self,
        run: (usize, NodeId),
        record: &LoopRecord,
        inputs: &[Val],
    ) -> Result<HashMap<LoopOutput, Val>> {
        let wanted = self.frames[run.0].runs.loops.remove(&run.1).unwrap_or_default();
        let known = self.known_trips(run.1, record, inputs)?;
        let fed = self.fed_by_loop(run.1, record, inputs, known.is_some())?;
        let stacked = wanted.iter().filter_map(|output| match output {
            LoopOutput::Stacked(row) => Some(*row),
            LoopOutput::Last(_) | LoopOutput::Ticks => None,
        });
        let stacked: Vec<TensorId> = stacked.collect();
        let ticks = wanted.contains(&LoopOutput::Ticks);
        let inside = self.iteration(run, record, &fed, &stacked, ticks)?;
        self.check_state(run.1, record, &inside.program, inputs)?;
        let vals = self.emit_loop(run, record, inside, inputs, known)?;
        let last = (0..record.states()).map(LoopOutput::Last);
        let stacks = stacked.into_iter().map(LoopOutput::Stacked).chain(ticks.then_some(LoopOutput::Ticks));
        Ok(last.chain(stacks).zip(vals).collect())
    }

    /// What the program of an iteration is fed: what the body is given, and what the condition captures.
    fn fed_by_loop(
        &self,
        id: NodeId,
        record: &LoopRecord,
        inputs: &[Val],
        is_known: bool,
    ) -> Result<Vec<Fed>> {
        let bound = self.arena.body(record.body).bound();
        let given = record.bindings.iter().zip(bound).zip(inputs).map(|((binding, bound), &input)| {
            let inst = self.program.inst(input);
            let lane = || self.lanes.get(&input).cloned();
            Ok(match binding {
                Binding::State => Fed::Array(inst.dtype, inst.dims.clone(), lane()),
                Binding::Whole => self.as_it_is(input),
                Binding::Row if is_known => Fed::Array(inst.dtype, Dims::from_slice(&inst.dims[1..]), lane()),
                Binding::Row => self.tape_row(id, bound, lane())?,
            })
        });
        let captured = self.captured(record, inputs).iter().map(|&input| Ok(self.as_it_is(input)));
        given.chain(captured).collect()
    }

    /// The inputs of a loop that its condition captures.
    fn captured<'v>(&self, record: &LoopRecord, inputs: &'v [Val]) -> &'v [Val] {
        let LoopTrips::While { condition, .. } = record.trips else { return &[] };
        let first = record.bindings.len();
        &inputs[first..first + self.arena.body(condition).captures.len()]
    }

    /// What a body is given of a tape: its row, whose lengths the tape knows, or else the graph.
    fn tape_row(&self, id: NodeId, parameter: TensorId, lane: Option<Rc<Lane>>) -> Result<Fed> {
        if let Some(lane) = lane {
            return Ok(Fed::Array(lane.dtype, lane.dims.clone(), lane.inner.clone()));
        }
        let of = self.arena.tensor(parameter);
        if let Some(dims) = of.shape.known() {
            return Ok(Fed::Array(of.dtype, Dims::from_slice(&dims), None));
        }
        let reason = LoweringError::UnknownLength { found: Box::new(of.clone()), inputs: Vec::new() };
        Err(Error::Lowering { site: self.arena.node(id).site(), reason })
    }

    /// Lowers an iteration to a program: the next state, whether to go on, and the rows of stacks.
    fn iteration(
        &mut self,
        run: (usize, NodeId),
        record: &LoopRecord,
        fed: &[Fed],
        stacked: &[TensorId],
        ticks: bool,
    ) -> Result<Inside> {
        let (states, bound) = (record.states(), record.bindings.len());
        let next = &self.arena.body(record.body).results[..states];
        let given = [next, stacked].concat();
        self.inside(run, fed, |within| {
            let (of_body, of_condition) = within.bound.split_at(bound);
            let mut outputs = within.lowered(run, record.body, of_body, &given)?;
            let state = outputs[..states].to_vec();
            outputs.splice(states..states, within.condition(run, record, &state, of_condition)?);
            if ticks {
                let nothing = Lowering::new(&mut within.of.program, run.1, Identity::default()).nothing();
                outputs.push(nothing);
            }
            Ok(outputs)
        })
    }

    /// The state must be of the same types and lengths behind an iteration as before it.
    fn check_state(&self, id: NodeId, record: &LoopRecord, program: &Program, inputs: &[Val]) -> Result<()> {
        let next = program.outputs[..record.states()].iter().map(|&val| program.inst(val));
        let first = inputs.iter().map(|&val| self.program.inst(val));
        for (component, (first, next)) in first.zip(next).enumerate() {
            if (first.dtype, &first.dims) != (next.dtype, &next.dims) {
                let [expected, found] =
                    [first, next].map(|inst| TensorType::new(inst.dtype, inst.dims.as_slice()));
                let fault = ControlFault::State { component, expected, found };
                return Err(self.arena.blamed(id, Fault::op(fault)));
            }
        }
        Ok(())
    }

    /// Emits the instruction that runs the program of an iteration again and again; gives what it gives.
    fn emit_loop(
        &mut self,
        run: (usize, NodeId),
        record: &LoopRecord,
        Inside { program, operands, types, lanes }: Inside,
        inputs: &[Val],
        known: Option<usize>,
    ) -> Result<Vec<Val>> {
        let states = record.states();
        let captured = self.captured(record, inputs);
        let rows = known.unwrap_or_default();
        let numbering = match record.numbering {
            Numbering::Rows => ir::Numbering::From(0),
            Numbering::Behind(input) => ir::Numbering::From(self.rows_of(inputs[input]) - rows),
            Numbering::Blocks => ir::Numbering::Blocks,
            Numbering::WithinBlock => ir::Numbering::WithinBlock(rows),
        };
        let mut args: Vec<Val> = inputs[..states].to_vec();
        let begins = Within { of: self, bound: &[] }.condition(run, record, &inputs[..states], captured)?;
        args.extend(begins);
        let mut to = Lowering::new(&mut self.program, run.1, Identity::default());
        let mut push = |val: Val| {
            args.push(val);
            args.len() as u32 - 1
        };
        let operands = operands.into_iter().map(|operand| match operand {
            Operand::RunCount => LoopOperand::RunCount(push(to.run_count())),
            Operand::Input(position) => match record.bindings.get(position) {
                Some(Binding::State) => LoopOperand::State(position as u32),
                Some(Binding::Row) if known.is_some() => LoopOperand::Row(push(inputs[position])),
                Some(Binding::Row) => LoopOperand::TapeRow(push(inputs[position])),
                Some(Binding::Whole) | None => LoopOperand::Whole(push(inputs[position])),
            },
        });
        let operands = operands.collect();
        let trips = match &record.trips {
            LoopTrips::While { most, .. } => Trips::While { most: *most },
            LoopTrips::Tapes(tapes) => Trips::Tapes(tapes.iter().map(|&tape| push(inputs[tape])).collect()),
            LoopTrips::Fixed(_) | LoopTrips::Rows(_) => Trips::Known(rows),
        };
        let name = self.arena.body(record.body).name.clone();
        let of = Loop {
            callee: Callee::new(name, types, program),
            operands,
            states: states as u32,
            trips,
            reverse: record.reverse,
            numbering,
        };
        let rows: Vec<(DType, Dims)> = of.rows().map(|row| (row.dtype, row.dims.clone())).collect();
        let first_row = of.before_stacks();
        let vals = to.run_programs(Prim::Loop(Box::new(of)), &args);
        let stacks = lanes[first_row..].iter().zip(rows).map(|(lane, (dtype, dims))| {
            if record.stacks_tapes() {
                Some(Rc::new(Lane { dtype, dims, inner: lane.clone() }))
            } else {
                lane.clone()
            }
        });
        let lanes = lanes[..states].iter().cloned().chain(stacks).collect();
        self.note_lanes(&vals, lanes);
        Ok(vals)
    }
}

impl Within<'_, '_> {
    /// Lowers the condition of a loop, if it has one, for a state and what the condition captures.
    fn condition(
        &mut self,
        run: (usize, NodeId),
        record: &LoopRecord,
        state: &[Val],
        captured: &[Val],
    ) -> Result<Vec<Val>> {
        let LoopTrips::While { condition, .. } = record.trips else { return Ok(Vec::new()) };
        let arena = self.of.arena;
        self.lowered(run, condition, &[state, captured].concat(), &arena.body(condition).results)
    }
}
