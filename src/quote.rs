//! Text out of files as error messages show it.

/// Lists of names, which readers of files tell.
#[cfg(any(
    test,
    feature = "csv",
    feature = "graphdef",
    feature = "keras",
    feature = "npz",
    feature = "onnx",
    feature = "safetensors"
))]
pub(crate) mod list;

/// Characters of a name that are shown.
const SHOWN: usize = 100;

/// A name that a file gave: what steers a terminal is escaped, and a long one is cut.
///
/// The author of a file decides what its names say and how long they are.
pub(crate) fn quoted(name: &str) -> String {
    let mut shown = String::new();
    for c in name.chars().take(SHOWN) {
        match c {
            // Messages have names between other marks than these.
            '"' | '\'' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    if name.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// The beginning of a text in a file, were it a megabyte: as much as [`quoted`] shows, and a character more where it
/// says that there is more.
#[cfg(feature = "csv")]
pub(crate) fn excerpt(text: &[u8]) -> String {
    // The longest character takes 4 bytes.
    let beginning = String::from_utf8_lossy(&text[..text.len().min(4 * (SHOWN + 1))]);
    beginning.chars().take(SHOWN + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_cut() {
        assert_eq!(quoted("dense/größe"), "dense/größe");
        assert_eq!(quoted("a\u{1b}[2J\n\u{202e}\"b"), "a\\u{1b}[2J\\n\\u{202e}\"b");
        assert_eq!(quoted(&"x".repeat(1 << 20)), format!("{}…", "x".repeat(SHOWN)));
    }
}
