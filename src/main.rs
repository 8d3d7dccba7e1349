//! The life of the `pharos` process: arguments, configuration, service, signal, drain.

use std::process::ExitCode;

use anyhow::Context as _;
use pharos::app::{self, Addresses, App};
use pharos::build_info::VERSION;
use pharos::cli::{self, Command, DemoArguments, Failure, StopSignals};
use pharos::config::{Flags, Loaded};
use pharos::demo::{self, DemoOptions};
use pharos::metrics::Registry;
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = match cli::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(usage) => return usage.tell(),
    };
    install_tls_provider();
    cli::exit_code(match &command {
        Command::Serve(arguments) => serve(&arguments.flags),
        Command::Demo(arguments) => play_demo(arguments),
        other => cli::run(other),
    })
}

/// Nothing is bound or written before the configuration is known to be right.
fn serve(flags: &Flags) -> Result<(), Failure> {
    let loaded = cli::load(flags)?;
    live(&loaded, None)
}

fn play_demo(arguments: &DemoArguments) -> Result<(), Failure> {
    let fleet = arguments.fleet()?;
    if arguments.to.is_some() {
        return Ok(runtime()?.block_on(play(fleet))?);
    }
    let loaded = cli::load_demo(&arguments.flags)?;
    live(&loaded, Some(fleet))
}

/// The logs outlive everything that may have something to say.
fn live(loaded: &Loaded, fleet: Option<DemoOptions>) -> Result<(), Failure> {
    let runtime = runtime()?;
    let registry = app::registry(&loaded.config);
    let _logs = app::telemetry(&loaded.config, &registry, runtime.handle())
        .context("own telemetry could not be set up")?;
    for warning in &loaded.warnings {
        tracing::warn!(warning, "The configuration has something that is hardly meant.");
    }
    Ok(runtime.block_on(watch(loaded, &registry, fleet))?)
}

/// From the first bound port to the last flushed byte.
async fn watch(
    loaded: &Loaded,
    registry: &Registry,
    fleet: Option<DemoOptions>,
) -> anyhow::Result<()> {
    let mut stop = StopSignals::listen()?;
    let mut app = App::build(loaded, registry).await?;
    let Addresses { web, otlp_grpc, otlp_http } = app.addresses();
    tracing::info!(%web, %otlp_grpc, %otlp_http, version = VERSION, "Listening.");
    tokio::select! {
        () = stop.asked() => {}
        served = serve_until_done(&mut app, fleet) => served?,
    }
    stop.next_ends_at_once();
    tracing::info!("Stopping.");
    app.stop().await;
    tracing::info!("Stopped.");
    Ok(())
}

/// Lets telemetry in; ends only where a bounded demo does.
async fn serve_until_done(app: &mut App, fleet: Option<DemoOptions>) -> anyhow::Result<()> {
    app.start().await;
    tracing::info!("Telemetry is taken in.");
    let Some(mut fleet) = fleet else { return std::future::pending().await };
    fleet.endpoint = format!("http://{}", app.addresses().otlp_http);
    cli::introduce_demo(&app.addresses());
    demo::play(&fleet).await?;
    Ok(())
}

/// Plays the fleet against a Pharos that runs elsewhere.
async fn play(fleet: DemoOptions) -> anyhow::Result<()> {
    let mut stop = StopSignals::listen()?;
    let sent = tokio::select! {
        sent = demo::play(&fleet) => sent?,
        () = stop.asked() => return Ok(()),
    };
    if sent.failures > 0 {
        anyhow::bail!("{} requests of {} runs were not acknowledged", sent.failures, sent.runs);
    }
    Ok(())
}

fn runtime() -> anyhow::Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("the runtime could not be started")
}

/// One TLS provider for the whole binary.
fn install_tls_provider() {
    let installed = rustls::crypto::ring::default_provider().install_default();
    installed.expect("nobody has installed a provider before main");
}
