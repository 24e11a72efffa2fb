//! `while_loop` and `fori`: a body that is run again and again on a state.

use super::{check_condition, close_loop, invalid, results_of};
use crate::element::DType;
use crate::error::Fault;
use crate::graph::{
    AnyTensor, Binding, BodyId, ControlFault, Graph, LoopOutput, LoopRecord, LoopTrips, Numbering, Tensor,
    Tensors,
};
use crate::shape::TensorType;

/// Options of a [`while_with`](Graph::while_with).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct While {
    most: usize,
}

impl Default for While {
    fn default() -> Self {
        While::new()
    }
}

impl While {
    /// As many iterations as the condition asks for.
    pub fn new() -> Self {
        While { most: usize::MAX }
    }

    /// The loop ends behind so many iterations, although the condition still holds.
    #[must_use]
    pub fn maximum_iterations(self, most: usize) -> Self {
        While { most }
    }
}

/// How often a [`fori`](Graph::fori) runs: a number, or an integer scalar of the graph.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number of iterations",
    label = "expected a `usize`, or a tensor or a variable of `i32` or `i64`",
    note = "`cast` makes integers of other elements: `x.cast::<i64>()`"
)]
pub trait Times<'g> {
    /// The number, or else the tensor.
    #[doc(hidden)]
    fn times(self) -> Result<usize, AnyTensor<'g>>;
}

impl<'g> Times<'g> for usize {
    fn times(self) -> Result<usize, AnyTensor<'g>> {
        Ok(self)
    }
}

impl<'g> Times<'g> for AnyTensor<'g> {
    fn times(self) -> Result<usize, AnyTensor<'g>> {
        Err(self)
    }
}

impl<'g, T: crate::element::Integer> Times<'g> for Tensor<'g, T> {
    fn times(self) -> Result<usize, AnyTensor<'g>> {
        Err(self.any())
    }
}

impl<'g, T: crate::element::Integer> Times<'g> for crate::graph::Variable<'g, T> {
    fn times(self) -> Result<usize, AnyTensor<'g>> {
        Err(self.any())
    }
}

