//! `pad`: more elements before and behind along each axis, all the same or a reflection.

use crate::element::{DType, Element, Value};
use crate::error::Fault;
use crate::graph::op::pick::{Along, Choice, Pick, PickTransposed, Run};
use crate::graph::op::{Attribute, AttributeDef, AttributeValue, Attributes, Elements, OpDef, OperandDef};
use crate::graph::{AnyTensor, Tensor};
use crate::ir::ScalarValue;
use crate::ops::methods::methods;
use crate::ops::parts::{PutBackDef, put_back};
use crate::shape::{Shape, ShapeError};

/// What [`pad`](crate::Tensor::pad) puts before and behind the elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pad<T> {
    /// This element everywhere.
    Constant(T),
    /// The elements from the edge inwards, without the one at the edge: `[1, 2, 3]` becomes `[3, 2, 1, 2, 3, 2, 1]`.
    Reflect,
}

/// How many elements come before and behind along each axis.
type Paddings = Vec<(usize, usize)>;

impl AttributeValue for Paddings {
    const KIND: &'static str = "pairs of counts";

    fn into_attribute(self) -> Attribute {
        let pairs = self.into_iter().map(|(before, behind)| vec![before, behind].into_attribute());
        Attribute::List(pairs.collect())
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        let Attribute::List(pairs) = attribute else { return None };
        let pair = |pair: &Attribute| match Vec::<usize>::from_attribute(pair)?[..] {
            [before, behind] => Some((before, behind)),
            _ => None,
        };
        pairs.iter().map(pair).collect()
    }
}

/// What the attribute `with` takes.
const WITH: &str = "an element, or `reflect`";

impl Pad<ScalarValue> {
    fn of<T: Element>(with: Pad<T>) -> Self {
        match with {
            Pad::Constant(element) => Pad::Constant(ScalarValue::of(&Value::scalar(element))),
            Pad::Reflect => Pad::Reflect,
        }
    }

    fn into_attribute(self) -> Attribute {
        match self {
            Pad::Reflect => Attribute::Text("reflect".into()),
            Pad::Constant(ScalarValue::Bool(boolean)) => Attribute::Bool(boolean),
            Pad::Constant(ScalarValue::I32(number)) => Attribute::Int(number.into()),
            Pad::Constant(ScalarValue::I64(number)) => Attribute::Int(number),
            Pad::Constant(number) => Attribute::Float(number.to_f64()),
        }
    }

    /// As it is for elements of a type, if the attribute holds one of them, or says that they are reflected.
    fn from_attribute(attribute: &Attribute, dtype: DType) -> Option<Self> {
        match (attribute, dtype) {
            (Attribute::Text(text), _) if text == "reflect" => Some(Pad::Reflect),
            (Attribute::Bool(boolean), DType::Bool) => Some(Pad::of(Pad::Constant(*boolean))),
            (Attribute::Int(number), DType::I64) => Some(Pad::of(Pad::Constant(*number))),
            (Attribute::Int(number), DType::I32) => {
                Some(Pad::of(Pad::Constant(i32::try_from(*number).ok()?)))
            }
            (_, DType::F32) => Some(Pad::of(Pad::Constant(f64::from_attribute(attribute)? as f32))),
            (_, DType::F64) => Some(Pad::of(Pad::Constant(f64::from_attribute(attribute)?))),
            _ => None,
        }
    }
}

/// What can be wrong with padding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PadFault {
    /// A reflection of as many elements as an axis has, or more.
    #[error("expected to reflect fewer than the {length} elements of axis {axis}, got {padding}")]
    Reflect {
        /// The axis, counted from the first.
        axis: usize,
        /// Its length.
        length: usize,
        /// The number of elements to reflect.
        padding: usize,
    },
}

/// So many elements more before and behind along each axis.
#[derive(Clone, Debug)]
struct Padded {
    paddings: Paddings,
    with: Pad<ScalarValue>,
}

