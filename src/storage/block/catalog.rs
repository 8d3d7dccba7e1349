//! Which blocks there are.

use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use tracing::{info, warn};

use super::block::{Block, Shelf};
use super::error::BlockError;
use super::seal::{Seal, SealError};
use super::{adopt, seal};
use crate::storage::fs::{self, Fs};
use crate::storage::layout::{BlockName, BlockPart, Layout};
use crate::storage::log::Log;

/// The blocks of a store.
pub struct Catalog {
    pub(super) shelf: Shelf,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    shelved: Shelved,
    counts: BlockCounts,
}

/// The blocks at one moment.
#[derive(Clone, Default)]
pub(in crate::storage) struct Shelved {
    /// The oldest segments first.
    pub(in crate::storage) blocks: Vec<Arc<Block>>,
    /// The last segment that is kept as a block: the log is searched behind it.
    pub(in crate::storage) through: u64,
}

/// What blocks hold, and what has happened to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlockStatus {
    /// Blocks.
    pub blocks: u64,
    /// Bytes of their files.
    pub bytes: u64,
    /// Bytes of telemetry they were made of.
    pub log_bytes: u64,
    /// Spans in them.
    pub spans: u64,
    /// Log records in them.
    pub logs: u64,
    /// When the oldest batch kept in one arrived, in nanoseconds since the Unix epoch.
    pub oldest_ns: Option<u64>,
    /// The last segment that is kept as a block.
    pub through: u64,
    /// Since the start.
    pub counts: BlockCounts,
}

/// What has happened to blocks since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlockCounts {
    /// Segments that were made blocks.
    pub sealed: u64,
    /// Blocks that were made of others.
    pub merged: u64,
    /// Blocks that retention removed.
    pub expired: u64,
    /// Blocks in which damage was found.
    pub damaged: u64,
    /// Attempts to make a block that failed; each is tried again.
    pub failures: u64,
}

