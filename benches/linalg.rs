//! Factorizations with the gradient of a weighted sum of all that they give: one matrix of 256×256, and 1,000 of 8×8.
//!
//! By itself it prints a line for each case, at one thread and at all. With `--serve` it reads a case from each line of
//! its input and answers with the nanoseconds of a call, so `benches/peers/linalg.py` can take turns with it.

use std::io::{self, BufRead, Write};
use std::time::{Duration, Instant};

use clap::Parser;
use flowgrad::linalg;
use flowgrad::ndarray::{ArrayD, IxDyn};
use flowgrad::prelude::*;

/// Measure factorizations with their gradients.
#[derive(Debug, Parser)]
struct Args {
    /// Only cases that have this in their names
    #[arg(default_value = "")]
    only: String,

    /// Answer to cases on the standard input
    #[arg(long)]
    serve: bool,

    /// Threads of the sessions that serve; 0 is one for each core
    #[arg(long, default_value_t = 0)]
    threads: usize,

    /// Print what each step of one call takes instead
    #[arg(long)]
    trace: bool,

    /// What `cargo bench` says to all benches
    #[arg(long, hide = true)]
    bench: bool,
}

type Matrices<'g> = Tensor<'g, f64>;

/// The matrices of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Any,
    PositiveDefinite,
}

/// A case: its name, its input, and what it makes of that.
type Case = (&'static str, Input, for<'g> fn(Matrices<'g>) -> Vec<Matrices<'g>>);

#[rustfmt::skip]
const CASES: [Case; 7] = [
    ("cholesky",   Input::PositiveDefinite, |a| vec![linalg::cholesky(a)]),
    ("lu",         Input::Any,              |a| vec![linalg::lu(a).0]),
    ("solve",      Input::Any,              |a| vec![linalg::solve(a, numbers(a, 1, 1.0))]),
    ("solve_many", Input::Any,              |a| vec![linalg::solve(a, numbers(a, 0, 1.0))]),
    ("qr",         Input::Any,              |a| { let (q, r) = linalg::qr(a); vec![q, r] }),
    ("eigh",       Input::Any,              |a| { let (w, v) = linalg::eigh(a); vec![w, v] }),
    ("svd",        Input::Any,              |a| { let (u, s, vt) = linalg::svd(a); vec![u, s, vt] }),
];

const SHAPES: [(&str, &[usize]); 2] = [("large", &[256, 256]), ("small", &[1000, 8, 8])];

/// As many rows as the matrices have, and this many columns; as many as they have for 0.
fn numbers(like: Matrices<'_>, columns: usize, step: f64) -> Matrices<'_> {
    let mut shape = like.shape().known().unwrap_or_default();
    if let (Some(last), 1..) = (shape.last_mut(), columns) {
        *last = columns;
    }
    like.graph().constant(sines(&shape, step))
}

/// Numbers that look random and are the same in any language: element k is sin(step·k²).
fn sines(shape: &[usize], step: f64) -> ArrayD<f64> {
    let mut k = 0.0;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        k += 1.0;
        f64::sin(step * k * k)
    })
}

fn input(kind: Input, shape: &[usize]) -> Result<ArrayD<f64>> {
    let g = Graph::new();
    let a = g.constant(sines(shape, 1.0));
    let order = shape[shape.len() - 1];
    let session = Session::new(&g)?;
    match kind {
        Input::Any => session.run(a),
        Input::PositiveDefinite => {
            let eye = g.constant(flowgrad::ndarray::Array2::<f64>::eye(order));
            session.run(a.matmul_transposed(a, false, true) / order as f64 + eye)
        }
    }
}

/// A call that gives a weighted sum of all that a case gives, and its gradient.
fn measured<R>(
    (_, kind, of): Case,
    shape: &[usize],
    threads: usize,
    trace: bool,
    measure: impl FnOnce(&mut dyn FnMut()) -> R,
) -> Result<R> {
    let g = Graph::new();
    let a = g.placeholder::<f64>("a", shape);
    let parts = of(a).into_iter().enumerate();
    let loss: Matrices<'_> = parts
        .map(|(index, part)| {
            let shape = part.shape().known().unwrap_or_default();
            (part * g.constant(sines(&shape, 2.0 + index as f64))).reduce_sum(..)
        })
        .sum();
    let [gradient] = loss.gradients([a]);
    let session = Session::builder(&g).threads(threads).build()?;
    let call = session.make_callable(a, (loss, gradient))?;
    let fed = input(kind, shape)?;
    call.call(&fed)?;
    if trace {
        call.call(&fed)?;
        println!("{}", call.call_traced(&fed)?.1);
    }
    Ok(measure(&mut || {
        std::hint::black_box(call.call(&fed).expect("the call has succeeded before"));
    }))
}

/// The time of the fastest call in a turn, which other work on the machine disturbs least.
fn nanoseconds(call: &mut dyn FnMut(), turn: Duration) -> f64 {
    let start = Instant::now();
    let mut fastest = f64::INFINITY;
    while fastest.is_infinite() || start.elapsed() < turn {
        let begin = Instant::now();
        call();
        fastest = fastest.min(begin.elapsed().as_nanos() as f64);
    }
    fastest
}

fn find(name: &str) -> Option<(Case, &'static [usize])> {
    let (case, size) = name.split_once('/')?;
    let shape = SHAPES.iter().find(|(known, _)| *known == size)?.1;
    CASES.iter().find(|(known, ..)| *known == case).map(|&case| (case, shape))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let turn = Duration::from_millis(200);
    if args.serve {
        for line in io::stdin().lock().lines() {
            let line = line?;
            let (case, shape) = find(line.trim()).expect("a case that there is");
            let time = measured(case, shape, args.threads, false, |call| nanoseconds(call, turn))?;
            println!("{time}");
            io::stdout().flush()?;
        }
        return Ok(());
    }
    println!("{:20} {:>14} {:>14}", "", "one thread, us", "all, us");
    for (size, shape) in SHAPES {
        for case in CASES {
            let name = format!("{}/{size}", case.0);
            if !name.contains(&args.only) {
                continue;
            }
            if args.trace {
                println!("{name}");
                measured(case, shape, args.threads, true, |_| ())?;
                continue;
            }
            let of = |threads| measured(case, shape, threads, false, |call| nanoseconds(call, turn));
            println!("{name:20} {:14.1} {:14.1}", of(1)? / 1e3, of(0)? / 1e3);
        }
    }
    Ok(())
}
