//! The same elements under other lengths: `reshape`, `reshape_last`, `expand_dims`, `squeeze`, and `reshape_like` for
//! their gradients.
//!
//! Each gives a view of its input. No element moves, but where only a copy can have them in order: behind a
//! transpose. Lengths may be [computed](super::lengths): inputs behind the first tell them.

use super::lengths::{Lengths, Pattern, WITH_LENGTHS, types};
use crate::element::Element;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, Form, Op, OpDef};
use crate::graph::{AnyTensor, Tensor};
use crate::ir::{Lowering, Val};
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::shape::{Axes, Shape, TensorType, resolve_axis};

/// Other lengths for the same number of elements.
#[derive(Debug)]
enum Reshape {
    /// These lengths, of which one may be -1: whatever remains.
    To(Pattern),
    /// These lengths in place of so many last axes, one of which may be -1.
    Last(usize, Pattern),
    /// One axis of length 1 more.
    Expanded(isize),
    /// Without these axes, whose length is 1.
    Squeezed(Axes),
}

/// What can be wrong with giving elements other lengths.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReshapeFault {
    /// Lengths for another number of elements than there are.
    #[error("expected lengths for as many elements as in {from}, got {to}")]
    Elements {
        /// The shape of the operand.
        from: Shape,
        /// The lengths, as they are printed.
        to: String,
    },
    /// Lengths that no shape has.
    #[error("expected lengths of 0 or more, at most one of them -1, got {lengths}")]
    Lengths {
        /// The lengths, as they are printed.
        lengths: String,
    },
    /// More axes are to be replaced than there are.
    #[error("expected at most {rank} axes to replace, got {axes}")]
    LastAxes {
        /// The number of axes to replace.
        axes: usize,
        /// The number of axes there are.
        rank: usize,
    },
    /// An axis to squeeze whose length is not 1.
    #[error("expected an axis of length 1 to squeeze, got axis {axis} of shape {shape}")]
    SqueezedLength {
        /// The axis, counted from the first.
        axis: usize,
        /// The shape of the operand.
        shape: Shape,
    },
    /// All axes of length 1 are to be squeezed where not all lengths are known.
    #[error("expected a list of the axes to squeeze or a shape that is known while building, got {shape}")]
    SqueezedUnknown {
        /// The shape of the operand.
        shape: Shape,
    },
}

impl Reshape {
    /// The shape that a tensor of the given one becomes, as far as lengths are known.
    fn shape(&self, from: &Shape, computed: &[&TensorType]) -> Result<Shape, Fault> {
        match self {
            Reshape::To(lengths) => filled(&lengths.filled(computed)?, from),
            Reshape::Last(axes, lengths) => {
                let Some(kept) = from.rank().checked_sub(*axes) else {
                    return Err(Fault::op(ReshapeFault::LastAxes { axes: *axes, rank: from.rank() }));
                };
                let (kept, replaced) = from.dims().split_at(kept);
                let replacing = filled(&lengths.filled(computed)?, &replaced.into())?;
                Ok([kept, replacing.dims()].concat().into())
            }
            Reshape::Expanded(axis) => {
                let axis = resolve_axis(*axis, from.rank() + 1)?;
                let (before, behind) = from.dims().split_at(axis);
                Ok([before, &[Some(1)], behind].concat().into())
            }
            Reshape::Squeezed(axes) => squeezed(axes, from),
        }
    }
}

