//! All file access of the storage, behind one small trait.
//!
//! [`RealFs`] is the disk. [`sim`] is its test double, which keeps only what was synced; it is
//! compiled in so that tests outside of this crate can use it, and linked into no release.

mod real;
mod replace;
#[doc(hidden)]
pub mod sim;

use std::fmt;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

pub use real::RealFs;
pub use replace::{read_whole, replace};

/// A file system. Creating, renaming and removing files is durable only after
/// [`Fs::sync_dir`] of their folder, written bytes only after [`File::sync_data`].
pub trait Fs: Send + Sync + fmt::Debug {
    /// Makes a folder and its parents, durably. An existing one is fine.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// The names of the files in a folder, in no order. Names that are no UTF-8 are left out.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes a new file for reading and writing; `AlreadyExists` if there is one.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Opens an existing file for reading.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Opens an existing file for reading and writing.
    fn open_writable(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Renames a file, replacing the target.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder's entries durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Bytes that may still be written to the file system that holds `path`.
    fn free_space(&self, path: &Path) -> io::Result<u64>;
    /// Locks the file for this process, making it if needed; `None` if another one holds it.
    /// The lock ends with the returned value or the process.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>>;
}

/// An open file, read and written at explicit offsets.
pub trait File: Send + Sync + fmt::Debug {
    /// Writes the parts one after the other from `offset`. Like the system call it may write
    /// fewer bytes than asked, and says how many.
    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Reads up to `buffer.len()` bytes from `offset`; 0 at the end of the file.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// The length of the file in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Cuts the file, or extends it with zeros.
    fn set_len(&self, bytes: u64) -> io::Result<()>;
    /// Returns once everything written so far, and the length, would survive a power loss.
    fn sync_data(&self) -> io::Result<()>;

    /// Whether the file holds nothing.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// Holds a lock for as long as it lives.
pub trait Lock: Send + Sync + fmt::Debug {}

/// Writes all of the parts, going on after short and interrupted writes.
pub fn write_all_at(file: &dyn File, mut offset: u64, parts: &mut [IoSlice<'_>]) -> io::Result<()> {
    let mut parts = parts;
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        match file.write_at(offset, parts) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                offset += written as u64;
                IoSlice::advance_slices(&mut parts, written);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads from `offset` until the buffer is full or the file ends; says how much was read.
pub fn read_full_at(file: &dyn File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(offset + filled as u64, &mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
