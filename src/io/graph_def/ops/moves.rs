//! Elements moved, repeated and joined. Small arrays of whole numbers that are known stay so.

use super::at::{gradients, known, one};
use super::{At, Outputs, Refusal, Row, Val};
use crate::element::DType;
use crate::graph::AnyTensor;
use crate::io::import::known::{Arithmetic, Entry, Known};
use crate::ops::{AxisRange, Length, Pad};
use crate::shape::Axes;

pub(super) const OPS: &[Row] = &[
    ("BroadcastTo", |at| one(at.tensor(0)?.broadcast_to(at.lengths(1)?))),
    ("Concat", |at| {
        let axis = at.axis(0)?;
        concat(at, &at.inputs[1..], axis, 1)
    }),
    ("ConcatV2", |at| {
        let last = at.inputs.len().saturating_sub(1);
        let axis = at.axis(last)?;
        concat(at, &at.inputs[..last], axis, 0)
    }),
    ("DiagPart", |at| at.unary(AnyTensor::diag_part)),
    ("Diag", |at| at.unary(AnyTensor::diag)),
    ("ExpandDims", |at| {
        let axis = at.axis(1)?;
        if let Some(Val::Known(numbers, dtype)) = at.inputs.first()
            && let ([], 0 | -1) = (numbers.shape(), axis)
        {
            return known(Known::list(numbers.entries().to_vec()), *dtype);
        }
        at.unary(|x| x.expand_dims(axis))
    }),
    ("Fill", fill),
    ("Gather", |at| gather(at, 0, 0)),
    ("GatherNd", |at| at.binary(|x, indices| x.gather_nd(indices))),
    ("GatherV2", |at| gather(at, at.axis(2)?, at.int("batch_dims", 0)?)),
    ("ResourceGather", |at| gather(at, 0, at.int("batch_dims", 0)?)),
    ("LinSpace", |at| {
        let (start, stop) = (at.constant(0, "a start")?, at.constant(1, "an end")?);
        let count = at.number(2, "a number of elements")?;
        let count =
            usize::try_from(count).map_err(|_| format!("expected a number of elements, got {count}"))?;
        at.spend(count as f64, DType::F64)?;
        one(at.graph().linspace_any(at.tensor(0)?.dtype(), start, stop, count))
    }),
    ("MatrixBandPart", |at| {
        let (lower, upper) = (at.axis(1)?, at.axis(2)?);
        at.unary(|x| {
            let x = if upper < 0 { x } else { x.tril(upper) };
            if lower < 0 { x } else { x.triu(-lower) }
        })
    }),
    ("MirrorPad", |at| {
        let mode = at.text("mode", "REFLECT")?;
        if mode == "REFLECT" {
            pad(at, Pad::Reflect)
        } else {
            Err(format!("expected mode REFLECT, got {mode}").into())
        }
    }),
    ("OneHot", one_hot),
    ("OnesLike", |at| at.unary(AnyTensor::ones_like)),
    ("Pack", pack),
    ("Pad", |at| pad(at, Pad::Constant(0.0))),
    ("PadV2", |at| {
        let number = at.constant(2, "the number to pad with")?;
        pad(at, Pad::Constant(number))
    }),
    ("Range", range),
    ("Reshape", reshape),
    ("ReverseV2", |at| {
        let axes = at.numbers(1, "axes")?;
        at.unary(|x| x.reverse(Axes::of(axes.into_iter().map(|axis| axis as isize))))
    }),
    ("Slice", slice),
    ("Split", |at| {
        let (axis, parts) = (at.axis(0)?, at.int("num_split", 1)?);
        let parts = usize::try_from(parts).ok().filter(|&parts| parts <= MAX_PARTS);
        let parts = parts.ok_or_else(|| format!("expected at most {MAX_PARTS} parts, got more"))?;
        Ok(at.tensor(1)?.split(parts, axis).into_iter().map(Val::Tensor).collect())
    }),
    ("SplitV", |at| {
        let (x, axis) = (at.tensor(0)?, at.axis(2)?);
        let sizes = at.numbers(1, "sizes")?;
        let length = resolved(axis, x.shape().rank())?;
        let length = x.shape().dims()[length];
        let known: i64 =
            sizes.iter().filter(|&&size| size >= 0).fold(0, |sum, &size| sum.saturating_add(size));
        let size = |&size: &i64| {
            let size = if size == -1 { i64::try_from(length?).ok()?.checked_sub(known)? } else { size };
            usize::try_from(size).ok()
        };
        let sizes: Option<Vec<usize>> = sizes.iter().map(size).collect();
        let sizes = sizes.ok_or("expected sizes that are known, got others")?;
        Ok(x.split_sizes(sizes, axis).into_iter().map(Val::Tensor).collect())
    }),
    ("Squeeze", |at| {
        let mut axes = at.list("squeeze_dims")?.i;
        axes.extend(at.list("axis")?.i);
        if let Some(Val::Known(numbers, dtype)) = at.inputs.first()
            && let Some(number) = numbers.one()
            && (axes.is_empty() || axes.len() == numbers.shape().len())
        {
            return known(Known::scalar(number), *dtype);
        }
        let axes =
            if axes.is_empty() { Axes::all() } else { Axes::of(axes.into_iter().map(|axis| axis as isize)) };
        at.unary(|x| x.squeeze(axes))
    }),
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
    ("Tile", tile),
    ("Transpose", |at| {
        let permutation = at.numbers(1, "a permutation")?;
        at.unary(|x| x.transpose_perm(permutation.into_iter().map(|axis| axis as isize).collect::<Vec<_>>()))
    }),
    ("Unpack", |at| {
        let axis =
            isize::try_from(at.int("axis", 0)?).map_err(|_| "expected an axis, got a number that is none")?;
        let x = at.tensor(0)?;
        let length = x.shape().dims().get(resolved(axis, x.shape().rank())?).copied().flatten();
        if length.is_some_and(|length| length > MAX_PARTS) {
            return Err(format!("expected at most {MAX_PARTS} parts, got more").into());
        }
        Ok(x.unstack(axis).into_iter().map(Val::Tensor).collect())
    }),
    ("UnsortedSegmentSum", |at| {
        let segments = at.known(2).and_then(Known::one).and_then(Entry::length);
        let segments = segments.ok_or("expected a number of segments that is known, got a computed one")?;
        at.binary(|x, ids| x.unsorted_segment_sum(ids, segments))
    }),
    ("ZerosLike", |at| match at.value(0)? {
        Val::Known(numbers, dtype) => {
            let zeros = Known::filled(Entry::Number(0), numbers.shape());
            known(zeros.ok_or("expected few numbers, got more")?, *dtype)
        }
        _ => at.unary(AnyTensor::zeros_like),
    }),
];

