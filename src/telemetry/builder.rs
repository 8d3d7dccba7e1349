//! One call that sets up logs, traces and metrics of an app.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use super::fields::SpanFields;
use super::line::{LineLayer, Scrub, Shape};
use super::{meter, panics};
use crate::metrics::{CardinalityOptions, Registry, TEXT_CONTENT_TYPE, catalog};

/// A layer for a subscriber of the app's own.
pub type SubscriberLayer<S> = Box<dyn Layer<S> + Send + Sync>;

/// The telemetry of an app. Dropped, it sends what waits.
#[derive(Debug)]
#[must_use = "telemetry ends when this is dropped"]
pub struct Telemetry {
    registry: Registry,
    #[cfg(feature = "otlp")]
    otlp: Option<super::otlp::Providers>,
}

/// What an app says of itself before its telemetry is set up.
#[must_use = "nothing is set up before init"]
pub struct Builder {
    service: String,
    version: Option<String>,
    environment: Option<String>,
    endpoint: Option<String>,
    filter: String,
    shape: Option<Shape>,
    writer: BoxMakeWriter,
    scrub: Scrub,
    cardinality: CardinalityOptions,
    facade: bool,
    panics: bool,
}

/// Why telemetry cannot be set up. Nothing has been changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// `RUST_LOG`, or the filter given, is not one.
    #[error("the log filter {0:?} is neither a level nor a list like info,my_app::api=debug")]
    Filter(String),
    /// Something is already the process's tracing subscriber.
    #[error("this process has a tracing subscriber already: take Builder::layer into it instead")]
    Subscriber,
    /// Something is already the process's recorder of metrics, or telemetry is set up already.
    #[error("this process has a recorder of metrics already")]
    Recorder,
    /// The endpoint, or an `OTEL_*` variable, names something that cannot be exported to.
    #[error("spans cannot be exported: {0}")]
    Otlp(String),
}

/// Sets up logs, traces and metrics for a service: [`Telemetry::builder`] with its defaults.
///
/// # Errors
/// See [`InitError`].
pub fn init(service: &str) -> Result<Telemetry, InitError> {
    Telemetry::builder(service).init()
}

impl Telemetry {
    /// Begins to set up the telemetry of a service.
    pub fn builder(service: &str) -> Builder {
        Builder {
            service: service.to_owned(),
            version: None,
            environment: None,
            endpoint: None,
            filter: "info".to_owned(),
            shape: None,
            writer: BoxMakeWriter::new(io::stderr),
            scrub: Arc::new(|_| None),
            cardinality: CardinalityOptions::default(),
            facade: true,
            panics: true,
        }
    }

    /// The app's own page for Prometheus, in the text format 0.0.4: what the recorders, the
    /// layers and the `metrics` facade recorded.
    pub fn render(&self) -> String {
        self.registry.render()
    }

    /// The `Content-Type` of that page.
    pub fn content_type(&self) -> &'static str {
        TEXT_CONTENT_TYPE
    }

    /// The registry behind the page.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Sends what waits, now. Blocks until it is sent or has failed.
    pub fn flush(&self) {
        #[cfg(feature = "otlp")]
        if let Some(otlp) = &self.otlp {
            otlp.flush();
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        #[cfg(feature = "otlp")]
        if let Some(otlp) = self.otlp.take() {
            otlp.stop();
        }
    }
}

