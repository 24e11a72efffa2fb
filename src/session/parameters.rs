//! [`Parameters`]: variables as one flat array, for optimizers and samplers that know vectors alone.

use ndarray::{Array1, ArrayD, ArrayView1, IxDyn};

use super::Session;
use crate::element::{Element, Value};
use crate::error::{Error, Fault, Result};
use crate::gradient::Gradients;
use crate::graph::Float;
use crate::graph::{Graph, Tensor, Variable};

/// Variables of one element type in a fixed order, whose elements stand one behind the other in a flat array, each
/// variable's in row-major order.
///
/// With it, any optimizer or sampler of vectors moves the variables of a session:
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::ndarray::{arr1, arr2};
/// let g = Graph::new();
/// let w = g.variable("w", arr2(&[[1.0, 2.0], [3.0, 4.0]]));
/// let b = g.variable("b", 5.0);
/// let loss = (w.square().reduce_sum(..) + b * b) * 0.5;
///
/// let parameters = Parameters::trainable(&g);
/// let gradient = parameters.gradient(loss);
/// let session = Session::new(&g)?;
/// let at = parameters.pack(&session)?;
/// assert_eq!(at, arr1(&[1.0, 2.0, 3.0, 4.0, 5.0]));
/// assert_eq!(session.run(gradient)?, at.clone().into_dyn());
///
/// parameters.unpack(&session, (&at * 0.5).view())?;
/// assert_eq!(session.run((w, b))?, (arr2(&[[0.5, 1.0], [1.5, 2.0]]).into_dyn(), ndarray::arr0(2.5).into_dyn()));
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Parameters<'g, T = f32> {
    graph: &'g Graph,
    variables: Vec<Variable<'g, T>>,
}

impl<'g, T: Element> Parameters<'g, T> {
    /// All variables of this element type that optimizers may change, in the order in which they were built.
    pub fn trainable(graph: &'g Graph) -> Self {
        Parameters { graph, variables: graph.trainable_variables() }
    }

    /// These variables, in this order.
    pub fn of(graph: &'g Graph, variables: impl IntoIterator<Item = Variable<'g, T>>) -> Self {
        Parameters { graph, variables: variables.into_iter().collect() }
    }

    /// The variables.
    pub fn variables(&self) -> &[Variable<'g, T>] {
        &self.variables
    }

    /// How many elements they have together.
    pub fn len(&self) -> usize {
        self.lengths().map(|(size, _)| size).sum()
    }

    /// Whether they have none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn graph(&self) -> &'g Graph {
        self.graph
    }

    /// Of each variable, how many elements it has, and its lengths.
    pub(super) fn lengths(&self) -> impl Iterator<Item = (usize, Vec<usize>)> + '_ {
        self.variables.iter().map(|variable| {
            // The lengths of a variable are known; one that is invalid has no elements.
            let dims: Vec<usize> = variable.shape().known().unwrap_or_else(|| vec![0]);
            (dims.iter().product(), dims)
        })
    }

    /// What the variables hold in a session, as one flat array: all of one moment.
    ///
    /// # Errors
    /// Build errors, and variables of another graph.
    pub fn pack(&self, session: &Session) -> Result<Array1<T>> {
        session.graph_of(self.variables.iter().map(|variable| variable.any()))?;
        let mut values = session.variable_values()?;
        let mut flat = Vec::with_capacity(self.len());
        for variable in &self.variables {
            // The session has all variables of its graph, and a variable that is listed twice stands there twice.
            let array = values.remove(&variable.name()).and_then(Value::into_array::<T>).unwrap_or_default();
            flat.extend(array.iter().copied());
            values.insert(variable.name(), Value::wrap(array));
        }
        Ok(Array1::from(flat))
    }

    /// Sets the variables in a session to the elements of a flat array: all of them, or none if their number is another
    /// one.
    ///
    /// # Errors
    /// [`Error::PackedLength`], variables of another graph, and as for [`Session::load`].
    pub fn unpack(&self, session: &Session, flat: ArrayView1<'_, T>) -> Result<()> {
        session.graph_of(self.variables.iter().map(|variable| variable.any()))?;
        let (expected, found) = (self.len(), flat.len());
        if expected != found {
            return Err(Error::PackedLength { expected, found });
        }
        let mut elements = flat.iter().copied();
        let named = self.variables.iter().zip(self.lengths()).map(|(variable, (size, dims))| {
            let own: Vec<T> = elements.by_ref().take(size).collect();
            // There are as many elements as the lengths say.
            let array = ArrayD::from_shape_vec(IxDyn(&dims), own).unwrap_or_default();
            (variable.name(), Value::wrap(array))
        });
        session.load(named.collect::<Vec<_>>())
    }

    /// One tensor for each variable, of its shape, as one flat tensor in the order of [`pack`](Parameters::pack). Another
    /// number of tensors, or of elements, is a build error.
    #[track_caller]
    pub fn flat(&self, tensors: &[Tensor<'g, T>]) -> Tensor<'g, T> {
        self.graph.attributed_to_caller(|| {
            let (expected, found) = (self.variables.len(), tensors.len());
            if expected != found {
                return self.graph.invalid("flat", Fault::OperandCount { expected, found });
            }
            let pieces: Vec<Tensor<'g, T>> = tensors
                .iter()
                .zip(self.lengths())
                .map(|(tensor, (size, _))| tensor.reshape([size as isize]))
                .collect();
            match pieces[..] {
                [] => self.graph.constant(Array1::from(Vec::<T>::new())),
                [only] => only,
                _ => self.graph.concat(&pieces, 0),
            }
        })
    }
}

impl<'g, T: Float> Parameters<'g, T> {
    /// The gradient of a tensor by all variables, as one flat tensor; 0 for variables that it does not depend on.
    #[track_caller]
    pub fn gradient(&self, y: impl Into<Tensor<'g, T>>) -> Tensor<'g, T> {
        let y = y.into();
        self.graph.attributed_to_caller(|| {
            let xs: Vec<Tensor<'g, T>> = self.variables.iter().map(|variable| variable.tensor()).collect();
            self.flat(&Gradients::of([y]).wrt_or_zeros(&xs))
        })
    }
}
