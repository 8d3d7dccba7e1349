//! Every bound of the service, unit last in the name, the reason beside it.
//!
//! What belongs to one part only stands in a file of its own, and all are read from here.
//! Configuration may lower or raise some of these; the constant is then the default.

mod app_metrics;
mod budgets;
mod clickhouse;
mod events;
mod findings;
mod gateway;
mod mapping;
mod prices;
mod scraping;
mod telemetry;
mod watch;

pub use app_metrics::*;
pub use budgets::*;
pub use clickhouse::*;
pub use events::*;
pub use findings::*;
pub use gateway::*;
pub use mapping::*;
pub use prices::*;
pub use scraping::*;
pub use telemetry::*;
pub use watch::*;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The largest request body taken off the wire. The OTLP specification recommends 64 MiB;
/// senders batch far below that, and a smaller bound keeps one sender from taking the budget.
pub const REQUEST_WIRE_BYTES: usize = 16 * MIB;
/// The largest body after decompression, as the OTLP specification recommends.
pub const REQUEST_UNPACKED_BYTES: usize = 64 * MIB;
/// Spans, log records or data points in one request. A 4 MiB body can name two million
/// empty spans, so bytes alone do not bound the work.
pub const REQUEST_ITEMS: usize = 100_000;
/// Attributes, events and links of one request together, per item allowed in it.
pub const REQUEST_PARTS: usize = 4_000_000;
/// What all requests in flight may hold together, wire and unpacked bytes alike.
pub const INFLIGHT_BYTES: usize = 96 * MIB;
/// A refused body is read and forgotten up to this size, so that its sender sees the answer
/// instead of a reset connection.
pub const REQUEST_DISCARD_BYTES: usize = 64 * MIB;
/// HTTP/2 frames without a byte that one request may send.
pub const REQUEST_EMPTY_FRAMES: usize = 256;
/// Buffers of bodies grow by at least this much.
pub const BODY_STEP_BYTES: usize = 256 * KIB;
/// How many times its packed size honest telemetry unpacks to: agents repeat whole
/// conversations, which reaches 60. What goes beyond is measured before it is kept.
pub const UNPACK_HONEST_RATIO: usize = 64;
/// Below this size nothing is suspicious.
pub const UNPACK_HONEST_BYTES: usize = MIB;
/// What suspicious bodies may unpack to: a long repetitive attribute, but not a flood of empty
/// items, of which 64 MiB pack into a few hundred bytes.
pub const UNPACK_SUSPICIOUS_BYTES: usize = 16 * MIB;
/// The buffer into which suspicious bodies are unpacked to measure them.
pub const UNPACK_SCRATCH_BYTES: usize = 64 * KIB;
/// The beginning of a body that tells whether it is suspicious.
pub const UNPACK_SAMPLE_BYTES: usize = 32 * KIB;
/// Packed bytes after which a body that still comes in is looked at.
pub const UNPACK_PEEK_BYTES: usize = 128 * KIB;
/// The largest zstd window, as a power of two: 8 MiB, what the specification asks of decoders.
pub const ZSTD_WINDOW_LOG: u32 = 23;
/// Packed bodies up to this size are unpacked where they arrive, larger ones on a thread.
pub const UNPACK_INLINE_BYTES: usize = 64 * KIB;
/// JSON up to this size is read where it arrives.
pub const JSON_INLINE_BYTES: usize = 128 * KIB;
/// Protobuf up to this size is counted where it arrives.
pub const COUNT_INLINE_BYTES: usize = 2 * MIB;
/// Bodies unpacked or read on threads at the same time: as many as small machines have cores.
pub const PREPARING: usize = 2;
/// Requests that may wait for that; further ones are told to come again.
pub const PREPARING_QUEUE: usize = 256;
/// When a sender that found no room should come again.
pub const OVERLOAD_RETRY_SECONDS: u32 = 1;
/// How deeply values may nest: prost stops at 100 messages, which is about 50 values.
pub const VALUE_DEPTH: usize = 32;
/// Attributes kept of one span or log record; more are dropped and counted on the record.
pub const ATTRIBUTES_PER_RECORD: usize = 1_024;
/// The longest attribute key kept; a longer one rejects its item.
pub const ATTRIBUTE_KEY_BYTES: usize = 4 * KIB;

