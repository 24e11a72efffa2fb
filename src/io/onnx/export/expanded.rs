//! An op that ONNX lacks, as the few functions that a run computes it by.

use std::sync::Arc;

use super::at::{At, Written};
use super::scalars::scalar;
use super::writer::{Writer, int};
use crate::element::DType;
use crate::io::export::expand::{Expanded, expanded};
use crate::ir::{Inst, Prim, Program, Reduce, View, counted, places};

/// What an op has become.
pub(super) struct Functions {
    pub(super) names: Vec<String>,
    /// Whether all of it is functions of elements.
    pub(super) is_elementwise: bool,
}

pub(super) fn write(at: &mut At<'_, '_, '_>) -> Written<Functions> {
    let types: Vec<_> = at
        .inputs
        .iter()
        .map(|val| {
            let known = |dim: &super::writer::Dim| match dim {
                super::writer::Dim::Known(length) => Some(*length),
                _ => None,
            };
            let dims: Vec<Option<usize>> = val.dims.iter().map(known).collect();
            crate::shape::TensorType::new(val.dtype, crate::shape::Shape::from(dims))
        })
        .collect();
    if at.inputs.iter().any(|val| val.is_length) {
        return Err("computed lengths".to_owned());
    }
    let Expanded { program, is_of_lengths } = expanded(at.item.node, &types.iter().collect::<Vec<_>>())
        .map_err(|unexpanded| unexpanded.to_string())?;
    let mut names: Vec<String> = Vec::with_capacity(program.insts.len());
    for inst in &program.insts {
        let args: Vec<&str> = inst.args.iter().map(|arg| &*names[arg.index()]).collect();
        let name = match inst.prim {
            Prim::Feed(position) => at.name(position as usize)?,
            _ => instruction(at.w, &program, inst, &args, is_of_lengths)?,
        };
        names.push(name);
    }
    let is_function = |inst: &Inst| matches!(inst.prim, Prim::Feed(_) | Prim::Scalar(_) | Prim::Map(_));
    Ok(Functions {
        names: program.outputs.iter().map(|output| names[output.index()].clone()).collect(),
        is_elementwise: program.insts.iter().all(is_function),
    })
}

/// The dims of an operand of an instruction.
fn of<'p>(program: &'p Program, inst: &Inst, operand: usize) -> &'p Inst {
    &program.insts[inst.args[operand].index()]
}

fn lengths(w: &mut Writer, dims: &[usize]) -> String {
    w.ints(&dims.iter().map(|&length| length as i64).collect::<Vec<_>>())
}

fn instruction(
    w: &mut Writer,
    program: &Program,
    inst: &Inst,
    args: &[&str],
    is_of_lengths: bool,
) -> Written<String> {
    Ok(match &inst.prim {
        Prim::Scalar(number) => w.array(&number.to_value()),
        Prim::Constant(index) => {
            let value = Arc::clone(&program.constants[*index as usize]);
            let name = w.array(&value);
            if value.shape() == inst.dims.as_slice() { name } else { expanded_to(w, &name, &inst.dims) }
        }
        Prim::Iota { first } => {
            let count = inst.dims.iter().copied().find(|&length| length != 1).unwrap_or(1);
            let numbers = counted(*first, count).map_err(|_| "numbers beyond the integers".to_owned())?;
            let numbers = w.array(&numbers);
            let lengths = lengths(w, &inst.dims);
            w.reshape(&numbers, &lengths)
        }
        Prim::Map(function) => {
            let operands = inst.args.last().map_or(inst.dtype, |last| program.insts[last.index()].dtype);
            scalar(w, *function, args, operands, inst.dtype)
        }
        Prim::Reduce { reduce, first, end } => {
            let op = match reduce {
                Reduce::Sum => "ReduceSum",
                Reduce::Prod => "ReduceProd",
                Reduce::Max => "ReduceMax",
                Reduce::Min => "ReduceMin",
            };
            let axes: Vec<i64> = (*first as i64..*end as i64).collect();
            if inst.dtype == DType::Bool {
                let numbers = w.cast(args[0], DType::I32);
                let found = w.reduce(op, &numbers, &axes, false);
                w.cast(&found, DType::Bool)
            } else {
                w.reduce(op, args[0], &axes, false)
            }
        }
        Prim::View(View::Permute(order)) => {
            w.transpose(args[0], &order.iter().map(|&axis| axis as i64).collect::<Vec<_>>())
        }
        Prim::View(View::Reshape) if is_of_lengths => {
            let lengths = lengths(w, &inst.dims);
            w.reshape(args[0], &lengths)
        }
        Prim::View(View::Broadcast) if is_of_lengths => expanded_to(w, args[0], &inst.dims),
        Prim::View(View::Slice(axes)) if is_of_lengths => {
            let mut bounds = [const { Vec::new() }; 3];
            for (slice, &length) in axes.iter().zip(&inst.dims) {
                let last = slice.index(length.saturating_sub(1)).unwrap_or(0) as i64;
                let (first, step) = (slice.first as i64, slice.step as i64);
                let end = match (length, step > 0) {
                    (0, _) => first,
                    (_, true) => last + 1,
                    (_, false) if last == 0 => i64::MIN,
                    (_, false) => last - 1,
                };
                bounds.iter_mut().zip([first, end, step]).for_each(|(bounds, bound)| bounds.push(bound));
            }
            let [starts, ends, steps] = bounds.map(|bounds| w.ints(&bounds));
            let all = w.ints(&(0..axes.len() as i64).collect::<Vec<_>>());
            w.op("Slice", &[args[0], &starts, &ends, &all, &steps], Vec::new())
        }
        Prim::Join if is_of_lengths => joined(w, program, inst, args)?,
        Prim::Dot => w.op("MatMul", args, Vec::new()),
        _ => return Err("an op that other ops do not make up".to_owned()),
    })
}

fn expanded_to(w: &mut Writer, value: &str, dims: &[usize]) -> String {
    let lengths = lengths(w, dims);
    w.op("Expand", &[value, &lengths], Vec::new())
}

/// Operands side by side along one axis.
fn joined(w: &mut Writer, program: &Program, inst: &Inst, args: &[&str]) -> Written<String> {
    let pieces: Vec<&[usize]> = (0..args.len()).map(|operand| &*of(program, inst, operand).dims).collect();
    let corners = places(&inst.dims, pieces.iter().copied()).unwrap_or_default();
    let mut axes = (0..inst.dims.len()).filter(|&axis| corners.iter().any(|corner| corner[axis] > 0));
    match (axes.next(), axes.next()) {
        (None, _) if args.len() == 1 => Ok(args[0].to_owned()),
        (Some(axis), None) => Ok(w.op("Concat", args, vec![int("axis", axis as i64)])),
        _ => Err("pieces side by side along several axes".to_owned()),
    }
}
