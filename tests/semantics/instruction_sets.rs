//! Line 36: the same bits with machine code and without, on AVX2 and on AVX-512.
#![cfg(target_arch = "x86_64")]

use flowgrad::Isa;
use flowgrad::ndarray::{ArrayD, IxDyn};
use flowgrad::prelude::*;

/// Lengths of what is folded: all that end about a vector or several of them, and some that fill tiles, blocks and chunks.
fn lengths() -> impl Iterator<Item = usize> {
    (1..=70).chain([127, 128, 129, 130, 255, 257, 1_000, 4_097, 40_000])
}

/// Numbers of several magnitudes and both signs.
fn numbers<T: Float>(dims: &[usize], salt: usize) -> ArrayD<T> {
    let mut index = salt as f64;
    ArrayD::from_shape_simple_fn(IxDyn(dims), || {
        index += 1.0;
        let unit = (index * 0.618_033_988_749_895).fract() * 2.0 - 1.0;
        T::from_f64(if index % 7.0 == 0.0 { unit * 50.0 } else { unit * 1.5 })
    })
}

/// A graph in one session for each way to run it that must give the same bits; what differs.
struct Ways {
    sessions: Vec<(String, Session)>,
    apart: Vec<String>,
}

impl Ways {
    /// Those that all graphs must give the same bits in.
    fn new(g: &Graph) -> Result<Self> {
        Ways::on(g, &[Isa::Avx2, Isa::Avx512])
    }

    /// Those on the instruction sets of these that the machine has.
    fn on(g: &Graph, sets: &[Isa]) -> Result<Self> {
        let mut sessions = Vec::new();
        for &isa in sets.iter().filter(|&&isa| isa <= Isa::detected()) {
            for machine_code in [false, true] {
                let session = Session::builder(g).isa(isa).threads(1).machine_code(machine_code).build()?;
                sessions.push((format!("{isa}, machine code {machine_code}"), session));
            }
        }
        Ok(Ways { sessions, apart: Vec::new() })
    }

