//! [`Variable`]: a tensor that sessions store and assignments change; and how a graph gets and lists variables.

use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::{AnyTensor, Graph, NewNode, NodeId, Operand, Role, Tensor, op};
use crate::element::{DType, Element, Numeric, Value};
use crate::error::Fault;
use crate::initializer::{Start, StartingValue, seed_for};
use crate::memory::OutOfMemory;

/// What the graph holds of a variable: everything but its value.
#[derive(Clone, Debug)]
pub(crate) struct VariableRecord {
    /// The node that reads it.
    pub(crate) node: NodeId,
    pub(crate) name: String,
    pub(crate) dtype: DType,
    pub(crate) dims: Vec<usize>,
    pub(crate) start: StartingValue,
    /// Whether optimizers may change it.
    pub(crate) trainable: bool,
}

impl VariableRecord {
    /// The starting elements; those that are drawn depend on the graph's seed and the name only.
    pub(crate) fn starting_value(&self, graph_seed: u64) -> Result<Arc<Value>, OutOfMemory> {
        self.start.value(self.seed(graph_seed))
    }

    /// The seed of what is drawn.
    pub(crate) fn seed(&self, graph_seed: u64) -> u64 {
        seed_for(graph_seed, &self.name)
    }
}

impl Graph {
    /// A tensor that each session stores, and that [`assign`](Variable::assign) changes.
    ///
    /// `start` is an array, a scalar, or an initializer such as [`glorot_uniform`](crate::initializer::glorot_uniform).
    /// The name must be unique. An initializer has no element type of its own: where nothing else fixes it, write
    /// `g.variable::<f32>("w", zeros([3]))`.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", zeros([2, 1]));
    /// let session = Session::new(&g)?;
    /// session.run(w.assign_add(1.5_f32))?;
    /// assert_eq!(session.run(w)?.sum(), 3.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("get_variable", "parameter"))]
    #[track_caller]
    pub fn variable<T: Element>(&self, name: &str, start: impl Start<T>) -> Variable<'_, T> {
        self.any_variable(name, start, true)
    }

    /// A variable that optimizers leave alone: statistics of a layer, a counter, what an optimizer remembers.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable::<f32>("w", zeros([2, 1]));
    /// let seen = g.non_trainable_variable("seen", 0_i64);
    /// assert!(w.is_trainable() && !seen.is_trainable());
    /// assert_eq!(g.trainable_variables::<f32>().len(), 1);
    /// ```
    #[track_caller]
    pub fn non_trainable_variable<T: Element>(&self, name: &str, start: impl Start<T>) -> Variable<'_, T> {
        self.any_variable(name, start, false)
    }

    #[track_caller]
    fn any_variable<T: Element>(&self, name: &str, start: impl Start<T>, trainable: bool) -> Variable<'_, T> {
        let start = start.into_starting_value();
        let variable = NewNode::Variable { dtype: T::DTYPE, start, trainable };
        Variable::typed(self.tie(self.push(variable, &[], name, Location::caller(), None)))
    }

    /// The variables of elements of type `T` that optimizers may change, in the order in which they were built.
    pub fn trainable_variables<T: Element>(&self) -> Vec<Variable<'_, T>> {
        let arena = self.shared.read();
        let trainable = arena.variables.iter().filter(|record| record.dtype == T::DTYPE && record.trainable);
        trainable.map(|record| Variable::typed(self.tie(record.node))).collect()
    }

    /// The variable of that full name, scopes included, if its elements are of type `T`.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// g.name_scope("dense", || g.variable("bias", zeros([3]))) + 1.0_f32;
    /// assert!(g.find_variable::<f32>("dense/bias").is_some());
    /// assert!(g.find_variable::<f64>("dense/bias").is_none());
    /// ```
    pub fn find_variable<T: Element>(&self, name: &str) -> Option<Variable<'_, T>> {
        let arena = self.shared.read();
        let record = &arena.variables[arena.variable_named(name)?.index()];
        (record.dtype == T::DTYPE).then(|| Variable::typed(self.tie(record.node)))
    }
}

/// A `Copy` handle to a variable. It stands for its [`Tensor`] wherever one is taken: it derefs
/// and converts to it, and operators work on it directly.
#[derive(Debug)]
pub struct Variable<'g, T = f32> {
    tensor: Tensor<'g, T>,
}

