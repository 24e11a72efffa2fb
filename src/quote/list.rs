//! Names of a file in a list, of which the first are shown.

use super::quoted;

/// Names of a list that are shown.
pub(crate) const LISTED: usize = 12;

/// The first of `total` names, and how many there are besides.
pub(crate) fn listed<'n>(names: impl IntoIterator<Item = &'n str>, total: usize) -> String {
    let shown: Vec<String> =
        names.into_iter().take(LISTED).map(|name| format!("`{}`", quoted(name))).collect();
    match total - shown.len().min(total) {
        _ if shown.is_empty() => "none".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_names_are_listed() {
        assert_eq!(listed([], 0), "none");
        assert_eq!(listed(["a", "b\r"], 2), "`a`, `b\\r`");
        assert_eq!(listed(["x"; 100], 100), format!("{} and 88 more", ["`x`"; 12].join(", ")));
    }
}
