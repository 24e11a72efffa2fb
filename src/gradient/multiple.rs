//! A value taken apart into a multiple of another one and a rest, by looking through the sums, products and powers that
//! it is made of, and through what moves elements to and fro.
//!
//! That a quotient has a limit where both its parts are 0 does not show in their values, and the limit of a slope over
//! the norm is one more derivative. So what is looked for is a division that can be done in the graph.

use std::any::Any;
use std::sync::Arc;

use super::Pullback;
use crate::graph::op::{BroadcastLike, Form, MultiOp, SumLike};
use crate::graph::{AnyTensor, Role};

/// How many nodes are looked through, one below the other: a power of a value and what the sweep does with its gradient
/// take a few. It bounds the work at a node.
const LEVELS: u32 = 10;

/// A multiple of a value, over that value, and a rest.
pub(crate) type Parts<'g> = (Option<AnyTensor<'g>>, Option<AnyTensor<'g>>);

impl<'g> Pullback<'g> {
    /// The cotangent as the node's own value times the first, plus the second, as far as it is known to be that.
    pub(crate) fn cotangent_by_output(&self) -> Parts<'g> {
        let split = Split { of: self.output(), times: self.times() };
        match split.parts(self.cotangent(), &[], LEVELS) {
            Some((multiple, rest)) => {
                // Either may be a number, or one for several.
                let whole = |part: AnyTensor<'g>| part.binary(BroadcastLike, self.output());
                (Some(whole(multiple)), rest.map(whole))
            }
            None => (None, Some(self.cotangent())),
        }
    }
}

/// A multiple that has been found, and the rest, if there is any.
type Found<'g> = (AnyTensor<'g>, Option<AnyTensor<'g>>);

struct Split<'g> {
    of: AnyTensor<'g>,
    times: fn(AnyTensor<'g>, AnyTensor<'g>) -> AnyTensor<'g>,
}

impl<'g> Split<'g> {
    /// Whether the moves, the last of them first, make a value the one that is looked for.
    fn is_same(&self, value: AnyTensor<'g>, moves: &[Move<'g>]) -> bool {
        let Some((last, others)) = moves.split_last() else {
            return are_same(value, self.of);
        };
        let (op, inputs) = parents(value);
        inputs.first().is_some_and(|&input| last.undoes(&op.form(), input) && self.is_same(input, others))
    }

    /// The multiple and the rest, if there is a multiple: of that which the moves, the last of them first, make the value
    /// that is looked for.
    fn parts(&self, value: AnyTensor<'g>, moves: &[Move<'g>], levels: u32) -> Option<Found<'g>> {
        if self.is_same(value, moves) {
            return Some((value.scalar_like(1.0), None));
        }
        let levels = levels.checked_sub(1)?;
        let (op, inputs) = parents(value);
        let parts = |value| self.parts(value, moves, levels);
        match (op.form(), inputs.as_slice()) {
            (Form::Product, &[a, b]) => {
                if let Some((multiple, rest)) = parts(a) {
                    return Some(((self.times)(multiple, b), rest.map(|rest| (self.times)(rest, b))));
                }
                let (multiple, rest) = parts(b)?;
                Some(((self.times)(a, multiple), rest.map(|rest| (self.times)(a, rest))))
            }
            (Form::Quotient, &[a, b]) => {
                let (multiple, rest) = parts(a)?;
                Some((multiple / b, rest.map(|rest| rest / b)))
            }
            // A lower power than the first would not be finite at 0.
            (Form::Power, &[a, exponent]) if number(exponent, levels)? >= 1.0 => match parts(a)? {
                (multiple, None) => {
                    let power = a.pow(exponent - exponent.scalar_like(1.0));
                    Some(((self.times)(multiple, power), None))
                }
                _ => None,
            },
            (Form::Sum, &[a, b]) => sum([a, b], [parts(a), parts(b)]),
            (Form::Difference, &[a, b]) => {
                let [of_a, of_b] = [parts(a), parts(b)];
                // What is not needed is not built.
                if of_a.is_none() && of_b.is_none() {
                    return None;
                }
                sum([a, -b], [of_a, of_b.map(negative)])
            }
            (Form::Negative, &[a]) => parts(a).map(negative),
            (Form::Same, &[a]) => parts(a),
            (Form::Repeated, &[a, ..]) if moves.is_empty() => parts(a),
            // Along the axes that are summed the value is repeated.
            (Form::Total, &[a, like]) if self.is_same(like, moves) => {
                let (multiple, rest) = parts(a)?;
                let total = |part: AnyTensor<'g>| part.binary(BroadcastLike, a).binary(SumLike, like);
                Some((total(multiple), rest.map(total)))
            }
            (form, &[a, ref like @ ..]) => {
                let moves = match moves.split_last() {
                    Some((last, others)) if last.undoes(&form, a) => others.to_vec(),
                    _ => [moves, &[Move::of(form, a, like)?]].concat(),
                };
                let (multiple, rest) = self.parts(a, &moves, levels)?;
                let moved = |part: AnyTensor<'g>| {
                    let inputs = [&[part.binary(BroadcastLike, a)], like].concat();
                    value.graph().apply_shared(Arc::clone(&op), &inputs)
                };
                Some((moved(multiple), rest.map(moved)))
            }
            _ => None,
        }
    }
}

