//! Lines 1 to 7: what a run gives and takes.

use flowgrad::ndarray::{Array2, ArrayD, arr0, arr1, arr2, s};
use flowgrad::prelude::*;

/// Line 1: the result has the structure of the fetches; tuples, arrays and `Vec`s nest freely, a
/// variable gives its value and an operation `()`.
#[test]
fn line_01_the_result_mirrors_the_fetches() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0_f32, 2.0]));
    let n = g.constant(3_i64);
    let yes = g.constant(true);
    let v = g.variable("v", 4.0_f64);
    let step = v.assign_add(1.0).op();
    let session = Session::new(&g)?;

    let ragged = vec![vec![x], vec![], vec![x * 2.0, x]];
    let (a, (), [b, c], lists, (d, (e,), nothing), f) =
        session.run((x, step, [n, n + 1], ragged, (v, (yes,), ()), [vec![(n, step)]]))?;
    assert_eq!(a, arr1(&[1.0, 2.0]).into_dyn());
    assert_eq!((b.sum(), c.sum()), (3, 4));
    assert_eq!(lists.iter().map(Vec::len).collect::<Vec<_>>(), [1, 0, 2]);
    assert_eq!((lists[2][0].sum(), lists[2][1].sum()), (6.0, 3.0));
    assert_eq!((d.sum(), e, nothing), (4.0, arr0(true).into_dyn(), ()));
    assert_eq!(f[0][0].0.sum(), 3);

    session.run(())?;
    assert!(session.run(Vec::<Tensor<f32>>::new())?.is_empty());
    assert!(session.run::<[Tensor<f32>; 0]>([])?.is_empty());
    Ok(())
}

/// Line 1: a tensor that is fetched several times fills every slot.
#[test]
fn line_01_duplicate_fetches_fill_every_slot() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f64);
    let x = v * 2.0;
    let step = v.assign_add(10.0);
    let session = Session::new(&g)?;
    let (a, [b, c], list, (), (), d) =
        session.run((x, [x, x], vec![v.tensor(), x, step], step.op(), step.op(), step))?;
    assert_eq!([&a, &b, &c, &list[1]].map(|x| x.sum()), [2.0; 4]);
    assert_eq!((list[0].sum(), list[2].sum(), d.sum()), (1.0, 11.0, 11.0));
    Ok(())
}

/// Line 2: a node runs at most once a run, however many fetches and readers use it.
#[test]
fn line_02_a_node_runs_at_most_once() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 0_i64);
    let step = v.assign_add(1);
    let after = g.control_dependencies(&[step.op()], || v * 10);
    let session = Session::new(&g)?;
    let (a, b, (), c) = session.run((step, step * 2, g.group([step.op(), step.op()]), after))?;
    assert_eq!((a.sum(), b.sum(), c.sum()), (1, 2, 10));
    assert_eq!(session.run(v)?.sum(), 1);
    Ok(())
}

/// Line 2: nodes that no fetch needs never run: no assignment happens, no division fails, and no
/// placeholder must be fed.
#[test]
fn line_02_what_nobody_needs_never_runs() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None]);
    let v = g.variable("v", 1.0_f32);
    let unwanted = v.assign(x.reduce_sum(..));
    let fails = g.constant(1) / 0;
    let wanted = v * 2.0;
    let session = Session::new(&g)?;
    assert_eq!(session.run(wanted)?.sum(), 2.0);
    assert_eq!(session.run((wanted, v))?.1.sum(), 1.0);
    // Each of them is an error or an effect once it is asked for.
    assert!(matches!(session.run(unwanted), Err(Error::NotFed { .. })));
    assert!(matches!(session.run(fails), Err(Error::DivisionByZero { .. })));
    Ok(())
}

/// Line 3: constants, intermediates, placeholders and variables may all be fed; what would have
/// produced them does not run and needs no feeds.
#[test]
fn line_03_any_tensor_may_be_fed() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let constant = g.constant(2.0);
    let counter = g.variable("counter", 0.0_f64);
    let counted = g.control_dependencies(&[counter.assign_add(1.0).op()], || x.identity());
    let fails = (g.constant(1_i32) / 0).cast::<f64>();
    let y = counted * constant + fails;
    let session = Session::new(&g)?;

    let three = arr1(&[3.0, 4.0]);
    let fed = session.feed(counted, &three).feed(fails, 0.5).feed(constant, 10.0);
    assert_eq!(fed.run(y)?, arr1(&[30.5, 40.5]).into_dyn());
    assert_eq!(session.run(counter)?.sum(), 0.0, "the assignment was cut off");

    let callable = session.make_callable((counted, fails), y)?;
    let half = arr0(0.5).into_dyn();
    assert_eq!(callable.call((three.view().into_dyn(), half.view()))?.sum(), 15.0);

    // An assignment is a tensor like any other: fed, it does not happen.
    let step = counter.assign_add(1.0);
    let (fed, read) = session.feed(step, 7.0).run((step, counter))?;
    assert_eq!((fed.sum(), read.sum(), session.run(counter)?.sum()), (7.0, 0.0, 0.0));
    Ok(())
}

