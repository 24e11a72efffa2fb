//! `einsum`: sums of products by named indices, of one tensor or two; and with them `outer` and `dot`.
//!
//! A specification has a term of indices for each operand, which name its axes, and one for the result. Every
//! index that the result lacks is summed over. The gradient of such a sum is one again, its terms exchanged.

mod fault;

use std::collections::BTreeMap;

use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, Elements, Op, OpDef, OperandDef};
use crate::graph::{AnyTensor, Graph};
use crate::ir::{Dims, Lowering, Scalar, Val};
use crate::ops::methods::{methods, refuse_among};
use crate::ops::reduce::BroadcastAlong;
use crate::shape::{Axes, Shape, TensorType};

pub use fault::{EinsumFault, SpecFault};

/// The indices of a tensor's axes, in their order; none occurs twice.
type Term = Vec<char>;

/// What the user called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Einsum,
    Outer,
    Dot,
}

/// The sum over all indices that are not in the result of the product of the operands.
#[derive(Debug)]
struct Einsum {
    form: Form,
    /// One for each operand: one or two.
    terms: Vec<Term>,
    /// Its indices are in some term.
    result: Term,
}

/// The indices of a term, or what is wrong with it.
fn term(text: &str) -> Result<Term, SpecFault> {
    let mut term = Term::new();
    for index in text.chars() {
        match index {
            '.' => return Err(SpecFault::Ellipsis),
            _ if !index.is_ascii_alphabetic() => return Err(SpecFault::NotAnIndex { found: index }),
            _ if term.contains(&index) => return Err(SpecFault::Repeated { index }),
            _ => term.push(index),
        }
    }
    Ok(term)
}

impl Einsum {
    /// The sum that a specification such as `ij,jk->ik` asks for.
    fn parse(spec: &str, operands: usize) -> Result<Self, Fault> {
        let fail = |fault| Fault::op(EinsumFault::Spec { spec: spec.to_owned(), fault });
        let text: String = spec.chars().filter(|c| !c.is_whitespace()).collect();
        let (operand_terms, result) =
            text.split_once("->").map_or((text.as_str(), None), |(terms, result)| (terms, Some(result)));
        let terms: Vec<Term> = operand_terms.split(',').map(term).collect::<Result<_, _>>().map_err(fail)?;
        if operands > 2 {
            return Err(Fault::OperandCount { expected: 2, found: operands });
        }
        if terms.len() != operands {
            return Err(fail(SpecFault::Operands { terms: terms.len(), operands }));
        }
        let count = |index: &char| terms.iter().filter(|term| term.contains(index)).count();
        let result = if let Some(result) = result {
            term(result).map_err(fail)?
        } else {
            // Those that occur once, as in NumPy.
            let mut once: Term = terms.iter().flatten().copied().filter(|index| count(index) == 1).collect();
            once.sort_unstable();
            once
        };
        match result.iter().find(|index| count(index) == 0) {
            Some(&index) => Err(fail(SpecFault::OnlyInResult { index })),
            None => Ok(Einsum { form: Form::Einsum, terms, result }),
        }
    }

    fn spec(&self) -> String {
        let terms: Vec<String> = self.terms.iter().map(|term| term.iter().collect()).collect();
        format!("{}->{}", terms.join(","), self.result.iter().collect::<String>())
    }

    /// The fault of operands of these shapes, in the words of the op that was called.
    fn fault_of(&self, shapes: &[&Shape], fault: SpecFault) -> Fault {
        match (self.form, shapes) {
            (Form::Outer, [left, right]) => {
                Fault::op(EinsumFault::Outer { left: (*left).clone(), right: (*right).clone() })
            }
            (Form::Dot, [left, right]) => {
                Fault::op(EinsumFault::Dot { left: (*left).clone(), right: (*right).clone() })
            }
            _ => Fault::op(EinsumFault::Spec { spec: self.spec(), fault }),
        }
    }

    /// The length of each index, as far as it is known.
    fn lengths(&self, shapes: &[&Shape]) -> Result<BTreeMap<char, Option<usize>>, Fault> {
        let mut lengths: BTreeMap<char, Option<usize>> = BTreeMap::new();
        for (operand, (term, shape)) in self.terms.iter().zip(shapes).enumerate() {
            if term.len() != shape.rank() {
                let fault = SpecFault::Rank { operand, shape: (*shape).clone(), indices: term.len() };
                return Err(self.fault_of(shapes, fault));
            }
            for (&index, &length) in term.iter().zip(shape.dims()) {
                let known = lengths.entry(index).or_default();
                if let (&mut Some(left), Some(right)) = (&mut *known, length)
                    && left != right
                {
                    return Err(self.fault_of(shapes, SpecFault::Lengths { index, left, right }));
                }
                *known = known.or(length);
            }
        }
        Ok(lengths)
    }
}

