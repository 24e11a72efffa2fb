//! `resize_nearest_neighbor` and `resize_bilinear`: images of another size.
//!
//! Both are linear, and take at most two pixels along each axis; the gradient gives each of these its share back, and is
//! its gradient in turn. Pixels are where TensorFlow has them with half-pixel centers.

mod kernels;

use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{Attribute, AttributeValue, Attributes, Op, OpDef};
use crate::ir::{Lowering, Val};
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::ops::patches::{RowsAndColumns, WindowFault};
use crate::shape::{Shape, TensorType};

use kernels::{Collect, Spread};

/// How pixels between those of an image are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    Nearest,
    Bilinear,
}

impl Between {
    /// The op that makes them so.
    fn name(self) -> &'static str {
        match self {
            Between::Nearest => "resize_nearest_neighbor",
            Between::Bilinear => "resize_bilinear",
        }
    }
}

impl AttributeValue for Between {
    const KIND: &'static str = "op: `resize_nearest_neighbor` or `resize_bilinear`";

    fn into_attribute(self) -> Attribute {
        self.name().into_attribute()
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        let Attribute::Text(name) = attribute else { return None };
        [Between::Nearest, Between::Bilinear].into_iter().find(|between| between.name() == name)
    }
}

/// The images, its input, in another size.
#[derive(Clone, Debug)]
struct Resize {
    size: [usize; 2],
    between: Between,
}

/// The images, the second input of which only the shape counts, with each pixel's share of the first input.
#[derive(Clone, Debug)]
struct ResizeTransposed(Resize);

/// What can be wrong with a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResizeFault {
    /// A size without rows or columns.
    #[error("expected a size of at least 1 by 1, got {rows} by {columns}")]
    Size {
        /// How many rows it has.
        rows: usize,
        /// How many columns it has.
        columns: usize,
    },
    /// Images without pixels, of which no others can be made.
    #[error("expected images of at least 1 by 1, got {images}")]
    Empty {
        /// The shape of the images.
        images: Shape,
    },
}

impl Resize {
    /// Images of a size.
    fn to(size: RowsAndColumns, between: Between) -> Result<Self, Fault> {
        match <[usize; 2]>::from(size) {
            [rows, columns] if rows == 0 || columns == 0 => {
                Err(Fault::op(ResizeFault::Size { rows, columns }))
            }
            size => Ok(Resize { size, between }),
        }
    }

    /// The shape of what becomes of images of a shape.
    fn resized(&self, images: &Shape) -> Result<Shape, Fault> {
        let &[batch, height, width, channels] = images.dims() else {
            return Err(Fault::op(WindowFault::NotImages { shape: images.clone() }));
        };
        if [height, width].contains(&Some(0)) {
            return Err(Fault::op(ResizeFault::Empty { images: images.clone() }));
        }
        let [rows, columns] = self.size.map(Some);
        Ok([batch, rows, columns, channels].into())
    }
}

impl Op for Resize {
    fn name(&self) -> &'static str {
        self.between.name()
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(TensorType::new(inputs[0].dtype, self.resized(&inputs[0].shape)?))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dtype = to.dtype(inputs[0]);
        let &[batch, _, _, channels] = to.dims(inputs[0]) else {
            // The shape rule has refused what is no image.
            return inputs[0];
        };
        let [rows, columns] = self.size;
        to.kernel(Spread(self.between), &[inputs[0]], dtype, [batch, rows, columns, channels])
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let x = at.input(0);
        at.give(0, |dy| dy.binary(ResizeTransposed(self.clone()), x));
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("size", RowsAndColumns::from(self.size))
    }
}

