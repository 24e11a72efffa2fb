//! The epoch of the reference experiment, its gradient by autodiff, against one fused pass.

use std::sync::Arc;

use flowgrad::ndarray::{Array2, ArrayView2};
use flowgrad::prelude::*;

use super::error::same;
use super::reference::halves::How;
use super::reference::linreg::{Pass, Scalar, passes};
use super::side::{fastest, timed};
use super::{Case, CaseError, Side, Work, on_two_threads};

/// Step size of the descent.
const MU: f64 = 0.001;
/// Epochs after which the weights of both sides are compared.
const CHECKED_EPOCHS: usize = 50;

/// The data: rows `[1, x]` with `x` evenly spaced over [0, 2], and `3 + 2·x` with some noise.
#[derive(Debug)]
struct Data<T> {
    x: Vec<[T; 2]>,
    d: Vec<T>,
}

impl<T: Scalar> Data<T> {
    fn new(rows: usize) -> Self {
        let x = |row: usize| 2.0 * row as f64 / (rows - 1) as f64;
        // Fractions of multiples of the golden ratio: spread evenly, without a pattern in the rows.
        let noise = |row: usize| 0.3 * ((row as f64 * 0.618_033_988_749_895).fract() - 0.5);
        Data {
            x: (0..rows).map(|row| [T::one(), T::from_f64(x(row))]).collect(),
            d: (0..rows).map(|row| T::from_f64(3.0 + 2.0 * x(row) + noise(row))).collect(),
        }
    }

    /// What one epoch reads.
    fn work(&self) -> Work {
        Work::Bytes((3 * self.d.len() * size_of::<T>()) as f64)
    }
}

/// The experiment's epoch through a callable, against the fastest single pass over the same `X` and `d`.
pub(crate) fn linreg<T: Scalar>(rows: usize) -> Result<Case, CaseError> {
    let data = Arc::new(Data::<T>::new(rows));
    let candidates = passes().into_iter().map(|(name, pass)| {
        let gradient = by_one_thread(Arc::clone(&data), pass);
        (name, gradient)
    });
    case(&data, candidates.collect())
}

/// The same for many rows, on two threads, against the same pass split over two threads.
pub(crate) fn linreg_large(rows: usize) -> Result<Case, CaseError> {
    let data = Arc::new(Data::<f32>::new(rows));
    let (name, pass) = fastest_pass(&data);
    let candidates = How::SPLIT.into_iter().map(|how| {
        let gradient = by_two_threads(&data, &pass, how);
        (format!("{name}, {}", how.name()), gradient)
    });
    case(&data, candidates.collect())
}

/// So many of the experiment's epochs in one loop of the graph, against as many in a loop by hand.
pub(crate) fn linreg_loop(rows: usize, epochs: usize) -> Result<Case, CaseError> {
    let data = Arc::new(Data::<f64>::new(rows));
    let graph = Graph::new();
    let (x, d) = arrays(&graph, &data);
    let start = graph.zeros::<f64>([2, 1]);
    let trained = graph.fori(epochs, |_, w| w - slope(x, d, w) * MU, start);
    let session = Session::builder(&graph).threads(1).build()?;
    let run = session.make_callable((), trained)?;
    let ours = run.call(())?;

    let mut candidates: Vec<(String, Side)> = Vec::new();
    for (name, pass) in passes() {
        let mut gradient = by_one_thread(Arc::clone(&data), pass);
        let rate = 2.0 * MU / rows as f64;
        let mut by_hand = move || {
            (0..epochs).fold([0.0; 2], |w, _| {
                let g = gradient(w);
                [w[0] - rate * g[0], w[1] - rate * g[1]]
            })
        };
        same("linreg_loop", &name, ours.iter().copied(), by_hand(), 1e-11)?;
        candidates.push((name, timed(by_hand)));
    }
    let (chosen, reference) = fastest(candidates);
    let ours = timed(move || run.call(()));
    Ok(Case { ours, reference, chosen, work: data.work(), units: epochs as f64 })
}

/// `Xᵀ·(X·w − d)` for weights.
type Gradient<T> = Box<dyn FnMut([T; 2]) -> [T; 2]>;

