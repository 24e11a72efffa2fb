//! Graphs of many small ops: a session on all cores beside one with `threads(1)`.
//!
//! What is cheaper alone must not be handed out: the ratio, default over `threads(1)`, should not exceed 1 by more than
//! noise. The last rows are work that does pay.
//!
//! ```text
//! cargo bench --bench small_ops
//! cargo bench --bench small_ops -- --only recurrence --bound 1.05
//! ```

mod turns;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use flowgrad::ndarray::{Array1, Array2};
use flowgrad::prelude::*;
use turns::{Effort, medians, side};

/// Measure graphs of many small ops on all cores beside one.
#[derive(Debug, Parser)]
struct Args {
    /// Only what has this in its name
    #[arg(long, default_value = "")]
    only: String,

    /// Turns of each side
    #[arg(long, default_value_t = 101)]
    turns: usize,

    /// The ratio beyond which a row is an error
    #[arg(long)]
    bound: Option<f64>,

    /// What `cargo bench` says to all benches
    #[arg(long, hide = true)]
    bench: bool,
}

/// A graph's name, and what is run of it.
type Case = (String, fn(&Graph, [usize; 2]) -> Operation<'_>, [usize; 2]);

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for elements in [64, 512, 4096] {
        cases.push((format!("independent 200 x {elements}"), independent, [200, elements]));
        cases.push((format!("apart 200 x {elements}"), apart, [200, elements]));
        cases.push((format!("chained 200 x {elements}"), chained, [200, elements]));
    }
    for hidden in [32, 64] {
        for steps in [20, 200] {
            cases.push((format!("recurrence {steps} x {hidden}"), recurrence, [steps, hidden]));
        }
    }
    for side in [8, 16, 32, 64] {
        cases.push((format!("products apart 100 x {side}"), products_apart, [100, side]));
        cases.push((format!("products chained 100 x {side}"), products_chained, [100, side]));
    }
    cases.push(("layers 8 x 32".to_owned(), layers, [8, 32]));
    cases.push(("layers 8 x 64".to_owned(), layers, [8, 64]));
    cases.push(("pays: independent 8 x 262144".to_owned(), independent, [8, 262_144]));
    cases.push(("pays: products chained in 8 lines x 128".to_owned(), lines, [8, 128]));
    cases
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(worst) if args.bound.is_none_or(|bound| worst <= bound) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Prints the table, and gives the worst ratio.
fn run(args: &Args) -> Result<f64> {
    println!("{:<42} {:<9} {:>12} {:>14} {:>6}", "graph", "plan", "default µs", "threads(1) µs", "ratio");
    let mut worst: f64 = 0.0;
    for (name, build, lengths) in cases().into_iter().filter(|(name, ..)| name.contains(&args.only)) {
        let graph = Graph::new();
        let op = build(&graph, lengths);
        let plan = Session::new(&graph)?.explain(op)?;
        let plan = if plan.contains("\nparallel; arena") { "parallel" } else { "inline" };
        let step = |threads| Session::builder(&graph).threads(threads).build()?.make_callable((), op);
        let [mut ours, mut alone] =
            [step(0)?, step(1)?].map(|step| side(move || step.call(()).expect("a run cannot fail")));
        let effort =
            Effort { turns: args.turns, turn: Duration::from_millis(1), limit: Duration::from_secs(1) };
        let [ours, alone] = medians(&mut ours, &mut alone, &effort);
        println!("{name:<42} {plan:<9} {ours:>12.2} {alone:>14.2} {:>6.2}", ours / alone);
        worst = worst.max(ours / alone);
    }
    println!("\nworst ratio {worst:.2}");
    Ok(worst)
}

fn numbers(length: usize) -> Array1<f32> {
    Array1::from_shape_fn(length, |index| (index as f32 * 0.618_034).fract() - 0.5)
}

fn matrix(rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        ((row * columns + column) as f32 * 0.618_034).fract() * 0.2 - 0.1
    })
}

