//! `split`, `split_sizes` and `unstack`: the parts of a tensor along an axis, each an output of one node.

use crate::element::Element;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::pick::{Along, Choice, Pick, PickTransposed, Run, picked, shape_of};
use crate::graph::op::{
    Attribute, AttributeDef, AttributeValue, Attributes, Elements, MultiOp, OpDef, OperandDef, Outputs,
};
use crate::graph::{AnyTensor, Tensor};
use crate::ir::{Lowering, Val};
use crate::ops::internal::internal;
use crate::ops::parts::{PutBackDef, put_back};
use crate::shape::{Shape, ShapeError, TensorType, resolve_axis};

/// Parts that one call gives: more are no list that anybody handles, and an axis of more is better moved as a whole.
const MAX_PARTS: usize = 1 << 20;

/// Parts that are given for a number of parts that cannot be: more than anybody lists, and little memory.
const MAX_INVALID: usize = 1 << 16;

/// What can be wrong with cutting an axis into parts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitFault {
    /// An axis whose length is no multiple of the number of parts, or no parts.
    #[error("expected a number of parts that divides axis {axis} of shape {shape}, got {parts}")]
    Parts {
        /// The axis, counted from the first.
        axis: usize,
        /// The shape of the operand.
        shape: Shape,
        /// The number of parts.
        parts: usize,
    },
    /// Parts that do not make up the axis.
    #[error("expected parts of {length} elements in all along axis {axis}, got {whole}")]
    Sizes {
        /// The axis, counted from the first.
        axis: usize,
        /// Its length.
        length: usize,
        /// What the lengths of the parts add up to.
        whole: usize,
    },
    /// A part at an index that the axis does not have.
    #[error("expected an index of axis {axis} of length {length}, got {index}")]
    Index {
        /// The axis, counted from the first.
        axis: usize,
        /// Its length.
        length: usize,
        /// The index.
        index: usize,
    },
    /// An axis of unknown length is to be taken apart.
    #[error("expected a length of axis {axis} that is known while building, got shape {shape}")]
    UnknownLength {
        /// The axis, counted from the first.
        axis: usize,
        /// The shape of the operand.
        shape: Shape,
    },
}

/// Refuses more parts than one call may give.
fn countable(parts: usize) -> Result<(), Fault> {
    if parts > MAX_PARTS {
        return Err(Fault::TooMany { what: "parts", count: parts, most: MAX_PARTS });
    }
    Ok(())
}

/// Cuts an axis into parts.
#[derive(Clone, Debug)]
struct Split {
    axis: isize,
    /// The parts; if none, each element along the axis, by itself and without the axis.
    into: Option<Parts>,
}

#[derive(Clone, Debug)]
enum Parts {
    /// So many of equal length.
    Equal(usize),
    /// Parts of these lengths.
    Sizes(Vec<usize>),
}

/// A number of parts, or their lengths.
impl AttributeValue for Parts {
    const KIND: &'static str = "count or lengths";

    fn into_attribute(self) -> Attribute {
        match self {
            Parts::Equal(parts) => parts.into_attribute(),
            Parts::Sizes(sizes) => sizes.into_attribute(),
        }
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        let sizes = || Vec::from_attribute(attribute).map(Parts::Sizes);
        usize::from_attribute(attribute).map(Parts::Equal).or_else(sizes)
    }
}

