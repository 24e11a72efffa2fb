//! Elements moved, repeated and joined. Small arrays of whole numbers that are known stay so.

use super::at::{known, one};
use super::rearranged::padded;
use super::{At, Outputs, Refusal, Row, Val};
use crate::element::DType;
use crate::graph::AnyTensor;
use crate::io::import::known::{Arithmetic, Entry, Known};
use crate::ops::{Length, Pad};
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
    ("OneHot", one_hot),
    ("OnesLike", |at| at.unary(AnyTensor::ones_like)),
    ("Pack", pack),
    ("Pad", |at| match at.known(1) {
        // As many zeros as lengths tell that are fed.
        Some(paddings) if paddings.numbers().is_none() => {
            let padded = padded(at.tensor(0)?, paddings);
            one(padded.ok_or("expected two paddings of 0 or more for each axis, got others")?)
        }
        _ => pad(at, Pad::Constant(0.0)),
    }),
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

/// Values as whole numbers that are known, if all are.
fn lists_of<'v, 'g>(parts: &'v [Val<'g>]) -> Option<Vec<&'v Known<'g>>> {
    let list = |part: &'v Val<'g>| match part {
        Val::Known(known, _) => Some(known),
        _ => None,
    };
    parts.iter().map(list).collect()
}

fn concat<'g>(at: &At<'_, 'g>, parts: &[Val<'g>], axis: isize, from: usize) -> Outputs<'g> {
    if let (Some(lists), Some(Val::Known(_, dtype)), 0 | -1) = (lists_of(parts), parts.first(), axis)
        && let Some(all) = Known::concat(&lists)
    {
        return known(all, *dtype);
    }
    if let (Some(lists), Some(Val::Known(_, dtype)), 1 | -1) = (lists_of(parts), parts.first(), axis)
        && let Some(all) = Known::beside(&lists)
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
