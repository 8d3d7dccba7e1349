//! Secrets found in one text, and the text without them.

use super::hits::{Hits, Rule};

/// A range of a text that is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) rule: Rule,
    /// A place of the text that holds a quote to put around the replacement: where a JSON number
    /// goes, a JSON string must come.
    pub(super) quote: Option<(usize, usize)>,
}

impl Finding {
    pub(super) fn new(start: usize, end: usize, rule: Rule) -> Self {
        Self { start, end, rule, quote: None }
    }
}

/// Sorts findings and joins those that overlap; the first rule names the joint one.
pub(super) fn settle(findings: &mut Vec<Finding>) {
    findings.retain(|finding| finding.start < finding.end);
    findings.sort_by_key(|finding| (finding.start, usize::MAX - finding.end));
    findings.dedup_by(|next, kept| {
        let overlaps = next.start < kept.end;
        if overlaps {
            kept.end = kept.end.max(next.end);
        }
        overlaps
    });
}

/// The text with the replacements in place of the findings, which are settled.
pub(super) fn replace(text: &str, findings: &[Finding], hits: &mut Hits) -> String {
    let mut out = String::with_capacity(text.len() + 16 * findings.len().min(64));
    let mut copied = 0;
    for finding in findings {
        // All ranges end at ASCII bytes or at the end; should one not, it is widened.
        let start = text.floor_char_boundary(finding.start).max(copied);
        let end = text.ceil_char_boundary(finding.end);
        out.push_str(&text[copied..start]);
        let quote = finding.quote.map_or("", |(from, to)| &text[from..to]);
        out.push_str(quote);
        push_replacement(&mut out, finding.rule, hits);
        out.push_str(quote);
        copied = end;
    }
    out.push_str(&text[copied..]);
    out
}

/// Counts the hit and writes what stands in the secret's place. A request made of nothing but
/// one-letter passwords must not grow without bound, so that late ones get no name.
pub(super) fn push_replacement(out: &mut String, rule: Rule, hits: &mut Hits) {
    if hits.count(rule) {
        out.push_str("<redacted:");
        out.push_str(rule.name());
        out.push('>');
    } else {
        out.push('*');
    }
}
