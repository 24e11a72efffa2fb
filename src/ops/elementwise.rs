//! [`elementwise`], the table that declares elementwise functions: a row has the name, the formula in words, the
//! formula in terms of the vocabulary, the slopes and an example.
//!
//! From a row come the op, the methods of [`Tensor`](crate::Tensor) and [`AnyTensor`] with their docs, the definition in
//! the registry, and an example for the laws. A function that is made of others needs nothing else; one that is not is
//! also a row of the table of scalar functions (`ir/scalar.rs`) and of what computes these (`kernel/scalar.rs`).
//!
//! A row:
//!
//! ```text
//! name(number = 0.25) "formula" |x| x * number => bool, ["slope" times |x, y| ..], (0.5 => |x| x.exp());
//! ```
//!
//! - the *name*, and of a function with a parameter its name and a number for the example;
//! - behind the formula in words, `aka ["log"]` has the names under which users of other libraries look for it;
//! - the *formula* in words, without "elementwise", and as a closure over [`Term`]s, one an operand; `=> bool` if it gives
//!   booleans;
//! - for each operand the *slope* in words and as a closure over the operands and the output: what the cotangent is
//!   multiplied by (`times`) or divided by (`over`); or, with the cotangent as the first parameter, the operand's share of
//!   it (`gives`). With an empty list no gradient passes, which differentiating reports;
//! - the *example*: an argument (two, of a function of two operands) and, as a closure, what comes of it, to 1e-15. The laws
//!   try it on more arguments, those `within` two numbers if that follows. An expression in place of the closure is for the
//!   docs alone, and so are lists in brackets, which must come out to the bit.
//!
//! The rows of one kind of elements stand together, behind what their docs all say of the values. Before them, a list
//! has the definitions of the file's other ops.

use crate::element::DType;
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{Attributes, Form, Op};
use crate::ir::{Kind, Lowering, Term, Val};
use crate::shape::TensorType;

/// The formula of a function of so many operands, given its parameter.
type Formula<const N: usize> = for<'t, 'p> fn([Term<'t, 'p>; N], f64) -> Term<'t, 'p>;

/// A row of the table.
#[derive(Debug)]
pub(super) struct Row<const N: usize> {
    pub(super) name: &'static str,
    /// Which elements the operands may have.
    pub(super) kind: Kind,
    /// Whether it gives booleans, and not elements of the operands' type.
    pub(super) gives_bool: bool,
    pub(super) formula: Formula<N>,
    /// Gives operands their shares of the cotangent; none if no gradient passes.
    pub(super) slopes: Option<fn(&mut Pullback<'_>, f64)>,
    pub(super) form: Form,
}

/// An elementwise function as an op.
#[derive(Debug)]
pub(super) struct Elementwise<const N: usize> {
    pub(super) row: &'static Row<N>,
    /// The parameter of those that have one.
    pub(super) number: Option<(&'static str, f64)>,
}

impl<const N: usize> Elementwise<N> {
    fn parameter(&self) -> f64 {
        self.number.map_or(0.0, |(_, number)| number)
    }
}

impl<const N: usize> Op for Elementwise<N> {
    fn name(&self) -> &'static str {
        self.row.name
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let kind = self.row.kind;
        // The others are of the first one's type.
        if !kind.has(inputs[0].dtype) {
            return Err(Fault::ElementKind { expected: kind.name(), found: inputs[0].dtype });
        }
        let together = |whole: TensorType, input: &&TensorType| whole.together(input);
        let whole = inputs[1..].iter().try_fold(inputs[0].clone(), together)?;
        Ok(if self.row.gives_bool { TensorType { dtype: DType::Bool, ..whole } } else { whole })
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let operands: [Val; N] = std::array::from_fn(|index| inputs[index]);
        to.formula(operands, |terms| (self.row.formula)(terms, self.parameter()))
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        if let Some(slopes) = self.row.slopes {
            slopes(at, self.parameter());
        }
    }

    fn differentiable(&self, _: usize) -> bool {
        // No cotangent comes to booleans, so there is no path to report.
        self.row.slopes.is_some() || self.row.gives_bool
    }

    fn form(&self) -> Form {
        self.row.form.clone()
    }

    fn attributes(&self) -> Attributes {
        match self.number {
            Some((name, number)) => Attributes::new().with(name, number),
            None => Attributes::new(),
        }
    }
}

/// The operands of a node and, as the last one, its output.
pub(super) fn around<'g, const M: usize>(at: &Pullback<'g>) -> [AnyTensor<'g>; M] {
    std::array::from_fn(|index| if index + 1 < M { at.input(index) } else { at.output() })
}

