//! The lines of a file that may be compressed, none longer than a bound, nor all together.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::error::CsvFault;
use super::gzip::Members;
use crate::io::source;

/// Bytes of the longest line. A row of 600,000 numbers, each of which prints in up to 25 bytes, fits; what
/// is no text at all is noticed before it fills the memory.
const LONGEST_LINE: u64 = 16 << 20;

/// Bytes of text read from a file that is shorter, and so compressed, when nothing else is said. As text, the
/// 60,000 images of MNIST take half of it; numbers of eight bytes take four times as much as their text at worst.
const LONGEST_TEXT: u64 = 1 << 28;

/// Bytes of a line that memory is asked for at once.
const STEP: u64 = 1 << 13;

/// What a file compressed with gzip begins with (RFC 1952, section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What some programs write before text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How text of other encodings begins: with its byte order mark, or with a character of ASCII. The mark of UTF-32
/// begins with that of UTF-16.
const ENCODINGS: [(&[Option<u8>], &str); 6] = [
    (&[Some(0xff), Some(0xfe), Some(0), Some(0)], "UTF-32"),
    (&[Some(0), Some(0), Some(0xfe), Some(0xff)], "UTF-32"),
    (&[Some(0xff), Some(0xfe)], "UTF-16"),
    (&[Some(0xfe), Some(0xff)], "UTF-16"),
    (&[None, Some(0)], "UTF-16"),
    (&[Some(0), None], "UTF-16"),
];

pub(super) struct Lines {
    text: Box<dyn BufRead>,
    line: Vec<u8>,
    /// The most bytes of text, and how many of them were read.
    limit: u64,
    read: u64,
}

impl Lines {
    pub(super) fn open(path: &Path, limit: Option<u64>) -> Result<Self, CsvFault> {
        let file = source::open(path)?;
        let limit = limit.unwrap_or(LONGEST_TEXT.max(file.metadata()?.len()));
        let mut file = BufReader::new(file);
        let named_gz = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let text: Box<dyn BufRead> = if named_gz || file.fill_buf()?.starts_with(&GZIP) {
            Box::new(BufReader::new(Members::new(file)))
        } else {
            Box::new(file)
        };
        Ok(Lines { text, line: Vec::new(), limit, read: 0 })
    }

    /// The next line. It ends in a line feed, whether the file ends in one or not.
    pub(super) fn next_line(&mut self) -> Result<Option<&[u8]>, CsvFault> {
        let is_first = self.read == 0;
        let longest = LONGEST_LINE.min(self.limit - self.read);
        let length = self.read_line(longest.saturating_add(1))?;
        if is_first && let Some(encoding) = other_encoding(&self.line) {
            return Err(CsvFault::Encoding { encoding });
        }
        if self.line.last() != Some(&b'\n') {
            // As long as the file, if its lines end otherwise.
            check_returns(&self.line)?;
        }
        match length {
            0 => return Ok(None),
            _ if length <= longest => self.read += length,
            _ if longest == LONGEST_LINE => return Err(CsvFault::LineTooLong { limit: longest }),
            _ => return Err(CsvFault::TextTooLong { limit: self.limit }),
        }
        if self.line.last() != Some(&b'\n') {
            self.line.try_reserve(1).map_err(io::Error::from)?;
            self.line.push(b'\n');
        }
        let mark = if is_first { BYTE_ORDER_MARK } else { b"" };
        Ok(Some(self.line.strip_prefix(mark).unwrap_or(&self.line)))
    }

    /// Reads up to the next line feed, and at most so many bytes; tells how many they are.
    fn read_line(&mut self, most: u64) -> io::Result<u64> {
        self.line.clear();
        loop {
            let step = STEP.min(most - self.line.len() as u64);
            // Reading adds to the line what there is room for.
            self.line.try_reserve(step as usize)?;
            let count = (&mut self.text).take(step).read_until(b'\n', &mut self.line)? as u64;
            if count < step || count == 0 || self.line.last() == Some(&b'\n') {
                return Ok(self.line.len() as u64);
            }
        }
    }
}

/// An error if a carriage return stands before the end of a line.
pub(super) fn check_returns(line: &[u8]) -> Result<(), CsvFault> {
    if line.trim_ascii_end().contains(&b'\r') { Err(CsvFault::CarriageReturn) } else { Ok(()) }
}

/// The encoding of a text that begins with this line, if it is none that is read.
fn other_encoding(line: &[u8]) -> Option<&'static str> {
    let begins = |beginning: &[Option<u8>]| {
        line.len() >= beginning.len()
            && beginning.iter().zip(line).all(|(expected, found)| expected.is_none_or(|byte| byte == *found))
    };
    ENCODINGS.iter().find(|(beginning, _)| begins(beginning)).map(|&(_, name)| name)
}