/// What brings elements to other places.
#[derive(Clone, Debug)]
enum Move<'g> {
    /// In the same order, under the lengths of this.
    ReshapeLike(AnyTensor<'g>),
    /// Axis `i` of the output is this axis of the input.
    Permute(Vec<usize>),
}

impl<'g> Move<'g> {
    /// What is done to an input.
    fn of(form: Form, input: AnyTensor<'g>, like: &[AnyTensor<'g>]) -> Option<Self> {
        match (form, like) {
            (Form::Reshaped, &[like]) => Some(Move::ReshapeLike(like)),
            (Form::Permuted(axes), []) => Some(Move::Permute(permutation(axes, input))),
            _ => None,
        }
    }

    /// Whether it brings elements back to where they were before something of that form was done to them.
    fn undoes(&self, form: &Form, input: AnyTensor<'g>) -> bool {
        match (self, form) {
            (Move::ReshapeLike(like), Form::Reshaped) => are_same(*like, input),
            (Move::Permute(own), Form::Permuted(axes)) => {
                let first = permutation(axes.clone(), input);
                let is_back = |(i, &axis): (usize, &usize)| first.get(axis) == Some(&i);
                own.len() == first.len() && own.iter().enumerate().all(is_back)
            }
            _ => false,
        }
    }
}

/// The axes of the input in their new order, counted from the first.
fn permutation(axes: Option<Vec<isize>>, input: AnyTensor<'_>) -> Vec<usize> {
    let rank = input.shape().rank();
    let counted = |axis: isize| axis.checked_rem_euclid(rank as isize).unwrap_or_default() as usize;
    axes.map_or_else(|| (0..rank).rev().collect(), |axes| axes.into_iter().map(counted).collect())
}

/// Whether two values are one: of one node, or of two that do the same to the same inputs. Behind other control
/// dependencies the same input may have another value.
fn are_same<'g>(a: AnyTensor<'g>, b: AnyTensor<'g>) -> bool {
    if a.id() == b.id() {
        return true;
    }
    if a.id().output != b.id().output {
        return false;
    }
    if [a, b].iter().any(|value| matches!(value.role(), Role::Calls(_) | Role::Branches(_) | Role::Loops(_)))
    {
        // Two runs of bodies may draw different random numbers.
        return false;
    }
    let [a, b] = {
        let arena = a.graph().shared().read();
        [a, b].map(|value| {
            let node = arena.node(value.node());
            (Arc::clone(&node.op), node.inputs.clone(), node.control.clone())
        })
    };
    let kind = |op: &dyn MultiOp| (op as &dyn Any).type_id();
    (&a.1, &a.2, kind(&*a.0)) == (&b.1, &b.2, kind(&*b.0)) && a.0.attributes() == b.0.attributes()
}

/// The number that a value is whatever is fed, as an exponent that was written as one and of which 1 was taken.
fn number(value: AnyTensor<'_>, levels: u32) -> Option<f64> {
    let levels = levels.checked_sub(1)?;
    let (op, inputs) = parents(value);
    match (op.form(), inputs.as_slice()) {
        (Form::Number(number), _) => Some(number),
        (Form::Difference, &[a, b]) => Some(number(a, levels)? - number(b, levels)?),
        _ => None,
    }
}

/// The parts of a sum, from those of its terms.
fn sum<'g>([a, b]: [AnyTensor<'g>; 2], parts: [Option<Found<'g>>; 2]) -> Option<Found<'g>> {
    match parts {
        [None, None] => None,
        [Some((multiple, rest)), None] => Some((multiple, Some(rest.map_or(b, |rest| rest + b)))),
        [None, Some((multiple, rest))] => Some((multiple, Some(rest.map_or(a, |rest| a + rest)))),
        [Some(a), Some(b)] => {
            let rest = match (a.1, b.1) {
                (Some(a), Some(b)) => Some(a + b),
                (a, b) => a.or(b),
            };
            Some((a.0 + b.0, rest))
        }
    }
}

/// The parts of what has the other sign.
fn negative((multiple, rest): Found<'_>) -> Found<'_> {
    (-multiple, rest.map(|rest| -rest))
}

/// What makes a node's value, and its inputs.
fn parents(value: AnyTensor<'_>) -> (Arc<dyn MultiOp>, Vec<AnyTensor<'_>>) {
    let graph = value.graph();
    let (op, inputs) = {
        let arena = graph.shared().read();
        let node = arena.node(value.node());
        (Arc::clone(&node.op), node.inputs.clone())
    };
    (op, inputs.into_iter().map(|input| graph.tie(input)).collect())
}
