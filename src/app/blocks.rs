//! The blocks that closed segments become, where the store is embedded.

use std::sync::Arc;

use super::AppError;
use crate::config::Config;
use crate::model::Understand;
use crate::semconv;
use crate::storage::Log;
use crate::storage::block::{Catalog, Sealer, SealerOptions, Step};

/// The blocks there are.
pub(super) async fn open(log: &Arc<Log>) -> Result<Arc<Catalog>, AppError> {
    let log = Arc::clone(log);
    let opening = tokio::task::spawn_blocking(move || Catalog::of_log(&log));
    match opening.await {
        Ok(opened) => Ok(Arc::new(opened?)),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Starts to make blocks of what the log closes, unless another store keeps it.
pub(super) fn seal(
    config: &Config,
    log: &Arc<Log>,
    catalog: &Arc<Catalog>,
    understand: Understand,
) -> Result<Option<Sealer>, AppError> {
    if config.storage.clickhouse.is_some() {
        return Ok(None);
    }
    let retention = &config.storage.retention;
    let options = SealerOptions {
        understand,
        open_book: semconv::call_book,
        retention_age: retention.age,
        retention_bytes: retention.bytes,
        watch,
    };
    Sealer::start(Arc::clone(log), Arc::clone(catalog), options)
        .map(Some)
        .map_err(|source| AppError::File { path: config.storage.path.clone(), source })
}

/// Nobody is told.
#[cfg(not(debug_assertions))]
fn watch(_: Step) {}

/// Ends the process as a crash would where `PHAROS_CRASH_AT` says so: `Sealed:2` is the second
/// time that a seal was written. Tests start such processes; release builds do not look.
#[cfg(debug_assertions)]
fn watch(step: Step) {
    use std::sync::atomic::{AtomicU64, Ordering};

    static REACHED: AtomicU64 = AtomicU64::new(0);
    let Some(wanted) = std::env::var_os("PHAROS_CRASH_AT") else { return };
    let wanted = wanted.to_string_lossy();
    if let Some((name, times)) = wanted.split_once(':')
        && name == format!("{step:?}")
        && times.parse() == Ok(REACHED.fetch_add(1, Ordering::Relaxed) + 1)
    {
        std::process::abort();
    }
}
