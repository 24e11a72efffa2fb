//! Lists of tensors that loops read and write row by row.
//!
//! A loop that does so is built as a scan: what it leaves in a list is stacked, and what it takes of one is given row by
//! row. That needs a loop that counts from 0 up to a number that is known while importing, be it only as the length of a
//! tensor. Rows are written and read by the number of the iteration, or pushed and popped once in each; or each iteration
//! writes the only row there is.

use super::frames::source;
use super::nodes::{Nodes, Port};
use super::ops::{At, Outputs, Refusal, Row};
use super::value::Val;
use crate::element::DType;
use crate::graph::{AnyTensor, Graph};
use crate::io::import::known::{Arithmetic, Entry, Known};
use crate::ir::TensorId;

/// A list of tensors.
#[derive(Clone, Debug)]
pub(super) enum List<'g> {
    /// Nothing was written yet.
    Empty,
    /// The rows of an array.
    Rows(AnyTensor<'g>),
    /// Inside a loop, what it is to write: the loop, and the part of its state.
    Open { of: usize, part: usize },
    /// The same, with what this iteration writes: a row of its own, or the only row, which the next one writes again.
    Written { of: usize, part: usize, item: AnyTensor<'g>, is_only: bool },
    /// Inside a loop, an array that it reads: all of it, the row of the iteration, and the row from the end.
    Read { of: usize, whole: AnyTensor<'g>, row: AnyTensor<'g>, from_end: AnyTensor<'g>, is_popped: bool },
}

/// A loop that is being built: the tensors that count its iterations from 0.
pub(super) type Counters = Vec<(usize, Vec<TensorId>)>;

pub(super) const OPS: &[Row] = &[
    ("EmptyTensorList", |_| Ok(vec![Val::List(List::Empty)])),
    ("TensorListFromTensor", |at| Ok(vec![Val::List(List::Rows(at.tensor(0)?))])),
    ("TensorListGetItem", |at| read(at, list(at, 0)?, 1)),
    ("TensorListPopBack", |at| match list(at, 0)? {
        List::Read { of, whole, row, from_end, is_popped: false } => {
            let rest = List::Read { of, whole, row, from_end, is_popped: true };
            Ok(vec![Val::List(rest), Val::Tensor(from_end)])
        }
        _ => Err("expected to pop one row in each iteration of a loop that pops all, got another use".into()),
    }),
    ("TensorListPushBack", |at| match list(at, 0)? {
        List::Open { of, part } => {
            Ok(vec![Val::List(List::Written { of, part, item: at.tensor(1)?, is_only: false })])
        }
        _ => Err("expected to push one row in each iteration of a loop, got another use".into()),
    }),
    ("TensorListReserve", |_| Ok(vec![Val::List(List::Empty)])),
    ("TensorListSetItem", |at| Ok(vec![Val::List(written(at, list(at, 0)?, 1, 2)?)])),
    ("TensorListStack", |at| stacked(&list(at, 0)?)),
    ("TensorArrayGatherV3", |at| match list(at, 2)? {
        List::Rows(rows) if is_all(at, 1) => Ok(vec![Val::Tensor(rows)]),
        List::Rows(rows) => Ok(vec![Val::Tensor(rows.gather(at.tensor(1)?, 0))]),
        _ => Err("expected an array that was written to, got none".into()),
    }),
    ("TensorArrayReadV3", |at| read(at, list(at, 2)?, 1)),
    ("TensorArrayScatterV3", |at| match list(at, 3)? {
        List::Empty if is_all(at, 1) => Ok(vec![Val::List(List::Rows(at.tensor(2)?))]),
        _ => Err("expected to fill an empty array with all rows in order, got another use".into()),
    }),
    ("TensorArraySizeV3", |at| match list(at, 1)? {
        List::Rows(rows) => {
            let length = rows.lengths().first().map(|&length| Entry::of(length));
            Ok(vec![Val::Known(Known::scalar(length.ok_or("expected rows, got a number")?), DType::I32)])
        }
        _ => Err("expected an array that was written to, got none".into()),
    }),
    ("TensorArrayV3", |_| Ok(vec![Val::List(List::Empty), Val::List(List::Empty)])),
    ("TensorArrayWriteV3", |at| Ok(vec![Val::List(written(at, list(at, 3)?, 1, 2)?)])),
];

/// Whether an input is the numbers from 0 on: as they are as many as rows, those of all of them.
fn is_all(at: &At<'_, '_>, input: usize) -> bool {
    if let Some(numbers) = at.known(input).and_then(Known::numbers) {
        return numbers.iter().enumerate().all(|(place, &number)| number == place as i64);
    }
    let range = at.node.inputs.get(input).and_then(|port| at.nodes.all.get(port.node));
    let ends = range.filter(|node| node.op == "Range").map_or(&[][..], |node| &node.inputs);
    let number = |port: Port| super::ops::constant_number(at.nodes, source(at.nodes, port));
    matches!(ends, &[start, _, step] if number(start) == Some(0) && number(step) == Some(1))
}

/// An input as a list.
fn list<'g>(at: &At<'_, 'g>, input: usize) -> Result<List<'g>, Refusal> {
    match at.value(input)? {
        Val::List(list) => Ok(list.clone()),
        _ => Err(format!("expected a list as input {input}, got something else").into()),
    }
}

/// Whether an input is the number of the iteration of a loop, be it of another type of integers.
fn is_counter(at: &At<'_, '_>, of: usize, input: usize) -> Result<bool, Refusal> {
    let mut index = at.tensor(input)?.id();
    {
        let arena = at.graph().shared().read();
        let is_whole = |id: TensorId| matches!(arena.tensor(id).dtype, DType::I32 | DType::I64);
        while let (true, "cast", &[from]) =
            (is_whole(index), arena.node(index.node).op.name(), &*arena.node(index.node).inputs)
            && is_whole(from)
        {
            index = from;
        }
    }
    let counters = at.importer.counters.borrow();
    Ok(counters.iter().any(|(number, counters)| *number == of && counters.contains(&index)))
}

fn read<'g>(at: &At<'_, 'g>, list: List<'g>, index: usize) -> Outputs<'g> {
    let row = match list {
        List::Read { of, row, .. } if is_counter(at, of, index)? => row,
        List::Rows(whole) | List::Read { whole, .. } => whole.gather(at.tensor(index)?, 0),
        _ => return Err("expected a list that was written before the loop, got another".into()),
    };
    Ok(vec![Val::Tensor(row)])
}

