//! Spans without their content: what lists, statistics and summaries need.

use super::condition;
use super::facts;
use super::row_binary::{Pairs, Values};
use super::schema::Schema;
use crate::model::{
    Attribute, Origin, Scope, Span, SpanId, SpanKind, Status, TraceId, Understanding, Value,
};
use crate::storage::index::{SpanHead, Understand};

use super::encode::{AT, END, START, kind_name};

/// A span in few columns.
#[derive(Debug)]
pub(super) struct Light {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    parent_span_id: Option<SpanId>,
    pub(super) start_ns: u64,
    end_ns: u64,
    kind: SpanKind,
    status: Status,
    service: String,
    name: String,
    scope: String,
    attributes: Pairs,
    resource: Pairs,
    /// Whether its row fulfilled the conditions that were asked about as well.
    pub(super) matched: bool,
}

/// What [`read`] expects, with whether rows fulfil `matched`.
pub(super) fn columns(schema: &Schema, matched: &str) -> String {
    format!(
        "TraceId, SpanId, ParentSpanId, toUnixTimestamp64Nano(Timestamp), toUInt64(Duration), \
         SpanKind, StatusCode, ServiceName, SpanName, {}, {}, {}, toUInt8({matched})",
        schema.spans.column("ScopeName", "''"),
        condition::light("SpanAttributes", "SpanAttributes"),
        // What our own rows need of the resource is understood already.
        condition::light("ResourceAttributes", "SpanAttributes"),
    )
}

/// Reads one row. Ids that are none, which OTLP cannot have, are [`Some`] of nothing.
pub(super) fn read(values: &mut Values<'_>) -> Option<Option<Light>> {
    let (trace_id, span_id, parent_id) = (values.text()?, values.text()?, values.text()?);
    let (start_ns, duration_ns) = (values.time()?, values.u64()?);
    let (kind, status) = (kind(&values.text()?), status(&values.text()?));
    let (service, name, scope) = (values.text()?, values.text()?, values.text()?);
    let (attributes, resource, matched) = (values.map()?, values.map()?, values.u8()? != 0);
    let (Ok(trace_id), Ok(span_id)) = (trace_id.parse(), span_id.parse()) else {
        return Some(None);
    };
    let exact = |key: &str| {
        let said = attributes.iter().find(|(found, _)| found == key);
        said.and_then(|(_, number)| number.parse::<u64>().ok())
    };
    let end_ns = exact(END).unwrap_or(start_ns.saturating_add(duration_ns));
    let start_ns = exact(START).unwrap_or(start_ns);
    Some(Some(Light {
        trace_id,
        span_id,
        parent_span_id: parent_id.parse().ok(),
        start_ns,
        end_ns,
        kind,
        status,
        service,
        name,
        scope,
        attributes,
        resource,
        matched,
    }))
}

impl Light {
    /// When and where it came in; empty where Pharos did not write it.
    pub(super) fn at(&self) -> &str {
        self.attributes.iter().find(|(key, _)| key == AT).map_or("", |(_, at)| at)
    }

    pub(super) fn is_root(&self) -> bool {
        self.parent_span_id.is_none()
    }

    /// The fields that bare filters look at.
    pub(super) fn head(&self) -> SpanHead<'_> {
        SpanHead {
            span_id: self.span_id.as_bytes(),
            trace_id: self.trace_id.as_bytes(),
            name: self.name.as_bytes(),
            start_ns: self.start_ns,
            end_ns: self.end_ns,
            status: self.status,
            root: self.is_root(),
        }
    }

    /// The span, where it comes from and what is understood of it.
    pub(super) fn span(
        &self,
        understand: &Understand,
    ) -> (Origin<'_>, Span<'_>, Understanding<'_>) {
        let ours = !self.at().is_empty();
        let service = (!self.service.is_empty()).then(|| ("service.name", &*self.service));
        let mut resource = texts(if ours { &[] } else { &self.resource });
        if resource.iter().all(|attribute| attribute.key != "service.name") {
            let service = service.map(|(key, text)| Attribute { key, value: Value::Text(text) });
            resource.extend(service);
        }
        let scope = Scope { name: &self.scope, ..Scope::default() };
        let origin = Origin { resource, scope };
        let span = Span {
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_span_id: self.parent_span_id,
            trace_state: "",
            name: &self.name,
            kind: self.kind,
            start_ns: self.start_ns,
            end_ns: self.end_ns,
            status: self.status,
            status_message: "",
            attributes: texts(if ours { &[] } else { &self.attributes }),
            dropped_attributes: 0,
            events: Vec::new(),
            links: Vec::new(),
        };
        let known = match ours {
            true => facts::understanding(&self.attributes, understand.prices(), self.start_ns),
            false => understand.span(&origin, &span),
        };
        (origin, span, known)
    }
}

fn texts(pairs: &[(String, String)]) -> Vec<Attribute<'_>> {
    pairs.iter().map(|(key, text)| Attribute { key, value: Value::Text(text) }).collect()
}

/// The kind of a name that any version of the collector's exporter writes.
pub(super) fn kind(name: &str) -> SpanKind {
    let bare = name.strip_prefix("SPAN_KIND_").unwrap_or(name);
    let mut kinds = (1..=5).map(SpanKind::from_number);
    kinds.find(|kind| kind_name(*kind).eq_ignore_ascii_case(bare)).unwrap_or_default()
}

/// The status of a name that any version of the collector's exporter writes.
pub(super) fn status(name: &str) -> Status {
    match name.strip_prefix("STATUS_CODE_").unwrap_or(name) {
        "Error" | "ERROR" => Status::Error,
        "Ok" | "OK" => Status::Ok,
        _ => Status::Unset,
    }
}
