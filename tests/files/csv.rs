//! Text files of numbers: each layout, each fault with its message, and files that mean harm.

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use flate2::{Compression, write::GzEncoder};
use flowgrad::Numeric;
use flowgrad::data::{Columns, Csv, CsvFault, DataError, Dataset, Standardiser, read_csv};
use flowgrad::ndarray::{Array2, ArrayD, array};
use proptest::prelude::*;
use tempfile::TempDir;

/// A file of some bytes in a directory of its own, which goes when it is dropped.
struct Sample {
    directory: TempDir,
    name: &'static str,
}

impl Sample {
    fn named(name: &'static str, bytes: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(name), bytes).unwrap();
        Sample { directory, name }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join(self.name)
    }

    fn read<T: Numeric + FromStr>(&self, csv: &Csv) -> Result<Array2<T>, String> {
        read_csv(self.path(), csv).map_err(|error| self.told(error))
    }

    fn dataset<A, B>(&self, csv: &Csv, targets: impl Into<Columns>) -> Result<(ArrayD<A>, ArrayD<B>), String>
    where
        A: Numeric + FromStr,
        B: Numeric + FromStr,
    {
        let dataset =
            Dataset::<A, B>::from_csv(self.path(), csv, targets).map_err(|error| self.told(error))?;
        Ok((dataset.inputs().clone(), dataset.targets().clone()))
    }

    /// The message without the directory.
    fn told(&self, error: DataError) -> String {
        error.to_string().replace(&format!("{}/", self.directory.path().display()), "")
    }
}

