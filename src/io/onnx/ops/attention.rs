//! Attention, and what stands beside it in language models.

use crate::element::DType;
use crate::graph::AnyTensor;
use crate::io::onnx::error::{NodeFault, invalid};
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, Built, count, known_length, one};
use crate::io::onnx::table::{Row, op};
use crate::ops::{AxisRange, Convolution, Length};

pub(super) const ROWS: &[Row] = &[
    op("Attention", 23, attention),
    op("CausalConvWithState", 27, causal_convolution),
    op("LinearAttention", 27, linear_attention),
    op("RotaryEmbedding", 23, rotary_embedding),
    op("TensorScatter", 24, tensor_scatter),
];

/// A number of heads; none, or one that the lengths can be divided among.
fn heads(at: &At<'_, '_>, name: &'static str) -> Result<Option<usize>, NodeFault> {
    match at.opt_int(name)? {
        None | Some(0) => Ok(None),
        Some(heads) => count(heads, name).map(Some),
    }
}

/// `[batch, steps, heads·size]` as `[batch, heads, steps, size]`.
fn by_head(x: AnyTensor<'_>, heads: Option<usize>) -> Result<AnyTensor<'_>, NodeFault> {
    match (x.shape().rank(), heads) {
        (4, _) => Ok(x),
        (3, Some(heads)) => {
            let size = x.dim(2) / heads;
            Ok(x.reshape([x.dim(0), x.dim(1), heads.into(), size]).transpose_perm([0, 2, 1, 3]))
        }
        (3, None) => invalid("expected the number of heads beside three axes, got none"),
        _ => invalid(format!("expected three or four axes, got shape {}", x.shape())),
    }
}

/// The other way round.
fn side_by_side(x: AnyTensor<'_>) -> AnyTensor<'_> {
    let x = x.transpose_perm([0, 2, 1, 3]);
    x.reshape([x.dim(0), x.dim(1), x.dim(2) * x.dim(3)])
}

/// Each head of keys or values for so many heads of queries.
fn repeated(x: AnyTensor<'_>, times: usize) -> AnyTensor<'_> {
    if times == 1 {
        return x;
    }
    let [batch, heads, steps, size] = [0, 1, 2, 3].map(|axis| x.dim(axis));
    let wide = x.expand_dims(2).broadcast_to([batch, heads, times.into(), steps, size]);
    wide.reshape([batch, heads * times, steps, size])
}

/// How many keys of all there are for each query head, and the queries, keys and values.
fn attention<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let flat = at.rank(0)? == 3;
    let (query_heads, key_heads) = (heads(at, "q_num_heads")?, heads(at, "kv_num_heads")?);
    let q = by_head(at.tensor(0)?, query_heads)?;
    let (mut k, mut v) = (by_head(at.tensor(1)?, key_heads)?, by_head(at.tensor(2)?, key_heads)?);
    let dtype = q.dtype();
    let (past, mut offset) = (at.optional(4), None);
    if let (Some(past_key), Some(past_value)) = (past, at.optional(5)) {
        k = at.graph.concat_any(&[past_key, k], 2);
        v = at.graph.concat_any(&[past_value, v], 2);
        offset = Some(past_key.dim(2).tensor(at.graph).any());
    }
    let present = [k, v];
    let (queries, keys) = (q.dim(2), k.dim(2));
    let ends = at.optional(6).map(|ends| {
        ends.cast(DType::I64).reshape([ends.dim(0), 1_usize.into(), 1_usize.into(), 1_usize.into()])
    });
    if let Some(ends) = ends.filter(|_| past.is_none()) {
        offset = Some(ends - queries.tensor(at.graph).any());
    }
    let groups = match (known_length(q, 1), known_length(k, 1)) {
        (Some(queries), Some(keys)) if keys > 0 && queries % keys == 0 => queries / keys,
        _ => {
            return invalid(format!(
                "expected heads that are a multiple of {}, got {}",
                k.shape(),
                q.shape()
            ));
        }
    };
    (k, v) = (repeated(k, groups), repeated(v, groups));
    let scale = match (at.opt_float("scale")?, known_length(q, 3)) {
        (Some(scale), _) => scale,
        (None, Some(size)) => 1.0 / (size as f64).sqrt(),
        (None, None) => return invalid("expected heads of a known size, got none"),
    };
    let mut scores = (q * scale.sqrt()).matmul_transposed(k * scale.sqrt(), false, true);
    let raw = scores;
    let cap = at.float("softcap", 0.0)?;
    if cap > 0.0 {
        scores = (scores / cap).tanh() * cap;
    }
    let capped = scores;
    let allowed = allowed(at, [queries, keys], offset, ends)?;
    let minus_infinity = || at.scalar(f64::NEG_INFINITY, dtype);
    // What masks add, and where none of the keys is left.
    let mut bias: Option<AnyTensor<'g>> =
        allowed.map(|allowed| allowed.select(at.scalar(0.0, dtype), minus_infinity()));
    if let Some(mask) = at.optional(3) {
        let mask = if mask.dtype() == DType::Bool {
            mask.select(at.scalar(0.0, dtype), minus_infinity())
        } else {
            mask
        };
        let mask = wide_mask(mask, keys, minus_infinity())?;
        bias = Some(bias.map_or(mask, |bias| bias + mask));
    }
    scores = bias.map_or(scores, |bias| scores + bias);
    let biased = scores;
    let precise = match at.opt_int("softmax_precision")? {
        Some(number) => At::element(number)?.dtype,
        None => dtype,
    };
    let scores = scores.cast(if precise.is_float() { precise } else { dtype });
    let mut shares = scores.softmax(-1).cast(dtype);
    if let Some(bias) = bias {
        let is_empty =
            bias.reduce_max(crate::shape::Axes::from(-1_isize).keep_dims()).equal(f64::NEG_INFINITY);
        shares = is_empty.select(shares.zeros_like(), shares);
    }
    let y = shares.matmul(v);
    let shown = match at.int("qk_matmul_output_mode", 0)? {
        0 => raw,
        1 => capped,
        2 => biased,
        3 => shares,
        other => return invalid(format!("attribute `qk_matmul_output_mode`: expected 0 to 3, got {other}")),
    };
    let y = if flat { side_by_side(y) } else { y };
    Ok([y, present[0], present[1], shown].map(Item::run).to_vec())
}

/// A mask for all keys: those at the end that it does not tell of are masked.
fn wide_mask<'g>(
    mask: AnyTensor<'g>,
    keys: Length<'g>,
    masked: AnyTensor<'g>,
) -> Result<AnyTensor<'g>, NodeFault> {
    let own = mask.shape().dims().last().copied().flatten();
    match (own, keys.known()) {
        (Some(own), Some(keys)) if own < keys => {
            let mut each = vec![(0, 0); mask.shape().rank()];
            if let Some(last) = each.last_mut() {
                *last = (0, (keys - own) as i64);
            }
            super::pad::with_number(mask, &each, Some(masked))
        }
        _ => Ok(mask),
    }
}

