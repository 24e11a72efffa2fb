//! What optimizers build: names, which variables they change, and the exact words of build errors.

use std::collections::BTreeSet;

use flowgrad::ndarray::{arr1, arr2};
use flowgrad::optimizer::{clip_by_global_norm, clip_by_norm};
use flowgrad::prelude::*;

/// The names of all variables.
fn variables(g: &Graph) -> Result<BTreeSet<String>> {
    Ok(Session::new(g)?.variable_values()?.into_keys().collect())
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

/// The first build error of a graph, without the column behind the line.
fn fault(g: &Graph) -> String {
    let message = g.check().unwrap_err().to_string();
    let (words, _column) = message.rsplit_once(':').unwrap();
    words.to_owned()
}

// -- what is built -------------------------------------------------------------------------------

#[test]
fn slots_are_named_after_variable_and_optimizer() -> Result<()> {
    let g = Graph::new();
    let w = g.name_scope("dense", || g.variable("kernel", arr1(&[1.0_f32, 2.0])));
    let loss = w.square().reduce_sum(..);
    let optimizer = Adam::new(0.1);
    let train = optimizer.minimize(loss);
    assert_eq!(train.name(), "apply_adam");
    let first =
        names(["adam/step", "dense/kernel", "dense/kernel/adam/m", "dense/kernel/adam/v", "global_step"]);
    assert_eq!(variables(&g)?, first);

    optimizer.minimize(loss);
    let second = names(["adam_1/step", "dense/kernel/adam_1/m", "dense/kernel/adam_1/v"]);
    assert_eq!(&variables(&g)? - &first, second);
    Ok(())
}

#[test]
fn every_rule_names_its_slots() -> Result<()> {
    fn slots(build: impl for<'g> Fn(Tensor<'g, f64>) -> Operation<'g>) -> Result<BTreeSet<String>> {
        let g = Graph::new();
        build(g.variable("w", arr1(&[1.0, 2.0])).square());
        Ok(&variables(&g)? - &names(["w", "global_step"]))
    }
    assert_eq!(slots(|loss| Sgd::new(0.1).weight_decay(0.1).minimize(loss))?, names([]));
    assert_eq!(slots(|loss| Momentum::new(0.1, 0.9).minimize(loss))?, names(["w/momentum/velocity"]));
    assert_eq!(slots(|loss| RmsProp::new(0.1).minimize(loss))?, names(["w/rms_prop/mean_square"]));
    let all = ["w/rms_prop/mean_gradient", "w/rms_prop/mean_square", "w/rms_prop/velocity"];
    assert_eq!(slots(|loss| RmsProp::new(0.1).centered().momentum(0.9).minimize(loss))?, names(all));
    assert_eq!(slots(|loss| Adagrad::new(0.1).minimize(loss))?, names(["w/adagrad/sum"]));
    let averages = ["adam_w/step", "w/adam_w/m", "w/adam_w/v"];
    assert_eq!(slots(|loss| AdamW::new(0.1).minimize(loss))?, names(averages));
    Ok(())
}

#[test]
fn what_optimizers_keep_is_not_trainable() {
    let g = Graph::new();
    let w = g.variable("w", arr1(&[1.0_f64, 2.0]));
    RmsProp::new(0.1).centered().momentum(0.9).minimize(w.square());
    Adam::new(0.1).minimize(w.square());
    let trainable = g.trainable_variables::<f64>();
    assert_eq!(trainable.iter().map(|variable| variable.name()).collect::<Vec<_>>(), ["w"]);
    assert!(g.trainable_variables::<i64>().is_empty());
    assert_eq!(g.find_variable::<f64>("w/adam/m").unwrap().shape(), w.shape());
}

#[test]
fn a_scope_holds_all_but_one_step_serves_the_graph() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", 1.0_f64);
    let train = g.name_scope("train", || Adam::new(0.1).minimize(w.square()));
    let inside = ["train/adam/step", "train/global_step", "train/w/adam/m", "train/w/adam/v", "w"];
    assert_eq!(variables(&g)?, names(inside));

    // What is built outside finds the step inside, and so does another scope.
    let more = g.name_scope("more", || Sgd::new(0.1).minimize(w.square()));
    assert_eq!(variables(&g)?, names(inside));
    assert_eq!(global_step(&g).name(), "train/global_step");
    let session = Session::new(&g)?;
    session.run(train)?;
    session.run(more)?;
    assert_eq!(session.run(global_step(&g))?.sum(), 2);
    Ok(())
}

