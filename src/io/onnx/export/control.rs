//! Conditionals as `If`, and loops as `Loop`. Bodies use what is around them by its name.

use super::at::Written;
use super::graph::{Graphs, val};
use super::writer::{Dim, Val, graph, info, int};
use crate::element::DType;
use crate::graph::{Binding, LoopOutput, LoopTrips};
use crate::io::export::{Branch, Item, Loop};
use crate::io::onnx::messages::{GraphProto, ValueInfoProto};
use crate::shape::TensorType;

/// A branch as a graph without inputs.
fn branch(
    graphs: &mut Graphs<'_>,
    item: &Item<'_>,
    branch: &Branch<'_>,
    inputs: &[Val],
) -> Written<GraphProto> {
    let given: Vec<Val> = branch.inputs.iter().filter_map(|&input| inputs.get(input).cloned()).collect();
    graphs.w.open();
    let outputs = graphs.part(&branch.part, &given);
    graphs.w.prefix.clone_from(&item.name);
    let mut wanted = Vec::with_capacity(item.types.len());
    for (output, of) in branch.outputs.iter().zip(&item.types) {
        wanted.push(match output.and_then(|output| outputs.get(output).cloned()) {
            Some(output) => Ok(output),
            None => match of.shape.known() {
                Some(known) => {
                    let lengths = known.iter().map(|&length| length as i64).collect::<Vec<_>>();
                    let (zero, lengths) = (graphs.w.number(0.0, of.dtype), graphs.w.ints(&lengths));
                    Ok(val(graphs.w.op("Expand", &[&zero, &lengths], Vec::new()), of))
                }
                None => Err("a branch that gives nothing of a length that is not known".to_owned()),
            },
        });
    }
    let mut infos = Vec::new();
    let mut fault = None;
    for wanted in wanted {
        match wanted {
            Ok(output) => infos.push(result(graphs, &output, &item.name)),
            Err(detail) => fault = Some(detail),
        }
    }
    let node = graphs.w.close();
    match fault {
        Some(detail) => Err(detail),
        None => Ok(GraphProto { node, name: item.name.clone(), output: infos, ..GraphProto::default() }),
    }
}

/// A result of a graph that is open, under a name of its own: it may be a value of a graph around.
fn result(graphs: &mut Graphs<'_>, output: &Val, wished: &str) -> ValueInfoProto {
    let name = graphs.w.fresh(wished);
    graphs.w.named(&output.name, &name);
    info(&name, output)
}

