//! Calls of a frozen model, with arrays of any element type.

use ndarray::{ArrayBase, Data, Dimension};

use super::{Frozen, FrozenError};
use crate::element::Element;
use crate::exec::FedArray;
use crate::session::Feeding;
use crate::shape::for_tuples;
use crate::{Session, Value};

/// An array that a model is given: an ndarray array or view, a [`Value`], a number, or a reference to one.
#[diagnostic::on_unimplemented(
    message = "a model is not given `{Self}`",
    label = "expected an ndarray array or view, a `Value`, a number, or a reference to one"
)]
pub trait ModelInput {
    #[doc(hidden)]
    fn fed(&self) -> FedArray<'_>;
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> ModelInput for ArrayBase<S, D> {
    fn fed(&self) -> FedArray<'_> {
        FedArray::of_view(self.view())
    }
}

impl ModelInput for Value {
    fn fed(&self) -> FedArray<'_> {
        FedArray::of_value(self)
    }
}

impl<T: Element> ModelInput for T {
    fn fed(&self) -> FedArray<'_> {
        FedArray::of_scalar(*self)
    }
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> ModelInput for &ArrayBase<S, D> {
    fn fed(&self) -> FedArray<'_> {
        (**self).fed()
    }
}

impl ModelInput for &Value {
    fn fed(&self) -> FedArray<'_> {
        (**self).fed()
    }
}

/// All arrays that a model is given, in the order of its inputs: a list of arrays of one type, a tuple of arrays of
/// different ones, or a single array.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a model is given",
    label = "expected an array, a list of arrays of one type, or a tuple of arrays",
    note = "for one input `model.call(&array)`, for several `model.call(&(a, b))` or `model.call(&[a, b])`"
)]
pub trait ModelInputs {
    #[doc(hidden)]
    fn all(&self) -> Vec<FedArray<'_>>;
}

impl<A: ModelInput> ModelInputs for [A] {
    fn all(&self) -> Vec<FedArray<'_>> {
        self.iter().map(A::fed).collect()
    }
}

impl<A: ModelInput, const N: usize> ModelInputs for [A; N] {
    fn all(&self) -> Vec<FedArray<'_>> {
        self[..].all()
    }
}

impl<T: ModelInput> ModelInputs for Vec<T> {
    fn all(&self) -> Vec<FedArray<'_>> {
        self[..].all()
    }
}

impl ModelInputs for Value {
    fn all(&self) -> Vec<FedArray<'_>> {
        vec![self.fed()]
    }
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> ModelInputs for ArrayBase<S, D> {
    fn all(&self) -> Vec<FedArray<'_>> {
        vec![self.fed()]
    }
}

impl ModelInputs for () {
    fn all(&self) -> Vec<FedArray<'_>> {
        Vec::new()
    }
}

macro_rules! tuple {
    ($($name:ident $position:tt),*) => {
        impl<$($name: ModelInput),*> ModelInputs for ($($name,)*) {
            fn all(&self) -> Vec<FedArray<'_>> {
                vec![$(self.$position.fed()),*]
            }
        }
    };
}
for_tuples!(tuple!);

impl Frozen {
    /// The outputs for these inputs. Threads may call one model at once; nothing of a call is left behind but the plan for
    /// the lengths of its inputs.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// use flowgrad::ndarray::{arr0, arr1};
    ///
    /// # fn main() -> Result<()> {
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", [None]);
    /// let n = g.placeholder::<i64>("n", ());
    /// let y = x * n.cast::<f64>();
    /// let model = Session::new(&g)?.freeze(&[x.any(), n.any()], &[y.any()])?;
    /// let expected = [Value::from(arr1(&[3.0, 6.0]))];
    /// assert_eq!(model.call(&(arr1(&[1.0, 2.0]), 3_i64))?, expected);
    /// assert_eq!(model.call(&[Value::from(arr1(&[1.0, 2.0])), Value::from(arr0(3_i64))])?, expected);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Another number of inputs than the model has, inputs of other element types or shapes, and whatever a run can fail
    /// with; build errors name the line that froze or loaded the model.
    pub fn call<I: ModelInputs + ?Sized>(&self, inputs: &I) -> Result<Vec<Value>, FrozenError> {
        let arrays = inputs.all();
        if arrays.len() != self.inputs.len() {
            return Err(FrozenError::InputCount { expected: self.inputs.len(), found: arrays.len() });
        }
        let run = Feeding::of(&self.session);
        let tensors = self.inputs.iter().map(|&id| self.graph.tie(id));
        let fed = tensors.zip(arrays).fold(run, |run, (tensor, array)| run.feed_array(tensor, array));
        let outputs = self.outputs.iter().map(|&id| self.graph.tie(id)).collect::<Vec<_>>();
        Ok(fed.run(outputs)?)
    }

    /// The session that runs it: for looking at plans and traces.
    pub fn session(&self) -> &Session {
        &self.session
    }
}
