//! Nodes with several outputs: one node, one name, a gradient for each output; and what is fed, fetched and printed
//! of them.

use flowgrad::ndarray::{arr1, arr2};
use flowgrad::op::{AnyTensor, Fault, Lowering, MultiOp, Outputs, Pullback, Scalar, TensorType, Val};
use flowgrad::prelude::*;
use flowgrad::testing::check_gradients;

/// sin x and cos x as one node.
#[derive(Debug)]
struct SinCos;

impl MultiOp for SinCos {
    fn name(&self) -> &'static str {
        "sin_cos"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        Ok([inputs[0].clone(), inputs[0].clone()].into())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        [Scalar::Sin, Scalar::Cos].map(|function| to.map(function, inputs)).into()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (sin, cos) = (at.outputs()[0], at.outputs()[1]);
        at.give_from(0, 0, |dy| dy * cos);
        at.give_from(1, 0, |dy| -(dy * sin));
    }
}

fn sin_cos(x: Tensor<'_, f64>) -> [Tensor<'_, f64>; 2] {
    let outputs = x.graph().custom_outputs(SinCos, &[x.any()]);
    [outputs[0].typed(), outputs[1].typed()]
}

#[test]
fn split_unstack_and_top_k_are_one_node_each() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(6)]);
    let before = g.len();
    let parts = x.split(3, 1);
    assert_eq!((g.len() - before, parts.len()), (1, 3));
    let sizes = x.split_sizes([1, 2, 3], 1);
    let columns = x.unstack(1);
    let (values, indices) = x.top_k(2);
    assert_eq!((g.len() - before, sizes.len(), columns.len()), (4, 3, 6));
    let names = [parts[0].name(), parts[2].name(), columns[5].name(), values.name(), indices.name()];
    assert_eq!(names, ["split", "split:2", "unstack:5", "top_k", "top_k:1"]);
    assert_eq!(columns[1].shape().to_string(), "[?]");
    assert_eq!(indices.shape().to_string(), "[?, 2]");
}

#[test]
fn outputs_are_printed_as_tensorflow_names_them() {
    let g = Graph::new();
    let x = g.constant(arr2(&[[1.0, 2.0]])).named("x");
    let parts = x.split(2, 1);
    let _ = (parts[1] - parts[0]).named("rise");
    let expected = "\
%0 = constant() : f64[1, 2]  \"x\"
%1 = split(%0) [parts=2, axis=1] : f64[1, 1], f64[1, 1]  \"split\"
%2 = sub(%1:1, %1) : f64[1, 1]  \"rise\"
";
    assert_eq!(g.to_string(), expected);
    let nodes = g.nodes();
    assert_eq!(
        (nodes[1].outputs.len(), nodes[2].inputs.clone()),
        (2, vec!["split:1".into(), "split".into()])
    );
    let dot = g.to_dot();
    assert!(dot.contains("split f64[1, 1], f64[1, 1]") && dot.contains("label = \":1\""), "{dot}");
}

#[test]
fn an_output_gets_a_name_of_its_own_as_an_identity() {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    let parts = x.split(2, 0);
    let right = parts[1].named("right");
    let left = parts[0].named("left");
    assert_eq!(
        [left.name(), right.name(), parts[0].name(), parts[1].name()],
        ["left", "right", "split", "split:1"]
    );
    parts[0].op().named("halves");
    assert_eq!(parts[1].name(), "halves:1");
    let [left, right] = Session::new(&g).unwrap().run([left, right]).unwrap();
    assert_eq!((left, right), (arr1(&[1.0]).into_dyn(), arr1(&[2.0]).into_dyn()));
}

#[test]
fn a_gradient_arrives_for_each_output() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [3]);
    let [sin, cos] = sin_cos(x);
    for y in [sin, cos, sin * cos, sin.square() * 2.0 + cos] {
        let fed = arr1(&[0.3, -1.1, 2.0]);
        let check = flowgrad::testing::GradientCheck::of(&g, y).feed(x, &fed);
        check.wrt(&[x]).unwrap().assert_close(1e-6);
    }
    // Of one output alone, and to the second order.
    let [d_cos] = cos.gradients([x]);
    let [dd_cos] = d_cos.gradients([x]);
    let fed = arr1(&[0.3, -1.1, 2.0]);
    let found = Session::new(&g).unwrap().feed(x, &fed).run(dd_cos).unwrap();
    assert_eq!(found, fed.mapv(|x: f64| -x.cos()).into_dyn());
}

