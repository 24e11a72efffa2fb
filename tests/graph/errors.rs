//! The exact words of every error, with the file and line of the caller, and the names that they
//! call nodes by.

use std::error::Error as _;
use std::fmt::Write;

use flowgrad::fault::{OpFault, ShapeError, SplitFault};
use flowgrad::ndarray::{self, Array1, Array2, ArrayD, arr0, arr1, arr2};
use flowgrad::prelude::*;
use flowgrad::{BuildError, Fault, Site};

/// A line of this file, as messages name it.
fn at(line: u32) -> String {
    format!("{}:{line}", file!())
}

/// The message, without the columns behind this file's lines: those are rustfmt's to choose.
fn words(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    let here = format!("{}:", file!());
    let mut parts = text.split(here.as_str());
    let mut words = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (line, rest) = part.split_once(':').unwrap();
        let behind_column = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        write!(words, "{here}{line}{behind_column}").unwrap();
    }
    words
}

/// The first build error of a graph.
fn build_error(g: &Graph) -> String {
    words(g.check().unwrap_err())
}

// -- build errors ------------------------------------------------------------------------------

#[test]
fn shapes_that_do_not_broadcast() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(4)]);
    let y = g.placeholder::<f32>("y", [3, 5]);
    let line = line!() + 1;
    let _ = x - y;
    let expected = "expected shapes that broadcast, got [?, 4] and [3, 5], in `sub` (sub) built at ";
    assert_eq!(build_error(&g), format!("{expected}{}", at(line)));
}

#[test]
fn products_of_what_is_no_matrix() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(4)]);
    let line = line!() + 1;
    let _ = x.matmul(x.reduce_sum(..));
    let expected = "expected vectors, matrices or batches of matrices, got [?, 4] and [], in `matmul` (matmul) built at ";
    assert_eq!(build_error(&g), format!("{expected}{}", at(line)));
}

#[test]
fn products_whose_inner_lengths_differ() {
    let g = Graph::new();
    let x = g.placeholder::<i64>("x", [None, Some(4)]);
    let w = g.placeholder::<i64>("w", [2, 5]);
    let line = line!() + 1;
    let _ = x.matmul_transposed(w, false, true);
    let expected =
        "expected equal inner lengths of [?, 4] · [5, 2], got 4 and 5, in `matmul` (matmul) built at ";
    assert_eq!(build_error(&g), format!("{expected}{}", at(line)));
}

#[test]
fn axes_out_of_range() {
    for axis in [2, -3, isize::MIN, isize::MAX] {
        let g = Graph::new();
        let x = g.placeholder::<f32>("x", [None, None]);
        let line = line!() + 1;
        x.reduce_sum(axis);
        let expected = format!(
            "expected an axis of a tensor of rank 2, got {axis}, in `reduce_sum` (reduce_sum) built at "
        );
        assert_eq!(build_error(&g), format!("{expected}{}", at(line)));
    }
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [2, 2, 2]);
    let line = line!() + 1;
    x.transpose_perm([0, 1, 3]);
    let expected = "expected an axis of a tensor of rank 3, got 3, in `transpose` (transpose) built at ";
    assert_eq!(build_error(&g), format!("{expected}{}", at(line)));
}

#[test]
fn axes_listed_twice() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, None]);
    let line = line!() + 1;
    x.reduce_sum([1, -1]);
    let expected = "expected each axis once, got 1 twice, in `reduce_sum` (reduce_sum) built at ";
    assert_eq!(build_error(&g), format!("{expected}{}", at(line)));
}

#[test]
fn lists_that_are_no_permutation() {
    for permutation in [vec![], vec![1], vec![0, 0], vec![1, -1], vec![0, 1, 0]] {
        let g = Graph::new();
        let x = g.placeholder::<bool>("x", [None, None]);
        let line = line!() + 1;
        x.transpose_perm(permutation.clone());
        let expected =
            format!("expected a permutation of 2 axes, got {permutation:?}, in `transpose` (transpose)");
        assert_eq!(build_error(&g), format!("{expected} built at {}", at(line)));
    }
}

/// `reduce_mean` is built of other ops, which the user has never heard of.
#[test]
fn composed_ops_are_named_as_they_were_called() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None]);
    let line = line!() + 1;
    x.reduce_mean(1);
    let expected = "expected an axis of a tensor of rank 1, got 1, in `reduce_mean` (reduce_mean) built at ";
    assert_eq!(build_error(&g), format!("{expected}{}", at(line)));
}

