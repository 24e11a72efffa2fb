//! Functions that are constant between their jumps, so that no gradient passes through them: `sign`, `floor`,
//! `ceil`, `round`, and the predicates `is_nan`, `is_inf` and `is_finite`.

use crate::ops::elementwise::elementwise;

elementwise! {
    Number "NaN stays NaN." {
        sign "-1 where x is negative, 1 where it is positive, 0 where it is a zero of either sign" |x| x.sign(), [],
            ([-3, 0, 2] => [-1, 0, 1]);
    }
    Float "NaN stays NaN." {
        floor "The largest integer that is not above x" |x| x.floor(), [], ([-1.5, 0.5, 1.0] => [-2.0, 0.0, 1.0]);
        ceil "The least integer that is not below x" |x| x.ceil(), [], ([-1.5, 0.5, 1.0] => [-1.0, 1.0, 1.0]);
        round "The integer nearest to x, of two the even one" |x| x.round(), [], ([-1.5, 0.5, 1.0] => [-2.0, 0.0, 1.0]);
    }
    Float "" {
        is_nan "Whether x is NaN" aka ["isnan"] |x| x.not_equal(x) => bool, [], ([0.5, f64::INFINITY, f64::NAN] => [false, false, true]);
        is_inf "Whether x is ∞ or -∞" aka ["isinf"] |x| x.abs().equal(f64::INFINITY) => bool, [],
            ([0.5, f64::NEG_INFINITY, f64::NAN] => [false, true, false]);
        is_finite "Whether x is neither infinite nor NaN" aka ["isfinite"] |x| x.abs().less(f64::INFINITY) => bool, [],
            ([0.5, f64::INFINITY, f64::NAN] => [true, false, false]);
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    let mut examples = rows();
    examples.extend([
        example!("sign", &[&[2, 3]], |_, x| x[0].sign() * x[0], |x| x[0].mapv(f64::abs)),
        example!("floor", &[&[2, 3]], |_, x| x[0].floor(), |x| x[0].mapv(f64::floor)),
        example!("ceil", &[&[2, 3]], |_, x| x[0].ceil() * x[0], |x| x[0].mapv(|x| x.ceil() * x)),
        example!("round", &[&[3, 5]], |_, x| x[0].round(), |x| x[0].mapv(f64::round)),
        example!("round of nothing", &[&[0]], |_, x| x[0].round(), |x| x[0].clone()),
        example!("is_nan", &[&[2, 3]], |_, x| x[0].ln().is_nan().cast(), |x| x[0]
            .mapv(|x| f64::from(u8::from(x < 0.0)))),
        example!("is_inf", &[&[2, 3]], |_, x| (x[0].relu().reciprocal()).is_inf().cast(), |x| x[0]
            .mapv(|x| f64::from(u8::from(x <= 0.0)))),
        example!("is_finite", &[&[2, 3]], |_, x| (x[0].relu().reciprocal()).is_finite().cast(), |x| x[0]
            .mapv(|x| f64::from(u8::from(x > 0.0)))),
    ]);
    examples
}

#[cfg(test)]
mod tests {
    use crate::prelude::*;
    use ndarray::arr1;

    const INF: f64 = f64::INFINITY;

    fn run<T: crate::Element>(build: impl Fn(&Graph) -> Tensor<'_, T>) -> Result<Vec<T>> {
        let g = Graph::new();
        let y = build(&g);
        Ok(Session::new(&g)?.run(y)?.iter().copied().collect())
    }

    /// To the bit, but for NaN, in both precisions, long enough for every part of a vector loop.
    fn check(
        rows: &[(f64, f64)],
        of_f64: fn(Tensor<'_, f64>) -> Tensor<'_, f64>,
        of_f32: fn(Tensor<'_, f32>) -> Tensor<'_, f32>,
    ) -> Result<()> {
        let xs: Vec<f64> = rows.iter().map(|row| row.0).cycle().take(40 * rows.len() + 7).collect();
        let doubles = run(|g| of_f64(g.constant(arr1(&xs))))?;
        let singles: Vec<f32> = xs.iter().map(|&x| x as f32).collect();
        let singles = run(|g| of_f32(g.constant(arr1(&singles))))?;
        for (index, (double, single)) in doubles.into_iter().zip(singles).enumerate() {
            let (x, expected) = rows[index % rows.len()];
            for found in [double, f64::from(single)] {
                let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
                assert!(same, "of {x}: {found:?} instead of {expected:?}");
            }
        }
        Ok(())
    }

    #[test]
    fn corners_of_rounding() -> Result<()> {
        let large = 16_777_216.0;
        let same = [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (f64::NAN, f64::NAN), (large, large)];
        let with = |rows: &[(f64, f64)]| [&same, rows].concat();
        let halves =
            [(0.5, 0.0), (-0.5, -0.0), (1.5, 2.0), (2.5, 2.0), (-1.5, -2.0), (-2.5, -2.0), (0.25, 0.0)];
        check(&with(&halves), |x| x.round(), |x| x.round())?;
        check(&with(&[(0.5, 0.0), (-0.5, -1.0), (-1.0, -1.0), (2.75, 2.0)]), |x| x.floor(), |x| x.floor())?;
        check(&with(&[(0.5, 1.0), (-0.5, -0.0), (-1.0, -1.0), (2.75, 3.0)]), |x| x.ceil(), |x| x.ceil())
    }

    #[test]
    fn corners_of_sign_and_magnitude() -> Result<()> {
        let tiny = 1e-42;
        let signs = [
            (0.0, 0.0),
            (-0.0, 0.0),
            (tiny, 1.0),
            (-tiny, -1.0),
            (INF, 1.0),
            (-INF, -1.0),
            (f64::NAN, f64::NAN),
        ];
        check(&signs, |x| x.sign(), |x| x.sign())?;
        check(
            &[(0.0, 0.0), (-0.0, 0.0), (-INF, INF), (-2.5, 2.5), (2.5, 2.5), (f64::NAN, f64::NAN)],
            |x| x.abs(),
            |x| x.abs(),
        )?;
        let ints = [i32::MIN, -3, 0, 5, i32::MAX];
        assert_eq!(run(|g| g.constant(arr1(&ints)).sign())?, [-1, -1, 0, 1, 1]);
        assert_eq!(run(|g| g.constant(arr1(&ints)).abs())?, [i32::MIN, 3, 0, 5, i32::MAX]);
        assert_eq!(run(|g| -g.constant(arr1(&ints)))?, [i32::MIN, 3, 0, -5, -i32::MAX]);
        assert_eq!(run(|g| g.constant(arr1(&ints)).square())?, [0, 9, 0, 25, 1]);
        assert_eq!(run(|g| g.constant(arr1(&[i64::MIN, -7])).abs())?, [i64::MIN, 7]);
        assert_eq!(run(|g| g.constant(i64::MIN).sign())?, [-1]);
        Ok(())
    }

    #[test]
    fn classes() -> Result<()> {
        let xs = [0.0_f32, f32::MAX, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN];
        let expected = [[false, false, false, false, true, true], [true, true, false, false, false, false]];
        let infinite = [false, false, true, true, false, false];
        assert_eq!(run(|g| g.constant(arr1(&xs)).is_inf())?, infinite);
        assert_eq!(run(|g| g.constant(arr1(&xs.map(f64::from))).is_inf())?, infinite);
        assert_eq!(run(|g| g.constant(arr1(&xs)).is_nan())?, expected[0]);
        assert_eq!(run(|g| g.constant(arr1(&xs)).is_finite())?, expected[1]);
        let xs = xs.map(f64::from);
        assert_eq!(run(|g| g.constant(arr1(&xs)).is_nan())?, expected[0]);
        assert_eq!(run(|g| g.constant(arr1(&xs)).is_finite())?, expected[1]);
        Ok(())
    }
}
