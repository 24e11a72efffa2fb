//! Where the legend of a plot hides the least.

use plotters::prelude::SeriesLabelPosition;

/// What a legend takes of width and height.
const SIZE: (f64, f64) = (0.5, 0.32);
/// Places along each side that are tried.
const PLACES: u32 = 16;

/// The place of a legend in a plot of so many pixels, in which these points are drawn, given from 0 to 1 from the left
/// and from below. It is a corner, if a legend hides nothing there.
pub(super) fn place(drawn: &[(f64, f64)], (width, height): (u32, u32)) -> SeriesLabelPosition {
    let (right, top) = (1.0 - SIZE.0, 1.0 - SIZE.1);
    let corners = [
        (SeriesLabelPosition::UpperRight, right, top),
        (SeriesLabelPosition::LowerRight, right, 0.0),
        (SeriesLabelPosition::UpperLeft, 0.0, top),
        (SeriesLabelPosition::LowerLeft, 0.0, 0.0),
    ];
    let inner = (0..=PLACES).flat_map(|row| (0..=PLACES).map(move |column| (column, row)));
    let inner = inner.map(|(column, row)| {
        let part = |place| f64::from(place) / f64::from(PLACES);
        let (left, low) = (right * part(column), top * part(row));
        let (x, y) = (left * f64::from(width), (top - low) * f64::from(height));
        (SeriesLabelPosition::Coordinate(x as i32, y as i32), left, low)
    });
    let hidden = |(_, left, low): &(SeriesLabelPosition, f64, f64)| {
        let is_hidden = |&&(x, y): &&(f64, f64)| {
            (0.0..SIZE.0).contains(&(x - left)) && (0.0..SIZE.1).contains(&(y - low))
        };
        drawn.iter().filter(is_hidden).count()
    };
    let best = corners.into_iter().chain(inner).min_by_key(hidden);
    best.map_or(SeriesLabelPosition::UpperRight, |(position, ..)| position)
}
