//! The ends of the domains, and numbers as small and as large as there are.

use flowgrad::ndarray::Array1;
use flowgrad::prelude::*;

const INFINITY: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// Positive numbers of all magnitudes.
const SIZES: [f64; 19] = [
    5e-324,
    1e-310,
    f64::MIN_POSITIVE,
    1e-300,
    1e-200,
    1e-100,
    1e-20,
    1e-3,
    0.5,
    1.0,
    3.0,
    9.999,
    30.0,
    1e4,
    1e10,
    1e20,
    1e100,
    1e300,
    f64::MAX,
];

/// What a function gives for each number; a NaN equals a NaN.
fn assert_gives(apply: impl for<'g> Fn(Tensor<'g, f64>) -> Tensor<'g, f64>, at: &[(f64, f64)]) {
    let g = Graph::new();
    let x = g.constant(at.iter().map(|&(x, _)| x).collect::<Array1<f64>>());
    let found = Session::new(&g).unwrap().run(apply(x)).unwrap();
    for (&found, &(x, expected)) in found.iter().zip(at) {
        assert!(
            found == expected || found.is_nan() && expected.is_nan(),
            "at {x}: expected {expected}, got {found}"
        );
    }
}

#[test]
fn ends_of_the_domains() {
    assert_gives(
        |x| x.lgamma(),
        &[
            (0.0, INFINITY),
            (-3.0, INFINITY),
            (INFINITY, INFINITY),
            (-INFINITY, INFINITY),
            (1.0, 0.0),
            (2.0, 0.0),
            (NAN, NAN),
        ],
    );
    assert_gives(
        |x| x.digamma(),
        &[(0.0, -INFINITY), (-0.0, INFINITY), (-2.0, NAN), (INFINITY, INFINITY), (-INFINITY, NAN)],
    );
    assert_gives(|x| x.polygamma(1), &[(0.0, INFINITY), (-2.0, NAN), (INFINITY, 0.0), (-INFINITY, NAN)]);
    assert_gives(|x| x.log_ndtr(), &[(-INFINITY, -INFINITY), (INFINITY, 0.0), (NAN, NAN)]);
    assert_gives(|x| x.ndtri(), &[(0.0, -INFINITY), (1.0, INFINITY), (0.5, 0.0), (1.5, NAN), (-0.1, NAN)]);
    assert_gives(|x| x.erfinv(), &[(-1.0, -INFINITY), (1.0, INFINITY), (1.5, NAN), (NAN, NAN)]);
    assert_gives(|x| x.erfcinv(), &[(0.0, INFINITY), (2.0, -INFINITY), (1.0, 0.0), (-0.5, NAN)]);
    assert_gives(|x| x.log1mexp(), &[(0.0, -INFINITY), (INFINITY, 0.0), (-1.0, NAN)]);
    assert_gives(|x| x.entr(), &[(0.0, 0.0), (-1.0, -INFINITY), (INFINITY, -INFINITY), (NAN, NAN)]);
    assert_gives(|x| x.kl_div(2.0), &[(0.0, 2.0), (-1.0, INFINITY), (NAN, NAN)]);
    assert_gives(|x| x.i0e(), &[(INFINITY, 0.0), (-INFINITY, 0.0), (NAN, NAN)]);
    assert_gives(|x| x.i1e(), &[(INFINITY, 0.0), (NAN, NAN)]);
    assert_gives(|x| x.gammainc(1.0), &[(0.0, 1.0), (INFINITY, 0.0), (-1.0, NAN), (NAN, NAN)]);
    assert_gives(
        |x| x.graph().constant(1.5).gammainc(x),
        &[(0.0, 0.0), (INFINITY, 1.0), (-1.0, NAN), (NAN, NAN)],
    );
    assert_gives(|x| x.graph().constant(1.5).gammaincc(x), &[(0.0, 1.0), (INFINITY, 0.0), (-1.0, NAN)]);
    assert_gives(|x| x.betainc(2.0, 0.5), &[(0.0, 1.0), (INFINITY, 0.0), (-1.0, NAN), (NAN, NAN)]);
    assert_gives(
        |x| x.graph().constant(2.0).betainc(3.0, x),
        &[(0.0, 0.0), (1.0, 1.0), (1.5, NAN), (-0.5, NAN)],
    );
    assert_gives(|x| x.beta(2.0), &[(0.0, INFINITY), (INFINITY, 0.0), (-1.0, NAN), (NAN, NAN)]);
    assert_gives(|x| x.lbeta(2.0), &[(0.0, INFINITY), (INFINITY, -INFINITY), (-1.0, NAN), (NAN, NAN)]);
}

