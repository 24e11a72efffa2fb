//! [`Body`]: what the arena holds of a function beside its nodes, and what can be told of it.
//!
//! A body is open while it is being built, and does not change once it is closed, but for nodes that give more of what it
//! has computed (see [`gradient::function`](crate::gradient)).

use foldhash::{HashMap, HashSet};

use super::{Arena, FunctionFault, NodeId, Role, TensorId, Walk};
use crate::error::Fault;
use crate::shape::TensorType;

/// Index of a body in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BodyId(pub(super) u32);

/// Index of a call in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CallId(pub(super) u32);

/// Functions that may call each other, one inside the other. Lowering and shape rules go down by a stack frame of the
/// thread for each; nobody writes programs of more, and a test goes to the end on a small stack.
const MAX_DEPTH: u32 = 64;

/// Calls that one call may come to, those inside of the called functions included. The gradient of each keeps values of
/// its own, so functions that call each other twice are soon more than any graph holds. Loops of more steps are written
/// as that many calls.
const MAX_CALLS: usize = 1 << 16;

/// Refuses a node that runs bodies of so many functions inside each other, which make so many calls.
pub(super) fn check_bounds(depth: u32, calls: usize) -> Result<(), Fault> {
    if depth >= MAX_DEPTH {
        let (what, most) = ("functions inside each other", MAX_DEPTH as usize);
        return Err(Fault::TooMany { what, count: depth as usize + 1, most });
    }
    if calls >= MAX_CALLS {
        let (what, count) = ("calls of functions inside one call", calls.saturating_add(1));
        return Err(Fault::TooMany { what, count, most: MAX_CALLS });
    }
    Ok(())
}

/// A function's body.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    /// The body whose tensors its nodes may use: the one around it, or for a gradient the one that it is of.
    pub(super) uses: Option<BodyId>,
    pub(crate) name: String,
    pub(super) nodes: Vec<NodeId>,
    /// Whether variables may be assigned inside: in branches that are in no function and in no loop.
    pub(super) may_assign: bool,
    /// The nodes that assign, which run whatever is asked of the body.
    pub(crate) writers: Vec<NodeId>,
    pub(crate) parameters: Vec<TensorId>,
    /// What it uses from outside, each once, in the order in which it is first used.
    pub(crate) captures: Vec<TensorId>,
    /// The operations outside that its nodes run after.
    pub(super) control: Vec<NodeId>,
    pub(crate) results: Vec<TensorId>,
    /// How many functions it calls, one inside the other.
    pub(super) depth: u32,
    /// How many calls a call of it makes in all.
    pub(super) calls: usize,
    pub(super) is_closed: bool,
}

impl Body {
    pub(super) fn open(uses: Option<BodyId>, name: String, may_assign: bool) -> Self {
        Body {
            uses,
            name,
            nodes: Vec::new(),
            may_assign,
            writers: Vec::new(),
            parameters: Vec::new(),
            captures: Vec::new(),
            control: Vec::new(),
            results: Vec::new(),
            depth: 0,
            calls: 0,
            is_closed: false,
        }
    }

    /// What a call gives values to, in the order of its inputs.
    pub(crate) fn bound(&self) -> impl Iterator<Item = TensorId> + '_ {
        self.parameters.iter().chain(&self.captures).copied()
    }
}

/// What is called by a node.
#[derive(Clone, Debug)]
pub(crate) struct CallRecord {
    pub(crate) body: BodyId,
    /// What the node gives: the body's results, or other tensors of the body.
    pub(crate) results: Vec<TensorId>,
    /// The node whose run of the body it is: its own, or that of an earlier call of which it gives more.
    pub(crate) origin: Option<NodeId>,
    /// The node of whose random numbers it draws the same: its own, or that of which it does again what it did.
    pub(crate) draws_as: Option<NodeId>,
}

/// What a body does between an input of its calls and their outputs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Path {
    /// Whether a gradient can pass.
    pub(crate) passes: bool,
    /// Whether it is 0 at elements that a condition did not take.
    pub(crate) zero_where_untaken: bool,
}

/// What a gradient function is of: the body, the tensors that are differentiated, and the inputs that get shares; and
/// whether the cotangents may be 0 at elements that were not taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GradientKey {
    pub(crate) body: BodyId,
    pub(crate) ys: Vec<TensorId>,
    pub(crate) inputs: Vec<usize>,
    pub(crate) zero_where_untaken: bool,
}

/// A gradient function, and the inputs to which its results are the shares.
#[derive(Clone, Debug)]
pub(crate) struct GradientOf {
    pub(crate) body: BodyId,
    pub(crate) inputs: Vec<usize>,
}

/// Types of tensors of bodies that have been inferred for the types of their inputs.
type Inferred = HashMap<(BodyId, Vec<TensorId>, Vec<TensorType>), Vec<TensorType>>;

impl Arena {
    pub(crate) fn body(&self, BodyId(index): BodyId) -> &Body {
        &self.bodies[index as usize]
    }

    pub(crate) fn call(&self, CallId(index): CallId) -> &CallRecord {
        &self.calls[index as usize]
    }

    /// How many calls a node is, with those that its bodies make; none if it gives more of another node's run.
    pub(crate) fn calls_of(&self, role: Role) -> usize {
        if self.has_origin(role) {
            return 0;
        }
        let bodies = self.bodies_of(role).into_iter().map(|body| self.body(body).calls.saturating_add(1));
        bodies.fold(0, usize::saturating_add)
    }

    /// How many bodies lie within each other in what a node runs.
    pub(super) fn depth_of(&self, role: Role) -> u32 {
        self.bodies_of(role).into_iter().map(|body| self.body(body).depth + 1).max().unwrap_or_default()
    }

