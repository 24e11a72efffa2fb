//! What training is made of: `Layer`, `UpdateRule`, `Verdict`, `Prefetch`, `AssertClose`.

use flowgrad::ndarray::arr1;
use flowgrad::optimizer::Optimizer;
use flowgrad::prelude::*;
use flowgrad::testing::AssertClose;

struct Signum;

fn asserted(checked: impl AssertClose) {
    checked.assert_close(1e-6);
}

fn main() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(4)]);
    let loss = x.square().reduce_mean(..);

    let model = Sequential::<f32>::new().add(Dense::<f64>::new(&g, "a", 4, 2)); //~ E0277 is no layer of tensors of `f32`
    let model = model.add("relu"); //~ E0277 expected a layer, or a function from a tensor of `f32` to one
    let model = model.add(x.relu()); //~ E0277 a method is named and not called: `.add(Tensor::relu)`
    let _ = model.add(Tensor::relu);

    let _ = Optimizer::of(Signum, 0.1); //~ E0277 the optimizers of the crate are made directly

    let trainer = Trainer::new(x, x, loss, Adam::new(0.1).minimize(loss));
    let trainer = trainer.after_epoch(|_| true); //~ E0277 `bool` does not say whether the training goes on
    let _ = trainer.after_epoch(|_| std::ops::ControlFlow::Break(()));

    let _ = vec![1, 2].prefetched(); //~ E0599
    let _ = vec![1, 2].into_iter().prefetched();

    arr1(&[1.0]).assert_close(1e-6); //~ E0599
    asserted(arr1(&[1.0])); //~ E0277 expected a `Report`, or the result of `check_gradients`
    asserted(check_gradients(&g, loss, &[x]));
    Ok(())
}
