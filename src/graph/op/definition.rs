//! [`OpDef`]: an op as the registry lists it, with all that is needed to build it by name.

use super::{AttributeValue, Attributes};
use crate::element::DType;
use crate::error::Fault;
use crate::graph::{AnyTensor, Graph};

/// Which elements an operand may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Elements {
    /// Of any type.
    Element,
    /// Numbers: of any type but `bool`.
    Numeric,
    /// `f32` or `f64`.
    Float,
    /// `i32` or `i64`.
    Integer,
    /// Of the type of the first operand.
    Same,
    /// Of this type.
    Only(DType),
}

impl Elements {
    /// Whether an operand may have elements of a type, where the first operand has others.
    pub(crate) fn admit(self, found: DType, first: DType) -> bool {
        match self {
            Elements::Element => true,
            Elements::Numeric => found != DType::Bool,
            Elements::Float => found.is_float(),
            Elements::Integer => matches!(found, DType::I32 | DType::I64),
            Elements::Same => found == first,
            Elements::Only(dtype) => found == dtype,
        }
    }

    /// What is wrong with other elements beside those of the first operand.
    pub(crate) fn fault(self, first: DType, found: DType) -> Fault {
        match self {
            Elements::Same => Fault::ElementType { expected: first, found },
            Elements::Only(expected) => Fault::ElementType { expected, found },
            Elements::Element => Fault::ElementKind { expected: "any element type", found },
            Elements::Numeric => Fault::ElementKind { expected: "a number type", found },
            Elements::Float => Fault::ElementKind { expected: "a float type", found },
            Elements::Integer => Fault::ElementKind { expected: "an integer type", found },
        }
    }

    /// The invalid tensor for an operand of a wrong element type, beside a first operand with elements of the type `first`.
    #[track_caller]
    pub(crate) fn refuse<'g>(
        self,
        op: &'static str,
        operand: AnyTensor<'g>,
        first: DType,
    ) -> Option<AnyTensor<'g>> {
        let found = operand.dtype();
        if self.admit(found, first) || operand.is_invalid() {
            return None;
        }
        let fault = self.fault(first, found);
        Some(operand.graph().invalid_any(op, fault))
    }
}

/// An operand in an op's definition.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OperandDef {
    /// What it is called.
    pub name: &'static str,
    /// Which elements it may have.
    pub elements: Elements,
    /// Whether any number of tensors may stand in its place, one at least unless it is optional.
    pub is_list: bool,
    /// Whether nothing may stand in its place. It is the last one then.
    pub is_optional: bool,
}

impl OperandDef {
    pub(crate) const fn one(name: &'static str, elements: Elements) -> Self {
        OperandDef { name, elements, is_list: false, is_optional: false }
    }

    pub(crate) const fn list(name: &'static str, elements: Elements) -> Self {
        OperandDef { name, elements, is_list: true, is_optional: false }
    }

    /// What the tensors of a list behind its first one may have: of numbers, those of the first operand.
    fn further(&self) -> Elements {
        match self.elements {
            Elements::Numeric | Elements::Float | Elements::Integer => Elements::Same,
            elements => elements,
        }
    }

    /// A list that may be empty.
    pub(crate) const fn some(name: &'static str, elements: Elements) -> Self {
        OperandDef { name, elements, is_list: true, is_optional: true }
    }
}

/// An attribute in an op's definition.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AttributeDef {
    /// Its name.
    pub name: &'static str,
    /// What kind of value it takes: `"integer"`, `"axes"`, `"element type"`.
    pub kind: &'static str,
    /// Whether it may lack. A flag that does is `false`.
    pub is_optional: bool,
}

impl AttributeDef {
    pub(crate) const fn new(name: &'static str, kind: &'static str) -> Self {
        AttributeDef { name, kind, is_optional: false }
    }

    /// One with values of a type.
    pub(crate) const fn of<T: AttributeValue>(name: &'static str) -> Self {
        AttributeDef { name, kind: T::KIND, is_optional: T::IS_FLAG }
    }

    /// The same, which may lack.
    pub(crate) const fn optional<T: AttributeValue>(name: &'static str) -> Self {
        AttributeDef { name, kind: T::KIND, is_optional: true }
    }
}

