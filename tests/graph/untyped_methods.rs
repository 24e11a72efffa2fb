//! Methods of untyped tensors that are not rows of a table: what they give, and what they refuse and where.

use flowgrad::op::{self, AnyTensor, Attributes};
use flowgrad::prelude::*;
use ndarray::{arr1, arr2};

fn of(g: &Graph, dtype: DType) -> AnyTensor<'_> {
    g.constant(arr1(&[1.0, 2.0])).any().cast(dtype)
}

/// The build error, as far as the line that it names, which must be that of the call.
fn fault(build: impl FnOnce(&Graph) -> u32) -> String {
    let g = Graph::new();
    let line = build(&g);
    let message = g.check().unwrap_err().to_string();
    let place = format!(" built at {}:{line}:", file!());
    let (fault, _) = message.split_once(&place).unwrap_or_else(|| panic!("not at line {line}: {message}"));
    fault.to_owned()
}

#[test]
fn results_are_those_of_the_typed_forms() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[1_i64, 0])).any();
    let session = Session::new(&g)?;
    let joined = g.concat_any(&[x, x], 0).typed::<i64>();
    assert_eq!(session.run(joined)?, arr1(&[1, 0, 1, 0]).into_dyn());
    let rows = x.one_hot(2, DType::F32).typed::<f32>();
    assert_eq!(session.run(rows)?, arr2(&[[0.0, 1.0], [1.0, 0.0]]).into_dyn());
    let padded = x.pad([(1, 0)], Pad::Constant(7.9)).typed::<i64>();
    assert_eq!(session.run(padded)?, arr1(&[7, 1, 0]).into_dyn());
    let sum = x.cast(DType::F64).einsum("i,i", x.cast(DType::F64)).typed::<f64>();
    assert_eq!(session.run(sum)?.sum(), 1.0);
    Ok(())
}

#[test]
fn elements_are_checked_when_nodes_are_built() {
    let found = fault(|g| {
        let tensors = [of(g, DType::F64), of(g, DType::F32)];
        g.concat_any(&tensors, 0);
        line!() - 1
    });
    assert_eq!(found, "expected elements of f64, got f32, in `concat` (concat)");
    let found = fault(|g| {
        of(g, DType::F64).one_hot(2, DType::F32);
        line!() - 1
    });
    assert_eq!(found, "expected elements of an integer type, got f64, in `one_hot` (one_hot)");
    let found = fault(|g| {
        of(g, DType::I32).softmax(-1);
        line!() - 1
    });
    assert_eq!(found, "expected elements of a float type, got i32, in `softmax` (softmax)");
    let found = fault(|g| {
        let x = of(g, DType::F64);
        x.mean_squared_error(of(g, DType::F32));
        line!() - 1
    });
    assert_eq!(found, "expected elements of f64, got f32, in `mean_squared_error` (mean_squared_error)");
    let found = fault(|g| {
        let x = of(g, DType::F64);
        x.gather(x, 0);
        line!() - 1
    });
    assert_eq!(found, "expected elements of an integer type, got f64, in `gather` (gather)");
}

/// Of whatever elements they are.
#[test]
fn tensors_of_another_graph_are_refused_in_the_one_where_the_method_is_called() {
    for dtype in [DType::F32, DType::F64] {
        let elsewhere = Graph::new();
        let other = elsewhere.constant(arr1(&[1.0, 2.0])).any().cast(dtype);
        let found = fault(|g| {
            g.constant(arr1(&[1.0, 2.0])).any().dot(other);
            line!() - 1
        });
        assert_eq!(
            found,
            "operand 1: expected a tensor of the same graph, got one of another graph, in `dot` (dot)"
        );
        let found = fault(|g| {
            g.concat_any(&[g.constant(arr1(&[1.0])).any(), other], 0);
            line!() - 1
        });
        assert_eq!(
            found,
            "operand 1: expected a tensor of the same graph, got one of another graph, in `concat` (concat)"
        );
    }
}

#[test]
fn attributes_that_a_padding_does_not_take_are_named() {
    let g = Graph::new();
    let x = g.constant(arr1(&[1_i32, 2])).any();
    let pad = op::registry().find(|op| op.name() == "pad").unwrap();
    pad.build(&g, &[x], &Attributes::new().with("paddings", true).with("with", 1_i64));
    let message = g.check().unwrap_err().to_string();
    assert!(
        message.starts_with("attribute `paddings`: expected pairs of counts, got true, in `pad`"),
        "{message}"
    );

    let g = Graph::new();
    let x = g.placeholder::<i32>("x", [0_usize; 0]).any();
    let paddings = Attributes::new().with("paddings", op::Attribute::List(Vec::new()));
    assert_eq!(pad.build(&g, &[x], &paddings.clone().with("with", -1_i64))[0].dtype(), DType::I32);
    pad.build(&g, &[x], &paddings.with("with", 0.5));
    let message = g.check().unwrap_err().to_string();
    assert!(
        message.starts_with("attribute `with`: expected an element, or `reflect`, got 0.5, in `pad_1`"),
        "{message}"
    );
}
