//! Normalization of rows and of columns with its gradients, in passes that keep a row in the first-level cache.

use super::isa::{Isa, Loop};
use super::math::MulAdd;

/// What keeps a variance of 0 from being divided by.
pub(crate) const EPSILON: f32 = 1e-3;

/// What is normalized, the cotangent of the result, and the parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) dy: &'a [f32],
    pub(crate) scale: &'a [f32],
    pub(crate) offset: &'a [f32],
}

/// The result, and the cotangents of the inputs.
#[derive(Clone, Debug)]
pub(crate) struct Outputs {
    pub(crate) y: Vec<f32>,
    pub(crate) dx: Vec<f32>,
    pub(crate) dscale: Vec<f32>,
    pub(crate) doffset: Vec<f32>,
}

impl Outputs {
    /// Of rows of so many elements.
    pub(crate) fn new(rows: usize, width: usize) -> Self {
        let [y, dx] = [(); 2].map(|()| vec![0.0; rows * width]);
        Outputs { y, dx, dscale: vec![0.0; width], doffset: vec![0.0; width] }
    }
}

/// Each row normalized by itself, sums in `L` lanes.
struct Rows<'a, const L: usize> {
    inputs: Inputs<'a>,
    outputs: &'a mut Outputs,
}

/// The sum of what a function gives for each place, in lanes.
#[inline(always)]
fn sum<const L: usize>(width: usize, of: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0.0; L];
    let whole = width / L * L;
    for start in (0..whole).step_by(L) {
        for (l, lane) in lanes.iter_mut().enumerate() {
            *lane += of(start + l);
        }
    }
    (whole..width).fold(lanes.iter().sum(), |sum, i| sum + of(i))
}

impl<const L: usize> Loop for Rows<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        let Rows { inputs: Inputs { x, dy, scale, offset }, outputs } = self;
        let width = scale.len();
        let offset = &offset[..width];
        let Outputs { y, dx, dscale, doffset } = outputs;
        let (dscale, doffset) = (&mut dscale[..width], &mut doffset[..width]);
        dscale.fill(0.0);
        doffset.fill(0.0);
        let by = 1.0 / width as f32;
        let rows = x.chunks_exact(width).zip(dy.chunks_exact(width));
        for ((x, dy), (y, dx)) in rows.zip(y.chunks_exact_mut(width).zip(dx.chunks_exact_mut(width))) {
            let mean = sum::<L>(width, |i| x[i]) * by;
            let variance = sum::<L>(width, |i| (x[i] - mean) * (x[i] - mean)) * by;
            let to_unit = 1.0 / (variance + EPSILON).sqrt();
            for i in 0..width {
                let unit = (x[i] - mean) * to_unit;
                y[i] = M::mul_add(unit, scale[i], offset[i]);
                dscale[i] = M::mul_add(dy[i], unit, dscale[i]);
                doffset[i] += dy[i];
            }
            let slope = sum::<L>(width, |i| dy[i] * scale[i]) * by;
            let along = sum::<L>(width, |i| dy[i] * scale[i] * (x[i] - mean)) * to_unit * by;
            for i in 0..width {
                let unit = (x[i] - mean) * to_unit;
                dx[i] = to_unit * (M::mul_add(dy[i], scale[i], -slope) - unit * along);
            }
        }
    }
}

/// Each column normalized over the rows: two passes for mean and variance, one for the result and the sums of the gradient,
/// one for the gradient.
struct Columns<'a> {
    inputs: Inputs<'a>,
    outputs: &'a mut Outputs,
    /// Mean, reciprocal of the deviation, and two factors of each column.
    factors: &'a mut [Vec<f32>; 4],
}

impl Loop for Columns<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        let Columns { inputs: Inputs { x, dy, scale, offset }, outputs, factors } = self;
        let width = scale.len();
        let offset = &offset[..width];
        let Outputs { y, dx, dscale, doffset } = outputs;
        let (dscale, doffset) = (&mut dscale[..width], &mut doffset[..width]);
        let [mean, to_unit, slope, along] = factors.each_mut().map(|column| &mut column[..width]);
        let by = width as f32 / x.len() as f32;
        mean.fill(0.0);
        for x in x.chunks_exact(width) {
            for i in 0..width {
                mean[i] += x[i];
            }
        }
        for mean in &mut *mean {
            *mean *= by;
        }
        to_unit.fill(0.0);
        for x in x.chunks_exact(width) {
            for i in 0..width {
                to_unit[i] = M::mul_add(x[i] - mean[i], x[i] - mean[i], to_unit[i]);
            }
        }
        for variance in &mut *to_unit {
            *variance = 1.0 / M::mul_add(*variance, by, EPSILON).sqrt();
        }
        dscale.fill(0.0);
        doffset.fill(0.0);
        let rows = x.chunks_exact(width).zip(dy.chunks_exact(width));
        for ((x, dy), y) in rows.zip(y.chunks_exact_mut(width)) {
            for i in 0..width {
                let unit = (x[i] - mean[i]) * to_unit[i];
                y[i] = M::mul_add(unit, scale[i], offset[i]);
                dscale[i] = M::mul_add(dy[i], unit, dscale[i]);
                doffset[i] += dy[i];
            }
        }
        for i in 0..width {
            slope[i] = doffset[i] * by;
            along[i] = dscale[i] * by * to_unit[i];
        }
        let rows = x.chunks_exact(width).zip(dy.chunks_exact(width));
        for ((x, dy), dx) in rows.zip(dx.chunks_exact_mut(width)) {
            for i in 0..width {
                let rest = dy[i] - slope[i] - (x[i] - mean[i]) * along[i];
                dx[i] = scale[i] * to_unit[i] * rest;
            }
        }
    }
}

/// A form of a loop, with what it needs beside inputs and outputs.
pub(crate) type Form = fn(Isa, Inputs<'_>, &mut Outputs, &mut [Vec<f32>; 4]);

/// The forms of the loop over rows.
pub(crate) const OF_ROWS: [(&str, Form); 3] = [
    ("16 lanes", |isa, inputs, outputs, _| isa.run(Rows::<16> { inputs, outputs })),
    ("32 lanes", |isa, inputs, outputs, _| isa.run(Rows::<32> { inputs, outputs })),
    ("64 lanes", |isa, inputs, outputs, _| isa.run(Rows::<64> { inputs, outputs })),
];

/// The loop over columns.
pub(crate) const OF_COLUMNS: [(&str, Form); 1] =
    [("four passes", |isa, inputs, outputs, factors| isa.run(Columns { inputs, outputs, factors }))];
