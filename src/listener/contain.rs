//! Containing a request: its panic becomes an answer, and it counts as in flight until the last
//! byte of its answer is taken.

use super::watch::InFlight;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Service, ServiceExt};

/// The call of one request.
pub(super) struct Contained<B> {
    call: Pin<Box<dyn Future<Output = Result<Response<B>, Infallible>> + Send>>,
    grpc: bool,
    guard: Option<InFlight>,
    on_panic: Arc<dyn Fn() + Send + Sync>,
}

impl<B: Send + 'static> Contained<B> {
    pub(super) fn new<S>(
        service: S,
        request: Request<Incoming>,
        guard: InFlight,
        on_panic: Arc<dyn Fn() + Send + Sync>,
    ) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send,
        S: 'static,
        S::Future: Send + 'static,
    {
        let content_type = request.headers().get(CONTENT_TYPE);
        let grpc = content_type.is_some_and(|kind| kind.as_bytes().starts_with(GRPC));
        let call = Box::pin(service.oneshot(request));
        Self { call, grpc, guard: Some(guard), on_panic }
    }
}

const GRPC: &[u8] = b"application/grpc";

impl<B: Default> Future for Contained<B> {
    type Output = Result<Response<Counted<B>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // After a panic the call is dropped and never polled again, so nothing sees what the
        // panic left half done.
        let polled = catch_unwind(AssertUnwindSafe(|| self.call.as_mut().poll(context)));
        let response = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(response))) => response,
            Err(_) => {
                (self.on_panic)();
                broken(self.grpc)
            }
        };
        let guard = self.guard.take();
        Poll::Ready(Ok(response.map(|body| Counted { body, guard })))
    }
}

/// The answer after a panic; gRPC carries its status in a header of a 200.
fn broken<B: Default>(grpc: bool) -> Response<B> {
    let mut response = Response::new(B::default());
    if grpc {
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-status", HeaderValue::from_static("13"));
        headers.insert("grpc-message", HeaderValue::from_static("internal error"));
    } else {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    response
}

/// An answer's body that keeps its request in flight.
pub(super) struct Counted<B> {
    body: B,
    guard: Option<InFlight>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Counted<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let (Poll::Ready(Some(Ok(_))), Some(guard)) = (&polled, &self.guard) {
            guard.progress();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
