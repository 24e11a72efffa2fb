//! Line 32: every sum, in every direction, has the error of a blocked or pairwise sum; a mean of equal numbers is that
//! number; the variance of equal numbers is 0.

use flowgrad::ndarray::{self, ArrayD, Axis, Ix2, IxDyn, arr0};
use flowgrad::nn;
use flowgrad::prelude::*;

/// Numbers of one sign whose sums need rounding at every step: between 0.1 and 1.1, but for a share that is 0.1 alone,
/// so that errors of a running sum do not cancel.
fn numbers(dims: &[usize]) -> ArrayD<f32> {
    let mut index = 0_usize;
    ArrayD::from_shape_simple_fn(IxDyn(dims), || {
        index += 1;
        if index.is_multiple_of(3) {
            0.1 + (index as f64 * 0.618_033_988_749_895).fract() as f32
        } else {
            0.1
        }
    })
}

/// The relative error that is allowed to sums of so many numbers of one sign: some additions in a row, and some more
/// for each doubling.
fn bound(count: usize) -> f64 {
    f64::from(f32::EPSILON) * (8.0 * (count.max(2) as f64).log2() + 64.0)
}

/// What `found` differs from `expected` by at most, relative to it.
fn error(found: &ArrayD<f32>, expected: &ArrayD<f64>) -> f64 {
    assert_eq!(found.shape(), expected.shape());
    let errors = found.iter().zip(expected).map(|(&found, &expected)| {
        let error = (f64::from(found) - expected).abs() / expected.abs().max(f64::MIN_POSITIVE);
        if error.is_nan() { f64::INFINITY } else { error }
    });
    errors.fold(0.0, f64::max)
}

/// Fails with all results that are further off than sums of so many numbers may be.
#[track_caller]
fn hold(cases: &[(&str, usize, ArrayD<f32>, ArrayD<f64>)]) {
    let off = cases.iter().filter_map(|(name, count, found, expected)| {
        let (error, bound) = (error(found, expected), bound(*count));
        (error > bound).then(|| format!("{name}: {error:.1e} off, {bound:.1e} allowed"))
    });
    let off: Vec<String> = off.collect();
    assert!(off.is_empty(), "{}", off.join("\n"));
}

fn widened(x: &ArrayD<f32>) -> ArrayD<f64> {
    x.mapv(f64::from)
}

/// Line 32: sums and means along each axis and over all, in regions of tiles and apart from them.
#[test]
fn line_32_sums_and_means_in_every_direction() -> Result<()> {
    for dims in [
        vec![1_000_000],
        vec![300_000, 3],
        vec![3, 300_000],
        vec![10_000, 150],
        vec![300, 3, 300],
        vec![2, 200_000, 3],
        vec![2_000, 300, 3],
        vec![500, 3_000],
    ] {
        let x = numbers(&dims);
        let (wide, size) = (widened(&x), x.len());
        for optimize in [true, false] {
            let g = Graph::new();
            let fed = g.placeholder::<f32>("x", vec![None; dims.len()]);
            let session = Session::builder(&g).optimize(optimize).build()?;
            let mut cases = vec![(
                "sum of all",
                size,
                session.feed(fed, &x).run(fed.reduce_sum(..))?,
                arr0(wide.sum()).into_dyn(),
            )];
            for (axis, &length) in dims.iter().enumerate() {
                let sums = wide.sum_axis(Axis(axis));
                let (sum, mean) = (fed.reduce_sum(axis as isize), fed.reduce_mean(axis as isize));
                // Behind what stays in the region.
                let fused = (fed * 2.0).square().reduce_sum(axis as isize);
                let (sum, mean, fused) = session.feed(fed, &x).run((sum, mean, fused))?;
                let squares = wide.mapv(|x| 4.0 * x * x).sum_axis(Axis(axis));
                cases.push(("sum", length, sum, sums.clone()));
                cases.push(("mean", length, mean, sums / length as f64));
                cases.push(("sum of squares", length, fused, squares));
            }
            hold(&cases);
        }
    }
    Ok(())
}

/// Line 32: a sum of products in a region whose rows another member decides, each of them long.
#[test]
fn line_32_products_summed_along_long_rows() -> Result<()> {
    let x = numbers(&[2, 1_000_000]);
    let g = Graph::new();
    let [fed, short] = ["x", "short"].map(|name| g.placeholder::<f32>(name, [None, None]));
    // A sum within the rows: the region has as many rows, and joins the sum of squares to it.
    let rows = short.reduce_sum(-1);
    let squares = (fed - rows.reshape([2, 1])).square().reduce_sum(..);
    let zeros = ArrayD::<f32>::zeros(IxDyn(&[2, 100]));
    let session = Session::new(&g)?;
    let (_, found) = session.feed(fed, &x).feed(short, &zeros).run((rows, squares))?;
    let expected = arr0(widened(&x).mapv(|x| x * x).sum()).into_dyn();
    hold(&[("sum of squares", x.len(), found, expected)]);
    Ok(())
}

