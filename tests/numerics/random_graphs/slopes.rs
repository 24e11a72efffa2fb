//! Gradients against central differences.
//!
//! A difference is taken at two distances, h and h/2, and both are joined so that the error in h² falls out. How
//! far the two are from each other tells how far the graph is from a straight line there: by so much, and by
//! [`TOLERANCE`], a gradient may differ.

use flowgrad::ndarray::ArrayD;
use flowgrad::prelude::*;

use super::build::{Build, Variant};
use super::case::{Case, Layout, Source, Stored};
use super::check::Fresh;
use super::trace::{Fed, Trace};

const STEP: f64 = 1.0 / 1024.0;

/// Largest difference, as a part of the largest slope of the graph, or of 1.
const TOLERANCE: f64 = 1e-5;

/// Elements of a leaf that are tried.
const MOST_ELEMENTS: usize = 8;

/// The gradient of the loss by each leaf that it depends on.
pub(crate) fn check_first(case: &Case) -> Result<(), String> {
    check(case, |loss, _| loss)
}

/// The gradient of the sum of the squares of its gradients.
pub(crate) fn check_second(case: &Case) -> Result<(), String> {
    check(case, |loss, leaves| {
        let gradients = Gradients::of([loss]).wrt(leaves).into_iter().flatten();
        let squares = gradients.map(|gradient| (gradient * gradient).reduce_sum(..));
        squares.reduce(|a, b| a + b).unwrap_or(loss)
    })
}

fn check(
    case: &Case,
    of: for<'g> fn(Tensor<'g, f64>, &[Tensor<'g, f64>]) -> Tensor<'g, f64>,
) -> Result<(), String> {
    let trace = Trace::of(case)?;
    let graph = Graph::with_seed(4);
    let build = trace.build(&graph, case, Variant { unknown: true, noise: 0.0 });
    let Some(loss) = build.loss() else { return Ok(()) };
    let leaves: Vec<Tensor<'_, f64>> = build.float_leaves().into_iter().map(|(_, leaf)| leaf).collect();
    let value = of(loss, &leaves);
    compare(case, &build, value, &leaves).map_err(|error| format!("{error}\n{graph}"))
}

fn compare<'g>(
    case: &Case,
    build: &Build<'g>,
    value: Tensor<'g, f64>,
    leaves: &[Tensor<'g, f64>],
) -> Result<(), String> {
    let text = |error: Error| error.to_string();
    let gradients = Gradients::of([value]).wrt(leaves);
    let found: Vec<Tensor<'g, f64>> = gradients.iter().flatten().copied().collect();
    let session = Fresh::new(build.graph, 1, true).map_err(text)?;
    let fed = Fed::of(case, false);
    let found = fed.feed(session.reset().map_err(text)?, build).run(found).map_err(text)?;
    let slopes = found.iter().flatten().filter(|slope| slope.is_finite());
    let largest = slopes.fold(1.0, |most: f64, slope| most.max(slope.abs()));

    let mut found = found.into_iter();
    let origins = case.leaves.iter().filter(|leaf| leaf.source.is_float());
    for (place, (origin, gradient)) in origins.zip(&gradients).enumerate() {
        // Without a path there is no slope.
        let found = match gradient {
            Some(_) => found.next().unwrap_or_default(),
            None => ArrayD::zeros(origin.lengths.clone()),
        };
        let at = origin.floats();
        let every = at.len().div_ceil(MOST_ELEMENTS).max(1);
        for element in (0..at.len()).step_by(every) {
            let moved = |by: f64| -> Result<f64, String> {
                let mut array = at.clone();
                array.iter_mut().nth(element).into_iter().for_each(|x| *x += by);
                let leaf = leaves[place];
                let mut fed = Fed::of(case, false);
                let feeding = match origin.source {
                    Source::Fed => {
                        // The fed leaves come first.
                        fed.floats[place] = Stored::of(&array, Layout::Rows);
                        fed.feed(session.reset().map_err(text)?, build)
                    }
                    Source::Variable => {
                        let start = (leaf.name(), Value::from(array.clone()));
                        fed.feed(session.with([start]).map_err(text)?, build)
                    }
                    _ => fed.feed(session.reset().map_err(text)?, build).feed(leaf, &array),
                };
                Ok(feeding.run(value).map_err(text)?.sum())
            };
            let slope = |h: f64| Ok::<f64, String>((moved(h)? - moved(-h)?) / (2.0 * h));
            let (wide, narrow) = (slope(STEP)?, slope(STEP / 2.0)?);
            let expected = (4.0 * narrow - wide) / 3.0;
            let found = found.iter().nth(element).copied().unwrap_or(f64::NAN);
            let is_close = (found - expected).abs() <= TOLERANCE * largest + (expected - narrow).abs();
            if !is_close {
                return Err(format!(
                    "the gradient of {} by {} at {element} is {found:e}, but differences are {wide:e} and {narrow:e}",
                    value.name(),
                    leaves[place].name()
                ));
            }
        }
    }
    Ok(())
}
