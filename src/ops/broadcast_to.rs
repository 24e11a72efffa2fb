//! `broadcast_to`: a tensor repeated to given lengths, which may be [computed](super::lengths).

use super::lengths::{LengthFault, Lengths, Pattern, WITH_LENGTHS, types};
use crate::element::Element;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::broadcast::check_broadcasts_to;
use crate::graph::op::{AttributeDef, Attributes, Form, Op, OpDef};
use crate::graph::{AnyTensor, Tensor};
use crate::ir::{Lowering, Val};
use crate::shape::{Shape, TensorType};

/// Repeats the first input to the given lengths.
#[derive(Debug)]
struct BroadcastTo(Pattern);

impl BroadcastTo {
    fn shape(&self, computed: &[&TensorType]) -> Result<Shape, Fault> {
        let Pattern(entries) = self.0.filled(computed)?;
        let length = |&entry: &Option<isize>| match entry.map(usize::try_from) {
            Some(Ok(length)) => Ok(Some(length)),
            Some(Err(_)) => Err(Fault::op(LengthFault::Negative { lengths: self.0.to_string() })),
            None => Ok(None),
        };
        Ok(entries.iter().map(length).collect::<Result<Vec<_>, _>>()?.into())
    }
}

impl Op for BroadcastTo {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let large = TensorType::new(inputs[0].dtype, self.shape(&inputs[1..])?);
        check_broadcasts_to(inputs[0], &large)?;
        Ok(large)
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let computed = types(&inputs[1..], to);
        let shape = self.shape(&computed.iter().collect::<Vec<_>>());
        match shape.ok().and_then(|shape| shape.known()) {
            Some(dims) => to.broadcast(inputs[0], dims),
            // The shape rule has accepted the lengths.
            None => inputs[0],
        }
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        // The sweep sums the cotangent back to the input's shape.
        at.give(0, |dy| dy);
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn form(&self) -> Form {
        Form::Repeated
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("lengths", self.0.clone())
    }
}

impl<'g> AnyTensor<'g> {
    /// The same as [`Tensor::broadcast_to`].
    #[track_caller]
    pub fn broadcast_to(self, lengths: impl Into<Lengths<'g>>) -> Self {
        #[cfg(test)]
        super::laws::called("broadcast_to");
        self.with_lengths("broadcast_to", &lengths.into(), BroadcastTo)
    }
}

impl<'g, T: Element> Tensor<'g, T> {
    /// The tensor repeated to the given lengths under NumPy's rule: axes are matched from the last, and a
    /// length of 1 stretches. Lengths may be [computed](crate::Length) out of those of tensors.
    ///
    /// Gradient: the cotangent, summed over what was repeated. Lengths to which the tensor does not stretch are
    /// a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr2(&[[1.0], [2.0]])).broadcast_to([2, 2]);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr2(&[[1.0, 1.0], [2.0, 2.0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("expand", "expand_as"))]
    #[track_caller]
    pub fn broadcast_to(self, lengths: impl Into<Lengths<'g>>) -> Self {
        self.any().broadcast_to(lengths).typed()
    }
}

pub(super) const METHODS: &[&[OpDef]] = &[&[OpDef {
    name: "broadcast_to",
    doc: "The tensor repeated to the given lengths under NumPy's rule.",
    operands: WITH_LENGTHS,
    attributes: &[AttributeDef::of::<Pattern>("lengths")],
    build: |graph, operands, attributes| {
        Ok(vec![graph.apply(BroadcastTo(attributes.value("lengths")?), operands)])
    },
}]];

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    vec![
        example!("broadcast_to", &[&[3, 1]], |_, x| x[0].broadcast_to([2, 3, 4]), |x| x[0]
            .broadcast(vec![2, 3, 4])
            .unwrap()
            .to_owned(),),
        example!("broadcast_to itself", &[&[3]], |_, x| x[0].broadcast_to(vec![3]), |x| x[0].clone()),
        example!("broadcast_to nothing", &[&[3, 1]], |_, x| x[0].broadcast_to([3, 0]), |_| {
            ndarray::ArrayD::zeros(vec![3, 0])
        }),
        example!("broadcast_to of a number", &[&[]], |_, x| x[0].broadcast_to([2, 2]), |x| x[0]
            .broadcast(vec![2, 2])
            .unwrap()
            .to_owned(),),
    ]
}
