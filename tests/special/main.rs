//! Special functions: values and derivatives against mpmath, at the ends, in single precision, and beyond the orders that
//! there are; and the distributions that are made of them. `generate.py` has made the fixture.

mod distributions;
mod ends;
mod fixture;

use flowgrad::fault::GradientFault;
use flowgrad::ndarray::{Array1, arr1};
use flowgrad::prelude::*;
use flowgrad::special;

use fixture::{Table, tables};

/// Half a unit in the last place, relative to the number.
const HALF_UNIT: f64 = f64::EPSILON / 2.0;

/// The derivative of a function of elements.
fn d<'g, T: Float>(y: Tensor<'g, T>, x: Tensor<'g, T>) -> Tensor<'g, T> {
    let [by_x] = y.gradients([x]);
    by_x
}

/// What the fixture has of a function, in its order.
fn outputs<'g, T: Float>(name: &str, x: &[Tensor<'g, T>]) -> Vec<(&'static str, Tensor<'g, T>)> {
    /// The function and its first two derivatives.
    fn twice<'g, T: Float>(x: Tensor<'g, T>, y: Tensor<'g, T>) -> Vec<(&'static str, Tensor<'g, T>)> {
        vec![("value", y), ("by x", d(y, x)), ("by x twice", d(d(y, x), x))]
    }
    fn once<'g, T: Float>(x: Tensor<'g, T>, y: Tensor<'g, T>) -> Vec<(&'static str, Tensor<'g, T>)> {
        vec![("value", y), ("by x", d(y, x))]
    }
    fn by_both<'g, T: Float>(x: &[Tensor<'g, T>], y: Tensor<'g, T>) -> Vec<(&'static str, Tensor<'g, T>)> {
        vec![("value", y), ("by the first", d(y, x[0])), ("by the second", d(y, x[1]))]
    }
    match name {
        "lgamma" => twice(x[0], special::lgamma(x[0])),
        "digamma" => twice(x[0], special::digamma(x[0])),
        "erfc" => twice(x[0], x[0].erfc()),
        "ndtr" => twice(x[0], special::ndtr(x[0])),
        "log_ndtr" => twice(x[0], special::log_ndtr(x[0])),
        "ndtri" => twice(x[0], special::ndtri(x[0])),
        "erfinv" => twice(x[0], special::erfinv(x[0])),
        "erfcinv" => twice(x[0], special::erfcinv(x[0])),
        "i0e" => twice(x[0], special::i0e(x[0])),
        "i1e" => twice(x[0], special::i1e(x[0])),
        "log1mexp" => once(x[0], special::log1mexp(x[0])),
        "entr" => once(x[0], special::entr(x[0])),
        "softplus" => once(x[0], x[0].softplus()),
        "log_sigmoid" => once(x[0], x[0].log_sigmoid()),
        "logaddexp" => by_both(x, special::logaddexp(x[0], x[1])),
        "kl_div" => by_both(x, special::kl_div(x[0], x[1])),
        "xlog1py" => by_both(x, special::xlog1py(x[0], x[1])),
        "gammainc" => {
            let (below, above) = (special::gammainc(x[0], x[1]), special::gammaincc(x[0], x[1]));
            let [by_a, by_x] = below.gradients([x[0], x[1]]);
            let mut found = vec![("P", below), ("Q", above), ("P by a", by_a), ("P by x", by_x)];
            found.extend([("P by a twice", d(by_a, x[0])), ("P by both", d(by_x, x[0]))]);
            found.push(("P by x twice", d(by_x, x[1])));
            found
        }
        "betainc" => {
            let share = special::betainc(x[0], x[1], x[2]);
            let [by_a, by_b, by_x] = share.gradients([x[0], x[1], x[2]]);
            let mut found = vec![("value", share), ("by a", by_a), ("by b", by_b), ("by x", by_x)];
            let twice =
                [("by a twice", d(by_a, x[0])), ("by a and b", d(by_a, x[1])), ("by b twice", d(by_b, x[1]))];
            found.extend(twice);
            found
        }
        "lbeta" => {
            let (logarithm, beta) = (special::lbeta(x[0], x[1]), special::beta(x[0], x[1]));
            let [by_a, by_b] = logarithm.gradients([x[0], x[1]]);
            let mut found = vec![("ln B", logarithm), ("ln B by a", by_a), ("ln B by b", by_b)];
            found.extend([("ln B by a twice", d(by_a, x[0])), ("ln B by a and b", d(by_a, x[1]))]);
            found.extend([("B", beta), ("B by a", d(beta, x[0]))]);
            found
        }
        other => panic!("{other} is not known"),
    }
}

