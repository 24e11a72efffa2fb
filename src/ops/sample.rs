//! Random choices: `bernoulli` and `categorical` of probabilities that are tensors, `random_permutation`, and
//! `shuffle`. What they depend on is told in [`random`](super::random).

use ndarray::{Axis, Dimension};
use rand::RngExt;
use rand::seq::SliceRandom;

use super::random::{Stream, happens};
use super::variates::at_element;
use crate::element::{ArrayMut, ArrayRef, DType};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::Float;
use crate::graph::op::{AttributeDef, Attributes, Op, OpDef};
use crate::graph::{AnyTensor, Graph, Tensor};
use crate::ir::{Dims, Kernel, KernelError, Lowering, Val};
use crate::ops::internal::internal;
use crate::ops::methods::methods;
use crate::shape::{Shape, ShapeError, TensorType};

/// What is drawn by the probabilities that are the input.
#[derive(Clone, Copy, Debug)]
enum Chance {
    /// For each element whether it happens.
    Bernoulli,
    /// For each row of logits so many indices along it.
    Categorical { samples: usize },
}

/// Draws that may fail, because the probabilities may be none.
#[derive(Debug)]
struct Sample {
    chance: Chance,
    own_seed: Option<[u64; 2]>,
}

impl Op for Sample {
    fn name(&self) -> &'static str {
        match self.chance {
            Chance::Bernoulli => "bernoulli_of",
            Chance::Categorical { .. } => "categorical",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let shape = &inputs[0].shape;
        let Chance::Categorical { samples } = self.chance else {
            return Ok(TensorType::new(DType::Bool, shape));
        };
        let Some((classes, rows)) = shape.dims().split_last() else {
            return Err(ShapeError::AxisOutOfRange { axis: -1, rank: 0 }.into());
        };
        if *classes == Some(0) {
            return Err(ShapeError::EmptyAxis { axis: rows.len(), shape: shape.clone() }.into());
        }
        let lengths: Vec<Option<usize>> = rows.iter().copied().chain([Some(samples)]).collect();
        Ok(TensorType::new(DType::I64, lengths))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let mut dims = Dims::from(to.dims(inputs[0]));
        let dtype = match self.chance {
            Chance::Bernoulli => DType::Bool,
            Chance::Categorical { samples } => {
                dims.pop();
                dims.push(samples);
                DType::I64
            }
        };
        let (stream, runs) = (Stream::of(self.own_seed, to), to.run_count());
        to.kernel(Sampling { chance: self.chance, stream }, &[runs, inputs[0]], dtype, dims)
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn differentiable(&self, _: usize) -> bool {
        false
    }

    fn attributes(&self) -> Attributes {
        match self.chance {
            Chance::Bernoulli => Attributes::new(),
            Chance::Categorical { samples } => Attributes::new().with("samples", samples),
        }
    }
}

/// Fills the output with the draws of a run.
#[derive(Debug)]
struct Sampling {
    chance: Chance,
    stream: Stream,
}

impl Kernel for Sampling {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        match inputs[1] {
            ArrayRef::F32(_) => self.draw::<f32>(inputs, output),
            _ => self.draw::<f64>(inputs, output),
        }
    }

    fn must_run(&self) -> bool {
        true
    }
}

