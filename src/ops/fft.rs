//! Discrete Fourier transforms along the last axis: `fft` and `ifft` of pairs of tensors, which are real and imaginary parts,
//! `rfft` and `irfft` between numbers and half of their spectrum, and the cosine transform `dct`.
//!
//! All are linear, so their gradients are transforms again: a transform and its transpose are one op with another sign
//! ([`complex`]), or each other's with the same weights ([`real`], [`cosine`]). What plans of `rustfft` compute is batched
//! over all axes before the last one.

mod complex;
mod cosine;
#[cfg(test)]
mod examples;
mod fit;
pub(super) mod plans;
mod real;

use crate::element::DType;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Elements, MultiOp, OpDef, OperandDef};
use crate::graph::{AnyOperand, AnyTensor, Float, Operand, Tensor};
use crate::ir::{AxisSlice, Lowering, Val};
use crate::ops::internal::internal;
use crate::ops::lengths::{Length, Told};
use crate::shape::{Shape, ShapeError};

use complex::Dft;
use cosine::{CosineTransform, Weights};
#[cfg(test)]
pub(super) use examples::examples;
use fit::Fit;
use real::{RealDft, RealDftTransposed};

/// What can be wrong with a Fourier transform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FftFault {
    /// A transform of no points.
    #[error("expected at least one point to transform, got shape {shape}")]
    NoPoints {
        /// The shape of the operand.
        shape: Shape,
    },
    /// Half of a spectrum of another length than the points have.
    #[error("expected a spectrum of n/2 + 1 = {expected} numbers for n = {n}, got shape {shape}")]
    Spectrum {
        /// The number of points.
        n: usize,
        /// The length of half of their spectrum.
        expected: usize,
        /// The shape of the operand.
        shape: Shape,
    },
    /// A cosine transform that is none of those there are.
    #[error("expected a cosine transform of kind 2 or 3, got {kind}")]
    Kind {
        /// The kind.
        kind: usize,
    },
}

/// The rows before the last axis, and the number of points in each, of which there must be one.
fn rows(shape: &Shape) -> Result<(&[Option<usize>], Option<usize>), Fault> {
    match shape.dims().split_last() {
        Some((Some(0), _)) => Err(Fault::op(FftFault::NoPoints { shape: shape.clone() })),
        Some((&points, rows)) => Ok((rows, points)),
        None => Err(ShapeError::AxisOutOfRange { axis: -1, rank: 0 }.into()),
    }
}

/// The shape that real and imaginary parts have both.
fn of_both(real: &Shape, imaginary: &Shape) -> Result<Shape, Fault> {
    let fault = || Fault::OtherShape { expected: real.clone(), found: imaginary.clone() };
    real.merged(imaginary).ok_or_else(fault)
}

/// Real and imaginary parts of rows, of which a kernel has written the ones behind the others.
fn parts(both: Val, dims: &[usize], to: &mut Lowering<'_>) -> [Val; 2] {
    let [rows, _, points] = [0, 1, 2].map(|axis| to.dims(both)[axis]);
    [0, 1].map(|first| {
        let part = AxisSlice { first, ..AxisSlice::WHOLE };
        let part = to.slice(both, vec![AxisSlice::WHOLE, part, AxisSlice::WHOLE], [rows, 1, points]);
        to.reshape(part, dims)
    })
}

/// Gives both parts of a transform's input what the transposed one makes of the cotangents of both parts of its output.
fn give_both(at: &mut Pullback<'_>, transposed: impl MultiOp) {
    if at.wants(0) || at.wants(1) {
        let [real, imaginary] = cotangents(at);
        let given = real.graph().apply_all(transposed, &[real, imaginary]);
        for (input, share) in given.into_iter().enumerate() {
            at.add(input, share);
        }
    }
}

/// The cotangents of real and imaginary parts, of which one may be 0.
fn cotangents<'g>(at: &Pullback<'g>) -> [AnyTensor<'g>; 2] {
    [0, 1].map(|part| at.cotangents()[part].unwrap_or_else(|| at.outputs()[part].filled(0.0)))
}

