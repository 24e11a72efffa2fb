//! Reverse-mode differentiation as a pass from graph to graph.
//!
//! Takes tensors to differentiate and targets; gives, for each target, a tensor of the same graph
//! that is the derivative of their sum. It knows no op: it asks each node's op for the cotangents
//! of its inputs, and itself
//!
//! 1. marks the nodes between targets and results, through edges that a gradient can pass,
//! 2. walks them backwards, adding up the cotangents that reach a node, and
//! 3. sums a cotangent back to its source's shape where the op broadcast it: the only place that does.
//!
//! Gradients are ordinary nodes: they can be fetched, fed, optimised and differentiated again.

use std::collections::HashMap;
use std::panic::Location;

use smallvec::SmallVec;

use crate::dtype::Float;
use crate::error::{Mistake, NoGradient};
use crate::graph::{AnyTensor, Arena, Graph, Node, NodeId, Role, Tensor, Walk};
use crate::ops::{BroadcastLike, ExpectShape, Identity, Scaled, SumLike};

/// What an op sees of its node while the sweep passes it: the node's inputs, its output, and the cotangent, the
/// gradient of the result by the output.
#[derive(Debug)]
pub struct Pullback<'g> {
    output: AnyTensor<'g>,
    cotangent: AnyTensor<'g>,
    /// The inputs' values as the node sees them.
    inputs: PerInput<AnyTensor<'g>>,
    /// The inputs themselves, to which cotangents go.
    sources: PerInput<AnyTensor<'g>>,
    wanted: PerInput<bool>,
    /// Whether the cotangent may be 0 at elements that were not taken, whose slopes must not matter.
    masked: bool,
    given: PerInput<(NodeId, AnyTensor<'g>)>,
}

/// One of something for each input of a node; few ops take more than three.
type PerInput<T> = SmallVec<[T; 3]>;

impl<'g> Pullback<'g> {
    /// The node's own value.
    pub fn output(&self) -> AnyTensor<'g> {
        self.output
    }

    /// The value of an input.
    pub fn input(&self, index: usize) -> AnyTensor<'g> {
        self.inputs[index]
    }

    /// The values of all inputs.
    pub fn inputs(&self) -> &[AnyTensor<'g>] {
        &self.inputs
    }

    /// Gives an input the cotangent times the op's slope there, for elementwise ops. Below a `select` it is 0 where
    /// the cotangent is, whatever the slope.
    pub fn scale<S: Into<AnyTensor<'g>>>(&mut self, input: usize, slope: impl FnOnce() -> S) {
        let masked = self.masked;
        self.give(input, |dy| {
            let slope = slope().into();
            if masked { dy.binary(Scaled, slope) } else { dy * slope }
        });
    }

    /// Gives an input the cotangent over the reciprocal of the op's slope there, for elementwise ops.
    pub fn divide<S: Into<AnyTensor<'g>>>(&mut self, input: usize, divisor: impl FnOnce() -> S) {
        let masked = self.masked;
        self.give(input, |dy| {
            let divisor = divisor().into();
            if masked { dy.binary(Scaled, divisor.scalar_like(1.0) / divisor) } else { dy / divisor }
        });
    }

    /// Gives an input its share of the cotangent; nothing is built for an input that needs none.
    pub fn give<S: Into<AnyTensor<'g>>>(&mut self, input: usize, share: impl FnOnce(AnyTensor<'g>) -> S) {
        if self.wanted.get(input) == Some(&true) {
            let source = self.sources[input];
            let share = summed_to(share(self.cotangent).into(), source);
            self.given.push((source.id(), share));
        }
    }
}

/// The cotangent in the shape of the tensor it belongs to.
fn summed_to<'g>(cotangent: AnyTensor<'g>, source: AnyTensor<'g>) -> AnyTensor<'g> {
    let (from, to) = (cotangent.shape(), source.shape());
    if from == to && to.is_known() { cotangent } else { cotangent.binary(SumLike, source) }
}

