//! The words near which secrets are looked for.
//!
//! Every text passes this filter, so that it must cost less than copying. Long texts go through
//! a vectorised search for the words in their three usual spellings; short ones, where setting
//! that up costs more than the search, through an automaton.

use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, AhoCorasickKind, Span};

/// Finds the words that may belong to a secret.
#[derive(Debug)]
pub(super) struct Triggers {
    fast: Option<Searcher>,
    any_case: AhoCorasick,
}

/// Parts of words that stand in names of secrets, or announce one.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "pass", "pwd", "secr", "token", "key", "cred", "auth", "cookie", "sessionid", "bearer",
    "basic ", "jwt", "identified", "phrase",
];

/// Marks that are written in one way only. Together with three spellings of each word they are
/// 60 patterns; beyond 64 the vectorised search is not to be had, and the automaton serves.
#[rustfmt::skip]
const EXACT: &[&str] = &[
    "curl ", "curl\"", "mysql", "redis-cli", "hook", "sig=", "code=", "_SessionId", "SESSID",
    "t.sid", "pw=", "pw\"", "pw:", "PW=", "PW:", "gnature=", "mnemonic",
];

/// Below this length the automaton is faster.
const SHORT_BYTES: usize = 64;

impl Triggers {
    /// `extra` are words of the configuration's own keys.
    pub(super) fn new(extra: &[String]) -> Option<Self> {
        let mut words: Vec<String> = WORDS.iter().map(|word| (*word).to_owned()).collect();
        words.extend(extra.iter().cloned());
        let exact: Vec<String> = EXACT.iter().map(|mark| (*mark).to_owned()).collect();
        let any_case = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(words.iter().chain(&exact))
            .ok()?;
        let mut spellings = exact;
        for word in &words {
            let (head, tail) = word.split_at_checked(1).unwrap_or(("", word));
            spellings.push(word.to_ascii_lowercase());
            spellings.push(word.to_ascii_uppercase());
            spellings.push(head.to_ascii_uppercase() + &tail.to_ascii_lowercase());
        }
        spellings.sort();
        spellings.dedup();
        // Too many words of the configuration's own make the vectorised search impossible.
        let fast = packed::Config::new().builder().extend(&spellings).build();
        Some(Self { fast, any_case })
    }

    /// The first trigger at or behind `from`.
    pub(super) fn next(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        let found = match &self.fast {
            Some(fast) if text.len() - from >= SHORT_BYTES => {
                fast.find_in(text, Span::from(from..text.len()))
            }
            _ => self.any_case.find(aho_corasick::Input::new(text).span(from..text.len())),
        }?;
        Some((found.start(), found.end()))
    }
}

/// The shortest token that is known by its form alone.
pub(super) const MIN_TOKEN_BYTES: usize = 20;

/// What a text may hold, by its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signs(u8);

const SEPARATOR: u8 = 1;
const AT: u8 = 2;
const ESCAPE: u8 = 4;

impl Signs {
    /// The signs of a text; of a long one all, as looking would cost as much as searching.
    pub(super) fn of(text: &str) -> Self {
        if text.len() >= SHORT_BYTES {
            return Self(SEPARATOR | AT | ESCAPE);
        }
        Self(text.bytes().fold(0, |signs, byte| signs | SIGNS[usize::from(byte)]))
    }

    /// Something that could separate a key from a value.
    pub(super) fn separator(self) -> bool {
        self.0 != 0
    }

    /// An at sign, which user information in a URL needs.
    pub(super) fn at(self) -> bool {
        self.0 & AT != 0
    }

    /// Something that could begin an escape.
    pub(super) fn escape(self) -> bool {
        self.0 & ESCAPE != 0
    }
}

static SIGNS: [u8; 256] = {
    let mut table = [0; 256];
    let separators = b" :=\"'`<>(/\t\n\r";
    let mut index = 0;
    while index < separators.len() {
        table[separators[index] as usize] = SEPARATOR;
        index += 1;
    }
    table[b'@' as usize] = AT;
    table[b'\\' as usize] = ESCAPE;
    table[b'%' as usize] = ESCAPE;
    table[b'&' as usize] = ESCAPE;
    table
};
