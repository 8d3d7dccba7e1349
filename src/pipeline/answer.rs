//! What a sender is told.

/// The batch is durable, except for the items that no retry could save.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accepted {
    /// Items that were rejected for good: OTLP's `rejected_*` of a partial success.
    pub rejected: u64,
    /// Why, in at most `limits::ERROR_MESSAGE_BYTES`; `None` when nothing was rejected.
    pub message: Option<String>,
}

/// Nothing of the batch was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bytes are no export request; sending them again cannot help.
    #[error("malformed request: {0}")]
    Malformed(String),
    /// There is no room for it now; the sender should come again.
    #[error("overloaded, retry in {retry_after_seconds} s")]
    Overloaded {
        /// When to come again.
        retry_after_seconds: u32,
    },
    /// It cannot be kept now (disk full, read-only, stopping); the sender should come again.
    #[error("{reason}, retry in {retry_after_seconds} s")]
    Unavailable {
        /// What is wrong, as a bounded label.
        reason: &'static str,
        /// When to come again.
        retry_after_seconds: u32,
    },
}
