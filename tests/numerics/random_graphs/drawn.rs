//! Cases as proptest draws them, and makes them smaller.

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};

use super::case::{Case, LONG, Layout, Leaf, SOURCES, Source, Step};
use super::table::{Row, rows};

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    let length =
        prop_oneof![4 => Just(2), 4 => Just(3), 2 => Just(1), 1 => Just(4), 1 => Just(0), 2 => Just(LONG)];
    prop::collection::vec(length, 0..=3)
}

fn leaf(source: Source) -> impl Strategy<Value = Leaf> {
    let layout = prop_oneof![
        Just(Layout::Rows),
        Just(Layout::Columns),
        Just(Layout::EverySecond),
        Just(Layout::Backwards)
    ];
    (lengths(), any::<u8>(), any::<bool>(), any::<u8>(), layout).prop_map(
        move |(lengths, seed, rough, unknown, layout)| Leaf { source, lengths, seed, rough, unknown, layout },
    )
}

fn step(smooth: bool) -> impl Strategy<Value = Step> {
    let fitting: Vec<&'static Row> = rows().filter(|row| !smooth || row.kind.is_smooth()).collect();
    (prop::sample::select(fitting), any::<[u8; 4]>(), any::<[u8; 6]>())
        .prop_map(|(row, picks, numbers)| Step { row, picks, numbers })
}

/// Graphs of up to `most` steps. With `long`, some tensors have thousands of rows, so that plans are cut
/// into tiles and chunks and shared among threads.
pub(crate) fn cases(most: usize, smooth: bool, long: bool) -> impl Strategy<Value = Case> {
    let rows = if long {
        prop_oneof![8 => Just(5), 1 => 60..70_usize, 1 => 2000..5000_usize].boxed()
    } else {
        Just(3).boxed()
    };
    let leaves = SOURCES.map(leaf);
    let steps = prop::collection::vec(step(smooth), 1..=most);
    (leaves, steps, rows, any::<[u8; 2]>())
        .prop_map(move |(leaves, steps, rows, few)| Case::new(Vec::from(leaves), steps, rows, smooth, few))
}
