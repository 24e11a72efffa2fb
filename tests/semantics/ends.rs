//! Line 22: at the ends of the range and next to 0, derivatives of any order are the limits of the true ones.

use std::f64::consts::{FRAC_2_SQRT_PI, FRAC_PI_2, LN_2};

use flowgrad::ndarray::{Array1, arr1};
use flowgrad::prelude::*;

const I: f64 = f64::INFINITY;
const ZEROS: Limits = [0.0; 4];
/// Outside of the domain, or without a limit.
const NONE: Limits = [f64::NAN; 4];
/// What selu tends to below 0, its slope above, and the second derivative of gelu at 0.
const FLOOR: f64 = 1.758_099_340_847_376_6;
const SLOPE: f64 = 1.050_700_987_355_480_5;
const BEND: f64 = 0.797_884_560_802_865_4;

/// The limits of a function and its first three derivatives.
type Limits = [f64; 4];

/// The limits of a function at -infinity, below 0, above 0 and at infinity.
struct Row(&'static str, [Limits; 4]);

/// The functions in one element type, in the order of the rows.
macro_rules! table {
    ($($name:literal $function:expr, $left:expr, $below:expr, $above:expr, $right:expr;)*) => {
        const ROWS: &[Row] = &[$(Row($name, [$left, $below, $above, $right])),*];
        fn of_f32(x: Tensor<'_, f32>) -> Vec<Tensor<'_, f32>> {
            type Function = for<'g> fn(Tensor<'g, f32>) -> Tensor<'g, f32>;
            let functions: &[Function] = &[$($function),*];
            functions.iter().map(|function| function(x)).collect()
        }
        fn of_f64(x: Tensor<'_, f64>) -> Vec<Tensor<'_, f64>> {
            type Function = for<'g> fn(Tensor<'g, f64>) -> Tensor<'g, f64>;
            let functions: &[Function] = &[$($function),*];
            functions.iter().map(|function| function(x)).collect()
        }
    };
}
table! {
    "neg" |x| -x,
        [I, -1.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0],
        [0.0, -1.0, 0.0, 0.0], [-I, -1.0, 0.0, 0.0];
    "abs" |x| x.abs(),
        [I, -1.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0], [I, 1.0, 0.0, 0.0];
    "reciprocal" |x| x.reciprocal(),
        ZEROS, [-I, -I, -I, -I],
        [I, -I, I, -I], ZEROS;
    "1/x" |x| 1.0 / x,
        ZEROS, [-I, -I, -I, -I],
        [I, -I, I, -I], ZEROS;
    "square" |x| x.square(),
        [I, -I, 2.0, 0.0], [0.0, 0.0, 2.0, 0.0],
        [0.0, 0.0, 2.0, 0.0], [I, I, 2.0, 0.0];
    "squared_difference" |x| x.squared_difference(1.0),
        [I, -I, 2.0, 0.0], [1.0, -2.0, 2.0, 0.0],
        [1.0, -2.0, 2.0, 0.0], [I, I, 2.0, 0.0];
    "sqrt" |x| x.sqrt(),
        NONE, NONE,
        [0.0, I, -I, I], [I, 0.0, 0.0, 0.0];
    "rsqrt" |x| x.rsqrt(),
        NONE, NONE,
        [I, -I, I, -I], ZEROS;
    "exp" |x| x.exp(),
        ZEROS, [1.0; 4],
        [1.0; 4], [I; 4];
    "expm1" |x| x.expm1(),
        [-1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1.0],
        [0.0, 1.0, 1.0, 1.0], [I; 4];
    "ln" |x| x.ln(),
        NONE, NONE,
        [-I, I, -I, I], [I, 0.0, 0.0, 0.0];
    "log1p" |x| x.log1p(),
        NONE, [0.0, 1.0, -1.0, 2.0],
        [0.0, 1.0, -1.0, 2.0], [I, 0.0, 0.0, 0.0];
    "sin" |x| x.sin(),
        NONE, [0.0, 1.0, 0.0, -1.0],
        [0.0, 1.0, 0.0, -1.0], NONE;
    "cos" |x| x.cos(),
        NONE, [1.0, 0.0, -1.0, 0.0],
        [1.0, 0.0, -1.0, 0.0], NONE;
    "tan" |x| x.tan(),
        NONE, [0.0, 1.0, 0.0, 2.0],
        [0.0, 1.0, 0.0, 2.0], NONE;
    "asin" |x| x.asin(),
        NONE, [0.0, 1.0, 0.0, 1.0],
        [0.0, 1.0, 0.0, 1.0], NONE;
    "acos" |x| x.acos(),
        NONE, [FRAC_PI_2, -1.0, 0.0, -1.0],
        [FRAC_PI_2, -1.0, 0.0, -1.0], NONE;
    "atan" |x| x.atan(),
        [-FRAC_PI_2, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, -2.0],
        [0.0, 1.0, 0.0, -2.0], [FRAC_PI_2, 0.0, 0.0, 0.0];
    "sinh" |x| x.sinh(),
        [-I, I, -I, I], [0.0, 1.0, 0.0, 1.0],
        [0.0, 1.0, 0.0, 1.0], [I; 4];
    "cosh" |x| x.cosh(),
        [I, -I, I, -I], [1.0, 0.0, 1.0, 0.0],
        [1.0, 0.0, 1.0, 0.0], [I; 4];
    "tanh" |x| x.tanh(),
        [-1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, -2.0],
        [0.0, 1.0, 0.0, -2.0], [1.0, 0.0, 0.0, 0.0];
    "erf" |x| x.erf(),
        [-1.0, 0.0, 0.0, 0.0], [0.0, FRAC_2_SQRT_PI, 0.0, -2.0 * FRAC_2_SQRT_PI],
        [0.0, FRAC_2_SQRT_PI, 0.0, -2.0 * FRAC_2_SQRT_PI], [1.0, 0.0, 0.0, 0.0];
    "relu" |x| x.relu(),
        ZEROS, ZEROS,
        [0.0, 1.0, 0.0, 0.0], [I, 1.0, 0.0, 0.0];
    "relu6" |x| x.relu6(),
        ZEROS, ZEROS,
        [0.0, 1.0, 0.0, 0.0], [6.0, 0.0, 0.0, 0.0];
    "leaky_relu" |x| x.leaky_relu(0.25),
        [-I, 0.25, 0.0, 0.0], [0.0, 0.25, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0], [I, 1.0, 0.0, 0.0];
    "elu" |x| x.elu(),
        [-1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1.0],
        [0.0, 1.0, 0.0, 0.0], [I, 1.0, 0.0, 0.0];
    "selu" |x| x.selu(),
        [-FLOOR, 0.0, 0.0, 0.0], [0.0, FLOOR, FLOOR, FLOOR],
        [0.0, SLOPE, 0.0, 0.0], [I, SLOPE, 0.0, 0.0];
    "sigmoid" |x| x.sigmoid(),
        ZEROS, [0.5, 0.25, 0.0, -0.125],
        [0.5, 0.25, 0.0, -0.125], [1.0, 0.0, 0.0, 0.0];
    "softplus" |x| x.softplus(),
        ZEROS, [LN_2, 0.5, 0.25, 0.0],
        [LN_2, 0.5, 0.25, 0.0], [I, 1.0, 0.0, 0.0];
    "silu" |x| x.silu(),
        ZEROS, [0.0, 0.5, 0.5, 0.0],
        [0.0, 0.5, 0.5, 0.0], [I, 1.0, 0.0, 0.0];
    "gelu" |x| x.gelu(),
        ZEROS, [0.0, 0.5, BEND, 0.0],
        [0.0, 0.5, BEND, 0.0], [I, 1.0, 0.0, 0.0];
    "gelu_tanh" |x| x.gelu_tanh(),
        ZEROS, [0.0, 0.5, BEND, 0.0],
        [0.0, 0.5, BEND, 0.0], [I, 1.0, 0.0, 0.0];
    "erfc" |x| x.erfc(),
        [2.0, 0.0, 0.0, 0.0], [1.0, -FRAC_2_SQRT_PI, 0.0, 2.0 * FRAC_2_SQRT_PI],
        [1.0, -FRAC_2_SQRT_PI, 0.0, 2.0 * FRAC_2_SQRT_PI], ZEROS;
    "exp2" |x| x.exp2(),
        ZEROS, [1.0, LN_2, LN_2 * LN_2, LN_2 * LN_2 * LN_2],
        [1.0, LN_2, LN_2 * LN_2, LN_2 * LN_2 * LN_2], [I; 4];
    "log2" |x| x.log2(),
        NONE, NONE,
        [-I, I, -I, I], [I, 0.0, 0.0, 0.0];
    "log10" |x| x.log10(),
        NONE, NONE,
        [-I, I, -I, I], [I, 0.0, 0.0, 0.0];
    "cbrt" |x| x.cbrt(),
        [-I, 0.0, 0.0, 0.0], [0.0, I, I, I],
        [0.0, I, -I, I], [I, 0.0, 0.0, 0.0];
    "celu" |x| x.celu(2.0),
        [-2.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.5, 0.25],
        [0.0, 1.0, 0.0, 0.0], [I, 1.0, 0.0, 0.0];
    "log_sigmoid" |x| x.log_sigmoid(),
        [-I, 1.0, 0.0, 0.0], [-LN_2, 0.5, -0.25, 0.0],
        [-LN_2, 0.5, -0.25, 0.0], ZEROS;
    "mish" |x| x.mish(),
        ZEROS, [0.0, 0.6, 0.64, -0.096],
        [0.0, 0.6, 0.64, -0.096], [I, 1.0, 0.0, 0.0];
    "softsign" |x| x.softsign(),
        [-1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 2.0, 6.0],
        [0.0, 1.0, -2.0, 6.0], [1.0, 0.0, 0.0, 0.0];
    "hard_sigmoid" |x| x.hard_sigmoid(),
        ZEROS, [0.5, 1.0 / 6.0, 0.0, 0.0],
        [0.5, 1.0 / 6.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0];
    "hard_swish" |x| x.hard_swish(),
        ZEROS, [0.0, 0.5, 1.0 / 3.0, 0.0],
        [0.0, 0.5, 1.0 / 3.0, 0.0], [I, 1.0, 0.0, 0.0];
    "xlogy by the factor" |x| x.xlogy(2.0),
        [-I, LN_2, 0.0, 0.0], [0.0, LN_2, 0.0, 0.0],
        [0.0, LN_2, 0.0, 0.0], [I, LN_2, 0.0, 0.0];
    "xlogy by the number" |x| x.graph().constant(2.0).xlogy(x),
        NONE, NONE,
        [-I, I, -I, I], [I, 0.0, 0.0, 0.0];
    "divide_no_nan by it" |x| x.graph().constant(1.0).divide_no_nan(x),
        ZEROS, [-I, -I, -I, -I],
        [I, -I, I, -I], ZEROS;
    "hypot" |x| x.hypot(1.0),
        [I, -1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0],
        [1.0, 0.0, 1.0, 0.0], [I, 1.0, 0.0, 0.0];
    "hypot with 0" |x| x.hypot(0.0),
        [I, -1.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0], [I, 1.0, 0.0, 0.0];
    "atan2 over 1" |x| x.atan2(1.0),
        [-FRAC_PI_2, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, -2.0],
        [0.0, 1.0, 0.0, -2.0], [FRAC_PI_2, 0.0, 0.0, 0.0];
    "atan2 of 1" |x| x.graph().constant(1.0).atan2(x),
        [2.0 * FRAC_PI_2, 0.0, 0.0, 0.0], [FRAC_PI_2, -1.0, 0.0, 2.0],
        [FRAC_PI_2, -1.0, 0.0, 2.0], ZEROS;
    "x^-1" |x| x.pow(-1.0),
        ZEROS, [-I, -I, -I, -I],
        [I, -I, I, -I], ZEROS;
    "x^-0.5" |x| x.pow(-0.5),
        NONE, NONE,
        [I, -I, I, -I], ZEROS;
    "x^0.5" |x| x.pow(0.5),
        NONE, NONE,
        [0.0, I, -I, I], [I, 0.0, 0.0, 0.0];
    "x^1.5" |x| x.pow(1.5),
        NONE, NONE,
        [0.0, 0.0, I, -I], [I, I, 0.0, 0.0];
    "x^2" |x| x.pow(2.0),
        [I, -I, 2.0, 0.0], [0.0, 0.0, 2.0, 0.0],
        [0.0, 0.0, 2.0, 0.0], [I, I, 2.0, 0.0];
    "x^3" |x| x.pow(3.0),
        [-I, I, -I, 6.0], [0.0, 0.0, 0.0, 6.0],
        [0.0, 0.0, 0.0, 6.0], [I, I, I, 6.0];
}

/// Whether a number near the place has come near to the limit; f32 leaves a few digits.
fn is_near(found: f64, limit: f64) -> bool {
    if limit.is_infinite() {
        found * limit.signum() > 10.0
    } else {
        (found - limit).abs() <= 4e-6 * (1.0 + limit.abs())
    }
}

macro_rules! check {
    ($type:ident, $of_type:ident, $large:expr) => {
        let (least, largest, large) = ($type::from_bits(1), $type::MAX, $large);
        let at =
            [-$type::INFINITY, -largest, -large, -least, -0.0, 0.0, least, large, largest, $type::INFINITY];
        // Where of the row's places each of them is; none of the two for 0 itself, where there may be a kink.
        let places = [0, 0, 0, 1, 4, 4, 2, 3, 3, 3];
        let g = Graph::new();
        let x = g.constant(arr1(&at));
        let zeros = g.constant(Array1::zeros(at.len()));
        let mut orders = Vec::new();
        for y in $of_type(x) {
            orders.push(y);
            for _ in 0..3 {
                let last = orders[orders.len() - 1];
                orders.push(Gradients::of([last]).wrt(&[x])[0].unwrap_or(zeros));
            }
        }
        for optimize in [true, false] {
            let found = Session::builder(&g).optimize(optimize).build()?.run(orders.clone())?;
            for (Row(name, limits), found) in ROWS.iter().zip(found.chunks(4)) {
                for (order, found) in found.iter().enumerate() {
                    for ((x, place), &found) in at.into_iter().zip(places).zip(found) {
                        let has_limit = |place: usize| !limits[place][order].is_nan();
                        let right = match limits.get(place) {
                            Some(limits) => limits[order].is_nan() || is_near(found.into(), limits[order]),
                            None => !found.is_nan() || !(has_limit(1) && has_limit(2)),
                        };
                        assert!(right, "{name}, derivative {order} at {x:e}: {found:e}");
                    }
                }
            }
        }
    };
}

/// Line 22: no 0·∞ and no ∞/∞ hides the limit of a derivative.
#[test]
fn line_22_derivatives_at_the_ends_of_the_range() -> Result<()> {
    check!(f32, of_f32, 1e30);
    check!(f64, of_f64, 1e200);
    Ok(())
}

/// Line 22: the third derivatives whose formulas avoid 0·∞ are those of the functions, to some roundings.
#[test]
fn line_22_third_derivatives_of_bells() -> Result<()> {
    type Function = for<'g> fn(Tensor<'g, f64>) -> Tensor<'g, f64>;
    type Expected = fn(f64) -> f64;
    fn bell(x: f64) -> f64 {
        (-x * x / 2.0).exp() * FRAC_2_SQRT_PI / 8.0_f64.sqrt()
    }
    fn silu(x: f64) -> f64 {
        let s = 1.0 / (1.0 + (-x).exp());
        let slope = s * (1.0 - s);
        slope * (3.0 * (1.0 - 2.0 * s) + x * (1.0 - 6.0 * slope))
    }
    let at = [-3.0, -1.0, -0.25, 0.5, 1.0, 2.5];
    let functions: [(&str, Function, Expected); 4] = [
        ("erf", |x| x.erf(), |x| FRAC_2_SQRT_PI * (-x * x).exp() * (4.0 * x * x - 2.0)),
        ("atan", |x| x.atan(), |x| (6.0 * x * x - 2.0) / (1.0 + x * x).powi(3)),
        ("gelu", |x| x.gelu(), |x| bell(x) * (x * x - 4.0) * x),
        ("silu", |x| x.silu(), silu),
    ];
    for (name, function, expected) in functions {
        let g = Graph::new();
        let x = g.constant(arr1(&at));
        let mut y = function(x);
        for _ in 0..3 {
            y = y.gradients([x])[0];
        }
        for (x, &found) in at.into_iter().zip(&Session::new(&g)?.run(y)?) {
            assert!((found - expected(x)).abs() < 1e-14, "{name} at {x}: {found}, not {}", expected(x));
        }
    }
    Ok(())
}
