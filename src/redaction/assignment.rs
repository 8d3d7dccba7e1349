//! `key=value`, `"key": "value"`, `key => value`, `<key>value</key>`, `--key value`, and pairs
//! that spell the key as a value (`"name": "key", "value": "…"`).

use super::container;
use super::extent::{Quote, bare_end, is_key_byte, is_quote, line_end, skip_blanks};
use super::hits::Rule;
use super::keys::{Secrecy, Strength};
use super::plausible;
use super::scan::Scan;
use super::word::Word;

/// Notes the value that is assigned to `word`; returns where the search goes on.
pub(super) fn look(scan: &mut Scan<'_>, word: &Word) -> Option<usize> {
    let text = scan.text;
    let near = skip_blanks(text, word.after, word.quotes.is_some());
    match text.get(near)? {
        b':' | b'=' => {
            let secrecy = judge(scan, word)?;
            assigned(scan, word, secrecy, near)
        }
        b'>' if word.start > 0 && matches!(text[word.start - 1], b'<' | b':') => {
            let secrecy = judge(scan, word)?;
            element(scan, word, secrecy, near + 1)
        }
        _ if text[word.start] == b'-' && near > word.after => flag(scan, word, near),
        b',' if word.quotes.is_some() => pair(scan, word, near + 1),
        _ if word.quotes.is_some() && near > word.after => pair(scan, word, near),
        b'\n' | b'\r' | b'\\' if word.quotes.is_none() => yaml_pair(scan, word),
        _ => filler(scan, word, near),
    }
}

fn judge(scan: &Scan<'_>, word: &Word) -> Option<Secrecy> {
    let secrecy = scan.judge(word.phrase(scan.text))?;
    if secrecy.strength != Strength::Query {
        return Some(secrecy);
    }
    // `sig` and `code` mean a secret in the query of a URL only.
    let before = word.start.checked_sub(1).map(|at| scan.text[at]);
    matches!(before, Some(b'?' | b'&' | b'#')).then_some(secrecy)
}

/// `API key provided: …`.
fn filler(scan: &mut Scan<'_>, word: &Word, near: usize) -> Option<usize> {
    let text = scan.text;
    let length = text[near..].iter().take(12).take_while(|b| b.is_ascii_lowercase()).count();
    if !FILLERS.contains(&&text[near..near + length]) {
        return None;
    }
    let sign = skip_blanks(text, near + length, false);
    if text.get(sign) != Some(&b':') {
        return None;
    }
    let secrecy = judge(scan, word)?;
    assigned(scan, word, secrecy, sign)
}

const FILLERS: [&[u8]; 8] =
    [b"provided", b"used", b"given", b"value", b"received", b"supplied", b"sent", b"is"];

/// What stands behind the sign at `sign`.
fn assigned(scan: &mut Scan<'_>, word: &Word, secrecy: Secrecy, sign: usize) -> Option<usize> {
    let text = scan.text;
    let signs = text[sign..].iter().take(3).take_while(|b| matches!(b, b':' | b'=' | b'>')).count();
    let behind = sign + signs;
    let start = skip_blanks(text, behind, word.quotes.is_some());
    let start = behind_wrapper(text, start);
    if let Some(quote) = Quote::at(text, start) {
        let outside = |(opening, _): (Quote, Quote)| quote.is_outside(&opening);
        if word.quotes.map_or(quote.closes(text), outside) {
            return None;
        }
        return quoted(scan, word, secrecy, quote);
    }
    // `arn:aws:secretsmanager:eu:1:secret:name` lists names.
    if text[sign] == b':' && word.start > 0 && text[word.start - 1] == b':' {
        return None;
    }
    match text.get(start)? {
        b'{' | b'[' if matches!(secrecy.strength, Strength::Strong | Strength::Text) => {
            container::conceal(scan, word, secrecy, start)
        }
        _ if word.quotes.is_some() => json_scalar(scan, word, secrecy, start),
        _ if secrecy.rule == Rule::Authorization => header(scan, start),
        _ if secrecy.rule == Rule::Cookie && secrecy.strength == Strength::Strong => {
            let end = line_end(text, start);
            text[start..end].contains(&b'=').then(|| {
                scan.found(start, end, Rule::Cookie);
                end
            })
        }
        _ => {
            let adjacent = start == sign + signs && sign == word.after;
            bare(scan, word, secrecy, Sign { adjacent, equals: text[sign] == b'=' }, start)
        }
    }
}

