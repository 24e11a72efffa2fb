//! Ops built by name and on untyped handles: what does not fit is refused with an error that names the op, says what was
//! expected and what came, and has the caller's line; and what fits is what the typed methods build, to the bit.

use std::collections::BTreeSet;

use flowgrad::ndarray::{Array2, ArrayD, arr1, arr2};
use flowgrad::op::{AnyTensor, Attribute, AttributeValue, Attributes, Elements, OpDef, OperandDef, registry};
use flowgrad::prelude::*;

const DTYPES: [DType; 5] = [DType::F32, DType::F64, DType::I32, DType::I64, DType::Bool];

/// The op of that name.
fn op(name: &str) -> &'static OpDef {
    registry().find(|op| op.name() == name).unwrap_or_else(|| panic!("{name} is not in the registry"))
}

/// A value of each kind of attribute.
fn value(kind: &str) -> Attribute {
    match kind {
        "bool" => false.into_attribute(),
        "integer" | "index or range" => 0_i64.into_attribute(),
        "count" | "seed" | "count or lengths" => 1_i64.into_attribute(),
        "number" | "value" | "number or numbers" => 1.0_f64.into_attribute(),
        "text" => "a".into_attribute(),
        "element type" => DType::F32.into_attribute(),
        "axes" => Axes::all().into_attribute(),
        "shape" => Shape::from([2, 2]).into_attribute(),
        "integers" | "counts" | "rows and columns" => vec![1_isize, 1].into_attribute(),
        "attributes" => Attributes::new().into_attribute(),
        "indices or ranges" => Attribute::List(vec![0_i64.into_attribute()]),
        "padding" => "valid".into_attribute(),
        "indexing: `xy` or `ij`" => "ij".into_attribute(),
        "method: `linear`, `lower`, `higher`, `nearest` or `midpoint`" => "linear".into_attribute(),
        "mode: `full`, `same` or `valid`" => "same".into_attribute(),
        "method: `auto`, `direct` or `fft`" => "direct".into_attribute(),
        "result: `rows`, `first` or `second`" => "rows".into_attribute(),
        "filling: `zero` or `lowest`" => "zero".into_attribute(),
        "pairs of counts" => Attribute::List(vec![vec![1_usize, 1].into_attribute(); 2]),
        "an element, or `reflect`" => "reflect".into_attribute(),
        "attention" => Attention::new().causal().into_attribute(),
        "window" | "convolution" => {
            let pair = || vec![1_usize, 1];
            let window = Attributes::new().with("size", pair()).with("strides", pair());
            let window = window.with("dilations", pair()).with("padding", "valid");
            window.with("groups", 1_usize).into_attribute()
        }
        other => panic!("what is a value of the kind {other:?}?"),
    }
}

/// All attributes of an op.
fn attributes(op: &OpDef) -> Attributes {
    op.attributes().iter().fold(Attributes::new(), |all, it| all.with(it.name, value(it.kind)))
}

/// Whether an operand may have these elements beside a first one, as the definition says.
fn admits(elements: Elements, dtype: DType, first: DType) -> bool {
    match elements {
        Elements::Element => true,
        Elements::Numeric => dtype != DType::Bool,
        Elements::Float => dtype.is_float(),
        Elements::Integer => matches!(dtype, DType::I32 | DType::I64),
        Elements::Same => dtype == first,
        Elements::Only(only) => dtype == only,
        other => panic!("what are {other:?}?"),
    }
}

/// What each operand may have; a list is two of them, of one type.
fn operands(op: &OpDef) -> Vec<Elements> {
    let more = |it: &OperandDef| match it.elements {
        Elements::Only(_) => it.is_list.then_some(it.elements),
        _ => it.is_list.then_some(Elements::Same),
    };
    op.operands().iter().flat_map(|it| [it.elements].into_iter().chain(more(it))).collect()
}

/// Element types that fit, the first one as given.
fn fitting(operands: &[Elements], first: DType) -> Vec<DType> {
    let other = |&elements| DTYPES.into_iter().find(|&dtype| admits(elements, dtype, first));
    let others = operands.iter().skip(1).map(|elements| other(elements).unwrap());
    std::iter::once(first).chain(others).take(operands.len()).collect()
}

