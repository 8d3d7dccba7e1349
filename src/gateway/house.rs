//! What all calls share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use http::{HeaderMap, Uri};
use tokio::sync::Notify;

use super::intake::Room;
use super::recorder::RecordBox;
use super::upstream::Upstream;
use crate::metrics;
use crate::model::{Pricing, Spending};

/// Whether a caller's headers carry a key of Pharos that may use the gateway.
pub type KeyCheck = Arc<dyn Fn(&HeaderMap) -> bool + Send + Sync>;
/// Whether a request may name the host that it names.
pub type HostCheck = Arc<dyn Fn(&Uri, &HeaderMap) -> bool + Send + Sync>;

/// What the gateway asks of others.
#[derive(Clone)]
pub struct Neighbours {
    /// Who may call; `None` lets everybody.
    pub keys: Option<KeyCheck>,
    /// Which hosts may be named.
    pub hosts: HostCheck,
    /// Whether budgets hold what was counted before this process began.
    pub caught_up: Arc<dyn Fn() -> bool + Send + Sync>,
    /// What calls may cost, where there are budgets.
    pub spending: Option<Arc<dyn Spending>>,
    /// What calls will cost, where there are prices.
    pub pricing: Option<Arc<dyn Pricing>>,
    /// What is counted beside the log.
    pub metrics: metrics::Gateway,
}

/// What all calls share.
pub(super) struct House {
    pub(super) upstreams: Vec<Arc<Upstream>>,
    pub(super) neighbours: Neighbours,
    pub(super) capture_content: bool,
    pub(super) output_tokens: u64,
    pub(super) room: Room,
    pub(super) records: RecordBox,
    pub(super) calls: Arc<Calls>,
}

/// The calls in flight, and whether they may go on.
#[derive(Default)]
pub(super) struct Calls {
    in_flight: AtomicUsize,
    stopping: AtomicBool,
    cut: AtomicBool,
    ended: Notify,
}

impl Calls {
    pub(super) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn end(&self) {
        if self.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.ended.notify_waiters();
        }
    }

    /// No new calls.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Calls in flight end where they are.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// How many are in flight.
    pub(super) fn count(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Returns once none is in flight.
    pub(super) async fn none(&self) {
        loop {
            let ended = self.ended.notified();
            if self.count() == 0 {
                return;
            }
            ended.await;
        }
    }
}
