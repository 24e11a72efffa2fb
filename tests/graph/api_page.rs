//! The programs of the page on the public surface, as they stand there, as far as their ops exist.

use std::thread;

use flowgrad::ndarray::{Array0, Array1, Array2, ArrayD, Ix1, Ix2, arr0, arr1, arr2};
use flowgrad::prelude::*;

fn fit(x: Array2<f64>, d: Array2<f64>, mu: f64, epochs: usize) -> Result<Array2<f64>> {
    let n = x.nrows() as f64;
    let g = Graph::new();
    let x = g.constant(x); // any ndarray array or view, or a scalar
    let d = g.constant(d);
    let w = g.variable("w", Array2::<f64>::zeros((2, 1)));
    let e = x.matmul(w) - d;

    let by_hand = 2.0 / n * x.transpose().matmul(e); // scalars on either side
    let mse = e.square().reduce_mean(..).named("mse"); // `..` is: over all axes
    let [by_autodiff] = mse.gradients([w]);
    let train = w.assign(w - mu * by_autodiff); // the new value, as a tensor

    let session = Session::new(&g)?; // every error made while building surfaces here, or at run
    session.run(g.initializer())?;
    let step = session.make_callable((), train.op())?; // planned once; a call looks nothing up
    for _ in 0..epochs {
        step.call(())?;
    }
    let (loss, w, gradient) = session.run((mse, w, by_hand))?; // ArrayD<f64> each
    assert!(loss.sum() < 1e-20 && gradient.iter().all(|x| x.abs() < 1e-9));
    Ok(w.into_dimensionality()?) // ndarray's own errors convert
}

/// The whole program: a line through points that lie on one.
#[test]
fn the_whole_program_fits_a_line() -> Result<()> {
    let x = Array2::from_shape_fn((50, 2), |(i, j)| if j == 0 { 1.0 } else { i as f64 / 50.0 });
    let d = x.dot(&arr2(&[[3.0], [2.0]]));
    let w = fit(x, d, 0.3, 1000)?;
    assert!((w[[0, 0]] - 3.0).abs() < 1e-9 && (w[[1, 0]] - 2.0).abs() < 1e-9, "{w}");
    Ok(())
}

/// The second program, with the ops that exist so far: placeholders with unknown lengths, initializers,
/// scopes, feeds one after the other, and a callable that takes them as a tuple.
#[test]
fn the_second_program_feeds_and_calls() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(784)]); // None: known only when fed
    let labels = g.placeholder::<i64>("labels", [None]);
    let k = g.variable("kernel", glorot_uniform([784, 10])); // seeded by graph seed and name
    let b = g.variable("bias", zeros([10]));
    let logits = g.name_scope("dense", || x.matmul(k) + b);
    let loss = (logits.reduce_sum(-1) - labels.cast::<f32>()).square().reduce_mean(..);
    let [dk, db] = loss.gradients([k, b]);
    let train = g.group([k.assign(k - 1e-5 * dk).op(), b.assign_sub(1e-5 * db).op()]); // Operation
    let accuracy = (labels - labels + 1).cast::<f32>().reduce_mean(..);
    assert_eq!(logits.shape().to_string(), "[?, 10]");
    assert_eq!(logits.name(), "dense/add");

    let session = Session::new(&g)?;
    let images = Array2::<f32>::from_shape_fn((32, 784), |(i, j)| ((i + j) % 7) as f32 / 7.0);
    let ids = Array1::from_iter(0..32_i64);
    let [l, a] = session.feed(x, &images).feed(labels, ids.view()).run([loss, accuracy])?;
    assert_eq!(a.sum(), 1.0);
    let step = session.make_callable((x, labels), (loss, train))?;
    let (first, ()) = step.call((images.view().into_dyn(), ids.view().into_dyn()))?;
    assert_eq!(first, l);
    for _ in 0..10 {
        let (l, ()) = step.call((images.view().into_dyn(), ids.view().into_dyn()))?;
        assert!(l.sum() < first.sum());
    }
    let one = (images.slice(ndarray::s![..1, ..]), ids.slice(ndarray::s![..1]));
    let (l, ()) = step.call((one.0.into_dyn(), one.1.into_dyn()))?;
    assert_eq!(l.shape(), [0; 0]);
    Ok(())
}

