//! A line cut into fields.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

use super::error::CsvFault;

/// What stands between fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    Byte(u8),
    Whitespace,
}

/// The fields of one line at a time.
pub(super) struct Fields {
    /// `None` where white space separates.
    reader: Option<Reader>,
    /// The fields one after the other, without what separated and quoted them.
    bytes: Vec<u8>,
    /// Where each field ends.
    ends: Vec<usize>,
}

impl Fields {
    pub(super) fn separated_by(separator: Separator) -> Result<Self, CsvFault> {
        let reader = match separator {
            Separator::Byte(delimiter)
                if delimiter.is_ascii_alphanumeric() || b"\"+-.\r\n".contains(&delimiter) =>
            {
                return Err(CsvFault::Delimiter { delimiter });
            }
            Separator::Byte(delimiter) => {
                Some(ReaderBuilder::new().delimiter(delimiter).terminator(Terminator::Any(b'\n')).build())
            }
            Separator::Whitespace => None,
        };
        Ok(Fields { reader, bytes: Vec::new(), ends: Vec::new() })
    }

    /// Takes the fields of a line that ends in a line feed and is not blank.
    pub(super) fn split(&mut self, line: &[u8]) -> Result<(), CsvFault> {
        self.bytes.clear();
        self.ends.clear();
        let Some(reader) = &mut self.reader else {
            for field in line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()) {
                self.bytes.extend_from_slice(field);
                self.ends.push(self.bytes.len());
            }
            return Ok(());
        };
        // A line has fewer fields than bytes, and these take up no more bytes than it.
        self.bytes.resize(line.len(), 0);
        self.ends.resize(line.len(), 0);
        reader.reset();
        let (result, _, bytes, ends) = reader.read_record(line, &mut self.bytes, &mut self.ends);
        self.bytes.truncate(bytes);
        self.ends.truncate(ends);
        // The line feed ends the record unless it is quoted.
        if matches!(result, ReadRecordResult::Record) { Ok(()) } else { Err(CsvFault::OpenQuote) }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The fields without the white space around them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.bytes[start..end].trim_ascii())
    }
}
