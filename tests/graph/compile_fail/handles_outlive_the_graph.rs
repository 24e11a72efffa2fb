//! Handles borrow their graph: they cannot be used once it is gone. A session can.

use flowgrad::prelude::*;

fn dangling<'g>() -> Tensor<'g, f32> {
    let g = Graph::new();
    g.constant(1.0) //~ E0515
}

fn alive() -> Result<Session> {
    let g = Graph::new();
    g.variable("v", 1.0_f32);
    Session::new(&g)
}

fn main() -> Result<()> {
    let tensor = {
        let g = Graph::new();
        g.constant(1.0_f32) //~ E0597
    };
    let _ = tensor + 1.0;

    let g = Graph::new();
    let variable = g.variable("v", 1.0_f64);
    drop(g); //~ E0505
    let _ = variable.assign(2.0);

    let _ = dangling();
    alive()?.variable_values()?;
    Ok(())
}
