//! [`Bench`]: where the graph of a check is evaluated, again and again under the same conditions.

use std::marker::PhantomData;

use ndarray::ArrayD;

use super::numbers;
use crate::element::{DType, Numeric, Value, with_array};
use crate::error::Result;
use crate::graph::Float;
use crate::graph::{AnyTensor, Graph, Role, Tensor, Walk};
use crate::session::{Feeding, Session};

/// Where a graph is evaluated, again and again under the same conditions.
pub(super) struct Bench<'g, T> {
    session: Session,
    feeds: Vec<(AnyTensor<'g>, Value)>,
    /// What variables hold before each run, if runs assign any.
    start: Option<Vec<(String, Value)>>,
    element: PhantomData<T>,
}

impl<'g, T: Float> Bench<'g, T> {
    /// A fresh session; placeholders that the tensors need and that can be are given values.
    pub(super) fn new(
        graph: &'g Graph,
        mut feeds: Vec<(AnyTensor<'g>, Value)>,
        tensors: &[AnyTensor<'g>],
        seed: u64,
    ) -> Result<Self> {
        let session = Session::builder(graph).threads(1).build()?;
        let (open, writes) = {
            let arena = graph.shared().read();
            let is_fed = |id| feeds.iter().any(|(any, _)| any.id() == id);
            let needed = Walk::all(&arena).ancestors_short_of(tensors.iter().map(|any| any.id()), is_fed);
            let roles = needed.iter().map(|&id| (id, arena.node(id).role));
            let writes = roles.clone().any(|(_, role)| matches!(role, Role::Writes(_) | Role::WritesAll));
            let open = roles.filter(|&(_, role)| role == Role::Placeholder);
            (open.map(|(id, _)| graph.tie(id)).collect::<Vec<_>>(), writes)
        };
        let mut next = numbers(seed);
        for placeholder in open {
            if let Some(dims) = placeholder.shape().known() {
                let drawn = ArrayD::from_shape_simple_fn(dims, &mut next);
                match placeholder.dtype() {
                    DType::F64 => feeds.push((placeholder, Value::F64(drawn))),
                    DType::F32 => feeds.push((placeholder, Value::F32(drawn.mapv(f32::from_f64)))),
                    // Labels, indices and conditions mean something; a run that needs one asks for it.
                    DType::I32 | DType::I64 | DType::Bool => {}
                }
            }
        }
        let start = if writes { Some(session.variable_values()?.into_iter().collect()) } else { None };
        Ok(Bench { session, feeds, start, element: PhantomData })
    }

    /// Computes the fetches with a target at a point, or where it is of itself.
    pub(super) fn run(
        &self,
        at: Option<(Tensor<'g, T>, &ArrayD<T>)>,
        fetches: &[Tensor<'g, T>],
    ) -> Result<Vec<ArrayD<T>>> {
        if let Some(start) = &self.start {
            self.session.load(start.iter().cloned())?;
        }
        // Random ops draw the same numbers for every sample.
        self.session.set_run_count(0);
        let mut feeding = Feeding::of(&self.session);
        for (any, value) in &self.feeds {
            if at.is_none_or(|(x, _)| x.any().id() != any.id()) {
                feeding = with_array!(value, array => feeding.feed(Tensor::typed(*any), array));
            }
        }
        match at {
            Some((x, point)) => feeding.feed(x, point).run(fetches.to_vec()),
            None => feeding.run(fetches.to_vec()),
        }
    }
}
