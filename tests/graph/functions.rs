//! Functions as values: built once, called from several places, nested, with captures, differentiated to any order.

use std::cell::Cell;

use flowgrad::ndarray::{Array1, Array2, ArrayD, arr0, arr1, arr2};
use flowgrad::prelude::*;
use flowgrad::testing::GradientCheck;
use flowgrad::{Function, op::AnyTensor};

/// Runs with and without optimization and on two threads, which must agree to the bit, and gives what came.
fn run<const N: usize>(g: &Graph, fetches: [Tensor<'_, f64>; N]) -> [ArrayD<f64>; N] {
    let plain = Session::builder(g).threads(1).optimize(false).build().unwrap().run(fetches).unwrap();
    let threaded = Session::builder(g).threads(2).optimize(false).build().unwrap().run(fetches).unwrap();
    assert_eq!(plain, threaded);
    let optimized = Session::new(g).unwrap().run(fetches).unwrap();
    for (plain, optimized) in plain.iter().zip(&optimized) {
        assert!(plain.iter().zip(optimized).all(|(a, b)| (a - b).abs() <= 1e-12 * (1.0 + a.abs())));
    }
    plain
}

#[test]
fn a_function_is_called_from_two_places() {
    let g = Graph::new();
    let (a, b) = (g.constant(arr1(&[1.0, 2.0, 3.0])), g.constant(arr1(&[0.5, -0.5, 0.25])));
    let f = g.function((a, b), |(x, y)| (x * y + x.tanh(), (x - y).reduce_sum(..)));
    let before = g.len();
    let ((first, total), (second, _)) = (f.call((a, b)), f.call((b, a)));
    assert_eq!(g.len() - before, 2, "a call is one node");
    let found = run(&g, [first, second, total]);
    assert_eq!(found, run(&g, [a * b + a.tanh(), b * a + b.tanh(), (a - b).reduce_sum(..)]));
    assert_eq!([first.name(), total.name(), second.name()], ["call", "call:1", "call_1"]);
}

#[test]
fn gradients_of_any_order_are_those_of_the_inlined_nodes() {
    type T<'g> = Tensor<'g, f64>;
    fn body<'g>(x: T<'g>, c: T<'g>) -> T<'g> {
        (x * c).sin() * x.exp() + (x * x).tanh()
    }
    fn derivatives<'g>(y: T<'g>, [x, c]: [T<'g>; 2]) -> [T<'g>; 7] {
        let [dx, dc] = y.gradients([x, c]);
        let [dxx, dxc] = dx.gradients([x, c]);
        let [dxxx] = dxx.gradients([x]);
        let [dxxc] = dxc.gradients([x]);
        [y, dx, dc, dxx, dxc, dxxx, dxxc]
    }
    let g = Graph::new();
    let (x, c) = (g.constant(arr1(&[0.3, -1.2, 0.8])), g.constant(arr1(&[1.5, 0.5, -0.7])));
    let f = g.function(x, |x| body(x, c));
    let by_call = run(&g, derivatives(f.call(x), [x, c]));
    let inlined = run(&g, derivatives(body(x, c), [x, c]));
    for (found, expected) in by_call.iter().zip(&inlined) {
        let close = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12 * (1.0 + b.abs()));
        assert!(close, "{found} is not {expected}");
    }
}

#[test]
fn functions_call_functions_and_capture_what_these_capture() {
    let g = Graph::new();
    let (x, far, near) = (g.constant(2.0), g.constant(3.0), g.constant(5.0));
    let outer = g.function(x, |x| {
        let scaled = x * near;
        let inner = g.function(x, |y| {
            let innermost = g.function(y, |z| z * far + scaled);
            innermost.call(y) * innermost.call(y + 1.0)
        });
        inner.call(x) + inner.call(scaled)
    });
    assert_eq!(
        outer.captures().iter().map(|any| any.name()).collect::<Vec<_>>(),
        ["constant_2", "constant_1"]
    );
    let by_hand = {
        let s = x * near;
        (x * far + s) * ((x + 1.0) * far + s) + (s * far + s) * ((s + 1.0) * far + s)
    };
    let [by_call, by_hand] = [outer.call(x), by_hand].map(|y| {
        let [dx, d_far, d_near] = y.gradients([x, far, near]);
        let [second] = d_far.gradients([near]);
        run(&g, [y, dx, d_far, d_near, second])
    });
    assert_eq!(by_call, by_hand);
}

