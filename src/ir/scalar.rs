//! The scalar functions, as a table, and the functions that fold many elements to one.

use crate::element::DType;

/// Which element types a function takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Types {
    /// Numbers of one type, to the same.
    Number,
    /// Floats of one type, to the same.
    Float,
    /// Booleans, to booleans.
    Truth,
    /// Elements of any one type, to a boolean.
    Equality,
    /// Numbers of one type, to a boolean.
    Order,
    /// A boolean and two elements of any one type, to the same.
    Select,
    /// Any type to any.
    Cast,
}

/// Declares the scalar functions with the number of their operands, their types, and the names by which they are
/// printed.
macro_rules! scalar_functions {
    ($($(#[$doc:meta])* $variant:ident $arity:literal $types:ident $name:literal,)*) => {
        /// A function of one element of each operand.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Scalar {
            $(
                #[doc = concat!("`", $name, "`, of ", $arity, ".")]
                #[doc = ""]
                $(#[$doc])*
                $variant,
            )*
        }

        impl Scalar {
            /// As it is printed.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Scalar::$variant => $name,)*
                }
            }

            /// The number of operands.
            fn arity(self) -> usize {
                match self {
                    $(Scalar::$variant => $arity,)*
                }
            }

            fn types(self) -> Types {
                match self {
                    $(Scalar::$variant => Types::$types,)*
                }
            }

            /// All functions, in the order of the table.
            #[cfg(test)]
            pub(crate) const ALL: &[Scalar] = &[$(Scalar::$variant,)*];
        }
    };
}
scalar_functions! {
    Add 2 Number "add",
    Sub 2 Number "sub",
    Mul 2 Number "mul",
    Div 2 Number "div",
    /// The product; 0 where the first operand is 0, whatever the second is.
    Scaled 2 Number "scaled",
    Maximum 2 Number "maximum",
    Minimum 2 Number "minimum",
    Pow 2 Float "pow",
    /// The quotient rounded down.
    FloorDiv 2 Number "floor_div",
    /// What the quotient rounded down leaves.
    Modulo 2 Number "modulo",
    Neg 1 Number "neg",
    Abs 1 Number "abs",
    /// -1, 0 or 1.
    Sign 1 Number "sign",
    Square 1 Number "square",
    Sqrt 1 Float "sqrt",
    Exp 1 Float "exp",
    Expm1 1 Float "expm1",
    Ln 1 Float "ln",
    Log1p 1 Float "log1p",
    Tanh 1 Float "tanh",
    Sigmoid 1 Float "sigmoid",
    Erf 1 Float "erf",
    /// The share of the standard normal distribution that is below.
    Normal 1 Float "normal",
    Sin 1 Float "sin",
    Cos 1 Float "cos",
    Tan 1 Float "tan",
    Asin 1 Float "asin",
    Acos 1 Float "acos",
    Atan 1 Float "atan",
    Sinh 1 Float "sinh",
    Cosh 1 Float "cosh",
    Floor 1 Float "floor",
    Ceil 1 Float "ceil",
    /// To the nearest integer, of two the even one.
    Round 1 Float "round",
    /// To the element type of the instruction.
    Cast 1 Cast "cast",
    /// A comparison: a truth value.
    Equal 2 Equality "equal",
    NotEqual 2 Equality "not_equal",
    Less 2 Order "less",
    LessEqual 2 Order "less_equal",
    /// Of truth values.
    And 2 Truth "and",
    Or 2 Truth "or",
    Not 1 Truth "not",
    /// The second operand where the first is true, else the third.
    Select 3 Select "select",
    /// The first operand, an index, where it is at least 0 and below the second; it has no value elsewhere.
    Checked 2 Number "checked",
    /// The first operand where its magnitude is below the second, which is ∞; it has no value elsewhere.
    Finite 2 Number "finite",
}

impl Scalar {
    /// Whether there is the function of operands of these types that gives the last one.
    pub(crate) fn takes(self, operands: &[DType], result: DType) -> bool {
        let [first, last] = match operands {
            [] => return false,
            [only] => [*only, *only],
            [first, .., last] => [*first, *last],
        };
        let are = |operands: &[DType], dtype: DType| operands.iter().all(|&operand| operand == dtype);
        let are_alike = are(operands, last);
        operands.len() == self.arity()
            && match self.types() {
                Types::Number => are_alike && last != DType::Bool && result == last,
                Types::Float => are_alike && last.is_float() && result == last,
                Types::Truth => are_alike && last == DType::Bool && result == last,
                Types::Equality => are_alike && result == DType::Bool,
                Types::Order => are_alike && last != DType::Bool && result == DType::Bool,
                Types::Select => first == DType::Bool && are(&operands[1..], last) && result == last,
                Types::Cast => true,
            }
    }

    /// Whether the function may have no value for some numbers.
    pub(crate) fn can_fail(self, dtype: DType) -> bool {
        match self {
            Scalar::Checked | Scalar::Finite => true,
            Scalar::Div | Scalar::FloorDiv | Scalar::Modulo => !dtype.is_float(),
            _ => false,
        }
    }
}

/// An associative function by which the elements along axes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fold {
    /// The sum; that of nothing is 0.
    Sum,
    /// The product; that of nothing is 1.
    Prod,
    /// The largest; of nothing, the least number of the type.
    Max,
    /// The smallest; of nothing, the greatest number of the type.
    Min,
}

impl Fold {
    /// As it is printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Fold::Sum => "sum",
            Fold::Prod => "prod",
            Fold::Max => "max",
            Fold::Min => "min",
        }
    }
}
