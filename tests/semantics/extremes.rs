//! Line 28, the extremes that a fuzz does not meet: absurd lengths and long chains.

use std::env;
use std::process::Command;

use flowgrad::fault::VariableFault;
use flowgrad::ndarray::{self, Array1, Array2, ArrayD, arr1, array};
use flowgrad::prelude::*;

/// Far more than there can be elements, and yet a length that an empty array may have.
const LONG: usize = 1 << 40;

/// Line 28: the number of elements of a shape is known when it is a number, and nothing panics if not.
#[test]
fn line_28_shapes_may_be_absurd() {
    assert_eq!(Shape::from([usize::MAX, 2, 0]).size(), Some(0));
    assert_eq!(Shape::from([usize::MAX, 2]).size(), None, "no number of elements fits");
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [usize::MAX, usize::MAX]);
    let [slope] = (x * x).reduce_mean(..).gradients([x]);
    assert_eq!(slope.shape(), x.shape());
}

/// Line 28: empty arrays may broadcast to lengths whose product overflows. No array can have these, so
/// a run may refuse, but not panic.
#[test]
fn line_28_empty_feeds_may_be_absurd() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, None, None]);
    let y = g.placeholder::<f64>("y", [None, None, None]);
    let sum = x + y;
    let slopes = sum.reduce_mean(..).gradients([x, y]);
    let empty = |dims: [usize; 3]| ArrayD::<f64>::zeros(dims.to_vec());
    for (x_dims, y_dims) in [
        ([LONG, 1, 0], [1, LONG, 0]),
        ([0, LONG, 1], [0, 1, LONG]),
        ([LONG, 0, 1], [1, 0, LONG]),
        ([isize::MAX as usize, 0, 1], [1, 0, 3]),
    ] {
        let (x_fed, y_fed) = (empty(x_dims), empty(y_dims));
        for optimize in [true, false] {
            let session = Session::builder(&g).optimize(optimize).build()?;
            let fed = || session.feed(x, &x_fed).feed(y, &y_fed);
            // Whether it is an error or a value says nothing here: it is enough to come back.
            let _ = fed().run(sum);
            let _ = fed().run(sum.reduce_sum(..));
            let _ = fed().run((sum * 2.0).transpose().reduce_mean([0, 2]));
            let _ = fed().run(slopes);
        }
    }
    Ok(())
}

/// Line 28: values that can be addressed one by one, but not together, are as much as no memory holds.
#[test]
fn line_28_sums_of_bytes_may_be_absurd() -> Result<()> {
    const COLUMNS: usize = (1 << 60) - 1;
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(COLUMNS)]);
    let fed = Array2::<f64>::zeros((0, COLUMNS));
    let largest = x.reduce_max(0);
    let fetches = [
        x.softmax(0).reduce_sum(0),
        x.reduce_sum(0),
        largest + x.reduce_sum(0),
        (0..5).fold(largest, |sum, _| sum.sin() + largest.exp()),
    ];
    for threads in [1, 2] {
        for optimize in [true, false] {
            let session = Session::builder(&g).threads(threads).optimize(optimize).build()?;
            for fetch in fetches {
                let error = session.feed(x, &fed).run(fetch).unwrap_err();
                assert!(matches!(error, Error::OutOfMemory { .. } | Error::TooLarge { .. }), "{error}");
            }
        }
    }
    Ok(())
}

/// Line 28: a result that no memory holds is planned in no time, so that the lack of it is found.
#[test]
fn line_28_long_paddings_find_no_memory() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [2]);
    let padded = x.pad([(0, 1 << 52)], Pad::Constant(0.0));
    let fetches = [padded, g.concat(&[padded, x, padded], 0), g.stack(&[padded, padded], 0).reduce_sum(0)];
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        for fetch in fetches {
            let error = session.feed(x, &[1.0, 2.0]).run(fetch).unwrap_err();
            assert!(matches!(error, Error::OutOfMemory { .. } | Error::TooLarge { .. }), "{error}");
        }
    }
    Ok(())
}

type Build = for<'g> fn(Tensor<'g, f32>) -> Tensor<'g, f32>;

