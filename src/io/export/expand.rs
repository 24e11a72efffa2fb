//! [`expanded`]: an op that another program lacks, as what a run would compute: a few functions that it has.
//!
//! Takes an op and the types of its inputs; gives the program of that op alone, which is fed the inputs. Where lengths are
//! not known, the op is lowered for three choices of them. What comes out must be the same program but for its numbers, and
//! each of these a formula of the lengths ([`Extent`]).

use super::extent::{Extent, Symbol, TRIALS};
use crate::element::DType;
use crate::graph::Node;
use crate::ir::{Dims, Identity, Inst, Lowering, NodeId, Prim, Program, ScalarValue, Val, View};
use crate::shape::TensorType;

/// What an op computes.
#[derive(Debug)]
pub(crate) struct Expanded {
    /// Its feeds are the op's inputs, by position, and its outputs those of the op. Of unknown lengths it has those of the
    /// first trial.
    pub(crate) program: Program,
    /// The other trials; none if all lengths are known.
    others: Vec<Program>,
    pub(crate) symbols: Vec<Symbol>,
}

/// A number of a program, which may depend on lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Is(ScalarValue),
    /// That of a formula.
    Of(Extent),
    /// 1 over it.
    Over(Extent),
}

/// Why an op is not made of functions that other programs have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unexpanded {
    /// It is a kernel of its own.
    #[error("expected an op that others make up, got one of its own")]
    Kernel,
    /// What it computes depends on lengths in some other way.
    #[error("expected lengths that are known, got some that are fed")]
    Lengths,
    /// It draws random numbers, or tells of runs.
    #[error("expected no random numbers, got some")]
    Random,
}

/// How the numbers that stand for unknown lengths are chosen.
#[derive(Clone, Copy, Debug)]
enum Alike {
    /// Each has its own.
    None,
    /// Those of one axis are the same, counted from the last, and that of an input that knows it.
    FromLast,
    /// The same, counted from the first.
    FromFirst,
    /// All are the same, so that no formula tells them apart.
    All,
}

/// What lengths are taken from: large beside windows; primes, but for one trial of even numbers, in the
/// other order, so that what depends on which of two is longer comes out differently.
const LENGTHS: [[usize; 12]; TRIALS] = [
    [101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157],
    [334, 326, 314, 302, 298, 278, 274, 262, 254, 226, 218, 214],
    [401, 409, 419, 421, 431, 433, 439, 443, 449, 457, 461, 463],
];

/// What an op computes for inputs of these types.
///
/// # Errors
/// What it is that no program of functions says.
pub(crate) fn expanded(node: &Node, inputs: &[&TensorType]) -> Result<Expanded, Unexpanded> {
    if inputs.iter().all(|input| input.shape.is_known()) {
        let dims: Vec<Dims> =
            inputs.iter().map(|input| input.shape.known().unwrap_or_default().into()).collect();
        let program = lowered(node, inputs, &dims)?;
        return Ok(Expanded { program, others: Vec::new(), symbols: Vec::new() });
    }
    let mut last = Unexpanded::Lengths;
    for alike in [Alike::None, Alike::FromLast, Alike::FromFirst, Alike::All] {
        let Some((symbols, trials)) = chosen(inputs, alike) else { continue };
        let programs: Result<Vec<Program>, Unexpanded> =
            trials.iter().map(|dims| lowered(node, inputs, dims)).collect();
        match programs {
            Ok(mut programs) => {
                let program = programs.remove(0);
                let are_alike = programs.iter().all(|other| is_alike(&program, other))
                    && (!matches!(alike, Alike::All) || tells_no_length(&program));
                return if are_alike {
                    Ok(Expanded { program, others: programs, symbols })
                } else {
                    Err(Unexpanded::Lengths)
                };
            }
            Err(why) => last = why,
        }
    }
    Err(last)
}