/// Redactions of one request whose replacement names its rule; later ones become a bare `*`, so
/// that a body made of one-letter passwords does not grow by more than about 200 KiB.
pub const REDACTIONS_NAMED: usize = 10_000;

/// Memory that one pattern of the configuration may take once compiled.
pub const REDACTION_PATTERN_BYTES: usize = MIB;

/// The longest message of an error answer; prost's and serde's texts repeat whole paths.
pub const ERROR_MESSAGE_BYTES: usize = KIB;
/// Time in which a client must have sent its headers.
pub const HEADER_TIMEOUT_SECONDS: u64 = 10;
/// Time in which a client must have sent its body.
pub const BODY_TIMEOUT_SECONDS: u64 = 30;
/// Any ten seconds of a body must bring at least this much, or its sender is given up.
pub const BODY_RATE_BYTES: usize = 10 * KIB;
/// The span over which `BODY_RATE_BYTES` is asked for.
pub const BODY_RATE_SECONDS: u64 = 10;
/// Time between two requests of a connection. Senders that export once a minute keep theirs.
pub const IDLE_TIMEOUT_SECONDS: u64 = 180;
/// Time in which a client must take some bytes of its answer.
pub const WRITE_TIMEOUT_SECONDS: u64 = 30;
/// Time after which a connection is dropped whose requests neither begin nor end.
pub const STUCK_TIMEOUT_SECONDS: u64 = 300;
/// Time that requests in flight get when the service stops.
pub const DRAIN_TIMEOUT_SECONDS: u64 = 5;
/// Pause after a connection could not be accepted (no file descriptors left).
pub const ACCEPT_BACKOFF_MILLISECONDS: u64 = 100;
/// Connections that the kernel keeps waiting per listener.
pub const BACKLOG_CONNECTIONS: u32 = 1_024;
/// Connections per listener; further ones wait in the kernel's queue.
pub const CONNECTIONS: usize = 4_096;
/// The HTTP/2 flow-control window; below 1 MiB fat spans crawl (one round trip per window).
pub const HTTP2_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// Streams one HTTP/2 connection may have open.
pub const HTTP2_STREAMS: u32 = 256;
/// The largest HTTP/2 frame taken: fewer, larger frames cost less.
pub const HTTP2_FRAME_BYTES: u32 = 64 * 1024;
/// The largest header list of an HTTP/2 request, as hyper's default.
pub const HTTP2_HEADER_LIST_BYTES: u32 = 16 * 1024;
/// Streams a peer may reset before they were looked at; more is an attack (rapid reset).
pub const HTTP2_PENDING_RESETS: usize = 20;
/// Streams reset for a peer's protocol errors before its connection is closed.
pub const HTTP2_ERROR_RESETS: usize = 256;
/// An HTTP/2 peer is asked this often whether it is still there.
pub const HTTP2_PING_SECONDS: u64 = 30;
/// And has this long to answer.
pub const HTTP2_PING_TIMEOUT_SECONDS: u64 = 20;
/// HTTP/1 read buffer of a connection, which also bounds the head of a request.
pub const HTTP1_BUFFER_BYTES: usize = 128 * KIB;

/// A group commit is written once it holds this much.
pub const COMMIT_BYTES: usize = MIB;
/// Batches of one group commit: two slices each stay within the kernel's bound of one write.
pub const COMMIT_BATCHES: usize = 512;
/// Batches that may wait for the log's writer.
pub const APPEND_QUEUE_BATCHES: usize = 1_024;
/// Bytes that may wait for the log's writer.
pub const APPEND_QUEUE_BYTES: usize = 64 * MIB;
/// The largest batch the log takes; also what a damaged length field may claim.
pub const FRAME_BYTES: usize = 128 * MIB;
/// Damaged bytes of the log that are copied aside; the damage itself stays in its segment until
/// that expires.
pub const QUARANTINE_BYTES: u64 = 256 * MIB as u64;
/// Stretches of damaged bytes that are copied aside.
pub const QUARANTINE_FILES: usize = 1_000;
/// What is copied of one damaged stretch.
pub const QUARANTINE_COPY_BYTES: usize = 16 * MIB;
/// Segments removed by retention that are remembered, to tell readers what they have missed.
pub const REMOVED_SEGMENTS: usize = 1_024;
/// What a reader of the log reads at a time.
pub const READ_AHEAD_BYTES: usize = MIB;
/// What is read at once of a batch whose length is not known yet: most fit.
pub const READ_ONE_BYTES: usize = 64 * KIB;
/// How often the log's writer looks after retention and a disk that refused.
pub const LOG_TICK_MILLISECONDS: u64 = 1_000;
/// A segment is closed at this size: small enough to drop or rebuild quickly.
pub const SEGMENT_BYTES: u64 = 64 * MIB as u64;
/// Below this much free space ingest stops and reading goes on.
pub const DISK_RESERVE_BYTES: u64 = 1024 * MIB as u64;

