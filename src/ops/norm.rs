//! `norm`, and `unit_vector` for its gradient.

use crate::element::DType;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, Elements, Op, OpDef, OperandDef};
use crate::graph::{AnyTensor, Graph};
use crate::ir::{Lowering, Scalar, Val};
use crate::ops::internal::internal;
use crate::ops::methods::{methods, refuse_among};
use crate::ops::reduce::{BroadcastAlong, kept};
use crate::shape::{Axes, TensorType};

/// By how much numbers are scaled whose squares leave the range of `f64`: the square of the largest number times
/// its inverse, and of the least one times it, are far from both ends.
const SCALE: f64 = const_power(600);

/// A sum of squares from which on what underflowed in it does not count: 2⁻⁹⁶⁰. A square that underflowed lost at most
/// 2⁻¹⁰⁷⁴, and there are fewer than 2⁶⁰ of them.
const PRECISE: f64 = const_power(-960);

/// 2ⁿ for a normal number.
const fn const_power(n: i64) -> f64 {
    f64::from_bits(((1023 + n) as u64) << 52)
}

/// The Euclidean norm of all inputs together, along the axes. What is left of their shapes must be the same.
#[derive(Debug)]
struct Norm {
    axes: Axes,
    /// A power of 2 that the norm is multiplied by before it is rounded, so that it need not overflow.
    scale: f64,
}

impl Op for Norm {
    fn name(&self) -> &'static str {
        "norm"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let reduced = |x: &TensorType| {
            let axes = self.axes.resolve(x.shape.rank())?;
            Ok::<_, Fault>(TensorType::new(x.dtype, x.shape.reduced(&axes, self.axes.keeps_dims())))
        };
        let first = reduced(inputs[0])?;
        for input in &inputs[1..] {
            let other = reduced(input)?;
            if !other.shape.agrees_with(&first.shape) {
                return Err(Fault::OtherShape { expected: first.shape, found: other.shape });
            }
        }
        Ok(first)
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dtype = to.dtype(inputs[0]);
        // Squares of the shorter floats are within the range of the longer ones.
        let root = if dtype == DType::F32 { self.root(inputs, to) } else { self.root_in_range(inputs, to) };
        to.cast(root, dtype)
    }

    fn pullback<'g>(&self, at: &mut Pullback<'g>) {
        let norm = at.output();
        let times = at.times();
        // The share of an input is cotangent·x/‖x‖. What is a multiple of the norm needs no division by it, which at 0
        // would lose that ‖x‖² is smooth there.
        let (multiple, rest) = at.cotangent_by_output();
        let scaled = |value: AnyTensor<'g>| {
            if self.scale == 1.0 { value } else { value * value.scalar_like(self.scale) }
        };
        for input in 0..at.inputs().len() {
            let x = at.input(input);
            if let Some(multiple) = multiple {
                at.give(input, |_| times(self.broadcast(scaled(multiple), x), scaled(x)));
            }
            if let Some(rest) = rest {
                let unit = || scaled(x).binary(UnitVector, self.broadcast(norm, x));
                at.give(input, |_| times(self.broadcast(scaled(rest), x), unit()));
            }
        }
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axes", self.axes.clone()).with("scale", self.scale)
    }
}

impl Norm {
    /// What is one number for several of x, as often as there are those.
    fn broadcast<'g>(&self, reduced: AnyTensor<'g>, x: AnyTensor<'g>) -> AnyTensor<'g> {
        reduced.binary(BroadcastAlong(self.axes.clone()), x)
    }

    /// The root of the sum of all squares.
    fn root(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let squares = self.squares(inputs, 1.0, to);
        let root = to.map(Scalar::Sqrt, &[squares]);
        times(root, self.scale, to)
    }

