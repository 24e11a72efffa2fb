//! Slices and joins, each with what makes its operands or reads its result: microseconds a run, on one thread unless
//! `--threads` says otherwise. To compare two builds, run their binaries in turns.
//!
//! ```text
//! cargo bench --bench views
//! cargo bench --bench views -- --only concat
//! ```

mod turns;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use flowgrad::ndarray::{Array1, ArrayD};
use flowgrad::prelude::*;
use turns::{Effort, medians, side};

/// Measure slices and joins.
#[derive(Debug, Parser)]
struct Args {
    /// Only what has this in its name
    #[arg(long, default_value = "")]
    only: String,

    /// Turns
    #[arg(long, default_value_t = 31)]
    turns: usize,

    /// Threads of the sessions
    #[arg(long, default_value_t = 1)]
    threads: usize,

    /// What `cargo bench` says to all benches
    #[arg(long, hide = true)]
    bench: bool,
}

/// Builds what is measured.
type Build = fn(&Graph) -> Operation<'_>;

const CASES: [(&str, Build); 24] = [
    ("slice: neighbors of 4096x256", |g| {
        let x = data(g, [4096, 256]);
        keep(g, x.slice(1..) - x.slice(..-1), [4095, 256])
    }),
    ("slice: stencil of 512x512", |g| stencil(g, 512)),
    ("slice: stencil of 64x64", |g| stencil(g, 64)),
    ("slice: every second of 1024x512", |g| {
        let x = data(g, [1024, 512]);
        keep(g, x.slice((.., AxisRange::from(..).step(2))) * 2.0, [1024, 256])
    }),
    ("slice: backwards 1024x512", |g| {
        let x = data(g, [1024, 512]);
        keep(g, x.reverse(1) + x, [1024, 512])
    }),
    ("slice: two of three columns of 100000", |g| {
        let x = data(g, [100_000, 3]);
        keep(g, x.slice((.., ..2)) * 2.0, [100_000, 2])
    }),
    ("slice: one of three columns of 100000", |g| {
        let x = data(g, [100_000, 3]);
        keep(g, x.slice((.., 1)) * 2.0, [100_000])
    }),
    ("slice: 10 of 100", |g| {
        let x = data(g, [100]);
        keep(g, x.slice(10..20) * 2.0, [10])
    }),
    ("slice: queries and keys of 8x128x256", |g| {
        let x = data(g, [8, 128, 512]);
        let heads = |part: usize| {
            let part = x.split(2, 2)[part];
            part.reshape([8, 128, 8, 32]).transpose_perm([0, 2, 1, 3])
        };
        keep(g, heads(0).matmul(heads(1).transpose_perm([0, 1, 3, 2])), [8, 8, 128, 128])
    }),
    ("slice: gates of 64x4x128", |g| {
        let (state, _) = gated(g);
        keep(g, state, [64, 128])
    }),
    ("slice: gates of 64x4x128, gradient", |g| {
        let (state, w) = gated(g);
        let [slope] = state.reduce_sum(..).gradients([w]);
        keep(g, slope, [128, 512])
    }),
    ("slice: 16 rows unstacked", |g| {
        let rows = (data(g, [16, 256]) * 2.0).unstack(0);
        keep(g, rows.iter().skip(1).fold(rows[0], |sum, &row| (sum + row).tanh()), [256])
    }),
    ("join: concat of 4 x 262144", |g| {
        let x = data(g, [262_144]);
        let parts: Vec<_> = (1..5).map(|part| (x * part as f32).sqrt() + x).collect();
        keep(g, g.concat(&parts, 0), [1_048_576])
    }),
    ("join: concat of columns 4 x 4096x64", |g| {
        let x = data(g, [4096, 64]);
        let parts: Vec<_> = (1..5).map(|part| (x * part as f32).sqrt() + x).collect();
        keep(g, g.concat(&parts, 1), [4096, 256])
    }),
    ("join: concat of 4 x 64", |g| {
        let x = data(g, [64]);
        let parts: Vec<_> = (1..5).map(|part| (x * part as f32).sqrt() + x).collect();
        keep(g, g.concat(&parts, 0), [256])
    }),
    ("join: concat of variables 4 x 65536", |g| {
        let parts: Vec<_> = (0..4).map(|_| data(g, [65_536])).collect();
        keep(g, g.concat(&parts, 0), [262_144])
    }),
    ("join: concat of variables 4 x 16", |g| {
        let parts: Vec<_> = (0..4).map(|_| data(g, [16])).collect();
        keep(g, g.concat(&parts, 0), [64])
    }),
    ("join: stack of 8 numbers", |g| {
        let numbers: Vec<_> = (0..8).map(|_| data(g, []) * 2.0).collect();
        keep(g, g.stack(&numbers, 0), [8])
    }),
    ("join: 50 states of 32x64 stacked", |g| {
        let (w, start) = (data(g, [64, 64]), data(g, [32, 64]));
        let states: Vec<_> =
            std::iter::successors(Some(start), |h| Some(h.matmul(w).tanh())).skip(1).take(50).collect();
        keep(g, g.stack(&states, 0), [50, 32, 64])
    }),
    ("join: pad of 16x64x64x8", |g| {
        let x = data(g, [16, 64, 64, 8]).relu();
        keep(g, x.pad([(0, 0), (1, 1), (1, 1), (0, 0)], Pad::Constant(0.0)), [16, 66, 66, 8])
    }),
    ("join: pad of 64x64 by reflection", |g| {
        let x = data(g, [64, 64]).relu();
        keep(g, x.pad([(3, 3), (3, 3)], Pad::Reflect), [70, 70])
    }),
    ("join: roll of 1024x256", |g| {
        let x = data(g, [1024, 256]) * 2.0;
        keep(g, g.concat(&[x.slice(1..), x.slice(..1)], 0), [1024, 256])
    }),
    ("join: concat of columns, gradient", |g| {
        let (x, y) = (data(g, [1024, 64]), data(g, [1024, 32]));
        let joined = g.concat(&[x.tanh(), y * 2.0], 1).square().reduce_sum(..);
        let [dx, dy] = joined.gradients([x, y]);
        g.group([keep(g, dx, [1024, 64]), keep(g, dy, [1024, 32])])
    }),
    ("join: then read", |g| {
        let x = data(g, [1024, 64]);
        keep(g, g.concat(&[x * 2.0, x.exp()], 1).tanh().reduce_sum(1), [1024])
    }),
];

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<()> {
    for (name, build) in CASES.into_iter().filter(|(name, _)| name.contains(&args.only)) {
        let graph = Graph::new();
        let op = build(&graph);
        let session = || Session::builder(&graph).threads(args.threads).build()?.make_callable((), op);
        let [mut one, mut other] =
            [session()?, session()?].map(|step| side(move || step.call(()).expect("a run cannot fail")));
        let effort =
            Effort { turns: args.turns, turn: Duration::from_millis(2), limit: Duration::from_millis(400) };
        let [one, other] = medians(&mut one, &mut other, &effort);
        println!("{name:<44} {:>10.3}", f64::min(one, other));
    }
    Ok(())
}

