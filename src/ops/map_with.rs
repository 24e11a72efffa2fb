//! `map_with`: a scalar function that a closure computes, with its derivative as another closure.

use std::fmt;
use std::sync::Arc;

use ndarray::Zip;

use super::callback::caught;
use crate::element::{ArrayMut, ArrayRef, Numeric};
use crate::error::Fault;
use crate::gradient::{GradientFault, Pullback};
use crate::graph::Float;
use crate::graph::op::{Attributes, Elements, Op};
use crate::graph::{AnyTensor, Tensor};
use crate::ir::{Kernel, KernelError, Lowering, Val};
use crate::shape::TensorType;

pub(super) const METHODS: &[&[crate::graph::op::OpDef]] = &[];

/// Applies a closure to each element of an array.
type Elementwise = dyn Fn(&ArrayRef<'_>, ArrayMut<'_>) -> Result<(), KernelError> + Send + Sync;

/// A closure on elements of one type, on arrays of that type.
fn on_arrays<T: Float>(f: impl Fn(T) -> T + Send + Sync + 'static) -> Box<Elementwise> {
    Box::new(move |input, output| {
        Zip::from(output.into_view::<T>()?).and(input.view::<T>()?).for_each(|y, &x| *y = f(x));
        Ok(())
    })
}

/// A closure on doubles, on arrays of either float type.
fn on_floats(f: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Box<Elementwise> {
    fn apply<T: Float>(
        f: impl Fn(f64) -> f64,
        input: &ArrayRef<'_>,
        output: ArrayMut<'_>,
    ) -> Result<(), KernelError> {
        let fill = |y: &mut T, &x: &T| *y = <T as Numeric>::from_f64(f(x.as_f64()));
        Zip::from(output.into_view::<T>()?).and(input.view::<T>()?).for_each(fill);
        Ok(())
    }
    Box::new(move |input, output| match input {
        ArrayRef::F32(_) => apply::<f32>(&f, input, output),
        _ => apply::<f64>(&f, input, output),
    })
}

/// A closure as a kernel. All nodes of one function share it, so that equal calls are one.
struct Apply {
    name: &'static str,
    function: Box<Elementwise>,
}

impl fmt::Debug for Apply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apply").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Kernel for Apply {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        caught(|| (self.function)(&inputs[0], output))
    }

    /// A closure may panic.
    fn must_run(&self) -> bool {
        true
    }

    fn is_batched(&self) -> bool {
        true
    }
}

/// A function and its derivatives, as far as they are given, of which the node computes one.
#[derive(Clone, Debug)]
struct MapWith {
    name: &'static str,
    functions: Arc<[Arc<dyn Kernel>]>,
    order: usize,
}

impl Op for MapWith {
    fn name(&self) -> &'static str {
        self.name
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (dims, dtype) = (to.dims(inputs[0]).to_vec(), to.dtype(inputs[0]));
        to.shared_kernel(&self.functions[self.order], inputs, dtype, dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, order) = (at.input(0), self.order + 1);
        if order < self.functions.len() {
            return at.scale(0, || x.unary(MapWith { order, ..self.clone() }));
        }
        let fault = GradientFault::NoDerivative { op: self.name, order };
        at.give(0, |dy| dy.graph().invalid_any(self.name, Fault::op(fault)));
    }

    fn attributes(&self) -> Attributes {
        match self.order {
            0 => Attributes::new(),
            order => Attributes::new().with("derivative", order),
        }
    }
}

impl AnyTensor<'_> {
    /// The same as [`Tensor::map_with`](crate::Tensor::map_with), for a tensor of either float type: the closures compute
    /// in `f64`, and results are rounded to the tensor's type.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[0.0_f32, 1.0])).any();
    /// let y = x.map_with("expm1", f64::exp_m1, f64::exp).typed::<f32>();
    /// assert_eq!(Session::new(&g)?.run(y)?[1], 1.0_f64.exp_m1() as f32);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn map_with(
        self,
        name: &'static str,
        f: impl Fn(f64) -> f64 + Send + Sync + 'static, // owns what it uses: `move`, or an `Arc`
        derivative: impl Fn(f64) -> f64 + Send + Sync + 'static, // owns what it uses: `move`, or an `Arc`
    ) -> Self {
        self.map_by(name, [on_floats(f), on_floats(derivative)])
    }

    /// The same as [`Tensor::map_with_second`](crate::Tensor::map_with_second), for a tensor of either float type.
    #[track_caller]
    pub fn map_with_second(
        self,
        name: &'static str,
        f: impl Fn(f64) -> f64 + Send + Sync + 'static, // owns what it uses: `move`, or an `Arc`
        derivative: impl Fn(f64) -> f64 + Send + Sync + 'static, // owns what it uses: `move`, or an `Arc`
        second: impl Fn(f64) -> f64 + Send + Sync + 'static, // owns what it uses: `move`, or an `Arc`
    ) -> Self {
        self.map_by(name, [on_floats(f), on_floats(derivative), on_floats(second)])
    }

    #[track_caller]
    fn map_by<const N: usize>(self, name: &'static str, functions: [Box<Elementwise>; N]) -> Self {
        if let Some(invalid) = Elements::Float.refuse(name, self, self.dtype()) {
            return invalid;
        }
        let functions = functions.map(|function| Arc::new(Apply { name, function }) as Arc<dyn Kernel>);
        self.unary(MapWith { name, functions: functions.into(), order: 0 })
    }
}

