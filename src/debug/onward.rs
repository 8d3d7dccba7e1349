//! Debug events as an OTLP logs request: stored, searched and forwarded like any other record.

use std::collections::BTreeMap;

use super::event::DebugEvent;
use crate::otlp::write::{bytes_field, fixed64_field, message_field, varint_field};

/// The instrumentation scope of these records.
pub const SCOPE: &str = "pharos.debug";
/// OTLP's severity number of DEBUG.
const DEBUG: u64 = 5;

/// Records that wait to be sent onward, by the service that they are about.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    records: BTreeMap<String, Vec<u8>>,
    items: u32,
    bytes: usize,
}

impl Outbox {
    /// How many bytes wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds an event. `now_ns` is when it was read.
    pub(super) fn add(&mut self, event: &DebugEvent<'_>, now_ns: u64) {
        let records = self.records.entry(event.service.clone().into_owned()).or_default();
        let before = records.len();
        message_field(records, 2, |out| record(out, event, now_ns));
        self.bytes += records.len() - before;
        self.items += 1;
    }

    /// The request and how many records are in it, if anything waits. Empties the box.
    pub(super) fn take(&mut self) -> Option<(Vec<u8>, u32)> {
        let Self { records, items, bytes } = std::mem::take(self);
        if items == 0 {
            return None;
        }
        let mut request = Vec::with_capacity(bytes + 256);
        for (service, records) in records {
            message_field(&mut request, 1, |out| {
                message_field(out, 1, |out| attribute(out, 1, "service.name", &service));
                message_field(out, 2, |out| {
                    message_field(out, 1, |out| bytes_field(out, 1, SCOPE.as_bytes()));
                    out.extend_from_slice(&records);
                });
            });
        }
        Some((request, items))
    }
}

fn record(out: &mut Vec<u8>, event: &DebugEvent<'_>, now_ns: u64) {
    fixed64_field(out, 1, event.time_ns);
    varint_field(out, 2, DEBUG);
    bytes_field(out, 3, b"DEBUG");
    message_field(out, 5, |out| bytes_field(out, 1, event.text.as_bytes()));
    for (key, text) in [
        ("pharos.debug.part", Some(event.part).filter(|part| !part.is_empty())),
        ("pharos.debug.name", Some(&*event.name)),
        ("gen_ai.agent.name", event.agent.as_deref()),
        ("tenant.id", event.tenant.as_deref()),
        ("gen_ai.conversation.id", event.conversation.as_deref()),
        ("error.type", event.error_type.as_deref()),
    ] {
        if let Some(text) = text {
            attribute(out, 6, key, text);
        }
    }
    if event.missing_chars > 0 {
        message_field(out, 6, |out| {
            bytes_field(out, 1, b"pharos.debug.cut_chars");
            message_field(out, 2, |out| varint_field(out, 3, event.missing_chars as u64));
        });
    }
    if let Some(trace_id) = event.trace_id {
        bytes_field(out, 9, trace_id.as_bytes());
    }
    if let Some(span_id) = event.span_id {
        bytes_field(out, 10, span_id.as_bytes());
    }
    fixed64_field(out, 11, now_ns);
    bytes_field(out, 12, event.kind.record_name().as_bytes());
}

fn attribute(out: &mut Vec<u8>, field: u32, key: &str, text: &str) {
    message_field(out, field, |out| {
        bytes_field(out, 1, key.as_bytes());
        message_field(out, 2, |out| bytes_field(out, 1, text.as_bytes()));
    });
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use prost::Message as _;

    use super::super::kind::EventKind;
    use super::super::sources;
    use super::*;
    use crate::model::{SpanId, TraceId};
    use crate::otlp::read;

    fn event(service: &str) -> DebugEvent<'_> {
        DebugEvent {
            time_ns: 7,
            kind: EventKind::Plan,
            trace_id: TraceId::from_bytes(&[1; 16]),
            span_id: SpanId::from_bytes(&[2; 8]),
            service: service.into(),
            name: "planner".into(),
            agent: Some("planner".into()),
            tenant: None,
            conversation: None,
            part: "completion",
            failed: false,
            error_type: None,
            missing_chars: 3,
            text: "first, then".to_owned(),
        }
    }

    #[test]
    fn an_independent_reader_sees_the_same() {
        let mut outbox = Outbox::default();
        assert!(outbox.take().is_none());
        for service in ["shop", "shop", "bank"] {
            outbox.add(&event(service), 9);
        }
        let (request, items) = outbox.take().unwrap();
        assert_eq!((items, outbox.bytes(), outbox.take().is_none()), (3, 0, true));
        let request = ExportLogsServiceRequest::decode(&request[..]).unwrap();
        assert_eq!(request.resource_logs.len(), 2);
        let records = &request.resource_logs[1].scope_logs[0].log_records;
        assert_eq!(records.len(), 2);
        let record = &records[0];
        assert_eq!(record.event_name, "pharos.debug.plan");
        assert_eq!((&record.trace_id[..], &record.span_id[..]), (&[1; 16][..], &[2; 8][..]));
        assert_eq!((record.time_unix_nano, record.observed_time_unix_nano), (7, 9));
        let body = format!("{:?}", record.body);
        assert!(body.contains("first, then"), "{body}");
        assert_eq!(record.attributes.len(), 4);
    }

    #[test]
    fn what_was_sent_onward_causes_nothing_further() {
        let mut outbox = Outbox::default();
        outbox.add(&event("shop"), 9);
        let (request, _) = outbox.take().unwrap();
        let mut records = 0;
        read::log_records(&request, |origin, record| {
            records += 1;
            assert!(sources::of_record(origin, record).events.is_empty());
        })
        .unwrap();
        assert_eq!(records, 1);
    }
}
