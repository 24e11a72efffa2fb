//! `dim` and `length`, the ops whose results stand for lengths.

use crate::element::DType;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, Elements, Op, OpDef, OperandDef};
use crate::ir::{Lowering, Val};
use crate::shape::{TensorType, resolve_axis};

use super::LengthFault;

/// The lengths that tensors of one axis stand for.
pub(super) fn lengths_of(tensors: &[&TensorType]) -> Result<Vec<Option<usize>>, Fault> {
    if let Some(other) = tensors.iter().find(|tensor| tensor.dtype != DType::Bool) {
        return Err(Fault::ElementType { expected: DType::Bool, found: other.dtype });
    }
    let length = |tensor: &&TensorType| match *tensor.shape.dims() {
        [length] => Ok(length),
        _ => Err(Fault::OtherShape { expected: None.into(), found: tensor.shape.clone() }),
    };
    tensors.iter().map(length).collect()
}

/// The length of one axis of the input, which is not computed for it.
#[derive(Debug)]
pub(super) struct Dim(pub(super) isize);

/// What stands for a length in a program.
fn lowered(length: usize, to: &mut Lowering<'_>) -> Val {
    let element = to.scalar(0.0, DType::Bool);
    to.broadcast(element, [length])
}

impl Op for Dim {
    fn name(&self) -> &'static str {
        "dim"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let shape = &inputs[0].shape;
        let axis = resolve_axis(self.0, shape.rank())?;
        Ok(TensorType::new(DType::Bool, shape[axis]))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = to.dims(inputs[0]);
        // The shape rule has accepted the axis.
        let length = resolve_axis(self.0, dims.len()).ok().map_or(0, |axis| dims[axis]);
        lowered(length, to)
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axis", self.0)
    }
}

/// Arithmetic of two lengths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arithmetic {
    operation: &'static str,
    pub(super) of: fn(usize, usize) -> Option<usize>,
}

/// The least length from 1 on whose power `b` is not less than `a`.
pub(super) fn root(a: usize, b: usize) -> Option<usize> {
    let exponent = u32::try_from(b).ok().filter(|&b| b > 0)?;
    let is_enough = |root: usize| root.checked_pow(exponent).is_none_or(|power| power >= a);
    // Rounded, it may be too much or too little by one.
    let least = ((a as f64).powf(f64::from(exponent).recip()) as usize).saturating_sub(1).max(1);
    (least..=least.saturating_add(3)).find(|&root| is_enough(root))
}

/// All there is; quotients are rounded down, and roots up.
pub(super) const OPERATIONS: [Arithmetic; 7] = [
    Arithmetic { operation: "+", of: usize::checked_add },
    Arithmetic { operation: "-", of: usize::checked_sub },
    Arithmetic { operation: "*", of: usize::checked_mul },
    Arithmetic { operation: "/", of: usize::checked_div },
    Arithmetic { operation: "maximum", of: |a, b| Some(a.max(b)) },
    Arithmetic { operation: "minimum", of: |a, b| Some(a.min(b)) },
    Arithmetic { operation: "root", of: root },
];

impl Op for Arithmetic {
    fn name(&self) -> &'static str {
        "length"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let [Some(a), Some(b)] = lengths_of(inputs)?[..] else {
            return Ok(TensorType::new(DType::Bool, None));
        };
        let operation = self.operation;
        let length = (self.of)(a, b).ok_or_else(|| Fault::op(LengthFault::Arithmetic { a, operation, b }))?;
        Ok(TensorType::new(DType::Bool, length))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let [a, b] = [0, 1].map(|input| to.dims(inputs[input]).first().copied().unwrap_or(0));
        // The shape rule has accepted the lengths.
        lowered((self.of)(a, b).unwrap_or(0), to)
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("operation", self.operation)
    }
}

pub(in crate::ops) const METHODS: &[&[OpDef]] = &[&[
    OpDef {
        name: "dim",
        doc: "A tensor of one axis, whose length is that of an axis of `x`; its elements do not matter.",
        operands: &[OperandDef::one("x", Elements::Element)],
        attributes: &[AttributeDef::of::<isize>("axis")],
        build: |_, operands, attributes| Ok(vec![operands[0].unary(Dim(attributes.value("axis")?))]),
    },
    OpDef {
        name: "length",
        doc: "A tensor of one axis, whose length is made of those of two such tensors by `+`, `-`, `*`, `/`, `maximum`, \
              `minimum` or `root`.",
        operands: &[
            OperandDef::one("a", Elements::Only(DType::Bool)),
            OperandDef::one("b", Elements::Only(DType::Bool)),
        ],
        attributes: &[AttributeDef::of::<String>("operation")],
        build: |graph, operands, attributes| {
            let other =
                operands.iter().find(|operand| operand.dtype() != DType::Bool && !operand.is_invalid());
            if let Some(other) = other {
                return Err(Fault::ElementType { expected: DType::Bool, found: other.dtype() });
            }
            let found: String = attributes.value("operation")?;
            let named = OPERATIONS.iter().find(|arithmetic| arithmetic.operation == found);
            let lacking = || Fault::Attribute {
                name: "operation",
                expected: "+, -, *, /, maximum, minimum or root",
                found: Some(found.clone()),
            };
            Ok(vec![graph.apply(*named.ok_or_else(lacking)?, operands)])
        },
    },
]];
