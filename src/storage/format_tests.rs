//! The format on disk, as fixtures: what version 1 has written is read for ever.
//!
//! `tests/fixtures/store/v1` is what a Pharos left that was killed: a block, whose segment is gone,
//! a sealed segment with its index, and one that was written to. `expected.jsonl` is the export of
//! it. Both were made once by [`write_the_fixtures`] and are not to be made again: a change of the
//! format is a new folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;

use super::block::{Catalog, CatalogError};
use super::double::{TestFolder, copy_folder, files};
use super::export::{ExportQuery, export};
use super::fs::{Fs, RealFs};
use super::index::{Index, double};
use super::layout::segment_name;
use super::verify::{State, verify};
use super::*;
use crate::model::{Signal, TraceId};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store")
}

fn v1() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&fixtures().join("v1"), copy.path());
    copy
}

fn any(value: Any) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

fn attribute(key: &str, value: Option<AnyValue>) -> KeyValue {
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn text(key: &str, text: &str) -> KeyValue {
    attribute(key, any(Any::StringValue(text.to_owned())))
}

fn resource() -> Option<Resource> {
    Some(Resource { attributes: vec![text("service.name", "planner")], ..Resource::default() })
}

/// A call of a model with the conversation so far, and a log record of it.
fn turn(number: u8) -> [Batch; 2] {
    let message = |turn| {
        let said = format!("message {turn} of a conversation that is told again in every call");
        format!(r#"{{"role":"user","content":"{said}"}}"#)
    };
    let messages: Vec<String> = (0..=number).map(message).collect();
    let messages = format!("[{}]", messages.join(","));
    let start = 1_795_248_000_000_000_000 + u64::from(number) * 1_000_000_000;
    let list = ArrayValue { values: vec![any(Any::IntValue(1)).unwrap()] };
    let trace_id = vec![number + 1; 16];
    let span = Span {
        trace_id: trace_id.clone(),
        span_id: vec![number + 1; 8],
        name: "chat".to_owned(),
        kind: 3,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 1_500_000,
        attributes: vec![
            text("op", "chat"),
            text("model", "gpt-4o"),
            text("messages", &messages),
            attribute("in", any(Any::IntValue(42))),
            attribute("temperature", any(Any::DoubleValue(0.5))),
            attribute("stream", any(Any::BoolValue(true))),
            attribute("none", Some(AnyValue::default())),
            attribute("list", any(Any::ArrayValue(list))),
            attribute("bytes", any(Any::BytesValue(vec![0, 255]))),
        ],
        events: vec![Event {
            name: "exception".to_owned(),
            attributes: vec![text("exception.stacktrace", &"at main.rs\n".repeat(20))],
            ..Event::default()
        }],
        status: Some(Status { code: 2, message: "refused".to_owned() }),
        flags: 0x101,
        ..Span::default()
    };
    let record = LogRecord {
        time_unix_nano: start + 1,
        observed_time_unix_nano: start + 2,
        severity_number: 17,
        severity_text: "ERROR".to_owned(),
        body: any(Any::StringValue(messages)),
        trace_id,
        span_id: vec![number + 1; 8],
        attributes: vec![text("gen_ai.system", "openai")],
        ..LogRecord::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let group = ResourceSpans { resource: resource(), scope_spans, ..ResourceSpans::default() };
    let spans = ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec();
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let group = ResourceLogs { resource: resource(), scope_logs, ..ResourceLogs::default() };
    let logs = ExportLogsServiceRequest { resource_logs: vec![group] }.encode_to_vec();
    [(Signal::Traces, spans), (Signal::Logs, logs)].map(|(signal, body)| Batch {
        signal,
        arrived_ns: start + 5,
        items: 1,
        body: body.into(),
    })
}

#[test]
#[ignore = "writes the fixtures of the version that is written now"]
fn write_the_fixtures() {
    let segments = [[turn(0), turn(1)].concat(), turn(2).to_vec(), turn(3).to_vec()];
    let lists: Vec<&[Batch]> = segments.iter().map(Vec::as_slice).collect();
    let copy = TestFolder::new(&lists, 1).copy();
    for gone in ["segments/00000000000000000001.log", "index/00000000000000000001.idx", "lock"] {
        std::fs::remove_file(copy.path().join(gone)).unwrap();
    }
    let folder = fixtures().join(format!("v{}", layout::FORMAT_VERSION));
    assert!(!folder.exists(), "{} is there for ever", folder.display());
    copy_folder(copy.path(), &folder);
    let expected = fixtures().join(format!("v{}.expected.jsonl", layout::FORMAT_VERSION));
    std::fs::write(expected, exported(copy.path()).0).unwrap();
}

/// The export of a folder, and whether all of it could be read.
fn exported(root: &Path) -> (String, bool) {
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    let mut lines = String::new();
    let exported = export(&fs, root, &ExportQuery::default(), &mut |line| {
        lines.push_str(std::str::from_utf8(line).unwrap());
        lines.push('\n');
        Ok(())
    });
    (lines, exported.unwrap().damage.is_empty())
}

fn expected() -> String {
    std::fs::read_to_string(fixtures().join("v1.expected.jsonl")).unwrap()
}

/// Files that are not whole.
fn damaged(root: &Path) -> Vec<String> {
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    let mut found = Vec::new();
    let summary = verify(&fs, root, &[], &mut |checked| {
        if checked.state != State::Whole {
            found.push(checked.file.clone());
        }
    });
    assert!(summary.unwrap().files >= 8);
    found
}

/// Opens the folder as a Pharos does at its start.
fn open(root: &Path) -> Result<(Arc<Log>, Catalog), String> {
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    Catalog::refuse_newer(&fs, root).map_err(|error| error.to_string())?;
    let options = LogOptions { disk_reserve_bytes: 0, ..LogOptions::default() };
    let log = Log::open(fs, root, options).map_err(|error| error.to_string())?;
    let catalog = Catalog::of_log(&log).map_err(|error| error.to_string())?;
    Ok((Arc::new(log), catalog))
}

#[test]
fn what_version_1_has_written_is_whole_and_answers_as_ever() {
    let copy = v1();
    assert_eq!(damaged(copy.path()), [""; 0]);
    assert_eq!(exported(copy.path()), (expected(), true));
    assert_eq!(files(copy.path()), files(&fixtures().join("v1")), "nothing was touched");

    let (log, catalog) = open(copy.path()).unwrap();
    let status = catalog.status();
    assert_eq!((status.blocks, status.spans, status.logs, status.through), (1, 2, 2, 1));
    let index = Index::open(Arc::clone(&log), double::reader(), double::open_book);
    let index = index.with_blocks(Arc::new(catalog));
    let mut reader = log.reader(index.wanted_from());
    while let Some((at, batch)) = reader.next().unwrap() {
        index.apply(at, &batch);
    }
    for number in 1..=4 {
        let id = TraceId::from_bytes(&[number; 16]).unwrap();
        let trace = index.trace(id).unwrap();
        assert_eq!((trace.spans.len(), trace.logs.len()), (1, 1), "trace {number}");
        let mut calls = 0;
        trace.spans.visit_spans(|_, span| {
            let said = span.attributes.iter().find(|attribute| attribute.key == "messages");
            let said = said.unwrap().value.as_text().unwrap();
            assert_eq!(said.matches("\"role\"").count(), usize::from(number));
            calls += span.attributes.len();
        });
        assert_eq!(calls, 9);
    }
    drop((index, reader));
    log.stop();
    drop(log);
    assert_eq!(damaged(copy.path()), [""; 0]);
    assert_eq!(exported(copy.path()), (expected(), true), "sealed, it is the same");
}

/// Every span and log record of an export, as JSON.
fn records(lines: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        for (groups, scopes, records) in
            [("resourceSpans", "scopeSpans", "spans"), ("resourceLogs", "scopeLogs", "logRecords")]
        {
            let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
            let groups = list(&line[groups]);
            let scopes = groups.iter().flat_map(|group| list(&group[scopes]));
            for record in scopes.flat_map(|scope| list(&scope[records])) {
                *found.entry(record.to_string()).or_default() += 1;
            }
        }
    }
    found
}

/// Changes a file at many places, each in a fresh copy; whatever is done, the folder opens or is
/// refused as one of a later release, and gives no record that was not sent, and none twice.
fn harm(name: &str, step: usize, change: impl Fn(&mut Vec<u8>, usize), is_found: bool) {
    let whole = records(&expected());
    let good = std::fs::read(fixtures().join("v1").join(name)).unwrap();
    for at in (0..good.len()).step_by(step) {
        let copy = v1();
        let mut bytes = good.clone();
        change(&mut bytes, at);
        std::fs::write(copy.path().join(name), bytes).unwrap();
        let found = damaged(copy.path());
        assert!(!is_found || found.contains(&name.to_owned()), "{name} at {at}: {found:?}");
        match open(copy.path()) {
            Ok((log, _)) => log.stop(),
            Err(error) => {
                assert!(error.contains("format version"), "{name} at {at}: {error}");
                continue;
            }
        }
        let (left, _) = exported(copy.path());
        for (record, count) in records(&left) {
            assert!(whole.get(&record) >= Some(&count), "{name} at {at}: {record}");
        }
        assert_eq!(damaged_blocks(copy.path()), 0, "what is not whole was put aside or told");
    }
}

/// Blocks whose files no seal speaks of, which the start must have dealt with.
fn damaged_blocks(root: &Path) -> usize {
    let names = files(&root.join("blocks")).into_keys();
    let names: Vec<String> = names.map(|name| name.display().to_string()).collect();
    let seals = names.iter().filter(|name| name.ends_with(".block")).count();
    usize::from(seals == 0 && !names.is_empty())
}

const BLOCK: &str = "blocks/020778-00000000000000000001-00000000000000000001";

#[test]
fn damaged_variants_open_and_give_no_wrong_record() {
    let flip = |bytes: &mut Vec<u8>, at: usize| bytes[at] ^= 0x20;
    let cut = |bytes: &mut Vec<u8>, at: usize| bytes.truncate(at);
    let sealed = format!("segments/{}", segment_name(2));
    let open = format!("segments/{}", segment_name(3));
    let part = |end: &str| format!("{BLOCK}.{end}");
    harm(&sealed, 89, flip, true);
    harm(&sealed, 211, cut, true);
    // The end of what was being written cannot be told from a write that was not acknowledged.
    harm(&open, 89, flip, false);
    harm(&open, 211, cut, false);
    harm("index/00000000000000000002.idx", 31, flip, true);
    harm("index/00000000000000000002.idx", 31, cut, true);
    harm(&part("block"), 23, flip, true);
    harm(&part("block"), 47, cut, true);
    for end in ["spans.parquet", "logs.parquet", "content.parquet"] {
        harm(&part(end), 607, flip, true);
        harm(&part(end), 1_201, cut, true);
    }
}

#[test]
fn a_version_2_segment_is_refused_before_anything_is_touched() {
    let copy = v1();
    let path = copy.path().join("segments").join(segment_name(3));
    let mut bytes = std::fs::read(&path).unwrap();
    for at in [0, 64] {
        bytes[at + 8] = 2;
        let crc = crc32fast::hash(&bytes[at..at + 60]);
        bytes[at + 60..at + 64].copy_from_slice(&crc.to_le_bytes());
    }
    std::fs::write(&path, bytes).unwrap();
    refused(copy.path());
}

#[test]
fn a_version_2_block_is_refused_before_anything_is_touched() {
    let copy = v1();
    let path = copy.path().join(format!("{BLOCK}.block"));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 2;
    let crc = crc32fast::hash(&[&bytes[8..12], &bytes[16..]].concat());
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    refused(copy.path());
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    let refused = Catalog::refuse_newer(&fs, copy.path());
    assert!(matches!(refused, Err(CatalogError::Version { .. })), "{refused:?}");
}

/// A folder that a later release has written to: neither opened nor exported, and left as it is.
fn refused(root: &Path) {
    let before = files(root);
    let error = open(root).map(drop).unwrap_err();
    assert!(error.contains("version 2"), "{error}");
    let mut after = files(root);
    // Who opens the log locks the folder first.
    after.remove(Path::new("lock"));
    assert!(after == before);
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    let error = export(&fs, root, &ExportQuery::default(), &mut |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error}");
    assert!(!damaged(root).is_empty());
}
