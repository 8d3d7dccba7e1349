//! Secrets that are known by their form: keys of providers, JSON web tokens, random values.
//!
//! All of them hold an unbroken run of at least [`MIN_TOKEN_BYTES`] token characters. Runs are
//! found in leaps: a look at every twentieth byte is enough to pass over prose.

use memchr::memchr2;

use super::finding::Finding;
use super::hits::Rule;
use super::plausible;
use super::provider::{self, Form};
use super::scan::Scan;
use super::trigger::MIN_TOKEN_BYTES;

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte == 45 || byte == 95;
        byte += 1;
    }
    table
};

fn is_token_byte(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// Looks at every run of token characters.
pub(super) fn look(scan: &mut Scan<'_>) {
    let text = scan.text;
    let mut start = 0;
    while start + MIN_TOKEN_BYTES <= text.len() {
        let last = start + MIN_TOKEN_BYTES - 1;
        let tail = text[start..=last].iter().rev().take_while(|byte| is_token_byte(**byte)).count();
        if tail < MIN_TOKEN_BYTES {
            start = last + 1 - tail;
            if tail == 0 {
                continue;
            }
            // The run may begin earlier than the window, never: the byte before it is none.
            continue;
        }
        let ahead = text[last + 1..].iter().take_while(|byte| is_token_byte(**byte)).count();
        let end = last + 1 + ahead;
        run(scan, start, end);
        start = end + 1;
    }
}

/// One run, from its first to behind its last byte.
fn run(scan: &mut Scan<'_>, start: usize, end: usize) {
    let text = scan.text;
    let start = behind_escape(text, start);
    if let Some((from, to, rule)) = dotted(text, start, end) {
        scan.found(from, to, rule);
        return;
    }
    let (mut at, mut tries) = (start, 0);
    while at + MIN_PREFIXED_BYTES < end && tries < MAX_TRIES {
        tries += usize::from(provider::may_begin(text, at));
        if let Some((to, rule)) = provider::prefixed(text, at, end) {
            scan.found(at, to, rule);
            if rule == Rule::Aws {
                aws_secret(scan, to);
            }
            return;
        }
        let Some(dash) = memchr2(b'-', b'_', &text[at..end]) else { break };
        at += dash + 1;
    }
    if let Some(rule) = provider::whole(text, start, end) {
        scan.found(start, end, rule);
        return;
    }
    if let Some((from, rule)) = beside_words(text, start, end) {
        scan.found(from, end, rule);
    }
}

/// Beginnings looked at in one run, which may be megabytes of `sk-sk-sk-`.
const MAX_TRIES: usize = 16;

/// No prefixed token is shorter.
const MIN_PREFIXED_BYTES: usize = 12;

/// In `\nAKIA…` and `%3DAKIA…` the run begins behind the escape.
fn behind_escape(text: &[u8], start: usize) -> usize {
    match start.checked_sub(1).map(|before| text[before]) {
        Some(b'\\') if matches!(text[start], b'n' | b'r' | b't') => start + 1,
        _ => start,
    }
}

/// Tokens whose parts are joined by dots, seen from one of their long parts.
fn dotted(text: &[u8], start: usize, end: usize) -> Option<(usize, usize, Rule)> {
    let is_part = |byte: &u8| is_token_byte(*byte) || *byte == b'.';
    if text[start..].starts_with(b"eyJ") {
        let to = joined_end(text, end);
        let parts = text[start..to].iter().filter(|byte| **byte == b'.').count();
        let header = [&b"eyJhbGciOi"[..], b"eyJ0eXAiOi", b"eyJraWQiOi", b"eyJlbmMiOi"]
            .iter()
            .any(|head| text[start..].starts_with(head));
        return (parts >= 2 || header).then_some((start, to, Rule::Jwt));
    }
    if start == 0 || text[start - 1] != b'.' {
        return discord(text, start, end);
    }
    let window = &text[start.saturating_sub(256)..start];
    let head = start - window.iter().rev().take_while(|byte| is_part(byte)).count();
    let head = behind_escape(text, head);
    let name = &text[head..start];
    if name.starts_with(b"eyJ") {
        return Some((head, joined_end(text, end), Rule::Jwt));
    }
    let rule = provider::DOTTED
        .iter()
        .find(|(prefix, _)| {
            name.starts_with(prefix.as_bytes()) || name.ends_with(prefix.as_bytes())
        })
        .map(|(_, rule)| *rule)?;
    Some((head, joined_end(text, end), rule))
}

/// Bot tokens of Discord: 24 or more, 6, 27 or more characters.
fn discord(text: &[u8], start: usize, end: usize) -> Option<(usize, usize, Rule)> {
    if !matches!(text[start], b'M' | b'N' | b'O')
        || text.get(end) != Some(&b'.')
        || end - start < 23
    {
        return None;
    }
    let to = joined_end(text, end);
    let mut parts = text[end + 1..to].split(|byte| *byte == b'.').map(<[u8]>::len);
    let fits = parts.next() == Some(6) && parts.next()? >= 27 && parts.next().is_none();
    fits.then_some((start, to, Rule::Provider))
}

/// The end of the parts that dots join to the run which ends at `end`.
fn joined_end(text: &[u8], end: usize) -> usize {
    let is_part = |byte: &u8| is_token_byte(*byte) || *byte == b'.';
    let mut to = end + text[end..].iter().take_while(|byte| is_part(byte)).count();
    while text[to - 1] == b'.' {
        to -= 1;
    }
    to
}

/// The secret key that stands near an access key id: 40 characters of base64.
fn aws_secret(scan: &mut Scan<'_>, from: usize) {
    let text = scan.text;
    let window = &text[from..text.len().min(from + AWS_BYTES)];
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+');
    let mut start = 0;
    while start < window.len() {
        let length = window[start..].iter().take_while(|byte| is_part(**byte)).count();
        let value = std::str::from_utf8(&window[start..start + length]).unwrap_or_default();
        if length == 40 && plausible::is_mixed(value, 40) {
            let start = from + start;
            scan.findings.push(Finding::new(start, start + 40, Rule::Aws));
            return;
        }
        start += length + 1;
    }
}

const AWS_BYTES: usize = 128;

/// A random value in a sentence that speaks of secrets just before.
fn beside_words(text: &[u8], start: usize, end: usize) -> Option<(usize, Rule)> {
    let before = start.checked_sub(1).map(|at| text[at]);
    let after = text.get(end).copied();
    // Pieces of base64 and of paths are no values by themselves.
    if matches!(before, Some(b'/' | b'+' | b'.')) || matches!(after, Some(b'/' | b'+')) {
        return None;
    }
    let window = &text[start.saturating_sub(BESIDE_BYTES)..start];
    let line = window.iter().rposition(|byte| matches!(byte, b'\n' | b',' | b'{' | b'}' | b'"'));
    let window = &window[line.map_or(0, |at| at + 1)..];
    if window.len() < MIN_WORDS_BYTES || end - start > MAX_RANDOM_BYTES {
        return None;
    }
    let value = std::str::from_utf8(&text[start..end]).ok()?;
    let hex = value.len() >= 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !(hex || Form::Segment.fits(text, start, end) && plausible::is_mixed(value, 20)) {
        return None;
    }
    provider::announces(window, hex).then_some((start, Rule::RandomValue))
}

/// `key ` is the shortest announcement.
const MIN_WORDS_BYTES: usize = 4;

/// No single secret is longer; longer runs are data.
const MAX_RANDOM_BYTES: usize = 4_096;

const BESIDE_BYTES: usize = 56;
