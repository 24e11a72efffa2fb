//! Conditionals and loops, whose bodies become functions.
//!
//! A loop has for its state how often it has run and how often it is to, the state of ours, the arrays whose rows it is given,
//! what it captures, and a list of tensors for each array that it stacks.

use super::block::{Block, I64, Port, VARIANT, number, of_function, of_type, of_types};
use super::writer::{Done, Writer};
use crate::element::DType;
use crate::graph::{Binding, LoopOutput, LoopTrips};
use crate::io::export::alike::{AsLong, Longest, zeros_of};
use crate::io::export::{Branch, Item, Loop, Part};
use crate::io::tensorflow::{Attr, ListValue, NameAttrList};
use crate::shape::{Shape, TensorType};

type Written = Result<Done, Option<String>>;

/// What a body gives, and what is given to it.
pub(super) struct Body<'b> {
    pub(super) wished: &'b str,
    pub(super) inputs: &'b [Port],
}

impl<'a> Writer<'a> {
    /// A function of inputs of these types, which `build` makes of its arguments; gives its name and the types of what it gives.
    pub(super) fn function(
        &mut self,
        Body { wished, inputs }: Body<'_>,
        build: impl FnOnce(&mut Self, &mut Block, &[Port]) -> Result<Vec<Port>, Option<String>>,
    ) -> Result<(String, Vec<i32>), Option<String>> {
        let name = self.functions.name(wished);
        let mut block = Block::new();
        let arguments: Vec<Port> = inputs
            .iter()
            .enumerate()
            .map(|(index, input)| block.argument(&format!("argument_{index}"), input.dtype))
            .collect();
        self.depth += 1;
        let outputs = build(self, &mut block, &arguments);
        self.depth -= 1;
        let outputs = outputs?;
        let types = outputs.iter().map(|output| output.dtype).collect();
        if outputs.iter().all(|output| output.node < block.len()) {
            self.library.push(block.into_function(name.clone(), &outputs));
        }
        Ok((name, types))
    }

    /// What a part gives, written into a block.
    fn given_by(&mut self, block: &mut Block, part: &Part<'a>, given: &[Port]) -> Vec<Port> {
        let done = self.part(block, part, given);
        let port = |&(place, output): &(usize, u32)| {
            let ports = done.get(place).map_or(&[][..], |done| &done.ports);
            ports.get(output as usize).copied().unwrap_or(Port { node: usize::MAX, output: 0, dtype: 0 })
        };
        part.outputs.iter().map(port).collect()
    }

