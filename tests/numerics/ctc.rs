//! CTC against its recurrence, written out in ops: values and derivatives of every order that there is.

use flowgrad::fault::CtcFault;
use flowgrad::ndarray::{Array1, Array2, Array3, ArrayD, arr1, arr2};
use flowgrad::prelude::*;
use flowgrad::{Fault, Tensor};

const NEVER: f64 = f64::NEG_INFINITY;

fn logits(frames: usize, batch: usize, classes: usize) -> Array3<f64> {
    Array3::from_shape_fn((frames, batch, classes), |(t, b, c)| {
        3.0 * ((t * 7 + b * 3 + c * 11 + 1) as f64 * 0.618_033_988_749_895).fract() - 1.5
    })
}

/// The loss of one sequence: the forward recurrence over states, frame by frame. What a state cannot be reached from
/// is left out, so nothing is infinite.
fn written_out<'g>(x: Tensor<'g, f64>, labels: &[usize], frames: usize, blank: usize) -> Tensor<'g, f64> {
    let log = x.log_softmax(-1);
    let at = |frame: usize, class: usize| log.slice((frame as isize, class as isize)).reshape([1]);
    let states: Vec<usize> = labels.iter().flat_map(|&label| [blank, label]).chain([blank]).collect();
    let sum = |terms: Vec<Tensor<'g, f64>>| {
        (!terms.is_empty()).then(|| x.graph().concat(&terms, 0).reduce_log_sum_exp(Axes::of([0]).keep_dims()))
    };
    let mut alpha: Vec<Option<Tensor<'g, f64>>> =
        (0..states.len()).map(|state| (state < 2).then(|| at(0, states[state]))).collect();
    for frame in 1..frames {
        alpha = (0..states.len())
            .map(|state| {
                let jumps = state > 1 && states[state] != blank && states[state] != states[state - 2];
                let back = if jumps { 2 } else { 1 };
                let from = (state.saturating_sub(back)..=state).filter_map(|from| alpha[from]);
                Some(sum(from.collect())? + at(frame, states[state]))
            })
            .collect();
    }
    let last = alpha.into_iter().rev().take(2).flatten().collect();
    -sum(last).unwrap()
}

fn close(found: &ArrayD<f64>, expected: &ArrayD<f64>, what: &str) {
    assert_eq!(found.shape(), expected.shape());
    assert!((found - expected).iter().all(|e| e.abs() < 1e-10), "{what}: {found} is not {expected}");
}

#[test]
fn derivatives_are_those_of_the_recurrence() -> Result<()> {
    for (labels, frames) in [(vec![1, 2], 5), (vec![2, 2], 4), (vec![1, 1, 2], 5), (vec![], 3), (vec![3], 1)]
    {
        let g = Graph::new();
        let fed = logits(5, 1, 4);
        let x = g.placeholder::<f64>("x", [Some(5), Some(1), Some(4)]);
        let names = Array2::from_shape_fn((1, 3), |(_, i)| labels.get(i).map_or(0, |&label| label as i64));
        let [count, until] = [labels.len(), frames].map(|n| g.constant(arr1(&[n as i64])));
        let loss = x.ctc_loss(g.constant(names), count, until, 0);
        let expected = written_out(x.squeeze(1), &labels, frames, 0);
        // Of a function of the loss, so that cotangents are not constant.
        let [loss, expected] = [loss, expected].map(|loss| loss.sin() + loss);
        let weights = g.constant(logits(5, 1, 4).mapv(|x| (2.0 * x).cos()));
        let mut derivatives = vec![(loss, expected)];
        for _ in 0..4 {
            let &(of_loss, of_expected) = derivatives.last().unwrap();
            let next = [of_loss, of_expected].map(|y| {
                let [dx] = (y * y).gradients([x]);
                (dx * weights).reduce_sum(..)
            });
            derivatives.push((next[0], next[1]));
        }
        let (found, exact): (Vec<_>, Vec<_>) = derivatives.into_iter().unzip();
        let (found, exact) = Session::new(&g)?.feed(x, &fed).run((found, exact))?;
        for (order, (found, exact)) in found.iter().zip(&exact).enumerate() {
            let (found, exact) = (found.sum(), exact.sum());
            let apart = (found - exact).abs() / exact.abs().max(1.0);
            assert!(apart < 1e-8, "{labels:?}, order {order}: {found} is not {exact}");
        }
    }
    Ok(())
}

#[test]
fn frames_and_labels_beyond_the_lengths_do_not_count() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, None, None]);
    let labels = g.placeholder::<i64>("labels", [None, None]);
    let [counts, until] = ["counts", "until"].map(|name| g.placeholder::<i64>(name, [None]));
    let loss = x.ctc_loss(labels, counts, until, -1);
    assert_eq!(loss.shape().to_string(), "[?]");
    let [dx] = loss.gradients([x]);
    let session = Session::new(&g)?;
    let run = |x_now: &Array3<f64>, labels_now: &Array2<i64>, lengths: [&Array1<i64>; 2]| {
        session
            .feed(x, x_now)
            .feed(labels, labels_now)
            .feed(counts, lengths[0])
            .feed(until, lengths[1])
            .run((loss, dx))
    };
    let whole = logits(6, 2, 3);
    let (losses, slopes) = run(&whole, &arr2(&[[0, 1, -5], [1, 77, 77]]), [&arr1(&[2, 1]), &arr1(&[4, 6])])?;
    let first = whole.slice(flowgrad::ndarray::s![..4, ..1, ..]).to_owned();
    let (alone, its_slopes) = run(&first, &arr2(&[[0, 1]]), [&arr1(&[2]), &arr1(&[4])])?;
    assert_eq!(losses[0], alone[0]);
    for ((t, b, c), slope) in slopes.view().into_dimensionality::<flowgrad::ndarray::Ix3>()?.indexed_iter() {
        if b == 0 {
            assert_eq!(*slope, if t < 4 { its_slopes[[t, 0, c]] } else { 0.0 });
        }
    }
    // Each frame's slopes sum to 0, as those of every function of probabilities.
    for (t, b) in [(0, 0), (3, 0), (5, 1)] {
        assert!((0..3).map(|c| slopes[[t, b, c]]).sum::<f64>().abs() < 1e-14);
    }
    Ok(())
}