    /// The body that a tensor belongs to, if it is one of a function's.
    pub(crate) fn body_of(&self, id: TensorId) -> Option<BodyId> {
        self.node(id.node).body
    }

    /// Whether a node of one body, or of none, may use a tensor of another.
    pub(super) fn is_in_reach(&self, of: Option<BodyId>, mut from: Option<BodyId>) -> bool {
        loop {
            match from {
                _ if of == from => return true,
                None => return false,
                Some(body) => from = self.body(body).uses,
            }
        }
    }

    /// The operations that what runs a body must run after, if it stands in another. A gradient of a body may hold loops
    /// that were built behind operations of that body; it runs behind the whole of it, and so behind them.
    pub(super) fn control_from(&self, body: &Body, from: Option<BodyId>) -> Vec<NodeId> {
        let control = body.control.iter().copied();
        control.filter(|&node| self.is_in_reach(self.node(node).body, from)).collect()
    }

    /// Finishes a body: finds what its results need from outside.
    pub(super) fn close(&mut self, id: BodyId, results: Vec<TensorId>) {
        let is_outside = |tensor: TensorId| self.body_of(tensor) != Some(id);
        let writes = |node: &&NodeId| self.assigns(self.node(**node).role);
        let writers: Vec<NodeId> = self.body(id).nodes.iter().filter(writes).copied().collect();
        let wanted = results.iter().copied().chain(writers.iter().map(|&writer| writer.into()));
        let needed = Walk::all(self).ancestors_short_of(wanted, is_outside);
        let mut seen: HashSet<TensorId> = HashSet::default();
        let used = needed.iter().flat_map(|&node| &self.node(node).inputs).chain(&results).copied();
        let captures: Vec<TensorId> = used.filter(|&used| is_outside(used) && seen.insert(used)).collect();
        let body = &mut self.bodies[id.0 as usize];
        (body.captures, body.results, body.writers, body.is_closed) = (captures, results, writers, true);
    }

    /// The nodes between what a call of a body gives values to and these tensors, ascending.
    fn between(&self, body: &Body, results: &[TensorId]) -> Vec<NodeId> {
        let bound: HashSet<TensorId> = body.bound().collect();
        Walk::data(self).ancestors_short_of(results.iter().copied(), |id| bound.contains(&id))
    }

    /// For each input of calls that give these tensors, what lies between.
    pub(super) fn paths(&self, id: BodyId, results: &[TensorId]) -> Vec<Path> {
        let body = self.body(id);
        let mut paths: HashMap<TensorId, Path> = HashMap::default();
        for &result in results {
            paths.entry(result).or_default().passes |= self.tensor(result).dtype.is_float();
        }
        for id in self.between(body, results).into_iter().rev() {
            let node = self.node(id);
            let of = |output| paths.get(&output).copied().unwrap_or_default();
            let outputs = id.outputs(node.outputs.len()).map(of);
            let below = outputs.fold(Path::default(), |all, of| Path {
                passes: all.passes | of.passes,
                zero_where_untaken: all.zero_where_untaken | of.zero_where_untaken,
            });
            for (position, &input) in node.inputs.iter().enumerate() {
                let passes =
                    below.passes && self.tensor(input).dtype.is_float() && node.op.differentiable(position);
                let path = paths.entry(input).or_default();
                path.passes |= passes;
                path.zero_where_untaken |= below.zero_where_untaken || node.op.zero_where_untaken(position);
            }
        }
        body.bound().map(|id| paths.get(&id).copied().unwrap_or_default()).collect()
    }

    /// The types of tensors of a body for inputs of these types.
    pub(super) fn infer_results(
        &self,
        id: BodyId,
        results: &[TensorId],
        inputs: &[TensorType],
    ) -> Result<Vec<TensorType>, Fault> {
        self.infer_once(id, results, inputs.to_vec(), &mut Inferred::default())
    }

    /// The same, which is done once for each body and types of inputs, however often it is called inside.
    fn infer_once(
        &self,
        id: BodyId,
        results: &[TensorId],
        inputs: Vec<TensorType>,
        inferred: &mut Inferred,
    ) -> Result<Vec<TensorType>, Fault> {
        let body = self.body(id);
        let as_built = body.bound().zip(&inputs).all(|(bound, input)| self.tensor(bound) == input);
        if as_built {
            return Ok(results.iter().map(|&result| self.tensor(result).clone()).collect());
        }
        let key = (id, results.to_vec(), inputs);
        if let Some(known) = inferred.get(&key) {
            return Ok(known.clone());
        }
        let mut types: HashMap<TensorId, TensorType> = body.bound().zip(key.2.iter().cloned()).collect();
        let type_of = |types: &HashMap<TensorId, TensorType>, id: TensorId| {
            types.get(&id).unwrap_or_else(|| self.tensor(id)).clone()
        };
        for id in self.between(body, results) {
            let node = self.node(id);
            let inputs: Vec<TensorType> = node.inputs.iter().map(|&input| type_of(&types, input)).collect();
            let outputs: Vec<TensorType> = if let Role::Calls(call) = node.role {
                let call = self.call(call);
                self.infer_once(call.body, &call.results, inputs, inferred)?
            } else {
                // The node knows where it is built; the call is where its argument came from.
                let inside =
                    |fault| Fault::op(FunctionFault::Call { site: node.site(), fault: Box::new(fault) });
                node.op.infer(&inputs.iter().collect::<Vec<_>>()).map_err(inside)?.to_vec()
            };
            types.extend(id.outputs(outputs.len()).zip(outputs));
        }
        let found: Vec<TensorType> = results.iter().map(|&result| type_of(&types, result)).collect();
        inferred.insert(key, found.clone());
        Ok(found)
    }
}
