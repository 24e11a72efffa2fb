//! Tensors side by side, parts of them, and parts put back among zeros.

use crate::graph::op::{Attribute, Attributes};
use crate::io::onnx::export::at::{At, Written};
use crate::io::onnx::export::writer::{Dim, Val, Writer, int, text};
use crate::ops::{Cut, Parts, Ranges, Taken};
use crate::shape::Axes;

pub(in crate::io::onnx::export) fn concat(at: &mut At<'_, '_, '_>) -> Written {
    let axis = at.axis("axis", at.gives()?.shape.rank())?;
    let parts: Vec<String> = at.inputs.iter().map(|val| val.name.clone()).collect();
    Ok(vec![at.concatenated(&parts.iter().map(String::as_str).collect::<Vec<_>>(), axis)])
}

pub(in crate::io::onnx::export) fn stack(at: &mut At<'_, '_, '_>) -> Written {
    let axis = at.axis("axis", at.gives()?.shape.rank())?;
    let parts: Vec<String> = at.inputs.iter().map(|val| val.name.clone()).collect();
    let parts: Vec<String> = parts.iter().map(|part| at.w.unsqueeze(part, &[axis as i64])).collect();
    Ok(vec![at.concatenated(&parts.iter().map(String::as_str).collect::<Vec<_>>(), axis)])
}

/// The length of an axis, which must be a number.
fn length(x: &Val, axis: usize) -> Written<usize> {
    match x.dims.get(axis) {
        Some(Dim::Known(length)) => Ok(*length),
        _ => Err(format!("axis {axis}, whose length is not known")),
    }
}

pub(in crate::io::onnx::export) fn split(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.input(0)?;
    let (axis, count) = (at.axis("axis", x.rank())?, at.item.types.len());
    let axis_is = int("axis", axis as i64);
    let sizes: Option<Vec<i64>> = match at.attributes.get("parts") {
        Some(Attribute::Ints(sizes)) => Some(sizes.clone()),
        _ => length(&x, axis).ok().map(|length| vec![length as i64 / (count as i64).max(1); count]),
    };
    Ok(match sizes {
        Some(sizes) => {
            let sizes = at.w.ints(&sizes);
            at.w.ops("Split", &[&x.name, &sizes], vec![axis_is], count)
        }
        None => at.w.ops("Split", &[&x.name], vec![axis_is, int("num_outputs", count as i64)], count),
    })
}

pub(in crate::io::onnx::export) fn unstack(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.input(0)?;
    let (axis, count) = (at.axis("axis", x.rank())?, at.item.types.len());
    let sizes = at.w.ints(&vec![1; count]);
    let parts = at.w.ops("Split", &[&x.name, &sizes], vec![int("axis", axis as i64)], count);
    let axes = at.w.ints(&[axis as i64]);
    Ok(parts.iter().map(|part| at.w.op("Squeeze", &[part, &axes], Vec::new())).collect())
}

/// Of a range: from, to before, and a step apart, as ONNX has them.
fn range(start: Option<i64>, end: Option<i64>, step: i64) -> [i64; 3] {
    let (first, last) = if step > 0 { (0, i64::MAX) } else { (i64::MAX, i64::MIN) };
    [start.unwrap_or(first), end.unwrap_or(last), step]
}

/// What is taken of each axis.
fn taken(attributes: &Attributes) -> Written<Vec<Taken>> {
    let ranges: Ranges = attributes.value("ranges").map_err(|fault| fault.to_string())?;
    Ok(ranges.taken().collect())
}

