//! The header of an npy file: a Python dictionary that gives the type, the order and the shape of an array.
//!
//! Python literals can be anything, nested as deep as one likes; what no array of numbers has is refused where it
//! begins.

use super::error::NpzFault;
use crate::io::elements::{ArrayFault, ArrayInfo, Encoding, Layout};
use crate::{DType, Value};

/// The types of elements by the codes that NumPy has for them, before which the order of the bytes may stand. Those
/// without a number are the types of C as they are on 64-bit Unix. Of files from elsewhere, where `l` has 4 bytes, the
/// length does not fit, which is an error.
const CODES: [(Encoding, &[&str]); 12] = [
    (Encoding::F16, &["f2", "e"]),
    (Encoding::F32, &["f4", "f"]),
    (Encoding::F64, &["f8", "d"]),
    (Encoding::Bool, &["b1", "?"]),
    (Encoding::I8, &["i1", "b"]),
    (Encoding::I16, &["i2", "h"]),
    (Encoding::I32, &["i4", "i"]),
    (Encoding::I64, &["i8", "l", "q", "p", "n"]),
    (Encoding::U8, &["u1", "B"]),
    (Encoding::U16, &["u2", "H"]),
    (Encoding::U32, &["u4", "I"]),
    (Encoding::U64, &["u8", "L", "Q", "P", "N"]),
];

/// The types by their names, before which nothing stands.
const NAMES: [(Encoding, &[&str]); 12] = [
    (Encoding::F16, &["float16", "half"]),
    (Encoding::F32, &["float32", "single"]),
    (Encoding::F64, &["float64", "double", "float"]),
    (Encoding::Bool, &["bool", "bool_"]),
    (Encoding::I8, &["int8", "byte"]),
    (Encoding::I16, &["int16", "short"]),
    (Encoding::I32, &["int32", "intc"]),
    (Encoding::I64, &["int64", "int", "int_", "intp", "long", "longlong"]),
    (Encoding::U8, &["uint8", "ubyte"]),
    (Encoding::U16, &["uint16", "ushort"]),
    (Encoding::U32, &["uint32", "uintc"]),
    (Encoding::U64, &["uint64", "uint", "uintp", "ulong", "ulonglong"]),
];

/// What an npy file says of its array.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) descriptor: String,
    by_columns: bool,
    pub(super) shape: Vec<usize>,
}

impl Header {
    /// The header that is this text.
    pub(super) fn parse(text: &str) -> Result<Self, NpzFault> {
        let mut literal = Literal { rest: text };
        let not_plain = || NpzFault::NotPlain { header: text.trim().to_owned() };
        let (mut descriptor, mut by_columns, mut shape) = (None, None, None);
        literal.take('{').ok_or_else(not_plain)?;
        while literal.take('}').is_none() {
            let key = literal.string().ok_or_else(not_plain)?;
            literal.take(':').ok_or_else(not_plain)?;
            let (key, expected, found) = match key {
                "descr" if literal.is_next(['[', '{', '(']) => return Err(not_plain()),
                "descr" => {
                    ("descr", "the name of a type", literal.string().map(|name| descriptor = Some(name)))
                }
                "fortran_order" => {
                    ("fortran_order", "True or False", literal.boolean().map(|it| by_columns = Some(it)))
                }
                "shape" => ("shape", "a tuple of lengths", literal.lengths().map(|it| shape = Some(it))),
                _ => return Err(not_plain()),
            };
            found.ok_or_else(|| NpzFault::Header { key, expected, header: text.trim().to_owned() })?;
            if literal.take(',').is_none() && !literal.is_next(['}']) {
                return Err(not_plain());
            }
        }
        if !literal.rest.trim().is_empty() {
            return Err(not_plain());
        }
        let missing = |key, expected| NpzFault::Header { key, expected, header: text.trim().to_owned() };
        Ok(Header {
            descriptor: descriptor.ok_or_else(|| missing("descr", "the name of a type"))?.to_owned(),
            by_columns: by_columns.ok_or_else(|| missing("fortran_order", "True or False"))?,
            shape: shape.ok_or_else(|| missing("shape", "a tuple of lengths"))?,
        })
    }

    /// How the elements lie; an error for element types that flowgrad does not support.
    pub(super) fn layout(&self) -> Result<Layout, ArrayFault> {
        let Some((encoding, big_endian)) = self.encoding() else {
            return Err(ArrayFault::Element { type_name: self.descriptor.clone() });
        };
        Ok(Layout { encoding, big_endian, by_columns: self.by_columns, shape: self.shape.clone() })
    }

    pub(super) fn info(self) -> ArrayInfo {
        let dtype = self.encoding().map(|(encoding, _)| encoding.dtype());
        ArrayInfo { type_name: self.descriptor, shape: self.shape, dtype }
    }

    /// The type of the elements, and whether their bytes are in big-endian order.
    fn encoding(&self) -> Option<(Encoding, bool)> {
        let listed = |types: &[(Encoding, &[&str])], name: &str| {
            types.iter().find(|(_, names)| names.contains(&name)).map(|&(encoding, _)| encoding)
        };
        let descriptor = &*self.descriptor;
        // `=`, `|` and no mark mean the order of the machine to NumPy, which writes them where there is but one byte.
        // Another program that does so has most likely run where all do today, on a little-endian one.
        let code = descriptor.strip_prefix(['<', '>', '=', '|']).unwrap_or(descriptor);
        let encoding = listed(&CODES, code).or_else(|| listed(&NAMES, descriptor))?;
        Some((encoding, descriptor.starts_with('>')))
    }
}

