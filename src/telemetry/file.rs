//! `app_logs.jsonl`: warnings and errors, kept across restarts, bounded in size.

use std::path::Path;

use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};

use crate::limits;

/// A writer that never blocks: lines wait in a bounded queue, and further ones are dropped
/// (stderr has them too). The guard writes what waits when it is dropped.
pub(super) fn app_logs(folder: &Path) -> (NonBlocking, WorkerGuard) {
    let file = FileRotate::new(
        folder.join("app_logs.jsonl"),
        AppendCount::new(limits::LOG_FILES),
        ContentLimit::BytesSurpassed(limits::LOG_FILE_BYTES),
        Compression::None,
        None,
    );
    NonBlockingBuilder::default().buffered_lines_limit(limits::LOG_QUEUE_LINES).finish(file)
}
