//! What nodes give that are made of known values alone, computed at import.
//!
//! The node is built in a graph of its own and run, so every op is folded, and folds to what it would give in a run. Of
//! integers of which some are lengths that are fed, ops that only move elements are folded on their numbers instead, and
//! arithmetic is that of lengths.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::item::Item;
use super::messages::NodeProto;
use super::node::{At, Builder};
use super::table::Row;
use crate::Session;
use crate::element::{DType, Value};
use crate::graph::Graph;
use crate::io::import::known::{Arithmetic, Entry, Known};

/// The most elements that the inputs and the outputs of a node have that is computed at import: what shapes, masks and
/// tables of positions are made of, and not weights.
const MOST: usize = 1 << 14;

/// What a node gives, if all of it is known.
pub(super) fn fold<'g>(
    row: &Row,
    node: &NodeProto,
    version: i64,
    inputs: &[Option<Item<'g>>],
) -> Option<Vec<Item<'g>>> {
    if inputs.iter().flatten().any(Item::is_partly_known) {
        return moved(row, node, version, inputs).or_else(|| computed(node, inputs));
    }
    let values: Vec<Option<Arc<Value>>> = inputs
        .iter()
        .map(|item| match item {
            Some(item) => item.foldable().cloned().map(Some),
            None => Some(None),
        })
        .collect::<Option<_>>()?;
    let count: usize = inputs.iter().flatten().filter_map(Item::count).sum();
    if !row.folds || count > MOST || values.iter().flatten().next().is_none() {
        return None;
    }
    let values = run(row.build, node, version, &values)?;
    Some(values.into_iter().map(Item::value).collect())
}

/// What a node gives of values, in a graph of its own.
fn run(build: Builder, node: &NodeProto, version: i64, inputs: &[Option<Arc<Value>>]) -> Option<Vec<Value>> {
    let graph = Graph::new();
    let items: Vec<Option<Item<'_>>> = inputs.iter().map(|value| value.clone().map(Item::value)).collect();
    let at = At::new(&graph, node, version, &items, None);
    let built = build(&at).ok()?;
    // Another builder has the words for what is wrong, and for narrow types.
    if at.check_attributes().is_err() || built.iter().any(|item| item.is_broken() || item.element().is_some())
    {
        return None;
    }
    let tensors: Vec<_> = built.iter().map(|item| item.tensor(&graph)).collect();
    let is_small = |tensor: &crate::graph::AnyTensor<'_>| {
        !tensor.is_invalid() && tensor.shape().size().is_some_and(|size| size <= MOST)
    };
    if !tensors.iter().all(is_small) {
        return None;
    }
    let session = Session::builder(&graph).machine_code(false).build().ok()?;
    session.run(tensors).ok()
}

/// The entries that a node moves, which are told apart by numbers of their own.
fn moved<'g>(
    row: &Row,
    node: &NodeProto,
    version: i64,
    inputs: &[Option<Item<'g>>],
) -> Option<Vec<Item<'g>>> {
    let mut entries: Vec<Entry<'g>> = Vec::new();
    let mut dtype = DType::I64;
    let mut values = Vec::new();
    for (index, item) in inputs.iter().enumerate() {
        let Some(item) = item else {
            values.push(None);
            continue;
        };
        if !row.moves.contains(index) {
            values.push(Some(Arc::clone(item.foldable()?)));
            continue;
        }
        let known = item.known()?;
        let numbers: Vec<i64> = (entries.len()..).take(known.entries().len()).map(|id| id as i64).collect();
        entries.extend(known.entries());
        values.push(Some(Arc::new(Value::wrap(ArrayD::from_shape_vec(IxDyn(known.shape()), numbers).ok()?))));
        dtype = item.lengths_type().unwrap_or(dtype);
    }
    if row.moves.is_none() {
        return None;
    }
    let given = run(row.build, node, version, &values)?;
    given
        .into_iter()
        .map(|value| {
            let Value::I64(ids) = value else { return None };
            let found: Option<Vec<Entry<'g>>> =
                ids.iter().map(|&id| entries.get(usize::try_from(id).ok()?).copied()).collect();
            shaped(found?, ids.shape()).map(|known| Item::lengths(known, dtype))
        })
        .collect()
}