/// The header of an array as it is written, in row-major and little-endian order.
pub(super) fn text(value: &Value) -> String {
    let descriptor = match value.dtype() {
        DType::F32 => "<f4",
        DType::F64 => "<f8",
        DType::I32 => "<i4",
        DType::I64 => "<i8",
        DType::Bool => "|b1",
    };
    let lengths: Vec<String> = value.shape().iter().map(usize::to_string).collect();
    let comma = if lengths.len() == 1 { "," } else { "" };
    format!("{{'descr': '{descriptor}', 'fortran_order': False, 'shape': ({}{comma})}}", lengths.join(", "))
}

/// What is left of a Python literal.
struct Literal<'t> {
    rest: &'t str,
}

impl<'t> Literal<'t> {
    /// Takes a mark, with white space before it, if it comes next.
    fn take(&mut self, mark: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(mark)?;
        Some(())
    }

    fn is_next<const N: usize>(&self, marks: [char; N]) -> bool {
        self.rest.trim_start().starts_with(marks)
    }

    /// Takes a text without escapes.
    fn string(&mut self) -> Option<&'t str> {
        let quote = if self.is_next(['"']) { '"' } else { '\'' };
        self.take(quote)?;
        let (text, rest) = self.rest.split_once(quote)?;
        self.rest = rest;
        (!text.contains('\\')).then_some(text)
    }

    fn boolean(&mut self) -> Option<bool> {
        let rest = self.rest.trim_start();
        let (boolean, rest) = rest
            .strip_prefix("True")
            .map(|rest| (true, rest))
            .or(rest.strip_prefix("False").map(|rest| (false, rest)))?;
        self.rest = rest;
        Some(boolean)
    }

    /// Takes a tuple of lengths, each of which may be marked as long, as Python 2 marked some.
    fn lengths(&mut self) -> Option<Vec<usize>> {
        self.take('(')?;
        let mut lengths = Vec::new();
        while self.take(')').is_none() {
            let rest = self.rest.trim_start();
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (length, rest) = rest.split_at(digits);
            lengths.push(length.parse().ok()?);
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            if self.take(',').is_none() && (lengths.len() == 1 || !self.is_next([')'])) {
                return None;
            }
        }
        Some(lengths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, bool, Vec<usize>), String> {
        let header = Header::parse(text).map_err(|fault| fault.to_string())?;
        Ok((header.descriptor, header.by_columns, header.shape))
    }

    #[test]
    fn dictionaries_are_read_however_they_are_written() {
        let expected = Ok(("<f4".to_owned(), true, vec![2, 3]));
        for text in [
            "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }   \n",
            "{'shape': (2L, 3L), 'fortran_order': True, 'descr': '<f4'}",
            "{\"descr\":\"<f4\",\"fortran_order\":True,\"shape\":(2,3,)}",
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        for (shape, expected) in
            [("()", vec![]), ("(7,)", vec![7]), ("(7L,)", vec![7]), ("(0, 1, 2)", vec![0, 1, 2])]
        {
            let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}");
            assert_eq!(read(&text).unwrap().2, expected, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for shape in [vec![], vec![3], vec![2, 0, 5]] {
            let value = Value::from(ndarray::ArrayD::<bool>::default(shape.clone()));
            assert_eq!(read(&text(&value)), Ok(("|b1".to_owned(), false, shape)));
        }
    }

    fn layout(descriptor: &str) -> Option<(Encoding, bool)> {
        let header = Header { descriptor: descriptor.to_owned(), by_columns: false, shape: vec![] };
        header.layout().ok().map(|layout| (layout.encoding, layout.big_endian))
    }

    /// As `numpy.dtype` has it.
    #[test]
    fn all_names_of_a_type_are_read() {
        for (encoding, codes) in CODES {
            for code in codes {
                for order in ["", "<", "=", "|"] {
                    assert_eq!(layout(&format!("{order}{code}")), Some((encoding, false)), "{order}{code}");
                }
                assert_eq!(layout(&format!(">{code}")), Some((encoding, true)), ">{code}");
            }
        }
        for (encoding, names) in NAMES {
            for name in names {
                assert_eq!(layout(name), Some((encoding, false)), "{name}");
                assert_eq!(layout(&format!("<{name}")), None, "{name}");
            }
        }
        for unknown in [
            "",
            "<",
            "=",
            "<<f4",
            "=<f4",
            "f16",
            "<f16",
            "<c8",
            "F",
            "g",
            "|O",
            "O",
            "<U3",
            "S4",
            "V4",
            "<M8[ns]",
            "m",
            "f4,f4",
            "2f4",
            " f4",
            "F4",
            "object",
            "complex64",
            "e4",
            "é",
            "<é",
        ] {
            assert_eq!(layout(unknown), None, "{unknown}");
        }
    }
}
