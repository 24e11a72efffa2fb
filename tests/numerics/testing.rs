//! The tools that prove gradients and ops: that they pass what is right, find what is wrong, and say
//! where.

use flowgrad::Float;
use flowgrad::ndarray::{Array2, ArrayD, IxDyn, arr0, arr1, arr2};
use flowgrad::prelude::*;
use flowgrad::testing::{
    AssertClose, ByHand, ByHandError, GradientCheck, OpCheck, Report, check_against, check_gradients,
    check_op,
};

/// The message of the panic that this ends in.
fn panic_of(check: impl FnOnce()) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).expect_err("nothing panicked");
    *panic.downcast::<String>().expect("a message")
}

// -- gradients that are right --------------------------------------------------------------------

/// Constants, variables at their start, intermediates, and placeholders that take seeded values.
#[test]
fn targets_of_all_kinds() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [4, 3]);
    let w = g.variable("w", glorot_uniform([3, 2]));
    let c = g.constant(arr1(&[0.3, -0.8]));
    let hidden = (x.matmul(w) + c).tanh();
    let y = hidden.softmax(-1) * c;
    let targets = [x, w.tensor(), c, hidden];
    let report = check_gradients(&g, y, &targets)?;
    report.assert_close(1e-8);
    check_gradients(&g, y, &targets).assert_close(1e-8);
    let names: Vec<&str> = report.targets().iter().map(|target| target.name.as_str()).collect();
    assert_eq!(names, ["x", "w", "constant", "tanh"]);
    assert_eq!(report.targets()[0].shape, [4, 3]);
    assert!(report.targets().iter().all(|target| target.connected && target.order == 1));
    // No number is compared with nothing: softmax has gradients that are not 0, also where their sum is.
    assert!(report.targets().iter().all(|target| target.relative.is_some()));
    Ok(())
}

#[test]
fn second_order() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [3]);
    let w = g.variable("w", arr1(&[0.5, -1.5, 2.0]));
    let y = (x * w).sin() * w.exp();
    let report = GradientCheck::of(&g, y).second_order().seed(3).wrt(&[x, w.tensor()])?;
    report.assert_close(1e-8);
    assert_eq!(report.targets().iter().map(|target| target.order).collect::<Vec<_>>(), [1, 1, 2, 2]);
    // A gradient of none has nothing to be differentiated.
    let flat = GradientCheck::of(&g, x * 0.5).second_order().wrt(&[w])?;
    assert_eq!(flat.targets().len(), 1);
    Ok(())
}

#[test]
fn single_precision() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [5, 3]);
    let labels = g.constant(arr1(&[0_i64, 2, 1, 1, 0]));
    let loss = x.sparse_softmax_cross_entropy(labels).reduce_mean(..);
    check_gradients(&g, loss, &[x])?.assert_close(1e-3);
    GradientCheck::of(&g, loss).step(0.05).second_order().wrt(&[x]).assert_close(1e-3);
    Ok(())
}

/// Values are given where they cannot be made up: for unknown lengths, integers, and where they matter.
#[test]
fn feeds() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(3)]);
    let labels = g.placeholder::<i64>("labels", [None]);
    let loss = x.sparse_softmax_cross_entropy(labels);
    let fed = arr2(&[[0.1, 0.2, 0.3], [3.0, -1.0, 0.0]]);
    let check = || GradientCheck::of(&g, loss).feed(labels, &arr1(&[2, 0]));
    check().feed(x, &fed).wrt(&[x])?.assert_close(1e-8);
    let error = check().wrt(&[x]).unwrap_err();
    assert!(matches!(&error, Error::NotFed { site, .. } if site.node == "x"), "{error}");
    let error = GradientCheck::of(&g, loss).feed(x, &fed).wrt(&[x]).unwrap_err();
    assert!(matches!(&error, Error::NotFed { site, .. } if site.node == "labels"), "{error}");
    // A target is shifted about what it is fed; the gradient of √x at 4 is ¼.
    let four = g.constant(1.0).named("four");
    let report = GradientCheck::of(&g, four.sqrt()).feed(four, 4.0).seed(0).wrt(&[four])?;
    let [at_four] = report.targets() else { panic!("one target") };
    let at_one = check_gradients(&g, four.sqrt(), &[four])?;
    let slope = |report: &flowgrad::testing::TargetReport| report.absolute.as_ref().unwrap().autodiff;
    assert!((slope(&at_one.targets()[0]) / slope(at_four) - 2.0).abs() < 1e-12);
    Ok(())
}

