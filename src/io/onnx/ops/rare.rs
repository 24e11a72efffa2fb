//! Ops that few models have: bits of other types, distinct elements of known values, and patches put together.

use ndarray::{ArrayD, IxDyn};

use crate::element::{DType, Value, with_array};
use crate::io::onnx::error::{invalid, unsupported};
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, Built, counts, one};
use crate::io::onnx::table::{Row, op};

pub(super) const ROWS: &[Row] = &[
    op("Binarizer", 1, |at| {
        let (x, threshold) = (at.tensor(0)?, at.float("threshold", 0.0)?);
        one(x.greater(threshold).cast(x.dtype()))
    })
    .of("ai.onnx.ml"),
    op("BitCast", 26, bit_cast),
    op("Col2Im", 18, col2im),
    op("Unique", 11, unique).unfolded(),
];

/// The bits of elements as those of another type of the same size.
fn bit_cast<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let element = At::element(at.required_int("to")?)?;
    let x = at.tensor(0)?;
    let own = at.item(0)?.element();
    if !element.is_own || own.is_some() || element.bytes != x.dtype().size() {
        return unsupported(format!(
            "bits of {} as {}",
            own.map_or_else(|| x.dtype().to_string(), |own| own.name.to_owned()),
            element.name
        ));
    }
    let dtype = element.dtype;
    /// Fills an array of one type from another, bit by bit.
    macro_rules! bits {
        ($from:ty => $to:ty, $convert:expr) => {
            at.graph.call(&[x], (dtype, x.shape()), |inputs, output| {
                let mut to = output.into_view::<$to>()?;
                ndarray::Zip::from(&mut to)
                    .and(inputs[0].view::<$from>()?)
                    .for_each(|to, &from| *to = $convert(from));
                Ok::<(), crate::op::KernelError>(())
            })
        };
    }
    one(match (x.dtype(), dtype) {
        (DType::F32, DType::I32) => bits!(f32 => i32, |x: f32| x.to_bits().cast_signed()),
        (DType::I32, DType::F32) => bits!(i32 => f32, |x: i32| f32::from_bits(x.cast_unsigned())),
        (DType::F64, DType::I64) => bits!(f64 => i64, |x: f64| x.to_bits().cast_signed()),
        (DType::I64, DType::F64) => bits!(i64 => f64, |x: i64| f64::from_bits(x.cast_unsigned())),
        _ => x,
    })
}

