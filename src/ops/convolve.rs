//! `convolve`: sums of products of two series, one of which goes past the other, along an axis: directly, or by Fourier
//! transforms where that is faster.
//!
//! A convolution is a window of the full one, and so is what the gradient gives to each operand: of the cotangent with the
//! other operand backwards. So all derivatives are of one kind ([`Windowed`]), and each chooses its method by its own lengths.

#[cfg(test)]
mod examples;
mod kernel;

use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{Attribute, AttributeValue, Attributes, Op, OpDef};
use crate::ir::{Lowering, Val, broadcast_dims, size};
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::shape::{Axes, Shape, ShapeError, TensorType, broadcast, resolve_axis};

#[cfg(test)]
pub(super) use examples::examples;
use kernel::Window;

/// Which part of a full convolution [`convolve`](crate::Tensor::convolve) gives, of rows of n elements and a kernel of m.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConvolveMode {
    /// All n + m - 1 places where the two meet.
    Full,
    /// The n places in the middle, from (m - 1)/2 on.
    Same,
    /// The places where the shorter one lies within the longer one: those that take no 0 from outside.
    Valid,
}

/// How [`convolve_with`](crate::Tensor::convolve_with) computes the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConvolveMethod {
    /// By the faster method for the lengths, as measured: the same on every machine.
    Auto,
    /// Sum by sum, in time n·m.
    Direct,
    /// By Fourier transforms, in time N·log N: each element has the error of a part of the largest sum.
    Fft,
}

const MODES: [(&str, ConvolveMode); 3] =
    [("full", ConvolveMode::Full), ("same", ConvolveMode::Same), ("valid", ConvolveMode::Valid)];

const METHOD_NAMES: [(&str, ConvolveMethod); 3] =
    [("auto", ConvolveMethod::Auto), ("direct", ConvolveMethod::Direct), ("fft", ConvolveMethod::Fft)];

/// Attributes that are one of some words.
macro_rules! words {
    ($($type:ty: $table:ident, $kind:literal;)*) => {$(
        impl AttributeValue for $type {
            const KIND: &'static str = $kind;

            fn into_attribute(self) -> Attribute {
                let name = $table.iter().find(|&&(_, value)| value == self);
                Attribute::Text(name.map_or("", |(name, _)| name).into())
            }

            fn from_attribute(attribute: &Attribute) -> Option<Self> {
                let Attribute::Text(text) = attribute else { return None };
                $table.iter().find(|(name, _)| name == text).map(|&(_, value)| value)
            }
        }
    )*};
}
words! {
    ConvolveMode: MODES, "mode: `full`, `same` or `valid`";
    ConvolveMethod: METHOD_NAMES, "method: `auto`, `direct` or `fft`";
    Of: RESULTS, "result: `rows`, `first` or `second`";
}

/// What can be wrong with a convolution of rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvolveFault {
    /// Rows without elements.
    #[error("expected at least one element along the axis of both operands, got shapes {x} and {kernel}")]
    NoElements {
        /// The shape of the operand.
        x: Shape,
        /// The shape of the kernel.
        kernel: Shape,
    },
}

/// What a [`Windowed`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// The convolution of two operands.
    Rows,
    /// Given its cotangent and the second operand, that of the first, which is the third input.
    First,
    /// Given its cotangent and the first operand, that of the second, which is the third input.
    Second,
}

const RESULTS: [(&str, Of); 3] = [("rows", Of::Rows), ("first", Of::First), ("second", Of::Second)];

/// The window of a full convolution of the first two inputs along the last axis, the second one backwards but for the
/// convolution itself.
#[derive(Clone, Copy, Debug)]
struct Windowed {
    mode: ConvolveMode,
    method: ConvolveMethod,
    of: Of,
}

impl Windowed {
    /// Where the window of a convolution of rows of n and m elements begins, and how long it is.
    fn window(self, n: usize, m: usize) -> (usize, usize) {
        match self.mode {
            ConvolveMode::Full => (0, n + m - 1),
            ConvolveMode::Same => ((m - 1) / 2, n),
            ConvolveMode::Valid => (n.min(m) - 1, n.max(m) - n.min(m) + 1),
        }
    }

    #[track_caller]
    fn at<'g>(self, of: Of, operands: &[AnyTensor<'g>]) -> AnyTensor<'g> {
        operands[0].graph().apply(Windowed { of, ..self }, operands)
    }
}

