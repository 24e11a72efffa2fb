//! How far to go along a direction: to a point of the strong Wolfe conditions.
//!
//! With φ(α), the objective at the step α, and its slope φ′(α), a step does if
//!
//! > φ(α) ≤ φ(0) + c₁·α·φ′(0)  and  |φ′(α)| ≤ c₂·|φ′(0)|
//!
//! First the step grows until it brackets such a step, then the bracket shrinks by cubic interpolation.
//!
//! Source: Nocedal and Wright, *Numerical Optimization*, 2nd edition, algorithms 3.5 and 3.6. Where rounding hides
//! whether the value sinks, slopes decide, by the approximate condition of Hager and Zhang, *A new conjugate gradient
//! method with guaranteed descent and an efficient line search*, 2005.

use ndarray::{Array1, Zip};

use crate::{Float, Objective, Result};

/// c₁: how much of what the slope promises a step must gain.
const DECREASE: f64 = 1e-4;

/// c₂: how much of the slope may be left. Quasi-Newton steps are mostly right as they are; a smaller one costs more
/// evaluations a step.
const CURVATURE: f64 = 0.9;

/// Evaluations for one step, at most. Each shortens a bracket, mostly by half or more.
const MOST_EVALUATIONS: usize = 60;

/// By how much a step grows that is too short: at least, and at most.
const GROWTH: [f64; 2] = [2.0, 10.0];

/// How near to an end of a bracket the next step may be, in widths of the bracket.
const MARGIN: f64 = 0.1;

/// By how many units in the last place a value may differ from what it would be without rounding: a step that gains
/// less has gained nothing.
pub(super) const ROUNDINGS: f64 = 8.0;

/// A point, and what the objective is there.
#[derive(Clone, Debug)]
pub(super) struct Point<T> {
    pub(super) at: Array1<T>,
    pub(super) value: f64,
    pub(super) gradient: Array1<T>,
}

impl<T: Float> Point<T> {
    pub(super) fn new(objective: &Objective<'_, T>, at: Array1<T>) -> Result<Self> {
        let (value, gradient) = objective.value_and_gradient(at.view())?;
        Ok(Point { at, value: value.as_f64(), gradient })
    }

    /// The largest magnitude in the gradient; NaN if there is one.
    pub(super) fn norm(&self) -> f64 {
        self.gradient.iter().fold(0.0, |most: f64, element| {
            let magnitude = element.as_f64().abs();
            if magnitude.is_nan() {
                magnitude
            } else if most.is_nan() {
                most
            } else {
                most.max(magnitude)
            }
        })
    }

    pub(super) fn is_finite(&self) -> bool {
        self.value.is_finite() && self.norm().is_finite()
    }
}

/// The sum of the products of the elements, in double precision.
pub(super) fn dot<T: Float>(a: &Array1<T>, b: &Array1<T>) -> f64 {
    Zip::from(a).and(b).fold(0.0, |sum, a, b| sum + a.as_f64() * b.as_f64())
}

/// `at + step·direction`.
pub(super) fn along<T: Float>(at: &Array1<T>, step: f64, direction: &Array1<T>) -> Array1<T> {
    Zip::from(at).and(direction).map_collect(|&at, &d| T::from_f64(at.as_f64() + step * d.as_f64()))
}

/// A step, and what the objective is there.
#[derive(Clone, Debug)]
struct Trial<T> {
    step: f64,
    slope: f64,
    point: Point<T>,
}

/// A search from a point along a direction that descends.
pub(super) struct LineSearch<'a, T> {
    objective: &'a Objective<'a, T>,
    start: &'a Point<T>,
    direction: &'a Array1<T>,
    slope: f64,
    pub(super) evaluations: usize,
}

impl<'a, T: Float> LineSearch<'a, T> {
    pub(super) fn new(
        objective: &'a Objective<'a, T>,
        start: &'a Point<T>,
        direction: &'a Array1<T>,
    ) -> Self {
        let slope = dot(&start.gradient, direction);
        LineSearch { objective, start, direction, slope, evaluations: 0 }
    }

