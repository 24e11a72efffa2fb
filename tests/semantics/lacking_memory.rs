//! Lines 28 and 33, arrays that no memory holds: views that repeat or overlap, which cost nothing to make.

use flowgrad::data::{DataError, Dataset, Standardiser};
use flowgrad::ndarray::{Array1, ArrayView2, ArrayViewD, ShapeBuilder, arr0, arr1};
use flowgrad::prelude::*;

/// Bytes, and the node that is named.
fn lacking<T>(result: Result<T>) -> (usize, Option<String>) {
    match result.err() {
        Some(Error::OutOfMemory { bytes, site }) => (bytes, site.map(|site| site.node)),
        other => panic!("expected an error for want of memory, got {other:?}"),
    }
}

/// Hands views of 2²¹ × 2²¹ and of 2³¹ × 2³¹ elements to a check, and one whose rows overlap, each with its bytes.
fn with_views(check: impl Fn(ArrayViewD<'_, f64>, usize)) {
    let number = arr0(1.0);
    for (length, bytes) in [(1 << 21, 1 << 45), (1 << 31, usize::MAX)] {
        check(number.broadcast((length, length)).unwrap().into_dyn(), bytes);
    }
    let row = arr1(&[1.0, 2.0, 3.0]);
    check(row.broadcast((1 << 40, 3)).unwrap().into_dyn(), 3 << 43);
    let elements = Array1::<f64>::zeros(1 << 20);
    let overlapping =
        ArrayView2::from_shape((1 << 19, 1 << 19).strides((1, 1)), elements.as_slice().unwrap());
    check(overlapping.unwrap().into_dyn(), 1 << 41);
}

#[test]
fn line_28_a_fed_view_that_no_memory_holds_is_an_error_that_names_the_tensor() {
    with_views(|view, bytes| {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [None, None]);
        let y = x.reduce_sum(..);
        let session = Session::new(&g).unwrap();
        let expected = (bytes, Some("x".to_owned()));
        assert_eq!(lacking(session.feed(x, view.view()).run(y)), expected);
        assert_eq!(lacking(session.feed(x, &view).run_traced(y)), expected);
        assert_eq!(lacking(session.feed(x, &view).explain(y)), expected);
        let call = session.make_callable((x, y), x.reduce_max(..)).unwrap();
        assert_eq!(lacking(call.call((&view, 1.0))), expected);
        // The session goes on.
        assert_eq!(session.feed(x, arr1(&[1.0, 2.0]).broadcast((3, 2)).unwrap()).run(y).unwrap().sum(), 9.0);
    });
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(3)]);
    let view = arr0(0.0);
    let view = view.broadcast((1 << 21, 1 << 21)).unwrap();
    let error = Session::new(&g).unwrap().feed(x, view).run(x).unwrap_err();
    assert!(matches!(error, Error::FeedShape { .. }), "{error}");
}

#[test]
fn line_33_a_constant_holds_what_a_view_repeats_once() -> Result<()> {
    let g = Graph::new();
    let row = arr1(&[1.0, 2.0, 3.0]);
    let tall = g.constant(row.broadcast((1 << 40, 3)).unwrap()).named("tall");
    let square = g.constant(arr0(2.0).broadcast((1 << 21, 1 << 21)).unwrap());
    let booleans = g.constant(arr0(true).broadcast((1 << 31, 1 << 31)).unwrap());
    assert_eq!(square.shape().to_string(), "[2097152, 2097152]");
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        let rows = tall.slice((1_isize << 39) + 1..(1 << 39) + 3);
        assert_eq!(session.run(rows)?, row.broadcast((2, 3)).unwrap().into_dyn());
        assert_eq!(session.run(square.slice(0..1).reduce_sum(..))?.sum(), 4_194_304.0);
        assert!(session.run(booleans.slice([0..1, 7..8]))?[[0, 0]]);
        let small = g.constant(row.view().insert_axis(flowgrad::ndarray::Axis(1)).broadcast((3, 2)).unwrap());
        assert_eq!(session.run(small)?, flowgrad::ndarray::arr2(&[[1.0; 2], [2.0; 2], [3.0; 2]]).into_dyn());
        // Only its elements are too many.
        assert_eq!(lacking(session.run(tall)), (3 << 43, Some("tall".to_owned())));
    }
    Ok(())
}

