//! Blocks, in this process: what a span costs on the disk, and what is found in how long.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use pharos::model::{Signal, SpanId, Status, TraceId};
use pharos::semconv;
use pharos::storage::block::{BlockStatus, Catalog, Sealer, SealerOptions};
use pharos::storage::fs::RealFs;
use pharos::storage::index::Index;
use pharos::storage::query::{Budget, Fields, Filters, RowQuery, SearchQuery, Store};
use pharos::storage::{Batch, Durability, Log, LogOptions};

use super::{Row, mebibytes, row};
use crate::load::template::{Profile, Template};

/// A store of a million spans or so, and some traces in it.
struct World {
    log: Arc<Log>,
    catalog: Arc<Catalog>,
    index: Arc<Index>,
    traces: Vec<TraceId>,
    sealing: Duration,
    _folder: tempfile::TempDir,
}

/// What is sent.
#[derive(Clone, Copy)]
struct Load {
    profile: Profile,
    requests: u64,
    spans: u64,
    /// Requests until the words, ids and numbers repeat; 1 for the bodies of the other benches.
    variety: u64,
}

pub fn run() -> Vec<Row> {
    let lean = Load { profile: Profile::Lean, requests: 10_000, spans: 100, variety: 1 };
    let fat = Load { profile: Profile::Fat, requests: 1_500, spans: 50, variety: 1 };
    let mut rows = Vec::new();
    let varied = World::new(Load { variety: 10_000, ..lean });
    rows.extend(varied.sizes("lean, varied", "<= 75 B"));
    rows.extend(varied.questions());
    drop(varied);
    rows.extend(World::new(lean).sizes("lean, as sent by the loads", "<= 75 B"));
    rows.extend(World::new(Load { variety: 1_500, ..fat }).sizes("fat, varied", "<= 900 B"));
    rows.extend(World::new(fat).sizes("fat, as sent by the loads", "<= 900 B"));
    rows
}

impl World {
    fn new(load: Load) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let log = open(folder.path());
        let traces = fill(&log, load);
        // The newest segment stays in the log; a new one is begun so that all others are closed.
        let catalog = Arc::new(Catalog::of_log(&log).unwrap());
        let index = Index::open(
            log.clone(),
            pharos::model::Understand::unpriced(semconv::understand),
            semconv::call_book,
        );
        let index = Arc::new(index.with_blocks(catalog.clone()));
        let mut reader = log.reader(index.wanted_from());
        while let Some((at, batch)) = reader.next().unwrap() {
            index.apply(at, &batch);
        }
        let began = Instant::now();
        let options = SealerOptions {
            understand: pharos::model::Understand::unpriced(semconv::understand),
            open_book: semconv::call_book,
            retention_age: None,
            retention_bytes: None,
            watch: |_| {},
        };
        let sealer = Sealer::start(log.clone(), catalog.clone(), options).unwrap();
        sealer.catch_up();
        let sealing = began.elapsed();
        sealer.stop();
        Self { log, catalog, index, traces, sealing, _folder: folder }
    }

    fn sizes(&self, name: &str, aim: &'static str) -> Vec<Row> {
        let BlockStatus { blocks, bytes, spans, log_bytes, .. } = self.catalog.status();
        let log_status = self.log.status();
        let per_span = bytes as f64 / spans as f64;
        let rate = spans as f64 / self.sealing.as_secs_f64();
        let raw = log_bytes as f64 / spans as f64;
        let note = format!(
            "{spans} spans in {blocks} blocks, {raw:.0} B a span in the log; not sealed: {}",
            mebibytes(log_status.bytes.saturating_sub(log_bytes)),
        );
        vec![
            row(&format!("disk, {name}"), format!("{per_span:.1} B/span"), aim, note),
            row(&format!("sealing, {name}"), format!("{rate:.0} spans/s"), "", String::new()),
        ]
    }

    fn questions(&self) -> Vec<Row> {
        let some = |text: &str| Some(text.to_owned());
        let all = Filters::default;
        let mut traces = self.traces.iter().cycle();
        let mut rows = vec![time("trace by id", "< 10 ms", || {
            let trace = self.index.trace(*traces.next().unwrap()).unwrap();
            assert_eq!(trace.span_count(), 8);
        })];
        let mut traces = self.traces.iter().cycle();
        rows.push(time("one span by its id", "< 10 ms", || {
            let id = SpanId::from_bytes(&[1; 8]).unwrap();
            let found = Store::span(&*self.index, *traces.next().unwrap(), id).unwrap();
            assert_eq!(found.span_count(), 0);
        }));
        let slow = Some(5_000_000_000);
        for (name, aim, filters) in [
            ("newest 50", "", all()),
            ("newest 50 errors", "< 20 ms", Filters { status: Some(Status::Error), ..all() }),
            (
                "usual model, slower than 5 s",
                "< 150 ms",
                Filters { model: some("gpt-4o-mini"), min_duration_ns: slow, ..all() },
            ),
            (
                "rare model, slower than 5 s",
                "< 150 ms",
                Filters { model: some("o-rare"), min_duration_ns: slow, ..all() },
            ),
            (
                "attribute nobody has",
                "",
                Filters { attributes: vec![("tenant.id".to_owned(), "none".to_owned())], ..all() },
            ),
            ("free text nobody said", "< 1 s", Filters { text: some("zeppelin"), ..all() }),
            ("free text, rare", "< 1 s", Filters { text: some("overloaded"), ..all() }),
        ] {
            let query = SearchQuery { filters, limit: Some(50), cursor: None };
            let search = || {
                let page = self.index.search_within(&query, Budget::default()).unwrap();
                assert!(page.traces.len() == 50 || page.next.is_none() && !page.incomplete);
                assert!(
                    name.contains("nobody") || name.contains("usual") || !page.traces.is_empty()
                );
            };
            rows.push(time(name, aim, search));
        }
        let query = RowQuery { fields: Fields::MODEL | Fields::USAGE, ..RowQuery::default() };
        rows.push(time("tokens of all spans, by model", "", || {
            let mut tokens = 0;
            let cancelled = AtomicBool::new(false);
            let budget = Budget { cancelled: Some(&cancelled), ..Budget::default() };
            let scanned = self.index.rows(&query, budget, &mut |row| {
                tokens += row.usage.input.unwrap_or(0);
                std::ops::ControlFlow::Continue(())
            });
            assert!(tokens > 0 && !scanned.unwrap().incomplete);
        }));
        rows
    }
}

