//! Lines 23 and 24: what shapes are known before a run, and which build errors are found then.

use flowgrad::ndarray::{Array1, Array2, ArrayD, arr2};
use flowgrad::prelude::*;

/// Line 23: losses refuse operands of different shapes, where broadcasting would compare each with each.
#[test]
fn line_23_losses_refuse_other_shapes() -> Result<()> {
    type Loss = for<'g> fn(Tensor<'g, f64>, Tensor<'g, f64>) -> Tensor<'g, f64>;
    let losses: [(&str, Loss); 8] = [
        ("mean_squared_error", |x, t| x.mean_squared_error(t)),
        ("huber", |x, t| x.huber(t, 1.0)),
        ("softmax_cross_entropy", |x, t| x.softmax_cross_entropy(t)),
        ("sigmoid_cross_entropy", |x, t| x.sigmoid_cross_entropy(t)),
        ("hinge", |x, t| x.hinge(t)),
        ("squared_hinge", |x, t| x.squared_hinge(t)),
        ("kl_divergence", |x, t| x.kl_divergence(t)),
        ("cosine_distance", |x, t| x.cosine_distance(t)),
    ];
    for (name, loss) in losses {
        // While building, whatever is unknown.
        for (rows, known) in [(Some(3), Some(3)), (None, None)] {
            let g = Graph::new();
            loss(g.placeholder("column", [rows, Some(1)]), g.placeholder("flat", [known]));
            let text = g.check().expect_err(name).to_string();
            assert!(text.contains(&format!("{name}: expected targets of the shape")), "{text}");
            assert!(text.contains(file!()), "{text}");
        }
        // When it becomes known: one row is not compared with each of three, nor three with one.
        let g = Graph::new();
        let [x, t] = ["x", "t"].map(|name| g.placeholder::<f64>(name, [None]));
        let loss = loss(x, t);
        let slopes = loss.gradients([x, t]);
        let session = Session::new(&g)?;
        for (x_rows, t_rows) in [(3, 1), (1, 3), (0, 1), (1, 1), (3, 3), (0, 0)] {
            let (x_fed, t_fed) = (Array1::<f64>::zeros(x_rows), Array1::<f64>::zeros(t_rows));
            let feeding = || session.feed(x, &x_fed).feed(t, &t_fed);
            match (feeding().run(loss), feeding().run(slopes)) {
                (Ok(_), Ok([dx, dt])) => {
                    assert_eq!((x_rows, dx.shape(), dt.shape()), (t_rows, x_fed.shape(), t_fed.shape()));
                }
                (Err(loss), Err(slopes)) => {
                    let expected = format!(
                        "{name}: expected targets of the shape [{x_rows}] of the predictions, got [{t_rows}]"
                    );
                    for text in [loss.to_string(), slopes.to_string()] {
                        assert!(x_rows != t_rows && text.starts_with(&expected), "{text}");
                    }
                }
                other => panic!("{name} of {x_rows} and {t_rows}: {other:?}"),
            }
        }
    }
    Ok(())
}

/// Line 24: static shapes: [?, 4]·[4, 5] is [?, 5]; [?, 4] + [3, 1] is [3, 4]; the mean of [?, 4]
/// over axis 0 is [4]; negative axes count from the end; an empty list of axes changes nothing.
#[test]
fn line_24_static_shapes() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(4)]);
    let w = g.placeholder::<f64>("w", [4, 5]);
    let column = g.placeholder::<f64>("column", [3, 1]);
    let cube = g.placeholder::<f64>("cube", [Some(2), None, Some(4)]);
    let [slope] = (x + column).gradients([x]);
    for (tensor, expected) in [
        (x.matmul(w), "[?, 5]"),
        (x.matmul_transposed(x, true, false), "[4, 4]"),
        (x.matmul_transposed(x, false, true), "[?, ?]"),
        (x + column, "[3, 4]"),
        (slope, "[?, 4]"),
        (x * 2.0, "[?, 4]"),
        (x * x, "[?, 4]"),
        (x.reduce_mean(0), "[4]"),
        (x.reduce_mean(-1), "[?]"),
        (x.reduce_sum(Axes::of([-2]).keep_dims()), "[1, 4]"),
        (x.reduce_sum([]), "[?, 4]"),
        (x.reduce_mean(Axes::of([])), "[?, 4]"),
        (x.transpose(), "[4, ?]"),
        (cube.transpose_perm([1, -1, 0]), "[?, 4, 2]"),
        (cube.reduce_sum([0, -1]), "[?]"),
        (cube.reduce_sum(..), "[]"),
        (cube.reduce_sum(Axes::all().keep_dims()), "[1, 1, 1]"),
        (cube + x.reduce_sum(Axes::of([1]).keep_dims()), "[2, ?, 4]"),
        (cube.reshape([-1, 8]), "[?, 8]"),
        (cube.reshape([2, 3, 4]), "[2, 3, 4]"),
        (w.reshape([-1, 10]), "[2, 10]"),
        (cube.reduce_sum([0]).reshape([-1]), "[?]"),
        (x.expand_dims(-1), "[?, 4, 1]"),
        (cube.squeeze(1), "[2, 4]"),
        (column.squeeze(..), "[3]"),
        (x.broadcast_to([5, 3, 4]), "[5, 3, 4]"),
        (x.reduce_prod(-1), "[?]"),
        (x.reduce_log_sum_exp(0), "[4]"),
        (x.reduce_variance(Axes::of([-1]).keep_dims()), "[?, 1]"),
        (cube.norm(..), "[]"),
        (x.einsum("ij,jk->ki", w), "[5, ?]"),
        (x.einsum("ij,kj", x), "[?, ?]"),
        (cube.einsum("bij,bkj->bik", cube), "[2, ?, ?]"),
        (x.einsum("...j,jk->k...", w), "[5, ?]"),
        (cube.einsum("...j,...j->...", x), "[2, ?]"),
        (g.einsum("bi,ij,bi->jb", &[x, w, x]), "[5, ?]"),
        (cube.einsum_unary("ijj->ji"), "[4, 2]"),
        (x.roll([1, -1], [1, 0]), "[?, 4]"),
        (g.meshgrid(&[x.reduce_sum(0), x.reduce_sum(1)], Indexing::Xy)[1], "[?, 4]"),
        (x.boolean_mask(x.greater(0.0), 0, 7), "[7]"),
        (x.boolean_mask(x.reduce_sum(1).greater(0.0), 0, 7), "[7, 4]"),
        (x.gather_with(g.placeholder::<i64>("batches", [Some(3), None]), 1, 1), "[3, ?]"),
        (x.reduce_sum(0).outer(x.reduce_sum(1)), "[4, ?]"),
        (x.reduce_sum(0).dot(w.reduce_sum(1)), "[]"),
        (x.mean_squared_error(x), "[]"),
        (x.huber(g.placeholder::<f64>("d", [Some(3), None]), 1.0), "[3, 4]"),
        (x.softmax_cross_entropy(x), "[?]"),
    ] {
        assert_eq!(tensor.shape().to_string(), expected, "{tensor:?}");
    }
    g.check().unwrap();
}

