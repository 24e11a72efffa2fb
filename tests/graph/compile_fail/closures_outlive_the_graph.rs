//! What sessions or other graphs call later cannot borrow; what is called at once can.

use std::sync::Mutex;

use flowgrad::prelude::*;

fn main() -> Result<()> {
    let g = Graph::new();
    let scale = g.constant(0.5_f64); //~ E0597
    let x = g.constant(2.0_f64);
    let _ = custom_gradient([x], |[x]| x * scale, |at| [at.cotangent() * scale]);
    let _ = Adam::new(scale * 2.0);

    // Of tensors there is no way out but another call: `Adam::new(scale * 2.0)`.
    let schedule = Schedule::of(|step| step * scale); //~ E0373
    let _ = Adam::new(schedule);

    let seen = Mutex::new(0.0);
    let _ = x.inspect(|x| *seen.lock().unwrap() = x.sum()); //~ E0373 use the `move` keyword

    let (sums, factor, filled, slope) = (Mutex::new(0.0), 2.0, 3.0, 0.1);
    let sums = &sums; //~ E0597 owns what it uses: `move`, or an `Arc`
    let _ = x.inspect(move |x| *sums.lock().unwrap() = x.sum());
    let factor = &factor; //~ E0597 owns what it uses: `move`, or an `Arc`
    let _ = x.map_with("scaled", move |x| x * factor, |_| 2.0);
    let filled = &filled; //~ E0597 owns what it uses; tensors are `inputs`
    let _ = g.call(&[x.any()], (DType::F64, []), move |_, out| out.into_view().unwrap().fill(*filled));
    let slope = &slope; //~ E0597 owns what it uses: `move`, or an `Arc`
    let _ = Schedule::of(move |step| step * *slope);
    Ok(())
}
