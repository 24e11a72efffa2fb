//! What is promised where peers differ: at singular matrices, at equal eigenvalues, below the cut, and of what is read.

use flowgrad::linalg;
use flowgrad::ndarray::{arr1, arr2, arr3};
use flowgrad::prelude::*;

use crate::{apart, random, size};

#[test]
fn the_gradient_of_a_determinant_is_the_cofactors() {
    let rank_one = arr2(&[[1.0, 2.0], [2.0, 4.0]]).into_dyn();
    let g = Graph::new();
    let a = g.constant(rank_one);
    let [first] = linalg::det(a).gradients([a]);
    let second = hessian(linalg::det(a), a);
    let (first, second) = Session::new(&g).unwrap().run((first, second)).unwrap();
    assert!(apart(&first, &arr2(&[[4.0, -2.0], [-2.0, 1.0]]).into_dyn()) < 1e-14, "{first}");
    let expected = [[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, -1.0, 0.0], [0.0, -1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]];
    let second = second.into_shape_with_order(vec![4, 4]).unwrap();
    assert!(apart(&second, &arr2(&expected).into_dyn()) < 1e-14, "{second}");

    // Of rank 1 out of 3 they are 0, and not undefined.
    let g = Graph::new();
    let a = g.constant(arr2(&[[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 6.0, 9.0]]));
    let [first] = a.det().gradients([a]);
    assert!(size(&Session::new(&g).unwrap().run(first).unwrap()) < 1e-13);
}

#[test]
fn determinants_leave_the_range_only_where_they_must() {
    let g = Graph::new();
    let a = g.constant(arr2(&[[1e200, 0.0, 0.0], [0.0, 1e200, 0.0], [0.0, 0.0, 1e-300]]));
    let tiny = g.eye::<f64>(400) * 1e-3;
    let (det, tiny, (sign, logarithm)) =
        Session::new(&g).unwrap().run((a.det(), tiny.det(), tiny.slogdet())).unwrap();
    let det: f64 = det[[]];
    assert!((det - 1e100).abs() < 1e86);
    assert_eq!((tiny[[]], sign[[]]), (0.0, 1.0));
    assert!((logarithm[[]] / (400.0 * 1e-3_f64.ln()) - 1.0).abs() < 1e-14);
}

#[test]
fn slogdet_of_a_singular_matrix_is_0_and_minus_infinity() {
    let g = Graph::new();
    let (sign, logarithm) = g.constant(arr2(&[[1.0, 2.0], [2.0, 4.0]])).slogdet();
    let found = Session::new(&g).unwrap().run([sign, logarithm]).unwrap();
    assert_eq!((found[0][[]], found[1][[]]), (0.0, f64::NEG_INFINITY));
}

