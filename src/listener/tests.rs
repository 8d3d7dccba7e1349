//! The listener over real sockets.

use super::*;
use http_body_util::Full;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

type Reply = Result<Response<Full<Bytes>>, Infallible>;

async fn answer(request: Request<Incoming>) -> Reply {
    match request.uri().path() {
        "/panic" => panic!("as asked"),
        "/slow" => tokio::time::sleep(Duration::from_millis(300)).await,
        "/never" => std::future::pending().await,
        _ => {}
    }
    Ok(Response::new(Full::from("fine")))
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
    panics: Arc<AtomicUsize>,
}

async fn start(change: impl FnOnce(&mut ListenerOptions)) -> Running {
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let panics = Arc::new(AtomicUsize::new(0));
    let counted = panics.clone();
    let mut options = ListenerOptions {
        on_panic: Arc::new(move || _ = counted.fetch_add(1, Ordering::SeqCst)),
        ..ListenerOptions::default()
    };
    change(&mut options);
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(serve(listener, tower::service_fn(answer), options, async move {
        let _ = stopped.await;
    }));
    Running { address, stop, task, panics }
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text).await;
    text
}

#[tokio::test]
async fn a_panic_is_an_answer_and_is_counted() {
    let running = start(|_| {}).await;
    assert!(get(running.address, "/panic").await.starts_with("HTTP/1.1 500"));
    assert_eq!(running.panics.load(Ordering::SeqCst), 1);
    assert!(get(running.address, "/").await.ends_with("fine"));
}

#[tokio::test]
async fn a_stop_lets_requests_finish() {
    let running = start(|_| {}).await;
    let slow = tokio::spawn(get(running.address, "/slow"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stop.send(()).unwrap();
    assert!(slow.await.unwrap().ends_with("fine"));
    running.task.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let running = start(|options| options.drain = Duration::from_millis(50)).await;
    let never = tokio::spawn(get(running.address, "/never"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stop.send(()).unwrap();
    running.task.await.unwrap();
    assert_eq!(never.await.unwrap(), "");
}

#[tokio::test]
async fn slow_heads_are_closed_and_free_their_slot() {
    let running = start(|options| {
        options.connections = 2;
        options.patience.head = Duration::from_millis(200);
    })
    .await;
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    let mut slow = TcpStream::connect(running.address).await.unwrap();
    slow.write_all(b"GET / HT").await.unwrap();
    // Both slots are taken; this one is served once they are given up.
    assert!(get(running.address, "/").await.ends_with("fine"));
    let mut rest = Vec::new();
    let _ = silent.read_to_end(&mut rest).await;
    let _ = slow.read_to_end(&mut rest).await;
    assert_eq!(rest, b"");
}
