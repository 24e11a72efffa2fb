//! Steps of optimizers, which change variables and what the optimizer remembers of them.

use std::collections::HashSet;

use super::super::nodes::Nodes;
use super::state::assigned;
use super::{At, Outputs, Refusal, Row, Val};
use crate::graph::AnyTensor;
use crate::graph::op::Update;

pub(super) const OPS: &[Row] = &[
    ("ApplyAdadelta", adadelta),
    ("ApplyAdagrad", adagrad),
    ("ApplyAdagradV2", adagrad_v2),
    ("ApplyAdam", adam),
    ("ApplyCenteredRMSProp", centered_rms_prop),
    ("ApplyFtrl", ftrl),
    ("ApplyGradientDescent", gradient_descent),
    ("ApplyMomentum", momentum),
    ("ApplyRMSProp", rms_prop),
    ("ResourceApplyAdadelta", adadelta),
    ("ResourceApplyAdagrad", adagrad),
    ("ResourceApplyAdagradV2", adagrad_v2),
    ("ResourceApplyAdam", adam),
    ("ResourceApplyCenteredRMSProp", centered_rms_prop),
    ("ResourceApplyFtrl", ftrl),
    ("ResourceApplyGradientDescent", gradient_descent),
    ("ResourceApplyKerasMomentum", keras_momentum),
    ("ResourceApplyMomentum", momentum),
    ("ResourceApplyRMSProp", rms_prop),
];

/// The names of variables that steps of optimizers remember things in.
pub(in super::super) fn slots(nodes: &Nodes) -> HashSet<String> {
    let steps = nodes.all.iter().filter(|node| OPS.iter().any(|row| row.0 == node.op));
    let inputs = steps.flat_map(|node| node.inputs.iter().skip(1));
    let variables = inputs.filter_map(|port| nodes.all.get(port.node));
    variables.map(|node| node.name.clone()).collect()
}

/// A variable with a new value.
fn set<'g>(at: &At<'_, 'g>, input: usize, value: AnyTensor<'g>) -> Result<AnyTensor<'g>, Refusal> {
    Ok(assigned(at, input, Update::Replace, value)?.1)
}

/// The variable, less a step; what was remembered is set before, and is run with it.
fn stepped<'g>(at: &At<'_, 'g>, remembered: &[AnyTensor<'g>], step: AnyTensor<'g>) -> Outputs<'g> {
    let before: Vec<_> = remembered.iter().map(|tensor| tensor.op()).collect();
    let (place, after) =
        at.graph().control_dependencies(&before, || assigned(at, 0, Update::Subtract, step))?;
    Ok(vec![Val::Variable { place, after: Some(after) }])
}

/// Inputs: the variable, the rate, the gradient.
fn gradient_descent<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    stepped(at, &[], at.tensor(1)? * at.tensor(2)?)
}

/// Inputs: the variable, what is accumulated, the rate, the gradient, the momentum.
fn momentum<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let (rate, gradient, momentum) = (at.tensor(2)?, at.tensor(3)?, at.tensor(4)?);
    let accumulated = set(at, 1, at.tensor(1)? * momentum + gradient)?;
    let step = if at.flag("use_nesterov")? {
        gradient * rate + accumulated * momentum * rate
    } else {
        accumulated * rate
    };
    stepped(at, &[accumulated], step)
}

/// The same, with what is accumulated in units of the variable.
fn keras_momentum<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let (rate, gradient, momentum) = (at.tensor(2)?, at.tensor(3)?, at.tensor(4)?);
    let accumulated = set(at, 1, at.tensor(1)? * momentum - gradient * rate)?;
    let step = if at.flag("use_nesterov")? { gradient * rate - accumulated * momentum } else { -accumulated };
    stepped(at, &[accumulated], step)
}

/// Inputs: the variable, what is accumulated, the rate, the gradient.
fn adagrad<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let (rate, gradient) = (at.tensor(2)?, at.tensor(3)?);
    let accumulated = accumulated_squares(at, gradient)?;
    stepped(at, &[accumulated], gradient * rate * accumulated.rsqrt())
}

/// Inputs: the variable, what is accumulated, the rate, epsilon, the gradient.
fn adagrad_v2<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let (rate, epsilon, gradient) = (at.tensor(2)?, at.tensor(3)?, at.tensor(4)?);
    let accumulated = accumulated_squares(at, gradient)?;
    stepped(at, &[accumulated], gradient * rate / (accumulated.sqrt() + epsilon))
}