#[test]
fn gradients_inside_of_a_function_are_values_like_others() {
    let g = Graph::new();
    let (x, c) = (g.constant(arr1(&[0.5, 1.5])), g.constant(arr1(&[2.0, 3.0])));
    let slope = g.function(x, |x| {
        let cube = g.function(x, |x| x * x * x * c);
        let [dx] = cube.call(x).gradients([x]);
        dx
    });
    let y = slope.call(x);
    let [dy, dc] = y.gradients([x, c]);
    let [y, dy, dc] = run(&g, [y, dy, dc]);
    let (x, c) = (arr1(&[0.5, 1.5]), arr1(&[2.0, 3.0]));
    assert_eq!(y, (&x * &x * &c * 3.0).into_dyn());
    assert_eq!(dy, (&x * &c * 6.0).into_dyn());
    assert_eq!(dc, (&x * &x * 3.0).into_dyn());
}

#[test]
fn variables_are_read_as_the_call_sees_them() {
    let g = Graph::new();
    let v = g.variable("v", 1.0);
    let x = g.constant(10.0);
    let f = g.function(x, |x| x * v.square());
    let before = f.call(x);
    let [slope] = before.gradients([v]);
    let step = g.control_dependencies(&[before.op()], || v.assign_add(2.0));
    let after = g.control_dependencies(&[step.op()], || f.call(x));
    let [slope_after] = after.gradients([v]);
    for optimize in [false, true] {
        let session = Session::builder(&g).optimize(optimize).build().unwrap();
        let found = session.run([before, after, slope, slope_after]).unwrap();
        assert_eq!(found, [10.0, 90.0, 20.0, 60.0].map(|number| arr0(number).into_dyn()));
    }
}

#[test]
fn a_body_is_ordered_behind_what_it_is_built_behind() {
    let g = Graph::new();
    let v = g.variable("v", 1.0);
    let step = v.assign_add(1.0);
    let f = g.function(g.constant(1.0), |x| g.control_dependencies(&[step.op()], || x + v));
    let y = f.call(g.constant(5.0));
    assert_eq!(Session::new(&g).unwrap().run(y).unwrap(), arr0(7.0).into_dyn());
}

#[test]
fn variables_and_placeholders_made_inside_belong_to_the_graph() {
    let g = Graph::new();
    let f = g.function(g.constant(arr1(&[1.0, 2.0])), |x| {
        let scale = g.variable("scale", 3.0);
        x * scale + g.placeholder::<f64>("shift", Shape::scalar())
    });
    let y = f.call(g.constant(arr1(&[1.0, 2.0]))) + f.call(g.constant(arr1(&[10.0, 20.0])));
    let session = Session::new(&g).unwrap();
    let shift = f.captures()[1].typed::<f64>();
    let (fed, names): (f64, Vec<String>) = (0.5, session.variable_values().unwrap().into_keys().collect());
    assert_eq!(names, ["function/scale"]);
    assert_eq!(session.feed(shift, fed).run(y).unwrap(), arr1(&[34.0, 67.0]).into_dyn());
}

#[test]
fn draws_differ_from_call_to_call_and_gradients_see_those_of_theirs() {
    let g = Graph::with_seed(5);
    let ones = g.constant(Array1::<f64>::ones(100));
    let f = g.function(ones, |x| x * x.bernoulli_like(0.5).cast::<f64>());
    let (a, b) = (f.call(ones), f.call(ones));
    let [da, db] = [a, b].map(|y| y.gradients([ones])[0]);
    for optimize in [false, true] {
        let session = Session::builder(&g).optimize(optimize).build().unwrap();
        let [a, b, da, db] = session.run([a, b, da, db]).unwrap();
        assert_ne!(a, b);
        assert_eq!((&a, &b), (&da, &db), "the slope is the mask of the same call");
        assert!((20.0..80.0).contains(&a.sum()));
    }
    // The same of a call inside of another.
    let twice = g.function(ones, |x| f.call(x) + f.call(x) * 2.0);
    let y = twice.call(ones);
    let [dy] = y.gradients([ones]);
    let (y, dy) = Session::new(&g).unwrap().run((y, dy)).unwrap();
    assert_eq!(y, dy);
    assert!(y.iter().any(|&element| element == 3.0) && y.iter().any(|&element| element == 1.0));
}