#[test]
fn gradients_of_parts_meet_in_the_whole() {
    let g = Graph::new();
    let x = g.constant(arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    let columns = x.unstack(1);
    let y = (columns[0] * columns[2]).reduce_sum(..);
    let [dx] = y.gradients([x]);
    let found = Session::new(&g).unwrap().run(dx).unwrap();
    assert_eq!(found, arr2(&[[3.0, 0.0, 1.0], [6.0, 0.0, 4.0]]).into_dyn());
    let (values, _) = x.top_k(2);
    check_gradients(&g, values.square() + 1.0, &[x]).unwrap().assert_close(1e-6);
    // By an output itself.
    let parts = x.split(3, 1);
    let [left, right] = (parts[0] * parts[2]).gradients([parts[0], parts[2]]);
    let (left, right) = Session::new(&g).unwrap().run((left, right)).unwrap();
    assert_eq!((left, right), (arr2(&[[3.0], [6.0]]).into_dyn(), arr2(&[[1.0], [4.0]]).into_dyn()));
}

#[test]
fn no_gradient_passes_through_an_output_that_is_not_continuous() {
    let g = Graph::new();
    let x = g.constant(arr1(&[3.0, 1.0, 2.0]));
    let (_, indices) = x.top_k(2);
    let y = indices.cast::<f64>();
    let _ = y.gradients([x]);
    let message = g.check().unwrap_err().to_string();
    assert!(message.contains("passes through `top_k:1` (i64), which is not continuous"), "{message}");
}

#[test]
fn an_output_can_be_fed_while_the_node_runs_for_another() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [4]);
    let parts = x.split(2, 0);
    let y = parts[0] * 10.0 + parts[1];
    let session = Session::new(&g).unwrap();
    let (fed, whole) = (arr1(&[100.0, 200.0]), arr1(&[1.0, 2.0, 3.0, 4.0]));
    let found = session.feed(x, &whole).feed(parts[1], &fed).run(y).unwrap();
    assert_eq!(found, arr1(&[110.0, 220.0]).into_dyn());
    // Nothing is needed of the node once both are fed.
    let found = session.feed(parts[0], &fed).feed(parts[1], &fed).run(y).unwrap();
    assert_eq!(found, arr1(&[1100.0, 2200.0]).into_dyn());
    let message = session.feed(parts[1], &fed).feed(parts[1], &fed).run(y).unwrap_err().to_string();
    assert!(message.starts_with("`split:1` (split) built at"), "{message}");
    let message = session.feed(parts[1], &whole).feed(x, &whole).run(y).unwrap_err().to_string();
    assert!(message.contains("`split:1`") && message.contains("[4]"), "{message}");
    let message = session.feed(parts[1], &fed).run(y).unwrap_err().to_string();
    assert!(message.contains("`x`"), "{message}");
}

#[test]
fn what_is_ordered_behind_a_node_is_behind_all_of_it() {
    let g = Graph::new();
    let v = g.variable("v", arr1(&[1.0, 2.0]));
    let step = v.assign_add(arr1_constant(&g));
    let parts = g.control_dependencies(&[step.op()], || v.tensor().identity().split(2, 0));
    let after = g.control_dependencies(&[parts[1].op()], || v.tensor().identity());
    let found = Session::new(&g).unwrap().run(after).unwrap();
    assert_eq!(found, arr1(&[11.0, 22.0]).into_dyn());
}

fn arr1_constant(g: &Graph) -> Tensor<'_, f64> {
    g.constant(arr1(&[10.0, 20.0]))
}

#[test]
fn a_fault_of_a_node_is_one_of_all_its_outputs() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [Some(5)]);
    let parts = x.split(2, 0);
    assert_eq!(parts.len(), 2);
    let line = line!() - 2;
    let _ = parts[1] + 1.0;
    let message = g.check().unwrap_err().to_string();
    assert!(
        message.contains("that divides axis 0 of shape [5], got 2, in `split` (split) built at"),
        "{message}"
    );
    assert!(message.contains(&format!(":{line}:")), "{message}");
}

/// Gives another number of outputs than it says.
#[derive(Debug)]
struct Liar {
    promised: usize,
    lowered: usize,
}

impl MultiOp for Liar {
    fn name(&self) -> &'static str {
        "liar"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        Ok((0..self.promised).map(|_| inputs[0].clone()).collect())
    }

    fn lower(&self, inputs: &[Val], _: &mut Lowering<'_>) -> Outputs<Val> {
        (0..self.lowered).map(|_| inputs[0]).collect()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        at.give_from(7, 0, |dy| dy);
    }
}

#[test]
fn an_op_that_gives_another_number_of_outputs_is_an_error() {
    for (promised, lowered) in [(2, 1), (1, 2), (2, 0)] {
        let g = Graph::new();
        let x = g.constant(1.0);
        let outputs = g.custom_outputs(Liar { promised, lowered }, &[x.any()]);
        let message = Session::new(&g).unwrap().run(outputs[0]).unwrap_err().to_string();
        assert!(message.contains(&format!("expected {promised} outputs, got {lowered}")), "{message}");
        assert!(message.contains("`liar`"), "{message}");
    }
    let g = Graph::new();
    let x = g.constant(1.0);
    let outputs = g.custom_outputs(Liar { promised: 0, lowered: 0 }, &[x.any()]);
    assert_eq!(outputs.len(), 1);
    let message = g.check().unwrap_err().to_string();
    assert!(message.contains("expected at least one output, got none"), "{message}");
}

#[test]
fn an_output_that_an_op_does_not_have_is_an_error_of_its_gradient() {
    let g = Graph::new();
    let x = g.constant(1.0);
    let y: AnyTensor<'_> = g.custom_outputs(Liar { promised: 2, lowered: 2 }, &[x.any()])[1];
    let _ = Gradients::of([y.typed::<f64>()]).wrt(&[x]);
    let message = g.check().unwrap_err().to_string();
    assert!(message.contains("expected the position of one of 2 outputs, got 7"), "{message}");
}

#[test]
fn values_of_any_type_are_fed_and_fetched() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let session = Session::new(&g).unwrap();
    let fed = Value::from(arr1(&[3.0, 1.0, 2.0]));
    let (values, indices) = x.any().top_k(2);
    let (values, indices) = session.feed_value(x, &fed).run((values, indices)).unwrap();
    assert_eq!(values, Value::from(arr1(&[3.0, 2.0])));
    assert_eq!(indices, Value::from(arr1(&[0_i64, 2])));
    let wrong = Value::from(arr1(&[1_i32]));
    let message = session.feed_value(x, &wrong).run(x).unwrap_err().to_string();
    assert!(
        message.starts_with("`x` (placeholder) built at")
            && message.ends_with("expected a feed of f64, got i32"),
        "{message}"
    );
}
