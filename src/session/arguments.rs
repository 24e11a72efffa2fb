//! What a callable is fed: tensors in a structure, and the arguments of a call in the same structure.

use ndarray::{ArrayBase, ArrayView, Data, Dimension};
use smallvec::SmallVec;

use super::Feedable;
use super::feed::FeedList;
use crate::element::{Element, Value};
use crate::exec::FedArray;
use crate::graph::{AnyTensor, Tensor, Variable};

/// What a callable can be fed: a tensor or variable, a tuple, array or `Vec` of such, or `()` for nothing.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let xs: Vec<_> = (0..20).map(|_| g.placeholder::<f64>("x", [None])).collect();
/// let sum = xs.iter().skip(1).fold(xs[0], |sum, &x| sum + x);
/// let session = Session::new(&g)?;
/// let call = session.make_callable(xs, sum)?;
/// let arrays = vec![ndarray::arr1(&[1.0, 2.0]); 20];
/// assert_eq!(call.call(&arrays)?, ndarray::arr1(&[20.0, 40.0]).into_dyn());
/// assert!(call.call(&arrays[1..]).is_err());
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that calls can be fed for",
    label = "expected a tensor, a variable, a tuple, array or `Vec` of such, or `()`",
    note = "a callable takes what is fed first and what is fetched second: `session.make_callable((x, labels), loss)`"
)]
pub trait Feeds<'g> {
    /// The element types, in the same structure; that of an untyped tensor is `Value`.
    type Types;

    #[doc(hidden)]
    fn list_feeds(&self, list: &mut FeedList<'g>);
}

/// The arguments of a callable whose feeds are of the types `I`: for an element type what can be fed
/// for a tensor of it ([`Feedable`]); for `Value`, which stands for an untyped tensor, a reference to a [`Value`] or to
/// an array of any element type, a view, or a number; for a tuple or an array of types the same of arguments; for a `Vec`
/// a `Vec`, an array or a slice of arguments, or a reference to one of things that are fed by reference. For a
/// `Vec<Value>`, which is also what a [frozen model](crate::io::frozen) takes, a tuple of arguments of different types will
/// do, and a single one. That there are as many as in the feeds is checked by the call.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let (x, n) = (g.placeholder::<f64>("x", [None]), g.placeholder::<i64>("n", ()));
/// let call = Session::new(&g)?.make_callable(vec![x.any(), n.any()], x * n.cast())?;
/// assert_eq!(call.call((&ndarray::arr1(&[1.0, 2.0]), 3_i64))?, ndarray::arr1(&[3.0, 6.0]).into_dyn());
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no argument of a call that is fed `{I}`",
    label = "expected for each element type a reference to an array, a view, or a number of it",
    note = "several arguments are one tuple: `step.call((&x, &labels))`, and none are `step.call(())`",
    note = "a frozen model, which is fed `Vec<Value>`, takes an array, or a tuple or list of arrays, each of any element type",
    note = "arrays and values are lent: `&array`, `array.view()`, `&values`; elements are not converted: `array.mapv(f64::from)`"
)]
pub trait Arguments<'v, I> {
    #[doc(hidden)]
    fn push_to(self, fed: &mut FedArrays<'v>);
}

/// What a call is fed, in order; of a few arrays it is kept without allocating.
#[derive(Debug, Default)]
pub struct FedArrays<'v> {
    pub(super) arrays: SmallVec<[FedArray<'v>; 8]>,
    /// The length of each list, in the order in which they are met.
    pub(super) lengths: SmallVec<[usize; 2]>,
}

impl<'v> FedArrays<'v> {
    /// What is fed to a list of untyped tensors.
    #[cfg(feature = "safetensors")]
    pub(crate) fn of_list(arguments: impl Arguments<'v, Vec<Value>>) -> SmallVec<[FedArray<'v>; 8]> {
        let mut fed = FedArrays::default();
        arguments.push_to(&mut fed);
        fed.arrays
    }

    fn push_list<I, A: Arguments<'v, I>>(&mut self, arguments: impl ExactSizeIterator<Item = A>) {
        self.lengths.push(arguments.len());
        arguments.for_each(|argument| argument.push_to(self));
    }
}

impl<'g, T: Element> Feeds<'g> for Tensor<'g, T> {
    type Types = T;
    fn list_feeds(&self, list: &mut FeedList<'g>) {
        list.tensors.push(self.any());
    }
}

impl<'g, T: Element> Feeds<'g> for Variable<'g, T> {
    type Types = T;
    fn list_feeds(&self, list: &mut FeedList<'g>) {
        Feeds::list_feeds(&self.tensor(), list);
    }
}

impl<'g> Feeds<'g> for AnyTensor<'g> {
    type Types = Value;
    fn list_feeds(&self, list: &mut FeedList<'g>) {
        list.tensors.push(*self);
    }
}