/// Updates of variables that have nothing in common.
fn independent(g: &Graph, [count, length]: [usize; 2]) -> Operation<'_> {
    let updates = (0..count).map(|index| {
        let v = g.variable(&format!("v{index}"), numbers(length));
        v.assign(v.tanh() * 0.5 + 0.1).op()
    });
    g.group(updates.collect::<Vec<_>>())
}

/// Running sums, which no region takes in, of variables, and their total.
fn apart(g: &Graph, [count, length]: [usize; 2]) -> Operation<'_> {
    let sums = (0..count).map(|index| {
        let v = g.variable(&format!("v{index}"), numbers(length));
        v.cumsum(0).reduce_max(..)
    });
    let total = sums.reduce(|a, b| a + b).expect("there is one");
    g.variable("total", 0.0_f32).assign(total).op()
}

/// Each op waits for the one before.
fn chained(g: &Graph, [count, length]: [usize; 2]) -> Operation<'_> {
    let v = g.variable("v", numbers(length));
    // A sum between two ops keeps them from becoming one pass.
    v.assign((0..count).fold(v.tensor(), |x, _| x * 0.9 - x.reduce_mean(..))).op()
}

/// A step of training an unrolled recurrent net on a batch of 8.
fn recurrence(g: &Graph, [steps, hidden]: [usize; 2]) -> Operation<'_> {
    let w = g.variable("w", matrix(hidden, hidden));
    let u = g.variable("u", matrix(hidden, hidden));
    let x = g.constant(matrix(8, hidden));
    let start = g.constant(Array2::<f32>::zeros((8, hidden)));
    let last = (0..steps).fold(start, |h, _| (h.matmul(w) + x.matmul(u)).tanh());
    let loss = last.square().reduce_mean(..);
    let [dw, du] = loss.gradients([w, u]);
    g.group([w.assign_sub(dw * 0.01).op(), u.assign_sub(du * 0.01).op()])
}

/// Products of variables that have nothing in common.
fn products_apart(g: &Graph, [count, side]: [usize; 2]) -> Operation<'_> {
    let updates = (0..count).map(|index| {
        let v = g.variable(&format!("v{index}"), matrix(side, side));
        v.assign(v.matmul(v)).op()
    });
    g.group(updates.collect::<Vec<_>>())
}

/// Each product waits for the one before.
fn products_chained(g: &Graph, [count, side]: [usize; 2]) -> Operation<'_> {
    let v = g.variable("v", matrix(side, side));
    g.variable("kept", matrix(side, side))
        .assign((0..count).fold(v.tensor(), |product, _| product.matmul(v)))
        .op()
}

/// A few chains of products side by side.
fn lines(g: &Graph, [count, side]: [usize; 2]) -> Operation<'_> {
    let lines = (0..count).map(|index| {
        let v = g.variable(&format!("v{index}"), matrix(side, side));
        let kept = g.variable(&format!("kept{index}"), matrix(side, side));
        kept.assign((0..4).fold(v.tensor(), |product, _| product.matmul(v))).op()
    });
    g.group(lines.collect::<Vec<_>>())
}

/// A step of training a perceptron of many narrow layers on a batch of 32.
fn layers(g: &Graph, [count, width]: [usize; 2]) -> Operation<'_> {
    let kernels: Vec<_> =
        (0..count).map(|layer| g.variable(&format!("kernel{layer}"), matrix(width, width))).collect();
    let x = g.constant(matrix(32, width));
    let last = kernels.iter().fold(x, |h, kernel| h.matmul(*kernel).relu());
    let loss = last.square().reduce_mean(..);
    let tensors: Vec<_> = kernels.iter().map(|kernel| kernel.tensor()).collect();
    let steps = kernels.iter().zip(Gradients::of([loss]).wrt(&tensors));
    let steps = steps.filter_map(|(kernel, gradient)| Some(kernel.assign_sub(gradient? * 0.01).op()));
    g.group(steps.collect::<Vec<_>>())
}
