//! The laws that hold for every op, and [`check_op`], which tries them on a custom op.
//!
//! 1. The declared shape is the computed one, also when lengths were unknown while building, and then the
//!    result is the same.
//! 2. The result is that of a reference written plainly with ndarray.
//! 3. It is the same for fed arrays in any memory order, and within rounding without optimization.
//! 4. It has the same bits on one thread and on several.
//! 5. First and second derivatives are those of central differences, optimized or not.
//! 6. In single precision, value and gradient are close to those in double.

use std::fmt;

use ndarray::{ArrayD, ArrayViewD, Axis, Dimension, IxDyn, ShapeBuilder, Slice};

use super::{GradientCheck, numbers};
use crate::gradient::Gradients;
use crate::graph::Float;
use crate::graph::{Graph, Tensor};
use crate::session::{Feeding, Session};
use crate::shape::Shape;

/// How far results may lie apart that differ in rounding alone, relative to numbers above 1.
const ROUNDING: f64 = 1e-12;

/// How far derivatives may lie from central differences.
const SLOPES: f64 = 1e-6;

/// How far the values of single precision may lie from those of double, and how far its gradients, relative to numbers
/// above 1.
const SINGLE: [f64; 2] = [1e-5, 1e-4];

/// Applies an op to tensors that stand for the inputs.
type Build<'b, T> = &'b dyn for<'g> Fn(&'g Graph, &[Tensor<'g, T>]) -> Tensor<'g, T>;

/// The same of an op in single precision, which a check keeps.
type BuildSingle = dyn for<'g> Fn(&'g Graph, &[Tensor<'g, f32>]) -> Tensor<'g, f32>;

/// What the inputs should give.
type Reference = dyn Fn(&[ArrayD<f64>]) -> ArrayD<f64>;

/// An op on certain inputs, to be held to the laws.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'b> {
    pub(crate) inputs: &'b [ArrayD<f64>],
    pub(crate) build: Build<'b, f64>,
    pub(crate) reference: Option<&'b Reference>,
    /// To which order derivatives are compared.
    pub(crate) orders: usize,
}

/// Nothing, or how a law is broken.
type Verdict = Result<(), String>;

/// A law: what it says, and what judges by it.
pub(crate) type Law = (&'static str, fn(Subject<'_>) -> Verdict);

/// Laws on values.
pub(crate) const OF_VALUES: [Law; 3] = [
    ("the declared shape is the computed one", declared_shape),
    ("unknown lengths change nothing", unknown_lengths),
    ("the result is that of the reference", reference),
];

/// Laws on how values are computed.
pub(crate) const OF_RUNS: [Law; 3] = [
    ("the memory order of feeds changes nothing", memory_order),
    ("threads change no bit", threads),
    ("optimization changes no more than rounding", optimization),
];

/// Laws on derivatives.
pub(crate) const OF_DERIVATIVES: [Law; 2] = [
    ("derivatives are those of central differences", derivatives),
    ("derivatives are the same under all conditions", derivatives_under_all_conditions),
];

/// Under what conditions an op is built and run.
#[derive(Clone, Copy)]
pub(crate) struct Conditions {
    /// Whether the lengths of the inputs are unknown while building.
    pub(crate) unknown: bool,
    pub(crate) threads: usize,
    pub(crate) optimize: bool,
}

/// Those under which values are compared with those under others.
pub(crate) const PLAIN: Conditions = Conditions { unknown: false, threads: 1, optimize: true };

/// Placeholders for inputs.
pub(crate) fn placeholders<'g, T: Float>(
    g: &'g Graph,
    inputs: &[ArrayViewD<'_, T>],
    unknown: bool,
) -> Vec<Tensor<'g, T>> {
    let shape = |input: &ArrayViewD<'_, T>| {
        if unknown { Shape::from(vec![None; input.ndim()]) } else { Shape::from(input.shape()) }
    };
    inputs.iter().map(|input| g.placeholder("x", shape(input))).collect()
}

