//! Reading back and being scraped, over half a million spans.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{Row, row, start};
use crate::load::http::Sender;
use crate::load::template::{Profile, Template};

const REQUESTS: u64 = 5_000;

pub fn run() -> Vec<Row> {
    let bench = start(&[]);
    let template = Template::new(Profile::Lean, 100);
    let mut sender = Sender::connect(bench.pharos.otlp_http).unwrap();
    let mut body = Vec::new();
    for number in 0..REQUESTS {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        template.stamp(number, now, &mut body);
        assert_eq!(sender.export("traces", &body).unwrap().status, 200);
    }
    let mut web = Sender::connect(bench.pharos.web).unwrap();
    let id: String = template.trace_ids(17)[3].iter().map(|byte| format!("{byte:02x}")).collect();
    let last = template.trace_ids(REQUESTS - 1)[0];
    let last: String = last.iter().map(|byte| format!("{byte:02x}")).collect();
    let fresh = Instant::now();
    while web.get(&format!("/api/traces/{last}")).unwrap().status != 200 {}
    let fresh = fresh.elapsed();
    let note = format!("{} spans stored", REQUESTS * template.spans);
    let mut time = |path: &str| {
        let mut times: Vec<Duration> = (0..20)
            .map(|_| {
                let began = Instant::now();
                let answer = web.get(path).unwrap();
                assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
                began.elapsed()
            })
            .collect();
        times.sort_unstable();
        format!("{:.2} ms", times[18].as_secs_f64() * 1e3)
    };
    vec![
        row("searchable after the ack", millis(fresh), "< 100 ms", note.clone()),
        row("trace by id", time(&format!("/api/traces/{id}")), "", "p95 of 20".to_owned()),
        row("newest 50 traces", time("/api/traces/search"), "", String::new()),
        row("one absent service", time("/api/traces/search?service=none"), "", note),
        row("/metrics", time("/metrics"), "", String::new()),
    ]
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
