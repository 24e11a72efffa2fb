//! [`expanded`]: an op that another program lacks, as what a run would compute: a few functions that it has.
//!
//! Takes an op and the types of its inputs; gives the program of that op alone, which is fed the inputs. Where lengths are
//! not known, the op is lowered for three choices of them. What comes out must be the same program but for its numbers, and
//! each of these a formula of the lengths ([`Extent`]). It must hold for short lengths, too: what is cut off at the ends of
//! an axis is one number for all long axes and another one for an axis that is shorter.

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
    /// Short lengths of the symbols, with the program for these.
    short: Vec<(Vec<usize>, Program)>,
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

/// Short lengths, in two trials. Where all are 1 a program may lack steps that do nothing then.
const SHORT: [[usize; 12]; 2] = [[2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37], [1; 12]];

/// What an op computes for inputs of these types.
///
/// # Errors
/// What it is that no program of functions says.
pub(crate) fn expanded(node: &Node, inputs: &[&TensorType]) -> Result<Expanded, Unexpanded> {
    if inputs.iter().all(|input| input.shape.is_known()) {
        let dims: Vec<Dims> =
            inputs.iter().map(|input| input.shape.known().unwrap_or_default().into()).collect();
        let program = lowered(node, inputs, &dims)?;
        return Ok(Expanded { program, others: Vec::new(), symbols: Vec::new(), short: Vec::new() });
    }
    let mut last = Unexpanded::Lengths;
    for alike in [Alike::None, Alike::FromLast, Alike::FromFirst, Alike::All] {
        let Some(mut guess) = chosen(inputs, alike, &[]) else { continue };
        if !matches!(alike, Alike::None | Alike::All) {
            let free = free(node, inputs, &guess.places);
            let Some(chosen) = chosen(inputs, alike, &free) else { continue };
            guess = chosen;
        }
        let Chosen { symbols, trials, places } = guess;
        let programs: Result<Vec<Program>, Unexpanded> =
            trials.iter().map(|dims| lowered(node, inputs, dims)).collect();
        match programs {
            Ok(mut programs) => {
                let program = programs.remove(0);
                let are_alike = programs.iter().all(|other| is_alike(&program, other))
                    && (!matches!(alike, Alike::All) || tells_no_length(&program));
                if !are_alike {
                    return Err(Unexpanded::Lengths);
                }
                let mut of = Expanded { program, others: programs, symbols, short: Vec::new() };
                for lengths in &SHORT {
                    of.try_short(node, inputs, &places, lengths)?;
                }
                return Ok(of);
            }
            Err(why) => last = why,
        }
    }
    Err(last)
}

/// A length of an input in all trials: known, or that of a symbol.
#[derive(Clone, Copy, Debug)]
enum Place {
    Known(usize),
    Symbol(usize),
}

/// Numbers for the lengths of inputs.
struct Chosen {
    symbols: Vec<Symbol>,
    /// In each trial, of each input.
    trials: Vec<Vec<Dims>>,
    /// What each length of each input is.
    places: Vec<Vec<Place>>,
}

/// The lengths of all inputs for these lengths of the symbols.
fn filled(places: &[Vec<Place>], symbols: impl Fn(usize) -> usize) -> Vec<Dims> {
    let length = |place: &Place| match *place {
        Place::Known(length) => length,
        Place::Symbol(symbol) => symbols(symbol),
    };
    places.iter().map(|places| places.iter().map(length).collect()).collect()
}

/// Of lengths that are taken for those of other axes, the axes of inputs whose length may be another one.
fn free(node: &Node, inputs: &[&TensorType], places: &[Vec<Place>]) -> Vec<(usize, usize)> {
    /// A length that no trial has.
    const OTHER: usize = 499;
    let is_taken = |dims: &[Dims]| {
        let typed = inputs.iter().zip(dims).map(|(of, dims)| TensorType::new(of.dtype, dims.as_slice()));
        node.op.infer(&typed.collect::<Vec<_>>().iter().collect::<Vec<_>>()).is_ok()
    };
    let guessed = filled(places, |symbol| LENGTHS[0].get(symbol).copied().unwrap_or(1));
    if !is_taken(&guessed) {
        return Vec::new();
    }
    let open = inputs.iter().enumerate().flat_map(|(input, of)| {
        let axes = of.shape.dims().iter().enumerate();
        axes.filter(|(_, length)| length.is_none()).map(move |(axis, _)| (input, axis))
    });
    let may_be_another = |&(input, axis): &(usize, usize)| {
        let mut dims = guessed.clone();
        dims[input][axis] = OTHER;
        is_taken(&dims)
    };
    open.filter(may_be_another).collect()
}

