//! Where a value ends: quoted at any depth of escaping, or bare.
//!
//! JSON inside a JSON string inside a JSON string needs no parser: a quote that stands at depth
//! `k` is preceded by `2^k - 1` backslashes, and further backslashes belong to the text before
//! it. So the depth of a quote is the number of trailing one bits of their count.

use memchr::memchr3;

/// An opening quote.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quote {
    byte: u8,
    depth: u32,
    /// Where its backslashes begin.
    pub(super) start: usize,
    /// Where the quoted text begins.
    pub(super) end: usize,
}

impl Quote {
    /// The quote, with its backslashes, that begins at `at`.
    pub(super) fn at(text: &[u8], at: usize) -> Option<Self> {
        let rest = text.get(at..)?;
        let backslashes = rest.iter().take(MAX_BACKSLASHES).take_while(|b| **b == b'\\').count();
        let byte = *rest.get(backslashes)?;
        let end = at + backslashes + 1;
        is_quote(byte).then_some(Self { byte, depth: depth_of(backslashes), start: at, end })
    }

    /// The quote that ends right before `at`.
    pub(super) fn before(text: &[u8], at: usize) -> Option<Self> {
        let byte = *text.get(at.checked_sub(1)?)?;
        if !is_quote(byte) {
            return None;
        }
        let backslashes = backslashes_before(text, at - 1, 0);
        let start = at - 1 - backslashes;
        Some(Self { byte, depth: depth_of(backslashes), start, end: at })
    }

    /// Where the text it opens ends. Text that is cut off ends with the line, or with the string
    /// of a JSON document that holds it.
    pub(super) fn content_end(&self, text: &[u8]) -> usize {
        let mut from = self.end;
        while let Some(found) = memchr3(self.byte, b'\n', b'"', &text[from..]) {
            let at = from + found;
            if text[at] == b'\n' {
                return at;
            }
            let depth = depth_of(backslashes_before(text, at, self.end));
            let closes = text[at] == self.byte && depth <= self.depth;
            if closes || text[at] != self.byte && ends_json_string(text, at + 1) {
                return at - ((1 << depth) - 1);
            }
            from = at + 1;
        }
        text.len()
    }

    /// Whether, behind a bare word, it rather ends the text that holds the word, as it does in
    /// `"Enter your password:", "x"`.
    pub(super) fn closes(&self, text: &[u8]) -> bool {
        text.get(self.end).is_none_or(|byte| b" ,}]):;\n".contains(byte))
    }

    /// Whether it belongs to a text around the one that holds `other`.
    pub(super) fn is_outside(&self, other: &Self) -> bool {
        self.depth < other.depth
    }

    /// Whether `other` may close what this one opened.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.byte == other.byte && self.depth == other.depth
    }
}

/// Whether a double quote before `from` ends a string of a JSON document, by what follows.
fn ends_json_string(text: &[u8], from: usize) -> bool {
    let next = skip_blanks(text, from, true);
    text.get(next).is_none_or(|byte| matches!(byte, b',' | b'}' | b']' | b':' | b'\\' | b'"'))
}

/// More than this nests nobody: 31 backslashes are JSON five times in itself.
const MAX_BACKSLASHES: usize = 64;

pub(super) fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

fn depth_of(backslashes: usize) -> u32 {
    backslashes.trailing_ones()
}

fn backslashes_before(text: &[u8], at: usize, floor: usize) -> usize {
    let floor = floor.max(at.saturating_sub(MAX_BACKSLASHES));
    text[floor..at].iter().rev().take_while(|byte| **byte == b'\\').count()
}

