//! Ops made of closures: `Graph::call` and `map_with`, what they give, and what is an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flowgrad::Float;
use flowgrad::fault::GradientFault;
use flowgrad::ndarray::{Array1, ArrayD, arr0, arr1, arr2};
use flowgrad::op::KernelError;
use flowgrad::prelude::*;
use flowgrad::testing::{OpCheck, check_op};

/// The build error of a graph, as a fault of gradients.
fn gradient_fault(g: &Graph) -> (GradientFault, String) {
    let Err(Error::Build(error)) = g.check() else { panic!("expected a build error") };
    (error.fault.downcast_ref::<GradientFault>().expect("of gradients").clone(), error.to_string())
}

#[test]
fn a_call_takes_and_gives_all_element_types() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(2)]);
    let ids = g.placeholder::<i64>("ids", [None]);
    let chosen = g.call(&[ids.any(), x.any()], (DType::Bool, [None, Some(2)]), |inputs, out| {
        let (ids, x) = (inputs[0].view::<i64>().unwrap(), inputs[1].view::<f32>().unwrap());
        let mut out = out.into_view::<bool>().unwrap();
        for (row, id) in ids.iter().enumerate() {
            for column in 0..2 {
                out[[row, column]] = x[[*id as usize, column]] > 0.5;
            }
        }
    });
    assert_eq!((chosen.dtype(), chosen.shape().to_string()), (DType::Bool, "[?, 2]".to_owned()));
    let session = Session::new(&g)?;
    let fed = arr2(&[[0.0, 1.0], [2.0, 0.0]]);
    for rows in [vec![1_i64, 0, 1], vec![0]] {
        let found = session.feed(x, &fed).feed(ids, &arr1(&rows)).run(chosen.typed::<bool>())?;
        let expected = rows.iter().map(|&row| [fed[[row as usize, 0]] > 0.5, fed[[row as usize, 1]] > 0.5]);
        let expected: Vec<[bool; 2]> = expected.collect();
        assert_eq!(found, flowgrad::ndarray::Array2::from(expected).into_dyn());
    }
    Ok(())
}

/// Without inputs, it runs anew in each run, and once in a run.
#[test]
fn a_call_runs_once_a_run() -> Result<()> {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let g = Graph::new();
    let count = g.call(&[], (DType::I64, ()), |_, out| {
        let calls = CALLS.fetch_add(1, Ordering::Relaxed);
        out.into_view::<i64>().unwrap().fill(calls as i64);
    });
    let count = count.typed::<i64>();
    let session = Session::new(&g)?;
    for run in 0..3 {
        let [a, b] = session.run([count, count * 10])?;
        assert_eq!((a.sum(), b.sum()), (run, 10 * run));
    }
    Ok(())
}

#[test]
fn errors_and_panics_of_closures_are_errors_of_the_run() -> Result<()> {
    for threads in [1, 2] {
        let g = Graph::new();
        let v = g.variable("v", arr1(&[1.0, 2.0, 3.0]));
        let session = Session::builder(&g).threads(threads).build()?;
        let shape = (DType::F64, [3_usize]);
        let fails = g.call(&[v.any()], shape, |_, _| Err::<(), _>("the moon is in the wrong house"));
        let other_type = g.call(&[v.any()], shape, |inputs, _| inputs[0].view::<f32>().map(|_| ()));
        let panics = g.call(&[v.any()], shape, |inputs, _| assert!(inputs.is_empty(), "one too many"));
        let maps = v.map_with("touchy", |x| if x > 2.0 { panic!("{x} is too large") } else { x }, |_| 1.0);
        let cases = [
            (
                fails,
                "the moon is in the wrong house, in `callback` (callback) built at tests/graph/closures.rs:",
            ),
            (other_type, "expected elements of f32, got f64, in `callback_1` (callback) built at"),
            (panics, "expected a closure that returns, got a panic: one too many, in `callback_2`"),
            (
                maps.any(),
                "expected a closure that returns, got a panic: 3 is too large, in `touchy` (touchy)",
            ),
        ];
        for (broken, expected) in cases {
            let step = g.group([v.assign_add(1.0).op(), broken.typed::<f64>().op()]);
            let found = session.run(step).unwrap_err().to_string();
            assert!(found.starts_with(expected), "{found}");
            let kernel = session.run(broken.typed::<f64>());
            assert!(matches!(kernel, Err(Error::Kernel { .. })));
        }
        assert!(matches!(
            session.run(panics.typed::<f64>()),
            Err(Error::Kernel { reason: KernelError::Panicked { message }, .. }) if message == "one too many"
        ));
        assert_eq!(session.run(v)?, arr1(&[1.0, 2.0, 3.0]).into_dyn());
    }
    Ok(())
}