#[test]
fn other_nodes_that_end_in_the_name_are_no_step() {
    let g = Graph::new();
    g.placeholder::<i64>("a/global_step", ());
    g.variable("b/global_step", 0_i32);
    g.variable("c/my_global_step", 0_i64);
    assert_eq!(global_step(&g).name(), "global_step");
    assert!(!global_step(&g).is_trainable());
}

#[test]
fn only_trainable_variables_of_the_losss_type_change() -> Result<()> {
    let g = Graph::new();
    let [w, unused] = ["w", "unused"].map(|name| g.variable(name, 1.0_f64));
    let frozen = g.non_trainable_variable("frozen", 1.0_f64);
    let single = g.variable("single", 1.0_f32);
    let loss = (w * frozen * single.cast::<f64>()).square();
    let train = Sgd::new(0.25).minimize(loss);
    let session = Session::new(&g)?;
    session.run(train)?;
    let (w, unused, frozen, single) = session.run((w, unused, frozen, single))?;
    assert_eq!((w.sum(), unused.sum(), frozen.sum(), single.sum()), (0.5, 1.0, 1.0, 1.0));
    Ok(())
}

#[test]
fn given_variables_change_even_if_they_are_not_trainable() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", 1.0_f64);
    let frozen = g.non_trainable_variable("frozen", 1.0_f64);
    let train = Sgd::new(0.25).minimize_over((w * frozen).square(), &[frozen]);
    let session = Session::new(&g)?;
    session.run(train)?;
    let [w, frozen] = session.run([w, frozen])?;
    assert_eq!((w.sum(), frozen.sum()), (1.0, 0.5));
    Ok(())
}

#[test]
fn a_loss_of_several_elements_stands_for_their_sum() -> Result<()> {
    let mut after = Vec::new();
    for sum in [false, true] {
        let g = Graph::new();
        let w = g.variable("w", arr1(&[1.0_f64, -2.0, 3.0]));
        let loss = (w * w.reduce_sum(..)).square();
        let train = Adagrad::new(0.1).minimize(if sum { loss.reduce_sum(..) } else { loss });
        let session = Session::new(&g)?;
        session.run(train)?;
        after.push(session.run(w)?);
    }
    assert_eq!(after[0], after[1]);
    Ok(())
}

#[test]
fn gradients_have_the_shape_of_their_variable_also_where_lengths_are_fed() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, None]);
    let w = g.variable("w", arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    let b = g.variable("b", arr1(&[1.0, 2.0]));
    let offset = g.variable("offset", 0.5);
    let y = (x.matmul(w) + b + x * offset).gather(g.constant(arr1(&[0, 0])), 0);
    let loss = (y + b.reshape([-1, 1]) + w.slice([0..1, 0..2])).square().reduce_mean(..);
    let train = Adam::new(0.1).clip_by_global_norm(1.0).minimize(loss);
    let session = Session::new(&g)?;
    session.feed(x, &arr2(&[[1.0, -1.0]])).run(train)?;
    let (w, b, offset) = session.run((w, b, offset))?;
    assert!(w.iter().chain(&b).chain(&offset).all(|x| x.is_finite()));
    Ok(())
}

// -- build errors ------------------------------------------------------------------------------------

/// A call that is wrong, and what is said of it.
type Row = (for<'g> fn(Tensor<'g, f64>) -> Operation<'g>, &'static str);

