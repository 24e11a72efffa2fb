//! `scan`, `fold` and `map_fn`: a body that is run for each row of arrays.

use std::panic::Location;

use super::{close_loop, invalid};
use crate::error::Fault;
use crate::graph::{AnyTensor, BodyId, ControlFault, Graph, LoopRecord, LoopTrips, Tensors};
use crate::ir::Numbering;
use crate::ops::Length;

/// Options of a [`scan_with`](Graph::scan_with).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    reverse: bool,
    checkpoints: Checkpoints,
}

/// Of which iterations the gradient keeps the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Checkpoints {
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
    /// memory, and what `k` iterations need, for one more pass. 0 is as 1. The number of rows must be known when the
    /// scan is built. Random numbers are the same the second time; what has an effect, such as `print`, happens twice.
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

    /// How many iterations lie from one kept state to the next, of so many in all.
    fn block(self, rows: usize) -> Option<usize> {
        match self.checkpoints {
            Checkpoints::All => None,
            Checkpoints::Every(iterations) => Some(iterations),
            Checkpoints::Sqrt => Some(((rows as f64).sqrt().ceil() as usize).max(1)),
        }
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
        let known = rows_of[0].shape().dims()[0];
        let given = match known.map(|known| (known, options.block(known))) {
            Some((known, Some(block))) => {
                self.attributed(location, || rows.in_blocks(self, options, [known, block], first, &rows_of))
            }
            None if options.checkpoints != Checkpoints::All => {
                let fault = Fault::op(ControlFault::UnknownRows);
                return (invalid(self, name, fault.clone(), &state), invalid(self, name, fault, &stacked));
            }
            Some((_, None)) | None => rows.run(self, options, first, &rows_of, Numbering::From(0)),
        };
        let mut given = given.into_iter();
        // There are as many outputs as tensors of the state and of what is stacked.
        let last = state.map(&mut |tensor| given.next().unwrap_or(tensor));
        (last, stacked.map(&mut |tensor| given.next().unwrap_or(tensor)))
    }
}

/// A body that is run for each row.
struct Rows {
    name: &'static str,
    body: BodyId,
    /// How many tensors the state has, how many arrays there are, and how many are stacked.
    lengths: [usize; 3],
}

impl Rows {
    /// A loop over all rows: gives the last state and what is stacked. What those of a block have computed is not kept.
    #[track_caller]
    fn run<'g>(
        &self,
        graph: &'g Graph,
        Scan { reverse, .. }: Scan,
        state: Vec<AnyTensor<'g>>,
        arrays: &[AnyTensor<'g>],
        numbering: Numbering,
    ) -> Vec<AnyTensor<'g>> {
        let recomputes = matches!(numbering, Numbering::WithinBlock(_));
        let record = LoopRecord { recomputes, numbering, ..self.record(graph, reverse) };
        let inputs = graph.loop_inputs(&record, [&state, arrays].concat());
        graph.loop_node(self.name, record, &inputs)
    }

    /// What a loop over all rows is.
    fn record(&self, graph: &Graph, reverse: bool) -> LoopRecord {
        let [states, rows, stacked] = self.lengths;
        let of_stacked = (states..states + stacked).collect();
        graph.loop_over(self.body, (states, rows), LoopTrips::Rows(states), reverse, of_stacked)
    }

    /// A loop over blocks of rows, each of which is a loop that its gradient runs once more, and one over the rows that
    /// make no whole block.
    #[track_caller]
    fn in_blocks<'g>(
        &self,
        graph: &'g Graph,
        options: Scan,
        [rows, block]: [usize; 2],
        state: Vec<AnyTensor<'g>>,
        arrays: &[AnyTensor<'g>],
    ) -> Vec<AnyTensor<'g>> {
        let [states, _, stacked] = self.lengths;
        let blocks = rows / block;
        if blocks == 0 {
            return self.run(graph, options, state, arrays, Numbering::From(0));
        }
        let whole = blocks * block;
        let of_whole = |array: &AnyTensor<'g>| {
            let part = if whole < rows { array.slice(..whole) } else { *array };
            part.reshape(split(*array, &[blocks, block], 1))
        };
        // The parts are those of what the loop would see: of a variable, its value behind all that the loop waits for.
        let captures = graph.loop_inputs(&self.record(graph, options.reverse), [&state, arrays].concat());
        let waited_for: Vec<_> = captures.iter().map(|tensor| tensor.op()).collect();
        let parts = |part: &dyn Fn(&AnyTensor<'g>) -> AnyTensor<'g>| -> Vec<AnyTensor<'g>> {
            graph.control_dependencies(&waited_for, || arrays.iter().map(part).collect())
        };
        let (of_whole, rest) = (parts(&of_whole), parts(&|array| array.slice(whole..)));
        let over_blocks = |state: Vec<AnyTensor<'g>>| {
            let body = graph.open_body(graph.body_here(), "block");
            let given = graph.inside(body, || {
                let of_block = |array: &AnyTensor<'g>| graph.parameter(body, &array.row_type());
                let state: Vec<AnyTensor<'g>> =
                    state.iter().map(|&tensor| graph.parameter_like(body, tensor)).collect();
                let arrays: Vec<AnyTensor<'g>> = of_whole.iter().map(of_block).collect();
                self.run(graph, options, state, &arrays, Numbering::WithinBlock(block))
            });
            graph.close_body(body, given);
            let blocks = Rows { body, ..*self };
            let mut given = blocks.run(graph, options, state, &of_whole, Numbering::Blocks);
            for stack in &mut given[states..] {
                *stack = stack.reshape(split(*stack, &[whole], 2));
            }
            given
        };
        if whole == rows {
            return over_blocks(state);
        }
        let over_rest = |state| self.run(graph, options, state, &rest, Numbering::From(whole));
        let (of_blocks, of_rest, last) = if options.reverse {
            let of_rest = over_rest(state);
            let of_blocks = over_blocks(of_rest[..states].to_vec());
            let last = of_blocks[..states].to_vec();
            (of_blocks, of_rest, last)
        } else {
            let of_blocks = over_blocks(state);
            let of_rest = over_rest(of_blocks[..states].to_vec());
            let last = of_rest[..states].to_vec();
            (of_blocks, of_rest, last)
        };
        let both = (states..states + stacked).map(|of| graph.concat_any(&[of_blocks[of], of_rest[of]], 0));
        last.into_iter().chain(both).collect()
    }
}

/// The lengths of a tensor with these in place of the first ones, so many.
fn split<'g>(of: AnyTensor<'g>, first: &[usize], instead_of: usize) -> Vec<Length<'g>> {
    let rest = (instead_of..of.shape().rank()).map(|axis| of.dim(axis as isize));
    first.iter().map(|&length| Length::from(length)).chain(rest).collect()
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
