//! Elements rearranged: blocks of images, mirrored edges, diagonals, resized images.

use ndarray::{Array1, Array2};

use super::at::{gradients, one};
use super::{At, Outputs, Refusal, Row, Val};
use crate::element::DType;
use crate::graph::AnyTensor;
use crate::io::import::known::Known;
use crate::ops::{AxisRange, Length, Pad};
use crate::shape::Axes;

pub(super) const OPS: &[Row] = &[
    ("BatchToSpaceND", batch_to_space),
    ("DepthToSpace", depth_to_space),
    ("LRN", response),
    ("MatrixDiag", |at| at.unary(AnyTensor::diag)),
    ("MatrixDiagPart", |at| at.unary(AnyTensor::diag_part)),
    ("MatrixDiagPartV2", diagonals),
    ("MatrixDiagPartV3", diagonals),
    ("MatrixDiagV2", matrices),
    ("MatrixDiagV3", matrices),
    ("MatrixSetDiag", |at| at.binary(with_diagonal)),
    ("MatrixSetDiagV2", |at| set_diagonal(at)),
    ("MatrixSetDiagV3", |at| set_diagonal(at)),
    ("MirrorPad", |at| {
        let (pairs, before) = (pairs(at, 1, "paddings")?, mirrored(at)?);
        one(mirror(at.tensor(0)?, &pairs, before)?)
    }),
    ("MirrorPadGrad", |at| {
        let (dy, pairs, before) = (at.tensor(0)?, pairs(at, 1, "paddings")?, mirrored(at)?);
        let lengths = dy.lengths().into_iter().zip(&pairs).map(|(length, pad)| length - (pad[0] + pad[1]));
        let x = dy.scalar_like(0.0).broadcast_to(lengths.collect::<Vec<_>>());
        Ok(gradients(mirror(x, &pairs, before)?, dy, &[x])?.into_iter().map(Val::Tensor).collect())
    }),
    ("ResizeBilinear", |at| one(resized(at, at.tensor(0)?, true)?)),
    ("ResizeBilinearGrad", |at| {
        let (dy, x) = (at.tensor(0)?, at.tensor(1)?);
        let size: Vec<Option<usize>> = dy.shape().dims().get(1..3).unwrap_or_default().to_vec();
        Ok(gradients(resized_to(at, x, &size, true)?, dy, &[x])?.into_iter().map(Val::Tensor).collect())
    }),
    ("ResizeNearestNeighbor", |at| one(resized(at, at.tensor(0)?, false)?)),
    ("ResizeNearestNeighborGrad", |at| {
        let dy = at.tensor(0)?;
        let own: Option<Vec<Length<'_>>> =
            at.known(1).and_then(|own| own.entries().iter().map(|entry| entry.length()).collect());
        let own = own.ok_or("expected a size made of numbers and lengths of tensors, got a computed one")?;
        let size: Vec<Option<usize>> = dy.shape().dims().get(1..3).unwrap_or_default().to_vec();
        let lengths = dy.lengths();
        let (&[batch, _, _, channels], &[height, width]) = (&lengths[..], &own[..]) else {
            return Err(format!("expected images, got {}", dy.shape()).into());
        };
        let x = dy.scalar_like(0.0).broadcast_to(vec![batch, height, width, channels]);
        Ok(gradients(resized_to(at, x, &size, false)?, dy, &[x])?.into_iter().map(Val::Tensor).collect())
    }),
    ("Roll", |at| {
        let whole = |numbers: Vec<i64>| numbers.into_iter().map(|number| number as isize).collect::<Vec<_>>();
        let (shifts, axes) = (whole(at.numbers(1, "shifts")?), whole(at.numbers(2, "axes")?));
        at.unary(|x| x.roll(shifts, Axes::of(axes)))
    }),
    ("SpaceToBatchND", space_to_batch),
    ("SpaceToDepth", space_to_depth),
];

/// Numbers in pairs, which must be known.
fn pairs(at: &At<'_, '_>, input: usize, what: &str) -> Result<Vec<[usize; 2]>, Refusal> {
    let numbers = at.numbers(input, what)?;
    let (pairs, rest) = numbers.as_chunks::<2>();
    let pair = |&[a, b]: &[i64; 2]| Some([usize::try_from(a).ok()?, usize::try_from(b).ok()?]);
    let pairs: Option<Vec<[usize; 2]>> = pairs.iter().map(pair).collect();
    let pairs = pairs.filter(|_| rest.is_empty());
    pairs.ok_or_else(|| format!("expected two {what} of 0 or more for each axis, got {numbers:?}").into())
}

