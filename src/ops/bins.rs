//! Counts: `bincount` of whole numbers, and `histogram` of numbers in bins of equal width.
//!
//! Both are sums of weights by number, as `scatter_add` adds them up; a count is a sum of ones.

use ndarray::{ArrayView1, ArrayViewMut1};

use super::gather::with_axes;
use super::lengths::Length;
use super::range::spaced;
use crate::element::{ArrayMut, ArrayRef, DType, Integer, Numeric};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, BroadcastLike, Elements, Op, OpDef, OperandDef};
use crate::graph::{AnyOperand, AnyTensor, Operand, Tensor};
use crate::ir::{Kernel, KernelError, Lowering, Val, size};
use crate::kernel::number::with_number;
use crate::ops::internal::internal;
use crate::shape::TensorType;

/// What can be wrong with the bins of a histogram.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistogramFault {
    /// Ends that bound no range, or no bins between them.
    #[error(
        "expected at least one bin in a finite range, the lower end first, got {bins} from {low} to {high}"
    )]
    Range {
        /// The number of bins.
        bins: usize,
        /// The lower end, as it is printed.
        low: String,
        /// The upper end.
        high: String,
    },
}

/// The number of the bin in which each element lies, and behind the last one for what lies in none.
#[derive(Clone, Copy, Debug)]
struct HistogramBins {
    bins: usize,
    low: f64,
    high: f64,
}

impl Op for HistogramBins {
    fn name(&self) -> &'static str {
        "histogram_bins"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let &HistogramBins { bins, low, high } = self;
        // As far as the ends can be apart, numbers in between have a place.
        if bins == 0 || !(low < high && (high - low).is_finite()) {
            return Err(Fault::op(HistogramFault::Range {
                bins,
                low: low.to_string(),
                high: high.to_string(),
            }));
        }
        Ok(TensorType::new(DType::I64, &inputs[0].shape))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = to.dims(inputs[0]).to_vec();
        let count = size(&dims);
        let x = to.reshape(inputs[0], [count]);
        let numbers = to.kernel(*self, &[x], DType::I64, [count]);
        to.reshape(numbers, dims)
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn attributes(&self) -> Attributes {
        Attributes::new().with("bins", self.bins).with("low", self.low).with("high", self.high)
    }
}

impl Kernel for HistogramBins {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let mut output: ArrayViewMut1<'_, i64> = with_axes(output.into_view()?)?;
        with_number!(inputs[0].dtype(), T => {
            let x: ArrayView1<'_, T> = with_axes(inputs[0].view()?)?;
            for (number, x) in output.iter_mut().zip(x) {
                *number = self.number(x.as_f64()) as i64;
            }
        }, else ());
        Ok(())
    }

    fn is_batched(&self) -> bool {
        true
    }
}

impl HistogramBins {
    /// The bin in which a number lies, as the edges say, which are those of `linspace`: each bin has its lower edge, and
    /// the last one both.
    fn number(&self, x: f64) -> usize {
        let &HistogramBins { bins, low, high } = self;
        if !(low <= x && x <= high) {
            return bins;
        }
        let edge = spaced(low, high, bins.saturating_add(1));
        // Between the edge of one that is not above, and that of one that is.
        let (mut bin, mut above) = (0, bins);
        while above - bin > 1 {
            let middle = bin.midpoint(above);
            if x < edge(middle) { above = middle } else { bin = middle }
        }
        bin
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "histogram_bins" (x: Numeric) [bins: usize, low: f64, high: f64] |given| HistogramBins { bins, low, high };
};

const LENGTH: AttributeDef = AttributeDef::of::<usize>("length");
const BINS: &[AttributeDef] =
    &[AttributeDef::of::<usize>("bins"), AttributeDef::of::<f64>("low"), AttributeDef::of::<f64>("high")];

pub(super) const METHODS: &[&[OpDef]] = &[&[
    OpDef {
        name: "bincount",
        doc: "How often each whole number from 0 to below `length` is among the elements.",
        operands: &[OperandDef::one("x", Elements::Integer)],
        attributes: &[LENGTH],
        build: |_, operands, given| Ok(vec![operands[0].bincount(given.value::<usize>("length")?)]),
    },
    OpDef {
        name: "bincount_with",
        doc: "For each whole number from 0 to below `length` the sum of the weights where it is the element.",
        operands: &[OperandDef::one("x", Elements::Integer), OperandDef::one("weights", Elements::Numeric)],
        attributes: &[LENGTH],
        build: |_, operands, given| {
            Ok(vec![operands[0].bincount_with(operands[1], given.value::<usize>("length")?)])
        },
    },
    OpDef {
        name: "histogram",
        doc: "How many elements lie in each of `bins` ranges of equal width from `low` to `high`.",
        operands: &[OperandDef::one("x", Elements::Numeric)],
        attributes: BINS,
        build: |_, operands, given| {
            let (low, high) = (given.value("low")?, given.value("high")?);
            Ok(vec![operands[0].histogram(given.value("bins")?, low, high)])
        },
    },
    OpDef {
        name: "histogram_with",
        doc: "The sum of the weights of the elements in each of `bins` ranges of equal width from `low` to `high`.",
        operands: &[OperandDef::one("x", Elements::Numeric), OperandDef::one("weights", Elements::Numeric)],
        attributes: BINS,
        build: |_, operands, given| {
            let (low, high) = (given.value("low")?, given.value("high")?);
            Ok(vec![operands[0].histogram_with(operands[1], given.value("bins")?, low, high)])
        },
    },
]];

impl<'g> AnyTensor<'g> {
    /// A one for each element, as an `i64`.
    #[track_caller]
    fn ones_to_count(self) -> Self {
        self.graph().scalar(1.0, DType::I64).binary(BroadcastLike, self)
    }

