//! Conditionals and loops of a part, whose bodies are parts of their own.
//!
//! Several nodes that give tensors of one run of a body are one item. What the branches of a conditional assign is assigned
//! behind it.

use super::part::{Branch, Item, Kind, Loop, Output, Part, Place, WalkError};
use super::walk::{TOP, Walker, Wanted};
use crate::graph::{BodyId, BranchRecord, LoopOutput, LoopRecord, LoopTrips, Role};
use crate::ir::{NodeId, TensorId, VariableId};
use crate::shape::TensorType;

impl<'a> Walker<'a, '_> {
    /// What a run of bodies gives to a node.
    pub(super) fn given_to(&self, run: (usize, NodeId), wanted: impl Iterator<Item = Wanted>) -> Vec<Output> {
        let given = self.given.get(&run).map_or(&[][..], Vec::as_slice);
        let of = |wanted: Wanted| given.iter().find(|(known, _)| *known == wanted).map(|&(_, output)| output);
        // What is wanted of a run was gathered from all nodes that give tensors of it.
        wanted.map(|wanted| of(wanted).unwrap_or((Place::MAX, 0))).collect()
    }

    /// What nodes want of one run, each once, with the types.
    fn wanted(&self, of_run: &[NodeId]) -> (Vec<Wanted>, Vec<TensorType>) {
        let (mut all, mut types) = (Vec::new(), Vec::new());
        for &id in of_run {
            let node = self.arena.node(id);
            let wanted: Vec<Wanted> = match node.role {
                Role::Branches(of) => {
                    self.arena.branch(of).outputs.iter().cloned().map(Wanted::Branches).collect()
                }
                Role::Loops(of) => self.arena.looped(of).outputs.iter().copied().map(Wanted::Loop).collect(),
                _ => Vec::new(),
            };
            for (wanted, of_type) in wanted.into_iter().zip(node.outputs.iter()) {
                if !all.contains(&wanted) {
                    all.push(wanted);
                    types.push(of_type.clone());
                }
            }
        }
        (all, types)
    }

    /// A body that is given values for what it takes, and others behind them.
    fn inside(&mut self, body: BodyId, is_ordered: bool, before: &[TensorId]) -> Walker<'a, '_> {
        let mut inside = Walker::new(self.arena, &mut *self.count, is_ordered);
        for bound in self.arena.body(body).bound() {
            inside.give(bound);
        }
        for &id in before {
            inside.push_given(id);
        }
        inside
    }

    /// The part of a body that gives tensors of it.
    fn body(&mut self, body: BodyId, wanted: &[TensorId]) -> Result<Part<'a>, WalkError> {
        let mut inside = self.inside(body, false, &[]);
        inside.visit_wanted(wanted, &[])?;
        let given = wanted.iter().filter_map(|&id| inside.frames[TOP].run.get(id)).collect();
        Ok(inside.finish(given))
    }

    /// A conditional, and behind it the assignments of what its branches assign; gives these.
    pub(super) fn branches(
        &mut self,
        run: (usize, NodeId),
        id: NodeId,
        record: &'a BranchRecord,
        of_run: &[NodeId],
        (inputs, control): (Vec<Output>, Vec<Place>),
    ) -> Result<Vec<(VariableId, Output)>, WalkError> {
        let arena = self.arena;
        let (wanted, mut types) = self.wanted(of_run);
        let variables = record.writes.iter().map(|&(variable, _)| &arena.variables[variable.index()]);
        let before: Vec<TensorId> = variables.map(|variable| variable.node.into()).collect();
        let mut branches = Vec::with_capacity(record.branches.len());
        for (index, branch) in record.branches.iter().enumerate() {
            let writers = &arena.body(branch.body).writers;
            let mut inside = self.inside(branch.body, true, &before);
            let tensors = wanted.iter().map(|wanted| match wanted {
                Wanted::Branches(of) => of[index],
                Wanted::Loop(_) => None,
            });
            let tensors: Vec<Option<TensorId>> = tensors.collect();
            inside.visit_wanted(&tensors.iter().copied().flatten().collect::<Vec<_>>(), writers)?;
            let (mut outputs, mut given) = (Vec::new(), Vec::new());
            for tensor in tensors {
                let there = tensor.and_then(|tensor| inside.frames[TOP].run.get(tensor));
                outputs.push(there.map(|_| given.len()));
                given.extend(there);
            }
            let left = inside.order.left();
            for (position, (variable, _)) in record.writes.iter().enumerate() {
                let there = left.iter().find(|(written, _)| written == variable);
                let first = inside.inputs.len() - before.len();
                outputs.push(Some(given.len()));
                given.push(there.map_or((inside.inputs[first + position], 0), |&(_, left)| left));
            }
            let inputs = branch.inputs.iter().copied().chain(record.writes.iter().map(|&(_, input)| input));
            branches.push(Branch { part: inside.finish(given), inputs: inputs.collect(), outputs });
        }
        types.extend(before.iter().map(|&variable| arena.tensor(variable).clone()));
        let node = arena.node(run.1);
        let name = self.frames[run.0].run.name_of(node).into_owned();
        let olds: Vec<Output> = record.writes.iter().map(|&(_, input)| inputs[input]).collect();
        let place = self.push(Item { node, kind: Kind::Branches(branches), name, inputs, control, types });
        let mut assigned = Vec::new();
        for ((position, &(variable, _)), old) in record.writes.iter().enumerate().zip(olds) {
            let record = &arena.variables[variable.index()];
            let assign = self.push(Item {
                node: arena.node(id),
                kind: Kind::Assign { variable, op: "assign" },
                name: format!("{}/assign_{}", self.items[place].name, record.name),
                inputs: vec![old, (place, (wanted.len() + position) as u32)],
                control: Vec::new(),
                types: vec![TensorType::new(record.dtype, record.dims.as_slice())],
            });
            assigned.push((variable, (assign, 0)));
        }
        let control: Vec<Place> = assigned.iter().map(|&(_, (place, _))| place).collect();
        let mut given = Vec::with_capacity(wanted.len());
        for (output, wanted) in (0_u32..).zip(wanted) {
            // Whoever uses what the conditional gives has it assign.
            let there = if control.is_empty() {
                (place, output)
            } else {
                let of_type = self.items[place].types[output as usize].clone();
                let behind = self.push(Item {
                    node,
                    kind: Kind::Behind,
                    name: format!("{}/output_{output}", self.items[place].name),
                    inputs: vec![(place, output)],
                    control: control.clone(),
                    types: vec![of_type],
                });
                (behind, 0)
            };
            given.push((wanted, there));
        }
        self.given.insert(run, given);
        Ok(assigned)
    }

    /// A loop.
    pub(super) fn looped(
        &mut self,
        run: (usize, NodeId),
        id: NodeId,
        record: &'a LoopRecord,
        of_run: &[NodeId],
        (inputs, control): (Vec<Output>, Vec<Place>),
    ) -> Result<(), WalkError> {
        let arena = self.arena;
        let (wanted, types) = self.wanted(of_run);
        let outputs = wanted.iter().filter_map(|wanted| match wanted {
            Wanted::Loop(output) => Some(*output),
            Wanted::Branches(_) => None,
        });
        let outputs: Vec<LoopOutput> = outputs.collect();
        let rows = outputs.iter().filter_map(|output| match output {
            LoopOutput::Stacked(row) => Some(*row),
            LoopOutput::Last(_) | LoopOutput::Ticks => None,
        });
        let next = arena.body(record.body).results[..record.states()].iter().copied();
        let body = self.body(record.body, &next.chain(rows).collect::<Vec<_>>())?;
        let condition = match record.trips {
            LoopTrips::While { condition, .. } => Some(self.body(condition, &arena.body(condition).results)?),
            LoopTrips::Fixed(_) | LoopTrips::Rows(_) | LoopTrips::Tapes(_) => None,
        };
        let name = self.frames[run.0].run.name_of(arena.node(run.1)).into_owned();
        let kind = Kind::Loop(Box::new(Loop { record, body, condition, outputs }));
        let place = self.push(Item { node: arena.node(id), kind, name, inputs, control, types });
        let given = wanted.into_iter().zip(0..).map(|(wanted, output)| (wanted, (place, output)));
        self.given.insert(run, given.collect());
        Ok(())
    }
}
