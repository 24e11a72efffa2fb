//! What is fed has the element type of what it is fed for.

use flowgrad::ndarray::arr1;
use flowgrad::prelude::*;

fn main() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None]);
    let n = g.placeholder::<i64>("n", ());
    let session = Session::new(&g)?;
    let doubles = arr1(&[1.0_f64, 2.0]);
    let singles = arr1(&[1.0_f32, 2.0]);

    let _ = session.feed(x, &doubles).run(x); //~ E0271
    let _ = session.feed(x, doubles.view()).run(x); //~ E0277
    let _ = session.feed(x, 1.0_f64).run(x); //~ E0277
    let _ = session.feed(x, &singles).feed(n, 3_i32).run(x); //~ E0277
    let _ = session.feed(n, &singles).run(x); //~ E0271

    let callable = session.make_callable((x, n), x)?;
    let (dyn_doubles, dyn_singles) = (doubles.into_dyn(), singles.into_dyn());
    let _ = callable.call((dyn_doubles.view(), dyn_singles.view())); //~ E0277
    let _ = callable.call(dyn_singles.view()); //~ E0277
    let _ = callable.call(()); //~ E0277

    let _ = session.feed(x, &dyn_singles).feed(n, 3).run(x);
    Ok(())
}
