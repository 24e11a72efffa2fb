//! Inverse hyperbolic functions, of what the crate has: they lose no digits at 0 or at 1, and no square leaves the range.

use crate::graph::AnyTensor;

/// ln(x + √(x² - 1)), by what x is more than 1.
pub(crate) fn acosh(x: AnyTensor<'_>) -> AnyTensor<'_> {
    let more = x - 1.0;
    (more + more.sqrt() * (x + 1.0).sqrt()).log1p()
}

/// ±ln(1 + |x| + x²/(1 + √(x² + 1))).
pub(crate) fn asinh(x: AnyTensor<'_>) -> AnyTensor<'_> {
    let magnitude = x.abs();
    let rest = magnitude * (magnitude / (magnitude.hypot(x.scalar_like(1.0)) + 1.0));
    x.sign() * (magnitude + rest).log1p()
}

/// ln((1 + x)/(1 - x))/2.
pub(crate) fn atanh(x: AnyTensor<'_>) -> AnyTensor<'_> {
    (x.log1p() - (-x).log1p()) * 0.5
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    /// Against ln(2·x) far up, and what double precision gives elsewhere.
    #[test]
    fn neither_end_of_the_range_loses_digits() {
        type Check = (ndarray::ArrayD<f32>, [f32; 2], fn(f64) -> f64);

        let g = Graph::new();
        let of = |numbers: &[f32]| g.constant(ndarray::Array1::from(numbers.to_vec())).any();
        let (large, small) = ([1e20_f32, 1e37], [1e-20_f32, 1e-4]);
        let session = Session::new(&g).unwrap();
        let run = |x: AnyTensor<'_>| session.run(x.typed::<f32>()).unwrap();
        for function in [acosh, asinh] {
            for (found, x) in run(function(of(&large))).iter().zip(large) {
                assert!((f64::from(*found) / (2.0 * f64::from(x)).ln() - 1.0).abs() < 1e-6, "{x}: {found}");
            }
        }
        let near_one = small.map(|x| 1.0 + x);
        let checks: [Check; 3] = [
            (run(asinh(of(&small))), small, f64::asinh),
            (run(atanh(of(&small))), small, f64::atanh),
            (run(acosh(of(&near_one))), near_one, f64::acosh),
        ];
        for (found, x, expected) in checks {
            for (found, x) in found.iter().zip(x) {
                let expected = expected(f64::from(x));
                assert!(
                    (f64::from(*found) - expected).abs() <= 1e-6 * expected,
                    "{x}: {found}, not {expected}"
                );
            }
        }
    }
}
