//! Requests of known content, which of them were acknowledged, and what must be found of them.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::harness::{Page, count, get, settle};
use crate::load::http::{Answer, Sender};
use crate::load::process::Process;
use crate::load::template::{Profile, Template};

/// Three runs of eight spans a request: nine model calls, six tool calls, three agent runs.
pub(crate) const SPANS: u64 = 24;
const SPANS_PER_TRACE: usize = 8;

/// All requests so far.
pub(crate) struct Oracle {
    pub(crate) template: Template,
    next: AtomicU64,
    acknowledged: Mutex<Vec<u64>>,
    /// How often each status was answered.
    answers: Mutex<BTreeMap<u16, u64>>,
}

/// The current time in nanoseconds since the Unix epoch.
pub(crate) fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// The id of a trace as it is written in paths.
pub(crate) fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Oracle {
    pub(crate) fn new(profile: Profile) -> Self {
        Self {
            template: Template::new(profile, SPANS),
            next: AtomicU64::new(0),
            acknowledged: Mutex::default(),
            answers: Mutex::default(),
        }
    }

    /// The next request's number; its body is in `body`.
    pub(crate) fn prepare(&self, body: &mut Vec<u8>) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.template.stamp(number, now_ns(), body);
        number
    }

    /// Notes that a request was acknowledged.
    pub(crate) fn acknowledge(&self, number: u64) {
        self.acknowledged.lock().unwrap().push(number);
    }

    /// Sends one request.
    pub(crate) fn send(&self, sender: &mut Sender, body: &mut Vec<u8>) -> io::Result<Answer> {
        let number = self.prepare(body);
        let answer = sender.export("traces", body)?;
        *self.answers.lock().unwrap().entry(answer.status).or_default() += 1;
        if answer.status == 200 {
            self.acknowledge(number);
        }
        Ok(answer)
    }

    /// Sends requests from several threads, with a pause behind each, until told to stop or the
    /// connection ends.
    pub(crate) fn load(&self, door: SocketAddr, threads: u64, pause: Duration, stop: &AtomicBool) {
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let Ok(mut sender) = Sender::connect(door) else { return };
                    let mut body = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        thread::sleep(pause);
                        if self.send(&mut sender, &mut body).is_err() {
                            return;
                        }
                    }
                });
            }
        });
    }

    /// Requests that were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.lock().unwrap().len() as u64
    }

    /// How often each status was answered so far.
    pub(crate) fn answers(&self) -> BTreeMap<u16, u64> {
        self.answers.lock().unwrap().clone()
    }

    /// A request is one batch of the log, so every count is a whole multiple of what one holds.
    pub(crate) fn check_counters(&self, pharos: &Process, when: &str) {
        settle(pharos);
        let page = Page::of(pharos);
        let signal = [("signal", "traces")];
        let stored = page.sum("pharos_ingest_stored_items_total", &signal);
        let acknowledged = (self.acknowledged() * SPANS) as f64;
        let sent = (self.next.load(Ordering::Relaxed) * SPANS) as f64;
        assert!(stored >= acknowledged, "{when}: {stored} stored, {acknowledged} acknowledged");
        assert!(stored <= sent, "{when}: {stored} stored, {sent} sent");
        let requests = stored / SPANS as f64;
        assert_eq!(requests.fract(), 0.0, "{when}: a part of a request was stored");
        for (family, per_request) in [
            ("llm_requests_total", 9.0),
            ("llm_request_duration_seconds_count", 9.0),
            ("tool_calls_total", 6.0),
            ("agent_runs_total", 3.0),
            ("db_queries_total", 3.0),
            ("service_calls_total", 3.0),
        ] {
            assert_eq!(page.sum(family, &[]), requests * per_request, "{when}: {family}");
        }
        let prompt = page.sum("llm_tokens_total", &[("token_type", "prompt")]);
        assert_eq!(prompt, requests * 9.0 * 1_289.0, "{when}");
        let received = page.sum("pharos_ingest_received_items_total", &signal);
        let refused = page.sum("pharos_ingest_refused_items_total", &signal);
        assert_eq!(received, stored + refused, "{when}: nothing else happened");
    }

    /// Every acknowledged trace is found by its id, with all its spans.
    pub(crate) fn check_traces(&self, pharos: &Process) {
        let acknowledged = self.acknowledged.lock().unwrap();
        eprintln!("{} acknowledged requests of {SPANS} spans are looked for", acknowledged.len());
        thread::scope(|scope| {
            for part in acknowledged.chunks(acknowledged.len().div_ceil(2).max(1)) {
                scope.spawn(move || {
                    let mut web = Sender::connect(pharos.web).unwrap();
                    for &number in part {
                        for id in self.template.trace_ids(number) {
                            check_trace(&mut web, &hex(&id));
                        }
                    }
                });
            }
        });
        assert_eq!(get(pharos, "/api/traces/ffffffffffffffffffffffffffffffff").status, 404);
    }

    /// A search without conditions finds every acknowledged trace once and none that was not
    /// sent, wherever each is kept. Of very many the newest are looked at;
    /// `PHAROS_SEARCH_PAGES` sets how many pages.
    pub(crate) fn check_search(&self, pharos: &Process) {
        let mut wanted = HashMap::new();
        for number in 0..self.next.load(Ordering::Relaxed) {
            wanted.extend(self.template.trace_ids(number).iter().map(|id| (hex(id), 0_u32)));
        }
        let mut web = Sender::connect(pharos.web).unwrap();
        let mut cursor = String::new();
        for _ in 0..count("PHAROS_SEARCH_PAGES", 3) {
            let answer = web.get(&format!("/api/traces/search?limit=1000{cursor}")).unwrap();
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(answer.status, 200, "{text}");
            let page: Value = serde_json::from_str(&text).unwrap();
            for trace in page["traces"].as_array().unwrap() {
                let id = trace["trace_id"].as_str().unwrap();
                *wanted.get_mut(id).unwrap_or_else(|| panic!("{id} was never sent")) += 1;
            }
            let Some(next) = page["next"].as_str() else {
                assert_eq!(page["incomplete"], false);
                for number in self.acknowledged.lock().unwrap().iter() {
                    for id in self.template.trace_ids(*number) {
                        assert_eq!(wanted[&hex(&id)], 1, "trace {} of request {number}", hex(&id));
                    }
                }
                break;
            };
            cursor = format!("&cursor={next}");
        }
        assert!(wanted.values().all(|times| *times <= 1), "a trace was found twice");
    }
}

fn check_trace(web: &mut Sender, id: &str) {
    let answer = web.get(&format!("/api/traces/{id}")).unwrap();
    assert_eq!(answer.status, 200, "trace {id}");
    let spans = memchr::memmem::find_iter(&answer.body, b"\"span_id\":").count();
    assert_eq!(spans, SPANS_PER_TRACE, "trace {id}: {}", String::from_utf8_lossy(&answer.body));
}
