//! Runs whose number of feeds and fetches is known only at run time, and whose element types may be.

use flowgrad::ndarray::{Array1, ArrayD, arr0, arr1};
use flowgrad::op::AnyTensor;
use flowgrad::prelude::*;

/// Twenty tensors, more than a tuple takes, and their sum, each times its number.
fn many(g: &Graph) -> (Vec<Tensor<'_, f64>>, Tensor<'_, f64>) {
    let xs: Vec<Tensor<'_, f64>> = (0..20).map(|i| g.placeholder(&format!("x{i}"), [None])).collect();
    let terms = xs.iter().zip(0..).map(|(&x, i)| x * f64::from(i));
    (xs.clone(), terms.reduce(|sum, term| sum + term).unwrap())
}

#[test]
fn a_chain_of_feeds_starts_empty() -> Result<()> {
    let g = Graph::new();
    let (xs, sum) = many(&g);
    let session = Session::new(&g)?;
    let arrays: Vec<Array1<f64>> = (0..20).map(|i| arr1(&[f64::from(i), 1.0])).collect();
    let feeding = xs.iter().zip(&arrays).fold(session.feeds(), |feeding, (&x, array)| feeding.feed(x, array));
    assert_eq!(feeding.run(sum)?, arr1(&[2470.0, 190.0]).into_dyn());

    let two = g.constant(2.0_f32);
    assert_eq!(session.feeds().run(two)?.sum(), 2.0, "nothing is fed");
    let fed = Value::from(arr0(3.0_f32));
    assert_eq!(session.feeds().feed_value(two, &fed).run(two * 2.0)?.sum(), 6.0);
    Ok(())
}

#[test]
fn callables_take_lists_in_every_form() -> Result<()> {
    let g = Graph::new();
    let (xs, sum) = many(&g);
    let session = Session::new(&g)?;
    let arrays = vec![arr1(&[1.0, 2.0]); 20];
    let expected = arr1(&[190.0, 380.0]).into_dyn();

    let call = session.make_callable(xs.clone(), sum)?;
    assert_eq!(call.call(&arrays)?, expected);
    assert_eq!(call.call(&arrays[..])?, expected);
    assert_eq!(call.call(arrays.iter().collect::<Vec<_>>())?, expected);
    assert_eq!(call.call(arrays.iter().map(|array| array.view()).collect::<Vec<_>>())?, expected);
    assert_eq!(call.call([(); 20].map(|()| arrays[0].view()))?, expected);
    assert_eq!(call.clone().call(&arrays)?, expected);

    let [a, b] = [xs[1], xs[2]];
    let pair = session.make_callable([a, b], vec![a, b, a + b])?;
    let two = [arr1(&[1.0]), arr1(&[5.0])];
    let sums = |found: Vec<ArrayD<f64>>| found.iter().map(|array| array.sum()).collect::<Vec<_>>();
    assert_eq!(sums(pair.call(&two)?), [1.0, 5.0, 6.0]);
    assert_eq!(sums(pair.call([&two[1], &two[0]])?), [5.0, 1.0, 6.0]);
    // Lists in lists and tuples, of lengths that differ.
    let nested = session.make_callable((vec![vec![a], vec![]], b), [a + b])?;
    let [sum] = nested.call((vec![vec![&two[0]], vec![]], two[1].view()))?;
    assert_eq!(sum.sum(), 6.0);
    Ok(())
}

#[test]
fn callables_take_and_give_untyped_tensors() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let n = g.placeholder::<i64>("n", ());
    let feeds: Vec<AnyTensor<'_>> = vec![x.any(), n.any()];
    let fetches: Vec<AnyTensor<'_>> = vec![(x * n.cast()).any(), (n + 1).any(), x.greater(1.0).any()];
    let session = Session::new(&g)?;
    let call = session.make_callable(feeds, fetches)?;
    let values = [Value::from(arr1(&[1.0, 2.0])), Value::from(arr0(3_i64))];
    let found = call.call(&values)?;
    let expected =
        [Value::from(arr1(&[3.0, 6.0])), Value::from(arr0(4_i64)), Value::from(arr1(&[false, true]))];
    assert_eq!(found, expected);
    assert_eq!(call.call(&Vec::from(values.clone()))?, expected);
    assert_eq!(call.call([&values[0], &values[1]])?, expected);

    // Untyped ones beside typed ones, fed values or arrays.
    let mixed = session.make_callable((x.any(), n), (x.any(), n))?;
    let (value, array) = mixed.call((&arr1(&[1.0]), 2))?;
    assert_eq!((value, array.sum()), (Value::from(arr1(&[1.0])), 2));
    let (value, _) = mixed.call((arr1(&[4.0]).view(), 2))?;
    assert_eq!(value, Value::from(arr1(&[4.0])));
    let (value, _) = mixed.call((&values[0], 2))?;
    assert_eq!(value, values[0]);
    Ok(())
}

/// What does not fit is an error, before anything runs.
#[test]
fn lists_that_do_not_fit_are_refused() -> Result<()> {
    let g = Graph::new();
    let (xs, sum) = many(&g);
    let v = g.variable("v", 0.0_f64);
    let count = v.assign_add(1.0);
    let session = Session::new(&g)?;
    let call = session.make_callable(xs[..2].to_vec(), (xs[0] + xs[1], count.op()))?;
    let one = arr1(&[1.0]);
    for length in [0, 1, 3] {
        let error = call.call(vec![&one; length]).unwrap_err();
        assert!(matches!(error, Error::FeedCount { site: Some(_), expected: 2, found } if found == length));
        let words = format!("the list of feeds from `x0` (placeholder) built at {}:", file!());
        assert!(error.to_string().starts_with(&words), "{error}");
        assert!(error.to_string().ends_with(&format!(" on: expected 2 arrays, got {length}")), "{error}");
    }
    // As many in all, but not in each list.
    let lists = session.make_callable([vec![xs[0]], vec![xs[1], xs[2]]], count)?;
    assert!(matches!(
        lists.call([vec![&one, &one], vec![&one]]),
        Err(Error::FeedCount { expected: 1, found: 2, .. })
    ));
    let empty = session.make_callable(Vec::<Tensor<'_, f64>>::new(), count)?;
    assert_eq!(
        empty.call(vec![&one]).unwrap_err().to_string(),
        "an empty list of feeds: expected 0 arrays, got 1"
    );

    let untyped = session.make_callable(vec![xs[0].any()], (sum, count))?;
    assert!(matches!(untyped.call([&arr1(&[1.0_f32])]), Err(Error::FeedType { .. })));
    assert!(matches!(untyped.call([&arr0(1.0)]), Err(Error::FeedShape { .. })));
    assert!(matches!(session.make_callable(vec![xs[0]; 2], count), Err(Error::FedTwice(_))));
    assert_eq!(session.run(v)?.sum(), 0.0);
    Ok(())
}
