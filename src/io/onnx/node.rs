//! [`At`]: a node that is being built, as the builders of ops see it.
//!
//! Attributes that a builder does not ask for are not supported, which is told when it is done.

use std::cell::RefCell;

use super::error::{NodeFault, invalid, unsupported};
use super::item::Item;
use super::messages::{AttributeProto, GraphProto, NodeProto, TensorProto, kind};
use super::scope::Scope;
use super::types::{self, ElementType};
use crate::element::{DType, Value};
use crate::graph::{AnyTensor, Graph};
use crate::io::import::known::Entry;
use crate::ops::{Length, Lengths};
use crate::quote::quoted;
use crate::shape::Shape;

/// The largest length and the largest count: so products of two do not overflow.
pub(super) const MOST: i64 = 1 << 31;

/// The most elements that shapes are looked at with.
const MOST_ELEMENTS: usize = 1 << 40;

/// What a builder gives: an item for each output, of which optional ones may lack at the end.
pub(super) type Built<'g> = Result<Vec<Item<'g>>, NodeFault>;

/// Builds the nodes of one op.
pub(super) type Builder = for<'a, 'g> fn(&At<'a, 'g>) -> Built<'g>;

/// A node that is being built.
pub(super) struct At<'a, 'g> {
    pub(super) graph: &'g Graph,
    pub(super) node: &'a NodeProto,
    /// The version of the set of ops that the node is of.
    pub(super) version: i64,
    inputs: &'a [Option<Item<'g>>],
    /// Where it stands; none where its value is computed at import.
    pub(super) scope: Option<&'a Scope<'a, 'g>>,
    used: RefCell<Vec<&'static str>>,
}

