//! The command line of `examples/linreg`: what it reads and writes, and how it ends on bad input.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::cargo::{cargo, profile};

/// How one run of the example ended.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// The example, built as this test is and found beside it.
fn example() -> &'static Path {
    static EXAMPLE: OnceLock<PathBuf> = OnceLock::new();
    EXAMPLE.get_or_init(|| {
        // `cargo test` has built it, but `cargo test --test programs` leaves it as it was.
        assert!(cargo(&["build", "--quiet", "--example", "linreg"]).status().unwrap().success());
        profile().join("examples").join(format!("linreg{}", env::consts::EXE_SUFFIX))
    })
}

/// Runs the example in `directory`, so that messages name files by their short names.
fn linreg_in(directory: &Path, args: &[&str]) -> Run {
    let output = Command::new(example()).args(args).current_dir(directory).output().unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn linreg(args: &[&str]) -> Run {
    linreg_in(Path::new("."), args)
}

/// Asserts that the example ends with exit code 2 and nothing but this line on stderr.
#[track_caller]
fn assert_refused_in(directory: &Path, args: &[&str], line: &str) {
    let run = linreg_in(directory, args);
    assert_eq!(run.stderr, format!("error: {line}\n"), "of {args:?}");
    assert_eq!(run.stdout, "", "of {args:?}");
    assert_eq!(run.code, Some(2), "of {args:?}");
}

#[track_caller]
fn assert_refused(args: &[&str], line: &str) {
    assert_refused_in(Path::new("."), args, line);
}

/// The JSON on stdout of a run that ends well.
#[track_caller]
fn json(args: &[&str]) -> Value {
    let run = linreg(&[args, &["--json", "-"]].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

/// The weights of every way in a document, by name.
fn weights(document: &Value) -> Vec<(&str, [f64; 2])> {
    let results = document["results"].as_array().unwrap();
    let weight = |result: &Value, index: usize| result["w"][index].as_f64().unwrap();
    results
        .iter()
        .map(|result| (result["name"].as_str().unwrap(), [weight(result, 0), weight(result, 1)]))
        .collect()
}

/// A directory with one file in it.
fn directory_with(name: &str, contents: impl AsRef<[u8]>) -> TempDir {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join(name), contents).unwrap();
    directory
}

const ALL: [&str; 5] = ["closed_form", "plain_loop", "eager_ndarray", "session_manual", "session_autodiff"];

#[test]
fn the_table_has_a_line_for_each_way() {
    let run = linreg(&["--n", "50", "--epochs", "20", "--threads", "1"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[..2], ["50 rows, 20 epochs, mu 0.001, f64, sessions on 1 thread", ""]);
    let titles = "way                    time  x plain loop            w0            w1           mse";
    assert_eq!(lines[2], titles);
    let names: Vec<&str> = lines[3..].iter().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ALL);
    let of_plain_loop: Vec<&str> = lines[4].split_whitespace().collect();
    assert_eq!(of_plain_loop[3], "1.00", "the plain loop is as fast as itself");
}

#[test]
fn the_json_has_every_field() {
    let document =
        json(&["--n", "50", "--epochs", "20", "--mu", "0.002", "--dtype", "f32", "--threads", "2"]);
    let keys: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["n", "epochs", "mu", "dtype", "threads", "results"];
    assert_eq!(keys.len(), expected.len());
    assert!(expected.iter().all(|key| keys.contains(key)), "{keys:?}");
    assert_eq!(document["n"], 50);
    assert_eq!(document["epochs"], 20);
    assert_eq!(document["mu"], 0.002);
    assert_eq!(document["dtype"], "f32");
    assert_eq!(document["threads"], 2);
    let names: Vec<&str> = weights(&document).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ALL);
    for result in document["results"].as_array().unwrap() {
        assert_eq!(result.as_object().unwrap().len(), 4, "{result}");
        assert!(result["seconds"].as_f64().unwrap() > 0.0, "{result}");
        assert!(result["mse"].as_f64().unwrap() >= 0.0, "{result}");
    }
}

#[test]
fn json_on_stdout_moves_the_table_to_stderr() {
    let run = linreg(&["--n", "5", "--epochs", "2", "--ways", "plain_loop", "--json", "-"]);
    assert_eq!(run.code, Some(0));
    assert!(serde_json::from_str::<Value>(&run.stdout).is_ok(), "{}", run.stdout);
    assert!(run.stderr.starts_with("5 rows, 2 epochs, mu 0.001, f64, sessions on"), "{}", run.stderr);
}

#[test]
fn all_descents_agree() {
    let args = ["--n", "300", "--epochs", "400", "--mu", "0.01"];
    let f64s = json(&args);
    let f32s = json(&[&args[..], &["--dtype", "f32"]].concat());
    let (_, expected) = weights(&f64s)[1];
    for (name, w) in &weights(&f64s)[1..] {
        assert!((0..2).all(|k| (w[k] - expected[k]).abs() <= 1e-9), "{name} in f64: {w:?}, not {expected:?}");
    }
    for (name, w) in &weights(&f32s)[1..] {
        assert!((0..2).all(|k| (w[k] - expected[k]).abs() <= 1e-4), "{name} in f32: {w:?}, not {expected:?}");
    }
}

#[test]
fn the_closed_form_finds_the_line() {
    for dtype in ["f32", "f64"] {
        let document = json(&["--n", "10000", "--ways", "closed_form", "--dtype", dtype]);
        let (_, [w0, w1]) = weights(&document)[0];
        assert!((w0 - 3.0).abs() < 0.01 && (w1 - 2.0).abs() < 0.01, "{dtype}: {w0}, {w1}");
    }
}

#[cfg(feature = "linalg")]
#[test]
fn the_pseudo_inverse_of_the_graph_finds_the_line() {
    for dtype in ["f32", "f64"] {
        let document = json(&["--n", "10000", "--ways", "closed_form,session_pinv", "--dtype", dtype]);
        let fitted = weights(&document);
        let [(_, by_hand), (_, by_graph)] = fitted[..] else { panic!("expected two ways, got {fitted:?}") };
        let within = if dtype == "f32" { 1e-4 } else { 1e-11 };
        for (a, b) in by_hand.iter().zip(&by_graph) {
            assert!((a - b).abs() < within, "{dtype}: {by_hand:?}, {by_graph:?}");
        }
    }
}

#[test]
fn every_way_descends_to_the_closed_form() {
    let document = json(&["--n", "20", "--epochs", "2000", "--mu", "0.2"]);
    let (_, best) = weights(&document)[0];
    for (name, w) in weights(&document) {
        assert!((0..2).all(|k| (w[k] - best[k]).abs() < 1e-9), "{name}: {w:?}, not {best:?}");
    }
}

#[test]
fn no_epochs_leave_the_weights_at_zero() {
    for (name, w) in &weights(&json(&["--n", "10", "--epochs", "0"]))[1..] {
        assert_eq!(*w, [0.0, 0.0], "{name}");
    }
}

#[test]
fn one_row_has_x_zero_and_decides_w0_alone() {
    for (name, [w0, w1]) in weights(&json(&["--n", "1", "--sigma", "0", "--epochs", "3000", "--mu", "0.1"])) {
        assert!((w0 - 3.0).abs() < 1e-12 && w1.abs() < 1e-12, "{name}: {w0}, {w1}");
    }
}

#[test]
fn a_seed_makes_the_same_data_and_another_seed_does_not() {
    let w = |seed: &str| weights(&json(&["--n", "20", "--ways", "closed_form", "--seed", seed]))[0].1;
    assert_eq!(w("7"), w("7"));
    assert_ne!(w("7"), w("8"));
}

#[test]
fn ways_are_run_as_listed_and_once() {
    let document = json(&["--n", "5", "--epochs", "1", "--ways", "eager_ndarray,closed_form,eager_ndarray"]);
    let names: Vec<&str> = weights(&document).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["eager_ndarray", "closed_form"]);
}

