//! Functions of elements. Where one is not defined everywhere, or grows fast, its operand is guarded.

use super::super::build::{At, broadcast};

use super::Kind::{Discrete, Jumps, Kinked, OffZero, Smooth};
use super::{EXACT, ROUNDED, Row, row};

/// A method of one operand: its kind, whether it is exact, and where its operand is from.
macro_rules! unary {
    ($name:ident, $kind:expr, $exact:expr, $from:ident) => {
        row(stringify!($name), $kind, $exact, |at| Some(at.$from()?.$name().into()))
    };
}

/// A method of two operands that broadcast.
macro_rules! binary {
    ($name:ident, $kind:expr, $exact:expr) => {
        row(stringify!($name), $kind, $exact, |at| {
            let a = at.float()?;
            let b = at.beside::<f64, _>(&a)?;
            Some(a.$name(b.tensor).into())
        })
    };
}

/// A comparison: of floats that no rounding moves, or of integers.
macro_rules! comparison {
    ($name:ident, floats) => {
        row(stringify!($name), Jumps, EXACT, |at| {
            let a = at.steady(|_| true)?;
            let b = at.steady(|dims| broadcast(dims, &a.dims))?;
            Some(a.$name(b.tensor).into())
        })
    };
    ($name:ident, integers) => {
        row(stringify!($name), Discrete, EXACT, |at| {
            let a = at.any::<i64>(|_| true)?;
            let b = at.beside::<i64, _>(&a)?;
            Some(a.$name(b.tensor).into())
        })
    };
}

/// A method of two booleans.
macro_rules! logical {
    ($name:ident) => {
        row(stringify!($name), Discrete, EXACT, |at| {
            let a = at.any::<bool>(|_| true)?;
            let b = at.beside::<bool, _>(&a)?;
            Some(a.$name(b.tensor).into())
        })
    };
}

/// A method of a float that jumps.
macro_rules! step {
    ($name:ident) => {
        row(stringify!($name), Jumps, EXACT, |at| Some(at.steady(|_| true)?.$name().into()))
    };
}

