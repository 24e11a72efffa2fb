//! Region programs: what a region does to each element, as instructions in single-assignment form.
//!
//! A program is of one element type, of floats or of integers. It runs over rows, and in each row through its segments in
//! their order: *loops* over the row's elements, and *row code* between them, whose values are the same for all elements.
//! Arithmetic on numbers and on their bits is one instruction each, and whether a product goes unrounded into a sum is
//! written down ([`Inst::MulAdd`]), so that all that run a program round alike.

use std::fmt;

use crate::element::DType;
use crate::ir::Reduce;
use crate::kernel::vector::LANE_BYTES;

/// A value, by its instruction's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Value(u32);

impl Value {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    pub(super) fn new(index: usize) -> Self {
        Value(index as u32)
    }
}

/// Memory that a program reads or writes, by its place among the program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stream(pub(crate) u16);

impl Stream {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A fold, by its place among the program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FoldId(pub(crate) u16);

impl FoldId {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A function of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Unary {
    Sqrt,
    /// To an integer below.
    Floor,
    /// To an integer above.
    Ceil,
    /// To the nearest integer, of two the even one.
    Round,
}

/// A function of two operands: of numbers, or of the bits in their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    /// `a` where it is larger than `b`, else `b`.
    Larger,
    /// `a` where it is smaller than `b`, else `b`.
    Smaller,
    And,
    Or,
    Xor,
    /// The sum of the bits as integers.
    AddBits,
    SubBits,
}

impl Binary {
    /// Whether it is of the bits of numbers.
    fn is_of_bits(self) -> bool {
        matches!(self, Binary::And | Binary::Or | Binary::Xor | Binary::AddBits | Binary::SubBits)
    }
}

/// A comparison of two numbers. Of integers there are `Equal` and `NotLessEqual`, of which all others are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Compare {
    Equal,
    Less,
    LessEqual,
    NotEqual,
    /// Larger, or one of them NaN.
    NotLessEqual,
    /// One of them is NaN.
    Unordered,
}

/// A function of booleans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Logic {
    And,
    Or,
    Xor,
}

impl Logic {
    /// The same on bits.
    pub(crate) fn of_bits(self) -> Binary {
        match self {
            Logic::And => Binary::And,
            Logic::Or => Binary::Or,
            Logic::Xor => Binary::Xor,
        }
    }
}

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Inst {
    /// A number, by its bits.
    Number(u64),
    /// The row's element of a stream; a single one, where the stream does not move from row to row.
    Row(Stream),
    /// The element of a stream at the loop's place.
    Load(Stream),
    /// What a fold over a loop has come to.
    Folded(FoldId),
    Unary(Unary, Value),
    Binary(Binary, Value, Value),
    /// `a·b + c`, rounded once; of `-a·b` where it says so.
    MulAdd {
        negate: bool,
        a: Value,
        b: Value,
        c: Value,
    },
    ShiftLeft(Value, u8),
    ShiftRight(Value, u8),
    /// A boolean.
    Compare(Compare, Value, Value),
    Logic(Logic, Value, Value),
    Not(Value),
    /// The second where the boolean is true, else the third.
    Select(Value, Value, Value),
    /// The first where it is NaN, else the second.
    NanOr(Value, Value),
    /// Writes the element of a stream at the loop's place, or in row code the row's. A boolean is written where there is one
    /// element.
    Store(Stream, Value),
    /// Takes a value into a fold, or its product with another one, unrounded, into a sum.
    Fold(FoldId, Value, Option<Value>),
}

impl Inst {
    /// The values that it reads.
    pub(crate) fn operands(&self) -> impl Iterator<Item = Value> + Clone + use<> {
        let operands = match *self {
            Inst::Number(_) | Inst::Row(_) | Inst::Load(_) | Inst::Folded(_) => [None; 3],
            Inst::Unary(_, a)
            | Inst::ShiftLeft(a, _)
            | Inst::ShiftRight(a, _)
            | Inst::Not(a)
            | Inst::Store(_, a) => [Some(a), None, None],
            Inst::Fold(_, a, b) => [Some(a), b, None],
            Inst::Binary(_, a, b) | Inst::Compare(_, a, b) | Inst::Logic(_, a, b) | Inst::NanOr(a, b) => {
                [Some(a), Some(b), None]
            }
            Inst::MulAdd { a, b, c, .. } | Inst::Select(a, b, c) => [Some(a), Some(b), Some(c)],
        };
        operands.into_iter().flatten()
    }

