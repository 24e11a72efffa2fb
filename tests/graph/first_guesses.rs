//! What users of NumPy, PyTorch and TensorFlow write first, and what comes of it.

use flowgrad::op::AnyTensor;
use flowgrad::prelude::*;
use flowgrad::{Error, Length};
use ndarray::{Array2, ArrayD, arr0, arr1, arr2, array};

/// The first build error, without its place.
fn fault(g: &Graph) -> String {
    g.check().unwrap_err().to_string().split(" built at ").next().unwrap().to_owned()
}

#[test]
fn shapes_are_numbers_arrays_and_tuples() {
    let g = Graph::new();
    let shape = |x: Tensor<'_, f32>| x.shape().to_string();
    assert_eq!(shape(g.placeholder("scalar", [])), "[]");
    assert_eq!(shape(g.placeholder("unit", ())), "[]");
    assert_eq!(shape(g.placeholder("one", 3)), "[3]");
    assert_eq!(shape(g.placeholder("open", None)), "[?]");
    assert_eq!(shape(g.placeholder("mixed", (None, 3))), "[?, 3]");
    let n = vec![0; 4].len();
    assert_eq!(shape(g.variable("zeros", zeros(n)).tensor()), "[4]");
    assert_eq!(shape(g.variable("none", ones([])).tensor()), "[]");
    assert_eq!(shape(g.variable("glorot", glorot_uniform((n, 2))).tensor()), "[4, 2]");
    let x = g.zeros::<f32>((n, 6));
    assert_eq!(shape(x.reshape([2, n, 3])), "[2, 4, 3]");
    assert_eq!(shape(x.reshape((n, -1, 2))), "[4, 3, 2]");
    assert_eq!(shape(x.reduce_sum(x.shape().rank() - 1)), "[4]");
    assert_eq!((x.shape()[0], &x.shape()[1..]), (Some(4), &[Some(6)][..]));
    assert_eq!(shape(x.slice((0..n - 1, n))), "[3]");
    assert_eq!(shape(x.slice([n - 1, 2])), "[]");
    assert_eq!(shape(x.slice((.., 1..=n))), "[4, 4]");
    g.check().unwrap();

    g.variable::<f32>("unknown", zeros((None, 3)));
    assert_eq!(
        fault(&g),
        "zeros: expected a shape whose lengths are known, got [?, 3], in `unknown` (variable)"
    );
}

#[test]
fn lists_are_constants_feeds_and_fetches() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let y = x * g.constant([1.0, 2.0]) + g.variable("w", vec![0.5, 0.25]);
    let session = Session::new(&g)?;
    let expected = arr1(&[10.5, 40.25]).into_dyn();
    assert_eq!(session.feed(x, &vec![10.0, 20.0]).run(&[y])?, std::slice::from_ref(&expected));
    assert_eq!(session.feed(x, &[10.0, 20.0][..]).run(&vec![y])?, std::slice::from_ref(&expected));
    assert_eq!(session.make_callable(x, &[y][..])?.call(&[10.0, 20.0])?, [expected]);
    let rows = session.run(g.constant([[1, 2, 3], [4, 5, 6]]))?;
    assert_eq!(rows, arr2(&[[1, 2, 3], [4, 5, 6]]).into_dyn());
    Ok(())
}

#[test]
fn one_element_is_an_item() -> Result<()> {
    assert_eq!(arr0(2.5).item()?, 2.5);
    assert_eq!(array![[[7_i32]]].view().item()?, 7);
    assert!(Value::from(arr1(&[true])).item::<bool>()?);
    let shape = |error: Error| match error {
        Error::NotOneElement { shape } => shape,
        other => panic!("{other}"),
    };
    assert_eq!(shape(arr1(&[1.0, 2.0]).item().unwrap_err()), [2]);
    assert_eq!(shape(Array2::<f32>::zeros((0, 3)).item().unwrap_err()), [0, 3]);
    assert_eq!(shape(Value::from(arr1(&[1, 2])).item::<f32>().unwrap_err()), [2]);
    let message = Value::from(arr0(1.0)).item::<f32>().unwrap_err().to_string();
    assert_eq!(message, "expected elements of f32, got f64");
    let message = arr2(&[[1.0, 2.0]]).item().unwrap_err().to_string();
    assert_eq!(message, "expected an array of one element, got shape [1, 2]");
    Ok(())
}

