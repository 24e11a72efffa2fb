//! `Graph::range` and `Graph::linspace`: numbers evenly apart, as a constant.

use ndarray::Array1;

use crate::element::{DType, Element, Numeric, Value, with_number};
use crate::error::Fault;
use crate::graph::Float;
use crate::graph::op::{Attribute, AttributeDef, AttributeValue, Constant, OpDef};
use crate::graph::{AnyTensor, Graph, Tensor};
use crate::ir::ScalarValue;
use crate::ops::numbers::{attribute, no_number, number};

/// What can be wrong with a range of numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeFault {
    /// Numbers that cannot be counted out, or more than there is memory for.
    #[error(
        "expected finite ends, a step other than 0, and no more numbers than memory holds, got {start} to \
         {limit} by {step}"
    )]
    Uncountable {
        /// The first number, as it is printed.
        start: String,
        /// The number before which the range ends.
        limit: String,
        /// How far the numbers are apart.
        step: String,
    },
    /// Ends that are not finite, or more numbers between them than there is memory for.
    #[error(
        "expected finite ends, and no more numbers than memory holds, got {count} from {start} to {stop}"
    )]
    Unspaced {
        /// The first number, as it is printed.
        start: String,
        /// The last number.
        stop: String,
        /// How many there are to be.
        count: usize,
    },
}

/// The numbers from `start` on, `step` apart, that come before `limit`.
fn numbers<T: Numeric>(start: T, limit: T, step: T) -> Option<Value> {
    match [start, limit, step].map(|number| ScalarValue::of(&Value::scalar(number))) {
        [ScalarValue::I64(start), ScalarValue::I64(limit), ScalarValue::I64(step)] if step != 0 => {
            // Wide enough for every distance.
            let distance = i128::from(limit) - i128::from(start);
            let distance = if step > 0 { distance } else { -distance };
            let size = i128::from(step.unsigned_abs());
            let count = usize::try_from((distance.max(0) + size - 1) / size).ok();
            // Every number lies between start and limit, so nothing is lost by wrapping.
            listed(count, |i| start.wrapping_add(step.wrapping_mul(i as i64)))
        }
        // The others are exact in double precision.
        _ => {
            let [start, limit, step] = [start, limit, step].map(Numeric::as_f64);
            let count = ((limit - start) / step).ceil();
            let is_counted = step != 0.0 && step.is_finite() && count < isize::MAX as f64;
            let number = |i: usize| T::from_f64(start + step * i as f64);
            // Rounded, the quotient may be off by one, and the last numbers may have reached the limit.
            let is_before = |i: usize| {
                let number = number(i).as_f64();
                if step > 0.0 { number < limit } else { limit < number }
            };
            // A limit on the other side of the start gives a negative number, which becomes 0.
            listed(is_counted.then(|| first_not(is_before, count as usize + 1)), number)
        }
    }
}

/// How many of the first `count` indices come before the first of which this does not hold, and no later one.
pub(super) fn first_not(holds: impl Fn(usize) -> bool, count: usize) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// So many numbers, if there are memory and a count.
fn listed<T: Element>(count: Option<usize>, number: impl Fn(usize) -> T) -> Option<Value> {
    let count = count?;
    let mut numbers: Vec<T> = Vec::new();
    numbers.try_reserve_exact(count).ok()?;
    numbers.extend((0..count).map(number));
    Some(Value::from(Array1::from(numbers)))
}

impl Graph {
    /// The numbers from `start` on, `step` apart, that come before `limit`, as a constant: none if the limit lies on
    /// the other side of the start. Number i is start + i·step, rounded once to the type; what reaches the limit by
    /// rounding is left out, too.
    ///
    /// A step of 0, ends that are not finite, and more numbers than there is memory for are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let session = Session::new(&g)?;
    /// assert_eq!(session.run(g.range(3, 10, 3))?, ndarray::arr1(&[3, 6, 9]).into_dyn());
    /// assert_eq!(session.run(g.range(1.0, 0.0, -0.5))?, ndarray::arr1(&[1.0, 0.5]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("arange"))]
    #[track_caller]
    pub fn range<T: Numeric>(&self, start: T, limit: T, step: T) -> Tensor<'_, T> {
        self.range_any(T::DTYPE, attribute(start), attribute(limit), attribute(step)).typed()
    }

    /// The same as [`range`](Graph::range) of an element type that is given as a value; it must be one of numbers, and
    /// what is counted integers where it is one of integers.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let even = g.range_any(DType::I64, 0_i64, 6_i64, 2_i64).typed::<i64>();
    /// assert_eq!(Session::new(&g)?.run(even)?, ndarray::arr1(&[0, 2, 4]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn range_any(
        &self,
        dtype: DType,
        start: impl AttributeValue,
        limit: impl AttributeValue,
        step: impl AttributeValue,
    ) -> AnyTensor<'_> {
        #[cfg(test)]
        super::laws::called("range");
        let ends = [start.into_attribute(), limit.into_attribute(), step.into_attribute()];
        match counted(dtype, &ends) {
            Ok(numbers) => self.apply(Constant::new(numbers.into()), &[]),
            Err(fault) => self.invalid_any("range", fault),
        }
        .named("range")
    }
}