/// A batch up to this size is validated and redacted on the thread that received it; a larger
/// one on a thread for long work.
pub const INLINE_COPY_BYTES: usize = 512 * KIB;
/// Acknowledged bytes that may wait to be measured before senders are asked to slow down.
pub const PROJECTION_LAG_BYTES: u64 = 256 * MIB as u64;
/// When a sender that was refused is asked to come again.
pub const RETRY_AFTER_SECONDS: u32 = 1;

/// Recently seen span ids remembered to recognise a sender's retry, in each of two generations.
/// The number fills sixteen hash tables of 65,536 places exactly: 18 MB a generation.
pub const RECENT_IDS: usize = 16 * 57_344;
/// Recently counted LLM calls remembered to recognise a second report of the same call.
pub const RECENT_CALLS: usize = 65_536;
/// LLM spans nested directly inside one another that are followed to recognise reports of one
/// call; wrappers are two or three deep.
pub const CALL_NESTING_SPANS: usize = 16;
/// Tokens one call may report; more is a broken counter and is taken as not reported.
pub const TOKENS_PER_CALL: u64 = 1_000_000_000;
/// What one call may be said to cost; more is taken as not reported.
pub const COST_PER_CALL_USD: f64 = 1_000_000.0;
/// JSON attributes longer than this are not searched for what else is missing.
pub const ATTRIBUTE_JSON_BYTES: usize = 64 * KIB;
/// Passages (messages, tool arguments and results) taken out of one span for an answer.
pub const CONTENT_PASSAGES: usize = 256;
/// JSON longer than this is shown as it came, not taken apart into messages.
pub const CONTENT_JSON_BYTES: usize = 512 * KIB;
/// The start of a database statement that is read for its operation and table.
pub const STATEMENT_BYTES: usize = 4 * KIB;

/// Distinct values of one label of one metric; further ones are called `other`.
pub const LABEL_VALUES: usize = 200;
/// Series (lines on the page, so a histogram's label set takes about 20) of one metric; further
/// ones fall into the series whose labels are all `other`. 4,000 are 200 label sets of a
/// histogram, and five metrics out of hand before the page is full.
pub const SERIES_PER_METRIC: usize = 4_000;
/// Series of the whole page, counted as Prometheus counts them.
pub const SERIES: usize = 20_000;
/// The longest label value; longer ones are cut.
pub const LABEL_VALUE_BYTES: usize = 128;
/// Spans remembered to find the agent above a step, in each of two generations; as many that
/// steps wait for, which is how many runs may be under way at once.
pub const LINEAGE_SPANS: usize = 65_536;
/// Tokens that one LLM call can report: no context window is near it, so more of them are a
/// mistake that would outweigh every true count.
pub const CALL_TOKENS: u64 = 1_000_000_000;
/// What one LLM call can report to have cost, in USD.
pub const CALL_COST_USD: f64 = 100_000.0;
/// Metrics that the catalog does not know, recorded through the facade by the app around us.
pub const FACADE_METRICS: usize = 256;
/// Labels of one such metric.
pub const FACADE_LABELS: usize = 16;
/// The longest description of one such metric, in characters.
pub const FACADE_HELP_CHARS: usize = 512;