#[test]
#[allow(clippy::op_ref, reason = "references are what it is about")]
fn references_are_operands() -> Result<()> {
    let g = Graph::new();
    let (x, w) = (g.constant([1.0, 2.0]), g.variable("w", 3.0));
    let mut sum = &x + &x - &w * &x / 2.0 + 2.0 * &x - 1.0 / &w;
    sum -= -&x;
    sum *= w;
    let any = &x.any() + &x.any() * 2.0 - w.any();
    let (sum, any) = Session::new(&g)?.run((sum, any))?;
    let expected = |x: f64| (2.0 * x - 3.0 * x / 2.0 + 2.0 * x - 1.0 / 3.0 + x) * 3.0;
    assert_eq!(sum, arr1(&[expected(1.0), expected(2.0)]).into_dyn());
    assert_eq!(any, Value::from(arr1(&[0.0, 3.0])));
    Ok(())
}

#[test]
fn iterators_of_tensors_have_sums() -> Result<()> {
    let g = Graph::new();
    let terms: Vec<Tensor<'_, f64>> =
        (1..=7).map(|i| g.constant(f64::from(i)) * g.constant([1.0, 2.0])).collect();
    let (sum, again): (Tensor<f64>, AnyTensor) =
        (terms.iter().sum(), terms.iter().map(|term| term.any()).sum());
    let [gradient] = sum.gradients([terms[3]]);
    let (sum, again, gradient) = Session::new(&g)?.run((sum, again, gradient))?;
    assert_eq!(sum, arr1(&[28.0, 56.0]).into_dyn());
    assert_eq!((again, gradient.sum()), (Value::from(sum), 2.0));
    Ok(())
}

/// A sum of numbers that no float has keeps the digits that a sum in order loses.
#[test]
fn sums_of_tensors_are_added_in_pairs() -> Result<()> {
    let g = Graph::new();
    let sum: Tensor<f32> = (0..1 << 12).map(|_| g.constant(0.1_f32)).sum();
    let sum = Session::builder(&g).optimize(false).build()?.run(sum)?.item()?;
    assert_eq!(sum, 0.1 * 4096.0);
    Ok(())
}

#[test]
fn faults_in_a_sum_name_the_line_that_built_the_term() {
    let g = Graph::new();
    let a = g.placeholder::<f32>("a", [2]);
    let b = g.placeholder::<f32>("b", [3]);
    let line = line!() - 1;
    let _: Tensor = [a, b].into_iter().sum();
    let message = g.check().unwrap_err().to_string();
    let expected = "expected shapes that broadcast, got [2] and [3], in `add` (add) built at ";
    assert!(message.starts_with(&format!("{expected}{}:{line}:", file!())), "{message}");
}

#[test]
fn the_sum_of_nothing_is_invalid_and_what_is_built_on_it() {
    let none = || std::iter::empty::<Tensor<'_, f64>>().sum::<Tensor<'_, f64>>();
    let expected = "expected at least one tensor to add up, got none";
    let builds: [fn(Tensor<'_, f64>, Tensor<'_, f64>); 4] = [
        |none, x| drop((none + x).name()),
        |none, x| drop((x + none).name()),
        |none, x| drop((none * 2.0).exp().matmul(x).name()),
        |none, x| drop(x.graph().concat(&[none.expand_dims(0), x], 0).name()),
    ];
    for build in builds {
        let g = Graph::new();
        build(none(), g.placeholder::<f64>("x", [2]));
        assert!(fault(&g).starts_with(expected), "{}", fault(&g));
    }
    let session = Session::new(&Graph::new()).unwrap();
    assert!(session.run(none()).unwrap_err().to_string().starts_with(expected));
    assert!(session.run(none() * 2.0).unwrap_err().to_string().starts_with(expected));
}

