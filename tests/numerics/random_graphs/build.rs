//! From a case to a graph: each step picks operands that fit and appends one item.
//!
//! What fits depends on lengths, and what is worth picking on values, so a case is first built once with all
//! lengths known and run step by step ([`super::trace`]). Every other graph of the case is built by what was
//! measured there, so that all of them are made of the same ops on the same operands.

#[path = "build/operands.rs"]
mod operands;

use std::collections::BTreeSet;

use flowgrad::ndarray::{ArrayD, IxDyn};
use flowgrad::prelude::*;

use super::case::{Case, Leaf, Source, Step};

pub(crate) use operands::{At, X, broadcast};

/// Magnitudes are kept below this, so that rounding errors stay comparable: what is larger is halved until it
/// is below half of it.
const LARGEST: f64 = 4.0;

/// A tensor of one of the types that graphs here are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Made<'g> {
    Float(Tensor<'g, f64>),
    Int(Tensor<'g, i64>),
    Bool(Tensor<'g, bool>),
}

/// An element type of items.
pub(crate) trait Sort: Element {
    fn of(made: Made<'_>) -> Option<Tensor<'_, Self>>;
}

macro_rules! sorts {
    ($($element:ty, $variant:ident;)*) => {$(
        impl Sort for $element {
            fn of(made: Made<'_>) -> Option<Tensor<'_, Self>> {
                if let Made::$variant(tensor) = made { Some(tensor) } else { None }
            }
        }

        impl<'g> From<Tensor<'g, $element>> for Made<'g> {
            fn from(tensor: Tensor<'g, $element>) -> Self {
                Made::$variant(tensor)
            }
        }
    )*};
}
sorts! {
    f64, Float;
    i64, Int;
    bool, Bool;
}

impl Made<'_> {
    pub(crate) fn shape(self) -> Shape {
        match self {
            Made::Float(tensor) => tensor.shape(),
            Made::Int(tensor) => tensor.shape(),
            Made::Bool(tensor) => tensor.shape(),
        }
    }
}

/// What running a step alone has shown of its value.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) dims: Vec<usize>,
    /// The largest magnitude.
    pub(crate) largest: f64,
    pub(crate) finite: bool,
    /// Whether all elements are multiples of 2⁻²⁰ and so small that sums and products of two are exact.
    pub(crate) dyadic: bool,
}

/// A leaf or the result of a step.
#[derive(Clone, Debug)]
pub(crate) struct Item<'g> {
    pub(crate) made: Made<'g>,
    pub(crate) dims: Vec<usize>,
    /// Whether steps may use it: it is finite and not large.
    usable: bool,
    /// Whether any correct way of computing it gives the same bits.
    exact: bool,
    /// Whether rounding may decide on which side of a kink its operands lie, so that its gradient may jump.
    kinked: bool,
}

/// Differences between graphs of one case.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Variant {
    /// Whether axes of placeholders are unknown where the case says so.
    pub(crate) unknown: bool,
    /// Multiplies each rounded item by 1 plus or minus this: see [`super::check`].
    pub(crate) noise: f64,
}

/// A graph under construction, and then the whole of it.
pub(crate) struct Build<'g> {
    pub(crate) graph: &'g Graph,
    /// The leaves and a place for each step, empty where the result was too large.
    pub(crate) items: Vec<Option<Item<'g>>>,
    pub(crate) fed: Vec<Tensor<'g, f64>>,
    pub(crate) fed_ints: Vec<Tensor<'g, i64>>,
    pub(crate) fed_bools: Vec<Tensor<'g, bool>>,
    variables: Vec<Held<'g>>,
    pub(crate) operations: Vec<Operation<'g>>,
    /// The places of items that steps use.
    used: BTreeSet<usize>,
    /// Steps that found no operands that fit.
    pub(crate) replaced: usize,
    smooth: bool,
    /// Steps that are derivatives of others.
    pub(crate) derivatives: usize,
    leaves: usize,
}

/// A variable, the place of its leaf, and what assigned to it last, with the place of its item.
#[derive(Clone, Copy, Debug)]
struct Held<'g> {
    variable: Variable<'g, f64>,
    leaf: usize,
    last: Option<(Operation<'g>, usize)>,
}

/// Adds to a list what is to be used at once.
fn kept<T: Copy>(list: &mut Vec<T>, new: T) -> T {
    list.push(new);
    new
}

/// Measures a new item, or knows what was measured; `None` if it is too large to be used.
pub(crate) type Measure<'m, 'g> = dyn FnMut(&Build<'g>, Made<'g>) -> Option<Measured> + 'm;

impl<'g> Build<'g> {
    pub(crate) fn new(
        graph: &'g Graph,
        case: &Case,
        variant: Variant,
        measure: &mut Measure<'_, 'g>,
    ) -> Self {
        let mut build = Build {
            graph,
            items: Vec::new(),
            fed: Vec::new(),
            fed_ints: Vec::new(),
            fed_bools: Vec::new(),
            variables: Vec::new(),
            operations: Vec::new(),
            used: BTreeSet::new(),
            replaced: 0,
            smooth: case.smooth,
            derivatives: 0,
            leaves: case.leaves.len(),
        };
        for leaf in &case.leaves {
            let made = build.leaf(leaf, variant);
            let measured = measure(&build, made);
            build.items.push(measured.map(|measured| Item::of(made, measured, true)));
        }
        for step in &case.steps {
            build.step(step, variant, measure);
        }
        build
    }

