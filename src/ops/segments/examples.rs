//! What the laws try on segments.

use ndarray::{ArrayD, ArrayView1, Axis, arr1, arr2};

use crate::graph::{Float, Graph, Tensor};
use crate::ops::laws::{Example, example};

/// The ids of the rows, in order and not.
const IN_ORDER: [i64; 5] = [0, 0, 2, 2, 2];
const ANYHOW: [i64; 5] = [2, -1, 0, 2, 0];

/// What is made of the rows of each of three segments, column by column; a number for those that have none.
fn reduced(x: &ArrayD<f64>, ids: &[i64], of: fn(ArrayView1<'_, f64>) -> f64, nothing: f64) -> ArrayD<f64> {
    let segment = |segment: i64| {
        let rows: Vec<usize> = (0..ids.len()).filter(|&row| ids[row] == segment).collect();
        let rows = x.select(Axis(0), &rows);
        if rows.len_of(Axis(0)) == 0 {
            ArrayD::from_elem(&x.shape()[1..], nothing)
        } else {
            rows.map_axis(Axis(0), of)
        }
    };
    let segments: Vec<ArrayD<f64>> = (0..3).map(segment).collect();
    let views: Vec<_> = segments.iter().map(|segment| segment.view()).collect();
    ndarray::stack(Axis(0), &views).unwrap()
}

const SUM: fn(ArrayView1<'_, f64>) -> f64 = |x| x.sum();
const MEAN: fn(ArrayView1<'_, f64>) -> f64 = |x| x.sum() / x.len() as f64;
const PROD: fn(ArrayView1<'_, f64>) -> f64 = |x| x.product();
const MAX: fn(ArrayView1<'_, f64>) -> f64 = |x| x.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
const MIN: fn(ArrayView1<'_, f64>) -> f64 = |x| x.fold(f64::INFINITY, |a, &b| a.min(b));

fn ordered(g: &Graph) -> Tensor<'_, i64> {
    g.constant(arr1(&IN_ORDER))
}

fn anyhow(g: &Graph) -> Tensor<'_, i32> {
    g.constant(arr1(&ANYHOW).mapv(|id| id as i32))
}

/// With the extremes of nothing, which no law could square, made small.
fn tamed<T: Float>(x: Tensor<'_, T>) -> Tensor<'_, T> {
    x.clip(T::from_f64(-9.0), T::from_f64(9.0))
}

pub(in crate::ops) fn examples() -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for dims in [&[5][..], &[5, 2], &[5, 1, 3], &[5, 0]] {
        examples.extend([
            example!("segment_sum", &[dims], |g, x| x[0].segment_sum(ordered(g), 3), |x| reduced(
                &x[0], &IN_ORDER, SUM, 0.0
            )),
            example!("segment_mean", &[dims], |g, x| x[0].square().segment_mean(ordered(g), 3), |x| reduced(
                &x[0].mapv(|x| x * x),
                &IN_ORDER,
                MEAN,
                0.0
            )),
            example!("segment_prod", &[dims], |g, x| x[0].segment_prod(ordered(g), 3), |x| reduced(
                &x[0], &IN_ORDER, PROD, 1.0
            )),
            example!("segment_max", &[dims], |g, x| x[0].segment_max(ordered(g), 3), |x| reduced(
                &x[0], &IN_ORDER, MAX, 0.0
            )),
            example!("segment_min", &[dims], |g, x| x[0].segment_min(ordered(g), 3), |x| reduced(
                &x[0], &IN_ORDER, MIN, 0.0
            )),
            example!("unsorted_segment_sum", &[dims], |g, x| x[0].unsorted_segment_sum(anyhow(g), 3), |x| {
                reduced(&x[0], &ANYHOW, SUM, 0.0)
            }),
            example!(
                "unsorted_segment_mean",
                &[dims],
                |g, x| x[0].unsorted_segment_mean(anyhow(g), 3),
                |x| reduced(&x[0], &ANYHOW, MEAN, 0.0)
            ),
            example!(
                "unsorted_segment_prod",
                &[dims],
                |g, x| x[0].unsorted_segment_prod(anyhow(g), 3),
                |x| reduced(&x[0], &ANYHOW, PROD, 1.0)
            ),
            example!(
                "unsorted_segment_max",
                &[dims],
                |g, x| tamed(x[0].unsorted_segment_max(anyhow(g), 3)),
                |x| { reduced(&x[0], &ANYHOW, MAX, -9.0) }
            ),
            example!(
                "unsorted_segment_min",
                &[dims],
                |g, x| tamed(x[0].unsorted_segment_min(anyhow(g), 3)),
                |x| { reduced(&x[0], &ANYHOW, MIN, 9.0) }
            ),
        ]);
    }
    examples.extend(others());
    examples
}

fn others() -> [Example; 6] {
    let zeros = arr1(&[0.0, 2.0, -1.5, 0.0, 0.5]).into_dyn();
    [
        example!(
            "unsorted_segment_prod with zeros",
            &[&[5]],
            |g, x| x[0].unsorted_segment_prod(anyhow(g), 3),
            |x| { reduced(&x[0], &ANYHOW, PROD, 1.0) }
        )
        .on(vec![zeros.clone()]),
        // Its gradient, so that the laws go to the third order.
        example!(
            "segment_prod twice",
            &[&[5]],
            |g, x| x[0].segment_prod(ordered(g), 3).gradients([x[0]])[0],
            |x| {
                let x = &x[0];
                arr1(&[x[1], x[0], x[3] * x[4], x[2] * x[4], x[2] * x[3]]).into_dyn()
            }
        )
        .on(vec![zeros]),
        example!(
            "unsorted_segment_sum by a matrix of ids",
            &[&[2, 2, 3]],
            |g, x| x[0].unsorted_segment_sum(g.constant(arr2(&[[1_i64, 0], [-7, 1]])), 2),
            |x| {
                let row = |i: usize, j: usize| x[0].index_axis(Axis(0), i).index_axis(Axis(0), j).to_owned();
                ndarray::stack![Axis(0), row(0, 1), row(0, 0) + row(1, 1)]
            }
        ),
        example!(
            "segment_max of a computed number",
            &[&[5, 3]],
            |g, x| x[0].segment_max(ordered(g), x[0].dim(1)),
            |x| reduced(&x[0], &IN_ORDER, MAX, 0.0)
        ),
        example!(
            "segment_sum of nothing",
            &[&[0, 2]],
            |g, x| x[0].segment_sum(g.zeros::<i64>([0]), 3),
            |_| { ArrayD::zeros(vec![3, 2]) }
        ),
        example!(
            "segment_min of integers",
            &[&[5]],
            |g, x| (x[0] * 9.0).cast::<i32>().segment_min(ordered(g), 3).cast(),
            |x| reduced(&x[0].mapv(|x| (9.0 * x).trunc()), &IN_ORDER, MIN, 0.0)
        ),
    ]
}
