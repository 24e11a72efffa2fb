//! `boolean_mask`: the slices that a mask has true for, as many as are asked for.
//!
//! Every length is known before a run, and how many elements of a mask are true only within it. So the caller says how
//! many there are at most; what lacks is zeros, and a run with more of them fails.

use ndarray::{ArrayView1, ArrayView3, ArrayViewMut3, Axis};

use super::gather::with_axes;
use super::lengths::{Length, Told, types};
use crate::element::{ArrayMut, ArrayRef, DType, Element, with_element};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, Elements, Op, OpDef, OperandDef};
use crate::graph::{AnyOperand, AnyTensor, Operand, Tensor};
use crate::ir::{Kernel, KernelError, Lowering, Val, size};
use crate::ops::internal::internal;
use crate::shape::{Shape, TensorType, resolve_axis};

/// What can be wrong with a mask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MaskFault {
    /// The mask has no axes, or other lengths than the tensor has from the axis on.
    #[error(
        "expected a mask of at least one axis with the lengths of {shape} from axis {axis} on, got shape {mask}"
    )]
    Shape {
        /// The shape of the mask.
        mask: Shape,
        /// The shape of the tensor.
        shape: Shape,
        /// The axis, counted from the first.
        axis: usize,
    },
}

/// The slices across the axes of a mask, the second input, for which it is true, in their order, and zeros behind them.
/// A size that is computed is told by a third input.
#[derive(Clone, Copy, Debug)]
struct BooleanMask {
    axis: isize,
    size: Told,
}

/// The inputs before the one that tells the size.
const INPUTS: usize = 2;

impl Op for BooleanMask {
    fn name(&self) -> &'static str {
        "boolean_mask"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let (x, mask) = (&inputs[0].shape, &inputs[1].shape);
        let axis = resolve_axis(self.axis, x.rank())?;
        let masked = x.dims()[axis..].get(..mask.rank()).map(Shape::from);
        if mask.rank() == 0 || !masked.is_some_and(|masked| masked.agrees_with(mask)) {
            return Err(Fault::op(MaskFault::Shape { mask: mask.clone(), shape: x.clone(), axis }));
        }
        let (before, behind) = (&x.dims()[..axis], &x.dims()[axis + mask.rank()..]);
        let size = self.size.filled(INPUTS, &inputs[INPUTS..])?;
        Ok(TensorType::new(inputs[0].dtype, [before, &[size], behind].concat()))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (dims, dtype) = (to.dims(inputs[0]).to_vec(), to.dtype(inputs[0]));
        // The shape rule has accepted the axis and the mask.
        let (axis, axes) = (resolve_axis(self.axis, dims.len()).unwrap_or(0), to.dims(inputs[1]).len());
        let (before, behind) = (&dims[..axis], &dims[axis + axes..]);
        let rows = size(&dims[axis..axis + axes]);
        let x = to.reshape(inputs[0], [size(before), rows, size(behind)]);
        let mask = to.reshape(inputs[1], [rows]);
        let computed = types(&inputs[INPUTS..], to);
        let length = self.size.filled(INPUTS, &computed.iter().collect::<Vec<_>>()).ok().flatten();
        // The shape rule has accepted the size.
        let length = length.unwrap_or(0);
        let kept = to.kernel(Keep, &[x, mask], dtype, [size(before), length, size(behind)]);
        to.reshape(kept, [before, &[length], behind].concat())
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let mask = at.input(1);
        let rank = at.input(0).shape().rank();
        let axis = resolve_axis(self.axis, rank).unwrap_or(0);
        at.give(0, |dy| dy.binary(PutBack { axis }, mask));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn zero_where_untaken(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axis", self.axis).with("size", self.size)
    }
}

/// The gradient of [`BooleanMask`]: its slices where the mask, the second input, is true, and zeros elsewhere.
#[derive(Clone, Copy, Debug)]
struct PutBack {
    axis: usize,
}

impl Op for PutBack {
    fn name(&self) -> &'static str {
        "boolean_mask_transposed"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let (kept, mask) = (&inputs[0].shape, &inputs[1].shape);
        let axis = resolve_axis(self.axis as isize, kept.rank())?;
        if mask.rank() == 0 {
            return Err(Fault::op(MaskFault::Shape { mask: mask.clone(), shape: kept.clone(), axis }));
        }
        let (before, behind) = (&kept.dims()[..axis], &kept.dims()[axis + 1..]);
        Ok(TensorType::new(inputs[0].dtype, [before, mask.dims(), behind].concat()))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (dims, dtype) = (to.dims(inputs[0]).to_vec(), to.dtype(inputs[0]));
        let (before, behind) = (&dims[..self.axis], &dims[self.axis + 1..]);
        let masked = to.dims(inputs[1]).to_vec();
        let kept = to.reshape(inputs[0], [size(before), dims[self.axis], size(behind)]);
        let mask = to.reshape(inputs[1], [size(&masked)]);
        let whole = to.kernel(Restore, &[kept, mask], dtype, [size(before), size(&masked), size(behind)]);
        to.reshape(whole, [before, &masked, behind].concat())
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (kept, mask) = (at.input(0), at.input(1));
        let axis = self.axis as isize;
        at.give(0, |dy| dy.masked(mask, axis, kept.dim(axis)));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn zero_where_untaken(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axis", self.axis)
    }
}

