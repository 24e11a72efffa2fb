//! Messages of ONNX written by hand, field by field.

/// A number as the wire has it.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 127 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A field that is an integer.
pub(crate) fn int(field: u64, number: i64) -> Vec<u8> {
    [varint(field << 3), varint(number as u64)].concat()
}

/// A field that is a text, bytes or a message.
pub(crate) fn bytes(field: u64, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

/// A node of a domain, with attributes.
pub(crate) fn node_of(
    domain: &str,
    op: &str,
    inputs: &[&str],
    outputs: &[&str],
    attributes: &[Vec<u8>],
) -> Vec<u8> {
    let names =
        |field: u64, names: &[&str]| names.iter().flat_map(|name| bytes(field, name)).collect::<Vec<u8>>();
    let attributes: Vec<u8> = attributes.iter().flat_map(|attribute| bytes(5, attribute)).collect();
    [names(1, inputs), names(2, outputs), bytes(4, op), attributes, bytes(7, domain)].concat()
}

pub(crate) fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> Vec<u8> {
    node_of("", op, inputs, outputs, &[])
}

pub(crate) fn int_attribute(name: &str, number: i64) -> Vec<u8> {
    [bytes(1, name), int(3, number), int(20, 2)].concat()
}

pub(crate) fn graph_attribute(name: &str, graph: &[u8]) -> Vec<u8> {
    [bytes(1, name), bytes(6, graph), int(20, 5)].concat()
}

/// A tensor of an element type, with raw data.
pub(crate) fn tensor(name: &str, element: i64, lengths: &[i64], raw: &[u8]) -> Vec<u8> {
    let lengths: Vec<u8> = lengths.iter().flat_map(|&length| int(1, length)).collect();
    [lengths, int(2, element), bytes(8, name), bytes(9, raw)].concat()
}

pub(crate) fn floats(name: &str, lengths: &[i64], numbers: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    tensor(name, 1, lengths, &raw)
}

pub(crate) fn longs(name: &str, numbers: &[i64]) -> Vec<u8> {
    let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    tensor(name, 7, &[numbers.len() as i64], &raw)
}

/// A value of an element type; lengths below 0 are named `n`.
pub(crate) fn value(name: &str, element: i64, lengths: &[i64]) -> Vec<u8> {
    let length = |&length: &i64| bytes(1, if length < 0 { bytes(2, "n") } else { int(1, length) });
    let shape: Vec<u8> = lengths.iter().flat_map(length).collect();
    [bytes(1, name), bytes(2, bytes(1, [int(1, element), bytes(2, shape)].concat()))].concat()
}

/// A graph of nodes, initializers, inputs, and outputs by name.
pub(crate) fn graph(
    nodes: &[Vec<u8>],
    initializers: &[Vec<u8>],
    inputs: &[Vec<u8>],
    outputs: &[&str],
) -> Vec<u8> {
    let all = |field: u64, messages: &[Vec<u8>]| {
        messages.iter().flat_map(|it| bytes(field, it)).collect::<Vec<u8>>()
    };
    let outputs: Vec<Vec<u8>> = outputs.iter().map(|output| bytes(1, output)).collect();
    [all(1, nodes), all(5, initializers), all(11, inputs), all(12, &outputs)].concat()
}

/// A model of opset 21 with functions.
pub(crate) fn model_with(graph: &[u8], functions: &[Vec<u8>]) -> Vec<u8> {
    let opsets = [bytes(8, int(2, 21)), bytes(8, [bytes(1, "local"), int(2, 1)].concat())].concat();
    let functions: Vec<u8> = functions.iter().flat_map(|function| bytes(25, function)).collect();
    [int(1, 10), bytes(7, graph), opsets, functions].concat()
}

pub(crate) fn model(graph: &[u8]) -> Vec<u8> {
    model_with(graph, &[])
}
