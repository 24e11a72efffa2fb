//! What is fed is borrowed until the run is over.

use flowgrad::ndarray::arr1;
use flowgrad::prelude::*;

fn main() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let session = Session::new(&g)?;

    let feeding = session.feed(x, &arr1(&[1.0])); //~ E0716
    let _ = feeding.run(x);

    let mut fed = arr1(&[1.0, 2.0]);
    let feeding = session.feed(x, &fed);
    fed[0] = 5.0; //~ E0502
    let _ = feeding.run(x);

    let _ = session.feed(x, &arr1(&[1.0])).run(x);
    Ok(())
}
