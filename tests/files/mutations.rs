//! Damaged files of each format: what the fuzz targets of `fuzz/` must take, of the inputs that are kept there, changed.
//!
//! There are some hundreds for each format, and as many as `FLOWGRAD_MUTATIONS` says where it says so:
//!
//! ```sh
//! FLOWGRAD_MUTATIONS=1000000 cargo test --features graphdef,keras,onnx --test files mutations
//! ```
//!
//! The same number makes the same file each time. One that ends in a panic, takes seconds, or more memory than twice what a
//! reader may hold of such a file, is written into the folder for temporary files, and its place is told.

use std::env;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::corpus::corpus;
use crate::fuzz::targets::TARGETS;
use crate::readers::memory::within;

/// Of each format, if nobody says otherwise.
const DEFAULT: u64 = 300;

/// The longest that reading a file may take.
const LONGEST: Duration = Duration::from_secs(10);

/// What a reader takes for itself, such as buffers, threads and the state of a decoder.
const OWN: usize = 1 << 22;

/// What files may declare beyond eight times their bytes: the targets read arrays of up to a megabyte.
const ARRAYS: usize = 1 << 20;

/// The same of graphs, which fill constants with one number.
#[cfg(any(feature = "graphdef", feature = "onnx"))]
const GRAPHS: usize = 1 << 28;

/// Numbers that look drawn, which are told by a seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % (limit.max(1) as u64)) as usize
    }
}

/// One of the inputs, changed in a few places.
fn mutated(draw: &mut Draw, inputs: &[Vec<u8>]) -> Vec<u8> {
    /// Bytes at which numbers, lengths and tags break.
    const EDGES: [u8; 8] = [0, 1, 0x0a, 0x12, 0x7f, 0x80, 0xfe, 0xff];
    let mut bytes = inputs[draw.below(inputs.len())].clone();
    for _ in 0..=draw.below(4) {
        let place = draw.below(bytes.len());
        let most = (bytes.len() - place).min(1 + draw.below(32));
        match draw.below(9) {
            0 => bytes.truncate(place),
            1 => drop(bytes.drain(place..place + most)),
            2 => {
                let copied = bytes[place..place + most].to_vec();
                let to = draw.below(bytes.len());
                bytes.splice(to..to, copied);
            }
            3 => {
                let other = &inputs[draw.below(inputs.len())];
                let from = draw.below(other.len());
                let end = other.len().min(from + most);
                bytes.splice(place..place + most, other[from..end].iter().copied());
            }
            4 => bytes[place..place + most].fill(EDGES[draw.below(EDGES.len())]),
            5 if !bytes.is_empty() => bytes[place] = EDGES[draw.below(EDGES.len())],
            6 if !bytes.is_empty() => bytes[place] ^= 1 << draw.below(8),
            _ if !bytes.is_empty() => bytes[place] = draw.below(256) as u8,
            _ => {}
        }
    }
    bytes
}

fn count() -> u64 {
    match env::var("FLOWGRAD_MUTATIONS") {
        Ok(count) => {
            count.parse().unwrap_or_else(|_| panic!("FLOWGRAD_MUTATIONS: expected a number, got {count}"))
        }
        Err(_) => DEFAULT,
    }
}

/// Of bytes that a target took badly: what became of them.
fn taken(run: fn(&[u8]), bytes: &[u8], beyond: usize) -> Result<usize, String> {
    let begun = Instant::now();
    let (ended, peak) = within(usize::MAX, || catch_unwind(AssertUnwindSafe(|| run(bytes))));
    if ended.is_err() {
        return Err("a panic".to_owned());
    }
    if begun.elapsed() > LONGEST {
        return Err(format!("{:?}", begun.elapsed()));
    }
    if peak > OWN + 2 * (8 * bytes.len() + beyond) {
        return Err(format!("{peak} bytes of memory for a file of {}", bytes.len()));
    }
    Ok(peak)
}

fn check(name: &str, beyond: usize) {
    let (_, run) = TARGETS.iter().find(|target| target.0 == name).unwrap();
    let mut paths = corpus(name);
    paths.sort();
    let inputs: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    let (mut failed, mut largest) = (Vec::new(), 0);
    for number in 0..count() {
        let bytes = mutated(&mut Draw(number), &inputs);
        match taken(*run, &bytes, beyond) {
            Ok(peak) => largest = largest.max(peak),
            Err(what) => {
                let path = env::temp_dir().join(format!("mutated_{name}_{number}"));
                fs::write(&path, bytes).unwrap();
                failed.push(format!("{}: {what}", path.display()));
            }
        }
    }
    println!("{name}: {} files, {largest} bytes of memory at most", count());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

macro_rules! formats {
    ($($(#[$condition:meta])* $format:ident $beyond:ident;)*) => {$(
        $(#[$condition])*
        #[test]
        fn $format() {
            check(stringify!($format), $beyond);
        }
    )*};
}

formats! {
    checkpoint ARRAYS;
    csv ARRAYS;
    frozen ARRAYS;
    #[cfg(feature = "graphdef")]
    graph_def GRAPHS;
    #[cfg(feature = "keras")]
    keras ARRAYS;
    npz ARRAYS;
    #[cfg(feature = "onnx")]
    onnx GRAPHS;
    safetensors ARRAYS;
    #[cfg(feature = "graphdef")]
    saved_model GRAPHS;
    #[cfg(feature = "graphdef")]
    tensor_bundle ARRAYS;
}
