//! Special functions, of which TensorFlow has some with their slopes.

use super::at::{At, Ports, Row, one};
use super::block::Port;

pub(super) const OPS: &[Row] = &[
    ("betainc", |at| {
        // Operands are not broadcast there.
        let sum = at.block.same("AddV2", &at.inputs[..2]);
        let sum = at.block.same("AddV2", &[sum, at.inputs[2]]);
        let shape = at.block.shape(sum);
        let operands: Vec<Port> = at.inputs.iter().map(|&x| at.block.broadcast(x, shape)).collect();
        one(at.block.same("Betainc", &operands))
    }),
    ("digamma", |at| same(at, "Digamma")),
    ("erfinv", |at| same(at, "Erfinv")),
    ("erfinv_slope", |at| {
        // 1 / erf'(y), which is √π/2·e^y².
        let y = at.block.same("Erfinv", at.inputs);
        let square = at.block.same("Square", &[y]);
        scaled_exponential(at, square, std::f64::consts::PI.sqrt() / 2.0)
    }),
    ("gamma_density", gamma_density),
    ("gammainc", |at| same(at, "Igamma")),
    ("gammainc_by_parameter", |at| match at.attribute::<usize>("n")? {
        1 => same(at, "IgammaGradA"),
        n => Err(format!("expected the first derivative, got that of order {n}")),
    }),
    ("gammaincc", |at| same(at, "Igammac")),
    ("i0", |at| same(at, "BesselI0")),
    ("i0_derivative", |at| match at.attribute::<usize>("n")? {
        2 => {
            let [i0, ratio] = [at.block.same("BesselI0", at.inputs), first_over_x(at, "BesselI1")];
            one(at.block.same("Sub", &[i0, ratio]))
        }
        n => Err(format!("expected the second derivative, got that of order {n}")),
    }),
    ("i0e", |at| same(at, "BesselI0e")),
    ("i0e_decay", decay),
    ("i1", |at| same(at, "BesselI1")),
    ("i1e", |at| same(at, "BesselI1e")),
    ("lgamma", |at| same(at, "Lgamma")),
    ("ndtri", |at| same(at, "Ndtri")),
    ("ndtri_slope", |at| {
        // 1 / φ(z), which is √(2π)·e^(z²/2).
        let z = at.block.same("Ndtri", at.inputs);
        let (square, half) = (at.block.same("Square", &[z]), at.block.scalar(0.5, z.dtype));
        let half = at.block.same("Mul", &[square, half]);
        scaled_exponential(at, half, (2.0 * std::f64::consts::PI).sqrt())
    }),
    ("polygamma", |at| {
        let n: usize = at.attribute("n")?;
        let n = at.block.scalar(n as f64, at.inputs[0].dtype);
        one(at.block.same("Polygamma", &[n, at.inputs[0]]))
    }),
];

fn same(at: &mut At<'_, '_>, op: &str) -> Ports {
    one(at.block.same(op, at.inputs))
}

fn scaled_exponential(at: &mut At<'_, '_>, exponent: Port, by: f64) -> Ports {
    let (exponential, by) = (at.block.same("Exp", &[exponent]), at.block.scalar(by, exponent.dtype));
    one(at.block.same("Mul", &[exponential, by]))
}

/// A function that is x/2 about 0, over x.
fn first_over_x(at: &mut At<'_, '_>, op: &str) -> Port {
    let x = at.inputs[0];
    let [zero, one, half] = [0.0, 1.0, 0.5].map(|number| at.block.scalar(number, x.dtype));
    let is_zero = at.block.compare("Equal", &[x, zero]);
    let divisor = at.block.select(is_zero, one, x);
    let first = at.block.same(op, &[x]);
    let ratio = at.block.same("RealDiv", &[first, divisor]);
    at.block.select(is_zero, half, ratio)
}

/// The first and second derivatives of e^-x·I₀(x) at |x|, the first with the other sign.
fn decay(at: &mut At<'_, '_>) -> Ports {
    let (n, x): (usize, Port) = (at.attribute("n")?, at.inputs[0]);
    let [zeroth, first] = ["BesselI0e", "BesselI1e"].map(|op| at.block.same(op, &[x]));
    let first = at.block.same("Abs", &[first]);
    let lack = at.block.same("Sub", &[zeroth, first]);
    match n {
        1 => one(lack),
        2 => {
            let two = at.block.scalar(2.0, x.dtype);
            let (twice, ratio) = (at.block.same("Mul", &[lack, two]), first_over_x(at, "BesselI1e"));
            one(at.block.same("Sub", &[twice, ratio]))
        }
        n => Err(format!("expected the first or the second derivative, got that of order {n}")),
    }
}

/// xᵃ⁻¹·e⁻ˣ/Γ(a).
fn gamma_density(at: &mut At<'_, '_>) -> Ports {
    if (at.attribute::<usize>("k")?, at.attribute::<usize>("n")?) != (0, 0) {
        return Err("expected the density itself, got a derivative".to_owned());
    }
    let (a, x) = (at.inputs[0], at.inputs[1]);
    let unit = at.block.scalar(1.0, a.dtype);
    let (less, logarithm) = (at.block.same("Sub", &[a, unit]), at.block.same("Log", &[x]));
    let power = at.block.same("Mul", &[less, logarithm]);
    let power = at.block.same("Sub", &[power, x]);
    let gamma = at.block.same("Lgamma", &[a]);
    let exponent = at.block.same("Sub", &[power, gamma]);
    one(at.block.same("Exp", &[exponent]))
}
