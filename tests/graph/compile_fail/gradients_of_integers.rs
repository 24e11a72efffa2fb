//! Only floats have gradients and means.

use flowgrad::prelude::*;

fn main() {
    let g = Graph::new();
    let whole = g.constant(1_i64);
    let double = g.constant(1.0_f64);

    let _ = whole.gradients([whole]); //~ E0599
    let _ = whole.reduce_mean(..); //~ E0599
    let _ = double.gradients([whole]); //~ E0277
    let _ = Gradients::of([double]).wrt(&[whole]); //~ E0277

    let _ = double.gradients([double]);
    let _ = whole.reduce_sum(..);
}