/// The op's value; an error also where its shape is not the declared one.
pub(crate) fn value<T: Float>(
    build: Build<'_, T>,
    inputs: &[ArrayViewD<'_, T>],
    conditions: Conditions,
) -> Result<ArrayD<T>, String> {
    let g = Graph::new();
    let xs = placeholders(&g, inputs, conditions.unknown);
    let result = build(&g, &xs);
    let computed = run(&g, &xs, inputs, vec![result], conditions)?;
    let declared = result.shape();
    match computed.into_iter().next() {
        Some(computed) if declared.admits(computed.shape()) => Ok(computed),
        Some(computed) => Err(format!("expected the declared shape {declared}, got {:?}", computed.shape())),
        None => Err("expected a value, got none".to_owned()),
    }
}

/// Runs with the inputs fed.
fn run<'g, T: Float>(
    g: &'g Graph,
    xs: &[Tensor<'g, T>],
    inputs: &[ArrayViewD<'_, T>],
    fetches: Vec<Tensor<'g, T>>,
    conditions: Conditions,
) -> Result<Vec<ArrayD<T>>, String> {
    // Examples are too small for other threads to be worth waking.
    let builder =
        Session::builder(g).threads(conditions.threads).always_share().optimize(conditions.optimize);
    let session = builder.build().map_err(|error| error.to_string())?;
    let feeding = xs
        .iter()
        .zip(inputs)
        .fold(Feeding::of(&session), |feeding, (x, input)| feeding.feed(*x, input.view()));
    feeding.run(fetches).map_err(|error| error.to_string())
}

pub(crate) fn views<T>(arrays: &[ArrayD<T>]) -> Vec<ArrayViewD<'_, T>> {
    arrays.iter().map(|array| array.view()).collect()
}

impl Subject<'_> {
    fn value(self, conditions: Conditions) -> Result<ArrayD<f64>, String> {
        value(self.build, &views(self.inputs), conditions)
    }
}

fn declared_shape(subject: Subject<'_>) -> Verdict {
    subject.value(PLAIN).map(|_| ())
}

fn unknown_lengths(subject: Subject<'_>) -> Verdict {
    let found = subject.value(Conditions { unknown: true, ..PLAIN })?;
    close(&found, &subject.value(PLAIN)?, ROUNDING)
}

fn reference(subject: Subject<'_>) -> Verdict {
    match subject.reference {
        Some(reference) => close(&subject.value(PLAIN)?, &reference(subject.inputs), ROUNDING),
        None => Ok(()),
    }
}

fn memory_order(subject: Subject<'_>) -> Verdict {
    let expected = subject.value(PLAIN)?;
    let columns_first: Vec<ArrayD<f64>> = subject.inputs.iter().map(columns_first).collect();
    let spread: Vec<ArrayD<f64>> = subject.inputs.iter().map(spread_out).collect();
    let strided: Vec<ArrayViewD<'_, f64>> = spread.iter().map(every_second_backwards).collect();
    for (order, inputs) in [("columns first", views(&columns_first)), ("strided", strided)] {
        let found = value(subject.build, &inputs, PLAIN)?;
        same_bits(&found, &expected).map_err(|words| format!("{order}: {words}"))?;
    }
    Ok(())
}

fn threads(subject: Subject<'_>) -> Verdict {
    same_bits(&subject.value(Conditions { threads: 2, ..PLAIN })?, &subject.value(PLAIN)?)
}

fn optimization(subject: Subject<'_>) -> Verdict {
    close(&subject.value(PLAIN)?, &subject.value(Conditions { optimize: false, ..PLAIN })?, ROUNDING)
}

/// The op `y` as y² + y, so that the cotangent that reaches it depends on the inputs and second derivatives
/// reach the nodes of its gradient even where it is linear; and the inputs that have a gradient.
fn potential<'g>(
    subject: Subject<'_>,
    g: &'g Graph,
    unknown: bool,
) -> (Tensor<'g, f64>, Vec<Tensor<'g, f64>>, Vec<usize>) {
    let xs = placeholders(g, &views(subject.inputs), unknown);
    let y = (subject.build)(g, &xs);
    let y = y * y + y;
    let gradients = Gradients::of([y]).wrt(&xs);
    let connected = (0..xs.len()).filter(|&i| gradients[i].is_some()).collect();
    (y, xs, connected)
}

