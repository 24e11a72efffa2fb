//! [`Length`]: a length of a shape that ops give, as a number or computed out of lengths of tensors; `dim` and
//! `length`, the ops that compute it.
//!
//! A computed length is a tensor of that one length, whose elements nobody reads: it is a length for shape rules like
//! any other. So it is known while building as far as the lengths it is made of are, and when a run is planned in any
//! case; nothing of it is computed in a run.

mod alone;
#[cfg(test)]
mod examples;
mod from;
mod ops;
#[cfg(test)]
mod tests;

use std::fmt;

use ndarray::arr1;

use crate::element::{DType, Element, Repeated, Value};
use crate::error::Fault;
use crate::graph::op::{Attribute, AttributeValue, Constant, Elements, Op, OperandDef};
use crate::graph::{AnyTensor, Graph, Tensor};
use crate::ir::{Lowering, TensorId, Val};
use crate::shape::{TensorType, resolve_axis};

pub(super) use alone::Told;
#[cfg(test)]
pub(super) use examples::examples;
pub(super) use ops::METHODS;
use ops::{Dim, OPERATIONS, lengths_of, root};

/// One length of a shape that an op is to give: a number, or what [`Tensor::dim`], arithmetic (`+ - * /`, which
/// rounds down), [`Length::maximum`] and [`Length::minimum`] make of the lengths of tensors. It stands wherever ops take
/// lengths:
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.placeholder::<f32>("x", [None, None, Some(2), Some(4)]);
/// let (rows, steps) = (x.dim(0), x.dim(1));
/// assert_eq!(x.reshape((rows, steps, 8)).shape().to_string(), "[?, ?, 8]");
/// assert_eq!(x.reshape((rows * steps, -1, 4)).shape().to_string(), "[?, ?, 4]");
/// assert_eq!(g.zeros::<f32>((rows, 3)).shape().to_string(), "[?, 3]");
///
/// let rows = rows.tensor(&g).cast::<f32>();
/// let mean = Session::new(&g)?.feed(x, &ndarray::Array4::ones((5, 1, 2, 4))).run(x.reduce_sum(..) / rows)?;
/// assert_eq!(mean.item()?, 8.0);
/// # Ok::<(), flowgrad::Error>(())
/// ```
///
/// The lengths of an array are all of one type, so a number beside a computed length stands in a tuple, or becomes a
/// length itself: `[rows, 3.into()]`.
#[derive(Clone, Copy, Debug)]
pub struct Length<'g>(Kind<'g>);

#[derive(Clone, Copy, Debug)]
enum Kind<'g> {
    /// A number; -1 is what remains, where an op takes that.
    Number(isize),
    /// The length of this tensor, and of which axis of which tensor it is, if it is that alone.
    Of(AnyTensor<'g>, Option<(TensorId, usize)>),
    /// None: a quotient by 0, more than there are numbers, or one that is known only when it is fed.
    Nothing,
}

/// What can be wrong with computed lengths.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LengthFault {
    /// Arithmetic that gives no length.
    #[error("expected a result of 0 or more that can be counted, got {a} {operation} {b}")]
    Arithmetic {
        /// The first length.
        a: usize,
        /// The operation: `+`, `-`, `*`, `/`, `maximum`, `minimum` or `root`.
        operation: &'static str,
        /// The second length.
        b: usize,
    },
    /// Lengths of which one is less than 0.
    #[error("expected lengths of 0 or more, got {lengths}")]
    Negative {
        /// The lengths, as they are printed.
        lengths: String,
    },
    /// A length that is no number and is not computed either.
    #[error("expected lengths that are numbers or computed by `dim` or `lengths`, got {lengths}")]
    Unknown {
        /// The lengths as given.
        lengths: String,
    },
}

/// The lengths of a shape that an op is to give: a number, a computed [`Length`], or an array, a tuple, a `Vec` or a
/// slice of them. Numbers may be `isize`, `usize` or `i32`.
#[derive(Clone, Debug)]
pub struct Lengths<'g>(Vec<Length<'g>>);

/// The lengths that an op is told, as its attribute has them: `None` stands for the next one of those that are computed,
/// which are operands behind the first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern(pub(super) Vec<Option<isize>>);

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries =
            self.0.iter().map(|entry| entry.map_or_else(|| "?".to_owned(), |length| length.to_string()));
        write!(f, "[{}]", entries.collect::<Vec<_>>().join(", "))
    }
}