/// Patches, as a convolution sees them, added up at their places.
fn col2im<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let x = at.tensor(0)?;
    let (image, block) = (counts(&at.ints(1)?, "image_shape")?, counts(&at.ints(2)?, "block_shape")?);
    let axes = image.len();
    let each = |name: &'static str, default: usize, of: usize| {
        at.opt_ints(name)?.map_or_else(|| Ok(vec![default; of]), |numbers| counts(numbers, name))
    };
    let (strides, dilations) = (each("strides", 1, axes)?, each("dilations", 1, axes)?);
    let pads = each("pads", 0, 2 * axes)?;
    let is_fit =
        block.len() == axes && strides.len() == axes && dilations.len() == axes && pads.len() == 2 * axes;
    if !is_fit || axes == 0 || x.shape().rank() != 3 || strides.contains(&0) || block.contains(&0) {
        return invalid(format!("expected patches of images of {axes} axes, got shape {}", x.shape()));
    }
    let extent = |axis: usize| (block[axis] - 1).saturating_mul(dilations[axis]).saturating_add(1);
    let places = |axis: usize| {
        let padded = image[axis].saturating_add(pads[axis]).saturating_add(pads[axis + axes]);
        padded.checked_sub(extent(axis)).map(|room| room / strides[axis] + 1)
    };
    let Some(places) = (0..axes).map(places).collect::<Option<Vec<usize>>>() else {
        return invalid(format!("expected blocks that fit into {image:?}, got {block:?}"));
    };
    let product = |lengths: &[usize]| {
        lengths.iter().try_fold(1_usize, |all, &length| all.checked_mul(length)).unwrap_or(usize::MAX)
    };
    let (taps, all_places, pixels) = (product(&block), product(&places), product(&image));
    if taps.saturating_mul(all_places) > 1 << 26 || pixels > 1 << 26 {
        return unsupported(format!("patches of more than 2²⁶ pixels of images of {image:?}"));
    }
    // The pixel of each tap at each place; one behind the last for those in the padding.
    let mut rows = Vec::new();
    for tap in 0..taps {
        for place in 0..all_places {
            let (mut tap, mut place, mut flat, mut stride) = (tap, place, 0, 1);
            let mut is_inside = true;
            for axis in (0..axes).rev() {
                let at_axis = (place % places[axis]) * strides[axis] + (tap % block[axis]) * dilations[axis];
                (place, tap) = (place / places[axis], tap / block[axis]);
                match at_axis.checked_sub(pads[axis]).filter(|&pixel| pixel < image[axis]) {
                    Some(pixel) => flat += pixel * stride,
                    None => is_inside = false,
                }
                stride *= image[axis];
            }
            rows.push(if is_inside { flat as i64 } else { pixels as i64 });
        }
    }
    let rows = Item::value(super::shape::list(rows)).tensor(at.graph);
    let lengths = x.lengths();
    let channels = lengths[1] / taps;
    let patches = x.reshape([lengths[0] * channels, (taps * all_places).into()]).transpose();
    let empty = at.scalar(0.0, x.dtype()).broadcast_to([(pixels + 1).into(), lengths[0] * channels]);
    let images =
        empty.scatter_add(rows, patches, 0).slice(crate::ops::AxisRange::of(0, pixels as isize)).transpose();
    let to = [lengths[0], channels].into_iter().chain(image.iter().map(|&length| length.into()));
    one(images.reshape(to.collect::<Vec<crate::Length<'g>>>()))
}

/// The distinct elements, or slices along an axis, of a value that is known.
fn unique<'g>(at: &At<'_, 'g>) -> Built<'g> {
    let sorted = at.flag("sorted", true)?;
    let value = at.value(0)?;
    let shape = value.shape().to_vec();
    let axis = at.opt_int("axis")?.map(|axis| At::axis_of(axis, shape.len())).transpose()?;
    let numbers = at.numbers(0)?;
    let array = match axis {
        Some(_) => ArrayD::from_shape_vec(IxDyn(&shape), numbers),
        None => ArrayD::from_shape_vec(IxDyn(&[numbers.len()]), numbers),
    };
    let Ok(array) = array else { return invalid("expected an array, got another number of elements") };
    let axis = axis.unwrap_or(0);
    let slices: Vec<Vec<f64>> =
        array.axis_iter(ndarray::Axis(axis)).map(|slice| slice.iter().copied().collect()).collect();
    let same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| a == b);
    let mut order: Vec<usize> = (0..slices.len()).collect();
    order.sort_by(|&a, &b| {
        let by_number = slices[a].iter().zip(&slices[b]).map(|(a, b)| a.total_cmp(b)).find(|it| it.is_ne());
        by_number.unwrap_or(std::cmp::Ordering::Equal).then(a.cmp(&b))
    });
    // Equal slices follow on each other, the first one first.
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for index in order {
        match groups.last_mut() {
            Some(group) if same(&slices[group[0]], &slices[index]) => group.push(index),
            _ => groups.push(vec![index]),
        }
    }
    if !sorted {
        groups.sort_by_key(|group| group[0]);
    }
    let firsts: Vec<i64> = groups.iter().map(|group| group[0] as i64).collect();
    let mut inverse = vec![0; slices.len()];
    for (number, group) in groups.iter().enumerate() {
        for &index in group {
            inverse[index] = number as i64;
        }
    }
    let sizes = groups.iter().map(|group| group.len() as i64).collect();
    let distinct = picked(value, at.opt_int("axis")?.is_some().then_some(axis), &firsts);
    let lists = [firsts, inverse, sizes].map(|list| Item::value(super::shape::list(list)));
    Ok(std::iter::once(Item::value(distinct)).chain(lists).collect())
}

/// Elements, or slices along an axis, of a value.
fn picked(value: &Value, axis: Option<usize>, indices: &[i64]) -> Value {
    let indices: Vec<usize> = indices.iter().map(|&index| index as usize).collect();
    with_array!(value, array => if let Some(axis) = axis {
        array.select(ndarray::Axis(axis), &indices).into()
    } else {
        let flat: ndarray::Array1<_> = array.iter().copied().collect();
        flat.select(ndarray::Axis(0), &indices).into()
    })
}
