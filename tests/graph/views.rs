//! Slices as views: whatever they are taken of and whatever reads them, the elements are those of plain loops, bit for
//! bit, with and without optimization and on any number of threads.

use flowgrad::ndarray::{Array1, Array2, Array3, ArrayD, ArrayView2, Axis, Dimension, arr0, arr1, arr2, s};
use flowgrad::op::{Fault, Lowering, Op, Pullback, TensorType, Val};
use flowgrad::prelude::*;
use flowgrad::{Element, Ranges};

/// The fetched values, which must not depend on optimization or on threads.
#[track_caller]
pub(crate) fn values<'g, T: Element>(
    g: &'g Graph,
    fetches: &[Tensor<'g, T>],
    feed: Option<(Tensor<'g, f64>, ArrayD<f64>)>,
) -> Vec<ArrayD<T>> {
    let run = |optimize: bool, threads: usize| {
        let builder = Session::builder(g).optimize(optimize).threads(threads);
        let session = if threads > 1 { builder.always_share().build() } else { builder.build() }.unwrap();
        match &feed {
            Some((tensor, array)) => session.feed(*tensor, array).run(fetches.to_vec()).unwrap(),
            None => session.run(fetches.to_vec()).unwrap(),
        }
    };
    let expected = run(false, 1);
    for (optimize, threads) in [(true, 1), (true, 2), (true, 3), (false, 2), (false, 3)] {
        let found = run(optimize, threads);
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert!(found == expected, "fetch {index}, optimize {optimize}, {threads} threads");
        }
    }
    expected
}

#[track_caller]
fn assert_gives<'g, T: Element, D: Dimension>(
    g: &'g Graph,
    tensor: Tensor<'g, T>,
    expected: flowgrad::ndarray::Array<T, D>,
) {
    assert_eq!(values(g, &[tensor], None)[0], expected.into_dyn());
}

/// Whole numbers, so that sums are exact in any order.
pub(crate) fn whole(rows: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(row, column)| ((row * 31 + column * 17) % 101) as f64 - 50.0)
}

/// All but the first and the last.
const INNER: AxisRange = AxisRange::of(1, -1);