#[test]
fn operands_of_another_graph() {
    let (g, other) = (Graph::new(), Graph::new());
    let (x, foreign) = (g.constant(1.0), other.constant(2.0));
    let line = line!() + 1;
    let _ = x * foreign;
    let expected =
        "operand 1: expected a tensor of the same graph, got one of another graph, in `mul` (mul) built at ";
    assert_eq!(build_error(&g), format!("{expected}{}", at(line)));
    other.check().unwrap();

    let (g, other) = (Graph::new(), Graph::new());
    let line = line!() + 1;
    g.group([g.constant(1.0).op(), other.constant(1.0).op()]);
    let expected = "operand 1: expected a tensor of the same graph, got one of another graph, in `group` (group) built at ";
    assert_eq!(build_error(&g), format!("{expected}{}", at(line)));

    let (g, other) = (Graph::new(), Graph::new());
    let (x, foreign) = (g.constant(1.0_f64), other.constant(1.0));
    let line = line!() + 1;
    x.gradients([x, foreign]);
    let expected = "operand 2: expected a tensor of the same graph, got one of another graph, in `gradients` (gradients) built at ";
    assert_eq!(build_error(&g), format!("{expected}{}", at(line)));

    let (g, other) = (Graph::new(), Graph::new());
    let foreign = other.constant(1.0).op();
    g.control_dependencies(&[foreign], || g.constant(1.0));
    let message = build_error(&g);
    assert!(message.contains("got one of another graph, in `constant`"), "{message}");
}

/// A foreign tensor to stop at is a build error, and not a node of this graph that happens to have the
/// same number.
#[test]
fn a_foreign_tensor_cannot_stop_gradients() {
    let (g, other) = (Graph::new(), Graph::new());
    let x = g.constant(3.0_f64);
    let y = x * x;
    let foreign = [other.constant(1.0), other.constant(2.0_f64)][1];
    let found = Gradients::of([y]).stop_gradients([foreign]).wrt(&[x]);
    let message = g.check().expect_err(&format!("{found:?}")).to_string();
    assert!(message.contains("got one of another graph"), "{message}");
}

#[test]
fn variables_of_one_name() {
    let g = Graph::new();
    let (first, line) = (line!() + 1, line!() + 3);
    g.variable("w", 1.0_f32);
    g.variable("v", 1.0_f32);
    g.variable("w", 2.0_f64);
    let expected = format!(
        "expected a name that is not in use, got `w`, the name of a node built at {}, in `w_1` (variable) built at {}",
        at(first),
        at(line)
    );
    assert_eq!(build_error(&g), expected);

    let g = Graph::new();
    g.name_scope("dense", || g.constant(1.0));
    let line = line!() + 1;
    g.variable("dense", 1.0_f32);
    let expected = "expected a name that is not in use, got `dense`, the name of a name scope, in `dense_1` (variable) built at ";
    assert_eq!(build_error(&g), format!("{expected}{}", at(line)));
}

#[test]
fn values_that_do_not_fit_a_variable() {
    let g = Graph::new();
    let w = g.name_scope("layer", || g.variable("w", zeros([2, 3])));
    let row = g.placeholder::<f32>("row", [None]);
    let line = line!() + 1;
    w.assign(row);
    let expected = "variable `layer/w`: expected a value of shape [2, 3], got [?], \
                    in `assign` (assign) built at ";
    assert_eq!(build_error(&g), format!("{expected}{}", at(line)));
    // The variable goes by the name that it has when the error is reported.
    w.named("kernel");
    assert!(
        build_error(&g).contains("variable `kernel`: expected a value of shape [2, 3]"),
        "{}",
        build_error(&g)
    );

    let g = Graph::new();
    let v = g.variable("v", arr1(&[1_i32, 2]));
    let line = line!() + 1;
    v.assign_sub(g.constant(arr1(&[1, 2, 3])));
    let expected = "variable `v`: expected a value of shape [2], got [3], \
                    in `assign_sub` (assign_sub) built at ";
    assert_eq!(build_error(&g), format!("{expected}{}", at(line)));
}

