//! Derivatives made of gradients: [`jacobian`], [`hessian`], and their products with vectors, [`jvp`] and
//! [`hessian_vector_product`], which never build the matrix. With `_or_zeros` they are zeros where there is no path.
//!
//! Forward mode is reverse mode twice: the gradient of `y` that starts from `u` is uᵀ·J, linear in `u`, so its
//! own gradient by `u` that starts from `v` is J·v, whatever `u` is. Ones serve, and no zero of `u` can hide
//! what a slope is.

use super::GradientFault;
use super::request::{Gradients, refused, unconnected, zeros_like};
use crate::element::Numeric;
use crate::error::Fault;
use crate::graph::Float;
use crate::graph::{AnyTensor, Tensor};
use crate::shape::Shape;

/// Reverse mode takes one sweep for each element of `y`, forward mode a second, longer one on top of a first
/// for each element of `x`; it must save more than that to be worth it.
const FORWARD_SWEEPS: usize = 4;

/// Sweeps that one call builds, each of which has as many nodes as the differentiated part of the graph, or more: a
/// graph of a hundred nodes becomes one of millions.
const MAX_SWEEPS: usize = 1 << 16;

/// The directional derivative of `y` along `vs`: Σᵢ (∂y/∂xᵢ)·vᵢ, in the shape of `y`.
///
/// Forward mode: for the cost of a few evaluations of `y` it gives one column of the Jacobian, or a sum of
/// columns, where [`Gradients`] gives rows. There is one vector for each target, of the target's shape.
/// Targets that `y` does not depend on contribute nothing. The result can be differentiated again.
///
/// # Errors
/// A number of vectors other than that of the targets, a vector of another shape than its target, and a `y`
/// that depends on none of the targets are build errors.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 3.0]));
/// let along = g.constant(ndarray::arr1(&[1.0, 0.0, -1.0]));
/// let dy = jvp(x * x, &[x], &[along]);
/// assert_eq!(Session::new(&g)?.run(dy)?, ndarray::arr1(&[2.0, 0.0, -6.0]).into_dyn());
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[track_caller]
pub fn jvp<'g, T: Float>(
    y: impl Into<Tensor<'g, T>>,
    xs: &[impl Copy + Into<Tensor<'g, T>>],
    vs: &[impl Copy + Into<Tensor<'g, T>>],
) -> Tensor<'g, T> {
    let (y, xs, vs) = (y.into(), tensors(xs), tensors(vs));
    match directional("jvp", y, &xs, &vs) {
        Ok(found) => found,
        Err(first) => Tensor::typed(unconnected("jvp", y.any(), first.any())),
    }
}

/// [`jvp`], or zeros in the shape of `y` if `y` depends on none of the targets.
///
/// # Errors
/// As for [`jvp`], but that.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let [x, unused] = [g.constant(ndarray::arr1(&[1.0, 2.0])), g.constant(ndarray::arr1(&[3.0, 4.0]))];
/// let dy = jvp_or_zeros(x * x, &[unused], &[x]);
/// assert_eq!(Session::new(&g)?.run(dy)?, ndarray::arr1(&[0.0, 0.0]).into_dyn());
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[track_caller]
pub fn jvp_or_zeros<'g, T: Float>(
    y: impl Into<Tensor<'g, T>>,
    xs: &[impl Copy + Into<Tensor<'g, T>>],
    vs: &[impl Copy + Into<Tensor<'g, T>>],
) -> Tensor<'g, T> {
    let (y, xs, vs) = (y.into(), tensors(xs), tensors(vs));
    match directional("jvp_or_zeros", y, &xs, &vs) {
        Ok(found) => found,
        Err(_) => named(zeros_like(y), "jvp_or_zeros"),
    }
}

