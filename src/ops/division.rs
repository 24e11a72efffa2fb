//! Division that rounds down, and what it leaves: `floor_div` and `modulo`, as Python and NumPy have them.

use crate::ops::elementwise::elementwise;

elementwise! {
    Number "An integer over 0 fails the run with [`Error::DivisionByZero`](crate::Error::DivisionByZero); the least integer \
        over -1 wraps around." {
        floor_div "The largest integer that is not above `self / other`; a float over 0 is infinite or NaN" aka ["floor_divide"]
            |a, b| a.floor_div(b), [], ([7, -7], [2, 2] => [3, -4]);
        // a - b·floor(a/b).
        modulo "`self - other·floor(self / other)`: what [`floor_div`](crate::Tensor::floor_div) leaves, with the sign of \
            `other`; NaN for a float by 0" |a, b| a.modulo(b),
            ["1" gives |dy, _, _, _| dy, "-floor(self / other)" times |a, b, _| -a.floor_div(b)],
            ([7.5, -7.5], [2.0, 2.0] => [1.5, 0.5]);
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::compare::zipped;
    use super::laws::{Example, example};
    use ndarray::{Array2, arr2};
    let rest = |x: &[ndarray::ArrayD<f64>]| zipped(x, |a, b| a - b * (a / b).floor());
    // Rows that are long enough for a loop each, and quotients that are far from jumps.
    let halves = Array2::from_shape_fn((3, 40), |(i, j)| (5 * i + j) as f64 - 20.5).into_dyn();
    let divisors = arr2(&[[2.0], [-3.0], [4.0]]).into_dyn();
    let mut examples: Vec<Example> = rows();
    examples.push(
        example!("modulo of rows", &[&[3, 40], &[3, 1]], |_, x| x[0].modulo(x[1]), rest)
            .on(vec![halves, divisors]),
    );
    let shapes: [[&[usize]; 2]; 6] =
        [[&[3, 4], &[3, 4]], [&[4], &[3, 1]], [&[3, 4], &[]], [&[], &[3]], [&[0, 2], &[2]], [&[1], &[]]];
    for shapes in shapes {
        examples.extend([
            example!("floor_div", &shapes, |_, x| (x[0] * 2.0).floor_div(x[1]), |x| zipped(x, |a, b| {
                (2.0 * a / b).floor()
            })),
            example!("modulo", &shapes, |_, x| x[0].modulo(x[1]), rest),
        ]);
    }
    examples
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, arr1};

    use crate::prelude::*;
    use crate::{Element, Numeric};

    /// Quotients and remainders, by every form of the kernels: of tiles, and with a number on either side.
    fn run<T: Numeric>(pairs: &[(T, T)]) -> Result<Vec<(T, T)>> {
        let mut results = Vec::new();
        let (a, b): (Vec<T>, Vec<T>) = pairs.iter().copied().unzip();
        let (a, b) = (Array1::from(a), Array1::from(b));
        let tiles = both(|g| (g.constant(a.view()), g.constant(b.view())))?;
        for (index, &(a, b)) in pairs.iter().enumerate() {
            let numbers = both(|g| (g.constant(a), g.constant(b)))?;
            let left = both(|g| (g.constant(a), g.constant(Array1::from_elem(3, b))))?;
            let right = both(|g| (g.constant(Array1::from_elem(3, a)), g.constant(b)))?;
            for found in [&numbers, &left, &right] {
                assert_eq!(format!("{:?}", found[0]), format!("{:?}", tiles[index]), "{a} and {b}");
            }
            results.push(tiles[index]);
        }
        Ok(results)
    }

    fn both<T: Numeric>(operands: impl Fn(&Graph) -> (Tensor<'_, T>, Tensor<'_, T>)) -> Result<Vec<(T, T)>> {
        let g = Graph::new();
        let (a, b) = operands(&g);
        let [quotient, rest] = Session::new(&g)?.run([a.floor_div(b), a.modulo(b)])?;
        Ok(quotient.into_iter().zip(rest).collect())
    }

    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;

    /// Divisors, and for each dividend what Python 3 gives as `//` and `%`; NumPy where the divisor is 0, which
    /// Python refuses.
    const DIVISORS: [f64; 7] = [3.0, -3.0, INF, -INF, 0.0, -0.0, NAN];
    #[rustfmt::skip]
    const TABLE: [(f64, [(f64, f64); 7]); 15] = [
        (7.0, [(2.0, 1.0), (-3.0, -2.0), (0.0, 7.0), (-1.0, -INF), (INF, NAN), (-INF, NAN), (NAN, NAN)]),
        (-7.0, [(-3.0, 2.0), (2.0, -1.0), (-1.0, INF), (0.0, -7.0), (-INF, NAN), (INF, NAN), (NAN, NAN)]),
        (6.0, [(2.0, 0.0), (-2.0, -0.0), (0.0, 6.0), (-1.0, -INF), (INF, NAN), (-INF, NAN), (NAN, NAN)]),
        (-6.0, [(-2.0, 0.0), (2.0, -0.0), (-1.0, INF), (0.0, -6.0), (-INF, NAN), (INF, NAN), (NAN, NAN)]),
        (5.5, [(1.0, 2.5), (-2.0, -0.5), (0.0, 5.5), (-1.0, -INF), (INF, NAN), (-INF, NAN), (NAN, NAN)]),
        (0.25, [(0.0, 0.25), (-1.0, -2.75), (0.0, 0.25), (-1.0, -INF), (INF, NAN), (-INF, NAN), (NAN, NAN)]),
        (-0.25, [(-1.0, 2.75), (0.0, -0.25), (-1.0, INF), (0.0, -0.25), (-INF, NAN), (INF, NAN), (NAN, NAN)]),
        (0.0, [(0.0, 0.0), (-0.0, -0.0), (0.0, 0.0), (-0.0, -0.0), (NAN, NAN), (NAN, NAN), (NAN, NAN)]),
        (-0.0, [(-0.0, 0.0), (0.0, -0.0), (-0.0, 0.0), (0.0, -0.0), (NAN, NAN), (NAN, NAN), (NAN, NAN)]),
        (1e-20, [(0.0, 1e-20), (-1.0, -3.0), (0.0, 1e-20), (-1.0, -INF), (INF, NAN), (-INF, NAN), (NAN, NAN)]),
        (-1e-20, [(-1.0, 3.0), (0.0, -1e-20), (-1.0, INF), (0.0, -1e-20), (-INF, NAN), (INF, NAN), (NAN, NAN)]),
        (-1e300, [(-1e300 / 3.0, 0.0), (1e300 / 3.0, -0.0), (-1.0, INF), (0.0, -1e300), (-INF, NAN), (INF, NAN), (NAN, NAN)]),
        (INF, [(NAN, NAN), (NAN, NAN), (NAN, NAN), (NAN, NAN), (INF, NAN), (-INF, NAN), (NAN, NAN)]),
        (-INF, [(NAN, NAN), (NAN, NAN), (NAN, NAN), (NAN, NAN), (-INF, NAN), (INF, NAN), (NAN, NAN)]),
        (NAN, [(NAN, NAN), (NAN, NAN), (NAN, NAN), (NAN, NAN), (NAN, NAN), (NAN, NAN), (NAN, NAN)]),
    ];

    /// Whether these are the same to the bit, or both NaN.
    fn same(found: (f64, f64), expected: (f64, f64)) -> bool {
        let one = |a: f64, b: f64| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        one(found.0, expected.0) && one(found.1, expected.1)
    }

    #[test]
    fn floats_are_those_of_python() -> Result<()> {
        let pairs: Vec<(f64, f64)> =
            TABLE.iter().flat_map(|row| DIVISORS.map(|divisor| (row.0, divisor))).collect();
        let expected = TABLE.iter().flat_map(|row| row.1);
        let singles: Vec<(f32, f32)> = pairs.iter().map(|&(a, b)| (a as f32, b as f32)).collect();
        let found = run(&pairs)?.into_iter().zip(run(&singles)?);
        for ((&(a, b), expected), (double, single)) in pairs.iter().zip(expected).zip(found) {
            assert!(same(double, expected), "{a} by {b}: {double:?} instead of {expected:?}");
            // Numbers that are none of single precision are others there.
            if a.is_nan() || f64::from(a as f32) == a {
                let single = (f64::from(single.0), f64::from(single.1));
                assert!(same(single, expected), "{a} by {b}: {single:?} instead of {expected:?}");
            }
        }
        // A tenth is a little more than 1/10, so it goes into 1 nine times.
        let found = run(&[(1.0, 0.1), (-1.0, 0.1), (0.1, 0.1)])?;
        let rest = 0.099_999_999_999_999_95;
        assert_eq!(found, [(9.0, rest), (-10.0, 0.1 - rest), (1.0, 0.0)]);
        Ok(())
    }

    #[test]
    fn integers_are_those_of_python() -> Result<()> {
        let table = [
            (7, 3, 2, 1),
            (-7, 3, -3, 2),
            (7, -3, -3, -2),
            (-7, -3, 2, -1),
            (6, 3, 2, 0),
            (-6, 3, -2, 0),
            (6, -3, -2, 0),
            (-6, -3, 2, 0),
            (0, -5, 0, 0),
            (2, 5, 0, 2),
            (-2, 5, -1, 3),
            (2, -5, -1, -3),
            (i32::MAX, -2, -1_073_741_824, -1),
            (i32::MIN, 3, -715_827_883, 1),
            (i32::MIN, i32::MAX, -2, i32::MAX - 1),
            // Where Python's integers grow, these wrap.
            (i32::MIN, -1, i32::MIN, 0),
        ];
        let pairs: Vec<(i32, i32)> = table.iter().map(|row| (row.0, row.1)).collect();
        let expected: Vec<(i32, i32)> = table.iter().map(|row| (row.2, row.3)).collect();
        assert_eq!(run(&pairs)?, expected);
        let wide = |pairs: &[(i32, i32)]| -> Vec<(i64, i64)> {
            pairs.iter().map(|&(a, b)| (i64::from(a), i64::from(b))).collect()
        };
        let rows = table.len() - 1;
        assert_eq!(run(&wide(&pairs[..rows]))?, wide(&expected[..rows]));
        assert_eq!(run(&[(i64::MIN, -1)])?, [(i64::MIN, 0)]);
        Ok(())
    }

    #[test]
    fn an_integer_by_zero_fails_the_run() {
        fn fails<T: Element>(build: impl Fn(&Graph) -> Tensor<'_, T>, name: &str) {
            let g = Graph::new();
            let y = build(&g);
            for optimize in [true, false] {
                let session = Session::builder(&g).optimize(optimize).build().unwrap();
                let error = session.run(y).unwrap_err();
                assert!(matches!(&error, Error::DivisionByZero { site, .. } if site.node == name), "{error}");
                // Also where nobody asks for the value.
                session.run(y.op()).unwrap_err();
            }
        }
        fails(|g| g.constant(arr1(&[1, 2])).floor_div(0), "floor_div");
        fails(|g| g.constant(5_i64).modulo(0), "modulo");
        fails(|g| g.constant(5_i32).modulo(g.constant(arr1(&[1, 0, 2]))), "modulo");
        fails(|g| g.constant(arr1(&[1_i64, 2])).floor_div(g.constant(arr1(&[3, 0]))), "floor_div");
    }
}
