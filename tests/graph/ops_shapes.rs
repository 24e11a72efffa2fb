//! What views, reductions, losses and sums of products say about shapes that they cannot take, and what they give
//! at the ends of their ranges.

use flowgrad::ndarray::{Array1, Array2, ArrayD, arr0, arr1, arr2};
use flowgrad::prelude::*;

/// A wrong use and the words for it, up to the place where it is built.
type Row = (fn(&Graph), &'static str);

/// The message up to the place, which must be in this file.
fn words(error: Error) -> String {
    let text = error.to_string();
    match text.split_once(" built at ") {
        Some((words, place)) if place.starts_with(file!()) => words.to_owned(),
        _ => format!("no place of this file: {text}"),
    }
}

fn check(rows: &[Row]) {
    for (build, expected) in rows {
        let g = Graph::new();
        build(&g);
        assert_eq!(words(g.check().expect_err(expected)), *expected);
    }
}

fn fed(g: &Graph, rank: usize) -> Tensor<'_, f64> {
    g.placeholder("x", vec![None; rank])
}

fn of<const N: usize>(g: &Graph, lengths: [usize; N]) -> Tensor<'_, f64> {
    g.placeholder("x", lengths)
}

/// A tensor that is built to be invalid.
fn built<T>(_: Tensor<'_, T>) {}

#[test]
fn build_errors_in_views() {
    check(&[
        (
            |g| built(of(g, [2, 3]).reshape([4, 2])),
            "expected lengths for as many elements as in [2, 3], got [4, 2], in `reshape` (reshape)",
        ),
        (
            |g| built(of(g, [2, 3]).reshape([4, -1])),
            "expected lengths for as many elements as in [2, 3], got [4, -1], in `reshape` (reshape)",
        ),
        (
            |g| built(of(g, [0, 3]).reshape([0, -1])),
            "expected lengths for as many elements as in [0, 3], got [0, -1], in `reshape` (reshape)",
        ),
        (
            |g| built(of(g, [2, 3]).reshape([])),
            "expected lengths for as many elements as in [2, 3], got [], in `reshape` (reshape)",
        ),
        (
            |g| built(g.placeholder::<bool>("x", [None, Some(4)]).reshape([2, 3])),
            "expected lengths for as many elements as in [?, 4], got [2, 3], in `reshape` (reshape)",
        ),
        (
            |g| built(of(g, [2, 3]).reshape([-1, -1])),
            "expected lengths of 0 or more, at most one of them -1, got [-1, -1], in `reshape` (reshape)",
        ),
        (
            |g| built(of(g, [2, 3]).reshape(vec![isize::MIN, -1])),
            "expected lengths of 0 or more, at most one of them -1, got [-9223372036854775808, -1], in `reshape` (reshape)",
        ),
        (
            |g| built(of(g, [2, 3]).reshape([isize::MAX, isize::MAX])),
            "expected lengths for as many elements as in [2, 3], got [9223372036854775807, 9223372036854775807], in `reshape` (reshape)",
        ),
        (
            |g| built(of(g, [2, 3]).expand_dims(3)),
            "expected an axis of a tensor of rank 3, got 3, in `expand_dims` (expand_dims)",
        ),
        (
            |g| built(of(g, [2, 3]).expand_dims(-4)),
            "expected an axis of a tensor of rank 3, got -4, in `expand_dims` (expand_dims)",
        ),
        (
            |g| built(of(g, [2, 1]).squeeze(0)),
            "expected an axis of length 1 to squeeze, got axis 0 of shape [2, 1], in `squeeze` (squeeze)",
        ),
        (
            |g| built(of(g, [2, 1]).squeeze([1, -1])),
            "expected each axis once, got 1 twice, in `squeeze` (squeeze)",
        ),
        (
            |g| built(g.placeholder::<f32>("x", [None, Some(1)]).squeeze(..)),
            "expected a list of the axes to squeeze or a shape that is known while building, got [?, 1], \
             in `squeeze` (squeeze)",
        ),
        (
            |g| built(of(g, [2, 3]).broadcast_to([3, 3])),
            "expected a shape that broadcasts to [3, 3], got [2, 3], in `broadcast_to` (broadcast_to)",
        ),
        (
            |g| built(of(g, [2, 3]).broadcast_to([3])),
            "expected a shape that broadcasts to [3], got [2, 3], in `broadcast_to` (broadcast_to)",
        ),
    ]);
}

#[test]
fn build_errors_in_reductions() {
    check(&[
        (
            |g| built(of(g, [2, 3]).reduce_prod(2)),
            "expected an axis of a tensor of rank 2, got 2, in `reduce_prod` (reduce_prod)",
        ),
        (
            |g| built(of(g, [2]).less(0.0).reduce_any(-2)),
            "expected an axis of a tensor of rank 1, got -2, in `reduce_any` (reduce_any)",
        ),
        (
            |g| built(of(g, [2]).less(0.0).reduce_all([0, 0])),
            "expected each axis once, got 0 twice, in `reduce_all` (reduce_all)",
        ),
        (
            |g| built(of(g, [2]).reduce_log_sum_exp(1)),
            "expected an axis of a tensor of rank 1, got 1, in `reduce_log_sum_exp` (reduce_log_sum_exp)",
        ),
        (
            |g| built(of(g, [2]).reduce_variance(1)),
            "expected an axis of a tensor of rank 1, got 1, in `reduce_variance` (reduce_variance)",
        ),
        (|g| built(of(g, [2]).norm([0, -1])), "expected each axis once, got 0 twice, in `norm` (norm)"),
    ]);
}

#[test]
fn build_errors_in_losses() {
    check(&[
        (
            |g| built(of(g, [3, 1]).mean_squared_error(of(g, [3]))),
            "mean_squared_error: expected targets of the shape [3, 1] of the predictions, got [3], \
             in `mean_squared_error` (mean_squared_error)",
        ),
        (
            |g| built(fed(g, 2).huber(fed(g, 1), 1.0)),
            "huber: expected targets of the shape [?, ?] of the predictions, got [?], in `huber` (huber)",
        ),
        (
            |g| built(of(g, [3]).huber(of(g, [3]), -1.5)),
            "expected a positive delta, got -1.5, in `huber` (huber)",
        ),
        (
            |g| built(of(g, [3]).huber(of(g, [3]), f64::NAN)),
            "expected a positive delta, got NaN, in `huber` (huber)",
        ),
        (
            |g| built(of(g, [3, 4]).softmax_cross_entropy(of(g, [3, 1]))),
            "softmax_cross_entropy: expected targets of the shape [3, 4] of the predictions, got [3, 1], \
             in `softmax_cross_entropy` (softmax_cross_entropy)",
        ),
        (
            |g| built(of(g, []).softmax_cross_entropy(1.0)),
            "expected an axis of a tensor of rank 0, got -1, \
             in `softmax_cross_entropy` (softmax_cross_entropy)",
        ),
        (
            |g| built(of(g, [3]).sigmoid_cross_entropy(0.5)),
            "sigmoid_cross_entropy: expected targets of the shape [3] of the predictions, got [], \
             in `sigmoid_cross_entropy` (sigmoid_cross_entropy)",
        ),
        (
            |g| built(of(g, [3]).mean_squared_error(foreign())),
            "operand 1: expected a tensor of the same graph, got one of another graph, in `mean_squared_error` (mean_squared_error)",
        ),
    ]);
}

/// A tensor of another graph.
fn foreign() -> Tensor<'static, f64> {
    Box::leak(Box::<Graph>::default()).constant(1.0)
}

