//! Convolutions of two rows, directly and by transforms: microseconds a run, on one thread. The rule of
//! `ConvolveMethod::Auto` was made of it (`ops/convolve/kernel.rs`).
//!
//! ```text
//! cargo bench --features fft --bench convolve
//! ```

mod turns;

use std::process::ExitCode;
use std::time::Duration;

use flowgrad::ndarray::Array1;
use flowgrad::prelude::*;
use turns::{Effort, medians, side};

/// Lengths of both rows.
const LENGTHS: [[usize; 2]; 12] = [
    [32, 32],
    [64, 64],
    [96, 96],
    [128, 128],
    [512, 512],
    [1_000, 20],
    [1_000, 45],
    [1_000, 100],
    [10_000, 30],
    [10_000, 55],
    [10_000, 150],
    [100_000, 115],
];

const EFFORT: Effort = Effort { turns: 31, turn: Duration::from_millis(10), limit: Duration::from_secs(3) };

fn measure() -> Result<()> {
    println!("{:>8} {:>8} {:>10} {:>10}", "n", "m", "direct", "transforms");
    for [n, m] in LENGTHS {
        let g = Graph::new();
        let [x, kernel] = [("x", n), ("kernel", m)].map(|(name, length)| {
            let numbers = (0..length).map(|i| (0.7 * i as f64).sin()).collect::<Array1<f64>>();
            g.variable(name, numbers)
        });
        let session = Session::builder(&g).threads(1).build()?;
        let by = |method| {
            let sum = x.convolve_with(kernel, ConvolveMode::Full, -1, method).reduce_sum(..);
            session.make_callable((), sum)
        };
        let (direct, transforms) = (by(ConvolveMethod::Direct)?, by(ConvolveMethod::Fft)?);
        let sides = &mut (side(|| direct.call(())), side(|| transforms.call(())));
        let [direct, transforms] = medians(&mut sides.0, &mut sides.1, &EFFORT);
        println!("{n:>8} {m:>8} {direct:>10.2} {transforms:>10.2}");
    }
    Ok(())
}

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
