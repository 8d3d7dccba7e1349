//! kill -9 under load: nothing acknowledged is lost, nothing appears that was not sent, and the
//! counters equal the log. `PHAROS_KILLS` sets how often; `make crash` runs it 100 times.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::harness::{Page, count, get, settle, start};
use crate::load::http::Sender;
use crate::load::process::Process;
use crate::load::template::{Profile, Template};

/// Three runs of eight spans a request: nine model calls, six tool calls, three agent runs.
const SPANS: u64 = 24;
const SENDERS: u64 = 4;

/// What is known of all requests so far.
#[derive(Default)]
struct Oracle {
    next: AtomicU64,
    acknowledged: Mutex<Vec<u64>>,
}

#[test]
fn kill_9_under_load_loses_nothing_and_counts_right() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let template = Template::new(Profile::Lean, SPANS);
    let oracle = Oracle::default();
    let mut dice = fastrand::Rng::with_seed(42);
    for round in 0..count("PHAROS_KILLS", 4) {
        let pharos = start(folder.path(), &[]);
        check_counters(&pharos, &oracle, round);
        let time = Duration::from_millis(dice.u64(50..1_500));
        load_until_killed(pharos, &template, &oracle, time);
    }
    let pharos = start(folder.path(), &[]);
    check_counters(&pharos, &oracle, u64::MAX);
    check_traces(&pharos, &template, &oracle);
    assert_eq!(pharos.stop().unwrap(), Some(0));
}

fn load_until_killed(pharos: Process, template: &Template, oracle: &Oracle, time: Duration) {
    let stopped = AtomicBool::new(false);
    let address = pharos.otlp_http;
    thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                let Ok(mut sender) = Sender::connect(address) else { return };
                let mut body = Vec::new();
                while !stopped.load(Ordering::Relaxed) {
                    let number = oracle.next.fetch_add(1, Ordering::Relaxed);
                    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                    template.stamp(number, now.as_nanos() as u64, &mut body);
                    // Some 50,000 spans a second: what a hundred rounds store stays far below
                    // what retention keeps, and can be looked at trace by trace.
                    thread::sleep(Duration::from_millis(1));
                    match sender.export("traces", &body) {
                        Ok(answer) => {
                            assert_eq!(answer.status, 200);
                            oracle.acknowledged.lock().unwrap().push(number);
                        }
                        Err(_) => return,
                    }
                }
            });
        }
        thread::sleep(time);
        pharos.kill().unwrap();
        stopped.store(true, Ordering::Relaxed);
    });
}

/// A request is one batch of the log, so every count is a whole multiple of what one holds.
fn check_counters(pharos: &Process, oracle: &Oracle, round: u64) {
    settle(pharos);
    let page = Page::of(pharos);
    let signal = [("signal", "traces")];
    let stored = page.sum("pharos_ingest_stored_items_total", &signal);
    let acknowledged = (oracle.acknowledged.lock().unwrap().len() as u64 * SPANS) as f64;
    let sent = (oracle.next.load(Ordering::Relaxed) * SPANS) as f64;
    assert!(stored >= acknowledged, "round {round}: {stored} stored, {acknowledged} acknowledged");
    assert!(stored <= sent, "round {round}: {stored} stored, {sent} sent");
    let requests = stored / SPANS as f64;
    assert_eq!(requests.fract(), 0.0, "round {round}: a part of a request was stored");
    for (family, per_request) in [
        ("llm_requests_total", 9.0),
        ("llm_request_duration_seconds_count", 9.0),
        ("tool_calls_total", 6.0),
        ("agent_runs_total", 3.0),
        ("db_queries_total", 3.0),
        ("service_calls_total", 3.0),
    ] {
        assert_eq!(page.sum(family, &[]), requests * per_request, "round {round}: {family}");
    }
    let prompt = page.sum("llm_tokens_total", &[("token_type", "prompt")]);
    assert_eq!(prompt, requests * 9.0 * 1_289.0, "round {round}");
    let received = page.sum("pharos_ingest_received_items_total", &signal);
    assert_eq!(received, stored, "round {round}: received = stored where nothing else happened");
}

/// Every acknowledged trace is there with all its spans.
fn check_traces(pharos: &Process, template: &Template, oracle: &Oracle) {
    let acknowledged = oracle.acknowledged.lock().unwrap();
    eprintln!("{} acknowledged requests of {SPANS} spans are looked for", acknowledged.len());
    thread::scope(|scope| {
        for part in acknowledged.chunks(acknowledged.len().div_ceil(2).max(1)) {
            scope.spawn(move || {
                let mut web = Sender::connect(pharos.web).unwrap();
                for &number in part {
                    for id in template.trace_ids(number) {
                        check_trace(&mut web, &id);
                    }
                }
            });
        }
    });
    assert_eq!(get(pharos, "/api/traces/ffffffffffffffffffffffffffffffff").status, 404);
}

fn check_trace(web: &mut Sender, id: &[u8]) {
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let answer = web.get(&format!("/api/traces/{id}")).unwrap();
    assert_eq!(answer.status, 200, "trace {id}");
    let span_ids = memchr::memmem::find_iter(&answer.body, b"\"span_id\":").count();
    assert_eq!(span_ids, 8, "trace {id}: {}", String::from_utf8_lossy(&answer.body));
}