/// Line 32: products whose sums are long, by every kernel: few columns and many, either operand transposed.
#[test]
fn line_32_products_with_long_sums() -> Result<()> {
    for (k, m, n) in [
        (1_000_000, 1, 1),
        (1_000_000, 3, 1),
        (300_000, 3, 2),
        (300_000, 8, 1),
        (300_000, 1, 20),
        (200_000, 8, 20),
        (40_000, 20, 70),
        (20_000, 30, 300),
    ] {
        let (a, b) = (numbers(&[m, k]), numbers(&[k, n]));
        let wide = |x: &ArrayD<f32>| widened(x).into_dimensionality::<Ix2>();
        let (wide_a, wide_b) = (wide(&a).unwrap(), wide(&b).unwrap());
        let expected = wide_a.dot(&wide_b).into_dyn();
        let transposed = |x: &ArrayD<f32>| x.t().as_standard_layout().into_owned();
        let g = Graph::new();
        let [x, y] = ["x", "y"].map(|name| g.placeholder::<f32>(name, [None, None]));
        let session = Session::new(&g)?;
        let mut cases = Vec::new();
        for (name, of_a, of_b) in
            [("a·b", false, false), ("aᵀ·b", true, false), ("a·bᵀ", false, true), ("aᵀ·bᵀ", true, true)]
        {
            let fed_a = if of_a { transposed(&a) } else { a.clone() };
            let fed_b = if of_b { transposed(&b) } else { b.clone() };
            let product = session.feed(x, &fed_a).feed(y, &fed_b).run(x.matmul_transposed(y, of_a, of_b))?;
            cases.push((name, k, product, expected.clone()));
        }
        let einsum = session.feed(x, &a).feed(y, &b).run(x.einsum("mk,kn->mn", y))?;
        cases.push(("einsum", k, einsum, expected));
        hold(&cases);
    }
    Ok(())
}

