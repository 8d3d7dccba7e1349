//! `/api/logs`: log records and events, newest first, a page at a time.

use super::error::ApiError;
use super::messages::MessageView;
use super::moment::rfc3339;
use super::parameters::Parameters;
use super::search::{attributes, free_text, time, time_range};
use super::span_view::{Attributes, Id, Json};
use super::{Shared, json_answer};
use crate::limits;
use crate::model::{GenAiEventKind, LogRecord, Origin, SpanId, TraceId};
use crate::semconv::{Passage, log_passages, understand_log};
use crate::storage::query::{Budget, LogFilters, LogPage, LogQuery};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use std::io::Write as _;

/// The query parameters.
pub(super) const PARAMETERS: &[&str] = &[
    "trace_id",
    "span_id",
    "service",
    "severity",
    "event_name",
    "attr",
    "text",
    "from",
    "to",
    "limit",
    "cursor",
];

/// OTLP's severities: the first of the four numbers of each.
const SEVERITIES: [(&str, u32); 7] = [
    ("trace", 1),
    ("debug", 5),
    ("info", 9),
    ("warn", 13),
    ("warning", 13),
    ("error", 17),
    ("fatal", 21),
];

/// One record in the answer.
#[derive(Debug, Serialize)]
struct Told<'v, 'a> {
    time: String,
    observed_time: Option<String>,
    severity_number: u32,
    severity_text: &'v str,
    event_name: &'v str,
    service: &'v str,
    trace_id: Option<Id<TraceId>>,
    span_id: Option<Id<SpanId>>,
    body: Json<'v, 'a>,
    attributes: Attributes<'v, 'a>,
    /// What a GenAI event is understood as; absent for every other record.
    #[serde(skip_serializing_if = "Option::is_none")]
    gen_ai: Option<GenAi<'v>>,
}

#[derive(Debug, Serialize)]
struct GenAi<'v> {
    kind: &'static str,
    role: &'v str,
    messages: Vec<MessageView<'v>>,
}

/// `GET /api/logs`.
pub(super) async fn answer(
    State(api): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = read(&Parameters::of(query.as_deref(), PARAMETERS)?)?;
    let store = api.handles.store.clone();
    let search = api.searches.run(move |cancelled| {
        let budget = Budget { cancelled: Some(cancelled), ..Budget::default() };
        store.logs(&query, budget).map(|page| write(&page))
    });
    Ok(json_answer(search.await?.map_err(ApiError::from)?))
}

fn read(parameters: &Parameters) -> Result<LogQuery, ApiError> {
    let text = |name| -> Result<Option<String>, ApiError> {
        Ok(parameters.text(name)?.map(str::to_owned))
    };
    let trace = parameters.text("trace_id")?.map(super::trace::trace_id).transpose()?;
    let span = parameters.text("span_id")?.map(|text| {
        let message = "span_id is 16 hexadecimal digits, not all zero.";
        text.parse().map_err(|_| ApiError::parameter("span_id", message))
    });
    let filters = LogFilters {
        trace,
        span: span.transpose()?,
        service: text("service")?,
        min_severity: severity(parameters)?,
        event_name: text("event_name")?,
        attributes: attributes(parameters)?,
        text: free_text(parameters)?,
        from_ns: time(parameters, "from")?,
        to_ns: time(parameters, "to")?,
    };
    time_range(filters.from_ns, filters.to_ns)?;
    let limit = parameters.number("limit", 1..=limits::LOG_PAGE_RECORDS)?;
    Ok(LogQuery { filters, limit, cursor: text("cursor")? })
}

fn severity(parameters: &Parameters) -> Result<Option<u32>, ApiError> {
    let Some(text) = parameters.text("severity")? else { return Ok(None) };
    let named = SEVERITIES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    let number = || text.parse().ok().filter(|number| (1..=24).contains(number));
    let found = named.map(|(_, number)| *number).or_else(number);
    let message = "severity is trace, debug, info, warn, error or fatal, or a number from 1 to 24.";
    found.map(Some).ok_or_else(|| ApiError::parameter("severity", message))
}

fn write(page: &LogPage) -> Vec<u8> {
    let mut out = Vec::with_capacity(page.records.bytes() * 2 + 64);
    out.extend_from_slice(b"{\"logs\":[");
    let mut first = true;
    page.records.visit_logs(|origin, record| {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        let said = log_passages(origin, record);
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut out, &Told::of(origin, record, &said));
    });
    let next = page.next.as_ref().map_or("null".to_owned(), |next| format!("\"{next}\""));
    let _ = write!(out, "],\"next\":{next},\"incomplete\":{}}}", page.incomplete);
    out
}

