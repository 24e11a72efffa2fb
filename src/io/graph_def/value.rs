//! [`Val`]: what an output of a node is while a graph is imported.

use super::lists::List;
use crate::element::DType;
use crate::graph::{AnyTensor, Graph};
use crate::io::import::known::Known;

/// An output of a node.
#[derive(Clone, Debug)]
pub(super) enum Val<'g> {
    /// A tensor.
    Tensor(AnyTensor<'g>),
    /// Whole numbers that are known, which become a tensor where one is needed.
    Known(Known<'g>, DType),
    /// A variable, by its place among all, or a reference to it; as an assignment left it.
    Variable { place: usize, after: Option<AnyTensor<'g>> },
    /// The axes over which the gradient of broadcasting adds up: those along which what has these lengths was repeated
    /// to meet another shape, which is not known while building. Both have so many axes, which may be the first of more.
    Repeated { lengths: Known<'g>, rank: usize },
    /// A list of tensors.
    List(List<'g>),
    /// What runs for its effect.
    Effect,
    /// What only savers, summaries, assertions and printing need.
    LeftOut,
    /// What is not supported, which has been told.
    Missing,
}

impl<'g> Val<'g> {
    /// The same as a tensor, if it is one or can become one.
    #[track_caller]
    pub(super) fn tensor(
        &self,
        graph: &'g Graph,
        variables: &[(String, AnyTensor<'g>)],
    ) -> Option<AnyTensor<'g>> {
        match self {
            Val::Tensor(tensor) | Val::Variable { after: Some(tensor), .. } => Some(*tensor),
            Val::Known(known, dtype) => Some(known.tensor(graph, *dtype)),
            Val::Variable { place, after: None } => variables.get(*place).map(|&(_, tensor)| tensor),
            Val::Repeated { .. } | Val::List(_) | Val::Effect | Val::LeftOut | Val::Missing => None,
        }
    }
}
