//! What a program that uses flowgrad imports: `use flowgrad::prelude::*;`.

#[cfg(feature = "csv")]
pub use crate::data::{Csv, read_csv};
pub use crate::data::{Dataset, Prefetch as _, Standardiser};
pub use crate::initializer::{
    Initializer, full, glorot_normal, glorot_uniform, he_normal, he_uniform, lecun_normal, lecun_uniform,
    ones, orthogonal, random_normal, random_uniform, truncated_normal, zeros,
};
#[cfg(feature = "safetensors")]
pub use crate::io::checkpoint::Checkpoint;
#[cfg(feature = "safetensors")]
pub use crate::io::frozen::Frozen;
#[cfg(feature = "tensorboard")]
pub use crate::io::tensorboard::SummaryWriter;
pub use crate::ndarray;
pub use crate::nn::{
    AvgPool2d, BatchNorm, Conv1d, Conv1dTranspose, Conv2d, Conv2dTranspose, Dense, Dropout, Embedding,
    Flatten, GruCell, Layer, LayerNorm, LstmCell, MaxPool2d, Mode, MultiHeadAttention, Rnn, RnnCell,
    Sequential,
};
pub use crate::optimizer::{Adagrad, Adam, AdamW, Ema, Momentum, RmsProp, Schedule, Sgd, global_step};
pub use crate::testing::{AssertClose as _, check_against, check_gradients};
#[cfg(feature = "train")]
pub use crate::train::{EarlyStopping, Trainer};
pub use crate::{
    Attention, Axes, AxisRange, Callable, Convolution, CustomPullback, DType, Element, Error, Fetch, Float,
    Gradients, Graph, IndexOperand, Indexing, Integer, Item, Length, Numeric, Operand, Operation, Pad,
    Padding, Parameters, QuantileMethod, Result, Scan, Session, Shape, SparseMatrix, Tensor, Trace, Value,
    Variable, While, Window, custom_gradient, hessian, hessian_vector_product,
    hessian_vector_product_or_zeros, jacobian, jvp, jvp_or_zeros,
};
#[cfg(feature = "fft")]
pub use crate::{ConvolveMethod, ConvolveMode};
