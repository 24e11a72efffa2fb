//! [`Tensors`]: structures of tensors, which functions take and give.

use super::{AnyTensor, Tensor};
use crate::element::Element;

/// A tensor, or a tuple, an array or a `Vec` of them: what functions take and give.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no structure of tensors",
    label = "expected a tensor, or a tuple, an array or a `Vec` of tensors",
    note = "functions take and give tensors: of a variable `w.tensor()`, of a number or an array `g.constant(x)`"
)]
pub trait Tensors<'g>: Sized {
    /// The same structure of what each of its tensors becomes.
    #[doc(hidden)]
    fn map(&self, change: &mut dyn FnMut(AnyTensor<'g>) -> AnyTensor<'g>) -> Self;

    /// The length of each `Vec` in it, in order.
    #[doc(hidden)]
    fn lengths(&self) -> Vec<usize> {
        Vec::new()
    }

    /// All of its tensors, in order.
    #[doc(hidden)]
    fn flat(&self) -> Vec<AnyTensor<'g>> {
        let mut flat = Vec::new();
        self.map(&mut |tensor| {
            flat.push(tensor);
            tensor
        });
        flat
    }
}

impl<'g> Tensors<'g> for AnyTensor<'g> {
    fn map(&self, change: &mut dyn FnMut(AnyTensor<'g>) -> AnyTensor<'g>) -> Self {
        change(*self)
    }
}

impl<'g, T: Element> Tensors<'g> for Tensor<'g, T> {
    fn map(&self, change: &mut dyn FnMut(AnyTensor<'g>) -> AnyTensor<'g>) -> Self {
        change(self.any()).typed()
    }
}

impl<'g, S: Tensors<'g>, const N: usize> Tensors<'g> for [S; N] {
    fn map(&self, change: &mut dyn FnMut(AnyTensor<'g>) -> AnyTensor<'g>) -> Self {
        std::array::from_fn(|index| self[index].map(change))
    }

    fn lengths(&self) -> Vec<usize> {
        self.iter().flat_map(Tensors::lengths).collect()
    }
}

impl<'g, S: Tensors<'g>> Tensors<'g> for Vec<S> {
    fn map(&self, change: &mut dyn FnMut(AnyTensor<'g>) -> AnyTensor<'g>) -> Self {
        self.iter().map(|tensors| tensors.map(change)).collect()
    }

    fn lengths(&self) -> Vec<usize> {
        std::iter::once(self.len()).chain(self.iter().flat_map(Tensors::lengths)).collect()
    }
}

macro_rules! tuples {
    ($(($($name:ident $position:tt),*))*) => {$(
        impl<'g, $($name: Tensors<'g>),*> Tensors<'g> for ($($name,)*) {
            // The empty tuple has no tensors.
            #[allow(clippy::unused_unit, unused_variables)]
            fn map(&self, change: &mut dyn FnMut(AnyTensor<'g>) -> AnyTensor<'g>) -> Self {
                ($(self.$position.map(change),)*)
            }

            fn lengths(&self) -> Vec<usize> {
                let lengths: Vec<Vec<usize>> = vec![$(self.$position.lengths()),*];
                lengths.concat()
            }
        }
    )*};
}
tuples! {
    ()
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}
