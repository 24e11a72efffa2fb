//! [`Objective`]: a loss as a function of one flat vector, for optimizers and samplers that ask for values and gradients.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::sync::Arc;

use ndarray::{Array1, ArrayD, ArrayView1, CowArray, Ix1, IxDyn, s};
use smallvec::SmallVec;

use super::fetch::FetchList;
use super::prepared::Prepared;
use super::{Core, FeedList, Feeding, Parameters, RunTerms};
use crate::element::Value;
use crate::error::{Error, Result};
use crate::exec::FedArray;
use crate::gradient::{Gradients, hessian_vector_product_or_zeros};
use crate::graph::{AnyTensor, Float, Tensor};

/// What is fed to a run, of which a few arrays are kept without allocating.
type Fed<'a> = SmallVec<[FedArray<'a>; 8]>;

/// A loss and its gradient as functions of the flat vector of its parameters, made by [`Parameters::objective`].
///
/// An evaluation feeds the vector for the variables, so it leaves the session's variables as they are, and may be done
/// from several threads at once. Other variables have the values that the session holds. An objective needs no graph
/// around it and can be kept in a struct.
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::ndarray::arr1;
/// let g = Graph::new();
/// let w = g.variable("w", arr1(&[1.0, 2.0]));
/// let x = g.placeholder::<f64>("x", [2]);
/// let loss = (w - x).square().reduce_sum(..);
///
/// let session = Session::new(&g)?;
/// let data = arr1(&[0.0, 5.0]);
/// let objective = Parameters::trainable(&g).objective(session.feed(x, &data), loss)?;
/// let (value, gradient) = objective.value_and_gradient(arr1(&[1.0, 4.0]).view())?;
/// assert_eq!((value, gradient), (2.0, arr1(&[2.0, -2.0])));
///
/// // In the form that samplers ask for.
/// let mut gradient = [0.0; 2];
/// assert_eq!(objective.evaluate(&[0.0, 5.0], &mut gradient)?, 0.0);
/// assert_eq!(session.run(w)?, arr1(&[1.0, 2.0]).into_dyn());
/// # Ok::<(), flowgrad::Error>(())
/// ```
pub struct Objective<'v, T = f32> {
    core: Arc<Core>,
    terms: RunTerms,
    /// Gives the loss, of the variables and what else is fed.
    value: Arc<Prepared>,
    /// Gives the loss and its gradient.
    gradient: Arc<Prepared>,
    /// Where the elements of each variable stand in the flat vector, and its lengths.
    parts: Vec<(Range<usize>, Vec<usize>)>,
    /// How many elements the variables have together.
    len: usize,
    /// What else is fed.
    fed: Vec<FedArray<'v>>,
    element: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Objective<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objective").field("len", &self.len).finish_non_exhaustive()
    }
}

/// An [`Objective`] that also gives products of its Hessian and a vector, made by
/// [`Parameters::objective_with_hessian`].
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::ndarray::arr1;
/// let g = Graph::new();
/// let w = g.variable("w", arr1(&[1.0, 2.0]));
/// let loss = (w * w * w).reduce_sum(..);
///
/// let session = Session::new(&g)?;
/// let objective = Parameters::trainable(&g).objective_with_hessian(&session, loss)?;
/// let at = arr1(&[1.0, 2.0]);
/// assert_eq!(objective.value(at.view())?, 9.0);
/// // The Hessian is diag(6·w).
/// assert_eq!(objective.hessian_vector_product(at.view(), arr1(&[1.0, -1.0]).view())?, arr1(&[6.0, -12.0]));
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Debug)]
pub struct ObjectiveWithHessian<'v, T = f32> {
    objective: Objective<'v, T>,
    /// Of the variables, the vector in the same parts, and what else is fed.
    product: Arc<Prepared>,
}

impl<'v, T> Deref for ObjectiveWithHessian<'v, T> {
    type Target = Objective<'v, T>;

    fn deref(&self) -> &Self::Target {
        &self.objective
    }
}

