//! Matrix products, square, transposed and skinny, against the best that matrixmultiply reaches on two threads and
//! against loops for few columns.

mod versus;

use versus::cases::Product;
use versus::{Versus, cases};

/// Lengths m, k and n, and which factors lie transposed in memory.
#[rustfmt::skip]
const PRODUCTS: [(usize, usize, usize, bool, bool); 22] = [
    (   256,  256, 256, false, false),
    (   512,  512, 512, false, false),
    (   512,  512, 512, true,  false),
    (   512,  512, 512, false, true),
    (   128,  784, 256, false, false),
    (   784,  128, 256, true,  false),
    (   128,  128,  10, false, false),
    ( 1_000, 1_000,  1, false, false),
    ( 1_000, 1_000,  1, true,  false),
    (     1, 1_000, 1_000, false, false),
    (     1, 1_000, 1_000, false, true),
    (10_000,    2,   1, false, false),
    ( 1_000,    1, 1_000, false, false),
    (   256,    8, 256, false, false),
    (     8,  512, 512, false, false),
    (     8,  512, 512, false, true),
    (   512,  512,   8, false, false),
    (   512,  512,   8, true,  false),
    (    16,   16,  16, false, false),
    (    64,   64,  64, false, false),
    (   512,  512, 512, true,  true),
    ( 1_024, 1_024, 1_024, false, false),
];

fn main() {
    let versus = Versus::from_args();
    for (m, k, n, a_transposed, b_transposed) in PRODUCTS {
        let mark = |transposed| if transposed { "t" } else { "" };
        let name = format!("matmul/{m}x{k}{}·{k}x{n}{}", mark(a_transposed), mark(b_transposed));
        versus.case(&name, || cases::matmul(Product { m, k, n, a_transposed, b_transposed }));
    }
}
