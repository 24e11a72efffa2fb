//! As much of JSON as the header of a safetensors file and the graph of a frozen model need: a reader that hands out one
//! token after the other and keeps none of them, and texts as it is written.
//!
//! A tree of values would take a hundred times the bytes of a hostile header, and a parser that calls itself for what
//! is nested as much of the stack as it is told to.

use std::borrow::Cow;
use std::fmt::Write;

/// The text is no JSON, or not of the kind that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::io) struct Malformed;

/// What is left of a text.
#[derive(Clone, Debug)]
pub(in crate::io) struct Json<'t> {
    rest: &'t str,
}

/// How deep values that nobody asks for may be nested; a bit of a word tells of each level whether it is an object.
const DEEPEST: u32 = u128::BITS;

impl<'t> Json<'t> {
    pub(in crate::io) fn new(text: &'t str) -> Self {
        Json { rest: text }
    }

    /// Takes an object; `entry` is given the name of each entry, and takes its value.
    pub(in crate::io) fn object<E: From<Malformed>>(
        &mut self,
        mut entry: impl FnMut(&mut Self, Cow<'t, str>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.items([b'{', b'}'], |json| {
            let name = json.name()?;
            entry(json, name)
        })
    }

    /// Takes an array; `item` takes each of its values.
    pub(in crate::io) fn array(
        &mut self,
        item: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.items([b'[', b']'], item)
    }

    fn items<E: From<Malformed>>(
        &mut self,
        [open, close]: [u8; 2],
        mut item: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.expect(open)?;
        if self.take(close) {
            return Ok(());
        }
        loop {
            item(self)?;
            if !self.take(b',') {
                return Ok(self.expect(close)?);
            }
        }
    }

    /// Takes a text.
    pub(in crate::io) fn string(&mut self) -> Result<Cow<'t, str>, Malformed> {
        self.expect(b'"')?;
        let mut owned = String::new();
        loop {
            let plain =
                self.rest.bytes().take_while(|&byte| byte != b'"' && byte != b'\\' && byte >= b' ').count();
            let (before, rest) = self.rest.split_at(plain);
            self.rest = rest.get(1..).ok_or(Malformed)?;
            match rest.as_bytes()[0] {
                b'"' if owned.is_empty() => return Ok(Cow::Borrowed(before)),
                b'"' => {
                    owned.push_str(before);
                    return Ok(Cow::Owned(owned));
                }
                b'\\' => {
                    owned.push_str(before);
                    owned.push(self.escaped()?);
                }
                _ => return Err(Malformed),
            }
        }
    }

    /// Takes what stands behind a backslash.
    fn escaped(&mut self) -> Result<char, Malformed> {
        let kind = self.rest.chars().next().ok_or(Malformed)?;
        self.rest = &self.rest[kind.len_utf8()..];
        Ok(match kind {
            '"' | '\\' | '/' => kind,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.unit()?;
                let mut units = vec![first];
                if (0xd800..0xdc00).contains(&first) {
                    self.rest = self.rest.strip_prefix("\\u").ok_or(Malformed)?;
                    units.push(self.unit()?);
                }
                char::decode_utf16(units).next().and_then(Result::ok).ok_or(Malformed)?
            }
            _ => return Err(Malformed),
        })
    }

    /// Takes four hexadecimal digits.
    fn unit(&mut self) -> Result<u16, Malformed> {
        let (digits, rest) = self.rest.split_at_checked(4).ok_or(Malformed)?;
        self.rest = rest;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Malformed);
        }
        u16::from_str_radix(digits, 16).map_err(|_| Malformed)
    }

    /// Takes a number without a sign, a fraction or an exponent.
    pub(in crate::io) fn integer(&mut self) -> Result<u64, Malformed> {
        let number = self.number()?;
        number
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| number.parse().ok())
            .flatten()
            .ok_or(Malformed)
    }

    /// Takes any number, as it is written.
    fn number(&mut self) -> Result<&'t str, Malformed> {
        self.skip_white();
        let start = self.rest;
        let sign = self.rest.strip_prefix('-');
        self.rest = sign.unwrap_or(self.rest);
        let leading_zero = self.rest.starts_with('0');
        if self.digits()? > 1 && leading_zero {
            return Err(Malformed);
        }
        if let Some(rest) = self.rest.strip_prefix('.') {
            self.rest = rest;
            self.digits()?;
        }
        if let Some(rest) = self.rest.strip_prefix(['e', 'E']) {
            self.rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
            self.digits()?;
        }
        Ok(&start[..start.len() - self.rest.len()])
    }

    /// Takes digits, and tells how many.
    fn digits(&mut self) -> Result<usize, Malformed> {
        let count = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        self.rest = &self.rest[count..];
        if count == 0 { Err(Malformed) } else { Ok(count) }
    }

    /// Takes `null`, if it comes next, and tells whether it did.
    pub(in crate::io) fn null(&mut self) -> bool {
        self.skip_white();
        let rest = self.rest.strip_prefix("null");
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Takes any value.
    pub(in crate::io) fn skip(&mut self) -> Result<(), Malformed> {
        let (mut objects, mut depth) = (0_u128, 0);
        loop {
            self.skip_white();
            match self.rest.as_bytes().first() {
                Some(&open @ (b'{' | b'[')) => {
                    self.expect(open)?;
                    let is_object = open == b'{';
                    if depth == DEEPEST {
                        return Err(Malformed);
                    }
                    if !self.take(if is_object { b'}' } else { b']' }) {
                        (objects, depth) = (objects << 1 | u128::from(is_object), depth + 1);
                        if is_object {
                            self.name()?;
                        }
                        continue;
                    }
                }
                Some(b'"') => drop(self.string()?),
                _ => {
                    let word = ["true", "false", "null"].iter().find_map(|word| self.rest.strip_prefix(word));
                    match word {
                        Some(rest) => self.rest = rest,
                        None => drop(self.number()?),
                    }
                }
            }
            // Behind a value: the next one of the innermost object or array, or its end.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let is_object = objects & 1 == 1;
                if self.take(b',') {
                    if is_object {
                        self.name()?;
                    }
                    break;
                }
                self.expect(if is_object { b'}' } else { b']' })?;
                (objects, depth) = (objects >> 1, depth - 1);
            }
        }
    }

    /// An error if something is left.
    pub(in crate::io) fn end(mut self) -> Result<(), Malformed> {
        self.skip_white();
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    /// Takes the name of an entry and the colon behind it.
    fn name(&mut self) -> Result<Cow<'t, str>, Malformed> {
        self.skip_white();
        let name = self.string()?;
        self.expect(b':')?;
        Ok(name)
    }

    fn expect(&mut self, mark: u8) -> Result<(), Malformed> {
        if self.take(mark) { Ok(()) } else { Err(Malformed) }
    }

    /// Takes a mark, with white space before it, if it comes next.
    fn take(&mut self, mark: u8) -> bool {
        self.skip_white();
        let rest = self.rest.strip_prefix(char::from(mark));
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_white(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }
}