/// Numbers for the lengths of inputs in each trial; none if there are too many.
fn chosen(inputs: &[&TensorType], alike: Alike) -> Option<(Vec<Symbol>, [Vec<Dims>; TRIALS])> {
    let mut symbols: Vec<(Symbol, usize)> = Vec::new();
    let mut trials: [Vec<Dims>; TRIALS] = Default::default();
    for (input, of) in inputs.iter().enumerate() {
        let lengths = of.shape.dims();
        let mut dims: [Dims; TRIALS] = Default::default();
        for (axis, &length) in lengths.iter().enumerate() {
            let place = |rank: usize, axis: usize| match alike {
                Alike::None => None,
                Alike::FromLast => Some(rank - axis),
                Alike::FromFirst => Some(axis),
                Alike::All => Some(0),
            };
            // Tensors that stand for lengths have nothing in common with each other.
            let is_length = of.dtype == DType::Bool && lengths.len() == 1 && input > 1;
            let own = place(lengths.len(), axis).filter(|_| !is_length);
            let elsewhere = inputs.iter().find_map(|other| {
                let lengths = other.shape.dims();
                let is_own = |&at: &usize| own.is_some() && place(lengths.len(), at) == own;
                (0..lengths.len()).filter(is_own).find_map(|at| lengths[at].filter(|&length| length != 1))
            });
            if let Some(known) = length.or(elsewhere) {
                for dims in &mut dims {
                    dims.push(known);
                }
                continue;
            }
            let known = symbols.iter().find(|(_, place)| own == Some(*place));
            let in_trials = if let Some((symbol, _)) = known {
                symbol.in_trials
            } else {
                let position = symbols.len();
                let mut in_trials = [0; TRIALS];
                for (number, lengths) in in_trials.iter_mut().zip(&LENGTHS) {
                    *number = *lengths.get(position)?;
                }
                symbols.push((Symbol { input, axis, in_trials }, own.unwrap_or(usize::MAX)));
                in_trials
            };
            dims.iter_mut().zip(in_trials).for_each(|(dims, number)| dims.push(number));
        }
        trials.iter_mut().zip(dims).for_each(|(trial, dims)| trial.push(dims));
    }
    Some((symbols.into_iter().map(|(symbol, _)| symbol).collect(), trials))
}

/// The program of a node alone, for inputs of these lengths.
fn lowered(node: &Node, inputs: &[&TensorType], dims: &[Dims]) -> Result<Program, Unexpanded> {
    // Whoever asks names the node.
    let origin = NodeId(0);
    let types: Vec<TensorType> =
        inputs.iter().zip(dims).map(|(input, dims)| TensorType::new(input.dtype, dims.as_slice())).collect();
    if node.op.infer(&types.iter().collect::<Vec<_>>()).is_err() {
        return Err(Unexpanded::Lengths);
    }
    let mut program = Program::default();
    let mut feeding = Lowering::new(&mut program, origin, Identity::default());
    let fed = types.iter().zip(dims).enumerate();
    let fed: Vec<Val> =
        fed.map(|(position, (of, dims))| feeding.feed(position, of.dtype, dims.clone())).collect();
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
    program.outputs = outputs.iter().copied().collect();
    let program = program.pruned();
    match program.insts.iter().find(|inst| !is_plain(&inst.prim)) {
        Some(inst) if inst.prim == Prim::RunCount => Err(Unexpanded::Random),
        Some(_) => Err(Unexpanded::Kernel),
        None => Ok(program),
    }
}

/// Whether other programs have it, too.
fn is_plain(prim: &Prim) -> bool {
    match prim {
        Prim::Feed(_)
        | Prim::Scalar(_)
        | Prim::Constant(_)
        | Prim::Join
        | Prim::Iota { .. }
        | Prim::Map(_)
        | Prim::Reduce { .. }
        | Prim::View(_)
        | Prim::Dot => true,
        Prim::Nothing
        | Prim::Read(_)
        | Prim::RunCount
        | Prim::Kernel(_)
        | Prim::Call(_)
        | Prim::Branch(_)
        | Prim::Loop(_)
        | Prim::Output(_) => false,
    }
}

/// Whether a program is the same for all lengths: none of its instructions is told one.
fn tells_no_length(program: &Program) -> bool {
    let is_free = |inst: &Inst| {
        matches!(
            inst.prim,
            Prim::Feed(_)
                | Prim::Scalar(_)
                | Prim::Map(_)
                | Prim::Reduce { .. }
                | Prim::View(View::Permute(_))
                | Prim::Dot
        )
    };
    program.insts.iter().all(is_free)
}

