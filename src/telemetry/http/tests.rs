//! The layers, around services made by hand.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context as Waker, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Empty, Full};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use super::{HttpClientLayer, HttpServerLayer};
use crate::metrics::Registry;
use crate::metrics::catalog;
use crate::telemetry::meter::doubles::{fresh, lines};
use crate::telemetry::spans::{Kept, attributes};
use crate::telemetry::{Context, scope};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A body that says so much and then fails, or never ends.
struct Broken {
    frames: usize,
    fails: bool,
}

impl Body for Broken {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Waker<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        if self.frames > 0 {
            self.frames -= 1;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))));
        }
        if self.fails { Poll::Ready(Some(Err("broken"))) } else { Poll::Pending }
    }
}

fn layer() -> HttpServerLayer {
    HttpServerLayer::new().route(|extensions| extensions.get::<&'static str>().copied())
}

fn get(headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().uri("/chat/42?token=x").extension("/chat/{id}");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

fn requests(registry: &Registry, status: &str) -> f64 {
    registry.total(&catalog::HTTP_REQUESTS, &[("status", status)])
}

fn errors(registry: &Registry, kind: &str) -> f64 {
    registry.total(&catalog::ERRORS, &[("kind", kind)])
}

#[tokio::test]
async fn a_request_is_measured_and_knows_whose_it_is() {
    let registry = fresh();
    let (kept, _subscriber) = Kept::install();
    let seen = service_fn(async |_: Request<()>| {
        tracing::info!("Served.");
        let context = Context::current();
        let said = format!("{:?} {:?}", context.tenant(), context.request_id());
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(said))))
    });
    let sent = [("baggage", "tenant.id=acme"), ("x-request-id", "r-1"), ("traceparent", PARENT)];
    let answer = layer().layer(seen).oneshot(get(&sent)).await.unwrap();
    assert_eq!(answer.headers()["x-request-id"], "r-1");
    assert_eq!(requests(registry, "200"), 0.0, "its body is under way");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "Some(\"acme\") Some(\"r-1\")");
    let counted = "http_requests_total{method=\"GET\",endpoint=\"/chat/{id}\",status=\"200\"} 1";
    assert!(lines(registry).contains(&counted.to_owned()));
    assert_eq!(registry.total(&catalog::HTTP_REQUEST_DURATION, &[("endpoint", "/chat/{id}")]), 1.0);
    let span = kept.span("GET /chat/{id}");
    assert_eq!(span.span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(
        attributes(&span),
        [
            "http.request.method=GET",
            "http.response.status_code=200",
            "http.route=/chat/{id}",
            "request_id=r-1",
            "tenant.id=acme",
            "url.path=/chat/42",
        ]
    );
    let line = &kept.lines()[0];
    assert_eq!((&line["request_id"], &line["tenant_id"]), (&"r-1".into(), &"acme".into()));
    assert_eq!(line["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(line["span_id"], span.span_context.span_id().to_string());
}

#[tokio::test]
async fn answers_without_a_body_to_read_end_at_once() {
    let registry = fresh();
    let full = || {
        service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"never read"))))
        })
    };
    let empty = service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let mut head = get(&[]);
    *head.method_mut() = http::Method::HEAD;
    drop(layer().layer(full()).oneshot(head).await.unwrap());
    drop(layer().layer(empty).oneshot(get(&[])).await.unwrap());
    assert_eq!(requests(registry, "200"), 2.0);
    assert_eq!(registry.total(&catalog::ERRORS, &[]), 0.0);
    // Its last frame was taken; nobody asks for what comes after.
    let answer = layer().layer(full()).oneshot(get(&[])).await.unwrap();
    let mut body = Box::pin(answer.into_body());
    assert!(body.frame().await.unwrap().is_ok());
    assert_eq!(requests(registry, "200"), 3.0);
    drop(body);
    assert_eq!((requests(registry, "200"), registry.total(&catalog::ERRORS, &[])), (3.0, 0.0));
}

#[tokio::test]
async fn bodies_that_break_and_callers_that_leave_count_once() {
    let registry = fresh();
    let broken = |fails| {
        service_fn(move |_: Request<()>| async move {
            Ok::<_, Infallible>(Response::new(Broken { frames: 1, fails }))
        })
    };
    let answer = layer().layer(broken(true)).oneshot(get(&[])).await.unwrap();
    assert!(answer.into_body().collect().await.is_err());
    assert_eq!((requests(registry, "200"), errors(registry, "body_error")), (1.0, 1.0));
    let answer = layer().layer(broken(false)).oneshot(get(&[])).await.unwrap();
    let mut body = Box::pin(answer.into_body());
    assert!(body.frame().await.unwrap().is_ok());
    drop(body);
    assert_eq!((requests(registry, "200"), errors(registry, "client_disconnected")), (2.0, 1.0));
    // Gone before there was an answer.
    let never = service_fn(|_: Request<()>| {
        std::future::pending::<Result<Response<Empty<Bytes>>, Infallible>>()
    });
    let mut waiting = Box::pin(layer().layer(never).oneshot(get(&[])));
    tokio::select! {
        biased;
        _ = &mut waiting => unreachable!("it never answers"),
        () = tokio::task::yield_now() => {}
    }
    drop(waiting);
    assert_eq!((requests(registry, "499"), errors(registry, "abandoned")), (1.0, 1.0));
    assert_eq!(registry.total(&catalog::HTTP_REQUESTS, &[]), 3.0);
}

