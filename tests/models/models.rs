//! The models that `examples/bench_table` measures, at sizes that are worth several threads and yet run in
//! seconds: the same bits at any number of threads, also where a rayon pool of the program runs them.

use flowgrad::Feeding;
#[cfg(target_arch = "x86_64")]
use flowgrad::Isa;
use flowgrad::ndarray::{Array1, Array2, ArrayD, Axis, concatenate};
use flowgrad::prelude::*;

/// A model: what it is fed, what is fetched, and the operation that changes its variables.
struct Model<'g, T: Element> {
    fed: Vec<(Tensor<'g, T>, ArrayD<T>)>,
    labels: Option<(Tensor<'g, i64>, ArrayD<i64>)>,
    fetched: Vec<Tensor<'g, T>>,
    step: Operation<'g>,
    kept: Vec<Variable<'g, T>>,
}

/// Numbers of threads; several times the same, as a race shows only now and then.
const THREADS: [usize; 7] = [2, 8, 2, 3, 8, 2, 8];
/// Steps of a model, each starting from what the one before has left.
const STEPS: usize = 4;

/// Numbers spread evenly over ±`scale`, in no order.
fn spread<T: Float>(dims: impl Into<Vec<usize>>, step: f64, scale: f64) -> ArrayD<T> {
    let mut index = 0.0;
    ArrayD::from_shape_simple_fn(dims.into(), || {
        index += 1.0;
        T::from_f64(scale * (2.0 * (index * step).fract() - 1.0))
    })
}

/// Steps between numbers that share no period.
const STEP: [f64; 3] = [0.618_033_988_749_895, 0.414_213_562_373_095, 0.732_050_807_568_877];

/// The operation that moves each variable against the gradient of `loss`.
fn descend<'g, T: Float>(
    g: &'g Graph,
    loss: Tensor<'g, T>,
    kept: &[Variable<'g, T>],
    rate: f64,
) -> Operation<'g> {
    let tensors: Vec<_> = kept.iter().map(|variable| variable.tensor()).collect();
    let gradients = Gradients::of([loss]).wrt(&tensors);
    let steps = kept.iter().zip(gradients);
    g.group(
        steps
            .filter_map(|(variable, gradient)| Some(variable.assign_sub(gradient? * T::from_f64(rate)).op())),
    )
}

fn linreg<T: Float>(g: &Graph, rows: usize) -> Model<'_, T> {
    let ones = ArrayD::from_elem(vec![rows, 1], T::from_f64(1.0));
    let x = spread::<T>([rows, 1], STEP[0], 1.0);
    let d = x.mapv(|x| T::from_f64(3.0 + 2.0 * x.as_f64()));
    let x = g.constant(concatenate(Axis(1), &[ones.view(), x.view()]).unwrap());
    let w = g.variable("w", ArrayD::from_elem(vec![2, 1], T::from_f64(0.0)));
    let mse = (x.matmul(w) - g.constant(d)).square().reduce_mean(..);
    Model { fed: vec![], labels: None, fetched: vec![mse], step: descend(g, mse, &[w], 0.1), kept: vec![w] }
}

fn elementwise(g: &Graph) -> Model<'_, f32> {
    let count = 100_000;
    let [a, b, c] = ["a", "b", "c"].map(|name| g.placeholder::<f32>(name, [Some(count)]));
    let y = ((a * b + c).tanh() * (-a.square()).exp()).reduce_sum(..);
    let [da] = y.gradients([a]);
    let kept = g.variable("gradient", Array1::<f32>::zeros(count));
    let fed = [a, b, c].into_iter().zip(STEP).map(|(x, step)| (x, spread([count], step, 1.5))).collect();
    Model { fed, labels: None, fetched: vec![y], step: kept.assign(da).op(), kept: vec![kept] }
}

fn chain(g: &Graph) -> Model<'_, f32> {
    let count = 200_000;
    let [x, y] = ["x", "y"].map(|name| g.placeholder::<f32>(name, [Some(count)]));
    let z = (0..5).fold(x, |z, _| ((z + y) * 0.9).maximum(x) * y + 0.1);
    let kept = g.variable("z", Array1::<f32>::zeros(count));
    let fed = [x, y].into_iter().zip(STEP).map(|(x, step)| (x, spread([count], step, 1.0))).collect();
    Model { fed, labels: None, fetched: vec![], step: kept.assign(z).op(), kept: vec![kept] }
}

fn softmax_rows(g: &Graph) -> Model<'_, f32> {
    let (rows, width) = (512, 256);
    let x = g.placeholder::<f32>("x", [Some(rows), Some(width)]);
    let kept = g.variable("softmax", Array2::<f32>::zeros((rows, width)));
    let fed = vec![(x, spread([rows, width], STEP[0], 4.0))];
    Model { fed, labels: None, fetched: vec![], step: kept.assign(x.softmax(-1)).op(), kept: vec![kept] }
}