/// Where a mask is true, if that is not more often than asked for.
fn places<'a>(
    mask: &'a ArrayView1<'_, bool>,
    size: usize,
) -> Result<impl Iterator<Item = usize> + 'a, KernelError> {
    let count = mask.iter().filter(|&&is_true| is_true).count();
    if count > size {
        return Err(KernelError::other(format!(
            "expected at most {size} true elements in the mask, as asked for by `size`, got {count}"
        )));
    }
    Ok(mask.iter().enumerate().filter(|&(_, &is_true)| is_true).map(|(place, _)| place))
}

/// Copies the rows of the first input for which the second is true, and fills up with zeros.
#[derive(Debug)]
struct Keep;

impl Kernel for Keep {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let mask: ArrayView1<'_, bool> = with_axes(inputs[1].view()?)?;
        with_element!(output.dtype(), T => {
            let x: ArrayView3<'_, T> = with_axes(inputs[0].view()?)?;
            let mut output: ArrayViewMut3<'_, T> = with_axes(output.into_view()?)?;
            let mut places = places(&mask, output.len_of(Axis(1)))?;
            for mut to in output.axis_iter_mut(Axis(1)) {
                match places.next() {
                    Some(place) => to.assign(&x.index_axis(Axis(1), place)),
                    None => to.fill(T::default()),
                }
            }
        });
        Ok(())
    }

    fn must_run(&self) -> bool {
        true
    }
}

/// Copies the rows of the first input to where the second is true, and fills zeros in between.
#[derive(Debug)]
struct Restore;

impl Kernel for Restore {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let mask: ArrayView1<'_, bool> = with_axes(inputs[1].view()?)?;
        with_element!(output.dtype(), T => {
            let kept: ArrayView3<'_, T> = with_axes(inputs[0].view()?)?;
            let mut output: ArrayViewMut3<'_, T> = with_axes(output.into_view()?)?;
            let places = places(&mask, kept.len_of(Axis(1)))?;
            output.fill(T::default());
            for (place, from) in places.zip(kept.axis_iter(Axis(1))) {
                output.index_axis_mut(Axis(1), place).assign(&from);
            }
        });
        Ok(())
    }

    fn must_run(&self) -> bool {
        true
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "boolean_mask_transposed" (kept: Element, mask: Only(Bool)) [axis: usize] |given| PutBack { axis };
};

pub(super) const METHODS: &[&[OpDef]] = &[&[OpDef {
    name: "boolean_mask",
    doc: "The slices for which a mask is true, in their order: the first `size` of them, as one axis in place of those of \
          the mask.",
    operands: &[
        OperandDef::one("x", Elements::Element),
        OperandDef::one("mask", Elements::Only(DType::Bool)),
        OperandDef::some("length", Elements::Only(DType::Bool)),
    ],
    attributes: &[AttributeDef::of::<isize>("axis"), AttributeDef::of::<Told>("size")],
    build: |graph, operands, attributes| {
        let (axis, size) = (attributes.value("axis")?, attributes.value("size")?);
        Ok(vec![graph.apply(BooleanMask { axis, size }, operands)])
    },
}]];

impl<'g> AnyTensor<'g> {
    /// The same as [`Tensor::boolean_mask`]; element types are checked when the node is built.
    #[track_caller]
    pub fn boolean_mask(self, mask: impl AnyOperand<'g>, axis: isize, size: impl Into<Length<'g>>) -> Self {
        #[cfg(test)]
        super::laws::called("boolean_mask");
        let mask = mask.into_any(self.graph(), DType::Bool);
        if mask.is_of(self.graph())
            && let Some(invalid) = Elements::Only(DType::Bool).refuse("boolean_mask", mask, DType::Bool)
        {
            return invalid;
        }
        self.masked(mask, axis, size.into())
    }

    #[track_caller]
    fn masked(self, mask: Self, axis: isize, size: Length<'g>) -> Self {
        match size.told_alone() {
            Ok((size, computed)) => {
                let inputs = [&[self, mask], computed.as_slice()].concat();
                self.graph().apply(BooleanMask { axis, size }, &inputs)
            }
            Err(_) if self.is_invalid() => self,
            Err(fault) => self.graph().invalid_any("boolean_mask", fault),
        }
    }
}

