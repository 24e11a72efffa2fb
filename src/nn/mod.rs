//! Layers, from which models are put together.
//!
//! A layer is a plain struct of variables, and calling it adds nodes to the graph. A model that is trained is called
//! twice, once in each [`Mode`], on the same variables: the output in [`Mode::Train`] goes into the loss, and the
//! output in [`Mode::Predict`] is the prediction. Layers in a row are a [`Sequential`], which is a layer as well;
//! a function of a tensor, such as `Tensor::relu`, is one too.
//!
//! ```
//! use flowgrad::prelude::*;
//! let g = Graph::with_seed(1);
//! let model = Sequential::new()
//!     .add(Dense::new(&g, "fc1", 4, 16))
//!     .add(BatchNorm::new(&g, "bn1", 16))
//!     .add(Tensor::relu)
//!     .add(Dropout::new("drop1", 0.2))
//!     .add(Dense::new(&g, "fc2", 16, 3));
//!
//! let x = g.placeholder::<f32>("x", [None, Some(4)]);
//! let labels = g.placeholder::<i64>("labels", [None]);
//! let loss = model.call(x, Mode::Train).sparse_softmax_cross_entropy(labels).reduce_mean(..);
//! let classes = model.call(x, Mode::Predict).argmax(-1);
//!
//! let kernels = ["fc1/kernel", "fc2/kernel"].map(|name| g.find_variable::<f32>(name).unwrap());
//! let steps = kernels.into_iter().zip(loss.gradients(kernels));
//! let train = g.group(steps.map(|(kernel, gradient)| kernel.assign_sub(gradient * 0.5).op()));
//!
//! let session = Session::new(&g)?;
//! let (flowers, species) = (ndarray::Array2::eye(4), ndarray::arr1(&[0_i64, 1, 2, 0]));
//! for _ in 0..200 {
//!     session.feed(x, &flowers).feed(labels, &species).run(train)?;
//! }
//! assert_eq!(session.feed(x, &flowers).run(classes)?, species.into_dyn());
//! # Ok::<(), flowgrad::Error>(())
//! ```
//!
//! Sequences go through an [`Rnn`], step by step with a [`GruCell`] or an [`LstmCell`], or through
//! [`MultiHeadAttention`].
//!
//! # Names
//!
//! A layer `fc1` has the variables `fc1/kernel` and `fc1/bias`, within the scope in which it is made; two layers of one
//! name are a build error. A call adds its nodes in a scope of the layer's name, which is numbered from the second
//! call on: `fc1/matmul`, `fc1_1/matmul`. These names in errors show which layer is meant.
//!
//! # Other starts, shared variables
//!
//! `new` starts variables as Keras does, and `without_bias` makes a layer without one. For another start, or
//! a variable that two layers share, write the struct with all its fields: what a struct takes from `..Dense::new(..)`
//! comes with all the variables that `new` makes, and those that no layer has stay in the graph and in its checkpoints.
//!
//! ```
//! use flowgrad::prelude::*;
//! let g = Graph::new();
//! let kernel = g.variable("fc1/kernel", random_normal([4, 16], 0.0, 0.1));
//! let layer = Dense { name: "fc1".to_owned(), kernel, bias: None };
//! let x = g.placeholder::<f32>("x", [None, Some(4)]);
//! assert_eq!(layer.call(x, Mode::Train).shape().to_string(), "[?, 16]");
//! ```

mod batch_norm;
mod convolutions;
mod dense;
mod dropout;
mod embedding;
mod fitting;
mod flatten;
mod layer;
mod layer_norm;
mod multi_head_attention;
mod normalization;
mod pool2d;
mod recurrent;
mod sequential;

pub use batch_norm::BatchNorm;
pub use convolutions::{Conv1d, Conv1dTranspose, Conv2d, Conv2dTranspose};
pub use dense::Dense;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use flatten::Flatten;
pub use layer::{Layer, Mode};
pub use layer_norm::LayerNorm;
pub use multi_head_attention::MultiHeadAttention;
pub use normalization::{batch_normalization, layer_norm};
pub use pool2d::{AvgPool2d, MaxPool2d};
pub use recurrent::{GruCell, LstmCell, Rnn, RnnCall, RnnCell};
pub use sequential::Sequential;
