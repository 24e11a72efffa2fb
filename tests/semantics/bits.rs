//! Lines 25 and 27: results depend neither on the number of threads nor, beyond rounding, on
//! optimization.

use std::thread;

use flowgrad::ndarray::{ArrayD, arr1};
use flowgrad::prelude::*;

/// Builds a model large enough that its regions, products or sums are split among threads.
type Build<T> = for<'g> fn(&'g Graph) -> Vec<Tensor<'g, T>>;

/// Each with its name, and with how far apart two ways of rounding may lie, in units of the last
/// place of the largest element.
fn models<T: Float>() -> [(&'static str, f64, Build<T>); 6] {
    [
        ("sum of a million", 1e4, sum_of_a_million),
        ("elementwise", 1e2, elementwise),
        ("sums by axes", 1e4, sums_by_axes),
        ("products", 1e3, products),
        ("regression", 1e4, regression),
        ("branches", 1e4, branches),
    ]
}

/// Numbers in (-0.5, 0.5) without a pattern that sums could profit from.
fn spread<T: Float>(dims: impl Into<Vec<usize>>) -> ArrayD<T> {
    let mut state = 1_u32;
    ArrayD::from_shape_simple_fn(dims.into(), || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        T::from_f64(f64::from(state >> 8) / f64::from(1 << 24) - 0.5)
    })
}

/// A variable that starts so; sums and products of constants would be computed before the run.
fn data<T: Float>(g: &Graph, dims: impl Into<Vec<usize>>) -> Tensor<'_, T> {
    g.variable(&format!("data_{}", g.len()), spread::<T>(dims)).tensor()
}

fn sum_of_a_million<T: Float>(g: &Graph) -> Vec<Tensor<'_, T>> {
    vec![data::<T>(g, [1_000_000]).reduce_sum(..)]
}

fn elementwise<T: Float>(g: &Graph) -> Vec<Tensor<'_, T>> {
    let x = data::<T>(g, [1_000_000]);
    let y = (x * x + T::from_f64(1.0)) / (x.square() + T::from_f64(2.0)) - x * T::from_f64(3.0);
    vec![y, y.reduce_mean(..)]
}

fn sums_by_axes<T: Float>(g: &Graph) -> Vec<Tensor<'_, T>> {
    let tall = data::<T>(g, [250_000, 4]);
    let wide = data::<T>(g, [4, 50_000]);
    let cube = data::<T>(g, [60, 50, 70]);
    vec![
        tall.reduce_sum(0),
        tall.reduce_sum(1),
        wide.reduce_mean(0),
        wide.reduce_mean(1),
        cube.reduce_sum([0, 2]),
        cube.reduce_sum(1),
        cube.transpose_perm([2, 0, 1]).reduce_mean([0, 1]),
    ]
}

fn products<T: Float>(g: &Graph) -> Vec<Tensor<'_, T>> {
    // Four panels of rows; the inner lengths are short because matrixmultiply is slow unless optimized.
    let [a, c] = [0, 1].map(|_| data::<T>(g, [512, 16]));
    let b = data::<T>(g, [16, 512]);
    let y = a.matmul(b).matmul(c);
    let [da, dc] = y.square().reduce_mean(..).gradients([a, c]);
    vec![y, da, dc]
}

fn regression<T: Float>(g: &Graph) -> Vec<Tensor<'_, T>> {
    let x = g.constant(spread::<T>([250_000, 4]));
    let w = g.variable("w", spread::<T>([4, 2]));
    let error = x.matmul(w) - x.matmul_transposed(x, true, false).reduce_mean(..);
    let loss = error.square().reduce_mean(..);
    let [slope] = loss.gradients([w]);
    vec![loss, slope, w.assign_sub(slope * T::from_f64(0.1))]
}

