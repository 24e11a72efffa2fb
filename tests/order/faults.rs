//! What these ops refuse: while building where it is known, else in the run, with the node and the index.

use flowgrad::fault::{HistogramFault, QuantileFault, SearchFault, SegmentFault, SparseFault};
use flowgrad::ndarray::{Array1, Array2, arr1, arr2};
use flowgrad::prelude::*;
use flowgrad::{AnyTensor, Fault};

type Build = for<'g> fn(&'g Graph) -> AnyTensor<'g>;

/// What is built, of which kind its fault is, and a part of what the error says.
type Refused = (Build, fn(&Fault) -> bool, &'static str);

/// The error of building, and whether it is of the kind that is expected.
fn build_error(build: Build, is_expected: fn(&Fault) -> bool) -> String {
    let g = Graph::new();
    build(&g);
    match g.check() {
        Err(Error::Build(error)) => {
            assert!(is_expected(&error.fault), "{error}");
            error.to_string()
        }
        other => panic!("expected a build error, got {other:?}"),
    }
}

/// The error of a run.
fn run_error(build: Build) -> String {
    let g = Graph::new();
    let y = build(&g);
    g.check().unwrap();
    let y = y.cast(DType::F64).typed::<f64>();
    let session = Session::new(&g).unwrap();
    session.run(y).unwrap_err().to_string()
}

fn vector(g: &Graph) -> Tensor<'_, f64> {
    g.constant(arr1(&[3.0, 1.0, 2.0]))
}

fn ids<const N: usize>(g: &Graph, ids: [i64; N]) -> Tensor<'_, i64> {
    g.constant(arr1(&ids))
}

/// A matrix of three values.
fn sparse<const N: usize, const M: usize>(
    g: &Graph,
    indices: [i64; N],
    offsets: [i64; M],
    shape: [usize; 2],
) -> SparseMatrix<'_, f64> {
    SparseMatrix::csr(vector(g), ids(g, indices), ids(g, offsets), shape)
}

