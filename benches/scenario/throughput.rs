//! Spans per second, CPU per span, latency of an acknowledged request.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fs, thread};

use super::{Bench, Row, mebibytes, row, seconds, start};
use crate::load::grpc;
use crate::load::http::Sender;
use crate::load::template::{Profile, Template};

/// Connections that send at once; each waits for its acknowledgement before the next request.
pub(super) const CONNECTIONS: u64 = 8;

struct Outcome {
    spans_per_second: f64,
    cpu_per_million: f64,
    latencies: Vec<Duration>,
    peak_rss: u64,
    disk_per_span: f64,
}

type Export = Box<dyn FnMut(&[u8]) + Send>;
type Connect = fn(&Bench) -> Export;

pub fn lean() -> Vec<Row> {
    let outcome = closed_loop(&Template::new(Profile::Lean, 100), http);
    rows("lean HTTP", &outcome, "≥ 150,000", "≤ 5, aim 3", "< 256 MB")
}

pub fn fat() -> Vec<Row> {
    let outcome = closed_loop(&Template::new(Profile::Fat, 50), http);
    rows("fat HTTP", &outcome, "≥ 30,000", "", "< 256 MB")
}

pub fn grpc() -> Vec<Row> {
    let outcome = closed_loop(&Template::new(Profile::Lean, 100), |bench| {
        let mut sender = grpc::Sender::connect(bench.pharos.otlp_grpc);
        Box::new(move |body| sender.export(body))
    });
    rows("lean gRPC", &outcome, "HTTP / 1.5", "", "< 256 MB")
}

/// p99 of an acknowledged request at half the promised load, paced.
pub fn latency() -> Vec<Row> {
    const RATE: u64 = 75_000;
    let bench = start(&[]);
    let template = Template::new(Profile::Lean, 100);
    let pause = Duration::from_secs_f64(CONNECTIONS as f64 * template.spans as f64 / RATE as f64);
    let latencies = drive(&bench, &template, http, Some(pause));
    let note = format!("{RATE} spans/s, p50 {}", millis(&latencies, 0.50));
    vec![row("p99 at half load", millis(&latencies, 0.99), "< 50 ms", note)]
}

pub(super) fn http(bench: &Bench) -> Export {
    let address: SocketAddr = bench.pharos.otlp_http;
    let mut sender = Sender::connect(address).unwrap();
    Box::new(move |body| {
        let answer = sender.export("traces", body).unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    })
}

fn closed_loop(template: &Template, connect: Connect) -> Outcome {
    let bench = start(&[]);
    let cpu = bench.pharos.cpu_seconds();
    let began = Instant::now();
    let latencies = drive(&bench, template, connect, None);
    let spans = latencies.len() as f64 * template.spans as f64;
    Outcome {
        spans_per_second: spans / began.elapsed().as_secs_f64(),
        cpu_per_million: (bench.pharos.cpu_seconds() - cpu) / spans * 1e6,
        latencies,
        peak_rss: bench.pharos.peak_rss_bytes(),
        disk_per_span: bytes_under(bench.folder.path()) as f64 / spans,
    }
}

/// Sends for `seconds()` and returns the sorted latencies. With a pause, requests are due at
/// fixed times and a late one counts from when it was due.
pub(super) fn drive(
    bench: &Bench,
    template: &Template,
    connect: Connect,
    pause: Option<Duration>,
) -> Vec<Duration> {
    let until = Instant::now() + seconds();
    let mut all = thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let mut send = connect(bench);
                scope.spawn(move || {
                    let (mut body, mut latencies) = (Vec::new(), Vec::new());
                    let mut number = connection;
                    let mut due = Instant::now();
                    while Instant::now() < until {
                        let began = match pause {
                            Some(pause) => {
                                thread::sleep(due.saturating_duration_since(Instant::now()));
                                due += pause;
                                due - pause
                            }
                            None => Instant::now(),
                        };
                        template.stamp(number, unix_nanos(), &mut body);
                        send(&body);
                        latencies.push(began.elapsed());
                        number += CONNECTIONS;
                    }
                    latencies
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    all.sort_unstable();
    all
}

fn rows(
    name: &str,
    outcome: &Outcome,
    rate: &'static str,
    cpu: &'static str,
    rss: &'static str,
) -> Vec<Row> {
    let latency = format!(
        "p50 {}, p99 {}, {CONNECTIONS} connections",
        millis(&outcome.latencies, 0.5),
        millis(&outcome.latencies, 0.99)
    );
    let per_second = format!("{:.0} spans/s", outcome.spans_per_second);
    vec![
        row(name, per_second, rate, latency),
        row("", format!("{:.2} CPU s", outcome.cpu_per_million), cpu, "per million".to_owned()),
        row("", mebibytes(outcome.peak_rss), rss, "peak RSS".to_owned()),
        row(
            "",
            format!("{:.0} B/span", outcome.disk_per_span),
            "",
            "log and blocks, at the end of the load".to_owned(),
        ),
    ]
}

fn bytes_under(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_under(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

pub(super) fn millis(sorted: &[Duration], quantile: f64) -> String {
    let at = ((sorted.len() as f64 * quantile) as usize).min(sorted.len().saturating_sub(1));
    let value = sorted.get(at).copied().unwrap_or_default();
    format!("{:.2} ms", value.as_secs_f64() * 1e3)
}

fn unix_nanos() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}
