//! What it takes to differentiate and plan a long chain, and whether that grows with its length only.

use std::time::{Duration, Instant};

use flowgrad::ndarray::ArrayD;
use flowgrad::prelude::*;

use super::error::same;
use super::{Case, CaseError, Side, Work};

/// Elements of the vectors that the chain is of.
const WIDTH: usize = 16;
/// Largest difference from the chain by hand: some roundings a node.
const TOLERANCE: f64 = 1e-9;

/// A chain of `large` nodes against ones of `small` nodes, as many as there are in the large one together.
pub(crate) fn compile(large: usize, small: usize) -> Result<Case, CaseError> {
    check(small)?;
    Ok(Case {
        ours: side(large, 1),
        reference: side(small, large / small),
        chosen: format!("chains of {small} nodes"),
        work: Work::Uncounted,
        units: large as f64,
    })
}

fn side(nodes: usize, chains: usize) -> Side {
    Box::new(move |times| {
        let one = |_| {
            let graph = Graph::new();
            let chain = Chain::new(&graph, nodes);
            let start = Instant::now();
            let compiled = chain.compile(&graph);
            let taken = start.elapsed();
            drop(compiled);
            taken
        };
        (0..times * chains as u64).map(one).sum::<Duration>()
    })
}

/// A chain of nodes with its operands.
struct Chain<'g> {
    x: Tensor<'g, f64>,
    operands: [Tensor<'g, f64>; 2],
    y: Tensor<'g, f64>,
}

/// What is planned for a chain: its value and its gradient from `x`, `a` and `b`.
type Compiled = Callable<(f64, f64, f64), (ArrayD<f64>, ArrayD<f64>)>;

impl<'g> Chain<'g> {
    /// Repeats `tanh(y)`, `y + a`, `y·b`, `y − a` until there are so many nodes.
    fn new(graph: &'g Graph, nodes: usize) -> Self {
        let [x, a, b] = ["x", "a", "b"].map(|name| graph.placeholder::<f64>(name, [Some(WIDTH)]));
        let y = (0..nodes).fold(x, |y, index| match index % 4 {
            0 => y.tanh(),
            1 => y + a,
            2 => y * b,
            _ => y - a,
        });
        Chain { x, operands: [a, b], y }
    }

    /// Adds the gradient to the graph and plans both: what is timed.
    fn compile(&self, graph: &Graph) -> Result<Compiled> {
        let [gradient] = self.y.gradients([self.x]);
        let [a, b] = self.operands;
        Session::new(graph)?.make_callable((self.x, a, b), (self.y, gradient))
    }
}

/// Makes sure that a compiled chain computes what it should.
fn check(nodes: usize) -> Result<(), CaseError> {
    // Small numbers and factors near 1: neither the values nor the derivatives fade along the chain.
    let [x, a, b] = [(1e-3, 1e-4), (2e-3, 1e-4), (1.0, 1e-6)]
        .map(|(start, step)| ArrayD::from_shape_fn(vec![WIDTH], |index| start + step * index[0] as f64));
    let graph = Graph::new();
    let compiled = Chain::new(&graph, nodes).compile(&graph)?;
    let (y, gradient) = compiled.call((x.view(), a.view(), b.view()))?;

    let by_hand = |column: usize| {
        let (a, b) = (a[column], b[column]);
        (0..nodes).fold((x[column], 1.0), |(y, slope): (f64, f64), index| match index % 4 {
            0 => (y.tanh(), slope * (1.0 - y.tanh().powi(2))),
            1 => (y + a, slope),
            2 => (y * b, slope * b),
            _ => (y - a, slope),
        })
    };
    same("compile, value", "the chain in numbers", y, (0..WIDTH).map(|column| by_hand(column).0), TOLERANCE)?;
    same(
        "compile, gradient",
        "the chain in numbers",
        gradient,
        (0..WIDTH).map(|column| by_hand(column).1),
        TOLERANCE,
    )
}
