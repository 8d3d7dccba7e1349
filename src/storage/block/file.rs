//! Files of a block: written through a checksum of every stretch, and verified by it whenever
//! they are read. Parquet itself protects neither its footer nor its pages.

use std::io::{self, IoSlice, Read, Write};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::limits;
use crate::storage::fs::{File, Fs, read_full_at, write_all_at};

/// Bytes that one checksum stands for.
const STRETCH_BYTES: usize = limits::BLOCK_STRETCH_BYTES;

/// What is known of a finished file: enough to tell whether it is whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::storage) struct Sums {
    /// Length of the file in bytes.
    pub(in crate::storage) bytes: u64,
    /// CRC-32 of each stretch of [`limits::BLOCK_STRETCH_BYTES`]; the last one may be shorter.
    pub(in crate::storage) sums: Vec<u32>,
}

/// Writes a file and sums it up.
#[derive(Debug)]
pub(super) struct SummingFile {
    file: Arc<dyn File>,
    written: u64,
    pending: Vec<u8>,
    sums: Vec<u32>,
}

impl SummingFile {
    /// A new file; one that is left from an earlier try is replaced.
    pub(super) fn create(fs: &dyn Fs, path: &Path) -> io::Result<Self> {
        match fs.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let pending = Vec::with_capacity(WRITE_BYTES + STRETCH_BYTES);
        Ok(Self { file: fs.create(path)?, written: 0, pending, sums: Vec::new() })
    }

    /// Writes the rest and syncs the file; what is known of it then.
    pub(super) fn finish(mut self) -> io::Result<Sums> {
        self.write_out(self.pending.len())?;
        self.file.sync_data()?;
        Ok(Sums { bytes: self.written, sums: self.sums })
    }

    fn write_out(&mut self, bytes: usize) -> io::Result<()> {
        let ready = &self.pending[..bytes];
        self.sums.extend(ready.chunks(STRETCH_BYTES).map(crc32fast::hash));
        write_all_at(&*self.file, self.written, &mut [IoSlice::new(ready)])?;
        self.written += bytes as u64;
        self.pending.drain(..bytes);
        Ok(())
    }
}

/// Bytes gathered for one write; a multiple of a stretch.
const WRITE_BYTES: usize = 16 * STRETCH_BYTES;

impl Write for SummingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(WRITE_BYTES);
        self.pending.extend_from_slice(&bytes[..taken]);
        if self.pending.len() >= WRITE_BYTES {
            self.write_out(WRITE_BYTES)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A finished file, read through its checksums.
#[derive(Debug, Clone)]
pub(super) struct SummedFile {
    file: Arc<dyn File>,
    sums: Arc<Sums>,
}

/// A stretch is not what was written.
#[derive(Debug, thiserror::Error)]
#[error("bytes {from} to {until} are damaged")]
pub(super) struct DamagedStretch {
    from: u64,
    until: u64,
}

impl SummedFile {
    pub(super) fn new(file: Arc<dyn File>, sums: Sums) -> Self {
        Self { file, sums: Arc::new(sums) }
    }

    /// Reads and verifies the whole file.
    pub(super) fn verify(&self) -> io::Result<()> {
        let step = WRITE_BYTES as u64;
        for from in (0..self.sums.bytes).step_by(WRITE_BYTES) {
            let length = step.min(self.sums.bytes - from);
            self.read(from, usize::try_from(length).unwrap_or(WRITE_BYTES))?;
        }
        match self.file.len()? == self.sums.bytes {
            true => Ok(()),
            false => Err(damage(self.sums.bytes, self.sums.bytes)),
        }
    }

    /// These bytes of the file, verified.
    pub(super) fn read(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.sums.bytes);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let stretch = STRETCH_BYTES as u64;
        let first = start / stretch;
        let from = first * stretch;
        let until = end.next_multiple_of(stretch).min(self.sums.bytes);
        let wanted = usize::try_from(until - from).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut buffer = vec![0; wanted];
        if read_full_at(&*self.file, from, &mut buffer)? < wanted {
            return Err(damage(from, until));
        }
        let first = usize::try_from(first).map_err(|_| io::ErrorKind::FileTooLarge)?;
        for (number, bytes) in (first..).zip(buffer.chunks(STRETCH_BYTES)) {
            if self.sums.sums.get(number) != Some(&crc32fast::hash(bytes)) {
                let at = number as u64 * stretch;
                return Err(damage(at, at + bytes.len() as u64));
            }
        }
        let skipped = usize::try_from(start - from).map_err(|_| io::ErrorKind::FileTooLarge)?;
        Ok(Bytes::from(buffer).slice(skipped..skipped + length))
    }
}

fn damage(from: u64, until: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, DamagedStretch { from, until })
}

impl Length for SummedFile {
    fn len(&self) -> u64 {
        self.sums.bytes
    }
}

impl ChunkReader for SummedFile {
    type T = Sequential;

    fn get_read(&self, start: u64) -> Result<Sequential, ParquetError> {
        Ok(Sequential { file: self.clone(), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.read(start, length).map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// Reads on from a place.
pub(super) struct Sequential {
    file: SummedFile,
    at: u64,
}

impl Read for Sequential {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.file.sums.bytes.saturating_sub(self.at);
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let length = length.min(STRETCH_BYTES);
        let bytes = self.file.read(self.at, length)?;
        buffer[..length].copy_from_slice(&bytes);
        self.at += length as u64;
        Ok(length)
    }
}
