//! A line cut into fields.

use std::io;

use csv_core::{ReadFieldResult, Reader, ReaderBuilder, Terminator};

use super::error::CsvFault;

/// What stands between fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    Byte(u8),
    Whitespace,
}

/// Bytes of a field that memory is asked for at once: more than any number takes.
const STEP: usize = 64;

/// Cuts lines into fields, of which it keeps one at a time: a line of 16 MB can have 8 million.
pub(super) struct Fields {
    /// `None` where white space separates.
    reader: Option<Reader>,
    /// A field without what separated and quoted it, and room behind.
    field: Vec<u8>,
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
        Ok(Fields { reader, field: Vec::new() })
    }

    /// Hands out the fields of a line that ends in a line feed and is not blank, each with its index and without the
    /// white space around it. Tells how many they are.
    pub(super) fn each(
        &mut self,
        mut line: &[u8],
        mut take: impl FnMut(usize, &[u8]),
    ) -> Result<usize, CsvFault> {
        let Some(reader) = &mut self.reader else {
            let fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
            return Ok(fields.enumerate().map(|(index, field)| take(index, field)).count());
        };
        reader.reset();
        let (mut count, mut length) = (0, 0);
        loop {
            if self.field.len() - length < STEP {
                self.field.try_reserve(STEP).map_err(io::Error::from)?;
                self.field.resize(self.field.capacity(), 0);
            }
            let (result, read, written) = reader.read_field(line, &mut self.field[length..]);
            line = &line[read..];
            length += written;
            match result {
                ReadFieldResult::OutputFull => {}
                ReadFieldResult::Field { record_end } => {
                    take(count, self.field[..length].trim_ascii());
                    (count, length) = (count + 1, 0);
                    if record_end {
                        return Ok(count);
                    }
                }
                // The line feed ends the record unless it is quoted.
                ReadFieldResult::InputEmpty | ReadFieldResult::End => return Err(CsvFault::OpenQuote),
            }
        }
    }
}