/// The lengths with whatever remains in place of -1; an entry is `None` while its length is unknown.
fn filled(lengths: &Pattern, from: &Shape) -> Result<Shape, Fault> {
    let Pattern(entries) = lengths;
    let count =
        |wanted: fn(isize) -> bool| entries.iter().flatten().filter(|&&length| wanted(length)).count();
    if count(|length| length < -1) > 0 || count(|length| length == -1) > 1 {
        return Err(Fault::op(ReshapeFault::Lengths { lengths: lengths.to_string() }));
    }
    let invalid = || Fault::op(ReshapeFault::Elements { from: from.clone(), to: lengths.to_string() });
    let size = |known: Vec<usize>| Shape::from(known).size().ok_or_else(invalid);
    let known = |entry: &Option<isize>| entry.and_then(|length| usize::try_from(length).ok());
    let mut filled: Vec<Option<usize>> = entries.iter().map(known).collect();
    let listed = size(filled.iter().flatten().copied().collect())?;
    // The number of elements, or what it is a multiple of while lengths are unknown.
    let elements = size(from.dims().iter().flatten().copied().collect())?;
    let is_multiple = |number: usize, of: usize| number.checked_rem(of).map_or(number == 0, |rest| rest == 0);
    let are_told = entries.iter().all(Option::is_some);
    let remaining = entries.iter().position(|&entry| entry == Some(-1));
    let fits = match (remaining, from.is_known()) {
        (Some(remaining), true) if are_told => {
            filled[remaining] = elements.checked_div(listed);
            listed != 0 && is_multiple(elements, listed)
        }
        // What remains cannot be told from 0 elements in 0 rows.
        (Some(_), false) => listed != 0,
        (Some(_), true) => listed != 0 && is_multiple(elements, listed),
        (None, true) if are_told => elements == listed,
        (None, true) => is_multiple(elements, listed),
        // Nothing is known of a multiple of unknown numbers.
        (None, false) => !are_told || is_multiple(listed, elements),
    };
    if fits { Ok(filled.into()) } else { Err(invalid()) }
}

/// The shape without the axes, all of length 1 as far as is known.
fn squeezed(axes: &Axes, from: &Shape) -> Result<Shape, Fault> {
    let lengths = || from.dims().iter().enumerate();
    let axes = if axes.are_listed() {
        let listed = axes.resolve(from.rank())?;
        if let Some(&axis) = listed.iter().find(|&&axis| from.dims()[axis].is_some_and(|length| length != 1))
        {
            return Err(Fault::op(ReshapeFault::SqueezedLength { axis, shape: from.clone() }));
        }
        listed
    } else {
        if !from.is_known() {
            return Err(Fault::op(ReshapeFault::SqueezedUnknown { shape: from.clone() }));
        }
        lengths().filter(|&(_, &length)| length == Some(1)).map(|(axis, _)| axis).collect()
    };
    Ok(from.reduced(&axes, false))
}

impl Op for Reshape {
    fn name(&self) -> &'static str {
        match self {
            Reshape::To(_) => "reshape",
            Reshape::Last(..) => "reshape_last",
            Reshape::Expanded(_) => "expand_dims",
            Reshape::Squeezed(_) => "squeeze",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(TensorType::new(inputs[0].dtype, self.shape(&inputs[0].shape, &inputs[1..])?))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let computed = types(&inputs[1..], to);
        let shape = self.shape(&to.dims(inputs[0]).into(), &computed.iter().collect::<Vec<_>>());
        match shape.ok().and_then(|shape| shape.known()) {
            Some(dims) => to.reshape(inputs[0], dims),
            // The shape rule has accepted the lengths.
            None => inputs[0],
        }
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        at.give(0, |dy| dy.binary(ReshapeLike, x));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn form(&self) -> Form {
        Form::Reshaped
    }

    fn attributes(&self) -> Attributes {
        match self {
            Reshape::To(lengths) => Attributes::new().with("lengths", lengths.clone()),
            Reshape::Last(axes, lengths) => {
                Attributes::new().with("axes", *axes).with("lengths", lengths.clone())
            }
            Reshape::Expanded(axis) => Attributes::new().with("axis", *axis),
            Reshape::Squeezed(axes) => Attributes::new().with("axes", axes.clone()),
        }
    }
}

/// The elements of the first input under the lengths of the second, of which only the shape counts.
#[derive(Debug)]
struct ReshapeLike;

impl Op for ReshapeLike {
    fn name(&self) -> &'static str {
        "reshape_like"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let (found, expected) = (&inputs[0].shape, &inputs[1].shape);
        match (found.size(), expected.size()) {
            (Some(size), Some(needed)) if size != needed => {
                Err(Fault::OtherShape { expected: expected.clone(), found: found.clone() })
            }
            _ => Ok(TensorType::new(inputs[0].dtype, expected)),
        }
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = to.dims(inputs[1]).to_vec();
        to.reshape(inputs[0], dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        at.give(0, |dy| dy.binary(ReshapeLike, x));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn form(&self) -> Form {
        Form::Reshaped
    }
}

impl<'g> AnyTensor<'g> {
    /// The same as [`Tensor::reshape`].
    #[track_caller]
    pub fn reshape(self, lengths: impl Into<Lengths<'g>>) -> Self {
        #[cfg(test)]
        super::laws::called("reshape");
        let lengths = lengths.into();
        // The first axes as they are need not be computed, and then what remains of the others may be known.
        match lengths.kept_of(self) {
            0 => self.with_lengths("reshape", &lengths, Reshape::To),
            kept => {
                let axes = self.shape().rank() - kept;
                let last = |lengths| Reshape::Last(axes, lengths);
                self.with_lengths("reshape", &lengths.behind(kept), last).named("reshape")
            }
        }
    }

