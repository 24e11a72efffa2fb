//! Ops and operators take tensors, variables, and numbers of the tensor's type: `Operand`, `AnyOperand`, `IndexOperand`.

use flowgrad::ndarray::arr1;
use flowgrad::prelude::*;

fn doubled<'g, T: Float>(x: Tensor<'g, T>) -> Tensor<'g, T> {
    x * 2.0 //~ E0277 in generic code `T::from_f64(1.0)`
}

fn halved<'g, T: Float>(x: Tensor<'g, T>, w: Variable<'g, T>, half: T) -> Tensor<'g, T> {
    let number = T::from_f64(0.5);
    half * x - number / half * w + half + (number - half) * number * x
}

fn main() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [2]);
    let y = g.placeholder::<f64>("y", [2]);
    let any = x.any();
    let array = arr1(&[1.0_f32, 2.0]);

    let _ = x + 1; //~ E0277 `{integer}` is no operand beside elements of `f32`
    let _ = x - 1; //~ E0277 beside floats write `1.0` and not `1`
    let _ = x + y; //~ E0277 `cast` converts a tensor: `x.cast::<f64>()`
    let _ = x * &array; //~ E0277 of an array make a constant: `g.constant(array)`
    let _ = x.maximum(0); //~ E0277 expected a tensor, a variable or a number of `f32`
    let _ = x.matmul(&array); //~ E0277 of an array make a constant: `g.constant(array)`
    let _ = any.maximum("0"); //~ E0277 `&str` is no operand of an op
    let _ = any.matmul(&array); //~ E0277 of an array make a constant: `g.constant(array)`
    let _ = y.gather(x, 0); //~ E0277 labels and indices are integers
    let _ = y.gather(1.0, 0); //~ E0277 `{float}` is no label or index
    let _ = y.gather(vec![1, 2], 0); //~ E0277 expected a tensor, a variable or a number of `i32` or `i64`
    let _ = y.sparse_softmax_cross_entropy(&array); //~ E0277 `cast` makes integers of other elements
    let _ = 2 * x; //~ E0277
    let _ = x.boolean_mask(x, 0, 2); //~ E0277 expected a tensor, a variable or a number of `bool`

    let _ = &x + &x - x * &x + 2.0 * &x;
    let _ = y.gather(g.constant([1_i32, 0]), 0) + y.gather(g.constant([1_i64, 0]), 0) + y.gather(1, 0);
    let _ = (doubled(x), halved(x, g.variable("w", 1.0), 0.5));
}
