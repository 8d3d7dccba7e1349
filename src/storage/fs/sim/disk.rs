//! What the disk in memory holds: bytes and names, as they are seen and as they are safe.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::Faults;

/// The smallest piece of a write that survives a crash whole or not at all.
const SECTOR_BYTES: usize = 512;

/// The disk.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) random: fastrand::Rng,
    pub(super) faults: Faults,
    /// Grows with every crash; files opened before cannot be used any more.
    pub(super) life: u64,
    pub(super) dirs: BTreeSet<PathBuf>,
    pub(super) inodes: Vec<Inode>,
    /// What the process sees.
    pub(super) names: BTreeMap<PathBuf, usize>,
    /// What is on the disk for sure.
    pub(super) durable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names that no folder sync has made durable.
    pub(super) unsynced_names: Vec<NameChange>,
    pub(super) locks: BTreeSet<PathBuf>,
}

/// The bytes of a file.
#[derive(Debug, Default, Clone)]
pub(super) struct Inode {
    /// What the process sees.
    pub(super) seen: Vec<u8>,
    /// What is on the disk for sure.
    pub(super) durable: Vec<u8>,
    pub(super) unsynced: Vec<Change>,
}

/// A change of a file's bytes.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

/// A change of a folder's names.
#[derive(Debug, Clone)]
pub(super) enum NameChange {
    Set(PathBuf, usize),
    Remove(PathBuf),
}

impl NameChange {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Set(path, _) | Self::Remove(path) => path,
        }
    }

    pub(super) fn apply(self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set(path, inode) => names.insert(path, inode),
            Self::Remove(path) => names.remove(&path),
        };
    }
}

impl Change {
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes: written } => put(bytes, *offset, written),
            Self::Length(length) => bytes.resize(*length, 0),
        }
    }

    /// Leaves a random part of the change on the disk, sector by sector.
    fn tear(&self, random: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
        let Self::Write { offset, bytes: written } = self else {
            if random.bool() {
                self.apply(bytes);
            }
            return;
        };
        let chance = random.u32(0..=4);
        let mut at = 0;
        while at < written.len() {
            // Sectors are those of the disk, not of the write.
            let until = (at + SECTOR_BYTES - (offset + at) % SECTOR_BYTES).min(written.len());
            if random.u32(0..4) < chance {
                put(bytes, offset + at, &written[at..until]);
            }
            at = until;
        }
        if random.u32(0..4) == 0 {
            // The new length may be there without the bytes.
            let length = random.usize(bytes.len()..=bytes.len().max(offset + written.len()));
            bytes.resize(length, 0);
        }
    }
}

pub(super) fn put(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    let end = offset + written.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(written);
}

impl Inode {
    /// Leaves a random part of what was not synced, for good.
    pub(super) fn lose_unsynced(&mut self, random: &mut fastrand::Rng) {
        for change in std::mem::take(&mut self.unsynced) {
            change.tear(random, &mut self.durable);
        }
    }
}

impl Disk {
    /// The process has ended.
    pub(super) fn new_life(&mut self) {
        self.life += 1;
        self.locks.clear();
        self.faults = Faults::default();
    }

    /// Whether a fault of this chance strikes.
    pub(super) fn happens(&mut self, chance: impl Fn(&Faults) -> u32) -> bool {
        let out_of_a_thousand = chance(&self.faults);
        out_of_a_thousand > 0 && self.random.u32(0..1000) < out_of_a_thousand
    }

    /// To be called by all that changes the disk.
    pub(super) fn change(&mut self) -> io::Result<()> {
        match &mut self.faults.calls_until_death {
            Some(0) => return Err(io::Error::other("the process is dead")),
            Some(left) => *left -= 1,
            None => {}
        }
        if self.faults.read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        Ok(())
    }

    /// Fails if the call is to be interrupted.
    pub(super) fn interruption(&mut self) -> io::Result<()> {
        let interrupted = self.happens(|faults| faults.interruptions);
        if interrupted { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }

    /// The file of this name.
    pub(super) fn inode(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn used(&self) -> u64 {
        self.names.values().map(|at| self.inodes[*at].seen.len() as u64).sum()
    }

    /// Bytes that may still be written.
    pub(super) fn free(&self) -> u64 {
        self.faults.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used()))
    }

    /// Changes a name; not durable yet.
    pub(super) fn rename_unsynced(&mut self, change: NameChange) {
        self.unsynced_names.push(change.clone());
        change.apply(&mut self.names);
    }
}