/// Where a bare value ends. Punctuation inside a password belongs to it unless what follows
/// shows that the value is over.
pub(super) fn bare_end(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < text.len() {
        let over = match text[at] {
            byte if byte.is_ascii_whitespace() || is_quote(byte) => true,
            b'<' | b'>' => true,
            b'\\' => {
                let next = text.get(at + 1).copied().unwrap_or(b'n');
                is_quote(next) || matches!(next, b'n' | b'r' | b't' | b'u' | b'\\')
            }
            b',' | b';' | b'&' | b')' | b']' | b'}' | b'|' => ends_value(text, at + 1),
            _ => false,
        };
        if over {
            break;
        }
        at += 1;
    }
    // A sentence may end with the value.
    while at > from + 1 && matches!(text[at - 1], b'.' | b',' | b';' | b'!' | b'?' | b':') {
        at -= 1;
    }
    at
}

/// Whether punctuation ends a value: nothing but a blank, a bracket or the next pair follows.
fn ends_value(text: &[u8], from: usize) -> bool {
    let Some(&next) = text.get(from) else { return true };
    if next.is_ascii_whitespace() || is_quote(next) || matches!(next, b'\\' | b'<') {
        return true;
    }
    if matches!(next, b',' | b';' | b')' | b']' | b'}' | b'{' | b'[') {
        return true;
    }
    let window = &text[from..text.len().min(from + PAIR_WINDOW)];
    let name = window.iter().take_while(|byte| is_key_byte(**byte)).count();
    name > 0 && window.get(name).is_some_and(|byte| matches!(byte, b'=' | b':'))
}

const PAIR_WINDOW: usize = 40;

/// Whether a byte may stand in a key.
pub(super) fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Where a header's bare value ends: with the line, or with the string that holds it.
pub(super) fn line_end(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < text.len() {
        match text[at] {
            b'\n' | b'\r' | b'"' | b'\'' | b'`' => break,
            b'\\' if matches!(text.get(at + 1), Some(b'n' | b'r' | b'"' | b'\'' | b'\\')) => break,
            _ => at += 1,
        }
    }
    at
}

/// The first place at or behind `from` that is no blank; `lines` says whether line ends are
/// blanks, also escaped ones.
pub(super) fn skip_blanks(text: &[u8], from: usize, lines: bool) -> usize {
    let mut at = from;
    while at < text.len() && at < from + BLANKS {
        match text[at] {
            b' ' | b'\t' => at += 1,
            b'\n' | b'\r' if lines => at += 1,
            b'\\' if lines => {
                let backslashes = text[at..].iter().take_while(|byte| **byte == b'\\').count();
                if !matches!(text.get(at + backslashes), Some(b'n' | b'r' | b't')) {
                    break;
                }
                at += backslashes + 1;
            }
            _ => break,
        }
    }
    at
}

/// Blanks looked over between a key and its value.
const BLANKS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str, at: usize) -> &str {
        let quote = Quote::at(text.as_bytes(), at).unwrap();
        &text[quote.end..quote.content_end(text.as_bytes())]
    }

    #[test]
    fn quotes_close_at_their_own_depth() {
        assert_eq!(quoted(r#""a b" "c""#, 0), "a b");
        assert_eq!(quoted(r#""a\"b\\" "c""#, 0), r#"a\"b\\"#);
        assert_eq!(quoted(r#"\"a\\\"b\" ,\"c\""#, 0), r#"a\\\"b"#);
        assert_eq!(quoted(r#"\"a\\\\\",\"c\""#, 0), r#"a\\\\"#);
        assert_eq!(quoted(r#"\"cut off" and"#, 0), "cut off");
        assert_eq!(quoted("\"cut off\nand\"", 0), "cut off");
    }

    #[test]
    fn bare_values_keep_their_punctuation() {
        for (text, value) in [
            ("p@ss,w0rd! next", "p@ss,w0rd"),
            ("abc,user=bob", "abc"),
            ("abc&user=bob", "abc"),
            ("a;b;user=bob", "a;b"),
            ("abc), and", "abc"),
            ("abc\\nnext", "abc"),
            ("abc.", "abc"),
            ("a\\b", "a\\b"),
        ] {
            assert_eq!(&text[..bare_end(text.as_bytes(), 0)], value);
        }
    }
}
