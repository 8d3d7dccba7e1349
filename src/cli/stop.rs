//! The signals that end the service in order.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What asks the process to stop; heard from the moment it listens, also during a long start.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Listens from now on.
    ///
    /// # Errors
    /// What the system says if it does not let the process hear its signals.
    pub fn listen() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { terminate, interrupt })
    }

    /// Returns once somebody has asked.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Who asks a second time does not want to wait for the drain.
    pub fn next_ends_at_once(mut self) {
        tokio::spawn(async move {
            self.asked().await;
            std::process::exit(1);
        });
    }
}
