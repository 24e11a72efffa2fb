//! Line 31: derivatives of any order below a `select` are 0 for the branch that was not taken, and those of the
//! taken branch are as if the other one were not there.

use flowgrad::ndarray::{ArrayD, arr1, arr2};
use flowgrad::prelude::*;

use crate::choices::Choices;

type Function = for<'g> fn(Tensor<'g, f64>) -> Tensor<'g, f64>;

/// Functions of which many are infinite or undefined, or have such slopes, at 0 or below.
const FUNCTIONS: [Function; 24] = [
    |x| x.sqrt(),
    |x| x.ln(),
    |x| x.reciprocal(),
    |x| x.rsqrt(),
    |x| x * x.ln(),
    |x| x.pow(0.5),
    |x| x.pow(-1.5),
    |x| x.pow(x),
    |x| x / x.sqrt(),
    |x| x.sqrt() / x,
    |x| (x - 1.0).log1p(),
    |x| (1.0 - x).clip(-1.0, 1.0).asin(),
    |x| (x * 0.25 + 1.0).acos(),
    |x| (x + std::f64::consts::FRAC_PI_2).tan(),
    |x| x.square(),
    |x| x.exp(),
    |x| x.tanh(),
    |x| x.sigmoid(),
    |x| x.softplus(),
    |x| x.gelu(),
    |x| x.sin(),
    |x| x.abs(),
    |x| x.erf(),
    |x| x.relu() + x,
];

/// What follows the select: mostly not linear, so that cotangents have derivatives as well.
const AFTER: [Function; 4] = [|y| y, |y| y.sin() * 0.5, |y| (y * 0.25).exp(), |y| y * y];

/// Functions of rows, which they keep as one number each.
const OF_ROWS: [Function; 11] = [
    |x| x.reduce_sum(last()),
    |x| x.reduce_mean(last()),
    |x| x.reduce_prod(last()),
    |x| x.reduce_max(last()),
    |x| x.reduce_log_sum_exp(last()),
    |x| x.norm(last()),
    |x| x.reduce_variance(last()),
    |x| x.top_k(2).0.reduce_sum(last()),
    |x| x.cumprod(-1).reduce_sum(last()),
    |x| x.logcumsumexp(-1).reduce_sum(last()),
    |x| x.median(last()),
];

/// Moves of elements within a row.
const MOVES: [Function; 4] = [
    |x| x.cumsum(-1),
    |x| x.sort(-1),
    |x| x.graph().concat(&[x.slice((.., 1..)), x.slice((.., ..1))], 1),
    |x| x.transpose().gather(x.graph().constant(arr1(&[2_i64, 2, 0])), 0).transpose(),
];

fn last() -> Axes {
    Axes::of([-1]).keep_dims()
}

impl Choices {
    /// A random function of x, of so many levels.
    fn expression<'g>(&mut self, x: Tensor<'g, f64>, levels: usize) -> Tensor<'g, f64> {
        if levels == 0 {
            return x;
        }
        let inner = self.expression(x, levels - 1);
        match self.below(9) {
            0 => {
                let other = self.of(&FUNCTIONS)(x);
                inner * other
            }
            1 => {
                let other = self.of(&FUNCTIONS)(x);
                inner / other
            }
            2 => inner - self.of(&FUNCTIONS)(x),
            3 => x * self.of(&OF_ROWS)(inner),
            4 => self.of(&MOVES)(inner),
            _ => self.of(&FUNCTIONS)(inner),
        }
    }
}

/// Rows that are not taken, at the singular point and below, and rows that are.
fn points() -> ArrayD<f64> {
    arr2(&[[0.0, 0.0, 0.0], [0.0, -1.0, -0.25], [0.75, 1.25, 0.5], [0.3, 1.0, 2.0]]).into_dyn()
}

const TAKEN: [bool; 4] = [false, false, true, true];

