//! The methods of segments.

use super::{INPUTS, Segments, taken};
use crate::element::{DType, Numeric};
use crate::graph::op::{AttributeDef, BroadcastLike, Elements, OpDef, OperandDef};
use crate::graph::{AnyOperand, AnyTensor, Float, IndexOperand, Tensor};
use crate::ir::Reduce;
use crate::ops::lengths::{Length, Told};

/// The operands of all; what follows them tells a number of segments that is computed.
const OPERANDS: [OperandDef; INPUTS] =
    [OperandDef::one("x", Elements::Numeric), OperandDef::one("ids", Elements::Integer)];
const LENGTH: OperandDef = OperandDef::some("length", Elements::Only(DType::Bool));

impl<'g> AnyTensor<'g> {
    /// A reduction of segments by ids of integers.
    #[track_caller]
    pub(super) fn segments(
        self,
        ids: Self,
        reduce: Reduce,
        sorted: bool,
        num_segments: impl Into<Length<'g>>,
    ) -> Self {
        match num_segments.into().told_alone() {
            Ok((count, computed)) => {
                let inputs = [&[self, ids], computed.as_slice()].concat();
                self.graph().apply(Segments { reduce, sorted, count }, &inputs)
            }
            Err(_) if self.is_invalid() => self,
            Err(fault) => self.graph().invalid_any("num_segments", fault),
        }
    }

    /// The means of segments.
    #[track_caller]
    fn segment_means(self, ids: Self, sorted: bool, num_segments: Length<'g>) -> Self {
        self.graph().attributed_to_caller(|| {
            let sums = self.segments(ids, Reduce::Sum, sorted, num_segments);
            if sums.is_invalid() {
                return sums;
            }
            let added_up = |x: Self| x.segments(ids, Reduce::Sum, false, num_segments);
            let one = self.scalar_like(1.0);
            let counts = added_up(one.binary(BroadcastLike, ids)).maximum(one);
            let counts = (1..sums.shape().rank()).fold(counts, |counts, _| counts.expand_dims(-1));
            let means = sums / counts;
            // How much rounding has put the means aside, so that the mean of equal numbers is that number. Of infinities
            // there is no telling.
            let aside = added_up(self - taken(means, ids)) / counts;
            means + aside.is_finite().select(aside, aside.scalar_like(0.0)).stop_gradient()
        })
    }

    /// The ids as a tensor of integers, beside such elements.
    #[track_caller]
    fn ids(self, name: &'static str, elements: Elements, ids: impl AnyOperand<'g>) -> Result<Self, Self> {
        let ids = ids.into_any(self.graph(), DType::I64);
        if let Some(invalid) = elements.refuse(name, self, self.dtype()) {
            return Err(invalid);
        }
        if ids.is_of(self.graph())
            && let Some(invalid) = Elements::Integer.refuse(name, ids, self.dtype())
        {
            return Err(invalid);
        }
        Ok(ids)
    }
}

