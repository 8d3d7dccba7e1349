//! `pharos store`, and the blocks of a real Pharos under another reader's eyes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use serde_json::Value;

use crate::harness::{binary, settle, start, until};
use crate::load::http::Sender;

fn store(command: &str, folder: &Path, more: &[&str]) -> Output {
    let path = folder.to_str().unwrap();
    Command::new(binary())
        .args(["store", command, "--storage.path", path])
        .args(more)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Recorded bodies of a signal.
fn recorded(signal: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp");
    let libraries = ["openllmetry-openai", "official-openai", "openinference-langchain"];
    let mut found: Vec<PathBuf> = libraries
        .iter()
        .flat_map(|library| std::fs::read_dir(root.join(library)).unwrap().flatten())
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(&format!(".{signal}.pb")))
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// A folder in which the recorded bodies are a block; what was running there was asked things.
fn folder_with_a_block(beside: impl Fn(&Path)) -> tempfile::TempDir {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let plain = ["--redaction.enabled=false"];
    let pharos = start(folder.path(), &plain);
    for signal in ["traces", "logs"] {
        for body in recorded(signal) {
            let mut sender = Sender::connect(pharos.otlp_http).unwrap();
            assert_eq!(sender.export(signal, &body).unwrap().status, 200);
        }
    }
    settle(&pharos);
    assert_eq!(pharos.stop().unwrap(), Some(0));
    let pharos = start(folder.path(), &plain);
    until("a block", || file(folder.path(), ".block").is_some());
    beside(folder.path());
    assert_eq!(pharos.stop().unwrap(), Some(0));
    folder
}

/// The first file of a block whose name ends like this.
fn file(folder: &Path, end: &str) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder.join("blocks")).ok()?.flatten();
    files.map(|entry| entry.path()).find(|path| path.to_string_lossy().ends_with(end))
}

fn spans(requests: impl Iterator<Item = ExportTraceServiceRequest>) -> Vec<String> {
    let mut found = Vec::new();
    for group in requests.flat_map(|request| request.resource_spans) {
        for mut span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            // An empty status and none are the same.
            span.status.get_or_insert_default();
            found.push(format!("{:?} {span:?}", group.resource));
        }
    }
    found.sort();
    found
}

fn records(requests: impl Iterator<Item = ExportLogsServiceRequest>) -> Vec<String> {
    let mut found = Vec::new();
    for group in requests.flat_map(|request| request.resource_logs) {
        for mut record in group.scope_logs.into_iter().flat_map(|scope| scope.log_records) {
            record.body.get_or_insert_default();
            found.push(format!("{:?} {record:?}", group.resource));
        }
    }
    found.sort();
    found
}

#[test]
fn what_was_sent_is_verified_and_exported() {
    let folder = folder_with_a_block(|path| {
        let verified = store("verify", path, &[]);
        assert_eq!(verified.status.code(), Some(0), "{verified:?}");
        let told = text(&verified.stdout);
        assert!(told.contains("a running Pharos") && told.contains(".block  "), "{told}");
        let kept = path.join("kept.jsonl");
        std::fs::write(&kept, "of another day").unwrap();
        for to in ["-", kept.to_str().unwrap()] {
            let refused = store("export", path, &["--output", to]);
            assert_eq!(refused.status.code(), Some(75), "{refused:?}");
            assert!(refused.stdout.is_empty() && text(&refused.stderr).contains("in use"));
        }
        assert_eq!(std::fs::read_to_string(kept).unwrap(), "of another day");
    });
    let path = folder.path();
    let verified = store("verify", path, &["--json"]);
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
    let lines: Vec<Value> =
        text(&verified.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, files) = lines.split_last().unwrap();
    assert_eq!((&summary["damaged"], &summary["files"]), (&0.into(), &files.len().into()));
    assert!(files.iter().any(|file| file["file"] == "metrics.snapshot"), "{files:?}");

    let traces = store("export", path, &["--signal", "traces"]);
    assert_eq!(traces.status.code(), Some(0), "{traces:?}");
    let exported = text(&traces.stdout);
    let found = spans(exported.lines().map(|line| serde_json::from_str(line).unwrap()));
    let sent = recorded("traces");
    let sent = spans(sent.iter().map(|body| Message::decode(&body[..]).unwrap()));
    assert_eq!(found, sent);
    let to = path.join("logs.jsonl");
    let logs = store("export", path, &["--signal", "logs", "--output", to.to_str().unwrap()]);
    assert_eq!((logs.status.code(), logs.stdout.len()), (Some(0), 0), "{logs:?}");
    let exported = std::fs::read_to_string(&to).unwrap();
    let found = records(exported.lines().map(|line| serde_json::from_str(line).unwrap()));
    let sent = recorded("logs");
    assert_eq!(found, records(sent.iter().map(|body| Message::decode(&body[..]).unwrap())));

    let content = file(path, ".content.parquet").unwrap();
    let mut bytes = std::fs::read(&content).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&content, bytes).unwrap();
    let verified = store("verify", path, &[]);
    assert_eq!(verified.status.code(), Some(1), "{verified:?}");
    assert!(text(&verified.stdout).contains("DAMAGED: bytes 0 to "), "{verified:?}");
    let exported = store("export", path, &[]);
    assert_eq!(exported.status.code(), Some(1), "{exported:?}");
    for command in ["verify", "export"] {
        let none = store(command, &path.join("nowhere"), &[]);
        assert_eq!(none.status.code(), Some(66), "{none:?}");
    }
}

