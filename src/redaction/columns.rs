//! `INSERT INTO users (name, password) VALUES ('bob', '…')`: the secret is known by its place.

use super::extent::{Quote, is_key_byte, skip_blanks};
use super::hits::Rule;
use super::keys::Strength;
use super::plausible;
use super::scan::Scan;
use super::word::Word;

/// Notes the values of the column that `word` names. Returns nothing: other columns of the same
/// rows may hold secrets, too.
pub(super) fn look(scan: &mut Scan<'_>, word: &Word) -> Option<usize> {
    let text = scan.text;
    let near = skip_blanks(text, word.after, true);
    if !matches!(text.get(near)?, b',' | b')') {
        return None;
    }
    let window = &text[near..text.len().min(near + COLUMNS_BYTES)];
    let close = near + memchr::memchr(b')', window)?;
    let values = skip_blanks(text, close + 1, true);
    if !text.get(values..values + 6)?.eq_ignore_ascii_case(b"values") {
        return None;
    }
    let secrecy = scan.judge(word.text(text))?;
    if !matches!(secrecy.strength, Strength::Strong | Strength::Text) {
        return None;
    }
    if !text[near..close].iter().all(|byte| is_list_byte(*byte)) {
        return None;
    }
    let place = place(text, word.start)?;
    let mut at = skip_blanks(text, values + 6, true);
    for _ in 0..ROWS {
        if text.get(at) != Some(&b'(') {
            break;
        }
        at = row(scan, at + 1, place)?;
        at = skip_blanks(text, at, true);
        if text.get(at) == Some(&b',') {
            at = skip_blanks(text, at + 1, true);
        }
    }
    None
}

const COLUMNS_BYTES: usize = 512;
const ROWS: usize = 100;
const ROW_BYTES: usize = 4_096;

fn is_list_byte(byte: u8) -> bool {
    is_key_byte(byte) || matches!(byte, b',' | b' ' | b'`' | b'"' | b'\\' | b'[' | b']' | b'\n')
}

/// How many columns stand before the one at `at` in its parentheses.
fn place(text: &[u8], at: usize) -> Option<usize> {
    let before = &text[at.saturating_sub(COLUMNS_BYTES)..at];
    let mut commas = 0;
    for byte in before.iter().rev() {
        match byte {
            b'(' => return Some(commas),
            b',' => commas += 1,
            byte if is_list_byte(*byte) => {}
            _ => return None,
        }
    }
    None
}

/// Notes the value at `place` of the row that begins at `at`; returns where the row ends.
fn row(scan: &mut Scan<'_>, from: usize, place: usize) -> Option<usize> {
    let text = scan.text;
    let end = text.len().min(from + ROW_BYTES);
    let (mut at, mut column, mut start, mut depth) = (from, 0, from, 0_usize);
    while at < end {
        match text[at] {
            b'\'' | b'"' | b'\\' => {
                if let Some(quote) = Quote::at(text, at) {
                    let close = quote.content_end(text);
                    if column == place && depth == 0 {
                        note(scan, quote.end, close);
                    }
                    // A row that was cut off ends with the string that holds it.
                    let closing = Quote::at(text, close).filter(|other| other.is_like(&quote))?;
                    at = closing.end;
                    start = at;
                    continue;
                }
            }
            b'(' => depth += 1,
            b')' if depth > 0 => depth -= 1,
            b',' | b')' if depth == 0 => {
                if column == place {
                    note(scan, skip_blanks(text, start, true).min(at), at);
                }
                if text[at] == b')' {
                    return Some(at + 1);
                }
                column += 1;
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn note(scan: &mut Scan<'_>, start: usize, end: usize) {
    let value = std::str::from_utf8(&scan.text[start..end]).unwrap_or_default();
    // Parameters stand where values would.
    let parameter = value.starts_with(['$', ':', '?', '%', '@']);
    if !value.is_empty() && !parameter && !plausible::is_placeholder(value) {
        scan.found(start, end, Rule::Statement);
    }
}