impl<'v, 'a> Told<'v, 'a> {
    fn of(origin: &'v Origin<'a>, record: &'v LogRecord<'a>, said: &'v [Passage<'a>]) -> Self {
        let time_ns = if record.time_ns == 0 { record.observed_ns } else { record.time_ns };
        let gen_ai = understand_log(origin, record).map(|event| GenAi {
            kind: kind(event.kind),
            role: event.role,
            messages: said.iter().map(|passage| MessageView::of(passage, usize::MAX)).collect(),
        });
        Self {
            time: rfc3339(time_ns),
            observed_time: (record.observed_ns > 0).then(|| rfc3339(record.observed_ns)),
            severity_number: record.severity,
            severity_text: record.severity_text,
            event_name: record.event_name,
            service: origin.service(),
            trace_id: record.trace_id.map(Id),
            span_id: record.span_id.map(Id),
            body: Json::whole(&record.body),
            attributes: Attributes::whole(&record.attributes),
            gen_ai,
        }
    }
}

fn kind(kind: GenAiEventKind) -> &'static str {
    match kind {
        GenAiEventKind::Prompt => "prompt",
        GenAiEventKind::Completion => "completion",
        GenAiEventKind::Details => "details",
        GenAiEventKind::Evaluation => "evaluation",
        GenAiEventKind::Exception => "exception",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<LogQuery, ApiError> {
        read(&Parameters::of(Some(text), PARAMETERS)?)
    }

    #[test]
    fn every_parameter_reaches_the_query() {
        let text = "trace_id=0AF7651916cd43dd8448eb211c80319c&span_id=00000000000000Ff\
            &service=shop&severity=WARN&event_name=gen_ai.choice&attr=user.id:7&attr=url:http://x/\
            &text=Time%20out&from=1700000000&to=1800000000&limit=1000";
        let read = query(text).unwrap();
        let some = |text: &str| Some(text.to_owned());
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let expected = LogFilters {
            trace: Some("0af7651916cd43dd8448eb211c80319c".parse().unwrap()),
            span: SpanId::from_bytes(&[0, 0, 0, 0, 0, 0, 0, 255]),
            service: some("shop"),
            min_severity: Some(13),
            event_name: some("gen_ai.choice"),
            attributes: vec![pair("user.id", "7"), pair("url", "http://x/")],
            text: some("Time out"),
            from_ns: Some(1_700_000_000_000_000_000),
            to_ns: Some(1_800_000_000_000_000_000),
        };
        assert_eq!((read.filters, read.limit, read.cursor), (expected, Some(1_000), None));
        assert_eq!(query("").unwrap(), LogQuery::default());
        assert_eq!(query("severity=1").unwrap().filters.min_severity, Some(1));
        assert_eq!(query("severity=fatal").unwrap().filters.min_severity, Some(21));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let many = "attr=a:b&".repeat(limits::SEARCH_ATTRIBUTES + 1);
        let long = format!("text={}", "a".repeat(limits::PARAMETER_BYTES + 1));
        for (bad, parameter, says) in [
            ("limit=0", "limit", "from 1 to 1000"),
            ("limit=1001", "limit", "from 1 to 1000"),
            ("limit=1000000000", "limit", "from 1 to 1000"),
            ("trace_id=1", "trace_id", "32 hexadecimal"),
            ("span_id=0000000000000000", "span_id", "16 hexadecimal"),
            ("severity=loud", "severity", "warn, error"),
            ("severity=0", "severity", "from 1 to 24"),
            ("severity=25", "severity", "from 1 to 24"),
            ("severity=-1", "severity", "from 1 to 24"),
            ("severity=4294967305", "severity", "from 1 to 24"),
            ("attr=key=value", "attr", "key:value"),
            (&many, "attr", "16 times"),
            ("text=", "text", "what to look for"),
            (&long, "text", "At most 4096"),
            ("from=2&to=1", "from", "later"),
            ("to=yesterday", "to", "RFC 3339"),
            ("sevrity=warn", "sevrity", "try severity"),
            ("service=a&service=b", "service", "once"),
        ] {
            match query(bad).unwrap_err() {
                ApiError::Parameter { name, message } => {
                    assert_eq!(name, parameter, "{bad}");
                    assert!(message.contains(says), "{bad}: {message}");
                }
                other => panic!("{bad}: {other}"),
            }
        }
    }
}