/// A request for gradients with all its options.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let a = g.constant(2.0_f64);
/// let b = a * 3.0;
/// let unused = g.constant(1.0_f64);
/// let grads = Gradients::of([b.square()]).grad_ys([g.constant(10.0)]).wrt(&[a, b, unused]);
/// assert!(grads[2].is_none());
/// let [da, db] = [grads[0].unwrap(), grads[1].unwrap()];
/// let [da, db] = Session::new(&g)?.run([da, db])?;
/// assert_eq!((da.sum(), db.sum()), (360.0, 120.0));
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request for gradients gives them when `wrt` names the targets"]
pub struct Gradients<'g, T = f32> {
    ys: Vec<Tensor<'g, T>>,
    grad_ys: Option<Vec<Tensor<'g, T>>>,
    stops: Vec<AnyTensor<'g>>,
}

impl<'g, T: Float> Gradients<'g, T> {
    /// Gradients of the sum of all elements of all these tensors.
    pub fn of<Y: Into<Tensor<'g, T>>>(ys: impl IntoIterator<Item = Y>) -> Self {
        Gradients { ys: ys.into_iter().map(Into::into).collect(), grad_ys: None, stops: Vec::new() }
    }

    /// Starts from these cotangents, one for each differentiated tensor and of its shape, instead of ones.
    pub fn grad_ys<Y: Into<Tensor<'g, T>>>(mut self, grad_ys: impl IntoIterator<Item = Y>) -> Self {
        self.grad_ys = Some(grad_ys.into_iter().map(Into::into).collect());
        self
    }

    /// Takes these tensors for constants: they may be targets, but no gradient passes through them.
    pub fn stop_gradients<U, X: Into<Tensor<'g, U>>>(mut self, xs: impl IntoIterator<Item = X>) -> Self {
        self.stops.extend(xs.into_iter().map(|x| x.into().any()));
        self
    }

    /// The gradient by each target, in the target's own shape; `None` where there is no path.
    #[track_caller]
    pub fn wrt<U: Float>(self, xs: &[impl Copy + Into<Tensor<'g, U>>]) -> Vec<Option<Tensor<'g, U>>> {
        let location = Location::caller();
        let xs: Vec<AnyTensor<'g>> = xs.iter().map(|&x| x.into().any()).collect();
        let ys: Vec<AnyTensor<'g>> = self.ys.iter().map(|y| y.any()).collect();
        let Some(graph) = ys.first().or(xs.first()).map(|any| any.graph()) else {
            return Vec::new();
        };
        let found = graph.attributed(location, || {
            let grad_ys: Option<Vec<AnyTensor<'g>>> =
                self.grad_ys.as_ref().map(|given| given.iter().map(|t| t.any()).collect());
            let given = grad_ys.iter().flatten();
            let mut mentioned = ys.iter().chain(&xs).chain(given).chain(&self.stops);
            if let Some(operand) = mentioned.clone().position(|any| !any.is_of(graph)) {
                let foreign = graph.invalid("gradients", Mistake::OtherGraph { operand });
                return vec![Some(foreign); xs.len()];
            }
            // What is built on a mistake is that mistake, and says nothing of its own.
            if let Some(invalid) = mentioned.find(|any| any.is_invalid()) {
                return vec![Some(*invalid); xs.len()];
            }
            match seeds(&ys, grad_ys.as_deref()) {
                Ok(seeds) => Sweep::new(graph, &ys, &xs, &self.stops).run(&seeds),
                Err(mistake) => vec![Some(graph.invalid("gradients", mistake)); xs.len()],
            }
        });
        found.into_iter().map(|any| any.map(Tensor::typed)).collect()
    }
}

impl<'g, T: Float> Tensor<'g, T> {
    /// d(Σ self)/dx for each target x, in the target's own shape.
    ///
    /// The gradients are nodes of the same graph and can be differentiated again. A target on which
    /// this tensor does not depend is a building error that says why; use [`Gradients`] for `None`
    /// instead.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(3.0_f64);
    /// let y = x * x + x;
    /// let [dx] = y.gradients([x]);
    /// let [ddx] = dx.gradients([x]);
    /// let [dx, ddx] = Session::new(&g)?.run([dx, ddx])?;
    /// assert_eq!((dx.sum(), ddx.sum()), (7.0, 2.0));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn gradients<U: Float, X: Into<Tensor<'g, U>>, const N: usize>(
        self,
        xs: [X; N],
    ) -> [Tensor<'g, U>; N] {
        let location = Location::caller();
        let xs = xs.map(Into::into);
        let found = Gradients::of([self]).wrt(&xs);
        let graph = self.any().graph();
        std::array::from_fn(|i| match found.get(i).copied().flatten() {
            Some(gradient) => gradient,
            None => Tensor::typed(graph.attributed(location, || {
                let reason = why_unconnected(graph, self.any().id(), xs[i].any().id());
                let (y, x) = (self.name(), xs[i].name());
                graph.invalid("gradients", Mistake::NoGradient { y, x, reason })
            })),
        })
    }
}

