//! `nonzero`: where elements are not 0, as many of them as are asked for.
//!
//! Every length is known before a run, and how many elements are not 0 only within it. So the caller says how many there
//! are at most; a run with more of them fails.

use ndarray::{ArrayViewMut2, Dimension};

use super::gather::with_axes;
use super::lengths::{Length, Told, types};
use crate::element::{ArrayMut, ArrayRef, DType, Element, with_element};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, Elements, Op, OpDef, OperandDef};
use crate::graph::{AnyTensor, Tensor};
use crate::ir::{Kernel, KernelError, Lowering, Val};
use crate::shape::TensorType;

/// A row of indices for each element that is not 0, and behind them rows of a number. A size that is computed is told by
/// a second input.
#[derive(Clone, Copy, Debug)]
struct Nonzero {
    size: Told,
    fill: i64,
}

/// The inputs before the one that tells the size.
const INPUTS: usize = 1;

impl Op for Nonzero {
    fn name(&self) -> &'static str {
        "nonzero"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let size = self.size.filled(INPUTS, &inputs[INPUTS..])?;
        Ok(TensorType::new(DType::I64, [size, Some(inputs[0].shape.rank())]))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let computed = types(&inputs[INPUTS..], to);
        let size = self.size.filled(INPUTS, &computed.iter().collect::<Vec<_>>()).ok().flatten();
        let rank = to.dims(inputs[0]).len();
        // The shape rule has accepted the size.
        to.kernel(Places { fill: self.fill }, &inputs[..INPUTS], DType::I64, [size.unwrap_or(0), rank])
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn attributes(&self) -> Attributes {
        Attributes::new().with("size", self.size).with("fill", self.fill)
    }
}

#[derive(Debug)]
struct Places {
    fill: i64,
}

impl Kernel for Places {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let mut output: ArrayViewMut2<'_, i64> = with_axes(output.into_view()?)?;
        with_element!(inputs[0].dtype(), T => {
            let x = inputs[0].view::<T>()?;
            let (count, size) = (x.iter().filter(|&&x| x != T::default()).count(), output.nrows());
            if count > size {
                return Err(KernelError::other(format!(
                    "expected at most {size} elements that are not 0, as asked for by `size`, got {count}"
                )));
            }
            let places = x.indexed_iter().filter(|&(_, &x)| x != T::default());
            let mut rows = output.rows_mut().into_iter();
            // No row is taken where no place is left for it.
            for ((place, _), mut row) in places.zip(rows.by_ref()) {
                for (to, &index) in row.iter_mut().zip(place.slice()) {
                    *to = index as i64;
                }
            }
            rows.for_each(|mut row| row.fill(self.fill));
        });
        Ok(())
    }

    fn must_run(&self) -> bool {
        true
    }
}

pub(super) const METHODS: &[&[OpDef]] = &[&[OpDef {
    name: "nonzero",
    doc: "A row of indices for each element that is not 0, in their order: `size` rows, of which those that lack are filled.",
    operands: &[
        OperandDef::one("x", Elements::Element),
        OperandDef::some("length", Elements::Only(DType::Bool)),
    ],
    attributes: &[AttributeDef::of::<Told>("size"), AttributeDef::of::<i64>("fill")],
    build: |graph, operands, attributes| {
        let (size, fill) = (attributes.value("size")?, attributes.value("fill")?);
        Ok(vec![graph.apply(Nonzero { size, fill }, operands)])
    },
}]];

impl<'g> AnyTensor<'g> {
    /// The same as [`Tensor::nonzero`].
    #[track_caller]
    pub fn nonzero(self, size: impl Into<Length<'g>>) -> Self {
        self.nonzero_with(size, 0)
    }

    /// The same as [`Tensor::nonzero_with`].
    #[track_caller]
    pub fn nonzero_with(self, size: impl Into<Length<'g>>, fill: i64) -> Self {
        match size.into().told_alone() {
            Ok((size, computed)) => {
                let inputs = [&[self], computed.as_slice()].concat();
                self.graph().apply(Nonzero { size, fill }, &inputs)
            }
            Err(_) if self.is_invalid() => self,
            Err(fault) => self.graph().invalid_any("nonzero", fault),
        }
    }
}

