//! Conversations in figures, out of rows in any order.
//!
//! Often only some spans of a run name its conversation: so rows are summed by trace, and traces
//! by conversation.

use crate::api::money::Cost;
use crate::api::span_view::Tokens;
use crate::limits;
use crate::model::TraceId;
use crate::storage::query::SpanRow;
use std::collections::{BTreeSet, HashMap};

/// The longest name that is kept of a conversation, tenant, user or agent.
const NAME_BYTES: usize = 1_024;
/// Agents that are named of one conversation.
const AGENTS: usize = 16;

/// Something that took time, tokens and money.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) tenant: Option<Said>,
    pub(super) user: Option<Said>,
    pub(super) agents: BTreeSet<Box<str>>,
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
    pub(super) spans: u64,
    pub(super) errors: u64,
    pub(super) llm_calls: u64,
    pub(super) tokens: Tokens,
    pub(super) cost: Cost,
    /// Traces; 0 in the tally of one.
    pub(super) runs: u64,
}

/// What the earliest span says that says it; of equally early ones, the smaller.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    at_ns: u64,
    pub(super) text: Box<str>,
}

/// Traces that are being summed, no more than a bound: the newest.
#[derive(Debug)]
pub(super) struct Tallies {
    most: usize,
    traces: HashMap<TraceId, (Option<Said>, Tally), foldhash::fast::RandomState>,
    /// Traces that began before this were put out.
    floor_ns: u64,
    /// Whether any were.
    pub(super) incomplete: bool,
}

impl Tallies {
    /// No more than `most` traces.
    pub(super) fn new(most: usize) -> Self {
        Self { most, traces: HashMap::default(), floor_ns: 0, incomplete: false }
    }

    /// Adds a span.
    pub(super) fn add(&mut self, row: &SpanRow<'_>) {
        if !self.traces.contains_key(&row.trace_id) {
            if row.start_ns < self.floor_ns {
                return;
            }
            if self.traces.len() >= self.most {
                self.put_out();
            }
        }
        let (conversation, tally) = self.traces.entry(row.trace_id).or_default();
        keep(conversation, row.conversation, row.start_ns);
        tally.add(row);
    }

    /// The conversations by id.
    pub(super) fn finish(self) -> HashMap<Box<str>, Tally> {
        let mut found: HashMap<Box<str>, Tally> = HashMap::new();
        for (conversation, tally) in self.traces.into_values() {
            if let Some(Said { text, .. }) = conversation {
                found.entry(text).or_default().merge(tally);
            }
        }
        found
    }

    /// Makes room by putting out the older half.
    fn put_out(&mut self) {
        self.incomplete = true;
        let mut starts: Vec<u64> = self.traces.values().map(|(_, tally)| tally.first_ns).collect();
        let middle = starts.len() / 2;
        let (_, floor, _) = starts.select_nth_unstable(middle);
        self.floor_ns = self.floor_ns.max(floor.saturating_add(1));
        let floor = self.floor_ns;
        self.traces.retain(|_, (_, tally)| tally.first_ns >= floor);
    }
}

impl Tally {
    fn add(&mut self, row: &SpanRow<'_>) {
        self.last(row.start_ns, row.end_ns.max(row.start_ns));
        self.spans += 1;
        self.errors += u64::from(row.failed);
        keep(&mut self.tenant, row.tenant, row.start_ns);
        keep(&mut self.user, row.user, row.start_ns);
        if let Some(agent) = row.agent {
            let agent = short(agent);
            if !self.agents.contains(agent) {
                self.agents.insert(agent.into());
                self.bound_agents();
            }
        }
        self.llm_calls += u64::from(row.counts);
        self.tokens.add(row.usage);
        self.cost.add_row(row);
    }

    /// Adds the tally of a run.
    fn merge(&mut self, run: Self) {
        self.last(run.first_ns, run.last_ns);
        self.runs += 1;
        self.spans += run.spans;
        self.errors += run.errors;
        self.llm_calls += run.llm_calls;
        self.tokens.merge(run.tokens);
        self.cost.merge(run.cost);
        for (kept, more) in [(&mut self.tenant, run.tenant), (&mut self.user, run.user)] {
            if more.is_some() && (kept.is_none() || more < *kept) {
                *kept = more;
            }
        }
        self.agents.extend(run.agents);
        self.bound_agents();
    }

    fn last(&mut self, first_ns: u64, last_ns: u64) {
        let empty = self.spans == 0;
        self.first_ns = if empty { first_ns } else { self.first_ns.min(first_ns) };
        self.last_ns = self.last_ns.max(last_ns);
    }

    fn bound_agents(&mut self) {
        while self.agents.len() > AGENTS {
            self.agents.pop_last();
        }
    }
}

fn keep(kept: &mut Option<Said>, text: Option<&str>, at_ns: u64) {
    let Some(text) = text else { return };
    let text = short(text);
    if kept.as_ref().is_none_or(|kept| (at_ns, text) < (kept.at_ns, &*kept.text)) {
        *kept = Some(Said { at_ns, text: text.into() });
    }
}

fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(NAME_BYTES)]
}

const _: () = assert!(NAME_BYTES * 4 / 3 + 64 <= limits::PARAMETER_BYTES);
