//! The table of keys. A key that is not here does not exist.

use std::time::Duration;

use super::budgets;
use super::key::{Key, Kind, Preset};
use crate::limits;

pub(super) const KIB: u64 = 1024;
pub(super) const MIB: u64 = 1024 * KIB;
pub(super) const GIB: u64 = 1024 * MIB;
const TIB: u64 = 1024 * GIB;
const DAY: u64 = 24 * 60 * 60;

pub(super) const fn bytes(min: u64, max: u64) -> Kind {
    Kind::Bytes { min, max }
}

pub(super) const fn count(min: u64, max: u64) -> Kind {
    Kind::Count { min, max }
}

pub(super) const fn seconds(min: u64, max: u64) -> Kind {
    Kind::Duration { min: Duration::from_secs(min), max: Duration::from_secs(max) }
}

/// Every key, in the order in which people read about them.
pub(super) static KEYS: &[Key] = &joined::<{ count_of(TABLES) }>(TABLES);

/// The keys part by part; a part with many keys has its table in a file of its own.
const TABLES: &[&[Key]] = &[
    GENERAL,
    super::gateway::KEYS,
    super::prices::KEYS,
    super::app_metrics::KEYS,
    super::watch::KEYS,
    super::events::KEYS,
];

const fn count_of(tables: &[&[Key]]) -> usize {
    let (mut keys, mut at) = (0, 0);
    while at < tables.len() {
        keys += tables[at].len();
        at += 1;
    }
    keys
}

const fn joined<const N: usize>(tables: &[&[Key]]) -> [Key; N] {
    let mut keys = [tables[0][0]; N];
    let (mut table, mut row, mut at) = (0, 0, 0);
    while at < N {
        if row == tables[table].len() {
            (table, row) = (table + 1, 0);
        } else {
            keys[at] = tables[table][row];
            (row, at) = (row + 1, at + 1);
        }
    }
    keys
}

