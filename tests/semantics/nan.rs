//! Line 20: a NaN is not lost on the way back. Where a value is NaN, its gradient is NaN or passes the cotangent;
//! it is never 0 for all that the value was computed from, which would let a training stand still without a word.

use flowgrad::ndarray::{Array1, Array2, Array4, ArrayD, Axis, arr1, arr2};
use flowgrad::prelude::*;

const NAN: f64 = f64::NAN;

type Function = for<'g> fn(Tensor<'g, f64>) -> Tensor<'g, f64>;

/// Checks what is fetched, optimized or not, on one thread and on two.
fn under_all(g: &Graph, fetches: &[Tensor<'_, f64>], check: impl Fn(Vec<ArrayD<f64>>)) -> Result<()> {
    for (optimize, threads) in [(true, 1), (false, 1), (true, 2)] {
        let session = Session::builder(g).optimize(optimize).threads(threads).build()?;
        check(session.run(fetches.to_vec())?);
    }
    Ok(())
}

#[test]
fn line_20_extremes_of_rows_with_nan() -> Result<()> {
    // A NaN at every place of rows that are shorter and longer than a vector of the machine, in either direction.
    for (length, place) in [(1, 0), (2, 1), (3, 1), (8, 0), (8, 7), (37, 5), (37, 36), (1100, 700)] {
        let mut rows = Array2::from_shape_fn((3, length), |(i, j)| ((i * 7 + j * 5) % 11) as f64);
        rows[[1, place]] = NAN;
        for axis in [0, 1] {
            let x = if axis == 1 { rows.clone() } else { rows.t().to_owned() };
            let functions: [Function; 2] = if axis == 1 {
                [|x| x.reduce_max(1), |x| x.reduce_min(1)]
            } else {
                [|x| x.reduce_max(0), |x| x.reduce_min(0)]
            };
            let g = Graph::new();
            let x = g.constant(&x);
            let ys = functions.map(|function| function(x));
            let fetches: Vec<Tensor<'_, f64>> =
                ys.into_iter().flat_map(|y| [y, y.gradients([x])[0]]).collect();
            under_all(&g, &fetches, |found| {
                for pair in found.chunks(2) {
                    let is_nan: Vec<bool> = pair[0].iter().map(|y| y.is_nan()).collect();
                    assert_eq!(is_nan, [false, true, false], "{length}, {place}");
                    for (row, slopes) in pair[1].axis_iter(Axis(1 - axis)).enumerate() {
                        let all_nan = slopes.iter().all(|slope| slope.is_nan());
                        let whole = (slopes.sum() - 1.0).abs() < 1e-12;
                        assert!(if row == 1 { all_nan } else { whole }, "{length}, {place}: {slopes}");
                    }
                }
            })?;
        }
    }
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, NAN, 2.0]));
    // Weighed by 0, and not taken: 0; and the others as ever.
    let chosen = g.constant(arr1(&[false, true])).select(x.reduce_max(..), 1.0);
    let [first] = chosen.slice(..1).gradients([x]);
    let [second] = first.gradients([x]);
    for slopes in Session::new(&g)?.run([first, second])? {
        assert_eq!(slopes, Array1::zeros(3).into_dyn());
    }
    Ok(())
}

#[test]
fn line_20_pools_with_nan() -> Result<()> {
    let image = |nan: (usize, usize)| {
        let mut image = Array4::from_shape_fn((1, 4, 4, 2), |(_, i, j, c)| (i * 3 + j + c) as f64);
        image[[0, nan.0, nan.1, 1]] = NAN;
        image
    };
    for at in [(0, 0), (1, 1), (2, 3), (3, 2)] {
        let g = Graph::new();
        let x = g.constant(image(at));
        let y = x.max_pool2d(Window::of([2, 2]));
        under_all(&g, &[y, y.gradients([x])[0]], |found| {
            for ((index, y), count) in found[0].indexed_iter().zip(1..) {
                let here = (index[1], index[2], index[3]) == (at.0 / 2, at.1 / 2, 1);
                assert_eq!(y.is_nan(), here, "{count}");
            }
            for (index, slope) in found[1].indexed_iter() {
                let here = (index[1] / 2, index[2] / 2, index[3]) == (at.0 / 2, at.1 / 2, 1);
                assert_eq!(slope.is_nan(), here, "{at:?}, {index:?}");
            }
        })?;
    }
    Ok(())
}

