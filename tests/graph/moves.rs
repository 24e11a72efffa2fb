//! Ops that move elements: of every element type, bit by bit; the exact words of their errors; and runs that fail
//! for an index.

use std::fmt::Write;

use flowgrad::fault::ShapeError;
use flowgrad::ndarray::{Array1, Array2, ArrayD, Dimension, arr0, arr1, arr2, arr3};
use flowgrad::op::{Fault, KernelError};
use flowgrad::prelude::*;

fn value<T: flowgrad::Element>(g: &Graph, tensor: Tensor<'_, T>) -> ArrayD<T> {
    Session::new(g).unwrap().run(tensor).unwrap()
}

#[track_caller]
fn assert_gives<T: flowgrad::Element, D: Dimension>(
    g: &Graph,
    tensor: Tensor<'_, T>,
    expected: flowgrad::ndarray::Array<T, D>,
) {
    assert_eq!(value(g, tensor), expected.into_dyn());
}

// -- element types -------------------------------------------------------------------------------

#[test]
fn slices_of_integers_and_booleans() {
    let g = Graph::new();
    let x = g.constant(arr2(&[[1_i64, i64::MAX, 3], [i64::MIN, 5, 6]]));
    assert_gives(&g, x.slice((.., 1..)), arr2(&[[i64::MAX, 3], [5, 6]]));
    assert_gives(&g, x.slice((AxisRange::from(..).step(-1), 0..=1)), arr2(&[[i64::MIN, 5], [1, i64::MAX]]));
    assert_gives(&g, x.reverse([0, 1]), arr2(&[[6, 5, i64::MIN], [3, i64::MAX, 1]]));
    let booleans = g.constant(arr1(&[true, false, false]));
    assert_gives(&g, booleans.slice(..=-2), arr1(&[true, false]));
    assert_gives(&g, booleans.reverse(..), arr1(&[false, false, true]));
    assert_gives(&g, booleans.split(3, 0)[0], arr1(&[true]));
}

#[test]
fn ranges_may_be_written_in_every_way() {
    let g = Graph::new();
    let x = g.constant(Array1::from_iter(0..6));
    assert_gives(&g, x.slice(..), Array1::from_iter(0..6));
    assert_gives(&g, x.slice(2..), arr1(&[2, 3, 4, 5]));
    assert_gives(&g, x.slice(..-4), arr1(&[0, 1]));
    assert_gives(&g, x.slice(1..=2), arr1(&[1, 2]));
    assert_gives(&g, x.slice(2..=5), arr1(&[2, 3, 4, 5]));
    assert_gives(&g, x.slice(AxisRange::of(1, -1)), arr1(&[1, 2, 3, 4]));
    assert_gives(&g, x.slice(-1), arr0(5));
    assert_gives(&g, x.slice((3,)), arr0(3));
    assert_gives(&g, x.slice((1..4,)), arr1(&[1, 2, 3]));
    assert_gives(&g, x.slice(vec![AxisRange::from(1..4).step(2)]), arr1(&[1, 3]));
    assert_gives(&g, x.slice(&[AxisRange::of(4, 1).step(-2)][..]), arr1(&[4, 2]));
    let ranges = flowgrad::Ranges::from((0..1, ..));
    assert_gives(&g, x.reshape([2, 3]).slice(ranges), arr2(&[[0, 1, 2]]));
}

#[test]
fn padding_and_tiling_of_integers_and_booleans() {
    let g = Graph::new();
    let x = g.constant(arr1(&[1_i64, 2]));
    assert_gives(&g, x.pad([(1, 1)], Pad::Constant(i64::MIN)), arr1(&[i64::MIN, 1, 2, i64::MIN]));
    assert_gives(&g, x.pad([(1, 1)], Pad::Reflect), arr1(&[2, 1, 2, 1]));
    assert_gives(&g, x.tile([2]), arr1(&[1, 2, 1, 2]));
    let booleans = g.constant(arr1(&[true, false]));
    assert_gives(&g, booleans.pad([(0, 2)], Pad::Constant(true)), arr1(&[true, false, true, true]));
    assert_gives(&g, booleans.tile([2]), arr1(&[true, false, true, false]));
}

