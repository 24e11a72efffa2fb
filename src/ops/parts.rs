//! The ops that put parts of a tensor back, by themselves and together, as definitions for files of graphs.

use std::sync::Arc;

use super::{concat, control, pad, slice, split};
use crate::element::DType;
use crate::error::Fault;
use crate::graph::AnyTensor;
use crate::graph::op::{
    Attribute, AttributeDef, AttributeValue, Attributes, Elements, OpDef, OperandDef, PutBack, Together,
};

/// What makes an op of its attributes, for parts of an element type.
type Made = fn(&Attributes, DType) -> Result<Arc<dyn PutBack>, Fault>;

/// An op that puts one part back.
#[derive(Clone, Copy, Debug)]
pub(super) struct PutBackDef {
    /// By itself. Its operands are the part, the whole, and what else says where the part lies.
    pub(super) op: OpDef,
    /// Among others.
    pub(super) made: Made,
}

/// Declares ops that put one part back: the name, the operands, the attributes with their types, and what makes the op of
/// the element type and may fail.
macro_rules! put_back {
    ($($name:literal ($($operand:ident),*) [$($attribute:ident: $type:ty),*] |$dtype:ident| $op:expr;)*) => {
        &[$({
            fn made(
                attributes: &$crate::graph::op::Attributes,
                $dtype: $crate::element::DType,
            ) -> Result<std::sync::Arc<dyn $crate::graph::op::PutBack>, $crate::error::Fault> {
                $(let $attribute: $type = attributes.value(stringify!($attribute))?;)*
                Ok(std::sync::Arc::new($op))
            }
            $crate::ops::parts::PutBackDef {
                op: $crate::graph::op::OpDef {
                    name: $name,
                    doc: "",
                    operands: &[$($crate::graph::op::OperandDef::one(
                        stringify!($operand),
                        $crate::graph::op::Elements::Element,
                    )),*],
                    attributes: &[$($crate::graph::op::AttributeDef::of::<$type>(stringify!($attribute))),*],
                    build: |graph, given, attributes| {
                        let op = made(attributes, given[0].dtype())?;
                        Ok(vec![graph.apply_shared(op.into_op(), given)])
                    },
                },
                made,
            }
        }),*]
    };
}
pub(super) use put_back;

/// All of them.
pub(super) fn put_back_ops() -> impl Iterator<Item = &'static PutBackDef> {
    [concat::PUT_BACK, control::PUT_BACK, pad::PUT_BACK, slice::PUT_BACK, split::PUT_BACK]
        .into_iter()
        .flatten()
}

/// Ops that put one part back each, with their attributes.
pub(crate) struct Parts(Vec<(&'static PutBackDef, Attributes)>);

#[cfg(any(feature = "graphdef", feature = "onnx"))]
impl Parts {
    /// The name of each op, its attributes, and how many operands it has: the part, the whole, and what else there is.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&'static str, &Attributes, usize)> {
        self.0.iter().map(|(def, attributes)| (def.op.name, attributes, def.op.operands.len()))
    }
}

impl AttributeValue for Parts {
    const KIND: &'static str = "ops that put parts back, with their attributes";

    fn into_attribute(self) -> Attribute {
        let part = |(def, attributes): (&PutBackDef, Attributes)| {
            Attributes::new().with("op", def.op.name).with("attributes", attributes).into_attribute()
        };
        Attribute::List(self.0.into_iter().map(part).collect())
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        let Attribute::List(parts) = attribute else { return None };
        let part = |part: &Attribute| {
            let given = Attributes::from_attribute(part)?;
            let (op, attributes): (String, Attributes) =
                (given.value("op").ok()?, given.value("attributes").ok()?);
            Some((put_back_ops().find(|def| def.op.name == op)?, attributes))
        };
        parts.iter().map(part).collect::<Option<_>>().map(Parts)
    }
}

impl Parts {
    /// The op that puts the parts back that stand among these operands, behind the whole.
    fn together(self, operands: &[AnyTensor<'_>]) -> Result<Together, Fault> {
        let expected = 1 + self.0.iter().map(|(def, _)| def.op.operands.len() - 1).sum::<usize>();
        if operands.len() != expected {
            return Err(Fault::OperandCount { expected, found: operands.len() });
        }
        let (dtype, mut place) = (operands[0].dtype(), 1);
        let made = |(def, attributes): (&PutBackDef, Attributes)| {
            let (part, count) = (operands[place], def.op.operands.len());
            if part.dtype() != dtype && !part.is_invalid() {
                return Err(Fault::ElementType { expected: dtype, found: part.dtype() });
            }
            place += count - 1;
            Ok(((def.made)(&attributes, dtype)?, count))
        };
        Ok(Together::of(self.0.into_iter().map(made).collect::<Result<Vec<_>, _>>()?))
    }
}

pub(super) const INTERNAL: &[OpDef] = &[OpDef {
    name: "parts_transposed",
    doc: "",
    operands: &[
        OperandDef::one("whole", Elements::Element),
        OperandDef::list("parts_and_places", Elements::Element),
    ],
    attributes: &[AttributeDef::of::<Parts>("parts")],
    build: |graph, operands, attributes| {
        let together = attributes.value::<Parts>("parts")?.together(operands)?;
        Ok(vec![graph.apply(together, operands)])
    },
}];
