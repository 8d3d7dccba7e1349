//! What Pharos finds becomes log records that go the way of every other batch.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;

use crate::metrics::Findings;
use crate::model::{
    Attribute, Fact, LogRecord, Notice, NoticeLevel, Notices, Origin, Scope, Signal, Value,
};
use crate::otlp::compose;
use crate::pipeline::{Pipeline, Refusal};
use crate::{build_info, limits};

/// The instrumentation scope of these records.
const SCOPE: &str = "pharos.findings";

/// Where notices are put, from any thread.
#[derive(Clone)]
pub(super) struct NoticeBox {
    queue: Sender<Notice>,
    findings: Findings,
}

/// Notices that wait until there is a pipeline.
pub(super) struct Waiting {
    queue: Receiver<Notice>,
    findings: Findings,
}

/// The task that appends them.
pub(super) struct NoticeTask(JoinHandle<()>);

impl NoticeBox {
    /// A box, and its other end.
    pub(super) fn new(findings: Findings) -> (Self, Waiting) {
        let (sender, queue) = mpsc::channel(limits::NOTICES);
        (Self { queue: sender, findings: findings.clone() }, Waiting { queue, findings })
    }
}

impl Notices for NoticeBox {
    fn say(&self, notice: Notice) {
        let name = notice.name;
        match self.queue.try_send(notice) {
            Ok(()) => self.findings.said(name),
            Err(_) => self.findings.dropped(1),
        }
    }
}

impl Waiting {
    /// Begins to append.
    pub(super) fn start(self, pipeline: Arc<Pipeline>) -> NoticeTask {
        NoticeTask(tokio::spawn(self.run(pipeline)))
    }

    async fn run(mut self, pipeline: Arc<Pipeline>) {
        let mut batch = Vec::new();
        while self.queue.recv_many(&mut batch, limits::NOTICES_PER_BATCH).await > 0 {
            let items = batch.len() as u64;
            let longest = Duration::from_secs(limits::NOTICE_APPEND_SECONDS);
            let kept = tokio::time::timeout(longest, append(&pipeline, &batch)).await;
            if !matches!(kept, Ok(Ok(()))) {
                self.findings.dropped(items);
                tracing::warn!(items, "Findings could not be kept as log records.");
            }
            batch.clear();
        }
    }
}

impl NoticeTask {
    /// Ends it. What is in the box and not appended yet was a finding of the last moments; its
    /// metric has counted it.
    pub(super) fn stop(self) {
        self.0.abort();
    }
}

/// Appends, as often as it takes.
async fn append(pipeline: &Arc<Pipeline>, notices: &[Notice]) -> Result<(), Refusal> {
    let request = request(notices);
    let items = notices.len() as u32;
    loop {
        let body = request.clone().into();
        match pipeline.ingest(Signal::Logs, body, items, Box::new(())).await {
            Ok(_) => return Ok(()),
            Err(malformed @ Refusal::Malformed(_)) => return Err(malformed),
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}

fn request(notices: &[Notice]) -> Vec<u8> {
    let text = |key, text| Attribute { key, value: Value::Text(text) };
    let resource =
        vec![text("service.name", "pharos"), text("service.version", build_info::VERSION)];
    let scope = Scope { name: SCOPE, ..Scope::default() };
    let records: Vec<LogRecord<'_>> = notices.iter().map(record).collect();
    compose::logs(&Origin { resource, scope }, &records)
}

fn record(notice: &Notice) -> LogRecord<'_> {
    let (severity, severity_text) = match notice.level {
        NoticeLevel::Info => (9, "INFO"),
        NoticeLevel::Warning => (13, "WARN"),
        NoticeLevel::Error => (17, "ERROR"),
    };
    let attributes = notice.facts.iter().map(|(key, fact)| {
        let value = match fact {
            Fact::Text(text) => Value::Text(text),
            Fact::Count(count) => Value::Int(i64::try_from(*count).unwrap_or(i64::MAX)),
            Fact::Number(number) => Value::Double(*number),
        };
        Attribute { key, value }
    });
    LogRecord {
        time_ns: notice.time_ns,
        observed_ns: notice.time_ns,
        severity,
        severity_text,
        event_name: notice.name,
        body: Value::Text(notice.text),
        attributes: attributes.collect(),
        trace_id: notice.trace_id,
        span_id: notice.span_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Registry;
    use crate::otlp::read;

    fn notice() -> Notice {
        Notice {
            name: "pharos.loop.detected",
            level: NoticeLevel::Warning,
            text: "A tool is called again and again with the same arguments.",
            facts: vec![
                ("gen_ai.tool.name", Fact::Text("search".into())),
                ("pharos.loop.length", Fact::Count(5)),
                ("pharos.cost_usd", Fact::Number(0.5)),
            ],
            trace_id: None,
            span_id: None,
            time_ns: 7,
        }
    }

    #[test]
    fn a_notice_is_a_record() {
        let mut seen = 0;
        read::log_records(&request(&[notice(), notice()]), |origin, record| {
            seen += 1;
            assert_eq!((origin.service(), origin.scope.name), ("pharos", SCOPE));
            assert_eq!((record.event_name, record.severity), ("pharos.loop.detected", 13));
            assert_eq!(record.attributes[1].value, Value::Int(5));
        })
        .unwrap();
        assert_eq!(seen, 2);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let registry = Registry::default();
        let (notices, waiting) = NoticeBox::new(Findings::new(&registry));
        for _ in 0..limits::NOTICES + 3 {
            notices.say(notice());
        }
        assert!(registry.render().contains("pharos_findings_dropped_total 3\n"));
        drop(waiting);
    }
}