    /// The same as [`Tensor::reshape_last`].
    #[track_caller]
    pub fn reshape_last(self, axes: usize, lengths: impl Into<Lengths<'g>>) -> Self {
        #[cfg(test)]
        super::laws::called("reshape_last");
        self.with_lengths("reshape_last", &lengths.into(), |lengths| Reshape::Last(axes, lengths))
    }
}

impl<'g, T: Element> Tensor<'g, T> {
    /// The elements in the same order under other lengths, of which one may be -1: what remains for it. Lengths may be
    /// [computed](crate::Length) out of those of tensors.
    ///
    /// Gradient: the cotangent in the shape of `self`. A shape for another number of elements is a build
    /// error, as are two lengths of -1; a -1 beside a length of 0 says nothing and is one as well.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [2, 3, 4]);
    /// assert_eq!(x.reshape([6, -1]).shape().to_string(), "[6, 4]");
    /// assert_eq!(x.reshape([24]).reduce_sum(0).reshape([]).shape().to_string(), "[]");
    /// let batch = g.placeholder::<f32>("batch", [None, None, Some(2), Some(4)]);
    /// assert_eq!(batch.reshape((batch.dim(0), batch.dim(1), -1)).shape().to_string(), "[?, ?, 8]");
    /// ```
    #[doc(alias("view", "ravel", "flatten"))]
    #[track_caller]
    pub fn reshape(self, lengths: impl Into<Lengths<'g>>) -> Self {
        self.any().reshape(lengths).typed()
    }

    /// The elements in the same order with other lengths in place of the last axes, so many of them; one length may be
    /// -1: what remains for it. Axes before may be of unknown length.
    ///
    /// Gradient: the cotangent in the shape of `self`. More axes than there are, and lengths for another number of
    /// elements, are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None, None, Some(8)]);
    /// let heads = x.reshape_last(1, [2, 4]);
    /// assert_eq!(heads.shape().to_string(), "[?, ?, 2, 4]");
    /// assert_eq!(heads.reshape_last(2, -1).shape().to_string(), "[?, ?, 8]");
    /// ```
    #[track_caller]
    pub fn reshape_last(self, axes: usize, lengths: impl Into<Lengths<'g>>) -> Self {
        self.any().reshape_last(axes, lengths).typed()
    }
}

methods! {
    /// The tensor with one axis of length 1 more, which is axis `axis` of the result; -1 puts it last.
    ///
    /// Gradient: the cotangent without the axis. An axis that the result does not have is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None, Some(3)]);
    /// assert_eq!(x.expand_dims(0).shape().to_string(), "[1, ?, 3]");
    /// assert_eq!(x.expand_dims(-1).shape().to_string(), "[?, 3, 1]");
    /// ```
    #[doc(alias("unsqueeze", "newaxis"))]
    fn expand_dims<Element>(x, axis: isize) -> Self {
        x.unary(Reshape::Expanded(axis))
    }

    /// The tensor without the given axes, whose length must be 1; `..` stands for all axes of length 1.
    ///
    /// Gradient: the cotangent in the shape of `self`. An axis of another length is a build error, and one of
    /// unknown length an error of the run that feeds another. `..` needs all lengths to be known, or it is a
    /// build error: the number of axes must not depend on what is fed.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [1, 3, 1]);
    /// assert_eq!(x.squeeze(..).shape().to_string(), "[3]");
    /// assert_eq!(x.squeeze(-1).shape().to_string(), "[1, 3]");
    /// ```
    fn squeeze<Element>(x, axes: [Axes]) -> Self {
        x.unary(Reshape::Squeezed(axes))
    }

    also [
        OpDef {
            name: "reshape",
            doc: "The elements in the same order under other lengths, of which one may be -1: what remains for it.",
            operands: WITH_LENGTHS,
            attributes: &[AttributeDef::of::<Pattern>("lengths")],
            build: |graph, operands, attributes| {
                Ok(vec![graph.apply(Reshape::To(attributes.value("lengths")?), operands)])
            },
        },
        OpDef {
            name: "reshape_last",
            doc: "The elements in the same order with other lengths in place of the last axes, so many of them.",
            operands: WITH_LENGTHS,
            attributes: &[AttributeDef::of::<usize>("axes"), AttributeDef::of::<Pattern>("lengths")],
            build: |graph, operands, attributes| {
                let last = Reshape::Last(attributes.value("axes")?, attributes.value("lengths")?);
                Ok(vec![graph.apply(last, operands)])
            },
        },
    ]
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "reshape_like" (x: Element, like: Element) [] |given| ReshapeLike;
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Axis};