/// The most traces one search page holds.
pub const SEARCH_PAGE_TRACES: usize = 1_000;
/// The page that a search without `limit` gets.
pub const SEARCH_PAGE_DEFAULT_TRACES: usize = 50;
/// The most log records one page holds.
pub const LOG_PAGE_RECORDS: usize = 1_000;
/// The page that a search for log records without `limit` gets.
pub const LOG_PAGE_DEFAULT_RECORDS: usize = 100;
/// Bytes of log records one page holds, unless one record alone is larger: a few such answers
/// may be under way at once.
pub const LOG_PAGE_BYTES: usize = 16 * MIB;
/// Bytes of log one search may read before it answers with what it has.
pub const SEARCH_SCAN_BYTES: u64 = 4 * 1024 * MIB as u64;
/// Time one search may take before it answers with what it has.
pub const SEARCH_MILLISECONDS: u64 = 5_000;
/// Searches that run at the same time; further ones wait.
pub const SEARCHES: usize = 4;
/// Bytes of a block's file that one checksum stands for: small, so that a small read verifies
/// little more than it needs.
pub const BLOCK_STRETCH_BYTES: usize = 16 * KIB;
/// A shorter attribute stays in its row; longer texts are stored once each.
pub const CONTENT_MIN_BYTES: usize = 128;
/// A text is cut only where the piece so far has this many bytes, so that pieces are worth the
/// reference to them.
pub const PIECE_MIN_BYTES: usize = 64;
/// Rows of a row group: what is decoded of a column at once, and gathered in memory to write it.
pub const BLOCK_GROUP_ROWS: usize = 32_768;
/// Bytes of attributes or contents of a row group, for the same reason.
pub const BLOCK_GROUP_BYTES: usize = 24 * MIB;
/// Rows of a page: what is decoded to read one row.
pub const BLOCK_PAGE_ROWS: usize = 4_096;
/// Bytes of a page.
pub const BLOCK_PAGE_BYTES: usize = 512 * KIB;
/// Bytes of a page of contents: large, because zstd sees no further.
pub const BLOCK_CONTENT_PAGE_BYTES: usize = MIB;
/// Records of a block that are put together at once: bounds the memory of reading a large trace.
pub const BLOCK_RESTORE_ROWS: usize = 256;
/// zstd's level for blocks: 3 is its default; higher ones win little and cost much.
pub const BLOCK_ZSTD_LEVEL: i32 = 3;
/// Pieces of content that a block recognises; about 40 bytes of memory each.
pub const BLOCK_KNOWN_PIECES: usize = 1_000_000;
/// Rows of a block that is merged from others: larger ones win nothing.
pub const BLOCK_MERGED_ROWS: u64 = 4_000_000;
/// Bytes on disk of a block that is merged from others.
pub const BLOCK_MERGED_BYTES: u64 = 512 * MIB as u64;
/// How many blocks of one size are merged into one.
pub const BLOCK_MERGE_FAN_IN: usize = 8;
/// Memory for decoded columns, footers and filters of blocks.
pub const BLOCK_CACHE_BYTES: usize = 64 * MIB;
/// Summaries of traces that are held; about half a kilobyte each.
pub const KNOWN_SUMMARIES: usize = 16_384;
/// The sealer's thread yields to those that answer senders and readers.
pub const SEALER_NICENESS: i32 = 10;
/// Records of one line of an export.
pub const EXPORT_LINE_RECORDS: usize = 512;
/// Bytes of the records of one line of an export: what other tools read at once.
pub const EXPORT_LINE_BYTES: usize = MIB;
/// How often the sealer looks for closed segments.
pub const SEAL_TICK_MILLISECONDS: u64 = 1_000;
/// Bytes of one trace that are read into memory to answer for it.
pub const TRACE_BYTES: usize = 64 * MIB;
/// Spans of one trace that an answer carries.
pub const TRACE_SPANS: usize = 10_000;
/// Spans of one page of a skeleton: 3 MB of JSON.
pub const SKELETON_SPANS: usize = 100_000;
/// Spans of a trace that its skeleton knows, over all pages; each takes about 150 bytes meanwhile.
pub const SKELETON_TRACE_SPANS: usize = 300_000;
/// Texts of a skeleton: names that differ from span to span are cut off here.
pub const SKELETON_TEXT_BYTES: usize = 16 * MIB;
/// Texts longer than this come in pieces of this size when one span is asked for.
pub const TEXT_PIECE_BYTES: usize = 16 * KIB;

