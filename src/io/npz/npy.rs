//! One array as an npy file: a short header that gives its type, order and shape, then its elements.
//!
//! The format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::io::{self, Read, Write};

use super::error::NpzFault;
use super::header::{self, Header};
use crate::Value;
use crate::io::elements::encode;

/// Bytes of the longest header that is read, which NumPy does not exceed, either, unless told to.
const LONGEST_HEADER: u32 = 10_000;

/// What each file begins with; two bytes of the version follow, then the header's length.
pub(super) const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// What the elements begin at a multiple of, so that they can be mapped into memory.
const ALIGNMENT: usize = 64;

/// Reads the header of an npy file, and tells how many bytes are before the elements.
pub(super) fn read_header(file: &mut dyn Read) -> Result<(Header, u64), NpzFault> {
    let magic = take(file)?.filter(|magic| *magic == MAGIC);
    let version = magic.map_or(Ok(None), |_| take::<2>(file))?;
    let length = match version {
        Some([1, _]) => take(file)?.map(|[a, b]| (10, u32::from_le_bytes([a, b, 0, 0]))),
        Some([2 | 3, _]) => take(file)?.map(|length| (12, u32::from_le_bytes(length))),
        _ => None,
    };
    let (start, claimed) = length.ok_or(NpzFault::NotNpy)?;
    let mut text = Vec::new();
    file.take(claimed.min(LONGEST_HEADER).into()).read_to_end(&mut text)?;
    if text.len() as u64 != u64::from(claimed) {
        return Err(NpzFault::HeaderLength { claimed, most: LONGEST_HEADER });
    }
    Ok((Header::parse(&String::from_utf8_lossy(&text))?, start + u64::from(claimed)))
}

/// The next bytes, if there are as many.
fn take<const N: usize>(file: &mut dyn Read) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes an array as an npy file.
pub(super) fn write(value: &Value, file: &mut dyn Write) -> io::Result<()> {
    let mut text = header::text(value);
    // Behind the header are a line feed and, before it, as many blanks as are needed.
    let padded = |start: usize| (start + text.len() + 1).next_multiple_of(ALIGNMENT) - start;
    let (version, length) = match u16::try_from(padded(10)) {
        Ok(short) => (1, short.to_le_bytes().to_vec()),
        Err(_) => (2, (padded(12) as u32).to_le_bytes().to_vec()),
    };
    let blanks = padded(MAGIC.len() + 2 + length.len()) - text.len() - 1;
    text.extend(std::iter::repeat_n(' ', blanks));
    text.push('\n');
    file.write_all(&MAGIC)?;
    file.write_all(&[version, 0])?;
    file.write_all(&length)?;
    file.write_all(text.as_bytes())?;
    encode::write(value, file)
}

/// Bytes of an npy file of an array, at most.
pub(super) fn size(value: &Value) -> u64 {
    let lengths = value.shape().len() as u64;
    // A length has up to 20 digits, a comma and a blank.
    encode::size(value) + 22 * lengths + 2 * ALIGNMENT as u64 + 64
}