#[test]
fn what_is_known_is_a_build_error() {
    let any: fn(&Fault) -> bool = |_| true;
    let rows: [Refused; 32] = [
        (|g| vector(g).sort(1).any(), any, "expected an axis of a tensor of rank 1, got 1"),
        (|g| vector(g).argsort(-2).any(), any, "expected an axis of a tensor of rank 1, got -2"),
        (|g| vector(g).cumprod(isize::MIN).any(), any, "expected an axis of a tensor of rank 1"),
        (|g| vector(g).cummax(7).1.any(), any, "expected an axis of a tensor of rank 1, got 7"),
        (|g| g.constant(1.0).logcumsumexp(0).any(), any, "expected an axis of a tensor of rank 0, got 0"),
        (|g| vector(g).diff(1, 1).any(), any, "expected an axis of a tensor of rank 1, got 1"),
        (|g| vector(g).diff(usize::MAX, 0).any(), any, "differences of differences"),
        (|g| vector(g).median([0, 0]).any(), any, "expected each axis once, got 0 twice"),
        (
            |g| vector(g).quantile(1.5, 0).any(),
            Fault::is::<QuantileFault>,
            "expected a number from 0 to 1, got 1.5",
        ),
        (|g| vector(g).quantile([0.5, f64::NAN], 0).any(), Fault::is::<QuantileFault>, "got NaN"),
        (|g| vector(g).quantile(-0.1, ..).any(), Fault::is::<QuantileFault>, "got -0.1"),
        (|g| g.constant(1.0).searchsorted(1.0).any(), any, "expected an axis of a tensor of rank 0, got -1"),
        (
            |g| {
                g.constant(Array2::<f64>::zeros((2, 3))).searchsorted(g.constant(Array2::zeros((3, 3)))).any()
            },
            Fault::is::<SearchFault>,
            "expected values with the lengths of [2, 3] but along the last axis, got shape [3, 3]",
        ),
        (|g| vector(g).any().searchsorted(g.constant(1_i64)), any, "expected elements of f64, got i64"),
        (|g| vector(g).unique_counts(-1).0.any(), any, "expected lengths of 0 or more, got [-1]"),
        (
            |g| vector(g).any().unique_counts_with(2, g.constant(1_i32)).1,
            any,
            "expected elements of f64, got i32",
        ),
        (|g| vector(g).nonzero(-3).any(), any, "expected lengths of 0 or more, got [-3]"),
        (|g| vector(g).any().bincount(3), any, "expected elements of an integer type, got f64"),
        (|g| ids(g, [0]).bincount(-1).any(), any, "-1"),
        (|g| ids(g, [0, 1]).bincount_with(vector(g), 2).any(), any, "expected shape [2], got [3]"),
        (|g| vector(g).histogram(0, 0.0, 1.0).any(), Fault::is::<HistogramFault>, "got 0 from 0 to 1"),
        (|g| vector(g).histogram(3, 1.0, 1.0).any(), Fault::is::<HistogramFault>, "got 3 from 1 to 1"),
        (|g| vector(g).histogram(3, f64::NAN, 1.0).any(), Fault::is::<HistogramFault>, "got 3 from NaN to 1"),
        (|g| vector(g).histogram_with(g.constant(1.0), 3, 0.0, 1.0).any(), any, "expected shape [3], got []"),
        (
            |g| vector(g).segment_sum(ids(g, [0, 1]), 2).any(),
            Fault::is::<SegmentFault>,
            "expected ids with the first lengths of [3], got shape [2]",
        ),
        (
            |g| {
                g.constant(Array2::<f64>::zeros((1, 2))).segment_max(g.constant(arr2(&[[0_i64, 1]])), 2).any()
            },
            Fault::is::<SegmentFault>,
            "expected a vector of ids in ascending order, got shape [1, 2]",
        ),
        (|g| vector(g).unsorted_segment_mean(ids(g, [0, 1, 2]), -2).any(), any, "-2"),
        (
            |g| vector(g).any().segment_prod(vector(g), 2),
            any,
            "expected elements of an integer type, got f64",
        ),
        (
            |g| sparse(g, [0, 1, 2], [0, 2, 3], [3, 4]).matmul(g.constant(Array1::zeros(4))).any(),
            Fault::is::<SparseFault>,
            "expected 3 + 1 offsets, got shape [3]",
        ),
        (
            |g| sparse(g, [0, 1], [0, 2, 3], [2, 4]).matmul(g.constant(Array1::zeros(4))).any(),
            Fault::is::<SparseFault>,
            "got shapes [3], [2] and [3]",
        ),
        (
            |g| sparse(g, [0, 1, 2], [0, 2, 3], [2, 4]).matmul(g.constant(Array1::zeros(3))).any(),
            any,
            "expected shape [4], got [3]",
        ),
        (
            |g| sparse(g, [0, 1, 2], [0, 2, 3], [2, 4]).matmul(0.5).any(),
            any,
            "expected an axis of a tensor of rank 0",
        ),
    ];
    for (place, (build, is_expected, expected)) in rows.into_iter().enumerate() {
        let message = build_error(build, is_expected);
        assert!(message.contains(expected), "row {place}: {message}");
    }
}