/// Searches that may wait for their turn; further ones are told to come back.
pub const SEARCHES_WAITING: usize = 32;
/// Time a search waits for its turn before its caller is told to come back.
pub const SEARCH_WAIT_MILLISECONDS: u64 = 2_000;
/// Time after which a search that overran its own bound is given up on.
pub const SEARCH_ANSWER_MILLISECONDS: u64 = 2 * SEARCH_MILLISECONDS;
/// The longest window of a statistic, ten years: longer than anything is kept, and no overflow.
pub const WINDOW_HOURS: u64 = 87_600;
/// The window of a statistic where none is said.
pub const WINDOW_DEFAULT_HOURS: u64 = 24;
/// Groups (tools, skills, routes) of one statistic; each may take 30 KB, mostly one.
pub const STATS_GROUPS: usize = 1_000;
/// The groups that a statistic without `limit` lists.
pub const STATS_DEFAULT_GROUPS: usize = 100;
/// Names of tools in the figures of one run.
pub const PROFILE_NAMES: usize = 64;
/// Runs of one session or conversation that an answer looks at.
pub const SESSION_RUNS: usize = 1_000;
/// Runs that a list of conversations sums up; each takes about 400 bytes. Of more, the newest.
pub const CONVERSATION_TRACES: usize = 50_000;
/// The most conversations one page holds.
pub const CONVERSATION_PAGE: usize = 500;
/// The page of conversations that a request without `limit` gets.
pub const CONVERSATION_PAGE_DEFAULT: usize = 50;
/// Messages of one conversation that are told, over all pages.
pub const CONVERSATION_MESSAGES: usize = 200_000;
/// The most messages one page holds; each has up to [`TEXT_PIECE_BYTES`] of text.
pub const MESSAGE_PAGE: usize = 1_000;
/// The page of messages that a request without `limit` gets.
pub const MESSAGE_PAGE_DEFAULT: usize = 100;
/// Earlier runs of the same workflow that an investigation compares with.
pub const COMPARED_RUNS: usize = 50;
/// Fewer earlier runs than this have no median worth telling.
pub const COMPARED_RUNS_LEAST: usize = 5;
/// Bytes of telemetry that are read to find and measure them.
pub const COMPARE_SCAN_BYTES: u64 = 256 * MIB as u64;
/// Time that it may take.
pub const COMPARE_MILLISECONDS: u64 = 1_500;
/// Attribute conditions of one search; each is compared with every candidate span.
pub const SEARCH_ATTRIBUTES: usize = 16;
/// The longest value of a query parameter; longer than any name that is stored.
pub const PARAMETER_BYTES: usize = 4 * KIB;
/// The least `max_tokens` of an investigation: the summary and the first error fit in it.
pub const INVESTIGATE_MIN_TOKENS: usize = 750;
/// Bytes taken for one token of a language model, on average, in English and JSON alike.
pub const TOKEN_BYTES: usize = 4;
/// Recent failures that the status names.
pub const STATUS_ERRORS: usize = 10;
/// Traces that the status looks at, the newest ones.
pub const STATUS_TRACES: usize = 200;
/// How far back the status looks.
pub const STATUS_WINDOW_SECONDS: u64 = 15 * 60;
/// The longest `X-Request-Id` that is taken over from a caller.
pub const REQUEST_ID_BYTES: usize = 128;
/// Time a scrape waits for the page where the scraper names no time of its own.
pub const SCRAPE_MILLISECONDS: u64 = 10_000;
/// Failed logins that are written to the log, per second; the counter has all of them.
pub const REFUSED_LOGINS_LOGGED_PER_SECOND: u64 = 5;

/// The projection's lag from which metrics and search are called late.
pub const PROJECTION_LAG_DEGRADED_SECONDS: u64 = 10;
/// The projection's lag from which it is called stuck.
pub const PROJECTION_LAG_UNHEALTHY_SECONDS: u64 = 300;
/// Time without a delivery from which a target is called failing; shorter is a retry.
pub const TARGET_FAILING_DEGRADED_SECONDS: u64 = 30;