#[test]
fn build_errors_in_sums_of_products() {
    check(&[
        (
            |g| built(of(g, [2, 3]).einsum("ij,jk->ik", of(g, [4, 5]))),
            "einsum `ij,jk->ik`: index `j`: expected axes of one length, got 3 and 4, in `einsum` (einsum)",
        ),
        (
            |g| built(of(g, [2, 3]).einsum("ij,jk->ik", of(g, [1, 5]))),
            "einsum `ij,jk->ik`: index `j`: expected axes of one length, got 3 and 1, in `einsum` (einsum)",
        ),
        (
            |g| built(fed(g, 2).einsum("ij,jk", fed(g, 1))),
            "einsum `ij,jk->ik`: operand 1: expected an index for each axis of [?], got 2, in `einsum` (einsum)",
        ),
        (
            |g| built(of(g, [2, 3]).einsum("ii,ij->j", of(g, [2, 2]))),
            "einsum `ii,ij->j`: index `i`: expected axes of one length, got 2 and 3, in `einsum` (einsum)",
        ),
        (
            |g| built(of(g, [2, 2]).einsum_unary("ij->jj")),
            "einsum `ij->jj`: expected each index once in the result, got `j` twice, \
             in `einsum` (einsum)",
        ),
        (
            |g| built(of(g, [2, 2]).einsum("...i,ij->j", of(g, [2, 2]))),
            "einsum `...i,ij->j`: expected an ellipsis in the result, as those of operands stand for axes \
             (up to 1), got none, in `einsum` (einsum)",
        ),
        (
            |g| built(of(g, [2, 2]).einsum("i..j,ij->j", of(g, [2, 2]))),
            "einsum `i..j,ij->j`: expected at most one ellipsis of three dots in a term, got `i..j`, \
             in `einsum` (einsum)",
        ),
        (
            |g| built(of(g, [2, 2]).einsum_unary("...i...")),
            "einsum `...i...`: expected at most one ellipsis of three dots in a term, got `...i...`, \
             in `einsum` (einsum)",
        ),
        (
            |g| built(of(g, [2, 3, 2]).einsum("...i,...i", of(g, [2, 2]))),
            "einsum `...i,...i->...`: axes under the ellipsis: expected lengths that broadcast, got 3 and 2, \
             in `einsum` (einsum)",
        ),
        (
            |g| built(of(g, [2]).einsum("...ij,jk->...ik", of(g, [2, 2]))),
            "einsum `...ij,jk->...ik`: operand 0: expected an index for each axis of [2], got 2, \
             in `einsum` (einsum)",
        ),
        (
            |g| built(g.einsum("ij,jk,kl->il", &[of(g, [2, 2]), of(g, [2, 3]), of(g, [2, 2])])),
            "einsum `ij,jk,kl->il`: index `k`: expected axes of one length, got 3 and 2, \
             in `einsum` (einsum)",
        ),
        (
            |g| built(g.einsum::<f64, Tensor<'_, f64>>("", &[])),
            "einsum ``: expected a term for each of 0 operands, got 1, in `einsum` (einsum)",
        ),
        (
            |g| built(of(g, [2, 2]).einsum("i1,ij->j", of(g, [2, 2]))),
            "einsum `i1,ij->j`: expected an index from a to z or A to Z, got `1`, in `einsum` (einsum)",
        ),
        (
            |g| built(of(g, [2, 2]).einsum("ij->i->j", of(g, [2, 2]))),
            "einsum `ij->i->j`: expected a term for each of 2 operands, got 1, in `einsum` (einsum)",
        ),
        (
            |g| built(of(g, [2, 2]).einsum_unary("ij->i->j")),
            "einsum `ij->i->j`: expected an index from a to z or A to Z, got `-`, in `einsum` (einsum)",
        ),
        (
            |g| built(of(g, [2, 2]).einsum("ij,jk->iz", of(g, [2, 2]))),
            "einsum `ij,jk->iz`: expected an index of some operand in the result, got `z`, in `einsum` (einsum)",
        ),
        (
            |g| built(of(g, [2, 2]).einsum_unary("ij,jk->ik")),
            "einsum `ij,jk->ik`: expected a term for each of 1 operands, got 2, in `einsum` (einsum)",
        ),
        (
            |g| built(of(g, [2, 3]).outer(of(g, [4]))),
            "expected two vectors, got [2, 3] and [4], in `outer` (outer)",
        ),
        (
            |g| built(of(g, [2]).dot(of(g, [2, 1]))),
            "expected two vectors of one length, got [2] and [2, 1], in `dot` (dot)",
        ),
        (
            |g| built(of(g, [2]).dot(of(g, [1]))),
            "expected two vectors of one length, got [2] and [1], in `dot` (dot)",
        ),
    ]);
}

#[test]
fn build_errors_in_arrays_by_indices_and_masks() {
    fn indices<const N: usize>(g: &Graph, lengths: [usize; N]) -> Tensor<'_, i64> {
        g.constant(ArrayD::<i64>::zeros(lengths.to_vec()))
    }
    fn mask<const N: usize>(g: &Graph, lengths: [usize; N]) -> Tensor<'_, bool> {
        g.constant(ArrayD::<bool>::default(lengths.to_vec()))
    }
    check(&[
        (
            |g| built(of(g, [2, 3]).gather_with(indices(g, [3, 1]), 1, 1)),
            "expected indices with the batch lengths of [2, 3] (batch_dims = 1), got shape [3, 1], in `gather_with` (gather_with)",
        ),
        (
            |g| built(of(g, [2, 3]).gather_with(indices(g, [2]), 0, 1)),
            "expected an axis behind the batches (batch_dims = 1), got 0, in `gather_with` (gather_with)",
        ),
        (
            |g| built(of(g, [2, 3]).gather_nd_with(indices(g, [2, 2]), 1)),
            "expected indices whose last length is known while building and at most the rank of [2, 3], got shape \
             [2, 2], in `gather_nd_with` (gather_nd_with)",
        ),
        (
            |g| built(of(g, [2, 3]).gather_nd_with(indices(g, [2]), 3)),
            "expected indices with the batch lengths of [2, 3] (batch_dims = 3), got shape [2], in `gather_nd_with` (gather_nd_with)",
        ),
        (
            |g| built(of(g, [2, 3]).scatter_set(indices(g, [2]), of(g, [2, 2]), 0)),
            "expected shape [2, 3], got [2, 2], in `scatter_set` (scatter_set)",
        ),
        (
            |g| built(of(g, [2, 3]).boolean_mask(mask(g, [2]), 1, 2)),
            "expected a mask of at least one axis with the lengths of [2, 3] from axis 1 on, got shape [2], \
             in `boolean_mask` (boolean_mask)",
        ),
        (
            |g| built(of(g, [2, 3]).boolean_mask(mask(g, []), 0, 2)),
            "expected a mask of at least one axis with the lengths of [2, 3] from axis 0 on, got shape [], \
             in `boolean_mask` (boolean_mask)",
        ),
        (
            |g| built(of(g, [2]).boolean_mask(mask(g, [2, 1]), 0, 2)),
            "expected a mask of at least one axis with the lengths of [2] from axis 0 on, got shape [2, 1], \
             in `boolean_mask` (boolean_mask)",
        ),
        (
            |g| built(of(g, [2, 3]).roll([1, 2, 3], [0, 1])),
            "expected one shift, or one for each of 2 axes, got 3, in `roll` (roll)",
        ),
        (|g| built(of(g, [2, 3]).roll(1, [1, -1])), "expected each axis once, got 1 twice, in `roll` (roll)"),
        (
            |g| built(g.meshgrid(&[of(g, [2]), of(g, [2, 3])], Indexing::Ij)[1]),
            "operand 1: expected a vector or a number, got shape [2, 3], in `meshgrid` (meshgrid)",
        ),
        (
            |g| built(g.meshgrid(&[of(g, [1]); 65], Indexing::Ij)[64]),
            "expected at most 64 vectors, got 65, in `meshgrid` (meshgrid)",
        ),
    ]);
}