#[test]
fn joining_and_parting_of_integers_and_booleans() {
    let g = Graph::new();
    let [a, b] = [arr1(&[1, 2]), arr1(&[3, 4])].map(|array| g.constant(array));
    assert_gives(&g, g.stack(&[a, b], 1), arr2(&[[1, 3], [2, 4]]));
    assert_gives(&g, g.stack(&[a, b], 0).unstack(1)[1], arr1(&[2, 4]));
    assert_gives(&g, g.concat(&[a, b], 0).split_sizes([1, 3], 0)[1], arr1(&[2, 3, 4]));
    let booleans = g.constant(arr1(&[true, false]));
    assert_gives(&g, g.stack(&[booleans, booleans.reverse(0)], 0), arr2(&[[true, false], [false, true]]));
    assert_eq!(g.constant(Array2::<f32>::zeros((0, 3))).unstack(0).len(), 0);
}

#[test]
fn computed_indices_of_integers_and_booleans() {
    let g = Graph::new();
    let x = g.constant(arr2(&[[1, 2], [3, i32::MAX]]));
    let indices = g.constant(arr1(&[1_i64, 1]));
    assert_gives(&g, x.gather(indices, 1), arr2(&[[2, 2], [i32::MAX, i32::MAX]]));
    assert_gives(&g, x.gather_nd(indices), arr0(i32::MAX));
    assert_gives(&g, x.take_along_axis(g.constant(arr2(&[[1_i64], [0]])), 1), arr2(&[[2], [3]]));
    let updates = g.constant(arr2(&[[10, 1], [20, 1]]));
    // Integers wrap.
    assert_gives(&g, x.scatter_add(indices, updates, 0), arr2(&[[1, 2], [33, i32::MIN + 1]]));
    let booleans = g.constant(arr1(&[true, false]));
    assert_gives(&g, booleans.gather(indices, 0), arr1(&[false, false]));
}

#[test]
fn diagonals_and_triangles_of_integers_and_booleans() {
    let g = Graph::new();
    let x = g.constant(arr2(&[[1, 2], [3, 4]]));
    assert_gives(&g, x.diag_part().diag(), arr2(&[[1, 0], [0, 4]]));
    assert_gives(&g, x.tril(-1) + x.triu(1), arr2(&[[0, 2], [3, 0]]));
    let booleans = g.constant(arr2(&[[true, true], [true, true]]));
    assert_gives(&g, booleans.tril(0), arr2(&[[true, false], [true, true]]));
    assert_gives(&g, booleans.diag_part().diag(), arr2(&[[true, false], [false, true]]));
}

#[test]
fn classes_become_rows_of_any_type() {
    let g = Graph::new();
    let classes = g.constant(arr1(&[1_i64, -1, 2]));
    assert_gives(&g, classes.one_hot::<i32>(2), arr2(&[[0, 1], [0, 0], [0, 0]]));
    assert_gives(&g, classes.one_hot::<bool>(2), arr2(&[[false, true], [false, false], [false, false]]));
}

#[test]
fn lengths_are_known_where_they_are_fed() {
    let g = Graph::new();
    let x = g.placeholder::<bool>("x", [None, Some(2), None]);
    let session = Session::new(&g).unwrap();
    let lengths = session.feed(x, &flowgrad::ndarray::Array3::from_elem((3, 2, 0), true)).run(x.shape_of());
    assert_eq!(lengths.unwrap(), arr1(&[3_i64, 2, 0]).into_dyn());
}

