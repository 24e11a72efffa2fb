//! What looks at values and passes them on: `check_numerics`, `inspect` and `print`.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use ndarray::ArrayViewD;

use crate::element::{ArrayMut, ArrayRef, DType, Element, with_element};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op};
use crate::graph::{AnyTensor, Tensor};
use crate::ir::{Dims, Kernel, KernelError, Lowering, Val, iterations};
use crate::ops::methods::methods;
use crate::shape::TensorType;

/// Gives its input, whose elements must be finite.
#[derive(Debug)]
struct CheckNumerics;

impl Op for CheckNumerics {
    fn name(&self) -> &'static str {
        "check_numerics"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        to.finite(inputs[0])
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy);
    }
}

/// Gives its input, which is shown to a function whenever the node runs.
#[derive(Clone, Debug)]
struct Inspect(Look);

/// A function that is shown what a node computes.
#[derive(Clone)]
struct Look(Arc<dyn Fn(&ArrayRef<'_>) + Send + Sync>);

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Look")
    }
}

impl Op for Inspect {
    fn name(&self) -> &'static str {
        "inspect"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        beside(inputs, self.0.clone(), to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy);
    }
}

/// The elements, which go past a kernel that is run for its effect: nobody waits for it, nothing is copied.
fn beside(inputs: &[Val], kernel: impl Kernel, to: &mut Lowering<'_>) -> Val {
    to.kernel(kernel, inputs, DType::Bool, Dims::from_elem(0, 1));
    inputs[0]
}

impl Kernel for Look {
    fn run(&self, inputs: &[ArrayRef<'_>], _: ArrayMut<'_>) -> Result<(), KernelError> {
        self.0(&inputs[0]);
        Ok(())
    }

    fn must_run(&self) -> bool {
        true
    }
}

/// Gives its input, of which a line is printed whenever the node runs.
#[derive(Clone, Debug)]
struct Print {
    message: String,
}

impl Op for Print {
    fn name(&self) -> &'static str {
        "print"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        beside(inputs, self.clone(), to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy);
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("message", self.message.clone())
    }
}

impl Kernel for Print {
    fn run(&self, inputs: &[ArrayRef<'_>], _: ArrayMut<'_>) -> Result<(), KernelError> {
        let described = with_element!(inputs[0].dtype(), T => described(&inputs[0].view::<T>()?));
        // One write, so that lines of threads do not mix; where nobody can read it, nothing is lost.
        let line = line(&self.message, &iterations(), &described);
        let _ = std::io::stderr().write_all(line.as_bytes());
        Ok(())
    }

    fn must_run(&self) -> bool {
        true
    }
}

/// A line that says what is printed, and in which iterations of loops.
fn line(message: &str, iterations: &[usize], described: &str) -> String {
    match iterations {
        [] => format!("{message}: {described}\n"),
        [iteration] => format!("{message}, iteration {iteration}: {described}\n"),
        _ => format!("{message}, iterations {iterations:?}: {described}\n"),
    }
}

/// Elements that `print` shows.
const SHOWN: usize = 8;

/// A line that tells an array's type, shape and first elements.
fn described<T: Element>(array: &ArrayViewD<'_, T>) -> String {
    let shown: Vec<String> = array.iter().take(SHOWN).map(|element| format!("{element:?}")).collect();
    let more = if array.len() > SHOWN { ", …" } else { "" };
    format!("{}{:?} {}{more}", T::DTYPE, array.shape(), shown.join(", "))
}

methods! {
    /// The same elements; a run in which one of them is NaN or infinite fails with
    /// [`Error::NotFinite`](crate::Error::NotFinite), which names the first node that made such a number, be it far
    /// before this one. To find it, the run is done again, step by step and without optimization.
    ///
    /// Gradient: the cotangent. To check all that a session computes, see
    /// [`SessionBuilder::check_numerics`](crate::SessionBuilder::check_numerics).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", [None]);
    /// let root = x.sqrt().named("root");
    /// let y = (root * 2.0 + 1.0).check_numerics();
    /// let session = Session::new(&g)?;
    /// assert_eq!(session.feed(x, &ndarray::arr1(&[4.0])).run(y)?.sum(), 5.0);
    /// let error = session.feed(x, &ndarray::arr1(&[4.0, -4.0])).run(y).unwrap_err();
    /// assert!(matches!(error, Error::NotFinite { site, .. } if site.node == "root"));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn check_numerics<Float>(x) -> Self {
        x.unary(CheckNumerics)
    }

