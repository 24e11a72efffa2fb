//! Custom ops: through the vocabulary, by a kernel, and with everything that can be wrong with one.

use std::sync::atomic::{AtomicUsize, Ordering};

use flowgrad::ndarray::{Array1, ArrayD, Axis, arr1, arr2};
use flowgrad::op::{
    ArrayMut, ArrayRef, Fault, Kernel, KernelError, Lowering, Op, Pullback, Scalar, TensorType, Val,
};
use flowgrad::prelude::*;

/// The running maximum along the last axis, as a kernel; its gradient goes to the element that was the largest.
#[derive(Debug)]
struct RunningMax;

impl Op for RunningMax {
    fn name(&self) -> &'static str {
        "running_max"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        match inputs {
            [x] if x.shape.rank() > 0 => Ok((*x).clone()),
            _ => Err(Fault::Custom { reason: "expected one tensor with an axis".to_owned() }),
        }
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let (dims, dtype) = (to.dims(inputs[0]).to_vec(), to.dtype(inputs[0]));
        let has_rows = dims.len() > 1;
        to.kernel(RunningMaxKernel { has_rows }, inputs, dtype, dims)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (x, y) = (at.input(0).typed::<f64>(), at.output().typed::<f64>());
        // Right where the input rises: there each output is its own element.
        at.scale(0, || x.greater_equal(y).cast::<f64>());
    }
}

#[derive(Debug)]
struct RunningMaxKernel {
    /// Whether there are axes before the last, each index of which is computed by itself.
    has_rows: bool,
}

impl Kernel for RunningMaxKernel {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let (input, mut output) = (inputs[0].view::<f64>()?, output.into_view::<f64>()?);
        let last = Axis(input.ndim() - 1);
        for (from, mut to) in input.lanes(last).into_iter().zip(output.lanes_mut(last)) {
            let mut largest = f64::NEG_INFINITY;
            for (from, to) in from.iter().zip(&mut to) {
                largest = largest.max(*from);
                *to = largest;
            }
        }
        Ok(())
    }

    fn is_batched(&self) -> bool {
        self.has_rows
    }
}

fn running_max(x: Tensor<'_, f64>) -> Tensor<'_, f64> {
    x.graph().custom(RunningMax, &[x.any()])
}

#[test]
fn a_kernel_reads_arrays_as_they_lie() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, None]);
    let array = arr2(&[[1.0, 5.0], [3.0, 2.0], [2.0, 9.0]]);
    let session = Session::new(&g)?;
    let rows = session.feed(x, &array).run(running_max(x))?;
    assert_eq!(rows, arr2(&[[1.0, 5.0], [3.0, 3.0], [2.0, 9.0]]).into_dyn());
    // Transposed and repeated operands come as strides.
    let columns = session.feed(x, &array).run(running_max(x.transpose()))?;
    assert_eq!(columns, arr2(&[[1.0, 3.0, 3.0], [5.0, 5.0, 9.0]]).into_dyn());
    let repeated = running_max(x.reduce_sum(-1).broadcast_to([2, 3])) * 2.0;
    assert_eq!(
        session.feed(x, &array).run(repeated)?,
        arr2(&[[12.0, 12.0, 22.0], [12.0, 12.0, 22.0]]).into_dyn()
    );
    // Among steps that run at once, and of nothing.
    let many: Vec<Tensor<'_, f64>> = (0..40).map(|i| running_max(x * f64::from(i)).reduce_sum(..)).collect();
    let sums = session.feed(x, &array).run(many)?;
    assert_eq!(sums[3].sum(), 3.0 * 23.0);
    assert_eq!(session.feed(x, &ArrayD::zeros(vec![0, 2])).run(running_max(x))?.len(), 0);
    Ok(())
}

