//! Lengths, shapes, and elements by their indices.

use ndarray::Array1;

use crate::element::{DType, Value};
use crate::graph::op::Attribute;
use crate::io::onnx::export::at::{At, Written};
use crate::io::onnx::export::writer::{Dim, Val, Writer, int, text};
use crate::shape::Axes;

pub(in crate::io::onnx::export) fn same(at: &mut At<'_, '_, '_>) -> Written {
    Ok(vec![at.name(0)?])
}

/// A length stands for itself as an array of one integer.
pub(in crate::io::onnx::export) fn dim(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.input(0)?;
    let axis = at.axis("axis", x.rank().max(usize::from(x.is_length)))?;
    if x.is_length {
        return Ok(vec![x.name]);
    }
    Ok(vec![at.w.length(&x, axis)])
}

pub(in crate::io::onnx::export) fn length(at: &mut At<'_, '_, '_>) -> Written {
    let operation: String = at.value("operation")?;
    let op = match &*operation {
        "+" => "Add",
        "-" => "Sub",
        "*" => "Mul",
        "/" => "Div",
        "maximum" => "Max",
        "minimum" => "Min",
        other => return Err(format!("arithmetic of lengths by `{other}`")),
    };
    let operands = at.names(0).iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    Ok(vec![at.w.op(op, &operands.iter().map(String::as_str).collect::<Vec<_>>(), Vec::new())])
}

pub(in crate::io::onnx::export) fn shape_of(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.input(0)?;
    let shape = at.w.shape(&x);
    let dtype = at.dtype()?;
    Ok(vec![if dtype == DType::I64 { shape } else { at.w.cast(&shape, dtype) }])
}

pub(in crate::io::onnx::export) fn reshape(at: &mut At<'_, '_, '_>) -> Written {
    let (x, lengths) = (at.name(0)?, at.lengths("lengths", 1)?);
    Ok(vec![match at.gives()?.shape.known() {
        // Elements that remain cannot be told of nothing.
        Some(known) => {
            let lengths = at.w.ints(&known.iter().map(|&length| length as i64).collect::<Vec<_>>());
            at.w.reshape(&x, &lengths)
        }
        None => at.w.reshape(&x, &lengths),
    }])
}

pub(in crate::io::onnx::export) fn reshape_like(at: &mut At<'_, '_, '_>) -> Written {
    let (x, like) = (at.name(0)?, at.input(1)?);
    let shape = at.w.shape(&like);
    Ok(vec![at.w.reshape(&x, &shape)])
}

/// The last axes under other lengths, those before as they are.
pub(in crate::io::onnx::export) fn reshape_last(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.input(0)?;
    let axes: usize = at.value("axes")?;
    let first =
        x.rank().checked_sub(axes).ok_or_else(|| format!("expected {axes} axes, got {}", x.rank()))?;
    if let Some(known) = at.gives()?.shape.known() {
        let lengths = at.w.ints(&known.iter().map(|&length| length as i64).collect::<Vec<_>>());
        return Ok(vec![at.w.reshape(&x.name, &lengths)]);
    }
    let last = at.lengths("lengths", 1)?;
    let kept = at.w.op("Shape", &[&x.name], vec![int("start", 0), int("end", first as i64)]);
    let lengths = at.concatenated(&[&kept, &last], 0);
    Ok(vec![at.w.reshape(&x.name, &lengths)])
}

pub(in crate::io::onnx::export) fn expand_dims(at: &mut At<'_, '_, '_>) -> Written {
    let (x, rank) = (at.name(0)?, at.gives()?.shape.rank());
    let axis = at.axis("axis", rank)?;
    Ok(vec![at.w.unsqueeze(&x, &[axis as i64])])
}

pub(in crate::io::onnx::export) fn squeeze(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.input(0)?;
    // Of a length, the number.
    let rank = x.rank().max(usize::from(x.is_length));
    let axes: crate::shape::Axes = at.value("axes")?;
    let axes: Vec<i64> = if axes.are_listed() {
        at.axes(rank)?.0
    } else {
        let ones = x.dims.iter().enumerate().filter(|(_, dim)| **dim == Dim::Known(1));
        ones.map(|(axis, _)| axis as i64).collect()
    };
    let axes = at.w.ints(&axes);
    Ok(vec![at.w.op("Squeeze", &[&x.name, &axes], Vec::new())])
}

pub(in crate::io::onnx::export) fn transpose(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.input(0)?;
    let rank = x.rank() as i64;
    let order: Vec<i64> = match at.attributes.get("permutation") {
        None => (0..rank).rev().collect(),
        Some(_) => at.value::<Vec<isize>>("permutation")?.into_iter().map(|axis| axis as i64).collect(),
    };
    let order: Vec<i64> = order.iter().map(|&axis| if axis < 0 { axis + rank } else { axis }).collect();
    Ok(vec![at.w.transpose(&x.name, &order)])
}

