//! [`Writer`]: nodes of ONNX, with names that are used once in the whole model, bodies included.
//!
//! Arrays that are told more than once are one initializer. Invariant: a node comes behind those whose outputs it takes.

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::{arr0, arr1};

use crate::element::{DType, Value};
use crate::graph::op::Attributes;
use crate::io::elements::encode;
use crate::io::export::names::Unique;
use crate::io::onnx::messages::{
    AttributeProto, DimensionProto, DimensionValue, GraphProto, NodeProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto, kind,
};
use crate::io::onnx::types;
use crate::ir::ScalarValue;
use crate::shape::{Shape, TensorType};

/// A length as far as it is known: a number, or a name that stands for the same length wherever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Dim {
    Known(usize),
    Named(Arc<str>),
    Unknown,
}

impl Dim {
    /// Whether both are the same length in every run.
    pub(super) fn is(&self, other: &Dim) -> bool {
        *self != Dim::Unknown && self == other
    }
}

/// A value of the model.
#[derive(Clone, Debug)]
pub(super) struct Val {
    pub(super) name: String,
    pub(super) dtype: DType,
    pub(super) dims: Vec<Dim>,
    /// Whether it stands for a length: the name is that of an array of one integer then.
    pub(super) is_length: bool,
}

impl Val {
    pub(super) fn rank(&self) -> usize {
        self.dims.len()
    }

    /// The type as far as it is known.
    pub(super) fn of_type(&self) -> TensorType {
        let known = |dim: &Dim| if let Dim::Known(length) = dim { Some(*length) } else { None };
        TensorType::new(self.dtype, Shape::from(self.dims.iter().map(known).collect::<Vec<_>>()))
    }

    /// All lengths, if they are numbers.
    pub(super) fn known(&self) -> Option<Vec<usize>> {
        let known = |dim: &Dim| if let Dim::Known(length) = dim { Some(*length) } else { None };
        self.dims.iter().map(known).collect()
    }
}

/// Names of ONNX are any text; an empty one stands for nothing.
fn legal(name: &str) -> String {
    if name.is_empty() { "value".to_owned() } else { name.to_owned() }
}

/// What made a value: for ops that are one of ONNX's together with the op before them.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) op: &'static str,
    pub(super) attributes: Attributes,
    pub(super) inputs: Vec<Val>,
}

#[derive(Debug)]
pub(super) struct Writer {
    /// The nodes of the graph that is written, behind those of the graphs around it.
    nodes: Vec<Vec<NodeProto>>,
    pub(super) initializers: Vec<TensorProto>,
    /// Small arrays that are there, by type, lengths and bytes.
    held: HashMap<(i32, Vec<i64>, Vec<u8>), String>,
    /// Bytes of all initializers.
    pub(super) bytes: usize,
    values: Unique,
    node_names: Unique,
    /// What made values, by their names.
    pub(super) made: HashMap<String, Made>,
    /// What names of values begin with: that of the node that is written.
    pub(super) prefix: String,
}

impl Writer {
    pub(super) fn new() -> Self {
        Writer {
            nodes: vec![Vec::new()],
            initializers: Vec::new(),
            held: HashMap::new(),
            bytes: 0,
            values: Unique::by(legal),
            node_names: Unique::by(legal),
            made: HashMap::new(),
            prefix: String::new(),
        }
    }

    /// A name that no value has yet.
    pub(super) fn fresh(&mut self, wished: &str) -> String {
        self.values.name(wished)
    }

    /// A node with one output.
    pub(super) fn op(&mut self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        let outputs = self.ops(op, inputs, attributes, 1);
        outputs.into_iter().next().unwrap_or_default()
    }

