//! What is told lengths: numbers, and those of tensors that are fed.

use super::at::{At, Ports, Row, one};
use super::block::{I64, Port, number, of_type};
use crate::graph::op::Attribute;
use crate::io::tensorflow::Attr;
use crate::shape::Axes;

/// Where what an op computes is no formula of lengths.
pub(super) const OF_UNKNOWN: &[Row] = &[
    ("broadcast_to", |at| {
        let lengths = pattern(at)?;
        one(at.block.broadcast(at.inputs[0], lengths))
    }),
    ("product_of_others", product_of_others),
    ("reshape", |at| {
        let lengths = pattern(at)?;
        one(at.block.reshape(at.inputs[0], lengths))
    }),
    ("reshape_last", |at| {
        let lengths = at.output(0).shape.dims().to_vec();
        one(at.reshaped(at.inputs[0], &lengths)?)
    }),
];

/// Elements moved along axes that are fed.
pub(super) fn roll(at: &mut At<'_, '_>, is_back: bool) -> Ports {
    let (x, axes): (Port, Axes) = (at.inputs[0], at.attribute("axes")?);
    // In the order of the shifts.
    let axes = axes.as_listed(at.rank(0)).map_err(|error| error.to_string())?;
    let Attribute::Ints(shifts) = at.attribute("shifts")? else {
        return Err("expected shifts, got something else".to_owned());
    };
    // TensorFlow counts them in 32 bits.
    let shift = |&shift: &i64| {
        let shift = i32::try_from(shift).ok()?;
        if is_back { shift.checked_neg() } else { Some(shift) }.map(i64::from)
    };
    let shifts: Option<Vec<i64>> = shifts.iter().map(shift).collect();
    let shifts = shifts.ok_or("expected shifts of 32 bits along axes that are fed, got longer ones")?;
    let shifts = if let [only] = shifts[..] { vec![only; axes.len()] } else { shifts };
    if axes.is_empty() {
        return one(at.block.identity(x));
    }
    let axes: Vec<i64> = axes.into_iter().map(|axis| axis as i64).collect();
    let [shifts, axes] = [shifts, axes].map(|numbers| at.block.longs(&numbers));
    let attributes =
        vec![of_type("T", x.dtype), of_type("Tshift", number(I64)), of_type("Taxis", number(I64))];
    one(at.block.node("Roll", &[x, shifts, axes], attributes, x.dtype))
}

/// The lengths that an op is told, of which inputs behind the first one tell some.
fn pattern(at: &mut At<'_, '_>) -> Result<Port, String> {
    let mut computed = at.inputs[1..].iter();
    let entries: Vec<Attribute> = match at.attribute("lengths")? {
        Attribute::Ints(numbers) => numbers.into_iter().map(Attribute::Int).collect(),
        Attribute::List(entries) => entries,
        other => return Err(format!("expected lengths, got {other}")),
    };
    let mut lengths = Vec::with_capacity(entries.len());
    for entry in entries {
        lengths.push(if let Attribute::Int(length) = entry {
            at.block.long(length)
        } else {
            let tensor = computed.next().ok_or("expected a tensor for each computed length, got fewer")?;
            at.block.length(*tensor, 0)
        });
    }
    if lengths.is_empty() {
        return Ok(at.block.longs(&[]));
    }
    Ok(at.block.pack(&lengths, 0))
}

/// Along axes that are made one, the product of what comes before times that of what comes behind.
fn product_of_others(at: &mut At<'_, '_>) -> Ports {
    if at.inputs.len() > 1 {
        return Err("expected products of all other elements, got their derivative".to_owned());
    }
    let (axes, rank) = (at.axes("axes", 0)?, at.rank(0));
    let kept: Vec<usize> = (0..rank).filter(|axis| !axes.contains(axis)).collect();
    let order = [&kept[..], &axes].concat();
    let x = at.block.transpose(at.inputs[0], &order);
    let shape = at.block.shape(x);
    let rest = at.block.longs(&[-1]);
    let first = at.part(shape, 0, kept.len() as i64);
    let rows = at.block.concat(&[first, rest], 0);
    let rows = at.block.reshape(x, rows);
    let along = at.block.int(kept.len() as i64);
    let [before, behind] = [false, true].map(|reverse| {
        let attributes = vec![
            of_type("T", x.dtype),
            of_type("Tidx", along.dtype),
            ("exclusive", Attr::Bool(true)),
            ("reverse", Attr::Bool(reverse)),
        ];
        at.block.node("Cumprod", &[rows, along], attributes, x.dtype)
    });
    let others = at.block.same("Mul", &[before, behind]);
    let others = at.block.reshape(others, shape);
    let mut back = vec![0; rank];
    order.iter().enumerate().for_each(|(place, &axis)| back[axis] = place);
    one(at.block.transpose(others, &back))
}
