//! A list or object under a secret key, in text: every leaf of it goes, its shape stays.

use super::extent::{Quote, is_quote, skip_blanks};
use super::finding::Finding;
use super::keys::Secrecy;
use super::plausible;
use super::scan::Scan;
use super::word::Word;

/// Notes the leaves of the collection that opens at `open`; returns where it ends. A description
/// of what belongs there (a JSON schema) holds no secrets and is left to the other rules.
pub(super) fn conceal(
    scan: &mut Scan<'_>,
    word: &Word,
    secrecy: Secrecy,
    open: usize,
) -> Option<usize> {
    let text = scan.text;
    if word.quotes.is_none() && !is_whole(&text[open..text.len().min(open + BARE_BYTES)]) {
        return None;
    }
    if is_schema(&text[open..text.len().min(open + SCHEMA_BYTES)]) {
        return None;
    }
    let (mut at, mut depth) = (open, 0_usize);
    while at < text.len() {
        let byte = text[at];
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'\n' if word.quotes.is_none() && depth == 0 => return Some(at),
            b'\\' | b'"' | b'\'' | b'`' => {
                if let Some(quote) = Quote::at(text, at) {
                    if word.quotes.is_some_and(|(opening, _)| quote.is_outside(&opening)) {
                        // The string that holds all this ends here.
                        return Some(at);
                    }
                    let end = quote.content_end(text);
                    leaf(scan, secrecy, quote.end, end);
                    match Quote::at(text, end) {
                        Some(closing) if closing.is_like(&quote) => at = closing.end,
                        // The string was cut off, and with it what holds all this.
                        _ => return Some(end),
                    }
                    continue;
                }
            }
            b'0'..=b'9' | b'-' => {
                at = number(scan, word, secrecy, at);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Some(at)
}

/// A string: gone unless it is the key of what follows.
fn leaf(scan: &mut Scan<'_>, secrecy: Secrecy, start: usize, end: usize) {
    let text = scan.text;
    let behind = Quote::at(text, end).map_or(end, |closing| closing.end);
    if text.get(skip_blanks(text, behind, true)) == Some(&b':') {
        return;
    }
    let value = std::str::from_utf8(&text[start..end]).unwrap_or_default();
    if secrecy.covers(value) {
        scan.found(start, end, secrecy.rule);
    }
}

fn number(scan: &mut Scan<'_>, word: &Word, secrecy: Secrecy, start: usize) -> usize {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    let end = start + scan.text[start..].iter().take_while(|byte| is_part(byte)).count();
    let bounded = start > 0 && !is_quote(scan.text[start - 1]);
    if bounded && secrecy.covers_numbers() && end - start > 1 {
        let quote = word.quotes.map(|(_, closing)| (closing.start, closing.end));
        scan.findings.push(Finding { quote, ..Finding::new(start, end, secrecy.rule) });
    }
    end.max(start + 1)
}

/// Behind a bare word a bracket is a collection only if it closes soon, with its quotes in order;
/// otherwise it may reach beyond the string that holds it.
fn is_whole(head: &[u8]) -> bool {
    let (mut at, mut depth) = (0, 0_usize);
    let mut first: Option<Quote> = None;
    while at < head.len() {
        match head[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return true;
                }
            }
            b'\n' => return false,
            b'\\' | b'"' | b'\'' | b'`' => {
                let Some(quote) = Quote::at(head, at) else { return false };
                if first.is_some_and(|first| !first.is_like(&quote)) {
                    return false;
                }
                first = Some(quote);
                let end = quote.content_end(head);
                match Quote::at(head, end) {
                    Some(closing) if closing.is_like(&quote) => at = closing.end,
                    _ => return false,
                }
                continue;
            }
            b':' | b',' | b' ' | b'0'..=b'9' => {}
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {}
            _ => return false,
        }
        at += 1;
    }
    false
}

const BARE_BYTES: usize = 256;

const SCHEMA_BYTES: usize = 320;

/// Whether an object describes a value instead of holding one.
fn is_schema(head: &[u8]) -> bool {
    let has = |word: &str| memchr::memmem::find(head, word.as_bytes()).is_some();
    if has("$ref") || has("anyOf") || has("allOf") || has("oneOf") {
        return true;
    }
    let Some(at) = memchr::memmem::find(head, b"type") else { return false };
    let rest = &head[at + 4..];
    let name = rest.iter().position(u8::is_ascii_alphabetic).unwrap_or(rest.len());
    let name = &rest[name..];
    let length = name.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    plausible::is_type(&name[..length])
}