/// Makes something of two fed tensors.
type Build = for<'g> fn(Tensor<'g, f64>, Tensor<'g, f64>) -> Tensor<'g, f64>;

/// What was not known while building is told in the same words when it is.
#[test]
fn build_errors_that_feeds_make() -> Result<()> {
    let ones = |lengths: &[usize]| ArrayD::<f64>::ones(lengths.to_vec());
    let rows: [(Build, &[usize], &[usize], &str); 11] = [
        (
            |x, _| x.reshape([-1, 4]),
            &[2, 3],
            &[1],
            "expected lengths for as many elements as in [2, 3], got [-1, 4], in `y` (reshape)",
        ),
        (
            |x, _| x.reshape([2, 2]),
            &[2, 3],
            &[1],
            "expected lengths for as many elements as in [2, 3], got [2, 2], in `y` (reshape)",
        ),
        (
            |x, _| x.squeeze(0),
            &[2, 3],
            &[1],
            "expected an axis of length 1 to squeeze, got axis 0 of shape [2, 3], in `y` (squeeze)",
        ),
        (
            |x, _| x.broadcast_to([4, 3]),
            &[2, 3],
            &[1],
            "expected a shape that broadcasts to [4, 3], got [2, 3], in `y` (broadcast_to)",
        ),
        (
            |x, v| x.einsum("ij,j->i", v),
            &[2, 3],
            &[1],
            "einsum `ij,j->i`: index `j`: expected axes of one length, got 3 and 1, in `y` (einsum)",
        ),
        (
            |x, v| x.einsum("ii,j->j", v),
            &[2, 3],
            &[1],
            "einsum `ii,j->j`: index `i`: expected axes of one length, got 2 and 3, in `einsum_diagonals` \
             (einsum_diagonals)",
        ),
        (
            |x, v| x.einsum("...i,...->...", v),
            &[2, 3],
            &[3],
            "einsum `...i,...->...`: axes under the ellipsis: expected lengths that broadcast, got 2 and 3, in \
             `y` (einsum)",
        ),
        (
            |x, v| x.reduce_sum(0).dot(v),
            &[2, 3],
            &[1],
            "expected two vectors of one length, got [3] and [1], in `y` (dot)",
        ),
        (
            |x, v| x.reduce_sum(0).mean_squared_error(v),
            &[2, 3],
            &[1],
            "mean_squared_error: expected targets of the shape [3] of the predictions, got [1], \
             in `y` (mean_squared_error)",
        ),
        (
            |x, v| x.reduce_sum(0).huber(v, 1.0),
            &[2, 1],
            &[3],
            "huber: expected targets of the shape [1] of the predictions, got [3], in `y` (huber)",
        ),
        (
            |x, v| x.reduce_sum(0).sigmoid_cross_entropy(v).gradients([x])[0],
            &[2, 3],
            &[1],
            "sigmoid_cross_entropy: expected targets of the shape [3] of the predictions, got [1], \
             in `sigmoid_cross_entropy` (sigmoid_cross_entropy)",
        ),
    ];
    for (build, x_lengths, v_lengths, expected) in rows {
        let g = Graph::new();
        let (x, v) = (fed(&g, 2), fed(&g, 1));
        let y = build(x, v).named("y");
        let session = Session::new(&g)?;
        let (x_fed, v_fed) = (ones(x_lengths), ones(v_lengths));
        let error = session.feed(x, &x_fed).feed(v, &v_fed).run(y).expect_err(expected);
        assert_eq!(words(error), expected);
    }
    Ok(())
}