fn branches<T: Float>(g: &Graph) -> Vec<Tensor<'_, T>> {
    let long = data::<T>(g, [200_000]);
    let [a, b] = [[160, 48], [48, 160]].map(|dims| data::<T>(g, dims));
    let branch = |index: u32| {
        let shift = T::from_f64(f64::from(index));
        (long + shift).square().reduce_sum(..) * (a + shift).matmul(b).reduce_mean(..)
    };
    let sum = (1..8).fold(branch(0), |sum, index| sum + branch(index));
    vec![sum, branch(8)]
}

/// The bits of arrays, which also tell apart what compares as equal.
fn bits<T: Float>(arrays: &[ArrayD<T>]) -> Vec<u64> {
    arrays.iter().flatten().map(|x| x.as_f64().to_bits()).collect()
}

fn check_bits_at_any_number_of_threads<T: Float>() -> Result<()> {
    for (name, _, build) in models::<T>() {
        let g = Graph::new();
        let fetches = build(&g);
        for optimize in [true, false] {
            let mut expected = None;
            for threads in [1, 2, 8, 8] {
                let session = Session::builder(&g).threads(threads).optimize(optimize).build()?;
                let found = bits(&session.run(fetches.clone())?);
                // Not `assert_eq!`, which would print a million numbers.
                let same = expected.get_or_insert_with(|| found.clone()) == &found;
                assert!(same, "{name} at {threads} threads, optimize {optimize}");
            }
        }
    }
    Ok(())
}

/// Line 25: the same inputs give the same bits at any number of threads.
#[test]
fn line_25_the_same_bits_at_any_number_of_threads_f32() -> Result<()> {
    check_bits_at_any_number_of_threads::<f32>()
}

/// Line 25, in double precision.
#[test]
fn line_25_the_same_bits_at_any_number_of_threads_f64() -> Result<()> {
    check_bits_at_any_number_of_threads::<f64>()
}

/// Line 25: so they do when other runs of the same session are under way.
#[test]
fn line_25_the_same_bits_beside_other_runs() -> Result<()> {
    let g = Graph::new();
    let x = data::<f32>(&g, [300_000]);
    let y = (x * x).reduce_sum(..) + x.reduce_mean(..);
    let session = Session::builder(&g).threads(4).build()?;
    let expected = bits(&[session.run(y)?]);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..20).for_each(|_| assert_eq!(bits(&[session.run(y).unwrap()]), expected)));
        }
    });
    Ok(())
}

fn check_optimised_is_not_optimised<T: Float>() -> Result<()> {
    for (name, tolerance, build) in models::<T>() {
        let g = Graph::new();
        let fetches = build(&g);
        let run = |optimize| {
            let session = Session::builder(&g).optimize(optimize).build()?;
            session.run(fetches.clone())
        };
        for (index, (fast, plain)) in run(true)?.iter().zip(&run(false)?).enumerate() {
            assert_eq!(fast.shape(), plain.shape());
            let scale = plain.iter().fold(1.0, |most: f64, x| most.max(x.as_f64().abs()));
            let apart = fast.iter().zip(plain).map(|(a, b)| (a.as_f64() - b.as_f64()).abs());
            let most = apart.fold(0.0, f64::max);
            let allowed = tolerance * T::epsilon().as_f64() * scale;
            assert!(most <= allowed, "{name} {index}: {most} apart, allowed {allowed}");
        }
    }
    Ok(())
}

/// Line 27: optimization changes no result beyond rounding, and can be switched off.
#[test]
fn line_27_optimisation_changes_rounding_only() -> Result<()> {
    check_optimised_is_not_optimised::<f32>()?;
    check_optimised_is_not_optimised::<f64>()
}

