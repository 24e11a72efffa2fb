//! What a model is fed: arrays of a file, an image, or random numbers; and what it gives, in a line.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use flowgrad::io::npz::Npz;
use flowgrad::ndarray::{Array3, Array4, ArrayD, Axis, IxDyn};
use flowgrad::prelude::*;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::Args;
use crate::common::Result;
use crate::model::{Input, Model};

/// A value for each input.
pub(crate) fn of(model: &Model<'_>, args: &Args) -> Result<Vec<Value>> {
    let npz = args.npz.as_ref().map(Npz::open).transpose()?;
    let mut random = ChaCha8Rng::seed_from_u64(args.seed);
    let pictured = model.inputs.iter().position(|input| input.tensor.shape().rank() == 4);
    if args.image.is_some() && pictured.is_none() {
        return Err("--image: expected a model with an input of four axes, got none".into());
    }
    let mut fed = Vec::with_capacity(model.inputs.len());
    for (index, input) in model.inputs.iter().enumerate() {
        let found = npz.as_ref().filter(|npz| npz.names().any(|name| name == input.name));
        fed.push(match (found, &args.image) {
            (Some(npz), _) => npz.read(&input.name)?,
            (None, Some(path)) if pictured == Some(index) => {
                let pixels = image(path)?.mapv(|pixel| (pixel - args.mean) / args.deviation);
                laid_out(pixels, input)?.into_dyn().into()
            }
            (None, _) => drawn(input, args, &mut random),
        });
    }
    Ok(fed)
}

/// The rows, columns and channels of an image, from 0 to 1.
fn image(path: &Path) -> Result<Array3<f32>> {
    let place = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = File::open(path).map_err(|error| place(&error))?;
    let mut decoder = png::Decoder::new(BufReader::new(file));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|error| place(&error))?;
    let size = reader.output_buffer_size().ok_or_else(|| place(&"expected an image that fits in memory"))?;
    let mut samples = vec![0; size];
    let info = reader.next_frame(&mut samples).map_err(|error| place(&error))?;
    let channels = info.color_type.samples();
    let (height, width) = (info.height as usize, info.width as usize);
    samples.truncate(height * width * channels);
    let pixels = samples.iter().map(|&sample| f32::from(sample) / 255.0).collect();
    let mut pixels = Array3::from_shape_vec((height, width, channels), pixels)?;
    if matches!(channels, 2 | 4) {
        // How opaque a pixel is.
        pixels.remove_index(Axis(2), channels - 1);
    }
    Ok(pixels)
}

/// An image in the order of axes that an input has: channels last, or second where the second axis is 1 or 3 long.
fn laid_out(pixels: Array3<f32>, input: &Input<'_>) -> Result<Array4<f32>> {
    let shape = input.tensor.shape();
    let is_second = matches!(shape.dims(), [_, Some(1 | 3), ..]);
    let wanted = shape.dims().get(if is_second { 1 } else { 3 }).copied().flatten();
    let pixels = match (wanted, pixels.dim().2) {
        (Some(1), 3) => pixels.mean_axis(Axis(2)).unwrap_or_default().insert_axis(Axis(2)),
        (Some(3), 1) => {
            let (height, width, _) = pixels.dim();
            pixels.broadcast((height, width, 3)).ok_or("expected an image with pixels")?.to_owned()
        }
        _ => pixels,
    };
    let pixels = if is_second { pixels.permuted_axes([2, 0, 1]) } else { pixels };
    Ok(pixels.as_standard_layout().to_owned().insert_axis(Axis(0)))
}

/// Random numbers of an input's shape: floats between 0 and 1, and integers that are 0 or 1.
fn drawn(input: &Input<'_>, args: &Args, random: &mut ChaCha8Rng) -> Value {
    let shape = input.tensor.shape();
    let given = args.shape.iter().find(|shape| shape.name == input.name).map(|shape| &shape.value.0);
    let length = |(axis, length): (usize, &Option<usize>)| {
        let of_name = input.axes.get(axis).and_then(Option::as_ref);
        let of_name = of_name.and_then(|name| args.length.iter().find(|length| length.name == *name));
        length
            .or(given.and_then(|lengths| lengths.get(axis).copied()))
            .or(of_name.map(|it| it.value))
            .unwrap_or(1)
    };
    let lengths = IxDyn(&shape.dims().iter().enumerate().map(length).collect::<Vec<_>>());
    match input.tensor.dtype() {
        DType::F32 => ArrayD::from_shape_simple_fn(lengths, || random.random::<f32>()).into(),
        DType::F64 => ArrayD::from_shape_simple_fn(lengths, || random.random::<f64>()).into(),
        DType::I32 => ArrayD::from_shape_simple_fn(lengths, || i32::from(random.random::<bool>())).into(),
        DType::I64 => ArrayD::from_shape_simple_fn(lengths, || i64::from(random.random::<bool>())).into(),
        DType::Bool => ArrayD::from_shape_simple_fn(lengths, || random.random::<bool>()).into(),
    }
}

/// Its type and shape, and its first elements.
pub(crate) fn summary(value: &Value) -> String {
    /// Elements that are shown.
    const SHOWN: usize = 6;
    fn first<T: std::fmt::Display>(array: &ArrayD<T>) -> String {
        let shown: Vec<String> = array.iter().take(SHOWN).map(ToString::to_string).collect();
        let more = if array.len() > SHOWN { ", .." } else { "" };
        format!("{}{more}", shown.join(", "))
    }
    let shown = match value {
        Value::F32(array) => first(array),
        Value::F64(array) => first(array),
        Value::I32(array) => first(array),
        Value::I64(array) => first(array),
        Value::Bool(array) => first(array),
    };
    format!("{}{:?} {shown}", value.dtype(), value.shape())
}
