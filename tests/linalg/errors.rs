//! What is refused, with the node, what was expected and what there is: shapes while building, elements in a run.

use flowgrad::Fault;
use flowgrad::fault::LinalgFault;
use flowgrad::linalg::LinalgError;
use flowgrad::ndarray::{ArrayD, arr2, arr3};
use flowgrad::op::KernelError;
use flowgrad::prelude::*;

use crate::random;

type T<'g> = Tensor<'g, f64>;

/// The reason why a run fails, where in the batch, and the message.
fn failure(a: ArrayD<f64>, build: impl for<'g> Fn(T<'g>) -> T<'g>) -> (LinalgError, Vec<usize>, String) {
    let g = Graph::new();
    let y = build(g.constant(a));
    let error = Session::builder(&g).threads(2).build().unwrap().run(y).unwrap_err();
    let words = error.to_string();
    let Error::Kernel { reason: KernelError::InBatch { at, reason }, .. } = error else {
        panic!("got {words}")
    };
    (reason.downcast_ref::<LinalgError>().unwrap().clone(), at, words)
}

#[test]
fn what_is_not_positive_definite_is_named() {
    let a = arr3(&[[[4.0, 0.0], [0.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]]]).into_dyn();
    let (reason, at, words) = failure(a, |a| a.cholesky().named("factor"));
    assert_eq!((reason, at), (LinalgError::NotPositiveDefinite { minor: 2 }, vec![1]));
    assert!(words.contains("leading minor of order 2 is not positive"), "{words}");
    assert!(words.contains("factor") && words.contains("at [1] of the batch"), "{words}");

    // Large enough for several tasks, and for factors by blocks.
    let mut batch = ArrayD::zeros(vec![40, 2, 20, 20]);
    for place in 0..40 * 2 {
        for i in 0..20 {
            batch[[place / 2, place % 2, i, i]] = 1.0;
        }
    }
    batch[[37, 1, 18, 18]] = -1.0;
    let (reason, at, _) = failure(batch, |a| a.cholesky());
    assert_eq!((reason, at), (LinalgError::NotPositiveDefinite { minor: 19 }, vec![37, 1]));
}

#[test]
fn singular_matrices_are_named() {
    let a = || arr2(&[[1.0, 2.0], [2.0, 4.0]]).into_dyn();
    for build in [|a: T<'_>| a.inv(), |a: T<'_>| a.matrix_power(-1)] as [for<'g> fn(T<'g>) -> T<'g>; 2] {
        let (reason, at, words) = failure(a(), build);
        assert_eq!((reason, at), (LinalgError::Singular { pivot: 1 }, vec![]));
        assert!(words.contains("inv"), "{words}");
    }
    let (reason, ..) = failure(a(), |a| a.solve(a));
    assert_eq!(reason, LinalgError::Singular { pivot: 1 });
    let (reason, ..) = failure(a(), |a| a.slogdet().1.gradients([a])[0]);
    assert_eq!(reason, LinalgError::Singular { pivot: 1 });
    let (reason, ..) = failure(arr2(&[[0.0, 1.0], [1.0, 1.0]]).into_dyn(), |a| a.triangular_solve(a));
    assert_eq!(reason, LinalgError::Singular { pivot: 0 });
}

#[test]
fn numbers_that_are_not_finite_are_named() {
    let ops: [for<'g> fn(T<'g>) -> T<'g>; 13] = [
        |a| a.cholesky(),
        |a| a.lu().0,
        |a| a.solve(a.ones_like()),
        |a| a.inv(),
        |a| a.det(),
        |a| a.slogdet().1,
        |a| a.qr().0,
        |a| a.eigh().0,
        |a| a.eigvalsh(),
        |a| a.svd().1,
        |a| a.svdvals(),
        |a| a.pinv(),
        |a| a.expm(),
    ];
    for (found, shown) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        for op in ops {
            let mut a = random(&[3, 3, 3], 1) * 0.1;
            (0..9).for_each(|place| a[[place / 3, place % 3, place % 3]] = 1.0);
            a[[2, 1, 0]] = found;
            let (reason, at, words) = failure(a, op);
            assert_eq!(
                (reason, at),
                (LinalgError::NotFinite { row: 1, column: 0, found: shown.to_owned() }, vec![2])
            );
            assert!(words.contains(shown), "{words}");
        }
    }
}