#[test]
fn variables_that_no_memory_could_hold() {
    let g = Graph::new();
    let shape = format!("[{}, 2]", usize::MAX);
    let line = line!() + 1;
    g.variable::<f64>("v", zeros([usize::MAX, 2]));
    let expected = format!("expected a variable whose lengths are known and addressable, got shape {shape}");
    assert_eq!(build_error(&g), format!("{expected}, in `v` (variable) built at {}", at(line)));
}

// -- build errors of gradient requests ------------------------------------------------------------

/// The first build error, whether or not the scope of gradients' names had taken the node's.
fn error_in_gradients(g: &Graph) -> String {
    build_error(g).replace("`gradients_1`", "`gradients`")
}

#[test]
fn targets_without_a_path() {
    let g = Graph::new();
    let (x, y) = (g.constant(1.0_f64).named("x"), g.constant(2.0_f64).named("y"));
    let line = line!() + 1;
    y.square().gradients([x]);
    let expected = "`square` has no gradient with respect to `x`: there is no path between them, \
                    in `gradients` (gradients) built at ";
    assert_eq!(error_in_gradients(&g), format!("{expected}{}", at(line)));
}

#[test]
fn targets_behind_integers() {
    let g = Graph::new();
    let x = g.constant(1.5_f64).named("x");
    let y = (x * 2.0).cast::<i64>().named("whole").cast::<f64>().named("y");
    let line = line!() + 1;
    y.gradients([x]);
    let expected = "`y` has no gradient with respect to `x`: the path passes through `whole` (i64), which is not \
                    continuous, in `gradients` (gradients) built at ";
    assert_eq!(error_in_gradients(&g), format!("{expected}{}", at(line)));
}

#[test]
fn targets_behind_a_stop() {
    let g = Graph::new();
    let x = g.constant(1.5_f64).named("x");
    let y = (x.square().stop_gradient() + 1.0).named("y");
    let line = line!() + 1;
    y.gradients([x]);
    let expected = "`y` has no gradient with respect to `x`: the path passes through `stop_gradient` (stop_gradient), \
                    which passes no gradient, in `gradients` (gradients) built at ";
    assert_eq!(error_in_gradients(&g), format!("{expected}{}", at(line)));
}

#[test]
fn starting_gradients_that_do_not_fit() {
    let g = Graph::new();
    let y = g.placeholder::<f64>("y", [None, Some(2)]);
    let start = g.placeholder::<f64>("start", [2]);
    let line = line!() + 1;
    let _ = Gradients::of([y]).grad_ys([start]).wrt(&[y]);
    let expected = "starting gradient of `y`: expected shape [?, 2], got [2], \
                    in `gradients` (gradients) built at ";
    assert_eq!(build_error(&g), format!("{expected}{}", at(line)));

    let g = Graph::new();
    let y = g.placeholder::<f64>("y", ());
    let line = line!() + 1;
    let found = Gradients::of([y, y]).grad_ys([y]).wrt(&[y, y, y]);
    let expected = "expected a starting gradient for each of 2 tensors, got 1, \
                    in `gradients` (gradients) built at ";
    assert_eq!(build_error(&g), format!("{expected}{}", at(line)));
    assert_eq!(found.len(), 3);
}

/// A starting gradient whose length turns out wrong is an error of the line that asked for gradients.
#[test]
fn starting_gradients_that_turn_out_not_to_fit() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let start = g.placeholder::<f64>("start", [None]);
    let y = x.reduce_sum(1);
    let line = line!() + 1;
    let found = Gradients::of([y]).grad_ys([start]).wrt(&[x]);
    let session = Session::new(&g)?;
    let (x_fed, start_fed) = (Array2::<f64>::ones((3, 2)), Array1::<f64>::ones(4));
    let feeding = session.feed(x, &x_fed).feed(start, &start_fed);
    let error = feeding.run(found[0].unwrap()).unwrap_err();
    let expected = "expected shape [3], got [4], in `expect_shape` (expect_shape) built at ";
    assert_eq!(words(error), format!("{expected}{}", at(line)));
    Ok(())
}

// -- what becomes of a build error -------------------------------------------------------------------

