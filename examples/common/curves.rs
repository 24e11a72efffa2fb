//! Curves as SVG: what the examples' event files show, for those who have no TensorBoard at hand.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use flowgrad::train::{Epoch, Metrics};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::{Result, legend};

/// Width and height of a panel in pixels.
const PANEL: (u32, u32) = (420, 300);
const FONT: &str = "sans-serif";
/// Radius of a dot in pixels.
const DOT: i32 = 2;
/// Color and width of a panel's curves, in their order, of which there are so many at most.
const PENS: [(RGBColor, u32); 3] =
    [(RGBColor(0x33, 0x66, 0xaa), 3), (RGBColor(0xdd, 0x77, 0x33), 2), (RGBColor(0x22, 0x22, 0x22), 1)];

/// Curves over the same numbers, in one coordinate system.
pub(crate) struct Panel {
    pub(crate) title: String,
    /// What the axes show, with units.
    pub(crate) x: String,
    pub(crate) y: String,
    /// Whether the vertical axis is logarithmic, where there are several powers of ten; what is not positive is then not
    /// drawn.
    pub(crate) is_logarithmic: bool,
    pub(crate) curves: Vec<Curve>,
}

/// A curve with its name in the legend, and what was measured beside it as dots of its color.
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) dots: Vec<(f64, f64)>,
    /// Whether the points go around an area that is filled.
    pub(crate) is_filled: bool,
}

impl Panel {
    /// A panel by the names of its axes.
    pub(crate) fn new(title: &str, [x, y]: [&str; 2], is_logarithmic: bool, curves: Vec<Curve>) -> Self {
        Panel { title: title.to_owned(), x: x.to_owned(), y: y.to_owned(), is_logarithmic, curves }
    }

    /// The loss and each metric over the epochs of a training, a panel each.
    pub(crate) fn of(history: &[Epoch]) -> Vec<Panel> {
        let metrics = history.first().map_or(&[][..], |epoch| &epoch.train.named);
        let names = ["loss"].into_iter().chain(metrics.iter().map(|(name, _)| name.as_str()));
        names.map(|name| Panel::of_metric(name, history)).collect()
    }

    fn of_metric(metric: &str, history: &[Epoch]) -> Panel {
        let curve = |name: &str, of: fn(&Epoch) -> Option<&Metrics>| {
            let value = |epoch: &Epoch| Some((epoch.epoch as f64, of(epoch)?.get(metric)?));
            Curve::of(name, history.iter().filter_map(value))
        };
        let curves = [
            curve("training", |epoch| Some(&epoch.train)),
            curve("validation", |epoch| epoch.validation.as_ref()),
        ];
        Panel {
            title: metric.to_owned(),
            x: "epoch".to_owned(),
            y: format!("mean {metric} of an epoch"),
            is_logarithmic: metric == "loss",
            curves: curves.into_iter().filter(|curve| !curve.points.is_empty()).collect(),
        }
    }
}

/// Writes the panels side by side as one SVG.
pub(crate) fn save(path: &Path, panels: &[Panel]) -> Result<()> {
    save_svg(path, |svg| draw(svg, panels))
}

/// Writes a picture to the file.
pub(crate) fn save_svg(path: &Path, draw: impl FnOnce(&mut String) -> Result<()>) -> Result<()> {
    let mut svg = String::new();
    draw(&mut svg).map_err(|error| format!("{}: {error}", path.display()))?;
    let written = File::create(path).and_then(|mut file| file.write_all(svg.as_bytes()));
    Ok(written.map_err(|error| format!("{}: {error}", path.display()))?)
}

fn draw(svg: &mut String, panels: &[Panel]) -> Result<()> {
    let (width, height) = PANEL;
    let picture = SVGBackend::with_string(svg, (width * panels.len() as u32, height)).into_drawing_area();
    picture.fill(&WHITE)?;
    for (area, panel) in picture.split_evenly((1, panels.len())).iter().zip(panels) {
        panel.draw(area)?;
    }
    picture.present()?;
    Ok(())
}

