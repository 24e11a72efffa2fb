//! `unique_counts`: the different elements of a tensor, and how often each is there.
//!
//! Every length is known before a run, and how many elements differ only within it. So the caller says how many there are
//! at most; a run with more of them fails.

use ndarray::{ArrayView1, ArrayViewMut2, Axis};

use super::gather::with_axes;
use super::lengths::{Length, Told, types};
use crate::element::{ArrayMut, ArrayRef, DType, Numeric};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, Elements, MultiOp, OpDef, OperandDef, Outputs};
use crate::graph::{AnyOperand, AnyTensor, Operand, Tensor};
use crate::ir::{AxisSlice, Kernel, KernelError, Lowering, Val};
use crate::kernel::number::{Number, ascending, with_number};
use crate::shape::{Shape, TensorType};

/// Where each different element of a vector is there first, in ascending order of the elements, and how often it is there;
/// behind these the vector's length, and zeros. A size that is computed is told by a second input.
#[derive(Clone, Copy, Debug)]
struct Distinct {
    size: Told,
}

/// The inputs before the one that tells the size.
const INPUTS: usize = 1;

impl MultiOp for Distinct {
    fn name(&self) -> &'static str {
        "distinct"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        let found = &inputs[0].shape;
        if found.rank() != 1 {
            return Err(Fault::OtherShape { expected: None.into(), found: found.clone() });
        }
        let each = TensorType::new(DType::I64, Shape::from([self.size.filled(INPUTS, &inputs[INPUTS..])?]));
        Ok([each.clone(), each].into())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let computed = types(&inputs[INPUTS..], to);
        let size = self.size.filled(INPUTS, &computed.iter().collect::<Vec<_>>()).ok().flatten();
        // The shape rule has accepted the size.
        let size = size.unwrap_or(0);
        let both = to.kernel(Runs, &inputs[..INPUTS], DType::I64, [2, size]);
        [0, 1]
            .map(|row| {
                let row = AxisSlice { first: row, ..AxisSlice::WHOLE };
                let part = to.slice(both, vec![row, AxisSlice::WHOLE], [1, size]);
                to.reshape(part, [size])
            })
            .into()
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn attributes(&self) -> Attributes {
        Attributes::new().with("size", self.size)
    }
}

/// Fills a row with the first index of each different number, and one with how often it is there.
#[derive(Debug)]
struct Runs;

impl Kernel for Runs {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let mut output: ArrayViewMut2<'_, i64> = with_axes(output.into_view()?)?;
        with_number!(inputs[0].dtype(), T => {
            let x: ArrayView1<'_, T> = with_axes(inputs[0].view()?)?;
            find_runs(&x, &mut output)
        }, else Ok(()))
    }

    fn must_run(&self) -> bool {
        true
    }
}

