//! The graph: an append-only arena of nodes, and the handles through which users add to it.
//!
//! Takes ops and the nodes they are applied to; gives typed, `Copy` handles ([`Tensor`],
//! [`Variable`], [`Operation`]). The invariant: a node's inputs exist before it, so ascending ids
//! are a topological order, and a node never changes but for its name.
//!
//! Building never fails: a fault makes the node invalid, and whatever is built on it, and is
//! reported by [`Graph::check`], by `Session::new` and by any run that needs the node.

mod arena;
mod body;
mod context;
mod detached;
mod float;
mod function;
mod info;
mod modes;
mod names;
mod node_map;
mod nodes;
pub(crate) mod op;
mod operation;
mod role;
mod shared;
mod tensor;
mod tensors;
mod text;
mod variable;
mod verify;
mod walk;

use std::cell::Cell;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use self::op::{MultiOp, Op};
use crate::element::{DType, Element, IntoValue, Numeric};
use crate::error::{Fault, Result};
use crate::ir::{NodeId, TensorId, VariableId};
use crate::shape::{Shape, TensorType};

use arena::{Draft, Inputs, NewNode};
use context::Context;

pub(crate) use arena::{Arena, Node};
pub(crate) use body::{BodyId, CallId, GradientKey, GradientOf, Path};
pub(crate) use detached::Detached;
pub use float::Float;
pub use function::{Function, FunctionFault};
pub use info::NodeInfo;
pub(crate) use modes::Modes;
pub(crate) use node_map::{NodeMap, TensorMap};
pub use op::VariableFault;
pub use operation::Operation;
pub(crate) use role::Role;
pub(crate) use shared::Shared;
pub(crate) use tensor::sum_of_nothing;
pub use tensor::{AnyOperand, AnyTensor, IndexOperand, Operand, Tensor};
pub use tensors::Tensors;
pub use variable::Variable;
pub(crate) use variable::VariableRecord;
pub(crate) use walk::Walk;

/// Operations on which each node of a block depends by itself. More of them are gathered in a node of their own, so
/// that a block of many nodes behind many operations takes as many edges as both together and not as their product.
const MAX_CONTROL: usize = 8;

/// A symbolic computation under construction.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.placeholder::<f32>("x", [None, Some(3)]);
/// let y = (x * 2.0).reduce_sum(-1);
/// assert_eq!(y.shape().to_string(), "[?]");
/// g.check()?;
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Debug)]
pub struct Graph {
    shared: Arc<Shared>,
}

impl Default for Graph {
    fn default() -> Self {
        Graph::new()
    }
}

impl Graph {
    /// An empty graph with seed 0.
    pub fn new() -> Self {
        Graph::with_seed(0)
    }