/// How many elements at the edge a mirror leaves out.
fn mirrored(at: &At<'_, '_>) -> Result<usize, Refusal> {
    match &*at.text("mode", "REFLECT")? {
        "REFLECT" => Ok(1),
        "SYMMETRIC" => Ok(0),
        other => Err(format!("expected mode REFLECT or SYMMETRIC, got {other}").into()),
    }
}

/// The tensor with elements mirrored at its edges, without so many of those there.
fn mirror<'g>(x: AnyTensor<'g>, pairs: &[[usize; 2]], skip: usize) -> Result<AnyTensor<'g>, Refusal> {
    if skip > 0 {
        let pairs: Vec<(usize, usize)> = pairs.iter().map(|&[before, behind]| (before, behind)).collect();
        return Ok(x.pad(pairs, Pad::Reflect));
    }
    let dims = x.shape().dims().to_vec();
    if pairs.len() != dims.len() {
        return Err(format!("expected two paddings for each axis of {}, got {pairs:?}", x.shape()).into());
    }
    let mut mirrored = x;
    for (axis, (&[before, behind], length)) in pairs.iter().zip(dims).enumerate() {
        let most = length.unwrap_or(isize::MAX as usize);
        if before > most || behind > most {
            return Err(
                format!("expected to mirror {most} elements at most, got {before} and {behind}").into()
            );
        }
        let along = |range: AxisRange| {
            let ranges = std::iter::repeat_n(AxisRange::from(..), axis).chain([range]);
            mirrored.slice(ranges.collect::<Vec<_>>()).reverse(axis as isize)
        };
        let (before, behind) = (before as isize, behind as isize);
        let first = (before > 0).then(|| along((..before).into()));
        let last = (behind > 0).then(|| along((-behind..).into()));
        let parts: Vec<AnyTensor<'g>> = first.into_iter().chain([mirrored]).chain(last).collect();
        if parts.len() > 1 {
            mirrored = x.graph().concat_any(&parts, axis as isize);
        }
    }
    Ok(mirrored)
}

/// Blocks of the axes behind the first as more of the first.
fn space_to_batch<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let (x, blocks, pads) = (at.tensor(0)?, blocks(at)?, pairs(at, 2, "paddings")?);
    let rank = expect_blocks(x, &blocks, &pads)?;
    let mut around = vec![(0, 0)];
    around.extend(pads.iter().map(|pad| (pad[0], pad[1])));
    around.resize(rank, (0, 0));
    let x = x.pad(around, Pad::Constant(0.0));
    let lengths = x.lengths();
    let cut = lengths.iter().enumerate().flat_map(|(axis, &length)| {
        match axis.checked_sub(1).and_then(|place| blocks.get(place)) {
            Some(&block) => vec![length / block, block.into()],
            None => vec![length],
        }
    });
    let x = x.reshape(cut.collect::<Vec<_>>());
    let count = blocks.len() as isize;
    let inner = (0..count).map(|block| 2 + 2 * block);
    let outer = (0..count).map(|block| 1 + 2 * block);
    let rest = 2 * count + 1..rank as isize + count;
    let x = x.transpose_perm(inner.chain([0]).chain(outer).chain(rest).collect::<Vec<_>>());
    let all = blocks.iter().product::<usize>();
    let joined = lengths.iter().enumerate().map(|(axis, &length)| match axis.checked_sub(1) {
        None => length * all,
        Some(place) => blocks.get(place).map_or(length, |&block| length / block),
    });
    one(x.reshape(joined.collect::<Vec<_>>()))
}

/// The other way round.
fn batch_to_space<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let (x, blocks, crops) = (at.tensor(0)?, blocks(at)?, pairs(at, 2, "crops")?);
    let rank = expect_blocks(x, &blocks, &crops)? as isize;
    let lengths = x.lengths();
    let all = blocks.iter().product::<usize>();
    let batch = *lengths.first().ok_or("expected a batch, got a number")? / all;
    let cut = blocks.iter().map(|&block| Length::from(block)).chain([batch]);
    let x = x.reshape(cut.chain(lengths.iter().skip(1).copied()).collect::<Vec<_>>());
    let count = blocks.len() as isize;
    let pairs = (0..count).flat_map(|block| [count + 1 + block, block]);
    let order = std::iter::once(count).chain(pairs).chain(2 * count + 1..rank + count);
    let x = x.transpose_perm(order.collect::<Vec<_>>());
    let joined = lengths.iter().enumerate().map(|(axis, &length)| match axis.checked_sub(1) {
        None => batch,
        Some(place) => blocks.get(place).map_or(length, |&block| length * block),
    });
    let x = x.reshape(joined.collect::<Vec<_>>());
    let ranges = crops.iter().map(|&[before, behind]| {
        let (before, behind) = (before as isize, behind as isize);
        if behind == 0 { (before..).into() } else { AxisRange::of(before, -behind) }
    });
    one(x.slice(std::iter::once(AxisRange::from(..)).chain(ranges).collect::<Vec<_>>()))
}