/// What is accumulated of squares, unless it is to stay.
fn accumulated_squares<'g>(at: &At<'_, 'g>, gradient: AnyTensor<'g>) -> Result<AnyTensor<'g>, Refusal> {
    let stays = at.node.attr("update_slots").is_some() && !at.flag("update_slots")?;
    let before = at.tensor(1)?;
    if stays { Ok(before) } else { set(at, 1, before + gradient.square()) }
}

/// Inputs: the variable, the moments m and v, the powers of beta1 and beta2, the rate, beta1, beta2, epsilon, the gradient.
fn adam<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let input = |input| at.tensor(input);
    let (power1, power2, rate) = (input(3)?, input(4)?, input(5)?);
    let (beta1, beta2, epsilon, gradient) = (input(6)?, input(7)?, input(8)?, input(9)?);
    let rate = rate * (-power2 + 1.0).sqrt() / (-power1 + 1.0);
    let m = input(1)?;
    let m = set(at, 1, m + (gradient - m) * (-beta1 + 1.0))?;
    let v = input(2)?;
    let v = set(at, 2, v + (gradient.square() - v) * (-beta2 + 1.0))?;
    let direction = if at.flag("use_nesterov")? { gradient * (-beta1 + 1.0) + beta1 * m } else { m };
    stepped(at, &[m, v], direction * rate / (v.sqrt() + epsilon))
}

/// Inputs: the variable, the mean of squares, the momentum's sum, the rate, rho, the momentum, epsilon, the gradient.
fn rms_prop<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let input = |input| at.tensor(input);
    let (rate, rho, momentum, epsilon, gradient) = (input(3)?, input(4)?, input(5)?, input(6)?, input(7)?);
    let squares = input(1)?;
    let squares = set(at, 1, squares + (gradient.square() - squares) * (-rho + 1.0))?;
    let sum = set(at, 2, input(2)? * momentum + gradient * rate * (squares + epsilon).rsqrt())?;
    stepped(at, &[squares, sum], sum)
}

/// Inputs: the variable, the mean, the mean of squares, the momentum's sum, the rate, rho, the momentum, epsilon, the
/// gradient.
fn centered_rms_prop<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let input = |input| at.tensor(input);
    let (rate, rho, momentum, epsilon, gradient) = (input(4)?, input(5)?, input(6)?, input(7)?, input(8)?);
    let mean = input(1)?;
    let squares = input(2)?;
    let squares = set(at, 2, squares + (gradient.square() - squares) * (-rho + 1.0))?;
    let mean = set(at, 1, mean + (gradient - mean) * (-rho + 1.0))?;
    let sum =
        set(at, 3, input(3)? * momentum + gradient * rate * (squares - mean.square() + epsilon).rsqrt())?;
    stepped(at, &[mean, squares, sum], sum)
}

/// Inputs: the variable, the mean of squares, the mean of squared steps, the rate, rho, epsilon, the gradient.
fn adadelta<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let (steps, rate, rho) = (at.tensor(2)?, at.tensor(3)?, at.tensor(4)?);
    let (epsilon, gradient) = (at.tensor(5)?, at.tensor(6)?);
    let rest = -rho + 1.0;
    let squares = set(at, 1, at.tensor(1)? * rho + gradient.square() * rest)?;
    let step = (steps + epsilon).sqrt() * (squares + epsilon).rsqrt() * gradient;
    let steps = set(at, 2, steps * rho + step.square() * rest)?;
    stepped(at, &[squares, steps], step * rate)
}

/// Inputs: the variable, the sum of squares, the linear part, the gradient, the rate, the penalties of the norm and of
/// squares, the power of the rate.
fn ftrl<'g>(at: &At<'_, 'g>) -> Outputs<'g> {
    let input = |input| at.tensor(input);
    let (variable, before, linear, gradient) = (input(0)?, input(1)?, input(2)?, input(3)?);
    let (rate, norm, squares, power) = (input(4)?, input(5)?, input(6)?, input(7)?);
    let sum = before + gradient.square();
    let of_rate = |sum: AnyTensor<'g>| sum.pow(-power) / rate;
    let linear = linear + gradient - (of_rate(sum) - of_rate(before)) * variable;
    let curvature = of_rate(sum) + squares * 2.0;
    let shrunk = linear.sign() * norm - linear;
    let new = linear.abs().greater(norm).select(shrunk / curvature, variable.zeros_like());
    let remembered = [set(at, 1, sum)?, set(at, 2, linear)?];
    stepped(at, &remembered, variable - new)
}