/// The branch that the first input says: of two by a boolean, which holds for the last one, or by an index.
pub(super) fn branches(
    graphs: &mut Graphs<'_>,
    item: &Item<'_>,
    all: &[Branch<'_>],
    inputs: &[Val],
) -> Written<Vec<Val>> {
    let chooser = inputs.first().cloned().ok_or("expected a condition, got none")?;
    if inputs.iter().any(|input| input.name.is_empty()) {
        return Ok(item.types.iter().map(|of| val(String::new(), of)).collect());
    }
    let count = item.types.len();
    let mut made = all.iter().map(|of| branch(graphs, item, of, inputs)).collect::<Written<Vec<_>>>()?;
    // The last branch stands for all other indices, so the first one is asked for first.
    let mut rest = made.pop().ok_or("expected branches, got none")?;
    let mut index = made.len();
    while let Some(taken) = made.pop() {
        index -= 1;
        // A branch inside another graph is asked for there.
        let is_outermost = index == 0;
        if !is_outermost {
            graphs.w.open();
        }
        let attributes = |taken, rest| vec![graph("then_branch", taken), graph("else_branch", rest)];
        let outputs = if chooser.dtype == DType::Bool {
            graphs.w.ops("If", &[&chooser.name], attributes(rest, taken), count)
        } else {
            let number = graphs.w.number(index as f64, chooser.dtype);
            let is_it = graphs.w.op("Equal", &[&chooser.name, &number], Vec::new());
            graphs.w.ops("If", &[&is_it], attributes(taken, rest), count)
        };
        if is_outermost {
            return Ok(outputs.into_iter().zip(&item.types).map(|(name, of)| val(name, of)).collect());
        }
        let infos: Vec<_> =
            outputs.iter().zip(&item.types).map(|(name, of)| info(name, &val(name.clone(), of))).collect();
        let node = graphs.w.close();
        rest = GraphProto { node, name: item.name.clone(), output: infos, ..GraphProto::default() };
    }
    // A single branch is taken whatever the index is.
    let always = graphs.w.array(&ndarray::arr0(true).into());
    let attributes = vec![graph("then_branch", rest.clone()), graph("else_branch", rest)];
    let outputs = graphs.w.ops("If", &[&always], attributes, count);
    Ok(outputs.into_iter().zip(&item.types).map(|(name, of)| val(name, of)).collect())
}

/// An input of a body that is open.
fn input(graphs: &mut Graphs<'_>, wished: &str, of: &TensorType, inputs: &mut Vec<ValueInfoProto>) -> Val {
    let made = val(graphs.w.fresh(wished), of);
    inputs.push(info(&made.name, &made));
    made
}

/// A loop: its state and what it stacks, of each iteration the rows that it takes.
pub(super) fn looped(
    graphs: &mut Graphs<'_>,
    item: &Item<'_>,
    of: &Loop<'_>,
    inputs: &[Val],
) -> Written<Vec<Val>> {
    let record = of.record;
    if inputs.iter().any(|input| input.name.is_empty()) {
        return Ok(item.types.iter().map(|of| val(String::new(), of)).collect());
    }
    if record.stacks_tapes() && of.outputs.iter().any(|output| !matches!(output, LoopOutput::Last(_))) {
        return Err(
            "rows that a loop keeps for its gradient, of which it is not known how many there are".to_owned()
        );
    }
    let states = record.states();
    let rows = match record.trips {
        LoopTrips::Fixed(count) => Some(graphs.w.int(count as i64)),
        LoopTrips::Rows(array) => {
            let array = inputs.get(array).ok_or("expected an array to go through, got none")?.clone();
            Some(rows_of(graphs, &array))
        }
        LoopTrips::While { most, .. } => (most < i64::MAX as usize).then(|| graphs.w.int(most as i64)),
        LoopTrips::Tapes(_) => return Err("a loop over the rows that another one keeps".to_owned()),
    };
    let captured = inputs.get(record.bindings.len()..).unwrap_or(&[]);
    let begins = match &of.condition {
        Some(condition) => {
            let given: Vec<Val> = inputs.iter().take(states).chain(captured).cloned().collect();
            let found = graphs.part(condition, &given);
            graphs.w.prefix.clone_from(&item.name);
            found.into_iter().next().ok_or("expected a condition, got none")?.name
        }
        None => graphs.w.array(&ndarray::arr0(true).into()),
    };

    graphs.w.open();
    let (mut infos, mut given) = (Vec::new(), Vec::new());
    let number = TensorType::new(DType::I64, crate::shape::Shape::scalar());
    let flag = TensorType::new(DType::Bool, crate::shape::Shape::scalar());
    let iteration = input(graphs, &format!("{}/iteration", item.name), &number, &mut infos);
    let goes_on = input(graphs, &format!("{}/goes_on", item.name), &flag, &mut infos);
    let types: Vec<TensorType> =
        of.body.inputs.iter().filter_map(|&place| of.body.type_of((place, 0)).cloned()).collect();
    let row = if record.reverse && record.bindings.contains(&Binding::Row) {
        let rows = rows.clone().ok_or("a loop backwards of which it is not known how often it runs")?;
        let one = graphs.w.int(1);
        let last = graphs.w.op("Sub", &[&rows, &one], Vec::new());
        graphs.w.op("Sub", &[&last, &iteration.name], Vec::new())
    } else {
        iteration.name.clone()
    };
    for ((binding, outer), of) in record.bindings.iter().zip(inputs).zip(&types) {
        given.push(match binding {
            Binding::State => input(graphs, &format!("{}/state", item.name), of, &mut infos),
            Binding::Row => {
                let name = graphs.w.op("Gather", &[&outer.name, &row], vec![int("axis", 0)]);
                let dims = outer.dims.get(1..).unwrap_or(&[]).to_vec();
                Val { name, dtype: outer.dtype, dims, is_length: false }
            }
            Binding::Whole => outer.clone(),
        });
    }
    let results = graphs.part(&of.body, &given);
    graphs.w.prefix.clone_from(&item.name);
    let mut outputs = Vec::with_capacity(1 + results.len());
    let next = match &of.condition {
        Some(condition) => {
            let given: Vec<Val> = results.iter().take(states).chain(captured).cloned().collect();
            let found = graphs.part(condition, &given);
            graphs.w.prefix.clone_from(&item.name);
            found.into_iter().next()
        }
        None => Some(goes_on),
    };
    let next = next.map(|next| result(graphs, &next, &format!("{}/goes_on", item.name)));
    outputs.extend(next);
    for output in &results {
        let info = result(graphs, output, &format!("{}/result", item.name));
        outputs.push(info);
    }
    let node = graphs.w.close();
    let body =
        GraphProto { node, name: item.name.clone(), input: infos, output: outputs, ..GraphProto::default() };

    let mut names = vec![rows.unwrap_or_default(), begins];
    names.extend(inputs.iter().take(states).map(|input| input.name.clone()));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let made = graphs.w.ops("Loop", &names, vec![graph("body", body)], results.len());
    let mut stacked = states;
    let mut vals = Vec::with_capacity(item.types.len());
    for (output, of) in of.outputs.iter().zip(&item.types) {
        let (position, is_stack) = match output {
            LoopOutput::Last(state) => (*state, false),
            LoopOutput::Stacked(_) | LoopOutput::Ticks => {
                stacked += 1;
                (stacked - 1, true)
            }
        };
        let mut name = made.get(position).cloned().unwrap_or_default();
        if is_stack && record.reverse {
            name = graphs.w.slice(&name, 0, [-1, i64::MIN, -1]);
        }
        let mut made = val(name, of);
        if is_stack && let LoopTrips::Rows(array) = record.trips {
            if let (Some(first), Some(rows)) =
                (made.dims.first_mut(), inputs.get(array).and_then(|val| val.dims.first()))
            {
                *first = rows.clone();
            }
        } else if let LoopOutput::Last(state) = output
            && let Some(first) = inputs.get(*state)
            && first.rank() == made.rank()
        {
            // The state keeps its type from iteration to iteration.
            let dims = made.dims.iter().zip(&first.dims);
            made.dims = dims
                .map(|(own, first)| if *own == Dim::Unknown { first.clone() } else { own.clone() })
                .collect();
        }
        vals.push(made);
    }
    Ok(vals)
}

/// The number of an array's rows, without axes.
fn rows_of(graphs: &mut Graphs<'_>, array: &Val) -> String {
    if let Some(Dim::Known(rows)) = array.dims.first() {
        return graphs.w.int(*rows as i64);
    }
    let shape = graphs.w.op("Shape", &[&array.name], vec![int("start", 0), int("end", 1)]);
    let axes = graphs.w.ints(&[0]);
    graphs.w.op("Squeeze", &[&shape, &axes], Vec::new())
}
