//! From a case to a graph: each step picks operands that fit and appends one item.
//!
//! What fits depends on lengths, and what is worth picking on values, so a case is first built once with all
//! lengths known and run step by step ([`crate::trace`]). Every other graph of the case is built by what was
//! measured there, so that all of them are made of the same ops on the same operands.

use flowgrad::ndarray::{ArrayD, IxDyn};
use flowgrad::prelude::*;

use crate::case::{Case, Leaf, Source, Step};

/// Magnitudes are kept below this, so that rounding errors stay comparable: what is larger is halved until it
/// is below half of it.
const LARGEST: f64 = 4.0;

/// Derivatives that a graph may contain as steps: each may be longer than all that it differentiates.
const MOST_DERIVATIVES: usize = 2;

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
    /// Whether a step uses it.
    used: bool,
}

/// Differences between graphs of one case.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Variant {
    /// Whether axes of placeholders are unknown where the case says so.
    pub(crate) unknown: bool,
    /// Multiplies each rounded item by 1 plus or minus this: see [`crate::check`].
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
    /// Steps that found no operands that fit.
    pub(crate) replaced: usize,
    smooth: bool,
    derivatives: usize,
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
        let mut at = At { build: self, step, picked: 0, numbered: 0, used: Vec::new() };
        // What does not fit any operand is replaced by what fits all.
        let applied = (step.row.apply)(&mut at);
        at.build.replaced += usize::from(applied.is_none());
        let made = applied.or_else(|| Some(at.float()?.tanh().into()))?;
        let used = at.used;
        let measured = measure(self, made)?;
        let is = |of: fn(&Item<'g>) -> bool, i: &usize| self.items[*i].as_ref().is_some_and(of);
        let all_exact = used.iter().all(|i| is(|item| item.exact, i));
        let is_kink = step.row.kind.has_kinks() && !all_exact && !self.smooth;
        let kinked = is_kink || used.iter().any(|i| is(|item| item.kinked, i));
        let exact = step.row.is_exact && all_exact && measured.dyadic;
        let made = self.bounded(made, &measured, if exact { 0.0 } else { variant.noise });
        for i in used {
            self.items[i].iter_mut().for_each(|item| item.used = true);
        }
        Some(Item { kinked, ..Item::of(made, measured, exact) })
    }

    /// A float scaled by a power of two, which is exact, until it is small; and disturbed, if asked for.
    fn bounded(&self, made: Made<'g>, measured: &Measured, noise: f64) -> Made<'g> {
        let Made::Float(mut tensor) = made else { return made };
        if measured.finite && measured.largest > LARGEST {
            tensor = tensor * (0.5 * LARGEST / measured.largest).log2().floor().exp2();
        }
        if noise != 0.0 {
            let mut state = self.items.len() as u32;
            let factors = ArrayD::from_shape_simple_fn(IxDyn(&measured.dims), || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if state >> 20 & 1 == 0 { 1.0 + noise } else { 1.0 - noise }
            });
            tensor = tensor * self.graph.constant(factors);
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
        let last = self.items.iter().skip(self.leaves).flatten();
        let last = last.filter(|item| item.usable && !item.kinked && !item.used && !item.dims.contains(&0));
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
            used: false,
        }
    }
}

/// An operand that a step has picked.
#[derive(Clone, Debug)]
pub(crate) struct X<'g, T = f64> {
    pub(crate) tensor: Tensor<'g, T>,
    pub(crate) dims: Vec<usize>,
}

impl<'g, T> std::ops::Deref for X<'g, T> {
    type Target = Tensor<'g, T>;
    fn deref(&self) -> &Tensor<'g, T> {
        &self.tensor
    }
}

impl<T> X<'_, T> {
    pub(crate) fn rank(&self) -> usize {
        self.dims.len()
    }

    pub(crate) fn size(&self) -> usize {
        self.dims.iter().product()
    }
}

/// Where a step is applied: gives operands that fit, and numbers, as the step's own numbers choose.
pub(crate) struct At<'b, 'g> {
    build: &'b mut Build<'g>,
    step: &'b Step,
    picked: usize,
    numbered: usize,
    used: Vec<usize>,
}

