//! The scalar functions, as a table, and the functions that reduce many elements to one.

use crate::element::DType;

/// Which elements an operand of a function may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any.
    Any,
    /// Floats and integers.
    Number,
    /// Floats.
    Float,
    /// Integers.
    Integer,
    /// Integers and booleans.
    Bits,
    /// Booleans.
    Bool,
}

impl Kind {
    /// Whether an element type is of this kind.
    pub(crate) fn has(self, dtype: DType) -> bool {
        match self {
            Kind::Any => true,
            Kind::Number => dtype != DType::Bool,
            Kind::Float => dtype.is_float(),
            Kind::Integer => !dtype.is_float() && dtype != DType::Bool,
            Kind::Bits => !dtype.is_float(),
            Kind::Bool => dtype == DType::Bool,
        }
    }

    /// Elements of what are of this kind, in words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Any => "any type",
            Kind::Number => "a number type",
            Kind::Float => "a float type",
            Kind::Integer => "an integer type",
            Kind::Bits => "an integer type or bool",
            Kind::Bool => "the type bool",
        }
    }
}

/// Which type a function gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gives {
    /// That of the last operand.
    Same,
    /// Booleans.
    Bool,
    /// That of the instruction.
    Other,
}

/// Where a function may have no value, which fails the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fails {
    Never,
    /// An integer divided by 0.
    Integers,
    /// A check.
    Checks,
}

/// What computing one element takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// An instruction of the machine, or a few.
    Cheap,
    /// A polynomial or two, computed for a vector of elements at a time.
    Vector,
    /// Several polynomials or divisions.
    Long,
    /// A call of the standard library for each element.
    Call,
}

/// Hands the table of scalar functions to a macro, which makes what there must be for each: here the type
/// [`Scalar`] and its rules, in `kernel` what computes it. A row: the variant, its name in texts, the kinds
/// of the operands, of which those that are not booleans are of one type, the type of the result, where it has no value,
/// and what an element costs. The function itself is a row in `kernel/scalar.rs`.
macro_rules! scalar_table {
    ($callback:ident) => {
        $callback! {
            Add       add        (Number, Number) -> Same,  Never,    Cheap;
            Sub       sub        (Number, Number) -> Same,  Never,    Cheap;
            Mul       mul        (Number, Number) -> Same,  Never,    Cheap;
            Div       div        (Number, Number) -> Same,  Integers, Cheap;
            /// The product; 0 where the first operand is 0, whatever the second is.
            Scaled    scaled     (Number, Number) -> Same,  Never,    Cheap;
            Maximum   maximum    (Number, Number) -> Same,  Never,    Cheap;
            Minimum   minimum    (Number, Number) -> Same,  Never,    Cheap;
            Pow       pow        (Float, Float)   -> Same,  Never,    Long;
            /// The quotient rounded down.
            FloorDiv  floor_div  (Number, Number) -> Same,  Integers, Long;
            /// What the quotient rounded down leaves.
            Modulo    modulo     (Number, Number) -> Same,  Integers, Long;
            Neg       neg        (Number)         -> Same,  Never,    Cheap;
            Abs       abs        (Number)         -> Same,  Never,    Cheap;
            /// -1, 0 or 1.
            Sign      sign       (Number)         -> Same,  Never,    Cheap;
            Square    square     (Number)         -> Same,  Never,    Cheap;
            Sqrt      sqrt       (Float)          -> Same,  Never,    Cheap;
            Exp       exp        (Float)          -> Same,  Never,    Vector;
            Expm1     expm1      (Float)          -> Same,  Never,    Vector;
            Exp2      exp2       (Float)          -> Same,  Never,    Vector;
            Ln        ln         (Float)          -> Same,  Never,    Vector;
            Log1p     log1p      (Float)          -> Same,  Never,    Vector;
            Log2      log2       (Float)          -> Same,  Never,    Vector;
            Log10     log10      (Float)          -> Same,  Never,    Vector;
            Cbrt      cbrt       (Float)          -> Same,  Never,    Vector;
            Tanh      tanh       (Float)          -> Same,  Never,    Vector;
            Sigmoid   sigmoid    (Float)          -> Same,  Never,    Vector;
            Erf       erf        (Float)          -> Same,  Never,    Vector;
            /// What the error function lacks of 1.
            Erfc      erfc       (Float)          -> Same,  Never,    Vector;
            /// The share of the standard normal distribution that is below.
            Normal    normal     (Float)          -> Same,  Never,    Vector;
            Sin       sin        (Float)          -> Same,  Never,    Vector;
            Cos       cos        (Float)          -> Same,  Never,    Vector;
            Tan       tan        (Float)          -> Same,  Never,    Call;
            Asin      asin       (Float)          -> Same,  Never,    Call;
            Acos      acos       (Float)          -> Same,  Never,    Call;
            Atan      atan       (Float)          -> Same,  Never,    Call;
            Sinh      sinh       (Float)          -> Same,  Never,    Call;
            Cosh      cosh       (Float)          -> Same,  Never,    Call;
            /// The angle of the point whose second coordinate comes first.
            Atan2     atan2      (Float, Float)   -> Same,  Never,    Call;
            /// The root of the sum of the squares.
            Hypot     hypot      (Float, Float)   -> Same,  Never,    Call;
            Floor     floor      (Float)          -> Same,  Never,    Cheap;
            Ceil      ceil       (Float)          -> Same,  Never,    Cheap;
            /// To the nearest integer, of two the even one.
            Round     round      (Float)          -> Same,  Never,    Cheap;
            /// To the element type of the instruction.
            Cast      cast       (Any)            -> Other, Never,    Cheap;
            /// A comparison: a boolean.
            Equal     equal      (Any, Any)       -> Bool,  Never,    Cheap;
            NotEqual  not_equal  (Any, Any)       -> Bool,  Never,    Cheap;
            Less      less       (Number, Number) -> Bool,  Never,    Cheap;
            LessEqual less_equal (Number, Number) -> Bool,  Never,    Cheap;
            /// Of booleans, or of each bit of integers.
            And       and        (Bits, Bits)     -> Same,  Never,    Cheap;
            Or        or         (Bits, Bits)     -> Same,  Never,    Cheap;
            Xor       xor        (Bits, Bits)     -> Same,  Never,    Cheap;
            Not       not        (Bits)           -> Same,  Never,    Cheap;
            /// The bits of an integer moved up by so many as the second operand says; 0 where that is not among its bits.
            ShiftLeft shift_left (Integer, Integer) -> Same, Never,   Cheap;
            /// Moved down, copies of the sign coming in; only these where the second operand is not among the bits.
            ShiftRight shift_right (Integer, Integer) -> Same, Never, Cheap;
            /// The second operand where the first is true, else the third.
            Select    select     (Bool, Any, Any) -> Same,  Never,    Cheap;
            /// The first operand, an index, where it is at least 0 and below the second; it has no value elsewhere.
            Checked   checked    (Number, Number) -> Same,  Checks,   Cheap;
            /// The first operand where its magnitude is below the second, which is ∞; it has no value elsewhere.
            Finite    finite     (Number, Number) -> Same,  Checks,   Cheap;
        }
    };
}
pub(crate) use scalar_table;