impl Builder {
    /// The version of the service.
    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }

    /// Where it runs: `production`, `staging`.
    pub fn environment(mut self, environment: &str) -> Self {
        self.environment = Some(environment.to_owned());
        self
    }

    /// Where spans and reports go over OTLP/HTTP, without a path: `http://pharos:4318`. Needs the
    /// feature `otlp`. `OTEL_EXPORTER_OTLP_ENDPOINT` goes before it, and `ENABLE_TELEMETRY=false`
    /// or `OTEL_SDK_DISABLED=true` switch the export off.
    pub fn endpoint(mut self, endpoint: &str) -> Self {
        self.endpoint = Some(endpoint.to_owned());
        self
    }

    /// What is logged: a level (`info`, the default) or levels by module
    /// (`info,my_app::api=debug`). `RUST_LOG` goes before it.
    pub fn filter(mut self, filter: &str) -> Self {
        filter.clone_into(&mut self.filter);
        self
    }

    /// The shape of log lines. Without it: text on a terminal, JSON elsewhere.
    pub fn shape(mut self, shape: Shape) -> Self {
        self.shape = Some(shape);
        self
    }

    /// Where log lines go, in place of standard error.
    pub fn writer<W>(mut self, writer: W) -> Self
    where
        W: for<'w> tracing_subscriber::fmt::MakeWriter<'w> + Send + Sync + 'static,
    {
        self.writer = BoxMakeWriter::new(writer);
        self
    }

    /// Replaces secrets in a log line; `None` for a line without any.
    pub fn scrub(mut self, scrub: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.scrub = Arc::new(scrub);
        self
    }

    /// How many label values and series the page may have.
    pub fn cardinality(mut self, options: CardinalityOptions) -> Self {
        self.cardinality = options;
        self
    }

    /// Leaves the `metrics` facade to a recorder of the app's own: then the page has what the
    /// typed recorders and the layers record.
    pub fn leave_facade(mut self) -> Self {
        self.facade = false;
        self
    }

    /// Leaves the panic hook of the process as it is. Otherwise panics are logged with their
    /// place, before the hook that was there runs.
    pub fn leave_panics(mut self) -> Self {
        self.panics = false;
        self
    }

    /// Sets everything up, and makes it the telemetry of this process.
    ///
    /// # Errors
    /// See [`InitError`]. Called a second time, it fails and the first stays as it is.
    pub fn init(self) -> Result<Telemetry, InitError> {
        if tracing::dispatcher::has_been_set() {
            return Err(InitError::Subscriber);
        }
        let panics = self.panics;
        let (telemetry, layer) = self.layer()?;
        let subscriber = tracing_subscriber::registry().with(layer);
        let installed = tracing::subscriber::set_global_default(subscriber);
        installed.map_err(|_| InitError::Subscriber)?;
        if panics {
            panics::log_panics();
        }
        Ok(telemetry)
    }

    /// Sets metrics up, and gives a layer of logs and traces for a subscriber of the app's own.
    ///
    /// ```
    /// use pharos::telemetry::Telemetry;
    /// use tracing_subscriber::layer::SubscriberExt as _;
    ///
    /// let (telemetry, layer) = Telemetry::builder("shop").layer()?;
    /// let subscriber = tracing_subscriber::registry().with(layer);
    /// tracing::subscriber::with_default(subscriber, || tracing::info!("Open."));
    /// # Ok::<(), pharos::telemetry::InitError>(())
    /// ```
    ///
    /// # Errors
    /// See [`InitError`].
    pub fn layer<S>(self) -> Result<(Telemetry, SubscriberLayer<S>), InitError>
    where
        S: Subscriber + for<'s> LookupSpan<'s> + Send + Sync,
    {
        let filter = filter(std::env::var("RUST_LOG").ok(), &self.filter)?;
        let registry = Registry::of_app(self.cardinality.clone());
        #[cfg(feature = "otlp")]
        let otlp = self.exporters()?;
        // The last things that can fail: nothing stays behind half done.
        if self.facade && ::metrics::set_global_recorder(registry.clone()).is_err() {
            return Err(InitError::Recorder);
        }
        if !meter::install(&registry) {
            return Err(InitError::Recorder);
        }
        let unsaid = "unknown";
        let version = self.version.as_deref().unwrap_or(unsaid);
        let environment = self.environment.as_deref().unwrap_or(unsaid);
        let info = [version, environment, std::env::consts::OS, std::env::consts::ARCH];
        registry.set(&catalog::SYSTEM_INFO, &info, 1.0);
        let layer = self.lines(filter);
        #[cfg(feature = "otlp")]
        let layer = match &otlp {
            Some(otlp) => Box::new(layer.and_then(otlp.layer())) as SubscriberLayer<S>,
            None => layer,
        };
        let telemetry = Telemetry {
            registry,
            #[cfg(feature = "otlp")]
            otlp,
        };
        Ok((telemetry, layer))
    }

    #[cfg(feature = "otlp")]
    fn exporters(&self) -> Result<Option<super::otlp::Providers>, InitError> {
        let source = super::otlp::Source {
            service: self.service.clone(),
            version: self.version.clone(),
            environment: self.environment.clone(),
            endpoint: self.endpoint.clone(),
        };
        #[cfg(feature = "server")]
        let runtime = tokio::runtime::Handle::try_current().ok();
        let providers = super::otlp::providers(
            &source,
            #[cfg(feature = "server")]
            runtime.as_ref(),
        );
        providers.map_err(InitError::Otlp)
    }

    /// The lines of the log, with the fields of the spans around them.
    fn lines<S>(self, filter: Targets) -> SubscriberLayer<S>
    where
        S: Subscriber + for<'s> LookupSpan<'s> + Send + Sync,
    {
        let terminal = io::stderr().is_terminal();
        let shape = self.shape.unwrap_or(if terminal { Shape::Text } else { Shape::Json });
        let colored = terminal && shape == Shape::Text && std::env::var_os("NO_COLOR").is_none();
        let lines = LineLayer::new(shape, self.writer, self.scrub).colored(colored);
        // Spans are let through whatever is logged: lines inside carry their fields.
        let wanted = move |metadata: &Metadata<'_>| match metadata.is_span() {
            true => *metadata.level() <= LevelFilter::INFO,
            false => is_line(metadata) && filter.would_enable(metadata.target(), metadata.level()),
        };
        let spans = filter_fn(|it| it.is_span() && *it.level() <= LevelFilter::INFO);
        Box::new(SpanFields.with_filter(spans).and_then(lines.with_filter(filter_fn(wanted))))
    }
}

/// Whether an event is for people: not what recorders report to Pharos.
fn is_line(metadata: &Metadata<'_>) -> bool {
    !matches!(metadata.target(), "pharos::report" | "pharos::started")
}

fn filter(variable: Option<String>, said: &str) -> Result<Targets, InitError> {
    let text = variable.filter(|text| !text.is_empty()).unwrap_or_else(|| said.to_owned());
    text.parse().map_err(|_| InitError::Filter(text))
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("service", &self.service).finish_non_exhaustive()
    }
}
