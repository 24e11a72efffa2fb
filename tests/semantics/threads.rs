//! Line 28, of threads: how many there may be, and what runs on one that ends.

use std::cell::RefCell;
use std::sync::mpsc::channel;
use std::thread;

use flowgrad::ndarray::Array2;
use flowgrad::prelude::*;

/// Does something when its thread ends.
struct AtTheEnd(RefCell<Option<Box<dyn FnOnce()>>>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        if let Some(last) = self.0.take() {
            last();
        }
    }
}

thread_local! {
    static AT_THE_END: AtTheEnd = const { AtTheEnd(RefCell::new(None)) };
}

/// A callable, and whatever else, may be used by a thread-local's destructor, whatever of this crate's the thread has
/// given back by then.
#[test]
fn line_28_the_end_of_a_thread_may_run_and_build() {
    for threads in [1, 2] {
        for runs_before in [false, true] {
            let (send, found) = channel();
            thread::spawn(move || {
                // First of all, so that it ends last.
                AT_THE_END.with(|_| ());
                let g: &'static Graph = Box::leak(Box::new(Graph::new()));
                let x = g.placeholder::<f64>("x", [None, Some(100)]);
                let w = g.variable("w", Array2::<f64>::ones((100, 80)));
                let loss = x.matmul(w).tanh().reduce_mean(..) + x.reduce_max(0).reduce_sum(..);
                let [gradient] = loss.gradients([w]);
                let train = w.assign_sub(gradient * 0.1).op();
                let session = Session::builder(g).threads(threads).build().unwrap();
                let step = session.make_callable(x, (loss, train)).unwrap();
                let rows = Array2::<f64>::ones((200, 100));
                let expected = Session::new(g).unwrap().feed(x, &rows).run(loss).unwrap();
                if runs_before {
                    step.call(&rows).unwrap();
                    session.run(g.initializer()).unwrap();
                }
                let last = move || {
                    let (loss, ()) = step.call(&rows).unwrap();
                    let built = g.name_scope("late", || g.control_dependencies(&[train], || w * 0.0));
                    let zero = session.feed(x, &rows).run(built.reduce_sum(..)).unwrap();
                    send.send((loss == expected, zero.sum(), built.name())).unwrap();
                };
                AT_THE_END.with(|end| *end.0.borrow_mut() = Some(Box::new(last)));
            })
            .join()
            .unwrap();
            assert_eq!(found.recv().unwrap(), (true, 0.0, "late/mul".to_owned()));
        }
    }
}

/// More threads than the stated bound are an error, before any is started.
#[test]
fn line_28_threads_have_a_bound() {
    let g = Graph::new();
    let found = |threads| match Session::builder(&g).threads(threads).build() {
        Err(Error::TooManyThreads { found, most }) => Some((found, most)),
        Ok(_) => None,
        Err(error) => panic!("{error}"),
    };
    for threads in [usize::MAX, -1_i32 as usize, i32::MAX as usize, 65_536, 1025] {
        assert_eq!(found(threads), Some((threads, 1024)));
    }
    assert!([0, 1, 2, 64].iter().all(|&threads| found(threads).is_none()));
    let error = Session::builder(&g).threads(2000).build().unwrap_err();
    assert_eq!(error.to_string(), "expected at most 1024 threads, got 2000");
}

/// 0 threads are one for each core, whatever rayon is told by the environment.
#[cfg(target_os = "linux")]
#[test]
fn line_28_no_threads_are_one_for_each_core() {
    use std::process::Command;
    const CHILD: &str = "FLOWGRAD_TEST_COUNTS_THREADS";
    let threads = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let count = status.lines().find_map(|line| line.strip_prefix("Threads:")).unwrap();
        count.trim().parse::<usize>().unwrap()
    };
    if std::env::var_os(CHILD).is_some() {
        let before = threads();
        let session = Session::new(&Graph::new()).unwrap();
        let cores = thread::available_parallelism().unwrap().get();
        assert_eq!(threads() - before, cores - 1, "beside the caller's");
        drop(session);
        return;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "threads::line_28_no_threads_are_one_for_each_core", "--test-threads", "1"])
        .envs([(CHILD, "1"), ("RAYON_NUM_THREADS", "33")])
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
}
