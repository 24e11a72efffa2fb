//! [`global_step`]: how many steps of training a session has done.

use crate::{DType, Graph, Variable};

const NAME: &str = "global_step";

/// The variable that counts the steps of training from 0, which every graph has one of: each run of an optimizer's
/// operation adds 1 to it, and schedules are functions of it.
///
/// It is made where it is first asked for, and is not trainable. Inside a name scope it stands in the scope, and is
/// found from everywhere.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let w = g.variable("w", 1.0_f64);
/// let train = Sgd::new(0.1).minimize(w.square());
/// let session = Session::new(&g)?;
/// session.run(train)?;
/// session.run(train)?;
/// assert_eq!(session.run(global_step(&g))?.sum(), 2);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[track_caller]
pub fn global_step(g: &Graph) -> Variable<'_, i64> {
    match g.find_variable(NAME).or_else(|| in_a_scope(g)) {
        Some(step) => step,
        None => g.non_trainable_variable(NAME, 0),
    }
}

/// The step that was made inside a name scope, if one was.
fn in_a_scope(g: &Graph) -> Option<Variable<'_, i64>> {
    let is_step = |name: &str| name.rsplit_once('/').is_some_and(|(_, last)| last == NAME);
    let nodes = g.nodes().into_iter();
    let mut steps = nodes.filter(|node| node.outputs[0].dtype == DType::I64 && is_step(&node.name));
    steps.find_map(|node| g.find_variable(&node.name))
}
