//! Products of few columns: a step of linear regression, beside eager ndarray, over a grid of sizes.
//!
//! A step is y = X·w, e = y − d, the gradient 2/N·Xᵀ·e of the mean square, and w −= µ·gradient. Ours derives the
//! gradient; X is a constant or is fed. ndarray keeps the memory of what it makes from step to step, and is taken the
//! faster way: `X` times a matrix, or, for a single output, times a vector.
//!
//! ```text
//! cargo bench --bench small_products
//! cargo bench --bench small_products -- --rows 2000 --columns 1,5,13 --outputs 1 --types f64
//! ```
//!
//! Prints the ratio, ours over ndarray's, for every size, and at the end the worst; `--bound` makes a greater one an
//! error.

mod turns;

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use flowgrad::ndarray::linalg::{general_mat_mul, general_mat_vec_mul};
use flowgrad::ndarray::{Array1, Array2, LinalgScalar, ScalarOperand};
use flowgrad::prelude::*;
use turns::{Effort, medians, side};

/// Step size of the descent.
const MU: f64 = 0.01;

/// Measure steps of regression beside eager ndarray over a grid of sizes.
#[derive(Debug, Parser)]
struct Args {
    #[arg(long, value_delimiter = ',', default_values_t = [32, 200, 2_000, 10_000, 100_000])]
    rows: Vec<usize>,

    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 3, 5, 8, 13, 16, 31, 32, 64, 96, 128])]
    columns: Vec<usize>,

    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 3, 4, 8, 16])]
    outputs: Vec<usize>,

    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Type::F64, Type::F32])]
    types: Vec<Type>,

    /// How X comes to the step
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Way::Constant, Way::Fed])]
    ways: Vec<Way>,

    /// Turns of each side
    #[arg(long, default_value_t = 31)]
    turns: usize,

    /// The ratio beyond which a size is an error
    #[arg(long)]
    bound: Option<f64>,

    /// Threads of our session; 0 is one for each core
    #[arg(long, default_value_t = 0)]
    threads: usize,

    /// What `cargo bench` says to all benches
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Type {
    F64,
    F32,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Way {
    Constant,
    Fed,
}

/// A size of the grid.
#[derive(Clone, Copy, Debug)]
struct Size {
    rows: usize,
    columns: usize,
    outputs: usize,
}

/// Numbers that both sides compute with.
trait Number: Float + LinalgScalar + ScalarOperand + std::ops::SubAssign + Display {
    fn of(x: f64) -> Self;
}
impl Number for f64 {
    fn of(x: f64) -> Self {
        x
    }
}
impl Number for f32 {
    fn of(x: f64) -> Self {
        x as f32
    }
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
    let mut worst = (0.0, String::new());
    for &kind in &args.types {
        for &way in &args.ways {
            for &rows in &args.rows {
                println!("\n{kind:?}, X {way:?}, {rows} rows: ours µs, ours/ndarray, by outputs");
                print!("{:>8}", "columns");
                args.outputs.iter().for_each(|outputs| print!("{outputs:>17}"));
                println!();
                for &columns in &args.columns {
                    print!("{columns:>8}");
                    for &outputs in &args.outputs {
                        let size = Size { rows, columns, outputs };
                        let [ours, theirs] = match kind {
                            Type::F64 => measure::<f64>(size, way, args)?,
                            Type::F32 => measure::<f32>(size, way, args)?,
                        };
                        let ratio = ours / theirs;
                        print!("{ours:>11.2} {ratio:>5.2}");
                        if ratio > worst.0 {
                            let name = format!("{kind:?} {way:?} {rows}x{columns}x{outputs}");
                            worst = (ratio, format!("{name}: {ours:.2} µs, ndarray {theirs:.2} µs"));
                        }
                    }
                    println!();
                }
            }
        }
    }
    println!("\nworst ratio {:.2}: {}", worst.0, worst.1);
    Ok(worst.0)
}

/// Microseconds of a step, ours and ndarray's.
fn measure<T: Number>(size: Size, way: Way, args: &Args) -> Result<[f64; 2]> {
    let Size { rows, columns, outputs } = size;
    // Fractions of multiples of irrational numbers: spread evenly, without a pattern.
    let spread = |index: usize, step: f64| T::of((index as f64 * step).fract() - 0.5);
    let x = Array2::from_shape_fn((rows, columns), |(row, column)| {
        spread(row * columns + column, 0.618_033_988_749_895)
    });
    let d = Array2::from_shape_fn((rows, outputs), |(row, column)| {
        spread(row * outputs + column, 0.414_213_562_373_095)
    });

    let graph = Graph::new();
    let fed = graph.placeholder::<T>("x", [Some(rows), Some(columns)]);
    let x_tensor = match way {
        Way::Constant => graph.constant(x.view()),
        Way::Fed => fed,
    };
    let w = graph.variable("w", Array2::<T>::zeros((columns, outputs)));
    let loss = (x_tensor.matmul(w) - graph.constant(d.view())).square().reduce_mean(..);
    let [gradient] = loss.gradients([w]);
    let step = w.assign_sub(gradient * T::of(MU)).op();
    let session = Session::builder(&graph).threads(args.threads).build()?;
    session.run(graph.initializer())?;
    let mut ours = match way {
        Way::Constant => {
            let step = session.make_callable((), step)?;
            side(move || step.call(()).expect("a step cannot fail"))
        }
        Way::Fed => {
            let (step, x) = (session.make_callable((fed,), step)?, x.view());
            side(move || step.call((x,)).expect("a step cannot fail"))
        }
    };

    let mut by_matrix = by_matrix(&x, &d);
    let mut w_matrix = Array2::<T>::zeros((columns, outputs));
    ours(1);
    by_matrix(&mut w_matrix);
    let held = session.run(w)?;
    let scale = w_matrix.iter().fold(T::of(1e-3), |scale, x| if x.abs() > scale { x.abs() } else { scale });
    let tolerance = scale * T::of(if size_of::<T>() == 8 { 1e-9 } else { 1e-3 });
    assert!(
        held.iter().zip(&w_matrix).all(|(a, b)| (*a - *b).abs() <= tolerance),
        "{size:?}: {held} against {w_matrix}"
    );
    let effort =
        Effort { turns: args.turns, turn: Duration::from_micros(500), limit: Duration::from_millis(200) };
    let mut matrix = side(move || by_matrix(&mut w_matrix));
    let by_matrix = medians(&mut ours, &mut matrix, &effort);
    if outputs > 1 {
        return Ok(by_matrix);
    }
    let mut vector = by_vector(&x, &d);
    let by_vector = medians(&mut ours, &mut vector, &effort);
    Ok(if by_matrix[1] < by_vector[1] { by_matrix } else { by_vector })
}

/// A step on matrices.
fn by_matrix<'a, T: Number>(x: &'a Array2<T>, d: &'a Array2<T>) -> impl FnMut(&mut Array2<T>) + 'a {
    let (mut e, mut gradient) = (d.clone(), Array2::zeros((x.ncols(), d.ncols())));
    let factor = T::of(2.0 / d.len() as f64);
    move |w| {
        general_mat_mul(T::one(), x, w, T::zero(), &mut e);
        e -= d;
        general_mat_mul(factor, &x.t(), &e, T::zero(), &mut gradient);
        w.scaled_add(T::of(-MU), &gradient);
    }
}

/// Steps on vectors, for a single output.
fn by_vector<'a, T: Number>(x: &'a Array2<T>, d: &'a Array2<T>) -> turns::Side<'a> {
    let d: Array1<T> = d.iter().copied().collect();
    let mut w = Array1::<T>::zeros(x.ncols());
    let (mut e, mut gradient) = (d.clone(), w.clone());
    let factor = T::of(2.0 / d.len() as f64);
    side(move || {
        general_mat_vec_mul(T::one(), x, &w, T::zero(), &mut e);
        e -= &d;
        general_mat_vec_mul(factor, &x.t(), &e, T::zero(), &mut gradient);
        w.scaled_add(T::of(-MU), &gradient);
    })
}
