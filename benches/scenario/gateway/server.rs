//! Servers of the bench's own process: a provider's stand-in, and the proxy that is the limit.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Interval;

use super::MODEL;

/// Bytes of a whole answer's body.
const ANSWER_BYTES: usize = 409;
/// Chunks of a stream after the first.
pub const CHUNKS: u32 = 20;
/// Time between two chunks.
pub const PAUSE: Duration = Duration::from_millis(20);

/// A server on threads of its own; it ends when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A provider that answers at once, and streams at its pace.
pub fn provider() -> Server {
    serve(|_| provide)
}

/// A reverse proxy that reads nothing: what any gateway made of hyper costs at least.
pub fn plain_proxy(upstream: SocketAddr) -> Server {
    let authority: Authority = upstream.to_string().parse().unwrap();
    serve(move |_| {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build::<_, Incoming>(connector);
        move |mut request: Request<Incoming>| {
            let mut parts = std::mem::take(request.uri_mut()).into_parts();
            parts.scheme = Some(Scheme::HTTP);
            parts.authority = Some(authority.clone());
            *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
            client.request(request)
        }
    })
}

/// Serves HTTP/1.1 on a free port with what `make` makes on the server's runtime.
fn serve<M, H, F, B, E>(make: M) -> Server
where
    M: FnOnce(SocketAddr) -> H,
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let handler = make(address);
    runtime.spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            drop(stream.set_nodelay(true));
            let handler = handler.clone();
            tokio::spawn(async move {
                // A caller that leaves is no news here: the load counts what it did not get.
                let connection = http1::Builder::new();
                drop(connection.serve_connection(TokioIo::new(stream), service_fn(handler)).await);
            });
        }
    });
    Server { address, runtime: Some(runtime) }
}

type Provided = Response<Either<Full<Bytes>, Chunks>>;

async fn provide(request: Request<Incoming>) -> Result<Provided, hyper::Error> {
    // Every answer has an id of its own: two answers with one id are one call.
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let asked = request.into_body().collect().await?.to_bytes();
    let says = |text: &str| asked.windows(text.len()).any(|window| window == text.as_bytes());
    let stream = says("\"stream\":true") || says("\"stream\": true");
    let (kind, body) = if stream {
        ("text/event-stream", Either::Right(Chunks::new(number, says("include_usage"))))
    } else {
        ("application/json", Either::Left(Full::new(answer(number))))
    };
    let mut response = Response::new(body);
    let value = http::HeaderValue::from_static(kind);
    response.headers_mut().insert(http::header::CONTENT_TYPE, value);
    Ok(response)
}

fn answer(number: u64) -> Bytes {
    let head = format!(
        "{{\"id\":\"chatcmpl-{number:016x}\",\"object\":\"chat.completion\",\"created\":1790000000,\
         \"model\":\"{MODEL}\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\
         \"content\":\""
    );
    let tail = "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\
                \"completion_tokens\":12,\"total_tokens\":21}}";
    let said = "a".repeat(ANSWER_BYTES.saturating_sub(head.len() + tail.len()));
    Bytes::from([&head, &said, tail].concat())
}

/// The body of a stream: a chunk at once, then one after every pause, then the end.
struct Chunks {
    left: u32,
    every: Interval,
    word: Bytes,
    end: Bytes,
}

impl Chunks {
    fn new(number: u64, usage: bool) -> Self {
        let event = |choices: &str, more: &str| {
            format!(
                "data: {{\"id\":\"chatcmpl-{number:016x}\",\"object\":\"chat.completion.chunk\",\
                 \"created\":1790000000,\"model\":\"{MODEL}\",\"choices\":[{choices}]{more}}}\n\n"
            )
        };
        let word = "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"word \"},\
                    \"finish_reason\":null}";
        let mut end = event("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}", "");
        if usage {
            let usage = ",\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":21,\
                         \"total_tokens\":30}";
            end.push_str(&event("", usage));
        }
        end.push_str("data: [DONE]\n\n");
        let every = tokio::time::interval(PAUSE);
        Self { left: CHUNKS + 2, every, word: event(word, "").into(), end: end.into() }
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        ready!(self.every.poll_tick(context));
        self.left -= 1;
        let bytes = if self.left == 0 { &self.end } else { &self.word };
        Poll::Ready(Some(Ok(Frame::data(bytes.clone()))))
    }
}
