//! A single length that an op is told.

use super::ops::lengths_of;
use super::{COMPUTED, Kind, Length, LengthFault, Lengths};
use crate::error::Fault;
use crate::graph::AnyTensor;
use crate::graph::op::{Attribute, AttributeValue};
use crate::shape::TensorType;

/// One length that an op is told, as its attribute has it: `None` for one that is computed, which is the last operand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::ops) struct Told(Option<usize>);

/// A whole number, or `?` for one that is computed.
impl AttributeValue for Told {
    const KIND: &'static str = "count";

    fn into_attribute(self) -> Attribute {
        self.0.map_or(Attribute::Text(COMPUTED.into()), AttributeValue::into_attribute)
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        match attribute {
            Attribute::Text(text) if text == COMPUTED => Some(Told(None)),
            number => usize::from_attribute(number).map(|number| Told(Some(number))),
        }
    }
}

impl Told {
    /// The length as far as it is known, of an op that has so many operands before the one that tells a computed one.
    pub(in crate::ops) fn filled(
        self,
        before: usize,
        computed: &[&TensorType],
    ) -> Result<Option<usize>, Fault> {
        match (self.0, &lengths_of(computed)?[..]) {
            (Some(number), []) => Ok(Some(number)),
            (None, &[length]) => Ok(length),
            (number, computed) => {
                let expected = before + usize::from(number.is_none());
                Err(Fault::OperandCount { expected, found: before + computed.len() })
            }
        }
    }
}

impl<'g> Length<'g> {
    /// The attribute, and the operand if there is one, that tell an op this length.
    pub(in crate::ops) fn told_alone(self) -> Result<(Told, Option<AnyTensor<'g>>), Fault> {
        let lengths = || Lengths(vec![self]).to_string();
        match self.0 {
            Kind::Number(number) => match usize::try_from(number) {
                Ok(number) => Ok((Told(Some(number)), None)),
                Err(_) => Err(Fault::op(LengthFault::Negative { lengths: lengths() })),
            },
            Kind::Of(tensor, _) => Ok((Told(None), Some(tensor))),
            Kind::Nothing => Err(Fault::op(LengthFault::Unknown { lengths: lengths() })),
        }
    }
}
