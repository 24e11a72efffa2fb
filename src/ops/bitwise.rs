//! Functions of the bits of integers: `bitwise_and`, `bitwise_or`, `bitwise_xor`, `bitwise_not`, `left_shift`,
//! `right_shift`.

use crate::ops::elementwise::elementwise;

elementwise! {
    Integer "Integers are in two's complement." {
        bitwise_and "The bits that both have" |a, b| a.and(b), [], ([12, -1], [10, 7] => [8, 7]);
        bitwise_or "The bits that one or both have" |a, b| a.or(b), [], ([12, -1], [10, 7] => [14, -1]);
        bitwise_xor "The bits that just one has" |a, b| a.xor(b), [], ([12, -1], [10, 7] => [6, -8]);
        bitwise_not "The bits that x lacks, -1 - x" aka ["invert"] |x| x.not(), [], ([0, 5, -1] => [-1, -6, 0]);
    }
    Integer "A distance that is negative, or not less than the number of bits, moves all of them out, as in NumPy." {
        left_shift "The bits moved up by `other`, zeros coming in: `self`·2^`other`, which wraps around" aka ["bitwise_left_shift"] |a, b| a.shift_left(b),
            [], ([3, 1, 1], [2, 32, -1] => [12, 0, 0]);
        right_shift "The bits moved down by `other`, copies of the sign coming in: `self`/2^`other` rounded down" aka ["bitwise_right_shift"]
            |a, b| a.shift_right(b), [], ([13, -13, -13], [2, 2, 99] => [3, -4, -1]);
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::compare::zipped;
    use super::laws::{Example, example};

    let mut examples: Vec<Example> = rows();
    macro_rules! pairs {
        ($($name:ident |$a:ident, $b:ident| $expected:expr;)*) => {
            let shapes: [[&[usize]; 2]; 4] = [[&[3, 40], &[3, 40]], [&[3, 40], &[3, 1]], [&[], &[2, 3]], [&[0, 2], &[2]]];
            for shapes in shapes {
                $(examples.push(example!(stringify!($name), &shapes,
                    |_, x| (x[0] * 50.0).cast::<i32>().$name((x[1] * 8.0).cast::<i32>()).cast(),
                    |x| zipped(x, |a, b| {
                        let ($a, $b) = ((a * 50.0) as i32, (b * 8.0) as i32);
                        f64::from($expected)
                    })));)*
            }
        };
    }
    pairs! {
        bitwise_and |a, b| a & b;
        bitwise_or |a, b| a | b;
        bitwise_xor |a, b| a ^ b;
        left_shift |a, b| if b < 0 { 0 } else { a << b };
        right_shift |a, b| a >> if b < 0 { 31 } else { b };
    }
    examples.push(example!(
        "bitwise_not",
        &[&[2, 3]],
        |_, x| (x[0] * 50.0).cast::<i64>().bitwise_not().cast(),
        |x| x[0].mapv(|x| -1.0 - (x * 50.0).trunc()),
    ));
    examples
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, arr1};

    use crate::Integer;
    use crate::prelude::*;

    /// Shifted up and down, optimized and not: as tiles, and with a number on either side.
    fn check<T: Integer + std::fmt::Debug>(rows: &[(T, T, T, T)]) -> Result<()> {
        let g = Graph::new();
        let (a, b): (Vec<T>, Vec<T>) = rows.iter().map(|row| (row.0, row.1)).unzip();
        let (a, b) = (g.constant(Array1::from(a)), g.constant(Array1::from(b)));
        for optimize in [true, false] {
            let session = Session::builder(&g).optimize(optimize).build()?;
            let [up, down] = session.run([a.left_shift(b), a.right_shift(b)])?;
            for (index, &(a, b, expected_up, expected_down)) in rows.iter().enumerate() {
                assert_eq!((up[index], down[index]), (expected_up, expected_down), "{a} by {b}");
                let (one, many) = (g.constant(a), g.constant(Array1::from_elem(3, a)));
                let by = g.constant(Array1::from_elem(3, b));
                let ups = [one.left_shift(by), many.left_shift(b), many.left_shift(by)];
                let downs = [one.right_shift(by), many.right_shift(b), many.right_shift(by)];
                let (ups, downs) = session.run((ups, downs))?;
                assert!(ups.iter().flatten().all(|&up| up == expected_up), "{a} by {b}");
                assert!(downs.iter().flatten().all(|&down| down == expected_down), "{a} by {b}");
            }
        }
        Ok(())
    }

    #[test]
    fn any_distance_has_a_result() -> Result<()> {
        let (least, most) = (i32::MIN, i32::MAX);
        check(&[
            (5, 0, 5, 5),
            (5, 1, 10, 2),
            (-5, 1, -10, -3),
            (1, 31, least, 0),
            (most, 1, -2, most / 2),
            (least, 1, 0, least / 2),
            (least, 31, 0, -1),
            (7, 32, 0, 0),
            (-7, 32, 0, -1),
            (-7, 33, 0, -1),
            (7, -1, 0, 0),
            (-7, -1, 0, -1),
            (7, most, 0, 0),
            (-7, least, 0, -1),
        ])?;
        check(&[
            (5_i64, 40, 5 << 40, 0),
            (-1, 63, i64::MIN, -1),
            (-1, 64, 0, -1),
            (1 << 40, 39, 1 << 40 << 23 >> 23 << 39, 2),
            (i64::MIN, i64::MIN, 0, -1),
            (9, i64::MAX, 0, 0),
        ])
    }

    #[test]
    fn bits_of_both_widths() -> Result<()> {
        let g = Graph::new();
        let (a, b) = (g.constant(arr1(&[i64::MIN, -1, 1 << 40])), g.constant(arr1(&[-1, 5, 3 << 40])));
        let found =
            Session::new(&g)?.run([a.bitwise_and(b), a.bitwise_or(b), a.bitwise_xor(b), a.bitwise_not()])?;
        assert_eq!(found[0], arr1(&[i64::MIN, 5, 1 << 40]).into_dyn());
        assert_eq!(found[1], arr1(&[-1, -1, 3 << 40]).into_dyn());
        assert_eq!(found[2], arr1(&[i64::MAX, -6, 2 << 40]).into_dyn());
        assert_eq!(found[3], arr1(&[i64::MAX, 0, -1 - (1 << 40)]).into_dyn());
        Ok(())
    }
}