/// Numbers for the lengths of inputs in each trial; none if there are too many. Those of some axes are their own in any case.
fn chosen(inputs: &[&TensorType], alike: Alike, free: &[(usize, usize)]) -> Option<Chosen> {
    let mut symbols: Vec<(Symbol, usize)> = Vec::new();
    let mut all = Vec::with_capacity(inputs.len());
    for (input, of) in inputs.iter().enumerate() {
        let lengths = of.shape.dims();
        let mut places = Vec::with_capacity(lengths.len());
        for (axis, &length) in lengths.iter().enumerate() {
            let place = |rank: usize, axis: usize| match alike {
                Alike::None => None,
                Alike::FromLast => Some(rank - axis),
                Alike::FromFirst => Some(axis),
                Alike::All => Some(0),
            };
            // Tensors that stand for lengths have nothing in common with each other.
            let is_length = of.dtype == DType::Bool && lengths.len() == 1 && input > 1;
            let own = place(lengths.len(), axis).filter(|_| !is_length && !free.contains(&(input, axis)));
            let elsewhere = inputs.iter().find_map(|other| {
                let lengths = other.shape.dims();
                let is_own = |&at: &usize| own.is_some() && place(lengths.len(), at) == own;
                (0..lengths.len()).filter(is_own).find_map(|at| lengths[at].filter(|&length| length != 1))
            });
            if let Some(known) = length.or(elsewhere) {
                places.push(Place::Known(known));
                continue;
            }
            let position = symbols.iter().position(|(_, place)| own == Some(*place)).unwrap_or(symbols.len());
            if let Some((symbol, _)) = symbols.get_mut(position) {
                symbol.of.push((input, axis));
            } else {
                let mut in_trials = [0; TRIALS];
                for (number, lengths) in in_trials.iter_mut().zip(&LENGTHS) {
                    *number = *lengths.get(position)?;
                }
                symbols.push((Symbol { of: vec![(input, axis)], in_trials }, own.unwrap_or(usize::MAX)));
            }
            places.push(Place::Symbol(position));
        }
        all.push(places);
    }
    let symbols: Vec<Symbol> = symbols.into_iter().map(|(symbol, _)| symbol).collect();
    let trial = |trial: usize| {
        filled(&all, |symbol| symbols.get(symbol).map_or(0, |symbol: &Symbol| symbol.in_trials[trial]))
    };
    Some(Chosen { trials: (0..TRIALS).map(trial).collect(), symbols, places: all })
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
    /// Lowers the op for short lengths. Lengths that it does not take tell nothing.
    fn try_short(
        &mut self,
        node: &Node,
        inputs: &[&TensorType],
        places: &[Vec<Place>],
        lengths: &[usize],
    ) -> Result<(), Unexpanded> {
        let dims = filled(places, |symbol| lengths.get(symbol).copied().unwrap_or(1));
        let types = inputs.iter().zip(&dims);
        let types: Vec<TensorType> =
            types.map(|(input, dims)| TensorType::new(input.dtype, dims.as_slice())).collect();
        if node.op.infer(&types.iter().collect::<Vec<_>>()).is_err() {
            return Ok(());
        }
        let short = match lowered(node, inputs, &dims) {
            Ok(short) if is_alike(&self.program, &short) => {
                self.short.push((lengths.to_vec(), short));
                return Ok(());
            }
            other => other,
        };
        // Of single elements there is less to do, and what there is to do for more of them is as well; but there must be as
        // many results.
        let is_single = lengths.iter().all(|&length| length == 1);
        let gives = |program: &Program, val: Val| program.inst(val).dims.clone();
        let are_as_many = short.as_ref().is_ok_and(|short| {
            self.program.outputs.iter().zip(&short.outputs).all(|(&long, &single)| {
                let extents = self.lengths(long).unwrap_or_default();
                let expected: Vec<i64> = extents.iter().map(|extent| extent.at(lengths)).collect();
                gives(short, single).iter().map(|&length| length as i64).eq(expected)
            })
        });
        if is_single && are_as_many { Ok(()) } else { Err(Unexpanded::Lengths) }
    }

    /// A formula for a number of an instruction.
    pub(crate) fn number(&self, val: Val, of: impl Fn(&Inst) -> i64) -> Result<Extent, Unexpanded> {
        self.found(val, of, |number| number)
    }

    /// A formula for a place on an axis; what it gives below 0 stands for 0.
    pub(crate) fn bound(&self, val: Val, of: impl Fn(&Inst) -> i64) -> Result<Extent, Unexpanded> {
        self.found(val, of, |number| number.max(0))
    }

    /// A formula, and what is to be made of it where it depends on lengths.
    fn found(
        &self,
        val: Val,
        of: impl Fn(&Inst) -> i64,
        within: fn(i64) -> i64,
    ) -> Result<Extent, Unexpanded> {
        let mut found = [of(self.program.inst(val)); TRIALS];
        for (found, other) in found[1..].iter_mut().zip(&self.others) {
            *found = of(other.inst(val));
        }
        let extent = Extent::of(found, &self.symbols).ok_or(Unexpanded::Lengths)?;
        let holds = |(lengths, short): &(Vec<usize>, Program)| {
            let given = extent.as_known().unwrap_or_else(|| within(extent.at(lengths)));
            given == of(short.inst(val))
        };
        if self.short.iter().all(holds) { Ok(extent) } else { Err(Unexpanded::Lengths) }
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
        let short = self.short.iter().map(|(lengths, short)| match short.inst(val).prim {
            Prim::Scalar(number) => Some((lengths, number)),
            _ => None,
        });
        let short = short.collect::<Option<Vec<_>>>().ok_or(Unexpanded::Lengths)?;
        let is_first = |number: &ScalarValue| *number == numbers[0];
        if numbers.iter().all(is_first) {
            let is_one = short.iter().all(|(_, number)| is_first(number));
            return if is_one { Ok(Number::Is(numbers[0])) } else { Err(Unexpanded::Lengths) };
        }
        let numbers: Vec<f64> = numbers.iter().map(|number| number.to_f64()).collect();
        let whole = |turn: fn(f64) -> f64| {
            let turned = numbers.iter().map(|&number| {
                let turned = turn(number);
                // In single precision a reciprocal is whole within rounding.
                ((turned - turned.round()).abs() <= turned.abs() * 1e-6).then(|| turned.round() as i64)
            });
            let found: [i64; TRIALS] = turned.collect::<Option<Vec<i64>>>()?.try_into().ok()?;
            let extent = Extent::of(found, &self.symbols)?;
            let holds = |(lengths, number): &(&Vec<usize>, ScalarValue)| {
                let given = extent.at(lengths) as f64;
                (turn(number.to_f64()) - given).abs() <= given.abs() * 1e-6
            };
            short.iter().all(holds).then_some(extent)
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

    /// Along the second axis the cotangent is as long as the third one of what it is put into.
    #[test]
    fn a_length_is_not_that_of_another_axis_by_chance() {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [None, None, Some(4)]);
        let [dx] = x.slice((.., -1)).gradients([x]);
        let arena = g.shared().snapshot();
        let put = arena.nodes.iter().find(|node| node.op.name() == "slice_transposed").unwrap();
        let types: Vec<&TensorType> = put.inputs.iter().map(|&input| arena.tensor(input)).collect();
        let of = expanded(put, &types).unwrap();
        assert_eq!(dx.shape().to_string(), "[?, ?, 4]");
        assert_eq!(of.symbols.len(), 2);
    }

    #[test]
    fn kernels_and_random_numbers_are_refused() {
        let g = Graph::new();
        assert_eq!(of(g.constant([3.0, 1.0]).sort(0).any()).unwrap_err(), Unexpanded::Kernel);
        assert_eq!(of(g.random_normal([3], 0.0_f64, 1.0).any()).unwrap_err(), Unexpanded::Random);
    }
}