/// How an op is applied; the operands are as many as it takes, and of its graph.
pub(crate) type Build =
    for<'g> fn(&'g Graph, &[AnyTensor<'g>], &Attributes) -> Result<Vec<AnyTensor<'g>>, Fault>;

/// An op as the [registry](crate::op::registry) lists it.
///
/// ```
/// use flowgrad::op::{self, Attributes};
/// use flowgrad::prelude::*;
/// let cumsum = op::registry().find(|op| op.name() == "cumsum").unwrap();
/// assert_eq!(cumsum.operands().len(), 1);
/// assert_eq!((cumsum.attributes()[0].name, cumsum.attributes()[0].kind), ("axis", "integer"));
///
/// let g = Graph::new();
/// let x = g.constant(ndarray::arr1(&[1.0, 2.0, 3.0]));
/// let y = cumsum.build(&g, &[x.any()], &Attributes::new().with("axis", 0_isize))[0].typed::<f64>();
/// assert_eq!(Session::new(&g)?.run(y)?, ndarray::arr1(&[1.0, 3.0, 6.0]).into_dyn());
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OpDef {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) operands: &'static [OperandDef],
    pub(crate) attributes: &'static [AttributeDef],
    pub(crate) build: Build,
}

impl OpDef {
    /// The name of the method that builds it, and of its node where it is one node.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it gives: the first paragraph of its documentation, on one line.
    pub fn doc(&self) -> String {
        let lines = self.doc.lines().map(str::trim).skip_while(|line| line.is_empty());
        lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// The tensors that it takes.
    pub fn operands(&self) -> &'static [OperandDef] {
        self.operands
    }

    /// What it is told beside them.
    pub fn attributes(&self) -> &'static [AttributeDef] {
        self.attributes
    }

    /// Builds it in a graph. As with methods, a fault makes the result an invalid tensor: another number of
    /// operands, one of another graph or element type, an attribute that lacks or is of another kind.
    #[track_caller]
    pub fn build<'g>(
        &self,
        graph: &'g Graph,
        operands: &[AnyTensor<'g>],
        attributes: &Attributes,
    ) -> Vec<AnyTensor<'g>> {
        graph.attributed_to_caller(|| {
            let built = self
                .check(graph, operands, attributes)
                .and_then(|()| (self.build)(graph, operands, attributes));
            built.unwrap_or_else(|fault| vec![graph.invalid_any(self.name, fault)])
        })
    }

    fn check(&self, graph: &Graph, operands: &[AnyTensor<'_>], attributes: &Attributes) -> Result<(), Fault> {
        let least = self.operands.iter().filter(|operand| !operand.is_optional).count();
        let takes_more = self.operands.iter().any(|operand| operand.is_list);
        if operands.len() < least || operands.len() > self.operands.len() && !takes_more {
            return Err(Fault::OperandCount { expected: least, found: operands.len() });
        }
        if let Some((name, value)) =
            attributes.iter().find(|(name, _)| self.attributes.iter().all(|it| it.name != *name))
        {
            let (name, found) = (name.to_owned(), value.to_string());
            return Err(Fault::UnknownAttribute { name, found });
        }
        if let Some(operand) = operands.iter().position(|operand| !operand.is_of(graph)) {
            return Err(Fault::OtherGraph { operand });
        }
        self.check_elements(operands)
    }

    /// An error for the first operand of an element type that it may not have; of what is invalid, that is told instead.
    fn check_elements(&self, operands: &[AnyTensor<'_>]) -> Result<(), Fault> {
        let Some(first) = operands.first().map(|first| first.dtype()) else { return Ok(()) };
        if operands.iter().any(|operand| operand.is_invalid()) {
            return Ok(());
        }
        let listed = self.operands.last().filter(|last| last.is_list).map(OperandDef::further);
        let elements = self.operands.iter().map(|operand| operand.elements).chain(listed.into_iter().cycle());
        match elements.zip(operands).find(|(elements, operand)| !elements.admit(operand.dtype(), first)) {
            Some((elements, operand)) => Err(elements.fault(first, operand.dtype())),
            None => Ok(()),
        }
    }
}