/// The fault of what cannot be built.
fn fault(shapes: &[&[usize]], build: impl for<'g> Fn(&[T<'g>]) -> T<'g>) -> Fault {
    let g = Graph::new();
    let xs: Vec<T<'_>> = shapes.iter().map(|&shape| g.placeholder::<f64>("x", shape)).collect();
    build(&xs);
    let Err(Error::Build(error)) = g.check() else { panic!("expected a build error of {shapes:?}") };
    error.fault
}

#[test]
fn shapes_that_do_not_fit_are_build_errors() {
    let square: [for<'g> fn(T<'g>) -> T<'g>; 9] = [
        |a| a.cholesky(),
        |a| a.logdet(),
        |a| a.inv(),
        |a| a.det(),
        |a| a.slogdet().0,
        |a| a.eigh().1,
        |a| a.eigvalsh(),
        |a| a.expm(),
        |a| a.matrix_power(1),
    ];
    for op in square {
        let found = fault(&[&[2, 3]], |x| op(x[0]));
        assert!(matches!(found.downcast_ref(), Some(LinalgFault::NotSquare { .. })), "{found}");
        let found = fault(&[&[3]], |x| op(x[0]));
        assert!(matches!(found.downcast_ref(), Some(LinalgFault::NoMatrix { .. })), "{found}");
    }
    let matrices: [for<'g> fn(T<'g>) -> T<'g>; 6] =
        [|a| a.lu().0, |a| a.qr().0, |a| a.svd().0, |a| a.svdvals(), |a| a.pinv(), |a| a.matrix_norm("fro")];
    for op in matrices {
        let found = fault(&[&[3]], |x| op(x[0]));
        assert!(matches!(found.downcast_ref(), Some(LinalgFault::NoMatrix { .. })), "{found}");
    }
    let sides: [for<'g> fn(T<'g>, T<'g>) -> T<'g>; 3] =
        [|a, b| a.solve(b), |a, b| a.triangular_solve(b), |a, b| a.lstsq(b)];
    for op in sides {
        for right in [&[2][..], &[2, 3]] {
            let found = fault(&[&[3, 3], right], |x| op(x[0], x[1]));
            assert!(matches!(found.downcast_ref(), Some(LinalgFault::Rows { .. })), "{found}");
        }
        assert!(fault(&[&[2, 3, 3], &[4, 3, 1]], |x| op(x[0], x[1])).to_string().contains("broadcast"));
    }
    let found = fault(&[&[2, 2]], |x| x[0].matrix_norm("largest"));
    assert!(found.to_string().contains("`largest`"), "{found}");
    let found = fault(&[&[2, 2]], |x| x[0].pinv_with(f64::NAN));
    assert!(found.to_string().contains("NaN"), "{found}");
}

#[test]
fn shapes_that_are_known_only_when_fed_are_refused_then() {
    let g = Graph::new();
    let a = g.placeholder::<f64>("a", [None, None]);
    let y = a.cholesky();
    let session = Session::new(&g).unwrap();
    let error = session.feed(a, &arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])).run(y).unwrap_err();
    assert!(error.to_string().contains("expected square matrices, got [2, 3]"), "{error}");
    let one = session.feed(a, &arr2(&[[4.0]])).run(y).unwrap();
    assert_eq!(one[[0, 0]], 2.0);
}

#[test]
fn gradients_that_are_not_determined_are_refused() {
    fn of_qr<'g>(x: &[T<'g>]) -> T<'g> {
        x[0].qr_with(true).0.reduce_sum(..).gradients([x[0]])[0]
    }
    fn of_svd<'g>(x: &[T<'g>]) -> T<'g> {
        x[0].svd_with(true).0.reduce_sum(..).gradients([x[0]])[0]
    }
    for found in [fault(&[&[3, 2]], of_qr), fault(&[&[3, 2]], of_svd), fault(&[&[2, 3]], of_svd)] {
        assert!(matches!(found.downcast_ref(), Some(LinalgFault::NoDerivative { .. })), "{found}");
    }
    // Through values alone, and of as many vectors as the matrix determines, there is one.
    let g = Graph::new();
    let a = g.placeholder::<f64>("a", [2, 3]);
    a.svd_with(true).1.reduce_sum(..).gradients([a]);
    a.qr_with(true).0.reduce_sum(..).gradients([a]);
    g.check().unwrap();
}
