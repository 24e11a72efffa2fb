//! [`Tensor`]: the typed handle that users compute with, and [`AnyTensor`], the untyped one below it.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::LazyLock;

use super::op::{self, MultiOp};
use super::{Graph, Modes, NodeId, Operation, Role, TensorId, Variable};
use crate::element::{DType, Element, Integer, number};
use crate::error::{Fault, Site};
use crate::shape::Shape;

/// A `Copy` handle to one value of a graph, whose elements are of type `T`.
///
/// Its methods and operators add nodes to the graph and give handles to them; nothing is computed
/// before a [`Session`](crate::Session) runs.
pub struct Tensor<'g, T = f32> {
    any: AnyTensor<'g>,
    element: PhantomData<fn() -> T>,
}

impl<T> Clone for Tensor<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Tensor<'_, T> {}

impl<T> fmt::Debug for Tensor<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.any.fmt(f)
    }
}

impl<T> Tensor<'_, T> {
    /// The node's name: its op's, unless given by [`named`](Tensor::named); numbered if taken. A second output of a
    /// node has the name `node:1`, and so on.
    pub fn name(self) -> String {
        self.any.name()
    }

    /// The static shape: lengths not known before feeding print as `?`.
    ///
    /// An invalid tensor has the shape `[0]`; [`Graph::check`] says what is wrong with it.
    pub fn shape(self) -> Shape {
        self.any.shape()
    }
}

impl<'g, T> Tensor<'g, T> {
    /// The handle without its element type, as ops take it.
    pub fn any(self) -> AnyTensor<'g> {
        self.any
    }

    /// The graph that it belongs to.
    pub fn graph(self) -> &'g Graph {
        self.any.graph
    }

    /// The node as an operation: a run does it and gives `()`.
    pub fn op(self) -> Operation<'g> {
        self.any.op()
    }

    /// Gives the node another name, inside the current scope; a name taken becomes `n_1`. One of several outputs of a
    /// node gets the name as an [`identity`](Tensor::identity) of its own.
    #[track_caller]
    pub fn named(self, name: &str) -> Self {
        Tensor { any: self.any.named(name), element: PhantomData }
    }
}

impl<'g, T: Element> Tensor<'g, T> {
    /// Claims that the elements of a node are of type `T`, as every op's signature ensures.
    pub(crate) fn typed(any: AnyTensor<'g>) -> Self {
        debug_assert!(any.is_invalid() || any.dtype() == T::DTYPE, "{any:?} is not {}", T::DTYPE);
        Tensor { any, element: PhantomData }
    }
}

/// What an op of untyped tensors takes beside one: a tensor or a variable of any element type, or a number, which
/// becomes a constant of the element type that the op needs.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.placeholder::<f32>("x", [None]).any();
/// assert_eq!(x.maximum(0.0).dtype(), DType::F32);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no operand of an op",
    label = "expected a tensor, a variable or a number",
    note = "of an array make a constant: `g.constant(array)`"
)]
pub trait AnyOperand<'g> {
    /// The operand as a tensor of the graph; a number becomes one of that element type.
    fn into_any(self, graph: &'g Graph, dtype: DType) -> AnyTensor<'g>;

    /// The operand, unless it is a number.
    #[doc(hidden)]
    fn tensor(&self) -> Option<AnyTensor<'g>>;

    /// The number, if it is one.
    #[doc(hidden)]
    fn number(&self) -> Option<f64> {
        None
    }

    /// The element type that it has where nothing asks for another.
    #[doc(hidden)]
    fn number_type(&self) -> DType {
        self.tensor().map_or(DType::F64, AnyTensor::dtype)
    }
}

impl<'g> AnyOperand<'g> for AnyTensor<'g> {
    fn into_any(self, _: &'g Graph, _: DType) -> AnyTensor<'g> {
        self
    }

    fn tensor(&self) -> Option<AnyTensor<'g>> {
        Some(*self)
    }
}

impl<'g, T> AnyOperand<'g> for Tensor<'g, T> {
    fn into_any(self, _: &'g Graph, _: DType) -> AnyTensor<'g> {
        self.any
    }

    fn tensor(&self) -> Option<AnyTensor<'g>> {
        Some(self.any)
    }
}

impl<'g, T> AnyOperand<'g> for Variable<'g, T> {
    fn into_any(self, _: &'g Graph, _: DType) -> AnyTensor<'g> {
        Tensor::from(self).any
    }

    fn tensor(&self) -> Option<AnyTensor<'g>> {
        Some(Tensor::from(*self).any)
    }
}