pub(in crate::io::onnx::export) fn slice(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.name(0)?;
    let (mut bounds, mut axes, mut dropped) = ([const { Vec::new() }; 3], Vec::new(), Vec::new());
    for (axis, taken) in taken(&at.attributes)?.into_iter().enumerate() {
        let of = match taken {
            Taken::Index(index) => {
                dropped.push(axis as i64);
                [index, if index == -1 { i64::MAX } else { index + 1 }, 1]
            }
            Taken::Range { start, end, step } => match range(start, end, step) {
                [0, i64::MAX, 1] => continue,
                of => of,
            },
        };
        axes.push(axis as i64);
        bounds.iter_mut().zip(of).for_each(|(bounds, bound)| bounds.push(bound));
    }
    let mut sliced = x;
    if !axes.is_empty() {
        let [starts, ends, steps] = bounds.map(|bounds| at.w.ints(&bounds));
        let axes = at.w.ints(&axes);
        sliced = at.w.op("Slice", &[&sliced, &starts, &ends, &axes, &steps], Vec::new());
    }
    if !dropped.is_empty() {
        let dropped = at.w.ints(&dropped);
        sliced = at.w.op("Squeeze", &[&sliced, &dropped], Vec::new());
    }
    Ok(vec![sliced])
}

pub(in crate::io::onnx::export) fn reverse(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.input(0)?;
    let mut reversed = x.name.clone();
    for axis in at.axes(x.rank())?.0 {
        reversed = at.w.slice(&reversed, axis as usize, [-1, i64::MIN, -1]);
    }
    Ok(vec![reversed])
}

/// How far the parts before one reach, as a length.
pub(in crate::io::onnx::export) fn concat_extent(at: &mut At<'_, '_, '_>) -> Written {
    if at.inputs.is_empty() {
        return Ok(vec![at.w.ints(&[0])]);
    }
    let (before, part, axis) = (at.name(0)?, at.input(1)?, at.value::<usize>("axis")?);
    let length = at.w.length(&part, axis);
    Ok(vec![at.w.op("Add", &[&before, &length], Vec::new())])
}

/// The part of the shape of the second input, behind the length that is the third one.
pub(in crate::io::onnx::export) fn concat_part(at: &mut At<'_, '_, '_>) -> Written {
    let (x, like, start, axis) = (at.name(0)?, at.input(1)?, at.name(2)?, at.value::<usize>("axis")?);
    let length = at.w.length(&like, axis);
    let end = at.w.op("Add", &[&start, &length], Vec::new());
    let axis = at.w.ints(&[axis as i64]);
    Ok(vec![at.w.op("Slice", &[&x, &start, &end, &axis], Vec::new())])
}

/// A part of one axis: its first index, its length and that of the whole, and whether the part lacks the axis.
struct Piece {
    start: i64,
    size: i64,
    whole: i64,
    is_dropped: bool,
}

fn piece(attributes: &Attributes, whole: &Val) -> Written<(usize, Piece)> {
    let told = |fault: crate::error::Fault| fault.to_string();
    let axis: usize = attributes.value("axis").map_err(told)?;
    let piece = |start: usize, size: usize, whole: usize, is_dropped| Piece {
        start: start as i64,
        size: size as i64,
        whole: whole as i64,
        is_dropped,
    };
    Ok((
        axis,
        match attributes.value("cut").map_err(told)? {
            Cut::Element(index) => piece(index, 1, length(whole, axis)?, true),
            Cut::Equal { part, parts } => {
                let whole = length(whole, axis)?;
                let size = whole.checked_div(parts).unwrap_or(0);
                piece(part.saturating_mul(size), size, whole, false)
            }
            Cut::Sized { start, size, whole } => piece(start, size, whole, false),
        },
    ))
}

pub(in crate::io::onnx::export) fn split_part(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.input(0)?;
    let (axis, cut) = piece(&at.attributes, &x)?;
    let part = at.w.slice(&x.name, axis, [cut.start, cut.start + cut.size, 1]);
    if !cut.is_dropped {
        return Ok(vec![part]);
    }
    let axes = at.w.ints(&[axis as i64]);
    Ok(vec![at.w.op("Squeeze", &[&part, &axes], Vec::new())])
}

