//! Any bytes as a file of Keras' weights.

use flowgrad::io::keras::KerasWeights;

use super::file::with_file;

/// Bytes of an array, or of the weights in an archive, that are read at most.
const LIMIT: u64 = 1 << 20;

/// Reads the bytes: an array that can be read is what the file says of it.
pub fn run(bytes: &[u8]) {
    with_file("t.weights.h5", bytes, |path| {
        let Ok(file) = KerasWeights::open_within(path, LIMIT) else { return };
        for name in file.names() {
            let (info, value) = (file.info(name), file.read(name));
            let _ = (file.layer(name), file.read_as::<f64>(name), file.read_as::<bool>(name));
            if let Ok(value) = value {
                let info = info.expect("what is read has a type");
                assert_eq!((info.dtype, &info.shape[..]), (Some(value.dtype()), value.shape()));
            }
        }
    });
}
