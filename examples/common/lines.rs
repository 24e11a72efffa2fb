//! A text as SVG, as a terminal shows it.

use std::path::Path;

use plotters::prelude::*;

use super::Result;
use super::curves::save_svg;

/// Height of a line and width of a letter, in pixels.
const LINE: i32 = 15;
const LETTER: i32 = 7;
const MARGIN: i32 = 10;
/// Letters of a line that are shown.
const MAX_LETTERS: usize = 130;
const FONT: &str = "monospace";
const HEADING: RGBColor = RGBColor(0x33, 0x66, 0xaa);

/// Writes the text, its headings in blue: the first of the lines between two that are empty.
pub(crate) fn save(path: &Path, text: &str) -> Result<()> {
    save_svg(path, |svg| draw(svg, text))
}

fn draw(svg: &mut String, text: &str) -> Result<()> {
    let lines: Vec<String> = text.trim_end().lines().map(shown).collect();
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0) as i32;
    let size = (2 * MARGIN + longest * LETTER, 2 * MARGIN + lines.len() as i32 * LINE);
    let picture = SVGBackend::with_string(svg, (size.0 as u32, size.1 as u32)).into_drawing_area();
    picture.fill(&WHITE)?;
    let mut is_heading = true;
    for (row, line) in lines.into_iter().enumerate() {
        let color = if is_heading { HEADING } else { BLACK };
        is_heading = line.is_empty();
        if !is_heading {
            // Spaces in front are not drawn.
            let indent = (line.chars().count() - line.trim_start().chars().count()) as i32;
            let at = (MARGIN + indent * LETTER, MARGIN + row as i32 * LINE);
            picture.draw(&Text::new(
                line.trim_start().to_owned(),
                at,
                (FONT, 11).into_font().color(&color),
            ))?;
        }
    }
    picture.present()?;
    Ok(())
}

/// A line of the picture. Viewers would show several spaces as one.
fn shown(line: &str) -> String {
    let mut letters = line.chars();
    let mut shown: String = letters.by_ref().take(MAX_LETTERS).collect();
    shown.extend(letters.next().map(|_| '…'));
    shown.replace(' ', "\u{a0}")
}