    /// The sum of the weights at each number.
    #[track_caller]
    fn added_up(self, weights: Self, length: impl Into<Length<'g>>) -> Self {
        let zeros = self.graph().scalar(0.0, weights.dtype()).broadcast_to(length.into());
        zeros.scatter_add(self, weights, 0)
    }

    /// The same as [`Tensor::bincount`]; element types are checked when the node is built.
    #[track_caller]
    pub fn bincount(self, length: impl Into<Length<'g>>) -> Self {
        #[cfg(test)]
        super::laws::called("bincount");
        if let Some(invalid) = Elements::Integer.refuse("bincount", self, self.dtype()) {
            return invalid;
        }
        self.added_up(self.ones_to_count(), length).named("bincount")
    }

    /// The same as [`Tensor::bincount_with`]; element types are checked when the node is built.
    #[track_caller]
    pub fn bincount_with(self, weights: impl AnyOperand<'g>, length: impl Into<Length<'g>>) -> Self {
        #[cfg(test)]
        super::laws::called("bincount_with");
        let weights = match self.weights("bincount_with", Elements::Integer, weights) {
            Ok(weights) => weights,
            Err(invalid) => return invalid,
        };
        self.added_up(weights, length).named("bincount_with")
    }

    /// The same as [`Tensor::histogram`]; element types are checked when the node is built.
    #[track_caller]
    pub fn histogram(self, bins: usize, low: f64, high: f64) -> Self {
        #[cfg(test)]
        super::laws::called("histogram");
        if let Some(invalid) = Elements::Numeric.refuse("histogram", self, self.dtype()) {
            return invalid;
        }
        self.in_bins(self.ones_to_count(), bins, low, high).named("histogram")
    }

    /// The same as [`Tensor::histogram_with`]; element types are checked when the node is built.
    #[track_caller]
    pub fn histogram_with(self, weights: impl AnyOperand<'g>, bins: usize, low: f64, high: f64) -> Self {
        #[cfg(test)]
        super::laws::called("histogram_with");
        let weights = match self.weights("histogram_with", Elements::Numeric, weights) {
            Ok(weights) => weights,
            Err(invalid) => return invalid,
        };
        self.in_bins(weights, bins, low, high).named("histogram_with")
    }

    /// The sum of the weights in each bin.
    #[track_caller]
    fn in_bins(self, weights: Self, bins: usize, low: f64, high: f64) -> Self {
        let numbers = self.unary(HistogramBins { bins, low, high });
        if numbers.is_invalid() {
            return numbers;
        }
        // What lies in no bin is added up behind the last one.
        numbers.added_up(weights, bins.saturating_add(1)).slice(..bins)
    }

    /// The weights as a tensor of numbers, beside such elements.
    #[track_caller]
    fn weights(
        self,
        name: &'static str,
        elements: Elements,
        weights: impl AnyOperand<'g>,
    ) -> Result<Self, Self> {
        if let Some(invalid) = elements.refuse(name, self, self.dtype()) {
            return Err(invalid);
        }
        let dtype = weights.number_type();
        let weights = weights.into_any(self.graph(), dtype);
        if weights.is_of(self.graph())
            && let Some(invalid) = Elements::Numeric.refuse(name, weights, dtype)
        {
            return Err(invalid);
        }
        Ok(weights)
    }
}

impl<'g, T: Integer> Tensor<'g, T> {
    /// How often each whole number from 0 to below `length` is among the elements, of a tensor of any shape. The length is a
    /// number, or [computed](crate::Length).
    ///
    /// No gradient passes. A length below 0 is a build error; an element that is negative or not below the length fails the
    /// run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let counts = g.constant(ndarray::arr1(&[1, 0, 3, 1])).bincount(5);
    /// assert_eq!(Session::new(&g)?.run(counts)?, ndarray::arr1(&[1, 2, 0, 1, 0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn bincount(self, length: impl Into<Length<'g>>) -> Tensor<'g, i64> {
        self.any().bincount(length).typed()
    }

