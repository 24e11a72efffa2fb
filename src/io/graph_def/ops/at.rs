//! [`At`]: a node with its inputs and attributes, as the tables of ops are told of it.

use super::super::build::Importer;
use super::super::error::GraphDefError;
use super::super::nodes::{Node, Nodes};
use super::super::tensor;
use super::super::value::Val;
use super::Outputs;
use crate::element::{DType, Value};
use crate::gradient::Gradients;
use crate::graph::{AnyTensor, Graph};
use crate::io::import::known::Known;
use crate::io::tensorflow::{Attr, ListValue};
use crate::ops::Lengths;
use crate::shape::Shape;

/// Why a node is not built.
pub(in super::super) enum Refusal {
    /// Its op is not supported.
    Op,
    /// Something of it is not.
    Detail(String),
    /// Something that it needs is not, which has been told.
    Told,
    /// The file is at fault.
    Fault(Box<GraphDefError>),
}

impl From<String> for Refusal {
    fn from(detail: String) -> Self {
        Refusal::Detail(detail)
    }
}

impl From<&str> for Refusal {
    fn from(detail: &str) -> Self {
        Refusal::Detail(detail.to_owned())
    }
}

impl From<GraphDefError> for Refusal {
    fn from(fault: GraphDefError) -> Self {
        Refusal::Fault(Box::new(fault))
    }
}

/// A node that is to be built, and what it is built in.
pub(in super::super) struct At<'a, 'g> {
    pub(in super::super) importer: &'a Importer<'a, 'g>,
    pub(in super::super) nodes: &'a Nodes,
    pub(in super::super) node: &'a Node,
    pub(in super::super) inputs: Vec<Val<'g>>,
}