#[test]
fn moved_elements_keep_their_bits() {
    let g = Graph::new();
    let numbers = [-0.0, f64::NAN, f64::from_bits(0x7ff8_0000_dead_beef), 1e-320, f64::NEG_INFINITY, 2.5];
    let x = g.constant(arr1(&numbers));
    let bits = |tensor| value(&g, tensor).iter().map(|x: &f64| x.to_bits()).collect::<Vec<_>>();
    let indices = g.range(0_i64, 6, 1);
    let moved = [
        x.slice(..).reverse(0).reverse(0),
        x.pad([(1, 2)], Pad::Constant(-0.0)).slice(1..7),
        x.pad([(5, 0)], Pad::Reflect).slice(5..),
        x.tile([2]).slice(6..),
        x.gather(indices, 0),
        x.gather_nd(indices.expand_dims(-1)),
        x.take_along_axis(indices, 0),
        x.diag().diag_part(),
        x.expand_dims(0).triu(0).slice(0),
        g.concat(&x.split(3, 0), 0),
        g.stack(&x.unstack(0), 0),
    ];
    let expected: Vec<u64> = numbers.iter().map(|x| x.to_bits()).collect();
    for (way, moved) in moved.into_iter().enumerate() {
        assert_eq!(bits(moved), expected, "way {way}");
    }
}

#[test]
fn updates_of_one_index_add_up_in_their_order() {
    let g = Graph::new();
    let x = g.constant(arr1(&[0.0_f32, 1.0]));
    // In any other order the small one would survive, or the large ones not cancel.
    let updates = g.constant(arr1(&[1e8_f32, 1.0, -1e8]));
    let y = x.scatter_add(g.constant(arr1(&[0_i64, 0, 0])), updates, 0);
    for threads in [1, 2] {
        let session = Session::builder(&g).threads(threads).build().unwrap();
        assert_eq!(session.run(y).unwrap(), arr1(&[0.0, 1.0]).into_dyn());
    }
}

#[test]
fn what_a_triangle_leaves_out_does_not_reach_gradients() {
    let g = Graph::new();
    let x = g.constant(arr2(&[[1.0_f64, 0.0], [4.0, 9.0]]));
    let [dx] = (1.0 / x.sqrt()).tril(0).gradients([x]);
    assert_gives(&g, dx, arr2(&[[-0.5, 0.0], [-1.0 / 16.0, -1.0 / 54.0]]));
}

// -- build errors ------------------------------------------------------------------------------

/// A message without the place behind it.
fn words(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    let (words, place) = text.split_once(" built at ").unwrap();
    assert!(place.contains("moves.rs"), "{text}");
    words.trim_end_matches(" (").to_owned()
}