#[test]
fn labels_that_do_not_fit_are_infinitely_unlikely() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(logits(2, 1, 3));
    let ints = |n: i64| g.constant(arr1(&[n]));
    // A repeated label needs a blank between, so three frames.
    let loss = x.ctc_loss(g.constant(arr2(&[[1_i64, 1]])), ints(2), ints(2), 0);
    let none = x.ctc_loss(g.constant(arr2(&[[1_i64, 1]])), ints(1), ints(0), 0);
    let nothing = x.ctc_loss(g.constant(arr2(&[[1_i64, 1]])), ints(0), ints(0), 0);
    let gradients = [loss, none].map(|loss| loss.gradients([x])[0]);
    let session = Session::new(&g)?;
    assert_eq!(
        session.run([loss, none, nothing])?.map(|loss| loss.sum()),
        [f64::INFINITY, f64::INFINITY, 0.0]
    );
    for slopes in session.run(gradients)? {
        close(&slopes, &ArrayD::zeros(vec![2, 1, 3]), "slopes");
    }
    // An impossible class leaves the others as they are.
    let some = g.constant(Array3::from_shape_fn((3, 1, 3), |(_, _, c)| if c == 2 { NEVER } else { 0.0 }));
    let loss = some.ctc_loss(g.constant(arr2(&[[1_i64]])), ints(1), ints(3), 0);
    let [dx] = loss.gradients([some]);
    let (loss, dx) = Session::new(&g)?.run((loss, dx))?;
    assert!((loss.sum() + (6.0_f64 / 8.0).ln()).abs() < 1e-14 && dx.iter().all(|slope| slope.is_finite()));
    Ok(())
}

#[test]
fn long_sequences_keep_their_digits() -> Result<()> {
    let g = Graph::new();
    let frames = 2000;
    let x = g.constant(Array3::<f32>::zeros((frames, 1, 50)));
    let [one, until] = [1, frames as i64].map(|n| g.constant(arr1(&[n])));
    let loss = Session::new(&g)?.run(x.ctc_loss(g.constant(arr2(&[[7_i64]])), one, until, 0))?.sum();
    // One label among blanks: a run of it anywhere, n·(n + 1)/2 of 50ⁿ paths.
    let n = frames as f64;
    let expected = n * 50.0_f64.ln() - (n * (n + 1.0) / 2.0).ln();
    assert!((f64::from(loss) - expected).abs() < 1e-3, "{loss} is not {expected}");
    Ok(())
}

fn misused(build: impl Fn(&Graph)) -> String {
    let g = Graph::new();
    build(&g);
    g.check().unwrap_err().to_string()
}

#[test]
fn misuse_is_told() {
    let words = misused(|g| {
        let ints = g.constant(arr1(&[1_i64]));
        g.constant(logits(4, 2, 3)).ctc_loss(g.constant(arr2(&[[1_i64]])), ints, ints, 0);
    });
    let expected = "expected logits [time, batch, classes], labels [batch, labels] and two lengths [batch], got \
                    [4, 2, 3], [1, 1], [1] and [1], in `ctc_loss`";
    assert!(words.starts_with(expected), "{words}");
    for blank in [3, -4] {
        let words = misused(|g| {
            let ints = g.constant(arr1(&[1_i64]));
            g.constant(logits(4, 1, 3)).ctc_loss(g.constant(arr2(&[[1_i64]])), ints, ints, blank);
        });
        assert!(
            words.starts_with(&format!("expected a blank that is one of 3 classes, got {blank}")),
            "{words}"
        );
    }
    let runs = |labels: [i64; 2], count: i64, until: i64| {
        let g = Graph::new();
        let [count, until] = [count, until].map(|n| g.constant(arr1(&[n])));
        let loss = g.constant(logits(4, 1, 3)).ctc_loss(g.constant(arr2(&[labels])), count, until, 0);
        Session::new(&g).unwrap().run(loss).unwrap_err().to_string()
    };
    for (words, expected) in [
        (runs([1, 3], 2, 4), "expected an index of an axis of length 3, got 3"),
        (runs([-1, 1], 2, 4), "expected an index of an axis of length 3, got -1"),
        (runs([1, 0], 2, 4), "expected labels other than the blank, got 0"),
        (runs([1, 2], 3, 4), "expected at most 2 labels, got 3"),
        (runs([1, 2], 2, 5), "expected at most 4 frames, got 5"),
        (runs([1, 2], 2, -1), "expected at most 4 frames, got -1"),
    ] {
        assert!(words.contains(expected), "{words}");
    }
    // There is an end to derivatives, and it is told.
    let g = Graph::new();
    let x = g.constant(logits(3, 1, 3));
    let ints = g.constant(arr1(&[1_i64]));
    let mut y = x.ctc_loss(g.constant(arr2(&[[1_i64]])), ints, ints, 0).reduce_sum(..);
    for _ in 0..5 {
        g.check().unwrap();
        let [dx] = y.gradients([x]);
        y = dx.square().reduce_sum(..);
    }
    let Error::Build(error) = g.check().unwrap_err() else { panic!("no build error") };
    assert_eq!(error.fault, Fault::op(CtcFault::Order { most: 4 }));
}