    fn shaped(x: &ArrayD<f64>, lengths: &[usize]) -> ArrayD<f64> {
        ArrayD::from_shape_vec(lengths, x.iter().copied().collect()).unwrap()
    }

    let mut examples: Vec<Example> = vec![
        example!("reshape of nothing", &[&[0, 3]], |_, x| x[0].reshape([3, 0, 2]), |x| shaped(
            &x[0],
            &[3, 0, 2]
        ),),
        example!("reshape of no rows", &[&[0, 3]], |_, x| x[0].reshape([-1, 3, 1]), |x| shaped(
            &x[0],
            &[0, 3, 1]
        ),),
        example!("reshape to a number", &[&[1, 1]], |_, x| x[0].reshape([]), |x| shaped(&x[0], &[])),
        example!("reshape of a number", &[&[]], |_, x| x[0].reshape(vec![1, -1]), |x| shaped(&x[0], &[1, 1])),
        example!("reshape of a transpose", &[&[2, 3, 4]], |_, x| x[0].transpose().reshape([-1]), |x| {
            shaped(&x[0].t().to_owned(), &[24])
        },),
        example!(
            "reshape inside a product",
            &[&[2, 6], &[3, 2]],
            |_, x| x[0].reshape([4, 3]).matmul(x[1]),
            {
                |x| {
                    let matrix = |x: &ArrayD<f64>| x.clone().into_dimensionality::<ndarray::Ix2>().unwrap();
                    matrix(&shaped(&x[0], &[4, 3])).dot(&matrix(&x[1])).into_dyn()
                }
            }
        ),
        example!(
            "reshape_last to two axes",
            &[&[2, 3, 4]],
            |_, x| x[0].reshape_last(1, [2, -1]),
            |x| shaped(&x[0], &[2, 3, 2, 2]),
        ),
        example!(
            "reshape_last of two axes",
            &[&[2, 3, 4]],
            |_, x| x[0].transpose().reshape_last(2, [6]) * 2.0,
            |x| { shaped(&(2.0 * x[0].t().to_owned()), &[4, 6]) }
        ),
        example!("reshape_last of no axis", &[&[2, 0]], |_, x| x[0].reshape_last(0, [1, 1]), |x| shaped(
            &x[0],
            &[2, 0, 1, 1]
        ),),
        example!("squeeze of a listed axis", &[&[1, 3, 1]], |_, x| x[0].squeeze([-1, 0]), |x| shaped(
            &x[0],
            &[3]
        ),),
        example!("squeeze of no axis", &[&[1, 3]], |_, x| x[0].squeeze([]), |x| x[0].clone()),
        example!(
            "squeeze of all",
            &[&[1, 3, 1]],
            |_, x| x[0].reshape([1, 3, 1]).squeeze(..) * x[0].reshape([3]),
            |x| shaped(&x[0].mapv(|x| x * x), &[3]),
        ),
    ];
    for dims in [[2, 6], [70, 6], [1, 6]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("reshape", &[dims], |_, x| x[0].reshape([-1, 2, 3]), |x| {
                let rows = x[0].shape()[0];
                shaped(&x[0], &[rows, 2, 3])
            },),
            example!("reshape across rows", &[dims], |_, x| x[0].reshape([3, -1]) * 2.0, |x| {
                let columns = x[0].len() / 3;
                2.0 * shaped(&x[0], &[3, columns])
            },),
            example!("expand_dims first", &[dims], |_, x| x[0].expand_dims(0), |x| x[0]
                .clone()
                .insert_axis(Axis(0)),),
            example!("expand_dims inside", &[dims], |_, x| x[0].expand_dims(-2), |x| x[0]
                .clone()
                .insert_axis(Axis(1)),),
            example!("expand_dims last", &[dims], |_, x| x[0].expand_dims(2), |x| x[0]
                .clone()
                .insert_axis(Axis(2)),),
        ]);
    }
    examples
}
