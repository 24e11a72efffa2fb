//! `If`, `Loop` and `Scan`, whose bodies are graphs of the file.
//!
//! A branch that is known to be taken, and a loop that is known to run a few times, are built in place; what else there
//! is becomes a conditional or a loop of the graph.

use std::cell::RefCell;

use crate::element::Value;
use crate::graph::AnyTensor;
use crate::io::onnx::error::{NodeFault, invalid, unsupported};
use crate::io::onnx::item::Item;
use crate::io::onnx::messages::GraphProto;
use crate::io::onnx::node::{At, Built, count};
use crate::io::onnx::scope::Scope;
use crate::io::onnx::table::{Row, op};

pub(super) const ROWS: &[Row] = &[
    op("If", 1, conditional).unfolded(),
    op("Loop", 1, repeated).unfolded(),
    op("Scan", 9, scanned).unfolded(),
];

/// Loops of so many iterations, if that is known, are written out: their states may change shape.
const WRITTEN_OUT: i64 = 16;

fn scope_of<'a, 'g>(at: &At<'a, 'g>) -> Result<&'a Scope<'a, 'g>, NodeFault> {
    at.scope.map_or_else(|| unsupported("a body outside of a graph"), Ok)
}

/// Builds bodies inside closures, and keeps what goes wrong there.
struct Inside<'s, 'a, 'g> {
    scope: &'s Scope<'a, 'g>,
    fault: RefCell<Option<NodeFault>>,
    is_broken: RefCell<bool>,
}

impl<'s, 'a, 'g> Inside<'s, 'a, 'g> {
    fn new(scope: &'s Scope<'a, 'g>) -> Self {
        Inside { scope, fault: RefCell::default(), is_broken: RefCell::default() }
    }

