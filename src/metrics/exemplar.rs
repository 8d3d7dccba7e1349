//! A span as an example of what was measured, kept where the value lives.
//!
//! Whoever measures a span says so before ([`Measuring`]); the cells that it then records into
//! keep it if it tells more than what they hold. Every cell, or bucket of one, has room for one
//! exemplar and never more. Most recordings only compare two numbers.
//!
//! Preference: a failed span before one that did not fail, then the larger: the slower, the
//! dearer. After [`limits::EXEMPLAR_SECONDS`] any later one takes its place, so that a page shows
//! what happened lately.

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::limits;
#[cfg(feature = "server")]
use crate::model::Span;

thread_local! {
    /// The span that this thread measures. Here, and not an argument: between a span and a cell
    /// stand the handles of the `metrics` facade, which carry a value and nothing else.
    static MEASURED: Cell<Option<Measured>> = const { Cell::new(None) };
}

/// What is known of the span that is being measured.
#[derive(Debug, Clone, Copy)]
struct Measured {
    trace_id: u128,
    span_id: u64,
    arrived_ns: u64,
    seconds: f64,
    failed: bool,
}

/// While it lives, what this thread records is of one span.
#[must_use]
pub(super) struct Measuring(());

/// An example of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Exemplar {
    /// The trace.
    pub(super) trace_id: u128,
    /// The span in it.
    pub(super) span_id: u64,
    /// What it added or observed.
    pub(super) value: f64,
    /// When it arrived; 0 where that is not known. Not the span's own time: Prometheus takes no
    /// exemplar that is older than the last, and senders' clocks are anywhere.
    pub(super) at_ns: u64,
}

/// Room for one exemplar.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// Rank and second of what is kept, in 32 bits each; 0 while nothing is.
    rank: AtomicU64,
    kept: Mutex<Option<Exemplar>>,
}

impl Measuring {
    /// From now on it is this span.
    #[cfg(feature = "server")]
    pub(super) fn begin(span: &Span<'_>, arrived_ns: u64, failed: bool) -> Self {
        let trace_id = u128::from_be_bytes(*span.trace_id.as_bytes());
        let span_id = u64::from_be_bytes(*span.span_id.as_bytes());
        let seconds = span.duration_seconds();
        MEASURED.set(Some(Measured { trace_id, span_id, arrived_ns, seconds, failed }));
        Self(())
    }
}

impl Drop for Measuring {
    fn drop(&mut self) {
        MEASURED.set(None);
    }
}

impl Slot {
    /// A value was observed or added: the larger it is, the more it tells.
    pub(super) fn offer(&self, value: f64) {
        if let Some(measured) = MEASURED.get() {
            self.consider(&measured, value, value);
        }
    }

    /// Something was counted: told only of failures, by how long they took.
    pub(super) fn offer_failure(&self, count: u64) {
        if let Some(measured) = MEASURED.get()
            && measured.failed
            && count > 0
        {
            self.consider(&measured, count as f64, measured.seconds);
        }
    }

    fn consider(&self, measured: &Measured, value: f64, weight: f64) {
        let rank = rank(measured.failed, weight);
        let second = (measured.arrived_ns / 1_000_000_000) as u32;
        let kept = self.rank.load(Relaxed);
        let faded = second.saturating_sub(kept as u32) >= limits::EXEMPLAR_SECONDS;
        if kept != 0 && rank <= (kept >> 32) as u32 && !faded {
            return;
        }
        // While a page reads the slot it keeps what it has; the next one may be as good.
        let Ok(mut slot) = self.kept.try_lock() else { return };
        self.rank.store(u64::from(rank) << 32 | u64::from(second), Relaxed);
        let Measured { trace_id, span_id, arrived_ns: at_ns, .. } = *measured;
        *slot = Some(Exemplar { trace_id, span_id, value, at_ns });
    }

    /// What it holds.
    pub(super) fn get(&self) -> Option<Exemplar> {
        if self.rank.load(Relaxed) == 0 {
            return None;
        }
        // Only a panic while writing it leaves it poisoned; then there is no exemplar.
        *self.kept.lock().ok()?
    }
}

/// Failure first, then size: the bits of a positive `f32` are in its order. Never 0.
fn rank(failed: bool, weight: f64) -> u32 {
    let size = (weight.max(0.0) as f32).to_bits();
    u32::from(failed) << 31 | size.max(1)
}

#[cfg(test)]
#[cfg(feature = "server")]
mod tests {
    use super::*;
    use crate::metrics::measures::tests::span;
    use crate::model::SpanId;

    /// Offers a span that took so long at this second and says which one is kept, by its digit.
    fn offer(slot: &Slot, digit: u8, value: f64, failed: bool, second: u64) -> u8 {
        let span_id = SpanId::from_bytes(&[digit; 8]).unwrap();
        let span = Span { span_id, ..span(value) };
        let _measuring = Measuring::begin(&span, second * 1_000_000_000, failed);
        slot.offer(value);
        slot.get().unwrap().span_id as u8
    }

    #[test]
    fn the_failed_and_the_slow_are_kept_until_they_fade() {
        let slot = Slot::default();
        assert_eq!(slot.get(), None);
        assert_eq!(offer(&slot, 1, 1.0, false, 1_000), 1);
        assert_eq!(offer(&slot, 2, 0.5, false, 1_001), 1, "faster");
        assert_eq!(offer(&slot, 3, 1.0, false, 1_002), 1, "as fast");
        assert_eq!(offer(&slot, 4, 1.5, false, 1_003), 4, "slower");
        assert_eq!(offer(&slot, 5, 0.1, true, 1_004), 5, "failed");
        assert_eq!(offer(&slot, 6, 9.0, false, 1_005), 5, "slow, but not failed");
        assert_eq!(offer(&slot, 7, 0.2, true, 1_006), 7, "failed and slower");
        let fades = 1_006 + u64::from(limits::EXEMPLAR_SECONDS);
        assert_eq!(offer(&slot, 8, 0.1, false, fades - 1), 7);
        assert_eq!(offer(&slot, 9, 0.1, false, fades), 9, "the last one is old");
    }

    #[test]
    fn only_what_is_measured_of_a_span_has_an_exemplar() {
        let slot = Slot::default();
        slot.offer(1.0);
        assert_eq!(slot.get(), None);
        drop(Measuring::begin(&span(1.0), 0, true));
        slot.offer(1.0);
        assert_eq!(slot.get(), None, "the span is over");
        let _measuring = Measuring::begin(&span(1.0), 0, false);
        slot.offer_failure(1);
        assert_eq!(slot.get(), None, "it did not fail");
        slot.offer(0.0);
        assert_eq!(slot.get().unwrap().value, 0.0);
    }
}
