//! [`Restores`]: where variables lie in a checkpoint, as the graph's own ops say.
//!
//! A graph that has a `Saver`, and each `SavedModel`, says by its ops for saving and restoring under which name of a
//! checkpoint each variable lies, and which part of a partitioned one it is. These ops are read and not built. In a graph
//! that has none, each variable lies under its own name.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::error::GraphDefError;
use super::frames::source;
use super::nodes::{Node, Nodes, Port};
use crate::element::{Value, with_element};
use crate::io::elements::filled;
use crate::io::tensor_bundle::PartOf;
use crate::io::tensorflow::Attr;
use crate::quote::quoted;

/// The ops that read a checkpoint.
const RESTORING: [&str; 3] = ["Restore", "RestoreSlice", "RestoreV2"];

/// Where the value of a variable lies in a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) key: String,
    /// None for all of it.
    pub(super) part: Option<PartOf>,
}

/// Where the graph restores each variable from and saves it to, by its name.
#[derive(Clone, Debug, Default)]
pub(super) struct Restores {
    restored: HashMap<String, Vec<Stored>>,
    saved: HashMap<String, Vec<Stored>>,
}

impl Restores {
    /// What the nodes of a graph restore and save, and the functions that these call.
    pub(super) fn of(nodes: &Nodes, functions: &HashMap<String, Nodes>) -> Self {
        let mut all = Restores::default();
        let variable = |port: Port| Some(variable_name(nodes, read(nodes, port).node)?.to_owned());
        all.collect(nodes, &variable);
        let mut seen = HashSet::new();
        for call in nodes.all.iter().filter(|node| node.op.ends_with("PartitionedCall")) {
            let Some(Attr::Func(function)) = call.attr("f") else { continue };
            // A model calls the one that restores once.
            if !seen.insert(function.name.as_str()) {
                continue;
            }
            let Some(inside) = functions.get(&function.name) else { continue };
            let argument = |port: Port| {
                let place = read(inside, port).node;
                let own = variable_name(inside, place).map(str::to_owned);
                own.or_else(|| variable(*call.inputs.get(place).filter(|_| place < inside.parameters)?))
            };
            all.collect(inside, &argument);
        }
        all
    }

    /// Those that restore these and save none.
    #[cfg(test)]
    pub(super) fn restoring(restored: HashMap<String, Vec<Stored>>) -> Self {
        Restores { restored, saved: HashMap::new() }
    }

