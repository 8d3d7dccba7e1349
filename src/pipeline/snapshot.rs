//! The metrics of the log up to a position, so that a start need not measure all of it again.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::storage::Position;
use crate::storage::fs::{Fs, read_whole, replace};

const MAGIC: &[u8; 8] = b"PHAROSM1";

/// The file that holds the snapshot.
#[derive(Debug)]
pub(super) struct SnapshotFile {
    fs: Arc<dyn Fs>,
    path: PathBuf,
}

/// What was measured up to `at`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// The first batch that is not measured.
    pub(super) at: Position,
    /// The durable metric families.
    pub(super) metrics: Vec<u8>,
    /// The calls that may still be reported a second time.
    pub(super) calls: Vec<u8>,
}

impl SnapshotFile {
    pub(super) fn new(fs: Arc<dyn Fs>, path: PathBuf) -> Self {
        Self { fs, path }
    }

    /// The saved snapshot; `None` where there is none or it is damaged.
    pub(super) fn load(&self) -> io::Result<Option<Snapshot>> {
        Ok(read_whole(&*self.fs, &self.path)?.and_then(|bytes| Snapshot::decode(&bytes)))
    }

    /// Saves a snapshot; when this returns it would survive a power loss.
    pub(super) fn save(&self, snapshot: &Snapshot) -> io::Result<()> {
        replace(&*self.fs, &self.path, &snapshot.encode())
    }
}

impl Snapshot {
    /// `magic, segment, offset, metrics length, metrics, calls, crc32`, little-endian.
    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for number in [self.at.segment, self.at.offset, self.metrics.len() as u64] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.metrics);
        bytes.extend_from_slice(&self.calls);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, check) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(body) != u32::from_le_bytes(*check) {
            return None;
        }
        let rest = body.strip_prefix(MAGIC)?;
        let (segment, rest) = rest.split_first_chunk::<8>()?;
        let (offset, rest) = rest.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (metrics, calls) = rest.split_at_checked(length)?;
        let at =
            Position { segment: u64::from_le_bytes(*segment), offset: u64::from_le_bytes(*offset) };
        Some(Self { at, metrics: metrics.to_vec(), calls: calls.to_vec() })
    }
}

/// Whether the bytes of a snapshot's file are as they were written.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    Snapshot::decode(bytes).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_damage_is_noticed() {
        let at = Position { segment: 9, offset: 77 };
        let snapshot = Snapshot { at, metrics: b"families".to_vec(), calls: b"calls".to_vec() };
        let bytes = snapshot.encode();
        assert_eq!(Snapshot::decode(&bytes), Some(snapshot));
        for cut in 0..bytes.len() {
            assert_eq!(Snapshot::decode(&bytes[..cut]), None);
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert_eq!(Snapshot::decode(&damaged), None, "byte {at}");
        }
    }
}
