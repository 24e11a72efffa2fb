//! [`import`]: models of [ONNX](https://onnx.ai) as part of a graph, to run, to differentiate and to train on.
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
