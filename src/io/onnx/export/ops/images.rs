//! Windows over images: convolutions and pools where ops together are one, else what each window shows.
//!
//! Ours are `[batch, height, width, channels]`, and ONNX's `[batch, channels, height, width]`.

use crate::element::DType;
use crate::graph::op::{Attribute, Attributes};
use crate::io::onnx::export::at::{At, Written};
use crate::io::onnx::export::writer::{Dim, Made, Val, Writer, ints, text};
use crate::ir::ScalarValue;

/// Convolution of what windows show, `ijc`, by filters; and its gradient by the images.
const FORWARD: &str = "nhwijc,ijcf->nhwf";
/// The same to images with their channels in front.
const TO_CHANNELS_FIRST: &str = "nhwijc,ijcf->nfhw";
const BACKWARD: &str = "nhwf,ijcf->nhwijc";

/// A window, of rows and of columns.
struct Window {
    size: [i64; 2],
    strides: [i64; 2],
    dilations: [i64; 2],
    padding: Padding,
}

enum Padding {
    Valid,
    Same,
    Around([[i64; 2]; 2]),
}

/// Along one axis: the rows before the first and behind the last one, and how many places the window has.
#[derive(Clone, Copy)]
struct Places {
    before: i64,
    behind: i64,
    count: i64,
}

impl Window {
    fn of(attributes: &Attributes) -> Written<Self> {
        let Some(Attribute::Group(given)) = attributes.get("window") else {
            return Err("expected a window, got none".to_owned());
        };
        let pair = |name: &'static str| {
            given.value::<Vec<isize>>(name).ok().and_then(|pair| <[isize; 2]>::try_from(pair).ok())
        };
        let pair = |name| {
            pair(name)
                .map(|pair| pair.map(|number| number as i64))
                .ok_or_else(|| format!("a window without {name}"))
        };
        let around = |listed: &Attribute| match listed {
            Attribute::Ints(pair) => <[i64; 2]>::try_from(pair.as_slice()).ok(),
            _ => None,
        };
        let padding = match given.get("padding") {
            Some(Attribute::Text(padding)) if padding == "valid" => Some(Padding::Valid),
            Some(Attribute::Text(padding)) if padding == "same" => Some(Padding::Same),
            Some(Attribute::List(pairs)) => {
                let pairs: Option<Vec<[i64; 2]>> = pairs.iter().map(around).collect();
                pairs.and_then(|pairs| pairs.try_into().ok()).map(Padding::Around)
            }
            _ => None,
        };
        let padding = padding.ok_or("a window without padding")?;
        Ok(Window { size: pair("size")?, strides: pair("strides")?, dilations: pair("dilations")?, padding })
    }

    /// The rows or columns that it spans.
    fn extent(&self, axis: usize) -> i64 {
        (self.size[axis] - 1) * self.dilations[axis] + 1
    }

    /// Where it lies on images of these lengths.
    fn places(&self, images: &Val) -> Written<[Places; 2]> {
        let place = |axis: usize| {
            let length = match images.dims.get(1 + axis) {
                Some(Dim::Known(length)) => *length as i64,
                _ => return Err("images whose height or width is not known".to_owned()),
            };
            let (stride, extent) = (self.strides[axis].max(1), self.extent(axis));
            let (before, behind) = match self.padding {
                Padding::Valid => (0, 0),
                Padding::Around(around) => (around[axis][0], around[axis][1]),
                Padding::Same => {
                    let lacks = ((length + stride - 1) / stride - 1) * stride + extent - length;
                    let lacks = lacks.max(0);
                    (lacks / 2, lacks - lacks / 2)
                }
            };
            let room = length + before + behind - extent;
            Ok(Places { before, behind, count: if room < 0 { 0 } else { room / stride + 1 } })
        };
        Ok([place(0)?, place(1)?])
    }

    fn attributes(&self, places: [Places; 2]) -> Vec<crate::io::onnx::messages::AttributeProto> {
        let [rows, columns] = places;
        vec![
            ints("kernel_shape", self.size.to_vec()),
            ints("strides", self.strides.to_vec()),
            ints("dilations", self.dilations.to_vec()),
            ints("pads", vec![rows.before, columns.before, rows.behind, columns.behind]),
        ]
    }
}

/// What made an input, if it was this op.
fn maker(at: &At<'_, '_, '_>, input: usize, op: &str) -> Written<Option<Made>> {
    let name = at.name(input)?;
    Ok(at.w.made.get(&name).filter(|made| made.op == op).cloned())
}

/// Whether an attribute is this text.
fn is(attributes: &Attributes, name: &'static str, wanted: &str) -> bool {
    matches!(attributes.get(name), Some(Attribute::Text(text)) if text == wanted)
}

const CHANNELS_FIRST: [i64; 4] = [0, 3, 1, 2];
const CHANNELS_LAST: [i64; 4] = [0, 2, 3, 1];
/// Of filters: from `[height, width, channels, filters]`.
const FILTERS_FIRST: [i64; 4] = [3, 2, 0, 1];

