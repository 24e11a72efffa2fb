//! [`SparseMatrix`]: a matrix as its elements that are not 0, times dense ones: `sparse_matmul`, and `sparse_dots` for its
//! gradient.
//!
//! Elements stand lane by lane, a lane being a row or a column: an index within the lane for each, and for each lane where
//! it begins. Rows of products are sums over lanes, or, of the transpose, over what has one index in all lanes. The
//! gradients of both are such products and dot products of rows, and so are those of dot products.

#[cfg(test)]
mod examples;
mod kernels;
mod matrix;

use crate::element::DType;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{AttributeDef, Attributes, Elements, Op, OpDef, OperandDef};
use crate::ir::{Lowering, Val, size};
use crate::ops::internal::internal;
use crate::shape::{Shape, ShapeError, TensorType};

#[cfg(test)]
pub(super) use examples::examples;
use kernels::{Dots, Products};
pub use matrix::SparseMatrix;

/// What can be wrong with a sparse matrix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SparseFault {
    /// Parts that are not vectors of as many values as indices, and of at least one offset.
    #[error(
        "expected as many values as indices and one offset more than lanes, in vectors, got shapes {values}, {indices} \
         and {offsets}"
    )]
    Parts {
        /// The shape of the values.
        values: Shape,
        /// The shape of the indices.
        indices: Shape,
        /// The shape of the offsets.
        offsets: Shape,
    },
    /// Another number of offsets than rows or columns and one more.
    #[error("expected {lanes} + 1 offsets, got shape {offsets}")]
    Offsets {
        /// The number of rows, or of columns.
        lanes: usize,
        /// The shape of the offsets.
        offsets: Shape,
    },
}

/// The number of lanes of such parts.
fn lanes(values: &Shape, indices: &Shape, offsets: &Shape) -> Result<Option<usize>, Fault> {
    match offsets.dims() {
        &[count] if count != Some(0) && values.rank() == 1 && values.agrees_with(indices) => {
            Ok(count.map(|count| count - 1))
        }
        _ => {
            let (values, indices, offsets) = (values.clone(), indices.clone(), offsets.clone());
            Err(Fault::op(SparseFault::Parts { values, indices, offsets }))
        }
    }
}

/// The lengths of the rows of a dense operand, which must be so many.
fn of_rows(dense: &Shape, count: Option<usize>) -> Result<&[Option<usize>], Fault> {
    let Some((&found, inner)) = dense.dims().split_first() else {
        return Err(ShapeError::AxisOutOfRange { axis: 0, rank: 0 }.into());
    };
    match (count, found) {
        (Some(count), Some(length)) if count != length => {
            let expected = [&[Some(count)], inner].concat().into();
            Err(Fault::OtherShape { expected, found: dense.clone() })
        }
        _ => Ok(inner),
    }
}

/// A sparse matrix, of values, indices and offsets, the first inputs, times a dense one.
#[derive(Clone, Copy, Debug)]
struct SparseMatmul {
    /// How long lanes are.
    length: usize,
    /// Whether lanes are columns: of the matrix, or of the transpose of one whose lanes are rows.
    transposed: bool,
}

impl SparseMatmul {
    #[track_caller]
    fn of<'g>(self, [values, indices, offsets]: [AnyTensor<'g>; 3], dense: AnyTensor<'g>) -> AnyTensor<'g> {
        dense.graph().apply(self, &[values, indices, offsets, dense])
    }

    /// The matrix that turns rows of such products back.
    fn turned(self) -> Self {
        SparseMatmul { transposed: !self.transposed, ..self }
    }
}

