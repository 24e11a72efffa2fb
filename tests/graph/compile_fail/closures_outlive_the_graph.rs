//! What sessions or other graphs call later cannot borrow tensors; what is called at once can.

use flowgrad::prelude::*;

fn main() -> Result<()> {
    let g = Graph::new();
    let scale = g.constant(0.5_f64); //~ E0597
    let x = g.constant(2.0_f64);
    let _ = custom_gradient([x], |[x]| x * scale, |at| [at.cotangent() * scale]);
    let _ = Adam::new(scale * 2.0);

    let schedule = Schedule::of(|step| step * scale); //~ E0373
    let _ = Adam::new(schedule);

    let seen = std::sync::Mutex::new(0.0);
    let _ = x.inspect(|x| *seen.lock().unwrap() = x.sum()); //~ E0373
    Ok(())
}