/// The first type that an op takes first.
fn first_of(operands: &[Elements]) -> DType {
    let takes = |dtype: &DType| operands.first().is_none_or(|&elements| admits(elements, *dtype, *dtype));
    DTYPES.into_iter().find(takes).unwrap()
}

fn tensor(g: &Graph, dtype: DType) -> AnyTensor<'_> {
    match dtype {
        DType::F32 => g.placeholder::<f32>("x", [2, 2]).any(),
        DType::F64 => g.placeholder::<f64>("x", [2, 2]).any(),
        DType::I32 => g.placeholder::<i32>("x", [2, 2]).any(),
        DType::I64 => g.placeholder::<i64>("x", [2, 2]).any(),
        DType::Bool => g.placeholder::<bool>("x", [2, 2]).any(),
    }
}

fn tensors<'g>(g: &'g Graph, dtypes: &[DType]) -> Vec<AnyTensor<'g>> {
    dtypes.iter().map(|&dtype| tensor(g, dtype)).collect()
}

/// Builds an op that does not fit, and checks that the error says what, under the op's name and with the line here.
fn refused(op: &OpDef, g: &Graph, operands: &[AnyTensor<'_>], attributes: &Attributes, says: &[&str]) {
    let line = line!() + 1;
    let built = op.build(g, operands, attributes);
    assert!(!built.is_empty(), "{}", op.name());
    let error = g.check().expect_err(op.name()).to_string();
    let named = error.rsplit_once("in `").and_then(|(_, rest)| rest.split('`').next()).unwrap_or_default();
    // The method that builds it may have a longer name, or a shorter one.
    assert!(named.starts_with(op.name()) || op.name().starts_with(named), "{}: {error}", op.name());
    let place = format!(" built at {}:{line}:", file!());
    for part in says.iter().copied().chain([place.as_str()]) {
        assert!(error.contains(part), "{}: no {part:?} in: {error}", op.name());
    }
}

#[test]
fn elements_that_an_op_does_not_take_are_refused() {
    let mut tried = BTreeSet::new();
    for op in registry() {
        let elements = operands(op);
        for (place, &wanted) in elements.iter().enumerate() {
            let first = first_of(&elements);
            for wrong in DTYPES.into_iter().filter(|&dtype| !admits(wanted, dtype, first)) {
                // Whatever is first is of its own type.
                if place == 0 && wanted == Elements::Same {
                    continue;
                }
                let mut dtypes = fitting(&elements, if place == 0 { wrong } else { first });
                dtypes[place] = wrong;
                let expected = match wanted {
                    Elements::Same => first.to_string(),
                    Elements::Only(dtype) => dtype.to_string(),
                    Elements::Numeric => "a number type".to_owned(),
                    Elements::Float => "a float type".to_owned(),
                    _ => "an integer type".to_owned(),
                };
                let g = Graph::new();
                let says = ["expected", &expected, &wrong.to_string()];
                refused(op, &g, &tensors(&g, &dtypes), &attributes(op), &says);
                tried.insert(op.name());
            }
        }
    }
    assert!(tried.contains("reduce_sum") && tried.contains("stack") && tried.contains("matmul"), "{tried:?}");
}

#[test]
fn attributes_that_lack_or_are_of_another_kind_are_refused() {
    for op in registry() {
        let elements = operands(op);
        let dtypes = fitting(&elements, first_of(&elements));
        for it in op.attributes() {
            let expected = format!("attribute `{}`: expected {}, got ", it.name, it.kind);
            let others = |but: Option<Attribute>| {
                let all = attributes(op);
                let kept = all.iter().filter(|(name, _)| *name != it.name);
                let kept = kept
                    .fold(Attributes::new(), |all, (name, value)| all.with(name.to_owned(), value.clone()));
                but.into_iter().fold(kept, |all, wrong| all.with(it.name, wrong))
            };
            if !it.is_optional {
                let g = Graph::new();
                refused(op, &g, &tensors(&g, &dtypes), &others(None), &[&expected, "got nothing"]);
            }
            // Any value is a value; whether the op makes something of it is its own matter.
            if it.kind != "value" {
                let wrong = if it.kind == "bool" { Attribute::Int(3) } else { Attribute::Bool(true) };
                let got = format!("got {wrong}");
                let g = Graph::new();
                refused(op, &g, &tensors(&g, &dtypes), &others(Some(wrong)), &[&expected, &got]);
            }
        }
    }
}

#[test]
fn other_numbers_of_operands_are_refused() {
    for op in registry() {
        let least = op.operands().iter().filter(|operand| !operand.is_optional).count();
        let elements = operands(op);
        let dtypes = fitting(&elements, first_of(&elements));
        let more = [&dtypes[..], &[DType::F32]].concat();
        let takes_more = op.operands().iter().any(|operand| operand.is_list);
        let fewer = least.checked_sub(1).map(|count| dtypes[..count].to_vec());
        for given in fewer.into_iter().chain((!takes_more).then_some(more)) {
            let g = Graph::new();
            let expected = format!("expected {least} operands, got {}", given.len());
            refused(op, &g, &tensors(&g, &given), &attributes(op), &[&expected]);
        }
    }
}

#[test]
fn operands_of_another_graph_are_refused() {
    for op in registry() {
        let elements = operands(op);
        let dtypes = fitting(&elements, first_of(&elements));
        for place in 0..dtypes.len() {
            let (g, other) = (Graph::new(), Graph::new());
            let mut operands = tensors(&g, &dtypes);
            operands[place] = tensor(&other, dtypes[place]);
            let expected =
                format!("operand {place}: expected a tensor of the same graph, got one of another graph");
            refused(op, &g, &operands, &attributes(op), &[&expected]);
            other.check().unwrap();
        }
    }
}

/// What the first build error of a graph is, and where.
fn fault(g: &Graph) -> String {
    g.check().unwrap_err().to_string()
}

#[test]
fn untyped_methods_refuse_what_typed_ones_do_not_compile() {
    fn refuses<'g>(g: &'g Graph, says: &str, line: u32, built: AnyTensor<'g>) {
        let error = fault(g);
        let place = format!(" built at {}:{line}:", file!());
        assert!(error.starts_with(says) && error.contains(&place), "{error}");
        // It has no element type, and is none of any.
        let _ = (built.typed::<f32>(), built.typed::<bool>());
        assert_eq!(fault(g), error);
    }
    let pairs = || arr2(&[[1.0_f64, 2.0], [3.0, 4.0]]);

    let g = Graph::new();
    let booleans = g.constant(arr1(&[true, false])).any();
    refuses(&g, "expected elements of a number type, got bool", line!(), booleans.reduce_sum(..));

    let g = Graph::new();
    let integers = g.constant(arr1(&[1_i64, 2])).any();
    refuses(&g, "expected elements of a float type, got i64", line!(), integers.reduce_variance(..));

    let g = Graph::new();
    let (x, y) = (g.constant(pairs()).any(), g.constant(pairs().mapv(|x| x as f32)).any());
    refuses(&g, "expected elements of f64, got f32", line!(), x.matmul(y));

    let g = Graph::new();
    let (x, y) = (g.constant(pairs()).any(), g.constant(pairs().mapv(|x| x as f32)).any());
    refuses(&g, "expected elements of f64, got f32", line!(), g.stack_any(&[x, y], 0));

    let g = Graph::new();
    let range = "expected elements of a number type, got bool, in `range` (range)";
    refuses(&g, range, line!(), g.range_any(DType::Bool, 0_i64, 1_i64, 1_i64));

    let g = Graph::new();
    let range = "attribute `limit`: expected an i32, got 2147483648, in `range` (range)";
    refuses(&g, range, line!(), g.range_any(DType::I32, 0_i64, 1_i64 << 31, 1_i64));

    let g = Graph::new();
    let bounds = "attribute `high`: expected an i64, got 1.5, in `random_uniform` (random_uniform)";
    refuses(&g, bounds, line!(), g.random_uniform_any(DType::I64, [2], 0_i64, 1.5));

    let g = Graph::new();
    let normal = "expected elements of a float type, got i32, in `random_normal` (random_normal)";
    refuses(&g, normal, line!(), g.random_normal_any(DType::I32, [2], 0.0, 1.0));

    let g = Graph::new();
    let x = g.constant(pairs().mapv(|x| x > 1.0)).any();
    let like = "expected elements of a number type, got bool, in `random_uniform_like` (random_uniform_like)";
    refuses(&g, like, line!(), x.random_uniform_like(0_i64, 1_i64));
}