    /// The results of a body, as many as are expected whatever goes wrong.
    fn run(&self, body: &GraphProto, arguments: Vec<Item<'g>>, expected: usize) -> Vec<AnyTensor<'g>> {
        let graph = self.scope.importer.graph;
        let mut tensors = match self.scope.run_body(body, arguments) {
            Ok(items) => {
                *self.is_broken.borrow_mut() |= items.iter().any(Item::is_broken);
                items.iter().map(|item| item.tensor(graph)).collect()
            }
            Err(fault) => {
                self.fault.borrow_mut().get_or_insert(fault);
                Vec::new()
            }
        };
        if tensors.len() != expected && self.fault.borrow().is_none() {
            let reason = format!("expected a body of {expected} outputs, got one of {}", tensors.len());
            *self.fault.borrow_mut() = Some(NodeFault::Invalid(reason));
        }
        tensors.resize_with(expected, || Item::broken().tensor(graph));
        tensors
    }

    /// What a conditional or a loop gives, unless something has gone wrong inside.
    fn given(self, tensors: Vec<AnyTensor<'g>>) -> Built<'g> {
        if let Some(fault) = self.fault.into_inner() {
            return Err(fault);
        }
        let is_broken = self.is_broken.into_inner();
        Ok(tensors
            .into_iter()
            .map(|tensor| if is_broken { Item::broken() } else { Item::run(tensor) })
            .collect())
    }
}

/// A boolean that is known.
fn known_bool(item: &Item<'_>) -> Option<bool> {
    match &**item.foldable()? {
        Value::Bool(array) if array.len() == 1 => array.first().copied(),
        _ => None,
    }
}

/// A tensor of one element without axes.
fn scalar(tensor: AnyTensor<'_>) -> AnyTensor<'_> {
    if tensor.shape().rank() == 0 { tensor } else { tensor.reshape([]) }
}

fn conditional<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let scope = scope_of(at)?;
    let (accepted, rejected) = (at.body("then_branch")?, at.body("else_branch")?);
    if let Some(holds) = known_bool(at.item(0)?) {
        return scope.run_body(if holds { accepted } else { rejected }, Vec::new());
    }
    scope.place_captured(&[accepted, rejected]);
    let condition = scalar(at.tensor(0)?);
    let inside = Inside::new(scope);
    let outputs = at.node.output.len();
    let branch = |body| inside.run(body, Vec::new(), outputs);
    let given = at.graph.cond(condition, || branch(accepted), || branch(rejected));
    let is_sound = inside.fault.borrow().is_none() && !*inside.is_broken.borrow();
    if is_sound && given.iter().any(|tensor| tensor.is_invalid()) {
        // Branches of different types are for a condition that is known.
        return Err(at.not_known(0));
    }
    inside.given(given)
}

/// Whether a loop goes on as long as it has iterations: its condition is the one that it was given, or a constant.
fn goes_on(body: &GraphProto) -> bool {
    let (Some(first), Some(input)) = (body.output.first(), body.input.get(1)) else { return false };
    let mut name = first.name.as_str();
    for _ in 0..=body.node.len() {
        if name == input.name {
            return true;
        }
        let holds = |tensor: &crate::io::onnx::messages::TensorProto| {
            tensor.raw_data.as_deref().is_some_and(|raw| raw == [1]) || tensor.int32_data == [1]
        };
        if let Some(tensor) = body.initializer.iter().find(|tensor| tensor.name == name) {
            return holds(tensor);
        }
        let Some(node) =
            body.node.iter().find(|node| node.output.first().is_some_and(|output| output == name))
        else {
            return false;
        };
        match (node.op_type.as_str(), node.input.first()) {
            ("Identity", Some(input)) => name = input,
            ("Constant", _) => {
                return node.attribute.iter().filter_map(|attribute| attribute.t.as_ref()).any(holds);
            }
            _ => return false,
        }
    }
    false
}

fn repeated<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (scope, body) = (scope_of(at)?, at.body("body")?);
    let first: Vec<Item<'g>> =
        (2..at.inputs().len()).map(|index| at.item(index).cloned()).collect::<Result<_, _>>()?;
    let states = first.len();
    let Some(stacked) = body.output.len().checked_sub(states + 1) else {
        return invalid(format!(
            "expected a body of at least {} outputs, got {}",
            states + 1,
            body.output.len()
        ));
    };
    let most = if at.has(0) { at.one_int(0).ok().map(|most| most.max(0)) } else { Some(i64::MAX) };
    let holds = at.optional_item(1).map_or(Some(true), known_bool);
    if holds == Some(false) && stacked == 0 {
        return Ok(first);
    }
    if let (Some(most), Some(true)) = (most, holds)
        && (most <= WRITTEN_OUT || at.has(1) && !goes_on(body))
        && let Some(given) = written_out(at, body, &first, most)?
    {
        return Ok(given);
    }
    scope.place_captured(&[body]);
    let inside = Inside::new(scope);
    let state: Vec<AnyTensor<'g>> = first.iter().map(|item| item.tensor(at.graph)).collect();
    let items = |tensors: Vec<AnyTensor<'g>>| tensors.into_iter().map(Item::run);
    let yes = || Item::value(Value::scalar(true));
    if let (Some(most), Some(true), true) = (most.filter(|&most| most < i64::MAX), holds, goes_on(body)) {
        let rows = at.counted(count(most, "iterations")?.into());
        let (last, rows) = at.graph.scan(state, rows, |state, row| {
            let arguments = [Item::run(row), yes()].into_iter().chain(items(state)).collect();
            let mut given = inside.run(body, arguments, 1 + states + stacked).split_off(1);
            let rows = given.split_off(states);
            (given, rows)
        });
        return inside.given([last, rows].concat());
    }
    if stacked > 0 {
        // How long they are must be known.
        let is_count = at.has(0) && most.is_none();
        return Err(at.not_known(usize::from(!is_count)));
    }
    let count = match most {
        Some(most) => at.graph.constant(most).any(),
        None => scalar(at.tensor(0)?),
    };
    let goes = at.optional(1).map_or_else(|| at.graph.constant(true).any(), scalar);
    let start = [vec![at.graph.constant(0_i64).any(), goes], state].concat();
    let last = at.graph.while_loop(
        |state: Vec<AnyTensor<'g>>| state[0].less(count).logical_and(state[1]),
        |state| {
            let mut given = inside.run(body, items(state.clone()).collect(), 1 + states);
            given[0] = scalar(given[0]);
            [vec![state[0] + 1.0], given].concat()
        },
        start,
    );
    inside.given(last.get(2..).unwrap_or_default().to_vec())
}

/// A loop iteration by iteration; none, if it is not known whether one of them is the last.
fn written_out<'g>(
    at: &At<'_, 'g>,
    body: &GraphProto,
    first: &[Item<'g>],
    most: i64,
) -> Result<Option<Vec<Item<'g>>>, NodeFault> {
    let scope = scope_of(at)?;
    let mut state = first.to_vec();
    let mut rows: Vec<Vec<AnyTensor<'g>>> = vec![Vec::new(); body.output.len() - 1 - state.len()];
    let mut goes = Item::value(Value::scalar(true));
    for iteration in 0..most {
        if iteration > WRITTEN_OUT {
            return Ok(None);
        }
        let arguments = [Item::value(Value::scalar(iteration)), goes].into_iter().chain(state).collect();
        let mut given = scope.run_body(body, arguments)?;
        if given.iter().any(Item::is_broken) {
            return Ok(Some(vec![Item::broken(); at.node.output.len()]));
        }
        let stacked = given.split_off(1 + first.len());
        state = given.split_off(1);
        rows.iter_mut().zip(&stacked).for_each(|(rows, row)| rows.push(row.tensor(at.graph)));
        let Some(next) = given.pop() else { return Ok(None) };
        match known_bool(&next) {
            Some(true) => goes = next,
            Some(false) => break,
            None => return Ok(None),
        }
    }
    if rows.iter().any(Vec::is_empty) {
        return unsupported("stacked outputs of a loop without iterations");
    }
    let stacked = rows.iter().map(|rows| Item::run(at.graph.stack_any(rows, 0)));
    Ok(Some(state.into_iter().chain(stacked).collect()))
}

