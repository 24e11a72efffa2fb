//! `logical_and`, `logical_or`, `logical_xor` and `logical_not` of booleans.

use crate::ops::elementwise::elementwise;

elementwise! {
    Bool "" {
        logical_and "Whether both are true" |a, b| a.and(b), [],
            ([false, false, true, true], [false, true, false, true] => [false, false, false, true]);
        logical_or "Whether one or both are true" |a, b| a.or(b), [],
            ([false, false, true, true], [false, true, false, true] => [false, true, true, true]);
        logical_xor "Whether just one is true" |a, b| a.not_equal(b), [],
            ([false, false, true, true], [false, true, false, true] => [false, true, true, false]);
        logical_not "Whether it is false" |x| x.not(), [], ([false, true] => [true, false]);
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::compare::zipped;
    use super::laws::{Example, example};

    fn number(boolean: bool) -> f64 {
        f64::from(u8::from(boolean))
    }
    let mut examples: Vec<Example> = rows();
    let shapes: [[&[usize]; 2]; 6] = [
        [&[3, 40], &[3, 40]],
        [&[4], &[3, 1]],
        [&[3, 40], &[3, 1]],
        [&[], &[2, 3]],
        [&[0, 2], &[2]],
        [&[], &[]],
    ];
    for shapes in shapes {
        examples.extend([
            example!(
                "logical_and",
                &shapes,
                |_, x| x[0].greater(0.0).logical_and(x[1].greater(0.5)).cast(),
                |x| zipped(x, |a, b| number(a > 0.0 && b > 0.5)),
            ),
            example!(
                "logical_or",
                &shapes,
                |_, x| x[0].greater(0.0).logical_or(x[1].greater(0.5)).cast(),
                |x| zipped(x, |a, b| number(a > 0.0 || b > 0.5)),
            ),
            example!(
                "logical_xor",
                &shapes,
                |_, x| x[0].greater(0.0).logical_xor(x[1].greater(0.5)).cast(),
                |x| zipped(x, |a, b| number((a > 0.0) != (b > 0.5))),
            ),
            example!(
                "equal booleans",
                &shapes,
                |_, x| {
                    let (a, b) = (x[0].greater(0.0), x[1].greater(0.5));
                    a.equal(b).cast() - a.not_equal(b).cast() * 2.0
                },
                |x| zipped(x, |a, b| if (a > 0.0) == (b > 0.5) { 1.0 } else { -2.0 }),
            ),
        ]);
    }
    examples.push(example!(
        "logical_not",
        &[&[3, 40]],
        |_, x| x[0].greater(0.0).logical_not().cast() + x[0],
        |x| x[0].mapv(|x| x + number(x <= 0.0)),
    ));
    examples
}
