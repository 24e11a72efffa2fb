//! `transpose` and `transpose_perm`: axes in another order; no element moves.

use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, Elements, Form, Op, OpDef, OperandDef};
use crate::ir::{Lowering, Val};
use crate::ops::methods::methods;
use crate::shape::{Shape, TensorType, resolve_axis};

/// Axis `i` of the output is axis `permutation[i]` of the input; without a list, axes are reversed.
#[derive(Debug)]
pub(crate) struct Transpose {
    permutation: Option<Vec<isize>>,
}

/// What can be wrong with putting axes into another order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransposeFault {
    /// A list that is no permutation of the axes.
    #[error("expected a permutation of {rank} axes, got {permutation:?}")]
    NotAPermutation {
        /// The list as given.
        permutation: Vec<isize>,
        /// The number of axes there are.
        rank: usize,
    },
}

impl Transpose {
    fn resolve(&self, rank: usize) -> Result<Vec<usize>, Fault> {
        let Some(listed) = &self.permutation else {
            return Ok((0..rank).rev().collect());
        };
        let axes = listed.iter().map(|&axis| resolve_axis(axis, rank)).collect::<Result<Vec<_>, _>>()?;
        let mut sorted = axes.clone();
        sorted.sort_unstable();
        if sorted.into_iter().eq(0..rank) {
            Ok(axes)
        } else {
            Err(Fault::op(TransposeFault::NotAPermutation { permutation: listed.clone(), rank }))
        }
    }
}

impl Op for Transpose {
    fn name(&self) -> &'static str {
        "transpose"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let x = inputs[0];
        let axes = self.resolve(x.shape.rank())?;
        let lengths: Vec<Option<usize>> = axes.iter().map(|&axis| x.shape.dims()[axis]).collect();
        Ok(TensorType::new(x.dtype, Shape::from(lengths)))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let rank = to.dims(inputs[0]).len();
        match self.resolve(rank) {
            Ok(axes) => to.permute(inputs[0], axes),
            // The shape rule has accepted the permutation.
            Err(_) => inputs[0],
        }
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let rank = at.input(0).shape().rank();
        let inverse = self.permutation.as_ref().and_then(|_| self.resolve(rank).ok()).map(|axes| {
            let mut inverse = vec![0; rank];
            for (to, from) in axes.into_iter().enumerate() {
                inverse[from] = to as isize;
            }
            inverse
        });
        at.give(0, |dy| dy.unary(Transpose { permutation: inverse }));
    }

    fn form(&self) -> Form {
        Form::Permuted(self.permutation.clone())
    }

    fn attributes(&self) -> Attributes {
        match &self.permutation {
            Some(permutation) => Attributes::new().with("permutation", permutation.clone()),
            None => Attributes::new(),
        }
    }
}

/// The axes in any other order, under the name that the node has.
const TRANSPOSE: OpDef = OpDef {
    name: "transpose",
    doc: "The tensor whose axis `i` is axis `permutation[i]` of this one; without a permutation, its axes in reverse order.",
    operands: &[OperandDef::one("x", Elements::Element)],
    attributes: &[AttributeDef::optional::<Vec<isize>>("permutation")],
    build: |_, operands, attributes| {
        let &[x] = operands else { return Ok(Vec::new()) };
        Ok(vec![match attributes.get("permutation") {
            Some(_) => x.transpose_perm(attributes.value::<Vec<isize>>("permutation")?),
            None => x.transpose(),
        }])
    },
};

methods! {
    /// The tensor with its axes in reverse order: the transpose of a matrix.
    ///
    /// Gradient: the transposed cotangent.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// assert_eq!(g.placeholder::<f32>("x", [None, Some(3)]).transpose().shape().to_string(), "[3, ?]");
    /// ```
    #[doc(alias("t"))]
    fn transpose<Element>(x) -> Self as _ {
        x.unary(Transpose { permutation: None })
    }

    /// The tensor whose axis `i` is axis `permutation[i]` of this one; negative axes count from the
    /// end.
    ///
    /// Gradient: the cotangent under the inverse permutation. A list that is no permutation of the
    /// axes is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [2, 3, 4]);
    /// assert_eq!(x.transpose_perm([0, -1, 1]).shape().to_string(), "[2, 4, 3]");
    /// ```
    #[doc(alias("permute", "swapaxes", "moveaxis"))]
    fn transpose_perm<Element>(x, permutation: [Vec<isize>]) -> Self as _ {
        x.unary(Transpose { permutation: Some(permutation) })
    }

    also [TRANSPOSE]
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    vec![
        example!("transpose", &[&[2, 3]], |_, x| x[0].transpose(), |x| x[0].t().to_owned()),
        example!("transpose of three axes", &[&[2, 3, 4]], |_, x| x[0].transpose(), |x| x[0].t().to_owned()),
        example!("transpose of a number", &[&[]], |_, x| x[0].transpose(), |x| x[0].clone()),
        example!("transpose_perm", &[&[2, 3, 4]], |_, x| x[0].transpose_perm([1, -1, 0]), |x| x[0]
            .clone()
            .permuted_axes(vec![1, 2, 0]),),
        example!(
            "transpose inside arithmetic",
            &[&[3, 2], &[2, 3]],
            |_, x| x[0].transpose() * x[1] + x[1],
            |x| &x[0].t() * &x[1] + &x[1],
        ),
    ]
}
