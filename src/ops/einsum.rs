//! `einsum`: sums of products by named indices, of any number of tensors; and with them `outer` and `dot`.
//!
//! A specification has a term of indices for each operand, which name its axes, and one for the result. Every
//! index that the result lacks is summed over.
//!
//! - [`spec`]: reads specifications and gives each axis its index.
//! - [`diagonals`]: takes the diagonals of operands that have an index more than once.
//! - [`order`]: cuts more than two operands into pairs.
//! - [`sum`]: the op, of one operand or two, each index once in each; [`product`] is its lowering.

mod diagonals;
#[cfg(test)]
mod examples;
mod fault;
mod order;
mod product;
mod spec;
mod sum;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::element::Numeric;
use crate::error::Fault;
use crate::graph::op::{AttributeDef, Elements, OpDef, OperandDef};
use crate::graph::{AnyTensor, Graph, Tensor};
use crate::ops::methods::{methods, refuse_among};
use crate::shape::Shape;

use diagonals::Diagonals;
use order::order;
use spec::{Index, Lengths, Spec, Term, distinct, lengths};
use sum::{Einsum, Form};

#[cfg(test)]
pub(super) use examples::examples;
pub use fault::{EinsumFault, SpecFault};

methods! {
    /// The sum of products that a specification in Einstein's notation asks for, of this tensor and another.
    ///
    /// In `"ij,jk->ik"` the first term names the axes of `self`, the second those of `other`, and the last those of
    /// the result; what the result lacks is summed over. An index twice in a term is a diagonal: `"ii->i"`, and `"ii"`
    /// for its sum. An ellipsis stands for all axes that have no letter: `"...ij,jk->...ik"`. Those of the two operands
    /// broadcast, and the result has them where its ellipsis is. Letters stand for one length each; a length of 1 does
    /// not stretch. Without `->` the result has the axes under ellipses, then the letters that occur once, in
    /// alphabetical order. [`Graph::einsum`] takes more than two tensors.
    ///
    /// Gradient: to each operand the sum of the cotangent's products with the other, repeated along what only the
    /// operand has, on the diagonal of what has an index twice. A specification that does not fit the operands, and a
    /// result without an ellipsis where operands have axes under one, are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let heads = g.placeholder::<f32>("heads", [None, Some(8), Some(5), Some(16)]);
    /// let scores = heads.einsum("bhqd,bhkd->bhqk", heads);
    /// assert_eq!(scores.shape().to_string(), "[?, 8, 5, 5]");
    /// let w = g.placeholder::<f32>("w", [16, 4]);
    /// assert_eq!(heads.einsum("...d,df->...f", w).shape().to_string(), "[?, 8, 5, 4]");
    /// ```
    fn einsum<Numeric>(x, spec: [String], other: (Self)) -> Self as _ {
        x.graph().einsum_any(&spec, &[x, other])
    }

    /// The sum that a specification of one term asks for, as for [`einsum`](crate::Tensor::einsum): `"ij->ji"` transposes,
    /// `"ijk->j"` sums over two axes, `"ii->i"` is a diagonal, `"ii"` its sum.
    ///
    /// Gradient: the cotangent with its axes in the order of `self`, repeated along what was summed over, and on the
    /// diagonal of what has an index twice. Errors as for [`einsum`](crate::Tensor::einsum).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    /// let (columns, trace) = (x.einsum_unary("ij->j"), x.einsum_unary("ii"));
    /// let (columns, trace) = Session::new(&g)?.run((columns, trace))?;
    /// assert_eq!((columns, trace.sum()), (ndarray::arr1(&[4.0, 6.0]).into_dyn(), 5.0));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn einsum_unary<Numeric>(x, spec: [String]) -> Self as _ {
        x.graph().einsum_any(&spec, &[x])
    }

    /// The products of each element of a vector with each of another: `[m]` and `[n]` give `[m, n]`.
    ///
    /// Gradient: dy·other to `self`, dyᵀ·self to `other`. Operands that are no vectors are a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[1, 2])).outer(g.constant(ndarray::arr1(&[3, 4])));
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr2(&[[3, 4], [6, 8]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("tensordot"))]
    fn outer<Numeric>(x, other: (Self)) -> Self {
        x.binary(Einsum::of_vectors(Form::Outer), other)
    }

    /// The sum of the products of two vectors' elements.
    ///
    /// Gradient: the cotangent times `other` to `self`, times `self` to `other`. Operands that are no vectors of one
    /// length are a build error; a length of 1 does not stretch.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[1, 2])).dot(g.constant(ndarray::arr1(&[3, 4])));
    /// assert_eq!(Session::new(&g)?.run(y)?.sum(), 11);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("inner", "vdot"))]
    fn dot<Numeric>(x, other: (Self)) -> Self {
        x.binary(Einsum::of_vectors(Form::Dot), other)
    }

    also [
        OpDef {
            name: "einsum",
            doc: "The sum of products that a specification in Einstein's notation asks for, of any number of tensors.",
            operands: &[OperandDef::list("operands", Elements::Numeric)],
            attributes: &[AttributeDef::of::<String>("spec")],
            build: |graph, operands, attributes| {
                Ok(vec![graph.einsum_any(&attributes.value::<String>("spec")?, operands)])
            },
        },
    ]
}