fn open(folder: &Path) -> Arc<Log> {
    let options =
        LogOptions { durability: Durability::Os, disk_reserve_bytes: 0, ..LogOptions::default() };
    Arc::new(Log::open(Arc::new(RealFs), folder, options).unwrap())
}

/// Fills the log; some of the traces in it. Behind every 500th request comes
/// a failed, slow call of another model.
fn fill(log: &Log, load: Load) -> Vec<TraceId> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut template = Template::varied(load.profile, load.spans, u64::from(load.variety > 1));
    let mut traces = Vec::new();
    let start = 1_795_248_000_000_000_000;
    let mut body = Vec::new();
    for number in 0..load.requests {
        if load.variety > 1 {
            template = Template::varied(load.profile, load.spans, 1 + number % load.variety);
        }
        template.stamp(number, start + number * 1_000_000, &mut body);
        if number % 97 == 0 {
            let ids = template.trace_ids(number);
            traces.extend(TraceId::from_bytes(&ids[ids.len() / 3]));
        }
        let arrived_ns = start + number * 1_000_000;
        let append = |body: Vec<u8>, items: u64| {
            let (signal, items) = (Signal::Traces, items as u32);
            let batch = Batch { signal, arrived_ns, items, body: body.into() };
            runtime.block_on(log.append(batch)).unwrap();
        };
        append(body.clone(), load.spans);
        if number % 500 == 7 {
            append(super::searching::rare(number, arrived_ns, 6_000_000_000), 1);
        }
    }
    traces
}

/// The 95th of a hundred.
fn time(name: &str, aim: &'static str, mut ask: impl FnMut()) -> Row {
    let mut times: Vec<Duration> = Vec::new();
    let began = Instant::now();
    for _ in 0..100 {
        let asked = Instant::now();
        ask();
        times.push(asked.elapsed());
        if began.elapsed() > Duration::from_secs(30) {
            break;
        }
    }
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let note = format!("p50 {:.2} ms, of {}", at(0.5), times.len());
    row(name, format!("{:.2} ms", at(0.95)), aim, note)
}
