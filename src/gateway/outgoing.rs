//! The body of a request on its way upstream.

use std::collections::VecDeque;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;

use super::failure::TooLong;

/// What is sent.
pub(super) enum Outgoing {
    /// A body that was read before it is sent on.
    Held {
        pieces: VecDeque<Bytes>,
        /// The memory that it takes.
        _room: Option<OwnedSemaphorePermit>,
    },
    /// A body that goes on as it comes.
    Passing {
        body: Incoming,
        /// Bytes that may still come, of how many.
        left: u64,
        most: u64,
    },
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Held { pieces, .. } => {
                Poll::Ready(pieces.pop_front().map(|piece| Ok(Frame::data(piece))))
            }
            Self::Passing { body, left, most } => {
                let polled = Pin::new(body).poll_frame(context);
                let Poll::Ready(Some(Ok(frame))) = polled else {
                    return polled.map_err(Into::into);
                };
                let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
                match left.checked_sub(bytes) {
                    Some(rest) => *left = rest,
                    None => return Poll::Ready(Some(Err(Box::new(TooLong(*most))))),
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Held { pieces, .. } => pieces.is_empty(),
            Self::Passing { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Held { pieces, .. } => {
                SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum())
            }
            Self::Passing { body, .. } => body.size_hint(),
        }
    }
}
