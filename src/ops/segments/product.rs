//! The product of the others of each segment, for the gradient of a product of segments, which is right also where
//! elements are 0.

use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut2};

use super::rows;
use crate::element::{ArrayMut, ArrayRef, DType};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Elements, Op, OpDef, OperandDef};
use crate::ir::{Kernel, KernelError, Lowering, Val, size};
use crate::kernel::number::{Number, with_number};
use crate::ops::gather::with_axes;
use crate::ops::product::Others;
use crate::shape::TensorType;

/// For each element of the first input the product of the others of its segment, by ids, the second input; and its
/// derivatives in the directions that follow, as of [`product_of_others`](crate::ops::product). Zeros for ids below 0.
#[derive(Debug)]
pub(super) struct ProductOfOthers;

impl Op for ProductOfOthers {
    fn name(&self) -> &'static str {
        "segment_product_of_others"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        rows(inputs[0], inputs[1])?;
        let expected = &inputs[0].shape;
        match inputs[2..].iter().find(|input| !input.shape.agrees_with(expected)) {
            None => Ok(inputs[0].clone()),
            Some(other) => Err(Fault::OtherShape { expected: expected.clone(), found: other.shape.clone() }),
        }
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (dims, ids) = (to.dims(inputs[0]).to_vec(), to.dims(inputs[1]).to_vec());
        // The shape rule has accepted the ids.
        let matrix = [size(&ids), size(&dims[ids.len()..])];
        let numbers = to.cast(inputs[1], DType::I64);
        let numbers = to.reshape(numbers, [matrix[0]]);
        let factors = inputs[..1].iter().chain(&inputs[2..]).map(|&input| to.reshape(input, matrix));
        let args: Vec<Val> = factors.collect::<Vec<_>>().into_iter().chain([numbers]).collect();
        let others = to.kernel(OthersInSegments, &args, to.dtype(inputs[0]), matrix);
        to.reshape(others, dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let inputs = at.inputs().to_vec();
        let graph = at.output().graph();
        at.give(0, |dy| graph.apply(ProductOfOthers, &[&inputs[..], &[dy]].concat()));
        for place in 2..inputs.len() {
            // Linear in each direction, and the same for any order of them.
            at.give(place, |dy| {
                let mut inputs = inputs.clone();
                inputs[place] = dy;
                graph.apply(ProductOfOthers, &inputs)
            });
        }
    }

    fn differentiable(&self, input: usize) -> bool {
        input != 1
    }

    fn zero_where_untaken(&self, input: usize) -> bool {
        input != 1
    }
}

/// The same of columns; ids are the last operand.
#[derive(Debug)]
struct OthersInSegments;

impl Kernel for OthersInSegments {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let Some((ids, factors)) = inputs.split_last() else { return Ok(()) };
        let ids: ArrayView1<'_, i64> = with_axes(ids.view()?)?;
        with_number!(output.dtype(), T => {
            let factors: Vec<ArrayView2<'_, T>> =
                factors.iter().map(|factor| with_axes(factor.view()?)).collect::<Result<_, _>>()?;
            others_in_segments(&ids, &factors, with_axes(output.into_view()?)?)
        }, else Ok(()))
    }
}

fn others_in_segments<T: Number>(
    ids: &ArrayView1<'_, i64>,
    factors: &[ArrayView2<'_, T>],
    mut output: ArrayViewMut2<'_, T>,
) -> Result<(), KernelError> {
    let mut order: Vec<usize> = Vec::new();
    order.try_reserve_exact(ids.len()).map_err(KernelError::other)?;
    order.extend((0..ids.len()).filter(|&row| ids[row] >= 0));
    order.sort_by_key(|&row| ids[row]);
    output.fill(T::ZERO);
    let mut products = Others::default();
    for segment in order.chunk_by(|&a, &b| ids[a] == ids[b]) {
        let mut others = Array1::from_elem(segment.len(), T::ZERO);
        for column in 0..output.ncols() {
            let lane =
                |factor: &ArrayView2<'_, T>| segment.iter().map(|&row| factor[[row, column]]).collect();
            let lanes: Vec<Array1<T>> = factors.iter().map(lane).collect();
            let lanes: Vec<ArrayView1<'_, T>> = lanes.iter().map(|lane| lane.view()).collect();
            products.of_row(&lanes, others.view_mut());
            for (&row, &product) in segment.iter().zip(&others) {
                output[[row, column]] = product;
            }
        }
    }
    Ok(())
}

pub(super) const DEFINITION: OpDef = OpDef {
    name: "segment_product_of_others",
    doc: "",
    operands: &[
        OperandDef::one("x", Elements::Numeric),
        OperandDef::one("ids", Elements::Integer),
        OperandDef::some("directions", Elements::Same),
    ],
    attributes: &[],
    build: |graph, operands, _| Ok(vec![graph.apply(ProductOfOthers, operands)]),
};
