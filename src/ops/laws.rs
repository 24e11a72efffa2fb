//! The laws of [`testing`](crate::testing), tried on the examples that the file of each op gives; and with
//! them, that the op is close in single precision to what it is in double.
//!
//! No op escapes: one of the registry without an example fails here, and so does one that cannot be built by name as
//! the examples build it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use ndarray::ArrayD;

use crate::graph::op::{Attribute, AttributeValue, Attributes, Elements, OpDef};
use crate::graph::{AnyTensor, Role};
use crate::ir::NodeId;
use crate::prelude::*;
use crate::session::Feeding;
use crate::testing::laws::{
    Law, OF_DERIVATIVES, OF_RUNS, OF_VALUES, PLAIN, Subject, close, inputs_of, move_within, placeholders,
    value, views,
};

/// An op applied to inputs of certain lengths.
pub(crate) struct Example {
    pub(crate) name: &'static str,
    pub(crate) inputs: Vec<ArrayD<f64>>,
    pub(crate) build: Build<f64>,
    /// The same for single precision, where the op has it.
    build_f32: Option<Build<f32>>,
    reference: fn(&[ArrayD<f64>]) -> ArrayD<f64>,
}

/// Applies the op to tensors that stand for the inputs.
pub(crate) type Build<T> = for<'g> fn(&'g Graph, &[Tensor<'g, T>]) -> Tensor<'g, T>;

/// An example on inputs of the given lengths, filled with numbers between -2 and 2, none near 0: name, lengths,
/// how it is built (compiled for `f64` and for `f32`), and the reference.
macro_rules! example {
    ($name:expr, $shapes:expr, $build:expr, $reference:expr $(,)?) => {
        $crate::ops::laws::example_f64($name, $shapes, $build, $reference).with_f32($build)
    };
}
pub(super) use example;

/// An example that is built for `f64` only.
pub(super) fn example_f64(
    name: &'static str,
    shapes: &[&[usize]],
    build: Build<f64>,
    reference: fn(&[ArrayD<f64>]) -> ArrayD<f64>,
) -> Example {
    let inputs = inputs_of(shapes);
    Example { name, inputs, build, build_f32: None, reference }
}

impl Example {
    /// Built for single precision as well.
    pub(super) fn with_f32(mut self, build: Build<f32>) -> Self {
        self.build_f32 = Some(build);
        self
    }

    /// With inputs that lie between two numbers instead.
    pub(super) fn within(mut self, low: f64, high: f64) -> Self {
        move_within(&mut self.inputs, low, high);
        self
    }

    /// With these inputs instead.
    pub(super) fn on(mut self, inputs: Vec<ArrayD<f64>>) -> Self {
        self.inputs = inputs;
        self
    }
}

/// Fails with every example that breaks one of the laws.
fn hold(laws: &[Law]) {
    let mut broken = Vec::new();
    for example in super::examples() {
        let subject = Subject {
            inputs: &example.inputs,
            build: &example.build,
            reference: Some(&example.reference),
            orders: 2,
        };
        for (says, judge) in laws {
            broken.extend(judge(subject).err().map(|words| format!("{}: {says}: {words}", example.name)));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn results_are_those_of_the_references() {
    hold(&OF_VALUES);
}

#[test]
fn neither_memory_order_nor_optimisation_nor_threads_change_results() {
    hold(&OF_RUNS);
}

#[test]
fn derivatives_are_those_of_central_differences() {
    hold(&OF_DERIVATIVES);
}

#[test]
fn single_precision_is_close_to_double() {
    for example in super::examples() {
        let Some(build) = example.build_f32 else { continue };
        let single: Vec<ArrayD<f32>> = example.inputs.iter().map(|input| input.mapv(|x| x as f32)).collect();
        // The same numbers, so that only the arithmetic differs.
        let double: Vec<ArrayD<f64>> = single.iter().map(|input| input.mapv(f64::from)).collect();
        let found = value(&build, &views(&single), PLAIN).map(|found| found.mapv(f64::from));
        let expected = value(&example.build, &views(&double), PLAIN);
        let verdict = found.and_then(|found| close(&found, &expected?, 1e-5));
        assert_eq!(verdict, Ok(()), "{}", example.name);
    }
}

/// A function of the inputs that applies the op gives what the op does where it stands, and so do its gradients. Only the
/// shares of second derivatives may add up in another order.
#[test]
fn ops_are_the_same_inside_of_functions() {
    let mut broken = Vec::new();
    for example in super::examples() {
        let g = Graph::new();
        let xs: Vec<Tensor<'_, f64>> = placeholders(&g, &views(&example.inputs), true);
        let here = (example.build)(&g, &xs);
        if here.any().is_invalid() || !may_stand_in_function(&g) {
            continue;
        }
        let function = g.function(xs.clone(), |xs| (example.build)(&g, &xs));
        let there = function.call(xs.clone());
        // The values, their gradients, and the gradients of these.
        let mut pairs = vec![(here, there)];
        let (mut last, mut exact) = (pairs.clone(), 0);
        for _ in 0..2 {
            exact = pairs.len();
            let (here, there): (Vec<_>, Vec<_>) = last.drain(..).unzip();
            let gradients = |ys: Vec<_>| Gradients::of(ys).wrt(&xs);
            for pair in gradients(here).into_iter().zip(gradients(there)) {
                match pair {
                    (Some(here), Some(there)) => last.push((here, there)),
                    (None, None) => {}
                    _ => broken.push(format!("{}: a gradient is there once only", example.name)),
                }
            }
            pairs.extend(&last);
        }
        let (here, there): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let session = Session::builder(&g).threads(1).optimize(false).build().unwrap();
        let fed =
            xs.iter().zip(&example.inputs).fold(Feeding::of(&session), |run, (&x, input)| run.feed(x, input));
        match fed.run((here, there)) {
            Ok((here, there))
                if bits(&here[..exact]) == bits(&there[..exact])
                    && here[exact..].iter().zip(&there[exact..]).all(|(a, b)| close(a, b, 1e-12).is_ok()) => {
            }
            Ok((here, there)) => broken.push(format!("{}: {there:?} is not {here:?}", example.name)),
            Err(error) => broken.push(format!("{}: {error}", example.name)),
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Whether all that a graph does may be done by a function: one changes no variable, and draws of its own.
fn may_stand_in_function(g: &Graph) -> bool {
    let arena = g.shared().read();
    let is_state = |role: Role| matches!(role, Role::Writes(_) | Role::WritesAll);
    let draws = |name: &str| {
        name.starts_with("random_")
            || name.contains("bernoulli")
            || name.starts_with("truncated_normal")
            || name == "categorical"
    };
    arena.nodes.iter().all(|node| !is_state(node.role) && !draws(node.op.name()))
}

/// The bits of all elements; one NaN is like another.
pub(crate) fn bits(arrays: &[ArrayD<f64>]) -> Vec<u64> {
    let bits = |x: &f64| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() };
    arrays.iter().flat_map(|array| array.iter().map(bits)).collect()
}

thread_local! {
    /// The methods that this thread has called.
    static CALLED: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

/// Notes that a method of the registry is called.
pub(super) fn called(name: &'static str) {
    CALLED.with(|called| called.borrow_mut().insert(name));
}

/// The definition of that name.
fn definition(name: &str) -> Option<&'static OpDef> {
    super::registry().find(|op| op.name() == name)
}

#[test]
fn every_op_has_one_definition_and_an_example() {
    let mut names: Vec<&str> = super::registry().map(OpDef::name).collect();
    names.sort_unstable();
    let twice: Vec<&[&str]> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "two ops of one name: {twice:?}");
    for example in super::examples() {
        let g = Graph::new();
        let xs: Vec<Tensor<'_, f64>> = placeholders(&g, &views(&example.inputs), true);
        let _ = (example.build)(&g, &xs);
        g.shared().read().nodes.iter().for_each(|node| called(node.op.name()));
    }
    let missing: Vec<&str> =
        CALLED.with(|called| names.into_iter().filter(|name| !called.borrow().contains(name)).collect());
    assert!(missing.is_empty(), "ops without an example: {missing:?}");
}

/// A node of an op of the registry is built again by its op's name, from its inputs and its attributes.
#[test]
fn nodes_are_what_the_registry_builds_by_name() {
    let mut broken = Vec::new();
    for example in super::examples() {
        let g = Graph::new();
        let xs: Vec<Tensor<'_, f64>> = placeholders(&g, &views(&example.inputs), true);
        let _ = (example.build)(&g, &xs);
        for id in (0..g.len() as u32).map(NodeId) {
            let node = g.shared().read().node(id).clone();
            let Some(op) = definition(node.op.name()) else { continue };
            let inputs: Vec<AnyTensor<'_>> = node.inputs.iter().map(|&input| g.tie(input)).collect();
            let attributes = node.op.attributes();
            let again = g.beside(id, || op.build(&g, &inputs, &attributes)[0]);
            let again = g.shared().read().node(again.node()).clone();
            let is_same = (again.op.name(), again.op.attributes(), &again.outputs, &again.inputs)
                == (node.op.name(), attributes, &node.outputs, &node.inputs);
            if node.fault.is_none() && (again.fault.is_some() || !is_same) {
                broken.push(format!("{}: {node:?} became {again:?}", example.name));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Attributes of a kind, some of which an op refuses.
fn attributes_of(kind: &str) -> Vec<Attribute> {
    match kind {
        "window" => vec![Window::of([1, 2]).into_attribute(), Window::of([0, 1]).into_attribute()],
        "convolution" => {
            vec![Convolution::same().into_attribute(), Convolution::valid().groups(0).into_attribute()]
        }
        "attention" => vec![Attention::new().causal().into_attribute()],
        "axes" => vec![Axes::all().into_attribute(), Axes::of([0, 0]).into_attribute()],
        "text" => ["ij,jk->ik", "i->i"].map(|text| Attribute::Text(text.into())).into(),
        "bool" => vec![Attribute::Bool(true)],
        "number" => [0.5, f64::NAN].map(Attribute::Float).into(),
        "element type" => DTYPES.map(Attribute::DType).into(),
        "integer" | "count" => [0, 1, i64::MIN].map(Attribute::Int).into(),
        "integers" | "counts" => vec![Attribute::Ints(vec![2, 1]), Attribute::Ints(vec![])],
        "rows and columns" => vec![Attribute::Ints(vec![2, 1]), Attribute::Ints(vec![0, 1])],
        "pairs of counts" => {
            vec![Attribute::List(vec![Attribute::Ints(vec![1, 0])]), Attribute::List(vec![])]
        }
        "term of letters and numbers" => {
            ["", "ii", "0(11)i", "iji", "00"].map(|text| Attribute::Text(text.into())).into()
        }
        "specification of letters and numbers, each once in a term" => {
            ["0->", "10,10->", "0,0i->i", "i0->0i", "i->ij", "ij", "i,j,k->ijk"]
                .map(|text| Attribute::Text(text.into()))
                .into()
        }
        "op: `resize_nearest_neighbor` or `resize_bilinear`" => {
            ["resize_bilinear", "tanh"].map(|text| Attribute::Text(text.into())).into()
        }
        _ => {
            vec![Attribute::Int(1), Attribute::Text("zero".into()), Attribute::List(vec![Attribute::Int(0)])]
        }
    }
}

const DTYPES: [DType; 5] = [DType::F32, DType::F64, DType::I32, DType::I64, DType::Bool];

/// Each attribute once as given first, and then as the others are, one after the other.
fn attributes_for(op: &OpDef) -> Vec<Attributes> {
    let values: Vec<Vec<Attribute>> = op.attributes().iter().map(|def| attributes_of(def.kind)).collect();
    let count = values.iter().map(Vec::len).max().unwrap_or(1);
    let choice = |choice: usize| {
        op.attributes().iter().zip(&values).fold(Attributes::new(), |attributes, (def, values)| {
            attributes.with(def.name, values[choice.min(values.len() - 1)].clone())
        })
    };
    (0..count).map(choice).chain([Attributes::new()]).collect()
}

/// Nothing that an op is given by name makes it panic, and it refuses elements that it does not take, and tensors of
/// another graph.
#[test]
fn misuse_gives_invalid_tensors() {
    let shapes: [&[usize]; 5] = [&[], &[2], &[2, 2], &[2, 1, 2], &[1, 2, 2, 2]];
    for op in super::registry() {
        let defs = op.operands();
        let most = if defs.iter().any(|def| def.is_list) { 3 } else { defs.len() };
        let counts = defs.iter().filter(|def| !def.is_optional).count()..=most;
        let uses = counts.flat_map(|count| DTYPES.into_iter().map(move |first| (count, first)));
        for ((count, first), other) in uses.flat_map(|each| DTYPES.map(|other| (each, other))) {
            for (attributes, shape) in
                attributes_for(op).iter().flat_map(|attributes| shapes.map(|shape| (attributes, shape)))
            {
                let (g, elsewhere) = (Graph::new(), Graph::new());
                let operand = |g, dtype| -> AnyTensor<'_> {
                    let zeros = ArrayD::<f64>::zeros(shape);
                    Graph::constant(g, zeros).any().cast(dtype)
                };
                let dtypes: Vec<DType> =
                    (0..count).map(|index| if index == 0 { first } else { other }).collect();
                let mut operands: Vec<AnyTensor<'_>> =
                    dtypes.iter().map(|&dtype| operand(&g, dtype)).collect();
                let is_taken = (0..count).all(|index| {
                    let def = &defs[index.min(defs.len() - 1)];
                    let is_one_of_many = def.is_list && !matches!(def.elements, Elements::Only(_));
                    def.elements.admit(dtypes[index], first) && (!is_one_of_many || dtypes[index] == first)
                });
                let built = op.build(&g, &operands, attributes);
                let what = || format!("{} of {dtypes:?} {shape:?} [{attributes}]", op.name());
                assert!(!built.is_empty(), "{} gives nothing", what());
                assert!(is_taken || built.iter().all(|built| built.is_invalid()), "{} is built", what());
                if let Some(last) = operands.last_mut() {
                    *last = operand(&elsewhere, dtypes[count - 1]);
                    let built = op.build(&g, &operands, attributes);
                    assert!(
                        built.iter().all(|built| built.is_invalid()),
                        "{} is built of two graphs",
                        what()
                    );
                }
            }
        }
    }
}

/// An operand of zeros for an op of a file, of lengths that are known while building or not.
fn operand_for<'g>(
    g: &'g Graph,
    elements: Elements,
    shape: &[usize],
    is_known: bool,
) -> (Tensor<'g, f64>, AnyTensor<'g>) {
    let dims: Vec<Option<usize>> = shape.iter().map(|&length| is_known.then_some(length)).collect();
    let dtype = match elements {
        Elements::Integer => DType::I64,
        Elements::Only(dtype) => dtype,
        _ => DType::F64,
    };
    let fed = g.placeholder::<f64>("x", dims);
    (fed, fed.any().cast(dtype))
}

/// Internal ops are built by files, which may say anything: they refuse it or compute something, and never panic.
#[test]
fn internal_ops_refuse_what_does_not_fit() {
    let shapes: [&[usize]; 9] = [
        &[],
        &[2],
        &[2, 2],
        &[2, 1, 2],
        &[0, 3, 1],
        &[1, 2, 2, 2],
        &[0, 2, 2, 1],
        &[1; 6],
        &[1, 1, 1, 1, 2, 1],
    ];
    for op in super::internal_ops() {
        let defs = op.operands();
        let least = defs.iter().filter(|def| !def.is_optional).count();
        let most = if defs.iter().any(|def| def.is_list) { least + 2 } else { defs.len() };
        let attributes = attributes_for(op);
        for (count, is_known) in (least..=most).flat_map(|count| [(count, false), (count, true)]) {
            for (first, other) in shapes.into_iter().flat_map(|first| shapes.map(|other| (first, other))) {
                for attributes in &attributes {
                    let g = Graph::new();
                    let shape = |place: usize| if place == 0 { first } else { other };
                    let (fed, operands): (Vec<_>, Vec<_>) = (0..count)
                        .map(|place| {
                            let elements = defs[place.min(defs.len() - 1)].elements;
                            operand_for(&g, elements, shape(place), is_known)
                        })
                        .unzip();
                    let built = op.build(&g, &operands, attributes);
                    if built.iter().any(|built| built.is_invalid()) {
                        continue;
                    }
                    let Ok(session) = Session::builder(&g).threads(1).build() else { continue };
                    let zeros: Vec<ArrayD<f64>> =
                        (0..count).map(|place| ArrayD::zeros(shape(place))).collect();
                    let run = fed.iter().zip(&zeros);
                    let run = run.fold(Feeding::of(&session), |run, (&x, zeros)| run.feed(x, zeros));
                    // Of a panic, this names the use.
                    println!("{} of {first:?} {other:?} known {is_known} [{attributes}]", op.name());
                    // Whether it fails is of no matter here.
                    let _ = run.run(built);
                }
            }
        }
    }
}
