//! Weights of Keras: what Keras wrote, what h5py writes besides, and files that mean harm.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use flowgrad::io::keras::{ArrayFault, KerasFault, KerasWeights};
use flowgrad::ndarray::{Array1, Array2, ArrayD, array};
use flowgrad::nn::{Dense, Layer, Mode};
use flowgrad::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/files/keras").join(name)
}

fn open(name: &str) -> KerasWeights {
    KerasWeights::open(fixture(name)).unwrap()
}

/// 0, 1/4, 2/4 and so on.
fn quarters(shape: &[usize]) -> ArrayD<f32> {
    let count: usize = shape.iter().product();
    let numbers = Array1::from_iter((0..count).map(|k| k as f32 / 4.0));
    numbers.into_shape_with_order(shape).unwrap().into_dyn()
}

/// What is wrong with a file of these bytes, or with the first array that cannot be read.
fn read(bytes: &[u8]) -> Result<usize, KerasFault> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.weights.h5");
    fs::write(&path, bytes).unwrap();
    let file = KerasWeights::open(path).map_err(|error| error.fault)?;
    file.values(|name| Some(name.to_owned())).map(|values| values.len()).map_err(|error| error.fault)
}

#[test]
fn a_model_comes_out_of_both_kinds_of_files() {
    for name in ["model.weights.h5", "model.keras"] {
        let file = open(name);
        let names: Vec<&str> = file.names().filter(|name| name.starts_with("layers/")).collect();
        let layers = ["batch_normalization"; 4].into_iter().chain(["hidden"; 2]).chain(["out"; 2]);
        for (&name, layer) in names.iter().zip(layers) {
            assert_eq!(file.layer(name), Some(layer), "{name}");
            let info = file.info(name).unwrap();
            assert_eq!((info.type_name.as_str(), info.dtype), ("H5T_IEEE_F32LE", Some(DType::F32)));
            assert_eq!(file.read_as::<f32>(name).unwrap(), quarters(&info.shape), "{name}");
        }
        assert_eq!(names.len(), 8);
        assert_eq!(file.info("layers/dense/vars/0").unwrap().shape, [2, 3]);

        let g = Graph::new();
        let x = g.constant(array![[1.0_f32, 2.0]]);
        let y = Dense::new(&g, "dense", 2, 3).call(x, Mode::Predict);
        let session = Session::new(&g).unwrap();
        let values = file.values(|name| match name {
            "layers/dense/vars/0" => Some("dense/kernel".to_owned()),
            "layers/dense/vars/1" => Some("dense/bias".to_owned()),
            _ => None,
        });
        session.load(values.unwrap()).unwrap();
        assert_eq!(session.run(y).unwrap(), array![[1.5_f32, 2.5, 3.5]].into_dyn());
    }
}

#[test]
fn elements_of_16_bits_become_wider() {
    let file = open("narrow.weights.h5");
    for (name, type_name) in
        [("layers/dense/vars/0", "bfloat16"), ("layers/dense_1/vars/0", "H5T_IEEE_F16LE")]
    {
        let info = file.info(name).unwrap();
        assert_eq!((info.type_name.as_str(), info.dtype), (type_name, Some(DType::F32)));
        assert_eq!(file.read_as::<f32>(name).unwrap(), quarters(&[2, 2]));
        assert_eq!(file.read_as::<f64>(name).unwrap(), quarters(&[2, 2]).mapv(f64::from));
        let refused = file.read_as::<i32>(name).unwrap_err();
        assert!(matches!(refused.fault, KerasFault::Array(ArrayFault::OtherType { .. })), "{refused}");
    }
}