impl Graph {
    /// The state behind the last iteration, where each iteration makes a new state by `body`, as long as `condition`, a
    /// boolean scalar made of the state, holds: a state for which it does not hold at first is given as it is. The
    /// state is a tensor, or a tuple, an array or a `Vec` of tensors.
    ///
    /// The closures build a condition and a body, once; they may use any tensor of the graph. Each tensor of the state
    /// keeps its element type and its shape. Gradients of any order pass through the iterations that have run, however
    /// many these are, to the first state and to all that the body uses. Variables are read as the loop sees them, and
    /// what the loop makes of them is assigned outside. Random numbers inside differ from iteration to iteration.
    ///
    /// A run keeps what its gradient needs of each iteration, for as long as it lasts.
    /// [`with_timeout`](crate::Session::with_timeout) ends a loop that would not end, as do
    /// [`maximum_iterations`](While::maximum_iterations).
    ///
    /// # Errors
    /// It is a build error if the condition is no boolean scalar, or if the body changes the type of the state, or
    /// assigns. If lengths that become known in a run differ, the run fails. What fails inside an iteration fails with
    /// [`Error::Iteration`](crate::Error::Iteration), which says which one.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", []);
    /// // x to the power of 10.
    /// let start = (g.constant(0_i64), g.constant(1.0));
    /// let (_, power) = g.while_loop(|(i, _)| i.less(10), |(i, power)| (i + 1, power * x), start);
    /// let [slope] = power.gradients([x]);
    /// let session = Session::new(&g)?;
    /// assert_eq!(session.feed(x, 2.0).run([power, slope])?.map(|y| y.sum()), [1024.0, 5120.0]);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn while_loop<'g, S: Tensors<'g>, C: Into<AnyTensor<'g>>>(
        &'g self,
        condition: impl FnOnce(S) -> C,
        body: impl FnOnce(S) -> S,
        state: S,
    ) -> S {
        self.while_with(While::new(), condition, body, state)
    }

    /// The same as [`while_loop`](Graph::while_loop) with options.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let at_most = While::new().maximum_iterations(5);
    /// let x = g.while_with(at_most, |x| x.less(1e6), |x| x * 2.0, g.constant(1.0_f64));
    /// assert_eq!(Session::new(&g)?.run(x)?.item()?, 32.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`while_loop`](Graph::while_loop).
    #[track_caller]
    pub fn while_with<'g, S: Tensors<'g>, C: Into<AnyTensor<'g>>>(
        &'g self,
        options: While,
        condition: impl FnOnce(S) -> C,
        body: impl FnOnce(S) -> S,
        state: S,
    ) -> S {
        let test = self.open_body(self.body_here(), "condition");
        let decides = self.inside(test, || {
            let parameters = state.map(&mut |tensor| self.parameter_like(test, tensor));
            condition(parameters).into()
        });
        self.close_body(test, vec![decides]);
        let fault = if decides.is_invalid() { None } else { check_condition(decides).err() };
        if let Some(fault) = fault {
            return invalid(self, "while", fault, &state);
        }
        self.repeated("while", LoopTrips::While { condition: test, most: options.most }, body, state)
    }

    /// The state behind so many iterations: each makes a new state out of its number, counted from 0, and the state
    /// before. Of a fixed number the loop knows how much its gradient keeps; a number that is a tensor is known when
    /// the loop runs, and is none for one below 0. For the rest it is as for [`while_loop`](Graph::while_loop).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let factorial = g.fori(5, |i, product| product * (i + 1), g.constant(1_i64));
    /// assert_eq!(Session::new(&g)?.run(factorial)?.item()?, 120);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`while_loop`](Graph::while_loop).
    #[track_caller]
    pub fn fori<'g, S: Tensors<'g>>(
        &'g self,
        times: impl Times<'g>,
        body: impl FnOnce(Tensor<'g, i64>, S) -> S,
        state: S,
    ) -> S {
        // The number comes last, so that the components of the state are counted as the caller does.
        let state = (state, self.constant(0_i64));
        let next = |(state, i): (S, Tensor<'g, i64>)| (body(i, state), i + 1);
        let (last, _) = match times.times() {
            Ok(times) => self.repeated("fori", LoopTrips::Fixed(times), next, state),
            Err(times) => {
                let found = TensorType::of(times);
                let is_number = matches!(found.dtype, DType::I32 | DType::I64) && found.shape.rank() == 0;
                if !is_number && !times.is_invalid() {
                    return invalid(self, "fori", Fault::op(ControlFault::Times { found }), &state.0);
                }
                let times = times.cast(DType::I64);
                let goes_on = |(_, i): (S, Tensor<'g, i64>)| i.any().less(times);
                self.while_with(While::new(), goes_on, next, state)
            }
        };
        last
    }

    /// A loop over a state.
    #[track_caller]
    fn repeated<'g, S: Tensors<'g>>(
        &'g self,
        name: &'static str,
        trips: LoopTrips,
        build: impl FnOnce(S) -> S,
        state: S,
    ) -> S {
        let body = self.open_body(self.body_here(), "body");
        let next = self.inside(body, || build(state.map(&mut |tensor| self.parameter_like(body, tensor))));
        let first = state.flat();
        if let Err(fault) = close_loop(self, body, &state, &next, &[]) {
            return invalid(self, name, fault, &state);
        }
        let record = self.loop_over(body, (first.len(), 0), trips, false, Vec::new());
        let inputs = self.loop_inputs(&record, first);
        let mut last = self.loop_node(name, record, &inputs).into_iter();
        // There are as many outputs as tensors of the state.
        state.map(&mut |tensor| last.next().unwrap_or(tensor))
    }

    /// A loop whose body's parameters are so many values of the state, and so many rows; it gives the last state, and the
    /// results of the body at these positions stacked.
    pub(super) fn loop_over(
        &self,
        body: BodyId,
        (states, rows): (usize, usize),
        trips: LoopTrips,
        reverse: bool,
        stacked: Vec<usize>,
    ) -> LoopRecord {
        let captures = self.shared().read().body(body).captures.len();
        let bindings = [(Binding::State, states), (Binding::Row, rows), (Binding::Whole, captures)];
        let bindings = bindings.into_iter().flat_map(|(binding, count)| std::iter::repeat_n(binding, count));
        let results = results_of(self, body);
        let stacked = stacked.into_iter().map(|position| LoopOutput::Stacked(results[position]));
        LoopRecord {
            body,
            bindings: bindings.collect(),
            trips,
            reverse,
            outputs: (0..states).map(LoopOutput::Last).chain(stacked).collect(),
            origin: None,
            recomputes: false,
            draws_as: None,
            numbering: Numbering::Rows,
        }
    }

    /// The inputs of a loop: what its parameters are at first, and what its bodies capture.
    pub(super) fn loop_inputs<'g>(
        &'g self,
        record: &LoopRecord,
        mut parameters: Vec<AnyTensor<'g>>,
    ) -> Vec<AnyTensor<'g>> {
        let arena = self.shared().read();
        let mut captures = arena.body(record.body).captures.clone();
        if let LoopTrips::While { condition, .. } = record.trips {
            captures.extend(&arena.body(condition).captures);
        }
        drop(arena);
        parameters.extend(captures.into_iter().map(|id| self.tie(id)));
        parameters
    }
}