impl<'a, 'g> At<'a, 'g> {
    pub(super) fn new(
        graph: &'g Graph,
        node: &'a NodeProto,
        version: i64,
        inputs: &'a [Option<Item<'g>>],
        scope: Option<&'a Scope<'a, 'g>>,
    ) -> Self {
        At { graph, node, version, inputs, scope, used: RefCell::default() }
    }

    // -- inputs -------------------------------------------------------------------------------------------------

    pub(super) fn inputs(&self) -> &'a [Option<Item<'g>>] {
        self.inputs
    }

    /// The inputs that are there, as tensors.
    pub(super) fn tensors(&self) -> Vec<AnyTensor<'g>> {
        self.inputs.iter().flatten().map(|item| item.tensor(self.graph)).collect()
    }

    pub(super) fn optional_item(&self, index: usize) -> Option<&'a Item<'g>> {
        self.inputs.get(index)?.as_ref()
    }

    pub(super) fn item(&self, index: usize) -> Result<&'a Item<'g>, NodeFault> {
        let found = self.inputs.len();
        let lacks = || NodeFault::Invalid(format!("expected an input {index}, got {found} inputs"));
        self.optional_item(index).ok_or_else(lacks)
    }

    pub(super) fn has(&self, index: usize) -> bool {
        self.optional_item(index).is_some()
    }

    pub(super) fn tensor(&self, index: usize) -> Result<AnyTensor<'g>, NodeFault> {
        Ok(self.item(index)?.tensor(self.graph))
    }

    /// 0, 1, 2, .. as many as a length says.
    pub(super) fn counted(&self, length: Length<'g>) -> AnyTensor<'g> {
        self.graph.ones::<i64>([length]).any().cumsum_with(0, true, false)
    }

    pub(super) fn optional(&self, index: usize) -> Option<AnyTensor<'g>> {
        self.optional_item(index).map(|item| item.tensor(self.graph))
    }

    pub(super) fn dtype(&self, index: usize) -> Result<DType, NodeFault> {
        Ok(self.item(index)?.dtype(self.graph))
    }

    pub(super) fn shape(&self, index: usize) -> Result<Shape, NodeFault> {
        Ok(self.item(index)?.shape(self.graph))
    }

    pub(super) fn rank(&self, index: usize) -> Result<usize, NodeFault> {
        Ok(self.shape(index)?.rank())
    }

    /// Lengths that must be known while building.
    pub(super) fn known_shape(&self, index: usize) -> Result<Vec<usize>, NodeFault> {
        let shape = self.shape(index)?;
        let size = |known: &Vec<usize>| {
            known.iter().try_fold(1_usize, |size, &length| size.checked_mul(length.max(1)))
        };
        if shape.known().is_some_and(|known| size(&known).is_none_or(|size| size > MOST_ELEMENTS)) {
            return unsupported(format!("input {index} of shape {shape}, which has more than 2⁴⁰ elements"));
        }
        shape.known().ok_or_else(|| {
            NodeFault::Unsupported(format!("lengths that are fed: input {index} has shape {shape}"))
        })
    }

    /// An input whose value must be known.
    pub(super) fn not_known(&self, index: usize) -> NodeFault {
        NodeFault::NotKnown(self.node.input.get(index).cloned().unwrap_or_default())
    }

    /// The value of an input that must be known.
    pub(super) fn value(&self, index: usize) -> Result<&'a Value, NodeFault> {
        let item = self.item(index)?;
        item.known_value().map(|value| &**value).ok_or_else(|| self.not_known(index))
    }

    /// The integers of an input that must be known, were they floats or booleans.
    pub(super) fn ints(&self, index: usize) -> Result<Vec<i64>, NodeFault> {
        Ok(match self.value(index)? {
            Value::I64(array) => array.iter().copied().collect(),
            Value::I32(array) => array.iter().map(|&number| number.into()).collect(),
            Value::F32(array) => array.iter().map(|&number| number as i64).collect(),
            Value::F64(array) => array.iter().map(|&number| number as i64).collect(),
            Value::Bool(array) => array.iter().map(|&holds| holds.into()).collect(),
        })
    }

    /// The one integer of an input that must be known.
    pub(super) fn one_int(&self, index: usize) -> Result<i64, NodeFault> {
        match self.ints(index)?[..] {
            [number] => Ok(number),
            ref several => invalid(format!("input {index}: expected one number, got {}", several.len())),
        }
    }

    /// The numbers of an input that must be known.
    pub(super) fn numbers(&self, index: usize) -> Result<Vec<f64>, NodeFault> {
        Ok(match self.value(index)? {
            Value::F32(array) => array.iter().map(|&number| number.into()).collect(),
            Value::F64(array) => array.iter().copied().collect(),
            Value::I32(array) => array.iter().map(|&number| number.into()).collect(),
            Value::I64(array) => array.iter().map(|&number| number as f64).collect(),
            Value::Bool(array) => array.iter().map(|&holds| f64::from(u8::from(holds))).collect(),
        })
    }

    /// The one number of an input that must be known.
    pub(super) fn one_number(&self, index: usize) -> Result<f64, NodeFault> {
        match self.numbers(index)?[..] {
            [number] => Ok(number),
            ref several => invalid(format!("input {index}: expected one number, got {}", several.len())),
        }
    }

    /// The integers of an input, of which some may be lengths that are fed.
    pub(super) fn entries(&self, index: usize) -> Result<Vec<Entry<'g>>, NodeFault> {
        self.item(index)?.entries().ok_or_else(|| self.not_known(index))
    }

    /// The same as the lengths of a shape.
    pub(super) fn lengths(&self, index: usize) -> Result<Lengths<'g>, NodeFault> {
        Self::lengths_of(&self.entries(index)?)
    }

    /// Entries as the lengths of a shape.
    pub(super) fn lengths_of(entries: &[Entry<'g>]) -> Result<Lengths<'g>, NodeFault> {
        let is_short = |entry: &&Entry<'g>| entry.number().is_none_or(|number| number <= MOST);
        let lengths: Option<Vec<_>> = entries
            .iter()
            .map(|entry| Some(entry).filter(is_short).and_then(|entry| entry.length()))
            .collect();
        lengths.map(Lengths::from).ok_or_else(|| {
            let numbers: Vec<Option<i64>> = entries.iter().map(|entry| entry.number()).collect();
            NodeFault::Invalid(format!("expected lengths from 0 to 2³¹, got {numbers:?}"))
        })
    }

    // -- attributes ---------------------------------------------------------------------------------------------

    /// The attribute of that name, of that kind.
    fn attribute(
        &self,
        name: &'static str,
        expected: &str,
        kinds: &[i32],
    ) -> Result<Option<&'a AttributeProto>, NodeFault> {
        self.used.borrow_mut().push(name);
        let Some(attribute) = self.node.attribute.iter().find(|attribute| attribute.name == name) else {
            return Ok(None);
        };
        // Files of the first versions do not say.
        if attribute.r#type != 0 && !kinds.contains(&attribute.r#type) {
            return invalid(format!(
                "attribute `{name}`: expected {expected}, got one of type {}",
                attribute.r#type
            ));
        }
        Ok(Some(attribute))
    }

    pub(super) fn opt_int(&self, name: &'static str) -> Result<Option<i64>, NodeFault> {
        Ok(self.attribute(name, "an integer", &[kind::INT])?.map(|attribute| attribute.i))
    }

    pub(super) fn int(&self, name: &'static str, default: i64) -> Result<i64, NodeFault> {
        Ok(self.opt_int(name)?.unwrap_or(default))
    }

    pub(super) fn flag(&self, name: &'static str, default: bool) -> Result<bool, NodeFault> {
        Ok(self.int(name, default.into())? != 0)
    }

    pub(super) fn required_int(&self, name: &'static str) -> Result<i64, NodeFault> {
        self.opt_int(name)?.map_or_else(|| invalid(format!("expected an attribute `{name}`, got none")), Ok)
    }

    pub(super) fn opt_float(&self, name: &'static str) -> Result<Option<f64>, NodeFault> {
        Ok(self.attribute(name, "a float", &[kind::FLOAT])?.map(|attribute| attribute.f.into()))
    }

    pub(super) fn float(&self, name: &'static str, default: f64) -> Result<f64, NodeFault> {
        Ok(self.opt_float(name)?.unwrap_or(default))
    }

    pub(super) fn opt_ints(&self, name: &'static str) -> Result<Option<&'a [i64]>, NodeFault> {
        Ok(self.attribute(name, "integers", &[kind::INTS])?.map(|attribute| &attribute.ints[..]))
    }

    pub(super) fn opt_floats(&self, name: &'static str) -> Result<Option<&'a [f32]>, NodeFault> {
        Ok(self.attribute(name, "floats", &[kind::FLOATS])?.map(|attribute| &attribute.floats[..]))
    }

    pub(super) fn opt_text(&self, name: &'static str) -> Result<Option<String>, NodeFault> {
        let text = |attribute: &AttributeProto| String::from_utf8_lossy(&attribute.s).into_owned();
        Ok(self.attribute(name, "a text", &[kind::STRING])?.map(text))
    }

    pub(super) fn text(&self, name: &'static str, default: &str) -> Result<String, NodeFault> {
        Ok(self.opt_text(name)?.unwrap_or_else(|| default.to_owned()))
    }

    pub(super) fn opt_texts(&self, name: &'static str) -> Result<Option<Vec<String>>, NodeFault> {
        let texts = |attribute: &AttributeProto| {
            attribute.strings.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()
        };
        Ok(self.attribute(name, "texts", &[kind::STRINGS])?.map(texts))
    }

    pub(super) fn opt_tensor(&self, name: &'static str) -> Result<Option<&'a TensorProto>, NodeFault> {
        Ok(self.attribute(name, "a tensor", &[kind::TENSOR])?.and_then(|attribute| attribute.t.as_ref()))
    }

    pub(super) fn body(&self, name: &'static str) -> Result<&'a GraphProto, NodeFault> {
        let body =
            self.attribute(name, "a graph", &[kind::GRAPH])?.and_then(|attribute| attribute.g.as_ref());
        body.map_or_else(|| invalid(format!("expected an attribute `{name}`, got none")), Ok)
    }

    /// The element type of that number.
    pub(super) fn element(number: i64) -> Result<&'static ElementType, NodeFault> {
        types::of(number).map_or_else(|| unsupported(format!("elements of {}", types::name(number))), Ok)
    }

    /// An error for the first attribute that was not asked for.
    pub(super) fn check_attributes(&self) -> Result<(), NodeFault> {
        let used = self.used.borrow();
        match self.node.attribute.iter().find(|attribute| !used.contains(&&*attribute.name)) {
            Some(attribute) => unsupported(format!("attribute `{}`", quoted(&attribute.name))),
            None => Ok(()),
        }
    }

    // -- what builders have in common -----------------------------------------------------------------------------

    /// An axis counted from the first.
    pub(super) fn axis_of(axis: i64, rank: usize) -> Result<usize, NodeFault> {
        let from_first = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
        match from_first.and_then(|axis| usize::try_from(axis).ok()) {
            Some(axis) if axis < rank => Ok(axis),
            _ => invalid(format!("expected an axis of a tensor of rank {rank}, got {axis}")),
        }
    }

    /// The axis that an attribute names, of the first input.
    pub(super) fn axis(&self, name: &'static str, default: i64) -> Result<usize, NodeFault> {
        Self::axis_of(self.int(name, default)?, self.rank(0)?)
    }

    /// Axes counted from the first.
    pub(super) fn axes_of(axes: &[i64], rank: usize) -> Result<Vec<usize>, NodeFault> {
        axes.iter().map(|&axis| Self::axis_of(axis, rank)).collect()
    }

    /// Whether so many outputs are asked for.
    pub(super) fn wants(&self, output: usize) -> bool {
        self.node.output.get(output).is_some_and(|name| !name.is_empty())
    }

    /// A scalar constant of an element type.
    pub(super) fn scalar(&self, number: f64, dtype: DType) -> AnyTensor<'g> {
        self.graph.scalar(number, dtype)
    }

    /// A function of one tensor.
    pub(super) fn unary(&self, f: impl FnOnce(AnyTensor<'g>) -> AnyTensor<'g>) -> Built<'g> {
        one(f(self.tensor(0)?))
    }

    /// A function of two tensors.
    pub(super) fn binary(&self, f: impl FnOnce(AnyTensor<'g>, AnyTensor<'g>) -> AnyTensor<'g>) -> Built<'g> {
        one(f(self.tensor(0)?, self.tensor(1)?))
    }
}

/// One output.
#[allow(clippy::unnecessary_wraps, reason = "what builders give")]
pub(super) fn one(tensor: AnyTensor<'_>) -> Built<'_> {
    Ok(vec![Item::run(tensor)])
}

/// The length of an axis, if it is known; tensors that are invalid have other axes than one expects.
pub(super) fn known_length(x: AnyTensor<'_>, axis: usize) -> Option<usize> {
    x.shape().dims().get(axis).copied().flatten()
}

/// Lengths, counts and indices of ONNX, which are integers with a sign, as ours.
pub(super) fn counts(numbers: &[i64], what: &str) -> Result<Vec<usize>, NodeFault> {
    numbers.iter().map(|&number| count(number, what)).collect()
}

/// One of them.
pub(super) fn count(number: i64, what: &str) -> Result<usize, NodeFault> {
    match usize::try_from(number) {
        Ok(count) if number <= MOST => Ok(count),
        _ => invalid(format!("{what}: expected a number from 0 to 2³¹, got {number}")),
    }
}

/// Axes and permutations as methods of tensors take them.
pub(super) fn signed(numbers: &[usize]) -> Vec<isize> {
    numbers.iter().map(|&number| number as isize).collect()
}
