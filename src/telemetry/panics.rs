//! Panics, as log records.

use std::panic;
use std::sync::Arc;

/// Logs every panic with its place and tells `count`. The text of a panic is not logged: it may
/// quote what it failed on.
pub fn report_panics(count: Arc<dyn Fn() + Send + Sync>) {
    panic::set_hook(Box::new(move |panic| {
        count();
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "A panic was caught.");
    }));
}

/// Logs every panic with its place, then lets the hook that was there go on. Work that it ends is
/// counted by its guard.
pub(super) fn log_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "A panic was caught.");
        before(panic);
    }));
}
