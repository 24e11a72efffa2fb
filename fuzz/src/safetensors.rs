//! Any bytes as a safetensors file.

use flowgrad::io::safetensors::SafeTensors;

use super::file::with_file;

/// The most axes of a tensor, which the reference does not limit.
const MAX_AXES: usize = 64;

/// Reads the bytes: what the reference takes is taken, and has the same names and shapes.
pub fn run(bytes: &[u8]) {
    with_file("t.safetensors", bytes, |path| {
        let file = SafeTensors::open(path);
        if let Ok(theirs) = ::safetensors::SafeTensors::deserialize(bytes) {
            let tensors = theirs.tensors();
            if tensors.iter().all(|(_, tensor)| tensor.shape().len() <= MAX_AXES) {
                let file = file.as_ref().expect("the reference takes it");
                assert_eq!(file.names().count(), tensors.len());
                for (name, tensor) in tensors {
                    assert_eq!(file.info(&name).expect("the reference has it").shape, tensor.shape());
                }
            }
        }
        let Ok(file) = file else { return };
        for name in file.names() {
            let info = file.info(name).expect("it is listed");
            if let Ok(value) = file.read(name) {
                assert_eq!((info.dtype, &info.shape[..]), (Some(value.dtype()), value.shape()));
            }
            let _ = (file.read_as::<f64>(name), file.read_as::<i64>(name), file.read_as::<bool>(name));
        }
        let _ = file.values(|name| name.strip_prefix('w').map(str::to_owned));
    });
}
