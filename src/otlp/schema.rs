//! OTLP's messages as data: JSON names, field numbers and kinds, from opentelemetry-proto 1.11.
//!
//! One table serves every reader that must know the whole shape: the JSON door transcodes by it
//! and redaction finds text by it.

use crate::model::Signal;

/// A message: its name for errors and its fields.
#[derive(Debug)]
pub struct Message {
    /// The protobuf name, for error texts.
    pub name: &'static str,
    /// Its fields, by ascending number.
    pub fields: &'static [Field],
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    /// The lowerCamelCase name of OTLP/JSON.
    pub name: &'static str,
    /// The protobuf field number.
    pub number: u32,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may stand more than once.
    pub repeated: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Raw bytes, base64 in JSON.
    Bytes,
    /// A trace or span id: raw bytes, hexadecimal in JSON.
    Id,
    /// Varint boolean.
    Bool,
    /// Varint `int64`, a decimal string or number in JSON.
    Int64,
    /// Varint `uint32`.
    Uint32,
    /// Varint `uint64`, packed where repeated.
    Uint64,
    /// Zigzag varint.
    Sint32,
    /// Varint enum, an integer in JSON.
    Enum,
    /// Eight little-endian bytes, a decimal string or number in JSON; packed where repeated.
    Fixed64,
    /// The same, signed.
    Sfixed64,
    /// Four little-endian bytes.
    Fixed32,
    /// An IEEE 754 double; packed where repeated.
    Double,
    /// Another message.
    Message(&'static Message),
}

impl Message {
    /// The field with this number.
    #[inline]
    pub fn field(&self, number: u32) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.number == number)
    }

    /// The field with this JSON name.
    pub fn named(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

const fn one(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { name, number, kind, repeated: false }
}

const fn many(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { name, number, kind, repeated: true }
}

use Kind::{
    Bool, Bytes, Double, Enum, Fixed32, Fixed64, Id, Int64, Sfixed64, Sint32, Text, Uint32, Uint64,
};

macro_rules! message {
    ($constant:ident, $name:literal, [$($field:expr),* $(,)?]) => {
        #[doc = concat!("`", $name, "`.")]
        pub static $constant: Message = Message { name: $name, fields: &[$($field),*] };
    };
}

/// The export request of a signal: what a sender posts.
pub fn request(signal: Signal) -> &'static Message {
    match signal {
        Signal::Traces => &TRACES_REQUEST,
        Signal::Logs => &LOGS_REQUEST,
        Signal::Metrics => &METRICS_REQUEST,
    }
}

message!(
    TRACES_REQUEST,
    "ExportTraceServiceRequest",
    [many(1, "resourceSpans", Kind::Message(&RESOURCE_SPANS)),]
);
message!(
    LOGS_REQUEST,
    "ExportLogsServiceRequest",
    [many(1, "resourceLogs", Kind::Message(&RESOURCE_LOGS)),]
);
message!(
    METRICS_REQUEST,
    "ExportMetricsServiceRequest",
    [many(1, "resourceMetrics", Kind::Message(&RESOURCE_METRICS)),]
);

message!(
    ANY_VALUE,
    "AnyValue",
    [
        one(1, "stringValue", Text),
        one(2, "boolValue", Bool),
        one(3, "intValue", Int64),
        one(4, "doubleValue", Double),
        one(5, "arrayValue", Kind::Message(&ARRAY_VALUE)),
        one(6, "kvlistValue", Kind::Message(&KEY_VALUE_LIST)),
        one(7, "bytesValue", Bytes),
    ]
);
message!(ARRAY_VALUE, "ArrayValue", [many(1, "values", Kind::Message(&ANY_VALUE))]);
message!(KEY_VALUE_LIST, "KeyValueList", [many(1, "values", Kind::Message(&KEY_VALUE))]);
message!(KEY_VALUE, "KeyValue", [one(1, "key", Text), one(2, "value", Kind::Message(&ANY_VALUE)),]);
message!(
    RESOURCE,
    "Resource",
    [
        many(1, "attributes", Kind::Message(&KEY_VALUE)),
        one(2, "droppedAttributesCount", Uint32),
        many(3, "entityRefs", Kind::Message(&ENTITY_REF)),
    ]
);
message!(
    ENTITY_REF,
    "EntityRef",
    [
        one(1, "schemaUrl", Text),
        one(2, "type", Text),
        many(3, "idKeys", Text),
        many(4, "descriptionKeys", Text),
    ]
);
message!(
    SCOPE,
    "InstrumentationScope",
    [
        one(1, "name", Text),
        one(2, "version", Text),
        many(3, "attributes", Kind::Message(&KEY_VALUE)),
        one(4, "droppedAttributesCount", Uint32),
    ]
);

