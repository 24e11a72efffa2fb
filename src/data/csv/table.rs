//! The rows of a file, as they are read.

use std::io;
use std::path::Path;
use std::str::FromStr;

use super::Csv;
use super::categories::Categories;
use super::columns::{Columns, Names};
use super::encoding::{Encoding, Learned};
use super::error::{CsvError, CsvFault};
use super::fields::{Fields, Separator};
use super::lines::{Lines, check_returns};
use super::missing::Missing;
use super::number;
use super::roles::{Kind, Role, Roles, Side};
use crate::Numeric;
use crate::quote::excerpt;

/// The numbers of a file, row by row, in the two types that they are asked for.
pub(super) struct Table<A, B> {
    /// At least 1.
    pub(super) rows: usize,
    pub(super) inputs: Vec<A>,
    pub(super) targets: Vec<B>,
    pub(super) encoding: Encoding,
}

/// Where in the file a reader stands, counted from 1.
#[derive(Default)]
struct Place {
    line: Option<u64>,
    column: Option<usize>,
    /// The line that names the columns, once it has been read.
    header: Option<Vec<u8>>,
}

impl Place {
    /// The name of the column, or the beginning of it.
    fn name(&self, separator: Separator) -> Option<Box<str>> {
        let (column, header) = (self.column?, self.header.as_deref()?);
        let mut name = None;
        let take = |index, field: &[u8]| {
            if index + 1 == column {
                name = Some(excerpt(field));
            }
        };
        Fields::separated_by(separator).ok()?.each(header, take).ok()?;
        name.filter(|name| !name.is_empty()).map(String::into_boxed_str)
    }
}

/// The rows so far.
struct Rows<'c, A, B> {
    csv: &'c Csv,
    roles: Roles,
    count: usize,
    inputs: Vec<A>,
    targets: Vec<B>,
    /// Of the columns of categories, in the order of the file.
    categories: Vec<Categories>,
    /// Rows and places of inputs that are to become the means of their columns.
    holes: Vec<(usize, usize)>,
}

impl<A: Numeric + FromStr, B: Numeric + FromStr> Table<A, B> {
    /// Reads a file; `names` asks for the names of the inputs.
    pub(super) fn read(
        path: &Path,
        csv: &Csv,
        targets: Option<&Columns>,
        names: bool,
    ) -> Result<Self, CsvError> {
        let mut place = Place::default();
        Self::scan(path, csv, targets, names, &mut place).map_err(|fault| {
            let name = place.name(csv.separator);
            CsvError { path: path.to_owned(), line: place.line, column: place.column, name, fault }
        })
    }

    fn scan(
        path: &Path,
        csv: &Csv,
        targets: Option<&Columns>,
        wants_names: bool,
        place: &mut Place,
    ) -> Result<Self, CsvFault> {
        let mut lines = Lines::open(path, csv.limit)?;
        let mut fields = Fields::separated_by(csv.separator)?;
        let mut rows: Option<Rows<'_, A, B>> = None;
        let mut header_names = None;
        for number in 1.. {
            (place.line, place.column) = (Some(number), None);
            let Some(line) = lines.next_line()? else { break };
            if number <= csv.skipped || line.trim_ascii().is_empty() {
                continue;
            }
            check_returns(line)?;
            let rows = if let Some(rows) = &mut rows {
                rows
            } else {
                let count = fields.each(line, |_, _| ())?;
                let mut header = Header { fields: &mut fields, line };
                let names: Option<&mut dyn Names> = if csv.header { Some(&mut header) } else { None };
                let roles = Roles::of(count, names, csv, targets, A::DTYPE)?;
                // Few columns are categories, and their names are asked for.
                let wants_names = wants_names || !csv.categories.is_empty() || !csv.missing_in.is_empty();
                if csv.header && wants_names {
                    header_names = Some(header.names()?);
                }
                let known = rows.insert(Rows::new(csv, roles, header_names.as_deref())?);
                if csv.header {
                    let mut header = Vec::new();
                    header.try_reserve_exact(line.len()).map_err(io::Error::from)?;
                    header.extend_from_slice(line);
                    place.header = Some(header);
                    continue;
                }
                known
            };
            rows.add(line, &mut fields, place).map_err(|fault| match fault {
                CsvFault::NotANumber { text, .. } => {
                    let may_be_name = rows.count == 0 && !csv.header && !text.is_empty();
                    let is_missing = csv.missing_words.say_of(text.as_bytes());
                    CsvFault::NotANumber { text, may_be_name, is_missing }
                }
                fault => fault,
            })?;
        }
        (place.line, place.column) = (None, None);
        let rows = rows.filter(|rows| rows.count > 0).ok_or(CsvFault::Empty)?;
        rows.finished(header_names.as_deref(), wants_names, place)
    }
}

