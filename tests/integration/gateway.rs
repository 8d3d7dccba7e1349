//! Calls of models through the gateway, to upstreams that behave as badly as upstreams can.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use crate::harness::{Page, json, settle, start, until};
use crate::load::process::Process;

/// A provider that does what the path of a call says.
struct Provider {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    bodies: Arc<Mutex<Vec<String>>>,
    /// Connections on which writing failed, because the gateway has left.
    left: Arc<AtomicUsize>,
}

const JSON_ANSWER: &str = r#"{"id":"c-1","model":"gpt-4o-2024","choices":[{"message":{"role":
"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,
"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}"#;
const EVENT: &str = "data: {\"id\":\"c-2\",\"choices\":[{\"delta\":{\"content\":\"word \"}}]}\n\n";
const USAGE: &str = "data: {\"id\":\"c-2\",\"choices\":[],\"usage\":{\"prompt_tokens\":11,\
                     \"completion_tokens\":3}}\n\n";
const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn provider() -> Provider {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let provider = Provider {
        address: listener.local_addr().unwrap(),
        heads: Arc::default(),
        bodies: Arc::default(),
        left: Arc::default(),
    };
    let (heads, bodies) = (Arc::clone(&provider.heads), Arc::clone(&provider.bodies));
    let left = Arc::clone(&provider.left);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (heads, bodies, left) = (heads.clone(), bodies.clone(), left.clone());
            thread::spawn(move || {
                let mut stream = stream;
                while let Some((head, body)) = read_request(&mut stream) {
                    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                    heads.lock().unwrap().push(head);
                    bodies.lock().unwrap().push(body.clone());
                    if answer(&mut stream, &path, &body).is_err() {
                        left.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                }
            });
        }
    });
    provider
}

/// Reads one request of a known length; `None` at the connection's end.
fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        read.push(byte[0]);
    }
    let head = String::from_utf8(read).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8_lossy(&body).into_owned()))
}

fn chunk(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    let framed = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    stream.write_all(&framed)
}

fn plain(stream: &mut TcpStream, headers: &str, body: &[u8]) -> std::io::Result<()> {
    let length = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\n{headers}content-length: {length}\r\n\r\n")?;
    stream.write_all(body)
}

fn answer(stream: &mut TcpStream, path: &str, body: &str) -> std::io::Result<()> {
    let what = path.split('/').nth(1).unwrap_or_default();
    let pause = || thread::sleep(Duration::from_millis(20));
    match what {
        "hang" => thread::sleep(Duration::from_secs(20)),
        "garbage" => stream.write_all(b"what you seek is not here\r\n\r\n")?,
        "huge" => {
            let header = format!("x-huge: {}\r\n", "h".repeat(400_000));
            plain(stream, &header, b"{}")?;
        }
        "reset" => {
            stream.write_all(STREAM_HEAD.as_bytes())?;
            chunk(stream, EVENT.as_bytes())?;
            // In the middle of a chunk.
            stream.write_all(b"fff\r\ndata: {\"id\"")?;
            stream.shutdown(Shutdown::Both)?;
        }
        "endless" => {
            stream.write_all(STREAM_HEAD.as_bytes())?;
            loop {
                chunk(stream, EVENT.as_bytes())?;
                pause();
            }
        }
        "flood" => {
            stream.write_all(STREAM_HEAD.as_bytes())?;
            loop {
                chunk(stream, EVENT.repeat(100).as_bytes())?;
            }
        }
        "bomb" => {
            plain(stream, "content-type: application/json\r\ncontent-encoding: gzip\r\n", &BOMB)?;
        }
        "stream" | "slow" => {
            stream.write_all(STREAM_HEAD.as_bytes())?;
            for _ in 0..if what == "slow" { 50 } else { 3 } {
                chunk(stream, EVENT.as_bytes())?;
                pause();
            }
            if body.contains("include_usage") {
                chunk(stream, USAGE.as_bytes())?;
            }
            chunk(stream, b"data: [DONE]\n\n")?;
            stream.write_all(b"0\r\n\r\n")?;
        }
        _ => {
            let headers = "content-type: application/json\r\nx-ratelimit-remaining-requests: 5\r\n";
            plain(stream, headers, JSON_ANSWER.as_bytes())?;
        }
    }
    Ok(())
}

