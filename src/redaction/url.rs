//! URLs that carry their secret: `scheme://user:password@host`, and webhooks, whose path is one.

use memchr::{memchr, memmem};

use super::hits::Rule;
use super::plausible;
use super::scan::Scan;

/// Looks at everything that has an at sign in it.
pub(super) fn look(scan: &mut Scan<'_>) {
    let text = scan.text;
    let mut from = 0;
    while let Some(found) = memchr(b'@', &text[from..]) {
        let at = from + found;
        let window = &text[from.max(at.saturating_sub(USER_BYTES))..at];
        let before = window.iter().rev().take_while(|byte| is_url_byte(**byte)).count();
        let start = at - before;
        if let Some(scheme) = memmem::rfind(&text[start..at], b"://") {
            let user = start + scheme + 3;
            let end = last_at(text, at);
            userinfo(scan, user, end);
            from = end + 1;
        } else {
            bare_login(scan, start, at);
            from = at + 1;
        }
    }
}

/// User information longer than this is none.
const USER_BYTES: usize = 2_048;

fn is_url_byte(byte: u8) -> bool {
    byte > b' ' && byte != 0x7f && !matches!(byte, b'"' | b'<' | b'>' | b'`' | b'\\')
}

/// A password may hold an at sign itself: the last one before the path ends it.
fn last_at(text: &[u8], first: usize) -> usize {
    let mut last = first;
    for (index, &byte) in text[first..].iter().enumerate().take(USER_BYTES) {
        match byte {
            b'@' => last = first + index,
            b'/' | b'?' | b'#' | b'\'' | b',' | b')' => break,
            byte if !is_url_byte(byte) => break,
            _ => {}
        }
    }
    last
}

/// `user:password`, `:password` or a token between `://` and the host.
fn userinfo(scan: &mut Scan<'_>, start: usize, end: usize) {
    let text = scan.text;
    let info = &text[start..end];
    // In `http://host:80/a@b` nothing is a password.
    let path = memchr(b'/', info);
    match memchr(b':', info) {
        Some(colon) if path.is_none_or(|path| colon < path) => {
            let secret = &info[colon + 1..];
            let port = secret.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let is_port = port > 0 && matches!(secret.get(port), Some(b'/' | b'?' | b'#'));
            let shown = std::str::from_utf8(secret).is_ok_and(plausible::is_placeholder);
            if !is_port && !shown {
                scan.found(start + colon + 1, end, Rule::UrlCredentials);
            }
        }
        None if path.is_none() => {
            let token = std::str::from_utf8(info).is_ok_and(|info| plausible::is_random(info, 16));
            if token {
                scan.found(start, end, Rule::UrlCredentials);
            }
        }
        _ => {}
    }
}

/// `user:password@host` without a scheme.
fn bare_login(scan: &mut Scan<'_>, start: usize, at: usize) {
    let text = scan.text;
    let Some(colon) = memchr(b':', &text[start..at]) else { return };
    let (user, secret) = (&text[start..start + colon], &text[start + colon + 1..at]);
    let host = text[at + 1..]
        .iter()
        .take(256)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(**b, b'.' | b'-'));
    let host = &text[at + 1..at + 1 + host.count()];
    let named = memchr(b'.', host).is_some() && host.iter().any(u8::is_ascii_alphabetic)
        || host.split(|byte| *byte == b'.').count() == 4
        || host == b"localhost";
    let login = user.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte));
    let Ok(secret_text) = std::str::from_utf8(secret) else { return };
    if named && login && !user.is_empty() && plausible::is_random(secret_text, 6) {
        scan.found(start + colon + 1, at, Rule::UrlCredentials);
    }
}

/// Hosts whose URLs are to be kept secret: what stands behind these beginnings.
const WEBHOOKS: [&str; 11] = [
    "hooks.slack.com/services/",
    "hooks.slack.com/workflows/",
    "hooks.slack.com/triggers/",
    "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/",
    "outlook.office.com/webhook/",
    "webhook.office.com/webhookb2/",
    "hooks.zapier.com/hooks/catch/",
    "make.com/",
    "open.larksuite.com/open-apis/bot/v2/hook/",
    "open.feishu.cn/open-apis/bot/v2/hook/",
];

/// A webhook's URL around the word at `start..end`; returns where it ends.
pub(super) fn webhook(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<usize> {
    let text = scan.text;
    memmem::find(&text[start..end], b"hook")?;
    let before = text[start.saturating_sub(64)..start].iter().rev();
    let start = start - before.take_while(|byte| is_url_byte(**byte)).count();
    let ahead = text[end..].iter().take(USER_BYTES).take_while(|byte| is_url_byte(**byte)).count();
    let url = &text[start..end + ahead];
    let secret = WEBHOOKS
        .iter()
        .find_map(|head| memmem::find(url, head.as_bytes()).map(|at| at + head.len()))?;
    let path = url.len() - secret;
    let tail = url[secret..].iter().rev().take_while(|b| b"'),.;]}".contains(b)).count();
    if path - tail < 8
        || *head_of(url, secret) == *b"make.com/" && !url.starts_with(b"https://hook")
    {
        return None;
    }
    scan.found(start + secret, start + secret + path - tail, Rule::WebhookUrl);
    Some(end + ahead)
}

fn head_of(url: &[u8], secret: usize) -> &[u8] {
    &url[secret.saturating_sub(9)..secret]
}
