//! Averages of weights, against a loop by hand, in checkpoints, and in place of the weights.

use flowgrad::ndarray::{Array1, arr1};
use flowgrad::optimizer::{Ema, averaged};
use flowgrad::prelude::*;

/// A variable that each step moves, with what does so.
fn moving(g: &Graph) -> (Variable<'_, f64>, Operation<'_>) {
    let w = g.variable("w", random_normal([3], 0.0, 1.0));
    (w, Sgd::new(0.1).minimize((w - g.constant(arr1(&[1.0, 2.0, 3.0]))).square().reduce_sum(..)))
}

fn by_hand(
    decays: impl IntoIterator<Item = f64>,
    mut average: Array1<f64>,
    weights: &[Array1<f64>],
) -> Array1<f64> {
    for (decay, w) in decays.into_iter().zip(weights) {
        average = decay * average + (1.0 - decay) * w;
    }
    average
}

#[test]
fn an_average_is_that_of_the_weights_behind_each_step() {
    let warm = |t: usize| 0.9_f64.min((1.0 + t as f64) / (10.0 + t as f64));
    for warms_up in [false, true] {
        let g = Graph::with_seed(4);
        let (w, train) = moving(&g);
        let ema = if warms_up { Ema::new(0.9).warmed_up() } else { Ema::new(0.9) };
        let averages = ema.of(&g, &[w]);
        let step = averages.update_after(train);
        let session = Session::new(&g).unwrap();
        let read = |variable: Variable<'_, f64>| -> Array1<f64> {
            session.run(variable).unwrap().into_dimensionality().unwrap()
        };
        let start = read(w);
        assert_eq!(read(averages.get(w)), start, "it starts where the variable does");
        let mut weights = Vec::new();
        for t in 0..120 {
            session.run(step).unwrap();
            weights.push(read(w));
            if t % 17 == 0 || t == 119 {
                let decays = (0..=t).map(|t| if warms_up { warm(t) } else { 0.9 });
                let difference = by_hand(decays, start.clone(), &weights) - read(averages.get(w));
                assert!(difference.iter().all(|x| x.abs() < 1e-13), "step {t}: {difference}");
            }
        }
        assert_eq!(session.run(global_step(&g)).unwrap().sum(), 120);
    }
}

#[test]
fn what_does_not_change_is_its_own_average() {
    let g = Graph::new();
    let w = g.variable("w", 0.1_f32);
    let step = Ema::new(0.999).of(&g, &[w]).update_after(g.group([]));
    let session = Session::new(&g).unwrap();
    (0..100).for_each(|_| session.run(step).unwrap());
    assert_eq!(session.variable_values().unwrap()["w/ema"], ndarray::arr0(0.1_f32).into());
}

#[test]
fn swapping_twice_changes_no_bit_and_applying_is_for_good() {
    let g = Graph::with_seed(4);
    let (w, train) = moving(&g);
    let averages = Ema::new(0.7).of(&g, &[w]);
    let session = Session::new(&g).unwrap();
    session.run(averages.update_after(train)).unwrap();
    let [weights, average] = session.run([w, averages.get(w)]).unwrap();
    assert_ne!(weights, average);
    let before = session.variable_values().unwrap();
    session.run(averages.swap()).unwrap();
    assert_eq!(session.run([w, averages.get(w)]).unwrap(), [average.clone(), weights]);
    session.run(averages.swap()).unwrap();
    assert_eq!(session.variable_values().unwrap(), before);
    session.run(averages.apply()).unwrap();
    assert_eq!(session.run([w, averages.get(w)]).unwrap(), [average.clone(), average]);
}

