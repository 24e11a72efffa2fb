//! The op: the sum of the products of one operand or two, which have each index once. Its gradients are such sums, its
//! terms exchanged.

use std::sync::Arc;

use super::fault::{EinsumFault, SpecFault};
use super::product::{Named, product};
use super::spec::{Index, NumberedSpec, Term, lengths, notation, numbered};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{AttributeDef, Attributes, Elements, Op, OpDef, OperandDef};
use crate::ir::{Lowering, Val};
use crate::ops::reduce::BroadcastAlong;
use crate::shape::{Axes, Shape, ShapeError, TensorType, is_addressable};

/// How the sum is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As a specification.
    Einsum,
    /// As one with numbers for axes under ellipses, which only gradients need.
    Numbered,
    Outer,
    Dot,
}

/// The sum over all indices that are not in the result of the product of the operands.
#[derive(Debug)]
pub(super) struct Einsum {
    form: Form,
    /// The specification.
    spec: String,
    /// The one that the user wrote, of which this may be a part.
    asked: Arc<str>,
    /// One for each operand: one or two.
    terms: Vec<Term>,
    /// Its indices are in some term.
    result: Term,
}

impl Einsum {
    /// A sum of which there is nothing else to say.
    fn of(terms: Vec<Term>, result: Term) -> Self {
        let (form, spec) = match notation(&terms, &result) {
            Some(spec) => (Form::Einsum, spec),
            None => (Form::Numbered, numbered(&terms, &result)),
        };
        Einsum { form, asked: spec.as_str().into(), spec, terms, result }
    }

    /// A sum that is part of what the user asked for.
    pub(super) fn part_of(asked: &Arc<str>, terms: Vec<Term>, result: Term) -> Self {
        Einsum { asked: Arc::clone(asked), ..Einsum::of(terms, result) }
    }

    /// The product of two vectors, in one of the forms that have a name.
    pub(super) fn of_vectors(form: Form) -> Self {
        let [i, j] = ['i', 'j'].map(Index::Letter);
        let sum = match form {
            Form::Outer => Einsum::of(vec![vec![i], vec![j]], vec![i, j]),
            _ => Einsum::of(vec![vec![i], vec![i]], Term::new()),
        };
        Einsum { form, ..sum }
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
            _ => Fault::op(EinsumFault::Spec { spec: self.asked.to_string(), fault }),
        }
    }
}

impl Op for Einsum {
    fn name(&self) -> &'static str {
        match self.form {
            Form::Einsum => "einsum",
            Form::Numbered => "einsum_numbered",
            Form::Outer => "outer",
            Form::Dot => "dot",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let shapes: Vec<&Shape> = inputs.iter().map(|input| &input.shape).collect();
        for (operand, (term, shape)) in self.terms.iter().zip(&shapes).enumerate() {
            if term.len() != shape.rank() {
                let fault = SpecFault::Rank { operand, shape: (*shape).clone(), indices: term.len() };
                return Err(self.fault_of(&shapes, fault));
            }
        }
        let lengths = lengths(&self.terms, &shapes).map_err(|fault| self.fault_of(&shapes, fault))?;
        let length = |index| lengths.get(index).copied().flatten();
        // What repeats under an ellipsis and is summed over repeats before it is.
        if let Some(term) = self.terms.iter().find(|term| {
            let known: Vec<usize> = term.iter().filter_map(length).collect();
            !is_addressable(&known, inputs[0].dtype)
        }) {
            let shape = term.iter().map(length).collect::<Vec<_>>().into();
            return Err(ShapeError::TooLarge { shape }.into());
        }
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
            let other = (other != operand).then(|| (at.input(other), &self.terms[other]));
            at.give(operand, |dy| self.share(&self.terms[operand], x, other, dy));
        }
    }

    fn attributes(&self) -> Attributes {
        match self.form {
            Form::Einsum | Form::Numbered => Attributes::new().with("spec", self.spec.clone()),
            Form::Outer | Form::Dot => Attributes::new(),
        }
    }
}

impl Einsum {
    /// What an operand gets of a cotangent, beside another operand, if there is one.
    fn share<'g>(
        &self,
        own: &Term,
        x: AnyTensor<'g>,
        other: Option<(AnyTensor<'g>, &Term)>,
        dy: AnyTensor<'g>,
    ) -> AnyTensor<'g> {
        // Along an index that only this operand has, the cotangent repeats.
        let is_lonely = |index: &Index| {
            !self.result.contains(index) && !other.is_some_and(|(_, other)| other.contains(index))
        };
        let lonely: Vec<isize> =
            (0..own.len()).filter(|&axis| is_lonely(&own[axis])).map(|axis| axis as isize).collect();
        let result: Term = own.iter().copied().filter(|index| !is_lonely(index)).collect();
        if let (true, Some((other, term))) = (self.result.is_empty(), other)
            && *term == result
            && lonely.is_empty()
            && !own.iter().any(|index| index.is_ellipsis())
        {
            return dy * other;
        }
        let (mut terms, mut operands) = (vec![self.result.clone()], vec![dy]);
        if let Some((other, term)) = other {
            terms.push(term.clone());
            operands.push(other);
        }
        let share = dy.graph().apply(Einsum::of(terms, result), &operands);
        if !own.iter().any(|index| index.is_ellipsis()) {
            return if lonely.is_empty() { share } else { share.binary(BroadcastAlong(Axes::of(lonely)), x) };
        }
        if own.iter().all(|index| self.result.contains(index)) {
            return share;
        }
        // Under an ellipsis the share may be longer than the operand, which the sweep then sums back, or shorter where
        // the other operand was the one to stretch: together with zeros of the operand's shape it is neither.
        let share = lonely.into_iter().fold(share, |share, axis| share.expand_dims(axis));
        share + x.zeros_like()
    }
}

/// For files of graphs: the sums that no specification of the public op says.
pub(super) const INTERNAL: &[OpDef] = &[OpDef {
    name: "einsum_numbered",
    doc: "",
    operands: &[OperandDef::one("x", Elements::Numeric), OperandDef::some("other", Elements::Same)],
    attributes: &[AttributeDef::of::<NumberedSpec>("spec")],
    build: |graph, operands, attributes| {
        let NumberedSpec { terms, result } = attributes.value("spec")?;
        if operands.len() > 2 || operands.len() != terms.len() {
            return Err(Fault::OperandCount { expected: terms.len().min(2), found: operands.len() });
        }
        Ok(vec![graph.apply(Einsum::of(terms, result), operands)])
    },
}];