#[test]
fn what_h5py_writes_besides_is_read_or_told() {
    let file = open("other.weights.h5");
    let place = |index: usize| format!("layers/all/vars/{index}");
    let numbers = Array2::from_shape_fn((2, 3), |(i, j)| (3 * i + j) as f64).into_dyn();
    assert_eq!(file.info(&place(0)).unwrap().type_name, "H5T_IEEE_F64BE");
    assert_eq!(file.read_as::<f64>(&place(0)).unwrap(), numbers);
    assert_eq!(file.read_as::<f64>("layers/back").unwrap(), numbers);
    assert_eq!(file.read_as::<bool>(&place(1)).unwrap(), array![true, false].into_dyn());
    let large = file.read(&place(2)).unwrap_err();
    assert!(matches!(large.fault, KerasFault::Array(ArrayFault::Invalid { index: 0, .. })), "{large}");
    let text = file.read(&place(3)).unwrap_err();
    assert!(
        text.to_string().ends_with("expected elements of a type that flowgrad has, got `H5T_VLEN`"),
        "{text}"
    );
    let packed = Array2::from_shape_fn((40, 50), |(i, j)| (50 * i + j) as i32).into_dyn();
    assert_eq!(file.read_as::<i32>(&place(4)).unwrap(), packed);

    let missing = file.read("dense").unwrap_err().to_string();
    assert!(
        missing.contains("array `dense`: there is no such array: expected one of `layers/all/vars/0`"),
        "{missing}"
    );
    let same = file.values(|_| Some("w".to_owned())).unwrap_err();
    assert!(matches!(same.fault, KerasFault::SameName), "{same}");
    let limited = open("other.weights.h5").limit(7999);
    let packed = limited.read(&place(4)).unwrap_err();
    assert!(matches!(packed.fault, KerasFault::TooLong { limit: 7999 }), "{packed}");
    assert!(limited.read(&place(0)).is_ok());
}

#[test]
fn other_files_are_refused() {
    assert!(matches!(read(b"no weights"), Err(KerasFault::Hdf5(_) | KerasFault::Io(_))));
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("config.json", SimpleFileOptions::default()).unwrap();
    archive.write_all(b"{}").unwrap();
    let archive = archive.finish().unwrap().into_inner();
    assert!(matches!(read(&archive), Err(KerasFault::Archive(_))));
    let directory = KerasWeights::open(fixture("")).unwrap_err();
    assert!(directory.to_string().contains("expected a regular file, got a directory"), "{directory}");
}

/// Places of groups within groups are longer than the file, and an archive may hold a thousand times its bytes.
#[test]
fn small_files_do_not_become_large() {
    let deep = KerasWeights::open(fixture("deep.keras")).unwrap_err();
    assert!(matches!(deep.fault, KerasFault::Names { .. }), "{deep}");

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("zeros.keras");
    let mut archive = ZipWriter::new(fs::File::create(&path).unwrap());
    archive.start_file("model.weights.h5", SimpleFileOptions::default()).unwrap();
    archive.write_all(&fs::read(fixture("model.weights.h5")).unwrap()).unwrap();
    archive.write_all(&vec![0; 1 << 21]).unwrap();
    archive.finish().unwrap();
    let long = KerasWeights::open_within(&path, 1 << 20).unwrap_err();
    assert!(matches!(long.fault, KerasFault::TooLong { limit: 0x10_0000 }), "{long}");
    let file = KerasWeights::open_within(&path, 1 << 22).unwrap();
    assert_eq!(file.read("layers/dense/vars/0").unwrap().shape(), [2, 3]);
}

/// Whatever the bytes are, they give arrays or an error.
#[test]
fn damage_is_an_error_or_does_not_matter() {
    let mut random = StdRng::seed_from_u64(1);
    for name in ["model.weights.h5", "model.keras", "narrow.weights.h5", "other.weights.h5"] {
        let bytes = fs::read(fixture(name)).unwrap();
        for end in (0..bytes.len()).step_by(97) {
            // Its last bytes may be free space.
            let _ = read(&bytes[..end]);
        }
        assert!(read(&bytes[..bytes.len() / 4]).is_err());
        for _ in 0..500 {
            let mut damaged = bytes.clone();
            for _ in 0..random.random_range(1..4) {
                let place = random.random_range(0..damaged.len());
                damaged[place] = random.random();
            }
            let _ = read(&damaged);
        }
    }
}
