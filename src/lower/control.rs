//! Bodies of conditionals and loops: each becomes a program of its own, that is fed what the body is given.
//!
//! What a run of the bodies gives is what all nodes that ask for tensors of it use, and nothing else.

use std::hash::Hash;
use std::rc::Rc;

use foldhash::HashMap;
use smallvec::SmallVec;

use super::calls::{Operand, renumber_feeds};
use super::order::Order;
use super::specialise::{Specialiser, UNVISITED, with_checks};
use crate::element::DType;
use crate::error::Result;
use crate::graph::BodyId;
use crate::graph::op::Outputs;
use crate::ir::{Dims, Identity, Lowering, NodeId, Prim, Program, ScalarValue, TensorId, Val, VariableId};

/// What the rows of a tape are.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) dtype: DType,
    pub(super) dims: Dims,
    /// If they are handles of tapes, what the rows of these are.
    pub(super) inner: Option<Rc<Lane>>,
}

/// By handle, or array of handles, of the program that is being lowered.
pub(super) type Lanes = HashMap<Val, Rc<Lane>>;

/// What a body is given when it is lowered to a program of its own.
#[derive(Clone, Debug)]
pub(super) enum Fed {
    Number(ScalarValue),
    Array(DType, Dims, Option<Rc<Lane>>),
}

/// A body as a program of its own.
pub(super) struct Inside {
    pub(super) program: Program,
    /// What the program is fed, by position, and of which type.
    pub(super) operands: Vec<Operand>,
    pub(super) types: Vec<(DType, Dims)>,
    /// Of its outputs, what the rows of tapes are.
    pub(super) lanes: Vec<Option<Rc<Lane>>>,
}

impl Specialiser<'_> {
    /// What a node gives of a run, by what the run gives of it all; it must be of the types that the node has promised.
    pub(super) fn given_to<K: Eq + Hash>(
        &self,
        id: NodeId,
        outputs: &[K],
        given: &HashMap<K, Val>,
    ) -> Result<Outputs<Val>> {
        let node = self.arena.node(id);
        let val = |output| given.get(output).copied().unwrap_or(UNVISITED);
        let vals: Outputs<Val> = outputs.iter().map(val).collect();
        let used = vals.iter().zip(node.outputs.iter()).filter(|&(&val, _)| val != UNVISITED);
        used.into_iter().try_for_each(|(&val, promised)| {
            self.check_lowered(node, &[val], std::slice::from_ref(promised), None)
        })?;
        Ok(vals)
    }

    pub(super) fn note_lanes(&mut self, vals: &[Val], lanes: Vec<Option<Rc<Lane>>>) {
        let known = vals.iter().zip(lanes).filter_map(|(&val, lane)| Some((val, lane?)));
        self.lanes.extend(known);
    }

    /// What a body is given that takes a value as it is.
    pub(super) fn as_it_is(&self, val: Val) -> Fed {
        let inst = self.program.inst(val);
        match inst.prim {
            Prim::Scalar(number) if !self.lanes.contains_key(&val) => Fed::Number(number),
            _ => Fed::Array(inst.dtype, inst.dims.clone(), self.lanes.get(&val).cloned()),
        }
    }

    /// Lowers something of bodies to a program of its own, which is fed this and gives the outputs.
    pub(super) fn inside(
        &mut self,
        run: (usize, NodeId),
        fed: &[Fed],
        lower: impl FnOnce(&mut Within<'_, '_>) -> Result<Vec<Val>>,
    ) -> Result<Inside> {
        let around = std::mem::take(&mut self.program);
        let lanes_around = std::mem::take(&mut self.lanes);
        let mut inside = Lowering::new(&mut self.program, run.1, Identity::default());
        let mut bound: SmallVec<[Val; 8]> = SmallVec::new();
        for (position, fed) in fed.iter().enumerate() {
            bound.push(match fed {
                Fed::Number(number) => inside.number(*number),
                Fed::Array(dtype, dims, _) => inside.feed(position, *dtype, dims.clone()),
            });
        }
        for (&val, fed) in bound.iter().zip(fed) {
            if let Fed::Array(_, _, Some(lane)) = fed {
                self.lanes.insert(val, Rc::clone(lane));
            }
        }
        let outputs = lower(&mut Within { of: self, bound: &bound });
        let mut program = std::mem::replace(&mut self.program, around);
        let lanes = std::mem::replace(&mut self.lanes, lanes_around);
        program.outputs = outputs?;
        let lanes = program.outputs.iter().map(|val| lanes.get(val).cloned()).collect();
        let mut program = with_checks(program);
        let (operands, types) = renumber_feeds(&mut program);
        Ok(Inside { program, operands, types, lanes })
    }
}

/// What variables are left with.
pub(super) type Assigned = Vec<(VariableId, Val)>;

/// A program that is being lowered, and what it is fed.
pub(super) struct Within<'s, 'a> {
    pub(super) of: &'s mut Specialiser<'a>,
    pub(super) bound: &'s [Val],
}

impl Within<'_, '_> {
    /// Lowers tensors of a body that is given this.
    pub(super) fn lowered(
        &mut self,
        run: (usize, NodeId),
        body: BodyId,
        bound: &[Val],
        wanted: &[TensorId],
    ) -> Result<Vec<Val>> {
        let needed = self.of.needed(body, wanted);
        let frame = self.of.enter(run, body, bound);
        self.of.lower_needed(frame, &needed, wanted)?;
        Ok(wanted.iter().map(|&tensor| self.of.frames[frame].run.get(tensor)).collect())
    }

    /// The same of a branch, and what it leaves in the variables that it assigns.
    pub(super) fn lowered_in_order(
        &mut self,
        run: (usize, NodeId),
        body: BodyId,
        bound: &[Val],
        wanted: &[TensorId],
    ) -> Result<(Vec<Val>, Assigned)> {
        let arena = self.of.arena;
        let writers = arena.body(body).writers.iter().map(|&writer| TensorId::from(writer));
        let all: Vec<TensorId> = wanted.iter().copied().chain(writers).collect();
        let needed = self.of.needed(body, &all);
        let frame = self.of.enter(run, body, bound);
        self.of.frames[frame].is_ordered = true;
        let around = std::mem::replace(&mut self.of.order, Order::of(arena.variables.len()));
        let lowered = self.of.lower_needed(frame, &needed, &all);
        let order = std::mem::replace(&mut self.of.order, around);
        lowered?;
        let vals = wanted.iter().map(|&tensor| self.of.frames[frame].run.get(tensor)).collect();
        Ok((vals, order.left()))
    }
}