/// Asserts that building this gives the build error.
fn assert_build_error<R>(expected: &str, build: impl FnOnce(&Graph, &Tensor<'_, f32>) -> R) {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(3)]);
    build(&g, &x);
    assert_eq!(words(g.check().unwrap_err()), expected);
}

#[test]
fn build_errors_name_what_was_asked_for_and_what_there_is() {
    assert_build_error("expected an index of axis 1 of length 3, got 3, in `slice` (slice)", |_, x| {
        x.slice((.., 3)).name()
    });
    assert_build_error("expected an index of axis 1 of length 3, got -4, in `slice` (slice)", |_, x| {
        x.slice((.., -4)).name()
    });
    assert_build_error("expected a step other than 0 along axis 0, got 0, in `slice` (slice)", |_, x| {
        x.slice(AxisRange::from(..).step(0)).name()
    });
    assert_build_error("expected at most 2 ranges, got 3, in `slice` (slice)", |_, x| {
        x.slice((0, .., 1)).name()
    });
    assert_build_error("expected an axis of a tensor of rank 2, got 2, in `reverse` (reverse)", |_, x| {
        x.reverse([0, 2]).name()
    });
    assert_build_error("expected one entry for each of 2 axes, got 1, in `pad` (pad)", |_, x| {
        x.pad([(1, 1)], Pad::Reflect).name()
    });
    assert_build_error(
        "expected to reflect fewer than the 3 elements of axis 1, got 3, in `pad` (pad)",
        |_, x| x.pad([(1, 1), (0, 3)], Pad::Reflect).name(),
    );
    assert_build_error("expected one entry for each of 2 axes, got 3, in `tile` (tile)", |_, x| {
        x.tile([1, 2, 3]).name()
    });
    assert_build_error("expected at least one tensor to join, got none, in `stack` (stack)", |g, _| {
        g.stack(&[] as &[Tensor<'_, f32>], 0).name()
    });
    assert_build_error(
        "operand 2: expected a shape that joins [?, 3] along axis 0, got [2, 3], in `stack` (stack)",
        |g, x| {
            // The length that the first lacks, the second has.
            let other = g.placeholder::<f32>("other", [Some(4), None]);
            g.stack(&[*x, other, g.placeholder::<f32>("third", [2, 3])], 0).name()
        },
    );
    assert_build_error("expected an axis of a tensor of rank 3, got 3, in `stack` (stack)", |g, x| {
        g.stack(&[*x], 3).name()
    });
    assert_build_error(
        "expected a length of axis 0 that is known while building, got shape [?, 3], in `unstack` (unstack)",
        |_, x| x.unstack(0).len(),
    );
    assert_build_error("expected an axis of a tensor of rank 2, got 2, in `unstack` (unstack)", |_, x| {
        x.unstack(2).len()
    });
    assert_build_error(
        "expected a number of parts that divides axis 1 of shape [?, 3], got 2, in `split` (split)",
        |_, x| x.split(2, -1)[1].name(),
    );
    assert_build_error(
        "expected a number of parts that divides axis 0 of shape [?, 3], got 0, in `split` (split)",
        |_, x| x.split(0, 0)[0].name(),
    );
    assert_build_error(
        "expected parts of 3 elements in all along axis 1, got 4, in `split` (split)",
        |_, x| x.split_sizes([2, 2], 1)[1].name(),
    );
    assert_build_error("expected an axis of a tensor of rank 2, got 2, in `gather` (gather)", |_, x| {
        x.gather(0_i64, 2).name()
    });
    assert_build_error(
        "expected indices whose last length is known while building and at most the rank of [?, 3], got shape [3], in `gather_nd` (gather_nd)",
        |g, x| x.gather_nd(g.constant(arr1(&[0_i64, 0, 0]))).name(),
    );
    assert_build_error(
        "expected indices whose last length is known while building and at most the rank of [?, 3], got shape [?], in `gather_nd` (gather_nd)",
        |g, x| x.gather_nd(g.placeholder::<i64>("indices", [None])).name(),
    );
    assert_build_error(
        "expected indices with the lengths of [?, 3] but along axis 0, got shape [2, 2], in `take_along_axis` (take_along_axis)",
        |g, x| x.take_along_axis(g.constant(Array2::<i64>::zeros((2, 2))), 0).name(),
    );
    assert_build_error("expected shape [2, 3], got [3], in `scatter_add` (scatter_add)", |g, x| {
        x.scatter_add(g.constant(arr1(&[0_i64, 1])), g.constant(arr1(&[1.0, 2.0, 3.0])), 0).name()
    });
    assert_build_error("expected an axis of a tensor of rank 0, got -1, in `diag` (diag)", |_, x| {
        x.reduce_sum(..).diag().name()
    });
    assert_build_error(
        "expected an axis of a tensor of rank 1, got -2, in `diag_part` (diag_part)",
        |_, x| x.reduce_sum(0).diag_part().name(),
    );
    assert_build_error("expected square matrices, got shape [2, 3], in `diag_part` (diag_part)", |g, _| {
        g.placeholder::<f32>("matrix", [2, 3]).diag_part().name()
    });
    assert_build_error("expected an axis of a tensor of rank 1, got -2, in `tril` (tril)", |_, x| {
        x.reduce_sum(0).tril(0).name()
    });
    assert_build_error(
        "expected finite ends, a step other than 0, and no more numbers than memory holds, got 0 to 1 by 0, in `range` \
         (range)",
        |g, _| g.range(0, 1, 0).name(),
    );
}

#[test]
fn what_is_built_on_a_build_error_says_nothing_of_its_own() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [2, 3]).slice(5);
    for part in x.unstack(0).into_iter().chain(x.split(2, 0)) {
        let _ = g.stack(&[part, x.gather(0_i64, 4)], 7);
    }
    assert!(words(g.check().unwrap_err()).starts_with("expected an index of axis 0 of length 2, got 5"));
}

/// The message of a run that feeds four columns of rows for what was built of unknown lengths.
fn fed<T: flowgrad::Element>(rows: usize, build: impl for<'g> FnOnce(Tensor<'g>) -> Tensor<'g, T>) -> String {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, None]);
    let y = build(x);
    g.check().unwrap();
    let session = Session::new(&g).unwrap();
    words(session.feed(x, &Array2::zeros((rows, 4))).run(y).unwrap_err())
}

