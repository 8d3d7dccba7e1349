//! The configuration as plain types, section by section. Nothing here parses or checks.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::secret::Secret;
use crate::model::Signal;

/// Everything that can be set, as it is in force.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where this Pharos stands: the `environment` label of `system_info`.
    pub environment: String,
    /// Where and how long telemetry is kept.
    pub storage: Storage,
    /// The API, `/metrics` and health.
    pub web: Web,
    /// Receiving OTLP.
    pub otlp: Otlp,
    /// Who may do what.
    pub auth: Auth,
    /// Taking secrets out.
    pub redaction: Redaction,
    /// Bounds of `/metrics`.
    pub metrics: Metrics,
    /// Sending onward.
    pub forward: Forward,
    /// Pharos' own log.
    pub log: Log,
    /// Debug events, and the files in which Pharos tells of itself.
    pub debug: Debug,
}

/// Where and how long telemetry is kept.
#[derive(Debug, Clone)]
pub struct Storage {
    /// The data directory, relative to the working directory.
    pub path: PathBuf,
    /// When a sender gets its OK.
    pub durability: Durability,
    /// The size at which a segment is closed.
    pub segment_bytes: u64,
    /// When segments are dropped.
    pub retention: Retention,
    /// Free space below which nothing more is taken in.
    pub disk_reserve_bytes: u64,
    /// Where spans and log records go beyond the log; `None` keeps them here.
    pub clickhouse: Option<ClickHouse>,
}

/// A ClickHouse that keeps spans and log records.
#[derive(Debug, Clone)]
pub struct ClickHouse {
    /// The HTTP interface.
    pub url: String,
    /// The database of both tables.
    pub database: String,
    /// The user.
    pub user: String,
    /// The user's password.
    pub password: Option<Secret>,
    /// The table of spans.
    pub traces_table: String,
    /// The table of log records.
    pub logs_table: String,
    /// Whether what is missing is made.
    pub create_schema: bool,
    /// Rows after which a batch is inserted.
    pub batch_rows: usize,
    /// The longest that a row waits for its batch to fill.
    pub flush: Duration,
}

/// When a sender gets its OK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// After `fdatasync`: survives a power cut.
    Fsync,
    /// After `write`: survives a crash of Pharos.
    Os,
}

/// When segments are dropped; `None` is for ever.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// The greatest age of a segment.
    pub age: Option<Duration>,
    /// The greatest size of the log in bytes.
    pub bytes: Option<u64>,
}

/// The API, `/metrics` and health.
#[derive(Debug, Clone)]
pub struct Web {
    /// Where to listen; port 0 takes a free one.
    pub listen_address: SocketAddr,
    /// The path of the metrics page; begins with `/`, does not end with one.
    pub telemetry_path: String,
    /// Under which URL people reach Pharos, without a slash at its end.
    pub external_url: Option<String>,
    /// The URL of a trace in the user's own tracing system, with `{trace_id}` in it.
    pub trace_url: Option<String>,
}

/// Receiving OTLP.
#[derive(Debug, Clone)]
pub struct Otlp {
    /// Where gRPC listens; port 0 takes a free one.
    pub grpc_listen_address: SocketAddr,
    /// Where HTTP listens; port 0 takes a free one.
    pub http_listen_address: SocketAddr,
    /// The largest body as it arrives.
    pub max_wire_bytes: usize,
    /// The largest body after decompression.
    pub max_unpacked_bytes: usize,
    /// The most spans, log records or data points in one request.
    pub max_items: usize,
    /// What all requests in flight may hold together.
    pub memory_budget_bytes: usize,
}

/// Who may do what.
#[derive(Debug, Clone)]
pub struct Auth {
    /// Names and hashes are unique. Empty: nobody needs a key.
    pub api_keys: Vec<ApiKey>,
    /// Listening beyond this machine without keys was wished for.
    pub allow_public_without_auth: bool,
}

/// One key, of which only the hash is held.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Who uses it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The SHA-256 of the key's bytes: 64 lower-case hexadecimal digits.
    pub sha256: Secret,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Send telemetry.
    Ingest,
    /// Ask.
    Read,
    /// Everything.
    Admin,
}

/// Taking secrets out.
#[derive(Debug, Clone)]
pub struct Redaction {
    /// Whether it is done.
    pub enabled: bool,
    /// Further keys whose values are secret.
    pub extra_keys: Vec<String>,
    /// Further secrets as regular expressions; each compiles and does not match the empty text.
    pub extra_patterns: Vec<String>,
    /// Keys that are not secret whatever they are called.
    pub allow_keys: Vec<String>,
}

/// Bounds of `/metrics`.
#[derive(Debug, Clone, Copy)]
pub struct Metrics {
    /// Distinct values of one label of one metric.
    pub max_label_values: usize,
    /// Series of one metric.
    pub max_series_per_metric: usize,
    /// Series of the page.
    pub max_series: usize,
}

/// Sending onward.
#[derive(Debug, Clone)]
pub struct Forward {
    /// Names are unique.
    pub targets: Vec<Target>,
}

/// One OTLP target.
#[derive(Debug, Clone)]
pub struct Target {
    /// ASCII letters, digits, `-` and `_`; also a directory's name.
    pub name: String,
    /// A URL without credentials, query or slash at its end.
    pub endpoint: String,
    /// The transport.
    pub protocol: Protocol,
    /// Lower-case names; valid as HTTP headers. Those of the file come last.
    pub headers: Vec<(String, Secret)>,
    /// Whether bodies are gzipped.
    pub gzip: bool,
    /// What is sent; at least one.
    pub signals: Vec<Signal>,
    /// How long one request may take.
    pub timeout: Duration,
    /// What an `https` target is met with.
    pub tls: TargetTls,
}

/// An OTLP transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP with protobuf bodies.
    Http,
}

/// PEM files that were there and readable when the configuration was read.
#[derive(Debug, Clone, Default)]
pub struct TargetTls {
    /// Authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate; there is one exactly when there is a key.
    pub cert_file: Option<PathBuf>,
    /// The client's private key.
    pub key_file: Option<PathBuf>,
}

/// Pharos' own log.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// The least important messages shown.
    pub level: LogLevel,
    /// How they are written to stderr.
    pub format: LogFormat,
    /// Whether warnings and errors are also kept in `app_logs.jsonl`.
    pub file: bool,
}

/// Debug events, and the files in which Pharos tells of itself.
#[derive(Debug, Clone)]
pub struct Debug {
    /// Whether they are written where nobody has changed the toggle yet.
    pub enabled: bool,
    /// The folder of the files.
    pub path: PathBuf,
    /// The size at which a file is closed.
    pub max_file_bytes: u64,
    /// Files of each kind, the open one included.
    pub max_files: usize,
}

/// How important a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Something was lost or does not work.
    Error,
    /// Something will soon not work.
    Warn,
    /// What happens once or rarely.
    Info,
    /// What helps to find a mistake.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The word in the configuration, which is also a `tracing` directive.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// How Pharos' own log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}
