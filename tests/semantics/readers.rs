//! Line 34: reading never waits for computing, and sees the values last committed, all of one moment.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flowgrad::ndarray::{Array1, ArrayViewD, arr0};
use flowgrad::prelude::*;

/// Far more than anything here takes: what waits for so long would wait for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// Holds a run open from inside of it: tells when it is there, and stays until it may go on.
struct Gate {
    reached: Receiver<()>,
    go_on: Sender<()>,
}

/// A gate, and the function to [inspect](Tensor::inspect) with.
fn gate() -> (Gate, impl Fn(&ArrayViewD<'_, f64>) + Send + Sync + 'static) {
    let ((at, reached), (go_on, gone_on)) = (channel(), channel());
    let ends = Mutex::new((at, gone_on));
    let look = move |_: &ArrayViewD<'_, f64>| {
        let (at, gone_on) = &*ends.lock().unwrap();
        at.send(()).unwrap();
        gone_on.recv_timeout(PATIENCE).unwrap();
    };
    (Gate { reached, go_on }, look)
}

impl Gate {
    fn wait_until_reached(&self) {
        self.reached.recv_timeout(PATIENCE).unwrap();
    }

    fn open(&self) {
        self.go_on.send(()).unwrap();
    }
}

/// Line 34: whatever only reads goes through while a training step is under way, on any number of threads, and sees the
/// values from before it; the step then has its effect.
#[test]
fn line_34_readers_pass_a_step_that_is_under_way() -> Result<()> {
    const LENGTH: usize = 100_000;
    for threads in [1, 2, 5] {
        let (gate, look) = gate();
        let g = Graph::new();
        let small = g.variable("small", 1.0_f64);
        let large = g.variable::<f64>("large", zeros([LENGTH]));
        let held = small.assign_add(g.constant(1.0).inspect(look));
        let step = g.group([held.op(), large.assign(large.tanh() + 1.0).op()]);
        let unseen = g.variable("unseen", random_normal([10], 0.0, 1.0));
        let session = Session::builder(&g).threads(threads).build()?;
        let read = session.make_callable((), (small, large.reduce_sum(..)))?;
        let before = read.call(())?;
        thread::scope(|scope| {
            let training = scope.spawn(|| session.run(step));
            gate.wait_until_reached();
            // All of this would wait for the step if it waited for anything, and the step waits for this.
            assert_eq!(read.call(()).unwrap(), before);
            assert_eq!(session.run(small * 2.0).unwrap().sum(), 2.0);
            assert_eq!(session.run((large + small).exp()).unwrap().len(), LENGTH);
            assert_eq!(session.run(unseen * 1.0_f64).unwrap().len(), 10, "also what was never needed before");
            let values = session.variable_values().unwrap();
            assert_eq!(values["small"], arr0(1.0).into());
            let count = session.run_count();
            assert!(!training.is_finished());
            gate.open();
            training.join().unwrap().unwrap();
            assert_eq!(session.run_count(), count + 1);
        });
        let (small, sum) = read.call(())?;
        assert_eq!((small.sum(), sum.sum()), (2.0, LENGTH as f64));
    }
    Ok(())
}

/// Line 34: a reader that is under way keeps what it sees, however often others assign meanwhile.
#[test]
fn line_34_a_long_reader_sees_one_moment() -> Result<()> {
    for threads in [1, 2] {
        let (gate, look) = gate();
        let g = Graph::new();
        let [a, b] = ["a", "b"].map(|name| g.variable::<f64>(name, ones([1000])));
        let step = g.group([a.assign(a * 2.0).op(), b.assign(b * 2.0).op()]);
        let held = a.reduce_sum(..).inspect(look);
        let session = Session::builder(&g).threads(threads).build()?;
        session.run(step)?;
        thread::scope(|scope| {
            // What is fetched is copied when all is done, so behind the gate.
            let reading = scope.spawn(|| session.run((held, [a, b])));
            gate.wait_until_reached();
            for round in 2..10 {
                session.run(step).unwrap();
                assert_eq!(session.run([a, b]).unwrap().map(|x| x[0]), [f64::from(1 << round); 2]);
            }
            session.load([("a".to_owned(), Array1::<f64>::zeros(1000).into())]).unwrap();
            session.run(g.initializer()).unwrap();
            gate.open();
            let (sum, [a, b]) = reading.join().unwrap().unwrap();
            assert_eq!((sum.sum(), a.sum(), b.sum()), (2000.0, 2000.0, 2000.0));
        });
        assert_eq!(session.run([a, b])?.map(|x| x[0]), [1.0; 2]);
    }
    Ok(())
}

/// Line 34, with 14: a step that fails, or is broken off by a panic, leaves values and readers alone, and the next one
/// goes through.
#[test]
fn line_34_a_step_that_is_broken_off_changes_nothing() -> Result<()> {
    for threads in [1, 2] {
        let g = Graph::new();
        let panics = Arc::new(Mutex::new(true));
        let asked = Arc::clone(&panics);
        let v = g.variable("v", 1.0_f64);
        let step = v.assign_add(g.constant(1.0).inspect(move |_| {
            assert!(!*asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner), "broken off");
        }));
        let session = Session::builder(&g).threads(threads).build()?;
        let step = session.make_callable((), step)?;
        for _ in 0..3 {
            let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| step.call(())));
            assert!(broken.is_err());
            assert_eq!(session.run(v)?.sum(), 1.0);
        }
        assert_eq!(session.run_count(), 6, "runs that failed count");
        *panics.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = false;
        assert_eq!(step.call(())?.sum(), 2.0);
    }
    Ok(())
}

/// Line 15, with 34: additions from several threads add up beside readers that keep older versions in use, and what is
/// read never goes back.
#[test]
fn line_15_steps_add_up_beside_readers() -> Result<()> {
    let g = Graph::new();
    let [a, b] = ["a", "b"].map(|name| g.variable::<f64>(name, zeros([3000])));
    let step = g.group([a.assign_add(1.0).op(), b.assign_add(1.0).op()]);
    let session = Session::builder(&g).threads(2).build()?;
    let step = session.make_callable((), step)?;
    let read = session.make_callable((), (a, b))?;
    thread::scope(|scope| {
        let writers: Vec<_> =
            (0..2).map(|_| scope.spawn(|| (0..300).for_each(|_| step.call(()).unwrap()))).collect();
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0.0;
                while last < 600.0 {
                    let (a, b) = read.call(()).unwrap();
                    assert_eq!(a, b);
                    assert!(a.iter().all(|x| *x == a[0]), "torn");
                    assert!(a[0] >= last, "{} after {last}", a[0]);
                    last = a[0];
                }
            });
        }
        for writer in writers {
            writer.join().unwrap();
        }
    });
    assert_eq!(session.run(b)?[0], 600.0);
    Ok(())
}
