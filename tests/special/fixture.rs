//! The committed fixture, whose form `generate.py` tells.

use std::io::Read;

use flate2::read::GzDecoder;

/// What there is of a function.
pub(crate) struct Table {
    pub(crate) name: String,
    /// Column by column.
    pub(crate) inputs: Vec<Vec<f64>>,
    /// Of each output the values, and by how much each changes, relative to it, by a relative change of the inputs.
    pub(crate) outputs: Vec<(Vec<f64>, Vec<f32>)>,
}

/// Takes so many bytes off the front.
fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (front, rest) = bytes.split_at(count);
    *bytes = rest;
    front
}

fn count(bytes: &mut &[u8]) -> usize {
    u32::from_le_bytes(take(bytes, 4).try_into().unwrap()) as usize
}

fn doubles(bytes: &mut &[u8], rows: usize) -> Vec<f64> {
    take(bytes, 8 * rows).chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn singles(bytes: &mut &[u8], rows: usize) -> Vec<f32> {
    take(bytes, 4 * rows).chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

pub(crate) fn tables() -> Vec<Table> {
    let mut bytes = Vec::new();
    GzDecoder::new(&include_bytes!("fixture.bin.gz")[..]).read_to_end(&mut bytes).unwrap();
    let (mut bytes, mut tables) = (&bytes[..], Vec::new());
    while !bytes.is_empty() {
        let length = count(&mut bytes);
        let name = String::from_utf8(take(&mut bytes, length).to_vec()).unwrap();
        let [inputs, outputs, rows] = [(); 3].map(|()| count(&mut bytes));
        let inputs = (0..inputs).map(|_| doubles(&mut bytes, rows)).collect();
        let outputs = (0..outputs).map(|_| (doubles(&mut bytes, rows), singles(&mut bytes, rows))).collect();
        tables.push(Table { name, inputs, outputs });
    }
    tables
}
