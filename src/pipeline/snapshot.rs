//! The metrics of the log up to a position, so that a start need not measure all of it again.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::storage::Position;
use crate::storage::fs::{Fs, read_whole, replace};

const MAGIC: &[u8; 8] = b"PHAROSM2";
/// Of the form before, which held two unnamed parts: the length of the first and both.
const MAGIC_OF_TWO: &[u8; 8] = b"PHAROSM1";
/// The part with the durable metric families.
pub(super) const METRICS: &str = "metrics";
/// The part with the calls that may still be reported a second time.
pub(super) const CALLS: &str = "calls";
/// The part with the ids of log records that reported something.
pub(super) const REPORTS: &str = "reports";

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
    /// The states of the projections, by name.
    pub(super) parts: Vec<(String, Vec<u8>)>,
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
    /// The state of this projection.
    pub(super) fn part(&self, name: &str) -> Option<&[u8]> {
        self.parts.iter().find_map(|(known, bytes)| (known == name).then_some(&**bytes))
    }

    /// `magic, segment, offset`, of every part `length of name, name, length, bytes`, and
    /// `crc32`; numbers are little-endian and of 8 bytes.
    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let number = |bytes: &mut Vec<u8>, number: u64| bytes.extend(number.to_le_bytes());
        number(&mut bytes, self.at.segment);
        number(&mut bytes, self.at.offset);
        for (name, part) in &self.parts {
            for piece in [name.as_bytes(), part] {
                number(&mut bytes, piece.len() as u64);
                bytes.extend_from_slice(piece);
            }
        }
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, check) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(body) != u32::from_le_bytes(*check) {
            return None;
        }
        let (magic, mut rest) = body.split_first_chunk::<8>()?;
        let at = Position { segment: number(&mut rest)?, offset: number(&mut rest)? };
        let mut parts = Vec::new();
        if magic == MAGIC_OF_TWO {
            parts.push((METRICS.to_owned(), piece(&mut rest)?.to_vec()));
            parts.push((CALLS.to_owned(), rest.to_vec()));
            return Some(Self { at, parts });
        }
        if magic != MAGIC {
            return None;
        }
        while !rest.is_empty() {
            let name = String::from_utf8(piece(&mut rest)?.to_vec()).ok()?;
            parts.push((name, piece(&mut rest)?.to_vec()));
        }
        Some(Self { at, parts })
    }
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (number, behind) = rest.split_first_chunk::<8>()?;
    *rest = behind;
    Some(u64::from_le_bytes(*number))
}

fn piece<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (piece, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(piece)
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
        let part = |name: &str, bytes: &[u8]| (name.to_owned(), bytes.to_vec());
        let parts = vec![part(METRICS, b"families"), part(CALLS, b""), part("runs", b"open")];
        let snapshot = Snapshot { at, parts };
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

    #[test]
    fn the_form_before_is_read() {
        let mut bytes = b"PHAROSM1".to_vec();
        for number in [9_u64, 77, 8] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(b"familiescalls");
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        let snapshot = Snapshot::decode(&bytes).unwrap();
        assert_eq!((snapshot.at.segment, snapshot.at.offset), (9, 77));
        assert_eq!(snapshot.part(METRICS), Some(&b"families"[..]));
        assert_eq!(snapshot.part(CALLS), Some(&b"calls"[..]));
        assert_eq!(snapshot.part("runs"), None);
    }
}