pub(in crate::io::onnx::export) fn broadcast_to(at: &mut At<'_, '_, '_>) -> Written {
    let (x, lengths) = (at.name(0)?, at.lengths("lengths", 1)?);
    Ok(vec![at.w.op("Expand", &[&x, &lengths], Vec::new())])
}

/// Whether all lengths of one value are those of another.
fn are_alike(a: &Val, b: &Val) -> bool {
    a.rank() == b.rank() && a.dims.iter().zip(&b.dims).all(|(a, b)| a.is(b))
}

pub(in crate::io::onnx::export) fn broadcast_like(at: &mut At<'_, '_, '_>) -> Written {
    let (x, like) = (at.input(0)?, at.input(1)?);
    if are_alike(&x, &like) {
        return Ok(vec![x.name]);
    }
    let shape = at.w.shape(&like);
    Ok(vec![at.w.op("Expand", &[&x.name, &shape], Vec::new())])
}

pub(in crate::io::onnx::export) fn broadcast_along(at: &mut At<'_, '_, '_>) -> Written {
    let (x, like) = (at.input(0)?, at.input(1)?);
    let (axes, keeps) = at.axes(like.rank())?;
    let kept = if keeps || axes.is_empty() { x.name } else { at.w.unsqueeze(&x.name, &axes) };
    let shape = at.w.shape(&like);
    Ok(vec![at.w.op("Expand", &[&kept, &shape], Vec::new())])
}

/// The sum along what the second input would be repeated along to the shape of the first.
pub(in crate::io::onnx::export) fn sum_like(at: &mut At<'_, '_, '_>) -> Written {
    let (x, like) = (at.input(0)?, at.input(1)?);
    Ok(vec![if are_alike(&x, &like) { x.name } else { summed(at.w, &x, &like) }])
}

fn summed(w: &mut Writer, x: &Val, like: &Val) -> String {
    let more = x.rank().saturating_sub(like.rank());
    let leading: Vec<i64> = (0..more as i64).collect();
    let mut axes = Vec::new();
    let mut is_known = true;
    for (axis, (long, short)) in x.dims.iter().skip(more).zip(&like.dims).enumerate() {
        match (long, short) {
            (long, short) if long.is(short) => {}
            (_, Dim::Known(1)) => axes.push(axis as i64),
            // A length of another number is that of both.
            (_, Dim::Known(_)) => {}
            _ => is_known = false,
        }
    }
    if is_known {
        let summed =
            if leading.is_empty() { x.name.clone() } else { w.reduce("ReduceSum", &x.name, &leading, false) };
        return if axes.is_empty() { summed } else { w.reduce("ReduceSum", &summed, &axes, true) };
    }
    // Which axes these are is known in a run alone.
    let (shape, target) = (w.shape(x), w.shape(like));
    let padded = if more == 0 {
        target.clone()
    } else {
        let ones = w.ints(&vec![1; more]);
        w.op("Concat", &[&ones, &target], vec![int("axis", 0)])
    };
    let are_equal = w.op("Equal", &[&shape, &padded], Vec::new());
    let differ = w.op("Not", &[&are_equal], Vec::new());
    let places = w.op("NonZero", &[&differ], Vec::new());
    let first = w.ints(&[0]);
    let axes = w.op("Squeeze", &[&places, &first], Vec::new());
    let attributes = vec![int("keepdims", 1), int("noop_with_empty_axes", 1)];
    let summed = w.op("ReduceSum", &[&x.name, &axes], attributes);
    w.reshape(&summed, &target)
}

pub(in crate::io::onnx::export) fn tile(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.name(0)?;
    let multiples: Vec<usize> = at.value("multiples")?;
    let repeats = at.w.ints(&multiples.iter().map(|&multiple| multiple as i64).collect::<Vec<_>>());
    Ok(vec![at.w.op("Tile", &[&x, &repeats], Vec::new())])
}

/// Sums over the repetitions: each axis is as many as there are of them and one of a repetition.
pub(in crate::io::onnx::export) fn tile_transposed(at: &mut At<'_, '_, '_>) -> Written {
    let (x, like) = (at.name(0)?, at.input(1)?);
    let multiples: Vec<usize> = at.value("multiples")?;
    let mut lengths = Vec::with_capacity(2 * multiples.len());
    for (axis, &multiple) in multiples.iter().enumerate() {
        lengths.push(at.w.ints(&[multiple as i64]));
        lengths.push(at.w.length(&like, axis));
    }
    let lengths = at.concatenated(&lengths.iter().map(String::as_str).collect::<Vec<_>>(), 0);
    let apart = at.w.reshape(&x, &lengths);
    let axes: Vec<i64> = (0..multiples.len() as i64).map(|axis| 2 * axis).collect();
    Ok(vec![at.w.reduce("ReduceSum", &apart, &axes, false)])
}

