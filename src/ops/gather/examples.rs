//! What the laws try `gather` and its kin on.

use ndarray::{Array2, ArrayD, Axis, arr0, arr1, arr2, arr3};

use crate::ops::laws::{Example, example};

pub(in crate::ops) fn examples() -> Vec<Example> {
    [slices(), sums(), elements_and_rows(), elements(), batches()].into_iter().flatten().collect()
}

fn slices() -> Vec<Example> {
    let mut examples: Vec<Example> = vec![
        example!(
            "gather of a number",
            &[&[3, 2]],
            |_, x| x[0].gather(1_i64, 0) * x[0].gather(2_i64, 0),
            |x| &x[0].index_axis(Axis(0), 1) * &x[0].index_axis(Axis(0), 2),
        ),
        example!(
            "gather of a matrix of indices",
            &[&[2, 3, 2]],
            |g, x| x[0].gather(g.constant(arr2(&[[2_i64, 0], [0, 0], [1, 2]])), 1),
            |x| {
                let rows = [[2, 0], [0, 0], [1, 2]];
                ArrayD::from_shape_fn(vec![2, 3, 2, 2], |i| x[0][[i[0], rows[i[1]][i[2]], i[3]]])
            },
        ),
        example!(
            "gather of a transpose",
            &[&[3, 4]],
            |g, x| x[0].transpose().gather(g.constant(arr1(&[3_i64, 1, 3])), 0),
            |x| x[0].t().select(Axis(0), &[3, 1, 3]),
        ),
        example!(
            "gather of the same everywhere",
            &[&[1, 3]],
            |g, x| x[0].broadcast_to([4, 3]).gather(g.constant(arr1(&[3_i64, 0])), 0),
            |x| x[0].select(Axis(0), &[0, 0]),
        ),
        example!(
            "gather of nothing",
            &[&[2, 3]],
            |g, x| x[0].gather(g.constant(Array2::<i64>::zeros((0, 2))), 1),
            |_| ArrayD::zeros(vec![2, 0, 2]),
        ),
    ];
    for dims in [[3, 4], [3, 1], [3, 0]] {
        let dims = dims.as_slice();
        examples.extend([
            example!(
                "gather of rows",
                &[dims],
                |g, x| x[0].gather(g.constant(arr1(&[2_i64, 0, 2, 1])), 0) * 2.0,
                |x| 2.0 * x[0].select(Axis(0), &[2, 0, 2, 1]),
            ),
            example!(
                "gather of columns",
                &[dims],
                |g, x| x[0].transpose().reshape([-1, 3]).gather(g.constant(arr1(&[2_i64, 0, 2])), 1),
                |x| x[0].t().select(Axis(1), &[2, 0, 2]),
            ),
        ]);
    }
    examples
}

fn sums() -> Vec<Example> {
    vec![
        example!(
            "scatter_add of numbers",
            &[&[3], &[]],
            |g, x| x[0].scatter_add(g.constant(arr0(1_i64)), x[1], 0),
            |x| &x[0] + &(&arr1(&[0.0, 1.0, 0.0]) * x[1][[]]),
        ),
        example!(
            "scatter_add of columns",
            &[&[2, 4], &[2, 3]],
            |g, x| x[0].scatter_add(g.constant(arr1(&[3_i64, 0, 3])), x[1], -1),
            |x| {
                let mut sums = x[0].clone();
                for (update, column) in x[1].axis_iter(Axis(1)).zip([3, 0, 3]) {
                    let mut sum = sums.index_axis_mut(Axis(1), column);
                    sum += &update;
                }
                sums
            },
        ),
        example!(
            "scatter_add of a transpose",
            &[&[2, 2], &[2, 3]],
            |g, x| x[0].transpose().scatter_add(g.constant(arr1(&[1_i64, 1, 0])), x[1].transpose(), 0),
            |x| {
                let mut sums = x[0].t().to_owned();
                for (update, row) in x[1].axis_iter(Axis(1)).zip([1, 1, 0]) {
                    let mut sum = sums.index_axis_mut(Axis(0), row);
                    sum += &update;
                }
                sums
            },
        ),
    ]
}

fn elements_and_rows() -> Vec<Example> {
    vec![
        example!(
            "gather_nd of elements",
            &[&[2, 3]],
            |g, x| x[0].gather_nd(g.constant(arr3(&[[[1_i64, 2], [0, 0]], [[1, 2], [0, 1]]]))),
            |x| arr2(&[[x[0][[1, 2]], x[0][[0, 0]]], [x[0][[1, 2]], x[0][[0, 1]]]]).into_dyn(),
        ),
        example!(
            "gather_nd of rows",
            &[&[2, 3, 2]],
            |g, x| x[0].gather_nd(g.constant(arr2(&[[1_i64, 2], [0, 1], [1, 2]]))) * 2.0,
            |x| {
                let row = |i, j| x[0].index_axis(Axis(0), i).index_axis(Axis(0), j).to_owned();
                2.0 * ndarray::stack![Axis(0), row(1, 2), row(0, 1), row(1, 2)]
            },
        ),
        example!(
            "gather_nd of one place",
            &[&[2, 3]],
            |g, x| x[0].gather_nd(g.constant(arr1(&[1_i64, 0]))) * x[0].gather_nd(g.constant(arr1(&[1_i64]))),
            |x| x[0][[1, 0]] * &x[0].index_axis(Axis(0), 1),
        ),
        example!(
            "gather_nd without indices",
            &[&[2, 3]],
            |g, x| x[0].gather_nd(g.constant(Array2::<i64>::zeros((2, 0)))),
            |x| ndarray::stack![Axis(0), x[0], x[0]],
        ),
    ]
}

