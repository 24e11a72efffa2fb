//! What it takes to compile a region to machine code, as it happens in the second run with lengths that may change, against
//! the same run when it is compiled.

use std::time::{Duration, Instant};

use flowgrad::ndarray::{Array1, ArrayD};
use flowgrad::prelude::*;

use super::side::Side;
use super::{Case, CaseError, Work};

/// Elements of the vectors: few, so that a run is next to nothing beside what is compiled for it.
const LENGTH: usize = 16;

/// Regions of the plan.
const REGIONS: usize = 3;

/// What is run: twenty cheap operations, a softmax, and a gradient with a hyperbolic tangent and an exponential.
fn prepared(graph: &Graph) -> Result<Callable<[f32; REGIONS], [ArrayD<f32>; REGIONS]>> {
    let x = ["x", "y", "z"].map(|name| graph.placeholder::<f32>(name, [None]));
    let chain = (0..4).fold(x[0], |z, _| ((z + x[0]) * 0.75).maximum(x[0]) * x[0] + 0.125);
    let [gradient] = (x[2].tanh() * (-x[2].square()).exp()).reduce_sum(..).gradients([x[2]]);
    let session = Session::builder(graph).threads(1).build()?;
    session.make_callable(x, [chain, x[1].softmax(-1), gradient])
}

/// Plans of [`REGIONS`] regions of vectors of different lengths, which are no one region.
pub(crate) fn emit() -> Result<Case, CaseError> {
    let side = |compiles: bool| -> Result<Side, CaseError> {
        let data: [Array1<f32>; REGIONS] =
            std::array::from_fn(|index| Array1::from_elem(LENGTH + index, 0.5));
        let run = move || -> Result<Duration> {
            let graph = Graph::new();
            let run = prepared(&graph)?;
            let fed = || data.each_ref().map(|array| array.view().into_dyn());
            run.call(fed())?;
            if !compiles {
                run.call(fed())?;
            }
            let start = Instant::now();
            run.call(fed())?;
            Ok(start.elapsed())
        };
        // What fails does so the first time.
        run()?;
        Ok(Box::new(move |times| (0..times).map(|_| run().expect("it ran before")).sum()))
    };
    Ok(Case {
        ours: side(true)?,
        reference: side(false)?,
        chosen: "the run alone".to_owned(),
        work: Work::Uncounted,
        units: REGIONS as f64,
    })
}
