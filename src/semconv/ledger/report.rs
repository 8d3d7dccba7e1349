//! One report of a call, and the ring that remembers the recent ones.

use std::sync::Arc;

use super::totals::Totals;
use crate::model::CallLabels;

/// The number of a report: they are counted from the first one on, so that a reference to a
/// forgotten report is told from a live one.
pub(super) type Number = u64;

/// No report.
pub(super) const NONE: Number = Number::MAX;

/// How many different scopes may report one call.
pub(super) const SCOPES: usize = 4;

/// Distinct response ids remembered below a report that has none itself.
pub(super) const INNER_ANSWERS: usize = 8;

/// A report of an LLM call. Ids are digests.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub(super) trace: u64,
    pub(super) span: u64,
    /// The parent span, 0 for a root.
    pub(super) parent: u64,
    /// The response id, 0 where none was sent.
    pub(super) answer: u64,
    /// What reports of one call by different scopes have in common: the response id, or of a
    /// failure without one its parent, provider and model. 0 where there is nothing.
    pub(super) alike: u64,
    /// The time that all reports of this call share, in nanoseconds.
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    /// The scopes that reported this call; 0 is an empty place.
    pub(super) scopes: [u32; SCOPES],
    /// What it reports itself, together with the reports that are the same as it.
    pub(super) own: Totals,
    /// What the reports directly inside it amount to.
    pub(super) inner: Option<Box<Inner>>,
    /// At a root: what was counted beyond what its tree turned out to amount to.
    pub(super) surplus: Option<Box<Totals>>,
    /// How many levels of reports lie below it.
    pub(super) height: u8,
    /// The report that this one repeats.
    pub(super) same_as: Number,
    /// The report that it lies directly inside of.
    pub(super) outer: Number,
    /// The next older report that waits for the same parent.
    pub(super) next_waiting: Number,
    /// The next older report that is alike.
    pub(super) next_alike: Number,
    /// The labels that its call was counted under.
    pub(super) labels: Arc<CallLabels>,
}

/// The reports directly inside a report.
#[derive(Debug, Clone, Default)]
pub(super) struct Inner {
    pub(super) totals: Totals,
    /// Their response ids.
    pub(super) answers: Vec<u64>,
}

impl Report {
    /// What its tree amounts to. A wrapper of one call is one call, and one around two calls (a
    /// retry, a fallback) is two.
    pub(super) fn amount(&self) -> Totals {
        self.inner.as_ref().map_or(self.own, |inner| self.own.around(inner.totals))
    }

    /// The response ids that its tree shows to the outside.
    pub(super) fn answers(&self) -> &[u64] {
        match &self.inner {
            _ if self.answer != 0 => std::slice::from_ref(&self.answer),
            Some(inner) => &inner.answers,
            None => &[],
        }
    }

    /// Whether it may be the same call as another that is alike: two instrumentations see one
    /// call at the same time, and no instrumentation reports one call twice. Failures, which
    /// have no response id to be told apart by, must lie within one another.
    pub(super) fn may_be_same(&self, other: &Self) -> bool {
        let free = self.scopes.contains(&0) && !self.scopes.contains(&other.scopes[0]);
        let overlap = other.start_ns <= self.end_ns && self.start_ns <= other.end_ns;
        let within = |inner: &Self, outer: &Self| {
            outer.start_ns <= inner.start_ns && inner.end_ns <= outer.end_ns
        };
        let nest = within(self, other) || within(other, self);
        free && overlap && (nest || self.answer != 0)
    }
}

/// The recent reports, oldest forgotten.
#[derive(Debug)]
pub(super) struct Ring {
    reports: Vec<Report>,
    capacity: usize,
    next: Number,
}

impl Ring {
    pub(super) fn new(capacity: usize) -> Self {
        Self { reports: Vec::new(), capacity: capacity.max(1), next: 0 }
    }

    /// The number that the next report gets.
    pub(super) fn next(&self) -> Number {
        self.next
    }

    pub(super) fn oldest(&self) -> Number {
        self.next - self.reports.len() as Number
    }

    /// The report that the next one will displace.
    pub(super) fn leaving(&self) -> Option<Number> {
        (self.reports.len() == self.capacity).then(|| self.oldest())
    }

    pub(super) fn push(&mut self, report: Report) -> Number {
        if self.reports.len() < self.capacity {
            self.reports.push(report);
        } else {
            let at = self.place(self.next);
            self.reports[at] = report;
        }
        self.next += 1;
        self.next - 1
    }

    pub(super) fn is_live(&self, number: Number) -> bool {
        (self.oldest()..self.next).contains(&number)
    }

    pub(super) fn get(&self, number: Number) -> Option<&Report> {
        self.is_live(number).then(|| &self.reports[self.place(number)])
    }

    pub(super) fn get_mut(&mut self, number: Number) -> Option<&mut Report> {
        let at = self.is_live(number).then(|| self.place(number))?;
        Some(&mut self.reports[at])
    }

    fn place(&self, number: Number) -> usize {
        (number % self.capacity as u64) as usize
    }
}
