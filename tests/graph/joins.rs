//! Concatenations, stacks and paddings: whatever makes their operands, and whatever else these are for, the results are
//! those of plain loops, bit for bit, with and without optimization and on any number of threads.

use flowgrad::ndarray::{Array1, Array2, Axis, arr0, concatenate, s, stack};
use flowgrad::prelude::*;

use crate::views::{values, whole};

/// The second matrix of products: small whole numbers.
fn weights() -> Array2<f64> {
    whole(60, 60).mapv(|x| x % 3.0)
}

#[test]
fn operands_of_every_kind_come_to_lie_side_by_side() {
    for axis in [0, 1] {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [60, 60]);
        let v = g.variable("v", whole(60, 60) * 2.0).tensor();
        let c = g.constant(whole(60, 60) + 1.0);
        let fused = (x * 3.0 - 1.0).abs();
        let product = x.matmul(g.constant(weights()));
        let sums = x.cumsum(1);
        let totals = x.reshape([4, 15, 60]).reduce_sum(1).broadcast_to([15, 4, 60]).reshape([60, 60]);
        let row = (x.reduce_sum(0) + v.reduce_max(0)).reshape([1, 60]);
        let rows = x.reduce_sum(Axes::of([1]).keep_dims());
        let parts = [
            fused,
            x,
            v,
            c,
            product,
            (product - 1.0).square(),
            sums,
            totals,
            x.transpose(),
            fused.reverse(..),
            // The same part once more, and one that does not exist twice.
            fused,
            row.broadcast_to([60, 60]),
            rows.broadcast_to([60, 60]),
            rows.broadcast_to([60, 60]) * 2.0,
        ];
        let joined = g.concat(&parts, axis);
        let narrow =
            if axis == 0 { g.concat(&[row, row * 2.0], 0) } else { g.concat(&[rows, rows * 2.0, rows], 1) };
        // Some parts are for others as well.
        let mut fetches = vec![joined, joined * 2.0, narrow, narrow.reduce_sum(..)];
        fetches.extend([fused.reduce_sum(0), product.slice((3..7, ..)), sums, fused]);
        let array = whole(60, 60);
        let feed = || Some((x, array.clone().into_dyn()));
        let found = values(&g, &fetches, feed());
        let each = values(&g, &parts, feed());
        let views: Vec<_> = each.iter().map(|part| part.view()).collect();
        let expected = flowgrad::ndarray::concatenate(Axis(axis as usize), &views).unwrap();
        assert_eq!(found[0], expected);
        assert_eq!(found[1], expected * 2.0);
        assert_eq!(each[0], array.mapv(|x| (x * 3.0 - 1.0).abs()).into_dyn());
        assert_eq!(each[4], array.dot(&weights()).into_dyn());
        assert_eq!(found[5], array.dot(&weights()).slice(s![3..7, ..]).to_owned().into_dyn());
        for (index, &fetch) in fetches.iter().enumerate() {
            assert_eq!(values(&g, &[fetch], feed())[0], found[index], "fetch {index} by itself");
        }
    }
}

#[test]
fn joins_of_joins_and_of_nothing() {
    let g = Graph::new();
    let array = whole(30, 40);
    let x = g.variable("x", array.clone()).tensor();
    let y = x.abs();
    let columns = g.concat(&[x, y, x * 2.0], 1);
    let rows = g.concat(&[columns, columns.slice((..3, ..)), columns.reverse(0)], 0);
    let empty = x.slice((5..5, ..));
    let framed = g.concat(&[empty, x + 1.0, empty], 0).pad([(1, 2), (3, 4)], Pad::Constant(7.0));
    let again = g.concat(&[framed, framed], 1);
    let only = g.concat(&[empty, y], 0);
    let none = g.concat(&[empty, empty], 0);
    // Each is one longer than the one before, and all are read.
    let mut chain = vec![x.slice((0, ..)).reshape([1, 40])];
    for row in 1..30 {
        let next = (x.slice((row, ..)) * 2.0).reshape([1, 40]);
        chain.push(g.concat(&[chain[chain.len() - 1], next], 0));
    }
    let found =
        values(&g, &[rows, framed, again, only, none, chain[29], chain[7], chain[3].reduce_sum(..)], None);
    let wide = concatenate![Axis(1), array, array.mapv(f64::abs), &array * 2.0];
    assert_eq!(
        found[0],
        concatenate![Axis(0), wide, wide.slice(s![..3, ..]), wide.slice(s![..;-1, ..])].into_dyn()
    );
    let mut frame = Array2::from_elem((33, 47), 7.0);
    frame.slice_mut(s![1..31, 3..43]).assign(&(&array + 1.0));
    assert_eq!(found[1], frame.clone().into_dyn());
    assert_eq!(found[2], concatenate![Axis(1), frame, frame].into_dyn());
    assert_eq!(found[3], array.mapv(f64::abs).into_dyn());
    assert_eq!(found[4].shape(), [0, 40]);
    let mut chained = &array * 2.0;
    chained.row_mut(0).assign(&array.row(0));
    assert_eq!(found[5], chained.clone().into_dyn());
    assert_eq!(found[6], chained.slice(s![..8, ..]).to_owned().into_dyn());
    assert_eq!(found[7], arr0(chained.slice(s![..4, ..]).sum()).into_dyn());
}

