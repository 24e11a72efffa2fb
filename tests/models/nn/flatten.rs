//! `Flatten`: the batch, and all else in one axis.

use flowgrad::ndarray::ArrayD;
use flowgrad::prelude::*;
use flowgrad::testing::GradientCheck;

use super::{MODES, fault, spread};

/// The shapes of an input and of its output as they are declared, and the lengths that are fed and come.
type Case = (&'static [Option<usize>], &'static str, &'static [usize], [usize; 2]);

const CASES: [Case; 9] = [
    (&[None, Some(2), Some(3)], "[?, 6]", &[4, 2, 3], [4, 6]),
    (&[None, Some(2), Some(3)], "[?, 6]", &[0, 2, 3], [0, 6]),
    (&[None, Some(2), Some(3), Some(5)], "[?, 30]", &[1, 2, 3, 5], [1, 30]),
    (&[None, Some(7)], "[?, 7]", &[3, 7], [3, 7]),
    (&[None], "[?, 1]", &[3], [3, 1]),
    (&[Some(4), Some(2), Some(3)], "[4, 6]", &[4, 2, 3], [4, 6]),
    (&[Some(0), Some(2), Some(3)], "[0, 6]", &[0, 2, 3], [0, 6]),
    (&[Some(4), Some(0)], "[4, 0]", &[4, 0], [4, 0]),
    (&[Some(4), None, Some(3)], "[4, ?]", &[4, 2, 3], [4, 6]),
];

#[test]
fn keeps_the_batch_and_the_order_of_elements() {
    for (declared, promised, fed, expected) in CASES {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", declared);
        let outputs = MODES.map(|mode| Flatten.call(x, mode));
        assert_eq!(outputs.map(|y| y.shape().to_string()), [promised; 2]);
        let fed: ArrayD<f64> = spread(fed, 0);
        for y in Session::new(&g).unwrap().feed(x, &fed).run(outputs).unwrap() {
            assert_eq!(y, fed.to_shape(expected).unwrap().to_owned().into_dyn());
        }
    }
}

#[test]
fn hands_the_gradient_back_in_the_shape_of_the_input() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2), Some(3)]);
    let y = Flatten.call(x, Mode::Train).square();
    GradientCheck::of(&g, y).feed(x, &spread::<f64>(&[4, 2, 3], 0)).wrt(&[x]).assert_close(1e-8);
}

#[test]
fn what_has_no_batch_or_no_known_length_is_a_build_error() {
    let cases = [
        (&[][..], "expected [batch, ...], one of the two known while building, got []"),
        (&[None, None][..], "expected [batch, ...], one of the two known while building, got [?, ?]"),
        (
            &[None, Some(2), None][..],
            "expected [batch, ...], one of the two known while building, got [?, 2, ?]",
        ),
    ];
    for (shape, reason) in cases {
        let g = Graph::new();
        Flatten.call(g.placeholder::<f32>("x", shape), Mode::Train);
        assert_eq!(fault(&g), format!("{reason}, in `flatten/flatten` (flatten)"));
    }
}
