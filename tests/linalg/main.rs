//! Linear algebra: what is given back when factors are multiplied, JAX's values and derivatives, NIST's reference data,
//! eigenvalues that are known and matrices that are hard, what is promised at singular matrices and equal eigenvalues, and
//! errors.

mod conventions;
mod errors;
mod factors;
mod peers;
mod spectra;
mod strd;
mod threads;

#[path = "../common/stored.rs"]
mod stored;

use flowgrad::ndarray::{ArrayD, IxDyn};

/// The largest magnitude of a difference.
fn apart(a: &ArrayD<f64>, b: &ArrayD<f64>) -> f64 {
    assert_eq!(a.shape(), b.shape());
    a.iter().zip(b).fold(0.0, |most, (x, y)| {
        let apart = (x - y).abs();
        if apart > most || apart.is_nan() { apart } else { most }
    })
}

/// The largest magnitude.
fn size(a: &ArrayD<f64>) -> f64 {
    a.iter().fold(0.0, |most: f64, x| most.max(x.abs()))
}

/// Numbers between -1 and 1 without a pattern.
fn random(shape: &[usize], seed: u64) -> ArrayD<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    })
}
