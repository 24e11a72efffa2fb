//! A run gives the structure and the element types of its fetches.

use flowgrad::ndarray::{Array1, ArrayD};
use flowgrad::prelude::*;

struct Trainer {
    step: Callable<(f32, i64), (ArrayD<f32>, ())>,
}

struct Predictor {
    number: Callable<f32, f32>, //~ E0277 expected `ArrayD` for a tensor, `()` for an operation
    vector: Callable<f32, Array1<f32>>, //~ E0277 `run(x)?.item()?` is the number
    any: Callable<f32, Value>,
}

fn called(_: &Callable<f32, String>) {} //~ E0277 `String` is nothing that a run gives

fn main() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(1.0_f32);
    let v = g.variable("v", 1_i64);
    let session = Session::new(&g)?;

    let _: ArrayD<f64> = session.run(x)?; //~ E0308
    let _: ArrayD<i64> = session.run(v.assign(2).op())?; //~ E0308
    let _: (ArrayD<f32>, ArrayD<f32>) = session.run((x, v))?; //~ E0308
    let _: Vec<ArrayD<f32>> = session.run([x, x])?; //~ E0308
    let _ = session.run(1.0); //~ E0277
    let step = session.make_callable((x, x), (x, x.op()))?;
    let _ = Trainer { step }; //~ E0308

    let _: (ArrayD<f32>, [ArrayD<i64>; 1], ()) = session.run((x, [v], x.op()))?;
    let step = session.make_callable((x, v), (x, x.op()))?;
    let _ = Trainer { step }.step;
    Ok(())
}
