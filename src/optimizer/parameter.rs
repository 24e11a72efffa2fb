//! [`Parameter`]: a number that a user chose, and what it may be.

use super::OptimizerFault;

/// A number that a user chose, with its name and the range that suits it.
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
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    name: &'static str,
    value: f64,
    range: Range,
}

/// What a parameter may be.
#[derive(Clone, Copy, Debug)]
enum Range {
    Positive,
    NotNegative,
    Fraction,
}

impl Range {
    /// NaN is in no range.
    fn contains(self, value: f64) -> bool {
        match self {
            Range::Positive => value > 0.0 && value.is_finite(),
            Range::NotNegative => value >= 0.0 && value.is_finite(),
            Range::Fraction => (0.0..1.0).contains(&value),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Range::Positive => "a finite number above 0",
            Range::NotNegative => "a finite number of at least 0",
            Range::Fraction => "a number in [0, 1)",
        }
    }
}

impl Parameter {
    /// A finite number above 0.
    pub const fn positive(name: &'static str, value: f64) -> Self {
        Parameter { name, value, range: Range::Positive }
    }

    /// A finite number of at least 0.
    pub const fn not_negative(name: &'static str, value: f64) -> Self {
        Parameter { name, value, range: Range::NotNegative }
    }

    /// A number in [0, 1).
    pub const fn fraction(name: &'static str, value: f64) -> Self {
        Parameter { name, value, range: Range::Fraction }
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
        let &Parameter { name, value, range } = self;
        let (expected, found) = (range.words(), value.to_string());
        (!range.contains(value)).then_some(OptimizerFault::Parameter { name, expected, found })
    }
}