/// The directional derivative, or the first target if `y` depends on none of them.
#[track_caller]
fn directional<'g, T: Float>(
    op: &'static str,
    y: Tensor<'g, T>,
    xs: &[Tensor<'g, T>],
    vs: &[Tensor<'g, T>],
) -> Result<Tensor<'g, T>, Tensor<'g, T>> {
    if let Some(refused) = invalid_vectors(op, y, xs, vs) {
        return Ok(Tensor::typed(refused));
    }
    let start = ones_like(y);
    let (slopes, along) = connected(Gradients::of([y]).grad_ys([start]).wrt(xs), vs);
    if let (Some(&first), true) = (xs.first(), slopes.is_empty()) {
        return Err(first);
    }
    let found = Gradients::of(slopes).grad_ys(along).wrt_or_zeros(&[start]).pop();
    Ok(named(found.unwrap_or(start), op))
}

/// The Hessian of the sum of `y`, times vectors: Σⱼ (∂²Σy / ∂xᵢ∂xⱼ)·vⱼ for each target `xᵢ`, in its shape.
///
/// It costs a few evaluations of `y`, whatever the size of the targets. There is one vector for each target,
/// of the target's shape, and gradients take it for a constant even where it is computed from a target. A
/// target on which the gradients do not depend gets zeros. The results can be differentiated again.
///
/// # Errors
/// As for [`jvp`].
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let c = g.constant(ndarray::arr1(&[1.0, 2.0, 3.0]));
/// let v = g.constant(ndarray::arr1(&[1.0, 1.0, -1.0]));
/// // The Hessian of Σc³ is diag(6c).
/// let hv = hessian_vector_product(c * c * c, &[c], &[v]);
/// assert_eq!(Session::new(&g)?.run(hv)?[0], ndarray::arr1(&[6.0, 12.0, -18.0]).into_dyn());
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[track_caller]
pub fn hessian_vector_product<'g, T: Float>(
    y: impl Into<Tensor<'g, T>>,
    xs: &[impl Copy + Into<Tensor<'g, T>>],
    vs: &[impl Copy + Into<Tensor<'g, T>>],
) -> Vec<Tensor<'g, T>> {
    let (y, xs, vs) = (y.into(), tensors(xs), tensors(vs));
    match along_curvature("hessian_vector_product", y, &xs, &vs) {
        Ok(found) => found,
        Err(first) => {
            let fault = unconnected("hessian_vector_product", y.any(), first.any());
            vec![Tensor::typed(fault); xs.len()]
        }
    }
}

/// [`hessian_vector_product`], or zeros in the shape of each target if `y` depends on none of them.
///
/// # Errors
/// As for [`hessian_vector_product`], but that.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let [c, unused] = [g.constant(ndarray::arr1(&[1.0, 2.0])), g.constant(ndarray::arr1(&[3.0, 4.0, 5.0]))];
/// let hv = hessian_vector_product_or_zeros(c * c * c, &[unused], &[unused]);
/// assert_eq!(Session::new(&g)?.run(hv)?[0], ndarray::arr1(&[0.0, 0.0, 0.0]).into_dyn());
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[track_caller]
pub fn hessian_vector_product_or_zeros<'g, T: Float>(
    y: impl Into<Tensor<'g, T>>,
    xs: &[impl Copy + Into<Tensor<'g, T>>],
    vs: &[impl Copy + Into<Tensor<'g, T>>],
) -> Vec<Tensor<'g, T>> {
    let (y, xs, vs) = (y.into(), tensors(xs), tensors(vs));
    // Where there is no path, none is found.
    let mut found = along_curvature("hessian_vector_product_or_zeros", y, &xs, &vs).unwrap_or_default();
    for &x in &xs[found.len()..] {
        found.push(zeros_like(x));
    }
    found
}

/// The products of the Hessian with the vectors, or the first target if `y` depends on none of them.
#[track_caller]
fn along_curvature<'g, T: Float>(
    op: &'static str,
    y: Tensor<'g, T>,
    xs: &[Tensor<'g, T>],
    vs: &[Tensor<'g, T>],
) -> Result<Vec<Tensor<'g, T>>, Tensor<'g, T>> {
    if let Some(refused) = invalid_vectors(op, y, xs, vs) {
        return Ok(vec![Tensor::typed(refused); xs.len()]);
    }
    let (slopes, along) = connected(Gradients::of([y]).wrt(xs), vs);
    match xs.first() {
        Some(&first) if slopes.is_empty() => Err(first),
        _ => Ok(Gradients::of(slopes).grad_ys(along).wrt_or_zeros(xs)),
    }
}

/// The Jacobian ∂y/∂x, of the shape of `y` followed by that of `x`: element [i.., j..] is ∂y[i..]/∂x[j..].
///
/// It takes a sweep for each element of `y`, or for each of `x` if those are far fewer or those of `y` cannot
/// be counted while building; lengths of the other one may be unknown. It can be differentiated again.
///
/// # Errors
/// That neither shape is known in full, that it takes more than 2¹⁶ sweeps, and that `y` does not depend on `x`, are
/// build errors.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.constant(ndarray::arr1(&[1.0, 2.0]));
/// let a = g.constant(ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]));
/// let j = jacobian((a * x).reduce_sum(-1), x);
/// assert_eq!(Session::new(&g)?.run(j)?, ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]).into_dyn());
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[track_caller]
pub fn jacobian<'g, T: Float>(y: impl Into<Tensor<'g, T>>, x: impl Into<Tensor<'g, T>>) -> Tensor<'g, T> {
    let (y, x) = (y.into(), x.into());
    let graph = y.any().graph();
    if let Some(refused) = refused(graph, "jacobian", &[y.any(), x.any()]) {
        return Tensor::typed(refused);
    }
    let is_small = |elements: usize, others: usize| elements.saturating_mul(FORWARD_SWEEPS) <= others;
    let (forward, places) = match (y.shape().known(), x.shape().known()) {
        (None, None) => return uncounted("jacobian", y),
        (None, Some(inputs)) => (true, inputs),
        (Some(outputs), Some(inputs)) if is_small(count(&inputs), count(&outputs)) => (true, inputs),
        (Some(outputs), _) => (false, outputs),
    };
    if let Some(refused) = too_many("jacobian", y, &places) {
        return refused;
    }
    let found = if forward { by_columns(y, x, &places) } else { by_rows(y, x, &places) };
    match found {
        Some(jacobian) => named(jacobian, "jacobian"),
        None => Tensor::typed(unconnected("jacobian", y.any(), x.any())),
    }
}

/// The Hessian of the sum of `y`, of the shape of `x` twice: element [i.., j..] is ∂²Σy / ∂x[i..]∂x[j..].
///
/// It takes a sweep for each element of `x`. Where the gradient does not depend on `x`, it is zeros. It can be
/// differentiated again.
///
/// # Errors
/// That not every length of `x` is known, that `x` has more than 2¹⁶ elements, and that `y` does not depend on `x`, are
/// build errors.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let c = g.constant(ndarray::arr1(&[1.0, 2.0]));
/// let h = hessian(c * c * c, c);
/// assert_eq!(Session::new(&g)?.run(h)?, ndarray::arr2(&[[6.0, 0.0], [0.0, 12.0]]).into_dyn());
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[track_caller]
pub fn hessian<'g, T: Float>(y: impl Into<Tensor<'g, T>>, x: impl Into<Tensor<'g, T>>) -> Tensor<'g, T> {
    let (y, x) = (y.into(), x.into());
    let graph = y.any().graph();
    if let Some(refused) = refused(graph, "hessian", &[y.any(), x.any()]) {
        return Tensor::typed(refused);
    }
    let Some(inputs) = x.shape().known() else { return uncounted("hessian", x) };
    if let Some(refused) = too_many("hessian", y, &inputs) {
        return refused;
    }
    let Some(slope) = Gradients::of([y]).wrt(&[x]).pop().flatten() else {
        return Tensor::typed(unconnected("hessian", y.any(), x.any()));
    };
    let hessian = match by_rows(slope, x, &inputs) {
        Some(rows) => rows,
        None => in_the_first_place(zeros_like(x), &inputs),
    };
    named(hessian, "hessian")
}

/// The Jacobian by one reverse sweep for each element of `y`, whose lengths are given; `None` if `y` does not
/// depend on `x`.
#[track_caller]
fn by_rows<'g, T: Float>(y: Tensor<'g, T>, x: Tensor<'g, T>, outputs: &[usize]) -> Option<Tensor<'g, T>> {
    let places = places(y, outputs);
    // Without elements there is one sweep all the same, to learn whether the two are connected.
    let mut rows = Vec::new();
    for k in 0..count(outputs).max(1) {
        rows.push(Gradients::of([alone(y, places, k)]).wrt(&[x]).pop().flatten()?);
    }
    stacked(rows, outputs)
}

/// The Jacobian by one sweep through the gradient for each element of `x`, whose lengths are given; `None` if
/// `y` does not depend on `x`.
#[track_caller]
fn by_columns<'g, T: Float>(y: Tensor<'g, T>, x: Tensor<'g, T>, inputs: &[usize]) -> Option<Tensor<'g, T>> {
    let start = ones_like(y);
    let slope = Gradients::of([y]).grad_ys([start]).wrt(&[x]).pop().flatten()?;
    let places = places(x, inputs);
    let mut columns = Vec::new();
    for k in 0..count(inputs).max(1) {
        columns.extend(Gradients::of([alone(slope, places, k)]).wrt_or_zeros(&[start]));
    }
    let (ours, theirs) = (y.shape().rank() as isize, inputs.len() as isize);
    let outputs_first: Vec<isize> = (theirs..theirs + ours).chain(0..theirs).collect();
    Some(stacked(columns, inputs)?.transpose_perm(outputs_first))
}

/// Tensors of one shape, one for each place of `dims` in row-major order, as one tensor of the shape `dims`
/// followed by theirs, of which lengths may be unknown. Where there are no places, one tensor is given all the
/// same, for its shape.
#[track_caller]
fn stacked<'g, T: Float>(mut parts: Vec<Tensor<'g, T>>, dims: &[usize]) -> Option<Tensor<'g, T>> {
    let first = *parts.first()?;
    if dims.contains(&0) {
        return Some(in_the_first_place(first, dims));
    }
    for &length in dims.iter().rev() {
        let mut rows = Vec::new();
        for row in parts.chunks(length) {
            rows.push(first.any().graph().stack(row, 0));
        }
        parts = rows;
    }
    parts.pop()
}

