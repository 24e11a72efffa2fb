//! Shapes, and elements under other shapes.

use crate::element::{DType, Value};
use crate::io::import::known::{Entry, Known};
use crate::io::onnx::error::{NodeFault, invalid, unsupported};
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, Built, counts, one, signed};
use crate::io::onnx::table::{Moves, Row, op};
use crate::ops::{AxisRange, Length};

const FIRST: Moves = Moves::Of(&[0]);

pub(super) const ROWS: &[Row] = &[
    op("Concat", 4, |at| {
        let axis = At::axis_of(at.required_int("axis")?, at.rank(0)?)?;
        one(at.graph.concat_any(&at.tensors(), axis as isize))
    })
    .moving(Moves::All),
    op("DepthToSpace", 1, depth_to_space),
    op("Expand", 8, |at| expand(at, &at.entries(1)?)).moving(FIRST),
    op("Flatten", 1, flatten).moving(FIRST),
    op("Identity", 1, identity).moving(FIRST),
    op("Reshape", 5, reshape).moving(FIRST),
    op("Shape", 1, shape).unfolded(),
    op("Size", 1, |at| {
        let total = Known::lengths_of(at.tensor(0)?).total(crate::io::import::known::Arithmetic::Mul);
        match total {
            Some(total) => Ok(vec![Item::lengths(total, DType::I64)]),
            None => unsupported("a number of elements that cannot be counted"),
        }
    })
    .unfolded(),
    op("Slice", 1, slice_attributes).until(9).moving(FIRST),
    op("Slice", 10, slice).moving(FIRST),
    op("SpaceToDepth", 1, space_to_depth),
    op("Split", 2, |at| {
        let sizes = at.opt_ints("split")?.map(<[i64]>::to_vec);
        split(at, sizes)
    })
    .until(12)
    .moving(FIRST),
    op("Split", 13, |at| {
        let sizes = if at.has(1) { Some(at.ints(1)?) } else { None };
        split(at, sizes)
    })
    .moving(FIRST),
    op("Squeeze", 1, |at| squeeze(at, at.opt_ints("axes")?.map(<[i64]>::to_vec))).until(12).moving(FIRST),
    op("Squeeze", 13, |at| {
        let axes = if at.has(1) { Some(at.ints(1)?) } else { None };
        squeeze(at, axes)
    })
    .moving(FIRST),
    op("Tile", 6, |at| {
        let counts = counts(&at.ints(1)?, "repeats")?;
        one(at.tensor(0)?.tile(counts))
    })
    .moving(FIRST),
    op("Transpose", 1, |at| {
        let x = at.tensor(0)?;
        let permutation = match at.opt_ints("perm")? {
            Some(axes) => At::axes_of(axes, x.shape().rank())?,
            None => (0..x.shape().rank()).rev().collect(),
        };
        one(x.transpose_perm(signed(&permutation)))
    })
    .moving(FIRST),
    op("Unsqueeze", 1, |at| {
        let axes = at.opt_ints("axes")?.unwrap_or_default().to_vec();
        unsqueeze(at, &axes)
    })
    .until(12)
    .moving(FIRST),
    op("Unsqueeze", 13, |at| unsqueeze(at, &at.ints(1)?)).moving(FIRST),
];

/// What other programs call the tensor itself; nothing is built.
fn identity<'g>(at: &At<'_, 'g>) -> Built<'g> {
    Ok(vec![at.item(0)?.clone()])
}

/// The lengths of a tensor, from an axis on and up to another.
fn shape<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let known = match at.item(0)?.shape(at.graph).known() {
        Some(lengths) => Known::list(lengths.iter().map(|&length| Entry::Number(length as i64)).collect()),
        None => Known::lengths_of(at.tensor(0)?),
    };
    let rank = known.entries().len() as i64;
    let place = |axis: i64| if axis < 0 { axis.saturating_add(rank) } else { axis }.clamp(0, rank);
    let (start, end) = (place(at.int("start", 0)?), place(at.int("end", rank)?));
    let entries = known.entries().get(start as usize..end.max(start) as usize).unwrap_or_default();
    Ok(vec![Item::lengths(Known::list(entries.to_vec()), DType::I64)])
}

