//! Checkpoints: what is saved comes back bit for bit, a session takes all of it or nothing, and no file makes the
//! library panic or believe what was not written.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use flowgrad::io::checkpoint::{Checkpoint, CheckpointError, Difference};
use flowgrad::ndarray::{ArrayD, IxDyn, arr0, arr1, arr2};
use flowgrad::prelude::*;
use proptest::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::crc32c::crc32c;
use crate::model_file::file;

/// A directory for the files of a test, and the path of one in it.
/// Element type, shape, and the bits of each element.
fn bits(value: &Value) -> (DType, Vec<usize>, Vec<u64>) {
    let elements = match value {
        Value::F32(array) => array.iter().map(|x| u64::from(x.to_bits())).collect(),
        Value::F64(array) => array.iter().map(|x| x.to_bits()).collect(),
        Value::I32(array) => array.iter().map(|&x| u64::from(x as u32)).collect(),
        Value::I64(array) => array.iter().map(|&x| x as u64).collect(),
        Value::Bool(array) => array.iter().map(|&x| u64::from(x)).collect(),
    };
    (value.dtype(), value.shape().to_vec(), elements)
}

fn all_bits(values: &BTreeMap<String, Value>) -> BTreeMap<&str, (DType, Vec<usize>, Vec<u64>)> {
    values.iter().map(|(name, value)| (name.as_str(), bits(value))).collect()
}

/// A graph with a variable of each element type, and numbers that are easily lost.
fn graph() -> Graph {
    let g = Graph::with_seed(u64::MAX);
    let payload = f64::from_bits(0xfff4_0000_dead_beef);
    let specials = [f64::NAN, payload, f64::INFINITY, -0.0, f64::MIN_POSITIVE / 8.0, 0.1];
    let _ = g.variable("f64", arr1(&specials)) + 0.0;
    let specials = [f32::from_bits(0x7fa0_1234), f32::NEG_INFINITY, -0.0, f32::MIN_POSITIVE / 8.0];
    let _ = g.variable("f32", arr2(&[specials, [0.1; 4]])) + 0.0;
    let _ = g.variable("i32", arr1(&[i32::MIN, -1, i32::MAX]));
    g.name_scope("layer", || g.variable("größe · 大きさ", i64::MIN) + 0);
    g.non_trainable_variable("global_step", arr0(i64::MAX));
    let _ = g.variable("bool", ArrayD::from_shape_fn(IxDyn(&[2, 1, 3]), |index| index[2] == 1));
    let _ = g.variable("empty", ArrayD::<f32>::zeros(IxDyn(&[2, 0, 3])));
    g
}

#[test]
fn what_is_saved_comes_back_bit_for_bit() {
    let (_directory, path) = file();
    let g = graph();
    let session = Session::new(&g).unwrap();
    session.set_run_count(1 << 62);
    let saved =
        Checkpoint::of(&session).unwrap().with("", "ключ\n\"\\\u{0}").with_array("x/é", arr0(f64::NAN));
    saved.save(&path).unwrap();
    let loaded = Checkpoint::load(&path).unwrap();
    assert_eq!(loaded.variables().len(), 7);
    assert_eq!(all_bits(loaded.variables()), all_bits(&session.variable_values().unwrap()));
    assert_eq!((loaded.run_count(), loaded.seed()), (1 << 62, u64::MAX));
    assert_eq!((loaded.get(""), loaded.get("x")), (Some("ключ\n\"\\\u{0}"), None));
    assert_eq!(loaded.array("x/é").map(bits), saved.array("x/é").map(bits));
    assert!(loaded.array("f64").is_none());

    let another = Session::new(&g).unwrap();
    another.load([("global_step".to_owned(), arr0(0_i64).into())]).unwrap();
    loaded.restore(&another).unwrap();
    assert_eq!(all_bits(&another.variable_values().unwrap()), all_bits(loaded.variables()));
    assert_eq!(another.run_count(), 1 << 62);
}

