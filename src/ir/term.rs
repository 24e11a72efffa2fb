//! [`Term`]: a value inside a formula, with operators and a method for each scalar function, so that what an op
//! computes reads as it is written on paper.

use std::cell::RefCell;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::scalar::scalar_table;
use super::{Lowering, Scalar, Val};

/// A value that a formula is made of; each function of terms emits an instruction.
#[derive(Clone, Copy)]
pub(crate) struct Term<'t, 'p> {
    to: &'t RefCell<&'t mut Lowering<'p>>,
    val: Val,
}

/// What stands beside a term: another one, or a number, which becomes one of its element type.
pub(crate) trait Beside<'t, 'p> {
    fn beside(self, term: Term<'t, 'p>) -> Term<'t, 'p>;
}

impl<'t, 'p> Beside<'t, 'p> for Term<'t, 'p> {
    fn beside(self, _: Term<'t, 'p>) -> Term<'t, 'p> {
        self
    }
}

impl<'t, 'p> Beside<'t, 'p> for f64 {
    fn beside(self, term: Term<'t, 'p>) -> Term<'t, 'p> {
        term.number(self)
    }
}

impl<'p> Lowering<'p> {
    /// Emits a formula of values.
    pub(crate) fn formula<const N: usize>(
        &mut self,
        operands: [Val; N],
        formula: impl for<'t> FnOnce([Term<'t, 'p>; N]) -> Term<'t, 'p>,
    ) -> Val {
        let to = RefCell::new(self);
        formula(operands.map(|val| Term { to: &to, val })).val
    }
}

impl<'p> Term<'_, 'p> {
    fn emit(self, emit: impl FnOnce(&mut Lowering<'p>) -> Val) -> Self {
        Term { val: emit(&mut self.to.borrow_mut()), ..self }
    }

    /// A number of this term's element type.
    pub(crate) fn number(self, number: f64) -> Self {
        self.emit(|to| to.scalar(number, to.dtype(self.val)))
    }

    fn apply(self, function: Scalar, operands: &[Val]) -> Self {
        self.emit(|to| {
            if function.gives_bool() { to.compare(function, operands) } else { to.map(function, operands) }
        })
    }
}

/// Declares a method for each function of the table, but for casts.
macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident $text:ident $operands:tt -> $gives:ident, $fails:ident, $cost:ident;)*) => {
        $(methods!(@of $operands $name $text);)*
    };
    (@of (Bool, Any, Any) $name:ident $text:ident) => {
        impl<'t, 'p> Term<'t, 'p> {
            /// The one where this is true, else the other.
            pub(crate) fn $text(self, accepted: Term<'t, 'p>, rejected: impl Beside<'t, 'p>) -> Self {
                let rejected = rejected.beside(accepted);
                self.apply(Scalar::$name, &[self.val, accepted.val, rejected.val])
            }
        }
    };
    (@of (Any) $name:ident $text:ident) => {};
    (@of ($kind:ident) $name:ident $text:ident) => {
        #[allow(dead_code, reason = "not all functions of the table are in formulas yet")]
        impl Term<'_, '_> {
            pub(crate) fn $text(self) -> Self {
                self.apply(Scalar::$name, &[self.val])
            }
        }
    };
    (@of ($kind:ident, $same:ident) $name:ident $text:ident) => {
        #[allow(dead_code, reason = "not all functions of the table are in formulas yet")]
        impl<'t, 'p> Term<'t, 'p> {
            pub(crate) fn $text(self, other: impl Beside<'t, 'p>) -> Self {
                let other = other.beside(self);
                self.apply(Scalar::$name, &[self.val, other.val])
            }
        }
    };
}
scalar_table!(methods);

impl Neg for Term<'_, '_> {
    type Output = Self;
    fn neg(self) -> Self {
        self.apply(Scalar::Neg, &[self.val])
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident;)*) => {$(
        impl<'t, 'p, B: Beside<'t, 'p>> $trait<B> for Term<'t, 'p> {
            type Output = Self;
            fn $method(self, other: B) -> Self {
                let other = other.beside(self);
                self.apply(Scalar::$trait, &[self.val, other.val])
            }
        }
        impl<'t, 'p> $trait<Term<'t, 'p>> for f64 {
            type Output = Term<'t, 'p>;
            fn $method(self, other: Term<'t, 'p>) -> Term<'t, 'p> {
                $trait::$method(other.number(self), other)
            }
        }
    )*};
}
operators! { Add add; Sub sub; Mul mul; Div div; }