/// A prepared run needs no graph, session or lifetime beside it, so that it can be kept in a struct.
#[test]
fn a_callable_can_be_kept_in_a_struct() -> Result<()> {
    struct Trainer {
        step: Callable<(f32, i64), (ArrayD<f32>, ())>,
        read: Callable<(), ArrayD<f32>>,
        one: Callable<f32, Vec<[ArrayD<f32>; 2]>>,
    }

    fn trainer() -> Result<Trainer> {
        let g = Graph::new();
        let x = g.placeholder::<f32>("x", [None]);
        let n = g.placeholder::<i64>("n", ());
        let v = g.variable("v", 0.0_f32);
        let step = v.assign_add(x.reduce_sum(..) * n.cast::<f32>());
        let session = Session::new(&g)?;
        Ok(Trainer {
            step: session.make_callable((x, n), (step, step.op()))?,
            read: session.make_callable((), v)?,
            one: session.make_callable(x, vec![[x, x + v]])?,
        })
    }

    let trainer = trainer()?;
    let (x, n) = (arr1(&[1.0, 2.0]).into_dyn(), arr0(10).into_dyn());
    let (sum, ()) = trainer.step.call((x.view(), n.view()))?;
    assert_eq!((sum.sum(), trainer.read.call(())?.sum()), (30.0, 30.0));
    assert_eq!(trainer.one.call(x.view())?[0][1], arr1(&[31.0, 32.0]).into_dyn());
    let again = trainer.step.clone();
    thread::spawn(move || again.call((x.view(), n.view())).unwrap()).join().unwrap();
    assert_eq!(trainer.read.call(())?.sum(), 60.0);
    Ok(())
}

/// Constants are made of any array or view, by value or reference, or of a scalar.
#[test]
fn constants_of_arrays_views_and_scalars() -> Result<()> {
    let g = Graph::new();
    let rows = arr2(&[[1.0_f64, 2.0], [3.0, 4.0]]);
    let session = Session::new(&g)?;
    let shared = rows.to_shared();
    for constant in [
        g.constant(rows.clone()),
        g.constant(&rows),
        g.constant(rows.view()),
        g.constant(rows.view().into_dyn()),
        g.constant(&shared),
        g.constant(rows.t()).transpose(),
        g.constant(rows.t().as_standard_layout().t()),
    ] {
        assert_eq!(session.run(constant)?, rows.clone().into_dyn());
    }
    assert_eq!(session.run(g.constant(Array0::from_elem((), 2_i32)))?.sum(), 2);
    let scalars =
        (g.constant(1.5_f32), g.constant(2.5_f64), g.constant(-3_i32), g.constant(4_i64), g.constant(true));
    let (a, b, c, d, e) = session.run(scalars)?;
    assert_eq!((a.sum(), b.sum(), c.sum(), d.sum(), e[[]]), (1.5, 2.5, -3, 4, true));
    Ok(())
}

/// Scalars stand on either side of each operator, beside tensors and variables, for all four numeric
/// types.
#[test]
fn operators_take_tensors_variables_and_scalars() -> Result<()> {
    macro_rules! check {
        ($($type:ident)*) => {$(
            let g = Graph::new();
            let number = |x: i16| $type::from(x);
            let [two, three] = [2, 3].map(number);
            let t = g.constant(three);
            let v = g.variable("v", two);
            let forms = vec![
                t + two, two + t, t + v, v + t, v + two, two + v, v + v, t + t,
                t - two, two - t, t - v, v - t, v - two, two - v, v - v, t - t,
                t * two, two * t, t * v, v * t, v * two, two * v, v * v, t * t,
                -t, -v, t.square(), v.square(),
                t / two, two / t, t / v, v / t, v / two, two / v, v / v, t / t,
            ];
            let whole = [
                5, 5, 5, 5, 4, 4, 4, 6,
                1, -1, 1, -1, 0, 0, 0, 0,
                6, 6, 6, 6, 4, 4, 4, 9,
                -3, -2, 9, 4,
            ];
            let (more, less, one) = (three / two, two / three, number(1));
            let quotients = [more, less, more, less, one, one, one, one];
            let expected: Vec<$type> = whole.map(number).into_iter().chain(quotients).collect();
            for optimize in [true, false] {
                let session = Session::builder(&g).optimize(optimize).build()?;
                let found: Vec<$type> = session.run(forms.clone())?.iter().map(|x| x[[]]).collect();
                assert_eq!(found, expected);
            }
        )*};
    }
    check!(f32 f64 i32 i64);
    Ok(())
}

