//! The layer for HTTP clients.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as Waker, Poll, ready};

use http::header::Entry;
use http::{HeaderName, HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::metrics::catalog;
use crate::telemetry::Context;
use crate::telemetry::guard::{Ended, Guard, Kind};
use crate::telemetry::propagate::headers_of;
use crate::telemetry::recorders::{method_label, work_span};

/// Measures the calls of an HTTP client, `service_calls_total` and
/// `service_call_duration_seconds`, with a span for each, and tells the other side of the current
/// trace (`traceparent`), whose work it is (`baggage`) and the request's id (`X-Request-Id`).
///
/// A call ends with the head of its answer; from status 400 on it has failed.
///
/// ```
/// use pharos::telemetry::HttpClientLayer;
/// use tower::{ServiceBuilder, service_fn};
///
/// let sender = service_fn(async |request: http::Request<String>| {
///     Ok::<_, std::convert::Infallible>(http::Response::new(request.into_body()))
/// });
/// let client = ServiceBuilder::new().layer(HttpClientLayer::new()).service(sender);
/// ```
#[derive(Debug, Clone, Default)]
pub struct HttpClientLayer {
    service: Option<Cow<'static, str>>,
    without_identity: bool,
}

/// A service within [`HttpClientLayer`].
#[derive(Debug, Clone)]
pub struct HttpClient<S> {
    inner: S,
    layer: HttpClientLayer,
}

pin_project! {
    /// A call that waits for its answer.
    #[derive(Debug)]
    pub struct HttpClientFuture<F> {
        #[pin]
        calling: F,
        call: Guard<Call>,
    }
}

/// What is known of a call.
#[derive(Debug)]
pub struct Call {
    service: Box<str>,
    method: &'static str,
}

impl HttpClientLayer {
    /// A layer that calls a service by the host of its URL.
    pub fn new() -> Self {
        Self::default()
    }

    /// How the service is called, in place of its host.
    #[must_use]
    pub fn service(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// For services of others: they are not told of tenant, user, agent and conversation.
    #[must_use]
    pub fn without_identity(mut self) -> Self {
        self.without_identity = true;
        self
    }
}

impl<S> Layer<S> for HttpClientLayer {
    type Service = HttpClient<S>;

    fn layer(&self, inner: S) -> HttpClient<S> {
        HttpClient { inner, layer: self.clone() }
    }
}

impl<S, A, B> Service<Request<A>> for HttpClient<S>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = HttpClientFuture<S::Future>;

    fn poll_ready(&mut self, waker: &mut Waker<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(waker)
    }

    fn call(&mut self, mut request: Request<A>) -> Self::Future {
        let context = Context::current();
        let call = begin(&self.layer, &request, &context);
        let identity = !self.layer.without_identity;
        for (name, value) in headers_of(&context, &call.span, identity) {
            let Ok(value) = HeaderValue::try_from(value) else { continue };
            // What the caller has set by hand stays, except for the trace: it is this call's.
            match request.headers_mut().entry(HeaderName::from_static(name)) {
                Entry::Occupied(mut there) if name.starts_with("trace") => {
                    there.insert(value);
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(free) => {
                    free.insert(value);
                }
            }
        }
        let calling = call.span.in_scope(|| self.inner.call(request));
        HttpClientFuture { calling, call }
    }
}

fn begin<A>(layer: &HttpClientLayer, request: &Request<A>, context: &Context) -> Guard<Call> {
    let uri = request.uri();
    let host = uri.host().unwrap_or("unknown");
    let service = layer.service.as_deref().unwrap_or(host);
    let method = method_label(request.method().as_str());
    let span = work_span!("client", "http_call", format!("{method} {service}"), context, {
        "http.request.method" = method,
        "http.response.status_code" = tracing::field::Empty,
        "server.address" = host,
        "server.port" = uri.port_u16(),
        "pharos.event.type" = layer.service.as_ref().map(|_| "service_call"),
        "pharos.service.name" = layer.service.as_deref(),
        "pharos.service.method" = layer.service.as_ref().map(|_| method),
    });
    Guard::begin(Call { service: service.into(), method }, span, context.clone())
}

impl<F, B, E> Future for HttpClientFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, waker: &mut Waker<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = {
            let _inside = this.call.span.enter();
            ready!(this.calling.poll(waker))
        };
        match &answer {
            Ok(answer) => {
                let status = answer.status();
                let code = i64::from(status.as_u16());
                this.call.span.record("http.response.status_code", code);
                match status.as_u16() {
                    400.. => this.call.failed(status.as_str()),
                    _ => this.call.success(),
                }
            }
            Err(_) => this.call.settle(&answer),
        }
        Poll::Ready(answer)
    }
}

impl Kind for Call {
    fn end(&mut self, ended: &Ended<'_>) {
        let labels = [&*self.service, self.method];
        ended.count(&catalog::SERVICE_CALLS, &[labels[0], labels[1], ended.status()], 1);
        ended.observe(&catalog::SERVICE_CALL_DURATION, &labels, ended.seconds);
    }
}
