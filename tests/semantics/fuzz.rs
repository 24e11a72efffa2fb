//! Line 28: random graphs, mostly invalid, and random feeds, mostly of some wrong shape.

use flowgrad::Feeding;
use flowgrad::ndarray::{ArrayD, arr1};
use flowgrad::prelude::*;
use proptest::prelude::{ProptestConfig, any, prop, proptest};

use crate::seeded::seeded;

/// One step of building a random graph: what is built, from which earlier tensors and
/// numbers. All are taken modulo what there is, so every step is valid Rust and often wrong.
type Step = (u8, [usize; 3], [i8; 4]);

/// What has been built so far.
struct Built<'g> {
    graph: &'g Graph,
    floats: Vec<Tensor<'g, f64>>,
    integers: Vec<Tensor<'g, i64>>,
    variables: Vec<Variable<'g, f64>>,
    operations: Vec<Operation<'g>>,
    /// Whether all floats are made from small integers by sums and products only, so that every order
    /// of computing them gives the same numbers.
    exact: bool,
}

/// The element at an index that wraps around.
fn pick<T: Copy>(from: &[T], index: usize) -> T {
    from[index % from.len()]
}

/// Up to three lengths from 0 to 3, mostly 2 and 3.
fn lengths(numbers: [i8; 4]) -> Vec<usize> {
    let rank = numbers[0].unsigned_abs() as usize % 4;
    let length = |number: i8| [2, 3, 2, 1, 3, 2, 0, 2][number.unsigned_abs() as usize % 8];
    numbers[1..=rank].iter().map(|&number| length(number)).collect()
}

/// Up to two axes from -3 to 2, or all.
fn axes(numbers: [i8; 4]) -> Axes {
    let axis = |number: i8| isize::from(number).rem_euclid(6) - 3;
    let axes = match numbers[0].rem_euclid(5) {
        0 => Axes::all(),
        1 => Axes::of([axis(numbers[1]), axis(numbers[2])]),
        2 => Axes::of([]),
        _ => Axes::of([axis(numbers[1]).clamp(-1, 0)]),
    };
    if numbers[3] % 2 == 0 { axes } else { axes.keep_dims() }
}

/// An array of small whole numbers.
fn whole_numbers(dims: Vec<usize>, seed: i8) -> ArrayD<f64> {
    let mut next = i32::from(seed);
    ArrayD::from_shape_simple_fn(dims, || {
        next = next.wrapping_mul(5).wrapping_add(3);
        f64::from(next.rem_euclid(5) - 2)
    })
}

impl<'g> Built<'g> {
    /// A graph with something of everything.
    fn new(graph: &'g Graph) -> Self {
        let variable = graph.variable("start", arr1(&[1.0, 2.0, -1.0]));
        Built {
            graph,
            floats: vec![graph.constant(2.0), graph.placeholder("fed", [None, Some(3)]), variable.tensor()],
            integers: vec![graph.constant(arr1(&[3, 0, -2]))],
            variables: vec![variable],
            operations: vec![variable.assign_add(1.0).op()],
            exact: true,
        }
    }

    fn add(&mut self, step: Step, foreign: &Built<'g>) {
        let (what, from, numbers) = step;
        let g = self.graph;
        let [a, b, c] = from.map(|index| pick(&self.floats, index));
        let n = pick(&self.integers, from[0]);
        let m = pick(&self.integers, from[1]);
        let v = pick(&self.variables, from[2]);
        let operation = pick(&self.operations, from[1]);
        let number = f64::from(numbers[0] % 3);
        let name = format!("n{}", numbers[1] % 4);
        // Division and halves make results depend on the order of rounding.
        self.exact &= !matches!(what % 32, 6 | 7 | 13 | 16);
        let built = match what % 32 {
            0 => g.constant(whole_numbers(lengths(numbers), numbers[3])),
            1 => {
                let known = |(axis, length)| (numbers[3] >> axis & 1 == 0).then_some(length);
                let shape: Vec<_> = lengths(numbers).into_iter().enumerate().map(known).collect();
                g.placeholder(&name, shape)
            }
            2 => {
                let v = g.variable(&name, whole_numbers(lengths(numbers), numbers[3]));
                self.variables.push(v);
                v.tensor()
            }
            3 => a + b,
            4 => a - v,
            5 => v * b,
            6 => a / b,
            7 => number / a - b / 2.0,
            8 => number * a,
            9 => -a + number,
            10 => a.square(),
            11 => a.matmul_transposed(b, numbers[0] & 1 == 1, numbers[0] & 2 == 2),
            12 => a.reduce_sum(axes(numbers)),
            13 => a.reduce_mean(axes(numbers)),
            14 => a.transpose(),
            15 => {
                let rank = if numbers[3] % 8 == 0 { 2 } else { a.shape().rank() };
                let shift = usize::from(numbers[0].unsigned_abs());
                let rotated = (0..rank).map(|axis| ((axis + shift) % rank) as isize);
                a.transpose_perm(rotated.collect::<Vec<_>>())
            }
            16 => {
                self.integers.push(a.cast::<i64>());
                n.cast::<f32>().cast::<bool>().cast::<f64>()
            }
            17 => a.identity().named(&name),
            18 => a.stop_gradient(),
            19 => {
                let combined = [n + m, n - m, n * m, n / m, -n, n.square(), n.matmul(m)];
                self.integers.push(pick(&combined, from[2]));
                n.reduce_sum(axes(numbers)).cast::<f64>()
            }
            20 => v.assign(a),
            21 => v.assign_add(a),
            22 => v.assign_sub(number),
            23 => g.control_dependencies(&[operation], || v + number),
            24 => g.control_dependencies(&[operation], || v.assign_add(a)),
            25 => g.name_scope(&name, || (a + b).named("inside")),
            26 => {
                self.operations.push(g.group([a.op(), operation]));
                a.reduce_sum(..)
            }
            27 => {
                let found = Gradients::of([a, b]).stop_gradients([c]).wrt(&[b, v.tensor()]);
                pick(&found, from[0]).unwrap_or(a)
            }
            28 => Gradients::of([a]).grad_ys([b]).wrt(&[c])[0].unwrap_or(b),
            29 => a.gradients([b])[0],
            // Rarely, lest few graphs be without a build error.
            30 if numbers[0] % 8 == 0 => pick(&foreign.floats, from[0]),
            31 if numbers[0] % 8 == 0 => {
                self.operations.push(g.initializer());
                self.operations.push(foreign.operations[0]);
                a
            }
            _ => a.square().reduce_sum(..).gradients([v])[0],
        };
        // Most invalid tensors, whose shape is [0], are not built on, or else little would be valid.
        if built.shape() == Shape::from([0]) && numbers[2] % 4 != 0 {
            return;
        }
        // Some become operations to order other nodes after.
        if what % 3 == 0 {
            self.operations.push(built.op());
        }
        self.floats.push(built);
    }
}

