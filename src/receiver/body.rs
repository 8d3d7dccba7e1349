//! Taking a body off the wire: one contiguous buffer, capped, in time, within the budget.

use super::admission::Inspector;
use super::budget::Reservation;
use super::failure::Failure;
use crate::{clock, limits};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body::Body;
use http_body_util::BodyExt;
use std::pin::{Pin, pin};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How a body may come in.
#[derive(Debug, Clone, Copy)]
pub struct BodyBounds {
    /// The most bytes taken off the wire.
    pub wire_bytes: usize,
    /// The time for all of it.
    pub time: Duration,
    /// The span over which a rate is asked for.
    pub rate_window: Duration,
    /// The bytes that every such span must bring.
    pub rate_bytes: usize,
}

impl Default for BodyBounds {
    fn default() -> Self {
        Self {
            wire_bytes: limits::REQUEST_WIRE_BYTES,
            time: Duration::from_secs(limits::BODY_TIMEOUT_SECONDS),
            rate_window: Duration::from_secs(limits::BODY_RATE_SECONDS),
            rate_bytes: limits::BODY_RATE_BYTES,
        }
    }
}

/// What a request's head says about its body.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Announced {
    /// Its length.
    pub(super) bytes: Option<u64>,
    /// Whether the sender waits for leave to send it (`Expect: 100-continue`).
    pub(super) waits: bool,
}

impl Announced {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let bytes = length.and_then(|length| length.parse().ok());
        Self { bytes, waits: headers.contains_key(EXPECT) }
    }
}

/// Reads `body`. After a refusal the rest is discarded, so that the sender comes to reading its
/// answer.
pub(super) async fn read<B>(
    body: B,
    announced: Announced,
    bounds: &BodyBounds,
    hold: &mut Reservation,
    inspector: &mut Inspector<'_>,
) -> Result<Bytes, Failure>
where
    B: Body<Data = Bytes, Error: Send> + Send,
{
    let mut body = pin!(body);
    let mut gathered = Gathered::new(announced.bytes, bounds.wire_bytes, hold);
    let mut pace = pin!(sleep(bounds.rate_window));
    let started = clock::monotonic();
    let mut paced = 0;
    loop {
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            () = pace.as_mut() => {
                let late = clock::monotonic().duration_since(started) >= bounds.time;
                if late || gathered.received - paced < bounds.rate_bytes {
                    return Err(Failure::Slow);
                }
                paced = gathered.received;
                pace.as_mut().reset(Instant::now() + bounds.rate_window);
                continue;
            }
        };
        let taken = match frame {
            None => return gathered.finish(announced.bytes),
            // The reason is the peer's (reset, bad chunk); there is nobody left to tell it to.
            Some(Err(_)) => return Err(Failure::Disconnected),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => match gathered.take(data) {
                    Ok(()) => inspector.look(gathered.bytes()).await,
                    Err(failure) => Err(failure),
                },
                // Trailers say nothing that OTLP asks for.
                Err(_) => Ok(()),
            },
        };
        if let Err(failure) = taken {
            drop(gathered);
            discard(body.as_mut(), announced.bytes, bounds).await;
            return Err(failure);
        }
    }
}

/// Reads and forgets a body that is refused for what its sender announced.
pub(super) async fn refuse<B>(body: B, announced: Announced, bounds: &BodyBounds)
where
    B: Body<Data = Bytes, Error: Send> + Send,
{
    // Reading would give the leave that the sender waits for.
    if !announced.waits {
        discard(pin!(body), announced.bytes, bounds).await;
    }
}

/// Reads and forgets the rest of a refused body, within reason.
async fn discard<B>(mut body: Pin<&mut B>, declared: Option<u64>, bounds: &BodyBounds)
where
    B: Body<Data = Bytes, Error: Send>,
{
    // Who announces more than this is answered at once and cut off.
    if declared.is_some_and(|bytes| bytes > limits::REQUEST_DISCARD_BYTES as u64) {
        return;
    }
    let mut discarded = 0;
    let rest = async {
        while let Some(Ok(frame)) = body.frame().await {
            // An empty frame counts as well, or they could come for ever.
            discarded += frame.data_ref().map_or(1, |data| data.len().max(1));
            if discarded > limits::REQUEST_DISCARD_BYTES {
                break;
            }
        }
    };
    let _ = timeout(bounds.rate_window.min(bounds.time), rest).await;
}

/// The bytes so far. One frame is kept as it is; from the second on they are copied into one
/// buffer, because a list of tiny frames would cost more than the bytes.
struct Gathered<'a> {
    first: Bytes,
    buffer: BytesMut,
    received: usize,
    empty_frames: usize,
    expected: usize,
    cap: usize,
    hold: &'a mut Reservation,
}

impl<'a> Gathered<'a> {
    fn new(declared: Option<u64>, cap: usize, hold: &'a mut Reservation) -> Self {
        let expected = declared.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
        Self {
            first: Bytes::new(),
            buffer: BytesMut::new(),
            received: 0,
            empty_frames: 0,
            expected: expected.min(cap),
            cap,
            hold,
        }
    }

    fn bytes(&self) -> &[u8] {
        if self.buffer.is_empty() { &self.first } else { &self.buffer }
    }