    /// The same elements; whenever the node runs, a line goes to the standard error output with the message, the
    /// element type, the shape and the first elements. When it runs, says [`inspect`](crate::Tensor::inspect). Inside of
    /// a loop the line also names the iteration, counted from 0: `loss, iteration 3: f64[] 0.5`, or, of a loop in a loop,
    /// `loss, iterations [3, 0]: f64[] 0.5`.
    ///
    /// Gradient: the cotangent.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let loss = g.constant(ndarray::arr1(&[1.0, 2.0])).print("loss");
    /// Session::new(&g)?.run(loss)?; // loss: f64[2] 1.0, 2.0
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn print<Element>(x, message: [String]) -> Self {
        x.unary(Print { message })
    }
}

/// Not in the registry: a function is no attribute.
impl AnyTensor<'_> {
    /// The same as [`Tensor::inspect`](crate::Tensor::inspect), for a function that takes elements of any type.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0])).any();
    /// let x = x.inspect(|elements| assert_eq!(elements.shape(), [2]));
    /// Session::new(&g)?.run(x.typed::<f64>())?;
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn inspect(
        self,
        look: impl Fn(&ArrayRef<'_>) + Send + Sync + 'static, // owns what it uses: `move`, or an `Arc`
    ) -> Self {
        self.unary(Inspect(Look(Arc::new(look))))
    }
}

impl<T: Element> Tensor<'_, T> {
    /// The same elements, which are shown to a function whenever the node runs: once in each run that needs it, or
    /// its operation, before the run ends. The function may be called on any thread of the session, and at once for
    /// runs that go on at once, maybe when its caller is long done. So it owns what it uses: arrays and handles are moved
    /// in by `move`, or shared by an [`Arc`]; of the graph it is shown this tensor alone. It may run the session in its
    /// turn, within the bounds that [`Kernel::run`](crate::op::Kernel::run) tells. Inside of a loop it is called in each
    /// iteration, which [`iterations`](crate::op::iterations) names.
    ///
    /// Gradient: the cotangent, to which nobody looks.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// use std::sync::{Arc, Mutex};
    /// let g = Graph::new();
    /// let seen = Arc::new(Mutex::new(Vec::new()));
    /// let log = Arc::clone(&seen);
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0])).inspect(move |x| log.lock().unwrap().push(x.sum()));
    /// let session = Session::new(&g)?;
    /// session.run([x * 2.0, x])?;
    /// session.run(x.op())?;
    /// assert_eq!(*seen.lock().unwrap(), [3.0, 3.0]);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn inspect(
        self,
        look: impl Fn(&ArrayViewD<'_, T>) + Send + Sync + 'static, // owns what it uses: `move`, or an `Arc`
    ) -> Self {
        let look = move |array: &ArrayRef<'_>| {
            // The elements are of the tensor's type.
            if let Ok(array) = array.view() {
                look(&array);
            }
        };
        self.any().inspect(look).typed()
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    vec![
        example!("check_numerics", &[&[2, 3]], |_, x| (x[0] * x[0]).check_numerics() * 2.0, |x| x[0]
            .mapv(|x| 2.0 * x * x)),
        example!("check_numerics of a row", &[&[1, 3], &[2, 1]], |_, x| x[0].check_numerics() * x[1], |x| &x
            [0]
            * &x[1]),
        example!("check_numerics of nothing", &[&[0, 3]], |_, x| x[0].check_numerics(), |x| x[0].clone()),
        example!(
            "inspect",
            &[&[2, 3]],
            |_, x| (x[0] * x[0]).inspect(|x| assert_eq!(x.shape(), [2, 3])) * 2.0,
            |x| x[0].mapv(|x| 2.0 * x * x)
        ),
        example!(
            "inspect of a part",
            &[&[3, 2]],
            |_, x| x[0].transpose().inspect(|x| assert_eq!(x.shape(), [2, 3])),
            |x| x[0].t().to_owned()
        ),
        // Printing is tried where nobody has to read it.
        example!("print", &[&[0]], |_, x| x[0].print("nothing"), |x| x[0].clone()),
    ]
}

#[cfg(test)]
mod tests {
    use super::{described, line};
    use ndarray::{Array1, arr2};

    #[test]
    fn a_printed_line_tells_type_shape_and_first_elements() {
        let text = described(&arr2(&[[1.0_f32, f32::NAN], [-0.5, 2.0]]).view().into_dyn());
        assert_eq!(text, "f32[2, 2] 1.0, NaN, -0.5, 2.0");
        let text = described(&Array1::from_iter(0_i64..9).view().into_dyn());
        assert_eq!(text, "i64[9] 0, 1, 2, 3, 4, 5, 6, 7, …");
        assert_eq!(described(&Array1::<bool>::default(0).view().into_dyn()), "bool[0] ");
        assert_eq!(line("loss", &[], "f64[] 0.5"), "loss: f64[] 0.5\n");
        assert_eq!(line("loss", &[3], "f64[] 0.5"), "loss, iteration 3: f64[] 0.5\n");
        assert_eq!(line("loss", &[3, 0], "f64[] 0.5"), "loss, iterations [3, 0]: f64[] 0.5\n");
    }
}