message!(
    RESOURCE_SPANS,
    "ResourceSpans",
    [
        one(1, "resource", Kind::Message(&RESOURCE)),
        many(2, "scopeSpans", Kind::Message(&SCOPE_SPANS)),
        one(3, "schemaUrl", Text),
    ]
);
message!(
    SCOPE_SPANS,
    "ScopeSpans",
    [
        one(1, "scope", Kind::Message(&SCOPE)),
        many(2, "spans", Kind::Message(&SPAN)),
        one(3, "schemaUrl", Text),
    ]
);
message!(
    SPAN,
    "Span",
    [
        one(1, "traceId", Id),
        one(2, "spanId", Id),
        one(3, "traceState", Text),
        one(4, "parentSpanId", Id),
        one(5, "name", Text),
        one(6, "kind", Enum),
        one(7, "startTimeUnixNano", Fixed64),
        one(8, "endTimeUnixNano", Fixed64),
        many(9, "attributes", Kind::Message(&KEY_VALUE)),
        one(10, "droppedAttributesCount", Uint32),
        many(11, "events", Kind::Message(&EVENT)),
        one(12, "droppedEventsCount", Uint32),
        many(13, "links", Kind::Message(&LINK)),
        one(14, "droppedLinksCount", Uint32),
        one(15, "status", Kind::Message(&STATUS)),
        one(16, "flags", Fixed32),
    ]
);
message!(
    EVENT,
    "Event",
    [
        one(1, "timeUnixNano", Fixed64),
        one(2, "name", Text),
        many(3, "attributes", Kind::Message(&KEY_VALUE)),
        one(4, "droppedAttributesCount", Uint32),
    ]
);
message!(
    LINK,
    "Link",
    [
        one(1, "traceId", Id),
        one(2, "spanId", Id),
        one(3, "traceState", Text),
        many(4, "attributes", Kind::Message(&KEY_VALUE)),
        one(5, "droppedAttributesCount", Uint32),
        one(6, "flags", Fixed32),
    ]
);
message!(STATUS, "Status", [one(2, "message", Text), one(3, "code", Enum)]);

message!(
    RESOURCE_LOGS,
    "ResourceLogs",
    [
        one(1, "resource", Kind::Message(&RESOURCE)),
        many(2, "scopeLogs", Kind::Message(&SCOPE_LOGS)),
        one(3, "schemaUrl", Text),
    ]
);
message!(
    SCOPE_LOGS,
    "ScopeLogs",
    [
        one(1, "scope", Kind::Message(&SCOPE)),
        many(2, "logRecords", Kind::Message(&LOG_RECORD)),
        one(3, "schemaUrl", Text),
    ]
);
message!(
    LOG_RECORD,
    "LogRecord",
    [
        one(1, "timeUnixNano", Fixed64),
        one(2, "severityNumber", Enum),
        one(3, "severityText", Text),
        one(5, "body", Kind::Message(&ANY_VALUE)),
        many(6, "attributes", Kind::Message(&KEY_VALUE)),
        one(7, "droppedAttributesCount", Uint32),
        one(8, "flags", Fixed32),
        one(9, "traceId", Id),
        one(10, "spanId", Id),
        one(11, "observedTimeUnixNano", Fixed64),
        one(12, "eventName", Text),
    ]
);

