//! Bounds of the report on what senders say.

/// Senders in the report: services times the instrumentations that each uses. With all bounds
/// reached it takes some 5 MB.
pub const MAPPING_SENDERS: usize = 128;
/// Attribute names of each sort that are kept of a sender: more than any instrumentation has.
pub const MAPPING_NAMES: usize = 96;
/// Contradictions that are kept of a sender.
pub const MAPPING_CONTRADICTIONS: usize = 16;
/// The length to which names from outside are cut.
pub const MAPPING_NAME_BYTES: usize = 96;
/// Spans of a sender that are all looked at, for a report that is whole at once.
pub const MAPPING_FIRST_SPANS: u64 = 256;
/// Of the others one in so many.
pub const MAPPING_EVERY_SPANS: u64 = 64;
/// After this time of silence a sender makes room for a new one.
pub const MAPPING_SILENT_SECONDS: u64 = 3_600;