fn find_runs<T: Number>(
    x: &ArrayView1<'_, T>,
    output: &mut ArrayViewMut2<'_, i64>,
) -> Result<(), KernelError> {
    let mut ranked: Vec<(i64, T)> = Vec::new();
    ranked.try_reserve_exact(x.len()).map_err(KernelError::other)?;
    ranked.extend((0..).zip(x.iter().copied()));
    ranked.sort_unstable_by(|a, b| ascending(&a.1, &b.1).then(a.0.cmp(&b.0)));
    // A NaN equals nothing, so each is a run of its own.
    let runs = || ranked.chunk_by(|a, b| a.1 == b.1);
    let (count, size) = (runs().count(), output.len_of(Axis(1)));
    if count > size {
        return Err(KernelError::other(format!(
            "expected at most {size} different elements, as asked for by `size`, got {count}"
        )));
    }
    let found = runs().map(|run| [run[0].0, run.len() as i64]);
    let rest = std::iter::repeat([x.len() as i64, 0]);
    for (mut column, found) in output.columns_mut().into_iter().zip(found.chain(rest)) {
        [column[0], column[1]] = found;
    }
    Ok(())
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = &[OpDef {
    name: "distinct",
    doc: "",
    operands: &[
        OperandDef::one("x", Elements::Numeric),
        OperandDef::some("length", Elements::Only(DType::Bool)),
    ],
    attributes: &[AttributeDef::of::<Told>("size")],
    build: |graph, operands, attributes| {
        Ok(graph.apply_all(Distinct { size: attributes.value("size")? }, operands))
    },
}];

pub(super) const METHODS: &[&[OpDef]] = &[&[OpDef {
    name: "unique_counts",
    doc: "The different elements in ascending order, as many as asked for at most, then a number, and how often each is there.",
    operands: &[OperandDef::one("x", Elements::Numeric), OperandDef::one("fill", Elements::Same)],
    attributes: &[AttributeDef::of::<usize>("size")],
    build: |_, operands, attributes| {
        let size: usize = attributes.value("size")?;
        let (values, counts) = operands[0].unique_counts_with(size, operands[1]);
        Ok(vec![values, counts])
    },
}]];

impl<'g> AnyTensor<'g> {
    /// The same as [`Tensor::unique_counts`]; element types are checked when the node is built.
    #[track_caller]
    pub fn unique_counts(self, size: impl Into<Length<'g>>) -> (Self, Self) {
        self.unique_counts_with(size, self.scalar_like(0.0))
    }

    /// The same as [`Tensor::unique_counts_with`]; element types are checked when the node is built.
    #[track_caller]
    pub fn unique_counts_with(self, size: impl Into<Length<'g>>, fill: impl AnyOperand<'g>) -> (Self, Self) {
        #[cfg(test)]
        super::laws::called("unique_counts");
        let (graph, dtype) = (self.graph(), self.dtype());
        let fill = fill.into_any(graph, dtype);
        if let Some(invalid) = Elements::Numeric.refuse("unique_counts", self, dtype) {
            return (invalid, invalid);
        }
        if !self.is_invalid()
            && fill.is_of(graph)
            && let Some(invalid) = Elements::Same.refuse("unique_counts", fill, dtype)
        {
            return (invalid, invalid);
        }
        let (size, computed) = match size.into().told_alone() {
            Ok(told) => told,
            Err(_) if self.is_invalid() => return (self, self),
            Err(fault) => {
                let invalid = graph.invalid_any("unique_counts", fault);
                return (invalid, invalid);
            }
        };
        let flat = self.reshape(-1);
        // What lacks lies behind the elements.
        let filled = graph.concat_any(&[flat, fill.reshape(1)], 0);
        let inputs = [&[flat], computed.as_slice()].concat();
        match graph.apply_all(Distinct { size }, &inputs)[..] {
            [first, counts] => (filled.gather(first, 0).named("unique_counts"), counts),
            // One invalid tensor stands for both.
            [ref invalid, ..] => (*invalid, *invalid),
            [] => (self, self),
        }
    }
}

impl<'g, T: Numeric> Tensor<'g, T> {
    /// The different elements in ascending order, and how often each is there; as many as `size` says, of which those that
    /// lack are 0 and are there 0 times. A run with more different elements fails.
    ///
    /// Elements are looked at in row-major order. Zeros of both signs are equal, and the one that comes first is given;
    /// NaNs equal nothing, so each counts for itself, behind all numbers.
    ///
    /// In `NumPy` the results are as long as the elements say. Here every length is known before a run, so the length is
    /// given, as in JAX. How many different elements there are is `counts.greater(0).cast::<i64>().reduce_sum(..)`; the number
    /// of all elements is always enough. Which of them each element is, of `x` without NaNs, tells
    /// `values.searchsorted(x)`, if what lacks is filled by a number above all others
    /// ([`unique_counts_with`](Tensor::unique_counts_with)).
    ///
    /// Gradient: the cotangent of each value to the first element that has it. A size below 0 is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[3, 1, 3, 2, 3]));
    /// let (values, counts) = Session::new(&g)?.run(x.unique_counts(4))?;
    /// assert_eq!(values, ndarray::arr1(&[1, 2, 3, 0]).into_dyn());
    /// assert_eq!(counts, ndarray::arr1(&[1, 1, 3, 0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("unique", "unique_with_counts"))]
    #[track_caller]
    pub fn unique_counts(self, size: impl Into<Length<'g>>) -> (Tensor<'g, T>, Tensor<'g, i64>) {
        let (values, counts) = self.any().unique_counts(size);
        (Tensor::typed(values), Tensor::typed(counts))
    }

    /// [`unique_counts`](Tensor::unique_counts) with a number, or a tensor that holds one, in place of the values that lack.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[0.5, 0.25, 0.5]));
    /// let (values, _) = x.unique_counts_with(3, f64::INFINITY);
    /// let (values, places) = Session::new(&g)?.run((values, values.searchsorted(x)))?;
    /// assert_eq!(values, ndarray::arr1(&[0.25, 0.5, f64::INFINITY]).into_dyn());
    /// assert_eq!(places, ndarray::arr1(&[1, 0, 1]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn unique_counts_with(
        self,
        size: impl Into<Length<'g>>,
        fill: impl Operand<'g, T>,
    ) -> (Tensor<'g, T>, Tensor<'g, i64>) {
        let (values, counts) = self.any().unique_counts_with(size, fill);
        (Tensor::typed(values), Tensor::typed(counts))
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{Array1, ArrayD, arr1};

    /// All elements in order, each once, and the fill behind them.
    fn different(x: &ArrayD<f64>, size: usize, fill: f64) -> ArrayD<f64> {
        let mut elements = x.iter().copied().collect::<Vec<f64>>();
        elements.sort_by(f64::total_cmp);
        elements.dedup();
        elements.resize(size, fill);
        Array1::from(elements).into_dyn()
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [[2, 3], [1, 1], [0, 3]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("unique_counts", &[dims], |_, x| x[0].unique_counts(7).0, |x| different(&x[0], 7, 0.0)),
            example!(
                "unique_counts with a fill",
                &[dims, &[]],
                |_, x| x[0].unique_counts_with(8, x[1]).0,
                |x| different(&x[0], 8, x[1][[]])
            ),
        ]);
    }
    let ties = arr1(&[2.0, -0.0, f64::NAN, 2.0, 0.0, f64::INFINITY, f64::NAN, 2.0]).into_dyn();
    examples.extend([
        example!(
            "unique_counts of a computed size",
            &[&[5]],
            |_, x| x[0].unique_counts(x[0].dim(0) * 2).0,
            |x| different(&x[0], 10, 0.0)
        ),
        example!("values of unique_counts", &[&[8]], |_, x| x[0].stop_gradient().unique_counts(7).0, |_| {
            arr1(&[0.0, 2.0, f64::INFINITY, f64::NAN, f64::NAN, 0.0, 0.0]).into_dyn()
        })
        .on(vec![ties.clone()]),
        example!("counts of unique_counts", &[&[8]], |_, x| x[0].unique_counts(7).1.cast(), |_| {
            arr1(&[2.0, 3.0, 1.0, 1.0, 1.0, 0.0, 0.0]).into_dyn()
        })
        .on(vec![ties]),
        example!(
            "unique_counts of integers",
            &[&[6]],
            |_, x| (x[0] * 2.0).cast::<i32>().unique_counts_with(6, 9).0.cast(),
            |x| different(&x[0].mapv(|x| (2.0 * x).trunc() + 0.0), 6, 9.0)
        ),
    ]);
    examples
}
