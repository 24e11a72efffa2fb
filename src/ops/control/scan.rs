//! `scan`, `fold` and `map_fn`: a body that is run for each row of arrays.

use std::panic::Location;

use super::{close_loop, invalid};
use crate::error::Fault;
use crate::graph::{AnyTensor, BodyId, ControlFault, Graph, LoopRecord, LoopTrips, Numbering, Tensors};

/// Options of a [`scan_with`](Graph::scan_with).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    pub(super) reverse: bool,
    pub(super) checkpoints: Checkpoints,
}

/// Of which iterations the gradient keeps the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Checkpoints {
    /// Of each, with what it has computed.
    #[default]
    All,
    /// Of one in so many.
    Every(usize),
    /// Of as many as lie between two.
    Sqrt,
}

impl Scan {
    /// From the first row to the last.
    pub fn new() -> Self {
        Scan::default()
    }

    /// From the last row to the first. What is stacked lies in the order of the rows all the same.
    #[must_use]
    pub fn reverse(self) -> Self {
        Scan { reverse: true, ..self }
    }

    /// The gradient keeps the state of one iteration in so many, and computes those between once more: a `k`-th of the
    /// memory, and what `k` iterations need, for one more pass. 0 is as 1. The number of rows need not be known before a
    /// run. Random numbers are the same the second time; what has an effect, such as `print`, happens twice.
    #[must_use]
    pub fn checkpoint_every(self, iterations: usize) -> Self {
        Scan { checkpoints: Checkpoints::Every(iterations.max(1)), ..self }
    }

    /// The same with the square root of the number of rows, with which the gradient needs the least memory.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let (w, xs) = (g.variable("w", 0.5_f64), g.fill([10_000], 1.0));
    /// let (last, _) = g.scan_with(Scan::new().checkpoint_sqrt(), g.constant(0.0), xs, |s, x| ((s * w + x).sin(), ()));
    /// let [dw] = last.gradients([w.tensor()]);
    /// assert!(Session::new(&g)?.run(dw)?.item()?.is_finite());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[must_use]
    pub fn checkpoint_sqrt(self) -> Self {
        Scan { checkpoints: Checkpoints::Sqrt, ..self }
    }
}

impl Graph {
    /// Goes through arrays row by row along their first axis: each iteration makes, out of the state and the rows, the
    /// next state and what is stacked. Gives the state behind the last row, and the stacked rows. State, arrays and what
    /// is stacked are each a tensor, or a tuple, an array or a `Vec` of tensors.
    ///
    /// All arrays have the same number of rows, which need not be known before a run; there may be none. Each tensor of
    /// the state keeps its element type and its shape. Gradients of any order pass to the first state, to the arrays,
    /// and to all else that the body uses. For the rest it is as for [`while_loop`](Graph::while_loop).
    ///
    /// # Errors
    /// It is a build error if an array has no axis or another number of rows, or if the body changes the type of the
    /// state, or assigns. If lengths that become known in a run differ, the run fails.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let xs = g.placeholder::<f64>("xs", [None]);
    /// let (sum, so_far) = g.scan(g.constant(0.0), xs, |sum, x| (sum + x, sum + x));
    /// let session = Session::new(&g)?;
    /// let (sum, so_far) = session.feed(xs, &ndarray::arr1(&[1.0, 2.0, 4.0])).run((sum, so_far))?;
    /// assert_eq!((sum.item()?, so_far), (7.0, ndarray::arr1(&[1.0, 3.0, 7.0]).into_dyn()));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn scan<'g, S: Tensors<'g>, X: Tensors<'g>, Y: Tensors<'g>>(
        &'g self,
        state: S,
        arrays: X,
        body: impl FnOnce(S, X) -> (S, Y),
    ) -> (S, Y) {
        self.scan_with(Scan::new(), state, arrays, body)
    }

    /// The same as [`scan`](Graph::scan) with options.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let xs = g.constant(ndarray::arr1(&[1.0, 2.0, 4.0]));
    /// let (_, still_to_come) = g.scan_with(Scan::new().reverse(), g.constant(0.0), xs, |sum, x| (sum + x, sum + x));
    /// assert_eq!(Session::new(&g)?.run(still_to_come)?, ndarray::arr1(&[7.0, 6.0, 4.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`scan`](Graph::scan).
    #[track_caller]
    pub fn scan_with<'g, S: Tensors<'g>, X: Tensors<'g>, Y: Tensors<'g>>(
        &'g self,
        options: Scan,
        state: S,
        arrays: X,
        body: impl FnOnce(S, X) -> (S, Y),
    ) -> (S, Y) {
        self.through("scan", options, state, arrays, body)
    }

    /// The state behind the last row: [`scan`](Graph::scan) where nothing is stacked.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let coefficients = g.constant(ndarray::arr1(&[2.0, 0.0, 1.0]));
    /// let x = g.constant(3.0);
    /// // 2x² + 1, by Horner's rule.
    /// let y = g.fold(g.constant(0.0), coefficients, |y, c| y * x + c);
    /// assert_eq!(Session::new(&g)?.run(y)?.item()?, 19.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`scan`](Graph::scan).
    #[track_caller]
    pub fn fold<'g, S: Tensors<'g>, X: Tensors<'g>>(
        &'g self,
        state: S,
        arrays: X,
        body: impl FnOnce(S, X) -> S,
    ) -> S {
        self.through("fold", Scan::new(), state, arrays, |state, row| (body(state, row), ())).0
    }

    /// What a function makes of each row of arrays, stacked: [`scan`](Graph::scan) without a state. No row depends on
    /// another, so those of costly functions are computed on all threads of the session.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let xs = g.constant(ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    /// let lengths = g.map_fn(xs, |row| row.square().reduce_sum(..));
    /// assert_eq!(Session::new(&g)?.run(lengths)?, ndarray::arr1(&[5.0, 25.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`scan`](Graph::scan).
    #[doc(alias("vmap", "vectorized_map"))]
    #[track_caller]
    pub fn map_fn<'g, X: Tensors<'g>, Y: Tensors<'g>>(&'g self, arrays: X, body: impl FnOnce(X) -> Y) -> Y {
        self.through("map_fn", Scan::new(), (), arrays, |(), row| ((), body(row))).1
    }

    #[track_caller]
    fn through<'g, S: Tensors<'g>, X: Tensors<'g>, Y: Tensors<'g>>(
        &'g self,
        name: &'static str,
        options: Scan,
        state: S,
        arrays: X,
        build: impl FnOnce(S, X) -> (S, Y),
    ) -> (S, Y) {
        let location = Location::caller();
        let (first, rows_of) = (state.flat(), arrays.flat());
        let fault = check_rows(&rows_of);
        let body = self.open_body(self.body_here(), "body");
        let (next, stacked) = self.inside(body, || {
            let state = state.map(&mut |tensor| self.parameter_like(body, tensor));
            // A scalar has no rows, which is said below; the body is built as if it were one.
            let rows = arrays.map(&mut |array| self.parameter(body, &array.row_type()));
            build(state, rows)
        });
        let closed = close_loop(self, body, &state, &next, &stacked.flat());
        if let Some(fault) = fault.or(closed.err()) {
            return (invalid(self, name, fault.clone(), &state), invalid(self, name, fault, &stacked));
        }
        let rows = Rows { name, body, lengths: [first.len(), rows_of.len(), stacked.flat().len()] };
        let given = self.attributed(location, || rows.run_with(self, options, first, &rows_of));
        let mut given = given.into_iter();
        // There are as many outputs as tensors of the state and of what is stacked.
        let last = state.map(&mut |tensor| given.next().unwrap_or(tensor));
        (last, stacked.map(&mut |tensor| given.next().unwrap_or(tensor)))
    }
}