#[test]
fn real_data_comes_from_a_csv_file() {
    let contents = "\u{feff}input, output\r\n0, 1\r\n\r\n1, -1\r\n  \r\n\"2\", -3e0\r\n3.5,-6";
    let directory = directory_with("data.csv", contents);
    let args = ["--csv", "data.csv", "--mu", "0.1", "--epochs", "2000", "--json", "-"];
    let run = linreg_in(directory.path(), &args);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["n"], 4);
    for (name, [w0, w1]) in weights(&document) {
        assert!((w0 - 1.0).abs() < 1e-9 && (w1 + 2.0).abs() < 1e-9, "{name}: {w0}, {w1}");
    }
}

#[test]
fn data_that_leaves_a_choice_gives_the_shortest_weights() {
    // d = 6 at x = 2 is met by all w0 + 2·w1 = 6, nearest to zero by w = 6/5·[1, 2].
    for contents in ["x,d\n2,6\n", "x,d\n2,5\n2,7\n2,6\n"] {
        let directory = directory_with("data.csv", contents);
        let args = ["--csv", "data.csv", "--mu", "0.05", "--epochs", "500", "--json", "-"];
        let run = linreg_in(directory.path(), &args);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        for (name, [w0, w1]) in weights(&serde_json::from_str(&run.stdout).unwrap()) {
            assert!((w0 - 1.2).abs() < 1e-9 && (w1 - 2.4).abs() < 1e-9, "{name}: {w0}, {w1}");
        }
    }
}

