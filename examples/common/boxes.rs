//! A graph as boxes in an SVG, as TensorBoard shows it at first sight: a box for each outermost name scope, and one for
//! the nodes of one name outside of scopes, with arrows between them. What only a number tells apart, as `fc` and `fc_1`,
//! is one box.
//!
//! A box lies below those that it takes values of. Where boxes take values of each other, as a layer's variables of
//! their gradients, the arrow back has another color.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use flowgrad::prelude::*;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Result;
use super::curves::save_svg;

/// Width and height of a box, and the room between boxes, in pixels.
const BOX: (i32, i32) = (136, 40);
const GAP: (i32, i32) = (20, 44);
/// Length of the head of an arrow.
const HEAD: f64 = 8.0;
/// Most letters of a name that a box has room for.
const MAX_NAME: usize = 18;
const LINE: RGBColor = RGBColor(0x33, 0x66, 0xaa);
const BACK: RGBColor = RGBColor(0xdd, 0x77, 0x33);
const FONT: &str = "sans-serif";

/// Nodes that are drawn as one.
struct Group {
    name: String,
    nodes: usize,
    /// The groups whose values it takes.
    takes: BTreeSet<usize>,
    /// Its row of boxes, and the middle of its box.
    row: usize,
    at: (i32, i32),
}

/// Draws the graph.
pub(crate) fn save(path: &Path, graph: &Graph) -> Result<()> {
    let mut groups = groups(graph);
    let size = place(&mut groups);
    save_svg(path, |svg| draw(svg, size, &groups))
}

/// The groups in the order of their first nodes.
fn groups(graph: &Graph) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut of_node: HashMap<String, usize> = HashMap::new();
    // Constants are a part of what reads them, and bodies of functions are drawn as the calls.
    for node in graph.nodes().into_iter().filter(|node| node.op != "constant" && node.function.is_none()) {
        let name = group_name(&node.name);
        let index = *known.entry(name.to_owned()).or_insert(groups.len());
        if index == groups.len() {
            let name = name.to_owned();
            groups.push(Group { name, nodes: 0, takes: BTreeSet::new(), row: 0, at: (0, 0) });
        }
        groups[index].nodes += 1;
        for input in node.inputs.iter().chain(&node.control_inputs) {
            // Another output than the first is `node:1`.
            let input = input.split_once(':').map_or(input.as_str(), |(node, _)| node);
            groups[index].takes.extend(of_node.get(input).filter(|&&taken| taken != index));
        }
        of_node.insert(node.name, index);
    }
    groups
}

/// The outermost scope of a name, or the name itself, without the number that makes it unique.
fn group_name(name: &str) -> &str {
    let outermost = name.split_once('/').map_or(name, |(scope, _)| scope);
    outermost.trim_end_matches(|c: char| c.is_ascii_digit()).strip_suffix('_').unwrap_or(outermost)
}

/// Gives each group its place; the size of the whole.
fn place(groups: &mut [Group]) -> (i32, i32) {
    let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in 0..groups.len() {
        let above = groups[index].takes.iter().filter(|&&taken| taken < index);
        groups[index].row = above.map(|&taken| groups[taken].row + 1).max().unwrap_or(0);
        rows.entry(groups[index].row).or_default().push(index);
    }
    let widest = rows.values().map(Vec::len).max().unwrap_or(0) as i32;
    let size = |count: i32, extent: i32, gap: i32| count * extent + (count + 1) * gap;
    let width = size(widest, BOX.0, GAP.0);
    for (&row, members) in &mut rows {
        // Each is near to what it takes.
        let middle = |index: usize| {
            let above: Vec<i32> =
                groups[index].takes.iter().filter(|&&t| t < index).map(|&t| groups[t].at.0).collect();
            above.iter().sum::<i32>() / (above.len() as i32).max(1)
        };
        members.sort_by_key(|&index| middle(index));
        let share = width / members.len() as i32;
        for (place, &index) in members.iter().enumerate() {
            let (column, row) = (place as i32, row as i32);
            groups[index].at = (column * share + share / 2, size(row, BOX.1, GAP.1) + BOX.1 / 2);
        }
    }
    (width, size(rows.len() as i32, BOX.1, GAP.1))
}

fn draw(svg: &mut String, (width, height): (i32, i32), groups: &[Group]) -> Result<()> {
    let picture = SVGBackend::with_string(svg, (width as u32, height as u32)).into_drawing_area();
    picture.fill(&WHITE)?;
    for (index, group) in groups.iter().enumerate() {
        for &taken in &group.takes {
            let (from, to) = (groups[taken].at, group.at);
            let (lower, upper) = ((0, BOX.1 / 2), (0, -BOX.1 / 2));
            let add = |a: (i32, i32), b: (i32, i32)| (a.0 + b.0, a.1 + b.1);
            let (line, color) = if taken < index {
                ([add(from, lower), add(to, upper)], LINE)
            } else {
                // Beside the arrows down.
                let left = (-BOX.0 / 3, 0);
                ([add(add(from, upper), left), add(add(to, lower), left)], BACK)
            };
            picture.draw(&PathElement::new(line, color.stroke_width(1)))?;
            picture.draw(&Polygon::new(head(line), color.filled()))?;
        }
    }
    let centered = Pos::new(HPos::Center, VPos::Center);
    for Group { name, nodes, at: (x, y), .. } in groups {
        let corners = [(x - BOX.0 / 2, y - BOX.1 / 2), (x + BOX.0 / 2, y + BOX.1 / 2)];
        picture.draw(&Rectangle::new(corners, WHITE.filled()))?;
        picture.draw(&Rectangle::new(corners, BLACK.stroke_width(1)))?;
        let mut letters = name.chars();
        let mut name: String = letters.by_ref().take(MAX_NAME).collect();
        name.extend(letters.next().map(|_| '…'));
        picture.draw(&Text::new(name, (*x, y - 8), (FONT, 13).into_font().color(&BLACK).pos(centered)))?;
        let told = if *nodes == 1 { "1 node".to_owned() } else { format!("{nodes} nodes") };
        picture.draw(&Text::new(told, (*x, y + 9), (FONT, 11).into_font().color(&LINE).pos(centered)))?;
    }
    picture.present()?;
    Ok(())
}

/// The head of an arrow along a line.
fn head([from, to]: [(i32, i32); 2]) -> [(i32, i32); 3] {
    let (x, y) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
    let length = x.hypot(y).max(1.0);
    let (x, y) = (x / length * HEAD, y / length * HEAD);
    let back = |side: f64| {
        (to.0 + (-x + 0.4 * side * y).round() as i32, to.1 + (-y - 0.4 * side * x).round() as i32)
    };
    [to, back(1.0), back(-1.0)]
}