/// The convolution that an einsum is together with the patches that it takes.
pub(in crate::io::onnx::export) fn convolution(at: &mut At<'_, '_, '_>) -> Written<Option<String>> {
    let spec: String = at.value("spec")?;
    let Some(made) = maker(at, 0, "extract_patches")? else { return Ok(None) };
    // Runtimes convolve numbers of single precision alone.
    let is_first = spec == TO_CHANNELS_FIRST;
    if !(is_first || spec == FORWARD) || at.dtype()? != DType::F32 || !is(&made.attributes, "filling", "zero")
    {
        return Ok(None);
    }
    let (window, filters) = (Window::of(&made.attributes)?, at.name(1)?);
    let Some(images) = made.inputs.first() else { return Ok(None) };
    let Ok(places) = window.places(images) else { return Ok(None) };
    let images = at.w.transpose(&images.name, &CHANNELS_FIRST);
    let filters = at.w.transpose(&filters, &FILTERS_FIRST);
    let convolved = at.w.op("Conv", &[&images, &filters], window.attributes(places));
    Ok(Some(if is_first { convolved } else { at.w.transpose(&convolved, &CHANNELS_LAST) }))
}

/// The pool that a maximum is together with the patches that it is of.
pub(in crate::io::onnx::export) fn max_pool(at: &mut At<'_, '_, '_>) -> Written<Option<String>> {
    let x = at.input(0)?;
    let Some(made) = maker(at, 0, "extract_patches")? else { return Ok(None) };
    let (axes, keeps) = at.axes(x.rank())?;
    if axes != [3, 4] || keeps || !x.dtype.is_float() || !is(&made.attributes, "filling", "lowest") {
        return Ok(None);
    }
    let window = Window::of(&made.attributes)?;
    let Some(images) = made.inputs.first() else { return Ok(None) };
    let Ok(places) = window.places(images) else { return Ok(None) };
    // A window that shows padding alone has no largest element there.
    if (0..2).any(|axis| places[axis].before.max(places[axis].behind) >= window.extent(axis)) {
        return Ok(None);
    }
    let images = at.w.transpose(&images.name, &CHANNELS_FIRST);
    let pooled = at.w.op("MaxPool", &[&images], window.attributes(places));
    Ok(Some(at.w.transpose(&pooled, &CHANNELS_LAST)))
}

/// What the window shows at each of its places: for each of its elements the images moved, side by side.
pub(in crate::io::onnx::export) fn extract_patches(at: &mut At<'_, '_, '_>) -> Written {
    let images = at.input(0)?;
    let window = Window::of(&at.attributes)?;
    let places = window.places(&images)?;
    let filling = if is(&at.attributes, "filling", "lowest") {
        at.w.array(&lowest(images.dtype))
    } else {
        at.w.number(0.0, images.dtype)
    };
    let mut padded = images.name.clone();
    if places.iter().any(|places| (places.before, places.behind) != (0, 0)) {
        let [rows, columns] = places;
        let pads = at.w.ints(&[0, rows.before, columns.before, 0, 0, rows.behind, columns.behind, 0]);
        padded = at.w.op("Pad", &[&padded, &pads, &filling], vec![text("mode", "constant")]);
    }
    let mut shown = Vec::new();
    for row in 0..window.size[0] {
        for column in 0..window.size[1] {
            let mut moved = padded.clone();
            for (axis, index) in [row, column].into_iter().enumerate() {
                let (first, stride) = (index * window.dilations[axis], window.strides[axis]);
                let end = first + (places[axis].count - 1) * stride + 1;
                moved = at.w.slice(&moved, 1 + axis, [first, end, stride]);
            }
            shown.push(at.w.unsqueeze(&moved, &[3]));
        }
    }
    let beside = at.concatenated(&shown.iter().map(String::as_str).collect::<Vec<_>>(), 3);
    let channels = match images.dims.get(3) {
        Some(Dim::Known(length)) => *length as i64,
        _ => -1,
    };
    let lengths = at.w.ints(&[0, 0, 0, window.size[0], window.size[1], channels]);
    Ok(vec![at.w.op("Reshape", &[&beside, &lengths], Vec::new())])
}

/// The least element of a type.
fn lowest(dtype: DType) -> crate::element::Value {
    match dtype {
        DType::I32 => ndarray::arr0(i32::MIN).into(),
        DType::I64 => ndarray::arr0(i64::MIN).into(),
        _ => ScalarValue::number(f64::NEG_INFINITY, dtype).to_value(),
    }
}

