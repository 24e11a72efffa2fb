//! What constants are made of and variables start from: `IntoValue`, `Start`.

use flowgrad::ndarray::{Array2, arr1};
use flowgrad::prelude::*;

fn main() {
    let g = Graph::new();

    let _ = g.constant("1"); //~ E0277 no constant can be made of `&str`
    let _ = g.constant(1_usize); //~ E0277 convert others first
    let _ = g.constant(vec![1_u8]); //~ E0277
    let _ = g.variable::<f32>("a", "zeros"); //~ E0277 no variable of `f32` can start from `&str`
    let _ = g.variable::<f32>("b", Array2::<f64>::zeros((2, 3))); //~ E0277 arrays are not converted: `array.mapv(f64::from)`
    let _ = g.variable::<bool>("c", zeros([2])); //~ E0277 no variable of `bool` can start from `Initializer`
    let _ = g.variable::<f32>("d", zeros([2.0])); //~ E0277

    let _ = (g.constant(vec![1.0, 2.0]), g.constant([1, 2]), g.constant(&[1, 2][..]), g.constant([[1, 2], [3, 4]]));
    let _ = (g.constant(1.0), g.constant(arr1(&[1.0])), g.constant(arr1(&[1.0]).view()));
    let _ = (g.variable::<f32>("e", zeros(3)), g.variable::<f32>("f", zeros([])), g.variable("g", vec![0.0; 3]));
}
