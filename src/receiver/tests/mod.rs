//! The doors over real sockets, with a pipeline that remembers what it was given.

mod abuse;
mod events;
mod fuzz;
mod grpc;
mod http_door;

use super::*;
use crate::listener::{self, ListenerOptions};
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A pipeline that remembers and answers as it is told.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) batches: Mutex<Vec<(Signal, Bytes, u32)>>,
    pub(super) answer: Mutex<Option<Result<Accepted, Refusal>>>,
}

impl Ingest for Kept {
    async fn ingest(
        self: Arc<Self>,
        signal: Signal,
        body: Bytes,
        items: u32,
        _hold: Box<dyn Send>,
    ) -> Result<Accepted, Refusal> {
        self.batches.lock().unwrap().push((signal, body, items));
        self.answer.lock().unwrap().clone().unwrap_or(Ok(Accepted::default()))
    }
}

/// Counts by reason.
#[derive(Default)]
pub(super) struct Counts(Mutex<BTreeMap<(&'static str, bool), u32>>);

impl DoorObserver for Counts {
    fn turned_away(&self, _: Signal, reason: &'static str, again: bool) {
        *self.0.lock().unwrap().entry((reason, again)).or_default() += 1;
    }

    fn left_out(&self, _: Signal, reason: &'static str, items: u32) {
        *self.0.lock().unwrap().entry((reason, false)).or_default() += items;
    }
}

/// A running receiver; dropping it stops it.
pub(super) struct Door {
    pub(super) address: SocketAddr,
    pub(super) kept: Arc<Kept>,
    pub(super) counts: Arc<Counts>,
    pub(super) budget: Arc<Budget>,
    _stop: oneshot::Sender<()>,
}

impl Door {
    pub(super) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub(super) async fn open_with(change: impl FnOnce(&mut ReceiverOptions)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (kept, counts) = (Arc::new(Kept::default()), Arc::new(Counts::default()));
        let budget = Budget::new(limits::INFLIGHT_BYTES);
        let mut options = ReceiverOptions::new(counts.clone());
        change(&mut options);
        let receiver = Receiver::new(kept.clone(), budget.clone(), options);
        let (stop, stopped) = oneshot::channel::<()>();
        let options = ListenerOptions::default();
        tokio::spawn(listener::serve(listener, receiver, options, async move {
            let _ = stopped.await;
        }));
        Self { address, kept, counts, budget, _stop: stop }
    }

    pub(super) fn count(&self, reason: &'static str) -> u32 {
        let counts = self.counts.0.lock().unwrap();
        counts.iter().filter(|((known, _), _)| *known == reason).map(|(_, count)| count).sum()
    }

    pub(super) fn batches(&self) -> usize {
        self.kept.batches.lock().unwrap().len()
    }

    /// Posts over a connection of its own.
    pub(super) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", body.len());
        self.raw(&[head.as_bytes(), body]).await
    }

    /// Writes pieces as they are and reads what comes back.
    pub(super) async fn raw(&self, pieces: &[&[u8]]) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        for piece in pieces {
            stream.write_all(piece).await.unwrap();
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        Reply::parse(&answer)
    }

    /// After whatever was done to it, an honest request is taken and nothing is held any more.
    pub(super) async fn still_works(&self) {
        let before = self.batches();
        let headers = [("content-type", "application/x-protobuf")];
        let reply = self.post("/v1/traces", &headers, &one_span()).await;
        assert_eq!((reply.status, reply.body.len()), (200, 0), "{}", reply.text());
        assert!(self.batches() > before);
        for _ in 0..200 {
            if self.budget.used_bytes() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} bytes are still held", self.budget.used_bytes());
    }
}

/// An HTTP/1.1 answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    fn parse(answer: &[u8]) -> Self {
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
        let head = std::str::from_utf8(&answer[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { status, headers, body: answer[end + 4..].to_vec() }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// The recorded bodies of one signal.
pub(super) fn fixtures(signal: Signal) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp");
    let ending = format!(".{}.pb", signal.name());
    let mut found = Vec::new();
    for library in fs::read_dir(root).unwrap().flatten() {
        let Ok(files) = fs::read_dir(library.path()) else { continue };
        for file in files.flatten() {
            if file.path().display().to_string().ends_with(&ending) {
                found.push(fs::read(file.path()).unwrap());
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// A traces request with one span.
pub(super) fn one_span() -> Vec<u8> {
    use crate::otlp::write::{bytes_field, message_field};
    let mut out = Vec::new();
    message_field(&mut out, 1, |out| {
        message_field(out, 2, |out| {
            message_field(out, 2, |out| {
                bytes_field(out, 1, &[7; 16]);
                bytes_field(out, 2, &[7; 8]);
                bytes_field(out, 5, b"chat");
            });
        });
    });
    out
}

pub(super) fn gzip(plain: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let level = flate2::Compression::default();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zlib(plain: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let level = flate2::Compression::default();
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 1).unwrap()
}