    pub(super) fn branches(
        &mut self,
        block: &mut Block,
        item: &Item<'a>,
        branches: &[Branch<'a>],
        (inputs, of_inputs): (&[Port], &[TensorType]),
    ) -> Written {
        let outer = std::mem::take(&mut self.draws);
        let (mut names, mut types) = (Vec::new(), Vec::new());
        let as_long = zeros_of(branches, of_inputs, &item.types);
        for (index, branch) in branches.iter().enumerate() {
            let wished = format!("{}_branch_{index}", item.name);
            let (name, given) =
                self.function(Body { wished: &wished, inputs }, |writer, block, arguments| {
                    let bound: Vec<Port> = branch.inputs.iter().map(|&input| arguments[input]).collect();
                    let given = writer.given_by(block, &branch.part, &bound);
                    let outputs = branch.outputs.iter().zip(&item.types).enumerate();
                    outputs
                        .map(|(position, (output, of))| match output {
                            Some(output) => Ok(given[*output]),
                            None => match &as_long[position] {
                                Some(AsLong::Input(input)) => {
                                    Ok(block.same("ZerosLike", &[arguments[*input]]))
                                }
                                Some(AsLong::Each(lengths)) => {
                                    let each = lengths.iter().map(|length| match length {
                                        Longest::Known(length) => block.long(*length as i64),
                                        Longest::Of(axes) => {
                                            let lengths = axes.iter();
                                            let lengths = lengths
                                                .map(|&(input, axis)| block.length(arguments[input], axis));
                                            let lengths: Vec<Port> = lengths.collect();
                                            block.longest(&lengths)
                                        }
                                    });
                                    let each: Vec<Port> = each.collect();
                                    let lengths = block.pack(&each, 0);
                                    let zero = block.scalar(0.0, number(of.dtype));
                                    Ok(block.broadcast(zero, lengths))
                                }
                                _ => zeros(block, of),
                            },
                        })
                        .collect()
                })?;
            names.push(name);
            types = given;
        }
        let is_stateless = !self.draws;
        self.draws |= outer;
        let tin = of_types("Tin", inputs.iter().map(|input| input.dtype).collect());
        let tout = of_types("Tout", types.clone());
        let by = inputs[0];
        let first = types.first().copied().unwrap_or(0);
        let node = match &names[..] {
            [no, yes] if by.dtype == number(DType::Bool) => {
                // As an index, a boolean that holds is the last of two.
                let attributes = vec![
                    of_type("Tcond", by.dtype),
                    tin,
                    tout,
                    of_function("then_branch", yes.clone()),
                    of_function("else_branch", no.clone()),
                ];
                let op = if is_stateless { "StatelessIf" } else { "If" };
                block.node(op, &[&[by], inputs].concat(), attributes, first)
            }
            _ => {
                let by = index(block, by, names.len());
                let func = names.into_iter().map(|name| NameAttrList { name }).collect();
                let branches = Attr::List(ListValue { func, ..ListValue::default() });
                let op = if is_stateless { "StatelessCase" } else { "Case" };
                block.node(op, &[&[by], inputs].concat(), vec![tin, tout, ("branches", branches)], first)
            }
        };
        Ok(Done { ports: outputs_of(node, &types), nodes: vec![node.node] })
    }

    /// A loop, as a node with functions for its condition and its body.
    pub(super) fn looped(
        &mut self,
        block: &mut Block,
        item: &Item<'a>,
        of: &Loop<'a>,
        inputs: &[Port],
    ) -> Written {
        let outer = std::mem::take(&mut self.draws);
        let record = of.record;
        let (states, bound) = (record.states(), record.bindings.len());
        let rows: Vec<&TensorType> =
            of.body.inputs.iter().map(|&place| &of.body.items[place].types[0]).collect();
        let bodies = self.arena.body(record.body).bound();
        let are_tapes: Vec<bool> = bodies.map(|bound| self.arena.tape_rows(bound).is_some()).collect();
        let trips = trips(block, of, inputs);
        let is_tape = record.stacks_tapes();
        let stacked = stacked(of);
        let each = stacked.iter().enumerate();
        let lists: Vec<(usize, &TensorType)> =
            each.filter_map(|(output, row)| Some((output, row.as_ref()?))).collect();
        let zero = block.long(0);
        let mut state: Vec<Port> = vec![zero, trips];
        state.extend(&inputs[..bound]);
        let condition_first = state.len();
        let captured = of.condition.as_ref().map_or(0, |condition| condition.inputs.len() - states);
        state.extend(&inputs[bound..bound + captured]);
        let lists_first = state.len();
        for (_, row) in &lists {
            let dtype = self.row_dtype(of, row);
            let shape = list_shape(block, row);
            let attributes = vec![of_type("element_dtype", dtype), of_type("shape_type", number(DType::I32))];
            let list = if is_tape {
                let most = block.int(-1);
                block.node("EmptyTensorList", &[shape, most], attributes, VARIANT)
            } else {
                let count = block.cast(trips, number(DType::I32));
                block.node("TensorListReserve", &[shape, count], attributes, VARIANT)
            };
            state.push(list);
        }
        let wished = format!("{}_condition", item.name);
        let (condition, _) =
            self.function(Body { wished: &wished, inputs: &state }, |writer, block, given| {
                let goes_on = block.compare("Less", &[given[0], given[1]]);
                let Some(condition) = &of.condition else { return Ok(vec![goes_on]) };
                let bound = [&given[2..2 + states], &given[condition_first..lists_first]].concat();
                let says = writer.given_by(block, condition, &bound);
                let says = says.first().copied().ok_or(None)?;
                Ok(vec![block.logical("LogicalAnd", &[goes_on, says])])
            })?;
        let wished = format!("{}_body", item.name);
        let (body, types) =
            self.function(Body { wished: &wished, inputs: &state }, |writer, block, given| {
                let one = block.long(1);
                let next = block.same("AddV2", &[given[0], one]);
                let index = if record.reverse { block.same("Sub", &[given[1], next]) } else { given[0] };
                let mut taken = Vec::with_capacity(bound);
                for (position, &binding) in record.bindings.iter().enumerate() {
                    let port = given[2 + position];
                    taken.push(match binding {
                        Binding::State | Binding::Whole => port,
                        Binding::Row => row_of(block, port, index, (rows[position], are_tapes[position])),
                    });
                }
                let made = writer.given_by(block, &of.body, &taken);
                let mut left: Vec<Port> = vec![next, given[1]];
                left.extend(&made[..states]);
                left.extend(&given[2 + states..lists_first]);
                let mut next_row = made[states..].iter();
                for (position, (output, row)) in lists.iter().enumerate() {
                    let list = given[lists_first + position];
                    let value = match of.outputs[*output] {
                        LoopOutput::Ticks => zeros(block, row)?,
                        _ => next_row.next().copied().ok_or(None)?,
                    };
                    let attributes = vec![of_type("element_dtype", value.dtype)];
                    left.push(if is_tape {
                        block.node("TensorListPushBack", &[list, value], attributes, VARIANT)
                    } else {
                        let index = block.cast(index, number(DType::I32));
                        block.node("TensorListSetItem", &[list, index, value], attributes, VARIANT)
                    });
                }
                Ok(left)
            })?;
        let is_stateless = !self.draws;
        self.draws |= outer;
        let attributes = vec![
            of_types("T", types.clone()),
            of_function("cond", condition),
            of_function("body", body),
            ("parallel_iterations", Attr::Int(10)),
        ];
        let op = if is_stateless { "StatelessWhile" } else { "While" };
        let node = block.node(op, &state, attributes, number(I64));
        let left = outputs_of(node, &types);
        let ports = self.left_by(block, of, &stacked, (&left[2..], &left[lists_first..]))?;
        // What goes by the loop's name is the loop, not what is made of a list behind it.
        let (first, name) = (node.node, format!("{}/loop", item.name));
        let name = block.reserve(&name);
        block.rename(first, name);
        Ok(Done { ports, nodes: vec![node.node] })
    }

    /// What a loop leaves: of its state and its lists, the outputs.
    fn left_by(
        &self,
        block: &mut Block,
        of: &Loop<'a>,
        stacked: &[Option<TensorType>],
        (state, lists): (&[Port], &[Port]),
    ) -> Result<Vec<Port>, Option<String>> {
        let mut lists = lists.iter();
        let mut ports = Vec::with_capacity(of.outputs.len());
        for (output, row) in of.outputs.iter().zip(stacked) {
            ports.push(match (output, row) {
                (LoopOutput::Last(position), _) => state[*position],
                (_, Some(row)) => {
                    let list = *lists.next().ok_or(None)?;
                    let dtype = self.row_dtype(of, row);
                    // Of lists there are no arrays.
                    if of.record.stacks_tapes() || dtype == VARIANT {
                        list
                    } else {
                        let shape = list_shape(block, row);
                        let attributes = vec![of_type("element_dtype", dtype)];
                        block.node("TensorListStack", &[list, shape], attributes, dtype)
                    }
                }
                (_, None) => return Err(None),
            });
        }
        Ok(ports)
    }

    /// The element type of the rows of a list: a row that is a tape is a list of its own.
    fn row_dtype(&self, of: &Loop<'a>, row: &TensorType) -> i32 {
        let is_list = row.dtype == crate::ir::HANDLE
            && row.shape.rank() == 0
            && of.outputs.iter().any(|output| match output {
                LoopOutput::Stacked(id) => {
                    self.arena.tensor(*id) == row && self.arena.tape_rows(*id).is_some()
                }
                _ => false,
            });
        if is_list { VARIANT } else { number(row.dtype) }
    }
}

/// The index of a branch, of 32 bits. One that is none stands for the last branch, also where it takes more bits.
fn index(block: &mut Block, by: Port, branches: usize) -> Port {
    let [least, most] = [-1.0, branches as f64].map(|number| block.scalar(number, by.dtype));
    let by = block.same("Maximum", &[by, least]);
    let by = block.same("Minimum", &[by, most]);
    block.cast(by, number(DType::I32))
}

/// How often a loop runs at most.
fn trips(block: &mut Block, of: &Loop<'_>, inputs: &[Port]) -> Port {
    match &of.record.trips {
        LoopTrips::Fixed(count) => block.long(*count as i64),
        &LoopTrips::Rows(input) => rows_of(block, inputs[input]),
        &LoopTrips::While { most, .. } => block.long(i64::try_from(most).unwrap_or(i64::MAX)),
        LoopTrips::Tapes(tapes) => {
            let lengths = tapes.iter().filter(|&&tape| inputs[tape].dtype == VARIANT);
            let lengths: Vec<Port> = lengths.map(|&tape| rows_of(block, inputs[tape])).collect();
            let zero = block.long(0);
            lengths.into_iter().fold(zero, |most, length| block.same("Maximum", &[most, length]))
        }
    }
}

/// What the rows of each output are, for those that are stacked.
fn stacked(of: &Loop<'_>) -> Vec<Option<TensorType>> {
    let mut rows = of.body.outputs.iter().skip(of.record.states());
    let row = |output: &LoopOutput| match output {
        LoopOutput::Last(_) => None,
        LoopOutput::Stacked(_) => {
            let row = rows.next().and_then(|&row| of.body.type_of(row)).cloned();
            Some(row.unwrap_or_else(TensorType::nothing))
        }
        LoopOutput::Ticks => Some(TensorType::nothing()),
    };
    of.outputs.iter().map(row).collect()
}

/// The outputs of a node that gives lists.
fn outputs_of(node: Port, types: &[i32]) -> Vec<Port> {
    let each = types.iter().zip(0..);
    each.map(|(&dtype, output)| Port { node: node.node, output, dtype }).collect()
}

/// Lengths of rows, -1 for those that are not known.
pub(super) fn list_shape(block: &mut Block, row: &TensorType) -> Port {
    let lengths: Vec<i64> =
        row.shape.dims().iter().map(|length| length.map_or(-1, |length| length as i64)).collect();
    block.ints(&lengths)
}

/// How many rows an array or a list has, of 64 bits.
fn rows_of(block: &mut Block, array: Port) -> Port {
    if array.dtype != VARIANT {
        return block.length(array, 0);
    }
    let length = block.node("TensorListLength", &[array], Vec::new(), number(DType::I32));
    block.cast(length, number(I64))
}

/// A row of an array or of a list, which may be a list itself.
fn row_of(block: &mut Block, array: Port, index: Port, (row, is_tape): (&TensorType, bool)) -> Port {
    if array.dtype == VARIANT {
        let index = block.cast(index, number(DType::I32));
        let shape = list_shape(block, row);
        let dtype = if is_tape { VARIANT } else { number(row.dtype) };
        let attributes = vec![of_type("element_dtype", dtype)];
        return block.node("TensorListGetItem", &[array, index, shape], attributes, dtype);
    }
    let axis = block.int(0);
    let attributes =
        vec![of_type("Tparams", array.dtype), of_type("Tindices", index.dtype), of_type("Taxis", axis.dtype)];
    block.node("GatherV2", &[array, index, axis], attributes, array.dtype)
}

/// Zeros of a type whose lengths are known.
fn zeros(block: &mut Block, of: &TensorType) -> Result<Port, Option<String>> {
    let lengths = of.shape.known().ok_or_else(|| {
        let found: &Shape = &of.shape;
        Some(format!("expected zeros as long as an input for a branch that gives nothing, got {found}"))
    })?;
    let zero = block.scalar(0.0, number(of.dtype));
    let lengths: Vec<i64> = lengths.into_iter().map(|length| length as i64).collect();
    if lengths.is_empty() {
        return Ok(zero);
    }
    let lengths = block.longs(&lengths);
    Ok(block.broadcast(zero, lengths))
}