/// Every sample is taken from the same start, also where the graph assigns.
#[test]
fn assignments_do_not_pile_up() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", arr1(&[1.0, 2.0]));
    let x = g.placeholder::<f64>("x", [2]);
    let y = v.assign_add(x * x);
    check_gradients(&g, y * y, &[x, v.tensor()])?.assert_close(1e-8);
    Ok(())
}

// -- gradients that are wrong --------------------------------------------------------------------

/// A square whose gradient forgets the factor of 2 for its last element.
fn wrong_square(x: Tensor<'_, f64>) -> Tensor<'_, f64> {
    custom_gradient(
        [x],
        |[x]| x * x,
        |at| {
            let [x] = at.inputs();
            let factors = x.less(3.0).select(2.0, x * 0.0 + 1.0);
            [at.cotangent() * x * factors]
        },
    )
}

#[test]
fn a_wrong_gradient_is_found_and_its_place_named() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr2(&[[1.0, 2.0], [-1.0, 4.0]])).named("weights");
    let right = g.constant(arr0(0.5)).named("right");
    let y = wrong_square(x) * right;
    let report = check_gradients(&g, y, &[x, right])?;
    let [of_x, of_right] = report.targets() else { panic!("two targets") };
    let worst = of_x.absolute.as_ref().unwrap();
    assert_eq!((worst.index.as_slice(), of_x.name.as_str()), (&[1, 1][..], "weights"));
    assert!((worst.numeric - 2.0 * worst.autodiff).abs() < 1e-8, "{worst:?}");
    assert!((worst.size - worst.autodiff.abs()).abs() < 1e-8);
    assert!(of_right.relative.as_ref().unwrap().size < 1e-9);
    let message = panic_of(move || report.assert_close(1e-6));
    assert!(
        message.starts_with("gradients are not those of central differences to 1e-6\ntarget "),
        "{message}"
    );
    assert!(message.contains("[1, 1]") && message.contains("weights  [2, 2]"), "{message}");
    Ok(())
}

/// A sum hides that the gradient of a softmax is wrong; the weights bring it to light.
#[test]
fn what_a_sum_would_hide() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[0.1, -0.4, 0.7]));
    let y = custom_gradient([x], |[x]| x.softmax(-1), |at| [at.cotangent() * 0.0]);
    assert!(check_gradients(&g, y, &[x])?.largest() > 1e-2);
    Ok(())
}

/// What is cut off by accident has no gradient, but differences; what is not connected has neither.
#[test]
fn gradients_that_are_missing() -> Result<()> {
    let g = Graph::new();
    let [x, z] = [g.constant(2.0), g.constant(3.0)];
    let report = check_gradients(&g, x.stop_gradient() * x.cast::<i64>().cast::<f64>(), &[x, z])?;
    let [cut, apart] = report.targets() else { panic!("two targets") };
    assert!(!cut.connected && cut.absolute.as_ref().unwrap().size > 0.1);
    assert!(!apart.connected && apart.absolute.as_ref().unwrap().size == 0.0);
    assert!(report.to_string().contains("none"));
    Ok(())
}

#[test]
fn a_second_derivative_alone_may_be_wrong() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    let y = custom_gradient([x], |[x]| x.square(), |at| [at.cotangent() * at.input(0).stop_gradient() * 2.0]);
    let report = GradientCheck::of(&g, y).second_order().wrt(&[x])?;
    let [first, second] = report.targets() else { panic!("two orders") };
    assert!(first.relative.as_ref().unwrap().size < 1e-8 && second.relative.as_ref().unwrap().size > 0.1);
    Ok(())
}

