//! A line cut into fields.

use std::io;

use super::error::CsvFault;

/// What stands between fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    Byte(u8),
    Whitespace,
}

const QUOTE: u8 = b'"';

/// Cuts lines into fields, of which it keeps one at a time: a line of 16 MB can have 8 million.
pub(super) struct Fields {
    separator: Separator,
    /// A field that was quoted, without its quotes.
    unquoted: Vec<u8>,
}

impl Fields {
    pub(super) fn separated_by(separator: Separator) -> Result<Self, CsvFault> {
        match separator {
            Separator::Byte(delimiter)
                if delimiter.is_ascii_alphanumeric() || b"\"+-.\r\n".contains(&delimiter) =>
            {
                Err(CsvFault::Delimiter { delimiter })
            }
            _ => Ok(Fields { separator, unquoted: Vec::new() }),
        }
    }

    /// Hands out the fields of a line that ends in a line feed and is not blank, each with its index and without the
    /// white space around it. Tells how many they are.
    pub(super) fn each(
        &mut self,
        line: &[u8],
        mut take: impl FnMut(usize, &[u8]),
    ) -> Result<usize, CsvFault> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let Separator::Byte(delimiter) = self.separator else {
            let fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
            return Ok(fields.enumerate().map(|(index, field)| take(index, field)).count());
        };
        let mut rest = line;
        for index in 0.. {
            // A quote means something at the beginning of a field only.
            let quoted = rest.first() == Some(&QUOTE);
            if quoted {
                rest = self.unquote(&rest[1..])?;
            }
            let end = rest.iter().position(|&byte| byte == delimiter);
            let (field, behind) = rest.split_at(end.unwrap_or(rest.len()));
            if quoted {
                // What stands between a closing quote and the delimiter belongs to the field.
                append(&mut self.unquoted, field)?;
                take(index, self.unquoted.trim_ascii());
            } else {
                take(index, field.trim_ascii());
            }
            match behind {
                [_, behind @ ..] => rest = behind,
                [] => return Ok(index + 1),
            }
        }
        Ok(0)
    }

    /// Keeps what stands before the closing quote, two for one in it, and gives what stands behind.
    fn unquote<'l>(&mut self, mut rest: &'l [u8]) -> Result<&'l [u8], CsvFault> {
        self.unquoted.clear();
        loop {
            let quote = rest.iter().position(|&byte| byte == QUOTE).ok_or(CsvFault::OpenQuote)?;
            append(&mut self.unquoted, &rest[..quote])?;
            match &rest[quote + 1..] {
                [QUOTE, behind @ ..] => {
                    append(&mut self.unquoted, &[QUOTE])?;
                    rest = behind;
                }
                behind => return Ok(behind),
            }
        }
    }
}

fn append(field: &mut Vec<u8>, bytes: &[u8]) -> Result<(), CsvFault> {
    field.try_reserve(bytes.len()).map_err(io::Error::from)?;
    field.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(separator: Separator, line: &str) -> Result<Vec<String>, String> {
        let mut fields = Fields::separated_by(separator).unwrap();
        let mut cut = Vec::new();
        let count = fields
            .each(line.as_bytes(), |index, field| {
                assert_eq!(index, cut.len());
                cut.push(String::from_utf8_lossy(field).into_owned());
            })
            .map_err(|fault| fault.to_string())?;
        assert_eq!(count, cut.len());
        Ok(cut)
    }

    /// As RFC 4180 has it, and beyond that as the csv crate does.
    #[test]
    fn quotes_hold_delimiters_and_quotes() {
        for (line, expected) in [
            ("a,b\n", vec!["a", "b"]),
            (" a , b \r\n", vec!["a", "b"]),
            (",\n", vec!["", ""]),
            ("\"\",\"\"\n", vec!["", ""]),
            ("\"a,b\",c\n", vec!["a,b", "c"]),
            ("\"a\"\"b\"\"\"\r\n", vec!["a\"b\""]),
            ("\"a\"b\"c\",d\n", vec!["ab\"c\"", "d"]),
            ("a\"b,c\"\n", vec!["a\"b", "c\""]),
            (" \"a,b\"\n", vec!["\"a", "b\""]),
            ("\" a \" ,b\n", vec!["a", "b"]),
        ] {
            assert_eq!(
                cut(Separator::Byte(b','), line),
                Ok(expected.iter().map(|&s| s.to_owned()).collect()),
                "{line:?}"
            );
        }
        for open in ["\"\n", "\"a,b\n", "a,\"b\"\"\n"] {
            assert_eq!(cut(Separator::Byte(b','), open), Err(CsvFault::OpenQuote.to_string()), "{open:?}");
        }
        assert_eq!(cut(Separator::Whitespace, " \"a\t b \r\n"), Ok(vec!["\"a".to_owned(), "b".to_owned()]));
    }
}
