//! Any bytes as an npz file.

use flowgrad::io::npz::{Npz, read_npz_within, write_npz};

use super::file::with_file;

/// Bytes of arrays that are read at most.
const LIMIT: u64 = 1 << 20;

/// Reads the bytes: each array alone gives what all of them together do, and they come back as they are written.
pub fn run(bytes: &[u8]) {
    with_file("t.npz", bytes, |path| {
        let all = read_npz_within(path, LIMIT);
        let Ok(file) = Npz::open(path) else { return assert!(all.is_err()) };
        let file = file.limit(LIMIT);
        for name in file.names() {
            let (info, value) = (file.info(name), file.read(name));
            let _ = (file.read_as::<f64>(name), file.read_as::<i64>(name), file.read_as::<bool>(name));
            if let Ok(value) = value {
                let info = info.expect("what is read has a header");
                assert_eq!((info.dtype, &info.shape[..]), (Some(value.dtype()), value.shape()));
            }
        }
        if let Ok(all) = all {
            write_npz(path, &all).expect("what was read can be written");
            let again = read_npz_within(path, u64::MAX).expect("what was written can be read");
            // NaNs are not equal to themselves.
            assert_eq!(format!("{again:?}"), format!("{all:?}"));
        }
    });
}
