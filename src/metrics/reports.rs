//! Who else has offenders to name.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use super::cardinality::Offender;

/// Others that show series of their own, and bound them.
#[derive(Default)]
pub(super) struct Reports(RwLock<Vec<Report>>);

type Report = Box<dyn Fn() -> Vec<Offender> + Send + Sync>;

impl Reports {
    pub(super) fn add(&self, report: impl Fn() -> Vec<Offender> + Send + Sync + 'static) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(report));
    }

    pub(super) fn all(&self) -> Vec<Offender> {
        let reports = self.0.read().unwrap_or_else(PoisonError::into_inner);
        reports.iter().flat_map(|report| report()).collect()
    }
}

impl fmt::Debug for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reports").finish_non_exhaustive()
    }
}