impl<'g, T: Element> Tensor<'g, T> {
    /// Where elements are not 0, or are true: a row for each of them, in row-major order, with its index along each axis.
    /// There are as many rows as `size` says, of which those that lack are zeros; a run with more such elements fails.
    ///
    /// In `NumPy` and TensorFlow, whose `where` this is, there are as many rows as elements. Here every length is known
    /// before a run, so the length is given, as in JAX. How many there are is
    /// `x.not_equal(0.0).cast::<i64>().reduce_sum(..)`, which a run may fetch before `size` is chosen. The rows are what
    /// [`gather_nd`](Tensor::gather_nd) takes; `unstack(1)` gives the indices along each axis apart, as `NumPy` does.
    ///
    /// NaN is not 0. No gradient passes. A size below 0 is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[0.0, 5.0], [7.0, 0.0]]));
    /// let places = x.nonzero(2);
    /// let (places, elements) = Session::new(&g)?.run((places, x.gather_nd(places)))?;
    /// assert_eq!(places, ndarray::arr2(&[[0, 1], [1, 0]]).into_dyn());
    /// assert_eq!(elements, ndarray::arr1(&[5.0, 7.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("argwhere", "where", "flatnonzero"))]
    #[track_caller]
    pub fn nonzero(self, size: impl Into<Length<'g>>) -> Tensor<'g, i64> {
        self.any().nonzero(size).typed()
    }

    /// [`nonzero`](Tensor::nonzero) with a number in place of the indices that lack, such as -1, which is none.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", [None]);
    /// let places = x.greater(1.0).nonzero_with(x.dim(0), -1);
    /// let places = Session::new(&g)?.feed(x, &ndarray::arr1(&[0.0, 2.0, 1.0])).run(places)?;
    /// assert_eq!(places, ndarray::arr2(&[[1], [-1], [-1]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn nonzero_with(self, size: impl Into<Length<'g>>, fill: i64) -> Tensor<'g, i64> {
        self.any().nonzero_with(size, fill).typed()
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{Array2, ArrayD, arr0, array};

    /// The indices of positive numbers.
    fn positive(x: &ArrayD<f64>, size: usize, fill: f64) -> ArrayD<f64> {
        let mut rows = Array2::from_elem((size, x.ndim()), fill);
        let places = x.indexed_iter().filter(|&(_, &x)| x > 0.0);
        for (mut row, (index, _)) in rows.rows_mut().into_iter().zip(places) {
            (0..x.ndim()).for_each(|axis| row[axis] = index[axis] as f64);
        }
        rows.into_dyn()
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [&[2, 3][..], &[4], &[1, 2, 2], &[0, 3], &[]] {
        examples.extend([
            example!("nonzero of booleans", &[dims], |_, x| x[0].greater(0.0).nonzero(7).cast(), |x| {
                positive(&x[0], 7, 0.0)
            }),
            example!("nonzero with a fill", &[dims], |_, x| x[0].relu().nonzero_with(8, -1).cast(), |x| {
                positive(&x[0], 8, -1.0)
            }),
        ]);
    }
    examples.extend([
        example!(
            "nonzero of a computed size",
            &[&[5]],
            |_, x| x[0].greater(0.0).nonzero(x[0].dim(0)).cast(),
            |x| positive(&x[0], 5, 0.0)
        ),
        example!("nonzero of zeros and NaN", &[&[4]], |_, x| x[0].nonzero(2).cast(), |_| array![
            [1.0],
            [3.0]
        ]
        .into_dyn())
        .on(vec![array![-0.0, f64::NAN, 0.0, 1e-300].into_dyn()]),
        example!(
            "nonzero of a number",
            &[&[]],
            |g, x| x[0] + g.constant(arr0(3)).nonzero(1).cast().reduce_sum(..),
            |x| x[0].clone()
        ),
    ]);
    examples
}