impl Graph {
    /// The sum of products that a specification asks for, as [`Tensor::einsum`] gives it, of any number of tensors.
    ///
    /// More than two are multiplied in pairs, a node each. Which first is decided by the number of multiplications:
    /// of up to eight tensors the best order of all is found, of more the next pair is the one that leaves the smallest
    /// result beside what it is made of. A length that is not known while building counts as 1024.
    ///
    /// Gradient and errors as for [`Tensor::einsum`]. Gradients share the products of pairs.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let [x, y] = [g.placeholder::<f64>("x", [None, Some(3)]), g.placeholder("y", [None, Some(2)])];
    /// let w = g.variable("w", glorot_uniform([3, 2]));
    /// let bilinear = g.einsum("bi,ij,bj->b", &[x, *w, y]);
    /// assert_eq!(bilinear.shape().to_string(), "[?]");
    /// ```
    #[track_caller]
    pub fn einsum<'g, T: Numeric, X: Copy + Into<Tensor<'g, T>>>(
        &'g self,
        spec: &str,
        operands: &[X],
    ) -> Tensor<'g, T> {
        let operands: Vec<AnyTensor<'g>> = operands.iter().map(|&operand| operand.into().any()).collect();
        self.einsum_any(spec, &operands).typed()
    }

    /// The same as [`einsum`](Graph::einsum); that all tensors have elements of one type is checked when the node is
    /// built.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None, Some(3)]).any();
    /// assert_eq!(g.einsum_any("ij,kj,k->i", &[x, x, x.reduce_sum(-1)]).shape().to_string(), "[?]");
    /// ```
    #[track_caller]
    pub fn einsum_any<'g>(&'g self, spec: &str, operands: &[AnyTensor<'g>]) -> AnyTensor<'g> {
        if operands.iter().any(|operand| !operand.is_of(self) || operand.is_invalid()) {
            // Its rank says nothing: the node is as invalid as the operand, whatever its terms.
            return self.apply(Einsum::part_of(&spec.into(), Vec::new(), Term::new()), operands);
        }
        if let Some(invalid) = refuse_among(self, "einsum", Elements::Numeric, operands) {
            return invalid;
        }
        match Sum::read(spec, operands) {
            Ok((sum, result, lengths)) => sum.build(result, &lengths),
            Err(fault) => self.invalid_any("einsum", Fault::op(fault)),
        }
    }
}

/// For files of graphs.
pub(super) const DIAGONALS: &[OpDef] = diagonals::INTERNAL;

/// For files of graphs.
pub(super) const NUMBERED: &[OpDef] = sum::INTERNAL;

