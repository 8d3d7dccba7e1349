//! A finished block: its files, and what is decoded of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::cache::{Cache, Held, TextColumn};
use super::error::BlockError;
use super::file::SummedFile;
use super::part::Part;
use super::schema::span;
use super::seal::Seal;
use crate::limits;
use crate::model::TraceId;
use crate::storage::fs::Fs;
use crate::storage::layout::{BlockPart, Layout};

/// What all blocks of a store share.
#[derive(Clone)]
pub(in crate::storage) struct Shelf {
    pub(in crate::storage) fs: Arc<dyn Fs>,
    pub(in crate::storage) layout: Layout,
    pub(in crate::storage) cache: Arc<Cache>,
}

impl Shelf {
    /// The blocks of this place, with a cache of their own.
    pub(in crate::storage) fn over(fs: Arc<dyn Fs>, layout: Layout) -> Self {
        Self { fs, layout, cache: Arc::new(Cache::new(limits::BLOCK_CACHE_BYTES)) }
    }
}

/// A block that can be read. Its files are removed when the last reader of a block that was
/// replaced or has expired lets it go.
pub(in crate::storage) struct Block {
    pub(in crate::storage) seal: Seal,
    shelf: Shelf,
    /// Whether its files are to be removed.
    doomed: AtomicBool,
    /// Whether damage of it was reported.
    reported: AtomicBool,
}