/// Computes the outputs of a table; polygamma functions one order after the other.
fn computed(table: &Table) -> Result<Vec<(&'static str, Vec<f64>)>> {
    let g = Graph::new();
    let session = Session::new(&g)?;
    if table.name == "polygamma" {
        let mut found = vec![("value", vec![]), ("by x", vec![])];
        for (&n, &x) in table.inputs[0].iter().zip(&table.inputs[1]) {
            let x = g.constant(x);
            let y = special::polygamma(n as usize, x);
            let (y, slope) = session.run((y, d(y, x)))?;
            found[0].1.push(y.sum());
            found[1].1.push(slope.sum());
        }
        return Ok(found);
    }
    let x: Vec<Tensor<'_, f64>> = table.inputs.iter().map(|x| g.constant(Array1::from(x.clone()))).collect();
    let run = |(label, tensor): (_, Tensor<'_, f64>)| Ok((label, session.run(tensor)?.into_iter().collect()));
    outputs(&table.name, &x).into_iter().map(run).collect()
}

/// How far results are from the true ones: the largest relative error, and the largest one over what is allowed, which is
/// 1e-13 and what 8 units in the last place of the inputs make of the true result.
#[derive(Clone, Copy, Debug, Default)]
struct Worst {
    plain: f64,
    over: f64,
}

#[test]
fn values_and_derivatives_are_those_of_mpmath() -> Result<()> {
    let mut broken = Vec::new();
    for table in tables() {
        for ((label, found), (expected, sensitivity)) in computed(&table)?.into_iter().zip(&table.outputs) {
            let mut worst = Worst::default();
            for (row, (&found, &expected)) in found.iter().zip(expected).enumerate() {
                let at: Vec<f64> = table.inputs.iter().map(|input| input[row]).collect();
                if !expected.is_finite() {
                    continue;
                }
                if !found.is_finite() {
                    broken.push(format!(
                        "{} {label} at {at:?}: expected {expected:e}, got {found}",
                        table.name
                    ));
                    continue;
                }
                // Below, digits are lost to the end of the range; where a zero is at a number by chance, there are none.
                let sensitivity = f64::from(sensitivity[row]);
                if expected.abs() < 1e-290 || sensitivity > 1e12 {
                    continue;
                }
                let error = ((found - expected) / expected).abs();
                let over = error / (1e-13 + 16.0 * HALF_UNIT * sensitivity);
                worst = Worst { plain: worst.plain.max(error), over: worst.over.max(over) };
                if over > 1.0 {
                    broken.push(format!(
                        "{} {label} at {at:?}: expected {expected:e}, got {found:e}, {error:.1e} off",
                        table.name
                    ));
                }
            }
            println!("{} {label}: {:.1e}, of what is allowed {:.2}", table.name, worst.plain, worst.over);
        }
    }
    assert!(broken.is_empty(), "{} are off:\n{}", broken.len(), broken[..broken.len().min(40)].join("\n"));
    Ok(())
}

#[test]
fn single_precision_is_double_precision_rounded() -> Result<()> {
    for table in tables() {
        // One function is tried that way with an operand of its own; numbers beyond the range have no single form.
        if table.name == "polygamma" {
            continue;
        }
        let rows = (0..table.inputs[0].len())
            .filter(|&row| table.inputs.iter().all(|input| (1e-30..1e30).contains(&input[row].abs())));
        let rows: Vec<usize> = rows.collect();
        let single = |input: &Vec<f64>| rows.iter().map(|&row| input[row] as f32).collect::<Array1<f32>>();
        let singles: Vec<Array1<f32>> = table.inputs.iter().map(single).collect();
        let g = Graph::new();
        let session = Session::new(&g)?;
        let x32: Vec<Tensor<'_, f32>> = singles.iter().map(|x| g.constant(x.clone())).collect();
        let x64: Vec<Tensor<'_, f64>> = singles.iter().map(|x| g.constant(x.mapv(f64::from))).collect();
        let (_, found) = outputs(&table.name, &x32)[0];
        let (_, expected) = outputs(&table.name, &x64)[0];
        let (found, expected) = session.run((found, expected))?;
        for (row, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
            let rounded = expected as f32;
            let unit = (rounded.abs() * f32::EPSILON).max(f32::MIN_POSITIVE);
            let is_close = found == rounded
                || (found - rounded).abs() <= 2.0 * unit
                || found.is_nan() && rounded.is_nan();
            let at: Vec<f32> = singles.iter().map(|x| x[row]).collect();
            assert!(is_close, "{} at {at:?}: expected {rounded:e}, got {found:e}", table.name);
        }
    }
    Ok(())
}

/// The fault of the gradient that is built last.
fn fault(build: impl for<'g> FnOnce(&'g Graph)) -> GradientFault {
    let g = Graph::new();
    build(&g);
    let Err(Error::Build(error)) = g.check() else { panic!("expected a build error") };
    error.fault.downcast_ref::<GradientFault>().expect("of gradients").clone()
}

