//! `extract_patches`: what a window shows of an image at each of its places. Convolutions and pools are made of it.
//!
//! Taking patches is linear; its gradient adds them up where they were taken, and is its gradient in turn.

mod fold;
mod kernels;
mod planes;
mod window;

use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{
    Attribute, AttributeDef, AttributeValue, Attributes, Elements, Op, OpDef, OperandDef,
};
use crate::ir::{Lowering, Val};
use crate::kernel::number::{Number, with_number};
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::shape::{Shape, TensorType};

use kernels::{AddUp, Extract, Layout};
use planes::ExtractPlanes;
pub(super) use window::pair;
pub use window::{Padding, RowsAndColumns, Window, WindowFault};

/// What stands in patches where they reach beyond the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filling {
    Zero,
    /// What no maximum takes.
    Lowest,
}

impl AttributeValue for Filling {
    const KIND: &'static str = "filling: `zero` or `lowest`";

    fn into_attribute(self) -> Attribute {
        match self {
            Filling::Zero => "zero".into_attribute(),
            Filling::Lowest => "lowest".into_attribute(),
        }
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        match attribute {
            Attribute::Text(text) if text == "zero" => Some(Filling::Zero),
            Attribute::Text(text) if text == "lowest" => Some(Filling::Lowest),
            _ => None,
        }
    }
}

/// The patches of the images, its input.
#[derive(Clone, Debug)]
struct ExtractPatches {
    window: Window,
    filling: Filling,
}

/// The images, the second input of which only the shape counts, with the patches, the first one, added up where they
/// were taken.
#[derive(Debug)]
struct AddPatches(Window);

/// How images whose channels lie in front are turned to ours.
const CHANNELS_LAST: [usize; 4] = [0, 2, 3, 1];

/// The four lengths of images.
fn images(shape: &Shape) -> Result<[Option<usize>; 4], Fault> {
    <[Option<usize>; 4]>::try_from(shape.dims())
        .map_err(|_| Fault::op(WindowFault::NotImages { shape: shape.clone() }))
}

/// The shape of the patches of images.
fn patches(window: Window, shape: &Shape) -> Result<Shape, Fault> {
    let [batch, height, width, channels] = images(shape)?;
    window.check()?;
    let places = |axis, length: Option<usize>| length.map(|length| window.places(axis, length)).transpose();
    let [rows, columns] = [places(0, height)?, places(1, width)?].map(|places| places.map(|p| p.count));
    let [height, width] = window.size.map(Some);
    Ok([batch, rows, columns, height, width, channels].into())
}

/// How the patches of images of these lengths lie, if they have any.
fn layout(window: Window, dims: &[usize]) -> Option<Layout> {
    let &[_, height, width, channels] = dims else { return None };
    let [rows, columns] = [window.places(0, height).ok()?, window.places(1, width).ok()?];
    let (places, before) = ([rows.count, columns.count], [rows.before, columns.before]);
    Some(Layout { image: [height, width, channels], places, before, window })
}

impl Op for ExtractPatches {
    fn name(&self) -> &'static str {
        "extract_patches"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(TensorType::new(inputs[0].dtype, patches(self.window, &inputs[0].shape)?))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let x = inputs[0];
        let (dims, dtype) = (to.dims(x).to_vec(), to.dtype(x));
        // The shape rule has accepted the images.
        let Some(layout) = layout(self.window, &dims) else { return x };
        let (flat, lengths) = (layout.lengths(dims[0]), layout.patches(dims[0]));
        let lowest = self.filling == Filling::Lowest;
        let (source, axes) = to.permuted(x);
        if axes == CHANNELS_LAST {
            let [images, rows, columns, height, width, channels] = lengths;
            let planes = with_number!(
                dtype,
                T => {
                    let filling = if lowest { T::LOWEST } else { T::ZERO };
                    let flat = [images, channels * height * width, rows * columns];
                    to.kernel(ExtractPlanes { layout, filling }, &[source], dtype, flat)
                },
                // Images are of numbers.
                else source
            );
            let planes = to.reshape(planes, [images, channels, height, width, rows, columns]);
            return to.permute(planes, vec![0, 4, 5, 2, 3, 1]);
        }
        let patches = with_number!(
            dtype,
            T => {
                let filling = if lowest { T::LOWEST } else { T::ZERO };
                to.kernel(Extract { layout, filling }, &[x], dtype, flat)
            },
            else x
        );
        to.reshape(patches, lengths)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        at.give(0, |dy| dy.binary(AddPatches(self.window), x));
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("window", self.window).with("filling", self.filling)
    }
}

