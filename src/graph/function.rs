//! [`Function`]: a part of the graph with parameters and results, which can be called.
//!
//! The nodes of a function's body lie in the arena like all others, and say which body they belong to. What they use
//! from outside is captured: a call is a node whose inputs are the arguments and the captured tensors, and whose outputs
//! are the results. A body may be called inside another one, which then captures what it captures.
//!
//! - Building inside a body may use the tensors of the bodies around it; nothing outside may use those of a body.
//! - A body changes no variable. It reads those that it captures as its call sees them.

use std::fmt;
use std::panic::Location;

use super::context::{self, Context};
use super::op::{Call, Parameter};
use super::{AnyTensor, Arena, Graph, NewNode, NodeId, Role, TensorId, Tensors};
use crate::error::Fault;
use crate::shape::TensorType;

/// Index of a body in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BodyId(pub(super) u32);

/// Index of a call in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CallId(u32);

/// What the arena holds of a function's body beside its nodes.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    /// The body that it lies in, or for a gradient whose tensors it may use.
    pub(super) parent: Option<BodyId>,
    pub(crate) name: String,
    pub(crate) parameters: Vec<TensorId>,
    /// What it uses from outside, each once, in the order in which it is first used.
    pub(crate) captures: Vec<TensorId>,
    /// The operations outside that its nodes run after.
    pub(super) control: Vec<NodeId>,
    pub(crate) results: Vec<TensorId>,
}

/// What is called by a node.
#[derive(Clone, Debug)]
pub(crate) struct CallRecord {
    pub(crate) body: BodyId,
    /// What the node gives: the body's results, or other tensors of the body.
    pub(crate) results: Vec<TensorId>,
    /// The node whose run of the body it is: its own, or that of an earlier call of which it gives more.
    pub(crate) origin: Option<NodeId>,
}

/// What can be wrong with building inside of a function, or with what it holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionFault {
    /// A tensor of a function's body is used outside of it.
    #[error(
        "operand {operand}: expected a tensor from outside of `{function}` or a result of a call, got one of \
         its body"
    )]
    Inside {
        /// Position of the operand, counted from 0.
        operand: usize,
        /// Name of the function.
        function: String,
    },
    /// A variable is changed inside of a body.
    #[error(
        "expected the variable's new value as a result of the function, to be assigned outside, got an \
         assignment inside"
    )]
    Assign,
}

impl Arena {
    pub(crate) fn body(&self, BodyId(index): BodyId) -> &Body {
        &self.bodies[index as usize]
    }

    pub(crate) fn call(&self, CallId(index): CallId) -> &CallRecord {
        &self.calls[index as usize]
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
                Some(body) => from = self.body(body).parent,
            }
        }
    }

    /// Finishes a body: finds what its nodes use from outside.
    fn close(&mut self, id: BodyId, results: Vec<TensorId>) {
        let inside = Some(id);
        let mut captures: Vec<TensorId> = Vec::new();
        let mut seen = foldhash::HashSet::default();
        let nodes = self.nodes.iter().filter(|node| node.body == inside);
        for &used in nodes.flat_map(|node| &node.inputs).chain(&results) {
            if self.body_of(used) != inside && seen.insert(used) {
                captures.push(used);
            }
        }
        let body = &mut self.bodies[id.0 as usize];
        (body.captures, body.results) = (captures, results);
    }

    /// For each input, parameters and then captures, whether its gradient is 0 at elements that a condition inside did
    /// not take.
    fn masks(&self, id: BodyId, results: &[TensorId]) -> Vec<bool> {
        let body = self.body(id);
        let bound = || body.parameters.iter().chain(&body.captures);
        let edge: foldhash::HashSet<TensorId> = bound().copied().collect();
        let inside =
            super::Walk::data(self).ancestors_short_of(results.iter().copied(), |id| edge.contains(&id));
        let mut masked: foldhash::HashSet<TensorId> = foldhash::HashSet::default();
        for node_id in inside.into_iter().rev() {
            let node = self.node(node_id);
            let outputs = (0..node.outputs.len() as u32).map(|output| TensorId { node: node_id, output });
            let is_masked = outputs.into_iter().any(|output| masked.contains(&output));
            for (position, &input) in node.inputs.iter().enumerate() {
                if is_masked || node.op.masks(position) {
                    masked.insert(input);
                }
            }
        }
        bound().map(|id| masked.contains(id)).collect()
    }

    /// The types of tensors of a body for inputs, parameters and then captures, of these types.
    fn infer_results(
        &self,
        id: BodyId,
        results: &[TensorId],
        inputs: &[TensorType],
    ) -> Result<Vec<TensorType>, Fault> {
        let body = self.body(id);
        let bound = || body.parameters.iter().chain(&body.captures);
        let as_built = bound().zip(inputs).all(|(&bound, input)| self.tensor(bound) == input);
        if as_built {
            return Ok(results.iter().map(|&result| self.tensor(result).clone()).collect());
        }
        let mut types: foldhash::HashMap<TensorId, TensorType> =
            bound().copied().zip(inputs.iter().cloned()).collect();
        let is_bound = |id: TensorId| types.contains_key(&id);
        let needed = super::Walk::data(self).ancestors_short_of(results.iter().copied(), is_bound);
        for node_id in needed {
            let node = self.node(node_id);
            let inputs: Vec<TensorType> = node
                .inputs
                .iter()
                .map(|input| types.get(input).unwrap_or(self.tensor(*input)).clone())
                .collect();
            let outputs: Vec<TensorType> = match node.role {
                Role::Calls(call) => {
                    let call = self.call(call);
                    self.infer_results(call.body, &call.results, &inputs)?
                }
                _ => node.op.infer(&inputs.iter().collect::<Vec<_>>())?.to_vec(),
            };
            types.extend((0..).map(|output| TensorId { node: node_id, output }).zip(outputs));
        }
        Ok(results.iter().map(|result| types.get(result).unwrap_or(self.tensor(*result)).clone()).collect())
    }
}