/// Appends a text with its quotes.
pub(in crate::io) fn push_string(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            // A `String` takes all that is written to it.
            '\0'..' ' => drop(write!(json, "\\u{:04x}", u32::from(c))),
            _ => json.push(c),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> Result<String, Malformed> {
        let mut json = Json::new(text);
        let string = json.string()?.into_owned();
        json.end().map(|()| string)
    }

    #[test]
    fn strings_are_read_as_they_were_written() {
        for text in ["", "plain", "größe · 大きさ", "\"\\/\u{8}\u{c}\n\r\t\0\u{1f}", "\u{10ffff}\u{7f}", "\\"]
        {
            let mut written = String::new();
            push_string(&mut written, text);
            assert_eq!(string(&written).as_deref(), Ok(text));
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
        assert_eq!(string(r#" "\u00e9\uD83D\ude00\/" "#).as_deref(), Ok("é😀/"));
        for bad in
            ["", "\"", "\"a", "\"\n\"", r#""\x""#, r#""\u12""#, r#""\u+123""#, r#""\ud800""#, r#""\udc00""#]
        {
            assert_eq!(string(bad), Err(Malformed), "{bad}");
        }
    }

    /// The same texts are values as for `serde_json`, which nests as deep.
    #[test]
    fn what_is_a_value_is_one_for_serde_json() {
        let nested = |count| format!("{}{}", "[".repeat(count), "]".repeat(count));
        let values = [
            "0", "-0", "01", "1.5e-3", "1.", ".5", "-", "1e", "true", "nul", "nulls", "[1,2]", "[1,]", "[,]",
        ];
        let objects = [
            "{}",
            "{\"a\":[{}]}",
            "{\"a\"}",
            "{\"a\":1,}",
            "{a:1}",
            "[}",
            "{]",
            "[{\"a\":[1,{\"b\":2}],\"c\":3}]",
        ];
        let deep = [nested(100), nested(127), "[".repeat(1_000_000), "{\"\":".repeat(1_000_000)];
        for text in values.into_iter().chain(objects).map(str::to_owned).chain(deep) {
            let mut json = Json::new(&text);
            let taken = json.skip().and_then(|()| json.end());
            let expected = serde_json::from_str::<serde_json::Value>(&text);
            assert_eq!(taken.is_ok(), expected.is_ok(), "{}", &text[..text.len().min(80)]);
        }
        let (mut limit, mut deeper) = (nested(128), nested(129));
        for (text, expected) in [(&mut limit, Ok(())), (&mut deeper, Err(Malformed))] {
            assert_eq!(Json::new(text).skip(), expected);
        }
    }

    #[test]
    fn lengths_are_integers() {
        let integer = |text| Json::new(text).integer();
        assert_eq!([integer("0"), integer(" 18446744073709551615")], [Ok(0), Ok(u64::MAX)]);
        for bad in ["-1", "1.0", "1e3", "18446744073709551616", "01", "", "x", "\"1\""] {
            assert_eq!(integer(bad), Err(Malformed), "{bad}");
        }
    }
}