#[test]
fn views_take_every_element_type() -> Result<()> {
    let g = Graph::new();
    let booleans = arr2(&[[true, false, true], [false, false, true]]);
    let x = g.constant(booleans.view());
    let turned = x.transpose().reshape([-1]);
    let repeated = x.expand_dims(0).broadcast_to([2, 2, 3]).reshape([4, 3]);
    let session = Session::new(&g)?;
    assert_eq!(session.run(turned)?, booleans.t().iter().copied().collect::<Array1<bool>>().into_dyn());
    assert_eq!(
        session.run(repeated)?.into_raw_vec_and_offset().0,
        booleans.iter().chain(&booleans).copied().collect::<Vec<bool>>()
    );
    let numbers = g.constant(arr2(&[[1_i64, 2], [3, 4]]));
    assert_eq!(
        Session::new(&g)?.run(numbers.transpose().reshape([1, 4]).squeeze(..))?,
        arr1(&[1_i64, 3, 2, 4]).into_dyn()
    );
    Ok(())
}

/// Integers wrap, in any order of the factors, on short rows and long ones.
#[test]
fn products_of_integers() -> Result<()> {
    let of = |rows: usize, columns: usize| {
        Array2::from_shape_fn((rows, columns), |(row, column)| ((row * 31 + column * 7) % 11) as i64 * 2 + 1)
    };
    for (rows, columns) in [(3, 4), (2, 1100), (1100, 2), (0, 3), (3, 0)] {
        let x = of(rows, columns);
        let product = |axis| x.fold_axis(ndarray::Axis(axis), 1_i64, |a, b| a.wrapping_mul(*b)).into_dyn();
        let g = Graph::new();
        let fed = g.placeholder::<i64>("x", [None, None]);
        let [first, last] = [fed.reduce_prod(0), fed.reduce_prod(-1)];
        let narrow = fed.cast::<i32>().reduce_prod(-1);
        let session = Session::new(&g)?;
        let (first, last, narrow) = session.feed(fed, &x).run((first, last, narrow))?;
        assert_eq!((&first, &last), (&product(0), &product(1)), "{rows}×{columns}");
        assert_eq!(narrow, last.mapv(|x| x as i32), "{rows}×{columns}");
    }
    Ok(())
}