impl<'g> AnyTensor<'g> {
    /// The real and the imaginary part that an op gives of such parts, or an invalid tensor for both.
    #[track_caller]
    fn parts(self, op: impl MultiOp, others: &[Self]) -> (Self, Self) {
        match self.graph().apply_all(op, &[&[self], others].concat())[..] {
            [real, imaginary] => (real, imaginary),
            [ref invalid, ..] => (*invalid, *invalid),
            [] => (self, self),
        }
    }

    /// The last axis cut off or filled up by zeros to a length.
    #[track_caller]
    fn fit(self, length: Length<'g>) -> Self {
        match length.told_alone() {
            Ok((length, computed)) => {
                self.graph().apply(Fit(length), &[&[self], computed.as_slice()].concat())
            }
            Err(_) if self.is_invalid() => self,
            Err(fault) => self.graph().invalid_any("fft", fault),
        }
    }

    /// The imaginary part beside this real one.
    #[track_caller]
    fn beside(self, name: &'static str, imaginary: impl AnyOperand<'g>) -> Result<Self, Self> {
        let dtype = self.dtype();
        let imaginary = imaginary.into_any(self.graph(), dtype);
        if let Some(invalid) = Elements::Float.refuse(name, self, dtype) {
            return Err(invalid);
        }
        if !self.is_invalid()
            && imaginary.is_of(self.graph())
            && let Some(invalid) = Elements::Same.refuse(name, imaginary, dtype)
        {
            return Err(invalid);
        }
        Ok(imaginary)
    }

    /// The same as [`Tensor::fft`]; element types are checked when the node is built.
    #[track_caller]
    pub fn fft(self, imaginary: impl AnyOperand<'g>) -> (Self, Self) {
        match self.beside("fft", imaginary) {
            Ok(imaginary) => self.parts(Dft { inverse: false, normalized: false }, &[imaginary]),
            Err(invalid) => (invalid, invalid),
        }
    }

    /// The same as [`Tensor::fft_with`]; element types are checked when the node is built.
    #[track_caller]
    pub fn fft_with(self, imaginary: impl AnyOperand<'g>, n: impl Into<Length<'g>>) -> (Self, Self) {
        let n = n.into();
        match self.beside("fft", imaginary) {
            Ok(imaginary) => self.fit(n).fft(imaginary.fit(n)),
            Err(invalid) => (invalid, invalid),
        }
    }

    /// The same as [`Tensor::ifft`]; element types are checked when the node is built.
    #[track_caller]
    pub fn ifft(self, imaginary: impl AnyOperand<'g>) -> (Self, Self) {
        match self.beside("ifft", imaginary) {
            Ok(imaginary) => self.parts(Dft { inverse: true, normalized: true }, &[imaginary]),
            Err(invalid) => (invalid, invalid),
        }
    }

    /// The same as [`Tensor::ifft_with`]; element types are checked when the node is built.
    #[track_caller]
    pub fn ifft_with(self, imaginary: impl AnyOperand<'g>, n: impl Into<Length<'g>>) -> (Self, Self) {
        let n = n.into();
        match self.beside("ifft", imaginary) {
            Ok(imaginary) => self.fit(n).ifft(imaginary.fit(n)),
            Err(invalid) => (invalid, invalid),
        }
    }

    /// The same as [`Tensor::rfft`]; element types are checked when the node is built.
    #[track_caller]
    pub fn rfft(self) -> (Self, Self) {
        match Elements::Float.refuse("rfft", self, self.dtype()) {
            Some(invalid) => (invalid, invalid),
            None => self.parts(RealDft { twice: false, normalized: false }, &[]),
        }
    }

    /// The same as [`Tensor::rfft_with`]; element types are checked when the node is built.
    #[track_caller]
    pub fn rfft_with(self, n: impl Into<Length<'g>>) -> (Self, Self) {
        match Elements::Float.refuse("rfft", self, self.dtype()) {
            Some(invalid) => (invalid, invalid),
            None => self.fit(n.into()).rfft(),
        }
    }

