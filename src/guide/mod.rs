//! Pages to read, each a whole: where to begin, how things are done, and tables.
//!
//! Begin with the page for what you know: [TensorFlow 1](from_tensorflow), [JAX or PyTorch](from_jax_and_pytorch), or
//! [ndarray](from_ndarray). A page is there with the features of the crate that its programs and
//! links need.

/// For users of TensorFlow 1: a table of names, what differs, and a program in both.
#[cfg(all(feature = "csv", feature = "tensorboard", feature = "trace", feature = "train"))]
#[doc = include_str!("from_tensorflow.md")]
pub mod from_tensorflow {}

/// For users of JAX and PyTorch: tables of names, and a program in each.
#[cfg(all(feature = "csv", feature = "safetensors"))]
#[doc = include_str!("from_jax_and_pytorch.md")]
pub mod from_jax_and_pytorch {}

/// For users of ndarray: which version, how arrays go in and out, and a program in both.
#[doc = include_str!("from_ndarray.md")]
pub mod from_ndarray {}

/// A model in a struct, in threads, in files, and in a service.
#[cfg(all(feature = "csv", feature = "safetensors"))]
#[doc = include_str!("a_model_inside_a_program.md")]
pub mod a_model_inside_a_program {}

/// Data, the training loop, what is measured, and what is kept.
#[cfg(all(feature = "csv", feature = "tensorboard", feature = "train"))]
#[doc = include_str!("training.md")]
pub mod training {}

/// Curves, pictures of graphs, progress, traces.
#[cfg(all(feature = "csv", feature = "tensorboard", feature = "trace", feature = "train"))]
#[doc = include_str!("watching_a_training.md")]
#[doc = include_str!("../../examples/pictures/mlp_digits.svg")]
#[doc = include_str!("../../examples/pictures/mlp_digits_graph.svg")]
#[doc = include_str!("watching_a_training_more.md")]
pub mod watching_a_training {}

/// Branches and loops inside of a graph, with their gradients.
#[doc = include_str!("control_flow.md")]
pub mod control_flow {}

/// How to prove that a gradient is right: against central differences, and against one derived by hand.
#[doc = include_str!("testing_gradients.md")]
pub mod testing_gradients {}

/// The six stages of a run, as the text that each prints, and pictures of a plan and of a trace.
#[doc = include_str!("how_a_run_works.md")]
#[doc = include_str!("../../examples/pictures/trace.svg")]
#[doc = include_str!("../../examples/pictures/explain.svg")]
pub mod how_a_run_works {}

/// Figures, with the commands that repeat them, and what they come from.
#[doc = include_str!("how_fast.md")]
pub mod how_fast {}

/// What every op gives, with its gradient.
#[doc = include_str!("ops.md")]
#[cfg_attr(feature = "fft", doc = include_str!("ops_fft.md"))]
pub mod ops {}

#[cfg(test)]
mod tests {
    /// `0.17` for a dependency on `"0.17.2"`.
    fn version_of_ndarray() -> String {
        let manifest = include_str!("../../Cargo.toml");
        let version = manifest.lines().find_map(|line| line.strip_prefix("ndarray = \"")).unwrap();
        version.split('.').take(2).collect::<Vec<_>>().join(".")
    }

    #[test]
    fn users_are_told_the_version_of_ndarray_that_is_used() {
        let version = version_of_ndarray();
        let page = include_str!("from_ndarray.md");
        assert!(page.contains(&format!("uses `ndarray` {version} and re-exports it")), "{version}");
        assert!(page.contains(&format!("\nndarray = \"{version}\"\n")), "{version}");
        assert!(
            include_str!("../../README.md").contains(&format!("those of `ndarray` {version},")),
            "{version}"
        );
    }
}