impl<'g, T: Element> Tensor<'g, T> {
    /// The slices for which a mask is true, in their order: the first `size` of them, as one axis in place of those of the
    /// mask, which are the tensor's from `axis` on. Where the mask is true less often, zeros follow; where it is true more
    /// often, the run fails.
    ///
    /// The mask is a tensor of `bool`, as comparisons give; of numbers, `x.not_equal(0.0)` makes one, and of an array,
    /// `g.constant`.
    ///
    /// In TensorFlow the result is as long as the mask says. Here every length is known before a run, so the length is
    /// given, as in JAX. How many slices there are is `mask.cast::<i64>().reduce_sum(..)`, which a run may fetch before
    /// `size` is chosen; the length of the axis is always enough, and [`dim`](Tensor::dim) gives it also where it is known
    /// only when the tensor is fed. To reduce over what a mask keeps, there is no need to cut
    /// it out: `mask.select(x, 0.0).reduce_sum(..)`.
    ///
    /// Gradient: the cotangents of the slices where the mask is true, 0 elsewhere, whatever the slopes there. An axis out
    /// of range, a mask without axes or with other lengths than the tensor from the axis on, and a size below 0 are build
    /// errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, -2.0, 3.0]));
    /// let positive = x.boolean_mask(x.greater(0.0), 0, 3);
    /// assert_eq!(Session::new(&g)?.run(positive)?, ndarray::arr1(&[1.0, 3.0, 0.0]).into_dyn());
    ///
    /// let x = g.placeholder::<f64>("x", [None]);
    /// let positive = x.boolean_mask(x.greater(0.0), 0, x.dim(0));
    /// let fed = ndarray::arr1(&[-1.0, 4.0]);
    /// assert_eq!(Session::new(&g)?.feed(x, &fed).run(positive)?, ndarray::arr1(&[4.0, 0.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn boolean_mask(
        self,
        mask: impl Operand<'g, bool>,
        axis: isize,
        size: impl Into<Length<'g>>,
    ) -> Self {
        self.any().boolean_mask(mask, axis, size).typed()
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, arr1, arr2};

    /// The slices along an axis at these places, and zeros up to a length.
    fn kept(x: &ArrayD<f64>, axis: usize, places: &[usize], size: usize) -> ArrayD<f64> {
        let mut dims = x.shape().to_vec();
        dims[axis] = size;
        let mut kept = ArrayD::zeros(dims);
        for (to, &from) in places.iter().enumerate() {
            kept.index_axis_mut(Axis(axis), to).assign(&x.index_axis(Axis(axis), from));
        }
        kept
    }

    let mut examples: Vec<Example> = vec![
        example!(
            "boolean_mask of a matrix of booleans",
            &[&[2, 2, 3]],
            |g, x| x[0].boolean_mask(g.constant(arr2(&[[false, true], [true, true]])), 0, 4),
            |x| kept(&x[0].clone().into_shape_with_order(vec![4, 3]).unwrap(), 0, &[1, 2, 3], 4),
        ),
        example!(
            "boolean_mask of what was computed",
            &[&[4]],
            |_, x| x[0].square().boolean_mask(x[0].greater(0.0), 0, 4),
            |x| {
                let places: Vec<usize> = (0..4).filter(|&i| x[0][[i]] > 0.0).collect();
                kept(&x[0].mapv(|x| x * x), 0, &places, 4)
            },
        ),
        example!(
            "boolean_mask of a computed size",
            &[&[3, 2]],
            |g, x| x[0].boolean_mask(g.constant(arr1(&[true, true])), 1, x[0].dim(0)),
            |x| kept(&x[0], 1, &[0, 1], 3),
        ),
        example!(
            "boolean_mask of a transpose",
            &[&[2, 3]],
            |g, x| x[0].transpose().boolean_mask(g.constant(arr1(&[true, false, true])), 0, 2) * 2.0,
            |x| 2.0 * kept(&x[0].t().to_owned(), 0, &[0, 2], 2),
        ),
    ];
    for dims in [[2, 3, 2], [0, 3, 1], [1, 3, 0]] {
        let dims = dims.as_slice();
        examples.extend([
            example!(
                "boolean_mask of columns",
                &[dims],
                |g, x| x[0].boolean_mask(g.constant(arr1(&[true, false, true])), -2, 2),
                |x| kept(&x[0], 1, &[0, 2], 2),
            ),
            example!(
                "boolean_mask of nothing",
                &[dims],
                |g, x| x[0].boolean_mask(g.constant(arr1(&[false; 3])), 1, 0),
                |x| kept(&x[0], 1, &[], 0),
            ),
        ]);
    }
    examples
}