#[test]
fn stacks_and_paddings_along_every_axis() {
    let g = Graph::new();
    let array = whole(20, 30);
    let x = g.variable("x", array.clone()).tensor();
    let numbers: Vec<_> = (0..5).map(|i| x.slice((i, i)) * 2.0).collect();
    let layers = [x, x * 2.0, x.square()];
    let cube = g.stack(&layers, 0);
    let padded = cube.pad([(1, 0), (2, 3), (0, 4)], Pad::Constant(-1.0));
    let mirrored = cube.pad([(0, 0), (3, 2), (4, 1)], Pad::Reflect);
    let mut fetches: Vec<_> = (0..3).map(|axis| g.stack(&layers, axis)).collect();
    fetches.extend([g.stack(&numbers, 0), padded, mirrored, padded.reduce_sum(2)]);
    let found = values(&g, &fetches, None);
    for (axis, found) in found[..3].iter().enumerate() {
        let expected = stack![Axis(axis), array, &array * 2.0, &array * &array];
        assert_eq!(*found, expected.into_dyn(), "axis {axis}");
    }
    assert_eq!(found[3], Array1::from_iter((0..5).map(|i| array[[i, i]] * 2.0)).into_dyn());
    let layer = stack![Axis(0), array, &array * 2.0, &array * &array];
    let mut frame = flowgrad::ndarray::Array3::from_elem((4, 25, 34), -1.0);
    frame.slice_mut(s![1.., 2..22, ..30]).assign(&layer);
    assert_eq!(found[4], frame.into_dyn());
    let mirror = |i: usize, before: usize, length: usize| {
        let from = i.abs_diff(before);
        if from < length { from } else { 2 * (length - 1) - from }
    };
    let expected = flowgrad::ndarray::Array3::from_shape_fn((3, 25, 35), |(k, i, j)| {
        layer[[k, mirror(i, 3, 20), mirror(j, 4, 30)]]
    });
    assert_eq!(found[5], expected.into_dyn());
}

#[test]
fn booleans_and_integers_are_joined_like_floats() {
    let g = Graph::new();
    let array = Array2::from_shape_fn((70, 50), |(row, column)| (row * 50 + column) as i32);
    let x = g.variable("x", array.clone()).tensor();
    for axis in [0, 1] {
        let joined = g.concat(&[x * 2, x, x - 1, x * 2], axis);
        let expected = concatenate![Axis(axis as usize), &array * 2, array, &array - 1, &array * 2];
        assert_eq!(values(&g, &[joined], None)[0], expected.into_dyn());
        let [odd, low] = [x.modulo(2).equal(1), x.less(70)];
        let booleans =
            g.concat(&[odd, low, odd.logical_not()], axis).pad([(1, 1), (2, 0)], Pad::Constant(true));
        let [odd, low] = [array.mapv(|x| x % 2 == 1), array.mapv(|x| x < 70)];
        let inner = concatenate![Axis(axis as usize), odd, low, odd.mapv(|odd| !odd)];
        let mut expected = Array2::from_elem((inner.nrows() + 2, inner.ncols() + 2), true);
        expected.slice_mut(s![1..=inner.nrows(), 2..]).assign(&inner);
        assert_eq!(values(&g, &[booleans], None)[0], expected.into_dyn());
        let wide = g.concat(&[x.cast::<i64>(), x.cast::<i64>() + 1], axis);
        let array = array.mapv(i64::from);
        assert_eq!(
            values(&g, &[wide], None)[0],
            concatenate![Axis(axis as usize), array, &array + 1].into_dyn()
        );
    }
}

