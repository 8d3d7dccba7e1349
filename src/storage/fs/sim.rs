//! A disk in memory that behaves as badly as a real one may, and always the same for one seed.
//!
//! What was not synced may be lost, in part, out of order and torn within a write; names may be
//! forgotten until their folder is synced; a failed sync loses what it could not write and calls
//! it clean; the disk fills up, writes short, is interrupted, becomes read-only.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{File, Fs, Lock};

/// The smallest piece of a write that survives a crash whole or not at all.
const SECTOR_BYTES: usize = 512;

/// What goes wrong, and how often. Chances are out of a thousand calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Writes that take only a part.
    pub short_writes: u32,
    /// Reads and writes that are interrupted before they did anything.
    pub interruptions: u32,
    /// Writes that fail.
    pub failed_writes: u32,
    /// Syncs of files that fail and lose what was not yet on the disk.
    pub failed_syncs: u32,
    /// Syncs of folders that fail.
    pub failed_dir_syncs: u32,
    /// Everything that changes the disk fails.
    pub read_only: bool,
    /// Bytes that all files together may hold.
    pub capacity: Option<u64>,
    /// After this many more calls that change the disk, the process is as good as dead: every
    /// call fails until [`SimFs::crash`] or [`SimFs::kill`].
    pub calls_until_death: Option<u64>,
}

/// A disk in memory. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimFs {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Debug)]
struct Disk {
    random: fastrand::Rng,
    faults: Faults,
    /// Grows with every crash; files opened before cannot be used any more.
    life: u64,
    dirs: BTreeSet<PathBuf>,
    inodes: Vec<Inode>,
    /// What the process sees.
    names: BTreeMap<PathBuf, usize>,
    /// What is on the disk for sure.
    durable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names that no folder sync has made durable.
    unsynced_names: Vec<NameChange>,
    locks: BTreeSet<PathBuf>,
}

#[derive(Debug, Default, Clone)]
struct Inode {
    /// What the process sees.
    seen: Vec<u8>,
    /// What is on the disk for sure.
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

#[derive(Debug, Clone)]
enum NameChange {
    Set(PathBuf, usize),
    Remove(PathBuf),
}

impl NameChange {
    fn path(&self) -> &Path {
        match self {
            Self::Set(path, _) | Self::Remove(path) => path,
        }
    }

    fn apply(self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set(path, inode) => names.insert(path, inode),
            Self::Remove(path) => names.remove(&path),
        };
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
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

fn put(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    let end = offset + written.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(written);
}

impl SimFs {
    /// An empty disk whose accidents follow from the seed.
    pub fn new(seed: u64) -> Self {
        let disk = Disk {
            random: fastrand::Rng::with_seed(seed),
            faults: Faults::default(),
            life: 0,
            dirs: BTreeSet::new(),
            inodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            locks: BTreeSet::new(),
        };
        Self { disk: Arc::new(Mutex::new(disk)) }
    }

    /// From here on this goes wrong.
    pub fn set_faults(&self, faults: Faults) {
        self.lock_disk().faults = faults;
    }

    /// The machine loses power: what was not synced survives in part or not at all.
    pub fn crash(&self) {
        let mut guard = self.lock_disk();
        let disk = &mut *guard;
        let random = &mut disk.random;
        let changes = std::mem::take(&mut disk.unsynced_names);
        let in_order = random.bool();
        let kept = random.usize(0..=changes.len());
        for (index, change) in changes.into_iter().enumerate() {
            let survives = if in_order { index < kept } else { random.bool() };
            if survives {
                change.apply(&mut disk.durable_names);
            }
        }
        for inode in &mut disk.inodes {
            inode.lose_unsynced(random);
            inode.seen.clone_from(&inode.durable);
        }
        disk.names = disk.durable_names.clone();
        disk.new_life();
    }

    /// The process is killed: what it wrote is there, only not yet safe.
    pub fn kill(&self) {
        self.lock_disk().new_life();
    }

    /// Whether a call has failed because of `calls_until_death`.
    pub fn is_dead(&self) -> bool {
        self.lock_disk().faults.calls_until_death == Some(0)
    }

    /// All files with what a process would read in them.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let disk = self.lock_disk();
        disk.names.iter().map(|(p, at)| (p.clone(), disk.inodes[*at].seen.clone())).collect()
    }

    /// Puts a file on the disk, durably, as if by hand.
    pub fn plant(&self, path: &Path, bytes: Vec<u8>) {
        let mut disk = self.lock_disk();
        let at = disk.inodes.len();
        disk.inodes.push(Inode { seen: bytes.clone(), durable: bytes, unsynced: Vec::new() });
        disk.names.insert(path.to_owned(), at);
        disk.durable_names.insert(path.to_owned(), at);
    }

    fn lock_disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, disk: &Disk, inode: usize) -> Arc<dyn File> {
        Arc::new(SimFile { disk: Arc::clone(&self.disk), inode, life: disk.life })
    }
}

impl Inode {
    fn lose_unsynced(&mut self, random: &mut fastrand::Rng) {
        for change in std::mem::take(&mut self.unsynced) {
            change.tear(random, &mut self.durable);
        }
    }
}

impl Disk {
    fn new_life(&mut self) {
        self.life += 1;
        self.locks.clear();
        self.faults = Faults::default();
    }