/// Ops of a matrix, under the names that a failure says.
const OPS_OF_A_MATRIX: &[(&str, Build)] = &[
    ("add", |x| x + x.transpose().transpose()),
    ("exp", |x| (x * 2.0).exp().tanh()),
    ("cast", |x| x.cast::<f64>().cast::<i64>().cast()),
    ("select", |x| x.greater(0.0).select(x, x * 2.0)),
    ("cumsum 0", |x| x.cumsum(0)),
    ("cumsum 1", |x| x.cumsum_with(1, true, true)),
    ("cumprod", |x| x.cumprod(0) + x.cumprod_with(1, true, true)),
    ("logcumsumexp", |x| x.logcumsumexp(0) + x.logcumsumexp(1)),
    ("cummax", |x| x.cummax(0).0 + x.cummin(1).0),
    ("sort", |x| x.sort(0) + x.sort(1)),
    ("diff", |x| x.diff(2, 0).reduce_sum(..) + x.diff(1, 1)),
    ("histogram", |x| x.histogram_with(x, 3, 0.0, 1.0)),
    ("bincount", |x| x.cast::<i64>().bincount_with(x, 3)),
    ("unsorted_segment_prod", |x| x.unsorted_segment_prod(x.cast::<i64>(), 3)),
    ("unsorted_segment_max", |x| x.unsorted_segment_max(x.cast::<i64>(), 3)),
    ("unique_counts", |x| x.unique_counts(2).0),
    ("tril", |x| x.tril(0)),
    ("triu", |x| x.triu(-3)),
    ("x·xᵀ", |x| x.matmul_transposed(x, false, true)),
    ("xᵀ·x", |x| x.matmul_transposed(x, true, false)),
    ("Σ xᵀ·x", |x| x.matmul_transposed(x, true, false).reduce_sum(..)),
    ("einsum", |x| x.einsum("ij,kj->ik", x)),
    ("sum", |x| x.reduce_sum(..)),
    ("sum 0", |x| x.reduce_sum(0)),
    ("sum 1", |x| x.reduce_sum(-1)),
    ("mean", |x| x.reduce_mean(0)),
    ("variance", |x| x.reduce_variance(1)),
    ("max", |x| x.reduce_max(Axes::of([0]).keep_dims())),
    ("log_sum_exp", |x| x.reduce_log_sum_exp(0)),
    ("norm", |x| x.norm(1)),
    ("prod 0", |x| x.reduce_prod(0)),
    ("prod 1", |x| x.reduce_prod(1)),
    ("prod", |x| x.reduce_prod(..)),
    ("softmax 0", |x| x.softmax(0)),
    ("softmax 1", |x| x.softmax(1)),
    ("transpose", |x| x.transpose() * 2.0),
    ("reshape", |x| x.reshape([-1]) + 1.0),
    ("concat", |x| x.graph().concat(&[x, x, x], 0)),
    ("stack", |x| x.graph().stack(&[x, x], 1)),
    ("reverse", |x| x.reverse([0, 1])),
    ("slice", |x| x.slice((1.., ..-1))),
    ("pad", |x| x.pad([(1, 0), (0, 0)], Pad::Constant(0.0))),
    ("tile", |x| x.tile([2, 3])),
    ("gather 0", |x| x.gather(x.graph().constant(ndarray::Array1::<i64>::zeros(0)), 0)),
    ("gather 1", |x| x.gather(x.graph().constant(ndarray::Array1::<i64>::zeros(0)), 1)),
    ("argmax 0", |x| x.argmax(0).cast()),
    ("argmax 1", |x| x.argmax(1).cast()),
    ("cross-entropy", |x| x.softmax_cross_entropy(x)),
    ("sparse cross-entropy", |x| {
        x.sparse_softmax_cross_entropy(x.graph().constant(ndarray::Array1::<i64>::zeros(0)))
    }),
    ("sigmoid cross-entropy", |x| x.sigmoid_cross_entropy(x)),
    ("huber", |x| x.huber(x * 2.0, 1.0)),
    ("shuffle", |x| x.shuffle()),
    ("shuffle of columns", |x| x.transpose().shuffle()),
    ("top_k", |x| x.top_k(0).0),
    ("gather rows of none", |x| x.gather(x.graph().constant(ndarray::Array2::<i64>::zeros((LONG, 0))), 0)),
    ("gather_nd", |x| x.gather_nd(x.graph().constant(ndarray::Array2::<i64>::zeros((0, 2))))),
    ("gather_nd of all", |x| x.gather_nd(x.graph().constant(ndarray::Array2::<i64>::zeros((7, 0))))),
    ("gather_nd of no rows", |x| {
        let many = x.graph().constant(ndarray::Array2::<i64>::zeros((LONG, 0)));
        x.reshape([-1]).gather_nd(many)
    }),
    ("take_along_axis 0", |x| x.take_along_axis(x.cast::<i64>(), 0)),
    ("take_along_axis 1", |x| x.take_along_axis(x.cast::<i64>(), 1)),
    ("scatter_add", |x| x.scatter_add(x.graph().constant(ndarray::Array1::<i64>::zeros(0)), x.slice(..0), 0)),
    ("one_hot", |x| x.cast::<i64>().reshape([-1]).one_hot::<f32>(LONG)),
    ("bernoulli", |x| x.bernoulli().cast()),
    ("categorical", |x| x.categorical(0).cast()),
    ("random", |x| x.random_uniform_like(0.0, 1.0) + x.random_normal_like(0.0, 1.0)),
    ("bernoulli_like", |x| x.bernoulli_like(0.5).cast()),
    ("diag", |x| x.reshape([-1]).diag().diag_part()),
    ("any", |x| x.greater(0.0).reduce_any(0).cast()),
    ("cumsum of a transpose", |x| x.transpose().cumsum(0)),
    ("split", |x| x.split(1, 0)[0] + x.split(1, 1)[0]),
    ("clip", |x| x.clip(0.0, 1.0).check_numerics()),
    ("patches", |x| x.expand_dims(0).expand_dims(0).extract_patches(Window::of([1, 1]))),
];

