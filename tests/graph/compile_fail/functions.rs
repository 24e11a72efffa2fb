//! Functions take and give structures of tensors: `Tensors`.

use flowgrad::ndarray::arr1;
use flowgrad::prelude::*;

fn main() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [2]);
    let w = g.variable("w", 1.0);

    let _ = g.function(w, |w| w); //~ E0277 of a variable `w.tensor()`, of a number or an array `g.constant(x)`
    let _ = g.function(x, |_| 1.0); //~ E0277 `{float}` is no structure of tensors
    let _ = g.function(x, |_| arr1(&[1.0])); //~ E0277 expected a tensor, or a tuple, an array or a `Vec` of tensors

    let _ = g.function((x, [x]), |(x, _)| vec![x * w]);
}