fn mlp(g: &Graph) -> Model<'_, f32> {
    let (widths, batch) = ([196, 96, 64, 10], 96);
    let images = g.placeholder::<f32>("images", [None, Some(widths[0])]);
    let classes = g.placeholder::<i64>("classes", [None]);
    let (mut kept, mut value) = (Vec::new(), images);
    for (index, pair) in widths.windows(2).enumerate() {
        let scale = (6.0 / (pair[0] + pair[1]) as f64).sqrt();
        let kernel = g.variable(&format!("kernel_{index}"), spread::<f32>(pair, STEP[1], scale));
        let bias = g.variable(&format!("bias_{index}"), Array1::<f32>::zeros(pair[1]));
        kept.extend([kernel, bias]);
        value = value.matmul(kernel) + bias;
        if index < 2 {
            value = value.relu();
        }
    }
    let loss = value.sparse_softmax_cross_entropy(classes).reduce_mean(..);
    let labels = Array1::from_shape_fn(batch, |row| (row * 7 % widths[3]) as i64).into_dyn();
    Model {
        fed: vec![(images, spread([batch, widths[0]], STEP[2], 1.0))],
        labels: Some((classes, labels)),
        fetched: vec![loss, value],
        step: descend(g, loss, &kept, 0.1),
        kept,
    }
}

/// Two convolutions, the second with strides, both kinds of pools, batch norm and dropout, trained by Adam.
fn convolutions(g: &Graph) -> Model<'_, f32> {
    let batch = 48;
    let images = g.placeholder::<f32>("images", [None, Some(12), Some(10), Some(2)]);
    let classes = g.placeholder::<i64>("classes", [None]);
    let model = Sequential::new()
        .add(Conv2d::new(g, "conv1", [3, 3, 2, 16], Convolution::same()))
        .add(BatchNorm::new(g, "norm", 16))
        .add(Tensor::relu)
        .add(MaxPool2d(Window::of([2, 2])))
        .add(Conv2d::new(g, "conv2", [3, 2, 8, 24], Convolution::same().strides([1, 2]).groups(2)))
        .add(Tensor::tanh)
        .add(AvgPool2d(Window::of([2, 3]).padding(Padding::Same)))
        .add(Dropout::new("dropout", 0.25))
        .add(Flatten)
        .add(Dense::new(g, "logits", 3 * 24, 10));
    let logits = model.call(images, Mode::Train);
    let loss = logits.sparse_softmax_cross_entropy(classes).reduce_mean(..);
    let labels = Array1::from_shape_fn(batch, |row| (row * 7 % 10) as i64).into_dyn();
    Model {
        fed: vec![(images, spread([batch, 12, 10, 2], STEP[2], 1.0))],
        labels: Some((classes, labels)),
        fetched: vec![loss, logits],
        step: Adam::new(1e-2).clip_by_global_norm(1.0).minimize(loss),
        kept: g.trainable_variables(),
    }
}

fn wide_graph(g: &Graph) -> Model<'_, f32> {
    let side = 64;
    let mut kept = Vec::new();
    let assigned = (0..8).map(|chain| {
        let factor = g.constant(spread::<f32>([side, side], STEP[chain % 3], (3.0 / side as f64).sqrt()));
        let start = spread::<f32>([side, side], STEP[(chain + 1) % 3], 1.0 + chain as f64);
        let value = g.variable(&format!("value_{chain}"), start);
        kept.push(value);
        value.assign((0..4).fold(value.tensor(), |product, _| product.matmul(factor))).op()
    });
    let step = g.group(assigned);
    Model { fed: vec![], labels: None, fetched: vec![], step, kept }
}

fn deep_mlp(g: &Graph) -> Model<'_, f32> {
    let (layers, width) = (20_usize, 48);
    let x = g.placeholder::<f32>("x", [Some(width), Some(width)]);
    let scale = (6.0 / width as f64).sqrt();
    let kernel =
        |layer| g.variable(&format!("kernel_{layer}"), spread::<f32>([width, width], STEP[layer % 3], scale));
    let kept: Vec<_> = (0..layers).map(kernel).collect();
    let y = kept.iter().fold(x, |value, &kernel| value.matmul(kernel).relu());
    let loss = y.square().reduce_mean(..);
    Model {
        fed: vec![(x, spread([width, width], STEP[2], 1.0))],
        labels: None,
        fetched: vec![loss],
        step: descend(g, loss, &kept, 0.01),
        kept,
    }
}

fn assign_add(g: &Graph) -> Model<'_, f32> {
    let count = g.variable("count", 0.0_f32);
    // A scalar alone is not worth a second thread.
    let long = g.variable("long", spread::<f32>([500_000], STEP[0], 1.0));
    let step = g.group([count.assign_add(1.0).op(), long.assign_add(count * 0.5).op()]);
    Model { fed: vec![], labels: None, fetched: vec![count.tensor()], step, kept: vec![count, long] }
}