/// How an attribute says that a length is computed.
const COMPUTED: &str = "?";

/// Whole numbers, or a list of them with `?` for what is computed.
impl AttributeValue for Pattern {
    const KIND: &'static str = "integers";

    fn into_attribute(self) -> Attribute {
        match self.0.iter().copied().collect::<Option<Vec<isize>>>() {
            Some(numbers) => numbers.into_attribute(),
            None => Attribute::List(
                self.0
                    .into_iter()
                    .map(|entry| {
                        entry.map_or(Attribute::Text(COMPUTED.into()), AttributeValue::into_attribute)
                    })
                    .collect(),
            ),
        }
    }

    fn from_attribute(attribute: &Attribute) -> Option<Self> {
        let entry = |entry: &Attribute| match entry {
            Attribute::Text(text) if text == COMPUTED => Some(None),
            number => isize::from_attribute(number).map(Some),
        };
        match attribute {
            Attribute::List(entries) => entries.iter().map(entry).collect::<Option<_>>().map(Pattern),
            numbers => {
                Vec::from_attribute(numbers).map(|numbers| Pattern(numbers.into_iter().map(Some).collect()))
            }
        }
    }
}

impl Pattern {
    /// The operands that an op has behind its first, which are as many as lengths that are computed.
    pub(super) const OPERANDS: OperandDef = OperandDef::some("lengths", Elements::Only(DType::Bool));

    /// The lengths as far as the operands that tell the computed ones are known.
    pub(super) fn filled(&self, computed: &[&TensorType]) -> Result<Pattern, Fault> {
        let mut computed = lengths_of(computed)?.into_iter();
        let count = self.0.iter().filter(|entry| entry.is_none()).count();
        if count != computed.len() {
            return Err(Fault::OperandCount { expected: count + 1, found: computed.len() + 1 });
        }
        // The lengths of tensors are addressable.
        let mut next = || Some(isize::try_from(computed.next()??).unwrap_or(isize::MAX));
        Ok(Pattern(self.0.iter().map(|&entry| entry.or_else(&mut next)).collect()))
    }
}

impl<'g> Lengths<'g> {
    /// The attribute that tells an op these lengths.
    fn pattern(&self) -> Pattern {
        let entry = |length: &Length<'g>| match length.0 {
            Kind::Number(number) => Some(number),
            Kind::Of(..) | Kind::Nothing => None,
        };
        Pattern(self.0.iter().map(entry).collect())
    }

    /// The attribute and the operands that tell an op these lengths.
    pub(super) fn told(&self) -> Result<(Pattern, Vec<AnyTensor<'g>>), Fault> {
        if self.0.iter().any(|length| matches!(length.0, Kind::Nothing)) {
            return Err(Fault::op(LengthFault::Unknown { lengths: self.to_string() }));
        }
        let tensor = |length: &Length<'g>| match length.0 {
            Kind::Of(tensor, _) => Some(tensor),
            Kind::Number(_) | Kind::Nothing => None,
        };
        Ok((self.pattern(), self.0.iter().filter_map(tensor).collect()))
    }

    /// How many of them are, in order, the first lengths of a tensor.
    pub(super) fn kept_of(&self, x: AnyTensor<'g>) -> usize {
        let is_kept = |(axis, length): &(usize, &Length<'g>)| match length.0 {
            Kind::Of(of, source) => source == Some((x.id(), *axis)) && of.is_of(x.graph()),
            Kind::Number(_) | Kind::Nothing => false,
        };
        self.0.iter().enumerate().take_while(is_kept).count()
    }

    /// Those from one on.
    pub(super) fn behind(&self, count: usize) -> Lengths<'g> {
        Lengths(self.0[count..].to_vec())
    }

    /// All of them, if they are numbers that lengths can be.
    pub(super) fn numbers(&self) -> Option<Vec<usize>> {
        let number = |length: &Length<'g>| match length.0 {
            Kind::Number(number) => usize::try_from(number).ok(),
            Kind::Of(..) | Kind::Nothing => None,
        };
        self.0.iter().map(number).collect()
    }
}

/// The types that values have in a program.
pub(super) fn types(vals: &[Val], to: &Lowering<'_>) -> Vec<TensorType> {
    vals.iter().map(|&val| TensorType::new(to.dtype(val), to.dims(val))).collect()
}