/// Elements moved along axes that are fed, by what is left of the shift when the length is taken off: those behind a place,
/// and behind them those before it.
pub(in crate::io::onnx::export) fn roll(at: &mut At<'_, '_, '_>, is_back: bool) -> Written {
    let x = at.input(0)?;
    if x.known().is_some() {
        return Err("expected lengths that are fed, got known ones".to_owned());
    }
    // In the order of the shifts.
    let axes = at.value::<Axes>("axes")?.as_listed(x.rank()).map_err(|error| error.to_string())?;
    let shifts: Vec<i64> = match at.attributes.get("shifts") {
        Some(Attribute::Ints(shifts)) => shifts.clone(),
        other => return Err(format!("expected shifts, got {other:?}")),
    };
    let mut rolled = x.name.clone();
    for (position, &axis) in axes.iter().enumerate() {
        let shift =
            shifts.get(if shifts.len() == 1 { 0 } else { position }).ok_or("expected a shift, got none")?;
        let (axes, length) = (at.w.ints(&[axis as i64]), at.w.length(&x, axis));
        let [zero, one, most, shift] = [0, 1, i64::MAX, *shift].map(|number| at.w.ints(&[number]));
        // Nothing is moved along an axis without elements.
        let length = at.w.op("Max", &[&length, &one], Vec::new());
        let moved = at.w.op("Mod", &[&shift, &length], vec![int("fmod", 0)]);
        let first = if is_back { moved } else { at.w.op("Sub", &[&length, &moved], Vec::new()) };
        let behind = at.w.op("Slice", &[&rolled, &first, &most, &axes], Vec::new());
        let before = at.w.op("Slice", &[&rolled, &zero, &first, &axes], Vec::new());
        rolled = at.w.op("Concat", &[&behind, &before], vec![int("axis", axis as i64)]);
    }
    Ok(vec![rolled])
}

pub(in crate::io::onnx::export) fn gather(at: &mut At<'_, '_, '_>) -> Written {
    if at.attributes.get("batch_dims").is_some() {
        return Err("indices for each batch".to_owned());
    }
    let (x, indices) = (at.input(0)?, at.name(1)?);
    let axis = at.axis("axis", x.rank())?;
    Ok(vec![at.w.op("Gather", &[&x.name, &indices], vec![int("axis", axis as i64)])])
}

pub(in crate::io::onnx::export) fn take_along_axis(at: &mut At<'_, '_, '_>) -> Written {
    let (x, indices) = (at.input(0)?, at.name(1)?);
    let axis = at.axis("axis", x.rank())?;
    Ok(vec![at.w.op("GatherElements", &[&x.name, &indices], vec![int("axis", axis as i64)])])
}

pub(in crate::io::onnx::export) fn scatter_add(at: &mut At<'_, '_, '_>) -> Written {
    let (x, indices, updates) = (at.input(0)?, at.input(1)?, at.name(2)?);
    let axis = at.axis("axis", x.rank())?;
    if axis != 0 || at.attributes.get("batch_dims").is_some() {
        return Err(format!("sums at indices along axis {axis}, which is not the first"));
    }
    let whole = if indices.dtype == DType::I64 { indices.name } else { at.w.cast(&indices.name, DType::I64) };
    let each = at.w.unsqueeze(&whole, &[-1]);
    Ok(vec![at.w.op("ScatterND", &[&x.name, &each, &updates], vec![text("reduction", "add")])])
}

/// Numbers from 0 to before another one.
fn counted(at: &mut At<'_, '_, '_>, count: usize, dtype: DType) -> String {
    let value: Value = match dtype {
        DType::I32 => Array1::from_iter(0..count as i32).into(),
        _ => Array1::from_iter(0..count as i64).into(),
    };
    at.w.array(&value)
}

/// Which of the classes of an axis that comes last each index names.
fn named(at: &mut At<'_, '_, '_>, classes: usize) -> Written<String> {
    let indices = at.input(0)?;
    let each = at.w.unsqueeze(&indices.name, &[-1]);
    let numbers = counted(at, classes, indices.dtype);
    Ok(at.w.op("Equal", &[&each, &numbers], Vec::new()))
}

pub(in crate::io::onnx::export) fn label_mask(at: &mut At<'_, '_, '_>) -> Written {
    let logits = at.input(1)?;
    let Some(Dim::Known(classes)) = logits.dims.last() else {
        return Err("a number of classes that is not known".to_owned());
    };
    Ok(vec![named(at, *classes)?])
}

pub(in crate::io::onnx::export) fn one_hot(at: &mut At<'_, '_, '_>) -> Written {
    let depth: usize = at.value("depth")?;
    let (mask, dtype) = (named(at, depth)?, at.dtype()?);
    Ok(vec![if dtype == DType::Bool { mask } else { at.w.cast(&mask, dtype) }])
}