impl<'g, T: Float> Model<'g, T> {
    fn feed<'s>(&self, session: &'s Session) -> Option<Feeding<'s, 'g, '_>> {
        let mut feeding: Option<Feeding<'s, 'g, '_>> = None;
        for (tensor, array) in &self.fed {
            feeding = Some(match feeding {
                None => session.feed(*tensor, array),
                Some(feeding) => feeding.feed(*tensor, array),
            });
        }
        match (&self.labels, feeding) {
            (Some((tensor, array)), Some(feeding)) => Some(feeding.feed(*tensor, array)),
            (_, feeding) => feeding,
        }
    }

    /// The bits of all that several steps give and leave, which also tell apart what compares as equal.
    fn bits(&self, session: &Session) -> Result<Vec<u64>> {
        let mut bits = Vec::new();
        let mut add =
            |arrays: &[ArrayD<T>]| bits.extend(arrays.iter().flatten().map(|x| x.as_f64().to_bits()));
        session.run(self.kept.clone())?;
        for _ in 0..STEPS {
            let fetches = (self.fetched.clone(), self.step);
            let (found, ()) = match self.feed(session) {
                Some(feeding) => feeding.run(fetches)?,
                None => session.run(fetches)?,
            };
            add(&found);
            add(&session.run(self.kept.clone())?);
        }
        Ok(bits)
    }

    /// Whether a session would run a step on several threads.
    fn is_parallel(&self, session: &Session) -> Result<bool> {
        let fetches = (self.fetched.clone(), self.step);
        let plan = match self.feed(session) {
            Some(feeding) => feeding.explain(fetches)?,
            None => session.explain(fetches)?,
        };
        Ok(plan.lines().any(|line| line.starts_with("parallel;")))
    }
}

/// Asserts that a model gives the same bits however it is run. Most are cut into tasks that are worth a second thread;
/// the others are shared all the same.
fn check<T: Float>(build: impl for<'g> Fn(&'g Graph) -> Model<'g, T>, is_parallel: bool) -> Result<()> {
    let g = Graph::new();
    let model = build(&g);
    assert_eq!(model.is_parallel(&Session::builder(&g).threads(2).build()?)?, is_parallel);
    let on = |threads| Session::builder(&g).threads(threads).always_share().build();
    assert!(model.is_parallel(&on(2)?)?);
    let expected = model.bits(&on(1)?)?;
    assert!(!expected.is_empty());
    for threads in THREADS {
        // Not `assert_eq!`, which would print a million numbers.
        assert!(model.bits(&on(threads)?)? == expected, "on {threads} threads");
    }
    #[cfg(target_arch = "x86_64")]
    check_instruction_sets(&g, &model)?;
    let users = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let session = on(2)?;
    assert!(users.install(|| model.bits(&session))? == expected, "on a rayon pool of the program");
    Ok(())
}

/// Line 36 of what a session promises, on whole models: the same bits on AVX2 and AVX-512, compiled and interpreted.
#[cfg(target_arch = "x86_64")]
fn check_instruction_sets<T: Float>(g: &Graph, model: &Model<'_, T>) -> Result<()> {
    let mut expected = None;
    for isa in [Isa::Avx2, Isa::Avx512].into_iter().filter(|&isa| isa <= Isa::detected()) {
        for machine_code in [true, false] {
            let session = Session::builder(g).threads(1).isa(isa).machine_code(machine_code).build()?;
            let found = model.bits(&session)?;
            let is_same = expected.get_or_insert_with(|| found.clone()) == &found;
            assert!(is_same, "{isa}, machine code {machine_code}");
        }
    }
    Ok(())
}

#[test]
fn linear_regressions() -> Result<()> {
    check(|g| linreg::<f64>(g, 10_000), false)?;
    check(|g| linreg::<f32>(g, 10_000), false)?;
    check(|g| linreg::<f64>(g, 300_000), true)?;
    check(|g| linreg::<f32>(g, 300_000), true)
}

#[test]
fn an_elementwise_graph_and_its_gradient() -> Result<()> {
    check(elementwise, true)
}

#[test]
fn a_chain() -> Result<()> {
    check(chain, true)
}

#[test]
fn softmax_of_rows() -> Result<()> {
    check(softmax_rows, true)
}

#[test]
fn steps_of_a_perceptron() -> Result<()> {
    check(mlp, true)
}

#[test]
fn steps_of_a_convolutional_network() -> Result<()> {
    check(convolutions, false)
}

#[test]
fn independent_chains_of_products() -> Result<()> {
    check(wide_graph, false)
}

#[test]
fn steps_of_a_deep_perceptron() -> Result<()> {
    check(deep_mlp, false)
}

#[test]
fn additions_to_variables() -> Result<()> {
    check(assign_add, true)
}