#[test]
fn what_only_values_tell_is_an_error_of_the_run() {
    let rows: [(Build, &str, &str); 15] = [
        (
            |g| ids(g, [0, 3]).bincount(3).named("counts").any(),
            "counts",
            "axis of length 3, got 3|, at [1] of the indices",
        ),
        (
            |g| ids(g, [0, -1]).bincount(3).any(),
            "bincount",
            "axis of length 3, got -1|, at [1] of the indices",
        ),
        (
            |g| vector(g).segment_sum(ids(g, [0, 2, 1]), 3).named("sums").any(),
            "sums",
            "expected ids in ascending order, got 1 behind 2, at [2] of the ids",
        ),
        (
            |g| vector(g).segment_mean(ids(g, [0, 1, 2]), 2).any(),
            "segment_sum",
            "length 2, got 2|, at [2] of the indices",
        ),
        (|g| vector(g).segment_min(ids(g, [-1, 0, 0]), 2).any(), "segment_min", "length 2, got -1|, at [0]"),
        (
            |g| vector(g).unsorted_segment_prod(ids(g, [1, -9, 2]), 2).any(),
            "unsorted_segment_prod",
            "got 2|, at [2]",
        ),
        (
            |g| {
                let x = g.constant(Array2::<f64>::zeros((2, 2)));
                x.unsorted_segment_sum(g.constant(arr2(&[[0_i64, 1], [5, 0]])), 2).any()
            },
            "unsorted_segment_sum",
            "got 5|, at [1, 0]",
        ),
        // Also where there is nothing to take from the rows, or nobody needs them.
        (
            |g| g.constant(Array2::<f64>::zeros((3, 0))).segment_max(ids(g, [0, 0, 9]), 2).any(),
            "segment_max",
            "got 9|, at [2]",
        ),
        (|g| vector(g).unique_counts(2).1.any(), "distinct", "expected at most 2 different elements"),
        (|g| vector(g).unique_counts_with(0, 1.0).0.any(), "distinct", "as asked for by `size`, got 3"),
        (
            |g| vector(g).nonzero(2).named("places").any(),
            "places",
            "expected at most 2 elements that are not 0",
        ),
        (|g| g.constant(true).nonzero(0).any(), "nonzero", "as asked for by `size`, got 1"),
        (
            |g| sparse(g, [0, 4, 2], [0, 2, 3], [2, 4]).to_dense().any(),
            "sparse_matmul",
            "axis of length 4, got 4|, at [1] of the indices",
        ),
        (
            |g| sparse(g, [0, 1, 2], [0, 3, 2], [2, 4]).to_dense().any(),
            "sparse_matmul",
            "expected offsets from 0 to 3, the number of values, in ascending order, got 2, at [2] of the offsets",
        ),
        (
            |g| sparse(g, [0, 1, 2], [1, 2, 3], [2, 4]).transpose().to_dense().any(),
            "sparse_matmul",
            "got 1, at [0]",
        ),
    ];
    for (place, (build, node, expected)) in rows.into_iter().enumerate() {
        let message = run_error(build);
        let names_node = message.contains(&format!("`{node}`")) && message.contains("tests/order/faults.rs");
        let parts = expected.split('|').all(|part| message.contains(part));
        assert!(names_node && parts, "row {place}: {message}");
    }
}

/// Shapes that are known when they are fed are refused then, with the same words.
#[test]
fn what_is_fed_is_refused_like_what_is_known() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let ids = g.placeholder::<i64>("ids", [None]);
    let y = x.unsorted_segment_max(ids, x.dim(0));
    let session = Session::new(&g).unwrap();
    let run = |x_fed: &Array1<f64>, ids_fed: &Array1<i64>| session.feed(x, x_fed).feed(ids, ids_fed).run(y);
    assert_eq!(run(&arr1(&[1.0, 2.0]), &arr1(&[1, 1])).unwrap(), arr1(&[f64::MIN, 2.0]).into_dyn());
    let error = run(&arr1(&[1.0]), &arr1(&[0, 0])).unwrap_err().to_string();
    assert!(error.contains("expected ids with the first lengths of [1], got shape [2]"), "{error}");
}

/// Of elements that are equal the first gets all of the cotangent, and of segments each its share.
#[test]
fn ties_have_gradients() {
    let g = Graph::new();
    let x = g.constant(arr1(&[2.0, 1.0, 2.0, 2.0]));
    let weights = g.constant(arr1(&[1.0, 10.0, 100.0, 1000.0]));
    let found = [
        x.cummax(0).0,
        x.cummax_with(0, true).0,
        x.sort(0),
        x.unique_counts(4).0,
        x.unsorted_segment_max(ids(&g, [0, 0, 0, -1]), 4),
    ];
    let found = found.map(|y| (y * weights).gradients([x])[0]);
    let expected = [
        [1111.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 1111.0],
        [10.0, 1.0, 100.0, 1000.0],
        [10.0, 1.0, 0.0, 0.0],
        [0.5, 0.0, 0.5, 0.0],
    ];
    let found = Session::new(&g).unwrap().run(found).unwrap();
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, &arr1(&expected).into_dyn());
    }
}

