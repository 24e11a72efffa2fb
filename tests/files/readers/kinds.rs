//! What stands at a path may be something else than a file.

#![cfg(unix)]

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use flowgrad::data::{Csv, read_csv};
use flowgrad::io::checkpoint::Checkpoint;
use flowgrad::io::frozen::Frozen;
use flowgrad::io::npz::{Npz, read_npz, write_npz};
use flowgrad::io::safetensors::SafeTensors;
use flowgrad::ndarray::array;
use flowgrad::{Graph, Session, Value};

/// What each reader says of a path.
fn told(path: &Path) -> [Result<(), String>; 6] {
    fn said<T, E: ToString>(read: Result<T, E>) -> Result<(), String> {
        read.map(drop).map_err(|error| error.to_string())
    }
    [
        said(read_csv::<f32>(path, &Csv::new())),
        said(read_npz(path)),
        said(Npz::open(path)),
        said(SafeTensors::open(path)),
        said(Checkpoint::load(path)),
        said(Frozen::load(path)),
    ]
}

/// A pipe that nobody writes to would be waited for without end.
#[test]
fn only_regular_files_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    let _socket = UnixListener::bind(at("socket")).unwrap();
    fs::create_dir(at("directory")).unwrap();
    std::os::unix::fs::symlink("pipe", at("link")).unwrap();
    for (path, kind) in [
        (at("pipe"), "a named pipe"),
        (at("link"), "a named pipe"),
        (at("socket"), "a socket"),
        (at("directory"), "a directory"),
        ("/dev/null".into(), "a character device"),
        ("/dev/zero".into(), "a character device"),
    ] {
        for told in told(&path) {
            let told = told.unwrap_err();
            assert!(told.contains(&path.display().to_string()), "{told}");
            assert!(told.ends_with(&format!("expected a regular file, got {kind}")), "{told}");
        }
    }
    for told in told(&at("missing")) {
        assert!(told.unwrap_err().contains("No such file"));
    }
}

#[test]
fn links_lead_to_files() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for name in ["csv", "npz", "checkpoint", "frozen"] {
        std::os::unix::fs::symlink(format!("{name}.file"), at(name)).unwrap();
    }
    fs::write(at("csv.file"), "1\n").unwrap();
    write_npz(at("npz"), [("x", Value::from(array![1.0]))]).unwrap();
    Checkpoint::of(&Session::new(&Graph::new()).unwrap()).unwrap().save(at("checkpoint")).unwrap();
    let nothing = Session::new(&Graph::new()).unwrap().freeze(&[], &[]).unwrap();
    nothing.save(at("frozen")).unwrap();
    let [[csv, ..], [_, npz, lazily, ..], [.., tensors, checkpoint, _], [.., frozen]] =
        ["csv", "npz", "checkpoint", "frozen"].map(|name| told(&at(name)));
    assert_eq!([csv, npz, lazily, tensors, checkpoint, frozen], [const { Ok(()) }; 6]);
    assert!(at("npz").is_symlink() && at("npz.file").is_file());
}