    fn happens(&mut self, chance: impl Fn(&Faults) -> u32) -> bool {
        let out_of_a_thousand = chance(&self.faults);
        out_of_a_thousand > 0 && self.random.u32(0..1000) < out_of_a_thousand
    }

    /// To be called by all that changes the disk.
    fn change(&mut self) -> io::Result<()> {
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

    fn interruption(&mut self) -> io::Result<()> {
        let interrupted = self.happens(|faults| faults.interruptions);
        if interrupted { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }

    fn inode(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn used(&self) -> u64 {
        self.names.values().map(|at| self.inodes[*at].seen.len() as u64).sum()
    }

    fn free(&self) -> u64 {
        self.faults.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used()))
    }

    fn rename_unsynced(&mut self, change: NameChange) {
        self.unsynced_names.push(change.clone());
        change.apply(&mut self.names);
    }
}

impl Fs for SimFs {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.lock_disk();
        if !disk.dirs.contains(dir) {
            disk.change()?;
            disk.dirs.insert(dir.to_owned());
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let disk = self.lock_disk();
        if !disk.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = disk.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut disk = self.lock_disk();
        disk.change()?;
        if disk.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if disk.free() == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let at = disk.inodes.len();
        disk.inodes.push(Inode::default());
        disk.rename_unsynced(NameChange::Set(path.to_owned(), at));
        Ok(self.handle(&disk, at))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let disk = self.lock_disk();
        let at = disk.inode(path)?;
        Ok(self.handle(&disk, at))
    }

    fn open_writable(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut disk = self.lock_disk();
        disk.change()?;
        let at = disk.inode(path)?;
        Ok(self.handle(&disk, at))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.lock_disk();
        disk.change()?;
        let at = disk.inode(from)?;
        disk.rename_unsynced(NameChange::Set(to.to_owned(), at));
        disk.rename_unsynced(NameChange::Remove(from.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.lock_disk();
        disk.change()?;
        disk.inode(path)?;
        disk.rename_unsynced(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.lock_disk();
        disk.change()?;
        if disk.happens(|faults| faults.failed_dir_syncs) {
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error()));
        }
        let changes = std::mem::take(&mut disk.unsynced_names);
        for change in changes {
            if change.path().parent() == Some(dir) {
                change.apply(&mut disk.durable_names);
            } else {
                disk.unsynced_names.push(change);
            }
        }
        Ok(())
    }

    fn free_space(&self, _path: &Path) -> io::Result<u64> {
        Ok(self.lock_disk().free())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        let mut disk = self.lock_disk();
        let (path, life) = (path.to_owned(), disk.life);
        let taken = disk.locks.insert(path.clone());
        let lock = SimLock { disk: Arc::clone(&self.disk), path, life };
        Ok(taken.then(|| Box::new(lock) as Box<dyn Lock>))
    }
}

#[derive(Debug)]
struct SimFile {
    disk: Arc<Mutex<Disk>>,
    inode: usize,
    life: u64,
}

impl SimFile {
    fn lock_disk(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        if disk.life == self.life {
            return Ok(disk);
        }
        Err(io::Error::other("the file was opened before the crash"))
    }
}

impl File for SimFile {
    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut disk = self.lock_disk()?;
        disk.change()?;
        disk.interruption()?;
        if disk.happens(|faults| faults.failed_writes) {
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error()));
        }
        let mut bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        if disk.happens(|faults| faults.short_writes) && bytes.len() > 1 {
            let kept = disk.random.usize(1..bytes.len());
            bytes.truncate(kept);
        }
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let length = disk.inodes[self.inode].seen.len();
        let room = usize::try_from(disk.free()).unwrap_or(usize::MAX);
        bytes.truncate(room.saturating_add(length).saturating_sub(offset));
        if bytes.is_empty() && parts.iter().any(|part| !part.is_empty()) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let written = bytes.len();
        let inode = &mut disk.inodes[self.inode];
        put(&mut inode.seen, offset, &bytes);
        inode.unsynced.push(Change::Write { offset, bytes });
        Ok(written)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut disk = self.lock_disk()?;
        disk.interruption()?;
        let seen = &disk.inodes[self.inode].seen;
        let rest = seen.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or(&[]);
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.lock_disk()?.inodes[self.inode].seen.len() as u64)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let mut disk = self.lock_disk()?;
        disk.change()?;
        let length = usize::try_from(bytes).unwrap_or(usize::MAX);
        let inode = &mut disk.inodes[self.inode];
        inode.seen.resize(length, 0);
        inode.unsynced.push(Change::Length(length));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut guard = self.lock_disk()?;
        guard.change()?;
        let failed = guard.happens(|faults| faults.failed_syncs);
        let disk = &mut *guard;
        let inode = &mut disk.inodes[self.inode];
        if failed {
            // The pages count as clean from here on, though the disk has only some of them.
            inode.lose_unsynced(&mut disk.random);
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error()));
        }
        for change in std::mem::take(&mut inode.unsynced) {
            change.apply(&mut inode.durable);
        }
        Ok(())
    }
}

#[derive(Debug)]
struct SimLock {
    disk: Arc<Mutex<Disk>>,
    path: PathBuf,
    life: u64,
}

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        if disk.life == self.life {
            disk.locks.remove(&self.path);
        }
    }
}
