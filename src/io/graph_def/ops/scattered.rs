//! Elements added up or put at places: scatters into tensors and into variables, and segments.

use super::at::one;
use super::state::assigned;
use super::{At, Outputs, Refusal, Row, Val};
use crate::element::DType;
use crate::graph::AnyTensor;
use crate::graph::op::Update;
use crate::io::import::known::{Entry, Known};
use crate::ops::Length;

pub(super) const OPS: &[Row] = &[
    ("ResourceScatterAdd", |at| variable(at, At::added)),
    ("ResourceScatterSub", |at| variable(at, At::taken)),
    ("ResourceScatterUpdate", |at| variable(at, At::put)),
    ("ScatterAdd", |at| variable(at, At::added)),
    ("ScatterNd", |at| {
        let updates = at.tensor(1)?;
        let zeros = updates.scalar_like(0.0).broadcast_to(at.lengths(2)?);
        at_points(zeros, at.tensor(0)?, updates, At::added)
    }),
    ("ScatterSub", |at| variable(at, At::taken)),
    ("ScatterUpdate", |at| variable(at, At::put)),
    ("SegmentMax", |at| segments(at, |x, ids, count| x.unsorted_segment_max(ids, count))),
    ("SegmentMean", |at| segments(at, |x, ids, count| x.unsorted_segment_mean(ids, count))),
    ("SegmentMin", |at| segments(at, |x, ids, count| x.unsorted_segment_min(ids, count))),
    ("SegmentProd", |at| segments(at, |x, ids, count| x.unsorted_segment_prod(ids, count))),
    ("SegmentSum", |at| segments(at, |x, ids, count| x.unsorted_segment_sum(ids, count))),
    ("TensorScatterAdd", |at| at_points(at.tensor(0)?, at.tensor(1)?, at.tensor(2)?, At::added)),
    ("TensorScatterSub", |at| at_points(at.tensor(0)?, at.tensor(1)?, at.tensor(2)?, At::taken)),
    ("TensorScatterUpdate", |at| at_points(at.tensor(0)?, at.tensor(1)?, at.tensor(2)?, At::put)),
    ("Unique", unique),
    ("UnsortedSegmentMax", |at| unsorted(at, |x, ids, count| x.unsorted_segment_max(ids, count))),
    ("UnsortedSegmentMin", |at| unsorted(at, |x, ids, count| x.unsorted_segment_min(ids, count))),
    ("UnsortedSegmentProd", |at| unsorted(at, |x, ids, count| x.unsorted_segment_prod(ids, count))),
    ("UnsortedSegmentSum", |at| unsorted(at, |x, ids, count| x.unsorted_segment_sum(ids, count))),
];

/// What becomes of rows, of places among them, and of what is put there.
type Scatter = for<'g> fn(AnyTensor<'g>, AnyTensor<'g>, AnyTensor<'g>) -> AnyTensor<'g>;

impl At<'_, '_> {
    fn added<'g>(x: AnyTensor<'g>, places: AnyTensor<'g>, rows: AnyTensor<'g>) -> AnyTensor<'g> {
        x.scatter_add(places, rows, 0)
    }

    fn taken<'g>(x: AnyTensor<'g>, places: AnyTensor<'g>, rows: AnyTensor<'g>) -> AnyTensor<'g> {
        x.scatter_add(places, -rows, 0)
    }

    fn put<'g>(x: AnyTensor<'g>, places: AnyTensor<'g>, rows: AnyTensor<'g>) -> AnyTensor<'g> {
        x.scatter_set(places, rows, 0)
    }
}

