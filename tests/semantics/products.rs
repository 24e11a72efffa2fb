//! Products of few columns: exact over many rows, the same bits at any number of threads.

use flowgrad::ndarray::Array2;
use flowgrad::prelude::*;

/// Columns and outputs on either side of where kernels change.
const SIZES: [[usize; 2]; 12] =
    [[1, 1], [2, 1], [4, 1], [5, 1], [1, 5], [13, 3], [3, 13], [31, 2], [8, 8], [64, 1], [1, 64], [70, 2]];

/// Line 32: a sum over the rows of a product has the error of a sum by blocks. Equal products are the hard case: all
/// additions round the same way, and one running sum of 20,000 is off by 2.6e-4, one by blocks of 256 by 8e-6.
#[test]
fn line_32_products_over_many_rows_lose_no_digits() -> Result<()> {
    let rows = 150_000;
    for [columns, outputs] in SIZES {
        let of = |columns, first: f32, step: f32| {
            Array2::from_shape_fn((rows, columns), |(_, column)| first + step * column as f32)
        };
        let (x, e) = (of(columns, 0.1, 0.0013), of(outputs, 0.7, 0.1));
        let exact = x.mapv(f64::from).t().dot(&e.mapv(f64::from));
        let g = Graph::new();
        let fed = g.placeholder::<f32>("x", [None, Some(columns)]);
        let e = g.constant(e);
        let products =
            [fed.matmul_transposed(e, true, false), g.constant(x.view()).matmul_transposed(e, true, false)];
        for threads in [1, 2] {
            let session = Session::builder(&g).threads(threads).build()?;
            for found in session.feed(fed, &x).run(products)? {
                for (found, exact) in found.iter().zip(&exact) {
                    let error = (f64::from(*found) - exact).abs() / exact;
                    assert!(error < 4e-5, "{columns} columns, {outputs} outputs: {found}, not {exact}");
                }
            }
        }
    }
    Ok(())
}

/// Line 25: steps of regression of every kind of size.
#[test]
fn line_25_regressions_give_the_same_bits_at_any_number_of_threads() -> Result<()> {
    for rows in [33, 40_000] {
        for [columns, outputs] in SIZES {
            let of = |columns, step: f64| {
                Array2::from_shape_fn((rows, columns), |(row, column)| {
                    ((row * 31 + column) as f64 * step).fract() - 0.5
                })
            };
            let (x, d) = (of(columns, 0.618_034), of(outputs, 0.414_214));
            let g = Graph::new();
            let w = g.variable("w", zeros([columns, outputs]));
            let fed = g.placeholder::<f64>("x", [None, Some(columns)]);
            let [gradient] = (fed.matmul(w) - g.constant(d.view())).square().reduce_mean(..).gradients([w]);
            let step = w.assign_sub(0.1 * gradient);
            let mut held = Vec::new();
            for threads in [1, 2, 3] {
                let session = Session::builder(&g).threads(threads).build()?;
                session.feed(fed, &x).run(step)?;
                held.push(session.feed(fed, &x).run(step)?);
            }
            let mut plain = Array2::<f64>::zeros((columns, outputs));
            for _ in 0..2 {
                let e = x.dot(&plain) - &d;
                plain = &plain - x.t().dot(&e) * (0.2 / d.len() as f64);
            }
            let size = plain.iter().fold(0.0, |size: f64, x| size.max(x.abs()));
            assert!(held.iter().all(|w| *w == held[0]), "{rows} rows, {columns} columns, {outputs} outputs");
            let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12 * (1.0 + size);
            assert!(
                held[0].iter().zip(&plain).all(near),
                "{rows} rows, {columns} columns, {outputs} outputs"
            );
        }
    }
    Ok(())
}