/// The five-point stencil on a square.
fn stencil(g: &Graph, side: usize) -> Operation<'_> {
    let x = data(g, [side, side]);
    let inner = AxisRange::of(1, -1);
    let neighbors =
        x.slice((..-2, inner)) + x.slice((2.., inner)) + x.slice((inner, ..-2)) + x.slice((inner, 2..));
    keep(g, neighbors - x.slice((inner, inner)) * 4.0, [side - 2, side - 2])
}

/// The state of a recurrent cell with four gates, and their weights.
fn gated(g: &Graph) -> (Tensor<'_, f32>, Tensor<'_, f32>) {
    let (x, w) = (data(g, [64, 128]), data(g, [128, 512]));
    let gates = x.matmul(w).split(4, 1);
    let cell = gates[0].sigmoid() * gates[1].tanh() + gates[2].sigmoid() * x;
    (gates[3].sigmoid() * cell.tanh(), w)
}

/// A variable of these lengths.
fn data<const N: usize>(g: &Graph, dims: [usize; N]) -> Tensor<'_, f32> {
    let count: usize = dims.iter().product();
    let numbers = Array1::from_shape_fn(count, |index| (index as f32 * 0.618_034).fract() + 0.1);
    let numbers: ArrayD<f32> =
        numbers.into_shape_with_order(dims.to_vec()).unwrap_or_else(|_| ArrayD::zeros(dims.to_vec()));
    g.variable(&format!("data{}", g.len()), numbers).tensor()
}

/// Keeps a result in a variable, so that nothing is copied out.
fn keep<'g, const N: usize>(g: &'g Graph, result: Tensor<'g, f32>, dims: [usize; N]) -> Operation<'g> {
    g.variable(&format!("kept{}", g.len()), ArrayD::<f32>::zeros(dims.to_vec())).assign(result).op()
}
