//! Which elements tensors hold, and which of them functions are of: `Element`, `Numeric`, `Float`, `Integer`.

use flowgrad::prelude::*;

fn squared<T: Element>(x: Tensor<'_, T>) -> Tensor<'_, T> {
    x.square() //~ E0599
}

fn total<T: Numeric>(x: Tensor<'_, T>) -> Tensor<'_, T> {
    x.reduce_sum(..)
}

fn mean<T: Float>(x: Tensor<'_, T>) -> Tensor<'_, T> {
    x.reduce_mean(..)
}

fn shifted<T: Integer>(x: Tensor<'_, T>) -> Tensor<'_, T> {
    x.left_shift(x)
}

fn main() {
    let g = Graph::new();
    let (flag, whole, real) = (g.constant(true), g.constant(1_i64), g.constant(1.0));

    let _ = g.placeholder::<u8>("bytes", [2]); //~ E0277 tensors do not hold elements of `u8`
    let _ = g.placeholder::<String>("text", []); //~ E0277 expected elements of `f32`, `f64`, `i32`, `i64` or `bool`
    let _ = total(flag); //~ E0277 `cast` makes numbers of booleans: `x.cast::<f32>()`
    let _ = g.range(false, true, true); //~ E0277 `bool` is no number type
    let _ = mean(whole); //~ E0277 `i64` is no float type
    let _ = g.linspace(0, 1, 5); //~ E0277 expected elements of `f32` or `f64`
    let _ = g.random_normal([2], 0, 1); //~ E0277 `cast` makes floats of other elements
    let [_] = real.gradients([whole]); //~ E0277 `i64` is no float type
    let _ = shifted(real); //~ E0277 expected elements of `i32` or `i64`

    let _ = (squared(real), total(whole), mean(real), shifted(whole));
}
