//! Attention: the layer against its formula, head by head, what masks hide, and the words of its errors.

use flowgrad::ndarray::{Array2, ArrayD, Axis, Ix2, Ix3, s};
use flowgrad::prelude::*;
use flowgrad::testing::GradientCheck;

use super::{MODES, assert_near, fault, for_floats, numbers, slope_tolerance, spread};

/// What one head sees: softmax(q·kᵀ/√depth)·v, by whether a query sees a key.
fn head(
    query: &Array2<f64>,
    key: &Array2<f64>,
    value: &Array2<f64>,
    sees: &dyn Fn(usize, usize) -> bool,
) -> Array2<f64> {
    let products = query.dot(&key.t()) / (query.ncols() as f64).sqrt();
    let weights =
        Array2::from_shape_fn(products.dim(), |(i, j)| if sees(i, j) { products[[i, j]].exp() } else { 0.0 });
    let sums = weights.sum_axis(Axis(1)).mapv(|sum| if sum == 0.0 { 1.0 } else { sum });
    (weights / sums.insert_axis(Axis(1))).dot(value)
}

/// A layer of width 6 with numbers in all its variables.
fn layer<T: Float>(g: &Graph, heads: usize) -> MultiHeadAttention<'_, T> {
    let part = |name: &str, salt| Dense {
        name: name.to_owned(),
        kernel: g.variable(&format!("mha/{name}/kernel"), spread::<T>(&[6, 6], salt)),
        bias: Some(g.variable(&format!("mha/{name}/bias"), spread::<T>(&[6], salt + 1))),
    };
    MultiHeadAttention {
        name: "mha".to_owned(),
        heads,
        query: part("query", 1),
        key: part("key", 3),
        value: part("value", 5),
        output: part("output", 7),
        attention: Attention::new(),
    }
}

/// The layer by its formula, for queries and what they look at, of one batch.
fn plain(
    x: &ArrayD<f64>,
    memory: &ArrayD<f64>,
    heads: usize,
    sees: &dyn Fn(usize, usize) -> bool,
) -> ArrayD<f64> {
    let weights = |salt| {
        let kernel = numbers::<f64>(&spread(&[6, 6], salt)).into_dimensionality::<Ix2>().unwrap();
        (kernel, numbers::<f64>(&spread(&[6], salt + 1)))
    };
    let dense = |x: &Array2<f64>, salt| {
        let (kernel, bias) = weights(salt);
        x.dot(&kernel) + &bias.into_dimensionality::<flowgrad::ndarray::Ix1>().unwrap()
    };
    let [x, memory] = [x, memory].map(|x| x.clone().into_dimensionality::<Ix3>().unwrap());
    let rows = x.outer_iter().zip(memory.outer_iter()).map(|(x, memory)| {
        let (query, key, value) =
            (dense(&x.to_owned(), 1), dense(&memory.to_owned(), 3), dense(&memory.to_owned(), 5));
        let depth = 6 / heads;
        let parts: Vec<Array2<f64>> = (0..heads)
            .map(|at| {
                let [query, key, value] =
                    [&query, &key, &value].map(|x| x.slice(s![.., at * depth..(at + 1) * depth]).to_owned());
                head(&query, &key, &value, sees)
            })
            .collect();
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        dense(&flowgrad::ndarray::concatenate(Axis(1), &views).unwrap(), 7)
    });
    let rows: Vec<Array2<f64>> = rows.collect();
    flowgrad::ndarray::stack(Axis(0), &rows.iter().map(|row| row.view()).collect::<Vec<_>>())
        .unwrap()
        .into_dyn()
}

fn the_layer_is_its_formula<T: Float>(tolerance: f64) {
    for heads in [1, 2, 3, 6] {
        let g = Graph::new();
        let [x, memory] = ["x", "memory"].map(|name| g.placeholder::<T>(name, [None, None, Some(6)]));
        let layer = layer::<T>(&g, heads);
        let itself = MODES.map(|mode| layer.call(x, mode));
        let causal = layer.clone().causal().call(x, Mode::Train);
        let across = layer.attend(x, memory);
        let (fed, other) = (spread::<T>(&[2, 4, 6], 11), spread::<T>(&[2, 3, 6], 13));
        let session = Session::new(&g).unwrap();
        let (itself, causal, across) =
            session.feed(x, &fed).feed(memory, &other).run((itself, causal, across)).unwrap();
        let (fed, other) = (numbers(&fed), numbers(&other));
        for y in &itself {
            assert_near(y, &plain(&fed, &fed, heads, &|_, _| true), 100.0 * tolerance);
        }
        assert_near(&causal, &plain(&fed, &fed, heads, &|query, key| key <= query), 100.0 * tolerance);
        assert_near(&across, &plain(&fed, &other, heads, &|_, _| true), 100.0 * tolerance);
    }
}

