//! Arithmetic of shapes, which is done while importing as far as lengths are known.

use super::at::{known, one};
use super::{At, Outputs, Row, Val};
use crate::element::DType;
use crate::io::import::known::{Entry, Known};

pub(super) const OPS: &[Row] = &[
    ("BroadcastArgs", |at| {
        let (a, b) = (of_shape(at, 0)?, of_shape(at, 1)?);
        broadcast_lengths(&a, &b).map_or_else(
            || Err("expected lengths that are known or the same, got others".into()),
            |lengths| known(lengths, dtype_of(at)),
        )
    }),
    ("BroadcastGradientArgs", gradient_axes),
    ("ConcatOffset", concat_offset),
    ("DynamicStitch", stitch),
    ("ParallelDynamicStitch", stitch),
    ("InvertPermutation", |at| {
        let permutation = at.numbers(0, "a permutation")?;
        let mut inverse = vec![Entry::Number(-1); permutation.len()];
        for (to, &from) in permutation.iter().enumerate() {
            let place = usize::try_from(from).ok().and_then(|from| inverse.get_mut(from));
            *place.ok_or_else(|| format!("expected a permutation, got {permutation:?}"))? =
                Entry::Number(to as i64);
        }
        known(Known::list(inverse), dtype_of(at))
    }),
    ("ListDiff", |at| {
        let (all, without) = (at.numbers(0, "numbers")?, at.numbers(1, "numbers")?);
        let kept = || all.iter().enumerate().filter(|(_, number)| !without.contains(number));
        let list = |numbers: Vec<i64>| Known::list(numbers.into_iter().map(Entry::Number).collect());
        let numbers = list(kept().map(|(_, &number)| number).collect());
        let places = list(kept().map(|(place, _)| place as i64).collect());
        Ok(vec![Val::Known(numbers, dtype_of(at)), Val::Known(places, DType::I32)])
    }),
    ("Rank", |at| {
        let rank = at.tensor(0)?.shape().rank();
        known(Known::scalar(Entry::Number(rank as i64)), DType::I32)
    }),
    ("Shape", |at| {
        let to = out_type(at)?;
        known(lengths_of(at, 0)?, to)
    }),
    ("ShapeN", |at| {
        let to = out_type(at)?;
        (0..at.inputs.len()).map(|input| Ok(Val::Known(lengths_of(at, input)?, to))).collect()
    }),
    ("Size", |at| {
        let to = out_type(at)?;
        let total = lengths_of(at, 0)?.total(crate::io::import::known::Arithmetic::Mul);
        known(total.ok_or("expected a number of elements that can be counted, got more")?, to)
    }),
];

/// The element type of the lengths that a node gives.
fn out_type(at: &At<'_, '_>) -> Result<DType, super::Refusal> {
    if at.node.attr("out_type").is_some() { at.dtype("out_type") } else { Ok(DType::I32) }
}

/// The lengths of an input.
fn lengths_of<'g>(at: &At<'_, 'g>, input: usize) -> Result<Known<'g>, super::Refusal> {
    match at.value(input)? {
        Val::Known(numbers, _) => {
            let entry = |&length: &usize| Entry::Number(length as i64);
            Ok(Known::list(numbers.shape().iter().map(entry).collect()))
        }
        _ => Ok(Known::lengths_of(at.tensor(input)?)),
    }
}

/// An input as a shape.
fn of_shape<'g>(at: &At<'_, 'g>, input: usize) -> Result<Known<'g>, super::Refusal> {
    at.value(input)?;
    let known = at.known(input).filter(|known| known.shape().len() == 1).cloned();
    known.ok_or_else(|| "expected a shape made of numbers and lengths of tensors, got a computed one".into())
}

/// The element type of the first input, which is one of integers.
fn dtype_of(at: &At<'_, '_>) -> DType {
    match at.inputs.first() {
        Some(Val::Known(_, dtype)) => *dtype,
        _ => DType::I32,
    }
}

/// The axes along which gradients of what is broadcast are added up, for each of two shapes.
fn gradient_axes<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let (a, b) = (of_shape(at, 0)?, of_shape(at, 1)?);
    let dtype = dtype_of(at);
    Ok([(&a, &b), (&b, &a)]
        .into_iter()
        .map(|(of, other)| {
            if let Some(axes) = repeated_axes(of, other) {
                Val::Known(Known::list(axes), dtype)
            } else {
                let rank = of.entries().len().max(other.entries().len());
                Val::Repeated { lengths: of.clone(), rank }
            }
        })
        .collect())
}

