//! The body of an answer on its way to the caller.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::exchange::Exchange;
use super::failure::{BrokenOff, Failure};
use super::patience::Patience;
use crate::clock;

/// An answer of the gateway.
#[derive(Default)]
pub struct Passing(Source);

#[derive(Default)]
enum Source {
    /// Nothing, or nothing more.
    #[default]
    Empty,
    /// Our own words.
    Own(Bytes),
    /// What the upstream says.
    Upstream(Box<Stream>),
}

/// An answer of an upstream. Dropping it before its end cancels the call there.
struct Stream {
    body: Incoming,
    call: Exchange,
    patience: Patience,
    /// Pieces that the caller gets next: a piece can become several where an event is taken out.
    ready: VecDeque<Bytes>,
    /// Bytes that may still come.
    left: u64,
    strips: bool,
}

impl Passing {
    /// Our own words.
    pub(super) fn of(text: Bytes) -> Self {
        Self(Source::Own(text))
    }

    /// What the upstream says. The call is settled when this ends or is dropped.
    pub(super) fn upstream(body: Incoming, mut call: Exchange, patience: Patience) -> Self {
        let strips = call.side.as_ref().is_some_and(super::side::Side::may_strip);
        if body.is_end_stream() {
            call.end = Some(Ok(()));
            return Self(Source::Empty);
        }
        let left = call.upstream.options.response_bytes;
        let ready = VecDeque::new();
        Self(Source::Upstream(Box::new(Stream { body, call, patience, ready, left, strips })))
    }
}

impl Stream {
    fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if self.call.end.is_some() {
                return Poll::Ready(None);
            }
            let frame = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    let calls = &self.call.house.calls;
                    let given_up = self.patience.poll(context, || calls.is_cut());
                    return given_up.map(|failure| Some(Err(failure)));
                }
            };
            match frame {
                None => self.end(),
                Some(Err(_)) => return Poll::Ready(Some(Err(Failure::Reset))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => self.take(piece)?,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
            }
        }
    }

    fn take(&mut self, piece: Bytes) -> Result<(), Failure> {
        let now = clock::monotonic();
        self.patience.refresh(now);
        self.call.first_byte.get_or_insert(now);
        let most = self.call.upstream.options.response_bytes;
        self.left =
            self.left.checked_sub(piece.len() as u64).ok_or(Failure::ResponseTooLarge(most))?;
        self.call.answer_bytes += piece.len() as u64;
        match &mut self.call.side {
            Some(side) => side.push(piece, now, &mut self.ready),
            None => self.ready.push_back(piece),
        }
        if self.body.is_end_stream() {
            self.end();
        }
        Ok(())
    }

    fn end(&mut self) {
        if let Some(held) = self.call.side.as_mut().and_then(super::side::Side::finish) {
            self.ready.push_back(held);
        }
        self.call.end = Some(Ok(()));
    }
}

impl Body for Passing {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let polled = match &mut self.0 {
            Source::Empty => return Poll::Ready(None),
            Source::Own(text) => {
                let text = std::mem::take(text);
                self.0 = Source::Empty;
                return Poll::Ready((!text.is_empty()).then(|| Ok(Frame::data(text))));
            }
            Source::Upstream(stream) => match stream.poll_piece(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Err(failure))) => {
                    let name = failure.name();
                    stream.call.end = Some(Err(failure));
                    Some(Err(BrokenOff(name)))
                }
                Poll::Ready(Some(Ok(frame))) => Some(Ok(frame)),
                Poll::Ready(None) => None,
            },
        };
        // Settled at once, and not when the connection is done with it.
        if !matches!(polled, Some(Ok(_))) {
            self.0 = Source::Empty;
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Empty => true,
            Source::Own(text) => text.is_empty(),
            Source::Upstream(stream) => stream.call.end.is_some() && stream.ready.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Empty => SizeHint::with_exact(0),
            Source::Own(text) => SizeHint::with_exact(text.len() as u64),
            Source::Upstream(stream) if stream.strips => SizeHint::default(),
            Source::Upstream(stream) => {
                let ready = stream.ready.iter().map(|piece| piece.len() as u64).sum::<u64>();
                let hint = stream.body.size_hint();
                hint.exact()
                    .map_or_else(SizeHint::default, |rest| SizeHint::with_exact(rest + ready))
            }
        }
    }
}