impl Op for Einsum {
    fn name(&self) -> &'static str {
        match self.form {
            Form::Einsum => "einsum",
            Form::Outer => "outer",
            Form::Dot => "dot",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let shapes: Vec<&Shape> = inputs.iter().map(|input| &input.shape).collect();
        let lengths = self.lengths(&shapes)?;
        let length = |index| lengths.get(index).copied().flatten();
        Ok(TensorType::new(inputs[0].dtype, self.result.iter().map(length).collect::<Vec<_>>()))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let operands: Vec<Named> = (0..inputs.len())
            .map(|own| {
                let mut operand = Named { val: inputs[own], term: self.terms[own].clone() };
                let others = self.terms.iter().enumerate().filter(|&(other, _)| other != own);
                let mut kept: Term = others.flat_map(|(_, term)| term).copied().collect();
                kept.extend(&self.result);
                // What no other has is summed over first.
                operand.sum_but(&kept, to);
                operand
            })
            .collect();
        let mut result = match <[Named; 2]>::try_from(operands) {
            Ok([a, b]) => product(a, b, &self.result, to),
            Err(mut operands) => operands.swap_remove(0),
        };
        result.arrange(&self.result, to);
        result.val
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        for operand in 0..self.terms.len() {
            let x = at.input(operand);
            let other = (operand + 1) % self.terms.len();
            let other = (other != operand).then(|| (at.input(other), self.terms[other].clone()));
            let own = &self.terms[operand];
            // Along an index that only this operand has, the cotangent repeats.
            let is_lonely = |index: &char| {
                !self.result.contains(index)
                    && !other.as_ref().is_some_and(|(_, other)| other.contains(index))
            };
            let lonely: Vec<isize> =
                (0..own.len()).filter(|&axis| is_lonely(&own[axis])).map(|axis| axis as isize).collect();
            let result: Term = own.iter().copied().filter(|index| !is_lonely(index)).collect();
            at.give(operand, |dy| {
                if let (true, Some((other, term))) = (self.result.is_empty(), &other)
                    && *term == result
                    && lonely.is_empty()
                {
                    return dy * *other;
                }
                let (mut terms, mut operands) = (vec![self.result.clone()], vec![dy]);
                if let Some((other, term)) = &other {
                    terms.push(term.clone());
                    operands.push(*other);
                }
                let share = dy.graph().apply(Einsum { form: Form::Einsum, terms, result }, &operands);
                if lonely.is_empty() { share } else { share.binary(BroadcastAlong(Axes::of(lonely)), x) }
            });
        }
    }

    fn attributes(&self) -> Attributes {
        match self.form {
            Form::Einsum => Attributes::new().with("spec", self.spec()),
            Form::Outer | Form::Dot => Attributes::new(),
        }
    }
}

/// A value whose axes have names.
struct Named {
    val: Val,
    term: Term,
}

impl Named {
    /// The lengths of some of the axes.
    fn dims(&self, term: &[char], to: &Lowering<'_>) -> Dims {
        let dims = to.dims(self.val);
        let axis = |index: &char| self.term.iter().position(|own| own == index);
        term.iter().filter_map(axis).map(|axis| dims[axis]).collect()
    }

    /// Sums over all axes but those of these names.
    fn sum_but(&mut self, kept: &[char], to: &mut Lowering<'_>) {
        let axes: Vec<usize> =
            (0..self.term.len()).filter(|&axis| !kept.contains(&self.term[axis])).collect();
        self.val = to.sum(self.val, &axes);
        self.term.retain(|index| kept.contains(index));
    }

    /// Puts the axes into this order.
    fn arrange(&mut self, order: &[char], to: &mut Lowering<'_>) {
        if self.term != order {
            let axis = |index: &char| self.term.iter().position(|own| own == index);
            self.val = to.permute(self.val, order.iter().filter_map(axis).collect());
            self.term = order.to_vec();
        }
    }
}

