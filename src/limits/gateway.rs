//! Bounds of the LLM gateway.

use super::{KIB, MIB};

/// Upstreams that may be configured: each has a pool of connections and a label on the page.
pub const GATEWAY_UPSTREAMS: usize = 64;
/// The largest request body passed on, unless configured otherwise: images travel inside it.
pub const GATEWAY_REQUEST_BYTES: u64 = 64 * MIB as u64;
/// The largest answer passed on, unless configured otherwise. Two thousand embeddings as JSON are
/// 60 MiB; what is beyond this is an upstream that does not end.
pub const GATEWAY_RESPONSE_BYTES: u64 = 512 * MIB as u64;
/// What all request bodies that are held to be read may take together.
pub const GATEWAY_HELD_BYTES: usize = 256 * MIB;
/// The longest event of a stream that is read on the side; the last one of the responses API
/// repeats the whole answer.
pub const GATEWAY_EVENT_BYTES: usize = MIB;
/// The longest unfinished event that is held back while it may be the one to be taken out. That
/// one is a few hundred bytes.
pub const GATEWAY_HELD_BACK_BYTES: usize = 16 * KIB;
/// The part of an answer (its choices, its output) that is kept to be read at the answer's end.
pub const GATEWAY_MEMBER_BYTES: usize = 256 * KIB;
/// How far a packed answer is unpacked to be read on the side: more than models say, and what a
/// compression bomb may cost.
pub const GATEWAY_UNPACKED_BYTES: u64 = 32 * MIB as u64;
/// The buffer into which it is unpacked, piece by piece.
pub const GATEWAY_SCRATCH_BYTES: usize = 16 * KIB;
/// The longest name or id taken from a request or an answer.
pub const GATEWAY_NAME_BYTES: usize = 256;
/// Names of tools and finish reasons that are kept of one answer.
pub const GATEWAY_NAMES: usize = 32;
/// Members of `baggage` that are looked at; W3C asks for 64 of everybody.
pub const GATEWAY_BAGGAGE_MEMBERS: usize = 64;
/// Messages recorded of one request or answer where content is captured.
pub const GATEWAY_CONTENT_BYTES: usize = 256 * KIB;
/// Spans that wait to be appended; about a kilobyte each.
pub const GATEWAY_RECORDS: usize = 16_384;
/// What they may take together, with captured content.
pub const GATEWAY_RECORDS_BYTES: usize = 64 * MIB;
/// Spans after which a batch is appended without waiting for more.
pub const GATEWAY_BATCH_SPANS: usize = 256;
/// The most spans of one batch, where many wait.
pub const GATEWAY_BATCH_MOST_SPANS: usize = 1_024;
/// How long the first span of a batch waits for others.
pub const GATEWAY_BATCH_MILLISECONDS: u64 = 5;
/// Pause before a batch that could not be kept is tried again.
pub const GATEWAY_RETRY_MILLISECONDS: u64 = 250;
/// Time that calls in flight get when the service stops.
pub const GATEWAY_DRAIN_SECONDS: u64 = 10;
/// Time that the last spans get to be appended then.
pub const GATEWAY_FLUSH_SECONDS: u64 = 5;
/// How often a call that waits looks whether it has waited too long.
pub const GATEWAY_TICK_MILLISECONDS: u64 = 500;
/// Idle connections kept for each upstream.
pub const GATEWAY_IDLE_CONNECTIONS: usize = 512;
/// How long they are kept; providers close theirs after a few minutes.
pub const GATEWAY_IDLE_SECONDS: u64 = 90;
/// The buffer of one connection to an upstream, and so the largest head of an answer.
pub const GATEWAY_BUFFER_BYTES: usize = 128 * KIB;
/// Headers of one answer of an upstream.
pub const GATEWAY_HEADERS: usize = 256;
/// Output tokens that a call may use as far as budgets are asked, where it names no bound itself.
pub const GATEWAY_OUTPUT_TOKENS: u64 = 4_096;

const _: () = assert!(GATEWAY_BATCH_SPANS <= GATEWAY_BATCH_MOST_SPANS);
const _: () = assert!(GATEWAY_BATCH_MOST_SPANS <= GATEWAY_RECORDS);
const _: () = assert!(GATEWAY_HELD_BACK_BYTES <= GATEWAY_EVENT_BYTES);
