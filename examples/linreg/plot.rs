//! The picture of a run, one SVG with two panels: the data with the fitted line, and the falling loss of the
//! descent.
//!
//! The line is that of the last way that ended well; where that is not yet the best line, which the closed form gives,
//! it is drawn beside it. The loss is that of the last way that descends, also when it diverged. The axes are called as
//! the file of the data calls its columns. The text is left to the viewer's own fonts.

use std::error::Error as StdError;
use std::ops::Range;

use flowgrad::Numeric;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::error::Error;
use crate::experiment::{End, Experiment, Outcome};
use crate::points::Points;
use crate::report::counted;
use crate::ways::{Scalar, closed_form};

/// Width and height in pixels.
const SIZE: (u32, u32) = (1240, 520);
/// Most points drawn: more blot out one another, and make the file slow to view.
const MAX_POINTS: usize = 2_000;
/// Points up to which they are drawn large and dark.
const FEW_POINTS: usize = 500;
/// Most samples of the loss: one every second or third pixel.
const MAX_LOSSES: usize = 250;
/// Largest number drawn: the axes compute with differences, which must not overflow.
const MAX_DRAWN: f64 = 1e300;
/// Least width of an axis relative to its numbers, below which its ticks would fall on the same number in
/// f64.
const LEAST_RELATIVE_WIDTH: f64 = 1e-9;
/// How much longer than for the data alone an axis may be for the sake of the line.
const MOST_STRETCH: f64 = 4.0;

const DATA: RGBColor = RGBColor(0x33, 0x66, 0xaa);
const FIT: RGBColor = RGBColor(0xcc, 0x44, 0x22);
const BEST: RGBColor = RGBColor(0x22, 0x22, 0x22);
/// How far from the best line a line is drawn apart from it, as a part of the axis: a pixel or two.
const APART: f64 = 0.004;
/// Most characters of a column's name that an axis has room for.
const MAX_NAME: usize = 60;
const FONT: &str = "sans-serif";

/// One panel of the picture.
type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// What plotters and the checks here complain with.
type Drawn = Result<(), Box<dyn StdError>>;

/// Draws the picture.
pub(crate) fn svg<T: Scalar>(experiment: &Experiment<T>, results: &[Outcome]) -> Result<String, Error> {
    let line = results.iter().rev().find_map(|result| match result.end {
        End::Fitted { w, .. } => Some((result.way.name(), w)),
        End::Diverged { .. } | End::Overflowed => None,
    });
    let mut losses = None;
    for result in results.iter().rev() {
        if let Some(found) = experiment.losses(result.way, MAX_LOSSES)? {
            losses = Some((result.way.name(), found));
            break;
        }
    }
    // Of numbers that are too large to be squared there is none.
    let best = Some(closed_form::fit(&experiment.problem).map(Numeric::as_f64));
    let best = best.filter(|best| best.iter().all(|w| w.is_finite()));
    let mut svg = String::new();
    draw(&mut svg, &experiment.points, line, best, losses)
        .map_err(|reason| Error::Plot { reason: reason.to_string() })?;
    Ok(svg)
}

/// Draws both panels, or the first alone when no way descended.
fn draw(
    svg: &mut String,
    points: &Points,
    line: Option<(&str, [f64; 2])>,
    best: Option<[f64; 2]>,
    losses: Option<(&str, Vec<(usize, f64)>)>,
) -> Drawn {
    let picture = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    picture.fill(&WHITE)?;
    if let Some((way, losses)) = losses {
        let (left, right) = picture.split_horizontally(SIZE.0 / 2);
        draw_fit(&left, points, line, best)?;
        draw_losses(&right, way, &losses)?;
    } else {
        draw_fit(&picture, points, line, best)?;
    }
    picture.present()?;
    Ok(())
}