fn scanned<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (scope, body) = (scope_of(at)?, at.body("body")?);
    let arrays = count(at.required_int("num_scan_inputs")?, "num_scan_inputs")?;
    let all: Vec<AnyTensor<'g>> =
        (0..at.inputs().len()).map(|index| at.tensor(index)).collect::<Result<_, _>>()?;
    let sizes = (all.len().checked_sub(arrays), body.output.len());
    let (Some(states), outputs) = sizes else {
        return invalid(format!("expected at least {arrays} inputs, got {}", all.len()));
    };
    let Some(stacked) = outputs.checked_sub(states) else {
        return invalid(format!("expected a body of at least {states} outputs, got {outputs}"));
    };
    let numbers = |name: &'static str, of: usize| -> Result<Vec<i64>, NodeFault> {
        let found = at.opt_ints(name)?.map_or_else(|| vec![0; of], <[i64]>::to_vec);
        if found.len() == of {
            Ok(found)
        } else {
            invalid(format!("attribute `{name}`: expected {of} numbers, got {found:?}"))
        }
    };
    let [axes, directions] = [numbers("scan_input_axes", arrays)?, numbers("scan_input_directions", arrays)?];
    let [to_axes, to_directions] =
        [numbers("scan_output_axes", stacked)?, numbers("scan_output_directions", stacked)?];
    let mut rows_of = Vec::new();
    for ((&array, &axis), &direction) in all[states..].iter().zip(&axes).zip(&directions) {
        let rank = array.shape().rank();
        let axis = At::axis_of(axis, rank)?;
        let array = if direction == 0 { array } else { array.reverse(axis as isize) };
        rows_of.push(moved_axis(array, axis, 0));
    }
    scope.place_captured(&[body]);
    let inside = Inside::new(scope);
    let (last, rows) = at.graph.scan(all[..states].to_vec(), rows_of, |state, rows| {
        let arguments = state.into_iter().chain(rows).map(Item::run).collect();
        let mut given = inside.run(body, arguments, outputs);
        let rows = given.split_off(states);
        (given, rows)
    });
    let mut given = last;
    for ((&array, &axis), &direction) in rows.iter().zip(&to_axes).zip(&to_directions) {
        let array = if direction == 0 || array.is_invalid() { array } else { array.reverse(0_isize) };
        given.push(if array.is_invalid() {
            array
        } else {
            moved_axis(array, 0, At::axis_of(axis, array.shape().rank())?)
        });
    }
    inside.given(given)
}

/// With an axis at another place.
fn moved_axis(x: AnyTensor<'_>, from: usize, to: usize) -> AnyTensor<'_> {
    if from == to || x.shape().rank() <= from.max(to) {
        return x;
    }
    let mut axes: Vec<isize> = (0..x.shape().rank() as isize).collect();
    let axis = axes.remove(from);
    axes.insert(to, axis);
    x.transpose_perm(axes)
}
