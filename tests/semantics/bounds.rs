//! Line 28, a call that would build more nodes than memory holds is a build error; and graphs of any depth are
//! built, printed, differentiated, run and dropped on a small stack.

use flowgrad::ndarray::{Array1, arr1};
use flowgrad::prelude::*;
use flowgrad::{BuildError, Fault, Site};

/// What was asked for too many of, how many they were, and the node.
fn too_many(g: &Graph) -> (&'static str, usize, String) {
    match g.check() {
        Err(Error::Build(error)) => match *error {
            BuildError { site: Site { node, location, .. }, fault: Fault::TooMany { what, count, .. } } => {
                assert!(location.file().ends_with("bounds.rs"), "{location}");
                (what, count, node)
            }
            error => panic!("{error}"),
        },
        other => panic!("expected a build error, got {other:?}"),
    }
}

/// A call that builds too much, and the node that it is refused by.
type Asked = (fn(&Graph), &'static str);

#[test]
fn line_28_more_parts_than_a_graph_holds_are_a_build_error() {
    let whole = 1 << 40;
    let builds: [Asked; 5] = [
        (|g| assert_eq!(g.constant(1.0).broadcast_to([1_usize << 40]).unstack(0).len(), 1), "unstack"),
        (|g| assert!(!g.placeholder::<f32>("x", [None]).split(1 << 40, 0).is_empty()), "split"),
        (|g| _ = g.constant(1.0).broadcast_to([1_usize << 41]).split(1 << 40, 0), "split"),
        (|g| _ = g.placeholder::<bool>("x", [Some(2), Some(1 << 40), None]).unstack(1), "unstack"),
        (|g| _ = g.placeholder::<i64>("x", [0, 1 << 40]).split(1 << 40, -1), "split"),
    ];
    for (build, node) in builds {
        let g = Graph::new();
        build(&g);
        assert_eq!(too_many(&g), ("parts", whole, node.to_owned()));
        assert!(g.len() < 10);
    }
    let g = Graph::new();
    assert_eq!(g.placeholder::<f32>("x", [3000]).unstack(0).len(), 3000);
    assert_eq!(g.placeholder::<f32>("y", [None]).split(3000, 0).len(), 3000);
    g.check().unwrap();
}

#[test]
fn line_28_more_sweeps_than_a_graph_holds_are_a_build_error() {
    let builds: [Asked; 4] = [
        (|g| _ = jacobian(of(g, 1 << 20) * 2.0, g.find_variable::<f32>("x").unwrap()), "jacobian"),
        (|g| _ = hessian(of(g, 1 << 20).square(), g.find_variable::<f32>("x").unwrap()), "hessian"),
        (
            |g| {
                _ = jacobian(
                    of(g, 3).broadcast_to([1_usize << 50, 3]),
                    g.variable::<f32>("y", zeros([1 << 59])),
                );
            },
            "jacobian",
        ),
        (
            |g| {
                let x = g.placeholder::<f32>("wide", [1 << 20]);
                let y = g.placeholder::<f32>("y", [None]);
                let _ = jacobian(x.reduce_sum(..) * y, x);
            },
            "jacobian",
        ),
    ];
    for (build, node) in builds {
        let g = Graph::new();
        build(&g);
        let (what, _, found) = too_many(&g);
        assert_eq!((what, found.as_str()), ("sweeps", node));
        assert!(g.len() < 20);
    }
    let g = Graph::new();
    let x = of(&g, 3);
    // Few of the one or of the other are enough, and so are none.
    let tall = jacobian(x.broadcast_to([1 << 20, 3]), x);
    assert_eq!(tall.shape().to_string(), "[1048576, 3, 3]");
    assert_eq!(jacobian(x.broadcast_to([0, 3]), x).shape().to_string(), "[0, 3, 3]");
    g.check().unwrap();
}

fn of(g: &Graph, length: usize) -> Tensor<'_, f32> {
    g.variable("x", zeros([length])).tensor()
}

/// A chain of so many nodes.
fn chain(g: &Graph, depth: usize) -> (Tensor<'_, f64>, Tensor<'_, f64>) {
    let x = g.placeholder::<f64>("x", [2]);
    let y = (0..depth).fold(x, |y, step| if step % 2 == 0 { y + 1.0 } else { -y });
    (x, y)
}

#[test]
fn line_28_the_depth_of_a_graph_costs_no_stack() {
    const STACK: usize = 256 << 10;
    let run = || {
        let g = Graph::new();
        let (x, y) = chain(&g, 50_000);
        let [dx] = y.gradients([x]);
        assert!(g.to_string().lines().count() > 100_000 && g.to_dot().len() > 100_000);
        let session = Session::builder(&g).threads(1).build().unwrap();
        let fed = arr1(&[1.0, 2.0]);
        let [y, dx] = session.feed(x, &fed).run([y, dx]).unwrap();
        assert_eq!((y, dx), (fed.clone().into_dyn(), Array1::ones(2).into_dyn()));
        drop((session, g));
    };
    std::thread::Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap();
}
