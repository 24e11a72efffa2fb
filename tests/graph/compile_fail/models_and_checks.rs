//! Models in files, gradients by hand, closures as ops, and scores take what their sentences say.

use flowgrad::ndarray::arr1;
use flowgrad::prelude::*;
use flowgrad::train::Trainer;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let w = g.variable("w", 1.0_f64);
    let loss = (w * 2.0).square();

    let model = Session::new(&g)?.freeze(&[x.any()], &[(x * w).any()])?;
    let _ = model.call("x"); //~ E0277 is no argument of a call that is fed
    let _ = model.call(&["x"]); //~ E0277
    let _ = model.call(&arr1(&[1.0]))?;

    let _ = check_against(&g, loss, &[(w, "8w")]); //~ E0277 is no gradient by hand in elements of
    let _ = check_against(&g, loss, &[(w, w * 8.0)])?;

    let _ = g.call(&[x.any()], (DType::F64, [None]), |_, _| 1.0); //~ E0277 may give
    let _ = g.call(&[x.any()], (DType::F64, [None]), |_, _| ());

    let y = g.placeholder::<f64>("y", [None]);
    let trainer = Trainer::new(x, y, loss, g.group([]));
    let _ = trainer.score("count", x, |scores, _| scores.len()); //~ E0277 is no score
    Ok(())
}
