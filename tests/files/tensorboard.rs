//! Event files hold what was written, as a reader of their bytes sees it that shares nothing with the writer: it
//! checks the sums bit by bit and knows the fields by their numbers only. `tests/files/interop.rs` asks `TensorBoard`.

mod images;
mod reader;

use std::fs;
use std::path::{Path, PathBuf};

use flowgrad::io::tensorboard::{SummaryError, SummaryWriter};
use flowgrad::ndarray::{Array2, arr1, arr2};
use flowgrad::prelude::*;
use proptest::prelude::*;
use reader::{Message, records};
use tempfile::{TempDir, tempdir};

use crate::crc32c::crc32c;

// The numbers of fields in event.proto, summary.proto, histogram.proto, graph.proto, node_def.proto,
// attr_value.proto, tensor_shape.proto, and of element types in types.proto.
const EVENT_WALL_TIME: u64 = 1;
const EVENT_STEP: u64 = 2;
const EVENT_FILE_VERSION: u64 = 3;
const EVENT_GRAPH_DEF: u64 = 4;
const EVENT_SUMMARY: u64 = 5;
const SUMMARY_VALUE: u64 = 1;
const VALUE_TAG: u64 = 1;
const VALUE_SIMPLE_VALUE: u64 = 2;
const VALUE_HISTO: u64 = 5;
const HISTOGRAM_MIN: u64 = 1;
const HISTOGRAM_MAX: u64 = 2;
const HISTOGRAM_NUM: u64 = 3;
const HISTOGRAM_SUM: u64 = 4;
const HISTOGRAM_SUM_SQUARES: u64 = 5;
const HISTOGRAM_BUCKET_LIMIT: u64 = 6;
const HISTOGRAM_BUCKET: u64 = 7;
const GRAPH_NODE: u64 = 1;
const NODE_NAME: u64 = 1;
const NODE_OP: u64 = 2;
const NODE_INPUT: u64 = 3;
const NODE_ATTR: u64 = 5;
const ENTRY_KEY: u64 = 1;
const ENTRY_VALUE: u64 = 2;
const ATTR_LIST: u64 = 1;
const ATTR_S: u64 = 2;
const ATTR_TYPE: u64 = 6;
const LIST_SHAPE: u64 = 7;
const SHAPE_DIM: u64 = 2;
const DIM_SIZE: u64 = 1;

/// The event files of a directory.
fn event_files(logdir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(logdir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A writer in a directory that goes when the log is dropped.
struct Log {
    directory: TempDir,
    writer: SummaryWriter,
}

impl Log {
    fn new() -> Self {
        let directory = tempdir().unwrap();
        let writer = SummaryWriter::new(directory.path()).unwrap();
        Log { directory, writer }
    }

    /// The events behind the first, which tells the version.
    fn events(self) -> Vec<Message> {
        drop(self.writer);
        let [file] = event_files(self.directory.path()).try_into().unwrap();
        let mut events = records(&fs::read(file).unwrap()).into_iter().map(|record| Message::read(&record));
        assert_eq!(events.next().unwrap().text(EVENT_FILE_VERSION), "brain.Event:2");
        events.collect()
    }
}

/// The one value of a summary.
fn value(event: &Message) -> Message {
    let [summary] = event.messages(EVENT_SUMMARY).try_into().unwrap();
    let [value] = summary.messages(SUMMARY_VALUE).try_into().unwrap();
    value
}

#[test]
fn the_readers_sum_is_that_of_rfc_3720() {
    let rising: Vec<u8> = (0..32).collect();
    let falling: Vec<u8> = (0..32).rev().collect();
    // Appendix B.4, as little-endian numbers.
    assert_eq!(crc32c(&[0x00; 32]), 0x8a91_36aa);
    assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    assert_eq!(crc32c(&rising), 0x46dd_794e);
    assert_eq!(crc32c(&falling), 0x113f_db5c);
}

#[test]
fn a_file_is_named_as_tensorboard_names_its_own() {
    let directory = tempdir().unwrap();
    let logdir = directory.path().join("not/there/yet");
    let writers = [0; 3].map(|_| SummaryWriter::new(&logdir).unwrap());
    let files = event_files(&logdir);
    assert_eq!(files.len(), writers.len());
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let seconds = name.strip_prefix("events.out.tfevents.").unwrap().split('.').next().unwrap();
        assert!(seconds.len() == 10 && seconds.parse::<u32>().is_ok(), "{name}");
        assert!(name.contains(&format!(".{}.", std::process::id())), "{name}");
    }
}

#[test]
fn an_error_names_the_directory() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "").unwrap();
    let error = SummaryWriter::new(&path).unwrap_err();
    assert!(matches!(&error, SummaryError::Directory { .. }));
    let expected =
        format!("the log directory `{}` could not be made: File exists (os error 17)", path.display());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn events_are_in_the_file_after_a_flush_and_after_a_drop() {
    let mut log = Log::new();
    let [file] = event_files(log.directory.path()).try_into().unwrap();
    let count = || records(&fs::read(&file).unwrap()).len();
    assert_eq!(count(), 1);
    log.writer.scalar("a", 0, 1.0).unwrap();
    log.writer.flush().unwrap();
    assert_eq!(count(), 2);
    log.writer.scalar("a", 1, 1.0).unwrap();
    drop(log.writer);
    assert_eq!(count(), 3);
}

