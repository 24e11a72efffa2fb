//! A prepared run allocates nothing once its plan and its memory exist, on whatever threads it runs; what a session
//! keeps between runs is what one of them needs; and what building, differentiating, planning, loading and saving
//! allocate and take grows with what they are given.

mod growth;
mod held;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Instant;

use flowgrad::ndarray::{Array1, Array2, ArrayD};
use flowgrad::prelude::*;

/// Counts the allocations of all threads, their bytes, and the bytes that they hold.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Keeps the tests beside this one from running, so that what is counted is one test's.
fn alone() -> MutexGuard<'static, ()> {
    static RUNNING: Mutex<()> = Mutex::new(());
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The seconds that this thread has had a processor, where the system tells; else those of a clock.
fn processor_time() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|told| told.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| START.get_or_init(Instant::now).elapsed().as_secs_f64(), |told| told * 1e-9)
}

/// How often `run` allocates, on all threads.
fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    run();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// Calls of a round: more than 63, each as many of which rayon's queue of jobs from outside allocates.
const CALLS: usize = 70;
/// Rounds in which there may be something to make: a thread that was busy elsewhere makes its scratch memory
/// with the first task that it takes, and the test harness starts and reports tests beside this one.
const ROUNDS: usize = 30;

/// Asserts that calls come to allocate nothing: not one of a whole round does.
fn assert_steady(mut call: impl FnMut()) {
    let rounds: Vec<usize> = (0..ROUNDS)
        .scan(false, |is_steady, _| {
            let count = (!*is_steady).then(|| allocations(|| (0..CALLS).for_each(|_| call())))?;
            *is_steady = count == 0;
            Some(count)
        })
        .collect();
    assert_eq!(rounds.last(), Some(&0), "allocations of {CALLS} calls: {rounds:?}");
}

/// Asserts that a request is worth several threads, so that the test is of what it says.
fn assert_parallel(plan: &str) {
    assert!(plan.lines().any(|line| line.starts_with("parallel;")), "{plan}");
}

/// Whether large products use kernels of the crate's own. On the baseline they go to matrixmultiply, which
/// allocates memory for what it packs at each call.
fn packs_products() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

#[test]
fn the_counter_counts() {
    let _alone = alone();
    assert!(allocations(|| drop(std::hint::black_box(Box::new([0_u8; 100])))) > 0);
    let on_another = || std::thread::scope(|scope| drop(scope.spawn(|| Box::new([0_u8; 100])).join()));
    assert!(allocations(on_another) > 0);
}

#[test]
fn a_scalar_assignment_allocates_nothing() {
    let _alone = alone();
    let g = Graph::new();
    let v = g.variable("v", 0.0_f64);
    let session = Session::new(&g).unwrap();
    let step = session.make_callable((), v.assign_add(1.0).op()).unwrap();
    assert_steady(|| step.call(()).unwrap());
}

#[test]
fn a_training_step_allocates_nothing() {
    let _alone = alone();
    let g = Graph::new();
    let x = g.constant(Array2::<f64>::ones((1000, 2)));
    let w = g.variable("w", Array2::<f64>::zeros((2, 1)));
    let [gradient] = x.matmul(w).square().reduce_mean(..).gradients([w]);
    let session = Session::new(&g).unwrap();
    let step = session.make_callable((), w.assign_sub(0.1 * gradient).op()).unwrap();
    assert_steady(|| step.call(()).unwrap());
}

#[test]
fn feeding_views_allocates_nothing() {
    let _alone = alone();
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(3)]);
    let y = g.placeholder::<f32>("y", [None, Some(1)]);
    let v = g.variable("v", 0.0_f32);
    let train = v.assign_add((x * y).reduce_sum(..));
    let session = Session::new(&g).unwrap();
    let step = session.make_callable((x, y), train.op()).unwrap();
    for rows in [64, 8] {
        let (x, y) = (ArrayD::<f32>::ones(vec![rows, 3]), ArrayD::<f32>::ones(vec![rows, 1]));
        assert_steady(|| step.call((x.view(), y.view())).unwrap());
    }
}

