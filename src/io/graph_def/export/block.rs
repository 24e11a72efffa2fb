//! [`Block`]: nodes of TensorFlow as they are written, of a graph or of a function.
//!
//! Nodes refer to each other by place, so that names may change until the block is finished. Invariant: a node comes behind
//! its inputs.

use std::collections::{BTreeMap, HashMap};

use super::signatures::outputs_of;
use crate::element::{DType, Value};
use crate::io::export::names::Unique;
use crate::io::graph_def::tensor;
use crate::io::tensorflow::{
    ArgDef, Attr, AttrValue, FunctionDef, ListValue, NameAttrList, NodeDef, OpDef, TensorShapeProto,
    element_type, legal_name,
};
use crate::shape::Shape;

/// The number of the type of a resource, and of a variant, which lists of tensors are.
pub(super) const RESOURCE: i32 = 20;
pub(super) const VARIANT: i32 = 21;

/// A tensor of a block: a node, one of its outputs, and the number of its element type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Port {
    pub(super) node: usize,
    pub(super) output: u32,
    pub(super) dtype: i32,
}

/// A node whose inputs are places.
#[derive(Debug)]
struct Written {
    name: String,
    op: String,
    inputs: Vec<Port>,
    control: Vec<usize>,
    attributes: BTreeMap<String, AttrValue>,
    /// Whether it is what a function is given, which is no node.
    is_argument: bool,
}

/// Nodes in order.
#[derive(Debug)]
pub(super) struct Block {
    nodes: Vec<Written>,
    names: Unique,
    /// The name of what is being written.
    scope: String,
    /// What new nodes run behind.
    behind: Vec<usize>,
    /// Small constants that are there already.
    constants: HashMap<(i32, Vec<i64>, bool), Port>,
    /// Shapes, and lengths of one axis.
    shapes: HashMap<(Port, Option<usize>), Port>,
}