/// Sixty-four mebibytes of spaces in front of a JSON object.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    for _ in 0..64 {
        encoder.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    encoder.write_all(b"{}").unwrap();
    encoder.finish().unwrap()
});

fn through(folder: &Path, provider: &Provider, more: &str) -> Process {
    let file = folder.join("pharos.yml");
    let address = provider.address;
    let text = format!(
        "gateway:\n  upstreams:\n    main:\n      url: http://{address}\n      \
         first_byte_timeout: 2s\n      max_response_bytes: 1MiB\n    dead:\n      \
         url: http://127.0.0.1:1\n      kind: anthropic\n{more}"
    );
    std::fs::write(&file, text).unwrap();
    start(&folder.join("data"), &["--config.file", file.to_str().unwrap()])
}

/// Begins a call; what comes back is read by the caller.
fn call(pharos: &Process, path: &str, headers: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(pharos.web).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let length = body.len();
    let head = format!(
        "POST /gateway/{path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         connection: close\r\n{headers}content-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    stream
}

/// All that a call gets back, also where it is broken off.
fn get(pharos: &Process, path: &str, headers: &str, body: &str) -> String {
    let mut stream = call(pharos, path, headers, body);
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    String::from_utf8_lossy(&all).into_owned()
}

const CHAT: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}]}"#;
const STREAM: &str =
    r#"{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Waits until so many calls have been counted.
fn counted(pharos: &Process, calls: f64) -> Page {
    let family = "gateway_requests_total";
    until("calls in the log", || Page::of(pharos).sum(family, &[]) >= calls);
    settle(pharos);
    Page::of(pharos)
}

#[test]
fn a_call_passes_and_is_counted() {
    let (provider, folder) = (provider(), folder());
    let pharos = through(folder.path(), &provider, "");
    let headers = "authorization: Bearer sk-secret\r\nx-tenant-id: acme\r\nx-request-id: mine\r\n\
                   traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    let answer = get(&pharos, "main/v1/chat/completions", headers, CHAT);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(JSON_ANSWER), "{answer}");
    assert!(answer.contains("x-request-id: mine\r\n"), "{answer}");
    let head = provider.heads.lock().unwrap()[0].clone();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{head}");
    for header in ["authorization: Bearer sk-secret", "x-request-id: mine", "x-tenant-id: acme"] {
        assert!(head.contains(header), "{head}");
    }
    assert!(head.contains("traceparent: 00-0af7651916cd43dd8448eb211c80319c-"), "{head}");
    assert!(!head.contains("b7ad6b7169203331"), "the parent is our span: {head}");

    let stream = get(&pharos, "main/stream/chat/completions", "", STREAM);
    assert_eq!(stream.matches("\"word \"").count(), 3, "{stream}");
    assert!(stream.contains("data: [DONE]") && !stream.contains("prompt_tokens"), "{stream}");
    let asked = provider.bodies.lock().unwrap()[1].clone();
    assert!(asked.contains("\"include_usage\":true"), "{asked}");
    let own =
        STREAM.replace("\"stream\"", "\"stream_options\":{\"include_usage\":true},\"stream\"");
    let stream = get(&pharos, "main/stream/chat/completions", "", &own);
    assert!(stream.contains("prompt_tokens"), "who asks for it gets it: {stream}");

    let page = counted(&pharos, 3.0);
    let model = [("provider", "openai"), ("model", "gpt-4o")];
    assert_eq!(page.sum("llm_requests_total", &model), 3.0, "{}", page.text());
    assert_eq!(page.sum("llm_tokens_total", &[("token_type", "prompt")]), 31.0);
    assert_eq!(page.sum("llm_tokens_total", &[("token_type", "completion")]), 8.0);
    assert_eq!(page.sum("llm_cached_tokens_total", &model), 4.0);
    assert_eq!(page.sum("llm_time_to_first_token_seconds_count", &model), 2.0);
    assert_eq!(page.sum("provider_rate_limit_remaining", &[("provider", "openai")]), 5.0);
    let gateway = [("gateway_id", "main"), ("method", "POST"), ("status", "200")];
    assert_eq!(page.sum("gateway_requests_total", &gateway), 3.0);
    assert_eq!(page.sum("gateway_active_connections", &[]), 0.0);
    let trace = json(&pharos, "/api/traces/0af7651916cd43dd8448eb211c80319c");
    let told = trace.to_string();
    assert!(told.contains("acme") && !told.contains("sk-secret"), "{told}");
}

