//! `scaled` and `scaled_either`: products of gradients below a `select`, in which a 0 wins over whatever it meets.
//!
//! Where a branch was not taken its cotangent is 0, and whatever was computed there must not matter: also an
//! infinite or undefined slope. The sweep asks for these products instead of plain ones exactly there. Why that
//! holds to every order: at an element that was not taken, each value of a gradient is of one of three kinds,
//!
//! - *good*, what would be computed if the branch were not there;
//! - *zero*, exactly 0 because the branch was not taken;
//! - *bad*, which hangs on what the branch computed.
//!
//! It must be that a zero is all that a bad value is differentiated with: the cotangents of bad values are zero,
//! those of good values good, those of zeros may be anything, because a zero comes from a `select`, which cuts
//! them off, or from one of these products. `scaled(zero, bad)` is zero; its shares are `scaled(any, bad)` for
//! the zero, which may be bad, and for the bad one `scaled_either(any, zero)`, which is zero again, on whichever
//! side the zero stands. The shares of `scaled_either` are of that form themselves. Sums, repetitions and moves
//! keep the kinds apart; sums of products, such as `matmul`, do not.
//!
//! A cotangent that is 0 by chance loses nothing: the shares are those of a product, not of a choice.

use super::{Form, Op};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::ir::{Lowering, Scalar, Val};
use crate::shape::TensorType;

/// The product of the inputs, and 0 where the first is 0.
#[derive(Debug)]
pub(crate) struct Scaled;

impl Op for Scaled {
    fn name(&self) -> &'static str {
        "scaled"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        inputs[0].together(inputs[1])
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        to.map(Scalar::Scaled, inputs)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (cotangent, slope) = (at.input(0), at.input(1));
        at.give(0, |dy| dy.binary(Scaled, slope));
        at.give(1, |dy| dy.binary(ScaledEither, cotangent));
    }

    fn zero_where_untaken(&self, _: usize) -> bool {
        true
    }

    fn form(&self) -> Form {
        Form::Product
    }
}

/// The product of the inputs, and 0 where one of them is 0.
#[derive(Debug)]
pub(crate) struct ScaledEither;

impl Op for ScaledEither {
    fn name(&self) -> &'static str {
        "scaled_either"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        inputs[0].together(inputs[1])
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let zero = to.scalar(0.0, to.dtype(inputs[1]));
        let is_zero = to.compare(Scalar::Equal, &[inputs[1], zero]);
        let product = to.map(Scalar::Scaled, inputs);
        to.map(Scalar::Select, &[is_zero, zero, product])
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (a, b) = (at.input(0), at.input(1));
        at.give(0, |dy| dy.binary(ScaledEither, b));
        at.give(1, |dy| dy.binary(ScaledEither, a));
    }

    fn zero_where_untaken(&self, _: usize) -> bool {
        true
    }

    fn form(&self) -> Form {
        Form::Product
    }
}