fn by_one_thread<T: Scalar>(data: Arc<Data<T>>, pass: Pass<T>) -> Gradient<T> {
    Box::new(move |w| pass(&data.x, &data.d, w))
}

fn by_two_threads<T: Scalar>(data: &Arc<Data<T>>, pass: &Pass<T>, how: How) -> Gradient<T> {
    let middle = data.d.len() / 2;
    let half = |range: std::ops::Range<usize>| {
        let (data, pass) = (Arc::clone(data), Arc::clone(pass));
        move |w| pass(&data.x[range.clone()], &data.d[range.clone()], w)
    };
    let mut both = how.both(half(0..middle), half(middle..data.d.len()));
    Box::new(move |w| {
        let [a, b] = both(w);
        [a[0] + b[0], a[1] + b[1]]
    })
}

/// The pass that is the fastest on one thread.
fn fastest_pass(data: &Arc<Data<f32>>) -> (String, Pass<f32>) {
    let mut candidates = passes();
    let sides = candidates.iter().enumerate().map(|(index, (_, pass))| {
        let mut gradient = by_one_thread(Arc::clone(data), Arc::clone(pass));
        (index.to_string(), timed(move || gradient([0.5, 0.5])))
    });
    let (index, _) = fastest(sides.collect());
    candidates.swap_remove(index.parse().unwrap_or(0))
}

/// The library's epoch against the fastest of the gradients, each followed by the update.
fn case<T: Scalar>(data: &Arc<Data<T>>, gradients: Vec<(String, Gradient<T>)>) -> Result<Case, CaseError> {
    let graph = Graph::new();
    let (w, train) = build(&graph, data);
    let session = on_two_threads(&graph)?;
    session.run(graph.initializer())?;
    let step = session.make_callable((), train)?;
    for _ in 0..CHECKED_EPOCHS {
        step.call(())?;
    }
    let ours = session.run(w)?;

    let rate = T::from_f64(2.0 * MU / data.d.len() as f64);
    let mut candidates: Vec<(String, Side)> = Vec::new();
    for (name, mut gradient) in gradients {
        let mut epoch = move |w: &mut [T; 2]| {
            let g = gradient(*w);
            *w = [w[0] - rate * g[0], w[1] - rate * g[1]];
        };
        let mut w = [T::zero(); 2];
        (0..CHECKED_EPOCHS).for_each(|_| epoch(&mut w));
        let tolerance = if size_of::<T>() == 8 { 1e-11 } else { 1e-4 };
        same("linreg", &name, ours.iter().copied(), w, tolerance)?;
        candidates.push((name, timed(move || epoch(&mut w))));
    }
    let (chosen, reference) = fastest(candidates);
    Ok(Case {
        ours: timed(move || step.call(()).expect("an epoch cannot fail")),
        reference,
        chosen,
        work: data.work(),
        units: 1.0,
    })
}

/// The weights, and the operation that moves them by one epoch.
fn build<'g, T: Scalar>(graph: &'g Graph, data: &Data<T>) -> (Variable<'g, T>, Operation<'g>) {
    let (x, d) = arrays(graph, data);
    let w = graph.variable("w", Array2::<T>::zeros((2, 1)));
    (w, w.assign(w - slope(x, d, w.tensor()) * T::from_f64(MU)).op())
}

/// `X` and `d`.
fn arrays<'g, T: Scalar>(graph: &'g Graph, data: &Data<T>) -> (Tensor<'g, T>, Tensor<'g, T>) {
    let rows = data.d.len();
    let view =
        |elements, columns| ArrayView2::from_shape((rows, columns), elements).expect("the lengths fit");
    let x = graph.constant(view(data.x.as_flattened(), 2)).named("X");
    (x, graph.constant(view(&data.d, 1)).named("d"))
}

/// The gradient of the mean squared error by the weights.
fn slope<'g, T: Scalar>(x: Tensor<'g, T>, d: Tensor<'g, T>, w: Tensor<'g, T>) -> Tensor<'g, T> {
    let mse = (x.matmul(w) - d).square().reduce_mean(..).named("mse");
    let [gradient] = mse.gradients([w]);
    gradient
}
