//! Bounds of the JSON events door and of runs that are under way.

/// Ids of log records that are remembered to know a repeated one, in each of two generations of
/// 16 bytes an id.
pub const REPORT_UIDS: usize = 32_768;
/// Calls of models and provider requests remembered to count one request once, in each of two
/// generations.
pub const PROVIDER_PAIRS: usize = 32_768;
/// Services whose database connections are added up; of more, the newest are left out.
pub const CONNECTION_SERVICES: usize = 256;

/// The longest line of an NDJSON body, and so the largest event in it: a long conversation fits.
pub const EVENT_BYTES: usize = 4 * 1024 * 1024;
/// Values within one event: a conversation of thousands of messages, but no flood of empty lists,
/// each of which takes 32 bytes of memory.
pub const EVENT_VALUES: usize = 100_000;
/// How deeply the free facts of an event may nest: the frame around them takes the rest of
/// [`super::VALUE_DEPTH`].
pub const EVENT_DEPTH: usize = super::VALUE_DEPTH - 4;
/// The longest name in an event: of a model, a tool, a tenant.
pub const EVENT_NAME_BYTES: usize = 4 * 1024;
/// Attributes that the free facts of an event may be.
pub const EVENT_FACTS: usize = 512;
/// The longest that anything may be said to have taken: a year.
pub const EVENT_SECONDS: f64 = 366.0 * 86_400.0;
/// How far ahead of ours the clock of a sender may be.
pub const EVENT_AHEAD_SECONDS: u64 = 86_400;
/// The largest count in an event; doubles hold it exactly.
pub const EVENT_COUNT: u64 = 1 << 53;
/// Rejected events that an answer names; of more, it says how many there are.
pub const EVENTS_REJECTED_NAMED: usize = 100;
/// The longest field and the longest reason of a rejected event in an answer.
pub const EVENT_SAID_BYTES: usize = 256;
/// Runs that may be open at once; each takes up to half a kilobyte. Beginnings of more are
/// counted and not tracked.
pub const RUNS_OPEN: usize = 50_000;
/// Closed runs that are remembered, in each of two generations.
pub const RUNS_PAST: usize = 16_384;
/// Beginnings that are acknowledged and not read from the log yet.
pub const RUNS_ANNOUNCED: usize = 20_000;
/// The longest text that is kept of the beginning of a run.
pub const RUN_TEXT_BYTES: usize = 256;
/// Runs that are given up at a time.
pub const RUNS_GIVEN_UP: usize = 1_000;
/// The time after which a run without an end is given up, unless configured otherwise.
pub const RUN_ABANDONED_SECONDS: u64 = 3_600;
/// Open runs that one answer lists at most, and those of a request without `limit`.
pub const RUNS_PAGE: usize = 1_000;
/// The page of open runs that a request without `limit` gets.
pub const RUNS_PAGE_DEFAULT: usize = 100;