impl<'g, F: Feeds<'g>, const N: usize> Feeds<'g> for [F; N] {
    type Types = [F::Types; N];
    fn list_feeds(&self, list: &mut FeedList<'g>) {
        for feed in self {
            feed.list_feeds(list);
        }
    }
}

impl<'g, F: Feeds<'g>> Feeds<'g> for Vec<F> {
    type Types = Vec<F::Types>;
    fn list_feeds(&self, list: &mut FeedList<'g>) {
        list.lists.push((list.tensors.len(), self.len()));
        for feed in self {
            feed.list_feeds(list);
        }
    }
}

#[diagnostic::do_not_recommend]
impl<'v, T: Element, A: Feedable<'v, T>> Arguments<'v, T> for A {
    #[inline(always)]
    fn push_to(self, fed: &mut FedArrays<'v>) {
        fed.arrays.push(self.into_fed());
    }
}

/// What is fed for an untyped tensor, and for a list of one.
macro_rules! untyped {
    ($(($($generics:tt)*) $argument:ty, $this:ident => $fed:expr;)*) => {$(
        impl<'v, $($generics)*> Arguments<'v, Value> for $argument {
            fn push_to(self, fed: &mut FedArrays<'v>) {
                let $this = self;
                fed.arrays.push($fed);
            }
        }

        #[diagnostic::do_not_recommend]
        impl<'v, $($generics)*> Arguments<'v, Vec<Value>> for $argument {
            fn push_to(self, fed: &mut FedArrays<'v>) {
                fed.push_list::<Value, _>(std::iter::once(self));
            }
        }
    )*};
}
untyped! {
    () &'v Value, value => FedArray::of_value(value);
    (T: Element, S: Data<Elem = T>, D: Dimension) &'v ArrayBase<S, D>, array => FedArray::of_view(array.view());
    (T: Element, D: Dimension) ArrayView<'v, T, D>, view => FedArray::of_view(view);
    (T: Element) T, number => FedArray::of_scalar(number);
}

impl<'v, I, A: Arguments<'v, I>, const N: usize> Arguments<'v, [I; N]> for [A; N] {
    fn push_to(self, fed: &mut FedArrays<'v>) {
        for argument in self {
            argument.push_to(fed);
        }
    }
}

impl<'v, I, A, const N: usize> Arguments<'v, [I; N]> for &'v [A; N]
where
    &'v A: Arguments<'v, I>,
{
    fn push_to(self, fed: &mut FedArrays<'v>) {
        for argument in self {
            argument.push_to(fed);
        }
    }
}

/// Lists of arguments that stand for a list of feeds, and how each is gone through.
macro_rules! lists {
    ($(($($generics:tt)*) $list:ty, $argument:ty: $iter:ident;)*) => {$(
        impl<'v, I, A, $($generics)*> Arguments<'v, Vec<I>> for $list
        where
            $argument: Arguments<'v, I>,
        {
            fn push_to(self, fed: &mut FedArrays<'v>) {
                fed.push_list(self.$iter());
            }
        }
    )*};
}
lists! {
    () Vec<A>, A: into_iter;
    (const N: usize) [A; N], A: into_iter;
    () &'v Vec<A>, &'v A: iter;
    () &'v [A], &'v A: iter;
    (const N: usize) &'v [A; N], &'v A: iter;
}

macro_rules! tuples {
    ($(($($name:ident $argument:ident)*))*) => {$(
        impl<'g, $($name: Feeds<'g>),*> Feeds<'g> for ($($name,)*) {
            type Types = ($($name::Types,)*);
            // The empty tuple lists nothing.
            #[allow(non_snake_case, unused_variables)]
            fn list_feeds(&self, list: &mut FeedList<'g>) {
                let ($($name,)*) = self;
                $($name.list_feeds(list);)*
            }
        }

        impl<'v, $($name, $argument: Arguments<'v, $name>),*> Arguments<'v, ($($name,)*)> for ($($argument,)*) {
            #[allow(non_snake_case, unused_variables)]
            #[inline(always)]
            fn push_to(self, fed: &mut FedArrays<'v>) {
                let ($($argument,)*) = self;
                $($argument.push_to(fed);)*
            }
        }

        impl<'v, $($argument: Arguments<'v, Value>),*> Arguments<'v, Vec<Value>> for ($($argument,)*) {
            #[allow(non_snake_case)]
            fn push_to(self, fed: &mut FedArrays<'v>) {
                let ($($argument,)*) = self;
                let before = fed.arrays.len();
                $($argument.push_to(fed);)*
                fed.lengths.push(fed.arrays.len() - before);
            }
        }
    )*};
}
tuples! {
    ()
    (A A1)
    (A A1 B B1)
    (A A1 B B1 C C1)
    (A A1 B B1 C C1 D D1)
    (A A1 B B1 C C1 D D1 E E1)
    (A A1 B B1 C C1 D D1 E E1 F F1)
    (A A1 B B1 C C1 D D1 E E1 F F1 G G1)
    (A A1 B B1 C C1 D D1 E E1 F F1 G G1 H H1)
}
