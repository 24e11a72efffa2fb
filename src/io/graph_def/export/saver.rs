//! Nodes that save variables to a checkpoint and restore them, as `tf.compat.v1.train.Saver` writes them.

use super::block::{Block, Port, of_type, of_types};
use super::writer::Writer;
use crate::io::tensorflow::element_type::STRING;
use crate::io::tensorflow::{Attr, Dim, TensorProto, TensorShapeProto};
use crate::shape::Shape;

/// Texts as a constant; of several, along an axis.
fn texts(block: &mut Block, texts: Vec<Vec<u8>>, is_one: bool) -> Port {
    let dim = if is_one { Vec::new() } else { vec![Dim { size: texts.len() as i64 }] };
    let shape = TensorShapeProto { dim, unknown_rank: false };
    let proto =
        TensorProto { dtype: STRING, tensor_shape: Some(shape), string_val: texts, ..TensorProto::default() };
    block.node("Const", &[], vec![of_type("dtype", STRING), ("value", Attr::Tensor(proto))], STRING)
}

impl Writer<'_> {
    /// Writes them, if there are variables; gives the names of the tensor that is fed the name of the file, of what is saved,
    /// and of the operation that restores.
    pub(super) fn saver(&mut self, block: &mut Block) -> Option<[String; 3]> {
        let handles: Vec<_> = self.variables.values().copied().collect();
        if handles.is_empty() {
            return None;
        }
        let scope = block.reserve("save");
        block.begin(&scope, Vec::new());
        let name = texts(block, vec![b"model".to_vec()], true);
        let attributes = vec![of_type("dtype", STRING), super::block::of_shape("shape", &Shape::scalar())];
        let file = block.node("PlaceholderWithDefault", &[name], attributes, STRING);
        let names = handles.iter().map(|handle| block.name_of(handle.resource.node).as_bytes().to_vec());
        let names: Vec<Vec<u8>> = names.collect();
        let whole = vec![Vec::new(); names.len()];
        let (names, slices) = (texts(block, names, false), texts(block, whole, false));
        let types: Vec<i32> = handles.iter().map(|handle| handle.read.dtype).collect();
        let values: Vec<Port> = handles.iter().map(|handle| handle.read).collect();
        let inputs = [&[file, names, slices], &values[..]].concat();
        let save = block.node("SaveV2", &inputs, vec![of_types("dtypes", types.clone())], 0);
        let saved = block.identity(file);
        block.order(save.node, saved.node);
        let restored = block.node("RestoreV2", &[file, names, slices], vec![of_types("dtypes", types)], 0);
        let mut assigns = Vec::with_capacity(handles.len());
        for (handle, output) in handles.iter().zip(0..) {
            let value = Port { output, dtype: handle.read.dtype, ..restored };
            let attributes = vec![of_type("dtype", value.dtype)];
            assigns.push(block.node("AssignVariableOp", &[handle.resource, value], attributes, 0).node);
        }
        let all = block.node("NoOp", &[], Vec::new(), 0);
        for assign in assigns {
            block.order(assign, all.node);
        }
        block.begin("", Vec::new());
        let tensor = |port: Port| format!("{}:0", block.name_of(port.node));
        Some([tensor(file), tensor(saved), block.name_of(all.node).to_owned()])
    }
}