#[test]
fn a_batched_kernel_runs_in_parts() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, None]);
    let y = running_max(x);
    let rows = ArrayD::from_shape_fn(vec![701, 300], |at| ((at[0] * 31 + at[1] * 17) % 1009) as f64);
    let transposed = rows.t().as_standard_layout().into_owned();
    let expected = {
        let mut expected = rows.clone();
        expected.axis_iter_mut(Axis(0)).for_each(|mut row| {
            row.iter_mut().fold(f64::NEG_INFINITY, |largest, x| {
                *x = x.max(largest);
                *x
            });
        });
        expected
    };
    for threads in [1, 2, 3] {
        let session = Session::builder(&g).threads(threads).always_share().build()?;
        let text = session.feed(x, &rows).explain(y)?;
        assert!(text.contains(" parts"), "{text}");
        assert_eq!(session.feed(x, &rows).run(y)?, expected);
        // Rows that are not consecutive, and a single part.
        assert_eq!(session.feed(x, transposed.t()).run(y)?, expected);
        let few = session.feed(x, rows.slice(flowgrad::ndarray::s![..2, ..])).run(y)?;
        assert_eq!(few, expected.slice(flowgrad::ndarray::s![..2, ..]).into_owned().into_dyn());
        assert_eq!(session.feed(x, &ArrayD::zeros(vec![0, 300])).run(y)?.shape(), [0, 300]);
    }
    Ok(())
}

#[test]
fn a_custom_gradient_joins_the_others() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 3.0, 4.0]));
    let [dx] = running_max(x.square()).gradients([x]);
    assert_eq!(Session::new(&g)?.run(dx)?, arr1(&[2.0, 6.0, 8.0]).into_dyn());
    Ok(())
}

/// An op that can be told to break any promise.
#[derive(Clone, Copy, Debug)]
enum Broken {
    /// Promises another shape than it gives.
    Shape,
    /// Promises another element type than it gives.
    Type,
    /// Adds what does not broadcast.
    Instruction,
    /// Takes the sine of booleans.
    Function,
    /// Reduces an axis that is not there.
    Axis,
    /// Fails when it is run.
    Kernel,
    /// Panics when it is run.
    Panic,
}

impl Op for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let x = inputs[0];
        match self {
            Broken::Shape => to.reshape(x, [1, 3]),
            Broken::Type => to.cast(x, DType::I32),
            Broken::Instruction => {
                let pair = to.scalar(1.0, DType::F64);
                let pair = to.broadcast(pair, [2]);
                to.map(Scalar::Add, &[x, pair])
            }
            Broken::Function => {
                let boolean = to.scalar(1.0, DType::Bool);
                let sine = to.map(Scalar::Sin, &[boolean]);
                let sine = to.cast(sine, DType::F64);
                to.map(Scalar::Add, &[x, sine])
            }
            Broken::Axis => {
                let sum = to.sum(x, &[4]);
                to.map(Scalar::Add, &[x, sum])
            }
            Broken::Kernel | Broken::Panic => to.kernel(Failing(*self), inputs, DType::F64, [3]),
        }
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}
}

#[derive(Debug)]
struct Failing(Broken);

impl Kernel for Failing {
    fn run(&self, inputs: &[ArrayRef<'_>], _: ArrayMut<'_>) -> Result<(), KernelError> {
        assert!(!matches!(self.0, Broken::Panic), "the kernel's own panic");
        inputs[0].view::<f64>()?;
        Err(KernelError::other("the moon is in the wrong house"))
    }

    fn must_run(&self) -> bool {
        true
    }
}

#[test]
fn what_an_op_does_not_keep_is_an_error_that_names_its_node() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(Array1::from(vec![1.0, 2.0, 3.0]));
    let broken = |how: Broken| g.custom::<f64>(how, &[x.any()]).named("mine");
    let cases = [
        (
            Broken::Shape,
            "expected f64[3] by the op's shape rule, got f64[1, 3] from its lowering, in `mine` (broken) built at tests/graph/custom_op.rs",
        ),
        (Broken::Type, "expected f64[3] by the op's shape rule, got i32[3] from its lowering, in"),
        (
            Broken::Instruction,
            "expected instructions whose operands fit, got add of f64[3], f64[2] to f64[3], in",
        ),
        (Broken::Function, "expected instructions whose operands fit, got sin of bool[] to bool[], in"),
        (Broken::Axis, "expected instructions whose operands fit, got sum over [4] of f64[3] to f64[], in"),
        (Broken::Kernel, "the moon is in the wrong house, in"),
    ];
    let session = Session::new(&g)?;
    for (how, expected) in cases {
        let node = broken(how);
        let error = session.run(node).unwrap_err().to_string();
        node.named("done");
        assert!(error.starts_with(expected), "{error}");
    }
    Ok(())
}

