//! Clipping by norms against plain loops over arrays, at the corners, and among the options of an optimizer.

use flowgrad::ndarray::{Array1, ArrayD, arr1, arr2};
use flowgrad::optimizer::{clip_by_global_norm, clip_by_norm, global_norm};
use flowgrad::prelude::*;
use proptest::prelude::*;

/// √Σ x², by a plain loop.
fn norm<'a>(numbers: impl IntoIterator<Item = &'a f64>) -> f64 {
    numbers.into_iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// What clipping each array by itself gives and all together, and the norm of all.
type Clipped = (Vec<ArrayD<f64>>, Vec<ArrayD<f64>>, f64);

fn clipped(arrays: &[ArrayD<f64>], limit: f64) -> Result<Clipped> {
    let g = Graph::new();
    let xs: Vec<_> = arrays.iter().map(|x| g.placeholder::<f64>("x", x.shape())).collect();
    let each: Vec<_> = xs.iter().map(|&x| clip_by_norm(x, limit)).collect();
    let fetches = (each, clip_by_global_norm(&xs, limit), global_norm(&g, &xs));
    let session = Session::new(&g)?;
    let unused = session.feed(g.placeholder::<f64>("unused", ()), 0.0);
    let feeding = xs.iter().zip(arrays).fold(unused, |feeding, (&x, array)| feeding.feed(x, array));
    let (each, all, norm) = feeding.run(fetches)?;
    Ok((each, all, norm.sum()))
}

fn assert_scaled(found: &ArrayD<f64>, x: &ArrayD<f64>, norm: f64, limit: f64) {
    if norm <= limit * (1.0 - 1e-12) {
        assert_eq!(found, x, "what is short enough stays, bit for bit");
    }
    let factor = if norm > limit { limit / norm } else { 1.0 };
    assert!((found - x * factor).iter().all(|e| e.abs() <= 1e-13 * limit), "{found} for {x} times {factor}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn clipping_is_scaling_to_the_limit(
        arrays in prop::collection::vec(prop::collection::vec(-10.0..10.0_f64, 0..40), 1..5),
        limit in 0.1..60.0_f64,
    ) {
        let arrays: Vec<_> = arrays.into_iter().map(|x| Array1::from(x).into_dyn()).collect();
        let (each, all, found) = clipped(&arrays, limit).unwrap();
        let whole = norm(arrays.iter().flatten());
        assert!((found - whole).abs() <= 1e-13 * whole);
        for ((x, each), all) in arrays.iter().zip(&each).zip(&all) {
            assert_scaled(each, x, norm(x), limit);
            assert_scaled(all, x, whole, limit);
            assert!(norm(each) <= limit * (1.0 + 1e-14));
        }
        assert!(norm(all.iter().flatten()) <= limit * (1.0 + 1e-14));
    }
}

#[test]
fn zeros_and_nothing_stay() -> Result<()> {
    let arrays = [ArrayD::zeros(vec![2, 3]), ArrayD::zeros(vec![0]), ArrayD::zeros(vec![])];
    let (each, all, norm) = clipped(&arrays, 0.5)?;
    assert_eq!((each.as_slice(), all.as_slice(), norm), (&arrays[..], &arrays[..], 0.0));
    let g = Graph::new();
    assert!(clip_by_global_norm::<f64>(&[] as &[Tensor<'_, f64>], 1.0).is_empty());
    assert_eq!(Session::new(&g)?.run(global_norm::<f32>(&g, &[] as &[Tensor<'_, f32>]))?.sum(), 0.0);
    Ok(())
}

#[test]
fn a_norm_at_the_limit_changes_no_bit() -> Result<()> {
    let arrays = [arr1(&[3.0, 4.0]).into_dyn(), arr1(&[0.0, 12.0]).into_dyn()];
    assert_eq!(clipped(&arrays[..1], 5.0)?.0, arrays[..1]);
    assert_eq!(clipped(&arrays, 13.0)?.1, arrays);
    Ok(())
}

/// As TensorFlow: a norm of all that is not finite makes all NaN; of one tensor, it leaves no finite element.
#[test]
fn norms_that_are_not_finite() -> Result<()> {
    for bad in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        let arrays = [arr1(&[1.0, bad]).into_dyn(), arr1(&[1.0]).into_dyn()];
        let (each, all, norm) = clipped(&arrays, 1.0)?;
        assert!(all.iter().flatten().all(|x| x.is_nan()));
        assert!(!norm.is_finite());
        assert!(each[0][[1]].is_nan());
        assert_eq!(each[0][[0]].is_nan(), bad.is_nan());
        assert_eq!(each[1], arrays[1]);
    }
    Ok(())
}

#[test]
fn slopes_through_clipping_are_numbers_also_at_zero() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr2(&[[0.0, 0.0], [3.0, 4.0]]));
    let [zero, long] = <[_; 2]>::try_from(x.unstack(0)).unwrap();
    let [of_norm] = clip_by_norm(zero, 1.0).gradients([zero]);
    let [of_global_norm] = clip_by_global_norm(&[zero], 1.0)[0].gradients([zero]);
    let [of_same] = clip_by_norm(long, 10.0).gradients([long]);
    for slope in Session::new(&g)?.run([of_norm, of_global_norm, of_same])? {
        assert_eq!(slope, arr1(&[1.0, 1.0]).into_dyn());
    }
    check_gradients(&g, clip_by_norm(long, 1.0), &[long])?.assert_close(1e-6);
    Ok(())
}

#[test]
fn clips_apply_in_the_order_in_which_they_are_asked_for() -> Result<()> {
    let after = |build: for<'g> fn(Sgd, Tensor<'g, f64>) -> Operation<'g>| {
        let g = Graph::new();
        let w = g.variable("w", arr1(&[0.0, 0.0]));
        let train = build(Sgd::new(1.0), w * g.constant(arr1(&[-3.0, -4.0])));
        let session = Session::new(&g)?;
        session.run(train)?;
        session.run(w)
    };
    let value_first = after(|sgd, loss| sgd.clip_by_value(3.0).clip_by_norm(3.0).minimize(loss))?;
    let norm_first = after(|sgd, loss| sgd.clip_by_norm(3.0).clip_by_value(2.0).minimize(loss))?;
    let diagonal = 3.0 / 2.0_f64.sqrt();
    assert!((value_first - arr1(&[diagonal, diagonal]).into_dyn()).iter().all(|e| e.abs() < 1e-14));
    assert!((norm_first - arr1(&[1.8, 2.0]).into_dyn()).iter().all(|e| e.abs() < 1e-14));
    Ok(())
}

/// The norm is of all gradients together, before weight decay.
#[test]
fn the_global_norm_is_over_all_variables() -> Result<()> {
    let g = Graph::new();
    let [a, b] = ["a", "b"].map(|name| g.variable(name, 1.0_f64));
    let train = Sgd::new(1.0).weight_decay(0.5).clip_by_global_norm(1.0).minimize(a * 3.0 + b * 4.0);
    let session = Session::new(&g)?;
    session.run(train)?;
    let [a, b] = session.run([a, b])?.map(|x| x.sum());
    assert!((a - (1.0 - 0.6 - 0.5)).abs() < 1e-15 && (b - (1.0 - 0.8 - 0.5)).abs() < 1e-15, "{a} {b}");
    Ok(())
}