/// What is taken of a matrix, and the same by ndarray.
type Cut = (fn() -> Ranges, fn(ArrayView2<'_, f64>) -> ArrayD<f64>);

const CUTS: [Cut; 12] = [
    (|| (3..).into(), |x| x.slice(s![3.., ..]).to_owned().into_dyn()),
    (|| (.., 5..).into(), |x| x.slice(s![.., 5..]).to_owned().into_dyn()),
    (|| (2..9, 1..40).into(), |x| x.slice(s![2..9, 1..40]).to_owned().into_dyn()),
    (|| AxisRange::from(..).step(-1).into(), |x| x.slice(s![..;-1, ..]).to_owned().into_dyn()),
    (|| (.., AxisRange::from(..).step(-1)).into(), |x| x.slice(s![.., ..;-1]).to_owned().into_dyn()),
    (|| AxisRange::from(1..).step(2).into(), |x| x.slice(s![1..;2, ..]).to_owned().into_dyn()),
    (|| (.., AxisRange::from(..).step(2)).into(), |x| x.slice(s![.., ..;2]).to_owned().into_dyn()),
    (
        || (AxisRange::from(..).step(-3), AxisRange::from(2..).step(5)).into(),
        |x| x.slice(s![..;-3, 2..;5]).to_owned().into_dyn(),
    ),
    (|| 7.into(), |x| x.index_axis(Axis(0), 7).to_owned().into_dyn()),
    (|| (.., -2).into(), |x| x.index_axis(Axis(1), x.ncols() - 2).to_owned().into_dyn()),
    (|| (4, 6).into(), |x| arr0(x[[4, 6]]).into_dyn()),
    (|| (.., 3..3).into(), |x| x.slice(s![.., 3..3]).to_owned().into_dyn()),
];

/// What slices are taken of, with the array that it is.
type Source = for<'g> fn(&'g Graph, Tensor<'g, f64>) -> (Tensor<'g, f64>, fn(&Array2<f64>) -> Array2<f64>);

const SOURCES: [(&str, Source); 9] = [
    ("a feed", |_, x| (x, Array2::clone)),
    ("a constant", |g, x| (g.constant(whole(120, 90)) + x * 0.0, Array2::clone)),
    ("a bare constant", |g, _| (g.constant(whole(120, 90)), Array2::clone)),
    ("a variable", |g, _| (g.variable("v", whole(120, 90)).tensor(), Array2::clone)),
    ("a transpose", |_, x| (x.transpose(), |x| x.t().to_owned())),
    ("a fused value", |_, x| ((x * 2.0 - 1.0).abs(), |x| x.mapv(|x| (x * 2.0 - 1.0).abs()))),
    ("a product", |g, x| {
        (x.matmul(g.constant(whole(90, 90).mapv(|x| x % 3.0))), |x| x.dot(&whole(90, 90).mapv(|x| x % 3.0)))
    }),
    ("a repeated row", |g, x| {
        let rows = x.reduce_sum(0).reshape([1, 90]) + g.variable("zero", Array2::zeros((120, 1)));
        (rows, |x| x.sum_axis(Axis(0)).broadcast((120, 90)).unwrap().to_owned())
    }),
    ("another slice", |_, x| {
        (x.slice((AxisRange::from(..).step(-2), 4..)), |x| x.slice(s![..;-2, 4..]).to_owned())
    }),
];

#[test]
fn slices_of_all_that_there_is_for_all_who_read_them() {
    for (name, source) in SOURCES {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [120, 90]);
        let (of, array) = source(&g, x);
        let array = array(&whole(120, 90));
        let mut fetches = Vec::new();
        let mut expected = Vec::new();
        for (ranges, cut) in CUTS {
            let (part, cut) = (of.slice(ranges()), cut(array.view()));
            fetches.extend([part, part * 3.0 + 1.0, part.reduce_sum(..)]);
            expected.extend([cut.clone(), cut.mapv(|x| x * 3.0 + 1.0), arr0(cut.sum()).into_dyn()]);
            if cut.ndim() == 2 {
                let columns = cut.shape()[1];
                let two = cut.into_dimensionality::<flowgrad::ndarray::Ix2>().unwrap();
                fetches.extend([
                    part.transpose().matmul(part),
                    part.matmul(g.constant(whole(columns, 3))),
                    part.reduce_sum(0),
                    part.reduce_sum(1),
                    part.cumsum(1),
                    part.reshape([-1]) * 2.0,
                ]);
                let mut sums = two.clone();
                sums.accumulate_axis_inplace(Axis(1), |&before, sum| *sum += before);
                expected.extend([
                    two.t().dot(&two).into_dyn(),
                    two.dot(&whole(columns, 3)).into_dyn(),
                    two.sum_axis(Axis(0)).into_dyn(),
                    two.sum_axis(Axis(1)).into_dyn(),
                    sums.into_dyn(),
                    Array1::from_iter(two.iter().map(|x| x * 2.0)).into_dyn(),
                ]);
            }
        }
        // What slices are taken of is fetched as well, and each fetch by itself.
        fetches.push(of);
        expected.push(array.into_dyn());
        let feed = || Some((x, whole(120, 90).into_dyn()));
        let all = values(&g, &fetches, feed());
        for (index, (found, expected)) in all.iter().zip(&expected).enumerate() {
            assert!(found == expected, "fetch {index} of {name}");
        }
        for (index, &fetch) in fetches.iter().enumerate().step_by(7) {
            assert!(values(&g, &[fetch], feed())[0] == expected[index], "fetch {index} of {name} by itself");
        }
    }
}

#[test]
fn large_slices_are_shared_among_threads() {
    let g = Graph::new();
    let array = Array2::from_shape_fn((900, 700), |(row, column)| (row * 700 + column) as f32);
    let v = g.variable("v", array.clone());
    let backwards = v.slice((AxisRange::from(..).step(-1), AxisRange::from(..).step(-2)));
    let inner = (v.slice((INNER, INNER)) - v.slice((2.., 2..))).tanh();
    let found = values(&g, &[backwards, (backwards + 1.0).sqrt(), inner, v * 2.0], None);
    let expected = array.slice(s![..;-1, ..;-2]);
    assert_eq!(found[0], expected.to_owned().into_dyn());
    assert_eq!(found[1], expected.mapv(|x| (x + 1.0).sqrt()).into_dyn());
    assert!(found[2].iter().all(|&x| x == -1.0));
}

#[test]
fn slices_of_booleans_and_integers() {
    let g = Graph::new();
    let array = Array2::from_shape_fn((40, 50), |(row, column)| (row * 50 + column) as i32);
    let x = g.variable("x", array.clone());
    let part = x.slice((AxisRange::from(..).step(-3), 7..30));
    assert_gives(&g, part * 3, array.slice(s![..;-3, 7..30]).mapv(|x| x * 3));
    let odd = x.modulo(2).equal(1);
    assert_gives(
        &g,
        odd.slice((.., AxisRange::from(..).step(-1))),
        array.slice(s![.., ..;-1]).mapv(|x| x % 2 == 1),
    );
    assert_gives(&g, odd.slice((1.., 1..)).logical_not(), array.slice(s![1.., 1..]).mapv(|x| x % 2 != 1));
    let wide = x.cast::<i64>().slice((5, ..)) + 1;
    assert_gives(&g, wide, array.row(5).mapv(|x| i64::from(x) + 1));
}