impl Split {
    /// The parts into which a tensor of this shape is cut.
    fn parts(&self, shape: &Shape) -> Result<Vec<Part>, Fault> {
        let axis = resolve_axis(self.axis, shape.rank())?;
        let cuts: Vec<Cut> = match &self.into {
            &Some(Parts::Equal(parts)) => {
                countable(parts)?;
                if parts == 0 {
                    return Err(Fault::op(SplitFault::Parts { axis, shape: shape.clone(), parts }));
                }
                (0..parts).map(|part| Cut::Equal { part, parts }).collect()
            }
            Some(Parts::Sizes(sizes)) => {
                countable(sizes.len())?;
                let whole = sizes.iter().fold(0_usize, |sum, &size| sum.saturating_add(size));
                let cut = |start: &mut usize, &size: &usize| {
                    let cut = Cut::Sized { start: *start, size, whole };
                    *start = start.saturating_add(size);
                    Some(cut)
                };
                sizes.iter().scan(0, cut).collect()
            }
            None => {
                let unknown = || Fault::op(SplitFault::UnknownLength { axis, shape: shape.clone() });
                let length = shape.dims()[axis].ok_or_else(unknown)?;
                countable(length)?;
                if length == 0 {
                    return Err(ShapeError::EmptyAxis { axis, shape: shape.clone() }.into());
                }
                (0..length).map(Cut::Element).collect()
            }
        };
        Ok(cuts.into_iter().map(|cut| Part { axis, cut }).collect())
    }
}

impl MultiOp for Split {
    fn name(&self) -> &'static str {
        if self.into.is_some() { "split" } else { "unstack" }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        let TensorType { dtype, shape } = inputs[0];
        let output = |part: Part| Ok(TensorType::new(*dtype, shape_of(&part.axes(shape)?)));
        self.parts(shape)?.into_iter().map(output).collect()
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let shape = Shape::from(to.dims(inputs[0]));
        // The shape rule has accepted the parts.
        let parts = self.parts(&shape).unwrap_or_default();
        parts.iter().map(|part| picked(inputs[0], &part.axes(&shape).unwrap_or_default(), None, to)).collect()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let parts = self.parts(&at.input(0).shape()).unwrap_or_default();
        for (output, part) in parts.into_iter().enumerate() {
            at.put_back_from(output, 0, || PickTransposed(part), &[]);
        }
    }

    fn attributes(&self) -> Attributes {
        let attributes = Attributes::new();
        let attributes = match &self.into {
            Some(parts) => attributes.with("parts", parts.clone()),
            None => attributes,
        };
        attributes.with("axis", self.axis)
    }
}

/// One of the parts, as its gradient puts it back.
#[derive(Clone, Copy, Debug)]
struct Part {
    axis: usize,
    cut: Cut,
}

/// Where a part lies along its axis.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// Part `part` of `parts` equal ones.
    Equal { part: usize, parts: usize },
    /// `size` elements from `start` on, of `whole`.
    Sized { start: usize, size: usize, whole: usize },
    /// The element at an index, without the axis.
    Element(usize),
}

impl Cut {
    /// What becomes of an axis of this length; the parts of given lengths are known also where it is not.
    fn along(self, axis: usize, shape: &Shape) -> Result<Along, Fault> {
        match (self, shape.dims()[axis]) {
            (Cut::Equal { .. }, None) => Ok(Along::unknown()),
            (Cut::Equal { part, parts }, Some(length)) => {
                let size = length / parts;
                if size * parts == length {
                    Ok(Along::of([Run::of(part * size, size, 1)]))
                } else {
                    Err(Fault::op(SplitFault::Parts { axis, shape: shape.clone(), parts }))
                }
            }
            (Cut::Sized { whole, .. }, Some(length)) if whole != length => {
                Err(Fault::op(SplitFault::Sizes { axis, length, whole }))
            }
            (Cut::Sized { start, size, .. }, _) => Ok(Along::of([Run::of(start, size, 1)])),
            (Cut::Element(index), Some(length)) if index >= length => {
                Err(Fault::op(SplitFault::Index { axis, length, index }))
            }
            (Cut::Element(index), _) => Ok(Along::of([Run::of(index, 1, 1)]).dropped()),
        }
    }
}

/// An index, a number of equal parts with the place of one, or the lengths before a part, of it, and of all.
impl AttributeValue for Cut {
    const KIND: &'static str = "index, place or range of a part";