/// A graph as a value: parameters, results, and what it captures of the graph around it; see [`Graph::function`].
#[derive(Clone, Debug)]
pub struct Function<'g, P, R> {
    graph: &'g Graph,
    body: BodyId,
    /// The parameters, for their structure.
    parameters: P,
    /// The results, tensors of the body, for their structure.
    results: R,
}

impl Graph {
    /// A function of tensors, built once and called any number of times. `like` says what it takes: a tensor, or a
    /// tuple, an array or a `Vec` of them, whose element types and shapes the parameters get; lengths that may differ
    /// from call to call are those that are not known. `build` makes the results out of the parameters, and of whatever
    /// tensors of the graph it uses beside them, which the function captures.
    ///
    /// A call is one node. It is lowered into the program of its caller, where it is rewritten and fused with what
    /// stands around it, and gradients pass through it, to arguments and captured tensors, to any order. Variables are
    /// read as the call sees them. Random numbers inside differ from call to call, unless they have a
    /// [seed of their own](Graph::seed_scope).
    ///
    /// # Errors
    /// It is a build error to change a variable inside, to use a tensor of the body outside of it other than as a
    /// result, and to call it with tensors of another element type or of shapes that do not fit the parameters'.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", ndarray::arr1(&[1.0_f64, 2.0]));
    /// let like = g.placeholder::<f64>("x", [None, Some(2)]);
    /// let score = g.function(like, |x| (x * w).reduce_sum(-1).tanh());
    ///
    /// let a = g.constant(ndarray::arr2(&[[0.1, 0.2], [0.3, 0.4]]));
    /// let b = g.constant(ndarray::arr2(&[[0.0, 1.0]]));
    /// let loss = score.call(a).reduce_sum(..) + score.call(b).reduce_sum(..);
    /// let [dw] = loss.gradients([w]);
    /// let expected = (a * w).reduce_sum(-1).tanh().reduce_sum(..) + (b * w).reduce_sum(-1).tanh().reduce_sum(..);
    /// let [expected] = expected.gradients([w]);
    /// let (dw, expected) = Session::new(&g)?.run((dw, expected))?;
    /// assert!((dw - expected).iter().all(|difference| difference.abs() < 1e-12));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn function<'g, P: Tensors<'g>, R: Tensors<'g>>(
        &'g self,
        like: P,
        build: impl FnOnce(P) -> R,
    ) -> Function<'g, P, R> {
        self.function_named("function", like, build)
    }

    /// The same under a name.
    #[track_caller]
    pub(crate) fn function_named<'g, P: Tensors<'g>, R: Tensors<'g>>(
        &'g self,
        name: &str,
        like: P,
        build: impl FnOnce(P) -> R,
    ) -> Function<'g, P, R> {
        let body = self.open_body(Context::of(self).body, name);
        let mut built = None;
        self.inside(body, || {
            let parameters = like.map(&mut |tensor| self.parameter(body, &TensorType::of(tensor)));
            // A copy of the handles: the closure takes its own.
            let results = build(parameters.map(&mut |tensor| tensor));
            built = Some((parameters, results));
        });
        // The closure has run.
        let Some((parameters, results)) = built else { unreachable!("a body is built at once") };
        self.close_body(body, results.flat());
        Function { graph: self, body, parameters, results }
    }

    /// A new body, whose nodes may use the tensors of another.
    pub(crate) fn open_body(&self, parent: Option<BodyId>, name: &str) -> BodyId {
        let name = Context::of(self).scoped(name);
        self.shared().write(|arena| {
            let name = arena.names.unique(name);
            let (parameters, captures, control, results) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            arena.bodies.push(Body { parent, name, parameters, captures, control, results });
            BodyId(arena.bodies.len() as u32 - 1)
        })
    }

    /// Builds inside of a body, under its name.
    pub(crate) fn inside<T>(&self, body: BodyId, build: impl FnOnce() -> T) -> T {
        let name = self.shared().read().body(body).name.clone();
        Context::entered(self, context::Frame::Scope(name.into()), || {
            Context::entered(self, context::Frame::Body(Some(body)), build)
        })
    }

    /// Builds where a node was built: inside of its body, or outside of all.
    pub(crate) fn beside<T>(&self, node: NodeId, build: impl FnOnce() -> T) -> T {
        let body = self.shared().read().node(node).body;
        Context::entered(self, context::Frame::Body(body), build)
    }

    /// One more parameter of the body that is being built.
    #[track_caller]
    pub(crate) fn parameter(&self, body: BodyId, of: &TensorType) -> AnyTensor<'_> {
        let parameter = self.apply_as(Parameter::new(of.clone()), Role::Parameter, &[]);
        self.shared().write(|arena| arena.bodies[body.0 as usize].parameters.push(parameter.id()));
        parameter
    }

    /// Finishes a body; a result that it cannot have becomes an invalid node.
    #[track_caller]
    pub(crate) fn close_body(&self, body: BodyId, results: Vec<AnyTensor<'_>>) {
        let mut own = Vec::with_capacity(results.len());
        for (operand, result) in results.into_iter().enumerate() {
            let fault = if result.is_of(self) {
                let arena = self.shared().read();
                let is_in_reach = arena.is_in_reach(arena.body_of(result.id()), Some(body));
                drop(arena);
                if is_in_reach { None } else { Some(self.out_of_reach(operand, result.id())) }
            } else {
                Some(Fault::OtherGraph { operand })
            };
            own.push(match fault {
                Some(fault) => self.invalid_any("function", fault).id(),
                None => result.id(),
            });
        }
        self.shared().write(|arena| arena.close(body, own));
    }

    /// What is wrong with building a new node where it is built: in a function's body, or in none.
    pub(super) fn refused_inside(
        &self,
        new: &NewNode,
        body: Option<BodyId>,
        inputs: &[TensorId],
    ) -> Option<Fault> {
        if body.is_some() && matches!(new, NewNode::Op(_, Role::Writes(_) | Role::WritesAll)) {
            return Some(Fault::op(FunctionFault::Assign));
        }
        let out_of_reach = {
            let arena = self.shared().read();
            let is_out = |&input: &TensorId| !arena.is_in_reach(arena.body_of(input), body);
            inputs.iter().position(is_out)
        };
        out_of_reach.map(|operand| self.out_of_reach(operand, inputs[operand]))
    }

    /// The control dependencies of a new node that are of its own body. Of those outside the whole body runs behind.
    pub(super) fn ordered_inside(&self, body: Option<BodyId>, control: Vec<NodeId>) -> Vec<NodeId> {
        if control.is_empty() {
            return control;
        }
        let (inside, outside): (Vec<NodeId>, Vec<NodeId>) = {
            let arena = self.shared().read();
            control.into_iter().partition(|&node| arena.node(node).body == body)
        };
        if let (Some(BodyId(index)), false) = (body, outside.is_empty()) {
            self.shared().write(|arena| {
                let known = &mut arena.bodies[index as usize].control;
                let new = outside.into_iter().filter(|node| !known.contains(node)).collect::<Vec<_>>();
                known.extend(new);
            });
        }
        inside
    }

    /// The fault of using a tensor of a body outside of it.
    pub(super) fn out_of_reach(&self, operand: usize, used: TensorId) -> Fault {
        let arena = self.shared().read();
        let function = arena.body_of(used).map(|body| arena.body(body).name.clone()).unwrap_or_default();
        Fault::op(FunctionFault::Inside { operand, function })
    }

    /// Calls a body: gives tensors of it for these inputs, parameters first and then captures. `origin` is an earlier
    /// call of the body with the same inputs, of whose run more is to be given.
    #[track_caller]
    pub(crate) fn call_body<'g>(
        &'g self,
        body: BodyId,
        results: &[TensorId],
        inputs: &[AnyTensor<'g>],
        origin: Option<NodeId>,
        op: impl FnOnce(Call) -> Call,
    ) -> Vec<AnyTensor<'g>> {
        if let Some(operand) = inputs.iter().position(|input| !input.is_of(self)) {
            return vec![self.invalid_any("call", Fault::OtherGraph { operand }); results.len()];
        }
        if let Some(&invalid) = inputs.iter().find(|input| input.is_invalid()) {
            return vec![invalid; results.len()];
        }
        let arena = self.shared().snapshot();
        let invalid = results.iter().find(|result| arena.node(result.node).fault.is_some());
        if let Some(&invalid) = invalid {
            // The fault is the body's; what is built on the call says nothing of its own.
            return vec![self.tie(invalid); results.len()];
        }
        let types: Vec<TensorType> = inputs.iter().map(|input| TensorType::of(*input)).collect();
        let inferred = fit(&arena, body, &types).and_then(|()| arena.infer_results(body, results, &types));
        let types = match inferred {
            Ok(types) => types,
            Err(fault) => return vec![self.invalid_any("call", fault); results.len()],
        };
        let (function, mut control) = (arena.body(body).name.clone(), arena.body(body).control.clone());
        let masks = arena.masks(body, results);
        control.extend(origin);
        drop(arena);
        let record = CallRecord { body, results: results.to_vec(), origin };
        let call = self.shared().write(|arena| {
            arena.calls.push(record);
            CallId(arena.calls.len() as u32 - 1)
        });
        if types.is_empty() {
            return Vec::new();
        }
        let op = op(Call::new(call, types, masks, function));
        let control = control.into_iter().map(|node| (self.shared().id, node)).collect();
        let location = Context::of(self).location.unwrap_or(Location::caller());
        Context::entered(self, context::Frame::Control(control), || {
            self.attributed(location, || self.apply_all_as(op, Role::Calls(call), inputs))
        })
    }
}

