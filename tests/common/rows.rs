//! The rows of the tables of elementwise functions, read from the sources.

/// The names of the functions that a source declares by `elementwise!`: what stands before the formula in quotes.
pub(crate) fn elementwise_rows(source: &str) -> Vec<&str> {
    let tables = source.split("\nelementwise! {").skip(1).filter_map(|rest| rest.split("\n}").next());
    let rows = tables.flat_map(str::lines).filter_map(|line| {
        let (name, rest) = line.trim().split_once([' ', '('])?;
        let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let rest = rest
            .split_once(") ")
            .map_or(rest, |(number, rest)| if number.contains('"') { number } else { rest });
        (is_name && rest.starts_with('"')).then_some(name)
    });
    rows.collect()
}