/// The first build error is reported by the graph, by a new session, and by each run that needs an invalid
/// node; what is not built on it still runs in a session that was there before.
#[test]
fn the_first_build_error_wins_and_spreads() -> Result<()> {
    let g = Graph::new();
    let session = Session::new(&g)?;
    let x = g.constant(arr1(&[1.0, 2.0]));
    let v = g.variable("v", arr1(&[0.0, 0.0]));
    let (first, second) = (line!() + 1, line!() + 2);
    let invalid = x + g.constant(arr1(&[1.0, 2.0, 3.0]));
    let also_invalid = x.transpose_perm([7]);

    let expected =
        format!("expected shapes that broadcast, got [2] and [3], in `add` (add) built at {}", at(first));
    assert_eq!(build_error(&g), expected);
    assert_eq!(words(Session::new(&g).unwrap_err()), expected);
    assert_eq!(words(session.variable_values().unwrap_err()), expected);
    assert_eq!(words(session.make_callable((), invalid).unwrap_err()), expected);
    let spread = [
        invalid,
        invalid.square() * 2.0,
        invalid.matmul(also_invalid),
        v.assign(invalid),
        g.control_dependencies(&[invalid.op()], || x * 1.0),
    ];
    for tensor in spread {
        assert_eq!(words(session.run(tensor).unwrap_err()), expected, "{tensor:?}");
        assert_eq!(words(session.run(g.group([tensor.op()])).unwrap_err()), expected);
        assert_eq!(words(session.feed(tensor, &arr1(&[1.0])).run(x).unwrap_err()), expected);
        assert_eq!(tensor.shape().to_string(), "[0]");
    }

    let own = session.run(also_invalid.square()).unwrap_err();
    let expected = "expected an axis of a tensor of rank 1, got 7, in `transpose` (transpose) built at ";
    assert_eq!(words(own), format!("{expected}{}", at(second)));
    assert_eq!(session.run(x * 2.0)?.sum(), 6.0);
    assert_eq!(session.run(v.assign(x))?.sum(), 3.0);
    Ok(())
}

/// A gradient of or by an invalid tensor reports what is wrong with the tensor, not that it has no
/// gradient.
#[test]
fn gradients_of_invalid_tensors_report_the_first_build_error() -> Result<()> {
    let g = Graph::new();
    let session = Session::new(&g)?;
    let x = g.constant(arr1(&[1.0_f64, 2.0]));
    let line = line!() + 1;
    let invalid = x + g.constant(arr1(&[1.0, 2.0, 3.0]));
    let [of_invalid] = invalid.square().reduce_sum(..).gradients([x]);
    let [by_invalid] = (x * x).gradients([invalid]);
    let expected =
        format!("expected shapes that broadcast, got [2] and [3], in `add` (add) built at {}", at(line));
    for (name, gradient) in [("of it", of_invalid), ("by it", by_invalid)] {
        assert_eq!(words(session.run(gradient).unwrap_err()), expected, "{name}");
    }
    Ok(())
}

/// The error names the node as the user does, also when the name is given after the error.
#[test]
fn a_build_error_has_the_name_that_the_node_is_given() -> Result<()> {
    let g = Graph::new();
    let session = Session::new(&g)?;
    let x = g.constant(arr1(&[1.0, 2.0]));
    let line = line!() + 1;
    let total = (x + g.constant(arr1(&[1.0, 2.0, 3.0]))).named("total");
    let expected = "expected shapes that broadcast, got [2] and [3], in `total` (add) built at ";
    assert_eq!(build_error(&g), format!("{expected}{}", at(line)));
    let run = session.run(total.square()).unwrap_err();
    assert_eq!(words(run), format!("{expected}{}", at(line)));
    Ok(())
}

/// The parts of a build error can be matched on, not only read.
#[test]
fn build_errors_have_fields() {
    let g = Graph::new();
    let line = line!() + 1;
    let _ = g.constant(arr1(&[1, 2])) / g.constant(arr1(&[1, 2, 3]));
    let Error::Build(error) = g.check().unwrap_err() else { panic!("no build error") };
    let BuildError { site: Site { node, op, location }, fault, .. } = *error;
    assert_eq!((node.as_str(), op), ("div", "div"));
    assert_eq!((location.file(), location.line()), (file!(), line));
    let (left, right) = (Shape::from([2]), Shape::from([3]));
    assert_eq!(fault, Fault::Shape(ShapeError::Broadcast { left, right }));
}

