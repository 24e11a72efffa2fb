//! [`At`]: what the rows of tables are told of an item, and what many of them write.

use super::block::{Block, I64, Port, number, of_type};
use crate::graph::op::{AttributeValue, Attributes};
use crate::io::export::Item;
use crate::io::tensorflow::Attr;
use crate::shape::{Axes, TensorType, resolve_axis};

/// An item that is being written.
pub(super) struct At<'w, 'a> {
    pub(super) block: &'w mut Block,
    pub(super) item: &'w Item<'a>,
    pub(super) inputs: &'w [Port],
    /// The types of the inputs.
    pub(super) types: &'w [&'w TensorType],
    /// What the op is told.
    pub(super) attributes: &'w Attributes,
}

/// The outputs of an item, or what of it is not supported.
pub(super) type Ports = Result<Vec<Port>, String>;

/// An op, and what writes it.
pub(super) type Row = (&'static str, fn(&mut At<'_, '_>) -> Ports);

/// The one output of an item.
#[allow(clippy::unnecessary_wraps, reason = "what rows give")]
pub(super) fn one(port: Port) -> Ports {
    Ok(vec![port])
}

impl At<'_, '_> {
    pub(super) fn attribute<T: AttributeValue>(&self, name: &'static str) -> Result<T, String> {
        self.attributes.value(name).map_err(|fault| fault.to_string())
    }

    pub(super) fn attribute_or<T: AttributeValue>(&self, name: &'static str, absent: T) -> Result<T, String> {
        self.attributes.value_or(name, absent).map_err(|fault| fault.to_string())
    }

    /// An axis of an input, counted from the first.
    pub(super) fn axis(&self, name: &'static str, input: usize) -> Result<usize, String> {
        let axis: isize = self.attribute_or(name, 0)?;
        resolve_axis(axis, self.rank(input)).map_err(|error| error.to_string())
    }

    pub(super) fn axes(&self, name: &'static str, input: usize) -> Result<Vec<usize>, String> {
        let axes: Axes = self.attribute(name)?;
        axes.resolve(self.rank(input)).map_err(|error| error.to_string())
    }

    pub(super) fn rank(&self, input: usize) -> usize {
        self.types[input].shape.rank()
    }

    /// The type of an output.
    pub(super) fn output(&self, output: usize) -> &TensorType {
        &self.item.types[output]
    }

    /// A tensor with lengths that are known but for one at most.
    pub(super) fn reshaped(&mut self, x: Port, lengths: &[Option<usize>]) -> Result<Port, String> {
        if lengths.iter().filter(|length| length.is_none()).count() > 1 {
            return Err("expected one unknown length at most, got several".to_owned());
        }
        let lengths: Vec<i64> =
            lengths.iter().map(|length| length.map_or(-1, |length| length as i64)).collect();
        let lengths = self.block.longs(&lengths);
        Ok(self.block.reshape(x, lengths))
    }

    /// Several axes made one, in the shape of a tensor of so many axes: those from one on, as many as they are together.
    pub(super) fn flat(&mut self, x: Port, axes: std::ops::Range<usize>, length: Port) -> Port {
        let shape = self.block.shape(x);
        let before = self.part(shape, 0, axes.start as i64);
        let behind = self.part(shape, axes.end as i64, -1);
        let length = self.block.pack(&[length], 0);
        let lengths = self.block.concat(&[before, length, behind], 0);
        self.block.reshape(x, lengths)
    }

    /// So many elements of an array of one axis from a place on; all of them for -1.
    pub(super) fn part(&mut self, of: Port, first: i64, count: i64) -> Port {
        let [first, count] = [first, count].map(|number| self.block.longs(&[number]));
        let attributes = vec![of_type("T", of.dtype), of_type("Index", number(I64))];
        self.block.node("Slice", &[of, first, count], attributes, of.dtype)
    }

    /// 0, 1, 2 and so on, so many.
    pub(super) fn range(&mut self, limit: Port) -> Port {
        let [start, step] = [0, 1].map(|number| self.block.long(number));
        let attributes = vec![of_type("Tidx", number(I64))];
        self.block.node("Range", &[start, limit, step], attributes, number(I64))
    }

    /// 0, 1, 2 and so on along an axis, repeated to the shape of a tensor of so many axes.
    pub(super) fn counted(&mut self, like: Port, rank: usize, axis: usize) -> Port {
        let limit = self.block.length(like, axis);
        let range = self.range(limit);
        let mut lengths = vec![1_i64; rank];
        lengths[axis] = -1;
        let lengths = self.block.longs(&lengths);
        let range = self.block.reshape(range, lengths);
        let shape = self.block.shape(like);
        self.block.broadcast(range, shape)
    }

    /// A tensor whose first axis is put behind as many others.
    pub(super) fn back(&mut self, x: Port, rank: usize, axis: usize) -> Port {
        if axis == 0 {
            return x;
        }
        let axes: Vec<usize> = (1..=axis).chain([0]).chain(axis + 1..rank).collect();
        self.block.transpose(x, &axes)
    }

    /// A tensor with some neighboring axes put before all others.
    pub(super) fn front(&mut self, x: Port, rank: usize, axes: std::ops::Range<usize>) -> Port {
        if axes.start == 0 {
            return x;
        }
        let axes: Vec<usize> = axes.clone().chain(0..axes.start).chain(axes.end..rank).collect();
        self.block.transpose(x, &axes)
    }

    /// A tensor with an axis exchanged with its last one.
    pub(super) fn last(&mut self, x: Port, rank: usize, axis: usize) -> Port {
        if axis + 1 == rank {
            return x;
        }
        let mut axes: Vec<usize> = (0..rank).collect();
        axes.swap(axis, rank - 1);
        self.block.transpose(x, &axes)
    }

    /// Values at rows of indices.
    pub(super) fn gather_nd(&mut self, x: Port, indices: Port) -> Port {
        let attributes = vec![of_type("Tparams", x.dtype), of_type("Tindices", indices.dtype)];
        self.block.node("GatherNd", &[x, indices], attributes, x.dtype)
    }

    pub(super) fn gather(&mut self, x: Port, indices: Port, axis: usize, batch_dims: usize) -> Port {
        let axis = self.block.int(axis as i64);
        let attributes = vec![
            of_type("Tparams", x.dtype),
            of_type("Tindices", indices.dtype),
            of_type("Taxis", axis.dtype),
            ("batch_dims", Attr::Int(batch_dims as i64)),
        ];
        self.block.node("GatherV2", &[x, indices, axis], attributes, x.dtype)
    }

    /// A scatter of updates into a tensor, at rows of indices.
    pub(super) fn scatter(&mut self, op: &str, x: Port, indices: Port, updates: Port) -> Port {
        let attributes = vec![of_type("T", x.dtype), of_type("Tindices", indices.dtype)];
        self.block.node(op, &[x, indices, updates], attributes, x.dtype)
    }

    /// A new axis of length 1 at the end.
    pub(super) fn with_last_axis(&mut self, x: Port) -> Port {
        self.with_axis(x, -1)
    }

    /// A new axis of length 1.
    pub(super) fn with_axis(&mut self, x: Port, axis: i64) -> Port {
        let axis = self.block.int(axis);
        let attributes = vec![of_type("T", x.dtype), of_type("Tdim", axis.dtype)];
        self.block.node("ExpandDims", &[x, axis], attributes, x.dtype)
    }
}
