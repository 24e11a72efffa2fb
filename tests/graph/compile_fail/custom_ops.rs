//! What stands for an op: `Op`, `MultiOp`, `Kernel`, `AttributeValue`.

use flowgrad::op::{Attributes, Fault, Lowering, Op, Pullback, TensorType, Val};
use flowgrad::prelude::*;

#[derive(Debug)]
struct NotAnOp;

#[derive(Debug)]
struct Sorted;

impl Op for Sorted {
    fn name(&self) -> &'static str {
        "sorted"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let _ = to.kernel(NotAnOp, inputs, DType::F32, [1]); //~ E0277 `NotAnOp` is no kernel
        to.kernel(|_, _| Ok(()), inputs, DType::F32, [1]) //~ E0277 its body is the type's `run`
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}

    fn attributes(&self) -> Attributes {
        let attributes = Attributes::new().with("a", 1_u8); //~ E0277 `u8` is no attribute of an op
        let attributes = attributes.with("b", [1, 2]); //~ E0277 lists are `Vec`s
        attributes.with("c", 1.0_f32) //~ E0277 other numbers `f64`
    }
}

fn main() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [2]);

    let _ = g.custom::<f64>(NotAnOp, &[x.any()]); //~ E0277 `NotAnOp` is no op
    let _ = g.custom::<f64>(|x: f64| x, &[x.any()]); //~ E0277 expected a type that implements `Op`
    let _ = g.custom_outputs(NotAnOp, &[x.any()]); //~ E0277 or `MultiOp` where it has several outputs

    let _ = g.custom::<f64>(Sorted, &[x.any()]);
}