#[test]
fn a_convolutional_networks_training_step_allocates_nothing_on_any_thread() {
    if !packs_products() {
        return;
    }
    let _alone = alone();
    let g = Graph::new();
    let images = g.placeholder::<f32>("images", [None, Some(8), Some(8), Some(1)]);
    let classes = g.placeholder::<i64>("classes", [None]);
    let model = Sequential::new()
        .add(Conv2d::new(&g, "conv", [3, 3, 1, 16], Convolution::same()))
        .add(BatchNorm::new(&g, "norm", 16))
        .add(Tensor::relu)
        .add(MaxPool2d(Window::of([2, 2])))
        .add(Conv2d::new(&g, "strided", [3, 3, 16, 8], Convolution::valid().strides([1, 1])))
        .add(Dropout::new("dropout", 0.3))
        .add(Flatten)
        .add(Dense::new(&g, "logits", 2 * 2 * 8, 10));
    let logits = model.call(images, Mode::Train);
    let loss = logits.sparse_softmax_cross_entropy(classes).reduce_mean(..);
    let train = Adam::new(1e-3).clip_by_global_norm(1.0).minimize(loss);
    for threads in [1, 2] {
        let session = Session::builder(&g).threads(threads).build().unwrap();
        let step = session.make_callable((images, classes), train).unwrap();
        let (pixels, ids) = (ArrayD::<f32>::ones(vec![32, 8, 8, 1]), Array1::<i64>::ones(32).into_dyn());
        assert_steady(|| step.call((pixels.view(), ids.view())).unwrap());
    }
}

#[test]
fn a_perceptrons_training_step_allocates_nothing_on_any_thread() {
    if !packs_products() {
        return;
    }
    let _alone = alone();
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(96)]);
    let classes = g.placeholder::<i64>("classes", [None]);
    let layer = |name, dims: [usize; 2]| {
        g.name_scope(name, || {
            let kernel = g.variable("kernel", random_uniform(dims, -0.1, 0.1));
            (kernel, g.variable("bias", zeros([dims[1]])))
        })
    };
    let [(kernel, bias), (last_kernel, last_bias)] = [layer("hidden", [96, 80]), layer("last", [80, 10])];
    let hidden = (x.matmul(kernel) + bias).relu();
    let loss = (hidden.matmul(last_kernel) + last_bias).sparse_softmax_cross_entropy(classes).reduce_mean(..);
    let parameters: [Variable<'_>; 4] = [kernel, bias, last_kernel, last_bias];
    let gradients = loss.gradients(parameters);
    let steps = parameters.iter().zip(gradients);
    let train = g.group(steps.map(|(parameter, gradient)| parameter.assign_sub(0.01 * gradient).op()));
    let batch = Array2::from_shape_fn((64, 96), |(row, column)| (row * 7 + column) as f32 % 3.0 - 1.0);
    let labels = Array1::from_shape_fn(64, |row| row as i64 % 10);
    for threads in [1, 2] {
        // So small a step is cheaper on one thread.
        let session = Session::builder(&g).threads(threads).always_share().build().unwrap();
        if threads > 1 {
            assert_parallel(&session.feed(x, &batch).feed(classes, &labels).explain(train).unwrap());
        }
        let step = session.make_callable((x, classes), train).unwrap();
        assert_steady(|| step.call((batch.view(), labels.view())).unwrap());
    }
}

#[test]
fn an_elementwise_graph_allocates_nothing_on_any_thread() {
    let _alone = alone();
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None]);
    let kept = g.variable("kept", zeros([60_000]));
    let y = (x.tanh() * (-x.square()).exp()).reduce_sum(..);
    let [slope] = y.gradients([x]);
    let step = kept.assign(slope + y).op();
    let fed = Array1::from_shape_fn(60_000, |index| (index % 100) as f32 / 50.0 - 1.0);
    for threads in [1, 2] {
        let session = Session::builder(&g).threads(threads).build().unwrap();
        if threads > 1 {
            assert_parallel(&session.feed(x, &fed).explain(step).unwrap());
        }
        let step = session.make_callable(x, step).unwrap();
        assert_steady(|| step.call(fed.view()).unwrap());
    }
}