#[test]
fn what_a_branch_did_not_take_does_not_matter_inside() {
    let g = Graph::new();
    let x = g.constant(arr1(&[0.0, 4.0]));
    let root = g.function(x, |x| x.sqrt());
    let y = x.greater(0.0).select(root.call(x), x * 0.0);
    let [dx] = y.gradients([x]);
    let [ddx] = dx.gradients([x]);
    let found = run(&g, [y, dx, ddx]);
    assert_eq!(found, [[0.0, 2.0], [0.0, 0.25], [0.0, -0.03125]].map(|row| arr1(&row).into_dyn()));
}

#[test]
fn results_are_of_the_shape_of_the_arguments() {
    let g = Graph::new();
    let like = g.placeholder::<f64>("x", [None, None]);
    let gram = g.function(like, |x| x.matmul_transposed(x, false, true));
    assert_eq!(gram.call(like).shape().to_string(), "[?, ?]");
    let (a, b) = (arr2(&[[1.0, 2.0]]), arr2(&[[1.0], [2.0], [3.0]]));
    let (y, z) = (gram.call(g.constant(a.clone())), gram.call(g.constant(b.clone())));
    assert_eq!((y.shape().to_string(), z.shape().to_string()), ("[1, 1]".into(), "[3, 3]".into()));
    let (y, z) = Session::new(&g).unwrap().run((y, z)).unwrap();
    assert_eq!((y, z), (a.dot(&a.t()).into_dyn(), b.dot(&b.t()).into_dyn()));
    let fed = Session::new(&g).unwrap().feed(like, &b).run(gram.call(like)).unwrap();
    assert_eq!(fed, b.dot(&b.t()).into_dyn());
}

#[test]
fn structures_come_back_as_they_are() {
    let g = Graph::new();
    let (x, n) = (g.constant(arr1(&[1.0, 2.0])), g.constant(3_i64));
    let f = g.function(vec![x, x], |xs| xs.iter().map(|&x| x * 2.0).collect::<Vec<_>>());
    let ys = f.call(vec![x, x + 1.0]);
    assert_eq!(Session::new(&g).unwrap().run(ys).unwrap()[1], arr1(&[4.0, 6.0]).into_dyn());
    let f = g.function(([x, x], n), |([a, b], n)| (n + 1, [a + b]));
    let (n, [y]) = f.call(([x, x], n));
    let (n, y) = Session::new(&g).unwrap().run((n, y)).unwrap();
    assert_eq!((n, y), (arr0(4_i64).into_dyn(), arr1(&[2.0, 4.0]).into_dyn()));
    // One that gives its parameter, a captured tensor, the same twice, and nothing.
    let f = g.function(x, |given| (given, x, given, ()));
    let (given, captured, again, ()) = f.call(x * 10.0);
    let [d_given] = (given * again + captured).gradients([x]);
    let found = Session::new(&g).unwrap().run((given, captured, again, d_given)).unwrap();
    let rows = [[10.0, 20.0], [1.0, 2.0], [10.0, 20.0], [201.0, 401.0]].map(|row| arr1(&row).into_dyn());
    assert_eq!([found.0, found.1, found.2, found.3], rows);
}

#[test]
fn a_function_is_printed_with_its_parameters_captures_and_nodes() {
    let g = Graph::new();
    let c = g.constant(2.0).named("c");
    let f = g.function(g.placeholder::<f64>("x", [None]), |x| (x * c).tanh());
    let y = f.call(g.constant(arr1(&[1.0])));
    let expected = "\
function `function`(%2: f64[?]) of %0: f64[] -> %4
  %3 = mul(%2, %0) : f64[?]  \"function/mul\"
  %4 = tanh(%3) : f64[?]  \"function/tanh\"
";
    assert_eq!(f.to_string(), expected);
    let text = g.to_string();
    assert!(text.contains("%6 = call(%5, %0) [function=function] : f64[1]  \"call\"\nfunction `"), "{text}");
    assert_eq!((f.name(), y.name()), ("function".to_owned(), "call".to_owned()));
    let inside: Vec<String> = g.nodes().iter().filter_map(|node| node.function.clone()).collect();
    assert_eq!(inside, ["function"; 3]);
}

