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
    /// What tenants and teams may use.
    pub budgets: Budgets,
    /// Sending onward.
    pub forward: Forward,
    /// Passing calls of models on.
    pub gateway: Gateway,
    /// Pharos' own log.
    pub log: Log,
    /// Debug events, and the files in which Pharos tells of itself.
    pub debug: Debug,
    /// What tokens cost.
    pub prices: Prices,
    /// Runs that are told by their beginning and their end.
    pub events: Events,
    /// The metrics that apps send.
    pub app_metrics: AppMetrics,
    /// What is watched for.
    pub watch: Watch,
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

/// Passing calls of models on.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Ids are unique. Empty: there is no gateway.
    pub upstreams: Vec<Upstream>,
    /// Whether what was asked and answered is recorded.
    pub capture_content: bool,
    /// Output tokens that budgets are asked for where a call names no bound.
    pub output_tokens: u64,
}

/// One upstream of the gateway.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// ASCII letters, digits, `-` and `_`.
    pub id: String,
    /// A URL without credentials, query or slash at its end.
    pub url: String,
    /// The API that it speaks.
    pub kind: UpstreamKind,
    /// The provider's name; `None`: told by URL and kind.
    pub provider: Option<String>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long the head of an answer may take.
    pub first_byte_timeout: Duration,
    /// How long an answer may pause.
    pub idle_timeout: Duration,
    /// The largest request body.
    pub max_request_bytes: u64,
    /// The largest answer.
    pub max_response_bytes: u64,
    /// Whether streams are asked for their usage.
    pub ask_usage: bool,
    /// Authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// The API that an upstream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamKind {
    /// OpenAI's.
    OpenAi,
    /// Anthropic's.
    Anthropic,
    /// Another one.
    Other,
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

/// What tokens cost.
#[derive(Debug, Clone)]
pub struct Prices {
    /// Price files, relative to the working directory.
    pub files: Vec<PathBuf>,
    /// Whether the built-in table holds where no file says anything.
    pub builtin: bool,
    /// The age from which on the newest prices are called stale.
    pub stale_after: Duration,
}

/// The metrics that apps send, on the page.
#[derive(Debug, Clone)]
pub struct AppMetrics {
    /// Whether they are on it at all.
    pub enabled: bool,
    /// Series of all of them.
    pub max_series: usize,
    /// Series of one of them.
    pub max_series_per_metric: usize,
    /// How long a series stays after its last point.
    pub expire_after: Duration,
}

/// What is watched for in the runs of agents and workflows.
#[derive(Debug, Clone, Copy)]
pub struct Watch {
    /// Whether anything is.
    pub enabled: bool,
    /// How long after a run's span its children may still arrive.
    pub grace: Duration,
    /// How often a finding of one kind about one name is told.
    pub notice_interval: Duration,
    /// What nothing should exceed.
    pub thresholds: Thresholds,
    /// Runs unlike the others of their workflow.
    pub anomalies: OutlierWatch,
    /// Runs that go round in circles.
    pub loops: LoopWatch,
    /// Money that goes faster than usual.
    pub cost: CostWatch,
}

/// What nothing should exceed; `None` is no threshold.
#[derive(Debug, Clone, Copy)]
pub struct Thresholds {
    /// A run of a workflow, in seconds.
    pub workflow_seconds: Option<f64>,
    /// A step of a workflow, in seconds.
    pub step_seconds: Option<f64>,
    /// A call of a model, in seconds.
    pub llm_call_seconds: Option<f64>,
    /// A run of a workflow, in USD.
    pub workflow_cost_usd: Option<f64>,
    /// The part of the runs that fail, from 0 to 1.
    pub error_ratio: Option<f64>,
    /// Runs below which that part says nothing.
    pub error_runs: u64,
    /// The window in which runs are counted for it.
    pub window: Duration,
}

/// When a run is unlike the others of its workflow.
#[derive(Debug, Clone, Copy)]
pub struct OutlierWatch {
    /// Half of the time that is remembered.
    pub window: Duration,
    /// Runs below which nothing is judged.
    pub min_runs: u64,
    /// How many times the 99th percentile.
    pub margin: f64,
    /// Below this nothing is slow.
    pub min_seconds: f64,
    /// Below this nothing is expensive.
    pub min_cost_usd: f64,
}

/// When a run goes round in circles.
#[derive(Debug, Clone, Copy)]
pub struct LoopWatch {
    /// Equal calls.
    pub repeats: u64,
    /// Rounds of different calls.
    pub rounds: u64,
}

/// When money goes too fast.
#[derive(Debug, Clone, Copy)]
pub struct CostWatch {
    /// More in an hour is told.
    pub usd_per_hour: Option<f64>,
    /// More in an hour than so many median hours is told.
    pub times_typical: Option<f64>,
    /// Less is never unusual.
    pub min_usd: f64,
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

/// What tenants and teams may use.
#[derive(Debug, Clone)]
pub struct Budgets {
    /// The IANA name of the zone in which days and months begin.
    pub time_zone: String,
    /// Whether a call without a known price may be made under a budget in USD that is enforced.
    pub unpriced_allowed: bool,
    /// Budgets of tenants.
    pub tenants: Vec<Budget>,
    /// Budgets of teams.
    pub teams: Vec<Budget>,
}

/// One budget. At least one limit is set.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// Whose it is; `default` for everybody who has none.
    pub name: String,
    /// Tokens a day.
    pub daily_tokens: Option<u64>,
    /// Tokens a month.
    pub monthly_tokens: Option<u64>,
    /// USD a day.
    pub daily_usd: Option<f64>,
    /// USD a month.
    pub monthly_usd: Option<f64>,
    /// The part of a limit from which on people are warned.
    pub soft_ratio: f64,
    /// Whether the gateway refuses what would pass a limit.
    pub enforce: bool,
}

/// Runs that are told by their beginning and their end.
#[derive(Debug, Clone, Copy)]
pub struct Events {
    /// The time after which a run without an end is closed as abandoned.
    pub abandon_after: Duration,
}