/// The cotangents to start from: those given, or ones.
fn seeds<'g>(ys: &[AnyTensor<'g>], grad_ys: Option<&[AnyTensor<'g>]>) -> Result<Vec<AnyTensor<'g>>, Mistake> {
    let Some(grad_ys) = grad_ys else {
        return Ok(ys.iter().map(|y| y.scalar_like(1.0).binary(BroadcastLike, *y)).collect());
    };
    if grad_ys.len() != ys.len() {
        return Err(Mistake::GradYsCount { ys: ys.len(), grad_ys: grad_ys.len() });
    }
    for (y, given) in ys.iter().zip(grad_ys) {
        if !given.shape().agrees_with(&y.shape()) {
            return Err(Mistake::GradYsShape { y: y.name(), expected: y.shape(), found: given.shape() });
        }
    }
    // What is not known yet is checked when it is.
    let checked =
        ys.iter().zip(grad_ys).map(|(y, given)| match (y.shape().is_known(), given.shape() == y.shape()) {
            (true, true) => *given,
            (true, false) => given.unary(ExpectShape(Some(y.shape()))),
            (false, _) => given.binary(ExpectShape(None), *y),
        });
    Ok(checked.collect())
}

/// Whether a gradient can pass from a node to one of its inputs.
fn passes(arena: &Arena, node: &Node, input: usize) -> bool {
    let continuous = |node: &Node| node.output.dtype.is_float();
    continuous(node) && continuous(arena.node(node.inputs[input])) && node.op.differentiable(input)
}

/// One reverse sweep.
struct Sweep<'a, 'g> {
    graph: &'g Graph,
    ys: &'a [AnyTensor<'g>],
    xs: &'a [AnyTensor<'g>],
    /// The nodes that lie between targets and results, ascending.
    between: Vec<NodeId>,
    /// By a node's index, whether it has a target at or above it that a gradient can reach.
    reaches: Vec<bool>,
    /// By a node's index, whether no gradient passes through it.
    stops: Vec<bool>,
    /// By a node's index, whether its cotangent may be 0 at elements that were not taken.
    masked: Vec<bool>,
    /// Whether a variable could have changed between a node and its gradient, so that the gradient must
    /// be told which value the node saw.
    variables_change: bool,
}