/// Line 3: feeding a variable reaches every reader in that run, and leaves the stored value alone.
#[test]
fn line_03_a_fed_variable_reaches_every_reader() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f64);
    let copied = v.identity();
    let [slope] = v.square().gradients([v]);
    let other = g.variable("other", 0.0_f64);
    let stored = other.assign(v);
    let ordered = g.control_dependencies(&[stored.op()], || v * 1.0);
    let session = Session::new(&g)?;
    let fetches = (v, v + 0.5, copied, [slope, stored, ordered]);
    let (own, sum, copy, [slope, stored, ordered]) = session.feed(v, 10.0).run(fetches)?;
    assert_eq!((own.sum(), sum.sum(), copy.sum()), (10.0, 10.5, 10.0));
    assert_eq!((slope.sum(), stored.sum(), ordered.sum()), (20.0, 10.0, 10.0));
    assert_eq!(session.run([v, other])?.map(|v| v.sum()), [1.0, 10.0]);
    Ok(())
}

/// Line 3: that holds also when the same run assigns the fed variable: readers see what is fed, the
/// variable keeps what is assigned.
#[test]
fn line_03_a_fed_variable_may_be_assigned_in_the_same_run() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f64);
    let assign = v.assign(5.0);
    let after = g.control_dependencies(&[assign.op()], || v * 1.0);
    let session = Session::new(&g)?;
    let (own, assigned, after) = session.feed(v, 10.0).run((v, assign, after))?;
    assert_eq!((own.sum(), assigned.sum(), after.sum()), (10.0, 5.0, 10.0));
    assert_eq!(session.run(v)?.sum(), 5.0);
    // `assign_add` is a reader as well.
    assert_eq!(session.feed(v, 100.0).run(v.assign_add(1.0))?.sum(), 101.0);
    assert_eq!(session.run(v)?.sum(), 101.0);
    Ok(())
}

/// Line 3: a tensor that is fed and fetched gives the fed value, in any order of memory.
#[test]
fn line_03_a_fed_tensor_can_be_fetched() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<i32>("x", [None, None]);
    let y = x + 1;
    let session = Session::new(&g)?;
    let rows = arr2(&[[1, 2, 3], [4, 5, 6]]);
    let repeated = rows.slice(s![1..2, ..]);
    let views = [
        rows.view(),
        rows.t(),
        rows.slice(s![..;-1, ..]),
        rows.slice(s![.., ..;2]),
        rows.slice(s![..0, ..]),
        repeated.broadcast((4, 3)).unwrap(),
    ];
    for view in views {
        let (fed, [again, next]) = session.feed(x, view).run((x, [x, y]))?;
        assert_eq!((&fed, &again), (&view.to_owned().into_dyn(), &fed));
        assert_eq!(next, fed + 1);
        assert_eq!(session.feed(y, view).run(y)?, view.to_owned().into_dyn());
    }
    Ok(())
}

/// Line 4: a placeholder that is needed and not fed is an error with its name, type and shape.
#[test]
fn line_04_a_needed_placeholder_must_be_fed() -> Result<()> {
    let g = Graph::new();
    let x = g.name_scope("input", || g.placeholder::<f32>("images", [None, Some(784)]));
    let y = x.reduce_mean(..);
    let session = Session::new(&g)?;
    let message = session.run(y).unwrap_err().to_string();
    for part in ["input/images", "f32", "[?, 784]", file!()] {
        assert!(message.contains(part), "{message} without {part}");
    }
    let callable = session.make_callable((), y);
    assert!(matches!(callable, Err(Error::NotFed { .. })));
    Ok(())
}

/// Line 4: a fed value that does not fit, a tensor fed twice, and a tensor of another graph are
/// errors before anything runs.
#[test]
fn line_04_wrong_feeds_are_found_before_anything_runs() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let v = g.variable("v", 1.0_f64);
    let step = v.assign_add(x.reduce_sum(..));
    let session = Session::new(&g)?;
    let fits = Array2::<f64>::ones((3, 2));

    for wrong in [vec![3, 3], vec![2], vec![], vec![3, 2, 1], vec![2, 0]] {
        let wrong = ArrayD::<f64>::zeros(wrong);
        let error = session.feed(x, &wrong).run(step).unwrap_err();
        assert!(matches!(error, Error::FeedShape { .. }), "{error}");
        let callable = session.make_callable(x, step)?;
        assert!(matches!(callable.call(wrong.view()), Err(Error::FeedShape { .. })));
    }
    // Intermediate tensors have shapes to fit as well.
    let error = session.feed(step, &arr1(&[1.0])).run(step).unwrap_err();
    assert!(matches!(error, Error::FeedShape { .. }), "{error}");

    let twice = session.feed(x, &fits).feed(x, &fits).run(step).unwrap_err();
    assert!(matches!(twice, Error::FedTwice { .. }), "{twice}");
    let twice = session.make_callable((x, (v, x)), step).unwrap_err();
    assert!(matches!(twice, Error::FedTwice { .. }), "{twice}");

    let other = Graph::new();
    let foreign = other.placeholder::<f64>("x", [None, Some(2)]);
    let error = session.feed(foreign, &fits).feed(x, &fits).run(step).unwrap_err();
    assert!(matches!(error, Error::OtherGraph { .. }), "{error}");
    let error = session.feed(x, &fits).run((step, foreign)).unwrap_err();
    assert!(matches!(error, Error::OtherGraph { .. }), "{error}");
    assert!(session.make_callable(foreign, step).is_err());
    assert!(session.make_callable(x, foreign.op()).is_err());

    assert_eq!(session.run(v)?.sum(), 1.0, "nothing ran");
    Ok(())
}

