//! What is told lengths: numbers, and those of tensors that are fed.

use super::at::{At, Ports, Row, one};
use super::block::{I64, Port, number, of_type};
use crate::graph::op::Attribute;
use crate::io::tensorflow::Attr;

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
        lengths.push(match entry {
            Attribute::Int(length) => at.block.long(length),
            _ => {
                let tensor =
                    computed.next().ok_or("expected a tensor for each computed length, got fewer")?;
                at.block.length(*tensor, 0)
            }
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
