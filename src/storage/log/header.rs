//! The start of a segment: who it is, twice, so that one bad sector copy does not lose it.

use super::frame::{number32, number64};
use crate::storage::Position;
use crate::storage::layout::FORMAT_VERSION;

/// Bytes before the first frame: two equal copies of the header.
pub(super) const SEGMENT_HEADER_BYTES: u64 = 2 * COPY_BYTES as u64;

const COPY_BYTES: usize = 64;
const MAGIC: [u8; 8] = *b"PHAROS\xb6\n";

/// What the start of a segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// The segment's number, as in the file's name.
    pub(super) number: u64,
    /// When it was begun, in nanoseconds since the Unix epoch.
    pub(super) created_ns: u64,
    /// Goes into the checksum of every frame of the segment.
    pub(super) salt: u64,
    /// Where the committed frames of the segment before it end: what that file holds beyond was
    /// never acknowledged. `OLDEST` if there was none.
    pub(super) previous: Position,
}

/// Why there is no header to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// It was written by a later release, in a format of this version.
    Newer(u32),
    /// It is cut or damaged, in both copies.
    Damaged,
}

impl SegmentHeader {
    /// Both copies.
    pub(super) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES as usize] {
        let mut out = [0; SEGMENT_HEADER_BYTES as usize];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        // 12..16: flags, none yet.
        out[16..24].copy_from_slice(&self.number.to_le_bytes());
        out[24..32].copy_from_slice(&self.created_ns.to_le_bytes());
        out[32..40].copy_from_slice(&self.salt.to_le_bytes());
        out[40..48].copy_from_slice(&self.previous.segment.to_le_bytes());
        out[48..56].copy_from_slice(&self.previous.offset.to_le_bytes());
        // 56..60: zeros.
        let crc = crc32fast::hash(&out[..60]);
        out[60..64].copy_from_slice(&crc.to_le_bytes());
        out.copy_within(0..COPY_BYTES, COPY_BYTES);
        out
    }

    /// The header in the first bytes of a segment. Magic, version and checksum stand where they
    /// stand in every version, so that a later format is known for what it is.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let mut copies = bytes.chunks_exact(COPY_BYTES).take(2);
        let whole = |copy: &&[u8]| {
            copy[0..8] == MAGIC && number32(copy, 60) == crc32fast::hash(&copy[..60])
        };
        let copy = copies.find(whole).ok_or(HeaderFault::Damaged)?;
        let version = number32(copy, 8);
        if version > FORMAT_VERSION {
            return Err(HeaderFault::Newer(version));
        }
        Ok(Self {
            number: number64(copy, 16),
            created_ns: number64(copy, 24),
            salt: number64(copy, 32),
            previous: Position { segment: number64(copy, 40), offset: number64(copy, 48) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        let previous = Position { segment: 4, offset: 4096 };
        SegmentHeader { number: 5, created_ns: 17, salt: 99, previous }
    }

    #[test]
    fn one_damaged_copy_is_survived_and_two_are_noticed() {
        let whole = header().encode();
        assert_eq!(SegmentHeader::decode(&whole), Ok(header()));
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&damaged), Ok(header()), "bit {bit}");
            damaged[(bit / 8) ^ COPY_BYTES] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&damaged), Err(HeaderFault::Damaged), "bit {bit}");
        }
    }

    #[test]
    fn a_later_version_is_told_from_damage() {
        let mut later = header().encode();
        later[8] = 2;
        let crc = crc32fast::hash(&later[..60]).to_le_bytes();
        later[60..64].copy_from_slice(&crc);
        assert_eq!(SegmentHeader::decode(&later[..64]), Err(HeaderFault::Newer(2)));
    }
}
