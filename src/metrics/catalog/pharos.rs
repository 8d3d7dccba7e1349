//! What Pharos says about itself.

use super::buckets::{ANSWER_SECONDS, SYNC_SECONDS};
use super::{Family, Kind, Label, Source, Unit, closed, families, open};

const SIGNAL: Label = closed("signal", &["traces", "logs", "metrics"]);
const TARGET: Label = open("target");
const REASON: Label = open("reason");

families! {
    BUILD_INFO = Kind::Gauge, "pharos_build_info", Info,
        [open("version"), open("revision"), open("rustversion")], Process,
        "Constant 1, labelled with the build of Pharos.";
    SYSTEM_INFO = Kind::Gauge, "system_info", Info,
        [open("version"), open("environment"), open("os"), open("arch")], Process,
        "Constant 1, labelled with what is running and where.";
    INGEST_RECEIVED = Kind::Counter, "pharos_ingest_received_items_total", Items,
        [SIGNAL], Log,
        "Spans, log records and data points that arrived; \
         the sum of stored, duplicate, rejected, refused and dropped ones.";
    INGEST_STORED = Kind::Counter, "pharos_ingest_stored_items_total", Items,
        [SIGNAL], Log,
        "Items that were committed to the log and measured.";
    INGEST_DUPLICATE = Kind::Counter, "pharos_ingest_duplicate_items_total", Items,
        [SIGNAL], Log,
        "Items that had been stored before: a sender's retry.";
    INGEST_REJECTED = Kind::Counter, "pharos_ingest_rejected_items_total", Items,
        [SIGNAL, REASON], Log,
        "Items that can never be accepted; the sender must not send them again.";
    INGEST_REFUSED = Kind::Counter, "pharos_ingest_refused_items_total", Items,
        [SIGNAL, REASON], Log,
        "Items that were not accepted now; the sender was told to send them again.";
    INGEST_DROPPED = Kind::Counter, "pharos_ingest_dropped_items_total", Items,
        [SIGNAL, REASON], Log,
        "Items that were lost inside Pharos.";
    INGEST_REJECTED_REQUESTS = Kind::Counter, "pharos_ingest_rejected_requests_total", Items,
        [SIGNAL, REASON], Process,
        "Requests rejected for good before their items could be counted.";
    INGEST_REFUSED_REQUESTS = Kind::Counter, "pharos_ingest_refused_requests_total", Items,
        [SIGNAL, REASON], Process,
        "Requests refused for now before their items could be counted.";
    INGEST_INFLIGHT = Kind::Gauge, "pharos_ingest_inflight_bytes", Bytes, [], Process,
        "Memory that requests in flight hold.";
    INGEST_INFLIGHT_LIMIT = Kind::Gauge, "pharos_ingest_inflight_limit_bytes", Bytes, [], Process,
        "Memory that requests in flight may hold together.";
    WAL_FSYNC = Kind::Histogram(SYNC_SECONDS), "pharos_wal_fsync_seconds", Seconds, [], Process,
        "Time that syncing a group of batches to disk took.";
    WAL_FSYNC_FAILURES = Kind::Counter, "pharos_wal_fsync_failures_total", Items, [], Process,
        "Syncs of the log that failed; each one closes its segment.";
    WAL_APPEND_BYTES = Kind::Counter, "pharos_wal_append_bytes_total", Bytes, [], Process,
        "Bytes appended to the log.";
    WAL_TORN_BYTES = Kind::Counter, "pharos_wal_torn_bytes_total", Bytes, [], Scrape,
        "Bytes cut from the log's end at a start; none of them had been acknowledged.";
    STORE_SEGMENTS = Kind::Gauge, "pharos_store_segments", Items, [], Scrape,
        "Segments of the log on disk.";
    STORE_BYTES = Kind::Gauge, "pharos_store_bytes", Bytes, [], Scrape,
        "Bytes of the log on disk.";
    STORE_LIMIT = Kind::Gauge, "pharos_store_limit_bytes", Bytes, [], Scrape,
        "Bytes that the log may hold before retention removes the oldest; absent without a bound.";
    STORE_FREE_BYTES = Kind::Gauge, "pharos_store_free_bytes", Bytes, [], Scrape,
        "Free bytes on the log's file system.";
    STORE_READONLY = Kind::Gauge, "pharos_store_readonly", Flag, [], Scrape,
        "Whether the log takes no new batches.";
    STORE_QUARANTINED = Kind::Counter, "pharos_store_quarantined_total", Items, [], Scrape,
        "Damaged parts of the store that were set aside.";
    STORE_BLOCKS = Kind::Gauge, "pharos_store_blocks", Items, [], Scrape,
        "Blocks that closed segments have become.";
    STORE_BLOCK_BYTES = Kind::Gauge, "pharos_store_block_bytes", Bytes, [], Scrape,
        "Bytes of blocks on disk.";
    STORE_BLOCKS_EXPIRED = Kind::Counter, "pharos_store_blocks_expired_total", Items, [], Scrape,
        "Blocks that retention removed.";
    STORE_SEAL_FAILURES = Kind::Counter, "pharos_store_seal_failures_total", Items, [], Scrape,
        "Attempts to make a block that failed; each is tried again.";
    STORE_UNSEALED = Kind::Gauge, "pharos_store_unsealed_segments", Items, [], Scrape,
        "Closed segments that are not blocks yet.";
    PROJECTION_LAG = Kind::Gauge, "pharos_projection_lag_bytes", Bytes, [], Process,
        "Committed bytes of the log that are not measured yet.";
    FORWARD_LAG = Kind::Gauge, "pharos_forward_lag_seconds", Seconds, [TARGET], Scrape,
        "Age of the oldest batch that the target has not taken yet.";
    FORWARD_QUEUE = Kind::Gauge, "pharos_forward_queue_bytes", Bytes, [TARGET], Scrape,
        "Bytes of the log that the target has not taken yet.";
    FORWARD_SENT = Kind::Counter, "pharos_forward_sent_items_total", Items,
        [TARGET, SIGNAL], Process,
        "Items that a forwarding target took.";
    FORWARD_FAILED = Kind::Counter, "pharos_forward_failed_items_total", Items,
        [TARGET, SIGNAL], Process,
        "Items that a forwarding target refused for good.";
    FORWARD_EXPIRED = Kind::Counter, "pharos_forward_expired_items_total", Items,
        [TARGET, SIGNAL], Process,
        "Items that retention removed before the target had taken them.";
    FORWARD_REQUESTS = Kind::Counter, "pharos_forward_requests_total", Items,
        [TARGET, closed("outcome", &["delivered", "retry", "refused"])], Process,
        "Requests to forwarding targets.";
    CLICKHOUSE_LAG = Kind::Gauge, "pharos_clickhouse_lag_seconds", Seconds, [], Scrape,
        "Age of the oldest batch that ClickHouse has not taken yet.";
    CLICKHOUSE_QUEUE = Kind::Gauge, "pharos_clickhouse_queue_bytes", Bytes, [], Scrape,
        "Bytes of the log that ClickHouse has not taken yet.";
    CLICKHOUSE_INSERTED = Kind::Counter, "pharos_clickhouse_inserted_rows_total", Items,
        [closed("signal", &["traces", "logs"])], Process,
        "Rows that ClickHouse took.";
    CLICKHOUSE_FAILED = Kind::Counter, "pharos_clickhouse_failed_inserts_total", Items,
        [closed("reason", &["unreachable", "slow", "schema", "read_only", "too_many_parts",
            "memory", "denied", "other"])], Process,
        "Inserts into ClickHouse that failed and were tried again, by reason.";
    CLICKHOUSE_EXPIRED = Kind::Counter, "pharos_clickhouse_expired_items_total", Items,
        [closed("signal", &["traces", "logs"])], Process,
        "Items that retention removed before ClickHouse had taken them.";
    REDACTIONS = Kind::Counter, "pharos_redactions_total", Items, [open("rule")], Process,
        "Secrets that were removed before storage, by the rule that found them.";
    UNEXPLAINED_LLM_SPANS = Kind::Counter, "pharos_unexplained_llm_spans_total", Items,
        [open("scope"), open("attribute")], Log,
        "Spans that look like LLM calls but that no dialect explains.";
    DUPLICATE_LLM_REPORTS = Kind::Counter, "pharos_duplicate_llm_reports_total", Items,
        [], Log,
        "Second reports of an LLM call by another instrumentation; they count nothing twice.";
    METRICS_SERIES = Kind::Gauge, "pharos_metrics_series", Items, [], Process,
        "Series on this page, without what apps send and collectors read.";
    METRICS_SERIES_LIMIT = Kind::Gauge, "pharos_metrics_series_limit", Items, [], Process,
        "Series that it may have of these.";
    METRICS_CAPPED = Kind::Counter, "pharos_metrics_capped_total", Items,
        [open("metric"), open("label")], Process,
        "Label sets that fell to other because a label or a family was full, \
         by metric and label.";
    METRICS_INVALID = Kind::Counter, "pharos_metrics_invalid_values_total", Items, [], Process,
        "Values, labels and registrations that were refused because they cannot be right.";
    OWN_HTTP_REQUESTS = Kind::Counter, "pharos_http_requests_total", Items,
        [open("handler"), open("code")], Process,
        "Requests to Pharos itself.";
    ACCESS_DENIED = Kind::Counter, "pharos_access_denied_total", Items,
        [closed("reason", &["missing", "unknown", "role"])], Process,
        "Requests turned away for their API key: none sent, none known, or not the role.";
    OWN_HTTP_INFLIGHT = Kind::Gauge, "pharos_http_inflight_requests", Items, [], Process,
        "Requests that Pharos is answering.";
    OWN_HTTP_REQUEST_DURATION = Kind::Histogram(ANSWER_SECONDS),
        "pharos_http_request_duration_seconds", Seconds, [open("handler")], Process,
        "Time that Pharos took to answer.";
    PANICS = Kind::Counter, "pharos_panics_total", Items, [], Process,
        "Panics caught inside Pharos; every one is a bug.";
    FINDINGS = Kind::Counter, "pharos_findings_total", Items, [open("event")], Process,
        "Findings of Pharos itself that it wrote as log records, by the name of the event.";
    FINDINGS_DROPPED = Kind::Counter, "pharos_findings_dropped_total", Items, [], Process,
        "Findings that did not become log records, because too many came at once or the log \
         took none.";
    DEBUG_EVENTS = Kind::Counter, "pharos_debug_events_total", Items,
        [closed("event_type", &["request", "history", "plan", "tool_call", "skill_step",
            "supervisor", "completion_prompt", "completion_response"])], Process,
        "Debug events that were written to debug_logs.jsonl.";
    DEBUG_LOST = Kind::Counter, "pharos_debug_lost_total", Items,
        [closed("file", &["debug_logs", "app_logs", "system_events", "log"]), REASON], Process,
        "Lines that were not written, by file; log: events that were not sent onward as records.";
    DEBUG_SCOPES = Kind::Gauge, "pharos_debug_scopes", Items, [], Process,
        "Open scopes of the debug toggle; 0 while it is off.";
    LOG_LINES = Kind::Counter, "pharos_log_lines_total", Items,
        [closed("level", &["error", "warn", "info", "debug", "trace"])], Process,
        "Lines that Pharos logged.";
    SCRAPE_DURATION = Kind::Gauge, "pharos_scrape_duration_seconds", Seconds, [], Process,
        "Time that writing the previous scrape's page took.";
}
