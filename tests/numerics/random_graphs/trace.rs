//! A case built with all lengths known and run step by step, to measure each result.

use flowgrad::Feeding;
use flowgrad::ndarray::ArrayD;
use flowgrad::prelude::*;

use super::build::{Build, Made, Measured, Variant};
use super::case::{Case, Layout, Leaf, Source, Stored};

/// Results of more elements are not used.
const MOST_ELEMENTS: usize = 40_000;

/// What a case's placeholders are fed.
pub(crate) struct Fed {
    pub(crate) floats: Vec<Stored<f64>>,
    pub(crate) ints: Vec<Stored<i64>>,
    pub(crate) bools: Vec<Stored<bool>>,
}

impl Fed {
    /// Arrays in the order in memory that the case says, or row by row.
    pub(crate) fn of(case: &Case, as_stored: bool) -> Self {
        let layout = |leaf: &Leaf| if as_stored { leaf.layout } else { Layout::Rows };
        let leaves = |source| case.leaves.iter().filter(move |leaf| leaf.source == source);
        Fed {
            floats: leaves(Source::Fed).map(|leaf| Stored::of(&leaf.floats(), layout(leaf))).collect(),
            ints: leaves(Source::FedInt).map(|leaf| Stored::of(&leaf.ints(), layout(leaf))).collect(),
            bools: leaves(Source::FedBool).map(|leaf| Stored::of(&leaf.bools(), layout(leaf))).collect(),
        }
    }

    /// A run that is fed.
    pub(crate) fn feed<'s, 'g, 'v>(&'v self, session: &'s Session, build: &Build<'g>) -> Feeding<'s, 'g, 'v> {
        // The first leaf is fed, so there is a run to begin with.
        let mut feeding = session.feed(build.fed[0], self.floats[0].view());
        for (tensor, stored) in build.fed.iter().zip(&self.floats).skip(1) {
            feeding = feeding.feed(*tensor, stored.view());
        }
        for (tensor, stored) in build.fed_ints.iter().zip(&self.ints) {
            feeding = feeding.feed(*tensor, stored.view());
        }
        for (tensor, stored) in build.fed_bools.iter().zip(&self.bools) {
            feeding = feeding.feed(*tensor, stored.view());
        }
        feeding
    }
}

/// What was measured of each item, in their order.
#[derive(Debug)]
pub(crate) struct Trace(pub(crate) Vec<Option<Measured>>);

impl Trace {
    /// The measures of a case, or why a step could not be run, with the graph.
    pub(crate) fn of(case: &Case) -> Result<Self, String> {
        let graph = Graph::with_seed(4);
        let fed = Fed::of(case, false);
        let (mut found, mut failed) = (Vec::new(), None);
        Build::new(&graph, case, Variant::default(), &mut |build, made| {
            let measured = measure(build, made, &fed).unwrap_or_else(|error| {
                failed.get_or_insert(error.to_string());
                None
            });
            found.push(measured.clone());
            measured
        });
        match failed {
            None => Ok(Trace(found)),
            Some(error) => Err(format!("step by step: {error}\n{graph}")),
        }
    }

    /// The graph of a case again, in a variant.
    pub(crate) fn build<'g>(&self, graph: &'g Graph, case: &Case, variant: Variant) -> Build<'g> {
        let mut measured = self.0.iter();
        Build::new(graph, case, variant, &mut |_, _| measured.next()?.clone())
    }
}

fn measure<'g>(build: &Build<'g>, made: Made<'g>, fed: &Fed) -> Result<Option<Measured>> {
    let elements = made.shape().dims().iter().map(|length| length.unwrap_or(1)).product::<usize>();
    if elements > MOST_ELEMENTS {
        return Ok(None);
    }
    // Each with variables at their starts, and the first random numbers.
    let session = Session::builder(build.graph).threads(1).optimize(false).build()?;
    let feeding = fed.feed(&session, build);
    Ok(Some(match made {
        Made::Float(tensor) => of_floats(&feeding.run(tensor)?),
        Made::Int(tensor) => of_floats(&feeding.run(tensor)?.mapv(|x| x as f64)),
        Made::Bool(tensor) => of_floats(&feeding.run(tensor)?.mapv(|x| f64::from(u8::from(x)))),
    }))
}

fn of_floats(array: &ArrayD<f64>) -> Measured {
    let is_dyadic = |x: &f64| {
        let scaled = x * 2.0_f64.powi(20);
        scaled.fract() == 0.0 && x.abs() < 2.0_f64.powi(20)
    };
    Measured {
        dims: array.shape().to_vec(),
        largest: array.iter().fold(0.0, |most, x| most.max(x.abs())),
        finite: array.iter().all(|x| x.is_finite()),
        dyadic: array.iter().all(is_dyadic),
    }
}