#[test]
fn a_gradient_that_is_not_a_number_is_wrong() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(1.0);
    let y = custom_gradient([x], |[x]| x, |at| [at.cotangent() * (at.input(0) - 1.0).ln() * 0.0]);
    let report = check_gradients(&g, y, &[x])?;
    assert_eq!(report.largest(), f64::INFINITY);
    Ok(())
}

// -- reports and errors --------------------------------------------------------------------------

/// Columns are aligned, texts to the left and numbers to the right.
#[test]
fn a_report_is_a_table() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr2(&[[1.0, 2.0], [-1.0, 4.0]])).named("weights");
    let none = g.constant(ArrayD::<f64>::zeros(IxDyn(&[0, 3]))).named("n");
    let y = x.reduce_sum(..) + none.reduce_sum(..);
    let table = check_gradients(&g, y, &[x, none])?.to_string();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 5, "{table}");
    assert!(lines[0].starts_with("target   shape   order  largest   at"), "{table}");
    assert!(lines[1].starts_with("weights  [2, 2]  1      absolute  ["), "{table}");
    assert!(lines[2].starts_with("                        relative  ["), "{table}");
    assert!(lines[3].starts_with("n        [0, 3]  1      absolute  no element"), "{table}");
    assert!(lines[0].len() == lines[1].len() && lines[0].ends_with("numeric"), "{table}");
    Ok(())
}

#[test]
fn checks_that_cannot_be() -> Result<()> {
    let (g, other) = (Graph::new(), Graph::new());
    let (x, foreign) = (g.constant(1.0), other.constant(1.0).named("foreign"));
    for result in [
        check_gradients(&g, x, &[foreign]),
        check_gradients(&g, foreign, &[x]),
        GradientCheck::of(&g, x).feed(foreign, 1.0).wrt(&[x]),
    ] {
        assert!(matches!(result.unwrap_err(), Error::OtherGraph(site) if site.node == "foreign"));
    }
    // Nothing of it is left in the graph.
    g.check()?;
    let error = GradientCheck::of(&g, x).feed(x, &arr1(&[1.0])).wrt(&[x]).unwrap_err();
    assert!(matches!(error, Error::FeedShape { .. }), "{error}");
    let _ = g.constant(arr1(&[1.0, 2.0])) + g.constant(arr1(&[1.0, 2.0, 3.0]));
    let failed: Result<Report> = check_gradients(&g, x, &[x]);
    let message = panic_of(move || failed.assert_close(1e-6));
    assert!(
        message
            .starts_with("gradients could not be checked: expected shapes that broadcast, got [2] and [3]"),
        "{message}"
    );
    let none: [Tensor<f64>; 0] = [];
    assert_eq!(check_gradients(&other, foreign, &none)?.largest(), 0.0);
    Ok(())
}

// -- ops -----------------------------------------------------------------------------------------

#[test]
fn ops_that_keep_the_laws() {
    check_op(&[&[2, 3], &[3]], |_, x| (x[0] * x[1]).tanh() + x[1]).assert_holds();
    check_op(&[&[0, 2]], |_, x| x[0].exp()).assert_holds();
    check_op(&[], |g, _| g.constant(2.0) * 3.0).assert_holds();
    let report = OpCheck::inputs(vec![arr2(&[[0.2, 0.4], [0.6, 0.1]]).into_dyn()])
        .within(1.0, 3.0)
        .reference(|x| x[0].mapv(f64::ln))
        .check(|_, x| x[0].ln());
    assert!(report.holds());
    assert_eq!(report.to_string().lines().filter(|line| line.starts_with("holds ")).count(), 8);
}

