//! Any bytes as a text file of numbers, in layouts that the first byte chooses.

use flowgrad::data::{Csv, Dataset, read_csv};

use super::file::with_file;

/// Reads the bytes; numbers that are read are finite.
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
    with_file("t.csv", text, |path| {
        if let Ok(numbers) = read_csv::<f64>(path, &csv) {
            assert!(numbers.iter().all(|number| number.is_finite()));
        }
        let _ = Dataset::<f32, i64>::from_csv(path, &csv, -1);
        let _ = Dataset::<i32, f32>::from_csv(path, &csv, ["a", "b"]);
    });
}