impl<'c, A: Numeric + FromStr, B: Numeric + FromStr> Rows<'c, A, B> {
    fn new(csv: &'c Csv, roles: Roles, names: Option<&[String]>) -> Result<Self, CsvFault> {
        let of_categories = roles.special.iter().filter(|role| role.kind != Kind::Number);
        let categories = of_categories.map(|role| match &csv.encoding {
            Some(encoding) => {
                let learned = encoding.of(role.index, names).and_then(|learned| learned.categories.as_ref());
                learned
                    .map(|texts| Categories::fixed(texts))
                    .ok_or(CsvFault::NotEncoded { index: role.index })
            }
            None => Ok(Categories::default()),
        });
        Ok(Rows {
            csv,
            categories: categories.collect::<Result<_, _>>()?,
            roles,
            count: 0,
            inputs: Vec::new(),
            targets: Vec::new(),
            holes: Vec::new(),
        })
    }

    /// Adds the numbers of a line, if none is missing for which the row is left out.
    fn add(&mut self, line: &[u8], fields: &mut Fields, place: &mut Place) -> Result<(), CsvFault> {
        let Rows { csv, roles, count, inputs, targets, categories, holes } = self;
        let before = (inputs.len(), targets.len(), holes.len());
        let known: Vec<usize> = categories.iter().map(Categories::len).collect();
        inputs.try_reserve(roles.inputs).map_err(io::Error::from)?;
        targets.try_reserve(roles.targets).map_err(io::Error::from)?;
        inputs.resize(before.0 + roles.inputs, A::default());
        targets.resize(before.1 + roles.targets, B::default());
        let (inputs_of_row, targets_of_row) = (&mut inputs[before.0..], &mut targets[before.1..]);
        let mut special = roles.special.iter().peekable();
        let (mut next_input, mut next_categories) = (0, categories.iter_mut());
        let (mut fault, mut is_dropped) = (None, false);
        // A line that is no row as a whole says so, whatever its fields say.
        let found = fields.each(line, |index, field| {
            if fault.is_some() || index >= roles.count {
                return;
            }
            let role = special.next_if(|role| role.index == index).copied().or_else(|| {
                let (missing, place) = (roles.others?, next_input);
                Some(Role { index, side: Side::Inputs, place, kind: Kind::Number, missing })
            });
            let Some(Role { side, place, kind, missing, .. }) = role else { return };
            next_input += usize::from(side == Side::Inputs);
            let categories = if kind == Kind::Number { None } else { next_categories.next() };
            let is_missing = field.is_empty() || missing != Missing::Error && csv.missing_words.say_of(field);
            let taken = match (is_missing, missing, categories) {
                (true, Missing::Drop, _) => {
                    is_dropped = true;
                    Ok(())
                }
                (true, Missing::Mean, _) => holes
                    .try_reserve(1)
                    .map(|()| holes.push((*count, place)))
                    .map_err(|error| CsvFault::from(io::Error::from(error))),
                (true, Missing::Error, Some(_)) => Err(CsvFault::NoCategory { text: excerpt(field) }),
                (_, _, Some(categories)) => categories.number(field).map(|number| match side {
                    Side::Inputs => inputs_of_row[place] = numbered(number),
                    Side::Targets => targets_of_row[place] = numbered(number),
                }),
                (_, _, None) => match side {
                    Side::Inputs => number::parse(field).map(|number| inputs_of_row[place] = number),
                    Side::Targets => number::parse(field).map(|number| targets_of_row[place] = number),
                },
            };
            fault = taken.err().map(|fault| (index, fault));
        })?;
        if found != roles.count {
            return Err(CsvFault::Ragged { expected: roles.count, found });
        }
        if let Some((index, fault)) = fault {
            place.column = Some(index + 1);
            return Err(fault);
        }
        if is_dropped {
            inputs.truncate(before.0);
            targets.truncate(before.1);
            holes.truncate(before.2);
            categories.iter_mut().zip(known).for_each(|(categories, known)| categories.truncate(known));
        } else {
            *count += 1;
        }
        Ok(())
    }