impl Op for ResizeTransposed {
    fn name(&self) -> &'static str {
        "resize_transposed"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let (expected, found) = (self.0.resized(&inputs[1].shape)?, inputs[0].shape.clone());
        if !found.agrees_with(&expected) {
            return Err(Fault::OtherShape { expected, found });
        }
        Ok(TensorType::new(inputs[0].dtype, &inputs[1].shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dtype = to.dtype(inputs[0]);
        let dims = to.dims(inputs[1]).to_vec();
        to.kernel(Collect(self.0.between), &[inputs[0]], dtype, dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give(0, |dy| dy.unary(self.0.clone()));
    }

    fn differentiable(&self, input: usize) -> bool {
        input == 0
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("of", self.0.between).with("size", RowsAndColumns::from(self.0.size))
    }
}

#[track_caller]
fn resize(x: AnyTensor<'_>, size: RowsAndColumns, between: Between) -> AnyTensor<'_> {
    match Resize::to(size, between) {
        Ok(resize) => x.unary(resize),
        Err(fault) => x.graph().invalid_any(between.name(), fault),
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "resize_transposed" (x: Numeric, like: Element) [of: Between, size: RowsAndColumns] |given|
        ResizeTransposed(Resize::to(size, of)?);
};

methods! {
    /// Images of so many rows and columns, each pixel the one of the images that it lies in: of `[batch, height, width,
    /// channels]` the `[batch, rows, columns, channels]` whose pixel i is the images' ⌊(i + ½)·height/rows⌋, and so along
    /// the width.
    ///
    /// These are the pixels of TensorFlow with `half_pixel_centers`, computed without rounding. Gradient: to each pixel the
    /// cotangents of those made of it, added up. A single number is rows and columns. Images of other than four axes or without
    /// pixels, and a size of no rows or columns, are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1, 2, 3])).reshape([1, 1, 3, 1]);
    /// let y = x.resize_nearest_neighbor([1, 6]).reshape([6]);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[1, 1, 2, 2, 3, 3]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn resize_nearest_neighbor<Numeric>(x, size: [RowsAndColumns]) -> Self {
        resize(x, size, Between::Nearest)
    }

    /// Images of so many rows and columns, each pixel a mean of the four of the images that lie about it, by how near they
    /// are: of `[batch, height, width, channels]` the `[batch, rows, columns, channels]` whose pixel i lies at
    /// (i + ½)·height/rows - ½ of the images', and so along the width; beyond the edge is the pixel at the edge.
    ///
    /// These are the pixels of TensorFlow with `half_pixel_centers`, and PyTorch's without `align_corners`. Smaller images
    /// are not smoothed first, as with `antialias`. Gradient: to each pixel its share of the cotangents. Build errors as of
    /// [`resize_nearest_neighbor`](crate::Tensor::resize_nearest_neighbor).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0])).reshape([1, 1, 2, 1]);
    /// let y = x.resize_bilinear([1, 4]).reshape([4]);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[1.0, 1.25, 1.75, 2.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn resize_bilinear<Float>(x, size: [RowsAndColumns]) -> Self {
        resize(x, size, Between::Bilinear)
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, IxDyn};

    /// The pixel of images at a place between theirs.
    fn plain(
        x: &ArrayD<f64>,
        [rows, columns]: [usize; 2],
        pixel: fn(&dyn Fn(isize) -> f64, f64) -> f64,
    ) -> ArrayD<f64> {
        let (height, width) = (x.shape()[1], x.shape()[2]);
        let within = |at: isize, length: usize| at.clamp(0, length as isize - 1) as usize;
        ArrayD::from_shape_fn(IxDyn(&[x.shape()[0], rows, columns, x.shape()[3]]), |at| {
            let down = (at[1] as f64 + 0.5) * height as f64 / rows as f64;
            let across = (at[2] as f64 + 0.5) * width as f64 / columns as f64;
            let in_row = |row: isize| {
                let of_column = |column: isize| x[[at[0], within(row, height), within(column, width), at[3]]];
                pixel(&of_column, across)
            };
            pixel(&in_row, down)
        })
    }
    fn nearest(of: &dyn Fn(isize) -> f64, at: f64) -> f64 {
        of(at.floor() as isize)
    }
    fn bilinear(of: &dyn Fn(isize) -> f64, at: f64) -> f64 {
        let (low, part) = ((at - 0.5).floor(), (at - 0.5) - (at - 0.5).floor());
        of(low as isize) * (1.0 - part) + of(low as isize + 1) * part
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [&[2, 3, 4, 2][..], &[1, 1, 1, 3], &[1, 5, 2, 1], &[0, 2, 2, 1]] {
        examples.extend([
            example!("resize_nearest_neighbor", &[dims], |_, x| x[0].resize_nearest_neighbor([5, 3]), |x| {
                plain(&x[0], [5, 3], nearest)
            }),
            example!("resize_bilinear", &[dims], |_, x| x[0].resize_bilinear([5, 3]), |x| plain(
                &x[0],
                [5, 3],
                bilinear
            )),
            example!(
                "resize_bilinear twice as large",
                &[dims],
                |_, x| (x[0] * x[0]).resize_bilinear([6, 8]),
                |x| { plain(&(&x[0] * &x[0]), [6, 8], bilinear) }
            ),
        ]);
    }
    examples.push(example!(
        "resize of transposed images",
        &[&[2, 3, 2, 2]],
        |_, x| x[0].transpose_perm([0, 2, 1, 3]).resize_bilinear([3, 3]),
        |x| {
            let images = x[0].clone().permuted_axes(vec![0, 2, 1, 3]);
            plain(&images.as_standard_layout().to_owned(), [3, 3], bilinear)
        }
    ));
    examples
}

#[cfg(test)]
mod tests {
    use crate::prelude::*;
    use ndarray::Array4;

    /// Images without elements need no memory, however many rows they have.
    #[test]
    fn no_images_become_as_large_as_they_are_asked_to() -> crate::Result<()> {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [None, Some(2), Some(2), Some(1)]);
        let y = x.resize_bilinear([1 << 40, 1]);
        let dx = y.gradients([x])[0];
        let none = Array4::<f64>::zeros((0, 2, 2, 1));
        let (y, dx) = Session::new(&g)?.feed(x, &none).run((y, dx))?;
        assert_eq!((y.shape(), dx.shape()), (&[0, 1 << 40, 1, 1][..], &[0, 2, 2, 1][..]));
        Ok(())
    }
}