/// No sum of infinite differences is NaN, and a maximum that is infinite is the result.
#[test]
fn log_sum_exp_of_infinities() -> Result<()> {
    const INFINITE: f64 = f64::INFINITY;
    let x = arr2(&[
        [-INFINITE, -INFINITE],
        [INFINITE, -INFINITE],
        [5.0, INFINITE],
        [-INFINITE, 3.0],
        [INFINITE, INFINITE],
    ]);
    let g = Graph::new();
    let fed = g.placeholder::<f64>("x", [None, None]);
    let [rows, nothing] = [fed.reduce_log_sum_exp(1), fed.reduce_sum(0).reduce_log_sum_exp(0)];
    let [slope] = rows.gradients([fed]);
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        let (found, slope) = session.feed(fed, &x).run((rows, slope))?;
        assert_eq!(found, arr1(&[-INFINITE, INFINITE, INFINITE, 3.0, INFINITE]).into_dyn());
        assert_eq!(slope.index_axis(ndarray::Axis(0), 3), arr1(&[0.0, 1.0]).into_dyn());
        let nothing = session.feed(fed, &Array2::zeros((2, 0))).run(nothing)?;
        assert_eq!(nothing, arr0(-INFINITE).into_dyn());
        let nan = session.feed(fed, &arr2(&[[f64::NAN, INFINITE]])).run(rows)?;
        assert!(nan[[0]].is_nan());
    }
    Ok(())
}

