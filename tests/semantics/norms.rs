//! Lines 20 and 22 for `norm`, `clip_by_norm` and `global_norm`: beyond where squares leave the range, and at 0.

use flowgrad::ndarray::{Array2, ArrayD, arr1, arr2};
use flowgrad::optimizer::{clip_by_global_norm, clip_by_norm, global_norm};
use flowgrad::prelude::*;

const INF: f64 = f64::INFINITY;

/// What is fetched, optimized or not.
fn both(g: &Graph, fetches: &[Tensor<'_, f64>]) -> Result<[Vec<ArrayD<f64>>; 2]> {
    let run = |optimize| Session::builder(g).optimize(optimize).build()?.run(fetches.to_vec());
    Ok([run(true)?, run(false)?])
}

fn near(found: f64, expected: f64) -> bool {
    found == expected || (found / expected - 1.0).abs() < 1e-14
}

#[test]
fn norms_leave_the_range_only_where_the_result_does() -> Result<()> {
    let tiny = f64::from_bits(1);
    let rows = [
        ([3e200, 4e200], 5e200),
        ([3e-200, 4e-200], 5e-200),
        ([3.0, 4.0], 5.0),
        ([3e200, 4e-200], 3e200),
        ([1e-160, 1e-160], 1e-160 * 2_f64.sqrt()),
        ([1e154, 1e154], 1e154 * 2_f64.sqrt()),
        ([1.3e154, 1.0], 1.3e154),
        ([3.0 * tiny, 4.0 * tiny], 5.0 * tiny),
        ([0.6 * f64::MAX, 0.8 * f64::MAX], f64::MAX),
        ([f64::MAX, f64::MAX], INF),
        ([INF, 1.0], INF),
        ([-0.0, 0.0], 0.0),
    ];
    let g = Graph::new();
    let x = g.constant(Array2::from_shape_fn((rows.len(), 2), |(row, i)| rows[row].0[i]));
    let whole: Vec<Tensor<'_, f64>> = rows.iter().map(|row| g.constant(arr1(&row.0)).norm(..)).collect();
    let [slopes] = x.norm(1).gradients([x]);
    for found in both(&g, &[&[x.norm(1), x.transpose().norm(0), slopes], &*whole].concat())? {
        for (index, (elements, norm)) in rows.into_iter().enumerate() {
            for norms in &found[..2] {
                assert!(near(norms[index], norm), "of {elements:?}: {}, not {norm}", norms[index]);
            }
            assert!(near(found[3 + index].sum(), norm), "of all of {elements:?}: {}", found[3 + index]);
            // Of the largest numbers the norm has a slope as of others; where it is 0, that is 0.
            if norm.is_finite() && norm >= 1e-300 {
                for (i, x) in elements.into_iter().enumerate() {
                    assert!(near(found[2][[index, i]], x / norm), "slope {}", found[2][[index, i]]);
                }
            }
        }
        assert_eq!((found[2][[11, 0]], found[2][[11, 1]]), (0.0, 0.0));
    }
    let single = g.constant(arr2(&[[3e30_f32, 4e30], [3e-30, 4e-30]]));
    let [slopes] = single.norm(1).gradients([single]);
    let (norms, slopes) = Session::new(&g)?.run((single.norm(1), slopes))?;
    assert_eq!(norms, arr1(&[5e30_f32, 5e-30]).into_dyn());
    assert!(
        slopes.iter().zip([0.6_f32, 0.8, 0.6, 0.8]).all(|(slope, expected)| (slope - expected).abs() < 1e-6)
    );
    Ok(())
}

#[test]
fn clipping_leaves_the_range_only_where_the_result_does() -> Result<()> {
    let g = Graph::new();
    let (large, small) = (g.constant(arr1(&[3e200, 4e200])), g.constant(arr1(&[3e-200, 4e-200])));
    let together = clip_by_global_norm(&[large, small, large], 2.5);
    let fetches = [
        clip_by_norm(large, 2.5),
        clip_by_norm(small, 2.5e-200),
        clip_by_norm(small, 1.0),
        together[0],
        together[1],
        global_norm(&g, &[large, small]),
        global_norm(&g, &[small, small, small, small]),
    ];
    let root = 2.0_f64.sqrt();
    let expected = [
        vec![1.5, 2.0],
        vec![1.5e-200, 2e-200],
        vec![3e-200, 4e-200],
        vec![1.5 / root, 2.0 / root],
        vec![0.0, 0.0],
        vec![5e200],
        vec![1e-199],
    ];
    for found in both(&g, &fetches)? {
        for (found, expected) in found.iter().zip(&expected) {
            assert!(found.iter().zip(expected).all(|(&a, &b)| near(a, b)), "{found}, not {expected:?}");
        }
    }
    Ok(())
}

/// Holds clipping of the largest numbers to plain scaling: values and slopes, at limits of any size.
macro_rules! clipping_of_the_largest {
    ($type:ident, $limits:expr) => {
        let most = $type::MAX;
        for limit in $limits {
            let g = Graph::new();
            let x = g.constant(arr1(&[most, -most, most * 0.5, 0.0]));
            let alone = clip_by_norm(x, f64::from(limit));
            let first = g.constant(arr1(&[most, -most]));
            let second = g.constant(arr1(&[most * 0.5, 0.0]));
            let together = clip_by_global_norm(&[first, second], f64::from(limit));
            let joined = g.concat(&together, 0);
            let weights = g.constant(arr1(&[1.0, 0.0, 0.0, 0.0]));
            let slope = (alone * weights).gradients([x])[0];
            // ‖x‖ = 1.5·most.
            let unit = [2.0 / 3.0, -2.0 / 3.0, 1.0 / 3.0, 0.0];
            let factor = limit / most / 1.5;
            let slopes = [0, 1, 2, 3]
                .map(|i| factor * ($type::from(u8::from(i == 0)) - (unit[0] as $type) * (unit[i] as $type)));
            for optimize in [true, false] {
                let session = Session::builder(&g).optimize(optimize).build()?;
                let [alone, joined, slope] = session.run([alone, joined, slope])?;
                for i in 0..4 {
                    let expected = limit * (unit[i] as $type);
                    for found in [alone[i], joined[i]] {
                        let apart = (found - expected).abs();
                        assert!(
                            apart <= 4.0 * $type::EPSILON * expected.abs(),
                            "{limit:e}: {found:e}, {expected:e}"
                        );
                    }
                    let apart = (slope[i] - slopes[i]).abs();
                    let least = 4.0 * $type::from_bits(1);
                    assert!(
                        apart <= 16.0 * $type::EPSILON * factor + least,
                        "slope at {limit:e}: {:e}, not {:e}",
                        slope[i],
                        slopes[i]
                    );
                }
            }
        }
    };
}

/// Line 20: the norm of the largest numbers overflows, what is clipped does not. Limits are held as closely as others.
#[test]
fn clipping_the_largest_numbers() -> Result<()> {
    clipping_of_the_largest!(f32, [1e-20_f32, 1e-3, 1.0, 100.0, 1e10, 1e30, 1e38]);
    clipping_of_the_largest!(f64, [1e-250_f64, 1e-3, 1.0, 100.0, 1e100, 1e300, 1e308]);
    // What is beyond the limit by less keeps its digits as well, and what is within it every bit.
    let g = Graph::new();
    let x = g.constant(arr1(&[3e37_f32, 4e37, 3e7]));
    let large = g.constant(arr1(&[1.5e38_f32, 1.5e38, 1e-20]));
    let tiny = g.constant(arr1(&[3e-44_f32, 4e-44]));
    let fetches = [
        clip_by_norm(x, 5e-2),
        clip_by_norm(large, 3e38),
        clip_by_norm(large, f64::from(f32::MAX)),
        clip_by_norm(tiny, 1e-43),
    ];
    for optimize in [true, false] {
        let found = Session::builder(&g).optimize(optimize).build()?.run(fetches)?;
        let near = |found: f32, expected: f32| (found - expected).abs() <= 2e-7 * expected;
        assert!(
            near(found[0][0], 3e-2) && near(found[0][1], 4e-2) && near(found[0][2], 3e-32),
            "{}",
            found[0]
        );
        for unchanged in &found[1..3] {
            assert_eq!(unchanged, arr1(&[1.5e38_f32, 1.5e38, 1e-20]).into_dyn());
        }
        assert_eq!(found[3], arr1(&[3e-44_f32, 4e-44]).into_dyn());
    }
    Ok(())
}

/// Line 22: second derivatives, of numbers near 1 and of those whose squares leave the range.
#[test]
fn line_22_hessians_of_norms() -> Result<()> {
    for scale in [1.0, 1e200, 1e-200] {
        let g = Graph::new();
        let x = g.constant(arr1(&[3.0 * scale, 4.0 * scale]));
        // (I - u·uᵀ)/‖x‖ with u = (3, 4)/5.
        let expected = [[0.64, -0.48], [-0.48, 0.36]].map(|row| row.map(|entry| entry / (5.0 * scale)));
        for found in both(&g, &[hessian(x.norm(..), x), hessian(global_norm(&g, &[x, x * 0.0]), x)])? {
            for found in found {
                for (index, &entry) in found.indexed_iter() {
                    let expected = expected[index[0]][index[1]];
                    assert!((entry / expected - 1.0).abs() < 1e-12, "{entry}, not {expected}");
                }
            }
        }
    }
    Ok(())
}

/// Line 22: the square of a norm is smooth at 0, however it is written, also where the lengths are not known.
#[test]
fn line_22_hessians_of_squared_norms_at_zero() -> Result<()> {
    type Function = for<'g> fn(Tensor<'g, f64>) -> Tensor<'g, f64>;
    // Each is 1, 2, .. times Σ x² near 0.
    let functions: [(Function, f64); 24] = [
        (|x| x.norm(..).square(), 1.0),
        (|x| x.norm(0) * x.norm(0), 1.0),
        (|x| x.norm(Axes::all().keep_dims()).square() * 3.0, 3.0),
        (|x| (x.norm(..) * 2.0) * x.norm(..) - x.norm(..).square(), 1.0),
        (|x| (x.norm(..).square() * 2.0).sin(), 2.0),
        (|x| x.norm(..).square() + x.norm(..).square().square(), 1.0),
        (|x| x.norm([]).square().reduce_sum(..), 1.0),
        (|x| (x.norm(..) / 2.0).square() * 4.0, 1.0),
        (|x| x.norm(..).squared_difference(x.norm(..) * 3.0), 4.0),
        (|x| x.norm(..).identity().square(), 1.0),
        (|x| x.norm(Axes::all().keep_dims()).mean_squared_error(x.norm(Axes::all().keep_dims()) * 2.0), 1.0),
        (|x| x.greater(1.0).select(x.ln(), x.norm(..).square() / 2.0).reduce_sum(..), 1.0),
        (|x| x.norm(..).pow(2.0), 1.0),
        (|x| x.norm(..).pow(2.0) * 2.0 + x.norm(..).pow(4.0), 2.0),
        (|x| x.norm(..).pow(1.0) * x.norm(..), 1.0),
        (|x| x.norm(..).reshape([1, 1]).square().reduce_sum(..), 1.0),
        (|x| (x.norm(..).reshape([1, 1]) * 3.0).reshape([1]).square().reduce_sum(..), 9.0),
        (|x| x.norm(..).expand_dims(0).expand_dims(0).transpose().pow(2.0).squeeze(..), 1.0),
        (|x| x.norm(Axes::all().keep_dims()).squeeze(0).square(), 1.0),
        (|x| (x.norm([]).expand_dims(1) * x.norm([]).expand_dims(1)).reduce_sum(..), 1.0),
        (|x| x.norm([]).expand_dims(0).transpose_perm([1, 0]).square().reduce_sum(..), 1.0),
        (|x| x.norm(..).broadcast_to([3]).square().reduce_sum(..), 3.0),
        (|x| x.norm(..).broadcast_to([2, 3]).reshape([6]).square().reduce_mean(..), 1.0),
        (|x| x.norm(Axes::all().keep_dims()).dot(x.norm(Axes::all().keep_dims())), 1.0),
    ];
    for (index, (function, times)) in functions.into_iter().enumerate() {
        let expected = Array2::<f64>::eye(2).into_dyn() * (2.0 * times);
        let g = Graph::new();
        let x = g.constant(arr1(&[0.0, 0.0]));
        let [first] = function(x).gradients([x]);
        for found in both(&g, &[first, hessian(function(x), x)])? {
            assert_eq!(found[0], arr1(&[0.0, 0.0]).into_dyn(), "function {index}");
            assert_eq!(found[1], expected, "function {index}");
        }
        let unknown = g.placeholder::<f64>("x", [None]);
        let v = g.constant(arr1(&[1.0, 1.0]));
        let product = hessian_vector_product(function(unknown), &[unknown], &[v]);
        let product = Session::new(&g)?.feed(unknown, &arr1(&[0.0, 0.0])).run(product[0])?;
        assert_eq!(product, arr1(&[2.0 * times; 2]).into_dyn(), "function {index}");
    }
    // ‖x‖⁴ = (Σ x²)²: its fourth derivative by one element is 24.
    let g = Graph::new();
    let x = g.constant(arr1(&[0.0]));
    let mut derivative = x.norm(..).square().square();
    for _ in 0..4 {
        derivative = derivative.gradients([x])[0];
    }
    assert_eq!(Session::new(&g)?.run(derivative)?.sum(), 24.0);
    Ok(())
}

