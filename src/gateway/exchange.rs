//! One call, from its head to the last byte of its answer. However it ends, it is settled once:
//! when this is dropped.

use std::sync::Arc;
use std::time::Instant;

use ::metrics::Gauge;
use http::HeaderValue;

use super::asked::Asked;
use super::caller::Caller;
use super::dialect::{Answer, Endpoint};
use super::failure::Failure;
use super::house::House;
use super::side::Side;
use super::span::{self, Ids};
use super::upstream::Upstream;
use crate::clock;
use crate::limits;
use crate::model::{Usage, UsageSource};

/// A call.
pub(super) struct Exchange {
    pub(super) house: Arc<House>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) begun_ns: u64,
    pub(super) begun: Instant,
    pub(super) ids: Ids,
    pub(super) caller: Caller,
    pub(super) request_id: HeaderValue,
    pub(super) method: &'static str,
    pub(super) endpoint: Endpoint,
    pub(super) asked: Asked,
    /// The upstream's status, once its head is there.
    pub(super) status: Option<u16>,
    pub(super) rate_limit_remaining: Option<f64>,
    /// Whether it was tried to reach the upstream.
    pub(super) tried: bool,
    /// Whether the upstream may have seen the request.
    pub(super) sent: bool,
    /// Whether budgets hold something for it.
    pub(super) reserved: bool,
    pub(super) side: Option<Side>,
    /// When the first byte of the answer's body came.
    pub(super) first_byte: Option<Instant>,
    pub(super) answer_bytes: u64,
    /// How it ended; `None` while it goes on, and so where the caller has left.
    pub(super) end: Option<Result<(), Failure>>,
    pub(super) active: Gauge,
}

/// What is to be told of the tokens.
pub(super) struct Counted {
    pub(super) usage: Usage,
    pub(super) source: UsageSource,
}

impl Exchange {
    /// How it ended.
    pub(super) fn failure(&self) -> Option<&Failure> {
        match &self.end {
            None => Some(&Failure::CallerLeft),
            Some(Ok(())) => None,
            Some(Err(failure)) => Some(failure),
        }
    }

    /// The status that the caller got, or that is counted for one that left.
    pub(super) fn told_status(&self) -> u16 {
        match (self.failure(), self.status) {
            (Some(Failure::CallerLeft), _) => Failure::CallerLeft.status().as_u16(),
            // A head that has been passed on stands, whatever came after it.
            (_, Some(status)) => status,
            (Some(failure), None) => failure.status().as_u16(),
            (None, None) => 200,
        }
    }

    /// Whether the upstream said that all is well.
    pub(super) fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// The tokens: what the provider counted, else an estimate of what was asked and said.
    pub(super) fn counted(&self, answer: &Answer) -> Option<Counted> {
        let reads_nothing = matches!(self.endpoint, Endpoint::Other(_));
        let failed = self.status.is_some() && !self.succeeded();
        if reads_nothing || failed || !self.sent {
            return None;
        }
        let usage = answer.usage;
        if answer.usage_final {
            return Some(Counted { usage, source: UsageSource::Provider });
        }
        // Of an answer that is whole and was not understood nothing is known at all.
        if self.failure().is_none() && !answer.understood {
            return None;
        }
        let tokens = |bytes: u64| bytes.div_ceil(limits::TOKEN_BYTES as u64);
        let said = Some(tokens(answer.said_bytes)).filter(|_| answer.understood);
        let said = said.filter(|_| self.endpoint != Endpoint::Embeddings);
        let usage = Usage {
            input: usage.input.or(Some(tokens(self.asked.text_bytes))),
            // What a beginning says of the output is only where the count starts.
            output: usage.output.max(said),
            ..usage
        };
        let whole = self.failure().is_none();
        let source = if whole { UsageSource::Estimated } else { UsageSource::Partial };
        Some(Counted { usage, source })
    }

    fn settle(&mut self) {
        let mut side = self.side.take();
        // A caller that hangs up on the last word of a stream has had all of it.
        if side.as_ref().is_some_and(|side| side.answer.ended) {
            self.end.get_or_insert(Ok(()));
        }
        if let Some(side) = &mut side {
            side.finish();
        }
        let first = side.as_ref().and_then(|side| side.first);
        let unread = side.as_ref().and_then(|side| side.unread);
        let answer = side.map(|side| side.answer).unwrap_or_default();
        let metrics = &self.house.neighbours.metrics;
        if let Some(failure) = self.failure() {
            metrics.failed(&self.upstream.options.id, failure.name());
        }
        let whole = self.failure().is_none() && self.succeeded() && self.answer_bytes > 0;
        if let Some(unread) = unread.filter(|_| whole) {
            metrics.unmetered(unread.name());
        }
        let end_ns =
            self.begun_ns + clock::monotonic().duration_since(self.begun).as_nanos() as u64;
        let recorded = self.house.records.put(span::encode(self, &answer, first, end_ns));
        // What no span will ever report is given back at once.
        let lost = !recorded || !self.sent;
        if let Some(spending) = self.house.neighbours.spending.as_ref().filter(|_| self.reserved)
            && lost
        {
            spending.release(self.ids.span);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.settle();
        self.active.decrement(1.0);
        self.house.calls.end();
    }
}