const GENERAL: &[Key] = &[
    Key {
        name: "environment",
        kind: Kind::Text,
        preset: Preset::Text("default"),
        doc: "Where this Pharos stands (`production`, `staging`, …): the `environment` label of \
              `system_info`.",
    },
    Key {
        name: "storage.path",
        kind: Kind::Path,
        preset: Preset::Text("./data"),
        doc: "The directory that holds everything Pharos keeps. One process at a time may use it.",
    },
    Key {
        name: "storage.durability",
        kind: Kind::Word(&["fsync", "os"]),
        preset: Preset::Text("fsync"),
        doc: "When a sender gets its OK: `fsync` after the data is on the disk, `os` once the \
              operating system has it (survives a crash of Pharos, not a power cut).",
    },
    Key {
        name: "storage.segment_bytes",
        kind: bytes(MIB, 4 * GIB),
        preset: Preset::Number(limits::SEGMENT_BYTES),
        doc: "The size at which a segment of the log is closed. Retention drops whole segments.",
    },
    Key {
        name: "storage.retention.age",
        kind: seconds(60, 3_650 * DAY),
        preset: Preset::Optional("15d"),
        doc: "Blocks and segments older than this are removed; `none` keeps them for ever.",
    },
    Key {
        name: "storage.retention.bytes",
        kind: bytes(16 * MIB, 1024 * TIB),
        preset: Preset::Optional("10GiB"),
        doc: "The oldest blocks are removed while blocks and log together are above this \
              size; the log alone may hold half of it. `none` sets no bound.",
    },
    Key {
        name: "storage.disk_reserve_bytes",
        kind: bytes(0, 1024 * TIB),
        preset: Preset::Number(limits::DISK_RESERVE_BYTES),
        doc: "Below this much free space senders are told to come again later; reading goes on.",
    },
    Key {
        name: "storage.backend",
        kind: Kind::Word(&["embedded", "clickhouse"]),
        preset: Preset::Text("embedded"),
        doc: "Where spans and log records are kept beyond the log: `embedded` under \
              `storage.path`, `clickhouse` in a cluster. The log stays in front of both.",
    },
    Key {
        name: "storage.clickhouse.url",
        kind: Kind::Url,
        preset: Preset::Text("http://127.0.0.1:8123"),
        doc: "The HTTP interface of ClickHouse.",
    },
    Key {
        name: "storage.clickhouse.database",
        kind: Kind::Text,
        preset: Preset::Text("default"),
        doc: "The database that holds both tables.",
    },
    Key {
        name: "storage.clickhouse.user",
        kind: Kind::Text,
        preset: Preset::Text("default"),
        doc: "The user. It needs to read and insert, and to create if `create_schema` is on.",
    },
    Key {
        name: "storage.clickhouse.password",
        kind: Kind::Secret,
        preset: Preset::Absent,
        doc: "The user's password; not with `password_file`.",
    },
    Key {
        name: "storage.clickhouse.password_file",
        kind: Kind::File,
        preset: Preset::Absent,
        doc: "A file that holds the user's password.",
    },
    Key {
        name: "storage.clickhouse.traces_table",
        kind: Kind::Text,
        preset: Preset::Text("otel_traces"),
        doc: "The table of spans, in the schema of the OpenTelemetry collector's exporter.",
    },
    Key {
        name: "storage.clickhouse.logs_table",
        kind: Kind::Text,
        preset: Preset::Text("otel_logs"),
        doc: "The table of log records, likewise.",
    },
    Key {
        name: "storage.clickhouse.create_schema",
        kind: Kind::Switch,
        preset: Preset::Text("true"),
        doc: "Makes the database and tables that are missing.",
    },
    Key {
        name: "storage.clickhouse.batch_rows",
        kind: count(limits::CLICKHOUSE_BATCH_MIN_ROWS as u64, 1_000_000),
        preset: Preset::Text("20000"),
        doc: "Rows after which a batch is inserted.",
    },
    Key {
        name: "storage.clickhouse.flush_seconds",
        kind: count(1, 3_600),
        preset: Preset::Text("5"),
        doc: "The longest that a row waits for its batch to fill. What waits is found all the \
              same.",
    },
    Key {
        name: "web.listen_address",
        kind: Kind::Address,
        preset: Preset::Text("127.0.0.1:9464"),
        doc: "Where the API, `/metrics`, health and the landing page listen. Port 0 takes a free \
              one and logs it.",
    },
    Key {
        name: "web.telemetry_path",
        kind: Kind::UrlPath,
        preset: Preset::Text("/metrics"),
        doc: "The path that Prometheus scrapes.",
    },
    Key {
        name: "web.external_url",
        kind: Kind::Url,
        preset: Preset::Absent,
        doc: "The URL under which people reach Pharos, for links in answers and alerts.",
    },
    Key {
        name: "web.trace_url",
        kind: Kind::Text,
        preset: Preset::Absent,
        doc: "The URL of a trace in your own Jaeger, Tempo or Grafana, with `{trace_id}` where the \
              id goes: `http://localhost:16686/trace/{trace_id}`.",
    },
    Key {
        name: "otlp.grpc.listen_address",
        kind: Kind::Address,
        preset: Preset::Text("127.0.0.1:4317"),
        doc: "Where OTLP over gRPC is received.",
    },
    Key {
        name: "otlp.http.listen_address",
        kind: Kind::Address,
        preset: Preset::Text("127.0.0.1:4318"),
        doc: "Where OTLP over HTTP is received (protobuf and JSON).",
    },
    Key {
        name: "otlp.max_wire_bytes",
        kind: bytes(64 * KIB, GIB),
        preset: Preset::Number(limits::REQUEST_WIRE_BYTES as u64),
        doc: "The largest request body as it arrives; a larger one is answered with 413.",
    },
    Key {
        name: "otlp.max_unpacked_bytes",
        kind: bytes(64 * KIB, 2 * GIB),
        preset: Preset::Number(limits::REQUEST_UNPACKED_BYTES as u64),
        doc: "The largest request body after decompression.",
    },
    Key {
        name: "otlp.max_items",
        kind: count(1, 10_000_000),
        preset: Preset::Number(limits::REQUEST_ITEMS as u64),
        doc: "The most spans, log records or data points in one request.",
    },
    Key {
        name: "otlp.memory_budget_bytes",
        kind: bytes(MIB, 64 * GIB),
        preset: Preset::Number(limits::INFLIGHT_BYTES as u64),
        doc: "What all requests in flight may hold together; beyond it senders are told to come \
              again (429 or RESOURCE_EXHAUSTED).",
    },
    Key {
        name: "auth.api_keys",
        kind: Kind::Rows(API_KEY),
        preset: Preset::Empty,
        doc: "Who may do what. With at least one key, every request needs one: `X-Api-Key` or \
              `Authorization: Bearer`.",
    },
    Key {
        name: "auth.allow_public_without_auth",
        kind: Kind::Switch,
        preset: Preset::Text("false"),
        doc: "Lets Pharos listen beyond this machine without API keys. Only where something in \
              front of it checks who calls.",
    },
    Key {
        name: "redaction.enabled",
        kind: Kind::Switch,
        preset: Preset::Text("true"),
        doc: "Takes secrets out of what arrives before it reaches disk, targets or logs.",
    },
    Key {
        name: "redaction.extra_keys",
        kind: Kind::Texts,
        preset: Preset::Empty,
        doc: "Further attribute keys whose values are secret, case-insensitive.",
    },
    Key {
        name: "redaction.extra_patterns",
        kind: Kind::Patterns,
        preset: Preset::Empty,
        doc: "Further secrets, as regular expressions that are looked for in every text.",
    },
    Key {
        name: "redaction.allow_keys",
        kind: Kind::Texts,
        preset: Preset::Empty,
        doc: "Attribute keys that are never taken for secret by their name.",
    },
    Key {
        name: "metrics.max_label_values",
        kind: count(1, 100_000),
        preset: Preset::Number(limits::LABEL_VALUES as u64),
        doc: "Distinct values of one label of one metric; further ones are called `other`.",
    },
    Key {
        name: "metrics.max_series_per_metric",
        kind: count(1, 1_000_000),
        preset: Preset::Number(limits::SERIES_PER_METRIC as u64),
        doc: "Series of one metric; further ones fall into the series whose labels are `other`.",
    },
    Key {
        name: "metrics.max_series",
        kind: count(1, 10_000_000),
        preset: Preset::Number(limits::SERIES as u64),
        doc: "Series of the whole page.",
    },
    Key {
        name: "forward.targets",
        kind: Kind::Rows(TARGET),
        preset: Preset::Empty,
        doc: "Where everything that was kept is sent on to, over OTLP. Each target has its own \
              place in the log, so one that is down disturbs no other.",
    },
    Key {
        name: "budgets.time_zone",
        kind: Kind::Text,
        preset: Preset::Text("UTC"),
        doc: "The time zone in which days and months of budgets begin, by its IANA name: \
              `Europe/Berlin`.",
    },
    Key {
        name: "budgets.unpriced",
        kind: Kind::Word(&["allow", "refuse"]),
        preset: Preset::Text("allow"),
        doc: "What the gateway does with a call without a known price where an enforced budget in \
              USD would have to pay for it. Either way it is counted.",
    },
    Key {
        name: "budgets.tenants",
        kind: Kind::Rows(budgets::BUDGET),
        preset: Preset::Empty,
        doc: "Budgets of tenants. The name `default` is for each tenant that has no row, calls \
              without a tenant belong to the tenant `unknown`.",
    },
    Key {
        name: "budgets.teams",
        kind: Kind::Rows(budgets::BUDGET),
        preset: Preset::Empty,
        doc: "Budgets of teams, likewise. Calls without a team belong to none.",
    },
    Key {
        name: "log.level",
        kind: Kind::Word(&["error", "warn", "info", "debug", "trace"]),
        preset: Preset::Text("info"),
        doc: "The least important messages that Pharos logs about itself.",
    },
    Key {
        name: "log.format",
        kind: Kind::Word(&["auto", "json", "text"]),
        preset: Preset::Text("auto"),
        doc: "`auto` is text on a terminal and JSON elsewhere.",
    },
    Key {
        name: "log.file",
        kind: Kind::Switch,
        preset: Preset::Text("true"),
        doc: "Also keeps warnings and errors as JSON lines in `app_logs.jsonl` under `debug.path`.",
    },
    Key {
        name: "debug.enabled",
        kind: Kind::Switch,
        preset: Preset::Text("false"),
        doc: "Whether debug events (prompts, answers, tool calls) are written where nobody has \
              changed the toggle yet. The API changes it while Pharos runs, and what was said \
              there is kept.",
    },
    Key {
        name: "debug.path",
        kind: Kind::Path,
        preset: Preset::Absent,
        doc: "The folder of `debug_logs.jsonl`, `app_logs.jsonl` and `system_events.jsonl`; \
              `none` is `storage.path`.",
    },
    Key {
        name: "debug.max_file_bytes",
        kind: bytes(256 * KIB, GIB),
        preset: Preset::Number(limits::LOG_FILE_BYTES as u64),
        doc: "The size at which each of these files is closed and the next one begun.",
    },
    Key {
        name: "debug.max_files",
        kind: count(1, 100),
        preset: Preset::Number(limits::LOG_FILES as u64),
        doc: "Files of each kind that are kept, the open one included.",
    },
];