/// What is computed where the random function is not taken.
fn simple(x: Tensor<'_, f64>) -> Tensor<'_, f64> {
    x * x * x + x * 2.0
}

/// The derivatives of the first four orders, each that of a sum over the last with weights of its own.
fn derivatives<'g>(y: Tensor<'g, f64>, x: Tensor<'g, f64>) -> Vec<Tensor<'g, f64>> {
    let weights = y.graph().constant(arr1(&[0.75, -1.5, 1.25]));
    let mut found: Vec<Tensor<'g, f64>> = Vec::new();
    for _ in 0..4 {
        let last = found.last().map_or(y, |&last| last * weights);
        found.push(Gradients::of([last]).wrt(&[x])[0].unwrap_or_else(|| x * 0.0));
    }
    found
}

#[test]
fn line_31_random_functions_that_were_not_taken() -> Result<()> {
    let mut judged = [0; 4];
    for seed in 0..80 {
        let g = Graph::new();
        let x = g.constant(points());
        let function = |x| Choices(seed).expression(x, 1 + seed as usize % 3);
        let is_taken = x.reduce_max(last()).greater(0.0);
        let after = AFTER[seed as usize % AFTER.len()];
        let whole = derivatives(after(is_taken.select(function(x), simple(x))), x);
        let alone = [derivatives(after(simple(x)), x), derivatives(after(function(x)), x)];
        let session = Session::builder(&g).threads(1).optimize(seed % 2 == 0).build()?;
        let whole = session.run(whole)?;
        let alone = session.run(alone)?;
        for (order, found) in whole.iter().enumerate() {
            for ((at, &found), row) in found.indexed_iter().zip(0..12) {
                let taken = TAKEN[row / 3];
                let expected = alone[usize::from(taken)][order][&at];
                // Beyond that much the function alone has lost its digits, if it is defined at all.
                if taken && (expected.is_nan() || expected.abs() >= 1e9) {
                    continue;
                }
                judged[order] += 1;
                let near = (found - expected).abs() <= 1e-6 * expected.abs().max(1.0);
                assert!(
                    near,
                    "program {seed}, order {}, row {}: {found}, not {expected}",
                    order + 1,
                    row / 3
                );
            }
        }
    }
    assert!(judged.iter().all(|&count| count > 700), "few values were judged: {judged:?}");
    Ok(())
}

/// Line 31: Hessian-vector products and forward mode at the point where a branch ends.
#[test]
fn line_31_products_with_derivatives() -> Result<()> {
    let functions: [(&str, Function); 12] = [
        ("x·ln x", |x| x * x.ln()),
        ("ln²", |x| x.ln().square()),
        ("tanh √x", |x| x.sqrt().tanh()),
        ("(1/x)²", |x| x.reciprocal().square()),
        ("x/√x", |x| x / x.sqrt()),
        ("√x", |x| x.sqrt()),
        ("1/x", |x| 1.0 / x),
        ("1/√x", |x| x.rsqrt()),
        ("a product of a row", |x| x.reciprocal().reduce_prod(last()) * x),
        ("a norm", |x| x.norm(last()) * x.rsqrt()),
        ("a softmax", |x| x.ln().softmax(-1)),
        ("a variance", |x| x.rsqrt().reduce_variance(last()) + x),
    ];
    for (name, function) in functions {
        let g = Graph::new();
        let x = g.constant(arr1(&[0.0, 0.0]));
        let v = g.constant(arr1(&[1.0, -2.0]));
        let y = x.greater(0.0).select(function(x), 0.0);
        let [first] = y.gradients([x]);
        let mut found = vec![first, jvp(y, &[x], &[v]), jvp(first, &[x], &[v])];
        found.extend(hessian_vector_product(y, &[x], &[v]));
        found.extend(hessian_vector_product(first * v, &[x], &[v]));
        found.extend([jvp(jvp(y, &[x], &[v]), &[x], &[v]), hessian(y, x).reduce_sum(0)]);
        for optimize in [true, false] {
            let session = Session::builder(&g).optimize(optimize).build()?;
            for (index, value) in session.run(found.clone())?.into_iter().enumerate() {
                assert!(value.iter().all(|&value| value == 0.0), "{name}, derivative {index}: {value}");
            }
        }
    }
    Ok(())
}

/// Line 31: a cotangent that is 0 by chance, not because a branch was not taken, has derivatives all the same.
#[test]
fn line_31_cotangents_that_are_zero_by_chance() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[0.0, 0.5, -1.0, 2.0]));
    let w = g.constant(arr1(&[1.0, 1.0, 1.0, 1.0]));
    // (x·eʷ)², whose cotangent is 0 at x = 0, below a select that takes it everywhere.
    let y = x.less(3.0).select((x * w.exp()).square(), x.ln());
    let [dw] = y.gradients([w]);
    let [by_x, by_w] = dw.gradients([x, w]);
    let [third] = by_x.gradients([x]);
    let [fourth] = third.gradients([w]);
    let e2 = (2.0_f64).exp();
    let session = Session::new(&g)?;
    let [by_x, by_w, third, fourth] = session.run([by_x, by_w, third, fourth])?;
    for (index, x) in [0.0, 0.5, -1.0, 2.0].into_iter().enumerate() {
        let expected = [4.0 * x * e2, 4.0 * x * x * e2, 4.0 * e2, 8.0 * e2];
        let found = [by_x[index], by_w[index], third[index], fourth[index]];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12 * e2 * 16.0, "{found}, not {expected}, at {x}");
        }
    }
    Ok(())
}

/// Line 31: nothing is paid for it where no `select` is above.
#[test]
fn line_31_other_gradients_pay_nothing() {
    let g = Graph::new();
    let x = g.constant(arr1(&[0.5, 2.0]));
    let [first] = (x * x.ln()).sqrt().tanh().gradients([x]);
    let _ = first.gradients([x]);
    assert!(!g.to_string().contains("scaled"), "{g}");
}
