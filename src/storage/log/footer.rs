//! The end of a sealed segment: where its frames end and what they hold, so that opening the
//! log need not read it whole.

use super::frame::{number32, number64};
use super::status::SegmentInfo;
use crate::storage::layout::FORMAT_VERSION;

/// Bytes of a footer, the last of a sealed segment's file.
pub(super) const FOOTER_BYTES: u64 = LENGTH as u64;

const LENGTH: usize = 80;
const MAGIC: [u8; 8] = *b"PHSEAL\xb6\n";

/// Whether bytes begin like a footer, whole or not.
pub(super) fn is_footer_like(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// What the end of a sealed segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Footer {
    /// As in the segment's header, in case that is damaged.
    pub(super) salt: u64,
    /// The segment's number.
    pub(super) number: u64,
    /// Where its frames end and this footer begins.
    pub(super) end: u64,
    /// Batches in it.
    pub(super) batches: u64,
    /// Items in it, by signal.
    pub(super) items: [u64; 3],
    /// When its newest batch arrived.
    pub(super) newest_ns: u64,
}

impl Footer {
    /// The footer of a segment.
    pub(super) fn of(info: &SegmentInfo, salt: u64) -> Self {
        let SegmentInfo { number, end, batches, items, newest_ns, .. } = *info;
        Self { salt, number, end, batches, items, newest_ns }
    }

    /// Its bytes.
    pub(super) fn encode(&self) -> [u8; LENGTH] {
        let mut out = [0; LENGTH];
        out[0..8].copy_from_slice(&MAGIC);
        let [traces, logs, metrics] = self.items;
        let numbers =
            [self.number, self.salt, self.end, self.batches, traces, logs, metrics, self.newest_ns];
        for (place, number) in out[8..72].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        out[72..76].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        let crc = crc32fast::hash(&out[..76]);
        out[76..80].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// The footer in the last bytes of the file of this segment, if it was sealed.
    pub(super) fn decode(bytes: &[u8], number: u64, file_bytes: u64) -> Option<Self> {
        let whole = bytes.len() == LENGTH
            && bytes[0..8] == MAGIC
            && number32(bytes, 76) == crc32fast::hash(&bytes[..76])
            && number32(bytes, 72) == FORMAT_VERSION;
        let footer = Self {
            number: number64(bytes, 8),
            salt: number64(bytes, 16),
            end: number64(bytes, 24),
            batches: number64(bytes, 32),
            items: [number64(bytes, 40), number64(bytes, 48), number64(bytes, 56)],
            newest_ns: number64(bytes, 64),
        };
        let fits = footer.number == number && footer.end.checked_add(FOOTER_BYTES)? == file_bytes;
        (whole && fits).then_some(footer)
    }

    /// What it says of the segment.
    pub(super) fn info(&self) -> SegmentInfo {
        SegmentInfo {
            number: self.number,
            end: self.end,
            bytes: self.end + FOOTER_BYTES,
            batches: self.batches,
            items: self.items,
            newest_ns: self.newest_ns,
            sealed: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_footer_is_read_back_and_every_flipped_bit_noticed() {
        let info = SegmentInfo {
            number: 3,
            end: 500,
            bytes: 580,
            batches: 2,
            items: [4, 5, 6],
            newest_ns: 7,
            sealed: true,
        };
        let bytes = Footer::of(&info, 11).encode();
        let footer = Footer::decode(&bytes, 3, 580);
        assert_eq!(footer.map(|footer| (footer.info(), footer.salt)), Some((info, 11)));
        assert_eq!(Footer::decode(&bytes, 3, 581), None, "the file has grown or was cut");
        assert_eq!(Footer::decode(&bytes, 4, 580), None, "another segment's");
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Footer::decode(&damaged, 3, 580), None, "bit {bit}");
        }
    }
}