#[test]
fn a_kernel_that_fails_or_panics_leaves_variables_as_they_were() -> Result<()> {
    for threads in [1, 2] {
        let g = Graph::new();
        let v = g.variable("v", Array1::from(vec![1.0, 2.0, 3.0]));
        let session = Session::builder(&g).threads(threads).build()?;
        for how in [Broken::Kernel, Broken::Panic] {
            let broken = g.custom::<f64>(how, &[v.any()]);
            let step = g.group([v.assign_add(1.0).op(), broken.op()]);
            let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| session.run(step)));
            assert!(!matches!(run, Ok(Ok(()))), "{how:?} with {threads}");
        }
        assert_eq!(session.run(v)?, arr1(&[1.0, 2.0, 3.0]).into_dyn());
    }
    Ok(())
}

/// An op whose lowering asks for lengths that no machine can address, and reckons with them.
#[derive(Clone, Copy, Debug)]
struct Absurd(usize);

impl Op for Absurd {
    fn name(&self) -> &'static str {
        "absurd"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(inputs[0].clone())
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        const LONG: usize = 1 << 40;
        let (x, dims) = (inputs[0], [LONG, LONG, 3]);
        let large = match self.0 {
            0 => to.broadcast(x, dims),
            1 => to.reshape(x, dims),
            2 => to.kernel(Zeros, &[x], DType::F64, dims),
            3 => {
                let [column, row] = [[LONG, 1, 1], [1, LONG, 1]].map(|dims| to.broadcast(x, dims));
                to.map(Scalar::Add, &[column, row])
            }
            _ => {
                let [tall, wide] = [[LONG, 3], [3, LONG]].map(|dims| to.broadcast(x, dims));
                to.dot(tall, wide)
            }
        };
        let sum = to.sum(large, &[0, 1]);
        let flat = to.reshape(large, [LONG]);
        let both = to.map(Scalar::Mul, &[sum, flat]);
        let transposed = to.permute(both, vec![0]);
        to.broadcast(transposed, [3])
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}
}

#[derive(Debug)]
struct Zeros;

impl Kernel for Zeros {
    fn run(&self, _: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        output.into_view::<f64>()?.fill(0.0);
        Ok(())
    }
}

#[test]
fn lengths_that_cannot_be_are_errors_however_an_op_reckons_with_them() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0, 3.0]));
    let session = Session::new(&g)?;
    for how in 0..5 {
        let node: Tensor<'_, f64> = g.custom(Absurd(how), &[x.any()]);
        let error = session.run(node).unwrap_err();
        assert!(matches!(error, Error::Lowering { .. }), "{how}: {error}");
        assert!(error.to_string().contains("(absurd) built at tests/graph/custom_op.rs"), "{how}: {error}");
    }
    Ok(())
}

/// Whether the lengths are known when the node is built or when it is run.
#[test]
fn a_shape_rule_that_leaves_a_length_open_is_an_error() -> Result<()> {
    let g = Graph::new();
    let known = g.constant(arr1(&[1.0, 2.0, 3.0]));
    let fed = g.placeholder::<f64>("fed", [None]);
    let session = Session::new(&g)?;
    for x in [known, fed] {
        let op = Fickle { types: vec![TensorType::new(DType::F64, [None])], asked: AtomicUsize::new(0) };
        let line = line!() + 1;
        let node: Tensor<'_, f64> = g.custom(op, &[x.any()]);
        let run = || match x.shape().known() {
            Some(_) => session.run(node),
            None => session.feed(fed, &arr1(&[1.0, 2.0, 3.0])).run(node),
        };
        let error = run().unwrap_err().to_string();
        let expected = "expected every length from the op's shape rule, as those of all inputs are known (f64[3]), \
                        got f64[?]";
        assert!(error.contains(expected), "{error}");
        let place = format!("`{}` (fickle) built at tests/graph/custom_op.rs:{line}", node.name());
        assert!(error.contains(&place), "{error}");
    }
    Ok(())
}

