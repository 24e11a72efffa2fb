//! What variables start from: moments, bounds, fans, seeds, and what is refused.

use flowgrad::initializer::Initializer;
use flowgrad::ndarray::{Array2, ArrayD};
use flowgrad::prelude::*;

/// The elements of a variable that starts from an initializer.
fn start(seed: u64, name: &str, initializer: Initializer) -> ArrayD<f64> {
    let g = Graph::with_seed(seed);
    let w = g.variable::<f64>(name, initializer);
    Session::new(&g).and_then(|session| session.run(w)).unwrap()
}

fn moments(elements: &ArrayD<f64>) -> [f64; 2] {
    let mean = elements.mean().unwrap();
    [mean, elements.mapv(|x| (x - mean).powi(2)).mean().unwrap()]
}

/// Name, initializer, variance, and the bound of every element's magnitude, for fan in 3·3·40 and fan out 3·3·60.
fn scaled() -> [(&'static str, Initializer, f64, f64); 6] {
    let shape = [3, 3, 40, 60];
    let (fan_in, fan_out) = (360.0, 540.0);
    let uniform = |variance: f64| (3.0 * variance).sqrt();
    // Cut off at two deviations of the normal distribution before it was cut off.
    let normal = |variance: f64| 2.0 * variance.sqrt() / 0.879_625_661_034_239_8;
    let [glorot, he, lecun] = [2.0 / (fan_in + fan_out), 2.0 / fan_in, 1.0 / fan_in];
    [
        ("glorot_uniform", glorot_uniform(shape), glorot, uniform(glorot)),
        ("glorot_normal", glorot_normal(shape), glorot, normal(glorot)),
        ("he_uniform", he_uniform(shape), he, uniform(he)),
        ("he_normal", he_normal(shape), he, normal(he)),
        ("lecun_uniform", lecun_uniform(shape), lecun, uniform(lecun)),
        ("lecun_normal", lecun_normal(shape), lecun, normal(lecun)),
    ]
}

#[test]
fn variances_follow_the_fans() {
    for (name, initializer, variance, bound) in scaled() {
        let elements = start(1, "kernel", initializer);
        let [mean, found] = moments(&elements);
        assert!(mean.abs() < 0.02 * variance.sqrt(), "{name}: mean {mean}");
        assert!((found / variance - 1.0).abs() < 0.03, "{name}: variance {found}, not {variance}");
        let largest = elements.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
        assert!(largest <= bound && largest > 0.95 * bound, "{name}: up to {largest}, not {bound}");
    }
}

#[test]
fn parameters_are_what_they_say() {
    let moments_of = |initializer| moments(&start(2, "w", initializer));
    let [mean, variance] = moments_of(random_normal([40_000], 3.0, 0.5));
    assert!((mean - 3.0).abs() < 0.02 && (variance - 0.25).abs() < 0.01, "{mean} {variance}");
    let [mean, variance] = moments_of(random_uniform([40_000], -1.0, 5.0));
    assert!((mean - 2.0).abs() < 0.05 && (variance - 3.0).abs() < 0.1, "{mean} {variance}");
    let [mean, variance] = moments_of(truncated_normal([40_000], -1.0, 2.0));
    let cut = (2.0 * 0.879_625_661_034_239_8_f64).powi(2);
    assert!((mean + 1.0).abs() < 0.05 && (variance / cut - 1.0).abs() < 0.03, "{mean} {variance}");
    assert_eq!(start(0, "w", full([2, 2], -1.5)), Array2::from_elem((2, 2), -1.5).into_dyn());
    assert_eq!(start(0, "w", random_uniform([3], 2.0, 2.0)), ndarray::arr1(&[2.0; 3]).into_dyn());
    assert_eq!(start(0, "w", random_normal([2], 4.0, 0.0)), ndarray::arr1(&[4.0; 2]).into_dyn());
    // Of a vector both fans are its length, and of a number they are 1.
    assert!(start(0, "w", glorot_uniform([6])).iter().all(|x| x.abs() <= (6.0_f64 / 12.0).sqrt()));
    assert!(start(0, "w", he_uniform([])).iter().all(|x| x.abs() <= 6.0_f64.sqrt()));
    assert_eq!(start(0, "w", glorot_normal([0, 4])).shape(), [0, 4]);
}

#[test]
fn orthogonal_rows_or_columns_have_the_gain_for_length() {
    for (shape, rows, columns) in [
        (vec![7, 4], 7, 4),
        (vec![4, 7], 4, 7),
        (vec![5, 5], 5, 5),
        (vec![3, 2, 4], 6, 4),
        (vec![1, 1], 1, 1),
    ] {
        let elements = start(3, "w", orthogonal(shape.clone(), 1.5));
        assert_eq!(elements.shape(), shape);
        let q = Array2::from_shape_vec((rows, columns), elements.into_raw_vec_and_offset().0).unwrap();
        let product = if rows >= columns { q.t().dot(&q) } else { q.dot(&q.t()) };
        let difference = &product - 2.25 * Array2::<f64>::eye(rows.min(columns));
        assert!(difference.iter().all(|x| x.abs() < 1e-12), "{shape:?}: {product}");
    }
    // Either sign is as likely: the diagonal of R, not of Q, is positive.
    let signs = (0..200).filter(|&seed| start(seed, "w", orthogonal([1, 1], 1.0))[[0, 0]] > 0.0).count();
    assert!((60..140).contains(&signs), "{signs} of 200 are positive");
    assert_eq!(start(0, "w", orthogonal([0, 3], 1.0)).shape(), [0, 3]);
    assert_eq!(start(0, "w", orthogonal([3, 0], 1.0)).shape(), [3, 0]);
}

#[test]
fn draws_depend_on_the_seed_and_the_name() {
    for (name, initializer, ..) in scaled() {
        let draw = |seed, name| start(seed, name, initializer.clone());
        assert_eq!(draw(5, "a"), draw(5, "a"), "{name}");
        assert_ne!(draw(5, "a"), draw(6, "a"), "{name}");
        assert_ne!(draw(5, "a"), draw(5, "b"), "{name}");
    }
}

#[test]
fn integers_start_from_whole_numbers() -> Result<()> {
    let g = Graph::new();
    let counts = g.variable::<i64>("counts", zeros([2]));
    let threes = g.variable::<i32>("threes", full([2], 3.0));
    let session = Session::new(&g)?;
    assert_eq!(session.run(counts)?, ndarray::arr1(&[0_i64; 2]).into_dyn());
    assert_eq!(session.run(threes)?, ndarray::arr1(&[3_i32; 2]).into_dyn());
    Ok(())
}

/// The message of a variable that starts from this, without the line.
fn refusal<T: Numeric>(initializer: Initializer) -> String {
    let g = Graph::new();
    g.variable::<T>("w", initializer);
    let message = g.check().unwrap_err().to_string();
    message.split(" built at ").next().unwrap().to_owned()
}

#[test]
fn what_defines_no_elements_is_refused() {
    let cases: [(Initializer, &str); 8] = [
        (
            random_normal([2], 0.0, -1.0),
            "random_normal: expected a finite mean and a deviation of at least 0, got mean 0.0 and deviation -1.0",
        ),
        (
            random_normal([2], f64::NAN, 1.0),
            "random_normal: expected a finite mean and a deviation of at least 0, got mean NaN and deviation 1.0",
        ),
        (
            truncated_normal([2], 0.0, f64::INFINITY),
            "truncated_normal: expected a finite mean and a deviation of at least 0, got mean 0.0 and deviation inf",
        ),
        (random_uniform([2], 1.0, 0.0), "random_uniform: expected a finite range, got [1.0, 0.0)"),
        (random_uniform([2], 0.0, f64::INFINITY), "random_uniform: expected a finite range, got [0.0, inf)"),
        (
            random_uniform([2], -1e308, 1.7e308),
            "random_uniform: expected a finite range, got [-1e308, 1.7e308)",
        ),
        (orthogonal([3], 1.0), "orthogonal: expected a shape of two axes or more, got fewer"),
        (orthogonal([2, 2], f64::NAN), "orthogonal: expected a finite gain, got NaN"),
    ];
    for (initializer, expected) in cases {
        assert_eq!(refusal::<f64>(initializer), format!("{expected}, in `w` (variable)"));
    }
    assert_eq!(
        refusal::<i64>(full([2], 0.5)),
        "full: expected a number that the integers have, got 0.5, in `w` (variable)"
    );
    assert_eq!(
        refusal::<i32>(full([2], 3e9)),
        "full: expected a number that the integers have, got 3000000000.0, in `w` (variable)"
    );
    assert_eq!(
        refusal::<f32>(full([2], 1e300)),
        "full: expected a number in the range of the floats, got 1e300, in `w` (variable)"
    );
    assert_eq!(
        refusal::<f32>(random_normal([2], 0.0, 1e39)),
        "random_normal: expected a finite mean and a deviation of at least 0, got mean 0.0 and deviation 1e39, in \
         `w` (variable)"
    );
    assert_eq!(
        refusal::<i32>(glorot_uniform([2, 2])),
        "glorot_uniform: expected floats, got i32, in `w` (variable)"
    );
}

/// Bounds stay out that are only reached by rounding: of 4·10⁶ numbers of single precision below 1 two or three would
/// be rounded to 1 for each 10⁸ that are drawn, and of numbers next to each other every other one.
#[test]
fn uniform_draws_stay_below_their_bound() {
    fn draw(low: f64, high: f64) -> Vec<f32> {
        let g = Graph::with_seed(1);
        let w = g.variable::<f32>("w", random_uniform([4000], low, high));
        Session::new(&g).unwrap().run(w).unwrap().into_iter().collect()
    }
    let next = f64::from(1.0_f32.next_up());
    let (near, wide) = (f64::from(1.0_f32.next_down()), f64::from(f32::MAX) / 2.0);
    for (low, high) in [(0.999_999, 1.0), (1.0, next), (near, 1.0), (-1.0, -near), (-wide, wide), (0.7, 0.8)]
    {
        let (first, limit) = (low as f32, high as f32);
        let drawn = draw(low, high);
        assert!(drawn.iter().all(|&x| first <= x && x < limit), "[{low}, {high})");
    }
    // Nearly all of this is rounded up to the bound, and the bounds of this are one number.
    let middle = f64::midpoint(1.0, next);
    assert!(draw(middle.next_down(), next).iter().all(|&x| x == 1.0));
    assert!(draw(1.0, 1.0 + 1e-9).iter().all(|&x| x == 1.0));
    // The scaled ones keep to their limits as well.
    let g = Graph::with_seed(2);
    let w = g.variable::<f32>("w", he_uniform([100, 100]));
    let limit = (6.0_f64 / 100.0).sqrt() as f32;
    assert!(Session::new(&g).unwrap().run(w).unwrap().iter().all(|&x| -limit <= x && x < limit));
}
