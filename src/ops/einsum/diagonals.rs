//! Diagonals of an operand whose term has an index more than once, so that sums of products need not know of them.

use std::sync::Arc;

use super::fault::{EinsumFault, SpecFault};
use super::spec::{Index, NumberedTerm, Term, distinct, lengths};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::pick::{Along, Run, picked};
use crate::graph::op::{Attributes, Op, OpDef};
use crate::ir::{Lowering, Scalar, Val};
use crate::ops::internal::internal;
use crate::shape::{Shape, TensorType};

/// One axis for each index of a term, in the order in which they come first: where an index is there several times, the
/// elements whose places along its axes are equal.
#[derive(Clone, Debug)]
pub(super) struct Diagonals {
    /// What the user wrote.
    pub(super) asked: Arc<str>,
    pub(super) term: Term,
}

impl Diagonals {
    /// The axes of an index.
    fn axes(&self, index: Index) -> Vec<usize> {
        (0..self.term.len()).filter(|&axis| self.term[axis] == index).collect()
    }

    /// Those of a term that was written to a file.
    fn of(NumberedTerm(term): NumberedTerm) -> Self {
        Diagonals { asked: NumberedTerm(term.clone()).to_string().into(), term }
    }

    /// Refuses an operand with another number of axes than it has to have.
    fn check_rank(&self, shape: &Shape, indices: usize) -> Result<(), Fault> {
        if shape.rank() == indices {
            return Ok(());
        }
        let fault = SpecFault::Rank { operand: 0, shape: shape.clone(), indices };
        Err(Fault::op(EinsumFault::Spec { spec: self.asked.to_string(), fault }))
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("term", NumberedTerm(self.term.clone()))
    }
}

impl Op for Diagonals {
    fn name(&self) -> &'static str {
        "einsum_diagonals"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        self.check_rank(&inputs[0].shape, self.term.len())?;
        let lengths = lengths(std::slice::from_ref(&self.term), &[&inputs[0].shape])
            .map_err(|fault| Fault::op(EinsumFault::Spec { spec: self.asked.to_string(), fault }))?;
        let length = |index| lengths.get(&index).copied().flatten();
        Ok(TensorType::new(inputs[0].dtype, distinct(&self.term).into_iter().map(length).collect::<Vec<_>>()))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = to.dims(inputs[0]).to_vec();
        let groups: Vec<Vec<usize>> =
            distinct(&self.term).into_iter().map(|index| self.axes(index)).collect();
        let order = groups.concat();
        let adjacent = if order.is_sorted() { inputs[0] } else { to.permute(inputs[0], order) };
        // In a row of all elements of a group, those of the diagonal are one of each of its axes apart.
        let lengths = groups.iter().map(|axes| (dims[axes[0]], axes.len()));
        let rows: Vec<usize> = lengths.clone().map(|(length, axes)| length.pow(axes as u32)).collect();
        let x = to.reshape(adjacent, rows);
        let apart = |length: usize, axes: usize| (0..axes).map(|axis| length.pow(axis as u32)).sum::<usize>();
        let along: Vec<Along> = lengths
            .map(|(length, axes)| Along::of([Run::of(0, length, apart(length, axes) as isize)]))
            .collect();
        picked(x, &along, None, to)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy.unary(OnDiagonals(self.clone())));
    }

    fn attributes(&self) -> Attributes {
        self.attributes()
    }
}

/// The gradient of [`Diagonals`]: its input on the diagonals, and zeros elsewhere.
#[derive(Clone, Debug)]
struct OnDiagonals(Diagonals);

impl OnDiagonals {
    /// For each axis of the term that of the input.
    fn sources(&self) -> Vec<usize> {
        let distinct = distinct(&self.0.term);
        let source = |index: &Index| distinct.iter().position(|own| own == index).unwrap_or(0);
        self.0.term.iter().map(source).collect()
    }
}

impl Op for OnDiagonals {
    fn name(&self) -> &'static str {
        "einsum_on_diagonals"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let known = &inputs[0].shape;
        self.0.check_rank(known, distinct(&self.0.term).len())?;
        let lengths: Vec<Option<usize>> =
            self.sources().into_iter().map(|axis| known.dims().get(axis).copied().flatten()).collect();
        Ok(TensorType::new(inputs[0].dtype, Shape::from(lengths)))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (lengths, sources) = (to.dims(inputs[0]).to_vec(), self.sources());
        let ones = || vec![1; sources.len()];
        let first = |axis: usize| sources.iter().position(|&source| source == sources[axis]).unwrap_or(axis);
        let mut dims = ones();
        (0..sources.len())
            .filter(|&axis| first(axis) == axis)
            .for_each(|axis| dims[axis] = lengths[sources[axis]]);
        let mut x = to.reshape(inputs[0], dims);
        let zero = to.scalar(0.0, to.dtype(x));
        for axis in (0..sources.len()).filter(|&axis| first(axis) != axis) {
            let places = to.iota(0, lengths[sources[axis]]);
            let along = [first(axis), axis].map(|axis| {
                let mut dims = ones();
                dims[axis] = lengths[sources[axis]];
                to.reshape(places, dims)
            });
            let inside = to.compare(Scalar::Equal, &along);
            x = to.map(Scalar::Select, &[inside, x, zero]);
        }
        x
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy.unary(self.0.clone()));
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "einsum_diagonals" (x: Numeric) [term: NumberedTerm] |given| Diagonals::of(term);
    "einsum_on_diagonals" (x: Numeric) [term: NumberedTerm] |given| OnDiagonals(Diagonals::of(term));
};