    fn into_attribute(self) -> Attribute {
        let attributes = Attributes::new();
        match self {
            Cut::Equal { part, parts } => attributes.with("part", part).with("parts", parts),
            Cut::Sized { start, size, whole } => {
                attributes.with("start", start).with("size", size).with("whole", whole)
            }
            Cut::Element(index) => return index.into_attribute(),
        }
        .into_attribute()
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        let Attribute::Group(given) = attribute else {
            return usize::from_attribute(attribute).map(Cut::Element);
        };
        let [part, parts, start, size, whole] =
            ["part", "parts", "start", "size", "whole"].map(|name| given.value::<usize>(name).ok());
        match (part.zip(parts), start.zip(size).zip(whole)) {
            (Some((part, parts)), None) if part < parts => Some(Cut::Equal { part, parts }),
            (None, Some(((start, size), whole))) if start.checked_add(size)? <= whole => {
                Some(Cut::Sized { start, size, whole })
            }
            _ => None,
        }
    }
}

impl Choice for Part {
    const NAMES: [&'static str; 2] = ["split_part", "split_transposed"];

    fn axes(&self, shape: &Shape) -> Result<Vec<Along>, Fault> {
        let mut axes: Vec<Along> = shape.dims().iter().map(|&length| Along::whole(length)).collect();
        let outside =
            Fault::Shape(ShapeError::AxisOutOfRange { axis: self.axis as isize, rank: shape.rank() });
        let cut = axes.get_mut(self.axis).ok_or(outside)?;
        *cut = self.cut.along(self.axis, shape)?;
        Ok(axes)
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axis", self.axis).with("cut", self.cut)
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "split_part" (x: Element) [axis: usize, cut: Cut] |given| Pick(Part { axis, cut });
};

pub(super) const PUT_BACK: &[PutBackDef] = put_back! {
    "split_transposed" (x, like) [axis: usize, cut: Cut] |_dtype| PickTransposed(Part { axis, cut });
};

impl AnyTensor<'_> {
    /// The same as [`Tensor::split`].
    #[track_caller]
    pub fn split(self, parts: usize, axis: isize) -> Vec<Self> {
        self.split_into(Parts::Equal(parts), axis)
    }

    /// The same as [`Tensor::split_sizes`].
    #[track_caller]
    pub fn split_sizes(self, sizes: impl AsRef<[usize]>, axis: isize) -> Vec<Self> {
        self.split_into(Parts::Sizes(sizes.as_ref().to_vec()), axis)
    }

    #[track_caller]
    fn split_into(self, into: Parts, axis: isize) -> Vec<Self> {
        let (into, count) = match into {
            Parts::Sizes(ref sizes) if sizes.is_empty() => (Parts::Equal(0), 0),
            Parts::Sizes(ref sizes) => {
                let count = sizes.len();
                (into, count)
            }
            Parts::Equal(parts) => (into, parts),
        };
        let mut tensors = self.graph().apply_all(Split { axis, into: Some(into) }, &[self]);
        if tensors[0].is_invalid() {
            // One invalid tensor stands for all parts, so that there is something at the places of as many as a program may
            // list.
            tensors.resize(count.clamp(1, MAX_INVALID), tensors[0]);
        }
        tensors
    }

    /// The same as [`Tensor::unstack`].
    #[track_caller]
    pub fn unstack(self, axis: isize) -> Vec<Self> {
        if let Ok(axis) = resolve_axis(axis, self.shape().rank())
            && self.shape().dims()[axis] == Some(0)
            && !self.is_invalid()
        {
            return Vec::new();
        }
        self.graph().apply_all(Split { axis, into: None }, &[self])
    }
}

/// The handles with their element type.
fn typed<T: Element>(tensors: Vec<AnyTensor<'_>>) -> Vec<Tensor<'_, T>> {
    tensors.into_iter().map(Tensor::typed).collect()
}

impl<T: Element> Tensor<'_, T> {
    /// The tensor cut into `parts` equal parts along an axis; negative axes count from the end.
    ///
    /// Gradient: the cotangent of each part where the part was. An axis out of range, and a length that is no
    /// multiple of the number of parts, are build errors, as are no parts at all and more than 2²⁰.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let halves = g.constant(ndarray::arr1(&[1, 2, 3, 4])).split(2, 0);
    /// assert_eq!(Session::new(&g)?.run(halves[1])?, ndarray::arr1(&[3, 4]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("chunk", "array_split"))]
    #[track_caller]
    pub fn split(self, parts: usize, axis: isize) -> Vec<Self> {
        typed(self.any().split(parts, axis))
    }

    /// The tensor cut along an axis into parts of the given lengths; negative axes count from the end.
    ///
    /// Gradient: the cotangent of each part where the part was. An axis out of range, and lengths that do not add
    /// up to that of the axis, are build errors, as are no parts at all.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let parts = g.constant(ndarray::arr1(&[1, 2, 3, 4])).split_sizes([1, 3], 0);
    /// assert_eq!(Session::new(&g)?.run(parts[1])?, ndarray::arr1(&[2, 3, 4]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn split_sizes(self, sizes: impl AsRef<[usize]>, axis: isize) -> Vec<Self> {
        typed(self.any().split_sizes(sizes, axis))
    }

