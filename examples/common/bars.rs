//! Bars with a mark for how long each may be, as SVG.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Result;
use super::curves::save_svg;

/// Height of a row of the picture, and of the bar in it, in pixels.
const ROW: i32 = 28;
const THICKNESS: i32 = 16;
/// Width of the names, of the bars, and of what is written behind them.
const NAMES: i32 = 300;
const BARS: i32 = 380;
const TEXTS: i32 = 260;
/// What lies between two lines of the axis.
const TICK: f64 = 0.5;
const WITHIN: RGBColor = RGBColor(0x33, 0x66, 0xaa);
const BEYOND: RGBColor = RGBColor(0xdd, 0x77, 0x33);
const FONT: &str = "sans-serif";

/// A bar with its name in front of it and a text behind it.
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) length: f64,
    /// How long it may be.
    pub(crate) bound: f64,
    pub(crate) text: String,
}

/// Writes bars of lengths from 0 on, which are not negative, below each other; `measure` is written under the axis.
pub(crate) fn save(path: &Path, title: &str, measure: &str, bars: &[Bar]) -> Result<()> {
    save_svg(path, |svg| draw(svg, title, measure, bars))
}

fn draw(svg: &mut String, title: &str, measure: &str, bars: &[Bar]) -> Result<()> {
    let size = ((NAMES + BARS + TEXTS) as u32, (ROW * (bars.len() as i32 + 3)) as u32);
    let picture = SVGBackend::with_string(svg, size).into_drawing_area();
    picture.fill(&WHITE)?;
    let font = |size: i32, side| (FONT, size).into_font().color(&BLACK).pos(Pos::new(side, VPos::Center));
    picture.draw(&Text::new(title, (NAMES, ROW / 2), font(18, HPos::Left)))?;

    let longest = bars.iter().map(|bar| bar.length.max(bar.bound)).fold(TICK, f64::max);
    let ticks = (longest / TICK).ceil();
    let at = |length: f64| NAMES + (length / (ticks * TICK) * f64::from(BARS)).round() as i32;
    let below = ROW * (bars.len() as i32 + 1);
    for tick in 0..=ticks as i32 {
        let length = f64::from(tick) * TICK;
        let line = [(at(length), ROW), (at(length), below)];
        picture.draw(&PathElement::new(line, BLACK.mix(if length == 1.0 { 0.6 } else { 0.12 })))?;
        picture.draw(&Text::new(
            length.to_string(),
            (at(length), below + ROW / 3),
            font(12, HPos::Center),
        ))?;
    }
    picture.draw(&Text::new(measure, (NAMES, below + ROW), font(12, HPos::Left)))?;

    for (row, Bar { name, length, bound, text }) in bars.iter().enumerate() {
        let middle = ROW * (row as i32 + 1) + ROW / 2;
        let sides = [middle - THICKNESS / 2, middle + THICKNESS / 2];
        let color = if length <= bound { WITHIN } else { BEYOND };
        picture.draw(&Rectangle::new([(at(0.0), sides[0]), (at(*length), sides[1])], color.filled()))?;
        let mark = [(at(*bound), sides[0] - 3), (at(*bound), sides[1] + 3)];
        picture.draw(&PathElement::new(mark, BLACK.stroke_width(3)))?;
        picture.draw(&Text::new(name.as_str(), (NAMES - 8, middle), font(13, HPos::Right)))?;
        picture.draw(&Text::new(text.as_str(), (NAMES + BARS + 12, middle), font(12, HPos::Left)))?;
    }
    picture.present()?;
    Ok(())
}