/// The left panel: points, the line through them, and the best line, where that is another one.
fn draw_fit(panel: &Panel, points: &Points, line: Option<(&str, [f64; 2])>, best: Option<[f64; 2]>) -> Drawn {
    let Points { x, d, names } = points;
    let every = x.len().div_ceil(MAX_POINTS);
    let rows = counted(x.len(), "row");
    let shown = if every > 1 { format!("one in {every} of {rows}") } else { rows };
    let fitted = line.map_or("no line was found".to_owned(), |(way, w)| format!("{} by {way}", equation(w)));
    let x_axis = axis(x)?;
    let y_axis = with_line(axis(d)?, line.map(|(_, w)| w), &x_axis);
    let best = best.filter(|&best| line.is_some_and(|(_, w)| are_apart(w, best, &x_axis, &y_axis)));
    let mut panel = titled(panel, "Data and fitted line", &format!("{shown}; {fitted}"))?;
    if let Some(best) = best {
        let told = format!("not converged; dashed, the closed form: {}", equation(best));
        panel = panel.titled(&told, (FONT, 15))?;
    }
    let mut chart = margins(&panel).build_cartesian_2d(x_axis.clone(), y_axis.clone())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(6)
        .x_desc(shortened(&names[0]))
        .y_desc(shortened(&names[1]))
        .label_style((FONT, 13))
        .x_label_formatter(&|x| label(*x))
        .y_label_formatter(&|d| label(*d))
        .draw()?;
    let (radius, opacity) = if x.len() > FEW_POINTS { (2, 0.35) } else { (3, 0.8) };
    let dot = DATA.mix(opacity).filled();
    chart.draw_series(x.iter().zip(d).step_by(every).map(|(&x, &d)| Circle::new((x, d), radius, dot)))?;
    if let Some((_, w)) = line {
        chart.draw_series(LineSeries::new(inside(w, &x_axis, &y_axis), FIT.stroke_width(2)))?;
    }
    if let Some(best) = best {
        let ends = inside(best, &x_axis, &y_axis);
        chart.draw_series(DashedLineSeries::new(ends, 8, 6, BEST.stroke_width(2)))?;
    }
    Ok(())
}

/// A line in words.
fn equation([w0, w1]: [f64; 2]) -> String {
    let sign = if w1 < 0.0 { '-' } else { '+' };
    format!("d = {} {sign} {} x", label(w0), label(w1.abs()))
}

/// Whether two lines are seen to be two.
fn are_apart(line: [f64; 2], best: [f64; 2], x_axis: &Range<f64>, y_axis: &Range<f64>) -> bool {
    let distance = |x: f64| ((line[0] - best[0]) + (line[1] - best[1]) * x).abs();
    distance(x_axis.start).max(distance(x_axis.end)) > APART * (y_axis.end - y_axis.start)
}

/// A column's name as far as there is room for it, on one line.
fn shortened(name: &str) -> String {
    let mut characters = name.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut shown: String = characters.by_ref().take(MAX_NAME).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// The right panel: the mean squared error over the epochs, on a logarithmic axis.
fn draw_losses(panel: &Panel, way: &str, losses: &[(usize, f64)]) -> Drawn {
    // Zero has no place on a logarithmic axis; the curve ends where a perfect fit is reached.
    let shown: Vec<(f64, f64)> = losses
        .iter()
        .take_while(|(_, loss)| *loss > 0.0)
        .map(|&(epoch, loss)| (epoch as f64, loss))
        .collect();
    let reached = losses
        .last()
        .map_or("no finite loss".to_owned(), |(epoch, loss)| format!("{} after epoch {epoch}", label(*loss)));
    let last_epoch = losses.last().map_or(0, |(epoch, _)| *epoch).max(1);
    let panel = titled(panel, "Loss of the descent", &format!("{reached} of {way}"))?;
    let mut chart =
        margins(&panel).build_cartesian_2d(0.0..last_epoch as f64, decades(&shown).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(BLACK.mix(0.06))
        .x_labels(6)
        .x_desc("epoch")
        .y_labels(9)
        .y_desc("mean squared error")
        .label_style((FONT, 13))
        .x_label_formatter(&|epoch| label(*epoch))
        .y_label_formatter(&|loss| label(*loss))
        .draw()?;
    chart.draw_series(LineSeries::new(shown, FIT.stroke_width(2)))?;
    Ok(())
}

/// The part of a panel that two lines of title leave.
fn titled<'a>(panel: &Panel<'a>, title: &str, subtitle: &str) -> Result<Panel<'a>, Box<dyn StdError>> {
    let panel = panel.margin(8, 0, 0, 0);
    Ok(panel.titled(title, (FONT, 22))?.titled(subtitle, (FONT, 15))?)
}