    /// An empty graph whose random numbers derive from `seed`.
    pub fn with_seed(seed: u64) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        // Ids need only differ, so no ordering with other memory is asked for.
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Graph { shared: Arc::new(Shared::new(id, seed)) }
    }

    /// A tensor that always has the given elements: an ndarray array or view, a scalar, or a list of elements.
    ///
    /// A view is copied, but for elements that it repeats (`broadcast`), which are held once. Without memory for them
    /// the tensor is invalid, and what needs it fails with [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let c = g.constant(ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    /// assert_eq!(c.shape().to_string(), "[2, 2]");
    /// assert_eq!(g.constant([[1, 2, 3], [4, 5, 6]]).shape().to_string(), "[2, 3]");
    /// assert_eq!(g.constant(vec![true, false]).shape().to_string(), "[2]");
    /// ```
    #[doc(alias("tensor", "asarray"))]
    #[track_caller]
    pub fn constant<V: IntoValue>(&self, value: V) -> Tensor<'_, V::Elem> {
        Tensor::typed(match value.into_repeated() {
            Ok(repeated) => self.apply(op::Constant::new(repeated), &[]),
            Err(lacking) => self.invalid_any("constant", lacking.into()),
        })
    }

    /// A tensor whose elements are fed to each run. A length of `None` may differ from run to run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", [None]);
    /// let session = Session::new(&g)?;
    /// let y = session.feed(x, &ndarray::arr1(&[1.0, 2.0])).run(x * x)?;
    /// assert_eq!(y, ndarray::arr1(&[1.0, 4.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn placeholder<T: Element>(&self, name: &str, shape: impl Into<Shape>) -> Tensor<'_, T> {
        let placeholder = op::Placeholder::new(TensorType::new(T::DTYPE, shape.into()));
        Tensor::typed(self.apply_named(Arc::new(placeholder), Role::Placeholder, &[], name))
    }

    /// A tensor that a run may be fed, and that else has the value of another: a tensor, a variable or a number. The shape
    /// says what may be fed; less may be known of it than of the default's.
    ///
    /// Gradient: the cotangent to the default. A default that cannot have the shape is a build error, or an error of the
    /// run that finds out.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let rate = g.placeholder_with_default("rate", 0.5, []);
    /// let session = Session::new(&g)?;
    /// assert_eq!(session.run(rate * 2.0)?.item()?, 1.0);
    /// assert_eq!(session.feed(rate, 0.25).run(rate * 2.0)?.item()?, 0.5);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn placeholder_with_default<'g, T: Element>(
        &'g self,
        name: &str,
        default: impl Operand<'g, T>,
        shape: impl Into<Shape>,
    ) -> Tensor<'g, T> {
        let (op, default) = (op::PlaceholderWithDefault::new(shape.into()), default.into_tensor(self).any());
        self.apply_named(Arc::new(op), Role::Defaults, &[default], name).typed()
    }

    /// The seed from which the graph's random numbers derive.
    pub fn seed(&self) -> u64 {
        self.shared.seed
    }

    /// An invalid tensor, which stands for a build error: for functions that compose ops and are given arguments that
    /// they do not take. `op` names the function in the error.
    ///
    /// ```
    /// use flowgrad::op::Fault;
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let reason = "expected 1 to 9 groups, got 0".to_owned();
    /// g.invalid::<f32>("group_norm", Fault::Custom { reason });
    /// let message = g.check().unwrap_err().to_string();
    /// assert!(message.starts_with("expected 1 to 9 groups, got 0, in `group_norm` (group_norm) built at "));
    /// ```
    #[track_caller]
    pub fn invalid<T: Element>(&self, op: &'static str, fault: Fault) -> Tensor<'_, T> {
        self.invalid_any(op, fault).typed()
    }

    /// [`invalid`](Graph::invalid) by its former name.
    #[doc(hidden)]
    #[track_caller]
    pub fn mistaken<T: Element>(&self, op: &'static str, fault: Fault) -> Tensor<'_, T> {
        self.invalid(op, fault)
    }

    /// Applies an op that is not one of the crate's own; see [`op`](crate::op).
    ///
    /// Whatever the op's shape rule refuses is a build error, and so is a result whose elements are not of type
    /// `T`.
    #[track_caller]
    pub fn custom<'g, T: Element>(&'g self, op: impl Op, inputs: &[AnyTensor<'g>]) -> Tensor<'g, T> {
        let name = op.name();
        self.apply_named(Arc::new(op), Role::Pure, inputs, name).typed()
    }

    /// Applies an op with several outputs that is not one of the crate's own; gives one tensor for each output. An op
    /// that does not fit its inputs gives one invalid tensor.
    #[track_caller]
    pub fn custom_outputs<'g>(&'g self, op: impl MultiOp, inputs: &[AnyTensor<'g>]) -> Vec<AnyTensor<'g>> {
        self.apply_all_as(op, Role::Pure, inputs)
    }

    /// An operation that sets every variable of the graph to its start, also those added later.
    ///
    /// A variable that was never initialized is so when a run first needs it; this operation is
    /// for starting anew.
    #[track_caller]
    pub fn initializer(&self) -> Operation<'_> {
        self.apply_as(op::Initializer, Role::WritesAll, &[]).op()
    }

    /// An operation that is done when all the given ones are.
    #[track_caller]
    pub fn group<'g>(&'g self, operations: impl IntoIterator<Item = Operation<'g>>) -> Operation<'g> {
        let members: Vec<AnyTensor<'g>> = operations.into_iter().map(|operation| operation.any).collect();
        self.apply(op::Group, &members).op()
    }

    /// Builds inside a scope of names: a node `n` becomes `scope/n`. A scope entered a second time
    /// becomes `scope_1`.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.name_scope("layer", || g.constant(1.0).named("one"));
    /// assert_eq!(y.name(), "layer/one");
    /// ```
    pub fn name_scope<R>(&self, name: &str, build: impl FnOnce() -> R) -> R {
        let name = Context::of(self).scoped(name);
        let scope = self.shared.write(|arena| arena.names.unique(name));
        Context::entered(self, context::Frame::Scope(scope.into()), build)
    }

    /// Orders everything built inside after the given operations: it runs when they have, and sees
    /// the variables as they leave them. Nodes built before do not move. Operations beyond a handful are gathered by a
    /// [`group`](Graph::group) first.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let v = g.variable("v", 1.0_f64);
    /// let step = v.assign_add(10.0);
    /// let after = g.control_dependencies(&[step.op()], || v * 2.0);
    /// let [before, after] = Session::new(&g)?.run([v * 2.0, after])?;
    /// assert_eq!((before.sum(), after.sum()), (2.0, 22.0));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn control_dependencies<R>(&self, operations: &[Operation<'_>], build: impl FnOnce() -> R) -> R {
        let mut operations: Vec<(u64, NodeId)> =
            operations.iter().map(|operation| operation.any.untied()).collect();
        if operations.len() > MAX_CONTROL && operations.iter().all(|&(graph, _)| graph == self.shared.id) {
            let members: Vec<AnyTensor<'_>> = operations.iter().map(|&(_, id)| self.tie(id)).collect();
            operations = vec![self.apply(op::Group, &members).untied()];
        }
        Context::entered(self, context::Frame::Control(operations), build)
    }

    /// Attributes what is built inside to the line that calls the function around it, if that is `#[track_caller]`:
    /// for functions that compose ops within scopes, so that errors name their callers. Of several such functions, one
    /// within the other, the outermost counts.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// #[track_caller]
    /// fn hidden<'g>(x: Tensor<'g>, kernel: Tensor<'g>) -> Tensor<'g> {
    ///     let g = x.graph();
    ///     g.attributed_to_caller(|| g.name_scope("hidden", || x.matmul(kernel).relu()))
    /// }
    ///
    /// let g = Graph::new();
    /// let x = g.placeholder("x", [2, 3]);
    /// let line = line!() + 1;
    /// hidden(x, x);
    /// let message = g.check().unwrap_err().to_string();
    /// assert!(message.contains(&format!("in `hidden/matmul` (matmul) built at {}:{line}:", file!())), "{message}");
    /// ```
    #[track_caller]
    pub fn attributed_to_caller<R>(&self, build: impl FnOnce() -> R) -> R {
        let location = Context::of(self).location.unwrap_or(Location::caller());
        self.attributed(location, build)
    }

    /// Gives the random nodes that are built inside a seed of their own: they draw by it and by their place among
    /// the random nodes of the block, whatever their names are.
    ///
    /// The graph's seed counts as well; two blocks of one graph with the same seed draw the same numbers.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let [a, b] = ["a", "b"].map(|name| {
    ///     g.seed_scope(7, || g.random_normal([3], 0.0_f64, 1.0)).named(name)
    /// });
    /// let [a, b] = Session::new(&g)?.run([a, b])?;
    /// assert_eq!(a, b);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn seed_scope<R>(&self, seed: u64, build: impl FnOnce() -> R) -> R {
        Context::entered(self, context::Frame::Seed(seed, Cell::new(0)), build)
    }

    /// The first build error, if there is one.
    ///
    /// # Errors
    /// [`Error::Build`](crate::Error::Build), naming the op, the shapes, the node, and the line that built it;
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory), where there was none for a constant or the start of a
    /// variable.
    pub fn check(&self) -> Result<()> {
        self.shared.snapshot().check()
    }

    /// Finishes the graph, as TensorFlow does: to add a node from here on is a build error that names both lines. Its
    /// runs go on, and so do those of sessions that are made before the error. What builds by the way, such as gradients
    /// in a loop, which would make the graph grow without end, is found so.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", ());
    /// let y = x * x;
    /// let session = Session::new(&g)?;
    /// g.finalize();
    /// assert_eq!(session.feed(x, 3.0).run(y)?.sum(), 9.0);
    ///
    /// let error = session.feed(x, 3.0).run(y + 1.0).unwrap_err().to_string();
    /// assert!(error.starts_with("expected no more nodes in a graph that was finalized at "), "{error}");
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn finalize(&self) {
        self.shared.finalize(Location::caller());
    }

    /// Whether the graph is [finished](Graph::finalize).
    pub fn is_finalized(&self) -> bool {
        self.shared.finalized().is_some()
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.shared.read().nodes.len()
    }

    /// Whether nothing has been built yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Adds a node named after its op.
    #[track_caller]
    pub(crate) fn apply<'g>(&'g self, op: impl MultiOp, inputs: &[AnyTensor<'g>]) -> AnyTensor<'g> {
        self.apply_as(op, Role::Pure, inputs)
    }

    /// Adds a node named after its op; gives all its outputs.
    #[track_caller]
    pub(crate) fn apply_all<'g>(&'g self, op: impl MultiOp, inputs: &[AnyTensor<'g>]) -> Vec<AnyTensor<'g>> {
        self.apply_all_as(op, Role::Pure, inputs)
    }

    /// The same for a node that does more in a run than to compute values.
    #[track_caller]
    fn apply_all_as<'g>(
        &'g self,
        op: impl MultiOp,
        role: Role,
        inputs: &[AnyTensor<'g>],
    ) -> Vec<AnyTensor<'g>> {
        let first = self.apply_as(op, role, inputs);
        let (graph, node) = (first.graph(), first.node());
        let count = graph.shared.read().node(node).outputs.len();
        node.outputs(count).map(|output| graph.tie(output)).collect()
    }

    /// Adds a node, named after its op, of an op that there is already.
    #[track_caller]
    pub(crate) fn apply_shared<'g>(
        &'g self,
        op: Arc<dyn MultiOp>,
        inputs: &[AnyTensor<'g>],
    ) -> AnyTensor<'g> {
        let name = op.name();
        self.apply_named(op, Role::Pure, inputs, name)
    }

    /// Adds a node named after its op, which does more in a run than to compute a value.
    #[track_caller]
    pub(crate) fn apply_as<'g>(
        &'g self,
        op: impl MultiOp,
        role: Role,
        inputs: &[AnyTensor<'g>],
    ) -> AnyTensor<'g> {
        let name = op.name();
        self.apply_named(Arc::new(op), role, inputs, name)
    }

    #[track_caller]
    fn apply_named<'g>(
        &'g self,
        op: Arc<dyn MultiOp>,
        role: Role,
        inputs: &[AnyTensor<'g>],
        name: &str,
    ) -> AnyTensor<'g> {
        let location = Location::caller();
        // What is built on the sum of no tensors belongs to the graph of its other operands, if it has any.
        let elsewhere = inputs.iter().position(|input| !input.is_of(self));
        let graph = match elsewhere {
            Some(operand) if self.is_nowhere() => inputs[operand].graph(),
            _ => self,
        };
        graph.tie(graph.push(NewNode::Op(op, role), inputs, name, location, None))
    }

    /// Whether it has nothing but sums of no tensors, and what is built on these alone.
    fn is_nowhere(&self) -> bool {
        self.shared.id == sum_of_nothing().graph().shared.id
    }

    /// The handle of a tensor of this graph; that of a node stands for its first output.
    pub(crate) fn tie(&self, id: impl Into<TensorId>) -> AnyTensor<'_> {
        AnyTensor::new(self, id.into())
    }

    /// Adds a node: checks its inputs, infers its type, and names it.
    fn push(
        &self,
        new: NewNode,
        inputs: &[AnyTensor<'_>],
        name: &str,
        location: &'static Location<'static>,
        fault: Option<Fault>,
    ) -> NodeId {
        let context = Context::of(self);
        let location = context.location.unwrap_or(location);
        let foreign = inputs.iter().position(|input| !input.is_of(self));
        let fault = self.shared.finalized().map(|at| Fault::Finalized { at }).or(fault);
        let fault = fault.or_else(|| {
            let operand = foreign?;
            Some(if inputs[operand].is_nowhere() { Fault::NoOperand } else { Fault::OtherGraph { operand } })
        });
        let inputs: Inputs =
            if foreign.is_none() { inputs.iter().map(|input| input.id()).collect() } else { Inputs::new() };
        let mut control: Vec<NodeId> = context
            .control
            .iter()
            .filter_map(|&(graph, id)| (graph == self.shared.id).then_some(id))
            .collect();
        let foreign_control = control.len() < context.control.len();
        control.sort_unstable();
        control.dedup();
        let body = match &new {
            NewNode::Variable { .. } => {
                // What reads the variable later would run what it was built after.
                control.clear();
                None
            }
            // It is fed from outside.
            NewNode::Op(_, Role::Placeholder) => None,
            NewNode::Op(..) => context.body,
        };
        let fault = fault
            .or(foreign_control.then_some(Fault::OtherGraph { operand: inputs.len() }))
            .or_else(|| self.refused_inside(&new, body, &inputs, &control));
        let control: Box<[NodeId]> = self.ordered_inside(body, control).into();

        let (inherited, types) = {
            let arena = self.shared.read();
            let predecessors = inputs.iter().map(|input| input.node).chain(control.iter().copied());
            let inherited = predecessors.into_iter().find_map(|id| arena.node(id).fault);
            let types = inputs.iter().map(|&input| arena.tensor(input).clone());
            (inherited, types.collect::<SmallVec<[TensorType; 2]>>())
        };
        // Ops are asked while nothing is locked: they may ask the graph in their turn.
        let inferred = match (fault, inherited) {
            (Some(fault), _) => Err(fault),
            (None, Some(_)) => Ok(TensorType::nothing().into()),
            (None, None) => new.infer(&types.iter().collect::<SmallVec<[&TensorType; 4]>>()),
        };
        let draft = Draft { inputs, control, name: context.scoped(name), location, body, inherited };
        self.shared.write(|arena| arena.add(new, inferred, draft))
    }

    /// Gives a node another name; a name taken becomes `n_1`.
    fn rename(&self, id: NodeId, name: &str) {
        let scoped = Context::of(self).scoped(name);
        self.shared.write(|arena| arena.rename(id, scoped));
    }

    /// Has the faults of a node that checks what a function was given named as those of the node that the function gives.
    pub(crate) fn blame_whole(&self, function: &'static str, part: AnyTensor<'_>, whole: AnyTensor<'_>) {
        if part.is_of(self) && whole.is_of(self) {
            self.shared.write(|arena| arena.wholes.insert(part.node(), (whole.node(), function)));
        }
    }

    fn add_modes(&self, id: NodeId, modes: Modes) {
        self.shared.write(|arena| arena.nodes[id].modes |= modes);
    }

    /// The constant that holds one number of the given type.
    #[track_caller]
    pub(crate) fn scalar(&self, value: f64, dtype: DType) -> AnyTensor<'_> {
        let constant = match dtype {
            DType::F32 => op::Constant::scalar(f32::from_f64(value)),
            DType::F64 => op::Constant::scalar(value),
            DType::I32 => op::Constant::scalar(i32::from_f64(value)),
            DType::I64 => op::Constant::scalar(i64::from_f64(value)),
            DType::Bool => op::Constant::scalar(value != 0.0),
        };
        self.apply(constant, &[])
    }

    /// The function's body in which building stands on this thread, if it does in one.
    pub(crate) fn body_here(&self) -> Option<BodyId> {
        Context::of(self).body
    }

    /// Whether building stands under control dependencies on this thread.
    pub(crate) fn builds_in_order(&self) -> bool {
        !Context::of(self).control.is_empty()
    }

    /// The seed that a random node has of its own, and its place among those that have the same.
    pub(crate) fn own_seed(&self) -> Option<[u64; 2]> {
        Context::next_seed(self)
    }

    /// Runs `build` with every node in it attributed to the given line of the caller.
    pub(crate) fn attributed<R>(&self, location: &'static Location<'static>, build: impl FnOnce() -> R) -> R {
        Context::entered(self, context::Frame::Location(location), build)
    }

    /// Records a fault under the name of an op that has no node of its own; gives the invalid node.
    #[track_caller]
    pub(crate) fn invalid_any(&self, name: &'static str, fault: Fault) -> AnyTensor<'_> {
        let node = NewNode::Op(op::Invalid::op(name), Role::Pure);
        self.tie(self.push(node, &[], name, Location::caller(), Some(fault)))
    }
}
