//! Exponentials and logarithms less the first terms of their series, and what is made of them: differences that would lose the
//! digits of what is nearly 0. Each is a short series there, and the plain formula elsewhere.

/// ln(x/y), without loss of digits where that is nearly 0.
pub(crate) fn ln_ratio(x: f64, y: f64) -> f64 {
    let ratio = x / y;
    if (0.5..=2.0).contains(&ratio) {
        ((x - y) / y).ln_1p()
    } else if ratio.is_normal() {
        ratio.ln()
    } else {
        x.ln() - y.ln()
    }
}

/// 1/3, 1/5, ..
pub(super) const THIRDS: [f64; 18] = {
    let (mut thirds, mut n) = ([0.0; 18], 0);
    while n < 18 {
        thirds[n] = 1.0 / (2 * n + 3) as f64;
        n += 1;
    }
    thirds
};

/// 1/2!, 1/3!, ..
const HALVES: [f64; 15] = {
    let (mut halves, mut factorial, mut n) = ([0.0; 15], 1.0, 0);
    while n < 15 {
        factorial *= (n + 2) as f64;
        halves[n] = 1.0 / factorial;
        n += 1;
    }
    halves
};

/// ln(1 + x) - x.
pub(super) fn ln_1p_less(x: f64) -> f64 {
    if !(-0.5..=1.0).contains(&x) {
        return x.ln_1p() - x;
    }
    let r = x / (2.0 + x);
    let square = r * r;
    let sum = THIRDS.iter().rev().fold(0.0, |sum, third| sum * square + third);
    r * (2.0 * square * sum - x)
}

/// eˣ - 1 - x.
pub(super) fn exp_m1_less(x: f64) -> f64 {
    if x.abs() > 0.7 {
        return x.exp_m1() - x;
    }
    x * x * HALVES.iter().rev().fold(0.0, |sum, half| sum * x + half)
}

/// The terms x·ln(x/y) - x + y of the divergence of Kullback and Leibler, as SciPy's `kl_div`.
pub(crate) fn kl_div(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    if x == 0.0 && y >= 0.0 {
        return y;
    }
    if x < 0.0 || y <= 0.0 {
        return f64::INFINITY;
    }
    let relative = (y - x) / x;
    if relative.abs() <= 0.5 { -x * ln_1p_less(relative) } else { x * (ln_ratio(x, y) - 1.0) + y }
}