/// Declares the untyped method and the typed one, which has the docs: the name, the elements that it takes, and how the
/// reduction is built of a tensor, its ids, and how many segments there are.
macro_rules! forms {
    ($($(#[$doc:meta])* $name:ident<$elements:ident>($x:ident, $ids:ident, $num_segments:ident) $build:expr;)*) => {
        impl<'g> AnyTensor<'g> {$(
            #[doc = concat!("The same as [`Tensor::", stringify!($name), "`]; element types are checked when the node is built.")]
            #[track_caller]
            pub fn $name(self, ids: impl AnyOperand<'g>, num_segments: impl Into<Length<'g>>) -> Self {
                #[cfg(test)]
                crate::ops::laws::called(stringify!($name));
                let ($x, $num_segments) = (self, num_segments.into());
                match self.ids(stringify!($name), Elements::$elements, ids) {
                    Ok($ids) => $build,
                    Err(invalid) => invalid,
                }
            }
        )*}

        $(impl<'g, T: $elements> Tensor<'g, T> {
            $(#[$doc])*
            #[track_caller]
            pub fn $name(self, ids: impl IndexOperand<'g>, num_segments: impl Into<Length<'g>>) -> Self {
                self.any().$name(ids, num_segments).typed()
            }
        })*
    };
}

/// The same of those that are one node, with their definitions: which reduction it is, whether ids are in order, and what
/// the registry says.
macro_rules! nodes {
    ($($(#[$doc:meta])* $name:ident $reduce:ident $sorted:literal $says:literal;)*) => {
        forms! {
            $($(#[$doc])* $name<Numeric>(x, ids, num_segments) x.segments(ids, Reduce::$reduce, $sorted, num_segments);)*
        }

        const NODES: &[OpDef] = &[$(OpDef {
            name: stringify!($name),
            doc: $says,
            operands: &[OPERANDS[0], OPERANDS[1], LENGTH],
            attributes: &[AttributeDef::of::<Told>("num_segments")],
            build: |graph, operands, attributes| {
                let count = attributes.value("num_segments")?;
                Ok(vec![graph.apply(Segments { reduce: Reduce::$reduce, sorted: $sorted, count }, operands)])
            },
        }),*];
    };
}
nodes! {
    /// For each segment the sum of its rows: as in TensorFlow, the rows are those along the first axis, each belongs to the
    /// segment that its id names, and ids are in ascending order. `num_segments` says how many segments there are, which
    /// TensorFlow reads from the last id; 0 is the sum of none.
    ///
    /// Gradient: to each row the cotangent of its segment. Ids that are no vector, that are not one for each row, or a number below 0 are build errors; ids that are
    /// not in order, below 0, or not below `num_segments` fail the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 4.0, 8.0]));
    /// let ids = g.constant(ndarray::arr1(&[0_i64, 0, 2, 2]));
    /// let y = Session::new(&g)?.run(x.segment_sum(ids, 3))?;
    /// assert_eq!(y, ndarray::arr1(&[3.0, 0.0, 12.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    segment_sum Sum true "The sum of the rows of each segment, which are in order.";

    /// For each segment the product of its rows: as in TensorFlow, the rows are those along the first axis, each belongs to the
    /// segment that its id names, and ids are in ascending order. `num_segments` says how many segments there are, which
    /// TensorFlow reads from the last id; 1 is the product of none.
    ///
    /// Gradient: to each element the cotangent of its segment times the product of the others in it, also where some are 0. Ids that are no vector, that are not one for each row, or a number below 0 are build errors; ids that are
    /// not in order, below 0, or not below `num_segments` fail the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 4.0, 8.0]));
    /// let ids = g.constant(ndarray::arr1(&[0_i64, 0, 2, 2]));
    /// let y = Session::new(&g)?.run(x.segment_prod(ids, 3))?;
    /// assert_eq!(y, ndarray::arr1(&[2.0, 1.0, 32.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    segment_prod Prod true "The product of the rows of each segment, which are in order.";

    /// For each segment the largest elements of its rows: as in TensorFlow, the rows are those along the first axis, each belongs to the
    /// segment that its id names, and ids are in ascending order. `num_segments` says how many segments there are, which
    /// TensorFlow reads from the last id; 0 stands for those of none.
    ///
    /// Gradient: to the largest element; elements that tie share it equally, and all of a segment get NaN where one is. Ids that are no vector, that are not one for each row, or a number below 0 are build errors; ids that are
    /// not in order, below 0, or not below `num_segments` fail the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 4.0, 8.0]));
    /// let ids = g.constant(ndarray::arr1(&[0_i64, 0, 2, 2]));
    /// let y = Session::new(&g)?.run(x.segment_max(ids, 3))?;
    /// assert_eq!(y, ndarray::arr1(&[2.0, 0.0, 8.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    segment_max Max true "The largest elements of the rows of each segment, which are in order.";

    /// For each segment the smallest elements of its rows: as in TensorFlow, the rows are those along the first axis, each belongs to the
    /// segment that its id names, and ids are in ascending order. `num_segments` says how many segments there are, which
    /// TensorFlow reads from the last id; 0 stands for those of none.
    ///
    /// Gradient: to the smallest element; elements that tie share it equally, and all of a segment get NaN where one is. Ids that are no vector, that are not one for each row, or a number below 0 are build errors; ids that are
    /// not in order, below 0, or not below `num_segments` fail the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 4.0, 8.0]));
    /// let ids = g.constant(ndarray::arr1(&[0_i64, 0, 2, 2]));
    /// let y = Session::new(&g)?.run(x.segment_min(ids, 3))?;
    /// assert_eq!(y, ndarray::arr1(&[1.0, 0.0, 4.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    segment_min Min true "The smallest elements of the rows of each segment, which are in order.";

    /// For each segment the sum of its rows: [`segment_sum`](Tensor::segment_sum) with ids in any order, which may have any number of axes,
    /// the first ones of the tensor. What has an id below 0 belongs to no segment; 0 is the sum of none.
    ///
    /// Gradient: to each row the cotangent of its segment. Ids of other lengths than the tensor's first, and a number below 0, are build errors; an id that is not
    /// below `num_segments` fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 4.0, 8.0]));
    /// let ids = g.constant(ndarray::arr1(&[2_i64, 0, -1, 2]));
    /// let y = Session::new(&g)?.run(x.unsorted_segment_sum(ids, 3))?;
    /// assert_eq!(y, ndarray::arr1(&[2.0, 0.0, 9.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    unsorted_segment_sum Sum false "The sum of the rows of each segment, wherever they are.";

    /// For each segment the product of its rows: [`segment_prod`](Tensor::segment_prod) with ids in any order, which may have any number of axes,
    /// the first ones of the tensor. What has an id below 0 belongs to no segment; 1 is the product of none.
    ///
    /// Gradient: to each element the cotangent of its segment times the product of the others in it, also where some are 0. Ids of other lengths than the tensor's first, and a number below 0, are build errors; an id that is not
    /// below `num_segments` fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 4.0, 8.0]));
    /// let ids = g.constant(ndarray::arr1(&[2_i64, 0, -1, 2]));
    /// let y = Session::new(&g)?.run(x.unsorted_segment_prod(ids, 3))?;
    /// assert_eq!(y, ndarray::arr1(&[2.0, 1.0, 8.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    unsorted_segment_prod Prod false "The product of the rows of each segment, wherever they are.";

    /// For each segment the largest elements of its rows: [`segment_max`](Tensor::segment_max) with ids in any order, which may have any number of axes,
    /// the first ones of the tensor. What has an id below 0 belongs to no segment; the lowest finite number stands for those of none.
    ///
    /// Gradient: to the largest element; elements that tie share it equally, and all of a segment get NaN where one is. Ids of other lengths than the tensor's first, and a number below 0, are build errors; an id that is not
    /// below `num_segments` fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 4.0, 8.0]));
    /// let ids = g.constant(ndarray::arr1(&[1_i64, 0, -1, 1]));
    /// let y = Session::new(&g)?.run(x.unsorted_segment_max(ids, 2))?;
    /// assert_eq!(y, ndarray::arr1(&[2.0, 8.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    unsorted_segment_max Max false "The largest elements of the rows of each segment, wherever they are.";

    /// For each segment the smallest elements of its rows: [`segment_min`](Tensor::segment_min) with ids in any order, which may have any number of axes,
    /// the first ones of the tensor. What has an id below 0 belongs to no segment; the highest finite number stands for those of none.
    ///
    /// Gradient: to the smallest element; elements that tie share it equally, and all of a segment get NaN where one is. Ids of other lengths than the tensor's first, and a number below 0, are build errors; an id that is not
    /// below `num_segments` fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 4.0, 8.0]));
    /// let ids = g.constant(ndarray::arr1(&[1_i64, 0, -1, 1]));
    /// let y = Session::new(&g)?.run(x.unsorted_segment_min(ids, 2))?;
    /// assert_eq!(y, ndarray::arr1(&[2.0, 1.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    unsorted_segment_min Min false "The smallest elements of the rows of each segment, wherever they are.";
}

forms! {
    /// For each segment the mean of its rows: as in TensorFlow, the rows are those along the first axis, each belongs to the
    /// segment that its id names, and ids are in ascending order. `num_segments` says how many segments there are, which
    /// TensorFlow reads from the last id; 0 is the mean of none.
    ///
    /// Gradient: to each row the cotangent of its segment over the number of its rows. Ids that are no vector, that are not one for each row, or a number below 0 are build errors; ids that are
    /// not in order, below 0, or not below `num_segments` fail the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 4.0, 8.0]));
    /// let ids = g.constant(ndarray::arr1(&[0_i64, 0, 2, 2]));
    /// let y = Session::new(&g)?.run(x.segment_mean(ids, 3))?;
    /// assert_eq!(y, ndarray::arr1(&[1.5, 0.0, 6.0]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    segment_mean<Float>(x, ids, num_segments) x.segment_means(ids, true, num_segments).named("segment_mean");

    /// For each segment the mean of its rows: [`segment_mean`](Tensor::segment_mean) with ids in any order, which may have any number of axes,
    /// the first ones of the tensor. What has an id below 0 belongs to no segment; 0 is the mean of none.
    ///
    /// Gradient: to each row the cotangent of its segment over the number of its rows. Ids of other lengths than the tensor's first, and a number below 0, are build errors; an id that is not
    /// below `num_segments` fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 4.0, 8.0]));
    /// let ids = g.constant(ndarray::arr1(&[2_i64, 0, -1, 2]));
    /// let y = Session::new(&g)?.run(x.unsorted_segment_mean(ids, 3))?;
    /// assert_eq!(y, ndarray::arr1(&[2.0, 0.0, 4.5]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    unsorted_segment_mean<Float>(x, ids, num_segments) x.segment_means(ids, false, num_segments).named("unsorted_segment_mean");
}

/// Those of means, which are composed of others.
macro_rules! means {
    ($($name:ident $says:literal;)*) => {
        const MEANS: &[OpDef] = &[$(OpDef {
            name: stringify!($name),
            doc: $says,
            operands: &[OperandDef::one("x", Elements::Float), OPERANDS[1]],
            attributes: &[AttributeDef::of::<usize>("num_segments")],
            build: |_, operands, attributes| {
                let count: usize = attributes.value("num_segments")?;
                Ok(vec![operands[0].$name(operands[1], count)])
            },
        }),*];
    };
}
means! {
    segment_mean "The mean of the rows of each segment, which are in order.";
    unsorted_segment_mean "The mean of the rows of each segment, wherever they are.";
}

pub(in crate::ops) const METHODS: &[&[OpDef]] = &[NODES, MEANS];
