//! The bytes around a batch: what a frame looks like and how it is checked.
//!
//! A frame's checksum covers a salt of its segment and its own offset, so that neither a stale
//! block of the disk nor a batch that carries the bytes of another frame is taken for one.

use bytes::Bytes;

use crate::model::Signal;
use crate::storage::Batch;

/// Bytes in front of every payload.
pub(super) const FRAME_HEADER_BYTES: usize = 36;
/// The first bytes of every frame.
pub(super) const FRAME_MAGIC: [u8; 4] = *b"\xf1PhF";

/// What a frame says of its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Bytes of payload after the header.
    pub(super) length: u32,
    /// Spans, records or points in the payload.
    pub(super) items: u32,
    /// Bytes from the start of the group this frame was committed with to the frame. All that
    /// lies before that start had been synced when this frame was written.
    pub(super) group_back: u32,
    /// When the batch arrived.
    pub(super) arrived_ns: u64,
    /// What the payload is.
    pub(super) signal: Signal,
    /// CRC-32 of the payload.
    pub(super) payload_crc: u32,
}

impl FrameHeader {
    /// The header of a batch that is written `group_back` bytes after its group's start.
    /// `length` and `items` fit because [`super::AppendError::TooLarge`] was checked before.
    pub(super) fn of(batch: &Batch, group_back: u64) -> Self {
        Self {
            length: u32::try_from(batch.body.len()).unwrap_or(u32::MAX),
            items: batch.items,
            group_back: u32::try_from(group_back).unwrap_or(u32::MAX),
            arrived_ns: batch.arrived_ns,
            signal: batch.signal,
            payload_crc: crc32fast::hash(&batch.body),
        }
    }

    /// The bytes of a header that is written at `offset` of the segment with this salt.
    pub(super) fn encode(&self, salt: u64, offset: u64) -> [u8; FRAME_HEADER_BYTES] {
        let mut out = [0; FRAME_HEADER_BYTES];
        out[0..4].copy_from_slice(&FRAME_MAGIC);
        out[4..8].copy_from_slice(&self.length.to_le_bytes());
        out[8..12].copy_from_slice(&self.items.to_le_bytes());
        out[12..16].copy_from_slice(&self.group_back.to_le_bytes());
        out[16..24].copy_from_slice(&self.arrived_ns.to_le_bytes());
        out[24] = self.signal as u8;
        // 25: flags, of which bit 0 is kept for a zstd payload; 26..28: zeros.
        out[28..32].copy_from_slice(&self.payload_crc.to_le_bytes());
        let crc = salted_crc(salt, offset, &out[..32]);
        out[32..36].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// The header in these bytes, if they are one that was written at `offset` of this segment.
    pub(super) fn decode(salt: u64, offset: u64, bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; FRAME_HEADER_BYTES] = bytes.get(..FRAME_HEADER_BYTES)?.try_into().ok()?;
        let known = bytes[0..4] == FRAME_MAGIC && bytes[25] == 0;
        if !known || number32(bytes, 32) != salted_crc(salt, offset, &bytes[..32]) {
            return None;
        }
        Some(Self {
            length: number32(bytes, 4),
            items: number32(bytes, 8),
            group_back: number32(bytes, 12),
            arrived_ns: number64(bytes, 16),
            signal: Signal::from_byte(bytes[24])?,
            payload_crc: number32(bytes, 28),
        })
    }

    /// The batch of a frame with this payload.
    pub(super) fn batch(&self, body: Bytes) -> Batch {
        let Self { signal, arrived_ns, items, .. } = *self;
        Batch { signal, arrived_ns, items, body }
    }

    /// Bytes of the whole frame.
    pub(super) fn frame_bytes(&self) -> u64 {
        FRAME_HEADER_BYTES as u64 + u64::from(self.length)
    }
}

/// CRC-32 of the salt, the offset and the bytes.
pub(super) fn salted_crc(salt: u64, offset: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// The little-endian number at `at`; 0 if the bytes end before it does.
pub(super) fn number32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// The little-endian number at `at`; 0 if the bytes end before it does.
pub(super) fn number64(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok()).map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> FrameHeader {
        let body = Bytes::from_static(b"payload");
        let batch = Batch { signal: Signal::Logs, arrived_ns: 9, items: 3, body };
        FrameHeader::of(&batch, 77)
    }

    #[test]
    fn a_header_is_read_back_only_where_it_was_written() {
        let bytes = header().encode(5, 1000);
        assert_eq!(FrameHeader::decode(5, 1000, &bytes), Some(header()));
        assert_eq!(FrameHeader::decode(6, 1000, &bytes), None, "another segment");
        assert_eq!(FrameHeader::decode(5, 1001, &bytes), None, "another offset");
        assert_eq!(FrameHeader::decode(5, 1000, &bytes[..35]), None, "cut");
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = header().encode(5, 1000);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FrameHeader::decode(5, 1000, &damaged), None, "bit {bit}");
        }
    }
}
