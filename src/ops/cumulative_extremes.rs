//! `cummax` and `cummin`: at each place along an axis the largest or smallest element up to there, and where it lies.

use ndarray::Axis;

use crate::element::{ArrayMut, ArrayRef, DType, Numeric};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::op::{AttributeDef, Attributes, Elements, MultiOp, OpDef, OperandDef, Outputs};
use crate::graph::{AnyTensor, Tensor};
use crate::ir::{Dims, Kernel, KernelError, Lowering, Val};
use crate::kernel::number::{Number, with_number};
use crate::ops::gather::{put_along_axis, take_along_axis};
use crate::shape::{TensorType, resolve_axis};

/// Which element is looked for.
#[derive(Clone, Copy, Debug)]
enum Extreme {
    Largest,
    Smallest,
}

/// At each place along an axis the extreme of the elements up to there, or from the end to there, and its index.
#[derive(Clone, Copy, Debug)]
struct Cumulative {
    extreme: Extreme,
    axis: isize,
    reverse: bool,
}

impl MultiOp for Cumulative {
    fn name(&self) -> &'static str {
        match self.extreme {
            Extreme::Largest => "cummax",
            Extreme::Smallest => "cummin",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<Outputs<TensorType>, Fault> {
        let TensorType { dtype, shape } = inputs[0];
        resolve_axis(self.axis, shape.rank())?;
        Ok([TensorType::new(*dtype, shape), TensorType::new(DType::I64, shape)].into())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Outputs<Val> {
        let dims = Dims::from(to.dims(inputs[0]));
        // The shape rule has accepted the axis.
        let axis = resolve_axis(self.axis, dims.len()).unwrap_or(0);
        let kernel = Running { extreme: self.extreme, axis, reverse: self.reverse };
        let indices = to.kernel(kernel, inputs, DType::I64, dims);
        [take_along_axis(inputs[0], indices, self.axis, to), indices].into()
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, indices) = (at.input(0), at.outputs()[1]);
        at.give(0, |dy| put_along_axis(dy, indices, self.axis, x));
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axis", self.axis).with("reverse", self.reverse)
    }
}

#[derive(Debug)]
struct Running {
    extreme: Extreme,
    axis: usize,
    reverse: bool,
}

impl Kernel for Running {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let (axis, mut output) = (Axis(self.axis), output.into_view::<i64>()?);
        with_number!(inputs[0].dtype(), T => {
            let x = inputs[0].view::<T>()?;
            for (mut indices, lane) in output.lanes_mut(axis).into_iter().zip(x.lanes(axis)) {
                let places = indices.iter_mut().zip(lane.iter().copied().enumerate());
                if self.reverse { self.follow(places.rev()) } else { self.follow(places) }
            }
        }, else ());
        Ok(())
    }

    fn is_batched(&self) -> bool {
        self.axis > 0
    }
}

impl Running {
    /// Of equal elements the first that comes stays, and a NaN stays for good.
    fn follow<'a, T: Number>(&self, places: impl Iterator<Item = (&'a mut i64, (usize, T))>) {
        let mut best: Option<(usize, T)> = None;
        for (to, (index, element)) in places {
            let stays = best.is_some_and(|(_, best)| match self.extreme {
                _ if best.partial_cmp(&best).is_none() => true,
                Extreme::Largest => element <= best,
                Extreme::Smallest => element >= best,
            });
            let (index, _) =
                *if stays { best.get_or_insert((index, element)) } else { best.insert((index, element)) };
            *to = index as i64;
        }
    }
}

