//! Schedules give what their formulas give, computed here without a graph.

use std::f64::consts::PI;

use flowgrad::ndarray::{Array1, arr1};
use flowgrad::prelude::*;
use proptest::prelude::*;

/// The rates of a schedule at some steps.
fn rates(schedule: &Schedule, steps: &[i64]) -> Array1<f64> {
    let g = Graph::new();
    let step = g.placeholder::<i64>("step", [None]);
    // A constant rate is one number.
    let rate = schedule.rate::<f64>(step) + step.cast::<f64>() * 0.0;
    let session = Session::new(&g).unwrap();
    session.feed(step, arr1(steps).view()).run(rate).unwrap().into_dimensionality().unwrap()
}

fn assert_rates(schedule: &Schedule, steps: &[i64], formula: impl Fn(f64) -> f64) {
    for (&step, found) in steps.iter().zip(rates(schedule, steps)) {
        let expected = formula(step as f64);
        let difference = (found - expected).abs();
        assert!(
            difference <= 1e-14 * expected.abs().max(0.1),
            "{schedule:?} at {step}: {found} for {expected}"
        );
    }
}

/// The first steps, steps around places where schedules change, and ones far behind.
const STEPS: [i64; 14] = [0, 1, 2, 3, 6, 7, 8, 13, 14, 15, 49, 50, 100, 100_000];

#[test]
fn each_schedule_at_the_first_steps() {
    assert_rates(&0.3.into(), &STEPS, |_| 0.3);
    assert_rates(&Schedule::constant(0.0), &STEPS, |_| 0.0);
    assert_rates(&Schedule::exponential(0.5, 0.96, 7), &STEPS, |t| 0.5 * 0.96_f64.powf(t / 7.0));
    assert_rates(&Schedule::staircase(0.5, 0.96, 7), &STEPS, |t| 0.5 * 0.96_f64.powf((t / 7.0).floor()));
    let cosine = |t: f64| 0.01 + (0.5 - 0.01) * (1.0 + (PI * (t / 50.0).min(1.0)).cos()) / 2.0;
    assert_rates(&Schedule::cosine(0.5, 0.01, 50), &STEPS, cosine);
    let steps = |t: f64| [0.5, 0.25, 0.75][usize::from(t >= 3.0) + usize::from(t >= 14.0)];
    assert_rates(&Schedule::piecewise(0.5, [(3, 0.25), (14, 0.75)]), &STEPS, steps);
    assert_rates(&Schedule::piecewise(0.5, []), &STEPS, |_| 0.5);
    assert_rates(&Schedule::piecewise(0.5, [(0, 0.25)]), &STEPS, |_| 0.25);
    assert_rates(&Schedule::of(|t| (t + 1.0).rsqrt()), &STEPS, |t| 1.0 / (t + 1.0).sqrt());
}

#[test]
fn a_warm_up_leads_to_where_a_schedule_starts() {
    let cosine = |t: f64| 0.5 * (1.0 + (PI * (t / 50.0).min(1.0)).cos()) / 2.0;
    let warm = |t: f64| if t < 7.0 { 0.1 + (0.5 - 0.1) * t / 7.0 } else { cosine(t - 7.0) };
    assert_rates(&Schedule::cosine(0.5, 0.0, 50).after_warm_up(0.1, 7), &STEPS, warm);
    assert_rates(&Schedule::from(0.5).after_warm_up(0.0, 1), &STEPS, |t| if t < 1.0 { 0.0 } else { 0.5 });
    // It falls if it starts above, and one warm-up may stand before another.
    let twice = Schedule::from(0.25).after_warm_up(0.5, 2).after_warm_up(0.0, 2);
    let rates = rates(&twice, &[0, 1, 2, 3, 4, 5]);
    assert_eq!(rates, arr1(&[0.0, 0.25, 0.5, 0.375, 0.25, 0.25]));
}

#[test]
fn stairs_are_where_whole_numbers_of_steps_are_done() {
    for steps in [1, 3, 7, 10, 49, 93, 1000] {
        let last = |stair: i64| [stair * steps - 1, stair * steps];
        let found = rates(
            &Schedule::staircase(1.0, 0.5, steps as usize),
            &(1..40).flat_map(last).collect::<Vec<_>>(),
        );
        let expected = (1..40).flat_map(|stair| [0.5_f64.powi(stair - 1), 0.5_f64.powi(stair)]);
        assert_eq!(found, expected.collect::<Array1<_>>(), "{steps}");
    }
}

#[test]
fn no_number_of_steps_is_too_large() {
    let most = [0, 1, i64::MAX];
    assert_eq!(rates(&Schedule::piecewise(0.5, [(usize::MAX, 0.25)]), &most[..2]), arr1(&[0.5, 0.5]));
    assert_eq!(rates(&Schedule::staircase(0.5, 0.5, usize::MAX), &most[..2]), arr1(&[0.5, 0.5]));
    assert_eq!(rates(&Schedule::cosine(0.5, 0.25, 2).after_warm_up(0.0, 2), &most), arr1(&[0.0, 0.25, 0.25]));
    let slow = Schedule::from(1.0).after_warm_up(0.5, usize::MAX);
    assert_eq!(rates(&slow, &most[..2]), arr1(&[0.5, 0.5]));
}

#[test]
fn single_precision_is_double_precision_rounded_once() -> Result<()> {
    let schedules = [
        Schedule::from(0.1),
        Schedule::exponential(0.1, 0.999, 10),
        Schedule::cosine(0.1, 0.001, 50),
        Schedule::cosine(0.1, 0.001, 50).after_warm_up(0.01, 13),
    ];
    for schedule in schedules {
        let g = Graph::new();
        let (single, double) = (schedule.rate::<f32>(global_step(&g)), schedule.rate::<f64>(global_step(&g)));
        let session = Session::new(&g)?;
        for step in STEPS {
            let (single, double) = session.feed(global_step(&g), step).run((single, double))?;
            assert_eq!(single.sum().to_bits(), (double.sum() as f32).to_bits(), "{schedule:?} at {step}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_numbers(
        start in 1e-6..10.0_f64,
        end in 0.0..1.0_f64,
        factor in 0.5..1.5_f64,
        steps in 1..500_usize,
        first in 0..1000_i64,
    ) {
        let at: Vec<i64> = (first..first + 20).collect();
        let n = steps as f64;
        let check = |schedule: Schedule, formula: &dyn Fn(f64) -> f64| {
            for (&step, found) in at.iter().zip(rates(&schedule, &at)) {
                let expected = formula(step as f64);
                let is_near = (found - expected).abs() <= 1e-12 * expected.abs() + 1e-15 * start;
                assert!(is_near, "{schedule:?} at {step}: {found} for {expected}");
            }
        };
        let exponential = |t: f64| start * factor.powf(t / n);
        check(Schedule::exponential(start, factor, steps), &exponential);
        check(Schedule::staircase(start, factor, steps), &|t| start * factor.powf((t / n).floor()));
        check(Schedule::cosine(start, end, steps), &|t| {
            end + (start - end) * 0.5 * (1.0 + (PI * (t / n).min(1.0)).cos())
        });
        check(Schedule::exponential(start, factor, steps).after_warm_up(end, steps), &|t| {
            if t < n { end + (start - end) * t / n } else { exponential(t - n) }
        });
    }
}