#[test]
fn numeric_derivatives_agree() {
    let g = Graph::new();
    let (x, w) = (g.placeholder::<f64>("x", [2, 3]), g.placeholder::<f64>("w", [3, 2]));
    let layer = g.function(x, |x| x.matmul(w).sigmoid());
    let y = layer.call(x) * layer.call(x * 2.0);
    let check = GradientCheck::of(&g, y).second_order();
    check.wrt(&[x, w]).unwrap().assert_close(1e-5);
}

/// The message of the first build error, and that it is of a line of this file.
fn message(g: &Graph) -> String {
    let message = g.check().unwrap_err().to_string();
    assert!(message.contains(file!()), "{message}");
    message
}

#[test]
fn what_belongs_to_a_body_stays_inside() {
    let g = Graph::new();
    let x = g.constant(1.0);
    let leaked = Cell::new(None);
    let f = g.function(x, |x| {
        leaked.set(Some(x + 1.0));
        x
    });
    let inside: Tensor<'_, f64> = leaked.get().unwrap();
    let session = Session::new(&g).unwrap();
    let fetched = session.run(inside).unwrap_err().to_string();
    assert!(
        fetched.contains("`function/add`")
            && fetched.contains("expected a tensor from outside of `function`"),
        "{fetched}"
    );
    let fed = session.feed(inside, 1.0).run(x).unwrap_err().to_string();
    assert!(fed.contains("expected a tensor from outside of `function`"), "{fed}");
    let _ = f.call(x) * inside;
    let message = message(&g);
    assert!(message.starts_with("operand 1: expected a tensor from outside of `function`"), "{message}");
    assert!(message.contains("in `mul` (mul)"), "{message}");
}

#[test]
fn a_result_of_another_body_is_refused() {
    let g = Graph::new();
    let x = g.constant(1.0);
    let leaked = Cell::new(None);
    let _ = g.function(x, |x| {
        leaked.set(Some(x));
        x
    });
    let _ = g.function(x, |_| leaked.get().unwrap());
    assert!(message(&g).starts_with("operand 0: expected a tensor from outside of `function`"));
}

#[test]
fn a_body_changes_no_variable() {
    let g = Graph::new();
    let v = g.variable("v", 1.0);
    let _ = g.function(g.constant(1.0), |x| v.assign(x));
    assert!(message(&g).starts_with("expected the variable's new value as a result of the function"));
    let g = Graph::new();
    let _ = g.function(g.constant(1.0), |x| g.control_dependencies(&[g.initializer()], || x + 1.0));
    assert!(message(&g).starts_with("expected the variable's new value as a result of the function"));
}

#[test]
fn arguments_must_fit_the_parameters() {
    fn refused(argument: impl for<'g> Fn(&'g Graph) -> AnyTensor<'g>) -> String {
        let g = Graph::new();
        let like = g.placeholder::<f64>("x", [None, Some(3)]).any();
        let f: Function<'_, AnyTensor<'_>, AnyTensor<'_>> = g.function(like, |x| x * x);
        let line = line!() + 1;
        let y = f.call(argument(&g));
        assert!(y.typed::<f64>().shape().to_string() == "[0]");
        let message = message(&g);
        assert!(message.contains(&format!(":{line}:")), "{message}");
        message
    }
    let message = refused(|g| g.constant(arr2(&[[1.0, 2.0]])).any());
    assert!(message.contains("[?, 3]") && message.contains("[1, 2]"), "{message}");
    let message = refused(|g| g.constant(arr2(&[[1.0_f32, 2.0, 3.0]])).any());
    assert!(message.contains("f64") && message.contains("f32"), "{message}");
}

#[test]
fn tensors_of_other_graphs_are_refused() {
    let (g, other) = (Graph::new(), Graph::new());
    let (x, foreign) = (g.constant(1.0), other.constant(1.0));
    let f = g.function(x, |x| x * 2.0);
    let _ = f.call(foreign);
    assert!(message(&g).contains("operand 0: expected a tensor of the same graph, got one of another graph"));
    let g = Graph::new();
    let _ = g.function(g.constant(1.0), |_| foreign);
    assert!(message(&g).contains("operand 0: expected a tensor of the same graph, got one of another graph"));
}

