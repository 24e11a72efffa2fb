//! What a run can be asked for, and the structure in which it answers.

use ndarray::{ArrayD, IxDyn};
use smallvec::SmallVec;

use crate::element::{Element, Value};
use crate::graph::{AnyTensor, Operation, Tensor, Variable};

/// Something that a run can be asked for: a tensor, a variable, an operation, or a tuple, array, slice or `Vec` of such,
/// or a reference to it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a run can be asked for",
    label = "expected a tensor, a variable, an operation, or a tuple, an array or a `Vec` of these",
    note = "of a number or an array make a constant: `g.constant(x)`"
)]
pub trait Fetch<'g> {
    /// What the run gives: an array for a tensor or variable, `()` for an operation, and the same
    /// structure of these.
    type Output: Output;

    #[doc(hidden)]
    fn list_fetches(&self, list: &mut FetchList<'g>);
}

/// What a run can give; see [`Fetch`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a run gives",
    label = "expected `ArrayD` for a tensor, `()` for an operation, or a tuple, an array or a `Vec` of these",
    note = "`run(x)?.item()?` is the number, `run(x)?.into_dimensionality()?` an array of so many axes"
)]
pub trait Output: Sized {
    #[doc(hidden)]
    fn take(from: &mut Results<'_>) -> Self;
}

/// The nodes that a structure of fetches asks for, in order.
#[derive(Debug, Default)]
pub struct FetchList<'g> {
    /// Each node, and whether its value is wanted.
    pub(super) nodes: SmallVec<[(AnyTensor<'g>, bool); 4]>,
    /// The length of each `Vec`, in the order in which they are met.
    pub(super) lengths: Vec<usize>,
}

impl<'g> FetchList<'g> {
    pub(super) fn of(fetches: &impl Fetch<'g>) -> Self {
        let mut list = FetchList::default();
        fetches.list_fetches(&mut list);
        list
    }
}

/// The values of a run, in the order of its fetches; of a few they are kept without allocating.
#[derive(Debug, Default)]
pub(super) struct Fetched(SmallVec<[Option<Value>; 2]>);

impl Fetched {
    #[inline]
    pub(super) fn push(&mut self, value: Value) {
        self.0.push(Some(value));
    }

    /// The values in the structure of an output, in which there are lists of these lengths.
    #[inline]
    pub(super) fn into_output<O: Output>(mut self, lengths: &[usize]) -> O {
        O::take(&mut Results { values: self.0.iter_mut(), lengths: lengths.iter() })
    }
}

/// The values of a run that are not yet taken.
#[derive(Debug)]
pub struct Results<'a> {
    values: std::slice::IterMut<'a, Option<Value>>,
    lengths: std::slice::Iter<'a, usize>,
}

impl Results<'_> {
    #[inline]
    fn next(&mut self) -> Option<Value> {
        self.values.next().and_then(Option::take)
    }
}

impl<'g, T: Element> Fetch<'g> for Tensor<'g, T> {
    type Output = ArrayD<T>;
    fn list_fetches(&self, list: &mut FetchList<'g>) {
        list.nodes.push((self.any(), true));
    }
}

/// A value of the tensor's element type.
impl<'g> Fetch<'g> for AnyTensor<'g> {
    type Output = Value;
    fn list_fetches(&self, list: &mut FetchList<'g>) {
        list.nodes.push((*self, true));
    }
}

impl Output for Value {
    fn take(from: &mut Results<'_>) -> Self {
        let value = from.next();
        debug_assert!(value.is_some(), "a fetched value is missing");
        value.unwrap_or_else(|| Value::from(ArrayD::<f32>::default(IxDyn(&[0]))))
    }
}

impl<'g, T: Element> Fetch<'g> for Variable<'g, T> {
    type Output = ArrayD<T>;
    fn list_fetches(&self, list: &mut FetchList<'g>) {
        Fetch::list_fetches(&self.tensor(), list);
    }
}

impl<'g> Fetch<'g> for Operation<'g> {
    type Output = ();
    fn list_fetches(&self, list: &mut FetchList<'g>) {
        list.nodes.push((self.any, false));
    }
}

impl<T: Element> Output for ArrayD<T> {
    fn take(from: &mut Results<'_>) -> Self {
        // A tensor's element type is that of its node, so the value is there and of this type.
        let array = from.next().and_then(Value::into_array);
        debug_assert!(array.is_some(), "a fetched value is missing or of another type");
        array.unwrap_or_else(|| ArrayD::default(IxDyn(&[0])))
    }
}

/// As what it refers to.
impl<'g, F: Fetch<'g> + ?Sized> Fetch<'g> for &F {
    type Output = F::Output;
    fn list_fetches(&self, list: &mut FetchList<'g>) {
        F::list_fetches(self, list);
    }
}

/// As a `Vec` of the same.
impl<'g, F: Fetch<'g>> Fetch<'g> for [F] {
    type Output = Vec<F::Output>;
    fn list_fetches(&self, list: &mut FetchList<'g>) {
        list.lengths.push(self.len());
        for fetch in self {
            fetch.list_fetches(list);
        }
    }
}

impl<'g, F: Fetch<'g>, const N: usize> Fetch<'g> for [F; N] {
    type Output = [F::Output; N];
    fn list_fetches(&self, list: &mut FetchList<'g>) {
        for fetch in self {
            fetch.list_fetches(list);
        }
    }
}

impl<O: Output, const N: usize> Output for [O; N] {
    fn take(from: &mut Results<'_>) -> Self {
        std::array::from_fn(|_| O::take(from))
    }
}

impl<'g, F: Fetch<'g>> Fetch<'g> for Vec<F> {
    type Output = Vec<F::Output>;
    fn list_fetches(&self, list: &mut FetchList<'g>) {
        self[..].list_fetches(list);
    }
}

impl<O: Output> Output for Vec<O> {
    fn take(from: &mut Results<'_>) -> Self {
        let length = from.lengths.next().copied().unwrap_or(0);
        (0..length).map(|_| O::take(from)).collect()
    }
}

macro_rules! tuples {
    ($(($($name:ident)*))*) => {$(
        impl<'g, $($name: Fetch<'g>),*> Fetch<'g> for ($($name,)*) {
            type Output = ($($name::Output,)*);
            // The empty tuple lists nothing.
            #[allow(non_snake_case, unused_variables)]
            fn list_fetches(&self, list: &mut FetchList<'g>) {
                let ($($name,)*) = self;
                $($name.list_fetches(list);)*
            }
        }

        impl<$($name: Output),*> Output for ($($name,)*) {
            #[allow(clippy::unused_unit, unused_variables)]
            fn take(from: &mut Results<'_>) -> Self {
                ($($name::take(from),)*)
            }
        }
    )*};
}
tuples! {
    ()
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
    (A B C D E F G H I)
    (A B C D E F G H I J)
    (A B C D E F G H I J K)
    (A B C D E F G H I J K L)
}
