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

use super::body::{Body, BodyId, CallId, CallRecord, GradientKey, GradientOf, check_bounds};
use super::context::{self, Context};
use super::op::{Call, Expect, ExpectShape, Parameter};
use super::{AnyTensor, Arena, Graph, NewNode, NodeId, Role, TensorId, Tensors};
use crate::error::{Fault, Site};
use crate::shape::{Shape, TensorType};

/// What can be wrong with building inside of a function, with what it holds, or with its calls.
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
    /// Arguments of a call do not fit a node of the body.
    #[error("{fault}, in {site}, for the arguments of a call")]
    Call {
        /// The node of the body.
        site: Site,
        /// What is wrong there.
        fault: Box<Fault>,
    },
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
    /// A call is one node. It is computed as if its nodes stood in its place, where they are fused with what stands around
    /// them; of a large function that is called several times, calls of the same lengths are planned once. Results are the
    /// same either way within rounding, which may be lost where a function ends in what the caller inverts: take the
    /// logarithm of a softmax inside. Gradients pass through a call,
    /// to arguments and captured tensors, to any order. Variables are read as the call sees them. Random numbers inside
    /// differ from call to call, unless they have a [seed of their own](Graph::seed_scope).
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
        let location = Location::caller();
        let body = self.open_body(Context::of(self).body, name);
        let (parameters, results) = self.inside(body, || {
            let parameters = self.attributed(location, || {
                like.map(&mut |tensor| self.parameter(body, &TensorType::of(tensor)))
            });
            // A copy of the handles: the closure takes its own.
            let results = build(parameters.map(&mut |tensor| tensor));
            (parameters, results)
        });
        self.close_body(body, results.flat());
        Function { graph: self, body, parameters, results }
    }

    /// A new body, whose nodes may use the tensors of another.
    pub(crate) fn open_body(&self, uses: Option<BodyId>, name: &str) -> BodyId {
        self.open_body_that(uses, name, false)
    }

    /// The body of a branch, in which variables may be assigned unless it is in a function or a loop.
    pub(crate) fn open_branch(&self, uses: Option<BodyId>, name: &str) -> BodyId {
        let may_assign = uses.is_none_or(|uses| self.shared().read().body(uses).may_assign);
        self.open_body_that(uses, name, may_assign)
    }

    fn open_body_that(&self, uses: Option<BodyId>, name: &str, may_assign: bool) -> BodyId {
        let name = Context::of(self).scoped(name);
        self.shared().write(|arena| {
            let name = arena.names.unique(name);
            arena.bodies.push(Body::open(uses, name, may_assign));
            BodyId(arena.bodies.len() as u32 - 1)
        })
    }

    /// The gradient function that has been built for a key.
    pub(crate) fn gradient_of(&self, key: &GradientKey) -> Option<GradientOf> {
        self.shared().read().gradients.get(key).cloned()
    }

    /// Keeps the gradient function for a key.
    pub(crate) fn keep_gradient(&self, key: GradientKey, gradient: GradientOf) {
        self.shared().write(|arena| arena.gradients.insert(key, gradient));
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

    /// Finishes a body; results of another graph stand for the fault that they are.
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

    /// The fault that a new node is where it is built: in a function's body, or in none.
    pub(super) fn refused_inside(
        &self,
        new: &NewNode,
        body: Option<BodyId>,
        inputs: &[TensorId],
        control: &[NodeId],
    ) -> Option<Fault> {
        let may_assign = body.is_none_or(|body| self.shared().read().body(body).may_assign);
        let is_refused = match new {
            NewNode::Op(_, Role::Writes(_)) => !may_assign,
            NewNode::Op(_, Role::WritesAll) => body.is_some(),
            _ => false,
        };
        if is_refused {
            return Some(Fault::op(FunctionFault::Assign));
        }
        let out_of_reach = {
            let arena = self.shared().read();
            let used = inputs.iter().copied().chain(control.iter().map(|&node| node.into()));
            let is_out = |&(_, used): &(usize, TensorId)| !arena.is_in_reach(arena.body_of(used), body);
            used.enumerate().find(is_out)
        };
        out_of_reach.map(|(operand, used)| self.out_of_reach(operand, used))
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
                let body = &mut arena.bodies[index as usize];
                // A gradient runs loops of a closed body once more, with what these are behind.
                let is_kept = |node: &NodeId| body.control.contains(node);
                debug_assert!(
                    !body.is_closed || outside.iter().all(is_kept),
                    "a closed body has a new order"
                );
                body.control.extend(outside);
                body.control.sort_unstable();
                body.control.dedup();
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

    /// Calls a body: gives tensors of it for these inputs, parameters first and then captures.
    #[track_caller]
    pub(crate) fn call_body<'g>(
        &'g self,
        body: BodyId,
        results: &[TensorId],
        inputs: &[AnyTensor<'g>],
        run: Run,
        op: impl FnOnce(Call) -> Call,
    ) -> Vec<AnyTensor<'g>> {
        let Run { origin, draws_as } = run;
        if results.is_empty() {
            return Vec::new();
        }
        let refuse = |fault| vec![self.invalid_any("call", fault); results.len()];
        let location = Context::of(self).location.unwrap_or(Location::caller());
        self.attributed(location, || {
            if let Some(operand) = inputs.iter().position(|input| !input.is_of(self)) {
                return refuse(Fault::OtherGraph { operand });
            }
            if let Some(&invalid) = inputs.iter().find(|input| input.is_invalid()) {
                return vec![invalid; results.len()];
            }
            let arena = self.shared().snapshot();
            if let Some(&invalid) = results.iter().find(|result| arena.node(result.node).fault.is_some()) {
                // The fault is the body's; what is built on the call says nothing of its own.
                drop(arena);
                return vec![self.tie(invalid); results.len()];
            }
            let expected = fit(&arena, body, inputs);
            drop(arena);
            let expected = match expected {
                Ok(expected) => expected,
                Err(fault) => return refuse(fault),
            };
            // What is not known yet is checked when it is.
            let checked = inputs.iter().zip(expected).map(|(input, expected)| match expected {
                Some(expected) => input.unary(Expect(ExpectShape(Some(expected)))),
                None => *input,
            });
            let inputs: Vec<AnyTensor<'g>> = checked.collect();
            let types: Vec<TensorType> = inputs.iter().map(|input| TensorType::of(*input)).collect();
            // Ops are asked, so nothing is locked.
            let arena = self.shared().snapshot();
            let types = arena.infer_results(body, results, &types);
            let paths = arena.paths(body, results);
            let control = arena.control_from(arena.body(body), self.body_here());
            let name = arena.body(body).name.clone();
            drop(arena);
            let types = match types {
                Ok(types) => types,
                Err(fault) => return refuse(fault),
            };
            let record = CallRecord { body, results: results.to_vec(), origin, draws_as };
            let call = self.shared().write(|arena| {
                arena.calls.push(record);
                CallId(arena.calls.len() as u32 - 1)
            });
            let op = op(Call::new(call, types, paths, name));
            let control = control.into_iter().chain(origin);
            let control = control.map(|node| (self.shared().id, node)).collect();
            Context::entered(self, context::Frame::Control(control), || {
                self.apply_all_as(op, Role::Calls(call), &inputs)
            })
        })
    }
}