#[test]
fn build_errors_are_found_when_lengths_are_fed() {
    assert_eq!(fed(3, |x| x.slice(3)), "expected an index of axis 0 of length 3, got 3, in `slice` (slice)");
    assert_eq!(
        fed(1, |x| x.pad([(1, 0), (0, 0)], Pad::Reflect)),
        "expected to reflect fewer than the 1 elements of axis 0, got 1, in `pad` (pad)"
    );
    assert_eq!(
        fed(3, |x| x.split(2, 0)[0]),
        "expected a number of parts that divides axis 0 of shape [3, 4], got 2, in `split` (split)"
    );
    assert_eq!(
        fed(3, |x| x.split_sizes([1, 1], 0)[0]),
        "expected parts of 3 elements in all along axis 0, got 2, in `split` (split)"
    );
    assert_eq!(
        fed(3, |x| x.diag_part()),
        "expected square matrices, got shape [3, 4], in `diag_part` (diag_part)"
    );
}

#[test]
fn lengths_that_nobody_can_count_are_too_large() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [3]);
    let session = Session::new(&g).unwrap();
    let huge = [
        x.pad([(usize::MAX, 0)], Pad::Constant(0.0)),
        x.pad([(usize::MAX / 2, 0)], Pad::Constant(0.0)),
        x.tile([usize::MAX]),
        x.tile([usize::MAX / 4]),
    ];
    for huge in huge {
        let error = session.feed(x, &arr1(&[1.0, 2.0, 3.0])).run(huge).unwrap_err();
        // What no number can tell is a build error; what a number tells may still be too much.
        let is_told = match &error {
            Error::Build(error) => matches!(error.fault, Fault::Shape(ShapeError::TooLarge { .. })),
            error => matches!(error, Error::TooLarge { .. }),
        };
        assert!(is_told, "{error}");
    }
}

// -- runs that fail ------------------------------------------------------------------------------

/// A tensor that takes elements at indices.
type Taking = for<'g> fn(&'g Graph, Tensor<'g, i64>) -> Tensor<'g, f64>;

fn matrix(g: &Graph) -> Tensor<'_, f64> {
    g.constant(Array2::zeros((3, 4)))
}

#[test]
fn an_index_out_of_range_fails_the_run_and_changes_nothing() {
    let ways: [(Taking, &str, usize); 6] = [
        (|g, i| matrix(g).gather(i, 0), "gather", 3),
        (|g, i| matrix(g).gather(i, 1), "gather", 4),
        (|g, i| matrix(g).scatter_add(i, g.constant(Array2::ones((2, 4))), 0), "scatter_add", 3),
        (|g, i| matrix(g).gather_nd(i), "gather_nd", 4),
        (|g, i| matrix(g).take_along_axis(i.expand_dims(1).broadcast_to([2, 4]), 0), "take_along_axis", 3),
        (|g, i| matrix(g).gather(i, 0).slice((.., 2..2)), "gather", 3),
    ];
    for optimize in [false, true] {
        for (build, name, length) in ways {
            for index in [-1, length as i64, i64::MAX, i64::MIN] {
                let g = Graph::new();
                let v = g.variable("v", 1.0);
                let step = v.assign_add(1.0);
                let indices = g.placeholder("indices", [2]);
                let y = build(&g, indices);
                let session = Session::builder(&g).optimize(optimize).build().unwrap();
                let error = session.feed(indices, &arr1(&[0, index])).run((y, step)).unwrap_err();
                let expected = format!(
                    "expected an index of an axis of length {length}, got {index}, in `{name}` ({name})"
                );
                assert_eq!(words(&error), expected);
                let reason = KernelError::IndexOutOfRange { index, length };
                let Error::Kernel { reason: found, .. } = error else { panic!("{error}") };
                assert_eq!(found.to_string(), reason.to_string());
                assert_eq!(session.run(v).unwrap(), arr0(1.0).into_dyn());
                // The session goes on.
                session.feed(indices, &arr1(&[0, 0])).run((y, step)).unwrap();
                assert_eq!(session.run(v).unwrap(), arr0(2.0).into_dyn());
            }
        }
    }
}

