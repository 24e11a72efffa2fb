//! The graph of a model as JSON, and back; the format stands at the top of the parent module.
//!
//! A reader of hostile texts: it goes down as deep as attributes are nested, which is bounded, and what it keeps of a node
//! is a few times the text of it.

use std::borrow::Cow;
use std::fmt::Write;

use super::{Model, NodeDef, Output, Place};
use crate::DType;
use crate::graph::op::{Attribute, Attributes};
use crate::io::json::{Json, Malformed, push_string};
use crate::shape::{Axes, Shape};

/// How deep attributes may be nested.
const DEEPEST: usize = 8;

/// What stands for all axes, and for a length that is not known.
const ALL: &str = "*";
const UNKNOWN: &str = "?";

/// The text of a model without its arrays. A `String` takes all that is written to it.
pub(super) fn write(model: &Model) -> String {
    let mut text = format!("{{\"seed\":{},\"inputs\":{:?},\"outputs\":", model.seed, model.inputs);
    push_outputs(&mut text, &model.outputs);
    text.push_str(",\"nodes\":[");
    for (index, node) in model.nodes.iter().enumerate() {
        text.push_str(if index == 0 { "{\"op\":" } else { ",{\"op\":" });
        push_string(&mut text, &node.op);
        text.push_str(",\"name\":");
        push_string(&mut text, &node.name);
        text.push_str(",\"inputs\":");
        push_outputs(&mut text, &node.inputs);
        let _ = write!(text, ",\"control\":{:?},\"attributes\":", node.control);
        push_attributes(&mut text, &node.attributes);
        text.push('}');
    }
    text.push_str("]}");
    text
}

fn push_outputs(text: &mut String, outputs: &[Output]) {
    push_list(text, outputs, |text, (node, output)| {
        let _ = write!(text, "[{node},{output}]");
    });
}

/// Appends a list of what is written one after the other.
fn push_list<T>(text: &mut String, items: impl IntoIterator<Item = T>, mut push: impl FnMut(&mut String, T)) {
    text.push('[');
    for (index, item) in items.into_iter().enumerate() {
        text.push_str(if index == 0 { "" } else { "," });
        push(text, item);
    }
    text.push(']');
}

fn push_attributes(text: &mut String, attributes: &Attributes) {
    text.push('{');
    for (index, (name, attribute)) in attributes.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { "," });
        push_string(text, name);
        text.push(':');
        push_attribute(text, attribute);
    }
    text.push('}');
}

fn push_attribute(text: &mut String, attribute: &Attribute) {
    let one = |text: &mut String, kind: &str, value: &str| {
        push_kind(text, kind);
        push_string(text, value);
    };
    let many = |text: &mut String, kind: &str, values: Vec<String>| {
        push_kind(text, kind);
        push_list(text, values, |text, value| push_string(text, &value));
    };
    match attribute {
        Attribute::Bool(value) => one(text, "bool", &value.to_string()),
        Attribute::Int(value) => one(text, "int", &value.to_string()),
        // The shortest text that is this number when it is read; all NaNs are one.
        Attribute::Float(value) => one(text, "float", &format!("{value:?}")),
        Attribute::Text(value) => one(text, "text", value),
        Attribute::DType(value) => one(text, "dtype", &value.to_string()),
        Attribute::Ints(values) => many(text, "ints", values.iter().map(i64::to_string).collect()),
        Attribute::Axes(axes) => {
            let listed = axes.listed().map(|axes| axes.iter().map(isize::to_string).collect());
            let kind = if axes.keeps_dims() { "kept_axes" } else { "axes" };
            many(text, kind, listed.unwrap_or_else(|| vec![ALL.to_owned()]));
        }
        Attribute::Shape(shape) => {
            let length =
                |length: &Option<usize>| length.map_or(UNKNOWN.to_owned(), |length| length.to_string());
            many(text, "shape", shape.dims().iter().map(length).collect());
        }
        Attribute::List(values) => {
            push_kind(text, "list");
            push_list(text, values, push_attribute);
        }
        Attribute::Group(values) => {
            push_kind(text, "group");
            push_attributes(text, values);
        }
    }
    text.push('}');
}

fn push_kind(text: &mut String, kind: &str) {
    text.push('{');
    push_string(text, kind);
    text.push(':');
}

