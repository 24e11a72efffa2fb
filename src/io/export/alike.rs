//! [`zeros_of`]: what a branch gives that gives nothing: zeros, which are as long as what another branch would give.
//!
//! Takes the branches of a conditional and the types of its inputs; gives known lengths, or an input that is as long in every
//! run. What goes through an op is found by asking its shape rule: a length that it tells, whatever one input's length is, 1
//! among others, while all other lengths are left open, is that of the input.

use crate::shape::{Shape, TensorType};

use super::{Branch, Kind, Output, Part};

/// A length: a number, or one that is known by the number of its symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Known(usize),
    Symbol(usize),
}

/// The lengths of a tensor.
type Lengths = Vec<Length>;

/// What zeros are as long as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AsLong {
    Known(Vec<usize>),
    /// As this input of the conditional.
    Input(usize),
}

/// What a shape rule is asked about a symbol.
const ASKED: [usize; 3] = [1, 1009, 2017];

/// Of each output of a conditional, how long it is, for branches that do not give it; nothing where that is not found.
pub(crate) fn zeros_of(
    branches: &[Branch<'_>],
    inputs: &[TensorType],
    outputs: &[TensorType],
) -> Vec<Option<AsLong>> {
    let is_needed = |position: usize| {
        branches.iter().any(|branch| branch.outputs.get(position).is_some_and(Option::is_none))
    };
    let known: Vec<Option<AsLong>> = outputs.iter().map(|of| of.shape.known().map(AsLong::Known)).collect();
    if (0..outputs.len()).all(|position| known[position].is_some() || !is_needed(position)) {
        return known;
    }
    let mut symbols = Symbols(0);
    let given: Vec<Lengths> = inputs.iter().map(|of| symbols.fresh(of)).collect();
    let found = of_branches(branches, &given, outputs.len(), &mut symbols);
    let input = |lengths: Lengths| given.iter().position(|input| *input == lengths).map(AsLong::Input);
    known.into_iter().zip(found).map(|(known, found)| known.or_else(|| found.and_then(input))).collect()
}

/// The lengths of each output in which all branches agree that give it.
fn of_branches(
    branches: &[Branch<'_>],
    given: &[Lengths],
    outputs: usize,
    symbols: &mut Symbols,
) -> Vec<Option<Lengths>> {
    let mut found: Vec<Vec<Lengths>> = vec![Vec::new(); outputs];
    for branch in branches {
        let bound: Vec<Lengths> =
            branch.inputs.iter().map(|&input| given.get(input).cloned().unwrap_or_default()).collect();
        let of_part = of_part(&branch.part, &bound, symbols);
        for (found, output) in found.iter_mut().zip(&branch.outputs) {
            found.extend(output.and_then(|output| of_part.get(output).cloned()));
        }
    }
    let agreed = |found: Vec<Lengths>| {
        let first = found.first()?.clone();
        found.iter().all(|other| *other == first).then_some(first)
    };
    found.into_iter().map(agreed).collect()
}

/// The lengths of what a part gives.
fn of_part(part: &Part<'_>, given: &[Lengths], symbols: &mut Symbols) -> Vec<Lengths> {
    let mut all: Vec<Vec<Lengths>> = Vec::with_capacity(part.items.len());
    for (place, item) in part.items.iter().enumerate() {
        let input = |&(place, output): &Output| {
            let lengths = all.get(place).and_then(|lengths| lengths.get(output as usize));
            lengths.cloned().unwrap_or_default()
        };
        let inputs: Vec<Lengths> = item.inputs.iter().map(input).collect();
        let position = part.inputs.iter().position(|&given| given == place);
        let made = match (&item.kind, position.and_then(|position| given.get(position))) {
            (_, Some(lengths)) => vec![lengths.clone()],
            (Kind::Default | Kind::Behind, _) => inputs.into_iter().take(1).collect(),
            (Kind::Branches(branches), _) => {
                let found = of_branches(branches, &inputs, item.types.len(), symbols);
                found
                    .into_iter()
                    .zip(&item.types)
                    .map(|(it, of)| it.unwrap_or_else(|| symbols.fresh(of)))
                    .collect()
            }
            (Kind::Op, _) => {
                let types = item.inputs.iter().map(|&input| part.type_of(input));
                let types: Option<Vec<&TensorType>> = types.collect();
                symbols.through(item, &types.unwrap_or_default(), &inputs)
            }
            _ => item.types.iter().map(|of| symbols.fresh(of)).collect(),
        };
        all.push(made);
    }
    let output = |&(place, output): &Output| {
        let lengths = all.get(place).and_then(|lengths| lengths.get(output as usize));
        lengths.cloned().unwrap_or_default()
    };
    part.outputs.iter().map(output).collect()
}

/// How many symbols there are.
struct Symbols(usize);

impl Symbols {
    /// Lengths of which nothing is known but what the type says.
    fn fresh(&mut self, of: &TensorType) -> Lengths {
        let length = |length: &Option<usize>| {
            length.map_or_else(
                || {
                    self.0 += 1;
                    Length::Symbol(self.0)
                },
                Length::Known,
            )
        };
        of.shape.dims().iter().map(length).collect()
    }

    /// The lengths of what an op gives.
    fn through(&mut self, item: &super::Item<'_>, types: &[&TensorType], inputs: &[Lengths]) -> Vec<Lengths> {
        let mut made: Vec<Lengths> = item.types.iter().map(|of| self.fresh(of)).collect();
        if made.iter().flatten().all(|length| matches!(length, Length::Known(_))) {
            return made;
        }
        let mut asked: Vec<usize> = Vec::new();
        for length in inputs.iter().flatten() {
            if let &Length::Symbol(symbol) = length
                && !asked.contains(&symbol)
            {
                asked.push(symbol);
            }
        }
        for symbol in asked {
            let told = ASKED.map(|length| {
                let typed = types.iter().zip(inputs).map(|(of, lengths)| {
                    let dim = |own: &Length| match *own {
                        Length::Known(length) => Some(length),
                        Length::Symbol(other) => (other == symbol).then_some(length),
                    };
                    TensorType::new(of.dtype, Shape::from(lengths.iter().map(dim).collect::<Vec<_>>()))
                });
                let typed: Vec<TensorType> = typed.collect();
                item.node.op.infer(&typed.iter().collect::<Vec<_>>()).ok().map(|types| types.to_vec())
            });
            for (output, lengths) in made.iter_mut().enumerate() {
                for (axis, own) in lengths.iter_mut().enumerate() {
                    let is_that = told.iter().zip(ASKED).all(|(told, length)| {
                        let of = told.as_ref().and_then(|types| types.get(output));
                        of.and_then(|of| of.shape.dims().get(axis).copied()) == Some(Some(length))
                    });
                    if is_that && matches!(own, Length::Symbol(_)) {
                        *own = Length::Symbol(symbol);
                    }
                }
            }
        }
        made
    }
}
