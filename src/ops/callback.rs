//! `Graph::call`: a closure on arrays as a node.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::element::{ArrayMut, ArrayRef, DType};
use crate::error::Fault;
use crate::gradient::{GradientFault, Pullback};
use crate::graph::op::{Attributes, Op};
use crate::graph::{AnyTensor, Graph};
use crate::ir::{Kernel, KernelError, Lowering, Val};
use crate::shape::{Shape, TensorType};

pub(super) const METHODS: &[&[crate::graph::op::OpDef]] = &[];

/// The op's name.
const NAME: &str = "callback";

/// Runs a user's closure, whose panic becomes an error.
pub(super) fn caught(run: impl FnOnce() -> Result<(), KernelError>) -> Result<(), KernelError> {
    // What the closure leaves behind is its own; the output is given to nobody.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let message = said(&*panic).unwrap_or("without a message").to_owned();
        Err(KernelError::Panicked { message })
    })
}

/// The message of a panic.
fn said(panic: &(dyn Any + Send)) -> Option<&str> {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
}

/// What a closure of [`Graph::call`] may give: nothing, or a result of nothing with any error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a closure of `Graph::call` may give",
    label = "expected `()`, or `Result<(), E>` of any error",
    note = "the closure fills the array that it is given, and gives nothing: end it with `;` or `Ok(())`"
)]
pub trait CallResult {
    #[doc(hidden)]
    fn into_result(self) -> Result<(), KernelError>;
}

