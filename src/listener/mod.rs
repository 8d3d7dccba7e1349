//! Serving HTTP/1.1 and HTTP/2 on one socket, for the receivers and for the API alike.
//!
//! Every connection is watched ([`watch`]): one that sends its headers slowly, never reads its
//! answer or stays idle is closed. Connections are bounded, accept errors back off, a panic in a
//! handler becomes an answer ([`contain`]), and a stop lets what is in flight finish in time.

mod contain;
mod watch;

use crate::{clock, limits};
use bytes::Bytes;
use contain::Contained;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch as channel};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::Service;
use watch::{Activity, Verdict, Watched};

/// How one listener treats its connections.
#[derive(Clone)]
pub struct ListenerOptions {
    /// Connections at the same time; further ones wait in the kernel's queue.
    pub connections: usize,
    /// Patience with connections, see [`Patience`].
    pub patience: Patience,
    /// After a stop, how long requests in flight may take before they are cut off.
    pub drain: Duration,
    /// Called for every panic of a handler, after the handler was dropped.
    pub on_panic: Arc<dyn Fn() + Send + Sync>,
}

/// How long a connection may take for what.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From the first byte of a request's head to its last; also from accept to first byte.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// For the peer to take bytes of an answer.
    pub write: Duration,
    /// Without any request beginning or ending, or an answer going on, while some are in flight.
    pub stuck: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(limits::HEADER_TIMEOUT_SECONDS),
            idle: Duration::from_secs(limits::IDLE_TIMEOUT_SECONDS),
            write: Duration::from_secs(limits::WRITE_TIMEOUT_SECONDS),
            stuck: Duration::from_secs(limits::STUCK_TIMEOUT_SECONDS),
        }
    }
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self {
            connections: limits::CONNECTIONS,
            patience: Patience::default(),
            drain: Duration::from_secs(limits::DRAIN_TIMEOUT_SECONDS),
            on_panic: Arc::new(|| {}),
        }
    }
}

/// Binds a socket whose queue is long enough for a burst of senders: the standard library's holds
/// 128 connections, and those beyond it wait for a second or more.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(limits::BACKLOG_CONNECTIONS)
}

/// Serves `service` on `listener` until `stop` completes and what was in flight then has been
/// answered or `options.drain` has passed.
///
/// HTTP/2 is recognised by its preface (prior knowledge), anything else is HTTP/1.1.
pub async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    options: ListenerOptions,
    stop: impl Future<Output = ()>,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Default + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let slots = Arc::new(Semaphore::new(options.connections));
    let (stopping, stopped) = channel::channel(false);
    let house = Arc::new(House { service, builder: builder(), options });
    let mut connections = JoinSet::new();
    let mut accepting = true;
    let mut stop = pin!(stop);
    loop {
        // A slot comes before the connection: who has to wait waits in the kernel's queue.
        let accepted = async {
            let slot = slots.clone().acquire_owned().await;
            (listener.accept().await, slot)
        };
        let (accepted, slot) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                accepting = true;
                let (house, stopped) = (house.clone(), stopped.clone());
                connections.spawn(async move {
                    attend(stream, &house, stopped).await;
                    drop(slot);
                });
            }
            Err(error) if is_theirs(&error) => {}
            Err(error) => {
                // Once is enough: it is tried ten times a second until there is room again.
                if std::mem::replace(&mut accepting, false) {
                    tracing::warn!(%error, "No connection can be accepted at the moment.");
                }
                let pause = Duration::from_millis(limits::ACCEPT_BACKOFF_MILLISECONDS);
                tokio::time::sleep(pause).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let _ = stopping.send(true);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(house.options.drain, finished).await.is_err() {
        let cut = connections.len();
        tracing::warn!(cut, "Connections were cut off because they did not finish in time.");
        connections.shutdown().await;
    }
}

/// What every connection of a listener shares.
struct House<S> {
    service: S,
    builder: auto::Builder<TokioExecutor>,
    options: ListenerOptions,
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // hyper's header timeout also ends idle connections, so `watch` keeps both times instead.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None);
    builder.http1().max_buf_size(limits::HTTP1_BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(limits::HTTP2_WINDOW_BYTES)
        .initial_connection_window_size(limits::HTTP2_WINDOW_BYTES)
        .max_frame_size(limits::HTTP2_FRAME_BYTES)
        .max_concurrent_streams(limits::HTTP2_STREAMS)
        .max_header_list_size(limits::HTTP2_HEADER_LIST_BYTES)
        .max_pending_accept_reset_streams(limits::HTTP2_PENDING_RESETS)
        .max_local_error_reset_streams(limits::HTTP2_ERROR_RESETS)
        .keep_alive_interval(Duration::from_secs(limits::HTTP2_PING_SECONDS))
        .keep_alive_timeout(Duration::from_secs(limits::HTTP2_PING_TIMEOUT_SECONDS));
    builder
}

/// Whether accepting failed because the peer was gone already. Everything else (no file
/// descriptors, no memory) would fail again at once.
fn is_theirs(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

/// Serves one connection until it ends, is given up or the listener stops.
async fn attend<S, B>(stream: TcpStream, house: &House<S>, mut stopped: channel::Receiver<bool>)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Default + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    // Small answers leave at once instead of waiting for the peer's delayed acknowledgement.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let activity = Arc::new(Activity::new(clock::monotonic()));
    let io = TokioIo::new(Watched::new(stream, activity.clone()));
    let watched = activity.clone();
    let on_panic = house.options.on_panic.clone();
    let service = house.service.clone();
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let guard = Activity::begin(&watched, request.version());
        Contained::new(service.clone(), request, guard, on_panic.clone())
    });
    let mut connection = pin!(house.builder.serve_connection(io, service));
    let patience = house.options.patience;
    let mut wake = pin!(tokio::time::sleep(patience.head / 2));
    let mut leaving = false;
    loop {
        tokio::select! {
            // Errors here are the peer's: resets, bad framing, bytes that are not HTTP.
            _ = connection.as_mut() => return,
            _ = stopped.wait_for(|stopped| *stopped), if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
            }
            () = wake.as_mut() => match activity.verdict(clock::monotonic(), &patience) {
                Verdict::Wait(time) => wake.as_mut().reset(Instant::now() + time),
                Verdict::Leave if !leaving => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                    wake.as_mut().reset(Instant::now() + patience.head);
                }
                Verdict::Leave | Verdict::Close => return,
            },
        }
    }
}

#[cfg(test)]
mod tests;
