//! The examples on which the laws try all ops of linear algebra. References are written plainly
//! ([`plain`]).

mod plain;

use ndarray::{Array2, ArrayD, Axis, Ix2, array};

use plain::each;

use crate::graph::{AnyTensor, Float, Tensor};
use crate::ops::laws::{Example, example, example_f64};

/// Symmetric matrices a·aᵀ + I.
fn positive<T: Float>(x: Tensor<'_, T>) -> Tensor<'_, T> {
    let square = any(x, |x| super::nt(x, x));
    square + any(square, |x| x.ones_like().tril(0).triu(0))
}

fn any<'g, T: Float>(x: Tensor<'g, T>, of: impl Fn(AnyTensor<'g>) -> AnyTensor<'g>) -> Tensor<'g, T> {
    Tensor::typed(of(x.any()))
}

/// Numbers far from any singular matrix: 3 on the diagonal.
fn regular<T: Float>(x: Tensor<'_, T>) -> Tensor<'_, T> {
    x + any(x, |x| x.full_like(3.0).tril(0).triu(0))
}

pub(in crate::ops) fn examples() -> Vec<Example> {
    [
        cholesky(),
        triangular(),
        solutions(),
        determinants(),
        lu_and_qr(),
        spectra(),
        least_squares(),
        others(),
        parts(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const SQUARES: [&[usize]; 5] = [&[3, 3], &[2, 3, 3], &[1, 1], &[0, 2, 2], &[0, 0]];

fn cholesky() -> Vec<Example> {
    let mut examples = Vec::new();
    for dims in SQUARES {
        examples.extend([
            example!("cholesky", &[dims], |_, x| positive(x[0]).cholesky(), |x| each(&x[0], |a| {
                plain::cholesky(&plain::positive(a)).into_dyn()
            })),
            example!("try_cholesky", &[dims], |_, x| positive(x[0]).try_cholesky().0, |x| each(&x[0], |a| {
                plain::cholesky(&plain::positive(a)).into_dyn()
            })),
            example!("logdet", &[dims], |_, x| positive(x[0]).logdet(), |x| each(&x[0], |a| ndarray::arr0(
                plain::det(&plain::positive(a)).ln()
            )
            .into_dyn())),
        ]);
    }
    examples.extend([
        example!(
            "cholesky_solve",
            &[&[3, 3], &[3, 2]],
            |_, x| positive(x[0]).cholesky().cholesky_solve(x[1]),
            |x| {
                let b = x[1].clone().into_dimensionality::<Ix2>().unwrap();
                each(&x[0], |a| plain::inverse(&plain::positive(a)).dot(&b).into_dyn())
            }
        ),
        example!(
            "cholesky_solve of a vector",
            &[&[2, 3, 3], &[3]],
            |_, x| positive(x[0]).cholesky().cholesky_solve(x[1]),
            |x| {
                let b = x[1].clone().into_dimensionality::<ndarray::Ix1>().unwrap();
                each(&x[0], |a| plain::inverse(&plain::positive(a)).dot(&b).into_dyn())
            }
        ),
        example!(
            "try_cholesky of none",
            &[&[1, 1]],
            |_, x| (x[0] * 0.0 - 1.0).try_cholesky().1.cast(),
            |_| { array![0.0].sum_axis(Axis(0)).into_dyn() }
        ),
    ]);
    examples
}

fn triangular() -> Vec<Example> {
    macro_rules! forms {
        ($($lower:literal $adjoint:literal $unit:literal;)*) => {
            vec![$(
                example!(
                    "triangular_solve",
                    &[&[3, 3], &[3, 2]],
                    |_, x| regular(x[0]).triangular_solve_with(x[1], $lower, $adjoint, $unit),
                    |x| plain::triangular(x, $lower, $adjoint, $unit),
                ),
                example!(
                    "triangular_solve of a batch",
                    &[&[2, 1, 2, 2], &[2, 3]],
                    |_, x| regular(x[0]).triangular_solve_with(x[1], $lower, $adjoint, $unit),
                    |x| plain::triangular(x, $lower, $adjoint, $unit),
                ),
            )*]
        };
    }
    let mut examples = forms! {
        true false false; false false false; true true false; false true false;
        true false true; false false true; true true true; false true true;
    };
    examples.extend([
        example!(
            "triangular_solve of nothing",
            &[&[0, 0], &[0, 2]],
            |_, x| x[0].triangular_solve(x[1]),
            |x| { x[1].clone() }
        ),
        example!(
            "triangular_solve of no columns",
            &[&[2, 2], &[2, 0]],
            |_, x| x[0].triangular_solve(x[1]),
            |x| { x[1].clone() }
        ),
    ]);
    examples
}

fn solutions() -> Vec<Example> {
    let mut examples = Vec::new();
    for dims in SQUARES {
        examples.extend([
            example!("inv", &[dims], |_, x| regular(x[0]).inv(), |x| each(&x[0], |a| plain::inverse(
                &plain::regular(a)
            )
            .into_dyn())),
            example!("try_inv", &[dims], |_, x| regular(x[0]).try_inv().0, |x| each(&x[0], |a| {
                plain::inverse(&plain::regular(a)).into_dyn()
            })),
            example!("matrix_power", &[dims], |_, x| (x[0] * 0.5).matrix_power(3), |x| each(&x[0], |a| (a
                .dot(a)
                .dot(a)
                * 0.125)
                .into_dyn())),
            example!("matrix_power less than 0", &[dims], |_, x| regular(x[0]).matrix_power(-2), |x| each(
                &x[0],
                |a| {
                    let inverse = plain::inverse(&plain::regular(a));
                    inverse.dot(&inverse).into_dyn()
                }
            )),
        ]);
    }
    examples.extend([
        example!("matrix_power of 0", &[&[2, 2]], |_, x| x[0].matrix_power(0) * x[0], |x| each(&x[0], |a| {
            (Array2::<f64>::eye(2) * a).into_dyn()
        })),
        example!("solve", &[&[3, 3], &[3, 2]], |_, x| regular(x[0]).solve(x[1]), |x| {
            let b = x[1].clone().into_dimensionality::<Ix2>().unwrap();
            each(&x[0], |a| plain::inverse(&plain::regular(a)).dot(&b).into_dyn())
        }),
        example!("try_solve", &[&[3, 3], &[3, 2]], |_, x| regular(x[0]).try_solve(x[1]).0, |x| {
            let b = x[1].clone().into_dimensionality::<Ix2>().unwrap();
            each(&x[0], |a| plain::inverse(&plain::regular(a)).dot(&b).into_dyn())
        }),
        example!("solve of a vector", &[&[2, 3, 3], &[3]], |_, x| regular(x[0]).solve(x[1]), |x| {
            let b = x[1].clone().into_dimensionality::<ndarray::Ix1>().unwrap();
            each(&x[0], |a| plain::inverse(&plain::regular(a)).dot(&b).into_dyn())
        }),
        example!("solve of one", &[&[1, 1], &[3, 1, 2]], |_, x| regular(x[0]).solve(x[1]), |x| {
            &x[1] / (x[0][[0, 0]] + 3.0)
        }),
        example!("solve of nothing", &[&[0, 0], &[2, 0, 3]], |_, x| x[0].solve(x[1]), |x| x[1].clone()),
    ]);
    examples
}

fn determinants() -> Vec<Example> {
    let mut examples = Vec::new();
    for dims in SQUARES {
        examples.extend([
            example!("det", &[dims], |_, x| x[0].det(), |x| each(&x[0], |a| ndarray::arr0(plain::det(a))
                .into_dyn())),
            example!("slogdet", &[dims], |_, x| x[0].slogdet().1, |x| each(&x[0], |a| ndarray::arr0(
                plain::det(a).abs().ln()
            )
            .into_dyn())),
            example!("sign of slogdet", &[dims], |_, x| x[0].slogdet().0, |x| each(&x[0], |a| {
                ndarray::arr0(plain::det(a).signum()).into_dyn()
            })),
        ]);
    }
    // Of ranks 1 and 2, and none: derivatives are those of a polynomial.
    let singular = [
        array![[1.0, 2.0], [2.0, 4.0]].into_dyn(),
        array![[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]].into_dyn(),
        array![[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 6.0, 9.0]].into_dyn(),
    ];
    for a in singular {
        examples.push(
            example!("det of a singular matrix", &[&[2, 2]], |_, x| x[0].det(), |x| each(&x[0], |a| {
                ndarray::arr0(plain::det(a)).into_dyn()
            }))
            .on(vec![a]),
        );
    }
    examples
}

/// A product that the matrix must be, by parts that are differentiated: L·U in the order of the rows, or Q·R.
fn lu_and_qr() -> Vec<Example> {
    fn again<T: Float>(x: Tensor<'_, T>) -> Tensor<'_, T> {
        let (lu, _) = x.lu();
        let lower = any(lu, |lu| {
            let lower = lu.tril(-1);
            let square = super::fit::fit(lower, lu, [-2, -2]);
            square + square.ones_like().tril(0).triu(0)
        });
        lower.matmul(lu.triu(0))
    }
    let mut examples = Vec::new();
    for dims in [&[3, 3][..], &[2, 4, 2], &[2, 5], &[1, 1], &[0, 2], &[2, 0], &[0, 3, 3]] {
        examples.extend([
            // Rows in order of size need no exchange.
            example!("lu", &[dims], |_, x| again(regular(x[0] * 0.3)), |x| each(&x[0], |a| plain::regular(
                &(a * 0.3)
            )
            .into_dyn())),
            example!(
                "qr",
                &[dims],
                |_, x| {
                    let (q, r) = x[0].qr();
                    q.matmul(r)
                },
                |x| x[0].clone()
            ),
            example_f64(
                "squares of qr",
                &[dims],
                |_, x| {
                    let (q, r) = regular(x[0]).qr();
                    (q.square() * 2.0).matmul(r.square())
                },
                |x| {
                    each(&x[0], |a| {
                        let (q, r) = plain::qr(&plain::regular(a));
                        (q.mapv(|x| 2.0 * x * x)).dot(&r.mapv(|x| x * x)).into_dyn()
                    })
                },
            ),
            example!(
                "qr in full",
                &[dims],
                |_, x| {
                    let (q, r) = x[0].qr_with(true);
                    x[0] + (q.matmul(r) - x[0]).stop_gradient()
                },
                |x| x[0].clone()
            ),
        ]);
    }
    examples.extend([
        example!(
            "qr in full of wide ones",
            &[&[2, 3, 4]],
            |_, x| {
                let (q, r) = x[0].qr_with(true);
                q.matmul(r)
            },
            |x| x[0].clone()
        ),
        example!("order of lu", &[&[3, 2]], |_, x| x[0].lu().1.cast(), |_| array![1.0, 2.0, 0.0].into_dyn())
            .on(vec![array![[1.0, 0.0], [4.0, 1.0], [0.0, 5.0]].into_dyn()]),
        example!("lu of exchanged rows", &[&[3, 3]], |_, x| x[0].lu().0.square(), |_| array![
            [16.0, 0.0, 1.0],
            [0.0, 25.0, 1.0],
            [0.0625, 0.0, 3.0625]
        ]
        .into_dyn())
        .on(vec![array![[1.0, 0.0, 2.0], [4.0, 0.0, 1.0], [0.0, 5.0, 1.0]].into_dyn()]),
    ]);
    examples
}

fn spectra() -> Vec<Example> {
    let mut examples = Vec::new();
    for dims in SQUARES {
        examples.extend([
            example!(
                "eigh",
                &[dims],
                |_, x| {
                    let a = any(x[0], super::symmetric);
                    let (w, v) = a.eigh();
                    any(v * any(w.exp(), |w| w.expand_dims(-2)), |vw| super::nt(vw, v.any()))
                },
                |x| each(&x[0], |a| plain::exponential(&((a + &a.t()) / 2.0)).into_dyn())
            ),
            example!(
                "eigvalsh",
                &[dims],
                |_, x| any(x[0], super::symmetric).eigvalsh().square().reduce_sum(-1),
                |x| each(&x[0], |a| {
                    let symmetric = (a + &a.t()) / 2.0;
                    ndarray::arr0(symmetric.mapv(|x| x * x).sum()).into_dyn()
                })
            ),
            example!("expm", &[dims], |_, x| x[0].expm(), |x| each(&x[0], |a| plain::exponential(a)
                .into_dyn())),
        ]);
    }
    for dims in [&[3, 3][..], &[2, 4, 2], &[2, 5], &[1, 1], &[0, 2], &[2, 0], &[0, 3, 3]] {
        examples.extend([
            example!(
                "svd",
                &[dims],
                |_, x| {
                    let (u, s, vt) = x[0].svd();
                    (u * any(s, |s| s.expand_dims(-2))).matmul(vt)
                },
                |x| x[0].clone()
            ),
            example_f64(
                "vectors of svd",
                &[dims],
                |_, x| {
                    let (u, _, vt) = x[0].svd();
                    u.matmul(vt)
                },
                |x| each(&x[0], |a| plain::polar(a).into_dyn()),
            ),
            example!("svdvals", &[dims], |_, x| x[0].svdvals().square().reduce_sum(-1), |x| each(
                &x[0],
                |a| ndarray::arr0(a.mapv(|x| x * x).sum()).into_dyn()
            )),
            example!(
                "values of svd in full",
                &[dims],
                |_, x| x[0].svd_with(true).1.square().reduce_sum(-1),
                |x| each(&x[0], |a| ndarray::arr0(a.mapv(|x| x * x).sum()).into_dyn())
            ),
        ]);
    }
    examples.push(example!(
        "svd in full",
        &[&[2, 3, 3]],
        |_, x| {
            let (u, s, vt) = x[0].svd_with(true);
            (u * any(s, |s| s.expand_dims(-2))).matmul(vt)
        },
        |x| x[0].clone()
    ));
    examples
}

fn least_squares() -> Vec<Example> {
    let mut examples = Vec::new();
    for dims in [&[3, 3][..], &[2, 4, 2], &[2, 5], &[1, 1], &[0, 2], &[2, 0], &[0, 3, 3]] {
        examples.push(example!("pinv", &[dims], |_, x| regular(x[0]).pinv(), |x| each(&x[0], |a| {
            plain::pinv(&plain::regular(a)).into_dyn()
        })));
    }
    for (a, b) in [
        (&[3, 3][..], &[3, 2][..]),
        (&[2, 4, 2], &[4, 3]),
        (&[2, 5], &[2, 1]),
        (&[3, 0], &[3, 2]),
        (&[0, 3], &[0, 1]),
    ] {
        examples.push(example!("lstsq", &[a, b], |_, x| regular(x[0]).lstsq(x[1]), |x| {
            let b = x[1].clone().into_dimensionality::<Ix2>().unwrap();
            each(&x[0], |a| plain::pinv(&plain::regular(a)).dot(&b).into_dyn())
        }));
    }
    examples.extend([
        example!("lstsq of a vector", &[&[5, 2], &[5]], |_, x| x[0].lstsq_with(x[1], 1e-10), |x| {
            let b = x[1].clone().into_dimensionality::<ndarray::Ix1>().unwrap();
            each(&x[0], |a| plain::pinv(a).dot(&b).into_dyn())
        }),
        // Of rank 2, whatever the numbers.
        example!("pinv of rank 2", &[&[4, 2], &[2, 3]], |_, x| x[0].matmul(x[1]).pinv_with(1e-5), |x| {
            let b = x[1].clone().into_dimensionality::<Ix2>().unwrap();
            each(&x[0], |a| plain::pinv(&b).dot(&plain::pinv(a)).into_dyn())
        }),
        example!(
            "lstsq of rank 2",
            &[&[4, 2], &[2, 3], &[4, 2]],
            |_, x| x[0].matmul(x[1]).lstsq_with(x[2], 1e-5),
            |x| {
                let [b, c] = [1, 2].map(|place| x[place].clone().into_dimensionality::<Ix2>().unwrap());
                each(&x[0], |a| plain::pinv(&b).dot(&plain::pinv(a).dot(&c)).into_dyn())
            }
        ),
    ]);
    examples
}

fn others() -> Vec<Example> {
    let mut examples = Vec::new();
    for dims in [&[3, 3][..], &[2, 3], &[4, 2], &[1, 1], &[0, 3]] {
        examples.extend([
            example!("trace", &[dims], |_, x| x[0].trace() * 2.0, |x| ndarray::arr0(
                2.0 * (0..x[0].shape()[0].min(x[0].shape()[1])).map(|i| x[0][[i, i]]).sum::<f64>()
            )
            .into_dyn()),
            example!("matrix_norm 1", &[dims], |_, x| x[0].matrix_norm("1"), |x| ndarray::arr0(
                x[0].mapv(f64::abs).sum_axis(Axis(0)).fold(0.0, |a: f64, &b| a.max(b))
            )
            .into_dyn()),
            example!("matrix_norm inf", &[dims], |_, x| x[0].matrix_norm("inf"), |x| ndarray::arr0(
                x[0].mapv(f64::abs).sum_axis(Axis(1)).fold(0.0, |a: f64, &b| a.max(b))
            )
            .into_dyn()),
            example!("matrix_norm fro", &[dims], |_, x| x[0].matrix_norm("fro"), |x| ndarray::arr0(
                x[0].mapv(|x| x * x).sum().sqrt()
            )
            .into_dyn()),
            example!("matrix_band_part", &[dims], |_, x| x[0].matrix_band_part(1, 0) * x[0], |x| {
                let mut banded = x[0].clone();
                banded.indexed_iter_mut().for_each(|(place, x)| {
                    *x = if place[0] == place[1] || place[0] == place[1] + 1 { *x * *x } else { 0.0 }
                });
                banded
            }),
        ]);
    }
    examples.extend([
        example!("matrix_band_part of all", &[&[2, 3, 3]], |_, x| x[0].matrix_band_part(-1, -1), |x| x[0]
            .clone()),
        example!("matrix_norm 2", &[&[2, 2]], |_, x| x[0].matrix_norm("2"), |x| each(&x[0], |a| {
            // Of two by two, by the trace and the determinant of aᵀ·a.
            let (trace, det) = (a.mapv(|x| x * x).sum(), plain::det(a).powi(2));
            ndarray::arr0(f64::midpoint(trace, (trace * trace - 4.0 * det).sqrt()).sqrt()).into_dyn()
        })),
        example!("matrix_norm nuc", &[&[2, 2]], |_, x| x[0].matrix_norm("nuc"), |x| each(&x[0], |a| {
            let trace = a.mapv(|x| x * x).sum();
            ndarray::arr0((trace + 2.0 * plain::det(a).abs()).sqrt()).into_dyn()
        })),
        example!("matrix_norm nuc of nothing", &[&[2, 0, 3]], |_, x| x[0].matrix_norm("nuc"), |_| {
            ArrayD::zeros(vec![2])
        }),
        example!("matrix_norm 2 of nothing", &[&[2, 0, 3]], |_, x| x[0].matrix_norm("2"), |_| ArrayD::zeros(
            vec![2]
        )),
    ]);
    for [a, b] in [[&[2, 3][..], &[3, 2][..]], [&[1, 1], &[2, 4]], [&[0, 3], &[2, 2]]] {
        examples.push(example!("kron", &[a, b], |_, x| x[0].kron(x[1]), |x| {
            let [m, n] = [x[0].shape()[0], x[0].shape()[1]];
            let [p, q] = [x[1].shape()[0], x[1].shape()[1]];
            ArrayD::from_shape_fn(vec![m * p, n * q], |at| {
                x[0][[at[0] / p, at[1] / q]] * x[1][[at[0] % p, at[1] % q]]
            })
        }));
    }
    examples
        .push(example!("kron of batches", &[&[2, 1, 1], &[2, 2]], |_, x| x[0].kron(x[1]), |x| &x[0] * &x[1]));
    examples
}

/// What gradients are made of.
fn parts() -> Vec<Example> {
    let mut examples = Vec::new();
    for (from, like) in
        [(&[2, 3][..], &[4, 2][..]), (&[2, 4, 1], &[3, 5]), (&[2, 2], &[2, 2]), (&[0, 3], &[2, 2])]
    {
        examples.push(example!(
            "matrix_fit",
            &[from, like],
            |_, x| Tensor::typed(super::fit::fit(x[0].any(), x[1].any(), [-1, -2])),
            |x| {
                let [rows, columns] = [x[1].shape()[x[1].ndim() - 1], x[1].shape()[x[1].ndim() - 2]];
                each(&x[0], |a| {
                    let element = |(i, j)| a.get([i, j]).copied().unwrap_or(0.0);
                    Array2::from_shape_fn((rows, columns), element).into_dyn()
                })
            }
        ));
    }
    examples
}