    /// The numbers, with means in the place of what is missing and categories in their order.
    fn finished(
        self,
        names: Option<&[String]>,
        wants_names: bool,
        place: &mut Place,
    ) -> Result<Table<A, B>, CsvFault> {
        let Rows { csv, roles, count: rows, mut inputs, mut targets, categories, holes } = self;
        let mut columns: Vec<Learned> = Vec::new();
        let name = |index: usize| names.and_then(|names| names.get(index).cloned());
        if csv.missing == Missing::Mean || !csv.missing_in.is_empty() {
            let of_means = roles.each().filter(|role| role.missing == Missing::Mean);
            let mut means = vec![A::default(); roles.inputs];
            let mut holes_of: Vec<Vec<usize>> = vec![Vec::new(); roles.inputs];
            for &(row, place) in &holes {
                holes_of[place].push(row);
            }
            for role in of_means {
                let index = role.index;
                place.column = Some(index + 1);
                let mean = match csv.encoding.as_ref().and_then(|encoding| encoding.of(index, names)?.mean) {
                    Some(mean) => mean,
                    None => mean_of_column(&inputs, roles.inputs, role.place, &holes_of[role.place])
                        .ok_or(CsvFault::NoMean)?,
                };
                place.column = None;
                means[role.place] = <A as Numeric>::from_f64(mean);
                columns.push(Learned { index, name: name(index), categories: None, mean: Some(mean) });
            }
            for &(row, place) in &holes {
                inputs[row * roles.inputs + place] = means[place];
            }
        }
        let of_categories = roles.special.iter().filter(|role| role.kind != Kind::Number);
        let mut expansions = [Vec::new(), Vec::new()];
        for (role, categories) in of_categories.zip(categories) {
            let (texts, places) = categories.in_order();
            let is_one_hot = role.kind == Kind::Category { is_one_hot: true };
            let expansion = Expansion { place: role.place, places, is_one_hot };
            expansions[usize::from(role.side == Side::Targets)].push(expansion);
            let index = role.index;
            columns.push(Learned { index, name: name(index), categories: Some(texts), mean: None });
        }
        let [of_inputs, of_targets] = expansions;
        inputs = expanded(inputs, roles.inputs, of_inputs)?;
        targets = expanded(targets, roles.targets, of_targets)?;
        inputs.shrink_to_fit();
        targets.shrink_to_fit();
        columns.sort_by_key(|column| column.index);
        let names = if wants_names { input_names(&roles, &columns, names) } else { Vec::new() };
        Ok(Table { rows, inputs, targets, encoding: Encoding { columns, names } })
    }
}

/// A number of a category, which every type has.
fn numbered<T: Numeric>(number: usize) -> T {
    <T as Numeric>::from_f64(number as f64)
}

