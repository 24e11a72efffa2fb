//! What is told lengths: numbers, and those of tensors that are fed.

use super::at::{At, Ports, Row, one};
use super::block::{I64, Named, Port, number, of_type};
use crate::graph::op::Attribute;
use crate::io::tensorflow::Attr;
use crate::shape::Axes;

/// Where what an op computes is no formula of lengths.
pub(super) const OF_UNKNOWN: &[Row] = &[
    ("broadcast_to", |at| {
        let lengths = pattern(at)?;
        one(at.block.broadcast(at.inputs[0], lengths))
    }),
    ("pad_transposed", pad_transposed),
    ("product_of_others", product_of_others),
    ("reshape", |at| {
        let lengths = pattern(at)?;
        one(at.block.reshape(at.inputs[0], lengths))
    }),
    ("reshape_last", |at| {
        let lengths = at.output(0).shape.dims().to_vec();
        one(at.reshaped(at.inputs[0], &lengths)?)
    }),
    ("slice_transposed", slice_transposed),
];

/// The places of padding are left out, and what was reflected is added up.
fn pad_transposed(at: &mut At<'_, '_>) -> Ports {
    let dy = at.inputs[0];
    let Attribute::List(pairs) = at.attribute("paddings")? else {
        return Err("expected a pair of lengths for each axis, got something else".to_owned());
    };
    let mut around: Vec<i64> = Vec::with_capacity(2 * pairs.len());
    for pair in pairs {
        match pair {
            Attribute::Ints(pair) => around.extend(pair),
            other => return Err(format!("expected a pair of lengths, got {other}")),
        }
    }
    if at.attribute::<Attribute>("with")? == Attribute::Text("reflect".into()) {
        if !at.types[1].shape.is_known() {
            return Err("expected known lengths of what was reflected, got some that are fed".to_owned());
        }
        let lengths = at.block.longs(&[around.len() as i64 / 2, 2]);
        let around = at.block.longs(&around);
        let around = at.block.reshape(around, lengths);
        let mode = Attr::Bytes(b"REFLECT".to_vec());
        let attributes = vec![of_type("T", dy.dtype), of_type("Tpaddings", number(I64)), ("mode", mode)];
        return one(at.block.node("MirrorPadGrad", &[dy, around], attributes, dy.dtype));
    }
    let before: Vec<i64> = around.iter().step_by(2).copied().collect();
    let (begin, size) = (at.block.longs(&before), at.block.shape(at.inputs[1]));
    let attributes = vec![of_type("T", dy.dtype), of_type("Index", number(I64))];
    one(at.block.node("Slice", &[dy, begin, size], attributes, dy.dtype))
}

/// Ranges of the first axes, as TensorFlow's strided slices have them.
struct Ranges {
    /// The first places, those before which they end, and the steps.
    bounds: [Vec<i64>; 3],
    /// Bits of the axes without a first place, without an end, and of a single index.
    masks: [i64; 3],
}

/// Ranges in Python's notation, or indices, one for each of the first axes. TensorFlow cuts them off as Python does.
fn ranges(at: &At<'_, '_>) -> Result<Ranges, String> {
    let Attribute::List(ranges) = at.attribute("ranges")? else {
        return Err("expected a range for each axis, got something else".to_owned());
    };
    let (mut begins, mut ends, mut steps) = (Vec::new(), Vec::new(), Vec::new());
    let [mut begin_mask, mut end_mask, mut shrink_axis_mask] = [0_i64; 3];
    for (axis, range) in ranges.iter().enumerate() {
        let (begin, end, step) = match range {
            &Attribute::Int(index) => {
                shrink_axis_mask |= 1 << axis;
                (index, index.wrapping_add(1), 1)
            }
            Attribute::Text(text) => {
                let mut parts = text.split(':').map(|part| part.parse::<i64>().ok());
                let [begin, end] = [(); 2].map(|()| parts.next().flatten());
                begin_mask |= i64::from(begin.is_none()) << axis;
                end_mask |= i64::from(end.is_none()) << axis;
                (begin.unwrap_or(0), end.unwrap_or(0), parts.next().flatten().unwrap_or(1))
            }
            other => return Err(format!("expected a range or an index, got {other}")),
        };
        begins.push(begin);
        ends.push(end);
        steps.push(step);
    }
    Ok(Ranges { bounds: [begins, ends, steps], masks: [begin_mask, end_mask, shrink_axis_mask] })
}

impl Ranges {
    fn attributes(&self, x: Port) -> Vec<Named> {
        let names = ["begin_mask", "end_mask", "shrink_axis_mask"];
        let masks = names.into_iter().zip(self.masks).map(|(name, mask)| (name, Attr::Int(mask)));
        [of_type("T", x.dtype), of_type("Index", number(I64))].into_iter().chain(masks).collect()
    }
}

pub(super) fn slice(at: &mut At<'_, '_>) -> Ports {
    let (x, ranges) = (at.inputs[0], ranges(at)?);
    let [begin, end, step] = ranges.bounds.each_ref().map(|places| at.block.longs(places));
    one(at.block.node("StridedSlice", &[x, begin, end, step], ranges.attributes(x), x.dtype))
}

fn slice_transposed(at: &mut At<'_, '_>) -> Ports {
    let (dy, ranges) = (at.inputs[0], ranges(at)?);
    let shape = at.block.shape(at.inputs[1]);
    let [begin, end, step] = ranges.bounds.each_ref().map(|places| at.block.longs(places));
    let attributes = ranges.attributes(dy);
    one(at.block.node("StridedSliceGrad", &[shape, begin, end, step, dy], attributes, dy.dtype))
}

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
    let (begin, size, rest) =
        (at.block.longs(&[0]), at.block.longs(&[kept.len() as i64]), at.block.longs(&[-1]));
    let attributes = vec![of_type("T", number(I64)), of_type("Index", number(I64))];
    let first = at.block.node("Slice", &[shape, begin, size], attributes, number(I64));
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