/// `b"…"`, `SecretStr("…")`.
fn behind_wrapper(text: &[u8], start: usize) -> usize {
    let length = text[start..].iter().take(12).take_while(|b| b.is_ascii_alphabetic()).count();
    let name = &text[start..start + length];
    let next = text.get(start + length).copied().unwrap_or_default();
    match name {
        b"b" | b"f" | b"r" | b"u" | b"rb" | b"br" if is_quote(next) => start + length,
        b"SecretStr" | b"SecretString" | b"Secret" | b"Some" | b"String" | b"Token"
            if next == b'(' =>
        {
            start + length + 1
        }
        _ => start,
    }
}

fn quoted(scan: &mut Scan<'_>, word: &Word, secrecy: Secrecy, quote: Quote) -> Option<usize> {
    let end = quote.content_end(scan.text);
    let value = std::str::from_utf8(&scan.text[quote.end..end]).ok()?;
    let covered = match secrecy.strength {
        Strength::Text => plausible::is_token(value) && !is_logprob(scan.text, word, end),
        Strength::Query => plausible::is_random(value, 8),
        _ => secrecy.covers(value),
    };
    if !covered {
        return None;
    }
    scan.found(quote.end, end, secrecy.rule);
    Some(end)
}

/// A piece of text with its probability: models speak of tokens, too.
fn is_logprob(text: &[u8], word: &Word, end: usize) -> bool {
    let name = word.text(text);
    let window = &text[end..text.len().min(end + 32)];
    name == b"token"
        && ["logprob", "bytes", "token_id", "score"]
            .iter()
            .any(|sibling| memchr::memmem::find(window, sibling.as_bytes()).is_some())
}

/// A number under a quoted key. What takes its place must be a string.
fn json_scalar(scan: &mut Scan<'_>, word: &Word, secrecy: Secrecy, start: usize) -> Option<usize> {
    let (_, closing) = word.quotes?;
    let end = bare_end(scan.text, start);
    let value = std::str::from_utf8(&scan.text[start..end]).ok()?;
    if !value.bytes().any(|byte| byte.is_ascii_digit()) || plausible::is_code(value) {
        return None;
    }
    if value.parse::<f64>().is_ok() {
        if !secrecy.covers_numbers() {
            return None;
        }
        scan.found(start, end, secrecy.rule);
        if let Some(finding) = scan.findings.last_mut() {
            finding.quote = Some((closing.start, closing.end));
        }
    } else if secrecy.covers(value) {
        scan.found(start, end, secrecy.rule);
    }
    Some(end)
}

/// A bare `Authorization` header: the scheme stays readable.
fn header(scan: &mut Scan<'_>, start: usize) -> Option<usize> {
    let text = scan.text;
    let length = text[start..].iter().take(24).take_while(|byte| is_key_byte(**byte)).count();
    let scheme = text[start..start + length].to_ascii_lowercase();
    let value = skip_blanks(text, start + length, false);
    let (from, end) = match scheme.as_slice() {
        b"digest" | b"aws4-hmac-sha256" | b"oauth" | b"negotiate" | b"hawk" | b"signature" => {
            (value, line_end(text, value))
        }
        b"bearer" | b"basic" | b"token" | b"apikey" | b"splunk" | b"key" | b"bot" | b"genie"
            if value > start + length =>
        {
            (value, bare_end(text, value))
        }
        _ => (start, bare_end(text, start)),
    };
    let secret = std::str::from_utf8(&text[from..end]).ok()?;
    let shown = plausible::is_placeholder(secret) || plausible::is_code(secret);
    if shown || from == start && !plausible::is_random(secret, 8) {
        return None;
    }
    scan.found(from, end, Rule::Authorization);
    Some(end)
}