/// A tensor in the first place of `dims`, if they have any, and zeros in the others.
#[track_caller]
fn in_the_first_place<'g, T: Float>(part: Tensor<'g, T>, dims: &[usize]) -> Tensor<'g, T> {
    let mut broadcast = dims.to_vec();
    broadcast.resize(dims.len() + part.shape().rank(), 1);
    alone(part, places(part, &broadcast), 0)
}

/// For each element of a tensor of these lengths its place, counted in row-major order, in the graph of `of`.
#[track_caller]
fn places<'g, T: Float>(of: Tensor<'g, T>, dims: &[usize]) -> Tensor<'g, i64> {
    // Of lengths that cannot be addressed none is made: what has them is refused itself.
    let count = Shape::from(dims).size().and_then(|count| i64::try_from(count).ok()).unwrap_or(0);
    let lengths: Vec<isize> = dims.iter().map(|&length| isize::try_from(length).unwrap_or(0)).collect();
    of.any().graph().range(0, count, 1).reshape(lengths)
}

/// A tensor with 0 at all places but one. Chosen, not multiplied by 0, so that sweeps keep the slopes of the
/// other elements out, be they infinite.
#[track_caller]
fn alone<'g, T: Float>(tensor: Tensor<'g, T>, places: Tensor<'g, i64>, k: usize) -> Tensor<'g, T> {
    places.equal(k as i64).select(tensor, <T as Numeric>::from_f64(0.0))
}

