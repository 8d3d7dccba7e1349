//! Prices of tokens: read at the start, and again whenever a file changes or SIGHUP comes.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::AppError;
use crate::config::Config;
use crate::cost::prices::{LoadError, Prices, PricesOptions};
use crate::metrics::{PricePack, Registry};
use crate::model::{Pricing, Understand};
use crate::{clock, limits, semconv};

/// The prices in force, watched.
pub(super) struct PriceBook {
    pub(super) prices: Arc<Prices>,
    watch: JoinHandle<()>,
    measured: PricePack,
}

/// Whether the price files that a configuration names can be used.
///
/// # Errors
/// What is wrong, with file, model, field and place.
pub fn check_prices(config: &Config) -> Result<(), LoadError> {
    Prices::open(options(config)).map(drop)
}

/// Reads the prices and begins to watch their files.
pub(super) fn open(config: &Config, registry: &Registry) -> Result<Arc<PriceBook>, AppError> {
    let prices = Arc::new(Prices::open(options(config))?);
    let measured = PricePack::new(registry);
    let watch = tokio::spawn(watch(Arc::clone(&prices), measured.clone()));
    let book = PriceBook { prices, watch, measured };
    book.measure();
    Ok(Arc::new(book))
}

impl PriceBook {
    /// How spans are understood and priced.
    pub(super) fn understand(&self) -> Understand {
        let prices = Arc::clone(&self.prices) as Arc<dyn Pricing>;
        Understand::new(semconv::understand, prices)
    }

    /// Says on the page how old and how large the table is now.
    pub(super) fn measure(&self) {
        let now_ns = clock::unix_nanos();
        let status = self.prices.status(now_ns);
        let age = Duration::from_nanos(now_ns.saturating_sub(status.newest_ns));
        self.measured.built(status.build_seconds, status.bytes);
        self.measured.age(age.as_secs_f64(), status.stale, status.failing.is_some());
    }
}

impl Drop for PriceBook {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

fn options(config: &Config) -> PricesOptions {
    PricesOptions {
        files: config.prices.files.clone(),
        builtin: config.prices.builtin,
        stale_after: config.prices.stale_after,
    }
}

async fn watch(prices: Arc<Prices>, measured: PricePack) {
    let look = Duration::from_secs(limits::PRICE_LOOK_SECONDS);
    let mut hang_up = signal(SignalKind::hangup()).ok();
    loop {
        let asked = async {
            match &mut hang_up {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        };
        let anyway = tokio::select! {
            () = tokio::time::sleep(look) => false,
            () = asked => true,
        };
        let prices = Arc::clone(&prices);
        let reading = tokio::task::spawn_blocking(move || (prices.reload(anyway), prices));
        // A panic in there has been reported by the panic hook.
        let Ok((read, prices)) = reading.await else { continue };
        match read {
            Ok(false) => {}
            Ok(true) => {
                let version = format!("{:016x}", prices.version());
                let models = prices.table().lines().len();
                tracing::info!(version, models, "Prices have changed.");
            }
            Err(error) => {
                measured.failed();
                tracing::warn!(%error, "Price files are not taken; the prices before them stay.");
            }
        }
    }
}