/// The most parts that a tensor is cut into: each is an output of a node.
const MAX_PARTS: usize = 1 << 16;

/// An axis, counted from the first.
fn resolved(axis: isize, rank: usize) -> Result<usize, Refusal> {
    crate::shape::resolve_axis(axis, rank).map_err(|error| error.to_string().into())
}

fn concat<'g>(at: &At<'_, 'g>, parts: &[Val<'g>], axis: isize, from: usize) -> Outputs<'g> {
    let lists: Option<Vec<&Known<'g>>> = parts
        .iter()
        .map(|part| match part {
            Val::Known(known, _) => Some(known),
            _ => None,
        })
        .collect();
    if let (Some(lists), Some(Val::Known(_, dtype)), 0 | -1) = (lists, parts.first(), axis)
        && let Some(all) = Known::concat(&lists)
    {
        return known(all, *dtype);
    }
    let tensors: Result<Vec<_>, _> = (from..from + parts.len()).map(|input| at.tensor(input)).collect();
    one(at.graph().concat_any(&tensors?, axis))
}

fn pack<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let axis =
        isize::try_from(at.int("axis", 0)?).map_err(|_| "expected an axis, got a number that is none")?;
    if let (Some((rows, dtype)), 0) = (at.all_known(), axis)
        && let Some(stacked) = Known::stack(&rows)
    {
        return known(stacked, dtype);
    }
    one(at.graph().stack_any(&at.tensors(0)?, axis))
}

fn fill<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    if let (Some(lengths), Some(Val::Known(number, dtype))) = (at.known(0), at.inputs.get(1))
        && let (Some(lengths), Some(entry)) = (lengths.numbers(), number.one())
        && let Some(lengths) =
            lengths.iter().map(|&length| usize::try_from(length).ok()).collect::<Option<Vec<_>>>()
        && let Some(filled) = Known::filled(entry, &lengths)
    {
        return known(filled, *dtype);
    }
    one(at.tensor(1)?.broadcast_to(at.lengths(0)?))
}

fn gather<'g>(at: &At<'_, 'g>, axis: isize, batch_dims: i64) -> Outputs<'g> {
    if let (Some(Val::Known(numbers, dtype)), Some(indices), 0) = (at.inputs.first(), at.known(1), axis)
        && let Some(gathered) = numbers.gather(indices)
    {
        return known(gathered, *dtype);
    }
    let batch_dims = usize::try_from(batch_dims)
        .map_err(|_| format!("expected batch_dims of 0 or more, got {batch_dims}"))?;
    at.binary(|x, indices| {
        if batch_dims == 0 { x.gather(indices, axis) } else { x.gather_with(indices, axis, batch_dims) }
    })
}

fn one_hot<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let (indices, on, off) = (at.tensor(0)?, at.tensor(2)?, at.tensor(3)?);
    let depth = at.number(1, "the depth")?;
    let axis =
        isize::try_from(at.int("axis", -1)?).map_err(|_| "expected an axis, got a number that is none")?;
    at.spend(depth as f64, indices.dtype())?;
    let classes = at.graph().range_any(indices.dtype(), 0_i64, depth, 1_i64);
    // Indices beyond the depth are in no class.
    let rank = indices.shape().rank();
    let axis = resolved(axis, rank + 1)?;
    let classes = (axis..rank).fold(classes, |classes, _| classes.expand_dims(-1));
    let is_class = indices.expand_dims(axis as isize).equal(classes);
    one(is_class.select(on, off))
}