/// The product of two operands, summed over what the result lacks; its axes are those of the result in some order.
///
/// Each index of the operands is in the result or in both.
fn product(mut a: Named, mut b: Named, result: &[char], to: &mut Lowering<'_>) -> Named {
    let having = |in_a: bool, in_b: bool| -> Term {
        let has = |index: &&char| a.term.contains(index) == in_a && b.term.contains(index) == in_b;
        result.iter().filter(has).copied().collect()
    };
    let (batch, left, right) = (having(true, true), having(true, false), having(false, true));
    let inner: Term = a.term.iter().copied().filter(|index| !result.contains(index)).collect();
    let (rows, columns) = (a.dims(&left, to), b.dims(&right, to));
    let (shared, summed) = (a.dims(&batch, to), a.dims(&inner, to));
    let lengths = |parts: &[&[usize]]| -> Dims { parts.concat().as_slice().into() };
    let one = |dims: &Dims| -> usize { dims.iter().product() };
    let val = if inner.is_empty() || (left.is_empty() && right.is_empty()) {
        // No matrices are multiplied: each with each, and what is summed over comes last.
        a.arrange(&[&batch[..], &left, &inner].concat(), to);
        b.arrange(&[&batch[..], &right, &inner].concat(), to);
        let a = to.reshape(a.val, lengths(&[&shared, &rows, &vec![1; right.len()], &summed]));
        let b = to.reshape(b.val, lengths(&[&shared, &vec![1; left.len()], &columns, &summed]));
        let products = to.map(Scalar::Mul, &[a, b]);
        let kept = result.len();
        to.sum(products, &(kept..kept + inner.len()).collect::<Vec<_>>())
    } else {
        a.arrange(&[&batch[..], &left, &inner].concat(), to);
        b.arrange(&[&batch[..], &inner, &right].concat(), to);
        let a = to.reshape(a.val, lengths(&[&shared, &[one(&rows), one(&summed)]]));
        let b = to.reshape(b.val, lengths(&[&shared, &[one(&summed), one(&columns)]]));
        let products = to.dot(a, b);
        to.reshape(products, lengths(&[&shared, &rows, &columns]))
    };
    Named { val, term: [batch, left, right].concat() }
}

methods! {
    /// The sum of products that a specification in Einstein's notation asks for, of this tensor and another.
    ///
    /// In `"ij,jk->ik"` the first term names the axes of `self`, the second those of `other`, and the last those of
    /// the result; what the result lacks is summed over. Without `->` the result has the indices that occur once, in
    /// alphabetical order. A length of 1 does not stretch.
    ///
    /// Gradient: to each operand the sum of the cotangent's products with the other, repeated along what only the
    /// operand has. A specification with an ellipsis, or with an index twice in one term (a diagonal), is not
    /// supported and a build error; so is one that does not fit the operands.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let heads = g.placeholder::<f32>("heads", [None, Some(8), Some(5), Some(16)]);
    /// let scores = heads.einsum("bhqd,bhkd->bhqk", heads);
    /// assert_eq!(scores.shape().to_string(), "[?, 8, 5, 5]");
    /// ```
    fn einsum<Numeric>(x, spec: [String], other: (Self)) -> Self as _ {
        x.graph().einsum(&spec, &[x, other])
    }

    /// The sum that a specification of one term asks for, as for [`einsum`](crate::Tensor::einsum): `"ij->ji"` transposes,
    /// `"ijk->j"` sums over two axes.
    ///
    /// Gradient: the cotangent with its axes in the order of `self`, repeated along what was summed over. Errors as
    /// for [`einsum`](crate::Tensor::einsum).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    /// assert_eq!(Session::new(&g)?.run(x.einsum_unary("ij->j"))?, ndarray::arr1(&[4.0, 6.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn einsum_unary<Numeric>(x, spec: [String]) -> Self as _ {
        x.graph().einsum(&spec, &[x])
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
        x.binary(Einsum { form: Form::Outer, terms: vec![vec!['i'], vec!['j']], result: vec!['i', 'j'] }, other)
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
        x.binary(Einsum { form: Form::Dot, terms: vec![vec!['i'], vec!['i']], result: Term::new() }, other)
    }

    also [
        OpDef {
            name: "einsum",
            doc: "The sum of products that a specification in Einstein's notation asks for, of one tensor or two.",
            operands: &[OperandDef::list("operands", Elements::Numeric)],
            attributes: &[AttributeDef::of::<String>("spec")],
            build: |graph, operands, attributes| {
                Ok(vec![graph.einsum(&attributes.value::<String>("spec")?, operands)])
            },
        },
    ]
}