fn gradients_are_those_of_central_differences<T: Float>(_: f64) {
    let g = Graph::new();
    let x = g.constant(spread::<T>(&[2, 3, 6], 3));
    let layer = layer::<T>(&g, 2).causal();
    let y = layer.call(x, Mode::Train).tanh();
    let targets = [x, layer.query.kernel.tensor(), layer.key.kernel.tensor(), layer.value.kernel.tensor()];
    GradientCheck::of(&g, y).wrt(&targets).unwrap().assert_close(10.0 * slope_tolerance::<T>());
}

for_floats!(the_layer_is_its_formula, gradients_are_those_of_central_differences);

/// What a mask hides has no part in values or gradients, not even infinite numbers in its scores.
#[test]
fn what_is_hidden_does_not_matter() -> Result<()> {
    let g = Graph::new();
    let layer = layer::<f64>(&g, 2);
    let x = g.placeholder::<f64>("x", [None, None, Some(6)]);
    let is_there = g.placeholder::<bool>("is_there", [None, None]);
    let y = layer.attend_where(x, x, is_there.expand_dims(1));
    let [dx] = (y * y).gradients([x]);
    let session = Session::new(&g)?;
    let fed = spread::<f64>(&[1, 4, 6], 3);
    let mask = Array2::from_shape_fn((1, 4), |(_, key)| key != 2);
    let (y, dx) = session.feed(x, &fed).feed(is_there, &mask).run((y, dx))?;
    assert_near(&y, &plain(&fed, &fed, 2, &|_, key| key != 2), 1e-12);
    assert!(dx.iter().all(|slope| slope.is_finite()));

    // Padding is seen by nobody, and gives what the output makes of zeros where it sees nobody itself.
    let nobody = Array2::from_elem((1, 4), false);
    let all = layer.attend_where(x, x, is_there.expand_dims(1));
    let alone = session.feed(x, &fed).feed(is_there, &nobody).run(all)?;
    let bias = numbers::<f64>(&spread(&[6], 8));
    for row in alone.rows() {
        assert_near(&row.to_owned().into_dyn(), &bias, 1e-15);
    }
    let [dx] = all.gradients([x]);
    assert!(session.feed(x, &fed).feed(is_there, &nobody).run(dx)?.iter().all(|&slope| slope == 0.0));

    // Scores beyond the largest number, of keys that are hidden.
    let g = Graph::new();
    let key = g.constant(Array2::from_shape_vec((2, 1), vec![1.0, 1e308]).unwrap());
    let query = g.constant(Array2::from_elem((1, 1), 1e10));
    let mask = g.constant(Array2::from_shape_vec((1, 2), vec![true, false]).unwrap());
    let value = g.constant(Array2::from_shape_vec((2, 1), vec![3.0, 5.0]).unwrap());
    let y = query.masked_scaled_dot_product_attention(key, value, mask, Attention::new());
    let [dq, dk] = y.gradients([query, key]);
    let (y, dq, dk) = Session::new(&g)?.run((y, dq, dk))?;
    assert_eq!(y.sum(), 3.0);
    assert!(dq.iter().chain(&dk).all(|&slope| slope == 0.0), "{dq} {dk}");
    Ok(())
}

#[test]
fn a_causal_layer_does_not_see_what_comes() -> Result<()> {
    let g = Graph::new();
    let layer = layer::<f64>(&g, 3).causal();
    let x = g.placeholder::<f64>("x", [None, None, Some(6)]);
    let y = layer.call(x, Mode::Predict);
    let session = Session::new(&g)?;
    let mut fed = spread::<f64>(&[1, 5, 6], 3);
    let before = session.feed(x, &fed).run(y)?;
    fed.slice_mut(s![.., 3.., ..]).fill(9.0);
    let after = session.feed(x, &fed).run(y)?;
    assert_eq!(before.slice(s![.., ..3, ..]), after.slice(s![.., ..3, ..]));
    assert_ne!(before, after);
    Ok(())
}

#[test]
fn what_does_not_fit() {
    let words = |heads: usize, build: fn(&Graph) -> Tensor<'_, f64>| {
        let g = Graph::new();
        let x = build(&g);
        MultiHeadAttention::new(&g, "mha", 6, heads).call(x, Mode::Train);
        fault(&g)
    };
    let sequences: fn(&Graph) -> Tensor<'_, f64> = |g| g.placeholder("x", [None, None, Some(6)]);
    for heads in [0, 4] {
        let found = words(heads, sequences);
        assert!(
            found.starts_with(&format!("expected a number of heads that divides the width 6, got {heads}")),
            "{found}"
        );
    }
    let found = words(2, |g| g.placeholder("x", [None, Some(6)]));
    assert!(found.starts_with("expected sequences of [batch, time, 6], got [?, 6]"), "{found}");
    let found = words(2, |g| g.placeholder("x", [None, None, Some(5)]));
    assert!(found.starts_with("expected sequences of [batch, time, 6], got [?, ?, 5]"), "{found}");

    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, None]);
    x.scaled_dot_product_attention(x, x, Attention::new());
    let expected =
        "expected queries [.., time, depth] of a depth that is known while building, or a scale, got [?, ?]";
    assert!(fault(&g).starts_with(expected), "{}", fault(&g));
}