    /// The same as [`Tensor::irfft`]; element types are checked when the node is built.
    #[track_caller]
    pub fn irfft(self, imaginary: impl AnyOperand<'g>) -> Self {
        let imaginary = match self.beside("irfft", imaginary) {
            Ok(imaginary) => imaginary,
            Err(invalid) => return invalid,
        };
        if self.is_invalid() {
            return self;
        }
        self.transposed(imaginary, true, true, (self.dim(-1) - 1) * 2)
    }

    /// The same as [`Tensor::irfft_with`]; element types are checked when the node is built.
    #[track_caller]
    pub fn irfft_with(self, imaginary: impl AnyOperand<'g>, n: impl Into<Length<'g>>) -> Self {
        let (n, imaginary) = match self.beside("irfft", imaginary) {
            Ok(imaginary) => (n.into(), imaginary),
            Err(invalid) => return invalid,
        };
        let half = n / 2 + 1;
        self.fit(half).transposed(imaginary.fit(half), true, true, n)
    }

    /// As many points as told, of half of their spectrum, with the weights of an inverse or of a transpose.
    #[track_caller]
    fn transposed(self, imaginary: Self, twice: bool, normalized: bool, n: Length<'g>) -> Self {
        match n.told_alone() {
            Ok((n, computed)) => {
                let op = RealDftTransposed { twice, normalized, n };
                self.graph().apply(op, &[&[self, imaginary], computed.as_slice()].concat())
            }
            Err(_) if self.is_invalid() => self,
            Err(fault) => self.graph().invalid_any("irfft", fault),
        }
    }

    /// The same as [`Tensor::dct`]; element types are checked when the node is built.
    #[track_caller]
    pub fn dct(self, kind: usize, ortho: bool) -> Self {
        if let Some(invalid) = Elements::Float.refuse("dct", self, self.dtype()) {
            return invalid;
        }
        match CosineTransform::of(kind, ortho) {
            Ok(op) => self.unary(op),
            Err(fault) => self.graph().invalid_any("dct", fault),
        }
    }
}

