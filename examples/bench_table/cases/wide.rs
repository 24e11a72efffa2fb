//! Independent chains of matrix products: two threads against one.

use flowgrad::ndarray::Array2;
use flowgrad::prelude::*;

use super::error::same;
use super::side::timed;
use super::{Case, CaseError, Work, on_two_threads};

/// Products in a chain.
const LENGTH: usize = 4;
/// Largest difference from ndarray's products.
const TOLERANCE: f64 = 1e-4;

/// `chains` independent chains of four products of square matrices, by a session on two threads and by one with
/// `threads(1)`.
pub(crate) fn wide_graph(chains: usize, side: usize) -> Result<Case, CaseError> {
    let spread = |chain: usize, step: f64, scale: f64| {
        Array2::from_shape_fn((side, side), |(row, column)| {
            let index = (chain * side + row) * side + column;
            (scale * (2.0 * (index as f64 * step).fract() - 1.0)) as f32
        })
    };
    // The second factor of a product keeps the magnitude of the first.
    let scale = (3.0 / side as f64).sqrt();
    let starts: Vec<_> = (0..chains).map(|chain| spread(chain, 0.618_033_988_749_895, 1.0)).collect();
    let factors: Vec<_> = (0..chains).map(|chain| spread(chain, 0.414_213_562_373_095, scale)).collect();

    let graph = Graph::new();
    let kept: Vec<_> = (0..chains)
        .map(|chain| {
            let start = graph.variable(&format!("start_{chain}"), starts[chain].view());
            let factor = graph.variable(&format!("factor_{chain}"), factors[chain].view());
            let product = (0..LENGTH).fold(start.tensor(), |product, _| product.matmul(factor));
            let kept = graph.variable(&format!("product_{chain}"), Array2::<f32>::zeros((side, side)));
            (kept, kept.assign(product).op())
        })
        .collect();
    let all = graph.group(kept.iter().map(|&(_, assign)| assign));
    let products: Vec<_> = kept.iter().map(|&(kept, _)| kept).collect();
    let run = |session: Session| -> Result<_> {
        session.run(graph.initializer())?;
        let step = session.make_callable((), all)?;
        step.call(())?;
        let products: Vec<_> = session.run(products.clone())?;
        Ok((step, products))
    };
    let (two, by_two) = run(on_two_threads(&graph)?)?;
    let (one, by_one) = run(Session::builder(&graph).threads(1).build()?)?;
    for chain in 0..chains {
        let (ours, reference) = (by_two[chain].iter().copied(), by_one[chain].iter().copied());
        same("wide_graph, two threads", "one thread", ours.clone(), reference, 0.0)?;
        let product = (0..LENGTH).fold(starts[chain].clone(), |product, _| product.dot(&factors[chain]));
        same("wide_graph", "ndarray", ours, product.iter().copied(), TOLERANCE)?;
    }
    Ok(Case {
        ours: timed(move || two.call(())),
        reference: timed(move || one.call(())),
        chosen: "threads(1)".to_owned(),
        work: Work::Flops((chains * LENGTH * 2) as f64 * (side as f64).powi(3)),
        units: 1.0,
    })
}
