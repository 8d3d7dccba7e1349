//! The ledger: one call is counted once, whoever reports it and in whatever order.
//!
//! Two reports are of one call when one span lies directly inside the other, or when two scopes
//! report the same response id for the same time (or, of a call that failed without one, the same
//! model under the same parent, the one span within the other). The first kind forms trees, whose
//! leaves are the calls: a wrapper around one call is that call, a wrapper around two (a retry, a
//! fallback) is those two. The second kind is merged into one report. What a tree amounts to is
//! known after every arrival; what is new in it is counted, so that the order of arrival does not
//! matter.
//!
//! Two different response ids are two calls, even where one span lies inside the other.
//!
//! Invariant: counters only grow, so one case stays open: a report that arrives last and turns
//! out to lie between two that had nothing to do with one another until then. What was counted
//! too much for it is remembered and set off against what the same tree adds later.

mod join;
mod report;
mod snapshot;
mod totals;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::{FixedState, RandomState};
use report::{NONE, Number, Report, Ring};
use totals::Totals;

pub use snapshot::RestoreError;

use crate::limits;
use crate::model::{CallBook, CallLabels, CostSource, LlmCall, Settled, Span, Status, Usage};

/// A trace and something in it: a span or a response id, as digests.
type Key = (u64, u64);

/// The LLM calls that were reported lately.
#[derive(Debug)]
pub struct Ledger {
    ring: Ring,
    by_span: HashMap<Key, Number, RandomState>,
    /// By the parent's span: the newest report whose parent has not reported.
    waiting: HashMap<Key, Number, RandomState>,
    /// By what makes reports alike: the newest of them.
    by_alike: HashMap<Key, Number, RandomState>,
    /// Labels used lately, so that reports share them.
    labels: Vec<Arc<CallLabels>>,
}

/// Labels kept for sharing: as many as one agent platform uses models at a time.
const SHARED_LABELS: usize = 64;

/// A ledger for the calls of one trace.
pub fn call_book() -> Box<dyn CallBook> {
    Box::new(Ledger::new(limits::TRACE_SPANS))
}

impl CallBook for Ledger {
    fn settle(&mut self, span: &Span<'_>, scope: &str, call: &LlmCall<'_>) -> Settled {
        let labels = self.shared_labels(call);
        let report = read(span, scope, call, &labels);
        let mut arrival = self.arrive(report);
        let added = self.balance(&mut arrival);
        let counts = added.calls() > 0;
        let labels = match arrival.labels {
            Some(counted_under) if !counts => counted_under,
            _ => labels,
        };
        for number in [arrival.number, arrival.at] {
            if let Some(report) = self.ring.get_mut(number) {
                report.labels = Arc::clone(&labels);
            }
        }
        let first_token = call.time_to_first_token_seconds;
        let cost_usd = added.cost(call.cost, counts);
        // What was not known of a call that was counted before is known with this report of it.
        let first = cost_usd.is_some() && !arrival.counted.has_cost();
        let said = self.is_cost_reported(arrival.at);
        let says = !counts && call.cost.source == CostSource::Reported;
        Settled {
            counts,
            usage: added.usage(call.usage, counts),
            cost_usd,
            cost_state: (counts || first).then_some(call.cost.state),
            // What is said of a call by another report of it is not computed from this one.
            cost_source: if said { CostSource::Reported } else { call.cost.source },
            cost_version: call.cost.version,
            says_cost_of: if says { arrival.joined } else { Vec::new() },
            time_to_first_token_seconds: first_token.filter(|_| added.first_tokens() > 0),
            labels,
        }
    }
}

impl Ledger {
    /// A ledger that remembers this many reports.
    pub fn new(capacity: usize) -> Self {
        Self {
            ring: Ring::new(capacity),
            by_span: HashMap::default(),
            waiting: HashMap::default(),
            by_alike: HashMap::default(),
            labels: Vec::new(),
        }
    }

    /// How many reports are remembered.
    pub fn len(&self) -> usize {
        (self.ring.next() - self.ring.oldest()) as usize
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels of a call, shared with earlier calls that have the same.
    fn shared_labels(&mut self, call: &LlmCall<'_>) -> Arc<CallLabels> {
        let (provider, model) = (&*call.provider, call.model());
        let place = digest(provider, digest(model, 1)) as usize % SHARED_LABELS;
        let shared = self.labels.get(place);
        if let Some(labels) = shared.filter(|it| *it.model == *model && *it.provider == *provider) {
            return Arc::clone(labels);
        }
        let labels = Arc::new(CallLabels::of(call));
        if self.labels.len() < SHARED_LABELS {
            self.labels.resize(SHARED_LABELS, Arc::clone(&labels));
        }
        self.labels[place] = Arc::clone(&labels);
        labels
    }
}

/// The report that a span makes.
fn read(span: &Span<'_>, scope: &str, call: &LlmCall<'_>, labels: &Arc<CallLabels>) -> Report {
    let scope = (digest(scope, 2) as u32).max(1);
    let answer = call.response_id.map_or(0, |id| digest(id, 3).max(1));
    Report {
        trace: span.trace_id.digest(),
        span: span.span_id.digest(),
        parent: span.parent_span_id.map_or(0, |parent| parent.digest()),
        answer,
        alike: if answer == 0 { failure(span, call) } else { answer },
        start_ns: span.start_ns,
        end_ns: span.end_ns.max(span.start_ns),
        scopes: [scope, 0, 0, 0],
        own: Totals::of(call),
        inner: None,
        surplus: None,
        height: 0,
        same_as: NONE,
        outer: NONE,
        next_waiting: NONE,
        next_alike: NONE,
        labels: Arc::clone(labels),
    }
}

/// What two reports of one failed call have in common, which brought no response id: the parent
/// of both, the provider and the model. 0 for a call that did not fail or used tokens.
fn failure(span: &Span<'_>, call: &LlmCall<'_>) -> u64 {
    match span.parent_span_id {
        Some(parent) if span.status == Status::Error && call.usage == Usage::default() => {
            let called = digest(&call.provider, digest(call.model(), 4));
            (called ^ parent.digest().rotate_left(32)).max(1)
        }
        _ => 0,
    }
}

/// A digest that stays the same over restarts, since snapshots hold it.
fn digest(text: &str, seed: u64) -> u64 {
    FixedState::with_seed(seed).hash_one(text)
}
