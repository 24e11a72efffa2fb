//! Parts of tensors, of which ends may be lengths that are fed. Small arrays of whole numbers that are known stay so.

use super::at::{gradients, known, one};
use super::{At, Outputs, Refusal, Row, Val};
use crate::element::DType;
use crate::graph::AnyTensor;
use crate::io::import::known::{Arithmetic, Entry, Known};
use crate::ops::{AxisRange, Length};

pub(super) const OPS: &[Row] = &[
    ("Slice", slice),
    ("StridedSlice", |at| strided(at, at.value(0)?, 1)),
    ("StridedSliceGrad", |at| {
        // Where elements were taken of zeros, the cotangent is put.
        let like = at.tensor(4)?.scalar_like(0.0).broadcast_to(at.lengths(0)?);
        let taken = strided(at, &Val::Tensor(like), 1)?;
        let variables = [];
        let taken = taken.first().and_then(|value| value.tensor(at.graph(), &variables));
        let taken = taken.ok_or("expected a slice of tensors, got something else")?;
        Ok(gradients(taken, at.tensor(4)?, &[like])?.into_iter().map(Val::Tensor).collect())
    }),
];

fn slice<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let known_places = |input: usize| {
        let entries =
            at.known(input).filter(|known| known.shape().len() == 1).map(|known| known.entries().to_vec());
        entries.ok_or("expected places and sizes made of numbers and lengths of tensors, got computed ones")
    };
    let (starts, sizes) = (known_places(1)?, known_places(2)?);
    if let Some(Val::Known(numbers, dtype)) = at.inputs.first()
        && let Some(part) = known_part(numbers, &starts, &sizes)
    {
        return known(part, *dtype);
    }
    let x = at.tensor(0)?;
    if starts.len() != x.shape().rank() || sizes.len() != starts.len() {
        let (rank, places) = (x.shape().rank(), starts.len());
        return Err(format!("expected {rank} places and sizes, got {places} and {}", sizes.len()).into());
    }
    let mut ranges: Vec<AxisRange> = Vec::new();
    // Along which axes elements are picked one by one, and which.
    let mut picked = Vec::new();
    for (axis, (&start, &size)) in starts.iter().zip(&sizes).enumerate() {
        let own = Entry::of(x.dim(axis as isize));
        ranges.push(match (start, size) {
            (Entry::Number(start), Entry::Number(size)) => {
                let lacking = || format!("expected a place and a size, got {start} and {size}");
                let start = isize::try_from(start).map_err(|_| lacking())?;
                match size {
                    -1 => (start..).into(),
                    size => {
                        let end = isize::try_from(size).ok().and_then(|size| start.checked_add(size));
                        (start..end.ok_or_else(lacking)?).into()
                    }
                }
            }
            (Entry::Number(0), size) if size.is(own) => (..).into(),
            (start, size) => {
                let size =
                    if size.number() == Some(-1) { own.with(Arithmetic::Sub, start) } else { Some(size) };
                let count =
                    size.and_then(Entry::length).ok_or("expected a size of 0 or more, got another")?;
                picked.push((axis, places_from(at, start, count)));
                (..).into()
            }
        });
    }
    let sliced = if ranges.is_empty() { x } else { x.slice(ranges) };
    one(picked.into_iter().fold(sliced, |x, (axis, places)| x.gather(places, axis as isize)))
}

/// The same of whole numbers that are known.
fn known_part<'g>(numbers: &Known<'g>, starts: &[Entry<'g>], sizes: &[Entry<'g>]) -> Option<Known<'g>> {
    let number = |entry: &Entry<'g>| usize::try_from(entry.number()?).ok();
    let starts: Vec<usize> = starts.iter().map(number).collect::<Option<_>>()?;
    let mut counts = Vec::new();
    for (axis, size) in sizes.iter().enumerate() {
        counts.push(match size.number()? {
            -1 => numbers.shape().get(axis)?.checked_sub(*starts.get(axis)?)?,
            size => usize::try_from(size).ok()?,
        });
    }
    numbers.part(&starts, &counts)
}