/// The blocks cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A block was written by a later release.
    #[error("{file}: {source}")]
    Version {
        /// The block's seal.
        file: String,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The folder cannot be read.
    #[error("the folder of blocks cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl Catalog {
    /// The blocks beside a log.
    pub fn of_log(log: &Log) -> Result<Self, CatalogError> {
        let (fs, layout) = log.place();
        let log_from = log.segments().first().map_or(0, |first| first.number);
        Self::open(fs, layout, log_from)
    }

    /// Refuses blocks of a later release, before anything of the folder is touched.
    pub fn refuse_newer(fs: &Arc<dyn Fs>, root: &Path) -> Result<(), CatalogError> {
        let shelf = Shelf::over(Arc::clone(fs), Layout::new(root));
        sealed(&shelf, &names(&shelf)?).map(drop)
    }

    /// Finds the blocks under a storage path. `log_from` is the first segment that the log still
    /// has: what is left of a block without a seal is removed where it can be made again.
    pub(in crate::storage) fn open(
        fs: Arc<dyn Fs>,
        layout: Layout,
        log_from: u64,
    ) -> Result<Self, CatalogError> {
        let catalog = Self { shelf: Shelf::over(fs, layout), state: RwLock::default() };
        catalog.shelf.fs.create_dir_all(&catalog.shelf.layout.blocks())?;
        catalog.load(log_from)?;
        Ok(catalog)
    }

    /// The blocks under a storage path, of which nothing is changed: nothing is removed, sealed
    /// again or put aside. What cannot be read is told in words.
    pub(in crate::storage) fn look(
        fs: Arc<dyn Fs>,
        layout: Layout,
        log_from: u64,
    ) -> Result<(Self, Vec<String>), CatalogError> {
        let shelf = Shelf::over(fs, layout);
        let Sealed { mut seals, lost } = sealed(&shelf, &names(&shelf)?)?;
        let mut told = Vec::new();
        for name in lost {
            if is_spare(&name, &seals, log_from) {
                continue;
            }
            match adopt::look(&shelf, name) {
                Ok(seal) => seals.push(seal),
                Err(error) => told.push(format!("{name}: {error}")),
            }
        }
        seals.sort_by_key(|seal| (seal.name.first, std::cmp::Reverse(seal.name.last)));
        seals.dedup_by(|next, kept| kept.name.covers(&next.name));
        let mut state = State::default();
        state.shelved.through = seals.iter().map(|seal| seal.name.last).max().unwrap_or(0);
        let blocks = seals.into_iter().map(|seal| Arc::new(Block::new(shelf.clone(), seal)));
        state.shelved.blocks = blocks.collect();
        Ok((Self { shelf, state: RwLock::new(state) }, told))
    }

    fn load(&self, log_from: u64) -> Result<(), CatalogError> {
        let Shelf { fs, layout, .. } = &self.shelf;
        let files = fs.list(&layout.blocks())?;
        // Everything is looked at before anything is touched: a later release may have written it.
        let Sealed { mut seals, lost } = sealed(&self.shelf, &files)?;
        for file in files.iter().filter(|file| file.ends_with(".tmp")) {
            // What stays does no harm.
            let _ = fs.remove(&layout.blocks().join(file));
        }
        self.find_again(&lost, log_from, &mut seals);
        self.take(seals);
        Ok(())
    }

    /// What has no whole seal: removed if it can be made again or is covered, otherwise adopted.
    fn find_again(&self, lost: &[BlockName], log_from: u64, seals: &mut Vec<Seal>) {
        for name in lost {
            let covered = seals.iter().any(|seal| seal.name.covers(name));
            let inside = seals.iter().any(|seal| name.covers(&seal.name));
            if covered || inside {
                self.remove_files(name);
                continue;
            }
            if log_from > 0 && name.first >= log_from {
                // Blocks are made of what lies behind the last one: those behind it go with it.
                let later = |seal: &Seal| seal.name.first > name.first;
                seals.iter().filter(|seal| later(seal)).for_each(|seal| {
                    warn!(block = %seal.name, "A block is made again, as one before it is.");
                    self.remove_files(&seal.name);
                });
                seals.retain(|seal| !later(seal));
                self.remove_files(name);
                continue;
            }
            match adopt::adopt(&self.shelf, *name) {
                Ok(seal) => {
                    warn!(block = %name, "The seal of a block was lost and has been made again.");
                    seals.push(seal);
                }
                Err(error) => self.put_aside(name, &error),
            }
        }
    }

    /// Shelves the blocks of these seals, the ones that others cover aside.
    fn take(&self, mut seals: Vec<Seal>) {
        seals.sort_by_key(|seal| (seal.name.first, std::cmp::Reverse(seal.name.last)));
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for seal in seals {
            if state.shelved.blocks.last().is_some_and(|last| last.seal.name.covers(&seal.name)) {
                self.remove_files(&seal.name);
                continue;
            }
            state.shelved.through = state.shelved.through.max(seal.name.last);
            state.shelved.blocks.push(Arc::new(Block::new(self.shelf.clone(), seal)));
        }
    }

    fn remove_files(&self, name: &BlockName) {
        for part in BlockPart::ALL {
            // What stays is found at the next start.
            let _ = self.shelf.fs.remove(&self.shelf.layout.block_file(name, part));
        }
    }

    /// Moves what is left of a block where it disturbs nobody, with a note.
    fn put_aside(&self, name: &BlockName, error: &BlockError) {
        warn!(block = %name, %error, "A block cannot be read and was put aside.");
        let Shelf { fs, layout, .. } = &self.shelf;
        let folder = layout.quarantine();
        let note = format!("{name}: {error}\n");
        let noted = fs.create_dir_all(&folder).and_then(|()| {
            fs::replace(&**fs, &folder.join(format!("{name}.txt")), note.as_bytes())
        });
        if noted.is_ok() {
            for part in BlockPart::ALL {
                let from = layout.block_file(name, part);
                let to = folder.join(format!("{name}.{}", part.extension()));
                // A file that is not there is not missed.
                let _ = fs.rename(&from, &to);
            }
        }
        self.state_mut(|state| state.counts.damaged += 1);
    }

    /// The blocks as they are now.
    pub(in crate::storage) fn shelved(&self) -> Shelved {
        self.state.read().unwrap_or_else(PoisonError::into_inner).shelved.clone()
    }

    /// Shelves a block that was made of a segment.
    pub(super) fn insert(&self, seal: Seal) {
        let block = Arc::new(Block::new(self.shelf.clone(), seal));
        self.state_mut(|state| {
            state.counts.sealed += 1;
            state.shelved.through = state.shelved.through.max(block.seal.name.last);
            state.shelved.blocks.push(block);
        });
    }

    /// Puts a merged block in the place of those that it covers.
    pub(super) fn replace(&self, seal: Seal) {
        let merged = Arc::new(Block::new(self.shelf.clone(), seal));
        self.state_mut(|state| {
            state.counts.merged += 1;
            let blocks = &mut state.shelved.blocks;
            let covered = |block: &Arc<Block>| merged.seal.name.covers(&block.seal.name);
            let place = blocks.iter().position(covered).unwrap_or(blocks.len());
            blocks.iter().filter(|block| covered(block)).for_each(|block| block.doom());
            blocks.retain(|block| !covered(block));
            blocks.insert(place, merged);
        });
    }

    /// Takes the oldest block away for good.
    pub(super) fn expire_oldest(&self) {
        self.state_mut(|state| {
            if state.shelved.blocks.is_empty() {
                return;
            }
            let block = state.shelved.blocks.remove(0);
            info!(block = %block.seal.name, bytes = block.seal.bytes(), "A block has expired.");
            block.doom();
            state.counts.expired += 1;
        });
    }

    /// Notes that making a block has failed.
    pub(super) fn failed(&self) {
        self.state_mut(|state| state.counts.failures += 1);
    }

    /// Reports a block that could not be read, once.
    pub(in crate::storage) fn report(&self, block: &Block, error: &BlockError) {
        if !block.report_once() {
            return;
        }
        let name = &block.seal.name;
        warn!(block = %name, %error, "A part of a block cannot be read; the rest of it can.");
        let Shelf { fs, layout, .. } = &self.shelf;
        let folder = layout.quarantine();
        let note = format!("{name}: {error}\n");
        // The report is also in the log and counted.
        let _ = fs.create_dir_all(&folder).and_then(|()| {
            fs::replace(&**fs, &folder.join(format!("{name}.txt")), note.as_bytes())
        });
        self.state_mut(|state| state.counts.damaged += 1);
    }

    fn state_mut<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads and verifies every byte of every block: each block's name, its bytes and, where it
    /// is damaged, what is wrong with it.
    pub fn verify(&self) -> impl Iterator<Item = (BlockName, u64, Result<(), BlockError>)> {
        let blocks = self.shelved().blocks.into_iter();
        blocks.map(|block| (block.seal.name, block.seal.bytes(), block.verify()))
    }

    /// What the blocks hold.
    pub fn status(&self) -> BlockStatus {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let Shelved { blocks, through } = &state.shelved;
        let mut status = BlockStatus {
            blocks: blocks.len() as u64,
            through: *through,
            counts: state.counts,
            ..BlockStatus::default()
        };
        for Block { seal, .. } in blocks.iter().map(AsRef::as_ref) {
            status.bytes += seal.bytes();
            status.log_bytes += seal.log_bytes;
            status.spans += seal.span_rows();
            status.logs += seal.log_rows();
            let oldest = status.oldest_ns.unwrap_or(u64::MAX).min(seal.first_arrival_ns);
            status.oldest_ns = Some(oldest);
        }
        status
    }
}

