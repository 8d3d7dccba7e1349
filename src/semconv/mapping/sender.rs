//! One sender: what was counted of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::examine::{self, Finding};
use super::vocabulary;
use crate::limits;
use crate::model::SeenSpan;

/// Who a sender is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Id<'a> {
    pub(super) service: &'a str,
    pub(super) scope: &'a str,
    pub(super) version: &'a str,
}

/// What is known of a sender.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Sender {
    service: String,
    scope: String,
    version: String,
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
    pub(super) spans: u64,
    /// Spans whose attributes were looked at.
    examined: u64,
    /// Of every span. A name is one of a few.
    dialects: Vec<(Cow<'static, str>, u64)>,
    operations: Vec<(Cow<'static, str>, u64)>,
    /// Of calls that speak of cached tokens: how they count them, and why that is believed.
    cached_tokens: Vec<(Cow<'static, str>, u64)>,
    /// LLM-looking spans that nothing explains, by the attribute that makes them look so.
    unexplained: BTreeMap<String, u64>,
    attributes: BTreeMap<String, u64>,
    unknown: BTreeMap<String, u64>,
    contradictions: BTreeMap<String, Contradiction>,
    /// Names for which there was no room.
    overflowed: u64,
}

#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
struct Contradiction {
    kind: String,
    spans: u64,
    /// What the last such span said.
    example: String,
}

impl Sender {
    pub(super) fn new(id: &Id<'_>, now_ns: u64) -> Self {
        Self {
            service: cut(id.service).to_owned(),
            scope: cut(id.scope).to_owned(),
            version: cut(id.version).to_owned(),
            first_ns: now_ns,
            ..Self::default()
        }
    }

    pub(super) fn is(&self, id: &Id<'_>) -> bool {
        self.scope == cut(id.scope)
            && self.version == cut(id.version)
            && self.service == cut(id.service)
    }

    pub(super) fn count(&mut self, seen: &SeenSpan<'_, '_>) {
        self.spans += 1;
        self.last_ns = self.last_ns.max(seen.moment.arrived_ns);
        add(&mut self.operations, seen.known.operation.name());
        if let Some(dialect) = seen.known.dialect {
            add(&mut self.dialects, dialect);
        }
        if let Some(unexplained) = seen.known.unexplained {
            let key = vocabulary::without_numbers(cut(unexplained.attribute));
            count(&mut self.unexplained, &mut self.overflowed, &key);
        }
        let first = self.examined < limits::MAPPING_FIRST_SPANS;
        if first || self.spans.is_multiple_of(limits::MAPPING_EVERY_SPANS) {
            self.examined += 1;
            examine::span(seen.span, seen.known, &mut |finding| self.take(finding));
        }
    }

    fn take(&mut self, finding: Finding<'_>) {
        match finding {
            Finding::Known(key) => count(&mut self.attributes, &mut self.overflowed, &key),
            Finding::Unknown(key) => count(&mut self.unknown, &mut self.overflowed, &key),
            Finding::Cached(how) => add(&mut self.cached_tokens, how),
            Finding::Contradiction { kind, what, example } => {
                let full = self.contradictions.len() >= limits::MAPPING_CONTRADICTIONS;
                if full && !self.contradictions.contains_key(&what) {
                    self.overflowed += 1;
                    return;
                }
                let found = self.contradictions.entry(what).or_default();
                found.kind.clear();
                found.kind.push_str(kind);
                found.spans += 1;
                found.example = example;
            }
        }
    }

    /// What is said of it.
    pub(super) fn answer(&self) -> Json {
        let (mut recognised, mut deprecated) = (Vec::new(), Vec::new());
        for (attribute, spans) in &self.attributes {
            let means = vocabulary::meaning(attribute);
            recognised.push(json!({ "attribute": attribute, "means": means, "spans": spans }));
            if let Some(by) = vocabulary::replaced_by(attribute) {
                let row = json!({ "attribute": attribute, "replaced_by": by, "spans": spans });
                deprecated.push(row);
            }
        }
        let contradictory: Vec<_> = self
            .contradictions
            .iter()
            .map(|(what, found)| {
                json!({
                    "kind": found.kind,
                    "what": what,
                    "spans": found.spans,
                    "example": found.example,
                })
            })
            .collect();
        json!({
            "service": self.service,
            "scope": self.scope,
            "scope_version": self.version,
            "first_seen": moment(self.first_ns),
            "last_seen": moment(self.last_ns),
            "spans": self.spans,
            "examined_spans": self.examined,
            "dialects": named(&self.dialects),
            "operations": named(&self.operations),
            "cached_tokens": named(&self.cached_tokens),
            "recognised": recognised,
            "deprecated": deprecated,
            "unknown": counted(&self.unknown),
            "contradictory": contradictory,
            "unexplained": counted(&self.unexplained),
            "overflowed": self.overflowed,
        })
    }
}

/// Counts a name of a closed set.
fn add(counts: &mut Vec<(Cow<'static, str>, u64)>, name: &'static str) {
    if let Some((_, count)) = counts.iter_mut().find(|(known, _)| known == name) {
        *count += 1;
    } else if counts.len() < limits::MAPPING_NAMES {
        counts.push((Cow::Borrowed(name), 1));
    }
}

/// Counts a name that came from outside.
fn count(counts: &mut BTreeMap<String, u64>, overflowed: &mut u64, name: &str) {
    if let Some(count) = counts.get_mut(name) {
        *count += 1;
    } else if counts.len() < limits::MAPPING_NAMES {
        counts.insert(name.to_owned(), 1);
    } else {
        *overflowed += 1;
    }
}

/// A name, cut to what is kept of it.
pub(super) fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(limits::MAPPING_NAME_BYTES)]
}

fn named(counts: &[(Cow<'static, str>, u64)]) -> Json {
    counts.iter().map(|(name, count)| (name.to_string(), Json::from(*count))).collect()
}

fn counted(counts: &BTreeMap<String, u64>) -> Json {
    counts.iter().map(|(name, spans)| json!({ "attribute": name, "spans": spans })).collect()
}

/// A moment in RFC 3339.
fn moment(ns: u64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(ns)).map(|at| at.to_string()).unwrap_or_default()
}
