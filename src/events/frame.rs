//! The fields that many kinds of events share.

use super::schema::{Field, Frame, To, Want};
use crate::limits;

const fn framed(name: &'static str, want: Want, frame: Frame, doc: &'static str) -> Field {
    Field::new(name, want, To::Frame(frame), doc)
}

const fn attribute(
    name: &'static str,
    want: Want,
    attribute: &'static str,
    doc: &'static str,
) -> Field {
    Field::new(name, want, To::Attribute(attribute), doc)
}

/// The words of `status` that mean success.
pub(super) const SUCCESS: &[&str] = &["success", "ok", "completed", "succeeded"];
/// Every word of `status`; those beyond success and plain failure are the class of the failure.
const STATUS: &[&str] = &[
    "success",
    "ok",
    "completed",
    "succeeded",
    "error",
    "failed",
    "failure",
    "timeout",
    "cancelled",
    "canceled",
    "aborted",
    "rejected",
];
/// The words that say that it failed and not how.
pub(super) const FAILURE: &[&str] = &["error", "failed", "failure"];

const LONGEST: f64 = limits::EVENT_SECONDS;

/// What every event may say.
pub(super) static COMMON: &[Field] = &[
    framed(
        "time",
        Want::Time,
        Frame::Time,
        "When it happened; of what has a duration, when it ended. The moment of arrival if left \
         out.",
    )
    .or(&["timestamp", "ts"]),
    framed(
        "id",
        Want::Text,
        Frame::Id,
        "The event's own id. A moment that is sent again with the same id counts once.",
    )
    .or(&["event_id"]),
    framed("trace_id", Want::Id(32), Frame::TraceId, "The trace; made up if left out.")
        .or(&["traceId"]),
    framed(
        "span_id",
        Want::Id(16),
        Frame::SpanId,
        "Of what has a duration and of runs: its own id, made up if left out; the same work sent \
         again with the same ids counts once. Of a moment: the span it happened in.",
    )
    .or(&["spanId"]),
    framed("parent_span_id", Want::Id(16), Frame::ParentSpanId, "The span above it.")
        .or(&["parentSpanId", "parent_id"]),
    framed(
        "traceparent",
        Want::Traceparent,
        Frame::Traceparent,
        "W3C trace context: the trace and the span above. The header of this name holds for \
         every event of a request that says neither.",
    ),
    framed(
        "run_id",
        Want::Text,
        Frame::RunId,
        "Any text that names a run, for apps without ids of spans. On a run itself its ids are \
         made from it; on anything else it is the run above.",
    ),
    framed("service", Want::Text, Frame::Service, "The app that sends it.")
        .or(&["service.name"])
        .default("unknown_service"),
    attribute("tenant", Want::Text, "tenant.id", "Whose work it was.")
        .or(&["tenant_id", "tenantId"]),
    attribute("team", Want::Text, "pharos.team", "The team that pays for it.").or(&["team_id"]),
    attribute("user", Want::Text, "user.id", "The end user.").or(&["user_id", "userId"]),
    attribute("agent", Want::Text, "gen_ai.agent.name", "The agent that did it.")
        .or(&["agent_name", "agent_type"]),
    attribute("agent_id", Want::Text, "gen_ai.agent.id", "The id of that agent."),
    attribute("conversation", Want::Text, "gen_ai.conversation.id", "The conversation or session.")
        .or(&["conversation_id", "session_id", "thread_id"]),
    attribute("request_id", Want::Text, "request.id", "The id of the request it belongs to."),
    framed(
        "attributes",
        Want::Facts,
        Frame::Facts,
        "An object with any further facts; they can be searched for.",
    )
    .or(&["metadata", "extra"]),
];

/// What has a duration says how long.
pub(super) static LASTING: &[Field] = &[
    framed("start", Want::Time, Frame::Start, "When it began.").or(&["start_time"]),
    framed("end", Want::Time, Frame::End, "When it ended.").or(&["end_time"]),
    framed("duration", Want::Seconds(LONGEST), Frame::Duration, "How long it took, in seconds.")
        .or(&["duration_seconds", "duration_s"]),
    framed(
        "duration_ms",
        Want::Milliseconds(LONGEST),
        Frame::Duration,
        "How long it took, in milliseconds, instead of `duration`.",
    )
    .or(&["latency_ms"]),
    framed("success", Want::Flag, Frame::Success, "Whether it succeeded."),
    framed(
        "error_type",
        Want::Text,
        Frame::ErrorType,
        "The class of its failure, in a word: it failed.",
    )
    .or(&["error_class", "error_code"]),
    framed("error", Want::Content, Frame::ErrorMessage, "What went wrong, in words: it failed.")
        .or(&["error_message"]),
];

/// How it ended, in a word.
pub(super) static STATUS_WORD: &[Field] = &[framed(
    "status",
    Want::Word(STATUS),
    Frame::Status,
    "How it ended; a word beyond `error`, `failed` and `failure` is also the class of the failure.",
)];

/// How it ended, as an HTTP status code.
pub(super) static STATUS_CODE: &[Field] =
    &[framed("status_code", Want::Code, Frame::StatusCode, "The HTTP status code.").or(&[
        "status",
        "code",
        "http_status",
    ])];

/// The same beside a word.
pub(super) static ALSO_CODE: &[Field] =
    &[framed("status_code", Want::Code, Frame::StatusCode, "The HTTP status code.")
        .or(&["code", "http_status"])];

/// How serious a moment is.
pub(super) static SEVERITY: &[Field] = &[framed(
    "severity",
    Want::Word(&["debug", "info", "warning", "error", "critical"]),
    Frame::Severity,
    "How serious it is.",
)
.or(&["level"])];