impl Sampling {
    fn draw<T: Float>(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let mut rng = self.stream.generator(inputs)?;
        let given = inputs[1].view::<T>()?;
        if let Chance::Bernoulli = self.chance {
            for ((at, happened), probability) in output.into_view::<bool>()?.indexed_iter_mut().zip(&given) {
                let probability = probability.as_f64();
                if !(0.0..=1.0).contains(&probability) {
                    let reason = format!("expected a probability between 0 and 1, got {probability}");
                    return Err(at_element(KernelError::other(reason), at.slice()));
                }
                *happened = happens(&mut rng, probability);
            }
            return Ok(());
        }
        if given.is_empty() && output.shape().contains(&0) {
            return Ok(());
        }
        let last = Axis(given.ndim() - 1);
        let mut output = output.into_view::<i64>()?;
        let mut sums: Vec<f64> = Vec::new();
        sums.try_reserve_exact(given.len_of(last)).map_err(KernelError::other)?;
        for (mut indices, logits) in output.lanes_mut(last).into_iter().zip(given.lanes(last)) {
            let largest = logits.iter().fold(f64::NEG_INFINITY, |largest, &logit| {
                if largest.is_nan() || logit.as_f64() <= largest { largest } else { logit.as_f64() }
            });
            if !largest.is_finite() {
                let reason = format!("expected a row of logits whose largest is finite, got {largest}");
                return Err(KernelError::other(reason));
            }
            sums.clear();
            sums.extend(logits.iter().scan(0.0, |sum, &logit| {
                *sum += (logit.as_f64() - largest).exp();
                Some(*sum)
            }));
            let total = sums.last().copied().unwrap_or(0.0);
            // The first index that has all of the sum: those after it have no part in it.
            let last_index = sums.partition_point(|&sum| sum < total);
            for index in &mut indices {
                let share = rng.random::<f64>() * total;
                *index = sums.partition_point(|&sum| sum <= share).min(last_index) as i64;
            }
        }
        Ok(())
    }
}

/// The numbers from 0 on in random order: so many, or as many as the input is long.
#[derive(Debug)]
struct Permutation {
    length: Option<usize>,
    own_seed: Option<[u64; 2]>,
}

impl Op for Permutation {
    fn name(&self) -> &'static str {
        match self.length {
            Some(_) => "random_permutation",
            None => "random_permutation_like",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let length = match self.length {
            Some(length) => Some(length),
            None => first_length(&inputs[0].shape)?,
        };
        Ok(TensorType::new(DType::I64, [length]))
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let length = self.length.unwrap_or_else(|| to.dims(inputs[0])[0]);
        let (stream, runs) = (Stream::of(self.own_seed, to), to.run_count());
        to.kernel(Permuting(stream), &[runs], DType::I64, Dims::from_elem(length, 1))
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn attributes(&self) -> Attributes {
        match self.length {
            Some(length) => Attributes::new().with("n", length),
            None => Attributes::new(),
        }
    }
}

/// The length of the first axis.
fn first_length(shape: &Shape) -> Result<Option<usize>, Fault> {
    shape.dims().first().copied().ok_or(Fault::Shape(ShapeError::AxisOutOfRange { axis: 0, rank: 0 }))
}

#[derive(Debug)]
struct Permuting(Stream);

impl Kernel for Permuting {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let mut numbers: Vec<i64> = Vec::new();
        numbers.try_reserve_exact(output.shape()[0]).map_err(KernelError::other)?;
        numbers.extend(0..output.shape()[0] as i64);
        numbers.shuffle(&mut self.0.generator(inputs)?);
        output.into_view::<i64>()?.iter_mut().zip(numbers).for_each(|(element, number)| *element = number);
        Ok(())
    }
}

impl Graph {
    /// The numbers from 0 to below `n` in random order, drawn anew in each run; by what, says
    /// [`random_uniform`](Graph::random_uniform). All orders are equally likely.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let mut order = Session::new(&g)?.run(g.random_permutation(100))?.into_raw_vec_and_offset().0;
    /// order.sort();
    /// assert!(order.into_iter().eq(0..100));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("randperm"))]
    #[track_caller]
    pub fn random_permutation(&self, n: usize) -> Tensor<'_, i64> {
        self.apply(Permutation { length: Some(n), own_seed: self.own_seed() }, &[]).typed()
    }
}

