//! The messages of event files: the parts of TensorFlow's protocol buffers that are written here.
//!
//! Names, numbers and types of the fields are those of `event.proto`, `summary.proto`, `histogram.proto` and `types.proto` in
//! <https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto>. A number is the meaning of a
//! field on the wire and never changes.

/// One record of an event file.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub(super) wall_time: f64,
    #[prost(int64, tag = "2")]
    pub(super) step: i64,
    #[prost(oneof = "What", tags = "3, 4, 5")]
    pub(super) what: Option<What>,
}

/// What an event tells.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    /// An encoded [`GraphDef`].
    #[prost(bytes, tag = "4")]
    GraphDef(Vec<u8>),
    #[prost(message, tag = "5")]
    Summary(Summary),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub(super) value: Vec<SummaryValue>,
}

/// `Summary.Value`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SummaryValue {
    #[prost(string, tag = "1")]
    pub(super) tag: String,
    #[prost(oneof = "Datum", tags = "2, 4, 5")]
    pub(super) value: Option<Datum>,
}

/// What a tag holds at a step.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Datum {
    #[prost(float, tag = "2")]
    SimpleValue(f32),
    #[prost(message, tag = "4")]
    Image(ImageProto),
    #[prost(message, tag = "5")]
    Histo(HistogramProto),
}

/// `Summary.Image`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ImageProto {
    #[prost(int32, tag = "1")]
    pub(super) height: i32,
    #[prost(int32, tag = "2")]
    pub(super) width: i32,
    /// The samples of a pixel: 1 is grey, 2 grey and alpha, 3 red green blue, 4 these and alpha.
    #[prost(int32, tag = "3")]
    pub(super) colorspace: i32,
    /// A PNG.
    #[prost(bytes, tag = "4")]
    pub(super) encoded_image_string: Vec<u8>,
}

/// Bucket i counts what is above `bucket_limit[i - 1]` (`min` for the first) up to `bucket_limit[i]`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct HistogramProto {
    #[prost(double, tag = "1")]
    pub(super) min: f64,
    #[prost(double, tag = "2")]
    pub(super) max: f64,
    #[prost(double, tag = "3")]
    pub(super) num: f64,
    #[prost(double, tag = "4")]
    pub(super) sum: f64,
    #[prost(double, tag = "5")]
    pub(super) sum_squares: f64,
    #[prost(double, repeated, tag = "6")]
    pub(super) bucket_limit: Vec<f64>,
    #[prost(double, repeated, tag = "7")]
    pub(super) bucket: Vec<f64>,
}

/// Element types by TensorFlow's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(super) enum DataType {
    /// No type: what a message without the field has.
    Invalid = 0,
    Float = 1,
    Double = 2,
    Int32 = 3,
    Int64 = 9,
    Bool = 10,
}
