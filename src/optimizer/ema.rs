//! [`Ema`]: exponential moving averages of weights, to predict with instead of the weights themselves.

use std::collections::BTreeMap;

use super::rule::number;
use super::{OptimizerFault, Parameter, Schedule};
use crate::op::Fault;
use crate::prelude::{Float, Graph, Operation, Tensor, Value, Variable};

/// How the names of averages end.
const SUFFIX: &str = "/ema";

/// Exponential moving averages of variables: a ← decay·a + (1 - decay)·w after each step, starting from where w starts.
///
/// Weights that stochastic gradients throw about are often better as their average over the last 1/(1 - decay) steps or
/// so. Averages are variables that are not trainable, named `<variable>/ema`, so checkpoints hold them.
///
/// The decay is a number, or a tensor, a variable or a [`Schedule`] of the global step, which optimizers count and nothing
/// else does. A number that is not in [0, 1) is a build error; what a tensor holds is not looked at.
///
/// ```
/// use flowgrad::optimizer::Ema;
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let w = g.variable("w", 8.0_f64);
/// let train = Sgd::new(0.25).minimize(w.square()); // w: 8, 4, 2
/// let averages = Ema::new(0.5).of(&g, &[w]);
/// let step = averages.update_after(train); // a: 8, 6, 4
///
/// let session = Session::new(&g)?;
/// session.run(step)?;
/// session.run(step)?;
/// let prediction = w * 10.0;
/// assert_eq!(session.run(prediction)?.sum(), 20.0);
/// session.run(averages.swap())?;
/// assert_eq!(session.run(prediction)?.sum(), 40.0);
/// session.run(averages.swap())?; // and train on
/// assert_eq!(session.run(prediction)?.sum(), 20.0);
/// # Ok::<(), flowgrad::Error>(())
/// ```
///
/// [`Trainer::average`](crate::train::Trainer::average) updates them with its steps and validates with
/// them. Another program predicts with them by [`averaged`].
///
/// Source: Polyak and Juditsky, *Acceleration of stochastic approximation by averaging*, 1992; this form and the warm-up
/// are TensorFlow's `ExponentialMovingAverage`.
#[derive(Clone, Debug)]
#[must_use = "nothing is averaged before `of` builds what does"]
pub struct Ema {
    decay: Schedule,
    warms_up: bool,
}

impl Ema {
    /// Averages of this decay, in [0, 1): 0.999 and 0.9999 are usual.
    ///
    /// ```
    /// use flowgrad::optimizer::Ema;
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", 0.0_f64);
    /// let decay = g.non_trainable_variable("decay", 0.5_f64);
    /// let averages = Ema::new(decay).of(&g, &[w]);
    /// let step = averages.update_after(w.assign(8.0).op());
    /// let session = Session::new(&g)?;
    /// session.run(step)?; // 0.5·0 + 0.5·8
    /// session.run(decay.assign(0.75))?;
    /// session.run(step)?; // 0.75·4 + 0.25·8
    /// assert_eq!(session.run(averages.get(w))?.item()?, 5.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn new(decay: impl Into<Schedule>) -> Self {
        Ema { decay: decay.into(), warms_up: false }
    }

    /// Averages over fewer steps at first, when weights move fast: the decay of the update after t others is
    /// min(decay, (1 + t)/(10 + t)), as with TensorFlow's `num_updates`.
    ///
    /// ```
    /// use flowgrad::optimizer::Ema;
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let w = g.variable("w", 0.0_f64);
    /// let averages = Ema::new(0.999).warmed_up().of(&g, &[w]);
    /// let session = Session::new(&g)?;
    /// session.run(averages.update_after(w.assign(10.0).op()))?; // 0.1·0 + 0.9·10
    /// assert!((session.run(averages.get(w))?.sum() - 9.0).abs() < 1e-12);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn warmed_up(self) -> Self {
        Ema { warms_up: true, ..self }
    }

    /// Makes the averages of these variables, of [`Graph::trainable_variables`] for instance.
    ///
    /// # Errors
    /// A decay out of its range and a variable that is given twice are build errors.
    #[track_caller]
    pub fn of<'g, T: Float>(self, g: &'g Graph, variables: &[Variable<'g, T>]) -> Averages<'g, T> {
        if let Some(fault) = self.fault(g, variables) {
            let invalid = g.invalid::<T>("ema", fault);
            return Averages { graph: g, pairs: Vec::new(), decay: invalid, updates: None };
        }
        g.attributed_to_caller(|| {
            let average = |&variable: &Variable<'g, T>| {
                (variable, g.non_trainable_variable(&(variable.name() + SUFFIX), variable))
            };
            let pairs = variables.iter().map(average).collect();
            g.name_scope("ema", || {
                if !self.warms_up {
                    return Averages { graph: g, pairs, decay: self.decay.now(g), updates: None };
                }
                let updates = g.non_trainable_variable("updates", 0_i64);
                let t = updates.cast::<f64>();
                let decay = ((t + 1.0) / (t + 10.0)).minimum(self.decay.now::<f64>(g)).cast();
                Averages { graph: g, pairs, decay, updates: Some(updates) }
            })
        })
    }

    /// What is wrong, if anything is.
    fn fault<T: Float>(&self, g: &Graph, variables: &[Variable<'_, T>]) -> Option<Fault> {
        if let Some(fault) = Parameter::fraction("decay", self.decay.clone()).fault_in(g) {
            return Some(fault);
        }
        let mut names: Vec<String> = variables.iter().map(|variable| variable.name()).collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1])?;
        Some(Fault::op(OptimizerFault::VariableTwice { variable: twice[0].clone() }))
    }
}

