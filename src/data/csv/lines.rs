//! The lines of a file that may be compressed, none longer than a bound, nor all together.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::error::CsvFault;

/// Bytes of the longest line. A row of 600,000 numbers, each of which prints in up to 25 bytes, fits; what
/// is no text at all is noticed before it fills the memory.
const LONGEST_LINE: u64 = 16 << 20;

/// Bytes of text read from a file that is shorter, and so compressed, when nothing else is said. As text, the
/// 60,000 images of MNIST take half of it; numbers of eight bytes take four times as much as their text at worst.
const LONGEST_TEXT: u64 = 1 << 28;

/// What a file compressed with gzip begins with (RFC 1952, section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What some programs write before text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) struct Lines {
    text: Box<dyn BufRead>,
    line: Vec<u8>,
    /// The most bytes of text, and how many of them were read.
    limit: u64,
    read: u64,
}

impl Lines {
    pub(super) fn open(path: &Path, limit: Option<u64>) -> Result<Self, CsvFault> {
        let file = File::open(path)?;
        let limit = limit.unwrap_or(LONGEST_TEXT.max(file.metadata()?.len()));
        let mut file = BufReader::new(file);
        let named_gz = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let text: Box<dyn BufRead> = if named_gz || file.fill_buf()?.starts_with(&GZIP) {
            Box::new(BufReader::new(MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        Ok(Lines { text, line: Vec::new(), limit, read: 0 })
    }

    /// The next line. It ends in a line feed, whether the file ends in one or not.
    pub(super) fn next_line(&mut self) -> Result<Option<&[u8]>, CsvFault> {
        let mark = if self.read == 0 { BYTE_ORDER_MARK } else { b"" };
        let longest = LONGEST_LINE.min(self.limit - self.read);
        self.line.clear();
        let length = (&mut self.text).take(longest + 1).read_until(b'\n', &mut self.line)? as u64;
        match length {
            0 => return Ok(None),
            _ if length <= longest => self.read += length,
            _ if longest == LONGEST_LINE => return Err(CsvFault::LineTooLong { limit: longest }),
            _ => return Err(CsvFault::TextTooLong { limit: self.limit }),
        }
        if self.line.last() != Some(&b'\n') {
            self.line.push(b'\n');
        }
        Ok(Some(self.line.strip_prefix(mark).unwrap_or(&self.line)))
    }
}
