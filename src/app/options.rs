//! The configuration, as the options of each part.

use std::sync::Arc;

use tracing::Level;

use super::observers::DebugWatch;
use crate::api::auth::{Digest, Key, Role};
use crate::config::{self, Config};
use crate::debug::{DebugObserver as _, DebugOptions, FileBounds, OnLoss, RotatingFile};
use crate::exporter::{Protocol, TargetOptions, TlsOptions};
use crate::metrics::{CardinalityOptions, Registry};
use crate::redaction::{Hits, RedactionOptions, Redactor};
use crate::storage::{Durability, LogOptions};
use crate::telemetry::Shape;
use crate::telemetry::own::OwnOptions;

pub(super) fn log(config: &Config) -> LogOptions {
    let storage = &config.storage;
    LogOptions {
        durability: match storage.durability {
            config::Durability::Fsync => Durability::Fsync,
            config::Durability::Os => Durability::Os,
        },
        segment_bytes: storage.segment_bytes,
        retention_age: storage.retention.age,
        // Blocks have the other half; what a slow target still wants cannot push all of them out.
        retention_bytes: match storage.clickhouse {
            Some(_) => storage.retention.bytes,
            None => storage.retention.bytes.map(|bytes| bytes / 2),
        },
        disk_reserve_bytes: storage.disk_reserve_bytes,
    }
}

pub(super) fn redaction(config: &Config) -> RedactionOptions {
    let config::Redaction { enabled, extra_keys, extra_patterns, allow_keys } =
        config.redaction.clone();
    RedactionOptions { enabled, extra_keys, extra_patterns, allow_keys }
}

/// How many series the page may have.
pub(super) fn cardinality(config: &Config) -> CardinalityOptions {
    CardinalityOptions {
        label_values: config.metrics.max_label_values,
        series_per_metric: config.metrics.max_series_per_metric,
        // The rest is the apps'.
        series: config.metrics.max_series - super::app_metrics::series(config),
        ..CardinalityOptions::default()
    }
}

/// Lines are redacted as telemetry is, even where redaction of telemetry is switched off.
pub(super) fn telemetry(config: &Config, registry: &Registry) -> OwnOptions {
    let redactor = Redactor::new(&RedactionOptions::default());
    let redactor = redactor.expect("the built-in rules are valid");
    let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
    let counters =
        levels.map(|level| (level, registry.log_lines(&level.as_str().to_ascii_lowercase())));
    OwnOptions {
        filter: config.log.level.name().to_owned(),
        shape: match config.log.format {
            config::LogFormat::Auto => None,
            config::LogFormat::Json => Some(Shape::Json),
            config::LogFormat::Text => Some(Shape::Text),
        },
        file: config.log.file.then(|| {
            let watch = DebugWatch::new(registry);
            let on_loss: OnLoss = Arc::new(move |loss, lines| watch.lost("app_logs", loss, lines));
            let path = DebugOptions::app_logs(&config.debug.path);
            (RotatingFile::new(path, debug(config).bounds), on_loss)
        }),
        scrub: Some(Arc::new(move |line| redactor.text(line, &mut Hits::default()))),
        count: Some(Arc::new(move |level| {
            let counter = counters.iter().find(|(each, _)| *each == level);
            counter.iter().for_each(|(_, counter)| counter.increment(1));
        })),
    }
}

/// Where debug events are written, and how much of them.
pub(super) fn debug(config: &Config) -> DebugOptions {
    let config::Debug { enabled, path, max_file_bytes, max_files } = config.debug.clone();
    DebugOptions {
        storage: config.storage.path.clone(),
        folder: path,
        enabled,
        bounds: FileBounds { bytes: max_file_bytes, files: max_files },
    }
}

pub(super) fn target(target: &config::Target) -> TargetOptions {
    let header = |(name, value): &(String, config::Secret)| (name.clone(), value.expose().into());
    TargetOptions {
        name: target.name.clone(),
        endpoint: target.endpoint.clone(),
        protocol: match target.protocol {
            config::Protocol::Grpc => Protocol::Grpc,
            config::Protocol::Http => Protocol::Http,
        },
        headers: target.headers.iter().map(header).collect(),
        gzip: target.gzip,
        signals: target.signals.clone(),
        timeout: target.timeout,
        tls: TlsOptions {
            ca_file: target.tls.ca_file.clone(),
            cert_file: target.tls.cert_file.clone(),
            key_file: target.tls.key_file.clone(),
        },
    }
}

pub(super) fn keys(config: &Config) -> Vec<Key> {
    let key = |key: &config::ApiKey| {
        let digest = Digest::from_hex(key.sha256.expose());
        Key {
            name: key.name.clone(),
            role: match key.role {
                config::Role::Ingest => Role::Ingest,
                config::Role::Read => Role::Read,
                config::Role::Admin => Role::Admin,
            },
            digest: digest.expect("the configuration holds 64 hexadecimal digits"),
        }
    };
    config.auth.api_keys.iter().map(key).collect()
}