impl<'g, T: Float> Parameters<'g, T> {
    /// A loss and its gradient as functions of the flat vector, run by a session: `&session`, or `session.feed(x, &data)`
    /// for a loss that depends on placeholders. The gradient becomes part of the graph.
    ///
    /// # Errors
    /// [`Error::NotOneElement`] for a loss of several elements, a build error for one that depends on none of the variables, and as for [`Session::make_callable`](super::Session::make_callable): build errors,
    /// tensors of another graph, a variable that is listed twice.
    #[track_caller]
    pub fn objective<'s, 'v>(
        &self,
        run: impl Into<Feeding<'s, 'g, 'v>>,
        loss: impl Into<Tensor<'g, T>>,
    ) -> Result<Objective<'v, T>> {
        let (run, loss) = (run.into(), loss.into());
        check_is_one(loss.shape().known())?;
        let xs = self.tensors();
        let variables: Vec<Tensor<'g, T>> =
            self.variables().iter().map(|variable| variable.tensor()).collect();
        let slopes = Gradients::of([loss]).wrt(&variables);
        let gradient = match variables.first() {
            // One that is asked for alone tells why there is none.
            Some(&first) if slopes.iter().all(Option::is_none) => loss.gradients([first])[0],
            _ => {
                let or_zeros = |(slope, x): (Option<Tensor<'g, T>>, &Tensor<'g, T>)| {
                    slope.unwrap_or_else(|| x.zeros_like())
                };
                self.flat(&slopes.into_iter().zip(&variables).map(or_zeros).collect::<Vec<_>>())
            }
        };
        let (core, feeds) = (&run.session.core, [&xs, &run.tensors.tensors[..]]);
        let value = prepared(core, &feeds, &[loss.any()])?;
        let gradient = prepared(core, &feeds, &[loss.any(), gradient.any()])?;
        gradient.plan_if_static(core)?;
        let mut len = 0;
        let parts = self.lengths().map(|(size, dims)| {
            len += size;
            (len - size..len, dims)
        });
        let parts = parts.collect();
        let (core, terms) = (Arc::clone(core), run.session.terms);
        Ok(Objective { core, terms, value, gradient, parts, len, fed: run.arrays, element: PhantomData })
    }

    /// The same, with products of the Hessian and a vector, whose graph takes about as long again to build and to plan.
    ///
    /// # Errors
    /// As for [`objective`](Parameters::objective).
    #[track_caller]
    pub fn objective_with_hessian<'s, 'v>(
        &self,
        run: impl Into<Feeding<'s, 'g, 'v>>,
        loss: impl Into<Tensor<'g, T>>,
    ) -> Result<ObjectiveWithHessian<'v, T>> {
        let (run, loss) = (run.into(), loss.into());
        let (core, fed) = (Arc::clone(&run.session.core), run.tensors.tensors.clone());
        let objective = self.objective(run, loss)?;
        let directions: Vec<Tensor<'g, T>> = self
            .variables()
            .iter()
            .map(|variable| self.graph().placeholder("direction", variable.shape()))
            .collect();
        let products = hessian_vector_product_or_zeros(loss, self.variables(), &directions);
        let directions: Vec<AnyTensor<'g>> = directions.iter().map(|direction| direction.any()).collect();
        let product = prepared(&core, &[&self.tensors(), &directions, &fed], &[self.flat(&products).any()])?;
        product.plan_if_static(&core)?;
        Ok(ObjectiveWithHessian { objective, product })
    }

    fn tensors(&self) -> Vec<AnyTensor<'g>> {
        self.variables().iter().map(|variable| variable.any()).collect()
    }
}

/// A run that feeds all of these tensors; its plan is made by the first run, if not before.
fn prepared<'g>(core: &Core, feeds: &[&[AnyTensor<'g>]], fetches: &[AnyTensor<'g>]) -> Result<Arc<Prepared>> {
    let mut list = FeedList::default();
    list.tensors.extend(feeds.iter().copied().flatten().copied());
    core.prepare(&list, &FetchList::of(&fetches))
}