#[test]
fn the_first_bad_index_is_named() {
    let g = Graph::new();
    let indices = g.constant(arr2(&[[0_i64, 7], [-2, 9]]));
    let error = Session::new(&g).unwrap().run(matrix(&g).gather(indices, 0)).unwrap_err();
    assert_eq!(words(error), "expected an index of an axis of length 3, got 7, in `gather` (gather)");
}

#[test]
fn indices_are_checked_where_nobody_needs_the_elements() {
    let g = Graph::new();
    let x = matrix(&g);
    let y = x.gather(3_i64, 0);
    let session = Session::new(&g).unwrap();
    assert!(session.run(y.op()).is_err());
    // What has no elements needs none either.
    assert!(session.run(y.slice(4..)).is_err());
    assert!(session.run(x.slice((.., ..0)).gather(g.constant(arr1(&[3_i64])), 0)).is_err());
}

#[test]
fn gradients_of_elements_that_were_taken_more_than_once_add_up() {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0, 3.0]));
    let y = x.gather(g.constant(arr3(&[[[2_i64, 0], [2, 2]]])), 0);
    let [dx] = y.square().gradients([x]);
    assert_gives(&g, dx, arr1(&[2.0, 0.0, 18.0]));
}

#[test]
#[allow(clippy::reversed_empty_ranges, reason = "a negative end counts from the end")]
fn large_moves_are_those_of_plain_loops() {
    let g = Graph::new();
    let array = Array2::from_shape_fn((300, 257), |(i, j)| (i * 1000 + j) as f32);
    let x = g.placeholder::<f32>("x", [None, None]);
    let indices = Array1::from_iter((0..1000).map(|i| (i * 7919) % 300));
    let rows = x.gather(g.constant(indices.mapv(|i| i as i64)), 0);
    let part = x.slice((AxisRange::of(10, -10).step(3), AxisRange::of(200, 7).step(-5)));
    let padded = x.pad([(2, 3), (40, 50)], Pad::Reflect);
    let session = Session::new(&g).unwrap();
    for fed in [array.view(), array.t().to_shape(array.t().dim()).unwrap().t()] {
        let (rows, part, padded) = session.feed(x, fed).run((rows, part, padded)).unwrap();
        for (found, &index) in rows.outer_iter().zip(&indices) {
            assert_eq!(found, array.row(index).into_dyn());
        }
        assert_eq!(part, array.slice(flowgrad::ndarray::s![10..-10;3, 8..=200;-5]).into_dyn());
        for ((i, j), &found) in padded.into_dimensionality::<flowgrad::ndarray::Ix2>().unwrap().indexed_iter()
        {
            let reflected = |i: usize, before: usize, length: usize| {
                let from = i.abs_diff(before);
                if from < length { from } else { 2 * (length - 1) - from }
            };
            assert_eq!(found, array[[reflected(i, 2, 300), reflected(j, 40, 257)]]);
        }
    }
}

#[test]
fn names_and_attributes_are_printed() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [4, 4]);
    let _ = x.slice((1.., AxisRange::from(..-1).step(2))).slice((.., -1));
    let _ = x.pad([(1, 0), (0, 2)], Pad::Constant(0.5)).tile([2, 1]);
    let mut text = String::new();
    write!(text, "{g}").unwrap();
    for expected in [
        "slice(%0) [ranges=[1:, :-1:2]]",
        "slice(%1) [ranges=[:, -1]]",
        "pad(%0) [paddings=[[1, 0], [0, 2]], with=0.5]",
        "tile(%3) [multiples=[2, 1]]",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}
