//! Secrets that follow a word without a sign between: `IDENTIFIED BY '…'`, `PASSWORD '…'`,
//! `AUTH …`, and what people write: the password is ….

use super::extent::{Quote, bare_end, skip_blanks};
use super::hits::Rule;
use super::keys::Strength;
use super::plausible;
use super::scan::Scan;
use super::word::{Word, bare_secret};

/// Notes the secret that follows `word`; returns where the search goes on.
pub(super) fn look(scan: &mut Scan<'_>, word: &Word) -> Option<usize> {
    let text = scan.text;
    if word.quotes.is_some() {
        return None;
    }
    let near = skip_blanks(text, word.end, false);
    if near == word.end && text.get(near) != Some(&b'(') {
        return None;
    }
    let name = word.text(text);
    let identified = name.eq_ignore_ascii_case(b"identified");
    let (start, joined) = behind_joint(text, near);
    if let Some(quote) = Quote::at(text, start) {
        return literal(scan, word, quote, identified, joined);
    }
    if identified {
        return bare_secret(scan, start, Rule::Statement, Strength::Strong);
    }
    if name == b"AUTH" {
        return auth(scan, word, near);
    }
    // `.netrc`: `machine host login user password …`.
    let before = &text[word.start.saturating_sub(NETRC_BYTES)..word.start];
    let netrc = joined == Joint::None && memchr::memmem::find(before, b"login ").is_some();
    if netrc && name == b"password" {
        return bare_secret(scan, start, Rule::SecretKey, Strength::Strong);
    }
    if joined != Joint::Is && !name.eq_ignore_ascii_case(b"by") {
        return None;
    }
    let secrecy = scan.judge(word.phrase(text))?;
    match secrecy.strength {
        Strength::Strong | Strength::NotAPath | Strength::Text => {
            bare_secret(scan, start, secrecy.rule, secrecy.strength)
        }
        _ => None,
    }
}

/// What may stand between a word and its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    None,
    /// `BY`, `AS`, `(`: of a statement.
    Statement,
    /// `is`, `was`, `to`: of a sentence.
    Is,
}

fn behind_joint(text: &[u8], near: usize) -> (usize, Joint) {
    if text.get(near) == Some(&b'(') {
        return (near + 1, Joint::Statement);
    }
    let length = text[near..].iter().take(8).take_while(|b| b.is_ascii_alphabetic()).count();
    let after = skip_blanks(text, near + length, false);
    let name = text[near..near + length].to_ascii_lowercase();
    match name.as_slice() {
        _ if after == near + length => (near, Joint::None),
        b"by" | b"as" | b"with" => (after, Joint::Statement),
        b"is" | b"was" | b"to" | b"are" => (after, Joint::Is),
        _ => (near, Joint::None),
    }
}

fn literal(
    scan: &mut Scan<'_>,
    word: &Word,
    quote: Quote,
    identified: bool,
    joined: Joint,
) -> Option<usize> {
    let text = scan.text;
    let secrecy = scan.judge(word.phrase(text));
    let strong = secrecy.is_some_and(|secrecy| secrecy.strength == Strength::Strong);
    let told = secrecy.is_some_and(|secrecy| secrecy.strength == Strength::Text);
    if quote.closes(text) || !(identified || strong || told && joined == Joint::Is) {
        return None;
    }
    let end = quote.content_end(text);
    let value = std::str::from_utf8(&text[quote.end..end]).ok()?;
    // A quotation in a sentence has blanks, a password in a statement has none.
    let said = value.is_empty() || value.contains(' ') || plausible::is_placeholder(value);
    let named = joined == Joint::None && !identified && plausible::is_word(value);
    if said || named && !word.text(text).iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    scan.found(quote.end, end, Rule::Statement);
    Some(end)
}

/// Redis: `AUTH password`, `AUTH user password`, `HELLO 3 AUTH user password`: a statement of
/// its own with one or two arguments.
fn auth(scan: &mut Scan<'_>, word: &Word, near: usize) -> Option<usize> {
    let text = scan.text;
    let before = &text[word.start.saturating_sub(AUTH_BEFORE)..word.start];
    let starts = before.ends_with(b"HELLO 3 ")
        || before.last().is_none_or(|byte| matches!(byte, b'\n' | b'"' | b'\'' | b';'));
    let first = bare_end(text, near);
    let second = bare_end(text, skip_blanks(text, first, false));
    let end = second.max(first);
    let over = text.get(end).is_none_or(|byte| matches!(byte, b'\n' | b'"' | b'\'' | b'\\'));
    let last = if second > first { skip_blanks(text, first, false) } else { near };
    let secret = std::str::from_utf8(&text[last..end]).ok()?;
    if !starts || !over || !plausible::is_random(secret, 4) {
        return None;
    }
    scan.found(last, end, Rule::Statement);
    Some(end)
}

const NETRC_BYTES: usize = 64;
const AUTH_BEFORE: usize = 8;
