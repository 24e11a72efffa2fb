//! Any bytes as a frozen model: as a file, and as the graph of one whose checksum is right.

use std::collections::BTreeMap;

use flowgrad::Value;
use flowgrad::io::frozen::Frozen;
use flowgrad::io::safetensors::write_safetensors;
use flowgrad::ndarray::arr2;

use super::file::with_file;

/// Longer graphs are not tried: a node of a few bytes may cut a tensor into thousands of parts.
const LONGEST: usize = 1 << 14;

/// Reads the bytes: what is loaded comes back as it is saved.
pub fn run(bytes: &[u8]) {
    with_file("t.fgm", bytes, |path| {
        let _ = Frozen::load(path);
        let Ok(graph) = std::str::from_utf8(bytes) else { return };
        if graph.len() > LONGEST {
            return;
        }
        let mut texts = BTreeMap::from([
            ("flowgrad.frozen.graph".to_owned(), graph.to_owned()),
            ("flowgrad.frozen.version".to_owned(), "1".to_owned()),
        ]);
        let array = [1.0_f64, -2.0, 0.5, 3.0];
        let ended = |text: &str| [text.as_bytes(), &[0xff]].concat();
        let mut summed: Vec<u8> =
            texts.iter().flat_map(|(key, text)| [ended(key), ended(text)].concat()).collect();
        summed.extend([ended("w"), ended("F64[2, 2]")].concat());
        summed.extend(array.iter().flat_map(|x| x.to_le_bytes()));
        texts.insert("flowgrad.crc32c".to_owned(), format!("{:08x}", crc32c(&summed)));
        let w = Value::from(arr2(&[[array[0], array[1]], [array[2], array[3]]]));
        write_safetensors(path, [("w", &w)], &texts).expect("a temporary file");
        let Ok(model) = Frozen::load(path) else { return };
        model.save(path).expect("what was loaded can be saved");
        let again = Frozen::load(path).expect("what was saved can be loaded");
        assert_eq!(format!("{:?}", again.inputs()), format!("{:?}", model.inputs()));
        assert_eq!(format!("{:?}", again.outputs()), format!("{:?}", model.outputs()));
    });
}

/// CRC-32C, bit by bit: the polynomial 0x1EDC6F41, reflected.
fn crc32c(bytes: &[u8]) -> u32 {
    let shifted = |crc: u32, _| (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), shifted))
}