/// A training loop hands its closures on, some of them to another thread.
#[test]
fn a_closure_can_write_from_another_thread() {
    let mut log = Log::new();
    let mut on_epoch = |epoch: i64, loss: f32| log.writer.scalar("loss", epoch, loss);
    std::thread::scope(|scope| {
        scope.spawn(move || (0..5).try_for_each(|i| on_epoch(i, 0.5))).join().unwrap()
    })
    .unwrap();
    assert_eq!(log.events().len(), 5);
}

/// Numbers in single precision, those that are none and one that comes again and again among them.
fn single() -> impl Strategy<Value = f32> {
    prop_oneof![any::<f32>(), Just(f32::NAN), Just(f32::NEG_INFINITY), Just(0.25)]
}

proptest! {
    #[test]
    fn scalars_come_back(scalars in prop::collection::vec((".*", any::<i64>(), single()), 0..20)) {
        let mut log = Log::new();
        for (tag, step, scalar) in &scalars {
            log.writer.scalar(tag, *step, *scalar).unwrap();
        }
        let events = log.events();
        prop_assert_eq!(events.len(), scalars.len());
        for (event, (tag, step, scalar)) in events.iter().zip(&scalars) {
            prop_assert!(event.double(EVENT_WALL_TIME) > 1.7e9);
            prop_assert_eq!(event.integer(EVENT_STEP), *step);
            prop_assert_eq!(&value(event).text(VALUE_TAG), tag);
            prop_assert_eq!(value(event).float(VALUE_SIMPLE_VALUE).to_bits(), scalar.to_bits());
        }
    }

    #[test]
    fn a_histogram_counts_each_finite_value_once(
        values in prop::collection::vec(prop_oneof![any::<f64>(), single().prop_map(f64::from), -1.0..1.0], 0..100),
    ) {
        let mut log = Log::new();
        log.writer.histogram("h", 3, &arr1(&values)).unwrap();
        let histogram = value(&log.events()[0]).messages(VALUE_HISTO).remove(0);

        let mut finite: Vec<f64> = values.into_iter().filter(|value| (*value as f32).is_finite()).collect();
        finite.sort_by(f64::total_cmp);
        prop_assert_eq!(histogram.double(HISTOGRAM_NUM), finite.len() as f64);
        prop_assert_eq!(histogram.double(HISTOGRAM_MIN), finite.first().copied().unwrap_or(0.0));
        prop_assert_eq!(histogram.double(HISTOGRAM_MAX), finite.last().copied().unwrap_or(0.0));

        let (limits, counts) =
            (histogram.doubles(HISTOGRAM_BUCKET_LIMIT), histogram.doubles(HISTOGRAM_BUCKET));
        prop_assert_eq!(limits.len(), counts.len());
        prop_assert_eq!(counts.iter().sum::<f64>(), finite.len() as f64);
        prop_assert_eq!(limits.last(), finite.last());
        // As many lie at or below an edge as the buckets before it count, but for those that lie on it or that
        // rounding puts on its other side.
        let width = finite.last().zip(finite.first()).map_or(0.0, |(max, min)| max - min) * 1e-9;
        let mut counted = 0;
        for (limit, count) in limits.iter().zip(&counts) {
            counted += *count as usize;
            let below = finite.partition_point(|value| *value < limit - width);
            let up_to = finite.partition_point(|value| *value <= limit + width);
            prop_assert!((below..=up_to).contains(&counted), "{counted} up to {limit}: {below} to {up_to}");
        }
    }
}

#[test]
fn a_histogram_has_thirty_buckets_and_the_moments() {
    let mut log = Log::new();
    // Column by column, as a transposed view.
    let values = Array2::from_shape_fn((31, 2), |(i, j)| if j == 0 { i as f32 } else { 30.0 });
    log.writer.histogram("h", -4, &values.t()).unwrap();
    let events = log.events();
    assert_eq!(events[0].integer(EVENT_STEP), -4);
    let histogram = value(&events[0]).messages(VALUE_HISTO).remove(0);
    let limits: Vec<f64> = (1..=30).map(f64::from).collect();
    let mut counts = vec![1.0; 30];
    counts[29] += 32.0;
    assert_eq!(histogram.doubles(HISTOGRAM_BUCKET_LIMIT), limits);
    assert_eq!(histogram.doubles(HISTOGRAM_BUCKET), counts);
    assert_eq!(histogram.double(HISTOGRAM_SUM), 465.0 + 31.0 * 30.0);
    assert_eq!(histogram.double(HISTOGRAM_SUM_SQUARES), 9455.0 + 31.0 * 900.0);
}