#[test]
fn averages_go_on_from_saved_values_and_serve_another_program() {
    let g = Graph::with_seed(4);
    let (w, train) = moving(&g);
    let averages = Ema::new(0.9).warmed_up().of(&g, &[w]);
    let step = averages.update_after(train);
    let [whole, first, second] = [0; 3].map(|_| Session::new(&g).unwrap());
    (0..10).for_each(|_| whole.run(step).unwrap());
    (0..4).for_each(|_| first.run(step).unwrap());
    second.load(first.variable_values().unwrap()).unwrap();
    (4..10).for_each(|_| second.run(step).unwrap());
    let values = whole.variable_values().unwrap();
    assert_eq!(second.variable_values().unwrap(), values);

    let replaced = averaged(&values);
    let names: Vec<&str> = replaced.keys().map(String::as_str).collect();
    assert_eq!(names, ["ema/updates", "global_step", "w"]);
    assert_eq!(replaced["w"], values["w/ema"]);
    // A variable of that name which is no average stays.
    let odd = std::collections::BTreeMap::from([("x/ema".to_owned(), values["w"].clone())]);
    assert_eq!(averaged(&odd), odd);
}

#[test]
fn a_decay_is_a_tensor_or_a_schedule_of_the_step_as_well() {
    let g = Graph::with_seed(4);
    let (w, train) = moving(&g);
    let given = g.non_trainable_variable("given", 0.5_f32);
    let by_tensor = Ema::new(given * 0.5).of(&g, &[w]);
    let step = by_tensor.update_after(train);
    let session = Session::new(&g).unwrap();
    let read = |variable: Variable<'_, f64>| -> Array1<f64> {
        session.run(variable).unwrap().into_dimensionality().unwrap()
    };
    let start = read(w);
    session.run(step).unwrap();
    let first = read(w);
    session.run(given.assign(1.0)).unwrap();
    session.run(step).unwrap();
    let difference = by_hand([0.25, 0.5], start, &[first, read(w)]) - read(by_tensor.get(w));
    assert!(difference.iter().all(|x| x.abs() < 1e-13), "{difference}");

    for warms_up in [false, true] {
        let g = Graph::with_seed(4);
        let (w, train) = moving(&g);
        // The decay of the first update is that of step 0.
        let ema = Ema::new(Schedule::piecewise(0.0, [(1, 0.125), (2, 0.75)]));
        let averages = if warms_up { ema.warmed_up() } else { ema }.of(&g, &[w]);
        let step = averages.update_after(train);
        let session = Session::new(&g).unwrap();
        let read = |variable: Variable<'_, f64>| -> Array1<f64> {
            session.run(variable).unwrap().into_dimensionality().unwrap()
        };
        let start = read(w);
        let weights: Vec<_> = (0..3)
            .map(|_| {
                session.run(step).unwrap();
                read(w)
            })
            .collect();
        let decays = [0.0, 0.125, if warms_up { 0.25 } else { 0.75 }];
        let difference = by_hand(decays, start, &weights) - read(averages.get(w));
        assert!(difference.iter().all(|x| x.abs() < 1e-13), "{difference}");
    }

    let (g, other) = (Graph::new(), Graph::new());
    let w = g.variable("w", 1.0_f64);
    Ema::new(other.constant(0.5)).of(&g, &[w]);
    let error = g.check().unwrap_err().to_string();
    assert!(error.contains("decay") && error.contains("another graph"), "{error}");
}

#[test]
fn averages_that_cannot_be_are_build_errors() {
    let refused = |decay: f64, twice: bool| {
        let g = Graph::new();
        let w = g.variable("w", 1.0_f64);
        let averages = Ema::new(decay).of(&g, &vec![w; if twice { 2 } else { 1 }]);
        let (update, error) = (averages.update_after(g.group([])), g.check().unwrap_err().to_string());
        let other = Graph::new();
        other.variable("w", 1.0_f64);
        assert!(Session::new(&other).unwrap().run(update).is_err());
        assert!(error.contains(file!()), "{error}");
        error
    };
    for (decay, shown) in [(1.0, "1"), (-0.1, "-0.1"), (f64::NAN, "NaN")] {
        let expected = format!("decay: expected a number in [0, 1), got {shown}, in `ema` (ema) built at ");
        assert!(refused(decay, false).starts_with(&expected));
    }
    assert!(
        refused(0.9, true)
            .starts_with("expected each variable once, got `w` twice, in `ema` (ema) built at ")
    );
    // An invalid variable is reported, and nothing panics.
    let g = Graph::new();
    g.variable("w", 1.0_f64);
    let again = g.variable("w", 1.0_f64);
    Ema::new(0.9).of(&g, &[again]).swap();
    assert!(g.check().is_err());
}
