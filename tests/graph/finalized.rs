//! Graphs that are finished: what runs goes on, what builds is an error that names both lines.

use flowgrad::ndarray::arr1;
use flowgrad::op::Fault;
use flowgrad::prelude::*;

#[test]
fn a_finished_graph_runs_and_does_not_grow() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let v = g.variable("v", 1.0_f64);
    let step = v.assign_add(x.reduce_sum(..));
    let session = Session::new(&g)?;
    assert!(!g.is_finalized());
    let line = line!() + 1;
    g.finalize();
    // The first line counts.
    g.finalize();
    assert!(g.is_finalized());
    session.run(g.initializer()).unwrap_err();
    assert_eq!(session.feed(x, &arr1(&[1.0, 2.0])).run(step)?.sum(), 4.0);
    // New lengths are planned; nothing of it is a node.
    assert_eq!(session.feed(x, &arr1(&[1.0])).run(step)?.sum(), 5.0);
    session.make_callable(x, step)?.call(&arr1(&[1.0]))?;
    assert_eq!(session.run(v)?.sum(), 6.0);

    let built = line!() + 1;
    let late = x * 2.0;
    let error = session.feed(x, &arr1(&[1.0])).run(late).unwrap_err();
    let Error::Build(error) = error else { panic!("{error}") };
    assert!(matches!(error.fault, Fault::Finalized { at } if at.line() == line), "{error}");
    let message = error.to_string();
    assert!(message.starts_with(&format!(
        "expected no more nodes in a graph that was finalized at {}:{line}:",
        file!()
    )));
    assert!(message.contains(&format!("built at {}:{built}:", file!())), "{message}");
    Ok(())
}

/// Variables, functions and gradients, too.
#[test]
fn nothing_is_added_to_a_finished_graph() {
    let adds: [fn(&Graph, Tensor<'_, f64>); 4] = [
        |g, _| {
            g.variable("late", 0.0_f64);
        },
        |_, x| {
            x.square().gradients([x]);
        },
        |g, x| {
            g.function(x, |x| x * x).call(x);
        },
        |g, _| {
            g.placeholder::<f64>("late", [1]);
        },
    ];
    for add in adds {
        let g = Graph::new();
        let x = g.constant(1.0);
        g.finalize();
        g.check().unwrap();
        add(&g, x);
        let Err(Error::Build(error)) = g.check() else { panic!("nothing is refused") };
        assert!(matches!(error.fault, Fault::Finalized { .. }), "{error}");
        assert!(g.trainable_variables::<f64>().is_empty());
    }
}