methods! {
    /// The slices along the first axis in random order, which is drawn anew in each run; by what, says
    /// [`random_uniform`](Graph::random_uniform).
    ///
    /// Gradient: the cotangent, each slice back at its place. A tensor without axes is a build error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[1, 2], [3, 4]]));
    /// let rows = Session::new(&g)?.run(x.shuffle())?;
    /// assert!(rows == ndarray::arr2(&[[1, 2], [3, 4]]).into_dyn() || rows == ndarray::arr2(&[[3, 4], [1, 2]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn shuffle<Element>(x) -> Self {
        if x.shape().rank() == 0 && !x.is_invalid() {
            return x.graph().invalid_any("shuffle", ShapeError::AxisOutOfRange { axis: 0, rank: 0 }.into());
        }
        let order = x.unary(Permutation { length: None, own_seed: x.graph().own_seed() });
        x.in_order(order.named("random_permutation")).named("shuffle")
    }

    /// A boolean for each element, `true` with the element for its probability, drawn anew in each run; by what,
    /// says [`random_uniform`](Graph::random_uniform).
    ///
    /// No gradient passes. An element expected a probability between 0 and 1, got that fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let sure = g.constant(ndarray::arr1(&[0.0, 1.0])).bernoulli();
    /// assert_eq!(Session::new(&g)?.run(sure)?, ndarray::arr1(&[false, true]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    fn bernoulli<Float>(x) -> bool as bernoulli_of {
        sampled(x, Chance::Bernoulli)
    }

    /// So many indices along the last axis for each row of logits, each drawn by the
    /// [`softmax`](crate::Tensor::softmax) of the row, independently and anew in each run; by what, says
    /// [`random_uniform`](Graph::random_uniform). The last axis of the result are the samples.
    ///
    /// No gradient passes. Logits without axes or without classes are build errors; a row with a NaN, with ∞, or
    /// of nothing but -∞ fails the run.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let never = f64::NEG_INFINITY;
    /// let logits = g.constant(ndarray::arr2(&[[0.0, never, never], [never, 2.0, never]]));
    /// let drawn = Session::new(&g)?.run(logits.categorical(2))?;
    /// assert_eq!(drawn, ndarray::arr2(&[[0, 0], [1, 1]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("multinomial"))]
    fn categorical<Float>(x, samples: usize) -> i64 {
        sampled(x, Chance::Categorical { samples })
    }

    also [OpDef {
        name: "random_permutation",
        doc: "The numbers from 0 to below `n` in random order, drawn anew in each run.",
        operands: &[],
        attributes: &[AttributeDef::of::<usize>("n")],
        build: |graph, _, attributes| Ok(vec![graph.random_permutation(attributes.value("n")?).any()]),
    }]
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = internal! {
    "random_permutation_like" (x: Element) [] |given|
        Permutation { length: None, own_seed: given[0].graph().own_seed() };
};

#[track_caller]
fn sampled(x: AnyTensor<'_>, chance: Chance) -> AnyTensor<'_> {
    x.unary(Sample { chance, own_seed: x.graph().own_seed() })
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::example;
    use super::random::beside;
    vec![
        example!("bernoulli", &[&[2, 3]], |_, x| beside(x[0], x[0].bernoulli().cast()), |x| x[0].clone(),)
            .within(0.1, 0.9),
        example!("bernoulli of a product", &[&[4]], |_, x| x[0] + (x[0] * 0.0).bernoulli().cast(), |x| x[0]
            .clone()),
        example!("categorical", &[&[2, 3]], |_, x| beside(x[0], x[0].categorical(1).cast()), |x| x[0]
            .clone()),
        example!("categorical of one class", &[&[3, 1]], |_, x| x[0] + x[0].categorical(4).cast(), |x| {
            x[0].broadcast(ndarray::IxDyn(&[3, 4])).unwrap().to_owned()
        }),
        example!("categorical without samples", &[&[3, 2]], |_, x| x[0].categorical(0).cast(), |_| {
            ndarray::ArrayD::zeros(vec![3, 0])
        }),
        example!("categorical of no rows", &[&[0, 2]], |_, x| x[0].categorical(2).cast(), |x| x[0].clone()),
        example!(
            "random_permutation",
            &[&[3]],
            |g, x| x[0] + g.random_permutation(5).cast().reduce_sum(..),
            |x| &x[0] + 10.0
        ),
        example!("shuffle", &[&[4, 2]], |_, x| (x[0] * x[0]).shuffle().reduce_sum(0), |x| x[0]
            .mapv(|x| x * x)
            .sum_axis(Axis(0))),
        example!("shuffle of one", &[&[1, 2]], |_, x| x[0].shuffle(), |x| x[0].clone()),
        example!("shuffle of none", &[&[0, 2]], |_, x| x[0].shuffle(), |x| x[0].clone()),
    ]
}