/// Line 29: a path through a call is a build error, also beside other paths, and none of integers is.
#[test]
fn a_call_has_no_gradient() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    let y = g.call(&[x.any()], (DType::F64, x.shape()), |inputs, out| {
        out.into_view::<f64>().unwrap().assign(&inputs[0].view::<f64>().unwrap());
    });
    let y = y.typed::<f64>();
    // Cut, it is a constant.
    let [dx] = (y.stop_gradient() * x).gradients([x]);
    assert_eq!(Session::new(&g)?.run(dx)?, arr1(&[1.0, 2.0]).into_dyn());
    (y * x).gradients([x]);
    let (fault, message) = gradient_fault(&g);
    assert_eq!(fault, GradientFault::NoDerivative { op: "callback", order: 1 });
    assert!(message.contains("of `callback`") && message.contains("custom_gradient"), "{message}");

    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    let rounded = g.call(&[x.any()], (DType::I64, x.shape()), |inputs, out| {
        let x = inputs[0].view::<f64>().unwrap();
        out.into_view::<i64>().unwrap().zip_mut_with(&x, |whole, &x| *whole = x as i64);
    });
    let [dx] = (rounded.typed::<i64>().cast::<f64>() * x).gradients([x]);
    assert_eq!(Session::new(&g)?.run(dx)?, arr1(&[1.0, 2.0]).into_dyn());
    Ok(())
}

#[test]
fn a_call_says_what_it_lacks() {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    g.call(&[x.any()], (DType::F64, [Some(2), None]), |_, _| {});
    let message = g.check().unwrap_err().to_string();
    assert!(
        message.starts_with(
            "expected a first input with an axis 1, whose length is that of the output [2, ?], got f64[2], in \
             `callback` (callback) built at tests/graph/closures.rs:"
        ),
        "{message}"
    );
}