fn written<'g>(at: &At<'_, 'g>, list: List<'g>, index: usize, item: usize) -> Result<List<'g>, Refusal> {
    match list {
        List::Open { of, part } if at.known(index).and_then(Known::number) == Some(0) => {
            Ok(List::Written { of, part, item: at.tensor(item)?, is_only: true })
        }
        List::Open { of, part } if is_counter(at, of, index)? => {
            Ok(List::Written { of, part, item: at.tensor(item)?, is_only: false })
        }
        _ => Err("expected to write each row once, in the iteration of its number, got another use".into()),
    }
}

fn stacked<'g>(list: &List<'g>) -> Outputs<'g> {
    match list {
        List::Rows(rows) => Ok(vec![Val::Tensor(*rows)]),
        _ => Err("expected a list that a loop has filled, got another".into()),
    }
}

/// A part of the state of a loop that counts: where it begins.
pub(super) fn counts(
    nodes: &Nodes,
    next: Port,
    is_part: impl Fn(Port) -> bool,
    first: &Val<'_>,
) -> Option<i64> {
    let Val::Known(first, _) = first else { return None };
    let sum = nodes.all.get(source(nodes, next).node).filter(|node| matches!(&*node.op, "Add" | "AddV2"))?;
    let &[a, b] = &sum.inputs[..] else { return None };
    let is_one = |port: Port| super::ops::constant_number(nodes, source(nodes, port)) == Some(1);
    let is_step = is_part(source(nodes, a)) && is_one(b) || is_part(source(nodes, b)) && is_one(a);
    first.number().filter(|_| is_step)
}

/// How often a loop runs whose condition is that counters are less than what is known: of all of these the least.
pub(super) fn trips<'g>(
    nodes: &Nodes,
    condition: Port,
    start: &dyn Fn(Port) -> Option<i64>,
    bound: &dyn Fn(Port) -> Option<Entry<'g>>,
) -> Option<Entry<'g>> {
    let mut open = vec![condition];
    let mut least: Option<Entry<'g>> = None;
    // A condition has a few parts.
    for _ in 0..16 {
        let Some(port) = open.pop() else { return least };
        let node = nodes.all.get(source(nodes, port).node)?;
        let &[a, b] = &node.inputs[..] else { return None };
        match node.op.as_str() {
            "LogicalAnd" => open.extend([a, b]),
            "Less" => {
                let limit = bound(b)
                    .or_else(|| super::ops::constant_number(nodes, source(nodes, b)).map(Entry::Number))?;
                let count = limit.with(Arithmetic::Sub, Entry::Number(start(source(nodes, a))?))?;
                least = Some(match least {
                    Some(least) => least.with(Arithmetic::Min, count)?,
                    None => count,
                });
            }
            _ => return None,
        }
    }
    None
}

/// A loop over the numbers of iterations, with lists among its state.
pub(super) struct Scanned<'b, 'g> {
    /// What its state is before.
    pub(super) first: Vec<Val<'g>>,
    /// Which parts an iteration changes.
    pub(super) moving: &'b [usize],
    /// The parts that count, and where they begin.
    pub(super) counters: Vec<(usize, i64)>,
    pub(super) trips: Entry<'g>,
    /// What tells this loop from others.
    pub(super) number: usize,
}

