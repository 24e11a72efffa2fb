//! Conditionals as `If`, and loops as `Loop`. Bodies use what is around them by its name.

use super::at::Written;
use super::expanded::longest;
use super::graph::{Graphs, val};
use super::writer::{Dim, Val, graph, info, int, ints};
use crate::element::DType;
use crate::graph::{Binding, LoopOutput, LoopTrips};
use crate::io::export::alike::{AsLong, Longest, zeros_of};
use crate::io::export::{Branch, Item, Loop};
use crate::io::onnx::messages::{GraphProto, ValueInfoProto};
use crate::shape::TensorType;

/// Of each output of a branch, its lengths.
type Known = Vec<Vec<Dim>>;

/// What a branch is given.
fn given(branch: &Branch<'_>, inputs: &[Val]) -> Vec<Val> {
    branch.inputs.iter().filter_map(|&input| inputs.get(input).cloned()).collect()
}

/// Zeros of a type, which are known to be that long.
fn zeros(graphs: &mut Graphs<'_>, of: &TensorType, as_long: Option<&AsLong>, inputs: &[Val]) -> Written<Val> {
    let refused = || "a branch that gives nothing of a length that is not known".to_owned();
    let (dims, lengths) = match as_long.ok_or_else(refused)? {
        AsLong::Known(known) => {
            let lengths = known.iter().map(|&length| length as i64).collect::<Vec<_>>();
            (known.iter().copied().map(Dim::Known).collect(), graphs.w.ints(&lengths))
        }
        AsLong::Input(input) => {
            let input = inputs.get(*input).filter(|input| !input.is_length).ok_or_else(refused)?;
            (input.dims.clone(), graphs.w.shape(input))
        }
        AsLong::Each(lengths) => {
            let (mut dims, mut names) = (Vec::new(), Vec::new());
            for length in lengths {
                let (dim, name) = match length {
                    Longest::Known(length) => (Dim::Known(*length), graphs.w.ints(&[*length as i64])),
                    Longest::Of(axes) => longest(&mut graphs.w, inputs, axes),
                };
                dims.push(dim);
                names.push(name);
            }
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            (dims, graphs.w.op("Concat", &names, vec![int("axis", 0)]))
        }
    };
    let zero = graphs.w.number(0.0, of.dtype);
    let name = graphs.w.op("Expand", &[&zero, &lengths], Vec::new());
    Ok(Val { name, dtype: of.dtype, dims, is_length: false })
}

