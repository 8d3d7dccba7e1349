//! From values to the typed [`Config`].

use std::path::{Path, PathBuf};

use super::api_keys::api_keys;
use super::app_metrics::app_metrics;
use super::budgets::budgets;
use super::clickhouse::clickhouse;
use super::events::events;
use super::forward::targets;
use super::gateway::gateway;
use super::origin::{Origin, Problem};
use super::prices::prices;
use super::sections::{
    Auth, Config, Debug, Durability, Forward, Log, LogFormat, LogLevel, Metrics, Otlp, Redaction,
    Retention, Storage, Web,
};
use super::values::Values;
use super::watch::watch;
use crate::limits;

/// Files that the configuration names are read from here; mistakes are collected.
pub(super) struct Builder {
    /// Relative files are relative to this: the directory of the configuration file.
    pub(super) directory: PathBuf,
    pub(super) problems: Vec<Problem>,
}

impl Builder {
    pub(super) fn problem(&mut self, origin: Origin, key: impl Into<String>, what: String) {
        self.problems.push(Problem { origin, key: key.into(), what });
    }

    /// The text of a file named by a key, without white space at its ends.
    pub(super) fn read_file(&mut self, row: &Values, name: &str, path: &str) -> Option<String> {
        let file: Option<PathBuf> = row.get(name);
        let file = file?;
        match read_text_file(&self.directory.join(&file)) {
            Ok(text) => Some(text.trim().to_owned()),
            Err(what) => {
                let what = format!("{} {what}", file.display());
                self.problem(row.origin(name), format!("{path}.{name}"), what);
                None
            }
        }
    }

    /// All sections. Whether they fit one another is not asked here.
    pub(super) fn config(&mut self, values: &Values) -> Config {
        Config {
            environment: values.get("environment"),
            storage: storage(self, values),
            web: Web {
                listen_address: values.get("web.listen_address"),
                telemetry_path: values.get("web.telemetry_path"),
                external_url: values.get("web.external_url"),
                trace_url: values.get("web.trace_url"),
            },
            otlp: Otlp {
                grpc_listen_address: values.get("otlp.grpc.listen_address"),
                http_listen_address: values.get("otlp.http.listen_address"),
                max_wire_bytes: values.get("otlp.max_wire_bytes"),
                max_unpacked_bytes: values.get("otlp.max_unpacked_bytes"),
                max_items: values.get("otlp.max_items"),
                memory_budget_bytes: values.get("otlp.memory_budget_bytes"),
            },
            auth: Auth {
                api_keys: api_keys(self, values),
                allow_public_without_auth: values.get("auth.allow_public_without_auth"),
            },
            redaction: Redaction {
                enabled: values.get("redaction.enabled"),
                extra_keys: values.get("redaction.extra_keys"),
                extra_patterns: values.get("redaction.extra_patterns"),
                allow_keys: values.get("redaction.allow_keys"),
            },
            metrics: Metrics {
                max_label_values: values.get("metrics.max_label_values"),
                max_series_per_metric: values.get("metrics.max_series_per_metric"),
                max_series: values.get("metrics.max_series"),
            },
            budgets: budgets(self, values),
            forward: Forward { targets: targets(self, values) },
            gateway: gateway(self, values),
            log: log(values),
            debug: debug(values),
            prices: prices(self, values),
            events: events(values),
            app_metrics: app_metrics(values),
            watch: watch(values),
        }
    }
}

fn storage(builder: &mut Builder, values: &Values) -> Storage {
    Storage {
        path: values.get("storage.path"),
        durability: match values.get("storage.durability") {
            "os" => Durability::Os,
            _ => Durability::Fsync,
        },
        segment_bytes: values.get("storage.segment_bytes"),
        retention: Retention {
            age: values.get("storage.retention.age"),
            bytes: values.get("storage.retention.bytes"),
        },
        disk_reserve_bytes: values.get("storage.disk_reserve_bytes"),
        clickhouse: clickhouse(builder, values),
    }
}

fn log(values: &Values) -> Log {
    Log {
        level: match values.get("log.level") {
            "error" => LogLevel::Error,
            "warn" => LogLevel::Warn,
            "debug" => LogLevel::Debug,
            "trace" => LogLevel::Trace,
            _ => LogLevel::Info,
        },
        format: match values.get("log.format") {
            "json" => LogFormat::Json,
            "text" => LogFormat::Text,
            _ => LogFormat::Auto,
        },
        file: values.get("log.file"),
    }
}

fn debug(values: &Values) -> Debug {
    let path: Option<PathBuf> = values.get("debug.path");
    Debug {
        enabled: values.get("debug.enabled"),
        path: path.unwrap_or_else(|| values.get("storage.path")),
        max_file_bytes: values.get("debug.max_file_bytes"),
        max_files: values.get("debug.max_files"),
    }
}

/// The text of a small file; the error continues a sentence that begins with the file's name.
pub(crate) fn read_text_file(path: &Path) -> Result<String, String> {
    use std::io::Read as _;

    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::InvalidData => "is not UTF-8 text".to_owned(),
        std::io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    let file = std::fs::File::open(path).map_err(cannot)?;
    let mut text = String::new();
    let most = limits::CONFIG_BYTES as u64;
    file.take(most + 1).read_to_string(&mut text).map_err(cannot)?;
    if text.len() as u64 > most {
        return Err(format!("is larger than {most} bytes"));
    }
    Ok(text)
}
