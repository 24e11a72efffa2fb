//! A prepared run allocates nothing once its plan and its memory exist.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use flowgrad::ndarray::{Array2, ArrayD};
use flowgrad::prelude::*;

/// Counts the allocations of each thread, so that tests beside this one do not disturb it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `run` allocates on this thread.
fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

/// Asserts that the tenth and later calls allocate nothing.
fn assert_steady(mut call: impl FnMut()) {
    (0..10).for_each(|_| call());
    assert_eq!(allocations(|| (0..100).for_each(|_| call())), 0);
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new([0_u8; 100])))), 1);
}

#[test]
fn a_scalar_assignment_allocates_nothing() {
    let g = Graph::new();
    let v = g.variable("v", 0.0_f64);
    let session = Session::new(&g).unwrap();
    let step = session.make_callable((), v.assign_add(1.0).op()).unwrap();
    assert_steady(|| step.call(()).unwrap());
}

#[test]
fn a_training_step_allocates_nothing() {
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
