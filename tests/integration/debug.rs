//! Debug events of a whole Pharos: the toggle, the files, the API and what is sent onward.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pharos::otlp::{read, write};
use serde_json::{Value, json};

use crate::harness::{Page, export, get, json, settle, start, until};
use crate::load::http::{Answer, Sender};
use crate::load::process::Process;

fn fixture(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp");
    fs::read(root.join(name)).unwrap()
}

/// The ids of the traces of a request.
fn traces_of(body: &[u8]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    read::spans(body, |_, span| ids.extend([span.trace_id.to_string()])).unwrap();
    ids
}

fn change(pharos: &Process, headers: &str, body: &Value) -> Answer {
    let mut sender = Sender::connect(pharos.web).unwrap();
    sender.post_json("/api/debug/toggle", headers, &body.to_string()).unwrap()
}

fn toggle(pharos: &Process, body: &Value) {
    let answer = change(pharos, "", body);
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 200, "{text}");
}

fn lines(folder: &Path, file: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A span that says something itself.
fn said(trace: u8, id: u8, key: &str, text: &str) -> Vec<u8> {
    let mut body = Vec::new();
    write::message_field(&mut body, 1, |out| {
        write::message_field(out, 2, |out| {
            write::message_field(out, 2, |out| {
                write::bytes_field(out, 1, &[trace; 16]);
                write::bytes_field(out, 2, &[id; 8]);
                write::bytes_field(out, 5, b"said");
                write::fixed64_field(out, 7, 1_800_000_000_000_000_000);
                write::fixed64_field(out, 8, 1_800_000_000_000_000_001);
                write::message_field(out, 9, |out| {
                    write::bytes_field(out, 1, key.as_bytes());
                    write::message_field(out, 2, |out| {
                        write::bytes_field(out, 1, text.as_bytes());
                    });
                });
            });
        });
    });
    body
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

#[test]
fn prompts_answers_and_tool_calls_are_found_under_their_trace() {
    let folder = folder();
    let events: PathBuf = folder.path().join("events");
    let pharos = start(folder.path(), &["--debug.path", events.to_str().unwrap()]);
    // Off: nothing of this is written.
    let before = fixture("openinference-anthropic/101.traces.pb");
    assert_eq!(export(&pharos, &before).status, 200);
    toggle(&pharos, &json!({ "enabled": true, "expires_in_seconds": 3600 }));
    let mut ids = BTreeSet::new();
    for name in ["openinference-langchain/101.traces.pb", "openllmetry-openai/101.traces.pb"] {
        let body = fixture(name);
        ids.extend(traces_of(&body));
        assert_eq!(export(&pharos, &body).status, 200);
    }
    let kinds = ["completion_prompt", "completion_response", "tool_call"];
    until("debug events of every kind", || {
        let stats = json(&pharos, "/api/debug/stats");
        kinds.iter().all(|kind| stats["by_event_type"][kind] != 0)
    });
    toggle(&pharos, &json!({ "enabled": false }));
    assert_eq!(export(&pharos, &said(9, 1, "debug.plan", "too late")).status, 200);
    settle(&pharos);
    let written = json(&pharos, "/api/debug/logs?limit=500")["logs"].clone();
    for event in written.as_array().unwrap() {
        assert!(ids.contains(event["trace_id"].as_str().unwrap()), "{event}");
        let text = event["text"].as_str().unwrap();
        assert!(text.chars().count() < 4_100 && !text.is_empty(), "{event}");
    }
    // The same under its trace alone, in its investigation, and as a record of the log.
    let call = json(&pharos, "/api/debug/logs?event_type=tool_call&limit=1")["logs"][0].clone();
    let id = call["trace_id"].as_str().unwrap();
    let of_trace = json(&pharos, &format!("/api/debug/logs?trace_id={id}"))["logs"].clone();
    let investigated = json(&pharos, &format!("/api/investigate/{id}"))["debug_logs"].clone();
    let (of_trace, investigated) = (of_trace.as_array().unwrap(), investigated.as_array().unwrap());
    assert!(of_trace.len() >= 2 && of_trace.iter().rev().eq(investigated));
    let stored = of_trace.len();
    until("the records onward", || {
        let logs = json(&pharos, &format!("/api/logs?trace_id={id}"))["logs"].clone();
        let own = |record: &&Value| {
            record["event_name"].as_str().is_some_and(|name| name.starts_with("pharos.debug."))
        };
        logs.as_array().unwrap().iter().filter(own).count() == stored
    });
    settle(&pharos);
    let page = Page::of(&pharos);
    let events_written = page.sum("pharos_debug_events_total", &[]);
    assert_eq!(page.sum("pharos_ingest_stored_items_total", &[("signal", "logs")]), events_written);
    assert_eq!(page.sum("pharos_debug_lost_total", &[]), 0.0);
    assert_eq!(pharos.stop().unwrap(), Some(0));
    let lines = lines(&events, "debug_logs.jsonl");
    assert_eq!(lines.len() as f64, events_written);
}

#[test]
fn a_secret_that_is_sent_stands_in_no_file() {
    let folder = folder();
    let pharos = start(folder.path(), &["--debug.enabled=true"]);
    let secret = "sk-proj-Zq3rT8vLw2Nx5Yb7Kd9Mf4Hg6Js1Pa0CeUiOpAs";
    let text = format!("use the key {secret} for it");
    for (id, key) in [(1, "debug.request"), (2, "debug.plan"), (3, "debug.history")] {
        assert_eq!(export(&pharos, &said(5, id, key, &text)).status, 200);
    }
    until("three events", || json(&pharos, "/api/debug/stats")["total_logs"] == 3);
    let logs = json(&pharos, "/api/debug/logs").to_string();
    assert!(logs.contains("use the key") && logs.contains("for it"), "{logs}");
    assert!(!logs.contains("Zq3rT8vLw2Nx5"), "{logs}");
    assert_eq!(pharos.stop().unwrap(), Some(0));
    let file = fs::read_to_string(folder.path().join("debug_logs.jsonl")).unwrap();
    assert!(file.contains("use the key") && !file.contains("Zq3rT8vLw2Nx5"), "{file}");
}

#[test]
fn the_toggle_survives_a_kill_and_no_event_is_lost() {
    let folder = folder();
    let pharos = start(folder.path(), &[]);
    toggle(&pharos, &json!({ "enabled": true, "trace_id": "07".repeat(16) }));
    for id in 1..=50 {
        assert_eq!(export(&pharos, &said(7, id, "debug.plan", &format!("plan {id}"))).status, 200);
        assert_eq!(export(&pharos, &said(8, id, "debug.plan", "another trace")).status, 200);
    }
    pharos.kill().unwrap();
    let pharos = start(folder.path(), &[]);
    assert_eq!(json(&pharos, "/api/debug/toggle")["scopes"][0]["trace_id"], "07".repeat(16));
    let path = "/api/debug/logs?limit=500";
    until("all events of the scope", || {
        let logs = json(&pharos, path)["logs"].clone();
        let texts: BTreeSet<_> =
            logs.as_array().unwrap().iter().map(|event| event["text"].to_string()).collect();
        assert!(!texts.contains("\"another trace\""));
        texts.len() == 50
    });
}

#[test]
fn refused_keys_and_changes_are_told_by_name_and_never_by_key() {
    let folder = folder();
    let key = "oncall-0123456789abcdef";
    let file = folder.path().join("oncall.key");
    fs::write(&file, key).unwrap();
    let config = folder.path().join("pharos.yml");
    let keys = format!(
        "auth:\n  api_keys:\n    - {{name: oncall, role: admin, key_file: {}}}\n",
        file.display()
    );
    fs::write(&config, keys).unwrap();
    let storage = folder.path().join("storage");
    let config = ["--config.file", config.to_str().unwrap()];
    let pharos = start(&storage, &config);
    let on = json!({ "enabled": true, "tenant": "acme" });
    assert_eq!(change(&pharos, "", &on).status, 401);
    assert_eq!(change(&pharos, "x-api-key: guess-0123456789abcdef\r\n", &on).status, 401);
    assert_eq!(change(&pharos, &format!("x-api-key: {key}\r\n"), &on).status, 200);
    assert_eq!(pharos.stop().unwrap(), Some(0));
    let events = lines(&storage, "system_events.jsonl");
    let named: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(named, ["config_read", "login_failed", "login_failed", "debug_toggle_changed"]);
    assert_eq!((&events[3]["key_name"], &events[3]["tenant"]), (&json!("oncall"), &json!("acme")));
    let text = fs::read_to_string(storage.join("system_events.jsonl")).unwrap();
    assert!(!text.contains("0123456789abcdef") && text.starts_with("{\"timestamp\":\""), "{text}");
    // Another configuration is told as a change.
    let pharos = start(&storage, &[config[0], config[1], "--storage.retention.age", "20d"]);
    until("readiness", || get(&pharos, "/health/ready").status == 200);
    assert_eq!(pharos.stop().unwrap(), Some(0));
    let events = lines(&storage, "system_events.jsonl");
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["before"]), (&json!("config_changed"), &events[0]["sha256"]));
}

