//! JSON events: how many a second, at which cost, and whether each one was counted.

use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use super::throughput::millis;
use super::{Bench, Row, row, start};
use crate::load::http::Sender;

/// Connections that send at once; each waits for its answer before the next body.
const CONNECTIONS: u64 = 4;
const LENGTH: Duration = Duration::from_secs(5);

/// Groups of ten events in a body: the begin and end of an agent's run and what it did.
const GROUPS: usize = 50;
const CALLS_PER_GROUP: usize = 5;
const EVENTS: usize = GROUPS * 10;

/// What stands where the number of the body goes; as long as the number in hexadecimal.
const HOLE: &str = "@@@@@@@@@@@@@@@@";

pub fn run() -> Vec<Row> {
    let bench = start(&[]);
    let template = Template::new();
    let cpu = bench.pharos.cpu_seconds();
    let began = Instant::now();
    let latencies = drive(&bench, &template);
    let events = (latencies.len() * EVENTS) as f64;
    let per_second = events / began.elapsed().as_secs_f64();
    let calls = latencies.len() * GROUPS * CALLS_PER_GROUP;
    let behind = Instant::now();
    count(&bench, calls as u64);
    // Read after all of it is measured, so that nothing of the work is left out.
    let cpu = (bench.pharos.cpu_seconds() - cpu) / events * 1e6;
    let note = format!(
        "p50 {}, p99 {} for {EVENTS} events, {CONNECTIONS} connections",
        millis(&latencies, 0.5),
        millis(&latencies, 0.99)
    );
    let counted = format!("measured {:.1} s after the last answer", behind.elapsed().as_secs_f64());
    vec![
        row("JSON events", format!("{per_second:.0} events/s"), "≥ 50,000", note),
        row("", format!("{cpu:.2} CPU s"), "", "per million, all of it measured".to_owned()),
        row("", format!("{calls} calls"), "all that was accepted", counted),
    ]
}

/// Sends for five seconds and returns the sorted times that the answers took.
fn drive(bench: &Bench, template: &Template) -> Vec<Duration> {
    let until = Instant::now() + LENGTH;
    let mut all = thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let mut sender = Sender::connect(bench.pharos.otlp_http).unwrap();
                let mut body = template.clone();
                scope.spawn(move || {
                    let (mut latencies, mut number) = (Vec::new(), connection);
                    while Instant::now() < until {
                        let text = body.stamp(number);
                        let began = Instant::now();
                        let answer = sender.post_json("/v1/events", "", text).unwrap();
                        latencies.push(began.elapsed());
                        let told = String::from_utf8_lossy(&answer.body);
                        assert_eq!(answer.status, 200, "{told}");
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

/// Waits until every call that was accepted is on the page, and sees that there are no more.
fn count(bench: &Bench, accepted: u64) {
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        let counted = calls(bench);
        assert!(counted <= accepted, "{counted} calls were counted of {accepted}");
        if counted == accepted {
            break;
        }
        assert!(Instant::now() < until, "only {counted} calls were counted of {accepted}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn calls(bench: &Bench) -> u64 {
    let mut sender = Sender::connect(bench.pharos.web).unwrap();
    let answer = sender.get("/metrics").unwrap();
    assert_eq!(answer.status, 200);
    let page = String::from_utf8(answer.body).unwrap();
    let series = page.lines().filter(|line| line.starts_with("llm_requests_total{"));
    series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as u64
}

/// A body of which only the number in its ids is to be written anew.
#[derive(Clone)]
struct Template {
    text: String,
    holes: Vec<Range<usize>>,
}

impl Template {
    fn new() -> Self {
        let mut text = String::new();
        for group in 0..GROUPS {
            let mut event = |kind: &str, rest: &str| {
                text.push_str(&format!("{{\"type\":\"{kind}\",\"service\":\"shop\","));
                text.push_str(&format!("\"run_id\":\"{HOLE}-{group}\",\"agent\":\"planner\""));
                text.push_str(&format!("{rest}}}\n"));
            };
            event("agent_run_start", r#","tenant":"acme""#);
            for call in 0..CALLS_PER_GROUP {
                let id = format!(r#","id":"{HOLE}-{group}-llm-{call}","tenant":"acme""#);
                event("llm_call", &(id + LLM));
            }
            for call in 0..3 {
                let id = format!(r#","id":"{HOLE}-{group}-tool-{call}","tenant":"acme""#);
                event("tool_call", &(id + TOOL));
            }
            event("agent_run_end", r#","tenant":"acme","duration_ms":4120,"status":"success""#);
        }
        let holes = text.match_indices(HOLE).map(|(at, hole)| at..at + hole.len()).collect();
        Self { text, holes }
    }

    /// The body with this number.
    fn stamp(&mut self, number: u64) -> &str {
        let digits = format!("{number:016x}");
        for hole in &self.holes {
            self.text.replace_range(hole.clone(), &digits);
        }
        &self.text
    }
}

const LLM: &str = concat!(
    r#","provider":"openai","model":"gpt-4o-mini","duration_ms":820,"#,
    r#""usage":{"input_tokens":512,"output_tokens":64}"#
);
const TOOL: &str = r#","tool":"search","duration_ms":35,"arguments":{"q":"weather in Oslo"}"#;