impl Graph {
    #[track_caller]
    fn einsum<'g>(&'g self, spec: &str, operands: &[AnyTensor<'g>]) -> AnyTensor<'g> {
        if let Some(invalid) = refuse_among(self, "einsum", Elements::Numeric, operands) {
            return invalid;
        }
        match Einsum::parse(spec, operands.len()) {
            Ok(einsum) => self.apply(einsum, operands),
            Err(fault) => self.invalid_any("einsum", fault),
        }
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, IxDyn};

    /// Adds up the products of all elements whose places agree, one by one.
    fn plain(spec: &str, x: &[ArrayD<f64>]) -> ArrayD<f64> {
        let (operands, result) = spec.split_once("->").unwrap();
        let terms: Vec<&str> = operands.split(',').collect();
        let mut lengths: BTreeMap<char, usize> = BTreeMap::new();
        for (term, x) in terms.iter().zip(x) {
            lengths.extend(term.chars().zip(x.shape().iter().copied()));
        }
        let names: Vec<char> = lengths.keys().copied().collect();
        let all: Vec<usize> = lengths.values().copied().collect();
        let place = |term: &str, at: &IxDyn| -> Vec<usize> {
            term.chars().map(|index| at[names.binary_search(&index).unwrap()]).collect()
        };
        let dims: Vec<usize> = result.chars().map(|index| lengths[&index]).collect();
        let mut sums = ArrayD::zeros(dims);
        for (at, ()) in ArrayD::<()>::default(all).indexed_iter() {
            let product: f64 = terms.iter().zip(x).map(|(term, x)| x[&place(term, &at)[..]]).product();
            sums[&place(result, &at)[..]] += product;
        }
        sums
    }

    macro_rules! binary {
        ($($spec:literal $a:expr, $b:expr;)*) => {
            vec![$(example!($spec, &[&$a, &$b], |_, x| x[0].einsum($spec, x[1]), |x| plain($spec, x))),*]
        };
    }
    macro_rules! unary {
        ($($spec:literal $a:expr;)*) => {
            vec![$(example!($spec, &[&$a], |_, x| x[0].einsum_unary($spec), |x| plain($spec, x))),*]
        };
    }
    let mut examples: Vec<Example> = binary! {
        "ij,jk->ik" [2, 3], [3, 4];
        "ij,jk->ik" [40, 3], [3, 2];
        "ij,jk->ik" [2, 0], [0, 3];
        "ij,jk->ik" [0, 2], [2, 3];
        "ij,jk->ik" [1, 1], [1, 1];
        "ij,jk->ki" [2, 3], [3, 4];
        "ji,kj->ik" [3, 2], [4, 3];
        "ij,ij->ij" [2, 3], [2, 3];
        "ij,ji->ij" [2, 3], [3, 2];
        "ij,ij->" [2, 3], [2, 3];
        "ij,ji->i" [2, 3], [3, 2];
        "ij,ij->j" [70, 2], [70, 2];
        "ij,j->i" [2, 3], [3];
        "i,ij->j" [2], [2, 3];
        "i,j->ij" [2], [3];
        "i,j->ji" [2], [3];
        "i,j->" [2], [3];
        "ij,k->k" [2, 3], [4];
        "ij,jk->k" [2, 3], [3, 4];
        ",ij->ji" [], [2, 3];
        ",->" [], [];
        "bij,bjk->bik" [2, 3, 4], [2, 4, 2];
        "bij,jk->bik" [2, 3, 4], [4, 2];
        "bij,bj->bi" [2, 3, 4], [2, 4];
        "bhqd,bhkd->bhqk" [2, 1, 3, 2], [2, 1, 2, 2];
        "bqhd,bkhd->bhqk" [2, 2, 3, 2], [2, 1, 3, 2];
        "abcd,cdef->abef" [2, 1, 3, 2], [3, 2, 2, 2];
        "abc,cbd->da" [2, 3, 2], [2, 3, 2];
    };
    examples.extend(unary! {
        "ij->ij" [2, 3];
        "ij->ji" [2, 3];
        "ijk->kij" [2, 3, 4];
        "ijk->j" [2, 3, 4];
        "ijk->kj" [2, 3, 1];
        "ij->" [0, 3];
        "->" [];
    });
    examples.extend([
        example!("without a result", &[&[3, 2], &[4, 3]], |_, x| x[0].einsum("zb , az", x[1]), |x| plain(
            "zb,az->ab",
            x
        )),
        example!("of one without a result", &[&[3, 2]], |_, x| x[0].einsum_unary("ba"), |x| plain(
            "ba->ab", x
        )),
        example!("of one tensor twice", &[&[3, 2]], |_, x| x[0].einsum("ij,kj->ik", x[0]), |x| plain(
            "ij,kj->ik",
            &[x[0].clone(), x[0].clone()]
        )),
    ]);
    for dims in [[3], [1], [0], [70]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("outer", &[dims, &[2]], |_, x| x[0].outer(x[1]), |x| plain("i,j->ij", x)),
            example!("dot", &[dims, dims], |_, x| x[0].dot(x[1]), |x| plain("i,i->", x)),
        ]);
    }
    examples
}
