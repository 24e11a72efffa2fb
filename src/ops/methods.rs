//! [`methods`]: an op's public forms, all out of one declaration.

use crate::graph::op::Elements;
use crate::graph::{AnyTensor, Graph};

/// The invalid tensor for a list of operands of wrong element types: the first has other elements than these, or another one
/// has other elements than the first. Those that are invalid, or of another graph, have an error already.
#[track_caller]
pub(super) fn refuse_among<'g>(
    graph: &'g Graph,
    op: &'static str,
    elements: Elements,
    operands: &[AnyTensor<'g>],
) -> Option<AnyTensor<'g>> {
    let mut first = None;
    for &operand in operands {
        if !operand.is_of(graph) || operand.is_invalid() {
            continue;
        }
        let refused = match first {
            None => elements.refuse(op, operand, operand.dtype()),
            Some(dtype) => Elements::Same.refuse(op, operand, dtype),
        };
        if refused.is_some() {
            return refused;
        }
        first = first.or(Some(operand.dtype()));
    }
    None
}

/// Declares methods of tensors. Each row is written once, for the untyped handle, and becomes
///
/// - a method of `AnyTensor`, which checks the element types of its operands as it builds the node,
/// - a method of `Tensor<T>`, which forwards to it and has the docs,
/// - a definition in the registry, which builds the op by name.
///
/// ```text
/// /// The docs, whose first paragraph is what the registry says.
/// fn name<Numeric>(x, other: (Self), indices: (Index), axis: isize, axes: [Axes]) -> Self { x.binary(Op { axis }, other) }
/// ```
///
/// In angle brackets is what elements the tensor has: `Element`, `Numeric`, `Float`, or one type. Behind the first
/// operand come others, in parentheses with their elements (`Self` is those of the first, `Index` is
/// either type of integers), and attributes with their
/// type, in brackets where anything is taken that converts to it. The result is of the same elements (`Self`) or of
/// the named type.
///
/// Behind the docs, `#[doc(alias("sum", ..))]` has the names under which users of other libraries look for it.
///
/// A method is listed under its own name, which is that of its node where it is one node. Of the forms of one op only
/// the one with all attributes is listed, `-> Self as name`; the short ones are not, `-> Self as _`. Behind all
/// methods, `also` lists definitions that are written out.
macro_rules! methods {
    (
        $(
            $(#[doc = $doc:expr])*
            $(#[doc(alias($($alias:literal),+ $(,)?))])?
            fn $name:ident<$elements:ident>($x:ident $(, $argument:ident: $kind:tt)* $(,)?) -> $output:ident $(as $listed:tt)? $body:block
        )*
        $(also [$($also:expr),* $(,)?])?
    ) => {
        $($crate::ops::methods::method! {
            @sort [[[$($doc)*] [$($($alias)+)?]] $name $elements $x $output $body] [$($argument: $kind,)*] [] [] [] []
        })*

        pub(super) const METHODS: &[&[$crate::graph::op::OpDef]] = &[
            $($crate::ops::methods::listed!(
                [$($listed)?] [$($doc)*] $name $elements $x [$($argument: $kind,)*]
            ),)*
            $(&[$($also),*])?
        ];
    };
}

/// The definition of a method, if it is listed.
macro_rules! listed {
    ([_] $doc:tt $name:ident $elements:ident $x:ident $arguments:tt) => {
        &[]
    };
    ([] $doc:tt $name:ident $elements:ident $x:ident $arguments:tt) => {
        $crate::ops::methods::listed!([$name] $doc $name $elements $x $arguments)
    };
    ([$listed:ident] [$($doc:expr)*] $name:ident $elements:ident $x:ident [$($argument:ident: $kind:tt,)*]) => {
        &[$crate::graph::op::OpDef {
            name: stringify!($listed),
            doc: concat!($($doc, "\n",)* ""),
            operands: $crate::ops::methods::operands!([$elements $x] [$($argument: $kind,)*] []),
            attributes: $crate::ops::methods::attributes!([$($argument: $kind,)*] []),
            build: |_, operands, attributes| {
                let mut operands = operands.iter().copied();
                // Operands have been counted.
                let Some(x) = operands.next() else { return Ok(Vec::new()) };
                // Not used by ops without either.
                let _ = (&mut operands, attributes);
                Ok(vec![$crate::ops::methods::call!(x $name operands attributes [$($argument: $kind,)*] [])])
            },
        }]
    };
}

/// One method: sorts its arguments, then writes both forms.
macro_rules! method {
    (@sort $head:tt [$argument:ident: (Self), $($rest:tt)*] [$($typed:tt)*] [$($any:tt)*] [$($passed:tt)*] [$($with:tt)*]) => {
        $crate::ops::methods::method! {
            @sort $head [$($rest)*]
            [$($typed)* $argument: impl $crate::graph::Operand<'g, T>,]
            [$($any)* $argument: impl $crate::graph::AnyOperand<'g>,]
            [$($passed)* $argument,]
            [$($with)* ($argument Same)]
        }
    };
    (@sort $head:tt [$argument:ident: (Index), $($rest:tt)*] [$($typed:tt)*] [$($any:tt)*] [$($passed:tt)*] [$($with:tt)*]) => {
        $crate::ops::methods::method! {
            @sort $head [$($rest)*]
            [$($typed)* $argument: impl $crate::graph::IndexOperand<'g>,]
            [$($any)* $argument: impl $crate::graph::AnyOperand<'g>,]
            [$($passed)* $argument,]
            [$($with)* ($argument Index)]
        }
    };
    (@sort $head:tt [$argument:ident: ($type:ident), $($rest:tt)*] [$($typed:tt)*] [$($any:tt)*] [$($passed:tt)*] [$($with:tt)*]) => {
        $crate::ops::methods::method! {
            @sort $head [$($rest)*]
            [$($typed)* $argument: impl $crate::graph::Operand<'g, $type>,]
            [$($any)* $argument: impl $crate::graph::AnyOperand<'g>,]
            [$($passed)* $argument,]
            [$($with)* ($argument $type)]
        }
    };
    (@sort $head:tt [$argument:ident: [$type:ty], $($rest:tt)*] [$($typed:tt)*] [$($any:tt)*] [$($passed:tt)*] [$($with:tt)*]) => {
        $crate::ops::methods::method! {
            @sort $head [$($rest)*]
            [$($typed)* $argument: impl Into<$type>,]
            [$($any)* $argument: impl Into<$type>,]
            [$($passed)* $argument,]
            [$($with)* [$argument $type]]
        }
    };
    (@sort $head:tt [$argument:ident: $type:ident, $($rest:tt)*] [$($typed:tt)*] [$($any:tt)*] [$($passed:tt)*] $with:tt) => {
        $crate::ops::methods::method! {
            @sort $head [$($rest)*]
            [$($typed)* $argument: $type,] [$($any)* $argument: $type,] [$($passed)* $argument,] $with
        }
    };
    (
        @sort [$doc:tt $name:ident $elements:ident $x:ident $output:ident $body:block] []
        $typed:tt [$($any:tt)*] $passed:tt [$($with:tt)*]
    ) => {
        impl<'g> $crate::graph::AnyTensor<'g> {
            #[doc = concat!("The same as [`Tensor::", stringify!($name), "`](crate::Tensor::", stringify!($name),
                "); element types are checked when the node is built.")]
            #[track_caller]
            pub fn $name(self, $($any)*) -> Self {
                #[cfg(test)]
                $crate::ops::laws::called(stringify!($name));
                let $x = self;
                let dtype = $x.dtype();
                if let Some(invalid) =
                    $crate::ops::methods::elements!($elements).refuse(stringify!($name), $x, dtype)
                {
                    return invalid;
                }
                $($crate::ops::methods::taken!($name $x dtype $with);)*
                $body
            }
        }

        $crate::ops::methods::method! { @typed $doc $name $elements $output $typed $passed }
    };
    (@typed $doc:tt $name:ident Element $output:ident $typed:tt $passed:tt) => {
        $crate::ops::methods::method! { @shell [T: $crate::element::Element] T $doc $name $output $typed $passed }
    };
    (@typed $doc:tt $name:ident Numeric $output:ident $typed:tt $passed:tt) => {
        $crate::ops::methods::method! { @shell [T: $crate::element::Numeric] T $doc $name $output $typed $passed }
    };
    (@typed $doc:tt $name:ident Float $output:ident $typed:tt $passed:tt) => {
        $crate::ops::methods::method! { @shell [T: $crate::graph::Float] T $doc $name $output $typed $passed }
    };
    (@typed $doc:tt $name:ident $element:ident $output:ident $typed:tt $passed:tt) => {
        $crate::ops::methods::method! { @shell [] $element $doc $name $output $typed $passed }
    };
    (
        @shell [$($generic:tt)*] $element:ident [[$($doc:expr)*] [$($alias:literal)*]] $name:ident $output:ident
        [$($typed:tt)*] [$($passed:tt)*]
    ) => {
        impl<'g, $($generic)*> $crate::graph::Tensor<'g, $element> {
            $(#[doc = $doc])*
            $(#[doc(alias = $alias)])*
            #[track_caller]
            pub fn $name(self, $($typed)*) -> $crate::ops::methods::output!('g $output) {
                $crate::graph::Tensor::typed(self.any().$name($($passed)*))
            }
        }
    };
}

/// An argument as the body of a method takes it: tensors of the right elements, attributes of their type. What is
/// invalid has no element type that another could lack, and what is of another graph is refused as such, when the node
/// is added.
macro_rules! taken {
    ($name:ident $x:ident $dtype:ident ($argument:ident Same)) => {
        let $argument = $crate::graph::AnyOperand::into_any($argument, $x.graph(), $dtype);
        if !$x.is_invalid()
            && $argument.is_of($x.graph())
            && let Some(invalid) =
                $crate::graph::op::Elements::Same.refuse(stringify!($name), $argument, $dtype)
        {
            return invalid;
        }
    };
    ($name:ident $x:ident $dtype:ident ($argument:ident Index)) => {
        let $argument =
            $crate::graph::AnyOperand::into_any($argument, $x.graph(), $crate::element::DType::I64);
        if $argument.is_of($x.graph())
            && let Some(invalid) =
                $crate::graph::op::Elements::Integer.refuse(stringify!($name), $argument, $dtype)
        {
            return invalid;
        }
    };
    ($name:ident $x:ident $dtype:ident ($argument:ident $type:ident)) => {
        let dtype = <$type as $crate::element::Element>::DTYPE;
        let $argument = $crate::graph::AnyOperand::into_any($argument, $x.graph(), dtype);
        if $argument.is_of($x.graph())
            && let Some(invalid) =
                $crate::graph::op::Elements::Only(dtype).refuse(stringify!($name), $argument, dtype)
        {
            return invalid;
        }
    };
    ($name:ident $x:ident $dtype:ident [$argument:ident $type:ty]) => {
        let $argument: $type = $argument.into();
    };
}

/// The type of a method's result.
macro_rules! output {
    ($lifetime:lifetime Self) => {
        Self
    };
    ($lifetime:lifetime $type:ident) => {
        $crate::graph::Tensor<$lifetime, $type>
    };
}

/// What stands in angle brackets, as the registry has it.
macro_rules! elements {
    (Element) => {
        $crate::graph::op::Elements::Element
    };
    (Numeric) => {
        $crate::graph::op::Elements::Numeric
    };
    (Float) => {
        $crate::graph::op::Elements::Float
    };
    (Self) => {
        $crate::graph::op::Elements::Same
    };
    (Index) => {
        $crate::graph::op::Elements::Integer
    };
    ($type:ident) => {
        $crate::graph::op::Elements::Only(<$type as $crate::element::Element>::DTYPE)
    };
}

/// The operands of a definition.
macro_rules! operands {
    ([$elements:ident $x:ident] [$argument:ident: ($type:ident), $($rest:tt)*] [$($operands:tt)*]) => {
        $crate::ops::methods::operands!([$elements $x] [$($rest)*] [$($operands)* ($argument $type)])
    };
    ([$elements:ident $x:ident] [$argument:ident: $other:tt, $($rest:tt)*] $operands:tt) => {
        $crate::ops::methods::operands!([$elements $x] [$($rest)*] $operands)
    };
    ([$elements:ident $x:ident] [] [$(($argument:ident $type:ident))*]) => {
        &[
            $crate::graph::op::OperandDef::one(stringify!($x), $crate::ops::methods::elements!($elements)),
            $($crate::graph::op::OperandDef::one(stringify!($argument), $crate::ops::methods::elements!($type)),)*
        ]
    };
}

/// The attributes of a definition.
macro_rules! attributes {
    ([$argument:ident: ($type:ident), $($rest:tt)*] $attributes:tt) => {
        $crate::ops::methods::attributes!([$($rest)*] $attributes)
    };
    ([$argument:ident: [$type:ty], $($rest:tt)*] [$($attributes:tt)*]) => {
        $crate::ops::methods::attributes!([$($rest)*] [$($attributes)* ($argument $type)])
    };
    ([$argument:ident: $type:ident, $($rest:tt)*] [$($attributes:tt)*]) => {
        $crate::ops::methods::attributes!([$($rest)*] [$($attributes)* ($argument $type)])
    };
    ([] [$(($argument:ident $type:ty))*]) => {
        &[$($crate::graph::op::AttributeDef::of::<$type>(stringify!($argument)),)*]
    };
}

/// The call of a method with operands and attributes that are given by name.
macro_rules! call {
    ($first:ident $name:ident $operands:ident $values:ident [$argument:ident: ($type:ident), $($rest:tt)*] [$($passed:tt)*]) => {
        $crate::ops::methods::call!($first $name $operands $values [$($rest)*]
            [$($passed)* match $operands.next() {
                Some(operand) => operand,
                None => return Ok(Vec::new()),
            },])
    };
    ($first:ident $name:ident $operands:ident $values:ident [$argument:ident: [$type:ty], $($rest:tt)*] [$($passed:tt)*]) => {
        $crate::ops::methods::call!($first $name $operands $values [$($rest)*]
            [$($passed)* $values.value::<$type>(stringify!($argument))?,])
    };
    ($first:ident $name:ident $operands:ident $values:ident [$argument:ident: $type:ident, $($rest:tt)*] [$($passed:tt)*]) => {
        $crate::ops::methods::call!($first $name $operands $values [$($rest)*]
            [$($passed)* $values.value::<$type>(stringify!($argument))?,])
    };
    ($first:ident $name:ident $operands:ident $values:ident [] [$($passed:tt)*]) => {
        $first.$name($($passed)*)
    };
}

pub(super) use {attributes, call, elements, listed, method, methods, operands, output, taken};
