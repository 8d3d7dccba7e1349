//! A word that speaks of secrets, and whether what stands around it gives one away.
//!
//! Whatever the text is (JSON, YAML, a query string, a header, a log line, SQL, a shell command,
//! prose), a secret stands behind a name in one of few ways. Looking for those ways instead of
//! parsing works at any depth of nesting, and in texts that are cut off.

use super::assignment;
use super::columns;
use super::command;
use super::extent::{Quote, bare_end, is_key_byte, skip_blanks};
use super::hits::Rule;
use super::keys::Strength;
use super::plausible;
use super::scan::Scan;
use super::statement;
use super::url;

/// A key as it stands in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The quotes around it, where there are.
    pub(super) quotes: Option<(Quote, Quote)>,
    /// Behind the word and its closing quote or bracket.
    pub(super) after: usize,
}

/// A word longer than this is no key.
const WORD_BYTES: usize = 160;

/// Looks around the trigger at `start..end`; nothing before `floor` is looked at again. Returns
/// where the search goes on.
pub(super) fn look(scan: &mut Scan<'_>, start: usize, end: usize, floor: usize) -> usize {
    let text = scan.text;
    let back = text[floor..start].iter().rev().take_while(|byte| is_key_byte(**byte)).count();
    // Some triggers hold what follows the word: `basic `, `sig=`.
    let over = text[start..end].iter().rev().take_while(|byte| !is_key_byte(**byte)).count();
    let end = end - over;
    let ahead = text[end..].iter().take_while(|byte| is_key_byte(**byte)).count();
    let end = end + if over == 0 { ahead } else { 0 };
    // `-----BEGIN PRIVATE KEY-----`, and the end of a sentence.
    let tail = text[start..end].iter().rev().take_while(|b| matches!(b, b'-' | b'.')).count();
    let end = end - tail;
    let start = behind_escape(text, start - back, start);
    if end <= start {
        return start.max(end) + 1;
    }
    if end - start > WORD_BYTES {
        return end;
    }
    let word = Word::new(text, start, end);
    if let Some(next) = url::webhook(scan, word.start, word.end) {
        return next;
    }
    if text[end - 1] == b'Y'
        && let Some(next) = scan.private_key(start, end)
    {
        return next;
    }
    scheme(scan, &word)
        .or_else(|| command::look(scan, &word))
        .or_else(|| assignment::look(scan, &word))
        .or_else(|| columns::look(scan, &word))
        .or_else(|| statement::look(scan, &word))
        .unwrap_or(end)
}

/// In `\npassword` the `n` belongs to the line end.
fn behind_escape(text: &[u8], start: usize, trigger: usize) -> usize {
    let escaped = start > 0
        && start < trigger
        && text[start - 1] == b'\\'
        && matches!(text[start], b'n' | b'r' | b't' | b'b' | b'f');
    start + usize::from(escaped)
}

impl Word {
    fn new(text: &[u8], start: usize, end: usize) -> Self {
        let opening = Quote::before(text, start);
        let closing = Quote::at(text, end);
        let quotes = opening.zip(closing).filter(|(opening, closing)| opening.is_like(closing));
        let mut after = quotes.map_or(end, |(_, closing)| closing.end);
        let before = quotes.map_or(start, |(opening, _)| opening.start);
        if text.get(after) == Some(&b']') && before > 0 && text[before - 1] == b'[' {
            after += 1;
        }
        Self { start, end, quotes, after }
    }

    /// The word's text.
    pub(super) fn text<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.start..self.end]
    }

    /// The word together with the one before it: `API key`, `secret access key`.
    pub(super) fn phrase<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        if self.quotes.is_some() || self.start < 2 || text[self.start - 1] != b' ' {
            return self.text(text);
        }
        let from = self.start.saturating_sub(PHRASE_BYTES);
        let before = &text[from..self.start - 1];
        let length = before.iter().rev().take_while(|byte| is_key_byte(**byte)).count();
        &text[self.start - 1 - length..self.end]
    }
}

const PHRASE_BYTES: usize = 24;

/// `Bearer …` and `Basic …`.
fn scheme(scan: &mut Scan<'_>, word: &Word) -> Option<usize> {
    let text = scan.text;
    let name = word.text(text);
    let bearer = name.eq_ignore_ascii_case(b"bearer");
    if !bearer && !name.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let start = skip_blanks(text, word.end, false);
    if start == word.end {
        return None;
    }
    let length = text[start..].iter().take_while(|byte| is_credential_byte(**byte)).count();
    let mut end = start + length;
    while end > start && text[end - 1] == b'.' {
        end -= 1;
    }
    let value = std::str::from_utf8(&text[start..end]).ok()?;
    let secret = if bearer {
        plausible::is_random(value, 6) || value.len() >= 20 && !plausible::is_word(value)
    } else {
        plausible::is_basic(value)
    };
    if !secret {
        return None;
    }
    scan.found(start, end, Rule::Authorization);
    Some(end)
}

fn is_credential_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

/// A secret that stands bare at `start`; returns where it ends if it was noted.
pub(super) fn bare_secret(
    scan: &mut Scan<'_>,
    start: usize,
    rule: Rule,
    strength: Strength,
) -> Option<usize> {
    let end = bare_end(scan.text, start);
    let value = std::str::from_utf8(&scan.text[start..end]).ok()?;
    let length = if strength == Strength::Strong { 5 } else { 8 };
    if plausible::is_code(value) || !plausible::is_random(value, length) {
        return None;
    }
    scan.found(start, end, rule);
    Some(end)
}
