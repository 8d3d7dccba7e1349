//! The page with as many series as it may have, in both forms.

use std::thread;
use std::time::{Duration, Instant};

use pharos::otlp::write;

use super::{Bench, Row, mebibytes, row, start};
use crate::load::http::Sender;

/// Values of the label of each kind of operation: below what one label may have.
const NAMES: u64 = 190;
/// Series of each of the metrics of an app.
const POINTS: u64 = 980;
const NOW: u64 = 1_790_000_000_000_000_000;
const SCRAPES: usize = 15;

const OPEN: &str = "accept: application/openmetrics-text;version=1.0.0\r\n";

pub fn run() -> Vec<Row> {
    let bench = start(&[]);
    fill(&bench);
    let (page, _) = scrape(&bench, "");
    let series = page.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#")).count();
    let note = format!("{series} series, {}", mebibytes(page.len() as u64));
    let mut rows = vec![
        row("scrape: bytes", mebibytes(page.len() as u64), "< 5 MB", note.clone()),
        time(&bench, "scrape: text", "", "< 60 ms"),
        time(&bench, "scrape: OpenMetrics", OPEN, "< 60 ms"),
        time(&bench, "scrape: text, gzip", "accept-encoding: gzip\r\n", ""),
    ];
    rows.push(together(&bench));
    rows
}

fn time(bench: &Bench, figure: &str, headers: &str, aim: &'static str) -> Row {
    let mut times = Vec::new();
    let mut bytes = 0;
    for _ in 0..SCRAPES {
        let (page, took) = scrape(bench, headers);
        bytes = page.len();
        times.push(took);
    }
    times.sort_unstable();
    let note = format!("{}, slowest {}", mebibytes(bytes as u64), millis(times[SCRAPES - 1]));
    row(figure, millis(times[SCRAPES / 2]), aim, note)
}

/// Ten scrapers at once share renderings.
fn together(bench: &Bench) -> Row {
    let before = bench.pharos.cpu_seconds();
    let slowest = thread::scope(|scope| {
        let scrapers: Vec<_> = (0..10).map(|_| scope.spawn(|| scrape(bench, "").1)).collect();
        scrapers.into_iter().map(|scraper| scraper.join().unwrap()).max().unwrap()
    });
    let used = bench.pharos.cpu_seconds() - before;
    let note = format!("{:.0} ms of processor time", used * 1e3);
    row("scrape: ten at once, the slowest", millis(slowest), "", note)
}

fn scrape(bench: &Bench, headers: &str) -> (Vec<u8>, Duration) {
    let mut sender = Sender::connect(bench.pharos.web).unwrap();
    let began = Instant::now();
    let answer = sender.get_with("/metrics", headers).unwrap();
    assert_eq!(answer.status, 200);
    (answer.body, began.elapsed())
}

fn fill(bench: &Bench) {
    let mut sender = Sender::connect(bench.pharos.otlp_http).unwrap();
    let operations: [(&str, &str); 3] = [
        ("chat", "gen_ai.request.model"),
        ("execute_tool", "gen_ai.tool.name"),
        ("invoke_agent", "gen_ai.agent.name"),
    ];
    let mut number = 0;
    for index in 0..NAMES {
        for (operation, key) in operations {
            number += 1;
            let name = format!("name-{index}");
            let attributes = [("gen_ai.operation.name", operation), (key, &name)];
            let body = span(number, &attributes, index % 2 == 0);
            assert_eq!(sender.export("traces", &body).unwrap().status, 200);
        }
        number += 1;
        let route = format!("/route/{index}");
        let attributes = [("http.request.method", "GET"), ("http.route", &*route)];
        let body = span(number, &attributes, index % 2 == 0);
        assert_eq!(sender.export("traces", &body).unwrap().status, 200);
    }
    for metric in 0..5 {
        let body = gauge(metric);
        assert_eq!(sender.export("metrics", &body).unwrap().status, 200);
    }
    let settled = || {
        let (page, _) = scrape(bench, "");
        let page = String::from_utf8(page).unwrap();
        page.contains("pharos_projection_lag_bytes 0\n")
    };
    while !settled() {
        thread::sleep(Duration::from_millis(50));
    }
}

/// A request of one span of a server that took a second.
fn span(number: u64, attributes: &[(&str, &str)], failed: bool) -> Vec<u8> {
    let mut body = Vec::new();
    write::message_field(&mut body, 1, |out| {
        write::message_field(out, 2, |out| {
            write::message_field(out, 2, |out| {
                write::bytes_field(out, 1, &(u128::MAX - u128::from(number)).to_be_bytes());
                write::bytes_field(out, 2, &number.to_be_bytes());
                write::bytes_field(out, 5, b"work");
                write::varint_field(out, 6, 2);
                write::fixed64_field(out, 7, NOW);
                write::fixed64_field(out, 8, NOW + 1_000_000_000);
                attributes.iter().for_each(|(key, value)| text(out, 9, key, value));
                if failed {
                    write::message_field(out, 15, |out| write::varint_field(out, 3, 2));
                }
            });
        });
    });
    body
}

/// A request of one gauge with many series.
fn gauge(metric: u64) -> Vec<u8> {
    let mut body = Vec::new();
    write::message_field(&mut body, 1, |out| {
        write::message_field(out, 1, |out| text(out, 1, "service.name", "shop"));
        write::message_field(out, 2, |out| {
            write::message_field(out, 2, |out| {
                write::bytes_field(out, 1, format!("app.gauge.{metric}").as_bytes());
                write::message_field(out, 5, |out| {
                    for index in 0..POINTS {
                        write::message_field(out, 1, |out| {
                            write::fixed64_field(out, 3, NOW);
                            write::fixed64_field(out, 4, (index as f64 / 3.0).to_bits());
                            text(out, 7, "customer.segment", &format!("segment-{index}"));
                        });
                    }
                });
            });
        });
    });
    body
}

fn text(out: &mut Vec<u8>, number: u32, key: &str, value: &str) {
    write::message_field(out, number, |out| {
        write::bytes_field(out, 1, key.as_bytes());
        write::message_field(out, 2, |out| write::bytes_field(out, 1, value.as_bytes()));
    });
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