#[test]
fn variables_become_joins_of_their_own_parts() {
    for (optimize, threads) in [(false, 1), (true, 1), (true, 2), (true, 3)] {
        let g = Graph::new();
        let array = whole(64, 32);
        let [v, w, half] = ["v", "w", "half"].map(|name| {
            g.variable(
                name,
                if name == "half" { array.slice(s![..32, ..]).to_owned() } else { array.clone() },
            )
        });
        let new_half = v.slice((32.., ..)) + half;
        let joined = g.concat(&[new_half, v.slice((..32, ..)) * 2.0], 0);
        // The join becomes one variable, its first part another, and a part of it, with something before, a third.
        let step = g.group([
            v.assign(joined).op(),
            half.assign(new_half).op(),
            w.assign(g.concat(&[w.slice((.., 31..)), joined.slice((.., 1..))], 1)).op(),
        ]);
        let session = Session::builder(&g).optimize(optimize).threads(threads).build().unwrap();
        let (mut ev, mut ew, mut eh) = (array.clone(), array.clone(), array.slice(s![..32, ..]).to_owned());
        for _ in 0..3 {
            let (found, ()) = session.run((joined, step)).unwrap();
            let new = &ev.slice(s![32.., ..]) + &eh;
            ev = concatenate![Axis(0), new, &ev.slice(s![..32, ..]) * 2.0];
            ew = concatenate![Axis(1), ew.slice(s![.., 31..]), ev.slice(s![.., 1..])];
            eh = new;
            assert_eq!(found, ev.clone().into_dyn());
        }
        assert_eq!(session.run(v).unwrap(), ev.into_dyn());
        assert_eq!(session.run(w).unwrap(), ew.into_dyn());
        assert_eq!(session.run(half).unwrap(), eh.into_dyn());
    }
}

#[test]
fn gradients_of_parts_stand_among_zeros() {
    let g = Graph::new();
    let array = whole(24, 36);
    let x = g.variable("x", array.clone()).tensor();
    let y = g.variable("y", array.clone() * 2.0).tensor();
    let joined = g.concat(&[x * 2.0, y, x], 1);
    let weights = g.constant(whole(24, 108));
    let (rows, parts) = (x.unstack(0), y.split_sizes([6, 0, 10, 20], 1));
    let loss = (joined * weights).reduce_sum(..)
        + (rows[3] * rows[20]).reduce_sum(..)
        + parts[0].reduce_sum(..)
        + (parts[3] * 3.0).reduce_sum(..)
        + (x.slice((5..9, 7..20)) * -0.0).reduce_sum(..);
    let [dx, dy] = loss.gradients([x, y]);
    let found = values(&g, &[dx, dy], None);
    let scale = whole(24, 108);
    let mut expected = &scale.slice(s![.., ..36]) * 2.0 + scale.slice(s![.., 72..]);
    let (first, second) = (array.row(20).to_owned(), array.row(3).to_owned());
    expected.row_mut(3).zip_mut_with(&first, |sum, x| *sum += x);
    expected.row_mut(20).zip_mut_with(&second, |sum, x| *sum += x);
    assert_eq!(found[0], expected.into_dyn());
    let mut expected = scale.slice(s![.., 36..72]).to_owned();
    expected.slice_mut(s![.., ..6]).mapv_inplace(|x| x + 1.0);
    expected.slice_mut(s![.., 16..]).mapv_inplace(|x| x + 3.0);
    assert_eq!(found[1], expected.into_dyn());
    // What is put among zeros has no negative ones.
    let [slope] = (x.slice((5..9, 7..20)) * -0.0).reduce_sum(..).gradients([x]);
    assert!(values(&g, &[slope], None)[0].iter().all(|x| x.to_bits() == 0));
}

#[test]
fn large_joins_are_shared_among_threads() {
    let g = Graph::new();
    let array = Array2::from_shape_fn((1500, 400), |(row, column)| (row * 400 + column) as f32);
    let (x, y) = (g.variable("x", array.clone()).tensor(), g.variable("y", array.clone() + 1.0).tensor());
    let columns = g.concat(&[x.sqrt(), y, (x + y).sqrt(), x], 1);
    let rows = g.concat(&[x.sqrt(), y, (x + y).sqrt(), x], 0);
    let found = values(&g, &[columns, rows, (columns + 1.0).reduce_max(0)], None);
    let parts = [array.mapv(f32::sqrt), &array + 1.0, array.mapv(|x| (x + (x + 1.0)).sqrt()), array];
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    for (axis, found) in [(1, &found[0]), (0, &found[1])] {
        assert!(
            *found == flowgrad::ndarray::concatenate(Axis(axis), &views).unwrap().into_dyn(),
            "axis {axis}"
        );
    }
}

#[test]
fn a_part_of_a_result_may_be_read_again_by_what_writes_it() {
    for rows in [1, 2, 50] {
        let g = Graph::new();
        let x = g.placeholder::<f32>("x", [None, Some(7)]);
        let p = x.tanh();
        let joined = g.concat(&[x, p], 1).tanh().reduce_sum(0);
        let scaled = p * p.reduce_sum(1).expand_dims(1);
        let values =
            flowgrad::ndarray::Array2::from_shape_fn((rows, 7), |(i, j)| (i * 7 + j) as f32 * 0.01 - 0.3);
        let run = |code: bool| {
            let session = Session::builder(&g).threads(1).machine_code(code).build().unwrap();
            session.feed(x, &values).run((scaled, joined)).unwrap()
        };
        assert_eq!(run(true), run(false));
    }
}