/// The operands of what is told lengths.
pub(super) const WITH_LENGTHS: &[OperandDef] = &[OperandDef::one("x", Elements::Element), Pattern::OPERANDS];

impl<'g> AnyTensor<'g> {
    /// Applies an op that is told lengths.
    #[track_caller]
    pub(super) fn with_lengths<O: Op>(
        self,
        name: &'static str,
        lengths: &Lengths<'g>,
        op: impl Fn(Pattern) -> O,
    ) -> Self {
        match lengths.told() {
            Ok((pattern, computed)) => self.graph().apply(op(pattern), &[&[self], &computed[..]].concat()),
            Err(_) if self.is_invalid() => self,
            Err(fault) => self.graph().invalid_any(name, fault),
        }
    }
}

impl fmt::Display for Lengths<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pattern().fmt(f)
    }
}

impl<'g> Length<'g> {
    const fn number(number: isize) -> Self {
        Length(Kind::Number(number))
    }

    /// A length of 0 or more, unless it is more than any axis has.
    fn counted(length: Option<usize>) -> Self {
        Length(length.and_then(|length| isize::try_from(length).ok()).map_or(Kind::Nothing, Kind::Number))
    }

    /// What an operation makes of two lengths, as a node if either is one.
    #[track_caller]
    fn with(self, operation: usize, other: Length<'g>) -> Length<'g> {
        let arithmetic = OPERATIONS[operation];
        let graph = match (self.0, other.0) {
            (Kind::Nothing, _) | (_, Kind::Nothing) => return Length(Kind::Nothing),
            (Kind::Number(a), Kind::Number(b)) => {
                let both = usize::try_from(a).ok().zip(usize::try_from(b).ok());
                return Length::counted(both.and_then(|(a, b)| (arithmetic.of)(a, b)));
            }
            (Kind::Of(tensor, _), _) | (_, Kind::Of(tensor, _)) => tensor.graph(),
        };
        match (self.told(graph), other.told(graph)) {
            (Some(a), Some(b)) => Length(Kind::Of(graph.apply(arithmetic, &[a, b]), None)),
            _ => Length(Kind::Nothing),
        }
    }

    /// The length as a number, if that is known while building.
    pub(crate) fn known(self) -> Option<usize> {
        match self.0 {
            Kind::Number(number) => usize::try_from(number).ok(),
            Kind::Of(..) | Kind::Nothing => None,
        }
    }

    /// Whether both are one number, or the length of one axis of one tensor.
    #[cfg(any(feature = "graphdef", feature = "onnx"))]
    pub(crate) fn is(self, other: Length<'g>) -> bool {
        match (self.0, other.0) {
            (Kind::Number(a), Kind::Number(b)) => a == b,
            (Kind::Of(a, source), Kind::Of(b, other)) => {
                a.is_of(b.graph()) && (a.id() == b.id() || source.is_some() && source == other)
            }
            _ => false,
        }
    }

    /// The larger of two lengths.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let (x, y) = (g.placeholder::<f32>("x", [None]), g.placeholder::<f32>("y", [None]));
    /// let zeros = g.zeros::<f32>(x.dim(0).maximum(y.dim(0)));
    /// let session = Session::new(&g)?;
    /// let (long, short) = (ndarray::arr1(&[1.0, 2.0, 3.0]), ndarray::arr1(&[4.0]));
    /// assert_eq!(session.feed(x, &long).feed(y, &short).run(zeros)?.shape(), [3]);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn maximum(self, other: impl Into<Length<'g>>) -> Length<'g> {
        self.with(4, other.into())
    }