/// Shares are between 0 and 1, and no derivative is a NaN; by the parameter of a gamma distribution it is finite.
#[test]
fn no_magnitude_gives_a_nan() -> Result<()> {
    let g = Graph::new();
    let session = Session::new(&g)?;
    let pairs = || SIZES.into_iter().flat_map(|a| SIZES.map(|b| (a, b)));
    let a = g.constant(pairs().map(|(a, _)| a).collect::<Array1<f64>>());
    let b = g.constant(pairs().map(|(_, b)| b).collect::<Array1<f64>>());
    let assert_all = |what: &str, y: Tensor<'_, f64>, holds: fn(f64) -> bool| -> Result<()> {
        for (y, (a, b)) in session.run(y)?.into_iter().zip(pairs()) {
            assert!(holds(y), "{what} of {a:e} and {b:e}: got {y:e}");
        }
        Ok(())
    };
    let is_share: fn(f64) -> bool = |y| (0.0..=1.0).contains(&y);
    for share in [a.gammainc(b), a.gammaincc(b)] {
        let [by_a, by_x] = share.gradients([a, b]);
        assert_all("the gamma distribution", share, is_share)?;
        assert_all("its slope by the parameter", by_a, f64::is_finite)?;
        assert_all("its slope", by_x, |y| !y.is_nan())?;
    }
    for x in [5e-324, 1e-300, 1e-20, 1e-3, 0.5, 0.999, 1.0 - f64::EPSILON / 2.0] {
        let share = a.betainc(b, x);
        let [by_a, by_b] = share.gradients([a, b]);
        assert_all("the beta distribution", share, is_share)?;
        assert_all("its slope by a", by_a, |y| !y.is_nan())?;
        assert_all("its slope by b", by_b, |y| !y.is_nan())?;
    }
    let logarithm = a.lbeta(b);
    let [by_a, by_b] = logarithm.gradients([a, b]);
    assert_all("ln B", logarithm, |y| !y.is_nan())?;
    assert_all("its slope by a", by_a, |y| y <= 0.0)?;
    assert_all("its slope by b", by_b, |y| y <= 0.0)?;
    for (what, y) in [
        ("lgamma", a.lgamma()),
        ("digamma", a.digamma()),
        ("trigamma", a.polygamma(1)),
        ("log_ndtr", (-a).log_ndtr()),
        ("its slope", (-a).log_ndtr().gradients([a])[0]),
        ("i0e", a.i0e()),
        ("its slope", a.i0e().gradients([a])[0]),
        ("i1e", a.i1e()),
        ("its slope", a.i1e().gradients([a])[0]),
        ("kl_div", a.kl_div(b)),
    ] {
        assert_all(what, y, |y| !y.is_nan())?;
    }
    Ok(())
}

/// The logarithm of nothing, added to itself, passes half of the cotangent to each, as equal numbers do.
#[test]
fn infinite_logarithms_add_up() -> Result<()> {
    let g = Graph::new();
    let ends = Array1::from(vec![INFINITY, -INFINITY, 700.0, -INFINITY]);
    let (x, y) = (g.constant(ends.clone()), g.constant(Array1::from(vec![INFINITY, -INFINITY, 700.0, 1.0])));
    let sum = x.logaddexp(y);
    let [by_x, by_y] = sum.gradients([x, y]);
    let [sum, by_x, by_y] = Session::new(&g)?.run([sum, by_x, by_y])?;
    assert_eq!(sum.into_raw_vec_and_offset().0, [INFINITY, -INFINITY, 700.0 + 2.0_f64.ln(), 1.0]);
    assert_eq!(by_x.into_raw_vec_and_offset().0, [0.5, 0.5, 0.5, 0.0]);
    assert_eq!(by_y.into_raw_vec_and_offset().0, [0.5, 0.5, 0.5, 1.0]);
    Ok(())
}