/// Where the norm has a corner its gradient is 0 by convention, and the gradient itself has none: it is never a number
/// that looks like one. Rows beside it do not notice.
#[test]
fn norms_of_zeros() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr2(&[[0.0, 0.0], [3.0, -4.0]]));
    let [slope] = x.norm(-1).gradients([x]);
    let [curvature] = slope.gradients([x]);
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        let (slope, curvature) = session.run((slope, curvature))?;
        let expected = arr2(&[[0.0, 0.0], [0.6, -0.8]]);
        assert!((&slope - &expected).iter().all(|x: &f64| x.abs() < 1e-15), "{slope}");
        assert_eq!(slope.iter().take(2).collect::<Vec<_>>(), [&0.0, &0.0]);
        assert!(curvature.iter().take(2).all(|x: &f64| !x.is_finite()), "{curvature}");
        // The sum of a row of (I - u·uᵀ)/‖x‖ with u = (3, -4)/5.
        let expected = [1.12 / 5.0, 0.84 / 5.0];
        assert!(curvature.iter().skip(2).zip(expected).all(|(x, y)| (x - y).abs() < 1e-15), "{curvature}");
    }
    Ok(())
}

/// Also far from 0, where a formula in σ(x) would be ∞ or NaN; and a label of 0 hides what its logit is.
#[test]
fn losses_far_out() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[1e4, -1e4, 1e4, -1e4]));
    let z = g.constant(arr1(&[1.0, 0.0, 0.0, 1.0]));
    let loss = x.sigmoid_cross_entropy(z);
    let [dx, dz] = loss.gradients([x, z]);
    let logits = g.constant(arr2(&[[0.0, f64::NEG_INFINITY, 0.0]]));
    let dense = logits.softmax_cross_entropy(g.constant(arr2(&[[0.5, 0.0, 0.5]])));
    let [slope] = dense.gradients([logits]);
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        assert_eq!(session.run(loss)?, arr1(&[0.0, 0.0, 1e4, 1e4]).into_dyn());
        assert_eq!(session.run(dx)?, arr1(&[0.0, 0.0, 1.0, -1.0]).into_dyn());
        assert_eq!(session.run(dz)?, arr1(&[-1e4, 1e4, -1e4, 1e4]).into_dyn());
        assert_eq!(session.run(dense)?, arr1(&[2.0_f64.ln()]).into_dyn());
        assert_eq!(session.run(slope)?, arr2(&[[0.0, 0.0, 0.0]]).into_dyn());
    }
    Ok(())
}

