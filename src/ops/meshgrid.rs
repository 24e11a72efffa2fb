//! `meshgrid`: vectors as the coordinates of a grid.

use crate::element::Element;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{
    Attribute, AttributeDef, AttributeValue, Attributes, Elements, MultiOp, OpDef, OperandDef, Outputs,
};
use crate::graph::{AnyTensor, Graph, Tensor};
use crate::ir::{Lowering, Val};
use crate::ops::methods::{methods, refuse_among};
use crate::shape::{Axes, Shape, TensorType};

/// Vectors of a grid: as many as an array of `NumPy` may have axes.
const MOST_VECTORS: usize = 64;

/// Along which axis of a grid the coordinates of a vector change; see [`Graph::meshgrid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Indexing {
    /// Of the first vector along the second axis and of the second along the first, as in a picture, whose rows are at
    /// one y each. Of others along the axis of their own number.
    Xy,
    /// Of each vector along the axis of its own number, as of matrices.
    Ij,
}

impl Indexing {
    /// The axis of a vector, of so many.
    fn axis(self, vector: usize, vectors: usize) -> usize {
        if self == Indexing::Xy && vectors > 1 && vector < 2 { 1 - vector } else { vector }
    }
}

impl AttributeValue for Indexing {
    const KIND: &'static str = "indexing: `xy` or `ij`";

    fn into_attribute(self) -> Attribute {
        Attribute::Text(if self == Indexing::Xy { "xy" } else { "ij" }.into())
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        match attribute {
            Attribute::Text(text) if text == "xy" => Some(Indexing::Xy),
            Attribute::Text(text) if text == "ij" => Some(Indexing::Ij),
            _ => None,
        }
    }
}

/// What can be wrong with the vectors of a grid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MeshgridFault {
    /// A tensor of more than one axis.
    #[error("operand {operand}: expected a vector or a number, got shape {shape}")]
    NotAVector {
        /// Position of the operand, counted from 0.
        operand: usize,
        /// Its shape.
        shape: Shape,
    },
}

/// For each input, a vector or a number, its elements along its own axis, repeated along those of the others.
#[derive(Debug)]
struct Meshgrid(Indexing);

impl MultiOp for Meshgrid {
    fn name(&self) -> &'static str {
        "meshgrid"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        let mut lengths = vec![Some(1); inputs.len()];
        for (operand, input) in inputs.iter().enumerate() {
            lengths[self.0.axis(operand, inputs.len())] = match *input.shape.dims() {
                [] => Some(1),
                [length] => length,
                _ => {
                    let shape = input.shape.clone();
                    return Err(Fault::op(MeshgridFault::NotAVector { operand, shape }));
                }
            };
        }
        let shape = Shape::from(lengths);
        Ok(inputs.iter().map(|input| TensorType::new(input.dtype, &shape)).collect())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let count = inputs.len();
        let mut grid = vec![1; count];
        for (vector, &input) in inputs.iter().enumerate() {
            grid[self.0.axis(vector, count)] = to.dims(input).iter().product();
        }
        let spread = |(vector, &input): (usize, &Val)| {
            let (axis, mut dims) = (self.0.axis(vector, count), vec![1; count]);
            dims[axis] = grid[axis];
            let along = to.reshape(input, dims);
            to.broadcast(along, &grid)
        };
        inputs.iter().enumerate().map(spread).collect()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let count = at.inputs().len();
        for vector in 0..count {
            let own = self.0.axis(vector, count);
            let others: Vec<isize> =
                (0..count).filter(|&axis| axis != own).map(|axis| axis as isize).collect();
            at.give_from(vector, vector, |dy| dy.reduce_sum(Axes::of(others)));
        }
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("indexing", self.0)
    }
}

methods! {
    also [
        OpDef {
            name: "meshgrid",
            doc: "The coordinates of a grid, of vectors: a tensor for each, whose elements are along its own axis.",
            operands: &[OperandDef::list("vectors", Elements::Element)],
            attributes: &[AttributeDef::of::<Indexing>("indexing")],
            build: |graph, operands, attributes| {
                Ok(graph.meshgrid_any(operands, attributes.value("indexing")?))
            },
        },
    ]
}