impl<'g> At<'_, 'g> {
    /// The graph that is built in.
    pub(in super::super) fn graph(&self) -> &'g Graph {
        self.importer.graph
    }

    /// The node's name.
    pub(super) fn name(&self) -> &str {
        &self.node.name
    }

    /// An input as it is.
    pub(in super::super) fn value(&self, input: usize) -> Result<&Val<'g>, Refusal> {
        let found = self.inputs.len();
        self.inputs
            .get(input)
            .ok_or_else(|| format!("expected {} inputs at least, got {found}", input + 1).into())
    }

    /// A value as a tensor.
    pub(in super::super) fn tensor_of(&self, value: &Val<'g>) -> Result<AnyTensor<'g>, Refusal> {
        let tensor = value.tensor(self.graph(), &self.importer.variables.borrow());
        tensor.ok_or_else(|| "expected a tensor, got something else".into())
    }

    /// An input as a tensor.
    pub(in super::super) fn tensor(&self, input: usize) -> Result<AnyTensor<'g>, Refusal> {
        let variables = self.importer.variables.borrow();
        let tensor = self.value(input)?.tensor(self.graph(), &variables);
        tensor.ok_or_else(|| format!("expected a tensor as input {input}, got something else").into())
    }

    /// All inputs from one on as tensors.
    pub(in super::super) fn tensors(&self, from: usize) -> Result<Vec<AnyTensor<'g>>, Refusal> {
        (from..self.inputs.len()).map(|input| self.tensor(input)).collect()
    }

    /// An input as whole numbers that are known.
    pub(in super::super) fn known(&self, input: usize) -> Option<&Known<'g>> {
        match self.inputs.get(input)? {
            Val::Known(known, _) => Some(known),
            _ => None,
        }
    }

    /// All inputs as whole numbers that are known, and the element type.
    pub(super) fn all_known(&self) -> Option<(Vec<&Known<'g>>, DType)> {
        let Val::Known(_, dtype) = self.inputs.first()? else { return None };
        let known: Option<Vec<&Known<'g>>> = (0..self.inputs.len()).map(|input| self.known(input)).collect();
        Some((known?, *dtype))
    }

    /// An input as numbers that must be known; `what` says which they are.
    pub(super) fn numbers(&self, input: usize, what: &str) -> Result<Vec<i64>, Refusal> {
        self.value(input)?;
        let numbers = self.known(input).and_then(Known::numbers);
        numbers.ok_or_else(|| {
            format!("expected {what} known when the graph is imported, got computed ones").into()
        })
    }

    /// An input as one number that must be known.
    pub(super) fn number(&self, input: usize, what: &str) -> Result<i64, Refusal> {
        match self.numbers(input, what)?[..] {
            [number] => Ok(number),
            ref numbers => Err(format!("expected one number as {what}, got {}", numbers.len()).into()),
        }
    }

    /// An input as an axis that must be known.
    pub(super) fn axis(&self, input: usize) -> Result<isize, Refusal> {
        let axis = self.number(input, "an axis")?;
        isize::try_from(axis).map_err(|_| format!("expected an axis, got {axis}").into())
    }

    /// An input as the lengths of a shape.
    pub(super) fn lengths(&self, input: usize) -> Result<Lengths<'g>, Refusal> {
        self.value(input)?;
        let lengths = self.known(input).filter(|known| known.shape().len() == 1).and_then(Known::lengths);
        lengths.ok_or_else(|| {
            "expected a shape made of numbers and lengths of tensors, got a computed one".into()
        })
    }

    /// An input as one number of any type that must be known.
    pub(super) fn constant(&self, input: usize, what: &str) -> Result<f64, Refusal> {
        let lacking = || format!("expected {what} known when the graph is imported, got a computed one");
        if let Some(known) = self.known(input) {
            return Ok(known.number().ok_or_else(lacking)? as f64);
        }
        let held = self.held(input)?.filter(|value| value.shape().iter().product::<usize>() == 1);
        let value = held.ok_or_else(lacking)?;
        let number = match &*value {
            Value::F32(array) => array.first().map(|&number| f64::from(number)),
            Value::F64(array) => array.first().copied(),
            _ => None,
        };
        Ok(number.ok_or_else(lacking)?)
    }

    /// What an input holds, if it is a constant.
    fn held(&self, input: usize) -> Result<Option<std::sync::Arc<Value>>, Refusal> {
        let tensor = self.tensor(input)?;
        let arena = self.graph().shared().read();
        Ok(arena.node(tensor.node()).op.held().map(|(value, _)| value))
    }

    /// Takes the bytes of a list that the graph is to hold, of so many elements, from what a file may ask for.
    pub(super) fn spend(&self, count: f64, dtype: DType) -> Result<(), Refusal> {
        let count = if count.is_nan() || count <= 0.0 { 0 } else { count.ceil() as i64 };
        let spent = self.importer.budget.borrow_mut().lengths(&[count], dtype);
        spent.map(|_| ()).map_err(|over| over.to_string().into())
    }

    /// A flag among the attributes.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.node.attr(name) {
            None => Ok(false),
            Some(Attr::Bool(flag)) => Ok(*flag),
            Some(_) => Err(kind(name, "a bool")),
        }
    }

    /// A whole number among the attributes.
    pub(super) fn int(&self, name: &str, absent: i64) -> Result<i64, Refusal> {
        match self.node.attr(name) {
            None => Ok(absent),
            Some(Attr::Int(number)) => Ok(*number),
            Some(_) => Err(kind(name, "an integer")),
        }
    }

    /// A number among the attributes.
    pub(super) fn float(&self, name: &str, absent: f64) -> Result<f64, Refusal> {
        match self.node.attr(name) {
            None => Ok(absent),
            Some(Attr::Float(number)) => Ok(f64::from(*number)),
            Some(_) => Err(kind(name, "a number")),
        }
    }

    /// A text among the attributes.
    pub(super) fn text(&self, name: &str, absent: &str) -> Result<String, Refusal> {
        match self.node.attr(name) {
            None => Ok(absent.to_owned()),
            Some(Attr::Bytes(text)) => String::from_utf8(text.clone()).map_err(|_| kind(name, "a text")),
            Some(_) => Err(kind(name, "a text")),
        }
    }

    /// A list among the attributes; an empty one if there is none.
    pub(in super::super) fn list(&self, name: &str) -> Result<ListValue, Refusal> {
        match self.node.attr(name) {
            None => Ok(ListValue::default()),
            Some(Attr::List(list)) => Ok(list.clone()),
            Some(_) => Err(kind(name, "a list")),
        }
    }

    /// An element type among the attributes.
    pub(in super::super) fn dtype(&self, name: &str) -> Result<DType, Refusal> {
        match self.node.attr(name) {
            Some(Attr::Type(number)) => Ok(tensor::dtype(*number, self.importer.options.widen)?),
            _ => Err(kind(name, "an element type")),
        }
    }

    /// A shape among the attributes; none if its number of axes is not known.
    pub(super) fn shape(&self, name: &str) -> Result<Option<Shape>, Refusal> {
        match self.node.attr(name) {
            None => Ok(None),
            Some(Attr::Shape(shape)) => Ok(tensor::shape(shape)),
            Some(_) => Err(kind(name, "a shape")),
        }
    }

    /// The name of a function among the attributes.
    pub(in super::super) fn function(&self, name: &str) -> Result<String, Refusal> {
        match self.node.attr(name) {
            Some(Attr::Func(function)) => Ok(function.name.clone()),
            _ => Err(kind(name, "a function")),
        }
    }

    /// A function of the first input.
    pub(super) fn unary(&self, of: impl FnOnce(AnyTensor<'g>) -> AnyTensor<'g>) -> Outputs<'g> {
        one(of(self.tensor(0)?))
    }

    /// A function of the first two inputs.
    pub(super) fn binary(
        &self,
        of: impl FnOnce(AnyTensor<'g>, AnyTensor<'g>) -> AnyTensor<'g>,
    ) -> Outputs<'g> {
        one(of(self.tensor(0)?, self.tensor(1)?))
    }

    /// A function of the first three inputs.
    pub(super) fn ternary(
        &self,
        of: impl FnOnce(AnyTensor<'g>, AnyTensor<'g>, AnyTensor<'g>) -> AnyTensor<'g>,
    ) -> Outputs<'g> {
        one(of(self.tensor(0)?, self.tensor(1)?, self.tensor(2)?))
    }
}

