//! Functions of elements, by those that ONNX has: a table.

use super::writer::{Writer, int};
use crate::element::DType;
use crate::ir::Scalar;

/// How a function is written.
#[derive(Clone, Copy)]
enum As {
    /// As the op of this name.
    Op(&'static str),
    /// As others make it: of the operands, and of the type that these have, the last one of which is told.
    Made(fn(&mut Writer, &[&str], DType) -> String),
    /// As its first operand: it only fails runs.
    First,
}
use As::{First, Made, Op};

/// How each function is written.
const fn row(scalar: Scalar) -> As {
    match scalar {
        Scalar::Add => Op("Add"),
        Scalar::Sub => Op("Sub"),
        Scalar::Mul => Op("Mul"),
        Scalar::Div => Op("Div"),
        Scalar::Scaled => Made(scaled),
        Scalar::Maximum => Op("Max"),
        Scalar::Minimum => Op("Min"),
        Scalar::Pow => Op("Pow"),
        Scalar::FloorDiv => Made(floor_div),
        Scalar::Modulo => Made(modulo),
        Scalar::Neg => Op("Neg"),
        Scalar::Abs => Op("Abs"),
        Scalar::Sign => Op("Sign"),
        Scalar::Square => Made(|w, x, _| w.op("Mul", &[x[0], x[0]], Vec::new())),
        Scalar::Sqrt => Op("Sqrt"),
        Scalar::Exp => Op("Exp"),
        Scalar::Expm1 => Made(expm1),
        Scalar::Exp2 => Made(|w, x, dtype| power(w, 2.0, x[0], dtype)),
        Scalar::Ln => Op("Log"),
        Scalar::Log1p => Made(log1p),
        Scalar::Log2 => Made(|w, x, dtype| logarithm(w, x[0], std::f64::consts::LOG2_E, dtype)),
        Scalar::Log10 => Made(|w, x, dtype| logarithm(w, x[0], std::f64::consts::LOG10_E, dtype)),
        Scalar::Cbrt => Made(cbrt),
        Scalar::Tanh => Op("Tanh"),
        Scalar::Sigmoid => Op("Sigmoid"),
        Scalar::Erf => Made(erf),
        Scalar::Erfc => Made(erfc),
        Scalar::Normal => Made(normal),
        Scalar::Sin => Op("Sin"),
        Scalar::Cos => Op("Cos"),
        Scalar::Tan => Op("Tan"),
        Scalar::Asin => Op("Asin"),
        Scalar::Acos => Op("Acos"),
        Scalar::Atan => Op("Atan"),
        Scalar::Sinh => Op("Sinh"),
        Scalar::Cosh => Op("Cosh"),
        Scalar::Atan2 => Made(atan2),
        Scalar::Hypot => Made(hypot),
        Scalar::Floor => Op("Floor"),
        Scalar::Ceil => Op("Ceil"),
        Scalar::Round => Op("Round"),
        Scalar::Equal => Op("Equal"),
        Scalar::NotEqual => Made(|w, x, _| {
            let equal = w.op("Equal", x, Vec::new());
            w.op("Not", &[&equal], Vec::new())
        }),
        Scalar::Less => Op("Less"),
        Scalar::LessEqual => Op("LessOrEqual"),
        Scalar::And => {
            Made(|w, x, dtype| w.op(if dtype == DType::Bool { "And" } else { "BitwiseAnd" }, x, Vec::new()))
        }
        Scalar::Or => {
            Made(|w, x, dtype| w.op(if dtype == DType::Bool { "Or" } else { "BitwiseOr" }, x, Vec::new()))
        }
        Scalar::Xor => {
            Made(|w, x, dtype| w.op(if dtype == DType::Bool { "Xor" } else { "BitwiseXor" }, x, Vec::new()))
        }
        Scalar::Not => {
            Made(|w, x, dtype| w.op(if dtype == DType::Bool { "Not" } else { "BitwiseNot" }, x, Vec::new()))
        }
        Scalar::ShiftLeft => Made(shift_left),
        Scalar::ShiftRight => Made(shift_right),
        Scalar::Select => Made(select),
        // A cast is told the type that it gives.
        Scalar::Cast | Scalar::Checked | Scalar::Finite => First,
    }
}

/// A function of values of a type, the last operand's; `gives` is that of the result.
pub(super) fn scalar(w: &mut Writer, scalar: Scalar, operands: &[&str], of: DType, gives: DType) -> String {
    match row(scalar) {
        First if scalar == Scalar::Cast => cast(w, operands, of, gives),
        First => operands.first().map_or_else(String::new, |&first| first.to_owned()),
        Op(op) => w.op(op, operands, Vec::new()),
        Made(made) => made(w, operands, of),
    }
}

/// A cast; of floats beyond the integers to the nearest one, and of NaN to 0, which ONNX leaves open.
fn cast(w: &mut Writer, x: &[&str], of: DType, gives: DType) -> String {
    let Some(&x) = x.first() else { return String::new() };
    if of == gives {
        return x.to_owned();
    }
    let (least, most, above) = match gives {
        DType::I32 => (f64::from(i32::MIN), f64::from(i32::MAX), f64::from(i32::MAX)),
        DType::I64 => (-9_223_372_036_854_775_808.0, i64::MAX as f64, i64::MAX as f64),
        _ => return w.cast(x, gives),
    };
    if !of.is_float() {
        return w.cast(x, gives);
    }
    let is_nan = w.op("IsNaN", &[x], Vec::new());
    let zero = w.number(0.0, of);
    let number = select(w, &[&is_nan, &zero, x], of);
    let least = w.number(least, of);
    let bounded = w.op("Max", &[&number, &least], Vec::new());
    let above = w.number(above, of);
    let is_beyond = w.op("GreaterOrEqual", &[&bounded, &above], Vec::new());
    let within = select(w, &[&is_beyond, &zero, &bounded], of);
    let within = w.cast(&within, gives);
    let most =
        if gives == DType::I32 { w.number(most, gives) } else { w.array(&ndarray::arr0(i64::MAX).into()) };
    select(w, &[&is_beyond, &most, &within], gives)
}

fn select(w: &mut Writer, x: &[&str], of: DType) -> String {
    let [condition, then, other] = *x else { return String::new() };
    if of != DType::Bool {
        return w.op("Where", x, Vec::new());
    }
    // Runtimes choose between numbers alone.
    let not = w.op("Not", &[condition], Vec::new());
    let then = w.op("And", &[condition, then], Vec::new());
    let other = w.op("And", &[&not, other], Vec::new());
    w.op("Or", &[&then, &other], Vec::new())
}

fn scaled(w: &mut Writer, x: &[&str], of: DType) -> String {
    let zero = w.number(0.0, of);
    let is_zero = w.op("Equal", &[x[0], &zero], Vec::new());
    let product = w.op("Mul", x, Vec::new());
    select(w, &[&is_zero, &zero, &product], of)
}

/// The quotient rounded down: of integers, whose quotient is cut off, one less where a rest has another sign.
fn floor_div(w: &mut Writer, x: &[&str], of: DType) -> String {
    let quotient = w.op("Div", x, Vec::new());
    if of.is_float() {
        return w.op("Floor", &[&quotient], Vec::new());
    }
    let rest = w.op("Mod", x, vec![int("fmod", 1)]);
    let zero = w.number(0.0, of);
    let [is_below, is_negative] = [&*rest, x[1]].map(|it| w.op("Less", &[it, &zero], Vec::new()));
    let differs = w.op("Xor", &[&is_below, &is_negative], Vec::new());
    let is_whole = w.op("Equal", &[&rest, &zero], Vec::new());
    let has_rest = w.op("Not", &[&is_whole], Vec::new());
    let is_off = w.op("And", &[&differs, &has_rest], Vec::new());
    let off = w.cast(&is_off, of);
    w.op("Sub", &[&quotient, &off], Vec::new())
}

fn modulo(w: &mut Writer, x: &[&str], of: DType) -> String {
    if !of.is_float() {
        return w.op("Mod", x, vec![int("fmod", 0)]);
    }
    // What `fmod` leaves has the sign of the first operand.
    let rest = w.op("Mod", x, vec![int("fmod", 1)]);
    let zero = w.number(0.0, of);
    let [is_below, is_negative] = [&*rest, x[1]].map(|it| w.op("Less", &[it, &zero], Vec::new()));
    let differs = w.op("Xor", &[&is_below, &is_negative], Vec::new());
    let is_whole = w.op("Equal", &[&rest, &zero], Vec::new());
    let has_rest = w.op("Not", &[&is_whole], Vec::new());
    let is_off = w.op("And", &[&differs, &has_rest], Vec::new());
    let moved = w.op("Add", &[&rest, x[1]], Vec::new());
    select(w, &[&is_off, &moved, &rest], of)
}

/// eˣ - 1 as tanh(x/2)·(eˣ + 1), which loses no digits near 0.
fn expm1(w: &mut Writer, x: &[&str], of: DType) -> String {
    let [half, one] = [0.5, 1.0].map(|number| w.number(number, of));
    let half = w.op("Mul", &[x[0], &half], Vec::new());
    let tanh = w.op("Tanh", &[&half], Vec::new());
    let power = w.op("Exp", &[x[0]], Vec::new());
    let sum = w.op("Add", &[&power, &one], Vec::new());
    w.op("Mul", &[&tanh, &sum], Vec::new())
}

/// ln(1 + x) as x·ln u/(u - 1) for u = 1 + x, which is x where u is 1.
fn log1p(w: &mut Writer, x: &[&str], of: DType) -> String {
    let [one, infinity] = [1.0, f64::INFINITY].map(|number| w.number(number, of));
    let sum = w.op("Add", &[x[0], &one], Vec::new());
    let rounded = w.op("Sub", &[&sum, &one], Vec::new());
    let ln = w.op("Log", &[&sum], Vec::new());
    let ratio = w.op("Div", &[x[0], &rounded], Vec::new());
    let product = w.op("Mul", &[&ln, &ratio], Vec::new());
    let is_small = w.op("Equal", &[&sum, &one], Vec::new());
    let is_infinite = w.op("Equal", &[&sum, &infinity], Vec::new());
    let is_itself = w.op("Or", &[&is_small, &is_infinite], Vec::new());
    select(w, &[&is_itself, x[0], &product], of)
}

fn power(w: &mut Writer, base: f64, exponent: &str, of: DType) -> String {
    let base = w.number(base, of);
    w.op("Pow", &[&base, exponent], Vec::new())
}

fn logarithm(w: &mut Writer, x: &str, factor: f64, of: DType) -> String {
    let ln = w.op("Log", &[x], Vec::new());
    let factor = w.number(factor, of);
    w.op("Mul", &[&ln, &factor], Vec::new())
}

fn cbrt(w: &mut Writer, x: &[&str], of: DType) -> String {
    let sign = w.op("Sign", x, Vec::new());
    let magnitude = w.op("Abs", x, Vec::new());
    let third = w.number(1.0 / 3.0, of);
    let root = w.op("Pow", &[&magnitude, &third], Vec::new());
    w.op("Mul", &[&sign, &root], Vec::new())
}

fn erf(w: &mut Writer, x: &[&str], _: DType) -> String {
    w.op("Erf", x, Vec::new())
}

/// ln(erfc(|x|)·e^x²/t) as a polynomial of t = 1/(1 + |x|/2), from the constant on: least squares at 4000 Chebyshev points,
/// within 1.4e-7 of it, so that the tail keeps as many digits as single precision has.
#[allow(clippy::excessive_precision, reason = "as they were found")]
const TAIL: [f64; 10] = [
    -1.265_512_315_899_992_6,
    1.000_028_965_879_820_3,
    0.374_000_125_970_909_54,
    0.097_513_577_408_49,
    -0.189_434_231_914_824_67,
    0.286_851_017_333_317_1,
    -1.147_456_726_802_931_2,
    1.499_698_343_618_498_7,
    -0.827_735_562_469_326_2,
    0.172_046_870_452_481_82,
];

/// In single precision; 1 less the error function has no digits of the tail.
fn erfc(w: &mut Writer, x: &[&str], of: DType) -> String {
    let [zero, half, one, two] = [0.0, 0.5, 1.0, 2.0].map(|number| w.number(number, of));
    let size = w.op("Abs", &x[..1], Vec::new());
    let halved = w.op("Mul", &[&size, &half], Vec::new());
    let over = w.op("Add", &[&halved, &one], Vec::new());
    let t = w.op("Reciprocal", &[&over], Vec::new());
    let mut sum = w.number(0.0, of);
    for &coefficient in TAIL.iter().rev() {
        let product = w.op("Mul", &[&sum, &t], Vec::new());
        let coefficient = w.number(coefficient, of);
        sum = w.op("Add", &[&product, &coefficient], Vec::new());
    }
    let square = w.op("Mul", &[&size, &size], Vec::new());
    let exponent = w.op("Sub", &[&sum, &square], Vec::new());
    let power = w.op("Exp", &[&exponent], Vec::new());
    let tail = w.op("Mul", &[&t, &power], Vec::new());
    let other = w.op("Sub", &[&two, &tail], Vec::new());
    let is_negative = w.op("Less", &[x[0], &zero], Vec::new());
    select(w, &[&is_negative, &other, &tail], of)
}

fn normal(w: &mut Writer, x: &[&str], of: DType) -> String {
    let [root, half] = [-std::f64::consts::FRAC_1_SQRT_2, 0.5].map(|number| w.number(number, of));
    let scaled = w.op("Mul", &[x[0], &root], Vec::new());
    let tail = erfc(w, &[&scaled], of);
    w.op("Mul", &[&tail, &half], Vec::new())
}

/// Whether numbers are below 0, or the zero that is: 1 over it is minus infinity.
fn is_below(w: &mut Writer, x: &str, of: DType) -> String {
    let zero = w.number(0.0, of);
    let is_less = w.op("Less", &[x, &zero], Vec::new());
    let over = w.op("Reciprocal", &[x], Vec::new());
    let is_zero_below = w.op("Less", &[&over, &zero], Vec::new());
    w.op("Or", &[&is_less, &is_zero_below], Vec::new())
}

/// The quotient of the lesser of two magnitudes and the greater, which is 1 where they are equal, be it 0 or infinity.
fn ratio(w: &mut Writer, [least, most]: [&str; 2], of: DType) -> String {
    let one = w.number(1.0, of);
    let are_equal = w.op("Equal", &[least, most], Vec::new());
    let divisor = select(w, &[&are_equal, &one, most], of);
    let ratio = w.op("Div", &[least, &divisor], Vec::new());
    select(w, &[&are_equal, &one, &ratio], of)
}

/// The angle of a point, by the arc tangent of the quotient of the lesser coordinate and the greater.
fn atan2(w: &mut Writer, x: &[&str], of: DType) -> String {
    let [zero, pi, right] =
        [0.0, std::f64::consts::PI, std::f64::consts::FRAC_PI_2].map(|number| w.number(number, of));
    let [y_size, x_size] = [0, 1].map(|operand| w.op("Abs", &[x[operand]], Vec::new()));
    let [least, most] = ["Min", "Max"].map(|op| w.op(op, &[&y_size, &x_size], Vec::new()));
    let is_origin = w.op("Equal", &[&most, &zero], Vec::new());
    let ratio = ratio(w, [&least, &most], of);
    let ratio = select(w, &[&is_origin, &zero, &ratio], of);
    let flat = w.op("Atan", &[&ratio], Vec::new());
    let is_steep = w.op("Greater", &[&y_size, &x_size], Vec::new());
    let steep = w.op("Sub", &[&right, &flat], Vec::new());
    let first = select(w, &[&is_steep, &steep, &flat], of);
    let is_left = is_below(w, x[1], of);
    let left = w.op("Sub", &[&pi, &first], Vec::new());
    let angle = select(w, &[&is_left, &left, &first], of);
    let is_below = is_below(w, x[0], of);
    let below = w.op("Neg", &[&angle], Vec::new());
    select(w, &[&is_below, &below, &angle], of)
}

/// √(a² + b²), by the greater of the magnitudes, whose square might overflow.
fn hypot(w: &mut Writer, x: &[&str], of: DType) -> String {
    let one = w.number(1.0, of);
    let sizes = [0, 1].map(|operand| w.op("Abs", &[x[operand]], Vec::new()));
    let [least, most] = ["Min", "Max"].map(|op| w.op(op, &[&sizes[0], &sizes[1]], Vec::new()));
    let ratio = ratio(w, [&least, &most], of);
    let square = w.op("Mul", &[&ratio, &ratio], Vec::new());
    let sum = w.op("Add", &[&square, &one], Vec::new());
    let root = w.op("Sqrt", &[&sum], Vec::new());
    w.op("Mul", &[&most, &root], Vec::new())
}

/// 2 to the power of what is shifted by, and whether that is among the bits. Shifts of ONNX are of integers without a sign.
fn shift(w: &mut Writer, by: &str, of: DType) -> (String, String) {
    let bits = 8 * of.size() as i32;
    let [zero, two, last] = [0.0, 2.0, f64::from(bits - 2)].map(|number| w.number(number, of));
    let bounded = w.op("Max", &[by, &zero], Vec::new());
    let bounded = w.op("Min", &[&bounded, &last], Vec::new());
    (w.op("Pow", &[&two, &bounded], Vec::new()), last)
}

fn shift_left(w: &mut Writer, x: &[&str], of: DType) -> String {
    let (factor, last) = shift(w, x[1], of);
    let [zero, two, one] = [0.0, 2.0, 1.0].map(|number| w.number(number, of));
    let product = w.op("Mul", &[x[0], &factor], Vec::new());
    let doubled = w.op("Mul", &[&product, &two], Vec::new());
    let behind = w.op("Add", &[&last, &one], Vec::new());
    let is_last = w.op("Equal", &[x[1], &behind], Vec::new());
    let product = select(w, &[&is_last, &doubled, &product], of);
    let is_negative = w.op("Less", &[x[1], &zero], Vec::new());
    let is_beyond = w.op("Greater", &[x[1], &behind], Vec::new());
    let is_out = w.op("Or", &[&is_negative, &is_beyond], Vec::new());
    select(w, &[&is_out, &zero, &product], of)
}

fn shift_right(w: &mut Writer, x: &[&str], of: DType) -> String {
    let (factor, last) = shift(w, x[1], of);
    let [zero, minus] = [0.0, -1.0].map(|number| w.number(number, of));
    let quotient = floor_div(w, &[x[0], &factor], of);
    let is_negative = w.op("Less", &[x[1], &zero], Vec::new());
    let is_beyond = w.op("Greater", &[x[1], &last], Vec::new());
    let is_out = w.op("Or", &[&is_negative, &is_beyond], Vec::new());
    let is_below = w.op("Less", &[x[0], &zero], Vec::new());
    let sign = select(w, &[&is_below, &minus, &zero], of);
    select(w, &[&is_out, &sign, &quotient], of)
}