#[test]
fn derivatives_beyond_the_highest_are_build_errors() {
    let of_gamma = fault(|g| {
        let (a, x) = (g.constant(1.5_f64), g.constant(0.5));
        let third = d(d(d(a.gammainc(x), a), a), a);
        assert!(g.check().is_ok());
        d(third, a);
    });
    assert_eq!(of_gamma, GradientFault::TooHigh { op: "gammainc", most: 3, order: 4 });
    let of_beta = fault(|g| {
        let (a, b, x) = (g.constant(1.5_f64), g.constant(2.5), g.constant(0.5));
        let second = d(d(a.betainc(b, x), a), b);
        assert!(g.check().is_ok());
        d(second, a);
    });
    assert_eq!(of_beta, GradientFault::TooHigh { op: "betainc", most: 2, order: 3 });
    let of_order = fault(|g| {
        g.constant(1.5_f64).polygamma(1001);
    });
    assert_eq!(of_order, GradientFault::TooHigh { op: "polygamma", most: 1000, order: 1001 });
}

/// By x there are derivatives to any order, also where factors of theirs are 0 and infinite.
#[test]
fn densities_are_right_where_their_powers_are_infinite() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(0.0_f64);
    // The densities e⁻ˣ and x·e⁻ˣ, and 1 and 2·x.
    for (share, expected) in [
        (g.constant(1.0).gammainc(x), [1.0, -1.0, 1.0]),
        (g.constant(2.0).gammainc(x), [0.0, 1.0, -2.0]),
        (g.constant(1.0).betainc(1.0, x), [1.0, 0.0, 0.0]),
        (g.constant(2.0).betainc(1.0, x), [0.0, 2.0, 0.0]),
    ] {
        let first = d(share, x);
        let second = d(first, x);
        let found = Session::new(&g)?.run([first, second, d(second, x)])?;
        assert_eq!(found.map(|found| found.sum()), expected);
    }
    Ok(())
}

/// The Bessel functions that are not scaled, and their derivatives, to mpmath's digits, up to where the range ends.
#[test]
fn bessel_functions_have_the_values_of_mpmath() -> Result<()> {
    let rows = [
        (1e-8, [1.0, 5e-9, 0.5, 3.75e-9]),
        (
            0.5,
            [
                1.063_483_370_741_323_6,
                0.257_894_305_390_896_3,
                0.547_694_759_959_530_9,
                0.194_082_007_035_419_8,
            ],
        ),
        (7.9, [389.406_283_282_158, 363.853_944_084_508_4, 343.348_822_005_637_94, 326.222_126_270_696]),
        (8.1, [469.500_606_710_121_5, 439.484_308_910_358_44, 415.243_284_622_422_9, 394.918_140_696_194_94]),
        (
            50.0,
            [
                2.932_553_783_849_336_2e20,
                2.903_078_590_103_557e20,
                2.874_492_212_047_265e20,
                2.846_749_977_298_653e20,
            ],
        ),
        (
            713.0,
            [
                6.705_128_263_670_996e307,
                6.700_424_559_186_402e307,
                6.695_730_753_770_314e307,
                6.691_046_812_701_312e307,
            ],
        ),
    ];
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", []);
    let (zeroth, first) = (special::i0(x), special::i1(x));
    let second = d(first, x);
    let session = Session::new(&g)?;
    for (at, expected) in rows {
        let found = session.feed(x, at).run([zeroth, first, second, d(second, x)])?;
        let slopes = session.feed(x, -at).run([zeroth, d(zeroth, x), second, d(second, x)])?;
        for (order, expected) in expected.into_iter().enumerate() {
            let odd = if order % 2 == 0 { 1.0 } else { -1.0 };
            for found in [found[order].item()?, odd * slopes[order].item()?] {
                assert!(
                    (found / expected - 1.0).abs() < 2e-15,
                    "order {order} at {at}: {found:e}, {expected:e}"
                );
            }
        }
    }
    Ok(())
}

/// Nothing comes out of a branch that was not taken, to the second order.
#[test]
fn branches_that_are_not_taken_pass_nothing() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[-1.0, 0.0, 2.0]));
    let guarded = x.greater(0.0).select(x.lgamma() + x.gammainc(x) + x.betainc(x, x) + x.ndtri(), x.square());
    let first = d(guarded, x);
    let [first, second] = Session::new(&g)?.run([first, d(first, x)])?;
    assert_eq!((first[0], first[1], second[0], second[1]), (-2.0, 0.0, 2.0, 2.0));
    Ok(())
}