pub(crate) static ROWS: &[Row] = &[
    // -- arithmetic --------------------------------------------------------------------------------
    row("add", Smooth, EXACT, |at| {
        let a = at.float()?;
        let b = at.beside::<f64, _>(&a)?;
        Some((*a + *b).into())
    }),
    row("sub", Smooth, EXACT, |at| {
        let a = at.float()?;
        let b = at.beside::<f64, _>(&a)?;
        Some((*a - *b).into())
    }),
    row("mul", Smooth, EXACT, |at| {
        let a = at.float()?;
        let b = at.beside::<f64, _>(&a)?;
        Some((*a * *b).into())
    }),
    row("add and mul of a number", Smooth, EXACT, |at| {
        let a = at.float()?;
        let (number, form) = (at.quarter(), at.number(6));
        let forms = [*a + number, number - *a, *a * number, number * *a + 1.0, *a * 1.0 + 0.0, *a - number];
        Some(forms[form].into())
    }),
    row("div", Smooth, ROUNDED, |at| {
        let a = at.float()?;
        let b = at.beside(&a)?;
        Some((*a / At::above(&b).tensor).into())
    }),
    row("div of and by a number", Smooth, ROUNDED, |at| {
        let a = at.float()?;
        let number = at.quarter() + 3.0;
        let divided = if at.number(2) == 0 { *a / number } else { number / At::above(&a).tensor };
        Some(divided.into())
    }),
    binary!(squared_difference, Smooth, EXACT),
    row("pow", Smooth, ROUNDED, |at| {
        let a = at.positive()?;
        let b = at.beside::<f64, _>(&a)?;
        Some(a.pow(b.tanh() * 2.0).into())
    }),
    row("pow of a number", Smooth, ROUNDED, |at| {
        let (a, exponent) = (at.float()?, at.number(8));
        // Whole exponents take any base.
        let powers = [a.pow(2.0), a.pow(3.0), a.pow(1.0), a.pow(0.0)];
        let roots = [0.5, -0.5, -1.0, 1.5];
        let power = powers.get(exponent).copied();
        Some(power.unwrap_or_else(|| At::above(&a).pow(roots[exponent % 4])).into())
    }),
    row("pow by a base", Smooth, ROUNDED, |at| {
        let a = at.float()?;
        let base = at.graph().constant(0.5 + at.number(8) as f64 / 4.0);
        Some(base.pow(a.tensor).into())
    }),
    row("hypot", Smooth, ROUNDED, |at| {
        let a = at.positive()?;
        let b = at.beside::<f64, _>(&a)?;
        Some(a.hypot(b.tensor).into())
    }),
    row("atan2", Smooth, ROUNDED, |at| {
        // The angle jumps where the second is negative and the first changes its sign.
        let a = at.float()?;
        let b = at.beside::<f64, _>(&a)?;
        Some(a.atan2(At::above(&b).tensor).into())
    }),
    row("xlogy", Smooth, ROUNDED, |at| {
        let a = at.float()?;
        let b = at.beside::<f64, _>(&a)?;
        Some(a.xlogy(At::above(&b).tensor).into())
    }),
    row("divide_no_nan", Smooth, ROUNDED, |at| {
        let a = at.float()?;
        let b = at.beside::<f64, _>(&a)?;
        let quotient = a.divide_no_nan(At::above(&b).tensor);
        Some((quotient + a.divide_no_nan(0.0)).into())
    }),
    binary!(maximum, Kinked, EXACT),
    binary!(minimum, Kinked, EXACT),
    row("clip", Kinked, EXACT, |at| {
        let (a, low) = (at.float()?, at.quarter());
        Some(a.clip(low, low + 0.75).into())
    }),
    row("clip between tensors", Kinked, EXACT, |at| {
        let a = at.float()?;
        let low = at.beside::<f64, _>(&a)?;
        Some(a.clip(low.tensor, *low + 0.5).into())
    }),
    row("floor_div", Jumps, EXACT, |at| {
        let (a, by) = (at.steady(|_| true)?, [0.25, 0.5, 2.0, -0.5][at.number(4)]);
        Some(a.floor_div(by).into())
    }),
    row("modulo", Jumps, EXACT, |at| {
        let (a, by) = (at.steady(|_| true)?, [0.25, 0.5, 2.0, -0.5][at.number(4)]);
        Some(a.modulo(by).into())
    }),
    // -- functions of one operand ------------------------------------------------------------------
    row("neg", Smooth, EXACT, |at| Some((-*at.float()?).into())),
    unary!(square, Smooth, EXACT, float),
    unary!(abs, OffZero, EXACT, off_zero),
    unary!(sqrt, Smooth, ROUNDED, positive),
    unary!(rsqrt, Smooth, ROUNDED, positive),
    unary!(reciprocal, Smooth, ROUNDED, positive),
    unary!(exp, Smooth, ROUNDED, float),
    unary!(exp2, Smooth, ROUNDED, float),
    unary!(expm1, Smooth, ROUNDED, float),
    unary!(log2, Smooth, ROUNDED, positive),
    unary!(log10, Smooth, ROUNDED, positive),
    unary!(cbrt, Smooth, ROUNDED, positive),
    unary!(ln, Smooth, ROUNDED, positive),
    unary!(log1p, Smooth, ROUNDED, positive),
    unary!(log1p, Smooth, ROUNDED, unit),
    unary!(sin, Smooth, ROUNDED, float),
    unary!(cos, Smooth, ROUNDED, float),
    unary!(tan, Smooth, ROUNDED, unit),
    unary!(asin, Smooth, ROUNDED, unit),
    unary!(acos, Smooth, ROUNDED, unit),
    unary!(atan, Smooth, ROUNDED, float),
    unary!(sinh, Smooth, ROUNDED, float),
    unary!(cosh, Smooth, ROUNDED, float),
    unary!(tanh, Smooth, ROUNDED, float),
    unary!(sigmoid, Smooth, ROUNDED, float),
    unary!(softplus, Smooth, ROUNDED, float),
    unary!(silu, Smooth, ROUNDED, float),
    unary!(gelu, Smooth, ROUNDED, float),
    unary!(gelu_tanh, Smooth, ROUNDED, float),
    unary!(erf, Smooth, ROUNDED, float),
    unary!(erfc, Smooth, ROUNDED, float),
    unary!(log_sigmoid, Smooth, ROUNDED, float),
    unary!(mish, Smooth, ROUNDED, float),
    unary!(softsign, OffZero, ROUNDED, off_zero),
    unary!(hard_sigmoid, Kinked, ROUNDED, float),
    unary!(hard_swish, Kinked, ROUNDED, float),
    row("celu", OffZero, ROUNDED, |at| {
        let (x, alpha) = (at.off_zero()?, at.number(8) as f64 / 4.0 + 0.25);
        Some(x.celu(alpha).into())
    }),
    unary!(relu, OffZero, EXACT, off_zero),
    unary!(relu6, Kinked, EXACT, float),
    unary!(elu, OffZero, ROUNDED, off_zero),
    unary!(selu, OffZero, ROUNDED, off_zero),
    row("leaky_relu", OffZero, EXACT, |at| {
        let (x, slope) = (at.off_zero()?, at.quarter());
        Some(x.leaky_relu(slope).into())
    }),
    unary!(identity, Smooth, EXACT, float),
    unary!(stop_gradient, Kinked, EXACT, float),
    unary!(check_numerics, Smooth, EXACT, float),
    row("inspect", Smooth, EXACT, |at| Some(at.float()?.inspect(|_| {}).into())),
    // -- jumps -------------------------------------------------------------------------------------
    step!(sign),
    step!(floor),
    step!(ceil),
    step!(round),
    step!(is_nan),
    step!(is_inf),
    step!(is_finite),
    comparison!(equal, floats),
    comparison!(not_equal, floats),
    comparison!(less, floats),
    comparison!(less_equal, floats),
    comparison!(greater, floats),
    comparison!(greater_equal, floats),
    // -- integers and booleans ---------------------------------------------------------------------
    comparison!(equal, integers),
    comparison!(not_equal, integers),
    comparison!(less, integers),
    comparison!(less_equal, integers),
    comparison!(greater, integers),
    comparison!(greater_equal, integers),
    logical!(logical_and),
    logical!(logical_or),
    logical!(logical_xor),
    row("logical_not", Discrete, EXACT, |at| Some(at.any::<bool>(|_| true)?.logical_not().into())),
    row("bits of integers", Discrete, EXACT, |at| {
        let a = at.any::<i64>(|_| true)?;
        let b = at.beside::<i64, _>(&a)?;
        let made = match at.number(6) {
            0 => a.bitwise_and(b.tensor),
            1 => a.bitwise_or(b.tensor),
            2 => a.bitwise_xor(b.tensor),
            3 => a.bitwise_not(),
            4 => a.left_shift(b.tensor),
            _ => a.right_shift(b.tensor),
        };
        Some(made.modulo(101).into())
    }),
    row("integer arithmetic", Discrete, EXACT, |at| {
        let a = at.any::<i64>(|_| true)?;
        let b = at.beside::<i64, _>(&a)?;
        let positive = b.square() + 1;
        let made = match at.number(10) {
            0 => *a + *b,
            1 => *a - *b,
            2 => *a * *b,
            3 => *a / positive,
            4 => a.floor_div(-positive),
            5 => a.modulo(positive),
            6 => a.maximum(b.tensor),
            7 => a.minimum(b.tensor),
            8 => a.abs() - b.sign(),
            _ => a.clip(-2, 3).squared_difference(b.tensor),
        };
        Some(made.modulo(101).into())
    }),
    row("cast", Discrete, EXACT, |at| {
        Some(match at.number(4) {
            0 => at.any::<i64>(|_| true)?.cast::<f64>().into(),
            1 => at.any::<bool>(|_| true)?.cast::<f64>().into(),
            2 => at.any::<i64>(|_| true)?.cast::<bool>().into(),
            _ => at.any::<bool>(|_| true)?.cast::<i32>().cast::<i64>().into(),
        })
    }),
    row("cast of floats", Jumps, EXACT, |at| {
        let x = at.steady(|_| true)?;
        Some(match at.number(3) {
            0 => x.cast::<i64>().into(),
            1 => x.cast::<bool>().into(),
            _ => x.cast::<f32>().cast::<f64>().into(),
        })
    }),
    row("select", Smooth, EXACT, |at| {
        let a = at.float()?;
        let b = at.beside::<f64, _>(&a)?;
        let condition = at.any::<bool>(|dims| broadcast(dims, &a.dims) && broadcast(dims, &b.dims))?;
        Some(condition.select(a.tensor, b.tensor).into())
    }),
    row("select of integers", Discrete, EXACT, |at| {
        let a = at.any::<i64>(|_| true)?;
        let condition = at.beside::<bool, _>(&a)?;
        Some(condition.select(a.tensor, at.quarter() as i64).into())
    }),
    row("select of what is not defined", Smooth, ROUNDED, |at| {
        // No NaN comes out of the branch that is not taken, and none comes back into its gradient.
        let a = at.float()?;
        let condition = at.beside::<bool, _>(&a)?;
        let undefined = condition.select(0.0, At::above(&a).tensor);
        Some(condition.select(a.tanh(), undefined.sqrt().ln()).into())
    }),
];
