//! Line 28, errors say which element was wrong, and where: labels, indices, divisors.

use flowgrad::BadLabel;
use flowgrad::ndarray::{Array1, Array2, ArrayD, arr1, arr2};
use flowgrad::op::KernelError;
use flowgrad::prelude::*;

fn sessions(g: &Graph) -> Vec<Session> {
    let of = |threads, optimize| {
        Session::builder(g).threads(threads).optimize(optimize).always_share().build().unwrap()
    };
    vec![of(1, true), of(1, false), of(2, true)]
}

#[test]
fn line_28_a_label_out_of_range_is_told_with_its_row_and_the_number_of_classes() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(4)]);
    let labels = g.placeholder::<i64>("labels", [None]);
    let logits = x.matmul(g.variable("kernel", glorot_uniform([4, 10])));
    let line = line!() + 1;
    let loss = logits.sparse_softmax_cross_entropy(labels);
    let train = Sgd::new(0.1).minimize(loss.reduce_mean(..));
    let fed = Array2::<f32>::ones((300, 4));
    for session in sessions(&g) {
        for label in [10, -1, i64::MAX, i64::MIN] {
            let mut ids = Array1::<i64>::zeros(300);
            (ids[257], ids[299]) = (label, 77);
            let error = session.feed(x, &fed).feed(labels, &ids).run((loss, train)).unwrap_err();
            let text = error.to_string();
            let expected = format!(
                "expected a label from 0 to below 10, the number of classes, got {label} in row 257, in \
                 `sparse_softmax_cross_entropy` (sparse_softmax_cross_entropy) built at {}:{line}:",
                file!()
            );
            assert!(text.starts_with(&expected), "{text}");
            let Error::IndexOutOfRange { label: found, .. } = error else { panic!("{error}") };
            assert_eq!(found, Some(BadLabel { label, row: vec![257], classes: 10 }));
        }
    }
}

#[test]
fn line_28_the_loss_is_named_as_its_user_has_named_it() {
    let g = Graph::new();
    let labels = g.constant(arr2(&[[0_i64, 1], [2, 3]]));
    let x = g.variable::<f64>("x", zeros([2, 2, 3]));
    let loss = g.name_scope("head", || x.sparse_softmax_cross_entropy(labels).named("loss"));
    let one = x.slice((0, 0)).sparse_softmax_cross_entropy(5_i64);
    for session in sessions(&g) {
        let text = session.run(loss).unwrap_err().to_string();
        assert!(
            text.starts_with(
                "expected a label from 0 to below 3, the number of classes, got 3 in row [1, 1]"
            ) && text.contains("`head/loss`"),
            "{text}"
        );
        let text = session.run(one.gradients([x])).unwrap_err().to_string();
        assert!(text.contains("got 5, in"), "{text}");
    }
    // A label that another graph has leaves the names of this one alone.
    let other = Graph::new();
    let invalid = other.constant(arr2(&[[1.0, 2.0]])).sparse_softmax_cross_entropy(labels.slice((0, ..1)));
    assert!(invalid.graph().check().is_err() || g.check().is_err());
}

/// Shapes that are known when a run feeds them only are told under the name of the loss, as while building.
#[test]
fn line_28_labels_of_another_shape_are_told_under_the_name_of_the_loss() {
    let g = Graph::new();
    let logits = g.placeholder::<f64>("logits", [None, Some(4)]);
    let labels = g.placeholder::<i64>("labels", [None]);
    let loss = g.name_scope("model", || logits.sparse_softmax_cross_entropy(labels));
    let mean = loss.reduce_mean(..);
    for session in sessions(&g) {
        let (x, two) = (ArrayD::<f64>::zeros(vec![3, 4]), arr1(&[0_i64, 1]));
        let error = session.feed(logits, &x).feed(labels, &two).run(mean).unwrap_err().to_string();
        let expected = "expected a label for each row of logits of shape [3, 4], got labels of shape [2], \
                        in `model/sparse_softmax_cross_entropy` (sparse_softmax_cross_entropy) built at ";
        assert!(error.starts_with(&format!("{expected}{}", file!())), "{error}");
    }
}

/// A tensor of floats at indices.
type Taking = for<'g> fn(Tensor<'g, f64>, Tensor<'g, i64>) -> Tensor<'g, f64>;

#[test]
fn line_28_an_index_out_of_range_is_told_with_its_place() {
    let ways: [(Taking, ArrayD<i64>, i64, &[usize]); 6] = [
        (|x, i| x.gather(i, 0), arr2(&[[0, 1], [7, 8]]).into_dyn(), 7, &[1, 0]),
        (|x, i| x.gather(i.transpose(), 1), arr2(&[[0, 1], [9, 8]]).into_dyn(), 9, &[0, 1]),
        (|x, i| x.gather_nd(i), arr2(&[[2, 3], [0, 4], [5, 0]]).into_dyn(), 4, &[1, 1]),
        (|x, i| x.take_along_axis(i, 1), arr2(&[[0, 3], [2, 1], [3, -2]]).into_dyn(), -2, &[2, 1]),
        (|x, i| x.scatter_add(i, x.slice(..2), 0), arr1(&[0, 3]).into_dyn(), 3, &[1]),
        (
            |x, i| {
                let [dx] = x.gather(i, 0).gradients([x]);
                dx
            },
            arr1(&[0, 0, -9]).into_dyn(),
            -9,
            &[2],
        ),
    ];
    for (build, indices, index, at) in ways {
        let g = Graph::new();
        let i = g.placeholder::<i64>("i", indices.shape());
        let y = build(g.variable("x", zeros([3, 4])).tensor(), i);
        for session in sessions(&g) {
            let error = session.feed(i, &indices).run(y).unwrap_err();
            let text = error.to_string();
            assert!(text.ends_with(&format!(", at {at:?} of the indices")), "{text}");
            let Error::Kernel { reason, .. } = error else { panic!("{error}") };
            match reason {
                KernelError::IndexOutOfRangeAt { index: found, at: place, .. } => {
                    assert_eq!((found, &place[..]), (index, at));
                }
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn line_28_an_integer_division_by_zero_is_told_with_its_place() {
    let g = Graph::new();
    let x = g.placeholder::<i32>("x", [None, None]);
    let row = g.placeholder::<i32>("row", [None]);
    let ways = [(x + 1) / row, (x + 1).floor_div(row), (x + 1).modulo(row), 7 / (x * row)];
    for session in sessions(&g) {
        for (way, at) in ways.into_iter().zip([[0, 2], [0, 2], [0, 2], [0, 1]]) {
            let run = session.feed(x, &arr2(&[[1, 0, 3], [0, 5, 6]])).feed(row, &arr1(&[1, 2, 0])).run(way);
            let error = run.unwrap_err();
            assert!(error.to_string().ends_with(&format!(", at {at:?}")), "{error}");
            assert!(matches!(error, Error::DivisionByZero { at: Some(found), .. } if found == at));
        }
    }
}