fn reshape<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let x = at.tensor(0)?;
    let keeps_zero = at.flag("allowzero", false)?;
    let own = |axis: usize| x.shape().dims().get(axis).map(|_| x.dim(axis as isize));
    let length = |(axis, entry): (usize, Entry<'g>)| -> Result<Length<'g>, NodeFault> {
        let found = match entry {
            Entry::Number(0) if !keeps_zero => own(axis),
            entry => entry.length(),
        };
        let got = entry.number().unwrap_or_default();
        found.map_or_else(
            || {
                invalid(format!(
                    "length {axis}: expected -1, 0 or more, and 0 for an axis of {}, got {got}",
                    x.shape()
                ))
            },
            Ok,
        )
    };
    let lengths = at.entries(1)?.into_iter().enumerate().map(length).collect::<Result<Vec<_>, _>>()?;
    one(x.reshape(lengths))
}

fn flatten<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (x, axis) = (at.tensor(0)?, at.int("axis", 1)?);
    let rank = x.shape().rank();
    // Behind the last axis, too.
    let axis = if axis == rank as i64 { rank } else { At::axis_of(axis, rank.max(1))? };
    let total =
        |lengths: &[Length<'g>]| lengths.iter().fold(Length::from(1_usize), |all, &length| all * length);
    let lengths = x.lengths();
    let (rows, columns) = lengths.split_at(axis.min(rank));
    one(x.reshape([total(rows), total(columns)]))
}

fn squeeze<'g>(at: &At<'_, 'g>, axes: Option<Vec<i64>>) -> Built<'g> {
    let x = at.tensor(0)?;
    if let Some(axes) = axes {
        return one(super::reduce::squeezed(x, &axes)?);
    }
    let lengths = at.known_shape(0)?;
    let axes: Vec<usize> = (0..lengths.len()).filter(|&axis| lengths[axis] == 1).collect();
    one(x.squeeze(signed(&axes)))
}

fn unsqueeze<'g>(at: &At<'_, 'g>, axes: &[i64]) -> Built<'g> {
    let x = at.tensor(0)?;
    let mut axes = At::axes_of(axes, x.shape().rank() + axes.len())?;
    axes.sort_unstable();
    if axes.windows(2).any(|pair| pair[0] == pair[1]) {
        return invalid(format!("expected each axis once, got {axes:?}"));
    }
    let y = axes.iter().fold(x, |x, &axis| x.expand_dims(axis as isize));
    one(y)
}

/// A tensor as NumPy broadcasts it together with a shape.
pub(super) fn expand<'g>(at: &At<'_, 'g>, shape: &[Entry<'g>]) -> Built<'g> {
    let x = at.tensor(0)?;
    let own = x.lengths();
    let rank = own.len().max(shape.len());
    let length = |axis: usize| -> Result<Length<'g>, NodeFault> {
        let mine = (axis + own.len()).checked_sub(rank).and_then(|axis| own.get(axis)).copied();
        let wanted = (axis + shape.len()).checked_sub(rank).and_then(|axis| shape.get(axis)).copied();
        match (mine, wanted) {
            (Some(mine), None | Some(Entry::Number(1))) => Ok(mine),
            (Some(mine), Some(Entry::Length(_))) if mine.known().is_some_and(|length| length != 1) => {
                Ok(mine)
            }
            (_, Some(entry)) => {
                entry.length().map_or_else(|| invalid("expected lengths of 0 or more, got others"), Ok)
            }
            (None, None) => Ok(1_usize.into()),
        }
    };
    let lengths = (0..rank).map(length).collect::<Result<Vec<_>, _>>()?;
    one(x.broadcast_to(lengths))
}

fn slice_attributes<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (Some(starts), Some(ends)) = (at.opt_ints("starts")?, at.opt_ints("ends")?) else {
        return invalid("expected attributes `starts` and `ends`, got none");
    };
    let axes = at.opt_ints("axes")?;
    sliced(at, starts, ends, axes, None)
}

fn slice<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let axes = if at.has(3) { Some(at.ints(3)?) } else { None };
    let steps = if at.has(4) { Some(at.ints(4)?) } else { None };
    // An end that is the axis' own length, whatever that is, is the axis' end.
    let ends: Vec<i64> = match at.ints(2) {
        Ok(ends) => ends,
        Err(fault) => {
            let x = at.tensor(0)?;
            let entries = at.entries(2)?;
            let end = |(index, entry): (usize, &Entry<'g>)| {
                let axis = axes.as_ref().map_or(Some(index as i64), |axes| axes.get(index).copied())?;
                let axis = At::axis_of(axis, x.shape().rank()).ok()?;
                let own = Entry::of(x.dim(axis as isize));
                if own.is(*entry) { Some(i64::MAX) } else { entry.number() }
            };
            match entries.iter().enumerate().map(end).collect::<Option<Vec<_>>>() {
                Some(ends) => ends,
                None => return Err(fault),
            }
        }
    };
    sliced(at, &at.ints(1)?, &ends, axes.as_deref(), steps.as_deref())
}

