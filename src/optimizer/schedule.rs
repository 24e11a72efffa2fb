//! [`Schedule`]: a number that may change from step to step, such as the learning rate.

use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

use super::parameter::Range;
use super::rule::number;
use super::{OptimizerFault, Parameter, global_step};
use crate::graph::Detached;
use crate::op::Fault;
use crate::{DType, Float, Graph, Shape, Tensor, Variable};

/// A rate, or another number of training, as a function of the step, which counts from 0. A number is the schedule that
/// is always that; a tensor or a variable of the graph is one as well, whatever it is computed from. Optimizers,
/// clipping and [`Dropout`](crate::nn::Dropout) take each of them.
///
/// The step is the [`global_step`](super::global_step), of which the first step of an optimizer sees 0. Rates are
/// computed in `f64` and rounded once.
///
/// Unsuited numbers are a build error where the rate is built: rates must be finite and at least 0, numbers of
/// steps above 0. So is a tensor of another graph, or of several elements; what a tensor holds is not looked at.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let rate = Schedule::exponential(0.1, 0.5, 100).after_warm_up(0.0, 10).rate::<f32>(global_step(&g));
/// let session = Session::new(&g)?;
/// assert_eq!(session.feed(global_step(&g), 5).run(rate)?.sum(), 0.05);
/// assert_eq!(session.feed(global_step(&g), 110).run(rate)?.sum(), 0.05);
/// # Ok::<(), flowgrad::Error>(())
/// ```
/// A rate that the program sets between steps:
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let w = g.variable("w", 8.0_f64);
/// let rate = g.non_trainable_variable("rate", 0.25_f64);
/// let halve = rate.assign(rate * 0.5);
/// let train = Sgd::new(rate).minimize(w * 1.0);
/// let session = Session::new(&g)?;
/// session.run(train)?; // 8 - 0.25
/// session.run(halve)?;
/// session.run(train)?; // 7.75 - 0.125
/// assert_eq!(session.run(w)?.sum(), 7.625);
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Schedule(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Constant(f64),
    Exponential { start: f64, factor: f64, steps: usize },
    Staircase { start: f64, factor: f64, steps: usize },
    Cosine { start: f64, end: f64, steps: usize },
    Piecewise { start: f64, changes: Vec<(usize, f64)> },
    WarmUp { start: f64, steps: usize, then: Box<Schedule> },
    Function(Function),
    Tensor(Detached),
}

#[derive(Clone)]
struct Function(Arc<OfStep>);

type OfStep = dyn for<'g> Fn(Tensor<'g, f64>) -> Tensor<'g, f64> + Send + Sync;

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("of the step")
    }
}

impl From<f64> for Schedule {
    /// The rate that is always that.
    fn from(rate: f64) -> Self {
        Schedule(Kind::Constant(rate))
    }
}

impl<T: Float> From<Tensor<'_, T>> for Schedule {
    /// What the tensor holds in each run. It must be a single number of the graph in which the schedule is used.
    fn from(rate: Tensor<'_, T>) -> Self {
        Schedule(Kind::Tensor(rate.any().detached()))
    }
}

impl<T: Float> From<Variable<'_, T>> for Schedule {
    /// What the variable holds.
    fn from(rate: Variable<'_, T>) -> Self {
        rate.tensor().into()
    }
}