impl<T> Clone for Variable<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Variable<'_, T> {}

impl<'g, T> Deref for Variable<'g, T> {
    type Target = Tensor<'g, T>;
    fn deref(&self) -> &Tensor<'g, T> {
        &self.tensor
    }
}

impl<'g, T> From<Variable<'g, T>> for Tensor<'g, T> {
    fn from(variable: Variable<'g, T>) -> Self {
        variable.tensor
    }
}

/// A variable starts from where another one does, with the same draws.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let w = g.variable::<f32>("w", glorot_uniform([3, 2]));
/// let shadow = g.non_trainable_variable("shadow", w);
/// let session = Session::new(&g)?;
/// session.run(w.assign_add(1.0))?;
/// let [w, shadow] = session.run([w, shadow])?;
/// assert!((w - shadow).iter().all(|difference| (difference - 1.0).abs() < 1e-6));
/// # Ok::<(), flowgrad::Error>(())
/// ```
impl<T: Element> Start<T> for Variable<'_, T> {
    fn into_starting_value(self) -> Result<StartingValue, Fault> {
        let any = self.tensor.any();
        let seed = any.graph().seed();
        let arena = any.graph().shared().read();
        Ok(match arena.node(any.node()).role {
            Role::Reads(variable) => {
                let record = &arena.variables[variable.index()];
                record.start.clone().drawn_from(record.seed(seed))
            }
            // An invalid variable has the shape [0], and its fault is reported already.
            _ => StartingValue::Fixed(Arc::new(Value::wrap(ArrayD::from_elem(IxDyn(&[0]), T::default())))),
        })
    }
}

impl<'g, T> From<Variable<'g, T>> for AnyTensor<'g> {
    fn from(variable: Variable<'g, T>) -> Self {
        variable.tensor.any()
    }
}

impl<'g, T: Element> Variable<'g, T> {
    pub(super) fn typed(any: AnyTensor<'g>) -> Self {
        Variable { tensor: Tensor::typed(any) }
    }

    /// Its value as a tensor.
    pub fn tensor(self) -> Tensor<'g, T> {
        self.tensor
    }

    /// Whether optimizers may change it; see
    /// [`non_trainable_variable`](crate::Graph::non_trainable_variable).
    pub fn is_trainable(self) -> bool {
        let any = self.tensor.any();
        let arena = any.graph().shared().read();
        match arena.node(any.node()).role {
            Role::Reads(variable) => arena.variables[variable.index()].trainable,
            _ => false,
        }
    }

    /// Gives the variable another name, inside the current scope; a name taken becomes `n_1`.
    pub fn named(self, name: &str) -> Self {
        self.tensor.named(name);
        self
    }

    /// Replaces the value by `value` and gives it. The shape must be the variable's own.
    ///
    /// Gradient: that of `value`.
    #[track_caller]
    pub fn assign(self, value: impl Operand<'g, T>) -> Tensor<'g, T> {
        self.update(op::Update::Replace, value)
    }

    #[track_caller]
    fn update(self, update: op::Update, value: impl Operand<'g, T>) -> Tensor<'g, T> {
        let any = self.tensor.any();
        let value = value.into_tensor(any.graph()).any();
        match any.role() {
            Role::Reads(variable) => {
                let assign = op::Assign::new(update);
                Tensor::typed(any.graph().apply_as(assign, Role::Writes(variable), &[any, value]))
            }
            // Only an invalid variable lacks the role; what is built on it is invalid as well.
            _ => Tensor::typed(any),
        }
    }
}

impl<'g, T: Numeric> Variable<'g, T> {
    /// Adds `value` (broadcasting to the variable's shape) and gives the new value.
    ///
    /// Gradient: the cotangent goes to the variable and to `value`.
    #[track_caller]
    pub fn assign_add(self, value: impl Operand<'g, T>) -> Tensor<'g, T> {
        self.update(op::Update::Add, value)
    }

    /// Subtracts `value` (broadcasting to the variable's shape) and gives the new value.
    ///
    /// Gradient: the cotangent goes to the variable, its negation to `value`.
    #[track_caller]
    pub fn assign_sub(self, value: impl Operand<'g, T>) -> Tensor<'g, T> {
        self.update(op::Update::Subtract, value)
    }
}
