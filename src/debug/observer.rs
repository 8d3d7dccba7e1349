//! What the debug events report of themselves.

use super::kind::EventKind;

/// Why something was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Loss {
    /// More came than the writer could take.
    QueueFull,
    /// The file could not be written.
    Disk,
    /// One span or log record had more than its share.
    TooMany,
    /// The log took no record of it; the line in the file is there.
    Refused,
}

/// Hears what is written and what is lost; `app` measures it.
pub trait DebugObserver: Send + Sync {
    /// A line stands in `debug_logs.jsonl`.
    fn written(&self, kind: EventKind);
    /// Events were lost. `file` is the name without its ending; `log` for records onward.
    fn lost(&self, file: &'static str, loss: Loss, events: u64);
    /// How many scopes of the toggle are open.
    fn scopes(&self, open: usize);
}

impl Loss {
    /// The `reason` in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Disk => "disk",
            Self::TooMany => "too_many",
            Self::Refused => "refused",
        }
    }
}