/// The names and types of the tensors are those that other programs read.
#[test]
fn other_programs_read_the_variables_by_name() {
    let (_directory, path) = file();
    Checkpoint::of(&Session::new(&graph()).unwrap()).unwrap().save(&path).unwrap();
    let contents = fs::read(&path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&contents).unwrap();
    let read = |name: &str| {
        let tensor = tensors.tensor(name).unwrap();
        (tensor.dtype(), tensor.shape().to_vec(), tensor.data().to_vec())
    };
    assert_eq!(tensors.len(), 7);
    assert_eq!(read("layer/größe · 大きさ"), (Dtype::I64, vec![], i64::MIN.to_le_bytes().to_vec()));
    assert_eq!(read("bool"), (Dtype::BOOL, vec![2, 1, 3], vec![0, 1, 0, 0, 1, 0]));
    let i32s = [i32::MIN, -1, i32::MAX].map(i32::to_le_bytes).concat();
    assert_eq!(read("i32"), (Dtype::I32, vec![3], i32s));
    assert_eq!(read("empty"), (Dtype::F32, vec![2, 0, 3], vec![]));
}

/// The variables and the count of runs are of one moment, whatever other threads do meanwhile: a variable that counts
/// the runs agrees with the count in every checkpoint, also behind those that are restored.
#[test]
fn a_checkpoint_beside_a_training_is_of_one_moment() {
    let g = Graph::new();
    let counted = g.variable("counted", 0_i64);
    let large = g.variable::<f64>("large", zeros([20_000]));
    for threads in [1, 2] {
        let session = Session::builder(&g).threads(threads).build().unwrap();
        let step = g.group([counted.assign_add(1).op(), large.assign_add(1.0).op()]);
        let step = session.make_callable((), step).unwrap();
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let training = scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    step.call(()).unwrap();
                }
            });
            let mut earlier = Checkpoint::of(&session).unwrap();
            for round in 0..300 {
                let checkpoint = Checkpoint::of(&session).unwrap();
                let of = |name: &str| checkpoint.variables()[name].clone();
                let counted = of("counted").into_array::<i64>().unwrap().sum() as u64;
                assert_eq!(checkpoint.run_count(), counted);
                let large = of("large").into_array::<f64>().unwrap();
                assert!(large.iter().all(|x| *x == counted as f64), "{counted} runs");
                if round % 10 == 9 {
                    earlier.restore(&session).unwrap();
                    earlier = checkpoint;
                }
            }
            is_over.store(true, Ordering::Relaxed);
            training.join().unwrap();
        });
    }
}

/// A checkpoint can be taken from inside of a step, which is not in it; to restore one there is refused.
#[test]
fn a_checkpoint_from_inside_of_a_step() {
    let g: &'static Graph = Box::leak(Box::new(Graph::new()));
    let v = g.variable("v", 1.0_f64);
    let (late, taken) = (Arc::new(OnceLock::<Session>::new()), Arc::new(OnceLock::new()));
    let (session_of, to) = (Arc::clone(&late), Arc::clone(&taken));
    let looked_at = g.constant(1.0).inspect(move |_| {
        let session = session_of.get().unwrap();
        let checkpoint = Checkpoint::of(session).unwrap();
        assert!(matches!(checkpoint.restore(session), Err(CheckpointError::Session(_))));
        to.set(checkpoint).unwrap();
    });
    let session = Session::new(g).unwrap();
    late.set(session.clone()).unwrap();
    assert_eq!(session.run(v.assign_add(looked_at)).unwrap().sum(), 2.0);
    let checkpoint = taken.get().unwrap();
    assert_eq!((checkpoint.run_count(), session.run_count()), (0, 1));
    assert_eq!(checkpoint.variables()["v"], arr0(1.0).into());
}

#[test]
fn a_session_goes_on_drawing_what_it_would_have_drawn() {
    let g = Graph::with_seed(3);
    let noise = g.random_normal([4], 0.0_f64, 1.0);
    let session = Session::new(&g).unwrap();
    (0..5).for_each(|_| drop(session.run(noise).unwrap()));
    let checkpoint = Checkpoint::of(&session).unwrap();
    let next = session.run(noise).unwrap();
    let another = Session::new(&g).unwrap();
    checkpoint.restore(&another).unwrap();
    assert_eq!(another.run(noise).unwrap(), next);
}

