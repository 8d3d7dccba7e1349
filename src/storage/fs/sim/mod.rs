//! A disk in memory that behaves as badly as a real one may, and always the same for one seed.
//!
//! What was not synced may be lost, in part, out of order and torn within a write; names may be
//! forgotten until their folder is synced; a failed sync loses what it could not write and calls
//! it clean; the disk fills up, writes short, is interrupted, becomes read-only.

mod disk;
mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::disk::{Disk, Inode, NameChange};
use self::file::{SimFile, SimLock};
use super::{File, Fs, Lock};

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

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use super::*;
    use crate::storage::fs::write_all_at;

    const DIR: &str = "/d";
    const FILE: &str = "/d/file";

    fn written(disk: &SimFs, bytes: &[u8]) -> Arc<dyn File> {
        disk.create_dir_all(Path::new(DIR)).unwrap();
        let file = disk.create(Path::new(FILE)).unwrap();
        write_all_at(file.as_ref(), 0, &mut [IoSlice::new(bytes)]).unwrap();
        file
    }

    fn survivors(act: impl Fn(&SimFs)) -> BTreeSet<Option<Vec<u8>>> {
        let lives = (0..200).map(|seed| {
            let disk = SimFs::new(seed);
            act(&disk);
            disk.crash();
            disk.files().remove(Path::new(FILE))
        });
        lives.collect()
    }

    #[test]
    fn what_was_synced_survives_and_nothing_else_is_sure() {
        let bytes = [7; 1500];
        let whole = Some(bytes.to_vec());
        let synced = survivors(|disk| {
            written(disk, &bytes).sync_data().unwrap();
            disk.sync_dir(Path::new(DIR)).unwrap();
        });
        assert_eq!(synced, BTreeSet::from([whole.clone()]));
        let nameless = survivors(|disk| written(disk, &bytes).sync_data().unwrap());
        assert_eq!(nameless, BTreeSet::from([None, whole.clone()]), "the name may be forgotten");
        let torn = survivors(|disk| {
            written(disk, &bytes);
            disk.sync_dir(Path::new(DIR)).unwrap();
        });
        assert!(torn.contains(&whole) && torn.contains(&Some(Vec::new())));
        assert!(torn.len() > 4, "also in part and out of order: {}", torn.len());
    }

    #[test]
    fn a_failed_sync_loses_what_a_second_one_does_not_bring_back() {
        let bytes = [7; 1500];
        let lost = survivors(|disk| {
            let file = written(disk, &bytes);
            disk.sync_dir(Path::new(DIR)).unwrap();
            disk.set_faults(Faults { failed_syncs: 1000, ..Faults::default() });
            file.sync_data().unwrap_err();
            disk.set_faults(Faults::default());
            file.sync_data().unwrap();
            assert_eq!(disk.files()[Path::new(FILE)], bytes, "the process sees all of it");
        });
        assert!(lost.contains(&Some(Vec::new())));
    }
}