/// Line 28: what has no elements takes no time, however long its other axes are; so do its gradients.
#[test]
fn line_28_long_axes_of_empty_arrays_take_no_time() -> Result<()> {
    for (name, build) in OPS_OF_A_MATRIX {
        let g = Graph::new();
        let x = g.placeholder::<f32>("x", [None, None]);
        let y = build(x);
        let slopes: Vec<_> = Gradients::of([y]).wrt(&[x]).into_iter().flatten().collect();
        for optimize in [true, false] {
            let session = Session::builder(&g).optimize(optimize).threads(1).build()?;
            for dims in [[0, 1 << 59], [1 << 59, 0], [0, LONG], [LONG, 0], [0, 3], [3, 0], [0, 0]] {
                let fed = ArrayD::<f32>::zeros(dims.to_vec());
                // What has as many elements as the long axis, the largest of none, labels for other rows, and windows
                // of no places are refused; all else is there at once.
                let may_be_refused =
                    ["argmax", "categorical", "sparse", "patches"].iter().any(|op| name.starts_with(op));
                let may_fail = may_be_refused || dims.iter().any(|&length| length > 1 << 32);
                let value = session.feed(x, &fed).run(y);
                assert!(value.is_ok() || may_fail, "{name} of {dims:?}: {value:?}");
                let slopes = session.feed(x, &fed).run(slopes.clone());
                assert!(slopes.is_ok() || may_fail, "{name} of {dims:?}: {slopes:?}");
                for slope in slopes.into_iter().flatten() {
                    assert_eq!(slope.shape(), dims, "{name}");
                }
            }
        }
    }
    Ok(())
}

/// Line 28: rows without elements have no order to be put in, and need no numbers.
#[test]
fn line_28_rows_without_elements_are_shuffled_at_once() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, None]);
    let (shuffled, many) = (x.shuffle(), g.constant(ndarray::Array2::<i64>::zeros((LONG, 0))));
    let taken = x.reshape([-1]).gather_nd(many);
    let [slope, other] = [shuffled, taken].map(|y| y.gradients([x])[0]);
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        for dims in [[LONG, 0], [0, LONG]] {
            let fed = ArrayD::<f32>::zeros(dims.to_vec());
            let (y, slopes) = session.feed(x, &fed).run((shuffled, [slope, other]))?;
            assert_eq!(
                (y.shape(), slopes.map(|slope| slope.shape().to_vec())),
                (&dims[..], [dims.to_vec(), dims.to_vec()])
            );
            assert_eq!(session.feed(x, &fed).run(taken)?.shape(), [LONG, 0]);
        }
    }
    let rows = array![[1.0_f32, 2.0], [3.0, 4.0]].into_dyn();
    let session = Session::new(&g)?;
    let found = session.feed(x, &rows).run(shuffled)?;
    assert!(found == rows || found == array![[3.0_f32, 4.0], [1.0, 2.0]].into_dyn());
    Ok(())
}