impl Op for AddPatches {
    fn name(&self) -> &'static str {
        "extract_patches_transposed"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let expected = patches(self.0, &inputs[1].shape)?;
        if !inputs[0].shape.agrees_with(&expected) {
            return Err(Fault::OtherShape { expected, found: inputs[0].shape.clone() });
        }
        Ok(TensorType::new(inputs[0].dtype, &inputs[1].shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (dims, dtype) = (to.dims(inputs[1]).to_vec(), to.dtype(inputs[0]));
        match layout(self.0, &dims) {
            Some(layout) => {
                let patches = to.reshape(inputs[0], layout.lengths(dims[0]));
                to.kernel(AddUp(layout), &[patches], dtype, dims)
            }
            // The shape rule has accepted the images.
            None => inputs[1],
        }
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let extract = ExtractPatches { window: self.0, filling: Filling::Zero };
        at.give(0, |dy| dy.unary(extract));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("window", self.0)
    }
}

impl AnyTensor<'_> {
    /// What a window shows of images, and what it is filled with beyond them.
    #[track_caller]
    pub(super) fn patches(self, window: Window, filling: Filling) -> Self {
        if let Some(invalid) = Elements::Numeric.refuse("extract_patches", self, self.dtype()) {
            return invalid;
        }
        self.unary(ExtractPatches { window, filling })
    }
}

methods! {
    /// What a window shows of images at each of its places: of `[batch, height, width, channels]` the patches
    /// `[batch, places along the height, along the width, rows, columns, channels]`, with 0 for what lies beyond an
    /// image.
    ///
    /// Gradient: the cotangents of all occurrences of a pixel, added up. Images of other than four axes, a
    /// window of size or stride 0, and one that spans more than a padded image are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1, 2, 3], [4, 5, 6]])).reshape([1, 2, 3, 1]);
    /// let patches = x.extract_patches(Window::of([2, 2]).strides([1, 1]));
    /// assert_eq!(patches.shape().to_string(), "[1, 1, 2, 2, 2, 1]");
    /// let flat = Session::new(&g)?.run(patches.reshape([2, 4]))?;
    /// assert_eq!(flat, ndarray::arr2(&[[1, 2, 4, 5], [2, 3, 5, 6]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn extract_patches<Numeric>(x, window: Window) -> Self as _ {
        x.patches(window, Filling::Zero)
    }

    also [
        OpDef {
            name: "extract_patches",
            doc: "What a window shows of images at each of its places, with 0 for what lies beyond an image, or what no \
                  maximum takes.",
            operands: &[OperandDef::one("x", Elements::Numeric)],
            attributes: &[
                AttributeDef::of::<Window>("window"),
                AttributeDef::optional::<Filling>("filling"),
            ],
            build: |_, operands, attributes| {
                Ok(vec![operands[0].patches(attributes.value("window")?, attributes.value_or("filling", Filling::Zero)?)])
            },
        },
    ]
}

