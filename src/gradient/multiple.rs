//! A value taken apart into a multiple of another one and a rest, by looking through the sums and products that it is
//! made of.

use std::any::Any;
use std::sync::Arc;

use super::Pullback;
use crate::graph::AnyTensor;
use crate::op::{BroadcastLike, SumLike};
use crate::op::{Form, Op};

/// How many sums and products are looked through, one below the other: a power of a value and what the sweep does with
/// its gradient take a few. It bounds the work at a node.
const LEVELS: u32 = 6;

/// A multiple of a value, over that value, and a rest.
pub(crate) type Parts<'g> = (Option<AnyTensor<'g>>, Option<AnyTensor<'g>>);

impl<'g> Pullback<'g> {
    /// The cotangent as the node's own value times the first, plus the second, as far as it is known to be that.
    pub(crate) fn cotangent_by_output(&self) -> Parts<'g> {
        let split = Split { of: self.output, times: self.times() };
        match split.parts(self.cotangent, LEVELS) {
            Some((multiple, rest)) => {
                // Either may be a number, or one for several.
                let whole = |part: AnyTensor<'g>| part.binary(BroadcastLike, self.output);
                (Some(whole(multiple)), rest.map(whole))
            }
            None => (None, Some(self.cotangent)),
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
    /// Whether a value is the one that is looked for: its node, or one that does the same to the same inputs. Behind
    /// other control dependencies the same input may have another value.
    fn is_same(&self, value: AnyTensor<'g>) -> bool {
        if value.id() == self.of.id() {
            return true;
        }
        let [a, b] = {
            let arena = value.graph().shared().read();
            [value, self.of].map(|value| {
                let node = arena.node(value.id());
                (Arc::clone(&node.op), node.inputs.clone(), node.control.clone())
            })
        };
        let kind = |op: &dyn Op| (op as &dyn Any).type_id();
        (&a.1, &a.2, kind(&*a.0)) == (&b.1, &b.2, kind(&*b.0)) && a.0.attributes() == b.0.attributes()
    }

    /// The multiple and the rest, if there is a multiple.
    fn parts(&self, value: AnyTensor<'g>, levels: u32) -> Option<Found<'g>> {
        if self.is_same(value) {
            return Some((value.scalar_like(1.0), None));
        }
        let levels = levels.checked_sub(1)?;
        let (form, inputs) = form_of(value);
        match (form, inputs.as_slice()) {
            (Form::Product, &[a, b]) => {
                if let Some((multiple, rest)) = self.parts(a, levels) {
                    return Some(((self.times)(multiple, b), rest.map(|rest| (self.times)(rest, b))));
                }
                let (multiple, rest) = self.parts(b, levels)?;
                Some(((self.times)(a, multiple), rest.map(|rest| (self.times)(a, rest))))
            }
            (Form::Quotient, &[a, b]) => {
                let (multiple, rest) = self.parts(a, levels)?;
                Some((multiple / b, rest.map(|rest| rest / b)))
            }
            (Form::Sum, &[a, b]) => sum([a, b], [self.parts(a, levels), self.parts(b, levels)]),
            (Form::Difference, &[a, b]) => {
                let [of_a, of_b] = [self.parts(a, levels), self.parts(b, levels)];
                // What is not needed is not built.
                if of_a.is_none() && of_b.is_none() {
                    return None;
                }
                sum([a, -b], [of_a, of_b.map(negative)])
            }
            (Form::Negative, &[a]) => self.parts(a, levels).map(negative),
            (Form::Same, &[a]) => self.parts(a, levels),
            // Along the axes that are summed the value is repeated.
            (Form::Total, &[a, like]) if self.is_same(like) => {
                let (multiple, rest) = self.parts(a, levels)?;
                let total = |part: AnyTensor<'g>| part.binary(BroadcastLike, a).binary(SumLike, like);
                Some((total(multiple), rest.map(total)))
            }
            _ => None,
        }
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

/// How a node's value is made, and its inputs.
fn form_of(value: AnyTensor<'_>) -> (Form, Vec<AnyTensor<'_>>) {
    let graph = value.graph();
    let (op, inputs) = {
        let arena = graph.shared().read();
        let node = arena.node(value.id());
        (Arc::clone(&node.op), node.inputs.clone())
    };
    (op.form(), inputs.into_iter().map(|input| graph.tie(input)).collect())
}