/// Declares the methods and the definition of each of the two.
macro_rules! cumulative {
    ($($name:ident $with:ident $extreme:ident $size:literal $alias:literal, [$($example:literal)*];)*) => {
        impl<'g> AnyTensor<'g> {$(
            #[doc = concat!("The same as [`Tensor::", stringify!($name), "`]; element types are checked when the node is built.")]
            #[track_caller]
            pub fn $name(self, axis: isize) -> (Self, Self) {
                self.$with(axis, false)
            }

            #[doc = concat!("The same as [`Tensor::", stringify!($with), "`]; element types are checked when the node is built.")]
            #[track_caller]
            pub fn $with(self, axis: isize, reverse: bool) -> (Self, Self) {
                let op = Cumulative { extreme: Extreme::$extreme, axis, reverse };
                self.cumulative(stringify!($name), op)
            }
        )*}

        impl<'g, T: Numeric> Tensor<'g, T> {$(
            #[doc = concat!("At each place along the axis the ", $size, " element up to it, and its index along the axis. Of equal")]
            #[doc = "elements it is the first, and from the first NaN on it is that. Negative axes count from the end."]
            ///
            /// Gradient: each cotangent of the values to the element that it is of; none to or through the indices. An axis
            /// out of range is a build error.
            ///
            $(#[doc = $example])*
            #[doc(alias = $alias)]
            #[track_caller]
            pub fn $name(self, axis: isize) -> (Tensor<'g, T>, Tensor<'g, i64>) {
                self.$with(axis, false)
            }

            #[doc = concat!("[`", stringify!($name), "`](Tensor::", stringify!($name), ") from the end of the axis, if `reverse`:")]
            #[doc = concat!("at each place the ", $size, " element from it on, and of equal ones the last.")]
            #[track_caller]
            pub fn $with(self, axis: isize, reverse: bool) -> (Tensor<'g, T>, Tensor<'g, i64>) {
                let (values, indices) = self.any().$with(axis, reverse);
                (Tensor::typed(values), Tensor::typed(indices))
            }
        )*}

        pub(super) const METHODS: &[&[OpDef]] = &[$(&[OpDef {
            name: stringify!($name),
            doc: concat!("At each place along an axis the ", $size, " element up to it, or from it on, and its index."),
            operands: &[OperandDef::one("x", Elements::Numeric)],
            attributes: &[AttributeDef::of::<isize>("axis"), AttributeDef::of::<bool>("reverse")],
            build: |_, operands, attributes| {
                let (values, indices) = operands[0].$with(attributes.value("axis")?, attributes.value("reverse")?);
                Ok(vec![values, indices])
            },
        }]),*];
    };
}
cumulative! {
    cummax cummax_with Largest "largest" "cumulative_max", [
        "```"
        "use flowgrad::prelude::*;"
        "let g = Graph::new();"
        "let x = g.constant(ndarray::arr1(&[1.0, 3.0, 2.0, 3.0, 4.0]));"
        "let (values, indices) = Session::new(&g)?.run(x.cummax(0))?;"
        "assert_eq!(values, ndarray::arr1(&[1.0, 3.0, 3.0, 3.0, 4.0]).into_dyn());"
        "assert_eq!(indices, ndarray::arr1(&[0, 1, 1, 1, 4]).into_dyn());"
        "# Ok::<(), flowgrad::Error>(())"
        "```"
    ];
    cummin cummin_with Smallest "smallest" "cumulative_min", [
        "```"
        "use flowgrad::prelude::*;"
        "let g = Graph::new();"
        "let x = g.constant(ndarray::arr1(&[3, 4, 1, 2]));"
        "let (values, _) = Session::new(&g)?.run(x.cummin(-1))?;"
        "assert_eq!(values, ndarray::arr1(&[3, 3, 1, 1]).into_dyn());"
        "# Ok::<(), flowgrad::Error>(())"
        "```"
    ];
}

impl AnyTensor<'_> {
    #[track_caller]
    fn cumulative(self, name: &'static str, op: Cumulative) -> (Self, Self) {
        if let Some(invalid) = Elements::Numeric.refuse(name, self, self.dtype()) {
            return (invalid, invalid);
        }
        match self.graph().apply_all(op, &[self])[..] {
            [values, indices] => (values, indices),
            // One invalid tensor stands for both.
            [ref invalid, ..] => (*invalid, *invalid),
            [] => (self, self),
        }
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, array};

    /// The extreme that goes on, by an accumulation that takes the other one where it is better.
    fn extremes(x: &ArrayD<f64>, axis: usize, better: fn(f64, f64) -> f64) -> ArrayD<f64> {
        let mut extremes = x.clone();
        extremes.accumulate_axis_inplace(Axis(axis), |&before, element| *element = better(before, *element));
        extremes
    }

    let mut examples: Vec<Example> = Vec::new();
    for dims in [[2, 3, 4], [3, 1, 2], [2, 0, 3], [0, 2, 1]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("cummax", &[dims], |_, x| x[0].cummax(-1).0, |x| extremes(&x[0], 2, f64::max)),
            example!("cummin", &[dims], |_, x| x[0].cummin(1).0 * x[0], |x| extremes(&x[0], 1, f64::min)
                * &x[0]),
            example!("cummax reverse", &[dims], |_, x| x[0].cummax_with(0, true).0, |x| {
                let mut turned = x[0].clone();
                turned.invert_axis(Axis(0));
                let mut extremes = extremes(&turned, 0, f64::max);
                extremes.invert_axis(Axis(0));
                extremes
            }),
        ]);
    }
    let ties = array![[1.0, 1.0, 2.0, 2.0, 0.0], [-0.0, 0.0, f64::NAN, 9.0, f64::NAN]].into_dyn();
    examples.extend([
        example!("indices of cummax", &[&[2, 5]], |_, x| x[0].cummax(1).1.cast(), |_| {
            array![[0.0, 0.0, 2.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0, 2.0]].into_dyn()
        })
        .on(vec![ties.clone()]),
        example!("indices of cummin reverse", &[&[2, 5]], |_, x| x[0].cummin_with(1, true).1.cast(), |_| {
            array![[4.0, 4.0, 4.0, 4.0, 4.0], [4.0, 4.0, 4.0, 4.0, 4.0]].into_dyn()
        })
        .on(vec![ties]),
        example!("cummin of integers", &[&[9]], |_, x| (x[0] * 9.0).cast::<i64>().cummin(0).0.cast(), |x| {
            extremes(&x[0].mapv(|x| (9.0 * x).trunc()), 0, f64::min)
        }),
    ]);
    examples
}