/// Root spans taken of a trace beyond its bound: a root mostly arrives last, and names the trace.
pub const TRACE_LATE_ROOTS: usize = 16;
/// Bytes of log that are read to say in a few words what one trace was.
pub const SUMMARY_BYTES: u64 = 1024 * MIB as u64;
/// Names of models or services in the summary of one trace.
pub const SUMMARY_NAMES: usize = 16;
/// Neighbouring frames are indexed together up to this size: small enough that one trace is read
/// quickly, large enough that the index of 10 GiB stays near 16 MB.
pub const INDEX_GROUP_BYTES: u64 = 64 * KIB as u64;
/// Memory for the trace indexes of closed segments; those of the oldest stay in their files.
pub const INDEX_TRACES_BYTES: usize = 32 * MIB;
/// Batches that are measured before the snapshot is saved even if it is not time yet: at most so
/// much is measured again after a crash, which takes well under a second.
pub const SNAPSHOT_AFTER_BYTES: usize = 128 * MIB;
/// Log without index files that is read again at the start before anything else; what is more is
/// rebuilt beside the work.
pub const INDEX_REPLAY_BYTES: u64 = 2 * SEGMENT_BYTES;
/// Traces found that one search keeps in mind, newest first, while it goes on looking.
pub const SEARCH_CANDIDATES: usize = 100_000;
/// Bytes read, once a page is full, to learn whether there is another one.
pub const SEARCH_LOOKAHEAD_BYTES: u64 = 32 * MIB as u64;

/// The largest answer read from a forwarding target.
pub const TARGET_RESPONSE_BYTES: usize = 4 * MIB;

/// Bytes after which a request to a target takes no further batch.
pub const TARGET_REQUEST_BYTES: usize = MIB;
/// Items after which a request to a target takes no further batch; collectors prefer batches of
/// some thousands.
pub const TARGET_REQUEST_ITEMS: usize = 8_192;
/// The longest pause before a target that failed is tried again.
pub const TARGET_PAUSE_SECONDS: u64 = 30;

/// The longest line in Pharos' own logs; a longer record keeps its message only.
pub const LOG_LINE_BYTES: usize = 64 * KIB;
/// Size at which an own log file is closed and the next one begun.
pub const LOG_FILE_BYTES: usize = 10 * MIB;
/// Own log files that are kept, the open one included.
pub const LOG_FILES: usize = 3;
/// Lines that may wait for an own log file: 64 MiB if every one of them were as long as it may be.
pub const LOG_QUEUE_LINES: usize = 1_024;

/// Characters of one text of a debug event; the whole text stays with its span.
pub const DEBUG_TEXT_CHARS: usize = 4_000;
/// The longest name in a debug event, and the longest that a scope asks for.
pub const DEBUG_NAME_BYTES: usize = 256;
/// Debug events taken of one span or log record: a span of ten thousand events is a mistake that
/// would push everything else out of the files.
pub const DEBUG_EVENTS_PER_ITEM: usize = 64;
/// Scopes of the debug toggle that may be open at once.
pub const DEBUG_SCOPES: usize = 32;
/// Time after which the farthest expiry lies; who needs longer leaves it out.
pub const DEBUG_EXPIRY_SECONDS: u64 = 30 * 24 * 60 * 60;
/// Time for which a scope that has ended is remembered: what arrived in it may not be read yet.
pub const DEBUG_SCOPE_KEPT_SECONDS: u64 = 10 * 60;
/// The largest file of the debug toggle; 64 scopes with the longest names fill a fraction of it.
pub const DEBUG_TOGGLE_BYTES: usize = 256 * KIB;
/// How often the file of the toggle is looked at; a change is promised to be seen within 30 s.
pub const DEBUG_TOGGLE_LOOK_SECONDS: u64 = 5;
/// How often the follower that writes debug events looks whether it has something to do.
pub const DEBUG_TICK_MILLISECONDS: u64 = 250;
/// How often the follower saves its place; after a crash this much is written again.
pub const DEBUG_SAVE_SECONDS: u64 = 2;
/// Bytes of records after which the follower sends them onward.
pub const DEBUG_ONWARD_BYTES: usize = 512 * KIB;
/// Time that the follower gets at the end to write what is in the log.
pub const DEBUG_DRAIN_SECONDS: u64 = 5;
/// The most debug events one answer holds.
pub const DEBUG_PAGE_EVENTS: usize = 500;
/// The answer that a request without `limit` gets.
pub const DEBUG_PAGE_DEFAULT_EVENTS: usize = 100;
/// Debug events of one trace in its investigation.
pub const DEBUG_TRACE_EVENTS: usize = 200;
/// Bytes of files that one question for debug events reads: more than the files hold unless
/// configured otherwise.
pub const DEBUG_READ_BYTES: u64 = 64 * MIB as u64;
/// The part of a file that is read at a time, from its end.
pub const DEBUG_READ_BLOCK_BYTES: usize = 64 * KIB;
/// The longest line that is taken for an event: a text of four-byte characters, all escaped,
/// and names around it.
pub const DEBUG_LINE_BYTES: usize = 128 * KIB;
/// Failed operations that the statistics name.
pub const DEBUG_RECENT_ERRORS: usize = 10;
/// Hours that the statistics name, the newest ones.
pub const DEBUG_HOURS: usize = 7 * 24;
/// The largest body of a change of the toggle.
pub const DEBUG_CHANGE_BYTES: usize = 16 * KIB;
/// Time that records of debug events may take into the log.
pub const DEBUG_APPEND_SECONDS: u64 = 10;
/// Bytes of `system_events.jsonl` in which the last configuration is looked for.
pub const SYSTEM_LOOK_BACK_BYTES: u64 = MIB as u64;
/// Refused keys that are written to `system_events.jsonl`, per second; the counter has all.
pub const SYSTEM_REFUSALS_PER_SECOND: u64 = 20;