/// Declares the scalar functions.
macro_rules! declare {
    ($($(#[$doc:meta])* $variant:ident $name:ident ($($kind:ident),+) -> $gives:ident, $fails:ident, $cost:ident;)*) => {
        /// A function of one element of each operand.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Scalar {
            $(
                #[doc = concat!("`", stringify!($name), "`, of ", stringify!(($($kind),+)), ".")]
                #[doc = ""]
                $(#[$doc])*
                $variant,
            )*
        }

        impl Scalar {
            /// As it is printed.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Scalar::$variant => stringify!($name),)*
                }
            }

            /// The kinds of the operands.
            fn operands(self) -> &'static [Kind] {
                match self {
                    $(Scalar::$variant => &[$(Kind::$kind),+],)*
                }
            }

            fn gives(self) -> Gives {
                match self {
                    $(Scalar::$variant => Gives::$gives,)*
                }
            }

            fn fails(self) -> Fails {
                match self {
                    $(Scalar::$variant => Fails::$fails,)*
                }
            }

            /// What computing one element takes.
            pub(crate) fn cost(self) -> Cost {
                match self {
                    $(Scalar::$variant => Cost::$cost,)*
                }
            }

            /// All functions, in the order of the table.
            #[cfg(test)]
            pub(crate) const ALL: &[Scalar] = &[$(Scalar::$variant,)*];
        }
    };
}
scalar_table!(declare);

impl Scalar {
    /// Whether there are kernels that take a single element as an operand of such a type, and not a tile filled with it:
    /// for cheap functions, where a load less is a good part of the time, of floats, as each is three kernels for each
    /// instruction set.
    pub(crate) fn takes_single_elements(self, from: DType) -> bool {
        self.cost() == Cost::Cheap && from.is_float()
    }

    /// Whether there is the function of operands of these types that gives the last one.
    pub(crate) fn takes(self, operands: &[DType], result: DType) -> bool {
        let kinds = self.operands();
        let Some(&last) = operands.last() else { return false };
        let fits =
            |(&kind, &dtype): (&Kind, &DType)| kind.has(dtype) && (kind == Kind::Bool || dtype == last);
        let gives = match self.gives() {
            Gives::Same => result == last,
            Gives::Bool => result == DType::Bool,
            Gives::Other => true,
        };
        operands.len() == kinds.len() && kinds.iter().zip(operands).all(fits) && gives
    }

    /// How many operands it has.
    pub(crate) fn arity(self) -> usize {
        self.operands().len()
    }

    /// Whether it gives booleans, whatever its operands are.
    pub(crate) fn gives_bool(self) -> bool {
        self.gives() == Gives::Bool
    }

    /// Whether the function may have no value for some numbers.
    pub(crate) fn can_fail(self, dtype: DType) -> bool {
        match self.fails() {
            Fails::Never => false,
            Fails::Integers => !dtype.is_float(),
            Fails::Checks => true,
        }
    }
}

/// An associative function that makes one element of those along axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reduce {
    /// The sum; that of nothing is 0.
    Sum,
    /// The product; that of nothing is 1.
    Prod,
    /// The largest; of nothing, the least number of the type.
    Max,
    /// The smallest; of nothing, the greatest number of the type.
    Min,
}

impl Reduce {
    /// As it is printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Reduce::Sum => "sum",
            Reduce::Prod => "prod",
            Reduce::Max => "max",
            Reduce::Min => "min",
        }
    }
}
