//! Values and derivatives beside JAX's: `generate.py` makes `fixture.json` and tells what the file holds.

use flowgrad::ndarray::{ArrayD, IxDyn};
use flowgrad::prelude::*;
use serde::Deserialize;

use crate::stored::Stored;
use crate::{apart, size};

#[derive(Deserialize)]
struct Case {
    name: String,
    inputs: Vec<Stored>,
    value: f64,
    first: Vec<Stored>,
    second: Vec<Stored>,
}

type T<'g> = Tensor<'g, f64>;

type Build = for<'g> fn(&[T<'g>]) -> T<'g>;

/// How each case is built.
const BUILD: &[(&str, Build)] = &[
    ("cholesky", |x| weighted(&[x[0].cholesky()])),
    ("cholesky_batch", |x| weighted(&[x[0].cholesky()])),
    ("cholesky_large", |x| weighted(&[x[0].cholesky()])),
    ("logdet", |x| x[0].logdet()),
    ("cholesky_solve", |x| weighted(&[x[0].cholesky().cholesky_solve(x[1])])),
    ("triangular_solve", |x| weighted(&[x[0].triangular_solve(x[1])])),
    ("triangular_solve_adjoint", |x| weighted(&[x[0].triangular_solve_with(x[1], false, true, false)])),
    ("lu", |x| weighted(&[x[0].lu().0])),
    ("lu_tall", |x| weighted(&[x[0].lu().0])),
    ("lu_wide", |x| weighted(&[x[0].lu().0])),
    ("lu_large", |x| weighted(&[x[0].lu().0])),
    ("solve", |x| weighted(&[x[0].solve(x[1])])),
    ("solve_large", |x| weighted(&[x[0].solve(x[1])])),
    ("inv", |x| weighted(&[x[0].inv()])),
    ("det", |x| x[0].det()),
    ("slogdet", |x| x[0].slogdet().1),
    ("qr", qr),
    ("qr_tall", qr),
    ("qr_large", qr),
    ("qr_wide", qr),
    ("eigh", eigh),
    ("eigh_large", eigh),
    ("svd", svd),
    ("svd_tall", svd),
    ("svd_wide", svd),
    ("svd_large", svd),
    ("svdvals", |x| weighted(&[x[0].svdvals()])),
    ("pinv", |x| weighted(&[x[0].pinv()])),
    ("pinv_low_rank", |x| weighted(&[x[0].pinv_with(1e-10)])),
    ("lstsq", |x| weighted(&[x[0].lstsq(x[1])])),
    ("lstsq_wide", |x| weighted(&[x[0].lstsq(x[1])])),
    ("lstsq_low_rank", |x| weighted(&[x[0].lstsq_with(x[1], 1e-10)])),
    ("expm", |x| weighted(&[x[0].expm()])),
    ("expm_small", |x| weighted(&[x[0].expm()])),
    ("expm_far", |x| weighted(&[x[0].expm()])),
    ("matrix_power", |x| weighted(&[x[0].matrix_power(5)])),
    ("matrix_norm_2", |x| x[0].matrix_norm("2")),
    ("matrix_norm_nuc", |x| x[0].matrix_norm("nuc")),
    ("kron", |x| weighted(&[x[0].kron(x[1])])),
];

fn qr<'g>(x: &[T<'g>]) -> T<'g> {
    let (q, r) = x[0].qr();
    weighted(&[q, r])
}

fn eigh<'g>(x: &[T<'g>]) -> T<'g> {
    let (w, v) = x[0].eigh();
    weighted(&[w, v.square()])
}

fn svd<'g>(x: &[T<'g>]) -> T<'g> {
    let (u, s, vt) = x[0].svd();
    weighted(&[u.square(), s, vt.square()])
}

/// Numbers that a function of their place gives.
fn places(shape: &[usize], of: fn(f64) -> f64) -> ArrayD<f64> {
    let mut place = 0.0;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        place += 1.0;
        of(place)
    })
}

/// The sum of all elements, of which element i counts sin(1 + i).
fn weighted<'g>(parts: &[T<'g>]) -> T<'g> {
    let sums = parts.iter().map(|part| {
        let shape = part.shape().known().unwrap();
        (part.graph().constant(places(&shape, f64::sin)) * *part).reduce_sum(..)
    });
    sums.sum()
}

#[test]
fn values_and_derivatives_are_those_of_jax() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("fixture.json")).unwrap();
    let mut broken = Vec::new();
    let mut largest = [0.0_f64; 3];
    for case in &cases {
        let build = BUILD.iter().find(|(name, _)| *name == case.name).unwrap().1;
        let g = Graph::new();
        let xs: Vec<T<'_>> = case.inputs.iter().map(|x| g.constant(x.numbers())).collect();
        let value = build(&xs);
        let first: Vec<T<'_>> = Gradients::of([value]).wrt(&xs).into_iter().flatten().collect();
        let directions = case.inputs.iter().map(|x| g.constant(places(&x.shape, f64::cos)));
        let along: T<'_> = first.iter().zip(directions).map(|(&x, d)| (x * d).reduce_sum(..)).sum();
        let second = Gradients::of([along]).wrt_or_zeros(&xs);
        let (value, first, second) = match Session::new(&g).unwrap().run((value, first, second)) {
            Ok(found) => found,
            Err(error) => {
                broken.push(format!("{}: {error}", case.name));
                continue;
            }
        };
        let mut check = |order: usize, found: &ArrayD<f64>, expected: &ArrayD<f64>, tolerance: f64| {
            let off = apart(found, expected) / size(expected).max(1.0);
            largest[order] = largest[order].max(off);
            if off.is_nan() || off > tolerance {
                broken.push(format!("{}: order {order} is {off:.1e} apart", case.name));
            }
        };
        check(0, &value, &ArrayD::from_elem(vec![], case.value), 1e-12);
        for (order, found, expected) in [(1, &first, &case.first), (2, &second, &case.second)] {
            for (found, expected) in found.iter().zip(expected) {
                assert_eq!(expected.dtype, "float64");
                check(order, found, &expected.numbers(), 1e-9);
            }
        }
    }
    let [value, first, second] = largest;
    println!(
        "{} cases: values {value:.1e} apart, gradients {first:.1e}, of second order {second:.1e}",
        cases.len()
    );
    assert_eq!(cases.len(), BUILD.len());
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
