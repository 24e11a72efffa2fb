//! Gradients that users write, out of tensors of the graph around them.

use flowgrad::ndarray::{arr0, arr1};
use flowgrad::prelude::*;
use flowgrad::testing::GradientCheck;

/// x³ with the gradient k·x², where k is a tensor of the graph that no input is.
fn cube_by<'g>(x: Tensor<'g, f64>, k: Tensor<'g, f64>) -> Tensor<'g, f64> {
    custom_gradient([x], |[x]| x * x * x, |at| [at.cotangent() * at.input(0).square() * k])
}

#[test]
fn a_rule_may_use_tensors_and_variables_around_it() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0, -3.0]));
    let k = g.variable("k", 3.0_f64);
    let y = cube_by(x, k.tensor());
    let [dx] = y.gradients([x]);
    // What the rule captures is differentiated like anything else: d(Σ k·x²)/dk.
    let [ddx, by_k] = dx.gradients([x, k.tensor()]);
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build()?;
        let (dx, ddx, by_k) = session.run((dx, ddx, by_k))?;
        assert_eq!(dx, arr1(&[3.0, 12.0, 27.0]).into_dyn());
        assert_eq!(ddx, arr1(&[6.0, 12.0, -18.0]).into_dyn());
        assert_eq!(by_k, arr0(14.0).into_dyn());
    }
    GradientCheck::of(&g, y).second_order().wrt(&[x])?.assert_close(1e-6);
    let session = Session::new(&g)?;
    session.run(k.assign(g.constant(-1.0)))?;
    let [again] = y.gradients([x]);
    assert_eq!(session.run(again)?, arr1(&[-1.0, -4.0, -9.0]).into_dyn());
    Ok(())
}

/// Inside of a function's body, a rule uses that body's tensors, and those around it.
#[test]
fn a_rule_inside_of_a_function() -> Result<()> {
    let g = Graph::new();
    let (x, k) = (g.constant(arr1(&[1.0, 2.0])), g.constant(3.0));
    let function =
        g.function((x, x), |(x, scale)| cube_by(x, k) * scale + cube_by(scale, k * x.reduce_sum(..) / 3.0));
    let scale = g.constant(arr1(&[0.5, -1.0]));
    let y = function.call((x, scale)).reduce_sum(..);
    let [dx, by_scale] = y.gradients([x, scale]);
    let (dx, by_scale) = Session::new(&g)?.run((dx, by_scale))?;
    assert_eq!(dx, arr1(&[1.5, -12.0]).into_dyn());
    assert_eq!(by_scale, arr1(&[1.0 + 0.25 * 3.0, 8.0 + 3.0]).into_dyn());
    Ok(())
}

/// Each input gets its own share, whichever are asked for.
#[test]
fn shares_go_to_their_inputs() -> Result<()> {
    let g = Graph::new();
    let [a, b, c] = [2.0, 5.0, 7.0].map(|x| g.constant(x));
    let y =
        custom_gradient([a, b, c], |[a, b, c]| a * b * c, |at| [1.0, 2.0, 3.0].map(|k| at.cotangent() * k));
    let session = Session::new(&g)?;
    let ([dc, da], [db]) = session.run((y.gradients([c, a]), y.gradients([b])))?;
    assert_eq!([da.sum(), db.sum(), dc.sum()], [1.0, 2.0, 3.0]);
    Ok(())
}

#[test]
fn a_rule_may_be_made_of_a_closure_that_owns_what_it_uses() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(2.0);
    let factors = vec![g.constant(1.0), g.constant(10.0)];
    let y =
        custom_gradient([x], |[x]| x, move |at| [factors.into_iter().fold(at.cotangent(), |dy, k| dy * k)]);
    let [dx] = y.gradients([x]);
    assert_eq!(Session::new(&g)?.run(dx)?.sum(), 10.0);
    Ok(())
}

#[test]
fn a_rule_may_change_no_variable() {
    let g = Graph::new();
    let (x, v) = (g.constant(2.0), g.variable("v", 1.0));
    let y = custom_gradient([x], |[x]| x, |at| [v.assign(at.cotangent())]);
    let _ = y.gradients([x]);
    let words = g.check().unwrap_err().to_string();
    assert!(words.starts_with("expected the variable's new value as a result of the function"), "{words}");
}