    /// Runs the fetches with these feeds in all ways, and notes where bits differ.
    fn run<T: Float>(
        &mut self,
        name: &str,
        feeds: &[(Tensor<'_, T>, ArrayD<T>)],
        fetches: &[Tensor<'_, T>],
    ) -> Result<()> {
        let mut expected: Option<Vec<ArrayD<T>>> = None;
        for (way, session) in &self.sessions {
            let feeding = feeds.iter().fold(session.feeds(), |feeding, (x, value)| feeding.feed(*x, value));
            let found = feeding.run(fetches.to_vec())?;
            let expected = expected.get_or_insert_with(|| found.clone());
            for (index, (found, expected)) in found.iter().zip(&*expected).enumerate() {
                let differ = found.iter().zip(expected).filter(|(a, b)| !is_same(**a, **b)).count();
                if differ > 0 || found.shape() != expected.shape() {
                    self.apart.push(format!("{name}, output {index}: {differ} of {} on {way}", found.len()));
                }
            }
        }
        Ok(())
    }

    #[track_caller]
    fn end(self) {
        let most = self.apart.len().min(40);
        assert!(self.apart.is_empty(), "{} differ:\n{}", self.apart.len(), self.apart[..most].join("\n"));
    }
}

/// The same bits; NaNs are all the same.
fn is_same<T: Float>(a: T, b: T) -> bool {
    let (a, b) = (a.as_f64(), b.as_f64());
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

type Build<T> = for<'g> fn(Tensor<'g, T>, Tensor<'g, T>) -> Tensor<'g, T>;

/// Reductions of what no product goes into, which machines without fused multiply-add have the bits of as well.
fn plain_reductions<T: Float>() -> Vec<(&'static str, Build<T>)> {
    vec![
        ("sum", |x, _| x.reduce_sum(-1)),
        ("sum of all", |x, _| x.reduce_sum(..)),
        ("sum of rows", |x, _| x.reduce_sum(0)),
        ("mean", |x, _| x.reduce_mean(-1)),
        ("mean of rows", |x, _| x.reduce_mean(0)),
        ("max", |x, _| x.reduce_max(-1)),
        ("max of rows", |x, _| x.reduce_max(0)),
        ("min of all", |x, _| x.reduce_min(..)),
        ("prod", |x, _| x.reduce_prod(-1)),
        ("prod of all", |x, _| x.reduce_prod(..)),
        ("prod of rows", |x, _| x.reduce_prod(0)),
        ("argmax", |x, _| x.argmax(-1).cast()),
        ("cumsum", |x, _| x.cumsum(-1)),
        ("sum of a fused value", |x, y| ((x - y) / y).reduce_sum(..)),
    ]
}

fn reductions_of_products<T: Float>() -> Vec<(&'static str, Build<T>)> {
    vec![
        ("variance", |x, _| x.reduce_variance(-1)),
        ("variance of rows", |x, _| x.reduce_variance(0)),
        ("norm", |x, _| x.norm(-1)),
        ("softmax", |x, _| x.softmax(-1)),
        ("softmax of rows", |x, _| x.softmax(0)),
        ("log sum exp", |x, _| x.reduce_log_sum_exp(-1)),
        ("dot products", |x, y| (x * y).reduce_sum(-1)),
        ("dot product of all", |x, y| (x * y).reduce_sum(..)),
        ("distance", |x, y| ((x - y).square() * T::from_f64(0.5)).reduce_mean(..)),
        ("extremes of a fused value", |x, y| (x * y + x).reduce_max(-1) - (x * y - x).reduce_min(-1)),
        ("entropy", |x, y| (x.softmax(-1) * y.log_softmax(-1)).reduce_sum(-1)),
    ]
}

fn check_reductions<T: Float>() -> Result<()> {
    let with_fused = [Isa::Avx2, Isa::Avx512];
    let all = [Isa::Baseline, Isa::Avx2, Isa::Avx512];
    for (sets, reductions) in
        [(&all[..], plain_reductions::<T>()), (&with_fused[..], reductions_of_products::<T>())]
    {
        for (name, build) in reductions {
            let g = Graph::new();
            let [x, y] = ["x", "y"].map(|name| g.placeholder::<T>(name, [None, None]));
            let fetches = [build(x, y)];
            let mut ways = Ways::on(&g, sets)?;
            for length in lengths() {
                for dims in [[3, length], [length, 3], [1, length]] {
                    let feeds = [(x, numbers(&dims, 1)), (y, numbers(&dims, 500))];
                    ways.run(&format!("{name} of {dims:?}"), &feeds, &fetches)?;
                }
            }
            ways.end();
        }
    }
    Ok(())
}

/// Line 36: reductions along each axis, of any length.
#[test]
fn line_36_reductions_f32() -> Result<()> {
    check_reductions::<f32>()
}

/// Line 36, in double precision.
#[test]
fn line_36_reductions_f64() -> Result<()> {
    check_reductions::<f64>()
}

fn check_products<T: Float>() -> Result<()> {
    let g = Graph::new();
    let [x, y] = ["x", "y"].map(|name| g.placeholder::<T>(name, [None, None]));
    let mut ways = Ways::new(&g)?;
    let forms = [(false, false), (false, true), (true, false), (true, true)];
    let products = forms.map(|(a, b)| {
        let product = x.matmul_transposed(y, a, b);
        // Alone, and with what is fused behind it.
        [product, product.tanh().reduce_sum(..), product.reduce_sum(0), product.softmax(-1)]
    });
    let few = [1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 24, 31, 32, 33, 40];
    let shapes = few.into_iter().flat_map(|n| few.map(|m| [m, 130, n]));
    let skinny = few.into_iter().flat_map(|few| {
        [
            [few, 1_000, 1],
            [1, 5_000, few],
            [700, few, 1],
            [700, few, 3],
            [700, 40, few],
            [few, 700, 40],
            [2_100, few, 20],
            [300, 300, few],
            [few, 9_000, 2],
        ]
    });
    let large =
        [[64, 64, 64], [200, 300, 150], [130, 20_000, 3], [3, 40_000, 5], [33, 17_000, 18], [1_000, 1, 33]];
    for [m, k, n] in shapes.chain(skinny).chain(large) {
        for ((a, b), fetches) in forms.into_iter().zip(&products) {
            let dims = [if a { [k, m] } else { [m, k] }, if b { [n, k] } else { [k, n] }];
            let feeds = [(x, numbers(&dims[0], 1)), (y, numbers(&dims[1], 99))];
            ways.run(&format!("{m}×{k}·{k}×{n}, transposed {a} {b}"), &feeds, &fetches[..1])?;
            ways.run(&format!("{m}×{k}·{k}×{n}, transposed {a} {b}, and more"), &feeds, fetches)?;
        }
    }
    ways.end();
    Ok(())
}

/// Line 36: products of matrices, alone and with what is fused to them.
#[test]
fn line_36_products_f32() -> Result<()> {
    check_products::<f32>()
}

/// Line 36, in double precision.
#[test]
fn line_36_products_f64() -> Result<()> {
    check_products::<f64>()
}

fn check_batches_and_images<T: Float>() -> Result<()> {
    let g = Graph::new();
    let [x, y] = ["x", "y"].map(|name| g.placeholder::<T>(name, [None, None, None]));
    let mut ways = Ways::new(&g)?;
    let batched = [x.matmul(y), x.matmul(y).square().reduce_mean(1)];
    for [m, k, n] in [[1, 7, 1], [5, 33, 3], [12, 40, 9], [17, 300, 16], [40, 64, 33]] {
        let feeds = [(x, numbers(&[6, m, k], 1)), (y, numbers(&[6, k, n], 9))];
        ways.run(&format!("six {m}×{k}·{k}×{n}"), &feeds, &batched)?;
    }
    ways.end();
    for (count, channels) in [(1, 1), (2, 5), (7, 16), (16, 33)] {
        let g = Graph::new();
        let images = g.placeholder::<T>("images", [None, Some(13), Some(11), Some(6)]);
        let kernel = g.placeholder::<T>("kernel", [3, 3, 6, channels]);
        let convolved = images.conv2d(kernel, Convolution::same().strides([2, 1]));
        let loss = convolved.relu().square().reduce_mean(..);
        let mut fetches = vec![
            convolved,
            images.max_pool2d(Window::of([2, 3])),
            images.avg_pool2d(Window::of([3, 3])),
            images.extract_patches(Window::of([2, 2])),
            loss,
        ];
        fetches.extend(loss.gradients([images, kernel]));
        let feeds = [(images, numbers(&[count, 13, 11, 6], 1)), (kernel, numbers(&[3, 3, 6, channels], 9))];
        let mut ways = Ways::new(&g)?;
        ways.run(&format!("{count} images to {channels} channels"), &feeds, &fetches)?;
        ways.end();
    }
    Ok(())
}

/// Line 36: products of batches, convolutions and pools, with their gradients.
#[test]
fn line_36_batches_and_images() -> Result<()> {
    check_batches_and_images::<f32>()?;
    check_batches_and_images::<f64>()
}

/// Numbers all over the range, evenly by their exponents, and those at its ends.
fn all_over<T: Float>(count: usize, salt: usize) -> ArrayD<T> {
    let (low, high) = if size_of::<T>() == 4 { (-150.0, 128.5) } else { (-1_080.0, 1_024.5) };
    let special = [
        0.0,
        -0.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1.0,
        -1.0,
        0.5,
        T::max_value().as_f64(),
        T::min_positive_value().as_f64(),
        -T::min_positive_value().as_f64() / 3.0,
    ];
    let mut index = salt;
    ArrayD::from_shape_simple_fn(IxDyn(&[count]), || {
        index += 1;
        let unit = |step: f64| (index as f64 * step).fract();
        let sign = if index.is_multiple_of(2) { 1.0 } else { -1.0 };
        T::from_f64(match index % 5 {
            0 if index.is_multiple_of(35) => special[index / 35 % special.len()],
            // Where most functions do something.
            0..=2 => sign * 20.0 * unit(0.618_033_988_749_895),
            _ => sign * (low + (high - low) * unit(0.414_213_562_373_095)).exp2(),
        })
    })
}

fn functions<'g, T: Float>(x: Tensor<'g, T>, y: Tensor<'g, T>) -> Vec<Tensor<'g, T>> {
    vec![
        x.exp(),
        x.expm1(),
        x.exp2(),
        x.ln(),
        x.log1p(),
        x.log2(),
        x.log10(),
        x.sqrt(),
        x.rsqrt(),
        x.cbrt(),
        x.tanh(),
        x.sigmoid(),
        x.softplus(),
        x.erf(),
        x.erfc(),
        x.gelu(),
        x.silu(),
        x.mish(),
        x.elu(),
        x.sin(),
        x.cos(),
        x.tan(),
        x.asin(),
        x.acos(),
        x.atan(),
        x.sinh(),
        x.cosh(),
        x.abs().pow(y),
        x.pow(y),
        x.atan2(y),
        x.hypot(y),
        x / y,
        x.square(),
        x.reciprocal(),
        x.clip(T::from_f64(-0.5), T::from_f64(2.0)),
        x.maximum(y),
        x.minimum(y),
    ]
}

fn check_functions<T: Float>() -> Result<()> {
    let g = Graph::new();
    let [x, y] = ["x", "y"].map(|name| g.placeholder::<T>(name, [None]));
    let values = functions(x, y);
    let steps =
        [x.floor_div(y), x.modulo(y), x.round(), x.floor(), x.ceil(), x.sign(), x.less(y).select(x, y)];
    let mut ways = Ways::new(&g)?;
    for count in [1, 7, 17, 20_001] {
        let feeds = [(x, all_over(count, 3)), (y, all_over(count, 77))];
        for (index, &value) in values.iter().enumerate() {
            // With neighbors there is something to compile.
            let [slope] = value.reduce_sum(..).gradients([x]);
            let fused = [value * y + x, value - x * y, slope];
            ways.run(&format!("function {index} of {count}"), &feeds, &[value])?;
            ways.run(&format!("function {index} of {count}, fused"), &feeds, &fused)?;
        }
        ways.run(&format!("steps of {count}"), &feeds, &steps)?;
        ways.run(&format!("steps of {count}, fused"), &feeds, &steps.map(|step| step * y + x))?;
    }
    ways.end();
    Ok(())
}

/// Line 36: functions of each element and their slopes, over the whole range.
#[test]
fn line_36_functions_f32() -> Result<()> {
    check_functions::<f32>()
}

/// Line 36, in double precision.
#[test]
fn line_36_functions_f64() -> Result<()> {
    check_functions::<f64>()
}

fn check_random_numbers<T: Float>() -> Result<()> {
    let g = Graph::with_seed(8);
    let mut ways = Ways::new(&g)?;
    for count in [1, 5, 64, 1_003, 50_000] {
        let fetches = [
            g.random_uniform([count], T::from_f64(-2.0), T::from_f64(3.0)),
            g.random_normal([count], T::from_f64(1.0), T::from_f64(2.0)),
            g.random_normal([count], T::from_f64(0.0), T::from_f64(1.0)).reduce_mean(..),
            g.bernoulli([count], 0.3).cast(),
        ];
        ways.run(&format!("{count} random numbers"), &[], &fetches)?;
    }
    ways.end();
    Ok(())
}

/// Line 36: random numbers.
#[test]
fn line_36_random_numbers() -> Result<()> {
    check_random_numbers::<f32>()?;
    check_random_numbers::<f64>()
}
