//! Scans in blocks of rows, of which the gradient keeps the first state: a loop over blocks, each of which is a loop that
//! its gradient runs once more, and a loop over the rows that make no whole block.
//!
//! How many rows there are need not be known while building. What lies in whole blocks is cut off by the lengths that a
//! run is fed, so a run may have no whole block, or nothing behind them.

use super::scan::{Checkpoints, Rows, Scan};
use crate::error::Fault;
use crate::graph::op::pick::{Along, Choice, Pick, PickTransposed, Run};
use crate::graph::op::{Attributes, Expect, Expectation, OpDef};
use crate::graph::{AnyTensor, ControlFault, Graph, Numbering};
use crate::ops::Length;
use crate::ops::internal::internal;
use crate::ops::parts::{PutBackDef, put_back};
use crate::shape::{Shape, ShapeError, TensorType};

impl Checkpoints {
    /// The rows of an array, and those of a block; `None` if there are no blocks.
    fn of(self, array: AnyTensor<'_>) -> Option<[Length<'_>; 2]> {
        match self {
            Checkpoints::All => None,
            Checkpoints::Every(block) => Some([array.dim(0), block.into()]),
            Checkpoints::Sqrt => {
                let rows = array.dim(0);
                Some([rows, rows.root()])
            }
        }
    }
}

/// The rows that lie in whole blocks, or those behind them.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Rows of a block; 0 for the root of how many there are.
    block: usize,
    is_rest: bool,
}

impl Choice for Cut {
    const NAMES: [&'static str; 2] = ["cut_rows", "cut_rows_transposed"];

    fn axes(&self, shape: &Shape) -> Result<Vec<Along>, Fault> {
        let mut axes: Vec<Along> = shape.dims().iter().map(|&length| Along::whole(length)).collect();
        let outside = Fault::Shape(ShapeError::AxisOutOfRange { axis: 0, rank: shape.rank() });
        let first = axes.first_mut().ok_or(outside)?;
        if let Some(rows) = shape.dims()[0] {
            let block = if self.block == 0 { Length::root_of(rows) } else { self.block };
            let whole = rows - rows % block;
            let run = if self.is_rest { Run::of(whole, rows - whole, 1) } else { Run::of(0, whole, 1) };
            *first = Along::of([run]);
        }
        Ok(axes)
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("block", self.block).with("rest", self.is_rest)
    }
}

/// The first input, one of the arrays that a loop goes through, which has as many rows as the second one, the first array.
#[derive(Clone, Copy, Debug)]
struct ExpectAsManyRows {
    array: usize,
}

impl Expectation for ExpectAsManyRows {
    const NAME: &'static str = "expect_as_many_rows";

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let rows = |of: &TensorType| of.shape.dims().first().copied().flatten();
        match [inputs[1], inputs[0]].map(rows) {
            [Some(expected), Some(found)] if expected != found => {
                Err(Fault::op(ControlFault::Rows { array: self.array, expected, found }))
            }
            _ => Ok(inputs[0].clone()),
        }
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("array", self.array)
    }
}

/// For files of graphs.
pub(in crate::ops) const INTERNAL: &[OpDef] = internal! {
    "expect_as_many_rows" (x: Element, like: Element) [array: usize] |given| Expect(ExpectAsManyRows { array });
    "cut_rows" (x: Element) [block: usize, rest: bool] |given| Pick(Cut { block, is_rest: rest });
};

pub(in crate::ops) const PUT_BACK: &[PutBackDef] = put_back! {
    "cut_rows_transposed" (x, like) [block: usize, rest: bool] |_dtype| PickTransposed(Cut { block, is_rest: rest });
};

impl Rows {
    /// Goes through all rows, in blocks if there are checkpoints.
    #[track_caller]
    pub(super) fn run_with<'g>(
        &self,
        graph: &'g Graph,
        options: Scan,
        state: Vec<AnyTensor<'g>>,
        arrays: &[AnyTensor<'g>],
    ) -> Vec<AnyTensor<'g>> {
        let is_one_at_least = |[rows, block]: &[Length<'g>; 2]| match (rows.known(), block.known()) {
            (Some(rows), Some(block)) => rows >= block,
            _ => true,
        };
        match options.checkpoints.of(arrays[0]).filter(is_one_at_least) {
            Some(lengths) => self.in_blocks(graph, options, lengths, state, arrays),
            None => self.run(graph, options, state, arrays, Numbering::Rows),
        }
    }

    #[track_caller]
    fn in_blocks<'g>(
        &self,
        graph: &'g Graph,
        options: Scan,
        [rows, block]: [Length<'g>; 2],
        state: Vec<AnyTensor<'g>>,
        arrays: &[AnyTensor<'g>],
    ) -> Vec<AnyTensor<'g>> {
        let [states, _, stacked] = self.lengths;
        // Cut into blocks, arrays of different lengths would be told apart by their parts.
        let as_long = |(array, &tensor): (usize, &AnyTensor<'g>)| match array {
            0 => tensor,
            _ => tensor.binary(Expect(ExpectAsManyRows { array }), arrays[0]),
        };
        let arrays = &arrays.iter().enumerate().map(as_long).collect::<Vec<_>>()[..];
        let blocks = rows / block;
        let whole = blocks * block;
        let has_rest = rows.known().is_none_or(|rows| Some(rows) != whole.known());
        let every = if let Checkpoints::Every(rows) = options.checkpoints { rows } else { 0 };
        let cut = |array: &AnyTensor<'g>, is_rest| array.unary(Pick(Cut { block: every, is_rest }));
        let of_whole = |array: &AnyTensor<'g>| {
            let part = if has_rest { cut(array, false) } else { *array };
            part.reshape(split(*array, &[blocks, block], 1))
        };
        // The parts are those of what the loop would see: of a variable, its value behind all that the loop waits for.
        let captures = graph.loop_inputs(&self.record(graph, options.reverse), [&state, arrays].concat());
        let waited_for: Vec<_> = captures.iter().map(|tensor| tensor.op()).collect();
        let parts = |part: &dyn Fn(&AnyTensor<'g>) -> AnyTensor<'g>| -> Vec<AnyTensor<'g>> {
            graph.control_dependencies(&waited_for, || arrays.iter().map(part).collect())
        };
        let of_whole = parts(&of_whole);
        let over_blocks = |state: Vec<AnyTensor<'g>>| {
            let body = graph.open_body(graph.body_here(), "block");
            let given = graph.inside(body, || {
                let of_block = |array: &AnyTensor<'g>| graph.parameter(body, &array.row_type());
                let state: Vec<AnyTensor<'g>> =
                    state.iter().map(|&tensor| graph.parameter_like(body, tensor)).collect();
                let arrays: Vec<AnyTensor<'g>> = of_whole.iter().map(of_block).collect();
                self.run(graph, options, state, &arrays, Numbering::WithinBlock)
            });
            graph.close_body(body, given);
            let blocks = Rows { body, ..*self };
            let mut given = blocks.run(graph, options, state, &of_whole, Numbering::Blocks);
            for stack in &mut given[states..] {
                *stack = stack.reshape(split(*stack, &[whole], 2));
            }
            given
        };
        if !has_rest {
            return over_blocks(state);
        }
        let rest = parts(&|array| cut(array, true));
        let over_rest = |state| self.run(graph, options, state, &rest, Numbering::Behind(arrays[0]));
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
fn split<'g>(of: AnyTensor<'g>, first: &[Length<'g>], instead_of: usize) -> Vec<Length<'g>> {
    let rest = (instead_of..of.shape().rank()).map(|axis| of.dim(axis as isize));
    first.iter().copied().chain(rest).collect()
}