fn elements() -> Vec<Example> {
    vec![
        example!(
            "take_along_axis of columns",
            &[&[2, 3]],
            |g, x| x[0].take_along_axis(g.constant(arr2(&[[2_i64, 2, 0, 1], [1, 0, 1, 1]])), -1),
            |x| {
                let at = [[2, 2, 0, 1], [1, 0, 1, 1]];
                ArrayD::from_shape_fn(vec![2, 4], |i| x[0][[i[0], at[i[0]][i[1]]]])
            },
        ),
        example!(
            "take_along_axis of rows",
            &[&[3, 2, 2]],
            |g, x| x[0].take_along_axis(g.constant(arr3(&[[[2_i64, 0], [1, 1]]])), 0) * 3.0,
            |x| 3.0
                * arr3(&[[[x[0][[2, 0, 0]], x[0][[0, 0, 1]]], [x[0][[1, 1, 0]], x[0][[1, 1, 1]]]]])
                    .into_dyn(),
        ),
        example!(
            "take_along_axis of nothing",
            &[&[2, 3]],
            |g, x| x[0].take_along_axis(g.constant(Array2::<i64>::zeros((2, 0))), 1),
            |_| ArrayD::zeros(vec![2, 0]),
        ),
    ]
}

fn batches() -> Vec<Example> {
    vec![
        example!(
            "gather_with of columns",
            &[&[2, 3]],
            |g, x| x[0].gather_with(g.constant(arr2(&[[2_i64, 2, 0, 1], [1, 0, 1, 1]])), -1, 1) * 2.0,
            |x| {
                let at = [[2, 2, 0, 1], [1, 0, 1, 1]];
                ArrayD::from_shape_fn(vec![2, 4], |i| 2.0 * x[0][[i[0], at[i[0]][i[1]]]])
            },
        ),
        example!(
            "gather_with behind another axis",
            &[&[2, 2, 3, 2]],
            |g, x| x[0].gather_with(g.constant(arr2(&[[2_i64, 0, 2], [1, 1, 0]])), 2, 1),
            |x| {
                let at = [[2, 0, 2], [1, 1, 0]];
                ArrayD::from_shape_fn(vec![2, 2, 3, 2], |i| x[0][[i[0], i[1], at[i[0]][i[2]], i[3]]])
            },
        ),
        example!(
            "gather_with of a number for each batch",
            &[&[2, 3]],
            |g, x| x[0].square().gather_with(g.constant(arr1(&[2_i64, 0])), 1, 1),
            |x| arr1(&[x[0][[0, 2]].powi(2), x[0][[1, 0]].powi(2)]).into_dyn(),
        ),
        example!(
            "gather_with of two batches",
            &[&[2, 1, 3]],
            |g, x| x[0].gather_with(g.constant(arr3(&[[[1_i64, 1]], [[0, 2]]])), 2, 2),
            |x| {
                let at = [[1, 1], [0, 2]];
                ArrayD::from_shape_fn(vec![2, 1, 2], |i| x[0][[i[0], 0, at[i[0]][i[2]]]])
            },
        ),
        example!(
            "gather_with without batches",
            &[&[3, 2]],
            |g, x| x[0].gather_with(g.constant(arr1(&[2_i64, 0])), 0, 0),
            |x| x[0].select(Axis(0), &[2, 0]),
        ),
        example!(
            "gather_with of nothing",
            &[&[2, 3]],
            |g, x| x[0].gather_with(g.constant(Array2::<i64>::zeros((2, 0))), 1, 1),
            |_| ArrayD::zeros(vec![2, 0]),
        ),
        example!(
            "gather_with of no batch",
            &[&[0, 3]],
            |g, x| x[0].gather_with(g.constant(Array2::<i64>::zeros((0, 2))), 1, 1),
            |_| ArrayD::zeros(vec![0, 2]),
        ),
        example!(
            "gather_nd_with of rows",
            &[&[2, 3, 2]],
            |g, x| x[0].gather_nd_with(g.constant(arr3(&[[[2_i64], [0]], [[1], [1]]])), 1) * 3.0,
            |x| {
                let at = [[2, 0], [1, 1]];
                ArrayD::from_shape_fn(vec![2, 2, 2], |i| 3.0 * x[0][[i[0], at[i[0]][i[1]], i[2]]])
            },
        ),
        example!(
            "gather_nd_with of elements",
            &[&[2, 3, 2]],
            |g, x| x[0].gather_nd_with(g.constant(arr2(&[[2_i64, 1], [0, 0]])), 1),
            |x| arr1(&[x[0][[0, 2, 1]], x[0][[1, 0, 0]]]).into_dyn(),
        ),
        example!(
            "gather_nd_with without indices",
            &[&[2, 3]],
            |g, x| x[0].gather_nd_with(g.constant(ndarray::Array3::<i64>::zeros((2, 2, 0))), 1),
            |x| ArrayD::from_shape_fn(vec![2, 2, 3], |i| x[0][[i[0], i[2]]]),
        ),
    ]
}
