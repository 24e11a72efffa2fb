//! Any bytes as a text file of numbers, in layouts that the first byte chooses.

use flowgrad::data::{Csv, Dataset, Missing, read_csv};

use super::file::with_file;

/// Reads the bytes; numbers that are read are finite, and the same when they are encoded as they were.
pub fn run(bytes: &[u8]) {
    let Some((&choice, text)) = bytes.split_first() else { return };
    let mut csv = Csv::new().limit(1 << 20);
    if choice & 1 != 0 {
        csv = csv.header();
    }
    if choice & 2 != 0 {
        csv = csv.skip_lines(1);
    }
    csv = match choice >> 2 & 3 {
        0 => csv,
        1 => csv.whitespace(),
        2 => csv.delimiter(b';'),
        _ => csv.delimiter(text.first().copied().unwrap_or(b'\t')),
    };
    csv = match choice >> 4 & 3 {
        0 => csv,
        1 => csv.missing(Missing::Drop),
        2 => csv.missing(Missing::Mean),
        _ => csv.missing(Missing::Mean).missing_in(0, Missing::Drop),
    };
    csv = match choice >> 6 {
        0 => csv,
        1 => csv.one_hot(0),
        2 => csv.categories(-1),
        _ => csv.columns([1, 0]).one_hot([0, 1]),
    };
    with_file("t.csv", text, |path| {
        if let Ok(numbers) = read_csv::<f64>(path, &csv) {
            assert!(numbers.iter().all(|number| number.is_finite()));
        }
        // What was learned of a file reads it again.
        if let Ok((numbers, encoding)) = csv.read::<f64>(path) {
            let again = csv.clone().encoded_as(&encoding).read::<f64>(path);
            assert_eq!(again.map(|(numbers, _)| numbers).ok(), Some(numbers));
        }
        let _ = Dataset::<f32, i64>::from_csv(path, &csv, -1);
        let _ = Dataset::<i32, f32>::from_csv(path, &csv, ["a", "b"]);
    });
}
