//! [`Parameter`]: a number that a user chose, and what it may be.

use super::{OptimizerFault, Schedule};
use crate::Graph;
use crate::op::Fault;

/// A number that a user chose, or what gives one for each step, with its name and the range that suits it.
///
/// The numbers that a [`Schedule`] is made of must lie in the range; what a tensor holds is not looked at.
///
/// Of those that an [`UpdateRule`](super::UpdateRule) lists, the first that is out of its range becomes a build
/// error.
///
/// ```
/// use flowgrad::optimizer::Parameter;
/// let parameters = [Parameter::fraction("beta", 1.0), Parameter::positive("limit", 2.0)];
/// let fault = parameters.iter().find_map(Parameter::fault);
/// assert_eq!(fault.unwrap().to_string(), "beta: expected a number in [0, 1), got 1");
/// ```
#[derive(Clone, Debug)]
pub struct Parameter {
    name: &'static str,
    number: Schedule,
    range: Range,
}

/// What a parameter may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Range {
    Positive,
    NotNegative,
    Fraction,
}

impl Range {
    /// NaN is in no range.
    pub(super) fn contains(self, value: f64) -> bool {
        match self {
            Range::Positive => value > 0.0 && value.is_finite(),
            Range::NotNegative => value >= 0.0 && value.is_finite(),
            Range::Fraction => (0.0..1.0).contains(&value),
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Range::Positive => "a finite number above 0",
            Range::NotNegative => "a finite number of at least 0",
            Range::Fraction => "a number in [0, 1)",
        }
    }
}

impl Parameter {
    /// A finite number above 0.
    pub fn positive(name: &'static str, number: impl Into<Schedule>) -> Self {
        Parameter { name, number: number.into(), range: Range::Positive }
    }

    /// A finite number of at least 0.
    pub fn not_negative(name: &'static str, number: impl Into<Schedule>) -> Self {
        Parameter { name, number: number.into(), range: Range::NotNegative }
    }

    /// A number in [0, 1).
    pub fn fraction(name: &'static str, number: impl Into<Schedule>) -> Self {
        Parameter { name, number: number.into(), range: Range::Fraction }
    }

    /// What is wrong with the number, if anything is.
    ///
    /// ```
    /// use flowgrad::optimizer::Parameter;
    /// assert!(Parameter::fraction("decay", 0.9).fault().is_none());
    /// let fault = Parameter::not_negative("rate", f64::NAN).fault();
    /// assert_eq!(fault.unwrap().to_string(), "rate: expected a finite number of at least 0, got NaN");
    /// ```
    pub fn fault(&self) -> Option<OptimizerFault> {
        self.number.fault_of(self.name, self.range)
    }

    /// The same, or that it is a tensor that gives no number in this graph.
    pub(super) fn fault_in(&self, g: &Graph) -> Option<Fault> {
        self.fault().map(Fault::op).or_else(|| self.number.fault_in(g, self.name))
    }
}
