//! Bounds of the JSON events door and of runs that are under way.

/// Ids of log records that are remembered to know a repeated one, in each of two generations of
/// 16 bytes an id.
pub const REPORT_UIDS: usize = 32_768;
/// Calls of models and provider requests remembered to count one request once, in each of two
/// generations.
pub const PROVIDER_PAIRS: usize = 32_768;
/// Services whose database connections are added up; of more, the newest are left out.
pub const CONNECTION_SERVICES: usize = 256;
