//! `tile`: a tensor repeated along its axes, as a view; its gradient sums over the repetitions.

use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{Attributes, Op, OpDef};
use crate::ir::{Lowering, Val};
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::shape::{Shape, ShapeError, TensorType};

/// The input so many times along each axis.
#[derive(Clone, Debug)]
struct Tile(Vec<usize>);

impl Tile {
    fn shape(&self, from: &Shape) -> Result<Shape, ShapeError> {
        if self.0.len() != from.rank() {
            return Err(ShapeError::NotOnePerAxis { given: self.0.len(), rank: from.rank() });
        }
        let lengths = from.dims().iter().zip(&self.0);
        let tiled = lengths.map(|(length, &times)| length.and_then(|length| length.checked_mul(times)));
        Shape::from(tiled.collect::<Vec<_>>()).counted(from.dims().iter().all(Option::is_some))
    }

    /// The tiled lengths with an axis for the repetitions before each axis: as they are before they are
    /// repeated, and behind it.
    fn apart(&self, dims: &[usize]) -> [Vec<usize>; 2] {
        let interleaved = |times: fn(usize) -> usize| {
            self.0.iter().zip(dims).flat_map(|(&own, &length)| [times(own), length]).collect()
        };
        [interleaved(|_| 1), interleaved(|times| times)]
    }
}

impl Op for Tile {
    fn name(&self) -> &'static str {
        "tile"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(TensorType::new(inputs[0].dtype, self.shape(&inputs[0].shape)?))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = to.dims(inputs[0]).to_vec();
        let [once, repeated] = self.apart(&dims);
        let apart = to.reshape(inputs[0], once);
        let apart = to.broadcast(apart, repeated);
        let tiled: Vec<usize> = dims.iter().zip(&self.0).map(|(length, times)| length * times).collect();
        to.reshape(apart, tiled)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        at.give(0, |dy| dy.binary(TileTransposed(self.clone()), x));
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("multiples", self.0.clone())
    }
}

/// The gradient of [`Tile`]: the sum of the repetitions of the second input, of which only the shape counts, in the
/// first.
#[derive(Debug)]
struct TileTransposed(Tile);

impl Op for TileTransposed {
    fn name(&self) -> &'static str {
        "tile_transposed"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let expected = self.0.shape(&inputs[1].shape)?;
        if !inputs[0].shape.agrees_with(&expected) {
            return Err(Fault::OtherShape { expected, found: inputs[0].shape.clone() });
        }
        Ok(TensorType::new(inputs[0].dtype, &inputs[1].shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let [_, repeated] = self.0.apart(to.dims(inputs[1]));
        let repetitions: Vec<usize> = (0..repeated.len()).step_by(2).collect();
        let apart = to.reshape(inputs[0], repeated);
        to.sum(apart, &repetitions)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy.unary(self.0.clone()));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }
}

methods! {
    /// The tensor repeated so many times along each axis.
    ///
    /// Gradient: the sum of the repetitions' cotangents. It is a build error not to give a number for each axis.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr2(&[[1, 2]])).tile([2, 2]);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr2(&[[1, 2, 1, 2], [1, 2, 1, 2]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("repeat"))]
    fn tile<Element>(x, multiples: [Vec<usize>]) -> Self {
        x.unary(Tile(multiples))
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "tile_transposed" (x: Numeric, like: Element) [multiples: Vec<usize>] |given| TileTransposed(Tile(multiples));
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, IxDyn};

    fn tiled(x: &ArrayD<f64>, multiples: &[usize]) -> ArrayD<f64> {
        let lengths: Vec<usize> =
            x.shape().iter().zip(multiples).map(|(length, times)| length * times).collect();
        ArrayD::from_shape_fn(IxDyn(&lengths), |index| {
            let from: Vec<usize> = (0..x.ndim()).map(|axis| index[axis] % x.shape()[axis]).collect();
            x[from.as_slice()]
        })
    }

    let mut examples: Vec<Example> = vec![
        example!("tile of a number", &[&[]], |_, x| x[0].tile([]), |x| x[0].clone()),
        example!("tile of one axis", &[&[3]], |_, x| x[0].tile([2]) * 2.0, |x| 2.0 * tiled(&x[0], &[2])),
        example!("tile of a transpose", &[&[2, 3]], |_, x| x[0].transpose().tile([2, 2]), |x| tiled(
            &x[0].t().to_owned(),
            &[2, 2]
        ),),
    ];
    for dims in [[2, 3], [1, 4], [1, 1], [0, 3]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("tile", &[dims], |_, x| x[0].tile([2, 3]), |x| tiled(&x[0], &[2, 3])),
            example!("tile of rows", &[dims], |_, x| x[0].tile([3, 1]), |x| tiled(&x[0], &[3, 1])),
            example!("tile to nothing", &[dims], |_, x| x[0].tile([1, 0]), |x| tiled(&x[0], &[1, 0])),
        ]);
    }
    examples
}