#[test]
fn a_build_error_inside_is_one_of_the_calls() {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    let line = line!() + 1;
    let f = g.function(x, |x| x + g.constant(arr1(&[1.0, 2.0, 3.0])));
    let _ = f.call(x).reduce_sum(..);
    let message = message(&g);
    assert!(message.contains("function/add") && message.contains(&format!(":{line}:")), "{message}");
}

#[test]
fn an_error_of_a_run_names_the_node_inside() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let f = g.function(x, |x| x.ln().check_numerics().named("checked"));
    let y = f.call(x);
    let session = Session::new(&g).unwrap();
    let message = session.feed(x, &arr1(&[1.0, -1.0])).run(y).unwrap_err().to_string();
    assert!(message.contains("function/ln"), "{message}");
    assert_eq!(session.feed(x, &arr1(&[1.0])).run(y).unwrap(), arr1(&[0.0]).into_dyn());
}

#[test]
fn as_many_arguments_are_taken_as_there_are_parameters() {
    for count in [1, 3] {
        let g = Graph::new();
        let (x, w) = (g.constant(2.0), g.constant(10.0));
        let f = g.function(vec![x, x], |p| p[0] * p[1] * w);
        let line = line!() + 1;
        let _ = f.call(vec![x; count]);
        let message = message(&g);
        assert!(message.starts_with(&format!("expected 2 operands, got {count}")), "{message}");
        assert!(message.contains(&format!(":{line}:")), "{message}");
    }
    let g = Graph::new();
    let x = g.constant(2.0);
    let f = g.function([vec![x], vec![x, x]], |[a, b]| a[0] * b[1]);
    let _ = f.call([vec![x, x], vec![x]]);
    assert!(g.check().is_err(), "another structure");
}

#[test]
fn lengths_that_are_not_known_are_checked_when_they_are() {
    let g = Graph::new();
    let p = g.placeholder::<f64>("p", [None]);
    let f = g.function(g.constant(Array1::<f64>::zeros(5)), |x| (x.top_k(3).0, x.reduce_sum(..), x.tanh()));
    let (top, sum, tanh) = f.call(p);
    assert_eq!(top.shape().to_string(), "[3]");
    let session = Session::new(&g).unwrap();
    for length in [1, 2, 4, 6] {
        for fetched in [top, sum, tanh] {
            let error = session.feed(p, &Array1::<f64>::ones(length)).run(fetched).unwrap_err().to_string();
            assert!(error.contains("[5]") && error.contains(&format!("[{length}]")), "{error}");
        }
    }
    assert_eq!(session.feed(p, &Array1::<f64>::ones(5)).run(sum).unwrap(), arr0(5.0).into_dyn());
    // What the parameter knows is known inside, whatever the argument does not know.
    let f = g.function(g.constant(Array1::<f64>::zeros(3)), |x| x.unstack(0)[2]);
    let last = session.feed(p, &arr1(&[1.0, 2.0, 3.0])).run(f.call(p)).unwrap();
    assert_eq!(last, arr0(3.0).into_dyn());
    // And what neither knows is known in a run.
    let [open, like] = [("open", None), ("like", Some(2))]
        .map(|(name, columns)| g.placeholder::<f64>(name, [None, columns]));
    let f = g.function(like, |x| x.reduce_sum(0));
    let sums = session.feed(open, &Array2::<f64>::ones((3, 2))).run(f.call(open)).unwrap();
    assert_eq!(sums, arr1(&[3.0, 3.0]).into_dyn());
}

#[test]
fn gradients_built_behind_operations_order_nothing_else() {
    let g = Graph::new();
    let (x, v) = (g.constant(2.0), g.variable("v", 1.0));
    let inner = g.function(x, |x| x.exp() * x);
    let outer = g.function(x, |x| inner.call(x));
    let y = outer.call(x);
    let step = v.assign_add(1.0);
    let [dy] = g.control_dependencies(&[step.op()], || y.gradients([x]));
    let session = Session::new(&g).unwrap();
    session.run(outer.call(x)).unwrap();
    assert_eq!(session.run(v).unwrap(), arr0(1.0).into_dyn());
    session.run(dy).unwrap();
    assert_eq!(session.run(v).unwrap(), arr0(2.0).into_dyn());
}