/// Line 22: elements that are brought to other places are no multiple of the norms.
#[test]
fn line_22_slopes_of_norms_that_change_places() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr2(&[[3.0, 4.0], [0.0, 2.0], [0.0, 1.0], [6.0, 8.0]]));
    let square = x.reshape([2, 2, 2]).norm(-1);
    let row = x.norm(1).reshape([1, 4]);
    let whole = [
        // n = [[5, 2], [1, 10]].
        (square * square.transpose()).reduce_sum(..),
        (square.transpose() * square.transpose()).transpose().reduce_sum(0),
        (square.transpose().reshape([4]) * square.reshape([4])).reduce_sum(..),
        (square.transpose().reshape([4]).square().reshape([2, 2]).transpose() * square).reduce_sum(..),
        square.pow(1.5).reduce_sum(..),
        square.pow(0.5).reduce_sum(..),
        (row * row.reshape([4]).reshape([4, 1])).reduce_sum(..),
        (row * row.reshape([1, 4, 1])).reduce_sum(..),
    ];
    let by_norm = [
        [10.0, 2.0, 4.0, 20.0],
        [10.0, 4.0, 2.0, 20.0],
        [10.0, 2.0, 4.0, 20.0],
        [75.0, 12.0, 3.0, 300.0],
        [1.5 * 5.0_f64.sqrt(), 1.5 * 2.0_f64.sqrt(), 1.5, 1.5 * 10.0_f64.sqrt()],
        [0.5 / 5.0_f64.sqrt(), 0.5 / 2.0_f64.sqrt(), 0.5, 0.5 / 10.0_f64.sqrt()],
        [36.0; 4],
        [36.0; 4],
    ];
    let slopes = whole.map(|y| y.gradients([x])[0]);
    for found in both(&g, &slopes)? {
        for (index, (found, by_norm)) in found.iter().zip(by_norm).enumerate() {
            let units = [[0.6, 0.8], [0.0, 1.0], [0.0, 1.0], [0.6, 0.8]];
            let expected = Array2::from_shape_fn((4, 2), |(row, i)| units[row][i] * by_norm[row]);
            let near = (found - &expected).iter().all(|apart| apart.abs() < 1e-12);
            assert!(near, "function {index}: {found}, not {expected}");
        }
    }
    // Powers below 1 have the slopes that they had, of which those above 0 are 0 at 0.
    let zero = g.constant(arr1(&[0.0, 0.0]));
    let [slope] = zero.norm(..).pow(1.5).gradients([zero]);
    assert_eq!(Session::new(&g)?.run(slope)?, arr1(&[0.0, 0.0]).into_dyn());
    Ok(())
}