/// A sum of products that is being built.
struct Sum<'g> {
    asked: Arc<str>,
    /// One for each operand.
    terms: Vec<Term>,
    operands: Vec<AnyTensor<'g>>,
}

impl<'g> Sum<'g> {
    /// The sum that a specification asks for, the indices of its result, and what is known of their lengths.
    fn read(spec: &str, operands: &[AnyTensor<'g>]) -> Result<(Self, Term, Lengths), EinsumFault> {
        let fail = |spec: String| |fault| EinsumFault::Spec { spec, fault };
        let read = Spec::parse(spec, operands.len()).map_err(fail(spec.to_owned()))?;
        let shapes: Vec<Shape> = operands.iter().map(|operand| operand.shape()).collect();
        let shapes: Vec<&Shape> = shapes.iter().collect();
        let (terms, result) = read.indices(&shapes).map_err(fail(read.to_string()))?;
        // Of the whole, so that a fault is told of what was asked for and not of a part.
        let lengths = lengths(&terms, &shapes).map_err(fail(read.to_string()))?;
        let sum = Sum { asked: read.to_string().into(), terms, operands: operands.to_vec() };
        Ok((sum, result, lengths))
    }

    /// Builds it, by pairs if there are more than two operands.
    #[track_caller]
    fn build(mut self, result: Term, lengths: &Lengths) -> AnyTensor<'g> {
        for (term, operand) in self.terms.iter_mut().zip(&mut self.operands) {
            let once = distinct(term);
            if once.len() < term.len() {
                let term = std::mem::replace(term, once);
                *operand = operand.unary(Diagonals { asked: Arc::clone(&self.asked), term });
            }
        }
        let pairs = match self.operands.len() {
            0..=2 => Vec::new(),
            _ => order(&self.terms, &result, lengths),
        };
        // How many of the operands that are left, and the result, need each index.
        let mut needed: BTreeMap<Index, usize> = BTreeMap::new();
        for &index in self.terms.iter().flatten().chain(&result) {
            *needed.entry(index).or_default() += 1;
        }
        // The last pair gives the result itself.
        let last = pairs.len().saturating_sub(1);
        for pair in &pairs[..last] {
            self.multiply(*pair, &mut needed);
        }
        let of = match pairs.get(last) {
            Some(pair) => pair.to_vec(),
            None => (0..self.operands.len()).collect(),
        };
        let terms = of.iter().map(|&operand| self.terms[operand].clone()).collect();
        let operands: Vec<AnyTensor<'g>> = of.iter().map(|&operand| self.operands[operand]).collect();
        operands[0].graph().apply(Einsum::part_of(&self.asked, terms, result), &operands)
    }

    /// Adds the product of two operands, summed over what nothing else needs.
    #[track_caller]
    fn multiply(&mut self, pair: [usize; 2], needed: &mut BTreeMap<Index, usize>) {
        let [a, b] = pair.map(|operand| self.terms[operand].clone());
        for index in a.iter().chain(&b) {
            needed.entry(*index).and_modify(|count| *count -= 1);
        }
        let is_kept = |index: &&Index| needed.get(index).is_some_and(|&count| count > 0);
        // Axes under ellipses as an ellipsis has them, then what is there without moving anything: the batch, rows, columns.
        let mut result: Term = distinct(&[&a[..], &b].concat()).iter().filter(is_kept).copied().collect();
        result.sort_by_key(|index| match *index {
            Index::Ellipsis(place) => (0, usize::MAX - place),
            Index::Letter(_) => (1, usize::from(!(a.contains(index) && b.contains(index)))),
        });
        for index in &result {
            *needed.entry(*index).or_default() += 1;
        }
        let operands = pair.map(|operand| self.operands[operand]);
        let product = Einsum::part_of(&self.asked, vec![a, b], result.clone());
        self.operands.push(operands[0].graph().apply(product, &operands));
        self.terms.push(result);
    }
}