fn pad<'g>(at: &At<'_, 'g>, with: Pad<f64>) -> Outputs<'g> {
    let around = at.numbers(1, "paddings")?;
    let (pairs, rest) = around.as_chunks::<2>();
    let pair =
        |&[before, behind]: &[i64; 2]| Some((usize::try_from(before).ok()?, usize::try_from(behind).ok()?));
    let pairs: Option<Vec<(usize, usize)>> = pairs.iter().map(pair).collect();
    match pairs.filter(|_| rest.is_empty()) {
        Some(pairs) => one(at.tensor(0)?.pad(pairs, with)),
        None => Err(format!("expected two paddings of 0 or more for each axis, got {around:?}").into()),
    }
}

fn range<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let Some((numbers, dtype)) = at.all_known() else {
        let ends = [at.constant(0, "a start")?, at.constant(1, "a limit")?, at.constant(2, "a step")?];
        let dtype = at.tensor(0)?.dtype();
        at.spend((ends[1] - ends[0]) / ends[2], dtype)?;
        return one(at.graph().range_any(dtype, ends[0], ends[1], ends[2]));
    };
    let [Some(start), Some(limit), Some(step)] =
        [0, 1, 2].map(|end| numbers.get(end).and_then(|known| known.one()))
    else {
        return Err("expected one start, one limit and one step, got others".into());
    };
    if let (Entry::Number(start), Entry::Number(limit), Entry::Number(step)) = (start, limit, step) {
        return if let Some(numbers) = Known::range(start, limit, step) {
            known(numbers, dtype)
        } else {
            at.spend((limit as f64 - start as f64) / step as f64, dtype)?;
            one(at.graph().range_any(dtype, start, limit, step))
        };
    }
    // As many as a length that is fed tells.
    let (Entry::Number(start), Entry::Number(step @ 1..)) = (start, step) else {
        return Err("expected a start and a step that are known, got computed ones".into());
    };
    let count = limit
        .with(Arithmetic::Sub, Entry::Number(start))
        .and_then(|distance| distance.with(Arithmetic::Add, Entry::Number(step - 1)))
        .and_then(|distance| distance.with(Arithmetic::FloorDiv, Entry::Number(step)))
        .and_then(Entry::length);
    let count = count.ok_or("expected a limit that is a length, got another")?;
    let ones = at.graph().ones::<i64>(count).any();
    let numbers =
        ones.cumsum_with(0, true, false) * ones.scalar_like(step as f64) + ones.scalar_like(start as f64);
    one(if dtype == DType::I64 { numbers } else { numbers.cast(dtype) })
}

fn reshape<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    if let (Some(Val::Known(numbers, dtype)), Some(lengths)) = (at.inputs.first(), at.known(1))
        && let Some(reshaped) = lengths.numbers().and_then(|lengths| numbers.reshaped(&lengths))
    {
        return known(reshaped, *dtype);
    }
    let (x, lengths) = (at.tensor(0)?, at.lengths(1)?);
    one(x.reshape(lengths))
}

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
                let places = at.graph().ones::<i64>(count).any().cumsum_with(0, true, false);
                let first = Known::scalar(start).tensor(at.graph(), DType::I64);
                picked.push((axis, places + first));
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
    one(added.into_iter().fold(sliced, |x, axis| x.expand_dims(axis as isize)))
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

/// The tensor, so often along each axis.
fn tile<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let x = at.tensor(0)?;
    let multiples = at.known(1).ok_or("expected multiples that are known, got computed ones")?.clone();
    if let Some(numbers) = multiples.numbers() {
        let counts: Option<Vec<usize>> = numbers.iter().map(|&number| usize::try_from(number).ok()).collect();
        let counts = counts.ok_or_else(|| format!("expected multiples of 0 or more, got {numbers:?}"))?;
        return one(x.tile(counts));
    }
    let counts: Option<Vec<Length<'g>>> = multiples.entries().iter().map(|entry| entry.length()).collect();
    let counts = counts.ok_or("expected multiples of 0 or more, got others")?;
    let lengths = x.lengths();
    if counts.len() != lengths.len() {
        return Err(format!("expected {} multiples, got {}", lengths.len(), counts.len()).into());
    }
    let pairs = || counts.iter().zip(&lengths);
    let apart: Vec<Length<'g>> = lengths.iter().flat_map(|&length| [1_usize.into(), length]).collect();
    let repeated: Vec<Length<'g>> = pairs().flat_map(|(&count, &length)| [count, length]).collect();
    let together: Vec<Length<'g>> = pairs().map(|(&count, &length)| count * length).collect();
    one(x.reshape(apart).broadcast_to(repeated).reshape(together))
}
