//! [`expanded`]: an op that another program lacks, as what a run would compute: a few functions that it has.
//!
//! Takes an op and the types of its inputs; gives the program of that op alone, which is fed the inputs. Where lengths are
//! not known, the op is lowered for two choices of them: what comes out the same for both, and is made of functions of elements,
//! reductions and permutations alone, is so for all lengths.

use crate::graph::Node;
use crate::ir::{Dims, Identity, Lowering, NodeId, Prim, Program, Val, View};
use crate::shape::TensorType;

/// What an op computes.
#[derive(Debug)]
pub(crate) struct Expanded {
    /// Its feeds are the op's inputs, by position, and its outputs those of the op.
    pub(crate) program: Program,
    /// Whether the lengths in the program are those of the op. Else none of them counts: operands broadcast as they come.
    pub(crate) is_of_lengths: bool,
}

/// Why an op is not made of functions that other programs have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unexpanded {
    /// It is a kernel of its own.
    #[error("an op that other ops do not make up")]
    Kernel,
    /// What it computes depends on lengths.
    #[error("lengths that are fed")]
    Lengths,
    /// It draws random numbers, or tells of runs.
    #[error("random numbers")]
    Random,
}

/// What stands for unknown lengths, from the last axis on: numbers that no op is told by chance.
const PROBES: [[usize; 8]; 2] = [[11, 13, 17, 19, 23, 29, 31, 37], [41, 43, 47, 53, 59, 61, 67, 71]];

/// What an op computes for inputs of these types.
///
/// # Errors
/// What it is that no program of functions says.
pub(crate) fn expanded(node: &Node, inputs: &[&TensorType]) -> Result<Expanded, Unexpanded> {
    let known: Option<Vec<Dims>> =
        inputs.iter().map(|input| input.shape.known().map(Dims::from)).collect::<Option<_>>();
    if let Some(dims) = known {
        let program = lowered(node, inputs, &dims)?;
        return Ok(Expanded { program, is_of_lengths: true });
    }
    let probed = |probes: &[usize; 8]| {
        let dims = inputs.iter().map(|input| {
            let dims = input.shape.dims();
            let of = |(axis, length): (usize, &Option<usize>)| {
                length.unwrap_or_else(|| probes[(dims.len() - 1 - axis) % probes.len()])
            };
            dims.iter().enumerate().map(of).collect()
        });
        lowered(node, inputs, &dims.collect::<Vec<Dims>>())
    };
    let [program, other] = [probed(&PROBES[0])?, probed(&PROBES[1])?];
    if is_for_all_lengths(&program, &other) {
        return Ok(Expanded { program, is_of_lengths: false });
    }
    Err(Unexpanded::Lengths)
}

/// The program of a node alone, for inputs of these lengths.
fn lowered(node: &Node, inputs: &[&TensorType], dims: &[Dims]) -> Result<Program, Unexpanded> {
    // Messages name the node otherwise.
    let origin = NodeId(0);
    let types: Vec<TensorType> =
        inputs.iter().zip(dims).map(|(input, dims)| TensorType::new(input.dtype, dims.as_slice())).collect();
    if node.op.infer(&types.iter().collect::<Vec<_>>()).is_err() {
        return Err(Unexpanded::Lengths);
    }
    let mut program = Program::default();
    let mut feeding = Lowering::new(&mut program, origin, Identity::default());
    let fed: Vec<Val> = types
        .iter()
        .zip(dims)
        .enumerate()
        .map(|(position, (of, dims))| feeding.feed(position, of.dtype, dims.clone()))
        .collect();
    let identity = Identity { seed: 0, name: &node.name, calls: &[] };
    let mut lowering = Lowering::new(&mut program, origin, identity).of_inputs(&fed);
    let outputs = node.op.lower(&fed, &mut lowering);
    let emitted = lowering.emitted();
    if emitted.is_identified {
        return Err(Unexpanded::Random);
    }
    if emitted.invalid.is_some() {
        return Err(Unexpanded::Lengths);
    }
    program.outputs = outputs.to_vec();
    let program = program.pruned();
    let is_plain = |prim: &Prim| {
        matches!(
            prim,
            Prim::Feed(_)
                | Prim::Scalar(_)
                | Prim::Constant(_)
                | Prim::Join
                | Prim::Iota { .. }
                | Prim::Map(_)
                | Prim::Reduce { .. }
                | Prim::View(_)
                | Prim::Dot
        )
    };
    match program.insts.iter().find(|inst| !is_plain(&inst.prim)) {
        Some(inst) if inst.prim == Prim::RunCount => Err(Unexpanded::Random),
        Some(_) => Err(Unexpanded::Kernel),
        None => Ok(program),
    }
}

/// Whether two programs, for other lengths, are the same one, in which no length is told.
fn is_for_all_lengths(program: &Program, other: &Program) -> bool {
    let is_free = |prim: &Prim| {
        matches!(
            prim,
            Prim::Feed(_)
                | Prim::Scalar(_)
                | Prim::Map(_)
                | Prim::Reduce { .. }
                | Prim::View(View::Permute(_))
        )
    };
    let pairs = program.insts.iter().zip(&other.insts);
    let are_equal = |(a, b): (&crate::ir::Inst, &crate::ir::Inst)| {
        is_free(&a.prim) && a.prim == b.prim && a.args == b.args && a.dtype == b.dtype
    };
    program.insts.len() == other.insts.len()
        && program.outputs == other.outputs
        && pairs.into_iter().all(are_equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::AnyTensor;
    use crate::prelude::*;

    fn of(y: AnyTensor<'_>) -> Result<Expanded, Unexpanded> {
        let arena = y.graph().shared().snapshot();
        let node = arena.node(y.node());
        let types: Vec<&TensorType> = node.inputs.iter().map(|&input| arena.tensor(input)).collect();
        expanded(node, &types)
    }

    #[test]
    fn functions_of_elements_are_for_all_lengths() {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [None, Some(3)]);
        assert!(of(x.gelu().any()).is_ok_and(|of| !of.is_of_lengths));
        assert!(of(g.constant([[1.0, 2.0]]).softplus().any()).is_ok_and(|of| of.is_of_lengths));
    }

    #[test]
    fn what_depends_on_lengths_and_kernels_are_refused() {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [None, Some(3)]);
        assert_eq!(of(x.reverse(0).any()).unwrap_err(), Unexpanded::Lengths);
        assert_eq!(of(g.constant([3.0, 1.0]).sort(0).any()).unwrap_err(), Unexpanded::Kernel);
        assert_eq!(of(g.random_normal([3], 0.0_f64, 1.0).any()).unwrap_err(), Unexpanded::Random);
    }
}