#[tokio::test]
async fn failing_and_panicking_services() {
    let registry = fresh();
    let fails = service_fn(async |_: Request<()>| Err::<Response<Empty<Bytes>>, _>("no"));
    assert!(layer().layer(fails).oneshot(get(&[])).await.is_err());
    assert_eq!((requests(registry, "500"), errors(registry, "service_error")), (1.0, 1.0));
    let answers = service_fn(async |_: Request<()>| {
        let answer = Response::builder().status(503).body(Empty::<Bytes>::new());
        Ok::<_, Infallible>(answer.unwrap())
    });
    drop(layer().layer(answers).oneshot(get(&[])).await.unwrap());
    assert_eq!((requests(registry, "503"), errors(registry, "503")), (1.0, 1.0));
    let panics = service_fn(async |_: Request<()>| -> Result<Response<Empty<Bytes>>, Infallible> {
        panic!("expected")
    });
    let serving = std::panic::AssertUnwindSafe(layer().layer(panics).oneshot(get(&[])));
    let mut serving = Box::pin(serving.0);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let waker = std::task::Waker::noop();
        let _ = std::future::Future::poll(serving.as_mut(), &mut Waker::from_waker(waker));
    }));
    assert!(caught.is_err());
    assert_eq!((requests(registry, "500"), errors(registry, "panic")), (2.0, 1.0));
}

#[tokio::test]
async fn hostile_requests_stay_bounded() {
    let registry = fresh();
    let service = layer().layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    }));
    for index in 0..20 {
        let mut request = get(&[("x-request-id", "<script>"), ("x-tenant-id", &"t".repeat(9_000))]);
        *request.method_mut() = format!("M{index}").parse().unwrap();
        request.extensions_mut().clear();
        let answer = service.oneshot(request).await.unwrap();
        assert_eq!(answer.headers()["x-request-id"].len(), 32);
    }
    let other = [("method", "_OTHER"), ("endpoint", "unmatched"), ("status", "200")];
    assert_eq!(registry.total(&catalog::HTTP_REQUESTS, &other), 20.0);
}

/// A client that keeps the headers it was called with.
fn echo(
    status: u16,
) -> impl Service<Request<()>, Response = Response<HeaderMap>, Error = &'static str> {
    service_fn(move |request: Request<()>| async move {
        if status == 0 {
            return Err("unreachable");
        }
        let answer = Response::builder().status(status).body(request.headers().clone());
        Ok(answer.unwrap())
    })
}

fn outgoing() -> Request<()> {
    Request::builder().uri("http://billing:8080/charge").method("POST").body(()).unwrap()
}

#[tokio::test]
async fn a_call_tells_whose_it_is() {
    let registry = fresh();
    let (kept, _subscriber) = Kept::install();
    let context = Context::of_headers(|name| match name {
        "baggage" => Some("tenant.id=acme,colour=blue"),
        "x-request-id" => Some("r-1"),
        "traceparent" => Some(PARENT),
        "tracestate" => Some("vendor=1"),
        _ => None,
    });
    let call = HttpClientLayer::new().layer(echo(200)).oneshot(outgoing());
    let told = scope(context.clone(), call).await.unwrap().into_body();
    let span = kept.span("POST billing");
    let ids = (span.span_context.trace_id(), span.span_context.span_id());
    assert_eq!(told["traceparent"], format!("00-{}-{}-01", ids.0, ids.1));
    assert_eq!(
        (&told["baggage"], &told["x-request-id"]),
        (&"tenant.id=acme,colour=blue".parse().unwrap(), &"r-1".parse().unwrap())
    );
    let strangers = HttpClientLayer::new().service("openai").without_identity();
    let told = scope(context, strangers.layer(echo(404)).oneshot(outgoing())).await.unwrap();
    assert_eq!(told.body().get("baggage"), None);
    assert!(told.body().contains_key("traceparent"));
    assert!(HttpClientLayer::new().layer(echo(0)).oneshot(outgoing()).await.is_err());
    let counted = lines(registry);
    for line in [
        "service_calls_total{service_name=\"billing\",method=\"POST\",status=\"success\"} 1",
        "service_calls_total{service_name=\"billing\",method=\"POST\",status=\"error\"} 1",
        "service_calls_total{service_name=\"openai\",method=\"POST\",status=\"error\"} 1",
        "errors_total{kind=\"404\"} 1",
        "errors_total{kind=\"str\"} 1",
    ] {
        assert!(counted.contains(&line.to_owned()), "{line} in {counted:#?}");
    }
}