/// The blocks of a folder, by whether they have a whole seal.
struct Sealed {
    /// The whole seals.
    seals: Vec<Seal>,
    /// Blocks that have none.
    lost: Vec<BlockName>,
}

/// The files in the folder of blocks; none if there is no folder.
fn names(shelf: &Shelf) -> io::Result<Vec<String>> {
    match shelf.fs.list(&shelf.layout.blocks()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        names => names,
    }
}

/// Reads the seals among these files of the folder of blocks.
fn sealed(shelf: &Shelf, files: &[String]) -> Result<Sealed, CatalogError> {
    let Shelf { fs, layout, .. } = shelf;
    let mut names: Vec<(BlockName, BlockPart)> =
        files.iter().filter_map(|file| BlockName::of_file(file)).collect();
    names.sort_unstable();
    let mut found = Sealed { seals: Vec::new(), lost: Vec::new() };
    for (name, _) in names.iter().filter(|(_, part)| *part == BlockPart::Seal) {
        let path = layout.block_file(name, BlockPart::Seal);
        match fs::read_whole(&**fs, &path)?.as_deref().map(Seal::decode) {
            Some(Ok(seal)) if seal.name == *name => found.seals.push(seal),
            Some(Err(source @ SealError::Version(version))) if version > seal::BLOCK_VERSION => {
                let file = path.display().to_string();
                return Err(CatalogError::Version { file, source: Box::new(source) });
            }
            _ => found.lost.push(*name),
        }
    }
    for name in names.iter().map(|(name, _)| name) {
        let sealed = found.seals.iter().any(|seal| seal.name == *name);
        if !sealed && !found.lost.contains(name) {
            found.lost.push(*name);
        }
    }
    Ok(found)
}

/// Whether a block without a whole seal is not needed: others have what it has, or the log.
fn is_spare(name: &BlockName, seals: &[Seal], log_from: u64) -> bool {
    let covered = seals.iter().any(|seal| seal.name.covers(name));
    let inside = seals.iter().any(|seal| name.covers(&seal.name));
    covered || inside || (log_from > 0 && name.first >= log_from)
}
