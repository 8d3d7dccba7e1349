//! What is exported is what was sent, each record once.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

use super::*;
use crate::otlp::json::transcode;
use crate::storage::block::recorded;
use crate::storage::double::{TestFolder, files};
use crate::storage::fs::RealFs;
use crate::storage::index::double::{TestLog, TestSpan, logs, spans, trace_id};

fn lines(root: &Path, query: &ExportQuery) -> (Vec<String>, Exported) {
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    let mut lines = Vec::new();
    let exported = export(&fs, root, query, &mut |line| {
        lines.push(String::from_utf8(line.to_vec()).unwrap());
        Ok(())
    });
    (lines, exported.unwrap())
}

/// Every record with what it came from, as prost prints them, and how often it is there.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told(BTreeMap<String, usize>);

impl Told {
    fn body(&mut self, signal: Signal, body: &[u8]) {
        use prost::Message as _;
        match signal {
            Signal::Traces => self.spans(ExportTraceServiceRequest::decode(body).unwrap()),
            _ => self.logs(ExportLogsServiceRequest::decode(body).unwrap()),
        }
    }

    fn spans(&mut self, request: ExportTraceServiceRequest) {
        for group in request.resource_spans {
            for scope in group.scope_spans {
                for mut span in scope.spans {
                    // An empty status and none are the same.
                    span.status.get_or_insert_default();
                    let from = (&group.resource, &group.schema_url, &scope.scope);
                    *self.0.entry(format!("{from:?} {span:?}")).or_default() += 1;
                }
            }
        }
    }

    fn logs(&mut self, request: ExportLogsServiceRequest) {
        for group in request.resource_logs {
            for scope in group.scope_logs {
                for mut record in scope.log_records {
                    record.body.get_or_insert_default();
                    let from = (&group.resource, &group.schema_url, &scope.scope);
                    *self.0.entry(format!("{from:?} {record:?}")).or_default() += 1;
                }
            }
        }
    }

    /// Reads lines twice: as we take them in, and as `opentelemetry_proto` does.
    fn of_lines(lines: &[String]) -> Self {
        let (mut ours, mut theirs) = (Self::default(), Self::default());
        for line in lines {
            let signal =
                if line.starts_with("{\"resourceLogs") { Signal::Logs } else { Signal::Traces };
            let read = transcode(signal, line.as_bytes(), 1_000_000, &mut |_| true).unwrap();
            ours.body(signal, &read.body);
            match signal {
                Signal::Logs => theirs.logs(serde_json::from_str(line).unwrap()),
                _ => theirs.spans(serde_json::from_str(line).unwrap()),
            }
        }
        assert_eq!(ours, theirs);
        ours
    }
}

#[test]
fn an_export_of_blocks_and_log_is_what_was_sent() {
    let (traces, logs) = (recorded(Signal::Traces), recorded(Signal::Logs));
    let (one, other) = traces.split_at(traces.len() / 2);
    let first = [one, &logs[..1]].concat();
    let second = [other, &logs[1..]].concat();
    let third = [&traces[..2], &logs[..1]].concat();
    let mut sent = Told::default();
    for batch in [&first, &second, &third].into_iter().flatten() {
        sent.body(batch.signal, &batch.body);
    }
    for blocks in [0, 1, 2] {
        let copy = TestFolder::new(&[&first, &second, &third], blocks).copy();
        for removed in 0..=blocks {
            if removed > 0 {
                let gone = copy.path().join("segments").join(segment_name(removed as u64));
                std::fs::remove_file(gone).unwrap();
            }
            let before = files(copy.path());
            let (lines, exported) = lines(copy.path(), &ExportQuery::default());
            assert_eq!(exported.damage, [""; 0]);
            assert_eq!(Told::of_lines(&lines), sent, "{blocks} blocks, {removed} segments gone");
            let told: usize = sent.0.values().sum();
            assert_eq!((exported.spans + exported.logs) as usize, told);
            assert!(files(copy.path()) == before, "nothing is changed");
        }
    }
}

fn small() -> TestFolder {
    let span = |trace, start| TestSpan { trace, start, end: start + 5, ..TestSpan::default() };
    let log = |trace, time, observed| TestLog { trace, time, observed, ..TestLog::default() };
    let batches = |from: u64| {
        [spans(&[span(1, from), span(2, from + 1)]), logs(&[log(1, from, 7), log(0, 0, from + 1)])]
    };
    TestFolder::new(&[&batches(10), &batches(20), &batches(30)], 1)
}

