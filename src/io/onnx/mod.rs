//! [`import`]: models of [ONNX](https://onnx.ai) as part of a graph, to run, to differentiate and to train on; and
//! [`export`]: a part of a graph, be it a model or a step of its training, as one of ONNX.
//!
//! # In
//!
//! Opsets 7 to 28 are read. Values have a fixed number of axes here, and lengths that are computed out of lengths:
//! shape arithmetic (`Shape`, `Gather`, `Concat`, ..) is done while importing and leaves nothing behind, and lengths that
//! the file leaves open are known when they are fed. What a shape is made of must therefore be known while importing:
//! [`ImportOptions::bind`] gives an input a value.
//!
//! | in the file | here |
//! |---|---|
//! | inputs | placeholders of their names |
//! | initializers | constants, or variables, as [`ImportOptions::trainable`] chooses |
//! | `f16`, `bf16` | `f32`, with a [note](Imported::notes) |
//! | integers of 8 and 16 bits | `i32`; of 32 and 64 bits without a sign, `i64`; with a note |
//! | open lengths of inputs | unknown lengths; their names are kept by [`ImportedInput::axes`] |
//! | `If`, `Loop`, `Scan` | [`Graph::cond`](crate::Graph::cond), [`while_loop`](crate::Graph::while_loop), [`scan`](crate::Graph::scan) |
//! | functions of the model | their nodes, in the place of each call |
//!
//! All ops and attributes that are not supported are told in one [error](OnnxError::Unsupported). A model is built twice, first
//! in a graph that is thrown away, so an import that fails leaves the graph as it was.
//!
//! ```
//! use flowgrad::io::onnx::{self, ImportOptions};
//! use flowgrad::prelude::*;
//! // y = relu(x + b), in a file of 74 bytes, with b = 1.
//! let bytes = b"\x08\x0a:B\
//!     \x0a\x0e\x0a\x01x\x0a\x01b\x12\x01s\x22\x03Add\
//!     \x0a\x0c\x0a\x01s\x12\x01y\x22\x04Relu\
//!     *\x0b\x10\x01B\x01bJ\x04\x00\x00\x80?\
//!     Z\x10\x0a\x01x\x12\x0b\x0a\x09\x08\x01\x12\x05\x0a\x03\x12\x01n\
//!     b\x03\x0a\x01yB\x02\x10\x15";
//! let g = Graph::new();
//! let model = onnx::import(&g, bytes, &ImportOptions::new())?;
//! let (x, y) = (model.input("x").unwrap(), model.output("y").unwrap());
//! assert_eq!(x.shape().to_string(), "[?]");
//! let y = Session::new(&g)?.feed(x.typed::<f32>(), &ndarray::arr1(&[-3.0, 1.0])).run(y.typed::<f32>())?;
//! assert_eq!(y, ndarray::arr1(&[0.0, 2.0]).into_dyn());
//! # Ok::<(), flowgrad::Error>(())
//! ```

//!
//! # Out
//!
//! Models are written in opset 28 with elements of `f32`, `f64`, `i32`, `i64` and `bool`; ONNX Runtime 1.32 runs them.
//! Gradients are nodes like any other, so the graph of a training step is a model, too: what it assigns is an output, and
//! the variable an input that has a default. To train on, a run is fed the variables that the run before has given.
//!
//! | here | in the file |
//! |---|---|
//! | inputs | inputs of their names; lengths that are not known have names, by [`ExportOptions::axis`] |
//! | variables | initializers of their names, with the values that the session holds |
//! | variables that the outputs or [`ExportOptions::updates`] assign | also inputs, and outputs of the name and `_new` |
//! | calls of functions | their nodes, in the place of each call |
//! | `cond`, `switch_case` | `If` |
//! | `scan`, `fold`, `map_fn`, and their gradients | `Scan` |
//! | `while_loop` | `Loop`; its gradient, which keeps rows of an unknown number, is refused |
//! | convolutions, pools | `Conv`, `ConvTranspose`, `MaxPool` between transposes; in `f64`, where runtimes lack them, sums of products |
//! | dropout | numbers that the runtime draws |
//! | checks of values, `print` | what they pass on |
//!
//! An op that ONNX lacks is written as the few functions that a run computes it by. Lengths that are fed are computed there by
//! formulas of those of the inputs; where these are no sums and products of them, for short lengths as for long ones, the op
//! is refused. So is a branch that gives nothing of lengths that are no input's. All that cannot be written is told in one [error](OnnxExportError::Unsupported). Numbers agree within rounding;
//! what fails a run here, such as a label out of range, need not fail it there, and where NaN is among
//! what is ordered, by `argmax`, `top_k` and `ReduceMax`, runtimes differ.
//!
//! ```
//! use flowgrad::io::onnx::{self, ExportOptions};
//! use flowgrad::prelude::*;
//! let g = Graph::new();
//! let (x, y) = (g.placeholder::<f32>("x", [None, Some(3)]), g.placeholder::<f32>("y", [None, Some(1)]));
//! let loss = Dense::new(&g, "dense", 3, 1).call(x, Mode::Train).mean_squared_error(y).named("loss");
//! let train = Sgd::new(0.1).minimize(loss);
//! let options = ExportOptions::new().axis("x", 0, "batch").axis("y", 0, "batch").updates(train);
//! let step = onnx::export(&Session::new(&g)?, &[x.any(), y.any()], &[loss.any()], &options)?;
//! // It is fed `dense/kernel`, unless that is as it was exported, and gives `dense/kernel_new`.
//! assert!(step.windows(16).any(|text| text == b"dense/kernel_new"));
//! # Ok::<(), flowgrad::Error>(())
//! ```

mod error;
mod export;
mod fold;
mod item;
mod messages;
mod model;
mod node;
mod ops;
mod options;
mod scope;
mod table;
mod tensor;
mod types;

pub use crate::io::missing::Unsupported;
pub use error::{FaultyNode, Needed, OnnxError};
pub use export::{ExportOptions, OnnxExportError, export, export_file};
pub use model::{Imported, ImportedInput, import, import_file};
pub use options::{CustomNode, ImportOptions};
