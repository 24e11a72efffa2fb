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
mod build;
mod context;
mod control;
mod control_node;
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
mod run;
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

use self::op::{MultiOp, Op};
use crate::element::{Element, IntoValue};
use crate::error::{Fault, Result};
use crate::ir::{NodeId, TensorId, VariableId};
use crate::shape::{Shape, TensorType};

use arena::NewNode;
use context::Context;

pub(crate) use arena::{Arena, Node};
pub(crate) use body::{BodyId, CallId, GradientKey, GradientOf, Path};
pub use control::ControlFault;
pub(crate) use control::{
    Binding, BranchBody, BranchId, BranchRecord, LoopId, LoopOutput, LoopRecord, LoopTrips, Numbering,
};
pub(crate) use control_node::Positions;
pub(crate) use detached::Detached;
pub use float::Float;
pub(crate) use function::Run;
pub use function::{Function, FunctionFault};
pub use info::NodeInfo;
pub(crate) use modes::Modes;
pub(crate) use node_map::{NodeMap, TensorMap};
pub use op::VariableFault;
pub use operation::Operation;
pub(crate) use role::Role;
pub(crate) use run::BodyRun;
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
}