#[test]
fn upstreams_that_fail_are_told_and_survived() {
    let (provider, folder) = (provider(), folder());
    let pharos = through(folder.path(), &provider, "");
    // Packing takes longer than the gateway waits.
    LazyLock::force(&BOMB);
    for (path, status, code) in [
        ("dead/v1/messages", "502", "\"type\":\"connect_failed\""),
        ("main/hang/chat/completions", "504", "\"code\":\"first_byte_timeout\""),
        ("main/garbage/chat/completions", "502", "\"code\":\"invalid_answer\""),
        ("main/huge/chat/completions", "502", "\"code\":\""),
    ] {
        let answer = get(&pharos, path, "authorization: Bearer sk-secret\r\n", CHAT);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
        assert!(answer.contains(code), "{path}: {answer}");
        assert!(!answer.contains("127.0.0.1") && !answer.contains("sk-secret"), "{answer}");
    }
    let reset = get(&pharos, "main/reset/chat/completions", "", STREAM);
    assert!(reset.contains("\"word \"") && !reset.ends_with("0\r\n\r\n"), "{reset}");
    let flood = get(&pharos, "main/flood/chat/completions", "", STREAM);
    assert!((500_000..1_400_000).contains(&flood.len()), "{}", flood.len());
    assert!(!flood.ends_with("0\r\n\r\n"), "an answer that is cut off says so");
    let packed = "accept-encoding: gzip\r\n";
    let mut stream = call(&pharos, "main/bomb/chat/completions", packed, CHAT);
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let head = String::from_utf8_lossy(&all[..all.len().min(500)]).into_owned();
    assert!(all.ends_with(&BOMB), "the caller gets the bomb as it is: {head}");
    let page = counted(&pharos, 7.0);
    for (reason, calls) in [
        ("connect_failed", 1.0),
        ("first_byte_timeout", 1.0),
        ("upstream_reset", 1.0),
        ("response_too_large", 1.0),
    ] {
        let counted = page.sum("pharos_gateway_failures_total", &[("reason", reason)]);
        assert_eq!(counted, calls, "{reason}: {}", page.text());
    }
    assert_eq!(page.sum("pharos_gateway_unmetered_total", &[("reason", "too_large")]), 1.0);
    assert_eq!(page.sum("gateway_active_connections", &[]), 0.0);
}

#[test]
fn a_caller_that_vanishes_ends_the_call_upstream() {
    let (provider, folder) = (provider(), folder());
    let pharos = through(folder.path(), &provider, "");
    let mut stream = call(&pharos, "main/endless/chat/completions", "", STREAM);
    // The head alone may come first; what is said is counted as far as it was seen.
    let mut seen = Vec::new();
    while !seen.windows(8).any(|it| it == b"\"content") {
        let mut some = [0; 512];
        let read = stream.read(&mut some).unwrap();
        assert!(read > 0, "the stream has no end");
        seen.extend_from_slice(&some[..read]);
    }
    drop(stream);
    until("an upstream that is left", || provider.left.load(Ordering::SeqCst) == 1);
    let page = counted(&pharos, 1.0);
    assert_eq!(page.sum("gateway_requests_total", &[("status", "499")]), 1.0, "{}", page.text());
    assert_eq!(page.sum("llm_requests_total", &[("status", "error")]), 1.0);
    assert!(page.sum("llm_tokens_total", &[("token_type", "completion")]) > 0.0);
    let found = json(&pharos, "/api/traces/search?status=error");
    let id = found["traces"][0]["trace_id"].as_str().unwrap().to_owned();
    let told = json(&pharos, &format!("/api/traces/{id}")).to_string();
    assert!(told.contains("client_disconnected") && told.contains("partial"), "{told}");
}