/// Declares that references are operands as what they refer to is.
macro_rules! references {
    ($($handle:ident),*) => {$(
        impl<'g, T: Element> AnyOperand<'g> for &$handle<'g, T> {
            fn into_any(self, graph: &'g Graph, dtype: DType) -> AnyTensor<'g> {
                AnyOperand::into_any(*self, graph, dtype)
            }

            fn tensor(&self) -> Option<AnyTensor<'g>> {
                AnyOperand::tensor(*self)
            }
        }

        impl<'g, T: Element> Operand<'g, T> for &$handle<'g, T> {
            fn into_tensor(self, graph: &'g Graph) -> Tensor<'g, T> {
                Operand::into_tensor(*self, graph)
            }
        }
    )*};
}
references!(Tensor, Variable);

impl<'g> AnyOperand<'g> for &AnyTensor<'g> {
    fn into_any(self, _: &'g Graph, _: DType) -> AnyTensor<'g> {
        *self
    }

    fn tensor(&self) -> Option<AnyTensor<'g>> {
        Some(**self)
    }
}

#[diagnostic::do_not_recommend]
impl<'g, T: Element> AnyOperand<'g> for T {
    #[track_caller]
    fn into_any(self, graph: &'g Graph, dtype: DType) -> AnyTensor<'g> {
        if dtype == T::DTYPE {
            return graph.apply(op::Constant::scalar(self), &[]);
        }
        // Only numbers take another type: what a comparison gives does not silently become one.
        match number(self) {
            Some(value) if dtype != DType::Bool => graph.scalar(value, dtype),
            _ => graph.invalid_any("constant", Fault::ElementType { expected: dtype, found: T::DTYPE }),
        }
    }

    fn tensor(&self) -> Option<AnyTensor<'g>> {
        None
    }

    fn number(&self) -> Option<f64> {
        number(*self)
    }

    fn number_type(&self) -> DType {
        T::DTYPE
    }
}

/// What a binary op takes beside a tensor: a tensor, a variable, or a scalar of the same element type, or a reference
/// to one of the first two.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no operand beside elements of `{T}`",
    label = "expected a tensor, a variable or a number of `{T}`",
    note = "numbers are not converted: beside floats write `1.0` and not `1`, and in generic code `T::from_f64(1.0)`",
    note = "`cast` converts a tensor: `x.cast::<f64>()`; of an array make a constant: `g.constant(array)`"
)]
pub trait Operand<'g, T>: AnyOperand<'g> {
    /// The operand as a tensor of the graph; a scalar becomes a constant.
    fn into_tensor(self, graph: &'g Graph) -> Tensor<'g, T>;
}

impl<'g, T> Operand<'g, T> for Tensor<'g, T> {
    fn into_tensor(self, _: &'g Graph) -> Tensor<'g, T> {
        self
    }
}

impl<'g, T> Operand<'g, T> for Variable<'g, T> {
    fn into_tensor(self, _: &'g Graph) -> Tensor<'g, T> {
        self.into()
    }
}

impl<'g, T: Element> Operand<'g, T> for T {
    #[track_caller]
    fn into_tensor(self, graph: &'g Graph) -> Tensor<'g, T> {
        Tensor::typed(graph.apply(op::Constant::scalar(self), &[]))
    }
}

/// What an op takes for labels and indices: a tensor or a variable of `i32` or `i64`, a reference to one, or such a
/// number.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no label or index",
    label = "expected a tensor, a variable or a number of `i32` or `i64`",
    note = "`cast` makes integers of other elements: `x.cast::<i64>()`; of an array make a constant: `g.constant(array)`"
)]
pub trait IndexOperand<'g>: AnyOperand<'g> {}

impl<'g, T: Integer> IndexOperand<'g> for Tensor<'g, T> {}
impl<'g, T: Integer> IndexOperand<'g> for &Tensor<'g, T> {}
impl<'g, T: Integer> IndexOperand<'g> for Variable<'g, T> {}
impl<'g, T: Integer> IndexOperand<'g> for &Variable<'g, T> {}
impl IndexOperand<'_> for i32 {}
impl IndexOperand<'_> for i64 {}

impl<'g, T> From<Tensor<'g, T>> for AnyTensor<'g> {
    fn from(tensor: Tensor<'g, T>) -> Self {
        tensor.any
    }
}

/// What stands for the sum of no tensors, whose graph nobody knows: an invalid tensor of a graph of its own. What is
/// built on it is invalid, wherever that is.
pub(crate) fn sum_of_nothing() -> AnyTensor<'static> {
    static NOWHERE: LazyLock<Graph> = LazyLock::new(|| {
        let graph = Graph::new();
        graph.invalid_any("sum", Fault::NoOperand);
        graph
    });
    NOWHERE.tie(NodeId(0))
}