    /// A point that meets the conditions, or, if there is no evaluation left, the lowest one that gains enough. None if
    /// no step does, or the direction does not descend.
    pub(super) fn run(&mut self, first: f64) -> Result<Option<Point<T>>> {
        if !(self.slope < 0.0 && first > 0.0) {
            return Ok(None);
        }
        let origin = Trial { step: 0.0, slope: self.slope, point: self.start.clone() };
        let (mut before, mut step) = (origin, first);
        while let Some(trial) = self.try_step(step)? {
            if !trial.point.is_finite() {
                // Out of the domain of the objective: back towards what is inside.
                step = before.step + MARGIN * (step - before.step);
                continue;
            }
            if self.is_good(&trial) {
                return Ok(Some(trial.point));
            }
            let is_beyond =
                !self.gains_enough(&trial) || before.step > 0.0 && trial.point.value >= before.point.value;
            if is_beyond {
                return self.zoom(before, trial);
            }
            if trial.slope >= 0.0 {
                return self.zoom(trial, before);
            }
            let [least, most] = GROWTH.map(|growth| growth * trial.step);
            step = minimum_of_cubic(&before, &trial).map_or(most, |step| step.clamp(least, most));
            before = trial;
        }
        Ok(self.if_it_gains(before))
    }

    /// Looks between a step that gains enough and another; the slope at the first one points to the second.
    fn zoom(&mut self, mut low: Trial<T>, mut high: Trial<T>) -> Result<Option<Point<T>>> {
        loop {
            let (width, middle) = (high.step - low.step, 0.5 * (low.step + high.step));
            let inner = [low.step + MARGIN * width, high.step - MARGIN * width];
            let [least, most] = if width < 0.0 { [inner[1], inner[0]] } else { inner };
            let step = match minimum_of_cubic(&low, &high) {
                Some(step) if (least..=most).contains(&step) => step,
                _ => middle,
            };
            if step == low.step || step == high.step {
                return Ok(self.if_it_gains(low));
            }
            let Some(trial) = self.try_step(step)? else { return Ok(self.if_it_gains(low)) };
            if trial.point.is_finite() && self.is_good(&trial) {
                return Ok(Some(trial.point));
            }
            let is_lower =
                trial.point.is_finite() && self.gains_enough(&trial) && trial.point.value < low.point.value;
            if !is_lower {
                high = trial;
                continue;
            }
            if trial.slope * width >= 0.0 {
                high = low;
            }
            low = trial;
        }
    }

    /// What the objective is at a step, if it may be evaluated once more.
    fn try_step(&mut self, step: f64) -> Result<Option<Trial<T>>> {
        if self.evaluations == MOST_EVALUATIONS || !step.is_finite() {
            return Ok(None);
        }
        self.evaluations += 1;
        let point = Point::new(self.objective, along(&self.start.at, step, self.direction))?;
        let slope = dot(&point.gradient, self.direction);
        Ok(Some(Trial { step, slope, point }))
    }

    fn gains_enough(&self, trial: &Trial<T>) -> bool {
        trial.point.value <= self.start.value + DECREASE * trial.step * self.slope
    }

    fn is_good(&self, trial: &Trial<T>) -> bool {
        let is_flat = trial.slope.abs() <= -CURVATURE * self.slope;
        is_flat && (self.gains_enough(trial) || self.gains_by_slope(trial))
    }

    /// Whether the value is the same but for rounding, and the slope has sunk as it does where the value does.
    fn gains_by_slope(&self, trial: &Trial<T>) -> bool {
        let rounding = ROUNDINGS * T::epsilon().as_f64() * self.start.value.abs();
        trial.point.value <= self.start.value + rounding && trial.slope <= (2.0 * DECREASE - 1.0) * self.slope
    }

    fn if_it_gains(&self, trial: Trial<T>) -> Option<Point<T>> {
        (trial.step > 0.0 && trial.point.value < self.start.value).then_some(trial.point)
    }
}

/// Where the cubic through two values and slopes is least, if it is so anywhere.
fn minimum_of_cubic<T>(a: &Trial<T>, b: &Trial<T>) -> Option<f64> {
    let width = b.step - a.step;
    let d1 = a.slope + b.slope - 3.0 * (b.point.value - a.point.value) / width;
    let d2 = (d1 * d1 - a.slope * b.slope).sqrt().copysign(width);
    let step = b.step - width * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2);
    step.is_finite().then_some(step)
}
