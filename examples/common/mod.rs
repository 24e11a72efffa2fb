//! What the examples share: the options of those that train on real data, how all tell what came out, and pictures.

pub(crate) mod bars;
pub(crate) mod boxes;
pub(crate) mod classify;
pub(crate) mod curves;
mod legend;
pub(crate) mod lines;
pub(crate) mod timeline;

use std::error::Error;
use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::exit;

use clap::{Args, Parser};
use curves::Panel;
use flowgrad::data::RowType;
use flowgrad::io::tensorboard::SummaryWriter;
use flowgrad::prelude::*;
use flowgrad::train::{Metrics, Trainer};
use serde::Serialize;

pub(crate) type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Reads the command line. Help and complaints are printed here, and end the process.
pub(crate) fn parsed<A: Parser>() -> A {
    let error = match A::try_parse() {
        Ok(args) => return args,
        Err(error) => error,
    };
    if error.use_stderr() {
        error.exit();
    }
    let help = error.render();
    let help = if stdout().is_terminal() { help.ansi().to_string() } else { help.to_string() };
    if let Err(error) = told(&help) {
        let _ = writeln!(stderr(), "Error: {error}");
        exit(1);
    }
    exit(0)
}

// The options that all of them take; a doc comment would become the help of each.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Seed of the split, of the variables' starts, and of the order of rows
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Save the training to this file after each epoch, and go on from there with --resume
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Go on from the checkpoint, if there is one
    #[arg(long, requires = "checkpoint")]
    pub(crate) resume: bool,
    /// Write curves and the graph for TensorBoard to this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) logdir: Option<PathBuf>,
    /// Draw the loss and what else is measured, as SVG
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
    /// Draw the graph, a box for each name scope, as SVG
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) graph: Option<PathBuf>,
    /// Write what came out as JSON to this file, or to stdout for -
    #[arg(long, value_name = "FILE|-")]
    pub(crate) json: Option<PathBuf>,
}

impl Options {
    /// A trainer that saves, goes on, stops on ctrl-c and writes curves as the options say.
    pub(crate) fn equip<'g, A: RowType, B: RowType, T: Float>(
        &self,
        g: &Graph,
        mut trainer: Trainer<'g, A, B, T>,
    ) -> Result<Trainer<'g, A, B, T>> {
        if let Some(file) = &self.checkpoint {
            trainer = trainer.checkpoint(file).resume(self.resume).stop_on_ctrl_c();
        }
        if let Some(mut writer) = self.writer(g)? {
            trainer = trainer.after_epoch(move |epoch| {
                let parts = [("train", Some(&epoch.train)), ("validation", epoch.validation.as_ref())];
                for (part, metrics) in parts.into_iter().filter_map(|(part, m)| Some((part, m?))) {
                    write_metrics(&mut writer, part, epoch.step as i64, metrics)?;
                }
                writer.flush()
            });
        }
        Ok(trainer)
    }

    /// The event file of the log directory, if there is one, with the graph in it; and the picture of the graph.
    pub(crate) fn writer(&self, g: &Graph) -> Result<Option<SummaryWriter>> {
        if let Some(path) = &self.graph {
            boxes::save(path, g)?;
        }
        let Some(logdir) = &self.logdir else { return Ok(None) };
        let mut writer = SummaryWriter::new(logdir)?;
        writer.graph(g)?;
        Ok(Some(writer))
    }

    /// Draws the picture, where that is asked for.
    pub(crate) fn draw(&self, panels: &[Panel]) -> Result<()> {
        self.plot.as_deref().map_or(Ok(()), |path| curves::save(path, panels))
    }

    /// Writes what came out, where that is asked for.
    pub(crate) fn report(&self, outcome: &impl Serialize) -> Result<()> {
        let Some(path) = &self.json else { return Ok(()) };
        let mut text = serde_json::to_string(outcome)?;
        text.push('\n');
        if path.as_os_str() == "-" {
            told(&text)?;
        } else {
            let written = File::create(path).and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    }

    /// Tells people how it goes: not where the JSON goes.
    pub(crate) fn say(&self, line: impl std::fmt::Display) -> Result<()> {
        let line = format!("{line}\n");
        if self.json.as_deref() == Some(Path::new("-")) {
            // What stderr does not take is lost, as are errors; the results go elsewhere.
            let _ = stderr().write_all(line.as_bytes());
            return Ok(());
        }
        told(&line)
    }
}

/// Tells people on stdout, where nothing else goes.
pub(crate) fn tell(line: &str) -> Result<()> {
    told(&format!("{}\n", line.trim_end()))
}

/// Writes to stdout. A reader that has seen enough, as `head` has, is no failure; a full disk is.
fn told(text: &str) -> Result<()> {
    let mut stdout = stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("standard output: {error}").into())
        }
        _ => Ok(()),
    }
}

fn write_metrics(
    writer: &mut SummaryWriter,
    part: &str,
    step: i64,
    metrics: &Metrics,
) -> Result<(), flowgrad::io::tensorboard::SummaryError> {
    writer.scalar(&format!("loss/{part}"), step, metrics.loss)?;
    metrics.named.iter().try_for_each(|(name, value)| writer.scalar(&format!("{name}/{part}"), step, *value))
}

/// A file of `examples/data`.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data").join(name)
}
