//! Single matrix products on two threads, against the best that matrixmultiply reaches here on two threads, and
//! against loops for a matrix of few columns.

use flowgrad::ndarray::{Array2, ArrayView2};
use flowgrad::prelude::*;

use super::error::same;
use super::reference::gemm;
use super::reference::isa::Isa;
use super::reference::skinny::{MOST_COLUMNS, skinny};
use super::side::{fastest, timed};
use super::{Case, CaseError, Side, Work, on_two_threads};

/// Largest difference from ndarray's product.
const TOLERANCE: f64 = 1e-4;

/// A product of an m×k and a k×n matrix, of which either may lie transposed in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    pub(crate) m: usize,
    pub(crate) k: usize,
    pub(crate) n: usize,
    pub(crate) a_transposed: bool,
    pub(crate) b_transposed: bool,
}

/// The product of two variables, kept in a third.
pub(crate) fn matmul(product: Product) -> Result<Case, CaseError> {
    let Product { m, k, n, a_transposed, b_transposed } = product;
    let stored = |rows: usize, columns: usize, transposed: bool, step: f64| {
        let dims = if transposed { (columns, rows) } else { (rows, columns) };
        Array2::from_shape_fn(dims, |(row, column)| {
            (2.0 * ((row * dims.1 + column) as f64 * step).fract() - 1.0) as f32
        })
    };
    let a = stored(m, k, a_transposed, 0.618_033_988_749_895);
    let b = stored(k, n, b_transposed, 0.414_213_562_373_095);

    let graph = Graph::new();
    let factor = |name, matrix: &Array2<f32>, transposed: bool| {
        let variable = graph.variable(name, matrix.view());
        if transposed { variable.transpose() } else { variable.tensor() }
    };
    let c = factor("a", &a, a_transposed).matmul(factor("b", &b, b_transposed));
    let kept = graph.variable("c", Array2::<f32>::zeros((m, n)));
    let session = on_two_threads(&graph)?;
    session.run(graph.initializer())?;
    let step = session.make_callable((), kept.assign(c).op())?;
    step.call(())?;
    let ours = session.run(kept)?;

    let a = if a_transposed { a.t() } else { a.view() };
    let b = if b_transposed { b.t() } else { b.view() };
    same("matmul", "ndarray", ours.iter().copied(), a.dot(&b).iter().copied(), TOLERANCE)?;
    let mut candidates = by_matrixmultiply(a, b)?;
    candidates.extend(by_loops(a, b)?);
    let (chosen, reference) = fastest(candidates);
    Ok(Case {
        ours: timed(move || step.call(())),
        reference,
        chosen,
        work: Work::Flops(2.0 * (m * k * n) as f64),
        units: 1.0,
    })
}

/// Every way to compute a product with matrixmultiply on up to two threads, all of them checked.
pub(super) fn by_matrixmultiply(
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
) -> Result<Vec<(String, Side)>, CaseError> {
    let product = a.dot(&b);
    let checked = gemm::candidates(a, b).into_iter().map(|mut candidate| {
        (candidate.run)();
        let result = candidate.result(a.nrows(), b.ncols());
        same("product", &candidate.name, result.iter().copied(), product.iter().copied(), TOLERANCE)?;
        Ok((candidate.name, timed(candidate.run)))
    });
    checked.collect()
}

/// The loops for a second factor of few columns, if it is that and both lie in row-major order.
fn by_loops(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Result<Vec<(String, Side)>, CaseError> {
    let (Some(a_elements), Some(b_elements)) = (a.as_slice(), b.as_slice()) else { return Ok(Vec::new()) };
    let (inner, columns) = (a.ncols(), b.ncols());
    if columns > MOST_COLUMNS {
        return Ok(Vec::new());
    }
    let product = a.dot(&b);
    let checked = Isa::available().into_iter().map(|isa| {
        let (a, b, mut c) = (a_elements.to_vec(), b_elements.to_vec(), vec![0.0; product.len()]);
        skinny(isa, &a, &b, &mut c, inner, columns);
        let name = format!("a loop for few columns, {}", isa.name());
        same("product", &name, c.iter().copied(), product.iter().copied(), TOLERANCE)?;
        Ok((name, timed(move || skinny(isa, &a, &b, &mut c, inner, columns))))
    });
    checked.collect()
}