#[test]
fn labels_that_do_not_fit_are_blamed_on_the_loss() {
    let g = Graph::new();
    let logits = g.placeholder::<f64>("logits", [4, 3]);
    let labels = g.placeholder::<i64>("labels", [4, 1]);
    let _ = logits.sparse_softmax_cross_entropy(labels);
    let error = g.check().unwrap_err().to_string();
    let expected = "expected a label for each row of logits of shape [4, 3], got labels of shape [4, 1], in \
                    `sparse_softmax_cross_entropy` (sparse_softmax_cross_entropy) built at tests/graph/ops_shapes.rs";
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn build_errors_in_images() {
    fn kernel<const N: usize>(g: &Graph, lengths: [usize; N]) -> Tensor<'_, f64> {
        g.placeholder("kernel", lengths)
    }
    check(&[
        (
            |g| built(of(g, [4, 5, 3]).max_pool2d(Window::of([2, 2]))),
            "expected images of [batch, height, width, channels], got shape [4, 5, 3], in `extract_patches` \
             (extract_patches)",
        ),
        (
            |g| built(fed(g, 4).avg_pool2d(Window::of([2, 0]))),
            "expected window size of at least 1 by 1, got 2 by 0, in `extract_patches` (extract_patches)",
        ),
        (
            |g| built(fed(g, 4).extract_patches(Window::of([2, 2]).strides([0, 1]))),
            "expected window strides of at least 1 by 1, got 0 by 1, in `extract_patches` (extract_patches)",
        ),
        (
            |g| built(fed(g, 4).extract_patches(Window::of([2, 2]).dilations([1, 0]))),
            "expected window dilations of at least 1 by 1, got 1 by 0, in `extract_patches` \
             (extract_patches)",
        ),
        (
            |g| built(of(g, [2, 4, 5, 3]).extract_patches(Window::of([3, 1]).dilations([2, 1]))),
            "expected a window of at most the height 4, padding included, got one that spans 5, in `extract_patches` \
             (extract_patches)",
        ),
        (
            |g| {
                let window = Window::of([1, 9]).padding(Padding::Explicit([(0, 0), (1, 2)]));
                built(of(g, [2, 4, 5, 3]).max_pool2d(window));
            },
            "expected a window of at most the width 8, padding included, got one that spans 9, in `extract_patches` \
             (extract_patches)",
        ),
        (
            |g| {
                let far = Window::of([2, 3]).dilations([1, usize::MAX]).padding(Padding::Same);
                built(of(g, [2, 4, 5, 3]).extract_patches(far));
            },
            "expected a window of at most the width 5, padding included, got one that spans 18446744073709551615, in \
             `extract_patches` (extract_patches)",
        ),
        (
            |g| {
                let far = Padding::Explicit([(usize::MAX, 1), (0, 0)]);
                built(of(g, [2, 4, 5, 3]).extract_patches(Window::of([1, 1]).padding(far)));
            },
            "the shape [2, 18446744073709551615, 5, 1, 1, 3] has too many elements to address, in \
             `extract_patches` (extract_patches)",
        ),
        (
            |g| built(of(g, [2, 4, 5, 3]).conv2d(kernel(g, [3, 3, 3]), Convolution::same())),
            "expected a kernel of [height, width, channels / groups, filters], all known while building, got shape [3, 3, 3], in \
             `conv2d` (conv2d)",
        ),
        (
            |g| built(of(g, [2, 4, 5, 3]).conv2d(fed(g, 4), Convolution::same())),
            "expected a kernel of [height, width, channels / groups, filters], all known while building, got shape [?, ?, ?, ?], \
             in `conv2d` (conv2d)",
        ),
        (
            |g| built(of(g, [2, 4, 5]).conv2d(kernel(g, [3, 3, 3, 1]), Convolution::same())),
            "expected images of [batch, height, width, channels], got shape [2, 4, 5], in `conv2d` (conv2d)",
        ),
        (
            |g| built(of(g, [2, 4, 5, 3]).conv2d(kernel(g, [3, 3, 2, 4]), Convolution::same().groups(2))),
            "expected images of 4 channels for a kernel of shape [3, 3, 2, 4] in 2 groups, got [2, 4, 5, 3] with 3, in \
             `conv2d` (conv2d)",
        ),
        (
            |g| built(of(g, [2, 4, 5, 3]).conv2d(kernel(g, [3, 3, 1, 4]), Convolution::same().groups(3))),
            "expected a number of groups that divides 4 filters, got 3, in `conv2d` (conv2d)",
        ),
        (
            |g| built(of(g, [2, 4, 5, 3]).conv2d(kernel(g, [3, 3, 1, 4]), Convolution::same().groups(0))),
            "expected a number of groups that divides 4 filters, got 0, in `conv2d` (conv2d)",
        ),
        (
            |g| built(of(g, [2, 4, 5, 3]).conv2d(kernel(g, [0, 3, 3, 4]), Convolution::same())),
            "expected window size of at least 1 by 1, got 0 by 3, in `conv2d` (conv2d)",
        ),
        (
            |g| built(of(g, [2, 4, 5, 3]).conv2d(kernel(g, [5, 3, 3, 4]), Convolution::valid())),
            "expected a window of at most the height 4, padding included, got one that spans 5, in `extract_patches` \
             (extract_patches)",
        ),
        (
            |g| built(of(g, [2, 3]).reshape_last(3, [6])),
            "expected at most 2 axes to replace, got 3, in `reshape_last` (reshape_last)",
        ),
        (
            |g| built(of(g, [2, 6]).reshape_last(1, [4, -1])),
            "expected lengths for as many elements as in [6], got [4, -1], in `reshape_last` (reshape_last)",
        ),
    ]);
}

#[test]
fn images_of_unknown_size_are_checked_when_fed() -> Result<()> {
    let g = Graph::new();
    let x = fed(&g, 4);
    let patches = x.extract_patches(Window::of([3, 3]));
    assert_eq!(patches.shape().to_string(), "[?, ?, ?, 3, 3, ?]");
    let session = Session::new(&g)?;
    let feed = |lengths: [usize; 4]| session.feed(x, &ArrayD::<f64>::zeros(lengths.as_slice())).run(patches);
    assert_eq!(feed([2, 7, 3, 1])?.shape(), [2, 2, 1, 3, 3, 1]);
    let error = feed([2, 7, 2, 1]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("expected a window of at most the width 2, padding included, got one that spans 3"),
        "{error}"
    );
    Ok(())
}
