//! [`Item`]: what a name of an ONNX graph stands for while importing.
//!
//! Invariant: what is known at import has no node in the graph until something reads it as a tensor; so shape arithmetic
//! leaves nothing behind.

use std::cell::OnceCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::types::ElementType;
use crate::element::{DType, Value, with_array};
use crate::graph::op::Constant;
use crate::graph::{AnyTensor, Graph};
use crate::io::import::known::{Entry, Known};
use crate::shape::Shape;

/// What a name stands for.
#[derive(Clone)]
pub(super) struct Item<'g>(Rc<Inner<'g>>);

struct Inner<'g> {
    content: Content<'g>,
    tensor: OnceCell<AnyTensor<'g>>,
    /// The type in the file, where it is narrower than ours.
    element: Option<&'static ElementType>,
}

enum Content<'g> {
    /// Computed in each run.
    Run,
    /// Known, and used as such wherever it can be.
    Value(Arc<Value>),
    /// What a variable starts from: known, but not to be folded into what is made of it.
    Variable(Arc<Value>),
    /// Integers of which some are lengths that are known when they are fed.
    Lengths(Known<'g>, DType),
    /// What could not be built, or is built on that.
    Broken,
}

impl fmt::Debug for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.content {
            Content::Run => "a tensor",
            Content::Value(_) => "a value",
            Content::Variable(_) => "a variable",
            Content::Lengths(..) => "lengths",
            Content::Broken => "nothing",
        })
    }
}

impl<'g> Item<'g> {
    fn new(content: Content<'g>, tensor: Option<AnyTensor<'g>>) -> Self {
        let tensor = tensor.map_or_else(OnceCell::new, OnceCell::from);
        Item(Rc::new(Inner { content, tensor, element: None }))
    }

    pub(super) fn run(tensor: AnyTensor<'g>) -> Self {
        Item::new(Content::Run, Some(tensor))
    }

    pub(super) fn value(value: impl Into<Arc<Value>>) -> Self {
        Item::new(Content::Value(value.into()), None)
    }

    pub(super) fn variable(tensor: AnyTensor<'g>, start: Arc<Value>) -> Self {
        Item::new(Content::Variable(start), Some(tensor))
    }

    /// Integers, which are a value if no length among them is to be fed.
    pub(super) fn lengths(known: Known<'g>, dtype: DType) -> Self {
        let Some(numbers) = known.numbers() else { return Item::new(Content::Lengths(known, dtype), None) };
        let shape = ndarray::IxDyn(known.shape());
        let value = match dtype {
            DType::I32 => {
                let numbers =
                    numbers.iter().map(|&number| i32::try_from(number).unwrap_or(i32::MAX)).collect();
                ndarray::ArrayD::from_shape_vec(shape, numbers).map(Value::wrap)
            }
            _ => ndarray::ArrayD::from_shape_vec(shape, numbers).map(Value::wrap),
        };
        value.map_or_else(|_| Item::broken(), Item::value)
    }

    pub(super) fn broken() -> Self {
        Item::new(Content::Broken, None)
    }

    /// The same of a type that is narrower in the file.
    pub(super) fn with_element(self, element: Option<&'static ElementType>) -> Self {
        let element = element.filter(|element| !element.is_own);
        if element.is_none() && self.0.element.is_none() {
            return self;
        }
        let content = match &self.0.content {
            Content::Run => Content::Run,
            Content::Value(value) => Content::Value(Arc::clone(value)),
            Content::Variable(value) => Content::Variable(Arc::clone(value)),
            Content::Lengths(known, dtype) => Content::Lengths(known.clone(), *dtype),
            Content::Broken => Content::Broken,
        };
        Item(Rc::new(Inner { content, tensor: self.0.tensor.clone(), element }))
    }

    /// The type in the file, where it is narrower than ours.
    pub(super) fn element(&self) -> Option<&'static ElementType> {
        self.0.element
    }

    pub(super) fn is_broken(&self) -> bool {
        matches!(self.0.content, Content::Broken)
    }

    /// The tensor, which is built when it is first asked for.
    #[track_caller]
    pub(super) fn tensor(&self, graph: &'g Graph) -> AnyTensor<'g> {
        *self.0.tensor.get_or_init(|| match &self.0.content {
            Content::Value(value) => {
                let dims = value.shape().to_vec();
                graph.apply(Constant::shared(Arc::clone(value), dims), &[])
            }
            Content::Lengths(known, dtype) => known.tensor(graph, *dtype),
            Content::Run | Content::Variable(_) | Content::Broken => {
                let reason = "expected a node that could be built, got none".to_owned();
                graph.invalid_any("onnx", crate::error::Fault::Custom { reason })
            }
        })
    }

    /// What is known and may be folded.
    pub(super) fn foldable(&self) -> Option<&Arc<Value>> {
        match &self.0.content {
            Content::Value(value) => Some(value),
            _ => None,
        }
    }

    /// What is known, were it the start of a variable.
    pub(super) fn known_value(&self) -> Option<&Arc<Value>> {
        match &self.0.content {
            Content::Value(value) | Content::Variable(value) => Some(value),
            _ => None,
        }
    }

    /// Integers, as far as they are known.
    pub(super) fn known(&self) -> Option<Known<'g>> {
        match &self.0.content {
            Content::Lengths(known, _) => Some(known.clone()),
            Content::Value(value) | Content::Variable(value) => Known::of_value(value),
            Content::Run | Content::Broken => None,
        }
    }

    /// Whether some integers of it are lengths that are fed.
    pub(super) fn is_partly_known(&self) -> bool {
        matches!(self.0.content, Content::Lengths(..))
    }

    /// The element type of integers of which some are lengths that are fed.
    pub(super) fn lengths_type(&self) -> Option<DType> {
        match &self.0.content {
            Content::Lengths(_, dtype) => Some(*dtype),
            _ => None,
        }
    }

    /// All integers of it as entries.
    pub(super) fn entries(&self) -> Option<Vec<Entry<'g>>> {
        self.known().map(|known| known.entries().to_vec())
    }

    pub(super) fn dtype(&self, graph: &'g Graph) -> DType {
        match &self.0.content {
            Content::Value(value) | Content::Variable(value) => value.dtype(),
            Content::Lengths(_, dtype) => *dtype,
            Content::Run | Content::Broken => self.tensor(graph).dtype(),
        }
    }

    pub(super) fn shape(&self, graph: &'g Graph) -> Shape {
        match &self.0.content {
            Content::Value(value) | Content::Variable(value) => Shape::from(value.shape()),
            Content::Lengths(known, _) => Shape::from(known.shape()),
            Content::Run | Content::Broken => self.tensor(graph).shape(),
        }
    }

    /// How many elements a known value has.
    pub(super) fn count(&self) -> Option<usize> {
        self.foldable().map(|value| with_array!(&**value, array => array.len()))
    }
}