#[test]
fn line_28_values_that_no_memory_holds_are_an_error_that_names_the_largest() -> Result<()> {
    fn wide(v: Variable<'_, bool>, length: usize) -> Tensor<'_, bool> {
        v.logical_not().broadcast_to([1 << 31, length]).logical_not()
    }
    let g = Graph::new();
    let [x, y] = ["x", "y"].map(|name| g.variable(name, arr1(&[true])));
    let large = wide(x, 1 << 31).named("large");
    let small = wide(y, 1 << 30).named("small");
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        // Together they cannot even be addressed.
        let (bytes, node) = lacking(session.run([small, large, wide(x, (1 << 31) - 64)]));
        assert!(bytes > isize::MAX as usize, "{bytes}");
        assert_eq!(node.as_deref(), Some("large"));
        let (bytes, node) = lacking(session.run(small));
        assert!(bytes >= 1 << 61, "{bytes}");
        assert_eq!(node.as_deref(), Some("small"));
    }
    Ok(())
}

#[test]
fn line_28_a_constant_that_no_memory_holds_is_a_build_error_that_names_it() {
    let (number, elements) = (arr0(1.0), Array1::<f64>::zeros(1 << 20));
    let repeated = number.broadcast((1 << 31, 1 << 31)).unwrap();
    let overlapping =
        ArrayView2::from_shape((1 << 19, 1 << 19).strides((1, 1)), elements.as_slice().unwrap());
    for (view, bytes) in [(repeated, usize::MAX), (overlapping.unwrap(), 1 << 41)] {
        let g = Graph::new();
        let line = line!() + 1;
        let c = g.name_scope("layer", || g.constant(view));
        let expected = (bytes, Some("layer/constant".to_owned()));
        assert_eq!(lacking(g.check()), expected);
        assert_eq!(lacking(Session::new(&g).map(|_| ())), expected);
        let text = g.check().unwrap_err().to_string();
        let place = format!("of `layer/constant` (constant) built at {}:{line}:", file!());
        assert!(text.starts_with(&format!("no memory for {bytes} bytes of values {place}")), "{text}");
        let y = c + 1.0;
        assert_eq!(lacking(y.graph().check()), expected);
    }
}

#[test]
fn line_28_a_variable_that_no_memory_holds_is_an_error_that_names_it() -> Result<()> {
    with_views(|view, bytes| {
        let g = Graph::new();
        g.variable("w", view);
        assert_eq!(lacking(g.check()), (bytes, Some("w".to_owned())));
    });
    let g = Graph::new();
    let w = g.variable::<f64>("w", zeros([1 << 21, 1 << 21]));
    let expected = (1 << 45, Some("w".to_owned()));
    let session = Session::new(&g)?;
    assert_eq!(lacking(session.run(w.slice(0..1))), expected);
    assert_eq!(lacking(session.run(g.initializer())), expected);
    assert_eq!(lacking(session.variable_values()), expected);
    // What an optimizer keeps is as large.
    let train = Adam::new(0.1).minimize(w.slice([0..1, 0..1]).reduce_sum(..));
    assert_eq!(lacking(Session::new(&g)?.run(train)).0, 1 << 45);
    Ok(())
}

#[test]
fn line_28_data_that_no_memory_holds_are_an_error_that_names_them() {
    let is_lacking = |result: Result<Dataset<f64, f64>, DataError>, name, expected| match result.err() {
        Some(DataError::OutOfMemory { what, bytes }) => assert_eq!((what, bytes), (name, expected)),
        other => panic!("expected an error for want of memory, got {other:?}"),
    };
    with_views(|view, bytes| {
        is_lacking(Dataset::new(view.view(), arr1(&[1.0])), "inputs", bytes);
        is_lacking(Dataset::new(arr1(&[1.0]), view.view()), "targets", bytes);
        assert_eq!(lacking(Value::of(view)), (bytes, None));
    });
    let standardiser = Standardiser::new(arr1(&[0.0; 3]).into_dyn(), arr1(&[1.0; 3]).into_dyn()).unwrap();
    let row = arr1(&[1.0, 2.0, 3.0]);
    let error = standardiser.apply(&row.broadcast((1 << 40, 3)).unwrap()).unwrap_err();
    assert!(matches!(error, DataError::OutOfMemory { what: "rows", .. }), "{error}");
}