/// Line 22: what is a multiple of a norm in part, by numbers and by one number a row, has the gradient of the whole.
#[test]
fn line_22_slopes_that_are_a_multiple_of_the_norm_in_part() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr2(&[[3.0, 4.0], [0.0, 2.0]]));
    let weights = g.constant(arr1(&[2.0, -1.0]));
    let norm = || x.norm(1);
    let whole = [
        norm() * (norm() + 3.0),
        (norm() * weights + 1.0) * norm() - norm() * 0.5,
        (2.0 * (norm() + weights)) * norm(),
        -(norm() * norm()) * (norm() + 1.0),
    ];
    // The slopes by the norms n = (5, 2).
    let by_norm = [[13.0, 7.0], [20.5, -3.5], [24.0, 6.0], [-85.0, -16.0]];
    let slopes = whole.map(|y| y.gradients([x])[0]);
    for found in both(&g, &slopes)? {
        for (found, by_norm) in found.iter().zip(by_norm) {
            let expected = arr2(&[[0.6 * by_norm[0], 0.8 * by_norm[0]], [0.0, by_norm[1]]]).into_dyn();
            assert!((found - &expected).iter().all(|apart| apart.abs() < 1e-12), "{found}, not {expected}");
        }
    }
    Ok(())
}

/// Line 10: behind an assignment the norm of the same variable is another number.
#[test]
fn line_10_norms_before_and_after_an_assignment() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", arr1(&[3.0, 4.0]));
    let before = v.norm(..);
    let changed = v.assign(g.constant(arr1(&[4.0, 4.0])));
    let after = g.control_dependencies(&[changed.op()], || v.norm(..));
    let [slope] = (before * after).gradients([v]);
    let root = 32.0_f64.sqrt();
    let expected = arr1(&[root * 0.6 + 5.0 * 4.0 / root, root * 0.8 + 5.0 * 4.0 / root]).into_dyn();
    for optimize in [true, false] {
        let slope = Session::builder(&g).optimize(optimize).build()?.run(slope)?;
        assert!((&slope - &expected).iter().all(|apart| apart.abs() < 1e-14), "{slope}, not {expected}");
    }
    Ok(())
}

/// Line 22: a norm itself has no second derivative at 0, and does not hide that behind a 0. What does not take part,
/// as below the limit of a clipping, does not matter.
#[test]
fn line_22_hessians_of_norms_at_zero() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[0.0, 0.0]));
    let limited = clip_by_norm(x, 1.0);
    let [first] = (limited * limited).gradients([x]);
    let fetches = [hessian(x.norm(..), x), first, hessian(limited * limited, x), hessian(limited, x)];
    for found in both(&g, &fetches)? {
        assert!(found[0].iter().all(|entry| !entry.is_finite()), "{}", found[0]);
        assert_eq!(found[1], arr1(&[0.0, 0.0]).into_dyn());
        assert_eq!(found[2], (Array2::<f64>::eye(2) * 2.0).into_dyn());
        assert_eq!(found[3], Array2::<f64>::zeros((2, 2)).into_dyn());
    }
    Ok(())
}
