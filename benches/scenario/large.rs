//! One very large trace, through the API.

use std::time::{Duration, Instant};

use pharos::otlp::write;

use super::{Row, row, start};
use crate::load::http::Sender;

const SPANS: u64 = 10_000;
const TRACE: [u8; 16] = *b"one large trace!";

pub fn run() -> Vec<Row> {
    let bench = start(&[]);
    let mut sender = Sender::connect(bench.pharos.otlp_http).unwrap();
    for first in (0..SPANS).step_by(500) {
        assert_eq!(sender.export("traces", &request(first)).unwrap().status, 200);
    }
    let mut web = Sender::connect(bench.pharos.web).unwrap();
    let trace: String = TRACE.iter().map(|byte| format!("{byte:02x}")).collect();
    let skeleton = format!("/api/traces/{trace}?view=skeleton");
    while web.get(&skeleton).unwrap().status != 200 {}
    let plain = web.get(&skeleton).unwrap().body.len();
    let packed = web.get_with(&skeleton, "accept-encoding: gzip\r\n").unwrap().body.len();
    let mut time = |path: &str, headers: &str| {
        let mut times: Vec<Duration> = (0..100)
            .map(|_| {
                let began = Instant::now();
                assert_eq!(web.get_with(path, headers).unwrap().status, 200);
                began.elapsed()
            })
            .collect();
        times.sort_unstable();
        format!("{:.2} ms", times[95].as_secs_f64() * 1e3)
    };
    let body = format!("/api/traces/{trace}/spans/{:016x}", 5_000);
    let each = plain as f64 / SPANS as f64;
    vec![
        row("skeleton of 10,000 spans", time(&skeleton, ""), "< 30 ms", String::new()),
        row("", time(&skeleton, "accept-encoding: gzip\r\n"), "", "compressed".to_owned()),
        row("", format!("{each:.1} B/span"), "<= 40 B", "plain".to_owned()),
        row("", format!("{} KB", packed / 1_000), "< 120 KB", "compressed".to_owned()),
        row("one of its spans", time(&body, ""), "< 10 ms", String::new()),
    ]
}

fn request(first: u64) -> Vec<u8> {
    let mut body = Vec::new();
    write::message_field(&mut body, 1, |out| {
        write::message_field(out, 2, |out| {
            for number in first..first + 500 {
                write::message_field(out, 2, |out| span(out, number));
            }
        });
    });
    body
}

fn span(out: &mut Vec<u8>, number: u64) {
    let start = 1_795_248_000_000_000_000 + number * 1_234_567;
    let id = number.max(1);
    write::bytes_field(out, 1, &TRACE);
    write::bytes_field(out, 2, &id.to_be_bytes());
    if number > 1 {
        write::bytes_field(out, 4, &(number / 7).max(1).to_be_bytes());
    }
    let names = ["chat gpt-4o-mini", "execute_tool search", "plan", "POST"];
    write::bytes_field(out, 5, names[(number % 4) as usize].as_bytes());
    write::fixed64_field(out, 7, start);
    write::fixed64_field(out, 8, start + 7_000_000 + number % 977 * 1_001);
    let text = |out: &mut Vec<u8>, key: &str, value: &str| {
        write::message_field(out, 9, |out| {
            write::bytes_field(out, 1, key.as_bytes());
            write::message_field(out, 2, |out| write::bytes_field(out, 1, value.as_bytes()));
        });
    };
    if number.is_multiple_of(4) {
        text(out, "gen_ai.operation.name", "chat");
        text(out, "gen_ai.request.model", "gpt-4o-mini");
        text(out, "gen_ai.usage.input_tokens", &(900 + number % 500).to_string());
        text(out, "gen_ai.prompt", &"a long prompt of this call ".repeat(40));
    }
}