/// Whether two lists of lengths broadcast.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> bool {
    a.iter().rev().zip(b.iter().rev()).all(|(a, b)| a == b || *a == 1 || *b == 1)
}

impl<'g> At<'_, 'g> {
    pub(crate) fn graph(&self) -> &'g Graph {
        self.build.graph
    }

    /// A number below a bound, which must not be 0.
    pub(crate) fn number(&mut self, below: usize) -> usize {
        let numbers = self.step.numbers;
        self.numbered += 1;
        let (turn, place) = ((self.numbered - 1) / numbers.len(), (self.numbered - 1) % numbers.len());
        (usize::from(numbers[place]) >> turn) % below
    }

    /// A multiple of 1/4 from -2 to 2.
    pub(crate) fn quarter(&mut self) -> f64 {
        self.number(17) as f64 / 4.0 - 2.0
    }

    fn picked<T: Sort>(&mut self, fits: impl Fn(&Item<'g>) -> bool) -> Option<X<'g, T>> {
        let items = self.build.items.iter().enumerate();
        let fitting: Vec<(usize, X<'g, T>)> = items
            .filter_map(|(index, item)| {
                let item = item.as_ref().filter(|item| item.usable && fits(item))?;
                Some((index, X { tensor: T::of(item.made)?, dims: item.dims.clone() }))
            })
            .collect();
        let pick = usize::from(self.step.picks[self.picked % self.step.picks.len()]);
        self.picked += 1;
        // Half of the picks are among the latest, so that graphs are deep as well as wide.
        let latest = fitting.len().saturating_sub(3);
        let among = if pick % 2 == 0 { &fitting[..] } else { &fitting[latest..] };
        let (index, operand) = among.get((pick / 2).checked_rem(among.len())?)?.clone();
        self.used.push(index);
        Some(operand)
    }

    /// Any item of a type, with lengths that fit.
    pub(crate) fn any<T: Sort>(&mut self, fits: impl Fn(&[usize]) -> bool) -> Option<X<'g, T>> {
        self.picked(|item| fits(&item.dims))
    }

    pub(crate) fn float(&mut self) -> Option<X<'g>> {
        self.any(|_| true)
    }

    /// A float of at least so many axes.
    pub(crate) fn ranked(&mut self, rank: usize) -> Option<X<'g>> {
        self.any(|dims| dims.len() >= rank)
    }

    /// One that broadcasts with another.
    pub(crate) fn beside<T: Sort, U>(&mut self, other: &X<'g, U>) -> Option<X<'g, T>> {
        self.any(|dims| broadcast(dims, &other.dims))
    }

    /// A float that no rounding moves, for ops that jump; none where graphs must be smooth.
    pub(crate) fn steady(&mut self, fits: impl Fn(&[usize]) -> bool) -> Option<X<'g>> {
        if self.build.smooth { None } else { self.picked(|item| item.exact && fits(&item.dims)) }
    }

    /// A float of at least 1/2.
    pub(crate) fn positive(&mut self) -> Option<X<'g>> {
        let x = self.float()?;
        Some(Self::above(&x))
    }

    /// x² + 1/2.
    pub(crate) fn above(x: &X<'g>) -> X<'g> {
        X { tensor: x.tensor * x.tensor + 0.5, dims: x.dims.clone() }
    }

    /// A float between -0.9 and 0.9.
    pub(crate) fn unit(&mut self) -> Option<X<'g>> {
        let x = self.float()?;
        Some(X { tensor: x.tanh() * 0.9, dims: x.dims.clone() })
    }

    /// A float for an op with a kink at 0; one away from it where graphs must be smooth.
    pub(crate) fn off_zero(&mut self) -> Option<X<'g>> {
        let x = self.float()?;
        Some(match (self.build.smooth, self.number(2)) {
            (false, _) => x,
            (true, 0) => Self::above(&x),
            (true, _) => X { tensor: -Self::above(&x).tensor, dims: x.dims },
        })
    }

    /// An axis of a tensor, and the same as the user may write it, counted from the end.
    pub(crate) fn axis(&mut self, rank: usize) -> Option<(usize, isize)> {
        let axis = if rank == 0 { return None } else { self.number(rank) };
        let signed = if self.number(2) == 0 { axis as isize } else { axis as isize - rank as isize };
        Some((axis, signed))
    }

    /// Some axes, with or without the wish to keep them; and which they are.
    pub(crate) fn axes(&mut self, rank: usize) -> (Axes, Vec<usize>) {
        let (all, mask, keep) = (self.number(4) == 0, self.number(1 << rank), self.number(2) == 0);
        let chosen: Vec<usize> = (0..rank).filter(|axis| all || mask >> axis & 1 == 1).collect();
        let axes = if all {
            Axes::all()
        } else {
            // Some are counted from the end.
            let signed = |&axis: &usize| axis as isize - if axis % 2 == 1 { rank as isize } else { 0 };
            Axes::of(chosen.iter().map(signed).collect::<Vec<_>>())
        };
        (if keep { axes.keep_dims() } else { axes }, chosen)
    }

    /// Integers from 0 to below a bound, of the given lengths: a constant. None if there is no such number.
    pub(crate) fn indices(&mut self, dims: &[usize], below: usize) -> Option<Tensor<'g, i64>> {
        if below == 0 && !dims.contains(&0) {
            return None;
        }
        let mut state = self.number(256) as u32;
        let indices = ArrayD::from_shape_simple_fn(IxDyn(dims), || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            i64::from(state >> 16) % below as i64
        });
        Some(self.build.graph.constant(indices))
    }

    /// A float leaf, to differentiate by; a few times in a graph.
    pub(crate) fn target(&mut self) -> Option<X<'g>> {
        if self.build.derivatives == MOST_DERIVATIVES {
            return None;
        }
        let leaves = self.build.float_leaves();
        let (index, tensor) = leaves[self.number(leaves.len())];
        let dims = self.build.items[index].as_ref()?.dims.clone();
        self.build.derivatives += 1;
        self.used.push(index);
        Some(X { tensor, dims })
    }

    /// A float whose gradients do not jump, with lengths that fit.
    pub(crate) fn differentiable(&mut self, fits: impl Fn(&[usize]) -> bool) -> Option<X<'g>> {
        self.picked(|item| !item.kinked && fits(&item.dims))
    }

    /// Lets a variable be assigned to, after all that was assigned to it before.
    pub(crate) fn assigned(
        &mut self,
        assign: fn(Variable<'g, f64>, Tensor<'g, f64>) -> Tensor<'g, f64>,
        fits: fn(&[usize], &[usize]) -> bool,
    ) -> Option<Tensor<'g, f64>> {
        let place = self.number(self.build.variables.len());
        let held = self.build.variables[place];
        let lengths = self.build.items[held.leaf].as_ref()?.dims.clone();
        let value = self.any::<f64>(|dims| fits(dims, &lengths))?;
        if self.build.smooth {
            // What is ordered after the assignment reads the new value, and has no gradient through it to what was
            // assigned: so there is one assignment, and no reader after it.
            if held.last.is_some() {
                return None;
            }
            self.build.items[held.leaf].iter_mut().for_each(|item| item.usable = false);
        }
        let new = self.after(held, || assign(held.variable, value.tensor));
        self.build.variables[place].last = Some((new.op(), self.build.items.len()));
        self.build.operations.push(new.op());
        Some(new)
    }

    /// A variable that is read after what was last assigned to it.
    pub(crate) fn read_after(&mut self) -> Tensor<'g, f64> {
        let place = self.number(self.build.variables.len());
        let held = self.build.variables[place];
        self.after(held, || held.variable + 0.5)
    }

    /// Builds behind what was last assigned to a variable.
    fn after(&mut self, held: Held<'g>, build: impl FnOnce() -> Tensor<'g, f64>) -> Tensor<'g, f64> {
        self.used.push(held.leaf);
        self.used.extend(held.last.map(|(_, item)| item));
        let before: Vec<Operation<'g>> = held.last.into_iter().map(|(operation, _)| operation).collect();
        self.build.graph.control_dependencies(&before, build)
    }

    /// All operations so far as one.
    pub(crate) fn grouped(&mut self) {
        let group = self.build.graph.group(self.build.operations.clone());
        self.build.operations.push(group);
    }
}
