//! The registry that recorders record into: the one that [`Telemetry`](super::Telemetry)
//! installed, or none.

use std::sync::OnceLock;

use crate::metrics::Registry;

static INSTALLED: OnceLock<Registry> = OnceLock::new();

/// The registry of this process; `None` before telemetry is set up, when nothing is recorded.
#[inline]
pub(super) fn current() -> Option<&'static Registry> {
    #[cfg(test)]
    if let Some(registry) = doubles::current() {
        return Some(registry);
    }
    INSTALLED.get()
}

/// Makes it the one of this process; false where there is one.
pub(super) fn install(registry: &Registry) -> bool {
    INSTALLED.set(registry.clone()).is_ok()
}

#[cfg(test)]
pub(super) mod doubles {
    //! A registry of one test's own.

    use std::cell::Cell;

    use super::Registry;
    use crate::metrics::CardinalityOptions;

    thread_local! {
        static CURRENT: Cell<Option<&'static Registry>> = const { Cell::new(None) };
    }

    pub(super) fn current() -> Option<&'static Registry> {
        CURRENT.get()
    }

    /// A new registry for what this thread records from here on.
    pub(in crate::telemetry) fn fresh() -> &'static Registry {
        let registry = Registry::of_app(CardinalityOptions::default());
        let registry: &'static Registry = Box::leak(Box::new(registry));
        CURRENT.set(Some(registry));
        registry
    }

    /// The lines of the page that carry something, without buckets.
    pub(in crate::telemetry) fn lines(registry: &Registry) -> Vec<String> {
        let telling = |line: &&str| {
            !line.starts_with('#')
                && !line.contains("_bucket{")
                && !line.contains("_seconds_sum")
                && !line.starts_with("pharos_")
                && !line.ends_with(" 0")
        };
        registry.render().lines().filter(telling).map(str::to_owned).collect()
    }
}