#[test]
fn a_gradient_inside_of_a_node_outside_sees_the_variable_as_the_node_did() {
    let g = Graph::new();
    let (x, v) = (g.constant(2.0), g.variable("v", 1.0));
    let u = x * v;
    let f = g.function(x, |p| {
        let [dx] = (u * p).gradients([x]);
        dx
    });
    let step = g.control_dependencies(&[u.op()], || v.assign_add(10.0));
    let late = g.control_dependencies(&[step.op()], || f.call(x));
    let found = Session::new(&g).unwrap().run((u, late)).unwrap();
    assert_eq!(found, (arr0(2.0).into_dyn(), arr0(2.0).into_dyn()));
}

#[test]
fn a_fed_result_is_the_one_that_gradients_see() {
    let g = Graph::new();
    let p = g.placeholder::<f64>("p", Shape::scalar());
    let f = g.function(p, |x| x.tanh());
    let y = f.call(p);
    let [dy] = y.gradients([p]);
    let slope = Session::new(&g).unwrap().feed(y, 0.5).feed(p, 0.0).run(dy).unwrap();
    assert_eq!(slope, arr0(0.75).into_dyn());
}

#[test]
fn a_gradient_of_a_fed_result_runs_what_it_needs_of_the_function() {
    let g = Graph::new();
    let x = g.constant(2.0);
    let f = g.function(x, |x| x.exp() * x);
    let y = f.call(x);
    let [dx] = y.gradients([x]);
    let slope = Session::new(&g).unwrap().feed(y, 0.0).run(dx).unwrap();
    assert!((slope[[]] - 3.0 * 2.0_f64.exp()).abs() < 1e-12);
}

#[test]
fn what_nobody_asks_for_does_not_run() {
    let g = Graph::new();
    let (n, zero) = (g.placeholder::<i64>("n", Shape::scalar()), g.constant(0_i64));
    let f = g.function(n, |n| (n + 1, n / zero));
    let (next, broken) = f.call(n);
    let session = Session::new(&g).unwrap();
    assert_eq!(session.feed(n, 1_i64).run(next).unwrap(), arr0(2_i64).into_dyn());
    assert!(session.feed(n, 1_i64).run(broken).is_err());
    assert!(session.feed(n, 1_i64).run(next.op()).is_err(), "a call as an operation is all of it");
}

/// A function that calls another one twice, and so on.
fn doubled<'g>(
    g: &'g Graph,
    like: Tensor<'g, f64>,
    mut f: Function<'g, Tensor<'g, f64>, Tensor<'g, f64>>,
    times: usize,
) -> Function<'g, Tensor<'g, f64>, Tensor<'g, f64>> {
    for _ in 0..times {
        let half = f;
        f = g.function(like, |x| half.call(half.call(x)));
    }
    f
}

#[test]
fn functions_that_call_functions_twice_are_built_once() {
    let g = Graph::new();
    let like = g.placeholder::<f64>("x", [None]);
    let f = doubled(&g, like, g.function(like, |x| x.sin()), 10);
    let x = g.constant(arr1(&[1.0]));
    let y = f.call(x);
    let [dy] = y.gradients([x]);
    assert_eq!((y.shape(), dy.shape()), ([1].into(), [1].into()));
    assert!(g.len() < 1000, "{} nodes", g.len());
    let (y, dy) = Session::new(&g).unwrap().run((y, dy)).unwrap();
    let (expected, slope) = (0..1024).fold((1.0_f64, 1.0), |(x, slope), _| (x.sin(), slope * x.cos()));
    assert!((y[0] - expected).abs() < 1e-12 && (dy[0] - slope).abs() < 1e-12);
    // Of more than any graph holds there is an error, soon.
    let _ = doubled(&g, like, f, 8).call(x);
    let message = message(&g);
    assert!(message.contains("expected at most 65536 calls of functions inside one call"), "{message}");
}