    /// Whether it gives a value, and is there for nothing else.
    pub(crate) fn is_pure(&self) -> bool {
        !matches!(self, Inst::Store(..) | Inst::Fold(..))
    }

    /// Whether its value is a boolean.
    pub(crate) fn is_boolean(&self) -> bool {
        matches!(self, Inst::Compare(..) | Inst::Logic(..) | Inst::Not(_))
    }
}

/// The bits of a number of a type of floats.
pub(super) fn bits_of(dtype: DType, number: f64) -> u64 {
    match dtype {
        DType::F32 => u64::from((number as f32).to_bits()),
        _ => number.to_bits(),
    }
}

/// The number that bits are, of a type of floats.
pub(super) fn number_of(dtype: DType, bits: u64) -> f64 {
    match dtype {
        DType::F32 => f64::from(f32::from_bits(bits as u32)),
        _ => f64::from_bits(bits),
    }
}

/// The same as text.
fn number_text(dtype: DType, bits: u64) -> String {
    match dtype {
        DType::I32 => (bits as i32).to_string(),
        DType::I64 => bits.cast_signed().to_string(),
        _ => format!("{:?}", number_of(dtype, bits)),
    }
}

/// Where what a fold comes to goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// On to the lanes that lie there, from where it goes on.
    Lanes(Stream),
    /// To the row code behind the loop.
    Row,
}

/// A fold over the elements of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fold {
    pub(crate) reduce: Reduce,
    pub(crate) target: Target,
}

/// What is done one after the other in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// For each element.
    Loop(Vec<Value>),
    /// Once.
    Row(Vec<Value>),
}

impl Segment {
    pub(crate) fn insts(&self) -> &[Value] {
        match self {
            Segment::Loop(insts) | Segment::Row(insts) => insts,
        }
    }
}

/// A place where a program reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) stream: Stream,
    /// Elements of a row; `None` for all of them.
    pub(crate) elements: Option<usize>,
    /// Whether they are booleans, which are bytes.
    pub(crate) is_boolean: bool,
    pub(crate) is_write: bool,
}

/// A region program.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Of all numbers: `F32`, `F64`, `I32` or `I64`.
    pub(crate) dtype: DType,
    /// Elements of a row; `None` where a call says how many there are, and that there is one row.
    pub(crate) width: Option<usize>,
    /// Elements of a row at most.
    pub(crate) most: usize,
    /// Whether each row has as many.
    pub(crate) is_exact: bool,
    /// Bytes from one row to the next, of each stream.
    pub(crate) streams: Vec<usize>,
    pub(crate) folds: Vec<Fold>,
    pub(crate) insts: Vec<Inst>,
    /// What is computed once, before the rows.
    pub(crate) once: Vec<Value>,
    pub(crate) segments: Vec<Segment>,
    /// Streams of a row each, for what one loop leaves to another, of which nobody else knows.
    pub(crate) kept: Vec<Stream>,
}

impl Program {
    /// Bytes of a row that is kept: so many that code need not mind where the row ends in its last vector.
    pub(crate) fn kept_bytes(&self) -> usize {
        (self.width.unwrap_or(0) * self.dtype.size()).next_multiple_of(LANE_BYTES)
    }

    pub(crate) fn inst(&self, value: Value) -> Inst {
        self.insts[value.index()]
    }

    /// Where the lanes of totals lie.
    pub(crate) fn totals(&self) -> impl Iterator<Item = Stream> {
        self.folds.iter().filter_map(|fold| match fold.target {
            Target::Lanes(stream) => Some(stream),
            Target::Row => None,
        })
    }