#[test]
fn all_that_differs_is_told_at_once_and_nothing_is_changed() {
    let (_directory, path) = file();
    let old = Graph::with_seed(1);
    let _ = old.variable("same", 1.0_f32);
    let _ = old.variable("longer", arr1(&[1.0_f32, 2.0]));
    let _ = old.variable("typed", arr1(&[1.0_f64]));
    let _ = old.variable("old", 1_i32);
    let session = Session::new(&old).unwrap();
    session.set_run_count(9);
    Checkpoint::of(&session).unwrap().save(&path).unwrap();

    let new = Graph::with_seed(2);
    let _ = new.variable("same", 5.0_f32);
    let _ = new.variable("longer", arr1(&[5.0_f32, 5.0, 5.0]));
    let _ = new.variable("typed", arr2(&[[5.0_f32]]));
    new.name_scope("layer", || new.variable("new", false));
    let session = Session::new(&new).unwrap();
    let before = session.variable_values().unwrap();
    let error = Checkpoint::load(&path).unwrap().restore(&session).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "checkpoint `{}` does not match the session: it lacks the session's `layer/new` (bool[]); \
             the session lacks its `old` (i32[]); \
             expected the seed 2 of the session's graph, got 1; \
             variable `longer`: expected f32[3], got f32[2]; \
             variable `typed`: expected f32[1, 1], got f64[1]",
            path.display()
        )
    );
    assert_eq!(session.variable_values().unwrap(), before);
    assert_eq!(session.run_count(), 0);
    let CheckpointError::Differs { differences, .. } = error else { panic!("{error}") };
    assert!(matches!(
        differences.as_slice(),
        [
            Difference::Seed { session: 2, checkpoint: 1 },
            Difference::Missing { .. },
            Difference::Shape { .. },
            Difference::Unexpected { .. },
            Difference::ElementType { .. },
        ]
    ));
}

#[test]
fn a_model_is_taken_over_without_what_its_training_kept() {
    let old = Graph::with_seed(1);
    let _ = old.variable("body", arr1(&[1.0_f32, 2.0]));
    let _ = old.variable("body/adam/m", arr1(&[3.0_f32, 4.0]));
    let session = Session::new(&old).unwrap();
    session.set_run_count(9);
    let checkpoint = Checkpoint::of(&session).unwrap();

    let new = Graph::with_seed(2);
    let body = new.variable::<f32>("body", zeros([2]));
    let session = Session::new(&new).unwrap();
    checkpoint.restore_model(&session).unwrap();
    assert_eq!(session.run(body).unwrap(), arr1(&[1.0_f32, 2.0]).into_dyn());
    assert_eq!(session.run_count(), 1);

    let _ = new.variable("head", 5.0_f32);
    let before = session.variable_values().unwrap();
    assert_eq!(
        checkpoint.restore_model(&session).unwrap_err().to_string(),
        "the checkpoint does not match the session: it lacks the session's `head` (f32[])"
    );
    assert_eq!(session.variable_values().unwrap(), before);
}

#[test]
fn a_checkpoint_that_was_in_no_file_says_so() {
    let (old, new) = (Graph::new(), Graph::with_seed(5));
    let checkpoint = Checkpoint::of(&Session::new(&old).unwrap()).unwrap();
    let error = checkpoint.restore(&Session::new(&new).unwrap()).unwrap_err();
    let expected = "the checkpoint does not match the session: expected the seed 5 of the session's graph, got 0; \
                    `restore_model` takes the session's variables alone";
    assert_eq!(error.to_string(), expected);
}

/// As a first-time user renames a layer, or adds an optimizer.
#[test]
fn names_that_are_missing_and_names_that_are_too_many_stand_together() {
    let model = |scope: &str, layers: usize| {
        let g = Graph::with_seed(1);
        g.name_scope(scope, || {
            for layer in 0..layers {
                let _ = g.variable::<f64>(&format!("w{layer}"), zeros([2, 3]));
            }
        });
        Session::new(&g).unwrap()
    };
    let (dense, fc) = (model("dense", 2), model("fc", 14));
    let checkpoint = Checkpoint::of(&dense).unwrap();
    let error = checkpoint.restore(&fc).unwrap_err().to_string();
    let begins =
        "the checkpoint does not match the session: it lacks the session's `fc/w0` (f64[2, 3]), `fc/w1` ";
    assert!(error.starts_with(begins), "{error}");
    let ends = "`fc/w7` (f64[2, 3]) and 2 more; the session lacks its `dense/w0` (f64[2, 3]), `dense/w1` (f64[2, 3])";
    assert!(error.ends_with(ends), "{error}");
    assert_eq!(
        checkpoint.restore(&model("dense", 1)).unwrap_err().to_string(),
        "the checkpoint does not match the session: the session lacks its `dense/w1` (f64[2, 3]); \
         `restore_model` takes the session's variables alone"
    );
    checkpoint.restore_model(&model("dense", 1)).unwrap();
}