#[test]
fn functions_are_nested_as_deep_as_is_allowed_and_no_deeper() {
    let run = || {
        let g = Graph::new();
        let x = g.constant(1.0);
        let mut f = g.function(x, |x| x * 1.5);
        for _ in 0..63 {
            let inner = f;
            f = g.function(x, |x| inner.call(x) + 1.0);
        }
        let y = f.call(x);
        let [dy] = y.gradients([x]);
        let found = Session::builder(&g).threads(1).build().unwrap().run((y, dy)).unwrap();
        assert_eq!(found, (arr0(64.5).into_dyn(), arr0(1.5).into_dyn()));
        let deeper = g.function(x, |x| f.call(x));
        let _ = deeper.call(x);
        let message = message(&g);
        assert!(message.contains("expected at most 64 functions inside each other, got 65"), "{message}");
    };
    // The smallest stack that threads of programs have.
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn an_error_names_what_is_inside_of_a_call() {
    let g = Graph::new();
    let like = g.placeholder::<f64>("x", [None]);
    let c = g.constant(arr1(&[1.0, 2.0, 3.0]));
    let inside = line!() + 1;
    let f = g.function(like, |x| x * c);
    let line = line!() + 1;
    let _ = f.call(g.constant(arr1(&[1.0, 2.0])));
    let message = message(&g);
    assert!(
        message.contains("`function/mul` (mul)") && message.contains(&format!(":{inside}:")),
        "{message}"
    );
    assert!(message.contains("in `call`") && message.contains(&format!(":{line}:")), "{message}");
    // And why there is no gradient.
    let g = Graph::new();
    let x = g.constant(1.0);
    let f = g.function(x, |x| x.floor() * 2.0);
    let _ = f.call(x).gradients([x]);
    let message = g.check().unwrap_err().to_string();
    assert!(message.contains("`function/floor` (floor), which passes no gradient"), "{message}");
}

#[test]
fn the_call_that_made_nan_is_searched_in() {
    let g = Graph::new();
    let (good, bad) = (g.constant(2.0), g.constant(-2.0));
    let f = g.function(good, |x| (x.ln() * 2.0).check_numerics());
    let y = f.call(good) + f.call(bad);
    let message = Session::new(&g).unwrap().run(y).unwrap_err().to_string();
    assert!(message.contains("function/ln") && message.contains("NaN"), "{message}");
}

#[test]
fn nothing_outside_runs_behind_what_is_inside() {
    let g = Graph::new();
    let x = g.constant(1.0);
    let leaked = Cell::new(None);
    let f = g.function(x, |x| {
        leaked.set(Some(x));
        x + 1.0
    });
    let inside: Tensor<'_, f64> = leaked.get().unwrap();
    let fetched = Session::new(&g).unwrap().run(inside).unwrap_err().to_string();
    assert!(
        fetched.contains(&format!("built at {}", file!())),
        "a parameter is built where its function is: {fetched}"
    );
    let _ = g.control_dependencies(&[inside.op()], || f.call(x));
    assert!(message(&g).contains("outside of `function` or a result of a call, got one of its body"));
}

#[test]
fn variables_are_arguments_like_tensors() {
    let g = Graph::new();
    let v = g.variable("v", 3.0);
    let f = g.function(g.constant(1.0), |x| x.square());
    let y = f.call(v);
    let [dv] = y.gradients([v]);
    assert_eq!(Session::new(&g).unwrap().run((y, dv)).unwrap(), (arr0(9.0).into_dyn(), arr0(6.0).into_dyn()));
}

#[test]
fn many_calls_of_one_function_take_linear_time() {
    let g = Graph::new();
    let x = g.constant(arr1(&[0.5, -0.5]));
    let cell = g.function(x, |h| (h * 0.9 + x).tanh());
    let last = (0..2000).fold(x, |h, _| cell.call(h));
    let [dx] = last.gradients([x]);
    let found = Session::new(&g).unwrap().run(dx).unwrap();
    let h = |x: f64| {
        (0..2000).fold((x, 1.0), |(h, d): (f64, f64), _| {
            let y = (h * 0.9 + x).tanh();
            (y, (1.0 - y * y) * (d * 0.9 + 1.0))
        })
    };
    for (found, x) in found.iter().zip([0.5, -0.5]) {
        assert!((found - h(x).1).abs() < 1e-9, "{found} is not {}", h(x).1);
    }
}