impl CallResult for () {
    fn into_result(self) -> Result<(), KernelError> {
        Ok(())
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> CallResult for Result<(), E> {
    fn into_result(self) -> Result<(), KernelError> {
        self.map_err(|error| {
            // An error of a kernel is one already.
            error.into().downcast().map_or_else(KernelError::other, |error: Box<KernelError>| *error)
        })
    }
}

/// Fills an array from others.
type Fill = dyn Fn(&[ArrayRef<'_>], ArrayMut<'_>) -> Result<(), KernelError> + Send + Sync;

/// A closure, and the type of what it fills.
#[derive(Clone)]
struct Callback {
    fill: Arc<Fill>,
    /// Lengths that are not known are those of the first input.
    output: TensorType,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").field("output", &self.output).finish_non_exhaustive()
    }
}

impl Op for Callback {
    fn name(&self) -> &'static str {
        NAME
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let first: &[Option<usize>] = inputs.first().map_or(&[], |first| first.shape.dims());
        let mut dims = self.output.shape.dims().to_vec();
        for (axis, length) in dims.iter_mut().enumerate().filter(|(_, length)| length.is_none()) {
            let Some(&same) = first.get(axis) else {
                let shape = &self.output.shape;
                let reason = format!(
                    "expected a first input with an axis {axis}, whose length is that of the output {shape}, got {}",
                    inputs.first().map_or("none".to_owned(), ToString::to_string)
                );
                return Err(Fault::Custom { reason });
            };
            *length = same;
        }
        Ok(TensorType::new(self.output.dtype, Shape::from(dims)))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let first: &[usize] = inputs.first().map_or(&[], |&first| to.dims(first));
        let length = |(axis, length): (usize, &Option<usize>)| {
            // The shape rule has refused a first input that lacks the axis.
            length.or_else(|| first.get(axis).copied()).unwrap_or(0)
        };
        let dims: Vec<usize> = self.output.shape.dims().iter().enumerate().map(length).collect();
        to.kernel(self.clone(), inputs, self.output.dtype, dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        for input in 0..at.inputs().len() {
            let fault = || Fault::op(GradientFault::NoDerivative { op: NAME, order: 1 });
            at.give(input, |dy| dy.graph().invalid_any(NAME, fault()));
        }
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("dtype", self.output.dtype).with("shape", self.output.shape.clone())
    }
}

impl Kernel for Callback {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        caught(|| (self.fill)(inputs, output))
    }

    fn must_run(&self) -> bool {
        true
    }
}

impl Graph {
    /// What a closure makes of arrays, as a node: TensorFlow's `py_func`. It is given the inputs, in any memory order,
    /// and fills the output, which is in row-major order and of the given element type and shape. A length of `None` is
    /// that of the first input along the same axis.
    ///
    /// What the closure needs of the graph is an input. It owns whatever else it uses: arrays, sessions and other handles
    /// are moved in by `move`, or shared by an [`Arc`].
    ///
    /// The closure runs once in each run that needs the node, before the run ends, on any thread of the session: it may do
    /// more than to fill the output, so nodes of equal calls are not merged, as those of
    /// [`map_with`](crate::Tensor::map_with) are. It may
    /// run sessions, within the bounds that [`Kernel::run`](crate::op::Kernel::run) tells. An error that it gives, and
    /// a panic, make the run fail with [`Error::Kernel`](crate::Error::Kernel), which names the node and leaves all
    /// variables as they were.
    ///
    /// Gradient: there is none, and a path through the node is a build error that names it. Give one by
    /// [`custom_gradient`](crate::custom_gradient), or cut the path by [`stop_gradient`](crate::Tensor::stop_gradient).
    ///
    /// ```
    /// use flowgrad::op::KernelError;
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", [None, Some(3)]);
    /// let sorted = g.call(&[x.any()], (DType::F64, [None, Some(3)]), |inputs, out| -> Result<(), KernelError> {
    ///     let mut out = out.into_view::<f64>()?;
    ///     out.assign(&inputs[0].view::<f64>()?);
    ///     out.rows_mut().into_iter().for_each(|mut row| row.as_slice_mut().unwrap().sort_by(f64::total_cmp));
    ///     Ok(())
    /// });
    /// let fed = ndarray::arr2(&[[3.0, 1.0, 2.0]]);
    /// let sorted = Session::new(&g)?.feed(x, &fed).run(sorted.typed::<f64>())?;
    /// assert_eq!(sorted, ndarray::arr2(&[[1.0, 2.0, 3.0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// With a gradient:
    ///
    /// ```
    /// use flowgrad::op::{ArrayMut, ArrayRef, KernelError};
    /// use flowgrad::prelude::*;
    /// use flowgrad::testing::check_op;
    ///
    /// fn sine<'g>(x: Tensor<'g, f64>) -> Tensor<'g, f64> {
    ///     let by_closure = |[x]: [Tensor<'g, f64>; 1]| {
    ///         let sines = |inputs: &[ArrayRef<'_>], out: ArrayMut<'_>| -> Result<(), KernelError> {
    ///             out.into_view::<f64>()?.assign(&inputs[0].view::<f64>()?.mapv(f64::sin));
    ///             Ok(())
    ///         };
    ///         x.graph().call(&[x.any()], (DType::F64, x.shape()), sines).typed()
    ///     };
    ///     custom_gradient([x], by_closure, |at| [at.cotangent() * at.input(0).cos()])
    /// }
    /// check_op(&[&[2, 3]], |_, x| sine(x[0])).assert_holds();
    /// ```
    #[track_caller]
    pub fn call<'g, R: CallResult>(
        &'g self,
        inputs: &[AnyTensor<'g>],
        (dtype, shape): (DType, impl Into<Shape>),
        fill: impl Fn(&[ArrayRef<'_>], ArrayMut<'_>) -> R + Send + Sync + 'static, // owns what it uses; tensors are `inputs`
    ) -> AnyTensor<'g> {
        let fill =
            Arc::new(move |inputs: &[ArrayRef<'_>], output: ArrayMut<'_>| fill(inputs, output).into_result());
        self.apply(Callback { fill, output: TensorType::new(dtype, shape.into()) }, inputs)
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example_f64;
    use crate::graph::Tensor;
    use crate::ops::custom_gradient;

    fn product<'g>(inputs: [Tensor<'g, f64>; 2]) -> Tensor<'g, f64> {
        let by_closure = |[a, b]: [Tensor<'g, f64>; 2]| {
            let multiply = |inputs: &[ArrayRef<'_>], out: ArrayMut<'_>| -> Result<(), KernelError> {
                let (a, b) = (inputs[0].view::<f64>()?, inputs[1].view::<f64>()?);
                out.into_view::<f64>()?.assign(&(&a * &b));
                Ok(())
            };
            a.graph().call(&[a.any(), b.any()], (DType::F64, a.shape()), multiply).typed()
        };
        custom_gradient(inputs, by_closure, |at| {
            let [a, b] = at.inputs();
            [at.cotangent() * b, at.cotangent() * a]
        })
    }
    let shapes: [&[&[usize]]; 3] = [&[&[2, 3], &[2, 3]], &[&[], &[]], &[&[0, 2], &[0, 2]]];
    shapes.map(|shapes| example_f64("call", shapes, |_, x| product([x[0], x[1]]), |x| &x[0] * &x[1])).into()
}
