//! The messages of saved models. Fields that are not listed are skipped.
//!
//! Names, numbers and types of the fields are those of `saved_model.proto` and `meta_graph.proto` in
//! <https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core/protobuf>.

use std::collections::BTreeMap;

use crate::io::tensorflow::{GraphDef, TensorShapeProto};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SavedModelProto {
    #[prost(int64, tag = "1")]
    pub(super) saved_model_schema_version: i64,
    #[prost(message, repeated, tag = "2")]
    pub(super) meta_graphs: Vec<MetaGraphDef>,
}

// The names are those of the format.
#[allow(clippy::struct_field_names)]
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MetaGraphDef {
    #[prost(message, optional, tag = "1")]
    pub(super) meta_info_def: Option<MetaInfoDef>,
    #[prost(message, optional, tag = "2")]
    pub(super) graph_def: Option<GraphDef>,
    #[prost(message, optional, tag = "3")]
    pub(super) saver_def: Option<SaverDef>,
    #[prost(btree_map = "string, message", tag = "4")]
    pub(super) collection_def: BTreeMap<String, CollectionDef>,
    #[prost(btree_map = "string, message", tag = "5")]
    pub(super) signature_def: BTreeMap<String, SignatureDef>,
    #[prost(message, repeated, tag = "6")]
    pub(super) asset_file_def: Vec<AssetFileDef>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MetaInfoDef {
    #[prost(string, repeated, tag = "4")]
    pub(super) tags: Vec<String>,
    #[prost(string, tag = "5")]
    pub(super) tensorflow_version: String,
}

/// Of the kinds of collections, those of names.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CollectionDef {
    #[prost(message, optional, tag = "1")]
    pub(super) node_list: Option<NodeList>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct NodeList {
    #[prost(string, repeated, tag = "1")]
    pub(super) value: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SignatureDef {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) inputs: BTreeMap<String, TensorInfo>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(super) outputs: BTreeMap<String, TensorInfo>,
    #[prost(string, tag = "3")]
    pub(super) method_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TensorInfo {
    /// Empty for tensors of several parts.
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(int32, tag = "2")]
    pub(super) dtype: i32,
    #[prost(message, optional, tag = "3")]
    pub(super) tensor_shape: Option<TensorShapeProto>,
}

/// Of `saver.proto`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SaverDef {
    #[prost(string, tag = "1")]
    pub(super) filename_tensor_name: String,
    #[prost(string, tag = "2")]
    pub(super) save_tensor_name: String,
    #[prost(string, tag = "3")]
    pub(super) restore_op_name: String,
    #[prost(int32, tag = "4")]
    pub(super) max_to_keep: i32,
    #[prost(int32, tag = "7")]
    pub(super) version: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AssetFileDef {
    #[prost(string, tag = "2")]
    pub(super) filename: String,
}