impl<T: Float> Tensor<'_, T> {
    /// f(x) for each element, by a closure, with its derivative as another one. `name` names the op in errors and texts.
    ///
    /// Gradient: the cotangent times the derivative. The derivative has none of its own: where second derivatives need
    /// it, building them is an error that names the op. [`map_with_second`](Tensor::map_with_second) takes it, too.
    ///
    /// The closures own what they use: arrays and numbers are moved in by `move`, or shared by an [`Arc`]. What they need
    /// of the graph must be an input, of which there is one here: a function of several is for
    /// [`Graph::call`](crate::Graph::call).
    ///
    /// The closures may be called on any thread of the session, in any order, and must give the same for the same
    /// number: where gradients, of any order, need one of them for the same elements several times, it is called once for
    /// each. A panic inside makes the run fail with an error that names the node. What they do is not fused with
    /// other ops; a function that is composed of tensors' methods runs faster, and
    /// [`custom_gradient`](crate::custom_gradient) gives one another gradient.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[-3.0_f64, 0.5, 3.0]));
    /// let softclip = x.map_with("softclip", |v| v / (1.0 + v.abs()), |v| (1.0 + v.abs()).powi(-2));
    /// let [slope] = softclip.gradients([x]);
    /// let (y, slope) = Session::new(&g)?.run((softclip, slope))?;
    /// assert_eq!((y[0], slope[2]), (-0.75, 0.0625));
    /// check_gradients(&g, softclip, &[x])?.assert_close(1e-6);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// The laws of all ops hold for it, those of derivatives to the first order
    /// ([`OpCheck::first_order`](crate::testing::OpCheck::first_order)):
    ///
    /// ```
    /// use flowgrad::Float;
    /// use flowgrad::prelude::*;
    /// use flowgrad::testing::OpCheck;
    /// fn softclip<T: Float>(x: Tensor<'_, T>) -> Tensor<'_, T> {
    ///     x.map_with("softclip", |v| v / (T::one() + v.abs()), |v| (T::one() + v.abs()).powi(-2))
    /// }
    /// let laws = OpCheck::shapes(&[&[2, 3]]).first_order().single_precision(|_, x| softclip(x[0]));
    /// laws.check(|_, x| softclip(x[0])).assert_holds();
    /// ```
    #[track_caller]
    pub fn map_with(
        self,
        name: &'static str,
        f: impl Fn(T) -> T + Send + Sync + 'static, // owns what it uses: `move`, or an `Arc`
        derivative: impl Fn(T) -> T + Send + Sync + 'static, // owns what it uses: `move`, or an `Arc`
    ) -> Self {
        Tensor::typed(self.any().map_by(name, [on_arrays(f), on_arrays(derivative)]))
    }

    /// f(x) for each element, by a closure, with its first and second derivatives: [`map_with`](Tensor::map_with), which
    /// can be differentiated twice. Third derivatives are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// use flowgrad::testing::check_op;
    /// check_op(&[&[2, 3]], |_, x| {
    ///     x[0].map_with_second("cube", |v| v * v * v, |v| 3.0 * v * v, |v| 6.0 * v)
    /// })
    /// .assert_holds();
    /// ```
    #[track_caller]
    pub fn map_with_second(
        self,
        name: &'static str,
        f: impl Fn(T) -> T + Send + Sync + 'static, // owns what it uses: `move`, or an `Arc`
        derivative: impl Fn(T) -> T + Send + Sync + 'static, // owns what it uses: `move`, or an `Arc`
        second: impl Fn(T) -> T + Send + Sync + 'static, // owns what it uses: `move`, or an `Arc`
    ) -> Self {
        let functions = [on_arrays(f), on_arrays(derivative), on_arrays(second)];
        Tensor::typed(self.any().map_by(name, functions))
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    vec![
        example!(
            "map_with_second of a cube",
            &[&[2, 3]],
            |_, x| x[0].map_with_second("cube", |v| v * v * v, |v| 3.0 * v * v, |v| 6.0 * v),
            |x| x[0].mapv(|x| x * x * x)
        ),
        example!(
            "map_with_second of a number and of nothing",
            &[&[], &[0]],
            |_, x| {
                let square = x[0].map_with_second("square", |v| v * v, |v| 2.0 * v, |_| 2.0);
                square + x[1].any().map_with_second("root", f64::sqrt, |_| 0.0, |_| 0.0).typed()
            },
            |x| &x[1] + &x[0]
        ),
    ]
}
