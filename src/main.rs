//! The life of the `pharos` process: arguments, configuration, service, signal, drain.

use std::process::ExitCode;

use anyhow::Context as _;
use pharos::cli::{self, Command, DemoArguments, Failure};
use pharos::config::{Flags, Loaded};
use pharos::demo::{self, DemoOptions};
use tokio::signal::unix::{SignalKind, signal};

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
    run(live(loaded, None))
}

fn play_demo(arguments: &DemoArguments) -> Result<(), Failure> {
    let fleet = arguments.fleet()?;
    if arguments.to.is_some() {
        return run(play(fleet));
    }
    let loaded = cli::load(&arguments.flags)?;
    run(live(loaded, Some(fleet)))
}

/// From the first bound port to the last flushed byte.
async fn live(_loaded: Loaded, _fleet: Option<DemoOptions>) -> anyhow::Result<()> {
    anyhow::bail!("serving is not built yet")
}

/// Plays the fleet against a Pharos that runs elsewhere.
async fn play(fleet: DemoOptions) -> anyhow::Result<()> {
    let sent = tokio::select! {
        sent = demo::play(&fleet) => sent?,
        signal = stop_signal() => return Ok(signal?),
    };
    if sent.failures > 0 {
        anyhow::bail!("{} requests of {} runs were not acknowledged", sent.failures, sent.runs);
    }
    Ok(())
}

fn run(life: impl Future<Output = anyhow::Result<()>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("the runtime could not be started")?;
    Ok(runtime.block_on(life)?)
}

/// Waits until somebody asks to stop. A second time ends the process at once.
async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(1);
    });
    Ok(())
}

/// One TLS provider for the whole binary.
fn install_tls_provider() {
    let installed = rustls::crypto::ring::default_provider().install_default();
    installed.expect("nobody has installed a provider before main");
}
