//! The random order of rows, as a function of a seed and a stream alone.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// What an order is drawn for; each purpose has orders of its own under one seed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// The batches of an epoch.
    Batches { epoch: u64 },
    /// A split into two.
    Split,
    /// Parts that are tested on one after the other.
    Folds,
}

/// A permutation of `0..rows`: Fisher and Yates' shuffle (Durstenfeld, *Algorithm 235*, 1964) drawing
/// from `ChaCha8`, with the seed and the purpose as key and the epoch as stream.
///
/// A run resumed by a later release must see the same order, so neither the expansion of the seed nor
/// the shuffle is left to a library that may change them: both are fixed here.
pub(super) fn permutation(rows: usize, seed: u64, purpose: Purpose) -> Vec<usize> {
    let (tag, stream) = match purpose {
        Purpose::Batches { epoch } => (0, epoch),
        Purpose::Split => (1, 0),
        Purpose::Folds => (2, 0),
    };
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8] = tag;
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(stream);

    let mut order: Vec<usize> = (0..rows).collect();
    for last in (1..rows).rev() {
        // The high word of the product is below last + 1, and uniform up to (last + 1) / 2⁶⁴.
        let pick = (u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64;
        order.swap(last, pick as usize);
    }
    order
}