fn text(bytes: impl AsRef<[u8]>) -> Sample {
    Sample::named("t.csv", bytes)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn plain<T: Numeric + FromStr>(bytes: impl AsRef<[u8]>) -> Result<Array2<T>, String> {
    text(bytes).read(&Csv::new())
}

#[test]
fn every_line_of_a_file_without_a_header_is_a_row() {
    let expected = array![[1.0, 2.5], [-3.0, 4e-3]];
    for bytes in [
        "1,2.5\n-3,4e-3\n",
        "1,2.5\n-3,4e-3",
        "1,2.5\r\n-3,4e-3\r\n",
        "\u{feff}1,2.5\n-3,4e-3\n",
        "\n1,2.5\n \t\n\r\n-3,4e-3\n\n\n",
        " 1 ,\t+2.5\n-3.0, .004 \n",
        "\"1\",\"2.5\"\n\"-3\",4e-3\n",
    ] {
        assert_eq!(plain::<f64>(bytes), Ok(expected.clone()), "{bytes:?}");
    }
}

#[test]
fn layouts_are_as_they_are_said_to_be() {
    let expected = array![[1.0_f32, 2.0], [3.0, 4.0]];
    for (bytes, csv) in [
        ("a,b\n1,2\n3,4\n", Csv::new().header()),
        ("2,2,what,ever\n1,2\n3,4\n", Csv::new().skip_lines(1)),
        ("written by hand\n\n\"a, b\",c\n1,2\n3,4\n", Csv::new().skip_lines(2).header()),
        ("1;2\n3;4\n", Csv::new().delimiter(b';')),
        ("1\t2\n3\t4\n", Csv::new().delimiter(b'\t')),
        ("1 2\n3 4\n", Csv::new().delimiter(b' ')),
        ("  1 2\n3\t \t4  \n", Csv::new().whitespace()),
    ] {
        assert_eq!(text(bytes).read(&csv), Ok(expected.clone()), "{bytes:?}");
    }
}

#[test]
fn targets_are_named_or_counted() {
    let csv = Csv::new().header();
    let table = text("x,label,y\n0.5,1,7\n1.5,0,8\n");
    let inputs = array![[0.5_f32, 7.0], [1.5, 8.0]].into_dyn();
    let labels = array![1_i64, 0].into_dyn();
    assert_eq!(table.dataset(&csv, "label"), Ok((inputs.clone(), labels.clone())));
    assert_eq!(table.dataset(&csv, 1), Ok((inputs.clone(), labels.clone())));
    assert_eq!(table.dataset(&csv, -2), Ok((inputs.clone(), labels)));
    assert_eq!(table.dataset(&csv, ["label"]), Ok((inputs, array![[1_i32], [0]].into_dyn())));
    let swapped = (array![[1_i64], [0]].into_dyn(), array![[7.0, 0.5], [8.0, 1.5]].into_dyn());
    assert_eq!(table.dataset(&csv, ["y", "x"]), Ok(swapped.clone()));
    assert_eq!(table.dataset(&csv, [-1, 0]), Ok(swapped));
}

#[test]
fn faults_in_columns_are_named() {
    let table = text("x,label,x\n0.5,1,7\n");
    let [with, without] = [Csv::new().header(), Csv::new().skip_lines(1)];
    let told = |csv: &Csv, targets: Columns| table.dataset::<f32, f32>(csv, targets).unwrap_err();
    assert_eq!(told(&with, 3.into()), "t.csv, line 1: expected one of 3 columns, got 3");
    assert_eq!(told(&with, (-4).into()), "t.csv, line 1: expected one of 3 columns, got -4");
    assert_eq!(
        told(&without, isize::MIN.into()),
        format!("t.csv, line 2: expected one of 3 columns, got {}", isize::MIN)
    );
    assert_eq!(told(&with, "x".into()), "t.csv, line 1: expected one column named `x`, got indices 0 and 2");
    assert_eq!(
        told(&with, "lable".into()),
        "t.csv, line 1: expected a column among `x`, `label`, `x`, got `lable`"
    );
    assert_eq!(
        told(&without, "label".into()),
        "t.csv, line 2: expected the index of a column, as there is no header, got the name `label`; `Csv::header` says that there is one"
    );
    assert_eq!(told(&with, [1, -2].into()), "t.csv, line 1: expected each column once, got index 1 twice");
    assert_eq!(
        told(&with, [0, 1, 2].into()),
        "t.csv, line 1: expected at least one column as input, got all 3 columns as targets"
    );
    assert_eq!(
        told(&with, <[isize; 0]>::into([])),
        "t.csv, line 1: expected at least one column as target, got none"
    );
}

#[test]
fn faults_in_the_text_say_where_they_are() {
    const TEXTS: &str = "; `Csv::categories` takes a column of texts, and `Csv::columns` chooses others";
    const MISSING: &str = "; `Csv::missing` and `Csv::missing_in` set what becomes of missing values";
    fn told<T: Numeric + FromStr>(bytes: &str) -> String {
        plain::<T>(bytes).unwrap_err()
    }
    const NAMES: &str = "; if this line names the columns, use `Csv::header`";
    assert_eq!(
        told::<f32>("x,y\n1,2\n"),
        format!("t.csv, line 1, column 1: expected a number, got `x`{NAMES}")
    );
    assert_eq!(
        told::<f32>("1,2\n\n3,abc\n"),
        format!("t.csv, line 3, column 2: expected a number, got `abc`{TEXTS}")
    );
    assert_eq!(told::<f32>("1,\n"), format!("t.csv, line 1, column 2: expected a number, got ``{MISSING}"));
    assert_eq!(
        told::<f32>("1\nn/a\n"),
        format!("t.csv, line 2, column 1: expected a number, got `n/a`{MISSING}")
    );
    assert_eq!(told::<f64>("0x10"), format!("t.csv, line 1, column 1: expected a number, got `0x10`{NAMES}"));
    assert_eq!(
        told::<f64>("1\n\x1b[2J\n"),
        format!("t.csv, line 2, column 1: expected a number, got `\\u{{1b}}[2J`{TEXTS}")
    );
    assert_eq!(
        told::<f64>("1\u{202e}2\n"),
        format!("t.csv, line 1, column 1: expected a number, got `1\\u{{202e}}2`{NAMES}")
    );
    assert_eq!(
        told::<f64>(&"x".repeat(1000)),
        format!("t.csv, line 1, column 1: expected a number, got `{}…`{NAMES}", "x".repeat(100))
    );
    assert_eq!(told::<f32>("1\nNaN\n"), "t.csv, line 2, column 1: expected a finite number, got `NaN`");
    assert_eq!(told::<f64>("-inf\n"), "t.csv, line 1, column 1: expected a finite number, got `-inf`");
    assert_eq!(
        told::<f64>("1e999\n"),
        "t.csv, line 1, column 1: expected a number in the range of f64, got `1e999`"
    );
    assert_eq!(
        told::<f32>("1e39\n"),
        "t.csv, line 1, column 1: expected a number in the range of f32, got `1e39`"
    );
    assert_eq!(
        told::<i32>("2147483648"),
        "t.csv, line 1, column 1: expected a number in the range of i32, got `2147483648`"
    );
    assert_eq!(
        told::<i64>("9223372036854775808"),
        "t.csv, line 1, column 1: expected a number in the range of i64, got `9223372036854775808`"
    );
    assert_eq!(told::<i64>("7,2.5"), "t.csv, line 1, column 2: expected a whole number for i64, got `2.5`");
    assert_eq!(
        told::<i64>("1e-300"),
        "t.csv, line 1, column 1: expected a whole number for i64, got `1e-300`"
    );
    assert_eq!(told::<i64>("nan"), "t.csv, line 1, column 1: expected a finite number, got `nan`");
    assert_eq!(told::<f32>("1,2\n3\n"), "t.csv, line 2: expected 2 fields, got 1");
    assert_eq!(told::<f32>("1,2\n3,4,5\n"), "t.csv, line 2: expected 2 fields, got 3");
    assert_eq!(
        told::<f32>("1,\"2\n3,4\n"),
        "t.csv, line 1: expected a closing double quote on the line, got none"
    );
    assert_eq!(told::<f32>("1,\"2"), "t.csv, line 1: expected a closing double quote on the line, got none");
    for empty in ["", "\n", " \n\t\n", "\u{feff}"] {
        assert_eq!(told::<f32>(empty), "t.csv: expected at least one row, got none", "{empty:?}");
    }
    assert_eq!(
        text("a,b\n").read::<f32>(&Csv::new().header()).unwrap_err(),
        "t.csv: expected at least one row, got none"
    );
    assert_eq!(
        text("1\n").read::<f32>(&Csv::new().skip_lines(u64::MAX)).unwrap_err(),
        "t.csv: expected at least one row, got none"
    );
    assert_eq!(
        text("a,b\n1\n").read::<f32>(&Csv::new().header()).unwrap_err(),
        "t.csv, line 2: expected 2 fields, got 1"
    );
    for (delimiter, shown) in [(b'0', "'0'"), (b'.', "'.'"), (b'"', "'\"'"), (b'\n', "'\\n'")] {
        let told = text("1").read::<f32>(&Csv::new().delimiter(delimiter)).unwrap_err();
        assert_eq!(told, format!("t.csv: expected a byte that can separate numbers, got {shown}"));
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let missing = read_csv::<f32>("no/such.csv", &Csv::new()).unwrap_err().to_string();
    assert_eq!(missing, "no/such.csv: cannot be read: No such file or directory (os error 2)");
    let directory = tempfile::tempdir().unwrap();
    assert!(read_csv::<f32>(directory.path(), &Csv::new()).is_err());
}

#[test]
fn whole_numbers_are_integers_however_they_are_written() {
    assert_eq!(plain::<i64>("3,3.0,3e0,-0.0,+7"), Ok(array![[3, 3, 3, 0, 7]]));
    assert_eq!(plain::<i64>("1.000000000000000000e+00"), Ok(array![[1]]));
    assert_eq!(plain::<i64>("9223372036854775807,-9223372036854775808"), Ok(array![[i64::MAX, i64::MIN]]));
    // Rounded to the nearest f64, those that end in a 3 end in another digit.
    for (text, expected) in [
        ("1e3", 1000),
        ("9007199254740991.0", (1 << 53) - 1),
        ("9007199254740992.0", 1 << 53),
        ("9007199254740993.0", (1 << 53) + 1),
        ("-9007199254740993e0", -(1 << 53) - 1),
        ("900719925474099.3e1", (1 << 53) + 1),
        ("9.2e18", 9_200_000_000_000_000_000),
        ("9223372036854775807.000", i64::MAX),
        ("-9223372036854775808.0", i64::MIN),
        ("-0.0e-400", 0),
        ("0e400", 0),
    ] {
        assert_eq!(plain::<i64>(text), Ok(array![[expected]]), "{text}");
    }
    for text in ["9.3e18", "-1e300", "1e999", "9223372036854775808.0", "-9223372036854775809.0"] {
        let expected =
            format!("t.csv, line 1, column 1: expected a number in the range of i64, got `{text}`");
        assert_eq!(plain::<i64>(text), Err(expected));
    }
    // Rounded to the nearest f64, all of these are whole.
    for text in ["1.0000000000000000001", "1e-400", "-1e-99999999999999999999", "9007199254740993.5"] {
        let expected = |dtype| {
            Err(format!("t.csv, line 1, column 1: expected a whole number for {dtype}, got `{text}`"))
        };
        assert_eq!(plain::<i64>(text).map(drop), expected("i64"));
        assert_eq!(plain::<i32>(text).map(drop), expected("i32"));
    }
    assert_eq!(plain::<i32>("2.147483647e9,-2147483648e0,1e3"), Ok(array![[i32::MAX, i32::MIN, 1000]]));
    assert_eq!(
        plain::<i32>("2147483648.0"),
        Err("t.csv, line 1, column 1: expected a number in the range of i32, got `2147483648.0`".to_owned())
    );
    assert_eq!(
        plain::<i32>("-2147483647.5"),
        Err("t.csv, line 1, column 1: expected a whole number for i32, got `-2147483647.5`".to_owned())
    );
    assert_eq!(plain::<i32>("2147483647.0,-2147483648.0"), Ok(array![[i32::MAX, i32::MIN]]));
}

#[test]
fn gzip_is_known_by_its_first_bytes_or_its_name() {
    let expected = Ok(array![[1.0_f32, 2.0], [3.0, 4.0]]);
    let packed = gzip(b"1,2\n3,4\n");
    assert_eq!(Sample::named("t.csv.gz", &packed).read(&Csv::new()), expected);
    assert_eq!(Sample::named("t.csv", &packed).read(&Csv::new()), expected);
    // Files set end to end, as parallel compressors leave them.
    let members = [gzip(b"1,2\n3"), gzip(b",4\n")].concat();
    assert_eq!(Sample::named("T.GZ", members).read(&Csv::new()), expected);
    let named_only = Sample::named("t.gz", "1,2\n3,4\n5,6\n7,8\n").read::<f32>(&Csv::new()).unwrap_err();
    assert_eq!(named_only, "t.gz, line 1: cannot be read: invalid gzip header");
    let cut = Sample::named("t.gz", &packed[..packed.len() - 9]).read::<f32>(&Csv::new()).unwrap_err();
    assert!(cut.starts_with("t.gz, line 3: cannot be read: "), "{cut}");
}

/// Blocks of zeros, as tapes are filled with, behind each member and none.
#[test]
fn zeros_behind_what_gzip_packed_mean_nothing() {
    let expected = Ok(array![[1.0_f32, 2.0], [3.0, 4.0]]);
    let (one, two) = (gzip(b"1,2\n3"), gzip(b",4\n"));
    for zeros in [1, 7, 512, 100_000] {
        let zeros = vec![0; zeros];
        let padded = [&one[..], &zeros, &two, &zeros].concat();
        assert_eq!(Sample::named("t.gz", &padded).read(&Csv::new()), expected);
        let other = [&padded[..], b"x"].concat();
        let told = Sample::named("t.gz", other).read::<f32>(&Csv::new()).unwrap_err();
        assert!(told.starts_with("t.gz, line 3: cannot be read: "), "{told}");
    }
    assert_eq!(
        Sample::named("t.gz", gzip(b"")).read::<f32>(&Csv::new()).unwrap_err(),
        "t.gz: expected at least one row, got none"
    );
    let packed = vec![gzip(b""); 1000].concat();
    assert_eq!(
        Sample::named("t.gz", packed).read::<f32>(&Csv::new()).unwrap_err(),
        "t.gz: expected at least one row, got none"
    );
}

/// "Unicode text" of spreadsheets is UTF-16, with a byte order mark or without.
#[test]
fn text_of_another_encoding_says_which() {
    let utf16 =
        |order: fn(u16) -> [u8; 2], text: &str| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let utf32 = |text: &str| text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect::<Vec<u8>>();
    for (bytes, encoding) in [
        (utf16(u16::to_le_bytes, "\u{feff}a\t1\r\n"), "UTF-16"),
        (utf16(u16::to_be_bytes, "\u{feff}a\t1\r\n"), "UTF-16"),
        (utf16(u16::to_le_bytes, "a\t1\n"), "UTF-16"),
        (utf16(u16::to_be_bytes, "a\t1\n"), "UTF-16"),
        (utf16(u16::to_le_bytes, "x,größe,площадь,\u{1f980}\n1,2,3,4\n"), "UTF-16"),
        (utf16(u16::to_le_bytes, "1"), "UTF-16"),
        (utf32("\u{feff}a\t1\n"), "UTF-32"),
        (utf32("a\t1\n"), "UTF-32"),
        ("a\t1\n".chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(), "UTF-32"),
    ] {
        for bytes in [gzip(&bytes), bytes] {
            for csv in [Csv::new().header(), Csv::new().whitespace(), Csv::new().skip_lines(1)] {
                let told = text(&bytes).read::<f32>(&csv).unwrap_err();
                let expected = format!(
                    "t.csv, line 1: expected text in UTF-8, which spreadsheets call \"CSV UTF-8\", got {encoding}"
                );
                assert!(told.starts_with(&expected), "{told}");
            }
        }
    }
}

/// What is no text is not taken for text of another encoding.
#[test]
fn what_is_no_text_is_not_called_text() {
    let packed = gzip(b"1,2\n");
    for zeros in [1, 700, 100_000] {
        let told = text([&vec![0; zeros][..], &packed].concat()).read::<f32>(&Csv::new()).unwrap_err();
        let expected = format!(
            "t.csv, line 1: expected gzip data at the beginning of the file, got {zeros} zero bytes before it"
        );
        assert_eq!(told, expected);
    }
    for bytes in [
        vec![0; 700],
        vec![0; 1],
        vec![0; 2],
        [&[0; 700][..], b"1,2\n"].concat(),
        b"\x01\0\0\0\x02\0\0\0\n".to_vec(),
        b"1\0\0\0\0\0\0\0\n".to_vec(),
        b"\0\x01\0\x02\0\0".to_vec(),
    ] {
        let told = text(&bytes).read::<f32>(&Csv::new()).unwrap_err();
        let expected = "t.csv, line 1: expected text, got a zero byte at the beginning of the file";
        assert_eq!(told, expected, "{bytes:?}");
    }
}

/// White space separates, and so would a carriage return, which made one row of all.
#[test]
fn lines_that_end_in_a_carriage_return_alone_say_so() {
    let expected =
        "t.csv, line 1: expected lines that end in LF or CR LF, got a carriage return (CR) within the line";
    let long = "1,2\r".repeat(5 << 20);
    for bytes in ["1,2\r3,4\r", "1,2\r3,4", "1 2\r3 4\n", "a,b\r1,2\r", "1,2\r\r\n", "\"1\r2\"\n", &long] {
        for csv in [Csv::new(), Csv::new().header(), Csv::new().whitespace()] {
            let told = text(bytes).read::<f32>(&csv);
            if bytes == "1,2\r\r\n" {
                assert!(!told.is_err_and(|told| told.starts_with(expected)));
            } else {
                assert!(told.as_ref().is_err_and(|told| told.starts_with(expected)), "{told:?}");
            }
        }
    }
    let skipped = text("1,2\r3,4\r").read::<f32>(&Csv::new().skip_lines(1)).unwrap_err();
    assert!(skipped.starts_with(expected), "{skipped}");
    assert_eq!(text("a\rb\n1\n").read(&Csv::new().skip_lines(1)), Ok(array![[1.0]]));
    assert_eq!(plain::<f64>("1,2\r"), Ok(array![[1.0, 2.0]]));
}

/// Whatever stands before the name: nothing, quotes, lines that are skipped or blank.
#[test]
fn a_byte_order_mark_is_no_part_of_the_first_name() {
    let expected = Ok((array![[2.0_f32]].into_dyn(), array![1_i64].into_dyn()));
    for bytes in ["\u{feff}a,b\n1,2\n", "\u{feff}\"a\",b\r\n1,2\r\n", "\u{feff}\na,b\n1,2\n"] {
        assert_eq!(text(bytes).dataset(&Csv::new().header(), "a"), expected, "{bytes:?}");
        assert_eq!(
            Sample::named("t.gz", gzip(bytes.as_bytes())).dataset(&Csv::new().header(), "a"),
            expected
        );
    }
    let skipped = Csv::new().skip_lines(1).header();
    assert_eq!(text("\u{feff}by hand\na,b\n1,2\n").dataset(&skipped, "a"), expected);
}

/// A bomb of 20 MB in 20 kB, as one line and as many: neither is held in memory.
#[test]
fn bombs_stop_at_a_bound() {
    let one_line = Sample::named("t.gz", gzip(&vec![b'0'; 20 << 20]));
    assert_eq!(
        one_line.read::<f32>(&Csv::new()).unwrap_err(),
        "t.gz, line 1: expected a line of at most 16777216 bytes, got a longer one"
    );
    let blank = Sample::named("t.gz", gzip(&vec![b'\n'; 8 << 20]));
    let told = blank.read::<f32>(&Csv::new().limit(1 << 20)).unwrap_err();
    assert_eq!(
        told,
        "t.gz, line 1048577: expected at most 1048576 bytes of text, got more; `Csv::limit` sets how many are read"
    );
    let rows = text("12\n34\n");
    assert_eq!(rows.read::<f32>(&Csv::new().limit(6)), Ok(array![[12.0], [34.0]]));
    let told = rows.read::<f32>(&Csv::new().limit(5)).unwrap_err();
    assert_eq!(
        told,
        "t.csv, line 2: expected at most 5 bytes of text, got more; `Csv::limit` sets how many are read"
    );
    assert!(rows.read::<f32>(&Csv::new().limit(u64::MAX)).is_ok());
}

#[test]
fn errors_keep_their_parts_and_their_source() {
    let Err(DataError::Csv(error)) = read_csv::<f32>(text("1,2\n3,x").path(), &Csv::new()) else { panic!() };
    assert_eq!((error.line, error.column), (Some(2), Some(2)));
    assert!(matches!(error.fault, CsvFault::NotANumber { ref text, .. } if text == "x"));
    let missing = read_csv::<f32>("no/such.csv", &Csv::new()).unwrap_err();
    let source = std::error::Error::source(&missing).unwrap();
    assert!(source.is::<Arc<std::io::Error>>());
}

/// What is written is read, bit for bit.
fn comes_back<T: Numeric + FromStr + Display>(columns: usize, numbers: &[T], csv: &Csv, between: &str) {
    let rows = numbers.chunks_exact(columns);
    let lines: Vec<String> =
        rows.map(|row| row.iter().map(T::to_string).collect::<Vec<_>>().join(between)).collect();
    let expected = Array2::from_shape_vec((lines.len(), columns), numbers[..lines.len() * columns].to_vec());
    let read = text(lines.join("\n")).read::<T>(csv).unwrap();
    assert_eq!(read, expected.unwrap());
}

proptest! {
    #[test]
    fn numbers_come_back_as_they_were_written(
        columns in 1_usize..5,
        doubles in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO, 5..40),
        integers in prop::collection::vec(any::<i64>(), 5..40),
    ) {
        let singles: Vec<f32> = doubles.iter().map(|&x| x as f32).filter(|x| x.is_finite()).collect();
        prop_assume!(singles.len() >= columns);
        comes_back(columns, &doubles, &Csv::new(), ",");
        comes_back(columns, &singles, &Csv::new().delimiter(b';'), " ; ");
        comes_back(columns, &integers, &Csv::new().whitespace(), " \t");
    }

    /// A damaged text may still be numbers, but never panics; a damaged gzip is noticed, or was not changed
    /// where it matters.
    #[test]
    fn damage_is_noticed_or_harmless(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..4),
        cut in any::<prop::sample::Index>(),
        shorten: bool,
    ) {
        let row = |row: i32| format!("{row},{:.3},\"{}\"\n", f64::from(row).sin(), row % 3);
        let table = (0..50).map(row).collect::<Vec<_>>().concat();
        let expected = plain::<f64>(&table).unwrap();
        for packed in [false, true] {
            let mut bytes = if packed { gzip(table.as_bytes()) } else { table.clone().into_bytes() };
            if shorten {
                bytes.truncate(cut.index(bytes.len()));
            } else {
                for (place, bit) in &flips {
                    let place = place.index(bytes.len());
                    bytes[place] ^= 1 << bit;
                }
            }
            let csv = [Csv::new(), Csv::new().header(), Csv::new().whitespace()];
            let name = if packed { "t.gz" } else { "t.csv" };
            let [read, _, _] = csv.map(|csv| Sample::named(name, &bytes).read::<f64>(&csv));
            prop_assert!(!packed || read.is_err() || read == Ok(expected.clone()));
        }
    }

    #[test]
    fn any_bytes_give_numbers_or_an_error(bytes: Vec<u8>, name in prop::sample::select(vec!["t.csv", "t.gz"])) {
        for csv in [Csv::new(), Csv::new().header(), Csv::new().whitespace(), Csv::new().delimiter(b'|')] {
            let _ = Sample::named(name, &bytes).read::<f32>(&csv);
            let _ = Sample::named(name, &bytes).dataset::<f32, i64>(&csv, -1);
        }
    }
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data").join(name)
}