/// What another reader must find of an attribute: key, letter and text; of texts and numbers.
fn told(attribute: &KeyValue) -> Option<Value> {
    let AnyValue { value } = attribute.value.as_ref()?;
    match value.as_ref()? {
        Any::StringValue(text) => Some(serde_json::json!([attribute.key, "s", text])),
        Any::IntValue(number) => Some(serde_json::json!([attribute.key, "i", number.to_string()])),
        _ => None,
    }
}

#[test]
fn another_parquet_reader_finds_what_was_sent() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".venv/bin/python");
    assert!(python.exists(), "`make prepare` installs pyarrow");
    let folder = folder_with_a_block(|_| {});
    let output = Command::new(python)
        .arg(root.join("tests/blocks/read.py"))
        .arg(folder.path().join("blocks"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (part, column, kind) in [
        ("spans", "trace_id", "fixed_size_binary[16]"),
        ("spans", "start_time", "timestamp[ns, tz=UTC]"),
        ("spans", "service", "string"),
        ("spans", "failed", "bool"),
        ("spans", "input_tokens", "int64"),
        ("spans", "cost_usd", "double"),
        ("spans", "attributes", "map<string, string"),
        ("spans", "content", "list<element: int64 not null>"),
        ("logs", "observed_time", "timestamp[ns, tz=UTC]"),
        ("logs", "attributes", "map<string, string"),
        ("content", "text", "string"),
    ] {
        let found = read["types"][part][column].as_str().unwrap_or_default();
        assert!(found.starts_with(kind), "{part}.{column}: {found}");
    }
    let (mut spans, mut long) = (0, 0);
    for body in recorded("traces") {
        let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
        let groups = request.resource_spans.into_iter().flat_map(|group| group.scope_spans);
        for span in groups.flat_map(|scope| scope.spans) {
            let id: String = span.span_id.iter().map(|byte| format!("{byte:02x}")).collect();
            let all = read["spans"].as_array().unwrap();
            let row = all.iter().find(|row| row["span_id"] == id.as_str()).unwrap();
            assert_eq!(row["name"], span.name);
            assert_eq!(row["start_time"], span.start_time_unix_nano);
            let found = row["attributes"].as_array().unwrap();
            for expected in span.attributes.iter().filter_map(told) {
                assert!(found.contains(&expected), "{expected} in {found:?}");
                long += usize::from(expected[2].as_str().unwrap().len() >= 128);
            }
            spans += 1;
        }
    }
    assert!(spans > 10 && long > 10, "{spans} spans, {long} long texts");
    let bodies: Vec<&Value> =
        read["logs"].as_array().unwrap().iter().map(|row| &row["body"][1]).collect();
    for body in recorded("logs") {
        let request = ExportLogsServiceRequest::decode(&body[..]).unwrap();
        let groups = request.resource_logs.into_iter().flat_map(|group| group.scope_logs);
        for record in groups.flat_map(|scope| scope.log_records) {
            if let Some(Any::StringValue(text)) = record.body.and_then(|body| body.value) {
                assert!(bodies.contains(&&Value::from(text)));
            }
        }
    }
}