/// Generic code is written over `Float` and `Numeric`.
#[test]
fn functions_can_be_generic_over_the_element() -> Result<()> {
    fn distance<'g, T: Float>(a: Tensor<'g, T>, b: impl Into<Tensor<'g, T>>) -> Tensor<'g, T> {
        (a - b.into()).square().reduce_sum(..)
    }
    fn double<'g, T: Numeric>(a: impl Operand<'g, T>, g: &'g Graph) -> Tensor<'g, T> {
        let a = a.into_tensor(g);
        a + a
    }
    let g = Graph::new();
    let (v, w) = (g.variable("v", 1.0_f32), g.variable("w", 2.0_f64));
    let (a, b) = (distance(g.constant(4.0_f32), v), distance(w.tensor(), w));
    let (c, d) = (double(5_i64, &g), double(v, &g));
    let (a, b, c, d) = Session::new(&g)?.run((a, b, c, d))?;
    assert_eq!((a.sum(), b.sum(), c.sum(), d.sum()), (9.0, 0.0, 10, 2.0));
    Ok(())
}

/// Axes are `..`, one, a list, or `Axes` with `keep_dims`.
#[test]
fn axes_have_many_forms() -> Result<()> {
    let g = Graph::new();
    let cube = ArrayD::from_shape_fn(vec![2, 3, 4], |index| (index[0] * 12 + index[1] * 4 + index[2]) as f64);
    let x = g.constant(&cube);
    let listed = vec![0, 2];
    for (sum, shape) in [
        (x.reduce_sum(..), "[]"),
        (x.reduce_sum(-1), "[2, 3]"),
        (x.reduce_sum([0, -1]), "[3]"),
        (x.reduce_sum(Axes::of([0]).keep_dims()), "[1, 3, 4]"),
        (x.reduce_sum(Axes::all().keep_dims()), "[1, 1, 1]"),
        (x.reduce_sum(Axes::all()), "[]"),
        (x.reduce_sum(listed.as_slice()), "[3]"),
        (x.reduce_sum(listed.clone()), "[3]"),
        (x.reduce_sum(Axes::from(1)), "[2, 4]"),
        (x.reduce_sum(Axes::from(..)), "[]"),
    ] {
        assert_eq!(sum.shape().to_string(), shape);
        assert_eq!(Session::new(&g)?.run(sum)?.sum(), cube.sum());
    }
    Ok(())
}

/// Shapes are arrays of lengths, known or not, and print as such.
#[test]
fn shapes_have_many_forms() {
    let g = Graph::new();
    for (shape, text) in [
        (g.placeholder::<f32>("x", [None, Some(784)]).shape(), "[?, 784]"),
        (g.placeholder::<f32>("x", [2, 3]).shape(), "[2, 3]"),
        (g.placeholder::<f32>("x", ()).shape(), "[]"),
        (g.placeholder::<f32>("x", vec![None, Some(1)]).shape(), "[?, 1]"),
        (g.placeholder::<f32>("x", Shape::scalar()).shape(), "[]"),
        (g.placeholder::<f32>("x", &g.constant(arr1(&[1, 2])).shape()).shape(), "[2]"),
        (g.placeholder::<f32>("x", arr2(&[[1.0], [2.0]]).shape()).shape(), "[2, 1]"),
    ] {
        assert_eq!(shape.to_string(), text);
    }
}

/// `named`, `name`, `name_scope`, `group` and `control_dependencies`.
#[test]
fn names_groups_and_order() -> Result<()> {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f64);
    let (double, add) =
        g.name_scope("steps", || (v.assign(v * 2.0).named("double"), v.assign_add(10.0).named("add")));
    assert_eq!([double.name(), add.name(), add.named("add").name()], ["steps/double", "steps/add", "add"]);
    let later = g.control_dependencies(&[double.op()], || v.assign_add(100.0));
    let all = g.group([later.op(), g.group([]), double.op()]).named("all");
    assert_eq!(all.name(), "all");
    let session = Session::new(&g)?;
    session.run(all)?;
    assert_eq!(session.run(v)?.sum(), 102.0);
    Ok(())
}

/// The builder of gradients, with starting gradients, stops, and `None` for what is unconnected.
#[test]
fn the_builder_of_gradients() -> Result<()> {
    let g = Graph::new();
    let a = g.variable("a", arr1(&[1.0_f32, 2.0]));
    let b = a * 3.0;
    let (y1, y2) = (b.square(), b.reduce_sum(..));
    let unused = g.constant(1.0_f32);
    let start = [g.constant(arr1(&[1.0_f32, 10.0])), g.constant(100.0)];
    let grads: Vec<Option<Tensor<f32>>> =
        Gradients::of([y1, y2]).grad_ys(start).stop_gradients([b]).wrt(&[b, a.tensor(), unused]);
    assert!(grads[1].is_none() && grads[2].is_none());
    // 2·b·[1, 10] + 100, with b = [3, 6].
    let db = Session::new(&g)?.run(grads[0].unwrap())?;
    assert_eq!(db, arr1(&[106.0, 220.0]).into_dyn());

    let of_variables = Gradients::of([a]).wrt(&[a]);
    assert_eq!(Session::new(&g)?.run(of_variables[0].unwrap())?.sum(), 2.0);
    Ok(())
}