/// The sizes of blocks.
fn blocks(at: &At<'_, '_>) -> Result<Vec<usize>, Refusal> {
    let numbers = at.numbers(1, "sizes of blocks")?;
    let blocks: Option<Vec<usize>> =
        numbers.iter().map(|&number| usize::try_from(number).ok().filter(|&block| block > 0)).collect();
    blocks.ok_or_else(|| format!("expected blocks of 1 or more, got {numbers:?}").into())
}

fn expect_blocks(x: AnyTensor<'_>, blocks: &[usize], pads: &[[usize; 2]]) -> Result<usize, Refusal> {
    let rank = x.shape().rank();
    if blocks.len() == pads.len()
        && blocks.len() < rank
        && blocks.iter().try_fold(1_usize, |all, &block| all.checked_mul(block)).is_some()
    {
        return Ok(rank);
    }
    Err(format!("expected a block and two numbers for axes behind the first of {rank}, got {blocks:?}")
        .into())
}

/// The size of a block of an image whose channels come last.
fn block(at: &At<'_, '_>) -> Result<(usize, [usize; 4]), Refusal> {
    let format = at.text("data_format", "NHWC")?;
    if format != "NHWC" {
        return Err(format!("expected data_format NHWC, got {format}").into());
    }
    let block = at.int("block_size", 0)?;
    let size = usize::try_from(block).ok().filter(|&block| block > 0 && block < 1 << 16);
    let rank = at.tensor(0)?.shape().rank();
    match size.filter(|_| rank == 4) {
        Some(size) => Ok((size, [0, 1, 2, 3])),
        None => Err(format!("expected images and a block of 1 or more, got {block} and {rank} axes").into()),
    }
}

fn space_to_depth<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let ((block, places), x) = (block(at)?, at.tensor(0)?);
    let lengths = x.lengths();
    let [n, h, w, c] = places.map(|axis| lengths[axis]);
    let cut = x.reshape(vec![n, h / block, block.into(), w / block, block.into(), c]);
    one(cut.transpose_perm(vec![0, 1, 3, 2, 4, 5]).reshape(vec![
        n,
        h / block,
        w / block,
        c * (block * block),
    ]))
}

fn depth_to_space<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let ((block, places), x) = (block(at)?, at.tensor(0)?);
    let lengths = x.lengths();
    let [n, h, w, c] = places.map(|axis| lengths[axis]);
    let c = c / (block * block);
    let cut = x.reshape(vec![n, h, w, block.into(), block.into(), c]);
    one(cut.transpose_perm(vec![0, 1, 3, 2, 4, 5]).reshape(vec![n, h * block, w * block, c]))
}

/// Refuses other diagonals than the main one of square matrices.
fn expect_main(at: &At<'_, '_>, input: usize) -> Result<(), Refusal> {
    if at.numbers(input, "a diagonal")?.iter().all(|&k| k == 0) {
        return Ok(());
    }
    Err("expected the main diagonal, got others".into())
}

fn diagonals<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    expect_main(at, 1)?;
    at.unary(AnyTensor::diag_part)
}

fn matrices<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    expect_main(at, 1)?;
    let length = at.tensor(0)?.shape().dims().last().copied().flatten().and_then(|n| i64::try_from(n).ok());
    for input in [2, 3] {
        let told = at.number(input, "a number of rows or columns")?;
        if told != -1 && Some(told) != length {
            return Err(format!("expected square matrices of the diagonal's length, got {told}").into());
        }
    }
    at.unary(AnyTensor::diag)
}

fn set_diagonal<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    expect_main(at, 2)?;
    at.binary(with_diagonal)
}

fn with_diagonal<'g>(x: AnyTensor<'g>, diagonal: AnyTensor<'g>) -> AnyTensor<'g> {
    let is_on = diagonal.ones_like().diag().not_equal(0.0);
    is_on.select(diagonal.diag(), x)
}

