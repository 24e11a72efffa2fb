//! What takes time in proportion to what it is given: twice the size takes at most 2.2 times the memory, and a size
//! takes not much more time than as many pieces of a sixteenth of it.
//!
//! Memory is counted exactly, and shows tables that are made anew for each node, and edges from each to each.
//!
//! What only looks at everything again and again takes no memory, and there is nothing to count but time: 16 times that
//! of the pieces. So time is looked at here, though tests should not depend on it: the least processor time of several
//! tries, which other work on the machine cannot lower and is unlikely to raise in all of them, against a bound of 4,
//! far from both 1 and 16.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use flowgrad::ndarray::{Array1, Array2};
use flowgrad::prelude::*;

use super::{BYTES, HELD, alone, processor_time};

/// What is counted of a piece of work, beside what prepares it.
#[derive(Default)]
struct Watch {
    bytes: usize,
    seconds: f64,
}

impl Watch {
    fn over<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let (bytes, seconds) = (BYTES.load(Ordering::Relaxed), processor_time());
        let result = work();
        self.seconds += processor_time() - seconds;
        self.bytes += BYTES.load(Ordering::Relaxed) - bytes;
        result
    }
}

type Work = fn(usize, &mut Watch);

/// The least part of which a size is made up for times.
const PIECES: usize = 16;

/// The most that work may take where it should take once as long as other work.
const BOUND: f64 = PIECES as f64 / 4.0;

/// How often times are taken before they are believed to be too long.
const TRIES: usize = 10;

/// Asserts that work takes no more than the bound times what other work takes, by the least processor time of each.
/// Below a few ticks of the clock, so many seconds, there is nothing to compare.
fn assert_as_fast(ticks: f64, mut seconds: impl FnMut() -> [f64; 2]) {
    let (mut least, mut tries) = ([f64::INFINITY; 2], Vec::new());
    let is_as_fast = (0..TRIES).any(|_| {
        let [other, work] = seconds();
        least = [least[0].min(other), least[1].min(work)];
        tries.push([other, work]);
        least[1] <= BOUND * least[0].max(ticks)
    });
    assert!(is_as_fast, "seconds of other work and of work that should be as fast: {tries:?}");
}

/// Asserts that work of a size grows with that size.
fn assert_linear(size: usize, work: Work) {
    let _alone = alone();
    let bytes = |size: usize| {
        let mut watch = Watch::default();
        work(size, &mut watch);
        watch.bytes
    };
    // What is made once for all is made by the first.
    bytes(size / 2);
    let [half, whole] = [bytes(size / 2), bytes(size)];
    assert!(10 * whole <= 22 * half, "{half} bytes for {} of them, {whole} for {size}", size / 2);
    let seconds = |size: usize, times: usize| {
        let mut watch = Watch::default();
        (0..times).for_each(|_| work(size, &mut watch));
        watch.seconds
    };
    assert_as_fast(0.02, || [seconds(size / PIECES, PIECES), seconds(size, 1)]);
}

