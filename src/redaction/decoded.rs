//! A text as its reader will see it: `\u0073k-…`, `https:\/\/`, `%3D` and `&quot;` undone.
//!
//! Only what could spell a secret is decoded (printable ASCII), at any number of backslashes or
//! of `%25`. Places found in the decoded text are carried back to the source, where an escape is
//! taken whole, so that what surrounds the replacement stays valid.

use memchr::{memchr, memchr3};

use super::finding::Finding;

/// The decoded text and the way back.
pub(super) struct Decoded {
    text: String,
    escapes: Vec<Escape>,
}

/// One escape: its range in the source and in the decoded text.
#[derive(Debug, Clone, Copy)]
struct Escape {
    start: usize,
    end: usize,
    decoded: usize,
    decoded_end: usize,
}

impl Decoded {
    /// `None` where there is nothing to decode, which is nearly always.
    pub(super) fn of(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let first = first_escape(bytes)?;
        let quotes = memchr(b'"', bytes).is_some();
        let mut decoded = Self { text: String::with_capacity(text.len()), escapes: Vec::new() };
        decoded.text.push_str(&text[..first]);
        let (mut at, mut copied) = (first, first);
        while let Some(found) = next_mark(bytes, at) {
            match escape(bytes, found) {
                Some((start, end, character)) if start >= copied => {
                    decoded.text.push_str(&text[copied..start]);
                    decoded.push(start, end, character, quotes);
                    (at, copied) = (end, end);
                }
                _ => at = behind(bytes, found),
            }
        }
        decoded.text.push_str(&text[copied..]);
        Some(decoded)
    }

    fn push(&mut self, start: usize, end: usize, character: u8, quotes: bool) {
        let decoded = self.text.len();
        if character == b'"' && quotes {
            // It stands inside a text that real quotes hold, and so deeper than they.
            self.text.push_str(DEEP);
        }
        self.text.push(char::from(character));
        self.escapes.push(Escape { start, end, decoded, decoded_end: self.text.len() });
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The finding's place in the source.
    pub(super) fn in_source(&self, finding: Finding) -> Finding {
        let range = |start, end| (self.source(start), self.source(end).max(self.source(start)));
        let (start, end) = range(finding.start, finding.end);
        let quote = finding.quote.map(|(from, to)| range(from, to));
        Finding { start, end, quote, ..finding }
    }

    /// Where a decoded place came from.
    fn source(&self, at: usize) -> usize {
        let before = self.escapes.partition_point(|escape| escape.decoded <= at);
        match before.checked_sub(1).map(|index| self.escapes[index]) {
            Some(escape) if at < escape.decoded_end => escape.start,
            Some(escape) => escape.end + (at - escape.decoded_end),
            None => at,
        }
    }
}

/// The backslashes of a quote three strings deep.
const DEEP: &str = "\\\\\\\\\\\\\\";

fn first_escape(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = next_mark(bytes, at) {
        if let Some((start, ..)) = escape(bytes, found) {
            return Some(start);
        }
        at = behind(bytes, found);
    }
    None
}

/// The next byte that may be part of an escape.
fn next_mark(bytes: &[u8], from: usize) -> Option<usize> {
    memchr3(b'\\', b'%', b'&', bytes.get(from..)?).map(|at| from + at)
}

/// Where to go on behind a mark that is no escape: backslashes are looked at together.
fn behind(bytes: &[u8], at: usize) -> usize {
    at + 1 + bytes[at + 1..].iter().take_while(|byte| **byte == b'\\').count()
}

/// The escape that the mark at `at` belongs to: where it starts and ends and what it stands for.
fn escape(bytes: &[u8], at: usize) -> Option<(usize, usize, u8)> {
    let rest = &bytes[at..];
    match rest[0] {
        b'%' => {
            // `%253D` is an encoded `%3D`.
            let mut end = 1;
            while rest[end..].starts_with(b"25") && end < MAX_REPEATS {
                end += 2;
            }
            let character = printable(hex(rest.get(end..end + 2)?)?)?;
            Some((at, at + end + 2, character))
        }
        b'\\' => {
            let backslashes = rest.iter().take_while(|b| **b == b'\\').count();
            let after = &rest[backslashes..];
            if after.first() == Some(&b'/') {
                return Some((at, at + backslashes + 1, b'/'));
            }
            let digits = after.strip_prefix(b"u00").or_else(|| after.strip_prefix(b"x"))?;
            let character = printable(hex(digits.get(..2)?)?)?;
            let prefix = after.len() - digits.len();
            Some((at, at + backslashes + prefix + 2, character))
        }
        _ => ENTITIES
            .into_iter()
            .find(|(name, _)| rest.starts_with(name.as_bytes()))
            .map(|(name, character)| (at, at + name.len(), character)),
    }
}

const MAX_REPEATS: usize = 64;

const ENTITIES: [(&str, u8); 8] = [
    ("&quot;", b'"'),
    ("&#34;", b'"'),
    ("&#39;", b'\''),
    ("&#x27;", b'\''),
    ("&apos;", b'\''),
    ("&amp;", b'&'),
    ("&lt;", b'<'),
    ("&gt;", b'>'),
];

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    match digits {
        [high, low] => Some((digit(*high)? * 16 + digit(*low)?) as u8),
        _ => None,
    }
}

fn printable(byte: u8) -> Option<u8> {
    matches!(byte, b' '..=b'~' | b'\n').then_some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redaction::hits::Rule;

    #[test]
    fn what_is_found_decoded_is_found_in_the_source() {
        for (source, clear, part, cut) in [
            (r"a \u0073k-1 b", "a sk-1 b", "sk-1", r"\u0073k-1"),
            (r"a \\u0073\\u006b b", "a sk b", "sk", r"\\u0073\\u006b"),
            ("p%3Dab%26c", "p=ab&c", "ab", "ab"),
            ("p%253Da%25%32", "p=a%252", "a", "a"),
            (r"https:\/\/a", "https://a", "//a", r"\/\/a"),
            ("{&quot;a&quot;:1}", "{\"a\":1}", "\"a\"", "&quot;a&quot;"),
            (r"é\u0041é", "éAé", "A", r"\u0041"),
        ] {
            let decoded = Decoded::of(source).unwrap();
            assert_eq!(decoded.text(), clear);
            let at = clear.find(part).unwrap();
            let found = decoded.in_source(Finding::new(at, at + part.len(), Rule::Jwt));
            assert_eq!(&source[found.start..found.end], cut, "{source}");
        }
        for plain in ["", "50 % of", "\\n", "\\u00e9", "a & b", "%", "\\", "%2", "\\u00"] {
            assert!(Decoded::of(plain).is_none(), "{plain}");
        }
    }
}