/// How a bare value is tied to its key.
struct Sign {
    adjacent: bool,
    equals: bool,
}

fn bare(
    scan: &mut Scan<'_>,
    word: &Word,
    secrecy: Secrecy,
    sign: Sign,
    start: usize,
) -> Option<usize> {
    let text = scan.text;
    let query = matches!(word.start.checked_sub(1).map(|at| text[at]), Some(b'?' | b'&'));
    let mut end = bare_end(text, start);
    if query && sign.equals {
        let stop = text[start..end].iter().position(|byte| matches!(byte, b'&' | b'#'));
        end = stop.map_or(end, |stop| start + stop);
    }
    let value = std::str::from_utf8(&text[start..end]).ok()?;
    if value.is_empty() || plausible::is_placeholder(value) || plausible::is_code(value) {
        return None;
    }
    let secret = match secrecy.strength {
        Strength::Query => plausible::is_random(value, 8),
        Strength::Mixed if query => plausible::is_random(value, 16),
        Strength::Random | Strength::Mixed => secrecy.covers(value),
        _ if query => true,
        _ if !plausible::is_word(value) => known_by_looks(secrecy, value),
        _ => known_by_place(scan, word, secrecy, &sign, (start, end)),
    };
    if !secret {
        return None;
    }
    scan.found(start, end, secrecy.rule);
    Some(end)
}

/// A value with digits or signs in it.
fn known_by_looks(secrecy: Secrecy, value: &str) -> bool {
    let number = value.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','));
    match secrecy.strength {
        Strength::Text => !number && value.len() >= 6,
        _ => secrecy.covers(value) && value.len() >= if number { 4 } else { 3 },
    }
}

/// A value of letters only: a word of a sentence, a variable of a program, or a weak password.
fn known_by_place(
    scan: &Scan<'_>,
    word: &Word,
    secrecy: Secrecy,
    sign: &Sign,
    (start, end): (usize, usize),
) -> bool {
    let (text, value) = (scan.text, &scan.text[start..end]);
    let next = text.get(end).copied().unwrap_or(b'\n');
    let last_word = text[word.start..word.end].to_ascii_lowercase();
    let reference = last_word.ends_with(&value.to_ascii_lowercase())
        || scan.judge(value).is_some() && (matches!(next, b')' | b',') || value.contains(&b'_'));
    if reference || !secrecy.covers(std::str::from_utf8(value).unwrap_or_default()) {
        return false;
    }
    if value.len() >= 24 && !value.contains(&b'-') && !value.contains(&b'_') {
        return true;
    }
    let over = matches!(next, b'\n' | b'\r' | b'"' | b'\'' | b'\\' | b',' | b';' | b'}' | b'&');
    match secrecy.strength {
        Strength::Text => sign.equals && sign.adjacent && value.len() >= 8,
        _ if sign.adjacent && sign.equals => value.len() >= 3,
        _ => {
            let password = last_word.windows(3).any(|part| matches!(part, b"pas" | b"pwd"));
            password && over && value.len() >= 4
        }
    }
}

/// `<password>…</password>`.
fn element(scan: &mut Scan<'_>, word: &Word, secrecy: Secrecy, start: usize) -> Option<usize> {
    let text = scan.text;
    let window = &text[start..text.len().min(start + ELEMENT_BYTES)];
    let end = start + memchr::memchr(b'<', window)?;
    let value = std::str::from_utf8(&text[start..end]).ok()?;
    let closing = text[end..].iter().take(word.end - word.start + 24).position(|b| *b == b'>')?;
    let closes = text[end + 1] == b'/' && text[end..end + closing].ends_with(word.text(text));
    if !closes || value.contains('"') || value.trim().is_empty() || !secrecy.covers(value) {
        return None;
    }
    scan.found(start, end, secrecy.rule);
    Some(end)
}

const ELEMENT_BYTES: usize = 4_096;