/// Line 32: gradients that are sums: of what was broadcast, of a kernel over a long batch, of rows that were gathered.
#[test]
fn line_32_gradients_that_are_sums() -> Result<()> {
    let count = 200_000;
    let x = numbers(&[count, 3]);
    let wide = widened(&x);
    let g = Graph::new();
    let fed = g.placeholder::<f32>("x", [None, Some(3)]);
    let bias = g.constant(ndarray::arr1(&[0.5_f32, 1.0, 2.0]));
    let [to_bias] = (fed * bias).gradients([bias]);
    let table = g.constant(ndarray::arr2(&[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    let ids = g.placeholder::<i64>("ids", [None]);
    let [to_table] = (table.gather(ids, 0) * fed).gradients([table]);
    let scattered = table.scatter_add(ids, fed, 0);
    let images = fed.reshape([-1, 3, 1, 1]);
    let kernel = g.constant(ndarray::Array4::<f32>::ones((2, 1, 1, 1)));
    let [to_kernel] = images.conv2d(kernel, Convolution::valid()).gradients([kernel]);
    let ids_fed = ndarray::Array1::from_shape_fn(count, |row| i64::from(row % 1000 == 0));
    let (to_bias, to_table, scattered, to_kernel) =
        Session::new(&g)?.feed(fed, &x).feed(ids, &ids_fed).run((to_bias, to_table, scattered, to_kernel))?;
    let columns = wide.sum_axis(Axis(0));
    let mut rows = ndarray::Array2::<f64>::zeros((2, 3));
    for (row, &id) in wide.outer_iter().zip(&ids_fed) {
        let mut sums = rows.row_mut(id as usize);
        sums += &row.into_dimensionality::<ndarray::Ix1>().unwrap();
    }
    let with_start = &rows + &ndarray::arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let kernel_sums = [columns[0] + columns[1], columns[1] + columns[2]];
    let kernel_sums = ndarray::Array4::from_shape_fn((2, 1, 1, 1), |(row, ..)| kernel_sums[row]);
    hold(&[
        ("gradient of a broadcast", count, to_bias, columns.clone()),
        ("gradient of gathered rows", count, to_table, rows.into_dyn()),
        ("scatter_add", count, scattered, with_start.into_dyn()),
        ("gradient of a kernel", 2 * count, to_kernel, kernel_sums.into_dyn()),
    ]);
    Ok(())
}

/// Line 32: running sums do not stop at 2^24, from either end.
#[test]
fn line_32_running_sums() -> Result<()> {
    let count = 2_000_000;
    let x = numbers(&[count]);
    let g = Graph::new();
    let fed = g.placeholder::<f32>("x", [None]);
    let session = Session::new(&g)?;
    for (exclusive, reverse) in [(false, false), (true, false), (false, true), (true, true)] {
        let found = session.feed(fed, &x).run(fed.cumsum_with(0, exclusive, reverse))?;
        let mut expected = ArrayD::<f64>::zeros(IxDyn(&[count]));
        let mut sum = 0.0;
        for step in 0..count {
            let place = if reverse { count - 1 - step } else { step };
            let with_own = sum + f64::from(x[place]);
            expected[place] = if exclusive { sum } else { with_own };
            sum = with_own;
        }
        hold(&[("cumsum", 2, found, expected)]);
    }
    let ones = g.constant(arr0(1.0_f32)).broadcast_to([20_000_000]);
    let last = ones.cumsum(0).slice(-1..);
    let table = g.constant(ndarray::arr2(&[[1.0_f32]]));
    let row = g.constant(arr0(0_i64)).broadcast_to([20_000_000]);
    let [slope] = table.gather(row, 0).gradients([table]);
    let (last, slope, sum) = session.run((last, slope, (ones * 1.0).reduce_sum(..)))?;
    assert_eq!((last.sum(), slope.sum(), sum.sum()), (2e7, 2e7, 2e7));
    Ok(())
}

/// Line 32: a mean of equal numbers is that number and their variance 0, however many there are, along every axis.
#[test]
fn line_32_statistics_of_equal_numbers() -> Result<()> {
    fn check<T: Float>(number: T) -> Result<()> {
        for count in [1, 2, 3, 7, 49, 107, 1_000, 4_099, 100_003] {
            for dims in [[count, 1, 1], [1, count, 2], [2, 1, count], [count, 3, 2]] {
                let x = ArrayD::from_elem(IxDyn(&dims), number);
                let g = Graph::new();
                let fed = g.placeholder::<T>("x", [None, None, None]);
                let session = Session::new(&g)?;
                let all = session.feed(fed, &x).run((fed.reduce_mean(..), fed.reduce_variance(..)))?;
                let mut found = vec![all];
                for axis in 0..3 {
                    let statistics = (fed.reduce_mean(axis), fed.reduce_variance(axis));
                    found.push(session.feed(fed, &x).run(statistics)?);
                }
                for (mean, variance) in found {
                    assert!(mean.iter().all(|&mean| mean == number), "{number} {dims:?}");
                    assert!(variance.iter().all(|&variance| variance == T::zero()), "{number} {dims:?}");
                }
            }
        }
        Ok(())
    }
    for number in [0.1, 1e-30, -123.456, 3.0e38] {
        check::<f32>(number)?;
    }
    for number in [0.1, 1e-300, 1.0 / 3.0, f64::MAX] {
        check::<f64>(number)?;
    }
    // What is not equal, or not a number, is as ever.
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let mean = |x_fed: &[f64]| Session::new(&g)?.feed(x, &ndarray::arr1(x_fed)).run(x.reduce_mean(..));
    assert!(mean(&[])?.sum().is_nan());
    assert!(mean(&[1.0, f64::NAN])?.sum().is_nan());
    assert!(mean(&[f64::INFINITY, f64::NEG_INFINITY])?.sum().is_nan());
    assert_eq!(mean(&[f64::INFINITY, f64::INFINITY])?.sum(), f64::INFINITY);
    assert_eq!(mean(&[1.0, 2.0])?.sum(), 1.5);
    // The same along an axis in the middle, one column for each case.
    let columns = g.placeholder::<f64>("columns", [None, None, None]);
    let unit = f64::EPSILON;
    let block = [
        [0.1, 1.0, f64::INFINITY, f64::INFINITY, f64::MAX, f64::MAX, 0.0, 1.0],
        [0.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MAX, 0.0, 1.0 + 4.0 * unit],
        [0.1, 1.0, f64::INFINITY, f64::INFINITY, f64::MAX, 1.0, 3.0, 1.0 + 8.0 * unit],
    ];
    let fed = ndarray::arr3(&[block, block]);
    let means = Session::new(&g)?.feed(columns, &fed).run(columns.reduce_mean(1))?;
    let is_right = |column: usize, expected: f64| {
        for mean in [means[[0, column]], means[[1, column]]] {
            assert!(
                mean == expected || mean.is_nan() && expected.is_nan(),
                "{column}: {mean}, not {expected}"
            );
        }
    };
    let expected = [0.1, f64::NAN, f64::INFINITY, f64::NAN, f64::MAX, f64::INFINITY, 1.0, 1.0 + 4.0 * unit];
    expected.into_iter().enumerate().for_each(|(column, expected)| is_right(column, expected));
    Ok(())
}

/// Line 32: averages over windows, also where they reach beyond the image.
#[test]
fn line_32_averages_of_equal_numbers() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(ndarray::Array4::<f32>::from_elem((2, 6, 7, 3), 0.1));
    for padding in [Padding::Valid, Padding::Same] {
        let pooled = x.avg_pool2d(Window::of([3, 5]).padding(padding));
        assert!(Session::new(&g)?.run(pooled)?.iter().all(|&mean| mean == 0.1), "{padding:?}");
    }
    Ok(())
}

/// [rows, 3], of 10,000·column + {0, 1}.
fn far_from_zero(rows: usize) -> ndarray::Array2<f32> {
    ndarray::Array2::from_shape_fn((rows, 3), |(row, column)| 10_000.0 * column as f32 + (row % 2) as f32)
}

/// Line 32: variances far from zero are those of the distances from the mean, and so are their gradients.
#[test]
fn line_32_variances_far_from_zero() -> Result<()> {
    let rows = 100_000;
    let x = far_from_zero(rows);
    let g = Graph::new();
    let fed = g.placeholder::<f32>("x", [None, Some(3)]);
    let across = fed.transpose();
    let [slope] = fed.reduce_variance(0).gradients([fed]);
    let statistics = (fed.reduce_mean(0), fed.reduce_variance(0), across.reduce_variance(-1), slope);
    let (mean, variance, within, slope) = Session::new(&g)?.feed(fed, &x).run(statistics)?;
    for column in 0..3 {
        assert!((mean[column] - 10_000.0 * column as f32 - 0.5).abs() <= 0.004, "{mean}");
        assert!((variance[column] - 0.25).abs() < 1e-6, "{variance}");
        assert!((within[column] - 0.25).abs() < 1e-6, "{within}");
        let expected = 2.0 * -0.5 / rows as f32;
        assert!((slope[[0, column]] / expected - 1.0).abs() < 0.01, "{} {expected}", slope[[0, column]]);
    }
    Ok(())
}

/// Line 32: batch and layer normalization of columns far from zero, and of those that do not vary, which become the
/// offset exactly and have slopes.
#[test]
fn line_32_normalization() -> Result<()> {
    let x = far_from_zero(100_000);
    let g = Graph::new();
    let fed = g.placeholder::<f32>("x", [None, Some(3)]);
    let layer = BatchNorm::new(&g, "bn", 3);
    let normalized = layer.call(fed, Mode::Train);
    let [slope] = normalized.square().gradients([fed]);
    let session = Session::new(&g)?;
    let y = session.feed(fed, &x).run(normalized)?;
    let expected = 0.5 / (0.25_f32 + 1e-3).sqrt();
    for (row, y) in y.outer_iter().enumerate().take(1000) {
        let expected = if row % 2 == 0 { -expected } else { expected };
        assert!(y.iter().all(|y| (y - expected).abs() < 0.01), "{y}");
    }
    let moved = session.run(layer.moving_variance)?;
    assert!(moved.iter().all(|&variance| (variance - 0.99 - 0.0025).abs() < 1e-6), "{moved}");
    for number in [0.1_f32, 1234.567, 1e-20] {
        let same = ndarray::Array2::from_elem((9_973, 3), number);
        let (y, slope) = session.feed(fed, &same).run((normalized, slope))?;
        assert!(y.iter().all(|&y| y == 0.0) && slope.iter().all(|slope| slope.is_finite()), "{number}");
        let rows = same.t().to_owned();
        let long = g.placeholder::<f32>("long", [None, None]);
        let y = nn::layer_norm(long, -1, 0.0, 1.0, 1e-3);
        let [slope] = (y * long).gradients([long]);
        let (y, slope) = session.feed(long, &rows).run((y, slope))?;
        assert!(y.iter().all(|&y| y == 0.0) && slope.iter().all(|slope| slope.is_finite()), "{number}");
    }
    Ok(())
}