#[test]
fn event_files_that_cannot_be_written_stop_neither_ingest_nor_start() {
    let folder = folder();
    let blocked = folder.path().join("blocked");
    fs::write(&blocked, "a file where the folder should be").unwrap();
    let extra = ["--debug.path", blocked.to_str().unwrap(), "--debug.enabled=true"];
    let pharos = start(folder.path(), &extra);
    for id in 1..=3 {
        assert_eq!(export(&pharos, &said(4, id, "debug.plan", "x")).status, 200);
    }
    until("the losses", || {
        let lost = Page::of(&pharos).sum("pharos_debug_lost_total", &[("file", "debug_logs")]);
        lost == 3.0
    });
    settle(&pharos);
    let stored = Page::of(&pharos).sum("pharos_ingest_stored_items_total", &[("signal", "traces")]);
    assert_eq!(stored, 3.0);
    assert_eq!(pharos.stop().unwrap(), Some(0));
}

#[test]
fn a_damaged_toggle_is_off_and_told_once_and_what_another_process_writes_is_seen() {
    let folder = folder();
    let file = folder.path().join("debug_toggle.json");
    fs::write(&file, "{\"enabled\": tr").unwrap();
    let pharos = start(folder.path(), &["--debug.enabled=true"]);
    let state = json(&pharos, "/api/debug/toggle");
    assert_eq!((&state["enabled"], &state["damaged"]), (&json!(false), &json!(true)));
    assert_eq!(export(&pharos, &said(3, 1, "debug.plan", "not this")).status, 200);
    let written = folder.path().join("from-outside");
    fs::write(&written, "{\"enabled\": true, \"scopes\": [{\"agent\": \"planner\"}]}").unwrap();
    fs::rename(&written, &file).unwrap();
    until("the change of the file", || json(&pharos, "/api/debug/toggle")["enabled"] == true);
    assert_eq!(json(&pharos, "/api/debug/toggle")["scopes"][0]["agent"], "planner");
    assert_eq!(json(&pharos, "/api/debug/stats")["total_logs"], 0);
    assert_eq!(pharos.stop().unwrap(), Some(0));
    let named = |file: &str, key: &str| -> Vec<String> {
        lines(folder.path(), file).iter().map(|line| line[key].as_str().unwrap().into()).collect()
    };
    let events = named("system_events.jsonl", "event");
    assert_eq!(events, ["debug_toggle_damaged", "config_read", "debug_toggle_changed"]);
    // Pharos' own warnings go to the file beside it.
    let warnings = named("app_logs.jsonl", "message");
    assert_eq!(warnings, ["The debug toggle is damaged and counts as off."]);
}