#[test]
fn products_with_vectors_are_those_of_numpy() -> Result<()> {
    let g = Graph::new();
    let shape = |a: &[usize], b: &[usize]| {
        g.placeholder::<f64>("a", a).matmul(g.placeholder::<f64>("b", b)).shape().to_string()
    };
    assert_eq!(shape(&[3], &[3]), "[]");
    assert_eq!(shape(&[2, 3], &[3]), "[2]");
    assert_eq!(shape(&[3], &[3, 4]), "[4]");
    assert_eq!(shape(&[5, 2, 3], &[3]), "[5, 2]");
    assert_eq!(shape(&[3], &[5, 3, 4]), "[5, 4]");
    g.check()?;
    let (a, v) = (g.placeholder::<f64>("m", [None, None]), g.placeholder::<f64>("v", [None]));
    let (right, left, both) = (a.matmul(v), v.matmul(a.transpose()), v.matmul(v));
    let [da, dv] = right.reduce_sum(..).gradients([a, v]);
    assert_eq!((right.shape().to_string(), both.shape().to_string()), ("[?]".to_owned(), "[]".to_owned()));
    let session = Session::new(&g)?;
    let rows = arr2(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    let fed = session.feed(a, &rows).feed(v, &[10.0, 1.0]);
    let ([right, left, da, dv], both) = fed.run(([right, left, da, dv], both))?;
    assert_eq!((&right, right.shape()), (&left, &[3][..]));
    assert_eq!(right, arr1(&[12.0, 34.0, 56.0]).into_dyn());
    assert_eq!(da, arr2(&[[10.0, 1.0]; 3]).into_dyn());
    assert_eq!((dv, both.item()?), (arr1(&[9.0, 12.0]).into_dyn(), 101.0));

    let whole = g.constant([1_i64, 2]);
    assert_eq!(session.run(whole.matmul(whole))?.item()?, 5);
    let error = session.feed(a, &arr2(&[[1.0]])).feed(v, &[1.0, 2.0]).run(a.matmul(v)).unwrap_err();
    assert!(
        error.to_string().starts_with("expected equal inner lengths of [1, 1] · [2], got 1 and 2"),
        "{error}"
    );
    Ok(())
}

#[test]
fn a_default_is_what_is_not_fed() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", arr1(&[1.0, 2.0]));
    let x = g.placeholder_with_default("x", w * 2.0, [None]);
    assert_eq!((x.shape().to_string(), x.name()), ("[?]".to_owned(), "x".to_owned()));
    let y = x.square().reduce_sum(..);
    let [dx, dw] = y.gradients([x, w.tensor()]);
    let session = Session::new(&g)?;
    let (y0, dx0, dw0) = session.run((y, dx, dw))?;
    assert_eq!((y0.item()?, dx0, dw0), (20.0, arr1(&[4.0, 8.0]).into_dyn(), arr1(&[8.0, 16.0]).into_dyn()));
    // As long as it likes, and the default is not computed.
    assert_eq!(session.feed(x, &[1.0, 1.0, 1.0]).run(y)?.item()?, 3.0);
    // It sees the variable as its reader does.
    let after = g.control_dependencies(&[w.assign_add(1.0).op()], || x + w);
    let (before, _) = session.run((x * 1.0, after))?;
    assert_eq!(before, arr1(&[2.0, 4.0]).into_dyn());

    let open = g.placeholder::<f64>("open", [None]);
    let three = g.placeholder_with_default("three", open, [3]);
    let error = session.feed(open, &[1.0]).run(three).unwrap_err().to_string();
    assert!(
        error.starts_with("expected shape [3], got [1], in `three` (placeholder_with_default)"),
        "{error}"
    );
    assert_eq!(session.feed(open, &[1.0; 3]).run(three)?.sum(), 3.0);
    // Inside of a function, and around one.
    let doubled = g.function(x, |x| x * 2.0);
    assert_eq!(session.run(doubled.call(x))?, arr1(&[8.0, 12.0]).into_dyn());
    g.placeholder_with_default("wrong", w, [3]);
    assert_eq!(fault(&g), "expected shape [3], got [2], in `wrong` (placeholder_with_default)");
    Ok(())
}

#[test]
fn labels_and_indices_may_be_i32() -> Result<()> {
    fn all<'g>(x: Tensor<'g, f64>, i: AnyTensor<'g>) -> Vec<Tensor<'g, f64>> {
        let any = x.any();
        let rows = any.gather(i, 0);
        let along = any.take_along_axis(i.expand_dims(-1), 1);
        let at = any.gather_nd(i.expand_dims(-1));
        let added = any.scatter_add(i, rows, 0);
        let loss = any.sparse_softmax_cross_entropy(i);
        let hot = i.one_hot(3, DType::F64);
        let values = [rows, along, at, added, loss, hot].map(AnyTensor::typed::<f64>);
        let [gradient] =
            values[..5].iter().map(|y| y.square().reduce_sum(..)).sum::<Tensor<f64>>().gradients([x]);
        values.into_iter().chain([gradient]).collect()
    }
    let g = Graph::new();
    let x = g.constant([[0.5, 1.0, -2.0], [3.0, 0.25, 1.5]]);
    let short = g.placeholder::<i32>("short", [None]);
    let typed = [
        x.gather(short, 0),
        x.gather_nd(short.expand_dims(-1)),
        x.take_along_axis(short.expand_dims(-1), 1),
        x.scatter_add(short, x, 0),
        x.sparse_softmax_cross_entropy(short),
        short.one_hot(3),
        Embedding::<f64>::new(&g, "table", 3, 2).call(short),
    ];
    let long = short.cast::<i64>();
    let session = Session::new(&g)?;
    let fed = || session.feed(short, &[1, 0]);
    let (mut a, b) = fed().run((all(x, short.any()), all(x, long.any())))?;
    assert_eq!(a, b);
    let typed = fed().run(&typed[..6])?;
    a.swap(1, 2);
    assert_eq!(typed[..6].len(), 6);
    assert_eq!((&typed[0], &typed[1], &typed[2], &typed[4], &typed[5]), (&a[0], &a[1], &a[2], &a[4], &a[5]));
    assert_eq!(session.run(x.gather(1, 0))?, arr1(&[3.0, 0.25, 1.5]).into_dyn());
    assert_eq!(session.run(x.gather(1_i64, 0))?, session.run(x.gather(1_i32, 0))?);

    // Each is told as it was given.
    let wrong = || session.feed(short, &[0, 7]);
    let error = wrong().run(x.sparse_softmax_cross_entropy(short)).unwrap_err().to_string();
    assert!(error.starts_with("expected a label from 0 to 2") || error.contains('7'), "{error}");
    let error = wrong().run(x.gather(short, 0)).unwrap_err().to_string();
    assert!(error.contains('7') && error.contains("[1]"), "{error}");
    Ok(())
}