    fn leaf(&mut self, leaf: &Leaf, variant: Variant) -> Made<'g> {
        let g = self.graph;
        let name = format!("t{}", self.items.len());
        let is_known = |axis: usize| !variant.unknown || leaf.unknown >> axis & 1 == 0;
        let known = |(axis, &length): (usize, &usize)| is_known(axis).then_some(length);
        let shape: Vec<Option<usize>> = leaf.lengths.iter().enumerate().map(known).collect();
        match leaf.source {
            Source::Fed => kept(&mut self.fed, g.placeholder(&name, shape)).into(),
            Source::Constant => g.constant(leaf.floats()).named(&name).into(),
            Source::Variable => {
                let variable = g.variable(&name, leaf.floats());
                self.variables.push(Held { variable, leaf: self.items.len(), last: None });
                variable.tensor().into()
            }
            Source::FedInt => kept(&mut self.fed_ints, g.placeholder(&name, shape)).into(),
            Source::ConstantInt => g.constant(leaf.ints()).named(&name).into(),
            Source::FedBool => kept(&mut self.fed_bools, g.placeholder(&name, shape)).into(),
        }
    }

    fn step(&mut self, step: &Step, variant: Variant, measure: &mut Measure<'_, 'g>) {
        let (graph, index) = (self.graph, self.items.len());
        let item = graph.name_scope(&format!("t{index}"), || self.result(step, variant, measure));
        self.items.push(item);
    }

    fn result(&mut self, step: &Step, variant: Variant, measure: &mut Measure<'_, 'g>) -> Option<Item<'g>> {
        let mut at = At::new(self, step);
        // What does not fit any operand is replaced by what fits all.
        let applied = (step.row.apply)(&mut at);
        let is_replaced = applied.is_none();
        let made = applied.or_else(|| Some(at.float()?.tanh().into()))?;
        let used = at.used();
        self.replaced += usize::from(is_replaced);
        let measured = measure(self, made)?;
        let is = |of: fn(&Item<'g>) -> bool, i: &usize| self.items[*i].as_ref().is_some_and(of);
        let all_exact = used.iter().all(|i| is(|item| item.exact, i));
        let is_kink = step.row.kind.has_kinks() && !all_exact && !self.smooth;
        let kinked = is_kink || used.iter().any(|i| is(|item| item.kinked, i));
        let exact = step.row.is_exact && all_exact && measured.dyadic;
        let made = self.bounded(made, &measured, if exact { 0.0 } else { variant.noise });
        self.used.extend(used);
        Some(Item { kinked, ..Item::of(made, measured, exact) })
    }

    /// A float scaled by a power of two, which is exact, until it is small; and disturbed, if asked for.
    fn bounded(&self, made: Made<'g>, measured: &Measured, noise: f64) -> Made<'g> {
        let Made::Float(mut tensor) = made else { return made };
        if measured.finite && measured.largest > LARGEST {
            tensor *= (0.5 * LARGEST / measured.largest).log2().floor().exp2();
        }
        if noise != 0.0 {
            let mut state = self.items.len() as u32;
            let factors = ArrayD::from_shape_simple_fn(IxDyn(&measured.dims), || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if state >> 20 & 1 == 0 { 1.0 + noise } else { 1.0 - noise }
            });
            tensor *= self.graph.constant(factors);
        }
        Made::Float(tensor)
    }

    /// The float leaves, with the places of their items.
    pub(crate) fn float_leaves(&self) -> Vec<(usize, Tensor<'g, f64>)> {
        let leaves = self.items.iter().take(self.leaves).enumerate();
        leaves.filter_map(|(index, item)| Some((index, f64::of(item.as_ref()?.made)?))).collect()
    }

    /// A number with gradients that are worth comparing, made of all steps that no other uses: the means of y + y²,
    /// which are no larger for long tensors.
    pub(crate) fn loss(&self) -> Option<Tensor<'g, f64>> {
        let unused =
            self.items.iter().enumerate().skip(self.leaves).filter(|(index, _)| !self.used.contains(index));
        let last = unused.filter_map(|(_, item)| item.as_ref());
        let last = last.filter(|item| item.usable && !item.kinked && !item.dims.contains(&0));
        let terms = last.filter_map(|item| f64::of(item.made)).map(|y| (y + y * y).reduce_mean(..));
        terms.reduce(|a, b| a + b)
    }

    /// All tensors of a type with the places of their items.
    pub(crate) fn all<T: Sort>(&self) -> Vec<(usize, Tensor<'g, T>)> {
        let items = self.items.iter().enumerate();
        items.filter_map(|(index, item)| Some((index, T::of(item.as_ref()?.made)?))).collect()
    }
}

impl<'g> Item<'g> {
    fn of(made: Made<'g>, measured: Measured, exact: bool) -> Self {
        let small = matches!(made, Made::Float(_)) || measured.largest < 1e6;
        Item {
            made,
            usable: measured.finite && small,
            exact: exact && measured.dyadic,
            dims: measured.dims,
            kinked: false,
        }
    }
}