#[test]
fn a_histogram_of_nothing_is_empty() {
    let mut log = Log::new();
    log.writer.histogram("h", 0, &arr1::<f64>(&[])).unwrap();
    log.writer.histogram("h", 1, &arr1(&[f64::NAN, f64::INFINITY, f64::MAX])).unwrap();
    for event in log.events() {
        assert_eq!(value(&event).text(VALUE_TAG), "h");
        assert_eq!(value(&event).messages(VALUE_HISTO), [Message::default()]);
    }
}

/// A node as the file tells it.
#[derive(Debug, PartialEq)]
struct Node {
    name: String,
    op: String,
    inputs: Vec<String>,
    dtype: u64,
    dims: Vec<i64>,
    built_at: String,
    attributes: String,
}

fn nodes(event: &Message) -> Vec<Node> {
    let graph = event.messages(EVENT_GRAPH_DEF).remove(0);
    let node = |node: &Message| {
        let entries = node.messages(NODE_ATTR);
        let attr = |key: &str| {
            let entry = entries.iter().find(|entry| entry.text(ENTRY_KEY) == key);
            entry.map_or_else(Message::default, |entry| entry.messages(ENTRY_VALUE).remove(0))
        };
        let [shape] = attr("_output_shapes").messages(ATTR_LIST)[0].messages(LIST_SHAPE).try_into().unwrap();
        Node {
            name: node.text(NODE_NAME),
            op: node.text(NODE_OP),
            inputs: node.texts(NODE_INPUT),
            dtype: attr("T").integer(ATTR_TYPE) as u64,
            dims: shape.messages(SHAPE_DIM).iter().map(|dim| dim.integer(DIM_SIZE)).collect(),
            built_at: attr("built_at").text(ATTR_S),
            attributes: attr("attributes").text(ATTR_S),
        }
    };
    graph.messages(GRAPH_NODE).iter().map(node).collect()
}

#[test]
fn a_graph_has_every_node_with_inputs_types_and_lines() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(4)]);
    let labels = g.placeholder::<i64>("labels", [None]);
    let kernel = g.name_scope("dense", || g.variable("kernel", glorot_uniform([4, 3])));
    let loss = x.matmul(kernel).sparse_softmax_cross_entropy(labels).reduce_mean(..).named("loss");
    let [gradient] = loss.gradients([kernel]);
    let update = kernel.assign_sub(0.5 * gradient);
    let _ = g.control_dependencies(&[update.op()], || loss.cast::<f64>().cast::<i32>());
    let _ = g.group([update.op(), g.initializer()]);

    let mut log = Log::new();
    log.writer.graph(&g).unwrap();
    let dtype = |dtype| match dtype {
        DType::F32 => 1,
        DType::F64 => 2,
        DType::I32 => 3,
        DType::I64 => 9,
        DType::Bool => 10,
    };
    let expected: Vec<Node> = g
        .nodes()
        .into_iter()
        .map(|node| Node {
            name: node.name,
            op: if node.op == "constant" { "Const".to_owned() } else { node.op.to_owned() },
            inputs: (node.inputs.into_iter())
                .chain(node.control_inputs.iter().map(|name| format!("^{name}")))
                .collect(),
            dtype: dtype(node.outputs[0].dtype),
            dims: node.outputs[0].shape.dims().iter().map(|dim| dim.map_or(-1, |dim| dim as i64)).collect(),
            built_at: node.location.to_string(),
            attributes: node.attributes.to_string(),
        })
        .collect();
    let found = nodes(&log.events()[0]);
    assert_eq!(found, expected);
    // What the comparison rests on is there.
    let transposed = "transpose_self=true, transpose_other=false";
    assert!(found.iter().any(|node| node.name == "gradients/matmul" && node.attributes == transposed));
    assert!(found.iter().any(|node| node.inputs.contains(&"^assign_sub".to_owned())));
    assert!(found.iter().any(|node| node.name == "x" && node.dims == [-1, 4] && node.dtype == 1));
}

#[test]
fn names_that_tensorboard_does_not_take_are_replaced_and_stay_unique() {
    let g = Graph::new();
    let name = |name| g.constant(1.0).named(name);
    let sum = ["^a", "a:0", "a_0", "_a", "a//b", "/", "ä b", "a (b)", "", "layer.1/x-y_z"].map(name);
    let _ = g.constant(arr2(&[[2.0]])) + sum.into_iter().reduce(|a, b| a + b).unwrap();
    let mut log = Log::new();
    log.writer.graph(&g).unwrap();
    let nodes = nodes(&log.events()[0]);
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(
        names[..10],
        ["._a", "a_0_", "a_0", "._a_", "a/_/b", "._/_", ".__b", "a__b_", "._", "layer.1/x-y_z"]
    );
    for (position, node) in nodes.iter().enumerate() {
        assert!(!names[..position].contains(&node.name.as_str()), "{} is twice", node.name);
        for input in &node.inputs {
            assert!(names[..position].contains(&input.as_str()), "{input} is no node before {}", node.name);
        }
    }
}