/// Gradients are ordinary nodes: fetched, fed, and differentiated again.
#[test]
fn gradients_are_ordinary_nodes() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(3.0_f64);
    let [dx] = (x * x * x).gradients([x]);
    let [ddx] = dx.gradients([x]);
    let scaled = dx * 10.0;
    let session = Session::new(&g)?;
    assert_eq!(session.run([dx, ddx])?.map(|a| a.sum()), [27.0, 18.0]);
    assert_eq!(session.feed(dx, 1.5).run(scaled)?.sum(), 15.0);
    Ok(())
}

/// Values go from session to session, or to a file and back, by the names of variables.
#[test]
fn variable_values_and_load() -> Result<()> {
    let g = Graph::with_seed(5);
    let w = g.name_scope("layer", || g.variable("w", random_uniform([3, 2], -1.0, 1.0)));
    let n = g.variable("n", 7_i64);
    let flags = g.variable("flags", arr1(&[true, false]));
    let [a, b] = [Session::new(&g)?, Session::new(&g)?];
    a.run((w.assign_add(1.0_f32), n.assign(8)))?;

    let values = a.variable_values()?;
    assert_eq!(values.keys().collect::<Vec<_>>(), ["flags", "layer/w", "n"]);
    assert_eq!(values["n"], Value::from(arr0(8_i64)));
    assert_eq!((values["layer/w"].dtype(), values["layer/w"].shape()), (DType::F32, &[3, 2][..]));
    b.load(values)?;
    assert_eq!((a.run(w)?, b.run(n)?.sum(), b.run(flags)?[1]), (b.run(w)?, 8, false));

    // A transposed array is as good as any, and what is not named stays.
    let rows = arr2(&[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    b.load([("layer/w".to_owned(), Value::from(rows.t()))])?;
    assert_eq!((b.run(w)?, b.run(n)?.sum()), (rows.t().to_owned().into_dyn(), 8));
    let back: Option<ArrayD<f32>> = b.variable_values()?.remove("layer/w").and_then(Value::into_array);
    assert_eq!(back, Some(rows.t().to_owned().into_dyn()));
    Ok(())
}

/// The options of a session: threads and optimization, by default all cores and optimized.
#[test]
fn options_of_a_session() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    let y = (x * 2.0 + 1.0).reduce_sum(..);
    for session in [
        Session::new(&g)?,
        Session::builder(&g).build()?,
        Session::builder(&g).threads(1).build()?,
        Session::builder(&g).threads(3).optimize(true).build()?,
        Session::builder(&g).optimize(false).threads(0).build()?,
    ] {
        assert_eq!(session.run(y)?.sum(), 8.0);
        assert!(session.explain(y)?.contains("plan:"));
    }
    Ok(())
}

/// Values are borrowed for feeds: references, views and scalars, of any number of axes.
#[test]
fn feeds_of_arrays_views_and_scalars() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<i32>("x", [None, Some(2)]);
    let n = g.placeholder::<i32>("n", ());
    let flag = g.placeholder::<bool>("flag", ());
    let y = (x * n).reduce_sum(..) + flag.cast::<i32>();
    let session = Session::new(&g)?;
    let fixed = arr2(&[[1, 2], [3, 4]]);
    let dynamic = fixed.clone().into_dyn();
    assert_eq!(session.feed(x, &fixed).feed(n, 2).feed(flag, true).run(y)?.sum(), 21);
    assert_eq!(session.feed(x, fixed.t()).feed(n, 2).feed(flag, false).run(y)?.sum(), 20);
    assert_eq!(session.feed(n, &arr0(3)).feed(x, &dynamic).feed(flag, &arr0(true)).run(y)?.sum(), 31);
    assert_eq!(session.feed(flag, false).feed(x, dynamic.view()).feed(n, -1).run(y)?.sum(), -10);
    Ok(())
}

