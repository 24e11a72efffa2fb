//! Sines and cosines of slices, with arguments of any size among them.

use super::super::{Fused, Real, Separate, cos_slice, sin_slice};
use super::Arguments;

/// Mixed sizes over several blocks and a rest; every element right, whatever its neighbors are.
#[test]
fn arguments_of_any_size() {
    let mut random = Arguments(6);
    let x: Vec<f64> = (0..1000)
        .map(|i| if i % 97 == 5 { random.with_exponent(i % 1000) } else { random.between((-100.0, 100.0)) })
        .chain([f64::INFINITY, f64::NAN, f64::MAX, -0.0])
        .collect();
    let mut sin = vec![0.0; x.len()];
    let mut cos = vec![0.0; x.len()];
    sin_slice::<f64, Fused>(&x, &mut sin);
    cos_slice::<f64, Separate>(&x, &mut cos);
    for (x, (sin, cos)) in x.into_iter().zip(sin.into_iter().zip(cos)) {
        let close = |y: f64, truth: f64| (y - truth).abs() <= f64::EPSILON || y.is_nan() && truth.is_nan();
        assert!(close(sin, x.sin()) && close(cos, x.cos()), "{x:e}: {sin:e}, {cos:e}");
    }
}

/// The limit itself is within, the next number beyond; both are right, in `f32` as in `f64`.
#[test]
fn around_the_limit() {
    let limit = <f32 as Real>::TRIG_LIMIT;
    let x = [limit, limit.next_up(), -limit, limit.next_down(), f32::MAX, 1e10, f32::INFINITY];
    assert_eq!(x.map(<f32 as Real>::beyond_trig), [false, true, false, false, true, true, true]);
    let mut y = [0.0; 7];
    sin_slice::<f32, Separate>(&x, &mut y);
    for (x, y) in x.into_iter().zip(y) {
        let truth = f64::from(x).sin();
        assert!((f64::from(y) - truth).abs() <= f64::from(f32::EPSILON) || y.is_nan() && truth.is_nan());
    }
}
