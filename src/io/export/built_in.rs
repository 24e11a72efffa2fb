//! [`BuiltIn`]: whether an op is the one that the table of definitions has under its name. A custom op may have any name, so
//! a name alone does not say what a node computes.
//!
//! Takes a node and the types of its inputs; builds the definition of that name anew, in a graph that is thrown away, and
//! compares the types of the two ops.

use std::any::{Any, TypeId};

use foldhash::HashMap;

use crate::element::with_element;
use crate::graph::op::MultiOp;
use crate::graph::{AnyTensor, Graph, Node};
use crate::ops::definition;
use crate::shape::TensorType;

/// What has been found, by name and type.
#[derive(Debug, Default)]
pub(crate) struct BuiltIn(HashMap<(&'static str, TypeId), bool>);

impl BuiltIn {
    /// Whether a node's op, of inputs of these types, is that of its name.
    pub(crate) fn is(&mut self, node: &Node, inputs: &[&TensorType]) -> bool {
        let of = type_of(&*node.op);
        *self.0.entry((node.op.name(), of)).or_insert_with(|| built_again(node, inputs) == Some(of))
    }
}

/// The type of what the definition of the op's name builds.
fn built_again(node: &Node, inputs: &[&TensorType]) -> Option<TypeId> {
    let definition = definition(node.op.name())?;
    let graph = Graph::new();
    let place = |(position, of): (usize, &&TensorType)| {
        let name = format!("input_{position}");
        with_element!(of.dtype, T => graph.placeholder::<T>(&name, of.shape.clone()).any())
    };
    let operands: Vec<AnyTensor<'_>> = inputs.iter().enumerate().map(place).collect();
    let built = definition.build(&graph, &operands, &node.op.attributes());
    built.first().map(|&first| built_type(first))
}

/// The type of an op.
pub(crate) fn type_of(op: &dyn MultiOp) -> TypeId {
    let op: &dyn Any = op;
    op.type_id()
}

/// The type of the op of a tensor's node.
pub(crate) fn built_type(any: AnyTensor<'_>) -> TypeId {
    type_of(&*any.graph().shared().read().node(any.node()).op)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Fault;
    use crate::gradient::Pullback;
    use crate::graph::op::Op;
    use crate::ir::{Lowering, Val};
    use crate::prelude::*;

    /// Its input, by the name of another op.
    #[derive(Debug)]
    struct Other;

    impl Op for Other {
        fn name(&self) -> &'static str {
            "tanh"
        }

        fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
            Ok(inputs[0].clone())
        }

        fn lower(&self, inputs: &[Val], _: &mut Lowering<'_>) -> Val {
            inputs[0]
        }

        fn pullback(&self, _: &mut Pullback<'_>) {}
    }

    #[test]
    fn ops_are_told_by_their_types() {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [None]);
        // What is drawn is as long as another tensor, of the type of what is drawn.
        let drawn = g.random_uniform::<f32>(x.lengths(), 0.0, 1.0);
        let cases = [
            (x.tanh().any(), true),
            (g.custom::<f64>(Other, &[x.any()]).any(), false),
            (drawn.any(), true),
            (g.truncated_normal::<f64>(x.lengths(), 0.0, 1.0).any(), true),
        ];
        let mut built_in = BuiltIn::default();
        // What is known is asked for again.
        for (tensor, expected) in cases.into_iter().chain(cases) {
            let arena = g.shared().snapshot();
            let node = arena.node(tensor.node());
            let types: Vec<&TensorType> = node.inputs.iter().map(|&input| arena.tensor(input)).collect();
            assert_eq!(built_in.is(node, &types), expected, "{}", node.op.name());
        }
    }
}