/// A session owns what it needs and can be shared; handles are `Copy` and need not be.
#[test]
fn handles_and_sessions_go_where_they_must() -> Result<()> {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    fn copied<T: Copy>(_: T) {}
    fn is_the_tensor<'g, T>(v: Variable<'g, T>) -> Tensor<'g, T> {
        let _: &Tensor<'g, T> = &v;
        v.into()
    }

    let session = {
        let g = Graph::default();
        let v = g.variable("v", 1.0_f32);
        let x = is_the_tensor(v);
        copied(v);
        copied(x);
        copied(x.op());
        let session = Session::new(&g)?;
        shared(&session);
        shared(&session.make_callable(x, v.assign(2.0))?);
        shared(&g);
        session.run(v.assign(3.0))?;
        session
    };
    // The graph and its handles are gone, the variables are not.
    assert_eq!(session.variable_values()?["v"], Value::from(arr0(3.0_f32)));
    thread::spawn(move || session.variable_values()).join().unwrap()?;
    Ok(())
}

/// Threads may build parts of one graph, and run what others have built.
#[test]
fn threads_may_share_a_graph() -> Result<()> {
    let g = Graph::new();
    let session = Session::new(&g)?;
    thread::scope(|scope| {
        for thread in 0..4 {
            let (g, session) = (&g, &session);
            scope.spawn(move || {
                for index in 0..50_i64 {
                    let v = g.variable(&format!("v_{thread}_{index}"), index);
                    assert_eq!(session.run(v * 2 + thread).unwrap().sum(), 2 * index + thread);
                }
            });
        }
    });
    g.check()?;
    assert_eq!(session.variable_values()?.len(), 200);
    Ok(())
}

/// Results are ndarray's dynamic arrays, which convert to those of fixed rank.
#[test]
fn results_convert_to_fixed_ranks() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    let (matrix, row) = Session::new(&g)?.run((x.transpose(), x.reduce_sum(0)))?;
    let matrix: Array2<f64> = matrix.into_dimensionality::<Ix2>()?;
    let row: Array1<f64> = row.into_dimensionality::<Ix1>()?;
    assert_eq!((matrix.row(0).to_vec(), row.to_vec()), (vec![1.0, 3.0], vec![4.0, 6.0]));
    Ok(())
}

/// The graph prints as text, one line a node, and as a DOT drawing.
#[test]
fn graphs_print() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(2)]);
    let _ = (x * 2.0).named("double \"it\"");
    let text = g.to_string();
    assert_eq!(text.lines().count(), g.len());
    assert!(text.starts_with("%0 = placeholder() : f32[?, 2]  \"x\"\n"), "{text}");
    let dot = g.to_dot();
    assert!(dot.starts_with("digraph") && dot.contains("double \\\"it\\\""), "{dot}");
    assert!(!g.is_empty());
}

/// Gradients by hand, ops of closures, and models as values.
#[test]
fn the_forms_of_users_own_functions_and_models() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [2, 2]);
    let w = g.variable("w", arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    let (loss, by_hand) = ((x * w).square(), 2.0 * x * x * w);
    check_against(&g, loss, &[(w.any(), by_hand.any())])?.assert_close(1e-12);
    check_against(&g, loss, &[(w, by_hand)])?.assert_close(1e-12);

    let y = g.call(&[x.any()], (DType::F64, [2, 2]), |inputs, out| {
        out.into_view::<f64>().unwrap().assign(&inputs[0].view::<f64>().unwrap());
    });
    let y = y.typed::<f64>().map_with("softclip", |v| v / (1.0 + v.abs()), |v| (1.0 + v.abs()).powi(-2));
    let fed = arr2(&[[0.0, 1.0], [-1.0, 3.0]]);
    let session = Session::new(&g)?;
    assert_eq!(session.feed(x, &fed).run(y)?, arr2(&[[0.0, 0.5], [-0.5, 0.75]]).into_dyn());
    Ok(())
}

#[cfg(feature = "safetensors")]
#[test]
fn the_forms_of_frozen_models() -> Result<()> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.fgm");
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let prob = x.softmax(-1);
    let session = Session::new(&g)?;
    session.freeze(&[x.any()], &[prob.any()])?.save(&path)?;
    let model = Frozen::load(&path)?;
    let x = arr2(&[[0.0, 0.0]]);
    assert_eq!(model.call(&x)?, [Value::from(arr2(&[[0.5, 0.5]]))]);
    let p = model.call(&[x])?;
    assert_eq!(p, [Value::from(arr2(&[[0.5, 0.5]]))]);
    Ok(())
}