#[test]
fn calls_of_a_function_allocate_nothing_on_any_thread() {
    fn inner(x: Tensor<'_, f64>) -> Tensor<'_, f64> {
        (0..64).fold(x, |y, step| {
            let y = (y * 0.9 + f64::from(step) * 0.001).sin();
            if step % 32 == 0 { y - y.reduce_mean(..) } else { y }
        })
    }
    let _alone = alone();
    let g = Graph::new();
    let x = g.variable("x", Array1::<f64>::linspace(-1.0, 1.0, 1000));
    let f = g.function(x.tensor(), inner);
    let outer = g.function(x.tensor(), |x| inner(f.call(x) - f.call(x + 1.0)));
    let step = x.assign(outer.call(x.tensor()) + outer.call(x - 0.5) * 0.5).op();
    for threads in [1, 2] {
        // So that what the functions do is shared out as well.
        let session = Session::builder(&g).threads(threads).always_share().build().unwrap();
        let plan = session.explain(step).unwrap();
        let plan = plan.rsplit("\nplan:").next().unwrap();
        assert_eq!(plan.matches("= call `").count(), 4, "two calls of a function that calls another twice");
        if threads > 1 {
            assert_parallel(plan);
        }
        let step = session.make_callable((), step).unwrap();
        assert_steady(|| step.call(()).unwrap());
    }
}

#[test]
fn a_large_function_is_planned_once_for_all_calls() {
    let _alone = alone();
    let planned = |calls: usize| {
        let g = Graph::new();
        let x = g.variable("x", 0.5_f64);
        let f = g.function(x.tensor(), |x| (0..500).fold(x, |y, _| (y + 1.0).sin()));
        let y = (0..calls).fold(x.tensor(), |x, _| f.call(x));
        let session = Session::builder(&g).threads(1).build().unwrap();
        let before = BYTES.load(Ordering::Relaxed);
        session.make_callable((), y).unwrap();
        BYTES.load(Ordering::Relaxed) - before
    };
    planned(2);
    let [two, twenty] = [2, 20].map(planned);
    assert!(twenty < 2 * two, "{twenty} bytes to plan twenty calls, {two} to plan two");
}

#[test]
fn a_large_regression_allocates_nothing_on_any_thread() {
    let _alone = alone();
    let g = Graph::new();
    let x = g.constant(Array2::<f64>::ones((200_000, 2)));
    let w = g.variable("w", Array2::<f64>::zeros((2, 1)));
    let [gradient] = (x.matmul(w) - 1.0).square().reduce_mean(..).gradients([w]);
    let train = w.assign_sub(0.1 * gradient).op();
    for threads in [1, 2] {
        let session = Session::builder(&g).threads(threads).build().unwrap();
        if threads > 1 {
            assert_parallel(&session.explain(train).unwrap());
        }
        let step = session.make_callable((), train).unwrap();
        assert_steady(|| step.call(()).unwrap());
    }
}

/// What is held when `run` is over, beyond what was before.
fn held_after<R>(run: impl FnOnce() -> R) -> (usize, R) {
    let before = HELD.load(Ordering::Relaxed);
    let given = run();
    (HELD.load(Ordering::Relaxed).saturating_sub(before), given)
}

/// Asserts that something holds at most half as much again as one run needs.
fn assert_about(held: usize, needed: usize, what: &str) {
    assert!(held * 2 <= needed * 3, "{what}: {held} bytes are held, {needed} are needed");
}

/// The step of a perceptron that is fed rows of 96 numbers, what it predicts, and what is fed.
struct Perceptron<'g> {
    x: Tensor<'g>,
    train: Operation<'g>,
    predicted: Tensor<'g>,
}

impl<'g> Perceptron<'g> {
    fn new(g: &'g Graph) -> Self {
        let x = g.placeholder::<f32>("x", [None, Some(96)]);
        let model = Sequential::new()
            .add(Dense::new(g, "hidden", 96, 160))
            .add(Tensor::relu)
            .add(Dense::new(g, "last", 160, 10));
        let predicted = model.call(x, Mode::Train);
        Perceptron { x, train: Sgd::new(0.01).minimize(predicted.square().reduce_mean(..)), predicted }
    }
}

#[test]
fn many_lengths_share_the_memory_of_the_longest() {
    let _alone = alone();
    let g = Graph::new();
    let Perceptron { x, train, .. } = Perceptron::new(&g);
    for threads in [1, 2] {
        let batches: Vec<Array2<f32>> = (1..=40).map(|length| Array2::ones((length * 25, 96))).collect();
        let run = |batches: &[Array2<f32>]| {
            let session = Session::builder(&g).threads(threads).build().unwrap();
            let step = session.make_callable(x, train).unwrap();
            for batch in batches {
                step.call(batch).unwrap();
            }
            (session, step)
        };
        let (needed, one) = held_after(|| run(&batches[39..]));
        let (held, all) = held_after(|| run(&batches));
        assert_about(held, needed, "40 lengths");
        drop((one, all));
    }
}