impl Padded {
    /// What becomes of an axis of this length.
    fn along(&self, axis: usize, (before, behind): (usize, usize), length: usize) -> Result<Along, Fault> {
        let whole = Run::of(0, length, 1);
        if self.with != Pad::Reflect {
            return Ok(Along::of([Run::filling(before), whole, Run::filling(behind)]));
        }
        let padding = before.max(behind);
        if padding > 0 && padding >= length {
            return Err(Fault::op(PadFault::Reflect { axis, length, padding }));
        }
        let last = length.saturating_sub(2);
        Ok(Along::of([Run::of(before, before, -1), whole, Run::of(last, behind, -1)]))
    }
}

impl Choice for Padded {
    const NAMES: [&'static str; 2] = ["pad", "pad_transposed"];

    fn axes(&self, shape: &Shape) -> Result<Vec<Along>, Fault> {
        if self.paddings.len() != shape.rank() {
            return Err(ShapeError::NotOnePerAxis { given: self.paddings.len(), rank: shape.rank() }.into());
        }
        let axes = shape.dims().iter().zip(&self.paddings).enumerate();
        axes.map(|(axis, (&length, &padding))| match length {
            Some(length) => self.along(axis, padding, length),
            None => Ok(Along::unknown()),
        })
        .collect()
    }

    fn filling(&self) -> Option<ScalarValue> {
        match self.with {
            Pad::Constant(element) => Some(element),
            Pad::Reflect => None,
        }
    }

    fn linear(&self) -> Self {
        let with = match self.with {
            Pad::Constant(element) => Pad::Constant(element.zero()),
            Pad::Reflect => Pad::Reflect,
        };
        Padded { with, ..self.clone() }
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("paddings", self.paddings.clone()).with("with", self.with.into_attribute())
    }
}

methods! {
    also [
        OpDef {
            name: "pad",
            doc: "The tensor with so many elements more before and behind along each axis: a constant, or a reflection \
                  of the elements at the edge.",
            operands: &[OperandDef::one("x", Elements::Element)],
            attributes: &[AttributeDef::of::<Paddings>("paddings"), AttributeDef::new("with", WITH)],
            build: |_, operands, attributes| {
                let x = operands[0];
                let (paddings, given) = (attributes.value("paddings")?, attributes.get("with"));
                let with = given.and_then(|given| Pad::from_attribute(given, x.dtype()));
                let with = with.ok_or_else(|| Fault::Attribute {
                    name: "with",
                    expected: WITH,
                    found: given.map(ToString::to_string),
                })?;
                Ok(vec![x.padded(paddings, with)])
            },
        },
    ]
}

impl<T: Element> Tensor<'_, T> {
    /// The tensor with so many elements more along each axis, as pairs of how many come before and behind: a
    /// constant, or a reflection of the elements at the edge.
    ///
    /// Gradient: the part of the cotangent that stands where the elements do, plus, for a reflection, what stands
    /// where they are repeated. It is a build error not to give a pair for each axis, and to
    /// reflect as many elements along an axis as it has, or more.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1, 2, 3]));
    /// let session = Session::new(&g)?;
    /// let constant = session.run(x.pad([(1, 2)], Pad::Constant(0)))?;
    /// assert_eq!(constant, ndarray::arr1(&[0, 1, 2, 3, 0, 0]).into_dyn());
    /// let reflected = session.run(x.pad([(1, 2)], Pad::Reflect))?;
    /// assert_eq!(reflected, ndarray::arr1(&[2, 1, 2, 3, 2, 1]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("zero_pad"))]
    #[track_caller]
    pub fn pad(self, paddings: impl Into<Vec<(usize, usize)>>, with: Pad<T>) -> Self {
        self.any().padded(paddings.into(), Pad::of(with)).typed()
    }
}

impl AnyTensor<'_> {
    /// The same as [`Tensor::pad`](crate::Tensor::pad), with a number for the constant, which becomes an element of the
    /// tensor's type.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<i32>("x", [None]).any();
    /// assert_eq!(x.pad([(1, 2)], Pad::Constant(0.0)).dtype(), DType::I32);
    /// ```
    #[track_caller]
    pub fn pad(self, paddings: impl Into<Vec<(usize, usize)>>, with: Pad<f64>) -> Self {
        let with = match with {
            Pad::Constant(number) => Pad::Constant(ScalarValue::number(number, self.dtype())),
            Pad::Reflect => Pad::Reflect,
        };
        self.padded(paddings.into(), with)
    }

    /// With an element of the tensor's type.
    #[track_caller]
    fn padded(self, paddings: Paddings, with: Pad<ScalarValue>) -> Self {
        self.unary(Pick(Padded { paddings, with }))
    }
}