/// A chart with room for the numbers and names of its axes.
fn margins<'p, 'a>(panel: &'p Panel<'a>) -> ChartBuilder<'p, 'p, SVGBackend<'a>> {
    let mut chart = ChartBuilder::on(panel);
    // On the right there is half of the last tick's number beside the axis.
    chart.margin(16).margin_right(48).x_label_area_size(42).y_label_area_size(64);
    chart
}

/// The range of an axis that shows all of `values` with a margin.
fn axis(values: &[f64]) -> Result<Range<f64>, String> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let largest = low.abs().max(high.abs());
    if largest > MAX_DRAWN {
        return Err(format!("expected data within the {MAX_DRAWN:e} that can be drawn, got {largest:e}"));
    }
    let width = (high - low).max(largest * LEAST_RELATIVE_WIDTH);
    let margin = if width > 0.0 { width * 0.05 } else { 1.0 };
    Ok(low - margin..high + margin)
}

/// The axis stretched to show a line's ends as well, unless the line is so far off that the data would shrink
/// to a dot.
fn with_line(y_axis: Range<f64>, line: Option<[f64; 2]>, x_axis: &Range<f64>) -> Range<f64> {
    let Some([w0, w1]) = line else { return y_axis };
    let (from, to) = (w0 + w1 * x_axis.start, w0 + w1 * x_axis.end);
    let stretched = y_axis.start.min(from).min(to)..y_axis.end.max(from).max(to);
    let width = |range: &Range<f64>| range.end - range.start;
    if width(&stretched) <= MOST_STRETCH * width(&y_axis) { stretched } else { y_axis }
}

/// The ends of the part of a line that lies inside the panel, as plotters draws outside of it as well; none
/// for a line that passes by.
fn inside([w0, w1]: [f64; 2], x_axis: &Range<f64>, y_axis: &Range<f64>) -> Vec<(f64, f64)> {
    // Where the line crosses the lower and the upper edge; a level line crosses neither, wherever it is.
    let at = |y: f64| (y - w0) / w1;
    let (low, high) =
        if w1 > 0.0 { (at(y_axis.start), at(y_axis.end)) } else { (at(y_axis.end), at(y_axis.start)) };
    let (start, end) = if w1 == 0.0 {
        if y_axis.contains(&w0) { (x_axis.start, x_axis.end) } else { (0.0, 0.0) }
    } else {
        (low.max(x_axis.start), high.min(x_axis.end))
    };
    if start < end {
        // Of a steep line, rounding alone would put the ends elsewhere.
        [start, end].map(|x| (x, (w0 + w1 * x).clamp(y_axis.start, y_axis.end))).into()
    } else {
        Vec::new()
    }
}

/// The range of the loss axis: the whole powers of ten around the losses, at least one apart.
fn decades(losses: &[(f64, f64)]) -> Range<f64> {
    if losses.is_empty() {
        return 0.1..1.0;
    }
    let low = losses.iter().map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min);
    let high = losses.iter().map(|(_, loss)| *loss).fold(0.0, f64::max);
    let below = low.log10().floor().clamp(-300.0, 307.0);
    let above = high.log10().ceil().clamp(below + 1.0, 308.0);
    // A little beyond, or rounding may cost the first or last power its tick.
    0.9 * 10_f64.powf(below)..1.1 * 10_f64.powf(above)
}

/// A tick's number, or a weight's: four decimals where they tell, else an exponent.
fn label(value: f64) -> String {
    if value == 0.0 || (1e-3..1e9).contains(&value.abs()) {
        let decimals = format!("{value:.4}");
        decimals.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else if value.log10().fract() == 0.0 {
        format!("{value:.0e}")
    } else {
        format!("{value:.3e}")
    }
}