    /// The smaller of two lengths.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None]);
    /// let zeros = g.zeros::<f32>(x.dim(0).minimum(2));
    /// let session = Session::new(&g)?;
    /// assert_eq!(session.feed(x, &ndarray::arr1(&[1.0, 2.0, 3.0])).run(zeros)?.shape(), [2]);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn minimum(self, other: impl Into<Length<'g>>) -> Length<'g> {
        self.with(5, other.into())
    }

    /// The square root, rounded up; 1 at least.
    #[track_caller]
    pub(crate) fn root(self) -> Length<'g> {
        self.with(OPERATIONS.len() - 1, Length::number(2))
    }

    /// The same of a number.
    pub(crate) fn root_of(length: usize) -> usize {
        root(length, 2).unwrap_or(1)
    }

    /// The tensor that tells ops the length; none if it is less than 0.
    #[track_caller]
    fn told(self, graph: &'g Graph) -> Option<AnyTensor<'g>> {
        match self.0 {
            Kind::Number(number) => {
                let dims = vec![usize::try_from(number).ok()?];
                let value = Value::from(arr1(&[false]));
                Some(graph.apply(Constant::new(Repeated { value, dims }), &[]))
            }
            Kind::Of(tensor, _) => Some(tensor),
            Kind::Nothing => None,
        }
    }

    /// The length as a number of the graph, to compute with. No gradient passes.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None]);
    /// let twice = (x.dim(0) * 2).tensor(&g);
    /// assert_eq!(Session::new(&g)?.feed(x, &ndarray::arr1(&[1.0, 2.0, 3.0])).run(twice)?.item()?, 6);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn tensor(self, graph: &'g Graph) -> Tensor<'g, i64> {
        match self.0 {
            Kind::Number(number) => graph.constant(number as i64),
            Kind::Of(tensor, _) => tensor.shape_of().squeeze(0).typed(),
            Kind::Nothing => {
                let fault = LengthFault::Unknown { lengths: Lengths(vec![self]).to_string() };
                graph.invalid("length", Fault::op(fault))
            }
        }
    }
}

/// Operators between lengths and numbers, in the order of [`OPERATIONS`].
macro_rules! operators {
    ($($trait:ident $method:ident $operation:literal $formula:literal;)*) => {$(
        #[doc = concat!("`", $formula, "`. A result that is less than 0 or cannot be counted is an error of building, or")]
        #[doc = "of the run that feeds such lengths."]
        impl<'g> std::ops::$trait for Length<'g> {
            type Output = Length<'g>;
            #[track_caller]
            fn $method(self, other: Length<'g>) -> Length<'g> {
                self.with($operation, other)
            }
        }

        #[doc = concat!("`", $formula, "` with a number.")]
        impl<'g> std::ops::$trait<usize> for Length<'g> {
            type Output = Length<'g>;
            #[track_caller]
            fn $method(self, other: usize) -> Length<'g> {
                self.with($operation, other.into())
            }
        }

        #[doc = concat!("`", $formula, "` with a number on the left.")]
        impl<'g> std::ops::$trait<Length<'g>> for usize {
            type Output = Length<'g>;
            #[track_caller]
            fn $method(self, other: Length<'g>) -> Length<'g> {
                Length::from(self).with($operation, other)
            }
        }
    )*};
}
operators! {
    Add add 0 "a + b";
    Sub sub 1 "a - b";
    Mul mul 2 "a * b";
    Div div 3 "a / b, rounded down";
}

impl<'g> AnyTensor<'g> {
    /// The same as [`Tensor::dim`].
    #[track_caller]
    pub fn dim(self, axis: isize) -> Length<'g> {
        #[cfg(test)]
        super::laws::called("dim");
        let shape = self.shape();
        let place = resolve_axis(axis, shape.rank()).ok().filter(|_| !self.is_invalid());
        match place.map(|axis| (axis, shape[axis])) {
            Some((_, Some(length))) => Length::counted(Some(length)),
            place => Length(Kind::Of(self.unary(Dim(axis)), place.map(|(axis, _)| (self.id(), axis)))),
        }
    }

    /// The same as [`Tensor::lengths`].
    #[track_caller]
    pub fn lengths(self) -> Vec<Length<'g>> {
        (0..self.shape().rank()).map(|axis| self.dim(axis as isize)).collect()
    }
}

impl<'g, T: Element> Tensor<'g, T> {
    /// The length of an axis, to make shapes of: a number, or computed in each run where it is known only when the
    /// tensor is fed. Negative axes count from the end.
    ///
    /// No gradient passes. An axis out of range is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None, Some(4)]);
    /// let start = g.zeros::<f32>((x.dim(0), 2 * x.dim(-1)));
    /// assert_eq!(start.shape().to_string(), "[?, 8]");
    /// ```
    #[doc(alias("size", "shape"))]
    #[track_caller]
    pub fn dim(self, axis: isize) -> Length<'g> {
        self.any().dim(axis)
    }

    /// The lengths of all axes, as [`dim`](Tensor::dim) gives each: the shape of a tensor for another one.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None, Some(4)]);
    /// assert_eq!(g.ones::<i64>(x.lengths()).shape().to_string(), "[?, 4]");
    /// ```
    #[track_caller]
    pub fn lengths(self) -> Vec<Length<'g>> {
        self.any().lengths()
    }
}