/// Which run of a body a call is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    /// An earlier call with the same inputs, of whose run more is to be given.
    pub(crate) origin: Option<NodeId>,
    /// An earlier call whose random numbers are drawn again.
    pub(crate) draws_as: Option<NodeId>,
}

/// Refuses inputs that do not fit what a body takes. For each that fits as far as is known, the shape that it must have.
fn fit(arena: &Arena, body: BodyId, inputs: &[AnyTensor<'_>]) -> Result<Vec<Option<Shape>>, Fault> {
    let called = arena.body(body);
    check_bounds(called.depth, called.calls)?;
    let count = called.bound().count();
    if inputs.len() != count {
        let captures = called.captures.len();
        let (expected, found) = (count - captures, inputs.len().saturating_sub(captures));
        return Err(Fault::OperandCount { expected, found });
    }
    let fit = |(bound, input): (TensorId, &AnyTensor<'_>)| {
        let (expected, found) = (arena.tensor(bound), arena.tensor(input.id()));
        if expected.dtype != found.dtype {
            return Err(Fault::ElementType { expected: expected.dtype, found: found.dtype });
        }
        let both = found.shape.merged(&expected.shape).ok_or_else(|| Fault::OtherShape {
            expected: expected.shape.clone(),
            found: found.shape.clone(),
        })?;
        Ok(if both == found.shape { None } else { Some(both) })
    };
    called.bound().zip(inputs).map(fit).collect()
}

impl<'g, P: Tensors<'g>, R: Tensors<'g>> Function<'g, P, R> {
    /// The results for these arguments, which are of the parameters' structure, element types and shapes. All that it
    /// captures and is given is computed for it, whichever of its results are asked for.
    #[track_caller]
    pub fn call(&self, arguments: impl Into<P>) -> R {
        self.call_as(arguments.into(), |call| call)
    }

    /// The same with another op.
    #[track_caller]
    pub(crate) fn call_as(&self, arguments: P, op: impl FnOnce(Call) -> Call) -> R {
        let (mut inputs, parameters) = (arguments.flat(), self.parameters.flat());
        if arguments.lengths() != self.parameters.lengths() {
            let fault = Fault::OperandCount { expected: parameters.len(), found: inputs.len() };
            let invalid = self.graph.invalid_any("call", fault);
            return self.results.map(&mut |_| invalid);
        }
        inputs.extend(self.captures());
        let results = self.graph.shared().read().body(self.body).results.clone();
        let mut outputs = self.graph.call_body(self.body, &results, &inputs, Run::default(), op).into_iter();
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

    /// The body, with the tensors that it gives.
    pub(crate) fn body(&self) -> (BodyId, Vec<TensorId>) {
        (self.body, self.graph.shared().read().body(self.body).results.clone())
    }

    /// The structure of its results, which are tensors of its body.
    pub(crate) fn results(&self) -> &R {
        &self.results
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
        tensor.graph().shared().read().tensor(tensor.id()).clone()
    }
}
