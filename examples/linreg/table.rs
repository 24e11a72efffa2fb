//! Real data: a file with a header line, then rows of two numbers, input and output.

use std::fs;
use std::path::Path;

use csv::{Position, ReaderBuilder, StringRecord, Trim};

use crate::error::Error;
use crate::points::Points;
use crate::ways::Scalar;

/// Reads the points in the file at `path`, all of them finite in `T`. Blank lines, and spaces around fields,
/// are skipped.
pub(crate) fn read<T: Scalar>(path: &Path) -> Result<Points, Error> {
    let bytes = fs::read(path).map_err(|source| Error::Read { path: path.into(), source })?;
    let table = Table { path, bytes: &bytes };
    // No header to csv, as it should be counted like a row; flexible, so that a row of another length comes
    // here.
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(bytes.as_slice());
    let mut row = StringRecord::new();
    let mut next = |row: &mut StringRecord| -> Result<bool, Error> {
        loop {
            let found = reader.read_record(row).map_err(|error| table.unreadable(&error))?;
            // A line of spaces alone comes as one empty field.
            if !found || row.iter().any(|field| !field.is_empty()) || row.len() > 1 {
                return Ok(found);
            }
        }
    };

    if !next(&mut row)? {
        return Err(Error::Empty { path: path.into() });
    }
    let names = table.two_columns(&row)?.map(str::to_owned);
    let mut points = Points { x: Vec::new(), d: Vec::new(), names };
    while next(&mut row)? {
        let [x, d] = table.two_columns(&row)?;
        points.x.push(table.number::<T>(&row, 1, x)?);
        points.d.push(table.number::<T>(&row, 2, d)?);
    }
    if points.x.is_empty() {
        return Err(Error::NoRows { path: path.into() });
    }
    Ok(points)
}

/// A file under reading, to tell where in it something is wrong.
struct Table<'f> {
    path: &'f Path,
    bytes: &'f [u8],
}

impl Table<'_> {
    /// The two fields of a row.
    fn two_columns<'r>(&self, row: &'r StringRecord) -> Result<[&'r str; 2], Error> {
        match (row.len(), row.get(0), row.get(1)) {
            (2, Some(x), Some(d)) => Ok([x, d]),
            (found, ..) => {
                Err(Error::Columns { path: self.path.into(), line: self.line(row.position()), found })
            }
        }
    }

    /// The number in a field, which must be finite in `T`; columns count from 1.
    fn number<T: Scalar>(&self, row: &StringRecord, column: usize, field: &str) -> Result<f64, Error> {
        let place = || (self.path.to_path_buf(), self.line(row.position()), field.to_owned());
        match field.parse::<f64>() {
            Ok(value) if T::from_f64(value).is_finite() => Ok(value),
            Ok(_) => {
                let (path, line, field) = place();
                Err(Error::NotFiniteData { path, line, column, field, dtype: T::DTYPE })
            }
            Err(_) => {
                let (path, line, field) = place();
                Err(Error::NotANumber { path, line, column, field })
            }
        }
    }

    /// csv's own complaint; of bytes in memory, and with rows of any length, it has one only.
    fn unreadable(&self, error: &csv::Error) -> Error {
        Error::NotText { path: self.path.into(), line: self.line(error.position()) }
    }

    /// The line on which a row begins, counted from 1. csv's own count is of where the row before ended,
    /// which blank lines and the second half of a CRLF leave behind.
    fn line(&self, position: Option<&Position>) -> usize {
        let end_of_last = position.map_or(0, |position| position.byte() as usize);
        let (before, after) = self.bytes.split_at_checked(end_of_last).unwrap_or((self.bytes, &[]));
        let blank = after.iter().take_while(|byte| byte.is_ascii_whitespace());
        1 + before.iter().chain(blank).filter(|&&byte| byte == b'\n').count()
    }
}