impl<'a, 'g> Sweep<'a, 'g> {
    fn new(
        graph: &'g Graph,
        ys: &'a [AnyTensor<'g>],
        xs: &'a [AnyTensor<'g>],
        stops: &[AnyTensor<'g>],
    ) -> Self {
        let is_ordered = graph.builds_in_order();
        let arena = graph.shared().read();
        let marked = |tensors: &[AnyTensor<'g>]| {
            let mut marked = vec![false; arena.nodes.len()];
            for tensor in tensors {
                marked[tensor.id().index()] = true;
            }
            marked
        };
        let (targets, stops) = (marked(xs), marked(stops));
        let ancestors = Walk::data(&arena).ancestors(ys.iter().map(|y| y.id()));
        let mut reaches = vec![false; arena.nodes.len()];
        for &id in &ancestors {
            let node = arena.node(id);
            let mut inputs = 0..node.inputs.len();
            let through_input = !stops[id.index()]
                && inputs.any(|i| reaches[node.inputs[i].index()] && passes(&arena, node, i));
            reaches[id.index()] = through_input || targets[id.index()];
        }
        let writes = |id: NodeId| matches!(arena.node(id).role, Role::Writes(_) | Role::WritesAll);
        let change_before = || Walk::all(&arena).ancestors(ys.iter().map(|y| y.id())).into_iter().any(writes);
        let variables_change = !arena.variables.is_empty() && (is_ordered || change_before());
        let between: Vec<NodeId> = ancestors.into_iter().filter(|id| reaches[id.index()]).collect();
        let mut masked = vec![false; arena.nodes.len()];
        for &id in between.iter().rev() {
            let node = arena.node(id);
            for (position, input) in node.inputs.iter().enumerate() {
                masked[input.index()] |= masked[id.index()] || node.op.masks(position);
            }
        }
        Sweep { graph, ys, xs, between, reaches, stops, masked, variables_change }
    }

    fn run(self, seeds: &[AnyTensor<'g>]) -> Vec<Option<AnyTensor<'g>>> {
        // By a node's index; the nodes that the sweep adds have none.
        let mut cotangents: Vec<Option<AnyTensor<'g>>> = vec![None; self.reaches.len()];
        let add = |cotangents: &mut [Option<AnyTensor<'g>>], id: NodeId, share: AnyTensor<'g>| {
            let sum = &mut cotangents[id.index()];
            *sum = Some(sum.map_or(share, |sum| sum + share));
        };
        for (y, &seed) in self.ys.iter().zip(seeds) {
            if self.reaches[y.id().index()] {
                add(&mut cotangents, y.id(), seed);
            }
        }
        self.graph.name_scope("gradients", || {
            for &id in self.between.iter().rev().filter(|id| !self.stops[id.index()]) {
                if let Some(cotangent) = cotangents[id.index()] {
                    for (source, share) in self.pull_back(id, cotangent) {
                        add(&mut cotangents, source, share);
                    }
                }
            }
        });
        self.xs.iter().map(|x| cotangents[x.id().index()]).collect()
    }

    /// Asks one node's op for its inputs' shares.
    fn pull_back(&self, id: NodeId, cotangent: AnyTensor<'g>) -> PerInput<(NodeId, AnyTensor<'g>)> {
        let (op, inputs, wanted) = {
            let arena = self.graph.shared().read();
            let node = arena.node(id);
            let wants = |i: usize| self.reaches[node.inputs[i].index()] && passes(&arena, node, i);
            (node.op.clone(), node.inputs.clone(), (0..node.inputs.len()).map(wants).collect::<PerInput<_>>())
        };
        if !wanted.contains(&true) {
            return PerInput::new();
        }
        let output = self.graph.tie(id);
        let sources: PerInput<AnyTensor<'g>> =
            inputs.into_iter().map(|input| self.graph.tie(input)).collect();
        let as_seen = |input: &AnyTensor<'g>| match input.role() {
            Role::Reads(_) if self.variables_change => {
                self.graph.apply_as(Identity::Seen, Role::ReadsAsSeen, &[*input, output])
            }
            _ => *input,
        };
        let inputs = sources.iter().map(as_seen).collect();
        let (masked, given) = (self.masked[id.index()], PerInput::new());
        let mut at = Pullback { output, cotangent, inputs, sources, wanted, masked, given };
        op.pullback(&mut at);
        at.given
    }
}

/// Explains why no gradient flows from `y` to `x`.
fn why_unconnected(graph: &Graph, y: NodeId, x: NodeId) -> NoGradient {
    let arena = graph.shared().read();
    let ancestors = Walk::data(&arena).ancestors([y]);
    // Forward from x along every edge: the first node at which a gradient could not pass on is the cut.
    let mut descends: HashMap<NodeId, bool> = HashMap::new();
    let mut cut: Option<&Node> = None;
    for &id in &ancestors {
        let node = arena.node(id);
        let from = (0..node.inputs.len()).find(|&i| descends.get(&node.inputs[i]) == Some(&true));
        descends.insert(id, id == x || from.is_some());
        if let (Some(input), None) = (from, cut)
            && !passes(&arena, node, input)
        {
            cut = Some(node);
        }
    }
    match cut {
        Some(node) if descends.get(&y) == Some(&true) => {
            if node.output.dtype.is_float() {
                NoGradient::Stopped { node: node.name.clone(), op: node.op.name() }
            } else {
                NoGradient::NotContinuous { node: node.name.clone(), dtype: node.output.dtype }
            }
        }
        _ => NoGradient::NoPath,
    }
}
