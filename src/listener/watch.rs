//! Noticing what a connection does, and deciding when it has had its time.
//!
//! The socket reports reads and blocked writes, the service reports requests; `verdict` decides
//! from that alone and is called every few seconds.

use super::Patience;
use crate::clock;
use http::Version;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A pause between reads after which bytes of an HTTP/2 connection are a new frame (a ping)
/// rather than the slow rest of an old one.
const BURST: Duration = Duration::from_secs(5);

/// What a connection has been doing. Times are milliseconds since it was accepted, plus one so
/// that 0 means never.
#[derive(Debug)]
pub(super) struct Activity {
    accepted: Instant,
    in_flight: AtomicUsize,
    http2: AtomicBool,
    /// When a request last began or ended, or a piece of an answer was there.
    turned: AtomicU64,
    /// The first and the last read since then, while no request was in flight.
    reading_since: AtomicU64,
    read: AtomicU64,
    /// Since when the peer takes no more bytes.
    blocked_since: AtomicU64,
}

/// What to do with a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Look again after this time.
    Wait(Duration),
    /// It is idle: say goodbye.
    Leave,
    /// It is hostile or broken: drop it.
    Close,
}

impl Activity {
    pub(super) fn new(accepted: Instant) -> Self {
        Self {
            accepted,
            in_flight: AtomicUsize::new(0),
            http2: AtomicBool::new(false),
            turned: AtomicU64::new(0),
            reading_since: AtomicU64::new(0),
            read: AtomicU64::new(0),
            blocked_since: AtomicU64::new(0),
        }
    }

    /// Notes that a request begins; it ends when the guard is dropped.
    pub(super) fn begin(activity: &Arc<Self>, version: Version) -> InFlight {
        activity.in_flight.fetch_add(1, Relaxed);
        activity.http2.store(version == Version::HTTP_2, Relaxed);
        activity.turn();
        InFlight(activity.clone())
    }

    fn turn(&self) {
        self.reading_since.store(0, Relaxed);
        self.turned.store(self.stamp(clock::monotonic()), Relaxed);
    }

    fn stamp(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.accepted);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn since(&self, stamp: u64, now: Instant) -> Duration {
        Duration::from_millis(self.stamp(now).saturating_sub(stamp.max(1)))
    }

    fn on_read(&self, bytes: &[u8]) {
        if self.in_flight.load(Relaxed) > 0 {
            return;
        }
        let now = clock::monotonic();
        let last = self.read.swap(self.stamp(now), Relaxed);
        if last == 0 {
            self.http2.store(bytes.starts_with(b"PRI "), Relaxed);
        }
        let begun = self.reading_since.load(Relaxed);
        let new_frame = self.http2.load(Relaxed) && self.since(last, now) > BURST;
        if begun == 0 || new_frame {
            self.reading_since.store(self.stamp(now), Relaxed);
        }
    }

    fn on_write(&self, blocked: bool) {
        if !blocked {
            self.blocked_since.store(0, Relaxed);
        } else if self.blocked_since.load(Relaxed) == 0 {
            self.blocked_since.store(self.stamp(clock::monotonic()), Relaxed);
        }
    }

    /// What `now` means for this connection.
    pub(super) fn verdict(&self, now: Instant, patience: &Patience) -> Verdict {
        let blocked = self.blocked_since.load(Relaxed);
        if blocked > 0 && self.since(blocked, now) >= patience.write {
            return Verdict::Close;
        }
        let turned = self.turned.load(Relaxed);
        if self.in_flight.load(Relaxed) > 0 {
            let stuck = self.since(turned, now) >= patience.stuck;
            return if stuck { Verdict::Close } else { Verdict::Wait(patience.head / 2) };
        }
        let reading = self.reading_since.load(Relaxed);
        let never = turned == 0 && reading == 0;
        // An HTTP/2 peer that has fallen silent is not in the middle of a head.
        let silent = self.http2.load(Relaxed) && self.since(self.read.load(Relaxed), now) > BURST;
        let mut wait = patience.head / 2;
        if never || (reading > 0 && !silent) {
            let rest = patience.head.saturating_sub(self.since(reading, now));
            if rest.is_zero() {
                return Verdict::Close;
            }
            wait = wait.min(rest);
        }
        if self.since(turned, now) >= patience.idle {
            return Verdict::Leave;
        }
        Verdict::Wait(wait)
    }
}

/// A request in flight, from its head to the last byte of its answer.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

impl InFlight {
    /// Notes that an answer goes on: one that is long is not stuck.
    pub(super) fn progress(&self) {
        self.0.turned.store(self.0.stamp(clock::monotonic()), Relaxed);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.turn();
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

/// A socket that tells an [`Activity`] about its traffic.
pub(super) struct Watched<T> {
    inner: T,
    activity: Arc<Activity>,
}

impl<T> Watched<T> {
    pub(super) fn new(inner: T, activity: Arc<Activity>) -> Self {
        Self { inner, activity }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        let new = &buffer.filled()[before..];
        if !new.is_empty() {
            self.activity.on_read(new);
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.activity.on_write(polled.is_pending());
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.activity.on_write(polled.is_pending());
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        head: Duration::from_secs(10),
        idle: Duration::from_secs(180),
        write: Duration::from_secs(30),
        stuck: Duration::from_secs(300),
    };

    fn verdict(activity: &Activity, seconds: u64) -> Verdict {
        activity.verdict(activity.accepted + Duration::from_secs(seconds), &PATIENCE)
    }

    fn look_again() -> Verdict {
        Verdict::Wait(Duration::from_secs(5))
    }

    #[test]
    fn silence_and_slow_heads_are_closed() {
        let activity = Activity::new(clock::monotonic());
        assert_eq!(verdict(&activity, 4), look_again());
        assert_eq!(verdict(&activity, 9), Verdict::Wait(Duration::from_secs(1)));
        assert_eq!(verdict(&activity, 11), Verdict::Close, "nothing came");
        activity.on_read(b"POST /v1/tr");
        assert_eq!(verdict(&activity, 4), look_again());
        assert_eq!(verdict(&activity, 11), Verdict::Close, "the head does not end");
    }

    #[test]
    fn an_idle_connection_is_told_goodbye_later() {
        let activity = Arc::new(Activity::new(clock::monotonic()));
        activity.on_read(b"POST /v1/traces");
        drop(Activity::begin(&activity, Version::HTTP_11));
        assert_eq!(verdict(&activity, 100), look_again());
        assert_eq!(verdict(&activity, 181), Verdict::Leave);
        activity.on_read(b"PO");
        assert_eq!(verdict(&activity, 100), Verdict::Close, "a slow second head");
    }

    #[test]
    fn a_silent_http2_peer_is_idle_and_not_slow() {
        let activity = Activity::new(clock::monotonic());
        activity.on_read(b"PRI * HTTP/2.0");
        assert_eq!(verdict(&activity, 20), look_again());
        assert_eq!(verdict(&activity, 181), Verdict::Leave);
    }

    #[test]
    fn stuck_requests_and_blocked_writes_are_closed() {
        let activity = Arc::new(Activity::new(clock::monotonic()));
        let guard = Activity::begin(&activity, Version::HTTP_2);
        assert_eq!(verdict(&activity, 299), look_again());
        assert_eq!(verdict(&activity, 301), Verdict::Close);
        drop(guard);
        activity.on_write(true);
        assert_eq!(verdict(&activity, 31), Verdict::Close);
        activity.on_write(false);
        assert_eq!(verdict(&activity, 31), look_again());
    }
}