/// The numbers of an element type between two ends, a step apart.
fn counted(dtype: DType, [start, limit, step]: &[Attribute; 3]) -> Result<Value, Fault> {
    with_number!(dtype, T => {
        let numbers = numbers::<T>(number("start", start)?, number("limit", limit)?, number("step", step)?);
        numbers.ok_or_else(|| {
            let [start, limit, step] = [start, limit, step].map(ToString::to_string);
            Fault::op(RangeFault::Uncountable { start, limit, step })
        })
    }, else { Err(no_number(dtype)) })
}

/// So many numbers evenly apart, of which the first and the last are given. Each is rounded to double precision.
pub(super) fn spaced(start: f64, stop: f64, count: usize) -> impl Fn(usize) -> f64 {
    let distance = stop - start;
    move |i| {
        // The ends are exact; of one number alone there is the first.
        if i == 0 {
            return start;
        }
        if i + 1 == count {
            return stop;
        }
        let share = i as f64 / (count - 1) as f64;
        if distance.is_finite() { start + distance * share } else { start * (1.0 - share) + stop * share }
    }
}

impl Graph {
    /// So many numbers evenly apart, from `start` to `stop`, which are the first and the last, as a constant.
    ///
    /// Ends that are not finite, and more numbers than there is memory for, are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = Session::new(&g)?.run(g.linspace(0.0, 1.0, 5))?;
    /// assert_eq!(x, ndarray::arr1(&[0.0, 0.25, 0.5, 0.75, 1.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("lin_space"))]
    #[track_caller]
    pub fn linspace<T: Float>(&self, start: T, stop: T, count: usize) -> Tensor<'_, T> {
        self.linspace_any(T::DTYPE, start.as_f64(), stop.as_f64(), count).typed()
    }

    /// The same as [`linspace`](Graph::linspace) of a float type that is given as a value.
    #[track_caller]
    pub fn linspace_any(&self, dtype: DType, start: f64, stop: f64, count: usize) -> AnyTensor<'_> {
        #[cfg(test)]
        super::laws::called("linspace");
        let number = spaced(start, stop, count);
        let numbers = match dtype {
            _ if !(start.is_finite() && stop.is_finite()) => None,
            DType::F32 => listed(Some(count), |i| number(i) as f32),
            DType::F64 => listed(Some(count), number),
            found => {
                let fault = Fault::ElementKind { expected: "a float type", found };
                return self.invalid_any("linspace", fault);
            }
        };
        let uncounted = || {
            let [start, stop] = [start, stop].map(|end| end.to_string());
            Fault::op(RangeFault::Unspaced { start, stop, count })
        };
        match numbers {
            Some(numbers) => self.apply(Constant::new(numbers.into()), &[]),
            None => self.invalid_any("linspace", uncounted()),
        }
        .named("linspace")
    }
}

/// They have no nodes of their own: ranges are `constant`s.
pub(super) const METHODS: &[&[OpDef]] = &[&[
    LINSPACE,
    OpDef {
        name: "range",
        doc: "The numbers from `start` on, `step` apart, that come before `limit`, as a constant.",
        operands: &[],
        attributes: &[
            AttributeDef::of::<DType>("dtype"),
            AttributeDef::of::<Attribute>("start"),
            AttributeDef::of::<Attribute>("limit"),
            AttributeDef::of::<Attribute>("step"),
        ],
        build: |graph, _, attributes| {
            let ends = ["start", "limit", "step"].map(|name| attributes.value::<Attribute>(name));
            let [start, limit, step] = ends;
            Ok(vec![graph.range_any(attributes.value("dtype")?, start?, limit?, step?)])
        },
    },
]];