/// Line 5: numbers come through feeds, constants and variables as they are, to the last bit; other
/// types are refused by the compiler (`compile_fail`), and a cast is written out.
#[test]
fn line_05_numbers_keep_their_meaning() -> Result<()> {
    let g = Graph::new();
    let n = g.placeholder::<i64>("n", ());
    let x = g.placeholder::<f64>("x", ());
    let session = Session::new(&g)?;
    // Neither survives a detour through the other type, nor through 32 bits.
    let (long, nan) = (i64::MAX - 1, f64::from_bits(0x7ff8_0000_dead_beef));
    let (n_back, x_back) = session.feed(n, long).feed(x, nan).run((n, x))?;
    assert_eq!((n_back.sum(), x_back[[]].to_bits()), (long, nan.to_bits()));
    let (c, v) = (g.constant(long), g.variable("v", arr1(&[-0.0_f64, 5e-324])));
    let (c, v) = session.run((c, v))?;
    assert_eq!(
        (c.sum(), v[0].to_bits(), v[1].to_bits()),
        (long, 1 << 63, 1),
        "the long integer, minus nought, and the smallest number above it"
    );
    let truncated = session.feed(x, -1.9).run(x.cast::<i64>())?;
    assert_eq!(truncated.sum(), -1);
    Ok(())
}

/// Line 6: the graph may grow after the session exists, by nodes, variables and gradients.
#[test]
fn line_06_the_session_sees_the_graph_grow() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f64);
    let session = Session::new(&g)?;
    assert_eq!(session.run(v.assign_add(1.0))?.sum(), 2.0);

    let w = g.variable("w", 10.0_f64);
    let [slope] = (v * w).gradients([w]);
    assert_eq!(session.run([w.tensor(), slope])?.map(|a| a.sum()), [10.0, 2.0]);
    assert_eq!(session.run(w.assign_add(1.0))?.sum(), 11.0);

    // A build error made later is reported by what is built on it, and by nothing else.
    let wrong = g.constant(arr1(&[1.0, 2.0])) + g.constant(arr1(&[1.0, 2.0, 3.0]));
    assert!(matches!(session.run(wrong.reduce_sum(..)), Err(Error::Build(_))));
    assert_eq!(session.run(v)?.sum(), 2.0);
    assert!(Session::new(&g).is_err());
    Ok(())
}

/// Line 6: an initializer that was fetched before initializes the variables made since.
#[test]
fn line_06_an_initializer_sees_new_variables() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f64);
    let initializer = g.initializer();
    let session = Session::new(&g)?;
    let callable = session.make_callable((), initializer)?;
    session.run(initializer)?;

    let w = g.variable("w", 10.0_f64);
    let after = g.control_dependencies(&[initializer], || w + v);
    for _ in 0..2 {
        session.run([v.assign(5.0), w.assign(50.0)])?;
        session.run(initializer)?;
        assert_eq!(session.run([v, w])?.map(|a| a.sum()), [1.0, 10.0]);
        session.run([v.assign(6.0), w.assign(60.0)])?;
        callable.call(())?;
        assert_eq!(session.run([v, w])?.map(|a| a.sum()), [1.0, 10.0]);
        session.run([v.assign(7.0), w.assign(70.0)])?;
        assert_eq!(session.run(after)?.sum(), 11.0);
    }
    Ok(())
}

/// Line 7: one callable serves any lengths of an unknown dimension, also more than there are plans
/// kept, and none at all.
#[test]
fn line_07_a_callable_serves_different_sizes() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let w = g.variable("w", arr2(&[[1.0], [10.0]]));
    let session = Session::new(&g)?;
    let predict = session.make_callable(x, (x.matmul(w), x.reduce_sum(..)))?;
    for rows in [32, 1, 0].into_iter().chain(0..70).chain([32, 1, 1000]) {
        let x = Array2::from_shape_fn((rows, 2), |(i, j)| (i * 2 + j) as f64);
        let (y, sum) = predict.call(x.view().into_dyn())?;
        assert_eq!(y, x.dot(&arr2(&[[1.0], [10.0]])).into_dyn());
        assert_eq!(sum.sum(), x.sum());
    }
    Ok(())
}
