//! The index and the search alone, in this process, over a million spans on the disk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use pharos::model::{Signal, Status, TraceId};
use pharos::otlp::write;
use pharos::semconv;
use pharos::storage::fs::RealFs;
use pharos::storage::index::Index;
use pharos::storage::query::{Filters, SearchPage, SearchQuery};
use pharos::storage::{Batch, Durability, Log, LogOptions};

use super::{Row, mebibytes, row};
use crate::load::template::{Profile, Template};

const REQUESTS: u64 = 10_000;
/// Requests between two that hold a failed, slow call of another model.
const RARE: u64 = 50;

pub fn run() -> Vec<Row> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let template = Template::new(Profile::Lean, 100);
    fill(folder.path(), &template);
    let (log, index) = open(folder.path());
    let began = Instant::now();
    project(&log, &index);
    let applied = began.elapsed();
    let bytes = log.status().bytes;
    let note = format!("{} spans, {}", REQUESTS * template.spans, mebibytes(bytes));
    let rate = bytes as f64 / applied.as_secs_f64() / 1024.0 / 1024.0;
    let mut rows =
        vec![row("index: read and apply", millis(applied), "", format!("{note}, {rate:.0} MiB/s"))];
    drop((log, index));
    let began = Instant::now();
    let (log, index) = open(folder.path());
    let opened = began.elapsed();
    project(&log, &index);
    rows.push(row("index: open", millis(opened), "", "with the log".to_owned()));
    rows.push(row(
        "index: open and catch up",
        millis(began.elapsed()),
        "< 2 s / GiB",
        String::new(),
    ));
    rows.push(row("index: memory", mebibytes(index.status().memory_bytes), "", String::new()));
    let ids = (0..50).map(|number| template.trace_ids(number * 199)[number as usize % 12]);
    let ids: Vec<TraceId> = ids.map(|id| TraceId::from_bytes(&id).unwrap()).collect();
    let mut each = ids.iter().cycle();
    rows.push(time("trace by id", || {
        let trace = index.trace(*each.next().unwrap()).unwrap();
        let mut spans = 0;
        trace.visit(|_, _| spans += 1);
        assert_eq!(spans, 8);
        String::new()
    }));
    rows.extend(searches(&index));
    rows
}

fn searches(index: &Index) -> Vec<Row> {
    let some = |text: &str| Some(text.to_owned());
    let attribute = vec![("tenant.id".to_owned(), "none".to_owned())];
    let all = Filters::default;
    let slow = Some(1_000_000_000);
    [
        ("newest 50", all()),
        ("newest 50 errors", Filters { status: Some(Status::Error), ..all() }),
        (
            "rare model, at least 1 s",
            Filters { model: some("o-rare"), min_duration_ns: slow, ..all() },
        ),
        (
            "usual model, at least 1 s",
            Filters { model: some("gpt-4o-mini"), min_duration_ns: slow, ..all() },
        ),
        (
            "usual model, at least 41 ms",
            Filters { model: some("gpt-4o-mini"), min_duration_ns: Some(41_000_000), ..all() },
        ),
        ("absent service", Filters { service: some("none"), ..all() }),
        ("absent name", Filters { name: some("none"), ..all() }),
        (
            "known name in absent tenant",
            Filters { name: some("POST"), tenant: some("none"), ..all() },
        ),
        ("attribute with absent value", Filters { attributes: attribute, ..all() }),
        ("absent operation (understands all)", Filters { operation: some("embeddings"), ..all() }),
    ]
    .into_iter()
    .map(|(figure, filters)| {
        let query = SearchQuery { filters, ..SearchQuery::default() };
        time(figure, || said(&index.search(&query).unwrap()))
    })
    .chain([time("page 20 of 50 traces", {
        let mut query = SearchQuery::default();
        for _ in 0..19 {
            query.cursor = index.search(&query).unwrap().next;
        }
        move || said(&index.search(&query).unwrap())
    })])
    .collect()
}

fn said(page: &SearchPage) -> String {
    let cut = if page.incomplete { ", incomplete" } else { "" };
    format!("{} traces, {} read{cut}", page.traces.len(), mebibytes(page.scanned_bytes))
}

/// The median of up to 15 runs or 4 seconds, and what the last run says.
fn time(figure: &str, mut run: impl FnMut() -> String) -> Row {
    let (mut times, mut note) = (Vec::new(), String::new());
    let started = Instant::now();
    while times.len() < 15 && started.elapsed() < Duration::from_secs(4) {
        let began = Instant::now();
        note = run();
        times.push(began.elapsed());
    }
    times.sort_unstable();
    row(figure, millis(times[times.len() / 2]), "", note)
}

fn open(folder: &Path) -> (Arc<Log>, Index) {
    let options = LogOptions { durability: Durability::Os, ..LogOptions::default() };
    let log = Arc::new(Log::open(Arc::new(RealFs), folder, options).unwrap());
    let index = Index::open(
        Arc::clone(&log),
        pharos::model::Understand::unpriced(semconv::understand),
        semconv::call_book,
    );
    (log, index)
}

fn project(log: &Log, index: &Index) {
    let mut reader = log.reader(index.wanted_from());
    while let Some((at, batch)) = reader.next().unwrap() {
        index.apply(at, &batch);
    }
    index.rebuild_missing(&AtomicBool::new(false));
    assert_eq!(index.status().missing_segments, 0);
}

fn fill(folder: &Path, template: &Template) {
    let (log, _) = open(folder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut body = Vec::new();
    let mut waiting = Vec::new();
    for number in 0..REQUESTS {
        let now = 1_790_000_000_000_000_000 + number * 1_000_000;
        template.stamp(number, now, &mut body);
        waiting.push((body.clone(), template.spans));
        if number % RARE == 0 {
            waiting.push((rare(number, now, 2_000_000_000), 1));
        }
        if waiting.len() >= 64 || number + 1 == REQUESTS {
            runtime.block_on(async {
                let appends = waiting.drain(..).map(|(body, items)| {
                    let signal = Signal::Traces;
                    let batch =
                        Batch { signal, arrived_ns: now, items: items as u32, body: body.into() };
                    let log = Arc::clone(&log);
                    tokio::spawn(async move { log.append(batch).await.unwrap() })
                });
                let local: Vec<_> = appends.collect();
                for append in local {
                    append.await.unwrap();
                }
            });
        }
    }
}

/// A request of one span, of another model, that failed after this time.
pub(super) fn rare(number: u64, now_ns: u64, took_ns: u64) -> Vec<u8> {
    let text = |out: &mut Vec<u8>, key: &str, value: &str| {
        write::message_field(out, 9, |out| {
            write::bytes_field(out, 1, key.as_bytes());
            write::message_field(out, 2, |out| write::bytes_field(out, 1, value.as_bytes()));
        });
    };
    let mut body = Vec::new();
    write::message_field(&mut body, 1, |out| {
        write::message_field(out, 2, |out| {
            write::message_field(out, 2, |out| {
                write::bytes_field(out, 1, &(u128::MAX - u128::from(number)).to_be_bytes());
                write::bytes_field(out, 2, &(number + 1).to_be_bytes());
                write::bytes_field(out, 5, b"chat o-rare");
                write::fixed64_field(out, 7, now_ns);
                write::fixed64_field(out, 8, now_ns + took_ns);
                text(out, "gen_ai.operation.name", "chat");
                text(out, "gen_ai.request.model", "o-rare");
                write::message_field(out, 15, |out| {
                    write::bytes_field(out, 2, b"the model is overloaded");
                    write::varint_field(out, 3, 2);
                });
            });
        });
    });
    body
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
