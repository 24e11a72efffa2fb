//! Types of elements, as HDF5 files tell them.

use hdf5_reader::{ByteOrder, Dataset, Datatype};

use crate::io::elements::Encoding;

/// Where a floating-point type tells how many bits its exponent has, in the message of a dataset's type.
const EXPONENT_BITS: usize = 13;

/// Whole numbers: whether they have a sign, their bytes.
const WHOLE: [((bool, u8), Encoding); 8] = [
    ((true, 1), Encoding::I8),
    ((true, 2), Encoding::I16),
    ((true, 4), Encoding::I32),
    ((true, 8), Encoding::I64),
    ((false, 1), Encoding::U8),
    ((false, 2), Encoding::U16),
    ((false, 4), Encoding::U32),
    ((false, 8), Encoding::U64),
];

/// Floating-point numbers: their bytes, and the bits of their exponents.
const FLOATING: [((u8, Option<u8>), Encoding); 4] = [
    ((2, Some(5)), Encoding::F16),
    ((2, Some(8)), Encoding::Bf16),
    ((4, Some(8)), Encoding::F32),
    ((8, Some(11)), Encoding::F64),
];

/// The name that HDF5 has for the type of a dataset's elements; the encoding, if it is known, and whether the first byte is
/// the most significant one.
pub(super) fn of(dataset: &Dataset) -> (String, Option<(Encoding, bool)>) {
    let order = |order: ByteOrder| match order {
        ByteOrder::LittleEndian => ("LE", false),
        ByteOrder::BigEndian => ("BE", true),
    };
    match dataset.dtype() {
        &Datatype::FixedPoint { size, signed, byte_order } => {
            let (suffix, is_big) = order(byte_order);
            let name = format!("H5T_STD_{}{}{suffix}", if signed { 'I' } else { 'U' }, 8 * u32::from(size));
            (name, found(&WHOLE, (signed, size)).map(|encoding| (encoding, is_big)))
        }
        &Datatype::FloatingPoint { size, byte_order } => {
            let (suffix, is_big) = order(byte_order);
            let exponent = dataset.raw_datatype().ok().and_then(|raw| raw.get(EXPONENT_BITS).copied());
            let name = format!("H5T_IEEE_F{}{suffix}", 8 * u32::from(size));
            (name, found(&FLOATING, (size, exponent)).map(|encoding| (encoding, is_big)))
        }
        // As h5py writes booleans.
        Datatype::Enum { base, members } => {
            let is_byte = matches!(**base, Datatype::FixedPoint { size: 1, .. });
            let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
            let is_bool = is_byte && names == ["FALSE", "TRUE"];
            ("H5T_ENUM".to_owned(), is_bool.then_some((Encoding::Bool, false)))
        }
        // As Keras writes numbers that HDF5 had no type for.
        Datatype::Opaque { size, .. } => {
            let told = dataset.attribute("dtype").and_then(|dtype| dtype.read_string()).ok();
            let is_bfloat16 = *size == 2 && told.as_deref() == Some("bfloat16");
            (told.unwrap_or_else(|| "H5T_OPAQUE".to_owned()), is_bfloat16.then_some((Encoding::Bf16, false)))
        }
        other => {
            let class = match other {
                Datatype::String { .. } => "H5T_STRING",
                Datatype::Compound { .. } => "H5T_COMPOUND",
                Datatype::Array { .. } => "H5T_ARRAY",
                Datatype::VarLen { .. } => "H5T_VLEN",
                Datatype::Reference { .. } => "H5T_REFERENCE",
                _ => "H5T_BITFIELD",
            };
            (class.to_owned(), None)
        }
    }
}

fn found<K: PartialEq>(table: &[(K, Encoding)], key: K) -> Option<Encoding> {
    table.iter().find(|(known, _)| *known == key).map(|&(_, encoding)| encoding)
}