/// The model that a text says, without its arrays; or the place of the node at which it says none.
pub(super) fn read(text: &str) -> Result<Model, Option<Place>> {
    let mut model = Model::default();
    read_into(text, &mut model).map_err(|Malformed| match model.nodes.len() {
        0 => None,
        read => Some(read),
    })?;
    Ok(model)
}

fn read_into(text: &str, model: &mut Model) -> Result<(), Malformed> {
    let mut json = Json::new(text);
    let mut entries = Entries::of(["seed", "inputs", "outputs", "nodes"]);
    json.object::<Malformed>(|json, name| {
        match entries.next(&name)? {
            0 => model.seed = json.integer()?,
            1 => model.inputs = items(json, place)?,
            2 => model.outputs = outputs(json)?,
            _ => json.array(|json| {
                model.nodes.push(node(json)?);
                Ok(())
            })?,
        }
        Ok(())
    })?;
    entries.end()?;
    json.end()
}

/// The entries that an object has, in this order.
struct Entries<const N: usize> {
    names: [&'static str; N],
    taken: usize,
}

impl<const N: usize> Entries<N> {
    fn of(names: [&'static str; N]) -> Self {
        Entries { names, taken: 0 }
    }

    /// The place of the entry that comes next, which must have its name.
    fn next(&mut self, name: &str) -> Result<usize, Malformed> {
        self.taken += 1;
        if self.names.get(self.taken - 1) == Some(&name) { Ok(self.taken - 1) } else { Err(Malformed) }
    }

    fn end(self) -> Result<(), Malformed> {
        if self.taken == N { Ok(()) } else { Err(Malformed) }
    }
}

fn node(json: &mut Json<'_>) -> Result<NodeDef, Malformed> {
    let mut node = NodeDef {
        op: String::new(),
        name: String::new(),
        inputs: Vec::new(),
        control: Vec::new(),
        attributes: Attributes::new(),
    };
    let mut entries = Entries::of(["op", "name", "inputs", "control", "attributes"]);
    json.object::<Malformed>(|json, name| {
        match entries.next(&name)? {
            0 => node.op = json.string()?.into_owned(),
            1 => node.name = json.string()?.into_owned(),
            2 => node.inputs = outputs(json)?,
            3 => node.control = items(json, place)?,
            _ => node.attributes = attributes(json, 0)?,
        }
        Ok(())
    })?;
    entries.end()?;
    Ok(node)
}

fn place(json: &mut Json<'_>) -> Result<Place, Malformed> {
    Place::try_from(json.integer()?).map_err(|_| Malformed)
}

fn outputs(json: &mut Json<'_>) -> Result<Vec<Output>, Malformed> {
    items(json, |json| match items(json, place)?[..] {
        [node, output] => Ok((node, u32::try_from(output).map_err(|_| Malformed)?)),
        _ => Err(Malformed),
    })
}

fn attributes(json: &mut Json<'_>, depth: usize) -> Result<Attributes, Malformed> {
    let mut all = Attributes::new();
    json.object::<Malformed>(|json, name| {
        if all.get(&name).is_some() {
            return Err(Malformed);
        }
        let attribute = attribute(json, depth)?;
        all = std::mem::take(&mut all).with(name.into_owned(), attribute);
        Ok(())
    })?;
    Ok(all)
}

fn attribute(json: &mut Json<'_>, depth: usize) -> Result<Attribute, Malformed> {
    if depth == DEEPEST {
        return Err(Malformed);
    }
    let mut found = None;
    json.object::<Malformed>(|json, kind| {
        let attribute = match &*kind {
            "bool" => Attribute::Bool(parsed(json)?),
            "int" => Attribute::Int(parsed(json)?),
            "float" => Attribute::Float(parsed(json)?),
            "text" => Attribute::Text(Cow::Owned(json.string()?.into_owned())),
            "dtype" => Attribute::DType(dtype(&json.string()?)?),
            "ints" => Attribute::Ints(list(json, |text| text.parse().ok())?),
            "axes" => Attribute::Axes(axes(json)?),
            "kept_axes" => Attribute::Axes(axes(json)?.keep_dims()),
            "shape" => {
                let length =
                    |text: &str| if text == UNKNOWN { Some(None) } else { text.parse().ok().map(Some) };
                Attribute::Shape(Shape::from(list(json, length)?))
            }
            "list" => Attribute::List(items(json, |json| attribute(json, depth + 1))?),
            "group" => Attribute::Group(attributes(json, depth + 1)?),
            _ => return Err(Malformed),
        };
        if found.replace(attribute).is_some() { Err(Malformed) } else { Ok(()) }
    })?;
    found.ok_or(Malformed)
}

fn parsed<T: std::str::FromStr>(json: &mut Json<'_>) -> Result<T, Malformed> {
    json.string()?.parse().map_err(|_| Malformed)
}

fn list<T>(json: &mut Json<'_>, item: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Malformed> {
    items(json, |json| item(&json.string()?).ok_or(Malformed))
}

fn items<T>(
    json: &mut Json<'_>,
    mut item: impl FnMut(&mut Json<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut items = Vec::new();
    json.array(|json| {
        items.push(item(json)?);
        Ok(())
    })?;
    Ok(items)
}

fn axes(json: &mut Json<'_>) -> Result<Axes, Malformed> {
    // `None` stands for all axes.
    let listed =
        list(json, |text| if text == ALL { Some(None) } else { text.parse::<isize>().ok().map(Some) })?;
    match &listed[..] {
        [None] => Ok(Axes::all()),
        _ => Ok(Axes::of(listed.into_iter().collect::<Option<Vec<_>>>().ok_or(Malformed)?)),
    }
}

fn dtype(name: &str) -> Result<DType, Malformed> {
    let all = [DType::F32, DType::F64, DType::I32, DType::I64, DType::Bool];
    all.into_iter().find(|dtype| dtype.to_string() == name).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(attributes: Attributes) -> Model {
        let node = NodeDef {
            op: "größe\n\"".to_owned(),
            name: "a/b".to_owned(),
            inputs: vec![(0, 0), (3, 1)],
            control: vec![2],
            attributes,
        };
        Model {
            seed: u64::MAX,
            nodes: vec![node],
            inputs: vec![0, 4],
            outputs: vec![(1, 2)],
            ..Model::default()
        }
    }

    #[test]
    fn attributes_of_all_kinds_come_back() {
        let inner = Attributes::new().with("nested", true).with("text", String::from("?*"));
        let attributes = Attributes::new()
            .with("int", i64::MIN)
            .with("floats", Attribute::List([0.1, -0.0, f64::INFINITY, 1e-308].map(Attribute::Float).into()))
            .with("dtype", DType::Bool)
            .with("ints", vec![-1_isize, 7])
            .with("none", Vec::<isize>::new())
            .with("all", Axes::all())
            .with("kept", Axes::all().keep_dims())
            .with("some", Axes::of([-1, 0]))
            .with("no axes", Axes::of([]).keep_dims())
            .with("shape", Shape::from([None, Some(3)]))
            .with("scalar", Shape::scalar())
            .with("group", inner);
        let written = model(attributes);
        let read = read(&write(&written)).unwrap();
        assert_eq!(read.nodes, written.nodes);
        assert_eq!((read.seed, read.inputs, read.outputs), (written.seed, written.inputs, written.outputs));
        let nan = model(Attributes::new().with("nan", f64::NAN));
        let text = write(&nan);
        assert_eq!(write(&super::read(&text).unwrap()), text);
    }

    #[test]
    fn other_texts_are_refused() {
        let text = write(&model(Attributes::new().with("axis", 1_isize)));
        for (from, to) in [
            ("\"int\"", "\"integer\""),
            ("{\"int\":\"1\"}", "{}"),
            ("{\"int\":\"1\"}", "{\"int\":\"1\",\"int\":\"1\"}"),
            ("\"1\"", "\"1.0\""),
            ("\"control\":[2],", ""),
            ("[3,1]", "[3]"),
            ("[3,1]", "[3,1,1]"),
            ("[3,1]", "[3,4294967296]"),
            ("\"seed\"", "\"sead\""),
            ("]}", "]"),
            ("]}", "]} x"),
        ] {
            let other = text.replacen(from, to, 1);
            assert_ne!(other, text);
            assert!(read(&other).is_err(), "{other}");
        }
        let nested =
            (0..100).fold("{\"int\":\"1\"}".to_owned(), |inner, _| format!("{{\"list\":[{inner}]}}"));
        assert!(read(&text.replacen("{\"int\":\"1\"}", &nested, 1)).is_err());
    }
}
