//! How long is waited for an upstream. One timer a call, which looks a few times a second, so
//! that a stream of a thousand pieces a second sets no timer a thousand times.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use super::failure::Failure;
use crate::{clock, limits};

/// Waits for something of an upstream.
pub(super) struct Patience {
    tick: Pin<Box<Sleep>>,
    since: Instant,
    longest: Duration,
    failure: Failure,
}

impl Patience {
    /// Waits so long from now on, and says then what went wrong.
    pub(super) fn new(longest: Duration, failure: Failure) -> Self {
        let since = clock::monotonic();
        Self { tick: Box::pin(tokio::time::sleep(step(longest))), since, longest, failure }
    }

    /// Something has come: it is waited anew, for this and so long.
    pub(super) fn renew(&mut self, now: Instant, longest: Duration, failure: Failure) {
        (self.since, self.longest, self.failure) = (now, longest, failure);
    }

    /// Something has come: it is waited anew.
    pub(super) fn refresh(&mut self, now: Instant) {
        self.since = now;
    }

    /// Ready once it has waited long enough, or `cut` says that nobody waits any longer.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        cut: impl Fn() -> bool,
    ) -> Poll<Failure> {
        while self.tick.as_mut().poll(context).is_ready() {
            let now = clock::monotonic();
            let waited = now.saturating_duration_since(self.since);
            if waited >= self.longest {
                return Poll::Ready(self.failure.clone());
            }
            if cut() {
                return Poll::Ready(Failure::Stopping);
            }
            let rest = step(self.longest - waited);
            self.tick.as_mut().reset(tokio::time::Instant::now() + rest);
        }
        Poll::Pending
    }
}

fn step(longest: Duration) -> Duration {
    longest.min(Duration::from_millis(limits::GATEWAY_TICK_MILLISECONDS))
}
