//! What says how often a loop runs, which branches there are, and what bodies give.

use flowgrad::prelude::*;

fn main() {
    let g = Graph::new();
    let (x, index) = (g.constant(1.0_f64), g.constant(0_i64));
    let _ = g.fori(3, |_, x| x * 2.0, x);
    let _ = g.fori(index, |_, x| x * 2.0, x);
    let _ = g.fori(2.5, |_, x| x * 2.0, x); //~ E0277 expected a `usize`, or a tensor or a variable of `i32` or `i64`
    let _ = g.fori(x, |_, x| x * 2.0, x); //~ E0277 expected elements of `i32` or `i64`
    let _ = g.switch_case(index, (|| x, || x * 2.0));
    let _: Tensor<'_, f64> = g.switch_case(index, x); //~ E0277 expected a tuple or an array of closures without arguments
    let _ = g.cond(true, || 1.0, || 2.0); //~ E0277 expected a tensor, or a tuple, an array or a `Vec` of tensors
}