#[test]
fn only_what_is_asked_for_is_exported_the_oldest_first() {
    let copy = small().copy();
    let count = |query: ExportQuery| {
        let (lines, exported) = lines(copy.path(), &query);
        assert!(exported.damage.is_empty());
        let told: usize = Told::of_lines(&lines).0.values().sum();
        assert_eq!(told as u64, exported.spans + exported.logs);
        (exported.spans, exported.logs)
    };
    let all = ExportQuery::default();
    assert_eq!(count(all.clone()), (6, 6));
    assert_eq!(count(ExportQuery { signal: Some(Signal::Logs), ..all.clone() }), (0, 6));
    assert_eq!(count(ExportQuery { signal: Some(Signal::Traces), ..all.clone() }), (6, 0));
    assert_eq!(count(ExportQuery { times: 11..=20, ..all.clone() }), (2, 2));
    assert_eq!(count(ExportQuery { times: 31..=31, ..all.clone() }), (1, 1));
    let trace_id = TraceId::from_bytes(&trace_id(1));
    assert_eq!(count(ExportQuery { trace_id, ..all.clone() }), (3, 3));
    assert_eq!(count(ExportQuery { trace_id, times: 20..=29, ..all.clone() }), (1, 1));
    let (lines, _) = lines(copy.path(), &ExportQuery { signal: Some(Signal::Traces), ..all });
    let starts: Vec<&str> = lines
        .iter()
        .flat_map(|line| line.split("\"startTimeUnixNano\":\"").skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(starts, ["10", "11", "20", "21", "30", "31"]);
}

#[test]
fn damage_is_told_and_the_rest_is_exported() {
    let copy = small().copy();
    let segment = copy.path().join("segments").join(segment_name(2));
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[180] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let (lines, exported) = lines(copy.path(), &ExportQuery::default());
    assert_eq!((exported.spans, exported.logs, exported.damage.len()), (4, 6, 1), "{exported:?}");
    assert_eq!(Told::of_lines(&lines).0.values().sum::<usize>(), 10);
}

#[test]
fn a_block_without_its_seal_is_exported_all_the_same() {
    let copy = small().copy();
    let all = files(copy.path()).into_keys();
    let mut seals = all.filter(|path| path.extension().is_some_and(|end| end == "block"));
    std::fs::remove_file(copy.path().join(seals.next().unwrap())).unwrap();
    std::fs::remove_file(copy.path().join("segments").join(segment_name(1))).unwrap();
    let before = files(copy.path());
    let (_, exported) = lines(copy.path(), &ExportQuery::default());
    assert_eq!((exported.spans, exported.logs, exported.damage.len()), (6, 6, 0));
    assert!(files(copy.path()) == before);
}

#[test]
fn a_running_pharos_is_not_disturbed() {
    let folder = small();
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    let refused = export(&fs, folder.path(), &ExportQuery::default(), &mut |_| Ok(()));
    assert!(matches!(refused, Err(ExportError::Look(LookError::InUse { .. }))), "{refused:?}");
    let copy = folder.copy();
    let full = &mut |_: &[u8]| Err(io::ErrorKind::StorageFull.into());
    let refused = export(&fs, copy.path(), &ExportQuery::default(), full);
    assert!(matches!(refused, Err(ExportError::Write(_))), "{refused:?}");
}

#[test]
fn a_record_that_is_no_otlp_hides_none_of_its_neighbours() {
    let mut line = Line::new(Signal::Traces);
    let origin = Groups { resource: b"", scope: b"" }.request();
    line.push(&origin, b"\x2a\x01a");
    line.push(&origin, b"\x2a\x09a");
    line.push(&origin, b"\x2a\x01b");
    let mut told = Vec::new();
    let written = line.write(&mut |line| {
        told.push(String::from_utf8(line.to_vec()).unwrap());
        Ok(())
    });
    let written = written.unwrap();
    assert_eq!((written.records, written.unreadable, told.len()), (2, 1, 2));
    assert!(told[1].contains(r#"{"name":"b"}"#), "{told:?}");
}