fn softclip<T: Float>(x: Tensor<'_, T>) -> Tensor<'_, T> {
    x.map_with("softclip", |v| v / (T::one() + v.abs()), |v| (T::one() + v.abs()).powi(-2))
}

#[test]
fn a_mapped_function_keeps_the_laws() {
    OpCheck::shapes(&[&[3, 2]])
        .reference(|x| x[0].mapv(|v| v / (1.0 + v.abs())))
        .first_order()
        .single_precision(|_, x| softclip(x[0]))
        .check(|_, x| softclip(x[0]))
        .assert_holds();
    check_op(&[&[3, 2], &[2]], |_, x| x[0].map_with_second("sine", f64::sin, f64::cos, |v| -v.sin()) * x[1])
        .assert_holds();
    // A wrong derivative is found.
    let wrong =
        OpCheck::shapes(&[&[3]]).first_order().check(|_, x| x[0].map_with("sine", f64::sin, f64::sin));
    assert!(
        wrong.failures().any(|(law, _)| law == "derivatives are those of central differences"),
        "{wrong}"
    );
    let wrong = check_op(&[&[3]], |_, x| x[0].map_with_second("sine", f64::sin, f64::cos, f64::sin));
    assert!(
        wrong.failures().any(|(law, _)| law == "derivatives are those of central differences"),
        "{wrong}"
    );
}

/// Line 29, of a second derivative: not 0, and not that of the other paths.
#[test]
fn a_derivative_that_is_not_given_is_named() {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    let [slope] = softclip(x).square().gradients([x]);
    g.check().unwrap();
    slope.gradients([x]);
    let (fault, message) = gradient_fault(&g);
    assert_eq!(fault, GradientFault::NoDerivative { op: "softclip", order: 2 });
    assert!(message.contains("map_with_second") && message.contains(file!()), "{message}");

    let g = Graph::new();
    let x = g.constant(2.0_f64);
    let cube = x.map_with_second("cube", |v| v * v * v, |v| 3.0 * v * v, |v| 6.0 * v);
    let second = cube.gradients([x])[0].gradients([x])[0];
    assert_eq!(Session::new(&g).and_then(|session| session.run(second)).unwrap().sum(), 12.0);
    second.gradients([x]);
    assert_eq!(gradient_fault(&g).0, GradientFault::NoDerivative { op: "cube", order: 3 });
}

/// A closure is called once for the elements that several gradients need it for; `Graph::call`, which may do more than to
/// fill its output, once for each node.
#[test]
fn equal_calls_of_one_closure_are_one() -> Result<()> {
    let calls = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
    let counted = |order: usize, f: fn(f64) -> f64| {
        let count = Arc::clone(&calls[order]);
        move |v| {
            count.fetch_add(1, Ordering::Relaxed);
            f(v)
        }
    };
    let taken = || calls.each_ref().map(|count| count.swap(0, Ordering::Relaxed));
    let g = Graph::new();
    let x = g.variable("x", arr1(&[1.0, 2.0, 3.0]));
    let derivative = counted(1, |v| 3.0 * v * v);
    let cube = x.map_with_second("cube", counted(0, |v| v * v * v), derivative, counted(2, |v| 6.0 * v));
    let [first] = cube.square().gradients([x]);
    let [slope] = (cube * 2.0).gradients([x]);
    let [second] = first.gradients([x]);
    let session = Session::new(&g)?;
    session.run(g.initializer())?;
    let found = session.run([first, slope, second])?;
    assert_eq!(taken(), [3, 3, 3]);
    let v = arr1(&[1.0_f64, 2.0, 3.0]).into_dyn();
    let expected: [fn(f64) -> f64; 3] = [|v| 6.0 * v.powi(5), |v| 6.0 * v.powi(2), |v| 30.0 * v.powi(4)];
    assert_eq!(found, expected.map(|f| v.mapv(f)));

    // Other elements and another closure are computed apart.
    let [other] = x.map_with("cube", counted(0, |v| v * v * v), |_| 0.0).gradients([x]);
    let ys = (x + 1.0).map_with("cube", counted(0, |v| v * v * v), |_| 0.0) + cube;
    session.run((ys, other))?;
    assert_eq!(taken(), [9, 0, 0]);
    let [third] = cube.square().gradients([x]);
    Session::builder(&g).optimize(false).build()?.run([third, slope])?;
    assert_eq!(taken(), [3, 6, 0]);

    let call = || {
        let count = Arc::clone(&calls[0]);
        g.call(&[x.any()], (DType::F64, [3]), move |_, out| -> std::result::Result<(), KernelError> {
            count.fetch_add(1, Ordering::Relaxed);
            out.into_view::<f64>()?.fill(1.0);
            Ok(())
        })
    };
    session.run([call().typed::<f64>(), call().typed()])?;
    assert_eq!(taken(), [2, 0, 0]);
    Ok(())
}

/// Line 21: what is infinite in a branch that is not taken stays there.
#[test]
fn slopes_of_untaken_elements_do_not_matter() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[0.0, 4.0]));
    let root = x.map_with("root", f64::sqrt, |v| 0.5 / v.sqrt());
    let [slope] = x.greater(1.0).select(root, x * 0.0).gradients([x]);
    assert_eq!(Session::new(&g)?.run(slope)?, arr1(&[0.0, 0.25]).into_dyn());
    Ok(())
}

#[test]
fn untyped_tensors_are_mapped_in_double_precision() -> Result<()> {
    let g = Graph::new();
    let third = |v: f64| v / 3.0;
    let single =
        g.constant(arr1(&[1.0_f32, 2.0])).any().map_with("third", third, |_| 1.0 / 3.0).typed::<f32>();
    let double = g.constant(arr0(1.0)).any().map_with("third", third, |_| 1.0 / 3.0).typed::<f64>();
    let (single, double) = Session::new(&g)?.run((single, double))?;
    assert_eq!(single, arr1(&[(1.0_f64 / 3.0) as f32, (2.0_f64 / 3.0) as f32]).into_dyn());
    assert_eq!(double.sum(), 1.0 / 3.0);
    g.constant(arr1(&[1_i64])).any().map_with("third", third, |_| 0.0);
    let message = g.check().unwrap_err().to_string();
    assert!(
        message.starts_with("expected elements of a float type, got i64, in `third_2` (third)"),
        "{message}"
    );
    Ok(())
}

/// In parts on several threads, of strided arrays, inside of functions.
#[test]
fn mapped_elements_are_the_same_wherever_they_are_computed() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, None]);
    let function = g.function(x, |x| softclip(x.transpose()));
    let y = function.call(x);
    let rows = ArrayD::from_shape_fn(vec![601, 301], |at| at[0] as f64 - at[1] as f64 * 0.5);
    let expected = rows.t().mapv(|v| v / (1.0 + v.abs()));
    for threads in [1, 2] {
        let session = Session::builder(&g).threads(threads).always_share().build()?;
        assert_eq!(session.feed(x, &rows).run(y)?, expected);
    }
    let nothing = Array1::<f64>::zeros(0);
    let empty = g.constant(&nothing);
    assert_eq!(Session::new(&g)?.run(softclip(empty))?.len(), 0);
    Ok(())
}