/// Line 28: no start of a variable panics: what cannot be made is a build error.
#[test]
fn line_28_variables_may_be_absurd() {
    for dims in [
        vec![usize::MAX],
        vec![0, usize::MAX],
        vec![usize::MAX, 0],
        vec![LONG, 0],
        vec![0, LONG],
        vec![LONG, LONG, 0],
        vec![0, LONG, LONG],
    ] {
        let starts = [zeros(dims.clone()), glorot_uniform(dims.clone()), orthogonal(dims.clone(), 1.0)];
        for start in starts {
            let g = Graph::new();
            let v = g.variable::<f32>("v", start);
            let read = Session::new(&g).and_then(|session| session.run(v));
            assert!(read.is_err() || read.is_ok_and(|v| v.shape() == dims));
        }
    }
}

/// Line 28: bounds and deviations that define no distribution are build errors, and those that nearly do not draw.
#[test]
fn line_28_draws_may_be_absurd() {
    let start = |low, high| {
        let g = Graph::new();
        g.variable::<f32>("uniform", random_uniform([3], low, high));
        Session::new(&g).and_then(|session| session.variable_values()).map(|_| ())
    };
    for (low, high) in [(1.0, -1.0), (f64::MIN, f64::MAX), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
        assert!(matches!(start(low, high), Err(Error::Build(_))), "{low} to {high}");
    }
    for (low, high) in [(2.0, 2.0), (0.0, f64::MIN_POSITIVE), (0.0, f64::from(f32::MAX))] {
        start(low, high).unwrap();
    }
    let g = Graph::new();
    g.variable::<f64>("normal", random_normal([3], f64::MAX, f64::MAX));
    Session::new(&g).and_then(|session| session.variable_values()).unwrap();
}

/// Line 28: the fans of `glorot_uniform` may be too large to add.
#[test]
fn line_28_fans_may_be_absurd() {
    for shape in [[usize::MAX, 1], [usize::MAX, usize::MAX], [1, usize::MAX]] {
        let g = Graph::new();
        g.variable::<f32>("v", glorot_uniform(shape));
        let error = g.check().unwrap_err();
        let Error::Build(error) = error else { panic!("{error}") };
        assert!(matches!(error.fault.downcast_ref(), Some(VariableFault::Shape { .. })), "{error}");
    }
}

/// Line 28: a chain of many thousand nodes overflows no stack, neither built, differentiated nor run.
#[test]
fn line_28_chains_may_be_long() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let y = (0..5_000).fold(x, |y, _| y * 0.5 + x);
    let [slope] = y.gradients([x]);
    let fed = arr1(&[1.0, 3.0]);
    let (y, slope) = Session::new(&g)?.feed(x, &fed).run((y, slope))?;
    assert_eq!((y, slope), ((&fed * 2.0).into_dyn(), arr1(&[2.0, 2.0]).into_dyn()));
    Ok(())
}

