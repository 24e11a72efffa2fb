//! [`MultiHeadAttention`]: several means of what is seen, each by weights of its own.

use super::fitting::{fault, fitting};
use super::layer::calling;
use super::{Dense, Layer, Mode};
use crate::{Attention, Float, Graph, Tensor};

/// Multi-head attention: queries, keys and values are made by a [`Dense`] each, cut into heads, attended to by
/// [`scaled_dot_product_attention`](Tensor::scaled_dot_product_attention), and put together by another `Dense`. Of
/// `[n, t, width]` it makes `[n, t, width]`, the same in both modes.
///
/// As a [`Layer`] it is self-attention: each element of a sequence attends to all of them or, if it is
/// [`causal`](Self::causal), to itself and those before. [`attend`](Self::attend) attends to another sequence,
/// [`attend_where`](Self::attend_where) under a mask.
///
/// What is not of the layer's width, or has other axes, is a build error, and so is a number of heads that does not divide
/// the width.
///
/// Source: Vaswani et al., *Attention is all you need*, 2017, section 3.2.2.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let layer = MultiHeadAttention::new(&g, "attention", 64, 8).causal();
/// let x = g.placeholder::<f32>("x", [None, None, Some(64)]);
/// let y = LayerNorm::new(&g, "norm", [64]).call(x + layer.call(x, Mode::Train), Mode::Train);
/// assert_eq!(y.shape().to_string(), "[?, ?, 64]");
/// assert_eq!(layer.query.kernel.name(), "attention/query/kernel");
/// ```
#[derive(Clone, Debug)]
pub struct MultiHeadAttention<'g, T = f32> {
    /// The layer's name, a scope for the nodes of each call.
    pub name: String,
    /// How many heads there are; they share the width.
    pub heads: usize,
    /// What makes the queries.
    pub query: Dense<'g, T>,
    /// What makes the keys.
    pub key: Dense<'g, T>,
    /// What makes the values.
    pub value: Dense<'g, T>,
    /// What makes the output of all heads.
    pub output: Dense<'g, T>,
    /// Which keys a query attends to, and the scale of the products.
    pub attention: Attention,
}

impl<'g, T: Float> MultiHeadAttention<'g, T> {
    /// A layer of so many heads for sequences of a width. Its variables are those of four [`Dense`] layers:
    /// `name/query/kernel`, `name/query/bias`, and so for `key`, `value` and `output`.
    #[track_caller]
    pub fn new(g: &'g Graph, name: &str, width: usize, heads: usize) -> Self {
        let [query, key, value, output] = ["query", "key", "value", "output"].map(|part| Dense {
            name: part.to_owned(),
            ..Dense::new(g, &format!("{name}/{part}"), width, width)
        });
        MultiHeadAttention {
            name: name.to_owned(),
            heads,
            query,
            key,
            value,
            output,
            attention: Attention::new(),
        }
    }

    /// The same layer, whose queries attend to the keys up to their own position; those behind are masked.
    pub fn causal(self) -> Self {
        MultiHeadAttention { attention: self.attention.causal(), ..self }
    }

    /// Attention of `[n, t, width]` to another sequence, `[n, s, width]`: cross-attention.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let layer = MultiHeadAttention::new(&g, "cross", 64, 8);
    /// let [x, memory] = ["x", "memory"].map(|name| g.placeholder::<f32>(name, [None, None, Some(64)]));
    /// assert_eq!(layer.attend(x, memory).shape().to_string(), "[?, ?, 64]");
    /// ```
    #[track_caller]
    pub fn attend(&self, x: Tensor<'g, T>, memory: Tensor<'g, T>) -> Tensor<'g, T> {
        self.attending(x, memory, None)
    }

    /// The same where the mask is true, which is `[n, t, s]`, `[n, 1, s]` to leave out what pads the memory, or `[t, s]`.
    /// A query whose keys are all masked gives what the output makes of zeros.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let layer = MultiHeadAttention::new(&g, "attention", 64, 8);
    /// let x = g.placeholder::<f32>("x", [None, None, Some(64)]);
    /// let is_there = g.placeholder::<bool>("is_there", [None, None]);
    /// let y = layer.attend_where(x, x, is_there.expand_dims(1));
    /// assert_eq!(y.shape().to_string(), "[?, ?, 64]");
    /// ```
    #[track_caller]
    pub fn attend_where(
        &self,
        x: Tensor<'g, T>,
        memory: Tensor<'g, T>,
        mask: Tensor<'g, bool>,
    ) -> Tensor<'g, T> {
        self.attending(x, memory, Some(mask))
    }

    #[track_caller]
    fn attending(
        &self,
        x: Tensor<'g, T>,
        memory: Tensor<'g, T>,
        mask: Option<Tensor<'g, bool>>,
    ) -> Tensor<'g, T> {
        calling(x.graph(), &self.name, || {
            let (x, memory) = (self.fitting(x), self.fitting(memory));
            let [query, key, value] = [(&self.query, x), (&self.key, memory), (&self.value, memory)]
                .map(|(layer, x)| self.cut(layer.call(x, Mode::Predict)));
            let seen = match mask {
                // All heads see by one mask.
                Some(mask) => {
                    let mask = if mask.shape().rank() > 2 { mask.expand_dims(-3) } else { mask };
                    query.masked_scaled_dot_product_attention(key, value, mask, self.attention)
                }
                None => query.scaled_dot_product_attention(key, value, self.attention),
            };
            self.output.call(seen.transpose_perm([0, 2, 1, 3]).reshape_last(2, [-1]), Mode::Predict)
        })
    }

    /// A sequence that the layer takes.
    #[track_caller]
    fn fitting(&self, x: Tensor<'g, T>) -> Tensor<'g, T> {
        let heads = self.heads;
        fitting(x.graph(), "multi_head_attention", [x.any(), self.query.kernel.any()], move |[x, kernel]| {
            let width = kernel.dims().last().copied().flatten().unwrap_or(0);
            if heads == 0 || width % heads != 0 {
                return Err(fault(format!(
                    "expected a number of heads that divides the width {width}, got {heads}"
                )));
            }
            match x.dims() {
                &[_, _, length]
                    if length.is_none_or(|length| Some(&Some(length)) == kernel.dims().first()) =>
                {
                    Ok(())
                }
                _ => Err(fault(format!("expected sequences of [batch, time, {width}], got {x}"))),
            }
        })
    }

    /// A sequence as one for each head: [n, heads, t, depth].
    #[track_caller]
    fn cut(&self, x: Tensor<'g, T>) -> Tensor<'g, T> {
        x.reshape_last(1, [self.heads as isize, self.depth() as isize]).transpose_perm([0, 2, 1, 3])
    }

    /// The width of a head.
    fn depth(&self) -> usize {
        let lengths = self.query.kernel.shape();
        lengths.dims().last().copied().flatten().unwrap_or(0) / self.heads.max(1)
    }
}

impl<'g, T: Float> Layer<'g, T> for MultiHeadAttention<'g, T> {
    #[track_caller]
    fn call(&self, x: Tensor<'g, T>, _: Mode) -> Tensor<'g, T> {
        self.attend(x, x)
    }
}
