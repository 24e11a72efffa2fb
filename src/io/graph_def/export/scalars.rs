//! Functions of elements: which op of TensorFlow each is.

use super::block::{Block, Port, number};
use crate::element::DType;
use crate::io::graph_def::tensor;
use crate::ir::Scalar;

/// How a function is written.
#[derive(Clone, Copy)]
enum Way {
    /// An op of operands of one type, which it gives.
    Op(&'static str),
    /// An op that gives booleans.
    Compare(&'static str),
    /// One op for booleans and one for the bits of integers.
    Bits(&'static str, &'static str),
    /// One op for floats and one for integers.
    Numbers(&'static str, &'static str),
    /// Several ops.
    By(fn(&mut Block, &[Port]) -> Port),
}
use Way::{Bits, By, Compare, Numbers, Op};

/// The way of each function.
fn way(scalar: Scalar) -> Way {
    match scalar {
        Scalar::Add => Op("AddV2"),
        Scalar::Sub => Op("Sub"),
        Scalar::Mul => Op("Mul"),
        Scalar::Div => Numbers("RealDiv", "TruncateDiv"),
        Scalar::Scaled => By(scaled),
        Scalar::Maximum => Op("Maximum"),
        Scalar::Minimum => Op("Minimum"),
        Scalar::Pow => Op("Pow"),
        Scalar::FloorDiv => Op("FloorDiv"),
        Scalar::Modulo => Op("FloorMod"),
        Scalar::Neg => Op("Neg"),
        Scalar::Abs => Op("Abs"),
        Scalar::Sign => Op("Sign"),
        Scalar::Square => Op("Square"),
        Scalar::Sqrt => Op("Sqrt"),
        Scalar::Exp => Op("Exp"),
        Scalar::Expm1 => Op("Expm1"),
        Scalar::Exp2 => By(|block, x| {
            let two = block.scalar(2.0, x[0].dtype);
            block.same("Pow", &[two, x[0]])
        }),
        Scalar::Ln => Op("Log"),
        Scalar::Log1p => Op("Log1p"),
        Scalar::Log2 => By(|block, x| logarithm(block, x[0], std::f64::consts::LN_2)),
        Scalar::Log10 => By(|block, x| logarithm(block, x[0], std::f64::consts::LN_10)),
        Scalar::Cbrt => By(|block, x| {
            let (third, size) = (block.scalar(1.0 / 3.0, x[0].dtype), block.same("Abs", x));
            let (root, sign) = (block.same("Pow", &[size, third]), block.same("Sign", x));
            block.same("Mul", &[sign, root])
        }),
        Scalar::Tanh => Op("Tanh"),
        Scalar::Sigmoid => Op("Sigmoid"),
        Scalar::Erf => Op("Erf"),
        Scalar::Erfc => Op("Erfc"),
        Scalar::Normal => By(|block, x| {
            let scale = block.scalar(-std::f64::consts::FRAC_1_SQRT_2, x[0].dtype);
            let (scaled, half) = (block.same("Mul", &[x[0], scale]), block.scalar(0.5, x[0].dtype));
            let tail = block.same("Erfc", &[scaled]);
            block.same("Mul", &[tail, half])
        }),
        Scalar::Sin => Op("Sin"),
        Scalar::Cos => Op("Cos"),
        Scalar::Tan => Op("Tan"),
        Scalar::Asin => Op("Asin"),
        Scalar::Acos => Op("Acos"),
        Scalar::Atan => Op("Atan"),
        Scalar::Sinh => Op("Sinh"),
        Scalar::Cosh => Op("Cosh"),
        Scalar::Atan2 => Op("Atan2"),
        Scalar::Hypot => By(hypot),
        Scalar::Floor => Op("Floor"),
        Scalar::Ceil => Op("Ceil"),
        Scalar::Round => Op("Rint"),
        // The type that it gives is the instruction's.
        Scalar::Cast => By(|_, x| x[0]),
        Scalar::Equal => Compare("Equal"),
        Scalar::NotEqual => Compare("NotEqual"),
        Scalar::Less => Compare("Less"),
        Scalar::LessEqual => Compare("LessEqual"),
        Scalar::And => Bits("LogicalAnd", "BitwiseAnd"),
        Scalar::Or => Bits("LogicalOr", "BitwiseOr"),
        Scalar::Xor => Bits("", "BitwiseXor"),
        Scalar::Not => Bits("LogicalNot", "Invert"),
        Scalar::ShiftLeft => By(|block, x| {
            let shifted = block.same("LeftShift", &[x[0], x[1]]);
            let (is_within, zero) = (is_bit(block, x[1]), block.scalar(0.0, x[0].dtype));
            block.select(is_within, shifted, zero)
        }),
        Scalar::ShiftRight => By(|block, x| {
            let last = block.scalar(bits(x[0].dtype) - 1.0, x[0].dtype);
            let is_within = is_bit(block, x[1]);
            let by = block.select(is_within, x[1], last);
            block.same("RightShift", &[x[0], by])
        }),
        Scalar::Select => By(|block, x| block.select(x[0], x[1], x[2])),
        // What has no value there fails later or not at all.
        Scalar::Checked => By(|_, x| x[0]),
        Scalar::Finite => By(|block, x| {
            let message = b"not finite".to_vec();
            let attributes = vec![
                super::block::of_type("T", x[0].dtype),
                ("message", crate::io::tensorflow::Attr::Bytes(message)),
            ];
            block.node("CheckNumerics", &[x[0]], attributes, x[0].dtype)
        }),
    }
}

/// Writes a function of elements, with results of a type.
pub(super) fn write(block: &mut Block, scalar: Scalar, x: &[Port], to: DType) -> Port {
    let is_float = tensor::dtype(x[x.len() - 1].dtype, false).is_ok_and(DType::is_float);
    let is_bool = x[0].dtype == number(DType::Bool);
    match way(scalar) {
        _ if scalar == Scalar::Cast => block.cast(x[0], number(to)),
        Compare(op) => block.compare(op, x),
        Bits(op, _) if is_bool && !op.is_empty() => block.logical(op, x),
        // Exclusive or.
        Bits(..) if is_bool => block.compare("NotEqual", x),
        Numbers(op, _) if is_float => block.same(op, x),
        Op(op) | Bits(_, op) | Numbers(_, op) => block.same(op, x),
        By(write) => write(block, x),
    }
}

/// The product, which is 0 where the first factor is.
fn scaled(block: &mut Block, x: &[Port]) -> Port {
    let is_float = tensor::dtype(x[0].dtype, false).is_ok_and(DType::is_float);
    if is_float { block.same("MulNoNan", &[x[1], x[0]]) } else { block.same("Mul", x) }
}

fn logarithm(block: &mut Block, x: Port, of_base: f64) -> Port {
    let (logarithm, base) = (block.same("Log", &[x]), block.scalar(of_base, x.dtype));
    block.same("RealDiv", &[logarithm, base])
}

/// √(a² + b²) without overflow on the way: the larger times √(1 + (smaller / larger)²).
fn hypot(block: &mut Block, x: &[Port]) -> Port {
    let [a, b] = [block.same("Abs", &x[..1]), block.same("Abs", &x[1..])];
    let [large, small] = [block.same("Maximum", &[a, b]), block.same("Minimum", &[a, b])];
    let one = block.scalar(1.0, a.dtype);
    // Also of two zeros, or infinities.
    let are_equal = block.compare("Equal", &[small, large]);
    let over = block.select(are_equal, one, large);
    let ratio = block.same("RealDiv", &[small, over]);
    let ratio = block.select(are_equal, one, ratio);
    let square = block.same("Square", &[ratio]);
    let sum = block.same("AddV2", &[square, one]);
    let root = block.same("Sqrt", &[sum]);
    block.same("Mul", &[large, root])
}

fn bits(dtype: i32) -> f64 {
    if dtype == number(DType::I32) { 32.0 } else { 64.0 }
}

/// Whether a number is that of a bit of its type.
fn is_bit(block: &mut Block, by: Port) -> Port {
    let [zero, most] = [0.0, bits(by.dtype)].map(|number| block.scalar(number, by.dtype));
    let [from, below] = [block.compare("LessEqual", &[zero, by]), block.compare("Less", &[by, most])];
    block.logical("LogicalAnd", &[from, below])
}