/// An error for lengths that are known to be those of several elements, or of none.
fn check_is_one(dims: Option<Vec<usize>>) -> Result<()> {
    match dims {
        Some(shape) if shape.iter().product::<usize>() != 1 => Err(Error::NotOneElement { shape }),
        _ => Ok(()),
    }
}

impl<T: Float> Objective<'_, T> {
    /// How many elements the flat vector has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The loss at a vector.
    ///
    /// # Errors
    /// [`Error::PackedLength`] for a vector of another length, and as for [`Session::run`](super::Session::run).
    pub fn value(&self, at: ArrayView1<'_, T>) -> Result<T> {
        let [value] = self.run(&self.value, &[at])?;
        one(&value)
    }

    /// The loss at a vector, and its gradient.
    ///
    /// # Errors
    /// As for [`value`](Objective::value).
    pub fn value_and_gradient(&self, at: ArrayView1<'_, T>) -> Result<(T, Array1<T>)> {
        let [value, gradient] = self.run(&self.gradient, &[at])?;
        Ok((one(&value)?, flat(gradient)))
    }

    /// Writes the gradient at a vector, and gives the loss.
    ///
    /// # Errors
    /// As for [`value`](Objective::value), and [`Error::PackedLength`] for a gradient of another length. What was to be
    /// written to is then as it was.
    pub fn evaluate(&self, at: &[T], gradient: &mut [T]) -> Result<T> {
        self.check_length(gradient.len())?;
        let [value, found] = self.run(&self.gradient, &[ArrayView1::from(at)])?;
        let value = one(&value)?;
        for (to, &element) in gradient.iter_mut().zip(&found) {
            *to = element;
        }
        Ok(value)
    }

    /// Runs what is fed the variables, in the parts of each of these vectors, and what else there is.
    fn run<const N: usize>(
        &self,
        prepared: &Prepared,
        vectors: &[ArrayView1<'_, T>],
    ) -> Result<[ArrayD<T>; N]> {
        for vector in vectors {
            self.check_length(vector.len())?;
        }
        // Parts of a vector are row-major only if its elements lie side by side.
        let vectors: SmallVec<[CowArray<'_, T, Ix1>; 2]> =
            vectors.iter().map(|vector| vector.as_standard_layout()).collect();
        let mut fed = Fed::new();
        for vector in &vectors {
            for (range, dims) in &self.parts {
                let part = vector.slice(s![range.clone()]);
                // The range has as many elements as the lengths say.
                fed.push(FedArray::of_view(part.into_shape_with_order(IxDyn(dims))?));
            }
        }
        fed.extend(self.fed.iter().map(FedArray::lend));
        let mut values = [const { None }; N];
        let mut next = values.iter_mut();
        self.core.run(prepared, &fed, self.terms, &mut |value| {
            if let Some(next) = next.next() {
                *next = Value::into_array::<T>(value);
            }
        })?;
        // The run gives as many values as it is asked for, of the element type of the variables.
        Ok(values.map(Option::unwrap_or_default))
    }

    fn check_length(&self, found: usize) -> Result<()> {
        if found == self.len { Ok(()) } else { Err(Error::PackedLength { expected: self.len, found }) }
    }
}

impl<T: Float> ObjectiveWithHessian<'_, T> {
    /// The Hessian of the loss at a vector, times another vector. It takes a few evaluations of the loss, whatever the
    /// length is.
    ///
    /// # Errors
    /// As for [`Objective::value`].
    pub fn hessian_vector_product(
        &self,
        at: ArrayView1<'_, T>,
        vector: ArrayView1<'_, T>,
    ) -> Result<Array1<T>> {
        let [product] = self.run(&self.product, &[at, vector])?;
        Ok(flat(product))
    }
}

/// The number that a loss is.
fn one<T: Float>(value: &ArrayD<T>) -> Result<T> {
    check_is_one(Some(value.shape().to_vec()))?;
    Ok(value.first().copied().unwrap_or_else(T::nan))
}

/// An array of one axis, as one.
fn flat<T: Float>(array: ArrayD<T>) -> Array1<T> {
    Array1::from(array.into_raw_vec_and_offset().0)
}
