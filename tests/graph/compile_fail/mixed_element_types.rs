//! Tensors of different element types do not combine; `cast` says what is meant.

use flowgrad::prelude::*;

fn main() {
    let g = Graph::new();
    let single = g.constant(1.0_f32);
    let double = g.constant(1.0_f64);
    let whole = g.constant(1_i64);
    let flag = g.constant(true);
    let weight = g.variable("weight", 1.0_f64);

    let _ = single + double; //~ E0277
    let _ = double * whole; //~ E0277
    let _ = single - weight; //~ E0277
    let _ = weight / single; //~ E0277
    let _ = single.matmul(double); //~ E0277
    let _ = weight.matmul(single); //~ E0277
    let _ = flag + flag; //~ E0369
    let _ = -flag; //~ E0600

    let _ = single.cast::<f64>() + double;
    let _ = whole.cast() * double;
    let _ = single.cast::<f64>().matmul(weight);
}