#[test]
fn ops_of_both_float_types() {
    fn squashed<'g, T: Float>(x: &[Tensor<'g, T>]) -> Tensor<'g, T> {
        x[0].tanh().reduce_sum(-1)
    }
    let check = || OpCheck::shapes(&[&[2, 3], &[2]]);
    let report = check().single_precision(|_, x| squashed(x)).check(|_, x| squashed(x));
    report.assert_holds();
    assert!(report.to_string().ends_with("holds   single precision is close to double"), "{report}");
    // The value is the same, the gradient is not.
    let report = check()
        .single_precision(|_, x| squashed(&[x[0].stop_gradient()]) + x[1].stop_gradient() * 0.0)
        .check(|_, x| squashed(x));
    let broken: Vec<&str> = report.failures().map(|(says, _)| says).collect();
    assert_eq!(broken, ["single precision is close to double"]);
}

#[test]
fn ops_that_break_laws() {
    let report = OpCheck::shapes(&[&[2, 2]])
        .reference(|x| x[0].mapv(|x| x * x + 1.0))
        .check(|_, x| custom_gradient([x[0]], |[x]| x * x, |at| [at.cotangent() * at.input(0)]));
    let broken: Vec<(&str, &str)> = report.failures().collect();
    assert_eq!(broken.len(), 2, "{report}");
    assert_eq!(broken[0].0, "the result is that of the reference");
    assert!(broken[0].1.ends_with("at [0, 0]"), "{report}");
    assert_eq!(broken[1].0, "derivatives are those of central differences");
    assert!(broken[1].1.contains("[2, 2]"), "{report}");
    let message = panic_of(move || report.assert_holds());
    assert!(message.starts_with("an op breaks laws\nholds   the declared shape"), "{message}");

    // What cannot be built breaks every law, in words.
    let report = check_op(&[&[2], &[3]], |_, x| x[0] + x[1]);
    assert!(
        report.failures().count() >= 6 && report.to_string().contains("expected shapes that broadcast"),
        "{report}"
    );
    // Lengths that are asked for while building.
    let report = check_op(&[&[2]], |g, x| match x[0].shape().size() {
        Some(_) => x[0] * 2.0,
        None => x[0] + g.constant(Array2::<f64>::ones((1, 2))),
    });
    assert_eq!(
        report.failures().map(|(says, _)| says).collect::<Vec<_>>(),
        ["unknown lengths change nothing", "derivatives are the same under all conditions"]
    );
}

// -- gradients derived by hand -------------------------------------------------------------------

/// Tensors, arrays and closures; typed pairs and untyped ones; several targets, of which closures see all.
#[test]
fn gradients_by_hand_of_all_kinds() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [4, 3]);
    let w = g.variable("w", glorot_uniform([3, 2]));
    let y = x.matmul(w).square();
    let of_w = 2.0 * x.transpose().matmul(x.matmul(w));
    let of_x = 2.0 * x.matmul(w).matmul(w.transpose());
    check_against(&g, y, &[(w, of_w)])?.assert_close(1e-12);
    check_against(&g, y, &[(x, of_x), (w.tensor(), of_w)]).assert_close(1e-12);
    let report = check_against(&g, y, &[(w.any(), of_w.any()), (x.any(), of_x.any())])?;
    report.assert_close(1e-12);
    let names: Vec<&str> = report.targets().iter().map(|target| target.name.as_str()).collect();
    assert_eq!(names, ["w", "x"]);

    let two = |array: &ArrayD<f64>| {
        array.view().into_dimensionality::<flowgrad::ndarray::Ix2>().unwrap().to_owned()
    };
    let on_arrays = |at: &[ArrayD<f64>]| -> Array2<f64> {
        let (w, x) = (two(&at[0]), two(&at[1]));
        2.0 * x.t().dot(&x.dot(&w))
    };
    let pairs: [(_, &dyn ByHand<f64>); 2] = [(w.any(), &on_arrays), (x.any(), &of_x)];
    check_against(&g, y, &pairs)?.assert_close(1e-12);

    let c = g.constant(arr1(&[1.0_f32, -2.0]));
    let array = arr1(&[2.0_f32, -4.0]);
    check_against(&g, c.square(), &[(c, array.view())])?.assert_close(0.0);
    check_against(&g, c.square(), &[(c, array)])?.assert_close(0.0);
    Ok(())
}

