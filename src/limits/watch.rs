//! Bounds of what is remembered to watch runs.

/// Spans remembered with their parents, so that what arrives after its parent still finds its
/// run: 16 bytes each. A power of two.
pub const WATCH_SPANS: usize = 131_072;
/// Spans that have not arrived under which costs wait, in each of two generations: runs under
/// way, and the spans between them and their calls.
pub const WATCH_WAITING: usize = 32_768;
/// Ancestors that are looked at; deeper nesting is a cycle or as good as one.
pub const WATCH_DEPTH: usize = 128;
/// Runs whose span has arrived and whose children may still come. Beyond it the oldest is closed
/// before its grace is over.
pub const WATCH_OPEN_RUNS: usize = 32_768;
/// Workflows, and as many agents, whose runs are compared with one another. Each holds four
/// sketches of at most 7 KiB.
pub const WATCH_NAMES: usize = 256;
/// Tenants whose spending by the hour is known: 700 bytes each, and a series.
pub const WATCH_TENANTS: usize = 128;
/// Runs whose tool calls are remembered, in each of two generations.
pub const WATCH_LOOP_RUNS: usize = 1_024;
/// Tool calls of one run among which circles are looked for, the last by start.
pub const WATCH_LOOP_CALLS: usize = 32;
/// Different tool calls of one run that are counted; the rarest makes room.
pub const WATCH_LOOP_KINDS: usize = 32;
/// The most calls that one round of a circle has.
pub const WATCH_LOOP_PERIOD: usize = 4;
/// Arguments of a tool up to this size are compared as JSON, longer ones as they are.
pub const WATCH_ARGUMENT_BYTES: usize = 16 * 1024;
/// Names of each kind of thing whose counters stand at 0 before anything is found, so that the
/// first finding is an increase for Prometheus.
pub const WATCH_EXPECTED_NAMES: usize = 32;
/// Findings that the API can tell of.
pub const WATCH_FINDINGS: usize = 512;
/// Kinds and names of findings whose notices are spaced out; more than are told at all at once.
pub const WATCH_NOTICE_KEYS: usize = 512;
/// The longest name of a workflow, agent, tool, model or tenant that is remembered.
pub const WATCH_NAME_BYTES: usize = super::LABEL_VALUE_BYTES;
/// How old a moment must be before its silence is believed: what arrived then has been committed
/// or refused, unless a disk needs longer than this for one sync.
pub const WATCH_SETTLE_SECONDS: u64 = 5;
/// Hours of spending below which no hour is typical.
pub const WATCH_TYPICAL_HOURS: usize = 3;

const _: () = assert!(WATCH_SPANS.is_power_of_two());
const _: () = assert!(2 * WATCH_LOOP_PERIOD < WATCH_LOOP_CALLS);
const _: () = assert!(WATCH_TENANTS < super::LABEL_VALUES);
const _: () = assert!(4 * WATCH_EXPECTED_NAMES < super::LABEL_VALUES);