/// Each channel by a power of the squares of those around it.
fn response<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let radius = at.int("depth_radius", 5)?;
    let (bias, alpha, beta) = (at.float("bias", 1.0)?, at.float("alpha", 1.0)?, at.float("beta", 0.5)?);
    let x = at.tensor(0)?;
    let channels = x.shape().dims().last().copied().flatten().ok_or("expected channels that are known")?;
    let radius = usize::try_from(radius).map_err(|_| format!("expected a radius, got {radius}"))?;
    at.spend(channels as f64 * channels as f64, x.dtype())?;
    let is_near =
        Array2::from_shape_fn((channels, channels), |(a, b)| f64::from(u8::from(a.abs_diff(b) <= radius)));
    let is_near = numbers(at, is_near, x.dtype());
    let sums = x.square().matmul(is_near);
    let scale = sums * alpha + bias;
    one(x / scale.pow(scale.scalar_like(beta)))
}

/// Numbers as a constant of this type.
fn numbers<'g>(at: &At<'_, 'g>, numbers: Array2<f64>, dtype: DType) -> AnyTensor<'g> {
    let constant = at.graph().constant(numbers).any();
    if dtype == DType::F64 { constant } else { constant.cast(dtype) }
}

fn resized<'g>(at: &At<'_, 'g>, x: AnyTensor<'g>, is_linear: bool) -> Result<AnyTensor<'g>, Refusal> {
    let size = at.numbers(1, "a size")?;
    let size: Vec<Option<usize>> = size.iter().map(|&length| usize::try_from(length).ok()).collect();
    resized_to(at, x, &size, is_linear)
}

/// Images of another size, which like their own must be known.
fn resized_to<'g>(
    at: &At<'_, 'g>,
    x: AnyTensor<'g>,
    size: &[Option<usize>],
    is_linear: bool,
) -> Result<AnyTensor<'g>, Refusal> {
    let lengths = x.shape().dims().to_vec();
    let (&[_, Some(height), Some(width), _], &[Some(rows), Some(columns)]) = (&lengths[..], size) else {
        return Err(format!("expected images and a size that are known, got {}", x.shape()).into());
    };
    let (corners, half) = (at.flag("align_corners")?, at.flag("half_pixel_centers")?);
    let x = if is_linear && x.dtype() != DType::F64 { x.cast(DType::F32) } else { x };
    let mut y = x;
    for (axis, from, to) in [(1, height, rows), (2, width, columns)] {
        at.spend(from as f64 * to as f64, DType::F64)?;
        let scale =
            if corners && to > 1 { (from as f64 - 1.0) / (to as f64 - 1.0) } else { from as f64 / to as f64 };
        // Places are computed in single precision there.
        let scale = f64::from(scale as f32);
        let last = from.saturating_sub(1) as f64;
        let place = |to: usize| {
            if half {
                f64::from(((to as f64 + 0.5) * scale) as f32)
            } else {
                f64::from((to as f64 * scale) as f32)
            }
        };
        y = if is_linear {
            let mut weights = Array2::zeros((to, from));
            for row in 0..to {
                let at = if half { place(row) - 0.5 } else { place(row) };
                let low = at.floor();
                let share = at - low;
                for (column, weight) in
                    [(low.max(0.0).min(last), 1.0 - share), ((low + 1.0).clamp(0.0, last), share)]
                {
                    if let Some(entry) = weights.get_mut((row, column as usize)) {
                        *entry += weight;
                    }
                }
            }
            let weights = numbers(at, weights, y.dtype());
            let rule = if axis == 1 { "oh,nhwc->nowc" } else { "ow,nhwc->nhoc" };
            weights.einsum(rule, y)
        } else {
            let nearest = |row: usize| {
                let at = place(row);
                (if corners { at.round() } else { at.floor() }).clamp(0.0, last) as i64
            };
            let places = at.graph().constant(Array1::from_iter((0..to).map(nearest))).any();
            y.gather(places, axis)
        };
    }
    Ok(y)
}

/// Paddings of zeros, of which some may be lengths that are fed.
pub(super) fn padded<'g>(x: AnyTensor<'g>, paddings: &Known<'g>) -> Option<AnyTensor<'g>> {
    let pairs: Option<Vec<Length<'g>>> = paddings.entries().iter().map(|entry| entry.length()).collect();
    let pairs = pairs.filter(|pairs| pairs.len() == 2 * x.shape().rank())?;
    let (pairs, _) = pairs.as_chunks::<2>();
    Some(pairs.iter().enumerate().fold(x, |x, (axis, pair)| {
        let [before, behind] = pair.map(|count| {
            let lengths = x.lengths().into_iter().enumerate();
            let lengths = lengths.map(|(own, length)| if own == axis { count } else { length });
            let lengths = lengths.collect::<Vec<_>>();
            x.scalar_like(0.0).broadcast_to(lengths)
        });
        x.graph().concat_any(&[before, x, behind], axis as isize)
    }))
}