fn derivatives(subject: Subject<'_>) -> Verdict {
    let g = Graph::new();
    let (y, xs, connected) = potential(subject, &g, false);
    let targets: Vec<Tensor<'_, f64>> = connected.iter().map(|&i| xs[i]).collect();
    let check = GradientCheck::of(&g, y);
    let check = if subject.orders > 1 { check.second_order() } else { check };
    let fed = xs.iter().zip(subject.inputs).fold(check, |check, (&x, input)| check.feed(x, input));
    let report = fed.wrt(&targets).map_err(|error| error.to_string())?;
    if report.largest() <= SLOPES {
        Ok(())
    } else {
        Err(format!("with y the sum of its square and itself\n{report}"))
    }
}

/// First derivatives, and second ones if they are compared, with the inputs fed as they are given.
fn slopes(
    subject: Subject<'_>,
    inputs: &[ArrayViewD<'_, f64>],
    conditions: Conditions,
) -> Result<Vec<ArrayD<f64>>, String> {
    let g = Graph::new();
    let (y, xs, connected) = potential(subject, &g, conditions.unknown);
    let targets: Vec<Tensor<'_, f64>> = connected.iter().map(|&i| xs[i]).collect();
    let first = Gradients::of([y]).wrt_or_zeros(&targets);
    let mut all = first.clone();
    for (slope, &target) in first.into_iter().zip(&targets).filter(|_| subject.orders > 1) {
        all.extend(Gradients::of([slope.square()]).wrt_or_zeros(&[target]));
    }
    run(&g, &xs, inputs, all, conditions)
}

fn derivatives_under_all_conditions(subject: Subject<'_>) -> Verdict {
    let expected = slopes(subject, &views(subject.inputs), PLAIN)?;
    let spread: Vec<ArrayD<f64>> = subject.inputs.iter().map(spread_out).collect();
    let strided: Vec<ArrayViewD<'_, f64>> = spread.iter().map(every_second_backwards).collect();
    let rows = [
        ("not optimised", views(subject.inputs), Conditions { optimize: false, ..PLAIN }),
        ("of unknown lengths", views(subject.inputs), Conditions { unknown: true, ..PLAIN }),
        ("of strided feeds", strided, PLAIN),
        ("on two threads", views(subject.inputs), Conditions { threads: 2, ..PLAIN }),
    ];
    rows.into_iter().try_for_each(|(how, inputs, conditions)| {
        let found = slopes(subject, &inputs, conditions)?;
        let mut pairs = found.iter().zip(&expected);
        pairs
            .try_for_each(|(found, plain)| close(found, plain, ROUNDING))
            .map_err(|words| format!("{how}: {words}"))
    })
}

/// An op's value, and the gradients of its inputs, which are 0 for those that it does not depend on.
fn value_and_gradients<T: Float>(
    build: Build<'_, T>,
    inputs: &[ArrayD<T>],
) -> Result<Vec<ArrayD<T>>, String> {
    let (g, inputs) = (Graph::new(), views(inputs));
    let xs = placeholders(&g, &inputs, false);
    let y = build(&g, &xs);
    let fetches = std::iter::once(y).chain(Gradients::of([y]).wrt_or_zeros(&xs)).collect();
    run(&g, &xs, &inputs, fetches, PLAIN)
}

fn single_precision(subject: Subject<'_>, single: &BuildSingle) -> Verdict {
    let rounded: Vec<ArrayD<f32>> = subject.inputs.iter().map(|input| input.mapv(|x| x as f32)).collect();
    // The same numbers, so that only the arithmetic differs.
    let same: Vec<ArrayD<f64>> = rounded.iter().map(|input| input.mapv(f64::from)).collect();
    let found = value_and_gradients(single, &rounded)?;
    let expected = value_and_gradients(subject.build, &same)?;
    let [of_value, of_gradients] = SINGLE;
    let tolerances = std::iter::once(of_value).chain(std::iter::repeat(of_gradients));
    found
        .iter()
        .zip(&expected)
        .zip(tolerances)
        .try_for_each(|((found, expected), tolerance)| close(&found.mapv(f64::from), expected, tolerance))
}

/// Fails unless each element is within a part of the expected one, or of 1 if that is more.
pub(crate) fn close(found: &ArrayD<f64>, expected: &ArrayD<f64>, tolerance: f64) -> Verdict {
    let is_close = |found: f64, expected: f64| {
        let near = (found - expected).abs() <= tolerance * expected.abs().max(1.0);
        found == expected || near || found.is_nan() && expected.is_nan()
    };
    first_difference(found, expected, is_close)
}

fn same_bits(found: &ArrayD<f64>, expected: &ArrayD<f64>) -> Verdict {
    first_difference(found, expected, |found, expected| found.to_bits() == expected.to_bits())
}

fn first_difference(
    found: &ArrayD<f64>,
    expected: &ArrayD<f64>,
    is_same: impl Fn(f64, f64) -> bool,
) -> Verdict {
    if found.shape() != expected.shape() {
        return Err(format!("expected shape {:?}, got {:?}", expected.shape(), found.shape()));
    }
    let mut pairs = found.indexed_iter().zip(expected);
    match pairs.find(|&((_, &found), &expected)| !is_same(found, expected)) {
        Some(((index, found), expected)) => {
            Err(format!("expected {expected:?}, got {found:?} at {:?}", index.as_array_view().to_vec()))
        }
        None => Ok(()),
    }
}

fn columns_first(array: &ArrayD<f64>) -> ArrayD<f64> {
    let mut moved = ArrayD::zeros(IxDyn(array.shape()).f());
    moved.assign(array);
    moved
}

/// Every second element of each axis, backwards.
fn every_second_backwards(spread: &ArrayD<f64>) -> ArrayViewD<'_, f64> {
    let mut view = spread.view();
    (0..view.ndim()).for_each(|axis| view.slice_axis_inplace(Axis(axis), Slice::new(0, None, -2)));
    view
}