/// A slice by ranges with steps, as Python writes it: `x[1, ..., :-1, newaxis]`. Where it begins stands in the given
/// input, behind which are ends and steps.
fn strided<'g>(at: &At<'_, 'g>, of: &Val<'g>, first: usize) -> Outputs<'g> {
    let starts =
        at.known(first).ok_or("expected where the slice begins to be known, got a computed place")?;
    let ends =
        at.known(first + 1).ok_or("expected where the slice ends to be known, got a computed place")?;
    let steps = at.numbers(first + 2, "steps")?;
    let mask = |name: &str| -> Result<i64, Refusal> { at.int(name, 0) };
    let (starts_open, ends_open) = (mask("begin_mask")?, mask("end_mask")?);
    let (ellipsis, new, shrunk) = (mask("ellipsis_mask")?, mask("new_axis_mask")?, mask("shrink_axis_mask")?);
    let has = |mask: i64, entry: usize| entry < 63 && mask >> entry & 1 == 1;
    let rank = match of {
        Val::Known(numbers, _) => numbers.shape().len(),
        _ => at.tensor_of(of)?.shape().rank(),
    };
    let taken = (0..steps.len()).filter(|&entry| !has(ellipsis, entry) && !has(new, entry)).count();
    let skipped =
        rank.checked_sub(taken).ok_or_else(|| format!("expected {rank} ranges at most, got {taken}"))?;
    let mut ranges: Vec<AxisRange> = Vec::new();
    // Where axes of length 1 come in, in what is left of the axes.
    let (mut kept, mut added) = (0_usize, Vec::new());
    // Along which axes elements are picked one by one, from where and how many.
    let mut picked = Vec::new();
    for (entry, &step) in steps.iter().enumerate() {
        if has(ellipsis, entry) {
            ranges.extend(std::iter::repeat_n(AxisRange::from(..), skipped));
            kept += skipped;
            continue;
        }
        if has(new, entry) {
            added.push(kept);
            kept += 1;
            continue;
        }
        let axis = ranges.len();
        let place = |known: &Known<'g>, is_open: bool| -> Result<Option<isize>, Refusal> {
            let found = known.entries().get(entry).copied();
            match found.ok_or("expected as many ends as steps, got fewer")? {
                _ if is_open => Ok(None),
                Entry::Number(number) => {
                    Ok(Some(isize::try_from(number).map_err(|_| format!("expected a place, got {number}"))?))
                }
                // As far as the axis goes.
                Entry::Length(length)
                    if at
                        .tensor_of(of)
                        .is_ok_and(|x| axis < x.shape().rank() && length.is(x.dim(axis as isize))) =>
                {
                    Ok(None)
                }
                Entry::Length(_) => Err("expected places that are known, got computed ones".into()),
            }
        };
        let told = |known: &Known<'g>, mask: i64| {
            if has(mask, entry) { None } else { known.entries().get(entry).copied() }
        };
        if step == 1
            && !has(shrunk, entry)
            && let Val::Tensor(x) = of
            && let Some(between) = computed_range(*x, axis, told(starts, starts_open), told(ends, ends_open))
        {
            picked.push((kept, between));
            ranges.push((..).into());
            kept += 1;
            continue;
        }
        let start = place(starts, has(starts_open, entry) && !has(shrunk, entry))?;
        if has(shrunk, entry) {
            let index = start.ok_or("expected an index, got none")?;
            ranges.push(index.into());
            continue;
        }
        let end = place(ends, has(ends_open, entry))?;
        let step = isize::try_from(step).map_err(|_| format!("expected a step, got {step}"))?;
        let range: AxisRange = match (start, end) {
            (Some(start), Some(end)) => AxisRange::of(start, end),
            (Some(start), None) => (start..).into(),
            (None, Some(end)) => (..end).into(),
            (None, None) => (..).into(),
        };
        ranges.push(range.step(step));
        kept += 1;
    }
    if let (Val::Known(numbers, dtype), true) = (of, added.is_empty())
        && let ([_], [step]) = (numbers.shape(), &steps[..])
        && let Some(part) = known_slice(
            numbers,
            starts,
            ends,
            *step,
            [has(starts_open, 0), has(ends_open, 0), has(shrunk, 0)],
        )
    {
        return known(part, *dtype);
    }
    let x = at.tensor_of(of)?;
    let sliced = if ranges.is_empty() { x } else { x.slice(ranges) };
    let sliced = added.into_iter().fold(sliced, |x, axis| x.expand_dims(axis as isize));
    one(picked
        .into_iter()
        .fold(sliced, |x, (axis, (first, count))| x.gather(places_from(at, first, count), axis as isize)))
}

/// Where a range begins and how long it is, if an end is a length that is fed, other than that of the axis.
fn computed_range<'g>(
    x: AnyTensor<'g>,
    axis: usize,
    start: Option<Entry<'g>>,
    end: Option<Entry<'g>>,
) -> Option<(Entry<'g>, Length<'g>)> {
    if axis >= x.shape().rank() {
        return None;
    }
    let own = Entry::of(x.dim(axis as isize));
    let is_computed =
        |place: Option<Entry<'g>>| place.is_some_and(|place| place.number().is_none() && !place.is(own));
    if !is_computed(start) && !is_computed(end) {
        return None;
    }
    // What is negative counts from the end.
    let from_start = |place: Entry<'g>| match place.number() {
        Some(..0) => own.with(Arithmetic::Add, place),
        _ => Some(place),
    };
    let start = start.map_or(Some(Entry::Number(0)), from_start)?;
    let end = end.map_or(Some(own), from_start)?;
    Some((start, end.with(Arithmetic::Sub, start)?.length()?))
}

/// So many places from one on.
fn places_from<'g>(at: &At<'_, 'g>, first: Entry<'g>, count: Length<'g>) -> AnyTensor<'g> {
    let places = at.graph().ones::<i64>(count).any().cumsum_with(0, true, false);
    places + Known::scalar(first).tensor(at.graph(), DType::I64)
}

/// The same of a list of numbers.
fn known_slice<'g>(
    numbers: &Known<'g>,
    starts: &Known<'g>,
    ends: &Known<'g>,
    step: i64,
    [start_open, end_open, is_index]: [bool; 3],
) -> Option<Known<'g>> {
    let length = i64::try_from(numbers.entries().len()).ok()?;
    let from_start = |place: i64| if place < 0 { place.saturating_add(length) } else { place };
    if is_index {
        let index = from_start(starts.number()?);
        return Some(Known::scalar(*numbers.entries().get(usize::try_from(index).ok()?)?));
    }
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let place = |known: &Known<'g>, is_open: bool, open: i64| {
        Some(if is_open { open } else { from_start(known.number()?).clamp(low, high) })
    };
    let start = place(starts, start_open, if step > 0 { 0 } else { length - 1 })?;
    let end = place(ends, end_open, if step > 0 { length } else { -1 })?;
    let count = Known::range(start, end, step)?.entries().len();
    numbers.slice(start, count, step)
}
