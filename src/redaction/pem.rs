//! PEM and PGP private keys, whole or cut off, with real or escaped line ends.

use memchr::memmem;

use super::extent::is_quote;

/// Where the secret part of a private key lies whose header holds the word at `start..end`.
pub(super) fn body(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let before = &text[start.saturating_sub(HEADER_BYTES)..end];
    let begin = memmem::rfind(before, b"-----BEGIN ")?;
    let header = &before[begin + 5..];
    if memmem::find(header, b"PRIVATE").is_none() || memmem::find(header, b"-----").is_some() {
        return None;
    }
    let after = &text[end..text.len().min(end + HEADER_BYTES)];
    let from = end + memmem::find(after, b"-----")? + 5;
    let window = &text[from..text.len().min(from + BODY_BYTES)];
    // A key that was cut off ends with the string that holds it.
    let quote = window.iter().position(|byte| is_quote(*byte)).unwrap_or(window.len());
    let window = &window[..quote];
    let to = memmem::find(window, b"-----END").map_or_else(|| cut_off(text, from), |at| from + at);
    Some((from, to))
}

const HEADER_BYTES: usize = 48;

/// A key of 16,384 bits takes 12 KiB.
const BODY_BYTES: usize = 32 * 1024;

/// Where a key without a footer ends: with the base64 lines.
fn cut_off(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < text.len() {
        match text[at] {
            b'\\' if matches!(text.get(at + 1), Some(b'n' | b'r' | b'\\')) => at += 2,
            byte if byte.is_ascii_alphanumeric() || b"+/=\r\n -".contains(&byte) => at += 1,
            _ => break,
        }
    }
    at.min(text.len())
}