// -- files that cannot be written ----------------------------------------------------------------

#[test]
fn names_that_the_format_keeps_are_refused() {
    let (_directory, path) = file();
    for name in ["flowgrad.array/x", "flowgrad.seed", "__metadata__"] {
        let g = Graph::new();
        let _ = g.variable(name, 1.0_f32);
        let error = Checkpoint::of(&Session::new(&g).unwrap()).unwrap().save(&path).unwrap_err();
        let expected =
            format!("checkpoint `{}`: the name `{name}` is reserved for the format", path.display());
        assert_eq!(error.to_string(), expected);
    }
    let empty = Checkpoint::of(&Session::new(&Graph::new()).unwrap()).unwrap();
    let error = empty.with("flowgrad.seed", "1").save(&path).unwrap_err();
    let expected =
        format!("checkpoint `{}`: the name `flowgrad.seed` is reserved for the format", path.display());
    assert_eq!(error.to_string(), expected);
    assert!(!path.exists());
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let (directory, path) = file();
    let checkpoint = Checkpoint::of(&Session::new(&graph()).unwrap()).unwrap();
    let missing = directory.path().join("missing").join("model.safetensors");
    let error = checkpoint.save(&missing).unwrap_err();
    let expected = format!(
        "checkpoint `{}`: it could not be written: the directory `{}` does not exist",
        missing.display(),
        directory.path().join("missing").display()
    );
    assert_eq!(error.to_string(), expected);
    fs::create_dir(&path).unwrap();
    let error = checkpoint.save(&path).unwrap_err();
    let expected = format!(
        "checkpoint `{}`: it could not be written: expected a regular file, got a directory",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
}

#[cfg(unix)]
#[test]
fn permissions_are_respected_and_the_old_file_stays() {
    use std::os::unix::fs::PermissionsExt;
    let (directory, path) = file();
    let session = Session::new(&graph()).unwrap();
    let checkpoint = Checkpoint::of(&session).unwrap();
    checkpoint.save(&path).unwrap();
    let allow = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    allow(directory.path(), 0o500);
    allow(&path, 0o000);
    // The superuser may do all of it.
    if fs::read(&path).is_err() {
        let error = Checkpoint::load(&path).unwrap_err().to_string();
        let reason = "it could not be read: Permission denied (os error 13)";
        assert_eq!(error, format!("checkpoint `{}`: {reason}", path.display()));
        let error = checkpoint.save(&path).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "checkpoint `{}`: it could not be written: Permission denied (os error 13)",
                path.display()
            )
        );
    }
    allow(directory.path(), 0o700);
    allow(&path, 0o600);
    Checkpoint::load(&path).unwrap().restore(&session).unwrap();
}

// -- files that are no checkpoints ---------------------------------------------------------------

/// What loading a file of these contents says, without the beginning that names the file.
#[track_caller]
fn refused(contents: &[u8]) -> String {
    let (_directory, path) = file();
    fs::write(&path, contents).unwrap();
    refused_at(&path)
}

#[track_caller]
fn refused_at(path: &Path) -> String {
    let error = Checkpoint::load(path).unwrap_err().to_string();
    let named = format!("checkpoint `{}`: ", path.display());
    assert!(error.starts_with(&named), "{error}");
    error[named.len()..].to_owned()
}

/// A file of this header and data.
fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let (directory, path) = file();
    assert_eq!(refused_at(&path), "it could not be read: No such file or directory (os error 2)");
    if cfg!(target_os = "linux") {
        assert_eq!(
            refused_at(directory.path()),
            "it could not be read: expected a regular file, got a directory"
        );
        assert_eq!(
            refused_at(Path::new("/dev/zero")),
            "it could not be read: expected a regular file, got a character device"
        );
    }
}

