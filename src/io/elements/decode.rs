//! Arrays from the bytes of a file, in the type that is wanted.
//!
//! Memory is taken for at most twice as many elements as were read and no more than are to come, and where there is
//! none, that is an error.

use std::io::Read;

use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use super::{ArrayFault, CHUNK, Encoding, Layout, Unreadable};
use crate::io::small_float;
use crate::{DType, Element, Value};

type Reader = fn(&mut dyn Read, &Layout) -> Result<Value, Unreadable>;

impl Layout {
    /// The array of these elements, in the type that is wanted, if one is. `type_name` is the file's name for theirs.
    pub(crate) fn read(
        &self,
        input: &mut dyn Read,
        type_name: &str,
        wanted: Option<DType>,
    ) -> Result<Value, Unreadable> {
        let dtype = wanted.unwrap_or(self.encoding.dtype());
        let Some(read) = self.encoding.reader(dtype) else {
            let found = self.encoding.own().map_or_else(|| type_name.to_owned(), |own| own.to_string());
            return Err(ArrayFault::OtherType { expected: dtype, found }.into());
        };
        read(input, self)
    }
}

impl Encoding {
    /// How arrays of this encoding are read as arrays of `dtype`, if that holds every value. Numbers of 64 bits without
    /// a sign are read as `i64` where they are below 2⁶³.
    fn reader(self, dtype: DType) -> Option<Reader> {
        // `From` between numbers is exact.
        macro_rules! widened {
            ($decode:expr => $($variant:ident $target:ty),*) => {
                match dtype {
                    $(DType::$variant => Some(|input, layout| {
                        collect(input, layout, |bytes| <$target>::from($decode(bytes)))
                    }),)*
                    _ => None,
                }
            };
        }
        match self {
            Encoding::Bool if dtype == DType::Bool => Some(|input, layout| {
                let check = Check { valid: |&[byte]| byte <= 1, expected: "a boolean (0 or 1)" };
                collect_checked(input, layout, Some(check), |[byte]| byte == 1)
            }),
            Encoding::I8 => widened!(i8::from_le_bytes => I32 i32, I64 i64, F32 f32, F64 f64),
            Encoding::U8 => widened!(u8::from_le_bytes => I32 i32, I64 i64, F32 f32, F64 f64),
            Encoding::I16 => widened!(i16::from_le_bytes => I32 i32, I64 i64, F32 f32, F64 f64),
            Encoding::U16 => widened!(u16::from_le_bytes => I32 i32, I64 i64, F32 f32, F64 f64),
            Encoding::I32 => widened!(i32::from_le_bytes => I32 i32),
            Encoding::U32 => widened!(u32::from_le_bytes => I64 i64, F64 f64),
            Encoding::I64 => widened!(i64::from_le_bytes => I64 i64),
            Encoding::U64 if dtype == DType::I64 => Some(|input, layout| {
                let check = Check { valid: |bytes| bytes[7] < 1 << 7, expected: "an i64 (below 2⁶³)" };
                collect_checked(input, layout, Some(check), i64::from_le_bytes)
            }),
            Encoding::Bool | Encoding::U64 => None,
            Encoding::F16 => widened!(small_float::f16 => F32 f32, F64 f64),
            Encoding::Bf16 => widened!(small_float::bf16 => F32 f32, F64 f64),
            Encoding::F32 => widened!(f32::from_le_bytes => F32 f32),
            Encoding::F64 => widened!(f64::from_le_bytes => F64 f64),
            Encoding::F8E4M3 => widened!(small_float::e4m3 => F32 f32, F64 f64),
            Encoding::F8E4M3Fnuz => widened!(small_float::e4m3_fnuz => F32 f32, F64 f64),
            Encoding::F8E5M2 => widened!(small_float::e5m2 => F32 f32, F64 f64),
            Encoding::F8E5M2Fnuz => widened!(small_float::e5m2_fnuz => F32 f32, F64 f64),
            Encoding::F8E8M0 => widened!(small_float::e8m0 => F32 f32, F64 f64),
        }
    }
}

/// Which elements are valid, where not all bytes are.
struct Check<const N: usize> {
    valid: fn(&[u8; N]) -> bool,
    expected: &'static str,
}

fn collect<T: Element, const N: usize>(
    input: &mut dyn Read,
    layout: &Layout,
    decode: impl Fn([u8; N]) -> T,
) -> Result<Value, Unreadable> {
    collect_checked(input, layout, None, decode)
}

/// The array of elements that `decode` makes of `N` bytes each, which it takes in little-endian order.
fn collect_checked<T: Element, const N: usize>(
    input: &mut dyn Read,
    layout: &Layout,
    check: Option<Check<N>>,
    decode: impl Fn([u8; N]) -> T,
) -> Result<Value, Unreadable> {
    let count = layout.count().ok_or_else(|| layout.unaddressed())?;
    let mut elements: Vec<T> = Vec::new();
    let mut buffer = [0; CHUNK];
    while elements.len() < count {
        let left = count - elements.len();
        let bytes = &mut buffer[..left.min(CHUNK / N) * N];
        input.read_exact(bytes)?;
        let (chunk, _) = bytes.as_chunks_mut::<N>();
        if N > 1 && layout.big_endian {
            for element in chunk.iter_mut() {
                element.reverse();
            }
        }
        if let Some(Check { valid, expected }) = check
            && let Some(index) = chunk.iter().position(|element| !valid(element))
        {
            return Err(ArrayFault::Invalid { index: elements.len() + index, expected }.into());
        }
        if elements.capacity() - elements.len() < chunk.len() {
            elements.try_reserve_exact(elements.len().max(chunk.len()).min(left))?;
        }
        elements.extend(chunk.iter().map(|&element| decode(element)));
    }
    shaped(elements, layout)
}

