//! `y = Σ tanh(a·b + c)·exp(−a²)` and `∂y/∂a` by autodiff, against one fused loop on two threads and against
//! eager arrays.
//!
//! The vectors are fed; the gradient is kept in a variable, as the loop writes to a vector that is there already.

use std::sync::{Arc, Mutex, PoisonError};

use flowgrad::ndarray::Array1;
use flowgrad::prelude::*;

use super::error::same;
use super::reference::elementwise::{FORMS, Form, eager};
use super::reference::halves::How;
use super::reference::isa::Isa;
use super::side::{fastest, timed};
use super::{Case, CaseError, Side, Work, on_two_threads};

/// Largest difference from the reference, relative to the largest element: a few roundings.
const TOLERANCE: f64 = 1e-5;

/// Elements from which two threads are faster than one: some 50 µs of one thread's work.
const WORTH_SPLITTING: usize = 50_000;

/// The operands.
struct Data([Array1<f32>; 3]);

impl Data {
    fn new(count: usize) -> Arc<Self> {
        // Spread evenly over ranges in which neither function is flat, in no order.
        let spread = |step: f64, low: f64, high: f64| {
            Array1::from_shape_fn(count, |i| (low + (high - low) * (i as f64 * step).fract()) as f32)
        };
        Arc::new(Data([
            spread(0.618_033_988_749_895, -2.0, 2.0),
            spread(0.414_213_562_373_095, -1.5, 1.5),
            spread(0.732_050_807_568_877, -0.5, 1.5),
        ]))
    }

    fn slices(&self) -> [&[f32]; 3] {
        self.0.each_ref().map(|array| array.as_slice().unwrap_or_default())
    }

    /// Three vectors are read, one is written.
    fn work(&self) -> Work {
        Work::Bytes(4.0 * self.0[0].len() as f64 * 4.0)
    }
}

/// Against one fused loop with the same vector math, split by hand over two threads if it is long enough.
pub(crate) fn elementwise(count: usize) -> Result<Case, CaseError> {
    let data = Data::new(count);
    let ours = Ours::new(&data)?;
    let ways: &[How] = if count < WORTH_SPLITTING { &[How::Alone] } else { &How::SPLIT };
    let mut candidates: Vec<(String, Side)> = Vec::new();
    for isa in Isa::available() {
        for (form_name, form) in FORMS {
            for &how in ways {
                let name = format!("{form_name}, {}, {}", isa.name(), how.name());
                let (mut run, gradients) = by_two_threads(&data, isa, form, how);
                let y = run();
                let gradient = gradients.iter().flat_map(|half| lock(half).clone()).collect::<Vec<f32>>();
                ours.check(&name, y, &gradient)?;
                candidates.push((name, timed(run)));
            }
        }
    }
    let (chosen, reference) = fastest(candidates);
    Ok(Case { ours: ours.side, reference, chosen, work: data.work(), units: 1.0 })
}

/// Against eager arrays with the standard library's functions, on one thread as they are.
pub(crate) fn elementwise_eager(count: usize) -> Result<Case, CaseError> {
    let data = Data::new(count);
    let ours = Ours::new(&data)?;
    let run = {
        let data = Arc::clone(&data);
        move || eager(&data.0[0], &data.0[1], &data.0[2])
    };
    let (y, gradient) = run();
    let chosen = "eager ndarray".to_owned();
    ours.check(&chosen, y, gradient.as_slice().unwrap_or_default())?;
    Ok(Case { ours: ours.side, reference: timed(run), chosen, work: data.work(), units: 1.0 })
}

/// The library's side, and what it gives.
struct Ours {
    side: Side,
    y: f32,
    gradient: Vec<f32>,
}

impl Ours {
    fn new(data: &Arc<Data>) -> Result<Self, CaseError> {
        let count = data.0[0].len();
        let graph = Graph::new();
        let [a, b, c] = ["a", "b", "c"].map(|name| graph.placeholder::<f32>(name, [Some(count)]));
        let y = ((a * b + c).tanh() * (-a.square()).exp()).reduce_sum(..);
        let [da] = y.gradients([a]);
        let gradient = graph.variable("gradient", Array1::<f32>::zeros(count));

        let session = on_two_threads(&graph)?;
        session.run(graph.initializer())?;
        let step = session.make_callable((a, b, c), (y, gradient.assign(da).op()))?;
        let data = Arc::clone(data);
        let run = move || {
            let [a, b, c] = data.0.each_ref().map(|array| array.view().into_dyn());
            step.call((a, b, c)).map(|(y, ())| y.sum())
        };
        let y = run()?;
        let gradient = session.run(gradient)?.into_raw_vec_and_offset().0;
        Ok(Ours { side: timed(run), y, gradient })
    }

    fn check(&self, by: &str, y: f32, gradient: &[f32]) -> Result<(), CaseError> {
        same("y", by, [self.y], [y], TOLERANCE)?;
        same("dy/da", by, self.gradient.iter().copied(), gradient.iter().copied(), TOLERANCE)
    }
}

/// Half of the gradient, each filled by its thread.
type Half = Arc<Mutex<Vec<f32>>>;

fn by_two_threads(
    data: &Arc<Data>,
    isa: Isa,
    form: Form,
    how: How,
) -> (impl FnMut() -> f32 + 'static, [Half; 2]) {
    let count = data.0[0].len();
    let middle = count / 2;
    let ranges = [0..middle, middle..count];
    let gradients = ranges.clone().map(|range| Arc::new(Mutex::new(vec![0.0; range.len()])));
    let half = |index: usize| {
        let (data, range, gradient) =
            (Arc::clone(data), ranges[index].clone(), Arc::clone(&gradients[index]));
        move |()| form(isa, data.slices().map(|slice| &slice[range.clone()]), &mut lock(&gradient))
    };
    let mut both = how.both(half(0), half(1));
    (move || both(()).iter().sum(), gradients)
}

fn lock(half: &Half) -> std::sync::MutexGuard<'_, Vec<f32>> {
    half.lock().unwrap_or_else(PoisonError::into_inner)
}