/// The gradient of `y` with the cotangent `dy` by each of `xs`; zeros where there is no path.
pub(super) fn gradients<'g>(
    y: AnyTensor<'g>,
    dy: AnyTensor<'g>,
    xs: &[AnyTensor<'g>],
) -> Result<Vec<AnyTensor<'g>>, Refusal> {
    fn of<'g, T: crate::graph::Float>(
        y: AnyTensor<'g>,
        dy: AnyTensor<'g>,
        xs: &[AnyTensor<'g>],
    ) -> Vec<AnyTensor<'g>> {
        let xs: Vec<_> = xs.iter().map(|x| x.typed::<T>()).collect();
        let found = Gradients::of([y.typed::<T>()]).grad_ys([dy.typed::<T>()]).wrt_or_zeros(&xs);
        found.into_iter().map(crate::Tensor::any).collect()
    }
    match y.dtype() {
        DType::F32 => Ok(of::<f32>(y, dy, xs)),
        DType::F64 => Ok(of::<f64>(y, dy, xs)),
        other => Err(format!("expected elements of f32 or f64, got {other}").into()),
    }
}

/// Why an attribute is refused.
fn kind(name: &str, expected: &str) -> Refusal {
    format!("expected {expected} as attribute `{name}`, got something else").into()
}

/// One tensor as all outputs.
// As all builders give them.
#[allow(clippy::unnecessary_wraps)]
pub(super) fn one(tensor: AnyTensor<'_>) -> Outputs<'_> {
    Ok(vec![Val::Tensor(tensor)])
}

/// Whole numbers that are known as all outputs.
#[allow(clippy::unnecessary_wraps)]
pub(super) fn known(known: Known<'_>, dtype: DType) -> Outputs<'_> {
    Ok(vec![Val::Known(known, dtype)])
}
