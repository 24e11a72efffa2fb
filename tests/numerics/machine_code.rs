//! What machine code computes has the bits of what the interpreter computes, for every instruction set of this machine.

use flowgrad::Isa;
use flowgrad::nn::layer_norm;
use flowgrad::prelude::*;
use ndarray::{ArrayD, IxDyn};

/// Lengths about those of vectors, of four of them, and of tiles.
const LENGTHS: [usize; 13] = [1, 2, 3, 7, 8, 9, 16, 31, 33, 64, 100, 1_000, 20_000];

/// The tests, for a type of numbers.
macro_rules! tests {
    ($($module:ident $type:ident;)*) => {$(mod $module {
        use super::*;

        type T = $type;

        /// Numbers of all sizes and signs, and, where asked for, those that are none.
        fn numbers(dims: &[usize], salt: usize, specials: bool) -> ArrayD<T> {
            let mut index = salt;
            ArrayD::from_shape_simple_fn(IxDyn(dims), || {
                index = (index * 1_103 + 12_345) % 65_537;
                let unit = index as f64 / 65_537.0 * 2.0 - 1.0;
                let number = match index % 19 {
                    0 if specials => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0][index / 19 % 5],
                    1 => unit * 1e-3,
                    2 => unit * 100.0,
                    3 => 0.0,
                    4 => -0.0,
                    _ => unit * 3.0,
                };
                number as T
            })
        }

        fn is_same(a: &ArrayD<T>, b: &ArrayD<T>) -> bool {
            let same = |(a, b): (&T, &T)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
            a.shape() == b.shape() && a.iter().zip(b).all(same)
        }

        /// Runs what is built of two tensors of a shape as machine code and interpreted, and compares bits.
        fn check(name: &str, dims: &[usize], build: impl for<'g> Fn([Tensor<'g, T>; 2]) -> Vec<Tensor<'g, T>>) {
            let g = Graph::new();
            let inputs = ["x", "y"].map(|name| g.placeholder::<T>(name, dims.iter().map(|&n| Some(n)).collect::<Vec<_>>()));
            let outputs = build(inputs);
            let sets = [Isa::Baseline, Isa::Avx2, Isa::Avx512];
            for isa in sets.into_iter().filter(|&isa| isa <= Isa::detected()) {
                for specials in [false, true] {
                    let [x, y] = [1, 77].map(|salt| numbers(dims, salt, specials));
                    let run = |machine_code| {
                        let session =
                            Session::builder(&g).isa(isa).threads(1).machine_code(machine_code).build().unwrap();
                        session.feed(inputs[0], &x).feed(inputs[1], &y).run(outputs.clone()).unwrap()
                    };
                    for (index, (ours, theirs)) in run(true).iter().zip(&run(false)).enumerate() {
                        let text = || format!("{name} of {dims:?} on {isa}, output {index}:\n{ours}\nand interpreted:\n{theirs}");
                        assert!(is_same(ours, theirs), "{}", text());
                    }
                }
            }
        }

        /// Functions of each element, two at a time so that there is something to compile.
        #[test]
        fn functions_of_each_element() {
            type Function = for<'g> fn(Tensor<'g, T>, Tensor<'g, T>) -> Tensor<'g, T>;
            let functions: [(&str, Function); 40] = [
                ("add", |x, y| x + y),
                ("sub", |x, y| x - y),
                ("mul", |x, y| x * y),
                ("div", |x, y| x / y),
                ("maximum", |x, y| x.maximum(y)),
                ("minimum", |x, y| x.minimum(y)),
                ("relu", |x, _| x.relu()),
                ("clip", |x, _| x.clip(-0.5, 1.5)),
                ("neg", |x, _| -x),
                ("abs", |x, _| x.abs()),
                ("sign", |x, _| x.sign()),
                ("square", |x, _| x.square()),
                ("sqrt", |x, _| x.abs().sqrt()),
                ("exp", |x, _| x.exp()),
                ("expm1", |x, _| x.expm1()),
                ("exp2", |x, _| x.exp2()),
                ("ln", |x, _| x.ln()),
                ("log1p", |x, _| x.log1p()),
                ("log2", |x, _| x.log2()),
                ("log10", |x, _| x.log10()),
                ("cbrt", |x, _| x.cbrt()),
                ("tanh", |x, _| x.tanh()),
                ("sigmoid", |x, _| x.sigmoid()),
                ("erf", |x, _| x.erf()),
                ("erfc", |x, _| x.erfc()),
                ("gelu", |x, _| x.gelu()),
                ("sin", |x, _| x.sin()),
                ("cos", |x, _| x.cos()),
                ("tan", |x, _| x.tan()),
                ("floor", |x, _| x.floor()),
                ("ceil", |x, _| x.ceil()),
                ("round", |x, _| x.round()),
                ("pow", |x, y| x.abs().pow(y)),
                ("select", |x, y| x.less(y).select(x, y)),
                ("both", |x, y| x.less(y).logical_and(x.less_equal(0.5)).select(x, y)),
                ("neither", |x, y| x.less(y).logical_or(y.equal(x)).logical_not().select(x, y)),
                ("unlike", |x, y| x.not_equal(y).select(y, x)),
                ("softplus", |x, _| x.softplus()),
                ("mish", |x, _| x.mish()),
                ("silu", |x, _| x.silu()),
            ];
            for (name, function) in functions {
                for length in LENGTHS {
                    check(name, &[length], |[x, y]| {
                        let z = function(x, y);
                        vec![z, z * y + x, (z * 0.5 + 0.25).reduce_sum(..), (z * x).reduce_sum(..)]
                    });
                }
            }
        }


        /// Rows that are reduced, and what is made of them with each element.
        #[test]
        fn rows_that_are_reduced() {
            for width in [0, 1, 2, 3, 5, 8, 10, 16, 17, 32, 50, 64, 65, 130, 512, 3_000] {
                for rows in [0, 1, 2, 7, 40] {
                    let dims = [rows, width];
                    check("softmax", &dims, |[x, y]| {
                        let z = x.softmax(-1);
                        vec![z, (z * y).reduce_sum(..)]
                    });
                    check("log_softmax", &dims, |[x, _]| vec![x.log_softmax(-1)]);
                    check("layer norm", &dims, |[x, y]| vec![layer_norm(x, -1, y, 2.0, 1e-5)]);
                    check("its gradient", &dims, |[x, y]| {
                        let loss = (layer_norm(x, -1, 0.5, 2.0, 1e-5) * y).reduce_sum(..);
                        loss.gradients([x, y]).to_vec()
                    });
                    check("extremes", &dims, |[x, y]| {
                        let (most, least) = (x.reduce_max(-1), (x * y).reduce_min(-1));
                        vec![most - least, most * least, x.reduce_prod(-1) + most]
                    });
                    check("extremes spread over rows", &dims, |[x, y]| {
                        let most = x.reduce_max(Axes::of([-1]).keep_dims());
                        vec![(x - most) * y + x, (x - most).square().reduce_sum(-1)]
                    });
                    check("columns", &dims, |[x, y]| {
                        let z = x * y + 1.0;
                        vec![z.reduce_sum(0), z.reduce_max(0), (z - z.reduce_mean(0)).square()]
                    });
                }
            }
        }


        /// What comes behind products, whose rows are not those of vectors; and what has no elements.
        #[test]
        fn behind_products() {
            let sets = [Isa::Avx2, Isa::Avx512];
            for isa in sets.into_iter().filter(|&isa| isa <= Isa::detected()) {
                for [rows, inner, width] in [[1_000, 64, 100], [333, 5, 7], [4_096, 2, 1], [256, 4_096, 8], [0, 3, 8], [8, 3, 0]] {
                    let g = Graph::new();
                    let x = g.placeholder::<T>("x", [Some(rows), Some(inner)]);
                    let w = g.placeholder::<T>("w", [Some(inner), Some(width)]);
                    let z = x.matmul(w).relu();
                    let outputs =
                        vec![z.reduce_sum(..), z.square().reduce_sum(..), z.softmax(-1), z.reduce_sum(0), z + 1.0];
                    let (x_value, w_value) =
                        (numbers(&[rows, inner], 5, false), numbers(&[inner, width], 6, false));
                    let run = |outputs: &[Tensor<'_, T>], machine_code, threads| {
                        let builder = Session::builder(&g).isa(isa).threads(threads).always_share();
                        let session = builder.machine_code(machine_code).build().unwrap();
                        session.feed(x, &x_value).feed(w, &w_value).run(outputs.to_vec()).unwrap()
                    };
                    // All at once, and each alone, where a task is a chunk of the product's rows and what is behind them.
                    for outputs in [&outputs[..]].into_iter().chain(outputs.chunks(1)) {
                        let theirs = run(outputs, false, 1);
                        for ours in [run(outputs, true, 1), run(outputs, true, 2)] {
                            for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                                assert!(is_same(ours, theirs), "{isa}, {rows}×{inner}×{width}, output {index}");
                            }
                        }
                    }
                }
            }
        }

        /// Sums of products that all vanish, some of them from below.
        #[test]
        fn products_that_vanish() {
            for length in [1, 15, 16, 17, 33, 65, 200] {
                let g = Graph::new();
                let tiny = T::MIN_POSITIVE;
                let x = g.placeholder::<T>("x", [3, length]);
                let products = x * -tiny;
                let outputs = vec![
                    (x * products).reduce_sum(-1) * 2.0,
                    (x * products).reduce_sum(..) * 2.0,
                    (x * products).reduce_sum(0) * 2.0,
                ];
                let value = ArrayD::from_elem(IxDyn(&[3, length]), tiny);
                let run = |machine_code| {
                    let session = Session::builder(&g).machine_code(machine_code).build().unwrap();
                    session.feed(x, &value).run(outputs.clone()).unwrap()
                };
                for (ours, theirs) in run(true).iter().zip(&run(false)) {
                    assert!(is_same(ours, theirs), "{length}: {ours} and {theirs}");
                }
            }
        }

        /// Slices of rows, which lie apart, and what joins write to places that lie apart.
        #[test]
        fn rows_that_lie_apart() {
            for [rows, width] in [[1, 5], [2, 1], [3, 3], [16, 32], [13, 17], [40, 33]] {
                check("slices", &[rows, 3 * width], |[x, y]| {
                    let [(a, d), (b, e), (c, f)] = [0, 1, 2].map(|part| {
                        let columns = (.., part * width..(part + 1) * width);
                        (x.slice(columns.clone()), y.slice(columns))
                    });
                    let gate = (a + d).sigmoid() * (b * e + f.reduce_mean(0)).tanh() - c;
                    let halves = x.graph().concat(&[gate * a, gate - f], 1);
                    let total = (halves * halves).reduce_sum(1);
                    let gradients = Gradients::of([total.reduce_mean(..)]).wrt_or_zeros(&[x, y]);
                    [vec![gate, halves, total], gradients].concat()
                });
            }
        }

        /// Steps of descent, in which variables are read and written.
        #[test]
        fn steps_of_descent() {
            let sets = [Isa::Avx2, Isa::Avx512];
            for isa in sets.into_iter().filter(|&isa| isa <= Isa::detected()) {
                let train = |machine_code| {
                    let g = Graph::with_seed(5);
                    let x = g.constant(numbers(&[300, 2], 3, false));
                    let d = g.constant(numbers(&[300, 1], 9, false));
                    let w = g.variable("w", numbers(&[2, 1], 4, false));
                    let v = g.variable("v", numbers(&[40, 33], 8, false));
                    let loss = (x.matmul(w) - d).square().reduce_mean(..) + (v.tanh() * v).reduce_mean(..);
                    let step = Adam::new(0.01).minimize(loss);
                    let session = Session::builder(&g).isa(isa).machine_code(machine_code).build().unwrap();
                    session.run(g.initializer()).unwrap();
                    for _ in 0..20 {
                        session.run(step).unwrap();
                    }
                    session.run((w, v, loss)).unwrap()
                };
                let (ours, theirs) = (train(true), train(false));
                assert!(is_same(&ours.0, &theirs.0) && is_same(&ours.1, &theirs.1) && is_same(&ours.2, &theirs.2), "{isa}");
            }
        }
    })*};
}
tests! {
    single f32;
    double f64;
}