/// For files of graphs.
pub(super) const PUT_BACK: &[PutBackDef] = put_back! {
    "pad_transposed" (x, like) [paddings: Paddings, with: Attribute] |dtype| {
        let found = || Some(with.to_string());
        let with = Pad::from_attribute(&with, dtype);
        let with = with.ok_or_else(|| Fault::Attribute { name: "with", expected: WITH, found: found() })?;
        PickTransposed(Padded { paddings, with })
    };
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Axis, IxDyn};

    fn padded(
        x: &ArrayD<f64>,
        paddings: [(usize, usize); 2],
        at: fn(isize, isize) -> Option<isize>,
    ) -> ArrayD<f64> {
        let lengths = [0, 1].map(|axis| paddings[axis].0 + x.shape()[axis] + paddings[axis].1);
        ArrayD::from_shape_fn(IxDyn(&lengths), |index| {
            let from = [0, 1].map(|axis| {
                let length = x.shape()[axis] as isize;
                at(index[axis] as isize - paddings[axis].0 as isize, length).map(|index| index as usize)
            });
            match from {
                [Some(row), Some(column)] => x[[row, column]],
                _ => 7.5,
            }
        })
    }

    fn constant(i: isize, length: isize) -> Option<isize> {
        (0 <= i && i < length).then_some(i)
    }

    fn reflected(x: &ArrayD<f64>, paddings: [(usize, usize); 2]) -> ArrayD<f64> {
        padded(x, paddings, |i, length| Some(if i < length { i.abs() } else { 2 * (length - 1) - i }))
    }

    let mut examples: Vec<Example> = vec![
        example!(
            "pad of a number",
            &[&[]],
            |_, x| x[0].pad([], Pad::Constant(0.0)) + x[0].pad([], Pad::Reflect),
            |x| &x[0] + &x[0],
        ),
        example!(
            "pad with a reflection of all",
            &[&[4, 3]],
            |_, x| x[0].pad([(3, 3), (2, 2)], Pad::Reflect) * 2.0,
            |x| 2.0 * reflected(&x[0], [(3, 3), (2, 2)]),
        ),
        example!(
            "pad with a reflection of one side",
            &[&[2, 3]],
            |_, x| x[0].pad([(0, 1), (1, 0)], Pad::Reflect),
            |x| reflected(&x[0], [(0, 1), (1, 0)]),
        ),
        example!(
            "pad with a reflection of none",
            &[&[0, 1]],
            |_, x| x[0].pad([(0, 0), (0, 0)], Pad::Reflect),
            |x| x[0].clone(),
        ),
        example!(
            "pad of a transpose",
            &[&[3, 2]],
            |_, x| x[0].transpose().pad([(1, 1), (2, 2)], Pad::Reflect),
            |x| reflected(&x[0].t().to_owned(), [(1, 1), (2, 2)]),
        ),
        // The gradient of the gradient pads with 0, and the elements that pad count in the sum.
        example!(
            "pad before a softmax",
            &[&[2, 3]],
            |_, x| x[0].pad([(0, 0), (1, 0)], Pad::Constant(0.5)).exp().reduce_sum(1).ln(),
            |x| (x[0].mapv(f64::exp).sum_axis(Axis(1)) + 0.5_f64.exp()).mapv(f64::ln),
        ),
    ];
    for dims in [[2, 3], [1, 1], [0, 2], [3, 0]] {
        let dims = dims.as_slice();
        examples.extend([
            example!(
                "pad of both axes",
                &[dims],
                |_, x| x[0].pad([(1, 2), (0, 3)], Pad::Constant(7.5)),
                |x| { padded(&x[0], [(1, 2), (0, 3)], constant) }
            ),
            example!("pad of rows", &[dims], |_, x| x[0].pad([(2, 0), (0, 0)], Pad::Constant(7.5)), |x| {
                padded(&x[0], [(2, 0), (0, 0)], constant)
            }),
        ]);
    }
    examples
}