/// What rules refuse.
const RULES: [Row; 14] = [
    (
        |y| Sgd::new(-0.5).minimize(y),
        "the rate: expected a finite number of at least 0, got -0.5, in `sgd` (sgd)",
    ),
    (
        |y| Sgd::new(f64::NAN).minimize(y),
        "the rate: expected a finite number of at least 0, got NaN, in `sgd` (sgd)",
    ),
    (
        |y| Adam::new(f64::INFINITY).minimize(y),
        "the rate: expected a finite number of at least 0, got inf, in `adam` (adam)",
    ),
    (
        |y| Momentum::new(0.1, 1.0).minimize(y),
        "momentum: expected a number in [0, 1), got 1, in `momentum` (momentum)",
    ),
    (
        |y| Momentum::new(0.1, f64::NAN).nesterov().minimize(y),
        "momentum: expected a number in [0, 1), got NaN, in `momentum` (momentum)",
    ),
    (
        |y| RmsProp::new(0.1).decay(-0.1).minimize(y),
        "decay: expected a number in [0, 1), got -0.1, in `rms_prop` (rms_prop)",
    ),
    (
        |y| RmsProp::new(0.1).epsilon(-1.0).minimize(y),
        "epsilon: expected a finite number of at least 0, got -1, in `rms_prop` (rms_prop)",
    ),
    (
        |y| RmsProp::new(0.1).momentum(2.0).minimize(y),
        "momentum: expected a number in [0, 1), got 2, in `rms_prop` (rms_prop)",
    ),
    (
        |y| Adagrad::new(0.1).initial_sum(-1.0).minimize(y),
        "initial_sum: expected a finite number of at least 0, got -1, in `adagrad` (adagrad)",
    ),
    (
        |y| Adagrad::new(0.1).epsilon(f64::NAN).minimize(y),
        "epsilon: expected a finite number of at least 0, got NaN, in `adagrad` (adagrad)",
    ),
    (
        |y| Adam::new(0.1).beta1(1.0).minimize(y),
        "beta1: expected a number in [0, 1), got 1, in `adam` (adam)",
    ),
    (
        |y| Adam::new(0.1).beta2(1.5).minimize(y),
        "beta2: expected a number in [0, 1), got 1.5, in `adam` (adam)",
    ),
    (
        |y| Adam::new(0.1).epsilon(f64::INFINITY).minimize(y),
        "epsilon: expected a finite number of at least 0, got inf, in `adam` (adam)",
    ),
    (
        |y| AdamW::new(0.1).weight_decay(-0.5).minimize(y),
        "weight_decay: expected a finite number of at least 0, got -0.5, in `adam_w` (adam_w)",
    ),
];

/// What all optimizers and their schedules refuse.
const OPTIONS: [Row; 14] = [
    (
        |y| Sgd::new(0.1).clip_by_value(0.0).minimize(y),
        "the limit of clip_by_value: expected a finite number above 0, got 0, in `sgd` (sgd)",
    ),
    (
        |y| Sgd::new(0.1).clip_by_norm(-1.0).minimize(y),
        "the limit of clip_by_norm: expected a finite number above 0, got -1, in `sgd` (sgd)",
    ),
    (
        |y| Sgd::new(0.1).clip_by_norm(1.0).clip_by_global_norm(f64::NAN).minimize(y),
        "the limit of clip_by_global_norm: expected a finite number above 0, got NaN, in `sgd` (sgd)",
    ),
    (
        |y| Sgd::new(Schedule::exponential(0.1, 0.0, 1)).minimize(y),
        "the factor of the rate: expected a finite number above 0, got 0, in `sgd` (sgd)",
    ),
    (
        |y| Sgd::new(Schedule::exponential(-0.1, 0.5, 1)).minimize(y),
        "the rate: expected a finite number of at least 0, got -0.1, in `sgd` (sgd)",
    ),
    (
        |y| Sgd::new(Schedule::staircase(0.1, 0.5, 0)).minimize(y),
        "the number of steps: expected a finite number above 0, got 0, in `sgd` (sgd)",
    ),
    (
        |y| Sgd::new(Schedule::cosine(0.1, -1.0, 5)).minimize(y),
        "the rate: expected a finite number of at least 0, got -1, in `sgd` (sgd)",
    ),
    (
        |y| Sgd::new(Schedule::cosine(0.1, 0.0, 0)).minimize(y),
        "the number of steps: expected a finite number above 0, got 0, in `sgd` (sgd)",
    ),
    (
        |y| Sgd::new(Schedule::piecewise(0.1, [(5, f64::NAN)])).minimize(y),
        "the rate: expected a finite number of at least 0, got NaN, in `sgd` (sgd)",
    ),
    (
        |y| Sgd::new(Schedule::piecewise(0.1, [(5, 0.2), (5, 0.1)])).minimize(y),
        "expected the steps at which the rate changes to ascend, got 5 behind 5, in `sgd` (sgd)",
    ),
    (
        |y| Sgd::new(Schedule::constant(0.1).after_warm_up(-1.0, 5)).minimize(y),
        "the rate: expected a finite number of at least 0, got -1, in `sgd` (sgd)",
    ),
    (
        |y| Sgd::new(Schedule::constant(0.1).after_warm_up(0.0, 0)).minimize(y),
        "the number of steps: expected a finite number above 0, got 0, in `sgd` (sgd)",
    ),
    (
        |y| Sgd::new(Schedule::constant(-0.1).after_warm_up(0.0, 5)).minimize(y),
        "the rate: expected a finite number of at least 0, got -0.1, in `sgd` (sgd)",
    ),
    (
        |y| Sgd::new(-0.1).apply_gradients::<f64>(y.graph(), &[]),
        "the rate: expected a finite number of at least 0, got -0.1, in `sgd` (sgd)",
    ),
];