/// Line 27: what depends on constants alone is computed before the run, with the numbers of a run.
#[test]
fn line_27_constants_are_folded_to_the_same_numbers() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(40)]);
    let [a, b] = [[300, 40], [40, 300]].map(|dims| g.constant(spread::<f64>(dims)));
    let labels = g.constant(arr1(&[3_i64, 0, 2]));
    let normal = (a - a.reduce_mean(0)) / (a.square().reduce_mean(0) + 1e-3).sqrt();
    let fetches = [
        a.matmul(b).tanh(),
        a.reduce_max(1),
        a.transpose().reduce_sum(0).exp(),
        x.matmul(normal.transpose()) * (2.0 * b.matmul(a)).reduce_mean(..),
        a.softmax(-1).ln(),
        (normal * x.reduce_sum(..)).reduce_min(0),
        (labels * 2 + 1).cast::<f64>() - b.reduce_sum(..),
        g.constant(spread::<f64>([0, 3])).reduce_max(0),
    ];
    let fed = spread::<f64>([5, 40]);
    let run = |optimize, threads| {
        let session = Session::builder(&g).optimize(optimize).threads(threads).build()?;
        session.feed(x, &fed).run(fetches)
    };
    let (one, two, plain) = (run(true, 1)?, run(true, 2)?, run(false, 1)?);
    assert_eq!(bits(&one), bits(&two), "at one thread and two");
    for (index, (folded, plain)) in one.iter().zip(&plain).enumerate() {
        assert_eq!(folded.shape(), plain.shape());
        for (folded, plain) in folded.iter().zip(plain) {
            let near = folded == plain || (folded - plain).abs() <= 1e-12 * plain.abs().max(1.0);
            assert!(near, "{index}: {folded}, but {plain} when not optimised");
        }
    }
    Ok(())
}

/// Line 27: what fails for some constants fails in the run, and not before.
#[test]
fn line_27_folding_constants_fails_no_plan() -> Result<()> {
    let g = Graph::new();
    let quotient = g.constant(arr1(&[6, 4])) / (g.constant(arr1(&[2, 1])) - 1);
    let session = Session::new(&g)?;
    let call = session.make_callable((), quotient)?;
    assert!(matches!(call.call(()), Err(Error::DivisionByZero { .. })));
    // What is too much for one run is not computed for a plan either: this comes back.
    let column = g.constant(ArrayD::<f64>::zeros(vec![1 << 23, 1]));
    let table = (column + column.transpose() + 1.0).reduce_sum(..);
    session.explain(table)?;
    Ok(())
}

/// Line 27: infinities, NaN, overflow, underflow and the sign of nought are no matters of rounding.
#[test]
fn line_27_optimisation_keeps_the_ends_of_the_range() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", ());
    let pair = |a: f32, b: f32| g.constant(arr1(&[a, b]));
    let cases = [
        ("two factors whose product overflows", 1e30_f32 * (1e30_f32 * x), 1e-30),
        ("two factors whose product vanishes", 1e-30_f32 * (1e-30_f32 * x), 1e30),
        ("a factor inside a sum that overflows without it", (x * pair(3e38, 3e38)).reduce_sum(..), 0.1),
        ("an infinite factor inside a sum over 0", (x * pair(0.0, 1.0)).reduce_sum(..), f32::INFINITY),
        ("-0 + 0 is 0", 1.0_f32 / (x + 0.0), -0.0),
        ("0 + -0 is 0", 1.0_f32 / (0.0_f32 + x), -0.0),
        ("-0 - 0 is -0", 1.0_f32 / (x - 0.0), -0.0),
        ("0·inf", x * 0.0, f32::INFINITY),
        ("NaN - NaN", x - x, f32::NAN),
        ("NaN / NaN", x / x, f32::NAN),
        ("inf / inf", x / x, f32::INFINITY),
    ];
    let fast = Session::new(&g)?;
    let plain = Session::builder(&g).optimize(false).build()?;
    let mut apart = Vec::new();
    for (name, y, fed) in cases {
        let [fast, plain] = [&fast, &plain].map(|session| session.feed(x, fed).run(y).map(|y| y.sum()));
        let (fast, plain) = (fast?, plain?);
        // Rounding may move either by a few parts in ten million; NaN must stay NaN.
        let near = fast == plain || (fast - plain).abs() <= 1e-6 * plain.abs();
        if !(near || fast.is_nan() && plain.is_nan()) {
            apart.push(format!("{name}: {fast}, but {plain} when not optimised"));
        }
    }
    assert!(apart.is_empty(), "{}", apart.join("; "));
    Ok(())
}