#[test]
fn draws_have_computed_lengths() -> Result<()> {
    let g = Graph::with_seed(3);
    let x = g.placeholder::<f32>("x", [None, Some(2)]);
    let noise = g.random_normal((x.dim(0), 3), 0.0_f64, 1.0);
    let coins = g.bernoulli([x.dim(0) * x.dim(1)], 0.5);
    let dice = g.random_uniform(x.lengths(), 1_i64, 7);
    let shapes = [noise.shape(), coins.shape(), dice.shape()].map(|shape| shape.to_string());
    assert_eq!(shapes, ["[?, 3]", "[?]", "[?, 2]"]);
    let session = Session::new(&g)?;
    let (noise, coins, dice) = session.feed(x, &Array2::zeros((5, 2))).run((noise, coins, dice))?;
    assert_eq!((noise.shape(), coins.shape(), dice.shape()), (&[5, 3][..], &[10][..], &[5, 2][..]));
    let _ = Length::from(2);
    Ok(())
}

#[test]
fn identities_and_sizes_of_images_are_told_as_other_lengths_are() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let regularized = x.matmul(x.transpose()) + g.eye(x.dim(0)) * 0.5;
    assert_eq!(regularized.shape().to_string(), "[?, ?]");
    let found = Session::new(&g)?.feed(x, &arr2(&[[1.0, 2.0], [0.0, 1.0]])).run(regularized)?;
    assert_eq!(found, arr2(&[[5.5, 2.0], [2.0, 1.5]]).into_dyn());
    let images = g.placeholder::<f32>("images", [None, Some(2), Some(2), Some(1)]);
    assert_eq!(images.resize_bilinear(3).shape().to_string(), "[?, 3, 3, 1]");
    assert_eq!(images.resize_nearest_neighbor([1, 4]).shape().to_string(), "[?, 1, 4, 1]");
    g.check()?;
    for (build, words) in [
        (
            (|g| g.eye::<f64>(-1).any()) as for<'g> fn(&'g Graph) -> AnyTensor<'g>,
            "lengths of 0 or more, got [-1]",
        ),
        (|g| g.zeros::<f64>([1, 2, 2, 1]).resize_bilinear(0).any(), "a size of at least 1 by 1, got 0 by 0"),
    ] {
        let g = Graph::new();
        build(&g);
        let error = g.check().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    Ok(())
}

#[test]
fn lengths_stand_inside_of_functions_and_loops_of_gradients() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let flat = g.function(x, |x| x.reshape([x.dim(0) * x.dim(1)]).square());
    let y = flat.call(x);
    let [dx] = y.gradients([x]);
    let [ddx] = (dx * dx).gradients([x]);
    let fed = arr2(&[[1.0, 2.0], [3.0, 4.0]]);
    let [y, dx, ddx] = Session::new(&g)?.feed(x, &fed).run([y, dx, ddx])?;
    assert_eq!(y, arr1(&[1.0, 4.0, 9.0, 16.0]).into_dyn());
    assert_eq!((dx, ddx), ((2.0 * &fed).into_dyn(), (8.0 * &fed).into_dyn()));
    Ok(())
}

#[test]
fn filled_tensors_take_no_memory() -> Result<()> {
    let g = Graph::new();
    let large = g.fill([1_usize << 40, 1 << 20], 0.5_f32);
    assert_eq!(large.shape().to_string(), "[1099511627776, 1048576]");
    let few = large.slice((3, ..2)) + g.ones(2) + g.zeros([]);
    assert_eq!(Session::new(&g)?.run(few)?, ArrayD::from_elem(vec![2], 1.5));
    Ok(())
}
