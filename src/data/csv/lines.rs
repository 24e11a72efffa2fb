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

/// The byte order marks of other encodings. That of UTF-32 begins with that of UTF-16.
const OTHER_MARKS: [(&[u8], &str); 4] = [
    (&[0xff, 0xfe, 0, 0], "UTF-32"),
    (&[0, 0, 0xfe, 0xff], "UTF-32"),
    (&[0xff, 0xfe], "UTF-16"),
    (&[0xfe, 0xff], "UTF-16"),
];

/// Bytes from the beginning of a text that show its encoding, where it has no mark.
const SHOWING: usize = 64;

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
        if is_first {
            check_text(&self.line)?;
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

/// An error that says what a file is that begins with this line, unless it may be a text in UTF-8.
fn check_text(line: &[u8]) -> Result<(), CsvFault> {
    if let Some(encoding) = other_encoding(line) {
        return Err(CsvFault::Encoding { encoding });
    }
    if !line.iter().take(2).any(|&byte| byte == 0) {
        return Ok(());
    }
    let zeros = line.iter().take_while(|&&byte| byte == 0).count();
    if line[zeros..].starts_with(&GZIP) {
        return Err(CsvFault::ZerosBeforeGzip { zeros: zeros as u64 });
    }
    Err(CsvFault::NotText)
}

/// The encoding of a text that begins with this line, if it is none that is read: by its mark, or because the line is
/// text in that encoding and begins with a character of ASCII. Zeros alone are text in none.
fn other_encoding(line: &[u8]) -> Option<&'static str> {
    let marked = OTHER_MARKS.iter().find(|(mark, _)| line.starts_with(mark)).map(|&(_, name)| name);
    let line = &line[..line.len().min(SHOWING)];
    // A line ends with the byte of its line feed, also where that is but a part of the character.
    let (pairs, fours) = (line.as_chunks::<2>().0, line.as_chunks::<4>().0);
    let units = |of: fn([u8; 2]) -> u16| pairs.iter().map(move |&pair| u32::from(of(pair)));
    let characters = |of: fn([u8; 4]) -> u32| fours.iter().map(move |&four| of(four));
    let is_utf32 = || is_text(characters(u32::from_le_bytes)) || is_text(characters(u32::from_be_bytes));
    let is_utf16 = || is_text(units(u16::from_le_bytes)) || is_text(units(u16::from_be_bytes));
    marked.or_else(|| is_utf32().then_some("UTF-32")).or_else(|| is_utf16().then_some("UTF-16"))
}

/// Whether these are characters, or halves of them, of a text that begins with one of ASCII.
fn is_text(mut units: impl Iterator<Item = u32>) -> bool {
    let is_printed = |unit: u32| {
        unit <= u32::from(char::MAX)
            && char::from_u32(unit).is_none_or(|c| !c.is_control() || c.is_ascii_whitespace())
    };
    units.next().is_some_and(|first| first < 0x80 && is_printed(first)) && units.all(is_printed)
}