macro_rules! decoded {
    (
        $(#[$doc:meta])* $name:ident, $held:ident, $type:ty,
        |$part:ident, $group:ident, $leaf:ident| $read:expr
    ) => {
        $(#[$doc])*
        pub(in crate::storage) fn $name(
            &self,
            of: BlockPart,
            $group: usize,
            $leaf: usize,
        ) -> Result<Arc<$type>, BlockError> {
            let key = self.key(of, $group, $leaf);
            if let Some(Held::$held(held)) = self.shelf.cache.get(&key) {
                return Ok(held);
            }
            let $part = self.part(of)?;
            let read: Arc<$type> = Arc::new($read?);
            self.shelf.cache.put(key, Held::$held(Arc::clone(&read)));
            Ok(read)
        }
    };
}

impl Block {
    pub(in crate::storage) fn new(shelf: Shelf, seal: Seal) -> Self {
        Self { seal, shelf, doomed: AtomicBool::new(false), reported: AtomicBool::new(false) }
    }

    /// One of its files. The seal is read before a block is made of it.
    pub(super) fn part(&self, of: BlockPart) -> Result<Arc<Part>, BlockError> {
        let key = (self.seal.name, of, u32::MAX, u16::MAX);
        if let Some(Held::Part(part)) = self.shelf.cache.get(&key) {
            return Ok(part);
        }
        let part = Arc::new(Part::open(self.file(of)?)?);
        self.shelf.cache.put(key, Held::Part(Arc::clone(&part)));
        Ok(part)
    }

    /// One of its files, through its checksums.
    pub(super) fn file(&self, of: BlockPart) -> Result<SummedFile, BlockError> {
        let sums = self.seal.file(of).ok_or(BlockError::Inconsistent)?;
        let file = self.shelf.fs.open(&self.path(of))?;
        Ok(SummedFile::new(file, sums.clone()))
    }

    /// Whether it has this file.
    pub(super) fn has(&self, of: BlockPart) -> bool {
        self.seal.file(of).is_some()
    }

    fn path(&self, of: BlockPart) -> PathBuf {
        self.shelf.layout.block_file(&self.seal.name, of)
    }

    fn key(&self, of: BlockPart, group: usize, leaf: usize) -> super::cache::Key {
        let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
        (self.seal.name, of, number(group), u16::try_from(leaf).unwrap_or(u16::MAX))
    }

    decoded!(
        /// A column of texts that repeat.
        texts, Texts, TextColumn, |part, group, leaf| part.text_column(group, leaf, None)
    );
    decoded!(
        /// A column of numbers; `i64::MIN` where there is none.
        longs, Longs, Vec<i64>, |part, group, leaf| part.longs(group, leaf, None, i64::MIN)
    );
    decoded!(
        /// A column of doubles; NaN where there is none.
        doubles, Doubles, Vec<f64>, |part, group, leaf| part.doubles(group, leaf, None)
    );
    decoded!(
        /// A column of flags.
        flags, Flags, Vec<bool>, |part, group, leaf| part.flags(group, leaf, None)
    );
    decoded!(
        /// A column of trace ids; zeros where there is none.
        trace_ids, TraceIds, Vec<[u8; 16]>,
        |part, group, leaf| part.ids(group, leaf, None).map(fixed)
    );
    decoded!(
        /// A column of span ids; zeros where there is none.
        span_ids, SpanIds, Vec<[u8; 8]>,
        |part, group, leaf| part.ids(group, leaf, None).map(fixed)
    );
    decoded!(filter, Filter, Option<parquet::bloom_filter::Sbbf>, |part, group, leaf| {
        part.filter(group, leaf)
    });

    /// The row groups of a file that may hold records of a trace. `leaf` is the trace ids'.
    pub(in crate::storage) fn groups_of(
        &self,
        of: BlockPart,
        leaf: usize,
        id: &TraceId,
    ) -> Result<Vec<usize>, BlockError> {
        let count = match of {
            BlockPart::Spans => self.seal.spans.len(),
            _ => self.seal.logs.len(),
        };
        let mut groups = Vec::new();
        for group in 0..count {
            let filter = self.filter(of, group, leaf)?;
            let wanted = id.as_bytes().as_slice();
            if filter.as_ref().as_ref().is_none_or(|filter| filter.check(wanted)) {
                groups.push(group);
            }
        }
        Ok(groups)
    }

    /// The rows of a trace in a row group.
    pub(in crate::storage) fn rows_of(
        &self,
        of: BlockPart,
        group: usize,
        leaf: usize,
        id: &TraceId,
    ) -> Result<Vec<usize>, BlockError> {
        let ids = self.trace_ids(of, group, leaf)?;
        let rows = ids.iter().enumerate().filter(|(_, found)| *found == id.as_bytes());
        Ok(rows.map(|(row, _)| row).collect())
    }

    /// Whether it may hold spans of a trace.
    pub(in crate::storage) fn span_groups_of(
        &self,
        id: &TraceId,
    ) -> Result<Vec<usize>, BlockError> {
        self.groups_of(BlockPart::Spans, span::TRACE_ID, id)
    }

    /// Its files are to be removed once nobody reads it.
    pub(in crate::storage) fn doom(&self) {
        self.doomed.store(true, Ordering::Release);
    }

    /// Whether damage of it is to be reported: once.
    pub(in crate::storage) fn report_once(&self) -> bool {
        !self.reported.swap(true, Ordering::Relaxed)
    }

    /// Reads and verifies all bytes of its files.
    pub(in crate::storage) fn verify(&self) -> Result<(), BlockError> {
        for of in [BlockPart::Spans, BlockPart::Logs, BlockPart::Content] {
            if self.has(of) {
                self.file(of)?.verify()?;
                self.part(of)?;
            }
        }
        Ok(())
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.doomed.load(Ordering::Acquire) {
            self.shelf.cache.drop_block(&self.seal.name);
            // The seal goes first, so that no crash leaves one without its files. What is left
            // behind is removed at the next start.
            for of in BlockPart::ALL {
                let _ = self.shelf.fs.remove(&self.path(of));
            }
            let _ = self.shelf.fs.sync_dir(&self.shelf.layout.blocks());
        }
    }
}

pub(super) fn fixed<const N: usize>(ids: Vec<parquet::data_type::ByteArray>) -> Vec<[u8; N]> {
    ids.iter().map(|id| id.data().try_into().unwrap_or([0; N])).collect()
}