/// The elements as an array that lies row by row.
fn shaped<T: Element>(elements: Vec<T>, layout: &Layout) -> Result<Value, Unreadable> {
    let array = ArrayD::from_shape_vec(IxDyn(&layout.shape).set_f(layout.by_columns), elements);
    let array = array.map_err(|_| layout.unaddressed())?;
    if array.is_standard_layout() {
        return Ok(Value::wrap(array));
    }
    let mut elements = Vec::new();
    elements.try_reserve_exact(array.len())?;
    elements.extend(array.iter().copied());
    let array = ArrayD::from_shape_vec(IxDyn(&layout.shape), elements);
    Ok(Value::wrap(array.map_err(|_| layout.unaddressed())?))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    const ALL: [Encoding; 18] = [
        Encoding::Bool,
        Encoding::I8,
        Encoding::U8,
        Encoding::I16,
        Encoding::U16,
        Encoding::I32,
        Encoding::U32,
        Encoding::I64,
        Encoding::U64,
        Encoding::F16,
        Encoding::Bf16,
        Encoding::F32,
        Encoding::F64,
        Encoding::F8E4M3,
        Encoding::F8E4M3Fnuz,
        Encoding::F8E5M2,
        Encoding::F8E5M2Fnuz,
        Encoding::F8E8M0,
    ];

    fn read(layout: &Layout, bytes: &[u8], dtype: DType) -> Result<Value, Unreadable> {
        layout.read(&mut &bytes[..], "it", Some(dtype))
    }

    fn row(encoding: Encoding, count: usize) -> Layout {
        Layout { encoding, big_endian: false, by_columns: false, shape: vec![count] }
    }

    /// Each type into each that it widens to: the same number, by way of `f64`, which holds all of these.
    #[test]
    fn every_type_gives_the_same_numbers_in_each_that_holds_them() {
        for encoding in ALL {
            let size = encoding.size();
            let bytes: Vec<u8> = match encoding {
                Encoding::Bool => vec![0, 1, 1],
                _ => (0..3 * size).map(|i| [0x01, 0x7f, 0x3c, 0x40][(i / size + i % size) % 4]).collect(),
            };
            let numbers = |value: Value| match value {
                Value::F32(array) => array.mapv(f64::from),
                Value::F64(array) => array,
                Value::I32(array) => array.mapv(f64::from),
                Value::I64(array) => array.mapv(|x| x as f64),
                Value::Bool(array) => array.mapv(|x| f64::from(u8::from(x))),
            };
            let expected = numbers(read(&row(encoding, 3), &bytes, encoding.dtype()).unwrap());
            let reversed: Vec<u8> =
                bytes.chunks(size).flat_map(|element| element.iter().rev()).copied().collect();
            for dtype in [DType::F32, DType::F64, DType::I32, DType::I64, DType::Bool] {
                let widened = match read(&row(encoding, 3), &bytes, dtype) {
                    Err(Unreadable::Array(ArrayFault::OtherType { .. })) => continue,
                    read => numbers(read.unwrap()),
                };
                assert_eq!(widened.to_string(), expected.to_string());
                let big_endian = Layout { big_endian: true, ..row(encoding, 3) };
                assert_eq!(
                    numbers(read(&big_endian, &reversed, dtype).unwrap()).to_string(),
                    expected.to_string()
                );
            }
        }
    }

    /// Longer than a chunk, by columns, and one element too few.
    #[test]
    fn long_arrays_come_whole_or_not_at_all() {
        let (rows, columns) = (3, 5000);
        let bytes: Vec<u8> = (0..(rows * columns) as u16).flat_map(u16::to_be_bytes).collect();
        let layout = Layout {
            encoding: Encoding::U16,
            big_endian: true,
            by_columns: true,
            shape: vec![rows, columns],
        };
        let value = read(&layout, &bytes, DType::I32).unwrap();
        let array = value.into_array::<i32>().unwrap();
        assert!(array.is_standard_layout());
        assert!(array.indexed_iter().all(|(index, &x)| x as usize == index[0] + rows * index[1]));
        let short = read(&layout, &bytes[..bytes.len() - 1], DType::I32);
        assert!(matches!(short, Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn elements_that_no_value_holds_are_counted() {
        let found = |encoding, bytes: &[u8], dtype| match read(&row(encoding, 2), bytes, dtype) {
            Err(Unreadable::Array(ArrayFault::Invalid { index, .. })) => index,
            other => panic!("{other:?}"),
        };
        assert_eq!(found(Encoding::Bool, &[1, 2], DType::Bool), 1);
        assert_eq!(found(Encoding::U64, &[[0xff; 8], [0; 8]].concat(), DType::I64), 0);
        let most = [i64::MAX.to_le_bytes(), [0; 8]].concat();
        assert_eq!(
            read(&row(Encoding::U64, 2), &most, DType::I64).unwrap(),
            ndarray::arr1(&[i64::MAX, 0]).into()
        );
    }

    /// No memory is asked for on the word of a shape: one of 2⁶⁰ elements ends where its bytes do.
    #[test]
    fn a_shape_reserves_nothing() {
        let told = read(&row(Encoding::F64, 1 << 60), &vec![0; 40_000], DType::F64);
        assert!(matches!(told, Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof));
        for shape in [vec![usize::MAX, 2], vec![0, usize::MAX]] {
            let layout = Layout { shape, ..row(Encoding::F64, 0) };
            assert!(matches!(
                read(&layout, &[], DType::F64),
                Err(Unreadable::Array(ArrayFault::Shape { .. }))
            ));
        }
    }
}