impl Op for SparseMatmul {
    fn name(&self) -> &'static str {
        "sparse_matmul"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let [values, indices, offsets, dense] = [0, 1, 2, 3].map(|input| &inputs[input].shape);
        let ends = [lanes(values, indices, offsets)?, Some(self.length)];
        let [rows, columns] = if self.transposed { [ends[1], ends[0]] } else { ends };
        let inner = of_rows(dense, columns)?;
        Ok(TensorType::new(inputs[3].dtype, [&[rows], inner].concat()))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (dims, dtype) = (to.dims(inputs[3]).to_vec(), to.dtype(inputs[3]));
        // The shape rule has accepted the offsets and the rows.
        let lanes = to.dims(inputs[2]).first().map_or(0, |count| count.saturating_sub(1));
        let rows = if self.transposed { self.length } else { lanes };
        let (&count, inner) = dims.split_first().unwrap_or((&0, &[]));
        let dense = to.reshape(inputs[3], [count, size(inner)]);
        let args = [inputs[0], inputs[1], inputs[2], dense];
        let products =
            to.kernel(Products::of(self.length, self.transposed), &args, dtype, [rows, size(inner)]);
        to.reshape(products, [&[rows], inner].concat())
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let [values, indices, offsets, dense] = [0, 1, 2, 3].map(|input| at.input(input));
        at.give(0, |dy| {
            let [of_lanes, of_indices] = if self.transposed { [dense, dy] } else { [dy, dense] };
            dots(self.length, [indices, offsets], of_lanes, of_indices)
        });
        at.give(3, |dy| self.turned().of([values, indices, offsets], dy));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0 || input == 3
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("length", self.length).with("transposed", self.transposed)
    }
}

#[track_caller]
fn dots<'g>(
    length: usize,
    [indices, offsets]: [AnyTensor<'g>; 2],
    of_lanes: AnyTensor<'g>,
    of_indices: AnyTensor<'g>,
) -> AnyTensor<'g> {
    of_lanes.graph().apply(SparseDots { length }, &[of_lanes, of_indices, indices, offsets])
}

/// For each element of a sparse matrix, of indices and offsets, the last inputs, the dot product of the row of the first
/// input that belongs to its lane, and that of the second one that belongs to its index.
#[derive(Clone, Copy, Debug)]
struct SparseDots {
    length: usize,
}

impl Op for SparseDots {
    fn name(&self) -> &'static str {
        "sparse_dots"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let [of_lanes, of_indices, indices, offsets] = [0, 1, 2, 3].map(|input| &inputs[input].shape);
        let inner = of_rows(of_lanes, lanes(indices, indices, offsets)?)?;
        let expected = Shape::from([&[Some(self.length)], inner].concat());
        if !of_indices.agrees_with(&expected) {
            return Err(Fault::OtherShape { expected, found: of_indices.clone() });
        }
        Ok(TensorType::new(inputs[0].dtype, indices))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (dims, count) = (to.dims(inputs[0]).to_vec(), to.dims(inputs[2]).to_vec());
        // The shape rule has accepted the rows.
        let (&lanes, inner) = dims.split_first().unwrap_or((&0, &[]));
        let inner = size(inner);
        let args = [
            to.reshape(inputs[0], [lanes, inner]),
            to.reshape(inputs[1], [self.length, inner]),
            inputs[2],
            inputs[3],
        ];
        to.kernel(Dots { length: self.length }, &args, to.dtype(inputs[0]), count)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let [of_lanes, of_indices, indices, offsets] = [0, 1, 2, 3].map(|input| at.input(input));
        let product = SparseMatmul { length: self.length, transposed: false };
        at.give(0, |dy| product.of([dy, indices, offsets], of_indices));
        at.give(1, |dy| product.turned().of([dy, indices, offsets], of_lanes));
    }

    fn differentiable(&self, input: usize) -> bool {
        input < 2
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("length", self.length)
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "sparse_dots" (of_lanes: Numeric, of_indices: Same, indices: Only(I64), offsets: Only(I64)) [length: usize] |given|
        SparseDots { length };
};

pub(super) const METHODS: &[&[OpDef]] = &[&[OpDef {
    name: "sparse_matmul",
    doc: "A sparse matrix, whose lanes of so many elements are rows, or of its transpose columns, times a dense one.",
    operands: &[
        OperandDef::one("values", Elements::Numeric),
        OperandDef::one("indices", Elements::Only(DType::I64)),
        OperandDef::one("offsets", Elements::Only(DType::I64)),
        OperandDef::one("dense", Elements::Same),
    ],
    attributes: &[AttributeDef::of::<usize>("length"), AttributeDef::of::<bool>("transposed")],
    build: |graph, operands, attributes| {
        let (length, transposed) = (attributes.value("length")?, attributes.value("transposed")?);
        Ok(vec![graph.apply(SparseMatmul { length, transposed }, operands)])
    },
}]];
