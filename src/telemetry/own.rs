//! What Pharos itself logs.
//!
//! Logs go to stderr (JSON, or readable text on a terminal), warnings and errors also to
//! `app_logs.jsonl`, and, where the `OTEL_*` variables name an endpoint,
//! warnings and Pharos' own spans over OTLP. Every line passes through a scrubber first: what
//! Pharos says of itself is redacted as what it keeps of others.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use super::fields::SpanFields;
use super::line::{LineLayer, Scrub, Shape};
use super::otlp;
use crate::debug::{self, LineWriter, OnLoss, RotatingFile};

/// What is logged, how and where.
pub struct OwnOptions {
    /// A level (`info`) or directives (`info,pharos::api=debug`).
    pub filter: String,
    /// The shape of lines on stderr; `None` is text on a terminal and JSON elsewhere.
    pub shape: Option<Shape>,
    /// `app_logs.jsonl`, and who is told of lines that are lost; `None` keeps no file.
    pub file: Option<(RotatingFile, OnLoss)>,
    /// Replaces secrets in a line; `None` for a text without any.
    pub scrub: Option<Scrub>,
    /// Is told the level of every line.
    pub count: Option<Arc<dyn Fn(Level) + Send + Sync>>,
}

/// Keeps the logs flowing; dropped, it writes and sends what waits.
pub struct OwnTelemetry {
    _file: Option<LineWriter>,
    otlp: Option<otlp::Providers>,
}

/// Why Pharos cannot log.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// The filter is not one.
    #[error("the log level {0:?} is neither a level nor a list of directives")]
    Filter(String),
    /// The `OTEL_*` variables name something that cannot be exported to.
    #[error("own telemetry cannot be exported: {0}")]
    Otlp(String),
    /// The thread that writes `app_logs.jsonl` cannot be started.
    #[error("own warnings cannot be written: {0}")]
    File(io::Error),
    /// There is a subscriber already.
    #[error(transparent)]
    Twice(#[from] TryInitError),
}

/// Installs the logs of this process. Call once; `runtime` is what gRPC exports run on.
pub fn init(
    options: OwnOptions,
    runtime: &tokio::runtime::Handle,
) -> Result<OwnTelemetry, OwnError> {
    let filter = EnvFilter::try_new(&options.filter)
        .map_err(|_| OwnError::Filter(options.filter.clone()))?;
    let scrub: Scrub = options.scrub.unwrap_or_else(|| Arc::new(|_| None));
    let text = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let shape =
        options.shape.unwrap_or(if io::stderr().is_terminal() { Shape::Text } else { Shape::Json });
    let stderr = LineLayer::new(shape, io::stderr, Arc::clone(&scrub))
        .colored(text && shape == Shape::Text)
        .counted(options.count);
    let (file, writer) = match options.file {
        Some((file, on_loss)) => {
            let (sender, writer) = debug::lines(file, on_loss).map_err(OwnError::File)?;
            let layer = LineLayer::new(Shape::Json, move || sender.clone(), scrub);
            (Some(layer.with_filter(tracing::level_filters::LevelFilter::WARN)), Some(writer))
        }
        None => (None, None),
    };
    let source = otlp::Source { service: "pharos".to_owned(), ..otlp::Source::default() };
    let otlp = otlp::providers(&source, Some(runtime)).map_err(OwnError::Otlp)?;
    tracing_subscriber::registry()
        .with(filter)
        .with(SpanFields)
        .with(stderr)
        .with(file)
        .with(otlp.as_ref().map(otlp::Providers::layer))
        .try_init()?;
    Ok(OwnTelemetry { _file: writer, otlp })
}

impl Drop for OwnTelemetry {
    fn drop(&mut self) {
        if let Some(otlp) = self.otlp.take() {
            otlp.stop();
        }
    }
}
