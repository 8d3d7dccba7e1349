//! Traces and spans of absurd size, and questions that nobody means well: every answer is
//! bounded, from the log and from blocks, and telemetry is taken all the while.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pharos::otlp::write;
use serde_json::Value;

use super::folder;
use super::steps::fill;
use crate::harness::{Page, count, get, json, settle, start, until};
use crate::load::http::Sender;
use crate::load::process::Process;
use crate::load::template::Profile;
use crate::oracle::{Oracle, hex};

const MIB: usize = 1024 * 1024;
const NOW: u64 = 1_800_000_000_000_000_000;
/// No answer may be larger: the API's bound on a trace's records, told as JSON.
const ANSWER_BYTES: usize = 256 * MIB;

fn request(spans: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut body = Vec::new();
    write::message_field(&mut body, 1, |out| {
        write::message_field(out, 2, |out| {
            spans.for_each(|span| write::bytes_field(out, 2, &span));
        });
    });
    body
}

fn span(trace: u8, id: u64) -> Vec<u8> {
    let mut span = Vec::new();
    write::bytes_field(&mut span, 1, &[trace; 16]);
    write::bytes_field(&mut span, 2, &id.to_be_bytes());
    if id > 1 {
        write::bytes_field(&mut span, 4, &(id / 2).to_be_bytes());
    }
    write::bytes_field(&mut span, 5, b"step");
    write::fixed64_field(&mut span, 7, NOW + id);
    write::fixed64_field(&mut span, 8, NOW + id + 1);
    span
}

fn text(out: &mut Vec<u8>, field: u32, key: &str, value: &[u8]) {
    write::message_field(out, field, |out| {
        write::bytes_field(out, 1, key.as_bytes());
        write::message_field(out, 2, |out| write::bytes_field(out, 1, value));
    });
}

/// Closes the segment that is written to and waits until all are blocks.
fn seal_all(pharos: Process, folder: &std::path::Path) -> Process {
    assert_eq!(pharos.stop().unwrap(), Some(0));
    let pharos = start(folder, &[]);
    until("blocks of all closed segments", || {
        Page::of(&pharos).sum("pharos_store_unsealed_segments", &[]) == 0.0
    });
    settle(&pharos);
    pharos
}