/// What has one number for a row, or one for each element: a NaN among the elements has a gradient.
#[test]
fn line_20_functions_of_nan() -> Result<()> {
    let functions: [(&str, Function); 53] = [
        ("reduce_sum", |x| x.reduce_sum(0)),
        ("reduce_mean", |x| x.reduce_mean(0)),
        ("reduce_prod", |x| x.reduce_prod(0)),
        ("reduce_max", |x| x.reduce_max(0)),
        ("reduce_min", |x| x.reduce_min(0)),
        ("reduce_log_sum_exp", |x| x.reduce_log_sum_exp(0)),
        ("reduce_variance", |x| x.reduce_variance(0)),
        ("norm", |x| x.norm(0)),
        ("softmax", |x| x.softmax(0)),
        ("log_softmax", |x| x.log_softmax(0)),
        ("cumsum", |x| x.cumsum(0)),
        ("top_k", |x| x.top_k(2).0),
        ("sort", |x| x.sort(0)),
        ("cumprod", |x| x.cumprod(0)),
        ("cummax", |x| x.cummax(0).0),
        ("cummin", |x| x.cummin(0).0),
        ("logcumsumexp", |x| x.logcumsumexp(0)),
        ("median", |x| x.median(0)),
        ("quantile", |x| x.quantile([0.1, 0.9], 0)),
        ("segment_max", |x| x.segment_max(x.graph().constant(arr1(&[0_i64, 0, 0])), 1)),
        ("segment_prod", |x| x.segment_prod(x.graph().constant(arr1(&[0_i64, 0, 0])), 1)),
        ("gather", |x| x.gather(x.graph().constant(arr1(&[1_i64, 1])), 0)),
        ("maximum", |x| x.maximum(0.5)),
        ("minimum", |x| x.minimum(0.5)),
        ("maximum on the right", |x| x.graph().constant(0.5).maximum(x)),
        ("minimum on the right", |x| x.graph().constant(0.5).minimum(x)),
        ("clip", |x| x.clip(-1.0, 1.0)),
        ("the lower bound of clip", |x| x.graph().constant(0.5).clip(x, 5.0)),
        ("the upper bound of clip", |x| x.graph().constant(0.5).clip(-5.0, x)),
        ("relu", |x| x.relu()),
        ("relu6", |x| x.relu6()),
        ("leaky_relu", |x| x.leaky_relu(0.0)),
        ("elu", |x| x.elu()),
        ("selu", |x| x.selu()),
        ("softplus", |x| x.softplus()),
        ("silu", |x| x.silu()),
        ("gelu", |x| x.gelu()),
        ("gelu_tanh", |x| x.gelu_tanh()),
        ("abs", |x| x.abs()),
        ("square", |x| x.square()),
        ("sqrt", |x| x.sqrt()),
        ("exp", |x| x.exp()),
        ("ln", |x| x.ln()),
        ("tanh", |x| x.tanh()),
        ("sigmoid", |x| x.sigmoid()),
        ("erf", |x| x.erf()),
        ("asin", |x| x.asin()),
        ("pow", |x| x.pow(2.0)),
        ("the exponent of pow", |x| x.graph().constant(2.0).pow(x)),
        ("modulo", |x| x.modulo(0.75)),
        ("the divisor of modulo", |x| x.graph().constant(2.0).modulo(x)),
        ("huber", |x| x.huber(x.graph().constant(Array1::zeros(3)), 1.0)),
        ("sigmoid_cross_entropy", |x| x.sigmoid_cross_entropy(x.graph().constant(Array1::ones(3)))),
    ];
    for (name, function) in functions {
        let g = Graph::new();
        let x = g.constant(arr1(&[0.25, NAN, 0.75]));
        let y = function(x);
        under_all(&g, &[y, y.gradients([x])[0]], |found| {
            assert!(found[0].iter().any(|y| y.is_nan()), "{name}: {}", found[0]);
            assert!(found[1][1] != 0.0, "{name}: {}", found[1]);
        })?;
    }
    Ok(())
}

/// A network whose input has a NaN learns that: no weight's gradient is 0 as if nothing had happened.
#[test]
fn line_20_networks_that_meet_nan() -> Result<()> {
    let layers: [(&str, Function); 4] = [
        ("relu", |x| x.relu()),
        ("maximum", |x| x.maximum(0.0)),
        ("clip", |x| x.clip(-1.0, 6.0)),
        ("max of rows", |x| x.reduce_max(Axes::of([1]).keep_dims()) * x),
    ];
    for (name, layer) in layers {
        let g = Graph::new();
        let x = g.constant(arr2(&[[0.5, NAN], [1.0, 2.0]]));
        let first = g.constant(arr2(&[[0.3, 0.6], [0.7, -0.2]]));
        let second = g.constant(arr2(&[[1.0], [0.5]]));
        let loss = layer(x.matmul(first)).matmul(second).square().reduce_mean(..);
        under_all(&g, &loss.gradients([first, second]), |found| {
            for slopes in found {
                assert!(slopes.iter().all(|slope| slope.is_nan()), "{name}: {slopes}");
            }
        })?;
    }
    Ok(())
}
