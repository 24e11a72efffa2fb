//! Products with vectors where there is no path: zeros instead of an error.

use flowgrad::fault::GradientFault;
use flowgrad::ndarray::{ArrayD, arr0, arr1, arr2};
use flowgrad::prelude::*;

#[test]
fn what_depends_on_no_target_has_zeros() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let n = g.placeholder::<f64>("n", [None]);
    let v = g.placeholder::<f64>("v", [None]);
    let y = (x * x).reduce_sum(-1);
    let along = jvp_or_zeros(y, &[n, v], &[v, n]);
    let curved = hessian_vector_product_or_zeros(y, &[n], &[v])[0];
    // What is cut off, or an integer, is no path.
    let cut = jvp_or_zeros(x.stop_gradient().reduce_sum(-1) + n.cast::<i64>().cast::<f64>(), &[n], &[v]);
    g.check()?;
    let fed = (arr2(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), arr1(&[7.0, 8.0, 9.0]));
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        let feeding = session.feed(x, &fed.0).feed(n, &fed.1).feed(v, &fed.1);
        for found in feeding.run([along, curved, cut])? {
            assert_eq!(found, ArrayD::zeros(vec![3]));
        }
    }
    Ok(())
}

/// Where there is a path, they are what the others give, and can be differentiated again.
#[test]
fn what_depends_on_a_target_is_as_without_zeros() -> Result<()> {
    let g = Graph::new();
    let [x, unused] = [g.constant(arr1(&[1.0, 2.0])), g.constant(arr0(5.0))];
    let v = g.constant(arr1(&[10.0, 100.0]));
    let y = x * x * x;
    let along = jvp_or_zeros(y, &[x], &[v]);
    let curved = hessian_vector_product_or_zeros(y, &[x], &[v])[0];
    let both = Gradients::of([jvp_or_zeros(y, &[unused], &[unused]) + along]).wrt(&[x])[0];
    let session = Session::new(&g)?;
    let pairs = (along, jvp(y, &[x], &[v]), curved, hessian_vector_product(y, &[x], &[v])[0]);
    let (along, expected, curved, expected_curved) = session.run(pairs)?;
    assert_eq!((along, curved.clone()), (expected, expected_curved));
    assert_eq!(session.run(both.expect("a path"))?, curved);
    Ok(())
}

#[test]
fn other_errors_stay() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [2]);
    jvp_or_zeros(x, &[x], &[x, x]);
    let Err(Error::Build(error)) = g.check() else { panic!("expected a build error") };
    assert_eq!(error.fault.downcast_ref(), Some(&GradientFault::VectorCount { xs: 1, vectors: 2 }));
    assert_eq!(error.site.op, "jvp_or_zeros");
    assert!(error.to_string().contains(file!()), "{error}");

    let g = Graph::new();
    let [x, n] = ["x", "n"].map(|name| g.placeholder::<f64>(name, [2]));
    let found = hessian_vector_product_or_zeros(x, &[n], &[g.constant(arr1(&[1.0, 2.0, 3.0]))]);
    assert_eq!(found.len(), 1);
    let Err(Error::Build(error)) = g.check() else { panic!("expected a build error") };
    assert!(matches!(error.fault.downcast_ref(), Some(GradientFault::VectorShape { .. })));
}
