//! Pharos over ClickHouse's own engine answers as Pharos over its own store does.

use std::path::Path;

use serde_json::Value;

use crate::harness::{Page, export, json, settle, start, until};
use crate::load::http::Sender;
use crate::load::process::Process;

#[path = "../clickhouse/engine.rs"]
mod engine;

use engine::Engine;

fn over(engine: &Engine, folder: &Path) -> Process {
    let url = format!("--storage.clickhouse.url={}", engine.url());
    let flags = [
        "--storage.backend=clickhouse",
        &url,
        "--storage.clickhouse.database=otel",
        "--storage.clickhouse.flush-seconds=1",
    ];
    start(folder, &flags)
}

/// Sends every body that real instrumentations have sent; says how many there were.
fn send_recorded(pharos: &Process) -> usize {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp");
    let mut sent = 0;
    let mut libraries: Vec<_> = std::fs::read_dir(root).unwrap().flatten().collect();
    libraries.sort_by_key(std::fs::DirEntry::path);
    for library in libraries {
        let Ok(files) = std::fs::read_dir(library.path()) else { continue };
        let mut files: Vec<_> = files.flatten().map(|file| file.path()).collect();
        files.sort();
        for file in files {
            let name = file.display().to_string();
            for signal in ["traces", "logs"] {
                if name.ends_with(&format!(".{signal}.pb")) {
                    let body = std::fs::read(&file).unwrap();
                    let mut sender = Sender::connect(pharos.otlp_http).unwrap();
                    assert_eq!(sender.export(signal, &body).unwrap().status, 200, "{name}");
                    sent += 1;
                }
            }
        }
    }
    settle(pharos);
    sent
}

fn taken(pharos: &Process) {
    until("a ClickHouse that has everything", || {
        Page::of(pharos).sum("pharos_clickhouse_queue_bytes", &[]) == 0.0
    });
}

/// An answer without what differs between two places by nature.
fn answer(pharos: &Process, path: &str) -> Value {
    let mut answer = json(pharos, path);
    if let Some(fields) = answer.as_object_mut() {
        fields.remove("next");
        fields.remove("scanned_bytes");
    }
    answer
}

fn compare(one: &Process, other: &Process) {
    let everywhen = "from=2020-01-01T00:00:00Z";
    let mut paths: Vec<String> = [
        "/api/traces/search?limit=1000",
        "/api/traces/search?limit=3",
        "/api/traces/search?status=error",
        "/api/traces/search?model=gpt-4o-mini&limit=500",
        "/api/traces/search?operation=execute_tool",
        "/api/traces/search?min_duration_ms=5&status=ok",
        "/api/traces/search?text=WEATHER",
        "/api/traces/search?attr=gen_ai.request.model:gpt-4o-mini",
        "/api/logs?limit=1000",
        "/api/logs?severity=9",
        "/api/logs?text=WEATHER",
    ]
    .map(str::to_owned)
    .to_vec();
    for kind in ["tools", "requests", "skills"] {
        paths.push(format!("/api/{kind}/stats?{everywhen}"));
    }
    paths.push(format!("/api/conversations?{everywhen}"));
    let all = json(one, "/api/traces/search?limit=1000");
    let traces = all["traces"].as_array().unwrap();
    assert!(traces.len() > 10);
    for trace in traces {
        let id = trace["trace_id"].as_str().unwrap();
        paths.push(format!("/api/traces/{id}"));
        paths.push(format!("/api/traces/{id}?view=skeleton"));
        paths.push(format!("/api/investigate/{id}"));
    }
    for path in paths {
        let mut answers = [answer(one, &path), answer(other, &path)];
        // Earlier runs are compared within a bound of time, and the answer says where it ended.
        if answers.iter().any(|answer| answer["compared_with_median"]["incomplete"] == true) {
            for fields in answers.iter_mut().filter_map(Value::as_object_mut) {
                fields.remove("compared_with_median");
            }
        }
        assert_eq!(answers[0], answers[1], "{path}");
    }
}

#[test]
fn both_stores_answer_alike_and_clickhouse_alone_suffices() {
    let engine = Engine::start();
    let temporary = || tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let [here, there, empty] = [temporary(), temporary(), temporary()];
    let embedded = start(here.path(), &[]);
    let clustered = over(&engine, there.path());
    assert!(send_recorded(&embedded) > 10);
    send_recorded(&clustered);
    taken(&clustered);
    compare(&embedded, &clustered);
    drop(clustered);
    // Another Pharos with nothing of its own reads all of it out of ClickHouse.
    let fresh = over(&engine, empty.path());
    compare(&embedded, &fresh);
}

#[test]
fn while_clickhouse_is_down_everything_is_kept_and_the_answers_say_so() {
    let engine = Engine::start();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    engine.fault("down");
    let pharos = over(&engine, folder.path());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp");
    let body = std::fs::read(
        root.join("openllmetry-openai")
            .read_dir()
            .unwrap()
            .flatten()
            .map(|file| file.path())
            .find(|file| file.display().to_string().ends_with(".traces.pb"))
            .unwrap(),
    );
    assert_eq!(export(&pharos, &body.unwrap()).status, 200);
    settle(&pharos);
    let found = json(&pharos, "/api/traces/search");
    assert_eq!(found["incomplete"], true, "{found}");
    let id = found["traces"][0]["trace_id"].as_str().unwrap().to_owned();
    assert_eq!(json(&pharos, &format!("/api/traces/{id}"))["truncated"], true);
    until("a health that says so", || {
        let health = json(&pharos, "/health");
        health["components"]["clickhouse"]["status"] == "degraded"
    });
    let failed = Page::of(&pharos);
    let unreachable = [("reason", "unreachable")];
    assert!(failed.sum("pharos_clickhouse_failed_inserts_total", &unreachable) > 0.0);
    // A crash while it is down loses nothing either.
    pharos.kill().unwrap();
    let pharos = over(&engine, folder.path());
    engine.fault("lost&count=1");
    taken(&pharos);
    let found = json(&pharos, "/api/traces/search");
    assert_eq!(found["incomplete"], false, "{found}");
    assert_eq!(found["traces"][0]["trace_id"], id.as_str());
    let spans = engine.query("SELECT uniqExact(SpanId) FROM otel.otel_traces");
    assert_eq!(spans.trim(), "7");
    let told = json(&pharos, &format!("/api/traces/{id}"));
    assert_eq!(told["truncated"], false);
    assert_eq!(told["spans"].as_array().unwrap().len(), 7, "each span once");
    assert_eq!(json(&pharos, "/health")["components"]["clickhouse"]["status"], "healthy");
}