impl Schedule {
    /// Always `rate`. A number serves as well where a schedule is taken.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let rate = Schedule::constant(0.25).after_warm_up(0.0, 2).rate::<f32>(g.constant(ndarray::arr1(&[0, 1, 2])));
    /// assert_eq!(Session::new(&g)?.run(rate)?, ndarray::arr1(&[0.0, 0.125, 0.25]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn constant(rate: f64) -> Self {
        rate.into()
    }

    /// Decays by `factor` in every `steps` steps: start·factor^(step / steps).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let rate = Schedule::exponential(0.5, 0.25, 2).rate::<f64>(g.constant(ndarray::arr1(&[0, 1, 2])));
    /// assert_eq!(Session::new(&g)?.run(rate)?, ndarray::arr1(&[0.5, 0.25, 0.125]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn exponential(start: f64, factor: f64, steps: usize) -> Self {
        Schedule(Kind::Exponential { start, factor, steps })
    }

    /// Decays by `factor` after every `steps` steps and is constant between: start·factor^⌊step / steps⌋.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let rate = Schedule::staircase(0.5, 0.25, 2).rate::<f64>(g.constant(ndarray::arr1(&[0, 1, 2])));
    /// assert_eq!(Session::new(&g)?.run(rate)?, ndarray::arr1(&[0.5, 0.5, 0.125]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn staircase(start: f64, factor: f64, steps: usize) -> Self {
        Schedule(Kind::Staircase { start, factor, steps })
    }

    /// Falls along half a wave of a cosine, and stays at `end`:
    /// end + (start - end)·(1 + cos(π·min(step / steps, 1)))/2.
    ///
    /// Source: Loshchilov and Hutter, *SGDR: stochastic gradient descent with warm restarts*, 2017, equation 5. As
    /// TensorFlow's, it does not rise again, as PyTorch's does after `steps`.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let rate = Schedule::cosine(1.0, 0.5, 2).rate::<f64>(g.constant(ndarray::arr1(&[0, 1, 2, 3])));
    /// let expected = ndarray::arr1(&[1.0, 0.75, 0.5, 0.5]).into_dyn();
    /// assert!((Session::new(&g)?.run(rate)? - expected).iter().all(|e| e.abs() < 1e-15));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn cosine(start: f64, end: f64, steps: usize) -> Self {
        Schedule(Kind::Cosine { start, end, steps })
    }

    /// Is `start` at first, and from each of the given steps on, which ascend, the rate beside it.
    ///
    /// As with PyTorch's milestones, a rate holds at its step already; TensorFlow's boundaries are the steps before.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let steps = g.constant(ndarray::arr1(&[0, 99, 100, 199, 200]));
    /// let rate = Schedule::piecewise(1.0, [(100, 0.5), (200, 0.25)]).rate::<f64>(steps);
    /// assert_eq!(Session::new(&g)?.run(rate)?, ndarray::arr1(&[1.0, 1.0, 0.5, 0.5, 0.25]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn piecewise(start: f64, changes: impl Into<Vec<(usize, f64)>>) -> Self {
        Schedule(Kind::Piecewise { start, changes: changes.into() })
    }

    /// This schedule behind a warm-up of `steps` steps, which rises evenly from `start` to where the schedule starts:
    /// start + (this(0) - start)·step/steps, then this(step - steps).
    ///
    /// Source: Goyal et al., *Accurate, large minibatch SGD*, 2017, section 2.2.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let steps = g.constant(ndarray::arr1(&[0, 1, 2, 3, 4, 5]));
    /// let rate = Schedule::staircase(0.5, 0.5, 1).after_warm_up(0.25, 2).rate::<f64>(steps);
    /// let expected = ndarray::arr1(&[0.25, 0.375, 0.5, 0.25, 0.125, 0.0625]);
    /// assert_eq!(Session::new(&g)?.run(rate)?, expected.into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn after_warm_up(self, start: f64, steps: usize) -> Self {
        Schedule(Kind::WarmUp { start, steps, then: Box::new(self) })
    }

    /// Any function of the step, which gives a single number for it. It is called for any graph, so it can use no tensor but
    /// the step. Numbers and arrays that the function uses are moved in by `move`, or shared by an [`Arc`]. A rate that is
    /// computed from other tensors is a tensor, and given as that:
    /// `Adam::new((global_step(&g).cast::<f64>() + 1.0).rsqrt() * scale)`.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let schedule = Schedule::of(|step| (step + 1.0).rsqrt() * 0.5);
    /// let rate = schedule.rate::<f32>(g.constant(ndarray::arr1(&[0, 3])));
    /// assert_eq!(Session::new(&g)?.run(rate)?, ndarray::arr1(&[0.5, 0.25]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn of<F>(function: F) -> Self
    where
        F: for<'g> Fn(Tensor<'g, f64>) -> Tensor<'g, f64> + Send + Sync,
        F: 'static, // owns what it uses: `move`, or an `Arc`
    {
        Schedule(Kind::Function(Function(Arc::new(function))))
    }

    /// The rate at a step, of the step's shape; a constant rate is a single number.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let rate = Schedule::from(0.1).rate::<f64>(global_step(&g));
    /// assert_eq!(Session::new(&g)?.run(rate)?.sum(), 0.1);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn rate<'g, T: Float>(&self, step: impl Into<Tensor<'g, i64>>) -> Tensor<'g, T> {
        let step = step.into();
        match (Parameter::not_negative("the rate", self.clone()).fault_in(step.graph()), &self.0) {
            (Some(fault), _) => step.graph().invalid("schedule", fault),
            (None, Kind::Constant(rate)) => step.graph().constant(number::<T>(*rate)),
            (None, _) => {
                let rate = self.at(step);
                let (expected, found) = (step.shape(), rate.shape());
                // An invalid tensor has the shape [0], and its fault is reported already.
                if [&expected, &Shape::scalar(), &Shape::from([0])].contains(&&found) {
                    return rate.cast();
                }
                step.graph().invalid("schedule", Fault::OtherShape { expected, found })
            }
        }
    }

    /// The number in this graph at its [`global_step`](super::global_step).
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let share = Schedule::exponential(1.0, 0.5, 10).now::<f32>(&g);
    /// assert_eq!(Session::new(&g)?.feed(global_step(&g), 20).run(share)?.sum(), 0.25);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn now<'g, T: Float>(&self, g: &'g Graph) -> Tensor<'g, T> {
        match self.number() {
            Some(rate) => g.constant(number::<T>(rate)),
            None => self.rate(global_step(g)),
        }
    }

    /// The number, if it is always the same.
    pub(crate) fn number(&self) -> Option<f64> {
        match self.0 {
            Kind::Constant(number) => Some(number),
            _ => None,
        }
    }

    /// Whether it is always 0.
    pub(super) fn is_zero(&self) -> bool {
        self.number() == Some(0.0)
    }

    /// The number and what it lacks of 1, each rounded once.
    #[track_caller]
    pub(crate) fn shares<'g, T: Float>(&self, g: &'g Graph) -> [Tensor<'g, T>; 2] {
        if let Some(share) = self.number() {
            return [share, 1.0 - share].map(|share| g.constant(number::<T>(share)));
        }
        let share = self.now::<f64>(g);
        [share, -share + 1.0].map(|share| share.cast())
    }

    #[track_caller]
    fn at<'g>(&self, step: Tensor<'g, i64>) -> Tensor<'g, f64> {
        let g = step.graph();
        match &self.0 {
            Kind::Tensor(tensor) => {
                let Some(tensor) = g.attached(*tensor) else {
                    let fault = OptimizerFault::OtherGraph { name: "the rate" };
                    return g.invalid("schedule", Fault::op(fault));
                };
                tensor.cast(DType::F64).typed()
            }
            Kind::Constant(rate) => g.constant(*rate),
            Kind::Exponential { start, factor, steps } => {
                g.constant(*factor).pow(step.cast() / *steps as f64) * *start
            }
            Kind::Staircase { start, factor, steps } => {
                g.constant(*factor).pow(step.floor_div(whole(*steps)).cast()) * *start
            }
            Kind::Cosine { start, end, steps } => {
                let passed = step.minimum(whole(*steps)).cast() / *steps as f64;
                ((passed * PI).cos() + 1.0) * (0.5 * (start - end)) + *end
            }
            Kind::Piecewise { start, changes } => {
                changes.iter().fold(g.constant(*start), |before, &(first, rate)| {
                    step.less(whole(first)).select(before, rate)
                })
            }
            Kind::WarmUp { start, steps, then } => {
                let rate = then.at((step - whole(*steps)).maximum(0));
                let passed = step.cast() / *steps as f64;
                step.less(whole(*steps)).select((rate - *start) * passed + *start, rate)
            }
            Kind::Function(Function(function)) => function(step.cast()),
        }
    }

    /// What is wrong with the numbers, which must lie in a range, if anything is.
    pub(super) fn fault_of(&self, name: &'static str, range: Range) -> Option<OptimizerFault> {
        let rate = |&rate: &f64| {
            let (expected, found) = (range.words(), rate.to_string());
            (!range.contains(rate)).then_some(OptimizerFault::Parameter { name, expected, found })
        };
        let number_of = |steps: usize| Parameter::positive("the number of steps", steps as f64).fault();
        match &self.0 {
            Kind::Constant(start) => rate(start),
            Kind::Exponential { start, factor, steps } | Kind::Staircase { start, factor, steps } => {
                let factor = || Parameter::positive("the factor of the rate", *factor).fault();
                rate(start).or_else(factor).or_else(|| number_of(*steps))
            }
            Kind::Cosine { start, end, steps } => {
                rate(start).or_else(|| rate(end)).or_else(|| number_of(*steps))
            }
            Kind::Piecewise { start, changes } => {
                let rates = || changes.iter().find_map(|(_, next)| rate(next));
                let mut pairs = changes.iter().zip(changes.iter().skip(1));
                let order = || {
                    let (before, behind) = pairs.find(|(before, behind)| before.0 >= behind.0)?;
                    Some(OptimizerFault::StepOrder { before: before.0, behind: behind.0 })
                };
                rate(start).or_else(rates).or_else(order)
            }
            Kind::WarmUp { start, steps, then } => {
                rate(start).or_else(|| number_of(*steps)).or_else(|| then.fault_of(name, range))
            }
            Kind::Function(_) | Kind::Tensor(_) => None,
        }
    }

    /// Why a tensor gives no number in this graph, if it does not.
    pub(super) fn fault_in(&self, g: &Graph, name: &'static str) -> Option<Fault> {
        match &self.0 {
            Kind::WarmUp { then, .. } => then.fault_in(g, name),
            Kind::Tensor(tensor) => {
                let Some(tensor) = g.attached(*tensor) else {
                    return Some(Fault::op(OptimizerFault::OtherGraph { name }));
                };
                let found = tensor.shape();
                // What is invalid is reported itself.
                let is_single = found.rank() == 0 || tensor.is_invalid();
                (!is_single).then(|| Fault::op(OptimizerFault::NotANumber { name, found }))
            }
            _ => None,
        }
    }
}

/// A number of steps as the global step counts them.
fn whole(steps: usize) -> i64 {
    i64::try_from(steps).unwrap_or(i64::MAX)
}