/// Line 24: an axis out of range or listed twice is a build error; an empty list leaves the
/// values as they are.
#[test]
fn line_24_axes_are_checked_when_built() -> Result<()> {
    let wrong: [fn(Tensor<f64>) -> Tensor<f64>; 14] = [
        |x| x.reduce_sum(2),
        |x| x.reduce_mean(-3),
        |x| x.reduce_sum([0, 0]),
        |x| x.reduce_mean([1, -1]),
        |x| x.transpose_perm([0]),
        |x| x.transpose_perm([1, 1]),
        |x| x.transpose_perm([0, 2]),
        |x| x.reduce_sum(isize::MAX),
        |x| x.reduce_prod([0, -2]),
        |x| x.reduce_log_sum_exp(2),
        |x| x.reduce_variance(-3),
        |x| x.norm(isize::MIN),
        |x| x.expand_dims(-4),
        |x| x.squeeze([0, 0]),
    ];
    for (index, build) in wrong.into_iter().enumerate() {
        let g = Graph::new();
        build(g.placeholder("x", [None, Some(2)]));
        assert!(matches!(g.check(), Err(Error::Build(_))), "{index}");
    }
    let g = Graph::new();
    let x = g.constant(arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    let [sum, mean] = [x.reduce_sum([]), x.reduce_mean(Axes::of([]).keep_dims())];
    let [dx] = mean.gradients([x]);
    let [x, sum, mean, dx] = Session::new(&g)?.run([x, sum, mean, dx])?;
    assert_eq!((&sum, &mean, dx), (&x, &x, ArrayD::ones(vec![2, 2])));
    Ok(())
}

/// Line 24: what stays unknown is checked when it becomes known, with the same error.
#[test]
fn line_24_unknown_lengths_are_checked_when_known() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(4)]);
    let y = (x + g.constant(Array2::<f64>::ones((3, 1)))).named("y");
    let session = Session::new(&g)?;
    for (rows, fits) in [(1, true), (3, true), (2, false), (0, false)] {
        let fed = Array2::<f64>::zeros((rows, 4));
        match session.feed(x, &fed).run(y) {
            Ok(sum) => assert!(fits && sum.shape() == [3, 4], "{rows}"),
            Err(error) => {
                let text = error.to_string();
                assert!(!fits && text.contains(&format!("[{rows}, 4] and [3, 1]")), "{text}");
                assert!(text.contains("`y`") && text.contains(file!()), "{text}");
            }
        }
    }
    Ok(())
}

/// Large enough that products are cut into panels, and small ones gathered into tasks.
#[test]
fn line_24_batches_of_products_are_the_products_one_by_one() {
    for [count, m, k, n] in [[3, 200, 120, 300], [500, 8, 16, 8]] {
        let of = |rows: usize, columns: usize| {
            ndarray::Array3::from_shape_fn((count, rows, columns), |(i, j, l)| {
                ((i * 31 + j * 7 + l * 3) % 17) as f32 - 8.0
            })
        };
        let (a, b) = (of(m, k), of(k, n));
        let g = Graph::new();
        let product = g.constant(a.view()).matmul(g.variable("b", b.view()));
        let [one, two] = [1, 2]
            .map(|threads| Session::builder(&g).threads(threads).build().unwrap().run(product).unwrap());
        assert_eq!(one, two);
        for (index, each) in one.outer_iter().enumerate() {
            let reference = a.index_axis(ndarray::Axis(0), index).dot(&b.index_axis(ndarray::Axis(0), index));
            // Sums of small whole numbers are exact.
            assert_eq!(each, reference.into_dyn());
        }
    }
}

/// The small matrix of a skinny product is the same for all rows, however many tasks share these.
#[test]
fn line_24_rows_times_a_small_transposed_matrix() {
    let rows = 400_000;
    let w = arr2(&[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let x = Array2::from_shape_fn((rows, 3), |(row, column)| ((row * 3 + column) % 7) as f32);
    let g = Graph::new();
    let fed = g.placeholder::<f32>("x", [None, Some(3)]);
    let product = fed.matmul_transposed(g.variable("w", w.view()), false, true);
    let session = Session::new(&g).unwrap();
    // Sums of small whole numbers are exact.
    assert_eq!(session.feed(fed, &x).run(product).unwrap(), x.dot(&w.t()).into_dyn());
}
