//! A variable is assigned values of its own element type.

use flowgrad::prelude::*;

fn main() {
    let g = Graph::new();
    let v = g.variable("v", 1.0_f32);
    let flag = g.variable("flag", true);

    let _ = v.assign(1.0_f64); //~ E0277
    let _ = v.assign_add(g.constant(1_i64)); //~ E0277
    let _ = v.assign_sub(flag); //~ E0277
    let _ = flag.assign_add(true); //~ E0599
    let _: Variable<f64> = g.variable("w", 1.0_f32); //~ E0308

    let _ = v.assign(1.0);
    let _ = flag.assign(false);
    let _: Variable<f64> = g.variable("w", zeros([2]));
}