/// A value among zeros: so many before and behind along each axis.
fn padded(w: &mut Writer, x: &Val, name: &str, before: &[i64], behind: &[i64]) -> String {
    if before.iter().chain(behind).all(|&count| count == 0) {
        return name.to_owned();
    }
    let pads = w.ints(&[before, behind].concat());
    let zero = w.number(0.0, x.dtype);
    w.op("Pad", &[name, &pads, &zero], vec![text("mode", "constant")])
}

/// A part put back where an op takes it from in a whole, among zeros.
fn put_back(w: &mut Writer, op: &str, attributes: &Attributes, part: &Val, whole: &Val) -> Written<String> {
    match op {
        "split_transposed" => {
            let (axis, cut) = piece(attributes, whole)?;
            let name =
                if cut.is_dropped { w.unsqueeze(&part.name, &[axis as i64]) } else { part.name.clone() };
            let (mut before, mut behind) = (vec![0; whole.rank()], vec![0; whole.rank()]);
            before[axis] = cut.start;
            behind[axis] = cut.whole - cut.start - cut.size;
            Ok(padded(w, part, &name, &before, &behind))
        }
        "slice_transposed" => {
            let (mut before, mut behind) = (vec![0; whole.rank()], vec![0; whole.rank()]);
            let (mut dropped, mut reversed) = (Vec::new(), Vec::new());
            for (axis, taken) in taken(attributes)?.into_iter().enumerate() {
                let of = match taken {
                    Taken::Index(_) => None,
                    Taken::Range { start, end, step } => Some(range(start, end, step)),
                };
                if matches!(of, Some([0, i64::MAX, 1])) {
                    continue;
                }
                let length = length(whole, axis)? as i64;
                let place = |index: i64| if index < 0 { index.saturating_add(length) } else { index };
                let (start, end) = match (taken, of) {
                    (Taken::Index(index), _) => {
                        dropped.push(axis as i64);
                        (place(index), place(index) + 1)
                    }
                    (_, Some([start, end, 1])) => {
                        (place(start).clamp(0, length), place(end).clamp(0, length))
                    }
                    (_, Some([i64::MAX, i64::MIN, -1])) => {
                        reversed.push(axis);
                        (0, length)
                    }
                    (Taken::Range { step, .. }, _) => {
                        return Err(format!("a part with steps of {step} put back"));
                    }
                };
                before[axis] = start;
                behind[axis] = length - end.max(start);
            }
            let mut name = part.name.clone();
            if !dropped.is_empty() {
                name = w.unsqueeze(&name, &dropped);
            }
            for axis in reversed {
                name = w.slice(&name, axis, [-1, i64::MIN, -1]);
            }
            Ok(padded(w, part, &name, &before, &behind))
        }
        "pad_transposed" => inside(w, attributes, &part.name),
        "reverse_transposed" => {
            let axes: Axes = attributes.value("axes").map_err(|fault| fault.to_string())?;
            let axes = axes.resolve(whole.rank()).map_err(|error| error.to_string())?;
            Ok(axes
                .into_iter()
                .fold(part.name.clone(), |back, axis| w.slice(&back, axis, [-1, i64::MIN, -1])))
        }
        other => Err(format!("parts put back by {other}")),
    }
}

pub(in crate::io::onnx::export) fn split_transposed(at: &mut At<'_, '_, '_>) -> Written {
    let (part, whole, attributes) = (at.input(0)?, at.input(1)?, at.attributes.clone());
    Ok(vec![put_back(at.w, "split_transposed", &attributes, &part, &whole)?])
}

pub(in crate::io::onnx::export) fn slice_transposed(at: &mut At<'_, '_, '_>) -> Written {
    let (part, whole, attributes) = (at.input(0)?, at.input(1)?, at.attributes.clone());
    Ok(vec![put_back(at.w, "slice_transposed", &attributes, &part, &whole)?])
}