#[test]
fn the_closed_form_keeps_its_digits_far_from_zero() {
    let directory = directory_with("data.csv", "year,d\n1990,1\n2000,2\n2010,3\n");
    for dtype in ["f32", "f64"] {
        let args = ["--csv", "data.csv", "--ways", "closed_form", "--dtype", dtype, "--json", "-"];
        let run = linreg_in(directory.path(), &args);
        let (_, [w0, w1]) = weights(&serde_json::from_str(&run.stdout).unwrap())[0];
        assert!((w0 + 198.0).abs() < 1e-4 && (w1 - 0.1).abs() < 1e-7, "{dtype}: {w0}, {w1}");
    }
}

#[test]
fn a_descent_that_diverges_is_told_and_ends_with_code_1() {
    for dtype in ["f32", "f64"] {
        let args = ["--n", "20", "--epochs", "1000", "--mu", "5", "--dtype", dtype, "--json", "-"];
        let run = linreg(&args);
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        for text in [&run.stdout, &run.stderr] {
            let text = text.to_lowercase();
            assert!(!text.contains("nan") && !text.contains("inf"), "{text}");
        }
        assert_eq!(run.stderr.matches("diverged at epoch ").count(), 4, "{}", run.stderr);
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        let results = document["results"].as_array().unwrap();
        assert!(results[0]["w"].is_array() && results[0].get("diverged").is_none(), "{}", results[0]);
        for result in &results[1..] {
            assert!(result["w"].is_null() && result["mse"].is_null(), "{result}");
            assert_eq!(result["diverged"], true, "{result}");
        }
    }
}

#[test]
fn the_epoch_of_a_divergence_is_the_first_without_a_finite_loss() {
    // One row d = 1 at x = 0: w0 is 1 - (1 - 2·mu)^epoch, and its square first overflows at 10^154.
    let directory = directory_with("data.csv", "x,d\n0,1\n");
    let args = ["--csv", "data.csv", "--mu", "50.5", "--epochs", "5000", "--ways", "plain_loop"];
    let run = linreg_in(directory.path(), &args);
    assert!(run.stdout.ends_with("  diverged at epoch 78\n"), "{}", run.stdout);
}