/// A branch as a graph without inputs.
fn branch(
    graphs: &mut Graphs<'_>,
    item: &Item<'_>,
    branch: &Branch<'_>,
    (inputs, as_long): (&[Val], &[Option<AsLong>]),
) -> Written<(GraphProto, Known)> {
    graphs.w.open();
    let outputs = graphs.part(&branch.part, &given(branch, inputs));
    graphs.w.prefix.clone_from(&item.name);
    let (mut infos, mut lengths, mut fault) = (Vec::new(), Vec::new(), None);
    for ((output, of), as_long) in branch.outputs.iter().zip(&item.types).zip(as_long) {
        let there = output.and_then(|output| outputs.get(output).cloned());
        match there.map_or_else(|| zeros(graphs, of, as_long.as_ref(), inputs), Ok) {
            Ok(given) => {
                infos.push(result(graphs, &given, &item.name));
                lengths.push(given.dims);
            }
            Err(detail) => fault = Some(detail),
        }
    }
    let node = graphs.w.close();
    match fault {
        Some(detail) => Err(detail),
        None => Ok((
            GraphProto { node, name: item.name.clone(), output: infos, ..GraphProto::default() },
            lengths,
        )),
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
    let types: Vec<TensorType> = inputs.iter().map(Val::of_type).collect();
    let as_long = zeros_of(all, &types, &item.types);
    let written = all.iter().map(|of| branch(graphs, item, of, (inputs, &as_long)));
    let (mut made, lengths): (Vec<_>, Vec<_>) = written.collect::<Written<Vec<_>>>()?.into_iter().unzip();
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
            return Ok(results(outputs, item, &lengths));
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
    Ok(results(outputs, item, &lengths))
}

/// The outputs of a conditional: of lengths in which the branches agree.
fn results(names: Vec<String>, item: &Item<'_>, lengths: &[Known]) -> Vec<Val> {
    let of = |(position, (name, of)): (usize, (String, &TensorType))| {
        let mut made = val(name, of);
        for (axis, dim) in made.dims.iter_mut().enumerate() {
            let mut given = lengths.iter().map(|of| of.get(position)?.get(axis));
            let first = given.next().flatten();
            if let Some(first) =
                first.filter(|first| given.all(|other| other.is_some_and(|other| other.is(first))))
            {
                dim.clone_from(first);
            }
        }
        made
    };
    names.into_iter().zip(&item.types).enumerate().map(of).collect()
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
    if let LoopTrips::Rows(array) = record.trips
        && record.bindings.contains(&Binding::Row)
    {
        return Ok(scanned(graphs, item, of, (inputs, array)));
    }
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
    let mut made = graphs.w.ops("Loop", &names, vec![graph("body", body)], results.len());
    if record.reverse {
        // It stacks in the order in which it runs.
        let stacked = made.split_off(states.min(made.len()));
        made.extend(stacked.iter().map(|stack| graphs.w.slice(stack, 0, [-1, i64::MIN, -1])));
    }
    let rows = match record.trips {
        LoopTrips::Rows(array) => inputs.get(array).and_then(|array| array.dims.first().cloned()),
        _ => None,
    };
    Ok(left(item, of, (inputs, rows), (&made, &results)))
}

/// A loop over rows of arrays.
fn scanned(
    graphs: &mut Graphs<'_>,
    item: &Item<'_>,
    of: &Loop<'_>,
    (inputs, array): (&[Val], usize),
) -> Vec<Val> {
    let record = of.record;
    let states = record.states();
    graphs.w.open();
    let (mut infos, mut given, mut arrays) = (Vec::new(), Vec::new(), Vec::new());
    let types: Vec<TensorType> =
        of.body.inputs.iter().filter_map(|&place| of.body.type_of((place, 0)).cloned()).collect();
    for ((binding, outer), of) in record.bindings.iter().zip(inputs).zip(&types) {
        given.push(match binding {
            Binding::State => {
                let made = input(graphs, &format!("{}/state", item.name), of, &mut infos);
                Val { dims: outer.dims.clone(), ..made }
            }
            Binding::Row => {
                arrays.push(outer.name.clone());
                let made = input(graphs, &format!("{}/row", item.name), of, &mut infos);
                Val { dims: outer.dims.get(1..).unwrap_or(&[]).to_vec(), ..made }
            }
            Binding::Whole => outer.clone(),
        });
    }
    // The state's inputs stand before the rows.
    let (mut first, mut behind) = (Vec::new(), Vec::new());
    let bindings = record.bindings.iter().filter(|binding| **binding != Binding::Whole);
    for (info, binding) in infos.into_iter().zip(bindings) {
        if *binding == Binding::State { first.push(info) } else { behind.push(info) }
    }
    first.extend(behind);
    let results = graphs.part(&of.body, &given);
    graphs.w.prefix.clone_from(&item.name);
    let outputs: Vec<_> =
        results.iter().map(|output| result(graphs, output, &format!("{}/result", item.name))).collect();
    let node = graphs.w.close();
    let body =
        GraphProto { node, name: item.name.clone(), input: first, output: outputs, ..GraphProto::default() };

    let state = |(binding, outer): (&Binding, &Val)| (*binding == Binding::State).then(|| outer.name.clone());
    let mut names: Vec<String> = record.bindings.iter().zip(inputs).filter_map(state).collect();
    names.extend(arrays.iter().cloned());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut attributes = vec![graph("body", body), int("num_scan_inputs", arrays.len() as i64)];
    if record.reverse {
        attributes.push(ints("scan_input_directions", vec![1; arrays.len()]));
        attributes.push(ints("scan_output_directions", vec![1; results.len() - states]));
    }
    let made = graphs.w.ops("Scan", &names, attributes, results.len());
    let rows = inputs.get(array).and_then(|array| array.dims.first().cloned());
    left(item, of, (inputs, rows), (&made, &results))
}

/// What a loop leaves: the state, and behind it what it stacks, of so many rows, which are as the body's results.
fn left(
    item: &Item<'_>,
    of: &Loop<'_>,
    (inputs, rows): (&[Val], Option<Dim>),
    (made, results): (&[String], &[Val]),
) -> Vec<Val> {
    let mut stacked = of.record.states();
    let mut vals = Vec::with_capacity(item.types.len());
    for (output, of) in of.outputs.iter().zip(&item.types) {
        let (position, dims): (usize, Option<Vec<Dim>>) = match output {
            // The state keeps its type from iteration to iteration.
            LoopOutput::Last(state) => (*state, inputs.get(*state).map(|first| first.dims.clone())),
            LoopOutput::Stacked(_) | LoopOutput::Ticks => {
                stacked += 1;
                let row = results.get(stacked - 1).zip(rows.clone());
                (stacked - 1, row.map(|(row, rows)| [&[rows], &row.dims[..]].concat()))
            }
        };
        let mut left = val(made.get(position).cloned().unwrap_or_default(), of);
        for (own, dim) in left.dims.iter_mut().zip(dims.unwrap_or_default()) {
            if !matches!(own, Dim::Known(_)) && dim != Dim::Unknown {
                *own = dim;
            }
        }
        vals.push(left);
    }
    vals
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
