//! `Dropout`: what is left out, how often, and by what it is drawn.

use flowgrad::ndarray::{ArrayD, arr1};
use flowgrad::prelude::*;

use super::{MODES, fault, for_floats, spread};

/// Which of 64 ones a session keeps in its next run.
fn kept(g: &Graph, y: Tensor<'_, f64>, session: Option<&Session>) -> Vec<bool> {
    let own = Session::new(g).unwrap();
    let y = session.unwrap_or(&own).run(y).unwrap();
    y.iter().map(|&y| y != 0.0).collect()
}

fn dropped<'g>(g: &'g Graph, name: &str) -> Tensor<'g, f64> {
    Dropout::new(name, 0.5).call(g.constant(ArrayD::ones(vec![64])), Mode::Train)
}

fn elements_are_scaled_or_left_out<T: Float>(_: f64) {
    for rate in [0.25, 0.5, 0.9] {
        let g = Graph::with_seed(7);
        let x = g.placeholder::<T>("x", [None, Some(3)]);
        let [train, predict] = MODES.map(|mode| Dropout::new("drop1", rate).call(x, mode));
        assert_eq!(train.shape().to_string(), "[?, 3]");
        let session = Session::new(&g).unwrap();
        for rows in [0, 1, 40] {
            let fed = spread::<T>(&[rows, 3], 1);
            let (train, predict) = session.feed(x, &fed).run((train, predict)).unwrap();
            assert_eq!(predict, fed);
            let scale = <T as Numeric>::from_f64(1.0 / (1.0 - rate));
            let zero = <T as Numeric>::from_f64(0.0);
            for (&y, &x) in train.iter().zip(&fed) {
                assert!(y == zero || y == x * scale, "{y} of {x}");
            }
        }
    }
}

fn the_gradient_goes_where_the_elements_went<T: Float>(_: f64) {
    let g = Graph::with_seed(7);
    let x = g.constant(spread::<T>(&[50], 1));
    let y = Dropout::new("drop1", 0.75).call(x, Mode::Train);
    let [dx] = y.square().gradients([x]);
    let (x, y, dx) = Session::new(&g).unwrap().run((x, y, dx)).unwrap();
    let is_kept = |y: &T| y.as_f64() != 0.0;
    assert!(y.iter().any(is_kept) && !y.iter().all(is_kept));
    for ((x, y), dx) in x.iter().zip(&y).zip(&dx) {
        // (4x)² has the slope 32x.
        assert_eq!(dx.as_f64(), if is_kept(y) { 32.0 * x.as_f64() } else { 0.0 });
    }
}

for_floats!(elements_are_scaled_or_left_out, the_gradient_goes_where_the_elements_went);

#[test]
fn the_expectation_stays() {
    let count = 200_000;
    for rate in [0.1, 0.5, 0.8] {
        let g = Graph::with_seed(11);
        let x = g.constant(ArrayD::<f64>::ones(vec![count]));
        let mean = Dropout::new("drop1", rate).call(x, Mode::Train).reduce_mean(..);
        let deviation = (rate / (1.0 - rate) / count as f64).sqrt();
        let found = Session::new(&g).unwrap().run(mean).unwrap().sum();
        assert!((found - 1.0).abs() < 4.0 * deviation, "{found} for a rate of {rate}");
    }
}

#[test]
fn seed_name_call_and_count_of_runs_decide_and_nothing_else() {
    let g = Graph::with_seed(1);
    let y = dropped(&g, "drop1");
    let session = Session::new(&g).unwrap();
    let runs: Vec<Vec<bool>> = (0..3).map(|_| kept(&g, y, Some(&session))).collect();
    assert!(runs[0] != runs[1] && runs[1] != runs[2] && runs[0] != runs[2]);

    assert_eq!(runs[0], kept(&g, y, None));
    session.set_run_count(1);
    assert_eq!(runs[1], kept(&g, y, Some(&session)));
    let again = Graph::with_seed(1);
    again.constant(0.0).exp();
    assert_eq!(runs[0], kept(&again, dropped(&again, "drop1"), None));

    let other = Graph::with_seed(2);
    assert_ne!(runs[0], kept(&other, dropped(&other, "drop1"), None));
    assert_ne!(runs[0], kept(&again, dropped(&again, "drop2"), None));
    assert_ne!(runs[0], kept(&again, dropped(&again, "drop1"), None));
}

#[test]
fn one_run_draws_once_for_all_that_use_it() {
    let g = Graph::new();
    let y = dropped(&g, "drop1");
    let (y, doubled, again) = Session::new(&g).unwrap().run((y, y * 2.0, y)).unwrap();
    assert_eq!(y, again);
    assert_eq!(y * 2.0, doubled);
}

#[test]
fn a_rate_of_zero_draws_nothing() {
    let g = Graph::new();
    let x = g.constant(spread::<f64>(&[9], 1));
    let y = Dropout::new("drop1", 0.0).call(x, Mode::Train);
    let (x, y) = Session::new(&g).unwrap().run((x, y)).unwrap();
    assert_eq!(x, y);
    assert!(g.nodes().iter().all(|node| node.op != "bernoulli"));
}

#[test]
fn what_is_left_out_is_zero_whatever_it_was() {
    let g = Graph::new();
    let x = g.constant(arr1(&[f64::NAN, f64::INFINITY].repeat(16)));
    let y = Dropout::new("drop1", 0.5).call(x, Mode::Train);
    let y = Session::new(&g).unwrap().run(y).unwrap();
    assert!(y.iter().any(|&y| y == 0.0));
    assert!(y.iter().step_by(2).all(|&y| y == 0.0 || y.is_nan()));
    assert!(y.iter().skip(1).step_by(2).all(|&y| y == 0.0 || y == f64::INFINITY));
}

#[test]
fn a_rate_that_is_none_is_a_build_error_in_both_modes() {
    for (rate, shown) in [(1.0, "1"), (-0.1, "-0.1"), (1.5, "1.5"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")]
    {
        for mode in MODES {
            let g = Graph::new();
            Dropout::new("drop1", rate).call(g.constant(arr1(&[1.0])), mode);
            let expected = "expected a rate of at least 0 and below 1, got";
            assert_eq!(fault(&g), format!("{expected} {shown}, in `drop1/dropout` (dropout)"));
        }
    }
}
