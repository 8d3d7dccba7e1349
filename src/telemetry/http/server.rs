//! The layer for HTTP servers.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as Waker, Poll, ready};

use http::{Extensions, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::body::MeasuredBody;
use super::incoming;
use crate::limits;
use crate::telemetry::context::{Context, Scoped, scope};
use crate::telemetry::propagate::REQUEST_ID;
use crate::telemetry::recorders::{self, served};

/// How a route template is found among a request's extensions.
type Route = for<'e> fn(&'e Extensions) -> Option<&'e str>;

/// Measures what an HTTP server answers: `http_requests_total`, `http_request_duration_seconds`,
/// `active_connections`, and a span for each request.
///
/// The request's `traceparent`, `baggage`, `X-Request-Id`, `X-Tenant-Id`, `X-User-Id`,
/// `X-Agent-Id` and `X-Conversation-Id` become the [`Context`](crate::telemetry::Context) of
/// whatever serves it; the request id, sent or made, is returned with the answer.
///
/// A request ends with its body. One whose caller went away before the answer counts with status
/// `499`, one whose handler panicked with `500`; a body that breaks off keeps its status and counts
/// in `errors_total` as `client_disconnected` or `body_error`.
///
/// The route is looked up where the framework has put it. With axum, for which the layer is added
/// by `Router::layer`:
///
/// ```
/// use axum::extract::MatchedPath;
/// use axum::{Router, routing::get};
/// use pharos::telemetry::HttpServerLayer;
///
/// let measured = HttpServerLayer::new()
///     .route(|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str));
/// let app: Router = Router::new().route("/chat/{id}", get(async || "Hello")).layer(measured);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct HttpServerLayer {
    route: Route,
    believed: bool,
}

/// A service within [`HttpServerLayer`].
#[derive(Debug, Clone, Copy)]
pub struct HttpServer<S> {
    inner: S,
    layer: HttpServerLayer,
}

pin_project! {
    /// A request that is being served.
    #[derive(Debug)]
    pub struct HttpServerFuture<F> {
        #[pin]
        serving: Scoped<F>,
        span: tracing::Span,
        request: Option<recorders::Request>,
        request_id: Option<HeaderValue>,
        head: bool,
    }
}

impl HttpServerLayer {
    /// A layer that knows no routes: all requests are `unmatched`.
    pub fn new() -> Self {
        Self { route: |_| None, believed: true }
    }

    /// Where a request's extensions hold the template of its route.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.route = route;
        self
    }

    /// For a server that anybody can reach: neither the caller's trace nor what it says of
    /// tenant, user, agent and conversation is believed.
    #[must_use]
    pub fn open_to_anybody(mut self) -> Self {
        self.believed = false;
        self
    }
}

impl Default for HttpServerLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for HttpServerLayer {
    type Service = HttpServer<S>;

    fn layer(&self, inner: S) -> HttpServer<S> {
        HttpServer { inner, layer: *self }
    }
}

impl<S, A, B> Service<Request<A>> for HttpServer<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    B: Body,
{
    type Response = Response<MeasuredBody<B>>;
    type Error = S::Error;
    type Future = HttpServerFuture<S::Future>;

    fn poll_ready(&mut self, waker: &mut Waker<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(waker)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let context = incoming::context(request.headers(), self.layer.believed);
        let route = (self.layer.route)(request.extensions()).unwrap_or_default();
        let path = request.uri().path();
        let path = &path[..path.floor_char_boundary(limits::SPAN_PATH_BYTES)];
        let method = request.method();
        let measured = served(method.as_str(), route, Some(path), context.clone());
        let span = measured.span().clone();
        let head = *method == Method::HEAD;
        let request_id = context.request_id().and_then(|id| HeaderValue::from_str(id).ok());
        let serving = span.in_scope(|| call(&mut self.inner, request, context));
        HttpServerFuture { serving, span, request: Some(measured), request_id, head }
    }
}

fn call<S: Service<Request<A>>, A>(
    inner: &mut S,
    request: Request<A>,
    context: Context,
) -> Scoped<S::Future> {
    // What a service does before its first await is done for the request too.
    let future = context.run(|| inner.call(request));
    scope(context, future)
}

impl<F, B, E> Future for HttpServerFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<MeasuredBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, waker: &mut Waker<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = {
            let _inside = this.span.enter();
            ready!(this.serving.poll(waker))
        };
        let measured = this.request.take();
        // Otherwise the span would stay open as long as the future that nobody polls any more.
        *this.span = tracing::Span::none();
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                if let Some(mut measured) = measured {
                    measured.status(500);
                    measured.failed("service_error");
                }
                return Poll::Ready(Err(error));
            }
        };
        if let Some(id) = this.request_id.take() {
            answer.headers_mut().insert(REQUEST_ID, id);
        }
        let status = answer.status();
        let mut measured = measured;
        if let Some(measured) = &mut measured {
            measured.status(status.as_u16());
        }
        let unread = *this.head || is_bodiless(status);
        let measured =
            answer.map(|body| MeasuredBody::new(body, measured, status.as_u16(), unread));
        Poll::Ready(Ok(measured))
    }
}

/// Answers whose body is never sent.
fn is_bodiless(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}
