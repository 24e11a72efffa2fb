//! What runs are asked for and are fed: `Fetch`, `Output`, `Feedable`, `Feeds`, `Arguments`, `Item`.

use flowgrad::ndarray::{Array1, ArrayD, arr1};
use flowgrad::prelude::*;

fn main() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None]);
    let n = g.placeholder::<i64>("n", []);
    let y = x.square();
    let session = Session::new(&g)?;
    let (array, doubles) = (arr1(&[1.0_f32, 2.0]), arr1(&[1.0_f64, 2.0]));

    let _ = session.run(1.0); //~ E0277 `{float}` is nothing that a run can be asked for
    let _ = session.run(&array); //~ E0277 of a number or an array make a constant: `g.constant(x)`
    let _ = session.run("y"); //~ E0277 expected a tensor, a variable, an operation
    let _: Array1<f32> = session.run(y)?; //~ E0308
    let _: f32 = session.run(y)?; //~ E0308
    let _ = y.item(); //~ E0599
    let _ = session.run(y).item(); //~ E0599

    let _ = session.feed(x, array.clone()); //~ E0277 cannot be fed for a tensor of `f32`
    let _ = session.feed(x, vec![1.0_f32]); //~ E0277 cannot be fed for a tensor of `f32`
    let _ = session.feed(x, doubles.view()); //~ E0277 elements are not converted: `array.mapv(f64::from)`
    let _ = session.feed(n, 1.0); //~ E0277 expected a reference to an array, a view, or a number of `i64`

    let _ = session.make_callable(&array, y); //~ E0277 is nothing that calls can be fed for
    let _ = session.make_callable("x", y); //~ E0277 takes what is fed first and what is fetched second
    let step = session.make_callable((x, n), y)?;
    let _ = step.call((&array, 1.5)); //~ E0277 is no argument of a call that is fed `(f32, i64)`
    let one = session.make_callable(x, y)?;
    let _ = one.call(array.clone()); //~ E0277 is no argument of a call that is fed `f32`
    let (untyped, values) = (session.make_callable(vec![x.any()], y)?, vec![Value::from(array.clone())]);
    let _ = untyped.call(values.clone()); //~ E0277 arrays and values are lent: `&array`, `array.view()`, `&values`
    let _ = untyped.call(&values)?;

    let outputs: Vec<ArrayD<f32>> = session.feed(x, &vec![1.0]).run(&[y, y][..])?;
    let [a, _] = session.feed(x, &[1.0, 2.0]).run(&[y, y])?;
    let _: f32 = (outputs[0].item()?, step.call((&array, 1))?, one.call(&array)?, a).0;
    Ok(())
}