#[test]
fn operands_of_another_graph_are_refused_by_untyped_methods_whatever_their_elements() {
    let (g, other) = (Graph::new(), Graph::new());
    let x = g.placeholder::<f64>("x", [2, 2]).any();
    let foreign = [other.placeholder::<f64>("y", [2, 2]).any(), other.placeholder::<bool>("z", [2, 2]).any()];
    for y in foreign {
        let _ = (x.matmul(y), g.stack_any(&[x, y], 0));
    }
    assert!(fault(&g).starts_with("operand 1: expected a tensor of the same graph, got one of another graph, in `matmul` (matmul) built at "));
    other.check().unwrap();
}

/// A build error stays the one that is reported of what is built on it.
#[test]
fn what_is_built_on_an_invalid_tensor_says_why_it_is() {
    let g = Graph::new();
    let x = g.constant(arr2(&[[1.0_f64, 2.0], [3.0, 4.0]]));
    let session = Session::new(&g).unwrap();
    let invalid = x.reduce_sum(7);
    for built in [invalid.matmul(x), g.stack(&[invalid, x], 0), invalid.random_uniform_like(0.0, 1.0)] {
        let error = session.run(built).unwrap_err().to_string();
        let says = "expected an axis of a tensor of rank 2, got 7, in `reduce_sum`";
        assert!(error.starts_with(says), "{}: {error}", built.name());
    }
}

