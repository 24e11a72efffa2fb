//! The ops that no method builds alone, as definitions for files of graphs: parts of others, and of gradients.
//!
//! Each file of ops declares its own; here are those of the graph's layer.

use crate::error::Fault;
use crate::graph::op::scaled::ScaledEither;
use crate::graph::op::{
    BroadcastLike, Elements, Expect, ExpectShape, Group, OpDef, OperandDef, Scaled, SumLike,
};
use crate::shape::Shape;

/// Declares definitions of internal ops: the name, the operands with their elements, the attributes with their types, and
/// the op, or what makes it of operands and attributes and may fail.
macro_rules! internal {
    ($($name:literal ($($operand:ident: $elements:ident $(($dtype:ident))?),*) [$($attribute:ident: $type:ty),*] |$given:ident| $op:expr;)*) => {
        &[$($crate::graph::op::OpDef {
            name: $name,
            doc: "",
            operands: &[$($crate::graph::op::OperandDef::one(
                stringify!($operand),
                $crate::graph::op::Elements::$elements$(($crate::element::DType::$dtype))?,
            )),*],
            attributes: &[$($crate::graph::op::AttributeDef::of::<$type>(stringify!($attribute))),*],
            build: |graph, $given, _attributes| {
                $(let $attribute: $type = _attributes.value(stringify!($attribute))?;)*
                Ok(graph.apply_all($op, $given))
            },
        }),*]
    };
}
pub(super) use internal;

/// A power that is given by name: larger ones come from no gradient, and take an instruction each.
pub(super) fn power(power: usize) -> Result<u32, Fault> {
    const MOST: usize = 64;
    match u32::try_from(power) {
        Ok(power) if power as usize <= MOST => Ok(power),
        _ => Err(Fault::TooMany { what: "factors of a power", count: power, most: MOST }),
    }
}

pub(super) const INTERNAL: &[OpDef] = internal! {
    "broadcast_like" (x: Element, like: Element) [] |given| BroadcastLike;
    "sum_like" (x: Numeric, like: Element) [] |given| SumLike;
    "scaled" (x: Float, slope: Same) [] |given| Scaled;
    "scaled_either" (x: Float, slope: Same) [] |given| ScaledEither;
};

/// Those that take any number of operands.
pub(super) const OF_LISTS: &[OpDef] = &[
    OpDef {
        name: "expect_shape",
        doc: "",
        operands: &[OperandDef::list("x", Elements::Element)],
        attributes: &[crate::graph::op::AttributeDef::optional::<Shape>("shape")],
        build: |graph, operands, attributes| {
            let shape = attributes.get("shape").map(|_| attributes.value("shape")).transpose()?;
            Ok(vec![graph.apply(Expect(ExpectShape(shape)), operands)])
        },
    },
    OpDef {
        name: "group",
        doc: "",
        operands: &[OperandDef::list("operations", Elements::Element)],
        attributes: &[],
        build: |graph, operands, _| Ok(vec![graph.apply(Group, operands)]),
    },
];
