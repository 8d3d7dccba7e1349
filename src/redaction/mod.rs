//! Secrets never leave memory: what looks like one is replaced before a batch is written.
//!
//! [`Redactor::copy`] goes once over an export request: it validates every item, asks a [`Gate`]
//! what is to become of it, redacts every text and writes what is kept. Keys are judged by their
//! words, texts by the forms of known secrets and by what stands beside words that speak of them.
//! Hits are counted by rule, never by content.

mod assignment;
mod attribute;
mod columns;
mod command;
mod container;
#[cfg(test)]
mod copy_tests;
#[cfg(test)]
mod corpus_tests;
mod decoded;
mod extent;
mod finding;
mod gate;
mod hits;
mod keys;
mod pem;
mod plausible;
mod provider;
mod record;
mod scan;
mod splice;
mod statement;
mod token;
mod trigger;
mod url;
mod walk;
mod word;
mod words;

pub use gate::{Copied, Gate, ItemHead, Reason, Rejected, Verdict};
pub use hits::{Hits, Rule};

use crate::limits;
use crate::model::Signal;
use crate::otlp::wire::WireError;
use keys::{CustomKeys, Secrecy, Strength};
use scan::Scanner;

/// What is redacted beside the built-in rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactionOptions {
    /// Whether anything is redacted. Validation is done in any case.
    pub enabled: bool,
    /// Further keys whose values are secrets. Case and separators do not matter; a name without
    /// a dot also names the last part of a dotted key.
    pub extra_keys: Vec<String>,
    /// Further secrets, as regular expressions; the whole match is replaced.
    pub extra_patterns: Vec<String>,
    /// Keys that the built-in rules would redact and that are to be kept. Known forms of secrets
    /// are still redacted inside their values.
    pub allow_keys: Vec<String>,
}

impl Default for RedactionOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            extra_keys: Vec::new(),
            extra_patterns: Vec::new(),
            allow_keys: Vec::new(),
        }
    }
}

/// One of `extra_patterns` is no regular expression, or too large.
#[derive(Debug, thiserror::Error)]
#[error("redaction pattern {pattern:?}: {source}")]
pub struct BadPattern {
    /// The pattern as it was written.
    pub pattern: String,
    source: Box<regex::Error>,
}

/// Finds secrets and replaces them. Made once, shared by all.
#[derive(Debug)]
pub struct Redactor {
    enabled: bool,
    scanner: Scanner,
}

impl Redactor {
    /// A redactor with the built-in rules and these options.
    pub fn new(options: &RedactionOptions) -> Result<Self, BadPattern> {
        let patterns = options.extra_patterns.iter().map(|pattern| {
            regex::RegexBuilder::new(pattern)
                .size_limit(limits::REDACTION_PATTERN_BYTES)
                .build()
                .map_err(|source| BadPattern { pattern: pattern.clone(), source: source.into() })
        });
        let patterns = patterns.collect::<Result<_, _>>()?;
        let keys = CustomKeys::new(&options.extra_keys, &options.allow_keys);
        Ok(Self { enabled: options.enabled, scanner: Scanner::new(keys, patterns) })
    }

    /// The text without its secrets; `None` if there are none.
    pub fn text(&self, text: &str, hits: &mut Hits) -> Option<String> {
        if self.enabled { self.scanner.redact(text, hits) } else { None }
    }

    /// The rule under which any value of this key is a secret.
    pub fn secret_key(&self, key: &str) -> Option<Rule> {
        let secrecy = self.judge(key)?;
        let always =
            matches!(secrecy.strength, Strength::Strong | Strength::NotAPath | Strength::Text);
        always.then_some(secrecy.rule)
    }

    /// Copies an export request: validated, asked about, redacted. Fails only where the records
    /// cannot be told apart; an invalid record is rejected alone.
    pub fn copy(
        &self,
        signal: Signal,
        body: &[u8],
        gate: &mut dyn Gate,
    ) -> Result<Copied, WireError> {
        walk::Walk::new(self, signal, body, gate).run()
    }

    fn judge(&self, key: &str) -> Option<Secrecy> {
        if self.enabled { self.scanner.keys.judge(key) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_adds_and_takes_away() {
        let options = RedactionOptions {
            extra_keys: vec!["customer.iban".to_owned(), "codeword".to_owned()],
            extra_patterns: vec![r"\bACME-\d{4}\b".to_owned()],
            allow_keys: vec!["password".to_owned()],
            ..RedactionOptions::default()
        };
        let redactor = Redactor::new(&options).unwrap();
        assert_eq!(redactor.secret_key("customer.iban"), Some(Rule::CustomKey));
        assert_eq!(redactor.secret_key("app.CodeWord"), Some(Rule::CustomKey));
        assert_eq!(redactor.secret_key("password"), None);
        assert_eq!(redactor.secret_key("api_key"), Some(Rule::SecretKey));
        let mut hits = Hits::default();
        let text = "codeword=xylophone, id ACME-1234, password=hunter2, api_key=hunter2";
        let left = redactor.text(text, &mut hits).unwrap();
        assert_eq!(
            left,
            "codeword=<redacted:custom_key>, id <redacted:custom_pattern>, password=hunter2, \
             api_key=<redacted:secret_key>"
        );
        let off = RedactionOptions { enabled: false, ..options };
        assert_eq!(Redactor::new(&off).unwrap().text(text, &mut hits), None);
        let bad = RedactionOptions { extra_patterns: vec!["(".to_owned()], ..Default::default() };
        assert!(Redactor::new(&bad).unwrap_err().to_string().contains("\"(\""));
    }
}