#[test]
fn files_that_lie_about_themselves_are_refused() {
    const FORMAT: &str = "expected a file in the safetensors format: ";
    let tensor = |text: &str| with_header(&format!("{{\"w\":{{{text}}}}}"), &[0; 8]);
    for (contents, reason) in [
        (vec![], "expected 8 bytes for the length of the header, got 0"),
        (vec![0; 7], "expected 8 bytes for the length of the header, got 7"),
        (
            (1_u64 << 60).to_le_bytes().to_vec(),
            "expected 1152921504606846976 bytes of header by the first 8 bytes, got 0",
        ),
        ([&1_u64.to_le_bytes()[..], &[]].concat(), "expected 1 bytes of header by the first 8 bytes, got 0"),
        (vec![0; 8], "expected a JSON object as header, got other bytes"),
        (with_header("[]", &[]), "expected a JSON object as header, got other bytes"),
        (with_header("{}", &[0]), "expected tensors in all 1 bytes behind the header, got 0"),
        (
            with_header("{\"__metadata__\":{\"a\":1}}", &[]),
            "expected texts by name as metadata, got other JSON",
        ),
        (
            tensor("\"dtype\":\"F32\",\"shape\":[2]"),
            "`w`: expected the description of a tensor in the header, got other JSON",
        ),
        (
            tensor("\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]"),
            "`w`: expected the description of a tensor in the header, got other JSON",
        ),
        (
            tensor("\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8,8]"),
            "`w`: expected the description of a tensor in the header, got other JSON",
        ),
        (
            tensor("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,16]"),
            "tensor `w`: expected as many bytes as f32[2] takes, got the bytes 0..16",
        ),
        (
            tensor("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]"),
            "tensor `w`: expected as many bytes as f32[2] takes, got the bytes 8..0",
        ),
        (
            tensor("\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]"),
            "tensor `w`: expected bytes that begin at 0, of 8, got the bytes 0..12",
        ),
        (
            tensor("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]"),
            "tensor `w`: expected bytes that begin at 0, of 8, got the bytes 4..8",
        ),
        (
            tensor("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]"),
            "expected tensors in all 8 bytes behind the header, got 4",
        ),
        (
            tensor("\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]"),
            "tensor `w`: expected as many bytes as f32[4294967296, 4294967296] takes, got the bytes 0..8",
        ),
        (
            tensor("\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,8]"),
            "tensor `w`: expected as many bytes as f32[4611686018427387904] takes, got the bytes 0..8",
        ),
        (
            with_header(
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\
                  \"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
                &[0; 12],
            ),
            "tensor `b`: expected bytes that begin at 8, of 12, got the bytes 4..12",
        ),
    ] {
        assert_eq!(refused(&contents), format!("{FORMAT}{reason}"));
    }
    // Deep nesting must not exhaust the stack.
    let (open, close) = ("[".repeat(1_000_000), "]".repeat(1_000_000));
    for nested in [open.clone(), format!("{{\"w\":{open}"), format!("{{\"w\":{open}{close}}}")] {
        assert!(refused(&with_header(&nested, &[])).starts_with(FORMAT));
    }
}

#[test]
fn the_reference_of_the_checksum_is_the_published_one() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
}

/// A file with this metadata and tensor, and the checksum that belongs to it.
fn signed(metadata: &[(&str, &str)], dtype: Dtype, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let mut metadata: BTreeMap<String, String> =
        metadata.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    let mut signed = Vec::new();
    let kind = format!("{dtype}{shape:?}");
    let entries = metadata.iter().flat_map(|(key, value)| [key, value]);
    for text in entries.map(String::as_str).chain(["w", &kind]) {
        signed.extend([text.as_bytes(), &[0xff]].concat());
    }
    signed.extend(data);
    metadata.insert("flowgrad.crc32c".to_owned(), format!("{:08x}", crc32c(&signed)));
    let tensor = TensorView::new(dtype, shape.to_vec(), data).unwrap();
    let metadata: HashMap<String, String> = metadata.into_iter().collect();
    safetensors::serialize([("w", tensor)], Some(metadata)).unwrap()
}

