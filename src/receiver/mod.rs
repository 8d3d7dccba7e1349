//! Telemetry comes in: OTLP over gRPC and HTTP, and plain JSON events, all on every port.
//!
//! A request is checked, read within bounds ([`body`]), unpacked ([`unpack`]), counted and paid
//! for ([`admission`]) and handed to the pipeline; [`answer`] says what became of it. What is
//! not taken is a [`failure`], which knows its statuses for both doors and its reason.
//!
//! Invariant: bytes of a sender are only read by [`body`] and unpacked by [`unpack`].

mod admission;
mod answer;
mod body;
mod budget;
mod events;
mod failure;
mod otlp_grpc;
mod otlp_http;
mod unpack;

pub use answer::Answer;
pub use body::BodyBounds;
pub use budget::{Budget, NoRoom, Reservation};
pub use failure::Denied;

use crate::limits;
use crate::model::Signal;
use crate::pipeline::{Accepted, Pipeline, Refusal};
use crate::runs::Runs;
use admission::{Admission, Most, Prepared};
use bytes::Bytes;
use failure::Failure;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::Service;

/// Where admitted requests go.
pub trait Ingest: Send + Sync + 'static {
    /// Keeps `items` items of a protobuf export request. `hold` is the request's share of the
    /// memory budget and is dropped when the body is. The work goes on when the caller goes
    /// away: what was counted as received runs to its end.
    fn ingest(
        self: Arc<Self>,
        signal: Signal,
        body: Bytes,
        items: u32,
        hold: Box<dyn Send>,
    ) -> impl Future<Output = Result<Accepted, Refusal>> + Send;
}

impl Ingest for Pipeline {
    async fn ingest(
        self: Arc<Self>,
        signal: Signal,
        body: Bytes,
        items: u32,
        hold: Box<dyn Send>,
    ) -> Result<Accepted, Refusal> {
        Self::ingest(&self, signal, body, items, hold).await
    }
}

/// What the doors count. The pipeline counts what it was given.
pub trait DoorObserver: Send + Sync {
    /// A request was turned away before its items were counted. `again` says whether the same
    /// request may be taken another time.
    fn turned_away(&self, signal: Signal, reason: &'static str, again: bool);
    /// Items were left out of a request before the pipeline saw it: received and rejected.
    fn left_out(&self, signal: Signal, reason: &'static str, items: u32);
}

/// Whether the headers of a request carry a key that may send telemetry.
pub type KeyCheck = Arc<dyn Fn(&HeaderMap) -> Result<(), Denied> + Send + Sync>;

/// How the doors behave.
#[derive(Clone)]
pub struct ReceiverOptions {
    /// How bodies may come in.
    pub body: BodyBounds,
    /// The most bytes a body may have after unpacking.
    pub unpacked_bytes: usize,
    /// The most spans, log records or data points in one request.
    pub items: usize,
    /// The check of a request's key; `None` lets everybody in.
    pub check: Option<KeyCheck>,
    /// Whether telemetry can be kept, for gRPC's health check.
    pub ready: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Who counts what the doors turn away.
    pub observer: Arc<dyn DoorObserver>,
    /// The runs under way, whose ends may leave out when they began.
    pub runs: Arc<Runs>,
}

impl ReceiverOptions {
    /// The defaults of [`limits`], without keys.
    pub fn new(observer: Arc<dyn DoorObserver>) -> Self {
        Self {
            body: BodyBounds::default(),
            unpacked_bytes: limits::REQUEST_UNPACKED_BYTES,
            items: limits::REQUEST_ITEMS,
            check: None,
            ready: Arc::new(|| true),
            observer,
            runs: Arc::new(Runs::new(limits::RUN_ABANDONED_SECONDS * 1_000_000_000)),
        }
    }
}

/// The doors, as a service for [`crate::listener::serve`].
pub struct Receiver<P>(Arc<Shared<P>>);

impl<P> Clone for Receiver<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Shared<P> {
    pipeline: Arc<P>,
    admission: Admission,
    options: ReceiverOptions,
}

impl<P: Ingest> Receiver<P> {
    /// Doors in front of `pipeline`, whose requests in flight share `budget`.
    pub fn new(pipeline: Arc<P>, budget: Arc<Budget>, options: ReceiverOptions) -> Self {
        let most = Most { unpacked_bytes: options.unpacked_bytes, items: options.items };
        let admission = Admission::new(budget, options.body, most);
        Self(Arc::new(Shared { pipeline, admission, options }))
    }
}

impl<P, B> Service<Request<B>> for Receiver<P>
where
    P: Ingest,
    B: Body<Data = Bytes, Error: Send> + Send + 'static,
{
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Answer>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shared = self.0.clone();
        Box::pin(async move {
            Ok(if otlp_grpc::is_call(request.headers()) {
                otlp_grpc::answer(&shared, request).await
            } else if request.uri().path() == events::PATH {
                events::answer(&shared, request).await
            } else {
                otlp_http::answer(&shared, request).await
            })
        })
    }
}

impl<P> Shared<P> {
    fn check(&self, headers: &HeaderMap) -> Result<(), Failure> {
        match &self.options.check {
            Some(check) => check(headers).map_err(Failure::Denied),
            None => Ok(()),
        }
    }

    fn visit(&self, signal: Signal) -> Visit<'_> {
        Visit { observer: &*self.options.observer, signal, noted: false }
    }
}

impl<P: Ingest> Shared<P> {
    /// Hands a request to the pipeline.
    async fn ingest(
        &self,
        signal: Signal,
        prepared: Prepared,
        hold: Reservation,
    ) -> Result<Accepted, Failure> {
        let Prepared { body, items, rejected } = prepared;
        let observer = &self.options.observer;
        let left_out =
            [("invalid_id", rejected.invalid_ids), ("invalid_value", rejected.invalid_values)];
        let mut rejected_items = 0;
        for (reason, items) in left_out.into_iter().filter(|(_, items)| *items > 0) {
            observer.left_out(signal, reason, items);
            rejected_items += u64::from(items);
        }
        let mut accepted = Accepted::default();
        if items > 0 {
            let pipeline = self.pipeline.clone();
            accepted = pipeline.ingest(signal, body, items, Box::new(hold)).await?;
        }
        accepted.rejected += rejected_items;
        accepted.message = accepted.message.or(rejected.message);
        Ok(accepted)
    }
}

/// One request on its way through a door; turned away it is counted, also when its sender goes
/// away and the call is dropped.
struct Visit<'a> {
    observer: &'a dyn DoorObserver,
    signal: Signal,
    noted: bool,
}

impl Visit<'_> {
    /// Notes how the request fared before the pipeline.
    fn note<T>(&mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        self.noted = true;
        if let Err(failure) = &outcome {
            self.observer.turned_away(self.signal, failure.reason(), failure.again());
        }
        outcome
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if !self.noted {
            let failure = Failure::Disconnected;
            self.observer.turned_away(self.signal, failure.reason(), failure.again());
        }
    }
}

#[cfg(test)]
mod tests;
