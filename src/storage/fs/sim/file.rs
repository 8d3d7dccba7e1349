//! Open files and locks of the disk in memory.

use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Change, Disk, put};
use crate::storage::fs::{File, Lock};

/// An open file.
#[derive(Debug)]
pub(super) struct SimFile {
    pub(super) disk: Arc<Mutex<Disk>>,
    pub(super) inode: usize,
    pub(super) life: u64,
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

/// A lock on a file.
#[derive(Debug)]
pub(super) struct SimLock {
    pub(super) disk: Arc<Mutex<Disk>>,
    pub(super) path: PathBuf,
    pub(super) life: u64,
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
