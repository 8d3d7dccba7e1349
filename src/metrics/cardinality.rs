//! Keeping label values few, short and clean.
//!
//! Values come from whoever sends telemetry, so every label of every metric has a bounded set
//! of values. The first ones to arrive are kept; further ones become `other`, are counted, and
//! whoever sent them is remembered. The page itself has a bound too, in series.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use foldhash::quality::RandomState;

use crate::limits;

/// The value of everything that does not fit.
pub(super) const OTHER: &str = "other";
/// The value of what nobody says.
pub(super) const UNKNOWN: &str = "unknown";

/// Values of an offending label that are shown.
const SAMPLES: usize = 5;
/// The longest shown value, in bytes.
const SAMPLE_BYTES: usize = 48;
/// Sources of overflow that are told apart; the smallest makes room for a new one.
const SOURCES: usize = 8;

/// The bounds, configurable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardinalityOptions {
    /// Distinct values of one label of one metric.
    pub label_values: usize,
    /// The longest label value.
    pub label_value_bytes: usize,
    /// Series (lines on the page) of one metric.
    pub series_per_metric: usize,
    /// Series (lines on the page) of all metrics.
    pub series: usize,
}

impl Default for CardinalityOptions {
    fn default() -> Self {
        Self {
            label_values: limits::LABEL_VALUES,
            label_value_bytes: limits::LABEL_VALUE_BYTES,
            series_per_metric: limits::SERIES_PER_METRIC,
            series: limits::SERIES,
        }
    }
}

/// A label or metric that had to be capped, for the API that names offenders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offender {
    /// The metric.
    pub metric: String,
    /// The label whose values are too many; `None` where the label sets are.
    pub label: Option<String>,
    /// How many recordings lost their value.
    pub overflowed: u64,
    /// The first values that did not fit, cut short and clean.
    pub samples: Vec<String>,
    /// The service that sent most of them; `None` where the recordings named none.
    pub service: Option<String>,
}

/// What is known about overflow in one place.
#[derive(Debug, Default)]
pub(super) struct Overflow {
    count: u64,
    samples: Vec<Box<str>>,
    sources: Vec<(Box<str>, u64)>,
}

/// The values of one label.
#[derive(Debug, Default)]
pub(super) struct Interner {
    values: HashSet<Arc<str>, RandomState>,
    overflow: Overflow,
}

/// Series that the whole page may still get.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) options: CardinalityOptions,
    lines: AtomicUsize,
    /// Lines kept free so that every family can always open its overflow series.
    reserve: usize,
}

impl Budget {
    pub(super) fn new(options: CardinalityOptions, reserve: usize) -> Self {
        Self { options, lines: AtomicUsize::new(0), reserve }
    }

    /// Takes room for a series of so many lines; false where there is none.
    pub(super) fn take(&self, lines: usize) -> bool {
        let limit = self.options.series.saturating_sub(self.reserve);
        let step = |taken: usize| Some(taken + lines).filter(|taken| *taken <= limit);
        self.lines.fetch_update(Relaxed, Relaxed, step).is_ok()
    }

    /// Takes room from the reserve, for a series that must exist.
    pub(super) fn take_reserved(&self, lines: usize) {
        self.lines.fetch_add(lines, Relaxed);
    }

    pub(super) fn lines(&self) -> usize {
        self.lines.load(Relaxed)
    }
}

impl Overflow {
    pub(super) fn record(&mut self, value: &str, source: &str) {
        self.count += 1;
        if self.samples.len() < SAMPLES {
            let sample = clean(value, SAMPLE_BYTES);
            if !self.samples.iter().any(|known| **known == *sample) {
                self.samples.push(sample.into());
            }
        }
        if source.is_empty() {
            return;
        }
        if let Some((_, count)) = self.sources.iter_mut().find(|(known, _)| **known == *source) {
            *count += 1;
        } else if self.sources.len() < SOURCES {
            self.sources.push((clean(source, SAMPLE_BYTES).into(), 1));
        } else if let Some(least) = self.sources.iter_mut().min_by_key(|(_, count)| *count) {
            // The newcomer inherits the count, so that a frequent one can never be missed.
            *least = (clean(source, SAMPLE_BYTES).into(), least.1 + 1);
        }
    }