/// Several parts of a whole, which is the first input: side by side where they fill it, or a sum.
pub(in crate::io::onnx::export) fn parts_transposed(at: &mut At<'_, '_, '_>) -> Written {
    let whole = at.input(0)?;
    let parts: Parts = at.value("parts")?;
    let parts: Vec<(&str, Attributes)> =
        parts.each().map(|(op, attributes, _)| (op, attributes.clone())).collect();
    if parts.len() + 1 != at.inputs.len() {
        return Err("parts that lie where a tensor says".to_owned());
    }
    if let Some(axis) = filled(&parts, &whole) {
        let names: Vec<String> = at.inputs.iter().skip(1).map(|val| val.name.clone()).collect();
        return Ok(vec![at.concatenated(&names.iter().map(String::as_str).collect::<Vec<_>>(), axis)]);
    }
    let mut sum: Option<String> = None;
    for (index, (op, attributes)) in parts.iter().enumerate() {
        let part = at.input(index + 1)?;
        let back = put_back(at.w, op, attributes, &part, &whole)?;
        sum = Some(match sum {
            None => back,
            Some(sum) => at.w.op("Add", &[&sum, &back], Vec::new()),
        });
    }
    sum.map(|sum| vec![sum]).ok_or_else(|| "expected parts, got none".to_owned())
}

/// The axis along which parts fill a whole, one behind the other.
fn filled(parts: &[(&str, Attributes)], whole: &Val) -> Option<usize> {
    let (mut at, mut along) = (0, None);
    for (op, attributes) in parts {
        let (axis, cut) = piece(attributes, whole).ok().filter(|_| *op == "split_transposed")?;
        if cut.is_dropped || cut.start != at || along.is_some_and(|along| along != axis) {
            return None;
        }
        at = cut.start + cut.size;
        along = Some(axis);
    }
    along.filter(|&axis| whole.dims.get(axis) == Some(&Dim::Known(usize::try_from(at).unwrap_or(0))))
}

/// Counts before and behind each axis, as the attribute has them.
fn paddings(attributes: &Attributes) -> Written<(Vec<i64>, Vec<i64>)> {
    let pairs: Vec<(usize, usize)> = attributes.value("paddings").map_err(|fault| fault.to_string())?;
    Ok(pairs.into_iter().map(|(before, behind)| (before as i64, behind as i64)).unzip())
}

pub(in crate::io::onnx::export) fn pad(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.input(0)?;
    let (before, behind) = paddings(&at.attributes)?;
    let pads = at.w.ints(&[before, behind].concat());
    let number = match at.attributes.get("with") {
        Some(Attribute::Text(mode)) if mode == "reflect" => {
            return Ok(vec![at.w.op("Pad", &[&x.name, &pads], vec![text("mode", "reflect")])]);
        }
        Some(Attribute::Float(number)) => *number,
        Some(Attribute::Int(number)) if number.unsigned_abs() <= 1 << 53 => *number as f64,
        Some(Attribute::Bool(flag)) => f64::from(*flag),
        other => return Err(format!("padding with {other:?}")),
    };
    let number = at.w.number(number, x.dtype);
    Ok(vec![at.w.op("Pad", &[&x.name, &pads, &number], vec![text("mode", "constant")])])
}

/// The inside of what padding with a number gives.
fn inside(w: &mut Writer, attributes: &Attributes, padded: &str) -> Written<String> {
    if matches!(attributes.get("with"), Some(Attribute::Text(_))) {
        return Err("reflections put back".to_owned());
    }
    let mut inside = padded.to_owned();
    let (before, behind) = paddings(attributes)?;
    for (axis, (before, behind)) in before.into_iter().zip(behind).enumerate() {
        if (before, behind) != (0, 0) {
            let end = if behind == 0 { i64::MAX } else { -behind };
            inside = w.slice(&inside, axis, [before, end, 1]);
        }
    }
    Ok(inside)
}

pub(in crate::io::onnx::export) fn pad_transposed(at: &mut At<'_, '_, '_>) -> Written {
    let (padded, attributes) = (at.name(0)?, at.attributes.clone());
    Ok(vec![inside(at.w, &attributes, &padded)?])
}