impl<'g, T: Float> Tensor<'g, T> {
    /// The discrete Fourier transform of rows of complex numbers, a row being what lies along the last axis, of which this
    /// tensor has the real parts: Σⱼ xⱼ·e^(-2πi·jk/n) for k from 0 to below n, as real and imaginary parts.
    ///
    /// Of numbers without imaginary parts, [`rfft`](Tensor::rfft) takes half the time.
    ///
    /// Gradient: the transform with the other sign of the cotangents, as it is linear. Parts of different shapes, and rows
    /// without elements, are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 3.0, 4.0]));
    /// let (real, imaginary) = Session::new(&g)?.run(x.fft(x.zeros_like()))?;
    /// assert_eq!(real, ndarray::arr1(&[10.0, -2.0, -2.0, -2.0]).into_dyn());
    /// assert_eq!(imaginary, ndarray::arr1(&[0.0, 2.0, 0.0, -2.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn fft(self, imaginary: impl Operand<'g, T>) -> (Self, Self) {
        let imaginary = imaginary.into_tensor(self.graph());
        typed(self.any().fft(imaginary))
    }

    /// [`fft`](Tensor::fft) of rows that are first cut off, or filled up by zeros, to `n` elements, which may be
    /// [computed](crate::Length).
    #[track_caller]
    pub fn fft_with(self, imaginary: impl Operand<'g, T>, n: impl Into<Length<'g>>) -> (Self, Self) {
        let imaginary = imaginary.into_tensor(self.graph());
        typed(self.any().fft_with(imaginary, n))
    }

    /// The inverse of [`fft`](Tensor::fft): Σₖ yₖ·e^(2πi·jk/n)/n, as real and imaginary parts. Gradient and errors as there.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let real = g.constant(ndarray::arr1(&[10.0, -2.0, -2.0, -2.0]));
    /// let imaginary = g.constant(ndarray::arr1(&[0.0, 2.0, 0.0, -2.0]));
    /// let (x, _) = Session::new(&g)?.run(real.ifft(imaginary))?;
    /// assert_eq!(x, ndarray::arr1(&[1.0, 2.0, 3.0, 4.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn ifft(self, imaginary: impl Operand<'g, T>) -> (Self, Self) {
        let imaginary = imaginary.into_tensor(self.graph());
        typed(self.any().ifft(imaginary))
    }

    /// [`ifft`](Tensor::ifft) of rows that are first cut off, or filled up by zeros, to `n` elements.
    #[track_caller]
    pub fn ifft_with(self, imaginary: impl Operand<'g, T>, n: impl Into<Length<'g>>) -> (Self, Self) {
        let imaginary = imaginary.into_tensor(self.graph());
        typed(self.any().ifft_with(imaginary, n))
    }

    /// The discrete Fourier transform of rows of numbers: the first n/2 + 1 of the n complex numbers that
    /// [`fft`](Tensor::fft) would give, of which the others are the conjugates, as real and imaginary parts.
    ///
    /// Gradient: as for `fft`. A tensor without axes, and rows without elements, are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 3.0, 4.0]));
    /// let (real, imaginary) = x.rfft();
    /// let power = Session::new(&g)?.run(real.square() + imaginary.square())?;
    /// assert_eq!(power, ndarray::arr1(&[100.0, 8.0, 4.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn rfft(self) -> (Self, Self) {
        typed(self.any().rfft())
    }

    /// [`rfft`](Tensor::rfft) of rows that are first cut off, or filled up by zeros, to `n` elements.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// // The convolution of two signals, filled up so that none goes around.
    /// let [a, b] = [[1.0, 2.0], [3.0, 4.0]].map(|signal| g.constant(ndarray::arr1(&signal)).rfft_with(4));
    /// let y = (a.0 * b.0 - a.1 * b.1).irfft(a.0 * b.1 + a.1 * b.0);
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[3.0, 10.0, 8.0, 0.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn rfft_with(self, n: impl Into<Length<'g>>) -> (Self, Self) {
        typed(self.any().rfft_with(n))
    }

    /// The inverse of [`rfft`](Tensor::rfft), for an even number of elements: 2·(m - 1) of rows of m complex numbers, of
    /// which this tensor has the real parts. Imaginary parts of the first and the last number do not matter.
    ///
    /// Gradient: as for `fft`. Parts of different shapes, and rows of one number or none, are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let real = g.constant(ndarray::arr1(&[10.0, -2.0, -2.0]));
    /// let imaginary = g.constant(ndarray::arr1(&[0.0, 2.0, 0.0]));
    /// let x = Session::new(&g)?.run(real.irfft(imaginary))?;
    /// assert_eq!(x, ndarray::arr1(&[1.0, 2.0, 3.0, 4.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn irfft(self, imaginary: impl Operand<'g, T>) -> Self {
        let imaginary = imaginary.into_tensor(self.graph());
        self.any().irfft(imaginary).typed()
    }

    /// [`irfft`](Tensor::irfft) for `n` elements, even or odd, of rows that are first cut off, or filled up by zeros, to
    /// n/2 + 1 complex numbers.
    #[track_caller]
    pub fn irfft_with(self, imaginary: impl Operand<'g, T>, n: impl Into<Length<'g>>) -> Self {
        let imaginary = imaginary.into_tensor(self.graph());
        self.any().irfft_with(imaginary, n).typed()
    }

    /// The discrete cosine transform of rows, with the factors that `SciPy` has: of kind 2, 2·Σⱼ xⱼ·cos(π·k·(2j + 1)/(2n));
    /// of kind 3, x₀ + 2·Σⱼ xⱼ·cos(π·j·(2k + 1)/(2n)) over j from 1 on. If `ortho`, they are multiplied so that both are
    /// orthogonal, and each is the other's inverse; else kind 3 of kind 2 is 2n times the elements.
    ///
    /// Gradient: the transposed transform of the cotangent. Another kind, a tensor without axes, and rows without elements
    /// are build errors.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0_f64, 2.0, 4.0]));
    /// let (y, again) = Session::new(&g)?.run((x.dct(2, false), x.dct(2, true).dct(3, true)))?;
    /// assert!((y[0] - 14.0).abs() < 1e-14 && (again[2] - 4.0).abs() < 1e-14);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn dct(self, kind: usize, ortho: bool) -> Self {
        self.any().dct(kind, ortho).typed()
    }
}