/// A handle that does not know its element type: what ops and their gradients are written with. The operators
/// `+ - * /` and unary `-` work on it.
#[derive(Clone, Copy)]
pub struct AnyTensor<'g> {
    graph: &'g Graph,
    id: TensorId,
}

impl fmt::Debug for AnyTensor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arena = self.graph.shared().snapshot();
        let (op, name) = (arena.node(self.id.node).op.name(), arena.tensor_name(self.id));
        write!(f, "{op} `{name}`: {}", arena.tensor(self.id))
    }
}

impl<'g> AnyTensor<'g> {
    pub(super) fn new(graph: &'g Graph, id: TensorId) -> Self {
        AnyTensor { graph, id }
    }

    /// The graph that it belongs to.
    pub fn graph(self) -> &'g Graph {
        self.graph
    }

    pub(crate) fn id(self) -> TensorId {
        self.id
    }

    /// The node whose output it is.
    pub(crate) fn node(self) -> NodeId {
        self.id.node
    }

    /// The id of the graph and that of the node in it.
    pub(crate) fn untied(self) -> (u64, NodeId) {
        (self.graph.shared().id, self.id.node)
    }

    pub(crate) fn is_of(self, graph: &Graph) -> bool {
        self.graph.shared().id == graph.shared().id
    }

    /// Whether it is the [sum of nothing](sum_of_nothing), or built on it alone.
    pub(crate) fn is_nowhere(self) -> bool {
        self.graph.is_nowhere()
    }

    pub(crate) fn op(self) -> Operation<'g> {
        Operation { any: self }
    }

    /// The node's name, and behind the first output which one it is: `node:1`.
    pub fn name(self) -> String {
        self.graph.shared().read().tensor_name(self.id)
    }

    /// What errors call it.
    pub(crate) fn site(self) -> Site {
        self.graph.shared().snapshot().site(self.id)
    }

    pub(crate) fn location(self) -> &'static Location<'static> {
        self.graph.shared().read().node(self.id.node).location
    }

    /// Gives the node another name, inside the current scope; a name taken becomes `n_1`. One of several outputs of a
    /// node gets the name as an identity of its own.
    #[track_caller]
    pub fn named(self, name: &str) -> Self {
        let is_one_of_several = self.graph.shared().read().node(self.id.node).outputs.len() > 1;
        let named = if is_one_of_several { self.unary(op::Identity::Plain) } else { self };
        named.rename(name);
        named
    }

    pub(crate) fn rename(self, name: &str) {
        self.graph.rename(self.id.node, name);
    }

    /// The element type.
    pub fn dtype(self) -> DType {
        self.graph.shared().read().tensor(self.id).dtype
    }

    /// The static shape.
    pub fn shape(self) -> Shape {
        self.graph.shared().read().tensor(self.id).shape.clone()
    }

    pub(crate) fn role(self) -> Role {
        self.graph.shared().read().node(self.id.node).role
    }

    /// For which modes the layers were called on whose outputs it depends.
    pub(crate) fn modes(self) -> Modes {
        self.graph.shared().read().node(self.id.node).modes
    }

    /// Says that it is the output of a layer that was called for a mode.
    pub(crate) fn with_modes(self, modes: Modes) -> Self {
        self.graph.add_modes(self.id.node, modes);
        self
    }

    pub(crate) fn is_invalid(self) -> bool {
        self.graph.shared().read().node(self.id.node).fault.is_some()
    }

    /// Applies an op to this tensor alone.
    #[track_caller]
    pub(crate) fn unary(self, op: impl MultiOp) -> Self {
        self.graph.apply(op, &[self])
    }

    /// Applies an op to this tensor and another.
    #[track_caller]
    pub(crate) fn binary(self, op: impl MultiOp, other: AnyTensor<'g>) -> Self {
        self.graph.apply(op, &[self, other])
    }

    /// The same handle with its element type. A tensor of another type becomes an invalid node, with a fault that
    /// says so.
    #[track_caller]
    pub fn typed<T: Element>(self) -> Tensor<'g, T> {
        if self.is_invalid() || self.dtype() == T::DTYPE {
            return Tensor::typed(self);
        }
        let fault = Fault::ElementType { expected: T::DTYPE, found: self.dtype() };
        Tensor::typed(self.graph.invalid_any("typed", fault))
    }

    /// The constant that holds one number of this tensor's element type.
    #[track_caller]
    pub fn scalar_like(self, value: f64) -> Self {
        self.graph.scalar(value, self.dtype())
    }
}