    /// A node with so many outputs.
    pub(super) fn ops(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
        outputs: usize,
    ) -> Vec<String> {
        let wished = self.prefix.clone();
        let output: Vec<String> = (0..outputs).map(|_| self.values.name(&wished)).collect();
        let name = self.node_names.name(&wished);
        let node = NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: output.clone(),
            name,
            op_type: op.to_owned(),
            attribute: attributes,
            domain: String::new(),
            overload: String::new(),
        };
        if let Some(nodes) = self.nodes.last_mut() {
            nodes.push(node);
        }
        output
    }

    /// Gives a value another name as well.
    pub(super) fn named(&mut self, value: &str, name: &str) {
        let node = NodeProto {
            input: vec![value.to_owned()],
            output: vec![name.to_owned()],
            name: self.node_names.name(name),
            op_type: "Identity".to_owned(),
            ..NodeProto::default()
        };
        if let Some(nodes) = self.nodes.last_mut() {
            nodes.push(node);
        }
    }

    /// Begins a graph inside the one that is written.
    pub(super) fn open(&mut self) {
        self.nodes.push(Vec::new());
    }

    /// Ends it: gives its nodes.
    pub(super) fn close(&mut self) -> Vec<NodeProto> {
        self.nodes.pop().unwrap_or_default()
    }

    /// An array; small ones are there once.
    pub(super) fn array(&mut self, value: &Value) -> String {
        /// Elements of an array that is looked for among others.
        const SMALL: usize = 64;
        let tensor = tensor(value);
        let is_small = value.shape().iter().product::<usize>() <= SMALL;
        let key = (tensor.data_type, tensor.dims.clone(), tensor.raw_data.clone().unwrap_or_default());
        if let Some(name) = self.held.get(&key).filter(|_| is_small) {
            return name.clone();
        }
        let name = self.values.name("constant");
        if is_small {
            self.held.insert(key, name.clone());
        }
        self.initializer(&name, tensor);
        name
    }

    /// An array of that name.
    pub(super) fn initializer(&mut self, name: &str, tensor: TensorProto) {
        self.bytes += tensor.raw_data.as_ref().map_or(0, Vec::len);
        self.initializers.push(TensorProto { name: name.to_owned(), ..tensor });
    }

    /// Integers, as lengths and axes are told.
    pub(super) fn ints(&mut self, ints: &[i64]) -> String {
        self.array(&arr1(ints).into())
    }

    /// An integer without axes.
    pub(super) fn int(&mut self, int: i64) -> String {
        self.array(&arr0(int).into())
    }

    /// A number of a type.
    pub(super) fn number(&mut self, number: f64, dtype: DType) -> String {
        self.array(&ScalarValue::number(number, dtype).to_value())
    }

    /// The lengths of a value, as an array of integers.
    pub(super) fn shape(&mut self, of: &Val) -> String {
        if of.is_length {
            return of.name.clone();
        }
        match of.known() {
            Some(known) => self.ints(&known.iter().map(|&length| length as i64).collect::<Vec<_>>()),
            None => self.op("Shape", &[&of.name], Vec::new()),
        }
    }

    /// The length of one axis of a value, as an array of one integer.
    pub(super) fn length(&mut self, of: &Val, axis: usize) -> String {
        match of.dims.get(axis) {
            Some(Dim::Known(length)) => self.ints(&[*length as i64]),
            _ => self.op("Shape", &[&of.name], vec![int("start", axis as i64), int("end", axis as i64 + 1)]),
        }
    }

    pub(super) fn cast(&mut self, value: &str, dtype: DType) -> String {
        self.op("Cast", &[value], vec![int("to", types::number_of(dtype).into())])
    }

    pub(super) fn reshape(&mut self, value: &str, lengths: &str) -> String {
        // A length of 0 is one, and not that of the input.
        self.op("Reshape", &[value, lengths], vec![int("allowzero", 1)])
    }

    /// The value with axes of length 1 more, at these places of the result.
    pub(super) fn unsqueeze(&mut self, value: &str, axes: &[i64]) -> String {
        let axes = self.ints(axes);
        self.op("Unsqueeze", &[value, &axes], Vec::new())
    }

    pub(super) fn transpose(&mut self, value: &str, order: &[i64]) -> String {
        self.op("Transpose", &[value], vec![ints("perm", order.to_vec())])
    }

    /// The elements of one axis from an index to before another, so many apart.
    pub(super) fn slice(&mut self, value: &str, axis: usize, [start, end, step]: [i64; 3]) -> String {
        let [start, end, axis, step] = [start, end, axis as i64, step].map(|number| self.ints(&[number]));
        self.op("Slice", &[value, &start, &end, &axis, &step], Vec::new())
    }

    pub(super) fn reduce(&mut self, op: &str, value: &str, axes: &[i64], keeps: bool) -> String {
        let axes = self.ints(axes);
        let attributes = vec![int("keepdims", keeps.into()), int("noop_with_empty_axes", 1)];
        self.op(op, &[value, &axes], attributes)
    }
}

/// An array as the file has it, without a name.
pub(super) fn tensor(value: &Value) -> TensorProto {
    let mut bytes = Vec::with_capacity(encode::size(value) as usize);
    // A vector takes all bytes.
    let _ = encode::write(value, &mut bytes);
    TensorProto {
        dims: value.shape().iter().map(|&length| length as i64).collect(),
        data_type: types::number_of(value.dtype()),
        raw_data: Some(bytes),
        ..TensorProto::default()
    }
}

/// The type of a value, as inputs and outputs of graphs have it.
pub(super) fn info(name: &str, val: &Val) -> ValueInfoProto {
    let dim = |dim: &Dim| DimensionProto {
        value: match dim {
            Dim::Known(length) => Some(DimensionValue::DimValue(*length as i64)),
            Dim::Named(name) => Some(DimensionValue::DimParam(name.to_string())),
            Dim::Unknown => None,
        },
    };
    let (elem_type, dims) = if val.is_length {
        (types::number_of(DType::I64), vec![dim(&Dim::Known(1))])
    } else {
        (types::number_of(val.dtype), val.dims.iter().map(dim).collect())
    };
    let tensor_type = Some(TensorTypeProto { elem_type, shape: Some(TensorShapeProto { dim: dims }) });
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type }) }
}

fn attribute(name: &str, r#type: i32) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type, ..AttributeProto::default() }
}

pub(super) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { i, ..attribute(name, kind::INT) }
}

pub(super) fn ints(name: &str, ints: Vec<i64>) -> AttributeProto {
    AttributeProto { ints, ..attribute(name, kind::INTS) }
}

pub(super) fn text(name: &str, text: &str) -> AttributeProto {
    AttributeProto { s: text.as_bytes().to_vec(), ..attribute(name, kind::STRING) }
}

pub(super) fn graph(name: &str, graph: GraphProto) -> AttributeProto {
    AttributeProto { g: Some(graph), ..attribute(name, kind::GRAPH) }
}