    /// The same, from scaled numbers where squares leave the range. In one pass over the numbers there are three sums.
    fn root_in_range(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let squares = self.squares(inputs, 1.0, to);
        let root = to.map(Scalar::Sqrt, &[squares]);
        let mut root = times(root, self.scale, to);
        let precise = to.scalar(PRECISE, DType::F64);
        let largest = to.scalar(f64::MAX, DType::F64);
        let is_small = to.compare(Scalar::Less, &[squares, precise]);
        let is_large = to.compare(Scalar::Less, &[largest, squares]);
        for (is_beyond, scale) in [(is_small, SCALE), (is_large, 1.0 / SCALE)] {
            let squares = self.squares(inputs, scale, to);
            let scaled = to.map(Scalar::Sqrt, &[squares]);
            let scaled = times(scaled, self.scale / scale, to);
            root = to.map(Scalar::Select, &[is_beyond, scaled, root]);
        }
        root
    }

    /// The sum of the squares of all elements times a number.
    fn squares(&self, inputs: &[Val], scale: f64, to: &mut Lowering<'_>) -> Val {
        let mut sum: Option<Val> = None;
        for &input in inputs {
            let dims = to.dims(input).to_vec();
            // The shape rule has accepted the axes.
            let axes = self.axes.resolve(dims.len()).unwrap_or_default();
            let x = to.cast(input, DType::F64);
            let x = times(x, scale, to);
            let squares = to.map(Scalar::Square, &[x]);
            let mut reduced = to.sum(squares, &axes);
            if self.axes.keeps_dims() {
                reduced = to.reshape(reduced, kept(&dims, &axes));
            }
            sum = Some(sum.map_or(reduced, |sum| to.map(Scalar::Add, &[sum, reduced])));
        }
        sum.unwrap_or_else(|| to.scalar(0.0, DType::F64))
    }
}

/// A double times a number.
fn times(value: Val, number: f64, to: &mut Lowering<'_>) -> Val {
    if number == 1.0 {
        return value;
    }
    let number = to.scalar(number, DType::F64);
    to.map(Scalar::Mul, &[value, number])
}

/// The first input over the second, its norm; 0 where that is 0. The slopes are those of the quotient, so at 0 they are
/// infinite or NaN.
#[derive(Debug)]
struct UnitVector;

impl Op for UnitVector {
    fn name(&self) -> &'static str {
        "unit_vector"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        inputs[0].together(inputs[1])
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (x, norm) = (inputs[0], inputs[1]);
        let (zero, one) = (to.scalar(0.0, to.dtype(norm)), to.scalar(1.0, to.dtype(norm)));
        let is_zero = to.compare(Scalar::Equal, &[norm, zero]);
        let divisor = to.map(Scalar::Select, &[is_zero, one, norm]);
        to.map(Scalar::Div, &[x, divisor])
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (norm, unit) = (at.input(1), at.output());
        at.divide(0, || norm);
        at.scale(1, || -(unit / norm));
    }
}

methods! {
    /// The Euclidean norm along the axes: √Σ x². Axes as for [`reduce_sum`](crate::Tensor::reduce_sum).
    ///
    /// It leaves the range of the type only where the result does, not where its square would.
    ///
    /// Gradient: the cotangent times x over the norm, and 0 where the norm is 0. There it has no derivative itself,
    /// unless the graph shows the cotangent to be the norm times something, as that of ‖x‖² is, whose Hessian is 2·I
    /// everywhere. Seen are sums, products, quotients and constant powers of the norm, `dot`, and reshapes, transposes
    /// and repetitions that the gradient undoes. Behind others, such as `maximum`, `huber`, `stack`, `matmul` or the edge
    /// of a [function](crate::Graph::function), second derivatives of a function that is smooth at 0 are not right there:
    /// [`hessian`](crate::hessian) gives 0 for what is lost, plain gradients of gradients NaN. `reduce_sum` of squares has
    /// no such limit.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr2(&[[3e200_f64, 4e200], [0.0, 0.0]])).norm(-1);
    /// let norms = Session::new(&g)?.run(y)?;
    /// let apart: f64 = norms[0] / 5e200 - 1.0;
    /// assert!(apart.abs() < 1e-15 && norms[1] == 0.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("l2_norm"))]
    fn norm<Float>(x, axes: [Axes]) -> Self as _ {
        x.graph().norm(&[x], axes, 1.0)
    }

    also [
        OpDef {
            name: "norm",
            doc: "The Euclidean norm of all tensors together, along the axes, times a scale: 1, unless it is given.",
            operands: &[OperandDef::list("tensors", Elements::Float)],
            attributes: &[AttributeDef::of::<Axes>("axes"), AttributeDef::optional::<f64>("scale")],
            build: |graph, operands, attributes| {
                let scale = attributes.value_or("scale", 1.0)?;
                Ok(vec![graph.norm(operands, attributes.value("axes")?, scale)])
            },
        },
    ]
}