impl Panel {
    fn draw(&self, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<()> {
        let powers = range(self.shown(true).map(|point| point.1), 0.05);
        // Within one power of ten a logarithmic axis tells less than a plain one.
        let is_logarithmic = self.is_logarithmic && powers.end - powers.start > 1.0;
        let x = range(self.shown(is_logarithmic).map(|point| point.0), 0.0);
        let y = range(self.shown(is_logarithmic).map(|point| point.1), 0.05);
        let drawn = self.drawn(is_logarithmic, (&x, &y));
        let area = area.margin(8, 0, 0, 0).titled(&self.title, (FONT, 18))?;
        // On the right there is half of the last tick's number beside the axis.
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .margin_right(24)
            .x_label_area_size(38)
            .y_label_area_size(58)
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .x_labels(6)
            .y_labels(6)
            .x_desc(&self.x)
            .y_desc(&self.y)
            .label_style((FONT, 12))
            .x_label_formatter(&|x| tick(*x))
            .y_label_formatter(&|&y| tick(if is_logarithmic { 10_f64.powf(y) } else { y }))
            .draw()?;
        // Of curves that lie on each other, the one below is broader.
        for (curve, (color, width)) in self.curves.iter().zip(PENS) {
            let shown = shown_of(&curve.points, is_logarithmic);
            let dots = shown_of(&curve.dots, is_logarithmic);
            chart.draw_series(dots.map(|dot| Circle::new(dot, DOT, color.mix(0.6).filled())))?;
            if curve.is_filled {
                let area = Polygon::new(shown.collect::<Vec<_>>(), color.mix(0.2).filled());
                chart.draw_series([area])?.label(&curve.name).legend(move |(x, y)| {
                    Rectangle::new([(x, y - 4), (x + 16, y + 4)], color.mix(0.2).filled())
                });
                continue;
            }
            chart
                .draw_series(LineSeries::new(shown, color.stroke_width(width)))?
                .label(&curve.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(width)));
        }
        if self.curves.len() < 2 {
            return Ok(());
        }
        let size = chart.plotting_area().dim_in_pixel();
        chart
            .configure_series_labels()
            .position(legend::place(&drawn, size))
            .background_style(WHITE.mix(0.8))
            .label_font((FONT, 12))
            .draw()?;
        Ok(())
    }

    /// Points on all that is drawn, as parts of the ranges; on a line there are the more the longer it is.
    fn drawn(&self, is_logarithmic: bool, (x, y): (&Range<f64>, &Range<f64>)) -> Vec<(f64, f64)> {
        let part = |value: f64, of: &Range<f64>| (value - of.start) / (of.end - of.start);
        let in_parts = |points| shown_of(points, is_logarithmic).map(|at| (part(at.0, x), part(at.1, y)));
        let mut drawn = Vec::new();
        for curve in &self.curves {
            drawn.extend(in_parts(&curve.dots));
            let points: Vec<_> = in_parts(&curve.points).collect();
            for line in points.windows(2) {
                let (across, up) = (line[1].0 - line[0].0, line[1].1 - line[0].1);
                let count = (across.hypot(up) * 40.0).ceil();
                let between = (0..=count as usize).map(|step| step as f64 / count.max(1.0));
                drawn.extend(between.map(|t| (line[0].0 + t * across, line[0].1 + t * up)));
            }
        }
        drawn
    }

    fn shown(&self, is_logarithmic: bool) -> impl Iterator<Item = (f64, f64)> {
        let all = self.curves.iter().flat_map(|curve| [&curve.points, &curve.dots]);
        all.flat_map(move |points| shown_of(points, is_logarithmic))
    }
}

impl Curve {
    /// A curve without dots.
    pub(crate) fn of(name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Curve {
            name: name.to_owned(),
            points: points.into_iter().collect(),
            dots: Vec::new(),
            is_filled: false,
        }
    }

    /// The area between two heights, given with the place of both.
    pub(crate) fn band(name: &str, between: &[(f64, [f64; 2])]) -> Self {
        let there = between.iter().map(|&(x, [low, _])| (x, low));
        let back = between.iter().rev().map(|&(x, [_, high])| (x, high));
        Curve { is_filled: true, ..Curve::of(name, there.chain(back)) }
    }
}

/// The finite points, their height as a power of ten where the axis is logarithmic.
fn shown_of(points: &[(f64, f64)], is_logarithmic: bool) -> impl Iterator<Item = (f64, f64)> {
    let height = move |y: f64| if is_logarithmic { y.log10() } else { y };
    let points = points.iter().map(move |&(x, y)| (x, height(y)));
    points.filter(|(x, y)| x.is_finite() && y.is_finite())
}

/// The range of an axis that shows all values, and a part of it more on both sides.
fn range(values: impl Iterator<Item = f64>, part: f64) -> Range<f64> {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    match high - low {
        width if width > 0.0 && width.is_finite() => low - part * width..high + part * width,
        // One number has a range of its own, and none at all any.
        _ if low.is_finite() => low - 0.5..low + 0.5,
        _ => 0.0..1.0,
    }
}

/// The number of a tick: three decimals where they tell, else an exponent.
fn tick(value: f64) -> String {
    if value == 0.0 || (1e-2..1e5).contains(&value.abs()) {
        let decimals = format!("{value:.3}");
        decimals.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{value:.1e}").replace(".0e", "e")
    }
}
