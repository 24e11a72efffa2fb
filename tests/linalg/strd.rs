//! Linear regression sets of the NIST Statistical Reference Datasets, whose parameters are certified to 15 digits.

use flowgrad::ndarray::{Array1, Array2};
use flowgrad::prelude::*;

/// Digits that NumPy 2.4.6 has right of the worst parameter (numpy.linalg.lstsq, and pinv times y), without a cut, since
/// the default one is above the least singular value of Filip.
const NUMPY: [(&str, f64, f64); 8] = [
    ("Norris", 12.30, 12.99),
    ("Longley", 10.90, 10.89),
    ("Filip", 5.71, 5.71),
    ("Wampler1", 9.64, 9.21),
    ("Wampler2", 10.41, 10.41),
    ("Wampler3", 9.49, 9.16),
    ("Wampler4", 7.78, 7.78),
    ("Wampler5", 5.77, 5.77),
];

/// By how many digits rounding alone may make a difference.
const SLACK: f64 = 0.1;

struct Set {
    name: &'static str,
    certified: Vec<f64>,
    x: Array2<f64>,
    y: Array1<f64>,
}

fn numbers(line: &str) -> Vec<f64> {
    line.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

fn sets() -> Vec<Set> {
    let text = include_str!("strd.txt");
    let blocks = text.split("\n\n").filter(|block| block.starts_with("set "));
    let read = |block: &'static str| {
        let mut lines = block.lines();
        let heading: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
        let certified = numbers(lines.next().unwrap().strip_prefix("certified").unwrap());
        let rows: Vec<Vec<f64>> = lines.map(numbers).collect();
        let degree: usize = heading[2].parse().unwrap();
        let count = certified.len();
        let x = Array2::from_shape_fn((rows.len(), count), |(i, j)| match (degree, j) {
            (_, 0) => 1.0,
            (0, _) => rows[i][j],
            _ => (1..j).fold(rows[i][1], |power, _| power * rows[i][1]),
        });
        let y = rows.iter().map(|row| row[0]).collect();
        Set { name: heading[1], certified, x, y }
    };
    blocks.map(read).collect()
}

/// The digits that the worst of the numbers has right.
fn digits<'a>(found: impl IntoIterator<Item = &'a f64>, certified: &[f64]) -> f64 {
    let digits =
        found.into_iter().zip(certified).map(|(x, right)| -((x - right) / right).abs().max(1e-15).log10());
    digits.fold(f64::INFINITY, f64::min)
}

#[test]
fn certified_parameters_are_found_as_well_as_by_lapack() {
    let mut worse = Vec::new();
    println!("{:10} {:>6} {:>6} {:>6} {:>6}", "set", "lstsq", "NumPy", "pinv", "NumPy");
    for set in sets() {
        let &(_, by_lstsq, by_pinv) = NUMPY.iter().find(|(name, ..)| *name == set.name).unwrap();
        let g = Graph::new();
        let (x, y) = (g.constant(&set.x), g.constant(&set.y));
        let found =
            Session::new(&g).unwrap().run([x.lstsq_with(y, 0.0), x.pinv_with(0.0).matmul(y)]).unwrap();
        let [lstsq, pinv] = found.map(|found| digits(&found, &set.certified));
        println!("{:10} {lstsq:6.2} {by_lstsq:6.2} {pinv:6.2} {by_pinv:6.2}", set.name);
        for (how, found, least) in [("lstsq", lstsq, by_lstsq), ("pinv", pinv, by_pinv)] {
            if found < least - SLACK {
                worse.push(format!("{} by {how}: {found:.2} digits, and {least:.2} by NumPy", set.name));
            }
        }
    }
    assert!(worse.is_empty(), "{}", worse.join("\n"));
}
