//! Untyped tensors: the methods of the table of elementwise functions, and the elements that they refuse.

use flowgrad::ndarray::arr1;
use flowgrad::op::{AnyTensor, Fault};
use flowgrad::prelude::*;

/// What is wrong with what is built of a tensor.
fn fault<'g>(
    x: impl Into<AnyTensor<'g>>,
    build: impl FnOnce(AnyTensor<'g>) -> AnyTensor<'g>,
) -> (Fault, String) {
    let x = x.into();
    build(x);
    match x.graph().check() {
        Err(Error::Build(error)) => (error.fault.clone(), error.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn functions_refuse_elements_that_they_are_not_of() {
    let g = Graph::new;
    let graphs: Vec<Graph> = (0..8).map(|_| g()).collect();
    let [a, b, c, d, e, f, h, i] = &graphs[..] else { unreachable!() };
    let rows = [
        (fault(a.constant(1_i32), |x| x.exp()), "a float type", DType::I32),
        (fault(b.constant(true), |x| x.square()), "a number type", DType::Bool),
        (fault(c.constant(1.0_f32), |x| x.bitwise_not()), "an integer type", DType::F32),
        (fault(d.constant(true), |x| x.left_shift(x)), "an integer type", DType::Bool),
        (fault(e.constant(1_i64), |x| x.logical_not()), "the type bool", DType::I64),
        (fault(f.constant(1_i64), |x| x.leaky_relu(0.1)), "a float type", DType::I64),
        (fault(h.constant(true), |x| -x), "a number type", DType::Bool),
        (fault(i.constant(true), |x| x.less(x)), "a number type", DType::Bool),
    ];
    for ((fault, text), expected, found) in rows {
        assert_eq!(fault, Fault::ElementKind { expected, found });
        assert!(text.contains(&format!("expected elements of {expected}, got {found}")), "{text}");
        assert!(text.contains("kinds.rs"), "{text}");
    }
}

#[test]
fn operands_are_of_one_type() {
    let g = Graph::new();
    let (x, y) = (g.constant(1.0_f32), g.constant(1.0_f64));
    let (fault, _) = fault(x, |x| x.hypot(y));
    assert_eq!(fault, Fault::ElementType { expected: DType::F32, found: DType::F64 });
}

/// A formula of untyped tensors is that of typed ones, whatever stands beside a tensor.
#[test]
fn untyped_tensors_compute_as_typed_ones() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[-1.5, 0.5, 2.0]));
    let two = g.non_trainable_variable("two", ndarray::arr0(2.0));
    let any = x.any();
    let untyped = (any.exp().maximum(1.0) / any.hypot(two) + 3.0) * 0.5 - 1.0 / any.celu(0.5).abs();
    let typed = (x.exp().maximum(1.0) / x.hypot(two) + 3.0) * 0.5 - 1.0 / x.celu(0.5).abs();
    let boolean = any.greater(0.0).logical_and(any.is_finite()).typed::<bool>();
    let session = Session::new(&g)?;
    session.run(g.initializer())?;
    let ([untyped, typed], boolean) = session.run(([untyped.typed::<f64>(), typed], boolean))?;
    assert_eq!(untyped, typed);
    assert_eq!(boolean, arr1(&[false, true, true]).into_dyn());
    Ok(())
}
