//! A storage folder made at will, for tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::block::double::Shelves;
use super::fs::RealFs;
use super::index::{Index, double};
use super::log::{Durability, Log, LogOptions};
use super::{Batch, Cursor};

/// A folder in which each of the first lists of batches is a block, those that follow are in
/// closed segments with an index, and those of the last one in a segment that is written to.
pub(super) struct TestFolder {
    pub(super) dir: tempfile::TempDir,
    _log: Arc<Log>,
}

impl TestFolder {
    /// `blocks` of the segments are sealed as blocks; they stay in the log as well.
    pub(super) fn new(segments: &[&[Batch]], blocks: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (number, batches) in (1..).zip(segments) {
            let log = open(dir.path());
            let index = Index::open(Arc::clone(&log), double::reader(), double::open_book);
            index.rebuild_missing(&std::sync::atomic::AtomicBool::new(false));
            append(&log, &index, batches);
            if number == blocks + 1 {
                let from = log.segments()[0].number;
                Shelves::open(dir.path(), from).seal_closed(&*log);
            }
            if number == segments.len() {
                let cursors = dir.path().join("cursors");
                let cursor = Cursor::open(Arc::new(RealFs), &cursors, "tempo").unwrap();
                cursor.save(log.end()).unwrap();
                return Self { dir, _log: log };
            }
            log.stop();
        }
        unreachable!("there is a segment")
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A copy of the folder as it is now: what a kill would leave.
    pub(super) fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(self.path(), copy.path());
        copy
    }
}

fn open(root: &Path) -> Arc<Log> {
    let options =
        LogOptions { durability: Durability::Os, disk_reserve_bytes: 0, ..LogOptions::default() };
    Arc::new(Log::open(Arc::new(RealFs), root, options).unwrap())
}

fn append(log: &Arc<Log>, index: &Index, batches: &[Batch]) {
    let mut reader = log.reader(index.wanted_from());
    while let Some((at, batch)) = reader.next().unwrap() {
        index.apply(at, &batch);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for batch in batches {
        let at = runtime.block_on(log.append(batch.clone())).unwrap();
        index.apply(at, batch);
    }
}

/// Copies the files of a folder and of the folders in it.
pub(super) fn copy_folder(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        let path = to.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// All files under a folder, by their names from there on.
pub(super) fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}
