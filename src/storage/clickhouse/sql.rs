//! Values and names within SQL.
//!
//! Values stand in the text as literals and not as query parameters: parameters travel in the URL
//! (or a form that not every proxy passes on), have an escaping of their own, and would be
//! limited by the length of a URL. Within quotes only the quote and the backslash mean something
//! to ClickHouse's lexer, and control characters are written as hexadecimal escapes, so that a
//! NUL does not end the query.

use std::fmt::Write;

/// The text as a string literal.
pub(super) fn text(value: &str) -> String {
    let mut literal = String::with_capacity(value.len() + 2);
    literal.push('\'');
    for character in value.chars() {
        match character {
            '\'' | '\\' => literal.extend(['\\', character]),
            // Writing to a string cannot fail.
            '\0'..='\x1f' | '\x7f' => drop(write!(literal, "\\x{:02x}", u32::from(character))),
            _ => literal.push(character),
        }
    }
    literal.push('\'');
    literal
}

/// The name of a database, table or column.
pub(super) fn name(name: &str) -> String {
    let escaped = name.replace('\\', "\\\\").replace('`', "\\`");
    format!("`{escaped}`")
}

/// A time in nanoseconds since the Unix epoch. Times that ClickHouse cannot hold are the latest
/// that it can.
pub(super) fn time(ns: u64) -> String {
    format!("fromUnixTimestamp64Nano(toInt64({}))", clamped(ns))
}

/// The time as ClickHouse holds it.
pub(super) fn clamped(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}

/// A list for `IN`.
pub(super) fn list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(text).collect();
    format!("({})", texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_literal_but_its_end() {
        assert_eq!(text("it's"), r"'it\'s'");
        assert_eq!(text(r"a\"), r"'a\\'");
        assert_eq!(text(r"\' OR 1=1 --"), r"'\\\' OR 1=1 --'");
        assert_eq!(text("a\0b\n"), r"'a\x00b\x0a'");
        assert_eq!(text("{x:String} é"), "'{x:String} é'");
        assert_eq!(name("a`b\\"), r"`a\`b\\`");
        assert_eq!(list(["a", "b'"]), r"('a', 'b\'')");
        assert!(time(u64::MAX).contains("9223372036854775807"));
    }
}