/// The averages that [`Ema::of`] has made, and the operations on them.
#[derive(Clone, Debug)]
pub struct Averages<'g, T> {
    graph: &'g Graph,
    pairs: Vec<(Variable<'g, T>, Variable<'g, T>)>,
    decay: Tensor<'g, T>,
    /// How many updates there were, where the decay depends on that.
    updates: Option<Variable<'g, i64>>,
}

impl<'g, T: Float> Averages<'g, T> {
    /// Each variable with its average.
    pub fn pairs(&self) -> &[(Variable<'g, T>, Variable<'g, T>)] {
        &self.pairs
    }

    /// The average of a variable; of one that is not averaged, the variable itself.
    pub fn get(&self, variable: Variable<'g, T>) -> Variable<'g, T> {
        let is_it = |(other, _): &&(Variable<'g, T>, Variable<'g, T>)| other.name() == variable.name();
        self.pairs.iter().find(is_it).map_or(variable, |&(_, average)| average)
    }

    /// Takes the values that the variables have after `step` into the averages. It runs the step: train by this
    /// operation in its place.
    ///
    /// Where gradients are [accumulated](super::Optimizer::accumulate) over k runs, each run is an update: the k-th root
    /// of the decay averages over as many steps.
    #[track_caller]
    pub fn update_after(&self, step: Operation<'g>) -> Operation<'g> {
        let g = self.graph;
        g.attributed_to_caller(|| {
            g.control_dependencies(&[step], || {
                let share = -self.decay + number::<T>(1.0);
                // In this form an average of what does not change does not either.
                let update = |&(variable, average): &(Variable<'g, T>, Variable<'g, T>)| {
                    average.assign_sub((average - variable) * share).op()
                };
                let count = self.updates.map(|updates| updates.assign_add(1).op());
                let mut updates: Vec<Operation<'g>> = self.pairs.iter().map(update).collect();
                updates.extend(count);
                updates.push(step);
                // Without variables it must still be invalid where the averages are.
                updates.push(self.decay.op());
                g.group(updates).named("update_averages")
            })
        })
    }

    /// Exchanges the variables and their averages, to predict with the averages; once more, it puts them back, with the
    /// same bits.
    #[track_caller]
    pub fn swap(&self) -> Operation<'g> {
        self.for_each(|variable, average| vec![variable.assign(average).op(), average.assign(variable).op()])
    }

    /// Sets the variables to their averages, for good.
    #[track_caller]
    pub fn apply(&self) -> Operation<'g> {
        self.for_each(|variable, average| vec![variable.assign(average).op()])
    }

    #[track_caller]
    fn for_each(
        &self,
        change: impl Fn(Variable<'g, T>, Variable<'g, T>) -> Vec<Operation<'g>>,
    ) -> Operation<'g> {
        self.graph.attributed_to_caller(|| {
            let mut changes: Vec<Operation<'g>> =
                self.pairs.iter().flat_map(|&(variable, average)| change(variable, average)).collect();
            changes.push(self.decay.op());
            self.graph.group(changes)
        })
    }
}

/// Of the variables of a checkpoint, those that a model without averages has: each that has an average is replaced by
/// it, and the averages are left out.
///
/// ```
/// use flowgrad::optimizer::{Ema, averaged};
/// use flowgrad::prelude::*;
/// let trained = Graph::new();
/// let w = trained.variable("w", 8.0_f64);
/// let averages = Ema::new(0.5).of(&trained, &[w]);
/// let session = Session::new(&trained)?;
/// session.run(averages.update_after(w.assign(4.0).op()))?;
///
/// let g = Graph::new();
/// let w = g.variable("w", 0.0_f64);
/// let predictor = Session::new(&g)?;
/// predictor.load(averaged(&session.variable_values()?))?;
/// assert_eq!(predictor.run(w)?.sum(), 6.0);
/// # Ok::<(), flowgrad::Error>(())
/// ```
///
/// For a checkpoint it is `checkpoint.clone().with_variables(averaged(checkpoint.variables()))`, whose `restore_model`
/// a program that predicts calls.
pub fn averaged(variables: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let is_average = |name: &str| name.strip_suffix(SUFFIX).is_some_and(|name| variables.contains_key(name));
    let own = variables.iter().filter(|(name, _)| !is_average(name));
    own.map(|(name, value)| {
        let average = variables.get(&format!("{name}{SUFFIX}")).unwrap_or(value);
        (name.clone(), average.clone())
    })
    .collect()
}
