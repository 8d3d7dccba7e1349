//! Shipping from a real log to a target that answers as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::model::Signal;
use crate::otlp::{read, write};
use crate::storage::fs::RealFs;
use crate::storage::{Batch, Durability, Log, LogOptions};

/// A target that answers every request by what `judge` says of its body.
struct Target {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<Vec<u8>>>>,
}

type Judge = Box<dyn FnMut(&[u8]) -> (u16, &'static str) + Send>;

fn target(mut judge: Judge) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let store = Arc::clone(&taken);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, &mut judge, &store);
        }
    });
    Target { address, taken }
}

/// Reads one request and answers it, closing the connection.
fn answer(stream: TcpStream, judge: &mut Judge, store: &Mutex<Vec<Vec<u8>>>) {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).is_ok_and(|bytes| bytes > 2) {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let (status, headers) = judge(&body);
    if status == 200 {
        store.lock().unwrap().push(body);
    }
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n");
    let _ = reader.get_mut().write_all(format!("{head}{headers}\r\n").as_bytes());
}

#[derive(Default)]
struct Counts(Mutex<Vec<(String, u64)>>);

impl Counts {
    fn add(&self, what: &str, items: u64) {
        self.0.lock().unwrap().push((what.to_owned(), items));
    }

    fn of(&self, what: &str) -> u64 {
        let all = self.0.lock().unwrap();
        all.iter().filter(|(name, _)| name == what).map(|(_, items)| items).sum()
    }
}

impl ForwardObserver for Counts {
    fn sent(&self, _: &str, _: Signal, items: u64) {
        self.add("sent", items);
    }
    fn failed(&self, _: &str, _: Signal, items: u64) {
        self.add("failed", items);
    }
    fn expired(&self, _: &str, _: Signal, items: u64) {
        self.add("expired", items);
    }
    fn request(&self, _: &str, outcome: &'static str) {
        self.add(outcome, 1);
    }
}

fn options(address: SocketAddr) -> TargetOptions {
    // The binary installs the provider at start; here the first test does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    TargetOptions {
        name: "second".to_owned(),
        endpoint: format!("http://{address}"),
        protocol: Protocol::Http,
        headers: vec![("x-scope".to_owned(), "tenant".to_owned())],
        gzip: false,
        signals: vec![Signal::Traces],
        timeout: Duration::from_secs(5),
        tls: TlsOptions::default(),
    }
}

fn open(folder: &Path) -> Arc<Log> {
    let options = LogOptions { durability: Durability::Os, ..LogOptions::default() };
    Arc::new(Log::open(Arc::new(RealFs), folder, options).unwrap())
}

fn batch(name: &str) -> Batch {
    let mut body = Vec::new();
    write::message_field(&mut body, 1, |out| {
        write::message_field(out, 2, |out| {
            write::message_field(out, 2, |out| {
                write::bytes_field(out, 1, &[1; 16]);
                write::bytes_field(out, 2, &[2; 8]);
                write::bytes_field(out, 5, name.as_bytes());
            });
        });
    });
    Batch { signal: Signal::Traces, arrived_ns: 1, items: 1, body: Bytes::from(body) }
}

fn names(requests: &[Vec<u8>]) -> Vec<String> {
    let mut names = Vec::new();
    for request in requests {
        read::spans(request, |_, span| names.push(span.name.to_owned())).unwrap();
    }
    names
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not happen within 30 s");
}

fn start(log: &Arc<Log>, folder: &Path, target: &Target, counts: &Arc<Counts>) -> Shipper {
    let observer: Arc<dyn ForwardObserver> = Arc::clone(counts) as _;
    let cursors = folder.join("cursors");
    let runtime = tokio::runtime::Handle::current();
    let fs = Arc::new(RealFs);
    Shipper::start(options(target.address), log, fs, &cursors, observer, &runtime).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_isolates_poison_and_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    for number in 0..10 {
        log.append(batch(&format!("span {number}"))).await.unwrap();
    }
    log.append(batch("poison")).await.unwrap();
    let mut unwilling = 2;
    let target = target(Box::new(move |body| {
        if unwilling > 0 {
            unwilling -= 1;
            return (503, "retry-after: 0\r\n");
        }
        match memchr::memmem::find(body, b"poison") {
            Some(_) => (400, ""),
            None => (200, ""),
        }
    }));
    let counts = Arc::new(Counts::default());
    let shipper = start(&log, folder.path(), &target, &counts);
    until("delivery", || counts.of("sent") == 10 && counts.of("failed") == 1);
    assert_eq!(counts.of("retry"), 2);
    let expected: Vec<String> = (0..10).map(|number| format!("span {number}")).collect();
    assert_eq!(names(&target.taken.lock().unwrap()), expected);
    until("an empty queue", || shipper.status(5).queue_bytes == 0);
    tokio::task::spawn_blocking(move || shipper.stop()).await.unwrap();

    log.append(batch("after the stop")).await.unwrap();
    let shipper = start(&log, folder.path(), &target, &counts);
    until("the rest", || counts.of("sent") == 11);
    assert_eq!(names(&target.taken.lock().unwrap()).last().unwrap(), "after the stop");
    tokio::task::spawn_blocking(move || shipper.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_down_falls_behind_and_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    log.append(batch("waiting")).await.unwrap();
    // A port that nobody listens on any more.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let target = Target { address, taken: Arc::default() };
    let counts = Arc::new(Counts::default());
    let shipper = start(&log, folder.path(), &target, &counts);
    until("a try", || counts.of("retry") > 0);
    let status = shipper.status(3_000_000_001);
    assert!(status.queue_bytes > 0 && status.last_error.is_some());
    assert!((status.lag_seconds - 3.0).abs() < 1e-6);
    tokio::task::spawn_blocking(move || shipper.stop()).await.unwrap();
    assert_eq!(counts.of("sent") + counts.of("failed"), 0);
}

#[tokio::test]
async fn bad_options_say_what_is_wrong() {
    let address = "127.0.0.1:1".parse().unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut bad = options(address);
    bad.endpoint = "not a url".to_owned();
    assert!(matches!(super::http::HttpTarget::new(&bad), Err(TargetError::Endpoint(_))));
    let mut bad = options(address);
    bad.headers = vec![("x".to_owned(), "line\nbreak".to_owned())];
    assert!(matches!(super::http::HttpTarget::new(&bad), Err(TargetError::Header(_))));
    assert!(matches!(super::grpc::GrpcTarget::new(&bad), Err(TargetError::Header(_))));
    let mut bad = options(address);
    bad.tls.ca_file = Some("/nonexistent/ca.pem".into());
    assert!(matches!(super::http::HttpTarget::new(&bad), Err(TargetError::Certificate { .. })));
    let shown = format!("{:?}", options(address));
    assert!(!shown.contains("tenant"), "header values may be secrets: {shown}");
}