/// Refuses inputs that do not fit what a body takes.
fn fit(arena: &Arena, body: BodyId, inputs: &[TensorType]) -> Result<(), Fault> {
    let parameters = &arena.body(body).parameters;
    if inputs.len() < parameters.len() {
        return Err(Fault::OperandCount { expected: parameters.len(), found: inputs.len() });
    }
    for (&parameter, input) in parameters.iter().zip(inputs) {
        let expected = arena.tensor(parameter);
        if expected.dtype != input.dtype {
            return Err(Fault::ElementType { expected: expected.dtype, found: input.dtype });
        }
        if !input.shape.agrees_with(&expected.shape) {
            return Err(Fault::OtherShape { expected: expected.shape.clone(), found: input.shape.clone() });
        }
    }
    Ok(())
}

impl<'g, P: Tensors<'g>, R: Tensors<'g>> Function<'g, P, R> {
    /// The results for these arguments, which are of the parameters' structure, element types and shapes.
    #[track_caller]
    pub fn call(&self, arguments: P) -> R {
        self.call_as(arguments, |call| call)
    }

    /// The same with another op.
    #[track_caller]
    pub(crate) fn call_as(&self, arguments: P, op: impl FnOnce(Call) -> Call) -> R {
        let mut inputs = arguments.flat();
        inputs.extend(self.captures());
        let results = self.graph.shared().read().body(self.body).results.clone();
        let mut outputs = self.graph.call_body(self.body, &results, &inputs, None, op).into_iter();
        // There are as many outputs as results.
        self.results.map(&mut |result| outputs.next().unwrap_or(result))
    }

    /// The name of the function, inside the scope in which it was built; numbered if taken.
    pub fn name(&self) -> String {
        self.graph.shared().read().body(self.body).name.clone()
    }

    /// The tensors that it uses beside its parameters, each once.
    pub fn captures(&self) -> Vec<AnyTensor<'g>> {
        let captures = self.graph.shared().read().body(self.body).captures.clone();
        captures.into_iter().map(|id| self.graph.tie(id)).collect()
    }

    /// The structure of its parameters, which are tensors of its body.
    pub fn parameters(&self) -> &P {
        &self.parameters
    }
}

/// The text form: a line with the parameters, what is captured and the results, and one for each node of the body.
impl<P, R> fmt::Display for Function<'_, P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arena = self.graph.shared().snapshot();
        super::text::write_body(f, &arena, self.body)
    }
}

impl TensorType {
    /// That of a tensor.
    pub(crate) fn of(tensor: AnyTensor<'_>) -> Self {
        TensorType { dtype: tensor.dtype(), shape: tensor.shape() }
    }
}