fn typed<'g, T: Float>((real, imaginary): (AnyTensor<'g>, AnyTensor<'g>)) -> (Tensor<'g, T>, Tensor<'g, T>) {
    (Tensor::typed(real), Tensor::typed(imaginary))
}

const REAL: OperandDef = OperandDef::one("real", Elements::Float);
const IMAGINARY: OperandDef = OperandDef::one("imaginary", Elements::Same);
const LENGTH: OperandDef = OperandDef::some("length", Elements::Only(DType::Bool));

/// The definition of points of half of a spectrum.
macro_rules! of_half {
    ($name:literal, $doc:literal, $twice:literal, $normalized:literal) => {
        OpDef {
            name: $name,
            doc: $doc,
            operands: &[REAL, IMAGINARY, LENGTH],
            attributes: &[AttributeDef::of::<Told>("n")],
            build: |graph, operands, attributes| {
                let op =
                    RealDftTransposed { twice: $twice, normalized: $normalized, n: attributes.value("n")? };
                Ok(vec![graph.apply(op, operands)])
            },
        }
    };
}

pub(super) const METHODS: &[&[OpDef]] = &[&[
    OpDef {
        name: "fft",
        doc: "The discrete Fourier transform along the last axis, of real and imaginary parts.",
        operands: &[REAL, IMAGINARY],
        attributes: &[],
        build: |_, operands, _| Ok(pair(operands[0].fft(operands[1]))),
    },
    OpDef {
        name: "ifft",
        doc: "The inverse of `fft`.",
        operands: &[REAL, IMAGINARY],
        attributes: &[],
        build: |_, operands, _| Ok(pair(operands[0].ifft(operands[1]))),
    },
    OpDef {
        name: "rfft",
        doc: "The first half of the discrete Fourier transform of numbers along the last axis, as real and imaginary parts.",
        operands: &[OperandDef::one("x", Elements::Float)],
        attributes: &[],
        build: |_, operands, _| Ok(pair(operands[0].rfft())),
    },
    of_half!(
        "irfft",
        "The inverse of `rfft`, to `n` numbers of the first n/2 + 1 of their transform.",
        true,
        true
    ),
    OpDef {
        name: "dct",
        doc: "The discrete cosine transform along the last axis, of kind 2 or 3.",
        operands: &[OperandDef::one("x", Elements::Float)],
        attributes: &[AttributeDef::of::<usize>("kind"), AttributeDef::of::<bool>("ortho")],
        build: |_, operands, given| Ok(vec![operands[0].dct(given.value("kind")?, given.value("ortho")?)]),
    },
]];

fn pair<'g>((real, imaginary): (AnyTensor<'g>, AnyTensor<'g>)) -> Vec<AnyTensor<'g>> {
    vec![real, imaginary]
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "fft_transposed" (real: Float, imaginary: Same) [] |given| Dft { inverse: true, normalized: false };
    "ifft_transposed" (real: Float, imaginary: Same) [] |given| Dft { inverse: false, normalized: true };
    "irfft_transposed" (x: Float) [] |given| RealDft { twice: true, normalized: true };
    "cosine_transform" (x: Float) [transposed: bool, weights: Weights] |given| CosineTransform { transposed, weights };
};

/// Those that may be told a length that is computed.
pub(super) const OF_LENGTHS: &[OpDef] = &[
    of_half!("rfft_transposed", "", false, false),
    OpDef {
        name: "fit_last",
        doc: "",
        operands: &[OperandDef::one("x", Elements::Element), LENGTH],
        attributes: &[AttributeDef::of::<Told>("length")],
        build: |graph, operands, attributes| {
            Ok(vec![graph.apply(Fit(attributes.value("length")?), operands)])
        },
    },
];