#[test]
fn different_fetches_share_their_memory() {
    let _alone = alone();
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None]);
    let fetches: Vec<Tensor<'_>> =
        (0..40).map(|index| (x.tanh().cumsum(0) * index as f32).cumsum(0).reduce_max(..)).collect();
    let fed = Array1::<f32>::ones(400_000);
    let run = |fetches: &[Tensor<'_>]| {
        let session = Session::new(&g).unwrap();
        for fetch in fetches {
            session.feed(x, &fed).run(*fetch).unwrap();
        }
        session
    };
    let (needed, one) = held_after(|| run(&fetches[..1]));
    let (held, all) = held_after(|| run(&fetches));
    assert_about(held, needed, "40 fetches");
    drop((one, all));
}

#[test]
fn a_burst_of_runs_leaves_the_memory_of_one() {
    const RUNS: usize = 64;
    let _alone = alone();
    let g = Graph::new();
    let Perceptron { x, train, predicted } = Perceptron::new(&g);
    // A thread of the session's would keep scratch memory of its own, with the first task that it happens to take.
    let session = Session::builder(&g).threads(1).build().unwrap();
    let predict = session.make_callable(x, predicted.reduce_max(..)).unwrap();
    let step = session.make_callable(x, train).unwrap();
    let batch = Array2::<f32>::ones((500, 96));
    let once = || {
        predict.call(&batch).unwrap();
        step.call(&batch).unwrap();
    };
    let (needed, ()) = held_after(once);
    let together = Barrier::new(RUNS);
    let (more, ()) = held_after(|| {
        thread::scope(|scope| {
            for _ in 0..RUNS {
                scope.spawn(|| {
                    together.wait();
                    (0..3).for_each(|_| once());
                });
            }
        });
    });
    assert_about(needed + more, needed, "64 threads that ran at once");
}

/// Runs that are all under way at the same time, by construction.
#[test]
fn runs_that_are_all_under_way_leave_the_memory_of_one() {
    const RUNS: usize = 16;
    let _alone = alone();
    let g = Graph::new();
    let together = Arc::new(Barrier::new(RUNS));
    let (is_burst, waits) = (Arc::new(Mutex::new(false)), Arc::clone(&together));
    let asked = Arc::clone(&is_burst);
    let x = g.placeholder::<f32>("x", [None]);
    let held_open = x.reduce_sum(..).inspect(move |_| {
        let is_burst = *asked.lock().unwrap();
        if is_burst {
            waits.wait();
        }
    });
    let y = (x.cumsum(0) * 2.0).cumsum(0).reduce_max(..) + held_open;
    for (budget, kept) in [(None, 1), (Some(1 << 30), RUNS), (Some(0), 0)] {
        let builder = Session::builder(&g).threads(1);
        let builder = match budget {
            Some(budget) => builder.memory_budget(budget),
            None => builder,
        };
        let session = builder.build().unwrap();
        let call = session.make_callable(x, y).unwrap();
        let fed = Array1::<f32>::ones(200_000);
        let (first, _) = held_after(|| call.call(&fed).unwrap());
        *is_burst.lock().unwrap() = true;
        let (more, ()) = held_after(|| {
            thread::scope(|scope| {
                let runs: Vec<_> = (0..RUNS).map(|_| scope.spawn(|| call.call(&fed).unwrap())).collect();
                // The end of the scope would not wait for what the threads give back as they end.
                for run in runs {
                    run.join().unwrap();
                }
            });
        });
        *is_burst.lock().unwrap() = false;
        let arena = fed.len() * size_of::<f32>();
        match kept {
            0 => assert!(first + more < arena, "{first} and {more}"),
            1 => assert!(first >= arena && more < arena / 2, "{first} and {more}"),
            _ => assert!(more > (RUNS - 2) * arena, "{more}"),
        }
    }
}

#[test]
fn runs_without_number_hold_no_more_than_one() {
    let _alone = alone();
    let g = Graph::new();
    let v = g.variable("v", 0.0_f64);
    let session = Session::new(&g).unwrap();
    let add = v.assign_add(1.0).op();
    let step = session.make_callable((), add).unwrap();
    let once = || {
        step.call(()).unwrap();
        session.run(add).unwrap();
        session.run(v * 2.0_f64).map(drop).unwrap();
    };
    // The last of these is a new node each time; what is kept of such requests is bounded by their number.
    (0..300).for_each(|_| once());
    let (held, ()) = held_after(|| (0..20_000).for_each(|_| step.call(()).unwrap()));
    assert!(held < 1000, "{held} bytes");
}