/// A body that is run for each row.
pub(super) struct Rows {
    pub(super) name: &'static str,
    pub(super) body: BodyId,
    /// How many tensors the state has, how many arrays there are, and how many are stacked.
    pub(super) lengths: [usize; 3],
}

impl Rows {
    /// A loop over all rows of arrays: gives the last state and what is stacked. What those of a block have computed is not
    /// kept.
    #[track_caller]
    pub(super) fn run<'g>(
        &self,
        graph: &'g Graph,
        Scan { reverse, .. }: Scan,
        state: Vec<AnyTensor<'g>>,
        arrays: &[AnyTensor<'g>],
        numbering: Numbering<AnyTensor<'g>>,
    ) -> Vec<AnyTensor<'g>> {
        let recomputes = matches!(numbering, Numbering::WithinBlock);
        let record = self.record(graph, reverse);
        let mut inputs = graph.loop_inputs(&record, [&state, arrays].concat());
        let numbering = numbering.map(|of| {
            inputs.push(of);
            inputs.len() - 1
        });
        graph.loop_node(self.name, LoopRecord { recomputes, numbering, ..record }, &inputs)
    }

    /// What a loop over all rows is.
    pub(super) fn record(&self, graph: &Graph, reverse: bool) -> LoopRecord {
        let [states, rows, stacked] = self.lengths;
        let of_stacked = (states..states + stacked).collect();
        graph.loop_over(self.body, (states, rows), LoopTrips::Rows(states), reverse, of_stacked)
    }
}

/// What is wrong with arrays that are to be gone through row by row, as far as their shapes are known.
fn check_rows(arrays: &[AnyTensor<'_>]) -> Option<Fault> {
    if arrays.is_empty() {
        return Some(Fault::op(ControlFault::NoArrays));
    }
    let mut expected = None;
    for (array, tensor) in arrays.iter().enumerate().filter(|(_, tensor)| !tensor.is_invalid()) {
        let shape = tensor.shape();
        let Some(&rows) = shape.dims().first() else {
            return Some(Fault::op(ControlFault::NoRows { array, dtype: tensor.dtype() }));
        };
        match (expected, rows) {
            (Some(expected), Some(found)) if expected != found => {
                return Some(Fault::op(ControlFault::Rows { array, expected, found }));
            }
            _ => expected = expected.or(rows),
        }
    }
    None
}