#[test]
fn variables_are_updated_from_slices_of_their_own() {
    let (steps, start) = (3, Array1::from_iter((0..5000).map(f64::from)));
    for (optimize, threads) in [(false, 1), (true, 1), (true, 2), (true, 3)] {
        let g = Graph::new();
        let v = g.variable("v", start.clone());
        let w = g.variable("w", start.clone());
        // Each value is read at one place and written at another.
        let neighbors = v.slice(1..) - v.slice(..-1);
        let step = g.group([
            v.assign((v.reverse(0) + 1.0) * 0.5).op(),
            w.assign(g.concat(&[w.slice(-1..), w.slice(..-1)], 0)).op(),
        ]);
        let session = Session::builder(&g).optimize(optimize).threads(threads).build().unwrap();
        let (mut expected_v, mut expected_w) = (start.clone(), start.clone().to_vec());
        for _ in 0..steps {
            let (differences, ()) = session.run((neighbors, step)).unwrap();
            let slopes = &expected_v.slice(s![1..]) - &expected_v.slice(s![..-1]);
            assert_eq!(differences, slopes.into_dyn());
            expected_v = expected_v.slice(s![..;-1]).mapv(|x| (x + 1.0) * 0.5);
            expected_w.rotate_right(1);
        }
        assert_eq!(session.run(v).unwrap(), expected_v.into_dyn());
        assert_eq!(session.run(w).unwrap(), Array1::from(expected_w).into_dyn());
        // A slice that is as large as the variable, of a value that is larger.
        let g = Graph::new();
        let v = g.variable("v", start.clone());
        let doubled = g.concat(&[v.tensor() * 2.0, v.tensor()], 0) + 1.0;
        let step = v.assign(doubled.slice(..5000));
        let session = Session::builder(&g).optimize(optimize).threads(threads).build().unwrap();
        let (sum, _) = session.run((doubled.reduce_sum(..), step)).unwrap();
        assert_eq!(sum, arr0(start.sum() * 3.0 + 10_000.0).into_dyn());
        assert_eq!(session.run(v).unwrap(), start.mapv(|x| x * 2.0 + 1.0).into_dyn());
    }
}

#[test]
fn gradients_go_back_to_where_slices_were_taken() {
    let g = Graph::new();
    let x = g.variable("x", whole(50, 60)).tensor();
    let part = (x * 2.0).slice((AxisRange::from(..).step(-2), AxisRange::from(3..).step(4)));
    let weights = g.constant(whole(25, 15));
    let split = x.split(3, 1);
    let loss = (part * weights).reduce_sum(..) + (split[0] * split[2]).reduce_sum(..);
    let [slope] = loss.gradients([x]);
    let mut expected = Array2::<f64>::zeros((50, 60));
    expected.slice_mut(s![..;-2, 3..;4]).assign(&(whole(25, 15) * 2.0));
    let thirds = whole(50, 60);
    let (mut first, mut last) = (expected.clone(), Array2::zeros((50, 60)));
    first.slice_mut(s![.., ..20]).zip_mut_with(&thirds.slice(s![.., 40..]), |sum, x| *sum += x);
    last.slice_mut(s![.., 40..]).assign(&thirds.slice(s![.., ..20]));
    assert_gives(&g, slope, first + last);
}

#[test]
fn batches_of_products_read_parts_of_rows() {
    // Queries and keys side by side in rows, as attention has them.
    let g = Graph::new();
    let both = Array3::from_shape_fn((3, 40, 64), |(a, b, c)| ((a * 7 + b * 5 + c * 3) % 11) as f64 - 5.0);
    let x = g.placeholder::<f64>("x", [3, 40, 64]);
    let [q, k] = [x.slice((.., .., ..32)), x.slice((.., .., 32..))]
        .map(|x| x.reshape([3, 40, 4, 8]).transpose_perm([0, 2, 1, 3]));
    let scores = q.matmul(k.transpose_perm([0, 1, 3, 2]));
    let found = values(&g, &[scores], Some((x, both.clone().into_dyn())));
    for ((a, h, i, j), &score) in
        found[0].view().into_dimensionality::<flowgrad::ndarray::Ix4>().unwrap().indexed_iter()
    {
        let expected: f64 = (0..8).map(|c| both[[a, i, h * 8 + c]] * both[[a, j, 32 + h * 8 + c]]).sum();
        assert_eq!(score, expected);
    }
}

/// Numbers counted up from one on: what ops need to tell places from each other.
#[derive(Debug)]
struct Count {
    first: i64,
    count: usize,
}