#[test]
fn unsuited_options_name_the_optimizer() {
    for (build, expected) in RULES.into_iter().chain(OPTIONS) {
        let g = Graph::new();
        build(g.variable("w", 1.0_f64).square());
        let message = g.check().unwrap_err().to_string();
        assert!(message.starts_with(&format!("{expected} built at {}:", file!())), "{message}");
    }
}

#[test]
fn build_errors_name_the_callers_line() {
    let g = Graph::new();
    let loss = g.constant(1.0_f64).named("loss");
    let line = line!() + 1;
    Sgd::new(0.1).minimize(loss);
    let expected =
        "expected a loss that depends on a trainable variable of f64, got `loss`, in `sgd` (sgd) built at";
    assert_eq!(fault(&g), format!("{expected} {}:{line}", file!()));
}

#[test]
fn a_loss_without_variables() -> Result<()> {
    let g = Graph::new();
    let frozen = g.non_trainable_variable("frozen", 1.0_f64);
    let other = g.variable("other", 1.0_f64);
    let session = Session::new(&g)?;
    let loss = (frozen * other.stop_gradient()).named("loss");
    assert!(Adam::new(0.1).compute_gradients(loss).is_empty());
    let train = Adam::new(0.1).minimize(loss);
    let expected = "expected a loss that depends on a trainable variable of f64, got `loss`, in ";
    assert!(fault(&g).starts_with(&format!("{expected}`adam` (adam) built at {}", file!())));
    let error = session.run(train).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{expected}`adam_1` (adam) built at {}", file!())), "{error}");
    Ok(())
}

#[test]
fn given_variables_that_the_loss_does_not_depend_on() {
    let g = Graph::new();
    let [a, b] = ["a", "b"].map(|name| g.variable(name, 1.0_f64));
    let line = line!() + 1;
    Sgd::new(0.1).minimize_over(a.square().named("loss"), &[a, b]);
    let expected = "`loss` has no gradient with respect to `b`: there is no path between them, in `gradients_2` (gradients) built at";
    assert_eq!(fault(&g), format!("{expected} {}:{line}", file!()));
}

#[test]
fn no_variables_are_given() {
    let g = Graph::new();
    let line = line!() + 1;
    Sgd::new(0.1).minimize_over(g.variable("a", 1.0_f64).square(), &[]);
    let expected = "expected at least one gradient to apply, got none, in `sgd` (sgd) built at";
    assert_eq!(fault(&g), format!("{expected} {}:{line}", file!()));
}

#[test]
fn variables_that_are_given_twice() {
    let g = Graph::new();
    let w = g.variable("w", 1.0_f64);
    let line = line!() + 1;
    Sgd::new(0.1).minimize_over(w.square(), &[w, w]);
    let expected = "expected each variable once, got `w` twice, in `sgd` (sgd) built at";
    assert_eq!(fault(&g), format!("{expected} {}:{line}", file!()));
}

