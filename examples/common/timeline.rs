//! A trace file as SVG: for each thread a track with the tasks that it did, as Chrome and Perfetto show it.

use std::collections::BTreeMap;
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::Deserialize;

use super::Result;
use super::curves::save_svg;

/// Width of the names of threads, and of the time of the run, in pixels.
const NAMES: i32 = 90;
const TIME: i32 = 900;
/// Height of a track, and of the tasks in it.
const TRACK: i32 = 44;
const TASK: i32 = 36;
const MARGIN: i32 = 16;
/// Width of a letter; tasks shorter than three are not named.
const LETTER: i32 = 6;
/// Most columns of the legend below.
const COLUMNS: usize = 2;
const FONT: &str = "sans-serif";
/// Colors of steps in their order; then the first again.
const COLORS: [RGBColor; 8] = [
    RGBColor(0x8f, 0xb4, 0xdd),
    RGBColor(0xf2, 0xb6, 0x8a),
    RGBColor(0xa8, 0xd5, 0xa2),
    RGBColor(0xe0, 0xa3, 0xb8),
    RGBColor(0xc5, 0xb3, 0xe0),
    RGBColor(0xe8, 0xd8, 0x8a),
    RGBColor(0x9a, 0xd4, 0xd4),
    RGBColor(0xcc, 0xcc, 0xcc),
];

/// What is read of a file in Chrome's trace event format.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "traceEvents")]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    name: String,
    /// Which thread.
    tid: usize,
    /// Microseconds since the run was asked for, and how many it took; the names of threads have neither.
    ts: Option<f64>,
    dur: Option<f64>,
    #[serde(default)]
    cat: String,
    args: Details,
}

#[derive(Deserialize)]
struct Details {
    name: Option<String>,
}

/// A task as it is drawn.
struct Task<'a> {
    step: &'a str,
    track: usize,
    start: f64,
    duration: f64,
}

/// Draws the trace, which is JSON.
pub(crate) fn save(path: &Path, json: &str) -> Result<()> {
    let File { events } = serde_json::from_str(json)?;
    save_svg(path, |svg| draw(svg, &events))
}

fn draw(svg: &mut String, events: &[Event]) -> Result<()> {
    let timed = || events.iter().filter_map(|event| Some((event, event.ts?, event.dur?)));
    let run = timed().find(|(event, ..)| event.cat == "session" && event.name == "run");
    let (_, begin, whole) = run.ok_or("the trace has no run")?;
    let threads: BTreeMap<usize, &str> = events
        .iter()
        .filter(|event| event.name == "thread_name")
        .filter_map(|event| Some((event.tid, event.args.name.as_deref()?)))
        .collect();
    let track_of = |thread| threads.keys().position(|&tid| tid == thread).unwrap_or(0);
    let tasks: Vec<Task<'_>> = timed()
        .filter(|(event, ..)| event.cat != "session")
        .map(|(event, ts, duration)| Task {
            // What a step does when its tasks are done is a slice of its own.
            step: event.name.strip_suffix(" (total)").unwrap_or(&event.name),
            track: track_of(event.tid),
            start: ts - begin,
            duration,
        })
        .collect();
    let mut steps: Vec<&str> = tasks.iter().map(|task| task.step).collect();
    steps.sort_by_key(|step| number(step).parse::<usize>().unwrap_or(usize::MAX));
    steps.dedup();

    let axis = MARGIN + threads.len() as i32 * TRACK;
    let rows = steps.len().div_ceil(COLUMNS);
    let size = (NAMES + TIME + 2 * MARGIN, axis + 4 * MARGIN + 18 * rows as i32);
    let picture = SVGBackend::with_string(svg, (size.0 as u32, size.1 as u32)).into_drawing_area();
    picture.fill(&WHITE)?;
    let font = |size: i32, side| (FONT, size).into_font().color(&BLACK).pos(Pos::new(side, VPos::Center));
    let at = |time: f64| NAMES + (time / whole * f64::from(TIME)).round() as i32;

    let tick = round_part(whole);
    for count in 0..=(whole / tick) as i32 {
        let time = f64::from(count) * tick;
        picture.draw(&PathElement::new([(at(time), MARGIN), (at(time), axis)], BLACK.mix(0.12)))?;
        picture.draw(&Text::new(format!("{time} µs"), (at(time), axis + 10), font(11, HPos::Center)))?;
    }
    for (track, name) in threads.values().enumerate() {
        let middle = MARGIN + track as i32 * TRACK + TRACK / 2;
        picture.draw(&Text::new(*name, (NAMES - 8, middle), font(12, HPos::Right)))?;
    }
    let index_of = |step: &str| steps.iter().position(|&known| known == step).unwrap_or(0);
    for Task { step, track, start, duration } in &tasks {
        let top = MARGIN + *track as i32 * TRACK + (TRACK - TASK) / 2;
        let (left, right) = (at(*start), at(start + duration));
        let corners = [(left, top), (right.max(left + 1), top + TASK)];
        picture.draw(&Rectangle::new(corners, COLORS[index_of(step) % COLORS.len()].filled()))?;
        let number = number(step);
        if right - left >= LETTER * (number.len() as i32 + 1) {
            let middle = (i32::midpoint(left, right), top + TASK / 2);
            picture.draw(&Text::new(number, middle, font(11, HPos::Center)))?;
        }
    }
    // What does not fit beside its color is cut.
    let letters = ((size.0 / COLUMNS as i32 - 18 - MARGIN) / LETTER) as usize;
    for (index, step) in steps.iter().enumerate() {
        let (column, row) = ((index / rows) as i32, (index % rows) as i32);
        let left = MARGIN + column * (size.0 / COLUMNS as i32);
        let middle = axis + 3 * MARGIN + row * 18;
        let color = COLORS[index % COLORS.len()].filled();
        picture.draw(&Rectangle::new([(left, middle - 6), (left + 12, middle + 6)], color))?;
        let name = match step.char_indices().nth(letters) {
            Some((end, _)) => format!("{}…", &step[..end]),
            None => (*step).to_owned(),
        };
        picture.draw(&Text::new(name, (left + 18, middle), font(11, HPos::Left)))?;
    }
    picture.present()?;
    Ok(())
}

/// The number of a step, whose name begins with "step 3: ".
fn number(step: &str) -> &str {
    step.split(':').next().unwrap_or_default().trim_start_matches("step ")
}

/// A tenth or so of a time: 1, 2 or 5 times a power of ten.
fn round_part(whole: f64) -> f64 {
    let power = 10_f64.powf((whole / 10.0).log10().floor());
    let part = whole / 10.0 / power;
    power
        * if part < 2.0 {
            2.0
        } else if part < 5.0 {
            5.0
        } else {
            10.0
        }
}
