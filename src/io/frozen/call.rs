//! Calls of a frozen model, with arrays of any element type.

use super::{Frozen, FrozenError};
use crate::session::{Arguments, FedArrays, Feeding};
use crate::{Session, Value};

impl Frozen {
    /// The outputs for these inputs: an array, a view, a [`Value`] or a number for a model of one input; else a tuple of such,
    /// or a list of equal ones. Threads may call one model at once; nothing of a call is left behind but the plan for
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
    /// assert_eq!(model.call((&arr1(&[1.0, 2.0]), 3_i64))?, expected);
    /// assert_eq!(model.call(&[Value::from(arr1(&[1.0, 2.0])), Value::from(arr0(3_i64))])?, expected);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Another number of inputs than the model has, inputs of other element types or shapes, and whatever a run can fail
    /// with; build errors name the line that froze or loaded the model.
    pub fn call<'v>(&self, inputs: impl Arguments<'v, Vec<Value>>) -> Result<Vec<Value>, FrozenError> {
        let arrays = FedArrays::of_list(inputs);
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