#[test]
fn gradients_at_equal_eigenvalues_are_finite_and_those_of_values_are_true() {
    let g = Graph::new();
    let a = g.constant(arr2(&[[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]));
    let (w, v) = a.eigh();
    let (u, s, vt) = a.svd();
    let [of_values] = w.square().reduce_sum(..).gradients([a]);
    let [of_singular_values] = s.square().reduce_sum(..).gradients([a]);
    let weights = g.constant(random(&[3, 3], 1));
    let [of_vectors] = (v.square() * weights).reduce_sum(..).gradients([a]);
    let [of_singular_vectors] = ((u * s).matmul(vt) * weights).reduce_sum(..).gradients([a]);
    let fetches = [of_values, of_singular_values, of_vectors, of_singular_vectors];
    let found = Session::new(&g).unwrap().run(fetches).unwrap();
    let twice = arr2(&[[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 2.0]]).into_dyn();
    assert!(apart(&found[0], &twice) < 1e-13 && apart(&found[1], &twice) < 1e-13);
    assert!(found.iter().flatten().all(|x| x.is_finite()), "{found:?}");
}

#[test]
fn eigenvalues_that_rounding_has_parted_count_as_equal() {
    // Q·diag(1, 1, 2)·Qᵀ, whose equal eigenvalues come out a few units in the last place apart.
    let g = Graph::new();
    let (q, _) = g.constant(random(&[3, 3], 8)).qr();
    let a = (q * g.constant(arr1(&[1.0, 1.0, 2.0]))).matmul_transposed(q, false, true);
    let (_, v) = a.eigh();
    let [gradient] = (v.square() * g.constant(random(&[3, 3], 2))).reduce_sum(..).gradients([a]);
    let found = Session::new(&g).unwrap().run(gradient).unwrap();
    assert!(size(&found) < 100.0, "{found}");
}

/// Functions of symmetric matrices, and gradients.
fn parts(a: Tensor<'_, f64>) -> Vec<Tensor<'_, f64>> {
    let [gradient] = a.cholesky().reduce_sum(..).gradients([a]);
    let [of_values] = a.eigvalsh().exp().reduce_sum(..).gradients([a]);
    vec![a.cholesky(), a.eigvalsh(), gradient, of_values]
}

#[test]
fn the_lower_triangle_is_read_and_the_gradient_is_symmetric() {
    let g = Graph::new();
    let a = g.constant(arr2(&[[4.0, f64::from(77), 1.0], [2.0, 10.0, -9.0], [0.5, 1.0, 3.0]]));
    let same = g.constant(arr2(&[[4.0, 2.0, 0.5], [2.0, 10.0, 1.0], [0.5, 1.0, 3.0]]));
    let session = Session::new(&g).unwrap();
    let (found, expected) = (session.run(parts(a)).unwrap(), session.run(parts(same)).unwrap());
    assert_eq!(found, expected);
    for gradient in &found[2..] {
        assert!(apart(gradient, &gradient.t().to_owned()) < 1e-14 * size(gradient));
    }
}

#[test]
fn small_singular_values_are_cut() {
    let g = Graph::new();
    let a = g.constant(arr2(&[[1.0, 0.0], [0.0, 1e-15], [0.0, 0.0]]));
    let b = g.constant(arr1(&[1.0, 1.0, 1.0]));
    // 10·3·ε is above 1e-15, and 3·ε below it.
    let (pinv, lstsq, all) = Session::new(&g).unwrap().run((a.pinv(), a.lstsq(b), a.pinv_with(0.0))).unwrap();
    assert_eq!(pinv, arr2(&[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]).into_dyn());
    assert!([lstsq[1], all[[1, 1]]].iter().all(|x: &f64| (x - 1e15).abs() < 1e3));
}

#[test]
fn forms_with_a_flag_go_on() {
    let g = Graph::new();
    let a = g.constant(arr3(&[
        [[4.0, 0.0], [0.0, 1.0]],
        [[1.0, 1.0], [1.0, 1.0]],
        [[f64::NAN, 0.0], [0.0, 1.0]],
    ]));
    let b = g.constant(arr1(&[4.0, 1.0]));
    let (x, solved) = linalg::try_solve(a, b);
    let (y, inverted) = linalg::try_inv(a);
    let (l, factored) = linalg::try_cholesky(a);
    let session = Session::new(&g).unwrap();
    let flags = session.run([solved, inverted, factored]).unwrap();
    assert_eq!(flags[0], arr1(&[true, false, false]).into_dyn());
    assert_eq!(flags[1], flags[0]);
    assert_eq!(flags[2], flags[0]);
    let (x, y, l) = session.run((x, y, l)).unwrap();
    assert_eq!([x[[0, 0]], x[[0, 1]], y[[0, 0, 0]], l[[0, 0, 0]]], [1.0, 1.0, 0.25, 2.0]);
    assert!(x[[1, 0]].is_nan() && y[[1, 0, 0]].is_nan() && l[[2, 0, 0]].is_nan());
}

#[test]
fn single_precision_is_as_good_as_it_can_be() {
    let g = Graph::new();
    let a = g.constant(random(&[20, 20], 3).mapv(|x| x as f32));
    let (q, r) = a.qr();
    let (u, s, vt) = a.svd();
    let positive = a.matmul_transposed(a, false, true) + g.eye::<f32>(20);
    let l = positive.cholesky();
    let errors = [
        q.matmul(r) - a,
        (u * s).matmul(vt) - a,
        l.matmul_transposed(l, false, true) - positive,
        (a * 0.1).expm().matmul((a * -0.1).expm()) - g.eye::<f32>(20),
    ];
    for error in Session::new(&g).unwrap().run(errors).unwrap() {
        assert!(error.iter().all(|x| x.abs() < 2e-5), "{error}");
    }
}

#[test]
fn numbers_at_the_ends_of_the_range_are_taken() -> Result<()> {
    use flowgrad::ndarray::Array2;
    let g = Graph::new();
    // The sum of a column is beyond all numbers, and so is the exponential.
    let huge = g.constant(arr2(&[[1e308, 0.0], [1e308, 0.0]])).expm();
    let session = Session::new(&g)?;
    assert!(session.run(huge).map_or(true, |found| found.iter().any(|x: &f64| !x.is_finite())));
    let shrunk = g.constant(arr2(&[[-800.0, 0.0], [0.0, 1.0]])).expm();
    let shrunk = session.run(shrunk)?;
    assert!(shrunk[[0, 0]] == 0.0 && (shrunk[[1, 1]] - 1.0_f64.exp()).abs() < 1e-12, "{shrunk}");

    for (x, n) in [(1e308_f64, 23), (1e-308, 25), (5e-324, 8)] {
        let (sign, logarithm) = g.constant(Array2::<f64>::eye(n) * x).slogdet();
        let (sign, logarithm) = session.run((sign, logarithm))?;
        let expected = n as f64 * x.ln();
        assert!(sign[[]] == 1.0 && (logarithm[[]] / expected - 1.0).abs() < 1e-14, "{x}: {logarithm}");
    }
    // What is not read may be anything.
    let lower = g.constant(arr2(&[[4.0, f64::NAN], [2.0, 10.0]]));
    assert_eq!(session.run(lower.cholesky())?, arr2(&[[2.0, 0.0], [1.0, 3.0]]).into_dyn());
    assert!(session.run(lower.eigvalsh())?.iter().all(|x: &f64| x.is_finite()));
    Ok(())
}
