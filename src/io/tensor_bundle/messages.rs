//! The messages of checkpoints. Fields that are not listed are skipped.
//!
//! Names, numbers and types of the fields are those of `tensorflow/core/protobuf/tensor_bundle.proto`,
//! `tensorflow/core/framework/tensor_slice.proto` and `tensorflow/core/util/saved_tensor_slice.proto` in
//! <https://github.com/tensorflow/tensorflow>.

use crate::io::tensorflow::{TensorProto, TensorShapeProto, VersionDef};

/// What stands under the empty key of an index.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct BundleHeaderProto {
    #[prost(int32, tag = "1")]
    pub(super) num_shards: i32,
    /// 0: little-endian, 1: big-endian.
    #[prost(int32, tag = "2")]
    pub(super) endianness: i32,
    #[prost(message, optional, tag = "3")]
    pub(super) version: Option<VersionDef>,
}

/// What stands under the name of a tensor, or under the key of a slice.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct BundleEntryProto {
    #[prost(int32, tag = "1")]
    pub(super) dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) shape: Option<TensorShapeProto>,
    #[prost(int32, tag = "3")]
    pub(super) shard_id: i32,
    #[prost(int64, tag = "4")]
    pub(super) offset: i64,
    #[prost(int64, tag = "5")]
    pub(super) size: i64,
    #[prost(fixed32, tag = "6")]
    pub(super) crc32c: u32,
    #[prost(message, repeated, tag = "7")]
    pub(super) slices: Vec<TensorSliceProto>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TensorSliceProto {
    #[prost(message, repeated, tag = "1")]
    pub(super) extent: Vec<Extent>,
}

/// A part of an axis; without a length, all of it.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Extent {
    #[prost(int64, tag = "1")]
    pub(super) start: i64,
    #[prost(int64, optional, tag = "2")]
    pub(super) length: Option<i64>,
}

/// A value of a file of the first version: under the empty key `meta`, under others `data`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SavedTensorSlices {
    #[prost(message, optional, tag = "1")]
    pub(super) meta: Option<SavedTensorSliceMeta>,
    #[prost(message, optional, tag = "2")]
    pub(super) data: Option<SavedSlice>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SavedTensorSliceMeta {
    #[prost(message, repeated, tag = "1")]
    pub(super) tensor: Vec<SavedSliceMeta>,
    #[prost(message, optional, tag = "2")]
    pub(super) versions: Option<VersionDef>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SavedSliceMeta {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) shape: Option<TensorShapeProto>,
    #[prost(int32, tag = "3")]
    pub(super) r#type: i32,
    #[prost(message, repeated, tag = "4")]
    pub(super) slice: Vec<TensorSliceProto>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SavedSlice {
    #[prost(message, optional, tag = "3")]
    pub(super) data: Option<TensorProto>,
}