message!(
    RESOURCE_METRICS,
    "ResourceMetrics",
    [
        one(1, "resource", Kind::Message(&RESOURCE)),
        many(2, "scopeMetrics", Kind::Message(&SCOPE_METRICS)),
        one(3, "schemaUrl", Text),
    ]
);
message!(
    SCOPE_METRICS,
    "ScopeMetrics",
    [
        one(1, "scope", Kind::Message(&SCOPE)),
        many(2, "metrics", Kind::Message(&METRIC)),
        one(3, "schemaUrl", Text),
    ]
);
message!(
    METRIC,
    "Metric",
    [
        one(1, "name", Text),
        one(2, "description", Text),
        one(3, "unit", Text),
        one(5, "gauge", Kind::Message(&GAUGE)),
        one(7, "sum", Kind::Message(&SUM)),
        one(9, "histogram", Kind::Message(&HISTOGRAM)),
        one(10, "exponentialHistogram", Kind::Message(&EXPONENTIAL_HISTOGRAM)),
        one(11, "summary", Kind::Message(&SUMMARY)),
        many(12, "metadata", Kind::Message(&KEY_VALUE)),
    ]
);
message!(GAUGE, "Gauge", [many(1, "dataPoints", Kind::Message(&NUMBER_POINT))]);
message!(
    SUM,
    "Sum",
    [
        many(1, "dataPoints", Kind::Message(&NUMBER_POINT)),
        one(2, "aggregationTemporality", Enum),
        one(3, "isMonotonic", Bool),
    ]
);
message!(
    HISTOGRAM,
    "Histogram",
    [
        many(1, "dataPoints", Kind::Message(&HISTOGRAM_POINT)),
        one(2, "aggregationTemporality", Enum),
    ]
);
message!(
    EXPONENTIAL_HISTOGRAM,
    "ExponentialHistogram",
    [
        many(1, "dataPoints", Kind::Message(&EXPONENTIAL_POINT)),
        one(2, "aggregationTemporality", Enum),
    ]
);
message!(SUMMARY, "Summary", [many(1, "dataPoints", Kind::Message(&SUMMARY_POINT))]);
message!(
    NUMBER_POINT,
    "NumberDataPoint",
    [
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        one(4, "asDouble", Double),
        many(5, "exemplars", Kind::Message(&EXEMPLAR)),
        one(6, "asInt", Sfixed64),
        many(7, "attributes", Kind::Message(&KEY_VALUE)),
        one(8, "flags", Uint32),
    ]
);
message!(
    HISTOGRAM_POINT,
    "HistogramDataPoint",
    [
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        one(4, "count", Fixed64),
        one(5, "sum", Double),
        many(6, "bucketCounts", Fixed64),
        many(7, "explicitBounds", Double),
        many(8, "exemplars", Kind::Message(&EXEMPLAR)),
        many(9, "attributes", Kind::Message(&KEY_VALUE)),
        one(10, "flags", Uint32),
        one(11, "min", Double),
        one(12, "max", Double),
    ]
);
message!(
    EXPONENTIAL_POINT,
    "ExponentialHistogramDataPoint",
    [
        many(1, "attributes", Kind::Message(&KEY_VALUE)),
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        one(4, "count", Fixed64),
        one(5, "sum", Double),
        one(6, "scale", Sint32),
        one(7, "zeroCount", Fixed64),
        one(8, "positive", Kind::Message(&BUCKETS)),
        one(9, "negative", Kind::Message(&BUCKETS)),
        one(10, "flags", Uint32),
        many(11, "exemplars", Kind::Message(&EXEMPLAR)),
        one(12, "min", Double),
        one(13, "max", Double),
        one(14, "zeroThreshold", Double),
    ]
);
message!(BUCKETS, "Buckets", [one(1, "offset", Sint32), many(2, "bucketCounts", Uint64)]);
message!(
    SUMMARY_POINT,
    "SummaryDataPoint",
    [
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        one(4, "count", Fixed64),
        one(5, "sum", Double),
        many(6, "quantileValues", Kind::Message(&QUANTILE)),
        many(7, "attributes", Kind::Message(&KEY_VALUE)),
        one(8, "flags", Uint32),
    ]
);
message!(QUANTILE, "ValueAtQuantile", [one(1, "quantile", Double), one(2, "value", Double)]);
message!(
    EXEMPLAR,
    "Exemplar",
    [
        one(2, "timeUnixNano", Fixed64),
        one(3, "asDouble", Double),
        one(4, "spanId", Id),
        one(5, "traceId", Id),
        one(6, "asInt", Sfixed64),
        many(7, "filteredAttributes", Kind::Message(&KEY_VALUE)),
    ]
);