    /// Adds what the nodes restore to the variables that they assign to, and what they save of variables.
    fn collect(&mut self, nodes: &Nodes, variable: &dyn Fn(Port) -> Option<String>) {
        fn add(to: &mut HashMap<String, Vec<Stored>>, variable: String, stored: Stored) {
            let places = to.entry(variable).or_default();
            if !places.contains(&stored) {
                places.push(stored);
            }
        }
        for node in &nodes.all {
            match (node.op.as_str(), &node.inputs[..]) {
                ("Assign" | "AssignVariableOp", &[to, value, ..]) => {
                    let value = source(nodes, value);
                    let from = nodes.all.get(value.node).filter(|from| RESTORING.contains(&from.op.as_str()));
                    let stored = from.and_then(|from| stored(nodes, from, value.output));
                    if let (Some(stored), Some(variable)) = (stored, variable(to)) {
                        add(&mut self.restored, variable, stored);
                    }
                }
                ("Save", [_, _, values @ ..]) | ("SaveSlices" | "SaveV2", [_, _, _, values @ ..]) => {
                    for (place, &value) in values.iter().enumerate() {
                        if let (Some(stored), Some(variable)) = (stored(nodes, node, place), variable(value))
                        {
                            add(&mut self.saved, variable, stored);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Where a variable may lie: the first place that a checkpoint has is the one. None if others are restored alone.
    pub(super) fn places(&self, variable: &str) -> Option<Vec<Stored>> {
        match self.restored.get(variable) {
            Some(places) => Some(places.clone()),
            None if self.restored.is_empty() => Some(vec![Stored { key: variable.to_owned(), part: None }]),
            None => None,
        }
    }

    /// Where a variable is written to: where the graph saves it, or else where it restores it from.
    fn place(&self, variable: &str) -> Option<&Stored> {
        [&self.saved, &self.restored].into_iter().find_map(|all| all.get(variable)?.first())
    }

    /// Values of variables by the names of the checkpoint, those of partitioned ones as a whole. A variable that the graph
    /// neither saves nor restores has its own name there, unless another one is saved under it.
    ///
    /// # Errors
    /// Two variables under one name, and parts that do not make a whole, each element once.
    pub(super) fn to_keys(
        &self,
        values: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<BTreeMap<String, Value>, GraphDefError> {
        let mut all: BTreeMap<String, Value> = BTreeMap::new();
        let mut parts: BTreeMap<&str, Vec<(String, &PartOf, Value)>> = BTreeMap::new();
        let mut unnamed = Vec::new();
        for (variable, value) in values {
            match self.place(&variable) {
                None => unnamed.push((variable, value)),
                Some(Stored { key, part: Some(part) }) => {
                    parts.entry(key).or_default().push((variable, part, value));
                }
                Some(Stored { key, part: None }) => {
                    if all.insert(key.clone(), value).is_some() {
                        return Err(twice(variable, key));
                    }
                }
            }
        }
        for (key, parts) in parts {
            let (whole, last) = joined(key, parts)?;
            if all.insert(key.to_owned(), whole).is_some() {
                return Err(twice(last, key));
            }
        }
        for (variable, value) in unnamed {
            all.entry(variable).or_insert(value);
        }
        Ok(all)
    }
}

/// The whole that the parts of a partitioned variable make, and the name of the last part.
fn joined(key: &str, parts: Vec<(String, &PartOf, Value)>) -> Result<(Value, String), GraphDefError> {
    let count = |lengths: &[usize]| lengths.iter().try_fold(1_usize, |all, &length| all.checked_mul(length));
    let held = parts.iter().try_fold(0_usize, |held, (_, _, value)| held.checked_add(count(value.shape())?));
    // The array, and which of its elements are there.
    let mut made: Option<(Value, Value)> = None;
    let mut last = String::new();
    for (variable, part, value) in parts {
        let whole = part.whole();
        let refuse = |found: String| GraphDefError::Node {
            node: variable.clone(),
            expected: format!("a part of `{}`, whose parts make {whole:?}, each element once", quoted(key)),
            found,
        };
        // So no memory is taken for more than the parts have.
        if held.is_none() || held != count(whole) {
            return Err(refuse(format!("parts of {} elements in all", held.unwrap_or(usize::MAX))));
        }
        let other = || {
            let lengths = part.lengths();
            refuse(format!("{}{:?} for a part of {lengths:?}", value.dtype(), value.shape()))
        };
        let lacking = |_| refuse("no memory for it".to_owned());
        let (array, seen) = if let Some(made) = made.take() {
            made
        } else {
            let array = with_element!(value.dtype(), T => filled(T::default(), whole).map(Value::from));
            (array.map_err(lacking)?, filled(false, whole).map(Value::from).map_err(lacking)?)
        };
        let before = part.of(&seen).and_then(Value::into_array::<bool>).ok_or_else(other)?;
        if before.iter().any(|&is_there| is_there) {
            return Err(refuse("a part with elements of another".to_owned()));
        }
        let all = filled(true, part.lengths()).map(Value::from).map_err(lacking)?;
        let array = part.put(array, &value).ok_or_else(other)?;
        made = Some((array, part.put(seen, &all).ok_or_else(other)?));
        last = variable;
    }
    let (array, _) = made.ok_or_else(|| twice(last.clone(), key))?;
    Ok((array, last))
}

/// Two variables of one key.
fn twice(node: String, key: &str) -> GraphDefError {
    let (expected, found) = ("a name of its own in the checkpoint", "which another variable has");
    GraphDefError::Node { node, expected: expected.to_owned(), found: format!("`{}`, {found}", quoted(key)) }
}

/// The name of a variable, as it is shared among nodes, if the node is one.
fn variable_name(nodes: &Nodes, place: usize) -> Option<&str> {
    let node = nodes.all.get(place)?;
    if !matches!(node.op.as_str(), "VarHandleOp" | "Variable" | "VariableV2") {
        return None;
    }
    match node.attr("shared_name") {
        Some(Attr::Bytes(shared)) if !shared.is_empty() => std::str::from_utf8(shared).ok(),
        _ => Some(&node.name),
    }
}

/// What is behind identities and the op that reads a variable.
fn read(nodes: &Nodes, port: Port) -> Port {
    let port = source(nodes, port);
    let reader = nodes.all.get(port.node).filter(|node| node.op == "ReadVariableOp");
    reader.and_then(|reader| reader.inputs.first()).map_or(port, |&handle| source(nodes, handle))
}

/// Where one of the tensors of an op for saving or restoring lies.
fn stored(nodes: &Nodes, node: &Node, place: usize) -> Option<Stored> {
    let text = |input: usize| text(nodes, *node.inputs.get(input)?, place);
    let key = text(1)?;
    let part = if matches!(node.op.as_str(), "Restore" | "Save") { String::new() } else { text(2)? };
    let part = if part.is_empty() { None } else { Some(PartOf::parse(&part)?) };
    Some(Stored { key, part })
}

/// One of the texts that a constant holds, of which the last is repeated.
fn text(nodes: &Nodes, port: Port, place: usize) -> Option<String> {
    let node = nodes.all.get(source(nodes, port).node).filter(|node| node.op == "Const")?;
    let Some(Attr::Tensor(proto)) = node.attr("value") else { return None };
    let text = proto.string_val.get(place).or_else(|| proto.string_val.last());
    String::from_utf8(text.cloned().unwrap_or_default()).ok()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::io::tensorflow::{AttrValue, NodeDef, TensorProto};

    fn node(name: &str, op: &str, inputs: &[&str]) -> NodeDef {
        let input = inputs.iter().map(|&input| input.to_owned()).collect();
        NodeDef { name: name.to_owned(), op: op.to_owned(), input, ..NodeDef::default() }
    }

    fn texts(name: &str, texts: &[&str]) -> NodeDef {
        let string_val = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        let value = Attr::Tensor(TensorProto { string_val, ..TensorProto::default() });
        let attr = [("value".to_owned(), AttrValue { value: Some(value) })].into();
        NodeDef { attr, ..node(name, "Const", &[]) }
    }

    /// Variables `a` and `b`, which are restored from `keys`, and those that `save` writes.
    fn restores(keys: &[&str], slices: &[&str], save: Option<NodeDef>) -> Restores {
        let nodes = [
            node("a", "VarHandleOp", &[]),
            node("b", "VarHandleOp", &[]),
            texts("file", &["file"]),
            texts("keys", keys),
            texts("slices", slices),
            node("restore", "RestoreV2", &["file", "keys", "slices"]),
            node("to_a", "AssignVariableOp", &["a", "restore"]),
            node("to_b", "AssignVariableOp", &["b", "restore:1"]),
            texts("own", &["saved/a", "saved/b"]),
            texts("whole", &[""]),
            node("read_a", "ReadVariableOp", &["a"]),
            node("read_b", "ReadVariableOp", &["b"]),
            node("same_b", "Identity", &["read_b"]),
        ];
        let nodes = Nodes::of_graph(nodes.into_iter().chain(save).collect()).unwrap();
        Restores::of(&nodes, &HashMap::new())
    }

    fn values() -> [(String, Value); 2] {
        [("a".to_owned(), array![1.0_f32, 2.0].into()), ("b".to_owned(), array![3.0_f32].into())]
    }

    fn refused(restores: &Restores) -> String {
        restores.to_keys(values()).unwrap_err().to_string()
    }

    /// A graph may start a variable from the average of another, and save neither under its name.
    #[test]
    fn saving_has_names_of_its_own() {
        let inputs = ["file", "own", "whole", "read_a", "same_b"];
        let with = restores(&["average", "b"], &[""], Some(node("save", "SaveV2", &inputs)));
        assert_eq!(with.places("a").unwrap(), [Stored { key: "average".to_owned(), part: None }]);
        let saved = with.to_keys(values()).unwrap();
        assert_eq!(saved.keys().collect::<Vec<_>>(), ["saved/a", "saved/b"]);

        let without = restores(&["average", "b"], &[""], None).to_keys(values()).unwrap();
        assert_eq!(without.keys().collect::<Vec<_>>(), ["average", "b"]);
        let old = node("save", "Save", &["file", "own", "a", "b"]);
        let saved = restores(&["average", "b"], &[""], Some(old)).to_keys(values()).unwrap();
        assert_eq!(saved.keys().collect::<Vec<_>>(), ["saved/a", "saved/b"]);
    }

    #[test]
    fn a_key_has_one_variable() {
        let found = refused(&restores(&["w", "w"], &[""], None));
        assert!(found.contains("node `b`: expected a name of its own in the checkpoint, got `w`"), "{found}");
        // What the graph does not name gives way.
        let inputs = ["file", "other", "whole", "read_a"];
        let mut nodes = vec![node("a", "VarHandleOp", &[]), texts("file", &[""]), texts("whole", &[""])];
        nodes.extend([texts("other", &["b"]), node("read_a", "ReadVariableOp", &["a"])]);
        nodes.push(node("save", "SaveV2", &inputs));
        let one = Restores::of(&Nodes::of_graph(nodes).unwrap(), &HashMap::new());
        let saved = one.to_keys(values()).unwrap();
        assert_eq!(saved, [("b".to_owned(), array![1.0_f32, 2.0].into())].into());
    }

    #[test]
    fn parts_make_the_whole() {
        let whole = restores(&["w", "w"], &["3 1,2", "3 0,1"], None).to_keys(values()).unwrap();
        assert_eq!(whole, [("w".to_owned(), array![3.0_f32, 1.0, 2.0].into())].into());
        for (slices, expected) in [
            (["3 0,2", "3 1,1"], "a part with elements of another"),
            (["4 0,2", "4 2,1"], "parts of 3 elements in all"),
            (["3 0,1", "3 1,2"], "got f32[2] for a part of [1]"),
            (["9999999999999 0,2", "9999999999999 2,1"], "parts of 3 elements in all"),
        ] {
            let found = refused(&restores(&["w", "w"], &slices, None));
            assert!(found.contains(expected), "{found}");
        }
        let found = refused(&restores(&["w", "w"], &["2 0,2", ""], None));
        assert!(found.contains("node `a`: expected a name of its own in the checkpoint, got `w`"), "{found}");
    }
}