/// Functions of a program that are `#[track_caller]` pass on the line of their caller.
#[test]
fn the_callers_line_is_named_through_helpers() {
    #[track_caller]
    fn dense<'g>(x: Tensor<'g, f64>, w: Tensor<'g, f64>) -> Tensor<'g, f64> {
        x.matmul(w).reduce_sum(..) + 1.0
    }
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [2, 3]);
    let line = line!() + 1;
    dense(x, x);
    assert!(build_error(&g).ends_with(&at(line)), "{}", build_error(&g));
}

// -- errors of a run -----------------------------------------------------------------------------

#[test]
fn placeholders_that_are_not_fed() -> Result<()> {
    let g = Graph::new();
    let line = line!() + 1;
    let x = g.name_scope("input", || g.placeholder::<i32>("x", [None, Some(784)]));
    let session = Session::new(&g)?;
    let expected =
        format!("`input/x` (placeholder) built at {}: expected a feed of i32[?, 784], got none", at(line));
    assert_eq!(words(session.run(x + 1).unwrap_err()), expected);
    assert_eq!(words(session.run(x).unwrap_err()), expected);
    assert_eq!(words(session.explain(x.op()).unwrap_err()), expected);
    Ok(())
}

#[test]
fn feeds_of_a_wrong_shape() -> Result<()> {
    let g = Graph::new();
    let line = line!() + 1;
    let x = g.placeholder::<f32>("x", [None, Some(2)]);
    let session = Session::new(&g)?;
    let wrong = ArrayD::<f32>::zeros(vec![3, 5]);
    let expected =
        format!("`x` (placeholder) built at {}: expected a feed of shape [?, 2], got [3, 5]", at(line));
    assert_eq!(words(session.feed(x, &wrong).run(x).unwrap_err()), expected);
    let callable = session.make_callable(x, x)?;
    assert_eq!(words(callable.call(wrong.view()).unwrap_err()), expected);
    assert_eq!(words(session.feed(x, &wrong).explain(x).unwrap_err()), expected);
    Ok(())
}

#[test]
fn tensors_fed_twice() -> Result<()> {
    let g = Graph::new();
    let line = line!() + 1;
    let v = g.variable("v", 1.0_f32);
    let session = Session::new(&g)?;
    let expected = format!("`v` (variable) built at {}: expected one feed, got two", at(line));
    assert_eq!(words(session.feed(v, 1.0).feed(v.tensor(), 2.0).run(v).unwrap_err()), expected);
    assert_eq!(words(session.make_callable((v, v), v).unwrap_err()), expected);
    Ok(())
}

#[test]
fn fetches_and_feeds_of_another_graph() -> Result<()> {
    let (g, other) = (Graph::new(), Graph::new());
    let x = g.constant(1.0_f64);
    let line = line!() + 1;
    let foreign = other.name_scope("far", || other.constant(1.0_f64).named("away"));
    let session = Session::new(&g)?;
    let expected = format!(
        "`far/away` (constant) built at {}: expected a tensor of the session's graph, got one of another graph",
        at(line)
    );
    assert_eq!(words(session.run((x, [foreign])).unwrap_err()), expected);
    assert_eq!(words(session.run(foreign.op()).unwrap_err()), expected);
    assert_eq!(words(session.feed(foreign, 1.0).run(x).unwrap_err()), expected);
    assert_eq!(words(session.make_callable(foreign, x).unwrap_err()), expected);
    assert_eq!(words(session.explain(foreign).unwrap_err()), expected);
    Ok(())
}

#[test]
fn assignments_without_an_order() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f32);
    let (first_line, second_line) = (line!() + 1, line!() + 2);
    let first = v.assign(2.0);
    let second = g.name_scope("later", || v.assign_add(1.0));
    let session = Session::new(&g)?;
    let expected = format!(
        "variable `v`: expected an order between its assignments in one run, got none between `assign` (assign) built \
         at {} and `later/assign_add` (assign_add) built at {}; build one under control_dependencies on the other",
        at(first_line),
        at(second_line)
    );
    assert_eq!(words(session.run([second, first]).unwrap_err()), expected);
    Ok(())
}