/// The rows before the last axis, and the length of that.
fn rows_of(shape: &Shape) -> Result<(Shape, Option<usize>), Fault> {
    match shape.dims().split_last() {
        Some((&length, rows)) => Ok((rows.to_vec().into(), length)),
        None => Err(ShapeError::AxisOutOfRange { axis: -1, rank: 0 }.into()),
    }
}

impl Op for Windowed {
    fn name(&self) -> &'static str {
        if self.of == Of::Rows { "convolve_rows" } else { "convolve_rows_transposed" }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let (first, second) = (&inputs[0].shape, &inputs[1].shape);
        let [(rows, n), (others, m)] = [rows_of(first)?, rows_of(second)?];
        let given =
            inputs.get(2).map(|like| rows_of(&like.shape)).transpose()?.and_then(|(_, length)| length);
        if [n, m, given].contains(&Some(0)) {
            let (x, kernel) = (first.clone(), second.clone());
            return Err(Fault::op(ConvolveFault::NoElements { x, kernel }));
        }
        let length = match self.of {
            Of::Rows => match (self.mode, n, m) {
                (ConvolveMode::Same, n, _) => n,
                (_, Some(n), Some(m)) => Some(self.window(n, m).1),
                _ => None,
            },
            Of::First | Of::Second => given,
        };
        let rows = broadcast(&rows, &others)?;
        Ok(TensorType::new(inputs[0].dtype, [rows.dims(), &[length]].concat()))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dtype = to.dtype(inputs[0]);
        // The shape rule has accepted the rows.
        let last = |input: usize| to.dims(inputs[input]).last().map_or(1, |&length| length.max(1));
        let (p, q) = (last(0), last(1));
        // Of a cotangent with the other operand backwards, a window begins as far before its end as the cotangent's did.
        let before_end = |first: usize| (q - 1) as isize - first as isize;
        let (first, count) = match self.of {
            Of::Rows => (self.window(p, q).0 as isize, self.window(p, q).1),
            Of::First => (before_end(self.window(last(2), q).0), last(2)),
            Of::Second => (before_end(self.window(q, last(2)).0), last(2)),
        };
        let [rows, others] =
            [0, 1].map(|input| to.dims(inputs[input]).split_last().map_or(&[][..], |(_, rows)| rows));
        let mut dims = broadcast_dims(rows, others);
        let batch = size(&dims);
        let operands = [(inputs[0], p), (inputs[1], q)].map(|(input, length)| {
            // One row for all is no copy for each, and the kernel sees that it is one.
            if size(to.dims(input)) == length {
                let row = to.reshape(input, [length]);
                return to.broadcast(row, [batch, length]);
            }
            let rows = to.broadcast(input, [&dims[..], &[length]].concat());
            to.reshape(rows, [batch, length])
        });
        let window = Window { lengths: [p, q], first, count, backwards: self.of != Of::Rows };
        let y = window.lowered(self.method, operands, batch, dtype, to);
        dims.push(count);
        to.reshape(y, dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (a, b) = (at.input(0), at.input(1));
        match self.of {
            Of::Rows => {
                at.give(0, |dy| self.at(Of::First, &[dy, b, a]));
                at.give(1, |dy| self.at(Of::Second, &[dy, a, b]));
            }
            // Turned around, the cotangent stands for the operand whose share this one is.
            Of::First => {
                at.give(0, |dy| self.at(Of::Rows, &[dy, b]));
                at.give(1, |dy| self.at(Of::Second, &[a, dy, b]));
            }
            Of::Second => {
                at.give(0, |dy| self.at(Of::Rows, &[b, dy]));
                at.give(1, |dy| self.at(Of::First, &[a, dy, b]));
            }
        }
    }

    fn differentiable(&self, input: usize) -> bool {
        input < 2
    }

    fn attributes(&self) -> Attributes {
        let attributes = Attributes::new().with("mode", self.mode).with("method", self.method);
        if self.of == Of::Rows { attributes } else { attributes.with("of", self.of) }
    }
}