/// Entries in a shape.
fn shaped<'g>(entries: Vec<Entry<'g>>, shape: &[usize]) -> Option<Known<'g>> {
    let shape: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
    Known::list(entries).reshaped(&shape)
}

/// The arithmetic of entries that an op is, if it is one.
fn computed<'g>(node: &NodeProto, inputs: &[Option<Item<'g>>]) -> Option<Vec<Item<'g>>> {
    let input = |index: usize| inputs.get(index)?.as_ref();
    let known = |index: usize| input(index)?.known();
    let dtype = input(0).and_then(Item::lengths_type).or_else(|| input(1).and_then(Item::lengths_type))?;
    let arithmetic = match node.op_type.as_str() {
        "Add" => Arithmetic::Add,
        "Sub" => Arithmetic::Sub,
        "Mul" => Arithmetic::Mul,
        "Div" => Arithmetic::TruncatedDiv,
        "Mod" => Arithmetic::FloorMod,
        "Max" => Arithmetic::Max,
        "Min" => Arithmetic::Min,
        "ReduceProd" => return totalled(Arithmetic::Mul, node, &known(0)?, dtype),
        "ReduceSum" => return totalled(Arithmetic::Add, node, &known(0)?, dtype),
        "Cast" => {
            let to = node.attribute.iter().find(|attribute| attribute.name == "to")?.i;
            let to = super::types::of(to).filter(|element| element.is_own)?.dtype;
            let is_integer = matches!(to, DType::I32 | DType::I64);
            return known(0).filter(|_| is_integer).map(|known| vec![Item::lengths(known, to)]);
        }
        "Equal" => return compared(&known(0)?, &known(1)?),
        _ => return None,
    };
    if inputs.len() != 2 {
        return None;
    }
    let (a, b) = (known(0)?, known(1)?);
    let (a, b) = alike(a, b);
    Some(vec![Item::lengths(a.with(arithmetic, &b)?, dtype)])
}

/// A list of one entry beside a longer one is a scalar.
fn alike<'g>(a: Known<'g>, b: Known<'g>) -> (Known<'g>, Known<'g>) {
    let scalar = |known: &Known<'g>| known.one().map(Known::scalar);
    match (a.shape(), b.shape()) {
        ([1], [n]) if *n > 1 => (scalar(&a).unwrap_or(a), b),
        ([n], [1]) if *n > 1 => (a, scalar(&b).unwrap_or(b)),
        _ => (a, b),
    }
}

/// All entries of a list in one; without attributes and axes, or of a list.
fn totalled<'g>(
    arithmetic: Arithmetic,
    node: &NodeProto,
    known: &Known<'g>,
    dtype: DType,
) -> Option<Vec<Item<'g>>> {
    if known.shape().len() > 1 {
        return None;
    }
    let keeps =
        node.attribute.iter().find(|attribute| attribute.name == "keepdims").is_none_or(|it| it.i != 0);
    let total = known.total(arithmetic)?;
    let shape: &[i64] = if keeps && !known.shape().is_empty() { &[1] } else { &[] };
    Some(vec![Item::lengths(total.reshaped(shape)?, dtype)])
}

/// Whether entries are equal, where that is known whatever is fed.
fn compared<'g>(a: &Known<'g>, b: &Known<'g>) -> Option<Vec<Item<'g>>> {
    let (a, b) = alike(a.clone(), b.clone());
    let count = a.entries().len().max(b.entries().len());
    let entry = |known: &Known<'g>, index: usize| {
        known.entries().get(if known.shape().is_empty() { 0 } else { index }).copied()
    };
    let one = |index: usize| match (entry(&a, index)?, entry(&b, index)?) {
        (Entry::Number(a), Entry::Number(b)) => Some(a == b),
        (a, b) if a.is(b) => Some(true),
        // No length is less than 0.
        (Entry::Length(_), Entry::Number(..=-1)) | (Entry::Number(..=-1), Entry::Length(_)) => Some(false),
        _ => None,
    };
    let holds: Vec<bool> = (0..count).map(one).collect::<Option<_>>()?;
    let shape = if a.entries().len() >= b.entries().len() { a.shape() } else { b.shape() };
    let array = ArrayD::from_shape_vec(IxDyn(shape), holds).ok()?;
    Some(vec![Item::value(Value::wrap(array))])
}