/// The data of the examples, with sums taken by NumPy.
#[test]
fn the_data_of_the_examples_are_read() {
    let digits = Dataset::<f32, i64>::from_csv(example("digits.csv.gz"), &Csv::new(), -1).unwrap();
    assert_eq!((digits.inputs().shape(), digits.targets().shape()), (&[1797, 64][..], &[1797][..]));
    assert_eq!((digits.inputs().sum(), digits.targets().sum()), (561_718.0, 8_070));
    assert_eq!(digits.targets().slice(flowgrad::ndarray::s![..3]), array![0, 1, 2]);

    let skipped = Csv::new().skip_lines(1);
    let iris = Dataset::<f64, i64>::from_csv(example("iris.csv"), &skipped, -1).unwrap();
    assert_eq!((iris.inputs().shape(), iris.targets().sum()), (&[150, 4][..], 150));
    assert!((iris.inputs().sum() - 2078.7).abs() < 1e-9);
    let cancer = Dataset::<f64, f64>::from_csv(example("breast_cancer.csv"), &skipped, 30).unwrap();
    assert_eq!((cancer.inputs().shape(), cancer.targets().sum()), (&[569, 30][..], 357.0));
    assert!((cancer.inputs().sum() - 1_056_474.459_635_6).abs() < 1e-6);

    let features = read_csv::<f64>(example("diabetes_data_raw.csv.gz"), &Csv::new().whitespace()).unwrap();
    let target = read_csv::<f64>(example("diabetes_target.csv.gz"), &Csv::new()).unwrap();
    assert_eq!(target.sum(), 67_243.0);
    let diabetes = Dataset::new(features, target).unwrap();
    assert_eq!((diabetes.inputs().shape(), diabetes.targets().shape()), (&[442, 10][..], &[442, 1][..]));
    let standardised = diabetes.standardise(&Standardiser::fit(diabetes.inputs()).unwrap()).unwrap();
    assert!(standardised.inputs().sum().abs() < 1e-9);
}