/// Declares tests of work that must be linear, each with its size.
macro_rules! linear {
    ($($(#[$meta:meta])* $name:ident($size:expr) |$n:ident, $watch:ident| $work:block)*) => {$(
        $(#[$meta])*
        #[test]
        fn $name() {
            assert_linear($size, |$n, $watch| $work);
        }
    )*};
}

linear! {
    building_a_chain_is_linear(16_000) |n, watch| {
        let g = Graph::new();
        let x = g.placeholder("x", [2]);
        watch.over(|| chain(x, n));
    }

    naming_many_nodes_alike_is_linear(16_000) |n, watch| {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [2]);
        watch.over(|| {
            for _ in 0..n {
                let _ = g.name_scope("scope", || x.tanh().named("name"));
            }
        });
    }

    building_behind_as_many_operations_is_linear(8_000) |n, watch| {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [2]);
        let before: Vec<Operation<'_>> = (0..n).map(|_| x.tanh().op()).collect();
        watch.over(|| {
            let behind = || (0..n).map(|_| x.tanh().op()).collect::<Vec<_>>();
            g.group(g.control_dependencies(&before, behind).into_iter().chain(before.iter().copied()))
        });
    }

    finding_variables_by_name_is_linear(16_000) |n, watch| {
        let g = Graph::new();
        variables(&g, n);
        watch.over(|| (0..n).all(|index| g.find_variable::<f64>(&format!("v{index}")).is_some()));
    }

    gradients_are_linear(8_000) |n, watch| {
        let g = Graph::new();
        let x = g.placeholder("x", [2]);
        let y = chain(x, n);
        watch.over(|| y.gradients([x]));
    }

    gradients_by_many_variables_are_linear(4_000) |n, watch| {
        let g = Graph::new();
        let variables = variables(&g, n);
        let loss = variables.iter().fold(g.constant(0.0), |sum, v| sum + v.square());
        watch.over(|| Adam::new(0.1).minimize(loss));
    }

    planning_a_chain_and_its_gradient_is_linear(8_000) |n, watch| {
        let g = Graph::new();
        let x = g.placeholder("x", [2]);
        let y = chain(x, n);
        let [slope] = y.gradients([x]);
        let session = Session::builder(&g).threads(1).build().unwrap();
        watch.over(|| session.make_callable(x, (y, slope)).unwrap());
    }

    planning_without_optimization_is_linear(8_000) |n, watch| {
        let g = Graph::new();
        let x = g.placeholder("x", [2]);
        let y = chain(x, n);
        let session = Session::builder(&g).threads(2).always_share().optimize(false).build().unwrap();
        watch.over(|| session.make_callable(x, y).unwrap());
    }

    planning_a_recurrence_is_linear(2_000) |n, watch| {
        let g = Graph::new();
        let [x, w] = [[8, 16], [16, 16]].map(|dims| g.variable::<f32>(&format!("{dims:?}"), zeros(dims)));
        let y = (0..n).fold(x.tensor(), |state, _| (state.matmul(w) + x).tanh());
        let [slope] = y.gradients([w]);
        for threads in [1, 2] {
            let session = Session::builder(&g).threads(threads).always_share().build().unwrap();
            watch.over(|| session.make_callable((), (y.op(), slope)).unwrap());
        }
    }

    planning_many_fetches_is_linear(8_000) |n, watch| {
        let g = Graph::new();
        let x = g.variable("x", Array1::<f64>::ones(3));
        let fetches: Vec<Tensor<'_, f64>> = (0..n).map(|index| (x * index as f64).tanh()).collect();
        let session = Session::builder(&g).threads(2).always_share().build().unwrap();
        watch.over(|| session.make_callable((), fetches).unwrap());
    }

    a_stack_of_many_and_its_gradients_are_linear(4_000) |n, watch| {
        let g = Graph::new();
        let variables = variables(&g, n);
        let parts: Vec<Tensor<'_, f64>> = variables.iter().map(|v| v.tanh()).collect();
        let session = Session::builder(&g).threads(1).build().unwrap();
        watch.over(|| {
            let whole = g.stack(&parts, 0);
            let slopes = Gradients::of([whole.square()]).wrt_or_zeros(&variables);
            session.make_callable((), (whole, slopes, parts.clone())).unwrap()
        });
    }

    a_concatenation_of_many_and_its_gradients_are_linear(4_000) |n, watch| {
        let g = Graph::new();
        let variables: Vec<Variable<'_, f64>> = (0..n).map(|index| g.variable(&format!("v{index}"), zeros([2]))).collect();
        let parts: Vec<Tensor<'_, f64>> = variables.iter().map(|v| v.tanh()).collect();
        let session = Session::builder(&g).threads(2).always_share().build().unwrap();
        watch.over(|| {
            let whole = g.concat(&parts, 0);
            let slopes = Gradients::of([whole.square()]).wrt_or_zeros(&variables);
            session.make_callable((), (whole, slopes)).unwrap()
        });
    }

    second_gradients_of_a_concatenation_of_many_lengths_are_linear(2_000) |n, watch| {
        let g = Graph::new();
        let parts: Vec<Tensor<'_, f64>> = (0..n).map(|_| g.placeholder("part", [None])).collect();
        watch.over(|| {
            let slopes = Gradients::of([g.concat(&parts, 0).tanh()]).wrt_or_zeros(&parts);
            Gradients::of(slopes).wrt_or_zeros(&parts)
        });
    }

    the_parts_of_a_concatenation_are_linear(2_000) |n, watch| {
        let g = Graph::new();
        let x = g.variable("x", Array1::<f64>::ones(2));
        for threads in [1, 2] {
            let parts: Vec<Tensor<'_, f64>> = (0..n).map(|index| (x * index as f64).tanh()).collect();
            let session = Session::builder(&g).threads(threads).always_share().build().unwrap();
            watch.over(|| {
                // The memory of the first parts, each of which has users of its own, is that of the second ones.
                let doubled = g.concat(&parts, 0).split(n, 0).into_iter().map(|part| part.exp() + x);
                let again = g.concat(&doubled.collect::<Vec<_>>(), 0).split(n, 0);
                session.make_callable((), again.into_iter().reduce(|a, b| a + b).unwrap()).unwrap()
            });
        }
    }

    the_parts_of_a_tensor_are_linear(2_000) |n, watch| {
        let g = Graph::new();
        let x = g.variable("x", Array2::<f64>::ones((n, 1)));
        let session = Session::builder(&g).threads(1).build().unwrap();
        watch.over(|| {
            let parts = x.unstack(0).into_iter().chain(x.split(n, 0)).map(|part| part.reduce_sum(..).tanh());
            let sum = parts.reduce(|a, b| a + b).unwrap();
            session.make_callable((), sum).unwrap();
            sum.gradients([x])
        });
    }

    runs_of_gradients_by_the_parts_of_a_tensor_are_linear(2_000) |n, watch| {
        let g = Graph::new();
        let x = g.variable("x", Array2::<f64>::ones((n, 256)));
        let [rows, parts] = [x.unstack(0), x.split(n, 0)];
        let squares = rows.iter().chain(&parts).map(|part| part.square().reduce_sum(..));
        // Some parts have no gradient.
        let sum = squares.step_by(2).reduce(|a, b| a + b).unwrap();
        let session = Session::builder(&g).threads(1).build().unwrap();
        let run = session.make_callable((), sum.gradients([x])).unwrap();
        watch.over(|| run.call(()).unwrap());
    }

    runs_of_second_gradients_of_a_concatenation_are_linear(2_000) |n, watch| {
        let g = Graph::new();
        let variables: Vec<Variable<'_, f64>> =
            (0..n).map(|index| g.variable(&format!("v{index}"), Array1::<f64>::ones(128))).collect();
        let slopes = Gradients::of([g.concat(&variables, 0).tanh()]).wrt_or_zeros(&variables);
        // Squared, for what is made of ones alone is computed before the run.
        let squares: Vec<Tensor<'_, f64>> = slopes.iter().map(|slope| slope.square()).collect();
        let second = Gradients::of(squares).wrt_or_zeros(&variables);
        let session = Session::builder(&g).threads(1).build().unwrap();
        let run = session.make_callable((), second).unwrap();
        watch.over(|| run.call(()).unwrap());
    }

    runs_that_are_fed_many_tensors_are_linear(4_000) |n, watch| {
        let g = Graph::new();
        let parts: Vec<Tensor<'_, f64>> = (0..n).map(|_| g.placeholder("part", ())).collect();
        let sum = parts.iter().fold(g.constant(0.0), |sum, &part| sum + part);
        let session = Session::builder(&g).threads(1).build().unwrap();
        watch.over(|| {
            let feeding = session.feed(parts[0], 1.0);
            parts[1..].iter().fold(feeding, |feeding, &part| feeding.feed(part, 1.0)).run(sum).unwrap()
        });
    }

    assignments_one_behind_the_other_are_linear(2_000) |n, watch| {
        let g = Graph::new();
        let v = g.variable("v", 0.0_f64);
        let step = |before: Operation<'_>, _| g.control_dependencies(&[before], || v.assign_add(1.0)).op();
        let last = (1..n).fold(v.assign_add(1.0).op(), step);
        let session = Session::builder(&g).threads(1).build().unwrap();
        watch.over(|| session.run(last).unwrap());
    }

    readers_behind_two_groups_of_assignments_are_linear(4_000) |n, watch| {
        let g = Graph::new();
        let variables = variables(&g, n);
        let every_second = |first| variables.iter().skip(first).step_by(2).map(|v| v.assign_add(1.0).op());
        let groups = [0, 1].map(|first| g.group(every_second(first)));
        let readers: Vec<Tensor<'_, f64>> =
            g.control_dependencies(&groups, || variables.iter().map(|v| v.tanh()).collect());
        let session = Session::builder(&g).threads(1).build().unwrap();
        watch.over(|| session.run(readers).unwrap());
    }

    initializing_listing_and_loading_variables_is_linear(8_000) |n, watch| {
        let g = Graph::new();
        variables(&g, n);
        let initialize = g.initializer();
        let session = Session::builder(&g).threads(1).build().unwrap();
        watch.over(|| {
            session.run(initialize).unwrap();
            session.load(session.variable_values().unwrap()).unwrap();
        });
    }

    #[cfg(feature = "safetensors")]
    checkpoints_are_linear(8_000) |n, watch| {
        use flowgrad::io::checkpoint::Checkpoint;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("many.safetensors");
        let g = Graph::new();
        variables(&g, n);
        let session = Session::builder(&g).threads(1).build().unwrap();
        watch.over(|| {
            Checkpoint::of(&session).unwrap().save(&path).unwrap();
            let checkpoint = Checkpoint::load(&path).unwrap();
            checkpoint.restore(&session).unwrap();
            checkpoint.restore_model(&session).unwrap();
        });
    }

    telling_what_runs_is_linear(4_000) |n, watch| {
        let g = Graph::new();
        let x = g.variable("x", Array1::<f64>::ones(3));
        let y = chain(x.tensor(), n);
        let session = Session::builder(&g).threads(1).build().unwrap();
        watch.over(|| {
            let (_, trace) = session.run_traced(y).unwrap();
            [session.explain(y).unwrap(), trace.to_string(), trace.to_dot(), g.to_dot(), g.to_string()]
        });
    }
}

