//! `cond` and `switch_case`: of several branches one is run.

use super::invalid;
use crate::element::DType;
use crate::error::Fault;
use crate::graph::{
    AnyOperand, AnyTensor, BodyId, BranchBody, BranchRecord, ControlFault, Graph, Positions, Tensors,
};
use crate::ir::{NodeId, TensorId, VariableId};
use crate::shape::TensorType;

/// What branches are handed to, one after the other.
type Build<'b, R> = dyn FnMut(Box<dyn FnOnce() -> R + '_>) + 'b;

/// The branches of a [`switch_case`](Graph::switch_case): closures that build tensors, as a tuple, or as an array where
/// they are of one type; one at least.
#[diagnostic::on_unimplemented(
    message = "`{Self}` are no branches that give `{R}`",
    label = "expected a tuple or an array of closures without arguments",
    note = "closures differ in type, so they make a tuple: `g.switch_case(index, (|| a, || b))`",
    note = "all branches give tensors of the same types: a tensor, or a tuple, an array or a `Vec` of tensors"
)]
pub trait Branches<R> {
    /// Hands on each branch in its turn.
    #[doc(hidden)]
    fn each(self, build: &mut Build<'_, R>);
}

impl<R, F: FnOnce() -> R, const N: usize> Branches<R> for [F; N] {
    fn each(self, build: &mut Build<'_, R>) {
        const { assert!(N > 0, "a `switch_case` has one branch at least") };
        for branch in self {
            build(Box::new(branch));
        }
    }
}

macro_rules! tuples {
    ($(($($branch:ident $position:tt),*))*) => {$(
        impl<R, $($branch: FnOnce() -> R),*> Branches<R> for ($($branch,)*) {
            fn each(self, build: &mut Build<'_, R>) {
                $(build(Box::new(self.$position));)*
            }
        }
    )*};
}
tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}