fn bounded(pharos: &Process, path: &str) -> Value {
    let began = Instant::now();
    let answer = get(pharos, path);
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    eprintln!("{path}: {} bytes in {:?}", answer.body.len(), began.elapsed());
    assert!(answer.body.len() < ANSWER_BYTES, "{path}: {} bytes", answer.body.len());
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn a_trace_of_a_million_spans_is_answered_in_bounded_parts() {
    let folder = folder();
    let spans = count("PHAROS_TRACE_SPANS", 1_000_000);
    let mut pharos = start(folder.path(), &[]);
    let mut sender = Sender::connect(pharos.otlp_http).unwrap();
    for from in (1..=spans).step_by(50_000) {
        let part = request((from..(from + 50_000).min(spans + 1)).map(|id| span(7, id)));
        assert_eq!(sender.export("traces", &part).unwrap().status, 200);
    }
    settle(&pharos);
    let id = hex(&[7; 16]);
    for place in ["log", "blocks"] {
        let trace = bounded(&pharos, &format!("/api/traces/{id}"));
        let told = trace["spans"].as_array().unwrap().len() as u64;
        assert!(told == spans || (told >= 10_000 && trace["truncated"] == true), "{place}: {told}");
        let skeleton = bounded(&pharos, &format!("/api/traces/{id}?view=skeleton"));
        let counted = skeleton["span_count"].as_u64().unwrap();
        assert!(counted == spans || skeleton["truncated"] == true, "{place}: {counted}");
        assert!(counted >= spans.min(100_000), "{place}: {counted}");
        assert!(skeleton["next"].is_number() || counted <= 100_000, "{place}");
        let one = format!("/api/traces/{id}/spans/{:016x}", spans / 2);
        assert_eq!(bounded(&pharos, &one)["span"]["name"], "step", "{place}");
        let found = bounded(&pharos, "/api/traces/search?name=step");
        assert_eq!(found["traces"].as_array().unwrap().len(), 1, "{place}");
        bounded(&pharos, &format!("/api/investigate/{id}"));
        pharos = seal_all(pharos, folder.path());
    }
    assert!(pharos.peak_rss_bytes() < 2_048 * MIB as u64, "{}", pharos.peak_rss_bytes());
}

#[test]
fn one_span_with_ten_megabytes_or_ten_thousand_events_is_told_in_pieces() {
    let folder = folder();
    let mut pharos = start(folder.path(), &[]);
    let large = "a long story about orders and refunds, ".repeat(10 * MIB / 39);
    let mut fat = span(8, 1);
    text(&mut fat, 9, "story", large.as_bytes());
    let mut eventful = span(9, 1);
    for event in 0..10_000_u64 {
        write::message_field(&mut eventful, 11, |out| {
            write::fixed64_field(out, 1, NOW + event);
            write::bytes_field(out, 2, b"tick");
        });
    }
    let mut crowded = span(10, 1);
    for attribute in 0..10_000 {
        text(&mut crowded, 9, &format!("key.{attribute}"), b"value");
    }
    let mut sender = Sender::connect(pharos.otlp_http).unwrap();
    for body in [fat, eventful, crowded] {
        let answer = sender.export("traces", &request([body].into_iter())).unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }
    settle(&pharos);
    for place in ["log", "blocks"] {
        let one = |trace: u8| format!("/api/traces/{}/spans/{:016x}", hex(&[trace; 16]), 1);
        let story = &bounded(&pharos, &one(8))["span"]["attributes"]["story"];
        assert_eq!(story["bytes"], large.len(), "{place}");
        assert!(story["text"].as_str().unwrap().len() < MIB, "{place}");
        let ticks = bounded(&pharos, &one(9));
        assert_eq!(ticks["span"]["events"].as_array().unwrap().len(), 10_000, "{place}");
        let crowd = bounded(&pharos, &one(10));
        let attributes = crowd["span"]["attributes"].as_object().unwrap().len();
        assert_eq!(attributes, 1_024, "{place}");
        assert_eq!(crowd["span"]["dropped_attributes"], 10_000 - 1_024, "{place}");
        for trace in [8, 9, 10] {
            bounded(&pharos, &format!("/api/traces/{}", hex(&[trace; 16])));
            bounded(&pharos, &format!("/api/investigate/{}", hex(&[trace; 16])));
        }
        let found = bounded(&pharos, "/api/traces/search?text=story%20about%20orders");
        assert_eq!(found["traces"].as_array().unwrap().len(), 1, "{place}");
        pharos = seal_all(pharos, folder.path());
    }
}

/// Percent-encoded.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Questions that must be answered with 400, and such as must not.
fn questions() -> (Vec<String>, Vec<String>) {
    let search = |query: &str| format!("/api/traces/search?{query}");
    let bad = ["limit=1000000000", "limit=-1", "limit=0", "cursor=AAAA", "from=yesterday", "text="];
    let mut bad: Vec<String> = bad.map(search).into();
    bad.push(search(&format!("text={}", "x".repeat(5_000))));
    bad.push("/api/logs?limit=1000000000".to_owned());
    bad.push("/api/traces/../../etc/passwd".to_owned());
    bad.push(format!("/api/traces/{}", encoded("../../../../etc/passwd")));
    let mut good: Vec<String> = Vec::new();
    for hostile in [
        "(a+)+$",
        "%_%_%",
        "' OR 1=1; --",
        "\0\0\0\0",
        "\u{202e}\u{1f980}",
        "\\\\\\\"\"",
        &"ab".repeat(1_000),
        "{\"$gt\": \"\"}",
        "../../../../etc/passwd",
    ] {
        good.push(search(&format!("text={}", encoded(hostile))));
        good.push(search(&format!("service={}", encoded(hostile))));
        good.push(search(&format!("attr={}:{0}", encoded(&hostile.replace(':', "")))));
        good.push(format!("/api/logs?text={}", encoded(hostile)));
    }
    good.push(search("from=2017-01-01T00:00:00Z&to=2027-01-01T00:00:00Z&limit=1000"));
    good.push("/api/conversations?hours=87600".to_owned());
    good.push("/api/tools/stats?hours=87600".to_owned());
    good.push("/api/requests/stats?from=2017-01-01T00:00:00Z&to=2027-01-01T00:00:00Z".to_owned());
    (bad, good)
}

/// What may be said to a question: the answer, what is wrong with it, or to come again.
fn is_clear(status: u16) -> bool {
    matches!(status, 200 | 400 | 404 | 429 | 503)
}

#[test]
fn abuse_of_questions_is_answered_and_telemetry_is_taken_all_the_while() {
    let folder = folder();
    let oracle = Oracle::new(Profile::Lean);
    // Of what is asked for, most stands in blocks and some in the log.
    fill(folder.path(), &oracle, 24);
    let pharos = start(folder.path(), &[]);
    until("blocks of all closed segments", || {
        Page::of(&pharos).sum("pharos_store_unsealed_segments", &[]) == 0.0
    });
    let (bad, good) = questions();
    for path in &bad {
        let answer = get(&pharos, path);
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
        assert!(!answer.body.windows(5).any(|window| window == b"root:"), "{path}");
    }
    for path in &good {
        let answer = get(&pharos, path);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 200, "{path}: {text}");
    }
    let stop = AtomicBool::new(false);
    let unclear = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| oracle.load(pharos.otlp_http, 1, Duration::from_millis(5), &stop));
        let asking: Vec<_> = (0..200)
            .map(|number| {
                let (good, unclear, web) = (&good, &unclear, pharos.web);
                scope.spawn(move || {
                    let path = &good[number % good.len()];
                    let answer = Sender::connect(web).and_then(|mut sender| sender.get(path));
                    let clear = answer.is_ok_and(|answer| is_clear(answer.status));
                    unclear.fetch_add(u64::from(!clear), Ordering::Relaxed);
                    // Some ask and leave at once.
                    if let Ok(mut gone) = TcpStream::connect(web) {
                        let head = format!("GET {path} HTTP/1.1\r\nhost: {web}\r\n\r\n");
                        let _ = gone.write_all(head.as_bytes());
                    }
                })
            })
            .collect();
        asking.into_iter().for_each(|asking| asking.join().unwrap());
        until("an answer after all of them", || {
            get(&pharos, "/api/traces/search?limit=1000").status == 200
        });
        let before = oracle.acknowledged();
        until("telemetry that is taken", || oracle.acknowledged() > before + 10);
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(unclear.into_inner(), 0, "unclear answers");
    assert_eq!(oracle.answers().keys().collect::<Vec<_>>(), [&200]);
    assert_eq!(json(&pharos, "/health")["status"], "healthy");
    assert_eq!(Page::of(&pharos).sum("pharos_panics_total", &[]), 0.0);
    oracle.check_traces(&pharos);
    oracle.check_search(&pharos);
    assert_eq!(pharos.stop().unwrap(), Some(0));
}