/// The mean of equal numbers is that number, also where their sum is rounded.
#[test]
fn means_of_equal_numbers_are_these() {
    let g = Graph::new();
    let x = g.constant(Array1::from_iter((0..100).map(|row| if row < 37 { 0.1 } else { 1e-3 / 3.0 })));
    let ids = g.constant(Array1::from_iter((0..100_i64).map(|row| i64::from(row >= 37))));
    let means = Session::new(&g).unwrap().run(x.segment_mean(ids, 2)).unwrap();
    assert_eq!(means, arr1(&[0.1, 1e-3 / 3.0]).into_dyn());
}

/// Lengths that transforms have none of are refused, while building or when they are fed.
#[cfg(feature = "fft")]
#[test]
fn transforms_of_other_lengths_are_refused() {
    use flowgrad::fault::{ConvolveFault, FftFault};
    let rows: [Refused; 6] = [
        (|g| g.zeros::<f64>([2, 0]).rfft().0.any(), Fault::is::<FftFault>, "at least one point to transform"),
        (|g| vector(g).fft(g.zeros([4])).1.any(), |_| true, "expected shape [3], got [4]"),
        (
            |g| vector(g).irfft_with(vector(g), 0).any(),
            Fault::is::<FftFault>,
            "at least one point to transform",
        ),
        (
            |g| g.zeros::<f64>([1]).irfft(g.zeros([1])).any(),
            Fault::is::<FftFault>,
            "at least one point to transform",
        ),
        (
            |g| vector(g).dct(4, true).any(),
            Fault::is::<FftFault>,
            "expected a cosine transform of kind 2 or 3, got 4",
        ),
        (|g| vector(g).rfft_with(-1).1.any(), |_| true, "expected lengths of 0 or more, got [-1]"),
    ];
    for (place, (build, is_expected, expected)) in rows.into_iter().enumerate() {
        let message = build_error(build, is_expected);
        assert!(message.contains(expected), "row {place}: {message}");
    }
    let rows: [Refused; 4] = [
        (
            |g| vector(g).convolve(g.zeros::<f64>([0]), ConvolveMode::Full).any(),
            Fault::is::<ConvolveFault>,
            "expected at least one element along the axis of both operands, got shapes [3] and [0]",
        ),
        (
            |g| vector(g).convolve_with(vector(g), ConvolveMode::Same, 1, ConvolveMethod::Auto).any(),
            |_| true,
            "expected an axis of a tensor of rank 1, got 1",
        ),
        (
            |g| {
                let (x, kernel) = (g.zeros::<f64>([2, 3, 4]), g.zeros::<f64>([3, 4]));
                x.convolve_with(kernel, ConvolveMode::Same, 0, ConvolveMethod::Auto).any()
            },
            |_| true,
            "expected an axis of a tensor of rank 2, got -3",
        ),
        (
            |g| g.zeros::<f64>([2, 4]).convolve(g.zeros::<f64>([3, 4]), ConvolveMode::Full).any(),
            |_| true,
            "[2]",
        ),
    ];
    for (place, (build, is_expected, expected)) in rows.into_iter().enumerate() {
        let message = build_error(build, is_expected);
        assert!(message.contains(expected), "convolution {place}: {message}");
    }
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let y = x.irfft(x);
    let session = Session::new(&g).unwrap();
    assert_eq!(session.feed(x, &arr1(&[1.0, 0.0])).run(y).unwrap(), arr1(&[0.5, 0.5]).into_dyn());
    for fed in [arr1(&[1.0]), arr1(&[])] {
        session.feed(x, &fed).run(y).unwrap_err();
    }
}