/// An op whose shape rule gives another of these types each time that it is asked.
#[derive(Debug)]
struct Fickle {
    types: Vec<TensorType>,
    asked: AtomicUsize,
}

impl Op for Fickle {
    fn name(&self) -> &'static str {
        "fickle"
    }

    fn infer(&self, _: &[&TensorType]) -> Result<TensorType, Fault> {
        Ok(self.types[self.asked.fetch_add(1, Ordering::Relaxed) % self.types.len()].clone())
    }

    fn lower(&self, inputs: &[Val], _: &mut Lowering<'_>) -> Val {
        inputs[0]
    }

    fn pullback(&self, _: &mut Pullback<'_>) {}
}

#[test]
fn a_shape_rule_that_changes_its_answer_is_an_error() -> Result<()> {
    let g = Graph::new();
    let known = g.constant(arr1(&[1.0, 2.0, 3.0]));
    let fed = g.placeholder::<f64>("fed", [None]);
    let vector = |length: Option<usize>| TensorType::new(DType::F64, [length]);
    let others = [
        vector(Some(2)),
        vector(None),
        TensorType::new(DType::I64, [3]),
        TensorType::new(DType::F64, [3, 1]),
        TensorType::new(DType::F64, [usize::MAX]),
    ];
    for other in others {
        for x in [known, fed] {
            let types = vec![vector(Some(3)), other.clone()];
            let op = Fickle { types, asked: AtomicUsize::new(0) };
            let node: Tensor<'_, f64> = g.custom(op, &[x.any()]);
            let doubled = node * 2.0;
            // Sessions are made without asking again.
            let session = Session::new(&g)?;
            let values = arr1(&[1.0, 2.0, 3.0]);
            let run = || match x.shape().known() {
                Some(_) => session.run(doubled),
                None => session.feed(fed, &values).run(doubled),
            };
            let says = format!("{other} for {}", x.name());
            match run() {
                // Where all lengths were known, the rule is not asked again, and the op keeps what it promised.
                Ok(found) => {
                    assert_eq!((found, x.name()), ((&values * 2.0).into_dyn(), known.name()), "{says}");
                }
                Err(error) => assert!(
                    matches!(error, Error::Lowering { .. } | Error::TooLarge { .. }) && x.name() == "fed",
                    "{says}: {error}"
                ),
            }
        }
    }
    Ok(())
}

#[test]
fn build_errors_are_reported_like_any() {
    let g = Graph::new();
    let number = g.constant(1.0_f64);
    let _ = running_max(number);
    let error = g.check().unwrap_err().to_string();
    assert!(error.starts_with("expected one tensor with an axis, in `running_max` (running_max) built at tests/graph/custom_op.rs"), "{error}");

    let g = Graph::new();
    let single = g.constant(arr1(&[1.0_f32]));
    let _: Tensor<'_, f64> = g.custom(RunningMax, &[single.any()]);
    let error = g.check().unwrap_err().to_string();
    assert!(error.starts_with("expected elements of f64, got f32, in"), "{error}");
}

/// Ops that were written when a fault was called a mistake, or a reduction a fold, still compile.
#[test]
fn former_names_still_compile() {
    fn _lowered(x: Val, to: &mut Lowering<'_>) -> [Val; 3] {
        let largest = to.fold(flowgrad::op::Fold::Max, x, &[0]);
        [largest, to.contract(x, x), to.compute(Zeros, &[x], DType::F64, [3])]
    }
    fn refused() -> flowgrad::op::Mistake {
        flowgrad::Mistake::Custom { reason: "expected a matrix".to_owned() }
    }
    let g = Graph::new();
    let line = line!() + 1;
    let invalid = g.mistaken::<f32>("own", refused());
    let error = g.check().unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("expected a matrix, in `own` (own) built at {}:{line}:", file!())),
        "{error}"
    );
    assert_eq!(invalid.shape().to_string(), "[0]");
}
