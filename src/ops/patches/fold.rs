//! `fold_patches`: patches added up to images whose size follows from theirs.

use super::kernels::AddUp;
use super::{ExtractPatches, Filling, Window, layout, pair};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{AttributeDef, Attributes, Elements, Op, OpDef, OperandDef};
use crate::ir::{Lowering, Val};
use crate::shape::{Shape, TensorType};

/// Images of these rows and columns, with the patches, its input, added up where a window would have taken them. Without
/// rows and columns, they are [as many as suit](Window::length) the places.
#[derive(Clone, Debug)]
struct FoldPatches {
    window: Window,
    size: Option<[usize; 2]>,
}

impl FoldPatches {
    /// Rows or columns of the images for so many places.
    fn length(&self, axis: usize, places: usize) -> Result<usize, Fault> {
        match self.size {
            Some(size) => {
                self.window.check_places(axis, size[axis], places)?;
                Ok(size[axis])
            }
            None => self.window.length(axis, places),
        }
    }

    /// The shape of the images for patches of such a shape, which have six axes, two of them the window's.
    fn images(&self, patches: &Shape) -> Result<Shape, Fault> {
        self.window.check()?;
        let [height, width] = self.window.size.map(Some);
        let &[batch, rows, columns, of_height, of_width, channels] = patches.dims() else {
            let expected = [None, None, None, height, width, None].into();
            return Err(Fault::OtherShape { expected, found: patches.clone() });
        };
        let of_window = Shape::from([of_height, of_width]);
        if !of_window.agrees_with(&[height, width].into()) {
            let expected = [batch, rows, columns, height, width, channels].into();
            return Err(Fault::OtherShape { expected, found: patches.clone() });
        }
        let length = |axis: usize, places: Option<usize>| match places {
            Some(places) => self.length(axis, places).map(Some),
            None => Ok(self.size.map(|size| size[axis])),
        };
        Ok([batch, length(0, rows)?, length(1, columns)?, channels].into())
    }
}

impl Op for FoldPatches {
    fn name(&self) -> &'static str {
        "fold_patches"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(TensorType::new(inputs[0].dtype, self.images(&inputs[0].shape)?))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (patches, dtype) = (Shape::from(to.dims(inputs[0])), to.dtype(inputs[0]));
        let dims = self.images(&patches).ok().and_then(|images| images.known()).unwrap_or_default();
        match layout(self.window, &dims) {
            Some(layout) => {
                let patches = to.reshape(inputs[0], layout.lengths(dims[0]));
                to.kernel(AddUp(layout), &[patches], dtype, dims)
            }
            // The shape rule has accepted the patches.
            None => inputs[0],
        }
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let extract = ExtractPatches { window: self.window, filling: Filling::Zero };
        at.give(0, |dy| dy.unary(extract));
    }

    fn attributes(&self) -> Attributes {
        let attributes = Attributes::new().with("window", self.window);
        match self.size {
            Some(size) => attributes.with("size", size.to_vec()),
            None => attributes,
        }
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = &[OpDef {
    name: "fold_patches",
    doc: "",
    operands: &[OperandDef::one("patches", Elements::Numeric)],
    attributes: &[AttributeDef::of::<Window>("window"), AttributeDef::optional::<Vec<usize>>("size")],
    build: |graph, operands, attributes| {
        let size = match attributes.get("size") {
            Some(size) => Some(pair(attributes, "size").ok_or_else(|| Fault::Attribute {
                name: "size",
                expected: "two counts",
                found: Some(size.to_string()),
            })?),
            None => None,
        };
        Ok(vec![graph.apply(FoldPatches { window: attributes.value("window")?, size }, operands)])
    },
}];

impl AnyTensor<'_> {
    /// The patches added up to images.
    #[track_caller]
    pub(in crate::ops) fn fold_patches(self, window: Window, size: Option<[usize; 2]>) -> Self {
        self.unary(FoldPatches { window, size })
    }
}