/// The same of whole numbers, and of what they say of each other.
macro_rules! whole_numbers {
    ($($name:ident $type:ident;)*) => {$(
        #[test]
        fn $name() {
            type T = $type;
            for length in [1, 2, 3, 5, 8, 9, 17, 33, 1_000] {
                let numbers = |salt: usize| {
                    ArrayD::from_shape_fn(IxDyn(&[length]), |index| match (index[0] * 7 + salt) % 11 {
                        0 => T::MAX,
                        1 => T::MIN,
                        2 => -1,
                        other => ((index[0] * 31 + salt * 17) % 9) as T - other as T,
                    })
                };
                let g = Graph::new();
                let [x, y, z] = ["x", "y", "z"].map(|name| g.placeholder::<T>(name, [length]));
                let less = x.less(y);
                let outputs = vec![
                    x + y - z,
                    -(x - y),
                    x.maximum(y).minimum(z),
                    less.select(x + 1, y - z),
                    x.less_equal(y).logical_or(x.equal(z)).select(x, y),
                    x.not_equal(y).logical_and(less.logical_not()).select(z, x + y),
                    x.bitwise_and(y).bitwise_or(z).bitwise_xor(x),
                    x * y + z,
                ];
                let sets = [Isa::Baseline, Isa::Avx2, Isa::Avx512];
                for isa in sets.into_iter().filter(|&isa| isa <= Isa::detected()) {
                    let run = |machine_code| {
                        let session =
                            Session::builder(&g).isa(isa).threads(1).machine_code(machine_code).build().unwrap();
                        let [a, b, c] = [0, 3, 5].map(numbers);
                        let fed = session.feed(x, &a).feed(y, &b).feed(z, &c);
                        fed.run((outputs.clone(), [less, x.equal(y), (x - z).less_equal(y)])).unwrap()
                    };
                    assert_eq!(run(true), run(false), "{length} on {isa}");
                }
            }
        }

        /// Loops whose conditions compare numbers.
        mod $type {
            use super::*;

            #[test]
            fn conditions_of_loops() {
                let g = Graph::new();
                let [end, by] = ["end", "by"].map(|name| g.placeholder::<$type>(name, []));
                let start = [g.constant(0 as $type), g.constant(1 as $type)];
                let sums = g.while_loop(
                    |[i, _]: [Tensor<'_, $type>; 2]| i.less(end).logical_and(i.not_equal(by * by)),
                    |[i, sum]| [i + by, (sum + i).maximum(by - sum)],
                    start,
                );
                let sets = [Isa::Baseline, Isa::Avx2, Isa::Avx512];
                for isa in sets.into_iter().filter(|&isa| isa <= Isa::detected()) {
                    let cases: [($type, $type); 5] = [(0, 1), (1, 1), (10, 3), (100, 9), (1_000, 7)];
                    for (last, step) in cases {
                        let run = |machine_code| {
                            let builder = Session::builder(&g).isa(isa).threads(1);
                            let session = builder.machine_code(machine_code).build().unwrap();
                            session.feed(end, last).feed(by, step).run(sums).unwrap()
                        };
                        let (mut i, mut sum) = (0, 1);
                        while i < last && i != step * step {
                            (i, sum) = (i + step, (sum + i).max(step - sum));
                        }
                        for code in [true, false] {
                            let found = run(code).map(|x| x.sum());
                            assert_eq!(found, [i, sum], "{isa}, {code}");
                        }
                    }
                }
            }
        }
    )*};
}
whole_numbers! {
    numbers_of_32_bits i32;
    numbers_of_64_bits i64;
}

#[test]
fn conditions_of_loops_that_are_not_numbers() {
    let g = Graph::new();
    let [start, end] = ["start", "end"].map(|name| g.placeholder::<f64>(name, []));
    let last = g.while_loop(|x: Tensor<'_, f64>| x.less(end), |x| x * 2.0 + 1.0, start);
    for code in [true, false] {
        let session = Session::builder(&g).machine_code(code).build().unwrap();
        let run = |from: f64, to: f64| session.feed(start, from).feed(end, to).run(last).unwrap().sum();
        assert_eq!(run(1.0, 100.0), 127.0);
        assert!(run(f64::NAN, 100.0).is_nan());
        assert_eq!(run(3.0, f64::NAN), 3.0);
        assert_eq!(run(1.0, f64::INFINITY), f64::INFINITY);
    }
}