/// Whether two programs are the same but for their numbers.
fn is_alike(program: &Program, other: &Program) -> bool {
    let is_same = |(a, b): (&Inst, &Inst)| {
        let prims = match (&a.prim, &b.prim) {
            (Prim::Scalar(a), Prim::Scalar(b)) => a.dtype() == b.dtype(),
            (&Prim::Constant(a), &Prim::Constant(b)) => {
                program.constants[a as usize] == other.constants[b as usize]
            }
            (Prim::View(View::Slice(a)), Prim::View(View::Slice(b))) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.step == b.step)
            }
            (a, b) => a == b,
        };
        prims && a.args == b.args && a.dtype == b.dtype && a.dims.len() == b.dims.len()
    };
    program.insts.len() == other.insts.len()
        && program.outputs == other.outputs
        && program.insts.iter().zip(&other.insts).all(is_same)
}

impl Expanded {
    /// A formula for a number of an instruction.
    pub(crate) fn number(&self, val: Val, of: impl Fn(&Inst) -> i64) -> Result<Extent, Unexpanded> {
        let mut found = [of(self.program.inst(val)); TRIALS];
        for (found, other) in found[1..].iter_mut().zip(&self.others) {
            *found = of(other.inst(val));
        }
        Extent::of(found, &self.symbols).ok_or(Unexpanded::Lengths)
    }

    /// The lengths of a value.
    pub(crate) fn lengths(&self, val: Val) -> Result<Vec<Extent>, Unexpanded> {
        let axes = 0..self.program.inst(val).dims.len();
        axes.map(|axis| self.number(val, |inst| inst.dims[axis] as i64)).collect()
    }

    /// The number that an instruction is.
    pub(crate) fn scalar(&self, val: Val) -> Result<Number, Unexpanded> {
        let numbers =
            std::iter::once(&self.program).chain(&self.others).map(|program| match program.inst(val).prim {
                Prim::Scalar(number) => Some(number),
                _ => None,
            });
        let numbers = numbers.collect::<Option<Vec<ScalarValue>>>().ok_or(Unexpanded::Lengths)?;
        if numbers.iter().all(|number| *number == numbers[0]) {
            return Ok(Number::Is(numbers[0]));
        }
        let numbers: Vec<f64> = numbers.iter().map(|number| number.to_f64()).collect();
        let whole = |turn: fn(f64) -> f64| {
            let turned = numbers.iter().map(|&number| {
                let turned = turn(number);
                // In single precision a reciprocal is whole within rounding.
                ((turned - turned.round()).abs() <= turned.abs() * 1e-6).then(|| turned.round() as i64)
            });
            let found: [i64; TRIALS] = turned.collect::<Option<Vec<i64>>>()?.try_into().ok()?;
            Extent::of(found, &self.symbols)
        };
        let plain = whole(|number| number).map(Number::Of);
        plain.or_else(|| whole(f64::recip).map(Number::Over)).ok_or(Unexpanded::Lengths)
    }
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
    fn lengths_are_formulas_of_those_that_are_fed() {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [None, Some(3)]);
        assert!(of(x.tanh().any()).is_ok_and(|of| of.others.len() == 2));
        let reversed = of(x.reverse(0).any()).unwrap();
        let slice = reversed.program.outputs[0];
        let first = |inst: &Inst| match &inst.prim {
            Prim::View(View::Slice(axes)) => axes[0].first as i64,
            _ => 0,
        };
        let last = Extent { terms: vec![(1, vec![0])], plus: -1, over: 1 };
        assert_eq!(reversed.number(slice, first), Ok(last));
        assert_eq!(reversed.symbols.len(), 1);
        let sum = of((x + x).any()).unwrap();
        assert_eq!((sum.symbols.len(), sum.program.insts.len()), (1, 3));
        assert!(of(g.constant([[1.0, 2.0]]).softplus().any()).is_ok_and(|of| of.others.is_empty()));
    }

    #[test]
    fn kernels_and_random_numbers_are_refused() {
        let g = Graph::new();
        assert_eq!(of(g.constant([3.0, 1.0]).sort(0).any()).unwrap_err(), Unexpanded::Kernel);
        assert_eq!(of(g.random_normal([3], 0.0_f64, 1.0).any()).unwrap_err(), Unexpanded::Random);
    }
}
