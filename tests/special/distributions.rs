//! Distributions: densities and entropies against mpmath, moments of draws, and gradients through them.

use flowgrad::distributions::{
    Beta, Binomial, Categorical, Dirichlet, Distribution, Gamma, NegativeBinomial, Normal, Poisson, StudentT,
    VonMises,
};
use flowgrad::ndarray::{Array1, arr1, arr2};
use flowgrad::prelude::*;
use flowgrad::testing::check_gradients;
use serde_json::Value as Json;

/// `distributions.py` makes it, and tells what it holds.
const FIXTURE: &str = include_str!("distributions.json");

/// How far a logarithm of a density, or an entropy, may be from the true one, relative to it or to 1, whichever is larger:
/// also where gamma functions of the parameters are larger by far.
const TOLERANCE: f64 = 2e-14;

fn is_near(found: f64, expected: f64, within: f64) -> bool {
    (found - expected).abs() < within
}

/// The distribution of a name at parameters and, for a density, x.
fn built<'g>(g: &'g Graph, name: &str, at: &[Tensor<'g, f64>], is_entropy: bool) -> Tensor<'g, f64> {
    macro_rules! of {
        ($distribution:expr) => {{ if is_entropy { $distribution.entropy() } else { $distribution.log_prob(at[at.len() - 1]) } }};
    }
    match name {
        "normal" => of!(Normal::new(g, at[0], at[1])),
        "gamma" => of!(Gamma::new(g, at[0], at[1])),
        "beta" => of!(Beta::new(g, at[0], at[1])),
        "student_t" => of!(StudentT::new(g, at[0], at[1], at[2])),
        "von_mises" => of!(VonMises::new(g, at[0], at[1])),
        "poisson" => of!(Poisson::new(g, at[0])),
        "binomial" => of!(Binomial::new(g, at[0], at[1])),
        "negative_binomial" => of!(NegativeBinomial::new(g, at[0], at[1])),
        name => panic!("expected a distribution, got {name}"),
    }
}

#[test]
fn densities_and_entropies_are_those_of_mpmath() -> Result<()> {
    let fixture: Json = serde_json::from_str(FIXTURE).unwrap();
    for (name, of_name) in fixture.as_object().unwrap() {
        for (what, is_entropy) in [("log_prob", false), ("entropy", true)] {
            for case in of_name[what].as_array().unwrap() {
                let numbers: Vec<f64> =
                    case.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
                let (expected, at) = numbers.split_last().unwrap();
                let g = Graph::new();
                let tensors: Vec<Tensor<'_, f64>> = at.iter().map(|&x| g.constant(x)).collect();
                let found = Session::new(&g)?.run(built(&g, name, &tensors, is_entropy))?.item()?;
                let error = (found - expected).abs() / expected.abs().max(1.0);
                assert!(
                    error < TOLERANCE,
                    "{what} of {name}{at:?}: expected {expected}, got {found} ({error:e})"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn densities_have_their_slopes() -> Result<()> {
    let fixture: Json = serde_json::from_str(FIXTURE).unwrap();
    for (name, of_name) in fixture.as_object().unwrap() {
        for case in of_name["log_prob"].as_array().unwrap().iter().take(1) {
            let numbers: Vec<f64> = case.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
            let at = &numbers[..numbers.len() - 1];
            let g = Graph::new();
            let tensors: Vec<Tensor<'_, f64>> = at
                .iter()
                .enumerate()
                .map(|(index, &x)| g.variable(&format!("{index}"), x).tensor())
                .collect();
            let log_prob = built(&g, name, &tensors, false);
            // A count, and a number of trials, is not moved.
            let moved = match name.as_str() {
                "poisson" | "negative_binomial" => &tensors[..tensors.len() - 1],
                "binomial" => &tensors[1..2],
                _ => &tensors[..],
            };
            check_gradients(&g, log_prob, moved)?.assert_close(1e-6);
        }
    }
    Ok(())
}

#[test]
fn outside_of_the_support_is_nothing() -> Result<()> {
    let g = Graph::new();
    let outside = [
        Gamma::new(&g, 2.0, 1.0).log_prob(-0.5),
        Beta::new(&g, 2.0, 3.0).log_prob(1.5),
        Beta::new(&g, 2.0, 3.0).log_prob(-0.5),
        Poisson::new(&g, 2.0).log_prob(1.5),
        Poisson::new(&g, 2.0).log_prob(-1.0),
        Binomial::new(&g, 4.0, 0.5).log_prob(5.0),
        Binomial::new(&g, 4.0, 0.5).log_prob(0.5),
        NegativeBinomial::new(&g, 4.0, 0.5).log_prob(-1.0),
        Dirichlet::new(&g, g.constant(arr1(&[2.0, 3.0]))).log_prob(g.constant(arr1(&[1.5, -0.5]))),
        Categorical::new(&g, g.constant(arr1(&[2.0, 3.0]))).log_prob(2_i64),
        Categorical::new(&g, g.constant(arr1(&[2.0, 3.0]))).log_prob(-1_i64),
    ];
    for (index, found) in Session::new(&g)?.run(&outside[..])?.into_iter().enumerate() {
        assert_eq!(found.item()?, f64::NEG_INFINITY, "{index}");
    }
    // At the edge: a power of 0 is 1, and one that is below is ∞.
    let edge = [
        Gamma::new(&g, 1.0, 2.0).log_prob(0.0),
        Gamma::new(&g, 2.0, 2.0).log_prob(0.0),
        Beta::new(&g, 1.0, 2.0).log_prob(0.0),
        Poisson::new(&g, 0.0).log_prob(0.0),
        Binomial::new(&g, 3.0, 1.0).log_prob(3.0),
        Binomial::new(&g, 3.0, 0.0).log_prob(1.0),
        NegativeBinomial::new(&g, 3.0, 0.0).log_prob(0.0),
    ];
    let found: Vec<f64> =
        Session::new(&g)?.run(&edge[..])?.into_iter().map(|x| x.item()).collect::<Result<_>>()?;
    let ln_2 = 2.0_f64.ln();
    let expected = [ln_2, f64::NEG_INFINITY, ln_2, 0.0, 0.0, f64::NEG_INFINITY, 0.0];
    for (index, (found, expected)) in found.into_iter().zip(expected).enumerate() {
        assert!(found == expected || (found - expected).abs() < 1e-14, "{index}: {found}, {expected}");
    }
    Ok(())
}

#[test]
fn rows_have_one_density() -> Result<()> {
    let g = Graph::new();
    let concentrations = g.constant(arr2(&[[0.5, 2.0, 3.5], [1.0, 1.0, 1.0]]));
    let rows = Dirichlet::new(&g, concentrations);
    let x = g.constant(arr1(&[0.25, 0.25, 0.5]));
    let logits = g.constant(arr2(&[[0.0, 1.0, f64::NEG_INFINITY], [3.0, 3.0, 3.0]]));
    let classes = Categorical::new(&g, logits);
    let session = Session::new(&g)?;
    // Γ(6)/(Γ(½)·Γ(2)·Γ(3.5))·0.25^-½·0.25·0.5^2.5, and Γ(3).
    let first =
        120.0 / (std::f64::consts::PI.sqrt() * 3.323_350_970_447_842_6) * 2.0 * 0.25 * 0.5_f64.powf(2.5);
    let found = session.run(rows.prob(x))?;
    assert!((found[[0]] - first).abs() < 1e-13 && (found[[1]] - 2.0).abs() < 1e-14, "{found}");
    // A Dirichlet distribution of two shares is a beta distribution.
    let two = Dirichlet::new(&g, g.constant(arr1(&[2.5, 4.0])));
    let beta = Beta::new(&g, 2.5, 4.0);
    let [a, b, c, d] = session.run([
        two.log_prob(g.constant(arr1(&[0.3, 0.7]))),
        beta.log_prob(0.3),
        two.entropy(),
        beta.entropy(),
    ])?;
    assert!(is_near(a.item()?, b.item()?, 1e-14) && is_near(c.item()?, d.item()?, 1e-14));
    let means = [two.mean().slice(0), beta.mean(), two.variance().slice(1), beta.variance()];
    let [a, b, c, d] = session.run(means)?;
    assert!(is_near(a.item()?, b.item()?, 1e-15) && is_near(c.item()?, d.item()?, 1e-16));

    // Classes broadcast against rows.
    let x = g.constant(arr2(&[[0_i64], [1], [2]]));
    let (log_prob, entropy) = session.run((classes.log_prob(x), classes.entropy()))?;
    assert_eq!(log_prob.shape(), [3, 2]);
    let of_first = (1.0 + 1.0_f64.exp()).ln();
    assert!((log_prob[[1, 0]] - (1.0 - of_first)).abs() < 1e-15);
    assert_eq!(log_prob[[2, 0]], f64::NEG_INFINITY);
    assert!((log_prob[[2, 1]] + 3.0_f64.ln()).abs() < 1e-15);
    assert!((entropy[[1]] - 3.0_f64.ln()).abs() < 1e-15);
    Ok(())
}

/// Draws of each distribution.
const DRAWS: usize = 60_000;

#[test]
fn draws_have_the_moments() -> Result<()> {
    let g = Graph::with_seed(3);
    let session = Session::new(&g)?;
    let normal = Normal::new(&g, 2.0, 3.0);
    let gamma = Gamma::new(&g, 0.7, 2.0);
    let beta = Beta::new(&g, 2.0, 5.0);
    let student = StudentT::new(&g, 8.0, -1.0, 0.5);
    let poisson = Poisson::new(&g, 12.5);
    let binomial = Binomial::new(&g, 20.0, 0.3);
    let negative = NegativeBinomial::new(&g, 4.5, 0.4);
    let all = [
        ("normal", normal.sample([DRAWS]), normal.mean(), normal.variance()),
        ("gamma", gamma.sample([DRAWS]), gamma.mean(), gamma.variance()),
        ("beta", beta.sample([DRAWS]), beta.mean(), beta.variance()),
        ("student_t", student.sample([DRAWS]), student.mean(), student.variance()),
        ("poisson", poisson.sample([DRAWS]), poisson.mean(), poisson.variance()),
        ("binomial", binomial.sample([DRAWS]), binomial.mean(), binomial.variance()),
        ("negative_binomial", negative.sample([DRAWS]), negative.mean(), negative.variance()),
    ];
    for (name, draws, mean, variance) in all {
        let (draws, mean, variance) = session.run((draws, mean, variance))?;
        let (mean, variance) = (mean.item()?, variance.item()?);
        let found = draws.mean().unwrap();
        let spread = draws.mapv(|x: f64| (x - found).powi(2)).mean().unwrap();
        assert!(is_near(found, mean, 5.0 * (variance / DRAWS as f64).sqrt()), "{name}: {found}, {mean}");
        assert!(is_near(spread / variance, 1.0, 0.05), "{name}: {spread}, {variance}");
    }
    // Angles, of all concentrations.
    for kappa in [0.0, 1e-6, 0.01, 1.0, 50.0, 1e9] {
        let von_mises = VonMises::new(&g, 0.5, kappa);
        let angles = von_mises.sample([DRAWS]) - 0.5;
        let (angles, variance) = session.run((angles, von_mises.variance()))?;
        let (variance, cosine) = (variance.item()?, angles.mapv(f64::cos).mean().unwrap());
        assert!(angles.iter().all(|angle| angle.abs() <= std::f64::consts::PI + 1e-12));
        let within = 5.0 * (variance.clamp(1e-9, 1.0) / DRAWS as f64).sqrt();
        assert!((1.0 - cosine - variance).abs() < within, "{kappa}: {cosine}, {variance}");
        assert!(angles.mapv(f64::sin).mean().unwrap().abs() < 5.0 / (DRAWS as f64).sqrt());
    }
    Ok(())
}

#[test]
fn draws_stand_in_front_of_the_parameters() -> Result<()> {
    let g = Graph::with_seed(5);
    let scale = g.placeholder::<f64>("scale", [None]);
    let normal = Normal::new(&g, 0.0, scale);
    let rows = Dirichlet::new(&g, g.constant(arr2(&[[0.5, 2.0], [1.0, 1.0], [7.0, 1e-3]])));
    let classes =
        Categorical::new(&g, g.constant(arr2(&[[0.0, f64::NEG_INFINITY], [f64::NEG_INFINITY, 0.0]])));
    let session = Session::new(&g)?;
    let fed = arr1(&[1.0, 1e-9, 0.0]);
    let (a, b, one, c, d) = session.feed(scale, &fed).run((
        normal.sample([4, 2]),
        normal.sample([]),
        Poisson::new(&g, 0.0_f32).sample([2]),
        rows.sample([5]),
        classes.sample([6]),
    ))?;
    assert_eq!((a.shape(), b.shape(), one), (&[4, 2, 3][..], &[3][..], Array1::zeros(2).into_dyn()));
    assert!(a.iter().step_by(3).any(|x| x.abs() > 0.1) && a.iter().skip(2).step_by(3).all(|&x| x == 0.0));
    assert_eq!(c.shape(), [5, 3, 2]);
    assert!(c.rows().into_iter().all(|row| is_near(row.sum(), 1.0, 1e-15)));
    assert_eq!(d.shape(), [6, 2]);
    assert!(d.rows().into_iter().all(|row| row[0] == 0 && row[1] == 1));
    // Each run draws anew, each session the same.
    let draws = Gamma::new(&g, 2.0_f64, 1.0).sample([3]);
    let (one, other) = (Session::new(&g)?, Session::builder(&g).threads(1).optimize(false).build()?);
    let first = one.run(draws)?;
    assert_eq!(first, other.run(draws)?);
    assert_ne!(first, one.run(draws)?);
    Ok(())
}

/// The gradient of the mean of a function of draws is that of its expectation.
#[test]
fn gradients_pass_through_draws() -> Result<()> {
    let g = Graph::with_seed(11);
    let alpha = g.variable("alpha", arr1(&[0.3, 1.0, 4.0, 60.0]));
    let draws = Gamma::new(&g, alpha, 1.0).sample([DRAWS]);
    // E[x] = α, E[x²] = α·(α + 1), and E[ln x] = ψ(α).
    let functions = [draws, draws.square(), draws.ln()];
    let slopes = functions.map(|y| y.reduce_mean(0).reduce_sum(..).gradients([alpha])[0]);
    let expected =
        [alpha.ones_like(), alpha * 2.0 + 1.0, alpha.digamma().reduce_sum(..).gradients([alpha])[0]];
    let (slopes, expected) = Session::new(&g)?.run((slopes, expected))?;
    for (found, expected) in slopes.iter().zip(&expected) {
        for (found, expected) in found.iter().zip(expected) {
            assert!(is_near(found / expected, 1.0, 0.06), "{slopes:?}, {expected:?}");
        }
    }
    // The mean of a beta distribution has the slopes β/(α + β)² and -α/(α + β)².
    let [a, b] = [("a", 2.0), ("b", 3.0)].map(|(name, start)| g.variable(name, start));
    let mean = Beta::new(&g, a, b).sample([DRAWS]).reduce_mean(..);
    let [by_a, by_b] = Session::new(&g)?.run(mean.gradients([a, b]))?;
    assert!(is_near(by_a.item()?, 0.12, 2e-3) && is_near(by_b.item()?, -0.08, 2e-3), "{by_a} {by_b}");
    // Counts have none, which is an error unless zeros are asked for.
    let rate = g.variable("rate", 2.0);
    let counts = Poisson::new(&g, rate).sample([10]).reduce_sum(..);
    let zeros = Gradients::of([counts]).wrt_or_zeros(&[rate]);
    assert_eq!(Session::new(&g)?.run(&zeros[..])?[0].item()?, 0.0);
    Ok(())
}

#[test]
fn parameters_that_no_law_has_fail_the_run() {
    let g = Graph::new();
    let p = g.placeholder::<f64>("p", []);
    let session = Session::new(&g).unwrap();
    let message = |draws: Tensor<'_, f64>, fed: f64| session.feed(p, fed).run(draws).unwrap_err().to_string();
    for (draws, fed, expected) in [
        (p.random_gamma(), 0.0, "expected a finite shape above 0, got 0, in `random_gamma`"),
        (p.random_gamma(), f64::NAN, "expected a finite shape above 0, got NAN"),
        (p.random_poisson(), -1.0, "expected a rate from 0 to 2⁵³, got -1"),
        (p.random_poisson(), f64::INFINITY, "expected a rate from 0 to 2⁵³, got inf"),
        (p.random_binomial(0.5), 1.5, "expected a whole number of trials from 0 to 2⁵³, got 1.5"),
        (g.constant(3.0).random_binomial(p), 1.5, "expected a probability between 0 and 1, got 1.5"),
        (p.random_von_mises(), -1.0, "expected a finite concentration from 0 on, got -1"),
    ] {
        let found = message(draws, fed);
        assert!(found.to_lowercase().contains(&expected.to_lowercase()), "{found}");
    }
    // One element of several is named by its place.
    let rates = g.constant(arr2(&[[1.0, 2.0], [3.0, -4.0]]));
    let several = [
        (rates.random_poisson().reduce_sum(..), "expected a rate from 0 to 2⁵³, got -4, at [1, 1]"),
        (
            rates.bernoulli().cast::<f64>().reduce_sum(..),
            "expected a probability between 0 and 1, got 2, at [0, 1]",
        ),
        (Poisson::new(&g, rates).sample([2]).reduce_sum(..), "got -4, at [0, 1, 1]"),
    ];
    for (draws, expected) in several {
        let found = session.feed(p, 1.0).run(draws).unwrap_err().to_string();
        assert!(found.contains(expected), "{found}");
    }
}

/// Densities of rows do not repeat rows of length 1, which are no rows of the distribution.
#[test]
fn rows_of_another_length_are_refused() {
    let g = Graph::new();
    let shares = Dirichlet::new(&g, g.constant(arr1(&[1.0, 2.0, 3.0])));
    shares.log_prob(g.constant(arr2(&[[1.0], [0.5]])));
    let message = g.check().unwrap_err().to_string();
    assert!(
        message.contains("expected rows of length 3, got rows of length 1, of shape [2, 1]"),
        "{message}"
    );
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, None]);
    let at = Dirichlet::new(&g, g.constant(arr1(&[1.0, 2.0, 3.0]))).log_prob(x);
    let session = Session::new(&g).unwrap();
    let message = session.feed(x, &arr2(&[[0.5, 0.5]])).run(at).unwrap_err().to_string();
    assert!(message.contains("expected rows of length 3, got rows of length 2"), "{message}");
}

/// Entropies of counts have first and second derivatives, and no third.
#[test]
fn entropies_of_counts_have_slopes() -> Result<()> {
    let g = Graph::new();
    let (rate, p) =
        (g.variable("rate", arr1(&[0.5, 40.0, 150.0, 2e3])), g.variable("p", arr1(&[0.1, 0.5, 0.7])));
    let r = g.variable("r", arr1(&[0.5, 20.0, 3e3]));
    let poisson = Poisson::new(&g, rate).entropy().reduce_sum(..);
    let binomial = Binomial::new(&g, g.constant(arr1(&[3.0, 400.0, 1e5])), p).entropy().reduce_sum(..);
    let negative = NegativeBinomial::new(&g, r, p).entropy().reduce_sum(..);
    check_gradients(&g, poisson, &[rate])?.assert_close(1e-6);
    check_gradients(&g, binomial, &[p])?.assert_close(1e-6);
    check_gradients(&g, negative, &[r, p])?.assert_close(1e-6);
    let [slope] = poisson.gradients([rate]);
    check_gradients(&g, slope.reduce_sum(..), &[rate])?.assert_close(1e-5);
    let [by_r, by_p] = negative.gradients([r, p]);
    check_gradients(&g, by_r.reduce_sum(..) + by_p.reduce_sum(..), &[r, p])?.assert_close(1e-5);
    // Of so many counts only leading terms are left: ln(2πe·λ)/2 has the slope 1/(2λ).
    let large = g.variable("large", 1e12);
    let [slope] = Poisson::new(&g, large).entropy().gradients([large]);
    assert!(is_near(Session::new(&g)?.run(slope)?.item()? / 5e-13, 1.0, 1e-11));
    let [second] = slope.gradients([large]);
    second.gradients([large]);
    let message = g.check().unwrap_err().to_string();
    assert!(message.contains("poisson_entropy"), "{message}");
    Ok(())
}

/// Draws of classes take memory for themselves and for one row, however many of both there are.
#[test]
fn draws_of_classes_have_the_lengths_in_front() -> Result<()> {
    let g = Graph::with_seed(5);
    let never = f64::NEG_INFINITY;
    let logits = g.constant(arr2(&[[0.0, never, never], [never, 0.0, never], [never, never, 0.0]]));
    let classes = Categorical::new(&g, logits);
    let session = Session::new(&g)?;
    let (none, two) = session.run((classes.sample([]), classes.sample([4, 2])))?;
    assert_eq!(none, arr1(&[0, 1, 2]).into_dyn());
    assert_eq!(two.shape(), [4, 2, 3]);
    assert!(two.indexed_iter().all(|(at, &class)| class == at[2] as i64), "{two}");
    Ok(())
}

/// Counts beyond 2⁵³, which only a probability near 1 comes to, are drawn, too.
#[test]
fn counts_of_a_probability_near_1_are_drawn() -> Result<()> {
    let g = Graph::with_seed(6);
    let p = 1.0 - 2_f64.powi(-53);
    let draws = Session::new(&g)?.run(NegativeBinomial::new(&g, 50.0, p).sample([DRAWS]))?;
    let mean = draws.mean().unwrap() / (50.0 * 2_f64.powi(53));
    assert!(is_near(mean, 1.0, 6.0 / (50.0 * DRAWS as f64).sqrt()), "{mean}");
    Ok(())
}

#[cfg(feature = "linalg")]
#[test]
fn rows_of_normal_numbers_have_a_covariance() -> Result<()> {
    use flowgrad::distributions::MultivariateNormal;
    let g = Graph::with_seed(9);
    let matrix = arr2(&[[2.0, 0.5, -0.3], [0.5, 1.0, 0.2], [-0.3, 0.2, 0.5]]);
    let (loc, covariance) =
        (g.variable("loc", arr1(&[1.0, -1.0, 0.5])), g.variable("covariance", matrix.clone()));
    // Of a symmetric matrix the gradient is symmetric; differences move one element.
    let symmetric = (covariance + covariance.transpose()) * 0.5;
    let rows = MultivariateNormal::new(&g, loc, symmetric);
    let x = g.constant(arr2(&[[1.0, -1.0, 0.5], [0.0, 0.25, 2.0]]));
    let session = Session::new(&g)?;
    let (log_prob, entropy, again) = session.run((rows.log_prob(x), rows.entropy(), rows.covariance()))?;
    // By hand: det Σ = 0.645, and what the second row is apart from the mean.
    let ln_det = 0.645_f64.ln();
    let constant = -1.5 * std::f64::consts::TAU.ln() - 0.5 * ln_det;
    assert!(is_near(log_prob[[0]], constant, 1e-14), "{log_prob}");
    let apart = [-1.0, 1.25, 1.5];
    let adjugate = [[0.46, -0.31, 0.4], [-0.31, 0.91, -0.55], [0.4, -0.55, 1.75]];
    let square: f64 = (0..3)
        .flat_map(|row| (0..3).map(move |column| (row, column)))
        .map(|(row, column)| apart[row] * adjugate[row][column] * apart[column] / 0.645)
        .sum();
    assert!(is_near(log_prob[[1]], constant - 0.5 * square, 1e-13), "{log_prob}");
    assert!(is_near(entropy.item()?, 1.5 - constant, 1e-14));
    assert!(again.iter().zip(&matrix).all(|(a, b)| is_near(*a, *b, 1e-15)));
    check_gradients(&g, rows.log_prob(x).reduce_sum(..), &[loc, covariance])?.assert_close(1e-6);

    let draws = session.run(rows.sample([DRAWS]))?;
    assert_eq!(draws.shape(), [DRAWS, 3]);
    let mean = draws.mean_axis(flowgrad::ndarray::Axis(0)).unwrap();
    let apart = &draws - &mean;
    let apart: flowgrad::ndarray::Array2<f64> = apart.into_dimensionality()?;
    let found = apart.t().dot(&apart) / DRAWS as f64;
    assert!(found.iter().zip(&matrix).all(|(a, b)| is_near(*a, *b, 0.04)), "{found}");
    // One distribution for each covariance of a batch.
    let two = g.constant(flowgrad::ndarray::stack![flowgrad::ndarray::Axis(0), matrix, &matrix * 4.0]);
    let both = MultivariateNormal::new(&g, g.zeros::<f64>([3]), two);
    let (at, drawn) = Session::new(&g)?.run((both.log_prob(g.zeros::<f64>([3])), both.sample([5])))?;
    assert_eq!((at.shape(), drawn.shape()), (&[2][..], &[5, 2, 3][..]));
    assert!(is_near(at[[0]], constant, 1e-14) && is_near(at[[1]], constant - 3.0 * 2.0_f64.ln(), 1e-14));
    Ok(())
}

#[test]
fn ends_of_the_domains_have_their_values() -> Result<()> {
    let g = Graph::with_seed(2);
    let session = Session::new(&g)?;
    let nothing = [
        Poisson::new(&g, 2.0).log_prob(f64::INFINITY),
        Gamma::new(&g, 2.0, 1.0).log_prob(f64::INFINITY),
        NegativeBinomial::new(&g, 2.0, 0.5).log_prob(f64::INFINITY),
    ];
    assert!(session.run(&nothing[..])?.iter().all(|found| found[[]] == f64::NEG_INFINITY));
    let unknown = [
        Normal::new(&g, 0.0, 1.0).log_prob(f64::NAN),
        Gamma::new(&g, 2.0, 1.0).log_prob(f64::NAN),
        Beta::new(&g, 2.0, 1.0).log_prob(f64::NAN),
        Poisson::new(&g, 2.0).log_prob(f64::NAN),
        Binomial::new(&g, 2.0, 0.5).log_prob(f64::NAN),
        NegativeBinomial::new(&g, 2.0, 0.5).log_prob(f64::NAN),
    ];
    assert!(session.run(&unknown[..])?.iter().all(|found| found[[]].is_nan()));
    // A Cauchy density far away is 1/(π·x²).
    let far = session.run(StudentT::new(&g, 1.0, 0.0, 1.0).log_prob(1e200))?.item()?;
    assert!(is_near(far, -std::f64::consts::PI.ln() - 400.0 * 10.0_f64.ln(), 1e-12), "{far}");

    // Draws of small parameters lie at the ends, and are numbers.
    let small = 1e-3_f32;
    let draws = [
        Beta::new(&g, small, small).sample([2_000]),
        Dirichlet::new(&g, g.constant(arr1(&[small; 3]))).sample([700]),
        StudentT::new(&g, 0.5, 0.0, 1.0).sample([2_000]),
    ];
    for draws in session.run(&draws[..])? {
        assert!(draws.iter().all(|x: &f32| x.is_finite()), "{draws}");
    }

    // A class that cannot come has no part in the gradient.
    let logits = g.variable("logits", arr1(&[0.5, f64::NEG_INFINITY, 1.5]));
    let [slope] = Categorical::new(&g, logits).entropy().gradients([logits]);
    let others = g.variable("others", arr1(&[0.5, 1.5]));
    let [expected] = Categorical::new(&g, others).entropy().gradients([others]);
    let (slope, expected) = Session::new(&g)?.run((slope, expected))?;
    assert!(is_near(slope[[0]], expected[[0]], 1e-15) && slope[[1]] == 0.0, "{slope}, {expected}");
    Ok(())
}

#[test]
fn logarithms_of_small_draws_have_gradients() -> Result<()> {
    let g = Graph::with_seed(4);
    let alpha = g.variable("alpha", arr1(&[1e-3, 0.05, 1.0, 30.0]));
    let logarithms = alpha.tensor().broadcast_to([DRAWS as isize, 4]).random_log_gamma();
    let [slope] = logarithms.reduce_mean(0).reduce_sum(..).gradients([alpha]);
    let (mean, slope, digamma, trigamma) =
        Session::new(&g)?.run((logarithms.reduce_mean(0), slope, alpha.digamma(), alpha.polygamma(1)))?;
    for index in 0..4 {
        let within = 6.0 * (trigamma[[index]] / DRAWS as f64).sqrt();
        assert!(is_near(mean[[index]], digamma[[index]], within), "{mean}, {digamma}");
        assert!(is_near(slope[[index]] / trigamma[[index]], 1.0, 0.06), "{slope}, {trigamma}");
    }
    Ok(())
}
