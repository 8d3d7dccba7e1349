//! Seeded mutations of recorded bodies through everything that reads a sender's bytes.
//!
//! `PHAROS_SEEDS` sets how many; each failure names its seed.

use super::*;
use crate::otlp::{count, json, read};
use crate::redaction::{ItemHead, RedactionOptions, Redactor, Verdict};
use fastrand::Rng;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

const SEEDS: u64 = 20_000;

/// A recorded body as protobuf and as JSON.
struct Seed {
    signal: Signal,
    protobuf: Vec<u8>,
    json: Vec<u8>,
}

fn corpus() -> Vec<Seed> {
    let mut corpus = Vec::new();
    for signal in Signal::ALL {
        for protobuf in fixtures(signal) {
            let body = &protobuf[..];
            let json = match signal {
                Signal::Traces => {
                    serde_json::to_vec(&ExportTraceServiceRequest::decode(body).unwrap())
                }
                Signal::Logs => {
                    serde_json::to_vec(&ExportLogsServiceRequest::decode(body).unwrap())
                }
                Signal::Metrics => {
                    serde_json::to_vec(&ExportMetricsServiceRequest::decode(body).unwrap())
                }
            };
            corpus.push(Seed { signal, json: json.unwrap(), protobuf });
        }
    }
    corpus
}

/// Changes a few places the way damage and malice do.
fn mutate(body: &[u8], other: &[u8], random: &mut Rng) -> Vec<u8> {
    let mut body = body.to_vec();
    for _ in 0..random.usize(1..8) {
        if body.is_empty() {
            break;
        }
        let at = random.usize(..body.len());
        let run = random.usize(1..=16.min(body.len() - at));
        match random.u8(..9) {
            0 => body[at] ^= 1 << random.u8(..8),
            1 => body[at] = random.u8(..),
            2 => body.truncate(at),
            3 => drop(body.drain(at..at + run)),
            4 => {
                let from = random.usize(..other.len());
                let piece = &other[from..(from + random.usize(1..256)).min(other.len())];
                body.splice(at..at, piece.iter().copied());
            }
            5 => {
                let piece = body[at..at + run].to_vec();
                body.splice(at..at, piece.repeat(random.usize(1..64)));
            }
            6 => drop(body.splice(at..at, [0xff; 10])),
            7 => {
                let words: [&[u8]; 12] = [
                    b"\"",
                    b"{",
                    b"]",
                    b"null",
                    b"-1e999",
                    b"\\ud800",
                    b"[[[[[[[[",
                    b"NaN",
                    b"\x0a\x00",
                    b"\x12\x00",
                    b"18446744073709551616",
                    b"\xed\xa0\x80",
                ];
                body.splice(at..at, random.choice(words).unwrap().iter().copied());
            }
            _ => {
                let to = random.usize(..body.len());
                body.swap(at, to);
            }
        }
    }
    body
}

/// Everything that reads protobuf; what redaction gives back must be readable by all others.
fn check(redactor: &Redactor, signal: Signal, body: &[u8]) {
    let counted = count::count(signal, body, limits::REQUEST_ITEMS);
    let _ = read::records(body, |_, record| {
        let _ = (read::span(record), read::log_record(record));
        Ok(())
    });
    let mut asked = 0;
    let copied = redactor.copy(signal, body, &mut |_: &ItemHead<'_>| {
        asked += 1;
        Verdict::Keep
    });
    if let (Ok(copied), Ok(counted)) = (copied, counted) {
        assert!(asked <= counted.items);
        let again = count::count(signal, &copied.body, limits::REQUEST_ITEMS)
            .expect("what was copied is well formed");
        assert_eq!(again.items as u64, u64::from(copied.kept));
        match signal {
            Signal::Traces => drop(ExportTraceServiceRequest::decode(&copied.body[..]).unwrap()),
            Signal::Logs => drop(ExportLogsServiceRequest::decode(&copied.body[..]).unwrap()),
            Signal::Metrics => {
                drop(ExportMetricsServiceRequest::decode(&copied.body[..]).unwrap());
            }
        }
    }
}

#[test]
fn mutated_bodies_harm_nobody() {
    let seeds = std::env::var("PHAROS_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    let seeds: u64 = seeds.unwrap_or(SEEDS);
    let corpus = corpus();
    let redactor = Redactor::new(&RedactionOptions::default()).unwrap();
    let workers = 2;
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let (corpus, redactor) = (&corpus, &redactor);
            scope.spawn(move || {
                for number in (worker..seeds).step_by(workers as usize) {
                    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        one(corpus, redactor, number);
                    }));
                    assert!(outcome.is_ok(), "seed {number} panicked");
                }
            });
        }
    });
}

fn one(corpus: &[Seed], redactor: &Redactor, number: u64) {
    let mut random = Rng::with_seed(number);
    let seed = &corpus[random.usize(..corpus.len())];
    let other = &corpus[random.usize(..corpus.len())];
    if number.is_multiple_of(2) {
        let body = mutate(&seed.protobuf, &other.protobuf, &mut random);
        check(redactor, seed.signal, &body);
    } else {
        let body = mutate(&seed.json, &other.json, &mut random);
        if let Ok(transcoded) =
            json::transcode(seed.signal, &body, limits::REQUEST_ITEMS, &mut |_| true)
        {
            count::count(seed.signal, &transcoded.body, limits::REQUEST_ITEMS)
                .expect("what was written is well formed");
            check(redactor, seed.signal, &transcoded.body);
        }
    }
}
