//! The laws of all ops, for graphs of TensorFlow: what is exported of each op, and of its gradients, gives the same there,
//! whether lengths are known or fed, also short ones.

#[path = "../../../../tests/interop/tensorflow/cases.rs"]
mod cases;
#[path = "../../../../tests/common/python.rs"]
mod python;

use std::collections::BTreeSet;

use ndarray::ArrayD;

use self::cases::{Numbers, Run};
use super::{ExportError, export};
use crate::graph::AnyTensor;
use crate::ops;
use crate::prelude::*;
use crate::session::Feeding;
use crate::testing::laws::{placeholders, views};

/// Ops, or derivatives of them, that are not written, whatever lengths are known: those that TensorFlow has no kernel for, and
/// random numbers by other distributions than its own.
#[rustfmt::skip]
const NOT_WRITTEN: [&str; 93] = [
    "bernoulli_of",
    "beta",
    "beta_density",
    "beta_log_density",
    "beta_log_density_by_first",
    "beta_log_density_by_second",
    "beta_log_density_by_x",
    "betainc_by_parameters",
    "binomial_entropy",
    "boolean_mask",
    "boolean_mask_transposed",
    "callback",
    "categorical",
    "cofactor",
    "convolve_rows",
    "convolve_rows_transposed",
    "cosine_transform",
    "ctc_loss",
    "ctc_loss_gradient",
    "cube",
    "cummax",
    "cummin",
    "dct",
    "distinct",
    "eigh",
    "eigvalsh",
    "erfcinv",
    "erfcinv_slope",
    "expm",
    "fft",
    "fft_transposed",
    "fold_patches",
    "gamma_density",
    "gamma_entropy",
    "gamma_log_density",
    "gamma_log_density_by_shape",
    "gamma_log_density_by_x",
    "gather_nd_with",
    "histogram_bins",
    "i0_derivative",
    "ifft",
    "ifft_transposed",
    "irfft",
    "irfft_transposed",
    "kl_div",
    "lbeta",
    "ln_ratio",
    "log_ndtr",
    "lstsq",
    "lu",
    "lu_solve",
    "negative_binomial_entropy",
    "nonzero",
    "normal_excess",
    "normal_hazard",
    "pinv",
    "poisson_entropy",
    "polygamma_rise",
    "product_of_others",
    "qr",
    "quantile_of_sorted",
    "quantile_of_sorted_transposed",
    "random_binomial",
    "random_gamma",
    "random_log_gamma",
    "random_permutation",
    "random_permutation_like",
    "random_poisson",
    "random_von_mises",
    "resize_bilinear",
    "resize_nearest_neighbor",
    "resize_transposed",
    "rfft",
    "rfft_transposed",
    "root",
    "scatter_add_with",
    "scatter_nd_add_with",
    "searchsorted",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_product_of_others",
    "segment_sum",
    "sparse_dots",
    "sparse_matmul",
    "square",
    "svd",
    "svdvals",
    "triangular_solve",
    "try_cholesky",
    "try_inv",
    "try_lu",
    "try_lu_solve",
];

/// Examples that TensorFlow computes otherwise, or refuses: NaN among what is ordered; indices into nothing; reflections of
/// nothing, though no element of them is asked for; and in `einsum` lengths of 1 that are known only when they are fed.
const OTHERWISE: [&str; 12] = [
    "argmax with NaN",
    "argmin with NaN",
    "argsort of ties",
    "argsort of ties descending",
    "gather_nd of one place",
    "gather_nd without indices",
    "gather_nd with without indices",
    "gather with of nothing",
    "gather with of no batch",
    "indices of top_k",
    "no quantiles",
    "pad with a reflection of none",
];

fn numbers(array: &ArrayD<f64>) -> Numbers {
    Numbers { dtype: "f64", shape: array.shape().to_vec(), elements: array.iter().copied().collect() }
}

/// Examples that are not cut to shorter lengths: they look at their own.
const WHOLE: [&str; 2] = ["inspect", "inspect of a part"];

/// The first elements along each axis, so many at most.
fn short(inputs: &[ArrayD<f64>], most: usize) -> Vec<ArrayD<f64>> {
    let cut = |input: &ArrayD<f64>| {
        input.slice_each_axis(|axis| ndarray::Slice::from(..axis.len.min(most))).to_owned()
    };
    inputs.iter().map(cut).collect()
}

/// Of each op and its gradients.
#[test]
fn exported_ops_give_the_same_in_tensorflow() {
    let folder = tempfile::tempdir().unwrap();
    let (mut broken, mut lacking) = (Vec::new(), BTreeSet::new());
    for (index, example) in ops::examples().into_iter().enumerate() {
        for is_known in [true, false] {
            let g = Graph::with_seed(3);
            let xs: Vec<Tensor<'_, f64>> = placeholders(&g, &views(&example.inputs), !is_known);
            let y = (example.build)(&g, &xs);
            if y.any().is_invalid() {
                continue;
            }
            let gradients: Vec<Tensor<'_, f64>> = Gradients::of([y]).wrt(&xs).into_iter().flatten().collect();
            let outputs: Vec<Tensor<'_, f64>> = std::iter::once(y).chain(gradients).collect();
            let session = Session::builder(&g).threads(1).build().unwrap();
            let given: Vec<AnyTensor<'_>> = outputs.iter().map(|y| y.any()).collect();
            let exported = match export(&session, &given, &[]) {
                Ok(exported) => exported,
                Err(ExportError::Unsupported { all }) => {
                    for one in all {
                        if is_known {
                            lacking.insert(one.op);
                        }
                    }
                    continue;
                }
                Err(error) => {
                    broken.push(format!("{}: {error}", example.name));
                    continue;
                }
            };
            let placed: Vec<&String> = exported.placeholders().iter().map(|(_, name)| name).collect();
            let run_of = |inputs: &[ArrayD<f64>]| {
                let fed = xs.iter().zip(inputs);
                let expected = fed
                    .fold(Feeding::of(&session), |run, (&x, input)| run.feed(x, input))
                    .run(outputs.clone());
                let feeds =
                    xs.iter().zip(inputs).map(|(x, input)| (format!("{}:0", x.name()), numbers(input)));
                let feeds = feeds.filter(|(name, _)| placed.contains(&name)).collect();
                let fetches =
                    exported.outputs().iter().cloned().zip(expected.ok()?.iter().map(numbers)).collect();
                Some(Run { feeds, operations: Vec::new(), fetches })
            };
            let Some(whole) = run_of(&example.inputs) else { continue };
            let mut runs = vec![whole];
            if !is_known && !WHOLE.contains(&example.name) {
                runs.extend([1, 2].iter().filter_map(|&most| run_of(&short(&example.inputs, most))));
            }
            let plain = |name: &str| name.replace(['_', ','], " ");
            if OTHERWISE.iter().any(|name| plain(name) == plain(example.name))
                || !is_known && example.name == "...,..."
            {
                continue;
            }
            let name = format!("{index}_{}_{}", example.name, if is_known { "known" } else { "fed" });
            cases::write(folder.path(), &name, exported.bytes(), exported.initializer(), &runs, 1e-9);
        }
    }
    if let Err(differs) = cases::check(folder.path()) {
        broken.push(differs);
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert_eq!(lacking.iter().map(String::as_str).collect::<Vec<_>>(), NOT_WRITTEN);
}
