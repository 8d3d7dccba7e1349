//! One text, searched: by words that speak of secrets, by the forms of tokens, by URLs.

use super::decoded::Decoded;
use super::finding::{self, Finding};
use super::hits::{Hits, Rule};
use super::keys::{CustomKeys, Secrecy};
use super::trigger::{MIN_TOKEN_BYTES, Signs, Triggers};
use super::word;
use super::{pem, token, url};

/// The compiled rules.
#[derive(Debug)]
pub(super) struct Scanner {
    pub(super) keys: CustomKeys,
    triggers: Option<Triggers>,
    patterns: Vec<regex::Regex>,
}

/// A text under search.
pub(super) struct Scan<'t> {
    pub(super) text: &'t [u8],
    pub(super) keys: &'t CustomKeys,
    pub(super) findings: Vec<Finding>,
}

impl Scanner {
    pub(super) fn new(keys: CustomKeys, patterns: Vec<regex::Regex>) -> Self {
        let triggers = Triggers::new(keys.triggers());
        Self { keys, triggers, patterns }
    }

    /// The text without its secrets; `None` if there are none.
    pub(super) fn redact(&self, text: &str, hits: &mut Hits) -> Option<String> {
        let signs = Signs::of(text);
        let plain = !signs.separator() && text.len() < MIN_TOKEN_BYTES;
        if plain && self.patterns.is_empty() {
            return None;
        }
        let mut findings = self.search(text, signs);
        // The same text, read as whoever receives it will: escapes hide nothing.
        if signs.escape()
            && let Some(decoded) = Decoded::of(text)
        {
            let found = self.search(decoded.text(), Signs::of(decoded.text()));
            findings.extend(found.into_iter().map(|finding| decoded.in_source(finding)));
        }
        for pattern in &self.patterns {
            let found = pattern.find_iter(text);
            findings.extend(found.map(|m| Finding::new(m.start(), m.end(), Rule::CustomPattern)));
        }
        if findings.is_empty() {
            return None;
        }
        finding::settle(&mut findings);
        let changed = !findings.is_empty();
        changed.then(|| finding::replace(text, &findings, hits))
    }

    fn search(&self, text: &str, signs: Signs) -> Vec<Finding> {
        let mut scan = Scan { text: text.as_bytes(), keys: &self.keys, findings: Vec::new() };
        if signs.separator()
            && let Some(triggers) = &self.triggers
        {
            let mut from = 0;
            while let Some((start, end)) = triggers.next(text, from) {
                from = word::look(&mut scan, start, end, from).max(end);
            }
        }
        token::look(&mut scan);
        if signs.at() {
            url::look(&mut scan);
        }
        scan.findings
    }
}

impl Scan<'_> {
    /// Notes a secret.
    pub(super) fn found(&mut self, start: usize, end: usize, rule: Rule) {
        let value = &self.text[start..end];
        let gone = value.starts_with(b"<redacted:")
            && value.iter().position(|byte| *byte == b'>') == Some(value.len() - 1);
        if !value.is_empty() && !gone {
            self.findings.push(Finding::new(start, end, rule));
        }
    }

    /// What a key says of its value.
    pub(super) fn judge(&self, key: &[u8]) -> Option<Secrecy> {
        self.keys.judge(std::str::from_utf8(key).ok()?)
    }

    /// A private key whose header ends with the word at `end`; returns where it ends.
    pub(super) fn private_key(&mut self, start: usize, end: usize) -> Option<usize> {
        let (from, to) = pem::body(self.text, start, end)?;
        self.found(from, to, Rule::PrivateKey);
        Some(to)
    }
}