impl Graph {
    /// What `accepted` gives where the condition, a boolean scalar, holds, and else what `rejected` gives: a tensor, or a
    /// tuple, an array or a `Vec` of tensors, of the same types either way.
    ///
    /// Only the branch that is taken runs, unlike with [`select`](crate::Tensor::select), which computes both and chooses
    /// element by element. The closures build both branches, once; they may use any tensor of the graph. Gradients pass
    /// to what the branch that is taken uses; what only the other branch uses gets zeros. Variables are read as the
    /// conditional sees them. Those that a branch assigns change if the branch is taken, whichever of its results are asked
    /// for, and what is ordered behind the conditional sees the new values; a conditional inside a function or a loop
    /// assigns none.
    ///
    /// # Errors
    /// It is a build error if the condition is no boolean scalar, or if the branches give other types. If lengths that
    /// become known in a run differ, the run fails.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", []);
    /// let y = g.cond(x.greater(0.0), || x * x, || -3.0 * x);
    /// let [dy] = y.gradients([x]);
    /// let session = Session::new(&g)?;
    /// let run = |number: f64| session.feed(x, number).run([y, dy]);
    /// assert_eq!(run(2.0)?.map(|y| y.sum()), [4.0, 4.0]);
    /// assert_eq!(run(-2.0)?.map(|y| y.sum()), [6.0, -3.0]);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn cond<'g, R: Tensors<'g>>(
        &'g self,
        condition: impl AnyOperand<'g>,
        accepted: impl FnOnce() -> R,
        rejected: impl FnOnce() -> R,
    ) -> R {
        let condition = condition.into_any(self, DType::Bool);
        let fault = super::check_condition(condition).err().filter(|_| !condition.is_invalid());
        let (accepted, given) = self.branch("then", accepted);
        let (rejected, other) = self.branch("else", rejected);
        // As an index, a boolean that holds is the last of two.
        self.conditional("cond", condition, fault, vec![(rejected, other), (accepted, given)], 1)
    }

    /// What the branch at an index gives, which is an integer scalar; the last branch stands for all other indices, as in
    /// TensorFlow. The branches are closures, as a tuple, or as an array where they are of one type; for the rest
    /// it is as for [`cond`](Graph::cond).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let (x, kind) = (g.constant(3.0_f64), g.placeholder::<i64>("kind", []));
    /// let y = g.switch_case(kind, (|| x.square(), || x.exp(), || x));
    /// let session = Session::new(&g)?;
    /// let run = |index: i64| session.feed(kind, index).run(y)?.item();
    /// assert_eq!((run(0)?, run(2)?, run(7)?, run(-1)?), (9.0, 3.0, 3.0, 3.0));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`cond`](Graph::cond).
    #[track_caller]
    pub fn switch_case<'g, R: Tensors<'g>>(
        &'g self,
        index: impl AnyOperand<'g>,
        branches: impl Branches<R>,
    ) -> R {
        let index = index.into_any(self, DType::I64);
        let found = TensorType::of(index);
        let is_index = matches!(found.dtype, DType::I32 | DType::I64) && found.shape.rank() == 0;
        let fault = (!is_index && !index.is_invalid()).then(|| Fault::op(ControlFault::Index { found }));
        let index = if is_index { index.cast(DType::I64) } else { index };
        let mut built: Vec<(BodyId, R)> = Vec::new();
        branches.each(&mut |branch| built.push(self.branch("branch", branch)));
        self.conditional("case", index, fault, built, 0)
    }

    /// The body of one branch, and what it gives.
    #[track_caller]
    fn branch<'g, R: Tensors<'g>>(&'g self, name: &str, build: impl FnOnce() -> R) -> (BodyId, R) {
        let body = self.open_branch(self.body_here(), name);
        let given = self.inside(body, build);
        self.close_body(body, given.flat());
        (body, given)
    }

    /// A conditional; the results have the structure of what a branch gives, which is the `first`.
    #[track_caller]
    fn conditional<'g, R: Tensors<'g>>(
        &'g self,
        name: &'static str,
        selector: AnyTensor<'g>,
        fault: Option<Fault>,
        branches: Vec<(BodyId, R)>,
        first: usize,
    ) -> R {
        let like = &branches[first].1;
        let flat: Vec<Vec<AnyTensor<'g>>> = branches.iter().map(|(_, given)| given.flat()).collect();
        let names: Vec<String> = {
            let arena = self.shared().read();
            branches.iter().map(|&(body, _)| arena.body(body).name.clone()).collect()
        };
        let lengths: Vec<Vec<usize>> = branches.iter().map(|(_, given)| given.lengths()).collect();
        let fault = fault.or_else(|| differing(&flat, &lengths, &names, first));
        if let Some(fault) = fault {
            return invalid(self, name, fault, like);
        }
        let mut inputs = Positions::default();
        // Not looked for among what is captured: it is read where the branches are chosen.
        inputs.of(selector);
        let (bodies, results): (Vec<BranchBody>, Vec<Vec<TensorId>>) = branches
            .iter()
            .map(|&(body, _)| {
                let (captures, results) = {
                    let arena = self.shared().read();
                    (arena.body(body).captures.clone(), arena.body(body).results.clone())
                };
                let positions = captures.into_iter().map(|id| inputs.of(self.tie(id))).collect();
                (BranchBody { body, inputs: positions }, results)
            })
            .unzip();
        let written: Vec<(VariableId, NodeId)> = {
            let arena = self.shared().read();
            let written = branches.iter().flat_map(|&(body, _)| arena.assigned_in(body));
            let mut written: Vec<VariableId> = written.collect();
            written.sort_unstable();
            written.dedup();
            let of = |variable: VariableId| (variable, arena.variables[variable.index()].node);
            written.into_iter().map(of).collect()
        };
        let writes = written.into_iter().map(|(variable, node)| (variable, inputs.of(self.tie(node))));
        let writes: Vec<(VariableId, usize)> = writes.collect();
        if flat[first].is_empty() && !writes.is_empty() {
            return invalid(self, name, Fault::op(ControlFault::NoResult), like);
        }
        let outputs =
            (0..flat[first].len()).map(|output| results.iter().map(|of| Some(of[output])).collect());
        let record = BranchRecord {
            branches: bodies,
            outputs: outputs.collect(),
            origin: None,
            draws_as: None,
            writes,
        };
        let mut outputs = self.branch_node(name, record, &inputs.tensors).into_iter();
        // There are as many outputs as results.
        like.map(&mut |result| outputs.next().unwrap_or(result))
    }
}

/// What is wrong with the results of branches, if they are not alike.
fn differing(
    flat: &[Vec<AnyTensor<'_>>],
    lengths: &[Vec<usize>],
    names: &[String],
    first: usize,
) -> Option<Fault> {
    let expected = &flat[first];
    for (branch, given) in flat.iter().enumerate() {
        if lengths[branch] != lengths[first] {
            let (expected, found) = (lengths[first].clone(), lengths[branch].clone());
            return Some(Fault::op(ControlFault::Lists { expected, found }));
        }
        if given.len() != expected.len() {
            let of = "another branch gives";
            let (expected, found) = (expected.len(), given.len());
            return Some(Fault::op(ControlFault::Structure { expected, found, of }));
        }
        for (result, (expected, found)) in expected.iter().zip(given).enumerate() {
            if expected.is_invalid() || found.is_invalid() {
                // It says so itself.
                continue;
            }
            let [expected, found] = [TensorType::of(*expected), TensorType::of(*found)];
            if expected.dtype != found.dtype || !found.shape.agrees_with(&expected.shape) {
                let [branch, first] = [branch, first].map(|index| names[index].clone());
                return Some(Fault::op(ControlFault::Branch { branch, first, result, expected, found }));
            }
        }
    }
    None
}
