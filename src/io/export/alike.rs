//! [`zeros_of`]: what a branch gives that gives nothing: zeros, which are as long as what another branch would give.
//!
//! Takes the branches of a conditional and the types of its inputs; gives known lengths, an input that is as long in every
//! run, or for each axis the longest of lengths of inputs. What goes through an op is found by asking its shape rule: a length
//! that it tells, whatever one input's length is, 1 among others, while all other lengths are left open, is that of the input.
//! One that it tells of several inputs but where they are 1 is the longest of them, as these are repeated to each other's.

use crate::shape::{Shape, TensorType};

use super::{Branch, Kind, Output, Part};

/// A length: a number, or the longest of some that are known by the numbers of their symbols, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Length {
    Known(usize),
    Of(Vec<usize>),
}

/// The lengths of a tensor.
type Lengths = Vec<Length>;

/// What zeros are as long as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AsLong {
    Known(Vec<usize>),
    /// As this input of the conditional.
    Input(usize),
    Each(Vec<Longest>),
}

/// The length of one axis of zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Longest {
    Known(usize),
    /// The longest of these axes of inputs, unless one is of length 0.
    Of(Vec<(usize, usize)>),
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
    // Where each symbol is told.
    let place = |symbol: &usize| {
        let axis = |(input, lengths): (usize, &Lengths)| {
            let axis =
                lengths.iter().position(|length| matches!(length, Length::Of(of) if of[..] == [*symbol]));
            Some((input, axis?))
        };
        given.iter().enumerate().find_map(axis)
    };
    let longest = |length: &Length| match length {
        Length::Known(length) => Some(Longest::Known(*length)),
        Length::Of(of) => of.iter().map(place).collect::<Option<_>>().map(Longest::Of),
    };
    let as_long = |lengths: Lengths| match given.iter().position(|input| *input == lengths) {
        Some(input) => Some(AsLong::Input(input)),
        None => lengths.iter().map(longest).collect::<Option<_>>().map(AsLong::Each),
    };
    known.into_iter().zip(found).map(|(known, found)| known.or_else(|| found.and_then(as_long))).collect()
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
                    Length::Of(vec![self.0])
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
        let mut asked: Vec<&Vec<usize>> = Vec::new();
        for length in inputs.iter().flatten() {
            if let Length::Of(of) = length
                && !asked.contains(&of)
            {
                asked.push(of);
            }
        }
        // What the shape rule tells where some of these lengths are numbers, and the others open.
        let told = |length: &dyn Fn(&Vec<usize>) -> Option<usize>| {
            let typed = types.iter().zip(inputs).map(|(of, lengths)| {
                let dim = |own: &Length| match own {
                    Length::Known(length) => Some(*length),
                    Length::Of(other) => length(other),
                };
                TensorType::new(of.dtype, Shape::from(lengths.iter().map(dim).collect::<Vec<_>>()))
            });
            let typed: Vec<TensorType> = typed.collect();
            item.node.op.infer(&typed.iter().collect::<Vec<_>>()).ok().map(|types| types.to_vec())
        };
        let axis_of = |told: &Option<Vec<TensorType>>, output: usize, axis: usize| {
            told.as_ref()?.get(output)?.shape.dims().get(axis).copied().flatten()
        };
        let alone: Vec<[Option<Vec<TensorType>>; 3]> = asked
            .iter()
            .map(|&of| ASKED.map(|length| told(&|other| (other == of).then_some(length))))
            .collect();
        for (output, lengths) in made.iter_mut().enumerate() {
            for (axis, own) in lengths.iter_mut().enumerate() {
                if matches!(own, Length::Known(_)) {
                    continue;
                }
                // Of each, for which of its lengths the axis is as long.
                let fits = alone.iter().map(|told| {
                    let mut each = told.iter().zip(ASKED);
                    [(); 3].map(|()| {
                        each.next().is_some_and(|(told, length)| axis_of(told, output, axis) == Some(length))
                    })
                });
                let fits: Vec<[bool; 3]> = fits.collect();
                if let Some(place) = fits.iter().position(|fits| *fits == [true; 3]) {
                    *own = Length::Of(asked[place].clone());
                    continue;
                }
                let some = asked.iter().zip(&fits).filter(|(_, fits)| **fits == [false, true, true]);
                let some: Vec<&Vec<usize>> = some.map(|(of, _)| *of).collect();
                // As long as the longest: where all are 1, and where one of them is not.
                let is_longest = |long: Option<&Vec<usize>>| {
                    let expected = long.map_or(ASKED[0], |_| ASKED[1]);
                    let length = |other: &Vec<usize>| {
                        some.contains(&other).then_some(if long == Some(other) { ASKED[1] } else { ASKED[0] })
                    };
                    axis_of(&told(&length), output, axis) == Some(expected)
                };
                if !some.is_empty() && is_longest(None) && some.iter().all(|of| is_longest(Some(of))) {
                    let mut all: Vec<usize> = some.into_iter().flatten().copied().collect();
                    all.sort_unstable();
                    all.dedup();
                    *own = Length::Of(all);
                }
            }
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    /// What zeros are as long as, of all outputs that some branch of a conditional does not give.
    fn found(y: Tensor<'_, f64>) -> Vec<Option<AsLong>> {
        let arena = y.graph().shared().snapshot();
        let part = Part::of(&arena, &[], &[y.any().id()]).unwrap();
        let mut found = Vec::new();
        for item in &part.items {
            let Kind::Branches(branches) = &item.kind else { continue };
            let inputs: Vec<TensorType> =
                item.inputs.iter().map(|&input| part.type_of(input).unwrap().clone()).collect();
            for (position, zeros) in zeros_of(branches, &inputs, &item.types).into_iter().enumerate() {
                if branches.iter().any(|branch| branch.outputs[position].is_none()) {
                    found.push(zeros);
                }
            }
        }
        found
    }

    #[test]
    fn zeros_are_as_long_as_an_input() {
        let g = Graph::new();
        let (x, w) = (g.placeholder::<f64>("x", [None]), g.placeholder::<f64>("w", [None]));
        let chooser = g.placeholder::<bool>("chooser", []);
        let y = g.cond(chooser, || (x * 2.0).reduce_sum(..), || w.square().reduce_sum(..));
        let [dx] = y.gradients([x]);
        let found = found(dx);
        assert!(found.iter().all(Option::is_some), "{found:?}");
        assert!(found.iter().any(|zeros| matches!(zeros, Some(AsLong::Input(_)))), "{found:?}");
    }

    #[test]
    fn zeros_are_as_long_as_the_longest_of_inputs() {
        let g = Graph::new();
        let (a, b) = (g.placeholder::<f64>("a", [None]), g.placeholder::<f64>("b", [None]));
        let chooser = g.placeholder::<bool>("chooser", []);
        // The gradient asks the first branch for the sines, which the second one has not.
        let y =
            g.cond(chooser, || (a * b).sin().square().reduce_sum(..), || a.reduce_sum(..) + b.reduce_sum(..));
        let [da] = y.gradients([a]);
        let found = found(da);
        let is_longest = |zeros: &Option<AsLong>| match zeros {
            Some(AsLong::Each(lengths)) => matches!(&lengths[..], [Longest::Of(axes)] if axes.len() == 2),
            _ => false,
        };
        assert!(!found.is_empty() && found.iter().any(is_longest), "{found:?}");
        assert!(found.iter().all(Option::is_some), "{found:?}");
    }
}