/// For files of graphs.
pub(super) const FOLDS: &[OpDef] = fold::INTERNAL;

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "extract_patches_transposed" (x: Float, like: Element) [window: Window] |given| AddPatches(window);
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, IxDyn};

    /// The definition, for padding rows and columns before.
    fn plain(
        x: &ArrayD<f64>,
        places: [usize; 2],
        [size, strides, dilations, before]: [[usize; 2]; 4],
    ) -> ArrayD<f64> {
        let lengths = [x.shape()[0], places[0], places[1], size[0], size[1], x.shape()[3]];
        ArrayD::from_shape_fn(IxDyn(&lengths), |at| {
            let row = (at[1] * strides[0] + at[3] * dilations[0]).checked_sub(before[0]);
            let column = (at[2] * strides[1] + at[4] * dilations[1]).checked_sub(before[1]);
            row.zip(column)
                .and_then(|(row, column)| x.get([at[0], row, column, at[5]]))
                .copied()
                .unwrap_or(0.0)
        })
    }

    let examples: Vec<Example> = vec![
        example!(
            "extract_patches",
            &[&[2, 4, 5, 2]],
            |_, x| x[0].extract_patches(Window::of([2, 3]).strides([1, 1])),
            |x| plain(&x[0], [3, 3], [[2, 3], [1, 1], [1, 1], [0, 0]]),
        ),
        example!(
            "extract_patches with strides, same",
            &[&[1, 5, 6, 1]],
            |_, x| x[0].extract_patches(Window::of([3, 4]).strides([2, 2]).padding(Padding::Same)),
            |x| plain(&x[0], [3, 3], [[3, 4], [2, 2], [1, 1], [1, 1]]),
        ),
        example!(
            "extract_patches with gaps between them, padded on both sides beyond the image",
            &[&[2, 3, 2, 2]],
            |_, x| x[0].extract_patches(
                Window::of([2, 1]).strides([3, 2]).padding(Padding::Explicit([(2, 3), (4, 0)]))
            ),
            |x| plain(&x[0], [3, 3], [[2, 1], [3, 2], [1, 1], [2, 4]]),
        ),
        example!(
            "extract_patches with dilations",
            &[&[1, 5, 5, 3]],
            |_, x| x[0].extract_patches(Window::of([2, 3]).strides([1, 1]).dilations([3, 2])),
            |x| plain(&x[0], [2, 1], [[2, 3], [1, 1], [3, 2], [0, 0]]),
        ),
        example!(
            "extract_patches of a transpose",
            &[&[2, 3, 4, 1]],
            |_, x| x[0].transpose().extract_patches(Window::of([2, 2]).strides([1, 2])),
            |x| plain(&x[0].t().to_owned(), [3, 1], [[2, 2], [1, 2], [1, 1], [0, 0]]),
        ),
        example!(
            "extract_patches of an empty image, same",
            &[&[2, 0, 3, 1]],
            |_, x| x[0].extract_patches(Window::of([2, 2]).padding(Padding::Same)),
            |x| plain(&x[0], [0, 2], [[2, 2], [2, 2], [1, 1], [0, 0]]),
        ),
        example!(
            "extract_patches of channels in front, whose window leaves the image on all sides",
            &[&[2, 3, 2, 3]],
            |_, x| x[0].transpose_perm([0, 2, 3, 1]).extract_patches(
                Window::of([2, 3]).strides([1, 2]).dilations([3, 2]).padding([(3, 2), (5, 4)])
            ),
            |x| {
                let images = x[0].clone().permuted_axes(vec![0, 2, 3, 1]).as_standard_layout().to_owned();
                plain(&images, [4, 4], [[2, 3], [1, 2], [3, 2], [3, 5]])
            },
        ),
        example!(
            "extract_patches of channels in front, in one piece",
            &[&[1, 2, 4, 3]],
            |_, x| x[0].transpose_perm([0, 2, 3, 1]).extract_patches(Window::of([3, 1]).strides([1, 1])),
            |x| {
                let images = x[0].clone().permuted_axes(vec![0, 2, 3, 1]).as_standard_layout().to_owned();
                plain(&images, [2, 3], [[3, 1], [1, 1], [1, 1], [0, 0]])
            },
        ),
    ];
    examples
}