/// Which keys each query may see, if that is not all of them.
fn allowed<'g>(
    at: &At<'_, 'g>,
    [queries, keys]: [Length<'g>; 2],
    offset: Option<AnyTensor<'g>>,
    ends: Option<AnyTensor<'g>>,
) -> Result<Option<AnyTensor<'g>>, NodeFault> {
    let query = at.counted(queries).expand_dims(1);
    let query = offset.map_or(query, |offset| query + offset);
    let key = at.counted(keys).expand_dims(0);
    let mut all: Vec<AnyTensor<'g>> = Vec::new();
    if at.flag("is_causal", false)? {
        all.push(key.less_equal(query));
    }
    let (left, right) = (at.int("left_window_size", -1)?, at.int("right_window_size", -1)?);
    if left >= 0 {
        all.push((query - key).less_equal(left));
    }
    if right >= 0 {
        all.push((key - query).less_equal(right));
    }
    if let Some(ends) = ends {
        all.push(key.less(ends));
    }
    Ok(all.into_iter().reduce(|a, b| a.logical_and(b)))
}

fn rotary_embedding<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let x = at.tensor(0)?;
    let flat = x.shape().rank() == 3;
    // Heads in front of the steps.
    let rows = by_head(x, heads(at, "num_heads")?)?;
    let Some(size) = known_length(rows, 3) else {
        return invalid("expected heads of a known size, got none");
    };
    let turned = match count(at.int("rotary_embedding_dim", 0)?, "rotary_embedding_dim")? {
        0 => size,
        part if part <= size => part,
        part => {
            return invalid(format!("attribute `rotary_embedding_dim`: expected at most {size}, got {part}"));
        }
    };
    let angle = |input: usize| -> Result<AnyTensor<'g>, NodeFault> {
        let cache = at.tensor(input)?;
        let of_steps = at.optional(3).map_or(cache, |places| cache.gather(places, 0));
        Ok(of_steps.expand_dims(1))
    };
    let (cos, sin) = (angle(1)?, angle(2)?);
    let part = |range: AxisRange| {
        rows.slice(vec![AxisRange::from(..), AxisRange::from(..), AxisRange::from(..), range])
    };
    let (end, half) = (turned as isize, (turned / 2) as isize);
    let interleaved = at.flag("interleaved", false)?;
    let (a, b) = if interleaved {
        (part(AxisRange::of(0, end).step(2)), part(AxisRange::of(1, end).step(2)))
    } else {
        (part(AxisRange::of(0, half)), part(AxisRange::of(half, end)))
    };
    let (real, imaginary) = (cos * a - sin * b, sin * a + cos * b);
    let both = if interleaved {
        let pairs = at.graph.stack_any(&[real, imaginary], -1);
        pairs.reshape_last(2, [-1])
    } else {
        at.graph.concat_any(&[real, imaginary], -1)
    };
    let y =
        if turned == size { both } else { at.graph.concat_any(&[both, part(AxisRange::from(end..))], -1) };
    one(if flat { side_by_side(y) } else { y })
}

