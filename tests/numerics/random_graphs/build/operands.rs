//! What a step is applied to: operands that fit, and numbers, as the step's own numbers choose.

use flowgrad::ndarray::{ArrayD, IxDyn};
use flowgrad::prelude::*;

use super::super::case::Step;
use super::{Build, Held, Item, Sort};

/// Derivatives that a graph may contain as steps: each may be longer than all that it differentiates.
const MOST_DERIVATIVES: usize = 2;

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

impl<'b, 'g> At<'b, 'g> {
    pub(super) fn new(build: &'b mut Build<'g>, step: &'b Step) -> Self {
        At { build, step, picked: 0, numbered: 0, used: Vec::new() }
    }

    /// The places of the items that were picked.
    pub(super) fn used(self) -> Vec<usize> {
        self.used
    }

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