/// The parameters of a small model, its input and its labels.
type Operands<'g> = ([Tensor<'g, f32>; 4], [Tensor<'g, f32>; 2]);

/// The text of a model's graph, its loss, and the gradient of it by each parameter.
fn run(loss: impl for<'g> Fn(Operands<'g>) -> Tensor<'g, f32>) -> (String, Vec<ArrayD<f32>>) {
    let g = Graph::with_seed(3);
    let (x, labels) = (g.placeholder::<f32>("x", [None, Some(3)]), g.placeholder("labels", [None, Some(2)]));
    let layer = |name, inputs, outputs| {
        let kernel = || g.variable("kernel", random_uniform([inputs, outputs], -1.0, 1.0));
        g.name_scope(name, || [kernel(), g.variable("bias", zeros([outputs]))])
    };
    let [[first, first_bias], [last, last_bias]] = [layer("first", 3, 4), layer("last", 4, 2)];
    let parameters = [first, first_bias, last, last_bias].map(Tensor::from);
    let loss = loss((parameters, [x, labels]));
    let fetches: Vec<Tensor<'_, f32>> = std::iter::once(loss).chain(loss.gradients(parameters)).collect();
    let input = Array2::from_shape_fn((5, 3), |(row, column)| (row as f32 - 2.0) * 0.3 + column as f32);
    let wanted = Array2::from_shape_fn((5, 2), |(row, column)| ((row + column) % 2) as f32);
    let session = Session::new(&g).unwrap();
    let values = session.feed(x, &input).feed(labels, &wanted).run(fetches).unwrap();
    (g.to_string(), values)
}

#[test]
fn a_graph_of_names_is_that_of_methods() {
    let (text, values) = run(|([first, first_bias, last, last_bias], [x, labels])| {
        let hidden = (x.matmul(first) + first_bias).tanh();
        (hidden.matmul(last) + last_bias).softmax_cross_entropy(labels).reduce_mean(..)
    });
    let (text_of_names, values_of_names) = run(|(parameters, operands)| {
        let g = parameters[0].graph();
        let [first, first_bias, last, last_bias] = parameters.map(Tensor::any);
        let [x, labels] = operands.map(Tensor::any);
        let none = Attributes::new;
        let built = |name, operands: &[_], attributes| op(name).build(g, operands, &attributes)[0];
        let product = built("matmul", &[x, first], none());
        let hidden = built("tanh", &[built("add", &[product, first_bias], none())], none());
        let product = built("matmul", &[hidden, last], none());
        let logits = built("add", &[product, last_bias], none());
        let losses = built("softmax_cross_entropy", &[logits, labels], none());
        built("reduce_mean", &[losses], none().with("axes", Axes::all())).typed()
    });
    assert_eq!(text_of_names, text);
    let bits = |values: Vec<ArrayD<f32>>| -> Vec<ArrayD<u32>> {
        values.into_iter().map(|value| value.mapv(f32::to_bits)).collect()
    };
    assert_eq!(bits(values_of_names), bits(values));
}