const LINSPACE: OpDef = OpDef {
    name: "linspace",
    doc: "So many numbers evenly apart, from `start` to `stop`, which are the first and the last, as a constant.",
    operands: &[],
    attributes: &[
        AttributeDef::of::<DType>("dtype"),
        AttributeDef::of::<f64>("start"),
        AttributeDef::of::<f64>("stop"),
        AttributeDef::of::<usize>("count"),
    ],
    build: |graph, _, attributes| {
        let (start, stop) = (attributes.value("start")?, attributes.value("stop")?);
        Ok(vec![graph.linspace_any(attributes.value("dtype")?, start, stop, attributes.value("count")?)])
    },
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    use ndarray::{ArrayD, array};
    vec![
        example!("range", &[&[4]], |g, x| x[0] * g.range(1, 9, 2).cast(), |x| &x[0]
            * &array![1.0, 3.0, 5.0, 7.0]),
        example!("range of nothing", &[], |g, _| g.range(1_i64, 1, 1).cast(), |_| ArrayD::zeros(vec![0])),
        example!(
            "linspace",
            &[&[5]],
            |g, x| x[0] * g.linspace_any(DType::F64, -1.0, 1.0, 5).typed::<f64>().cast(),
            |x| &x[0] * &array![-1.0, -0.5, 0.0, 0.5, 1.0]
        ),
        example!("range of floats", &[&[3]], |g, x| x[0] + g.range(1.0, -0.5, -0.5), |x| &x[0]
            + &array![1.0, 0.5, 0.0],),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range<T: Numeric>(start: T, limit: T, step: T) -> Vec<T> {
        let numbers = numbers(start, limit, step).unwrap();
        numbers.into_array::<T>().unwrap().into_iter().collect()
    }

    #[test]
    fn ranges_end_before_their_limit() {
        assert_eq!(range(0, 7, 3), [0, 3, 6]);
        assert_eq!(range(0, 6, 3), [0, 3]);
        assert_eq!(range(5_i64, 0, -2), [5, 3, 1]);
        assert_eq!(range(0, 5, -1), [0; 0]);
        assert_eq!(range(0.0_f32, 1.0, 0.25), [0.0, 0.25, 0.5, 0.75]);
        assert_eq!(range(0.0, -1.0, 1.0), [0.0; 0]);
        // None is the limit by rounding.
        assert_eq!(range(0.0_f32, 0.3, 0.1), [0.0, 0.1, 0.2]);
        assert_eq!(range(0.0_f32, -0.3, -0.1), [0.0, -0.1, -0.2]);
        assert_eq!(range(0.0, 0.3, 0.1), [0.0, 0.1, 0.2]);
        assert_eq!(range(1.0, 1.3, 0.1), [1.0, 1.1, 1.2]);
        let next = 1.0_f32.next_up();
        assert_eq!(range(1.0_f32, next, f32::EPSILON / 64.0), [1.0; 33]);
        for length in 0..200 {
            for step in [0.1_f32, 0.3, 0.7, 1e-3, 1e7, -0.1, -0.3] {
                let (limit, numbers) = (step * length as f32, range(0.0, step * length as f32, step));
                assert_eq!(numbers.len(), length, "{step}");
                assert!(numbers.iter().all(|number| number.abs() < limit.abs()), "{step}, {length}");
            }
            for step in [0.1_f64, 0.3, 0.7, 1e-3, 1e7, -0.1, -0.3] {
                let (limit, numbers) =
                    (5.0 + step * length as f64, range(5.0, 5.0 + step * length as f64, step));
                assert!(numbers.len().abs_diff(length) <= 1, "{step}");
                let is_before = |&number: &f64| if step > 0.0 { number < limit } else { limit < number };
                assert!(numbers.iter().all(is_before), "{step}, {length}");
                // And the next one would not be before it.
                assert!(!is_before(&(5.0 + step * numbers.len() as f64)), "{step}, {length}");
            }
        }
        assert_eq!(range(i64::MIN, i64::MAX, i64::MAX), [i64::MIN, -1, i64::MAX - 1]);
        assert_eq!(range(i64::MAX - 2, i64::MAX, 1), [i64::MAX - 2, i64::MAX - 1]);
        assert_eq!(range(i32::MIN, i32::MAX, i32::MAX), [i32::MIN, -1, i32::MAX - 1]);
        assert_eq!(range(0_i64, i64::MIN, i64::MIN), [0]);
    }

    #[test]
    fn spaced_numbers_have_both_ends() {
        let spaced = |start, stop, count| (0..count).map(spaced(start, stop, count)).collect::<Vec<f64>>();
        assert_eq!(spaced(0.0, 1.0, 0), [0.0; 0]);
        assert_eq!(spaced(3.0, 1.0, 1), [3.0]);
        assert_eq!(spaced(3.0, 1.0, 3), [3.0, 2.0, 1.0]);
        assert_eq!(spaced(f64::MIN, f64::MAX, 3), [f64::MIN, 0.0, f64::MAX]);
        for count in 2..100 {
            let numbers = spaced(0.1, 0.7, count);
            assert_eq!((numbers[0], numbers[count - 1]), (0.1, 0.7));
            assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{count}");
        }
    }

    #[test]
    fn ranges_that_cannot_be_counted_are_refused() {
        let refused = |numbers: Option<Value>| assert!(numbers.is_none());
        refused(numbers(0, 1, 0));
        refused(numbers(0_i64, 1, 0));
        refused(numbers(0_i64, i64::MAX, 1));
        refused(numbers(0.0, 1.0, 0.0));
        refused(numbers(0.0, f64::INFINITY, 1.0));
        refused(numbers(f64::NAN, 1.0, 1.0));
        refused(numbers(0.0, 1.0, f64::NAN));
        refused(numbers(0.0, 1.0, 1e-300));
    }
}