impl Graph {
    /// The Euclidean norm of all tensors together, along the axes, times a power of 2 before it is rounded, so that it
    /// need not overflow. What is left of their shapes must be the same.
    #[track_caller]
    pub(crate) fn norm<'g>(&'g self, tensors: &[AnyTensor<'g>], axes: Axes, scale: f64) -> AnyTensor<'g> {
        if let Some(invalid) = refuse_among(self, "norm", Elements::Float, tensors) {
            return invalid;
        }
        self.apply(Norm { axes, scale }, tensors)
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "unit_vector" (x: Float, norm: Same) [] |given| UnitVector;
};

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Axis, arr0};

    fn norm(x: &ArrayD<f64>, axis: usize) -> ArrayD<f64> {
        x.map_axis(Axis(axis), |x| x.iter().map(|x| x * x).sum::<f64>().sqrt())
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [[3, 4], [1, 3], [3, 1], [40, 2], [2, 70], [0, 3]] {
        examples.push(example!("norm of rows", &[&dims], |_, x| x[0].norm(1), |x| norm(&x[0], 1)));
    }
    for dims in [[3, 4], [40, 2], [1, 1]] {
        examples.push(example!("norm of all", &[&dims], |_, x| x[0].norm([0, 1]), |x| arr0(
            x[0].iter().map(|x| x * x).sum::<f64>().sqrt()
        )
        .into_dyn()));
    }
    examples.extend([
        example!("norm of columns kept", &[&[3, 4]], |_, x| x[0].norm(Axes::of([0]).keep_dims()), |x| norm(
            &x[0], 0
        )
        .insert_axis(Axis(0))),
        example!("norm of no axis", &[&[3]], |_, x| x[0].norm([]), |x| x[0].mapv(f64::abs)),
        example!(
            "norm of two",
            &[&[3], &[2, 2]],
            |g, x| g.norm(&[x[0].any(), x[1].any()], Axes::all(), 1.0).typed(),
            |x| arr0(x.iter().flatten().map(|x| x * x).sum::<f64>().sqrt()).into_dyn(),
        ),
        example!(
            "norm scaled",
            &[&[3], &[2, 2]],
            |g, x| g.norm(&[x[0].any(), x[1].any()], Axes::all(), 0.25).square().typed(),
            |x| arr0(x.iter().flatten().map(|x| x * x).sum::<f64>() / 16.0).into_dyn(),
        ),
        // Its cotangent is a multiple of the norm, in part, and with shapes that are known and not.
        example!(
            "norm squared",
            &[&[2, 3], &[2]],
            |_, x| {
                let norm = x[0].norm(-1);
                norm * x[1] * norm - norm.square() * 0.5 + norm
            },
            |x| {
                let norm = norm(&x[0], 1);
                &norm * &norm * &x[1] - &norm * &norm * 0.5 + &norm
            },
        ),
        example!("norm of 0 squared", &[&[2, 3]], |_, x| x[0].norm(-1).square(), |x| x[0]
            .mapv(|x| x * x)
            .sum_axis(Axis(1)))
        .on(vec![ndarray::arr2(&[[0.0, 0.0, 0.0], [0.0, 0.5, 0.0]]).into_dyn()]),
    ]);
    examples
}
