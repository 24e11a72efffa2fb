//! Poisson regression on a CSV file: how many visits a park has, by temperature and weather. The gradient is checked
//! against the one derived by hand, and the fitted model is saved for programs that have no code of it.
//!
//! ```text
//! cargo run --release --example poisson
//! ```

#[allow(dead_code, reason = "each example uses its part")]
mod common;

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Parser;
use common::curves::{Curve, Panel};
use common::{Result, curves, parsed};
use flowgrad::ndarray::{Array2, array};
use flowgrad::prelude::*;
use flowgrad::testing::GradientCheck;

/// Fit a Poisson regression to a CSV file
#[derive(Parser)]
struct Args {
    /// Draw the data and the fit, as SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// Full-batch steps of Adam; the loss is convex, and the weights stand still long before.
const STEPS: usize = 4000;

fn main() -> Result<()> {
    let args: Args = parsed();
    let mut out = io::stdout().lock();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/visits.csv");
    // One column for each kind of weather, each of which is a constant of its own: no other is needed.
    let csv = Csv::new().header().one_hot("weather");
    let (visits, columns) = csv.dataset::<f64, f64>(path, "visits (a day)")?;
    // Tens of degrees, so that all weights are of one size.
    let scaled = |measures: &Array2<f64>| measures * &array![0.1, 1.0, 1.0, 1.0];
    let measures = scaled(&visits.inputs().clone().into_dimensionality()?);

    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(4)]);
    let counts = g.placeholder::<f64>("counts", [None]);
    let w = g.variable("w", zeros([4]));
    // The expected count is exp(x·w); this is its negative log-likelihood but for ln(count!).
    let log_rate = x.matmul(w);
    let rate = log_rate.exp();
    let loss = (rate - counts * log_rate).reduce_mean(..);

    let rows = x.dim(0).tensor(&g).cast::<f64>();
    let by_hand = x.transpose().matmul(rate - counts) / rows;
    let check = GradientCheck::of(&g, loss).feed(x, &measures).feed(counts, visits.targets());
    let report = check.against(&[(w, by_hand)])?;
    writeln!(out, "{report}\n")?;
    if report.largest() > 1e-12 {
        return Err(format!("the gradient by hand is off by {:.1e}", report.largest()).into());
    }

    let session = Session::new(&g)?;
    let step = session.make_callable((x, counts), (loss, Adam::new(0.01).minimize(loss)))?;
    let mut last = f64::INFINITY;
    for _ in 0..STEPS {
        last = step.call((&measures, visits.targets()))?.0.item()?;
    }
    writeln!(out, "loss {last:.4} after {STEPS} steps; a visit more or less goes by the factor exp(w):")?;
    for (name, w) in columns.names().iter().zip(session.run(w)?) {
        writeln!(out, "{name:18} {w:7.3}")?;
    }

    let path = env::temp_dir().join(format!("visits-{}.fgm", std::process::id()));
    session.freeze(&[x.any()], &[rate.any()])?.save(&path)?;
    // What another program does, which has only the file.
    let model = Frozen::load(&path)?;
    std::fs::remove_file(&path)?;
    let sunny_and_warm = scaled(&array![[25.0, 0.0, 0.0, 1.0]]);
    let [expected] = &model.call(&[sunny_and_warm])?[..] else { return Err("one output".into()) };
    writeln!(out, "expected visits of a sunny day of 25 degrees: {:.2}", expected.item::<f64>()?)?;

    let Some(path) = &args.plot else { return Ok(()) };
    let rates = session.feed(x, &measures).run(rate)?;
    let mut kinds = Vec::new();
    for (kind, name) in columns.names().iter().enumerate().skip(1) {
        let of_kind = visits.inputs().outer_iter().zip(visits.targets()).zip(&rates);
        let of_kind = of_kind.filter(|((row, _), _)| row[kind] == 1.0);
        let mut days: Vec<_> = of_kind.map(|((row, &count), &rate)| (row[0], count, rate)).collect();
        days.sort_by(|a, b| a.0.total_cmp(&b.0));
        let dots = days.iter().map(|&(degrees, count, _)| (degrees, count)).collect();
        kinds.push(Curve { dots, ..Curve::of(name, days.iter().map(|&(degrees, _, rate)| (degrees, rate))) });
    }
    let axes = [&columns.names()[0], "visits (a day)"];
    curves::save(path, &[Panel::new("counts, and the fitted rates", axes, false, kinds)])
}