/// An error must name the node, and the line that built it.
fn check_message(error: &Error, graphs: [&Graph; 2]) {
    let text = error.to_string();
    let nodes = graphs.map(ToString::to_string).concat();
    let named = text.split('`').skip(1).step_by(2).any(|name| nodes.contains(&format!("\"{name}\"")));
    assert!(named, "no node is named: {text}");
    // Where a foreign tensor was built says less than which it is.
    let placed = text.contains(file!()) || matches!(error, Error::OtherGraph { .. });
    assert!(placed, "no place is given: {text}");
}

/// Runs on feeds for some tensors.
fn run_fed<'g>(
    session: &Session,
    fed: &[(Tensor<'g, f64>, ArrayD<f64>)],
    fetches: &[Tensor<'g, f64>],
) -> Result<Vec<ArrayD<f64>>> {
    let mut feeding: Option<Feeding<'_, 'g, '_>> = None;
    for (tensor, array) in fed {
        feeding = Some(match feeding {
            None => session.feed(*tensor, array),
            Some(feeding) => feeding.feed(*tensor, array),
        });
    }
    match feeding {
        None => session.run(fetches.to_vec()),
        Some(feeding) => feeding.run(fetches.to_vec()),
    }
}

/// What a session that optimizes gives and what one gives that does not: the same, or the same error.
fn check_agreement([fast, plain]: [Result<Vec<ArrayD<f64>>>; 2], exact: bool, graphs: [&Graph; 2]) {
    match (fast, plain) {
        (Ok(fast), Ok(plain)) => {
            let shapes: fn(&[ArrayD<f64>]) -> Vec<&[usize]> =
                |found| found.iter().map(ArrayD::shape).collect();
            assert_eq!(shapes(&fast), shapes(&plain));
            // Whole numbers up to 2⁵³ are exact in any order of adding.
            if exact && plain.iter().flatten().all(|x| x.abs() < 1e9) {
                assert_eq!(fast, plain, "{}", graphs[0]);
            }
        }
        (Err(fast), Err(plain)) => {
            assert_eq!(fast.to_string(), plain.to_string());
            check_message(&fast, graphs);
        }
        (fast, plain) => panic!("optimised {fast:?}, otherwise {plain:?}\n{}", graphs[0]),
    }
}

/// A case takes a millisecond, so there are more than usual.
fn config() -> ProptestConfig {
    let seeded = seeded(28);
    ProptestConfig { cases: seeded.cases * 4, ..seeded }
}

proptest! {
    #![proptest_config(config())]

    /// Line 28: no graph built through the public surface, right or wrong, and no feed makes the
    /// library panic; errors name a node and this file. On the way, line 27: where a run succeeds, it
    /// does so with and without optimization, with the same results, and fails with the same words.
    #[test]
    fn line_28_nothing_panics(
        steps in prop::collection::vec(any::<Step>(), 1..24),
        runs in prop::collection::vec((any::<[usize; 3]>(), any::<[i8; 4]>()), 1..5),
    ) {
        let (graph, other) = (Graph::new(), Graph::with_seed(1));
        // Made before there are build errors, so that what is valid can be run.
        let sessions = [
            Session::builder(&graph).threads(2).build().unwrap(),
            Session::builder(&graph).threads(1).optimize(false).build().unwrap(),
        ];
        let foreign = Built::new(&other);
        let mut built = Built::new(&graph);
        for step in steps {
            built.add(step, &foreign);
        }
        match (graph.check(), Session::new(&graph)) {
            (Ok(()), Ok(_)) => {}
            (Err(first), Err(again)) => {
                assert_eq!(first.to_string(), again.to_string());
                check_message(&first, [&graph, &other]);
            }
            _ => panic!("a session and its graph disagree on whether there is a build error"),
        }
        for (from, numbers) in runs {
            let rows = numbers[0].unsigned_abs() as usize % 4;
            let mut fed = vec![(built.floats[1], whole_numbers(vec![rows, 3], numbers[1]))];
            if numbers[2] % 2 == 0 {
                fed.push((pick(&built.floats, from[0]), whole_numbers(lengths(numbers), numbers[3])));
            }
            let together = from.map(|index| pick(&built.floats, index));
            let each = built.floats.iter().map(std::slice::from_ref);
            for fetches in each.chain([&together[..]]) {
                let found = sessions.each_ref().map(|session| run_fed(session, &fed, fetches));
                check_agreement(found, built.exact, [&graph, &other]);
            }
        }
    }
}
