//! Blocks made of recorded and of hostile telemetry, read back and compared.

mod catalog;
mod crash;
mod damage;
mod exact;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;

use super::block::{Block, Shelf};
use super::cache::Cache;
use super::sealing::Workshop;
use crate::limits;
use crate::model::Signal;
use crate::storage::Batch;
use crate::storage::fs::{Fs, RealFs};
use crate::storage::index::Frames;
use crate::storage::index::double::{self, MemoryLog};
use crate::storage::layout::Layout;

/// A folder with blocks in it.
struct Folder {
    shelf: Shelf,
    dir: TempDir,
}

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fs: Arc<dyn Fs> = Arc::new(RealFs);
        let layout = Layout::new(dir.path());
        let cache = Arc::new(Cache::new(limits::BLOCK_CACHE_BYTES));
        Self { shelf: Shelf { fs, layout, cache }, dir }
    }

    fn workshop(&self) -> Workshop {
        let (fs, layout) = (Arc::clone(&self.shelf.fs), self.shelf.layout.clone());
        Workshop { fs, layout, understand: double::reader(), watch: |_| {} }
    }

    /// A block of the first segment of a log.
    fn seal(&self, log: &MemoryLog) -> Block {
        let segment = log.segments()[0];
        let seal = self.workshop().seal(log, &segment, &mut *double::open_book()).unwrap();
        Block::new(self.shelf.clone(), seal)
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }
}

fn log_of(batches: &[Batch]) -> MemoryLog {
    let log = MemoryLog::default();
    for batch in batches {
        log.append(batch, false);
    }
    log
}

fn batch(signal: Signal, body: Vec<u8>) -> Batch {
    Batch { signal, arrived_ns: 1_795_248_000_000_000_000, items: 1, body: Bytes::from(body) }
}

/// Recorded request bodies of a signal.
pub(in crate::storage) fn recorded(signal: Signal) -> Vec<Batch> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/otlp");
    let mut bodies = Vec::new();
    for library in std::fs::read_dir(root).unwrap().flatten() {
        for file in std::fs::read_dir(library.path()).into_iter().flatten().flatten() {
            if file.path().to_string_lossy().ends_with(&format!(".{}.pb", signal.name())) {
                bodies.push(batch(signal, std::fs::read(file.path()).unwrap()));
            }
        }
    }
    assert!(!bodies.is_empty());
    bodies
}