/// The array of which `every_second_backwards` shows this one.
fn spread_out(array: &ArrayD<f64>) -> ArrayD<f64> {
    let mut spread = ArrayD::from_elem(array.shape().iter().map(|&n| 2 * n).collect::<Vec<_>>(), f64::NAN);
    let mut view = spread.view_mut();
    (0..view.ndim()).for_each(|axis| view.slice_axis_inplace(Axis(axis), Slice::new(0, None, -2)));
    view.assign(array);
    spread
}

/// Inputs of the given lengths, filled with numbers between -2 and 2, none near 0.
pub(crate) fn inputs_of(shapes: &[&[usize]]) -> Vec<ArrayD<f64>> {
    let mut next = numbers(0);
    shapes.iter().map(|dims| ArrayD::from_shape_simple_fn(IxDyn(dims), &mut next)).collect()
}

/// Moves numbers between -2 and 2 to between two others.
pub(crate) fn move_within(inputs: &mut [ArrayD<f64>], low: f64, high: f64) {
    for input in inputs {
        input.mapv_inplace(|x| low + (high - low) * (x + 2.0) / 4.0);
    }
}

/// Holds what a closure builds of tensors to the laws that hold for every op: [`OpCheck`] without options.
///
/// ```
/// use flowgrad::prelude::*;
/// use flowgrad::testing::check_op;
/// check_op(&[&[2, 3], &[3]], |_, x| (x[0] * x[1]).tanh()).assert_holds();
/// ```
pub fn check_op(
    shapes: &[&[usize]],
    build: impl for<'g> Fn(&'g Graph, &[Tensor<'g, f64>]) -> Tensor<'g, f64>,
) -> OpReport {
    OpCheck::shapes(shapes).check(build)
}

/// A trial of an op by the laws, with its options.
///
/// The laws: the declared shape is the computed one; unknown lengths, the memory order of feeds, threads and
/// optimization leave the result as it is; it is that of a reference, if one is given; first and second
/// derivatives are those of central differences; and value and gradient are those of single precision, if the op is
/// given for it as well. Choose inputs away from kinks and jumps. An input without a gradient is left out
/// of the differences.
///
/// ```
/// use flowgrad::Float;
/// use flowgrad::prelude::*;
/// use flowgrad::testing::OpCheck;
/// fn share<'g, T: Float>(x: &[Tensor<'g, T>]) -> Tensor<'g, T> {
///     x[0] / (x[0] + x[1])
/// }
/// let report = OpCheck::shapes(&[&[2, 3], &[2, 3]])
///     .within(0.5, 2.0)
///     .reference(|x| &x[0] / (&x[0] + &x[1]))
///     .single_precision(|_, x| share(x))
///     .check(|_, x| share(x));
/// println!("{report}");
/// report.assert_holds();
/// ```
#[must_use = "nothing is checked before `check` is given the op"]
pub struct OpCheck {
    inputs: Vec<ArrayD<f64>>,
    reference: Option<Box<Reference>>,
    single: Option<Box<BuildSingle>>,
    orders: usize,
}

impl fmt::Debug for OpCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpCheck").field("inputs", &self.inputs).finish_non_exhaustive()
    }
}

