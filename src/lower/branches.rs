//! Conditionals: each branch becomes a program of its own, and one instruction runs the one that is taken.

use foldhash::HashMap;

use super::calls::Operand;
use super::control::{Fed, Inside};
use super::specialise::{Specialiser, TOP};
use crate::element::DType;
use crate::error::{Fault, Result};
use crate::graph::op::Outputs;
use crate::graph::{BranchId, BranchRecord, ControlFault};
use crate::ir::{
    Branch, Branches, Callee, Dims, Identity, Lowering, NodeId, Prim, Program, ScalarValue, TensorId, Val,
    VariableId,
};
use crate::shape::TensorType;

/// What the run of a conditional gives, by what each branch gives of it.
pub(super) type GivenByBranches = HashMap<Vec<Option<TensorId>>, Val>;

impl Specialiser<'_> {
    /// Lowers the run of a conditional, unless that has been done, and gives what the node gives of it.
    pub(super) fn branches(
        &mut self,
        frame: usize,
        id: NodeId,
        of: BranchId,
        inputs: &[Val],
    ) -> Result<Outputs<Val>> {
        let record = self.arena.branch(of);
        let run = (frame, record.begun_by(id));
        if !self.given_by_branches.contains_key(&run) {
            let given = self.run_branches(run, record, inputs)?;
            self.given_by_branches.insert(run, given);
        }
        self.given_to(id, &record.outputs, &self.given_by_branches[&run])
    }

    /// Refuses a variable that a branch assigns and the run is fed: what it is left with is not what it is read as.
    fn check_not_fed(&self, run: (usize, NodeId), record: &BranchRecord, inputs: &[Val]) -> Result<()> {
        let is_fed = |&&(_, input): &&(VariableId, usize)| {
            run.0 == TOP && matches!(self.program.inst(inputs[input]).prim, Prim::Feed(_))
        };
        let Some(&(variable, _)) = record.writes.iter().find(is_fed) else { return Ok(()) };
        let variable = self.arena.variables[variable.index()].name.clone();
        Err(self.arena.blamed(run.1, Fault::op(ControlFault::Fed { variable })))
    }

    fn run_branches(
        &mut self,
        run: (usize, NodeId),
        record: &BranchRecord,
        inputs: &[Val],
    ) -> Result<GivenByBranches> {
        let wanted = self.frames[run.0].runs.branches.remove(&run.1).unwrap_or_default();
        self.check_not_fed(run, record, inputs)?;
        let mut insides = Vec::with_capacity(record.branches.len());
        for (index, branch) in record.branches.iter().enumerate() {
            let before = record.writes.iter().map(|&(_, input)| input);
            let fed = branch.inputs.iter().copied().chain(before).map(|input| self.as_it_is(inputs[input]));
            let fed: Vec<Fed> = fed.collect();
            let given: Vec<TensorId> = wanted.iter().filter_map(|output| output[index]).collect();
            insides.push(self.inside(run, &fed, |within| {
                let (bound, before) = within.bound.split_at(branch.inputs.len());
                let (mut outputs, left) = within.lowered_in_order(run, branch.body, bound, &given)?;
                outputs.extend(record.writes.iter().zip(before).map(|((variable, _), &before)| {
                    let left = left.iter().find(|(written, _)| written == variable);
                    left.map_or(before, |&(_, left)| left)
                }));
                Ok(outputs)
            })?);
        }
        let mut lanes = Vec::with_capacity(wanted.len());
        let mut types: Vec<Option<(DType, Dims)>> = vec![None; wanted.len()];
        for (position, output) in wanted.iter().enumerate() {
            let mut lane = None;
            for (index, inside) in insides.iter().enumerate().filter(|&(index, _)| output[index].is_some()) {
                let place = wanted[..position].iter().filter(|output| output[index].is_some()).count();
                let inst = inside.program.inst(inside.program.outputs[place]);
                let found = (inst.dtype, inst.dims.clone());
                let expected = types[position].get_or_insert_with(|| found.clone());
                if *expected != found {
                    let [expected, found] =
                        [&*expected, &found].map(|(dtype, dims)| TensorType::new(*dtype, dims.as_slice()));
                    let name = |index: usize| self.arena.body(record.branches[index].body).name.clone();
                    let first = output.iter().position(Option::is_some).unwrap_or_default();
                    let (branch, first, result) = (name(index), name(first), position);
                    let fault = ControlFault::Branch { branch, first, result, expected, found };
                    return Err(self.arena.blamed(run.1, Fault::op(fault)));
                }
                lane = lane.or_else(|| inside.lanes[place].clone());
            }
            lanes.push(lane);
        }
        let mut branches = Vec::with_capacity(insides.len());
        for (index, (inside, body)) in insides.into_iter().zip(&record.branches).enumerate() {
            let Inside { mut program, operands, types: fed, .. } = inside;
            let mut given = std::mem::take(&mut program.outputs).into_iter();
            for (output, of) in wanted.iter().zip(&types) {
                let val = match (output[index].and_then(|_| given.next()), of) {
                    (Some(val), _) => val,
                    (None, Some((dtype, dims))) => zeros(&mut program, run.1, *dtype, dims),
                    // Each output is given by one branch at least.
                    (None, None) => continue,
                };
                program.outputs.push(val);
            }
            // What variables are left with.
            program.outputs.extend(given);
            let name = self.arena.body(body.body).name.clone();
            let before = record.writes.iter().map(|&(_, input)| input);
            let inputs_of: Vec<usize> = body.inputs.iter().copied().chain(before).collect();
            branches.push((Callee::new(name, fed, program), operands, inputs_of));
        }

        // The operands of all branches, each once.
        let mut args: Vec<Val> = vec![inputs[0]];
        let mut position = |val: Val| {
            let place = args.iter().skip(1).position(|&arg| arg == val).map(|place| place + 1);
            place.unwrap_or_else(|| {
                args.push(val);
                args.len() - 1
            }) as u32
        };
        let mut to = Lowering::new(&mut self.program, run.1, Identity::default());
        let branches = branches.into_iter().map(|(callee, operands, inputs_of)| {
            let operands = operands.into_iter().map(|operand| match operand {
                Operand::Input(bound) => position(inputs[inputs_of[bound]]),
                Operand::RunCount => position(to.run_count()),
            });
            let operands = operands.collect();
            Branch { callee, operands }
        });
        let branches = branches.collect();
        let given = to.run_programs(Prim::Branch(Box::new(Branches { branches })), &args);
        self.note_lanes(&given, lanes);
        let left = given[wanted.len()..].iter();
        let assigned = record.writes.iter().zip(left).map(|(&(variable, _), &left)| (variable, left));
        self.assigned.insert(run, assigned.collect());
        Ok(wanted.into_iter().zip(given).collect())
    }
}

/// Zeros, in a program.
fn zeros(program: &mut Program, node: NodeId, dtype: DType, dims: &Dims) -> Val {
    let mut to = Lowering::new(program, node, Identity::default());
    let zero = to.number(ScalarValue::number(0.0, dtype));
    to.broadcast(zero, dims)
}
