//! Memory that reading takes, counted, and what is said where there is less.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flowgrad::Value;
use flowgrad::data::{Csv, Dataset, read_csv};
use flowgrad::io::checkpoint::Checkpoint;
use flowgrad::io::frozen::Frozen;
use flowgrad::io::npz::{Npz, read_npz, write_npz};
use flowgrad::io::safetensors::{SafeTensors, write_safetensors};
use flowgrad::ndarray::{Array1, Array2};
use tempfile::TempDir;

use crate::frozen::sealed;

/// Counts what this thread holds, and gives it no large piece of memory beyond a limit.
struct Limited;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static LIMIT: Cell<isize> = const { Cell::new(isize::MAX) };
}

/// Pieces that are given without looking at the limit: those that an error needs to say what it has to.
const SMALL: usize = 1 << 16;

/// Whether there is memory for a piece that becomes so much longer.
fn grow(size: usize, more: isize) -> bool {
    let held = HELD.get() + more;
    if size > SMALL && held > LIMIT.get() {
        return false;
    }
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
    true
}

// SAFETY: what is given is the system's, as it came.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if grow(layout.size(), layout.size() as isize) {
            // SAFETY: the caller's promise.
            unsafe { System.alloc(layout) }
        } else {
            std::ptr::null_mut()
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if grow(size, size as isize - layout.size() as isize) {
            // SAFETY: the caller's promise.
            unsafe { System.realloc(pointer, layout, size) }
        } else {
            std::ptr::null_mut()
        }
    }
}

#[global_allocator]
static ALLOCATOR: Limited = Limited;

/// What `run` gives, and the most that it held meanwhile, with so much memory.
pub(crate) fn within<T>(limit: usize, run: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    PEAK.set(before);
    LIMIT.set(before.saturating_add_unsigned(limit));
    let result = run();
    LIMIT.set(isize::MAX);
    (result, (PEAK.get() - before) as usize)
}

/// Asserts that `read` takes at most `times` the bytes of the file, and with half of what it takes gives an error that
/// names the file.
#[track_caller]
fn assert_bounded<T, E: ToString>(path: &Path, times: f64, read: impl Fn(&Path) -> Result<T, E>) {
    let bytes = fs::metadata(path).unwrap().len() as usize;
    assert_bounded_by(path, times * bytes as f64, read);
}

#[track_caller]
fn assert_bounded_by<T, E: ToString>(path: &Path, most: f64, read: impl Fn(&Path) -> Result<T, E>) {
    let (result, peak) = within(usize::MAX, || read(path));
    if let Err(error) = result {
        panic!("{}", error.to_string());
    }
    // What readers take for themselves, such as buffers and the state of a decoder.
    let own = f64::from(1 << 18);
    assert!(peak as f64 <= most + own, "{}: {peak} bytes, of at most {most}", path.display());
    for share in [2, 3, 10] {
        let (result, _) = within(peak / share, || read(path));
        let error = result.err().expect("not enough memory").to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
        assert!(error.contains("memory"), "{error}");
    }
}

fn place(name: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    (directory, path)
}

#[test]
fn arrays_are_held_once() {
    let numbers = Value::from(Array2::from_shape_fn((1000, 2000), |(i, j)| (i * j) as f32));
    let (_directory, path) = place("t.npz");
    write_npz(&path, [("x", &numbers)]).unwrap();
    assert_bounded(&path, 1.0, |path| read_npz(path));
    assert_bounded(&path, 1.0, |path| Npz::open(path)?.read_as::<f32>("x"));
    let (_directory, path) = place("t.safetensors");
    write_safetensors(&path, [("x", &numbers)], &[].into()).unwrap();
    assert_bounded(&path, 1.0, |path| SafeTensors::open(path)?.read("x"));
}

/// An array by columns is held twice while it is put into rows.
#[test]
fn arrays_by_columns_are_held_twice() {
    let (_directory, path) = place("t.npz");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive.start_file("x.npy", stored).unwrap();
    let header = "{'descr': '<f8', 'fortran_order': True, 'shape': (1000, 500), }\n";
    archive.write_all(b"\x93NUMPY\x01\x00").unwrap();
    archive.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
    archive.write_all(header.as_bytes()).unwrap();
    archive.write_all(&vec![0; 8 * 500_000]).unwrap();
    archive.finish().unwrap();
    assert_bounded(&path, 2.0, |path| read_npz(path));
}

/// What a bomb claims is not reserved, and what it holds stops at the bound.
#[test]
fn a_bomb_takes_no_more_than_the_bound() {
    let (_directory, path) = place("t.npz");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let packed =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("x.npy", packed).unwrap();
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (33554432, ), }\n";
    archive.write_all(b"\x93NUMPY\x01\x00").unwrap();
    archive.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
    archive.write_all(header.as_bytes()).unwrap();
    archive.write_all(&vec![0; 1 << 25]).unwrap();
    archive.finish().unwrap();
    let (read, peak) = within(usize::MAX, || Npz::open(&path)?.limit(1 << 24).read("x").map(drop));
    assert!(read.unwrap_err().to_string().contains("at most 16777216 bytes, got more"));
    assert!(peak < 1 << 19, "{peak}");
}