impl<'g> Scanned<'_, 'g> {
    /// The state behind the loop; `body` gives what the moving parts are behind an iteration.
    pub(super) fn build(
        &self,
        graph: &'g Graph,
        counters: &std::cell::RefCell<Counters>,
        tensor: &dyn Fn(&Val<'g>) -> Result<AnyTensor<'g>, Refusal>,
        body: &dyn Fn(Vec<Val<'g>>) -> Result<Vec<Val<'g>>, Refusal>,
    ) -> Result<Vec<Val<'g>>, Refusal> {
        let is_list = |part: &usize| matches!(self.first[*part], Val::List(_));
        let kept: Vec<usize> = self.moving.iter().copied().filter(|part| !is_list(part)).collect();
        let begin: Vec<AnyTensor<'g>> =
            kept.iter().map(|&part| tensor(&self.first[part])).collect::<Result<_, _>>()?;
        let length =
            self.trips.length().ok_or("expected a number of iterations of 0 or more, got another")?;
        let mut arrays = vec![graph.ones::<bool>(length).any()];
        // Arrays of which each iteration has a row of its own, and whose part of the state it is.
        let mut rows = Vec::new();
        for (part, value) in self.first.iter().enumerate() {
            if let Val::List(List::Rows(whole)) = value
                && whole.lengths().first().is_some_and(|&length| Entry::of(length).is(self.trips))
            {
                rows.push((part, *whole));
                arrays.extend([*whole, whole.reverse(0)]);
            }
        }
        let refusal = std::cell::RefCell::new(None);
        // What each moving list is behind the loop: the place among what is stacked, if it was written, and whether the
        // last row is all of it.
        let lists: std::cell::RefCell<Vec<(usize, Option<usize>, bool)>> = std::cell::RefCell::default();
        let (last, stacks) = graph.scan(begin, arrays, |state, given| {
            let mut values = self.first.clone();
            for (&part, &tensor) in kept.iter().zip(&state) {
                values[part] = Val::Tensor(tensor);
            }
            for (part, value) in self.first.iter().enumerate() {
                if matches!(value, Val::List(List::Empty)) {
                    values[part] = Val::List(List::Open { of: self.number, part });
                }
            }
            for (&(part, whole), pair) in rows.iter().zip(given.get(1..).unwrap_or_default().chunks(2)) {
                if let &[row, from_end] = pair {
                    let read = List::Read { of: self.number, whole, row, from_end, is_popped: false };
                    values[part] = Val::List(read);
                }
            }
            let counting = self.counters.iter().filter(|(_, start)| *start == 0);
            let ids = counting.filter_map(|(part, _)| match &values[*part] {
                Val::Tensor(tensor) => Some(tensor.id()),
                _ => None,
            });
            counters.borrow_mut().push((self.number, ids.collect()));
            let next = body(values);
            counters.borrow_mut().pop();
            let sorted = next.and_then(|next| {
                let (mut state, mut stacked) = (Vec::new(), Vec::new());
                for (&part, value) in self.moving.iter().zip(&next) {
                    match value {
                        Val::List(List::Written { of, part: own, item, is_only })
                            if *of == self.number && *own == part =>
                        {
                            lists.borrow_mut().push((part, Some(stacked.len()), *is_only));
                            stacked.push(*item);
                        }
                        Val::List(List::Read { of, is_popped: true, .. }) if *of == self.number => {
                            lists.borrow_mut().push((part, None, false));
                        }
                        Val::List(_) => return Err(
                            "expected each list to be written or popped by each iteration, got another use"
                                .into(),
                        ),
                        value => state.push(tensor(value)?),
                    }
                }
                Ok((state, stacked))
            });
            sorted.unwrap_or_else(|found| {
                refusal.borrow_mut().get_or_insert(found);
                (state, Vec::new())
            })
        });
        if let Some(refusal) = refusal.into_inner() {
            return Err(refusal);
        }
        let mut all = self.first.clone();
        for (&part, tensor) in kept.iter().zip(last) {
            // How far a counter came is known.
            let counted = self.counters.iter().find(|counter| counter.0 == part);
            let end = counted.and_then(|(_, start)| self.trips.with(Arithmetic::Add, Entry::Number(*start)));
            all[part] = match end {
                Some(end) => Val::Known(Known::scalar(end), tensor.dtype()),
                None => Val::Tensor(tensor),
            };
        }
        for (part, place, is_only) in lists.into_inner() {
            let rows = place.and_then(|place| stacks.get(place).copied());
            let rows = rows.map(|rows| if is_only { rows.slice(-1..) } else { rows });
            all[part] = Val::List(rows.map_or(List::Empty, List::Rows));
        }
        Ok(all)
    }
}