/// What windows show, added back to where it was in images like the second input.
pub(in crate::io::onnx::export) fn add_patches(at: &mut At<'_, '_, '_>) -> Written {
    let (patches, like) = (at.input(0)?, at.input(1)?);
    let window = Window::of(&at.attributes)?;
    let places = window.places(&like)?;
    let lengths = [1, 2].map(|axis| match like.dims.get(axis) {
        Some(Dim::Known(length)) => *length as i64,
        _ => 0,
    });
    if let Some(images) = transposed_convolution(at, &window, places, lengths)? {
        return Ok(vec![images]);
    }
    let mut sum: Option<String> = None;
    for row in 0..window.size[0] {
        for column in 0..window.size[1] {
            let part = at.w.slice(&patches.name, 3, [row, row + 1, 1]);
            let part = at.w.slice(&part, 4, [column, column + 1, 1]);
            let inside = at.w.ints(&[3, 4]);
            let mut part = at.w.op("Squeeze", &[&part, &inside], Vec::new());
            for (axis, index) in [row, column].into_iter().enumerate() {
                part = spread(at.w, &patches, &part, axis, &window, (index, places[axis], lengths[axis]))?;
            }
            sum = Some(match sum {
                None => part,
                Some(sum) => at.w.op("Add", &[&sum, &part], Vec::new()),
            });
        }
    }
    sum.map(|sum| vec![sum]).ok_or_else(|| "a window without elements".to_owned())
}

/// Rows, or columns, a stride apart at where one of a window's takes them from, among zeros.
fn spread(
    w: &mut Writer,
    patches: &Val,
    part: &str,
    axis: usize,
    window: &Window,
    (index, places, length): (i64, Places, i64),
) -> Written<String> {
    let zero = w.number(0.0, patches.dtype);
    let stride = window.strides[axis];
    let mut spread = part.to_owned();
    let mut rows = places.count;
    if stride > 1 && rows > 1 {
        let channels = match patches.dims.get(5) {
            Some(Dim::Known(length)) => *length as i64,
            _ => return Err("images whose channels are not known".to_owned()),
        };
        // [n, h, w, c] becomes [n, h, 1, w·c] or [n·h, w, 1, c], whose third axis is filled up with zeros.
        let apart = w.unsqueeze(&spread, &[axis as i64 + 2]);
        let mut pads = [0; 10];
        pads[5 + axis + 2] = stride - 1;
        let pads = w.ints(&pads);
        let filled = w.op("Pad", &[&apart, &pads, &zero], vec![text("mode", "constant")]);
        let lengths =
            if axis == 0 { [0, rows * stride, -1, channels] } else { [0, 0, rows * stride, channels] };
        let lengths = w.ints(&lengths);
        spread = w.op("Reshape", &[&filled, &lengths], Vec::new());
        rows = (rows - 1) * stride + 1;
        spread = w.slice(&spread, 1 + axis, [0, rows, 1]);
    }
    let first = index * window.dilations[axis] - places.before;
    let mut pads = [0; 8];
    // Fewer than none before cuts rows off.
    pads[1 + axis] = first;
    pads[5 + axis] = length - first - rows;
    if pads.iter().all(|&count| count == 0) {
        return Ok(spread);
    }
    let [from, to] = [(-first).max(0), rows + (length - first - rows).min(0)];
    if from > 0 || to < rows {
        spread = w.slice(&spread, 1 + axis, [from, to, 1]);
    }
    let pads = w.ints(&pads.map(|count: i64| count.max(0)));
    Ok(w.op("Pad", &[&spread, &pads, &zero], vec![text("mode", "constant")]))
}

/// The gradient of a convolution by its images, together with the products that are added.
fn transposed_convolution(
    at: &mut At<'_, '_, '_>,
    window: &Window,
    places: [Places; 2],
    lengths: [i64; 2],
) -> Written<Option<String>> {
    let Some(made) = maker(at, 0, "einsum")? else { return Ok(None) };
    let [Some(cotangents), Some(filters)] = [made.inputs.first(), made.inputs.get(1)] else {
        return Ok(None);
    };
    if !is(&made.attributes, "spec", BACKWARD) || cotangents.dtype != DType::F32 {
        return Ok(None);
    }
    let reached = |axis: usize| (places[axis].count - 1) * window.strides[axis] + window.extent(axis);
    // What lies behind the last window, or what the last window reaches beyond the images.
    let rest = [0, 1].map(|axis| lengths[axis] + places[axis].before - reached(axis));
    if (0..2).any(|axis| rest[axis] >= window.strides[axis].max(window.dilations[axis])) {
        return Ok(None);
    }
    let cotangents = at.w.transpose(&cotangents.name, &CHANNELS_FIRST);
    let filters = at.w.transpose(&filters.name, &FILTERS_FIRST);
    let behind = rest.map(|rest| (-rest).max(0));
    let attributes = vec![
        ints("kernel_shape", window.size.to_vec()),
        ints("strides", window.strides.to_vec()),
        ints("dilations", window.dilations.to_vec()),
        ints("pads", vec![places[0].before, places[1].before, behind[0], behind[1]]),
        ints("output_padding", rest.map(|rest| rest.max(0)).to_vec()),
    ];
    let images = at.w.op("ConvTranspose", &[&cotangents, &filters], attributes);
    Ok(Some(at.w.transpose(&images, &CHANNELS_LAST)))
}