/// One row of `auth.api_keys`.
static API_KEY: &[Key] = &[
    Key {
        name: "name",
        kind: Kind::Text,
        preset: Preset::Required,
        doc: "Who uses the key; appears in logs, never the key itself. Unique.",
    },
    Key {
        name: "role",
        kind: Kind::Word(&["ingest", "read", "admin"]),
        preset: Preset::Required,
        doc: "`ingest` may send telemetry, `read` may ask, `admin` may do everything.",
    },
    Key {
        name: "key_file",
        kind: Kind::File,
        preset: Preset::Absent,
        doc: "A file that holds the key, at least 16 characters. Either this or `sha256`.",
    },
    Key {
        name: "sha256",
        kind: Kind::Sha256,
        preset: Preset::Absent,
        doc: "The SHA-256 of the key: `printf %s \"$KEY\" | sha256sum`.",
    },
    Key {
        name: "key",
        kind: Kind::Refused("a key does not stand in the file: use \"key_file\" or \"sha256\""),
        preset: Preset::Absent,
        doc: "Refused: a key does not stand in the file.",
    },
];

/// One row of `forward.targets`.
static TARGET: &[Key] = &[
    Key {
        name: "name",
        kind: Kind::Text,
        preset: Preset::Required,
        doc: "What the target is called in metrics, logs and on disk: letters, digits, `-`, `_`. \
              Unique.",
    },
    Key {
        name: "endpoint",
        kind: Kind::Url,
        preset: Preset::Required,
        doc: "`http://collector:4317`. For `http/protobuf`, `/v1/traces` and its sisters are \
              appended.",
    },
    Key {
        name: "protocol",
        kind: Kind::Word(&["grpc", "http/protobuf"]),
        preset: Preset::Text("grpc"),
        doc: "The OTLP transport.",
    },
    Key {
        name: "headers",
        kind: Kind::Headers,
        preset: Preset::Empty,
        doc: "Headers (gRPC: metadata) of every request. The values are treated as secrets.",
    },
    Key {
        name: "headers_file",
        kind: Kind::File,
        preset: Preset::Absent,
        doc: "A file of further headers, one `Name: value` a line.",
    },
    Key {
        name: "compression",
        kind: Kind::Word(&["gzip", "none"]),
        preset: Preset::Text("gzip"),
        doc: "How bodies are packed.",
    },
    Key {
        name: "signals",
        kind: Kind::Words(&["traces", "logs", "metrics"]),
        preset: Preset::Text("traces logs metrics"),
        doc: "What is sent to this target.",
    },
    Key {
        name: "timeout",
        kind: seconds(1, 600),
        preset: Preset::Text("10s"),
        doc: "How long one request may take.",
    },
    Key {
        name: "tls.ca_file",
        kind: Kind::File,
        preset: Preset::Absent,
        doc: "Certificates (PEM) to trust instead of the system's.",
    },
    Key {
        name: "tls.cert_file",
        kind: Kind::File,
        preset: Preset::Absent,
        doc: "The client certificate (PEM); needs `tls.key_file`.",
    },
    Key {
        name: "tls.key_file",
        kind: Kind::File,
        preset: Preset::Absent,
        doc: "The client's private key (PEM).",
    },
    Key {
        name: "tls.insecure_skip_verify",
        kind: Kind::Refused(
            "certificates are always verified; name the authority to trust in tls.ca_file",
        ),
        preset: Preset::Absent,
        doc: "Refused: certificates are always verified.",
    },
];
