//! Finding the spans of a batch that a search asks for, cheapest question first.

use std::ops::RangeInclusive;

use memchr::memmem::Finder;

use super::filter::Filters;
use super::text::Needle;
use crate::model::{Span, Status, TraceId};
use crate::otlp::read;
use crate::otlp::wire::WireError;
use crate::storage::index::{Group, ServiceSet, SpanHead, Understand};

/// Start times, in nanoseconds since the Unix epoch.
pub(in crate::storage) type Starts = RangeInclusive<u64>;

/// Looks for the spans that fulfil all conditions of a search.
pub(in crate::storage) struct Scanner<'q> {
    filters: &'q Filters,
    needles: Vec<Finder<'q>>,
    text: Option<Needle>,
    services: ServiceSet,
    understand: Option<&'q Understand>,
}

impl<'q> Scanner<'q> {
    /// What looks for these conditions.
    pub(in crate::storage) fn new(filters: &'q Filters, understand: &'q Understand) -> Self {
        let needles = filters.needles().map(Finder::new).collect();
        let text = filters.text.as_deref().map(Needle::new);
        let services = filters.service.as_deref().map(ServiceSet::of).unwrap_or_default();
        let understand = filters.needs_understanding().then_some(understand);
        Self { filters, needles, text, services, understand }
    }

    /// The conditions.
    pub(in crate::storage) fn filters(&self) -> &Filters {
        self.filters
    }

    /// Whether the group can hold a span that is looked for.
    pub(in crate::storage) fn may_find(&self, group: &Group, starts: &Starts) -> bool {
        group.has_spans()
            && group.min_start_ns <= *starts.end()
            && group.max_start_ns >= *starts.start()
            && (self.filters.status != Some(Status::Error) || group.failed)
            && self.filters.min_duration_ns.is_none_or(|least| group.max_duration_ns >= least)
            && group.services.may_hold(self.services)
    }

    /// Calls `found` with the trace and start of every span in a traces request that fulfils the
    /// conditions, began in `starts` and belongs to the trace `only`, if one is given.
    pub(in crate::storage) fn scan(
        &self,
        body: &[u8],
        starts: &Starts,
        only: Option<&TraceId>,
        mut found: impl FnMut(TraceId, u64),
    ) -> Result<(), WireError> {
        if !self.may_hold(body) {
            return Ok(());
        }
        let only = only.map(|id| id.as_bytes().as_slice());
        read::records(body, |origin, bytes| {
            if !self.filters.admits_origin(origin) {
                return Ok(());
            }
            // A damaged span hides none of its neighbours.
            let Ok(head) = SpanHead::read(bytes) else { return Ok(()) };
            let wanted = starts.contains(&head.start_ns)
                && only.is_none_or(|id| id == head.trace_id)
                && self.filters.admits(&head)
                && self.filters.admits_attributes(origin, bytes)
                && self.may_say(bytes);
            if !wanted {
                return Ok(());
            }
            if self.understand.is_some() || self.text.is_some() {
                let Ok(span) = read::span(bytes) else { return Ok(()) };
                let known = self.understand.map(|understand| understand.span(origin, &span));
                let understood =
                    known.is_none_or(|known| self.filters.admits_understanding(&known));
                if !understood || !self.says(&span) {
                    return Ok(());
                }
            }
            if let Some(id) = TraceId::from_bytes(head.trace_id) {
                found(id, head.start_ns);
            }
            Ok(())
        })
    }

    /// Whether a request can hold a span that is looked for: text that stands nowhere in it is in
    /// none of its spans.
    pub(in crate::storage) fn may_hold(&self, body: &[u8]) -> bool {
        self.needles.iter().all(|needle| needle.find(body).is_some()) && self.may_say(body)
    }

    /// Whether the free text asked for may stand in these bytes of a span or a whole request.
    pub(in crate::storage) fn may_say(&self, bytes: &[u8]) -> bool {
        self.text.as_ref().is_none_or(|text| text.is_in_bytes(bytes))
    }

    /// Whether the free text asked for stands in the span.
    pub(in crate::storage) fn says(&self, span: &Span<'_>) -> bool {
        self.text.as_ref().is_none_or(|text| text.is_in_span(span))
    }
}