/// The axes along which what has some lengths is repeated to meet others; none if only a run can tell.
fn repeated_axes<'g>(of: &Known<'g>, other: &Known<'g>) -> Option<Vec<Entry<'g>>> {
    let rank = of.entries().len().max(other.entries().len());
    let mut axes = Vec::new();
    for axis in 0..rank {
        let [own, others] = [of, other]
            .map(|known| Some(known.entries().get((axis + known.entries().len()).checked_sub(rank)?)));
        let is_repeated = match (own.flatten(), others.flatten()) {
            (None | Some(Entry::Number(1)), _) => true,
            (Some(Entry::Number(_)), _) | (Some(_), None | Some(Entry::Number(1))) => false,
            (Some(own), Some(other)) if own.is(*other) => false,
            _ => return None,
        };
        if is_repeated {
            axes.push(Entry::Number(axis as i64));
        }
    }
    Some(axes)
}

/// The lengths that two shapes have together.
fn broadcast_lengths<'g>(a: &Known<'g>, b: &Known<'g>) -> Option<Known<'g>> {
    let rank = a.entries().len().max(b.entries().len());
    let length = |known: &Known<'g>, axis: usize| match (axis + known.entries().len()).checked_sub(rank) {
        Some(own) => known.entries().get(own).copied(),
        None => Some(Entry::Number(1)),
    };
    let both = |axis| match (length(a, axis)?, length(b, axis)?) {
        (Entry::Number(1), other) | (other, Entry::Number(1)) => Some(other),
        (Entry::Number(number), Entry::Length(_)) | (Entry::Length(_), Entry::Number(number)) => {
            Some(Entry::Number(number))
        }
        (one, other) => one.is(other).then_some(one),
    };
    (0..rank).map(both).collect::<Option<Vec<_>>>().map(Known::list)
}

/// The places in which the operands of a concatenation begin.
fn concat_offset<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let axis = at.number(0, "an axis")?;
    let mut before = Entry::Number(0);
    let mut offsets = Vec::new();
    for input in 1..at.inputs.len() {
        let lengths = of_shape(at, input)?;
        let rank = lengths.entries().len();
        let place = usize::try_from(if axis < 0 { axis.saturating_add(rank as i64) } else { axis }).ok();
        let length = place.and_then(|place| lengths.entries().get(place).copied());
        let length = length.ok_or_else(|| format!("expected an axis of {rank}, got {axis}"))?;
        let offset = (0..rank).map(|axis| if Some(axis) == place { before } else { Entry::Number(0) });
        offsets.push(Val::Known(Known::list(offset.collect()), DType::I32));
        let sum = before.with(crate::io::import::known::Arithmetic::Add, length);
        before = sum.ok_or("expected lengths that add up, got others")?;
    }
    Ok(offsets)
}

/// Rows put in the places that lists of indices say; of several for one place the last counts.
fn stitch<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let half = at.inputs.len() / 2;
    let mut places = Vec::new();
    for input in 0..half {
        places.push(at.numbers(input, "indices")?);
    }
    let most = places.iter().flatten().copied().max().unwrap_or(-1);
    let count =
        usize::try_from(most.saturating_add(1)).ok().filter(|&count| count <= crate::io::import::known::MOST);
    let count = count.ok_or_else(|| format!("expected indices of few rows, got {most}"))?;
    // What stands in each place: the input, and the row of it.
    let mut from: Vec<Option<(usize, usize)>> = vec![None; count];
    for (input, places) in places.iter().enumerate() {
        for (row, &place) in places.iter().enumerate() {
            let slot = usize::try_from(place).ok().and_then(|place| from.get_mut(place));
            *slot.ok_or_else(|| format!("expected indices of rows, got {place}"))? =
                Some((half + input, row));
        }
    }
    let from: Option<Vec<(usize, usize)>> = from.into_iter().collect();
    let from = from.ok_or("expected a row for each place, got none for some")?;
    let entries: Option<Vec<Entry<'g>>> =
        from.iter().map(|&(input, row)| at.known(input)?.entries().get(row).copied()).collect();
    if let (Some(entries), Some(Val::Known(_, dtype))) = (entries, at.inputs.get(half))
        && (half..at.inputs.len()).all(|input| {
            at.known(input).is_some_and(|known| {
                at.known(input - half).is_some_and(|places| places.shape() == known.shape())
            })
        })
    {
        return known(Known::list(entries), *dtype);
    }
    // As one array of all rows, from which they are taken.
    let mut rows = Vec::new();
    let mut first = vec![0_usize; at.inputs.len()];
    let mut so_far = 0;
    for (input, places) in places.iter().enumerate() {
        let data = at.tensor(half + input)?;
        let axes = at.known(input).map_or(0, |known| known.shape().len());
        let inner = data.lengths().into_iter().skip(axes);
        let lengths: Vec<_> = std::iter::once(crate::Length::from(places.len())).chain(inner).collect();
        rows.push(data.reshape(lengths));
        first[half + input] = so_far;
        so_far += places.len();
    }
    let indices: Vec<i64> = from.iter().map(|&(input, row)| (first[input] + row) as i64).collect();
    let all = at.graph().concat_any(&rows, 0);
    one(all.gather(at.graph().constant(indices), 0))
}