/// The report says of which target, where, and by how much.
#[test]
fn a_wrong_gradient_by_hand_is_found() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0, 3.0])).named("x");
    let y = g.constant(arr1(&[1.0, 1.0, 1.0])).named("y");
    let loss = (x.square() * y).reduce_sum(..);
    let mut wrong = arr1(&[2.0, 4.0, 6.0]);
    wrong[1] = 4.5;
    let report = check_against(&g, loss, &[(y, arr1(&[1.0, 4.0, 9.0])), (x, wrong)])?;
    let [right, found] = report.targets() else { panic!("two targets") };
    assert_eq!((right.name.as_str(), report.targets().len()), ("y", 2));
    assert_eq!(right.absolute.as_ref().unwrap().size, 0.0);
    let worst = found.absolute.as_ref().unwrap();
    assert_eq!(
        (worst.index.as_slice(), worst.size, worst.autodiff, worst.numeric),
        (&[1][..], 0.5, 4.0, 4.5)
    );
    let message = panic_of(|| report.assert_close(1e-12));
    assert!(message.starts_with("gradients are not those derived by hand to 1e-12\n"), "{message}");
    assert!(message.contains("by hand") && !message.contains("numeric"), "{message}");
    // A path that is cut is a gradient of 0.
    let cut = check_against(&g, loss * 1.0 + y.stop_gradient().reduce_sum(..) * 0.0, &[(y, x * x)])?;
    cut.assert_close(1e-15);
    let none = check_against(&g, x.stop_gradient(), &[(x, x)])?;
    assert!(!none.targets()[0].connected && none.largest() > 1.0 - 1e-15);
    Ok(())
}

/// Random numbers are the same for both gradients; variables are at their start, or at what is fed.
#[test]
fn gradients_by_hand_see_what_autodiff_sees() -> Result<()> {
    let g = Graph::with_seed(3);
    let w = g.variable("w", arr1(&[1.0, 2.0]));
    let noise = g.random_normal([2], 0.0_f64, 1.0);
    check_against(&g, w.square() * noise, &[(w, 2.0 * w * noise)])?.assert_close(1e-15);
    let at = arr1(&[5.0, -1.0]);
    let report = GradientCheck::of(&g, w.square()).feed(w, &at).against(&[(w, arr1(&[10.0, -2.0]))])?;
    report.assert_close(0.0);
    Ok(())
}

#[test]
fn gradients_by_hand_that_do_not_fit_are_refused() {
    let g = Graph::new();
    let x = g.constant(arr2(&[[1.0, 2.0, 3.0]])).named("x");
    let fault = |error: Error| match &error {
        Error::Other(other) => {
            other.downcast_ref::<ByHandError>().expect("of a gradient by hand").to_string()
        }
        _ => error.to_string(),
    };
    let error = check_against(&g, x.square(), &[(x, arr1(&[2.0, 4.0, 6.0]))]).unwrap_err();
    assert_eq!(fault(error), "the gradient by hand of target `x`: expected shape [1, 3], got [3]");
    let error = check_against(&g, x.square(), &[(x.any(), x.cast::<f32>().any())]).unwrap_err();
    assert_eq!(fault(error), "the gradient by hand of target `x`: expected elements of f64, got f32");
    let whole = x.cast::<i64>().named("whole");
    let error = check_against(&g, x.square(), &[(whole.any(), x.any())]).unwrap_err();
    assert_eq!(fault(error), "the value of target `whole`: expected elements of f64, got i64");
    let elsewhere = Graph::new();
    let other = elsewhere.constant(1.0);
    let error = check_against(&g, x.square(), &[(x, other)]).unwrap_err();
    assert!(matches!(error, Error::OtherGraph(_)), "{error}");
}
