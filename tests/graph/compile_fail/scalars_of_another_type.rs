//! A scalar beside a tensor has the tensor's element type: nothing is converted on the way in.

use flowgrad::prelude::*;

fn main() {
    let g = Graph::new();
    let single = g.constant(1.0_f32);
    let whole = g.constant(1_i32);

    let _ = single * 2; //~ E0277
    let _ = 2 * single; //~ E0277
    let _ = single + 2.0_f64; //~ E0277
    let _ = 2.0_f64 + single; //~ E0277
    let _ = whole / 2.0; //~ E0277
    let _ = whole - 2_i64; //~ E0277
    let _ = g.constant(1_u8); //~ E0277
    let _ = g.constant("1"); //~ E0277

    let _ = single * 2.0 + 2.0 * single;
    let _ = whole / 2 - 2;
}