impl Graph {
    /// The coordinates of a grid: for each vector a tensor with an axis for each of them, whose elements are those of the
    /// vector along its own axis, and the same along the others. A number counts as a vector of one element, and of no
    /// vectors there are no coordinates.
    ///
    /// With [`Indexing::Xy`], which is `NumPy`'s default, `x` of length n and `y` of length m give two tensors `[m, n]`;
    /// with [`Indexing::Ij`] they are `[n, m]`.
    ///
    /// Gradient: to each vector the sum of its tensor's cotangent over the other axes. A tensor of more than one axis and
    /// more than 64 vectors are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1, 2, 3]));
    /// let y = g.constant(ndarray::arr1(&[10, 20]));
    /// let grid = Session::new(&g)?.run(g.meshgrid(&[x, y], Indexing::Xy))?;
    /// assert_eq!(grid[0], ndarray::arr2(&[[1, 2, 3], [1, 2, 3]]).into_dyn());
    /// assert_eq!(grid[1], ndarray::arr2(&[[10, 10, 10], [20, 20, 20]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn meshgrid<'g, T: Element, X: Copy + Into<Tensor<'g, T>>>(
        &'g self,
        vectors: &[X],
        indexing: Indexing,
    ) -> Vec<Tensor<'g, T>> {
        let vectors: Vec<AnyTensor<'g>> = vectors.iter().map(|&vector| vector.into().any()).collect();
        self.meshgrid_any(&vectors, indexing).into_iter().map(Tensor::typed).collect()
    }

    /// The same as [`meshgrid`](Graph::meshgrid); that all vectors have elements of one type is checked when the node is
    /// built.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [3]).any();
    /// assert_eq!(g.meshgrid_any(&[x, x], Indexing::Ij)[0].shape().to_string(), "[3, 3]");
    /// ```
    #[track_caller]
    pub fn meshgrid_any<'g>(&'g self, vectors: &[AnyTensor<'g>], indexing: Indexing) -> Vec<AnyTensor<'g>> {
        if vectors.is_empty() {
            return Vec::new();
        }
        if vectors.len() > MOST_VECTORS {
            let fault = Fault::TooMany { what: "vectors", count: vectors.len(), most: MOST_VECTORS };
            return vec![self.invalid_any("meshgrid", fault); vectors.len()];
        }
        if let Some(invalid) = refuse_among(self, "meshgrid", Elements::Element, vectors) {
            return vec![invalid; vectors.len()];
        }
        let mut grid = self.apply_all(Meshgrid(indexing), vectors);
        // One invalid tensor stands for all.
        if let Some(&first) = grid.first() {
            grid.resize(vectors.len(), first);
        }
        grid
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{Array2, Array3, ArrayD, arr1};

    let mut examples: Vec<Example> = vec![
        example!(
            "meshgrid of three",
            &[&[2], &[3], &[4]],
            |g, x| {
                let grid = g.meshgrid(&[x[0], x[1], x[2]], Indexing::Xy);
                grid[0] * grid[1] + grid[2]
            },
            |x| Array3::from_shape_fn((3, 2, 4), |(j, i, k)| x[0][[i]] * x[1][[j]] + x[2][[k]]).into_dyn(),
        ),
        example!("meshgrid of one", &[&[3]], |g, x| g.meshgrid(&[x[0]], Indexing::Xy)[0], |x| x[0].clone()),
        example!(
            "meshgrid of a number",
            &[&[], &[2]],
            |g, x| g.meshgrid(&[x[0], x[1]], Indexing::Ij)[0],
            |x| { arr1(&[x[0][[]]; 2]).insert_axis(ndarray::Axis(0)).into_dyn() }
        ),
    ];
    for dims in [[3, 2], [1, 4], [0, 2]] {
        let (first, second) = dims.split_at(1);
        let ij = |x: &[ArrayD<f64>]| {
            Array2::from_shape_fn((x[0].len(), x[1].len()), |(i, j)| x[0][[i]] * x[1][[j]].powi(2)).into_dyn()
        };
        examples.extend([
            example!(
                "meshgrid of matrices",
                &[first, second],
                |g, x| {
                    let grid = g.meshgrid(&[x[0], x[1]], Indexing::Ij);
                    grid[0] * grid[1].square()
                },
                ij
            ),
            example!(
                "meshgrid of pictures",
                &[second, first],
                |g, x| {
                    let grid = g.meshgrid(&[x[0], x[1]], Indexing::Xy);
                    grid[1] * grid[0].square()
                },
                |x| Array2::from_shape_fn((x[1].len(), x[0].len()), |(i, j)| x[1][[i]] * x[0][[j]].powi(2))
                    .into_dyn()
            ),
        ]);
    }
    examples
}