/// A convolution along time that sees what came before, each channel by itself.
fn causal_convolution<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (x, kernel) = (at.tensor(0)?, at.tensor(1)?);
    let (Some(size), 3, 3) =
        (kernel.shape().dims().last().copied().flatten(), x.shape().rank(), kernel.shape().rank())
    else {
        return invalid(format!(
            "expected series and a kernel, got shapes {} and {}",
            x.shape(),
            kernel.shape()
        ));
    };
    let (Some(channels), true) = (kernel.shape()[0], size > 0) else {
        return invalid(format!("expected a kernel of known lengths, got shape {}", kernel.shape()));
    };
    let before = at.optional(3).unwrap_or_else(|| {
        at.scalar(0.0, x.dtype()).broadcast_to([x.dim(0), channels.into(), (size - 1).into()])
    });
    let padded = at.graph.concat_any(&[before, x], 2);
    let series = padded.transpose_perm([0, 2, 1]);
    let y = series
        .conv1d(kernel.transpose_perm([2, 1, 0]), Convolution::new().groups(channels))
        .transpose_perm([0, 2, 1]);
    let y = at.optional(2).map_or(y, |bias| y + bias.expand_dims(-1));
    let y = match at.text("activation", "none")?.as_str() {
        "none" => y,
        "silu" | "swish" => y.silu(),
        other => {
            return invalid(format!("attribute `activation`: expected none, silu or swish, got `{other}`"));
        }
    };
    let kept = if size == 1 { AxisRange::of(0, 0) } else { AxisRange::from(1 - size as isize..) };
    let state = padded.slice(vec![AxisRange::from(..), AxisRange::from(..), kept]);
    Ok(vec![Item::run(y), Item::run(state)])
}

