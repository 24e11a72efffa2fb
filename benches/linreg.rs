//! The five ways of `examples/linreg` on its default data, in f64 and f32: the time of 100 epochs, and of the
//! closed form. Graphs and sessions, matrices and vectors are made before the clock starts.

// The names of columns are for plots.
#[allow(dead_code)]
#[path = "../examples/linreg/points.rs"]
mod points;
#[path = "../examples/linreg/ways/mod.rs"]
mod ways;

use clap::ValueEnum;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use points::Points;
use ways::{Scalar, Way, closed_form};

/// Rows of data: two columns of them fill a first-level cache several times over and fit a second-level one.
const ROWS: usize = 10_000;
/// Epochs in one measured iteration: enough that a call into the descent is nothing beside them.
const EPOCHS: usize = 100;
/// Threads of the sessions: an epoch of this size is too short to be shared.
const THREADS: usize = 1;

/// Measures every way in `T`.
fn linreg<T: Scalar>(criterion: &mut Criterion, name: &str) {
    let problem = Points::on_the_line(ROWS, 0.1, 0).problem::<T>(0.001);
    let mut group = criterion.benchmark_group(name);
    for way in Way::value_variants() {
        let descended = way.with_descent(&problem, THREADS, |descent| {
            group.throughput(Throughput::Elements((ROWS * EPOCHS) as u64));
            group.bench_function(way.name(), |bencher| {
                bencher.iter(|| (0..EPOCHS).try_for_each(|_| descent.epoch()));
            });
            descent.weights()
        });
        match descended {
            Ok(Some(w)) => assert!(w.iter().all(|w| w.is_finite()), "{} diverged: {w:?}", way.name()),
            Ok(None) => {
                group.throughput(Throughput::Elements(ROWS as u64));
                group.bench_function(way.name(), |bencher| bencher.iter(|| closed_form::fit(&problem)));
            }
            Err(error) => panic!("{} failed: {error}", way.name()),
        }
    }
    group.finish();
}

/// Both element types.
fn benches(criterion: &mut Criterion) {
    linreg::<f64>(criterion, "linreg_f64");
    linreg::<f32>(criterion, "linreg_f32");
}

criterion_group!(group, benches);
criterion_main!(group);