/// The cotangent, and 0 where the condition holds. A NaN, for which no comparison holds, lets the cotangent pass.
pub(super) fn unless<'g>(condition: AnyTensor<'g>, dy: AnyTensor<'g>) -> AnyTensor<'g> {
    condition.select(dy.scalar_like(0.0), dy)
}

/// Declares elementwise functions; see the module.
macro_rules! elementwise {
    ($([$($also:expr),* $(,)?])? $($kind:ident $values:literal {$(
        $name:ident $(($number:ident = $at:literal))? $formula:literal $(aka [$($alias:literal),+])? |$($x:ident),+| $lower:expr $(=> $gives:ident)?,
        [$($slopes:tt)*] $(is $form:ident)?, $example:tt;
    )*})*) => {
        pub(super) const METHODS: &[&[$crate::graph::op::OpDef]] = &[
            $($(&[elementwise!(@definition $kind $name [$($number)?] $formula, [$($x),+])],)*)*
            $(&[$($also),*])?
        ];

        /// What the rows give the laws.
        #[cfg(test)]
        #[allow(unused_mut, reason = "rows need not have examples for the laws")]
        fn rows() -> Vec<$crate::ops::laws::Example> {
            let mut examples: Vec<$crate::ops::laws::Example> = Vec::new();
            $($(elementwise!(@law examples, $name [$($at)?] $example);)*)*
            examples
        }

        $($(elementwise! { @row $kind $values, $name [$($number $at)?] $formula [$($($alias)+)?], [$($x),+] $lower, [$($gives)?],
            [$($slopes)*], [$($form)?], $example })*)*
    };

    // -- a row by the kind of its elements: the generics and the element type of the typed method --------------
    (@row Float $($row:tt)*) => { elementwise! { @typed Float [T: $crate::graph::Float] T, $($row)* } };
    (@row Number $($row:tt)*) => { elementwise! { @typed Number [T: $crate::element::Numeric] T, $($row)* } };
    (@row Integer $($row:tt)*) => { elementwise! { @typed Integer [T: $crate::element::Integer] T, $($row)* } };
    (@row Any $($row:tt)*) => { elementwise! { @typed Any [T: $crate::element::Element] T, $($row)* } };
    (@row Bool $($row:tt)*) => { elementwise! { @typed Bool [] bool, $($row)* } };

    // -- a function of one operand ------------------------------------------------------------------------------
    (@typed $kind:ident [$($generics:tt)*] $element:ty, $values:literal, $name:ident [$($number:ident $at:literal)?]
        $formula:literal [$($alias:literal)*], [$x:ident] $lower:expr, $gives:tt, $slopes:tt, $form:tt, $example:tt) => {
        impl<'g, $($generics)*> $crate::graph::Tensor<'g, $element> {
            #[doc = concat!($formula, ", elementwise.")]
            #[doc = ""]
            #[doc = elementwise!(@gradient $slopes $values)]
            #[doc = ""]
            #[doc = elementwise!(@example $name [$($at)?] $example)]
            $(#[doc(alias = $alias)])*
            #[track_caller]
            pub fn $name(self $(, $number: f64)?) -> $crate::graph::Tensor<'g, elementwise!(@output $element, $gives)> {
                $crate::graph::Tensor::typed(self.any().$name($($number)?))
            }
        }

        impl $crate::graph::AnyTensor<'_> {
            #[doc = concat!("The same as [`Tensor::", stringify!($name), "`](crate::Tensor::", stringify!($name),
                "), whose element types are checked when the node is built.")]
            #[track_caller]
            pub fn $name(self $(, $number: f64)?) -> Self {
                #[cfg(test)]
                $crate::ops::laws::called(stringify!($name));
                elementwise!(@static $kind $name [$($number)?] [$x] $lower, $gives, $slopes, $form);
                self.unary($crate::ops::elementwise::Elementwise { row: &ROW, number: elementwise!(@some [$($number)?]) })
            }
        }
    };

    // -- a function of two operands -----------------------------------------------------------------------------
    (@typed $kind:ident [$($generics:tt)*] $element:ty, $values:literal, $name:ident []
        $formula:literal [$($alias:literal)*], [$a:ident, $b:ident] $lower:expr, $gives:tt, $slopes:tt, $form:tt, $example:tt) => {
        impl<'g, $($generics)*> $crate::graph::Tensor<'g, $element> {
            #[doc = concat!($formula, ", elementwise; shapes broadcast.")]
            #[doc = ""]
            #[doc = elementwise!(@gradient $slopes $values)]
            #[doc = ""]
            #[doc = "Shapes that do not broadcast are a build error."]
            #[doc = ""]
            #[doc = elementwise!(@example $name [] $example)]
            $(#[doc(alias = $alias)])*
            #[track_caller]
            pub fn $name(
                self,
                other: impl $crate::graph::Operand<'g, $element>,
            ) -> $crate::graph::Tensor<'g, elementwise!(@output $element, $gives)> {
                let any = self.any();
                $crate::graph::Tensor::typed(any.$name(other.into_tensor(any.graph())))
            }
        }

        impl<'g> $crate::graph::AnyTensor<'g> {
            #[doc = concat!("The same as [`Tensor::", stringify!($name), "`](crate::Tensor::", stringify!($name),
                "), whose element types are checked when the node is built.")]
            #[track_caller]
            pub fn $name(self, other: impl $crate::graph::AnyOperand<'g>) -> Self {
                #[cfg(test)]
                $crate::ops::laws::called(stringify!($name));
                elementwise!(@static $kind $name [] [$a, $b] $lower, $gives, $slopes, $form);
                self.binary($crate::ops::elementwise::Elementwise { row: &ROW, number: None }, $crate::graph::AnyOperand::into_any(other, self.graph(), self.dtype()))
            }
        }
    };

    (@output $element:ty, []) => { $element };
    (@output $element:ty, [bool]) => { bool };
    (@gives_bool []) => { false };
    (@gives_bool [bool]) => { true };
    (@some []) => { None };
    (@some [$number:ident]) => { Some((stringify!($number), $number)) };
    (@form []) => { $crate::graph::op::Form::Other };
    (@form [$form:ident]) => { $crate::graph::op::Form::$form };

    (@static $kind:ident $name:ident [$($number:ident)?] [$($x:ident),+] $lower:expr, [$($gives:ident)?], $slopes:tt,
        $form:tt) => {
        static ROW: $crate::ops::elementwise::Row<{ [$(stringify!($x)),+].len() }> = $crate::ops::elementwise::Row {
            name: stringify!($name),
            kind: $crate::ir::Kind::$kind,
            gives_bool: elementwise!(@gives_bool [$($gives)?]),
            formula: |[$($x),+], _number| {
                $(let $number = _number;)?
                $lower
            },
            slopes: elementwise!(@slopes [$($number)?] $slopes),
            form: elementwise!(@form $form),
        };
    };

    // -- the registry -------------------------------------------------------------------------------------------
    (@definition $kind:ident $name:ident [$($number:ident)?] $formula:literal, [$x:ident]) => {
        $crate::graph::op::OpDef {
            name: stringify!($name),
            doc: concat!($formula, ", elementwise."),
            operands: &[$crate::graph::op::OperandDef::one("x", elementwise!(@elements $kind))],
            attributes: &[$($crate::graph::op::AttributeDef::of::<f64>(stringify!($number)))?],
            build: |_, operands, _attributes| {
                Ok(vec![operands[0].$name($(_attributes.value(stringify!($number))?)?)])
            },
        }
    };
    (@definition $kind:ident $name:ident [] $formula:literal, [$a:ident, $b:ident]) => {
        $crate::graph::op::OpDef {
            name: stringify!($name),
            doc: concat!($formula, ", elementwise; shapes broadcast."),
            operands: &[
                $crate::graph::op::OperandDef::one("x", elementwise!(@elements $kind)),
                $crate::graph::op::OperandDef::one("other", $crate::graph::op::Elements::Same),
            ],
            attributes: &[],
            build: |_, operands, _| Ok(vec![operands[0].$name(operands[1])]),
        }
    };
    (@elements Any) => { $crate::graph::op::Elements::Element };
    (@elements Number) => { $crate::graph::op::Elements::Numeric };
    (@elements Float) => { $crate::graph::op::Elements::Float };
    (@elements Integer) => { $crate::graph::op::Elements::Integer };
    (@elements Bool) => { $crate::graph::op::Elements::Only($crate::element::DType::Bool) };

    // -- the slopes ---------------------------------------------------------------------------------------------
    (@slopes $number:tt []) => { None };
    (@slopes [$($number:ident)?] [$($doc:literal $how:ident |$($s:tt),+| $slope:expr),+]) => {
        Some(|at, _number| {
            $(let $number = _number;)?
            let mut inputs = 0..;
            $(
                let input = inputs.next().unwrap_or_default();
                elementwise!(@share $how, at, input, [$($s),+] $slope);
            )+
        })
    };
    (@share times, $at:ident, $input:ident, [$($s:tt),+] $slope:expr) => {
        let around = $crate::ops::elementwise::around($at);
        $at.scale($input, || {
            let [$($s),+] = around;
            $slope
        });
    };
    (@share over, $at:ident, $input:ident, [$($s:tt),+] $slope:expr) => {
        let around = $crate::ops::elementwise::around($at);
        $at.divide($input, || {
            let [$($s),+] = around;
            $slope
        });
    };
    (@share gives, $at:ident, $input:ident, [$dy:tt, $($s:tt),+] $share:expr) => {
        let around = $crate::ops::elementwise::around($at);
        $at.give($input, |$dy| {
            let [$($s),+] = around;
            $share
        });
    };

    // -- the docs -----------------------------------------------------------------------------------------------
    (@gradient [] $values:literal) => { concat!("No gradient passes. ", $values) };
    (@gradient [$doc:literal $how:ident |$($s:tt),+| $slope:expr] $values:literal) => {
        concat!("Gradient: the cotangent times ", $doc, ". ", $values)
    };
    (@gradient [$one:literal $how:ident |$($s:tt),+| $slope:expr, $two:literal $($rest:tt)*] $values:literal) => {
        concat!("Gradient: the cotangent times ", $one, " to `self`, and times ", $two, " to `other`. ", $values)
    };

    (@example $name:ident [$($at:literal)?] ($x:literal => |$v:ident| $y:expr $(, within $low:literal, $high:literal)?)) => {
        concat!("```\nuse flowgrad::prelude::*;\nlet g = Graph::new();\nlet ", stringify!($v), " = ", stringify!($x),
            "_f64;\nlet found = Session::new(&g)?.run(g.constant(", stringify!($v), ").", stringify!($name), "(",
            $(stringify!($at),)? "))?;\nassert!((found.sum() - (", stringify!($y),
            ")).abs() < 1e-15);\n# Ok::<(), flowgrad::Error>(())\n```")
    };
    (@example $name:ident [$($at:literal)?] ($x:expr => $y:expr)) => {
        concat!("```\nuse flowgrad::prelude::*;\nlet g = Graph::new();\nlet x = ndarray::arr1(&", stringify!($x),
            ");\nlet y = Session::new(&g)?.run(g.constant(x).", stringify!($name), "(", $(stringify!($at),)?
            "))?;\nassert_eq!(y, ndarray::arr1(&", stringify!($y),
            ").into_dyn());\n# Ok::<(), flowgrad::Error>(())\n```")
    };
    (@example $name:ident [] ($a:literal, $b:literal => |$v:ident, $w:ident| $y:expr
        $(, within $low:literal, $high:literal)?)) => {
        concat!("```\nuse flowgrad::prelude::*;\nlet g = Graph::new();\nlet (", stringify!($v), ", ", stringify!($w),
            ") = (", stringify!($a), "_f64, ", stringify!($b), "_f64);\nlet found = Session::new(&g)?.run(g.constant(",
            stringify!($v), ").", stringify!($name), "(", stringify!($w), "))?;\nassert!((found.sum() - (", stringify!($y),
            ")).abs() < 1e-15);\n# Ok::<(), flowgrad::Error>(())\n```")
    };
    (@example $name:ident [] ($a:expr, $b:expr => $y:expr)) => {
        concat!("```\nuse flowgrad::prelude::*;\nlet g = Graph::new();\nlet a = g.constant(ndarray::arr1(&",
            stringify!($a), "));\nlet b = g.constant(ndarray::arr1(&", stringify!($b),
            "));\nlet y = Session::new(&g)?.run(a.", stringify!($name), "(b))?;\nassert_eq!(y, ndarray::arr1(&",
            stringify!($y), ").into_dyn());\n# Ok::<(), flowgrad::Error>(())\n```")
    };

    // -- the laws -----------------------------------------------------------------------------------------------
    (@law $to:ident, $name:ident [$($at:literal)?] ($x:literal => |$v:ident| $y:expr
        $(, within $low:literal, $high:literal)?)) => {
        let example = $crate::ops::laws::example!(stringify!($name), &[&[2, 3]], |_, x| x[0].$name($($at)?), |x| x[0]
            .mapv(|$v: f64| $y));
        $(let example = example.within($low, $high);)?
        $to.push(example);
    };
    (@law $to:ident, $name:ident [] ($a:literal, $b:literal => |$v:ident, $w:ident| $y:expr
        $(, within $low:literal, $high:literal)?)) => {
        let shapes: [[&[usize]; 2]; 4] = [[&[2, 3], &[2, 3]], [&[3], &[2, 1]], [&[2, 3], &[]], [&[0, 2], &[2]]];
        for shapes in shapes {
            let example = $crate::ops::laws::example!(stringify!($name), &shapes, |_, x| x[0].$name(x[1]), |x| {
                $crate::ops::compare::zipped(x, |$v: f64, $w: f64| $y)
            });
            $(let example = example.within($low, $high);)?
            $to.push(example);
        }
    };
    (@law $to:ident, $name:ident $at:tt $example:tt) => {};
}
pub(super) use elementwise;