/// An attribute by name.
pub(super) type Named = (&'static str, Attr);

/// The attribute that is an element type.
pub(super) fn of_type(name: &'static str, dtype: i32) -> Named {
    (name, Attr::Type(dtype))
}

/// The attribute that is a list of element types.
pub(super) fn of_types(name: &'static str, types: Vec<i32>) -> Named {
    (name, Attr::List(ListValue { r#type: types, ..ListValue::default() }))
}

/// The attribute that is a function.
pub(super) fn of_function(name: &'static str, function: String) -> Named {
    (name, Attr::Func(NameAttrList { name: function }))
}

/// The attribute that is a shape.
pub(super) fn of_shape(name: &'static str, shape: &Shape) -> Named {
    (name, Attr::Shape(TensorShapeProto::of(shape)))
}

/// The number of an element type.
pub(super) fn number(dtype: DType) -> i32 {
    element_type::number(dtype)
}

pub(super) const I64: DType = DType::I64;

impl Block {
    pub(super) fn new() -> Self {
        Block {
            nodes: Vec::new(),
            names: Unique::by(legal_name),
            scope: String::new(),
            behind: Vec::new(),
            constants: HashMap::new(),
            shapes: HashMap::new(),
        }
    }

    /// A name that nothing else has.
    pub(super) fn reserve(&mut self, wished: &str) -> String {
        self.names.name(wished)
    }

    /// Begins with what goes by a name and runs behind nodes.
    pub(super) fn begin(&mut self, scope: &str, behind: Vec<usize>) {
        scope.clone_into(&mut self.scope);
        self.behind = behind;
    }

    /// Leaves what was begun; gives what begins it again.
    pub(super) fn leave(&mut self) -> (String, Vec<usize>) {
        (std::mem::take(&mut self.scope), std::mem::take(&mut self.behind))
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn name_of(&self, node: usize) -> &str {
        self.nodes.get(node).map_or("", |node| &node.name)
    }

    /// Gives a node a name that was reserved.
    pub(super) fn rename(&mut self, node: usize, name: String) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.name = name;
        }
    }

    /// Has a node run behind another, which comes before it.
    pub(super) fn order(&mut self, before: usize, node: usize) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.control.push(before);
        }
    }

    /// What a function is given.
    pub(super) fn argument(&mut self, name: &str, dtype: i32) -> Port {
        let name = self.names.name(&name.to_lowercase().replace(['/', '.', '-'], "_"));
        self.nodes.push(Written {
            name,
            op: String::new(),
            inputs: Vec::new(),
            control: Vec::new(),
            attributes: of_attributes(vec![of_type("T", dtype)]),
            is_argument: true,
        });
        Port { node: self.nodes.len() - 1, output: 0, dtype }
    }

    /// A node, whose first output has elements of the type.
    pub(super) fn node(&mut self, op: &str, inputs: &[Port], attributes: Vec<Named>, dtype: i32) -> Port {
        let wished = if self.scope.is_empty() { op.to_owned() } else { format!("{}/{op}", self.scope) };
        let name = self.names.name(&wished);
        self.named(name, op, inputs, attributes, dtype)
    }

    /// The same by a name that was reserved.
    pub(super) fn named(
        &mut self,
        name: String,
        op: &str,
        inputs: &[Port],
        attributes: Vec<Named>,
        dtype: i32,
    ) -> Port {
        self.nodes.push(Written {
            name,
            op: op.to_owned(),
            inputs: inputs.to_vec(),
            control: if op == "Const" { Vec::new() } else { self.behind.clone() },
            attributes: of_attributes(attributes),
            is_argument: false,
        });
        Port { node: self.nodes.len() - 1, output: 0, dtype }
    }

    /// An op of operands of one type, which its result has too.
    pub(super) fn same(&mut self, op: &str, inputs: &[Port]) -> Port {
        let dtype = inputs.last().map_or(0, |input| input.dtype);
        self.node(op, inputs, vec![of_type("T", dtype)], dtype)
    }

    /// A comparison of operands of one type.
    pub(super) fn compare(&mut self, op: &str, inputs: &[Port]) -> Port {
        let dtype = inputs.last().map_or(0, |input| input.dtype);
        self.node(op, inputs, vec![of_type("T", dtype)], number(DType::Bool))
    }

    /// An op of booleans.
    pub(super) fn logical(&mut self, op: &str, inputs: &[Port]) -> Port {
        self.node(op, inputs, Vec::new(), number(DType::Bool))
    }

    pub(super) fn cast(&mut self, x: Port, to: i32) -> Port {
        if x.dtype == to {
            return x;
        }
        self.node("Cast", &[x], vec![of_type("SrcT", x.dtype), of_type("DstT", to)], to)
    }

    pub(super) fn select(&mut self, condition: Port, a: Port, b: Port) -> Port {
        self.same("SelectV2", &[condition, a, b])
    }

    /// An array.
    pub(super) fn constant(&mut self, value: &Value) -> Port {
        let dtype = number(value.dtype());
        let proto = Attr::Tensor(tensor::proto(value));
        self.node("Const", &[], vec![of_type("dtype", dtype), ("value", proto)], dtype)
    }

    /// A number of an element type of ours.
    pub(super) fn scalar(&mut self, number: f64, dtype: i32) -> Port {
        use crate::element::Numeric;
        let own = tensor::dtype(dtype, false).unwrap_or(DType::F32);
        let value = match own {
            DType::F32 => Value::scalar(f32::from_f64(number)),
            DType::F64 => Value::scalar(number),
            DType::I32 => Value::scalar(i32::from_f64(number)),
            DType::I64 => Value::scalar(i64::from_f64(number)),
            DType::Bool => Value::scalar(number != 0.0),
        };
        self.constant(&value)
    }

    /// Whole numbers of a type, of which there is one constant.
    fn whole(&mut self, numbers: &[i64], is_scalar: bool, dtype: DType) -> Port {
        let key = (number(dtype), numbers.to_vec(), is_scalar);
        if let Some(&known) = self.constants.get(&key) {
            return known;
        }
        let dims: Vec<usize> = if is_scalar { Vec::new() } else { vec![numbers.len()] };
        let dims = ndarray::IxDyn(&dims);
        let value = if dtype == DType::I32 {
            let narrow =
                |&number: &i64| i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX });
            ndarray::ArrayD::from_shape_vec(dims, numbers.iter().map(narrow).collect()).map(Value::from)
        } else {
            ndarray::ArrayD::from_shape_vec(dims, numbers.to_vec()).map(Value::from)
        };
        // There are as many as the lengths say.
        let made = self.constant(&value.unwrap_or(Value::scalar(0_i64)));
        self.constants.insert(key, made);
        made
    }

    /// Whole numbers of 64 bits.
    pub(super) fn longs(&mut self, numbers: &[i64]) -> Port {
        self.whole(numbers, false, DType::I64)
    }

    pub(super) fn long(&mut self, number: i64) -> Port {
        self.whole(&[number], true, DType::I64)
    }

    /// Whole numbers of 32 bits.
    pub(super) fn ints(&mut self, numbers: &[i64]) -> Port {
        self.whole(numbers, false, DType::I32)
    }

    pub(super) fn int(&mut self, number: i64) -> Port {
        self.whole(&[number], true, DType::I32)
    }

    /// The lengths of a tensor, of 64 bits.
    pub(super) fn shape(&mut self, x: Port) -> Port {
        if let Some(&known) = self.shapes.get(&(x, None)) {
            return known;
        }
        let attributes = vec![of_type("T", x.dtype), of_type("out_type", number(I64))];
        let shape = self.node("Shape", &[x], attributes, number(I64));
        self.shapes.insert((x, None), shape);
        shape
    }

    /// The length of an axis, of 64 bits.
    pub(super) fn length(&mut self, x: Port, axis: usize) -> Port {
        if let Some(&known) = self.shapes.get(&(x, Some(axis))) {
            return known;
        }
        let shape = self.shape(x);
        let axis_number = axis as i64;
        let [begin, end, one] = [[axis_number], [axis_number + 1], [1]].map(|at| self.longs(&at));
        let attributes = vec![
            of_type("T", number(I64)),
            of_type("Index", number(I64)),
            ("shrink_axis_mask", Attr::Int(1)),
        ];
        let length = self.node("StridedSlice", &[shape, begin, end, one], attributes, number(I64));
        self.shapes.insert((x, Some(axis)), length);
        length
    }

    /// The largest of lengths of what is repeated to each other's, unless one is 0.
    pub(super) fn longest(&mut self, lengths: &[Port]) -> Port {
        let Some((&first, rest)) = lengths.split_first() else { return self.long(0) };
        if rest.iter().all(|&length| length == first) {
            return first;
        }
        let one = self.long(1);
        let [largest, least] = [("Maximum", first), ("Minimum", one)]
            .map(|(op, begin)| lengths.iter().fold(begin, |all, &length| self.same(op, &[all, length])));
        self.same("Mul", &[largest, least])
    }

    /// Tensors of one type as the rows of one along a new axis.
    pub(super) fn pack(&mut self, parts: &[Port], axis: i64) -> Port {
        let dtype = parts.first().map_or(number(I64), |part| part.dtype);
        let attributes =
            vec![of_type("T", dtype), ("N", Attr::Int(parts.len() as i64)), ("axis", Attr::Int(axis))];
        self.node("Pack", parts, attributes, dtype)
    }

    pub(super) fn concat(&mut self, parts: &[Port], axis: i64) -> Port {
        if let [only] = parts {
            return *only;
        }
        let dtype = parts.first().map_or(number(I64), |part| part.dtype);
        let axis = self.int(axis);
        let inputs = [parts, &[axis]].concat();
        self.node("ConcatV2", &inputs, vec![of_type("T", dtype), ("N", Attr::Int(parts.len() as i64))], dtype)
    }

    pub(super) fn reshape(&mut self, x: Port, lengths: Port) -> Port {
        let attributes = vec![of_type("T", x.dtype), of_type("Tshape", lengths.dtype)];
        self.node("Reshape", &[x, lengths], attributes, x.dtype)
    }

    pub(super) fn broadcast(&mut self, x: Port, lengths: Port) -> Port {
        let attributes = vec![of_type("T", x.dtype), of_type("Tidx", lengths.dtype)];
        self.node("BroadcastTo", &[x, lengths], attributes, x.dtype)
    }

    pub(super) fn transpose(&mut self, x: Port, axes: &[usize]) -> Port {
        let axes: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
        let axes = self.ints(&axes);
        self.node("Transpose", &[x, axes], vec![of_type("T", x.dtype)], x.dtype)
    }

    /// A tensor with axes backwards.
    pub(super) fn reverse(&mut self, x: Port, axes: &[usize]) -> Port {
        let axes: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
        let axes = self.ints(&axes);
        self.node("ReverseV2", &[x, axes], vec![of_type("T", x.dtype), of_type("Tidx", axes.dtype)], x.dtype)
    }

    /// A reduction by an op along axes, which disappear unless they are kept.
    pub(super) fn reduce(&mut self, op: &str, x: Port, axes: &[usize], keep: bool) -> Port {
        let axes: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
        let axes = self.ints(&axes);
        let mut attributes = vec![("keep_dims", Attr::Bool(keep))];
        if x.dtype != number(DType::Bool) {
            attributes.push(of_type("T", x.dtype));
        }
        self.node(op, &[x, axes], attributes, x.dtype)
    }

    pub(super) fn identity(&mut self, x: Port) -> Port {
        self.same("Identity", &[x])
    }

    /// The graph's nodes.
    pub(super) fn into_graph(self) -> Vec<NodeDef> {
        let names: Vec<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        let name = |port: &Port| names.get(port.node).cloned().unwrap_or_default();
        let input = |port: &Port| match port.output {
            0 => name(port),
            output => format!("{}:{output}", name(port)),
        };
        let nodes = self.nodes.into_iter();
        nodes.map(|node| node.into_def(&names, input)).collect()
    }

    /// A function that gives these.
    pub(super) fn into_function(self, name: String, outputs: &[Port]) -> FunctionDef {
        let is_argument: Vec<bool> = self.nodes.iter().map(|node| node.is_argument).collect();
        let ops: Vec<String> = self.nodes.iter().map(|node| node.op.clone()).collect();
        let names: Vec<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        let input = |port: &Port| {
            // What could not be written is told elsewhere.
            let (Some(name), Some(op)) = (names.get(port.node), ops.get(port.node)) else {
                return String::new();
            };
            if is_argument.get(port.node) == Some(&true) {
                return name.clone();
            }
            match outputs_of(op) {
                [only] => format!("{name}:{only}:{}", port.output),
                several => {
                    let output = several.get(port.output as usize).copied().unwrap_or("output");
                    format!("{name}:{output}:0")
                }
            }
        };
        let ret = outputs.iter().enumerate().map(|(index, port)| (format!("result_{index}"), input(port)));
        let ret = ret.collect();
        let output_arg = outputs.iter().enumerate();
        let output_arg = output_arg
            .map(|(index, port)| ArgDef { name: format!("result_{index}"), r#type: port.dtype })
            .collect();
        let (arguments, nodes): (Vec<Written>, Vec<Written>) =
            self.nodes.into_iter().partition(|node| node.is_argument);
        let argument = |node: Written| {
            let dtype = match node.attributes.get("T").and_then(|value| value.value.as_ref()) {
                Some(Attr::Type(dtype)) => *dtype,
                _ => 0,
            };
            ArgDef { name: node.name, r#type: dtype }
        };
        let input_arg = arguments.into_iter().map(argument).collect();
        FunctionDef {
            signature: Some(OpDef { name, input_arg, output_arg }),
            node_def: nodes.into_iter().map(|node| node.into_def(&names, input)).collect(),
            ret,
            control_ret: BTreeMap::new(),
        }
    }
}

fn of_attributes(attributes: Vec<Named>) -> BTreeMap<String, AttrValue> {
    let valued = |(name, value): Named| (name.to_owned(), AttrValue { value: Some(value) });
    attributes.into_iter().map(valued).collect()
}

impl Written {
    fn into_def(mut self, names: &[String], input: impl Fn(&Port) -> String) -> NodeDef {
        self.control.sort_unstable();
        self.control.dedup();
        let control = self.control.iter().filter_map(|&before| names.get(before));
        let control = control.map(|before| format!("^{before}"));
        NodeDef {
            input: self.inputs.iter().map(&input).chain(control).collect(),
            name: self.name,
            op: self.op,
            attr: self.attributes,
        }
    }
}