/// Line 27, at the ends of the range: two factors that become one are never further from the exact product
/// than one after the other.
#[test]
fn line_27_gathered_factors_are_as_exact() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", ());
    let [fast, plain] = [true, false].map(|optimize| Session::builder(&g).optimize(optimize).build());
    let (fast, plain) = (fast?, plain?);
    let factors = [2.0_f32, -0.5, 1e-7, -3e7, 1e-30, 1e30, 1e-38, 3e38, 1e-42];
    let fed = [0.0_f32, -0.0, 1.0, -1.5, 1e-44, 1e-38, -1e-20, 1e20, 3e38, f32::INFINITY, f32::NAN];
    for (s, t) in factors.iter().flat_map(|&s| factors.map(|t| (s, t))) {
        let product = s * (t * x);
        for fed in fed {
            let [fast, plain] = [&fast, &plain].map(|session| session.feed(x, fed).run(product));
            // Not the sum, which would lose the sign of a zero.
            let (fast, plain) = (fast?[[]], plain?[[]]);
            // No product of three `f32` leaves the range of `f64`, and its error there is of no account here.
            let exact = f64::from(s) * f64::from(t) * f64::from(fed);
            if fast.is_nan() || plain.is_nan() {
                assert!(fast.is_nan() && exact.is_nan(), "{s}·({t}·{fed}) is {fast}");
                continue;
            }
            let rounded = exact as f32;
            assert!(fast.is_sign_negative() == exact.is_sign_negative(), "{s}·({t}·{fed}) is {fast}");
            let off = |found: f32| if found == rounded { 0.0 } else { (f64::from(found) - exact).abs() };
            // Two roundings, of full precision or at the lower end of the range.
            let rounding = 1.2e-7 * exact.abs() + 1.5e-45;
            assert!(
                off(fast) <= off(plain).max(rounding),
                "{s}·({t}·{fed}): {fast} and {plain}, not {exact}"
            );
        }
    }
    Ok(())
}

/// Line 27: signs that are taken in stay exact, of zeros as well.
#[test]
fn line_27_signs_are_exact() -> Result<()> {
    let g = Graph::new();
    let [x, y] = ["x", "y"].map(|name| g.placeholder::<f64>(name, [None]));
    let results = [
        x + (-y),
        x - (-y),
        (-x) + y,
        (-x) * 3.0,
        (-x) * (y * 3.0),
        (-x) * (-y),
        (-x) / (-y),
        (-x) / 3.0,
        -(x - y),
        -(x + y),
        (-x).square(),
        (-x) - y,
    ];
    let numbers = [0.0, -0.0, 1.0, -1.0, 0.1, 1e-310, -1e300, f64::INFINITY, f64::NEG_INFINITY];
    let pairs = || numbers.iter().flat_map(|&x| numbers.map(|y| (x, y)));
    let (xs, ys) = (
        pairs().map(|pair| pair.0).collect::<Array1<f64>>(),
        pairs().map(|pair| pair.1).collect::<Array1<f64>>(),
    );
    let run = |optimize| {
        let session = Session::builder(&g).optimize(optimize).build()?;
        session.feed(x, &xs).feed(y, &ys).run(results)
    };
    for (index, (fast, plain)) in run(true)?.iter().zip(&run(false)?).enumerate() {
        for (fast, plain) in fast.iter().zip(plain) {
            let same = fast.to_bits() == plain.to_bits() || fast.is_nan() && plain.is_nan();
            assert!(same, "{index}: {fast}, but {plain} when not optimised");
        }
    }
    Ok(())
}

/// Line 28: what could be addressed but not allocated is an error as well, and leaves the process alive.
#[test]
fn line_28_what_no_memory_holds_is_an_error() {
    const NAME: &str = "extremes::line_28_what_no_memory_holds_is_an_error";
    const INSIDE: &str = "FLOWGRAD_TEST_WITHOUT_MEMORY";
    // Bytes beyond what processors of 48 address bits can map, however freely the system promises memory.
    const ROWS: usize = 1 << 23;

    if env::var_os(INSIDE).is_none() {
        // A failed allocation would end the process, and with it all other tests: this one gets its own.
        let test = env::current_exe().unwrap();
        let inside = Command::new(test).args(["--exact", NAME]).env(INSIDE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&inside.stdout) + String::from_utf8_lossy(&inside.stderr);
        assert!(inside.status.success(), "{}: {said}", inside.status);
        return;
    }
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(1)]);
    let table = x - x.transpose();
    let v = g.variable::<f64>("v", zeros([ROWS, ROWS]));
    let session = Session::new(&g).unwrap();
    let tall = Array2::<f64>::zeros((ROWS, 1));
    session.feed(x, &tall).run(table).unwrap_err();
    session.run(v).unwrap_err();
    session.variable_values().unwrap_err();
}