    pub(super) fn offender(&self, metric: &str, label: Option<&str>) -> Option<Offender> {
        (self.count > 0).then(|| Offender {
            metric: metric.to_owned(),
            label: label.map(str::to_owned),
            overflowed: self.count,
            samples: self.samples.iter().map(|sample| sample.to_string()).collect(),
            service: self
                .sources
                .iter()
                .max_by_key(|(_, count)| *count)
                .map(|(service, _)| service.to_string()),
        })
    }
}

impl Interner {
    /// The value to record in place of `raw`, and whether it is the same.
    pub(super) fn intern(
        &mut self,
        raw: &str,
        options: &CardinalityOptions,
        source: &str,
    ) -> (Arc<str>, bool) {
        if let Some(known) = self.values.get(raw) {
            return (Arc::clone(known), true);
        }
        let value = clean(raw, options.label_value_bytes);
        let same = matches!(value, Cow::Borrowed(text) if text.len() == raw.len());
        if let Some(known) = self.values.get(&*value) {
            return (Arc::clone(known), same);
        }
        let always = *value == *OTHER || *value == *UNKNOWN;
        if always || self.values.len() < options.label_values {
            let value: Arc<str> = value.into();
            self.values.insert(Arc::clone(&value));
            return (value, same);
        }
        self.overflow.record(raw, source);
        (self.insert(OTHER), false)
    }

    /// Takes a value as it is, for a label that is closed or a snapshot's.
    pub(super) fn insert(&mut self, value: &str) -> Arc<str> {
        if let Some(known) = self.values.get(value) {
            return Arc::clone(known);
        }
        let value: Arc<str> = value.into();
        self.values.insert(Arc::clone(&value));
        value
    }

    pub(super) fn overflow(&self) -> &Overflow {
        &self.overflow
    }

    /// All values, sorted.
    pub(super) fn values(&self) -> Vec<Arc<str>> {
        let mut values: Vec<_> = self.values.iter().cloned().collect();
        values.sort_unstable();
        values
    }
}

/// The text without surrounding white space, cut to a length in bytes at a character's end, with
/// control characters replaced; [`UNKNOWN`] where nothing is left.
pub fn clean(text: &str, bytes: usize) -> Cow<'_, str> {
    // Only a stretch that can matter is looked at: the text may be megabytes long.
    let text = cut(text, bytes.saturating_mul(4)).trim();
    let text = cut(text, bytes).trim_end();
    if text.is_empty() {
        return Cow::Borrowed(UNKNOWN);
    }
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) || !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let replaced = text.chars().map(|c| if is_unsafe(c) { '_' } else { c });
    Cow::Owned(replaced.collect())
}

/// The longest beginning of at most so many bytes that ends at a character's end.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Characters that do things to terminals or to the order in which text is shown.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_short_and_clean() {
        let check = |input: &str, expected: &str| assert_eq!(clean(input, 8), expected);
        check("gpt-4o", "gpt-4o");
        check("  gpt-4o\n", "gpt-4o");
        check("", UNKNOWN);
        check(" \t ", UNKNOWN);
        check("a\nb\u{1b}[c", "a_b_[c");
        check("12345678900", "12345678");
        check("1234567é", "1234567");
        check("\u{202e}evil", "_evil");
        check(&"x".repeat(1 << 20), "xxxxxxxx");
    }

    #[test]
    fn the_first_values_are_kept_and_the_rest_is_other() {
        let options = CardinalityOptions { label_values: 2, ..Default::default() };
        let mut interner = Interner::default();
        let mut intern = |raw: &str| {
            let (value, same) = interner.intern(raw, &options, "shop");
            (value.to_string(), same)
        };
        assert_eq!(intern("a"), ("a".into(), true));
        assert_eq!(intern("b "), ("b".into(), false));
        assert_eq!(intern("c"), (OTHER.into(), false));
        assert_eq!(intern("c"), (OTHER.into(), false));
        assert_eq!(intern(""), (UNKNOWN.into(), false));
        assert_eq!(intern("a"), ("a".into(), true));
        let offender = interner.overflow().offender("m", Some("l")).unwrap();
        assert_eq!(offender.overflowed, 2);
        assert_eq!(offender.samples, ["c"]);
        assert_eq!(offender.service.as_deref(), Some("shop"));
    }

    #[test]
    fn the_busiest_source_is_named_among_many() {
        let mut overflow = Overflow::default();
        for round in 0..100 {
            overflow.record("v", "loud");
            overflow.record("v", &format!("quiet-{round}"));
        }
        let offender = overflow.offender("m", None).unwrap();
        assert_eq!(offender.service.as_deref(), Some("loud"));
    }
}