#[test]
fn gradients_of_another_shape() {
    for shape in [vec![1], vec![], vec![3, 1], vec![2]] {
        let g = Graph::new();
        let w = g.variable("w", arr1(&[1.0, 2.0, 3.0]));
        let gradient = g.constant(0.5).broadcast_to(shape.clone());
        let line = line!() + 1;
        Momentum::new(0.1, 0.5).apply_gradients(&g, &[(gradient, w)]);
        let expected =
            format!("gradient of `w`: expected shape [3], got {shape:?}, in `momentum` (momentum) built at");
        assert_eq!(fault(&g), format!("{expected} {}:{line}", file!()));
    }
}

#[test]
fn invalid_losses_and_gradients_report_the_first_build_error() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", arr1(&[1.0, 2.0, 3.0]));
    let session = Session::new(&g)?;
    let wrong = w + g.constant(arr1(&[1.0, 2.0]));
    let [by_loss, by_gradient] =
        [Adam::new(0.1).minimize(wrong), Adam::new(0.1).apply_gradients(&g, &[(wrong, w)])];
    for train in [by_loss, by_gradient] {
        let message = session.run(train).unwrap_err().to_string();
        assert!(
            message.starts_with("expected shapes that broadcast, got [3] and [2], in `add` (add)"),
            "{message}"
        );
    }
    Ok(())
}

#[test]
fn variables_and_gradients_of_another_graph() {
    for foreign_variable in [true, false] {
        let (g, other) = (Graph::new(), Graph::new());
        let (w, foreign) = (g.variable("w", 1.0_f64), other.variable("v", 1.0_f64));
        let second = if foreign_variable { foreign } else { g.variable("v", 1.0_f64) };
        let line = line!() + 1;
        Sgd::new(0.1).apply_gradients(&g, &[(w.tensor(), w), (foreign.tensor(), second)]);
        let expected = "operand 1: expected a tensor of the same graph, got one of another graph, in `sgd` (sgd) built at";
        assert_eq!(fault(&g), format!("{expected} {}:{line}", file!()));
    }
}

#[test]
fn a_build_error_leaves_no_variables_behind() {
    let g = Graph::new();
    let w = g.variable("w", 1.0_f64);
    Adam::new(0.1).beta1(2.0).minimize(w.square());
    Adam::new(0.1).minimize_over(w.square(), &[w, w]);
    assert_eq!(g.nodes().iter().filter(|node| node.op == "variable").count(), 1);
}

/// A tensor that is wrong, and what is said of it.
type ByItself = (fn(&Graph) -> Tensor<'_>, &'static str);

#[test]
fn schedules_and_clipping_by_themselves_name_themselves() {
    let cases: [ByItself; 6] = [
        (
            |g| Schedule::from(-1.0).rate(global_step(g)),
            "the rate: expected a finite number of at least 0, got -1, in `schedule` (schedule)",
        ),
        (
            |g| Schedule::cosine(1.0, 0.0, 0).rate(global_step(g)),
            "the number of steps: expected a finite number above 0, got 0, in `schedule` (schedule)",
        ),
        (
            |g| Schedule::of(|step| step * step.graph().constant(arr1(&[1.0, 2.0]))).rate(global_step(g)),
            "expected shape [], got [2], in `schedule` (schedule)",
        ),
        (
            |g| Schedule::of(|step| step.transpose_perm([0])).rate(global_step(g)),
            "expected an axis of a tensor of rank 0, got 0, in `transpose` (transpose)",
        ),
        (
            |g| clip_by_norm(g.constant(1.0), 0.0),
            "the limit: expected a finite number above 0, got 0, in `clip_by_norm` (clip_by_norm)",
        ),
        (
            |g| clip_by_global_norm(&[g.constant(1.0)], f64::INFINITY)[0],
            "the limit: expected a finite number above 0, got inf, in `clip_by_global_norm` (clip_by_global_norm)",
        ),
    ];
    for (build, expected) in cases {
        let g = Graph::new();
        build(&g);
        assert!(fault(&g).starts_with(&format!("{expected} built at {}:", file!())), "{}", fault(&g));
    }
}