/// The tensor with an axis, counted from the end, as the last one; or, `back`, with the last one there.
#[track_caller]
fn with_last(x: AnyTensor<'_>, from_end: usize, back: bool) -> AnyTensor<'_> {
    let rank = x.shape().rank();
    if from_end <= 1 || from_end > rank {
        return x;
    }
    let mut order: Vec<isize> = (0..rank as isize).collect();
    let [from, to] = if back { [rank - 1, rank - from_end] } else { [rank - from_end, rank - 1] };
    let axis = order.remove(from);
    order.insert(to, axis);
    x.transpose_perm(order)
}

methods! {
    /// The convolution of rows, which lie along the last axis, with a kernel: Σⱼ xⱼ·kernelᵢ₋ⱼ, where what lies outside is 0,
    /// as NumPy's and `SciPy`'s `convolve`. Of rows of n elements and a kernel of m, `Full` are the n + m - 1 places where
    /// the two meet, `Same` the n in the middle of these, as `SciPy` and JAX have it, and `Valid` the places where the shorter
    /// one lies within the longer one. Other axes broadcast: one kernel for all rows, or one for each.
    ///
    /// It is computed directly or by Fourier transforms, whichever is faster for the lengths. A convolution of images, or of
    /// many channels, is [`conv1d`](crate::Tensor::conv1d) or [`conv2d`](crate::Tensor::conv2d), which do not turn the
    /// kernel around.
    ///
    /// Gradient: the convolution of the cotangent with the other operand backwards, to both. Operands without axes or
    /// without elements along the last one, and shapes that do not broadcast, are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 4.0]));
    /// let kernel = g.constant([1.0, -1.0]);
    /// let modes = [ConvolveMode::Full, ConvolveMode::Same, ConvolveMode::Valid];
    /// let [full, same, valid] = Session::new(&g)?.run(modes.map(|mode| x.convolve(kernel, mode)))?;
    /// assert_eq!(full, ndarray::arr1(&[1.0, 1.0, 2.0, -4.0]).into_dyn());
    /// assert_eq!(same, ndarray::arr1(&[1.0, 1.0, 2.0]).into_dyn());
    /// assert_eq!(valid, ndarray::arr1(&[1.0, 2.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn convolve<Float>(x, kernel: (Self), mode: ConvolveMode) -> Self as _ {
        x.convolve_with(kernel, mode, -1, ConvolveMethod::Auto)
    }

    /// [`convolve`](crate::Tensor::convolve) along an axis, by a method. The axis is one of `x`; a kernel of several axes has
    /// it as far from the end, and one of a single axis is the same everywhere.
    ///
    /// `Auto` compares what n·m multiplications take with what transforms of N points do, where N is the next even product of
    /// powers of 2, 3 and 5 that rows are filled up to. The rule was measured (`cargo bench --bench convolve`): transforms are
    /// faster for rows of 1,000, 10,000 and 100,000 from kernels of 45, 55 and 115 on. Of two rows of the same length it takes
    /// them from 70 elements on; from 32 to there they would save half a microsecond at most. It looks at lengths
    /// alone, and not at the machine. By transforms each element has an error of some units in the last
    /// place of the largest sum, and one NaN or infinity leaves its whole row NaN; choose `Direct` where small sums beside
    /// large ones matter.
    ///
    /// An axis out of range is a build error; else as there.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1.0, 0.0], [2.0, 5.0], [4.0, 0.0]]));
    /// let kernel = g.constant([0.5, 0.5]);
    /// let smooth = x.convolve_with(kernel, ConvolveMode::Valid, 0, ConvolveMethod::Direct);
    /// let expected = ndarray::arr2(&[[1.5, 2.5], [3.0, 2.5]]);
    /// assert_eq!(Session::new(&g)?.run(smooth)?, expected.into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("fftconvolve"))]
    fn convolve_with<Float>(x, kernel: (Self), mode: ConvolveMode, axis: isize, method: ConvolveMethod) -> Self as convolve {
        if let Some(invalid) = x.invalid_axes("convolve", &Axes::from(axis)) {
            return invalid;
        }
        // An invalid tensor may lack the axis, and stays as it is.
        let from_end = x.shape().rank() - resolve_axis(axis, x.shape().rank()).unwrap_or(0);
        let rank = kernel.shape().rank();
        if rank > 1 && rank < from_end && !kernel.is_invalid() {
            let fault = ShapeError::AxisOutOfRange { axis: -(from_end as isize), rank };
            return x.graph().invalid_any("convolve", fault.into());
        }
        x.graph().attributed_to_caller(|| {
            let kernel = if rank == 1 { kernel } else { with_last(kernel, from_end, false) };
            let rows = Windowed { mode, method, of: Of::Rows }.at(Of::Rows, &[with_last(x, from_end, false), kernel]);
            with_last(rows, from_end, true).named("convolve")
        })
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "convolve_rows" (x: Float, kernel: Same) [mode: ConvolveMode, method: ConvolveMethod] |given|
        Windowed { mode, method, of: Of::Rows };
    "convolve_rows_transposed" (x: Float, other: Same, like: Same) [mode: ConvolveMode, method: ConvolveMethod, of: Of] |given|
        Windowed { mode, method, of };
};