fn sliced<'g>(
    at: &At<'_, 'g>,
    starts: &[i64],
    ends: &[i64],
    axes: Option<&[i64]>,
    steps: Option<&[i64]>,
) -> Built<'g> {
    let x = at.tensor(0)?;
    let rank = x.shape().rank();
    let axes = match axes {
        Some(axes) => At::axes_of(axes, rank)?,
        None => (0..starts.len().min(rank)).collect(),
    };
    let count = axes.len();
    if starts.len() != count || ends.len() != count || steps.is_some_and(|steps| steps.len() != count) {
        return invalid(format!(
            "expected as many starts, ends and steps as axes, got {}, {}, {:?} and {count}",
            starts.len(),
            ends.len(),
            steps.map(<[i64]>::len)
        ));
    }
    let mut ranges = vec![AxisRange::from(..); rank];
    for (index, &axis) in axes.iter().enumerate() {
        let step = steps.map_or(1, |steps| steps[index]);
        ranges[axis] = AxisRange::of(starts[index] as isize, ends[index] as isize).step(step as isize);
    }
    one(x.slice(ranges))
}

fn split<'g>(at: &At<'_, 'g>, sizes: Option<Vec<i64>>) -> Built<'g> {
    let (x, axis) = (at.tensor(0)?, at.axis("axis", 0)?);
    let parts = at.node.output.len().max(1);
    if at.opt_int("num_outputs")?.is_some_and(|told| told != parts as i64) {
        return invalid(format!(
            "attribute `num_outputs`: expected {parts}, as there are outputs, got another number"
        ));
    }
    let sizes = match sizes {
        Some(sizes) => counts(&sizes, "split")?,
        None => match x.shape()[axis] {
            // The last part may be smaller.
            Some(length) => {
                let each = length.div_ceil(parts);
                (0..parts).map(|part| length.saturating_sub(part * each).min(each)).collect()
            }
            None => return Ok(x.split(parts, axis as isize).into_iter().map(Item::run).collect()),
        },
    };
    Ok(x.split_sizes(sizes, axis as isize).into_iter().map(Item::run).collect())
}

/// Images whose lengths are known, and how many pixels become one, or the other way round.
fn blocks<'g>(at: &At<'_, 'g>) -> Result<(Vec<Length<'g>>, usize), NodeFault> {
    let block = crate::io::onnx::node::count(at.required_int("blocksize")?, "blocksize")?;
    let lengths = at.tensor(0)?.lengths();
    if lengths.len() != 4 || block == 0 {
        return invalid(format!(
            "expected four axes and a block size above 0, got {} and {block}",
            lengths.len()
        ));
    }
    Ok((lengths, block))
}

fn depth_to_space<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (lengths, block) = blocks(at)?;
    let b: Length<'g> = block.into();
    let depth = lengths[1] / (block * block);
    let x = at.tensor(0)?;
    let blocked = match at.text("mode", "DCR")?.as_str() {
        "DCR" => {
            x.reshape([lengths[0], b, b, depth, lengths[2], lengths[3]]).transpose_perm([0, 3, 4, 1, 5, 2])
        }
        "CRD" => {
            x.reshape([lengths[0], depth, b, b, lengths[2], lengths[3]]).transpose_perm([0, 1, 4, 2, 5, 3])
        }
        other => return invalid(format!("attribute `mode`: expected `DCR` or `CRD`, got `{other}`")),
    };
    one(blocked.reshape([lengths[0], depth, lengths[2] * block, lengths[3] * block]))
}

fn space_to_depth<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (lengths, block) = blocks(at)?;
    let b: Length<'g> = block.into();
    let (rows, columns) = (lengths[2] / block, lengths[3] / block);
    let blocked = at.tensor(0)?.reshape([lengths[0], lengths[1], rows, b, columns, b]);
    let blocked = match at.text("mode", "DCR")?.as_str() {
        "DCR" => blocked.transpose_perm([0, 3, 5, 1, 2, 4]),
        "CRD" => blocked.transpose_perm([0, 1, 3, 5, 2, 4]),
        other => return invalid(format!("attribute `mode`: expected `DCR` or `CRD`, got `{other}`")),
    };
    one(blocked.reshape([lengths[0], lengths[1] * (block * block), rows, columns]))
}

/// A list of integers as a value.
pub(super) fn list(numbers: Vec<i64>) -> Value {
    Value::from(ndarray::Array1::from(numbers))
}