#[test]
fn a_loss_that_overflows_before_the_first_epoch_is_told() {
    let directory = directory_with("data.csv", "x,d\n0,1e200\n1,2e200\n");
    let run = linreg_in(directory.path(), &["--csv", "data.csv", "--ways", "plain_loop", "--epochs", "3"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stdout.ends_with("  overflows f64\n"), "{}", run.stdout);
}

#[test]
fn files_are_written_and_replaced_whole() {
    let directory = directory_with("out.json", "old ".repeat(10_000));
    let outputs = ["--json", "out.json", "--plot", "out.svg", "--dot", "out.dot"];
    let run = linreg_in(directory.path(), &[&["--n", "30", "--epochs", "40"], &outputs[..]].concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
    let document: Value = serde_json::from_str(&read("out.json")).unwrap();
    assert_eq!(weights(&document).len(), 5);
    let svg = read("out.svg");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
    for text in [
        "Data and fitted line",
        "30 rows; d = ",
        "Loss of the descent",
        "after epoch 40 of session_autodiff",
        "epoch",
    ] {
        assert!(svg.contains(text), "{text} in {svg}");
    }
    let dot = read("out.dot");
    assert!(dot.starts_with("digraph") && dot.contains("mse"), "{dot}");
}

#[test]
fn a_picture_is_drawn_of_any_ending() {
    let odd = [
        ("x,d\n1,2\n", "0.001"),
        ("x,d\n1,0\n1,0\n", "0.001"),
        ("x,d\n1,-2\n3,-4\n", "10"),
        ("x,d\n1e17,1\n100000000000000160,3\n", "0.001"),
        ("x,d\n1,1e150\n2,3e150\n", "0.001"),
        ("x,d\n1,1e-320\n2,5e-324\n", "0.001"),
    ];
    for (contents, mu) in odd {
        for ways in ["closed_form", "plain_loop", "closed_form,session_manual"] {
            let directory = directory_with("data.csv", contents);
            let args =
                ["--csv", "data.csv", "--mu", mu, "--epochs", "500", "--ways", ways, "--plot", "p.svg"];
            let run = linreg_in(directory.path(), &args);
            assert_eq!(run.stderr, "", "of {contents:?} by {ways}");
            let svg = fs::read_to_string(directory.path().join("p.svg")).unwrap();
            assert!(svg.trim_end().ends_with("</svg>"), "of {contents:?} by {ways}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "of {contents:?} by {ways}");
        }
    }
}

/// The numbers in a picture's text at the places where an axis has its ticks, each with the end of its text by a
/// generous estimate of its width.
pub(crate) fn right_ends(svg: &str) -> Vec<f64> {
    let attribute = |tag: &str, name: &str| -> Option<String> {
        Some(tag.split_once(&format!("{name}=\""))?.1.split_once('"')?.0.to_owned())
    };
    let texts = svg.split("<text ").skip(1).filter_map(|tag| {
        let (tag, text) = tag.split_once('>')?;
        let x: f64 = attribute(tag, "x")?.parse().ok()?;
        let size: f64 = attribute(tag, "font-size")?.parse().ok()?;
        let text = text.split('<').next()?.trim().replace("&quot;", "\"");
        let width = 0.62 * size * text.chars().count() as f64;
        let part = match attribute(tag, "text-anchor").as_deref() {
            Some("middle") => 0.5,
            Some("end") => 0.0,
            _ => 1.0,
        };
        (!tag.contains("rotate")).then_some(x + part * width)
    });
    texts.collect()
}

#[test]
fn a_picture_tells_columns_by_their_names_and_cuts_no_number() {
    let directory = directory_with("data.csv", "rooms <&> \"all\",price\n1,200000\n2,310000\n4,480000.5\n");
    let args = [
        "--csv",
        "data.csv",
        "--mu",
        "0.01",
        "--epochs",
        "100000",
        "--ways",
        "plain_loop",
        "--plot",
        "p.svg",
    ];
    let run = linreg_in(directory.path(), &args);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let svg = fs::read_to_string(directory.path().join("p.svg")).unwrap();
    assert!(svg.contains("rooms &lt;&amp;&gt;") && svg.contains("price"), "{svg}");
    assert!(!svg.contains("input x") && !svg.contains("not converged"), "{svg}");
    assert!(right_ends(&svg).into_iter().all(|end| end < 1240.0), "{svg}");
}

#[test]
fn a_picture_of_a_descent_that_has_not_converged_shows_the_closed_form() {
    let directory = tempfile::tempdir().unwrap();
    let svg = |epochs: &str| {
        let args =
            ["--n", "50", "--epochs", epochs, "--mu", "0.1", "--ways", "plain_loop", "--plot", "p.svg"];
        assert_eq!(linreg_in(directory.path(), &args).code, Some(0));
        fs::read_to_string(directory.path().join("p.svg")).unwrap()
    };
    let told = "not converged; dashed, the closed form: d = 2.9";
    assert!(svg("3").contains(told) && !svg("3000").contains("not converged"));
}

/// Runs the example with its output going to a file, such as a device that is full.
#[cfg(target_os = "linux")]
fn linreg_to(stdout: &str, stderr: &str, args: &[&str]) -> (Option<i32>, String) {
    let open = |path: &str| fs::OpenOptions::new().write(true).open(path).unwrap();
    let mut command = Command::new(example());
    command.args(args).stdout(open(stdout));
    if stderr != "piped" {
        command.stderr(open(stderr));
        return (command.status().unwrap().code(), String::new());
    }
    let output = command.stderr(std::process::Stdio::piped()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_told_in_one_line_or_in_the_exit_code() {
    let full = "error: standard output: cannot be written: No space left on device (os error 28)\n";
    let small = ["--n", "10", "--epochs", "10"];
    for args in [&small[..], &["--help"], &["--n", "10", "--epochs", "10", "--json", "-"]] {
        let (code, told) = linreg_to("/dev/full", "piped", args);
        assert!(code == Some(2) && told.ends_with(full), "{args:?}: {told}");
        assert_eq!(told == full, !args.contains(&"--json"), "only the table comes before it: {told}");
        assert_eq!(linreg_to("/dev/full", "/dev/full", args).0, Some(2), "{args:?}");
    }
    assert_eq!(linreg_to("/dev/null", "/dev/full", &["--nonsense"]).0, Some(2));
    assert_eq!(linreg_to("/dev/null", "/dev/full", &["--n", "0"]).0, Some(2));
    assert_eq!(linreg_to("/dev/null", "/dev/full", &small).0, Some(0));
    assert_eq!(linreg_to("/dev/null", "/dev/full", &[&small[..], &["--json", "-"]].concat()).0, Some(0));
    for args in [&small[..], &["--help"], &["--n", "10", "--epochs", "10", "--json", "-"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output =
            Command::new(example()).args(args).stdout(writer).stderr(std::process::Stdio::piped()).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!told.contains("error") && !told.contains("panicked"), "{told}");
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    let refused: [(&[&str], &str); 12] = [
        (&["--n", "0"], "--n: expected a number from 1 to 100000000, got 0"),
        (&["--n", "100000001"], "--n: expected a number from 1 to 100000000, got 100000001"),
        (&["--threads", "0"], "--threads: expected a number from 1 to 1024, got 0"),
        (&["--threads", "1025"], "--threads: expected a number from 1 to 1024, got 1025"),
        (&["--mu", "nan"], "--mu: expected a finite number in f64, got NaN"),
        (&["--mu", "inf"], "--mu: expected a finite number in f64, got inf"),
        (&["--mu", "-inf"], "--mu: expected a finite number in f64, got -inf"),
        (&["--mu", "1e39", "--dtype", "f32"], "--mu: expected a finite number in f32, got 1e39"),
        (&["--sigma", "-0.5"], "--sigma: expected a number of at least 0, got -0.5"),
        (&["--sigma", "NaN"], "--sigma: expected a finite number in f64, got NaN"),
        (&["--sigma", "inf"], "--sigma: expected a finite number in f64, got inf"),
        (
            &["--sigma", "1.7e308"],
            "--sigma: expected data within the range of f64, got an overflow with 1.7e308",
        ),
    ];
    for (args, line) in refused {
        assert_refused(args, line);
    }
}

#[test]
fn what_clap_refuses_is_told_in_one_line() {
    let last = if cfg!(feature = "linalg") { ", session_pinv" } else { "" };
    let ways = format!("[possible values: {}{last}]", ALL.join(", "));
    let empty = format!("a value is required for '--ways <LIST>' but none was supplied {ways}");
    let unknown = format!("invalid value 'magic' for '--ways <LIST>' {ways}");
    assert_refused(&["--ways", ""], &empty);
    assert_refused(&["--ways", "magic"], &unknown);
    assert_refused(&["--ways", "plain_loop,magic"], &unknown);
    assert_refused(
        &["--dtype", "f16"],
        "invalid value 'f16' for '--dtype <DTYPE>' [possible values: f32, f64]",
    );
    assert_refused(&["--n", "ten"], "invalid value 'ten' for '--n <N>': invalid digit found in string");
    assert_refused(&["--n", "-1"], "invalid value '-1' for '--n <N>': invalid digit found in string");
    let similar = "unexpected argument '--epoch' found; a similar argument exists: '--epochs'";
    assert_refused(&["--epoch", "3"], similar);
}

#[test]
fn bad_data_is_refused_by_file_line_and_column() {
    let refused: [(&[u8], &str); 18] = [
        (b"", ": expected a header line and rows, got an empty file"),
        (b"\n\n", ": expected a header line and rows, got an empty file"),
        (b"x,d\n", ": expected rows after the header line, got none"),
        (b"x,d\n\n  \n", ": expected rows after the header line, got none"),
        (b"x\n1,2\n", ", line 1: expected two columns, input and output, got 1 column"),
        (b"x,d,e\n1,2,3\n", ", line 1: expected two columns, input and output, got 3 columns"),
        (b"x,d\n1,2\n3\n", ", line 3: expected two columns, input and output, got 1 column"),
        (b"x,d\n1,2\n\n\n3,4,5\n", ", line 5: expected two columns, input and output, got 3 columns"),
        (b"x,d\n1;2\n", ", line 2: expected two columns, input and output, got 1 column"),
        (b"x,d\n1,2\nabc,3\n", ", line 3, column 1: expected a number, got \"abc\""),
        (b"x,d\r\n1,2\r\n\r\n3,abc\r\n", ", line 4, column 2: expected a number, got \"abc\""),
        (b"x,d\n\"1\n\",2\n3,x", ", line 4, column 2: expected a number, got \"x\""),
        (b"x,d\n1,\n", ", line 2, column 2: expected a number, got \"\""),
        (b"x,d\n1,2\nNaN,3\n", ", line 3, column 1: expected a finite number in f64, got NaN"),
        (b"x,d\n1,2\n3, -inf\n", ", line 3, column 2: expected a finite number in f64, got -inf"),
        (b"x,d\n1,1e999\n", ", line 2, column 2: expected a finite number in f64, got 1e999"),
        (b"x,d\n1,2\n3,\xff\n", ", line 3: expected UTF-8, got other bytes"),
        (b"x,d\n1,\"2\n3,4\n", ", line 2, column 2: expected a number, got \"2\\n3,4\""),
    ];
    for (contents, rest) in refused {
        let directory = directory_with("data.csv", contents);
        assert_refused_in(directory.path(), &["--csv", "data.csv"], &format!("data.csv{rest}"));
    }
    let directory = directory_with("data.csv", "x,d\n1e39,2\n");
    let args = ["--csv", "data.csv", "--dtype", "f32"];
    let line = "data.csv, line 2, column 1: expected a finite number in f32, got 1e39";
    assert_refused_in(directory.path(), &args, line);
}

#[test]
fn files_that_cannot_be_opened_are_named() {
    let directory = directory_with("data.csv", "x,d\n1,2\n");
    let missing = linreg_in(directory.path(), &["--csv", "missing.csv"]);
    assert_eq!((missing.code, missing.stdout.as_str()), (Some(2), ""));
    assert!(missing.stderr.starts_with("error: missing.csv: "), "{}", missing.stderr);
    assert_eq!(missing.stderr.lines().count(), 1, "{}", missing.stderr);
    for option in ["--json", "--plot", "--dot"] {
        // The default run would take longer than this test is patient: it must not begin.
        let run = linreg_in(directory.path(), &[option, "no/such/directory", "--epochs", "100000000"]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{option}");
        assert!(run.stderr.starts_with("error: no/such/directory: cannot be written: "), "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
}

#[test]
fn no_file_is_written_over_another() {
    let directory = directory_with("data.csv", "x,d\n1,2\n");
    let at = directory.path();
    let line = "expected two files for --csv and --json, got data.csv for both";
    assert_refused_in(at, &["--csv", "data.csv", "--json", "data.csv"], line);
    let line = "expected two files for --plot and --dot, got ./new for both";
    assert_refused_in(at, &["--plot", "new", "--dot", "./new"], line);
    assert_eq!(fs::read_to_string(at.join("data.csv")).unwrap(), "x,d\n1,2\n");
}

#[test]
fn bad_input_leaves_old_outputs_alone() {
    let directory = directory_with("out.json", "old");
    let run = linreg_in(directory.path(), &["--csv", "missing.csv", "--json", "out.json"]);
    assert_eq!(run.code, Some(2));
    assert_eq!(fs::read_to_string(directory.path().join("out.json")).unwrap(), "old");
}

#[test]
fn help_tells_the_timing_and_the_exit_codes() {
    let run = linreg(&["--help"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    for text in ["Time is what a user waits for a way", "Exit codes: 0 ", "--ways <LIST>", "--json <FILE|->"]
    {
        assert!(run.stdout.contains(text), "{text} in {}", run.stdout);
    }
}

#[test]
fn the_instruction_set_is_the_one_that_the_environment_names() {
    let run = |isa| {
        let args = ["--n", "20", "--epochs", "3", "--ways", "session_autodiff"];
        let output = Command::new(example()).args(args).env("FLOWGRAD_ISA", isa).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(run("baseline"), (true, String::new()));
    let (succeeded, message) = run("wide");
    assert!(!succeeded);
    assert!(message.contains("expected an instruction set of this machine (baseline"), "{message}");
    assert!(message.contains("got `wide`"), "{message}");
}