/// A result as a node of its own: what is found may be a node of the user's, such as a vector, which has a name.
#[track_caller]
fn named<'g, T: Float>(found: Tensor<'g, T>, name: &str) -> Tensor<'g, T> {
    found.identity().named(name)
}

/// The invalid tensor for one whose lengths an op must know.
#[track_caller]
fn uncounted<'g, T: Float>(op: &'static str, tensor: Tensor<'g, T>) -> Tensor<'g, T> {
    let fault = Fault::op(GradientFault::UnknownSize { tensor: tensor.name(), shape: tensor.shape() });
    Tensor::typed(tensor.any().graph().invalid_any(op, fault))
}

/// The invalid tensor for a sweep for each of these positions, if they are too many.
#[track_caller]
fn too_many<'g, T: Float>(op: &'static str, y: Tensor<'g, T>, places: &[usize]) -> Option<Tensor<'g, T>> {
    let count = count(places);
    if count <= MAX_SWEEPS {
        return None;
    }
    let fault = Fault::TooMany { what: "sweeps", count, most: MAX_SWEEPS };
    Some(Tensor::typed(y.any().graph().invalid_any(op, fault)))
}

#[track_caller]
fn ones_like<T: Float>(y: Tensor<'_, T>) -> Tensor<'_, T> {
    Tensor::typed(y.any().filled(1.0))
}

fn count(dims: &[usize]) -> usize {
    dims.iter().fold(1, |count, &length| count.saturating_mul(length))
}

fn tensors<'g, T: Float>(handles: &[impl Copy + Into<Tensor<'g, T>>]) -> Vec<Tensor<'g, T>> {
    handles.iter().map(|&handle| handle.into()).collect()
}

/// The gradients that there are, each with the vector of its target.
fn connected<'g, T: Float>(
    slopes: Vec<Option<Tensor<'g, T>>>,
    vs: &[Tensor<'g, T>],
) -> (Vec<Tensor<'g, T>>, Vec<Tensor<'g, T>>) {
    slopes.into_iter().zip(vs).filter_map(|(slope, &v)| Some((slope?, v))).unzip()
}

/// The invalid tensor for targets and vectors that do not go together.
#[track_caller]
fn invalid_vectors<'g, T: Float>(
    op: &'static str,
    y: Tensor<'g, T>,
    xs: &[Tensor<'g, T>],
    vs: &[Tensor<'g, T>],
) -> Option<AnyTensor<'g>> {
    let graph = y.any().graph();
    let mentioned: Vec<AnyTensor<'g>> =
        std::iter::once(&y).chain(xs).chain(vs).map(|tensor| tensor.any()).collect();
    if let Some(refused) = refused(graph, op, &mentioned) {
        return Some(refused);
    }
    if xs.len() != vs.len() {
        let fault = Fault::op(GradientFault::VectorCount { xs: xs.len(), vectors: vs.len() });
        return Some(graph.invalid_any(op, fault));
    }
    let (x, v) = xs.iter().zip(vs).find(|(x, v)| !v.shape().agrees_with(&x.shape()))?;
    let fault = Fault::op(GradientFault::VectorShape { x: x.name(), expected: x.shape(), found: v.shape() });
    Some(graph.invalid_any(op, fault))
}