    /// For each whole number from 0 to below `length` the sum of the weights where it is the element. The weights have the
    /// shape of the tensor.
    ///
    /// Gradient: to each weight the cotangent of its number. Errors as for [`bincount`](Tensor::bincount); weights of another
    /// shape are a build error as well.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1, 0, 1]));
    /// let sums = x.bincount_with(g.constant(ndarray::arr1(&[0.5, 2.0, 0.25])), 3);
    /// assert_eq!(Session::new(&g)?.run(sums)?, ndarray::arr1(&[2.0, 0.75, 0.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn bincount_with<W: Numeric>(
        self,
        weights: impl Operand<'g, W>,
        length: impl Into<Length<'g>>,
    ) -> Tensor<'g, W> {
        let weights = weights.into_tensor(self.graph());
        self.any().bincount_with(weights, length).typed()
    }
}

impl<'g, T: Numeric> Tensor<'g, T> {
    /// How many elements, of a tensor of any shape, lie in each of so many bins of equal width from `low` to `high`. The edges
    /// are those of `g.linspace(low, high, bins + 1)` in double precision; each bin has its lower edge, and the last one both.
    /// Elements beyond the ends, and NaNs, are in no bin.
    ///
    /// No gradient passes. No bins, and ends that are not finite or not in order, are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[0.0, 0.1, 0.5, 0.75, 1.0, 1.5]));
    /// let counts = Session::new(&g)?.run(x.histogram(4, 0.0, 1.0))?;
    /// assert_eq!(counts, ndarray::arr1(&[2, 0, 1, 2]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("histogram_fixed_width", "histc"))]
    #[track_caller]
    pub fn histogram(self, bins: usize, low: f64, high: f64) -> Tensor<'g, i64> {
        self.any().histogram(bins, low, high).typed()
    }

    /// [`histogram`](Tensor::histogram) with a weight for each element: the sum of the weights in each bin.
    ///
    /// Gradient: to each weight the cotangent of its bin, and 0 to that of what is in none. Weights of another shape are a
    /// build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[0.25, 0.75, 0.8]));
    /// let weights = g.constant(ndarray::arr1(&[1.0, 2.0, 0.5]));
    /// let sums = Session::new(&g)?.run(x.histogram_with(weights, 2, 0.0, 1.0))?;
    /// assert_eq!(sums, ndarray::arr1(&[1.0, 2.5]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn histogram_with<W: Numeric>(
        self,
        weights: impl Operand<'g, W>,
        bins: usize,
        low: f64,
        high: f64,
    ) -> Tensor<'g, W> {
        let weights = weights.into_tensor(self.graph());
        self.any().histogram_with(weights, bins, low, high).typed()
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{Array1, ArrayD, array};

    /// The weights added up at the places that a number has.
    fn sums(x: &ArrayD<f64>, weights: &ArrayD<f64>, count: usize, place: fn(f64) -> usize) -> ArrayD<f64> {
        let mut sums = Array1::zeros(count);
        for (&x, &weight) in x.iter().zip(weights) {
            if let Some(sum) = sums.get_mut(place(x)) {
                *sum += weight;
            }
        }
        sums.into_dyn()
    }
    fn ones(x: &ArrayD<f64>) -> ArrayD<f64> {
        ArrayD::ones(x.raw_dim())
    }
    /// Among three bins from -1.5 to 1.5.
    const BIN: fn(f64) -> usize = |x| if (-1.5..=1.5).contains(&x) { ((x + 1.5) as usize).min(2) } else { 9 };

    let mut examples: Vec<Example> = Vec::new();
    for dims in [&[2, 3][..], &[5], &[0, 3], &[]] {
        examples.extend([
            example!("bincount", &[dims], |_, x| x[0].square().cast::<i64>().bincount(5).cast(), |x| sums(
                &x[0],
                &ones(&x[0]),
                5,
                |x| (x * x) as usize
            )),
            example!(
                "bincount_with",
                &[dims, dims],
                |_, x| x[0].square().cast::<i32>().bincount_with(x[1].square(), 4),
                |x| sums(&x[0], &x[1].mapv(|x| x * x), 4, |x| (x * x) as usize)
            ),
            example!("histogram", &[dims], |_, x| x[0].histogram(3, -1.5, 1.5).cast(), |x| sums(
                &x[0],
                &ones(&x[0]),
                3,
                BIN
            )),
            example!(
                "histogram_with",
                &[dims, dims],
                |_, x| x[0].histogram_with(x[1] * x[1], 3, -1.5, 1.5),
                |x| sums(&x[0], &(&x[1] * &x[1]), 3, BIN)
            ),
        ]);
    }
    let infinity = f64::INFINITY;
    let nasty = array![
        -infinity,
        f64::NAN,
        0.0,
        -0.0,
        0.1,
        0.2,
        0.300_000_000_000_000_04,
        1.0,
        infinity,
        1.000_000_000_000_000_2
    ];
    examples.extend([
        example!("histogram of edges", &[&[10]], |_, x| x[0].histogram(10, 0.0, 1.0).cast(), |_| {
            array![2.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0].into_dyn()
        })
        .on(vec![nasty.into_dyn()]),
        example!(
            "bincount of a computed length",
            &[&[3, 2]],
            |_, x| x[0].square().cast::<i64>().minimum(2).bincount(x[0].dim(0)).cast(),
            |x| sums(&x[0], &ones(&x[0]), 3, |x| (x * x).min(2.0) as usize)
        ),
    ]);
    examples
}