/// Rows of one length each, behind an axis that takes the rest.
fn rows<'g>(x: AnyTensor<'g>, behind: &[Length<'g>]) -> AnyTensor<'g> {
    let all = std::iter::once(Length::from(-1_isize)).chain(behind.iter().copied());
    x.reshape(all.collect::<Vec<_>>())
}

/// A variable, with rows at places changed.
fn variable<'g>(at: &At<'_, 'g>, scatter: Scatter) -> Outputs<'g> {
    let (x, places, updates) = (at.tensor(0)?, at.tensor(1)?, at.tensor(2)?);
    let lengths = x.lengths();
    let behind = lengths.get(1..).ok_or("expected a variable with axes, got a number")?;
    if updates.shape().rank() + 1 != places.shape().rank() + lengths.len() {
        return Err(format!("expected updates with a row for each place, got {}", updates.shape()).into());
    }
    let new = scatter(x, places.reshape([-1]), rows(updates, behind));
    let (place, after) = assigned(at, 0, Update::Replace, new)?;
    Ok(vec![Val::Variable { place, after: Some(after) }])
}

/// A tensor, with what lies at points changed; the last axis of the indices is a point's places along the first axes.
fn at_points<'g>(
    x: AnyTensor<'g>,
    indices: AnyTensor<'g>,
    updates: AnyTensor<'g>,
    scatter: Scatter,
) -> Outputs<'g> {
    let lengths = x.lengths();
    let depth = indices.shape().dims().last().copied().flatten();
    let depth = depth.filter(|depth| (1..=lengths.len()).contains(depth));
    let depth = depth.ok_or_else(|| {
        format!("expected points of 1 to {} places, got {}", lengths.len(), indices.shape())
    })?;
    let (before, behind) = lengths.split_at(depth);
    let number = |length: Length<'g>| Known::scalar(Entry::of(length)).tensor(x.graph(), indices.dtype());
    let places = indices.unstack(-1).into_iter().zip(before);
    let place = places.fold(None, |place, (index, &length)| {
        Some(place.map_or(index, |place: AnyTensor<'g>| place * number(length) + index))
    });
    let place = place.ok_or("expected points of some places, got none")?;
    one(scatter(rows(x, behind), place.reshape([-1]), rows(updates, behind)).reshape(lengths))
}

type Segments = for<'g> fn(AnyTensor<'g>, AnyTensor<'g>, Length<'g>) -> AnyTensor<'g>;

/// Segments of which the number is told.
fn unsorted<'g>(at: &At<'_, 'g>, of: Segments) -> Outputs<'g> {
    let count = at.known(2).and_then(Known::one).and_then(Entry::length);
    let count = count.ok_or("expected a number of segments that is known, got a computed one")?;
    at.binary(|x, ids| of(x, ids, count))
}

/// Segments up to the last one that there is.
fn segments<'g>(at: &At<'_, 'g>, of: Segments) -> Outputs<'g> {
    let ids = at.numbers(1, "segments")?;
    let last = ids.iter().max().map_or(Some(0), |last| last.checked_add(1));
    let count = last.and_then(|count| usize::try_from(count).ok()).ok_or("expected segments from 0 on")?;
    at.spend(count as f64, DType::F64)?;
    // Of a segment without rows it is 0, and not the least number there is.
    let rank = at.tensor(0)?.shape().rank();
    let mut is_there = vec![false; count];
    for &segment in &ids {
        let place = usize::try_from(segment).ok().and_then(|segment| is_there.get_mut(segment));
        *place.ok_or_else(|| format!("expected segments from 0 on, got {segment}"))? = true;
    }
    let is_there = at.graph().constant(ndarray::Array1::from(is_there)).any();
    let is_there = (1..rank).fold(is_there, |is_there, _| is_there.expand_dims(-1));
    at.binary(|x, ids| {
        let found = of(x, ids, count.into());
        is_there.select(found, found.scalar_like(0.0))
    })
}

/// What stands in a list, once each, and where each element stands there: where what is added up goes. Each element stays
/// in its place, and one that stood before is left without a share.
fn unique<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let own = at.nodes.by_name.get(at.name()).copied();
    let is_read_by = |output: usize, ops: &[&str]| {
        let readers =
            at.nodes.all.iter().filter(|node| {
                node.inputs.iter().any(|port| Some(port.node) == own && port.output == output)
            });
        readers.into_iter().all(|node| ops.contains(&&*node.op))
    };
    let adds = ["Shape", "ScatterAdd", "ScatterSub", "ResourceScatterAdd", "ResourceScatterSub"];
    if !is_read_by(0, &adds) || !is_read_by(1, &["UnsortedSegmentSum"]) {
        return Err(Refusal::Detail("expected to place what is added up, got another use".to_owned()));
    }
    let x = at.tensor(0)?;
    let to = if at.node.attr("out_idx").is_some() { at.dtype("out_idx")? } else { DType::I32 };
    let first = x.expand_dims(1).equal(x.expand_dims(0)).cast(DType::I32).argmax(1);
    Ok(vec![Val::Tensor(x), Val::Tensor(if to == DType::I64 { first } else { first.cast(to) })])
}
