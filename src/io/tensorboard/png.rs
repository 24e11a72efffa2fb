//! Images as PNG, the format in which event files hold them.
//!
//! Source: *Portable Network Graphics (PNG) Specification*, third edition, <https://www.w3.org/TR/png-3/>.

use std::io::{self, Write};

use flate2::{Compression, Crc, write::ZlibEncoder};

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];

/// The color type of so many samples a pixel: grey, grey and alpha, red green blue, and these with alpha.
pub(super) const COLOR_TYPES: [u8; 4] = [0, 4, 2, 6];

/// Bits of a sample.
const DEPTH: u8 = 8;

/// Bytes of data in a chunk, which must be fewer than 2³¹.
const CHUNK: usize = 1 << 30;

/// The largest width and height.
pub(super) const LONGEST: usize = (1 << 31) - 1;

/// The image of rows of pixels, `channels` samples each. Width and height are from 1 to [`LONGEST`], channels from 1
/// to 4.
pub(super) fn encode(samples: &[u8], width: usize, height: usize, channels: usize) -> io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(13);
    header.extend([width, height].map(|length| (length as u32).to_be_bytes()).concat());
    // Neither compression nor filters other than the only ones that there are, and no interlacing.
    header.extend([DEPTH, COLOR_TYPES[channels - 1], 0, 0, 0]);

    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    for row in samples.chunks_exact(width * channels) {
        // Each row names its filter; 0 is none.
        zlib.write_all(&[0])?;
        zlib.write_all(row)?;
    }
    let mut png = SIGNATURE.to_vec();
    append_chunk(&mut png, *b"IHDR", &header);
    zlib.finish()?.chunks(CHUNK).for_each(|data| append_chunk(&mut png, *b"IDAT", data));
    append_chunk(&mut png, *b"IEND", &[]);
    Ok(png)
}

/// The length of the data, the kind, the data, and the CRC-32 of kind and data.
fn append_chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let mut crc = Crc::new();
    crc.update(&kind);
    crc.update(data);
    png.extend((data.len() as u32).to_be_bytes());
    png.extend(kind);
    png.extend(data);
    png.extend(crc.sum().to_be_bytes());
}