#[test]
fn a_checkpoint_is_held_once() {
    let session = flowgrad::Session::new(&{
        let g = flowgrad::Graph::new();
        let _ = g.variable("w", Array1::<f32>::ones(1_000_000)) + 0.0_f32;
        g
    });
    let (_directory, path) = place("t.safetensors");
    Checkpoint::of(&session.unwrap()).unwrap().save(&path).unwrap();
    assert_bounded(&path, 1.0, |path| Checkpoint::load(path));
    let checkpoint = Checkpoint::load(&path).unwrap();
    let (saved, peak) = within(1 << 18, || checkpoint.save(&path));
    saved.unwrap();
    assert!(peak < 1 << 18, "{peak}");
    let arrays = [("x", &checkpoint.variables()["w"])];
    let (written, peak) = within(1 << 18, || write_npz(path.with_extension("npz"), arrays));
    written.unwrap();
    assert!(peak < 1 << 18, "{peak}");
}

/// The arrays are held once, by the file's and by the graph's side; a graph takes a few times its text.
#[test]
fn a_frozen_model_is_held_once() {
    let g = flowgrad::Graph::new();
    let w = g.variable("w", Array1::<f32>::ones(1_000_000));
    let session = flowgrad::Session::new(&g).unwrap();
    let (_directory, path) = place("t.fgm");
    session.freeze(&[], &[w.any()]).unwrap().save(&path).unwrap();
    assert_bounded(&path, 1.0, |path| Frozen::load(path));

    let node = r#"{"op":"","name":"","inputs":[],"control":[],"attributes":{}}"#;
    let list = |item: &str| format!("[{}]", vec![item; 20_000].join(","));
    let attributes =
        format!(r#"{{"a":{{"list":{}}},"b":{{"ints":{}}}}}"#, list(r#"{"int":"1"}"#), list("\"1\""));
    let one =
        node.replace("\"inputs\":[]", &format!("\"inputs\":{}", list("[0,0]"))).replace("{}", &attributes);
    for nodes in [list(node), format!("[{one}]")] {
        let graph = format!(r#"{{"seed":0,"inputs":[],"outputs":[],"nodes":{nodes}}}"#);
        sealed(&path, "1", &graph, &[]);
        let (result, peak) = within(usize::MAX, || Frozen::load(&path).map(drop));
        assert!(result.unwrap_err().to_string().starts_with("expected ops that are built by name"));
        assert!((peak as f64) < 16.0 * graph.len() as f64, "{peak} of {}", graph.len());
    }
}

/// A header of nested arrays, of many entries and of long shapes.
#[test]
fn headers_take_memory_in_proportion() {
    let (_directory, path) = place("t.safetensors");
    let write = |header: &str| {
        fs::write(&path, [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()).unwrap();
        header.len() as f64
    };
    let open = |path: &Path| SafeTensors::open(path);
    let nested = "[".repeat(100) + &"]".repeat(100);
    let hostile = [
        "{\"w\":".to_owned() + &"[".repeat(1 << 20),
        format!("{{\"w\":{{\"dtype\":[{}1]}}}}", format!("{nested},").repeat(1 << 12)),
        format!("{{\"w\":{{\"shape\":[{}1]}}}}", "1,".repeat(1 << 19)),
        format!("{{\"w\":{{\"x\":[{}1]}}}}", format!("{nested},").repeat(1 << 12)),
    ];
    for header in hostile {
        let bytes = write(&header);
        let (result, peak) = within(usize::MAX, || open(&path).map(drop));
        assert!(result.is_err());
        assert!((peak as f64) < 1.1 * bytes + 1e5, "{peak} of {bytes}");
    }
    let entry = |i: usize| format!(",\"{i}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}");
    let bytes = write(&format!("{{\"__metadata__\":{{}}{}}}", (0..20_000).map(entry).collect::<String>()));
    let (result, peak) = within(usize::MAX, || open(&path).map(drop));
    result.unwrap();
    assert!((peak as f64) < 6.0 * bytes, "{peak} of {bytes}");
}

/// Two million fields on a line: a row of as many `f64` is four times as long as the line.
#[test]
fn a_long_line_is_held_once_beside_its_numbers() {
    let (_directory, path) = place("t.csv");
    let line = "1,".repeat((1 << 21) - 1) + "1\n";
    fs::write(&path, &line).unwrap();
    assert_bounded(&path, 2.0 + 4.0, |path| read_csv::<f64>(path, &Csv::new()));
    assert_bounded(&path, 2.0 + 4.0, |path| Dataset::<f64, f64>::from_csv(path, &Csv::new(), -1));
    fs::write(&path, line.replace(',', " ")).unwrap();
    assert_bounded(&path, 2.0 + 4.0, |path| read_csv::<f64>(path, &Csv::new().whitespace()));
    // As the header of a column that it does not have, and as one field.
    for line in [line, "1".repeat(1 << 22)] {
        fs::write(&path, &line).unwrap();
        let (result, peak) =
            within(usize::MAX, || Dataset::<f64, f64>::from_csv(&path, &Csv::new().header(), "x").map(drop));
        assert!(result.unwrap_err().to_string().len() < 1000);
        assert!(peak < 4 * line.len() + (1 << 18), "{peak} of {}", line.len());
    }
    let rows = "1,2,3,4\n".repeat(1 << 18);
    fs::write(&path, rows).unwrap();
    // Rows that follow one another are held in memory that grows by doubling.
    assert_bounded_by(&path, 2.0 * 8.0 * f64::from(1 << 20), |path| read_csv::<f64>(path, &Csv::new()));
}