/// The mean of a column over all rows but those, in ascending order, in which it is missing; if there is one.
fn mean_of_column<A: Numeric>(inputs: &[A], width: usize, place: usize, holes: &[usize]) -> Option<f64> {
    let mut holes = holes.iter().peekable();
    let column = inputs.chunks_exact(width).enumerate();
    let there = column.filter(|(row, _)| holes.next_if_eq(&row).is_none());
    let values = there.map(|(_, numbers)| numbers[place].as_f64());
    // A running mean, which stays in the range of the numbers.
    let mut count = 0.0;
    let mean = values.fold(0.0, |mean, value| {
        count += 1.0;
        mean + (value / count - mean / count)
    });
    (count > 0.0).then_some(mean)
}

/// What becomes of a column of categories: their numbers in order, or a column for each.
struct Expansion {
    place: usize,
    /// The place in the order of the category of each number.
    places: Vec<usize>,
    is_one_hot: bool,
}

/// Rows of so many numbers, with categories as they are to be.
fn expanded<T: Numeric>(
    mut numbers: Vec<T>,
    width: usize,
    mut expansions: Vec<Expansion>,
) -> Result<Vec<T>, CsvFault> {
    expansions.sort_by_key(|expansion| expansion.place);
    for Expansion { place, places, .. } in &expansions {
        for number in numbers.iter_mut().skip(*place).step_by(width) {
            *number = numbered(places[number.as_f64() as usize]);
        }
    }
    expansions.retain(|expansion| expansion.is_one_hot);
    if expansions.is_empty() {
        return Ok(numbers);
    }
    let added: usize = expansions.iter().map(|expansion| expansion.places.len()).sum();
    let (rows, wide) = (numbers.len() / width, width + added - expansions.len());
    let mut expanded = Vec::new();
    expanded.try_reserve_exact(rows.saturating_mul(wide)).map_err(io::Error::from)?;
    for row in numbers.chunks_exact(width) {
        let mut begin = 0;
        for Expansion { place, places, .. } in &expansions {
            expanded.extend_from_slice(&row[begin..*place]);
            let first = expanded.len();
            expanded.resize(first + places.len(), T::default());
            expanded[first + row[*place].as_f64() as usize] = numbered(1);
            begin = place + 1;
        }
        expanded.extend_from_slice(&row[begin..]);
    }
    Ok(expanded)
}

/// The names of the inputs: those of the header, or the numbers of the columns; with the category where each has a
/// column.
fn input_names(roles: &Roles, columns: &[Learned], names: Option<&[String]>) -> Vec<String> {
    let mut inputs: Vec<Role> = roles.each().filter(|role| role.side == Side::Inputs).collect();
    inputs.sort_by_key(|role| role.place);
    let of = |role: Role| {
        let name = names.and_then(|names| names.get(role.index).cloned());
        let name = name.unwrap_or_else(|| role.index.to_string());
        if role.kind != (Kind::Category { is_one_hot: true }) {
            return vec![name];
        }
        let texts = columns.iter().find(|column| column.index == role.index && column.categories.is_some());
        let texts = texts.and_then(|column| column.categories.as_ref());
        texts.into_iter().flatten().map(|text| format!("{name}={text}")).collect()
    };
    inputs.into_iter().flat_map(of).collect()
}

/// The line that names the columns.
struct Header<'l> {
    fields: &'l mut Fields,
    line: &'l [u8],
}

impl Header<'_> {
    fn names(&mut self) -> Result<Vec<String>, CsvFault> {
        let mut names = Vec::new();
        self.each(&mut |_, name| names.push(String::from_utf8_lossy(name).into_owned()))?;
        Ok(names)
    }
}

impl Names for Header<'_> {
    fn each(&mut self, take: &mut dyn FnMut(usize, &[u8])) -> Result<(), CsvFault> {
        self.fields.each(self.line, take).map(drop)
    }
}