impl OpCheck {
    /// On inputs of the given lengths, filled with numbers of both signs and magnitudes between 0.25 and 2.
    pub fn shapes(shapes: &[&[usize]]) -> Self {
        OpCheck::inputs(inputs_of(shapes))
    }

    /// On these inputs.
    pub fn inputs(inputs: Vec<ArrayD<f64>>) -> Self {
        OpCheck { inputs, reference: None, single: None, orders: 2 }
    }

    /// With inputs that lie between two numbers, where they lay between -2 and 2.
    pub fn within(mut self, low: f64, high: f64) -> Self {
        move_within(&mut self.inputs, low, high);
        self
    }

    /// Leaves second derivatives out, for ops that have none.
    pub fn first_order(self) -> Self {
        OpCheck { orders: 1, ..self }
    }

    /// Compares the result with what this gives for the inputs.
    pub fn reference(self, reference: impl Fn(&[ArrayD<f64>]) -> ArrayD<f64> + 'static) -> Self {
        OpCheck { reference: Some(Box::new(reference)), ..self }
    }

    /// Compares value and gradients with those of the op in single precision, for ops of several element types.
    pub fn single_precision(
        self,
        build: impl for<'g> Fn(&'g Graph, &[Tensor<'g, f32>]) -> Tensor<'g, f32> + 'static,
    ) -> Self {
        OpCheck { single: Some(Box::new(build)), ..self }
    }

    /// Tries the laws on what `build` makes of tensors that stand for the inputs.
    pub fn check(self, build: impl for<'g> Fn(&'g Graph, &[Tensor<'g, f64>]) -> Tensor<'g, f64>) -> OpReport {
        let (reference, orders) = (self.reference.as_deref(), self.orders);
        let subject = Subject { inputs: &self.inputs, build: &build, reference, orders };
        let laws = OF_VALUES.into_iter().chain(OF_RUNS).chain(OF_DERIVATIVES);
        let single = self.single.as_deref().map(|single| single_precision(subject, single));
        let single = single.map(|verdict| ("single precision is close to double", verdict));
        OpReport { laws: laws.map(|(says, judge)| (says, judge(subject))).chain(single).collect() }
    }
}

/// Which laws an op keeps, and how it breaks the others. Its `Display` form has a line for each law.
#[derive(Clone, Debug)]
pub struct OpReport {
    laws: Vec<(&'static str, Verdict)>,
}

impl OpReport {
    /// Whether every law holds.
    pub fn holds(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The laws that do not hold, each with what was found instead.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.laws.iter().filter_map(|(says, verdict)| Some((*says, verdict.as_ref().err()?.as_str())))
    }

    /// Panics with the report unless every law holds.
    ///
    /// # Panics
    /// That is what it is for.
    #[track_caller]
    pub fn assert_holds(&self) {
        assert!(self.holds(), "an op breaks laws\n{self}");
    }
}

impl fmt::Display for OpReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (line, (says, verdict)) in self.laws.iter().enumerate() {
            let gap = if line == 0 { "" } else { "\n" };
            match verdict {
                Ok(()) => write!(f, "{gap}holds   {says}")?,
                Err(words) => write!(f, "{gap}broken  {says}: {words}")?,
            }
        }
        Ok(())
    }
}