/// Agent runs a second that the demo fleet plays at most; a run is about fifteen spans.
pub const DEMO_RUNS_PER_SECOND: f64 = 200.0;

/// The largest configuration file, and the largest file that one names.
pub const CONFIG_BYTES: usize = MIB;
/// Values in a configuration file: thousands of redaction patterns fit, a bomb does not.
pub const CONFIG_NODES: usize = 20_000;
/// How deeply a configuration may nest; its keys need six levels.
pub const CONFIG_DEPTH: usize = 16;
/// The longest text in a configuration.
pub const CONFIG_TEXT_BYTES: usize = 4 * KIB;
/// What one configured pattern may grow to when compiled.
pub const CONFIG_REGEX_BYTES: usize = MIB;
/// The largest answer that a command reads from a running Pharos.
pub const CLIENT_ANSWER_BYTES: usize = 64 * MIB;
/// The shortest API key: 16 characters of base 64 are 96 bits.
pub const API_KEY_MIN_BYTES: usize = 16;

const _: () = assert!(REQUEST_WIRE_BYTES <= REQUEST_UNPACKED_BYTES);
const _: () = assert!(REQUEST_UNPACKED_BYTES < INFLIGHT_BYTES);
const _: () = assert!(REQUEST_UNPACKED_BYTES < FRAME_BYTES);
const _: () = assert!(COMMIT_BYTES <= APPEND_QUEUE_BYTES);
const _: () = assert!(COMMIT_BYTES as u64 <= SEGMENT_BYTES);
const _: () = assert!(SERIES_PER_METRIC <= SERIES);
const _: () = assert!(LABEL_VALUES <= SERIES_PER_METRIC);
const _: () = assert!(SEARCH_PAGE_DEFAULT_TRACES <= SEARCH_PAGE_TRACES);
const _: () = assert!(LOG_PAGE_DEFAULT_RECORDS <= LOG_PAGE_RECORDS);
const _: () = assert!(SEARCH_MILLISECONDS < SEARCH_ANSWER_MILLISECONDS);
const _: () = assert!(COMPARE_MILLISECONDS < SEARCH_MILLISECONDS);
const _: () = assert!(COMPARED_RUNS_LEAST <= COMPARED_RUNS && COMPARED_RUNS <= SEARCH_PAGE_TRACES);
const _: () = assert!(PROJECTION_LAG_DEGRADED_SECONDS < PROJECTION_LAG_UNHEALTHY_SECONDS);
const _: () = assert!(DEBUG_TOGGLE_LOOK_SECONDS < 30);
const _: () = assert!(DEBUG_PAGE_DEFAULT_EVENTS <= DEBUG_PAGE_EVENTS);
const _: () = assert!(2 * DEBUG_SCOPES * (12 * DEBUG_NAME_BYTES + 512) <= DEBUG_TOGGLE_BYTES);