const GOOD: [(&str, &str); 3] =
    [("flowgrad.version", "1"), ("flowgrad.run_count", "3"), ("flowgrad.seed", "4")];

#[test]
fn checkpoints_that_other_programs_sign_are_read() {
    let (_directory, path) = file();
    fs::write(&path, signed(&[&GOOD[..], &[("note", "")]].concat(), Dtype::F32, &[1], &[0, 0, 128, 63]))
        .unwrap();
    let checkpoint = Checkpoint::load(&path).unwrap();
    assert_eq!((checkpoint.run_count(), checkpoint.seed(), checkpoint.get("note")), (3, 4, Some("")));
    assert_eq!(checkpoint.variables()["w"], arr1(&[1.0_f32]).into());
}

#[test]
fn files_of_other_programs_and_releases_are_refused() {
    let replaced = |index: usize, value: &'static str| {
        let mut metadata = GOOD;
        metadata[index].1 = value;
        refused(&signed(&metadata, Dtype::F32, &[1], &[0; 4]))
    };
    assert_eq!(replaced(0, "2"), "expected version 1, which this program reads, got `2`");
    for count in ["-1", "18446744073709551616", "1e3", ""] {
        let reason = format!("of its metadata: expected a count, got `{count}`");
        assert_eq!(replaced(1, count), format!("`flowgrad.run_count` {reason}"));
        assert_eq!(replaced(2, count), format!("`flowgrad.seed` {reason}"));
    }
    let lacks = |key: &str| {
        let reason = "`io::safetensors` reads the files of other programs";
        format!("expected a flowgrad checkpoint, got metadata without `{key}`; {reason}")
    };
    for index in 0..3 {
        let mut metadata = GOOD.to_vec();
        let (key, _) = metadata.remove(index);
        assert_eq!(refused(&signed(&metadata, Dtype::F32, &[1], &[0; 4])), lacks(key));
    }
    let unsigned = "{\"__metadata__\":{\"flowgrad.version\":\"1\"}}";
    assert_eq!(refused(&with_header(unsigned, &[])), lacks("flowgrad.crc32c"));
    assert_eq!(refused(&with_header("{}", &[])), lacks("flowgrad.version"));
    // Whatever its elements are.
    assert_eq!(refused(&signed(&[], Dtype::BF16, &[1], &[0; 2])), lacks("flowgrad.version"));
}

#[test]
fn tensors_that_no_variable_could_hold_are_refused() {
    assert_eq!(
        refused(&signed(&GOOD, Dtype::U8, &[2], &[0; 2])),
        "tensor `w`: expected elements of BOOL, I32, I64, F32 or F64, as variables have, got U8"
    );
    assert_eq!(
        refused(&signed(&GOOD, Dtype::BOOL, &[3], &[0, 1, 2])),
        "tensor `w`: expected the bytes of a bool array of shape [3], got others"
    );
    let shape = [0, usize::MAX];
    assert_eq!(
        refused(&signed(&GOOD, Dtype::F32, &shape, &[])),
        format!("tensor `w`: expected the bytes of a f32 array of shape {shape:?}, got others")
    );
}

#[test]
fn damage_that_leaves_the_format_whole_is_found() {
    let mut contents = signed(&GOOD, Dtype::F32, &[1], &[0, 0, 128, 63]);
    *contents.last_mut().unwrap() ^= 1;
    assert_eq!(
        refused(&contents),
        "expected contents of the checksum `094aa4bb`, got fb2127b8: the file is damaged"
    );
}

/// A checkpoint with a bit of everything, as bytes.
fn whole() -> &'static [u8] {
    static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let (_directory, path) = file();
        let checkpoint = Checkpoint::of(&Session::new(&graph()).unwrap()).unwrap();
        checkpoint.with("epoch", "12").with_array("sums", arr1(&[0.5, 1.5])).save(&path).unwrap();
        fs::read(&path).unwrap()
    })
}

