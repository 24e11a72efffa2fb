//! `logical_and`, `logical_or`, `logical_xor` and `logical_not` of truth values.

use crate::error::Mistake;
use crate::gradient::Pullback;
use crate::graph::op::Op;
use crate::graph::{Operand, Tensor};
use crate::ir::{Lowering, Scalar, Val};
use crate::shape::TensorType;

pub(super) const METHODS: &[&[crate::graph::op::OpDef]] = &[];

/// A truth value for each pair, or one for each.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Logical {
    And,
    Or,
    Xor,
    Not,
}

impl Op for Logical {
    fn name(&self) -> &'static str {
        match self {
            Logical::And => "logical_and",
            Logical::Or => "logical_or",
            Logical::Xor => "logical_xor",
            Logical::Not => "logical_not",
        }
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Mistake> {
        match inputs {
            [a, b] => a.together(b),
            _ => Ok(inputs[0].clone()),
        }
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let scalar = match self {
            Logical::And => Scalar::And,
            Logical::Or => Scalar::Or,
            Logical::Xor => Scalar::NotEqual,
            Logical::Not => Scalar::Not,
        };
        to.map(scalar, inputs)
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}
}

/// Name, op, formula, and an example: what it gives for the pairs of false and true.
macro_rules! logical_methods {
    ($($name:ident $op:ident, $formula:literal, $example:literal;)*) => {
        impl<'g> Tensor<'g, bool> {$(
            #[doc = concat!("Whether ", $formula, ", elementwise. Shapes broadcast.")]
            #[doc = ""]
            #[doc = "No gradient passes. Shapes that do not broadcast are a building error."]
            #[doc = ""]
            #[doc = "```"]
            #[doc = "use flowgrad::prelude::*;"]
            #[doc = "let g = Graph::new();"]
            #[doc = "let a = g.constant(ndarray::arr1(&[false, false, true, true]));"]
            #[doc = "let b = g.constant(ndarray::arr1(&[false, true, false, true]));"]
            #[doc = concat!("let y = Session::new(&g)?.run(a.", stringify!($name), "(b))?;")]
            #[doc = concat!("assert_eq!(y, ndarray::arr1(&", $example, ").into_dyn());")]
            #[doc = "# Ok::<(), flowgrad::Error>(())"]
            #[doc = "```"]
            #[track_caller]
            pub fn $name(self, other: impl Operand<'g, bool>) -> Self {
                let any = self.any();
                Tensor::typed(any.binary(Logical::$op, other.into_tensor(any.graph()).any()))
            }
        )*}
    };
}
logical_methods! {
    logical_and And, "both are true",        "[false, false, false, true]";
    logical_or  Or,  "one or both are true", "[false, true, true, true]";
    logical_xor Xor, "just one is true",     "[false, true, true, false]";
}

impl Tensor<'_, bool> {
    /// Whether it is false, elementwise.
    ///
    /// No gradient passes.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.constant(ndarray::arr1(&[false, true])).logical_not();
    /// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[true, false]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[track_caller]
    pub fn logical_not(self) -> Self {
        Tensor::typed(self.any().unary(Logical::Not))
    }
}

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::compare::zipped;
    use super::laws::{Example, example};

    fn number(truth: bool) -> f64 {
        f64::from(u8::from(truth))
    }
    let mut examples: Vec<Example> = Vec::new();
    let shapes: [[&[usize]; 2]; 6] = [
        [&[3, 40], &[3, 40]],
        [&[4], &[3, 1]],
        [&[3, 40], &[3, 1]],
        [&[], &[2, 3]],
        [&[0, 2], &[2]],
        [&[], &[]],
    ];
    for shapes in shapes {
        examples.extend([
            example!(
                "logical_and",
                &shapes,
                |_, x| x[0].greater(0.0).logical_and(x[1].greater(0.5)).cast(),
                |x| zipped(x, |a, b| number(a > 0.0 && b > 0.5)),
            ),
            example!(
                "logical_or",
                &shapes,
                |_, x| x[0].greater(0.0).logical_or(x[1].greater(0.5)).cast(),
                |x| zipped(x, |a, b| number(a > 0.0 || b > 0.5)),
            ),
            example!(
                "logical_xor",
                &shapes,
                |_, x| x[0].greater(0.0).logical_xor(x[1].greater(0.5)).cast(),
                |x| zipped(x, |a, b| number((a > 0.0) != (b > 0.5))),
            ),
            example!(
                "equal truths",
                &shapes,
                |_, x| {
                    let (a, b) = (x[0].greater(0.0), x[1].greater(0.5));
                    a.equal(b).cast() - a.not_equal(b).cast() * 2.0
                },
                |x| zipped(x, |a, b| if (a > 0.0) == (b > 0.5) { 1.0 } else { -2.0 }),
            ),
        ]);
    }
    examples.push(example!(
        "logical_not",
        &[&[3, 40]],
        |_, x| x[0].greater(0.0).logical_not().cast() + x[0],
        |x| x[0].mapv(|x| x + number(x <= 0.0)),
    ));
    examples
}
