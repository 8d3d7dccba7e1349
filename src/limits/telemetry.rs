//! Bounds of what a Rust app says through the crate.

/// The longest value of the context of a task (tenant, user, request id, …): it goes onto every
/// span, log line and outgoing request.
pub const CONTEXT_VALUE_BYTES: usize = 256;
/// The longest `baggage` header that is read or written, as W3C Baggage asks of everybody.
pub const BAGGAGE_BYTES: usize = 8_192;
/// The longest `tracestate` that is passed on, as W3C Trace Context asks of everybody.
pub const TRACE_STATE_BYTES: usize = 512;
/// Shards of the map of known series: threads that record at once rarely meet in one.
pub const KNOWN_SERIES_SHARDS: usize = 16;
/// The longest path of a URL on a span.
pub const SPAN_PATH_BYTES: usize = 512;
/// The longest message of an error that a recorder keeps.
pub const FAILURE_MESSAGE_BYTES: usize = 1_024;
/// The longest class of an error; what is longer, or has blanks, is a message.
pub const FAILURE_CLASS_BYTES: usize = 96;

const _: () = assert!(KNOWN_SERIES_SHARDS.is_power_of_two());
