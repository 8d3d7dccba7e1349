//! What surrounds every request: its id, its span, its time, a caught panic, safe headers.

use super::error::ApiError;
use super::request_id;
use super::traceparent::{self, TraceParent};
use super::{Shared, UNMATCHED};
use crate::clock;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tracing::Instrument as _;
use tracing::field::Empty;

/// The status of a request whose caller left before the answer, as proxies write it.
const CALLER_LEFT: u16 = 499;

/// One request that has been answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answered<'a> {
    /// The method, `_OTHER` for those that HTTP does not define.
    pub method: &'a str,
    /// The route's template, never the raw path.
    pub route: &'a str,
    /// The status code; 499 where the caller left before the answer.
    pub status: u16,
    /// From the first byte of the request's handling to the answer's head.
    pub seconds: f64,
}

/// Hears of every request of the API; `app` measures them and links spans to their callers'.
pub trait HttpObserver: Send + Sync {
    /// A request has begun. Every `started` is followed by one `finished`.
    fn started(&self);
    /// A request has ended.
    fn finished(&self, answered: Answered<'_>);
    /// A handler panicked; the caller got a 500.
    fn panicked(&self) {}
    /// The request's span has a parent elsewhere.
    fn called_from(&self, _span: &tracing::Span, _parent: &TraceParent) {}
}

/// The outermost layer.
pub(super) async fn observe(State(api): State<Shared>, request: Request, next: Next) -> Response {
    let observer = api.handles.http.clone();
    let id = request_id::accept_or_make(request.headers());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    let method = known_method(request.method());
    // The names of the HTTP conventions, so that whoever gets our spans understands them.
    let span = tracing::info_span!("http.request", otel.name = format!("{method} {route}"),
        otel.kind = "server", otel.status_code = Empty, request_id = %id, trace_id = Empty,
        http.request.method = method, http.route = route, http.response.status_code = Empty);
    if let Some(parent) = traceparent::of(request.headers()) {
        span.record("trace_id", tracing::field::display(parent.trace_id));
        observer.called_from(&span, &parent);
    }
    let mut finish = Finish::begin(observer.clone(), method, route.to_owned());
    let answer = survive(next.run(request)).instrument(span.clone()).await;
    let mut response = answer.unwrap_or_else(|| {
        observer.panicked();
        span.in_scope(|| ApiError::internal("a handler panicked").into_response())
    });
    finish.status = response.status().as_u16();
    span.record("http.response.status_code", i64::from(finish.status));
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    protect(response.headers_mut());
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(request_id::HEADER, id);
    }
    response
}

/// `None` where the future panicked: one bad request never takes others with it.
async fn survive<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(move |context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

/// Headers that keep a browser from doing more with an answer than show it. What a handler has
/// set itself stays.
fn protect(headers: &mut HeaderMap) {
    const DEFAULTS: [(HeaderName, &str); 6] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

fn known_method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

/// Reports the end of a request, also when its future is dropped because the caller left.
struct Finish {
    observer: Arc<dyn HttpObserver>,
    method: &'static str,
    route: String,
    begun: Instant,
    status: u16,
}

impl Finish {
    fn begin(observer: Arc<dyn HttpObserver>, method: &'static str, route: String) -> Self {
        observer.started();
        Self { observer, method, route, begun: clock::monotonic(), status: CALLER_LEFT }
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        let spent: Duration = self.begun.elapsed();
        let (method, route, status) = (self.method, self.route.as_str(), self.status);
        let seconds = spent.as_secs_f64();
        self.observer.finished(Answered { method, route, status, seconds });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_survived_also_after_a_wait() {
        assert_eq!(survive(async { 7 }).await, Some(7));
        let late = async {
            tokio::task::yield_now().await;
            assert!(std::hint::black_box(false), "on purpose");
        };
        assert_eq!(survive(late).await, None);
    }

    #[test]
    fn methods_from_outside_are_bounded() {
        assert_eq!(known_method(&Method::GET), "GET");
        assert_eq!(known_method(&Method::from_bytes(b"BREW").unwrap()), "_OTHER");
    }
}