/// Threads that start look for no work at each other, which would take as long as there are pairs of them.
#[test]
fn starting_threads_is_linear() {
    const THREADS: usize = 1024;
    let _alone = alone();
    let held = HELD.load(Ordering::Relaxed);
    let g = Graph::new();
    let seconds = |threads: usize| {
        let start = Instant::now();
        drop(Session::builder(&g).threads(threads).build().unwrap());
        start.elapsed().as_secs_f64()
    };
    assert_as_fast(0.05, || {
        let pieces: f64 = (0..PIECES).map(|_| seconds(THREADS / PIECES)).sum();
        [pieces, seconds(THREADS)]
    });
    // Threads that end give back what is theirs, while another test may count what it holds itself.
    let is_left = || HELD.load(Ordering::Relaxed) > held + THREADS;
    (0..1_000).take_while(|_| is_left()).for_each(|_| thread::sleep(Duration::from_millis(1)));
}

/// The work of a few nodes does not depend on how many others the graph has.
#[test]
fn a_small_part_of_a_large_graph_is_as_cheap_as_in_a_small_one() {
    let _alone = alone();
    let work = |others: usize| {
        let g = Graph::new();
        let v = g.variable("v", 1.0_f64);
        chain(v.tensor(), others);
        variables(&g, others);
        let session = Session::builder(&g).threads(1).build().unwrap();
        session.run(v).unwrap();
        let mut watch = Watch::default();
        for _ in 0..100 {
            watch.over(|| {
                let y = chain(v.tensor(), 7);
                let [slope] = y.gradients([v]);
                session.run((y, slope)).unwrap();
                let _ = g.find_variable::<f64>("v");
            });
        }
        watch
    };
    work(10);
    let [small, large] = [work(10), work(20_000)];
    // Names have a digit more, and the graph's own tables grow by doubling.
    assert!(large.bytes < 2 * small.bytes, "{} and {} bytes", small.bytes, large.bytes);
    let mut taken = Some([small.seconds, large.seconds]);
    assert_as_fast(0.05, || {
        taken.take().unwrap_or_else(|| [work(10), work(20_000)].map(|watch| watch.seconds))
    });
}

fn chain(x: Tensor<'_, f64>, nodes: usize) -> Tensor<'_, f64> {
    (0..nodes).fold(x, |y, index| if index % 2 == 0 { y.tanh() } else { y + x })
}

fn variables(g: &Graph, count: usize) -> Vec<Variable<'_, f64>> {
    (0..count).map(|index| g.variable(&format!("v{index}"), 1.0)).collect()
}
