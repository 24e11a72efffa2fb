//! A trace in the [trace event format], which Chrome (`chrome://tracing`) and [Perfetto] show.
//!
//! [trace event format]: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsNchNAySU
//! [Perfetto]: https://ui.perfetto.dev

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::iter;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use miniserde::{Serialize, json};

use super::{Trace, TraceEvent};
use crate::error::{Error, Result};
use crate::exec::CALLER;

/// What viewers group threads by: there is one process.
const PROCESS: u32 = 1;

impl Trace {
    /// Writes the trace as JSON in Chrome's trace event format, which <https://ui.perfetto.dev> and
    /// `chrome://tracing` open: a track for each thread, with a slice for each task, which names the step, its
    /// nodes, bytes and estimate. Times are in microseconds since the run was asked for.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = g.variable("x", 1.0_f64).exp().named("y");
    /// let (_, trace) = Session::new(&g)?.run_traced(y)?;
    /// let mut json = Vec::new();
    /// trace.write_chrome(&mut json)?;
    /// assert!(String::from_utf8(json)?.contains(r#""name":"step 0: region \"y\"""#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_chrome(&self, writer: impl Write) -> io::Result<()> {
        let mut writer = BufWriter::new(writer);
        writer.write_all(b"{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
        let mut separator = "\n";
        for event in self.names().chain(self.phases()).chain(self.tasks()) {
            writer.write_all(separator.as_bytes())?;
            writer.write_all(event.as_bytes())?;
            separator = ",\n";
        }
        writer.write_all(b"\n]}\n")?;
        writer.flush()
    }

    /// Writes the trace to a new file, or in the place of an old one; see [`write_chrome`](Trace::write_chrome).
    ///
    /// # Errors
    /// [`Error::TraceFile`].
    pub fn save_chrome(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let written = File::create(path).and_then(|file| self.write_chrome(file));
        written.map_err(|reason| Error::TraceFile { path: path.to_owned(), reason: Arc::new(reason) })
    }

    /// What viewers call the process and its threads.
    fn names(&self) -> impl Iterator<Item = String> {
        let name =
            |name: &'static str, tid: usize, args: Name| Metadata { ph: "M", name, pid: PROCESS, tid, args };
        let last = self.events.iter().map(|event| event.thread).max().unwrap_or(0);
        let threads = (0..=last).map(move |thread| {
            let called = match thread.checked_sub(1) {
                None => "caller".to_owned(),
                Some(worker) => format!("flowgrad-{worker}"),
            };
            json::to_string(&name("thread_name", track(thread), Name { name: called }))
        });
        let process = name("process_name", track(CALLER), Name { name: "flowgrad".to_owned() });
        iter::once(json::to_string(&process)).chain(threads)
    }

    /// The parts of the run, on the caller's thread; the tasks lie within the last one.
    fn phases(&self) -> impl Iterator<Item = String> {
        let parts = [
            ("planning", self.planning),
            ("first values of variables", self.initialization),
            ("run", self.running),
        ];
        parts.into_iter().scan(Duration::ZERO, |start, (name, duration)| {
            let begun = *start;
            *start += duration;
            Some(slice(name, "session", CALLER, [begun, duration], Nothing {}))
        })
    }

    fn tasks(&self) -> impl Iterator<Item = String> {
        self.events.iter().map(|&TraceEvent { step, task, thread, start, duration }| {
            let step = &self.steps[step];
            let args = Details {
                task,
                tasks: step.tasks,
                nodes: &step.nodes,
                step_bytes: step.bytes,
                step_estimate_us: microseconds(step.estimate),
            };
            let name = if task.is_none() { &format!("{} (total)", step.label) } else { &step.label };
            slice(name, step.kind.name(), thread, [start, duration], args)
        })
    }
}

/// A complete event, in which something was done.
#[derive(Serialize)]
struct Slice<'a, A> {
    ph: &'a str,
    name: &'a str,
    cat: &'a str,
    pid: u32,
    tid: usize,
    ts: f64,
    dur: f64,
    args: A,
}

/// What is told of a task when its slice is selected.
#[derive(Serialize)]
struct Details<'a> {
    task: Option<usize>,
    tasks: usize,
    nodes: &'a [String],
    step_bytes: usize,
    step_estimate_us: f64,
}

#[derive(Serialize)]
struct Nothing {}

/// The name of a thread or of the process.
#[derive(Serialize)]
struct Metadata<'a> {
    ph: &'a str,
    name: &'a str,
    pid: u32,
    tid: usize,
    args: Name,
}

#[derive(Serialize)]
struct Name {
    name: String,
}

fn slice(
    name: &str,
    category: &str,
    thread: usize,
    [start, duration]: [Duration; 2],
    args: impl Serialize,
) -> String {
    let (ts, dur) = (microseconds(start), microseconds(duration));
    json::to_string(&Slice { ph: "X", name, cat: category, pid: PROCESS, tid: track(thread), ts, dur, args })
}

/// The track of a thread: some versions of Perfetto show a thread 0 on the track of thread 1.
fn track(thread: usize) -> usize {
    thread + 1
}

fn microseconds(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}
