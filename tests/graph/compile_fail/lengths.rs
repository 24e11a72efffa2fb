//! A number beside a computed length stands in a tuple, or is made a length: the elements of an array are of one type.

use flowgrad::prelude::*;

fn main() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(4)]);

    let _ = g.zeros::<f32>([x.dim(0), 3]); //~ E0308 expected `Length<'_>`, found integer
    let _ = x.reshape([2.0, 3.0]); //~ E0277
    let _ = g.zeros::<f32>(x); //~ E0277
    let _ = g.eye::<f32>(g.constant(3_i64)); //~ E0277

    let _ = (g.zeros::<f32>((x.dim(0), 3)), g.zeros::<f32>([x.dim(0), 3.into()]), g.ones::<f32>(x.lengths()));
    let _ = (x.reshape((x.dim(0), -1)), x.reshape([2 * x.dim(0), x.dim(1) / 2]), x.reshape(x.dim(0) * 4));
    let _ = (g.zeros::<f32>([]), g.zeros::<f32>(3), x.reshape(vec![-1]), x.slice((0..2_usize, 1)));
}