#[test]
fn integers_divided_by_zero() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<i64>("x", [None]);
    let (first, second) = (line!() + 1, line!() + 2);
    let y = 1 / x;
    let z = (x / x).named("ratio");
    let expected =
        |name, line| format!("integer division by zero in `{name}` (div) built at {}, at [1]", at(line));
    let fed = arr1(&[1, 0, 1]);
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        assert_eq!(words(session.feed(x, &fed).run(y).unwrap_err()), expected("div", first));
        assert_eq!(words(session.feed(x, &fed).run(z).unwrap_err()), expected("ratio", second));
    }
    Ok(())
}

/// Faults that show only when lengths are known have the words of those found while building.
#[test]
fn shapes_that_turn_out_not_to_fit() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, None]);
    let (sum_line, product_line) = (line!() + 1, line!() + 2);
    let sum = x + g.constant(arr1(&[1.0, 2.0]));
    let product = x.matmul(x);
    let session = Session::new(&g)?;
    let fed = arr2(&[[1.0, 2.0, 3.0]]);
    let expected = format!(
        "expected shapes that broadcast, got [1, 3] and [2], in `add` (add) built at {}",
        at(sum_line)
    );
    assert_eq!(words(session.feed(x, &fed).run(sum).unwrap_err()), expected);
    let expected = format!(
        "expected equal inner lengths of [1, 3] · [1, 3], got 3 and 1, in `matmul` (matmul) built at {}",
        at(product_line)
    );
    assert_eq!(words(session.feed(x, &fed).run(product).unwrap_err()), expected);
    Ok(())
}

#[test]
fn tensors_too_large_to_address() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, None]);
    let fed_line = line!() - 1;
    let line = line!() + 1;
    let twice = g.concat(&[x, x], 0);
    let session = Session::new(&g)?;
    // No elements, and yet rows that cannot be told apart by addresses: the sums over each would be elements.
    for (rows, node, op, line) in
        [(1 << 59, "concat", "concat", line), (1 << 60, "x", "placeholder", fed_line)]
    {
        let fed = ArrayD::<f64>::zeros(vec![rows, 0]);
        let expected = format!(
            "`{node}` ({op}) built at {}: the shape [1152921504606846976, 0] has too many bytes to address",
            at(line)
        );
        assert_eq!(words(session.feed(x, &fed).run(twice.reduce_sum(1)).unwrap_err()), expected);
    }
    Ok(())
}

#[test]
fn loaded_values_that_do_not_fit() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f32);
    let w = g.variable("w", arr1(&[1.0_f64, 2.0]));
    let session = Session::new(&g)?;
    let load = |name: &str, value: Value| {
        // A value that fits comes first: it must not be set when the other does not.
        let values = [("v".to_owned(), Value::from(arr0(5.0_f32))), (name.to_owned(), value)];
        words(session.load(values).unwrap_err())
    };
    assert_eq!(
        load("u", arr0(1.0).into()),
        "expected the name of a variable of the graph among the values to load, got `u`"
    );
    assert_eq!(
        load("w", arr1(&[1.0_f32, 2.0]).into()),
        "variable `w`: expected a value of f64[2] to load, got f32[2]"
    );
    assert_eq!(
        load("w", arr2(&[[1.0_f64, 2.0]]).into()),
        "variable `w`: expected a value of f64[2] to load, got f64[1, 2]"
    );
    assert_eq!((session.run(v)?.sum(), session.run(w)?.sum()), (1.0, 3.0));
    Ok(())
}

/// ndarray's own errors convert, so that `?` works beside the library's.
#[test]
fn errors_of_ndarray_convert() {
    fn matrix(array: ArrayD<f64>) -> Result<Array2<f64>> {
        Ok(array.into_dimensionality()?)
    }
    let error = matrix(ArrayD::zeros(vec![2])).unwrap_err();
    let cause: &ndarray::ShapeError = match &error {
        Error::Array(cause) => cause,
        other => panic!("{other}"),
    };
    assert_eq!(error.to_string(), format!("array shape: {cause}"));
}

/// Errors can be sent to other threads and boxed, and name their source.
#[test]
fn errors_are_ordinary_errors() {
    fn ordinary<E: std::error::Error + Clone + Send + Sync + 'static>() {}
    ordinary::<Error>();
    ordinary::<BuildError>();
    ordinary::<Fault>();
    ordinary::<OpFault>();
}