/// What a checkpoint holds, as far as it can be asked.
fn held(checkpoint: &Checkpoint) -> impl PartialEq + std::fmt::Debug + use<'_> {
    (
        all_bits(checkpoint.variables()),
        checkpoint.array("sums").map(bits),
        checkpoint.get("epoch"),
        [checkpoint.run_count(), checkpoint.seed()],
    )
}

/// Whatever loads is what was saved.
#[track_caller]
fn assert_refused_or_whole(path: &Path, contents: &[u8]) {
    fs::write(path, contents).unwrap();
    let loaded = Checkpoint::load(path);
    match loaded {
        Ok(loaded) => {
            fs::write(path, whole()).unwrap();
            let expected = Checkpoint::load(path).unwrap();
            assert_eq!(held(&loaded), held(&expected));
        }
        Err(error) => assert!(error.to_string().starts_with(&format!("checkpoint `{}`: ", path.display()))),
    }
}

#[test]
fn no_flipped_bit_goes_unseen() {
    let (_directory, path) = file();
    let mut contents = whole().to_vec();
    // A bit of each byte, and not always the same one.
    for bit in (0..contents.len() * 8).step_by(7) {
        contents[bit / 8] ^= 1 << (bit % 8);
        assert_refused_or_whole(&path, &contents);
        contents[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn no_missing_end_goes_unseen() {
    let (_directory, path) = file();
    for length in (0..whole().len()).rev().step_by(5) {
        fs::write(&path, &whole()[..length]).unwrap();
        refused_at(&path);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_overwritten_stretch_goes_unseen(start in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 1..40)) {
        let (_directory, path) = file();
        let mut contents = whole().to_vec();
        let start = start.index(contents.len());
        contents.iter_mut().skip(start).zip(bytes).for_each(|(old, new)| *old = new);
        assert_refused_or_whole(&path, &contents);
    }

    #[test]
    fn no_moved_stretch_goes_unseen(cut in any::<[prop::sample::Index; 3]>()) {
        let ((_directory, path), contents) = (file(), whole());
        let mut cuts = cut.map(|cut| cut.index(contents.len()));
        cuts.sort_unstable();
        let [a, b, c] = cuts;
        let moved = [&contents[..a], &contents[b..c], &contents[a..b], &contents[c..]].concat();
        assert_refused_or_whole(&path, &moved);
    }

    #[test]
    fn arbitrary_bytes_are_no_checkpoint(header in ".{0,60}", data in prop::collection::vec(any::<u8>(), 0..60)) {
        refused(&data);
        refused(&with_header(&header, &data));
    }

    #[test]
    fn arbitrary_infos_are_no_checkpoint(
        shape in prop::collection::vec(prop_oneof![0..4_u64, any::<u64>()], 0..4),
        offsets in [prop_oneof![0..20_u64, any::<u64>()], prop_oneof![0..20_u64, any::<u64>()]],
        dtype in prop::sample::select(vec!["F32", "BOOL", "I64", "F4", "X"]),
    ) {
        let info = format!("{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":{offsets:?}}}");
        let metadata = "\"__metadata__\":{\"flowgrad.version\":\"1\",\"flowgrad.crc32c\":\"0\"}";
        refused(&with_header(&format!("{{{metadata},\"w\":{info}}}"), &[0; 16]));
    }
}

#[test]
fn arrays_are_given_by_name_and_type() -> Result<(), Box<dyn std::error::Error>> {
    let g = Graph::new();
    let _ = g.variable("w", arr1(&[1.0_f32, 2.0])) + 0.0_f32;
    let (_directory, path) = file();
    Checkpoint::of(&Session::new(&g)?)?.with_array("mean", arr1(&[3_i64])).save(&path)?;
    let checkpoint = Checkpoint::load(&path)?;
    assert_eq!(checkpoint.array_of::<f32>("w")?, arr1(&[1.0, 2.0]).into_dyn());
    assert_eq!(checkpoint.array_of::<i64>("mean")?, arr1(&[3]).into_dyn());
    let named = format!("of checkpoint `{}`: expected elements of f64, got", path.display());
    for (name, found) in [("w", "f32"), ("mean", "i64"), ("b", "nothing")] {
        let error = checkpoint.array_of::<f64>(name).unwrap_err().to_string();
        assert_eq!(error, format!("`{name}` {named} {found}"));
    }
    Ok(())
}
