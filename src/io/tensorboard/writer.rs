//! [`SummaryWriter`]: the public way into an event file.

use std::path::Path;
use std::sync::Arc;

use ndarray::{ArrayRef, Dimension};
use prost::Message;

use super::error::SummaryError;
use super::image::Images;
use super::proto::{Datum, Event, HistogramProto, Summary, SummaryValue, What};
use super::record::{EventFile, since_1970};
use crate::io::tensorflow::GraphDef;
use crate::{Graph, Numeric};

/// Writes what `TensorBoard` shows of a run: an event file in a log directory.
///
/// A tag is one curve or one series of histograms; tags with a `/`, as in `loss/train`, are grouped by what stands
/// before it. Steps are those of the training, and those of one tag rise from call to call: `TensorBoard` takes one
/// that does not for a restart, and forgets what it has of that step and of later ones. So a resumed run, which
/// writes a new file to the directory of the old one, goes on from the step of its checkpoint.
///
/// An event reaches the file when some kilobytes wait, when another comes five seconds after the last write, on
/// [`flush`](SummaryWriter::flush), and when the writer is dropped, which cannot tell of errors. Events that could
/// not be written are kept and go out with the next write that succeeds.
///
/// ```
/// use flowgrad::io::tensorboard::SummaryWriter;
/// use flowgrad::ndarray::arr1;
/// use flowgrad::prelude::*;
///
/// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// let g = Graph::new();
/// let w = g.variable("w", arr1(&[4.0, -2.0]));
/// let loss = w.square().reduce_sum(..).named("loss");
/// let [gradient] = loss.gradients([w]);
/// let train = w.assign_sub(0.1 * gradient);
///
/// # let directory = tempfile::tempdir()?;
/// # let logdir = directory.path().join("run");
/// let mut writer = SummaryWriter::new(&logdir)?;
/// writer.graph(&g)?;
/// let session = Session::new(&g)?;
/// let step = session.make_callable((), (loss, w, train.op()))?;
/// for i in 0..10 {
///     let (loss, w, ()) = step.call(())?;
///     writer.scalar("loss", i, loss.sum())?;
///     writer.histogram("w", i, &w)?;
/// }
/// writer.flush()?;
/// # assert_eq!(std::fs::read_dir(&logdir)?.count(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SummaryWriter {
    events: EventFile,
}

impl SummaryWriter {
    /// A new event file in the directory, which is made with its parents where it is not there.
    ///
    /// # Errors
    /// [`SummaryError`] if the directory or the file cannot be made or written.
    pub fn new(logdir: impl AsRef<Path>) -> Result<Self, SummaryError> {
        let logdir = logdir.as_ref();
        std::fs::create_dir_all(logdir)
            .map_err(|error| SummaryError::Directory { path: logdir.to_owned(), source: Arc::new(error) })?;
        let mut writer = SummaryWriter { events: EventFile::create(logdir)? };
        writer.event(0, What::FileVersion("brain.Event:2".to_owned()))?;
        writer.flush()?;
        Ok(writer)
    }

    /// The value of a tag at a step, a point of its curve, in single precision, in which event files hold scalars.
    /// NaN and infinities are written as they are.
    ///
    /// # Errors
    /// [`SummaryError::Write`].
    pub fn scalar(&mut self, tag: &str, step: i64, value: impl Numeric) -> Result<(), SummaryError> {
        self.summary(tag, step, Datum::SimpleValue(value.as_f64() as f32))
    }

    /// How the elements of an array are distributed at a step: how many there are in each of 30 buckets of equal
    /// width between the least and the largest, and their sum and sum of squares.
    ///
    /// NaN, infinities, and what is infinite in single precision are left out, because `TensorBoard` cannot draw
    /// them ([`check_numerics`](crate::Tensor::check_numerics) finds them). Where nothing is left, or the array is
    /// empty, the histogram of the step is empty.
    ///
    /// # Errors
    /// [`SummaryError::Write`].
    pub fn histogram<T: Numeric, D: Dimension>(
        &mut self,
        tag: &str,
        step: i64,
        values: &ArrayRef<T, D>,
    ) -> Result<(), SummaryError> {
        let values = values.iter().map(|value| value.as_f64());
        self.summary(tag, step, Datum::Histo(HistogramProto::of(values)))
    }

    /// An image at a step: an array `[height, width]` in grey, `[height, width, channels]` with 1 to 4 channels (grey,
    /// grey and alpha, red green blue, and these with alpha), or `[images, height, width, channels]`, which become
    /// images of the tags `tag/0`, `tag/1`, ...
    ///
    /// Floats are from 0 to 1, integers from 0 to 255. What lies outside is drawn as the nearest that does not, and NaN
    /// as 0.
    ///
    /// ```
    /// use flowgrad::io::tensorboard::SummaryWriter;
    /// use flowgrad::ndarray::Array2;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let mut writer = SummaryWriter::new(directory.path())?;
    /// let ramp = Array2::from_shape_fn((8, 32), |(_, x)| x as f32 / 31.0);
    /// writer.image("ramp", 0, &ramp)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SummaryError::ImageShape`], [`SummaryError::Write`].
    pub fn image<T: Numeric, D: Dimension>(
        &mut self,
        tag: &str,
        step: i64,
        image: &ArrayRef<T, D>,
    ) -> Result<(), SummaryError> {
        let value = |(tag, image)| SummaryValue { tag, value: Some(image) };
        let value = match Images::of(image)?.map_err(|error| self.events.not_written(error))? {
            Images::One(image) => vec![value((tag.to_owned(), image))],
            Images::Many(images) => {
                let tagged = |(index, image)| value((format!("{tag}/{index}"), image));
                images.into_iter().enumerate().map(tagged).collect()
            }
        };
        self.event(step, What::Summary(Summary { value }))
    }

    /// The graph as it is now, for the tab of graphs: each node under its name, in the scopes of its name, with its
    /// op, inputs, element type and shape, and the line that built it. Of several graphs in a directory,
    /// `TensorBoard` shows the last.
    ///
    /// Characters that `TensorBoard` does not take in names (all but ASCII letters and digits, `_`, `.`, `-`, `/`)
    /// become `_`, and a name that begins with `_` or `-` gets a `.` in front.
    ///
    /// # Errors
    /// [`SummaryError::Write`].
    pub fn graph(&mut self, graph: &Graph) -> Result<(), SummaryError> {
        self.event(0, What::GraphDef(GraphDef::of(graph).encode_to_vec()))
    }

    /// Writes what waits to the file, where `TensorBoard` finds it.
    ///
    /// # Errors
    /// [`SummaryError::Write`].
    pub fn flush(&mut self) -> Result<(), SummaryError> {
        self.events.flush()
    }

    fn summary(&mut self, tag: &str, step: i64, value: Datum) -> Result<(), SummaryError> {
        let value = SummaryValue { tag: tag.to_owned(), value: Some(value) };
        self.event(step, What::Summary(Summary { value: vec![value] }))
    }

    fn event(&mut self, step: i64, what: What) -> Result<(), SummaryError> {
        self.events.push(&Event { wall_time: since_1970().as_secs_f64(), step, what: Some(what) })
    }
}