    /// The tensors that lie one behind the other along an axis, without the axis: the inverse of
    /// [`stack`](crate::Graph::stack). Negative axes count from the end.
    ///
    /// Gradient: the cotangent of each where it was. The length of the axis must be known, because it is the number
    /// of tensors; one that is not, one above 2²⁰, and an axis out of range, are build errors, of which there is one
    /// tensor.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let columns = g.constant(ndarray::arr2(&[[1, 2, 3], [4, 5, 6]])).unstack(-1);
    /// assert_eq!(columns.len(), 3);
    /// assert_eq!(Session::new(&g)?.run(columns[2])?, ndarray::arr1(&[3, 6]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("unbind"))]
    #[track_caller]
    pub fn unstack(self, axis: isize) -> Vec<Self> {
        typed(self.any().unstack(axis))
    }
}

pub(super) const METHODS: &[&[OpDef]] = &[&[
    OpDef {
        name: "split",
        doc: "The parts into which a tensor is cut along an axis: so many equal ones, or those of the given lengths.",
        operands: &[OperandDef::one("x", Elements::Element)],
        attributes: &[AttributeDef::of::<Parts>("parts"), AttributeDef::of::<isize>("axis")],
        build: |_, operands, attributes| {
            let axis = attributes.value("axis")?;
            Ok(operands[0].split_into(attributes.value("parts")?, axis))
        },
    },
    OpDef {
        name: "unstack",
        doc: "The tensors that lie one behind the other along an axis, without the axis.",
        operands: &[OperandDef::one("x", Elements::Element)],
        attributes: &[AttributeDef::of::<isize>("axis")],
        build: |_, operands, attributes| Ok(operands[0].unstack(attributes.value("axis")?)),
    },
]];

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::s;

    let mut examples: Vec<Example> = vec![
        example!(
            "split into sizes",
            &[&[2, 6]],
            |g, x| {
                let parts = x[0].split_sizes([1, 0, 2, 3], -1);
                parts[3] * parts[0] + parts[2].reduce_sum(..) + g.concat(&parts, 1).slice((.., ..3))
            },
            |x| (&x[0].slice(s![.., 3..]) * &x[0].slice(s![.., ..1])
                + x[0].slice(s![.., 1..3]).sum()
                + x[0].slice(s![.., ..3]))
            .into_dyn(),
        ),
        example!("split into one", &[&[3]], |_, x| x[0].split(1, 0)[0], |x| x[0].clone()),
        example!(
            "unstack",
            &[&[2, 3]],
            |_, x| {
                let columns = x[0].reshape([2, 3]).unstack(1);
                columns[0] * columns[2]
            },
            |x| (&x[0].slice(s![.., 0]) * &x[0].slice(s![.., 2])).into_dyn(),
        ),
    ];
    for dims in [[4, 3], [2, 1], [0, 3], [2, 0]] {
        examples.push(example!(
            "split",
            &[&dims],
            |_, x| {
                let halves = x[0].split(2, 0);
                halves[0] * halves[1]
            },
            |x| {
                let half = x[0].shape()[0] / 2;
                (&x[0].slice(s![..half, ..]) * &x[0].slice(s![half.., ..])).into_dyn()
            },
        ));
    }
    examples
}