    /// Where it reads and writes, in the order in which it does in a row. Lanes of totals are not among it.
    pub(crate) fn accesses(&self) -> impl Iterator<Item = Access> {
        let in_row = |insts: &[Value], elements: Option<usize>| -> Vec<Access> {
            let access = |&value: &Value| match self.inst(value) {
                Inst::Row(stream) => {
                    Some(Access { stream, elements: Some(1), is_boolean: false, is_write: false })
                }
                Inst::Load(stream) => Some(Access { stream, elements, is_boolean: false, is_write: false }),
                Inst::Store(stream, of) => {
                    let is_boolean = self.inst(of).is_boolean();
                    Some(Access { stream, elements, is_boolean, is_write: true })
                }
                _ => None,
            };
            insts.iter().filter_map(access).collect()
        };
        let segments = self.segments.iter().flat_map(move |segment| match segment {
            Segment::Row(insts) => in_row(insts, Some(1)),
            Segment::Loop(insts) => in_row(insts, None),
        });
        in_row(&self.once, Some(1)).into_iter().chain(segments)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |value: Value| match self.inst(value) {
            Inst::Number(bits) => number_text(self.dtype, bits),
            Inst::Folded(fold) => format!("f{}", fold.0),
            _ => value.to_string(),
        };
        let bits_of = |value: Value| match self.inst(value) {
            Inst::Number(bits) => format!("{bits:#x}"),
            _ => of(value),
        };
        let line = |f: &mut fmt::Formatter<'_>, value: Value| {
            match self.inst(value) {
                // What they are stands where they are read.
                Inst::Number(_) | Inst::Folded(_) => return Ok(()),
                Inst::Row(stream) => write!(f, "  {value} = row s{}", stream.0),
                Inst::Load(stream) => write!(f, "  {value} = load s{}", stream.0),
                Inst::Unary(unary, a) => write!(f, "  {value} = {unary:?} {}", of(a)),
                Inst::Binary(binary, a, b) if binary.is_of_bits() => {
                    write!(f, "  {value} = {binary:?} {}, {}", bits_of(a), bits_of(b))
                }
                Inst::Binary(binary, a, b) => write!(f, "  {value} = {binary:?} {}, {}", of(a), of(b)),
                Inst::MulAdd { negate, a, b, c } => {
                    let sign = if negate { "-" } else { "" };
                    write!(f, "  {value} = {sign}{}*{} + {}", of(a), of(b), of(c))
                }
                Inst::ShiftLeft(a, by) => write!(f, "  {value} = {} << {by}", of(a)),
                Inst::ShiftRight(a, by) => write!(f, "  {value} = {} >> {by}", of(a)),
                Inst::Compare(compare, a, b) => write!(f, "  {value} = {compare:?} {}, {}", of(a), of(b)),
                Inst::Logic(logic, a, b) => write!(f, "  {value} = {logic:?} {}, {}", of(a), of(b)),
                Inst::Not(a) => write!(f, "  {value} = Not {}", of(a)),
                Inst::Select(mask, a, b) => write!(f, "  {value} = {} ? {} : {}", of(mask), of(a), of(b)),
                Inst::NanOr(a, b) => write!(f, "  {value} = NanOr {}, {}", of(a), of(b)),
                Inst::Store(stream, a) => write!(f, "  store s{}, {}", stream.0, of(a)),
                Inst::Fold(fold, a, b) => {
                    write!(f, "  {:?} f{}, {}", self.folds[fold.index()].reduce, fold.0, of(a))?;
                    b.map_or(Ok(()), |b| write!(f, "*{}", of(b)))
                }
            }?;
            writeln!(f)
        };
        self.once.iter().try_for_each(|&value| line(f, value))?;
        for segment in &self.segments {
            writeln!(f, "{}", if matches!(segment, Segment::Loop(_)) { "loop" } else { "row" })?;
            segment.insts().iter().try_for_each(|&value| line(f, value))?;
        }
        Ok(())
    }
}
