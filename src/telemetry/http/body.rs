//! The body of an answer, which ends the request.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::telemetry::Request;

pin_project! {
    /// A body under whose end, error or loss the request is recorded, once.
    #[derive(Debug)]
    pub struct MeasuredBody<B> {
        #[pin]
        body: B,
        ending: Ending,
    }
}

/// The request while its body is under way.
#[derive(Debug)]
struct Ending {
    request: Option<Request>,
    status: u16,
    /// Whether nothing more is to come, so that a body may be dropped without being asked again.
    whole: bool,
}

impl<B: Body> MeasuredBody<B> {
    /// The body of an answer. One that nobody reads (an answer to `HEAD`, an empty one) has ended
    /// already.
    pub(super) fn new(body: B, request: Option<Request>, status: u16, unread: bool) -> Self {
        let whole = unread || body.is_end_stream();
        let mut ending = Ending { request, status, whole };
        if whole {
            ending.end(None);
        }
        Self { body, ending }
    }
}

impl<B: Body> Body for MeasuredBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(context));
        match &frame {
            None => this.ending.end(None),
            Some(Err(_)) => this.ending.end(Some("body_error")),
            // The time of the last byte counts, not that of the connection's next look at it.
            Some(Ok(_)) if this.body.is_end_stream() => this.ending.end(None),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Ending {
    fn end(&mut self, failure: Option<&str>) {
        let Some(mut request) = self.request.take() else { return };
        match failure {
            None => request.answered(self.status),
            Some(class) => request.failed(class),
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        // The status that was sent stays; that nobody got all of it is an error of its own.
        self.end((!self.whole).then_some("client_disconnected"));
    }
}