/// Step by step: a matrix for each head, which keys and values change and queries read.
fn linear_attention<'g>(at: &At<'_, 'g>) -> Built<'g> {
    // How many steps are taken at once makes no difference to the result.
    at.int("chunk_size", 64)?;
    let rule = at.text("update_rule", "gated_delta")?;
    let (gated, delta) = match rule.as_str() {
        "linear" => (false, false),
        "gated" => (true, false),
        "delta" => (false, true),
        "gated_delta" => (true, true),
        other => {
            return invalid(format!(
                "attribute `update_rule`: expected linear, gated, delta or gated_delta, got `{other}`"
            ));
        }
    };
    let (Some(queries), Some(keys)) = (heads(at, "q_num_heads")?, heads(at, "kv_num_heads")?) else {
        return invalid("expected numbers of heads, got none");
    };
    if keys == 0 || queries % keys != 0 {
        return invalid(format!("expected query heads that are a multiple of {keys}, got {queries}"));
    }
    let (q, k, v) = (
        by_head(at.tensor(0)?, Some(queries))?,
        by_head(at.tensor(1)?, Some(keys))?,
        by_head(at.tensor(2)?, Some(keys))?,
    );
    let Some(size) = known_length(q, 3) else { return invalid("expected heads of a known size, got none") };
    let scale = match at.float("scale", 0.0)? {
        0.0 => 1.0 / (size as f64).sqrt(),
        scale => scale,
    };
    let (batch, of_value) = (q.dim(0), v.dim(3));
    let start = at.optional(3).unwrap_or_else(|| {
        at.scalar(0.0, q.dtype()).broadcast_to([batch, keys.into(), size.into(), of_value])
    });
    // One number for each head, or for each of its keys; steps in front.
    let by_step = |x: AnyTensor<'g>| x.transpose_perm([2, 0, 1, 3]);
    let per_head = |x: AnyTensor<'g>, heads: usize| by_head(x, Some(heads)).map(by_step);
    let decay = match at.optional(4) {
        Some(decay) if gated => Some(per_head(decay, keys)?.exp()),
        None if !gated => None,
        _ => return invalid(format!("update rule `{rule}`: expected a decay with gated rules alone")),
    };
    let beta = match at.optional(5) {
        Some(beta) if delta => {
            let own = if beta.shape().dims().last() == Some(&Some(1)) { 1 } else { keys };
            Some(per_head(beta, own)?)
        }
        None if !delta => None,
        _ => return invalid(format!("update rule `{rule}`: expected a beta with delta rules alone")),
    };
    let mut rows = vec![by_step(q), by_step(k), by_step(v)];
    rows.extend(decay.iter().chain(&beta));
    let (last, y) = at.graph.scan(start, rows, |state, rows: Vec<AnyTensor<'g>>| {
        let (q, k, v) = (rows[0], rows[1], rows[2]);
        let state = if gated { state * rows[3].expand_dims(-1) } else { state };
        let new = if delta {
            let found = (state * k.expand_dims(-1)).reduce_sum(-2);
            (v - found) * rows[rows.len() - 1]
        } else {
            v
        };
        let state = state + k.expand_dims(-1) * new.expand_dims(-2);
        let grouped = q.reshape([batch, keys.into(), (queries / keys).into(), size.into()]);
        let y = grouped.matmul(state) * scale;
        (state, y.reshape([batch, queries.into(), of_value]))
    });
    let y = side_by_side(y.transpose_perm([1, 2, 0, 3]));
    Ok(vec![Item::run(y), Item::run(last)])
}

/// Rows written into a cache, from a place on that each example has for itself.
fn tensor_scatter<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let (cache, update) = (at.tensor(0)?, at.tensor(1)?);
    let axis = at.axis("axis", -2)?;
    let (Some(length), Some(rows)) =
        (cache.shape()[axis], update.shape().dims().get(axis).copied().flatten())
    else {
        return invalid(format!(
            "expected known lengths, got shapes {} and {}",
            cache.shape(),
            update.shape()
        ));
    };
    if axis == 0 || rows > length {
        return invalid(format!("expected updates of at most {length} rows, got shape {}", update.shape()));
    }
    let mut beside: Vec<Length<'g>> = vec![1_usize.into(); cache.shape().rank()];
    beside[0] = cache.dim(0);
    let start = at.optional(2).map(|start| start.cast(DType::I64).reshape(beside));
    // Which row of the updates each row of the cache would be.
    let place = at.graph.ones::<i64>(cache.lengths()).any().cumsum_with(axis as isize, true, false);
    let row = start.map_or(place, |start| place - start);
    let row = match at.text("mode", "linear")?.as_str() {
        "linear" => row,
        "circular" => row.modulo(length as f64),
        other => return invalid(format!("attribute `mode`: expected linear or circular, got `{other}`")),
    };
    let is_new = row.greater_equal(0_i64).logical_and(row.less(rows as f64));
    let source = row.maximum(0_i64).minimum(rows as f64 - 1.0);
    one(is_new.select(update.take_along_axis(source, axis as isize), cache))
}