impl Op for Count {
    fn name(&self) -> &'static str {
        "count"
    }

    fn infer(&self, _: &[&TensorType]) -> std::result::Result<TensorType, Fault> {
        Ok(TensorType::new(DType::I64, [Some(self.count)]))
    }

    fn lower(&self, _: &[Val], to: &mut Lowering<'_>) -> Val {
        to.iota(self.first, self.count)
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}
}

#[test]
fn counted_numbers_are_views_like_all_others() {
    let g = Graph::new();
    let count = |first, count| g.custom::<i64>(Count { first, count }, &[]);
    let x = g.variable("x", Array2::<i64>::ones((30, 4000))).tensor();
    let row = Array1::from_iter(-5..3995_i64);
    let numbers = count(-5, 4000);
    let matrix = numbers.reshape([40, 100]);
    let square = Array2::from_shape_fn((40, 100), |(row, column)| (row * 100 + column) as i64 - 5);
    let fetches = [
        numbers,
        numbers + x,
        numbers.reshape([4000, 1]) * x.transpose(),
        numbers.slice(AxisRange::from(..).step(-7)) + 1,
        numbers.slice(17) + x.slice((.., 1)),
        matrix.transpose() * 2,
        matrix.slice((3..5, AxisRange::from(..).step(-1))).reduce_sum(0),
        matrix.reduce_sum(..),
        matrix.matmul(matrix.transpose()),
        numbers.cumsum(0),
        count(7, 1) + x.slice((0, 0)),
        count(7, 0),
        count(i64::MAX - 1, 4),
    ];
    let sums = row.iter().scan(0, |sum, number| {
        *sum += number;
        Some(*sum)
    });
    let two = square.slice(s![3..5, ..;-1]);
    let expected = [
        row.clone().into_dyn(),
        (&row + &Array2::<i64>::ones((30, 4000))).into_dyn(),
        (&row.view().insert_axis(Axis(1)) * &Array2::<i64>::ones((4000, 30))).into_dyn(),
        row.slice(s![..;-7]).mapv(|x| x + 1).into_dyn(),
        Array1::from_elem(30, 13).into_dyn(),
        square.t().mapv(|x| x * 2).into_dyn(),
        two.sum_axis(Axis(0)).into_dyn(),
        arr0(row.sum()).into_dyn(),
        square.dot(&square.t()).into_dyn(),
        Array1::from_iter(sums).into_dyn(),
        Array1::from_elem(1, 8).into_dyn(),
        Array1::zeros(0).into_dyn(),
        Array1::from_vec(vec![i64::MAX - 1, i64::MAX, i64::MAX, i64::MAX]).into_dyn(),
    ];
    for (index, (found, expected)) in values(&g, &fetches, None).iter().zip(&expected).enumerate() {
        assert!(found == expected, "fetch {index}");
    }
}

#[test]
fn choices_read_parts_of_booleans() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [8, 8]);
    let booleans = x.less(0.0);
    let rows = booleans.slice((3.., ..)).select(x.slice((..5, ..)), x.slice((3.., ..)) * 2.0);
    let last = booleans.slice((-1, -1)).select(x, -x);
    let array = whole(8, 8);
    let found = values(&g, &[rows, last], Some((x, array.clone().into_dyn())));
    let expected = Array2::from_shape_fn((5, 8), |(row, column)| {
        if array[[row + 3, column]] < 0.0 { array[[row, column]] } else { array[[row + 3, column]] * 2.0 }
    });
    assert_eq!(found[0], expected.into_dyn());
    assert_eq!(found[1], if array[[7, 7]] < 0.0 { array } else { -array }.into_dyn());
}

/// A region's own values are read as they are made, and no others are.
#[test]
fn parts_of_small_values_are_those_parts() {
    let g = Graph::new();
    let y = g.constant(arr1(&[0.1, 0.2, 0.3, 0.4]));
    let x = g.constant(arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]));
    let (a, b) = ((y * 3.0).exp(), (x * 0.5).sin());
    let fetches = [
        a * a.slice(2) + 1.0,
        a.reverse(0) + 1.0,
        (y * 3.0).reverse(0) + a,
        b + b.slice(1),
        b * b.transpose(),
        b.reverse(..) + b.slice((.., 1..2)),
        (b + 1.0).slice((1.., 1..)) * b.slice((..2, ..2)),
    ];
    let run = |optimize: bool| {
        Session::builder(&g).threads(1).optimize(optimize).build().unwrap().run(fetches).unwrap()
    };
    for (found, expected) in run(true).iter().zip(&run(false)) {
        let close = found.iter().zip(expected).all(|(a, b): (&f64, &f64)| (a - b).abs() < 1e-12);
        assert!(close && found.shape() == expected.shape(), "{found} is not {expected}");
    }
}