/// The fault of an op is found again by its type, compared, and copied.
#[test]
fn faults_of_ops_are_found_by_their_type() {
    #[derive(Debug, PartialEq, thiserror::Error)]
    #[error("expected {0} groups")]
    struct Groups(usize, #[source] std::fmt::Error);

    let g = Graph::new();
    g.placeholder::<f32>("x", [3]).split(2, 0);
    let Err(Error::Build(error)) = g.check() else { panic!("no build error") };
    let expected = SplitFault::Parts { axis: 0, shape: [3].into(), parts: 2 };
    assert_eq!(error.fault.downcast_ref(), Some(&expected));
    assert!(error.fault.is::<SplitFault>() && !error.fault.is::<Groups>());
    assert_eq!(error.fault, Fault::op(expected));

    let own = |groups| Fault::op(Groups(groups, std::fmt::Error));
    assert_eq!(own(1), own(1).clone());
    assert_ne!(own(1), own(2));
    assert_ne!(own(1), error.fault);
    let fault = own(1);
    let source = fault.source().expect("the source of an op's fault");
    assert!(source.is::<std::fmt::Error>());
    let other = Fault::Custom { reason: "expected 1 groups".into() };
    assert!(!other.is::<Groups>() && other != own(1) && other.to_string() == own(1).to_string());
}

// -- names ---------------------------------------------------------------------------------------

#[test]
fn a_taken_name_is_numbered() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", ());
    let names = [x, g.placeholder("x", ()), x.named("x"), x.square(), x.square(), x.square()];
    let expected = ["x", "x_1", "x", "square", "square_1", "square_2"];
    assert_eq!(names.map(Tensor::name), expected);
    // A name that looks like a numbered one is gone round, and one that is given up is free again.
    let y = x.square().named("x_2");
    assert_eq!(y.name(), "x_2");
    assert_eq!(g.constant(1.0).named("x").name(), "x_3");
    y.named("y");
    assert_eq!(g.constant(1.0).named("x_2").name(), "x_2");
    assert_eq!(x.square().op().named("y").name(), "y_1");
    g.check().unwrap();
}

#[test]
fn scopes_prefix_names_and_are_numbered() {
    let g = Graph::new();
    let x = g.constant(1.0_f32);
    let build = || {
        let sum = (x + 1.0).named("sum");
        let w = g.variable("w", 1.0_f32);
        let inner = g.name_scope("inner", || x.square());
        [sum, w.tensor(), inner].map(Tensor::name)
    };
    assert_eq!(g.name_scope("layer", build), ["layer/sum", "layer/w", "layer/inner/square"]);
    assert_eq!(g.name_scope("layer", build), ["layer_1/sum", "layer_1/w", "layer_1/inner/square"]);
    assert_eq!(build(), ["sum", "w", "inner/square"]);
    // Outside again, names have no prefix; scopes and nodes do not share a name.
    assert_eq!(x.square().named("layer").name(), "layer_2");
    assert_eq!(g.name_scope("sum", || x.square().name()), "sum_1/square");
    g.check().unwrap();
}

/// Scopes belong to one graph and one thread, and end when building panics.
#[test]
fn scopes_end_where_they_should() {
    let (g, other) = (Graph::new(), Graph::new());
    let name = g.name_scope("here", || other.constant(1.0).named("x").name());
    assert_eq!(name, "x");
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        g.name_scope("gone", || panic!("while building"))
    }));
    assert!(caught.is_err());
    assert_eq!(g.constant(1.0).named("x").name(), "x");
    g.name_scope("open", || {
        std::thread::scope(|scope| {
            let beside = scope.spawn(|| g.constant(1.0).named("y").name());
            assert_eq!(beside.join().unwrap(), "y");
        });
    });
}

/// A renamed variable is found under its new name, by messages and by `load`.
#[test]
fn a_variable_can_be_renamed() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f64).named("weight");
    let again = g.variable("v", 2.0_f64);
    let session = Session::new(&g)?;
    session.load([("weight".to_owned(), Value::from(arr0(7.0)))])?;
    assert_eq!(session.run([v, again])?.map(|v| v.sum()), [7.0, 2.0]);
    assert_eq!(session.variable_values()?.into_keys().collect::<Vec<_>>(), ["v", "weight"]);
    v.assign(g.constant(arr1(&[1.0])));
    assert!(build_error(&g).contains("variable `weight`"), "{}", build_error(&g));
    Ok(())
}
