//! What an op is told beside its operands, as names and values.

use std::borrow::Cow;
use std::fmt;

use crate::element::DType;
use crate::error::Fault;
use crate::shape::{Axes, Shape};

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Attribute {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A name or a text.
    Text(Cow<'static, str>),
    /// An element type.
    DType(DType),
    /// Whole numbers: lengths, axes, a permutation.
    Ints(Vec<i64>),
    /// A selection of axes.
    Axes(Axes),
    /// A shape, whose lengths may be unknown.
    Shape(Shape),
    /// Values without names: one for each axis, or for each part.
    List(Vec<Attribute>),
    /// Attributes that belong together, such as those of a window.
    Group(Attributes),
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Attribute::Bool(value) => value.fmt(f),
            Attribute::Int(value) => value.fmt(f),
            // As Rust prints it where a number may be whole: 1.0 and 1e300.
            Attribute::Float(value) => write!(f, "{value:?}"),
            Attribute::Text(value) => f.write_str(value),
            Attribute::DType(value) => value.fmt(f),
            Attribute::Ints(values) => write!(f, "{values:?}"),
            Attribute::Axes(value) => value.fmt(f),
            Attribute::Shape(value) => value.fmt(f),
            Attribute::List(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Attribute::Group(values) => write!(f, "{{{values}}}"),
        }
    }
}

/// The attributes of a node, or those to build a node with, in the order of the op's definition.
///
/// ```
/// use flowgrad::op::{Attribute, Attributes};
/// let attributes = Attributes::new().with("axis", -1_isize).with("exclusive", true);
/// assert_eq!(attributes.get("axis"), Some(&Attribute::Int(-1)));
/// assert_eq!(attributes.to_string(), "axis=-1, exclusive=true");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(Vec<(Cow<'static, str>, Attribute)>);

impl Attributes {
    /// None.
    pub fn new() -> Self {
        Attributes::default()
    }

    /// These and one more; a second one of a name replaces the first.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl AttributeValue) -> Self {
        let (name, value) = (name.into(), value.into_attribute());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
        self
    }

    /// The attribute of that name.
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The attribute of that name as a value of the type that an op needs. A flag that lacks is `false`.
    ///
    /// # Errors
    /// [`Fault::Attribute`] if there is none, or one of another kind.
    pub fn value<T: AttributeValue>(&self, name: &'static str) -> Result<T, Fault> {
        let absent = if T::IS_FLAG { Some(&Attribute::Bool(false)) } else { None };
        let found = self.get(name);
        found.or(absent).and_then(T::from_attribute).ok_or_else(|| Fault::Attribute {
            name,
            expected: T::KIND,
            found: found.map(ToString::to_string),
        })
    }

    /// The same, or another value where there is none of that name.
    ///
    /// # Errors
    /// [`Fault::Attribute`] if it is of another kind.
    pub fn value_or<T: AttributeValue>(&self, name: &'static str, absent: T) -> Result<T, Fault> {
        if self.get(name).is_none() { Ok(absent) } else { self.value(name) }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Attribute)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `name=value`, separated by commas.
impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.iter().enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// A type that an attribute has in Rust.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no attribute of an op",
    label = "expected a number, a `bool`, a `String`, a `DType`, `Axes`, a `Shape`, or a list of numbers",
    note = "whole numbers are `isize`, `usize` or `i64`, other numbers `f64`, and lists are `Vec`s"
)]
pub trait AttributeValue: Sized {
    /// What it is called in definitions of ops and in errors.
    const KIND: &'static str;

    /// Whether one that lacks is `false`.
    const IS_FLAG: bool = false;

    /// The attribute.
    fn into_attribute(self) -> Attribute;

    /// The value, if the attribute is of this kind.
    fn from_attribute(attribute: &Attribute) -> Option<Self>;
}

/// Declares types whose values one variant holds: the type, what it is called, the variant, and the ways there and back.
macro_rules! attribute_values {
    ($($type:ty, $kind:literal, $variant:ident, $value:ident => $into:expr, $held:ident => $from:expr;)*) => {$(
        impl AttributeValue for $type {
            const KIND: &'static str = $kind;

            fn into_attribute(self) -> Attribute {
                let $value = self;
                Attribute::$variant($into)
            }

            fn from_attribute(attribute: &Attribute) -> Option<Self> {
                match attribute {
                    Attribute::$variant($held) => $from,
                    _ => None,
                }
            }
        }
    )*};
}
attribute_values! {
    isize,      "integer",      Int,   value => value as i64, held => isize::try_from(*held).ok();
    i64,        "integer",      Int,   value => value, held => Some(*held);
    // A count beyond the integers is as good as the largest of them.
    usize,      "count",        Int,   value => i64::try_from(value).unwrap_or(i64::MAX), held => usize::try_from(*held).ok();
    u64,        "seed",         Int,   value => value.cast_signed(), held => Some(held.cast_unsigned());
    String,     "text",         Text,  value => value.into(), held => Some(held.clone().into_owned());
    &'static str, "text",       Text,  value => value.into(), held => match held {
        Cow::Borrowed(text) => Some(text),
        Cow::Owned(_) => None,
    };
    DType,      "element type", DType, value => value, held => Some(*held);
    Axes,       "axes",         Axes,  value => value, held => Some(held.clone());
    Shape,      "shape",        Shape, value => value, held => Some(held.clone());
    Attributes, "attributes",   Group, value => value, held => Some(held.clone());
    Vec<isize>, "integers",     Ints,  value => value.into_iter().map(|value| value as i64).collect(),
        held => held.iter().map(|&value| isize::try_from(value).ok()).collect();
    Vec<usize>, "counts",       Ints,
        value => value.into_iter().map(|value| i64::try_from(value).unwrap_or(i64::MAX)).collect(),
        held => held.iter().map(|&value| usize::try_from(value).ok()).collect();
}

impl AttributeValue for bool {
    const KIND: &'static str = "bool";

    const IS_FLAG: bool = true;

    fn into_attribute(self) -> Attribute {
        Attribute::Bool(self)
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        match attribute {
            Attribute::Bool(value) => Some(*value),
            _ => None,
        }
    }
}

impl AttributeValue for f64 {
    const KIND: &'static str = "number";

    fn into_attribute(self) -> Attribute {
        Attribute::Float(self)
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        match *attribute {
            Attribute::Float(value) => Some(value),
            // Files may write whole numbers so.
            Attribute::Int(value) => Some(value as f64),
            _ => None,
        }
    }
}

impl AttributeValue for Attribute {
    const KIND: &'static str = "value";

    fn into_attribute(self) -> Attribute {
        self
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        Some(attribute.clone())
    }
}
