//! A prepared run allocates nothing once its plan and its memory exist, on whatever threads it runs; and what building,
//! differentiating, planning, loading and saving allocate and take grows with what they are given.

#[path = "allocations/growth.rs"]
mod growth;
#[path = "allocations/held.rs"]
mod held;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use flowgrad::ndarray::{Array1, Array2, ArrayD};
use flowgrad::prelude::*;

/// Counts the allocations of all threads, and their bytes.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
/// Bytes that were given back.
static FREED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        FREED.fetch_add(layout.size(), Ordering::Relaxed);
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
        let session = Session::builder(&g).threads(threads).build().unwrap();
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
