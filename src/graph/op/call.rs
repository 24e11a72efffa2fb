//! `call`, which stands for a function's results, and `parameter`, which stands for what a function is given.

use std::fmt;

use super::{Attributes, MultiOp, Op, Outputs};
use crate::error::Fault;
use crate::gradient::{Pullback, pull_back_call};
use crate::graph::{CallId, Path};
use crate::ir::{Lowering, Val};
use crate::shape::TensorType;

/// What a call of its body gives for it. Lowering binds it to a value.
#[derive(Debug)]
pub(crate) struct Parameter(TensorType);

impl Parameter {
    pub(crate) fn new(of: TensorType) -> Self {
        Parameter(of)
    }
}

impl Op for Parameter {
    fn name(&self) -> &'static str {
        "parameter"
    }

    fn infer(&self, _: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(self.0.clone())
    }

    fn lower(&self, _: &[Val], to: &mut Lowering<'_>) -> Val {
        // A parameter is bound by a call before the body is lowered.
        to.nothing()
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}
}

/// How the gradient of a call is made, where it is not the one of the body: gives each input its share.
pub(crate) type Rule = Box<dyn Fn(&mut Pullback<'_>) + Send + Sync>;

/// Tensors of a function's body, for the arguments and the captured tensors that are its inputs.
///
/// What is called is known to the graph, by the node's role: the body is lowered node by node.
pub(crate) struct Call {
    id: CallId,
    outputs: Outputs<TensorType>,
    /// Of each input, what lies between it and the outputs.
    paths: Vec<Path>,
    /// The function's name.
    function: String,
    custom: Option<Custom>,
}

/// The gradient that a user wrote.
struct Custom {
    rule: Rule,
    /// How many inputs it is for: the arguments, which come first.
    arguments: usize,
}

impl Call {
    pub(crate) fn new(id: CallId, outputs: Vec<TensorType>, paths: Vec<Path>, function: String) -> Self {
        Call { id, outputs: outputs.into_iter().collect(), paths, function, custom: None }
    }

    /// With another gradient than the body's, for so many arguments; captured tensors get none.
    pub(crate) fn with_gradient(self, arguments: usize, rule: Rule) -> Self {
        Call { custom: Some(Custom { rule, arguments }), ..self }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("call", &self.id)
            .field("function", &self.function)
            .finish_non_exhaustive()
    }
}

impl MultiOp for Call {
    fn name(&self) -> &'static str {
        if self.custom.is_some() { "custom_gradient" } else { "call" }
    }

    fn infer(&self, _: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        Ok(self.outputs.clone())
    }

    fn lower(&self, _: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        // The body is lowered in its place.
        self.outputs.iter().map(|_| to.nothing()).collect()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        match &self.custom {
            Some(Custom { rule, .. }) => rule(at),
            None => pull_back_call(self.id, at),
        }
    }

    fn differentiable(&self, input: usize) -> bool {
        match &self.custom {
            Some(custom) => input < custom.arguments,
            None => self.paths.get(input).is_some_and(|path| path.passes),
        }
    }

    fn zero_where_untaken(&self, input: usize) -> bool {
        self.custom.is_none() && self.paths.get(input).is_some_and(|path| path.zero_where_untaken)
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("function", self.function.clone())
    }
}
