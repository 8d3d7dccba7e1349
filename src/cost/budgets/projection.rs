//! What the log says was used.

use super::account::Passed;
use super::amounts::{Amounts, cost_of_call};
use super::book::{Book, News, UNKNOWN, Use};
use super::desk::Budgets;
use super::warning::resets;
use crate::limits;
use crate::model::{
    Fact, Notice, NoticeLevel, Projection, SeenRecord, SeenSpan, Settled, SpanId, TraceId,
};

impl Projection for Budgets {
    fn name(&self) -> &'static str {
        "budgets"
    }

    fn span(&mut self, seen: &SeenSpan<'_, '_>) {
        // What is reserved is reserved for a call of a model, or for what a gateway passed on.
        if seen.settled.is_none() && seen.known.gateway.is_none() {
            return;
        }
        let mut state = self.state();
        // Released in the step that counts, so that nothing is in neither or in both.
        state.reservations.release(seen.span.span_id);
        let Some(settled) = seen.settled else { return };
        let state = &mut *state;
        let (amounts, unpriced) = amounts(settled, seen.known.failed, &mut state.book.implausible);
        if amounts == Amounts::default() && unpriced == 0 && !settled.counts {
            return;
        }
        let used = Use {
            payers: [seen.known.tenant.or(Some(UNKNOWN)), seen.known.team],
            at_ns: seen.span.end_ns,
            arrived_ns: seen.moment.arrived_ns,
            amounts,
            unpriced,
        };
        let news = state.book.add(&self.plan, &mut state.calendar, &used);
        // What was in the log before the start was said by the process that first read it.
        for news in news.iter().filter(|_| seen.moment.live) {
            let about = (Some(seen.span.trace_id), Some(seen.span.span_id));
            self.notices.say(self.notice(news, about, seen.moment.arrived_ns));
        }
    }

    fn record(&mut self, seen: &SeenRecord<'_, '_>) {
        let Some(report) = seen.report else { return };
        let arrived_ns = seen.moment.arrived_ns;
        let mut state = self.state();
        let state = &mut *state;
        let when = (seen.record.time_ns, arrived_ns);
        let news = state.book.report(&self.plan, &mut state.calendar, report, when);
        for news in news.iter().filter(|_| seen.moment.live) {
            let about = (seen.record.trace_id, seen.record.span_id);
            self.notices.say(self.notice(news, about, arrived_ns));
        }
    }

    fn tick(&mut self, now_ns: u64) {
        let expired = self.state().reservations.expire(now_ns);
        if expired > 0 {
            self.observer.expired(expired);
        }
    }

    fn snapshot(&self) -> Vec<u8> {
        // Callers of the gateway do not wait for the writing.
        let book = self.state().book.clone();
        book.encode()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.state().book = Book::new();
        self.state().book = Book::decode(bytes)?;
        Ok(())
    }
}

impl Budgets {
    fn notice(
        &self,
        news: &News,
        (trace_id, span_id): (Option<TraceId>, Option<SpanId>),
        time_ns: u64,
    ) -> Notice {
        let (name, level, text) = match news.passed {
            Passed::Soft => (
                "pharos.budget.soft_limit",
                NoticeLevel::Warning,
                "A budget has passed its soft limit.",
            ),
            Passed::Hard => ("pharos.budget.exhausted", NoticeLevel::Error, "A budget is used up."),
        };
        let facts = vec![
            ("pharos.budget.kind", Fact::Text(news.payer.name().to_owned())),
            ("pharos.budget.name", Fact::Text(news.name.to_string())),
            ("pharos.budget.period", Fact::Text(news.period.name().to_owned())),
            ("pharos.budget.unit", Fact::Text(news.unit.name().to_owned())),
            ("pharos.budget.limit", Fact::Number(news.unit.number(news.limit))),
            ("pharos.budget.used", Fact::Number(news.unit.number(news.used))),
            ("pharos.budget.resets_at", Fact::Text(resets(&self.plan.zone, news.resets_ns))),
        ];
        Notice { name, level, text, facts, trace_id, span_id, time_ns }
    }
}

/// What a report of a call adds, and how many calls without a price. What no call can use is a
/// mistake.
fn amounts(settled: &Settled, failed: bool, implausible: &mut u64) -> (Amounts, i64) {
    let mut tokens = 0_u128;
    for count in [settled.usage.input, settled.usage.output].into_iter().flatten() {
        if count <= limits::CALL_TOKENS {
            tokens += u128::from(count);
        } else {
            *implausible += 1;
        }
    }
    let cost = settled.cost_usd.map(cost_of_call);
    *implausible += u64::from(cost == Some(None));
    let cost = cost.flatten();
    let unpriced = match (settled.counts, cost) {
        (true, None) => i64::from(!failed),
        (false, Some(_)) if settled.cost_state.is_some() => -1,
        _ => 0,
    };
    (Amounts { tokens, picodollars: cost.unwrap_or_default() }, unpriced)
}
