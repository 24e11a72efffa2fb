//! One element for many, and what runs along an axis.

use crate::element::DType;
use crate::io::onnx::export::at::{At, Written};
use crate::io::onnx::export::ops::images;
use crate::io::onnx::export::writer::{Dim, int};

fn reduced(at: &mut At<'_, '_, '_>, op: &str) -> Written {
    let x = at.input(0)?;
    let (axes, keeps) = at.axes(x.rank())?;
    Ok(vec![if axes.is_empty() { x.name } else { at.w.reduce(op, &x.name, &axes, keeps) }])
}

pub(in crate::io::onnx::export) fn sum(at: &mut At<'_, '_, '_>) -> Written {
    reduced(at, "ReduceSum")
}

/// The largest; of what windows of images show, the pool of these.
pub(in crate::io::onnx::export) fn max(at: &mut At<'_, '_, '_>) -> Written {
    match images::max_pool(at)? {
        Some(pooled) => Ok(vec![pooled]),
        None => reduced(at, "ReduceMax"),
    }
}

pub(in crate::io::onnx::export) fn min(at: &mut At<'_, '_, '_>) -> Written {
    reduced(at, "ReduceMin")
}

pub(in crate::io::onnx::export) fn prod(at: &mut At<'_, '_, '_>) -> Written {
    reduced(at, "ReduceProd")
}

/// Booleans by the numbers 0 and 1, which all runtimes reduce.
fn of_flags(at: &mut At<'_, '_, '_>, op: &str) -> Written {
    let x = at.input(0)?;
    let (axes, keeps) = at.axes(x.rank())?;
    let numbers = at.w.cast(&x.name, DType::I32);
    let found = at.w.reduce(op, &numbers, &axes, keeps);
    Ok(vec![at.w.cast(&found, DType::Bool)])
}

pub(in crate::io::onnx::export) fn any(at: &mut At<'_, '_, '_>) -> Written {
    of_flags(at, "ReduceMax")
}

pub(in crate::io::onnx::export) fn all(at: &mut At<'_, '_, '_>) -> Written {
    of_flags(at, "ReduceMin")
}

/// The number of elements along the axes, as a number of the type.
pub(in crate::io::onnx::export) fn count(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.input(0)?;
    let (axes, _) = at.axes(x.rank())?;
    let dtype = at.dtype()?;
    let known = |&axis: &i64| match x.dims.get(usize::try_from(axis).ok()?) {
        Some(Dim::Known(length)) => Some(*length as f64),
        _ => None,
    };
    if let Some(known) = axes.iter().map(known).collect::<Option<Vec<f64>>>() {
        return Ok(vec![at.w.number(known.iter().product(), dtype)]);
    }
    let (shape, axes) = (at.w.shape(&x), at.w.ints(&axes));
    let lengths = at.w.op("Gather", &[&shape, &axes], vec![int("axis", 0)]);
    let product = at.w.reduce("ReduceProd", &lengths, &[0], false);
    Ok(vec![at.w.cast(&product, dtype)])
}

/// A mean, or the number itself where all that it is of are equal.
pub(in crate::io::onnx::export) fn unless_all_equal(at: &mut At<'_, '_, '_>) -> Written {
    let (mean, x) = (at.name(0)?, at.input(1)?);
    let (axes, keeps) = at.axes(x.rank())?;
    let are_single = |&axis: &i64| x.dims.get(axis as usize).is_some_and(|dim| *dim == Dim::Known(1));
    if axes.iter().all(are_single) {
        return Ok(vec![mean]);
    }
    let [least, largest] = ["ReduceMin", "ReduceMax"].map(|op| at.w.reduce(op, &x.name, &axes, keeps));
    let are_equal = at.w.op("Equal", &[&least, &largest], Vec::new());
    Ok(vec![at.w.op("Where", &[&are_equal, &least, &mean], Vec::new())])
}

fn extreme(at: &mut At<'_, '_, '_>, op: &str) -> Written {
    let x = at.input(0)?;
    let axis = at.axis("axis", x.rank())?;
    let found = at.w.op(op, &[&x.name], vec![int("axis", axis as i64), int("keepdims", 0)]);
    let dtype = at.dtype()?;
    Ok(vec![if dtype == DType::I64 { found } else { at.w.cast(&found, dtype) }])
}

pub(in crate::io::onnx::export) fn argmax(at: &mut At<'_, '_, '_>) -> Written {
    extreme(at, "ArgMax")
}

pub(in crate::io::onnx::export) fn argmin(at: &mut At<'_, '_, '_>) -> Written {
    extreme(at, "ArgMin")
}

pub(in crate::io::onnx::export) fn cumsum(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.input(0)?;
    let axis = at.axis("axis", x.rank())?;
    let [exclusive, reverse] = ["exclusive", "reverse"].map(|name| at.value::<bool>(name));
    let attributes = vec![int("exclusive", exclusive?.into()), int("reverse", reverse?.into())];
    let axis = at.w.int(axis as i64);
    Ok(vec![at.w.op("CumSum", &[&x.name, &axis], attributes)])
}

pub(in crate::io::onnx::export) fn top_k(at: &mut At<'_, '_, '_>) -> Written {
    let x = at.name(0)?;
    let k: usize = at.value("k")?;
    let k = at.w.ints(&[k as i64]);
    let mut found = at.w.ops("TopK", &[&x, &k], vec![int("axis", -1)], 2);
    if let (Some(indices), Some(of)) = (found.get_mut(1), at.item.types.get(1))
        && of.dtype != DType::I64
    {
        *indices = at.w.cast(indices, of.dtype);
    }
    Ok(found)
}