#[test]
fn bodies_come_as_slowly_as_they_like() {
    let (provider, folder) = (provider(), folder());
    let pharos = through(folder.path(), &provider, "");
    let mut stream = TcpStream::connect(pharos.web).unwrap();
    let length = CHAT.len();
    let head = format!(
        "POST /gateway/main/chat/completions HTTP/1.1\r\nhost: localhost\r\n\
         expect: 100-continue\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut go = [0; 25];
    stream.read_exact(&mut go).unwrap();
    assert!(go.starts_with(b"HTTP/1.1 100 Continue"), "{}", String::from_utf8_lossy(&go));
    for piece in CHAT.as_bytes().chunks(9) {
        stream.write_all(piece).unwrap();
        thread::sleep(Duration::from_millis(5));
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("HTTP/1.1 200") && answer.ends_with(JSON_ANSWER), "{answer}");
    assert_eq!(provider.bodies.lock().unwrap()[0], CHAT);
    assert!(!provider.heads.lock().unwrap()[0].contains("expect"));
}

#[test]
fn keys_of_pharos_stay_here() {
    let (provider, folder) = (provider(), folder());
    let key = "a-key-of-pharos-for-apps";
    std::fs::write(folder.path().join("key"), key).unwrap();
    std::fs::write(folder.path().join("read"), "another-key-for-readers").unwrap();
    let keys = "auth:\n  api_keys:\n    - {name: apps, role: ingest, key_file: key}\n    \
                - {name: people, role: read, key_file: read}\n";
    let pharos = through(folder.path(), &provider, keys);
    let theirs = "x-api-key: sk-ant-secret\r\n";
    let refused = get(&pharos, "main/chat/completions", theirs, CHAT);
    assert!(refused.starts_with("HTTP/1.1 401") && refused.contains("X-Pharos-Key"), "{refused}");
    let reader = "x-pharos-key: another-key-for-readers\r\n";
    assert!(get(&pharos, "main/chat/completions", reader, CHAT).starts_with("HTTP/1.1 401"));
    assert!(provider.heads.lock().unwrap().is_empty(), "nothing has reached the provider");
    let both = format!("{theirs}x-pharos-key: {key}\r\n");
    assert!(get(&pharos, "main/chat/completions", &both, CHAT).starts_with("HTTP/1.1 200"));
    let head = provider.heads.lock().unwrap()[0].clone();
    assert!(head.contains("sk-ant-secret") && !head.contains(key), "{head}");
}

#[test]
fn a_page_cannot_call_through_a_name_of_its_own() {
    let (provider, folder) = (provider(), folder());
    let pharos = through(folder.path(), &provider, "");
    let mut stream = TcpStream::connect(pharos.web).unwrap();
    let head = "POST /gateway/main/chat/completions HTTP/1.1\r\nhost: evil.example\r\n\
                connection: close\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("host_refused"), "{answer}");
    assert!(provider.heads.lock().unwrap().is_empty());
}

#[test]
fn a_stop_lets_streams_end_and_records_them() {
    let (provider, folder) = (provider(), folder());
    let pharos = through(folder.path(), &provider, "");
    let mut stream = call(&pharos, "main/slow/chat/completions", "", STREAM);
    let mut all = vec![0; 256];
    let read = stream.read(&mut all).unwrap();
    all.truncate(read);
    let stopping = thread::spawn(move || pharos.stop().unwrap());
    stream.read_to_end(&mut all).unwrap();
    let answer = String::from_utf8(all).unwrap();
    assert_eq!(answer.matches("\"word \"").count(), 50, "{answer}");
    assert!(answer.ends_with("0\r\n\r\n"), "{answer}");
    assert_eq!(stopping.join().unwrap(), Some(0));
    let pharos = through(folder.path(), &provider, "");
    let page = counted(&pharos, 1.0);
    assert_eq!(page.sum("llm_tokens_total", &[("token_type", "prompt")]), 11.0, "{}", page.text());
}