    fn take(&mut self, data: Bytes) -> Result<(), Failure> {
        if data.is_empty() {
            self.empty_frames += 1;
            let flooded = self.empty_frames > limits::REQUEST_EMPTY_FRAMES;
            return if flooded { Err(Failure::malformed("too many empty frames")) } else { Ok(()) };
        }
        self.received += data.len();
        if self.received > self.cap {
            return Err(Failure::TooLarge { limit_bytes: self.cap });
        }
        if self.first.is_empty() && self.buffer.is_empty() {
            self.hold.grow(data.len())?;
            self.first = data;
            return Ok(());
        }
        self.make_room(data.len())?;
        if self.buffer.is_empty() {
            let first = std::mem::take(&mut self.first);
            self.buffer.extend_from_slice(&first);
        }
        self.buffer.extend_from_slice(&data);
        Ok(())
    }

    /// Grows the buffer towards the announced length, but never far ahead of what has come: an
    /// announcement is free.
    fn make_room(&mut self, more: usize) -> Result<(), Failure> {
        let needed = self.received.max(self.buffer.len() + more);
        if self.buffer.capacity() >= needed {
            return Ok(());
        }
        let ahead = (4 * needed).max(limits::BODY_STEP_BYTES);
        let target = ahead.min(self.expected.max(2 * needed)).min(self.cap).max(needed);
        self.hold.grow(target - self.hold.bytes().min(target))?;
        self.buffer.reserve(target - self.buffer.len());
        Ok(())
    }

    fn finish(self, declared: Option<u64>) -> Result<Bytes, Failure> {
        // hyper holds HTTP/1 bodies to their length; over HTTP/2 a shorter one gets this far.
        if declared.is_some_and(|declared| declared != self.received as u64) {
            return Err(Failure::malformed("the body is not as long as announced"));
        }
        Ok(if self.buffer.is_empty() { self.first } else { self.buffer.freeze() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiver::budget::Budget;
    use http_body::Frame;
    use std::convert::Infallible;
    use std::task::{Context, Poll};

    /// A body of given frames that then ends or hangs.
    struct Frames {
        frames: Vec<Bytes>,
        hangs: bool,
    }

    impl Body for Frames {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if self.frames.is_empty() {
                return if self.hangs { Poll::Pending } else { Poll::Ready(None) };
            }
            Poll::Ready(Some(Ok(Frame::data(self.frames.remove(0)))))
        }
    }

    fn announced(bytes: u64) -> Announced {
        Announced { bytes: Some(bytes), waits: false }
    }

    async fn check(frames: &[&'static [u8]], cap: usize) -> Result<Bytes, Failure> {
        let frames = frames.iter().map(|&frame| Bytes::from_static(frame)).collect();
        let bounds = BodyBounds { wire_bytes: cap, ..BodyBounds::default() };
        let budget = Budget::new(1 << 20);
        let body = Frames { frames, hangs: false };
        let read =
            read(body, Announced::default(), &bounds, &mut budget.share(), &mut Inspector::none())
                .await;
        assert_eq!(budget.used_bytes(), 0);
        read
    }

    #[tokio::test]
    async fn frames_become_one_buffer() {
        assert_eq!(check(&[], 10).await.unwrap(), "");
        assert_eq!(check(&[b"whole"], 10).await.unwrap(), "whole");
        assert_eq!(check(&[b"a", b"", b"bc", b"d"], 10).await.unwrap(), "abcd");
        let failure = check(&[b"12345", b"678901"], 10).await.unwrap_err();
        assert!(matches!(failure, Failure::TooLarge { limit_bytes: 10 }));
        let flood = [&b""[..]; limits::REQUEST_EMPTY_FRAMES + 1];
        assert!(matches!(check(&flood, 10).await, Err(Failure::Malformed { .. })));
    }

    #[tokio::test]
    async fn a_single_frame_is_not_copied() {
        let frame = Bytes::from(vec![7; 1_000]);
        let at = frame.as_ptr();
        let budget = Budget::new(1 << 20);
        let body = Frames { frames: vec![frame], hangs: false };
        let bounds = BodyBounds::default();
        let mut hold = budget.share();
        let read =
            read(body, announced(1_000), &bounds, &mut hold, &mut Inspector::none()).await.unwrap();
        assert_eq!(read.as_ptr(), at);
        assert_eq!(hold.bytes(), 1_000);
    }

    #[tokio::test]
    async fn an_announced_length_reserves_nothing() {
        let budget = Budget::new(limits::INFLIGHT_BYTES);
        let frames = (0..3).map(|_| Bytes::from(vec![7; 100])).collect();
        let body = Frames { frames, hangs: false };
        let mut hold = budget.share();
        let bounds = BodyBounds::default();
        let read = read(body, announced(1 << 24), &bounds, &mut hold, &mut Inspector::none()).await;
        assert!(matches!(read, Err(Failure::Malformed { .. })));
        assert!(hold.bytes() <= limits::BODY_STEP_BYTES);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_is_given_up() {
        let budget = Budget::new(1 << 20);
        let body = Frames { frames: vec![Bytes::from_static(b"start")], hangs: true };
        let bounds = BodyBounds::default();
        let mut hold = budget.share();
        let read = read(body, announced(100), &bounds, &mut hold, &mut Inspector::none()).await;
        assert!(matches!(read, Err(Failure::Slow)));
    }
}