/// `--api-key …`, also as two strings of a list.
fn flag(scan: &mut Scan<'_>, word: &Word, near: usize) -> Option<usize> {
    let text = scan.text;
    let secrecy = scan.judge(word.text(text))?;
    if text[near] == b'-' || !matches!(secrecy.strength, Strength::Strong | Strength::Text) {
        return None;
    }
    if let Some(quote) = Quote::at(text, near) {
        if word.quotes.is_none() && quote.closes(text) {
            return None;
        }
        let end = quote.content_end(text);
        let value = std::str::from_utf8(&text[quote.end..end]).ok()?;
        if secrecy.covers(value) && !plausible::is_code(value) {
            scan.found(quote.end, end, Rule::CommandLine);
        }
        return Some(end);
    }
    let end = bare_end(text, near);
    let value = std::str::from_utf8(&text[near..end]).ok()?;
    let said = plausible::is_placeholder(value) || plausible::is_code(value);
    if said || plausible::is_word(value) && plausible::is_common(value) {
        return None;
    }
    scan.found(near, end, Rule::CommandLine);
    Some(end)
}

/// `- name: DB_PASSWORD`, and `value: …` on the next line, as containers get their environment.
fn yaml_pair(scan: &mut Scan<'_>, word: &Word) -> Option<usize> {
    let text = scan.text;
    if word.start < 6 || !text[..word.start].ends_with(b"name: ") {
        return None;
    }
    let next = skip_blanks(text, word.after, true);
    let sign = next + 5;
    if text.get(next..sign)? != b"value" || text.get(sign) != Some(&b':') {
        return None;
    }
    let secrecy = scan.judge(word.text(text))?;
    let start = skip_blanks(text, sign + 1, false);
    if let Some(quote) = Quote::at(text, start) {
        return if quote.closes(text) { None } else { quoted(scan, word, secrecy, quote) };
    }
    let end = bare_end(text, start);
    let value = std::str::from_utf8(&text[start..end]).ok()?;
    if !secrecy.covers(value) || plausible::is_code(value) {
        return None;
    }
    scan.found(start, end, secrecy.rule);
    Some(end)
}

/// `"name": "api_key", "value": "…"`, `key="ApiKey" value="…"`, `["--password", "…"]`,
/// `("authorization", "…")`.
fn pair(scan: &mut Scan<'_>, word: &Word, near: usize) -> Option<usize> {
    let text = scan.text;
    let (opening, _) = word.quotes?;
    let next = skip_blanks(text, near, true);
    let before = text[..opening.start].iter().rev().find(|byte| **byte != b' ').copied();
    let named = matches!(before, Some(b':' | b'='));
    if named {
        let (start, length) = match Quote::at(text, next) {
            Some(quote) => (quote.end, quote.content_end(text) - quote.end),
            None => (next, text[next..].iter().take_while(|b| b.is_ascii_lowercase()).count()),
        };
        if !VALUE_NAMES.contains(&text.get(start..start + length)?) {
            return None;
        }
        let after = Quote::at(text, start + length).map_or(start + length, |quote| quote.end);
        let sign = skip_blanks(text, after, true);
        if !matches!(text.get(sign)?, b':' | b'=') {
            return None;
        }
        let secrecy = scan.judge(word.text(text))?;
        return assigned(scan, word, secrecy, sign);
    }
    let flag = text[word.start] == b'-';
    let tuple = matches!(before, Some(b'[' | b'(' | b'b'));
    let value = Quote::at(text, behind_wrapper(text, next))?;
    if !flag && !tuple || value.is_outside(&opening) {
        return None;
    }
    let secrecy = scan.judge(word.text(text))?;
    let end = value.content_end(text);
    let content = std::str::from_utf8(&text[value.end..end]).ok()?;
    let length = if secrecy.rule == Rule::SecretKey { 8 } else { 1 };
    let short = content.len() < length && !plausible::is_random(content, 5);
    let plain = plausible::is_word(content) || short;
    if plausible::is_placeholder(content) || plain && !flag {
        return None;
    }
    scan.found(value.end, end, secrecy.rule);
    Some(end)
}

const VALUE_NAMES: [&[u8]; 8] =
    [b"value", b"val", b"v", b"content", b"Value", b"data", b"stringValue", b"default"];
