//! Which plans of a request are kept, and when they are compiled.

use smallvec::smallvec;

use super::*;
use crate::graph::Graph;
use crate::lower::Fetched;
use crate::session::Session;

/// A request of a session that is fed one array of these lengths.
fn prepared(g: &Graph, lengths: [Option<usize>; 1]) -> (Session, Prepared) {
    let x = g.placeholder::<f64>("x", lengths);
    let session = Session::builder(g).threads(1).machine_code(true).build().unwrap();
    let fetches = smallvec![Fetched { tensor: (x.tanh() * 2.0 + x).any().id(), value: true }];
    let request = Request { feeds: smallvec![x.any().id()], fetches };
    let prepared = Prepared::new(&session.core.graph.snapshot(), request).unwrap();
    (session, prepared)
}

#[test]
fn what_another_thread_has_planned_meanwhile_is_taken() {
    let g = Graph::new();
    let (session, prepared) = prepared(&g, [None]);
    let plan = |length| prepared.plan(&session.core, &[vec![length]]).unwrap();
    let [first, second, other] = [3, 3, 4].map(plan);
    assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &other));
    assert_eq!(prepared.plans.read().unwrap().len(), 2);
    assert_eq!(prepared.bytes(), first.bytes() + other.bytes());
}

/// How many programs of a plan are compiled.
fn compiled(plan: &Plan) -> usize {
    plan.compiled().count()
}

/// As many as there are where there is machine code.
fn most(session: &Session) -> usize {
    usize::from(crate::codegen::is_possible(session.core.isa))
}

#[test]
fn lengths_that_may_change_are_compiled_for_the_second_run() {
    let g = Graph::new();
    let (session, prepared) = prepared(&g, [None]);
    let [three, four] = [vec![1.0, 2.0, 3.0], vec![1.0; 4]];
    let run = |list: &Vec<f64>| {
        let feeds = [FedArray::of_view(ndarray::ArrayView1::from(list))];
        let ready = prepared.ready(&session.core, &feeds).unwrap();
        let mut values = Vec::new();
        let store = &session.core.store;
        store
            .run(&ready, &session.core.graph, &session.core.threads, Terms::default(), None, &mut |value| {
                values.push(value);
            })
            .unwrap();
        (compiled(ready.plan()), values)
    };
    let most = most(&session);
    let (first, values) = run(&three);
    assert_eq!((first, prepared.first.get().is_some()), (0, false));
    assert_eq!(run(&four).0, 0);
    for _ in 0..2 {
        assert_eq!(run(&three), (most, values.clone()));
        assert_eq!(compiled(&prepared.first.get().unwrap().plan), most);
    }
    assert_eq!((run(&four).0, run(&four).0), (most, most));
    assert_eq!(prepared.plans.read().unwrap().len(), 1, "beside the first");
    let all = [&prepared.first.get().unwrap().plan, &prepared.plans.read().unwrap()[0].plan].map(Arc::clone);
    assert_eq!(prepared.bytes(), all.iter().map(|plan| plan.bytes()).sum::<usize>());
}

#[test]
fn a_plan_that_another_thread_runs_is_compiled_later() {
    let g = Graph::new();
    let (session, prepared) = prepared(&g, [None]);
    let list = vec![1.0, 2.0];
    let feeds = [FedArray::of_view(ndarray::ArrayView1::from(&list))];
    let under_way = prepared.ready(&session.core, &feeds).unwrap();
    assert_eq!(compiled(prepared.ready(&session.core, &feeds).unwrap().plan()), 0);
    drop(under_way);
    assert_eq!(compiled(prepared.ready(&session.core, &feeds).unwrap().plan()), most(&session));
}

#[test]
fn known_lengths_are_compiled_at_once() {
    let g = Graph::new();
    let (session, prepared) = prepared(&g, [Some(3)]);
    let plan = prepared.plan(&session.core, &[vec![3]]).unwrap();
    assert_eq!(compiled(&plan), most(&session));
    assert!(Arc::ptr_eq(&plan, &prepared.first.get().unwrap().plan));
}
